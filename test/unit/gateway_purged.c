/* The list of purged answers: what is on it, how long, and how many. */
#include "gateway/cache/purged.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct sl_arena arena;

static struct sl_str lists(struct sl_str doc, uint8_t first, size_t n, int64_t now_s)
{
    uint8_t names[SL_PURGED_NAMES][SL_CACHE_KEY] = {{0}};
    struct sl_str out;

    for (size_t i = 0; i < n; i++) {
        names[i][0] = first;
        names[i][1] = (uint8_t)i;
    }
    assert_int_equal(sl_purged_list(doc, names, n, now_s, &arena, &out), SL_OK);
    assert_true(out.n <= SL_RECORD_MAX);
    return out;
}

static void assert_text(struct sl_str s, const char *want)
{
    if (!sl_str_eq(s, sl_str_of(want)))
        fail_msg("'%.*s' is not '%s'", SL_STR_ARGS(s), want);
}

static void test_list(void **state)
{
    struct sl_str doc;
    size_t have;

    (void)state;
    sl_arena_init(&arena, 1 << 20);
    doc = lists((struct sl_str){"", 0}, 0xab, 1, 1000);
    assert_text(doc, "{\"n\":1,\"at\":[[1000,\"ab000000000000000000000000000000\"]]}");
    doc = lists(doc, 0xcd, 1, 1009);
    assert_text(doc, "{\"n\":2,\"at\":[[1000,\"ab000000000000000000000000000000\"],"
                     "[1009,\"cd000000000000000000000000000000\"]]}");
    doc = lists(doc, 0xef, 1, 1010); /* the first is old now; it still counts */
    assert_text(doc, "{\"n\":3,\"at\":[[1009,\"cd000000000000000000000000000000\"],"
                     "[1010,\"ef000000000000000000000000000000\"]]}");
    assert_int_equal(count(doc, &have), 3);
    assert_int_equal(have, 2);
    sl_arena_fini(&arena);
}

static void test_too_many(void **state)
{
    uint8_t one[1][SL_CACHE_KEY] = {{9}};
    struct sl_str doc, out;

    (void)state;
    sl_arena_init(&arena, 1 << 20);
    doc = lists((struct sl_str){"", 0}, 1, SL_PURGED_NAMES, 1999999999);
    assert_int_equal(sl_purged_list(doc, one, 1, 1999999999, &arena, &out), SL_ERR_CEILING);
    assert_int_equal(sl_purged_list(doc, one, 1, 1999999999 + SL_PURGED_KEEP_S, &arena, &out),
                     SL_OK);
    sl_arena_fini(&arena);
}

/* What another version wrote, or nobody of us: what can't be read is passed over. */
static void test_strange_lists(void **state)
{
    static const char *const docs[] = {"{}", "{\"at\":[]}",
                                       "{\"n\":\"x\",\"at\":[[],[1],[1,2],[1,\"zz\"],7]}",
                                       "{\"n\":0,\"at\":[[5,\"00\"]]}"};
    struct sl_str doc;
    size_t have;

    (void)state;
    sl_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof docs / sizeof docs[0]; i++) {
        doc = lists(sl_str_of(docs[i]), 1, 2, 100);
        assert_true(count(doc, &have) >= 2);
        assert_int_equal(have, 2);
    }
    sl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_strange_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
