/* conf/parts/parts.h -- private to the room: the parts of building a snapshot.
 *
 * In this order: prices, providers, models, tenants, then what needs them all.
 */
#ifndef SL_CONF_PARTS_PARTS_H
#define SL_CONF_PARTS_PARTS_H

#include "conf/build.h"
#include "conf/url.h"

struct sl_build {
    struct sl_conf *conf;             /* up */
    struct sl_faults *faults;         /* up: the conf's */
    struct sl_origins *origins;       /* up: or NULL */
    const struct sl_catalog *catalog; /* up: or NULL */
    struct sl_gateway_conf *made;     /* owns until handed over */
    struct sl_cache_rules cache;      /* the gateway's, below each model's */
};

void sl_build_store(struct sl_build *b);
void sl_build_prices(struct sl_build *b);
void sl_build_providers(struct sl_build *b);
void sl_build_models(struct sl_build *b);
void sl_build_tenants(struct sl_build *b);
void sl_build_hooks(struct sl_build *b);
uint64_t sl_build_alert_of(struct sl_str url); /* how tenants name it: policy/tenant.h */
void sl_build_alerts(struct sl_build *b);      /* `budget.alert_url`, of plans and tenants */
void sl_build_top_up(struct sl_build *b);
void sl_build_otlp(struct sl_build *b);
void sl_build_pushgateway(struct sl_build *b);
/* `jwt` and `key_tokens`. */
void sl_build_jwt(struct sl_build *b);
/* `words` and `intents`. */
void sl_build_words(struct sl_build *b);
/* `prompts`, and who wants it. */
void sl_build_kept(struct sl_build *b);
/* `oauth2` of a provider; faults where it does not go with its `auth` and `keys`. */
void sl_build_oauth(struct sl_build *b, struct sl_provider *p, const struct sl_node *map,
                    const struct sl_origin_proxy *proxy);
/* `base_url: consul://…`: the agent, what is asked there, and the provider as if it had one
 * address. Slices of the text, and of the snapshot's arena. NULL: fine; else what is wrong. */
struct sl_consul_url {
    struct sl_url agent;
    struct sl_url at;     /* host: the service's name */
    struct sl_str filter; /* "&tag=a&dc=b", or empty */
};
bool sl_build_is_consul(struct sl_str base_url);
SL_MUST const char *sl_build_consul_url(struct sl_build *b, struct sl_str text,
                                        struct sl_consul_url *out);
void sl_build_consul(struct sl_build *b, struct sl_provider *p, const struct sl_node *map,
                     const struct sl_consul_url *url);
void sl_build_enrol(struct sl_build *b); /* `consul.register` */
/* A dict as "a=b&c=d", encoded for a query or a form. */
void sl_build_form(struct sl_text *t, const struct sl_node *dict);
/* A tenant with a budget may use nothing that has no price. */
void sl_build_check_priced(struct sl_build *b);

/* A receiver as the map `name` gives it: its URL under `key`, `headers` and `ca_file`. */
struct sl_receiver_rules {
    const char *name, *key;
    struct sl_str path;          /* added to the URL's own, unless that ends so; may be empty */
    bool secret;                 /* what goes there is: https only, but on this host */
    bool keep;                   /* its connection is kept */
    const struct sl_node *trust; /* up: the map whose `ca_file` holds; NULL: its own */
};
/* False: a fault, and there is none. */
SL_MUST bool sl_build_receiver(struct sl_build *b, const struct sl_node *map,
                               const struct sl_receiver_rules *rules, struct sl_receiver *out);

/* Zeroed; without memory NULL, and a fault. */
SL_MUST void *sl_build_alloc(struct sl_build *b, size_t n, size_t size);
/* A copy; without memory an empty text, and a fault. */
struct sl_str sl_build_dup(struct sl_build *b, struct sl_str s);
/* What a table of the policy room said of an entry: `why` behind `what`, or that there is
 * no memory. */
void sl_build_judge(struct sl_build *b, const struct sl_node *at, enum sl_err err, const char *what,
                    const char *why);
/* 1 to 64 letters, digits, dot, dash, underscore; else a fault. */
void sl_build_check_name(struct sl_build *b, const struct sl_node *map, const char *what);

/* A number, or SL_UNSET where the key is not given. */
int64_t sl_build_leaf(const struct sl_node *map, const char *key);
/* `limits` and `budget` of a plan, tenant or key. */
void sl_build_terms(const struct sl_node *map, struct sl_terms *out);
void sl_build_cache_general(struct sl_build *b);
/* `cache` of the gateway, a model or a tenant. */
void sl_build_cache_rules(const struct sl_node *cache, struct sl_cache_rules *out);
struct sl_context sl_build_context(const struct sl_node *map); /* of a model or tenant */
/* A map of prices; `what` names it in messages. Completed by the protocol's rule. */
void sl_build_price(struct sl_build *b, const struct sl_node *map, bool anthropic, const char *what,
                    struct sl_price *out);
/* The name of the list that holds for a provider, or an empty text. */
struct sl_str sl_build_price_list(const struct sl_build *b, struct sl_str name, struct sl_str host);

#endif
