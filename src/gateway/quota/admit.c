/* ADMIT: one wait on the store decides whether the request may pass, and whether its
 * answer is already known.
 *
 *            ┌─► limits, credits (pass.c) ─┐
 *   ROUTE ───┤                             ├─ both answered ─► hit: FOLLOW
 *            └─► cached answer (reuse.c) ──┘                   miss: FOLLOW a flight, or TRY
 *                                                              refused: REPLY
 */
#include "gateway/cache/batch.h"
#include "gateway/explain/explain.h"
#include "gateway/inside.h"
#include "gateway/jwt/jwts.h"
#include "gateway/quota/keys.h"
#include "gateway/quota/pass.h"
#include "gateway/cache/reuse.h"
#include "net/tls.h"

static enum sl_state no_memory(struct sl_req *r)
{
    return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
}

static bool is_waiting(const struct sl_req *r)
{
    return r->key_op != NULL || r->pass->op != NULL || (r->reuse != NULL && r->reuse->op != NULL);
}

/* Is the whole answer known? */
static bool is_hit(const struct sl_req *r)
{
    const struct sl_reuse *u = r->reuse;

    if (u == NULL)
        return false;
    return u->batch != NULL ? sl_batch_is_known(u->batch) : u->found != NULL;
}

static enum sl_state serve_hit(struct sl_req *r)
{
    if (r->reuse->batch != NULL)
        return SL_ST_GATHER;
    return sl_follow_cached(r, r->reuse->found, SL_REUSE_HIT);
}

static enum sl_state begin(struct sl_req *r)
{
    bool hit, may_hit;

    if (!sl_reuse_begin(r))
        return no_memory(r);
    hit = is_hit(r);
    if (hit && r->reuse->rules.hits_free == 1)
        return serve_hit(r);
    may_hit = sl_reuse_look_far(r);
    return sl_pass_ask(r, hit, may_hit) ? SL_ST_ADMIT : no_memory(r);
}

/* ---- a record that changed ---- */

static void on_key(void *ctx, enum sl_err e)
{
    struct sl_req *r = ctx;

    r->why = e;
    sl_req_event(r, SL_EVT_STORE);
}

static enum sl_state read_again(struct sl_req *r)
{
    bool tenant = r->pass->answer.level == SL_LEVEL_TENANT;

    r->pass->again = true;
    if ((r->jwt.n > 0 && !r->jwt_of_key) ||
        (r->explain != NULL && sl_explain_is_tenant(r->explain))) {
        /* only its tenant has a record */
        sl_keys_fetch_tenant_start(r->gw->keys, r->key->tenant, &r->key_op, on_key, r);
        return SL_ST_ADMIT;
    }
    sl_keys_fetch_start(r->gw->keys, r->key_sha256,
                        tenant ? r->key->tenant : (struct sl_str){"", 0}, &r->key_op, on_key, r);
    return SL_ST_ADMIT;
}

static enum sl_state ask_again(struct sl_req *r)
{
    struct sl_made_key *made = NULL;
    const struct sl_key *key = NULL;
    enum sl_jwt_fault fault;
    enum sl_err e = sl_who_find(r, &key, &made, &fault);

    r->pass->stale = false;
    if (e != SL_OK)
        sl_made_key_drop(&made); /* one that has ended meanwhile */
    if (e != SL_OK)
        return sl_req_refuse(r, e, 0, "Authentication failed: key %.*s was changed meanwhile (%s).",
                             SL_STR_ARGS(r->key_id), sl_err_text(e));
    sl_made_key_drop(&r->made);
    r->made = made;
    r->key = key;
    sl_pass_ask_again(r);
    return SL_ST_ADMIT;
}

/* ---- both have answered ---- */

static enum sl_state decide(struct sl_req *r)
{
    struct sl_pass *p = r->pass;
    enum sl_limit limit = p->answer.limit;
    bool hit;

    if (limit == SL_LIMIT_STALE && !p->again) {
        p->stale = true;
        return read_again(r);
    }
    r->t.admitted = sl_net_now_us(r->gw->net);
    sl_reuse_take(r);
    hit = is_hit(r);
    if (limit != SL_LIMIT_NONE && !(hit && sl_limit_is_soft(limit)))
        return sl_pass_refuse(r);
    p->passed = true;
    if (hit)
        return serve_hit(r);
    return sl_reuse_miss(r);
}

enum sl_state sl_step_admit(struct sl_req *r, enum sl_ev ev)
{
    if (ev == SL_EVT_ENTER)
        return begin(r);
    if (ev != SL_EVT_STORE || is_waiting(r))
        return SL_ST_ADMIT;
    return r->pass->stale ? ask_again(r) : decide(r);
}
