/* llm/fold/unfold_anthropic.c -- a message as the events it would have come in. Source:
 * Anthropic API reference, "Streaming messages"; what the strict clients insist on:
 * message_start with empty content and a usage, blocks one after another, a
 * message_delta with output_tokens. Pings are left out: none is needed. */
#include "llm/fold/inside.h"

#include "llm/inside.h"

#define EVENT(name) "event: " name "\ndata: {\"type\":\"" name "\""

static void add(struct sl_unfold *u, const char *z)
{
    sl_grow_add(&u->out, sl_str_of(z));
}

static bool is_one_of(struct sl_str key, const char *const *list)
{
    while (*list != NULL)
        if (sl_str_eq(key, sl_str_of(*list++)))
            return true;
    return false;
}

/* --- The message ---------------------------------------------------------------------- */

/* What is said at the end stands as null at the start. */
static const char *const at_end[] = {"stop_reason", "stop_sequence", "stop_details", "container",
                                     NULL};

/* At the start one token has been made, as far as counts go. */
static void start_usage(struct sl_unfold *u, struct sl_str usage)
{
    struct sl_str key, value;
    size_t pos = 0;

    add(u, ",\"usage\":{");
    while (sl_json_next_member(usage, &pos, &key, &value))
        sl_unfold_member(u, key, sl_str_eq(key, SL_STR("output_tokens")) ? SL_STR("1") : value);
    add(u, "}");
}

static void start(struct sl_unfold *u)
{
    struct sl_str key, value;
    size_t pos = 0;

    add(u, EVENT("message_start") ",\"message\":{");
    while (sl_json_next_member(u->plain, &pos, &key, &value)) {
        if (sl_str_eq(key, SL_STR("content")))
            value = SL_STR("[]");
        else if (is_one_of(key, at_end) || sl_str_eq(key, SL_STR("context_management")))
            value = SL_STR("null");
        if (!sl_str_eq(key, SL_STR("usage")))
            sl_unfold_member(u, key, value);
    }
    start_usage(u, sl_json_get(u->plain, SL_STR("usage")));
    add(u, "}}\n\n");
}

static void end(struct sl_unfold *u)
{
    struct sl_str management = sl_json_get(u->plain, SL_STR("context_management")), value;

    add(u, EVENT("message_delta") ",\"delta\":{");
    for (size_t i = 0; at_end[i] != NULL; i++) {
        value = sl_json_get(u->plain, sl_str_of(at_end[i]));
        if (value.p != NULL)
            sl_unfold_member(u, sl_str_of(at_end[i]), value);
    }
    add(u, "}");
    sl_unfold_member(u, SL_STR("usage"), sl_json_get(u->plain, SL_STR("usage")));
    if (management.p != NULL)
        sl_unfold_member(u, SL_STR("context_management"), management);
    add(u, "}\n\n" EVENT("message_stop") "}\n\n");
}

/* --- Blocks --------------------------------------------------------------------------- */

struct block {
    struct sl_str raw, type;
    uint64_t index;
    struct sl_str input; /* an object, or .p NULL */
};

static void open_event(struct sl_unfold *u, const char *name, const struct block *b)
{
    add(u, name);
    add(u, ",\"index\":");
    sl_grow_u64(&u->out, b->index);
}

static void open_delta(struct sl_unfold *u, const struct block *b, const char *delta)
{
    open_event(u, EVENT("content_block_delta"), b);
    add(u, ",\"delta\":{\"type\":");
    add(u, delta);
}

/* What a block begins with in the place of what deltas will bring. */
static struct sl_str at_first(const struct block *b, struct sl_str key, struct sl_str value)
{
    bool is_text = sl_str_eq(b->type, SL_STR("text"));
    bool is_thinking = sl_str_eq(b->type, SL_STR("thinking"));
    bool is_array = sl_json_type_of(value) == SL_JSON_ARRAY;

    if (sl_json_type_of(value) == SL_JSON_STRING &&
        ((is_text && sl_str_eq(key, SL_STR("text"))) ||
         (is_thinking &&
          (sl_str_eq(key, SL_STR("thinking")) || sl_str_eq(key, SL_STR("signature")))) ||
         (sl_str_eq(b->type, SL_STR("compaction")) && sl_str_eq(key, SL_STR("content")))))
        return SL_STR("\"\"");
    if (is_text && is_array && sl_str_eq(key, SL_STR("citations")))
        return SL_STR("[]");
    return b->input.p != NULL && sl_str_eq(key, SL_STR("input")) ? SL_STR("{}") : value;
}

static void block_start(struct sl_unfold *u, const struct block *b)
{
    struct sl_str key, value;
    size_t pos = 0;

    open_event(u, EVENT("content_block_start"), b);
    add(u, ",\"content_block\":{");
    while (sl_json_next_member(b->raw, &pos, &key, &value))
        sl_unfold_member(u, key, at_first(b, key, value));
    add(u, "}}\n\n");
}

/* A string's inside, in deltas of at most one piece. */
static void text_deltas(struct sl_unfold *u, const struct block *b, const char *delta,
                        struct sl_str inner)
{
    struct sl_str piece;

    while (sl_unfold_piece(&inner, &piece)) {
        open_delta(u, b, delta);
        sl_grow_add(&u->out, piece);
        add(u, "\"}}\n\n");
    }
}

/* The object's own text as a string: what it holds of escapes is escaped again. */
static void input_deltas(struct sl_unfold *u, const struct block *b)
{
    struct sl_unfold flat = {.err = SL_OK};
    struct sl_str rest, piece;

    sl_grow_init(&flat.out, b->input.n);
    sl_unfold_raw(&flat, b->input);
    rest = sl_grow_str(&flat.out);
    while (sl_unfold_slice(&rest, &piece)) {
        open_delta(u, b, "\"input_json_delta\",\"partial_json\":\"");
        sl_grow_escaped(&u->out, piece);
        add(u, "\"}}\n\n");
    }
    if (flat.out.err != SL_OK)
        u->err = flat.out.err;
    sl_grow_fini(&flat.out);
}

static void citation_deltas(struct sl_unfold *u, const struct block *b)
{
    struct sl_str citations = sl_json_get(b->raw, SL_STR("citations")), citation;
    size_t pos = 0;

    while (sl_json_next(citations, &pos, &citation)) {
        open_delta(u, b, "\"citations_delta\",\"citation\":");
        sl_unfold_raw(u, citation);
        add(u, "}}\n\n");
    }
}

static void block_deltas(struct sl_unfold *u, const struct block *b)
{
    struct sl_str thinking = sl_llm_inner(sl_json_get(b->raw, SL_STR("thinking")));
    struct sl_str signature = sl_json_get(b->raw, SL_STR("signature"));

    if (b->input.p != NULL)
        input_deltas(u, b);
    if (sl_str_eq(b->type, SL_STR("text"))) {
        text_deltas(u, b, "\"text_delta\",\"text\":\"",
                    sl_llm_inner(sl_json_get(b->raw, SL_STR("text"))));
        citation_deltas(u, b);
    }
    if (sl_str_eq(b->type, SL_STR("compaction")))
        text_deltas(u, b, "\"compaction_delta\",\"content\":\"",
                    sl_llm_inner(sl_json_get(b->raw, SL_STR("content"))));
    if (!sl_str_eq(b->type, SL_STR("thinking")))
        return;
    text_deltas(u, b, "\"thinking_delta\",\"thinking\":\"", thinking);
    if (sl_llm_inner(signature).n > 0) {
        open_delta(u, b, "\"signature_delta\",\"signature\":");
        sl_unfold_raw(u, signature);
        add(u, "}}\n\n");
    }
}

static bool takes_input(struct sl_str type)
{
    static const char *const types[] = {"tool_use", "server_tool_use", "mcp_tool_use", NULL};

    return is_one_of(type, types);
}

static void write_block(struct sl_unfold *u, struct sl_str raw, uint64_t index)
{
    struct block b = {raw, sl_llm_inner(sl_json_get(raw, SL_STR("type"))), index, {NULL, 0}};
    struct sl_str input = sl_json_get(raw, SL_STR("input"));

    if (b.type.n == 0) {
        u->err = SL_ERR_UP_GARBAGE;
        return;
    }
    if (takes_input(b.type) && sl_json_type_of(input) == SL_JSON_OBJECT)
        b.input = input;
    block_start(u, &b);
    block_deltas(u, &b);
    open_event(u, EVENT("content_block_stop"), &b);
    add(u, "}\n\n");
}

void sl_unfold_anthropic(struct sl_unfold *u)
{
    struct sl_str content = sl_json_get(u->plain, SL_STR("content")), block;
    struct sl_str usage = sl_json_get(u->plain, SL_STR("usage"));
    uint64_t index = 0, tokens;
    size_t pos = 0;

    if (sl_json_type_of(content) != SL_JSON_ARRAY ||
        sl_llm_inner(sl_json_get(u->plain, SL_STR("stop_reason"))).n == 0 ||
        !sl_json_u64(sl_json_get(usage, SL_STR("output_tokens")), &tokens)) {
        u->err = SL_ERR_UP_GARBAGE;
        return;
    }
    start(u);
    while (u->err == SL_OK && sl_json_next(content, &pos, &block))
        write_block(u, block, index++);
    end(u);
}
