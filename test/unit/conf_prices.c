/* Prices: the list that is built in, one of one's own, targets', and what has none. */
#include "conf/parts/prices.c"

#include "_conf_build.h"
#include "base/mem.h"
#include "conf/builtin.h"
#include "net/file.h"

#include <stdlib.h>
#include <unistd.h>

#define ANTHROPIC "{name: a, protocol: anthropic, base_url: \"https://api.anthropic.com\"}"
#define OPENAI "{name: openai, protocol: openai, base_url: \"https://gate.internal/v1\"}"
#define LAB "{name: lab, protocol: openai, base_url: \"https://lab.internal/v1\"}"
#define PROVIDERS "providers: [" ANTHROPIC ", " OPENAI ", " LAB "]\n"

static const struct sl_price *price_of(const struct sl_gateway_conf *m, size_t model, size_t target,
                                       const char *served)
{
    const struct sl_target *t = &sl_routes_at(m->routes, model)->targets[target];

    return sl_gateway_price(m, t, t->model.n > 0 ? t->model : sl_str_of(served));
}

/* By host whatever the provider is called, else by name; patterns with each request. */
static void test_listed(void **state)
{
    struct sl_gateway_conf *m = build_made(
        PROVIDERS "models:\n"
                  "  - {name: \"claude-*\", targets: [{provider: a}]}\n"
                  "  - {name: s, targets: [{provider: a, model: claude-sonnet-4-5-20250929}]}\n"
                  "  - {name: \"*\", targets: [{provider: openai}]}\n"
                  "  - {name: l, targets: [{provider: lab, model: gpt-4o}]}\n");

    (void)state;
    build_is(m->providers[0].price_list, "anthropic");
    build_is(m->providers[1].price_list, "openai");
    build_is(m->providers[2].price_list, "");
    assert_int_equal(price_of(m, 0, 0, "claude-opus-4-5")->out, 25000000);
    assert_null(price_of(m, 0, 0, "claude-9"));
    assert_int_equal(price_of(m, 1, 0, "")->in, 3000000);
    assert_int_equal(price_of(m, 1, 0, "")->cache_write_1h, 6000000);
    assert_int_equal(price_of(m, 1, 0, "")->search, 10000000000);
    assert_int_equal(sl_routes_at(m->routes, 1)->targets[0].price.in, 3000000);
    assert_false(sl_price_is_known(&sl_routes_at(m->routes, 0)->targets[0].price));
    assert_int_equal(price_of(m, 2, 0, "gpt-4o-2024-11-20")->cache_read, 1250000);
    assert_int_equal(price_of(m, 2, 0, "gpt-4o-2024-05-13")->in, 5000000);
    assert_true(price_of(m, 2, 0, "omni-moderation-latest")->free);
    assert_int_equal(price_of(m, 2, 0, "gpt-6-luna")->long_over, 272000);
    assert_int_equal(price_of(m, 2, 0, "gpt-6-luna")->beyond.out, 750000);
    assert_null(price_of(m, 3, 0, ""));
    sl_gateway_conf_drop(&m);
}

static void test_own(void **state)
{
    struct sl_gateway_conf *m = build_made(
        PROVIDERS
        "models:\n"
        "  - name: m\n"
        "    targets:\n"
        "      - {provider: a, model: claude-opus-4-5, price: {input: 1, output: 2.5, request: "
        "0.001}}\n"
        "      - {provider: lab, price: {input: 0.000001, output: 0, search: 5, cache_read: 0.5, "
        "cache_write: 0.25, "
        "cache_write_1h: 0.125, long_prompt: {over: 7, input: 3, output: 4, cache_read: 5}}}\n"
        "      - {provider: lab, free: true}\n"
        "  - {name: f, free: true, targets: [{provider: a, model: claude-opus-4-5}, {provider: "
        "lab}]}\n");
    const struct sl_target *t = sl_routes_at(m->routes, 0)->targets;

    (void)state;
    assert_int_equal(t[0].price.in, 1000000);
    assert_int_equal(t[0].price.out, 2500000);
    assert_int_equal(t[0].price.cache_read, 100000); /* Anthropic's rule */
    assert_int_equal(t[0].price.cache_write_5m, 1250000);
    assert_int_equal(t[0].price.request, 1000000000);
    assert_int_equal(t[0].price.search, 0);
    assert_false(t[0].price.free);
    assert_int_equal(t[1].price.in, 1);
    assert_int_equal(t[1].price.cache_read, 500000);
    assert_int_equal(t[1].price.cache_write_5m, 250000);
    assert_int_equal(t[1].price.cache_write_1h, 125000);
    assert_int_equal(t[1].price.search, 5000000000);
    assert_int_equal(t[1].price.long_over, 7);
    assert_int_equal(t[1].price.beyond.cache_read, 5000000);
    assert_int_equal(t[1].price.beyond.cache_write_5m, 3000000); /* as the input */
    assert_true(t[2].price.free);
    assert_true(sl_routes_at(m->routes, 1)->targets[0].price.free);
    assert_true(sl_routes_at(m->routes, 1)->targets[1].price.free);
    sl_gateway_conf_drop(&m);
}

#define ONE(price) PROVIDERS "models: [{name: m, targets: [{provider: lab, price: {" price "}}]}]\n"

static void test_own_refusals(void **state)
{
    (void)state;
    build_refused(ONE("input: 1"), "models[].targets[].price: needs `input` and `output`");
    build_refused(ONE("input: 1, output: 1, long_prompt: {over: 5}"),
                  "models[].targets[].price.long_prompt: needs `over`, `input` and `output`");
    build_refused(ONE("input: 1, output: 1, long_prompt: {input: 5, output: 5}"),
                  "price.long_prompt: needs `over`");
    test_refused(ONE("input: 1000001, output: 1"),
                 "models[].targets[].price.input: must lie between 0 and 1000000");
    test_refused(ONE("input: \"3 USD\", output: 1"), "price.input: must be dollars such as");
    test_refused(ONE("prompt: 1"), "models[].targets[].price.prompt: unknown key");
    test_refused(ONE("input: 1, output: 1, long_prompt: {over: 0}"),
                 "price.long_prompt.over: must lie between 1 and");
}

/* ---- a list of one's own ---- */

static void with_list(const char *list, const char *want)
{
    char text[1024], path[] = "/tmp/sluice-prices-XXXXXX";
    struct sl_gateway_conf *m;
    struct sl_conf *c;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, list, strlen(list)), (int)strlen(list));
    close(fd);
    snprintf(text, sizeof(text), "%sprices: %s\nmodels: [{name: m, targets: [{provider: lab}]}]\n",
             PROVIDERS, path);
    c = test_read(text);
    m = sl_build_snapshot(c, NULL, NULL);
    if (want == NULL) {
        if (m == NULL)
            fail_msg("%.*s", SL_STR_ARGS(sl_faults_text(&c->faults)));
        assert_int_equal(price_of(m, 0, 0, "m")->in, 1500000);
        assert_int_equal(price_of(m, 0, 0, "m")->cache_read, 150000);
        assert_null(sl_prices_find(m->prices, SL_STR("openai"), SL_STR("gpt-4o")));
    } else {
        assert_null(m);
        test_has(c, list, want);
    }
    sl_gateway_conf_drop(&m);
    sl_conf_end(&c);
    unlink(path);
}

#define HEAD "dated: 2026-01-01\nsource: us\n"

static void test_own_list(void **state)
{
    (void)state;
    with_list(HEAD "prices: [{provider: x, hosts: [LAB.internal], protocol: anthropic, models: "
                   "[{name: [m, n], input: 1.5, output: 2}]}]\n",
              NULL);
    with_list(HEAD "prices: [{provider: lab, protocol: anthropic, models: [{name: m, input: 1.5, "
                   "output: 2}]}]\n",
              NULL);
    with_list("prices: []\n", "price_list.dated: is missing");
    with_list(HEAD "prices: []\n", "price_list.prices: needs at least one element");
    with_list(HEAD "prices: [{provider: x, models: [{name: m, input: 1}]}]\n",
              ":3:33: prices[].models[]: needs `input` and `output`");
    with_list(HEAD "prices: [{provider: x, models: [{name: m, input: 1, output: 1}, {name: [n, m], "
                   "input: 1, output: 1}]}]\n",
              "prices[].models[].name: m of x stands twice");
    with_list(HEAD "prices: [{provider: x, models: [{name: m, input: a}]}]\n",
              "price_list.prices[].models[].input: must be dollars");
    with_list(HEAD "price: []\n", "price_list.price: unknown key");
    with_list("- a\n", "the file must be a map");
    test_refused(PROVIDERS
                 "prices: /no/such.yaml\nmodels: [{name: m, targets: [{provider: lab}]}]\n",
                 "/no/such.yaml: cannot be read");
}

/* What is built in is the file of the repository, whole and in order. */
static void test_shipped(void **state)
{
    size_t n = 0;
    char *file = sl_file_load("conf/prices.yaml", (size_t)1 << 20, &n);
    struct sl_gateway_conf *m = build_made(TEST_BASE);

    (void)state;
    assert_non_null(file);
    assert_true(sl_str_eq(sl_builtin_prices(), (struct sl_str){file, n}));
    assert_true(sl_prices_count(m->prices) > 20);
    sl_gateway_conf_drop(&m);
    sl_mem_free(file);
}

static void test_hash(void **state)
{
    struct sl_gateway_conf *a = build_made(TEST_BASE);
    struct sl_conf *c = test_accepted(TEST_BASE);
    struct sl_gateway_conf *b;
    struct sl_node *name = sl_node_at(c->prices, "dated");

    (void)state;
    name->text = SL_STR("2020-01-01");
    b = sl_build_snapshot(c, NULL, NULL);
    assert_false(sl_str_eq(a->hash, b->hash));
    sl_gateway_conf_drop(&a);
    sl_gateway_conf_drop(&b);
    sl_conf_end(&c);
}

/* ---- a budget, and no price ---- */

#define MODELS                                                                                     \
    "models:\n"                                                                                    \
    "  - {name: good, targets: [{provider: a, model: claude-opus-4-5}]}\n"                         \
    "  - {name: \"claude-*\", targets: [{provider: a}]}\n"                                         \
    "  - {name: own, aliases: [mine], targets: [{provider: lab, model: x}]}\n"                     \
    "  - {name: gpt-4o, aliases: [gpt-9], targets: [{provider: openai}]}\n"                        \
    "  - {name: \"lab-*\", targets: [{provider: lab}]}\n"
#define BUDGET "budget: {daily: 1}"
#define SAYS(model, provider, tenant)                                                              \
    "models[]: " model " at provider " provider " has no price, and tenant " tenant                \
    ", which may use it, has a budget"

static void priced(const char *tenants, const char *want)
{
    char text[2048];

    snprintf(text, sizeof(text), PROVIDERS MODELS "%s\n", tenants);
    if (want != NULL) {
        build_refused(text, want);
    } else {
        struct sl_gateway_conf *m = build_made(text);

        sl_gateway_conf_drop(&m);
    }
}

#define K(scope, more) "keys: [{key: sk-slc-k-0123456789, scopes: [\"models:" scope "\"]" more "}]"

static void test_unpriced(void **state)
{
    (void)state;
    priced("tenants: [{name: t}]", NULL);
    priced("tenants: [{name: t, limits: {rpm: 1}}]", NULL);
    priced("tenants: [{name: t, budget: {daily: 0, zone: UTC}}]", NULL);
    priced("tenants: [{name: t, " BUDGET "}]", SAYS("x", "lab", "t"));
    priced("tenants: [{name: t, " BUDGET "}]", SAYS("gpt-4o", "openai", "t"));
    priced("tenants: [{name: t, " BUDGET "}]", SAYS("lab-*", "lab", "t"));
    priced("tenants: [{name: t, budget: {initial_credits: 0}}]", SAYS("x", "lab", "t"));
    priced("tenants: [{name: t, per_key: {" BUDGET "}}]", SAYS("x", "lab", "t"));
    priced("plans: [{name: a, " BUDGET "}]\ntenants: [{name: t, plan: a}]", SAYS("x", "lab", "t"));
    /* scopes take the model away */
    priced("tenants: [{name: t, " BUDGET ", scopes: [\"models:good,claude-*\"]}]", NULL);
    priced("tenants: [{name: t, " BUDGET ", scopes: [\"models:claude-opus-4-5\"]}]", NULL);
    priced("plans: [{name: a, scopes: [\"models:good\"]}]\n"
           "tenants: [{name: t, plan: a, " BUDGET "}]",
           NULL);
    priced("tenants: [{name: t, " BUDGET ", scopes: [\"models:mine\"]}]", SAYS("x", "lab", "t"));
    priced("tenants: [{name: t, " BUDGET ", scopes: [\"models:lab-1\"]}]",
           SAYS("lab-*", "lab", "t"));
    priced("tenants: [{name: t, " BUDGET ", scopes: [\"models:l*\"]}]", SAYS("lab-*", "lab", "t"));
    priced("tenants: [{name: t, " BUDGET ", scopes: [\"endpoints:chat\"]}]", SAYS("x", "lab", "t"));
    /* a key's own scopes narrow its own budget, and nobody else's */
    priced("tenants: [{name: t, " K("good", ", " BUDGET) "}]", NULL);
    priced("tenants: [{name: t, " K("own", ", " BUDGET) "}]", SAYS("x", "lab", "t"));
    priced("tenants: [{name: t, " BUDGET ", " K("good", "") "}]", SAYS("x", "lab", "t"));
}

/* A wider pattern is not reached by names that a narrower one takes. */
static void test_shadowed(void **state)
{
    struct sl_gateway_conf *m =
        build_made(PROVIDERS "models:\n"
                             "  - {name: \"claude-*\", targets: [{provider: a}]}\n"
                             "  - {name: \"*\", targets: [{provider: lab}]}\n"
                             "tenants: [{name: t, " BUDGET ", scopes: [\"models:claude-*\"]}]\n");

    (void)state;
    sl_gateway_conf_drop(&m);
    build_refused(PROVIDERS "models:\n"
                            "  - {name: \"claude-*\", targets: [{provider: a}]}\n"
                            "  - {name: \"*\", targets: [{provider: lab}]}\n"
                            "tenants: [{name: t, " BUDGET ", scopes: [\"models:c*\"]}]\n",
                  SAYS("*", "lab", "t"));
}

static void test_free_or_priced(void **state)
{
    struct sl_gateway_conf *m = build_made(
        PROVIDERS "models:\n"
                  "  - {name: x, free: true, targets: [{provider: lab}]}\n"
                  "  - {name: y, targets: [{provider: lab, free: true}]}\n"
                  "  - {name: \"z*\", targets: [{provider: lab, price: {input: 1, output: 1}}]}\n"
                  "tenants: [{name: t, " BUDGET "}]\n");

    (void)state;
    sl_gateway_conf_drop(&m);
    build_refused(PROVIDERS "models: [{name: y, targets: [{provider: lab, free: true}, {provider: "
                            "lab, model: other}]}]\n"
                            "tenants: [{name: t, " BUDGET "}]\n",
                  SAYS("other", "lab", "t"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listed),         cmocka_unit_test(test_own),
        cmocka_unit_test(test_own_refusals),   cmocka_unit_test(test_own_list),
        cmocka_unit_test(test_shipped),        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_unpriced),       cmocka_unit_test(test_shadowed),
        cmocka_unit_test(test_free_or_priced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
