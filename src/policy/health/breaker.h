/* policy/health/breaker.h -- when a provider's model is not asked for a while.
 *
 *              error rate                    `open` has passed
 *   CLOSED ───────────────► OPEN ──────────────────────────────► HALF
 *      ▲                      ▲  └── a probe out of turn went well ─► │
 *      │                      └──────────── a probe went badly ──────┤
 *      └───────────────────────────── `probes` of them went well ────┘
 *
 * Holder   One for each provider and model there; all zero is closed.
 * Order    take, then give exactly once for each lease; spoil, for an answer that
 *          was given as good and broke off later. A lease of an earlier state
 *          counts for nothing.
 * Rule     Within the last `window_ms`: at least `min_requests` outcomes, and the
 *          bad ones at least `error_ppm` millionths of them and of what was begun in
 *          the last SL_BREAKER_YOUNG slices and has no outcome yet: failures are quick
 *          and answers are not, so the first outcomes are worse than the provider.
 *          The window is kept in SL_BREAKER_SLICES slices, so it is true to one slice.
 *          Source: Nygard, "Release It!", circuit breaker.
 */
#ifndef SL_POLICY_HEALTH_BREAKER_H
#define SL_POLICY_HEALTH_BREAKER_H

#include "base/str.h"

#define SL_BREAKER_SLICES 30
#define SL_BREAKER_YOUNG 5 /* slices: what is under way for longer may well hang */

enum sl_breaker_state { SL_BREAKER_CLOSED, SL_BREAKER_OPEN, SL_BREAKER_HALF };

enum sl_outcome {
    SL_OUTCOME_NONE, /* says nothing about the provider: the client left, a 4xx */
    SL_OUTCOME_GOOD,
    SL_OUTCOME_BAD
};

struct sl_breaker_rules {
    uint64_t window_ms, open_ms;
    uint64_t slow_ms; /* an answer that begins later is bad; 0: none is */
    uint64_t error_ppm;
    uint64_t min_requests;
    uint64_t probes;
};

struct sl_breaker_slice {
    uint64_t at; /* number of the slice since the clock's beginning */
    uint32_t good, bad;
    uint32_t begun; /* in it, without an outcome yet */
};

struct sl_breaker {
    enum sl_breaker_state state;
    uint32_t epoch;        /* grows with every change of state */
    uint64_t opened_ms;    /* OPEN */
    uint64_t probes, good; /* HALF: under way; ended well */
    uint64_t bad_at;       /* the slice of the latest bad outcome; 0: none */
    struct sl_breaker_slice slices[SL_BREAKER_SLICES];
};

struct sl_breaker_lease {
    uint32_t epoch;
    bool held;
    uint64_t at; /* the slice it began in */
};

struct sl_breaker_counts {
    uint64_t all, bad; /* outcomes */
    uint64_t begun;    /* lately, without an outcome yet */
};
/* Within the window before `now`. */
struct sl_breaker_counts sl_breaker_count(const struct sl_breaker *b,
                                          const struct sl_breaker_rules *r, uint64_t now);

/* As it is at `now`: an OPEN one whose time has passed is HALF. */
enum sl_breaker_state sl_breaker_look(const struct sl_breaker *b, const struct sl_breaker_rules *r,
                                      uint64_t now);
/* Would take() let a request pass? */
bool sl_breaker_can_try(const struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now);
/* False: not now. HALF lets `probes` pass. */
SL_MUST bool sl_breaker_take(struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now,
                             struct sl_breaker_lease *lease);
/* A probe out of turn, whatever the state. */
void sl_breaker_force(struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now,
                      struct sl_breaker_lease *lease);
/* A lease that is not held: nothing happens. */
void sl_breaker_give(struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now,
                     struct sl_breaker_lease *lease, enum sl_outcome how);
/* What was given as good turned out bad. */
void sl_breaker_spoil(struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now,
                      const struct sl_breaker_lease *lease);
/* Until it lets a probe pass; 0 unless OPEN. */
uint64_t sl_breaker_rest_ms(const struct sl_breaker *b, const struct sl_breaker_rules *r,
                            uint64_t now);

#endif
