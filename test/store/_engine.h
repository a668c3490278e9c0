/* Askings, holds and lines for tests of the engine: one tenant `t`, one key `k`,
 * terms that the test fills in, time in microseconds that it sets. */
#ifndef SL_TEST_STORE_ENGINE_H
#define SL_TEST_STORE_ENGINE_H

#include "store/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"

#define S 1000000ll /* microseconds */
#define BEGIN (1000000000ll * S)

struct desk {
    struct sl_engine *e;
    struct sl_terms tenant, key;
    struct sl_quota_ask ask;
    struct sl_quota_answer a;
    int64_t now_us;
    unsigned n; /* ids */
};

static inline void id_of(unsigned n, char out[SL_QUOTA_ID])
{
    char text[SL_QUOTA_ID + 1];

    (void)snprintf(text, sizeof text, "instance%016x", n);
    memcpy(out, text, SL_QUOTA_ID);
}

static inline void desk_open(struct desk *d)
{
    memset(d, 0, sizeof *d);
    d->e = sl_engine_new();
    sl_terms_init(&d->tenant);
    sl_terms_init(&d->key);
    d->now_us = BEGIN;
    d->ask.tenant = SL_STR("t");
    d->ask.key_id = SL_STR("k");
    d->ask.terms[SL_LEVEL_TENANT] = &d->tenant;
    d->ask.terms[SL_LEVEL_KEY] = &d->key;
    for (int i = 0; i < 3; i++) {
        d->ask.periods.day[i] = BEGIN / S - 3600 + i * 86400;
        d->ask.periods.month[i] = BEGIN / S - 3600 + i * 30 * 86400;
    }
}

/* A request of a new id; true: it passes. */
static inline bool asks(struct desk *d)
{
    id_of(++d->n, d->ask.id);
    sl_engine_admit(d->e, &d->ask, 1, d->now_us, &d->a);
    return d->a.limit == SL_LIMIT_NONE;
}

static inline struct sl_hold hold_of(const struct desk *d, unsigned n)
{
    struct sl_hold h = {.key_id = d->ask.key_id,
                        .reserved_micro = d->ask.reserve_micro,
                        .leased = {true, true},
                        .account = {true, true},
                        .booked = true};

    id_of(n, h.id);
    return h;
}

static inline struct sl_line line_of(const struct desk *d, unsigned n, int64_t cost_micro)
{
    struct sl_line l = {.number = n,
                        .key_id = d->ask.key_id,
                        .cost_micro = cost_micro,
                        .tpm = {true, true},
                        .account = {true, true},
                        .day0 = d->ask.periods.day[0],
                        .month0 = d->ask.periods.month[0],
                        .requests = 1};

    id_of(n, l.id);
    return l;
}

static inline void settles(struct desk *d, unsigned n, int64_t cost_micro)
{
    struct sl_line l = line_of(d, n, cost_micro);

    sl_engine_settle(d->e, d->ask.tenant, &l, d->now_us);
}

static inline void books_tokens(struct desk *d, uint64_t tokens)
{
    struct sl_line l = line_of(d, 0, 0);

    l.tpm_tokens = tokens;
    sl_engine_settle(d->e, d->ask.tenant, &l, d->now_us);
}

static inline void gives_back(struct desk *d, unsigned n)
{
    struct sl_hold h = hold_of(d, n);

    sl_engine_give_back(d->e, d->ask.tenant, &h, d->now_us);
}

static inline void refused(const struct desk *d, enum sl_limit limit, enum sl_level level)
{
    assert_int_equal(d->a.limit, limit);
    assert_int_equal(d->a.level, level);
}

#endif
