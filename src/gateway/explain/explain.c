/* A request that is walked through the steps, and what is told of it. */
#include "gateway/explain/explain.h"

#include <assert.h>

#include "base/mem.h"
#include "gateway/cache/batch.h"
#include "gateway/inside.h"
#include "gateway/jwt/jwts.h"
#include "gateway/quota/keys.h"
#include "gateway/quota/pass.h"
#include "gateway/routing/trial.h"
#include "gateway/translate/translate.h"
#include "llm/estimate.h"
#include "net/tls.h"

#define ARENA_MIN ((size_t)8 << 20)

struct sl_explain {
    struct sl_op op;
    struct sl_task task;
    struct sl_grave grave;
    struct sl_arena arena;
    struct sl_req r;
    struct sl_request_head head;
    struct sl_str body, tenant;
    sl_explain_done_fn *done;
    void *ctx; /* up: the waiter's */
    struct sl_explained out;
};

/* ---- the end ---- */

static void reap(struct sl_grave *g)
{
    struct sl_explain *e = SL_CONTAINER(g, struct sl_explain, grave);

    sl_arena_fini(&e->arena);
    sl_mem_free(e);
}

static void end(struct sl_explain *e)
{
    struct sl_net *net = e->r.gw->net;

    sl_task_cancel(&e->task);
    if (e->r.pass != NULL)
        sl_op_cancel(&e->r.pass->op);
    sl_req_let_go(&e->r);
    sl_net_bury(net, &e->grave, reap);
}

static void cancel(struct sl_op *op)
{
    end(SL_CONTAINER(op, struct sl_explain, op));
}

/* ---- whose it is ---- */

/* A key of the configuration by its id, else by its name. */
static const struct sl_key *find_key(const struct sl_gateway *g, struct sl_str name,
                                     const uint8_t **sha256)
{
    const struct sl_key *k = NULL, *found = NULL;
    const uint8_t *one = NULL;

    while ((k = sl_tenants_next_key(g->conf->tenants, k, &one)) != NULL) {
        bool by_id = sl_str_eq(k->public_id, name);

        if (by_id || (found == NULL && sl_str_eq(k->name, name))) {
            found = k;
            *sha256 = one;
        }
        if (by_id)
            break;
    }
    return found;
}

static bool is_text(const struct sl_gateway *g, struct sl_str key)
{
    const struct sl_key *file = NULL;
    uint8_t sha256[32];

    sl_tls_sha256(key, sha256);
    return sl_tenant_find(g->conf->tenants, sha256, 0, &file) != SL_ERR_NO_KEY ||
           sl_tenant_public_id(key).n > 0 || sl_jwts_takes(g->conf, key);
}

bool sl_explain_knows(struct sl_gateway *g, struct sl_str key)
{
    const uint8_t *sha256;

    return is_text(g, key) || find_key(g, key, &sha256) != NULL;
}

/* A text goes where a client sends it; what is known by a name has its digest. */
static bool take_key(struct sl_explain *e, const struct sl_explain_ask *ask)
{
    const uint8_t *sha256 = ask->sha256;
    struct sl_req *r = &e->r;

    if (ask->tenant.n > 0) {
        e->tenant = sl_arena_dup(&e->arena, ask->tenant);
        r->named = e->tenant;
        sl_tls_sha256(sl_arena_printf(&e->arena, "explain %.*s", SL_STR_ARGS(ask->tenant)),
                      r->key_sha256);
        return e->tenant.p != NULL;
    }
    if (ask->key.n == 0)
        return true;
    if (sha256 == NULL && !is_text(r->gw, ask->key))
        (void)find_key(r->gw, ask->key, &sha256);
    if (sha256 != NULL) {
        r->named = sl_arena_dup(&e->arena, ask->key);
        memcpy(r->key_sha256, sha256, sizeof r->key_sha256);
        return r->named.p != NULL;
    }
    return sl_headers_add(&e->head.headers, &e->arena, SL_STR("x-api-key"),
                          sl_arena_dup(&e->arena, ask->key));
}

bool sl_explain_is_tenant(const struct sl_explain *e)
{
    return e->tenant.n > 0;
}

enum sl_err sl_explain_claim(struct sl_req *r, const struct sl_key **key, struct sl_made_key **made)
{
    struct sl_key as;

    sl_key_init(&as);
    as.tenant = r->explain->tenant;
    as.public_id = SL_STR("explain");
    return sl_keys_claim(r->gw->keys, r->key_sha256, &as, sl_net_unix_ms(r->gw->net), key, made);
}

/* ---- what is told ---- */

static void tell_way(struct sl_explain *e, enum sl_state next)
{
    struct sl_req *r = &e->r;
    struct sl_explained *out = &e->out;
    const struct sl_reuse *u = r->reuse;

    if (next == SL_ST_REPLY) {
        out->way = r->error != SL_OK ? SL_EXPLAINED_REFUSED : SL_EXPLAINED_OURS;
    } else if (next == SL_ST_GATHER) {
        out->way = sl_batch_is_known(u->batch) ? SL_EXPLAINED_HIT : SL_EXPLAINED_ASKS;
    } else if (next == SL_ST_FOLLOW) {
        out->way = u->result == SL_REUSE_JOINED ? SL_EXPLAINED_JOINS : SL_EXPLAINED_HIT;
    } else {
        out->way = SL_EXPLAINED_ASKS;
    }
}

static void tell_answer(struct sl_explain *e)
{
    const struct sl_req *r = &e->r;
    struct sl_explained *out = &e->out;

    if (out->way == SL_EXPLAINED_REFUSED || out->way == SL_EXPLAINED_OURS) {
        out->status = r->reply_status;
        out->error = r->error;
        out->message = r->message;
        out->retry_ms = r->retry_ms;
    } else if (out->way == SL_EXPLAINED_HIT) {
        out->status = 200;
    }
}

static void tell_request(struct sl_explain *e)
{
    static const char *const strategies[] = {[SL_STRATEGY_PRIORITY] = "priority",
                                             [SL_STRATEGY_WEIGHTED] = "weighted",
                                             [SL_STRATEGY_LATENCY] = "latency",
                                             [SL_STRATEGY_COST] = "cost"};
    const struct sl_req *r = &e->r;
    struct sl_explained *out = &e->out;

    out->endpoint = sl_endpoint_name(r->ep);
    out->protocol = r->dialect != NULL ? r->dialect->name : "";
    out->asked = r->asked;
    out->streams = r->streams;
    out->max_tokens = r->max_tokens;
    out->body_n = e->body.n;
    out->left_out = r->left_out;
    out->messages = r->messages;
    if (r->model != NULL) {
        out->model = r->model->name;
        out->strategy = strategies[r->model->strategy];
    }
}

static void tell_key(struct sl_explain *e)
{
    static const struct sl_quota_room unset = {SL_UNSET, SL_UNSET, SL_UNSET,
                                               SL_UNSET, SL_UNSET, SL_UNSET};
    const struct sl_req *r = &e->r;
    struct sl_explained *out = &e->out;
    struct sl_explained_level *key = &out->level[SL_LEVEL_KEY],
                              *tenant = &out->level[SL_LEVEL_TENANT];

    out->has_key = r->key != NULL;
    if (r->key == NULL)
        return;
    out->tenant = r->key->tenant;
    out->user = r->key->user;
    out->grade = r->key->grade;
    *key = (struct sl_explained_level){r->key->public_id, r->key->name, r->key->terms, unset};
    *tenant = (struct sl_explained_level){r->key->tenant, r->key->tenant, r->key->of->terms, unset};
    if (r->pass == NULL || !r->pass->asked)
        return;
    out->admission = true;
    out->local = r->pass->answer.local;
    out->limit = sl_str_of(sl_limit_name(r->pass->answer.limit));
    for (int l = 0; l < SL_LEVEL__COUNT; l++)
        out->level[l].room = r->pass->answer.room[l];
}

static struct sl_str hex(struct sl_explain *e, const uint8_t *bytes, size_t n)
{
    char digits[64];

    sl_str_hex(bytes, n, digits);
    return sl_arena_dup(&e->arena, (struct sl_str){digits, 2 * n});
}

static void tell_cache(struct sl_explain *e)
{
    const struct sl_req *r = &e->r;
    const struct sl_reuse *u = r->reuse;
    struct sl_explained *out = &e->out;
    struct sl_cache_rules rules;

    if (u == NULL) {
        out->cache_why = r->target != NULL ? sl_reuse_off(r, &rules) : NULL;
        return;
    }
    out->cache = sl_reuse_name(u->result);
    out->cache_why = u->why;
    if (u->batch != NULL) {
        out->items = u->batch->items;
        for (size_t i = 0; i < u->batch->n; i++)
            out->items_known += u->batch->want[i].state == SL_WANT_KNOWN;
        if (out->items_known > 0)
            out->cache =
                sl_reuse_name(out->items_known == u->batch->n ? SL_REUSE_HIT : SL_REUSE_PARTIAL);
    } else if (u->result != SL_REUSE_BYPASS) {
        out->cache_at = u->name.n > 0 ? u->name : hex(e, u->md5, sizeof u->md5);
        out->cache_sha256 = hex(e, u->sha256, sizeof u->sha256);
    }
}

/* After the first target was aimed at, whose model's name is part of it. */
static void tell_kept(struct sl_explain *e)
{
    const struct sl_reuse *u = e->r.reuse;

    if (u != NULL && u->batch == NULL && u->keep)
        e->out.cache_kept = u->name.n > 0 ? u->name : hex(e, u->md5, sizeof u->md5);
}

static void tell_money(struct sl_explain *e)
{
    const struct sl_req *r = &e->r;
    struct sl_explained *out = &e->out;

    if (r->trial == NULL || r->trial->n == 0)
        return;
    out->input_tokens = sl_estimate_input((struct sl_str){r->body, r->body_n});
    if (r->ep != SL_EP_EMBEDDINGS && r->ep != SL_EP_MODERATIONS && r->ep != SL_EP_COUNT_TOKENS)
        out->output_tokens = sl_pass_first(r);
    if (r->pass != NULL) {
        out->reserve_micro = r->pass->ask.reserve_micro;
        out->free = r->pass->ask.free;
    }
}

static void finish(struct sl_explain *e, enum sl_state next)
{
    struct sl_req *r = &e->r;
    struct sl_explained *out = &e->out;

    tell_way(e, next);
    tell_answer(e);
    tell_request(e);
    tell_key(e);
    tell_cache(e);
    tell_money(e);
    if (out->way == SL_EXPLAINED_ASKS && sl_translation_counts(r)) {
        next = sl_translation_count(r);
        tell_way(e, next);
        tell_answer(e);
    }
    if (r->trial != NULL) {
        bool decided = out->way != SL_EXPLAINED_ASKS;

        sl_explain_targets(r, decided, out);
        if (!decided && out->way == SL_EXPLAINED_REFUSED) {
            if (sl_reply_is_stale(r)) {
                out->way = SL_EXPLAINED_HIT;
                out->cache = sl_reuse_name(SL_REUSE_STALE);
            }
            tell_answer(e);
        }
    }
    if (out->way == SL_EXPLAINED_ASKS || out->way == SL_EXPLAINED_WAITS)
        tell_kept(e);
    if (sl_op_close(&e->op))
        e->done(e->ctx, out);
    end(e);
}

/* ---- the walk ---- */

/* As an exchange would bring it, in one piece. */
static enum sl_state take_body(struct sl_explain *e)
{
    struct sl_req *r = &e->r;
    enum sl_state next;

    if (r->ep == SL_EP_KEY || r->ep == SL_EP_CREDITS || r->ep == SL_EP_GENERATION ||
        r->ep == SL_EP_TOKEN || r->ep == SL_EP_MODELS) {
        r->reply_status = 200;
        return SL_ST_REPLY;
    }
    next = sl_step_body(r, SL_EVT_ENTER);
    if (next != SL_ST_BODY)
        return next;
    if (e->body.n > r->conf->body_max)
        r->body_err = SL_ERR_BODY_TOO_BIG;
    else if (e->body.n > 0)
        sl_req_take_body(r, e->body);
    return sl_step_body(r, SL_EVT_BODY);
}

static enum sl_state step(struct sl_explain *e, enum sl_ev ev)
{
    struct sl_req *r = &e->r;

    if (r->state == SL_ST_AUTH)
        return sl_step_auth(r, ev);
    if (r->state == SL_ST_BODY)
        return take_body(e);
    if (r->state == SL_ST_ROUTE)
        return sl_step_route(r, ev);
    return sl_step_admit(r, ev);
}

void sl_explain_event(struct sl_explain *e, int ev)
{
    struct sl_req *r = &e->r;
    enum sl_state next = step(e, (enum sl_ev)ev);

    while (next != r->state && next <= SL_ST_ADMIT) {
        r->state = next;
        next = step(e, SL_EVT_ENTER);
    }
    if (next != r->state) /* else it waits */
        finish(e, next);
}

static void on_begin(struct sl_task *t)
{
    sl_explain_event(SL_CONTAINER(t, struct sl_explain, task), SL_EVT_ENTER);
}

static bool take_head(struct sl_explain *e, const struct sl_explain_ask *ask)
{
    struct sl_request_head *h = &e->head;
    ptrdiff_t mark;

    h->target = sl_arena_dup(&e->arena, ask->target);
    e->body = sl_arena_dup(&e->arena, ask->body);
    if (h->target.p == NULL || e->body.p == NULL)
        return false;
    mark = sl_str_find_byte(h->target, '?');
    h->path = mark < 0 ? h->target : sl_str_first(h->target, (size_t)mark);
    h->query = mark < 0 ? (struct sl_str){"", 0} : sl_str_from(h->target, (size_t)mark + 1);
    h->method = SL_POST;
    h->method_text = SL_STR("POST");
    h->has_body = true;
    h->length = e->body.n;
    for (size_t i = 0; ask->headers != NULL && i < ask->headers->n; i++) {
        const struct sl_header *one = &ask->headers->v[i];

        if (!sl_headers_add(&h->headers, &e->arena, sl_arena_dup(&e->arena, one->name),
                            sl_arena_dup(&e->arena, one->value)))
            return false;
    }
    return take_key(e, ask);
}

static void on_no_memory(struct sl_task *t)
{
    struct sl_explain *e = SL_CONTAINER(t, struct sl_explain, task);

    finish(e, sl_req_refuse(&e->r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again."));
}

void sl_explain_start(struct sl_gateway *g, const struct sl_explain_ask *ask, struct sl_op **slot,
                      sl_explain_done_fn *done, void *ctx)
{
    struct sl_explain *e = sl_mem_new(sizeof *e);

    sl_arena_init(&e->arena, ARENA_MIN + 8 * ask->body.n);
    sl_req_init(&e->r, g);
    e->r.explain = e;
    e->r.arena = &e->arena;
    e->r.head = &e->head;
    e->done = done;
    e->ctx = ctx;
    sl_op_open(&e->op, slot, cancel);
    sl_task_init(&e->task, take_head(e, ask) ? on_begin : on_no_memory);
    sl_net_defer(g->net, &e->task);
}
