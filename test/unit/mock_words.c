/* Words of a model's name. */
#include "mock/words.c"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

static struct sl_words read_all(const char *text)
{
    struct sl_words w = {0};

    sl_words_read(&w, sl_str_of(text));
    return w;
}

static void test_plain_words(void **state)
{
    const struct sl_words none = {0};
    struct sl_words w = read_all("mock-echo");

    (void)state;
    assert_memory_equal(&w, &none, sizeof(w));
    w = read_all("");
    assert_memory_equal(&w, &none, sizeof(w));
    w = read_all("claude-sonnet-4-5"); /* numbers that belong to no word */
    assert_memory_equal(&w, &none, sizeof(w));
    w = read_all("mock-thinking-tools-3-html");
    assert_int_equal(w.thinking, 1);
    assert_int_equal(w.tools, 3);
    assert_int_equal(w.html, 1);
}

static void test_numbers(void **state)
{
    (void)state;
    assert_int_equal(read_all("mock-events").events, 10);
    assert_int_equal(read_all("mock-events-429").events, 429);
    assert_int_equal(read_all("mock-events-429").status, 0);
    assert_int_equal(read_all("mock-big-100m").big, 100 << 20);
    assert_int_equal(read_all("mock-big-64k").big, 64 << 10);
    assert_int_equal(read_all("mock-slow-20ms").slow, 20);
    assert_int_equal(read_all("mock-slow-2s").slow, 2000);
    assert_int_equal(read_all("mock-events-5-slow-7").slow, 7);
    /* what is no number, or too large a one, changes nothing */
    assert_int_equal(read_all("mock-events-x").events, 10);
    assert_int_equal(read_all("mock-events-99999999999999999999").events, 10);
    assert_int_equal(read_all("mock-big-9999999g").big, 1 << 20);
}

static void test_statuses_and_faults(void **state)
{
    struct sl_words w = read_all("mock-429-2");

    (void)state;
    assert_int_equal(w.status, 429);
    assert_int_equal(w.retry_after, 2);
    w = read_all("mock-529");
    assert_int_equal(w.status, 529);
    assert_int_equal(w.retry_after, 0);
    assert_int_equal(read_all("mock-200").status, 0);
    w = read_all("mock-cut-0");
    assert_int_equal(w.fault, SL_FAULT_CUT);
    assert_int_equal(w.fault_at, 0);
    w = read_all("mock-error-pre-split-3");
    assert_int_equal(w.fault, SL_FAULT_ERROR);
    assert_int_equal(w.fault_pre, 1);
    assert_int_equal(w.split, 3);
    assert_int_equal(read_all("mock-stall").fault_at, 1);
    assert_int_equal(read_all("pre").fault_pre, 0);
}

static void test_header_form(void **state)
{
    struct sl_words w = read_all("mock-events-3");

    (void)state;
    sl_words_read(&w, SL_STR("Slow 5ms, reset-2"));
    assert_int_equal(w.events, 3);
    assert_int_equal(w.slow, 5);
    assert_int_equal(w.fault, SL_FAULT_RESET);
    assert_int_equal(w.fault_at, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_words),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_statuses_and_faults),
        cmocka_unit_test(test_header_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
