/* Preloaded into a gateway by t_names.py: names below silent.test are asked of the port of loopback
 * that SILENT_NAMES says, by one datagram each, and for an answer a minute is waited; names below
 * loud.test are this machine. All others go the ordinary way. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 60000

typedef int look_up_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static bool is_below(const char *name, const char *zone)
{
    size_t n = strlen(name), m = strlen(zone);

    return n > m && strcmp(name + n - m, zone) == 0;
}

static int ask_who_is_silent(const char *name)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *port = getenv("SILENT_NAMES");
    struct pollfd p = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), .events = POLLIN};

    to.sin_port = htons((uint16_t)strtoul(port != NULL ? port : "0", NULL, 10));
    if (p.fd < 0 || sendto(p.fd, name, strlen(name), 0, (struct sockaddr *)&to, sizeof to) < 0)
        abort(); /* the test would prove nothing */
    (void)poll(&p, 1, PATIENCE_MS);
    close(p.fd);
    return EAI_AGAIN;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    look_up_fn *ask = (look_up_fn *)dlsym(RTLD_NEXT, "getaddrinfo");

    if (name != NULL && is_below(name, ".silent.test"))
        return ask_who_is_silent(name);
    return ask(name != NULL && is_below(name, ".loud.test") ? "127.0.0.1" : name, service, hints,
               out);
}
