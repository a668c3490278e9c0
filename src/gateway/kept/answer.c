/* An answer's texts, out of the bytes that the client is sent. */
#include "gateway/kept/inside.h"

#include "llm/said.h"

/* ---- texts ---- */

static struct sl_kept_text *find(struct sl_kept *k, uint32_t group, uint32_t part)
{
    for (size_t i = 0; i < k->texts_n; i++)
        if (!k->texts[i].whole && k->texts[i].group == group && k->texts[i].part == part)
            return &k->texts[i];
    return NULL;
}

static struct sl_kept_text *add(struct sl_kept *k, bool whole)
{
    struct sl_kept_text *t;

    if (k->texts_n == SL_KEPT_STRANDS) {
        k->cut = true;
        return NULL;
    }
    t = &k->texts[k->texts_n++];
    *t = (struct sl_kept_text){.whole = whole};
    sl_grow_init(&t->text, k->r->conf->kept.max);
    return t;
}

static void go_on(struct sl_kept *k, struct sl_kept_text *t, struct sl_str inner)
{
    size_t before = t->text.n;

    if (t->cut) /* a later piece may be small enough, but does not follow */
        return;
    if (!sl_kept_unescape(&t->text, inner, k->left))
        k->cut = t->cut = true;
    k->left -= t->text.n - before;
}

static void on_text(void *ctx, const struct sl_heard_text *text)
{
    struct sl_kept *k = ctx;
    struct sl_kept_text *t = text->whole ? NULL : find(k, text->group, text->part);

    if (t == NULL)
        t = add(k, text->whole);
    if (t == NULL)
        return;
    t->group = text->group;
    t->part = text->part;
    t->json = text->json;
    go_on(k, t, text->inner);
}

static void on_end(void *ctx, uint32_t group)
{
    struct sl_kept *k = ctx;

    for (size_t i = 0; i < k->texts_n; i++)
        if (group == SL_HEARD_ALL || k->texts[i].group == group)
            k->texts[i].whole = true;
}

static void on_said(void *ctx, struct sl_str inner, bool json)
{
    struct sl_heard_text text = {.inner = inner, .json = json, .whole = true};

    on_text(ctx, &text);
}

/* ---- bytes ---- */

static void hold(struct sl_kept *k, struct sl_str bytes)
{
    sl_grow_add(&k->tail, bytes);
    if (k->tail.err != SL_OK)
        k->cut = true;
}

static void hear_event(struct sl_kept *k, struct sl_str piece)
{
    static const struct sl_heard_ops ops = {on_text, on_end};
    struct sl_str event = piece;

    if (k->tail.n > 0 || k->tail.err != SL_OK) {
        hold(k, piece);
        event = sl_grow_str(&k->tail);
    }
    if (k->tail.err == SL_OK && !sl_heard_event(&k->heard, k->r->ep, event, &ops, k))
        k->cut = true;
    sl_grow_fini(&k->tail);
    sl_grow_init(&k->tail, SL_KEPT_WHOLE);
}

void sl_kept_hear(void *ctx, struct sl_str piece)
{
    struct sl_kept *k = ctx;
    size_t n;

    while (k->r->mode == SL_RELAY_STREAM && piece.n > 0 && sl_sse_next(&k->sse, piece, &n)) {
        hear_event(k, sl_str_first(piece, n));
        piece = sl_str_from(piece, n);
    }
    if (piece.n > 0)
        hold(k, piece);
}

/* An event without an end says nothing to anybody. Half a plain answer is no JSON. */
void sl_kept_hear_end(struct sl_kept *k)
{
    struct sl_usage ignored = {0};
    struct sl_answer_tap tap;

    if (k->tail.n == 0 || k->tail.err != SL_OK || k->r->mode == SL_RELAY_STREAM)
        return;
    sl_answer_tap_init(&tap, &ignored);
    sl_answer_tap_feed(&tap, sl_grow_str(&k->tail));
    if (sl_answer_tap_finish(&tap))
        sl_said_answer(sl_grow_str(&k->tail), on_said, k);
    else
        k->cut = true;
    sl_answer_tap_fini(&tap);
}
