/* Promise: of `traceparent` what the W3C allows is honoured and nothing else, and of the traces
 * that begin here the part that is asked for is chosen, by their ids alone. */
#include "gateway/otlp/span.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define GOOD "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"

static bool parses(const char *text, bool sampled)
{
    struct sl_span_parent out = {.sampled = !sampled};

    return sl_span_parse(sl_str_of(text), &out) && out.sampled == sampled &&
           sl_str_eq(out.trace, SL_STR("0af7651916cd43dd8448eb211c80319c")) &&
           sl_str_eq(out.id, SL_STR("b7ad6b7169203331"));
}

static void test_parents(void **state)
{
    static const char *const wrong[] = {"",
                                        "00",
                                        "00-" GOOD,
                                        "00-" GOOD "1",
                                        "00-" GOOD "0g",
                                        "00-" GOOD "011",
                                        "00-" GOOD "01-x",
                                        "ff-" GOOD "01",
                                        "0x-" GOOD "01",
                                        "01-" GOOD "01x",
                                        "00_" GOOD "01",
                                        "00-0af7651916cd43dd8448eb211c80319C-b7ad6b7169203331-01",
                                        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                        "00-0af7651916cd43dd8448eb211c80319cb-7ad6b7169203331-01",
                                        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331001"};
    struct sl_span_parent out;

    (void)state;
    assert_true(parses("00-" GOOD "01", true));
    assert_true(parses("00-" GOOD "00", false));
    assert_true(parses("00-" GOOD "fe", false));
    assert_true(parses("00-" GOOD "03", true));
    assert_true(parses("cc-" GOOD "01", true));
    assert_true(parses("cc-" GOOD "01-what-comes-later", true));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(sl_span_parse(sl_str_of(wrong[i]), &out));
}

static void test_choice(void **state)
{
    unsigned chosen = 0;

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        char trace[32];

        sl_rand_id(trace);
        sl_rand_id(trace + 16);
        assert_true(is_chosen(trace, 1000000));
        assert_false(is_chosen(trace, 0));
        assert_true(is_chosen(trace, 250000) || !is_chosen(trace, 100000));
        chosen += is_chosen(trace, 250000);
    }
    assert_in_range(chosen, 2200, 2800); /* six deviations */
    assert_true(is_chosen("ffffffffffffffffff00000000000000", 1));
    assert_false(is_chosen("000000000000000000ffffffffffffff", 999999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parents),
                                       cmocka_unit_test(test_choice)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
