/* llm/neutral/anthropic_out.c -- what is said as events of a Messages stream.
 * Source: Anthropic API reference, "Streaming messages"; what the stream helpers of its
 * SDKs insist on: one message_start, blocks numbered without a gap, one open at a time,
 * usage in message_delta.
 *
 * Chat completions may mix the pieces of several calls. A piece of the open call goes out
 * as it comes; those of others are held until it is whole, or the answer ends.
 */
#include "llm/neutral/anthropic.h"

#include "base/mem.h"

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
    struct sl_anthropic_writer *w = s->writer;

    begin_block(s, "content_block_delta");
    sl_neutral_put(s->out, ",\"delta\":{\"type\":\"");
    sl_neutral_put(s->out, type);
    sl_grow_byte(s->out, '"');
    sl_neutral_put_key(s->out, key);
    sl_neutral_put_esc(s->out, esc);
    sl_grow_byte(s->out, '}');
    finish(s->out);
    w->bytes += esc.n;
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

/* --- What waits ---------------------------------------------------------------------------------
 */

/* Within the ceiling of all that waits. */
static void hold(struct sl_translate_stream *s, struct sl_grow *g, struct sl_str esc)
{
    struct sl_anthropic_writer *w = s->writer;

    if (esc.n > SL_TRANSLATE_WAIT - w->waiting) {
        s->err = SL_ERR_CEILING;
        return;
    }
    if (g->max == 0)
        sl_grow_init(g, SL_TRANSLATE_WAIT);
    sl_grow_add(g, esc);
    if (g->err != SL_OK)
        s->err = g->err;
    w->waiting += esc.n;
}

static void forget(struct sl_translate_stream *s, struct sl_grow *g)
{
    struct sl_anthropic_writer *w = s->writer;

    w->waiting -= g->n;
    g->n = 0;
}

static void put_kept(struct sl_translate_stream *s)
{
    struct sl_anthropic_writer *w = s->writer;

    if (w->kept.n == 0)
        return;
    put_delta(s, "text_delta", "text", sl_grow_str(&w->kept));
    forget(s, &w->kept);
}

/* --- The JSON of arguments ---------------------------------------------------------------------
 */

static void scan_open(struct sl_anthropic_scan *c, bool object)
{
    c->begun = true;
    if (c->depth < 64)
        c->objects =
            object ? c->objects | (uint64_t)1 << c->depth : c->objects & ~((uint64_t)1 << c->depth);
    c->depth++;
}

static void scan(struct sl_anthropic_scan *c, struct sl_str esc)
{
    uint32_t code;
    size_t n;

    for (; (n = sl_json_char(esc, &code)) > 0; esc = sl_str_from(esc, n)) {
        if (c->escaped)
            c->escaped = false;
        else if (c->in_string && code == '\\')
            c->escaped = true;
        else if (code == '"')
            c->in_string = !c->in_string;
        else if (!c->in_string && (code == '{' || code == '['))
            scan_open(c, code == '{');
        else if (!c->in_string && (code == '}' || code == ']') && c->depth > 0)
            c->depth--;
    }
}

static bool is_whole(const struct sl_anthropic_scan *c)
{
    return c->begun && c->depth == 0 && !c->in_string;
}

/* What a cut text lacks, so that a client can at least read it. */
static void complete(struct sl_translate_stream *s, struct sl_anthropic_call *call)
{
    struct sl_anthropic_scan *c = &call->scan;
    char text[160];
    struct sl_text t = sl_text_over(text, sizeof(text));

    if (c->escaped)
        sl_text_add(&t, SL_STR("\\\\"));
    if (c->in_string)
        sl_text_add(&t, SL_STR("\\\""));
    while (c->depth > 0) {
        c->depth--;
        sl_text_byte(&t, c->depth < 64 && (c->objects >> c->depth & 1) == 0 ? ']' : '}');
    }
    if (t.n > 0)
        put_delta(s, "input_json_delta", "partial_json", sl_text_str(&t));
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
    w->bytes -= signature.n; /* no token of anybody's */
    forget(s, &w->signature);
}

static void shut_call(struct sl_translate_stream *s)
{
    struct sl_anthropic_writer *w = s->writer;
    struct sl_anthropic_call *call = &w->calls[w->open_call];

    if (!call->sent)
        put_delta(s, "input_json_delta", "partial_json", SL_STR("{}"));
    else if (!is_whole(&call->scan) && s->stop != SL_STOP_LENGTH)
        complete(s, call);
    call->state = SL_CALL_SHUT;
}

static void shut(struct sl_translate_stream *s)
{
    struct sl_anthropic_writer *w = s->writer;

    switch (w->open) {
    case SL_BLOCK_NONE:
    case SL_BLOCK_OTHER: return;
    case SL_BLOCK_THINK: shut_thinking(s); break;
    case SL_BLOCK_CALL: shut_call(s); break;
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
    struct sl_anthropic_writer *w = s->writer;

    if (w->open == SL_BLOCK_CALL && !is_whole(&w->calls[w->open_call].scan)) {
        hold(s, &w->kept, esc);
        return;
    }
    open_block(s, SL_BLOCK_TEXT);
    put_kept(s);
    put_delta(s, "text_delta", "text", esc);
}

static void on_think(struct sl_translate_stream *s, struct sl_str esc)
{
    struct sl_anthropic_writer *w = s->writer;

    if (!s->t->wants_thinking ||
        (w->open == SL_BLOCK_CALL && !is_whole(&w->calls[w->open_call].scan)))
        return;
    open_block(s, SL_BLOCK_THINK);
    if (!s->t->thinking_unseen)
        put_delta(s, "thinking_delta", "thinking", esc);
}

static void on_signature(struct sl_translate_stream *s, struct sl_str esc)
{
    struct sl_anthropic_writer *w = s->writer;

    if (w->open != SL_BLOCK_THINK)
        return;
    forget(s, &w->signature);
    hold(s, &w->signature, esc);
}

static void on_hidden(struct sl_translate_stream *s, struct sl_str esc)
{
    struct sl_anthropic_writer *w = s->writer;

    if (!s->t->wants_thinking || w->open == SL_BLOCK_CALL)
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

static struct sl_anthropic_call *call_at(struct sl_translate_stream *s, unsigned number)
{
    struct sl_anthropic_writer *w = s->writer;

    while (w->calls_n <= number) {
        if (w->calls_n == w->calls_cap) {
            unsigned cap = w->calls_cap > 0 ? 2 * w->calls_cap : 4;
            void *more = sl_mem_grow(w->calls, cap * sizeof(*w->calls));

            if (more == NULL) {
                s->err = SL_ERR_NO_MEMORY;
                return NULL;
            }
            w->calls = more;
            w->calls_cap = cap;
        }
        memset(&w->calls[w->calls_n++], 0, sizeof(*w->calls));
    }
    return &w->calls[number];
}

static char *copy(struct sl_translate_stream *s, struct sl_str esc)
{
    char *p = sl_mem_try(esc.n + 1);

    if (p == NULL) {
        s->err = SL_ERR_NO_MEMORY;
        return NULL;
    }
    memcpy(p, esc.p, esc.n);
    p[esc.n] = '\0';
    return p;
}

static void put_args(struct sl_translate_stream *s, struct sl_anthropic_call *call,
                     struct sl_str esc)
{
    if (esc.n == 0)
        return;
    put_delta(s, "input_json_delta", "partial_json", esc);
    call->sent = true;
}

static void open_call(struct sl_translate_stream *s, unsigned number)
{
    struct sl_anthropic_writer *w = s->writer;
    struct sl_anthropic_call *call = &w->calls[number];

    shut(s);
    begin_block(s, "content_block_start");
    sl_neutral_put(s->out, ",\"content_block\":{\"type\":\"tool_use\",\"id\":\"");
    if (call->id != NULL) {
        sl_neutral_put(s->out, call->id);
    } else {
        sl_neutral_put(s->out, "call_");
        sl_grow_add(s->out, s->t->wish.id);
        sl_grow_byte(s->out, '_');
        sl_grow_u64(s->out, number);
    }
    sl_neutral_put(s->out, "\",\"name\":\"");
    sl_neutral_put(s->out, call->name);
    sl_neutral_put(s->out, "\",\"input\":{}}");
    finish(s->out);
    w->open = SL_BLOCK_CALL;
    w->open_call = number;
    w->called = true;
    call->state = SL_CALL_OPEN;
    put_args(s, call, sl_grow_str(&call->held));
    forget(s, &call->held);
    sl_grow_fini(&call->held);
}

static void try_open(struct sl_translate_stream *s, unsigned number)
{
    struct sl_anthropic_writer *w = s->writer;

    if (w->calls[number].state != SL_CALL_WAITS || w->calls[number].name == NULL ||
        (w->open == SL_BLOCK_CALL && !is_whole(&w->calls[w->open_call].scan)))
        return;
    open_call(s, number);
}

static void on_call(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_anthropic_call *call = call_at(s, say->number);

    if (call == NULL)
        return;
    if (call->id == NULL && say->id.n > 0)
        call->id = copy(s, say->id);
    if (call->name == NULL && say->name.n > 0)
        call->name = copy(s, say->name);
    if (s->err == SL_OK)
        try_open(s, say->number);
}

static void on_args(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_anthropic_call *call = call_at(s, say->number);

    if (call == NULL || call->state == SL_CALL_SHUT)
        return;
    scan(&call->scan, say->text);
    if (call->state == SL_CALL_OPEN) {
        put_args(s, call, say->text);
        return;
    }
    hold(s, &call->held, say->text);
    if (s->err == SL_OK)
        try_open(s, say->number);
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
    struct sl_usage usage = s->usage;

    for (unsigned i = 0; i < w->calls_n; i++)
        if (w->calls[i].state == SL_CALL_WAITS && w->calls[i].name != NULL)
            open_call(s, i);
    if (w->kept.n > 0) {
        open_block(s, SL_BLOCK_TEXT);
        put_kept(s);
    }
    shut(s);
    if (!usage.has_out) /* a number of ours is better than none */
        usage.out = (w->bytes + 3) / 4;
    begin(s->out, "message_delta");
    sl_neutral_put(s->out, ",\"delta\":{");
    sl_anthropic_put_stop(s->out, stop_of(s), sl_grow_str(&w->stop_text), sl_grow_str(&w->refusal));
    sl_neutral_put(s->out, "},\"usage\":");
    sl_anthropic_put_usage(s->out, &usage);
    finish(s->out);
    begin(s->out, "message_stop");
    finish(s->out);
}

static void on_stop(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_anthropic_writer *w = s->writer;

    forget(s, &w->stop_text);
    forget(s, &w->refusal);
    hold(s, &w->stop_text, say->text);
    if (say->id.n > 0)
        hold(s, &w->refusal, say->id);
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
        on_text(s, say->text);
        break;
    case SL_SAY_TEXT: on_text(s, say->text); break;
    case SL_SAY_THINK: on_think(s, say->text); break;
    case SL_SAY_SIGNATURE: on_signature(s, say->text); break;
    case SL_SAY_HIDDEN: on_hidden(s, say->text); break;
    case SL_SAY_CALL: on_call(s, say); break;
    case SL_SAY_ARGS: on_args(s, say); break;
    case SL_SAY_CALL_END: break; /* its own brackets tell */
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

    for (unsigned i = 0; i < w->calls_n; i++) {
        sl_mem_free(w->calls[i].id);
        sl_mem_free(w->calls[i].name);
        sl_grow_fini(&w->calls[i].held);
    }
    sl_mem_free(w->calls);
    sl_grow_fini(&w->kept);
    sl_grow_fini(&w->signature);
    sl_grow_fini(&w->stop_text);
    sl_grow_fini(&w->refusal);
}
