/* Fuzz: streams ended by us, wherever they stand.
 *
 * Byte 0 of the input chooses the endpoint, byte 1 which events are lost, the rest is a
 * stream. Held: what is written is whole events of valid JSON, whatever came before; the
 * last one ends the stream; no more is kept than may be.
 */
#include "base/obj.h"
#include "llm/finish/inside.h"
#include "llm/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static void check_kept(const struct sl_finish *f)
{
    const struct sl_finish_item *it = &f->item;

    SL_CHECK(f->head.n + f->done.n + it->raw.n + it->parts[0].n + it->parts[1].n + it->part.n +
                 it->notes.n + it->text.n <=
             SL_FINISH_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum sl_endpoint eps[] = {SL_EP_MESSAGES, SL_EP_CHAT, SL_EP_COMPLETIONS,
                                           SL_EP_RESPONSES};
    const struct sl_usage usage = {.in = 1, .out = 2};
    struct sl_finish_ask ask = {
        .usage = &usage, .id = SL_STR("id"), .model = SL_STR("m"), .now_unix_s = 1};
    struct sl_finish_text t;
    struct sl_finish *f;
    struct sl_str rest;
    struct sl_sse sse;
    size_t n;

    if (size < 2 || size > 200000)
        return 0;
    f = sl_finish_new(eps[data[0] % 4]);
    SL_CHECK(f != NULL);
    rest = (struct sl_str){(const char *)data + 2, size - 2};
    sl_sse_init(&sse);
    for (unsigned i = 0; sl_sse_next(&sse, rest, &n); i++) {
        struct sl_sse_event e;
        char scratch[64];

        if (data[1] > 127 || i % 8 != data[1] % 8) {
            sl_finish_event(f, sl_str_first(rest, n));
        } else {
            sl_sse_parse(sl_str_first(rest, n), scratch, sizeof(scratch), &e);
            sl_finish_lost(f, e.name);
        }
        check_kept(f);
        rest = sl_str_from(rest, n);
    }
    (void)sl_finish_is_over(f);
    SL_CHECK(sl_finish_write(f, &ask, &t) == SL_OK);
    SL_CHECK(t.body.n > 0 || t.last.n > 0);
    check_events(t.body);
    check_events(t.usage);
    check_events(t.last);
    sl_finish_end(&f);
    return 0;
}
