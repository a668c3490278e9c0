/* llm/fold/merge.c -- deltas of a chat message joined. Sources: OpenAI API reference,
 * "Chat completion chunk object"; OpenRouter, "Reasoning tokens" (reasoning_details).
 *
 * Strings grow, but for names and the like; objects are merged member by member;
 * array elements that carry an index are joined by it, others appended; of all else
 * the last counts.
 */
#include "llm/fold/inside.h"

#include "llm/inside.h"

static void merge_member(struct sl_pile_room *r, struct sl_pile *node, struct sl_str key,
                         struct sl_str value);

bool sl_merge_comes_whole(struct sl_str key)
{
    static const struct sl_str whole[] = {SL_STR_INIT("role"),   SL_STR_INIT("id"),
                                          SL_STR_INIT("type"),   SL_STR_INIT("name"),
                                          SL_STR_INIT("format"), SL_STR_INIT("signature"),
                                          SL_STR_INIT("status"), SL_STR_INIT("call_id")};

    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        if (sl_str_eq(key, whole[i]))
            return true;
    return false;
}

/* The last that says something counts: "" and 0 are what some servers fill up with. */
void sl_merge_last(struct sl_pile_room *r, struct sl_pile *node, struct sl_str key,
                   struct sl_str value)
{
    bool empty = sl_str_eq(value, SL_STR("\"\"")) || sl_str_eq(value, SL_STR("0"));

    if (sl_json_type_of(value) == SL_JSON_NULL)
        sl_pile_fill(r, node, key, value);
    else if (!empty || !sl_pile_is_set(node, key))
        sl_pile_set(r, node, key, value);
}

static struct sl_pile *add_item(struct sl_pile_room *r, struct sl_pile *items,
                                enum sl_pile_kind kind)
{
    return sl_pile_add(r, items, (struct sl_str){"", 0}, kind);
}

/* Calls are numbered from 0 without gaps; an id that changes means that a server
 * gives all of them one number. The number is the stream's alone. */
static void merge_call(struct sl_pile_room *r, struct sl_pile *calls, struct sl_str call)
{
    struct sl_str id = sl_json_get(call, SL_STR("id")), key, value;
    struct sl_pile *node;
    uint64_t index;
    size_t pos = 0;

    if (!sl_json_u64(sl_json_get(call, SL_STR("index")), &index) || index > calls->children) {
        r->broken = true;
        return;
    }
    node = index < calls->children ? sl_pile_at(calls, (size_t)index)
                                   : add_item(r, calls, SL_PILE_OBJECT);
    if (node == NULL)
        return;
    if (sl_llm_inner(id).n > 0 && sl_pile_is_set(node, SL_STR("id")) &&
        !sl_pile_is(node, SL_STR("id"), SL_STR("\"\"")) && !sl_pile_is(node, SL_STR("id"), id))
        r->broken = true;
    while (sl_json_next_member(call, &pos, &key, &value))
        if (!sl_str_eq(key, SL_STR("index")))
            merge_member(r, node, key, value);
}

#define NUMBERED 512 /* elements that are looked for one by one; no answer has as many */

/* The element with that index, and of that type, among the first `n`. */
static struct sl_pile *find_item(const struct sl_pile *items, size_t n, struct sl_str index,
                                 struct sl_str type)
{
    struct sl_pile *c = items->first;

    for (; n > 0; n--, c = c->next)
        if (c->kind == SL_PILE_OBJECT && sl_pile_is(c, SL_STR("index"), index) &&
            (type.p == NULL || !sl_pile_is_set(c, SL_STR("type")) ||
             sl_pile_is(c, SL_STR("type"), type)))
            return c;
    return NULL;
}

/* Elements of one delta are different ones. */
static void merge_items(struct sl_pile_room *r, struct sl_pile *items, struct sl_str array)
{
    size_t before = items->children, pos = 0;
    struct sl_str element;

    while (!r->broken && sl_json_next(array, &pos, &element)) {
        struct sl_str index = sl_json_get(element, SL_STR("index"));
        struct sl_pile *node = NULL;

        if (sl_json_type_of(index) == SL_JSON_NUMBER) {
            r->broken = r->broken || before > NUMBERED;
            node = find_item(items, before, index, sl_json_get(element, SL_STR("type")));
            if (node == NULL)
                node = add_item(r, items, SL_PILE_OBJECT);
            if (node != NULL)
                sl_merge_object(r, node, element);
        } else {
            node = add_item(r, items, SL_PILE_RAW);
            if (node != NULL)
                sl_pile_more(r, node, element);
        }
    }
}

static void merge_array(struct sl_pile_room *r, struct sl_pile *node, struct sl_str key,
                        struct sl_str array)
{
    struct sl_pile *items = sl_pile_open(r, node, key, SL_PILE_ITEMS);
    struct sl_str element;
    size_t pos = 0;

    if (items != NULL && !sl_str_eq(key, SL_STR("tool_calls")))
        merge_items(r, items, array);
    else
        while (items != NULL && sl_json_next(array, &pos, &element))
            merge_call(r, items, element);
}

static void merge_string(struct sl_pile_room *r, struct sl_pile *node, struct sl_str key,
                         struct sl_str value)
{
    struct sl_pile *text;

    if (sl_merge_comes_whole(key)) {
        sl_merge_last(r, node, key, value);
        return;
    }
    text = sl_pile_open(r, node, key, SL_PILE_TEXT);
    if (text != NULL)
        sl_pile_more(r, text, sl_llm_inner(value));
}

static void merge_member(struct sl_pile_room *r, struct sl_pile *node, struct sl_str key,
                         struct sl_str value)
{
    struct sl_pile *child = sl_pile_find(node, key);

    switch (sl_json_type_of(value)) {
    case SL_JSON_NULL: sl_pile_fill(r, node, key, value); break;
    case SL_JSON_STRING: merge_string(r, node, key, value); break;
    case SL_JSON_ARRAY: merge_array(r, node, key, value); break;
    case SL_JSON_OBJECT:
        child = sl_pile_open(r, node, key, SL_PILE_OBJECT);
        if (child != NULL)
            sl_merge_object(r, child, value);
        break;
    case SL_JSON_FALSE:
    case SL_JSON_TRUE:
    case SL_JSON_NUMBER:
        r->broken |= child != NULL && child->kind != SL_PILE_RAW;
        sl_pile_set(r, node, key, value);
        break;
    }
    /* one key, one spelling: else it might stand twice */
    r->broken |= sl_str_find_byte(key, '\\') >= 0;
}

/* As deep as the event is nested, which was checked. */
void sl_merge_object(struct sl_pile_room *r, struct sl_pile *node, struct sl_str object)
{
    struct sl_str key, value;
    size_t pos = 0;

    while (sl_json_next_member(object, &pos, &key, &value))
        merge_member(r, node, key, value);
}
