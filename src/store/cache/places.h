/* store/cache/places.h -- a table of entries by their hash, for more of them than the processor's
 * caches hold.
 *
 * Why      Not uthash: there each bucket, each entry of a chain and each neighbour in its own list
 *          is waited for. Here the hash stands beside the entry's address, so a key that is not
 *          known, the usual one, costs one look at memory.
 * Growth   At three of four places in use a table of twice as many is begun, and each entry that
 *          is put takes some of the old one's along: nobody waits for all of them.
 * Holder   Of one thread. Entries are its holder's, and stay where they are.
 * Source   Linear probing: Knuth, The Art of Computer Programming, volume 3, section 6.4,
 *          algorithms L and R.
 */
#ifndef SL_STORE_CACHE_PLACES_H
#define SL_STORE_CACHE_PLACES_H

#include "base/str.h"

struct sl_place {
    void *entry;   /* up: NULL: free */
    uint32_t hash; /* its lower half */
};

struct sl_places_table {
    struct sl_place *at; /* owns */
    uint64_t n;          /* a power of two; 0: none */
};

struct sl_places { /* zeroed: empty */
    struct sl_places_table now, old;
    uint64_t used;  /* places, in both */
    uint64_t moved; /* of the old table, those before it have no entry any more */
};

/* Is that the entry of this key? Asked where the lower halves of the hashes are the same. */
typedef bool sl_places_is_fn(const void *entry, const void *key);

/* NULL: none. */
void *sl_places_find(const struct sl_places *p, uint64_t hash, sl_places_is_fn *is,
                     const void *key);
/* One that is not there. False: no memory, and nothing has changed. */
SL_MUST bool sl_places_put(struct sl_places *p, uint64_t hash, void *entry);
/* One that is there. */
void sl_places_drop(struct sl_places *p, uint64_t hash, const void *entry);
/* After many have left: as many places as the others take. All at once. */
void sl_places_fit(struct sl_places *p);
void sl_places_fini(struct sl_places *p);

#endif
