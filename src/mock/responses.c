/* mock/responses.c -- OpenAI's Responses API, whole and as numbered events.
 * Source: OpenAI API reference, "Responses" and "Streaming events". */
#include "mock/answer.h"

#define EV(name) "event: response." name "\ndata: {\"type\":\"response." name "\""
/* Every event ends with its number; the script writes the digits. */
#define NUMBER ",\"sequence_number\":"
#define ARGS_OF(city) "{\\\"city\\\":\\\"" city "\\\"}"

static const char *const arguments[] = {ARGS_OF("Oslo"), ARGS_OF("Rome")};

/* One ready event without its number. */
static void event(struct sl_answer *an, bool content, struct sl_str ready)
{
    sl_script_add(&an->script, (struct sl_run){.before = ready,
                                               .numbered = true,
                                               .after = SL_STR("}\n\n"),
                                               .content = content});
}
#define EVENT(an, content, ...) event((an), (content), SAY((an), __VA_ARGS__))

static struct sl_str part_open(struct sl_answer *an)
{
    return an->words.refusal ? SL_STR("{\"type\":\"refusal\",\"refusal\":\"")
                             : SL_STR("{\"type\":\"output_text\",\"text\":\"");
}

static struct sl_str part_shut(struct sl_answer *an)
{
    return an->words.refusal ? SL_STR("\"}") : SL_STR("\",\"annotations\":[],\"logprobs\":[]}");
}

/* Pieces that together hold the message's only part. */
static void tell_part(struct sl_answer *an)
{
    sl_script_text(&an->script, part_open(an));
    sl_script_whole(&an->script, an->text);
    sl_script_text(&an->script, part_shut(an));
}

static void tell_message(struct sl_answer *an)
{
    TELL(an,
         "{\"type\":\"message\",\"id\":\"msg_%.16s\",\"status\":\"completed\","
         "\"role\":\"assistant\",\"content\":[",
         an->id);
    tell_part(an);
    TELL(an, "]}");
}

static struct sl_str reasoning_item(struct sl_answer *an)
{
    return SAY(an,
               "{\"type\":\"reasoning\",\"id\":\"rs_%.16s\",\"summary\":"
               "[{\"type\":\"summary_text\",\"text\":\"Let me think.\"}]}",
               an->id);
}

static struct sl_str call_item(struct sl_answer *an, unsigned i, bool done)
{
    return SAY(an,
               "{\"type\":\"function_call\",\"id\":\"fc_%.16s%u\",\"call_id\":\"call_%.16s%u\","
               "\"name\":\"%.*s\",\"arguments\":\"%s\",\"status\":\"%s\"}",
               an->id, i, an->id, i, SL_STR_ARGS(an->tool), done ? arguments[i % 2] : "",
               done ? "completed" : "in_progress");
}

/* A response object as runs: everything up to `output`, the items, the rest. */
static void tell_response(struct sl_answer *an)
{
    struct sl_str item;

    TELL(an,
         "{\"id\":\"resp_%.16s\",\"object\":\"response\",\"created_at\":" SL_ANSWER_CREATED
         ",\"completed_at\":" SL_ANSWER_CREATED ",\"status\":\"%s\",\"error\":null,"
         "\"incomplete_details\":%s,\"instructions\":null,\"max_output_tokens\":null,"
         "\"model\":\"%.*s\",\"output\":[",
         an->id, an->words.length ? "incomplete" : "completed",
         an->words.length ? "{\"reason\":\"max_output_tokens\"}" : "null", SL_STR_ARGS(an->model));
    if (an->words.thinking) {
        item = reasoning_item(an);
        TELL(an, "%.*s,", SL_STR_ARGS(item));
    }
    tell_message(an);
    for (unsigned i = 0; i < an->words.tools; i++) {
        item = call_item(an, i, true);
        TELL(an, ",%.*s", SL_STR_ARGS(item));
    }
    TELL(an,
         "],\"parallel_tool_calls\":true,\"previous_response_id\":null,"
         "\"reasoning\":{\"effort\":null,\"summary\":null},\"store\":false,\"temperature\":1,"
         "\"text\":{\"format\":{\"type\":\"text\"}},\"tool_choice\":\"auto\",\"tools\":[],"
         "\"top_p\":1,\"truncation\":\"disabled\",\"usage\":{\"input_tokens\":%lu,"
         "\"input_tokens_details\":{\"cached_tokens\":0,\"cache_write_tokens\":0},"
         "\"output_tokens\":%lu,\"output_tokens_details\":{\"reasoning_tokens\":0},"
         "\"total_tokens\":%lu},\"user\":null,\"metadata\":{}}",
         an->in_tokens, an->out_tokens, an->in_tokens + an->out_tokens);
}

static void stream_begin(struct sl_answer *an)
{
    struct sl_str r = SAY(an,
                          "{\"id\":\"resp_%.16s\",\"object\":\"response\","
                          "\"created_at\":" SL_ANSWER_CREATED ",\"status\":\"in_progress\","
                          "\"error\":null,\"incomplete_details\":null,\"instructions\":null,"
                          "\"model\":\"%.*s\",\"output\":[],\"parallel_tool_calls\":true,"
                          "\"temperature\":1,\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":1,"
                          "\"metadata\":{},\"usage\":null}",
                          an->id, SL_STR_ARGS(an->model));

    EVENT(an, false, EV("created") ",\"response\":%.*s" NUMBER, SL_STR_ARGS(r));
    EVENT(an, false, EV("in_progress") ",\"response\":%.*s" NUMBER, SL_STR_ARGS(r));
}

static void stream_reasoning(struct sl_answer *an, unsigned index)
{
    struct sl_str item = reasoning_item(an);
    struct sl_str where = SAY(an,
                              ",\"item_id\":\"rs_%.16s\",\"output_index\":%u,"
                              "\"summary_index\":0",
                              an->id, index);

    EVENT(an, false,
          EV("output_item.added") ",\"output_index\":%u,\"item\":{\"type\":\"reasoning\","
                                  "\"id\":\"rs_%.16s\",\"summary\":[]}" NUMBER,
          index, an->id);
    EVENT(an, false,
          EV("reasoning_summary_part.added") "%.*s,\"part\":{\"type\":\"summary_text\","
                                             "\"text\":\"\"}" NUMBER,
          SL_STR_ARGS(where));
    EVENT(an, true, EV("reasoning_summary_text.delta") "%.*s,\"delta\":\"Let me think.\"" NUMBER,
          SL_STR_ARGS(where));
    EVENT(an, false, EV("reasoning_summary_text.done") "%.*s,\"text\":\"Let me think.\"" NUMBER,
          SL_STR_ARGS(where));
    EVENT(an, false,
          EV("reasoning_summary_part.done") "%.*s,\"part\":{\"type\":\"summary_text\","
                                            "\"text\":\"Let me think.\"}" NUMBER,
          SL_STR_ARGS(where));
    EVENT(an, false, EV("output_item.done") ",\"output_index\":%u,\"item\":%.*s" NUMBER, index,
          SL_STR_ARGS(item));
}

/* The last three events of a text repeat it whole. */
static void stream_text_end(struct sl_answer *an, unsigned index, struct sl_str where)
{
    bool refusal = an->words.refusal > 0;

    TELL(an, "event: response.%s.done\ndata: {\"type\":\"response.%s.done\"%.*s,\"%s\":\"",
         refusal ? "refusal" : "output_text", refusal ? "refusal" : "output_text",
         SL_STR_ARGS(where), refusal ? "refusal" : "text");
    sl_script_whole(&an->script, an->text);
    EVENT(an, false, "\"%s" NUMBER, refusal ? "" : ",\"logprobs\":[]");
    TELL(an, EV("content_part.done") "%.*s,\"part\":", SL_STR_ARGS(where));
    tell_part(an);
    EVENT(an, false, NUMBER);
    TELL(an, EV("output_item.done") ",\"output_index\":%u,\"item\":", index);
    tell_message(an);
    EVENT(an, false, NUMBER);
}

static void stream_text(struct sl_answer *an, unsigned index)
{
    const char *kind = an->words.refusal ? "refusal" : "output_text";
    struct sl_str open = part_open(an), shut = part_shut(an);
    struct sl_str where = SAY(an,
                              ",\"item_id\":\"msg_%.16s\",\"output_index\":%u,"
                              "\"content_index\":0",
                              an->id, index);

    EVENT(an, false,
          EV("output_item.added") ",\"output_index\":%u,\"item\":{\"type\":\"message\","
                                  "\"id\":\"msg_%.16s\",\"status\":\"in_progress\","
                                  "\"role\":\"assistant\",\"content\":[]}" NUMBER,
          index, an->id);
    EVENT(an, false, EV("content_part.added") "%.*s,\"part\":%.*s%.*s" NUMBER, SL_STR_ARGS(where),
          SL_STR_ARGS(open), SL_STR_ARGS(shut));
    sl_script_add(&an->script,
                  (struct sl_run){.before = SAY(an,
                                                "event: response.%s.delta\ndata: {\"type\":"
                                                "\"response.%s.delta\"%.*s%s,\"delta\":\"",
                                                kind, kind, SL_STR_ARGS(where),
                                                an->words.refusal ? "" : ",\"logprobs\":[]"),
                                  .has_text = true,
                                  .text = an->text,
                                  .middle = SL_STR("\"" NUMBER),
                                  .numbered = true,
                                  .after = SL_STR("}\n\n"),
                                  .content = true});
    stream_text_end(an, index, where);
}

static void stream_call(struct sl_answer *an, unsigned index, unsigned i)
{
    struct sl_str item = call_item(an, i, false), done = call_item(an, i, true);
    struct sl_str where =
        SAY(an, ",\"item_id\":\"fc_%.16s%u\",\"output_index\":%u", an->id, i, index);

    EVENT(an, false, EV("output_item.added") ",\"output_index\":%u,\"item\":%.*s" NUMBER, index,
          SL_STR_ARGS(item));
    EVENT(an, true, EV("function_call_arguments.delta") "%.*s,\"delta\":\"%s\"" NUMBER,
          SL_STR_ARGS(where), arguments[i % 2]);
    EVENT(an, false, EV("function_call_arguments.done") "%.*s,\"arguments\":\"%s\"" NUMBER,
          SL_STR_ARGS(where), arguments[i % 2]);
    EVENT(an, false, EV("output_item.done") ",\"output_index\":%u,\"item\":%.*s" NUMBER, index,
          SL_STR_ARGS(done));
}

static void build_stream(struct sl_answer *an)
{
    const char *end = an->words.length ? "incomplete" : "completed";
    unsigned index = 0;

    stream_begin(an);
    if (an->words.thinking)
        stream_reasoning(an, index++);
    stream_text(an, index++);
    for (unsigned i = 0; i < an->words.tools; i++)
        stream_call(an, index++, i);
    if (an->words.nofinal)
        return;
    TELL(an, "event: response.%s\ndata: {\"type\":\"response.%s\",\"response\":", end, end);
    tell_response(an);
    EVENT(an, false, NUMBER);
}

void sl_responses_build(struct sl_answer *an, const struct sl_ask *ask)
{
    (void)ask;
    if (an->words.tools > 4)
        an->words.tools = 4;
    if (an->stream)
        build_stream(an);
    else
        tell_response(an);
}
