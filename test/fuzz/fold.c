/* Fuzz: streams folded, answers unfolded.
 *
 * Byte 0 of the input chooses the endpoint and whether the rest is a stream or a plain
 * answer. Held: nothing invalid is made of anything; what a fold made, unfolded and
 * folded again, is the same value; a fold never holds more than it may.
 */
#include "base/doc.h"
#include "base/obj.h"
#include "llm/fold.h"
#include "llm/sse.h"

#define MAX ((size_t)1 << 16)
#define ROOM ((size_t)1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lone surrogates are JSON, but make no tree: those are not compared. */
static bool is_same(struct sl_str a, struct sl_str b)
{
    struct sl_doc x, y;
    bool read = sl_doc_read(&x, a, ROOM, YYJSON_READ_NUMBER_AS_RAW) == SL_OK;
    bool same;

    read = sl_doc_read(&y, b, ROOM, YYJSON_READ_NUMBER_AS_RAW) == SL_OK && read;
    same = !read || yyjson_equals(x.root, y.root);
    sl_doc_fini(&x);
    sl_doc_fini(&y);
    return same;
}

static bool fold(enum sl_endpoint ep, struct sl_str stream, struct sl_arena *a, struct sl_str *out)
{
    struct sl_fold *f = sl_fold_new(ep, MAX);
    struct sl_sse sse;
    bool ok = false;
    size_t n;

    SL_CHECK(f != NULL);
    sl_sse_init(&sse);
    while (sl_sse_next(&sse, stream, &n)) {
        sl_fold_event(f, sl_str_first(stream, n));
        stream = sl_str_from(stream, n);
    }
    if (sl_fold_is_whole(f))
        ok = sl_fold_finish(f, a, out) == SL_OK;
    else
        SL_CHECK(sl_fold_finish(f, a, out) == SL_ERR_UP_GARBAGE);
    SL_CHECK(!ok || sl_json_is_object(*out));
    sl_fold_end(&f);
    return ok;
}

/* Every event of ours is one that anybody can read. */
static void check_events(struct sl_str stream)
{
    char scratch[16];
    struct sl_sse_event e;
    struct sl_sse sse;
    size_t n;

    sl_sse_init(&sse);
    while (sl_sse_next(&sse, stream, &n)) {
        sl_sse_parse(sl_str_first(stream, n), scratch, sizeof(scratch), &e);
        SL_CHECK(e.has_data && (sl_json_is_object(e.data) || sl_str_eq(e.data, SL_STR("[DONE]"))));
        stream = sl_str_from(stream, n);
    }
    SL_CHECK(stream.n == 0);
}

static void there_and_back(enum sl_endpoint ep, struct sl_str plain, struct sl_arena *a)
{
    struct sl_str stream, again;

    if (sl_unfold(ep, plain, true, a, &stream) != SL_OK)
        return;
    check_events(stream);
    if (fold(ep, stream, a, &again))
        SL_CHECK(is_same(plain, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum sl_endpoint eps[] = {SL_EP_MESSAGES, SL_EP_CHAT, SL_EP_COMPLETIONS,
                                           SL_EP_RESPONSES};
    struct sl_str rest, plain, stream;
    enum sl_endpoint ep;
    struct sl_arena a;

    if (size == 0 || size > 16384)
        return 0;
    ep = eps[data[0] % 4];
    rest = (struct sl_str){(const char *)data + 1, size - 1};
    sl_arena_init(&a, ROOM);
    (void)sl_fold_is_keepable(ep, rest);
    if ((data[0] & 4) == 0) {
        if (fold(ep, rest, &a, &plain))
            there_and_back(ep, plain, &a);
    } else if (sl_unfold(ep, rest, (data[0] & 8) != 0, &a, &stream) == SL_OK) {
        check_events(stream);
        /* what clients demand was added, and the numbers of calls dropped: from then on
         * nothing changes */
        if (fold(ep, stream, &a, &plain))
            there_and_back(ep, plain, &a);
    }
    sl_arena_fini(&a);
    return 0;
}
