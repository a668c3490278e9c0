/* The turn: tasks, graves, timers, signals, clocks. */
/* timeout: 30 */
#include "_net.h"

#include <dlfcn.h>

static int order[64];
static size_t order_n;

struct thing {
    struct sl_net *net;
    struct sl_task task;
    struct sl_timer timer;
    struct sl_grave grave;
    int id;
    struct thing *other;
    bool again;
};

static void note(int id)
{
    assert_true(order_n < 64);
    order[order_n++] = id;
}

static void run(struct sl_task *t)
{
    struct thing *x = SL_CONTAINER(t, struct thing, task);

    note(x->id);
    if (x->again) {
        x->again = false;
        sl_net_defer(x->net, &x->task);
    }
    if (x->other != NULL)
        sl_task_cancel(&x->other->task);
}

static void fire(struct sl_timer *t)
{
    note(SL_CONTAINER(t, struct thing, timer)->id);
}

static void reap(struct sl_grave *g)
{
    note(SL_CONTAINER(g, struct thing, grave)->id + 100);
}

static struct thing thing(struct sl_net *net, int id)
{
    return (struct thing){.net = net, .id = id};
}

static void begin(struct thing *x)
{
    sl_task_init(&x->task, run);
    sl_timer_init(&x->timer, fire);
}

static int setup(void **state)
{
    order_n = 0;
    *state = sl_net_new();
    return 0;
}

static int teardown(void **state)
{
    struct sl_net *net = *state;
    struct sl_net_counts c = sl_net_count(net);

    assert_int_equal(c.timers, 0);
    assert_int_equal(c.graves, 0);
    sl_net_end(&net);
    return 0;
}

static void tasks_and_graves(void **state)
{
    struct sl_net *net = *state;
    struct thing a = thing(net, 1), b = thing(net, 2), c = thing(net, 3);
    uint64_t turns;

    begin(&a);
    begin(&b);
    begin(&c);
    a.again = true; /* once more: in the next turn, which does not sleep */
    b.other = &c;   /* cancels it */
    sl_net_defer(net, &a.task);
    sl_net_defer(net, &b.task);
    sl_net_defer(net, &c.task);
    sl_net_defer(net, &a.task); /* linked already */
    sl_net_bury(net, &a.grave, reap);
    assert_int_equal(sl_net_count(net).graves, 1);
    turns = sl_net_count(net).turns;
    sl_net_turn(net, 1000);
    assert_int_equal(order_n, 3);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 2);
    assert_int_equal(order[2], 101); /* the graves last */
    while (order_n < 4)
        sl_net_turn(net, 1000);
    assert_int_equal(order[3], 1);
    assert_true(sl_net_count(net).turns > turns);
}

static void timers_in_order(void **state)
{
    struct sl_net *net = *state;
    struct thing x[4];
    static const uint64_t ms[] = {30, 10, 0, 20};
    uint64_t from = sl_net_now(net); /* the turn's time, which timers count from */

    for (int i = 0; i < 4; i++) {
        x[i] = thing(net, i);
        begin(&x[i]);
        sl_timer_start(net, &x[i].timer, ms[i]);
    }
    sl_net_run(net); /* until nothing is alive */
    assert_int_equal(order_n, 4);
    assert_int_equal(order[0], 2);
    assert_int_equal(order[1], 1);
    assert_int_equal(order[2], 3);
    assert_int_equal(order[3], 0);
    assert_in_range(sl_net_now(net) - from, 29, 1000);
}

/* The loop must not live on for a timer that was stopped. */
static void stopped_timer_keeps_nothing(void **state)
{
    struct sl_net *net = *state;
    struct thing a = thing(net, 1);
    uint64_t from = clock_ms();

    begin(&a);
    sl_timer_start(net, &a.timer, 10000);
    sl_timer_stop(net, &a.timer);
    sl_net_run(net);
    assert_int_equal(order_n, 0);
    assert_true(clock_ms() - from < 500);
}

static void turn_waits_at_most(void **state)
{
    struct sl_net *net = *state;
    struct thing a = thing(net, 1);
    uint64_t from = clock_ms();
    unsigned turns = 0;

    begin(&a);
    sl_timer_start(net, &a.timer, 60000);
    /* not always one: libuv cuts a wait short that was interrupted more than once */
    for (; clock_ms() - from < 28; turns++)
        assert_true(sl_net_turn(net, 30));
    assert_in_range(turns, 1, 8);
    assert_in_range(clock_ms() - from, 28, 500);
    sl_timer_stop(net, &a.timer);
    assert_false(sl_net_turn(net, 30));
}

static void on_signal(void *ctx, int signum)
{
    note(signum);
    sl_net_stop(ctx);
}

static void signals(void **state)
{
    struct sl_net *net = *state;
    struct thing a = thing(net, 1);

    begin(&a);
    assert_int_equal(sl_net_on_signal(net, SIGUSR1, on_signal, net), SL_OK);
    sl_timer_start(net, &a.timer, 20000);
    kill(getpid(), SIGUSR1);
    sl_net_run(net);
    assert_int_equal(order_n, 1);
    assert_int_equal(order[0], SIGUSR1);
    sl_timer_stop(net, &a.timer);
    for (int i = 1; i < 8; i++)
        assert_int_equal(sl_net_on_signal(net, SIGUSR1, on_signal, net), SL_OK);
    assert_int_equal(sl_net_on_signal(net, SIGUSR1, on_signal, net), SL_ERR_CEILING);
}

/* In place of the C library's: was one ever given back to the default action, which ends us? */
static int given_back;

int sigaction(int signum, const struct sigaction *act, struct sigaction *old)
{
    static int (*real)(int, const struct sigaction *, struct sigaction *);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "sigaction");
    if (signum == SIGUSR2 && act != NULL && act->sa_handler == SIG_DFL)
        given_back++;
    return real(signum, act, old);
}

/* A late signal finds an end under way, at every moment of it, and ends nothing. */
static void a_signal_at_the_end(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct sl_net *net = sl_net_new();
        struct thing a = thing(net, 1);

        begin(&a);
        assert_int_equal(sl_net_on_signal(net, SIGUSR2, on_signal, net), SL_OK);
        sl_timer_start(net, &a.timer, 20000); /* a signal alone keeps nothing awake */
        kill(getpid(), SIGUSR2);
        sl_net_run(net);
        sl_timer_stop(net, &a.timer);
        assert_int_equal(order[order_n - 1], SIGUSR2); /* the next net hears its own */
        sl_net_end(&net);
        kill(getpid(), SIGUSR2);
        assert_int_equal(given_back, 0);
    }
}

static void clocks(void **state)
{
    struct sl_net *net = *state;
    uint64_t us = sl_net_now_us(net), now;
    int64_t unix_ms = sl_net_unix_ms(net);

    assert_true(llabs(unix_ms - (int64_t)time(NULL) * 1000) < 2000);
    now = sl_net_now(net);
    usleep(20000);
    assert_true(sl_net_now(net) == now); /* cached for the turn */
    assert_true(sl_net_now_us(net) - us >= 20000);
    sl_net_turn(net, 0);
}

static void slow(struct sl_task *t)
{
    (void)t;
    usleep(30000);
}

static void slow_fire(struct sl_timer *t)
{
    (void)t;
    usleep(30000);
}

static void slow_signal(void *ctx, int signum)
{
    (void)ctx;
    (void)signum;
    usleep(30000);
}

static void shows_once(struct sl_net *net)
{
    assert_in_range(sl_net_count(net).lag_us, 25000, 900000);
    assert_int_equal(sl_net_count(net).lag_us, 0);
}

/* Whatever took long in a turn shows, once: a timer, a task, what the poll called. */
static void lag(void **state)
{
    struct sl_net *net = *state;
    struct thing a = thing(net, 1);

    sl_task_init(&a.task, slow);
    sl_timer_init(&a.timer, slow_fire);
    assert_int_equal(sl_net_on_signal(net, SIGUSR1, slow_signal, net), SL_OK);
    TURNS(net, 3);
    (void)sl_net_count(net);
    sl_timer_start(net, &a.timer, 5);
    sl_net_run(net);
    shows_once(net);
    sl_net_defer(net, &a.task);
    TURNS(net, 1);
    shows_once(net);
    sl_timer_start(net, &a.timer, 20000); /* else nothing is alive, and nothing polled */
    raise(SIGUSR1);
    TURNS(net, 2);
    shows_once(net);
    sl_timer_stop(net, &a.timer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tasks_and_graves, setup, teardown),
        cmocka_unit_test_setup_teardown(timers_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(stopped_timer_keeps_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(turn_waits_at_most, setup, teardown),
        cmocka_unit_test_setup_teardown(signals, setup, teardown),
        cmocka_unit_test(a_signal_at_the_end),
        cmocka_unit_test_setup_teardown(clocks, setup, teardown),
        cmocka_unit_test_setup_teardown(lag, setup, teardown),
    };

    alarm(25);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
