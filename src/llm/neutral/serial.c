/* llm/neutral/serial.c -- pieces of several calls, one call after the other. */
#include "llm/neutral/neutral.h"

#include "base/mem.h"

static void pass(struct sl_translate_stream *s, const struct sl_say *say)
{
    if (s->err == SL_OK)
        s->t->client->write_say(s, say);
}

/* --- What waits --------------------------------------------------------------------------- */

/* Within the ceiling of all that waits. */
static void hold(struct sl_translate_stream *s, struct sl_grow *g, struct sl_str esc)
{
    struct sl_neutral_serial *q = &s->serial;

    if (esc.n > SL_TRANSLATE_WAIT - q->waiting) {
        s->err = SL_ERR_CEILING;
        return;
    }
    if (g->max == 0)
        sl_grow_init(g, SL_TRANSLATE_WAIT);
    sl_grow_add(g, esc);
    if (g->err != SL_OK)
        s->err = g->err;
    q->waiting += esc.n;
}

static void put_kept(struct sl_translate_stream *s)
{
    struct sl_neutral_serial *q = &s->serial;

    if (q->kept.n == 0)
        return;
    pass(s, &(struct sl_say){.kind = q->kept_refusal ? SL_SAY_REFUSAL : SL_SAY_TEXT,
                             .text = sl_grow_str(&q->kept)});
    q->waiting -= q->kept.n;
    q->kept.n = 0;
    q->kept_refusal = false;
}

/* The last one counts. An answer can do without: one that has no room ends nothing. */
static void keep_seal(struct sl_translate_stream *s, struct sl_str esc)
{
    struct sl_neutral_serial *q = &s->serial;

    if (!sl_str_starts(esc, SL_STR(SL_NEUTRAL_MARK)))
        return;
    q->waiting -= q->seal.n;
    q->seal.n = 0;
    if (esc.n <= SL_TRANSLATE_WAIT - q->waiting)
        hold(s, &q->seal, esc);
}

static void put_seal(struct sl_translate_stream *s)
{
    struct sl_neutral_serial *q = &s->serial;

    if (q->seal.n == 0)
        return;
    pass(s, &(struct sl_say){.kind = SL_SAY_SIGNATURE, .text = sl_grow_str(&q->seal)});
    q->waiting -= q->seal.n;
    q->seal.n = 0;
}

/* --- The JSON of arguments ------------------------------------------------------------------ */

static void scan_open(struct sl_neutral_scan *c, bool object)
{
    c->begun = true;
    if (c->depth < 64)
        c->objects =
            object ? c->objects | (uint64_t)1 << c->depth : c->objects & ~((uint64_t)1 << c->depth);
    c->depth++;
}

static void scan(struct sl_neutral_scan *c, struct sl_str esc)
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

static bool is_whole(const struct sl_neutral_scan *c)
{
    return c->begun && c->depth == 0 && !c->in_string;
}

static void pass_args(struct sl_translate_stream *s, unsigned number, struct sl_str esc)
{
    if (esc.n == 0)
        return;
    pass(s, &(struct sl_say){.kind = SL_SAY_ARGS, .number = number, .text = esc});
    s->serial.calls[number].sent = true;
}

/* What a cut text lacks, so that a client can at least read it. */
static void complete(struct sl_translate_stream *s, unsigned number)
{
    struct sl_neutral_scan *c = &s->serial.calls[number].scan;
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
    pass_args(s, number, sl_text_str(&t));
}

/* --- Calls ---------------------------------------------------------------------------------- */

static bool is_blocked(const struct sl_neutral_serial *q)
{
    return q->is_open && !is_whole(&q->calls[q->open].scan);
}

static void shut(struct sl_translate_stream *s)
{
    struct sl_neutral_serial *q = &s->serial;
    struct sl_neutral_call *call;

    if (!q->is_open)
        return;
    call = &q->calls[q->open];
    if (!call->sent)
        pass_args(s, q->open, SL_STR("{}"));
    else if (!is_whole(&call->scan) && s->stop != SL_STOP_LENGTH)
        complete(s, q->open);
    pass(s, &(struct sl_say){.kind = SL_SAY_CALL_END, .number = q->open});
    call->state = SL_CALL_SHUT;
    q->is_open = false;
}

static struct sl_neutral_call *call_at(struct sl_translate_stream *s, unsigned number)
{
    struct sl_neutral_serial *q = &s->serial;

    while (q->calls_n <= number) {
        if (q->calls_n == q->calls_cap) {
            unsigned cap = q->calls_cap > 0 ? 2 * q->calls_cap : 4;
            void *more = sl_mem_grow(q->calls, cap * sizeof(*q->calls));

            if (more == NULL) {
                s->err = SL_ERR_NO_MEMORY;
                return NULL;
            }
            q->calls = more;
            q->calls_cap = cap;
        }
        memset(&q->calls[q->calls_n++], 0, sizeof(*q->calls));
    }
    return &q->calls[number];
}

/* Of an id or a name. */
static char *copy(struct sl_translate_stream *s, struct sl_str esc)
{
    char *p;

    if (esc.n > SL_NEUTRAL_KEPT) {
        s->err = SL_ERR_UP_GARBAGE;
        return NULL;
    }
    p = sl_mem_try(esc.n + 1);
    if (p == NULL) {
        s->err = SL_ERR_NO_MEMORY;
        return NULL;
    }
    memcpy(p, esc.p, esc.n);
    p[esc.n] = '\0';
    return p;
}

static void open_call(struct sl_translate_stream *s, unsigned number)
{
    struct sl_neutral_serial *q = &s->serial;
    struct sl_neutral_call *call = &q->calls[number];
    char made[64];
    struct sl_text id = sl_text_over(made, sizeof(made));

    shut(s);
    sl_text_add(&id, SL_STR("call_"));
    sl_text_add(&id, s->t->wish.id);
    sl_text_byte(&id, '_');
    sl_text_u64(&id, number);
    pass(s, &(struct sl_say){.kind = SL_SAY_CALL,
                             .number = number,
                             .id = call->id != NULL ? sl_str_of(call->id) : sl_text_str(&id),
                             .name = sl_str_of(call->name)});
    q->is_open = true;
    q->open = number;
    call->state = SL_CALL_OPEN;
    pass_args(s, number, sl_grow_str(&call->held));
    q->waiting -= call->held.n;
    sl_grow_fini(&call->held);
}

static void try_open(struct sl_translate_stream *s, unsigned number)
{
    const struct sl_neutral_call *call = &s->serial.calls[number];

    if (call->state == SL_CALL_WAITS && call->name != NULL && !is_blocked(&s->serial))
        open_call(s, number);
}

static void on_call(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_neutral_call *call = call_at(s, say->number);

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
    struct sl_neutral_call *call = call_at(s, say->number);

    if (call == NULL || call->state == SL_CALL_SHUT)
        return;
    scan(&call->scan, say->text);
    if (call->state == SL_CALL_OPEN) {
        pass_args(s, say->number, say->text);
        return;
    }
    hold(s, &call->held, say->text);
    if (s->err == SL_OK)
        try_open(s, say->number);
}

/* One that was cut is not whole yet: why it was is said later. */
static void on_call_end(struct sl_translate_stream *s, const struct sl_say *say)
{
    const struct sl_neutral_serial *q = &s->serial;

    if (q->is_open && q->open == say->number &&
        (!is_blocked(q) || !q->calls[say->number].scan.begun))
        shut(s);
}

/* --- In order ------------------------------------------------------------------------------- */

static void on_text(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_neutral_serial *q = &s->serial;

    if (is_blocked(q)) {
        q->kept_refusal = q->kept_refusal || say->kind == SL_SAY_REFUSAL;
        hold(s, &q->kept, say->text);
        return;
    }
    shut(s);
    put_seal(s);
    put_kept(s);
    pass(s, say);
}

static void on_thought(struct sl_translate_stream *s, const struct sl_say *say)
{
    if (s->serial.is_open && say->kind == SL_SAY_SIGNATURE) {
        keep_seal(s, say->text);
        return;
    }
    if (is_blocked(&s->serial))
        return;
    shut(s);
    put_seal(s);
    pass(s, say);
}

static void on_end(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_neutral_serial *q = &s->serial;

    for (unsigned i = 0; i < q->calls_n; i++)
        if (q->calls[i].state == SL_CALL_WAITS && q->calls[i].name != NULL)
            open_call(s, i);
    shut(s);
    put_seal(s);
    put_kept(s);
    pass(s, say);
}

void sl_neutral_serial_say(struct sl_translate_stream *s, const struct sl_say *say)
{
    switch (say->kind) {
    case SL_SAY_TEXT:
    case SL_SAY_REFUSAL: on_text(s, say); break;
    case SL_SAY_THINK:
    case SL_SAY_SIGNATURE:
    case SL_SAY_HIDDEN: on_thought(s, say); break;
    case SL_SAY_CALL: on_call(s, say); break;
    case SL_SAY_ARGS: on_args(s, say); break;
    case SL_SAY_CALL_END: on_call_end(s, say); break;
    case SL_SAY_END: on_end(s, say); break;
    case SL_SAY_START:
    case SL_SAY_STOP:
    case SL_SAY_PING:
    case SL_SAY_ERROR: pass(s, say); break;
    }
}

void sl_neutral_serial_fini(struct sl_neutral_serial *q)
{
    for (unsigned i = 0; i < q->calls_n; i++) {
        sl_mem_free(q->calls[i].id);
        sl_mem_free(q->calls[i].name);
        sl_grow_fini(&q->calls[i].held);
    }
    sl_mem_free(q->calls);
    sl_grow_fini(&q->kept);
    sl_grow_fini(&q->seal);
}
