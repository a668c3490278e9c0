/* The breaker: 15 % of at least 20 in 30 s opens it for 30 s, three probes close it. */
#include "policy/health/breaker.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct sl_breaker_rules rules = {
    .window_ms = 30000, .open_ms = 30000, .error_ppm = 150000, .min_requests = 20, .probes = 3};

#define T0 UINT64_C(1000000)

static bool ask(struct sl_breaker *b, uint64_t now, enum sl_outcome how)
{
    struct sl_breaker_lease lease;

    if (!sl_breaker_take(b, &rules, now, &lease))
        return false;
    sl_breaker_give(b, &rules, now, &lease, how);
    return true;
}

static void feed(struct sl_breaker *b, uint64_t now, unsigned good, unsigned bad)
{
    while (good-- > 0)
        assert_true(ask(b, now, SL_OUTCOME_GOOD));
    while (bad-- > 0)
        assert_true(ask(b, now, SL_OUTCOME_BAD));
}

static void assert_state(const struct sl_breaker *b, uint64_t now, enum sl_breaker_state want)
{
    assert_int_equal(sl_breaker_look(b, &rules, now), want);
}

static void test_rate_and_least_number(void **state)
{
    static const struct {
        unsigned good, bad;
        enum sl_breaker_state want;
    } rows[] = {
        {18, 2, SL_BREAKER_CLOSED},                               /* 10 % */
        {17, 3, SL_BREAKER_OPEN},                                 /* 15 % */
        {0, 19, SL_BREAKER_CLOSED},                               /* too few */
        {0, 20, SL_BREAKER_OPEN},   {200, 35, SL_BREAKER_CLOSED}, /* 14.9 % */
        {200, 36, SL_BREAKER_OPEN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sl_breaker b = {0};

        feed(&b, T0, rows[i].good, rows[i].bad);
        assert_state(&b, T0, rows[i].want);
        assert_int_equal(sl_breaker_count(&b, &rules, T0).all, rows[i].good + rows[i].bad);
        assert_int_equal(sl_breaker_count(&b, &rules, T0 + 29000).bad, rows[i].bad);
        assert_int_equal(sl_breaker_count(&b, &rules, T0 + 31000).all, 0);
    }
}

/* The bad ones may come first: then the twentieth opens it, though it is good. */
static void test_order_does_not_matter(void **state)
{
    struct sl_breaker b = {0};

    (void)state;
    feed(&b, T0, 0, 3);
    feed(&b, T0, 16, 0);
    assert_state(&b, T0, SL_BREAKER_CLOSED);
    feed(&b, T0, 1, 0);
    assert_state(&b, T0, SL_BREAKER_OPEN);
}

static void test_window_slides(void **state)
{
    struct sl_breaker b = {0};

    (void)state;
    feed(&b, T0, 0, 19);
    feed(&b, T0 + 30000, 0, 19); /* the first ones have just left */
    assert_state(&b, T0 + 30000, SL_BREAKER_CLOSED);
    feed(&b, T0 + 58000, 0, 1); /* these have not */
    assert_state(&b, T0 + 58000, SL_BREAKER_OPEN);
}

static void test_what_never_counts(void **state)
{
    struct sl_breaker b = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_true(ask(&b, T0, SL_OUTCOME_NONE));
    feed(&b, T0, 0, 19);
    assert_state(&b, T0, SL_BREAKER_CLOSED);
}

static void open_it(struct sl_breaker *b)
{
    feed(b, T0, 0, 20);
    assert_state(b, T0, SL_BREAKER_OPEN);
}

static void test_open_half_closed(void **state)
{
    struct sl_breaker b = {0};
    struct sl_breaker_lease lease[4];

    (void)state;
    open_it(&b);
    assert_false(ask(&b, T0 + 29999, SL_OUTCOME_GOOD));
    assert_int_equal(sl_breaker_rest_ms(&b, &rules, T0 + 10000), 20000);
    assert_state(&b, T0 + 30000, SL_BREAKER_HALF);
    assert_int_equal(sl_breaker_rest_ms(&b, &rules, T0 + 30000), 0);
    for (int i = 0; i < 3; i++)
        assert_true(sl_breaker_take(&b, &rules, T0 + 30000, &lease[i]));
    assert_false(sl_breaker_take(&b, &rules, T0 + 30000, &lease[3]));
    for (int i = 0; i < 3; i++) {
        assert_state(&b, T0 + 30100, SL_BREAKER_HALF);
        sl_breaker_give(&b, &rules, T0 + 30100, &lease[i], SL_OUTCOME_GOOD);
    }
    assert_state(&b, T0 + 30100, SL_BREAKER_CLOSED);
    feed(&b, T0 + 30100, 0, 19); /* and nothing is remembered */
    assert_state(&b, T0 + 30100, SL_BREAKER_CLOSED);
}

static void test_probe_fails(void **state)
{
    struct sl_breaker b = {0};

    (void)state;
    open_it(&b);
    assert_true(ask(&b, T0 + 30000, SL_OUTCOME_GOOD));
    assert_true(ask(&b, T0 + 30500, SL_OUTCOME_BAD));
    assert_state(&b, T0 + 60499, SL_BREAKER_OPEN);
    assert_state(&b, T0 + 60500, SL_BREAKER_HALF);
}

/* A probe that says nothing gives its place back. */
static void test_probe_without_outcome(void **state)
{
    struct sl_breaker b = {0};

    (void)state;
    open_it(&b);
    for (int i = 0; i < 10; i++)
        assert_true(ask(&b, T0 + 30000, SL_OUTCOME_NONE));
    assert_state(&b, T0 + 30000, SL_BREAKER_HALF);
}

static void test_late_outcomes(void **state)
{
    struct sl_breaker b = {0};
    struct sl_breaker_lease late[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_true(sl_breaker_take(&b, &rules, T0, &late[i]));
    open_it(&b);
    sl_breaker_give(&b, &rules, T0 + 1, &late[0], SL_OUTCOME_GOOD);
    assert_state(&b, T0 + 1, SL_BREAKER_OPEN);
    assert_true(ask(&b, T0 + 30000, SL_OUTCOME_GOOD));
    sl_breaker_give(&b, &rules, T0 + 30001, &late[1], SL_OUTCOME_BAD);
    assert_state(&b, T0 + 30001, SL_BREAKER_HALF);
    sl_breaker_give(&b, &rules, T0 + 30001, &late[1], SL_OUTCOME_BAD); /* twice: nothing */
}

static void test_out_of_turn(void **state)
{
    struct sl_breaker b = {0};
    struct sl_breaker_lease lease;

    (void)state;
    open_it(&b);
    sl_breaker_force(&b, &rules, T0 + 1000, &lease);
    sl_breaker_give(&b, &rules, T0 + 1000, &lease, SL_OUTCOME_BAD);
    assert_state(&b, T0 + 29999, SL_BREAKER_OPEN); /* and its rest is no longer for it */
    assert_state(&b, T0 + 30000, SL_BREAKER_HALF);
    memset(&b, 0, sizeof b);
    open_it(&b);
    sl_breaker_force(&b, &rules, T0 + 2000, &lease);
    sl_breaker_give(&b, &rules, T0 + 2000, &lease, SL_OUTCOME_GOOD);
    assert_state(&b, T0 + 2000, SL_BREAKER_HALF);
    assert_true(ask(&b, T0 + 2000, SL_OUTCOME_GOOD));
    assert_true(ask(&b, T0 + 2000, SL_OUTCOME_GOOD));
    assert_state(&b, T0 + 2000, SL_BREAKER_CLOSED);
}

/* An answer that broke off counts once, as bad. */
static void test_spoil(void **state)
{
    struct sl_breaker b = {0};
    struct sl_breaker_lease lease = {.held = false};

    (void)state;
    feed(&b, T0, 20, 0);
    sl_breaker_spoil(&b, &rules, T0, &lease);
    sl_breaker_spoil(&b, &rules, T0, &lease);
    assert_state(&b, T0, SL_BREAKER_CLOSED); /* 2 of 20 */
    sl_breaker_spoil(&b, &rules, T0, &lease);
    assert_state(&b, T0, SL_BREAKER_OPEN); /* 3 of 20 */
    assert_true(sl_breaker_take(&b, &rules, T0 + 30000, &lease));
    sl_breaker_give(&b, &rules, T0 + 30000, &lease, SL_OUTCOME_GOOD);
    sl_breaker_spoil(&b, &rules, T0 + 30000, &lease);
    assert_state(&b, T0 + 30000, SL_BREAKER_OPEN);
    sl_breaker_spoil(&b, &rules, T0 + 30000, &lease);
}

/* Thirty are asked at once, and three fail before the first others are answered: that is
 * one in ten, not three of twenty, unless the others hang. */
static void test_failures_are_quick(void **state)
{
    (void)state;
    for (int hang = 0; hang < 2; hang++) {
        struct sl_breaker b = {0};
        struct sl_breaker_lease lease[30];

        for (int i = 0; i < 30; i++)
            assert_true(sl_breaker_take(&b, &rules, T0, &lease[i]));
        for (int i = 0; i < 20; i++)
            sl_breaker_give(&b, &rules, T0 + 10, &lease[i],
                            i < 3 ? SL_OUTCOME_BAD : SL_OUTCOME_GOOD);
        assert_state(&b, T0 + 10, SL_BREAKER_CLOSED);
        for (int i = 20; !hang && i < 30; i++)
            sl_breaker_give(&b, &rules, T0 + 4000, &lease[i], SL_OUTCOME_GOOD);
        feed(&b, T0 + 4000, 0, 1); /* 4 of 31 */
        assert_state(&b, T0 + 4000, SL_BREAKER_CLOSED);
        feed(&b, T0 + 5000, 1, 0); /* 4 of 32, or 4 of 22 */
        assert_state(&b, T0 + 5000, hang ? SL_BREAKER_OPEN : SL_BREAKER_CLOSED);
        if (hang)
            continue;
        sl_breaker_give(&b, &rules, T0 + 5000, &lease[29], SL_OUTCOME_BAD); /* twice: nothing */
        assert_state(&b, T0 + 5000, SL_BREAKER_CLOSED);
    }
}

/* Of those that end without an outcome none stays under way. */
static void test_clients_that_leave_are_not_under_way(void **state)
{
    struct sl_breaker b = {0};
    struct sl_breaker_lease lease[100];

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_true(sl_breaker_take(&b, &rules, T0, &lease[i]));
    for (int i = 0; i < 100; i++)
        sl_breaker_give(&b, &rules, T0, &lease[i], SL_OUTCOME_NONE);
    feed(&b, T0, 17, 3);
    assert_state(&b, T0, SL_BREAKER_OPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_and_least_number),
        cmocka_unit_test(test_order_does_not_matter),
        cmocka_unit_test(test_window_slides),
        cmocka_unit_test(test_what_never_counts),
        cmocka_unit_test(test_open_half_closed),
        cmocka_unit_test(test_probe_fails),
        cmocka_unit_test(test_probe_without_outcome),
        cmocka_unit_test(test_late_outcomes),
        cmocka_unit_test(test_out_of_turn),
        cmocka_unit_test(test_spoil),
        cmocka_unit_test(test_failures_are_quick),
        cmocka_unit_test(test_clients_that_leave_are_not_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
