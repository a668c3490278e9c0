/* A 2xx that is not understood: the same is asked again, nothing is added or forgotten. */
#include "gateway/hooks/top_up.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void is_asked_again(void **state)
{
    const struct sl_post_end ends[] = {
        {.status = 200, .answer = SL_STR("{\"amount\":null}")},
        {.status = 200, .answer = SL_STR("{\"amount\":1,\"more\":\"x"), .cut = true},
        {.status = 307, .why = SL_STR("it answered 307")},
    };
    struct sl_gateway g = {.net = sl_net_new()};
    struct sl_gateway_conf conf = {.top_up = NULL};
    struct sl_top_ups *t = sl_top_ups_new(&g);

    (void)state;
    g.conf = &conf;
    t->n = 1;
    t->queue[0].rules.amount_micro = 5000000;
    t->body_n = 1;
    memcpy(t->state.id, "the-one", 8);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        on_post(t, &ends[i]);
        assert_int_equal(t->tries, i + 1);
        assert_true(sl_timer_is_armed(&t->timer));
        assert_null(t->op); /* the store is asked for nothing */
        assert_string_equal(t->state.id, "the-one");
        sl_timer_stop(g.net, &t->timer);
    }
    sl_top_ups_end(&t);
    sl_net_end(&g.net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_asked_again)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
