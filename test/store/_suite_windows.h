/* The suite's cases of windows, leases, refusals and their order. */
#ifndef SL_TEST_STORE_SUITE_WINDOWS_H
#define SL_TEST_STORE_SUITE_WINDOWS_H

#include "_suite.h"

static inline void rpm_exactly(void **state)
{
    struct store *s = *state;
    int64_t first_us = 0;

    s->terms[K].limits.rpm = 5;
    for (int i = 0; i < 5; i++) {
        assert_true(asks(s));
        first_us = i == 0 ? s->a.at_us : first_us;
        assert_int_equal(s->a.room[K].rpm_left, 4 - i);
        assert_int_equal(s->a.room[K].rpm_reset_ms, 60001);
        assert_true(s->a.booked && !s->a.leased && !s->a.reserved);
    }
    for (int i = 0; i < 3; i++) {
        refuses(s, SL_LIMIT_RPM, K);
        assert_int_equal(s->a.figure, 5);
        assert_int_equal(s->a.used, 5);
        assert_int_equal(s->a.wait_ms, (first_us + 60000000 - s->a.at_us) / 1000 + 1);
        assert_int_equal(s->a.room[K].rpm_left, 0);
        assert_false(s->a.booked);
    }
    assert_int_equal(s->a.room[T].rpm_left, SL_UNSET);
    assert_int_equal(s->a.room[K].tpm_left, SL_UNSET);
    assert_int_equal(s->a.room[K].concurrency_left, SL_UNSET);
    assert_int_equal(s->a.room[K].credits_left_micro, SL_UNSET);
}

/* Refused until the wait that was told is over, and not longer. */
static inline void qps_and_its_wait(void **state)
{
    struct store *s = *state;
    int64_t first_us;

    s->terms[T].limits.qps = 3;
    assert_true(asks(s));
    first_us = s->a.at_us;
    asks_all(s, 2);
    refuses(s, SL_LIMIT_QPS, T);
    assert_int_equal(s->a.figure, 3);
    assert_int_equal(s->a.used, 3);
    assert_int_equal(s->a.wait_ms, (first_us + 1000000 - s->a.at_us) / 1000 + 1);
    pass_us(s, s->a.wait_ms * 1000);
    assert_true(asks(s));
    assert_true(s->a.at_us > first_us + 1000000);
}

static inline void both_levels(void **state)
{
    struct store *s = *state;

    s->terms[T].limits.rpm = 4;
    s->terms[K].limits.rpm = 3;
    asks_all(s, 3);
    refuses(s, SL_LIMIT_RPM, K); /* by the key: nothing is taken of the tenant's */
    refuses(s, SL_LIMIT_RPM, K);
    assert_int_equal(s->a.room[T].rpm_left, 1);
    s->ask.key_id = SL_STR("bob");
    assert_true(asks(s));
    assert_int_equal(s->a.room[K].rpm_left, 2);
    refuses(s, SL_LIMIT_RPM, T); /* by the tenant: nothing of the key's */
    assert_int_equal(s->a.room[K].rpm_left, 2);
    s->ask.tenant = SL_STR("other");
    assert_true(asks(s)); /* another tenant's key of the same name */
    assert_int_equal(s->a.room[K].rpm_left, 2);
    assert_int_equal(s->a.room[T].rpm_left, 3);
}

static inline void whole_gateway(void **state)
{
    struct store *s = *state;
    unsigned last;

    s->ask.gateway_qps = 2;
    s->terms[K].limits.rpm = 10;
    assert_true(asks(s));
    s->ask.tenant = SL_STR("other");
    assert_true(asks(s));
    last = s->ids;
    refuses(s, SL_LIMIT_GATEWAY_QPS, T);
    assert_int_equal(s->a.figure, 2);
    assert_int_equal(s->a.room[K].rpm_left, 9);
    gives_back(s, last);
    assert_true(asks(s));
    s->ask.gateway_qps = 0;
    asks_all(s, 2);
}

/* Everything is used up; what refuses first is lifted, and the next one refuses. */
static inline void order_of_refusals(void **state)
{
    struct store *s = *state;
    struct sl_terms *t = s->terms;
    const struct {
        enum sl_limit limit;
        enum sl_level level;
        int64_t *leaf;
    } order[] = {
        {SL_LIMIT_QPS, T, &t[T].limits.qps},
        {SL_LIMIT_QPS, K, &t[K].limits.qps},
        {SL_LIMIT_RPM, T, &t[T].limits.rpm},
        {SL_LIMIT_RPM, K, &t[K].limits.rpm},
        {SL_LIMIT_CONCURRENCY, T, &t[T].limits.concurrency},
        {SL_LIMIT_CONCURRENCY, K, &t[K].limits.concurrency},
        {SL_LIMIT_USER, T, &t[T].limits.user_concurrency},
        {SL_LIMIT_USER, K, &t[K].limits.user_concurrency},
        {SL_LIMIT_TPM, T, &t[T].limits.tpm},
        {SL_LIMIT_TPM, K, &t[K].limits.tpm},
        {SL_LIMIT_CREDITS, T, &t[T].budget.credits_micro},
        {SL_LIMIT_CREDITS, K, &t[K].budget.credits_micro},
        {SL_LIMIT_DAILY, T, &t[T].budget.daily_micro},
        {SL_LIMIT_DAILY, K, &t[K].budget.daily_micro},
        {SL_LIMIT_MONTHLY, T, &t[T].budget.monthly_micro},
        {SL_LIMIT_MONTHLY, K, &t[K].budget.monthly_micro},
    };
    const size_t n = sizeof order / sizeof order[0];

    for (size_t i = 0; i < n; i++)
        *order[i].leaf = order[i].limit >= SL_LIMIT_CREDITS ? 100 : 1;
    s->ask.gateway_qps = 1;
    s->ask.reserve_micro = 100;
    memset(s->ask.user, '1', SL_QUOTA_USER);
    assert_true(asks(s));
    books_tokens(s, 1);
    refuses(s, SL_LIMIT_GATEWAY_QPS, T);
    s->ask.gateway_qps = 0;
    for (size_t i = 0; i < n; i++) {
        refuses(s, order[i].limit, order[i].level);
        assert_int_equal(s->a.figure, order[i].limit >= SL_LIMIT_CREDITS ? 100 : 1);
        assert_int_equal(s->a.used, order[i].limit >= SL_LIMIT_CREDITS ? 100 : 1);
        assert_false(s->a.booked || s->a.leased || s->a.reserved);
        *order[i].leaf = SL_UNSET;
    }
    assert_true(asks(s));
}

/* A soft refusal beside a look-up books the windows, and they can be given back. */
static inline void soft_with_a_look_up(void **state)
{
    struct store *s = *state;

    s->terms[K].limits.rpm = 10;
    s->terms[T].limits.concurrency = 1;
    assert_true(asks(s));
    assert_int_equal(s->a.room[K].rpm_left, 9);
    refuses(s, SL_LIMIT_CONCURRENCY, T);
    assert_false(s->a.booked);
    assert_int_equal(s->a.room[K].rpm_left, 9);
    s->ask.may_hit = true;
    refuses(s, SL_LIMIT_CONCURRENCY, T);
    assert_true(s->a.booked && !s->a.leased && !s->a.reserved);
    assert_int_equal(s->a.wait_ms, SL_QUOTA_BUSY_MS);
    assert_int_equal(s->a.room[K].rpm_left, 8);
    gives_back(s, s->ids);
    gives_back(s, s->ids); /* once */
    refuses(s, SL_LIMIT_CONCURRENCY, T);
    assert_int_equal(s->a.room[K].rpm_left, 8);
    s->terms[K].limits.rpm = 2;
    refuses(s, SL_LIMIT_RPM, K); /* a hard one books nothing all the same */
    assert_false(s->a.booked);
}

static inline void windows_only(void **state)
{
    struct store *s = *state;

    s->terms[K].limits = (struct sl_limits){.rpm = 3, .tpm = 1, .concurrency = 1};
    s->terms[T].budget.credits_micro = 5;
    s->ask.reserve_micro = 5;
    assert_true(asks(s));
    books_tokens(s, 50);
    refuses(s, SL_LIMIT_CONCURRENCY, K);
    s->ask.windows_only = true;
    for (int i = 0; i < 2; i++) {
        assert_true(asks(s));
        assert_true(s->a.booked && !s->a.leased && !s->a.reserved);
        assert_int_equal(s->a.room[K].concurrency_left, 0);
        assert_int_equal(s->a.room[K].tpm_left, 0);
        assert_int_equal(s->a.room[T].credits_left_micro, 0);
    }
    refuses(s, SL_LIMIT_RPM, K);
}

static inline void light_ones(void **state)
{
    struct store *s = *state;

    s->terms[K].limits = (struct sl_limits){.rpm = 1, .tpm = 1, .qps = 4, .concurrency = 2};
    s->terms[T].budget.credits_micro = 5;
    s->ask.reserve_micro = 5;
    assert_true(asks(s));
    books_tokens(s, 50);
    s->ask.light = true;
    assert_true(asks(s)); /* neither rpm, nor tpm, nor credits */
    assert_true(s->a.leased && !s->a.reserved);
    assert_int_equal(s->a.room[K].rpm_left, 0);
    refuses(s, SL_LIMIT_CONCURRENCY, K);
    s->terms[K].limits.concurrency = 10;
    asks_all(s, 2);
    refuses(s, SL_LIMIT_QPS, K);
}

static inline void given_back(void **state)
{
    struct store *s = *state;

    s->terms[T].limits.rpm = s->terms[K].limits.rpm = 5;
    s->terms[T].limits.concurrency = s->terms[K].limits.concurrency = 5;
    s->terms[K].budget.credits_micro = 50;
    s->ask.reserve_micro = 10;
    asks_all(s, 5);
    refuses(s, SL_LIMIT_RPM, T);
    gives_back(s, 2);
    gives_back(s, 2);
    gives_back(s, 77); /* never seen */
    assert_true(asks(s));
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        assert_int_equal(s->a.room[l].rpm_left, 0);
        assert_int_equal(s->a.room[l].concurrency_left, 0);
    }
    assert_int_equal(s->a.room[K].credits_left_micro, 0);
    assert_int_equal(balance_of(s, K).reserved_micro, 50);
}

static inline void tokens_by_the_minute(void **state)
{
    struct store *s = *state;

    s->terms[T].limits.tpm = 1000;
    s->terms[K].limits.tpm = 100;
    assert_true(asks(s));
    assert_int_equal(s->a.room[K].tpm_left, 100);
    assert_int_equal(s->a.room[K].tpm_reset_ms, 0);
    books_tokens(s, 99);
    assert_true(asks(s)); /* below the limit it passes, however much it will take */
    assert_int_equal(s->a.room[K].tpm_left, 1);
    assert_int_equal(s->a.room[T].tpm_left, 901);
    assert_in_range(s->a.room[K].tpm_reset_ms, 58000, 60000);
    books_tokens(s, 60);
    refuses(s, SL_LIMIT_TPM, K);
    assert_int_equal(s->a.figure, 100);
    assert_int_equal(s->a.used, 159);
    assert_in_range(s->a.wait_ms, 58000, 60000);
    s->ask.key_id = SL_STR("bob");
    assert_true(asks(s));
}

static inline void concurrency(void **state)
{
    struct store *s = *state;
    struct sl_hold lease;

    s->terms[T].limits.concurrency = 3;
    s->terms[K].limits.concurrency = 2;
    s->terms[K].budget.credits_micro = 100;
    s->ask.reserve_micro = 10;
    asks_all(s, 2);
    assert_true(s->a.leased);
    assert_int_equal(s->a.room[K].concurrency_left, 0);
    refuses(s, SL_LIMIT_CONCURRENCY, K);
    assert_int_equal(s->a.figure, 2);
    assert_int_equal(s->a.used, 2);
    settles(s, 1, 3);
    assert_true(asks(s));
    /* the lease alone: its reservation waits for the line */
    lease = hold_of(s, 2);
    lease.account[K] = lease.booked = false;
    s->b->ops->give_back(s->b, s->ask.tenant, &lease);
    assert_int_equal(balance_of(s, K).reserved_micro, 20);
    assert_true(asks(s));
    settles(s, 2, 3);
    settles(s, 2, 3); /* a second line of it ends nothing more */
    assert_int_equal(balance_of(s, K).reserved_micro, 20);
    refuses(s, SL_LIMIT_CONCURRENCY, K);
    s->ask.key_id = SL_STR("bob");
    assert_true(asks(s));
    refuses(s, SL_LIMIT_CONCURRENCY, T);
}

/* Ten at once, then one as each is refilled: ten seconds. */
static inline void bursts(void **state)
{
    struct store *s = *state;
    int64_t first_us = 0, owed_us;

    s->terms[K].limits.rpm = 6;
    s->terms[K].limits.burst = 10;
    for (int i = 0; i < 10; i++) {
        assert_true(asks(s));
        first_us = i == 0 ? s->a.at_us : first_us;
        owed_us = (i + 1) * 10000000 - (s->a.at_us - first_us);
        assert_int_equal(s->a.room[K].rpm_reset_ms, (owed_us + 999) / 1000);
        assert_int_equal(s->a.room[K].rpm_left, 10 - (owed_us + 9999999) / 10000000);
        assert_true(s->a.booked);
    }
    s->terms[K].limits.burst = 8; /* two are owed too many */
    refuses(s, SL_LIMIT_RPM, K);
    assert_int_equal(s->a.figure, 6);
    assert_false(s->a.booked);
    owed_us = 100000000 - (s->a.at_us - first_us);
    assert_int_equal(s->a.wait_ms, (owed_us - 70000000 + 999) / 1000);
    assert_int_equal(s->a.used, (owed_us + 9999999) / 10000000);
    if (s->maker->pass == NULL)
        return;
    pass_us(s, s->a.wait_ms * 1000);
    assert_true(asks(s));
    owed_us = 110000000 - (s->a.at_us - first_us);
    assert_int_equal(s->a.room[K].rpm_reset_ms, (owed_us + 999) / 1000);
    refuses(s, SL_LIMIT_RPM, K);
    s->terms[K].limits.burst = SL_UNSET; /* a window again, and it is empty */
    assert_true(asks(s));
    assert_int_equal(s->a.room[K].rpm_left, 5);
}

/* Both rates and both levels, at once or not at all; given back, it is there again. */
static inline void bursts_of_both(void **state)
{
    struct store *s = *state;

    s->terms[T].limits.qps = s->terms[K].limits.qps = 1;
    s->terms[T].limits.burst = 100000;
    s->terms[T].limits.rpm = 1;
    s->terms[K].limits.burst = 9;
    asks_all(s, 9);
    assert_int_equal(s->a.room[T].rpm_left, 99991);
    s->terms[K].limits.burst = 3;
    refuses(s, SL_LIMIT_QPS, K);
    assert_int_equal(s->a.figure, 1);
    assert_in_range(s->a.used, 4, 9);
    assert_in_range(s->a.wait_ms, 1, 7000);
    assert_int_equal(s->a.room[T].rpm_left, 99991);
    for (unsigned i = 1; i <= 6; i++)
        gives_back(s, i);
    s->terms[K].limits.burst = 1000;
    assert_true(asks(s)); /* the fourth */
    assert_int_equal(s->a.room[T].rpm_left, 99996);
    s->terms[T].limits.burst = 1;
    refuses(s, SL_LIMIT_QPS, T);
    s->terms[T].limits.burst = 4;
    s->terms[T].limits.qps = SL_UNSET;
    refuses(s, SL_LIMIT_RPM, T);
    assert_in_range(s->a.wait_ms, 30000, 60000);
    assert_in_range(s->a.room[T].rpm_reset_ms, 210000, 240000);
    s->ask.light = true; /* outside rpm */
    assert_true(asks(s));
    gives_back(s, s->ids);
    s->ask.light = false;
    refuses(s, SL_LIMIT_RPM, T);
    assert_int_equal(s->a.used, 4);
    s->terms[K].limits.concurrency = 1;
    s->terms[T].limits.burst = 5;
    assert_true(asks(s));
    s->ask.may_hit = true;
    s->terms[T].limits.burst = 6;
    refuses(s, SL_LIMIT_CONCURRENCY, K);
    assert_true(s->a.booked);
    assert_int_equal(s->a.room[T].rpm_left, 0);
    gives_back(s, s->ids);
    refuses(s, SL_LIMIT_CONCURRENCY, K);
    assert_int_equal(s->a.room[T].rpm_left, 0);
}

static inline void is_user(struct store *s, const char *user)
{
    memcpy(s->ask.user, user, SL_QUOTA_USER);
}

/* Whichever key their requests come with; the lower of two limits holds. */
static inline void end_users(void **state)
{
    struct store *s = *state;

    s->terms[T].limits.user_concurrency = 2;
    asks_all(s, 4); /* nobody is named */
    assert_false(s->a.leased);
    is_user(s, "00000000000000aa");
    assert_true(asks(s)); /* 5 */
    assert_true(s->a.leased);
    s->ask.key_id = SL_STR("bob");
    assert_true(asks(s));
    refuses(s, SL_LIMIT_USER, T);
    assert_int_equal(s->a.figure, 2);
    assert_int_equal(s->a.used, 2);
    assert_int_equal(s->a.wait_ms, SL_QUOTA_BUSY_MS);
    assert_false(s->a.leased);
    is_user(s, "00000000000000bb");
    assert_true(asks(s)); /* 8 */
    s->terms[K].limits.user_concurrency = 1;
    refuses(s, SL_LIMIT_USER, K);
    assert_int_equal(s->a.figure, 1);
    s->ask.windows_only = true;
    assert_true(asks(s));
    s->ask.windows_only = false;
    gives_back(s, 8);
    gives_back(s, 8);
    assert_true(asks(s));
    refuses(s, SL_LIMIT_USER, K);
    is_user(s, "00000000000000aa");
    s->terms[K].limits.user_concurrency = SL_UNSET;
    refuses(s, SL_LIMIT_USER, T);
    s->ask.look = true;
    refuses(s, SL_LIMIT_USER, T);
    s->ask.look = false;
    gives_back(s, 6);
    assert_true(asks(s));
    refuses(s, SL_LIMIT_USER, T);
    renews(s, 6); /* what was given back comes back, for it runs */
    s->terms[T].limits.user_concurrency = 3;
    refuses(s, SL_LIMIT_USER, T);
    assert_int_equal(s->a.used, 3);
}

/* An admission that nobody waits for any more has taken nothing. */
static inline void cancelled_admission(void **state)
{
    struct store *s = *state;
    struct sl_quota_ask ask[5];
    struct sl_quota_answer a[5];
    struct wait w[5] = {{0}};
    struct sl_beat beat;

    s->terms[K].limits.rpm = 6;
    s->terms[T].limits.concurrency = s->terms[T].limits.user_concurrency = 6;
    memset(s->ask.user, '7', SL_QUOTA_USER);
    s->terms[K].budget.credits_micro = 60;
    s->ask.reserve_micro = 10;
    for (int i = 0; i < 5; i++) {
        ask[i] = s->ask;
        suite_id(1000 + (unsigned)i, ask[i].id);
        s->b->ops->admit(s->b, &ask[i], &a[i], WAIT(&w[i]));
        if (i % 2 == 1)
            sl_net_turn(s->net, 1);
        sl_op_cancel(&w[i].op);
    }
    for (int i = 0; i < 3; i++) /* behind it in every queue */
        assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &beat), SL_OK);
    assert_int_equal(w[0].n + w[2].n + w[4].n, 0);
    assert_true(asks(s));
    assert_int_equal(s->a.room[K].rpm_left, 5 - w[1].n - w[3].n);
    assert_int_equal(s->a.room[T].concurrency_left, 5 - w[1].n - w[3].n);
    assert_int_equal(s->a.room[K].credits_left_micro, 10 * (5 - w[1].n - w[3].n));
    s->terms[T].limits.user_concurrency = 1 + w[1].n + w[3].n;
    refuses(s, SL_LIMIT_USER, T);
    s->terms[T].limits.user_concurrency++;
    assert_true(asks(s));
}

/* ---- with a clock that can be moved ---- */

static inline void minute_passes(void **state)
{
    struct store *s = *state;

    s->terms[K].limits.rpm = 2;
    asks_all(s, 2);
    refuses(s, SL_LIMIT_RPM, K);
    pass_us(s, s->a.wait_ms * 1000 - 500000);
    refuses(s, SL_LIMIT_RPM, K);
    pass_us(s, 1500000); /* the second one is gone too, however slow this machine is */
    assert_true(asks(s));
    assert_int_equal(s->a.room[K].rpm_left, 1);
    s->terms[K].limits.rpm = SL_UNSET;
    s->terms[K].limits.tpm = 100;
    books_tokens(s, 100);
    refuses(s, SL_LIMIT_TPM, K);
    pass_us(s, s->a.wait_ms * 1000);
    assert_true(asks(s));
    assert_int_equal(s->a.room[K].tpm_left, 100);
}

static inline void lease_runs_out(void **state)
{
    struct store *s = *state;

    s->terms[T].limits.concurrency = 1;
    s->terms[K].budget.credits_micro = 15;
    s->ask.reserve_micro = 10;
    assert_true(asks(s));
    for (int i = 0; i < 4; i++) { /* renewed, it lives on */
        pass_us(s, SL_QUOTA_RENEW_MS * 1000);
        renews(s, 1);
    }
    refuses(s, SL_LIMIT_CONCURRENCY, T);
    pass_us(s, (SL_QUOTA_LEASE_MS - 5000) * 1000);
    refuses(s, SL_LIMIT_CONCURRENCY, T);
    pass_us(s, 5001000);
    assert_true(asks(s)); /* a process died: lease and reservation are free */
    assert_int_equal(balance_of(s, K).reserved_micro, 10);
    settles(s, 1, 4); /* it did not: it is charged, and releases nothing of the other's */
    assert_int_equal(balance_of(s, K).reserved_micro, 10);
    assert_int_equal(balance_of(s, K).spent_micro, 4);
    refuses(s, SL_LIMIT_CONCURRENCY, T);
}

/* However long the bucket takes to fill, what is owed is not forgotten. */
static inline void burst_fills(void **state)
{
    struct store *s = *state;

    s->terms[T].limits.rpm = 7;
    s->terms[T].limits.burst = 30;
    asks_all(s, 30);
    for (int i = 0; i < 3; i++) {
        refuses(s, SL_LIMIT_RPM, T);
        assert_in_range(s->a.wait_ms, 5001, 8572);
        pass_us(s, (s->a.wait_ms - 5000) * 1000);
        refuses(s, SL_LIMIT_RPM, T);
        assert_in_range(s->a.wait_ms, 1, 5000);
        pass_us(s, s->a.wait_ms * 1000);
        assert_true(asks(s));
    }
    pass_us(s, 120000000);
    asks_all(s, 14);
    refuses(s, SL_LIMIT_RPM, T);
    pass_us(s, s->a.room[T].rpm_reset_ms * 1000);
    asks_all(s, 30);
    refuses(s, SL_LIMIT_RPM, T);
}

static inline void users_lease_runs_out(void **state)
{
    struct store *s = *state;

    s->terms[K].limits.user_concurrency = 1;
    is_user(s, "00000000000000aa");
    assert_true(asks(s));
    pass_us(s, SL_QUOTA_RENEW_MS * 1000);
    renews(s, 1);
    pass_us(s, (SL_QUOTA_LEASE_MS - 5000) * 1000);
    refuses(s, SL_LIMIT_USER, K);
    pass_us(s, 5001000);
    assert_true(asks(s));
    renews(s, 1); /* it runs after all */
    s->terms[K].limits.user_concurrency = 2;
    refuses(s, SL_LIMIT_USER, K);
}

static inline void renewal_brings_back(void **state)
{
    struct store *s = *state;

    s->terms[T].limits.concurrency = 1;
    s->terms[K].budget.credits_micro = 15;
    s->ask.reserve_micro = 10;
    assert_true(asks(s));
    pass_us(s, SL_QUOTA_LEASE_MS * 1000 + 1000);
    assert_int_equal(balance_of(s, K).reserved_micro, 0);
    renews(s, 1);
    assert_int_equal(balance_of(s, K).reserved_micro, 10);
    refuses(s, SL_LIMIT_CONCURRENCY, T);
    settles(s, 1, 4);
    assert_int_equal(balance_of(s, K).reserved_micro, 0);
    assert_true(asks(s));
}

/* Whoever only looks is told what would be, and what is left; nothing is taken for it. */
static inline void looks_take_nothing(void **state)
{
    struct store *s = *state;

    s->ask.gateway_qps = 1000;
    s->terms[T].limits.rpm = 2;
    s->terms[K].limits.concurrency = 1;
    s->terms[K].budget.credits_micro = 1000;
    s->ask.reserve_micro = 600;
    s->ask.look = true;
    for (int i = 0; i < 5; i++) {
        s->ask.may_hit = i % 2 == 1;
        assert_true(asks(s));
        assert_false(s->a.booked || s->a.leased || s->a.reserved);
        assert_int_equal(s->a.room[T].rpm_left, 2);
        assert_int_equal(s->a.room[K].concurrency_left, 1);
        assert_int_equal(s->a.room[K].credits_left_micro, 1000);
    }
    assert_false(balance_of(s, K).held); /* no account has begun */
    s->ask.may_hit = s->ask.look = false;
    assert_true(asks(s));
    s->ask.look = true;
    for (int i = 0; i < 3; i++) {
        s->ask.may_hit = i % 2 == 1;
        refuses(s, SL_LIMIT_CONCURRENCY, K);
        assert_false(s->a.booked || s->a.leased || s->a.reserved);
        assert_int_equal(s->a.room[T].rpm_left, 1);
        assert_int_equal(s->a.room[K].credits_left_micro, 400);
    }
    s->terms[K].limits.concurrency = 2;
    refuses(s, SL_LIMIT_CREDITS, K);
    s->ask.look = s->ask.may_hit = false;
    s->ask.reserve_micro = 400;
    assert_true(asks(s));
    s->ask.look = true;
    refuses(s, SL_LIMIT_RPM, T);
    assert_int_equal(balance_of(s, K).reserved_micro, 1000);
}

#define SUITE_WINDOWS(X)                                                                           \
    X(looks_take_nothing)                                                                          \
    X(rpm_exactly)                                                                                 \
    X(qps_and_its_wait)                                                                            \
    X(both_levels)                                                                                 \
    X(whole_gateway)                                                                               \
    X(order_of_refusals)                                                                           \
    X(soft_with_a_look_up)                                                                         \
    X(windows_only)                                                                                \
    X(light_ones)                                                                                  \
    X(given_back)                                                                                  \
    X(tokens_by_the_minute)                                                                        \
    X(concurrency)                                                                                 \
    X(bursts)                                                                                      \
    X(bursts_of_both)                                                                              \
    X(end_users)                                                                                   \
    X(cancelled_admission)
#define SUITE_WINDOWS_MOVED(X)                                                                     \
    X(minute_passes)                                                                               \
    X(lease_runs_out)                                                                              \
    X(burst_fills)                                                                                 \
    X(users_lease_runs_out)                                                                        \
    X(renewal_brings_back)

#endif
