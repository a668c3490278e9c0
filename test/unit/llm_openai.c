/* OpenAI's APIs: what chunks and Responses events mean, and our own errors. */
#include "llm/openai.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HEAD                                                                                       \
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,"    \
    "\"model\":\"gpt-x\","
#define DELTA(d) HEAD "\"choices\":[{\"index\":0,\"delta\":" d ",\"finish_reason\":null}]}\n\n"

static const struct sl_dialect *const d = &sl_dialect_openai;

struct event_case {
    const char *text;
    enum sl_event_kind kind;
};

static enum sl_event_kind kind_of(enum sl_endpoint ep, const char *text, struct sl_usage *u)
{
    return d->event(ep, sl_str_of(text), u);
}

static void check(enum sl_endpoint ep, const struct event_case *c, size_t n, struct sl_usage *u)
{
    for (size_t i = 0; i < n; i++) {
        enum sl_event_kind kind = kind_of(ep, c[i].text, u);

        if (kind != c[i].kind)
            fail_msg("%s is %d, not %d", c[i].text, kind, c[i].kind);
    }
}

static void test_chat_stream(void **state)
{
    static const struct event_case events[] = {
        {": OPENROUTER PROCESSING\n\n", SL_EV_OTHER},
        {HEAD "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\","
              "\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n",
         SL_EV_OTHER},
        {DELTA("{\"content\":\"Checking.\"}"), SL_EV_CONTENT},
        {HEAD "\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":"
              "\"tool_calls\"}],\"usage\":null}\n\n",
         SL_EV_CONTENT},
        {HEAD "\"choices\":[],\"usage\":{\"prompt_tokens\":60,\"completion_tokens\":20,"
              "\"prompt_tokens_details\":{\"cached_tokens\":10}}}\n\n",
         SL_EV_USAGE_ONLY},
        {"data: [DONE]\n\n", SL_EV_FINAL},
    };
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    check(SL_EP_CHAT, events, 3, &u);
    assert_false(d->is_whole(SL_EP_CHAT, &u));
    check(SL_EP_CHAT, events + 3, 1, &u);
    assert_true(d->is_whole(SL_EP_CHAT, &u)); /* [DONE] may be missing */
    check(SL_EP_CHAT, events + 4, 2, &u);
    assert_true(u.has_final);
    assert_string_equal(u.model, "gpt-x");
    assert_string_equal(u.stop, "tool_calls");
    assert_int_equal(u.in, 50);
    assert_int_equal(u.cache_read, 10);
    assert_int_equal(u.out, 20);
    assert_int_equal(u.text_bytes, 9);
}

static void test_chat_deltas(void **state)
{
    static const struct event_case events[] = {
        {DELTA("{}"), SL_EV_OTHER},
        {DELTA("null"), SL_EV_OTHER},
        {DELTA("{\"content\":null}"), SL_EV_OTHER},
        {DELTA("{\"content\":\"\"}"), SL_EV_OTHER},
        {DELTA("{\"content\":\"\",\"reasoning\":\"x\"}"), SL_EV_CONTENT},
        {DELTA("{\"reasoning_content\":\"x\"}"), SL_EV_CONTENT},
        {DELTA("{\"reasoning_content\":null,\"content\":\"\"}"), SL_EV_OTHER},
        {DELTA("{\"reasoning_details\":[{\"type\":\"reasoning.encrypted\"}]}"), SL_EV_CONTENT},
        {DELTA("{\"reasoning_details\":[]}"), SL_EV_OTHER},
        {DELTA("{\"refusal\":\"no\"}"), SL_EV_CONTENT},
        {DELTA("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"\"}}]}"),
         SL_EV_CONTENT},
        {DELTA("{\"tool_calls\":[]}"), SL_EV_OTHER},
        {DELTA("{\"tool_calls\":null}"), SL_EV_OTHER},
        {DELTA("{\"function_call\":{\"name\":\"f\"}}"), SL_EV_CONTENT},
        {DELTA("{\"role\":\"assistant\"}"), SL_EV_OTHER},
        {DELTA("{\"content\":\"{\\\"error\\\":1,\\\"usage\\\":{}}\"}"), SL_EV_CONTENT},
        {HEAD "\"choices\":[{\"delta\":{}},{\"index\":1,\"delta\":{\"content\":\"x\"}}]}\n\n",
         SL_EV_CONTENT},
        {HEAD "\"choices\":[]}\n\n", SL_EV_OTHER},
        {HEAD "\"choices\":[],\"usage\":null}\n\n", SL_EV_OTHER},
        {HEAD "\"choices\" : [ ] , \"usage\":{\"prompt_tokens\":1}}\n\n", SL_EV_USAGE_ONLY},
        {HEAD "\"usage\":{\"prompt_tokens\":1},\"choices\":[]}\n\n", SL_EV_USAGE_ONLY},
        {HEAD "\"choices\":[{\"delta\":{\"content\":\"\"}}],\"usage\":{\"prompt_tokens\":1}}\n\n",
         SL_EV_OTHER},
        {HEAD "\"usage\":{\"prompt_tokens\":1}}\n\n", SL_EV_OTHER},
        /* the same words, deeper or in a text, are not the chunk's own */
        {"data: {\"x\":{\"choices\":[{\"delta\":{\"content\":\"x\"}}]},\"choices\":[]}\n\n",
         SL_EV_OTHER},
        {"data: {\"x\":{\"usage\":null},\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n",
         SL_EV_USAGE_ONLY},
        {"data: {\"x\":{\"usage\":{\"prompt_tokens\":1}},\"choices\":[],\"usage\":null}\n\n",
         SL_EV_OTHER},
        {"data: {\"x\":\"{\",\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n", SL_EV_CONTENT},
        {"data: {\"x\":\"\\\"choices\\\":[{\",\"choices\" : [{\"delta\":{}}]}\n\n", SL_EV_OTHER},
        {DELTA("{\"content\":\"\",\"choices\":[{\"delta\":{\"content\":\"x\"}}]}"), SL_EV_OTHER},
    };
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    check(SL_EP_CHAT, events, COUNT(events), &u);
    assert_false(u.has_stop);
    assert_string_equal(u.error_type, "");
}

static void test_completions(void **state)
{
    static const struct event_case events[] = {
        {HEAD "\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":null}]}\n\n", SL_EV_OTHER},
        {HEAD "\"choices\":[{\"index\":0,\"text\":\" Paris\",\"finish_reason\":null}]}\n\n",
         SL_EV_CONTENT},
        {HEAD "\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":\"stop\"}]}\n\n",
         SL_EV_CONTENT},
    };
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    check(SL_EP_COMPLETIONS, events, COUNT(events), &u);
    assert_int_equal(u.text_bytes, 6);
    assert_string_equal(u.stop, "stop");
}

static void test_chat_errors(void **state)
{
    static const struct {
        const char *text;
        const char *type;
    } errors[] = {
        {"data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"code\":\"c\"}}\n\n",
         "server_error"},
        {"data: {\"error\":{\"code\":502,\"message\":\"Provider disconnected\",\"metadata\":{"
         "\"error_type\":\"provider_unavailable\"}},\"choices\":[{\"index\":0,\"delta\":{"
         "\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
         "provider_unavailable"},
        {"data: {\"error\":{\"code\":502}}\n\n", "502"},
        {"data: {\"error\":\"Unauthorized\"}\n\n", "error"},
        {"data: {\"choices\":[{\"error\":{\"code\":\"x\"},\"delta\":{}}]}\n\n", "x"},
        {"data: {\"object\":\"error\",\"message\":\"m\",\"type\":\"BadRequestError\"}\n\n",
         "BadRequestError"},
        {"event: error\ndata: {\"error\":{\"type\":\"t\"}}\n\n", "t"},
        {"event: error\ndata: {\"message\":\"m\",\"code\":\"k\"}\n\n", "k"},
        {"data: {\"error\":{\"type\":\"1301\"}}\n\n", "1301"},
        {"data: {\"error\":{\"type\":\"You said hello\",\"code\":\"k\"}}\n\n", "k"},
        {"data: {\"error\":{\"type\":\"sk-ab1\",\"code\":\"\\u00e4\"}}\n\n", "error"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct sl_usage u;

        sl_usage_init(&u);
        assert_int_equal(kind_of(SL_EP_CHAT, errors[i].text, &u), SL_EV_ERROR);
        assert_string_equal(u.error_type, errors[i].type);
        assert_false(u.has_final);
    }
}

static void test_garbage_passes(void **state)
{
    static const struct event_case events[] = {
        {"", SL_EV_OTHER},
        {"\n", SL_EV_OTHER},
        {"data:\n\n", SL_EV_OTHER},
        {"data: \n\n", SL_EV_OTHER},
        {"data: x\n\n", SL_EV_OTHER},
        {"data: {\n\n", SL_EV_OTHER},
        {"data: {\"choices\":\n\n", SL_EV_OTHER},
        {"data: {\"choices\":[\n\n", SL_EV_OTHER},
        {"data: {\"choices\":[{\"delta\"\n\n", SL_EV_OTHER},
        {"data: {\"choices\":5}\n\n", SL_EV_OTHER},
        {"data: {\"error\":{\"type\":\"x\"}\n\n", SL_EV_OTHER},
        {"event: error\ndata: x\n\n", SL_EV_OTHER},
        {"data: [DONE\n\n", SL_EV_OTHER},
        {"data: \xff\n\n", SL_EV_OTHER},
        {"event: response.completed\ndata: {\n\n", SL_EV_OTHER},
    };
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    check(SL_EP_CHAT, events, COUNT(events), &u);
    check(SL_EP_COMPLETIONS, events, COUNT(events), &u);
    check(SL_EP_RESPONSES, events, COUNT(events), &u);
    assert_false(u.has_stop || u.has_final);
}

/* --- Responses
 * ------------------------------------------------------------------------------------ */

#define R(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define BARE(name, rest) "data: {\"type\":\"" name "\"" rest "}\n\n"

static void test_responses(void **state)
{
    static const struct event_case events[] = {
        {R("response.created", ",\"response\":{\"model\":\"gpt-x\",\"status\":\"in_progress\","
                               "\"error\":null,\"usage\":null}"),
         SL_EV_OTHER},
        {R("response.in_progress", ",\"response\":{}"), SL_EV_OTHER},
        {R("response.output_item.added", ",\"item\":{\"type\":\"message\",\"content\":[]}"),
         SL_EV_OTHER},
        {R("response.output_item.added", ",\"item\":{\"type\":\"reasoning\"}"), SL_EV_OTHER},
        {R("response.content_part.added", ",\"part\":{\"type\":\"output_text\"}"), SL_EV_OTHER},
        {R("keepalive", ""), SL_EV_OTHER},
        {R("response.output_text.delta", ",\"delta\":\"Checking.\""), SL_EV_CONTENT},
        {R("response.refusal.delta", ",\"delta\":\"x\""), SL_EV_CONTENT},
        {R("response.reasoning_text.delta", ",\"delta\":\"x\""), SL_EV_CONTENT},
        {R("response.reasoning_summary_text.delta", ",\"delta\":\"x\""), SL_EV_CONTENT},
        {R("response.output_item.added", ",\"item\":{\"type\":\"function_call\"}"), SL_EV_CONTENT},
        {R("response.function_call_arguments.delta", ",\"delta\":\"{}\""), SL_EV_CONTENT},
        {BARE("response.output_text.delta", ",\"delta\":\"x\""), SL_EV_CONTENT},
        {BARE("response.something_new", ""), SL_EV_OTHER},
        {R("response.output_text.done", ",\"text\":\"Checking.\""), SL_EV_OTHER},
        {R("response.output_item.done", ",\"item\":{\"type\":\"function_call\"}"), SL_EV_OTHER},
    };
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    check(SL_EP_RESPONSES, events, COUNT(events), &u);
    assert_string_equal(u.model, "gpt-x");
    assert_int_equal(u.text_bytes, 9 + 1 + 1 + 1 + 2 + 1);
    u.has_stop = true;
    assert_false(d->is_whole(SL_EP_RESPONSES, &u)); /* a terminal event is needed */
    assert_int_equal(
        kind_of(SL_EP_RESPONSES,
                R("response.completed",
                  ",\"response\":{\"status\":\"completed\",\"error\":null,\"model\":\"gpt-x-2\","
                  "\"incomplete_details\":null,\"usage\":{\"input_tokens\":60,"
                  "\"input_tokens_details\":{\"cached_tokens\":10},\"output_tokens\":20}}"),
                &u),
        SL_EV_FINAL);
    assert_true(d->is_whole(SL_EP_RESPONSES, &u));
    assert_string_equal(u.model, "gpt-x-2");
    assert_string_equal(u.stop, "completed");
    assert_string_equal(u.error_type, "");
    assert_int_equal(u.in, 50);
    assert_int_equal(u.out, 20);
}

static void test_responses_end_otherwise(void **state)
{
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    assert_int_equal(
        kind_of(SL_EP_RESPONSES,
                BARE("response.incomplete", ",\"response\":{\"status\":\"incomplete\","
                                            "\"incomplete_details\":{\"reason\":\"max_tokens\"}}"),
                &u),
        SL_EV_FINAL);
    assert_string_equal(u.stop, "max_tokens");
    sl_usage_init(&u);
    assert_int_equal(
        kind_of(SL_EP_RESPONSES,
                R("response.failed", ",\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
                                     "\"server_error\",\"message\":\"m\"}}"),
                &u),
        SL_EV_FINAL);
    assert_string_equal(u.error_type, "server_error");
    assert_true(u.has_final);
    sl_usage_init(&u);
    assert_int_equal(kind_of(SL_EP_RESPONSES,
                             R("error", ",\"sequence_number\":3,\"code\":\"server_error\","
                                        "\"message\":\"m\",\"param\":null"),
                             &u),
                     SL_EV_ERROR);
    assert_string_equal(u.error_type, "server_error");
    assert_false(u.has_final);
    sl_usage_init(&u);
    assert_int_equal(kind_of(SL_EP_RESPONSES, "data: {\"error\":{\"type\":\"t\"}}\n\n", &u),
                     SL_EV_ERROR);
    assert_string_equal(u.error_type, "t");
}

/* --- Our own words
 * ---------------------------------------------------------------------------------- */

static void assert_text(struct sl_str object, struct sl_str key, const char *want)
{
    struct sl_str value = sl_llm_inner(sl_json_get(object, key));

    if (!sl_str_eq(value, sl_str_of(want)))
        fail_msg("%.*s is %.*s, not %s", SL_STR_ARGS(key), SL_STR_ARGS(value), want);
}

static void test_error_body(void **state)
{
    static const struct {
        int status;
        const char *type;
    } types[] = {
        {400, "invalid_request_error"}, {401, "invalid_request_error"},
        {402, "insufficient_quota"},    {403, "permission_error"},
        {404, "invalid_request_error"}, {413, "invalid_request_error"},
        {429, "rate_limit_error"},      {500, "server_error"},
        {502, "server_error"},          {503, "service_unavailable_error"},
        {504, "server_error"},
    };
    struct sl_arena a;

    (void)state;
    sl_arena_init(&a, 1 << 20);
    for (size_t i = 0; i < COUNT(types); i++) {
        struct sl_str s = d->error_body(&a, SL_ERR_NO_KEY, types[i].status, SL_STR("a \"b\""),
                                        SL_STR("0123456789abcdef"));
        struct sl_str error = sl_json_get(s, SL_STR("error"));

        assert_true(sl_json_is_object(s));
        assert_text(error, SL_STR("message"), "a \\\"b\\\"");
        assert_text(error, SL_STR("type"), types[i].type);
        assert_text(error, SL_STR("code"), "invalid_api_key");
        assert_true(sl_str_eq(sl_json_get(error, SL_STR("param")), SL_STR("null")));
    }
    sl_arena_fini(&a);
}

static void test_wild_messages(void **state)
{
    static char wild[3 * SL_LLM_MESSAGE];
    static const enum sl_endpoint eps[] = {SL_EP_CHAT, SL_EP_RESPONSES};
    struct sl_arena a;

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        sl_arena_init(&a, 1 << 20);
        memset(wild, byte, sizeof(wild));
        for (size_t n = 0; n < sizeof(wild); n = n * 2 + 1) {
            for (size_t i = 0; i < COUNT(eps); i++) {
                struct sl_str m = {wild, n}, s;
                struct sl_sse_event e;

                s = d->error_event(&a, eps[i], SL_ERR_UP_CLOSED, m, (struct sl_str){"", 0});
                sl_sse_parse(s, NULL, 0, &e);
                assert_true(sl_str_ends(s, SL_STR("}\n\n")));
                assert_true(sl_json_is_object(e.data));
            }
        }
        sl_arena_fini(&a);
    }
}

static void test_our_events_are_read_back(void **state)
{
    static const enum sl_endpoint eps[] = {SL_EP_CHAT, SL_EP_COMPLETIONS, SL_EP_RESPONSES};
    struct sl_arena a;

    (void)state;
    sl_arena_init(&a, 1 << 20);
    for (size_t i = 0; i < COUNT(eps); i++) {
        struct sl_usage u;
        struct sl_str s;

        sl_usage_init(&u);
        s = d->error_event(&a, eps[i], SL_ERR_UP_IDLE, SL_STR("m"), SL_STR("id"));
        assert_int_equal(d->event(eps[i], s, &u), SL_EV_ERROR);
        assert_int_equal(d->event(eps[i], d->keepalive(eps[i]), &u), SL_EV_OTHER);
        assert_true(sl_str_ends(d->keepalive(eps[i]), SL_STR("\n\n")));
        /* only Responses streams name their events */
        assert_int_equal(sl_str_starts(s, SL_STR("event:")), eps[i] == SL_EP_RESPONSES);
    }
    sl_arena_fini(&a);
    sl_arena_init(&a, 0);
    assert_null(d->error_body(&a, SL_ERR_BUG, 500, SL_STR("m"), SL_STR("")).p);
    assert_null(d->error_event(&a, SL_EP_CHAT, SL_ERR_BUG, SL_STR("m"), SL_STR("")).p);
    sl_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chat_stream),
        cmocka_unit_test(test_chat_deltas),
        cmocka_unit_test(test_completions),
        cmocka_unit_test(test_chat_errors),
        cmocka_unit_test(test_garbage_passes),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_responses_end_otherwise),
        cmocka_unit_test(test_error_body),
        cmocka_unit_test(test_wild_messages),
        cmocka_unit_test(test_our_events_are_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
