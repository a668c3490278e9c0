/* gateway/explain/explain.h -- what would become of a request, without making it.
 *
 * It goes through the steps of a real one (AUTH, BODY, ROUTE, ADMIT) and then chooses its
 * targets as TRY does, with the same functions. Nothing is sent to a provider, and nothing is
 * taken: limits, credits, breakers, probes, places, latencies, affinity and flights stay as
 * they are. What is remembered only to be quicker (digests, keys read from the store, answers
 * found in Redis) is remembered all the same, and a look into the cache counts as one.
 * Of draws by lot (`latency` with more than two targets) the likeliest comes out; each
 * target's share says how likely it is.
 *
 * Order    start; done comes once, in a later turn; sl_op_cancel() of the slot ends it.
 * Memory   Texts of the ask are copied. What done gets dies when it returns.
 */
#ifndef SL_GATEWAY_EXPLAIN_EXPLAIN_H
#define SL_GATEWAY_EXPLAIN_EXPLAIN_H

#include "gateway/gateway.h"
#include "gateway/routing/reason.h"
#include "policy/quota.h"

#define SL_EXPLAIN_TARGETS 48

struct sl_req;
struct sl_made_key;
struct sl_explain;

struct sl_explain_ask {
    struct sl_str target;             /* "/v1/messages", with a query or without */
    const struct sl_headers *headers; /* up: or NULL */
    struct sl_str body;
    /* Whose request it is, at most one of them; with none the headers say. A key is its text,
     * or the id or name of one of the configuration, or is known by its digest. */
    struct sl_str key;
    const uint8_t *sha256; /* up: of 32 bytes; its id is `key` */
    struct sl_str tenant;  /* a key of that tenant, with nothing of its own */
};

enum sl_explained_way {
    SL_EXPLAINED_REFUSED, /* status, error, message, retry */
    SL_EXPLAINED_ASKS,    /* a provider, at once */
    SL_EXPLAINED_WAITS,   /* for a place or a key at the first target */
    SL_EXPLAINED_HIT,     /* answered from the cache */
    SL_EXPLAINED_JOINS,   /* shares an answer that is under way */
    SL_EXPLAINED_OURS,    /* the gateway answers by itself */
    SL_EXPLAINED__COUNT
};

struct sl_explained_target {
    struct sl_str provider, served; /* `served`: the model's name there */
    struct sl_str model;            /* as configured */
    struct sl_str proxy;            /* by which it is reached, as it may be shown; or empty */
    const char *proxy_from;         /* static: the environment variable that gave it; or NULL */
    size_t turn;                    /* asked as the how manyth, from 1; 0: not at all */
    enum sl_reason why;             /* its place, or why it is no candidate */
    enum sl_reason bar;             /* against asking it at once; NONE: nothing */
    uint64_t rest_ms;               /* until that is over; 0: not known */
    bool candidate, translated;
    bool has_facts; /* the rest is set */
    int64_t priority;
    uint64_t share_ppm, weight, load;
    int64_t price_micro; /* of this request, as estimated; SL_MONEY_UNKNOWN */
};

struct sl_explained_level { /* a key's or a tenant's */
    struct sl_str id, name;
    struct sl_terms terms;
    struct sl_quota_room room; /* where the store was asked */
};

struct sl_explained {
    enum sl_explained_way way;
    int status; /* of REFUSED, HIT and OURS; 0: the provider says it */
    enum sl_err error;
    struct sl_str message;
    uint64_t retry_ms, wait_ms;

    /* the request */
    const char *endpoint; /* static */
    const char *protocol; /* static */
    struct sl_str asked, model;
    const char *strategy; /* static; NULL: no model was found */
    bool streams;
    uint64_t max_tokens;
    size_t body_n;
    size_t left_out, messages; /* of a conversation too long for `context` */

    /* whose it is */
    bool has_key;
    struct sl_str tenant, user;
    int64_t grade;
    struct sl_explained_level level[SL_LEVEL__COUNT];
    bool admission; /* limits were looked at, and the money below is known */
    struct sl_str limit;
    bool local; /* by this process alone: the store is away */

    /* the cache */
    struct sl_str cache;    /* "HIT", as in x-cache; empty: it is off */
    const char *cache_why;  /* shared: static: why not; or NULL */
    struct sl_str cache_at; /* the entry's key, md5 in hex; empty: there is none */
    struct sl_str cache_sha256;
    struct sl_str cache_kept;  /* the key its answer will have: it names who is asked */
    size_t items, items_known; /* of moderations and embeddings */

    /* money */
    uint64_t input_tokens, output_tokens;
    int64_t reserve_micro;
    bool free;

    /* targets, those that are asked first */
    struct sl_explained_target targets[SL_EXPLAIN_TARGETS];
    size_t targets_n;
    struct sl_str affinity; /* the target that holds the conversation; or empty */

    /* what the first one would be sent; secrets are masked */
    struct sl_str line; /* "POST /v1/messages"; empty: nothing would be */
    struct sl_headers head;
    uint64_t sent_n; /* bytes of the body */
};

typedef void sl_explain_done_fn(void *ctx, const struct sl_explained *out);

/* Is `key` the text of a key or token, or a key of the configuration by id or name? Else
 * its record is to be looked for. */
bool sl_explain_knows(struct sl_gateway *g, struct sl_str key);
void sl_explain_start(struct sl_gateway *g, const struct sl_explain_ask *ask, struct sl_op **slot,
                      sl_explain_done_fn *done, void *ctx);

/* ---- for the steps ---- */
void sl_explain_event(struct sl_explain *e, int ev); /* an enum sl_ev */
/* Is it some key of a tenant? It is claimed then (quota/keys.h), for it has no record. */
bool sl_explain_is_tenant(const struct sl_explain *e);
SL_MUST enum sl_err sl_explain_claim(struct sl_req *r, const struct sl_key **key,
                                     struct sl_made_key **made);

/* ---- targets.c ---- */
/* In which order they are asked, and what the first is sent. `decided`: it is not asked
 * for anything. */
void sl_explain_targets(struct sl_req *r, bool decided, struct sl_explained *out);

#endif
