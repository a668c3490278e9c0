/* Keys: found by their digest alone, ended by time, held to their scopes; what tenants and
 * plans give them. */
#include "policy/tenant.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void digest(unsigned n, uint8_t out[32])
{
    memset(out, 0, 32); /* alike but for two bytes at the end */
    out[30] = (uint8_t)(n >> 8);
    out[31] = (uint8_t)n;
}

static void add(struct sl_tenants *t, unsigned n, const struct sl_key *k)
{
    char why[200] = "";
    uint8_t sha[32];

    digest(n, sha);
    assert_int_equal(sl_tenants_add(t, k, sha, why, sizeof(why)), SL_OK);
    assert_string_equal(why, "");
}

static enum sl_err find(const struct sl_tenants *t, unsigned n, int64_t now,
                        const struct sl_key **out)
{
    uint8_t sha[32];

    digest(n, sha);
    return sl_tenant_find(t, sha, now, out);
}

static void assert_text(struct sl_str s, const char *want)
{
    if (!sl_str_eq(s, sl_str_of(want)))
        fail_msg("'%.*s' is not '%s'", SL_STR_ARGS(s), want);
}

static void test_copies(void **state)
{
    char tenant[] = "acme", name[] = "alice", id[] = "a1b2", user[] = "alice@acme";
    char scope[] = "models:claude-*";
    struct sl_str scopes[] = {{scope, sizeof(scope) - 1}};
    struct sl_key k = {.tenant = {tenant, 4},
                       .name = {name, 5},
                       .public_id = {id, 4},
                       .user = {user, 10},
                       .scopes = scopes,
                       .scopes_n = 1};
    struct sl_tenants *t = sl_tenants_new();
    const struct sl_key *found = NULL;

    (void)state;
    assert_int_equal(sl_tenants_count(t), 0);
    assert_int_equal(find(t, 1, 0, &found), SL_ERR_NO_KEY);
    add(t, 1, &k);
    memset(tenant, 'x', 4);
    memset(name, 'x', 5);
    memset(id, 'x', 4);
    memset(user, 'x', 10);
    memset(scope, 'x', sizeof(scope) - 1);
    scopes[0].n = 0;
    assert_int_equal(sl_tenants_count(t), 1);
    assert_int_equal(find(t, 1, 0, &found), SL_OK);
    assert_text(found->tenant, "acme");
    assert_text(found->name, "alice");
    assert_text(found->public_id, "a1b2");
    assert_text(found->user, "alice@acme");
    assert_true(sl_tenant_can_model(found, SL_STR("claude-x")));
    assert_false(sl_tenant_can_model(found, SL_STR("gpt-x")));
    sl_tenants_end(&t);
    assert_null(t);
    sl_tenants_end(&t);
}

static void test_many(void **state)
{
    struct sl_tenants *t = sl_tenants_new();
    const struct sl_key *first, *found;

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        struct sl_key k = {.tenant = SL_STR("t"), .expires_unix_ms = (int64_t)i + 1};

        add(t, i, &k);
        if (i == 0)
            assert_int_equal(find(t, 0, 0, &first), SL_OK);
    }
    assert_int_equal(sl_tenants_count(t), 5000);
    for (unsigned i = 0; i < 5000; i++) {
        assert_int_equal(find(t, i, 0, &found), SL_OK);
        assert_int_equal(found->expires_unix_ms, i + 1);
    }
    assert_int_equal(find(t, 5000, 0, &found), SL_ERR_NO_KEY);
    assert_int_equal(find(t, 0, 0, &found), SL_OK);
    assert_ptr_equal(found, first); /* keys stay where they are */
    sl_tenants_end(&t);
}

/* A digest that differs in any one bit is another key's. */
static void test_each_bit_counts(void **state)
{
    struct sl_key k = {.tenant = SL_STR("t")};
    struct sl_tenants *t = sl_tenants_new();
    const struct sl_key *found;
    uint8_t sha[32];

    (void)state;
    add(t, 77, &k);
    for (unsigned bit = 0; bit < 256; bit++) {
        digest(77, sha);
        sha[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(sl_tenant_find(t, sha, 0, &found), SL_ERR_NO_KEY);
    }
    sl_tenants_end(&t);
}

static void test_repeated(void **state)
{
    struct sl_key k = {.tenant = SL_STR("acme"), .name = SL_STR("alice")};
    struct sl_tenants *t = sl_tenants_new();
    char why[200] = "", cut[8];
    uint8_t sha[32];

    (void)state;
    add(t, 1, &k);
    digest(1, sha);
    k.tenant = SL_STR("other");
    assert_int_equal(sl_tenants_add(t, &k, sha, why, sizeof(why)), SL_ERR_CONFIG);
    assert_non_null(strstr(why, "acme"));
    assert_int_equal(sl_tenants_add(t, &k, sha, cut, sizeof(cut)), SL_ERR_CONFIG);
    assert_int_equal(strlen(cut), sizeof(cut) - 1);
    assert_int_equal(sl_tenants_count(t), 1);
    add(t, 2, &k); /* the same name with another secret: a rotated key */
    sl_tenants_end(&t);
}

static void test_repeated_id(void **state)
{
    struct sl_key k = {
        .tenant = SL_STR("acme"), .name = SL_STR("alice"), .public_id = SL_STR("a1")};
    struct sl_tenants *t = sl_tenants_new();
    char why[300] = "";
    uint8_t sha[32];

    (void)state;
    add(t, 1, &k);
    k.tenant = SL_STR("other");
    k.name = SL_STR("bob");
    digest(2, sha);
    assert_int_equal(sl_tenants_add(t, &k, sha, why, sizeof(why)), SL_ERR_CONFIG);
    assert_non_null(strstr(why, "bob"));
    assert_non_null(strstr(why, "alice"));
    assert_non_null(strstr(why, "a1"));
    assert_int_equal(sl_tenants_count(t), 1);
    k.public_id = SL_STR("a2");
    add(t, 2, &k);
    sl_tenants_end(&t);
}

static void test_expiry(void **state)
{
    struct sl_key k = {.tenant = SL_STR("t"), .expires_unix_ms = 1000};
    struct sl_tenants *t = sl_tenants_new();
    const struct sl_key *found;

    (void)state;
    add(t, 1, &k);
    assert_int_equal(find(t, 1, 0, &found), SL_OK);
    assert_int_equal(find(t, 1, 999, &found), SL_OK);
    assert_int_equal(find(t, 1, 1000, &found), SL_ERR_KEY_ENDED);
    assert_int_equal(find(t, 1, INT64_MAX, &found), SL_ERR_KEY_ENDED);
    k.expires_unix_ms = 0;
    add(t, 2, &k);
    assert_int_equal(find(t, 2, INT64_MAX, &found), SL_OK);
    sl_tenants_end(&t);
}

struct scope_case {
    const char *scopes[3];
    const char *value;
    bool can;
};

static void check_scopes(const struct scope_case *c, size_t n,
                         bool (*ask)(const struct sl_key *, struct sl_str))
{
    for (size_t i = 0; i < n; i++) {
        struct sl_str scopes[3];
        struct sl_key k = {.scopes = scopes};

        while (k.scopes_n < 3 && c[i].scopes[k.scopes_n] != NULL) {
            scopes[k.scopes_n] = sl_str_of(c[i].scopes[k.scopes_n]);
            k.scopes_n++;
        }
        if (ask(&k, sl_str_of(c[i].value)) != c[i].can)
            fail_msg("case %zu: %s", i, c[i].value);
    }
}

static void test_scopes(void **state)
{
    static const struct scope_case models[] = {
        {{NULL}, "anything", true},
        {{"endpoints:chat"}, "anything", true}, /* another family */
        {{"models:*"}, "anything", true},
        {{"models:*"}, "", true},
        {{"models:a"}, "a", true},
        {{"models:a"}, "b", false},
        {{"models:a"}, "ab", false},
        {{"models:a"}, "", false},
        {{"models:claude-*"}, "claude-x", true},
        {{"models:claude-*"}, "claude-", true},
        {{"models:claude-*"}, "claude", false},
        {{"models:claude-*"}, "Claude-x", false},
        {{"models:*-x"}, "claude-x", false}, /* a star only counts at the end */
        {{"models:a", "models:b*"}, "bc", true},
        {{"models:a", "models:b*"}, "c", false},
        {{"endpoints:chat", "models:a"}, "a", true},
        {{"endpoints:chat", "models:a"}, "chat", false},
        {{"models:"}, "a", false},
        {{"models:openai/gpt-x"}, "openai/gpt-x", true},
    };
    static const struct scope_case endpoints[] = {
        {{NULL}, "chat", true},
        {{"models:a"}, "chat", true},
        {{"endpoints:chat"}, "chat", true},
        {{"endpoints:chat"}, "messages", false},
        {{"endpoints:messages,count_tokens,models"}, "count_tokens", true},
        {{"endpoints:messages,count_tokens,models"}, "models", true},
        {{"endpoints:messages, chat"}, "chat", true},
        {{"endpoints:messages,count_tokens,models"}, "model", false},
        {{"endpoints:*"}, "chat", true},
        {{"endpoints:messages", "endpoints:chat"}, "chat", true},
        {{"endpoints:"}, "chat", false},
        {{"endpoints:,"}, "chat", false},
    };

    (void)state;
    check_scopes(models, COUNT(models), sl_tenant_can_model);
    check_scopes(endpoints, COUNT(endpoints), sl_tenant_can_endpoint);
}

static void test_public_id(void **state)
{
    static const struct {
        const char *key, *id;
    } cases[] = {
        {"sk-slc-a1b2-secret", "a1b2"},
        {"sk-slc-a1b2-secret-with-dashes", "a1b2"},
        {"sk-slc-nosecret", ""},
        {"sk-slc--secret", ""},
        {"sk-slc-", ""},
        {"sk-slc", ""},
        {"", ""},
        {"sk-ant-a1b2-secret", ""},
        {"SK-SLC-a1b2-secret", ""},
        {"a secret of another form", ""},
    };
    char text[100] = "sk-slc-";

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_text(sl_tenant_public_id(sl_str_of(cases[i].key)), cases[i].id);
    /* a secret that was put where the id should stand does not reach a log whole */
    memset(text + 7, 'a', 65);
    text[72] = '-';
    assert_text(sl_tenant_public_id(sl_str_of(text)), "");
}

/* Keys of another form are known by their hash. */
static void test_id_of_other_keys(void **state)
{
    struct sl_key k = {.tenant = SL_STR("t")};
    struct sl_tenants *t = sl_tenants_new();
    const struct sl_key *found;
    char why[200];
    uint8_t sha[32] = {0x01, 0x23, 0xab, 0xcd, 0xef};

    (void)state;
    assert_int_equal(sl_tenants_add(t, &k, sha, why, sizeof(why)), SL_OK);
    assert_int_equal(sl_tenant_find(t, sha, 0, &found), SL_OK);
    assert_text(found->public_id, "0123abcd");
    sl_tenants_end(&t);
}

/* ---- tenants and plans ---- */

static void add_plan(struct sl_tenants *t, struct sl_plan *p)
{
    char why[200] = "";

    assert_int_equal(sl_tenants_add_plan(t, p, why, sizeof(why)), SL_OK);
    assert_int_equal(sl_tenants_add_plan(t, p, why, sizeof(why)), SL_ERR_CONFIG);
    assert_non_null(strstr(why, "stands twice"));
}

/* A plan, a tenant of it and two keys; every leaf says where it comes from. */
static struct sl_tenants *family(void)
{
    static const struct sl_str plan_scopes[] = {SL_STR_INIT("models:claude-*")};
    static const struct sl_str tenant_scopes[] = {SL_STR_INIT("models:claude-a*,claude-b,gpt-x"),
                                                  SL_STR_INIT("endpoints:messages,models")};
    static const struct sl_str key_scopes[] = {SL_STR_INIT("models:*"),
                                               SL_STR_INIT("endpoints:messages,chat")};
    static const struct sl_label labels[] = {{SL_STR_INIT("cost_center"), SL_STR_INIT("4711")}};
    struct sl_tenants *t = sl_tenants_new();
    struct sl_plan plan;
    struct sl_tenant tenant;
    struct sl_key key;
    char why[200] = "";

    sl_plan_init(&plan);
    plan.name = SL_STR("coders");
    plan.scopes = (struct sl_scopes){plan_scopes, 1};
    plan.terms.limits.rpm = 1;
    plan.terms.limits.concurrency = 2;
    plan.per_key.limits.rpm = 3;
    plan.per_key.limits.tpm = 4;
    plan.per_key.budget.daily_micro = 5;
    plan.spending = (struct sl_spending){.zone = SL_STR("Europe/Berlin"),
                                         .drain = 1,
                                         .hard = 1,
                                         .alerts = {1, {800000}},
                                         .top_up = {SL_UNSET, SL_UNSET, SL_UNSET}};
    add_plan(t, &plan);
    sl_tenant_init(&tenant);
    tenant.own.name = SL_STR("acme");
    tenant.plan = sl_tenants_plan(t, SL_STR("coders"));
    tenant.own.scopes = (struct sl_scopes){tenant_scopes, 2};
    tenant.own.terms.limits.rpm = 10;
    tenant.own.per_key.limits.tpm = 40;
    tenant.own.spending.hard = 0;
    tenant.labels = labels;
    tenant.labels_n = 1;
    assert_int_equal(sl_tenants_add_tenant(t, &tenant, why, sizeof(why)), SL_OK);
    assert_int_equal(sl_tenants_add_tenant(t, &tenant, why, sizeof(why)), SL_ERR_CONFIG);
    assert_string_equal(why, "tenant acme stands twice");
    sl_key_init(&key);
    key.tenant = SL_STR("acme");
    key.name = SL_STR("alice");
    key.scopes = key_scopes;
    key.scopes_n = 2;
    key.own.budget.daily_micro = 50;
    key.grade = 9;
    add(t, 1, &key);
    sl_key_init(&key);
    key.tenant = SL_STR("stranger"); /* of a tenant that nobody described */
    add(t, 2, &key);
    return t;
}

static void test_terms(void **state)
{
    struct sl_tenants *t = family();
    const struct sl_key *alice, *other;

    (void)state;
    assert_int_equal(find(t, 1, 0, &alice), SL_OK);
    assert_int_equal(find(t, 2, 0, &other), SL_OK);
    assert_text(alice->of->own.name, "acme");
    assert_int_equal(alice->of->terms.limits.rpm, 10);
    assert_int_equal(alice->of->terms.limits.concurrency, 2);
    assert_int_equal(alice->of->terms.limits.tpm, SL_UNSET);
    assert_int_equal(alice->terms.limits.rpm, 3);
    assert_int_equal(alice->terms.limits.tpm, 40);
    assert_int_equal(alice->terms.budget.daily_micro, 50);
    assert_int_equal(alice->grade, 9);
    assert_text(alice->of->zone, "Europe/Berlin");
    assert_true(alice->of->drain);
    assert_false(alice->of->hard);
    assert_text(alice->of->labels[0].name, "cost_center");
    assert_text(alice->of->labels[0].value, "4711");
    assert_text(other->of->own.name, "stranger");
    assert_int_equal(other->terms.limits.rpm, SL_UNSET);
    assert_int_equal(other->grade, SL_TENANT_GRADE);
    assert_text(other->of->zone, "UTC");
    assert_false(other->of->drain || other->of->hard);
    assert_false(sl_terms_has_budget(&other->of->terms));
    sl_tenants_end(&t);
}

/* All three lists must allow. */
static void test_scopes_intersect(void **state)
{
    struct sl_tenants *t = family();
    const struct sl_key *alice, *other;

    (void)state;
    assert_int_equal(find(t, 1, 0, &alice), SL_OK);
    assert_int_equal(find(t, 2, 0, &other), SL_OK);
    assert_true(sl_tenant_can_model(alice, SL_STR("claude-a1")));
    assert_true(sl_tenant_can_model(alice, SL_STR("claude-b")));
    assert_false(sl_tenant_can_model(alice, SL_STR("claude-c"))); /* the tenant's */
    assert_false(sl_tenant_can_model(alice, SL_STR("gpt-x")));    /* the plan's */
    assert_true(sl_tenant_can_endpoint(alice, SL_STR("messages")));
    assert_false(sl_tenant_can_endpoint(alice, SL_STR("models"))); /* the key's */
    assert_false(sl_tenant_can_endpoint(alice, SL_STR("chat")));   /* the tenant's */
    assert_true(sl_tenant_can_model(other, SL_STR("gpt-x")));
    sl_tenants_end(&t);
}

static void test_lists(void **state)
{
    struct sl_tenants *t = family();
    const struct sl_tenant *acme = sl_tenants_next(t, NULL);
    const struct sl_tenant *stranger = sl_tenants_next(t, acme);
    const uint8_t *sha = NULL;
    const struct sl_key *k = sl_tenants_next_key(t, NULL, &sha);

    (void)state;
    assert_ptr_equal(acme, sl_tenants_get(t, SL_STR("acme")));
    assert_ptr_equal(stranger, sl_tenants_get(t, SL_STR("stranger")));
    assert_null(sl_tenants_next(t, stranger));
    assert_null(sl_tenants_get(t, SL_STR("acm")));
    assert_null(sl_tenants_plan(t, SL_STR("acme")));
    assert_text(k->name, "alice");
    assert_int_equal(sha[31], 1);
    k = sl_tenants_next_key(t, k, NULL);
    assert_text(k->tenant, "stranger");
    assert_null(sl_tenants_next_key(t, k, &sha));
    assert_int_equal(sha[31], 1);
    sl_tenants_end(&t);
}

static void test_scope_names(void **state)
{
    (void)state;
    assert_true(sl_tenant_is_scope(SL_STR("models:*")));
    assert_true(sl_tenant_is_scope(SL_STR("endpoints:chat")));
    assert_false(sl_tenant_is_scope(SL_STR("models:")));
    assert_false(sl_tenant_is_scope(SL_STR("endpoints:")));
    assert_false(sl_tenant_is_scope(SL_STR("model:a")));
    assert_false(sl_tenant_is_scope(SL_STR("")));
}

/* Plan {low, amount, daily} and tenant's daily: what is asked for by one call, and in a day. */
static void test_top_ups(void **state)
{
    static const struct {
        struct sl_top_up plan;
        int64_t daily, amount_is, daily_is;
    } cases[] = {
        {{10, 50, SL_UNSET}, SL_UNSET, 50, 50},
        {{10, 50, 200}, SL_UNSET, 50, 200},
        {{10, 50, 200}, 60, 50, 60},
        {{10, 50, SL_UNSET}, 20, 20, 20}, /* what is set is kept */
        {{10, 50, 200}, 0, 0, 0},         /* switched off */
        {{10, SL_UNSET, 200}, SL_UNSET, 0, 200},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sl_plan plan;
        struct sl_tenant t;

        sl_plan_init(&plan);
        plan.spending.top_up = cases[i].plan;
        sl_tenant_init(&t);
        t.plan = &plan;
        t.own.spending.top_up.daily_micro = cases[i].daily;
        sl_tenant_settle(&t);
        assert_int_equal(t.top_up.low_micro, 10);
        assert_int_equal(t.top_up.amount_micro, cases[i].amount_is);
        assert_int_equal(t.top_up.daily_micro, cases[i].daily_is);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),           cmocka_unit_test(test_many),
        cmocka_unit_test(test_each_bit_counts),  cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_repeated_id),      cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_scopes),           cmocka_unit_test(test_public_id),
        cmocka_unit_test(test_id_of_other_keys), cmocka_unit_test(test_terms),
        cmocka_unit_test(test_scopes_intersect), cmocka_unit_test(test_lists),
        cmocka_unit_test(test_scope_names),      cmocka_unit_test(test_top_ups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
