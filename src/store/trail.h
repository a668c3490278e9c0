/* store/trail.h -- the instance's ledger on disk: append-only, chained lines.
 *
 * What     JSON lines in DIR/trail.jsonl, rotated to trail-<first>-<last>.jsonl:
 *          one per settled request, key, tenant and admin change; zero-cost
 *          endings in one line a tenant, key, model and 10 s. Each carries
 *          "n" (growing by 1), "t", "kind" and "mac": HMAC-SHA256 (RFC 2104) over
 *          the line before its "mac" member and the previous line's mac, under
 *          the key in DIR/trail.key (0600, made once). Hashes of keys only.
 * Instance DIR/instance: 8 characters, made once; one process at a time holds DIR
 *          (an flock on DIR/lock).
 * Disk     Lines are collected and written by libuv's pool with an fsync a batch,
 *          at most 20 ms apart. A full disk: counted, logged once, lines wait in
 *          memory up to SL_TRAIL_WAITING bytes, then the oldest are dropped and
 *          counted (their effect on balances is not lost, the proof is).
 * Journal  DIR/acked holds the number that the store acknowledged last, written
 *          at most once a second; sl_trail_replay() hands out the lines after it
 *          at start, so that what an outage or a crash left is charged once.
 */
#ifndef SL_STORE_TRAIL_H
#define SL_STORE_TRAIL_H

#include "net/loop.h"
#include "base/json.h"

#define SL_TRAIL_WAITING ((size_t)64 << 20)
#define SL_TRAIL_ROTATE ((uint64_t)256 << 20) /* bytes of one file */
#define SL_TRAIL_LINE 8192

struct sl_trail;

/* NULL with `why`: in use, unreadable, or its chain is broken at the end (a torn
 * last line is cut off and said). Blocking, at start. */
struct sl_trail *sl_trail_open(struct sl_net *net, struct sl_str dir, char *why, size_t cap);
void sl_trail_end(struct sl_trail **t); /* writes and syncs what is left, at most 2 s */
struct sl_str sl_trail_instance(const struct sl_trail *t);
/* `members`: `"kind":"settle","tenant":"acme",…` without braces, "n", "t", "mac".
 * Returns the line's number. */
uint64_t sl_trail_append(struct sl_trail *t, int64_t unix_ms, struct sl_str members);
void sl_trail_acked(struct sl_trail *t, uint64_t number);
/* The lines after the last acknowledged one, in order, during start only. */
typedef void sl_trail_line_fn(void *ctx, uint64_t number, struct sl_str line);
SL_MUST enum sl_err sl_trail_replay(struct sl_trail *t, sl_trail_line_fn *fn, void *ctx);
uint64_t sl_trail_last(const struct sl_trail *t);
uint64_t sl_trail_dropped(const struct sl_trail *t);
uint64_t sl_trail_lag_ms(const struct sl_trail *t); /* age of the oldest unsynced line */

/* Reading a directory that no process need hold: `sluice ledger verify`. */
struct sl_trail_report {
    uint64_t lines, files, first, last;
    bool torn;          /* the last line has no end */
    uint64_t broken_at; /* number of the first line that does not fit; 0: none */
    char what[200];     /* changed, missing, reordered; in which file */
};
SL_MUST enum sl_err sl_trail_verify(struct sl_str dir, struct sl_trail_report *out,
                                    sl_trail_line_fn *fn, void *ctx);

#endif
