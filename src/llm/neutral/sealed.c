/* llm/neutral/sealed.c -- thoughts that only their maker can read, of a router's other models,
 * carried in a signature of ours: a client sends it back, and they go on to where they came from.
 * Source: protocols.md 7.4; OpenRouter, "Preserving reasoning blocks". */
#include "llm/neutral/neutral.h"

#include "base/base64.h"
#include "base/mem.h"

#define HEAD "{\"details\":["
#define TAIL "]}"
#define SEALED_MAX ((size_t)256 << 10) /* bytes of elements: more than a turn's thoughts take */
#define SEALED_MOST 64                 /* elements: each one that is streamed makes all anew */

bool sl_neutral_is_sealed(struct sl_str detail)
{
    return sl_neutral_is(sl_json_get(detail, SL_STR("type")), "reasoning.encrypted") &&
           !sl_neutral_is(sl_json_get(detail, SL_STR("format")), SL_NEUTRAL_ANTHROPIC);
}

void sl_neutral_seal_add(struct sl_neutral_sealed *s, struct sl_str detail)
{
    if (s->n++ == 0)
        sl_grow_init(&s->text, SEALED_MAX);
    sl_grow_add(&s->text, s->n == 1 ? SL_STR(HEAD) : SL_STR(","));
    sl_grow_add(&s->text, detail);
}

void sl_neutral_seal_reset(struct sl_neutral_sealed *s)
{
    sl_grow_fini(&s->text);
    s->n = 0;
}

bool sl_neutral_may_seal(const struct sl_neutral_sealed *s)
{
    return s->n > 0 && s->n <= SEALED_MOST && s->text.err == SL_OK;
}

void sl_neutral_seal(struct sl_grow *g, const struct sl_neutral_sealed *s)
{
    const struct sl_grow *sealed = &s->text;
    size_t n = sealed->n + sizeof(TAIL) - 1;
    uint8_t *bytes = sl_neutral_may_seal(s) ? sl_mem_try(n) : NULL;
    char *room;

    sl_neutral_put(g, SL_NEUTRAL_MARK);
    if (bytes == NULL) /* too much, or no memory: an answer without them is one */
        return;
    memcpy(bytes, sealed->p, sealed->n);
    memcpy(bytes + sealed->n, TAIL, sizeof(TAIL) - 1);
    room = sl_grow_room(g, SL_BASE64_ROOM(n));
    if (room != NULL)
        g->n += sl_base64_encode_url(bytes, n, room);
    sl_mem_free(bytes);
}

/* What a client sends may be anything. */
struct sl_str sl_neutral_unseal(struct sl_neutral_ask *q, struct sl_str signature)
{
    const struct sl_str none = {"", 0}, mark = SL_STR(SL_NEUTRAL_MARK);
    struct sl_str text = none;
    uint8_t *bytes;

    if (!sl_str_starts(signature, mark) || signature.n == mark.n)
        return none;
    signature = sl_str_from(signature, mark.n);
    bytes = sl_arena_alloc(q->a, signature.n);
    if (bytes == NULL) {
        q->err = q->err != SL_OK ? q->err : SL_ERR_NO_MEMORY;
        return none;
    }
    text.p = (const char *)bytes;
    if (!sl_base64_decode_url(signature, bytes, signature.n, &text.n) || !sl_json_is_object(text))
        return none;
    return sl_json_get(text, SL_STR("details"));
}
