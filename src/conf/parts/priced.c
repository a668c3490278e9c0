/* conf/parts/priced.c -- who has a budget, and what they may use without a price. */
#include "conf/parts/parts.h"

/* ---- does it have one? ---- */

static bool is_priced(const struct sl_gateway_conf *c, const struct sl_model *m,
                      const struct sl_target *t)
{
    struct sl_str list = c->providers[t->provider].price_list;

    if (sl_price_is_known(&t->price))
        return true;
    if (m->is_pattern && t->model.n == 0) /* looked up when a request names it */
        return list.n > 0 && sl_prices_has(c->prices, list);
    if (sl_gateway_price(c, t, t->model.n > 0 ? t->model : m->name) == NULL)
        return false;
    for (size_t i = 0; i < m->aliases_n && t->model.n == 0; i++)
        if (sl_gateway_price(c, t, m->aliases[i]) == NULL)
            return false;
    return true;
}

/* ---- may it be used? ---- */

static struct sl_str without_star(struct sl_str name)
{
    return sl_str_ends(name, SL_STR("*")) ? sl_str_first(name, name.n - 1) : name;
}

static bool leads_to(const struct sl_build *b, const struct sl_key *k, struct sl_str name,
                     const struct sl_model *m)
{
    return sl_tenant_can_model(k, name) && sl_route_find(b->made->routes, name) == m;
}

/* What a scope narrows a pattern down to: models:claude-x of "claude-*". */
static bool scope_leads_to(const struct sl_build *b, const struct sl_key *k,
                           struct sl_scopes scopes, const struct sl_model *m)
{
    struct sl_str prefix = without_star(m->name), list, one;

    for (size_t i = 0; m->is_pattern && i < scopes.n; i++) {
        if (!sl_str_starts(scopes.at[i], SL_STR("models:")))
            continue;
        list = sl_str_from(scopes.at[i], 7);
        while (sl_str_split(&list, ',', &one)) {
            one = without_star(sl_str_trim(one));
            if (sl_str_starts(one, prefix) && leads_to(b, k, one, m))
                return true;
        }
    }
    return false;
}

static bool may_use(const struct sl_build *b, const struct sl_key *k, const struct sl_model *m)
{
    if (leads_to(b, k, without_star(m->name), m))
        return true;
    for (size_t i = 0; i < m->aliases_n; i++)
        if (leads_to(b, k, m->aliases[i], m))
            return true;
    return scope_leads_to(b, k, (struct sl_scopes){k->scopes, k->scopes_n}, m) ||
           scope_leads_to(b, k, k->of->own.scopes, m) ||
           (k->of->plan != NULL && scope_leads_to(b, k, k->of->plan->scopes, m));
}

/* ---- both ---- */

/* Where a model stands in the file; routes are in its order. */
static const struct sl_node *node_of(const struct sl_build *b, size_t i)
{
    const struct sl_node *n = sl_node_get(b->conf->root, "models")->first;

    while (i-- > 0)
        n = n->next;
    return n;
}

static void refuse(struct sl_build *b, size_t i, const struct sl_target *t, struct sl_str tenant)
{
    const struct sl_model *m = sl_routes_at(b->made->routes, i);
    struct sl_str name = t->model.n > 0 ? t->model : m->name;

    sl_fault_add(b->faults, node_of(b, i),
                 "models[]: %.*s at provider %.*s has no price, and tenant %.*s, which may use it, "
                 "has a budget; give the target a `price`, or `free: true`, or narrow the "
                 "tenant's `scopes`",
                 SL_STR_ARGS(name), SL_STR_ARGS(b->made->providers[t->provider].name),
                 SL_STR_ARGS(tenant));
}

/* `said[i]`: model i has its fault. */
static void check_key(struct sl_build *b, const struct sl_key *k, bool *said)
{
    const struct sl_routes *routes = b->made->routes;

    for (size_t i = 0; i < sl_routes_count(routes); i++) {
        const struct sl_model *m = sl_routes_at(routes, i);

        if (said[i] || !may_use(b, k, m))
            continue;
        for (size_t t = 0; t < m->targets_n && !said[i]; t++) {
            if (is_priced(b->made, m, &m->targets[t]))
                continue;
            said[i] = true;
            refuse(b, i, &m->targets[t], k->of->own.name);
        }
    }
}

/* A tenant's budget is everybody's of it, keys made later included; a key's own is its
 * own. */
void sl_build_check_priced(struct sl_build *b)
{
    const struct sl_tenants *all = b->made->tenants;
    bool *said = sl_build_alloc(b, sl_routes_count(b->made->routes), sizeof(*said));
    struct sl_key any;

    if (said == NULL)
        return;
    for (const struct sl_tenant *t = sl_tenants_next(all, NULL); t != NULL;
         t = sl_tenants_next(all, t)) {
        sl_key_init(&any);
        any.of = t;
        if (sl_terms_has_budget(&t->terms) || sl_terms_has_budget(&t->per_key))
            check_key(b, &any, said);
    }
    for (const struct sl_key *k = sl_tenants_next_key(all, NULL, NULL); k != NULL;
         k = sl_tenants_next_key(all, k, NULL))
        if (sl_terms_has_budget(&k->own))
            check_key(b, k, said);
}
