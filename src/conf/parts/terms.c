/* conf/parts/terms.c -- leaves of plans, tenants, keys and caches. */
#include "conf/parts/parts.h"

#include "policy/normal.h"

int64_t sl_build_leaf(const struct sl_node *map, const char *key)
{
    const struct sl_node *n = sl_node_get(map, key);

    return n != NULL && n->kind == SL_NODE_SCALAR ? (int64_t)n->number : SL_UNSET;
}

void sl_build_terms(const struct sl_node *map, struct sl_terms *out)
{
    const struct sl_node *limits = sl_node_get(map, "limits"), *budget = sl_node_get(map, "budget");

    out->limits = (struct sl_limits){.rpm = sl_build_leaf(limits, "rpm"),
                                     .qps = sl_build_leaf(limits, "qps"),
                                     .burst = sl_build_leaf(limits, "burst"),
                                     .tpm = sl_build_leaf(limits, "tpm"),
                                     .concurrency = sl_build_leaf(limits, "concurrency"),
                                     .user_concurrency = sl_build_leaf(limits, "user_concurrency"),
                                     .reserve_output = sl_build_leaf(limits, "reserve_output")};
    out->budget = (struct sl_budget){.credits_micro = sl_build_leaf(budget, "initial_credits"),
                                     .daily_micro = sl_build_leaf(budget, "daily"),
                                     .monthly_micro = sl_build_leaf(budget, "monthly")};
}

void sl_build_cache_rules(const struct sl_node *cache, struct sl_cache_rules *out)
{
    const struct sl_node *normalize = sl_node_get(cache, "normalize");

    sl_caching_init(out);
    out->enabled = sl_build_leaf(cache, "enabled");
    out->ttl_ms = sl_build_leaf(cache, "ttl");
    out->shared = sl_build_leaf(cache, "scope");
    out->hits_free = sl_build_leaf(cache, "hits");
    out->serve_stale_ms = sl_build_leaf(cache, "serve_stale");
    out->version = sl_node_text(cache, "version");
    if (normalize == NULL || normalize->implied)
        return;
    out->normal = 0;
    for (const struct sl_node *c = normalize->first; c != NULL; c = c->next)
        out->normal |= (int64_t)sl_normal_find(c->text);
}

struct sl_context sl_build_context(const struct sl_node *map)
{
    const struct sl_node *context = sl_node_get(map, "context");

    return (struct sl_context){.max_tokens = sl_node_number(context, "max_tokens", 0),
                               .drop_first = sl_node_number(context, "keep", 0) == 1};
}

void sl_build_cache_general(struct sl_build *b)
{
    const struct sl_conf *c = b->conf;

    b->made->cache = (struct sl_cache_general){
        .memory = sl_conf_number(c, "cache.memory"),
        .entry_max = sl_conf_number(c, "cache.entry_max"),
        .request_max = sl_conf_number(c, "cache.request_max"),
        .recording = sl_conf_number(c, "cache.recording"),
        .jitter_ppm = sl_conf_number(c, "cache.jitter"),
    };
    b->made->hit_lines_ppm = sl_conf_number(c, "log.sample.cache_hit");
    sl_build_cache_rules(sl_node_get(c->root, "cache"), &b->cache);
    if (b->cache.enabled == 0) /* "not for all": what is usual for an operation stays */
        b->cache.enabled = SL_UNSET;
}
