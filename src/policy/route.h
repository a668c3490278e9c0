/* policy/route.h -- from the model a client asks for to ordered candidates.
 *
 * Exact names and aliases first, then the longest matching "prefix*" or "*".
 * Ranking is by target priority (low first, file order within); only targets whose provider
 * speaks the client's protocol are candidates. What a request is asked with is in the order
 * of the model's strategy: policy/routing/order.h.
 * Pure; the table is immutable once built and owned by the snapshot. Providers
 * are indices into the snapshot's list.
 */
#ifndef SL_POLICY_ROUTE_H
#define SL_POLICY_ROUTE_H

#include "policy/caching.h"
#include "policy/context.h"
#include "policy/money.h"

#define SL_ROUTE_TARGETS_MAX 16

/* Bits: a provider may speak several. SL_OPENAI is all of that protocol but the Responses
 * API, which many of its servers don't have. */
enum sl_protocol { SL_ANTHROPIC = 1, SL_OPENAI = 2, SL_RESPONSES = 4 };

enum sl_strategy {
    SL_STRATEGY_PRIORITY,
    SL_STRATEGY_WEIGHTED,
    SL_STRATEGY_LATENCY,
    SL_STRATEGY_COST
};

/* By what a conversation is kept where its prompt is cached. */
enum sl_affinity_by {
    SL_AFFINITY_SESSION, /* where one can be seen */
    SL_AFFINITY_USER,    /* the request's, else the key */
    SL_AFFINITY_KEY,
    SL_AFFINITY_NONE
};

struct sl_target {
    unsigned provider;   /* index */
    unsigned speaks;     /* bits of enum sl_protocol */
    struct sl_str model; /* name at the provider; empty: the name asked for */
    int64_t priority;    /* low first */
    uint64_t weight;     /* of `weighted`; 0: behind all others of its priority */
    uint64_t context;    /* tokens of its window; 0: not said */
    uint64_t reserve_ms; /* of the total time, kept for it; 0: none */
    /* Its own, or what the list says of `model`; not known where the name asked for
     * decides (gateway/conf.h: sl_gateway_price). */
    struct sl_price price;
};

/* A shadow: a part of the requests goes there, too, and what it answers nowhere. */
struct sl_mirror_to {
    uint64_t part_ppm; /* 0: none */
    unsigned provider; /* index */
    unsigned speaks;
    struct sl_str model; /* name there; empty: the name asked for */
};

struct sl_model {
    struct sl_str name; /* may be a pattern */
    struct sl_str display_name;
    const struct sl_str *aliases; /* up: in the table */
    size_t aliases_n;
    const struct sl_target *targets; /* up: in the table, sorted by priority */
    size_t targets_n;
    bool is_pattern;
    bool warm_ping; /* its targets are asked for one token each at the start */
    enum sl_strategy strategy;
    enum sl_affinity_by affinity;
    struct sl_mirror_to mirror;
    uint64_t max_tokens_default; /* where a request names none; 0: none */
    uint64_t max_tokens_max;     /* of a translated request; 0: what is asked */
    struct sl_cache_rules cache; /* the gateway's with the model's own on top */
    struct sl_context context;
};

struct sl_routes;

struct sl_routes *sl_routes_new(void);
void sl_routes_end(struct sl_routes **r);
SL_MUST enum sl_err sl_routes_add(struct sl_routes *r, const struct sl_model *m, char *why,
                                  size_t cap); /* copies; repeated names are CONFIG; NO_MEMORY */
size_t sl_routes_count(const struct sl_routes *r);
const struct sl_model *sl_routes_at(const struct sl_routes *r, size_t i);

/* NULL if nothing matches. */
const struct sl_model *sl_route_find(const struct sl_routes *r, struct sl_str asked);
/* Those that speak the protocol; returns how many. */
size_t sl_route_rank(const struct sl_model *m, enum sl_protocol protocol,
                     const struct sl_target *out[SL_ROUTE_TARGETS_MAX]);

#endif
