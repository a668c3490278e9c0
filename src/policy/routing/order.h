/* policy/routing/order.h -- in which order the targets of a model are tried.
 *
 * Targets of a lower `priority` always come first. Among those of the same one the model's
 * strategy decides:
 *
 *   priority   those that speak the client's protocol, then the others; in file order
 *   weighted   a draw by weight for each user, that comes out alike every time and on every
 *              instance: rendezvous hashing. A target has the score -log2(u) / weight, u
 *              made of user and target alone, and the least score wins; so a target whose
 *              weight falls loses users and wins none, and one whose weight is 0 comes
 *              last. Source: Thaler and Ravishankar, "Using name-based mappings to increase
 *              hit rates" (1998); weights by Schindelhauer and Schomaker (2005).
 *   latency    of two drawn by lot the one that is expected to answer sooner, then the
 *              others by that. Source: Mitzenmacher, "The power of two choices" (2001).
 *   cost       the cheapest for this request; those without a price last
 *
 * Affinity puts the target that holds a conversation's prompt cache before the others of its
 * priority; under `priority` not before one that speaks the client's protocol while it does
 * not, and not under `weighted`, where the draw keeps it already.
 * Pure: what is measured and what is random are arguments.
 */
#ifndef SL_POLICY_ROUTING_ORDER_H
#define SL_POLICY_ROUTING_ORDER_H

#include "policy/route.h"

#define SL_ORDER_NOBODY SIZE_MAX

struct sl_order_fact { /* of one target */
    uint64_t name;     /* sl_order_hash() of who it is */
    uint64_t weight;   /* the target's own, or what an operator says for now */
    uint64_t load;     /* latency: low is good */
    int64_t cost_pico; /* of this request; SL_MONEY_UNKNOWN: it has no price */
};

struct sl_order_ask {
    enum sl_protocol protocol; /* the client's */
    bool translates;           /* targets of other protocols are candidates, too */
    uint64_t user;             /* sl_order_hash() of who is kept on a version */
    uint64_t random;
    size_t prefer; /* the target that affinity names, or SL_ORDER_NOBODY */
    struct sl_order_fact fact[SL_ROUTE_TARGETS_MAX]; /* by place in the model's list */
};

/* FNV-1a, then the finaliser of splitmix64: spreads texts evenly, alike everywhere. No
 * secret is in it: a tenant could choose the version a user of its own gets. */
uint64_t sl_order_hash(uint64_t seed, struct sl_str text);

/* How often, of a million requests like that, the target at `at` in the model's list is the
 * first of its priority: of `weighted` over all users, of `latency` over all draws. 0 for one
 * that is no candidate. */
uint64_t sl_order_share_ppm(const struct sl_model *m, const struct sl_order_ask *ask, size_t at);
/* How many there are; 0: SL_ERR_NO_TARGET. */
size_t sl_order_rank(const struct sl_model *m, const struct sl_order_ask *ask,
                     const struct sl_target *out[SL_ROUTE_TARGETS_MAX]);

#endif
