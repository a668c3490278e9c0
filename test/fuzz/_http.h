/* Fuzz: what a run of the HTTP parser reported, so that two runs over the same
 * bytes, cut differently, can be compared. */
#ifndef SL_TEST_FUZZ_HTTP_H
#define SL_TEST_FUZZ_HTTP_H

#include "base/mem.h"
#include "base/obj.h"
#include "http/parse.h"

#define STORY_MESSAGES 64

struct story_message {
    uint64_t head;
    uint64_t body;
    uint64_t body_n;
    bool over;
};

struct story {
    struct story_message m[STORY_MESSAGES];
    size_t n;
    bool failed;
    enum sl_err err;
};

static uint64_t story_mix(uint64_t h, const void *p, size_t n)
{
    const unsigned char *c = p;

    for (size_t i = 0; i < n; i++)
        h = (h ^ c[i]) * 1099511628211u;
    return h;
}

static uint64_t story_str(uint64_t h, struct sl_str s)
{
    return story_mix(story_mix(h, &s.n, sizeof(s.n)), s.p, s.n);
}

static uint64_t story_headers(uint64_t h, const struct sl_headers *l)
{
    SL_CHECK(l->n <= SL_MESSAGE_HEADERS_MAX);
    for (size_t i = 0; i < l->n; i++) {
        SL_CHECK(sl_headers_name_ok(l->v[i].name));
        SL_CHECK(sl_headers_value_ok(l->v[i].value));
        h = story_str(story_str(h, l->v[i].name), l->v[i].value);
    }
    return h;
}

static enum sl_err story_request(struct sl_parse *p, struct sl_arena *a, uint64_t *sum)
{
    struct sl_request_head r;
    enum sl_err e = sl_parse_request(p, a, &r);

    if (e != SL_OK)
        return e;
    SL_CHECK(r.target.n > 0 && r.target.n <= SL_MESSAGE_TARGET_MAX);
    SL_CHECK(sl_headers_count(&r.headers, SL_STR("host")) == 1 || r.http10);
    SL_CHECK(sl_headers_count(&r.headers, SL_STR("content-length")) +
                 sl_headers_count(&r.headers, SL_STR("transfer-encoding")) <=
             1);
    SL_CHECK(!r.chunked || !r.http10);
    *sum = story_headers(1, &r.headers);
    *sum = story_str(story_str(*sum, r.method_text), r.target);
    *sum = story_str(story_str(*sum, r.path), r.query);
    *sum += (uint64_t)r.method + 16u * r.http10 + 32u * r.keep_alive + 64u * r.expect_continue +
            128u * r.has_body + 256u * r.chunked + 512u * r.length;
    return e;
}

static enum sl_err story_answer(struct sl_parse *p, struct sl_arena *a, bool is_head, uint64_t *sum)
{
    struct sl_answer_head r;
    enum sl_err e = sl_parse_answer(p, a, is_head, &r);

    if (e != SL_OK)
        return e;
    SL_CHECK(r.status >= 100 && r.status <= 599 && r.status != 101);
    SL_CHECK(sl_headers_count(&r.headers, SL_STR("content-length")) <= 1);
    *sum = story_headers(1, &r.headers);
    *sum += (uint64_t)r.status + 1024u * r.has_length + 2048u * r.event_stream + 4096u * r.json +
            8192u * r.length + 16384u * p->keep_alive;
    return e;
}

/* One piece, until nothing more can be done with it; false: it failed. */
static bool story_feed(struct sl_parse *p, struct story *s, struct sl_str in, bool is_head)
{
    for (;;) {
        struct sl_str piece = {NULL, 0}, before = in;
        struct story_message *m = &s->m[s->n];
        struct sl_arena a;
        enum sl_err e = SL_OK;

        switch (sl_parse_next(p, &in, &piece)) {
        case SL_PARSE_MORE: SL_CHECK(in.n == 0); return true;
        case SL_PARSE_HEAD:
            sl_arena_init(&a, 1 << 20);
            e = p->request ? story_request(p, &a, &m->head)
                           : story_answer(p, &a, is_head, &m->head);
            sl_arena_fini(&a);
            if (e == SL_OK)
                break;
            s->failed = true;
            s->err = e;
            return false;
        case SL_PARSE_BODY:
            SL_CHECK(piece.n > 0 && piece.p >= before.p && piece.p + piece.n <= in.p);
            m->body = story_mix(m->body_n > 0 ? m->body : 1, piece.p, piece.n);
            m->body_n += piece.n;
            break;
        case SL_PARSE_END:
            m->over = true;
            if (s->n + 1 == STORY_MESSAGES)
                return false;
            s->n++;
            sl_parse_again(p);
            break;
        case SL_PARSE_FAIL:
            s->failed = true;
            s->err = p->err;
            return false;
        }
    }
}

/* Runs over the whole text (dice 0) or over pieces that stand alone in memory,
 * so that reading past one is seen. */
static void story_run(struct sl_str text, bool request, bool is_head, uint32_t dice,
                      struct story *s)
{
    struct sl_parse p;
    bool on = true;

    *s = (struct story){.n = 0};
    sl_parse_init(&p, request);
    while (on && text.n > 0) {
        size_t n = text.n, most = dice & 1 ? 3 : 200;
        char *copy;

        if (dice != 0) {
            dice = dice * 1664525 + 1013904223;
            n = 1 + (dice >> 16) % most;
            n = n < text.n ? n : text.n;
        }
        copy = sl_mem_new(n);
        memcpy(copy, text.p, n);
        on = story_feed(&p, s, (struct sl_str){copy, n}, is_head);
        (void)sl_parse_target(&p);
        sl_mem_free(copy);
        text = sl_str_from(text, n);
    }
    if (on && sl_parse_finish(&p))
        s->m[s->n].over = true;
    sl_parse_fini(&p);
}

static void story_same(const struct story *a, const struct story *b)
{
    SL_CHECK(a->n == b->n && a->failed == b->failed);
    for (size_t i = 0; i <= a->n && i < STORY_MESSAGES; i++) {
        const struct story_message *x = &a->m[i], *y = &b->m[i];

        SL_CHECK(x->head == y->head && x->body_n == y->body_n && x->body == y->body);
        SL_CHECK(x->over == y->over);
    }
}

/* The split oracle: pieces, whatever their sizes, give the same facts. */
static void story_check(struct sl_str text, bool request, bool is_head, struct story *whole)
{
    static struct story pieces;

    story_run(text, request, is_head, 0, whole);
    for (uint32_t dice = 1; dice <= 4; dice++) {
        story_run(text, request, is_head, dice, &pieces);
        story_same(whole, &pieces);
    }
}

#endif
