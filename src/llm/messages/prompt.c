/* llm/messages/prompt.c -- the prompt API's adapter: as llm/prompt.h filled it, and its answer.
 * It is a client's dialect only, and has no streams. */
#include "llm/messages/anthropic.h"

static void add_text(struct sl_neutral_ask *q, struct sl_neutral_parts *to, struct sl_str raw)
{
    struct sl_neutral_part *p = sl_neutral_part_add(q->a, &q->err, to, SL_PART_TEXT);

    if (p != NULL)
        p->text = sl_llm_inner(raw);
}

static void read_ask(struct sl_neutral_ask *q, struct sl_str body)
{
    struct sl_str system = sl_json_get(body, SL_STR("system"));
    struct sl_neutral_turn *turn = sl_neutral_turn_add(q, SL_ROLE_USER);

    if (turn != NULL)
        add_text(q, &turn->parts, sl_json_get(body, SL_STR("prompt")));
    if (sl_llm_inner(system).n > 0)
        add_text(q, &q->system, system);
    q->has_max = sl_llm_count(sl_json_get(body, SL_STR("max_tokens")), &q->max_tokens);
    q->temperature = sl_json_get(body, SL_STR("temperature"));
}

static const char *stop_word(enum sl_neutral_stop stop)
{
    switch (stop) {
    case SL_STOP_UNSAID:
    case SL_STOP_END: break;
    case SL_STOP_TEXT: return "stop_sequence";
    case SL_STOP_LENGTH: return "max_tokens";
    case SL_STOP_CALLS: return "tool_use";
    case SL_STOP_REFUSAL: return "refusal";
    }
    return "end_turn";
}

static void write_answer(const struct sl_neutral_answer *r, const struct sl_translate *t,
                         struct sl_grow *g)
{
    sl_neutral_put(g, "{\"output\":\"");
    (void)sl_neutral_put_texts(g, &r->parts, SL_PART_TEXT, "");
    (void)sl_neutral_put_texts(g, &r->parts, SL_PART_REFUSAL, "");
    sl_neutral_put(g, "\",\"model\":");
    sl_grow_json(g, t->wish.asked);
    sl_neutral_put(g, ",\"usage\":");
    sl_anthropic_put_usage(g, &r->usage);
    sl_neutral_put(g, ",\"cached\":false,\"id\":\"prm_");
    sl_grow_add(g, t->wish.id);
    sl_neutral_put(g, "\",\"stop_reason\":\"");
    sl_neutral_put(g, stop_word(r->stop));
    sl_neutral_put(g, "\"}");
}

/* OpenAI's envelope: an object that any client can read. */
static void write_error(const struct sl_translate *t, int status, struct sl_str message,
                        struct sl_grow *g)
{
    sl_neutral_openai.write_error(t, status, message, g);
}

static int status_of(int status, bool too_long)
{
    return sl_neutral_openai.status_of(status, too_long);
}

/* A provider that streams to who asked for a plain answer. */
static void write_say(struct sl_translate_stream *s, const struct sl_say *say)
{
    (void)say;
    s->err = SL_ERR_UP_GARBAGE;
}

const struct sl_neutral_dialect sl_neutral_prompt = {
    .read_ask = read_ask,
    .write_answer = write_answer,
    .write_error = write_error,
    .status_of = status_of,
    .writer_size = 1,
    .write_say = write_say,
};
