/* A real server on loopback with a small application, and raw clients in the
 * same loop: one thread, so that what a test sends is exactly what is read. */
#ifndef SL_TEST_NET_HTTP_H
#define SL_TEST_NET_HTTP_H

#include "base/mem.h"
#include "base/text.h"
#include "http/server.h"
#include "net/loop.h"
#include "net/timer.h"

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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define APP_BODY (1 << 20)

struct app {
    struct sl_net *net;
    struct sl_server *server;
    struct sl_server_conf conf;
    struct sl_list reqs;
    size_t ran;  /* bodies that came whole and well */
    size_t gone; /* and why the last one did */
    size_t faults;
    enum sl_err gone_why;
    char last_path[64];
    bool frail; /* allocations may fail */
    bool roomy; /* give the server a place for body bytes */
    size_t in_place;
};

struct app_req {
    struct app *app;
    struct sl_exch *x;
    struct sl_list node;
    struct sl_timer timer;
    char *body;
    size_t n;
    size_t flood; /* bytes of answer still to produce */
    bool over;
};

static inline void app_done(struct app_req *r)
{
    sl_exch_end(&r->x);
    sl_timer_stop(r->app->net, &r->timer);
    sl_list_unlink(&r->node);
    sl_mem_free(r->body);
    sl_mem_free(r);
}

static inline bool app_path(struct app_req *r, const char *path)
{
    return sl_str_eq(sl_exch_head(r->x)->path, sl_str_of(path));
}

static inline void app_body(void *holder, struct sl_str piece)
{
    struct app_req *r = holder;

    assert_true(r->n + piece.n <= APP_BODY);
    if (piece.p == r->body + r->n)
        r->app->in_place += piece.n;
    else
        memcpy(r->body + r->n, piece.p, piece.n);
    r->n += piece.n;
}

static inline struct sl_str app_room(void *holder)
{
    struct app_req *r = holder;

    if (!r->app->roomy)
        return (struct sl_str){NULL, 0};
    return (struct sl_str){r->body + r->n, APP_BODY - r->n};
}

static inline void app_flood(struct app_req *r)
{
    static const char block[4096] = {'x'};

    while (r->flood > 0) {
        size_t n = r->flood < sizeof(block) ? r->flood : sizeof(block);
        struct sl_str parts[2] = {{block, n / 2}, {block, n - n / 2}};

        r->flood -= n;
        if (!sl_exch_write(r->x, parts, 2))
            return;
    }
    sl_exch_finish(r->x);
    app_done(r);
}

static inline void app_drain(void *holder)
{
    struct app_req *r = holder;

    if (r->flood > 0)
        app_flood(r);
}

static inline void app_answer(struct app_req *r)
{
    struct sl_headers h = {.n = 0};
    struct sl_arena *a = sl_exch_arena(r->x);
    enum sl_err e = sl_exch_body_error(r->x);

    if (!sl_headers_add(&h, a, SL_STR("x-app"), SL_STR("yes")))
        assert_true(r->app->frail);
    if (e != SL_OK) {
        sl_exch_reply(r->x, sl_err_status(e), &h, sl_str_of(sl_err_name(e)));
        app_done(r);
    } else if (app_path(r, "/stream")) {
        struct sl_str parts[20];

        for (size_t i = 0; i < 20; i++)
            parts[i] = SL_STR("ab");
        assert_true(sl_exch_start(r->x, 200, &h, false, 0));
        (void)sl_exch_write(r->x, parts, 2);
        (void)sl_exch_write(r->x, parts, 0);
        (void)sl_exch_write(r->x, parts, 20);
        sl_exch_finish(r->x);
        app_done(r);
    } else if (app_path(r, "/counted")) {
        struct sl_str part = SL_STR("12345");

        assert_true(sl_exch_start(r->x, 200, &h, true, 10));
        (void)sl_exch_write(r->x, &part, 1);
        (void)sl_exch_write(r->x, &part, 1);
        sl_exch_finish(r->x);
        app_done(r);
    } else if (app_path(r, "/short") || app_path(r, "/cut")) {
        struct sl_str part = SL_STR("12345");

        assert_true(sl_exch_start(r->x, 200, &h, app_path(r, "/short"), 10));
        (void)sl_exch_write(r->x, &part, 1);
        if (app_path(r, "/short"))
            sl_exch_finish(r->x);
        else
            sl_exch_abort(r->x);
        app_done(r);
    } else if (app_path(r, "/flood")) {
        r->flood = 64u << 20;
        assert_true(sl_exch_start(r->x, 200, &h, false, 0));
        app_flood(r);
    } else if (app_path(r, "/big")) {
        static char big[3 << 20];

        memset(big, 'b', sizeof(big));
        sl_exch_reply(r->x, 200, &h, (struct sl_str){big, sizeof(big)});
        app_done(r);
    } else if (app_path(r, "/empty")) {
        sl_exch_reply(r->x, 204, &h, SL_STR("never sent"));
        app_done(r);
    } else {
        sl_exch_reply(r->x, 200, &h, (struct sl_str){r->body, r->n});
        app_done(r);
    }
}

static inline void app_timer(struct sl_timer *t)
{
    struct app_req *r = SL_CONTAINER(t, struct app_req, timer);

    if (app_path(r, "/lazy"))
        sl_exch_want_body(r->x, 65536);
    else
        app_answer(r);
}

static inline void app_whole(void *holder)
{
    struct app_req *r = holder;

    r->over = true;
    r->app->ran += sl_exch_body_error(r->x) == SL_OK;
    if (app_path(r, "/hold"))
        return;
    if (app_path(r, "/later"))
        sl_timer_start(r->app->net, &r->timer, 20);
    else
        app_answer(r);
}

static inline void app_gone(void *holder, enum sl_err why)
{
    struct app_req *r = holder;

    r->app->gone++;
    r->app->gone_why = why;
    /* calls after gone do nothing */
    if (sl_exch_has_started(r->x))
        sl_exch_finish(r->x);
    else
        sl_exch_reply(r->x, 500, NULL, SL_STR("x"));
    assert_int_equal(sl_exch_queued(r->x), 0);
    app_done(r);
}

static const struct sl_exch_ops app_ops = {
    .body = app_body, .whole = app_whole, .drain = app_drain, .gone = app_gone, .room = app_room};

static inline void app_request(void *ctx, struct sl_exch *x)
{
    struct app *app = ctx;
    struct app_req *r;
    struct sl_str path = sl_exch_head(x)->path;

    snprintf(app->last_path, sizeof(app->last_path), "%.*s", (int)(path.n < 63 ? path.n : 63),
             path.p);
    if (sl_str_eq(path, SL_STR("/leave")))
        return;
    r = sl_mem_new(sizeof(*r));
    r->app = app;
    r->x = x;
    r->body = sl_mem_new(APP_BODY);
    sl_timer_init(&r->timer, app_timer);
    sl_list_init(&r->node);
    sl_list_push_back(&app->reqs, &r->node);
    sl_exch_take(x, &app_ops, r);
    if (sl_str_eq(path, SL_STR("/early"))) {
        sl_exch_reply(x, 401, NULL, SL_STR("no"));
        app_done(r);
    } else if (sl_str_eq(path, SL_STR("/drop"))) {
        app_done(r);
    } else if (sl_str_eq(path, SL_STR("/lazy"))) {
        sl_timer_start(app->net, &r->timer, 20);
    } else {
        sl_exch_want_body(x, 65536);
    }
}

static inline struct sl_str app_fault(void *ctx, struct sl_arena *a, struct sl_str path,
                                      enum sl_err why)
{
    struct app *app = ctx;

    app->faults++;
    for (size_t i = 0; i < path.n; i++) /* every byte can be read */
        app->last_path[0] = path.p[i];
    return sl_arena_printf(a, "{\"error\":\"%s\"}", sl_err_name(why));
}

static inline void app_start(struct app *app)
{
    struct sl_server_hooks hooks = {app_request, app_fault, app};
    char why[256];

    signal(SIGPIPE, SIG_IGN);
    app->net = sl_net_new();
    sl_list_init(&app->reqs);
    if (app->conf.connections == 0)
        app->conf = (struct sl_server_conf){.connections = 1000,
                                            .client_idle_ms = 5000,
                                            .client_header_ms = 5000,
                                            .client_body_ms = 5000,
                                            .client_stall_ms = 5000,
                                            .window = 16384,
                                            .arena_ceiling = 262144};
    assert_int_equal(sl_server_start(app->net, SL_STR("127.0.0.1:0"), NULL, &app->conf, &hooks,
                                     &app->server, why, sizeof(why)),
                     SL_OK);
}

/* Nothing may be left alive. */
static inline void app_stop(struct app *app)
{
    struct sl_net_counts n;

    sl_server_end(&app->server);
    assert_true(sl_list_is_empty(&app->reqs));
    for (int i = 0; i < 400; i++) {
        sl_net_turn(app->net, 10);
        n = sl_net_count(app->net);
        if (n.streams + n.ops + n.timers + n.listeners + n.graves == 0)
            break;
    }
    n = sl_net_count(app->net);
    assert_int_equal(n.streams, 0);
    assert_int_equal(n.ops, 0);
    assert_int_equal(n.timers, 0);
    assert_int_equal(n.listeners, 0);
    assert_int_equal(n.graves, 0);
    sl_net_end(&app->net);
}

/* ---- raw clients ---- */

struct raw {
    int fd;
    char *in;
    size_t n;
    size_t cap;
    bool ended; /* FIN or reset has come */
    bool reset;
};

static inline struct raw raw_open(struct app *app)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(sl_server_port(app->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct raw r = {.cap = 4u << 20};
    int one = 1;

    r.in = malloc(r.cap);
    r.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(r.fd, (struct sockaddr *)&at, sizeof(at)), 0);
    setsockopt(r.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(r.fd, F_SETFL, O_NONBLOCK);
    return r;
}

static inline void raw_close(struct raw *r)
{
    if (r->fd >= 0)
        close(r->fd);
    free(r->in);
    *r = (struct raw){.fd = -1};
}

static inline void raw_reset(struct raw *r)
{
    struct linger l = {1, 0};

    setsockopt(r->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    raw_close(r);
}

static inline void raw_read(struct raw *r)
{
    ssize_t n;

    while (!r->ended && r->n < r->cap) {
        n = recv(r->fd, r->in + r->n, r->cap - r->n, 0);
        if (n > 0) {
            r->n += (size_t)n;
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            r->reset = n < 0;
            r->ended = true;
        } else {
            return;
        }
    }
}

/* One turn of the loop, then what has come. */
static inline void raw_turn(struct app *app, struct raw *r)
{
    sl_net_turn(app->net, 1);
    if (r != NULL)
        raw_read(r);
}

static inline void raw_send(struct app *app, struct raw *r, struct sl_str s)
{
    for (int i = 0; s.n > 0 && i < 4000; i++) {
        ssize_t n = send(r->fd, s.p, s.n, MSG_NOSIGNAL);

        if (n > 0)
            s = sl_str_from(s, (size_t)n);
        else if (errno != EAGAIN)
            return; /* the server has had enough */
        else
            raw_turn(app, r);
    }
}

static inline struct sl_str raw_str(const struct raw *r)
{
    return (struct sl_str){r->in, r->n};
}

static inline size_t raw_count(const struct raw *r, const char *needle)
{
    struct sl_str s = raw_str(r);
    ptrdiff_t at;
    size_t n = 0;

    while ((at = sl_str_find(s, sl_str_of(needle))) >= 0) {
        n++;
        s = sl_str_from(s, (size_t)at + 1);
    }
    return n;
}

static inline uint64_t raw_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Until `needle` has come n times (NULL: until the end), or ms are over. */
static inline bool raw_until(struct app *app, struct raw *r, const char *needle, size_t n,
                             uint64_t ms)
{
    uint64_t end = raw_now() + ms;

    while (raw_now() < end) {
        raw_turn(app, r);
        if (needle != NULL ? raw_count(r, needle) >= n : r->ended)
            return true;
        if (r->ended)
            return false;
    }
    return false;
}

static inline int raw_status(struct sl_str s)
{
    if (s.n < 13 || !sl_str_starts(s, SL_STR("HTTP/1.1 ")))
        return 0;
    return (s.p[9] - '0') * 100 + (s.p[10] - '0') * 10 + (s.p[11] - '0');
}

/* The good request on a fresh connection: answered 200 with its own text. */
static inline void raw_good(struct app *app)
{
    struct raw r = raw_open(app);

    raw_send(app, &r, SL_STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\ngood"));
    assert_true(raw_until(app, &r, "\r\n\r\ngood", 1, 2000));
    assert_int_equal(raw_status(raw_str(&r)), 200);
    raw_close(&r);
}

#endif
