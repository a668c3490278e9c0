/* gateway/routing/health.h -- how the targets are: breakers, keys, how quick they are, probes,
 * the budget, and where conversations are.
 *
 * Private to the room. One struct sl_health for each provider and model there, found
 * by their names, so that a reload keeps what is known; kept per process, not shared
 * between instances. A key rests for the model it was limited for, since limits and
 * permissions are the model's.
 *
 * Holder   The gateway. Requests hold an entry while they try its target.
 */
#ifndef SL_GATEWAY_ROUTING_HEALTH_H
#define SL_GATEWAY_ROUTING_HEALTH_H

#include "gateway/conf.h"
#include "base/metric.h"
#include "policy/routing/affinity.h"
#include "policy/routing/latency.h"

#define SL_HEALTH_WAITING_MAX 1000 /* requests that wait for a backoff or a key at once */

struct sl_health {
    struct sl_breaker breaker;
    struct sl_keyring ring;
    struct sl_latency latency[2]; /* streams; plain answers */
    uint64_t keys_print;          /* of the list the ring is for */
    size_t holders;
    bool named;  /* by the configuration in force */
    bool pinged; /* routing/ping.h */
    /* what operators were told: hooks/look.c */
    bool told_open;
    uint64_t told_keys; /* bits of refused ones, by their place */
};

struct sl_healths;

struct sl_healths *sl_healths_new(void);
void sl_healths_end(struct sl_healths **t);
/* What the configuration names no more is forgotten, once nobody holds it. */
void sl_healths_reload(struct sl_healths *t, const struct sl_gateway_conf *c);

/* The entry of a target of that model; made when it is not there. It lives until the
 * next reload, or as long as it is held. */
struct sl_health *sl_health_of(struct sl_healths *t, const struct sl_gateway_conf *c,
                               const struct sl_model *m, const struct sl_target *target);
/* The next one of all that are there, from NULL to NULL: a target is there once it was
 * asked for, or seen by a refresh. The texts are the entry's. */
struct sl_health *sl_health_next(const struct sl_healths *t, const struct sl_health *after,
                                 struct sl_str *provider, struct sl_str *model);
struct sl_health *sl_health_hold(struct sl_health *h);
void sl_health_drop(struct sl_health **h);

/* The one request a second that a model may send while none of its breakers is closed. */
SL_MUST bool sl_health_probe(struct sl_healths *t, const struct sl_model *m, uint64_t now);
/* Would it be let through? */
bool sl_health_may_probe(struct sl_healths *t, const struct sl_model *m, uint64_t now);
struct sl_retry_budget *sl_health_budget(struct sl_healths *t);
struct sl_affinity *sl_health_affinity(struct sl_healths *t);
/* A place among those that wait; false: there are too many. */
SL_MUST bool sl_health_wait_take(struct sl_healths *t);
void sl_health_wait_give(struct sl_healths *t);

/* sluice_breaker_state and sluice_provider_keys. */
void sl_healths_refresh(struct sl_healths *t, const struct sl_gateway_conf *c, uint64_t now,
                        struct sl_metric_family *breakers, struct sl_metric_family *keys);

#endif
