/* store/backend.h -- what a kind of store must supply to store/store.c.
 *
 * Private to the room. A backend decides and remembers; deadlines, breaker,
 * outage, trail and renewal are store.c's, so that both kinds share them.
 * `done` of a backend: SL_OK; SL_ERR_STORE (away, full, loading, no memory); SL_ERR_STORE_DATA
 * (a key or an argument of this call can't be used, of another call it may); put also
 * CONFLICT and CEILING, grow CREDITS. A cancelled admission has taken nothing: the
 * backend gives back what it took.
 */
#ifndef SL_STORE_BACKEND_H
#define SL_STORE_BACKEND_H

#include "store/store.h"

struct sl_backend {
    const struct sl_backend_ops *ops; /* shared: static */
};

/* One settled line for the account, of a batch of one tenant. */
struct sl_line {
    uint64_t number; /* of this instance, growing */
    char id[SL_QUOTA_ID];
    struct sl_str key_id, user, model, provider, app;
    struct sl_str day;      /* UTC, for usage */
    int64_t reserved_micro; /* what the reservation was; 0: none */
    int64_t cost_micro;
    bool leased[SL_LEVEL__COUNT];  /* leases to end */
    bool tpm[SL_LEVEL__COUNT];     /* windows in which tokens are booked */
    bool account[SL_LEVEL__COUNT]; /* levels with a budget */
    uint64_t tpm_tokens;
    int64_t day0, month0; /* periods the cost belongs to, by their first second */
    uint64_t in, cache_read, cache_write, out;
    unsigned requests, cached; /* 1 and 0 or 1; an aggregated line holds more */
};

struct sl_batch {
    struct sl_str tenant;
    struct sl_str instance;      /* 8 characters, kept with the trail */
    const struct sl_line *lines; /* up */
    size_t n;
};

/* A running request of one tenant, to be renewed or given back. What the flags do not
 * name stays as it is: with `leased` alone, give_back ends the leases of a request whose
 * line is still on its way, and leaves its reservation and windows to apply. */
struct sl_hold {
    char id[SL_QUOTA_ID];
    struct sl_str key_id;
    int64_t reserved_micro;
    bool leased[SL_LEVEL__COUNT];  /* levels with a lease */
    bool account[SL_LEVEL__COUNT]; /* levels at which reserved_micro is held */
    bool booked;                   /* windows: for give_back */
    bool bursts[SL_LEVEL__COUNT];  /* booked in buckets there */
    bool light;                    /* not in rpm */
    char user[SL_QUOTA_USER];      /* the end user with a lease; zeros: none */
};

struct sl_beat {
    unsigned instances;
    uint64_t revision; /* of all records; changes when any does */
    bool has_epoch;    /* false: the store was lost or is new */
    int64_t now_us;
};

/* Of one renewal. It goes in one piece: what is given back between two would come back. */
#define SL_BACKEND_HOLDS 200

#define SL_BACKEND_WAIT struct sl_op **slot, sl_store_done_fn *done, void *ctx

struct sl_backend_ops {
    const char *name;
    void (*start)(struct sl_backend *b, SL_BACKEND_WAIT);
    void (*end)(struct sl_backend **b);
    bool (*is_up)(const struct sl_backend *b);
    /* As sl_store_certificate(). NULL: it has no connection. */
    bool (*certificate)(const struct sl_backend *b, struct sl_tls_certificate *out);
    void (*admit)(struct sl_backend *b, const struct sl_quota_ask *ask, struct sl_quota_answer *out,
                  SL_BACKEND_WAIT);
    /* Exactly once: lines with a number not above the instance's last are skipped.
     * Texts are copied; `done` once they are as durable as this kind makes them. */
    void (*apply)(struct sl_backend *b, const struct sl_batch *batch, SL_BACKEND_WAIT);
    /* At most SL_BACKEND_HOLDS. */
    void (*renew)(struct sl_backend *b, struct sl_str tenant, const struct sl_hold *holds, size_t n,
                  SL_BACKEND_WAIT);
    /* Idempotent by id, but for buckets: what they had is given once. Nobody waits: a kind
     * that may be away keeps it until it is done, or would have ended by itself. */
    void (*give_back)(struct sl_backend *b, struct sl_str tenant, const struct sl_hold *hold);
    /* ask->reserve_micro is what the request has reserved by now. After CREDITS limit, level,
     * figure, used and wait of `out` say what does not allow it. */
    void (*grow)(struct sl_backend *b, const struct sl_quota_ask *ask, int64_t more_micro,
                 struct sl_quota_answer *out, SL_BACKEND_WAIT);
    /* Each half second: says that this instance lives, and what changed. */
    void (*beat)(struct sl_backend *b, struct sl_str instance, struct sl_beat *out,
                 SL_BACKEND_WAIT);
    void (*mark)(struct sl_backend *b, SL_BACKEND_WAIT); /* writes the epoch */
    /* It goes: what is written over a store makes no whole one until it is marked again.
     * Only of the kind that `store copy` writes to. */
    void (*unmark)(struct sl_backend *b, SL_BACKEND_WAIT);
    void (*key)(struct sl_backend *b, const uint8_t sha256[32], struct sl_records *out,
                SL_BACKEND_WAIT);
    /* A tenant or switch by its name. */
    void (*find)(struct sl_backend *b, enum sl_record_kind kind, struct sl_str id,
                 struct sl_records *out, SL_BACKEND_WAIT);
    void (*list)(struct sl_backend *b, enum sl_record_kind kind, struct sl_str tenant,
                 struct sl_str after, struct sl_records *out, SL_BACKEND_WAIT);
    /* Switches that are over (policy/routing/switches.h) are removed while switches are
     * listed or put, at most SL_STORE_PAGE by a call: nobody is told, all know their end. */
    void (*put)(struct sl_backend *b, const struct sl_record *rec, struct sl_records *out,
                SL_BACKEND_WAIT);
    void (*balance)(struct sl_backend *b, struct sl_str tenant, struct sl_str key_id,
                    const struct sl_periods *now, struct sl_balance *out, SL_BACKEND_WAIT);
    /* Its texts live until done. */
    void (*grant)(struct sl_backend *b, const struct sl_store_grant *what, struct sl_balance *out,
                  SL_BACKEND_WAIT);
    void (*usage)(struct sl_backend *b, struct sl_str tenant, struct sl_str from_day,
                  struct sl_str to_day, struct sl_str after, struct sl_usage_rows *out,
                  SL_BACKEND_WAIT);
    /* Nobody waits; its texts are within their limits. */
    void (*note)(struct sl_backend *b, struct sl_str tenant, const struct sl_note *note);
    void (*noted)(struct sl_backend *b, struct sl_str tenant, struct sl_str name,
                  struct sl_noted *out, SL_BACKEND_WAIT);
    /* The end of an instance's trail, as it was kept last; and what is kept of it from now on. */
    void (*tip)(struct sl_backend *b, struct sl_str instance, struct sl_tip *out, SL_BACKEND_WAIT);
    void (*keep_tip)(struct sl_backend *b, struct sl_str instance, const struct sl_tip *tip,
                     SL_BACKEND_WAIT);
    /* As store/store.h says; what they point at lives until done. */
    void (*restore)(struct sl_backend *b, const struct sl_restore *what, SL_BACKEND_WAIT);
    void (*restore_records)(struct sl_backend *b, const struct sl_record *recs, size_t n,
                            SL_BACKEND_WAIT);
};

/* `dir` empty: in memory only. */
struct sl_backend *sl_embedded_new(struct sl_net *net, struct sl_str dir, char *why, size_t cap);
struct sl_backend *sl_redis_new(struct sl_net *net, const struct sl_store_conf *conf, char *why,
                                size_t cap);

#endif
