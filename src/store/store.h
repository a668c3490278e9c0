/* store/store.h -- what the gateway asks of its store, whichever it is.
 *
 * Holder   cli/serve: one per process. It is made before the gateway and ended
 *          after it.
 * Kinds    redis (store/redis/), embedded (memory and SQLite, store/embedded/);
 *          both behind store/backend.h and one suite (test/store).
 * Outage   Where Redis is away or slow (`timeout_ms` for each step, a breaker
 *          after SL_STORE_STRIKES failures in a row, probed each second), an
 *          admission is answered by this process's own engine with its share,
 *          limit / instances last seen (`local`), or refused (`refuse`).
 * Waits    Are ops (base/op.h): `done` runs once, from a later task or turn.
 *          `ask` and `out` must live until then. No wait is longer than
 *          timeout_ms (records and usage: SL_STORE_ADMIN_MS).
 * Ledger   sl_store_settle() never waits and never fails: the line is written to
 *          the trail first (store/trail.h), then applied to the store in order,
 *          again from the last acknowledged one, exactly once by its number.
 */
#ifndef SL_STORE_STORE_H
#define SL_STORE_STORE_H

#include "base/metric.h"
#include "base/op.h"
#include "net/loop.h"
#include "policy/quota.h"

#define SL_STORE_STRIKES 5
#define SL_STORE_ADMIN_MS 2000
#define SL_STORE_PAGE 200       /* records or usage rows in one answer */
#define SL_STORE_NAMES 100000   /* records of tenants, and of switches, that puts may make */
#define SL_STORE_USAGE_DAYS 400 /* usage is kept so long; today is one of them */

struct sl_store;
struct sl_tls_certificate;
struct sl_store_conf {
    struct sl_str url;       /* redis://, rediss://, unix://, redis+sentinel://, embedded:DIR, or
                              * embedded: (memory only: for tests and a start without a state dir) */
    struct sl_str cache_url; /* empty: url */
    struct sl_str state_dir; /* of the trail; empty: no trail is kept */
    struct sl_str prefix;
    struct sl_str ca_file; /* of rediss://; empty: the system's */
    uint64_t timeout_ms;
    bool refuse; /* on_outage: refuse */
    bool hot;    /* started by the process before, which still uses `state_dir` */
    bool fresh;  /* --fresh: an empty Redis is fine beside a used state directory */
};

typedef void sl_store_done_fn(void *ctx, enum sl_err e);

/* NULL with `why` for a bad URL, a state directory in use by another process,
 * a trail that can't be opened. Blocking, at start. */
struct sl_store *sl_store_new(struct sl_net *net, const struct sl_store_conf *conf,
                              struct sl_metrics *metrics, char *why, size_t cap);
/* Connects or opens, sees whose store it is; `done` with SL_OK, or with STORE: it is
 * away, the store goes on trying, the caller may serve; or with CONFIG: it is empty, but
 * keys are known here (the log says what to do), the caller must not serve. */
void sl_store_start(struct sl_store *s, struct sl_op **slot, sl_store_done_fn *done, void *ctx);
/* Another process follows: the state directory is not this one's alone any more. */
void sl_store_leave(struct sl_store *s);
/* Sends what is settled, at most `wait_ms`; blocking turns, at the very end. */
void sl_store_flush(struct sl_store *s, uint64_t wait_ms);
void sl_store_end(struct sl_store **s);

struct sl_store_state {
    const char *kind; /* "redis", "embedded" */
    char where[128];  /* address without secrets */
    bool up;
    unsigned instances; /* last seen, at least 1 */
    uint64_t unsent;    /* settled lines not yet acknowledged */
    bool lost;          /* the epoch went: credits wait for `ledger rebuild` */
    char instance[8];
    uint64_t lag_ms;  /* age of the oldest line not acknowledged */
    uint64_t dropped; /* lines that found no room */
    bool has_trail;   /* the rest is the trail's */
    bool disk_failing;
    uint64_t trail_last, trail_synced, trail_acked; /* numbers of lines */
};
void sl_store_look(const struct sl_store *s, struct sl_store_state *out);
/* Of a Redis that is reached by TLS (net/tls.h). False: none has been seen. */
SL_MUST bool sl_store_certificate(const struct sl_store *s, struct sl_tls_certificate *out);
/* Milliseconds since 1970 by the store's clock, as the last beat told it; by this host's
 * before there was one. Good to about the time of a beat's way. */
int64_t sl_store_now_ms(const struct sl_store *s);
void sl_store_refresh_metrics(struct sl_store *s);

/* ---- a request ---- */

/* Process-unique prefix (8) and the request's own 16 characters. */
void sl_store_id(const struct sl_store *s, const char req_id[16], char out[SL_QUOTA_ID]);

/* Never fails: what went wrong is in out->limit (SL_LIMIT_STORE) and out->local.
 * An admission that is answered after its budget is given back by the store. Leases
 * and reservations are renewed by the store until settled or given back. */
void sl_store_admit_start(struct sl_store *s, const struct sl_quota_ask *ask,
                          struct sl_quota_answer *out, struct sl_op **slot, sl_store_done_fn *done,
                          void *ctx);

/* What only auditors ask for; nothing is counted by it. Texts may be empty and are cut. */
struct sl_audit {
    struct sl_str trace;    /* trace id of `traceparent`: 32 digits */
    struct sl_str end_user; /* whom the client names: `metadata.user_id`, `user` */
    struct sl_str app;      /* its name, else the user agent */
    struct sl_str client;   /* its address */
    bool blind;             /* not the address: a name for it, under the trail's key */
    struct sl_str asked;    /* model, as the client wrote it */
    struct sl_str answered; /* model, as the provider names itself in the answer */
    struct sl_str provider_id, config;
    struct sl_str path; /* a JSON list: how it was decided */
    int64_t first_ms;   /* until the first content; -1: none came */
    uint8_t prompt_sha256[32], answer_sha256[32];
    bool has_prompt, has_answer;
    bool every; /* also an ending that cost nothing has a line of its own */
};

/* How a request came out; texts are copied. Every admitted request comes here
 * once, hits and zero-cost ones too. */
struct sl_settle {
    const struct sl_quota_ask *ask;       /* up: as admitted, its terms too */
    const struct sl_quota_answer *answer; /* up */
    int64_t cost_micro;
    uint64_t tpm_tokens; /* booked in tpm windows: in + writes + out */
    uint64_t in, cache_read, cache_write, out;
    struct sl_str endpoint, model, provider,
        served;         /* model as configured; served by whom, as what */
    struct sl_str user; /* the key's user, from the configuration */
    struct sl_str app;  /* as usage counts it: gateway/audit/apps.h; may be empty */
    struct sl_str req_id, key_name;
    const char *ending; /* static */
    const char *source; /* static: reported, counted, estimated, none */
    int status;
    bool cached; /* hit or joined */
    int64_t begin_unix_ms, took_ms;
    const struct sl_audit *audit; /* up: or NULL */
};
void sl_store_settle(struct sl_store *s, const struct sl_settle *line);
/* Nothing came of it (shed in the queue, no hit behind a soft refusal): windows,
 * leases and reservation back. Instead of settling. */
void sl_store_give_back(struct sl_store *s, const struct sl_quota_ask *ask,
                        const struct sl_quota_answer *answer);
/* `budget.hard`: more reservation for a running request; done(SL_OK), CREDITS, or STORE
 * where the store is away and `on_outage` refuses. */
struct sl_growth {
    int64_t micro;
    struct sl_quota_answer *out; /* up: after CREDITS limit, level, figure, used and wait; no
                                  * limit where it is not known */
};
void sl_store_grow_start(struct sl_store *s, const struct sl_quota_ask *ask,
                         const struct sl_growth *more, struct sl_op **slot, sl_store_done_fn *done,
                         void *ctx);

/* ---- records: what the admin API made or changed ---- */

enum sl_record_kind { SL_RECORD_KEY, SL_RECORD_TENANT, SL_RECORD_SWITCH };

struct sl_record {
    enum sl_record_kind kind;
    struct sl_str id;     /* key: its public id; tenant: its name */
    struct sl_str tenant; /* of a key */
    uint8_t sha256[32];   /* of a key */
    uint64_t rev;         /* grows with each change; 0: none */
    struct sl_str state;  /* "active", "paused", "revoked", "deleted" */
    struct sl_str doc;    /* JSON, at most SL_RECORD_MAX bytes: policy/record.h */
    bool quiet;           /* of a put: whoever wants it asks for it by name, so nobody hears that
                           * it changed, and no instance reads all records for it */
};
#define SL_RECORD_MAX 16384

/* In `out`, texts in memory of the op's that dies when `done` returns. */
struct sl_records {
    struct sl_record *at; /* up */
    size_t n;
    struct sl_str next; /* pass as `after` for the next page; empty: that was all */
};
/* done(SL_OK) with out->n 0 or 1; STORE if it can't be known. */
void sl_store_key_start(struct sl_store *s, const uint8_t sha256[32], struct sl_records *out,
                        struct sl_op **slot, sl_store_done_fn *done, void *ctx);
/* Likewise, of a tenant or switch, by its name. */
void sl_store_find_start(struct sl_store *s, enum sl_record_kind kind, struct sl_str id,
                         struct sl_records *out, struct sl_op **slot, sl_store_done_fn *done,
                         void *ctx);
/* What this process knows of the record of that id, at once; others may have changed it
 * within the last seconds. False: nothing. Texts live until the store is asked again. */
SL_MUST bool sl_store_known(struct sl_store *s, enum sl_record_kind kind, struct sl_str id,
                            struct sl_record *out);
/* `tenant`: of keys, that tenant's; empty: of all. In an outage, what is known here. */
void sl_store_list_start(struct sl_store *s, enum sl_record_kind kind, struct sl_str tenant,
                         struct sl_str after, struct sl_records *out, struct sl_op **slot,
                         sl_store_done_fn *done, void *ctx);
/* Written durably before done. `rec->rev` is the one changed (0: new); another
 * one in the store: SL_ERR_CONFLICT; there are SL_STORE_NAMES of its kind already, or a text
 * is too long: SL_ERR_CEILING. out->at[0].rev is the new one. The trail gets a line with
 * `actor`. */
void sl_store_put_start(struct sl_store *s, const struct sl_record *rec, struct sl_str actor,
                        struct sl_records *out, struct sl_op **slot, sl_store_done_fn *done,
                        void *ctx);
/* Called (from the loop) when any record changed on any instance, within 1 s. */
void sl_store_on_change(struct sl_store *s, void (*fn)(void *ctx), void *ctx);

/* ---- balances and usage ---- */

struct sl_balance {
    bool held; /* the account exists */
    int64_t granted_micro, spent_micro, reserved_micro, day_micro, month_micro;
    bool again; /* of a grant: one of that name was there already, nothing was added */
};
/* level key: key_id; level tenant: key_id empty. */
void sl_store_balance_start(struct sl_store *s, struct sl_str tenant, struct sl_str key_id,
                            const struct sl_periods *now, struct sl_balance *out,
                            struct sl_op **slot, sl_store_done_fn *done, void *ctx);
#define SL_STORE_ONCE 32
struct sl_store_grant {
    struct sl_str tenant, key_id; /* as above */
    int64_t initial_micro;        /* what the account begins with, if there is none */
    int64_t more_micro;           /* below 0: it is taken */
    struct sl_str once;           /* a name of its own, at most SL_STORE_ONCE bytes; or empty */
};
/* Adds (or takes) credits, durably, with a trail line; makes the account if there is none.
 * Under the name of the account's last grant that had one nothing is added: asking again is
 * safe, whoever died in between. The line is written again, then, and counts once. */
void sl_store_grant_start(struct sl_store *s, const struct sl_store_grant *what,
                          struct sl_str actor, struct sl_balance *out, struct sl_op **slot,
                          sl_store_done_fn *done, void *ctx);

struct sl_usage_row {
    struct sl_str day; /* 2026-11-25, UTC */
    struct sl_str tenant, key_id, user, model, provider, app;
    uint64_t requests, cached, in, cache_read, cache_write, out;
    int64_t cost_micro;
};
struct sl_usage_rows {
    struct sl_usage_row *at; /* up: dies when done returns */
    size_t n;
    struct sl_str next;
};
/* Rows of one tenant between two days, in order of day. */
void sl_store_usage_start(struct sl_store *s, struct sl_str tenant, struct sl_str from_day,
                          struct sl_str to_day, struct sl_str after, struct sl_usage_rows *out,
                          struct sl_op **slot, sl_store_done_fn *done, void *ctx);

/* ---- notes: what became of single requests, for who asks soon ---- */

#define SL_STORE_NOTES 1000 /* names kept of a tenant: the latest, two a request or one */
#define SL_STORE_NOTE_S 86400
#define SL_STORE_NOTE_NAME 128
#define SL_STORE_NOTE_MAX 2048
/* Found by either name, by anybody of that tenant; all is copied. */
struct sl_note {
    struct sl_str id;    /* the request's */
    struct sl_str other; /* the answer's own id; empty: none */
    struct sl_str doc;   /* JSON; begins with a brace */
};
/* Never waits. Where the store is away or nearly full, or a text is too long, nothing is
 * noted. */
void sl_store_note(struct sl_store *s, struct sl_str tenant, const struct sl_note *note);
struct sl_noted {
    size_t n; /* 0: no such name */
    char doc[SL_STORE_NOTE_MAX];
};
void sl_store_noted_start(struct sl_store *s, struct sl_str tenant, struct sl_str name,
                          struct sl_noted *out, struct sl_op **slot, sl_store_done_fn *done,
                          void *ctx);

/* ---- the end of a trail, kept where whoever cuts it off does not reach ---- */

/* Of an instance; kept about once a second while the store answers, when there is a new one. */
struct sl_tip {
    uint64_t number; /* of its last line on disk; 0: nothing is known */
    uint8_t mac[32]; /* of that line */
    uint64_t lost;   /* a line that was kept here, and was gone when a process began; 0: none */
};
/* `instance`: 8 digits. */
void sl_store_tip_start(struct sl_store *s, struct sl_str instance, struct sl_tip *out,
                        struct sl_op **slot, sl_store_done_fn *done, void *ctx);

/* ---- `ledger rebuild`, `store copy`: what is set, whatever was there ---- */

struct sl_account {
    bool held; /* granted is in force */
    int64_t granted_micro, spent_micro;
    int64_t day0, day_micro, month0, month_micro; /* periods by their first second */
};
struct sl_restore_account {
    struct sl_str key_id; /* empty: the tenant's */
    struct sl_account account;
    struct sl_str once; /* the last grant's that had a name; empty: none had */
};
struct sl_restore_seq {
    char instance[8];
    uint64_t number; /* its lines up to here are in the sums */
};
/* Of one tenant, set in one transaction; at most SL_STORE_PAGE of each kind.
 * Reservations and leases stay as they are; a seq is only ever raised. */
struct sl_restore {
    struct sl_str tenant;
    const struct sl_restore_account *accounts; /* up */
    const struct sl_usage_row *rows;           /* up: each replaces the row of its name */
    const struct sl_restore_seq *seqs;         /* up */
    size_t accounts_n, rows_n, seqs_n;
};
void sl_store_restore_start(struct sl_store *s, const struct sl_restore *what, struct sl_op **slot,
                            sl_store_done_fn *done, void *ctx);
/* At most SL_STORE_PAGE, each with its own rev, unless the store has a newer one. */
void sl_store_restore_records_start(struct sl_store *s, const struct sl_record *recs, size_t n,
                                    struct sl_op **slot, sl_store_done_fn *done, void *ctx);

#endif
