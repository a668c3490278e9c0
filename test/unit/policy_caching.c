/* Cache rules of gateway, model and tenant, laid over each other. */
#include "policy/caching.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_over(void **state)
{
    struct sl_cache_rules r, top;

    (void)state;
    sl_caching_init(&r);
    sl_caching_init(&top);
    r.ttl_ms = 600;
    r.version = SL_STR("one");
    r.normal = 3;
    sl_caching_over(&r, &top);
    assert_int_equal(r.ttl_ms, 600);
    assert_int_equal(r.normal, 3);
    assert_int_equal(r.version.n, 3);
    top = (struct sl_cache_rules){.enabled = 1,
                                  .ttl_ms = 0,
                                  .shared = 0,
                                  .hits_free = 1,
                                  .serve_stale_ms = 9,
                                  .normal = 0,
                                  .version = SL_STR("two")};
    sl_caching_over(&r, &top);
    assert_int_equal(r.enabled, 1);
    assert_int_equal(r.ttl_ms, 0);
    assert_int_equal(r.shared, 0);
    assert_int_equal(r.hits_free, 1);
    assert_int_equal(r.serve_stale_ms, 9);
    assert_int_equal(r.normal, 0);
    assert_true(sl_str_eq(r.version, SL_STR("two")));
}

static void test_on(void **state)
{
    struct sl_cache_rules r;

    (void)state;
    sl_caching_init(&r);
    assert_true(sl_caching_is_on(&r, true));
    assert_false(sl_caching_is_on(&r, false));
    r.enabled = 1;
    assert_true(sl_caching_is_on(&r, false));
    r.enabled = 0;
    assert_false(sl_caching_is_on(&r, true));
    assert_int_equal(sl_caching_leaf(SL_UNSET), 0);
    assert_int_equal(sl_caching_leaf(5), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_over),
        cmocka_unit_test(test_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
