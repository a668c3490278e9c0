/* policy/routing/affinity.h -- where a conversation was answered last.
 *
 * A provider's prompt cache belongs to one account at one provider. A conversation goes back
 * there while that can be asked, whatever strategy or a failover made of its first request.
 * That is why it is a table and not a hash over the targets: what a hash would name is not
 * where a failover, the quickest answer or a resting key has led. The price: it is known to
 * this process alone, and an instance that meets a conversation for the first time pays for
 * one unread prompt.
 *
 * Bounds   SL_AFFINITY_SETS sets of SL_AFFINITY_WAYS conversations; of a full set the one
 *          that was used longest ago is forgotten, and any that was not used for
 *          SL_AFFINITY_KEEP_MS, the longest a vendor keeps a prompt. Two conversations of one
 *          64-bit hash share a place; that costs a cached prompt, nothing else.
 * Holder   The gateway; made once. Pure: `now` is an argument.
 */
#ifndef SL_POLICY_ROUTING_AFFINITY_H
#define SL_POLICY_ROUTING_AFFINITY_H

#include "base/str.h"

#define SL_AFFINITY_SETS 4096
#define SL_AFFINITY_WAYS 4
#define SL_AFFINITY_KEEP_MS 3600000

struct sl_affinity_place {
    uint64_t target; /* sl_order_hash() of who it is */
    size_t key;      /* of the provider's keys */
};

struct sl_affinity;

struct sl_affinity *sl_affinity_new(void);
void sl_affinity_end(struct sl_affinity **t);
/* `who`: a hash of tenant, model and conversation. */
SL_MUST bool sl_affinity_find(const struct sl_affinity *t, uint64_t who, uint64_t now_ms,
                              struct sl_affinity_place *out);
void sl_affinity_put(struct sl_affinity *t, uint64_t who, uint64_t now_ms,
                     const struct sl_affinity_place *place);

#endif
