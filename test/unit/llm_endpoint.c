/* Paths: every route under its prefixes, and nothing else. */
#include "llm/endpoint.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static enum sl_endpoint find(const char *path, const char *want_id, bool want_get)
{
    struct sl_str id = {NULL, 99};
    bool get = !want_get;
    enum sl_endpoint ep = sl_endpoint_find(sl_str_of(path), &id, &get);

    if (!sl_str_eq(id, sl_str_of(want_id)) || get != want_get)
        fail_msg("%s: id '%.*s' get %d", path, SL_STR_ARGS(id), get);
    return ep;
}

static void test_routes(void **state)
{
    static const char *const prefixes[] = {"", "/v1", "/api/v1", "/v1/v1"};
    static const struct {
        const char *path;
        enum sl_endpoint ep;
        const char *id;
        bool get;
    } routes[] = {
        {"/messages", SL_EP_MESSAGES, "", false},
        {"/messages/count_tokens", SL_EP_COUNT_TOKENS, "", false},
        {"/chat/completions", SL_EP_CHAT, "", false},
        {"/completions", SL_EP_COMPLETIONS, "", false},
        {"/responses", SL_EP_RESPONSES, "", false},
        {"/embeddings", SL_EP_EMBEDDINGS, "", false},
        {"/moderations", SL_EP_MODERATIONS, "", false},
        {"/claude/complete", SL_EP_PROMPT, "", false},
        {"/claude/code", SL_EP_PROMPT, "", false},
        {"/models", SL_EP_MODELS, "", true},
        {"/models/gpt-x", SL_EP_MODELS, "gpt-x", true},
        {"/models/anthropic/claude-sonnet-4.5", SL_EP_MODELS, "anthropic/claude-sonnet-4.5", true},
        {"/models/a%2Fb", SL_EP_MODELS, "a%2Fb", true},
        {"/models/v1/models", SL_EP_MODELS, "v1/models", true},
        {"/models/...", SL_EP_MODELS, "...", true},
        {"/models/.a", SL_EP_MODELS, ".a", true},
        {"/key", SL_EP_KEY, "", true},
        {"/credits", SL_EP_CREDITS, "", true},
        {"/generation", SL_EP_GENERATION, "", true},
    };
    char path[128];

    (void)state;
    for (size_t p = 0; p < COUNT(prefixes); p++) {
        for (size_t i = 0; i < COUNT(routes); i++) {
            snprintf(path, sizeof(path), "%s%s", prefixes[p], routes[i].path);
            assert_int_equal(find(path, routes[i].id, routes[i].get), routes[i].ep);
        }
    }
    assert_int_equal(find("/healthz", "", true), SL_EP_HEALTH);
    assert_int_equal(find("/api/hello", "", true), SL_EP_HELLO);
    assert_int_equal(find("/", "", true), SL_EP_HELLO);
}

static void test_no_routes(void **state)
{
    static const char *const paths[] = {
        "",
        "/v1",
        "/v1/",
        "/api",
        "/api/v1",
        "//",
        "/v1/messages/",
        "/v1//messages",
        "//v1/messages",
        "/V1/messages",
        "/v1/Messages",
        "/v1/messages/batches",
        "/v1/messages/count_tokens/",
        "/v2/messages",
        "/api/messages",
        "/api/v1/v1/messages",
        "/v1/api/v1/messages",
        "/v1/v1/v1/messages",
        "/v1/models/",
        "/v1/models//",
        "/v1/models/a/",
        "/v1/models//a",
        "/v1/models/a//b",
        "/v1/models/.",
        "/v1/models/..",
        "/v1/models/../messages",
        "/v1/models/a/..",
        "/v1/models/a/./b",
        "/v1/models/%2e",
        "/v1/models/%2E%2e/x",
        "/v1/models/.%2e",
        "/v1/../v1/messages",
        "/v1/./messages",
        "/v1/chat",
        "/v1/chat/completions/x",
        "/v1messages",
        "/v1/healthz",
        "/healthz/",
        "/hello",
        "/metrics",
        "*",
        "messages",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++)
        if (find(paths[i], "", false) != SL_EP_NONE)
            fail_msg("%s has a route", paths[i]);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(sl_endpoint_name(SL_EP_CHAT), "chat");
    assert_string_equal(sl_endpoint_name(SL_EP_NONE), "none");
    for (int ep = 0; ep < SL_EP__COUNT; ep++) {
        const struct sl_dialect *d = sl_endpoint_dialect((enum sl_endpoint)ep);
        struct sl_str up = sl_endpoint_path((enum sl_endpoint)ep);

        assert_non_null(sl_endpoint_name((enum sl_endpoint)ep));
        for (int other = 0; other < ep; other++)
            assert_string_not_equal(sl_endpoint_name((enum sl_endpoint)ep),
                                    sl_endpoint_name((enum sl_endpoint)other));
        /* what is forwarded has a dialect and a path, nothing else has; prompts are translated */
        if (ep != SL_EP_PROMPT)
            assert_int_equal(d != NULL, up.n > 0);
        if (d == &sl_dialect_anthropic)
            assert_true(sl_str_starts(up, SL_STR("/v1/messages")));
        else
            assert_false(sl_str_starts(up, SL_STR("/v1")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_no_routes),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
