/* base/map.h -- a seeded hash for tables whose keys come from outside.
 *
 * Tables are uthash; include this header instead of <uthash.h>: it sets
 * HASH_FUNCTION to SipHash-1-3 under a per-process random seed, and the
 * allocator to base/mem (aborting), so that clients can't make collisions.
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012).
 */
#ifndef SL_BASE_MAP_H
#define SL_BASE_MAP_H

#include "base/mem.h"

uint64_t sl_map_hash(const void *p, size_t n);

/* 128 bits that only this process can make (SipHash-2-4): where two are equal
 * the bytes are too. For remembering what was seen without keeping it. */
struct sl_map_print {
    uint64_t a, b;
};
struct sl_map_print sl_map_print(struct sl_str s);

#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = (unsigned)sl_map_hash((keyptr), (keylen)))
#define uthash_malloc(sz) sl_mem_new(sz)
#define uthash_free(ptr, sz) sl_mem_free(ptr)
#include <uthash.h>

/* HASH_KEYCMP of a file whose tables are asked with what a client sent and hold what is secret, or
 * a digest of it: constant time. It takes effect where that is defined anew, behind this header. */
#define SL_MAP_SECRET_KEYCMP(a, b, n)                                                              \
    (sl_str_eq_secret((struct sl_str){(const char *)(a), (n)},                                     \
                      (struct sl_str){(const char *)(b), (n)})                                     \
         ? 0                                                                                       \
         : 1)

#endif
