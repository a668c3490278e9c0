/* llm/neutral/completions.c -- legacy completions: a prompt as the only message of a chat, and
 * its answer. A client's dialect only; providers that have them get the request as it is.
 * Source: OpenAI API reference, "Create completion", "The completion object". */
#include "llm/neutral/openai.h"

#define USUAL_TOKENS 16 /* of an answer, where none are asked for */

/* --- Request ------------------------------------------------------------------------------- */

enum member {
    PROMPT,
    MAX_TOKENS,
    TEMPERATURE,
    TOP_P,
    STOP,
    STREAM,
    OPTIONS,
    USER,
    CHOICES,
    BEST_OF,
    ECHO_IT,
    SUFFIX,
    MEMBERS
};

static const struct sl_str members[MEMBERS] = {
    [PROMPT] = SL_STR_INIT("prompt"),
    [MAX_TOKENS] = SL_STR_INIT("max_tokens"),
    [TEMPERATURE] = SL_STR_INIT("temperature"),
    [TOP_P] = SL_STR_INIT("top_p"),
    [STOP] = SL_STR_INIT("stop"),
    [STREAM] = SL_STR_INIT("stream"),
    [OPTIONS] = SL_STR_INIT("stream_options"),
    [USER] = SL_STR_INIT("user"),
    [CHOICES] = SL_STR_INIT("n"),
    [BEST_OF] = SL_STR_INIT("best_of"),
    [ECHO_IT] = SL_STR_INIT("echo"),
    [SUFFIX] = SL_STR_INIT("suffix"),
};

/* A string, or a list of that one string. */
static struct sl_str find_prompt(struct sl_neutral_ask *q, struct sl_str raw)
{
    struct sl_str one = raw, more;
    size_t pos = 0;

    if (sl_json_type_of(raw) == SL_JSON_ARRAY &&
        (!sl_json_next(raw, &pos, &one) || sl_json_next(raw, &pos, &more)))
        one.n = 0;
    if (sl_llm_inner(one).n == 0)
        sl_neutral_fail(q, "prompt: this model's provider takes one text, no list of several and "
                           "no tokens");
    return sl_llm_inner(one);
}

static void refuse_what_cant(struct sl_neutral_ask *q, const struct sl_str *v)
{
    uint64_t n;

    if ((sl_llm_count(v[CHOICES], &n) && n > 1) || (sl_llm_count(v[BEST_OF], &n) && n > 1))
        sl_neutral_fail(q, "n, best_of: this model's provider gives one choice; ask for 1");
    if (sl_llm_is_true(v[ECHO_IT]))
        sl_neutral_fail(q, "echo: this model's provider can't repeat the prompt");
    if (sl_llm_inner(v[SUFFIX]).n > 0)
        sl_neutral_fail(q, "suffix: this model's provider can't write into a text");
}

static void read_ask(struct sl_neutral_ask *q, struct sl_str body)
{
    struct sl_neutral_turn *turn = sl_neutral_turn_add(q, SL_ROLE_USER);
    struct sl_neutral_part *part = NULL;
    struct sl_str v[MEMBERS];

    sl_neutral_pick(body, members, MEMBERS, v);
    refuse_what_cant(q, v);
    if (turn != NULL)
        part = sl_neutral_part_add(q->a, &q->err, &turn->parts, SL_PART_TEXT);
    if (part != NULL)
        part->text = find_prompt(q, v[PROMPT]);
    if (!sl_llm_count(v[MAX_TOKENS], &q->max_tokens))
        q->max_tokens = USUAL_TOKENS;
    q->has_max = true;
    q->temperature = v[TEMPERATURE];
    q->top_p = v[TOP_P];
    q->stops = v[STOP];
    q->streams = sl_llm_is_true(v[STREAM]);
    q->wants_usage = sl_llm_is_true(sl_json_get(v[OPTIONS], SL_STR("include_usage")));
    q->user = sl_llm_inner(v[USER]);
}

/* --- Answer -------------------------------------------------------------------------------- */

static void put_head(struct sl_grow *g, const struct sl_translate *t)
{
    sl_neutral_put(g, "{\"id\":\"cmpl-");
    sl_grow_add(g, t->wish.id);
    sl_neutral_put(g, "\",\"object\":\"text_completion\",\"created\":");
    sl_grow_u64(g, t->wish.created_s > 0 ? (uint64_t)t->wish.created_s : 0);
    sl_neutral_put(g, ",\"model\":");
    sl_grow_json(g, t->wish.asked);
    sl_neutral_put(g, ",\"choices\":[");
}

static void put_finish(struct sl_grow *g, enum sl_neutral_stop stop)
{
    sl_neutral_put(g, ",\"logprobs\":null,\"finish_reason\":\"");
    sl_neutral_put(g, sl_openai_finish(stop, false));
    sl_neutral_put(g, "\"}]");
}

static void write_answer(const struct sl_neutral_answer *r, const struct sl_translate *t,
                         struct sl_grow *g)
{
    put_head(g, t);
    sl_neutral_put(g, "{\"index\":0,\"text\":\"");
    (void)sl_neutral_put_texts(g, &r->parts, SL_PART_TEXT, "");
    (void)sl_neutral_put_texts(g, &r->parts, SL_PART_REFUSAL, "");
    sl_grow_byte(g, '"');
    put_finish(g, r->stop);
    sl_neutral_put(g, ",\"usage\":");
    sl_openai_put_usage(g, &r->usage);
    sl_grow_byte(g, '}');
}

static void write_error(const struct sl_translate *t, int status, struct sl_str message,
                        struct sl_grow *g)
{
    sl_neutral_openai.write_error(t, status, message, g);
}

static int status_of(int status, bool too_long)
{
    return sl_neutral_openai.status_of(status, too_long);
}

/* --- Stream -------------------------------------------------------------------------------- */

static void begin(struct sl_translate_stream *s)
{
    sl_neutral_put(s->out, "data: ");
    put_head(s->out, s->t);
}

/* Who asked for usage finds a null in each chunk but the last. */
static void finish(struct sl_translate_stream *s)
{
    sl_neutral_put(s->out, s->t->wants_usage ? ",\"usage\":null}\n\n" : "}\n\n");
}

static void put_text(struct sl_translate_stream *s, struct sl_str esc)
{
    begin(s);
    sl_neutral_put(s->out, "{\"index\":0,\"text\":");
    sl_neutral_put_esc(s->out, esc);
    sl_neutral_put(s->out, ",\"logprobs\":null,\"finish_reason\":null}]");
    finish(s);
}

static void on_end(struct sl_translate_stream *s)
{
    begin(s);
    sl_neutral_put(s->out, "{\"index\":0,\"text\":\"\"");
    put_finish(s->out, s->stop);
    finish(s);
    if (s->t->wants_usage || s->t->wish.adds_usage) {
        begin(s);
        sl_neutral_put(s->out, "],\"usage\":");
        sl_openai_put_usage(s->out, &s->told);
        sl_neutral_put(s->out, "}\n\n");
    }
    sl_neutral_put(s->out, "data: [DONE]\n\n");
}

static void write_say(struct sl_translate_stream *s, const struct sl_say *say)
{
    switch (say->kind) {
    case SL_SAY_TEXT:
    case SL_SAY_REFUSAL: put_text(s, say->text); break;
    case SL_SAY_PING: sl_neutral_put(s->out, ": keep-alive\n\n"); break;
    case SL_SAY_END: on_end(s); break;
    case SL_SAY_ERROR:
        sl_neutral_put(s->out, "data: ");
        write_error(s->t, say->status, say->text, s->out);
        sl_neutral_put(s->out, "\n\n");
        break;
    case SL_SAY_START:
    case SL_SAY_THINK:
    case SL_SAY_SIGNATURE:
    case SL_SAY_HIDDEN:
    case SL_SAY_CALL:
    case SL_SAY_ARGS:
    case SL_SAY_CALL_END:
    case SL_SAY_STOP: break;
    }
}

const struct sl_neutral_dialect sl_neutral_completions = {
    .read_ask = read_ask,
    .write_answer = write_answer,
    .write_error = write_error,
    .status_of = status_of,
    .writer_size = 1,
    .write_say = write_say,
};
