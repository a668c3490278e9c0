/* gateway/routing/mirror.h -- copies of requests for a shadow target.
 *
 * Private to the room. With a request's first try, and after it, a part of them goes to the
 * model's `mirror`, too, as the client wrote it, with that model's name. The answer is read
 * to its end, counted and timed (sluice_mirrored_total, sluice_mirror_duration_seconds), and
 * dropped. Nobody waits for it, nothing of it is charged, and it says nothing to breakers
 * and keys; the client's leaving does not end it, the end of the process does.
 *
 * Where it is left out: a shadow that does not speak the client's protocol, count_tokens, the
 * prompt API, and (counted as `skipped`) where SL_MIRROR_MOST copies or SL_MIRROR_BYTES are
 * under way, requests wait for a connection to the shadow's provider, or it is paused.
 * Memory   Each has a copy of its own of head and body, and ends by the provider's
 *          `timeouts.total` at the latest.
 */
#ifndef SL_GATEWAY_ROUTING_MIRROR_H
#define SL_GATEWAY_ROUTING_MIRROR_H

#include "gateway/req.h"

#define SL_MIRROR_MOST 64
#define SL_MIRROR_BYTES (16u << 20)

struct sl_mirrors;

struct sl_mirrors *sl_mirrors_new(void);
void sl_mirrors_end(struct sl_mirrors **m);
/* The request's first try has begun. */
void sl_mirror_send(struct sl_req *r);

#endif
