/* store/embedded/inside.h -- what the files of the embedded store share.
 *
 *   embedded.c   the backend: made, ended; what is answered from memory
 *   entry.c      what waits for SQLite: what was asked, and who hears what came of it
 *   lane.c       entries in a queue, one job at a time
 *   job.c        a transaction: entries, and what is unsaved
 *   tally.c      settled lines that wait to be written: usage, numbers applied
 *   notes.c      what became of single requests: in memory alone
 *   open.c       the file and its schema
 *   db.c         a connection and its statements
 *   load.c       what is read at start
 *   records.c, books.c   the statements of each kind of entry, on a thread of the pool
 *
 * Truth    Balances are the engine's; SQLite gets them as absolute values, together
 *          with the numbers of the lines they contain, in one transaction: after a
 *          kill -9 the two agree, and lines sent again are applied exactly once.
 * Threads  A job owns its connection and its entries until it is finished; what an
 *          entry reads and makes lies in its own arena. All else is the loop's.
 */
#ifndef SL_STORE_EMBEDDED_INSIDE_H
#define SL_STORE_EMBEDDED_INSIDE_H

#include <sqlite3.h>

#include "base/arena.h"
#include "base/map.h"
#include "net/timer.h"
#include "net/work.h"
#include "store/engine.h"

#define SL_EMBEDDED_MAGIC 0x534c454du
#define SL_EMBEDDED_COMMIT_MS 16 /* after the first line of a batch: 20 with a late timer */
#define SL_EMBEDDED_RETRY_MS 1000
#define SL_EMBEDDED_NAME 128 /* bytes of a tenant's name, a key's id */
#define SL_EMBEDDED_SCHEMA 2
#define SL_EMBEDDED_REVOKED 10000 /* records of revoked keys that are kept: the newest */

/* ---- db.c ---- */

enum sl_statement {
    SL_STATEMENT_BEGIN,
    SL_STATEMENT_COMMIT,
    SL_STATEMENT_ROLLBACK,
    SL_STATEMENT_ACCOUNT,
    SL_STATEMENT_SEQ,
    SL_STATEMENT_USAGE_ADD,
    SL_STATEMENT_USAGE_SET,
    SL_STATEMENT_USAGE_LIST,
    SL_STATEMENT_USAGE_PRUNE,
    SL_STATEMENT_EPOCH,
    SL_STATEMENT_REVISION_NEXT,
    SL_STATEMENT_REVISION_RAISE,
    SL_STATEMENT_RECORD_REV,
    SL_STATEMENT_RECORD_TAKEN,
    SL_STATEMENT_RECORD_PUT,
    SL_STATEMENT_RECORD_RESTORE,
    SL_STATEMENT_RECORD_PRUNE,
    SL_STATEMENT_RECORD_COUNT,
    SL_STATEMENT_RECORD_DROP,
    SL_STATEMENT_RECORD_KEY,
    SL_STATEMENT_RECORD_NAMED,
    SL_STATEMENT_RECORD_LIST,
    SL_STATEMENT_RECORD_LIST_OF,
    SL_STATEMENT_TIP,
    SL_STATEMENT_TIP_KEEP,
    SL_STATEMENT_ONCE,
    SL_STATEMENT_ONCE_KEEP,
    SL_STATEMENT_ONCE_DROP,
    SL_STATEMENT__COUNT
};

/* A revoked key's record says no more than that; but for one that lies over the
 * configuration's, which without it would be valid again. */
#define SL_DB_REVOKED "kind = 0 AND state = 'revoked' AND instr(doc, '\"of_file\":true') = 0"

struct sl_db {
    sqlite3 *sql;                                /* owns */
    sqlite3_stmt *prepared[SL_STATEMENT__COUNT]; /* owns */
    uint64_t until_us;                           /* monotonic: statements end then; 0: no end */
    char newest_day[sizeof "2026-01-01"];        /* of usage that was written */
    bool has_old;                                /* usage beyond SL_STORE_USAGE_DAYS may be left */
    char swept[SL_EMBEDDED_NAME + 1];            /* switches are looked at from here on */
    char trouble[200];                           /* of the last failure */
};

/* Opens or makes the file (NULL: in memory), checks it but where that was done just
 * now (`again`), and prepares. NULL with `why`. */
struct sl_db *sl_db_open(const char *path, bool again, char *why, size_t cap);
void sl_db_end(struct sl_db **db);
void sl_db_watch(struct sl_db *db); /* sl_db_limit() holds from here on */
SL_MUST bool sl_db_prepare(struct sl_db *db);
SL_MUST bool sl_db_exec(struct sl_db *db, const char *text);
bool sl_db_trouble(struct sl_db *db); /* notes what SQLite says; false */
/* What follows ends within this time, or fails. */
void sl_db_limit(struct sl_db *db, uint64_t ms);
SL_MUST bool sl_db_begin(struct sl_db *db, bool durable); /* durable: synced at commit */
SL_MUST bool sl_db_commit(struct sl_db *db);
void sl_db_rollback(struct sl_db *db);

/* A statement, to be bound from its first parameter on; texts live until sl_db_done(). */
struct sl_query {
    struct sl_db *db;   /* up */
    sqlite3_stmt *stmt; /* up: the connection's */
    int at;             /* last parameter bound */
};
struct sl_query sl_db_query(struct sl_db *db, enum sl_statement which);
void sl_db_int(struct sl_query *q, int64_t v);
void sl_db_count(struct sl_query *q, uint64_t v); /* cut at INT64_MAX */
void sl_db_text(struct sl_query *q, struct sl_str s);
void sl_db_bytes(struct sl_query *q, const uint8_t *p, size_t n); /* NULL: none */
/* A row is there to be read; false: no more, or trouble. */
bool sl_db_step(struct sl_query *q);
/* False: there was trouble. Afterwards the statement is free again. */
SL_MUST bool sl_db_done(struct sl_query *q);
SL_MUST bool sl_db_run(struct sl_query *q); /* a statement without rows: step and done */
struct sl_str sl_db_column(const struct sl_query *q, int i); /* until the next step */

/* ---- tally.c ---- */

struct sl_tally_row { /* of usage, not yet written: what to add */
    UT_hash_handle hh;
    struct sl_usage_row sum; /* texts in `name` */
    size_t name_n;
    char name[];
};

/* Of a tenant and an instance: tenants' lines come in batches of their own, so a lower
 * number of one may follow a higher one of another. Lives as long as the store. */
struct sl_tally_seq {
    UT_hash_handle hh;
    uint64_t seen;    /* in the engine */
    uint64_t written; /* in the file */
    size_t tenant_n, name_n;
    char name[]; /* tenant, instance */
};
static inline struct sl_str sl_tally_seq_tenant(const struct sl_tally_seq *s)
{
    return (struct sl_str){s->name, s->tenant_n};
}
static inline struct sl_str sl_tally_seq_instance(const struct sl_tally_seq *s)
{
    return (struct sl_str){s->name + s->tenant_n, s->name_n - s->tenant_n};
}

struct sl_tally {
    struct sl_tally_row *rows; /* owns: hash by name */
    struct sl_tally_seq *seqs; /* owns: hash by tenant and instance */
};

/* NULL: too many of them, or a name that is none. */
struct sl_tally_seq *sl_tally_seq(struct sl_tally *t, struct sl_str tenant, struct sl_str instance);
SL_MUST bool sl_tally_has_room(const struct sl_tally *t);
SL_MUST bool sl_tally_add(struct sl_tally *t, struct sl_str tenant, const struct sl_line *line);
void sl_tally_drop(struct sl_tally *t, const struct sl_usage_row *like); /* one set from outside */
void sl_tally_merge(struct sl_tally *t, struct sl_tally_row **rows);     /* back again */
void sl_tally_free(struct sl_tally_row **rows);
void sl_tally_fini(struct sl_tally *t);

/* ---- notes.c ---- */

struct sl_notes_one;
struct sl_notes_tenant;
struct sl_notes {
    struct sl_notes_one *by_name;    /* owns: hash */
    struct sl_notes_tenant *tenants; /* owns: hash; each has a note at least */
    struct sl_list all;              /* the oldest first */
};
void sl_notes_init(struct sl_notes *n);
void sl_notes_fini(struct sl_notes *n);
void sl_notes_note(struct sl_backend *b, struct sl_str tenant, const struct sl_note *note);
void sl_notes_noted(struct sl_backend *b, struct sl_str tenant, struct sl_str name,
                    struct sl_noted *out, SL_BACKEND_WAIT);

/* ---- entry.c ---- */

enum sl_entry_kind {
    SL_ENTRY_APPLY,
    SL_ENTRY_PUT,
    SL_ENTRY_GRANT,
    SL_ENTRY_MARK,
    SL_ENTRY_RESTORE,
    SL_ENTRY_RESTORE_RECORDS,
    SL_ENTRY_KEEP_TIP,
    SL_ENTRY_KEY, /* these four only read */
    SL_ENTRY_LIST,
    SL_ENTRY_USAGE,
    SL_ENTRY_TIP
};

struct sl_entry {
    struct sl_op op;
    struct sl_list node;
    struct sl_embedded *b; /* up */
    enum sl_entry_kind kind;
    enum sl_err err;
    sl_store_done_fn *done;
    void *ctx; /* up: the waiter's */
    void *out; /* up: the waiter's; by kind */
    struct sl_arena arena;
    /* asked: in the arena */
    struct sl_record *records; /* up: put (one), restore_records, key (one) */
    size_t records_n;
    struct sl_str tenant, key_id, after, from_day, to_day;
    enum sl_record_kind record_kind;
    int64_t initial_micro, more_micro;
    struct sl_str once;         /* of a grant */
    size_t saved;               /* of a grant: its account in the job's */
    bool again;                 /* of a grant, made: one of that name was there */
    int64_t now_ms;             /* put: the store's time */
    struct sl_str instance;     /* of a tip */
    struct sl_tip tip;          /* asked: to be kept; made: read */
    struct sl_usage_row *usage; /* up: restore */
    size_t usage_n;
    struct sl_restore_account *named; /* up: restore: accounts, for the names of their grants */
    size_t named_n;
    /* made: in the arena */
    struct sl_records found;
    struct sl_usage_rows rows;
    bool *applied; /* up: restore_records: which were */
};

/* The backend's operations that wait for the file. */
void sl_entry_apply(struct sl_backend *b, const struct sl_batch *batch, SL_BACKEND_WAIT);
void sl_entry_mark(struct sl_backend *b, SL_BACKEND_WAIT);
void sl_entry_key(struct sl_backend *b, const uint8_t sha256[32], struct sl_records *out,
                  SL_BACKEND_WAIT);
void sl_entry_find(struct sl_backend *b, enum sl_record_kind kind, struct sl_str id,
                   struct sl_records *out, SL_BACKEND_WAIT);
void sl_entry_list(struct sl_backend *b, enum sl_record_kind kind, struct sl_str tenant,
                   struct sl_str after, struct sl_records *out, SL_BACKEND_WAIT);
void sl_entry_put(struct sl_backend *b, const struct sl_record *rec, struct sl_records *out,
                  SL_BACKEND_WAIT);
void sl_entry_grant(struct sl_backend *b, const struct sl_store_grant *what, struct sl_balance *out,
                    SL_BACKEND_WAIT);
void sl_entry_usage(struct sl_backend *b, struct sl_str tenant, struct sl_str from_day,
                    struct sl_str to_day, struct sl_str after, struct sl_usage_rows *out,
                    SL_BACKEND_WAIT);
void sl_entry_restore(struct sl_backend *b, const struct sl_restore *what, SL_BACKEND_WAIT);
void sl_entry_restore_records(struct sl_backend *b, const struct sl_record *recs, size_t n,
                              SL_BACKEND_WAIT);
void sl_entry_tip(struct sl_backend *b, struct sl_str instance, struct sl_tip *out,
                  SL_BACKEND_WAIT);
void sl_entry_keep_tip(struct sl_backend *b, struct sl_str instance, const struct sl_tip *tip,
                       SL_BACKEND_WAIT);
/* It is in the file: what memory must know, what the waiter gets. */
void sl_entry_tell_engine(struct sl_embedded *b, const struct sl_entry *n);
void sl_entry_tell_waiter(struct sl_embedded *b, const struct sl_entry *n);

/* records.c and books.c, on a thread: SL_OK, a refusal, or SL_ERR_STORE for trouble. */
enum sl_err sl_records_put(struct sl_db *db, struct sl_entry *n);
enum sl_err sl_records_restore(struct sl_db *db, struct sl_entry *n);
enum sl_err sl_records_key(struct sl_db *db, struct sl_entry *n);
enum sl_err sl_records_list(struct sl_db *db, struct sl_entry *n);
struct sl_saved_seq {
    struct sl_tally_seq *of; /* up: its name alone is the thread's to read */
    uint64_t number;
};
/* Adds what is granted to what is to be written, but under a name that was there. */
enum sl_err sl_books_add(struct sl_db *db, struct sl_entry *n, struct sl_account *to);
enum sl_err sl_books_write(struct sl_db *db, const struct sl_saved *accounts, size_t n);
enum sl_err sl_books_seqs(struct sl_db *db, const struct sl_saved_seq *seqs, size_t n);
/* Also ends what is older than SL_STORE_USAGE_DAYS, some rows a call, once a day is new. */
enum sl_err sl_books_usage(struct sl_db *db, const struct sl_tally_row *rows);
enum sl_err sl_books_restore(struct sl_db *db, const struct sl_entry *n);
enum sl_err sl_books_list(struct sl_db *db, struct sl_entry *n);
enum sl_err sl_books_tip(struct sl_db *db, struct sl_entry *n);
enum sl_err sl_books_keep_tip(struct sl_db *db, const struct sl_entry *n);
/* A row's column `provider` holds its app, too, behind a unit separator, as the names of rows
 * do on Redis: so the schema is what it was, and an older sluice can go on with the file. */
void sl_books_split(struct sl_str column, struct sl_usage_row *row);

/* ---- job.c ---- */

struct sl_job {
    struct sl_lane *lane; /* up */
    struct sl_list entries;
    struct sl_saved *accounts; /* owns */
    size_t accounts_n, accounts_cap;
    struct sl_tally_row *rows; /* owns */
    struct sl_saved_seq *seqs; /* owns */
    size_t seqs_n;
    bool whole;       /* false: there was no memory for all it needs */
    bool durable, ok; /* to be synced; committed */
};

/* The queue of its lane, and what is unsaved. */
struct sl_job *sl_job_new(struct sl_lane *lane);
void sl_job_run(void *job); /* on a thread: one transaction */
void sl_job_end(struct sl_job **job);

/* ---- lane.c ---- */

struct sl_lane {           /* a connection, and who waits for it */
    struct sl_embedded *b; /* up */
    struct sl_db *db;      /* owns */
    bool writes;
    struct sl_list queue;
    size_t queue_n;
    bool now;            /* somebody in the queue does not wait for the timer */
    struct sl_op *work;  /* owns: the job under way */
    struct sl_job *job;  /* owns: likewise */
    struct sl_task kick; /* at the end of the turn */
};

struct sl_embedded {
    struct sl_backend backend; /* first: the rest is found behind it */
    uint32_t magic;
    struct sl_net *net;       /* up */
    struct sl_engine *engine; /* owns */
    struct sl_tally tally;
    struct sl_notes notes;
    struct sl_lane write, read; /* in memory there is no second connection: all is written */
    struct sl_timer timer;      /* of the next batch */
    uint64_t since_ms;          /* something waits for it; 0: nothing */
    int64_t ahead_us;           /* the store's clock, beyond the monotonic one */
    uint64_t revision;
    bool has_epoch, up, ended;
    int lock_fd;
    struct sl_grave grave;
    char where[256];
};

void sl_lane_init(struct sl_lane *lane, struct sl_embedded *b, bool writes);
SL_MUST bool sl_lane_has_room(const struct sl_lane *lane);
void sl_lane_add(struct sl_lane *lane, struct sl_entry *n);
/* Something is unsaved: written within SL_EMBEDDED_COMMIT_MS. */
void sl_lane_soon(struct sl_embedded *b);
void sl_lane_fire(struct sl_timer *t);
/* Blocking, at the end: silence for those who wait, then what is unsaved is written.
 * False: a job hangs, and keeps what it was given. */
SL_MUST bool sl_lane_end(struct sl_embedded *b);

/* load.c: states, balances, numbers; false with `why`. */
SL_MUST bool sl_load(struct sl_embedded *b, char *why, size_t cap);

/* embedded.c */
struct sl_embedded *sl_embedded_of(struct sl_backend *b);
/* done(err) from a task of this turn. */
void sl_embedded_say(struct sl_embedded *b, enum sl_err err, SL_BACKEND_WAIT);
int64_t sl_embedded_now_us(struct sl_embedded *b);
/* As of this turn, without asking a clock: for what lasts hours. */
int64_t sl_embedded_turn_us(struct sl_embedded *b);
/* Tests: the store's clock goes on by so much. */
void sl_embedded_advance(struct sl_backend *b, int64_t us);

#endif
