/* Texts of time: every unit, every way to be none. */
#include "base/when.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"0", 0},       {"0s", 0},       {"500ms", 500},    {"10s", 10000},
                {"5m", 300000}, {"1h", 3600000}, {"2d", 172800000}, {"007s", 7000}};
    static const char *const bad[] = {"",
                                      "10",
                                      "s",
                                      "-1s",
                                      "1.5s",
                                      "1 s",
                                      "10S",
                                      "1m30s",
                                      "1min",
                                      "1s ",
                                      "+1s",
                                      "0x1s",
                                      "99999999999999999999s",
                                      "18446744073709551615d"};
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(sl_when_duration(sl_str_of(good[i].text), &v));
        assert_int_equal(v, good[i].ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (sl_when_duration(sl_str_of(bad[i]), &v))
            fail_msg("accepted: '%s'", bad[i]);
}

static void test_dates(void **state)
{
    static const char *const bad[] = {"",
                                      "2027",
                                      "2027-13-01",
                                      "2027-02-29",
                                      "2027-00-01",
                                      "2027-01-00",
                                      "27-01-01",
                                      "2027/01/01",
                                      "1969-12-31",
                                      "2027-01-01T24:00:00Z",
                                      "2027-01-01T00:00:00",
                                      "2027-01-01 00:00:00Z",
                                      "2027-01-01T00:60:00Z"};
    uint64_t v;

    (void)state;
    assert_true(sl_when_date(SL_STR("2027-01-01"), &v) && v == 1798761600000u);
    assert_true(sl_when_date(SL_STR("2028-02-29"), &v) && v == 1835395200000u);
    assert_true(sl_when_date(SL_STR("2027-01-01T12:34:56Z"), &v) && v == 1798806896000u);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (sl_when_date(sl_str_of(bad[i]), &v))
            fail_msg("accepted: '%s'", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_dates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
