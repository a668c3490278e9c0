/* Models: exact names before patterns, the longest pattern before others,
 * targets by priority and protocol. */
#include "policy/route.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct sl_target one = {.speaks = SL_ANTHROPIC | SL_OPENAI, .model = {"up", 2}};

static enum sl_err try_add(struct sl_routes *r, const char *name, const struct sl_str *aliases,
                           size_t n, char why[200])
{
    struct sl_model m = {.name = sl_str_of(name),
                         .aliases = aliases,
                         .aliases_n = n,
                         .targets = &one,
                         .targets_n = 1};

    return sl_routes_add(r, &m, why, 200);
}

static void add(struct sl_routes *r, const char *name)
{
    char why[200] = "";

    assert_int_equal(try_add(r, name, NULL, 0, why), SL_OK);
}

static void assert_finds(const struct sl_routes *r, const char *asked, const char *want)
{
    const struct sl_model *m = sl_route_find(r, sl_str_of(asked));

    if (want == NULL) {
        assert_null(m);
        return;
    }
    assert_non_null(m);
    if (!sl_str_eq(m->name, sl_str_of(want)))
        fail_msg("%s finds %.*s, not %s", asked, SL_STR_ARGS(m->name), want);
}

static void test_exact_then_longest(void **state)
{
    const struct sl_str aliases[] = {SL_STR("claude-sonnet-4-5"), SL_STR("sonnet")};
    struct sl_routes *r = sl_routes_new();
    char why[200];

    (void)state;
    assert_finds(r, "x", NULL);
    assert_finds(r, "", NULL);
    add(r, "claude-*");
    add(r, "claude-sonnet-*");
    assert_int_equal(try_add(r, "claude-sonnet", aliases, 2, why), SL_OK);
    add(r, "gpt-x");
    add(r, "openai/*");
    assert_finds(r, "claude-sonnet", "claude-sonnet");
    assert_finds(r, "sonnet", "claude-sonnet");
    assert_finds(r, "claude-sonnet-4-5", "claude-sonnet"); /* alias before pattern */
    assert_finds(r, "claude-sonnet-4-6", "claude-sonnet-*");
    assert_finds(r, "claude-opus", "claude-*");
    assert_finds(r, "claude-", "claude-*");
    assert_finds(r, "claude", NULL);
    assert_finds(r, "gpt-x", "gpt-x");
    assert_finds(r, "gpt-x2", NULL);
    assert_finds(r, "GPT-X", NULL);
    assert_finds(r, "openai/gpt-x", "openai/*");
    assert_finds(r, "", NULL);
    add(r, "*");
    assert_finds(r, "claude-opus", "claude-*");
    assert_finds(r, "anything", "*");
    assert_finds(r, "", "*");
    sl_routes_end(&r);
    assert_null(r);
    sl_routes_end(&r);
}

/* Patterns are ordered whatever the order they came in. */
static void test_pattern_order(void **state)
{
    static const char *const names[] = {"*", "a*", "aa*", "aaa*", "aaaa*"};

    (void)state;
    for (size_t shift = 0; shift < COUNT(names); shift++) {
        for (int back = 0; back < 2; back++) {
            struct sl_routes *r = sl_routes_new();

            for (size_t i = 0; i < COUNT(names); i++) {
                size_t at = (i + shift) % COUNT(names);

                add(r, names[back != 0 ? COUNT(names) - 1 - at : at]);
            }
            assert_finds(r, "b", "*");
            assert_finds(r, "ab", "a*");
            assert_finds(r, "aab", "aa*");
            assert_finds(r, "aaa", "aaa*");
            assert_finds(r, "aaaaa", "aaaa*");
            sl_routes_end(&r);
        }
    }
}

static void test_names_stand_once(void **state)
{
    const struct sl_str b[] = {SL_STR("b")}, twice[] = {SL_STR("e"), SL_STR("e")};
    const struct sl_str self[] = {SL_STR("f")};
    struct sl_routes *r = sl_routes_new();
    char why[200] = "";

    (void)state;
    assert_int_equal(try_add(r, "a", b, 1, why), SL_OK);
    add(r, "p*");
    assert_int_equal(try_add(r, "a", NULL, 0, why), SL_ERR_CONFIG);
    assert_non_null(strstr(why, "a"));
    assert_int_equal(try_add(r, "b", NULL, 0, why), SL_ERR_CONFIG);
    assert_int_equal(try_add(r, "c", b, 1, why), SL_ERR_CONFIG);
    assert_int_equal(try_add(r, "p*", NULL, 0, why), SL_ERR_CONFIG);
    assert_int_equal(try_add(r, "d", twice, 2, why), SL_ERR_CONFIG);
    assert_int_equal(try_add(r, "f", self, 1, why), SL_ERR_CONFIG);
    assert_int_equal(sl_routes_count(r), 2); /* what was refused is not listed */
    sl_routes_end(&r);
}

static void test_copies(void **state)
{
    char name[] = "name", shown[] = "Name", alias[] = "alias", up[] = "at-provider";
    struct sl_str aliases[] = {{alias, 5}};
    struct sl_target target = {
        .provider = 3, .speaks = SL_OPENAI, .model = {up, 11}, .priority = -7};
    struct sl_model m = {.name = {name, 4},
                         .display_name = {shown, 4},
                         .aliases = aliases,
                         .aliases_n = 1,
                         .targets = &target,
                         .targets_n = 1};
    struct sl_routes *r = sl_routes_new();
    const struct sl_model *got;
    char why[200];

    (void)state;
    assert_int_equal(sl_routes_add(r, &m, why, sizeof(why)), SL_OK);
    memset(name, 'x', 4);
    memset(shown, 'x', 4);
    memset(alias, 'x', 5);
    memset(up, 'x', 11);
    memset(&target, 0, sizeof(target));
    aliases[0].n = 0;
    got = sl_route_find(r, SL_STR("alias"));
    assert_ptr_equal(got, sl_routes_at(r, 0));
    assert_true(sl_str_eq(got->name, SL_STR("name")));
    assert_true(sl_str_eq(got->display_name, SL_STR("Name")));
    assert_int_equal(got->aliases_n, 1);
    assert_true(sl_str_eq(got->aliases[0], SL_STR("alias")));
    assert_true(sl_str_eq(got->targets[0].model, SL_STR("at-provider")));
    assert_int_equal(got->targets[0].provider, 3);
    assert_int_equal(got->targets[0].priority, -7);
    assert_false(got->is_pattern);
    sl_routes_end(&r);
}

static void test_rank(void **state)
{
    /* provider is the place in the file */
    static const struct sl_target targets[] = {
        {.provider = 0, .speaks = SL_OPENAI, .priority = 5},
        {.provider = 1, .speaks = SL_ANTHROPIC, .priority = 0},
        {.provider = 2, .speaks = SL_OPENAI, .priority = 0},
        {.provider = 3, .speaks = SL_ANTHROPIC | SL_OPENAI, .priority = -1},
        {.provider = 4, .speaks = SL_ANTHROPIC, .priority = 0},
        {.provider = 5, .speaks = SL_OPENAI, .priority = INT64_MIN},
        {.provider = 6, .speaks = SL_OPENAI, .priority = 0},
        {.provider = 7, .speaks = 0, .priority = 0},
        {.provider = 8, .speaks = SL_ANTHROPIC, .priority = INT64_MAX},
    };
    static const unsigned anthropic[] = {3, 1, 4, 8}, openai[] = {5, 3, 2, 6, 0};
    struct sl_model m = {.name = SL_STR("m"), .targets = targets, .targets_n = COUNT(targets)};
    const struct sl_target *out[SL_ROUTE_TARGETS_MAX];
    struct sl_routes *r = sl_routes_new();
    const struct sl_model *got;
    char why[200];

    (void)state;
    assert_int_equal(sl_routes_add(r, &m, why, sizeof(why)), SL_OK);
    got = sl_route_find(r, SL_STR("m"));
    assert_int_equal(sl_route_rank(got, SL_ANTHROPIC, out), COUNT(anthropic));
    for (size_t i = 0; i < COUNT(anthropic); i++)
        assert_int_equal(out[i]->provider, anthropic[i]);
    assert_int_equal(sl_route_rank(got, SL_OPENAI, out), COUNT(openai));
    for (size_t i = 0; i < COUNT(openai); i++)
        assert_int_equal(out[i]->provider, openai[i]);
    sl_routes_end(&r);
}

static void test_how_many_targets(void **state)
{
    struct sl_target targets[SL_ROUTE_TARGETS_MAX + 1];
    struct sl_model m = {.name = SL_STR("m"), .targets = targets};
    const struct sl_target *out[SL_ROUTE_TARGETS_MAX];
    struct sl_routes *r = sl_routes_new();
    char why[200] = "";

    (void)state;
    for (size_t i = 0; i < COUNT(targets); i++)
        targets[i] = one;
    m.targets_n = SL_ROUTE_TARGETS_MAX + 1;
    assert_int_equal(sl_routes_add(r, &m, why, sizeof(why)), SL_ERR_CONFIG);
    assert_true(why[0] != '\0');
    m.targets_n = 0;
    assert_int_equal(sl_routes_add(r, &m, why, sizeof(why)), SL_ERR_CONFIG);
    m.targets_n = SL_ROUTE_TARGETS_MAX;
    assert_int_equal(sl_routes_add(r, &m, why, sizeof(why)), SL_OK);
    assert_int_equal(sl_route_rank(sl_routes_at(r, 0), SL_OPENAI, out), SL_ROUTE_TARGETS_MAX);
    assert_int_equal(sl_route_rank(sl_routes_at(r, 0), SL_ANTHROPIC, out), SL_ROUTE_TARGETS_MAX);
    sl_routes_end(&r);
}

static void test_many(void **state)
{
    struct sl_routes *r = sl_routes_new();
    char name[32];

    (void)state;
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), i % 10 == 0 ? "m-%d-*" : "m-%d", i);
        add(r, name);
    }
    assert_int_equal(sl_routes_count(r), 2000);
    for (int i = 0; i < 2000; i++) {
        char asked[40];

        snprintf(name, sizeof(name), i % 10 == 0 ? "m-%d-*" : "m-%d", i);
        snprintf(asked, sizeof(asked), i % 10 == 0 ? "m-%d-x" : "m-%d", i);
        assert_finds(r, asked, name);
        assert_true(sl_str_eq(sl_routes_at(r, (size_t)i)->name, sl_str_of(name)));
    }
    assert_finds(r, "m-2000", NULL);
    sl_routes_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_then_longest),
        cmocka_unit_test(test_pattern_order),
        cmocka_unit_test(test_names_stand_once),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_rank),
        cmocka_unit_test(test_how_many_targets),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
