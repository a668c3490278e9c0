/* mock/messages.c -- Anthropic's message, whole and as events.
 * Source: Anthropic API reference, "Messages" and "Streaming Messages". */
#include "mock/answer.h"

#define EV(name) "event: " name "\ndata: {\"type\":\"" name "\""
#define DELTA EV("content_block_delta") ",\"index\":%u,\"delta\":"
#define ZEROES                                                                                     \
    "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"                             \
    "\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},"

static const char *const cities[] = {"Oslo", "Rome"};

static const char *stop_reason(const struct sl_answer *an)
{
    if (an->words.tools > 0)
        return "tool_use";
    if (an->words.refusal)
        return "refusal";
    return an->words.length ? "max_tokens" : "end_turn";
}

static const char *stop_details(const struct sl_answer *an)
{
    return an->words.refusal ? "{\"type\":\"refusal\",\"category\":\"general_harms\","
                               "\"explanation\":null}"
                             : "null";
}

static void build_plain(struct sl_answer *an)
{
    TELL(an,
         "{\"id\":\"msg_%.16s\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"%.*s\","
         "\"content\":[",
         an->id, SL_STR_ARGS(an->model));
    if (an->words.thinking)
        TELL(an, "{\"type\":\"thinking\",\"thinking\":\"Let me think.\","
                 "\"signature\":\"bW9jayBzaWduYXR1cmU=\"},");
    TELL(an, "{\"type\":\"text\",\"text\":\"");
    sl_script_whole(&an->script, an->text);
    TELL(an, "\",\"citations\":null}");
    for (unsigned i = 0; i < an->words.tools; i++)
        TELL(an,
             ",{\"type\":\"tool_use\",\"id\":\"toolu_%.16s%u\",\"name\":\"%.*s\","
             "\"input\":{\"city\":\"%s\"},\"caller\":{\"type\":\"direct\"}}",
             an->id, i, SL_STR_ARGS(an->tool), cities[i % 2]);
    TELL(an,
         "],\"stop_reason\":\"%s\",\"stop_sequence\":null,\"stop_details\":%s,\"container\":null,"
         "\"usage\":{\"input_tokens\":%lu,\"output_tokens\":%lu," ZEROES
         "\"output_tokens_details\":{\"thinking_tokens\":0},\"server_tool_use\":null,"
         "\"service_tier\":\"standard\",\"inference_geo\":null,\"speed\":null}}",
         stop_reason(an), stop_details(an), an->in_tokens, an->out_tokens);
}

static void stream_thinking(struct sl_answer *an, unsigned index)
{
    TELL(an,
         EV("content_block_start") ",\"index\":%u,\"content_block\":{\"type\":\"thinking\","
                                   "\"thinking\":\"\",\"signature\":\"\"}}\n\n",
         index);
    TELL_CONTENT(an, DELTA "{\"type\":\"thinking_delta\",\"thinking\":\"Let me \"}}\n\n", index);
    TELL_CONTENT(an, DELTA "{\"type\":\"thinking_delta\",\"thinking\":\"think.\"}}\n\n", index);
    TELL(an, DELTA "{\"type\":\"signature_delta\",\"signature\":\"bW9jayBzaWduYXR1cmU=\"}}\n\n",
         index);
    TELL(an, EV("content_block_stop") ",\"index\":%u}\n\n", index);
}

static void stream_text(struct sl_answer *an, unsigned index)
{
    struct sl_str before = SAY(an, DELTA "{\"type\":\"text_delta\",\"text\":\"", index);

    TELL(an,
         EV("content_block_start") ",\"index\":%u,\"content_block\":{\"type\":\"text\","
                                   "\"text\":\"\"}}\n\n",
         index);
    TELL(an, EV("ping") "}\n\n");
    sl_script_add(&an->script, (struct sl_run){.before = before,
                                               .has_text = true,
                                               .text = an->text,
                                               .after = SL_STR("\"}}\n\n"),
                                               .content = true});
    TELL(an, EV("content_block_stop") ",\"index\":%u}\n\n", index);
}

static void stream_tool(struct sl_answer *an, unsigned index, unsigned i)
{
    TELL_CONTENT(an,
                 EV("content_block_start") ",\"index\":%u,\"content_block\":{\"type\":\"tool_use\","
                                           "\"id\":\"toolu_%.16s%u\",\"name\":\"%.*s\","
                                           "\"input\":{}}}\n\n",
                 index, an->id, i, SL_STR_ARGS(an->tool));
    TELL_CONTENT(an,
                 DELTA "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"city\\\":\"}}\n\n",
                 index);
    TELL_CONTENT(an, DELTA "{\"type\":\"input_json_delta\",\"partial_json\":\" \\\"%s\\\"}\"}}\n\n",
                 index, cities[i % 2]);
    TELL(an, EV("content_block_stop") ",\"index\":%u}\n\n", index);
}

static void build_stream(struct sl_answer *an)
{
    unsigned index = 0;

    TELL(an,
         EV("message_start") ",\"message\":{\"id\":\"msg_%.16s\",\"type\":\"message\","
                             "\"role\":\"assistant\",\"model\":\"%.*s\",\"content\":[],"
                             "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{"
                             "\"input_tokens\":%lu," ZEROES "\"output_tokens\":1}}}\n\n",
         an->id, SL_STR_ARGS(an->model), an->in_tokens);
    if (an->words.thinking)
        stream_thinking(an, index++);
    stream_text(an, index++);
    for (unsigned i = 0; i < an->words.tools; i++)
        stream_tool(an, index++, i);
    if (an->words.nofinal)
        return;
    TELL(an,
         EV("message_delta") ",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null,"
                             "\"stop_details\":%s},\"usage\":{\"input_tokens\":%lu,"
                             "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
                             "\"output_tokens\":%lu}}\n\n",
         stop_reason(an), stop_details(an), an->in_tokens, an->out_tokens);
    TELL(an, EV("message_stop") "}\n\n");
}

void sl_messages_build(struct sl_answer *an, const struct sl_ask *ask)
{
    (void)ask;
    if (an->stream)
        build_stream(an);
    else
        build_plain(an);
}
