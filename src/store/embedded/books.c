/* store/embedded/books.c -- accounts, numbers and usage, written and read. On a thread. */
#include "store/embedded/inside.h"

#include <stdio.h>

#include "base/text.h"

#define PAGE SL_STORE_PAGE
#define UNIT '\x1f'
#define JOINED_BYTES 520
#define PRUNE_MAX 4096 /* rows of a transaction: others wait for it */

enum sl_err sl_books_write(struct sl_db *db, const struct sl_saved *accounts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct sl_account *a = &accounts[i].account;
        struct sl_query q = sl_db_query(db, SL_STATEMENT_ACCOUNT);

        sl_db_text(&q, accounts[i].tenant);
        sl_db_text(&q, accounts[i].key_id);
        sl_db_int(&q, a->held);
        sl_db_int(&q, a->granted_micro);
        sl_db_int(&q, a->spent_micro);
        sl_db_int(&q, a->day0);
        sl_db_int(&q, a->day_micro);
        sl_db_int(&q, a->month0);
        sl_db_int(&q, a->month_micro);
        if (!sl_db_run(&q))
            return SL_ERR_STORE;
    }
    return SL_OK;
}

/* The account's last named grant is that one. */
static enum sl_err is_again(struct sl_db *db, struct sl_entry *n)
{
    struct sl_query q = sl_db_query(db, SL_STATEMENT_ONCE);

    sl_db_text(&q, n->tenant);
    sl_db_text(&q, n->key_id);
    n->again = sl_db_step(&q) && sl_str_eq(sl_db_column(&q, 0), n->once);
    return sl_db_done(&q) ? SL_OK : SL_ERR_STORE;
}

/* Of the account's last named grant; empty: none had a name. */
static bool keep_name(struct sl_db *db, struct sl_str tenant, struct sl_str key_id,
                      struct sl_str once)
{
    struct sl_query q =
        sl_db_query(db, once.n > 0 ? SL_STATEMENT_ONCE_KEEP : SL_STATEMENT_ONCE_DROP);

    sl_db_text(&q, tenant);
    sl_db_text(&q, key_id);
    if (once.n > 0)
        sl_db_text(&q, once);
    return sl_db_run(&q);
}

enum sl_err sl_books_add(struct sl_db *db, struct sl_entry *n, struct sl_account *to)
{
    if (n->once.n > 0) {
        if (is_again(db, n) != SL_OK)
            return SL_ERR_STORE;
        if (n->again)
            return SL_OK;
        if (!keep_name(db, n->tenant, n->key_id, n->once))
            return SL_ERR_STORE;
    }
    sl_account_grant(to, n->initial_micro, n->more_micro);
    return SL_OK;
}

enum sl_err sl_books_seqs(struct sl_db *db, const struct sl_saved_seq *seqs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct sl_query q = sl_db_query(db, SL_STATEMENT_SEQ);

        sl_db_text(&q, sl_tally_seq_tenant(seqs[i].of));
        sl_db_text(&q, sl_tally_seq_instance(seqs[i].of));
        sl_db_count(&q, seqs[i].number);
        if (!sl_db_run(&q))
            return SL_ERR_STORE;
    }
    return SL_OK;
}

static struct sl_str join(const struct sl_usage_row *row, struct sl_text *t)
{
    if (row->app.n == 0)
        return row->provider;
    sl_text_add(t, row->provider);
    sl_text_byte(t, UNIT);
    sl_text_add(t, row->app);
    return sl_text_str(t);
}

void sl_books_split(struct sl_str column, struct sl_usage_row *row)
{
    if (!sl_str_split(&column, UNIT, &row->provider))
        row->provider = column;
    row->app = column;
}

static bool write_row(struct sl_db *db, enum sl_statement which, struct sl_str tenant,
                      const struct sl_usage_row *row)
{
    struct sl_query q = sl_db_query(db, which);
    char place[JOINED_BYTES];
    struct sl_text t = sl_text_over(place, sizeof place);

    sl_db_text(&q, tenant);
    sl_db_text(&q, row->day);
    sl_db_text(&q, row->key_id);
    sl_db_text(&q, row->user);
    sl_db_text(&q, row->model);
    sl_db_text(&q, join(row, &t));
    sl_db_count(&q, row->requests);
    sl_db_count(&q, row->cached);
    sl_db_count(&q, row->in);
    sl_db_count(&q, row->cache_read);
    sl_db_count(&q, row->cache_write);
    sl_db_count(&q, row->out);
    sl_db_int(&q, row->cost_micro);
    return sl_db_run(&q);
}

static void note_day(struct sl_db *db, struct sl_str day)
{
    if (day.n != sizeof db->newest_day - 1 || memcmp(day.p, db->newest_day, day.n) <= 0)
        return;
    memcpy(db->newest_day, day.p, day.n);
    db->has_old = true;
}

/* The whole table is looked through for old rows, so it is done only behind a new day. */
static bool prune(struct sl_db *db)
{
    struct sl_query q = sl_db_query(db, SL_STATEMENT_USAGE_PRUNE);

    sl_db_text(&q, (struct sl_str){db->newest_day, sizeof db->newest_day - 1});
    sl_db_int(&q, -SL_STORE_USAGE_DAYS);
    sl_db_int(&q, PRUNE_MAX);
    if (!sl_db_run(&q))
        return false;
    db->has_old = sqlite3_changes(db->sql) == PRUNE_MAX;
    return true;
}

enum sl_err sl_books_usage(struct sl_db *db, const struct sl_tally_row *rows)
{
    for (const struct sl_tally_row *row = rows; row != NULL; row = row->hh.next) {
        if (!write_row(db, SL_STATEMENT_USAGE_ADD, row->sum.tenant, &row->sum))
            return SL_ERR_STORE;
        note_day(db, row->sum.day);
    }
    return !db->has_old || prune(db) ? SL_OK : SL_ERR_STORE;
}

enum sl_err sl_books_restore(struct sl_db *db, const struct sl_entry *n)
{
    for (size_t i = 0; i < n->usage_n; i++) {
        if (!write_row(db, SL_STATEMENT_USAGE_SET, n->tenant, &n->usage[i]))
            return SL_ERR_STORE;
    }
    for (size_t i = 0; i < n->named_n; i++) {
        if (!keep_name(db, n->tenant, n->named[i].key_id, n->named[i].once))
            return SL_ERR_STORE;
    }
    return SL_OK;
}

/* ---- reading usage ---- */

static uint64_t count_at(const struct sl_query *q, int i)
{
    int64_t v = sqlite3_column_int64(q->stmt, i);

    return v > 0 ? (uint64_t)v : 0;
}

static bool text_at(struct sl_entry *n, const struct sl_query *q, int i, struct sl_str *out)
{
    *out = sl_arena_dup(&n->arena, sl_db_column(q, i));
    return out->p != NULL;
}

static bool read_row(struct sl_entry *n, const struct sl_query *q, struct sl_usage_row *row)
{
    struct sl_str provider;
    bool ok;

    *row = (struct sl_usage_row){.tenant = n->tenant,
                                 .requests = count_at(q, 6),
                                 .cached = count_at(q, 7),
                                 .in = count_at(q, 8),
                                 .cache_read = count_at(q, 9),
                                 .cache_write = count_at(q, 10),
                                 .out = count_at(q, 11),
                                 .cost_micro = sqlite3_column_int64(q->stmt, 12)};
    ok = text_at(n, q, 1, &row->day) && text_at(n, q, 2, &row->key_id) &&
         text_at(n, q, 3, &row->user) && text_at(n, q, 4, &row->model) &&
         text_at(n, q, 5, &provider);
    if (ok)
        sl_books_split(provider, row);
    return ok;
}

/* Where a page goes on: behind "<id>:<day>". */
static bool start_of(const struct sl_entry *n, struct sl_str *day, int64_t *id)
{
    ptrdiff_t colon = sl_str_find_byte(n->after, ':');
    uint64_t v;

    *day = n->from_day;
    *id = 0; /* rows have greater ones */
    if (n->after.n == 0)
        return true;
    if (colon < 0 || !sl_str_to_u64(sl_str_first(n->after, (size_t)colon), &v) || v > INT64_MAX)
        return false;
    *day = sl_str_from(n->after, (size_t)colon + 1);
    *id = (int64_t)v;
    return true;
}

enum sl_err sl_books_list(struct sl_db *db, struct sl_entry *n)
{
    struct sl_query q = sl_db_query(db, SL_STATEMENT_USAGE_LIST);
    struct sl_usage_rows *rows = &n->rows;
    struct sl_str day;
    int64_t id = 0;
    bool room = true;

    *rows = (struct sl_usage_rows){.at = sl_arena_alloc(&n->arena, PAGE * sizeof *rows->at)};
    if (rows->at == NULL)
        return SL_ERR_STORE;
    if (!start_of(n, &day, &id))
        return SL_OK; /* a mark that no page gave leads to no rows */
    sl_db_text(&q, n->tenant);
    sl_db_text(&q, n->to_day);
    sl_db_text(&q, day);
    sl_db_int(&q, id);
    sl_db_int(&q, PAGE + 1);
    while (room && sl_db_step(&q)) {
        if (rows->n == PAGE) {
            rows->next = sl_arena_printf(&n->arena, "%lld:%.*s", (long long)id,
                                         SL_STR_ARGS(rows->at[PAGE - 1].day));
            room = rows->next.p != NULL;
            break;
        }
        id = sqlite3_column_int64(q.stmt, 0);
        room = read_row(n, &q, &rows->at[rows->n++]);
    }
    return sl_db_done(&q) && room ? SL_OK : SL_ERR_STORE;
}

/* ---- ends of trails ---- */

enum sl_err sl_books_tip(struct sl_db *db, struct sl_entry *n)
{
    struct sl_query q = sl_db_query(db, SL_STATEMENT_TIP);

    sl_db_text(&q, n->instance);
    if (sl_db_step(&q)) {
        struct sl_str mac = sl_db_column(&q, 1);

        n->tip.number = (uint64_t)sqlite3_column_int64(q.stmt, 0);
        n->tip.lost = (uint64_t)sqlite3_column_int64(q.stmt, 2);
        if (mac.n == sizeof n->tip.mac)
            memcpy(n->tip.mac, mac.p, mac.n);
    }
    return sl_db_done(&q) ? SL_OK : SL_ERR_STORE;
}

enum sl_err sl_books_keep_tip(struct sl_db *db, const struct sl_entry *n)
{
    struct sl_query q = sl_db_query(db, SL_STATEMENT_TIP_KEEP);

    sl_db_text(&q, n->instance);
    sl_db_count(&q, n->tip.number);
    sl_db_bytes(&q, n->tip.mac, sizeof n->tip.mac);
    sl_db_count(&q, n->tip.lost);
    return sl_db_run(&q) ? SL_OK : SL_ERR_STORE;
}
