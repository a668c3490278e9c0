/* GET /v1/models and /v1/models/{id}: one shape that both families read. */
#include "gateway/inside.h"

#include "base/mem.h"
#include "base/text.h"

#define ENTRY_MAX 4096
#define DIGITS 12 /* behind the point: pico-dollars */

/* Dollars a token, as a text without trailing zeros. What is not known is left out. */
static void add_price(struct sl_text *t, const char *key, int64_t pico)
{
    char digits[40];
    struct sl_text d = sl_text_over(digits, sizeof digits);
    struct sl_str s;

    if (pico < 0)
        return;
    sl_text_printf(&d, "%lld.%0*lld", (long long)(pico / INT64_C(1000000000000)), DIGITS,
                   (long long)(pico % INT64_C(1000000000000)));
    s = sl_text_str(&d);
    while (sl_str_ends(s, SL_STR("0")))
        s.n--;
    if (sl_str_ends(s, SL_STR(".")))
        s.n--;
    sl_text_printf(t, "%s\"%s\":\"%.*s\"", t->p[t->n - 1] == '{' ? "" : ",", key, SL_STR_ARGS(s));
}

/* What it costs at its first target, in OpenRouter's words. */
static void add_pricing(struct sl_text *t, const struct sl_gateway_conf *c, struct sl_str id)
{
    static const struct sl_price nothing = {.in = 0};
    const struct sl_model *m = sl_route_find(c->routes, id);
    const struct sl_target *first = m != NULL && m->targets_n > 0 ? &m->targets[0] : NULL;
    const struct sl_price *p =
        first != NULL ? sl_gateway_price(c, first, first->model.n > 0 ? first->model : id) : NULL;

    if (p == NULL)
        return;
    if (p->free)
        p = &nothing;
    sl_text_add(t, SL_STR(",\"pricing\":{"));
    add_price(t, "prompt", p->in);
    add_price(t, "completion", p->out);
    add_price(t, "request", p->request);
    add_price(t, "web_search", p->search);
    add_price(t, "input_cache_read", p->cache_read);
    add_price(t, "input_cache_write", p->cache_write_5m);
    add_price(t, "input_cache_write_1h", p->cache_write_1h);
    sl_text_byte(t, '}');
}

static void add_entry(struct sl_text *t, const struct sl_gateway_conf *c, const struct sl_listed *m)
{
    struct sl_str shown = m->display_name.n > 0 ? m->display_name : m->id;

    sl_text_add(t, SL_STR("{\"id\":"));
    sl_text_json(t, m->id, 256);
    sl_text_add(t, SL_STR(",\"object\":\"model\",\"type\":\"model\",\"display_name\":"));
    sl_text_json(t, shown, 256);
    sl_text_add(t, SL_STR(",\"created_at\":\"1970-01-01T00:00:00Z\",\"created\":0,\"owned_by\":"));
    sl_text_json(t, m->owned_by, 64);
    add_pricing(t, c, m->id);
    sl_text_byte(t, '}');
}

static enum sl_state answer_one(struct sl_req *r)
{
    struct sl_str id = sl_query_decode(r->arena, r->model_id);
    char *scratch = sl_arena_alloc(r->arena, ENTRY_MAX);

    for (size_t i = 0; scratch != NULL && id.p != NULL && i < r->conf->listed_n; i++) {
        struct sl_text t = sl_text_over(scratch, ENTRY_MAX);

        if (!sl_str_eq(id, r->conf->listed[i].id) || !sl_tenant_can_model(r->key, id))
            continue;
        add_entry(&t, r->conf, &r->conf->listed[i]);
        r->raw_body = sl_text_str(&t);
        r->reply_status = 200;
        return SL_ST_REPLY;
    }
    return sl_req_refuse(r, SL_ERR_NO_MODEL, 0, "Unknown model: %.*s.",
                         SL_STR_ARGS(sl_str_first(r->model_id, 200)));
}

struct page {
    const struct sl_listed **v; /* up: in the arena */
    size_t n;
    bool has_more;
};

static size_t place_of(struct sl_req *r, const struct page *p, struct sl_str encoded, size_t none)
{
    struct sl_str id = encoded.n > 0 ? sl_query_decode(r->arena, encoded) : encoded;

    for (size_t i = 0; encoded.n > 0 && i < p->n; i++) {
        if (sl_str_eq(p->v[i]->id, id))
            return i;
    }
    return none;
}

/* Anthropic's pagination: after_id, before_id, limit; without them, all. */
static bool cut_page(struct sl_req *r, struct page *p)
{
    struct sl_str limit = sl_query_get(r->head->query, SL_STR("limit"));
    uint64_t most = p->n;
    size_t after = place_of(r, p, sl_query_get(r->head->query, SL_STR("after_id")), SIZE_MAX);
    size_t first = after == SIZE_MAX ? 0 : after + 1;
    size_t last = place_of(r, p, sl_query_get(r->head->query, SL_STR("before_id")), p->n);

    if (limit.n > 0 && (!sl_str_to_u64(limit, &most) || most < 1 || most > 1000))
        return false;
    if (last < first)
        last = first;
    p->has_more = last - first > most;
    if (p->has_more)
        last = first + (size_t)most;
    p->v += first;
    p->n = last - first;
    return true;
}

static enum sl_state answer_list(struct sl_req *r, const struct page *p)
{
    size_t cap = 256 + (p->n + 2) * ENTRY_MAX;
    char *scratch = sl_mem_try(cap);
    struct sl_text t = sl_text_over(scratch, cap);

    if (scratch == NULL)
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    sl_text_add(&t, SL_STR("{\"object\":\"list\",\"data\":["));
    for (size_t i = 0; i < p->n; i++) {
        if (i > 0)
            sl_text_byte(&t, ',');
        add_entry(&t, r->conf, p->v[i]);
    }
    sl_text_printf(&t, "],\"has_more\":%s,\"first_id\":", p->has_more ? "true" : "false");
    if (p->n > 0) {
        sl_text_json(&t, p->v[0]->id, 256);
        sl_text_add(&t, SL_STR(",\"last_id\":"));
        sl_text_json(&t, p->v[p->n - 1]->id, 256);
        sl_text_byte(&t, '}');
    } else {
        sl_text_add(&t, SL_STR("null,\"last_id\":null}"));
    }
    r->raw_body = sl_arena_dup(r->arena, sl_text_str(&t));
    sl_mem_free(scratch);
    if (r->raw_body.p == NULL)
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; ask for fewer with `limit`.");
    r->reply_status = 200;
    return SL_ST_REPLY;
}

enum sl_state sl_models_answer(struct sl_req *r)
{
    struct page p = {0};

    if (r->model_id.n > 0)
        return answer_one(r);
    p.v = sl_arena_alloc(r->arena, (r->conf->listed_n + 1) * sizeof(struct sl_listed *));
    if (p.v == NULL)
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    for (size_t i = 0; i < r->conf->listed_n; i++) {
        if (sl_tenant_can_model(r->key, r->conf->listed[i].id))
            p.v[p.n++] = &r->conf->listed[i];
    }
    if (!cut_page(r, &p))
        return sl_req_refuse(r, SL_ERR_BAD_BODY, 400, "`limit` must be a number from 1 to 1000.");
    return answer_list(r, &p);
}
