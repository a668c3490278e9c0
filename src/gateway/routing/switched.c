/* Switches, from the store's records to what requests ask of them. */
#include "gateway/routing/switched.h"

#include "gateway/quota/keys.h"

void sl_switched_init(struct sl_switched *s, struct sl_keys *keys, struct sl_store *store)
{
    *s = (struct sl_switched){.table = sl_switches_new(), .keys = keys, .store = store};
}

void sl_switched_fini(struct sl_switched *s)
{
    sl_switches_end(&s->table);
}

void sl_switched_take(struct sl_switched *s)
{
    const struct sl_tenant_record *rec = NULL;
    int64_t now_ms = sl_store_now_ms(s->store);

    sl_switches_clear(s->table);
    while ((rec = sl_keys_next_switch(s->keys, rec)) != NULL)
        if (sl_str_eq(rec->state, SL_STR("active")))
            (void)sl_switches_add(s->table, rec->name, rec->doc, now_ms);
}

/* ---- what requests ask ---- */

uint64_t sl_switched_rest_ms(const struct sl_switched *s, const struct sl_gateway_conf *c,
                             const struct sl_model *m, const struct sl_target *target)
{
    int64_t now_ms, until_ms;

    if (sl_switches_is_empty(s->table))
        return 0;
    now_ms = sl_store_now_ms(s->store);
    until_ms = sl_switches_pause(s->table, c->providers[target->provider].name, m, target, now_ms);
    return until_ms > now_ms ? (uint64_t)(until_ms - now_ms) : 0;
}

uint64_t sl_switched_weight(const struct sl_switched *s, const struct sl_gateway_conf *c,
                            const struct sl_model *m, const struct sl_target *target)
{
    uint64_t weight = target->weight;

    if (sl_switches_is_empty(s->table))
        return weight;
    (void)!sl_switches_weight(s->table, c->providers[target->provider].name, m, target,
                              sl_store_now_ms(s->store), &weight);
    return weight;
}

bool sl_switched_refuses(const struct sl_switched *s, const struct sl_key *key)
{
    int64_t now_ms;

    if (sl_switches_is_empty(s->table))
        return false;
    now_ms = sl_store_now_ms(s->store);
    return sl_switches_find(s->table, SL_SWITCH_TENANT, key->tenant, now_ms) != NULL ||
           sl_switches_find(s->table, SL_SWITCH_KEY, key->public_id, now_ms) != NULL;
}

/* ---- metrics ---- */

static void set(struct sl_metric_family *f, enum sl_switch_kind kind, struct sl_str name, bool on)
{
    struct sl_str labels[] = {sl_str_of(sl_switch_kind_name(kind)), name};

    sl_metric_set(sl_metric_series(f, labels), on ? 1 : 0);
}

static void refresh_model(const struct sl_switched *s, const struct sl_gateway_conf *c,
                          const struct sl_model *m, int64_t now_ms, struct sl_metric_family *paused)
{
    char place[SL_SWITCH_NAME];

    set(paused, SL_SWITCH_MODEL, m->name,
        sl_switches_find(s->table, SL_SWITCH_MODEL, m->name, now_ms) != NULL);
    for (size_t i = 0; i < m->targets_n; i++) {
        struct sl_str name =
            sl_switch_target(c->providers[m->targets[i].provider].name, m->targets[i].model, place);

        set(paused, SL_SWITCH_TARGET, name,
            sl_switches_find(s->table, SL_SWITCH_TARGET, name, now_ms) != NULL);
    }
}

void sl_switched_refresh(const struct sl_switched *s, const struct sl_gateway_conf *c,
                         struct sl_metric_family *switches, struct sl_metric_family *paused)
{
    int64_t now_ms = sl_store_now_ms(s->store);
    double n[SL_SWITCH__COUNT] = {0};
    const struct sl_switch *one = NULL;

    while ((one = sl_switches_next(s->table, one, now_ms)) != NULL)
        n[one->kind]++;
    for (int kind = 0; kind < SL_SWITCH__COUNT; kind++) {
        struct sl_str label = sl_str_of(sl_switch_kind_name((enum sl_switch_kind)kind));

        sl_metric_set(sl_metric_series(switches, &label), n[kind]);
    }
    sl_metric_clear(paused); /* of names that a reload took away nothing stays */
    for (size_t i = 0; i < c->providers_n; i++)
        set(paused, SL_SWITCH_PROVIDER, c->providers[i].name,
            sl_switches_find(s->table, SL_SWITCH_PROVIDER, c->providers[i].name, now_ms) != NULL);
    for (size_t i = 0; i < sl_routes_count(c->routes); i++)
        refresh_model(s, c, sl_routes_at(c->routes, i), now_ms, paused);
}
