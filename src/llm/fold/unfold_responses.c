/* llm/fold/unfold_responses.c -- a response as the events it would have come in.
 * Source: OpenAI API reference, "Streaming events" of Responses; what the strict
 * clients insist on: response.created first, numbers without gaps, an id in every
 * item and the same one in its events, no unfinished item at the end. Items of kinds
 * that are not taken apart here are added and done, whole.
 */
#include "llm/fold/inside.h"

#include "llm/inside.h"

/* Where an event belongs. */
struct spot {
    struct sl_str id; /* of the item, with its quotes */
    uint64_t output;
    const char *inner; /* "content_index", "summary_index"; NULL: the item itself */
    uint64_t index;
};

static void add(struct sl_unfold *u, const char *z)
{
    sl_grow_add(&u->out, sl_str_of(z));
}

static void number(struct sl_unfold *u, const char *key, uint64_t n)
{
    add(u, ",\"");
    add(u, key);
    add(u, "\":");
    sl_grow_u64(&u->out, n);
}

static void open_event(struct sl_unfold *u, const char *name)
{
    add(u, "event: response.");
    add(u, name);
    add(u, "\ndata: {\"type\":\"response.");
    add(u, name);
    add(u, "\"");
    number(u, "sequence_number", u->sequence++);
}

static void shut_event(struct sl_unfold *u)
{
    add(u, "}\n\n");
}

static void open_at(struct sl_unfold *u, const char *name, const struct spot *at)
{
    open_event(u, name);
    sl_unfold_member(u, SL_STR("item_id"), at->id);
    number(u, "output_index", at->output);
    if (at->inner != NULL)
        number(u, at->inner, at->index);
}

/* --- Texts ---------------------------------------------------------------------------- */

/* What a string's events are called, and what they carry. */
struct text_kind {
    const char *delta, *done;
    struct sl_str member; /* of `done`, and of what holds the string */
    bool probs;           /* both carry logprobs */
};

static void text_deltas(struct sl_unfold *u, const struct spot *at, const struct text_kind *kind,
                        struct sl_str holder)
{
    struct sl_str rest = sl_llm_inner(sl_json_get(holder, kind->member)), piece;

    while (sl_unfold_piece(&rest, &piece)) {
        open_at(u, kind->delta, at);
        sl_unfold_member(u, SL_STR("delta"), SL_STR("\""));
        sl_grow_add(&u->out, piece);
        add(u, kind->probs ? "\",\"logprobs\":[]" : "\"");
        shut_event(u);
    }
}

static void text_done(struct sl_unfold *u, const struct spot *at, const struct text_kind *kind,
                      struct sl_str holder)
{
    struct sl_str probs = sl_json_get(holder, SL_STR("logprobs"));
    struct sl_str name = sl_json_get(holder, SL_STR("name"));

    open_at(u, kind->done, at);
    sl_unfold_member(u, kind->member, sl_json_get(holder, kind->member));
    if (kind->probs)
        sl_unfold_member(u, SL_STR("logprobs"),
                         sl_json_type_of(probs) == SL_JSON_ARRAY ? probs : SL_STR("[]"));
    if (sl_str_eq(kind->member, SL_STR("arguments")) && name.p != NULL)
        sl_unfold_member(u, SL_STR("name"), name);
    shut_event(u);
}

static void text_events(struct sl_unfold *u, const struct spot *at, const struct text_kind *kind,
                        struct sl_str holder)
{
    text_deltas(u, at, kind, holder);
    text_done(u, at, kind, holder);
}

static bool is_string(struct sl_str object, struct sl_str key)
{
    return sl_json_type_of(sl_json_get(object, key)) == SL_JSON_STRING;
}

/* An object with some members made empty: strings, arrays. */
static void add_emptied(struct sl_unfold *u, struct sl_str object, struct sl_str a, struct sl_str b)
{
    struct sl_str key, value;
    size_t pos = 0;

    add(u, "{");
    while (sl_json_next_member(object, &pos, &key, &value)) {
        bool grows = sl_str_eq(key, a) || sl_str_eq(key, b);

        if (grows && sl_json_type_of(value) == SL_JSON_STRING)
            value = SL_STR("\"\"");
        else if (grows && sl_json_type_of(value) == SL_JSON_ARRAY)
            value = SL_STR("[]");
        else if (sl_str_eq(key, SL_STR("status")) && sl_json_type_of(value) == SL_JSON_STRING)
            value = SL_STR("\"in_progress\"");
        sl_unfold_member(u, key, value);
    }
    add(u, "}");
}

/* --- Parts ---------------------------------------------------------------------------- */

static const struct part_kind {
    struct sl_str type;
    struct text_kind text;
} part_kinds[] = {
    {SL_STR_INIT("output_text"),
     {"output_text.delta", "output_text.done", SL_STR_INIT("text"), true}},
    {SL_STR_INIT("refusal"), {"refusal.delta", "refusal.done", SL_STR_INIT("refusal"), false}},
    {SL_STR_INIT("reasoning_text"),
     {"reasoning_text.delta", "reasoning_text.done", SL_STR_INIT("text"), false}},
    {SL_STR_INIT("summary_text"),
     {"reasoning_summary_text.delta", "reasoning_summary_text.done", SL_STR_INIT("text"), false}},
};

#define PART_KINDS (sizeof(part_kinds) / sizeof(part_kinds[0]))

static void annotation_events(struct sl_unfold *u, const struct spot *at, struct sl_str part)
{
    struct sl_str list = sl_json_get(part, SL_STR("annotations")), annotation;
    uint64_t index = 0;
    size_t pos = 0;

    while (sl_json_next(list, &pos, &annotation)) {
        open_at(u, "output_text.annotation.added", at);
        number(u, "annotation_index", index++);
        sl_unfold_member(u, SL_STR("annotation"), annotation);
        shut_event(u);
    }
}

static void part_events(struct sl_unfold *u, const struct spot *at, struct sl_str part)
{
    struct sl_str type = sl_llm_inner(sl_json_get(part, SL_STR("type")));
    const struct part_kind *kind = part_kinds;
    bool summary = at->inner[0] == 's', known;

    while (kind < part_kinds + PART_KINDS && !sl_str_eq(kind->type, type))
        kind++;
    known = kind < part_kinds + PART_KINDS && is_string(part, kind->text.member);
    open_at(u, summary ? "reasoning_summary_part.added" : "content_part.added", at);
    add(u, ",\"part\":");
    if (known)
        add_emptied(u, part, kind->text.member, SL_STR("annotations"));
    else
        sl_unfold_raw(u, part);
    shut_event(u);
    if (known) {
        text_deltas(u, at, &kind->text, part);
        annotation_events(u, at, part);
        text_done(u, at, &kind->text, part);
    }
    open_at(u, summary ? "reasoning_summary_part.done" : "content_part.done", at);
    sl_unfold_member(u, SL_STR("part"), part);
    shut_event(u);
}

static void parts_events(struct sl_unfold *u, struct spot *at, const char *inner,
                         struct sl_str parts)
{
    struct sl_str part;
    size_t pos = 0;

    at->inner = inner;
    for (at->index = 0; sl_json_next(parts, &pos, &part); at->index++)
        part_events(u, at, part);
    at->inner = NULL;
}

/* --- Items ---------------------------------------------------------------------------- */

static const struct text_kind arguments = {"function_call_arguments.delta",
                                           "function_call_arguments.done", SL_STR_INIT("arguments"),
                                           false};
static const struct text_kind custom = {"custom_tool_call_input.delta",
                                        "custom_tool_call_input.done", SL_STR_INIT("input"), false};

static void open_item(struct sl_unfold *u, const char *name, const struct spot *at)
{
    open_event(u, name);
    number(u, "output_index", at->output);
    add(u, ",\"item\":");
}

/* What of an item comes in events of its own between added and done. */
static void item_inside(struct sl_unfold *u, struct spot *at, struct sl_str type,
                        struct sl_str item)
{
    bool reasoning = sl_str_eq(type, SL_STR("reasoning"));

    if (reasoning)
        parts_events(u, at, "summary_index", sl_json_get(item, SL_STR("summary")));
    if (reasoning || sl_str_eq(type, SL_STR("message")))
        parts_events(u, at, "content_index", sl_json_get(item, SL_STR("content")));
    else if (sl_str_eq(type, SL_STR("function_call")) && is_string(item, arguments.member))
        text_events(u, at, &arguments, item);
    else if (sl_str_eq(type, SL_STR("custom_tool_call")) && is_string(item, custom.member))
        text_events(u, at, &custom, item);
}

static void add_begun(struct sl_unfold *u, struct sl_str type, struct sl_str item)
{
    if (sl_str_eq(type, SL_STR("message")) || sl_str_eq(type, SL_STR("reasoning")))
        add_emptied(u, item, SL_STR("content"), SL_STR("summary"));
    else if (sl_str_eq(type, SL_STR("function_call")))
        add_emptied(u, item, arguments.member, (struct sl_str){"", 0});
    else if (sl_str_eq(type, SL_STR("custom_tool_call")))
        add_emptied(u, item, custom.member, (struct sl_str){"", 0});
    else
        add_emptied(u, item, (struct sl_str){"", 0}, (struct sl_str){"", 0});
}

static void item_events(struct sl_unfold *u, struct sl_str item, uint64_t output)
{
    struct spot at = {.id = sl_json_get(item, SL_STR("id")), .output = output};
    struct sl_str type = sl_llm_inner(sl_json_get(item, SL_STR("type")));

    if (sl_llm_inner(at.id).n == 0 || type.n == 0) {
        u->err = SL_ERR_UP_GARBAGE;
        return;
    }
    open_item(u, "output_item.added", &at);
    add_begun(u, type, item);
    shut_event(u);
    item_inside(u, &at, type, item);
    open_item(u, "output_item.done", &at);
    sl_unfold_raw(u, item);
    shut_event(u);
}

/* --- The response --------------------------------------------------------------------- */

/* As it was when nothing had been made of it yet. */
static void begin_event(struct sl_unfold *u, const char *name)
{
    struct sl_str key, value;
    size_t pos = 0;

    open_event(u, name);
    add(u, ",\"response\":{");
    while (sl_json_next_member(u->plain, &pos, &key, &value)) {
        if (sl_str_eq(key, SL_STR("output_text"))) /* the clients' own */
            continue;
        if (sl_str_eq(key, SL_STR("output")))
            value = SL_STR("[]");
        else if (sl_str_eq(key, SL_STR("status")))
            value = SL_STR("\"in_progress\"");
        else if (sl_str_eq(key, SL_STR("usage")) || sl_str_eq(key, SL_STR("completed_at")) ||
                 sl_str_eq(key, SL_STR("incomplete_details")))
            value = SL_STR("null");
        sl_unfold_member(u, key, value);
    }
    add(u, "}");
    shut_event(u);
}

void sl_unfold_responses(struct sl_unfold *u)
{
    struct sl_str output = sl_json_get(u->plain, SL_STR("output")), item;
    struct sl_str status = sl_json_get(u->plain, SL_STR("status"));
    bool cut = sl_str_eq(status, SL_STR("\"incomplete\""));
    uint64_t index = 0;
    size_t pos = 0;

    if (sl_json_type_of(output) != SL_JSON_ARRAY ||
        (!cut && !sl_str_eq(status, SL_STR("\"completed\"")))) {
        u->err = SL_ERR_UP_GARBAGE;
        return;
    }
    begin_event(u, "created");
    begin_event(u, "in_progress");
    while (u->err == SL_OK && sl_json_next(output, &pos, &item))
        item_events(u, item, index++);
    open_event(u, cut ? "incomplete" : "completed");
    sl_unfold_member(u, SL_STR("response"), u->plain);
    shut_event(u);
}
