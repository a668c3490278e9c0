/* store/rebuild/inside.h -- sums of trails. Nobody else includes it. */
#ifndef SL_STORE_REBUILD_INSIDE_H
#define SL_STORE_REBUILD_INSIDE_H

#include "base/arena.h"
#include "base/map.h"
#include "store/front/inside.h"
#include "store/rebuild.h"

struct sl_total {      /* one account */
    UT_hash_handle hh; /* by key id, of its tenant */
    struct sl_restore_account a;
    int64_t more_micro;  /* of all grants */
    char initial_at[24]; /* time of the line that says what it began with */
    bool has_initial;
    char once[SL_STORE_ONCE], once_at[24]; /* name and time of the latest grant that has one */
    char name[];
};

struct sl_total_once { /* a grant's own name: it counts once, in whichever trails it is */
    UT_hash_handle hh;
    size_t name_n;
    char name[];
};

struct sl_total_row {
    UT_hash_handle hh;
    struct sl_usage_row row;
    size_t name_n;
    char name[];
};

struct sl_total_tenant {
    UT_hash_handle hh;
    struct sl_total *accounts;  /* owns: hash */
    struct sl_total_row *rows;  /* owns: hash */
    struct sl_total_once *once; /* owns: hash */
    uint64_t requests;
    int64_t cost_micro; /* of the rows */
    bool differs;
    size_t name_n;
    char name[];
};

struct sl_total_record {
    UT_hash_handle hh;
    struct sl_record rec; /* texts behind it */
    size_t name_n;
    char name[];
};

struct sl_totals {                   /* filled by the pool, read by the loop */
    struct sl_total_tenant *tenants; /* owns: hash */
    struct sl_total_record *records; /* owns: hash */
    struct sl_restore_seq seqs[SL_REBUILD_DIRS];
    size_t seqs_n;
    size_t things; /* accounts, rows, records */
    uint64_t accounts, rows;
    char from_day[10]; /* rows before it are left out */
    enum sl_err err;
};

void sl_totals_init(struct sl_totals *t, int64_t now_unix_ms);
void sl_totals_fini(struct sl_totals *t);
/* One verified line: sl_trail_line_fn. */
void sl_totals_line(void *totals, uint64_t number, struct sl_str line);
/* Zeroed, counted; NULL with t->err: too many, or no memory. */
SL_MUST void *sl_totals_make(struct sl_totals *t, size_t size);
static inline struct sl_str sl_totals_keep(char **at, struct sl_str s)
{
    struct sl_str out = {*at, s.n};

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}
/* records.c */
void sl_totals_record(struct sl_totals *t, enum sl_record_kind kind, struct sl_str line);
/* What an account comes to, once all lines are in. */
void sl_total_close(struct sl_total *a);

static inline struct sl_str sl_total_name(const struct sl_total_tenant *of)
{
    return (struct sl_str){of->name, of->name_n};
}

/* ---- one rebuild ---- */

#define SL_REBUILD_LOOK_MS 10

struct sl_rebuild_job { /* the pool's while it runs */
    char dirs[SL_REBUILD_DIRS][1024];
    size_t n;
    bool broken_too;
    struct sl_trail_report trails[SL_REBUILD_DIRS];
    struct sl_totals totals;
    enum sl_err err;
    char why[256];
    struct sl_rebuild *of; /* up */
};

enum sl_rebuild_state {
    SL_REBUILD_QUIET,
    SL_REBUILD_READ,
    SL_REBUILD_COMPARE,
    SL_REBUILD_WRITE,
    SL_REBUILD_RECORDS,
    SL_REBUILD_MARK
};

struct sl_rebuild {
    struct sl_op op;
    struct sl_op *below;           /* owns */
    struct sl_store *s;            /* up */
    struct sl_rebuild_report *out; /* up */
    sl_store_done_fn *done;
    void *ctx; /* up */
    struct sl_timer timer;
    struct sl_grave grave;
    enum sl_rebuild_state state;
    bool write;
    uint64_t until_ms;          /* of QUIET, MARK */
    struct sl_rebuild_job *job; /* owns, but while it runs */
    /* where it is */
    struct sl_total_tenant *tenant; /* up */
    struct sl_total *account;       /* up */
    struct sl_total_row *row;       /* up */
    struct sl_total_record *record; /* up */
    struct sl_balance balance;
    struct sl_usage_rows usage;
    char after[128];
    uint64_t requests;
    int64_t cost_micro;
    char to_day[10];
    /* what a call points at */
    struct sl_restore restore;
    struct sl_restore_account accounts[SL_STORE_PAGE];
    struct sl_usage_row rows[SL_STORE_PAGE];
    struct sl_record records[SL_STORE_PAGE];
};

/* rebuild.c */
void sl_rebuild_tell(struct sl_rebuild *r, enum sl_err e); /* ends it */
void sl_rebuild_explain(struct sl_rebuild *r, const char *why);
/* compare.c: goes on to the writing, or tells. */
void sl_rebuild_compare(struct sl_rebuild *r);
/* write.c */
void sl_rebuild_write(struct sl_rebuild *r);
void sl_rebuild_look(struct sl_rebuild *r); /* is it marked? */

#endif
