/* What is seen by looking: breakers that opened, keys that were refused, the store away; and
 * who else is to look. */
#include "gateway/hooks/inside.h"

#include "base/text.h"
#include "gateway/hooks/certs.h"
#include "gateway/hooks/rates.h"
#include "gateway/inside.h"
#include "gateway/routing/health.h"

#define MEMBERS 1024

static struct sl_text begin(char place[MEMBERS], struct sl_str provider, struct sl_str model)
{
    struct sl_text t = sl_text_over(place, MEMBERS);

    sl_text_add(&t, SL_STR(",\"provider\":"));
    sl_text_json(&t, provider, 64);
    sl_text_add(&t, SL_STR(",\"model\":"));
    sl_text_json(&t, model, 100);
    return t;
}

static const struct sl_provider *find(const struct sl_gateway_conf *c, struct sl_str name)
{
    for (size_t i = 0; i < c->providers_n; i++)
        if (sl_str_eq(c->providers[i].name, name))
            return &c->providers[i];
    return NULL;
}

static void look_breaker(struct sl_hooks *h, struct sl_health *one, const struct sl_provider *p,
                         struct sl_str model)
{
    uint64_t now = sl_net_now(h->gw->net);
    bool closed = sl_breaker_look(&one->breaker, &p->breaker, now) == SL_BREAKER_CLOSED;
    char place[MEMBERS];
    struct sl_text t = begin(place, p->name, model);

    if (closed != one->told_open) /* as it was told */
        return;
    one->told_open = !closed;
    sl_hooks_tell(h, closed ? "breaker_closed" : "breaker_opened", sl_text_str(&t));
}

/* Keys are told by their place in the list. */
static void look_keys(struct sl_hooks *h, struct sl_health *one, const struct sl_provider *p,
                      struct sl_str model)
{
    char place[MEMBERS];

    for (size_t i = 0; i < one->ring.n && i < p->keys_n && i < 64; i++) {
        uint64_t bit = (uint64_t)1 << i;
        struct sl_text t;

        if (one->ring.key[i].barred == ((one->told_keys & bit) != 0))
            continue;
        one->told_keys ^= bit;
        if (!one->ring.key[i].barred)
            continue;
        t = begin(place, p->name, model);
        sl_text_add(&t, SL_STR(",\"key\":"));
        sl_text_u64(&t, i + 1);
        sl_hooks_tell(h, "provider_key_refused", sl_text_str(&t));
    }
}

void sl_hooks_look(struct sl_timer *timer)
{
    struct sl_hooks *h = SL_CONTAINER(timer, struct sl_hooks, look);
    struct sl_str provider, model;
    struct sl_health *one = NULL;
    struct sl_store_state store;

    sl_timer_start(h->gw->net, timer, SL_HOOKS_LOOK_MS);
    while ((one = sl_health_next(h->gw->healths, one, &provider, &model)) != NULL) {
        const struct sl_provider *p = find(h->gw->conf, provider);

        if (p == NULL)
            continue;
        look_breaker(h, one, p, model);
        look_keys(h, one, p, model);
    }
    sl_rates_look(h);
    sl_certs_look(h);
    sl_store_look(h->gw->store, &store);
    if (store.up != h->store_was_up)
        sl_hooks_tell(h, store.up ? "store_up" : "store_down", (struct sl_str){"", 0});
    h->store_was_up = store.up;
}
