/* The order of a model's targets: each strategy within a priority, and affinity. */
#include "policy/routing/order.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define USERS 10000

struct bed {
    struct sl_target target[SL_ROUTE_TARGETS_MAX];
    struct sl_model m;
    struct sl_order_ask ask;
};

static void set_up(struct bed *b, enum sl_strategy strategy, size_t n)
{
    memset(b, 0, sizeof *b);
    for (size_t i = 0; i < n; i++) {
        b->target[i] = (struct sl_target){.provider = (unsigned)i, .speaks = SL_ANTHROPIC};
        b->ask.fact[i] =
            (struct sl_order_fact){.name = sl_order_hash(i, SL_STR("provider")), .weight = 1};
    }
    b->m = (struct sl_model){.targets = b->target, .targets_n = n, .strategy = strategy};
    b->ask.protocol = SL_ANTHROPIC;
    b->ask.prefer = SL_ORDER_NOBODY;
}

static void assert_order(const struct bed *b, const char *want)
{
    const struct sl_target *out[SL_ROUTE_TARGETS_MAX];
    char got[SL_ROUTE_TARGETS_MAX + 1] = "";
    size_t n = sl_order_rank(&b->m, &b->ask, out);

    for (size_t i = 0; i < n; i++)
        got[i] = (char)('a' + out[i]->provider);
    assert_string_equal(got, want);
}

static unsigned first_of(struct bed *b, unsigned user)
{
    const struct sl_target *out[SL_ROUTE_TARGETS_MAX];
    char name[32];

    snprintf(name, sizeof name, "user-%u", user);
    b->ask.user = sl_order_hash(0, sl_str_of(name));
    assert_int_equal(sl_order_rank(&b->m, &b->ask, out), b->m.targets_n);
    return out[0]->provider;
}

static void test_priority(void **state)
{
    struct bed b;

    (void)state;
    set_up(&b, SL_STRATEGY_PRIORITY, 5);
    b.target[0].speaks = b.target[3].speaks = SL_OPENAI;
    b.target[3].priority = b.target[4].priority = 1;
    assert_order(&b, "bce");
    b.ask.translates = true;
    assert_order(&b, "bcaed");
    b.ask.prefer = 2;
    assert_order(&b, "cbaed");
    b.ask.prefer = 0; /* never a translated one before one that is passed through */
    assert_order(&b, "bcaed");
    b.ask.prefer = 4; /* never before those of a lower priority */
    b.target[3].speaks = SL_ANTHROPIC;
    assert_order(&b, "bcaed");
}

/* The draw is true to the weights, and comes out alike each time. */
static void test_weights(void **state)
{
    struct bed b;
    unsigned second = 0;

    (void)state;
    set_up(&b, SL_STRATEGY_WEIGHTED, 2);
    b.ask.fact[0].weight = 90;
    b.ask.fact[1].weight = 10;
    for (unsigned i = 0; i < USERS; i++) {
        unsigned at = first_of(&b, i);

        assert_int_equal(first_of(&b, i), at);
        second += at;
    }
    assert_in_range(second, USERS / 100 * 9, USERS / 100 * 11);
}

/* Other weights move the share that must move, in one direction. */
static void test_weights_that_change(void **state)
{
    static const uint64_t rises[] = {10, 20, 50, 100};
    static uint8_t was[USERS];
    struct bed b;

    (void)state;
    set_up(&b, SL_STRATEGY_WEIGHTED, 3);
    for (size_t k = 0; k < COUNT(rises); k++) {
        unsigned moved = 0, there = 0;

        b.ask.fact[0].weight = b.ask.fact[1].weight = 100 - rises[k];
        b.ask.fact[2].weight = 2 * rises[k];
        for (unsigned i = 0; i < USERS; i++) {
            uint8_t now = (uint8_t)first_of(&b, i);

            if (k > 0 && now != was[i]) {
                assert_int_equal(now, 2);
                moved++;
            }
            was[i] = now;
            there += now == 2;
        }
        assert_in_range(there, USERS / 100 * (rises[k] - 1), USERS / 100 * (rises[k] + 1));
        if (k > 0)
            assert_in_range(moved, USERS / 100 * (rises[k] - rises[k - 1] - 2),
                            USERS / 100 * (rises[k] - rises[k - 1] + 2));
    }
}

static void test_weight_0_comes_last(void **state)
{
    const struct sl_target *out[SL_ROUTE_TARGETS_MAX];
    struct bed b;

    (void)state;
    set_up(&b, SL_STRATEGY_WEIGHTED, 3);
    b.ask.fact[1].weight = 0;
    b.ask.prefer = 1; /* the draw stands: affinity is not asked */
    for (unsigned i = 0; i < 100; i++) {
        assert_int_not_equal(first_of(&b, i), 1);
        assert_int_equal(sl_order_rank(&b.m, &b.ask, out), 3);
        assert_int_equal(out[2]->provider, 1);
    }
}

/* Of two drawn the quicker one; so the slowest of several is never first. */
static void test_latency(void **state)
{
    const struct sl_target *out[SL_ROUTE_TARGETS_MAX];
    unsigned firsts[4] = {0};
    struct bed b;

    (void)state;
    set_up(&b, SL_STRATEGY_LATENCY, 4);
    for (size_t i = 0; i < 4; i++)
        b.ask.fact[i].load = 100 * (4 - i);
    for (uint64_t i = 0; i < 1200; i++) {
        b.ask.random = mix(i + 1);
        assert_int_equal(sl_order_rank(&b.m, &b.ask, out), 4);
        firsts[out[0]->provider]++;
    }
    assert_int_equal(firsts[0], 0);
    assert_in_range(firsts[3], 540, 660); /* 3 of 6 pairs hold the quickest */
    assert_in_range(firsts[2], 340, 460);
    assert_in_range(firsts[1], 140, 260);
    b.ask.prefer = 0;
    assert_int_equal(sl_order_rank(&b.m, &b.ask, out), 4);
    assert_int_equal(out[0]->provider, 0);
    set_up(&b, SL_STRATEGY_LATENCY, 2);
    b.ask.fact[0].load = 7;
    assert_order(&b, "ba");
    set_up(&b, SL_STRATEGY_LATENCY, 1);
    assert_order(&b, "a");
}

static void test_cost(void **state)
{
    struct bed b;

    (void)state;
    set_up(&b, SL_STRATEGY_COST, 5);
    b.ask.fact[0].cost_pico = SL_MONEY_UNKNOWN;
    b.ask.fact[1].cost_pico = 500;
    b.ask.fact[2].cost_pico = 0;
    b.ask.fact[3].cost_pico = 499;
    b.target[4].priority = 1;
    assert_order(&b, "cdbae");
}

static uint64_t share(const struct bed *b, size_t at)
{
    return sl_order_share_ppm(&b->m, &b->ask, at);
}

/* What is told of chances is what is drawn. */
static void test_shares(void **state)
{
    const struct sl_target *out[SL_ROUTE_TARGETS_MAX];
    unsigned firsts[4] = {0};
    uint64_t x = 88172645463325252u;
    struct bed b;

    (void)state;
    set_up(&b, SL_STRATEGY_LATENCY, 4);
    for (size_t i = 0; i < 4; i++)
        b.ask.fact[i].load = 400 - 100 * i;
    for (int i = 0; i < 60000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        b.ask.random = x;
        assert_int_equal(sl_order_rank(&b.m, &b.ask, out), 4);
        firsts[out[0]->provider]++;
    }
    for (size_t i = 0; i < 4; i++) {
        uint64_t drawn = (uint64_t)firsts[i] * 1000000 / 60000;

        assert_in_range(share(&b, i) + 10000, drawn, drawn + 20000);
    }
    b.ask.prefer = 0; /* whatever is drawn */
    assert_int_equal(share(&b, 0), 1000000);
    assert_int_equal(share(&b, 3), 0);

    set_up(&b, SL_STRATEGY_WEIGHTED, 4);
    b.ask.fact[0].weight = 90;
    b.ask.fact[1].weight = 10;
    b.ask.fact[2].weight = 0;
    b.target[2].speaks = SL_OPENAI;
    b.target[3].priority = 1;
    assert_int_equal(share(&b, 0), 900000);
    assert_int_equal(share(&b, 1), 100000);
    assert_int_equal(share(&b, 2), 0); /* no candidate */
    assert_int_equal(share(&b, 3), 1000000);
    b.ask.fact[0].weight = b.ask.fact[1].weight = 0;
    assert_int_equal(share(&b, 0), 1000000);

    set_up(&b, SL_STRATEGY_COST, 2);
    b.ask.fact[0].cost_pico = 2;
    b.ask.fact[1].cost_pico = 1;
    assert_int_equal(share(&b, 0), 0);
    assert_int_equal(share(&b, 1), 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_priority),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_weights_that_change),
        cmocka_unit_test(test_weight_0_comes_last),
        cmocka_unit_test(test_latency),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
