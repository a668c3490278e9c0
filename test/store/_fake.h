/* A Redis that does what a test says, in the same loop as the link under test,
 * with a parser of its own; and waiters that note what they are told. */
#ifndef SL_TEST_STORE_FAKE_H
#define SL_TEST_STORE_FAKE_H

#include "base/log.h"
#include "base/mem.h"
#include "net/listen.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tls.h"
#include "store/redis/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 8000 /* for anything that should happen */
#define FAKE_CONNS 64
#define FAKE_IN (4u << 20)

struct fake;

struct fake_conn {
    struct fake *f;
    struct sl_stream *s;
    char *in;
    size_t n;
    char log[8192]; /* commands, each ended by a bar */
    size_t commands, reads;
    bool gone;
    uint64_t at_ms;
};

struct fake_command {
    struct sl_str args[SL_LINK_ARGS];
    size_t n;
};

struct fake {
    struct sl_net *net;
    struct sl_listener *listener;
    struct fake_conn conns[FAKE_CONNS];
    size_t n;
    /* answers to the greeting; NULL: the good one, "": none */
    const char *auth, *select, *name, *role, *ping;
    /* to anything else; NULL: the last argument as a bulk */
    void (*answer)(struct fake_conn *c, const struct fake_command *m);
};

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

#define FOR_MS(net, ms)                                                                            \
    do {                                                                                           \
        uint64_t until_ = clock_ms() + (ms);                                                       \
        while (clock_ms() < until_)                                                                \
            sl_net_turn((net), 5);                                                                 \
    } while (0)

static inline void fake_say_n(struct fake_conn *c, const char *p, size_t n)
{
    struct sl_str s = {p, n};

    if (c->s != NULL)
        (void)!sl_stream_write(c->s, &s, 1);
}

static inline void fake_say(struct fake_conn *c, const char *text)
{
    fake_say_n(c, text, strlen(text));
}

static inline void fake_bulk(struct fake_conn *c, struct sl_str s)
{
    char head[32];

    fake_say_n(c, head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", s.n));
    fake_say_n(c, s.p, s.n);
    fake_say(c, "\r\n");
}

/* One command off the front; 0: not whole yet. */
static inline size_t fake_parse(const char *p, size_t n, struct fake_command *m)
{
    const char *at = p, *end = p + n, *line;
    unsigned long count;

    line = n > 0 ? memchr(p, '\n', n) : NULL;
    if (line == NULL)
        return 0;
    assert_int_equal(*p, '*');
    count = strtoul(p + 1, NULL, 10);
    assert_true(count > 0 && count <= SL_LINK_ARGS);
    at = line + 1;
    for (m->n = 0; m->n < count; m->n++) {
        unsigned long length;

        line = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        if (line == NULL)
            return 0;
        assert_int_equal(*at, '$');
        length = strtoul(at + 1, NULL, 10);
        if ((size_t)(end - line - 1) < length + 2)
            return 0;
        m->args[m->n] = (struct sl_str){line + 1, length};
        at = line + 1 + length + 2;
    }
    return (size_t)(at - p);
}

static inline void fake_log(struct fake_conn *c, const struct fake_command *m)
{
    size_t n = strlen(c->log);

    for (size_t i = 0; i < m->n && i < 8 && n + 100 < sizeof c->log; i++)
        n += (size_t)snprintf(c->log + n, sizeof c->log - n, "%s%.*s", i > 0 ? " " : "",
                              SL_STR_ARGS(sl_str_first(m->args[i], 64)));
    if (n + 100 < sizeof c->log)
        (void)snprintf(c->log + n, sizeof c->log - n, "|");
}

static inline bool fake_is(const struct fake_command *m, const char *name)
{
    return sl_str_eq_nocase(m->args[0], sl_str_of(name));
}

static inline void fake_serve(struct fake_conn *c, const struct fake_command *m)
{
    struct fake *f = c->f;
    const char *said = NULL;

    fake_log(c, m);
    if (fake_is(m, "AUTH"))
        said = f->auth != NULL ? f->auth : "+OK\r\n";
    else if (fake_is(m, "SELECT"))
        said = f->select != NULL ? f->select : "+OK\r\n";
    else if (fake_is(m, "CLIENT"))
        said = f->name != NULL ? f->name : "+OK\r\n";
    else if (fake_is(m, "ROLE"))
        said = f->role != NULL ? f->role : "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
    else if (fake_is(m, "PING") && m->n == 1)
        said = f->ping != NULL ? f->ping : "+PONG\r\n";
    if (said != NULL) {
        fake_say(c, said);
        return;
    }
    c->commands++;
    if (f->answer != NULL)
        f->answer(c, m);
    else
        fake_bulk(c, m->args[m->n - 1]);
}

static inline void fake_data(void *holder, struct sl_str bytes)
{
    static struct fake_command m;
    struct fake_conn *c = holder;
    size_t n, at = 0;

    assert_true(c->n + bytes.n <= FAKE_IN);
    memcpy(c->in + c->n, bytes.p, bytes.n);
    c->n += bytes.n;
    c->reads++;
    while (c->s != NULL && (n = fake_parse(c->in + at, c->n - at, &m)) > 0) {
        fake_serve(c, &m);
        at += n;
    }
    memmove(c->in, c->in + at, c->n - at);
    c->n -= at;
}

static inline void fake_end(void *holder, enum sl_err why)
{
    struct fake_conn *c = holder;

    (void)why;
    c->gone = true;
    sl_stream_close(&c->s);
}

static const struct sl_stream_ops fake_ops = {.data = fake_data, .end = fake_end};

static inline void fake_accept(void *ctx, struct sl_stream *s)
{
    struct fake *f = ctx;
    struct fake_conn *c;

    assert_true(f->n < FAKE_CONNS);
    c = &f->conns[f->n++];
    *c = (struct fake_conn){.f = f, .s = s, .in = malloc(FAKE_IN), .at_ms = clock_ms()};
    sl_stream_adopt(s, &fake_ops, c);
    sl_stream_want(s, true);
}

static inline void fake_listen(struct fake *f, uint16_t port, struct sl_tls_profile *tls)
{
    char addr[64], why[256] = "";

    (void)snprintf(addr, sizeof addr, "127.0.0.1:%u", port);
    if (sl_listen_start(f->net, sl_str_of(addr), tls, 1000, fake_accept, f, &f->listener, why,
                        sizeof why) != SL_OK)
        fail_msg("%s", why);
}

static inline void fake_open(struct fake *f, struct sl_net *net)
{
    memset(f, 0, sizeof *f);
    f->net = net;
    fake_listen(f, 0, NULL);
}

static inline struct fake_conn *fake_last(struct fake *f)
{
    assert_true(f->n > 0);
    return &f->conns[f->n - 1];
}

static inline void fake_close(struct fake *f)
{
    sl_listen_end(&f->listener);
    for (size_t i = 0; i < f->n; i++) {
        sl_stream_close(&f->conns[i].s);
        free(f->conns[i].in);
    }
    f->n = 0;
}

/* Everything is let go; whatever was made must be gone within the time. */
static inline void net_close(struct sl_net **net)
{
    struct sl_net_counts c;
    int turns = 0;

    do {
        sl_net_turn(*net, 10);
        c = sl_net_count(*net);
    } while ((c.streams > 0 || c.ops > 0 || c.graves > 0 || c.listeners > 0) && turns++ < 500);
    assert_int_equal(c.streams, 0);
    assert_int_equal(c.ops, 0);
    assert_int_equal(c.timers, 0);
    assert_int_equal(c.listeners, 0);
    assert_int_equal(c.graves, 0);
    sl_net_end(net);
}

/* ---- waiters ---- */

static bool in_call; /* within a call of ours: nothing may be told */
static size_t told_n;

struct wait {
    struct sl_op *op;
    struct sl_link_redis **link; /* for what a test does inside */
    void (*inside)(struct wait *w);
    struct wait *other;
    size_t told, order;
    enum sl_err e;
    int type;
    char text[512];
    long long integer;
    uint64_t at_ms;
};

static inline void wait_told(void *ctx, enum sl_err e, const redisReply *reply)
{
    struct wait *w = ctx;

    assert_false(in_call);
    assert_null(w->op);
    assert_true((e == SL_OK) == (reply != NULL));
    w->told++;
    w->order = ++told_n;
    w->e = e;
    w->at_ms = clock_ms();
    w->type = reply != NULL ? reply->type : 0;
    w->integer = reply != NULL ? reply->integer : 0;
    w->text[0] = 0;
    if (reply != NULL && reply->str != NULL)
        (void)snprintf(w->text, sizeof w->text, "%.*s", (int)reply->len, reply->str);
    if (w->inside != NULL)
        w->inside(w);
}

/* `text`: arguments between single spaces. */
static inline size_t words_of(const char *text, struct sl_str *args, size_t most)
{
    struct sl_str rest = sl_str_of(text);
    size_t n = 0;

    while (n < most && sl_str_split(&rest, ' ', &args[n]))
        n++;
    return n;
}

static inline void ask(struct sl_link_redis *l, struct wait *w, uint64_t deadline_ms,
                       const char *text)
{
    struct sl_str args[16];
    struct sl_redis_command c = {.args = args, .deadline_ms = deadline_ms};
    bool was = in_call;

    c.n = words_of(text, args, 16);
    in_call = true;
    sl_redis_link_start(l, &c, &w->op, wait_told, w);
    in_call = was;
    assert_non_null(w->op);
}

struct heard {
    size_t n;
    char note[64], text[64];
};

static inline void hear(void *ctx, const void *note, const redisReply *reply)
{
    struct heard *h = ctx;

    h->n++;
    (void)snprintf(h->note, sizeof h->note, "%s", note != NULL ? (const char *)note : "");
    (void)snprintf(h->text, sizeof h->text, "%s", reply->str != NULL ? reply->str : "");
}

/* The same with a note, to be heard when it is late; `w` NULL: nobody waits. */
static inline void ask_late(struct sl_link_redis *l, struct wait *w, uint64_t deadline_ms,
                            const char *text, struct heard *h, const char *note)
{
    struct sl_str args[16];
    struct sl_redis_command c = {.args = args,
                                 .deadline_ms = deadline_ms,
                                 .late = hear,
                                 .late_ctx = h,
                                 .note = note,
                                 .note_n = note != NULL ? strlen(note) + 1 : 0};

    c.n = words_of(text, args, 16);
    if (w != NULL)
        sl_redis_link_start(l, &c, &w->op, wait_told, w);
    else
        sl_redis_link_tell(l, &c);
}

/* ---- a link and its state ---- */

struct world {
    struct sl_net *net;
    struct fake f;
    struct sl_redis_url url;
    struct sl_link_redis *l;
    size_t ups, downs;
    bool up;
    void (*on_state)(struct world *w, bool up);
};

static inline void world_state(void *ctx, bool up)
{
    struct world *w = ctx;

    assert_false(in_call);
    assert_true(up != w->up);
    w->up = up;
    w->ups += up;
    w->downs += !up;
    if (w->on_state != NULL)
        w->on_state(w, up);
}

static inline void world_link(struct world *w, const char *url, const char *ca, size_t reply_max)
{
    char why[256] = "";
    struct sl_redis_link_conf conf = {.url = &w->url,
                                      .ca_file = sl_str_of(ca != NULL ? ca : ""),
                                      .reply_max = reply_max,
                                      .name = "test"};

    if (sl_redis_url_read(sl_str_of(url), &w->url, why, sizeof why) != SL_OK)
        fail_msg("%s", why);
    in_call = true;
    w->l = sl_redis_link_new(w->net, &conf, why, sizeof why);
    if (w->l == NULL)
        fail_msg("%s", why);
    sl_redis_link_on_state(w->l, world_state, w);
    in_call = false;
}

static inline void log_nowhere(void *ctx, struct sl_str line)
{
    (void)ctx;
    (void)line;
}

static inline void world_open(struct world *w)
{
    memset(w, 0, sizeof *w);
    sl_log_setup(SL_LOG_DEBUG, true, log_nowhere, NULL);
    w->net = sl_net_new();
    fake_open(&w->f, w->net);
}

static inline const char *world_url(const struct world *w, const char *before, const char *after)
{
    static char url[256];

    (void)snprintf(url, sizeof url, "redis://%s127.0.0.1:%u%s", before,
                   sl_listen_port(w->f.listener), after);
    return url;
}

/* To a fake that greets well. */
static inline void world_up(struct world *w)
{
    world_open(w);
    world_link(w, world_url(w, "", ""), NULL, 1u << 20);
    UNTIL(w->net, w->up);
}

static inline void world_close(struct world *w)
{
    in_call = true;
    sl_redis_link_end(&w->l);
    in_call = false;
    fake_close(&w->f);
    net_close(&w->net);
}

#endif
