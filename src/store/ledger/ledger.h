/* store/ledger/ledger.h -- settled lines: trail first, then the store, in order, once.
 *
 *   settle ─► trail ─(synced)─► a queue per tenant ─► backend.apply, one batch at a time
 *      └ cost 0: summed ─(10 s)─┘                        └ acknowledged: trail.head
 *
 * Holder   store/front; private to the room. Without a trail lines are applied at once.
 * Order    A tenant's lines are applied in the order of their numbers; what gathers
 *          while a batch is under way is the next one. A batch that failed is sent again
 *          at the next sl_ledger_pump(), from its first line.
 * Disk     A line is applied when it is on disk, so that the trail never knows less than
 *          the balances. A disk that fails, or is silent for SL_LEDGER_PATIENCE_MS, is
 *          not waited for.
 * Sums     Endings of no cost: one line a tenant, key, user, model, provider and app, each
 *          SL_LEDGER_SUM_MS; with tokens for a tpm window SL_TRAIL_DELAY_MS after the
 *          first, so that the window is as exact as with a line each. They are lost with
 *          a process that is killed.
 * Bounded  Memory holds SL_LEDGER_QUEUED lines. Those that come then are in the trail
 *          alone, and are read back from it, in order, when half of the queue is free
 *          (also what an earlier run left). Without a trail they are dropped, counted and
 *          logged. Of a tenant whose lines can't be applied SL_LEDGER_STUCK are in memory,
 *          so that it keeps nobody else's (aside.c).
 */
#ifndef SL_STORE_LEDGER_LEDGER_H
#define SL_STORE_LEDGER_LEDGER_H

#include "base/metric.h"
#include "store/backend.h"
#include "store/trail.h"

#define SL_LEDGER_QUEUED 65536
#define SL_LEDGER_BATCH 256 /* lines of one call */
#define SL_LEDGER_STUCK 64
#define SL_LEDGER_SUM_MS 10000
#define SL_LEDGER_SUMS 20000 /* at once; then all are written */
#define SL_LEDGER_PATIENCE_MS 1000
#define SL_LEDGER_TPM_MS 60000 /* older tokens have left their window */

struct sl_ledger;

struct sl_ledger *sl_ledger_new(struct sl_net *net, struct sl_backend *b, struct sl_trail *t,
                                struct sl_str instance);
void sl_ledger_end(struct sl_ledger **l);

/* What the front adds to a settled request. */
struct sl_ledger_extra {
    int64_t reserved_micro;       /* with what it grew by */
    bool leased[SL_LEVEL__COUNT]; /* leases that are yet to be ended */
    int64_t now_unix_ms; /* by the store's clock, which decides the day; 0: by this host's */
};
void sl_ledger_settle(struct sl_ledger *l, const struct sl_settle *s,
                      const struct sl_ledger_extra *extra);
/* The line as the backend gets it, but for its number; texts are those of `s`, and `day`. */
void sl_ledger_fill(const struct sl_settle *s, const struct sl_ledger_extra *extra,
                    int64_t now_unix_ms, char day[10], struct sl_line *out);

/* The store answers: sends what waits. To be called again and again. */
void sl_ledger_pump(struct sl_ledger *l);
void sl_ledger_synced(struct sl_ledger *l); /* more of the trail is on disk, or fails to be */
enum sl_ledger_pause { SL_LEDGER_AWAY = 1, SL_LEDGER_REBUILD = 2 };
/* While there is a reason nothing is sent. */
void sl_ledger_pause(struct sl_ledger *l, enum sl_ledger_pause why, bool on);
bool sl_ledger_is_sending(const struct sl_ledger *l); /* a batch is under way */
/* Open sums become lines, the trail does not wait for more. */
void sl_ledger_hurry(struct sl_ledger *l);
/* Everything up to here counts as acknowledged: the store was begun anew. */
void sl_ledger_forget(struct sl_ledger *l);

/* Seconds of each batch go there, and by tenant the lines that can't be applied. */
void sl_ledger_measure(struct sl_ledger *l, struct sl_metric *seconds,
                       struct sl_metric_family *stuck);
uint64_t sl_ledger_unsent(const struct sl_ledger *l);
uint64_t sl_ledger_lag_ms(const struct sl_ledger *l); /* age of the oldest line not acknowledged */
uint64_t sl_ledger_dropped(const struct sl_ledger *l);

#endif
