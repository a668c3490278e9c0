/* The arena: alignment, ceiling, large wishes, failing memory. */
#include "base/arena.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_alloc(void **state)
{
    struct sl_arena a;
    char *last = NULL;

    (void)state;
    sl_arena_init(&a, 1 << 20);
    for (size_t n = 0; n < 600; n++) {
        char *p = sl_arena_alloc(&a, n);

        assert_non_null(p);
        assert_ptr_not_equal(p, last);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 0xa5, n); /* the sanitizer looks at every byte */
        last = p;
    }
    assert_true(a.used <= 1 << 20);
    sl_arena_fini(&a);
    assert_int_equal(a.used, 0);
    assert_non_null(sl_arena_alloc(&a, 1)); /* usable again */
    sl_arena_fini(&a);
}

static void test_zalloc(void **state)
{
    struct sl_arena a;
    static const char zero[100];

    (void)state;
    sl_arena_init(&a, 4096);
    memset(sl_arena_alloc(&a, 100), 1, 100);
    assert_memory_equal(sl_arena_zalloc(&a, 100), zero, 100);
    sl_arena_fini(&a);
}

static void test_large_keeps_the_room_left(void **state)
{
    struct sl_arena a;
    char *p, *q;

    (void)state;
    sl_arena_init(&a, 1 << 20);
    p = sl_arena_alloc(&a, 16);
    memset(sl_arena_alloc(&a, 100000), 1, 100000);
    q = sl_arena_alloc(&a, 16);
    assert_ptr_equal(q, p + 16);
    sl_arena_fini(&a);
    memset(sl_arena_alloc(&a, 5000), 1, 5000); /* as the first one */
    memset(sl_arena_alloc(&a, 100), 1, 100);
    sl_arena_fini(&a);
}

static void test_ceiling(void **state)
{
    struct sl_arena a;
    size_t n = 0;

    (void)state;
    sl_arena_init(&a, 3 * SL_ARENA_CHUNK);
    assert_null(sl_arena_alloc(&a, 3 * SL_ARENA_CHUNK));
    while (sl_arena_alloc(&a, SL_ARENA_CHUNK / 2 - 24) != NULL)
        n++;
    assert_int_equal(n, 6);
    assert_int_equal(a.used, 3 * SL_ARENA_CHUNK);
    assert_null(sl_arena_alloc(&a, SIZE_MAX));
    assert_null(sl_arena_alloc(&a, SIZE_MAX - SL_ARENA_CHUNK));
    assert_null(sl_arena_zalloc(&a, 1000));
    assert_null(sl_arena_dup(&a, (struct sl_str){"x", SIZE_MAX}).p);
    sl_arena_fini(&a);
    sl_arena_init(&a, 0);
    assert_null(sl_arena_alloc(&a, 1));
    sl_arena_fini(&a);
}

static void test_texts(void **state)
{
    struct sl_arena a;
    struct sl_str s;
    char wide[1001];

    (void)state;
    sl_arena_init(&a, 1 << 16);
    s = sl_arena_dup(&a, (struct sl_str){"abc", 2});
    assert_int_equal(s.n, 2);
    assert_string_equal(s.p, "ab");
    s = sl_arena_dup(&a, (struct sl_str){NULL, 0});
    assert_string_equal(s.p, "");
    s = sl_arena_printf(&a, "%d-%s", 42, "x");
    assert_int_equal(s.n, 4);
    assert_string_equal(s.p, "42-x");
    memset(wide, 'w', 1000);
    wide[1000] = '\0';
    for (int i = 253; i < 260; i++) { /* around the place on the stack */
        s = sl_arena_printf(&a, "%.*s", i, wide);
        assert_int_equal(s.n, i);
        assert_int_equal(strlen(s.p), i);
    }
    s = sl_arena_printf(&a, "%s%s", wide, wide);
    assert_int_equal(s.n, 2000);
    assert_memory_equal(s.p + 1000, wide, 1001);
    sl_arena_fini(&a);
}

static void test_no_memory(void **state)
{
    struct sl_arena a;

    (void)state;
    sl_arena_init(&a, 1 << 16);
    sl_mem_fail_at(1);
    assert_null(sl_arena_alloc(&a, 1));
    sl_mem_fail_at(2);
    assert_non_null(sl_arena_alloc(&a, 1));
    assert_non_null(sl_arena_dup(&a, SL_STR("x")).p); /* room is left */
    assert_null(sl_arena_alloc(&a, 10000));
    assert_non_null(sl_arena_alloc(&a, 10000)); /* fails once */
    sl_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_alloc),
                                       cmocka_unit_test(test_zalloc),
                                       cmocka_unit_test(test_large_keeps_the_room_left),
                                       cmocka_unit_test(test_ceiling),
                                       cmocka_unit_test(test_texts),
                                       cmocka_unit_test(test_no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
