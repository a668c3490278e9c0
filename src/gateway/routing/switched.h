/* gateway/routing/switched.h -- the operator's switches (policy/routing/switches.h) in this
 * process.
 *
 * They are records of the store, on every instance within 1 s, and come with the others
 * (quota/keys.h); in an outage those last known go on until they end. Time is the store's.
 *
 * Holder   The gateway; embedded.
 */
#ifndef SL_GATEWAY_ROUTING_SWITCHED_H
#define SL_GATEWAY_ROUTING_SWITCHED_H

#include "base/metric.h"
#include "gateway/conf.h"
#include "policy/routing/switches.h"

struct sl_keys;

struct sl_switched {
    struct sl_switches *table; /* owns */
    struct sl_keys *keys;      /* up */
    struct sl_store *store;    /* up */
};

void sl_switched_init(struct sl_switched *s, struct sl_keys *keys, struct sl_store *store);
void sl_switched_fini(struct sl_switched *s);
/* Records have changed. */
void sl_switched_take(struct sl_switched *s);

/* Until that target of the model may be asked again; 0: it is not paused. */
uint64_t sl_switched_rest_ms(const struct sl_switched *s, const struct sl_gateway_conf *c,
                             const struct sl_model *m, const struct sl_target *target);
/* Its weight for now. */
uint64_t sl_switched_weight(const struct sl_switched *s, const struct sl_gateway_conf *c,
                            const struct sl_model *m, const struct sl_target *target);
/* Is the key paused, or its tenant? */
bool sl_switched_refuses(const struct sl_switched *s, const struct sl_key *key);

/* sluice_switches and sluice_paused. */
void sl_switched_refresh(const struct sl_switched *s, const struct sl_gateway_conf *c,
                         struct sl_metric_family *switches, struct sl_metric_family *paused);

#endif
