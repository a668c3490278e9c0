/* gateway/cache/probe.h -- under which names an answer is cached, asked from outside of a
 * request: what the admin API shows and purges.
 *
 * A request's body has one name for each model that may have answered it (its targets'),
 * one of moderations or embeddings one for each item and model. Computed as requests
 * compute theirs (reuse.h), with the same tenant, headers and configuration.
 */
#ifndef SL_GATEWAY_CACHE_PROBE_H
#define SL_GATEWAY_CACHE_PROBE_H

#include "gateway/gateway.h"
#include "policy/tenant.h"

#define SL_PROBE_NAMES 64

struct sl_probe {
    const struct sl_tenant *tenant;   /* up */
    struct sl_str endpoint;           /* as in scopes */
    struct sl_str body;               /* JSON: model, messages, … */
    const struct sl_headers *headers; /* up: anthropic-version, betas */
};

struct sl_probe_names {
    size_t n;
    uint8_t md5[SL_PROBE_NAMES][SL_CACHE_KEY];
    uint8_t sha256[SL_PROBE_NAMES][32];
    struct sl_str served[SL_PROBE_NAMES]; /* the model's name at its provider */
};

/* NO_MODEL, NO_TARGET, BAD_FIELD (it is never cached), CEILING (too many names), NO_MEMORY,
 * with `why`. */
SL_MUST enum sl_err sl_probe_names(struct sl_gateway *g, const struct sl_probe *p,
                                   struct sl_arena *a, struct sl_probe_names *out, char *why,
                                   size_t cap);

#endif
