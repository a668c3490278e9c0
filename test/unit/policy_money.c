/* Money: decimal text exactly, costs in integers, nothing wraps near the ends of 64 bits. */
#include "policy/money.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        unsigned digits;
        int64_t want;
    } good[] = {
        {"0", 6, 0},
        {"3", 6, 3000000},
        {"12.5", 6, 12500000},
        {"-0.000003", 6, -3},
        {"0.000003", 12, 3000000},
        {"3e-06", 12, 3000000},
        {"3E-6", 12, 3000000},
        {"1.5e2", 6, 150000000},
        {"0.30", 6, 300000},
        {"007", 0, 7},
        {"3.0000000000000000000000", 6, 3000000},
        {"0e99999999999999999999", 6, 0},
        {"9223372036854.775807", 6, INT64_MAX},
        {"-9223372036854.775807", 6, -INT64_MAX},
        {"9223372036854775807", 0, INT64_MAX},
    };
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      ".5",
                                      "5.",
                                      "1e",
                                      "1e+",
                                      "1,5",
                                      "0x10",
                                      " 1",
                                      "1 ",
                                      "nan",
                                      "inf",
                                      "1.5.2",
                                      "--1",
                                      "1e400",
                                      "1e19",
                                      "0.0000001",
                                      "1e-400",
                                      "9223372036854.775808",
                                      "9223372036854775807",
                                      "18446744073709551632",
                                      "4294967312e12"};
    int64_t v;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        if (!sl_money_parse(sl_str_of(good[i].text), good[i].digits, &v))
            fail_msg("'%s' is a number", good[i].text);
        if (v != good[i].want)
            fail_msg("'%s' is %lld, not %lld", good[i].text, (long long)good[i].want, (long long)v);
    }
    v = 77;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (sl_money_parse(sl_str_of(bad[i]), 6, &v) || v != 77)
            fail_msg("'%s' is none, or not exact", bad[i]);
}

static void test_print(void **state)
{
    static const struct {
        int64_t micro;
        const char *want;
    } cases[] = {
        {0, "0"},           {1, "0.000001"},   {3000000, "3"},
        {12500000, "12.5"}, {-3, "-0.000003"}, {INT64_MAX, "9223372036854.775807"},
        {-1500000, "-1.5"}, {100, "0.0001"},   {INT64_MIN, "-9223372036854.775808"},
    };
    char out[24];
    int64_t back;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sl_str s = sl_money_print(cases[i].micro, out);

        if (!sl_str_eq(s, sl_str_of(cases[i].want)))
            fail_msg("%lld prints '%.*s'", (long long)cases[i].micro, SL_STR_ARGS(s));
        if (cases[i].micro != INT64_MIN) {
            assert_true(sl_money_parse(s, 6, &back));
            assert_true(back == cases[i].micro);
        }
    }
}

/* protocols.md 10.3's example: 0.0351 USD. */
static void test_cost(void **state)
{
    struct sl_price p;
    struct sl_priced what = {.in = 1200, .out = 800, .cache_read = 40000, .cache_write_5m = 2000};

    (void)state;
    sl_price_init(&p);
    assert_false(sl_price_is_known(&p));
    assert_true(sl_price_cost_pico(&p, &what) == 0);
    p.in = 3000000;
    assert_false(sl_price_is_known(&p));
    assert_true(sl_price_cost_pico(&p, &what) == 0);
    p.out = 15000000;
    sl_price_complete(&p, true);
    assert_true(sl_price_is_known(&p));
    assert_true(sl_price_cost_pico(&p, &what) == 35100000000);
    assert_true(sl_money_micro(sl_price_cost_pico(&p, &what)) == 35100);
    what = (struct sl_priced){.cache_write_1h = 1000, .searches = 3};
    p.search = 10000000000; /* 10 USD a thousand */
    p.request = 5;
    assert_true(sl_price_cost_pico(&p, &what) == 6000000000 + 30000000000 + 5);
    p.free = true;
    assert_true(sl_price_is_known(&p));
    assert_true(sl_price_cost_pico(&p, &what) == 0);
}

static void test_complete(void **state)
{
    struct sl_price p;

    (void)state;
    sl_price_init(&p);
    p.in = 3000001;
    p.out = 1;
    p.cache_read = 7;
    sl_price_complete(&p, true);
    assert_true(p.cache_read == 7);           /* what is said stays */
    assert_true(p.cache_write_5m == 3750002); /* rounded up */
    assert_true(p.cache_write_1h == 6000002);
    assert_true(p.search == 0 && p.request == 0);
    sl_price_init(&p);
    p.in = 2500000;
    sl_price_complete(&p, false);
    assert_true(p.cache_read == 2500000 && p.cache_write_5m == 2500000 &&
                p.cache_write_1h == 2500000);
    sl_price_init(&p);
    sl_price_complete(&p, true); /* nothing to go by */
    assert_true(p.cache_read == SL_MONEY_UNKNOWN);
    p.in = INT64_MAX;
    sl_price_complete(&p, true);
    assert_true(p.cache_write_1h == INT64_MAX && p.cache_write_5m == INT64_MAX);
    sl_price_init(&p);
    sl_price_unit(&p);
    assert_true(sl_price_is_known(&p));
    assert_true(sl_price_cost_pico(&p, &(struct sl_priced){.in = 1, .out = 1}) == 4000000);
}

/* M05: price times tokens near 2^63 does not wrap. M07: 10^18 tokens do not either. */
static void test_saturation(void **state)
{
    struct sl_price p;
    struct sl_priced what = {.in = (uint64_t)1 << 32, .out = 0};

    (void)state;
    sl_price_init(&p);
    p.in = p.out = (int64_t)1 << 31;
    sl_price_complete(&p, false);
    assert_true(sl_price_cost_pico(&p, &what) == INT64_MAX); /* 2^63 */
    what.in--;
    assert_true(sl_price_cost_pico(&p, &what) == INT64_MAX - 2147483647);
    what.out = 1;
    assert_true(sl_price_cost_pico(&p, &what) == INT64_MAX);
    what = (struct sl_priced){1000000000000000000, 1000000000000000000, 1000000000000000000,
                              1000000000000000000, 1000000000000000000, 1000000000000000000};
    p.search = 1;
    assert_true(sl_price_cost_pico(&p, &what) == INT64_MAX);
    memset(&what, 0xff, sizeof(what));
    assert_true(sl_price_cost_pico(&p, &what) == INT64_MAX);
    what = (struct sl_priced){.in = UINT64_MAX};
    p.in = 0; /* costs nothing, and says so */
    assert_true(sl_price_cost_pico(&p, &what) == 0);
}

/* A step in the price: beyond so many tokens of prompt the whole request costs more. */
static void test_long_prompts(void **state)
{
    struct sl_priced at = {.in = 1000, .out = 10, .cache_read = 98999, .cache_write_5m = 1};
    struct sl_price p;

    (void)state;
    sl_price_init(&p);
    p.in = 100000;
    p.out = 500000;
    p.long_over = 100000;
    p.beyond.in = 500000;
    p.beyond.out = 2500000;
    sl_price_complete(&p, true);
    assert_true(p.beyond.cache_read == 50000 && p.beyond.cache_write_5m == 625000 &&
                p.beyond.cache_write_1h == 1000000);
    assert_true(sl_price_cost_pico(&p, &at) ==
                1000 * 100000 + 10 * 500000 + 98999LL * 10000 + 125000);
    at.cache_write_1h = 1;
    assert_true(sl_price_cost_pico(&p, &at) ==
                1000 * 500000 + 10 * 2500000 + 98999LL * 50000 + 625000 + 1000000);
    at = (struct sl_priced){.out = 1000000}; /* an answer is no prompt */
    assert_true(sl_price_cost_pico(&p, &at) == 500000000000);
    at = (struct sl_priced){.in = UINT64_MAX, .cache_read = UINT64_MAX};
    assert_true(sl_price_cost_pico(&p, &at) == INT64_MAX);
}

static void test_micro(void **state)
{
    (void)state;
    assert_true(sl_money_micro(0) == 0);
    assert_true(sl_money_micro(1) == 1);
    assert_true(sl_money_micro(999999) == 1);
    assert_true(sl_money_micro(1000000) == 1);
    assert_true(sl_money_micro(1000001) == 2);
    assert_true(sl_money_micro(INT64_MAX) == 9223372036855);
    assert_true(sl_money_micro(-1) == 0); /* up is towards more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_print),
        cmocka_unit_test(test_cost),       cmocka_unit_test(test_complete),
        cmocka_unit_test(test_saturation), cmocka_unit_test(test_long_prompts),
        cmocka_unit_test(test_micro),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
