/* llm/finish/finish_responses_write.c -- a response that ends early. Source: OpenAI API
 * reference, "Streaming events" of Responses; the clients' helpers want the numbers
 * without gaps, each event at the item it belongs to, and the whole response last.
 */
#include "llm/finish/inside.h"

#include "llm/inside.h"

/* A string that grows: what holds it, its member, and the event that says it is done. */
static const struct kind {
    struct sl_str type, member;
    const char *done;
    bool probs; /* it carries logprobs */
} kinds[] = {
    {SL_STR_INIT("output_text"), SL_STR_INIT("text"), "output_text.done", true},
    {SL_STR_INIT("refusal"), SL_STR_INIT("refusal"), "refusal.done", false},
    {SL_STR_INIT("reasoning_text"), SL_STR_INIT("text"), "reasoning_text.done", false},
    {SL_STR_INIT("summary_text"), SL_STR_INIT("text"), "reasoning_summary_text.done", false},
    {SL_STR_INIT("function_call"), SL_STR_INIT("arguments"), "function_call_arguments.done", false},
    {SL_STR_INIT("custom_tool_call"), SL_STR_INIT("input"), "custom_tool_call_input.done", false},
};

static const struct kind *kind_of(struct sl_str object)
{
    struct sl_str type = sl_llm_inner(sl_json_get(object, SL_STR("type")));

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (sl_str_eq(kinds[i].type, type))
            return &kinds[i];
    return NULL;
}

static void add(struct sl_finish *f, const char *z)
{
    sl_grow_add(&f->out, sl_str_of(z));
}

static void open_event(struct sl_finish *f, const char *name)
{
    add(f, "event: response.");
    add(f, name);
    add(f, "\ndata: {\"type\":\"response.");
    add(f, name);
    add(f, "\"");
    sl_finish_count(&f->out, "sequence_number", f->sequence++);
}

static void shut_event(struct sl_finish *f)
{
    add(f, "}\n\n");
}

static void add_key(struct sl_finish *f, struct sl_str key)
{
    sl_finish_member(&f->out, key, (struct sl_str){"", 0});
}

/* --- The item that was being made ------------------------------------------------------ */

static void add_text(struct sl_finish *f, struct sl_str member)
{
    add_key(f, member);
    add(f, "\"");
    sl_grow_add(&f->out, sl_grow_str(&f->item.text));
    add(f, "\"");
}

static void add_part(struct sl_finish *f, const struct kind *kind)
{
    struct sl_finish_item *it = &f->item;
    struct sl_str key, value;
    size_t pos = 0;

    add(f, "{");
    while (sl_json_next_member(sl_grow_str(&it->part), &pos, &key, &value)) {
        if (kind != NULL && sl_str_eq(key, kind->member))
            continue;
        if (!sl_str_eq(key, SL_STR("annotations"))) {
            sl_finish_member(&f->out, key, value);
            continue;
        }
        sl_finish_member(&f->out, key, SL_STR("["));
        sl_finish_raw(&f->out, sl_grow_str(&it->notes));
        add(f, "]");
    }
    if (kind != NULL)
        add_text(f, kind->member);
    add(f, "}");
}

/* The done ones, and the open one behind them. */
static void add_parts(struct sl_finish *f, int list)
{
    struct sl_finish_item *it = &f->item;

    add(f, "[");
    sl_finish_raw(&f->out, sl_grow_str(&it->parts[list]));
    if (it->list == list) {
        if (it->parts[list].n > 0)
            add(f, ",");
        add_part(f, kind_of(sl_grow_str(&it->part)));
    }
    add(f, "]");
}

static void add_item(struct sl_finish *f, const struct kind *kind)
{
    static const struct sl_str lists[] = {SL_STR_INIT("content"), SL_STR_INIT("summary")};
    struct sl_str key, value;
    size_t pos = 0;

    add(f, "{");
    while (sl_json_next_member(sl_grow_str(&f->item.raw), &pos, &key, &value)) {
        if (sl_str_eq(key, SL_STR("status")))
            sl_finish_member(&f->out, key, SL_STR("\"incomplete\""));
        else if (!sl_str_eq(key, lists[0]) && !sl_str_eq(key, lists[1]) &&
                 (kind == NULL || !sl_str_eq(key, kind->member)))
            sl_finish_member(&f->out, key, value);
    }
    for (int i = 0; i < 2 && kind == NULL; i++) {
        if (f->item.parts[i].n == 0 && f->item.list != i &&
            sl_json_get(sl_grow_str(&f->item.raw), lists[i]).p == NULL)
            continue;
        add_key(f, lists[i]);
        add_parts(f, i);
    }
    if (kind != NULL)
        add_text(f, kind->member);
    add(f, "}");
}

static void open_at(struct sl_finish *f, const char *name)
{
    struct sl_finish_item *it = &f->item;

    open_event(f, name);
    sl_finish_member(&f->out, SL_STR("item_id"), sl_json_get(sl_grow_str(&it->raw), SL_STR("id")));
    sl_finish_count(&f->out, "output_index", it->output);
    if (it->list >= 0)
        sl_finish_count(&f->out, it->list == 0 ? "content_index" : "summary_index", it->inner);
}

static void tell_text(struct sl_finish *f, const struct kind *kind)
{
    struct sl_str name = sl_json_get(sl_grow_str(&f->item.raw), SL_STR("name"));

    if (kind == NULL || f->item.told)
        return;
    open_at(f, kind->done);
    add_text(f, kind->member);
    if (kind->probs)
        sl_finish_member(&f->out, SL_STR("logprobs"), SL_STR("[]"));
    if (sl_str_eq(kind->member, SL_STR("arguments")) && name.p != NULL)
        sl_finish_member(&f->out, SL_STR("name"), name);
    shut_event(f);
}

static void tell_part(struct sl_finish *f)
{
    const struct kind *kind = kind_of(sl_grow_str(&f->item.part));

    tell_text(f, kind);
    open_at(f, f->item.list == 0 ? "content_part.done" : "reasoning_summary_part.done");
    add_key(f, SL_STR("part"));
    add_part(f, kind);
    shut_event(f);
}

/* A tool that the provider runs has no unfinished form: only these have. */
static bool is_told(const struct sl_finish *f)
{
    struct sl_str item = sl_grow_str(&f->item.raw);
    struct sl_str type = sl_llm_inner(sl_json_get(item, SL_STR("type")));

    return f->item.open && sl_llm_inner(sl_json_get(item, SL_STR("id"))).n > 0 &&
           (sl_str_eq(type, SL_STR("message")) || sl_str_eq(type, SL_STR("reasoning")) ||
            kind_of(item) != NULL);
}

static void tell_item(struct sl_finish *f)
{
    const struct kind *kind = kind_of(sl_grow_str(&f->item.raw));

    if (f->item.list >= 0)
        tell_part(f);
    else
        tell_text(f, kind);
    open_event(f, "output_item.done");
    sl_finish_count(&f->out, "output_index", f->item.output);
    add_key(f, SL_STR("item"));
    add_item(f, kind);
    shut_event(f);
}

/* --- The response --------------------------------------------------------------------- */

static void add_output(struct sl_finish *f)
{
    add(f, "[");
    sl_finish_raw(&f->out, sl_grow_str(&f->done));
    if (is_told(f)) {
        if (f->done.n > 0)
            add(f, ",");
        add_item(f, kind_of(sl_grow_str(&f->item.raw)));
    }
    add(f, "]");
}

static void add_usage(struct sl_finish *f, const struct sl_usage *u)
{
    struct sl_grow *g = &f->out;
    uint64_t input = sl_finish_input(u);

    add(f, "{");
    sl_finish_count(g, "input_tokens", input);
    add(f, ",\"input_tokens_details\":{");
    sl_finish_count(g, "cached_tokens", u->cache_read);
    add(f, "}");
    sl_finish_count(g, "output_tokens", u->out);
    add(f, ",\"output_tokens_details\":{");
    sl_finish_count(g, "reasoning_tokens", u->reasoning);
    add(f, "}");
    sl_finish_count(g, "total_tokens", input + u->out);
    add(f, "}");
}

/* Members that clients insist on: with what they are where the stream said nothing. */
static const struct member {
    struct sl_str key;
    const char *otherwise;
} members[] = {
    {SL_STR_INIT("object"), "\"response\""},
    {SL_STR_INIT("error"), "null"},
    {SL_STR_INIT("instructions"), "null"},
    {SL_STR_INIT("metadata"), "{}"},
    {SL_STR_INIT("parallel_tool_calls"), "true"},
    {SL_STR_INIT("temperature"), "null"},
    {SL_STR_INIT("tool_choice"), "\"auto\""},
    {SL_STR_INIT("tools"), "[]"},
    {SL_STR_INIT("top_p"), "null"},
};

/* The stream's own members, but those that its state decides. */
static void add_members(struct sl_finish *f)
{
    static const struct sl_str ours[] = {
        SL_STR_INIT("status"), SL_STR_INIT("incomplete_details"), SL_STR_INIT("output"),
        SL_STR_INIT("usage"),  SL_STR_INIT("output_text"),        SL_STR_INIT("completed_at")};
    struct sl_str head = sl_grow_str(&f->head), key, value;
    size_t pos = 0;

    while (sl_json_next_member(head, &pos, &key, &value)) {
        bool keep = true;

        for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
            keep = keep && !sl_str_eq(key, ours[i]);
        if (keep)
            sl_finish_member(&f->out, key, value);
    }
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (sl_json_get(head, members[i].key).p == NULL)
            sl_finish_member(&f->out, members[i].key, sl_str_of(members[i].otherwise));
}

static void make_head(struct sl_finish *f, const struct sl_finish_ask *ask)
{
    struct sl_grow *g = &f->head;

    sl_finish_add(g, "{\"id\":\"resp_");
    sl_grow_add(g, ask->id);
    sl_finish_add(g, "\"");
    sl_finish_count(g, "created_at", (uint64_t)ask->now_unix_s);
    sl_finish_add(g, ",\"model\":");
    sl_grow_json(g, ask->model);
    sl_finish_add(g, "}");
    open_event(f, "created");
    add(f, ",\"response\":{");
    add_members(f);
    add(f, ",\"status\":\"in_progress\",\"incomplete_details\":null,\"output\":[],"
           "\"usage\":null}");
    shut_event(f);
}

void sl_finish_responses_write(struct sl_finish *f, const struct sl_finish_ask *ask)
{
    if (!f->began)
        make_head(f, ask);
    if (is_told(f))
        tell_item(f);
    open_event(f, "incomplete");
    add(f, ",\"response\":{");
    add_members(f);
    add(f, ",\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":");
    add(f, ask->refused ? "\"content_filter\"" : "\"max_output_tokens\"");
    add(f, "},\"output\":");
    add_output(f);
    add(f, ",\"usage\":");
    add_usage(f, ask->usage);
    add(f, "}");
    shut_event(f);
}
