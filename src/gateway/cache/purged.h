/* gateway/cache/purged.h -- single answers purged by text, on every instance.
 *
 * Whoever purges takes the entries out of its own memory and of Redis, and notes their
 * names in the switch SL_PURGED_ID, which the other instances read within 1 s: they take
 * them out of their memory. The list is short: {"n":<names ever noted>,"at":[[<unix
 * seconds>,"<md5>"],…]}, of which those older than SL_PURGED_KEEP_S are dropped when more
 * come; an instance that has seen "n" before takes only what is new.
 *
 * Holder   The gateway; embedded.
 */
#ifndef SL_GATEWAY_CACHE_PURGED_H
#define SL_GATEWAY_CACHE_PURGED_H

#include "base/arena.h"
#include "store/cache.h"

#define SL_PURGED_ID "purge.texts"
#define SL_PURGED_NAMES 256 /* in the list */
#define SL_PURGED_KEEP_S 10

struct sl_keys;

struct sl_purged {
    struct sl_cache *cache; /* up; or NULL */
    struct sl_keys *keys;   /* up */
    uint64_t rev, seen;     /* of the switch; names taken */
};

void sl_purged_init(struct sl_purged *p, struct sl_cache *cache, struct sl_keys *keys);
/* Records have changed. */
void sl_purged_take(struct sl_purged *p);
/* The list with `n` more names. CEILING: too many came within SL_PURGED_KEEP_S. */
SL_MUST enum sl_err sl_purged_list(struct sl_str doc, const uint8_t (*names)[SL_CACHE_KEY],
                                   size_t n, int64_t now_s, struct sl_arena *a, struct sl_str *out);

#endif
