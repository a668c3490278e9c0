/* Fuzz: what is heard of a stream, and the search for words in it.
 *
 * Byte 0 of the input chooses the endpoint, byte 1 whether texts are JSON; the rest is a
 * stream. Held: cut anywhere, as many words are found; what is
 * open is never more than a word or what was read.
 */
#include "base/json.h"
#include "base/obj.h"
#include "gateway/words/feed.h"
#include "llm/heard.h"
#include "llm/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct ear {
    struct sl_feed once, twice;
    bool json;
};

static struct sl_words *words;

static void make_words(void)
{
    static const char *const all[] = {"a", "hello", "x y", "\xe4\xb8\x96", "text"};

    words = sl_words_new();
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        SL_CHECK(sl_words_add(words, i, i % 2 != 0, sl_str_of(all[i])) == SL_OK);
    SL_CHECK(sl_words_done(words) == SL_OK);
}

/* The first place behind the middle where a string may end: outside of escapes. */
static size_t cut_of(struct sl_str inner)
{
    uint32_t code;
    size_t at = 0;

    while (at < inner.n / 2) {
        size_t n = sl_json_char(sl_str_from(inner, at), &code);

        at += n > 0 ? n : 1;
    }
    return at;
}

static void on_text(void *ctx, const struct sl_heard_text *t)
{
    struct ear *e = ctx;
    size_t cut = cut_of(t->inner);
    bool json = t->json || e->json;

    SL_CHECK(t->inner.p != NULL && t->inner.n > 0);
    sl_feed_text(&e->once, t->inner, json);
    sl_feed_text(&e->twice, sl_str_first(t->inner, cut), json);
    sl_feed_text(&e->twice, sl_str_from(t->inner, cut), json);
    SL_CHECK(sl_words_open(&e->once.seek, UINT64_MAX) <= SL_WORDS_BYTES);
    SL_CHECK(sl_words_open(&e->once.seek, UINT64_MAX) <= e->once.seek.at);
    if (t->whole) {
        sl_feed_rest(&e->once);
        sl_feed_rest(&e->twice);
    }
}

static void on_end(void *ctx, uint32_t group)
{
    struct ear *e = ctx;

    (void)group;
    sl_feed_rest(&e->once);
    sl_feed_rest(&e->twice);
    SL_CHECK(sl_words_open(&e->once.seek, UINT64_MAX) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum sl_endpoint eps[] = {SL_EP_MESSAGES, SL_EP_CHAT, SL_EP_COMPLETIONS,
                                           SL_EP_RESPONSES};
    static const struct sl_heard_ops ops = {on_text, on_end};
    struct sl_heard h = {.done = {0}};
    struct ear e;
    struct sl_str rest;
    struct sl_sse sse;
    size_t n;

    if (size < 2 || size > 200000)
        return 0;
    if (words == NULL)
        make_words();
    sl_feed_begin(&e.once, words, UINT64_MAX);
    sl_feed_begin(&e.twice, words, UINT64_MAX);
    e.json = data[1] > 127;
    rest = (struct sl_str){(const char *)data + 2, size - 2};
    sl_sse_init(&sse);
    while (sl_sse_next(&sse, rest, &n)) {
        (void)sl_heard_event(&h, eps[data[0] % 4], sl_str_first(rest, n), &ops, &e);
        rest = sl_str_from(rest, n);
    }
    on_end(&e, SL_HEARD_ALL);
    SL_CHECK(e.once.seek.at == e.twice.seek.at);
    for (size_t i = 0; i < SL_WORDS_LISTS; i++)
        SL_CHECK(e.once.seek.count[i] == e.twice.seek.count[i]);
    return 0;
}
