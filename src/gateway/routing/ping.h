/* gateway/routing/ping.h -- the first request to a model that is to be warm: `models[].warm_ping`.
 *
 * Private to the room. At start, and for targets that a reload brings, each target of such a
 * model gets one request for one token, so that whoever loads models when they are asked for
 * has done it. The answer is read to its end, counted (sluice_warm_pings_total) and dropped:
 * no tenant is charged, breakers, keys and limits don't hear of it, readiness does not wait.
 *
 * It gives way to everybody: one is under way at a time, and none begins at a provider that
 * has requests, is paused or has no access token yet. What would have to wait
 * SL_PING_PATIENCE_MS after the last `begin` is left out (`skipped`): who has requests is warm
 * by them.
 * Holder   The gateway: one.
 * Order    new; begin, as often as there may be new targets; end before the net is.
 * Bounds   A ping ends by its provider's `timeouts.first_byte`; answers are not kept.
 */
#ifndef SL_GATEWAY_ROUTING_PING_H
#define SL_GATEWAY_ROUTING_PING_H

#include "gateway/gateway.h"

#define SL_PING_PATIENCE_MS 30000
#define SL_PING_LOOK_MS 250 /* how often it is looked whether one may begin */

struct sl_pings;

struct sl_pings *sl_pings_new(struct sl_gateway *g);
void sl_pings_begin(struct sl_pings *p);
void sl_pings_end(struct sl_pings **p);

#endif
