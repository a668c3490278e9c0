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

        *f = (struct sl_order_fact){.name = name_of(r, target), .weight = target->weight};
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
    else if (m->strategy == SL_STRATEGY_LATENCY)
        ask.random = sl_rand_u64();
    find_facts(r, m, asked, &ask);
    n = sl_order_rank(m, &ask, out);
    for (size_t i = 0; i < n; i++) {
        const struct sl_provider *p = &r->conf->providers[out[i]->provider];

        v[i] = (struct sl_candidate){.model = m,
                                     .target = out[i],
                                     .served = served_as(out[i], asked),
                                     .provider = p->name,
                                     .name = name_of(r, out[i]),
                                     .reads_wish = p->openrouter};
    }
    left = sl_wish_apply(wish, v, n);
    t->narrowed = t->narrowed || left < n;
    for (size_t i = 0; i < left && t->n < SL_ROUTE_TARGETS_MAX; i++)
        if (!has(t, &v[i]))
            t->rank[t->n++] = v[i];
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
        if (m != NULL && sl_tenant_can_model(r->key, name))
            add_model(r, m, name, wish, false);
    }
    return true;
}

bool sl_trial_begin(struct sl_req *r)
{
    struct sl_wish wish;

    r->trial = sl_arena_zalloc(r->arena, sizeof *r->trial);
    if (r->trial == NULL)
        return false;
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
