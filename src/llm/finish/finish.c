/* llm/finish/finish.c -- what all endings have in common: events in, texts out. */
#include "llm/finish/inside.h"

#include "base/mem.h"
#include "llm/inside.h"
#include "llm/sse.h"

#define OUT_MAX (16 * SL_FINISH_MAX) /* a response's texts stand five times in its last events */

static const struct sl_finish_kind *kind_of(enum sl_endpoint ep)
{
    switch (ep) {
    case SL_EP_MESSAGES: return &sl_finish_anthropic;
    case SL_EP_CHAT:
    case SL_EP_COMPLETIONS: return &sl_finish_chunks;
    case SL_EP_RESPONSES: return &sl_finish_responses;
    default: return NULL;
    }
}

struct sl_finish *sl_finish_new(enum sl_endpoint ep)
{
    const struct sl_finish_kind *kind = kind_of(ep);
    struct sl_finish *f = kind != NULL ? sl_mem_try(sizeof(*f)) : NULL;

    if (f == NULL)
        return NULL;
    *f = (struct sl_finish){.ep = ep, .kind = kind, .item = {.list = -1}};
    sl_grow_init(&f->head, SL_FINISH_MAX);
    sl_grow_init(&f->done, SL_FINISH_MAX);
    sl_grow_init(&f->item.raw, SL_FINISH_MAX);
    sl_grow_init(&f->item.parts[0], SL_FINISH_MAX);
    sl_grow_init(&f->item.parts[1], SL_FINISH_MAX);
    sl_grow_init(&f->item.part, SL_FINISH_MAX);
    sl_grow_init(&f->item.notes, SL_FINISH_MAX);
    sl_grow_init(&f->item.text, SL_FINISH_MAX);
    sl_grow_init(&f->out, OUT_MAX);
    return f;
}

void sl_finish_end(struct sl_finish **pf)
{
    struct sl_finish *f = *pf;

    *pf = NULL;
    if (f == NULL)
        return;
    sl_grow_fini(&f->head);
    sl_grow_fini(&f->done);
    sl_grow_fini(&f->item.raw);
    sl_grow_fini(&f->item.parts[0]);
    sl_grow_fini(&f->item.parts[1]);
    sl_grow_fini(&f->item.part);
    sl_grow_fini(&f->item.notes);
    sl_grow_fini(&f->item.text);
    sl_grow_fini(&f->out);
    sl_mem_free(f);
}

/* --- Events in ------------------------------------------------------------------------ */

void sl_finish_event(struct sl_finish *f, struct sl_str event)
{
    char scratch[SL_LLM_SCRATCH];
    struct sl_sse_event e;
    struct sl_str type;

    sl_sse_parse(event, scratch, sizeof(scratch), &e);
    if (!e.has_data)
        return;
    if (e.data.p == NULL) { /* in several lines, too many to be joined */
        f->kind->lost(f, e.name);
        return;
    }
    if (sl_str_eq(e.data, SL_STR("[DONE]"))) {
        f->over = true;
        return;
    }
    type = sl_llm_inner(sl_json_get(e.data, SL_STR("type")));
    if (type.n == 0)
        type = e.name;
    if (f->kind->wants(type) && sl_json_is_object(e.data))
        f->kind->event(f, type, e.data);
}

void sl_finish_lost(struct sl_finish *f, struct sl_str name)
{
    f->kind->lost(f, name);
}

bool sl_finish_is_over(const struct sl_finish *f)
{
    return f->over;
}

/* --- Texts out ------------------------------------------------------------------------ */

uint64_t sl_finish_number(struct sl_str object, struct sl_str key, uint64_t otherwise)
{
    uint64_t n;

    return sl_json_u64(sl_json_get(object, key), &n) ? n : otherwise;
}

void sl_finish_raw(struct sl_grow *g, struct sl_str raw)
{
    while (raw.n > 0) {
        size_t n = 0;

        while (n < raw.n && raw.p[n] != '\n' && raw.p[n] != '\r')
            n++;
        sl_grow_add(g, sl_str_first(raw, n));
        raw = sl_str_from(raw, n + 1);
    }
}

void sl_finish_member(struct sl_grow *g, struct sl_str key, struct sl_str value)
{
    char last = '{';

    if (g->n > 0)
        last = g->p[g->n - 1];
    if (last != '{' && last != '[')
        sl_grow_byte(g, ',');
    sl_grow_byte(g, '"');
    sl_grow_add(g, key);
    sl_grow_add(g, SL_STR("\":"));
    sl_finish_raw(g, value);
}

void sl_finish_count(struct sl_grow *g, const char *key, uint64_t n)
{
    sl_finish_member(g, sl_str_of(key), (struct sl_str){"", 0});
    sl_grow_u64(g, n);
}

uint64_t sl_finish_input(const struct sl_usage *u)
{
    return u->in + u->cache_read + u->cache_write_5m + u->cache_write_1h;
}

enum sl_err sl_finish_write(struct sl_finish *f, const struct sl_finish_ask *ask,
                            struct sl_finish_text *out)
{
    struct sl_str all;

    f->kind->end(f, ask);
    if (f->last_at == 0)
        f->usage_at = f->last_at = f->out.n;
    if (f->out.err != SL_OK)
        return f->out.err;
    all = sl_grow_str(&f->out);
    *out = (struct sl_finish_text){
        .body = sl_str_first(all, f->usage_at),
        .usage = sl_str_first(sl_str_from(all, f->usage_at), f->last_at - f->usage_at),
        .last = sl_str_from(all, f->last_at),
    };
    return SL_OK;
}
