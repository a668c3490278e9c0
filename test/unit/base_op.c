/* The three links of the house: op (a wait), bond (two peers), list. */
#include "base/op.c"

#include "base/bond.h"
#include "base/list.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct work {
    struct sl_op op;
    struct sl_op **slot; /* up: the waiter's, to look whether it is empty yet */
    int cancelled;
    bool slot_was_empty;
};

static void on_cancel(struct sl_op *op)
{
    struct work *w = SL_CONTAINER(op, struct work, op);

    w->cancelled++;
    w->slot_was_empty = *w->slot == NULL;
}

static void test_op_done(void **state)
{
    struct sl_op *slot = NULL;
    struct work w = {.slot = &slot};

    (void)state;
    sl_op_open(&w.op, &slot, on_cancel);
    assert_ptr_equal(slot, &w.op);
    assert_true(sl_op_close(&w.op));
    assert_null(slot);
    sl_op_cancel(&slot); /* nothing to cancel any more */
    assert_int_equal(w.cancelled, 0);
    sl_op_open(&w.op, &slot, on_cancel); /* the memory may serve again */
    assert_true(sl_op_close(&w.op));
}

static void test_op_cancelled(void **state)
{
    struct sl_op *slot = NULL;
    struct work w = {.slot = &slot};

    (void)state;
    sl_op_open(&w.op, &slot, on_cancel);
    sl_op_cancel(&slot);
    assert_null(slot);
    assert_int_equal(w.cancelled, 1);
    assert_true(w.slot_was_empty);
    sl_op_cancel(&slot);
    assert_int_equal(w.cancelled, 1);
    assert_false(sl_op_close(&w.op)); /* silence */
    sl_op_open(&w.op, &slot, NULL);   /* a worker that need not be told */
    sl_op_cancel(&slot);
    assert_false(sl_op_close(&w.op));
}

static void close_twice(void)
{
    struct sl_op *slot = NULL;
    struct sl_op op;

    sl_op_open(&op, &slot, NULL);
    (void)!sl_op_close(&op);
    (void)!sl_op_close(&op);
}

static void open_full_slot(void)
{
    struct sl_op *slot = NULL;
    struct sl_op a, b;

    sl_op_open(&a, &slot, NULL);
    sl_op_open(&b, &slot, NULL);
}

static void tie_tied(void)
{
    struct sl_bond a, b, c;

    sl_bond_init(&a, &a);
    sl_bond_init(&b, &b);
    sl_bond_init(&c, &c);
    sl_bond_tie(&a, &b);
    sl_bond_tie(&a, &c);
}

/* Bugs must end the process, in release builds too. */
static void assert_aborts(void (*bug)(void))
{
    pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        close(2);
        bug();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_bugs_abort(void **state)
{
    (void)state;
    assert_aborts(close_twice);
    assert_aborts(open_full_slot);
    assert_aborts(tie_tied);
}

static void test_bond(void **state)
{
    int x, y;
    struct sl_bond a, b;

    (void)state;
    for (int side = 0; side < 2; side++) {
        sl_bond_init(&a, &x);
        sl_bond_init(&b, &y);
        assert_null(sl_bond_peer(&a));
        sl_bond_tie(&a, &b);
        assert_ptr_equal(sl_bond_peer(&a), &y);
        assert_ptr_equal(sl_bond_peer(&b), &x);
        sl_bond_cut(side == 0 ? &a : &b);
        assert_null(sl_bond_peer(&a));
        assert_null(sl_bond_peer(&b));
        sl_bond_cut(&a); /* cutting a cut end is nothing */
        sl_bond_cut(&b);
        sl_bond_tie(&b, &a); /* and both may be tied again */
        sl_bond_cut(&a);
    }
}

struct item {
    int n;
    struct sl_list node;
};

static void assert_order(const struct sl_list *head, const int *want, size_t n)
{
    const struct sl_list *at = head->next;

    for (size_t i = 0; i < n; i++, at = at->next) {
        assert_int_equal(SL_CONTAINER(at, struct item, node)->n, want[i]);
        assert_ptr_equal(at->prev->next, at);
        assert_ptr_equal(at->next->prev, at);
    }
    assert_ptr_equal(at, head);
}

static void test_list(void **state)
{
    struct item items[4] = {{.n = 0}, {.n = 1}, {.n = 2}, {.n = 3}};
    struct sl_list head, other;

    (void)state;
    sl_list_init(&head);
    assert_true(sl_list_is_empty(&head));
    assert_null(sl_list_pop_front(&head));
    for (int i = 0; i < 4; i++) {
        sl_list_init(&items[i].node);
        assert_false(sl_list_is_linked(&items[i].node));
    }
    sl_list_push_back(&head, &items[1].node);
    sl_list_push_back(&head, &items[3].node);
    sl_list_push_front(&head, &items[0].node);
    sl_list_insert_before(&items[3].node, &items[2].node);
    assert_order(&head, (int[]){0, 1, 2, 3}, 4);
    sl_list_unlink(&items[2].node);
    sl_list_unlink(&items[2].node); /* twice is harmless */
    assert_false(sl_list_is_linked(&items[2].node));
    assert_order(&head, (int[]){0, 1, 3}, 3);
    assert_ptr_equal(sl_list_pop_front(&head), &items[0].node);
    sl_list_move(&other, &head);
    assert_true(sl_list_is_empty(&head));
    assert_order(&other, (int[]){1, 3}, 2);
    sl_list_move(&other, &head); /* an empty one */
    assert_true(sl_list_is_empty(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_op_done),
                                       cmocka_unit_test(test_op_cancelled),
                                       cmocka_unit_test(test_bugs_abort),
                                       cmocka_unit_test(test_bond), cmocka_unit_test(test_list)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
