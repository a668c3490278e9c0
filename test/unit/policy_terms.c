/* Leaves: unset, none, and one laid over the other. */
#include "policy/terms.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LEAVES (sizeof(struct sl_terms) / sizeof(int64_t))

/* The struct is nothing but leaves, so each can be told from the others by its place. */
static int64_t *leaf(struct sl_terms *t, size_t i)
{
    return (int64_t *)(void *)t + i;
}

static void test_each_leaf(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEAVES; i++) {
        struct sl_terms t, top;

        sl_terms_init(&t);
        sl_terms_init(&top);
        for (size_t k = 0; k < LEAVES; k++) {
            assert_int_equal(*leaf(&t, k), SL_UNSET);
            *leaf(&t, k) = (int64_t)k + 100;
        }
        *leaf(&top, i) = 0; /* none is said, too */
        sl_terms_over(&t, &top);
        for (size_t k = 0; k < LEAVES; k++)
            assert_int_equal(*leaf(&t, k), k == i ? 0 : k + 100);
    }
}

static void test_budget(void **state)
{
    struct sl_terms t;

    (void)state;
    sl_terms_init(&t);
    assert_false(sl_terms_has_budget(&t));
    t.limits.rpm = 5;
    t.budget.daily_micro = t.budget.monthly_micro = 0;
    assert_false(sl_terms_has_budget(&t));
    t.budget.credits_micro = 0; /* an empty purse */
    assert_true(sl_terms_has_budget(&t));
    t.budget.credits_micro = SL_UNSET;
    t.budget.daily_micro = 1;
    assert_true(sl_terms_has_budget(&t));
    t.budget.daily_micro = SL_UNSET;
    t.budget.monthly_micro = 1;
    assert_true(sl_terms_has_budget(&t));
    assert_int_equal(sl_terms_limit(SL_UNSET), 0);
    assert_int_equal(sl_terms_limit(0), 0);
    assert_int_equal(sl_terms_limit(7), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_leaf),
        cmocka_unit_test(test_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
