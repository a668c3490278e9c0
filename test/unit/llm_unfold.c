/* Plain answers as streams: byte for byte where they are short, by the rules of the
 * strict clients always, and back again to the same value. */
#include "llm/fold/unfold.c"

#include "base/mem.h"
#include "llm/usage.h"

#include "_fold.h"

/* --- What strict clients insist on -------------------------------------------------------- */

/* The one data line of an event, its name, and nothing else. */
static struct sl_str data_of(struct sl_str event, struct sl_str *name)
{
    char scratch[16];
    struct sl_sse_event e;
    size_t lines = 0;

    for (size_t i = 0; i < event.n; i++) {
        assert_true(event.p[i] != '\r');
        lines += event.p[i] == '\n';
    }
    sl_sse_parse(event, scratch, sizeof(scratch), &e);
    assert_int_equal(lines, e.name.n > 0 ? 3 : 2);
    assert_true(e.has_data && e.data.p != NULL);
    *name = e.name;
    return e.data;
}

static uint64_t number_of(struct sl_str object, const char *key)
{
    uint64_t v;

    if (!sl_json_u64(sl_json_get(object, sl_str_of(key)), &v))
        fail_msg("no %s in %.*s", key, SL_STR_ARGS(object));
    return v;
}

static struct sl_str word_of(struct sl_str object, const char *key)
{
    return sl_llm_inner(sl_json_get(object, sl_str_of(key)));
}

static void assert_word(struct sl_str object, const char *key, const char *want)
{
    if (!sl_str_eq(word_of(object, key), sl_str_of(want)))
        fail_msg("%s is not %s in %.*s", key, want, SL_STR_ARGS(object));
}

/* A text of a delta: whole characters, not too long. */
static void check_piece(struct sl_str object, const char *key)
{
    struct sl_str rest = word_of(object, key);

    assert_true(rest.n <= SL_FOLD_PIECE);
    while (rest.n > 0) {
        uint32_t code;
        size_t n = sl_json_char(rest, &code);

        assert_true(n > 0 && (code < 0xd800 || code > 0xdfff));
        rest = sl_str_from(rest, n);
    }
}

static const struct {
    const char *block, *delta, *key;
} fits[] = {{"text", "text_delta", "text"},
            {"text", "citations_delta", NULL},
            {"thinking", "thinking_delta", "thinking"},
            {"thinking", "signature_delta", NULL},
            {"tool_use", "input_json_delta", "partial_json"},
            {"server_tool_use", "input_json_delta", "partial_json"},
            {"mcp_tool_use", "input_json_delta", "partial_json"},
            {"compaction", "compaction_delta", "content"}};

static void check_delta(struct sl_str block, struct sl_str delta)
{
    for (size_t i = 0; i < COUNT(fits); i++)
        if (sl_str_eq(block, sl_str_of(fits[i].block)) &&
            sl_str_eq(word_of(delta, "type"), sl_str_of(fits[i].delta))) {
            if (fits[i].key != NULL && i != 4 && i != 5 && i != 6)
                check_piece(delta, fits[i].key);
            return;
        }
    fail_msg("%.*s in a block of %.*s", SL_STR_ARGS(delta), SL_STR_ARGS(block));
}

/* message_start, blocks one by one, message_delta, message_stop. */
static void check_messages(struct sl_str stream)
{
    enum { BEFORE, BETWEEN, INSIDE, SAID, OVER } at = BEFORE;
    struct sl_str event, name, data, block = {"", 0};
    uint64_t index = 0;

    while (next_event(&stream, &event)) {
        data = data_of(event, &name);
        assert_true(sl_str_eq(word_of(data, "type"), name));
        if (at == BEFORE) {
            struct sl_str message = sl_json_get(data, SL_STR("message"));

            assert_word(data, "type", "message_start");
            assert_true(sl_str_eq(sl_json_get(message, SL_STR("content")), SL_STR("[]")));
            assert_true(sl_str_eq(sl_json_get(message, SL_STR("stop_reason")), SL_STR("null")));
            assert_int_equal(number_of(sl_json_get(message, SL_STR("usage")), "output_tokens"), 1);
            at = BETWEEN;
        } else if (at == BETWEEN && sl_str_eq(name, SL_STR("content_block_start"))) {
            block = word_of(sl_json_get(data, SL_STR("content_block")), "type");
            assert_int_equal(number_of(data, "index"), index);
            at = INSIDE;
        } else if (at == INSIDE && sl_str_eq(name, SL_STR("content_block_delta"))) {
            assert_int_equal(number_of(data, "index"), index);
            check_delta(block, sl_json_get(data, SL_STR("delta")));
        } else if (at == INSIDE) {
            assert_word(data, "type", "content_block_stop");
            assert_int_equal(number_of(data, "index"), index++);
            at = BETWEEN;
        } else if (at == BETWEEN) {
            assert_word(data, "type", "message_delta");
            assert_true(word_of(sl_json_get(data, SL_STR("delta")), "stop_reason").n > 0);
            (void)number_of(sl_json_get(data, SL_STR("usage")), "output_tokens");
            at = SAID;
        } else {
            assert_true(at == SAID);
            assert_word(data, "type", "message_stop");
            at = OVER;
        }
    }
    assert_int_equal(at, OVER);
    assert_int_equal(stream.n, 0);
}

static void check_calls(struct sl_str delta, uint64_t *calls)
{
    struct sl_str list = sl_json_get(delta, SL_STR("tool_calls")), call;
    size_t pos = 0;

    while (sl_json_next(list, &pos, &call)) {
        uint64_t index = number_of(call, "index");
        struct sl_str body = sl_json_get(call, SL_STR("function"));

        if (index == *calls) {
            ++*calls;
            assert_true(word_of(call, "id").n > 0 && word_of(call, "type").n > 0);
        } else {
            assert_true(index < *calls && sl_json_get(call, SL_STR("id")).p == NULL);
            assert_null(sl_json_get(body, SL_STR("name")).p);
        }
        check_piece(body, "arguments");
    }
}

/* Role first, a finish_reason at the end, usage at most once and last, [DONE]. */
static void check_chunks(struct sl_str stream, enum sl_endpoint ep, bool usage)
{
    struct sl_str event, name, data, choice;
    uint64_t calls = 0, chunks = 0;
    bool ended = false, done = false, used = false;

    for (; next_event(&stream, &event); chunks++) {
        size_t pos = 0;

        assert_false(done);
        data = data_of(event, &name);
        assert_int_equal(name.n, 0);
        done = sl_str_eq(data, SL_STR("[DONE]"));
        if (done)
            break;
        assert_false(used);
        used = sl_json_type_of(sl_json_get(data, SL_STR("usage"))) == SL_JSON_OBJECT;
        assert_true(!used || usage);
        assert_word(data, "object", ep == SL_EP_CHAT ? "chat.completion.chunk" : "text_completion");
        if (!sl_json_next(sl_json_get(data, SL_STR("choices")), &pos, &choice)) {
            assert_true(used && ended);
            continue;
        }
        if (ended) /* another choice begins */
            calls = 0;
        if (ep == SL_EP_CHAT && (chunks == 0 || ended))
            assert_word(sl_json_get(choice, SL_STR("delta")), "role", "assistant");
        check_piece(choice, "text");
        check_piece(sl_json_get(choice, SL_STR("delta")), "content");
        check_calls(sl_json_get(choice, SL_STR("delta")), &calls);
        ended = word_of(choice, "finish_reason").n > 0;
    }
    assert_true(ended && done);
    assert_int_equal(stream.n, 0);
}

/* Numbers without gaps; ids and indices; every item done. */
static void check_responses(struct sl_str stream)
{
    struct sl_str event, name, data, item = {NULL, 0}, id = {"", 0};
    uint64_t sequence = 0, output = 0;
    bool over = false;

    while (next_event(&stream, &event)) {
        assert_false(over);
        data = data_of(event, &name);
        assert_true(sl_str_eq(word_of(data, "type"), name));
        assert_int_equal(number_of(data, "sequence_number"), sequence);
        if (sequence++ < 2) {
            struct sl_str r = sl_json_get(data, SL_STR("response"));

            assert_word(data, "type", sequence == 1 ? "response.created" : "response.in_progress");
            assert_word(r, "status", "in_progress");
            assert_true(sl_str_eq(sl_json_get(r, SL_STR("output")), SL_STR("[]")));
            continue;
        }
        over = sl_json_get(data, SL_STR("response")).p != NULL;
        if (over) {
            assert_null(item.p);
            continue;
        }
        assert_int_equal(number_of(data, "output_index"), output);
        if (item.p == NULL) {
            assert_word(data, "type", "response.output_item.added");
            item = sl_json_get(data, SL_STR("item"));
            id = word_of(item, "id");
            assert_true(id.n > 0);
        } else if (sl_str_eq(name, SL_STR("response.output_item.done"))) {
            assert_true(sl_str_eq(word_of(sl_json_get(data, SL_STR("item")), "id"), id));
            item.p = NULL;
            output++;
        } else {
            assert_true(sl_str_eq(word_of(data, "item_id"), id));
            check_piece(data, "delta");
        }
    }
    assert_true(over);
    assert_int_equal(stream.n, 0);
}

/* The relay's own reader sees the same stop reason and usage as in the plain answer. */
static void check_meter(enum sl_endpoint ep, struct sl_str stream, struct sl_str plain)
{
    const struct sl_dialect *d = sl_endpoint_dialect(ep);
    enum sl_event_kind last = SL_EV_OTHER;
    struct sl_usage u, want;
    struct sl_answer_tap tap;
    struct sl_str event;

    sl_usage_init(&u);
    sl_usage_init(&want);
    sl_answer_tap_init(&tap, &want);
    sl_answer_tap_feed(&tap, plain);
    assert_true(sl_answer_tap_finish(&tap));
    sl_answer_tap_fini(&tap);
    while (next_event(&stream, &event)) {
        last = d->event(ep, event, &u);
        assert_true(last != SL_EV_ERROR);
    }
    assert_int_equal(last, SL_EV_FINAL);
    assert_true(d->is_whole(ep, &u));
    /* of a plain answer, long choices are not read, and of an incomplete one the cause */
    if (want.stop[0] != '\0' && strcmp(want.stop, "incomplete") != 0)
        assert_string_equal(u.stop, want.stop);
    assert_true(u.in == want.in && u.out == want.out && u.cache_read == want.cache_read);
}

static void check(enum sl_endpoint ep, struct sl_str plain)
{
    struct sl_str stream, back;

    assert_int_equal(sl_unfold(ep, plain, true, &arena, &stream), SL_OK);
    if (ep == SL_EP_MESSAGES)
        check_messages(stream);
    else if (ep == SL_EP_RESPONSES)
        check_responses(stream);
    else
        check_chunks(stream, ep, true);
    back = fold_all(ep, stream);
    if (back.p == NULL)
        fail_msg("not whole: %.*s", SL_STR_ARGS(stream));
    assert_json(back, plain);
    check_meter(ep, stream, plain);
}

/* --- Byte for byte ------------------------------------------------------------------------ */

#define EV(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"

static const struct {
    enum sl_endpoint ep;
    bool usage;
    const char *plain, *stream;
} known[] = {
    {SL_EP_MESSAGES, false,
     "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\n "
     "\"content\":[{\"type\":\"text\",\"text\":\"Hi\","
     "\"citations\":null},{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{\"a\":"
     "\n\"\\n\"}}],"
     "\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\"output_"
     "tokens\":7}}",
     EV("message_start",
        ",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],"
        "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,"
        "\"output_tokens\":1}}") EV("content_block_start",
                                    ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":"
                                    "\"\",\"citations\":null}")
         EV("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
                                   "\"Hi\"}") EV("content_block_stop", ",\"index\":0")
             EV("content_block_start",
                ",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\","
                "\"input\":{}}") EV("content_block_delta", ",\"index\":1,\"delta\":{\"type\":"
                                                           "\"input_json_delta\",\"partial_json\":"
                                                           "\"{\\\"a\\\":\\\"\\\\n\\\"}\"}")
                 EV("content_block_stop", ",\"index\":1") EV(
                     "message_delta",
                     ",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":"
                     "{\"input_tokens\":9,\"output_tokens\":7}") EV("message_stop", "")},
    {SL_EP_CHAT, true,
     "{\"id\":\"c\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
     "\"assistant\","
     "\"content\":\"Hi\",\"tool_calls\":[{\"id\":\"t\",\"type\":\"function\",\"function\":{"
     "\"name\":\"n\","
     "\"arguments\":\"{}\"}}]},\"logprobs\":null,\"finish_reason\":\"tool_calls\"}],\"x\":[1],"
     "\"usage\":{\"total_tokens\":3}}",
     "data: "
     "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"x\":[1],\"choices\":[{\"index\":0,"
     "\"delta\":{"
     "\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}],"
     "\"usage\":null}\n\n"
     "data: "
     "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{"
     "\"content\":\"Hi\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n"
     "data: "
     "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{"
     "\"tool_calls\":[{\"index\":0,\"id\":\"t\",\"type\":\"function\",\"function\":{\"name\":\"n\","
     "\"arguments\":\"\"}}]},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n"
     "data: "
     "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{"
     "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]},\"logprobs\":null,"
     "\"finish_reason\":null}],\"usage\":null}\n\n"
     "data: "
     "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},"
     "\"logprobs\":null,\"finish_reason\":\"tool_calls\"}],\"usage\":null}\n\n"
     "data: "
     "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"total_"
     "tokens\":3}}\n\n"
     "data: [DONE]\n\n"},
    {SL_EP_COMPLETIONS, false,
     "{\"object\":\"text_completion\",\"choices\":[{\"text\":\"Hi\",\"index\":0,\"logprobs\":{"
     "\"tokens\":[\"Hi\"]},"
     "\"finish_reason\":\"stop\"}],\"usage\":{\"total_tokens\":3}}",
     "data: "
     "{\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\"Hi\",\"logprobs\":null,"
     "\"finish_reason\":null}]}\n\n"
     "data: "
     "{\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\"\",\"logprobs\":{"
     "\"tokens\":"
     "[\"Hi\"]},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"},
    {SL_EP_RESPONSES, false,
     "{\"id\":\"r\",\"status\":\"completed\",\"completed_at\":5,\"output\":[{\"type\":\"message\","
     "\"id\":\"m\","
     "\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\","
     "\"text\":\"Hi\","
     "\"annotations\":[{\"a\":1}]}]}],\"usage\":{\"output_tokens\":1},\"output_text\":\"Hi\"}",
     EV("response.created",
        ",\"sequence_number\":0,\"response\":{\"id\":\"r\",\"status\":\"in_progress\","
        "\"completed_at\":null,\"output\":[],\"usage\":null}")
         EV("response.in_progress",
            ",\"sequence_number\":1,\"response\":{\"id\":\"r\",\"status\":\"in_progress\","
            "\"completed_at\":null,\"output\":[],\"usage\":null}")
             EV("response.output_item.added",
                ",\"sequence_number\":2,\"output_index\":0,\"item\":{\"type\":\"message\","
                "\"id\":\"m\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}")
                 EV("response.content_part.added",
                    ",\"sequence_number\":3,\"item_id\":\"m\",\"output_index\":0,"
                    "\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\","
                    "\"annotations\":[]}")
                     EV("response.output_text.delta",
                        ",\"sequence_number\":4,\"item_id\":\"m\",\"output_index\":0,"
                        "\"content_index\":0,\"delta\":\"Hi\",\"logprobs\":[]")
                         EV("response.output_text.annotation.added",
                            ",\"sequence_number\":5,\"item_id\":\"m\",\"output_index\":0,"
                            "\"content_index\":0,\"annotation_index\":0,\"annotation\":{\"a\":1}")
                             EV("response.output_text.done",
                                ",\"sequence_number\":6,\"item_id\":\"m\",\"output_index\":0,"
                                "\"content_index\":0,\"text\":\"Hi\",\"logprobs\":[]")
                                 EV("response.content_part.done",
                                    ",\"sequence_number\":7,\"item_id\":\"m\",\"output_index\":0,"
                                    "\"content_index\":0,\"part\":{\"type\":\"output_text\","
                                    "\"text\":\"Hi\","
                                    "\"annotations\":[{\"a\":1}]}")
                                     EV("response.output_item.done",
                                        ",\"sequence_number\":8,\"output_index\":0,\"item\":{"
                                        "\"type\":\"message\","
                                        "\"id\":\"m\",\"status\":\"completed\",\"role\":"
                                        "\"assistant\",\"content\":["
                                        "{\"type\":\"output_text\",\"text\":\"Hi\",\"annotations\":"
                                        "[{\"a\":1}]}]}")
                                         EV("response.completed",
                                            ",\"sequence_number\":9,\"response\":{\"id\":\"r\","
                                            "\"status\":\"completed\","
                                            "\"completed_at\":5,\"output\":[{\"type\":\"message\","
                                            "\"id\":\"m\",\"status\":"
                                            "\"completed\",\"role\":\"assistant\",\"content\":[{"
                                            "\"type\":\"output_text\",\"text\":"
                                            "\"Hi\",\"annotations\":[{\"a\":1}]}]}],\"usage\":{"
                                            "\"output_tokens\":1},"
                                            "\"output_text\":\"Hi\"}")},
};

static void test_known(void **state)
{
    struct sl_str out;

    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        assert_int_equal(
            sl_unfold(known[i].ep, sl_str_of(known[i].plain), known[i].usage, &arena, &out), SL_OK);
        if (!sl_str_eq(out, sl_str_of(known[i].stream)))
            fail_msg("got\n%.*s\nwant\n%s", SL_STR_ARGS(out), known[i].stream);
        check(known[i].ep, sl_str_of(known[i].plain));
    }
}

/* --- Rich answers, there and back --------------------------------------------------------- */

#define MESSAGE(content, reason, more)                                                             \
    "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\",\"content\":"   \
    "[" content "],"                                                                               \
    "\"stop_reason\":\"" reason "\",\"stop_sequence\":null" more                                   \
    ",\"usage\":{\"input_tokens\":12,"                                                             \
    "\"output_tokens\":5,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":3,"         \
    "\"cache_creation\":{\"ephemeral_5m_input_tokens\":0},\"server_tool_use\":null,\"speed\":"     \
    "null}}"
#define CHAT(message, more)                                                                        \
    "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":17,\"model\":\"g\",\"choices\":[{"   \
    "\"index\":0,"                                                                                 \
    "\"message\":" message ",\"finish_reason\":\"stop\"" more "}],\"usage\":{\"prompt_tokens\":6," \
    "\"completion_tokens\":2},\"service_tier\":\"default\",\"system_fingerprint\":null}"
#define RESPONSE(output)                                                                           \
    "{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":17,\"status\":\"completed\","       \
    "\"error\":null,"                                                                              \
    "\"incomplete_details\":null,\"model\":\"g\",\"output\":[" output                              \
    "],\"tools\":[{\"type\":\"function\"}],"                                                       \
    "\"usage\":{\"input_tokens\":10,\"input_tokens_details\":{\"cached_tokens\":2},\"output_"      \
    "tokens\":4}}"

static const struct {
    enum sl_endpoint ep;
    const char *plain;
} rich[] = {
    {SL_EP_MESSAGES, MESSAGE("", "end_turn", "")},
    {SL_EP_MESSAGES, MESSAGE("{\"type\":\"text\",\"text\":\"\"}", "end_turn",
                             ",\"stop_details\":null,\"container\":null")},
    {SL_EP_MESSAGES, MESSAGE("{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"EqQB\"},{"
                             "\"type\":\"redacted_thinking\",\"data\":\"x\"},"
                             "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"only\"},{"
                             "\"type\":\"thinking\",\"thinking\":\"a\"},"
                             "{\"type\":\"text\",\"text\":\"x\",\"citations\":[{\"type\":\"char_"
                             "location\",\"n\":[1,{}]},{\"b\":\"\\n\"}]},"
                             "{\"type\":\"text\",\"text\":\"y\",\"citations\":[]}",
                             "stop_sequence",
                             ",\"stop_details\":{\"a\":1},\"container\":{\"id\":\"c\"},\"context_"
                             "management\":{\"e\":[]}")},
    {SL_EP_MESSAGES, MESSAGE("{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{},"
                             "\"caller\":{\"type\":\"direct\"}},"
                             "{\"type\":\"tool_use\",\"id\":\"u\",\"name\":\"n\",\"input\":{\"a\":{"
                             "\"b\":[1.50,\"\\\"\\\\\\u00e9\\ud83d\\ude00\"]}}},"
                             "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"w\",\"input\":{"
                             "\"q\":\"\xc3\xa4\"}},"
                             "{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\","
                             "\"content\":[{\"url\":\"u\"}]},"
                             "{\"type\":\"mcp_tool_use\",\"input\":{\"k\":null}},{\"type\":"
                             "\"compaction\",\"content\":\"sum\"},"
                             "{\"type\":\"compaction\",\"content\":null},{\"type\":\"of_tomorrow\","
                             "\"input\":[1],\"text\":\"t\"},"
                             "{\"type\":\"tool_use\",\"input\":\"no object\"}",
                             "tool_use", "")},
    {SL_EP_CHAT, CHAT("{\"role\":\"assistant\",\"content\":null}", "")},
    {SL_EP_CHAT,
     CHAT("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null,\"annotations\":[]}",
          ",\"logprobs\":null")},
    {SL_EP_CHAT, CHAT("{\"role\":\"assistant\",\"content\":\"a\",\"refusal\":\"b\",\"annotations\":"
                      "[{\"type\":\"url_citation\"},{}],"
                      "\"reasoning\":\"r\",\"reasoning_content\":\"s\",\"reasoning_details\":[{"
                      "\"type\":\"reasoning.text\",\"text\":\"t\","
                      "\"index\":0,\"signature\":null,\"id\":null},{\"type\":\"reasoning.text\","
                      "\"index\":0,\"text\":\"u\"},{\"data\":\"x\"}],"
                      "\"audio\":{\"id\":\"a\",\"data\":\"QQ==\",\"expires_at\":5},\"flag\":true,"
                      "\"count\":0,\"name\":\"n\",\"list\":[[1],2]}",
                      ",\"logprobs\":{\"content\":[{\"token\":\"a\",\"logprob\":-0.10,\"top_"
                      "logprobs\":[]}],\"refusal\":null},"
                      "\"native_finish_reason\":\"END\",\"content_filter_results\":{\"hate\":{"
                      "\"filtered\":false}},\"token_ids\":[1,2]")},
    {SL_EP_CHAT, CHAT("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\","
                      "\"type\":\"function\",\"function\":"
                      "{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\\\"\\\\n\\\"}\"}},{\"id\":\"2\","
                      "\"type\":\"function\",\"function\":{\"name\":\"g\","
                      "\"arguments\":\"\"}},{\"id\":\"3\",\"type\":\"custom\",\"custom\":{\"name\":"
                      "\"h\",\"input\":\"in\"},\"more\":{\"x\":\"y\"}}]}",
                      "")},
    {SL_EP_CHAT, CHAT("{\"role\":\"assistant\",\"content\":null,\"function_call\":{\"name\":\"f\","
                      "\"arguments\":\"{}\"},\"tool_calls\":[]}",
                      "")},
    {SL_EP_CHAT,
     CHAT("{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"parts\"}]}", "")},
    {SL_EP_CHAT,
     "{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
     "\"assistant\",\"content\":\"a\"},"
     "\"finish_reason\":\"stop\"},{\"index\":1,\"message\":{\"role\":\"assistant\",\"content\":"
     "\"b\"},"
     "\"finish_reason\":\"length\",\"logprobs\":null}],\"usage\":null,\"citations\":[\"u\"]}"},
    {SL_EP_COMPLETIONS, "{\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\"\","
                        "\"finish_reason\":\"stop\"}]}"},
    {SL_EP_COMPLETIONS,
     "{\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\"a\",\"logprobs\":{"
     "\"tokens\":[\"a\"],"
     "\"token_logprobs\":[null],\"top_logprobs\":[{\"a\":-1}],\"text_offset\":[0]},\"finish_"
     "reason\":\"stop\","
     "\"stop_reason\":null},{\"index\":1,\"text\":\"b\",\"finish_reason\":\"length\"}]}"},
    {SL_EP_RESPONSES, RESPONSE("")},
    {SL_EP_RESPONSES,
     RESPONSE("{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[{\"type\":\"summary_text\","
              "\"text\":\"one\"},{\"type\":\"summary_text\","
              "\"text\":\"\"}],\"content\":[{\"type\":\"reasoning_text\",\"text\":\"raw\"}],"
              "\"encrypted_content\":\"E\",\"status\":null},"
              "{\"type\":\"message\",\"id\":\"msg\",\"status\":\"completed\",\"role\":"
              "\"assistant\",\"content\":[{\"type\":\"output_text\","
              "\"text\":\"Hi\",\"annotations\":[{\"type\":\"file\"},{}],\"logprobs\":[{\"token\":"
              "\"Hi\"}]},{\"type\":\"refusal\","
              "\"refusal\":\"no\"},{\"type\":\"of_tomorrow\",\"x\":1}]},"
              "{\"type\":\"function_call\",\"id\":\"fc\",\"call_id\":\"call\",\"name\":\"f\","
              "\"arguments\":\"{\\\"a\\\":1}\",\"status\":\"completed\"},"
              "{\"type\":\"custom_tool_call\",\"id\":\"ct\",\"call_id\":\"c2\",\"name\":\"g\","
              "\"input\":\"in\"},"
              "{\"type\":\"web_search_call\",\"id\":\"ws\",\"status\":\"completed\",\"action\":{"
              "\"query\":\"q\"}}")},
    {SL_EP_RESPONSES,
     "{\"id\":\"r\",\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_"
     "tokens\"},\"output\":[],"
     "\"usage\":{\"input_tokens\":1,\"input_tokens_details\":{},\"output_tokens\":1}}"},
};

static void test_rich(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rich); i++)
        check(rich[i].ep, sl_str_of(rich[i].plain));
}

/* Some servers number calls in plain answers too: that is said once, and dropped. Types
 * and roles that are missing are added. */
static void test_made_strict(void **state)
{
    struct sl_str stream;

    (void)state;
    assert_int_equal(
        sl_unfold(
            SL_EP_CHAT,
            SL_STR(
                "{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{"
                "\"content\":"
                "null,\"tool_calls\":[{\"index\":7,\"id\":\"a\",\"function\":{\"name\":\"f\","
                "\"arguments\":{}}},{\"id\":\"b\",\"custom\":{\"name\":\"g\",\"input\":\"i\"}}]},"
                "\"finish_reason\":\"tool_calls\"}]}"),
            true, &arena, &stream),
        SL_OK);
    assert_null(memmem(stream.p, stream.n, "7", 1));
    check_chunks(stream, SL_EP_CHAT, true);
    assert_json(
        fold_all(SL_EP_CHAT, stream),
        SL_STR(
            "{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
            "\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\","
            "\"function\":{\"name\":\"f\",\"arguments\":{}}},{\"id\":\"b\",\"type\":\"custom\","
            "\"custom\":{\"name\":\"g\",\"input\":\"i\"}}]},\"finish_reason\":\"tool_calls\"}]}"));
}

/* Texts around the size of a piece, with every mark at its edge. */
static void test_pieces(void **state)
{
    static const char *const marks[] = {"x",   "\xc3\xa4", "\xe4\xb8\xad",   "\xf0\x9f\x98\x80",
                                        "\\n", "\\u00e9",  "\\ud83d\\ude00", "\\\\"};

    (void)state;
    for (size_t m = 0; m < COUNT(marks); m++) {
        for (size_t fill = SL_FOLD_PIECE - 14; fill < SL_FOLD_PIECE + 3; fill++) {
            struct sl_grow g, text;

            sl_grow_init(&text, 1 << 16);
            for (size_t i = 0; i < fill; i++)
                sl_grow_byte(&text, 'a');
            for (int i = 0; i < 300; i++)
                say(&text, marks[m]);
            sl_grow_init(&g, 1 << 16);
            say(&g, "{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"");
            sl_grow_add(&g, sl_grow_str(&text));
            say(&g, "\"},{\"type\":\"tool_use\",\"input\":{\"a\":\"");
            sl_grow_add(&g, sl_grow_str(&text));
            say(&g, "\"}}],\"stop_reason\":\"tool_use\",\"usage\":{\"output_tokens\":1}}");
            check(SL_EP_MESSAGES, sl_grow_str(&g));
            sl_grow_fini(&g);
            sl_grow_fini(&text);
        }
    }
}

static void test_not_unfolded(void **state)
{
    static const struct {
        enum sl_endpoint ep;
        const char *plain;
    } wrong[] = {
        {SL_EP_MESSAGES, ""},
        {SL_EP_MESSAGES, "[]"},
        {SL_EP_MESSAGES, "{}"},
        {SL_EP_MESSAGES, "{\"content\":[],\"stop_reason\":\"x\"}"},
        {SL_EP_MESSAGES, "{\"content\":[],\"usage\":{\"output_tokens\":1}}"},
        {SL_EP_MESSAGES,
         "{\"content\":[],\"stop_reason\":\"x\",\"usage\":{\"output_tokens\":null}}"},
        {SL_EP_MESSAGES,
         "{\"content\":\"a\",\"stop_reason\":\"x\",\"usage\":{\"output_tokens\":1}}"},
        {SL_EP_MESSAGES,
         "{\"content\":[{}],\"stop_reason\":\"x\",\"usage\":{\"output_tokens\":1}}"},
        {SL_EP_MESSAGES, "{\"content\":[],\"stop_reason\":\"x\",\"usage\":{\"output_tokens\":1}"},
        {SL_EP_CHAT, "{\"choices\":[]}"},
        {SL_EP_CHAT, "{\"choices\":[{\"message\":{}}]}"},
        {SL_EP_CHAT, "{\"choices\":[{\"finish_reason\":\"stop\"}]}"},
        {SL_EP_COMPLETIONS, "{\"choices\":[{\"text\":\"a\",\"finish_reason\":null}]}"},
        {SL_EP_RESPONSES, "{\"status\":\"completed\"}"},
        {SL_EP_RESPONSES, "{\"status\":\"failed\",\"output\":[]}"},
        {SL_EP_RESPONSES, "{\"status\":\"completed\",\"output\":[{\"type\":\"message\"}]}"},
        {SL_EP_RESPONSES, "{\"status\":\"completed\",\"output\":[{\"id\":\"a\"}]}"},
        {SL_EP_EMBEDDINGS, "{\"data\":[]}"},
    };
    struct sl_str out;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (sl_unfold(wrong[i].ep, sl_str_of(wrong[i].plain), false, &arena, &out) !=
            SL_ERR_UP_GARBAGE)
            fail_msg("%s", wrong[i].plain);
}

/* Much framing around little is given up, and no memory is said. */
static void test_limits(void **state)
{
    struct sl_grow g;
    struct sl_str out;

    (void)state;
    sl_grow_init(&g, 1 << 20);
    say(&g, "{\"content\":[{\"type\":\"text\",\"text\":\"\",\"citations\":[1");
    for (int i = 0; i < 100000; i++)
        say(&g, ",1");
    say(&g, "]}],\"stop_reason\":\"x\",\"usage\":{\"output_tokens\":1}}");
    assert_int_equal(sl_unfold(SL_EP_MESSAGES, sl_grow_str(&g), false, &arena, &out),
                     SL_ERR_CEILING);
    sl_grow_fini(&g);
    for (size_t i = 0; i < COUNT(known); i++) {
        uint64_t before = sl_mem_tries(), takes;

        assert_int_equal(sl_unfold(known[i].ep, sl_str_of(known[i].plain), true, &arena, &out),
                         SL_OK);
        takes = sl_mem_tries() - before;
        for (uint64_t at = 1; at <= takes; at++) {
            enum sl_err err;

            sl_mem_fail_at(at);
            err = sl_unfold(known[i].ep, sl_str_of(known[i].plain), true, &arena, &out);
            /* OK: this arena had room left */
            assert_true(err == SL_ERR_NO_MEMORY || (err == SL_OK && at == takes));
        }
        sl_mem_fail_at(0);
    }
}

/* --- At random ---------------------------------------------------------------------------- */

static void random_block(struct sl_grow *g)
{
    switch (dice(7)) {
    case 0:
    case 1:
        say(g, "{\"type\":\"text\",\"text\":");
        random_string(g, dice(8) == 0 ? 2000 : 30);
        if (dice(2) == 0) {
            say(g, ",\"citations\":[");
            for (uint64_t n = dice(3), i = 0; i < n; i++) {
                say(g, i > 0 ? "," : "");
                random_object(g, 2);
            }
            say(g, "]");
        }
        break;
    case 2:
        say(g, "{\"type\":\"thinking\",\"thinking\":");
        random_string(g, 60);
        say(g, ",\"signature\":");
        random_string(g, 3);
        break;
    case 3:
    case 4:
        say(g, dice(2) == 0 ? "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":"
                            : "{\"type\":\"server_tool_use\",\"id\":\"t\",\"input\":");
        if (dice(4) == 0)
            say(g, "{}");
        else
            random_object(g, 5);
        break;
    case 5:
        say(g, "{\"type\":\"redacted_thinking\",\"data\":");
        random_string(g, 5);
        break;
    default:
        say(g, "{\"type\":\"web_fetch_tool_result\",\"content\":");
        random_value(g, 3);
        break;
    }
    maybe(g, ",\"caller\":{\"type\":\"direct\"}");
    say(g, "}");
}

static void random_message(struct sl_grow *g)
{
    say(g, "{\"id\":\"msg\",\"type\":\"message\",\"content\":[");
    for (uint64_t n = dice(6), i = 0; i < n; i++) {
        say(g, i > 0 ? ", " : "");
        random_block(g);
    }
    say(g, "],\"new\":");
    random_value(g, 3);
    say(g, ",\"stop_reason\":\"end_turn\"");
    maybe(g, ",\"stop_sequence\":null");
    maybe(g, ",\"container\":null");
    maybe(g, ",\"stop_details\":{\"a\":[1]}");
    maybe(g, ",\"context_management\":{}");
    say(g, ",\"usage\":{\"output_tokens\":");
    sl_grow_u64(g, dice(100));
    maybe(g, ",\"input_tokens\":5");
    maybe(g, ",\"server_tool_use\":null");
    say(g, "}}");
}

static void random_chat_message(struct sl_grow *g)
{
    say(g, "{\"role\":\"assistant\",\"content\":");
    if (dice(3) == 0)
        say(g, "null");
    else
        random_string(g, dice(8) == 0 ? 2000 : 30);
    if (dice(2) == 0) {
        say(g, ",\"reasoning_content\":");
        random_string(g, 200);
    }
    maybe(g, ",\"refusal\":null");
    maybe(g, ",\"annotations\":[]");
    maybe(g, ",\"reasoning_details\":[{\"index\":0,\"type\":\"a\",\"text\":\"x\"},{\"index\":0}]");
    if (dice(2) == 0) {
        say(g, ",\"tool_calls\":[");
        for (uint64_t n = dice(4), i = 0; i < n; i++) {
            say(g, i > 0 ? ",{\"id\":\"c" : "{\"id\":\"c");
            sl_grow_u64(g, i);
            say(g, "\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":");
            random_string(g, dice(6) == 0 ? 800 : 20);
            say(g, "}}");
        }
        say(g, "]");
    }
    say(g, "}");
}

static void random_chat(struct sl_grow *g, bool chat)
{
    say(g, chat ? "{\"object\":\"chat.completion\",\"choices\":["
                : "{\"object\":\"text_completion\",\"choices\":[");
    for (uint64_t n = 1 + dice(3), i = 0; i < n; i++) {
        say(g, i > 0 ? ",{\"index\":" : "{\"index\":");
        sl_grow_u64(g, i);
        say(g, chat ? ",\"message\":" : ",\"text\":");
        if (chat)
            random_chat_message(g);
        else
            random_string(g, dice(4) == 0 ? 900 : 20);
        maybe(g, ",\"logprobs\":{\"content\":[{\"a\":1},{\"a\":2}],\"refusal\":null}");
        say(g, ",\"native\":");
        random_value(g, 2);
        say(g, ",\"finish_reason\":\"stop\"}");
    }
    say(g, "],\"new\":");
    random_value(g, 3);
    maybe(g, ",\"system_fingerprint\":null");
    say(g, ",\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":");
    sl_grow_u64(g, dice(100));
    say(g, "}}");
}

static void random_part(struct sl_grow *g)
{
    static const char *const parts[] = {
        "{\"type\":\"output_text\",\"text\":", "{\"type\":\"refusal\",\"refusal\":",
        "{\"type\":\"new\",\"text\":"};

    say(g, parts[dice(COUNT(parts))]);
    random_string(g, dice(8) == 0 ? 1000 : 20);
    maybe(g, ",\"annotations\":[{\"a\":1}]");
    maybe(g, ",\"logprobs\":[]");
    say(g, "}");
}

static void random_item(struct sl_grow *g)
{
    switch (dice(4)) {
    case 0:
        say(g, "{\"type\":\"message\",\"id\":\"m\",\"content\":[");
        for (uint64_t n = dice(3), i = 0; i < n; i++) {
            say(g, i > 0 ? "," : "");
            random_part(g);
        }
        say(g, "]");
        break;
    case 1:
        say(g, "{\"type\":\"reasoning\",\"id\":\"r\",\"summary\":[{\"type\":\"summary_text\","
               "\"text\":");
        random_string(g, 50);
        say(g, "}]");
        break;
    case 2:
        say(g, "{\"type\":\"function_call\",\"id\":\"f\",\"call_id\":\"c\",\"name\":\"n\","
               "\"arguments\":");
        random_string(g, dice(4) == 0 ? 600 : 10);
        break;
    default:
        say(g, "{\"type\":\"new\",\"id\":\"n\",\"x\":");
        random_value(g, 3);
        break;
    }
    maybe(g, ",\"status\":\"completed\"");
    say(g, "}");
}

static void random_response(struct sl_grow *g)
{
    say(g, "{\"id\":\"r\",\"status\":\"completed\",\"output\":[");
    for (uint64_t n = dice(5), i = 0; i < n; i++) {
        say(g, i > 0 ? " , " : "");
        random_item(g);
    }
    say(g, "],\"new\":");
    random_value(g, 3);
    say(g, ",\"usage\":{\"input_tokens\":1,\"input_tokens_details\":{},\"output_tokens\":1}}");
}

static void test_random(void **state)
{
    (void)state;
    for (int round = 0; round < 4000; round++) {
        static const enum sl_endpoint eps[] = {SL_EP_MESSAGES, SL_EP_CHAT, SL_EP_COMPLETIONS,
                                               SL_EP_RESPONSES};
        enum sl_endpoint ep = eps[round % 4];
        struct sl_grow g;

        sl_grow_init(&g, 1 << 20);
        if (ep == SL_EP_MESSAGES)
            random_message(&g);
        else if (ep == SL_EP_RESPONSES)
            random_response(&g);
        else
            random_chat(&g, ep == SL_EP_CHAT);
        assert_int_equal(g.err, SL_OK);
        check(ep, sl_grow_str(&g));
        sl_grow_fini(&g);
        sl_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rich, setup, teardown),
        cmocka_unit_test_setup_teardown(test_made_strict, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_unfolded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
