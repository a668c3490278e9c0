/* llm/fold/unfold_openai.c -- chat and text completions as the chunks they would have
 * come in. Source: OpenAI API reference, "Chat completion chunk object"; what the
 * strict clients insist on: a role first, calls numbered from 0 whose first piece has
 * id, type and name, a finish_reason for every choice.
 */
#include "llm/fold/chunks.h"

#include "llm/inside.h"

/* The last chunk of a choice has all there is to say of it. */
static void finish_choice(struct sl_chunks *c, struct sl_str choice)
{
    struct sl_str key, value;
    size_t pos = 0;

    sl_chunks_open(c);
    sl_chunks_add(c, c->chat ? "}" : "\"");
    while (sl_json_next_member(choice, &pos, &key, &value))
        if (!sl_str_eq(key, SL_STR("index")) &&
            !sl_str_eq(key, c->chat ? SL_STR("message") : SL_STR("text")))
            sl_unfold_member(c->u, key, value);
    sl_chunks_add(c, "}");
    sl_grow_add(&c->u->out, c->tail);
}

static void text_choice(struct sl_chunks *c, struct sl_str choice)
{
    struct sl_str text = sl_json_get(choice, SL_STR("text")), rest = sl_llm_inner(text), piece;

    if (sl_json_type_of(text) != SL_JSON_STRING)
        c->u->err = SL_ERR_UP_GARBAGE;
    while (sl_unfold_piece(&rest, &piece)) {
        sl_chunks_open(c);
        sl_grow_add(&c->u->out, piece);
        sl_chunks_shut(c);
    }
}

/* --- Messages ------------------------------------------------------------------------- */

/* Members in the order in which streams have them: what is there at once with the
 * role, then reasoning, then the rest, then calls. */
enum rank { AT_ONCE, REASONING, CONTENT, CALLS, RANKS };

static bool is_empty(struct sl_str value)
{
    struct sl_str element;
    size_t pos = 0;

    switch (sl_json_type_of(value)) {
    case SL_JSON_STRING: return value.n == 2;
    case SL_JSON_ARRAY: return !sl_json_next(value, &pos, &element);
    case SL_JSON_OBJECT: return false;
    case SL_JSON_NULL:
    case SL_JSON_FALSE:
    case SL_JSON_TRUE:
    case SL_JSON_NUMBER: break;
    }
    return true;
}

static enum rank rank_of(struct sl_str key, struct sl_str value)
{
    if (is_empty(value) || sl_merge_comes_whole(key))
        return AT_ONCE;
    if (sl_str_eq(key, SL_STR("tool_calls")) || sl_str_eq(key, SL_STR("function_call")))
        return CALLS;
    return sl_str_starts(key, SL_STR("reasoning")) ? REASONING : CONTENT;
}

static void first_delta(struct sl_chunks *c, struct sl_str message)
{
    struct sl_str key, value;
    size_t pos = 0;

    sl_chunks_open(c);
    if (sl_json_get(message, SL_STR("role")).p == NULL)
        sl_unfold_member(c->u, SL_STR("role"), SL_STR("\"assistant\""));
    while (sl_json_next_member(message, &pos, &key, &value)) {
        if (rank_of(key, value) == AT_ONCE)
            sl_unfold_member(c->u, key, value);
        else if (sl_str_eq(key, SL_STR("content")) && sl_json_type_of(value) == SL_JSON_STRING)
            sl_unfold_member(c->u, key, SL_STR("\"\""));
    }
    sl_chunks_shut(c);
}

/* A string in pieces between two texts, anything else whole. */
static void value_deltas(struct sl_chunks *c, struct sl_str key, struct sl_str value)
{
    struct sl_str inner = sl_llm_inner(value), piece;

    if (sl_json_type_of(value) != SL_JSON_STRING) {
        sl_chunks_open(c);
        sl_unfold_member(c->u, key, value);
        sl_chunks_shut(c);
        return;
    }
    while (sl_unfold_piece(&inner, &piece)) {
        sl_chunks_open(c);
        sl_unfold_member(c->u, key, SL_STR("\""));
        sl_grow_add(&c->u->out, piece);
        sl_chunks_add(c, "\"");
        sl_chunks_shut(c);
    }
}

/* --- Calls ---------------------------------------------------------------------------- */

/* `function` or `custom`, and the string in it that grows. */
struct body {
    struct sl_str key, member, raw, inner;
};

static struct body body_of(struct sl_str call)
{
    struct body b = {SL_STR("function"), SL_STR("arguments"), {NULL, 0}, {NULL, 0}};

    b.raw = sl_json_get(call, b.key);
    if (b.raw.p == NULL) {
        b.key = SL_STR("custom");
        b.member = SL_STR("input");
        b.raw = sl_json_get(call, b.key);
    }
    b.inner = sl_llm_inner(sl_json_get(b.raw, b.member));
    return b;
}

/* An object with one of its strings emptied. */
static void add_emptied(struct sl_chunks *c, struct sl_str object, struct sl_str member)
{
    struct sl_str key, value;
    size_t pos = 0;

    sl_chunks_add(c, "{");
    while (sl_json_next_member(object, &pos, &key, &value))
        sl_unfold_member(c->u, key,
                         sl_str_eq(key, member) && sl_json_type_of(value) == SL_JSON_STRING
                             ? SL_STR("\"\"")
                             : value);
    sl_chunks_add(c, "}");
}

static void open_call(struct sl_chunks *c, uint64_t index)
{
    sl_chunks_open(c);
    sl_chunks_add(c, "\"tool_calls\":[{\"index\":");
    sl_grow_u64(&c->u->out, index);
}

static void call_deltas(struct sl_chunks *c, struct sl_str call, uint64_t index)
{
    struct body b = body_of(call);
    struct sl_str key, value, piece;
    size_t pos = 0;

    open_call(c, index);
    if (sl_json_get(call, SL_STR("type")).p == NULL)
        sl_unfold_member(c->u, SL_STR("type"),
                         b.raw.p != NULL && sl_str_eq(b.key, SL_STR("custom"))
                             ? SL_STR("\"custom\"")
                             : SL_STR("\"function\""));
    while (sl_json_next_member(call, &pos, &key, &value)) {
        if (sl_str_eq(key, SL_STR("index")))
            continue;
        if (value.p != b.raw.p || sl_json_type_of(value) != SL_JSON_OBJECT) {
            sl_unfold_member(c->u, key, value);
            continue;
        }
        sl_unfold_member(c->u, key, (struct sl_str){"", 0});
        add_emptied(c, b.raw, b.member);
    }
    sl_chunks_add(c, "}]");
    sl_chunks_shut(c);
    while (sl_unfold_piece(&b.inner, &piece)) {
        open_call(c, index);
        sl_unfold_member(c->u, b.key, SL_STR("{"));
        sl_unfold_member(c->u, b.member, SL_STR("\""));
        sl_grow_add(&c->u->out, piece);
        sl_chunks_add(c, "\"}}]");
        sl_chunks_shut(c);
    }
}

static void function_deltas(struct sl_chunks *c, struct sl_str call)
{
    struct sl_str inner = sl_llm_inner(sl_json_get(call, SL_STR("arguments"))), piece;

    sl_chunks_open(c);
    sl_chunks_add(c, "\"function_call\":");
    add_emptied(c, call, SL_STR("arguments"));
    sl_chunks_shut(c);
    while (sl_unfold_piece(&inner, &piece)) {
        sl_chunks_open(c);
        sl_chunks_add(c, "\"function_call\":{\"arguments\":\"");
        sl_grow_add(&c->u->out, piece);
        sl_chunks_add(c, "\"}");
        sl_chunks_shut(c);
    }
}

/* --- Choices -------------------------------------------------------------------------- */

static void member_deltas(struct sl_chunks *c, struct sl_str key, struct sl_str value)
{
    struct sl_str call;
    uint64_t index = 0;
    size_t pos = 0;

    if (sl_str_eq(key, SL_STR("tool_calls")) && sl_json_type_of(value) == SL_JSON_ARRAY)
        while (sl_json_next(value, &pos, &call))
            call_deltas(c, call, index++);
    else if (sl_str_eq(key, SL_STR("function_call")) && sl_json_type_of(value) == SL_JSON_OBJECT)
        function_deltas(c, value);
    else
        value_deltas(c, key, value);
}

static void chat_choice(struct sl_chunks *c, struct sl_str choice)
{
    struct sl_str message = sl_json_get(choice, SL_STR("message")), key, value;

    if (sl_json_type_of(message) != SL_JSON_OBJECT) {
        c->u->err = SL_ERR_UP_GARBAGE;
        return;
    }
    first_delta(c, message);
    for (int rank = AT_ONCE + 1; rank < RANKS; rank++) {
        size_t pos = 0;

        while (sl_json_next_member(message, &pos, &key, &value))
            if (rank_of(key, value) == (enum rank)rank)
                member_deltas(c, key, value);
    }
}

static void write_choices(struct sl_chunks *c)
{
    struct sl_str choices = sl_json_get(c->u->plain, SL_STR("choices")), choice;
    size_t pos = 0;

    while (c->u->err == SL_OK && sl_json_next(choices, &pos, &choice)) {
        if (sl_llm_inner(sl_json_get(choice, SL_STR("finish_reason"))).n == 0)
            c->u->err = SL_ERR_UP_GARBAGE;
        c->has_probs = sl_json_get(choice, SL_STR("logprobs")).p != NULL;
        if (c->chat)
            chat_choice(c, choice);
        else
            text_choice(c, choice);
        finish_choice(c, choice);
        c->index++;
    }
    if (c->index == 0)
        c->u->err = SL_ERR_UP_GARBAGE;
}

void sl_unfold_openai(struct sl_unfold *u, enum sl_endpoint ep)
{
    struct sl_str usage = sl_json_get(u->plain, SL_STR("usage"));
    struct sl_chunks c;

    sl_chunks_init(&c, u, ep == SL_EP_CHAT);
    write_choices(&c);
    if (u->usage && sl_llm_is_set(usage)) {
        sl_chunks_open_bare(&c);
        sl_chunks_add(&c, "]");
        sl_unfold_member(u, SL_STR("usage"), usage);
        sl_chunks_add(&c, "}\n\n");
    }
    sl_chunks_add(&c, "data: [DONE]\n\n");
    sl_chunks_fini(&c);
}
