/* The Messages API: what each event of a stream means, and our own errors. */
#include "llm/anthropic.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define EV(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define BARE(name, rest) "data: {\"type\":\"" name "\"" rest "}\n\n"

static const struct sl_dialect *const d = &sl_dialect_anthropic;

static enum sl_event_kind kind_of(const char *text, struct sl_usage *u)
{
    return d->event(SL_EP_MESSAGES, sl_str_of(text), u);
}

static void test_whole_stream(void **state)
{
    static const struct {
        const char *text;
        enum sl_event_kind kind;
    } events[] = {
        {EV("message_start",
            ",\"message\":{\"id\":\"msg_01A\",\"type\":\"message\",\"role\":\"assistant\","
            "\"model\":"
            "\"claude-x\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":25,"
            "\"cache_read_input_tokens\":3,\"output_tokens\":1}}"),
         SL_EV_OTHER},
        {EV("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"thinking\","
                                   "\"thinking\":\"\",\"signature\":\"\"}"),
         SL_EV_OTHER},
        {"event: ping\ndata: {\"type\": \"ping\"}\n\n", SL_EV_OTHER},
        {": a comment\n\n", SL_EV_OTHER},
        {EV("content_block_delta",
            ",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Need the time.\"}"),
         SL_EV_CONTENT},
        {EV("content_block_delta",
            ",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"EqQBCg\"}"),
         SL_EV_CONTENT},
        {EV("content_block_stop", ",\"index\":0"), SL_EV_OTHER},
        {EV("content_block_start",
            ",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}"),
         SL_EV_OTHER},
        {EV("content_block_delta",
            ",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Checking.\"}"),
         SL_EV_CONTENT},
        {EV("content_block_start", ",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":"
                                   "\"toolu_01\",\"name\":\"t\",\"input\":{}}"),
         SL_EV_CONTENT},
        {EV("content_block_delta", ",\"index\":2,\"delta\":{\"type\":\"input_json_delta\","
                                   "\"partial_json\":\"\"}"),
         SL_EV_CONTENT},
        {EV("message_delta",
            ",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{"
            "\"output_tokens\":41,\"output_tokens_details\":{\"thinking_tokens\":9}}"),
         SL_EV_OTHER},
        {EV("message_stop", ""), SL_EV_FINAL},
    };
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    for (size_t i = 0; i < COUNT(events); i++) {
        assert_false(d->is_whole(SL_EP_MESSAGES, &u));
        assert_int_equal(kind_of(events[i].text, &u), events[i].kind);
        if (i == 0)
            assert_false(u.has_out);
    }
    assert_true(d->is_whole(SL_EP_MESSAGES, &u));
    assert_true(u.has_final && u.has_stop);
    assert_string_equal(u.model, "claude-x");
    assert_string_equal(u.stop, "tool_use");
    assert_int_equal(u.in, 25);
    assert_int_equal(u.cache_read, 3);
    assert_int_equal(u.out, 41);
    assert_int_equal(u.reasoning, 9);
    sl_usage_settle(&u, 1000);
    assert_int_equal(u.source, SL_USAGE_REPORTED);
}

static void test_blocks(void **state)
{
    static const struct {
        const char *block;
        enum sl_event_kind kind;
    } blocks[] = {
        {"{\"type\":\"text\",\"text\":\"\"}", SL_EV_OTHER},
        {"{\"type\":\"text\"}", SL_EV_OTHER},
        {"{\"type\":\"text\",\"text\":\"Hi\"}", SL_EV_CONTENT},
        {"{\"type\":\"thinking\",\"thinking\":\"\"}", SL_EV_OTHER},
        {"{\"type\":\"thinking\",\"thinking\":\"x\"}", SL_EV_CONTENT},
        {"{\"type\":\"redacted_thinking\",\"data\":\"x\"}", SL_EV_CONTENT},
        {"{\"type\":\"server_tool_use\",\"input\":{}}", SL_EV_CONTENT},
        {"{\"type\":\"web_search_tool_result\",\"content\":[]}", SL_EV_CONTENT},
        {"{\"type\":\"something_new\"}", SL_EV_CONTENT},
        {"{}", SL_EV_OTHER},
        {"null", SL_EV_OTHER},
        {"{\"type\":5}", SL_EV_OTHER},
    };
    struct sl_usage u;
    char text[512];

    (void)state;
    sl_usage_init(&u);
    for (size_t i = 0; i < COUNT(blocks); i++) {
        snprintf(text, sizeof(text), "event: content_block_start\ndata: {\"content_block\":%s}\n\n",
                 blocks[i].block);
        assert_int_equal(kind_of(text, &u), blocks[i].kind);
    }
}

static void test_without_names(void **state)
{
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    assert_int_equal(kind_of(BARE("content_block_delta", ",\"delta\":{}"), &u), SL_EV_CONTENT);
    assert_int_equal(kind_of("event: message\n" BARE("ping", ""), &u), SL_EV_OTHER);
    assert_int_equal(kind_of("event: message\n" BARE("message_stop", ""), &u), SL_EV_FINAL);
    assert_int_equal(kind_of(BARE("error", ",\"error\":{\"type\":\"overloaded_error\"}"), &u),
                     SL_EV_ERROR);
    assert_string_equal(u.error_type, "overloaded_error");
    assert_int_equal(kind_of("data: {\"error\":{\"type\":\"server_error\"}}\n\n", &u), SL_EV_ERROR);
    assert_string_equal(u.error_type, "server_error");
    assert_int_equal(kind_of(BARE("something_new", ""), &u), SL_EV_OTHER);
    assert_int_equal(kind_of("data: [DONE]\n\n", &u), SL_EV_OTHER);
    assert_int_equal(kind_of("data: {\"error\":null}\n\n", &u), SL_EV_OTHER);
    /* several data lines, CRLF */
    assert_int_equal(kind_of("data: {\"type\":\r\ndata: \"message_stop\"}\r\n\r\n", &u),
                     SL_EV_FINAL);
}

static void test_garbage_passes(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        "\n\n",
        "event: message_start\n\n",
        "event: error\ndata: oops\n\n",
        "event: error\ndata: {\"error\":\n\n",
        "event: message_start\ndata: {\"message\":{\"model\":\"x\"\n\n",
        "event: message_delta\ndata: [1,2\n\n",
        "event: message_delta\ndata: {\"delta\":{\"stop_reason\":\"x\"},}\n\n",
        "data: \xff\xff\n\n",
        "data: {\"type\":\"\n\n",
        "data:\n\n",
    };
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(kind_of(texts[i], &u), SL_EV_OTHER);
    assert_string_equal(u.model, "");
    assert_false(u.has_stop || u.has_final);
    assert_int_equal(d->event(SL_EP_MESSAGES, (struct sl_str){NULL, 0}, &u), SL_EV_OTHER);
}

static void test_text_is_counted(void **state)
{
    static const struct {
        const char *delta;
        uint64_t least, most;
    } deltas[] = {
        {"{\"type\":\"text_delta\",\"text\":\"\"}", 0, 1},
        {"{\"type\":\"text_delta\",\"text\":\"12345678\"}", 7, 9},
        {"{\"type\":\"text_delta\",\"text\":\"\\\"delta\\\":1\"}", 8, 15},
        {"{\"type\":\"text_delta\",\"text\":\"12345678\"}            ", 7, 9},
        {"{\"type\":\"input_json_delta\",\"partial_json\":\"12345678\"}", 7, 30},
        {"{\"type\":\"signature_delta\",\"signature\":\"12345678901234567890\"}", 0, 0},
        {"{}", 0, 0},
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < COUNT(deltas); i++) {
        struct sl_usage u;

        sl_usage_init(&u);
        snprintf(text, sizeof(text),
                 "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
                 "\"delta\":%s}\n\n",
                 deltas[i].delta);
        assert_int_equal(kind_of(text, &u), SL_EV_CONTENT);
        assert_in_range(u.text_bytes, deltas[i].least, deltas[i].most);
    }
}

/* A stream cut before message_delta is billed by what went out. */
static void test_cut_stream(void **state)
{
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    (void)kind_of(
        EV("message_start", ",\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}"),
        &u);
    for (int i = 0; i < 100; i++)
        (void)kind_of(EV("content_block_delta",
                         ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"four\"}"),
                      &u);
    sl_usage_settle(&u, 1000);
    assert_int_equal(u.source, SL_USAGE_COUNTED);
    assert_int_equal(u.in, 25);
    assert_in_range(u.out, 80, 120);
}

/* --- Our own words ---------------------------------------------------------------------------- */

static struct sl_str body_of(struct sl_arena *a, int status, struct sl_str message)
{
    struct sl_str s = d->error_body(a, SL_ERR_BUG, status, message, SL_STR("0123456789abcdef"));

    assert_true(sl_json_is_object(s));
    assert_true(sl_str_eq(sl_json_get(s, SL_STR("type")), SL_STR("\"error\"")));
    assert_true(sl_str_eq(sl_json_get(s, SL_STR("request_id")), SL_STR("\"0123456789abcdef\"")));
    return sl_json_get(s, SL_STR("error"));
}

static void test_error_body(void **state)
{
    static const struct {
        int status;
        const char *type;
    } types[] = {
        {400, "invalid_request_error"},
        {401, "authentication_error"},
        {402, "billing_error"},
        {403, "permission_error"},
        {404, "not_found_error"},
        {405, "invalid_request_error"},
        {408, "invalid_request_error"},
        {409, "conflict_error"},
        {411, "invalid_request_error"},
        {413, "request_too_large"},
        {415, "invalid_request_error"},
        {429, "rate_limit_error"},
        {431, "invalid_request_error"},
        {500, "api_error"},
        {501, "api_error"},
        {502, "api_error"},
        {503, "api_error"},
        {504, "timeout_error"},
        {529, "overloaded_error"},
        {0, "api_error"},
    };
    struct sl_arena a;
    char text[64];
    size_t n;

    (void)state;
    sl_arena_init(&a, 1 << 20);
    for (size_t i = 0; i < COUNT(types); i++) {
        struct sl_str error = body_of(&a, types[i].status, SL_STR("m"));

        assert_true(sl_json_unescape(sl_json_get(error, SL_STR("type")), text, sizeof(text), &n));
        assert_true(sl_str_eq((struct sl_str){text, n}, sl_str_of(types[i].type)));
    }
    assert_true(sl_json_unescape(
        sl_json_get(body_of(&a, 400, SL_STR("a \"b\"\\\n\x01")), SL_STR("message")), text,
        sizeof(text), &n));
    assert_true(sl_str_eq((struct sl_str){text, n}, SL_STR("a \"b\"\\\n\x01")));
    sl_arena_fini(&a);
}

/* Whatever the message, the body stays JSON and nothing is written past its room. */
static void test_wild_messages(void **state)
{
    static char wild[3 * SL_LLM_MESSAGE];
    struct sl_arena a;

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        sl_arena_init(&a, 1 << 20);
        memset(wild, byte, sizeof(wild));
        for (size_t n = 0; n < sizeof(wild); n = n * 2 + 1) {
            struct sl_str m = {wild, n}, s;

            s = d->error_event(&a, SL_EP_MESSAGES, SL_ERR_UP_CLOSED, m, sl_str_first(m, 200));
            assert_true(sl_str_starts(s, SL_STR("event: error\ndata: {")));
            assert_true(sl_str_ends(s, SL_STR("}\n\n")));
            s.p += 19;
            s.n -= 21;
            assert_true(sl_json_is_object(s));
        }
        sl_arena_fini(&a);
    }
}

static void test_our_events_are_read_back(void **state)
{
    struct sl_arena a;
    struct sl_usage u;
    struct sl_str s;

    (void)state;
    sl_arena_init(&a, 1 << 20);
    sl_usage_init(&u);
    s = d->error_event(&a, SL_EP_MESSAGES, SL_ERR_UP_IDLE, SL_STR("m"), (struct sl_str){"", 0});
    assert_int_equal(d->event(SL_EP_MESSAGES, s, &u), SL_EV_ERROR);
    assert_string_equal(u.error_type, "timeout_error");
    assert_true(sl_str_find(s, SL_STR("\"request_id\":null")) > 0);
    assert_int_equal(d->event(SL_EP_MESSAGES, d->keepalive(SL_EP_MESSAGES), &u), SL_EV_OTHER);
    assert_true(sl_str_ends(d->keepalive(SL_EP_MESSAGES), SL_STR("\n\n")));
    sl_arena_fini(&a);
    sl_arena_init(&a, 0);
    assert_null(d->error_body(&a, SL_ERR_BUG, 500, SL_STR("m"), SL_STR("")).p);
    assert_null(d->error_event(&a, SL_EP_MESSAGES, SL_ERR_BUG, SL_STR("m"), SL_STR("")).p);
    sl_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_stream),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_without_names),
        cmocka_unit_test(test_garbage_passes),
        cmocka_unit_test(test_text_is_counted),
        cmocka_unit_test(test_cut_stream),
        cmocka_unit_test(test_error_body),
        cmocka_unit_test(test_wild_messages),
        cmocka_unit_test(test_our_events_are_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
