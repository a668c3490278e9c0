/* policy/caching.c -- leaves, laid over each other. */
#include "policy/caching.h"

void sl_caching_init(struct sl_cache_rules *r)
{
    *r = (struct sl_cache_rules){.enabled = SL_UNSET,
                                 .ttl_ms = SL_UNSET,
                                 .shared = SL_UNSET,
                                 .hits_free = SL_UNSET,
                                 .serve_stale_ms = SL_UNSET,
                                 .normal = SL_UNSET,
                                 .version = SL_STR("")};
}

static void over(int64_t *leaf, int64_t top)
{
    if (top != SL_UNSET)
        *leaf = top;
}

void sl_caching_over(struct sl_cache_rules *r, const struct sl_cache_rules *top)
{
    over(&r->enabled, top->enabled);
    over(&r->ttl_ms, top->ttl_ms);
    over(&r->shared, top->shared);
    over(&r->hits_free, top->hits_free);
    over(&r->serve_stale_ms, top->serve_stale_ms);
    over(&r->normal, top->normal);
    if (top->version.n > 0)
        r->version = top->version;
}

bool sl_caching_is_on(const struct sl_cache_rules *r, bool usual)
{
    return r->enabled == SL_UNSET ? usual : r->enabled == 1;
}
