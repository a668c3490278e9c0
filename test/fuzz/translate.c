/* Fuzz: streams, answers, errors and requests of one protocol as the other one's.
 *
 * Byte 0 of the input chooses the direction, what the rest is, and what the client asked
 * for; its highest bit makes the client one of Responses. Held: whatever comes in, only valid
 * events and bodies go out; a stream that ended well is one that a strict client puts together; how
 * the bytes of a stream were cut into events does not matter to what is held back, which has a
 * ceiling.
 */
#include "base/obj.h"
#include "llm/fold.h"
#include "llm/sse.h"
#include "llm/translate.h"

#define ROOM ((size_t)1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum sl_endpoint client_of(uint8_t how)
{
    return (how & 0x80) != 0 ? SL_EP_RESPONSES : (how & 1) != 0 ? SL_EP_CHAT : SL_EP_MESSAGES;
}

static struct sl_translate *ask(uint8_t how, struct sl_arena *a)
{
    static const char *const bodies[] = {
        "{\"messages\":[],\"input\":[],\"stream\":true}",
        "{\"messages\":[],\"input\":[],\"stream\":true,\"thinking\":{\"type\":\"adaptive\"},"
        "\"stream_options\":{\"include_usage\":true}}",
        "{\"messages\":[],\"functions\":[],\"thinking\":{\"type\":\"enabled\",\"display\":"
        "\"omitted\"},\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
        "\"f\","
        "\"schema\":{\"type\":\"object\"}}}}",
        "{\"input\":\"q\",\"tools\":[{\"type\":\"custom\",\"name\":\"f\"}]}",
    };
    struct sl_translate_wish w = {.from = client_of(how),
                                  .to = (how & 1) != 0 ? SL_EP_MESSAGES : SL_EP_CHAT,
                                  .model = SL_STR("m"),
                                  .asked = SL_STR("m"),
                                  .id = SL_STR("1"),
                                  .adds_usage = (how & 2) != 0,
                                  .forms_by_tool = true,
                                  .max = 4096};
    unsigned body = (how >> 4) % 3;
    struct sl_translate *t;
    struct sl_str out;
    const char *why;

    if ((how & 0x80) != 0 && body == 2)
        body = 3;
    SL_CHECK(sl_translate_request(&w, sl_str_of(bodies[body]), a, &t, &out, &why) == SL_OK);
    return t;
}

/* Comments are keep-alives, anything else is an object or the end. */
static void check_stream(enum sl_endpoint ep, struct sl_str stream, bool whole)
{
    struct sl_fold *f = sl_fold_new(ep, ROOM);
    char scratch[16];
    struct sl_sse_event e;
    struct sl_sse sse;
    size_t n;

    SL_CHECK(f != NULL);
    sl_sse_init(&sse);
    while (sl_sse_next(&sse, stream, &n)) {
        sl_sse_parse(sl_str_first(stream, n), scratch, sizeof(scratch), &e);
        SL_CHECK(e.has_data ? sl_json_is_object(e.data) || sl_str_eq(e.data, SL_STR("[DONE]"))
                            : stream.p[0] == ':');
        sl_fold_event(f, sl_str_first(stream, n));
        stream = sl_str_from(stream, n);
    }
    SL_CHECK(stream.n == 0);
    SL_CHECK(!whole || sl_fold_is_whole(f));
    sl_fold_end(&f);
}

static void stream(enum sl_endpoint ep, const struct sl_translate *t, struct sl_str rest)
{
    struct sl_translate_stream *s = sl_translate_stream_new(t);
    enum sl_err err = SL_OK;
    struct sl_sse sse;
    struct sl_grow g;
    bool over;
    size_t n;

    SL_CHECK(s != NULL);
    sl_grow_init(&g, ROOM);
    sl_sse_init(&sse);
    while (err == SL_OK && sl_sse_next(&sse, rest, &n)) {
        err = sl_translate_stream_event(s, sl_str_first(rest, n), &g);
        rest = sl_str_from(rest, n);
    }
    if (err == SL_OK)
        err = sl_translate_stream_finish(s, &g);
    over = err == SL_OK && sl_translate_stream_usage(s)->has_final;
    check_stream(ep, sl_grow_str(&g), over);
    sl_grow_fini(&g);
    sl_translate_stream_end(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_translate_wish w = {.model = SL_STR("claude-3"), .asked = SL_STR("m"), .max = ROOM};
    struct sl_str rest, out;
    struct sl_translate *t;
    struct sl_usage u;
    struct sl_arena a;
    const char *why;
    int status = 400;

    if (size == 0 || size > 16384)
        return 0;
    rest = (struct sl_str){(const char *)data + 1, size - 1};
    sl_arena_init(&a, ROOM);
    t = ask(data[0], &a);
    w.from = client_of(data[0]);
    w.to = (data[0] & 1) != 0 ? SL_EP_MESSAGES : SL_EP_CHAT;
    w.flavor = (enum sl_flavor)((data[0] >> 4) % 3);
    w.plain_schemas = w.forms_by_tool = (data[0] & 2) != 0;
    switch (data[0] >> 2 & 3) {
    case 0:
    case 1: stream(w.from, t, rest); break;
    case 2:
        if (sl_translate_answer(t, rest, &a, &u, &out) == SL_OK)
            SL_CHECK(sl_json_is_object(out));
        SL_CHECK(sl_translate_error(t, rest, &a, &status, &out) == SL_OK && sl_json_is_object(out));
        break;
    case 3:
        if (sl_json_is_object(rest))
            SL_CHECK(sl_translate_unsign(w.from, rest, &a, &out) == SL_OK &&
                     sl_json_is_object(out));
        if (sl_json_is_object(rest) && sl_translate_request(&w, rest, &a, &t, &out, &why) == SL_OK)
            SL_CHECK(sl_json_is_object(out));
        break;
    }
    sl_arena_fini(&a);
    return 0;
}
