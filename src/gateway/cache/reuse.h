/* gateway/cache/reuse.h -- the cache as one request sees it.
 *
 * Private to the room; made in ADMIT where the cache is on for the request, in its
 * arena. It knows the canonical digest, what was found under it, and what the
 * client asked of caches (RFC 9111, 5.2.1: no-cache, no-store, max-age).
 */
#ifndef SL_GATEWAY_CACHE_REUSE_H
#define SL_GATEWAY_CACHE_REUSE_H

#include "gateway/entry.h"
#include "gateway/req.h"
#include "llm/fold.h"
#include "policy/canon.h"
#include "store/cache.h"

enum sl_reuse_result {
    SL_REUSE_BYPASS,
    SL_REUSE_MISS,
    SL_REUSE_HIT,
    SL_REUSE_JOINED,
    SL_REUSE_STALE,
    SL_REUSE_PARTIAL
};

#define SL_REUSE_OTHERS 3

struct sl_reuse {
    enum sl_reuse_result result;
    struct sl_cache_rules rules; /* model's, with the tenant's over them */
    const char *why;             /* shared: static: of BYPASS, for people */
    bool look;                   /* may be answered from the cache, or by joining */
    bool keep;                   /* may be stored */
    uint64_t max_age_ms;         /* UINT64_MAX: any */
    uint8_t md5[SL_CACHE_KEY];   /* the entry's name */
    uint8_t sha256[32];          /* its proof, and a flight's key */
    struct sl_reuse_other {
        uint8_t md5[SL_CACHE_KEY], sha256[32];
    } others[SL_REUSE_OTHERS]; /* under which an answer would be as good: others.h */
    size_t others_n;
    struct sl_str name;      /* of an answer that other programs read, too; or empty */
    struct sl_cached *found; /* shared: a valid, fresh answer */
    struct sl_cached *stale; /* shared: one past its time, for when all fails */
    struct sl_entry entry;   /* of `found`, decoded */
    bool far;                /* found in Redis, not in memory */
    struct sl_cached *got[1 + SL_REUSE_OTHERS]; /* shared: what the look-up gave */
    struct sl_op *op;                           /* owns: the look-up */
    struct sl_batch *batch; /* up: in `arena`; moderations and embeddings: batch.h */
    bool folds;             /* a fold was begun */
    struct sl_arena arena;  /* of trees and replays: larger than a request's own */
    bool playing;           /* FOLLOW plays from memory, not from a flight */
    struct sl_str replay;   /* what is played, in the form the client wants */
    size_t played;
    struct sl_fold *fold; /* owns: a stream that is to be kept */
};

/* Why the cache is off for such a request, in a few words; NULL: it is on, by these rules. */
const char *sl_reuse_off(const struct sl_req *r, struct sl_cache_rules *rules);
/* Decides, digests, looks into memory. Leaves r->reuse NULL where the cache is off
 * for this request (then `x-cache` is not sent). False: no memory. */
SL_MUST bool sl_reuse_begin(struct sl_req *r);
/* How long an answer of that name is good: its own share of the configured time. */
uint64_t sl_reuse_ttl(const struct sl_req *r, const uint8_t md5[SL_CACHE_KEY]);
/* The parts of the canonical request that do not stand in the body. False: more betas
 * than are told apart, or no memory. */
SL_MUST bool sl_reuse_canon(struct sl_req *r, struct sl_canon *c);
/* Both vendors' betas as they count there. False likewise. */
SL_MUST bool sl_reuse_betas(const struct sl_headers *h, struct sl_arena *a, struct sl_str *out);
/* Looks into Redis; SL_EVT_STORE comes. False: there is nothing to wait for. */
bool sl_reuse_look_far(struct sl_req *r);
/* The look-up has ended: takes a valid answer over. */
void sl_reuse_take(struct sl_req *r);
/* The found answer can't be given in the form that is wanted: the provider is asked. */
enum sl_state sl_reuse_unusable(struct sl_req *r);
/* A miss: follows a flight, or leads one and tries. */
enum sl_state sl_reuse_miss(struct sl_req *r);

/* Another model is asked: its answer is stored under that one's name. */
void sl_reuse_retarget(struct sl_req *r);
/* What has been folded is of a try that failed. */
void sl_reuse_forget(struct sl_req *r);

/* ---- while a leader relays ---- */
void sl_reuse_event(struct sl_req *r, struct sl_str event);
void sl_reuse_spoil(struct sl_req *r); /* an event passed that was too large to be read */
/* The request ends: a leader's whole answer is stored if it may be, and its followers
 * hear how it ended. */
void sl_reuse_finish(struct sl_req *r);

/* Was it answered without a provider's work for it: hit, joined, stale? */
bool sl_reuse_is_ours(const struct sl_req *r);
struct sl_str sl_reuse_name(enum sl_reuse_result result); /* as in x-cache */
/* `x-cache` and `age`. */
SL_MUST bool sl_reuse_headers(struct sl_req *r, struct sl_headers *h);
void sl_reuse_end(struct sl_req *r);

/* ---- follow.c ---- */
/* The found answer becomes this request's: FOLLOW, which plays it at the client's pace. */
enum sl_state sl_follow_cached(struct sl_req *r, struct sl_cached *c, enum sl_reuse_result how);

#endif
