/* cli/client.c -- connect, send, read to the end, take the status. */
#include "cli/client.h"

#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define HOST_BYTES 256
#define WHY_BYTES 1024

static int fail(struct sl_client_answer *out, const char *where, const char *what)
{
    out->status = 0;
    sl_mem_free(out->text);
    out->text = sl_mem_new(WHY_BYTES);
    snprintf(out->text, WHY_BYTES, "%s: %s", where, what);
    out->body = sl_str_of(out->text);
    return -1;
}

static void set_limits(int fd, unsigned seconds)
{
    const struct timeval limit = {.tv_sec = seconds > 0 ? seconds : SL_CLIENT_SECONDS};

    /* a socket that refuses them still works, only without our patience */
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* What to do about it, where that is known. */
static const char *unreached(int e)
{
    return e == ECONNREFUSED || e == ENOENT
               ? "no gateway listens there; start one, or name its admin listener with -a"
               : strerror(e);
}

static int connect_unix(const char *path, unsigned seconds, struct sl_client_answer *out)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(to.sun_path))
        return fail(out, path, "the path is too long");
    memcpy(to.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(out, path, strerror(errno));
    set_limits(fd, seconds);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    fail(out, path, unreached(errno));
    close(fd);
    return -1;
}

/* "host:port" or "[v6]:port" into two texts. */
static bool split_address(struct sl_str s, char host[HOST_BYTES], char port[8])
{
    size_t colon = s.n;

    while (colon > 0 && s.p[colon - 1] != ':')
        colon--;
    if (colon < 2 || s.n - colon == 0 || s.n - colon > 5 || colon > HOST_BYTES)
        return false;
    memcpy(port, s.p + colon, s.n - colon);
    port[s.n - colon] = '\0';
    s.n = colon - 1;
    if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = (struct sl_str){s.p + 1, s.n - 2};
    memcpy(host, s.p, s.n);
    host[s.n] = '\0';
    return true;
}

/* http:// and the slashes of a URL are left out. */
static struct sl_str bare(const char *where)
{
    struct sl_str s = sl_str_of(where);

    if (sl_str_starts(s, SL_STR("http://")))
        s = sl_str_from(s, 7);
    while (s.n > 0 && s.p[s.n - 1] == '/')
        s.n--;
    return s;
}

bool sl_client_is_address(const char *where)
{
    char host[HOST_BYTES], port[8];

    if (sl_str_starts(sl_str_of(where), SL_STR("unix:")))
        return where[5] != '\0';
    return !sl_str_starts(sl_str_of(where), SL_STR("https://")) &&
           split_address(bare(where), host, port);
}

static int connect_tcp(const char *where, unsigned seconds, struct sl_client_answer *out)
{
    struct addrinfo wish = {.ai_socktype = SOCK_STREAM}, *all = NULL;
    char host[HOST_BYTES], port[8];
    int got, fd = -1;

    if (sl_str_starts(sl_str_of(where), SL_STR("https://")))
        return fail(out, where, "the admin listener speaks plain http");
    if (!split_address(bare(where), host, port))
        return fail(out, where, "must be host:port, http://host:port or unix:/path");
    got = getaddrinfo(host, port, &wish, &all);
    if (got != 0)
        return fail(out, where, gai_strerror(got));
    for (const struct addrinfo *a = all; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0)
            continue;
        set_limits(fd, seconds);
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
            break;
        close(fd);
        fd = -1;
    }
    if (fd < 0)
        fail(out, where, unreached(errno));
    freeaddrinfo(all);
    return fd;
}

static bool send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* All there is, into memory that grows; false: too much, or an error. */
static bool read_all(int fd, struct sl_client_answer *out, size_t *n)
{
    size_t cap = 0;

    for (*n = 0;;) {
        ssize_t got;

        if (*n == cap) {
            char *more = cap < SL_CLIENT_ANSWER ? sl_mem_grow(out->text, 2 * cap + 16384) : NULL;

            if (more == NULL) {
                errno = EMSGSIZE;
                return false;
            }
            out->text = more;
            cap = 2 * cap + 16384;
        }
        got = recv(fd, out->text + *n, cap - *n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        *n += (size_t)got;
    }
}

/* "HTTP/1.1 200 OK" ... empty line, body. */
static void take_answer(struct sl_client_answer *out, size_t n, const char *where)
{
    struct sl_str all = {out->text, n};
    ptrdiff_t gap = sl_str_find(all, SL_STR("\r\n\r\n"));
    uint64_t status;

    if (gap < 0 || !sl_str_starts(all, SL_STR("HTTP/1.")) || n < 12 ||
        !sl_str_to_u64((struct sl_str){out->text + 9, 3}, &status)) {
        fail(out, where, n == 0 ? "no answer came" : "what answered is not a gateway");
        return;
    }
    out->status = (int)status;
    out->body = sl_str_from(all, (size_t)gap + 4);
}

void sl_client_ask(const struct sl_client_ask *ask, struct sl_client_answer *out)
{
    bool local = sl_str_starts(sl_str_of(ask->where), SL_STR("unix:"));
    bool has_key = ask->key != NULL && ask->key[0] != '\0';
    char head[8192];
    size_t got;
    int fd, n;

    *out = (struct sl_client_answer){0};
    n = snprintf(head, sizeof(head),
                 "%s %s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
                 "content-type: application/json\r\ncontent-length: %zu\r\n%s%s%s\r\n",
                 ask->method, ask->path, ask->body.n, has_key ? "authorization: Bearer " : "",
                 has_key ? ask->key : "", has_key ? "\r\n" : "");
    if (n < 0 || (size_t)n >= sizeof(head)) {
        fail(out, ask->where, "key, path or query are too long");
        return;
    }
    fd = local ? connect_unix(ask->where + 5, ask->seconds, out)
               : connect_tcp(ask->where, ask->seconds, out);
    if (fd >= 0) {
        if (!send_all(fd, head, (size_t)n) || !send_all(fd, ask->body.p, ask->body.n) ||
            !read_all(fd, out, &got))
            fail(out, ask->where,
                 errno == EAGAIN ? "no whole answer came in time" : strerror(errno));
        else
            take_answer(out, got, ask->where);
        close(fd);
    }
    sl_mem_wipe(head, sizeof(head));
}

void sl_client_fini(struct sl_client_answer *a)
{
    sl_mem_free(a->text);
    *a = (struct sl_client_answer){0};
}

struct sl_str sl_client_message(struct sl_str body, char *out, size_t cap)
{
    struct sl_str inner = sl_json_get(sl_json_get(body, SL_STR("error")), SL_STR("message"));
    size_t n = 0;

    if (inner.p == NULL || !sl_json_unescape(inner, out, cap, &n))
        return body;
    return (struct sl_str){out, n};
}
