/* A start without a file: what it amounts to is a valid configuration. */
#include "conf/zero.c"

#include "conf/build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* NAME=value pairs, ended by NULL. */
static const char *get(void *ctx, const char *name)
{
    for (const char *const *p = ctx; *p != NULL; p++)
        if (strncmp(*p, name, strlen(name)) == 0 && (*p)[strlen(name)] == '=')
            return *p + strlen(name) + 1;
    return NULL;
}

static struct sl_gateway_conf *start(const char **vars)
{
    struct sl_env env = {.get = get, .ctx = vars, .no_files = true};
    char place[SL_ZERO_TEXT];
    struct sl_text t = sl_text_over(place, sizeof(place));
    struct sl_gateway_conf *made;
    struct sl_conf *c;

    assert_true(sl_zero_write(&t, &env, "/a \"path\"/dev.key", "/a \"path\"/admin.key"));
    c = sl_conf_parse("zero", sl_text_str(&t), &env);
    made = sl_build_snapshot(c, NULL, NULL);
    if (made == NULL)
        fail_msg("%.*s\n%.*s", SL_STR_ARGS(sl_text_str(&t)),
                 SL_STR_ARGS(sl_faults_text(&c->faults)));
    sl_conf_end(&c);
    return made;
}

/* Which provider answers that name in that protocol; "" for none. */
static void goes_to(const struct sl_gateway_conf *m, const char *name, enum sl_protocol protocol,
                    const char *want)
{
    const struct sl_target *rank[SL_ROUTE_TARGETS_MAX];
    const struct sl_model *model = sl_route_find(m->routes, sl_str_of(name));
    size_t n = model != NULL ? sl_route_rank(model, protocol, rank) : 0;
    struct sl_str got = n > 0 ? m->providers[rank[0]->provider].name : (struct sl_str){"", 0};

    if (!sl_str_eq(got, sl_str_of(want)))
        fail_msg("%s goes to '%.*s', not '%s'", name, SL_STR_ARGS(got), want);
}

static void test_nothing_set(void **state)
{
    const char *vars[] = {"ANTHROPIC_API_KEY=", "OPENAI_BASE_URL=x", NULL};
    struct sl_env env = {.get = get, .ctx = vars};
    char place[SL_ZERO_TEXT];
    struct sl_text t = sl_text_over(place, sizeof(place));

    (void)state;
    assert_false(sl_zero_write(&t, &env, "x", "y"));
}

static void test_anthropic(void **state)
{
    const char *vars[] = {"ANTHROPIC_API_KEY=k", NULL};
    struct sl_gateway_conf *m = start(vars);

    (void)state;
    assert_int_equal(m->providers_n, 1);
    assert_int_equal(m->providers[0].auth, SL_AUTH_X_API_KEY);
    goes_to(m, "claude-x", SL_ANTHROPIC, "anthropic");
    goes_to(m, "anything", SL_ANTHROPIC, "anthropic");
    goes_to(m, "claude-x", SL_OPENAI, "");
    assert_int_equal(sl_tenants_count(m->tenants), 1);
    sl_gateway_conf_drop(&m);
}

static void test_all(void **state)
{
    const char *vars[] = {"ANTHROPIC_API_KEY=k",
                          "OPENAI_API_KEY=k",
                          "OPENROUTER_API_KEY=k",
                          "OPENAI_BASE_URL=http://127.0.0.1:9/x/v1/",
                          "OPENROUTER_API_BASE=https://router.example/api/v1",
                          "SLUICE_LISTEN=0.0.0.0:1",
                          "SLUICE_ADMIN_KEY=secret-admin",
                          NULL};
    struct sl_gateway_conf *m = start(vars);

    (void)state;
    assert_int_equal(m->providers_n, 3);
    assert_true(sl_str_eq(m->providers[1].openai_prefix, SL_STR("/x/v1")));
    assert_true(m->providers[2].openrouter);
    assert_true(sl_str_eq(m->providers[2].host_header, SL_STR("router.example")));
    assert_true(sl_str_eq(m->providers[2].anthropic_prefix, SL_STR("/api")));
    assert_true(sl_str_eq(m->listen, SL_STR("0.0.0.0:1")));
    assert_true(sl_str_eq(m->admin_key, SL_STR("secret-admin")));
    goes_to(m, "claude-x", SL_ANTHROPIC, "anthropic");
    goes_to(m, "gpt-x", SL_OPENAI, "openai");
    goes_to(m, "openai/gpt-x", SL_OPENAI, "openrouter");
    goes_to(m, "anthropic/claude-x", SL_ANTHROPIC, "openrouter");
    sl_gateway_conf_drop(&m);
}

static void test_router_alone(void **state)
{
    const char *vars[] = {"OPENROUTER_API_KEY=k", NULL};
    struct sl_gateway_conf *m = start(vars);

    (void)state;
    goes_to(m, "openai/gpt-x", SL_OPENAI, "openrouter");
    goes_to(m, "openai/gpt-x", SL_ANTHROPIC, "openrouter");
    goes_to(m, "any", SL_OPENAI, "openrouter");
    sl_gateway_conf_drop(&m);
}

static void stores(const char *a, const char *b, const char *c, const char *url)
{
    const char *vars[] = {"OPENAI_API_KEY=k", "SLUICE_STATE=/s", a, b, c, NULL};
    struct sl_gateway_conf *m = start(vars);

    if (!sl_str_eq(m->store.url, sl_str_of(url)))
        fail_msg("the store is at '%.*s', not '%s'", SL_STR_ARGS(m->store.url), url);
    sl_gateway_conf_drop(&m);
}

static void test_store(void **state)
{
    const char *vars[] = {"OPENAI_API_KEY=k", "REDIS_HOST=h", "REDIS_PASSWORD=hunter22", NULL};
    struct sl_env env = {.get = get, .ctx = vars};
    char place[SL_ZERO_TEXT];
    struct sl_text t = sl_text_over(place, sizeof(place));

    (void)state;
    stores("A=", "B=", "C=", "embedded:/s/data");
    stores("REDIS_PORT=tcp://10.0.0.1:6379", "B=", "C=", "embedded:/s/data");
    stores("REDIS_URL=rediss://u:p@h:1/2", "REDIS_HOST=other", "C=", "rediss://u:p@h:1/2");
    stores("REDIS_HOST=h", "B=", "C=", "redis://h:6379");
    stores("REDIS_HOST=h", "REDIS_PORT=7", "REDIS_PASSWORD=a/b@c", "redis://:a%2Fb%40c@h:7");
    stores("REDIS_HOST=::1", "B=", "C=", "redis://[::1]:6379");
    stores("REDIS_HOST=[::1]", "B=", "C=", "redis://[::1]:6379");
    assert_true(sl_zero_write(&t, &env, "x", "y")); /* what `init` prints names variables only */
    assert_true(sl_str_find(sl_text_str(&t), SL_STR("${REDIS_PASSWORD}")) > 0);
    assert_true(sl_str_find(sl_text_str(&t), SL_STR("hunter")) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_set), cmocka_unit_test(test_anthropic),
        cmocka_unit_test(test_all),         cmocka_unit_test(test_router_alone),
        cmocka_unit_test(test_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
