/* llm/finish/finish_anthropic.c -- a message that ends early. Source: Anthropic API
 * reference, "Streaming Messages". */
#include "llm/finish/inside.h"

#include "llm/inside.h"

static bool wants(struct sl_str type)
{
    return !sl_str_eq(type, SL_STR("content_block_delta")) && !sl_str_eq(type, SL_STR("ping"));
}

/* Blocks come one after the other. */
static void open_block(struct sl_finish *f, uint64_t index)
{
    f->block = (struct sl_finish_block){.open = true, .index = index, .next = index + 1};
}

static void event(struct sl_finish *f, struct sl_str type, struct sl_str data)
{
    struct sl_str delta = sl_json_get(data, SL_STR("delta"));

    if (sl_str_eq(type, SL_STR("message_start")))
        f->began = true;
    else if (sl_str_eq(type, SL_STR("content_block_start")))
        open_block(f, sl_finish_number(data, SL_STR("index"), f->block.next));
    else if (sl_str_eq(type, SL_STR("content_block_stop")))
        f->block.open = false;
    else if (sl_str_eq(type, SL_STR("message_delta")))
        f->over = sl_llm_is_set(sl_json_get(delta, SL_STR("stop_reason")));
    else if (sl_str_eq(type, SL_STR("message_stop")) || sl_str_eq(type, SL_STR("error")))
        f->over = true;
}

static void lost(struct sl_finish *f, struct sl_str name)
{
    if (sl_str_eq(name, SL_STR("content_block_start")))
        open_block(f, f->block.next);
}

static void usage(struct sl_grow *g, const struct sl_usage *u, uint64_t output)
{
    sl_finish_add(g, ",\"usage\":{");
    sl_finish_count(g, "input_tokens", u->in);
    sl_finish_count(g, "cache_creation_input_tokens", u->cache_write_5m + u->cache_write_1h);
    sl_finish_count(g, "cache_read_input_tokens", u->cache_read);
    sl_finish_count(g, "output_tokens", output);
    sl_finish_add(g, "}");
}

static void write_start(struct sl_grow *g, const struct sl_finish_ask *ask)
{
    sl_finish_add(g, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":"
                     "\"msg_");
    sl_grow_add(g, ask->id);
    sl_finish_add(g, "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
    sl_grow_json(g, ask->model);
    sl_finish_add(g, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null");
    usage(g, ask->usage, 0);
    sl_finish_add(g, "}}\n\n");
}

static void end(struct sl_finish *f, const struct sl_finish_ask *ask)
{
    struct sl_grow *g = &f->out;

    if (!f->began)
        write_start(g, ask);
    if (f->block.open) {
        sl_finish_add(g, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\"");
        sl_finish_count(g, "index", f->block.index);
        sl_finish_add(g, "}\n\n");
    }
    sl_finish_add(g, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":"
                     "{\"stop_reason\":");
    sl_finish_add(g, ask->refused ? "\"refusal\"" : "\"max_tokens\"");
    sl_finish_add(g, ",\"stop_sequence\":null}");
    usage(g, ask->usage, ask->usage->out);
    sl_finish_add(g, "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

const struct sl_finish_kind sl_finish_anthropic = {wants, event, lost, end};
