/* llm/fold/chunks.c -- what stands before and behind a delta. */
#include "llm/fold/chunks.h"

#include "llm/inside.h"

void sl_chunks_add(struct sl_chunks *c, const char *z)
{
    sl_grow_add(&c->u->out, sl_str_of(z));
}

static bool is_flat(struct sl_str value)
{
    return sl_json_type_of(value) != SL_JSON_OBJECT && sl_json_type_of(value) != SL_JSON_ARRAY;
}

/* The answer's members but what chunks are about. */
static void add_members(struct sl_chunks *c, struct sl_unfold *to, bool flat)
{
    struct sl_str key, value;
    size_t pos = 0;

    while (sl_json_next_member(c->u->plain, &pos, &key, &value)) {
        if (sl_str_eq(key, SL_STR("choices")) || sl_str_eq(key, SL_STR("usage")) ||
            is_flat(value) != flat)
            continue;
        if (c->chat && sl_str_eq(key, SL_STR("object")))
            value = SL_STR("\"chat.completion.chunk\"");
        sl_unfold_member(to, key, value);
    }
}

void sl_chunks_init(struct sl_chunks *c, struct sl_unfold *u, bool chat)
{
    *c = (struct sl_chunks){.u = u, .chat = chat};
    sl_grow_init(&c->head.out, u->plain.n + SL_LLM_SCRATCH);
    sl_grow_add(&c->head.out, SL_STR("data: {"));
    add_members(c, &c->head, true);
    c->tail = SL_STR("]}\n\n");
    if (c->u->usage && sl_json_get(c->u->plain, SL_STR("usage")).p != NULL)
        c->tail = SL_STR("],\"usage\":null}\n\n");
}

void sl_chunks_open_bare(struct sl_chunks *c)
{
    sl_grow_add(&c->u->out, sl_grow_str(&c->head.out));
    if (!c->begun)
        add_members(c, c->u, false);
    c->begun = true;
    sl_unfold_member(c->u, SL_STR("choices"), SL_STR("["));
}

void sl_chunks_open(struct sl_chunks *c)
{
    sl_chunks_open_bare(c);
    sl_chunks_add(c, "{\"index\":");
    sl_grow_u64(&c->u->out, c->index);
    sl_chunks_add(c, c->chat ? ",\"delta\":{" : ",\"text\":\"");
}

void sl_chunks_fini(struct sl_chunks *c)
{
    if (c->head.out.err != SL_OK)
        c->u->err = c->head.out.err;
    sl_grow_fini(&c->head.out);
}

void sl_chunks_shut(struct sl_chunks *c)
{
    sl_chunks_add(c, c->chat ? "}" : "\"");
    if (c->has_probs)
        sl_chunks_add(c, ",\"logprobs\":null");
    sl_chunks_add(c, ",\"finish_reason\":null}");
    sl_grow_add(&c->u->out, c->tail);
}
