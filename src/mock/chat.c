/* mock/chat.c -- OpenAI's chat and text completions, whole and as chunks.
 * Source: OpenAI API reference, "Chat" and "Completions". */
#include "mock/answer.h"

static const char *const cities[] = {"Oslo", "Rome"};

static const char *finish_reason(const struct sl_answer *an)
{
    if (an->words.tools > 0)
        return "tool_calls";
    return an->words.length ? "length" : "stop";
}

static struct sl_str usage_of(struct sl_answer *an)
{
    return SAY(an,
               "{\"prompt_tokens\":%lu,\"completion_tokens\":%lu,\"total_tokens\":%lu,"
               "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
               "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,"
               "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
               an->in_tokens, an->out_tokens, an->in_tokens + an->out_tokens);
}

/* The answer's text stands in `content`, or in `refusal` where it is one. */
static void plain_message(struct sl_answer *an)
{
    TELL(an, "\"message\":{\"role\":\"assistant\",");
    if (an->words.thinking)
        TELL(an, "\"reasoning_content\":\"Let me think.\",");
    TELL(an,
         an->words.refusal ? "\"content\":null,\"refusal\":\"" : "\"refusal\":null,\"content\":\"");
    sl_script_whole(&an->script, an->text);
    TELL(an, "\",\"annotations\":[]");
    for (unsigned i = 0; i < an->words.tools; i++)
        TELL(an,
             "%s{\"id\":\"call_%.16s%u\",\"type\":\"function\",\"function\":{\"name\":\"%.*s\","
             "\"arguments\":\"{\\\"city\\\":\\\"%s\\\"}\"}}%s",
             i == 0 ? ",\"tool_calls\":[" : ",", an->id, i, SL_STR_ARGS(an->tool), cities[i % 2],
             i + 1 == an->words.tools ? "]" : "");
}

static void build_plain(struct sl_answer *an)
{
    struct sl_str usage = usage_of(an);

    TELL(an,
         "{\"id\":\"chatcmpl-%.16s\",\"object\":\"chat.completion\",\"created\":" SL_ANSWER_CREATED
         ",\"model\":\"%.*s\",\"choices\":[{\"index\":0,",
         an->id, SL_STR_ARGS(an->model));
    plain_message(an);
    TELL(an,
         "},\"logprobs\":null,\"finish_reason\":\"%s\"}],\"usage\":%.*s,"
         "\"service_tier\":\"default\",\"system_fingerprint\":null}",
         finish_reason(an), SL_STR_ARGS(usage));
}

/* Every chunk is `open`, its delta, `shut`. */
struct frame {
    struct sl_str open;
    struct sl_str shut;
};

static void delta(struct sl_answer *an, const struct frame *f, bool content, struct sl_str d)
{
    struct sl_str whole =
        SAY(an, "%.*s%.*s%.*s", SL_STR_ARGS(f->open), SL_STR_ARGS(d), SL_STR_ARGS(f->shut));

    if (content)
        sl_script_event(&an->script, whole);
    else
        sl_script_text(&an->script, whole);
}

/* Heads of all calls first, then their arguments in turn: clients must sort
 * pieces by index. */
static void stream_tools(struct sl_answer *an, const struct frame *f)
{
    for (unsigned i = 0; i < an->words.tools; i++)
        delta(an, f, true,
              SAY(an,
                  "{\"tool_calls\":[{\"index\":%u,\"id\":\"call_%.16s%u\",\"type\":\"function\","
                  "\"function\":{\"name\":\"%.*s\",\"arguments\":\"\"}}]}",
                  i, an->id, i, SL_STR_ARGS(an->tool)));
    for (unsigned i = 0; i < an->words.tools; i++)
        delta(an, f, true,
              SAY(an,
                  "{\"tool_calls\":[{\"index\":%u,\"function\":{\"arguments\":"
                  "\"{\\\"city\\\":\"}}]}",
                  i));
    for (unsigned i = 0; i < an->words.tools; i++)
        delta(an, f, true,
              SAY(an,
                  "{\"tool_calls\":[{\"index\":%u,\"function\":{\"arguments\":"
                  "\"\\\"%s\\\"}\"}}]}",
                  i, cities[i % 2]));
}

static void stream_end(struct sl_answer *an, const struct sl_ask *ask, struct sl_str last,
                       struct sl_str common)
{
    if (an->words.nofinal)
        return;
    sl_script_text(&an->script, last);
    if (ask->include_usage) {
        struct sl_str usage = usage_of(an);
        TELL(an, "%.*s\"choices\":[],\"usage\":%.*s}\n\n", SL_STR_ARGS(common), SL_STR_ARGS(usage));
    }
    TELL(an, "data: [DONE]\n\n");
}

static void build_stream(struct sl_answer *an, const struct sl_ask *ask)
{
    const char *tail = ask->include_usage ? ",\"usage\":null}\n\n" : "}\n\n";
    struct sl_str common =
        SAY(an,
            "data: {\"id\":\"chatcmpl-%.16s\",\"object\":\"chat.completion.chunk\","
            "\"created\":" SL_ANSWER_CREATED ",\"model\":\"%.*s\",",
            an->id, SL_STR_ARGS(an->model));
    struct frame f = {SAY(an, "%.*s\"choices\":[{\"index\":0,\"delta\":", SL_STR_ARGS(common)),
                      SAY(an, ",\"logprobs\":null,\"finish_reason\":null}]%s", tail)};
    struct sl_run text = {.before = SAY(an, "%.*s{\"%s\":\"", SL_STR_ARGS(f.open),
                                        an->words.refusal ? "refusal" : "content"),
                          .has_text = true,
                          .text = an->text,
                          .after = SAY(an, "\"}%.*s", SL_STR_ARGS(f.shut)),
                          .content = true};

    delta(an, &f, false, SL_STR("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}"));
    if (an->words.thinking) {
        delta(an, &f, true, SL_STR("{\"reasoning_content\":\"Let me \"}"));
        delta(an, &f, true, SL_STR("{\"reasoning_content\":\"think.\"}"));
    }
    sl_script_add(&an->script, text);
    stream_tools(an, &f);
    stream_end(an, ask,
               SAY(an, "%.*s{},\"logprobs\":null,\"finish_reason\":\"%s\"}]%s", SL_STR_ARGS(f.open),
                   finish_reason(an), tail),
               common);
}

void sl_chat_build(struct sl_answer *an, const struct sl_ask *ask)
{
    if (an->stream)
        build_stream(an, ask);
    else
        build_plain(an);
}

void sl_completions_build(struct sl_answer *an, const struct sl_ask *ask)
{
    const char *tail = ask->include_usage && an->stream ? ",\"usage\":null}\n\n" : "}\n\n";
    struct sl_str common =
        SAY(an,
            "%s{\"id\":\"cmpl-%.16s\",\"object\":\"text_completion\",\"created\":" SL_ANSWER_CREATED
            ",\"model\":\"%.*s\",",
            an->stream ? "data: " : "", an->id, SL_STR_ARGS(an->model));
    struct sl_str open = SAY(an, "%.*s\"choices\":[{\"index\":0,\"text\":\"", SL_STR_ARGS(common));

    an->words.tools = 0;
    if (!an->stream) {
        struct sl_str usage = usage_of(an);
        sl_script_text(&an->script, open);
        sl_script_whole(&an->script, an->text);
        TELL(an, "\",\"logprobs\":null,\"finish_reason\":\"%s\"}],\"usage\":%.*s}",
             finish_reason(an), SL_STR_ARGS(usage));
        return;
    }
    sl_script_add(
        &an->script,
        (struct sl_run){.before = open,
                        .has_text = true,
                        .text = an->text,
                        .after = SAY(an, "\",\"logprobs\":null,\"finish_reason\":null}]%s", tail),
                        .content = true});
    stream_end(an, ask,
               SAY(an, "%.*s\",\"logprobs\":null,\"finish_reason\":\"%s\"}]%s", SL_STR_ARGS(open),
                   finish_reason(an), tail),
               common);
}
