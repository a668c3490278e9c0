/* An event that is not taken: five tries, each twice as long after the one before, then it is
 * given up; at the end of the process the try under way is the last. */
#include "gateway/hooks/hooks.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define REFUSED SL_STR("nobody is there")

struct bench {
    struct sl_gateway g;
    struct sl_gateway_conf conf;
    struct sl_hooks h;
    struct sl_hooks_lane *l; /* up: the operator's */
};

static int setup(void **state)
{
    struct bench *b = sl_mem_new(sizeof *b);
    struct sl_hooks_lane *l = &b->h.lanes[SL_HOOKS_OPERATOR];

    b->g.net = sl_net_new();
    b->g.metrics = sl_metrics_new(100);
    b->g.f.hooks = sl_metric_family(b->g.metrics, SL_METRIC_COUNTER, "sluice_hooks_total",
                                    "Events.", "result", NULL);
    b->g.conf = &b->conf;
    b->h.gw = &b->g;
    for (int i = 0; i < SL_HOOKS_LANES; i++) {
        b->h.lanes[i].of = &b->h;
        sl_timer_init(&b->h.lanes[i].again, fire_again);
        sl_post_init(&b->h.lanes[i].post, b->g.net, on_post, &b->h.lanes[i]);
    }
    l->n = 2;
    memcpy(l->queue[0].id, "event-0", 8);
    memcpy(l->queue[1].id, "event-1", 8);
    b->l = l;
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    sl_timer_stop(b->g.net, &b->l->again);
    sl_metrics_end(&b->g.metrics);
    sl_net_end(&b->g.net);
    sl_mem_free(b);
    return 0;
}

static double given_up(struct bench *b)
{
    struct sl_str label = SL_STR("failed");

    return sl_metric_series(b->g.f.hooks, &label)->value;
}

static uint64_t wait_of(const struct bench *b)
{
    return b->l->again.due - sl_net_now(b->g.net);
}

static void five_tries(void **state)
{
    struct bench *b = *state;

    for (unsigned i = 0; i < SL_HOOKS_TRIES - 1; i++) {
        failed(b->l, REFUSED);
        assert_int_equal(b->l->n, 2);
        assert_true(sl_timer_is_armed(&b->l->again));
        assert_int_equal(wait_of(b), SL_HOOKS_BACKOFF_MS << i);
    }
    assert_true(given_up(b) == 0);
    failed(b->l, REFUSED);
    assert_true(given_up(b) == 1);
    assert_int_equal(b->l->n, 1);
    assert_string_equal(b->l->queue[b->l->first].id, "event-1");
    assert_int_equal(wait_of(b), 0); /* the next one waits for nothing, and has all its tries */
    failed(b->l, REFUSED);
    assert_int_equal(b->l->n, 1);
}

static void the_last_one_at_the_end(void **state)
{
    struct bench *b = *state;

    failed(b->l, REFUSED);
    sl_hooks_hurry(&b->h);
    assert_int_equal(wait_of(b), 0); /* no backoff is waited for */
    failed(b->l, REFUSED);
    assert_int_equal(b->l->n, 1);
    failed(b->l, REFUSED);
    assert_true(given_up(b) == 2);
    assert_true(sl_hooks_is_idle(&b->h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(five_tries, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_one_at_the_end, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
