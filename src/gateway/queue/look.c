/* Gates, origins, breakers and keyrings, as an operator wants to see them. */
#include "gateway/queue/look.h"

#include "gateway/discovery/discovery.h"
#include "gateway/inside.h"
#include "gateway/queue/gate.h"
#include "gateway/routing/health.h"

static uint64_t paused_ms(const struct sl_gateway *g, struct sl_str provider)
{
    int64_t now_ms = sl_store_now_ms(g->store);
    const struct sl_switch *s =
        sl_switches_find(g->switched.table, SL_SWITCH_PROVIDER, provider, now_ms);

    return s != NULL ? (uint64_t)(s->until_ms - now_ms) : 0;
}

bool sl_look_provider(struct sl_gateway *g, size_t at, struct sl_look_provider *out)
{
    const struct sl_provider *p = &g->conf->providers[at];
    struct sl_gate_counts places;
    struct sl_origin_counts links;

    if (at >= g->conf->providers_n)
        return false;
    places = sl_gate_count(sl_gate_of(g->gates, p));
    links = sl_origin_count(p->origin);
    *out = (struct sl_look_provider){.name = p->name,
                                     .taken = places.taken,
                                     .places = places.slots,
                                     .waiting = places.waiting,
                                     .open = links.open,
                                     .idle = links.idle,
                                     .proxy = p->proxy,
                                     .proxy_from = p->proxy_from,
                                     .window_ms = p->breaker.window_ms,
                                     .paused_ms = paused_ms(g, p->name)};
    return true;
}

bool sl_look_found(struct sl_gateway *g, size_t provider, struct sl_look_found *out)
{
    const struct sl_provider *p = &g->conf->providers[provider];
    struct sl_discovery_view view;

    if (p->consul == NULL)
        return false;
    sl_discovery_look(g->discovery, p, &view);
    *out = (struct sl_look_found){.service = p->consul->service,
                                  .agent = p->consul->host_header,
                                  .known = view.known,
                                  .age_ms = view.age_ms,
                                  .trouble = sl_str_of(view.trouble)};
    return true;
}

bool sl_look_certificate(struct sl_gateway *g, size_t provider, struct sl_tls_certificate *out)
{
    return sl_origin_certificate(g->conf->providers[provider].origin, out);
}

bool sl_look_instance(struct sl_gateway *g, size_t provider, size_t i, struct sl_group_view *out)
{
    return sl_group_look(g->conf->providers[provider].origin, i, out);
}

static void look(const struct sl_health *h, const struct sl_provider *p, uint64_t now,
                 struct sl_look_model *out)
{
    struct sl_breaker_counts n = sl_breaker_count(&h->breaker, &p->breaker, now);

    out->breaker = sl_breaker_look(&h->breaker, &p->breaker, now);
    out->ended = n.all;
    out->failed = n.bad;
    out->breaker_rest_ms = sl_breaker_rest_ms(&h->breaker, &p->breaker, now);
    out->keys_rest_ms = sl_keyring_wait_ms(&h->ring, now);
    out->keys_n = p->keys_n < SL_KEYRING_MAX ? p->keys_n : SL_KEYRING_MAX;
    for (size_t i = 0; i < out->keys_n; i++)
        out->keys[i] = sl_keyring_is_awake(&h->ring, i, now) ? SL_LOOK_READY
                       : h->ring.key[i].barred               ? SL_LOOK_REFUSED
                                                             : SL_LOOK_RESTING;
}

bool sl_look_model(struct sl_gateway *g, size_t provider, const struct sl_health **at,
                   struct sl_look_model *out)
{
    const struct sl_provider *p = &g->conf->providers[provider];
    struct sl_str of;

    while ((*at = sl_health_next(g->healths, *at, &of, &out->name)) != NULL)
        if (sl_str_eq(of, p->name)) {
            look(*at, p, sl_net_now(g->net), out);
            return true;
        }
    return false;
}
