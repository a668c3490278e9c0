/* store/embedded/job.c -- one transaction: what it is given, and what a thread does. */
#include "store/embedded/inside.h"

#define WRITE_MS 10000 /* a slow disk must not make a large batch fail again and again */

/* ---- what a job is given, on the loop ---- */

static bool add_account(struct sl_job *job, const struct sl_saved *a)
{
    if (job->accounts_n == job->accounts_cap) {
        size_t cap = job->accounts_cap > 0 ? job->accounts_cap * 2 : 16;
        struct sl_saved *more = sl_mem_grow(job->accounts, cap * sizeof *more);

        if (more == NULL)
            return false;
        job->accounts = more;
        job->accounts_cap = cap;
    }
    job->accounts[job->accounts_n++] = *a;
    return true;
}

static bool take_accounts(struct sl_embedded *b, struct sl_job *job)
{
    struct sl_saved a;

    while (sl_engine_take_unsaved(b->engine, &a)) {
        if (!add_account(job, &a)) {
            sl_engine_unsave(b->engine, a.tenant, a.key_id);
            return false;
        }
    }
    return true;
}

/* A grant is in the engine once it is in the file: here is the account that it is added to
 * when that is written. */
static bool take_grant(struct sl_embedded *b, struct sl_job *job, struct sl_entry *n)
{
    struct sl_saved a = {n->tenant, n->key_id, {0}};
    int64_t reserved;

    for (n->saved = 0; n->saved < job->accounts_n; n->saved++) {
        if (sl_str_eq(job->accounts[n->saved].tenant, n->tenant) &&
            sl_str_eq(job->accounts[n->saved].key_id, n->key_id))
            return true;
    }
    (void)sl_engine_account(b->engine, n->tenant, n->key_id, &a.account, &reserved);
    return add_account(job, &a);
}

static bool take_seqs(struct sl_embedded *b, struct sl_job *job)
{
    struct sl_tally_seq *s;
    size_t n = 0;

    for (s = b->tally.seqs; s != NULL; s = s->hh.next)
        n += s->seen > s->written;
    if (n == 0)
        return true;
    job->seqs = sl_mem_try(n * sizeof *job->seqs);
    if (job->seqs == NULL)
        return false;
    for (s = b->tally.seqs; s != NULL; s = s->hh.next) {
        if (s->seen <= s->written)
            continue;
        job->seqs[job->seqs_n++] = (struct sl_saved_seq){s, s->seen};
    }
    return true;
}

static bool is_durable(const struct sl_entry *n)
{
    return n->kind == SL_ENTRY_PUT || n->kind == SL_ENTRY_GRANT || n->kind == SL_ENTRY_MARK ||
           n->kind == SL_ENTRY_RESTORE || n->kind == SL_ENTRY_RESTORE_RECORDS;
}

static bool take_all(struct sl_lane *lane, struct sl_job *job)
{
    struct sl_embedded *b = lane->b;
    bool room = true;

    sl_list_move(&job->entries, &lane->queue);
    lane->queue_n = 0;
    lane->now = false;
    if (!lane->writes)
        return true;
    room = take_accounts(b, job) && take_seqs(b, job);
    if (room) {
        job->rows = b->tally.rows;
        b->tally.rows = NULL;
    }
    for (struct sl_list *at = job->entries.next; at != &job->entries; at = at->next) {
        struct sl_entry *n = SL_CONTAINER(at, struct sl_entry, node);

        job->durable = job->durable || is_durable(n);
        if (n->kind == SL_ENTRY_GRANT && n->err == SL_OK)
            room = room && take_grant(b, job, n);
    }
    return room;
}

/* ---- a thread's part ---- */

static enum sl_err run_entry(struct sl_db *db, struct sl_entry *n)
{
    switch (n->kind) {
    case SL_ENTRY_APPLY:
    case SL_ENTRY_GRANT:
    case SL_ENTRY_RESTORE: return SL_OK; /* written before, with the accounts */
    case SL_ENTRY_PUT: return sl_records_put(db, n);
    case SL_ENTRY_RESTORE_RECORDS: return sl_records_restore(db, n);
    case SL_ENTRY_KEY: return sl_records_key(db, n);
    case SL_ENTRY_LIST: return sl_records_list(db, n);
    case SL_ENTRY_USAGE: return sl_books_list(db, n);
    case SL_ENTRY_TIP: return sl_books_tip(db, n);
    case SL_ENTRY_KEEP_TIP: return sl_books_keep_tip(db, n);
    case SL_ENTRY_MARK: {
        struct sl_query q = sl_db_query(db, SL_STATEMENT_EPOCH);

        return sl_db_run(&q) ? SL_OK : SL_ERR_STORE;
    }
    }
    return SL_ERR_BUG;
}

/* False: trouble with the database, which ends the transaction. */
static bool run_entries(struct sl_job *job)
{
    for (struct sl_list *at = job->entries.next; at != &job->entries; at = at->next) {
        struct sl_entry *n = SL_CONTAINER(at, struct sl_entry, node);

        if (n->err != SL_OK)
            continue;
        n->err = run_entry(job->lane->db, n);
        if (n->err == SL_ERR_STORE && job->lane->writes)
            return false;
    }
    return true;
}

/* What was set from outside comes first: what is added since is added to it. */
static bool run_restores(struct sl_job *job)
{
    for (struct sl_list *at = job->entries.next; at != &job->entries; at = at->next) {
        struct sl_entry *n = SL_CONTAINER(at, struct sl_entry, node);

        if (n->kind == SL_ENTRY_RESTORE && n->err == SL_OK &&
            sl_books_restore(job->lane->db, n) != SL_OK)
            return false;
    }
    return true;
}

static bool run_grants(struct sl_job *job)
{
    for (struct sl_list *at = job->entries.next; at != &job->entries; at = at->next) {
        struct sl_entry *n = SL_CONTAINER(at, struct sl_entry, node);

        if (n->kind == SL_ENTRY_GRANT && n->err == SL_OK &&
            sl_books_add(job->lane->db, n, &job->accounts[n->saved].account) != SL_OK)
            return false;
    }
    return true;
}

void sl_job_run(void *ctx)
{
    struct sl_job *job = ctx;
    struct sl_db *db = job->lane->db;

    sl_db_limit(db, job->lane->writes ? WRITE_MS : SL_STORE_ADMIN_MS);
    if (!job->lane->writes) {
        job->ok = run_entries(job);
        return;
    }
    job->ok = sl_db_begin(db, job->durable) && run_restores(job) &&
              sl_books_usage(db, job->rows) == SL_OK && run_grants(job) &&
              sl_books_write(db, job->accounts, job->accounts_n) == SL_OK &&
              sl_books_seqs(db, job->seqs, job->seqs_n) == SL_OK && run_entries(job) &&
              sl_db_commit(db);
    if (!job->ok)
        sl_db_rollback(db);
}

/* ---- life ---- */

struct sl_job *sl_job_new(struct sl_lane *lane)
{
    struct sl_job *job = sl_mem_new(sizeof *job);

    job->lane = lane;
    sl_list_init(&job->entries);
    job->whole = take_all(lane, job);
    return job;
}

void sl_job_end(struct sl_job **pjob)
{
    struct sl_job *job = *pjob;

    *pjob = NULL;
    sl_mem_free(job->accounts);
    sl_mem_free(job->seqs);
    sl_tally_free(&job->rows);
    sl_mem_free(job);
}
