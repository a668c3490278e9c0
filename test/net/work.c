/* Jobs on the pool: order, cancelling before and while they run, what is counted. */
/* timeout: 60 */
#include "_net.h"

#include "net/work.h"

#include <pthread.h>
#include <stdatomic.h>

struct job {
    struct sl_op *op;
    pthread_t loop;
    atomic_int runs;
    atomic_bool begun, go; /* with `held`: the thread stays until go */
    bool held, off_loop;
    int dones, drops;
};

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void run(void *ctx)
{
    struct job *j = ctx;

    j->off_loop = !pthread_equal(pthread_self(), j->loop);
    atomic_store(&j->begun, true);
    for (int i = 0; j->held && !atomic_load(&j->go) && i < WAIT_MS; i++)
        pause_ms(1);
    atomic_fetch_add(&j->runs, 1);
}

static void done(void *ctx)
{
    struct job *j = ctx;

    assert_null(j->op);
    j->dones++;
}

static void drop(void *ctx)
{
    struct job *j = ctx;

    j->drops++;
}

static void begin(struct sl_net *net, struct job *j, bool held)
{
    memset(j, 0, sizeof *j);
    j->loop = pthread_self();
    j->held = held;
    sl_work_start(net, run, j, &j->op, done, drop);
    assert_non_null(j->op);
}

static void end(struct sl_net *net)
{
    struct sl_net_counts c;

    UNTIL(net, (c = sl_net_count(net), c.ops == 0));
    sl_net_end(&net);
}

static void runs_off_the_loop(void **state)
{
    struct sl_net *net = sl_net_new();
    struct job j;

    (void)state;
    begin(net, &j, false);
    assert_int_equal(j.dones, 0);
    assert_int_equal(sl_net_count(net).ops, 1);
    UNTIL(net, j.dones == 1);
    assert_int_equal(atomic_load(&j.runs), 1);
    assert_true(j.off_loop);
    assert_int_equal(j.drops, 0);
    assert_int_equal(sl_net_count(net).ops, 0);
    end(net);
}

static void cancelled_while_it_runs(void **state)
{
    struct sl_net *net = sl_net_new();
    struct job j;

    (void)state;
    begin(net, &j, true);
    UNTIL(net, atomic_load(&j.begun));
    sl_op_cancel(&j.op);
    assert_null(j.op);
    TURNS(net, 10);
    assert_int_equal(j.drops, 0); /* the thread still has it */
    assert_int_equal(sl_net_count(net).ops, 1);
    atomic_store(&j.go, true);
    UNTIL(net, j.drops == 1);
    assert_int_equal(atomic_load(&j.runs), 1);
    assert_int_equal(j.dones, 0);
    end(net);
}

/* Every thread is taken: what waits behind them never runs. */
static void cancelled_before_it_runs(void **state)
{
    enum { THREADS = 16 };
    struct sl_net *net = sl_net_new();
    static struct job busy[THREADS], late;

    (void)state;
    for (int i = 0; i < THREADS; i++)
        begin(net, &busy[i], true);
    for (int i = 0; i < THREADS; i++)
        UNTIL(net, atomic_load(&busy[i].begun));
    begin(net, &late, false);
    sl_op_cancel(&late.op);
    UNTIL(net, late.drops == 1);
    for (int i = 0; i < THREADS; i++)
        atomic_store(&busy[i].go, true);
    for (int i = 0; i < THREADS; i++)
        UNTIL(net, busy[i].dones == 1);
    assert_int_equal(atomic_load(&late.runs), 0);
    assert_int_equal(late.dones, 0);
    end(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_off_the_loop),
        cmocka_unit_test(cancelled_while_it_runs),
        cmocka_unit_test(cancelled_before_it_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
