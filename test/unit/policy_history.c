/* Seconds and minutes of what was counted; percentiles near enough; nothing older than it is kept.
 */
#include "policy/history/history.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T0 1800000000 /* begins a minute */

static struct sl_history h;
static struct sl_tally t;

static int setup(void **state)
{
    (void)state;
    memset(&h, 0, sizeof h);
    memset(&t, 0, sizeof t);
    return 0;
}

static void test_buckets(void **state)
{
    (void)state;
    for (uint64_t us = 4, last = 0; us < UINT32_MAX; us += us / 7 + 1) {
        size_t b = bucket_of(us);
        double ratio = (double)middle_of(b) / (double)us;

        assert_true(b < SL_TALLY_BUCKETS && b >= last);
        if (us > 16 && (ratio < 0.89 || ratio > 1.13))
            fail_msg("%llu is told as %u", (unsigned long long)us, middle_of(b));
        last = b;
    }
    assert_int_equal(bucket_of(0), 0);
    assert_true(bucket_of(UINT64_MAX) < SL_TALLY_BUCKETS);
}

static void test_seconds_are_differences(void **state)
{
    const struct sl_sample *s;

    (void)state;
    sl_tally_add(&t, SL_TALLY_REQUESTS, 100); /* before anybody looked */
    sl_history_look(&h, &t, 0, T0);
    assert_null(sl_history_next(&h, false, 0));
    sl_tally_add(&t, SL_TALLY_REQUESTS, 7);
    sl_history_look(&h, &t, 3, T0);
    sl_history_look(&h, &t, 3, T0 + 1);
    sl_tally_add(&t, SL_TALLY_REQUESTS, 2);
    sl_tally_add(&t, SL_TALLY_COST, UINT64_MAX / 2);
    sl_history_look(&h, &t, 4, T0 + 2);
    s = sl_history_next(&h, false, 0);
    assert_int_equal(s->at_s, T0);
    assert_int_equal(s->n[SL_TALLY_REQUESTS], 7);
    assert_int_equal(s->running, 3);
    s = sl_history_next(&h, false, s->at_s);
    assert_int_equal(s->at_s, T0 + 1);
    assert_int_equal(s->n[SL_TALLY_REQUESTS], 2);
    assert_int_equal(s->n[SL_TALLY_COST], UINT32_MAX);
    assert_null(sl_history_next(&h, false, s->at_s));
    assert_null(sl_history_next(&h, false, T0 + 1000));
}

static void test_minutes_hold_what_seconds_did(void **state)
{
    const struct sl_sample *s;
    uint64_t in_seconds = 0;
    int64_t at = 0;

    (void)state;
    for (int64_t i = 0; i <= 180; i++) {
        sl_history_look(&h, &t, 0, T0 + i);
        sl_tally_add(&t, SL_TALLY_REQUESTS, (uint64_t)i);
    }
    while ((s = sl_history_next(&h, false, at)) != NULL) {
        in_seconds += s->n[SL_TALLY_REQUESTS];
        at = s->at_s;
    }
    assert_int_equal(in_seconds, 179 * 180 / 2);
    s = sl_history_next(&h, true, 0);
    assert_int_equal(s->at_s, T0);
    assert_int_equal(s->n[SL_TALLY_REQUESTS], 59 * 60 / 2);
    s = sl_history_next(&h, true, T0 + 60);
    assert_int_equal(s->at_s, T0 + 120);
    assert_null(sl_history_next(&h, true, s->at_s));
}

static void test_it_is_bounded(void **state)
{
    const struct sl_sample *s;
    size_t n = 0;
    int64_t at = 0;

    (void)state;
    for (int64_t i = 0; i <= 100000; i++)
        sl_history_look(&h, &t, 0, T0 + i);
    s = sl_history_next(&h, false, 0);
    assert_int_equal(s->at_s, T0 + 100000 - SL_HISTORY_SECONDS);
    while ((s = sl_history_next(&h, true, at)) != NULL) {
        assert_true(s->at_s > at);
        at = s->at_s;
        n++;
    }
    assert_int_equal(n, SL_HISTORY_MINUTES);
}

static void test_gaps_and_clocks(void **state)
{
    (void)state;
    sl_history_look(&h, &t, 0, T0);
    sl_tally_add(&t, SL_TALLY_REQUESTS, 5);
    sl_history_look(&h, &t, 0, T0 + 50000);     /* the machine slept */
    assert_null(sl_history_next(&h, false, 0)); /* that second is too old by now */
    assert_int_equal(sl_history_next(&h, true, 0)->n[SL_TALLY_REQUESTS], 5);
    sl_history_look(&h, &t, 0, T0 - 5); /* the clock was set back */
    assert_null(sl_history_next(&h, false, 0));
    assert_null(sl_history_next(&h, true, 0));
    sl_history_look(&h, &t, 0, T0 - 4);
    assert_int_equal(sl_history_next(&h, false, 0)->at_s, T0 - 5);
}

static void test_percentiles(void **state)
{
    const struct sl_sample *s;

    (void)state;
    sl_history_look(&h, &t, 0, T0);
    for (uint64_t i = 1; i <= 1000; i++)
        sl_tally_time(&t, SL_TALLY_TOTAL, i * 1000);
    sl_tally_time(&t, SL_TALLY_OWN, 100);
    sl_history_look(&h, &t, 0, T0 + 1);
    s = sl_history_next(&h, false, 0);
    assert_in_range(s->us[SL_TALLY_TOTAL][SL_HISTORY_P50], 450000, 550000);
    assert_in_range(s->us[SL_TALLY_TOTAL][SL_HISTORY_P90], 800000, 1000000);
    assert_in_range(s->us[SL_TALLY_TOTAL][SL_HISTORY_P99], 890000, 1100000);
    assert_in_range(s->us[SL_TALLY_OWN][SL_HISTORY_P50], 90, 112);
    assert_int_equal(s->us[SL_TALLY_OWN][SL_HISTORY_P99], s->us[SL_TALLY_OWN][SL_HISTORY_P50]);
    assert_int_equal(s->us[SL_TALLY_TTFT][SL_HISTORY_P50], SL_HISTORY_NONE);
    sl_history_look(&h, &t, 0, T0 + 2);
    s = sl_history_next(&h, false, s->at_s);
    assert_int_equal(s->us[SL_TALLY_TOTAL][SL_HISTORY_P50], SL_HISTORY_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_buckets, setup),
        cmocka_unit_test_setup(test_seconds_are_differences, setup),
        cmocka_unit_test_setup(test_minutes_hold_what_seconds_did, setup),
        cmocka_unit_test_setup(test_it_is_bounded, setup),
        cmocka_unit_test_setup(test_gaps_and_clocks, setup),
        cmocka_unit_test_setup(test_percentiles, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
