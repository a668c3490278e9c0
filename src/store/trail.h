/* store/trail.h -- the instance's ledger on disk: append-only, chained lines.
 *
 * What     JSON lines in DIR/trail.jsonl, rotated to trail-<first>-<last>.jsonl:
 *          one per settled request, key, tenant and admin change; zero-cost
 *          endings in one line a tenant, key, model and 10 s. Each begins with "n"
 *          and "t" and ends with "mac": HMAC-SHA256 (RFC 2104) over the line before
 *          its "mac" member and the previous line's mac (32 zero bytes before the
 *          first), under the key in DIR/trail.key (0600, made once). Hashes of keys
 *          only.
 * Numbers  "n" grows by 1, except that a line of kind "start" or "dropped" stands for
 *          all numbers from its "from" to its own. A start leaves out what a run
 *          before it may have used without getting it on disk: it goes on at the
 *          second since the epoch times 2^20, or one after the last line.
 * Instance DIR/instance: 8 characters, made once; one process at a time holds DIR
 *          (an flock on DIR/lock).
 * Slots    Processes that follow one another without a gap (SIGUSR2) overlap: each has a
 *          directory, an instance and a trail of its own, DIR itself or DIR/hot-<1..7>.
 *          DIR/…/lock says since when its process serves, or that it is leaving.
 * Disk     Lines are collected and written by libuv's pool with an fsync a batch,
 *          at most SL_TRAIL_DELAY_MS apart. A full disk: logged once, tried again
 *          each half second, lines wait in memory up to SL_TRAIL_WAITING bytes, then
 *          the oldest are dropped and counted (their effect on balances is not lost,
 *          the proof is); a line of kind "dropped" says which.
 * Head     DIR/trail.head, rewritten in place at most once a second: the number that
 *          the store acknowledged last, and the last line's number and mac, so that
 *          an end that was cut off is missed. Lines after the acknowledged one are
 *          read again at start.
 */
#ifndef SL_STORE_TRAIL_H
#define SL_STORE_TRAIL_H

#include "base/op.h"
#include "net/loop.h"

#define SL_TRAIL_WAITING ((size_t)64 << 20)
#define SL_TRAIL_ROTATE ((uint64_t)256 << 20) /* bytes of one file */
#define SL_TRAIL_LINE 49152                   /* bytes of one line; a record's document fits */
#define SL_TRAIL_DELAY_MS 20
#define SL_TRAIL_PAGE ((size_t)1 << 20) /* bytes read at once */

struct sl_trail;

#define SL_TRAIL_SLOTS 8
/* Which of DIR's slots this process is to open: with `hot` one that is free, beside the
 * process that started it; without, the one that was in use last, if no process serves
 * from any of them. False: `why`. */
SL_MUST bool sl_trail_slot(struct sl_str dir, bool hot, char *out, size_t cap, char *why,
                           size_t why_cap);
/* Of one of them, 0 to SL_TRAIL_SLOTS - 1; false: too long. */
SL_MUST bool sl_trail_slot_path(struct sl_str dir, unsigned i, char *out, size_t cap);
/* A process that had it died with lines that the store has not acknowledged. */
bool sl_trail_slot_has_unsent(const char *path);
/* This process is followed by another one, and only finishes what it has. */
void sl_trail_leave(struct sl_trail *t);
/* It was opened for what another process left in it, not to be written on. */
void sl_trail_only_send(struct sl_trail *t);

/* NULL with `why`: in use, unreadable, its last line does not fit the chain, or lines
 * that trail.head knows of are gone. A torn last line is cut off and said. Blocking, at
 * start. */
struct sl_trail *sl_trail_open(struct sl_net *net, struct sl_str dir, char *why, size_t cap);
void sl_trail_end(struct sl_trail **t); /* writes and syncs what is left, at most 2 s */
struct sl_str sl_trail_instance(const struct sl_trail *t);
struct sl_str sl_trail_dir(const struct sl_trail *t);
/* 16 digits that stand for a text: the same ones for the same text as long as the trail's
 * key is the same, and nobody without it finds the text by trying. */
void sl_trail_blind(const struct sl_trail *t, struct sl_str text, char out[16]);
/* The same, by the key that lies in a directory; false: it can't be read. Blocking. */
SL_MUST bool sl_trail_blind_by(struct sl_str dir, struct sl_str text, char out[16]);
bool sl_trail_is_new(const struct sl_trail *t); /* no line was there when it was opened */
/* `members`: `"kind":"settle","tenant":"acme",…` without braces, "n", "t", "mac"; at most
 * SL_TRAIL_LINE less 256 bytes. Returns the line's number; copies. */
uint64_t sl_trail_append(struct sl_trail *t, int64_t unix_ms, struct sl_str members);
/* Does not wait for more lines. */
void sl_trail_hurry(struct sl_trail *t);
/* The store has everything up to `number`. */
void sl_trail_acked(struct sl_trail *t, uint64_t number);
uint64_t sl_trail_last_acked(const struct sl_trail *t);
uint64_t sl_trail_last(const struct sl_trail *t); /* given to a line */
/* The last line that is on disk, and its mac; 0: there is none. */
uint64_t sl_trail_tip(const struct sl_trail *t, uint8_t mac[32]);
/* The last line that was found at the start, and its mac; 0: there was none. */
uint64_t sl_trail_found(const struct sl_trail *t, uint8_t mac[32]);
/* Is it that line, by its number and mac? Not whether it follows from the one before. */
bool sl_trail_line_is(struct sl_str line, uint64_t number, const uint8_t mac[32]);
/* It and all before are on disk, or dropped. */
uint64_t sl_trail_synced(const struct sl_trail *t);
/* Told from the loop when `synced` grew, or writing failed. */
void sl_trail_on_synced(struct sl_trail *t, void (*fn)(void *ctx), void *ctx);
bool sl_trail_is_failing(const struct sl_trail *t); /* the last batch did not get on disk */
uint64_t sl_trail_dropped(const struct sl_trail *t);
uint64_t sl_trail_lag_ms(const struct sl_trail *t); /* age of the oldest unsynced line */

/* Lines on disk with numbers above `after`, whole ones, in order, about SL_TRAIL_PAGE
 * bytes of them, read by the pool. `done` with SL_OK, IO or NO_MEMORY. */
struct sl_trail_page {
    struct sl_str text; /* up: dies when done returns */
    uint64_t last;      /* number up to which there is no more to read before the next page */
    bool end;           /* of what was synced when the call was made */
};
typedef void sl_trail_done_fn(void *ctx, enum sl_err e);
void sl_trail_read_start(struct sl_trail *t, uint64_t after, struct sl_trail_page *out,
                         struct sl_op **slot, sl_trail_done_fn *done, void *ctx);

/* Reading a directory that no process need hold: `sluice ledger verify`. Blocking:
 * `fn` hears every line up to the first that does not fit. */
struct sl_trail_report {
    char instance[9];
    uint64_t lines, files, first, last;
    bool torn;          /* the last line has no end: a crash, or it is being written */
    uint64_t dropped;   /* lines that a full disk never took */
    uint64_t broken_at; /* number of the first line that does not fit; 0: none */
    char what[200];     /* changed, missing, reordered, cut; in which file */
};
/* Whose trail it is: 8 digits and a zero. False: it can't be read. Blocking. */
SL_MUST bool sl_trail_instance_in(struct sl_str dir, char out[9]);
typedef void sl_trail_line_fn(void *ctx, uint64_t number, struct sl_str line);
/* IO: the directory, a file or the key can't be read; `what` says which. */
SL_MUST enum sl_err sl_trail_verify(struct sl_str dir, struct sl_trail_report *out,
                                    sl_trail_line_fn *fn, void *ctx);

#endif
