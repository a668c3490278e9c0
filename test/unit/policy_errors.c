/* Promise: what part of the requests failed within the window is known, true to a tenth of it. */
#include "policy/health/errors.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct sl_errors_rules rules = {
    .window_ms = 10000, .rate_ppm = 250000, .min_requests = 4};

static void test_window(void **state)
{
    struct sl_errors e = {0};
    struct sl_errors_sum sum = sl_errors_sum(&e, &rules, 0);

    (void)state;
    assert_false(sum.high);
    for (int i = 0; i < 3; i++)
        sl_errors_note(&e, &rules, 500, true);
    assert_false(sl_errors_sum(&e, &rules, 500).high); /* too few */
    sl_errors_note(&e, &rules, 1500, false);
    sum = sl_errors_sum(&e, &rules, 9999);
    assert_true(sum.high && sum.all == 4 && sum.bad == 3 && sum.rate_ppm == 750000);
    sum = sl_errors_sum(&e, &rules, 10000); /* the first slice has gone */
    assert_true(!sum.high && sum.all == 1 && sum.bad == 0);
    assert_int_equal(sl_errors_sum(&e, &rules, 11000).all, 0);
    sl_errors_note(&e, &rules, 10500, true); /* in the place of the first slice */
    sum = sl_errors_sum(&e, &rules, 10500);
    assert_true(sum.all == 2 && sum.bad == 1);
}

static void test_marks(void **state)
{
    struct sl_errors_rules none = rules, at = rules;
    struct sl_errors e = {0};

    (void)state;
    none.rate_ppm = 0;
    for (int i = 0; i < 4; i++)
        sl_errors_note(&e, &rules, 0, i == 0);
    assert_true(sl_errors_sum(&e, &at, 0).high);
    at.rate_ppm = 250001;
    assert_false(sl_errors_sum(&e, &at, 0).high);
    assert_false(sl_errors_sum(&e, &none, 0).high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_window), cmocka_unit_test(test_marks)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
