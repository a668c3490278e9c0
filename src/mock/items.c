/* mock/items.c -- answers that go by item: embeddings and moderations.
 * Source: OpenAI API reference, "Embeddings" and "Moderations". */
#include "mock/answer.h"

#include "base/json.h"

#include <stdio.h>

#define ITEMS_MAX 2048
#define DIMENSIONS 16
#define DIMENSIONS_MAX 4096

/* Is this input one item (a text, a token list, a list of parts)? */
static bool is_one(struct sl_str input)
{
    struct sl_str first;
    size_t pos = 0;

    if (sl_json_type_of(input) != SL_JSON_ARRAY || !sl_json_next(input, &pos, &first))
        return true;
    return sl_json_type_of(first) == SL_JSON_NUMBER || sl_json_type_of(first) == SL_JSON_OBJECT;
}

/* Walks the items; `*pos` starts at 0. */
static bool next_item(struct sl_str input, size_t *pos, struct sl_str *item)
{
    if (!is_one(input))
        return sl_json_next(input, pos, item);
    *item = input;
    return (*pos)++ == 0;
}

static float value_of(struct sl_str item, size_t i)
{
    uint32_t h = 2166136261u ^ (uint32_t)i;

    for (size_t k = 0; k < item.n; k++)
        h = (h ^ (unsigned char)item.p[k]) * 16777619u;
    return ((float)(h >> 24) - 128.0f) / 256.0f; /* exact in few digits */
}

static struct sl_str base64(struct sl_answer *an, const uint8_t *p, size_t n)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t out_n = (n + 2) / 3 * 4, at = 0;
    char *out = sl_arena_alloc(&an->arena, out_n);

    for (size_t i = 0; out != NULL && i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;
        if (i + 1 < n)
            v |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < n)
            v |= p[i + 2];
        out[at++] = set[v >> 18];
        out[at++] = set[v >> 12 & 63];
        out[at++] = i + 1 < n ? set[v >> 6 & 63] : '=';
        out[at++] = i + 2 < n ? set[v & 63] : '=';
    }
    return sl_answer_keep(an, (struct sl_str){out, out_n});
}

static struct sl_str vector(struct sl_answer *an, struct sl_str item, size_t dimensions, bool b64)
{
    uint8_t bytes[DIMENSIONS_MAX * 4];
    char *out = sl_arena_alloc(&an->arena, dimensions * 16 + 2);
    size_t at = 0;

    if (out == NULL)
        return sl_answer_keep(an, (struct sl_str){NULL, 0});
    out[at++] = '[';
    for (size_t i = 0; i < dimensions; i++) {
        float v = value_of(item, i);
        uint32_t bits;
        memcpy(&bits, &v, sizeof(bits));
        for (size_t k = 0; k < 4; k++)
            bytes[i * 4 + k] = (uint8_t)(bits >> (8 * k)); /* little-endian */
        at += (size_t)snprintf(out + at, 16, i == 0 ? "%.8g" : ",%.8g", (double)v);
    }
    out[at++] = ']';
    if (!b64)
        return (struct sl_str){out, at};
    struct sl_str text = base64(an, bytes, dimensions * 4);
    return SAY(an, "\"%.*s\"", SL_STR_ARGS(text));
}

/* One growing text: the script has room for few runs, items are many. */
struct many {
    char *p; /* up: in the answer's arena */
    size_t n;
    size_t cap;
};

static void append(struct sl_answer *an, struct many *m, struct sl_str s)
{
    if (m->n + s.n > m->cap) {
        size_t cap = (m->n + s.n) * 2 + 4096;
        char *p = sl_arena_alloc(&an->arena, cap);
        if (p == NULL) {
            an->broken = true;
            return;
        }
        if (m->n > 0)
            memcpy(p, m->p, m->n);
        m->p = p;
        m->cap = cap;
    }
    if (s.n > 0)
        memcpy(m->p + m->n, s.p, s.n);
    m->n += s.n;
}

static void build_embeddings(struct sl_answer *an, const struct sl_ask *ask)
{
    struct many all = {NULL, 0, 0};
    struct sl_str item;
    uint64_t dimensions = DIMENSIONS;
    unsigned n = 0;
    size_t pos = 0;

    if (ask->dimensions.p != NULL && (!sl_json_u64(ask->dimensions, &dimensions) ||
                                      dimensions == 0 || dimensions > DIMENSIONS_MAX)) {
        sl_answer_error(an, ask, 400, "dimensions: must be between 1 and 4096");
        return;
    }
    while (n < ITEMS_MAX && next_item(ask->input, &pos, &item)) {
        struct sl_str v = vector(an, item, (size_t)dimensions, ask->base64);
        append(an, &all,
               SAY(an, "%s{\"object\":\"embedding\",\"index\":%u,\"embedding\":%.*s}",
                   n > 0 ? "," : "", n, SL_STR_ARGS(v)));
        n++;
    }
    TELL(an, "{\"object\":\"list\",\"model\":\"%.*s\",\"data\":[", SL_STR_ARGS(an->model));
    sl_script_text(&an->script, (struct sl_str){all.p, all.n});
    TELL(an, "],\"usage\":{\"prompt_tokens\":%lu,\"total_tokens\":%lu}}", an->in_tokens,
         an->in_tokens);
}

static void append_verdicts(struct sl_answer *an, struct many *all, bool flagged)
{
    static const char *const categories[] = {"harassment",
                                             "harassment/threatening",
                                             "hate",
                                             "hate/threatening",
                                             "illicit",
                                             "illicit/violent",
                                             "self-harm",
                                             "self-harm/intent",
                                             "self-harm/instructions",
                                             "sexual",
                                             "sexual/minors",
                                             "violence",
                                             "violence/graphic"};
    const size_t n = sizeof(categories) / sizeof(categories[0]);

    append(an, all, SAY(an, "{\"flagged\":%s,\"categories\":{", flagged ? "true" : "false"));
    for (size_t i = 0; i < n; i++)
        append(an, all,
               SAY(an, "%s\"%s\":%s", i > 0 ? "," : "", categories[i],
                   flagged && i == 11 ? "true" : "false"));
    append(an, all, SL_STR("},\"category_scores\":{"));
    for (size_t i = 0; i < n; i++)
        append(an, all,
               SAY(an, "%s\"%s\":%s", i > 0 ? "," : "", categories[i],
                   flagged && i == 11 ? "0.98" : "0.0001"));
    append(an, all, SL_STR("},\"category_applied_input_types\":{"));
    for (size_t i = 0; i < n; i++)
        append(an, all, SAY(an, "%s\"%s\":[\"text\"]", i > 0 ? "," : "", categories[i]));
    append(an, all, SL_STR("}}"));
}

/* What says "violence" is flagged; everything else is fine. */
static void build_moderations(struct sl_answer *an, const struct sl_ask *ask)
{
    struct many all = {NULL, 0, 0};
    struct sl_str item;
    unsigned n = 0;
    size_t pos = 0;

    while (n < ITEMS_MAX && next_item(ask->input, &pos, &item)) {
        if (n > 0)
            append(an, &all, SL_STR(","));
        append_verdicts(an, &all, sl_str_find(item, SL_STR("violence")) >= 0);
        n++;
    }
    struct sl_str model = an->model.n > 0 ? an->model : SL_STR("omni-moderation-latest");
    TELL(an, "{\"id\":\"modr-%.16s\",\"model\":\"%.*s\",\"results\":[", an->id, SL_STR_ARGS(model));
    sl_script_text(&an->script, (struct sl_str){all.p, all.n});
    TELL(an, "]}");
}

void sl_items_build(struct sl_answer *an, const struct sl_ask *ask)
{
    if (ask->input.p == NULL)
        sl_answer_error(an, ask, 400, "input: field required");
    else if (ask->what == SL_ASK_EMBEDDINGS)
        build_embeddings(an, ask);
    else
        build_moderations(an, ask);
}
