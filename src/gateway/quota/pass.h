/* gateway/quota/pass.h -- what a request asks of the store, and what it then holds.
 *
 * Private to the room; made in ADMIT, in the request's arena. What was admitted is
 * settled or given back exactly once: sl_pass_close(), in ACCOUNT, is the one place.
 */
#ifndef SL_GATEWAY_QUOTA_PASS_H
#define SL_GATEWAY_QUOTA_PASS_H

#include "gateway/req.h"
#include "store/store.h"

struct sl_pass {
    struct sl_quota_ask ask;
    struct sl_quota_answer answer;
    struct sl_op *op;             /* owns */
    bool asked;                   /* an answer is there, or under way */
    bool stale;                   /* a record changed: it is being read again */
    bool again;                   /* that has happened once */
    bool passed;                  /* admitted, or a hit behind a soft refusal */
    uint64_t input;               /* tokens of the question, estimated where money is reserved */
    const struct sl_price *price; /* up: the snapshot's; NULL: not known */
};

/* Estimates, prices and asks; SL_EVT_STORE comes. False: no memory. `hit`: a valid
 * answer is at hand; `may_hit`: one is looked for meanwhile. */
SL_MUST bool sl_pass_ask(struct sl_req *r, bool hit, bool may_hit);
/* Once more, after the record of the key was read again. */
void sl_pass_ask_again(struct sl_req *r);
/* What its question, as estimated, and so many tokens of answer cost. */
int64_t sl_pass_worth(const struct sl_req *r, uint64_t out);
/* What `in` tokens of a question and the answer reserved at first cost at candidate `i`;
 * SL_MONEY_UNKNOWN: it has no price. */
int64_t sl_pass_estimate(const struct sl_req *r, size_t i, uint64_t in);
uint64_t sl_pass_first(const struct sl_req *r); /* tokens of the answer reserved at admission */
uint64_t sl_pass_step(const struct sl_req *r);  /* `reserve_output` */
/* Another target is asked: what it costs there. */
void sl_pass_retarget(struct sl_req *r);
/* A refusal in words, REPLY. */
enum sl_state sl_pass_refuse(struct sl_req *r);
/* Settles, or gives back. Nothing was asked: nothing happens. */
void sl_pass_close(struct sl_req *r);
/* What an answer of the cache would have cost at the target that would be asked; 0 where its
 * tokens or the price are not known, as of one that was joined. */
int64_t sl_pass_saved_micro(const struct sl_req *r);
/* `x-sluice-cost`, in dollars, of an answer that is whole before its head goes out. */
SL_MUST bool sl_pass_cost_header(struct sl_req *r, struct sl_headers *h);
/* Adds our own rate-limit headers, in the words of the route's protocol. */
SL_MUST bool sl_pass_headers(struct sl_req *r, struct sl_headers *h);

#endif
