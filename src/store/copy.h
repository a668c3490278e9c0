/* store/copy.h -- an embedded store's records, balances, usage and numbers, moved to a Redis.
 *
 * `sluice store copy`: no gateway may have the directory meanwhile (a lock holds that).
 * What was copied is read back and compared; only then is the Redis marked as a store
 * that is whole; over one that was, the mark goes first. Run again after a failure it
 * begins anew, and changes nothing twice.
 * Cached answers, windows and leases are not moved: they come by themselves.
 */
#ifndef SL_STORE_COPY_H
#define SL_STORE_COPY_H

#include "store/store.h"

struct sl_copy_ask {
    struct sl_str dir;              /* of the embedded store */
    const struct sl_store_conf *to; /* up: url, prefix, ca_file, timeout_ms */
    bool over;                      /* also over a store that is in use: its sums are replaced */
};

struct sl_copy_report {
    uint64_t records, tenants, accounts, rows, requests;
    int64_t spent_micro; /* of tenants' and keys' accounts together */
    uint64_t differences;
    char first[200]; /* the first of them */
    char why[320];   /* of a failure */
};

/* Blocking: turns the loop. CONFIG: one of them can't be opened, or the Redis is not empty;
 * STORE: one failed on the way; CONFLICT: they differ. */
SL_MUST enum sl_err sl_copy_run(struct sl_net *net, const struct sl_copy_ask *ask,
                                struct sl_copy_report *out);

#endif
