/* mock/main.c -- sluice-mock: a provider of both protocols that does as told.
 *
 *     sluice-mock --listen 127.0.0.1:8443 --plain 127.0.0.1:8444 --tls-dir DIR
 *
 * Prints `ready tls=PORT plain=PORT` once it listens (0: not asked for). The
 * model's name says how an answer behaves: words.h lists the words.
 */
#include "base/log.h"
#include "base/mem.h"
#include "mock/guest.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct options {
    const char *listen;
    const char *plain;
    const char *tls_dir;
    const char *names;
    const char *key;
    int days;
    int ready_fd;
    bool quiet;
};

static const char usage[] =
    "usage: sluice-mock [--listen HOST:PORT] [--plain HOST:PORT] [--tls-dir DIR]\n"
    "  --listen HOST:PORT  HTTPS (needs --tls-dir)\n"
    "  --plain HOST:PORT   HTTP\n"
    "  --tls-dir DIR       where ca.pem, cert.pem, key.pem are, or will be made\n"
    "  --names LIST        names in the certificate (default localhost,127.0.0.1,::1)\n"
    "  --days N            until the certificate ends; below 0: it has (default: years)\n"
    "  --key KEY           refuse other credentials (default: take any)\n"
    "  --ready-fd N        where to print the ready line (default 1)\n"
    "  --quiet             no line per request\n"
    "  --help              this\n";

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"listen", required_argument, NULL, 'l'},  {"plain", required_argument, NULL, 'p'},
        {"tls-dir", required_argument, NULL, 'd'}, {"names", required_argument, NULL, 'n'},
        {"key", required_argument, NULL, 'k'},     {"ready-fd", required_argument, NULL, 'r'},
        {"days", required_argument, NULL, 'D'},    {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    uint64_t fd = 1;
    int64_t days = 0;
    bool exact = false;

    *o = (struct options){.names = "localhost,127.0.0.1,::1", .ready_fd = 1};
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case 'l': o->listen = optarg; break;
        case 'p': o->plain = optarg; break;
        case 'd': o->tls_dir = optarg; break;
        case 'n': o->names = optarg; break;
        case 'k': o->key = optarg; break;
        case 'D':
            if (!sl_str_to_decimal(sl_str_of(optarg), 0, &days, &exact) || !exact ||
                days < -10000 || days > 10000)
                return false;
            o->days = (int)days;
            break;
        case 'r':
            if (!sl_str_to_u64(sl_str_of(optarg), &fd) || fd > 1023)
                return false;
            o->ready_fd = (int)fd;
            break;
        case 'q': o->quiet = true; break;
        case 'h': fputs(usage, stdout); exit(0);
        default: return false;
        }
    }
    return optind == argc && (o->listen != NULL || o->plain != NULL) &&
           (o->listen == NULL || o->tls_dir != NULL);
}

static void on_signal(void *ctx, int signum)
{
    (void)signum;
    sl_net_stop(ctx);
}

static enum sl_err make_profile(const struct options *o, struct sl_tls_profile **tls, char *why,
                                size_t cap)
{
    char cert[4096], key[4096];
    enum sl_err e = sl_tls_make_dev_certs(o->tls_dir, o->names, o->days, why, cap);

    if (e != SL_OK)
        return e;
    snprintf(cert, sizeof(cert), "%s/cert.pem", o->tls_dir);
    snprintf(key, sizeof(key), "%s/key.pem", o->tls_dir);
    return sl_tls_server_profile(cert, key, tls, why, cap);
}

static void say_ready(const struct options *o, uint16_t tls, uint16_t plain)
{
    char line[64];
    int n = snprintf(line, sizeof(line), "ready tls=%u plain=%u\n", tls, plain);

    if (write(o->ready_fd, line, (size_t)n) != n)
        sl_log(SL_LOG_WARN, "mock", (struct sl_str){"", 0}, "nobody reads the ready line");
}

/* What main holds while the loop runs. */
struct held {
    struct sl_net *net; /* owns */
    struct sl_mock mock;
    struct sl_tls_profile *profile; /* shared: with the listener */
    struct sl_listener *tls;        /* owns */
    struct sl_listener *plain;      /* owns */
};

static enum sl_err start(struct held *h, const struct options *o, char *why, size_t cap)
{
    enum sl_err e = SL_OK;

    if (o->listen != NULL)
        e = make_profile(o, &h->profile, why, cap);
    if (e == SL_OK && o->listen != NULL)
        e = sl_listen_start(h->net, sl_str_of(o->listen), h->profile, SL_MOCK_CONNECTIONS,
                            sl_guest_accept, &h->mock, &h->tls, why, cap);
    if (e == SL_OK && o->plain != NULL)
        e = sl_listen_start(h->net, sl_str_of(o->plain), NULL, SL_MOCK_CONNECTIONS, sl_guest_accept,
                            &h->mock, &h->plain, why, cap);
    if (e == SL_OK)
        e = sl_net_on_signal(h->net, SIGTERM, on_signal, h->net);
    if (e == SL_OK)
        e = sl_net_on_signal(h->net, SIGINT, on_signal, h->net);
    return e;
}

/* As many connections as the system lets us have: it is a benchmark's peer. */
static void raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    struct options o;
    struct held *h;
    char why[256] = "";

    if (!parse(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    raise_limits();
    sl_log_setup(o.quiet ? SL_LOG_WARN : SL_LOG_INFO, true, NULL, NULL);
    h = sl_mem_new(sizeof(*h));
    h->net = sl_net_new();
    sl_mock_init(&h->mock, h->net);
    h->mock.key = sl_str_of(o.key != NULL ? o.key : "");
    enum sl_err e = start(h, &o, why, sizeof(why));
    if (e == SL_OK) {
        say_ready(&o, h->tls != NULL ? sl_listen_port(h->tls) : 0,
                  h->plain != NULL ? sl_listen_port(h->plain) : 0);
        sl_net_run(h->net);
    } else {
        fprintf(stderr, "sluice-mock: %s (%s)\n", why, sl_err_text(e));
    }
    sl_mock_fini(&h->mock);
    if (h->tls != NULL)
        sl_listen_end(&h->tls);
    if (h->plain != NULL)
        sl_listen_end(&h->plain);
    if (h->profile != NULL)
        sl_tls_drop(&h->profile);
    sl_net_end(&h->net);
    sl_mem_free(h);
    return e == SL_OK ? 0 : 1;
}
