/* A growing text: what fits, what does not, and where it goes. */
#include "base/grow.c"
#include "base/mem.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_str(struct sl_str s, const char *want)
{
    assert_int_equal(s.n, strlen(want));
    assert_memory_equal(s.p, want, s.n);
}

static void test_parts(void **state)
{
    struct sl_arena a;
    struct sl_grow g;
    struct sl_str out;

    (void)state;
    sl_arena_init(&a, 1 << 16);
    sl_grow_init(&g, 4096);
    sl_grow_add(&g, SL_STR("head "));
    sl_grow_add(&g, (struct sl_str){NULL, 0});
    sl_grow_u64(&g, UINT64_MAX);
    sl_grow_byte(&g, ' ');
    sl_grow_json(&g, SL_STR("a\"\n\xc3\xa4\xff"));
    sl_grow_escaped(&g, SL_STR("\\"));
    assert_str(sl_grow_str(&g), "head 18446744073709551615 \"a\\\"\\n\xc3\xa4\xef\xbf\xbd\"\\\\");
    assert_int_equal(sl_grow_take(&g, &a, &out), SL_OK);
    assert_str(out, "head 18446744073709551615 \"a\\\"\\n\xc3\xa4\xef\xbf\xbd\"\\\\");
    assert_null(g.p);
    sl_arena_fini(&a);
}

/* Long texts are escaped in pieces: the same as in one. */
static void test_long_escapes(void **state)
{
    static const char *const marks[] = {"a",  "\xc3\xa4", "\xe4\xb8\xad", "\xf0\x9f\x98\x80",
                                        "\"", "\n",       "\xff",         "\xe4\xb8"};
    char text[2000], want[6 * sizeof(text) + 2];

    (void)state;
    for (int round = 0; round < 300; round++) {
        struct sl_text in = sl_text_over(text, 1 + sl_rand_u64() % (sizeof(text) - 1));
        struct sl_text t = sl_text_over(want, sizeof(want));
        struct sl_grow g;

        while (!in.cut)
            sl_text_add(&in, sl_str_of(marks[sl_rand_u64() % (round % 2 == 0 ? 6 : 8)]));
        if (round % 2 == 0) /* valid to the end */
            while (in.n > 0 && ((uint8_t)text[in.n - 1] & 0x80) != 0)
                in.n--;
        sl_text_json(&t, sl_text_str(&in), 0);
        sl_grow_init(&g, SIZE_MAX);
        sl_grow_json(&g, sl_text_str(&in));
        assert_int_equal(g.n, t.n);
        assert_memory_equal(g.p, want, t.n);
        sl_grow_fini(&g);
    }
}

static void test_ceiling(void **state)
{
    struct sl_arena a;
    struct sl_grow g;
    struct sl_str out = {NULL, 0};

    (void)state;
    sl_arena_init(&a, 1 << 16);
    sl_grow_init(&g, 10);
    sl_grow_add(&g, SL_STR("0123456789"));
    assert_int_equal(g.err, SL_OK);
    sl_grow_byte(&g, 'x');
    assert_int_equal(g.err, SL_ERR_CEILING);
    assert_null(sl_grow_room(&g, 0));
    assert_int_equal(g.n, 10);
    assert_int_equal(sl_grow_take(&g, &a, &out), SL_ERR_CEILING);
    assert_null(out.p);
    sl_grow_add(&g, SL_STR("again")); /* usable anew, under the same ceiling */
    assert_int_equal(g.max, 10);
    assert_int_equal(sl_grow_take(&g, &a, &out), SL_OK);
    assert_str(out, "again");
    sl_arena_fini(&a);
}

static void test_no_memory(void **state)
{
    struct sl_arena a;
    struct sl_grow g;
    struct sl_str out;

    (void)state;
    sl_grow_init(&g, 1 << 20);
    sl_mem_fail_at(2);
    for (int i = 0; i < 100; i++)
        sl_grow_add(&g, SL_STR("0123456789"));
    assert_int_equal(g.err, SL_ERR_NO_MEMORY);
    assert_true(g.n > 0 && g.n < 1000 && g.n % 10 == 0);
    sl_grow_fini(&g);
    sl_grow_add(&g, SL_STR("x"));
    sl_arena_init(&a, 0);
    assert_int_equal(sl_grow_take(&g, &a, &out), SL_ERR_NO_MEMORY);
    assert_null(g.p);
    sl_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts), cmocka_unit_test(test_long_escapes),
        cmocka_unit_test(test_ceiling), cmocka_unit_test(test_no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
