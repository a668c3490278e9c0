/* store/front/inside.h -- what stands between the gateway and a backend. Nobody else
 * includes it but tests and store/rebuild.
 *
 *   gateway ─► step (deadline, strikes) ─► backend        up, and not lost
 *                └────► outage: own engine, or refused    else
 *   beat: each half second; decides whether the store is up, new, lost, changed
 */
#ifndef SL_STORE_FRONT_INSIDE_H
#define SL_STORE_FRONT_INSIDE_H

#include "base/map.h"
#include "net/timer.h"
#include "store/backend.h"
#include "store/engine.h"
#include "store/ledger/ledger.h"
#include "store/trail.h"

#define SL_STORE_MAGIC 0x534c5352u
#define SL_STORE_BEAT_MS 500
#define SL_STORE_PROBE_MS 1000
#define SL_STORE_FRESH_MS 2000 /* a connection is new for so long: probed more often … */
#define SL_STORE_FRESH_PROBE_MS 250
#define SL_STORE_LOOK_MS 100 /* while down: is the connection back? */

enum sl_store_what { /* sluice_store_seconds{op} */
                     SL_STORE_ADMIT,
                     SL_STORE_GROW,
                     SL_STORE_KEY,
                     SL_STORE_LIST,
                     SL_STORE_PUT,
                     SL_STORE_BALANCE,
                     SL_STORE_GRANT,
                     SL_STORE_USAGE,
                     SL_STORE_NOTED,
                     SL_STORE_RESTORE,
                     SL_STORE_BEAT,
                     SL_STORE_APPLY,
                     SL_STORE_START,
                     SL_STORE_WHAT__COUNT
};

/* ---- step.c: one wait, with a deadline ---- */

struct sl_step {
    struct sl_op op;
    struct sl_op *below; /* owns: the backend's */
    struct sl_store *s;  /* up */
    struct sl_list node;
    struct sl_timer limit;
    struct sl_task task;
    struct sl_grave grave;
    enum sl_store_what what;
    enum sl_err err;
    uint64_t began_us;
    bool told;  /* the waiter was told, or left */
    bool small; /* of the shelf */
    /* What the waiter is to be told, given what the backend said (STORE: nothing in time);
     * false: not yet, the step goes on by itself. May be NULL. */
    bool (*finish)(struct sl_step *st, enum sl_err *e);
    /* Not NULL: the backend's answer is awaited when nobody waits any more, for this. */
    void (*late)(struct sl_step *st, enum sl_err e);
    uint64_t line;          /* of the trail, that must be on disk first */
    struct sl_list proving; /* of sl_store.proving */
    sl_store_done_fn *done;
    void *ctx; /* up */
};

struct sl_step_waiter {
    struct sl_op **slot; /* up */
    sl_store_done_fn *done;
    void *ctx; /* up */
};

/* `size`: of the struct that begins with a struct sl_step; zeroed. The limit runs from
 * now on. */
void *sl_step_new(struct sl_store *s, size_t size, enum sl_store_what what, uint64_t limit_ms,
                  const struct sl_step_waiter *w);
void sl_step_on_done(void *step, enum sl_err e);      /* for backends */
void sl_step_tell(struct sl_step *st, enum sl_err e); /* ends it; in a later turn than its start */
void sl_step_tell_later(struct sl_step *st, enum sl_err e);
void sl_steps_end(struct sl_store *s);

/* ---- holds.c: running requests, renewed until they are settled ---- */

struct sl_held;
struct sl_herd;
struct sl_holds {
    struct sl_store *s;     /* up */
    struct sl_held *by_id;  /* owns: hash */
    struct sl_herd *herds;  /* owns: hash, by tenant */
    int64_t reserved_micro; /* of all */
};
void sl_holds_init(struct sl_holds *h, struct sl_store *s);
void sl_holds_fini(struct sl_holds *h);
/* What was taken for a request, by its answer. */
void sl_hold_fill(const struct sl_quota_ask *ask, const struct sl_quota_answer *a,
                  struct sl_hold *out);
void sl_holds_add(struct sl_holds *h, const struct sl_quota_ask *ask,
                  const struct sl_quota_answer *a);
/* Removes it; what it had reserved, with growth. */
int64_t sl_holds_take(struct sl_holds *h, const struct sl_quota_ask *ask, int64_t reserved_micro);
/* What it has reserved by now, and whether in this process alone. False: nothing is held,
 * and both are left as they are. */
bool sl_holds_look(const struct sl_holds *h, const struct sl_quota_ask *ask,
                   int64_t *reserved_micro, bool *local);
void sl_holds_grow(struct sl_holds *h, const struct sl_quota_ask *ask, int64_t more_micro);
void sl_holds_renew(struct sl_holds *h); /* all, now: the store is back */
size_t sl_holds_count(const struct sl_holds *h);

/* ---- outage.c: this process alone ---- */

struct sl_seen {       /* a level with a budget */
    UT_hash_handle hh; /* in the order of being seen */
    int64_t left_micro;
    unsigned turn; /* of the engine that was told */
    size_t n;
    char name[]; /* tenant, line end, key id */
};

struct sl_outage {
    struct sl_engine *engine; /* owns; NULL while the store decides */
    unsigned turn;            /* grows with each engine */
    struct sl_seen *seen;     /* owns: hash; balances last seen, the oldest first */
    int64_t ahead_us;         /* its clock, beyond the monotonic one */
};
void sl_outage_admit(struct sl_store *s, const struct sl_quota_ask *ask,
                     struct sl_quota_answer *out);
void sl_outage_settle(struct sl_store *s, struct sl_str tenant, const struct sl_line *line);
void sl_outage_note(struct sl_store *s, const struct sl_quota_ask *ask,
                    const struct sl_quota_answer *a); /* an answer of the store's */
bool sl_outage_needs_money(const struct sl_quota_ask *ask);
void sl_outage_over(struct sl_store *s);
void sl_outage_fini(struct sl_store *s);
int64_t sl_outage_now_us(struct sl_store *s);

/* ---- mirror.c: records this process knows, for outages and losses ---- */

#define SL_MIRROR_MAX 100000 /* records */
#define SL_MIRROR_GAP_MS 5000
struct sl_mirror;
struct sl_mirror_ask {
    enum sl_record_kind kind;
    struct sl_str tenant, after;
};
/* Reads DIR/records; an unreadable one is said and left out. `dir` empty: memory only. */
struct sl_mirror *sl_mirror_new(struct sl_store *s, struct sl_str dir);
void sl_mirror_end(struct sl_mirror **m);
void sl_mirror_note(struct sl_mirror *m, const struct sl_record *rec); /* copies */
/* False: not known. Texts live until the next call of sl_mirror_*. */
bool sl_mirror_key(struct sl_mirror *m, const uint8_t sha256[32], struct sl_record *out);
bool sl_mirror_find(struct sl_mirror *m, enum sl_record_kind kind, struct sl_str id,
                    struct sl_record *out);
size_t sl_mirror_count(const struct sl_mirror *m);
/* Up to `cap` records of a kind (keys: of that tenant, if it is not empty) behind `after`,
 * for as long as nothing changes; `next` as in struct sl_records. */
size_t sl_mirror_page(struct sl_mirror *m, const struct sl_mirror_ask *ask, struct sl_record *at,
                      size_t cap, struct sl_str *next);
void sl_mirror_refresh(struct sl_mirror *m);    /* reads all records again, soon */
void sl_mirror_write_back(struct sl_mirror *m); /* the store lost them */
bool sl_mirror_is_writing(const struct sl_mirror *m);
void sl_mirror_forget(struct sl_mirror *m);
void sl_mirror_sweep(struct sl_mirror *m); /* some of the switches that are over go */

/* ---- tip.c: the end of this instance's trail, in the store ---- */

struct sl_tips {
    struct sl_op *op;   /* owns */
    struct sl_tip kept; /* as the store has it; number 0: it may not have it */
    struct sl_tip call; /* under way */
    bool asked;         /* what a process before this one kept is known */
    struct sl_trail_page page;
    uint64_t next_ms;
};
void sl_tips_on_beat(struct sl_store *s); /* the store answers */
void sl_tips_forget(struct sl_store *s);  /* it may have lost what it had */
void sl_tips_fini(struct sl_store *s);

/* ---- beat.c ---- */

struct sl_health {
    bool up;      /* asked at all */
    bool started; /* beats go on */
    bool met;     /* it was seen, and is ours or was made so */
    bool lost;
    bool was_linked;
    unsigned strikes;
    unsigned instances;
    uint64_t revision;
    bool has_revision;
    uint64_t probed_ms, linked_ms;
    struct sl_timer tick, limit;
    struct sl_op *op; /* owns: the beat */
    struct sl_beat beat;
    int64_t ahead_us; /* the store's clock, beyond the monotonic one; 0: not known */
    bool overran;
    uint64_t began_us;
    struct sl_op *mark; /* owns */
};
void sl_health_init(struct sl_store *s);
void sl_health_fini(struct sl_store *s);
void sl_health_start(struct sl_store *s); /* a beat now, and from now on */
void sl_health_ok(struct sl_store *s);
void sl_health_strike(struct sl_store *s, const char *what);
/* Has it been emptied? Asks now; sl_health_on_beat() tells. */
void sl_health_ask(struct sl_store *s);
void sl_health_mark(struct sl_store *s); /* writes the epoch: nothing is missing any more */

/* ---- all of it ---- */

#define SL_STORE_SOURCES 8
struct sl_store_source {     /* of a settled line's tokens: a series that is remembered */
    const char *name;        /* static text */
    struct sl_metric *count; /* up */
};

/* strays.c */
struct sl_stray {
    struct sl_trail *t;  /* owns */
    struct sl_ledger *l; /* owns */
};

struct sl_store {
    uint32_t magic;
    struct sl_net *net;   /* up */
    struct sl_backend *b; /* owns */
    struct sl_trail *t;   /* owns; may be NULL */
    struct sl_ledger *l;  /* owns */
    struct sl_mirror *m;  /* owns */
    struct sl_stray strays[SL_TRAIL_SLOTS];
    size_t strays_n;
    struct sl_holds holds;
    struct sl_outage outage;
    struct sl_health health;
    struct sl_tips tips;
    struct sl_list steps;
    struct sl_list proving; /* those whose line is on its way to the disk */
    char instance[8];
    char where[128];
    uint64_t timeout_ms;
    bool refuse, fresh, rebuilding;
    void (*on_change)(void *ctx);
    void *on_change_ctx;                             /* up */
    struct sl_metric *seconds[SL_STORE_WHAT__COUNT]; /* up */
    struct sl_metric *up, *held, *lag;               /* up */
    struct sl_metric_family *settled;                /* up */
    struct sl_store_source sources[SL_STORE_SOURCES];
    struct sl_grave grave;
};

/* strays.c: of the slots of `root` all but our own. */
void sl_strays_open(struct sl_store *s, struct sl_str root, struct sl_str own);
void sl_strays_pump(struct sl_store *s);
uint64_t sl_strays_unsent(const struct sl_store *s);
void sl_strays_end(struct sl_store *s);

/* store.c. Takes the backend over, ends it on failure too. */
struct sl_store *sl_store_over(struct sl_net *net, struct sl_backend *b,
                               const struct sl_store_conf *conf, struct sl_metrics *metrics,
                               char *why, size_t cap);
bool sl_store_is_asked(const struct sl_store *s); /* up */
void sl_store_changed(struct sl_store *s);
/* From beats: the store was seen; tells who waits for the start. */
void sl_store_was_met(struct sl_store *s, enum sl_err e);
bool sl_store_is_starting(const struct sl_store *s);
/* records.c: tells those that wait to know whether the store was emptied. */
void sl_records_on_beat(struct sl_store *s, bool answered);
/* Appends a line to the trail; true: there is none, or its disk is in trouble. Else the
 * step is told SL_OK when the line is on disk. */
SL_MUST bool sl_store_prove(struct sl_step *st, struct sl_str members);

#endif
