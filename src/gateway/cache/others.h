/* gateway/cache/others.h -- under which names an answer may be known.
 *
 * Private to the room, a part of reuse.h: others.c says which names count. Those are found
 * once, in ADMIT, when the request's own is known; at most SL_REUSE_OTHERS of them. Moderations
 * and embeddings have none: their items go by the first target's model alone.
 */
#ifndef SL_GATEWAY_CACHE_OTHERS_H
#define SL_GATEWAY_CACHE_OTHERS_H

#include "gateway/cache/digests.h"
#include "gateway/cache/reuse.h"

struct sl_flight;

/* Both digests of the canonical request; CEILING, NO_MEMORY, BAD_FIELD: it can't be made. */
SL_MUST enum sl_err sl_reuse_digest(struct sl_req *r, const struct sl_canon *c,
                                    struct sl_digest *d);
/* `first`: what r->reuse's own digests were made of. */
void sl_others_find(struct sl_req *r, const struct sl_canon *first);
/* Is it the proof of an answer to this request, by any of its names? */
bool sl_others_prove(const struct sl_reuse *u, const uint8_t sha256[32]);
/* sl_prompt_unshare() likewise. */
SL_MUST bool sl_others_unshare(struct sl_reuse *u, struct sl_str shared, struct sl_str *plain,
                               struct sl_usage *usage);
/* Other `i` in memory, fresh, or NULL; shared: drop it. */
struct sl_cached *sl_others_again(struct sl_req *r, size_t i);
/* One look-up in Redis of all names, into u->got. */
void sl_others_look_far(struct sl_req *r, sl_store_done_fn *done);
/* The flight of one of them, or NULL. */
struct sl_flight *sl_others_flight(struct sl_req *r);

#endif
