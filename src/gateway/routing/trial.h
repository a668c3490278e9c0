/* gateway/routing/trial.h -- the tries of a request: which target next, and when.
 *
 *          ┌────────────── failed, nothing is committed ─────────────┐
 *          ▼                                                          │
 *   ROUTE ─► TRY: choose ─► (wait) ─► take breaker and key ─► call ─► RELAY ─► …
 *                   └─ nobody is left: the last provider's own error, or ours
 *
 * Private to the room; made in ROUTE, in the request's arena. The candidates are ranked
 * once. The next one is tried at once, a wait comes only before the same one again: a
 * backoff, or what the provider asked for. A limit (429) or a refusal (401, 402, 403)
 * goes to another key first, then to another candidate. A candidate whose places are all
 * taken is passed over while another one has room (queue/place.h).
 *
 * Order    begin; go; then for each try again (it failed) or good (it is the answer);
 *          close, in ACCOUNT. restart, when a batch asks a second time.
 * Bounds   `retry.attempts` of the provider that failed, the retry budget, the total
 *          deadline, and SL_HEALTH_WAITING_MAX requests that wait.
 */
#ifndef SL_GATEWAY_ROUTING_TRIAL_H
#define SL_GATEWAY_ROUTING_TRIAL_H

#include "gateway/queue/place.h"
#include "gateway/req.h"
#include "gateway/routing/health.h"
#include "gateway/routing/reason.h"
#include "policy/routing/order.h"
#include "policy/routing/wish.h"

/* The last answer of a provider that was an error: what the client gets when all fails. */
struct sl_trial_answer {
    struct sl_call *call;                /* owns: or NULL, its head is not kept */
    const struct sl_answer_head *answer; /* up: the call's */
    struct sl_candidate from;            /* its target NULL: there is none */
    struct sl_str body;
    struct sl_str provider_id;
    int status;
    bool about_us; /* its text is not the client's */
};

/* How a try went, for whoever asks afterwards. */
#define SL_TRIAL_STEPS 8 /* the first ones of a request are kept */
struct sl_trial_step {   /* small: each running request has them */
    uint16_t at;         /* candidate */
    uint16_t status;
    uint32_t took_ms;
    enum sl_err why; /* SL_OK: it was good */
};

/* What is kept of the ranking for a request that is explained. */
#define SL_TRIAL_LEFT_MAX 32
struct sl_trial_notes {
    struct sl_trial_note { /* of each candidate */
        enum sl_reason why;
        struct sl_order_fact fact;
        uint64_t share_ppm;
    } of[SL_ROUTE_TARGETS_MAX];
    struct sl_trial_left { /* those that are none */
        struct sl_str model;
        const struct sl_target *target; /* up: the snapshot's; NULL: the model as a whole */
        enum sl_reason why;
    } left[SL_TRIAL_LEFT_MAX];
    size_t left_n;
};

struct sl_trial {
    /* of each candidate, in the arena */
    struct sl_candidate *rank; /* up */
    uint64_t *not_before;      /* up: its provider's own word */
    uint8_t *tries;            /* up */
    bool *spent;               /* up: another try there would end alike */
    size_t n, room;
    bool narrowed;                  /* the request itself left out some that there were */
    uint64_t who;                   /* the conversation, for affinity; 0: none is seen */
    struct sl_affinity_place place; /* where it was last; key SIZE_MAX: not known */

    /* the try under way, or the last one */
    size_t at;
    struct sl_health *health; /* shared: held */
    struct sl_breaker_lease lease;
    size_t key;
    uint64_t token; /* serial number of the access token that was sent; 0: none */
    uint64_t started_ms;

    unsigned count;      /* tries of this round */
    uint64_t limited_ms; /* a provider's limit was met first; 0: never */
    bool key_failed;     /* another key of the same target goes first */
    bool renewed;        /* a refused access token was replaced, once a request */
    bool probing;        /* goes past open breakers */
    bool waiting;        /* holds a place among those that wait */
    enum sl_err error;   /* of the last try */
    struct sl_trial_answer last;
    struct sl_place seat;         /* at the provider that is asked */
    struct sl_trial_notes *notes; /* up: in the arena; NULL: nobody asks for them */
    struct sl_trial_step steps[SL_TRIAL_STEPS];
    size_t steps_n;
};

/* A try that failed, as an answer: `status` 0 where there is none. */
struct sl_failure {
    enum sl_err why;
    int status;
    int shown;     /* what a client would see of it */
    bool about_us; /* our credentials or our account: its text is not the client's */
    bool quota;    /* our account is empty */
    bool too_long; /* the request, for this model's window */
    struct sl_str body;
};

/* Ranks (rank.c); false: no memory. `n` 0: no candidate. */
SL_MUST bool sl_trial_begin(struct sl_req *r);
/* TRY: the next try, a wait before it, or REPLY. */
enum sl_state sl_trial_go(struct sl_req *r);
/* The try failed. True: there will be another one; the request is as before the first,
 * and TRY is the state to be in. Not for a committed answer. */
SL_MUST bool sl_trial_again(struct sl_req *r, const struct sl_failure *f);
/* No other try: the last provider's own error, if there is one. False: there is none. */
SL_MUST bool sl_trial_answer(struct sl_req *r);
/* Candidate `i` is the request's target from now on. */
void sl_trial_aim(struct sl_req *r, size_t i);
/* Nobody can be asked: REPLY with why. */
enum sl_state sl_trial_give_up(struct sl_req *r);
/* The access token that the try waited for is there: on with it. */
enum sl_state sl_trial_call(struct sl_req *r);
/* Has an operator paused candidate `i`? */
bool sl_trial_is_paused(struct sl_req *r, size_t i);
/* The answer is this one. */
void sl_trial_good(struct sl_req *r);
void sl_trial_restart(struct sl_req *r);
void sl_trial_close(struct sl_req *r);

/* ---- choose.c: who is next ---- */
#define SL_TRIAL_NOBODY SIZE_MAX
/* Who is next, and after how long; SL_TRIAL_NOBODY: no one can be tried now or soon. */
size_t sl_trial_choose(struct sl_req *r, uint64_t *wait_ms);
/* Does its breaker let candidate `i` be asked, and is another try there of use? */
bool sl_trial_is_open(struct sl_req *r, size_t i);
/* Would it be asked by a request that begins now, if none stood before it? */
bool sl_trial_is_well(struct sl_req *r, size_t i);
/* What stands against asking it at once; NONE: nothing. */
enum sl_reason sl_trial_bar(struct sl_req *r, size_t i);
/* Is one of its keys awake; `barred`: or, with none awake, a refused one? */
bool sl_trial_has_key(struct sl_req *r, size_t i, bool barred);

/* ---- spare.c: time that is kept for a last resort ---- */
/* When a try of candidate `i` must have begun to answer, monotonic milliseconds: the end of
 * the request's time, or earlier. Only while the total timer runs. */
uint64_t sl_trial_due(struct sl_req *r, size_t i);
/* The limit of the try under way is set: `most_ms` (0: none), or what is left until due. */
void sl_trial_watch(struct sl_req *r, uint64_t most_ms);

/* ---- judge.c ---- */
/* What follows for this target, and what its breaker and key learn from it. */
enum sl_retry sl_trial_judge(struct sl_req *r, const struct sl_failure *f,
                             struct sl_retry_hints *hints);
/* sluice_retries_total or sluice_failovers_total. */
void sl_trial_count(struct sl_req *r, const struct sl_target *to, const struct sl_failure *f);
/* Is there a candidate with a larger window than the one that has just failed? */
bool sl_trial_has_larger(const struct sl_req *r);
/* Until something of the model may be asked again; 0: not known. */
uint64_t sl_trial_rest_ms(struct sl_req *r);

/* ---- steps_upstream.c ---- */
/* Head and body for r->target, in r->parts: TRY; or REPLY with why not. */
enum sl_state sl_try_make(struct sl_req *r);
/* The call to r->target begins, or the wait for an access token before it. */
enum sl_state sl_try_start(struct sl_req *r);
enum sl_state sl_try_refuse(struct sl_req *r, enum sl_err e);

#endif
