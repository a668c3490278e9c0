/* llm/messages/anthropic_out.c -- what is said as events of a Messages stream.
 * Source: Anthropic API reference, "Streaming messages"; what the stream helpers of its
 * SDKs insist on: one message_start, blocks numbered without a gap, one open at a time,
 * usage in message_delta.
 */
#include "llm/messages/anthropic.h"

/* --- Events ------------------------------------------------------------------------------------
 */

static void begin(struct sl_grow *g, const char *type)
{
    sl_neutral_put(g, "event: ");
    sl_neutral_put(g, type);
    sl_neutral_put(g, "\ndata: {\"type\":\"");
    sl_neutral_put(g, type);
    sl_grow_byte(g, '"');
}

static void finish(struct sl_grow *g)
{
    sl_neutral_put(g, "}\n\n");
}

static void begin_block(struct sl_translate_stream *s, const char *event)
{
    struct sl_anthropic_writer *w = s->writer;

    begin(s->out, event);
    sl_neutral_put_key(s->out, "index");
    sl_grow_u64(s->out, w->index);
}

static void put_delta(struct sl_translate_stream *s, const char *type, const char *key,
                      struct sl_str esc)
{
    begin_block(s, "content_block_delta");
    sl_neutral_put(s->out, ",\"delta\":{\"type\":\"");
    sl_neutral_put(s->out, type);
    sl_grow_byte(s->out, '"');
    sl_neutral_put_key(s->out, key);
    sl_neutral_put_esc(s->out, esc);
    sl_grow_byte(s->out, '}');
    finish(s->out);
}

static void put_start(struct sl_translate_stream *s)
{
    static const struct sl_usage none;

    begin(s->out, "message_start");
    sl_neutral_put(s->out, ",\"message\":");
    sl_anthropic_put_head(s->out, s->t);
    sl_neutral_put(s->out, "],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":");
    sl_anthropic_put_usage(s->out, &none);
    sl_grow_byte(s->out, '}');
    finish(s->out);
}

/* Of what is said at a block's or the answer's end. */
static void keep_more(struct sl_translate_stream *s, struct sl_grow *g, struct sl_str esc)
{
    if (g->max == 0)
        sl_grow_init(g, SL_TRANSLATE_WAIT);
    sl_grow_add(g, esc);
    if (g->err != SL_OK)
        s->err = g->err;
}

static void keep(struct sl_translate_stream *s, struct sl_grow *g, struct sl_str esc)
{
    g->n = 0;
    keep_more(s, g, esc);
}

/* --- Blocks --------------------------------------------------------------------------------------
 */

static void stop_block(struct sl_translate_stream *s)
{
    struct sl_anthropic_writer *w = s->writer;

    begin_block(s, "content_block_stop");
    finish(s->out);
    w->index++;
    w->open = SL_BLOCK_NONE;
}

static void shut_thinking(struct sl_translate_stream *s)
{
    struct sl_anthropic_writer *w = s->writer;
    struct sl_str signature = sl_grow_str(&w->signature);

    if (signature.n == 0)
        signature = SL_STR(SL_NEUTRAL_MARK);
    put_delta(s, "signature_delta", "signature", signature);
    w->signature.n = 0;
}

static void shut(struct sl_translate_stream *s)
{
    struct sl_anthropic_writer *w = s->writer;

    switch (w->open) {
    case SL_BLOCK_NONE:
    case SL_BLOCK_FORM:
    case SL_BLOCK_OTHER: return;
    case SL_BLOCK_THINK: shut_thinking(s); break;
    case SL_BLOCK_CALL:
    case SL_BLOCK_TEXT: break;
    }
    stop_block(s);
}

static void open_block(struct sl_translate_stream *s, enum sl_anthropic_kind kind)
{
    struct sl_anthropic_writer *w = s->writer;

    if (w->open == kind)
        return;
    shut(s);
    begin_block(s, "content_block_start");
    sl_neutral_put(s->out, kind == SL_BLOCK_TEXT
                               ? ",\"content_block\":{\"type\":\"text\",\"text\":\"\"}"
                               : ",\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\","
                                 "\"signature\":\"\"}");
    finish(s->out);
    w->open = kind;
}

/* --- Text
 * ------------------------------------------------------------------------------------------ */

static void on_text(struct sl_translate_stream *s, struct sl_str esc)
{
    open_block(s, SL_BLOCK_TEXT);
    put_delta(s, "text_delta", "text", esc);
}

static void on_think(struct sl_translate_stream *s, struct sl_str esc)
{
    const struct sl_anthropic_writer *w = s->writer;

    if (!s->t->wants_thinking)
        return;
    if (w->open == SL_BLOCK_THINK && w->signature.n > 0)
        shut(s); /* it is signed: the next thought is another one */
    open_block(s, SL_BLOCK_THINK);
    if (!s->t->thinking_unseen)
        put_delta(s, "thinking_delta", "thinking", esc);
}

static void on_signature(struct sl_translate_stream *s, struct sl_str esc)
{
    struct sl_anthropic_writer *w = s->writer;

    /* one of ours may come alone: of a thought that nobody can see */
    if (s->t->wants_thinking && sl_str_starts(esc, SL_STR(SL_NEUTRAL_MARK)))
        open_block(s, SL_BLOCK_THINK);
    if (w->open == SL_BLOCK_THINK)
        keep(s, &w->signature, esc);
}

static void on_hidden(struct sl_translate_stream *s, struct sl_str esc)
{
    if (!s->t->wants_thinking)
        return;
    shut(s);
    begin_block(s, "content_block_start");
    sl_neutral_put(s->out, ",\"content_block\":{\"type\":\"redacted_thinking\",\"data\":");
    sl_neutral_put_esc(s->out, esc);
    sl_grow_byte(s->out, '}');
    finish(s->out);
    stop_block(s);
}

/* --- Calls
 * ----------------------------------------------------------------------------------------- */

static void on_call(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_anthropic_writer *w = s->writer;

    shut(s);
    begin_block(s, "content_block_start");
    sl_neutral_put(s->out, ",\"content_block\":{\"type\":\"tool_use\",\"id\":");
    sl_neutral_put_esc(s->out, say->id);
    sl_neutral_put_key(s->out, "name");
    sl_neutral_put_esc(s->out, say->name);
    sl_neutral_put(s->out, ",\"input\":{}}");
    finish(s->out);
    w->open = SL_BLOCK_CALL;
    w->called = true;
}

/* --- The end
 * --------------------------------------------------------------------------------------- */

static enum sl_neutral_stop stop_of(const struct sl_translate_stream *s)
{
    const struct sl_anthropic_writer *w = s->writer;

    if (w->refused)
        return SL_STOP_REFUSAL;
    if (w->called && s->stop != SL_STOP_LENGTH && s->stop != SL_STOP_REFUSAL)
        return SL_STOP_CALLS;
    if (s->stop == SL_STOP_CALLS || s->stop == SL_STOP_UNSAID)
        return SL_STOP_END;
    return s->stop;
}

static void on_end(struct sl_translate_stream *s)
{
    struct sl_anthropic_writer *w = s->writer;

    shut(s);
    begin(s->out, "message_delta");
    sl_neutral_put(s->out, ",\"delta\":{");
    sl_anthropic_put_stop(s->out, stop_of(s), sl_grow_str(&w->stop_text), sl_grow_str(&w->refusal));
    sl_neutral_put(s->out, "},\"usage\":");
    sl_anthropic_put_usage(s->out, &s->told);
    finish(s->out);
    begin(s->out, "message_stop");
    finish(s->out);
}

static void on_stop(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_anthropic_writer *w = s->writer;

    keep(s, &w->stop_text, say->text);
    if (say->id.n > 0)
        keep(s, &w->refusal, say->id);
}

static void on_error(struct sl_translate_stream *s, const struct sl_say *say)
{
    sl_neutral_put(s->out, "event: error\ndata: ");
    sl_neutral_anthropic.write_error(s->t, say->status, say->text, s->out);
    sl_neutral_put(s->out, "\n\n");
}

void sl_anthropic_write_say(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_anthropic_writer *w = s->writer;

    switch (say->kind) {
    case SL_SAY_START: put_start(s); break;
    case SL_SAY_REFUSAL:
        w->refused = true;
        keep_more(s, &w->refusal, say->text); /* the end says it again, as the reason */
        on_text(s, say->text);
        break;
    case SL_SAY_TEXT: on_text(s, say->text); break;
    case SL_SAY_THINK: on_think(s, say->text); break;
    case SL_SAY_SIGNATURE: on_signature(s, say->text); break;
    case SL_SAY_HIDDEN: on_hidden(s, say->text); break;
    case SL_SAY_CALL: on_call(s, say); break;
    case SL_SAY_ARGS: put_delta(s, "input_json_delta", "partial_json", say->text); break;
    case SL_SAY_CALL_END: shut(s); break;
    case SL_SAY_STOP: on_stop(s, say); break;
    case SL_SAY_PING:
        begin(s->out, "ping");
        finish(s->out);
        break;
    case SL_SAY_ERROR: on_error(s, say); break;
    case SL_SAY_END: on_end(s); break;
    }
}

void sl_anthropic_writer_fini(void *writer)
{
    struct sl_anthropic_writer *w = writer;

    sl_grow_fini(&w->signature);
    sl_grow_fini(&w->stop_text);
    sl_grow_fini(&w->refusal);
}
