/* Each protocol's deltas, walked for texts. */
#include "llm/heard.h"

#include "llm/inside.h"
#include "llm/said.h"
#include "llm/sse.h"

struct ear {
    struct sl_heard *h;             /* up */
    const struct sl_heard_ops *ops; /* up */
    void *ctx;                      /* up: the caller's */
    uint32_t group;
    struct sl_str rest; /* begins with the value that is walked */
    unsigned depth;     /* of that value */
};

enum known { UNKNOWN, NO, YES };

static void tell(const struct ear *e, uint32_t part, struct sl_str inner, bool json)
{
    const struct sl_heard_text t = {.group = e->group, .part = part, .inner = inner, .json = json};

    if (inner.n > 0)
        e->ops->text(e->ctx, &t);
}

static void tell_whole(void *ctx, struct sl_str inner, bool json)
{
    const struct ear *e = ctx;
    const struct sl_heard_text t = {.group = e->group, .inner = inner, .json = json, .whole = true};

    if (inner.n > 0)
        e->ops->text(e->ctx, &t);
}

static uint32_t index_of(struct sl_str object, struct sl_str key, uint32_t otherwise)
{
    uint64_t n;

    return sl_json_u64(sl_json_get(object, key), &n) && n < SL_HEARD_ALL ? (uint32_t)n : otherwise;
}

/* FNV-1a: places with names of their own get numbers of their own. */
static uint32_t mix(uint32_t part, struct sl_str name)
{
    for (size_t i = 0; i < name.n; i++)
        part = (part ^ (uint8_t)name.p[i]) * 16777619u;
    return part;
}

static uint32_t mix_number(uint32_t part, uint32_t n)
{
    const char bytes[4] = {(char)n, (char)(n >> 8), (char)(n >> 16), (char)(n >> 24)};

    return mix(part, (struct sl_str){bytes, sizeof bytes});
}

/* ---- what grows ---- */

/* What is known of a value before it is gone into (its number, what it repeats) costs its length
 * once a level: so deep is what providers number. */
#define AHEAD 8

/* The details of OpenRouter's reasoning repeat it. `*has`: whether the object has it; looked for
 * once, however many members ask. */
static bool repeats(const struct ear *e, struct sl_str object, struct sl_str key, enum known *has)
{
    if (e->depth > AHEAD || !sl_json_key_is(key, SL_STR("reasoning_details")))
        return false;
    if (*has == UNKNOWN)
        *has = sl_llm_is_set(sl_json_get(object, SL_STR("reasoning"))) ? YES : NO;
    return *has == YES;
}

static void walk_value(struct ear *e, uint32_t part, struct sl_str name);

static void walk_array(struct ear *e, uint32_t part, struct sl_str name)
{
    uint32_t at = 0;

    if (!sl_json_enter(&e->rest))
        return;
    do {
        uint32_t n = e->depth > AHEAD ? at : index_of(e->rest, SL_STR("index"), at);

        walk_value(e, mix_number(part, n), name);
        at++;
    } while (sl_json_goes_on(&e->rest));
}

static void walk_object(struct ear *e, uint32_t part)
{
    struct sl_str object = e->rest, key;
    enum known has = UNKNOWN;

    if (!sl_json_enter(&e->rest))
        return;
    while (sl_json_pass_key(&e->rest, &key)) {
        if (sl_said_is_none(key) || repeats(e, object, key, &has))
            (void)sl_json_pass(&e->rest);
        else
            walk_value(e, mix(part, key), key);
        if (!sl_json_goes_on(&e->rest))
            break;
    }
}

/* In one pass, as deep as any answer goes; events are no checked JSON. */
static void walk_value(struct ear *e, uint32_t part, struct sl_str name)
{
    enum sl_json_type type = sl_json_type_of(e->rest);

    if (e->depth == SL_JSON_DEPTH) {
        (void)sl_json_pass(&e->rest);
        return;
    }
    e->depth++;
    if (type == SL_JSON_OBJECT)
        walk_object(e, part);
    else if (type == SL_JSON_ARRAY)
        walk_array(e, part, name);
    else if (type == SL_JSON_STRING)
        tell(e, part, sl_llm_inner(sl_json_pass(&e->rest)), sl_said_is_json(name));
    else
        (void)sl_json_pass(&e->rest);
    e->depth--;
}

static void walk(struct ear *e, uint32_t part, struct sl_str name, struct sl_str value)
{
    e->rest = value;
    walk_value(e, part, name);
}

/* ---- messages ---- */

/* Texts that go on in deltas are strings here; what comes whole is not. */
static void hear_block(struct ear *e, struct sl_str block)
{
    struct sl_str key, one;
    size_t pos = 0;

    while (sl_json_next_member(block, &pos, &key, &one)) {
        if (sl_json_type_of(one) != SL_JSON_STRING)
            sl_said_value(key, one, tell_whole, e);
        else if (!sl_said_is_none(key))
            walk(e, mix(0, key), key, one);
    }
}

static void hear_message(struct ear *e, struct sl_str type, struct sl_str data)
{
    e->group = index_of(data, SL_STR("index"), 0);
    if (sl_str_eq(type, SL_STR("content_block_delta")))
        walk(e, 0, type, sl_json_get(data, SL_STR("delta")));
    else if (sl_str_eq(type, SL_STR("content_block_start")))
        hear_block(e, sl_json_get(data, SL_STR("content_block")));
    else if (sl_str_eq(type, SL_STR("content_block_stop")))
        e->ops->end(e->ctx, e->group);
}

/* ---- chat, completions ---- */

static void hear_chunk(struct ear *e, struct sl_str data)
{
    struct sl_str choices = sl_json_get(data, SL_STR("choices")), choice;
    size_t pos = 0;
    uint32_t at = 0;

    while (sl_json_next(choices, &pos, &choice)) {
        e->group = index_of(choice, SL_STR("index"), at++);
        walk(e, 0, SL_STR("choice"), choice);
        if (sl_llm_inner(sl_json_get(choice, SL_STR("finish_reason"))).n > 0)
            e->ops->end(e->ctx, e->group);
    }
}

/* ---- responses ---- */

static bool ends_with(struct sl_str s, struct sl_str end)
{
    return s.n >= end.n && sl_str_eq(sl_str_from(s, s.n - end.n), end);
}

/* Of items that are not counted nothing is known, and they are heard each time. */
static bool is_marked(const uint64_t *bits, uint32_t item)
{
    return item < SL_HEARD_ITEMS && (bits[item / 64] >> item % 64 & 1) != 0;
}

static void mark(uint64_t *bits, uint32_t item)
{
    if (item < SL_HEARD_ITEMS)
        bits[item / 64] |= UINT64_C(1) << item % 64;
}

/* What an item's deltas have said; the rest of it (what a server's tool gave) comes at once. */
static bool comes_in_pieces(struct sl_str key)
{
    static const struct sl_str names[] = {SL_STR_INIT("content"), SL_STR_INIT("summary"),
                                          SL_STR_INIT("arguments"), SL_STR_INIT("code"),
                                          SL_STR_INIT("input")};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (sl_json_key_is(key, names[i]))
            return true;
    return false;
}

static void hear_item(struct ear *e, struct sl_str item)
{
    struct sl_str key, one;
    size_t pos = 0;

    if (is_marked(e->h->done, e->group))
        return;
    mark(e->h->done, e->group);
    if (!is_marked(e->h->spoken, e->group)) {
        sl_said_value(SL_STR("output"), item, tell_whole, e);
        return;
    }
    while (sl_json_next_member(item, &pos, &key, &one))
        if (!comes_in_pieces(key))
            sl_said_value(key, one, tell_whole, e);
}

static void hear_items(struct ear *e, struct sl_str data)
{
    struct sl_str response = sl_json_get(data, SL_STR("response")), item;
    struct sl_str items = sl_json_get(response, SL_STR("output"));
    size_t pos = 0;

    for (e->group = 0; sl_json_next(items, &pos, &item); e->group++)
        hear_item(e, item);
    e->ops->end(e->ctx, SL_HEARD_ALL);
}

/* Sound comes as base64. */
static void hear_delta(struct ear *e, struct sl_str type, struct sl_str data)
{
    struct sl_str delta = sl_json_get(data, SL_STR("delta"));
    uint32_t part = mix(0, type);

    if (ends_with(type, SL_STR("audio.delta")))
        return;
    part = mix_number(part, index_of(data, SL_STR("content_index"), 0));
    part = mix_number(part, index_of(data, SL_STR("summary_index"), 0));
    tell(e, part, sl_llm_inner(delta), sl_str_find(type, SL_STR("arguments")) >= 0);
    mark(e->h->spoken, e->group);
}

static void hear_response(struct ear *e, struct sl_str type, struct sl_str data)
{
    e->group = index_of(data, SL_STR("output_index"), 0);
    if (ends_with(type, SL_STR(".delta"))) {
        hear_delta(e, type, data);
    } else if (sl_str_eq(type, SL_STR("response.output_item.done"))) {
        hear_item(e, sl_json_get(data, SL_STR("item")));
        e->ops->end(e->ctx, e->group);
    } else if (ends_with(type, SL_STR(".annotation.added"))) {
        sl_said_value(SL_STR("annotation"), sl_json_get(data, SL_STR("annotation")), tell_whole, e);
    } else if (ends_with(type, SL_STR(".done"))) {
        e->ops->end(e->ctx, e->group);
    } else if (sl_str_eq(type, SL_STR("response.completed")) ||
               sl_str_eq(type, SL_STR("response.incomplete")) ||
               sl_str_eq(type, SL_STR("response.failed"))) {
        hear_items(e, data);
    }
}

/* ---- one event ---- */

bool sl_heard_event(struct sl_heard *h, enum sl_endpoint ep, struct sl_str event,
                    const struct sl_heard_ops *ops, void *ctx)
{
    char scratch[SL_LLM_SCRATCH];
    struct ear e = {.h = h, .ops = ops, .ctx = ctx};
    struct sl_sse_event one;
    struct sl_str type;

    sl_sse_parse(event, scratch, sizeof(scratch), &one);
    if (!one.has_data)
        return true;
    if (one.data.p == NULL)
        return false;
    type = sl_llm_inner(sl_json_get(one.data, SL_STR("type")));
    if (type.n == 0)
        type = one.name;
    switch (ep) {
    case SL_EP_MESSAGES: hear_message(&e, type, one.data); break;
    case SL_EP_CHAT:
    case SL_EP_COMPLETIONS: hear_chunk(&e, one.data); break;
    case SL_EP_RESPONSES: hear_response(&e, type, one.data); break;
    default: break;
    }
    return true;
}
