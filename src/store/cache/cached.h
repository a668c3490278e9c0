/* store/cache/cached.h -- a cached value, alone: made, shared, and as bytes in Redis.
 *
 * In Redis a value of ours stands behind a header of SL_CACHED_HEADER bytes, all
 * numbers little-endian:
 *
 *   "slc1" | u32 bytes of the value | i64 stored | i64 fresh until | i64 gone |
 *   u64 sum over the value
 *
 * Times are Unix milliseconds. The sum finds damage, not forgery: who can write
 * to this Redis can write anything. A change of this shape changes the "1".
 */
#ifndef SL_STORE_CACHE_CACHED_H
#define SL_STORE_CACHE_CACHED_H

#include "store/cache.h"

/* It is in this process from now on: its times by the steady clock, none of them further away
 * than it was when the value was stored. */
void sl_cached_arrive(struct sl_cached *c, const struct sl_net *net);
bool sl_cached_is_gone(const struct sl_cached *c, const struct sl_net *net);

/* The bytes for Redis, as long as the value is held; .p NULL: it is too long for a header. */
SL_MUST struct sl_str sl_cached_pack(struct sl_cached *c);
/* NULL: not one of ours, cut, damaged, or no memory. */
SL_MUST struct sl_cached *sl_cached_unpack(struct sl_str packed);

#endif
