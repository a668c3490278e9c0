/* One suite of behaviour for every kind of store: what policy/quota.h, store/store.h and
 * store/backend.h promise. A kind is plugged in by one `struct maker`:
 *
 *     static const struct maker kind = {"redis", open_redis, pass_in_redis, INT64_MAX};
 *     int main(void) { return suite_run(&kind); }
 *
 * Each case gets a store of its own, empty, and an empty directory. After it nothing may
 * be alive in the loop. */
#ifndef SL_TEST_STORE_SUITE_H
#define SL_TEST_STORE_SUITE_H

#include "store/backend.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

#define T SL_LEVEL_TENANT
#define K SL_LEVEL_KEY
#define SUITE_WAIT_MS 5000 /* for anything that should happen */
#define DAY_S 86400

struct maker {
    const char *name;
    /* An empty store; `dir` is an empty directory of the case. */
    struct sl_backend *(*open)(struct sl_net *net, const char *dir, char *why, size_t cap);
    /* The store's time goes on by so much. NULL: it can't be moved, and the cases that
     * need more than a second are not in this suite. */
    void (*pass)(struct sl_backend *b, int64_t us);
    int64_t most_micro; /* sums of money end here, at the latest */
};

struct wait {
    struct sl_op *op;
    int n; /* times told */
    enum sl_err err;
};

struct store {
    const struct maker *maker;
    struct sl_net *net;
    struct sl_backend *b;
    char dir[64];
    unsigned ids;
    uint64_t number; /* of lines of instance "inst0001" */
    struct sl_terms terms[SL_LEVEL__COUNT];
    struct sl_quota_ask ask;
    struct sl_quota_answer a;
};

static inline uint64_t suite_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline void told(void *ctx, enum sl_err e)
{
    struct wait *w = ctx;

    assert_null(w->op);
    w->n++;
    w->err = e;
}

#define WAIT(w) &(w)->op, told, (w)

static inline enum sl_err wait_for(struct store *s, struct wait *w)
{
    uint64_t until = suite_ms() + SUITE_WAIT_MS;

    assert_int_equal(w->n, 0); /* never from inside the call */
    while (w->n == 0) {
        sl_net_turn(s->net, 5);
        if (suite_ms() > until)
            fail_msg("the store did not answer");
    }
    assert_int_equal(w->n, 1);
    return w->err;
}

/* Calls an operation of the backend and waits; `...` are its arguments. */
#define CALL(s, op, ...)                                                                           \
    ({                                                                                             \
        struct wait w_ = {0};                                                                      \
        (s)->b->ops->op((s)->b, __VA_ARGS__, WAIT(&w_));                                           \
        wait_for((s), &w_);                                                                        \
    })

/* ---- a case's store ---- */

static inline int suite_remove(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    (void)st;
    (void)flag;
    (void)at;
    return remove(path);
}

static inline void suite_begin(struct store *s)
{
    char why[512] = "";
    struct wait w = {0};

    s->net = sl_net_new();
    s->b = s->maker->open(s->net, s->dir, why, sizeof why);
    if (s->b == NULL)
        fail_msg("%s: %s", s->maker->name, why);
    s->b->ops->start(s->b, WAIT(&w));
    assert_int_equal(wait_for(s, &w), SL_OK);
    assert_true(s->b->ops->is_up(s->b));
}

static inline void suite_end(struct store *s)
{
    struct sl_net_counts c;
    uint64_t until = suite_ms() + SUITE_WAIT_MS;

    if (s->b != NULL) /* a case may have ended it */
        s->b->ops->end(&s->b);
    assert_null(s->b);
    do {
        sl_net_turn(s->net, 5);
        c = sl_net_count(s->net);
    } while ((c.streams > 0 || c.ops > 0 || c.graves > 0) && suite_ms() < until);
    assert_int_equal(c.streams, 0);
    assert_int_equal(c.ops, 0);
    assert_int_equal(c.timers, 0);
    assert_int_equal(c.graves, 0);
    sl_net_end(&s->net);
}

static inline int suite_setup(void **state)
{
    struct store *s = calloc(1, sizeof *s);

    s->maker = *state;
    *state = s;
    (void)snprintf(s->dir, sizeof s->dir, "/tmp/store_suite_XXXXXX");
    if (mkdtemp(s->dir) == NULL)
        return -1;
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        sl_terms_init(&s->terms[l]);
        s->ask.terms[l] = &s->terms[l];
    }
    s->ask.tenant = SL_STR("acme");
    s->ask.key_id = SL_STR("alice");
    suite_begin(s);
    for (int i = 0; i < 3; i++) { /* the store's day began an hour ago */
        int64_t now_s = (int64_t)time(NULL);

        s->ask.periods.day[i] = now_s - 3600 + i * DAY_S;
        s->ask.periods.month[i] = now_s - 3600 + i * 30 * DAY_S;
    }
    return 0;
}

static inline int suite_teardown(void **state)
{
    struct store *s = *state;

    suite_end(s);
    (void)nftw(s->dir, suite_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(s);
    return 0;
}

/* For the store, and for everybody where it can't be moved. */
static inline void pass_us(struct store *s, int64_t us)
{
    if (s->maker->pass != NULL) {
        s->maker->pass(s->b, us);
        return;
    }
    assert_true(us <= 1100000);
    for (uint64_t until = suite_ms() + (uint64_t)us / 1000 + 1; suite_ms() < until;)
        sl_net_turn(s->net, 5);
}

/* ---- requests ---- */

static inline void suite_id(unsigned n, char out[SL_QUOTA_ID])
{
    char text[SL_QUOTA_ID + 1];

    (void)snprintf(text, sizeof text, "inst0001%016x", n);
    memcpy(out, text, SL_QUOTA_ID);
}

static inline bool asks(struct store *s)
{
    suite_id(++s->ids, s->ask.id);
    assert_int_equal(CALL(s, admit, &s->ask, &s->a), SL_OK);
    assert_true(s->a.limit != SL_LIMIT_STORE);
    return s->a.limit == SL_LIMIT_NONE;
}

static inline void asks_all(struct store *s, int n)
{
    for (int i = 0; i < n; i++)
        assert_true(asks(s));
}

/* The next one is refused, for this. */
static inline void refuses(struct store *s, enum sl_limit limit, enum sl_level level)
{
    assert_false(asks(s));
    if (s->a.limit != limit || s->a.level != level)
        fail_msg("refused by limit %d of level %d, not %d of %d", s->a.limit, s->a.level, limit,
                 level);
}

/* What request `n` holds, by the case's terms and asking. */
static inline struct sl_hold hold_of(const struct store *s, unsigned n)
{
    struct sl_hold h = {
        .key_id = s->ask.key_id, .reserved_micro = s->ask.reserve_micro, .booked = true};

    suite_id(n, h.id);
    memcpy(h.user, s->ask.user, sizeof h.user);
    h.light = s->ask.light;
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        h.leased[l] = s->terms[l].limits.concurrency > 0;
        h.bursts[l] = s->terms[l].limits.burst > 0;
        h.account[l] = s->ask.reserve_micro > 0 && sl_terms_has_budget(&s->terms[l]);
    }
    return h;
}

static inline void gives_back(struct store *s, unsigned n)
{
    struct sl_hold h = hold_of(s, n);

    s->b->ops->give_back(s->b, s->ask.tenant, &h);
}

static inline void renews(struct store *s, unsigned n)
{
    struct sl_hold h = hold_of(s, n);

    assert_int_equal(CALL(s, renew, s->ask.tenant, &h, 1), SL_OK);
}

/* The line of request `n`, with the next number. */
static inline struct sl_line line_of(struct store *s, unsigned n, int64_t cost_micro)
{
    struct sl_line l = {.number = ++s->number,
                        .key_id = s->ask.key_id,
                        .user = SL_STR("alice@acme"),
                        .model = SL_STR("claude-sonnet"),
                        .provider = SL_STR("anthropic"),
                        .day = SL_STR("2026-11-25"),
                        .reserved_micro = s->ask.reserve_micro,
                        .cost_micro = cost_micro,
                        .day0 = s->ask.periods.day[0],
                        .month0 = s->ask.periods.month[0],
                        .in = 10,
                        .out = 5,
                        .requests = 1};

    suite_id(n, l.id);
    for (int i = 0; i < SL_LEVEL__COUNT; i++) {
        l.leased[i] = s->terms[i].limits.concurrency > 0;
        l.tpm[i] = s->terms[i].limits.tpm > 0;
        l.account[i] = sl_terms_has_budget(&s->terms[i]);
    }
    return l;
}

static inline enum sl_err applies_as(struct store *s, const char *instance,
                                     const struct sl_line *lines, size_t n)
{
    struct sl_batch batch = {s->ask.tenant, sl_str_of(instance), lines, n};

    return CALL(s, apply, &batch);
}

static inline void applies(struct store *s, const struct sl_line *lines, size_t n)
{
    assert_int_equal(applies_as(s, "inst0001", lines, n), SL_OK);
}

static inline void settles(struct store *s, unsigned n, int64_t cost_micro)
{
    struct sl_line l = line_of(s, n, cost_micro);

    applies(s, &l, 1);
}

/* tokens into the windows that are set */
static inline void books_tokens(struct store *s, uint64_t tokens)
{
    struct sl_line l = line_of(s, 0, 0);

    l.tpm_tokens = tokens;
    applies(s, &l, 1);
}

static inline struct sl_balance balance_of(struct store *s, enum sl_level level)
{
    struct sl_balance out;

    assert_int_equal(CALL(s, balance, s->ask.tenant,
                          level == K ? s->ask.key_id : (struct sl_str){0}, &s->ask.periods, &out),
                     SL_OK);
    return out;
}

static inline struct sl_balance grants_once(struct store *s, enum sl_level level,
                                            int64_t initial_micro, int64_t more_micro,
                                            const char *once)
{
    struct sl_store_grant what = {.tenant = s->ask.tenant,
                                  .initial_micro = initial_micro,
                                  .more_micro = more_micro,
                                  .once = sl_str_of(once)};
    struct sl_balance out;

    if (level == K)
        what.key_id = s->ask.key_id;
    assert_int_equal(CALL(s, grant, &what, &out), SL_OK);
    return out;
}

static inline struct sl_balance grants(struct store *s, enum sl_level level, int64_t initial_micro,
                                       int64_t more_micro)
{
    return grants_once(s, level, initial_micro, more_micro, "");
}

static inline enum sl_err grows(struct store *s, unsigned n, int64_t more_micro)
{
    suite_id(n, s->ask.id);
    return CALL(s, grow, &s->ask, more_micro, &s->a);
}

static inline void is_str(struct sl_str s, const char *text)
{
    if (!sl_str_eq(s, sl_str_of(text)))
        fail_msg("'%.*s' is not '%s'", SL_STR_ARGS(s), text);
}

#endif
