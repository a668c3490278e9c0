/* The engine where time must be exact to the microsecond, and at its bounds. */
/* timeout: 60 */
#include "_engine.h"

#include "base/text.h"
#include "store/engine/inside.h"

static void window_to_the_microsecond(void **state)
{
    struct desk d;

    (void)state;
    desk_open(&d);
    d.key.limits.rpm = 2;
    assert_true(asks(&d));
    d.now_us += 1234567;
    assert_true(asks(&d));
    assert_int_equal(d.a.room[SL_LEVEL_KEY].rpm_left, 0);
    assert_int_equal(d.a.room[SL_LEVEL_KEY].rpm_reset_ms, 60001); /* at 60 s it still counts */
    d.now_us = BEGIN + 60 * S;
    assert_false(asks(&d));
    refused(&d, SL_LIMIT_RPM, SL_LEVEL_KEY);
    assert_int_equal(d.a.figure, 2);
    assert_int_equal(d.a.used, 2);
    assert_int_equal(d.a.wait_ms, 1);
    d.now_us = BEGIN + 60 * S - 999;
    assert_false(asks(&d)); /* and time does not go back */
    assert_int_equal(d.a.at_us, BEGIN + 60 * S);
    d.now_us = BEGIN + 60 * S + 1;
    assert_true(asks(&d));
    assert_int_equal(d.a.at_us, d.now_us);
    sl_engine_end(&d.e);
}

/* The wait that is told is the first whole millisecond at which one passes. */
static void wait_is_exact(void **state)
{
    struct desk d;

    (void)state;
    desk_open(&d);
    d.tenant.limits.qps = 3;
    for (int round = 0; round < 200; round++) {
        int64_t then_us;

        d.now_us += 100 + (round * 7919) % 300000;
        if (asks(&d))
            continue;
        refused(&d, SL_LIMIT_QPS, SL_LEVEL_TENANT);
        assert_in_range(d.a.wait_ms, 1, 1001);
        then_us = d.now_us + d.a.wait_ms * 1000;
        d.now_us = then_us - 1000;
        if (d.a.wait_ms > 1)
            assert_false(asks(&d));
        d.now_us = then_us;
        assert_true(asks(&d));
    }
    sl_engine_end(&d.e);
}

static void lowered_limit(void **state)
{
    struct desk d;

    (void)state;
    desk_open(&d);
    d.tenant.limits.rpm = 10;
    for (int i = 0; i < 10; i++, d.now_us += S)
        assert_true(asks(&d));
    d.tenant.limits.rpm = 3;
    assert_false(asks(&d));
    assert_int_equal(d.a.used, 10);
    assert_int_equal(d.a.room[SL_LEVEL_TENANT].rpm_left, 0);
    /* eight must go: the eighth came at 7 s; it is 10 s now */
    assert_int_equal(d.a.wait_ms, 57001);
    d.now_us += 57001 * 1000;
    assert_true(asks(&d));
    sl_engine_end(&d.e);
}

static void token_buckets(void **state)
{
    struct desk d;

    (void)state;
    desk_open(&d);
    d.key.limits.tpm = 100;
    d.now_us += 900000; /* the bucket of second 0 */
    books_tokens(&d, 60);
    d.now_us = BEGIN + 30 * S + 5;
    books_tokens(&d, 30);
    assert_true(asks(&d));
    assert_int_equal(d.a.room[SL_LEVEL_KEY].tpm_left, 10);
    books_tokens(&d, 11); /* what was admitted may overshoot */
    assert_false(asks(&d));
    refused(&d, SL_LIMIT_TPM, SL_LEVEL_KEY);
    assert_int_equal(d.a.used, 101);
    assert_int_equal(d.a.wait_ms, 30000); /* 29.999995 s: the bucket goes at 60 s */
    assert_int_equal(d.a.room[SL_LEVEL_KEY].tpm_reset_ms, 60000);
    d.now_us = BEGIN + 60 * S - 1;
    assert_false(asks(&d));
    d.now_us = BEGIN + 60 * S;
    assert_true(asks(&d));
    assert_int_equal(d.a.room[SL_LEVEL_KEY].tpm_left, 59);
    d.now_us = BEGIN + 90 * S;
    assert_true(asks(&d));
    assert_int_equal(d.a.room[SL_LEVEL_KEY].tpm_left, 100);
    assert_int_equal(d.a.room[SL_LEVEL_KEY].tpm_reset_ms, 0);
    books_tokens(&d, UINT64_MAX);
    books_tokens(&d, UINT64_MAX);
    assert_false(asks(&d));
    d.now_us += 60 * S;
    assert_true(asks(&d));
    assert_int_equal(d.a.room[SL_LEVEL_KEY].tpm_left, 100);
    sl_engine_end(&d.e);
}

static void lease_to_the_microsecond(void **state)
{
    struct desk d;
    struct sl_hold h;

    (void)state;
    desk_open(&d);
    d.tenant.limits.concurrency = 1;
    assert_true(asks(&d));
    d.now_us += 10 * S;
    h = hold_of(&d, 1);
    sl_engine_renew(d.e, d.ask.tenant, &h, d.now_us);
    d.now_us += 30 * S - 1;
    assert_false(asks(&d));
    refused(&d, SL_LIMIT_CONCURRENCY, SL_LEVEL_TENANT);
    assert_int_equal(d.a.wait_ms, SL_QUOTA_BUSY_MS);
    d.now_us += 1;
    assert_true(asks(&d));
    /* the first one lives after all: it holds again, above the limit */
    h.leased[SL_LEVEL_KEY] = false;
    sl_engine_renew(d.e, d.ask.tenant, &h, d.now_us);
    assert_false(asks(&d));
    assert_int_equal(d.a.used, 2);
    sl_engine_end(&d.e);
}

/* What expired is given back once, and settling it later releases nothing more. */
static void expired_then_settled(void **state)
{
    struct desk d;
    struct sl_account account;
    int64_t reserved;

    (void)state;
    desk_open(&d);
    d.tenant.budget.credits_micro = 1000;
    d.ask.reserve_micro = 400;
    assert_true(asks(&d));
    assert_true(asks(&d));
    d.now_us += 20 * S;
    assert_false(asks(&d));
    refused(&d, SL_LIMIT_CREDITS, SL_LEVEL_TENANT);
    assert_int_equal(d.a.used, 800);
    assert_int_equal(d.a.wait_ms, -1);
    d.now_us += 10 * S;
    assert_true(asks(&d)); /* both have expired */
    settles(&d, 1, 300);
    assert_true(sl_engine_account(d.e, d.ask.tenant, (struct sl_str){0}, &account, &reserved));
    assert_int_equal(reserved, 400);
    assert_int_equal(account.spent_micro, 300);
    assert_false(asks(&d)); /* 1000 - 300 - 400 < 400 */
    sl_engine_end(&d.e);
}

static void expired_in_portions(void **state)
{
    struct desk d;

    (void)state;
    desk_open(&d);
    d.tenant.limits.concurrency = 1000;
    for (int i = 0; i < 1000; i++)
        assert_true(asks(&d));
    d.now_us += 31 * S;
    assert_true(asks(&d)); /* a hundred went, one came */
    assert_int_equal(d.a.room[SL_LEVEL_TENANT].concurrency_left, 99);
    for (int i = 0; i < 9; i++)
        assert_true(asks(&d));
    assert_int_equal(d.a.room[SL_LEVEL_TENANT].concurrency_left, 990);
    sl_engine_end(&d.e);
}

static void share_of_limits(void **state)
{
    struct desk d;
    struct sl_account account = {.held = true, .granted_micro = 1000, .spent_micro = 400};

    (void)state;
    desk_open(&d);
    d.tenant.limits.rpm = 10;
    d.key.limits.qps = 2;
    d.ask.may_hit = true;
    for (int i = 0; i < 3; i++) {
        sl_engine_admit(d.e, &d.ask, 3, d.now_us, &d.a);
        assert_int_equal(d.a.limit, SL_LIMIT_NONE);
        d.now_us += 2 * S;
    }
    assert_int_equal(d.a.room[SL_LEVEL_TENANT].rpm_left, 0);
    sl_engine_admit(d.e, &d.ask, 3, d.now_us, &d.a);
    refused(&d, SL_LIMIT_RPM, SL_LEVEL_TENANT);
    assert_int_equal(d.a.figure, 3);
    d.tenant.limits.rpm = SL_UNSET;
    sl_engine_admit(d.e, &d.ask, 5, d.now_us, &d.a); /* never less than one */
    assert_int_equal(d.a.limit, SL_LIMIT_NONE);
    d.now_us += 2 * S;

    /* a third of the 600 that were left, whatever is spent here meanwhile */
    d.key.limits.qps = SL_UNSET;
    d.tenant.budget.credits_micro = 5;
    sl_engine_set_account(d.e, d.ask.tenant, (struct sl_str){0}, &account);
    settles(&d, 1, 150);
    d.ask.reserve_micro = 51;
    sl_engine_admit(d.e, &d.ask, 3, d.now_us, &d.a);
    refused(&d, SL_LIMIT_CREDITS, SL_LEVEL_TENANT);
    assert_int_equal(d.a.room[SL_LEVEL_TENANT].credits_left_micro, 50);
    d.ask.reserve_micro = 50;
    sl_engine_admit(d.e, &d.ask, 3, d.now_us, &d.a);
    assert_int_equal(d.a.limit, SL_LIMIT_NONE);
    assert_false(sl_engine_grow(d.e, &d.ask, 1, 3, d.now_us, &d.a));
    refused(&d, SL_LIMIT_CREDITS, SL_LEVEL_TENANT);
    assert_true(sl_engine_grow(d.e, &d.ask, 1, 1, d.now_us, &d.a));
    sl_engine_end(&d.e);
}

/* Two hundred thousand keys and their tenants: beyond that the oldest idle one goes,
 * and one that is held by something stays. */
static void forgotten_when_full(void **state)
{
    struct desk d;
    char name[32];
    struct sl_str first = SL_STR("first"), kept = SL_STR("kept"), state_of = SL_STR("paused");

    (void)state;
    desk_open(&d);
    d.key.limits.rpm = 1;
    sl_engine_set_state(d.e, d.ask.tenant, kept, state_of, 7);
    d.ask.key_id = first;
    assert_true(asks(&d));
    assert_false(asks(&d));
    for (unsigned i = 0; i < SL_ENGINE_LEVELS; i++) {
        struct sl_text t = sl_text_over(name, sizeof name);

        sl_text_u64(&t, i);
        d.ask.key_id = sl_text_str(&t);
        assert_true(asks(&d));
    }
    assert_int_equal(sl_engine_count(d.e), SL_ENGINE_LEVELS);
    d.ask.key_id = first;
    assert_true(asks(&d)); /* its window began anew */
    d.ask.key_id = kept;
    assert_false(asks(&d));
    refused(&d, SL_LIMIT_STATE, SL_LEVEL_KEY);
    sl_engine_end(&d.e);
}

static void refused_when_all_are_kept(void **state)
{
    struct desk d;
    char name[32];

    (void)state;
    desk_open(&d);
    for (unsigned i = 0; i < SL_ENGINE_LEVELS; i++) {
        struct sl_text t = sl_text_over(name, sizeof name);

        assert_true(sl_engine_has_room(d.e, d.ask.tenant, SL_STR("k")) ||
                    i >= SL_ENGINE_LEVELS - 3);
        sl_text_u64(&t, i);
        sl_engine_set_state(d.e, d.ask.tenant, sl_text_str(&t), SL_STR("active"), 1);
    }
    assert_false(sl_engine_has_room(d.e, d.ask.tenant, SL_STR("k")));
    assert_true(sl_engine_has_room(d.e, d.ask.tenant, SL_STR("77")));
    assert_false(asks(&d));
    refused(&d, SL_LIMIT_STORE, SL_LEVEL_TENANT);
    assert_int_equal(d.a.room[SL_LEVEL_KEY].rpm_left, SL_UNSET);
    /* what was settled is booked all the same */
    settles(&d, 1, 5);
    assert_int_equal(sl_engine_count(d.e), SL_ENGINE_LEVELS + 2);
    sl_engine_end(&d.e);
}

static void idle_windows_take_no_memory(void **state)
{
    struct desk d;
    struct sl_party *p;

    (void)state;
    desk_open(&d);
    d.key.limits.rpm = 100;
    for (int i = 0; i < 100; i++)
        assert_true(asks(&d));
    books_tokens(&d, 7);
    p = sl_party_find(d.e, SL_STR("t"), SL_STR("k"));
    assert_non_null(p->rpm.at);
    d.ask.key_id = SL_STR("other");
    d.now_us += 63 * S;
    assert_true(asks(&d));
    assert_null(p->rpm.at);
    assert_null(p->tokens);
    d.ask.key_id = SL_STR("k");
    assert_true(asks(&d));
    assert_int_equal(d.a.room[SL_LEVEL_KEY].rpm_left, 99);
    sl_engine_end(&d.e);
}

/* Each allocation of an admission fails once: refused, and nothing is taken. */
static void no_memory(void **state)
{
    struct desk d;

    (void)state;
    for (uint64_t n = 1; n <= 4; n++) {
        desk_open(&d);
        d.ask.gateway_qps = 50;
        d.key.limits.rpm = d.tenant.limits.qps = 50;
        d.tenant.limits.concurrency = 50;
        d.key.budget.credits_micro = 100;
        d.ask.reserve_micro = 10;
        sl_mem_fail_at(n);
        assert_false(asks(&d));
        sl_mem_fail_at(0);
        refused(&d, SL_LIMIT_STORE, SL_LEVEL_TENANT);
        assert_false(d.a.leased || d.a.reserved || d.a.booked);
        assert_int_equal(d.a.room[SL_LEVEL_KEY].rpm_left, 50);
        assert_int_equal(d.a.room[SL_LEVEL_TENANT].concurrency_left, 50);
        assert_int_equal(d.a.room[SL_LEVEL_KEY].credits_left_micro, 100);
        assert_true(asks(&d));
        assert_int_equal(d.a.room[SL_LEVEL_KEY].rpm_left, 49);
        sl_engine_end(&d.e);
    }
    desk_open(&d);
    sl_mem_fail_at(1);
    books_tokens(&d, 10);
    sl_mem_fail_at(0);
    sl_engine_end(&d.e);
}

static void long_names(void **state)
{
    struct desk d;
    char name[129];

    (void)state;
    memset(name, 'n', sizeof name);
    desk_open(&d);
    d.ask.key_id = (struct sl_str){name, 128};
    assert_true(asks(&d));
    d.ask.key_id = (struct sl_str){name, 129};
    assert_false(asks(&d));
    refused(&d, SL_LIMIT_STORE, SL_LEVEL_TENANT);
    settles(&d, 1, 5);
    sl_engine_end(&d.e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_to_the_microsecond),
        cmocka_unit_test(wait_is_exact),
        cmocka_unit_test(lowered_limit),
        cmocka_unit_test(token_buckets),
        cmocka_unit_test(lease_to_the_microsecond),
        cmocka_unit_test(expired_then_settled),
        cmocka_unit_test(expired_in_portions),
        cmocka_unit_test(share_of_limits),
        cmocka_unit_test(forgotten_when_full),
        cmocka_unit_test(refused_when_all_are_kept),
        cmocka_unit_test(idle_windows_take_no_memory),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(long_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
