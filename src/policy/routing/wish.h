/* policy/routing/wish.h -- what a request's `provider` says about who may answer it.
 *
 *   order             these first, in this order
 *   only              nobody else
 *   ignore            not these
 *   allow_fallbacks   false: only those of `order`; without one, only the first candidate
 *
 * Names are those of the configuration's providers, whatever their case. A provider that
 * reads the field itself (OpenRouter) has names of its own in it: `only`, and `order` without
 * fallbacks, drop it only where they name another candidate. What is no list is not given.
 * Source: OpenRouter's provider routing, protocols.md 4.2. Pure.
 */
#ifndef SL_POLICY_ROUTING_WISH_H
#define SL_POLICY_ROUTING_WISH_H

#include "policy/route.h"

#define SL_WISH_NAMES 64 /* of a list so many are read */

struct sl_wish {                       /* raw lists of the body; .p NULL: not given */
    struct sl_str order, only, ignore; /* up: the body's */
    bool no_fallbacks;
};

struct sl_candidate {
    const struct sl_model *model;   /* up: the snapshot's */
    const struct sl_target *target; /* up: the snapshot's */
    struct sl_str served;           /* its name there */
    struct sl_str provider;         /* its name here */
    uint64_t name;                  /* sl_order_hash() of who it is */
    bool reads_wish;                /* its provider knows the field itself */
};

/* `provider`: the member's raw value; anything but an object wishes nothing. */
void sl_wish_read(struct sl_str provider, struct sl_wish *out);
/* Narrows and orders the candidates of one model in place; returns how many are left. */
size_t sl_wish_apply(const struct sl_wish *w, struct sl_candidate *v, size_t n);

#endif
