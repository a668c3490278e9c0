/* GATHER: which items are still wanted, who asks for them, and the answer made of all. */
#include "gateway/cache/batch.h"

#include "gateway/inside.h"
#include "gateway/quota/pass.h"
#include "gateway/routing/trial.h"

static enum sl_state fail(struct sl_req *r, enum sl_err e)
{
    r->ending = SL_END_UPSTREAM_ERROR;
    return sl_req_refuse(r, e, 0, "Provider %.*s failed: %s.", SL_STR_ARGS(r->provider->name),
                         sl_err_text(e));
}

/* ---- several rounds ---- */

static void add_usage(struct sl_usage *to, const struct sl_usage *from)
{
    to->in += from->in;
    to->out += from->out;
    to->cache_read += from->cache_read;
    to->cache_write_5m += from->cache_write_5m;
    to->cache_write_1h += from->cache_write_1h;
    if (from->source < to->source) /* the sum is as sure as its least sure part */
        to->source = from->source;
    to->has_cost = to->has_cost && from->has_cost; /* else by the tokens */
    if (to->has_cost && __builtin_add_overflow(to->cost_pico, from->cost_pico, &to->cost_pico))
        to->cost_pico = INT64_MAX;
}

void sl_batch_sum(struct sl_req *r)
{
    struct sl_batch *b = r->reuse != NULL ? r->reuse->batch : NULL;

    if (b == NULL || !b->before.has_in)
        return;
    sl_usage_settle(&r->usage, r->body_n);
    add_usage(&r->usage, &b->before);
    b->before.has_in = false;
}

bool sl_batch_owes(struct sl_req *r)
{
    struct sl_batch *b = r->reuse != NULL ? r->reuse->batch : NULL;

    if (b == NULL)
        return false;
    if (b->answered) {
        sl_usage_settle(&r->usage, r->body_n);
        sl_batch_sum(r);
        return true;
    }
    if (!b->before.has_in)
        return false;
    r->usage = b->before;
    b->before.has_in = false;
    return true;
}

/* An answer that came is put aside: the next one's usage would take its place. */
static void put_aside(struct sl_req *r)
{
    struct sl_batch *b = r->reuse->batch;

    sl_usage_settle(&r->usage, r->body_n);
    sl_batch_sum(r);
    b->before = r->usage;
    sl_usage_init(&r->usage);
}

/* What is still awaited may be sent by us later: it must not go with the body it stands in. */
static enum sl_err keep_awaited(struct sl_batch *b, struct sl_arena *a)
{
    for (size_t i = 0; i < b->n; i++) {
        struct sl_want *w = &b->want[i];

        if (w->state != SL_WANT_AWAITED)
            continue;
        w->raw = sl_arena_dup(a, w->raw);
        if (w->raw.p == NULL)
            return SL_ERR_NO_MEMORY;
    }
    return SL_OK;
}

/* ---- together ---- */

static void name_result(struct sl_batch *b)
{
    struct sl_reuse *u = b->r->reuse;

    u->result = b->sent == 0      ? (b->joined > 0 ? SL_REUSE_JOINED : SL_REUSE_HIT)
                : b->sent == b->n ? SL_REUSE_MISS
                                  : SL_REUSE_PARTIAL;
    if (u->result == SL_REUSE_MISS && !u->look && !u->keep)
        u->result = SL_REUSE_BYPASS;
}

static enum sl_state put_together(struct sl_req *r)
{
    struct sl_batch *b = r->reuse->batch;
    struct sl_arena *a = &r->reuse->arena;
    struct sl_items_head head = {.ep = r->ep, .id = b->id, .model = b->model};
    struct sl_item_result *all = sl_arena_alloc(a, b->items * sizeof *all);
    enum sl_err e;

    if (all == NULL)
        return fail(r, SL_ERR_NO_MEMORY);
    sl_batch_sum(r);
    for (size_t i = 0; i < b->items; i++)
        all[i] = b->want[b->place[i]].result;
    if (head.id.n == 0)
        head.id = sl_arena_printf(a, "modr-%.16s", r->id);
    if (head.model.n == 0)
        head.model = r->served;
    e = sl_items_answer(&head, all, b->items, a, &r->raw_body);
    if (e != SL_OK)
        return fail(r, e);
    name_result(b);
    r->reply_status = 200;
    r->ending = SL_END_DONE;
    return SL_ST_REPLY;
}

/* ---- what is sent ---- */

static bool is_fitting(const struct sl_batch *b, size_t sent)
{
    return b->whole && sent == b->n;
}

/* The request for the items that are to be sent; the client's own where it is all of them. */
static enum sl_err narrow(struct sl_req *r, size_t sent)
{
    struct sl_batch *b = r->reuse->batch;
    struct sl_arena *a = &r->reuse->arena;
    struct sl_str *raw, out;
    enum sl_err e;
    size_t n = 0;

    b->passes = is_fitting(b, sent) && b->rounds == 1;
    if (b->passes)
        return SL_OK;
    raw = sl_arena_alloc(a, sent * sizeof *raw);
    if (raw == NULL)
        return SL_ERR_NO_MEMORY;
    for (size_t i = 0; i < b->n; i++)
        if (b->want[i].state == SL_WANT_SENT)
            raw[n++] = b->want[i].raw;
    e = sl_items_body((struct sl_str){r->body, r->body_n}, raw, n, a, &out);
    if (e == SL_OK)
        e = keep_awaited(b, a);
    return e == SL_OK ? sl_req_replace_body(r, out) : e;
}

/* Nobody is to be asked again for ever. */
static enum sl_state send(struct sl_req *r, size_t sent)
{
    struct sl_batch *b = r->reuse->batch;
    enum sl_err e;

    if (++b->rounds > SL_BATCH_ROUNDS)
        return fail(r, SL_ERR_UP_GARBAGE);
    if (b->rounds > 1)
        put_aside(r);
    b->answered = false;
    b->sent += sent;
    e = narrow(r, sent);
    if (e != SL_OK)
        return fail(r, e);
    r->answer = NULL;
    r->up_status = 0;
    r->t.sent = 0;
    r->hold.max = SL_BATCH_ANSWER_MAX;
    sl_trial_restart(r);
    return SL_ST_TRY;
}

static enum sl_state look_round(struct sl_req *r)
{
    struct sl_batch *b = r->reuse->batch;
    size_t sent = 0, awaited = 0;

    for (size_t i = 0; i < b->n; i++) {
        if (b->want[i].state == SL_WANT_NEW)
            sl_want_enter(r->gw->wants, &b->want[i]);
        sent += b->want[i].state == SL_WANT_SENT;
        awaited += b->want[i].state == SL_WANT_AWAITED;
    }
    if (sent > 0)
        return send(r, sent);
    return awaited > 0 ? SL_ST_GATHER : put_together(r);
}

enum sl_state sl_step_gather(struct sl_req *r, enum sl_ev ev)
{
    switch (ev) {
    case SL_EVT_ENTER:
        sl_timer_start(r->gw->net, &r->total, r->provider->timeouts.total);
        return look_round(r);
    case SL_EVT_FLIGHT: return look_round(r);
    case SL_EVT_DEADLINE:
        r->ending = SL_END_TIMEOUT;
        return sl_req_refuse(r, r->why, 0,
                             "The items of this batch that others had sent were not "
                             "answered in time.");
    default: return SL_ST_GATHER;
    }
}

/* ---- what came ---- */

static void keep(struct sl_req *r, size_t i)
{
    struct sl_batch *b = r->reuse->batch;
    struct sl_want *w = &b->want[i];
    struct sl_entry e = {.ep = r->ep, .status = 200, .model = b->model, .body = w->result.raw};
    struct sl_cached *value;

    memcpy(e.sha256, w->sha256, sizeof e.sha256);
    e.counts[0] = w->result.tokens;
    value = sl_entry_encode(&e);
    if (value != NULL)
        sl_cache_put(r->gw->cache, b->md5[i], &value, sl_reuse_ttl(r, b->md5[i]), 0);
}

static void name_answer(struct sl_batch *b, struct sl_str answer)
{
    struct sl_arena *a = &b->r->reuse->arena;
    char id[200];
    size_t n;

    if (sl_json_unescape(sl_json_get(answer, SL_STR("id")), id, sizeof id, &n))
        b->id = sl_arena_dup(a, (struct sl_str){id, n});
    b->model = sl_arena_dup(a, sl_str_of(b->r->usage.model));
}

enum sl_state sl_batch_answer(struct sl_req *r, struct sl_str answer)
{
    struct sl_batch *b = r->reuse->batch;
    struct sl_arena *a = &r->reuse->arena;
    struct sl_item_result *results = sl_arena_zalloc(a, b->n * sizeof *results);
    uint64_t *weights = sl_arena_alloc(a, b->n * sizeof *weights);
    size_t n = 0;
    enum sl_err e;

    if (results == NULL || weights == NULL)
        return fail(r, SL_ERR_NO_MEMORY);
    for (size_t i = 0; i < b->n; i++)
        if (b->want[i].state == SL_WANT_SENT)
            weights[n++] = b->want[i].tokens;
    e = sl_items_results(r->ep, answer, weights, n, a, results);
    if (e != SL_OK)
        return fail(r, e);
    name_answer(b, answer);
    b->answered = true;
    n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->want[i].state != SL_WANT_SENT)
            continue;
        b->want[i].result = results[n++];
        if (b->want[i].keep && !b->foreign)
            keep(r, i);
        sl_want_share(r->gw->wants, &b->want[i]);
    }
    if (b->passes) { /* the client's own request, whole: the provider's own bytes */
        name_result(b);
        r->raw_body = answer;
        r->reply_status = 200;
        r->ending = SL_END_DONE;
        return SL_ST_REPLY;
    }
    sl_call_end(&r->call);
    sl_place_give(r);
    r->answer = NULL;
    return SL_ST_GATHER;
}
