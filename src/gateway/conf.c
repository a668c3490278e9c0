/* The snapshot's shares: who drops the last one gives everything back. */
#include "gateway/conf.h"

#include "base/mem.h"
#include "base/obj.h"

struct sl_gateway_conf *sl_gateway_conf_share(struct sl_gateway_conf *c)
{
    SL_OBJ_CHECK(c, SL_GATEWAY_CONF_MAGIC);
    c->holders++;
    return c;
}

const struct sl_price *sl_gateway_price(const struct sl_gateway_conf *c, const struct sl_target *t,
                                        struct sl_str served)
{
    struct sl_str list = c->providers[t->provider].price_list;

    if (sl_price_is_known(&t->price))
        return &t->price;
    return list.n > 0 ? sl_prices_find(c->prices, list, served) : NULL;
}

static void wipe(struct sl_str secret)
{
    union {
        const char *from;
        char *to;
    } p = {secret.p};

    if (secret.n > 0)
        sl_mem_wipe(p.to, secret.n);
}

static void drop_receiver(const struct sl_receiver *to)
{
    struct sl_origin *o = to->origin;

    sl_origin_drop(&o);
    wipe(to->path);
    wipe(to->headers);
}

/* Secrets lie in the arena: they are overwritten before the memory goes back. */
static void wipe_secrets(struct sl_gateway_conf *c)
{
    if (c->enrol != NULL)
        wipe(c->enrol->token);
    if (c->hook != NULL)
        wipe(c->hook->secret);
    wipe(c->alerts_secret);
    if (c->top_up != NULL)
        wipe(c->top_up->secret);
    for (size_t i = 0; i < c->providers_n; i++) {
        const struct sl_oauth *o = c->providers[i].oauth;

        if (c->providers[i].consul != NULL)
            wipe(c->providers[i].consul->token);
        for (size_t k = 0; k < c->providers[i].keys_n; k++)
            wipe(c->providers[i].keys[k]);
        if (o == NULL)
            continue;
        wipe(o->client_secret);
        wipe(o->refresh_token);
        wipe(o->params);
    }
    for (size_t i = 0; i < c->issuers_n; i++)
        for (size_t k = 0; k < c->issuers[i].secrets_n; k++)
            wipe(c->issuers[i].secrets[k]);
    for (size_t k = 0; k < c->token_secrets_n; k++)
        wipe(c->token_secrets[k]);
    wipe(c->admin_key);
    wipe(c->store.url);
    wipe(c->store.cache_url);
}

void sl_gateway_conf_drop(struct sl_gateway_conf **pc)
{
    struct sl_gateway_conf *c = *pc;

    *pc = NULL;
    if (c == NULL)
        return;
    SL_OBJ_CHECK(c, SL_GATEWAY_CONF_MAGIC);
    if (--c->holders > 0)
        return;
    for (size_t i = 0; i < c->providers_n; i++) {
        const struct sl_oauth *oauth = c->providers[i].oauth;
        const struct sl_consul *consul = c->providers[i].consul;
        struct sl_origin *o = c->providers[i].origin;
        struct sl_origin *tokens = oauth != NULL ? oauth->origin : NULL;
        struct sl_origin *agent = consul != NULL ? consul->origin : NULL;

        sl_origin_drop(&o);
        sl_origin_drop(&tokens);
        sl_origin_drop(&agent);
    }
    if (c->enrol != NULL) {
        struct sl_origin *o = c->enrol->origin;

        sl_origin_drop(&o);
    }
    if (c->hook != NULL)
        drop_receiver(&c->hook->to);
    for (size_t i = 0; i < c->alerts_n; i++)
        drop_receiver(&c->alerts[i].to);
    if (c->top_up != NULL)
        drop_receiver(&c->top_up->to);
    if (c->otlp != NULL)
        drop_receiver(&c->otlp->to);
    if (c->pushgateway != NULL)
        drop_receiver(&c->pushgateway->to);
    for (size_t i = 0; i < c->issuers_n; i++)
        for (size_t k = 0; k < c->issuers[i].keys_n; k++)
            sl_verify_end(&c->issuers[i].keys[k].key);
    wipe_secrets(c);
    sl_routes_end(&c->routes);
    sl_tenants_end(&c->tenants);
    sl_prices_end(&c->prices);
    sl_words_end(&c->words);
    c->magic = SL_OBJ_DEAD;
    sl_arena_fini(&c->arena);
    sl_mem_free(c);
}
