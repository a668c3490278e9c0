/* base/bond.h -- the one weak link of the house, and it has two ends.
 *
 * Two peers, either of which may die first, each embed one end. Cutting either
 * end clears both; a cut end answers NULL. Nothing else may point at a peer.
 */
#ifndef SL_BASE_BOND_H
#define SL_BASE_BOND_H

#include "base/obj.h"

struct sl_bond {
    struct sl_bond *other; /* up: the peer's end, or NULL */
    void *self;            /* up: the object this end sits in */
};

static inline void sl_bond_init(struct sl_bond *b, void *self)
{
    b->other = NULL;
    b->self = self;
}

static inline void sl_bond_tie(struct sl_bond *a, struct sl_bond *b)
{
    SL_CHECK(a->other == NULL && b->other == NULL);
    a->other = b;
    b->other = a;
}

static inline void sl_bond_cut(struct sl_bond *b)
{
    if (b->other != NULL) {
        b->other->other = NULL;
        b->other = NULL;
    }
}

/* The peer, or NULL once either end was cut. */
static inline void *sl_bond_peer(const struct sl_bond *b)
{
    return b->other != NULL ? b->other->self : NULL;
}

#endif
