/* Fuzz: bodies of the prompt API and of legacy completions, and what stands in a Redis that
 * anybody may write to. Held: a body that is taken is an object, and so is its translation to
 * either protocol; what is taken from Redis is an object with the digest that was asked for. */
#include "base/obj.h"
#include "llm/prompt.h"
#include "llm/translate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void translate(enum sl_endpoint from, enum sl_endpoint to, struct sl_str body,
                      struct sl_arena *a)
{
    struct sl_translate_wish w = {.from = from,
                                  .to = to,
                                  .model = SL_STR("m"),
                                  .asked = SL_STR("m"),
                                  .id = SL_STR("1"),
                                  .max = 2 * body.n + 65536};
    struct sl_translate *t;
    struct sl_str out;
    const char *why;
    enum sl_err err = sl_translate_request(&w, body, a, &t, &out, &why);

    SL_CHECK(err == SL_OK ? sl_json_is_object(out) : err == SL_ERR_BAD_FIELD ? why != NULL : true);
}

static void ask(struct sl_str body, struct sl_arena *a)
{
    const struct sl_prompt_defaults usual = {SL_STR("m"), 1024, SL_STR("0.7")};
    struct sl_prompt p;
    enum sl_err err = sl_prompt_fill(body, &usual, a, &p);

    SL_CHECK((err == SL_ERR_BAD_FIELD) == (p.why != NULL));
    if (err == SL_OK) {
        SL_CHECK(sl_json_is_object(p.body) && p.prompt.n <= body.n);
        translate(SL_EP_PROMPT, SL_EP_CHAT, p.body, a);
        translate(SL_EP_PROMPT, SL_EP_MESSAGES, p.body, a);
    }
    translate(SL_EP_COMPLETIONS, SL_EP_CHAT, body, a);
    translate(SL_EP_COMPLETIONS, SL_EP_MESSAGES, body, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t sha256[SL_PROMPT_SHA256] = {0};
    struct sl_str text = {(const char *)data, size}, plain;
    struct sl_usage u;
    struct sl_arena a;

    sl_arena_init(&a, 16 * size + (1 << 20));
    if (sl_prompt_unshare(text, sha256, &a, &plain, &u))
        SL_CHECK(sl_json_is_object(plain) && sl_str_find(text, SL_STR("000000")) >= 0);
    if (sl_json_is_object(text))
        ask(text, &a);
    sl_arena_fini(&a);
    return 0;
}
