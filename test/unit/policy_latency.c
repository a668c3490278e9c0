/* An average that rises at once, falls with time, and counts what is under way. */
#include "policy/routing/latency.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T0 UINT64_C(50000)

static void test_rises_at_once(void **state)
{
    struct sl_latency l = {0};

    (void)state;
    assert_int_equal(sl_latency_look(&l, T0), 0); /* nothing known: worth a try */
    sl_latency_note(&l, T0, 1000);
    assert_int_equal(sl_latency_look(&l, T0), 1000);
    sl_latency_note(&l, T0 + 1, 90000);
    assert_int_equal(sl_latency_look(&l, T0 + 1), 90000);
}

static void test_falls_with_time(void **state)
{
    struct sl_latency l = {0};

    (void)state;
    sl_latency_note(&l, T0, 90000);
    sl_latency_note(&l, T0, 1000); /* in the same moment: it says little */
    assert_int_equal(sl_latency_look(&l, T0), 90000);
    assert_int_equal(sl_latency_look(&l, T0 + SL_LATENCY_TAU_MS), 45000); /* a try is due */
    sl_latency_note(&l, T0 + SL_LATENCY_TAU_MS, 10000);
    assert_int_equal(sl_latency_look(&l, T0 + SL_LATENCY_TAU_MS), 50000);
}

static void test_counts_what_is_under_way(void **state)
{
    struct sl_latency l = {0};

    (void)state;
    sl_latency_begin(&l);
    assert_true(sl_latency_look(&l, T0) > 0); /* only one goes to try */
    sl_latency_note(&l, T0, 1000);
    sl_latency_begin(&l);
    assert_int_equal(sl_latency_look(&l, T0), 3000);
    sl_latency_end(&l);
    sl_latency_end(&l);
    sl_latency_end(&l); /* one too many does no harm */
    assert_int_equal(sl_latency_look(&l, T0), 1000);
}

static void test_a_failure_is_slow(void **state)
{
    struct sl_latency l = {0};

    (void)state;
    sl_latency_fail(&l, T0, 10);
    assert_int_equal(sl_latency_look(&l, T0), SL_LATENCY_FAILED_US);
    sl_latency_fail(&l, T0, UINT64_MAX); /* bounded: no product overflows */
    l.under_way = UINT64_MAX;
    assert_true(sl_latency_look(&l, T0) >= SL_LATENCY_FAILED_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rises_at_once),
        cmocka_unit_test(test_falls_with_time),
        cmocka_unit_test(test_counts_what_is_under_way),
        cmocka_unit_test(test_a_failure_is_slow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
