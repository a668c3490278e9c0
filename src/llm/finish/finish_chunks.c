/* llm/finish/finish_chunks.c -- chat and text completions that end early. Source: OpenAI
 * API reference, "Chat completion chunk object" and "Completions". */
#include "llm/finish/inside.h"

#include "llm/inside.h"

#define HEAD_MAX 2048 /* more than the members of a chunk beside its choices ever take */

static bool wants(struct sl_str type)
{
    (void)type;
    return true;
}

/* The members that every chunk of the stream repeats. */
static void keep_head(struct sl_finish *f, struct sl_str data)
{
    static const struct sl_str not_kept[] = {SL_STR_INIT("choices"), SL_STR_INIT("usage"),
                                             SL_STR_INIT("obfuscation"), SL_STR_INIT("error")};
    struct sl_str key, value;
    size_t pos = 0;

    while (sl_json_next_member(data, &pos, &key, &value)) {
        bool keep = true;

        for (size_t i = 0; i < sizeof(not_kept) / sizeof(not_kept[0]); i++)
            keep = keep && !sl_json_key_is(key, not_kept[i]);
        if (keep && f->head.n + key.n + value.n + 4 <= HEAD_MAX)
            sl_finish_member(&f->head, key, value);
    }
    f->choices.nulls = sl_json_get(data, SL_STR("usage")).p != NULL;
    f->began = true;
}

/* All that have begun have ended. */
static bool are_over(const struct sl_finish_choices *c)
{
    bool any = false;

    for (size_t i = 0; i < SL_FINISH_CHOICES / 64; i++) {
        if ((c->seen[i] & ~c->ended[i]) != 0)
            return false;
        any = any || c->seen[i] != 0;
    }
    return any;
}

static void event(struct sl_finish *f, struct sl_str type, struct sl_str data)
{
    struct sl_finish_choices *c = &f->choices;
    struct sl_str choices = sl_json_get(data, SL_STR("choices")), choice;
    size_t pos = 0;

    (void)type;
    while (sl_json_next(choices, &pos, &choice)) {
        uint64_t index = sl_finish_number(choice, SL_STR("index"), 0);

        if (!f->began)
            keep_head(f, data);
        if (index >= SL_FINISH_CHOICES)
            continue;
        c->seen[index / 64] |= (uint64_t)1 << index % 64;
        if (sl_llm_inner(sl_json_get(choice, SL_STR("finish_reason"))).n > 0)
            c->ended[index / 64] |= (uint64_t)1 << index % 64;
    }
    f->over = are_over(c);
}

static void lost(struct sl_finish *f, struct sl_str name)
{
    (void)f;
    (void)name;
}

/* --- The end -------------------------------------------------------------------------- */

static void make_head(struct sl_finish *f, const struct sl_finish_ask *ask)
{
    bool chat = f->ep == SL_EP_CHAT;
    struct sl_grow *g = &f->head;

    sl_finish_add(g, chat ? "\"id\":\"chatcmpl-" : "\"id\":\"cmpl-");
    sl_grow_add(g, ask->id);
    sl_finish_add(g, chat ? "\",\"object\":\"chat.completion.chunk\""
                          : "\",\"object\":\"text_completion\"");
    sl_finish_count(g, "created", (uint64_t)ask->now_unix_s);
    sl_finish_add(g, ",\"model\":");
    sl_grow_json(g, ask->model);
}

static void open_chunk(struct sl_finish *f)
{
    sl_finish_add(&f->out, "data: {");
    sl_grow_add(&f->out, sl_grow_str(&f->head));
    sl_finish_member(&f->out, SL_STR("choices"), SL_STR("["));
}

/* `first`: nothing of it has come, so its role comes with its end. */
static void end_choice(struct sl_finish *f, uint64_t index, bool first, bool refused)
{
    struct sl_grow *g = &f->out;

    open_chunk(f);
    sl_finish_add(g, "{");
    sl_finish_count(g, "index", index);
    if (f->ep == SL_EP_COMPLETIONS)
        sl_finish_add(g, ",\"text\":\"\"");
    else if (first)
        sl_finish_add(g, ",\"delta\":{\"role\":\"assistant\",\"content\":\"\"}");
    else
        sl_finish_add(g, ",\"delta\":{}");
    sl_finish_add(g, ",\"logprobs\":null,\"finish_reason\":");
    sl_finish_add(g, refused ? "\"content_filter\"}]" : "\"length\"}]");
    sl_finish_add(g, f->choices.nulls ? ",\"usage\":null}\n\n" : "}\n\n");
}

static void write_usage(struct sl_finish *f, const struct sl_usage *u)
{
    struct sl_grow *g = &f->out;
    uint64_t input = sl_finish_input(u);

    open_chunk(f);
    sl_finish_add(g, "],\"usage\":{");
    sl_finish_count(g, "prompt_tokens", input);
    sl_finish_count(g, "completion_tokens", u->out);
    sl_finish_count(g, "total_tokens", input + u->out);
    sl_finish_add(g, ",\"prompt_tokens_details\":{");
    sl_finish_count(g, "cached_tokens", u->cache_read);
    sl_finish_add(g, "},\"completion_tokens_details\":{");
    sl_finish_count(g, "reasoning_tokens", u->reasoning);
    sl_finish_add(g, "}}}\n\n");
}

static void end(struct sl_finish *f, const struct sl_finish_ask *ask)
{
    const struct sl_finish_choices *c = &f->choices;

    if (!f->began) {
        make_head(f, ask);
        end_choice(f, 0, true, ask->refused);
    }
    for (uint64_t i = 0; i < SL_FINISH_CHOICES; i++) {
        uint64_t bit = (uint64_t)1 << i % 64;

        if ((c->seen[i / 64] & bit) != 0 && (c->ended[i / 64] & bit) == 0)
            end_choice(f, i, false, ask->refused);
    }
    f->usage_at = f->out.n;
    write_usage(f, ask->usage);
    f->last_at = f->out.n;
    sl_finish_add(&f->out, "data: [DONE]\n\n");
}

const struct sl_finish_kind sl_finish_chunks = {wants, event, lost, end};
