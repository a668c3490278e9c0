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
};

static int setup(void **state)
{
    struct bench *b = sl_mem_new(sizeof *b);
    struct sl_hooks *h = &b->h;

    b->g.net = sl_net_new();
    b->g.metrics = sl_metrics_new(100);
    b->g.f.hooks = sl_metric_family(b->g.metrics, SL_METRIC_COUNTER, "sluice_hooks_total",
                                    "Events.", "result", NULL);
    b->g.conf = &b->conf;
    h->gw = &b->g;
    sl_timer_init(&h->again, fire_again);
    sl_post_init(&h->post, b->g.net, on_post, h);
    h->n = 2;
    memcpy(h->queue[0].id, "event-0", 8);
    memcpy(h->queue[1].id, "event-1", 8);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    sl_timer_stop(b->g.net, &b->h.again);
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
    return b->h.again.due - sl_net_now(b->g.net);
}

static void five_tries(void **state)
{
    struct bench *b = *state;

    for (unsigned i = 0; i < SL_HOOKS_TRIES - 1; i++) {
        failed(&b->h, REFUSED);
        assert_int_equal(b->h.n, 2);
        assert_true(sl_timer_is_armed(&b->h.again));
        assert_int_equal(wait_of(b), SL_HOOKS_BACKOFF_MS << i);
    }
    assert_true(given_up(b) == 0);
    failed(&b->h, REFUSED);
    assert_true(given_up(b) == 1);
    assert_int_equal(b->h.n, 1);
    assert_string_equal(b->h.queue[b->h.first].id, "event-1");
    assert_int_equal(wait_of(b), 0); /* the next one waits for nothing, and has all its tries */
    failed(&b->h, REFUSED);
    assert_int_equal(b->h.n, 1);
}

static void the_last_one_at_the_end(void **state)
{
    struct bench *b = *state;

    failed(&b->h, REFUSED);
    sl_hooks_hurry(&b->h);
    assert_int_equal(wait_of(b), 0); /* no backoff is waited for */
    failed(&b->h, REFUSED);
    assert_int_equal(b->h.n, 1);
    failed(&b->h, REFUSED);
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
