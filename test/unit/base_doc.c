/* Trees: what is read, what is refused, and that the ceiling holds. */
#include "base/doc.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static enum sl_err read_once(struct sl_str text, size_t max)
{
    struct sl_doc d;
    enum sl_err err = sl_doc_read(&d, text, max, 0);

    sl_doc_fini(&d);
    assert_int_equal(d.used, 0);
    assert_null(d.root);
    return err;
}

static void test_read(void **state)
{
    struct sl_doc d;

    (void)state;
    assert_int_equal(
        sl_doc_read(&d, SL_STR("{\"a\":[1.50,\"\\u00e4\"]}"), 4096, YYJSON_READ_NUMBER_AS_RAW),
        SL_OK);
    assert_true(yyjson_is_obj(d.root));
    assert_true(
        sl_str_eq(sl_doc_str(yyjson_arr_get(yyjson_obj_get(d.root, "a"), 0)), SL_STR("1.50")));
    assert_true(
        sl_str_eq(sl_doc_str(yyjson_arr_get(yyjson_obj_get(d.root, "a"), 1)), SL_STR("\xc3\xa4")));
    assert_true(d.used > 0 && d.used <= 4096);
    sl_doc_fini(&d);
    assert_int_equal(d.used, 0);
}

static void test_refused(void **state)
{
    static const struct sl_str wrong[] = {
        SL_STR_INIT(""),         SL_STR_INIT(" "),          SL_STR_INIT("{"),
        SL_STR_INIT("{}x"),      SL_STR_INIT("[1,]"),       SL_STR_INIT("[NaN]"),
        SL_STR_INIT("[01]"),     SL_STR_INIT("[\"\xff\"]"), SL_STR_INIT("[\"\\ud800\"]"),
        SL_STR_INIT("[\"\n\"]"), SL_STR_INIT("/**/[]"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(read_once(wrong[i], 1 << 20), SL_ERR_BAD_BODY);
    assert_int_equal(read_once((struct sl_str){NULL, 0}, 100), SL_ERR_BAD_BODY);
}

static void nest(char *text, size_t depth, char open, char shut)
{
    memset(text, open, depth);
    memset(text + depth, shut, depth);
}

static void test_depth(void **state)
{
    char text[2 * 100000];

    (void)state;
    nest(text, SL_JSON_DEPTH, '[', ']');
    assert_int_equal(read_once((struct sl_str){text, 2 * SL_JSON_DEPTH}, 1 << 20), SL_OK);
    nest(text, SL_JSON_DEPTH + 1, '[', ']');
    assert_int_equal(read_once((struct sl_str){text, 2 * SL_JSON_DEPTH + 2}, 1 << 20),
                     SL_ERR_BAD_BODY);
    nest(text, sizeof(text) / 2, '[', ']');
    assert_int_equal(read_once((struct sl_str){text, sizeof(text)}, 1 << 24), SL_ERR_BAD_BODY);
    /* many side by side are not deep */
    for (size_t i = 1; i < 60000; i++)
        memcpy(text + 3 * i - 2, "[],", 3);
    text[0] = '[';
    memcpy(text + 3 * 60000 - 2, "1]", 2);
    assert_int_equal(read_once((struct sl_str){text, 3 * 60000}, 1 << 24), SL_OK);
}

static void test_ceiling(void **state)
{
    char *text = malloc(3 * 100000);
    size_t n = 0;

    (void)state;
    assert_int_equal(read_once(SL_STR("[1,2,3]"), 0), SL_ERR_BODY_TOO_BIG);
    assert_int_equal(read_once(SL_STR("[1,2,3]"), 64), SL_ERR_BODY_TOO_BIG);
    assert_int_equal(read_once(SL_STR("[1,2,3]"), SL_DOC_MAX(7)), SL_OK);
    /* one long string costs little more than itself; short numbers cost most */
    memset(text, 'a', 300000);
    text[0] = text[299999] = '"';
    assert_int_equal(read_once((struct sl_str){text, 300000}, SL_DOC_MAX(300000)), SL_OK);
    text[n++] = '[';
    while (n < 299990) {
        text[n++] = '1';
        text[n++] = ',';
    }
    text[n++] = '1';
    text[n++] = ']';
    assert_int_equal(read_once((struct sl_str){text, n}, SL_DOC_MAX(n)), SL_ERR_BODY_TOO_BIG);
    assert_int_equal(read_once((struct sl_str){text, n}, 16 * n), SL_OK);
    free(text);
}

static void test_no_memory(void **state)
{
    const struct sl_str text = SL_STR("{\"a\":[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3]}");
    uint64_t before = sl_mem_tries(), takes;

    (void)state;
    assert_int_equal(read_once(text, 1 << 20), SL_OK);
    takes = sl_mem_tries() - before;
    assert_true(takes >= 2);
    for (uint64_t i = 1; i <= takes; i++) {
        enum sl_err err;

        sl_mem_fail_at(i);
        err = read_once(text, 1 << 20);
        /* giving back what was too much may fail without harm */
        assert_true(err == SL_ERR_NO_MEMORY || (err == SL_OK && i == takes));
    }
    sl_mem_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_depth), cmocka_unit_test(test_ceiling),
                                       cmocka_unit_test(test_no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
