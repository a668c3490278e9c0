/* store/cache/far.h -- cached values in Redis: store/cache.c's second layer.
 *
 * Holder   store/cache.c; without a URL there is a layer that has nothing.
 * Skipped  While the link is down or the breaker open (SL_STORE_STRIKES failures or
 *          overruns in a row; a GET a second closes it), a look-up finds nothing,
 *          at the end of its turn, and nothing is written.
 * Full     INFO is asked every 5 s: above 80 % of maxmemory, and after an -OOM
 *          until the next INFO, nothing is written. A Redis of its own that evicts
 *          (maxmemory-policy) makes room by itself, and is never full.
 * Huge     A value that is larger than any reply may be ends the connection. So keys of
 *          look-ups that failed are measured within a second (STRLEN), and deleted and
 *          counted as bad where no value of ours is as long.
 * Named    Values of the prompt API have no envelope; what is left of their time is
 *          asked with them (PTTL).
 */
#ifndef SL_STORE_CACHE_FAR_H
#define SL_STORE_CACHE_FAR_H

#include "store/cache.h"

struct sl_far;

struct sl_far_conf {
    const struct sl_cache_conf *cache; /* up: copied */
    /* A value was found, before the look-up's `done`. It is the layer's: share it. */
    void (*found)(void *ctx, const uint8_t key[SL_CACHE_KEY], struct sl_cached *value);
    void *ctx;                  /* up */
    struct sl_metrics *metrics; /* up */
};

struct sl_far *sl_far_new(struct sl_net *net, const struct sl_far_conf *conf, char *why,
                          size_t cap);
/* Look-ups under way are cancelled. */
void sl_far_end(struct sl_far **f);
void sl_far_configure(struct sl_far *f, uint64_t entry_max);
bool sl_far_is_up(const struct sl_far *f);
SL_MUST bool sl_far_certificate(const struct sl_far *f, struct sl_tls_certificate *out);

struct sl_far_ask {
    const uint8_t (*keys)[SL_CACHE_KEY]; /* up: copied */
    size_t n;                            /* 1 for a named value */
    struct sl_str name;                  /* copied; empty: the values of `keys` */
    struct sl_cached *known;             /* shared: the answer, when memory has it; or NULL */
    struct sl_cached **out;              /* up: until done */
};
/* As sl_cache_get_start(). */
void sl_far_get_start(struct sl_far *f, const struct sl_far_ask *ask, struct sl_op **slot,
                      sl_store_done_fn *done, void *ctx);
void sl_far_put(struct sl_far *f, const uint8_t key[SL_CACHE_KEY], struct sl_cached *value);
void sl_far_put_named(struct sl_far *f, struct sl_str name, struct sl_str value, uint64_t ttl_ms);
/* Deleted as soon as Redis is there; no look-up finds it from now on. */
void sl_far_drop(struct sl_far *f, const uint8_t key[SL_CACHE_KEY]);

struct sl_far_counts {
    uint64_t hits, misses, errors, bad;
};
struct sl_far_counts sl_far_count(const struct sl_far *f);

#endif
