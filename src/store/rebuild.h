/* store/rebuild.h -- balances, usage and records as the trails have them: what the store
 * says otherwise, and how it is set right. `sluice ledger rebuild`.
 *
 * Holder   The admin API, in a running gateway. One at a time.
 * Order    The process's own lines are held back until the end, so that none is counted
 *          twice or not at all: the trails are verified and summed by the pool, each
 *          balance is compared with the store's, and, with `write`, every tenant that
 *          differs is set: accounts, usage, and the numbers that the sums contain. Then
 *          the records, and the epoch: a store that was emptied is whole again.
 * Others   The trails of all instances that ever settled must be given (their directories,
 *          or copies). What another running instance settles meanwhile may be lost to
 *          the balance until it is rebuilt once more with its trail: stop the others, or
 *          run it again until nothing differs.
 * Sums     spent and usage: of all settled lines. granted: what the account began with, by
 *          its earliest line, and all grants. Day and month: of the latest period
 *          (policy/quota.h). Usage older than SL_STORE_USAGE_DAYS is left out.
 */
#ifndef SL_STORE_REBUILD_H
#define SL_STORE_REBUILD_H

#include "store/store.h"
#include "store/trail.h"

#define SL_REBUILD_DIRS 16
#define SL_REBUILD_SHOWN 100    /* differences that are told one by one */
#define SL_REBUILD_ROWS 1000000 /* accounts, usage rows, records: more are refused */

struct sl_rebuild_ask {
    const struct sl_str *dirs; /* up: copied; none: the process's own trail */
    size_t n;
    bool write;
    bool broken_too; /* go on with what stands before the damage */
};

struct sl_rebuild_difference {
    char tenant[72], key_id[72]; /* key_id empty: the tenant's own account */
    const char *what;            /* static: "spent", "granted", "requests", "usage cost" */
    int64_t trail, store;        /* micro-dollars, or a count */
};

struct sl_rebuild_report {
    struct sl_trail_report trails[SL_REBUILD_DIRS];
    size_t trails_n;
    uint64_t tenants, accounts, rows, records; /* in the trails */
    uint64_t differences;                      /* all of them */
    struct sl_rebuild_difference shown[SL_REBUILD_SHOWN];
    size_t shown_n;
    bool written;
    char why[256]; /* of a failure */
};

/* `out` lives until done or cancel. `done`: SL_OK; CONFLICT: a trail is broken (see its
 * report) and nothing was compared; IO: one can't be read; STORE: the store is away or
 * failed half way (run it again); CEILING or NO_MEMORY: too much to sum; CONFIG: no
 * trail is kept, or another rebuild runs. */
void sl_rebuild_start(struct sl_store *s, const struct sl_rebuild_ask *ask,
                      struct sl_rebuild_report *out, struct sl_op **slot, sl_store_done_fn *done,
                      void *ctx);

#endif
