/* Promise: base64 goes there and back, and of two texts of one value one is refused. */
#include "base/base64.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_texts_of_the_rfc(void **state)
{
    static const char *const texts[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    char out[16];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sl_str plain = sl_str_of(texts[i][0]);
        size_t n = sl_base64_encode((const uint8_t *)plain.p, plain.n, out);

        assert_true(sl_str_eq((struct sl_str){out, n}, sl_str_of(texts[i][1])));
        assert_true(n <= SL_BASE64_ROOM(plain.n));
    }
}

static void test_there_and_back(void **state)
{
    uint8_t in[64], back[64];
    char text[SL_BASE64_ROOM(64)];

    (void)state;
    for (size_t n = 0; n <= sizeof in; n++) {
        size_t made, got = 0;

        for (size_t i = 0; i < n; i++)
            in[i] = (uint8_t)(i * 37 + n * 101);
        made = sl_base64_encode_url(in, n, text);
        assert_true(sl_base64_decode_url((struct sl_str){text, made}, back, sizeof back, &got));
        assert_int_equal(got, n);
        assert_memory_equal(in, back, n);
        if (n > 0)
            assert_false(sl_base64_decode_url((struct sl_str){text, made}, back, n - 1, &got));
    }
}

static void test_refused(void **state)
{
    static const char *const wrong[] = {"A",    "Zg==", "Zm8=", "Zm9+",  "Zm9/",
                                        "Zm 9", "Zh",   "Zm9",  "AAAAA", "Zm9v\n"};
    uint8_t out[16];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(sl_base64_decode_url(sl_str_of(wrong[i]), out, sizeof out, &n));
    assert_true(sl_base64_decode_url(SL_STR("Zg"), out, sizeof out, &n)); /* canonical of "f" */
    assert_true(sl_base64_decode_url(SL_STR("-_8"), out, sizeof out, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_of_the_rfc),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
