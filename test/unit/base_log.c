/* Log lines: whole, one each, and not to be forged. */
#include "base/log.c"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char lines[4][LINE_MAX_BYTES + 1];
static size_t n_lines;

static void keep(void *ctx, struct sl_str line)
{
    assert_ptr_equal(ctx, lines);
    assert_true(n_lines < 4 && line.n <= LINE_MAX_BYTES);
    memcpy(lines[n_lines], line.p, line.n);
    lines[n_lines++][line.n] = '\0';
}

static int prepare(void **state)
{
    (void)state;
    n_lines = 0;
    sl_log_setup(SL_LOG_INFO, true, keep, lines);
    return 0;
}

static struct sl_str field(const char *line, const char *key)
{
    return sl_json_get(sl_str_of(line), sl_str_of(key));
}

static void test_json_line(void **state)
{
    struct sl_json j;

    (void)state;
    sl_log(SL_LOG_WARN, "net", SL_STR("req-1"), "%d of %s", 3, "four");
    assert_int_equal(n_lines, 1);
    assert_true(sl_str_eq(field(lines[0], "level"), SL_STR("\"warn\"")));
    assert_true(sl_str_eq(field(lines[0], "room"), SL_STR("\"net\"")));
    assert_true(sl_str_eq(field(lines[0], "id"), SL_STR("\"req-1\"")));
    assert_true(sl_str_eq(field(lines[0], "msg"), SL_STR("\"3 of four\"")));
    assert_int_equal(field(lines[0], "time").n, 26);
    sl_json_init(&j);
    assert_int_equal(sl_json_feed(&j, sl_str_of(lines[0])), SL_OK);
    assert_int_equal(sl_json_finish(&j), SL_OK);
    sl_json_fini(&j);
    sl_log(SL_LOG_INFO, "net", (struct sl_str){NULL, 0}, "x");
    assert_null(field(lines[1], "id").p);
}

static void test_levels(void **state)
{
    enum sl_log_level level = SL_LOG_ERROR;

    (void)state;
    assert_false(sl_log_has(SL_LOG_DEBUG));
    sl_log(SL_LOG_DEBUG, "net", SL_STR("x"), "unseen");
    assert_int_equal(n_lines, 0);
    assert_true(sl_log_level_parse(SL_STR("debug"), &level) && level == SL_LOG_DEBUG);
    assert_true(sl_log_level_parse(SL_STR("error"), &level) && level == SL_LOG_ERROR);
    assert_false(sl_log_level_parse(SL_STR("Error"), &level));
    assert_false(sl_log_level_parse(SL_STR(""), &level));
    assert_int_equal(level, SL_LOG_ERROR);
}

static void test_no_forging(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        n_lines = 0;
        sl_log_setup(SL_LOG_INFO, json == 1, keep, lines);
        sl_log(SL_LOG_INFO, "http", SL_STR("id\n\"}"), "%s", "a\r\nlevel=error \x1b[31m \" \xff");
        assert_int_equal(n_lines, 1);
        assert_ptr_equal(strchr(lines[0], '\n'), lines[0] + strlen(lines[0]) - 1);
        assert_null(strpbrk(lines[0], "\r\x1b\xff"));
    }
}

static void test_cut_at_a_kilobyte(void **state)
{
    static char big[5000];
    struct sl_json j;

    (void)state;
    /* the worst case: every byte grows sixfold, in every field */
    memset(big, 1, sizeof(big) - 1);
    sl_log(SL_LOG_INFO, big, (struct sl_str){big, sizeof(big)}, "%s", big);
    assert_int_equal(n_lines, 1);
    assert_int_equal(field(lines[0], "msg").n, 1024 * 6 + 3 + 2);
    assert_int_equal(field(lines[0], "id").n, 1024 * 6 + 3 + 2);
    sl_json_init(&j);
    assert_int_equal(sl_json_feed(&j, sl_str_of(lines[0])), SL_OK);
    assert_int_equal(sl_json_finish(&j), SL_OK);
    sl_json_fini(&j);
    memset(big, 'x', 1024);
    big[1024] = '\0';
    sl_log(SL_LOG_INFO, "base", SL_STR("x"), "%s", big);
    assert_int_equal(field(lines[1], "msg").n, 1024 + 2); /* just fits: nothing added */
}

static void test_logfmt(void **state)
{
    (void)state;
    sl_log_setup(SL_LOG_DEBUG, false, keep, lines);
    sl_log(SL_LOG_ERROR, "tls", SL_STR("p"), "no %s", "handshake");
    assert_memory_equal(lines[0], "time=\"2", 7);
    assert_string_equal(lines[0] + 31,
                        " level=\"error\" room=\"tls\" id=\"p\" msg=\"no handshake\"\n");
}

static void recurse(void *ctx, struct sl_str line)
{
    (void)line;
    (*(int *)ctx)++;
    sl_log(SL_LOG_ERROR, "base", SL_STR("sink"), "from within the sink: expected on stderr, once");
}

static void test_sink_that_logs(void **state)
{
    int calls = 0;

    (void)state;
    sl_log_setup(SL_LOG_INFO, true, recurse, &calls);
    sl_log(SL_LOG_INFO, "base", SL_STR("x"), "start");
    assert_int_equal(calls, 1);
    sl_log_setup(SL_LOG_INFO, true, NULL, NULL); /* back to stderr */
    assert_ptr_equal(setup.sink, to_stderr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_json_line, prepare),
                                       cmocka_unit_test_setup(test_levels, prepare),
                                       cmocka_unit_test_setup(test_no_forging, prepare),
                                       cmocka_unit_test_setup(test_cut_at_a_kilobyte, prepare),
                                       cmocka_unit_test_setup(test_logfmt, prepare),
                                       cmocka_unit_test_setup(test_sink_that_logs, prepare)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
