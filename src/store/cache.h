/* store/cache.h -- cached answers: a memory layer before Redis.
 *
 * Values   Opaque bytes of the gateway's (gateway/entry.h), at most `entry_max`.
 *          Keys are 16 raw bytes (MD5 of the canonical request); who reads a
 *          value compares the SHA-256 inside it.
 * Memory   S3-FIFO (Yang et al., "FIFO queues are all you need for cache
 *          eviction", SOSP 2023): a small queue of 10 % that one-hit wonders
 *          leave at once, a main queue, and a ghost queue of keys only. Chosen
 *          because a scan of a million texts seen once does not push out what is
 *          asked again, and a hit moves nothing in a list. Bounded in bytes
 *          (`memory`), overhead included. Values are shared, counted: a reader
 *          may hold one while it is replayed.
 * Redis    `<prefix>c:<md5 hex>` on a connection of its own, of `cache_url` or the
 *          store's. Skipped when down or slow: a get never lasts longer than
 *          timeout_ms and then counts as a miss; after SL_STORE_STRIKES failures
 *          in a row it is not asked but once a second, to see whether it is back.
 *          Puts are sent and forgotten; none while a Redis that holds
 *          the store too, or does not evict, is above 80 % of its maxmemory. What is read there and
 * was not written by this version of us, whole, is a miss, deleted and counted. An embedded store
 * has the memory layer alone. Clock    `ttl_ms` from now; kept for `stale_ms` beyond it: such a
 * value is stale from `fresh_until_unix_ms` on.
 */
#ifndef SL_STORE_CACHE_H
#define SL_STORE_CACHE_H

#include "store/store.h"

#define SL_CACHE_KEY 16
#define SL_CACHE_GETS 2048 /* keys of one look-up at most: items of a batch */
#define SL_CACHED_HEADER 40

struct sl_cached { /* shared, immutable once it was put */
    unsigned holders;
    int64_t stored_unix_ms; /* 0: not known (named values from Redis) */
    int64_t fresh_until_unix_ms, gone_unix_ms;
    uint64_t fresh_until_ms, gone_ms; /* by this process's steady clock */
    size_t n;
    char header[SL_CACHED_HEADER]; /* room for what stands before the bytes in Redis */
    char bytes[];
};
/* With one holder and n bytes to be filled; NULL without memory. */
SL_MUST struct sl_cached *sl_cached_new(size_t n);
struct sl_cached *sl_cached_share(struct sl_cached *c);
void sl_cached_drop(struct sl_cached **c);
/* By both clocks: one that is set back prolongs nothing. */
bool sl_cached_is_fresh(const struct sl_cached *c, const struct sl_net *net);

struct sl_cache;
struct sl_cache_conf {
    uint64_t memory;       /* bytes; 0: no memory layer */
    uint64_t entry_max;    /* bytes of a value */
    struct sl_str url;     /* cache_url, or the store's; empty or embedded:…: memory alone */
    bool shared;           /* it is the store's */
    struct sl_str ca_file; /* of rediss://; empty: the system's */
    struct sl_str prefix;  /* of keys in Redis */
    uint64_t timeout_ms;   /* of one look-up there */
};

/* NULL with `why`: the URL or the CA file can't be used. Texts are copied. */
struct sl_cache *sl_cache_new(struct sl_net *net, const struct sl_cache_conf *conf,
                              struct sl_metrics *metrics, char *why, size_t cap);
/* On reload: memory and entry_max; the rest holds until the next start. */
void sl_cache_configure(struct sl_cache *c, const struct sl_cache_conf *conf);
void sl_cache_end(struct sl_cache **c); /* look-ups under way are cancelled */

/* From memory, at once, or NULL; shared: drop it. Stale values are found only
 * with `stale`. */
struct sl_cached *sl_cache_peek(struct sl_cache *c, const uint8_t key[SL_CACHE_KEY], bool stale);
/* Once more after a wait, in which it may have come: fresh values only, and what is still
 * missing is not counted again. By key, or by name as below. */
struct sl_cached *sl_cache_again(struct sl_cache *c, const uint8_t key[SL_CACHE_KEY]);
struct sl_cached *sl_cache_again_named(struct sl_cache *c, struct sl_str name);
/* From Redis; out[i] is NULL where there is none (or an error, or too late), else
 * shared: drop it; it may be stale. Found values enter the memory layer. `done`
 * always SL_OK; `out` is to be read in it, not before. A look-up is one write and one wait,
 * of one GET or MGET or, where values of entry_max could add up to too large a reply, of a
 * few. */
void sl_cache_get_start(struct sl_cache *c, const uint8_t (*keys)[SL_CACHE_KEY], size_t n,
                        struct sl_cached **out, struct sl_op **slot, sl_store_done_fn *done,
                        void *ctx);
/* As sl_store_certificate(), of its own Redis. */
SL_MUST bool sl_cache_certificate(const struct sl_cache *c, struct sl_tls_certificate *out);
bool sl_cache_has_far(const struct sl_cache *c); /* is there a Redis, and is it up? */
/* Takes a value that nobody else holds. Into memory at once, to Redis without waiting. */
void sl_cache_put(struct sl_cache *c, const uint8_t key[SL_CACHE_KEY], struct sl_cached **value,
                  uint64_t ttl_ms, uint64_t stale_ms);
void sl_cache_drop_key(struct sl_cache *c, const uint8_t key[SL_CACHE_KEY]); /* both layers */
/* Values of the prompt API under `scope: shared`: key as text, Redis name as it
 * stands ("claude:<md5 hex>"), value as it stands. */
void sl_cache_put_named(struct sl_cache *c, struct sl_str name, struct sl_str value,
                        uint64_t ttl_ms);
void sl_cache_get_named_start(struct sl_cache *c, struct sl_str name, struct sl_cached **out,
                              struct sl_op **slot, sl_store_done_fn *done, void *ctx);

struct sl_cache_counts {
    uint64_t bytes, entries, hits, misses, evicted, far_hits, far_misses;
    uint64_t far_errors; /* look-ups that failed or were late */
    uint64_t far_bad;    /* values that were not ours, or broken: deleted */
};
struct sl_cache_counts sl_cache_count(const struct sl_cache *c);
void sl_cache_refresh_metrics(struct sl_cache *c); /* before an exposition */

#endif
