/* gateway/cache/batch.h -- moderations and embeddings, item by item.
 *
 * Private to the room; made in ADMIT where the cache is on for such a request. Each
 * distinct item of `input` is known (cached), awaited (another request has just sent it),
 * or sent; only those to be sent go to the provider, in one call. The answer is put
 * together in GATHER, in the order asked.
 *
 *   ADMIT ─► GATHER ─► TRY ─► RELAY ─► GATHER ─► REPLY
 *               └── awaited items: SL_EVT_FLIGHT ──┘
 *
 * An item whose other sender failed is sent by whoever awaits it: GATHER goes to TRY
 * again, at most SL_BATCH_ROUNDS times.
 */
#ifndef SL_GATEWAY_CACHE_BATCH_H
#define SL_GATEWAY_CACHE_BATCH_H

#include "gateway/cache/reuse.h"
#include "llm/items.h"

#define SL_BATCH_ROUNDS 3
#define SL_BATCH_ANSWER_MAX ((size_t)32 << 20) /* bytes of a provider's answer to a batch */

enum sl_want_state { SL_WANT_NEW, SL_WANT_KNOWN, SL_WANT_AWAITED, SL_WANT_SENT };

struct sl_want { /* one distinct item */
    enum sl_want_state state;
    bool keep;         /* may be cached and shared */
    struct sl_str raw; /* as judged: normalised where that is on */
    uint64_t tokens;   /* estimate */
    uint8_t sha256[32];
    struct sl_item_result result;
    struct sl_want_flight *flight; /* up: led (SENT) or awaited */
    struct sl_list fellow;         /* among those who await */
    struct sl_batch *batch;        /* up */
};

struct sl_batch {
    struct sl_req *r;     /* up */
    struct sl_want *want; /* up: arena */
    size_t n;             /* distinct items */
    size_t *place;        /* up: arena; item -> want */
    size_t items;         /* as asked */
    size_t hits, joined, sent;
    bool whole;    /* the request holds its distinct items, as they stand */
    bool foreign;  /* another model answers than the one the items are named for */
    bool passes;   /* all of it is sent: the provider's answer is the client's */
    bool answered; /* the round that is under way, or was the last */
    unsigned rounds;
    struct sl_usage before;         /* of the rounds before this one */
    struct sl_str id, model;        /* of the provider's answer */
    uint8_t (*md5)[SL_CACHE_KEY];   /* up: arena; of each want */
    struct sl_cached **got;         /* up: arena; of the look-up */
    uint8_t (*asked)[SL_CACHE_KEY]; /* up: arena; keys of the look-up */
    size_t *asked_want;             /* up: arena */
    size_t asked_n;
    struct sl_task tell;
};

struct sl_want_flights; /* items that are being asked for: the gateway's table */
struct sl_want_flights *sl_want_flights_new(void);
void sl_want_flights_end(struct sl_want_flights **t);

/* Splits, digests, looks into memory. BAD_FIELD and the like: the provider shall say it,
 * the batch is left out. */
SL_MUST enum sl_err sl_batch_begin(struct sl_req *r);
bool sl_batch_is_known(const struct sl_batch *b); /* every item */
bool sl_batch_look_far(struct sl_req *r);
void sl_batch_look_again(struct sl_req *r);
void sl_batch_take(struct sl_req *r);
enum sl_state sl_step_gather(struct sl_req *r, enum sl_ev ev);
/* RELAY has the provider's whole answer. */
enum sl_state sl_batch_answer(struct sl_req *r, struct sl_str answer);
void sl_batch_end(struct sl_req *r);
/* Adds what earlier rounds took to what the last one did: all are paid. Once what came is
 * in r->usage; again it does nothing. */
void sl_batch_sum(struct sl_req *r);
/* Of a request that failed: true, and r->usage is what the rounds that were answered took.
 * They are paid, whatever became of a later one; that one is free as any failed try. */
SL_MUST bool sl_batch_owes(struct sl_req *r);
/* `x-sluice-items`. */
SL_MUST bool sl_batch_headers(struct sl_req *r, struct sl_headers *h);

/* ---- batch_flights.c ---- */
/* NEW becomes AWAITED, or SENT and led by this request. */
void sl_want_enter(struct sl_want_flights *t, struct sl_want *w);
/* The result is there: those who await it have it too. */
void sl_want_share(struct sl_want_flights *t, struct sl_want *w);
/* Lets go: a leader without a result sends its followers back to NEW. */
void sl_want_leave(struct sl_want_flights *t, struct sl_want *w);

#endif
