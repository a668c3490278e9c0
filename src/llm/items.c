/* llm/items.c -- `input` into items, results into an answer; all on raw JSON, so that
 * numbers and escapes stay as they were written. */
#include "llm/items.h"

#include "base/grow.h"
#include "llm/inside.h"

#define TOKEN_BYTES 4
#define IMAGE_TOKENS 1500
#define WEIGHT_MAX ((uint64_t)1 << 24)
#define TOKENS_MAX 1000000000000u /* reported: 10^12 */

/* --- From a request ------------------------------------------------------------------- */

enum shape { NONE, ONE_STRING, ONE_PARTS, ONE_TOKENS, STRINGS, TOKEN_LISTS };

/* By its first element; the others must be like it. */
static enum shape shape_of(struct sl_str input)
{
    struct sl_str first, token;
    size_t pos = 0, inner = 0;

    if (sl_json_type_of(input) == SL_JSON_STRING)
        return ONE_STRING;
    if (!sl_json_next(input, &pos, &first))
        return NONE;
    switch (sl_json_type_of(first)) {
    case SL_JSON_STRING: return STRINGS;
    case SL_JSON_OBJECT: return ONE_PARTS;
    case SL_JSON_NUMBER: return ONE_TOKENS;
    case SL_JSON_ARRAY:
        return sl_json_next(first, &inner, &token) && sl_json_type_of(token) == SL_JSON_NUMBER
                   ? TOKEN_LISTS
                   : NONE;
    case SL_JSON_NULL:
    case SL_JSON_FALSE:
    case SL_JSON_TRUE: break;
    }
    return NONE;
}

static bool is_lone(enum shape shape)
{
    return shape == ONE_STRING || shape == ONE_PARTS || shape == ONE_TOKENS;
}

/* Elements, all of that type; 0 if one is not, or there is none. */
static size_t count_all(struct sl_str array, enum sl_json_type type)
{
    struct sl_str element;
    size_t pos = 0, n = 0;

    while (sl_json_next(array, &pos, &element)) {
        if (sl_json_type_of(element) != type)
            return 0;
        n++;
    }
    return n;
}

static uint64_t text_tokens(struct sl_str value)
{
    return 1 + sl_llm_inner(value).n / TOKEN_BYTES;
}

/* One part of an item: its weight, and whether it can be kept. */
static void read_part(struct sl_item *item, struct sl_str part)
{
    struct sl_str type = sl_json_get(part, SL_STR("type"));
    struct sl_str image = sl_json_get(part, SL_STR("image_url"));

    if (sl_str_eq(type, SL_STR("\"text\""))) {
        item->tokens += text_tokens(sl_json_get(part, SL_STR("text")));
        return;
    }
    if (sl_json_type_of(image) == SL_JSON_OBJECT)
        image = sl_json_get(image, SL_STR("url"));
    item->tokens += IMAGE_TOKENS;
    if (!sl_str_eq(type, SL_STR("\"image_url\"")) || !sl_str_starts(image, SL_STR("\"data:")))
        item->by_url = true;
}

/* False: it is none. */
static bool read_item(enum shape shape, struct sl_str raw, struct sl_item *item)
{
    struct sl_str part;
    size_t pos = 0;

    *item = (struct sl_item){.raw = raw, .is_string = shape == ONE_STRING || shape == STRINGS};
    if (item->is_string) {
        item->tokens = text_tokens(raw);
        return sl_json_type_of(raw) == SL_JSON_STRING;
    }
    if (shape == ONE_PARTS) {
        while (sl_json_next(raw, &pos, &part))
            read_part(item, part);
        return count_all(raw, SL_JSON_OBJECT) > 0;
    }
    item->tokens = count_all(raw, SL_JSON_NUMBER);
    return item->tokens > 0;
}

static enum sl_err split_list(enum shape shape, struct sl_str input, struct sl_arena *a,
                              struct sl_items *out)
{
    struct sl_str raw;
    size_t pos = 0, n = 0;

    while (sl_json_next(input, &pos, &raw))
        if (++n > SL_ITEMS_MAX)
            return SL_ERR_CEILING;
    out->at = sl_arena_alloc(a, n * sizeof(*out->at));
    if (out->at == NULL)
        return SL_ERR_NO_MEMORY;
    for (pos = 0; sl_json_next(input, &pos, &raw); out->n++)
        if (!read_item(shape, raw, &out->at[out->n]))
            return SL_ERR_BAD_FIELD;
    return SL_OK;
}

enum sl_err sl_items_split(struct sl_str body, struct sl_arena *a, struct sl_items *out)
{
    struct sl_str input = sl_json_get(body, SL_STR("input"));
    enum shape shape = shape_of(input);

    *out = (struct sl_items){.lone = is_lone(shape)};
    if (shape == NONE)
        return SL_ERR_BAD_FIELD;
    if (!out->lone)
        return split_list(shape, input, a, out);
    out->at = sl_arena_alloc(a, sizeof(*out->at));
    if (out->at == NULL)
        return SL_ERR_NO_MEMORY;
    out->n = 1;
    return read_item(shape, input, out->at) ? SL_OK : SL_ERR_BAD_FIELD;
}

enum sl_err sl_items_body(struct sl_str body, const struct sl_str *raw, size_t n,
                          struct sl_arena *a, struct sl_str *out)
{
    struct sl_str input = sl_json_get(body, SL_STR("input"));
    enum shape shape = shape_of(input);
    size_t total = body.n - input.n + 2;
    struct sl_text t;
    char *p;

    if (shape == NONE || n == 0 || (is_lone(shape) && n != 1))
        return SL_ERR_BAD_FIELD;
    for (size_t i = 0; i < n; i++)
        total += raw[i].n + 1;
    p = sl_arena_alloc(a, total);
    if (p == NULL)
        return SL_ERR_NO_MEMORY;
    t = sl_text_over(p, total);
    sl_text_add(&t, sl_str_first(body, (size_t)(input.p - body.p)));
    if (!is_lone(shape))
        sl_text_byte(&t, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            sl_text_byte(&t, ',');
        sl_text_add(&t, raw[i]);
    }
    if (!is_lone(shape))
        sl_text_byte(&t, ']');
    sl_text_add(&t, sl_str_from(body, (size_t)(input.p - body.p) + input.n));
    *out = sl_text_str(&t);
    return SL_OK;
}

/* --- From an answer ------------------------------------------------------------------- */

/* The object's members but `index`, as they stand. .p NULL without memory. */
static struct sl_str without_index(struct sl_str object, struct sl_arena *a)
{
    char *p = sl_arena_alloc(a, object.n);
    struct sl_text t = sl_text_over(p, p != NULL ? object.n : 0);
    struct sl_str key, value;
    size_t pos = 0;

    if (p == NULL)
        return (struct sl_str){NULL, 0};
    sl_text_byte(&t, '{');
    while (sl_json_next_member(object, &pos, &key, &value)) {
        if (sl_json_key_is(key, SL_STR("index")))
            continue;
        if (t.n > 1)
            sl_text_byte(&t, ',');
        sl_text_add(&t, (struct sl_str){key.p - 1, (size_t)(value.p + value.n - key.p) + 1});
    }
    sl_text_byte(&t, '}');
    return sl_text_str(&t);
}

/* Floors of the shares, and what is left to the last. */
static void share_usage(uint64_t total, const uint64_t *weights, size_t n,
                        struct sl_item_result *out)
{
    uint64_t sum = 0, given = 0;

    for (size_t i = 0; i < n; i++)
        sum += weights[i] < WEIGHT_MAX ? weights[i] : WEIGHT_MAX;
    for (size_t i = 0; i < n && sum > 0; i++) {
        uint64_t w = weights[i] < WEIGHT_MAX ? weights[i] : WEIGHT_MAX;

        /* both products stay below 2^60: at most 2,048 weights of 2^24 */
        out[i].tokens = total / sum * w + total % sum * w / sum;
        given += out[i].tokens;
    }
    if (n > 0)
        out[n - 1].tokens += total - given;
}

static enum sl_err place_embedding(struct sl_str element, size_t n, struct sl_arena *a,
                                   struct sl_item_result *out)
{
    uint64_t index;

    if (!sl_json_u64(sl_json_get(element, SL_STR("index")), &index) || index >= n ||
        out[index].raw.p != NULL)
        return SL_ERR_UP_GARBAGE;
    out[index].raw = without_index(element, a);
    return out[index].raw.p != NULL ? SL_OK : SL_ERR_NO_MEMORY;
}

enum sl_err sl_items_results(enum sl_endpoint ep, struct sl_str answer, const uint64_t *weights,
                             size_t n, struct sl_arena *a, struct sl_item_result *out)
{
    bool embeddings = ep == SL_EP_EMBEDDINGS;
    struct sl_str usage = sl_json_get(answer, SL_STR("usage")), element;
    struct sl_str list = sl_json_get(answer, embeddings ? SL_STR("data") : SL_STR("results"));
    uint64_t total = 0;
    size_t pos = 0, got = 0;
    enum sl_err err;

    memset(out, 0, n * sizeof(*out));
    if (n == 0 || n > SL_ITEMS_MAX || !sl_json_is_object(answer))
        return SL_ERR_UP_GARBAGE;
    for (; sl_json_next(list, &pos, &element); got++) {
        if (got == n || sl_json_type_of(element) != SL_JSON_OBJECT)
            return SL_ERR_UP_GARBAGE;
        err = SL_OK;
        if (embeddings)
            err = place_embedding(element, n, a, out);
        else
            out[got].raw = element;
        if (err != SL_OK)
            return err;
    }
    if (got != n)
        return SL_ERR_UP_GARBAGE;
    if (sl_json_u64(sl_json_get(usage, SL_STR("prompt_tokens")), &total))
        share_usage(total < TOKENS_MAX ? total : TOKENS_MAX, weights, n, out);
    return SL_OK;
}

/* --- An answer ------------------------------------------------------------------------ */

static void add_embedding(struct sl_grow *g, struct sl_str raw, size_t index)
{
    struct sl_str key, value;
    size_t pos = 0;
    bool empty = !sl_json_next_member(raw, &pos, &key, &value);

    sl_grow_add(g, SL_STR("{\"index\":"));
    sl_grow_u64(g, index);
    if (!empty)
        sl_grow_byte(g, ',');
    sl_grow_add(g, sl_str_from(raw, 1));
}

static void add_list(struct sl_grow *g, bool embeddings, const struct sl_item_result *results,
                     size_t n)
{
    sl_grow_byte(g, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            sl_grow_byte(g, ',');
        if (embeddings)
            add_embedding(g, results[i].raw, i);
        else
            sl_grow_add(g, results[i].raw);
    }
    sl_grow_byte(g, ']');
}

static void add_usage(struct sl_grow *g, uint64_t tokens)
{
    sl_grow_add(g, SL_STR(",\"usage\":{\"prompt_tokens\":"));
    sl_grow_u64(g, tokens);
    sl_grow_add(g, SL_STR(",\"total_tokens\":"));
    sl_grow_u64(g, tokens);
    sl_grow_byte(g, '}');
}

enum sl_err sl_items_answer(const struct sl_items_head *head, const struct sl_item_result *results,
                            size_t n, struct sl_arena *a, struct sl_str *out)
{
    bool embeddings = head->ep == SL_EP_EMBEDDINGS;
    size_t most = 256 + 6 * (head->id.n + head->model.n);
    uint64_t tokens = 0;
    struct sl_grow g;

    for (size_t i = 0; i < n; i++) {
        if (results[i].raw.n < 2 || results[i].raw.p[0] != '{')
            return SL_ERR_UP_GARBAGE;
        tokens += results[i].tokens;
        most += results[i].raw.n + 40;
    }
    sl_grow_init(&g, most);
    if (embeddings) {
        sl_grow_add(&g, SL_STR("{\"object\":\"list\",\"data\":"));
    } else {
        sl_grow_add(&g, SL_STR("{\"id\":"));
        sl_grow_json(&g, head->id);
        sl_grow_add(&g, SL_STR(",\"results\":"));
    }
    add_list(&g, embeddings, results, n);
    sl_grow_add(&g, SL_STR(",\"model\":"));
    sl_grow_json(&g, head->model);
    if (embeddings)
        add_usage(&g, tokens);
    sl_grow_byte(&g, '}');
    return sl_grow_take(&g, a, out);
}
