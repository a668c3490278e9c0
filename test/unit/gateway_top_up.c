/* A 2xx that is not understood: the same is asked again, nothing is added or forgotten. And what
 * is left as it is, is told. */
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

static char said[4096];

static void keep_said(void *ctx, struct sl_str line)
{
    size_t had = strlen(said);

    (void)ctx;
    (void)snprintf(said + had, sizeof said - had, "%.*s", SL_STR_ARGS(line));
}

/* The tenant, its id, why, and what is to be done: one line. That another one was faster to
 * claim it is none. */
static void leaving_is_told(void **state)
{
    static const struct {
        void (*step)(void *ctx, enum sl_err e);
        enum sl_err e;
        const char *said; /* NULL: nothing */
    } cases[] = {
        {on_found, SL_ERR_STORE, "under the id that it would get is left as it is: the store f"},
        {on_claimed, SL_ERR_CONFLICT, NULL},
        {on_claimed, SL_ERR_STORE, "under the id the-one is left as it is: the store failed"},
        {on_claimed, SL_ERR_CEILING, "as it takes; end some of those that `sluice switches`"},
        {on_balance, SL_ERR_STORE, "the same is begun again when the tenant's balance is"},
        {on_still_mine, SL_ERR_CONFLICT, "let the receiver answer within two minutes"},
        {on_closed, SL_ERR_STORE, "its end was not kept; the same is asked again in two minutes"},
        {on_closed, SL_OK, NULL},
    };
    struct sl_gateway g = {.net = sl_net_new()};
    struct sl_gateway_conf conf = {.top_up = NULL};
    struct sl_top_ups *t = sl_top_ups_new(&g);

    (void)state;
    g.conf = &conf;
    sl_log_setup(SL_LOG_INFO, false, keep_said, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        said[0] = '\0';
        t->n = 1;
        memcpy(t->queue[t->first].tenant, "acme", 4);
        t->queue[t->first].tenant_n = 4;
        memcpy(t->state.id, "the-one", 8);
        cases[i].step(t, cases[i].e);
        assert_int_equal(t->n, 0);
        if (cases[i].said == NULL) {
            assert_string_equal(said, "");
            continue;
        }
        assert_non_null(strstr(said, "tenant acme under"));
        assert_non_null(strstr(said, cases[i].said));
        assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
    }
    said[0] = '\0';
    t->n = t->body_n = 1; /* its receiver was asked */
    memcpy(t->queue[t->first].tenant, "acme", 4);
    t->queue[t->first].tenant_n = 4;
    sl_top_ups_reload(t);
    assert_non_null(strstr(said, "hooks.auto_top_up is gone from the configuration"));
    assert_int_equal(t->n, 0);
    sl_top_ups_end(&t);
    sl_net_end(&g.net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_asked_again),
                                       cmocka_unit_test(leaving_is_told)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
