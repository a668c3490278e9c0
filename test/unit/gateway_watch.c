/* Whose balance is looked at next: nobody's twice in a round, and those first whose balance may
 * have changed, in turn. */
#include "gateway/quota/watch.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define TENANTS 4

struct bench {
    struct sl_watch w;
    struct sl_tenant tenant;
    struct watched *at[TENANTS];
};

static int setup(void **state)
{
    struct bench *b = sl_mem_new(sizeof *b);

    sl_list_init(&b->w.stirred);
    sl_list_init(&b->w.list);
    sl_tenant_init(&b->tenant);
    b->tenant.terms.budget.credits_micro = 1;
    for (size_t i = 0; i < TENANTS; i++) {
        struct watched *e = b->at[i] = sl_mem_new(sizeof *e + 1);

        e->name[0] = (char)('a' + i);
        e->name_n = 1;
        sl_list_init(&e->node);
        sl_list_push_back(&b->w.list, &e->node);
        HASH_ADD_KEYPTR(hh, b->w.by_name, e->name, e->name_n, e);
    }
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    HASH_CLEAR(hh, b->w.by_name);
    for (size_t i = 0; i < TENANTS; i++)
        sl_mem_free(b->at[i]);
    sl_mem_free(b);
    return 0;
}

static void stir(struct bench *b, char name)
{
    sl_watch_stir(&b->w, &b->tenant, (struct sl_str){&name, 1});
}

/* The name of the one whose turn it is; '-': the round is over. */
static char turn(struct bench *b)
{
    struct watched *e = next_of(&b->w);

    if (e == NULL)
        return '-';
    pass_by(&b->w, e);
    return e->name[0];
}

static void busy_ones_starve_nobody(void **state)
{
    struct bench *b = *state;

    b->w.round = 1;
    stir(b, 'c');
    stir(b, 'b');
    stir(b, 'c'); /* keeps its turn */
    assert_int_equal(turn(b), 'c');
    stir(b, 'c'); /* waits for the next round */
    assert_int_equal(turn(b), 'b');
    stir(b, 'd');
    assert_int_equal(turn(b), 'd');
    assert_int_equal(turn(b), 'a');
    assert_int_equal(turn(b), '-');
    b->w.round++;
    stir(b, 'a');
    assert_int_equal(turn(b), 'c');
    stir(b, 'c');
    assert_int_equal(turn(b), 'a');
    assert_int_equal(turn(b), 'b'); /* the others in the order of their looks */
    assert_int_equal(turn(b), 'd');
    assert_int_equal(turn(b), '-');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(busy_ones_starve_nobody, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
