/* store/embedded/load.c -- what is read at start: states, balances, numbers, the epoch. */
#include "store/embedded/inside.h"

#include <stdio.h>

typedef void row_fn(struct sl_embedded *b, sqlite3_stmt *row);

static struct sl_str text(sqlite3_stmt *row, int i)
{
    const void *p = sqlite3_column_blob(row, i);

    return (struct sl_str){p, p != NULL ? (size_t)sqlite3_column_bytes(row, i) : 0};
}

static void load_state(struct sl_embedded *b, sqlite3_stmt *row)
{
    sl_engine_set_state(b->engine, text(row, 0), text(row, 1), text(row, 2),
                        (uint64_t)sqlite3_column_int64(row, 3));
}

static void load_account(struct sl_embedded *b, sqlite3_stmt *row)
{
    struct sl_account a = {.held = sqlite3_column_int(row, 2) != 0,
                           .granted_micro = sqlite3_column_int64(row, 3),
                           .spent_micro = sqlite3_column_int64(row, 4),
                           .day0 = sqlite3_column_int64(row, 5),
                           .day_micro = sqlite3_column_int64(row, 6),
                           .month0 = sqlite3_column_int64(row, 7),
                           .month_micro = sqlite3_column_int64(row, 8)};

    sl_engine_set_account(b->engine, text(row, 0), text(row, 1), &a);
}

static void load_seq(struct sl_embedded *b, sqlite3_stmt *row)
{
    struct sl_tally_seq *seq = sl_tally_seq(&b->tally, text(row, 0), text(row, 1));

    if (seq != NULL)
        seq->seen = seq->written = (uint64_t)sqlite3_column_int64(row, 2);
}

static void load_meta(struct sl_embedded *b, sqlite3_stmt *row)
{
    if (sl_str_eq(text(row, 0), SL_STR("revision")))
        b->revision = (uint64_t)sqlite3_column_int64(row, 1);
    else
        b->has_epoch = sqlite3_column_int64(row, 1) != 0;
}

static bool each(struct sl_embedded *b, const char *query, row_fn *fn)
{
    sqlite3_stmt *row = NULL;
    int rc = sqlite3_prepare_v2(b->write.db->sql, query, -1, &row, NULL);

    if (rc == SQLITE_OK) {
        while ((rc = sqlite3_step(row)) == SQLITE_ROW)
            fn(b, row);
    }
    sqlite3_finalize(row);
    return rc == SQLITE_DONE;
}

bool sl_load(struct sl_embedded *b, char *why, size_t cap)
{
    struct sl_saved clean;

    /* kinds: 0 a key, 1 a tenant; switches are no level */
    if (each(b, "SELECT tenant, id, state, rev FROM record WHERE kind = 0", load_state) &&
        each(b, "SELECT id, '', state, rev FROM record WHERE kind = 1", load_state) &&
        each(b, "SELECT * FROM account", load_account) &&
        each(b, "SELECT tenant, instance, number FROM seq", load_seq) &&
        each(b, "SELECT name, value FROM meta", load_meta)) {
        while (sl_engine_take_unsaved(b->engine, &clean))
            ;
        return true;
    }
    (void)snprintf(why, cap,
                   "%s can't be read: %s. Put a copy of it back, or move it away and run"
                   " `sluice ledger rebuild`",
                   b->where, sqlite3_errmsg(b->write.db->sql));
    return false;
}
