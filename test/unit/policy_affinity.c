/* Where conversations were: found for an hour, and never more than there is room for. */
#include "policy/routing/affinity.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void put(struct sl_affinity *t, uint64_t who, uint64_t now_ms, uint64_t target)
{
    sl_affinity_put(t, who, now_ms, &(struct sl_affinity_place){target, (size_t)target + 1});
}

static void assert_at(const struct sl_affinity *t, uint64_t who, uint64_t now_ms, uint64_t target)
{
    struct sl_affinity_place p = {0, 0};

    assert_int_equal(sl_affinity_find(t, who, now_ms, &p), target != 0);
    assert_int_equal(p.target, target);
    assert_int_equal(p.key, target != 0 ? target + 1 : 0);
}

static void test_found_until_it_is_old(void **state)
{
    struct sl_affinity *t = sl_affinity_new();

    (void)state;
    assert_at(t, 5, 0, 0);
    assert_at(t, 0, 0, 0); /* an empty place is nobody's */
    put(t, 5, 0, 7);
    assert_at(t, 5, 0, 7);
    put(t, 5, 1000, 8);
    assert_at(t, 5, 1000, 8);
    assert_at(t, 5, 999 + SL_AFFINITY_KEEP_MS, 8);
    assert_at(t, 5, 1000 + SL_AFFINITY_KEEP_MS, 0);
    sl_affinity_end(&t);
    assert_null(t);
}

/* A full set forgets the one that was used longest ago. */
static void test_bounded(void **state)
{
    struct sl_affinity *t = sl_affinity_new();

    (void)state;
    for (uint64_t i = 0; i < SL_AFFINITY_WAYS; i++)
        put(t, i * SL_AFFINITY_SETS + 3, i, i + 1);
    put(t, 3, 100, 1); /* used again */
    put(t, 99 * SL_AFFINITY_SETS + 3, 101, 50);
    assert_at(t, 3, 101, 1);
    assert_at(t, SL_AFFINITY_SETS + 3, 101, 0);
    assert_at(t, 2 * SL_AFFINITY_SETS + 3, 101, 3);
    assert_at(t, 99 * SL_AFFINITY_SETS + 3, 101, 50);
    for (uint64_t i = 0; i < 100000; i++)
        put(t, i, 200 + i, i + 1);
    assert_at(t, 99999, 100200, 100000);
    sl_affinity_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_until_it_is_old),
        cmocka_unit_test(test_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
