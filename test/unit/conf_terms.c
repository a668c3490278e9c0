/* Limits, budgets and cache rules: from the file to the leaves of a snapshot. */
#include "conf/parts/terms.c"

#include "_conf_build.h"

#define KEY "sk-slc-alice-0123456789"
#define KEY_OF(more) "[{name: k, key: \"" KEY "\"" more "}]"

static const struct sl_key *only_key(const struct sl_gateway_conf *m)
{
    return sl_tenants_next_key(m->tenants, NULL, NULL);
}

#define LIMITS_1                                                                                   \
    "limits: {rpm: 1, qps: 2, burst: 7, tpm: 3, concurrency: 4, user_concurrency: 8, "             \
    "reserve_output: 5}"
#define BUDGET_1 "initial_credits: 6.5, daily: 0.000001, monthly: 1000000000"

static void has_all(const struct sl_terms *t)
{
    assert_int_equal(t->limits.rpm, 1);
    assert_int_equal(t->limits.qps, 2);
    assert_int_equal(t->limits.burst, 7);
    assert_int_equal(t->limits.tpm, 3);
    assert_int_equal(t->limits.concurrency, 4);
    assert_int_equal(t->limits.user_concurrency, 8);
    assert_int_equal(t->limits.reserve_output, 5);
    assert_int_equal(t->budget.credits_micro, 6500000);
    assert_int_equal(t->budget.daily_micro, 1);
    assert_int_equal(t->budget.monthly_micro, SL_TERMS_MONEY_MAX);
}

#define FREE_BASE                                                                                  \
    "providers: [" TEST_PROVIDER "]\n"                                                             \
    "models: [{name: \"*\", free: true, targets: [{provider: p}]}]\n"

/* Every leaf at every place where it may stand. */
static void test_every_leaf(void **state)
{
    struct sl_gateway_conf *m = build_made(
        FREE_BASE
        "tenants: [{name: t, " LIMITS_1 ", budget: {" BUDGET_1
        ", zone: Europe/Berlin, on_client_gone: drain, hard: true, alert_at: [1.0, 0.8, 0.05]}, "
        "keys: " KEY_OF(", " LIMITS_1 ", budget: {" BUDGET_1 "}, class: 9") "}]\n");
    const struct sl_key *k = only_key(m);

    (void)state;
    has_all(&k->of->terms);
    has_all(&k->terms);
    build_is(k->of->zone, "Europe/Berlin");
    assert_int_equal(k->of->alerts.n, 3);
    assert_int_equal(k->of->alerts.at_ppm[0], 50000);
    assert_int_equal(k->of->alerts.at_ppm[1], 800000);
    assert_int_equal(k->of->alerts.at_ppm[2], 1000000);
    assert_true(k->of->drain && k->of->hard);
    assert_int_equal(k->grade, 9);
    sl_gateway_conf_drop(&m);
    m = build_made(FREE_BASE "plans: [{name: a, " LIMITS_1 ", budget: {" BUDGET_1
                             ", zone: Asia/Kolkata, on_client_gone: drain, hard: true, alert_at: "
                             "0.9}, per_key: {" LIMITS_1 ", budget: {" BUDGET_1
                             "}}, scopes: [\"models:m*\"]}]\n"
                             "tenants: [{name: t, plan: a, keys: " KEY_OF("") "}]\n");
    k = only_key(m);
    has_all(&k->of->terms);
    has_all(&k->terms);
    build_is(k->of->zone, "Asia/Kolkata");
    assert_int_equal(k->of->alerts.n, 1);
    assert_int_equal(k->of->alerts.at_ppm[0], 900000);
    assert_true(k->of->drain && k->of->hard);
    assert_int_equal(k->grade, SL_TENANT_GRADE);
    assert_true(sl_tenant_can_model(k, SL_STR("m1")));
    assert_false(sl_tenant_can_model(k, SL_STR("x")));
    sl_gateway_conf_drop(&m);
    m = build_made(FREE_BASE "tenants: [{name: t, per_key: {" LIMITS_1 ", budget: {" BUDGET_1
                             "}}, keys: " KEY_OF("") "}]\n");
    has_all(&only_key(m)->terms);
    assert_int_equal(only_key(m)->of->terms.limits.rpm, SL_UNSET);
    sl_gateway_conf_drop(&m);
}

/* Plan, then tenant, then key; what is not said stays unset. */
static void test_merging(void **state)
{
    struct sl_gateway_conf *m = build_made(
        FREE_BASE
        "plans: [{name: a, limits: {rpm: 1, qps: 1}, budget: {zone: Asia/Kolkata, hard: true, "
        "alert_at: [0.5, 1]}, per_key: "
        "{limits: {rpm: 1, qps: 1, tpm: 1}}}]\n"
        "tenants: [{name: t, plan: a, limits: {rpm: 0}, budget: {hard: false, "
        "alert_at: [0.7]}, scopes: "
        "[\"models:x\"], per_key: {limits: {qps: 2, tpm: 2}}, labels: {a: b, c: \"d e\"}, "
        "keys: " KEY_OF(", limits: {tpm: 3}, scopes: [\"models:x\", \"models:y\"]") "}]\n");
    const struct sl_key *k = only_key(m);

    (void)state;
    assert_int_equal(k->of->terms.limits.rpm, 0);
    assert_int_equal(k->of->terms.limits.qps, 1);
    assert_int_equal(k->of->terms.limits.tpm, SL_UNSET);
    assert_false(sl_terms_has_budget(&k->of->terms));
    assert_int_equal(k->terms.limits.rpm, 1);
    assert_int_equal(k->terms.limits.qps, 2);
    assert_int_equal(k->terms.limits.tpm, 3);
    build_is(k->of->zone, "Asia/Kolkata");
    assert_false(k->of->hard);
    assert_int_equal(k->of->alerts.n, 1);
    assert_int_equal(k->of->alerts.at_ppm[0], 700000);
    assert_int_equal(k->of->labels_n, 2);
    build_is(k->of->labels[1].name, "c");
    build_is(k->of->labels[1].value, "d e");
    assert_true(sl_tenant_can_model(k, SL_STR("x")));
    assert_false(sl_tenant_can_model(k, SL_STR("y")));
    assert_non_null(sl_tenants_plan(m->tenants, SL_STR("a")));
    sl_gateway_conf_drop(&m);
}

static void test_refusals(void **state)
{
    (void)state;
    test_refused(TEST_BASE "tenants: [{name: t, limits: {rpm: 100001}}]\n",
                 "tenants[].limits.rpm: must lie between 0 and 100000");
    test_refused(TEST_BASE "tenants: [{name: t, limits: {concurrency: 100001}}]\n",
                 "tenants[].limits.concurrency: must lie between 0 and 100000");
    test_refused(TEST_BASE "plans: [{name: a, per_key: {limits: {qps: 100001}}}]\n",
                 "plans[].per_key.limits.qps: must lie between 0 and 100000");
    test_refused(TEST_BASE "tenants: [{name: t, limits: {tpm: -1}}]\n", "must be a whole number");
    test_refused(
        TEST_BASE "tenants: [{name: t, limits: {rps: 1}}]\n",
        "tenants[].limits.rps: unknown key (is it rpm?); known here: rpm, qps, burst, tpm");
    test_refused(
        TEST_BASE "tenants: [{name: t, budget: {daily: lots}}]\n",
        "tenants[].budget.daily: must be dollars such as 12.50, with at most six decimals");
    test_refused(TEST_BASE "tenants: [{name: t, budget: {daily: 0.0000001}}]\n",
                 "tenants[].budget.daily: must be dollars");
    test_refused(TEST_BASE "tenants: [{name: t, budget: {daily: -1}}]\n",
                 "tenants[].budget.daily: must not be negative");
    test_refused(TEST_BASE "tenants: [{name: t, budget: {daily: -x}}]\n",
                 "tenants[].budget.daily: must be dollars");
    test_refused(TEST_BASE "tenants: [{name: t, budget: {daily: 1e400}}]\n",
                 "tenants[].budget.daily: must be dollars");
    test_refused(TEST_BASE "tenants: [{name: t, budget: {monthly: 1000000000.01}}]\n",
                 "tenants[].budget.monthly: must lie between 0 and 1000000000");
    test_refused(TEST_BASE "tenants: [{name: t, budget: {on_client_gone: stay}}]\n",
                 "must be one of abort|drain");
    test_refused(TEST_BASE "tenants: [{name: t, budget: {hard: 1}}]\n", "must be true or false");
    build_refused(TEST_BASE "tenants: [{name: t, budget: {alert_at: [0.8, 0]}}]\n",
                  "tenants[].budget.alert_at: must lie between 0.01 and 10");
    build_refused(TEST_BASE "plans: [{name: a, budget: {alert_at: [10.01]}}]\n",
                  "plans[].budget.alert_at: must lie between 0.01 and 10");
    build_refused(TEST_BASE "plans: [{name: a, budget: {alert_at: [1,2,3,4,5,6,7,8,9]}}]\n",
                  "plans[].budget.alert_at: at most 8");
    test_refused(TEST_BASE "tenants: [{name: t, budget: {alert_at: [most]}}]\n",
                 "tenants[].budget.alert_at: must be a decimal number");
    build_refused(TEST_BASE "tenants: [{name: t, budget: {alert_url: \"https://a.example/\"}}]\n",
                  "tenants[].budget.alert_url: nobody is ever told anything without "
                  "`budget.alert_at`");
    build_refused(TEST_BASE "tenants: [{name: t, budget: {alert_url: x}}]\n",
                  "tenants[].budget.alert_url: it must begin with https://");
    build_refused(TEST_BASE "plans: [{name: a, budget: {alert_url: \"http://far.example/in\"}}]\n",
                  "plans[].budget.alert_url: must be https, unless it is on this host");
    build_refused(TEST_BASE "tenants: [{name: t, log_prompts: true}]\n",
                  "tenants[].log_prompts: needs `prompts.file`, where they are kept");
    build_refused(TEST_BASE "prompts: {redact: [a*b]}\n",
                  "prompts.redact: takes emails, numbers, and patterns of 3 to 64 bytes");
    test_refused(TEST_BASE "tenants: [{name: t, keys: [{key: x, class: 10}]}]\n",
                 "tenants[].keys[].class: must lie between 0 and 9");
    build_refused(TEST_BASE "tenants: [{name: t, budget: {zone: Mars/Base}}]\n",
                  "tenants[].budget.zone: no time zone is called Mars/Base; write UTC, or a name");
    build_refused(TEST_BASE "plans: [{name: a, budget: {zone: ../etc}}]\n",
                  "plans[].budget.zone: no time zone is called ../etc");
    build_refused(TEST_BASE "tenants: [{name: t, plan: b}]\n",
                  "tenants[].plan: no plan is called b");
    build_refused(TEST_BASE "plans: [{name: a}, {name: a}]\n", "plans[].name: plan a stands twice");
    build_refused(TEST_BASE "plans: [{name: \"a b\"}]\n", "plans[].name: takes letters");
    build_refused(TEST_BASE "plans: [{name: a, scopes: [all]}]\n",
                  "plans[].scopes: must be models:<pattern> or endpoints:<a>,<b>");
    build_refused(TEST_BASE "tenants: [{name: t, scopes: [\"endpoints:x\"]}]\n",
                  "tenants[].scopes: no endpoint is called x");
}

static void test_many_labels(void **state)
{
    char text[4096];
    int n = snprintf(text, sizeof(text), TEST_BASE "tenants: [{name: t, labels: {a: 1");

    (void)state;
    for (int i = 0; i < 32; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, ", a%d: 1", i);
    snprintf(text + n, sizeof(text) - (size_t)n, "}}]\n");
    build_refused(text, "tenants[].labels: at most 32");
}

/* ---- cached answers ---- */

static void test_cache(void **state)
{
    struct sl_gateway_conf *m =
        build_made("providers: [" TEST_PROVIDER "]\n"
                   "cache: {memory: 1MiB, entry_max: 2KiB, ttl: 5s, jitter: 0.25, scope: shared, "
                   "request_max: 3KiB, "
                   "recording: 4KiB}\n"
                   "log: {sample: {cache_hit: 0.001}}\n"
                   "models:\n"
                   "  - {name: a, targets: [{provider: p}]}\n"
                   "  - {name: b, max_tokens_default: 77, targets: [{provider: p}], cache: "
                   "{enabled: true, ttl: 24h, version: v7, "
                   "normalize: [trim, invisible], hits: free, serve_stale: 72h, scope: tenant}}\n"
                   "tenants: [{name: t, cache: {enabled: false, ttl: 9s, hits: admitted, "
                   "serve_stale: 1s, scope: shared}}]\n");
    const struct sl_cache_rules *a = &sl_routes_at(m->routes, 0)->cache;
    const struct sl_cache_rules *b = &sl_routes_at(m->routes, 1)->cache;
    const struct sl_cache_rules *t = &sl_tenants_get(m->tenants, SL_STR("t"))->cache;

    (void)state;
    assert_int_equal(m->cache.memory, 1 << 20);
    assert_int_equal(m->cache.entry_max, 2048);
    assert_int_equal(m->cache.request_max, 3072);
    assert_int_equal(m->cache.recording, 4096);
    assert_int_equal(m->cache.jitter_ppm, 250000);
    assert_int_equal(m->hit_lines_ppm, 1000);
    assert_int_equal(a->enabled, SL_UNSET); /* as is usual for an operation */
    assert_int_equal(a->ttl_ms, 5000);
    assert_int_equal(a->shared, 1);
    assert_int_equal(a->hits_free, SL_UNSET);
    assert_int_equal(a->serve_stale_ms, SL_UNSET);
    assert_int_equal(a->normal, SL_UNSET);
    build_is(a->version, "");
    assert_int_equal(b->enabled, 1);
    assert_int_equal(b->ttl_ms, 86400000);
    assert_int_equal(b->shared, 0);
    assert_int_equal(b->hits_free, 1);
    assert_int_equal(b->serve_stale_ms, 259200000);
    assert_int_equal(b->normal, SL_NORMAL_TRIM | SL_NORMAL_INVISIBLE);
    build_is(b->version, "v7");
    assert_int_equal(sl_routes_at(m->routes, 0)->max_tokens_default, 0);
    assert_int_equal(sl_routes_at(m->routes, 1)->max_tokens_default, 77);
    assert_int_equal(t->enabled, 0);
    assert_int_equal(t->ttl_ms, 9000);
    assert_int_equal(t->hits_free, 0);
    assert_int_equal(t->serve_stale_ms, 1000);
    assert_int_equal(t->shared, 1);
    sl_gateway_conf_drop(&m);
}

static void test_cache_defaults(void **state)
{
    struct sl_gateway_conf *m = build_made(TEST_BASE "cache: {enabled: true}\n");

    (void)state;
    assert_int_equal(sl_routes_at(m->routes, 0)->cache.enabled, 1);
    assert_int_equal(sl_routes_at(m->routes, 0)->cache.ttl_ms, 600000);
    assert_int_equal(sl_routes_at(m->routes, 0)->cache.shared, 0);
    assert_int_equal(m->cache.memory, 64 << 20);
    assert_int_equal(m->cache.entry_max, 1 << 20);
    assert_int_equal(m->cache.request_max, 64 << 10);
    assert_int_equal(m->cache.recording, 64 << 20);
    assert_int_equal(m->cache.jitter_ppm, 100000);
    assert_int_equal(m->hit_lines_ppm, 1000000);
    sl_gateway_conf_drop(&m);
}

#define MODEL(cache)                                                                               \
    "providers: [" TEST_PROVIDER "]\nmodels: [{name: m, targets: [{provider: p}], cache: {" cache  \
    "}}]\n"

static void test_cache_refusals(void **state)
{
    char text[512];
    int n;

    (void)state;
    test_refused(TEST_BASE "cache: {jitter: 1.1}\n", "cache.jitter: must lie between 0 and 1");
    test_refused(TEST_BASE "cache: {jitter: some}\n",
                 "cache.jitter: must be a decimal number such as 0.1");
    test_refused(TEST_BASE "cache: {scope: all}\n", "cache.scope: must be one of tenant|shared");
    test_refused(TEST_BASE "cache: {ttl: 0}\n", "cache.ttl: must lie between");
    test_refused(TEST_BASE "cache: {entry_max: 65MiB}\n", "cache.entry_max: must lie between");
    test_refused(TEST_BASE "cache: {version: v1}\n", "cache.version: unknown key");
    test_refused(TEST_BASE "log: {sample: {cache_hit: 2}}\n",
                 "log.sample.cache_hit: must lie between 0 and 1");
    test_refused(MODEL("hits: paid"), "models[].cache.hits: must be one of admitted|free");
    test_refused(MODEL("normalize: [lower]"),
                 "models[].cache.normalize: must be one of trim|spaces|invisible");
    test_refused(MODEL("memory: 1KiB"), "models[].cache.memory: unknown key");
    test_refused(TEST_BASE "tenants: [{name: t, cache: {version: x}}]\n",
                 "tenants[].cache.version: unknown key");
    n = snprintf(text, sizeof(text),
                 "providers: [" TEST_PROVIDER
                 "]\nmodels: [{name: m, targets: [{provider: p}], cache: {version: v");
    for (int i = 0; i < 100; i++)
        text[n++] = 'v';
    snprintf(text + n, sizeof(text) - (size_t)n, "}}]\n");
    build_refused(text, "models[].cache.version: at most 100 bytes");
}

#define PAID "hooks: {auto_top_up: \"https://bank.example/\"}\n" FREE_BASE

/* What could never do anything is said when it is loaded, plan and tenant taken together. */
static void test_top_ups(void **state)
{
    static const int64_t amounts[] = {50000000, 20000000, 0};
    static const char *const fine[] = {
        PAID "plans: [{name: a, budget: {auto_top_up: {amount: 50}}}]\n"
             "tenants: [{name: t, plan: a, budget: {initial_credits: 0, credits_low: 1}}]\n",
        PAID "plans: [{name: a, budget: {initial_credits: 9, credits_low: 1, auto_top_up: {amount: "
             "50}}}]\ntenants: [{name: t, plan: a, budget: {auto_top_up: {daily: 20}}}]\n",
        PAID "plans: [{name: a, budget: {auto_top_up: {amount: 50}}}]\n"
             "tenants: [{name: t, plan: a, budget: {auto_top_up: {daily: 0}}}]\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        struct sl_gateway_conf *m = build_made(fine[i]);

        assert_int_equal(sl_tenants_get(m->tenants, SL_STR("t"))->top_up.amount_micro, amounts[i]);
        sl_gateway_conf_drop(&m);
    }
    build_refused(PAID
                  "plans: [{name: a, budget: {initial_credits: 9, auto_top_up: {amount: 5}}}]\n"
                  "tenants: [{name: t, plan: a}]\n",
                  "without `budget.credits_low`; add it to the tenant or its plan");
    build_refused(PAID "plans: [{name: a, budget: {credits_low: 1}}]\n"
                       "tenants: [{name: t, plan: a, budget: {auto_top_up: {amount: 5}}}]\n",
                  "without credits; add `budget.initial_credits`");
    build_refused(FREE_BASE "tenants: [{name: t, budget: {auto_top_up: {amount: 5}}}]\n",
                  "needs `hooks.auto_top_up`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_leaf),     cmocka_unit_test(test_merging),
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_many_labels),
        cmocka_unit_test(test_cache),          cmocka_unit_test(test_cache_defaults),
        cmocka_unit_test(test_cache_refusals), cmocka_unit_test(test_top_ups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
