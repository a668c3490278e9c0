/* What the tests of translation share. Texts of JSON are written with ' for ", so that they
 * can be read; a test that needs an apostrophe writes \\u0027. Static functions that a test
 * does not use are no fault. */
#ifndef SL_TEST_TRANSLATE_H
#define SL_TEST_TRANSLATE_H

#include "base/mem.h"

#include "_fold.h"

#include "llm/translate.h"

static UNUSED struct sl_str json(const char *text)
{
    size_t n = strlen(text);
    char *p = sl_arena_alloc(&arena, n + 1);

    assert_non_null(p);
    for (size_t i = 0; i <= n; i++)
        p[i] = text[i] == '\'' ? '"' : text[i];
    return (struct sl_str){p, n};
}

static UNUSED struct sl_translate_wish wish_of(enum sl_endpoint from, enum sl_flavor flavor,
                                               const char *model)
{
    return (struct sl_translate_wish){
        .from = from,
        .to = from == SL_EP_CHAT ? SL_EP_MESSAGES : SL_EP_CHAT,
        .flavor = flavor,
        .model = sl_str_of(model),
        .asked = SL_STR("asked"),
        .id = SL_STR("0123456789abcdef"),
        .created_s = 1790000000,
        .max = 1 << 20,
    };
}

/* The translation of a request, which must be one. */
static UNUSED struct sl_translate *ask(const struct sl_translate_wish *w, const char *body,
                                       struct sl_str *out)
{
    struct sl_translate *t = NULL;
    const char *why;
    enum sl_err err = sl_translate_request(w, json(body), &arena, &t, out, &why);

    if (err != SL_OK)
        fail_msg("%s: %s for %s", sl_err_name(err), why != NULL ? why : "", body);
    return t;
}

/* All events of `stream` through a translator, in one text; the provider then ends. */
static UNUSED enum sl_err run(const struct sl_translate *t, struct sl_str stream,
                              struct sl_usage *u, struct sl_str *out)
{
    struct sl_translate_stream *s = sl_translate_stream_new(t);
    enum sl_err err = SL_OK;
    struct sl_grow g;
    struct sl_sse sse;
    size_t n;

    assert_non_null(s);
    sl_grow_init(&g, 1 << 22);
    sl_sse_init(&sse);
    while (err == SL_OK && sl_sse_next(&sse, stream, &n)) {
        err = sl_translate_stream_event(s, sl_str_first(stream, n), &g);
        stream = sl_str_from(stream, n);
    }
    if (err == SL_OK)
        err = sl_translate_stream_finish(s, &g);
    if (u != NULL)
        *u = *sl_translate_stream_usage(s);
    assert_int_equal(sl_grow_take(&g, &arena, out), SL_OK);
    sl_translate_stream_end(&s);
    return err;
}

/* What a client puts together of a stream; NULL text: no strict client can. */
static UNUSED struct sl_str folded(enum sl_endpoint ep, struct sl_str stream)
{
    struct sl_fold *f = sl_fold_new(ep, FOLD_MAX);
    struct sl_str out = {NULL, 0};
    struct sl_sse sse;
    size_t n;

    assert_non_null(f);
    sl_sse_init(&sse);
    while (sl_sse_next(&sse, stream, &n)) {
        sl_fold_event(f, sl_str_first(stream, n));
        stream = sl_str_from(stream, n);
    }
    if (!sl_fold_is_whole(f) || sl_fold_finish(f, &arena, &out) != SL_OK)
        out = (struct sl_str){NULL, 0};
    sl_fold_end(&f);
    return out;
}

#endif
