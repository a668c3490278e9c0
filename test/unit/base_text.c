/* Texts into a fixed place. */
#include "base/text.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void assert_text(const struct sl_text *t, const char *want)
{
    assert_int_equal(t->n, strlen(want));
    assert_memory_equal(t->p, want, t->n);
}

static void test_numbers(void **state)
{
    char place[200];
    struct sl_text t = sl_text_over(place, sizeof(place));

    (void)state;
    sl_text_u64(&t, 0);
    sl_text_byte(&t, ' ');
    sl_text_u64(&t, UINT64_MAX);
    sl_text_byte(&t, ' ');
    sl_text_i64(&t, INT64_MIN);
    sl_text_byte(&t, ' ');
    sl_text_i64(&t, INT64_MAX);
    sl_text_byte(&t, ' ');
    sl_text_i64(&t, -1);
    sl_text_byte(&t, ' ');
    sl_text_hex64(&t, 0x0123456789abcdefu);
    sl_text_printf(&t, " %d%s ", 5, "x");
    sl_text_thousandths(&t, 7);
    sl_text_byte(&t, ' ');
    sl_text_thousandths(&t, 1234567);
    assert_text(&t, "0 18446744073709551615 -9223372036854775808 9223372036854775807 -1 "
                    "0123456789abcdef 5x 0.007 1234.567");
    assert_false(t.cut);
}

/* Every length, at both ends of it, by printf's word. */
static void test_digits(void **state)
{
    uint64_t power = 1;

    (void)state;
    for (int digits = 1; digits <= 20; digits++, power = digits < 20 ? power * 10 : UINT64_MAX) {
        const uint64_t values[] = {power, power - 1, power / 7 * 3, power / 2 + UINT32_MAX};

        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            char place[32], want[32];
            struct sl_text t = sl_text_over(place, sizeof(place));

            sl_text_u64(&t, values[i]);
            snprintf(want, sizeof(want), "%llu", (unsigned long long)values[i]);
            assert_text(&t, want);
        }
    }
}

/* A quote at each place of texts of every length, in memory of exact size: none is read beyond. */
static void test_escape_anywhere(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 80; n++) {
        for (size_t at = 0; at < n; at++) {
            char *in = malloc(n), place[84], want[84];
            struct sl_text t = sl_text_over(place, sizeof(place));

            memset(in, 'a', n);
            in[at] = '"';
            snprintf(want, sizeof(want), "\"%.*s\\\"%.*s\"", (int)at, in, (int)(n - at - 1),
                     in + at + 1);
            sl_text_json(&t, (struct sl_str){in, n}, 0);
            assert_text(&t, want);
            free(in);
        }
    }
}

/* Whatever does not fit: the place holds a true beginning, and never a byte
 * more. The place is of exact size, so the sanitizer sees an overrun. */
static void test_every_size(void **state)
{
    static const char want[] = "head:\"a\\n\\u0001\xc3\xa4\\\\b\"\"plain\"42-00000000000000ff|tail|"
                               "1970-01-01T00:00:00.001Z";

    (void)state;
    for (size_t cap = 0; cap <= sizeof(want); cap++) {
        char *place = malloc(cap > 0 ? cap : 1);
        struct sl_text t = sl_text_over(place, cap);

        sl_text_add(&t, SL_STR("head:"));
        sl_text_json(&t, SL_STR("a\n\x01\xc3\xa4\\b"), 0);
        sl_text_json(&t, SL_STR("plain"), 0);
        sl_text_i64(&t, 42);
        sl_text_byte(&t, '-');
        sl_text_hex64(&t, 255);
        sl_text_printf(&t, "|%s|", "tail");
        sl_text_time(&t, 1);
        assert_int_equal(t.cut, cap < sizeof(want) - 1);
        assert_int_equal(t.n, t.cut ? cap : sizeof(want) - 1);
        assert_memory_equal(t.p, want, t.n);
        free(place);
    }
}

static void test_long_printf(void **state)
{
    char wide[601];

    (void)state;
    memset(wide, 'w', 600);
    wide[600] = '\0';
    for (size_t cap = 590; cap < 620; cap++) {
        char *place = malloc(cap);
        struct sl_text t = sl_text_over(place, cap);

        sl_text_add(&t, SL_STR("12345"));
        sl_text_printf(&t, "%s", wide);
        assert_int_equal(t.cut, cap <= 605); /* the terminator needs its byte here */
        assert_int_equal(t.n, t.cut ? cap - 1 : 605);
        assert_int_equal(t.p[t.n - 1], 'w');
        free(place);
    }
}

static void test_json(void **state)
{
    static const struct {
        struct sl_str in;
        size_t max;
        const char *want;
    } cases[] = {
        {SL_STR_INIT(""), 0, "\"\""},
        {SL_STR_INIT("plain"), 0, "\"plain\""},
        {SL_STR_INIT("\"\\/"), 0, "\"\\\"\\\\/\""},
        {SL_STR_INIT("\b\f\n\r\t"), 0, "\"\\b\\f\\n\\r\\t\""},
        {SL_STR_INIT("\0\x1f\x7f"), 0, "\"\\u0000\\u001f\x7f\""},
        {SL_STR_INIT("\xe2\x82\xac\xf0\x9f\x98\x80"), 0, "\"\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {SL_STR_INIT("\xc2\x80|\xc2\x9b|\xc2\x9f|\xc2\xa0"), 0,
         "\"\\u0080|\\u009b|\\u009f|\xc2\xa0\""},
        {SL_STR_INIT("a\xff"
                     "b"),
         0,
         "\"a\xef\xbf\xbd"
         "b\""},
        {SL_STR_INIT("\xc0\xaf"), 0, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {SL_STR_INIT("\xed\xa0\x80"), 0, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {SL_STR_INIT("\xe2\x82"), 0, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {SL_STR_INIT("abcdef"), 6, "\"abcdef\""},
        {SL_STR_INIT("abcdefg"), 6, "\"abcdef...\""},
        {SL_STR_INIT("abcd\xe2\x82\xac"), 6, "\"abcd...\""}, /* no sequence is split */
        {SL_STR_INIT("abc\xe2\x82\xac"
                     "d"),
         6, "\"abc\xe2\x82\xac...\""},
        {SL_STR_INIT("\x80\x80\x80\x80\x80\x80"), 1, "\"\xef\xbf\xbd...\""},
    };
    char place[200];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sl_text t = sl_text_over(place, sizeof(place));

        sl_text_json(&t, cases[i].in, cases[i].max);
        assert_text(&t, cases[i].want);
    }
}

/* Room that was asked for is enough, whatever the text. */
static void test_json_room(void **state)
{
    char in[40], place[6 * sizeof(in) + 8];

    (void)state;
    for (int c = 0; c < 256; c++) {
        for (size_t n = 0; n <= sizeof(in); n++) {
            struct sl_str s = {in, n};
            struct sl_text t = sl_text_over(place, sl_text_json_room(s, 30));

            memset(in, c, sizeof(in));
            t.cap = sl_text_json_room(s, 30);
            assert_true(t.cap <= sizeof(place));
            sl_text_json(&t, s, 30);
            assert_false(t.cut);
        }
    }
    assert_true(sl_text_json_room(SL_STR("plain"), 0) < 5 * 6);
}

static void test_time(void **state)
{
    char place[40], want[40];
    struct sl_text t;

    (void)state;
    /* against the C library, over leap years, centuries and the ends */
    for (int64_t sec = 0; sec < 253402300800; sec += 86400 * 13 + 3607) {
        time_t when = (time_t)sec;
        struct tm tm;

        t = sl_text_over(place, sizeof(place));
        sl_text_time(&t, sec * 1000 + 7);
        strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.007Z", gmtime_r(&when, &tm));
        assert_text(&t, want);
    }
    t = sl_text_over(place, sizeof(place));
    sl_text_time(&t, INT64_MIN);
    assert_text(&t, "1970-01-01T00:00:00.000Z");
    t = sl_text_over(place, sizeof(place));
    sl_text_time(&t, INT64_MAX);
    assert_text(&t, "9999-12-31T23:59:59.999Z");
    t = sl_text_over(place, sizeof(place));
    sl_text_time(&t, 1582934400000);
    assert_text(&t, "2020-02-29T00:00:00.000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),         cmocka_unit_test(test_digits),
        cmocka_unit_test(test_escape_anywhere), cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_long_printf),     cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_room),       cmocka_unit_test(test_time)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
