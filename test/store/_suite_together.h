/* The suite's cases of requests that ask in one turn of the loop: each is judged as if it came
 * alone, in the order of asking, and whoever leaves has taken nothing. */
#ifndef SL_TEST_STORE_SUITE_TOGETHER_H
#define SL_TEST_STORE_SUITE_TOGETHER_H

#include "_suite.h"
#include "_suite_money.h"

#define CROWD_MAX 100

struct crowd {
    struct sl_quota_ask ask[CROWD_MAX];
    struct sl_quota_answer a[CROWD_MAX];
    struct wait w[CROWD_MAX];
    unsigned n;
};

static inline struct crowd *crowd_of(struct store *s)
{
    static struct crowd c;

    (void)s;
    memset(&c, 0, sizeof c);
    return &c;
}

/* One more asks as s->ask says. */
static inline unsigned joins(struct store *s, struct crowd *c)
{
    unsigned i = c->n++;

    assert_true(i < CROWD_MAX);
    c->ask[i] = s->ask;
    suite_id(++s->ids, c->ask[i].id);
    s->b->ops->admit(s->b, &c->ask[i], &c->a[i], WAIT(&c->w[i]));
    return i;
}

static inline void join(struct store *s, struct crowd *c, int n)
{
    for (int i = 0; i < n; i++)
        (void)joins(s, c);
}

/* Those that still wait are told; how many may pass? */
static inline int passed(struct store *s, struct crowd *c)
{
    int n = 0;

    for (unsigned i = 0; i < c->n; i++) {
        if (c->w[i].n == 0 && c->w[i].op != NULL)
            (void)wait_for(s, &c->w[i]);
        assert_int_equal(c->w[i].err, SL_OK);
        n += c->w[i].n == 1 && c->a[i].limit == SL_LIMIT_NONE;
    }
    return n;
}

static inline void together_in_order(void **state)
{
    struct store *s = *state;
    struct crowd *c = crowd_of(s);

    s->terms[T].limits.rpm = 10;
    s->terms[K].limits.rpm = 4;
    assert_true(asks(s));
    join(s, c, 5);
    assert_int_equal(passed(s, c), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(c->a[i].room[K].rpm_left, 2 - i);
        assert_int_equal(c->a[i].room[T].rpm_left, 8 - i);
        assert_int_equal(c->a[i].room[K].rpm_reset_ms, 60001);
        assert_true(c->a[i].booked);
    }
    for (int i = 3; i < 5; i++) {
        assert_int_equal(c->a[i].limit, SL_LIMIT_RPM);
        assert_int_equal(c->a[i].level, K);
        assert_int_equal(c->a[i].used, 4);
        assert_int_equal(c->a[i].room[T].rpm_left, 6);
        assert_in_range(c->a[i].wait_ms, 1, 60001);
        assert_false(c->a[i].booked);
    }
    refuses(s, SL_LIMIT_RPM, K);
    assert_int_equal(s->a.room[T].rpm_left, 6);
}

/* The nth newest may be one of those that come with it. */
static inline void together_waits(void **state)
{
    struct store *s = *state;
    struct crowd *c = crowd_of(s);

    s->terms[T].limits.qps = 3;
    s->terms[K].limits.qps = 2;
    asks_all(s, 1);
    pass_us(s, 300000);
    s->ask.key_id = SL_STR("bob");
    join(s, c, 3);
    assert_int_equal(passed(s, c), 2);
    assert_int_equal(c->a[2].limit, SL_LIMIT_QPS);
    assert_int_equal(c->a[2].level, T);
    assert_in_range(c->a[2].wait_ms, 1, 701); /* the first one's, of alice */
    s->terms[T].limits.qps = SL_UNSET;
    (void)joins(s, c);
    (void)passed(s, c);
    assert_int_equal(c->a[3].level, K);
    assert_in_range(c->a[3].wait_ms, 702, 1001);
}

static inline void together_leases(void **state)
{
    struct store *s = *state;
    struct crowd *c = crowd_of(s);

    s->terms[T].limits.concurrency = 3;
    s->terms[K].limits.concurrency = 2;
    join(s, c, 4);
    assert_int_equal(passed(s, c), 2);
    assert_int_equal(c->a[0].room[K].concurrency_left, 1);
    assert_int_equal(c->a[1].room[K].concurrency_left, 0);
    assert_int_equal(c->a[1].room[T].concurrency_left, 1);
    assert_int_equal(c->a[2].limit, SL_LIMIT_CONCURRENCY);
    assert_int_equal(c->a[2].used, 2);
    assert_true(c->a[1].leased && !c->a[2].leased);
    gives_back(s, 1);
    (void)joins(s, c); /* in the same turn: what was given back is free for it */
    assert_int_equal(passed(s, c), 3);
}

static inline void together_bursts(void **state)
{
    struct store *s = *state;
    struct crowd *c = crowd_of(s);

    s->terms[T].limits.rpm = 6;
    s->terms[T].limits.burst = 5;
    s->terms[K].limits.rpm = 1;
    s->terms[K].limits.burst = 3;
    assert_true(asks(s));
    join(s, c, 4);
    assert_int_equal(passed(s, c), 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(c->a[i].room[T].rpm_left, 3 - i);
    for (int i = 2; i < 4; i++) {
        assert_int_equal(c->a[i].limit, SL_LIMIT_RPM);
        assert_int_equal(c->a[i].level, K);
        assert_in_range(c->a[i].wait_ms, 50000, 60000);
    }
    assert_int_equal(c->a[3].wait_ms, c->a[2].wait_ms);
    s->terms[K].limits.burst = 100;
    join(s, c, 3);
    assert_int_equal(passed(s, c), 4);
    assert_int_equal(c->a[6].limit, SL_LIMIT_RPM);
    assert_int_equal(c->a[6].used, 5);
    assert_in_range(c->a[6].wait_ms, 5000, 10000);
}

/* Of one turn, each counts with those of its own user. */
static inline void together_users(void **state)
{
    struct store *s = *state;
    struct crowd *c = crowd_of(s);

    s->terms[T].limits.user_concurrency = 2;
    for (int i = 0; i < 7; i++) {
        memset(s->ask.user, i % 2 == 0 ? 'a' : 'b', SL_QUOTA_USER);
        (void)joins(s, c);
    }
    assert_int_equal(passed(s, c), 4);
    for (int i = 4; i < 7; i++)
        assert_int_equal(c->a[i].limit, SL_LIMIT_USER);
    assert_int_equal(c->a[4].used, 2);
    gives_back(s, 1); /* of a */
    memset(s->ask.user, 'b', SL_QUOTA_USER);
    refuses(s, SL_LIMIT_USER, T);
    memset(s->ask.user, 'a', SL_QUOTA_USER);
    assert_true(asks(s));
    refuses(s, SL_LIMIT_USER, T);
}

static inline void together_money(void **state)
{
    struct store *s = *state;
    struct crowd *c = crowd_of(s);

    s->terms[T].budget.credits_micro = 100;
    s->terms[K].budget.daily_micro = 1000;
    s->ask.reserve_micro = 40;
    join(s, c, 3);
    s->ask.reserve_micro = 20; /* like the others, and there is enough for it */
    (void)joins(s, c);
    assert_int_equal(passed(s, c), 3);
    assert_int_equal(c->a[0].room[T].credits_left_micro, 60);
    assert_int_equal(c->a[1].room[T].credits_left_micro, 20);
    assert_int_equal(c->a[2].limit, SL_LIMIT_CREDITS);
    assert_int_equal(c->a[2].used, 80);
    assert_int_equal(c->a[2].room[K].credits_left_micro, 920);
    assert_int_equal(c->a[3].room[T].credits_left_micro, 0);
    assert_int_equal(balance_of(s, T).reserved_micro, 100);
    assert_int_equal(balance_of(s, K).reserved_micro, 100);
    s->ask.reserve_micro = 40;
    settles(s, 1, 7);
    gives_back(s, 2);
    assert_int_equal(balance_of(s, T).reserved_micro, 20);
    assert_int_equal(balance_of(s, T).spent_micro, 7);
}

/* A soft refusal beside a look-up books the windows, a hard one nothing. */
static inline void together_softly(void **state)
{
    struct store *s = *state;
    struct crowd *c = crowd_of(s);

    s->terms[K].limits.rpm = 3;
    s->terms[K].limits.concurrency = 1;
    s->ask.may_hit = true;
    join(s, c, 4);
    assert_int_equal(passed(s, c), 1);
    assert_int_equal(c->a[1].limit, SL_LIMIT_CONCURRENCY);
    assert_int_equal(c->a[2].limit, SL_LIMIT_CONCURRENCY);
    assert_true(c->a[1].booked && c->a[2].booked && !c->a[2].leased);
    assert_int_equal(c->a[3].limit, SL_LIMIT_RPM);
    assert_false(c->a[3].booked);
}

/* Keys, kinds and terms of their own in one turn: none is judged by another's. */
static inline void together_unlike(void **state)
{
    struct store *s = *state;
    struct crowd *c = crowd_of(s);
    struct sl_terms free_of_limits;

    sl_terms_init(&free_of_limits);
    s->terms[K].limits.rpm = 1;
    (void)joins(s, c);
    s->ask.key_id = SL_STR("bob");
    (void)joins(s, c);
    s->ask.terms[K] = &free_of_limits;
    join(s, c, 2);
    s->ask.terms[K] = &s->terms[K];
    s->ask.light = true; /* stands outside rpm */
    (void)joins(s, c);
    s->ask.light = false;
    (void)joins(s, c);
    s->ask.tenant = SL_STR("umbrella");
    (void)joins(s, c);
    assert_int_equal(passed(s, c), 6);
    assert_int_equal(c->a[5].limit, SL_LIMIT_RPM);
    assert_int_equal(c->a[2].room[K].rpm_left, SL_UNSET);
    assert_int_equal(c->a[6].room[K].rpm_left, 0);
}

/* Two accounts by one record, alike in all else: each has counts and money of its own. */
static inline void together_one_record(void **state)
{
    struct store *s = *state;
    struct crowd *c = crowd_of(s);

    s->terms[K].limits.rpm = 2;
    s->terms[K].budget.daily_micro = 100;
    s->ask.reserve_micro = 40;
    s->ask.record_id = SL_STR("issuer");
    join(s, c, 2);
    s->ask.key_id = SL_STR("bob");
    join(s, c, 3);
    assert_int_equal(passed(s, c), 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(c->a[i].room[K].rpm_left, 1 - i % 2);
        assert_int_equal(c->a[i].room[K].credits_left_micro, 60 - 40 * (i % 2));
    }
    assert_int_equal(c->a[4].limit, SL_LIMIT_RPM);
    assert_int_equal(balance_of(s, K).reserved_micro, 80);
    s->ask.key_id = SL_STR("alice");
    assert_int_equal(balance_of(s, K).reserved_micro, 80);
}

/* More than one call holds. */
static inline void together_many(void **state)
{
    struct store *s = *state;
    struct crowd *c = crowd_of(s);

    s->terms[T].limits.rpm = 70;
    s->terms[T].budget.credits_micro = 1000;
    s->ask.reserve_micro = 10;
    join(s, c, CROWD_MAX);
    assert_int_equal(passed(s, c), 70);
    assert_int_equal(c->a[69].room[T].rpm_left, 0);
    assert_int_equal(balance_of(s, T).reserved_micro, 700);
}

static inline void come_back(struct store *s, int64_t reserved_micro)
{
    uint64_t until = suite_ms() + SUITE_WAIT_MS;

    while (balance_of(s, T).reserved_micro != reserved_micro)
        assert_true(suite_ms() < until);
}

/* Some leave before it goes out, some before it is answered. */
static inline void together_leaving(void **state)
{
    struct store *s = *state;
    struct crowd *c = crowd_of(s);
    int answered;

    s->terms[T].limits = (struct sl_limits){.rpm = 8, .qps = 8, .concurrency = 8};
    s->terms[T].budget.credits_micro = 1000;
    s->ask.reserve_micro = 10;
    join(s, c, 8);
    sl_op_cancel(&c->w[0].op);
    sl_op_cancel(&c->w[5].op);
    sl_net_turn(s->net, 0);
    for (int i = 1; i < 8; i += 2)
        sl_op_cancel(&c->w[i].op);
    answered = passed(s, c); /* 2, 4 and 6; others, where that was quicker than we */
    assert_in_range(answered, 3, 6);
    assert_int_equal(c->w[0].n + c->w[5].n, 0);
    come_back(s, 10 * answered);
    pass_us(s, 1100000);
    assert_true(asks(s));
    assert_int_equal(s->a.room[T].rpm_left, 8 - answered - 1);
    assert_int_equal(s->a.room[T].concurrency_left, 8 - answered - 1);
}

struct leaver {
    struct wait *other;
    struct sl_op *op;
    int n;
};

static inline void leaves(void *ctx, enum sl_err e)
{
    struct leaver *l = ctx;

    assert_int_equal(e, SL_OK);
    l->n++;
    sl_op_cancel(&l->other->op);
}

/* Who is told first takes another away: it is never told, and what it took comes back. */
static inline void together_pushed(void **state)
{
    struct store *s = *state;
    struct crowd *c = crowd_of(s);
    struct sl_quota_answer a;
    struct leaver l = {&c->w[0], NULL, 0};
    uint64_t until = suite_ms() + SUITE_WAIT_MS;

    s->terms[T].budget.credits_micro = 1000;
    s->ask.reserve_micro = 10;
    suite_id(++s->ids, s->ask.id);
    s->b->ops->admit(s->b, &s->ask, &a, &l.op, leaves, &l);
    join(s, c, 2);
    while (l.n == 0) {
        sl_net_turn(s->net, 5);
        assert_true(suite_ms() < until);
    }
    (void)passed(s, c);
    assert_int_equal(c->w[0].n, 0);
    assert_int_equal(c->w[1].n, 1);
    come_back(s, 20);
}

/* The store ends while some have asked, and some are being asked for. */
static inline void together_ending(void **state)
{
    struct store *s = *state;
    struct crowd *c = crowd_of(s);

    join(s, c, 3);
    sl_net_turn(s->net, 0);
    s->ask.key_id = SL_STR("bob");
    join(s, c, 3);
    gives_back(s, 1);
    for (unsigned i = 0; i < c->n; i++)
        sl_op_cancel(&c->w[i].op);
    s->b->ops->end(&s->b);
    for (int i = 0; i < 10; i++)
        sl_net_turn(s->net, 1);
    for (unsigned i = 3; i < c->n; i++)
        assert_int_equal(c->w[i].n, 0);
}

#define SUITE_TOGETHER(X)                                                                          \
    X(together_in_order)                                                                           \
    X(together_waits)                                                                              \
    X(together_leases)                                                                             \
    X(together_bursts)                                                                             \
    X(together_users)                                                                              \
    X(together_money)                                                                              \
    X(together_softly)                                                                             \
    X(together_unlike)                                                                             \
    X(together_one_record)                                                                         \
    X(together_many)                                                                               \
    X(together_leaving)                                                                            \
    X(together_pushed)                                                                             \
    X(together_ending)

#endif
