/* Keys: found by their digest alone, ended by time, held to their scopes. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),          cmocka_unit_test(test_many),
        cmocka_unit_test(test_each_bit_counts), cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_expiry),          cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_public_id),       cmocka_unit_test(test_id_of_other_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
