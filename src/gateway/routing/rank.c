/* ROUTE: the candidates of a request, in the order in which they are tried.
 *
 *   model, then the request's `models` ─► strategy, affinity ─► its `provider` ─► candidates
 */
#include "gateway/inside.h"

#include "base/rand.h"
#include "gateway/quota/pass.h"
#include "gateway/routing/trial.h"
#include "gateway/translate/translate.h"
#include "llm/estimate.h"
#include "llm/session.h"
#include "policy/routing/order.h"

#define USER_MAX 512  /* bytes of a user that are looked at */
#define MODELS_MAX 16 /* names of `models` that are read */

/* ---- whose request it is ---- */

static struct sl_str user_of(const struct sl_req *r, char out[USER_MAX])
{
    return sl_body_user(r->inspect, (struct sl_str){r->body, r->body_n}, out, USER_MAX);
}

static struct sl_str session_header(const struct sl_req *r)
{
    const struct sl_headers *h = &r->head->headers;
    struct sl_str id = sl_headers_get(h, SL_STR("x-claude-code-session-id"));

    return id.n > 0 ? id : sl_headers_get(h, SL_STR("x-session-id"));
}

/* Who stays on a version while weights hold. */
static uint64_t version_user(const struct sl_req *r)
{
    char text[USER_MAX];
    struct sl_str who = user_of(r, text);

    if (who.n == 0)
        who = session_header(r);
    return sl_order_hash(0, who.n > 0 ? who : r->key_id);
}

/* The conversation whose prompt some provider may hold; 0: none is seen. */
static uint64_t conversation(const struct sl_req *r)
{
    char user[USER_MAX], session[SL_SESSION_MAX];
    struct sl_str who = {"", 0};
    uint64_t seed;

    switch (r->model->affinity) {
    case SL_AFFINITY_SESSION:
        who = session_header(r);
        if (who.n == 0)
            who = sl_session_of(user_of(r, user), session);
        break;
    case SL_AFFINITY_USER:
        who = user_of(r, user);
        if (who.n == 0)
            who = r->key_id;
        break;
    case SL_AFFINITY_KEY: who = r->key_id; break;
    case SL_AFFINITY_NONE: break;
    }
    if (who.n == 0)
        return 0;
    seed = sl_order_hash(sl_order_hash(0, r->key->tenant), r->model->name);
    return sl_order_hash(seed, who) | 1;
}

/* ---- what is known of the targets ---- */

static uint64_t name_of(const struct sl_req *r, const struct sl_target *target)
{
    uint64_t provider = sl_order_hash(0, r->conf->providers[target->provider].name);

    return sl_order_hash(provider, target->model);
}

static struct sl_str served_as(const struct sl_target *target, struct sl_str asked)
{
    return target->model.n > 0 ? target->model : asked;
}

static int64_t cost_of(const struct sl_req *r, const struct sl_target *target, struct sl_str asked)
{
    const struct sl_price *price = sl_gateway_price(r->conf, target, served_as(target, asked));
    struct sl_priced what = {.in = sl_estimate_input((struct sl_str){r->body, r->body_n})};

    if (price == NULL)
        return SL_MONEY_UNKNOWN;
    if (r->ep != SL_EP_EMBEDDINGS && r->ep != SL_EP_MODERATIONS)
        what.out = sl_pass_first(r);
    return sl_price_cost_pico(price, &what);
}

static void find_facts(struct sl_req *r, const struct sl_model *m, struct sl_str asked,
                       struct sl_order_ask *ask)
{
    uint64_t now = sl_net_now(r->gw->net);

    ask->prefer = SL_ORDER_NOBODY;
    for (size_t i = 0; i < m->targets_n; i++) {
        const struct sl_target *target = &m->targets[i];
        struct sl_order_fact *f = &ask->fact[i];

        *f = (struct sl_order_fact){.name = name_of(r, target),
                                    .weight =
                                        sl_switched_weight(&r->gw->switched, r->conf, m, target)};
        if (m->strategy == SL_STRATEGY_LATENCY)
            f->load = sl_latency_look(
                &sl_health_of(r->gw->healths, r->conf, m, target)->latency[r->streams ? 0 : 1],
                now);
        if (m->strategy == SL_STRATEGY_COST)
            f->cost_pico = cost_of(r, target, asked);
        if (r->trial->who != 0 && f->name == r->trial->place.target)
            ask->prefer = i;
    }
}

/* ---- candidates ---- */

/* Two names of a request may lead to one target. */
static bool has(const struct sl_trial *t, const struct sl_candidate *c)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->rank[i].target == c->target && sl_str_eq(t->rank[i].served, c->served))
            return true;
    return false;
}

static struct sl_candidate candidate_of(const struct sl_req *r, const struct sl_model *m,
                                        const struct sl_target *target, struct sl_str asked)
{
    const struct sl_provider *p = &r->conf->providers[target->provider];

    return (struct sl_candidate){.model = m,
                                 .target = target,
                                 .served = served_as(target, asked),
                                 .provider = p->name,
                                 .name = name_of(r, target),
                                 .reads_wish = p->openrouter};
}

static void leave_out(struct sl_trial *t, struct sl_str model, const struct sl_target *target,
                      enum sl_reason why)
{
    if (t->notes != NULL && t->notes->left_n < SL_TRIAL_LEFT_MAX)
        t->notes->left[t->notes->left_n++] = (struct sl_trial_left){model, target, why};
}

static bool is_among(const struct sl_candidate *v, size_t n, const struct sl_target *target)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].target == target)
            return true;
    return false;
}

/* `n` were ranked, in that order; `left` of them stand in `v`, as the request wishes. */
static void note_left_out(struct sl_trial *t, const struct sl_model *m,
                          const struct sl_target *const out[SL_ROUTE_TARGETS_MAX], size_t n,
                          const struct sl_candidate *v, size_t left)
{
    for (size_t i = 0; t->notes != NULL && i < m->targets_n; i++) {
        bool ranked = false;

        for (size_t k = 0; k < n; k++)
            ranked = ranked || out[k] == &m->targets[i];
        if (!ranked)
            leave_out(t, m->name, &m->targets[i], SL_REASON_PROTOCOL);
        else if (!is_among(v, left, &m->targets[i]))
            leave_out(t, m->name, &m->targets[i], SL_REASON_WISHED_AWAY);
    }
}

static enum sl_reason place_by(const struct sl_model *m)
{
    switch (m->strategy) {
    case SL_STRATEGY_PRIORITY: return SL_REASON_PRIORITY;
    case SL_STRATEGY_WEIGHTED: return SL_REASON_WEIGHT;
    case SL_STRATEGY_LATENCY: return SL_REASON_LATENCY;
    case SL_STRATEGY_COST: return SL_REASON_COST;
    }
    return SL_REASON_NONE;
}

/* Of the candidate that was just added. */
static void note(const struct sl_req *r, const struct sl_model *m, const struct sl_order_ask *ask,
                 const struct sl_wish *wish)
{
    struct sl_trial *t = r->trial;
    size_t at;
    struct sl_trial_note *n;

    if (t->notes == NULL)
        return;
    at = (size_t)(t->rank[t->n - 1].target - m->targets);
    n = &t->notes->of[t->n - 1];
    n->fact = ask->fact[at];
    n->share_ppm = sl_order_share_ppm(m, ask, at);
    if (m != r->model)
        n->why = SL_REASON_FALLBACK_MODEL;
    else if (wish->order.p != NULL)
        n->why = SL_REASON_WISH_ORDER;
    else if (at == ask->prefer && n->share_ppm > 0 && m->strategy != SL_STRATEGY_WEIGHTED)
        n->why = SL_REASON_AFFINITY;
    else
        n->why = place_by(m);
}

static void add_model(struct sl_req *r, const struct sl_model *m, struct sl_str asked,
                      const struct sl_wish *wish, bool any)
{
    struct sl_trial *t = r->trial;
    struct sl_order_ask ask = {.protocol = sl_translation_protocol(r),
                               .translates = any || sl_translation_can(r)};
    const struct sl_target *out[SL_ROUTE_TARGETS_MAX];
    struct sl_candidate v[SL_ROUTE_TARGETS_MAX];
    size_t n, left;

    if (m->strategy == SL_STRATEGY_WEIGHTED)
        ask.user = version_user(r);
    else if (m->strategy == SL_STRATEGY_LATENCY && r->explain == NULL)
        ask.random = sl_rand_u64(); /* 0: the draw that comes out as expected */
    find_facts(r, m, asked, &ask);
    n = sl_order_rank(m, &ask, out);
    for (size_t i = 0; i < n; i++)
        v[i] = candidate_of(r, m, out[i], asked);
    left = sl_wish_apply(wish, v, n);
    t->narrowed = t->narrowed || left < n;
    note_left_out(t, m, out, n, v, left);
    for (size_t i = 0; i < left; i++) {
        if (t->n == t->room || has(t, &v[i])) {
            leave_out(t, m->name, v[i].target,
                      t->n == t->room ? SL_REASON_TOO_MANY : SL_REASON_TWICE);
            continue;
        }
        t->rank[t->n++] = v[i];
        note(r, m, &ask, wish);
    }
}

/* Those of `models` that are served here, and that the key may use; others are passed over.
 * False: no memory. */
static bool add_fallbacks(struct sl_req *r, const struct sl_wish *wish)
{
    struct sl_str list = sl_body_value(&r->inspect->models, (struct sl_str){r->body, r->body_n});
    struct sl_str element;
    char text[SL_BODY_MODEL_MAX];
    size_t pos = 0, n;

    if (list.p == NULL || sl_json_type_of(list) != SL_JSON_ARRAY)
        return true;
    for (size_t i = 0; i < MODELS_MAX && sl_json_next(list, &pos, &element); i++) {
        const struct sl_model *m;
        struct sl_str name;

        if (!sl_json_unescape(element, text, sizeof text, &n) ||
            sl_str_eq((struct sl_str){text, n}, r->asked))
            continue;
        name = sl_arena_dup(r->arena, (struct sl_str){text, n});
        if (name.p == NULL)
            return false;
        m = sl_route_find(r->conf->routes, name);
        if (m == NULL)
            leave_out(r->trial, name, NULL, SL_REASON_UNKNOWN_MODEL);
        else if (!sl_tenant_can_model(r->key, name))
            leave_out(r->trial, name, NULL, SL_REASON_SCOPE);
        else
            add_model(r, m, name, wish, false);
    }
    return true;
}

/* With room for as many candidates as there can be: most requests have one or two, and an
 * open stream holds this to its end. */
static struct sl_trial *make_trial(struct sl_req *r)
{
    size_t room = r->inspect->models.has ? SL_ROUTE_TARGETS_MAX : r->model->targets_n;
    size_t each = sizeof(struct sl_candidate) + sizeof(uint64_t) + sizeof(uint8_t) + sizeof(bool);
    struct sl_trial *t = sl_arena_zalloc(r->arena, sizeof *t + room * each);

    if (t == NULL)
        return NULL;
    t->rank = (struct sl_candidate *)(t + 1);
    t->not_before = (uint64_t *)(t->rank + room);
    t->tries = (uint8_t *)(t->not_before + room);
    t->spent = (bool *)(t->tries + room);
    t->room = room;
    return t;
}

bool sl_trial_begin(struct sl_req *r)
{
    struct sl_wish wish;

    r->trial = make_trial(r);
    if (r->trial == NULL)
        return false;
    if (r->explain != NULL) {
        r->trial->notes = sl_arena_zalloc(r->arena, sizeof *r->trial->notes);
        if (r->trial->notes == NULL)
            return false;
    }
    sl_place_init(r);
    r->trial->who = conversation(r);
    if (r->trial->who == 0 || !sl_affinity_find(sl_health_affinity(r->gw->healths), r->trial->who,
                                                sl_net_now(r->gw->net), &r->trial->place))
        r->trial->place = (struct sl_affinity_place){.key = SIZE_MAX};
    sl_wish_read(sl_body_value(&r->inspect->provider, (struct sl_str){r->body, r->body_n}), &wish);
    add_model(r, r->model, r->asked, &wish, false);
    if (!add_fallbacks(r, &wish))
        return false;
    if (r->trial->n == 0 && r->ep == SL_EP_COUNT_TOKENS)
        add_model(r, r->model, r->asked, &wish, true); /* it is estimated: translate/count.c */
    return true;
}
