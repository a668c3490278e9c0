/* policy/caching.h -- how answers may be reused: what gateway, model and tenant say.
 *
 * The leaves are SL_UNSET (an empty `version`: none) until somebody sets them;
 * the gateway's, the model's and the tenant's are laid over each other in this
 * order. A model in the snapshot has the gateway's below its own already, so that
 * a request needs one sl_caching_over(): the tenant's. Pure.
 */
#ifndef SL_POLICY_CACHING_H
#define SL_POLICY_CACHING_H

#include "policy/terms.h"

struct sl_cache_rules {
    int64_t enabled;        /* 0, 1; unset: as is usual for the operation */
    int64_t ttl_ms;         /* how long an answer is good */
    int64_t shared;         /* 1: across tenants. Both sides must say so */
    int64_t hits_free;      /* 1: a hit in memory needs no store */
    int64_t serve_stale_ms; /* kept beyond its ttl, for when every target fails */
    int64_t normal;         /* bits of policy/normal.h; a model's only */
    struct sl_str version;  /* part of the key; a model's only */
};

void sl_caching_init(struct sl_cache_rules *r); /* all unset */
/* The leaves of `top` that are set replace those of `r`. */
void sl_caching_over(struct sl_cache_rules *r, const struct sl_cache_rules *top);
/* `usual`: where nobody says otherwise (moderations, embeddings). */
bool sl_caching_is_on(const struct sl_cache_rules *r, bool usual);
/* A leaf's value, or 0. */
static inline uint64_t sl_caching_leaf(int64_t leaf)
{
    return leaf > 0 ? (uint64_t)leaf : 0;
}

#endif
