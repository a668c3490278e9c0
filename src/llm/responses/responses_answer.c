/* llm/responses/responses_answer.c -- plain answers of the Responses API, and what its events
 * are made of, too. Source: OpenAI API reference, "The response object". */
#include "llm/neutral/openai.h"
#include "llm/responses/responses.h"

/* --- The response ---------------------------------------------------------------------------- */

const char *sl_responses_cut(enum sl_neutral_stop stop, bool refused)
{
    if (stop == SL_STOP_LENGTH)
        return "max_output_tokens";
    return stop == SL_STOP_REFUSAL && !refused ? "content_filter" : NULL;
}

void sl_responses_put_head(struct sl_grow *g, const struct sl_translate *t,
                           const struct sl_responses_state *state)
{
    sl_neutral_put(g, "{\"id\":\"resp_");
    sl_grow_add(g, t->wish.id);
    sl_neutral_put(g, "\",\"object\":\"response\",\"created_at\":");
    sl_grow_u64(g, t->wish.created_s > 0 ? (uint64_t)t->wish.created_s : 0);
    sl_neutral_put(g, ",\"status\":\"");
    sl_neutral_put(g, state->status);
    sl_neutral_put(g, "\",\"background\":false,\"error\":");
    sl_grow_add(g, state->failure.n > 0 ? state->failure : SL_STR("null"));
    sl_neutral_put(g, ",\"incomplete_details\":");
    if (state->cut != NULL) {
        sl_neutral_put(g, "{\"reason\":\"");
        sl_neutral_put(g, state->cut);
        sl_neutral_put(g, "\"}");
    } else {
        sl_neutral_put(g, "null");
    }
    sl_grow_add(g, t->echo);
    sl_neutral_put(g, ",\"previous_response_id\":null,\"store\":false,\"model\":");
    sl_grow_json(g, t->wish.asked);
    sl_neutral_put(g, ",\"output\":");
}

void sl_responses_put_usage(struct sl_grow *g, const struct sl_usage *u)
{
    uint64_t writes = u->cache_write_5m + u->cache_write_1h;
    uint64_t input = u->in + u->cache_read + writes;

    sl_neutral_put(g, "{\"input_tokens\":");
    sl_grow_u64(g, input);
    sl_neutral_put(g, ",\"input_tokens_details\":{\"cached_tokens\":");
    sl_grow_u64(g, u->cache_read);
    sl_neutral_put(g, ",\"cache_write_tokens\":");
    sl_grow_u64(g, writes);
    sl_neutral_put(g, "},\"output_tokens\":");
    sl_grow_u64(g, u->out);
    sl_neutral_put(g, ",\"output_tokens_details\":{\"reasoning_tokens\":");
    sl_grow_u64(g, u->reasoning);
    sl_neutral_put(g, "},\"total_tokens\":");
    sl_grow_u64(g, input + u->out);
    sl_grow_byte(g, '}');
}

void sl_responses_put_error(struct sl_grow *g, int status, struct sl_str message)
{
    const char *code = status == 429   ? "rate_limit_exceeded"
                       : status == 503 ? "server_is_overloaded"
                       : status == 504 ? "timeout"
                       : status == 400 ? "invalid_prompt"
                                       : "server_error";

    if (status == 400 && sl_str_starts(message, SL_STR("prompt is too long")))
        code = "context_length_exceeded";
    sl_neutral_put(g, "\"code\":\"");
    sl_neutral_put(g, code);
    sl_neutral_put(g, "\",\"message\":");
    sl_grow_json(g, message);
}

/* --- Items ----------------------------------------------------------------------------------- */

void sl_responses_put_id(struct sl_grow *g, const struct sl_translate *t, const char *kind,
                         uint64_t output)
{
    sl_grow_byte(g, '"');
    sl_neutral_put(g, kind);
    sl_grow_byte(g, '_');
    sl_grow_add(g, t->wish.id);
    sl_grow_byte(g, '_');
    sl_grow_u64(g, output);
    sl_grow_byte(g, '"');
}

static void begin_item(struct sl_grow *g, const struct sl_translate *t, const char *type,
                       const char *kind, uint64_t output)
{
    sl_neutral_put(g, "{\"type\":\"");
    sl_neutral_put(g, type);
    sl_neutral_put(g, "\",\"id\":");
    sl_responses_put_id(g, t, kind, output);
}

static void put_status(struct sl_grow *g, const char *status)
{
    sl_neutral_put(g, ",\"status\":\"");
    sl_neutral_put(g, status);
    sl_grow_byte(g, '"');
}

void sl_responses_put_message(struct sl_grow *g, const struct sl_translate *t, uint64_t output,
                              const char *status)
{
    begin_item(g, t, "message", "msg", output);
    put_status(g, status);
    sl_neutral_put(g, ",\"role\":\"assistant\",\"content\":[");
}

void sl_responses_put_thought(struct sl_grow *g, const struct sl_translate *t, uint64_t output)
{
    begin_item(g, t, "reasoning", "rs", output);
    sl_neutral_put(g, ",\"summary\":[");
}

void sl_responses_put_call(struct sl_grow *g, const struct sl_translate *t, uint64_t output,
                           const char *status, struct sl_str id, struct sl_str name)
{
    bool free_text = sl_neutral_takes_text(t, name);

    if (free_text)
        begin_item(g, t, "custom_tool_call", "ctc", output);
    else
        begin_item(g, t, "function_call", "fc", output);
    put_status(g, status);
    sl_neutral_put_key(g, "call_id");
    sl_neutral_put_esc(g, id);
    sl_neutral_put_key(g, "name");
    sl_neutral_put_esc(g, name);
    sl_neutral_put_key(g, free_text ? "input" : "arguments");
}

void sl_responses_put_part(struct sl_grow *g, enum sl_responses_part kind, struct sl_str esc)
{
    static const char *const heads[] = {
        [SL_RESPONSES_TEXT] = "{\"type\":\"output_text\",\"text\":",
        [SL_RESPONSES_REFUSAL] = "{\"type\":\"refusal\",\"refusal\":",
        [SL_RESPONSES_SUMMARY] = "{\"type\":\"summary_text\",\"text\":",
    };

    sl_neutral_put(g, heads[kind]);
    sl_neutral_put_esc(g, esc);
    sl_neutral_put(g, kind == SL_RESPONSES_TEXT ? ",\"annotations\":[],\"logprobs\":[]}" : "}");
}

void sl_responses_put_seal(struct sl_grow *g, bool hidden, struct sl_str esc)
{
    sl_neutral_put(g, ",\"encrypted_content\":\"" SL_NEUTRAL_MARK);
    if (esc.n > 0 && !sl_str_eq(esc, SL_STR(SL_NEUTRAL_MARK))) {
        sl_grow_byte(g, hidden ? 'h' : 't');
        sl_grow_add(g, esc);
    }
    sl_grow_byte(g, '"');
}

/* --- Writing ---------------------------------------------------------------------------------- */

struct pen {
    const struct sl_neutral_answer *r; /* up */
    const struct sl_translate *t;      /* up */
    struct sl_grow *g;                 /* up */
    uint64_t output;
};

static bool is_said(enum sl_neutral_kind kind)
{
    return kind == SL_PART_TEXT || kind == SL_PART_REFUSAL;
}

/* All that is said in a row is one message. The last part of it. */
static const struct sl_neutral_part *put_said(struct pen *w, const struct sl_neutral_part *p,
                                              bool cut)
{
    const struct sl_neutral_part *last = p;
    size_t n = 0;

    for (const struct sl_neutral_part *i = p; i != NULL && is_said(i->kind); i = i->next)
        last = i;
    sl_responses_put_message(w->g, w->t, w->output,
                             cut && last->next == NULL ? "incomplete" : "completed");
    for (const struct sl_neutral_part *i = p; i != last->next; i = i->next) {
        if (n++ > 0)
            sl_grow_byte(w->g, ',');
        sl_responses_put_part(
            w->g, i->kind == SL_PART_TEXT ? SL_RESPONSES_TEXT : SL_RESPONSES_REFUSAL, i->text);
    }
    sl_neutral_put(w->g, "]}");
    return last;
}

static void put_thought(struct pen *w, const struct sl_neutral_part *p)
{
    bool hidden = p->kind == SL_PART_HIDDEN;

    sl_responses_put_thought(w->g, w->t, w->output);
    if (!hidden && p->text.n > 0)
        sl_responses_put_part(w->g, SL_RESPONSES_SUMMARY, p->text);
    sl_grow_byte(w->g, ']');
    sl_responses_put_seal(w->g, hidden, hidden ? p->text : p->signature);
    sl_grow_byte(w->g, '}');
}

static void put_call(struct pen *w, const struct sl_neutral_part *p, bool cut)
{
    sl_responses_put_call(w->g, w->t, w->output,
                          cut && p->next == NULL ? "incomplete" : "completed", p->id, p->name);
    if (sl_neutral_takes_text(w->t, p->name)) {
        sl_grow_byte(w->g, '"');
        sl_neutral_free_text(w->g, p->input);
        sl_grow_byte(w->g, '"');
    } else {
        sl_grow_json(w->g, p->input);
    }
    sl_grow_byte(w->g, '}');
}

static void put_output(struct pen *w, bool cut)
{
    const struct sl_neutral_part *p = w->r->parts.first;

    sl_grow_byte(w->g, '[');
    for (; p != NULL; p = p->next) {
        if (w->output > 0)
            sl_grow_byte(w->g, ',');
        if (is_said(p->kind))
            p = put_said(w, p, cut);
        else if (p->kind == SL_PART_CALL)
            put_call(w, p, cut);
        else
            put_thought(w, p);
        w->output++;
    }
}

/* Why it was refused, where its maker says so beside the answer. */
static void put_refusal(struct pen *w)
{
    if (w->r->refusal.n == 0 || sl_neutral_has(&w->r->parts, SL_PART_REFUSAL))
        return;
    if (w->output > 0)
        sl_grow_byte(w->g, ',');
    sl_responses_put_message(w->g, w->t, w->output, "completed");
    sl_responses_put_part(w->g, SL_RESPONSES_REFUSAL, w->r->refusal);
    sl_neutral_put(w->g, "]}");
}

static void write_answer(const struct sl_neutral_answer *r, const struct sl_translate *t,
                         struct sl_grow *g)
{
    const char *cut = sl_responses_cut(r->stop, sl_neutral_has(&r->parts, SL_PART_REFUSAL));
    struct pen w = {.r = r, .t = t, .g = g};

    sl_responses_put_head(g, t,
                          &(struct sl_responses_state){
                              .status = cut != NULL ? "incomplete" : "completed", .cut = cut});
    put_output(&w, cut != NULL);
    put_refusal(&w);
    sl_neutral_put(g, "],\"usage\":");
    sl_responses_put_usage(g, &r->usage);
    sl_grow_byte(g, '}');
}

const struct sl_neutral_dialect sl_neutral_responses = {
    .read_ask = sl_responses_read_ask,
    .write_answer = write_answer,
    .write_error = sl_openai_write_error,
    .status_of = sl_openai_status_of,
    .writer_size = SL_RESPONSES_WRITER,
    .one_by_one = true,
    .write_say = sl_responses_write_say,
    .writer_fini = sl_responses_writer_fini,
};
