/* The wheel against a model, on a clock that the test moves by hand. */
#include "net/inside.h"

#define sl_net_tick_ms() (net->loop.time + ahead_ms)
static uint64_t ahead_ms; /* real time, beyond the turn's */
#include "net/timer.c"

#include "base/mem.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TIMERS 2000
#define OPERATIONS 1000000

struct probe {
    struct sl_timer t;
    uint64_t due;   /* as the model sees it; UINT64_MAX: not armed */
    uint64_t fired; /* times */
    bool again;     /* start once more from within fire, with 0 ms */
};

static struct sl_net *net;
static struct probe probes[TIMERS];
static uint64_t last_due, most_late;
static struct probe *victim; /* stopped by whoever fires next */

static void set_clock(uint64_t ms)
{
    net->loop.time = ms;
}

static void fire(struct sl_timer *t)
{
    struct probe *p = SL_CONTAINER(t, struct probe, t);
    uint64_t now = sl_net_now(net);

    assert_true(p->due != UINT64_MAX); /* armed, and not stopped since */
    assert_true(now >= p->due);
    assert_false(sl_timer_is_armed(t));
    assert_true(p->due + 1 >= last_due); /* 0 ms counts as 1 */
    last_due = p->due;
    if (now - p->due > most_late)
        most_late = now - p->due;
    p->due = UINT64_MAX;
    p->fired++;
    if (victim != NULL) {
        sl_timer_stop(net, &victim->t);
        victim->due = UINT64_MAX;
        victim = NULL;
    }
    if (p->again) {
        p->again = false;
        sl_timer_start(net, t, 0);
        p->due = now;
    }
}

/* What the uv timer would do: call when its time has come. */
static void run_to(uint64_t to)
{
    while (net->armed != 0 && net->armed <= to) {
        if (net->armed > sl_net_now(net))
            set_clock(net->armed);
        last_due = 0;
        net->counts.turns++;
        on_uv_timer(&net->timer);
    }
    if (sl_net_now(net) < to)
        set_clock(to);
}

static int setup(void **state)
{
    (void)state;
    net = sl_net_new();
    set_clock(1000003);
    sl_timer_wheel_init(net);
    most_late = 0;
    for (size_t i = 0; i < TIMERS; i++) {
        probes[i] = (struct probe){.due = UINT64_MAX};
        sl_timer_init(&probes[i].t, fire);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < TIMERS; i++)
        sl_timer_stop(net, &probes[i].t);
    assert_int_equal(net->counts.timers, 0);
    sl_net_end(&net);
    return 0;
}

static void start(struct probe *p, uint64_t in_ms)
{
    p->due = sl_net_now(net) + in_ms;
    sl_timer_start(net, &p->t, in_ms);
    assert_true(sl_timer_is_armed(&p->t));
}

static void stop(struct probe *p)
{
    sl_timer_stop(net, &p->t);
    p->due = UINT64_MAX;
}

/* Every distance that crosses from one level to the next, from many places. */
static void edges(void **state)
{
    static const uint64_t at[] = {0,    1,    2,     62,     63,      64,      65,       127,
                                  4095, 4096, 4097,  262143, 262144,  262145,  16777215, 16777216,
                                  300,  5000, 90000, 600000, 3600000, 50000000};
    uint64_t phase = 0;

    (void)state;
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        for (int j = 0; j < 70; j++) {
            uint64_t due;

            run_to(sl_net_now(net) + phase++ % 67);
            start(&probes[0], at[i]);
            due = probes[0].due;
            if (at[i] > 1)
                run_to(due - 1);
            if (at[i] > 1)
                assert_true(probes[0].due == due);
            run_to(due + 2);
            assert_true(probes[0].due == UINT64_MAX);
        }
    }
    assert_true(most_late <= 2);
}

static void order(void **state)
{
    (void)state;
    for (size_t i = 0; i < 500; i++)
        start(&probes[i], 1 + (i * 7919) % 20000);
    run_to(sl_net_now(net) + 20010); /* fire() checks the order within each call */
    for (size_t i = 0; i < 500; i++)
        assert_int_equal(probes[i].fired, 1);
}

static void restart_moves(void **state)
{
    (void)state;
    start(&probes[0], 10);
    start(&probes[0], 500);
    run_to(sl_net_now(net) + 499);
    assert_int_equal(probes[0].fired, 0);
    assert_int_equal(net->counts.timers, 1);
    run_to(sl_net_now(net) + 3);
    assert_int_equal(probes[0].fired, 1);
    assert_int_equal(net->counts.timers, 0);
}

/* One that fires may stop another that is due at the same moment. */
static void stop_in_fire(void **state)
{
    (void)state;
    start(&probes[0], 5);
    start(&probes[1], 5);
    victim = &probes[1];
    run_to(sl_net_now(net) + 100);
    assert_int_equal(probes[0].fired, 1);
    assert_int_equal(probes[1].fired, 0);
}

/* Started from within, with nothing to wait: not in the same call. */
static void again_in_fire(void **state)
{
    uint64_t due;

    (void)state;
    start(&probes[0], 5);
    probes[0].again = true;
    due = probes[0].due;
    set_clock(due);
    on_uv_timer(&net->timer);
    assert_int_equal(probes[0].fired, 1);
    assert_true(sl_timer_is_armed(&probes[0].t));
    run_to(due + 3);
    assert_int_equal(probes[0].fired, 2);
}

static void never_is_far(void **state)
{
    (void)state;
    start(&probes[0], UINT64_MAX);
    probes[0].due = UINT64_MAX - 1;
    run_to(sl_net_now(net) + 7 * 86400000ull);
    assert_int_equal(probes[0].fired, 0);
    assert_true(sl_timer_is_armed(&probes[0].t));
    stop(&probes[0]);
}

static uint64_t some_time(void)
{
    uint64_t r = sl_rand_u64();

    switch (r % 8) {
    case 0: return 0;
    case 1: return r / 8 % 64;
    case 2: return r / 8 % 5000;
    case 3: return r / 8 % 300000;
    case 4: return r / 8 % 20000000;
    case 5: return 4096 - r / 8 % 3;
    default: return r / 8 % 2000;
    }
}

static void against_model(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPERATIONS; i++) {
        struct probe *p = &probes[sl_rand_u64() % TIMERS];
        uint64_t r = sl_rand_u64() % 16;

        if (r < 8)
            start(p, some_time());
        else if (r < 12)
            stop(p);
        else if (r < 15)
            run_to(sl_net_now(net) + sl_rand_u64() % 40);
        else if (i % 512 == 0)
            run_to(sl_net_now(net) + sl_rand_u64() % 100000);
        if (i % 1024 == 0) {
            size_t armed = 0;

            for (size_t k = 0; k < TIMERS; k++) {
                assert_true(probes[k].due == UINT64_MAX || probes[k].due + 2 >= sl_net_now(net));
                assert_int_equal(sl_timer_is_armed(&probes[k].t), probes[k].due != UINT64_MAX);
                armed += probes[k].due != UINT64_MAX;
            }
            assert_int_equal(net->counts.timers, armed);
        }
    }
    run_to(sl_net_now(net) + 40000000);
    assert_int_equal(net->counts.timers, 0);
    assert_true(most_late <= 2);
}

/* The clock jumps: a machine that slept, a callback that took long. */
static void late_clock(void **state)
{
    (void)state;
    for (size_t i = 0; i < TIMERS; i++)
        start(&probes[i], some_time());
    set_clock(sl_net_now(net) + 30000000);
    run_to(sl_net_now(net));
    for (size_t i = 0; i < TIMERS; i++)
        assert_int_equal(probes[i].fired, 1);
}

/* One turn ends, the uv timer fires in the next. */
static void turn(void)
{
    net->counts.turns++;
    last_due = 0;
    on_uv_timer(&net->timer);
}

/* What was waited for may lie there unread: a whole turn comes before the end of the wait. */
static void looks_first(void **state)
{
    (void)state;
    start(&probes[0], 50);
    start(&probes[1], 60);
    start(&probes[2], 3002);
    set_clock(sl_net_now(net) + 3000);
    turn();
    stop(&probes[1]); /* its answer is read */
    turn();
    assert_int_equal(probes[0].fired, 0);
    set_clock(sl_net_now(net) + 10);
    turn();
    assert_int_equal(probes[0].fired, 1);
    assert_int_equal(probes[1].fired, 0);
    assert_int_equal(probes[2].fired, 0); /* due since: it has had no look yet */
    for (int i = 0; i < 3; i++)
        turn();
    assert_int_equal(probes[2].fired, 1);
}

/* And what is in time has nothing to wait for, also after a look that all had stopped in. */
static void in_time_at_once(void **state)
{
    uint64_t due;

    (void)state;
    start(&probes[0], 50);
    set_clock(sl_net_now(net) + 3000);
    turn();
    stop(&probes[0]);
    start(&probes[1], 50);
    due = probes[1].due;
    while (probes[1].fired == 0) {
        assert_true(net->armed >= sl_net_now(net));
        set_clock(net->armed);
        turn();
    }
    assert_int_equal(sl_net_now(net), due);
}

/* In the middle of a long turn: the wait is as long as ever. */
static void begins_now(void **state)
{
    (void)state;
    ahead_ms = 300;
    start(&probes[0], 50);
    ahead_ms = 0;
    probes[0].due += 300;
    run_to(sl_net_now(net) + 349);
    assert_int_equal(probes[0].fired, 0);
    run_to(sl_net_now(net) + 3);
    assert_int_equal(probes[0].fired, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(edges, setup, teardown),
        cmocka_unit_test_setup_teardown(order, setup, teardown),
        cmocka_unit_test_setup_teardown(restart_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(stop_in_fire, setup, teardown),
        cmocka_unit_test_setup_teardown(again_in_fire, setup, teardown),
        cmocka_unit_test_setup_teardown(never_is_far, setup, teardown),
        cmocka_unit_test_setup_teardown(against_model, setup, teardown),
        cmocka_unit_test_setup_teardown(late_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(looks_first, setup, teardown),
        cmocka_unit_test_setup_teardown(in_time_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(begins_now, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
