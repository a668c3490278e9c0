/* Slices: questions, pieces, numbers, hexadecimal. */
#include "base/str.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_equal(void **state)
{
    struct sl_str none = {NULL, 0};

    (void)state;
    assert_true(sl_str_eq(SL_STR("ab"), SL_STR("ab")));
    assert_false(sl_str_eq(SL_STR("ab"), SL_STR("aB")));
    assert_true(sl_str_eq(none, SL_STR("")));
    assert_true(sl_str_eq_nocase(SL_STR("Content-TYPE"), SL_STR("content-type")));
    assert_false(sl_str_eq_nocase(SL_STR("a"), SL_STR("ab")));
    /* only letters fold: '@' and '`', '[' and '{' are 32 apart as well */
    assert_false(sl_str_eq_nocase(SL_STR("@["), SL_STR("`{")));
    assert_false(sl_str_eq_nocase(SL_STR("\xc4"), SL_STR("\xe4")));
    assert_true(sl_str_eq_secret(SL_STR("secret"), SL_STR("secret")));
    assert_false(sl_str_eq_secret(SL_STR("secret"), SL_STR("secreT")));
    assert_false(sl_str_eq_secret(SL_STR("secret"), SL_STR("secrets")));
    assert_true(sl_str_eq_secret(none, none));
}

/* Every byte against every other, in words of every length: only letters fold. */
static void test_letters(void **state)
{
    char a[20], b[20];

    (void)state;
    for (size_t n = 1; n <= sizeof(a); n++) {
        for (int x = 0; x < 256 * 256; x++) {
            size_t at = (size_t)x % n;

            memset(a, 'Q', n);
            memset(b, 'q', n);
            a[at] = (char)(x >> 8);
            b[at] = (char)x;
            assert_int_equal(sl_str_eq_nocase((struct sl_str){a, n}, (struct sl_str){b, n}),
                             lower(a[at]) == lower(b[at]));
        }
    }
}

static void test_parts(void **state)
{
    struct sl_str s = SL_STR("bearer x");

    (void)state;
    assert_true(sl_str_starts(s, SL_STR("bearer ")));
    assert_true(sl_str_starts(s, SL_STR("")));
    assert_false(sl_str_starts(SL_STR("be"), SL_STR("bearer")));
    assert_true(sl_str_starts_nocase(s, SL_STR("BEARER ")));
    assert_false(sl_str_starts_nocase(SL_STR("bear"), SL_STR("BEARER")));
    assert_true(sl_str_ends(s, SL_STR(" x")));
    assert_true(sl_str_ends(s, s));
    assert_false(sl_str_ends(SL_STR("x"), s));
    assert_int_equal(sl_str_find(s, SL_STR("are")), 2);
    assert_int_equal(sl_str_find(s, SL_STR("x")), 7);
    assert_int_equal(sl_str_find(s, SL_STR("")), 0);
    assert_int_equal(sl_str_find(s, SL_STR("y")), -1);
    assert_int_equal(sl_str_find(SL_STR("a"), SL_STR("ab")), -1);
    assert_int_equal(sl_str_find((struct sl_str){NULL, 0}, SL_STR("a")), -1);
    assert_int_equal(sl_str_find_byte(s, ' '), 6);
    assert_int_equal(sl_str_find_byte((struct sl_str){NULL, 0}, ' '), -1);
    assert_true(sl_str_eq(sl_str_from(s, 7), SL_STR("x")));
    assert_int_equal(sl_str_from(s, 99).n, 0);
    assert_true(sl_str_eq(sl_str_first(s, 2), SL_STR("be")));
    assert_true(sl_str_eq(sl_str_first(s, 99), s));
}

static void test_trim(void **state)
{
    (void)state;
    assert_true(sl_str_eq(sl_str_trim(SL_STR(" \t a b\t ")), SL_STR("a b")));
    assert_int_equal(sl_str_trim(SL_STR(" \t ")).n, 0);
    assert_int_equal(sl_str_trim(SL_STR("")).n, 0);
    assert_true(sl_str_eq(sl_str_trim(SL_STR("a b")), SL_STR("a b")));
    assert_true(sl_str_eq(sl_str_trim(SL_STR("a\t")), SL_STR("a")));
    assert_true(sl_str_eq(sl_str_trim(SL_STR(" a")), SL_STR("a")));
    assert_true(sl_str_eq(sl_str_trim(SL_STR("\na\r")), SL_STR("\na\r")));
}

static void test_split(void **state)
{
    struct sl_str rest = SL_STR("a,,bc"), piece;

    (void)state;
    assert_true(sl_str_split(&rest, ',', &piece) && sl_str_eq(piece, SL_STR("a")));
    assert_true(sl_str_split(&rest, ',', &piece) && piece.n == 0);
    assert_true(sl_str_split(&rest, ',', &piece) && sl_str_eq(piece, SL_STR("bc")));
    assert_false(sl_str_split(&rest, ',', &piece));
    rest = SL_STR("a,");
    assert_true(sl_str_split(&rest, ',', &piece) && sl_str_eq(piece, SL_STR("a")));
    assert_false(sl_str_split(&rest, ',', &piece));
}

static void test_numbers(void **state)
{
    static const struct sl_str wrong[] = {SL_STR_INIT(""),
                                          SL_STR_INIT("-1"),
                                          SL_STR_INIT("+1"),
                                          SL_STR_INIT(" 1"),
                                          SL_STR_INIT("1 "),
                                          SL_STR_INIT("1.0"),
                                          SL_STR_INIT("0x1"),
                                          SL_STR_INIT("18446744073709551616"),
                                          SL_STR_INIT("99999999999999999999999")};
    uint64_t v = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(sl_str_to_u64(wrong[i], &v));
        assert_int_equal(v, 7);
    }
    assert_true(sl_str_to_u64(SL_STR("18446744073709551615"), &v) && v == UINT64_MAX);
    assert_true(sl_str_to_u64(SL_STR("0"), &v) && v == 0);
    /* nothing behind the slice is read */
    assert_true(sl_str_to_u64((struct sl_str){"123", 2}, &v) && v == 12);
}

/* What does not fit behind the point is rounded away from zero, and said. */
static void test_decimals(void **state)
{
    static const struct {
        const char *text;
        unsigned digits;
        int64_t want;
        bool exact;
    } good[] = {
        {"12.5", 1, 125, true},
        {"12.5", 0, 13, false},
        {"-12.5", 0, -13, false},
        {"0.0000001", 6, 1, false},
        {"-0.0000001", 6, -1, false},
        {"1e-99", 6, 1, false},
        {"0e-99", 6, 0, true},
        {"1.0000000", 2, 100, true},
        {"12e1", 2, 12000, true},
        {"1.25E+2", 0, 125, true},
        {"0.00125e3", 2, 125, true},
        {"-0", 3, 0, true},
        {"9223372036854775807", 0, INT64_MAX, true},
        {"9223372036854775806.5", 0, INT64_MAX, false},
        {"0.000000000000000000000009e24", 0, 9, true},
        {"1e-18446744073709551617", 0, 1, false},
    };
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      ".5",
                                      "5.",
                                      "1e",
                                      "1e-",
                                      "1e1.5",
                                      "1 ",
                                      " 1",
                                      "1x",
                                      "--1",
                                      "0x1",
                                      "1.2.3",
                                      "1e400",
                                      "1e19",
                                      "92233720368547758.08e2",
                                      "nan",
                                      "e5",
                                      "9223372036854775807.5",
                                      "1e99999999999999999999"};
    bool exact;
    int64_t v;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(sl_str_to_decimal(sl_str_of(good[i].text), good[i].digits, &v, &exact));
        if (v != good[i].want || exact != good[i].exact)
            fail_msg("%s is %lld%s", good[i].text, (long long)v, exact ? "" : ", rounded");
    }
    v = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (sl_str_to_decimal(sl_str_of(bad[i]), 0, &v, &exact) || v != 7)
            fail_msg("'%s' is no number", bad[i]);
    /* nothing behind the slice is read */
    assert_true(sl_str_to_decimal((struct sl_str){"1.25", 3}, 2, &v, NULL) && v == 120);
}

static void test_hex(void **state)
{
    const uint8_t bytes[3] = {0x00, 0x9a, 0xff};
    uint8_t back[3] = {1, 2, 3};
    char text[6];

    (void)state;
    sl_str_hex(bytes, 3, text);
    assert_memory_equal(text, "009aff", 6);
    assert_false(sl_str_unhex(SL_STR("009afg"), back, 3));
    assert_false(sl_str_unhex(SL_STR("009af"), back, 3));
    assert_false(sl_str_unhex(SL_STR("009aff0"), back, 3));
    assert_int_equal(back[0], 1);
    assert_true(sl_str_unhex(SL_STR("009AfF"), back, 3));
    assert_memory_equal(back, bytes, 3);
    assert_true(sl_str_unhex(SL_STR(""), back, 0));
    for (unsigned byte = 0; byte < 256; byte++) {
        char want[3], got[2];

        snprintf(want, sizeof(want), "%02x", byte);
        sl_str_hex(&(uint8_t){(uint8_t)byte}, 1, got);
        assert_memory_equal(got, want, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),    cmocka_unit_test(test_letters),
        cmocka_unit_test(test_parts),    cmocka_unit_test(test_trim),
        cmocka_unit_test(test_split),    cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_decimals), cmocka_unit_test(test_hex)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
