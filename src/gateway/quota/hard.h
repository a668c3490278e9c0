/* gateway/quota/hard.h -- `budget.hard`: an answer that can't be paid any further is ended.
 *
 * Private to the room; made when a provider is asked, for a request of such a
 * tenant that money is reserved for, in the request's arena. With each renewal of leases
 * (SL_QUOTA_RENEW_MS) the reservation grows by the cost of `reserve_output` more tokens, until it
 * covers what the request may say at all (its max_tokens). Where the balance does not allow that,
 * SL_EVT_BROKE comes, and sl_hard_stop() decides:
 *
 *   nothing has gone out       402
 *   a stream                   its protocol's own ending (llm/finish.h)
 *   a plain answer on its way  runs to its end: cut, it would be worth nothing
 *
 * An answer of the store's that does not come is forgiven once: a reservation outlives two
 * renewals. Overshoot: what an answer costs between two renewals.
 */
#ifndef SL_GATEWAY_QUOTA_HARD_H
#define SL_GATEWAY_QUOTA_HARD_H

#include "gateway/req.h"

/* A provider is asked, perhaps once more. False: no memory. */
SL_MUST bool sl_hard_begin(struct sl_req *r);
/* One whole event of a stream; and one too large to be held, whose first bytes these are. */
void sl_hard_event(struct sl_req *r, struct sl_str event);
void sl_hard_lost(struct sl_req *r, struct sl_str first);
/* Must the stream end with the event that has just passed? */
bool sl_hard_is_due(const struct sl_req *r);
/* In TRY and RELAY, on SL_EVT_BROKE. */
enum sl_state sl_hard_stop(struct sl_req *r);
void sl_hard_end(struct sl_req *r);

#endif
