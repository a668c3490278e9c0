/* llm/responses/responses_out.c -- what is said as events of a Responses stream.
 * Source: OpenAI API reference, "Streaming events" of Responses; what the stream helpers of
 * its SDKs insist on: response.created first, numbers without gaps, the same id in an item and
 * its events, nothing unfinished when the response is.
 *
 * The last event repeats the whole answer, so all of it is kept: up to SL_RESPONSES_KEPT.
 */
#include "llm/responses/responses.h"

#include "base/mem.h"

static const char in_progress[] = "in_progress";

static struct sl_responses_writer *writer(struct sl_translate_stream *s)
{
    return s->writer;
}

/* --- Events ------------------------------------------------------------------------------------
 */

static void begin(struct sl_translate_stream *s, const char *type)
{
    sl_neutral_put(s->out, "event: ");
    sl_neutral_put(s->out, type);
    sl_neutral_put(s->out, "\ndata: {\"type\":\"");
    sl_neutral_put(s->out, type);
    sl_neutral_put(s->out, "\",\"sequence_number\":");
    sl_grow_u64(s->out, writer(s)->sequence++);
}

static void finish(struct sl_translate_stream *s)
{
    sl_neutral_put(s->out, "}\n\n");
}

static const char *kind_of(const struct sl_responses_writer *w)
{
    return w->open == SL_ITEM_MESSAGE   ? "msg"
           : w->open == SL_ITEM_THOUGHT ? "rs"
           : w->is_free                 ? "ctc"
                                        : "fc";
}

/* One that belongs to the open item, or to a part of it. */
static void begin_at(struct sl_translate_stream *s, const char *type)
{
    struct sl_responses_writer *w = writer(s);

    begin(s, type);
    sl_neutral_put(s->out, ",\"item_id\":");
    sl_responses_put_id(s->out, s->t, kind_of(w), w->output);
    sl_neutral_put(s->out, ",\"output_index\":");
    sl_grow_u64(s->out, w->output);
    if (w->open == SL_ITEM_CALL)
        return;
    sl_neutral_put(s->out,
                   w->open == SL_ITEM_MESSAGE ? ",\"content_index\":" : ",\"summary_index\":");
    sl_grow_u64(s->out, w->part);
}

static void put_text(struct sl_translate_stream *s, const char *key, struct sl_str esc)
{
    sl_neutral_put_key(s->out, key);
    sl_neutral_put_esc(s->out, esc);
}

/* Within the ceiling of all that is kept. */
static void keep(struct sl_translate_stream *s, struct sl_grow *g, struct sl_str text)
{
    struct sl_responses_writer *w = writer(s);

    if (text.n > SL_RESPONSES_KEPT - w->kept) {
        s->err = SL_ERR_CEILING;
        return;
    }
    if (g->max == 0)
        sl_grow_init(g, SL_RESPONSES_KEPT);
    sl_grow_add(g, text);
    if (g->err != SL_OK)
        s->err = g->err;
    w->kept += text.n;
}

static void forget(struct sl_translate_stream *s, struct sl_grow *g)
{
    writer(s)->kept -= g->n;
    g->n = 0;
}

/* --- Items -------------------------------------------------------------------------------------
 */

static struct sl_str call_id(const struct sl_responses_writer *w)
{
    struct sl_str head = sl_grow_str(&w->head);
    ptrdiff_t at = sl_str_find_byte(head, '\n');

    return at >= 0 ? sl_str_first(head, (size_t)at) : head;
}

static struct sl_str call_name(const struct sl_responses_writer *w)
{
    return sl_str_from(sl_grow_str(&w->head), call_id(w).n + 1);
}

/* The open item as it is with `inner` in it: done parts of a message, a thought's summary,
 * arguments. */
static void put_item(struct sl_translate_stream *s, struct sl_grow *g, const char *status,
                     struct sl_str inner)
{
    struct sl_responses_writer *w = writer(s);

    switch (w->open) {
    case SL_ITEM_NONE: return;
    case SL_ITEM_MESSAGE:
        sl_responses_put_message(g, s->t, w->output, status);
        sl_grow_add(g, inner);
        sl_grow_byte(g, ']');
        break;
    case SL_ITEM_THOUGHT:
        sl_responses_put_thought(g, s->t, w->output);
        sl_grow_add(g, inner);
        sl_grow_byte(g, ']');
        if (status != in_progress)
            sl_responses_put_seal(g, w->is_hidden, sl_grow_str(&w->seal));
        break;
    case SL_ITEM_CALL:
        sl_responses_put_call(g, s->t, w->output, status, call_id(w), call_name(w));
        sl_neutral_put_esc(g, inner);
        break;
    }
    sl_grow_byte(g, '}');
}

static void add_item(struct sl_translate_stream *s)
{
    begin(s, "response.output_item.added");
    sl_neutral_put(s->out, ",\"output_index\":");
    sl_grow_u64(s->out, writer(s)->output);
    sl_neutral_put(s->out, ",\"item\":");
    put_item(s, s->out, in_progress, (struct sl_str){"", 0});
    finish(s);
}

/* Told once, and kept for the end. */
static void tell_item(struct sl_translate_stream *s, const char *status, struct sl_str inner)
{
    struct sl_responses_writer *w = writer(s);
    struct sl_grow g;

    sl_grow_init(&g, SL_RESPONSES_KEPT + 4096);
    put_item(s, &g, status, inner);
    if (g.err != SL_OK && s->err == SL_OK)
        s->err = g.err;
    begin(s, "response.output_item.done");
    sl_neutral_put(s->out, ",\"output_index\":");
    sl_grow_u64(s->out, w->output);
    sl_neutral_put(s->out, ",\"item\":");
    sl_grow_add(s->out, sl_grow_str(&g));
    finish(s);
    forget(s, &w->parts);
    forget(s, &w->text);
    forget(s, &w->head);
    forget(s, &w->seal);
    if (w->done.n > 0)
        keep(s, &w->done, SL_STR(","));
    keep(s, &w->done, sl_grow_str(&g));
    sl_grow_fini(&g);
    w->open = SL_ITEM_NONE;
    w->is_free = w->is_hidden = false;
    w->output++;
}

/* --- Parts of messages and thoughts
 * ---------------------------------------------------------------
 */

static enum sl_responses_part part_of(const struct sl_responses_writer *w)
{
    return w->open == SL_ITEM_THOUGHT ? SL_RESPONSES_SUMMARY
           : w->is_refusal            ? SL_RESPONSES_REFUSAL
                                      : SL_RESPONSES_TEXT;
}

/* The names of its events, and the member that holds its text. */
static const struct part_words {
    const char *added, *delta, *said, *done, *key, *probs;
} part_words[] = {
    [SL_RESPONSES_TEXT] = {"response.content_part.added", "response.output_text.delta",
                           "response.output_text.done", "response.content_part.done", "text",
                           ",\"logprobs\":[]"},
    [SL_RESPONSES_REFUSAL] = {"response.content_part.added", "response.refusal.delta",
                              "response.refusal.done", "response.content_part.done", "refusal", ""},
    [SL_RESPONSES_SUMMARY] = {"response.reasoning_summary_part.added",
                              "response.reasoning_summary_text.delta",
                              "response.reasoning_summary_text.done",
                              "response.reasoning_summary_part.done", "text", ""},
};

static void add_part(struct sl_translate_stream *s)
{
    begin_at(s, part_words[part_of(writer(s))].added);
    sl_neutral_put(s->out, ",\"part\":");
    sl_responses_put_part(s->out, part_of(writer(s)), (struct sl_str){"", 0});
    finish(s);
}

static void grow_part(struct sl_translate_stream *s, struct sl_str esc)
{
    const struct part_words *words = &part_words[part_of(writer(s))];

    begin_at(s, words->delta);
    put_text(s, "delta", esc);
    sl_neutral_put(s->out, words->probs);
    finish(s);
    keep(s, &writer(s)->text, esc);
}

static void tell_part(struct sl_translate_stream *s)
{
    struct sl_responses_writer *w = writer(s);
    const struct part_words *words = &part_words[part_of(w)];
    struct sl_grow g;

    begin_at(s, words->said);
    put_text(s, words->key, sl_grow_str(&w->text));
    sl_neutral_put(s->out, words->probs);
    finish(s);
    sl_grow_init(&g, SL_RESPONSES_KEPT + 4096);
    sl_responses_put_part(&g, part_of(w), sl_grow_str(&w->text));
    begin_at(s, words->done);
    sl_neutral_put(s->out, ",\"part\":");
    sl_grow_add(s->out, sl_grow_str(&g));
    finish(s);
    forget(s, &w->text);
    if (w->parts.n > 0)
        keep(s, &w->parts, SL_STR(","));
    keep(s, &w->parts, sl_grow_str(&g));
    if (g.err != SL_OK && s->err == SL_OK)
        s->err = g.err;
    sl_grow_fini(&g);
}

/* --- Calls
 * ---------------------------------------------------------------------------------------- */

/* The text that the arguments hold. */
static void unwrap(struct sl_translate_stream *s)
{
    struct sl_responses_writer *w = writer(s);
    struct sl_grow g;

    sl_grow_init(&g, SL_RESPONSES_KEPT);
    sl_neutral_free_pieces(&g, sl_grow_str(&w->text));
    forget(s, &w->text);
    keep(s, &w->text, sl_grow_str(&g));
    if (g.err != SL_OK && s->err == SL_OK)
        s->err = g.err;
    sl_grow_fini(&g);
}

static void tell_call(struct sl_translate_stream *s, const char *status)
{
    struct sl_responses_writer *w = writer(s);

    if (w->is_free) {
        unwrap(s);
        begin_at(s, "response.custom_tool_call_input.delta");
        put_text(s, "delta", sl_grow_str(&w->text));
        finish(s);
    }
    begin_at(s, w->is_free ? "response.custom_tool_call_input.done"
                           : "response.function_call_arguments.done");
    put_text(s, w->is_free ? "input" : "arguments", sl_grow_str(&w->text));
    if (!w->is_free)
        put_text(s, "name", call_name(w));
    finish(s);
    tell_item(s, status, sl_grow_str(&w->text));
}

static void shut(struct sl_translate_stream *s, const char *status)
{
    struct sl_responses_writer *w = writer(s);

    switch (w->open) {
    case SL_ITEM_NONE: return;
    case SL_ITEM_CALL: tell_call(s, status); return;
    case SL_ITEM_MESSAGE:
    case SL_ITEM_THOUGHT: break;
    }
    tell_part(s);
    tell_item(s, status, sl_grow_str(&w->parts));
}

static void on_call(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_responses_writer *w = writer(s);

    shut(s, "completed");
    w->open = SL_ITEM_CALL;
    w->is_free = sl_neutral_takes_text(s->t, say->name);
    keep(s, &w->head, say->id);
    keep(s, &w->head, SL_STR("\n"));
    keep(s, &w->head, say->name);
    add_item(s);
}

static void on_args(struct sl_translate_stream *s, const struct sl_say *say)
{
    if (!writer(s)->is_free) {
        begin_at(s, "response.function_call_arguments.delta");
        put_text(s, "delta", say->text);
        finish(s);
    }
    keep(s, &writer(s)->text, say->text);
}

static const char *status_at_end(const struct sl_translate_stream *s)
{
    const struct sl_responses_writer *w = s->writer;

    return sl_responses_cut(s->stop, w->refused) != NULL ? "incomplete" : "completed";
}

/* --- Texts and thoughts
 * ----------------------------------------------------------------------------
 */

static void on_text(struct sl_translate_stream *s, struct sl_str esc, bool refusal)
{
    struct sl_responses_writer *w = writer(s);

    if (w->open != SL_ITEM_MESSAGE) {
        shut(s, "completed");
        w->open = SL_ITEM_MESSAGE;
        w->part = 0;
        w->is_refusal = refusal;
        add_item(s);
        add_part(s);
    } else if (w->is_refusal != refusal) {
        tell_part(s);
        w->part++;
        w->is_refusal = refusal;
        add_part(s);
    }
    grow_part(s, esc);
}

static void open_thought(struct sl_translate_stream *s)
{
    struct sl_responses_writer *w = writer(s);

    shut(s, "completed");
    w->open = SL_ITEM_THOUGHT;
    w->part = 0;
    add_item(s);
    add_part(s);
}

static void on_think(struct sl_translate_stream *s, struct sl_str esc)
{
    struct sl_responses_writer *w = writer(s);

    if (w->open != SL_ITEM_THOUGHT || w->seal.n > 0)
        open_thought(s);
    grow_part(s, esc);
}

/* Whose a thought is that is being told; or one of which nothing else can be seen. */
static void on_sealed(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_responses_writer *w = writer(s);

    if (say->kind == SL_SAY_SIGNATURE && w->open == SL_ITEM_THOUGHT) {
        forget(s, &w->seal);
        keep(s, &w->seal, say->text);
        return;
    }
    if (say->kind == SL_SAY_SIGNATURE && sl_str_starts(say->text, SL_STR(SL_NEUTRAL_MARK))) {
        open_thought(s); /* the next one of ours will say all of it */
        keep(s, &w->seal, say->text);
        return;
    }
    shut(s, "completed");
    w->open = SL_ITEM_THOUGHT;
    w->is_hidden = say->kind == SL_SAY_HIDDEN;
    add_item(s);
    keep(s, &w->seal, say->text);
    tell_item(s, "completed", (struct sl_str){"", 0});
}

/* --- The response ------------------------------------------------------------------------------
 */

static void put_response(struct sl_translate_stream *s, const char *type,
                         const struct sl_responses_state *state)
{
    begin(s, type);
    sl_neutral_put(s->out, ",\"response\":");
    sl_responses_put_head(s->out, s->t, state);
    sl_grow_byte(s->out, '[');
    sl_grow_add(s->out, sl_grow_str(&writer(s)->done));
    sl_neutral_put(s->out, "],\"usage\":");
    if (s->told.has_out)
        sl_responses_put_usage(s->out, &s->told);
    else if (state->status != in_progress && s->usage.source == SL_USAGE_REPORTED)
        sl_responses_put_usage(s->out, &s->usage);
    else
        sl_neutral_put(s->out, "null");
    sl_grow_byte(s->out, '}');
    finish(s);
}

static void on_start(struct sl_translate_stream *s)
{
    const struct sl_responses_state state = {.status = in_progress};

    put_response(s, "response.created", &state);
    put_response(s, "response.in_progress", &state);
}

static void on_end(struct sl_translate_stream *s)
{
    struct sl_responses_writer *w = writer(s);
    const char *cut = sl_responses_cut(s->stop, w->refused);

    if (w->refusal.n > 0 && !w->refused)
        on_text(s, sl_grow_str(&w->refusal), true);
    shut(s, status_at_end(s));
    put_response(s, cut != NULL ? "response.incomplete" : "response.completed",
                 &(struct sl_responses_state){.status = cut != NULL ? "incomplete" : "completed",
                                              .cut = cut});
}

/* Before anything was made the error alone, so that it can be a status still. */
static void on_error(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_responses_writer *w = writer(s);
    struct sl_grow g;

    if (w->output == 0 && w->open == SL_ITEM_NONE) {
        begin(s, "error");
        sl_grow_byte(s->out, ',');
        sl_responses_put_error(s->out, say->status, say->text);
        sl_neutral_put(s->out, ",\"param\":null");
        finish(s);
        return;
    }
    sl_grow_init(&g, 8 * SL_LLM_MESSAGE);
    sl_grow_byte(&g, '{');
    sl_responses_put_error(&g, say->status, say->text);
    sl_grow_byte(&g, '}');
    put_response(s, "response.failed",
                 &(struct sl_responses_state){.status = "failed", .failure = sl_grow_str(&g)});
    if (g.err != SL_OK && s->err == SL_OK)
        s->err = g.err;
    sl_grow_fini(&g);
}

void sl_responses_write_say(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_responses_writer *w = writer(s);

    switch (say->kind) {
    case SL_SAY_START: on_start(s); break;
    case SL_SAY_REFUSAL:
        w->refused = true;
        on_text(s, say->text, true);
        break;
    case SL_SAY_TEXT: on_text(s, say->text, false); break;
    case SL_SAY_THINK: on_think(s, say->text); break;
    case SL_SAY_SIGNATURE:
    case SL_SAY_HIDDEN: on_sealed(s, say); break;
    case SL_SAY_CALL: on_call(s, say); break;
    case SL_SAY_ARGS: on_args(s, say); break;
    case SL_SAY_CALL_END: shut(s, status_at_end(s)); break;
    case SL_SAY_STOP:
        forget(s, &w->refusal);
        keep(s, &w->refusal, say->id);
        break;
    case SL_SAY_PING: sl_neutral_put(s->out, ": keep-alive\n\n"); break;
    case SL_SAY_ERROR: on_error(s, say); break;
    case SL_SAY_END: on_end(s); break;
    }
}

void sl_responses_writer_fini(void *writer)
{
    struct sl_responses_writer *w = writer;

    sl_grow_fini(&w->text);
    sl_grow_fini(&w->parts);
    sl_grow_fini(&w->head);
    sl_grow_fini(&w->seal);
    sl_grow_fini(&w->done);
    sl_grow_fini(&w->refusal);
}
