/* Switches: what is read, when they end, and what they say of targets. */
#include "policy/routing/switches.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW 1000

static const struct sl_target targets[] = {
    {.provider = 0, .model = SL_STR_INIT("big"), .weight = 1},
    {.provider = 0, .model = SL_STR_INIT("small"), .weight = 2},
    {.provider = 1, .weight = 3}, /* the name asked for */
};
static const struct sl_model model = {
    .name = SL_STR_INIT("gray"), .targets = targets, .targets_n = 3};
static const struct sl_str providers[] = {SL_STR_INIT("a"), SL_STR_INIT("b")};

static bool add(struct sl_switches *t, const char *id, const char *doc)
{
    return sl_switches_add(t, sl_str_of(id), sl_str_of(doc), NOW);
}

static void pause_until(struct sl_switches *t, const char *id, long long until_ms)
{
    char doc[128];

    snprintf(doc, sizeof doc, "{\"since\":1,\"until\":%lld,\"by\":\"me\",\"why\":\"w\"}", until_ms);
    assert_true(add(t, id, doc));
}

static long long pause_of(struct sl_switches *t, size_t target, int64_t now_ms)
{
    return sl_switches_pause(t, providers[targets[target].provider], &model, &targets[target],
                             now_ms);
}

static void test_what_is_read(void **state)
{
    static const char *const bad[][2] = {
        {"purge.texts", "{\"since\":1,\"until\":2000}"},
        {"nobody:a", "{\"since\":1,\"until\":2000}"},
        {"provider", "{\"since\":1,\"until\":2000}"},
        {":a", "{\"since\":1,\"until\":2000}"},
        {"provider:a", ""},
        {"provider:a", "[]"},
        {"provider:a", "{\"since\":1}"},
        {"provider:a", "{\"since\":1,\"until\":-2000}"},
        {"provider:a", "{\"since\":1,\"until\":\"2000\"}"},
        {"provider:a", "{\"since\":1,\"until\":1000}"}, /* it is over */
        {"weight:m", "{\"since\":1,\"until\":2000,\"weights\":{\"a\":-1}}"},
        {"weight:m", "{\"since\":1,\"until\":2000,\"weights\":{\"a\":1000001}}"},
        {"weight:m", "{\"since\":1,\"until\":2000,\"weights\":{\"a\":1.5}}"},
    };
    struct sl_switches *t = sl_switches_new();
    const struct sl_switch *s;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (add(t, bad[i][0], bad[i][1]))
            fail_msg("%s %s was taken", bad[i][0], bad[i][1]);
    assert_null(sl_switches_next(t, NULL, 0));
    assert_true(add(t, "key:k:1", "{\"since\":5,\"until\":2000,\"by\":7,\"why\":\"a \\\"b\\\"\"}"));
    s = sl_switches_find(t, SL_SWITCH_KEY, SL_STR("k:1"), NOW);
    assert_non_null(s);
    assert_true(sl_str_eq(s->name, SL_STR("k:1")));
    assert_true(sl_str_eq(s->why, SL_STR("a \"b\"")));
    assert_int_equal(s->by.n, 0);
    assert_null(sl_switches_find(t, SL_SWITCH_TENANT, SL_STR("k:1"), NOW));
    pause_until(t, "key:k:1", 3000); /* takes its place */
    assert_null(sl_switches_next(t, sl_switches_next(t, NULL, NOW), NOW));
    assert_int_equal(sl_switches_find(t, SL_SWITCH_KEY, SL_STR("k:1"), NOW)->until_ms, 3000);
    sl_switches_end(&t);
}

static void test_they_are_written_as_read(void **state)
{
    struct sl_switch s = {.kind = SL_SWITCH_WEIGHT,
                          .name = SL_STR("m"),
                          .why = SL_STR("\"quoted\""),
                          .by = SL_STR("me"),
                          .since_ms = 5,
                          .until_ms = 2000,
                          .weights = {{SL_STR("a"), 0}, {SL_STR("b/c"), 1000000}},
                          .weights_n = 2};
    struct sl_switches *t = sl_switches_new();
    char place[512];
    struct sl_text doc = sl_text_over(place, sizeof place);
    const struct sl_switch *got;

    (void)state;
    sl_switch_write(&s, &doc);
    assert_false(doc.cut);
    assert_true(sl_switches_add(t, SL_STR("weight:m"), sl_text_str(&doc), NOW));
    got = sl_switches_find(t, SL_SWITCH_WEIGHT, SL_STR("m"), NOW);
    assert_non_null(got);
    assert_true(sl_str_eq(got->why, s.why) && sl_str_eq(got->by, s.by));
    assert_int_equal(got->since_ms, 5);
    assert_int_equal(got->weights_n, 2);
    assert_true(sl_str_eq(got->weights[1].target, SL_STR("b/c")));
    assert_int_equal(got->weights[1].weight, 1000000);
    sl_switches_end(&t);
}

static void test_pauses_end(void **state)
{
    struct sl_switches *t = sl_switches_new();

    (void)state;
    assert_int_equal(pause_of(t, 0, NOW), 0);
    pause_until(t, "target:a/big", 1500);
    assert_int_equal(pause_of(t, 0, NOW), 1500);
    assert_int_equal(pause_of(t, 0, 1499), 1500);
    assert_int_equal(pause_of(t, 0, 1500), 0);
    assert_int_equal(pause_of(t, 1, NOW), 0);
    pause_until(t, "provider:a", 3000);
    assert_int_equal(pause_of(t, 0, NOW), 3000);
    assert_int_equal(pause_of(t, 1, NOW), 3000);
    assert_int_equal(pause_of(t, 2, NOW), 0);
    pause_until(t, "target:b", 2000);
    assert_int_equal(pause_of(t, 2, NOW), 2000);
    pause_until(t, "model:gray", 2500);
    assert_int_equal(pause_of(t, 0, NOW), 3000);
    assert_int_equal(pause_of(t, 2, NOW), 2500);
    assert_int_equal(pause_of(t, 2, 2500), 0);
    sl_switches_clear(t);
    assert_int_equal(pause_of(t, 0, NOW), 0);
    sl_switches_end(&t);
}

static void assert_weights(struct sl_switches *t, int64_t now_ms, uint64_t a, uint64_t b,
                           uint64_t c)
{
    const uint64_t want[] = {a, b, c};

    for (size_t i = 0; i < 3; i++) {
        uint64_t w = targets[i].weight;

        (void)!sl_switches_weight(t, providers[targets[i].provider], &model, &targets[i], now_ms,
                                  &w);
        assert_int_equal(w, want[i]);
    }
}

static void test_weights_hold_for_a_while(void **state)
{
    struct sl_switches *t = sl_switches_new();

    (void)state;
    assert_weights(t, NOW, 1, 2, 3);
    assert_true(add(t, "weight:gray", "{\"since\":1,\"until\":2000,\"weights\":{\"b\":0}}"));
    assert_weights(t, NOW, 1, 2, 0);
    assert_weights(t, 2000, 1, 2, 3);
    assert_true(add(t, "weight:gray",
                    "{\"since\":1,\"until\":2000,\"weights\":{\"a\":7,\"a/small\":9,\"x\":1}}"));
    assert_weights(t, NOW, 7, 9, 3); /* the whole name goes first */
    assert_true(add(t, "weight:other", "{\"since\":1,\"until\":2000,\"weights\":{\"a\":5}}"));
    assert_weights(t, NOW, 7, 9, 3);
    sl_switches_end(&t);
}

static void test_there_is_a_ceiling(void **state)
{
    struct sl_switches *t = sl_switches_new();
    char id[32], place[SL_SWITCH_ID], name[SL_SWITCH_NAME + 1];

    (void)state;
    for (int i = 0; i < SL_SWITCHES_ROOM; i++) {
        snprintf(id, sizeof id, "key:k%d", i);
        pause_until(t, id, 2000);
    }
    assert_false(add(t, "key:one-more", "{\"since\":1,\"until\":2000}"));
    memset(name, 'n', sizeof name);
    assert_int_equal(
        sl_switch_id(SL_SWITCH_PROVIDER, (struct sl_str){name, SL_SWITCH_NAME}, place).n,
        sizeof "provider:" - 1 + SL_SWITCH_NAME);
    assert_int_equal(
        sl_switch_id(SL_SWITCH_PROVIDER, (struct sl_str){name, SL_SWITCH_NAME + 1}, place).n, 0);
    assert_int_equal(sl_switch_target((struct sl_str){name, SL_SWITCH_NAME}, SL_STR("m"), place).n,
                     0);
    sl_switches_end(&t);
}

static bool is_over(const char *id, const char *doc)
{
    return sl_switch_is_over(sl_str_of(id), sl_str_of(doc), NOW);
}

static void test_what_is_over(void **state)
{
    (void)state;
    assert_true(is_over("provider:a", "{\"since\":1,\"until\":1000}"));
    assert_false(is_over("provider:a", "{\"since\":1,\"until\":1001}"));
    assert_true(is_over("weight:gray", "{\"until\":0}"));
    assert_false(is_over("purge.key.0123456789abcdef", "{\"until\":0}"));
    assert_false(is_over("strange:a", "{\"until\":0}"));
    assert_false(is_over("provider:a", "{\"until\":\"soon\"}"));
    assert_false(is_over("provider:a", "{}"));
    assert_false(is_over("provider:a", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_read),       cmocka_unit_test(test_they_are_written_as_read),
        cmocka_unit_test(test_pauses_end),         cmocka_unit_test(test_weights_hold_for_a_while),
        cmocka_unit_test(test_there_is_a_ceiling), cmocka_unit_test(test_what_is_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
