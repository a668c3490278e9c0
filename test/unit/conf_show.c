/* What is printed: it reads back, it holds no secret, and the document of all
 * settings is the table's own. */
#include "conf/show.c"

#include "_conf_text.h"
#include "net/file.h"

static struct gather shown(const struct sl_conf *c, bool secrets)
{
    struct gather g = {.p = NULL};

    sl_show_tree(c->root, secrets, on_piece, &g);
    on_piece(&g, SL_STR("\0"));
    return g;
}

#define ODD                                                                                        \
    "providers:\n"                                                                                 \
    "  - name: p\n"                                                                                \
    "    protocol: openai\n"                                                                       \
    "    base_url: \"https://h\"\n"                                                                \
    "    keys: [sk-provider-secret]\n"                                                             \
    "    headers: {x-h: header-secret}\n"                                                          \
    "    query: {\"\\\" : #\": query-secret}\n"                                                    \
    "    oauth2: {client_secret: client-secret, refresh_token: refresh-secret, "                   \
    "params: {assertion: params-secret}}\n"                                                        \
    "models: [{name: \"*\", display_name: \"caf\\u00e9 \\u2028 \\x85 \\ufeff\", targets: "         \
    "[{provider: p}]}]\n"                                                                          \
    "tenants: [{name: t, keys: [{key: sk-tenant-secret}], labels: {a: \"$${SET}\", b: \"x: y #\"," \
    " c: \"null\", d: \"\", e: \"- a\", f: \" lead\", g: \"\\x01\\t\\n\", h: \"~\"}}]\n"           \
    "admin: {key: admin-secret}\n"                                                                 \
    "store: {url: \"redis://user:store-secret@h/1\", cache_url: \"redis://:cache@secret@c\"}\n"    \
    "jwt: [{name: j, issuer: i, audience: a, secrets: [jwt-secret]}]\n"                            \
    "key_tokens: {secrets: [token-secret]}\n"                                                      \
    "cache: {jitter: 0.05}\n"                                                                      \
    "plans: [{name: a, per_key: {budget: {daily: 0.50}}}]\n"

static void test_reads_back(void **state)
{
    struct sl_conf *a = test_accepted(ODD), *b;
    struct gather first = shown(a, true), second;
    char hash_a[16], hash_b[16];

    (void)state;
    b = test_accepted(first.p);
    second = shown(b, true);
    assert_string_equal(first.p, second.p);
    assert_true(sl_show_hash(a, hash_a));
    assert_true(sl_show_hash(b, hash_b));
    assert_memory_equal(hash_a, hash_b, 16);
    sl_mem_free(first.p);
    sl_mem_free(second.p);
    sl_conf_end(&a);
    sl_conf_end(&b);
}

static void test_no_secrets(void **state)
{
    static const char *const secrets[] = {"sk-provider",   "header-secret", "query-secret",
                                          "sk-tenant",     "admin-secret",  "store-secret",
                                          "cache@",        "client-secret", "refresh-secret",
                                          "params-secret", "jwt-secret",    "token-secret"};
    struct sl_conf *c = test_accepted(ODD), *d;
    struct gather g = shown(c, false), h;

    (void)state;
    d = test_accepted(TEST_BASE "store: {url: \"redis://h\", password: password-secret}\n");
    h = shown(d, false);
    assert_null(strstr(h.p, "password-secret"));
    assert_non_null(strstr(h.p, "password: \"(secret)\""));
    sl_mem_free(h.p);
    sl_conf_end(&d);
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        assert_null(strstr(g.p, secrets[i]));
    assert_non_null(strstr(g.p, "(secret)"));
    assert_non_null(strstr(g.p, "\"redis://user:(secret)@h/1\""));
    assert_non_null(strstr(g.p, "\"redis://:(secret)@c\""));
    sl_mem_free(g.p);
    sl_conf_end(&c);
}

/* A map that nobody wrote is not shown where it holds nothing; one with defaults is. */
static void test_silence(void **state)
{
    struct sl_conf *c = test_accepted(TEST_BASE "tenants: [{name: t, limits: {}}]\n");
    struct gather g = shown(c, false);

    (void)state;
    assert_non_null(strstr(g.p, "    limits: {}\n"));
    assert_null(strstr(g.p, "budget"));
    assert_null(strstr(g.p, "per_key"));
    assert_non_null(strstr(g.p, "cache:\n  enabled: false\n"));
    sl_mem_free(g.p);
    sl_conf_end(&c);
}

/* docs/configuration.md holds what `sluice check --schema` prints. */
static void test_document(void **state)
{
    struct gather g = {.p = NULL};
    size_t n = 0;
    char *doc = sl_file_load("docs/configuration.md", (size_t)1 << 20, &n);

    (void)state;
    if (doc == NULL)
        fail_msg("docs/configuration.md can't be read");
    sl_show_schema(on_piece, &g);
    if (sl_str_find((struct sl_str){doc, n}, (struct sl_str){g.p, g.n}) < 0)
        fail_msg("docs/configuration.md does not hold the output of `sluice check --schema`");
    sl_mem_free(doc);
    sl_mem_free(g.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_back),
        cmocka_unit_test(test_no_secrets),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_document),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
