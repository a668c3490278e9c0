/* Classes refused while there is too much: up fast, down slowly, never all. */
#include "policy/health/overload.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct sl_overload_load limits = {{100, 1000, 50}};
static uint64_t now_ms;

static void looks(struct sl_overload *o, uint64_t connections, uint64_t memory, uint64_t lag_ms)
{
    struct sl_overload_load load = {{connections, memory, lag_ms}};

    now_ms += SL_OVERLOAD_LOOK_MS;
    sl_overload_look(o, &limits, &load, now_ms);
}

static void test_rises(void **state)
{
    struct sl_overload o = {0};

    (void)state;
    now_ms = 1000;
    looks(&o, 100, 1000, 50); /* at the limit is not beyond it */
    looks(&o, 100, 1000, 51);
    assert_false(sl_overload_refuses(&o, 0)); /* once may be chance */
    looks(&o, 10, 10, 10);
    looks(&o, 100, 1000, 51);
    assert_int_equal(o.below, 0);
    looks(&o, 101, 1300, 55);
    assert_true(sl_overload_refuses(&o, 0));
    assert_false(sl_overload_refuses(&o, 1));
    assert_string_equal(sl_overload_name(o.kind), "memory");
    for (int i = 0; i < 20; i++)
        looks(&o, 101, 0, 0);
    assert_string_equal(sl_overload_name(o.kind), "connections");
    assert_true(sl_overload_refuses(&o, SL_OVERLOAD_TOP - 1));
    assert_false(sl_overload_refuses(&o, SL_OVERLOAD_TOP));
}

static void test_falls(void **state)
{
    struct sl_overload o = {0};

    (void)state;
    now_ms = 5000;
    for (int i = 0; i < 4; i++)
        looks(&o, 0, 0, UINT64_MAX);
    assert_int_equal(o.below, 3);
    assert_int_equal(sl_overload_wait_ms(&o, 0, now_ms), 6000);
    assert_int_equal(sl_overload_wait_ms(&o, 2, now_ms), 2000);
    assert_int_equal(sl_overload_wait_ms(&o, 3, now_ms), 0);
    for (int i = 0; i < 100; i++)
        looks(&o, 90, 950, 49); /* neither too much nor calm */
    assert_int_equal(o.below, 3);
    looks(&o, 89, 899, 44); /* calm from here on */
    for (int i = 0; i < 19; i++)
        looks(&o, 89, 899, 44);
    assert_int_equal(o.below, 3);
    assert_int_equal(sl_overload_wait_ms(&o, 2, now_ms), 100);
    assert_int_equal(sl_overload_wait_ms(&o, 0, now_ms), 4100);
    looks(&o, 0, 0, 0);
    assert_int_equal(o.below, 2);
    looks(&o, 95, 0, 0); /* begins anew */
    for (int i = 0; i < 20; i++)
        looks(&o, 0, 0, 0);
    assert_int_equal(o.below, 2);
    looks(&o, 0, 0, 0);
    assert_int_equal(o.below, 1);
    for (int i = 0; i < 50; i++)
        looks(&o, 0, 0, 0);
    assert_int_equal(o.below, 0);
}

/* A load around its limit: the level changes at most once up for each two looks, and does
 * not go up and down with it. */
static void test_does_not_flap(void **state)
{
    struct sl_overload o = {0};
    unsigned changes = 0, before = 0;

    (void)state;
    now_ms = 1000;
    for (int i = 0; i < 1000; i++) {
        looks(&o, i % 2 == 0 ? 101 : 95, 0, 0);
        changes += o.below != before;
        before = o.below;
    }
    assert_int_equal(changes, 0);
    for (int i = 0; i < 1000; i++) {
        looks(&o, i % 3 != 0 ? 101 : 50, 0, 0);
        changes += o.below != before;
        before = o.below;
    }
    assert_int_equal(changes, SL_OVERLOAD_TOP);
}

static void test_no_limits(void **state)
{
    static const struct sl_overload_load none;
    struct sl_overload_load load = {{UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    struct sl_overload o = {.below = 1};

    (void)state;
    now_ms = 1000;
    for (int i = 0; i < 21; i++)
        sl_overload_look(&o, &none, &load, now_ms += SL_OVERLOAD_LOOK_MS);
    assert_int_equal(o.below, 0);
    assert_int_equal(o.beyond, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rises),
        cmocka_unit_test(test_falls),
        cmocka_unit_test(test_does_not_flap),
        cmocka_unit_test(test_no_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
