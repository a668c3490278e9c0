/* A loop, holders that note what happens to them, and plain sockets beside
 * them: what the tests of the room share. Every case has a time limit, and at
 * its end nothing may be alive. */
#ifndef SL_TEST_NET_NET_H
#define SL_TEST_NET_NET_H

#include "base/buf.h"
#include "base/mem.h"
#include "net/dial.h"
#include "net/listen.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/timer.h"
#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 5000 /* for anything that should happen */
#define NET_KEEP (8u << 20)

/* A holder of one stream. */
struct peer {
    struct sl_net *net;
    struct sl_stream *s;
    size_t opens, ends, drains, datas;
    size_t got; /* bytes */
    uint64_t sum;
    enum sl_err why;
    char reason[256];
    struct sl_buf kept;
    bool keep; /* the bytes, not only their sum */
    bool echo; /* write back what comes */
    bool close_in_data, want_off_in_data;
    struct peer *hushes, *ends_it; /* up: another one, in `data` */
    bool other_has_news;           /* whom it hushes had, then */
    struct peer *ahead;            /* up: whose bytes come before our end */
    size_t ahead_got;              /* how many had, then */
    size_t flood;                  /* bytes still to be written, as room allows */
    bool inside;                   /* within a call of ours: no event may come */
};

static inline uint64_t sum_of(uint64_t sum, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum = sum * 31 + (unsigned char)p[i];
    return sum;
}

static inline char pattern_at(size_t i)
{
    return (char)('a' + (i * 7 + i / 251) % 26);
}

/* Writes of changing size, so that every path of the queue is taken. */
static inline void peer_flood(struct peer *p, size_t total)
{
    static char block[200000];
    static const size_t sizes[] = {1, 700, 16384, 40000, 65536, 65537, 200000, 3};
    bool room = true;

    while (room && p->flood > 0) {
        size_t at = total - p->flood, n = sizes[p->flood % 8];
        struct sl_str parts[3];

        n = n < p->flood ? n : p->flood;
        for (size_t i = 0; i < n; i++)
            block[i] = pattern_at(at + i);
        parts[0] = (struct sl_str){block, n / 3};
        parts[1] = (struct sl_str){block + n / 3, 0};
        parts[2] = (struct sl_str){block + n / 3, n - n / 3};
        p->flood -= n;
        p->inside = true;
        room = sl_stream_write(p->s, parts, 3);
        p->inside = false;
    }
}

static inline void on_open(void *holder)
{
    struct peer *p = holder;

    assert_false(p->inside);
    p->opens++;
}

static inline void on_data(void *holder, struct sl_str bytes)
{
    struct peer *p = holder;

    assert_false(p->inside);
    assert_int_equal(p->ends, 0);
    assert_true(bytes.n > 0);
    p->datas++;
    p->got += bytes.n;
    p->sum = sum_of(p->sum, bytes.p, bytes.n);
    if (p->keep)
        assert_true(sl_buf_append(&p->kept, bytes));
    p->inside = true;
    if (p->echo && !sl_stream_write(p->s, &bytes, 1))
        sl_stream_want(p->s, false);
    if (p->want_off_in_data)
        sl_stream_want(p->s, false);
    if (p->hushes != NULL) {
        p->other_has_news = sl_stream_has_news(p->hushes->s);
        sl_stream_want(p->hushes->s, false);
    }
    if (p->ends_it != NULL)
        sl_stream_close(&p->ends_it->s);
    if (p->close_in_data)
        sl_stream_close(&p->s);
    p->inside = false;
}

static inline void on_drain(void *holder)
{
    struct peer *p = holder;

    assert_false(p->inside);
    assert_int_equal(p->ends, 0);
    p->drains++;
    if (p->echo)
        sl_stream_want(p->s, true);
}

static inline void on_end(void *holder, enum sl_err why)
{
    struct peer *p = holder;
    struct sl_str reason = sl_stream_reason(p->s);

    assert_false(p->inside);
    assert_int_equal(p->ends, 0);
    p->ends++;
    p->ahead_got = p->ahead != NULL ? p->ahead->got : 0;
    p->why = why;
    reason = sl_str_first(reason, sizeof p->reason - 1);
    memcpy(p->reason, reason.p, reason.n);
    p->reason[reason.n] = 0;
}

static const struct sl_stream_ops peer_ops = {
    .open = on_open, .data = on_data, .drain = on_drain, .end = on_end};

static inline void peer_init(struct peer *p, struct sl_net *net)
{
    memset(p, 0, sizeof *p);
    p->net = net;
    sl_buf_init(&p->kept, NET_KEEP);
}

static inline void peer_fini(struct peer *p)
{
    sl_stream_close(&p->s);
    sl_buf_fini(&p->kept);
}

/* What was kept, in one piece; the caller frees it. */
static inline char *peer_text(struct peer *p)
{
    char *text = sl_mem_new(p->kept.len + 1), *at = text;
    struct sl_str part;

    while (sl_buf_peek(&p->kept, &part, 1) == 1) {
        memcpy(at, part.p, part.n);
        at += part.n;
        sl_buf_consume(&p->kept, part.n);
    }
    return text;
}

/* Accepts into the next of `peers`. */
struct house {
    struct sl_net *net;
    struct sl_listener *listener;
    struct peer peers[64];
    size_t n;
    bool want; /* at once */
};

static inline void on_accept(void *ctx, struct sl_stream *s)
{
    struct house *h = ctx;
    struct peer *p;

    assert_true(h->n < 64);
    p = &h->peers[h->n++];
    p->s = s;
    sl_stream_adopt(s, &peer_ops, p);
    if (h->want)
        sl_stream_want(s, true);
}

static inline void house_open(struct house *h, const char *addr, struct sl_tls_profile *tls,
                              size_t max)
{
    char why[256] = "";

    memset(h, 0, sizeof *h);
    h->net = sl_net_new();
    h->want = true;
    for (size_t i = 0; i < 64; i++)
        peer_init(&h->peers[i], h->net);
    if (addr != NULL && sl_listen_start(h->net, sl_str_of(addr), tls, max, on_accept, h,
                                        &h->listener, why, sizeof why) != SL_OK)
        fail_msg("%s", why);
}

/* Everything is let go; whatever was made must be gone within the time. */
static inline void house_close(struct house *h)
{
    struct sl_net_counts c;
    int turns = 0;

    for (size_t i = 0; i < 64; i++)
        peer_fini(&h->peers[i]);
    sl_listen_end(&h->listener);
    do {
        sl_net_turn(h->net, 10);
        c = sl_net_count(h->net);
    } while ((c.streams > 0 || c.ops > 0 || c.graves > 0 || c.listeners > 0) && turns++ < 500);
    assert_int_equal(c.streams, 0);
    assert_int_equal(c.ops, 0);
    assert_int_equal(c.timers, 0);
    assert_int_equal(c.listeners, 0);
    assert_int_equal(c.graves, 0);
    sl_net_end(&h->net);
}

static inline uint64_t clock_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Turns until the condition holds; fails after WAIT_MS. */
#define UNTIL(net, cond)                                                                           \
    do {                                                                                           \
        uint64_t until_ = clock_ms() + WAIT_MS;                                                    \
        while (!(cond)) {                                                                          \
            sl_net_turn((net), 5);                                                                 \
            if (clock_ms() > until_)                                                               \
                fail_msg("not in time: %s", #cond);                                                \
        }                                                                                          \
    } while (0)

#define TURNS(net, n)                                                                              \
    do {                                                                                           \
        for (int i_ = 0; i_ < (n); i_++)                                                           \
            sl_net_turn((net), 2);                                                                 \
    } while (0)

static inline void dial(struct peer *p, const char *host, uint16_t port, struct sl_tls_profile *tls,
                        uint64_t connect_ms)
{
    struct sl_dial_to to = {.host = sl_str_of(host),
                            .port = port,
                            .tls = tls,
                            .connect_ms = connect_ms,
                            .dns_ttl_ms = 60000};

    p->inside = true;
    p->s = sl_stream_dial(p->net, &to, &peer_ops, p);
    p->inside = false;
}

static inline void say(struct peer *p, const char *text)
{
    struct sl_str s = sl_str_of(text);

    p->inside = true;
    assert_true(sl_stream_write(p->s, &s, 1));
    p->inside = false;
}

/* A raw client or server beside the loop, non-blocking. */
static inline int raw_connect(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static inline int raw_listen(uint16_t *port, int backlog)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static inline void raw_reset(int fd)
{
    struct linger l = {1, 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    close(fd);
}

static inline size_t open_fds(void)
{
    size_t n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) != -1;
    return n;
}

#endif
