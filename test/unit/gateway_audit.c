/* How a request was decided, as a list: of what does not fit in it nothing is written. */
#include "gateway/audit/audit.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* In a place of every size: whole texts, those that have room. */
static void test_list(void **state)
{
    static const char *const want[] = {"[", "[\"c\"", "[\"a\\nb\"", "[\"a\\nb\",\"c\""};

    (void)state;
    for (size_t cap = 1; cap <= 16; cap++) {
        char *place = malloc(cap);
        struct sl_text t = sl_text_over(place, cap);
        size_t which = cap >= 11 ? 3 : cap >= 7 ? 2 : cap >= 4 ? 1 : 0;

        sl_text_byte(&t, '[');
        add(&t, SL_STR("a\nb"));
        add(&t, SL_STR("c"));
        assert_int_equal(t.n, strlen(want[which]));
        assert_memory_equal(t.p, want[which], t.n);
        assert_false(t.cut);
        free(place);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_list)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
