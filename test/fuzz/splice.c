/* Fuzz: a request's body under a wish.
 *
 * Byte 0 of the input holds the wish, byte 1 how the body arrives. Held: what
 * was accepted is still JSON when spliced, with the members it had, but ours
 * where they were to go, and the model asked for; the client's bytes keep their
 * order.
 */
#include "base/obj.h"
#include "llm/body.h"

#define MODEL "the \"new\" model"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool accept(struct sl_body *b, struct sl_str text, size_t piece)
{
    sl_body_init(b);
    for (struct sl_str rest = text; rest.n > 0; rest = sl_str_from(rest, piece))
        if (sl_body_feed(b, sl_str_first(rest, piece)) != SL_OK)
            return false;
    return sl_body_finish(b) == SL_OK;
}

static void use_readers(const struct sl_body *b, struct sl_str text)
{
    char out[SL_BODY_MODEL_MAX + 1];

    if (sl_body_model(b, text, out, sizeof(out)) == SL_OK)
        SL_CHECK(strlen(out) > 0 && strlen(out) < sizeof(out));
    (void)sl_body_streams(b, text);
    (void)sl_body_has_include_usage(b, text);
    SL_CHECK(sl_body_user(b, text, out, 9).n < 9);
}

/* The parts in one piece of exactly their size, so that the sanitizer sees. */
static struct sl_str join(const struct sl_str *parts, size_t n, uint64_t length, struct sl_str text,
                          struct sl_arena *a)
{
    char *p = sl_arena_alloc(a, length);
    const char *at = text.p;
    size_t used = 0;

    SL_CHECK(p != NULL);
    for (size_t i = 0; i < n; i++) {
        SL_CHECK(parts[i].n > 0 && parts[i].n <= length - used);
        memcpy(p + used, parts[i].p, parts[i].n);
        used += parts[i].n;
        if (parts[i].p < text.p || parts[i].p >= text.p + text.n)
            continue;
        SL_CHECK(parts[i].p >= at);
        at = parts[i].p + parts[i].n;
    }
    SL_CHECK(used == length && at == text.p + text.n);
    return (struct sl_str){p, used};
}

static void check(const struct sl_body *b, const struct sl_body_wish *wish, struct sl_str made)
{
    uint32_t want = b->json.members;
    char model[64];
    struct sl_body after;

    if (!accept(&after, made, made.n)) {
        /* one member more than is taken from clients */
        SL_CHECK(after.json.err == SL_ERR_CEILING && want + 2 > SL_JSON_MEMBERS);
        sl_body_fini(&after);
        return;
    }
    if (wish->cut_ours) {
        want -= (uint32_t)b->provider.has + b->models.has + b->route.has;
        SL_CHECK(!after.provider.has && !after.models.has && !after.route.has);
    }
    if (wish->model.n > 0) {
        want += !b->model.has;
        SL_CHECK(sl_body_model(&after, made, model, sizeof(model)) == SL_OK);
        SL_CHECK(strcmp(model, MODEL) == 0);
    }
    if (wish->add_include_usage) {
        want += !b->stream_options.has;
        SL_CHECK(after.stream_options.type != SL_JSON_OBJECT ||
                 sl_body_has_include_usage(&after, made));
        SL_CHECK(after.stream_options.type != SL_JSON_NULL);
    }
    SL_CHECK(after.json.members == want);
    SL_CHECK(sl_body_streams(&after, made) == sl_body_streams(b, made));
    sl_body_fini(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_body_wish wish = {{NULL, 0}, false, false};
    struct sl_str text, parts[SL_BODY_PARTS];
    struct sl_arena a;
    struct sl_body b;
    uint64_t length;
    size_t n;

    if (size < 3)
        return 0;
    text = (struct sl_str){(const char *)data + 2, size - 2};
    if ((data[0] & 1) != 0)
        wish.model = SL_STR(MODEL);
    wish.cut_ours = (data[0] & 2) != 0;
    wish.add_include_usage = (data[0] & 4) != 0;
    sl_arena_init(&a, 4 * size + 4096);
    if (accept(&b, text, 1 + (size_t)data[1])) {
        use_readers(&b, text);
        SL_CHECK(sl_body_splice(&b, text, &wish, &a, parts, &n, &length) == SL_OK);
        SL_CHECK(n <= SL_BODY_PARTS);
        check(&b, &wish, join(parts, n, length, text, &a));
    }
    sl_body_fini(&b);
    sl_arena_fini(&a);
    return 0;
}
