/* gateway/discovery/discovery.h -- instances by Consul: the providers', and ourselves.
 *
 *   watch     one blocking query a service and agent, again and again:
 *             ask ─► answer ─► sl_group_set() of each provider with that service ─► ask
 *                └─ no answer: the last list holds; again after 1 s, 2 s, … 30 s (half of it
 *                   by lot), and it is to answer at once
 *   enrol     ready ─► register ─► again each minute ─► drain: deregister
 *             The check is Consul's: it asks our /readyz, so a process that hangs is noticed
 *             as one that drains, and nothing of ours has to beat.
 *
 * Holder   The gateway: one. Nothing happens without `consul://` providers and without
 *          `consul.register`.
 * Order    new; reload with each configuration, the first too; leave at a drain; end.
 * Bounds   SL_CONSUL_BODY_MAX of an answer, SL_GROUP_MAX instances, one call each at a time, of
 *          SL_CONSUL_WAIT_S and a little more at most; at least SL_DISCOVERY_PAUSE_MS between
 *          two queries of a watch.
 */
#ifndef SL_GATEWAY_DISCOVERY_DISCOVERY_H
#define SL_GATEWAY_DISCOVERY_DISCOVERY_H

#include "gateway/conf.h"

#define SL_DISCOVERY_PAUSE_MS 250
#define SL_DISCOVERY_BACKOFF_MS 1000
#define SL_DISCOVERY_BACKOFF_MAX_MS 30000

struct sl_gateway;
struct sl_discovery;

struct sl_discovery *sl_discovery_new(struct sl_gateway *g);
void sl_discovery_end(struct sl_discovery **d);
void sl_discovery_reload(struct sl_discovery *d); /* the gateway's configuration is another one */
/* The service is to know us no more. With `handed_over` another process is known by our id. */
void sl_discovery_leave(struct sl_discovery *d, bool handed_over);
bool sl_discovery_has_left(const struct sl_discovery *d); /* as far as it can be done */

struct sl_discovery_view {
    bool known;          /* a list has come */
    uint64_t age_ms;     /* since the agent answered last */
    const char *trouble; /* shared: until the next turn: why it does not answer; empty: it does */
};
/* Of a provider with a `consul`. */
void sl_discovery_look(const struct sl_discovery *d, const struct sl_provider *p,
                       struct sl_discovery_view *out);
void sl_discovery_refresh(struct sl_discovery *d); /* gauges */

#endif
