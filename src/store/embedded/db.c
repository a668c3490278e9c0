/* store/embedded/db.c -- a connection to SQLite with its prepared statements. Every
 * statement touches rows by key or has a LIMIT, and ends at the connection's time. */
#include "store/embedded/inside.h"

#include <stdio.h>
#include <time.h>

#define STEPS 2000 /* of SQLite's machine between two looks at the clock */

#define SET(c) c " = excluded." c
/* SQLite would go on in floating point. */
#define ADD(c)                                                                                     \
    c " = CASE WHEN " c " > 9223372036854775807 - excluded." c " THEN 9223372036854775807 ELSE " c \
      " + excluded." c " END"
#define COUNTS(f)                                                                                  \
    f("requests") ", " f("cached") ", " f("tokens_in") ", " f("cache_read") ", " f(                \
        "cache_write") ", " f("tokens_out") ", " f("cost_micro")
#define USAGE                                                                                      \
    "day, key_id, user, model, provider, requests, cached, tokens_in, cache_read, cache_write,"    \
    " tokens_out, cost_micro"
#define USAGE_INSERT                                                                               \
    "INSERT INTO usage (tenant, " USAGE ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"         \
    " ON CONFLICT (tenant, day, key_id, user, model, provider) DO UPDATE SET "
#define RECORD "kind, tenant, id, sha256, rev, state, doc"
#define RECORD_INSERT                                                                              \
    "INSERT INTO record (" RECORD ") VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kind, tenant, id)"  \
    " DO UPDATE SET " SET("sha256") ", " SET("rev") ", " SET("state") ", " SET("doc")

static const char *const texts[SL_STATEMENT__COUNT] = {
    [SL_STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [SL_STATEMENT_COMMIT] = "COMMIT",
    [SL_STATEMENT_ROLLBACK] = "ROLLBACK",
    [SL_STATEMENT_ACCOUNT] = "INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SL_STATEMENT_SEQ] = "INSERT INTO seq VALUES (?, ?, ?) ON CONFLICT (tenant, instance) DO"
                         " UPDATE SET number = max(number, excluded.number)",
    [SL_STATEMENT_USAGE_ADD] = USAGE_INSERT COUNTS(ADD),
    [SL_STATEMENT_USAGE_SET] = USAGE_INSERT COUNTS(SET),
    [SL_STATEMENT_USAGE_LIST] = "SELECT id, " USAGE " FROM usage WHERE tenant = ?1 AND day <= ?2"
                                " AND (day, id) > (?3, ?4) ORDER BY day, id LIMIT ?5",
    [SL_STATEMENT_USAGE_PRUNE] = "DELETE FROM usage WHERE id IN (SELECT id FROM usage WHERE"
                                 " day <= date(?1, ?2 || ' days') LIMIT ?3)",
    [SL_STATEMENT_EPOCH] = "UPDATE meta SET value = 1 WHERE name = 'epoch'",
    [SL_STATEMENT_REVISION_NEXT] = "UPDATE meta SET value = value + 1 WHERE name = 'revision'"
                                   " RETURNING value",
    [SL_STATEMENT_REVISION_RAISE] = "UPDATE meta SET value = max(value + 1, ?)"
                                    " WHERE name = 'revision' RETURNING value",
    [SL_STATEMENT_RECORD_REV] = "SELECT rev FROM record WHERE kind = ? AND tenant = ? AND id = ?",
    [SL_STATEMENT_RECORD_TAKEN] = "SELECT 1 FROM record WHERE sha256 = ?"
                                  " AND NOT (kind = ? AND tenant = ? AND id = ?)",
    [SL_STATEMENT_RECORD_PUT] = RECORD_INSERT,
    [SL_STATEMENT_RECORD_RESTORE] = RECORD_INSERT " WHERE excluded.rev > rev",
    [SL_STATEMENT_RECORD_PRUNE] =
        "DELETE FROM record WHERE rowid IN (SELECT rowid FROM record WHERE " SL_DB_REVOKED
        " ORDER BY rev DESC LIMIT ? OFFSET ?)",
    [SL_STATEMENT_RECORD_COUNT] = "SELECT count(*) FROM record WHERE kind = ?",
    [SL_STATEMENT_RECORD_DROP] = "DELETE FROM record WHERE kind = ? AND tenant = ? AND id = ?",
    [SL_STATEMENT_RECORD_KEY] = "SELECT " RECORD " FROM record WHERE sha256 = ?",
    [SL_STATEMENT_RECORD_NAMED] = "SELECT " RECORD " FROM record WHERE kind = ? AND tenant = ?"
                                  " AND id = ?",
    [SL_STATEMENT_RECORD_LIST] = "SELECT " RECORD " FROM record WHERE kind = ?"
                                 " AND (tenant, id) > (?, ?) ORDER BY tenant, id LIMIT ?",
    [SL_STATEMENT_RECORD_LIST_OF] = "SELECT " RECORD " FROM record WHERE kind = ? AND tenant = ?"
                                    " AND id > ? ORDER BY id LIMIT ?",
    [SL_STATEMENT_TIP] = "SELECT number, mac, lost FROM trail WHERE instance = ?",
    [SL_STATEMENT_TIP_KEEP] = "INSERT OR REPLACE INTO trail VALUES (?, ?, ?, ?)",
    [SL_STATEMENT_ONCE] = "SELECT name FROM once WHERE tenant = ? AND key_id = ?",
    [SL_STATEMENT_ONCE_KEEP] = "INSERT OR REPLACE INTO once VALUES (?, ?, ?)",
    [SL_STATEMENT_ONCE_DROP] = "DELETE FROM once WHERE tenant = ? AND key_id = ?",
};

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int on_sqlite_progress(void *ctx)
{
    const struct sl_db *db = ctx;

    return db->until_us != 0 && clock_us() > db->until_us;
}

void sl_db_limit(struct sl_db *db, uint64_t ms)
{
    db->until_us = ms > 0 ? clock_us() + ms * 1000 : 0;
}

bool sl_db_trouble(struct sl_db *db)
{
    (void)snprintf(db->trouble, sizeof db->trouble, "%s", sqlite3_errmsg(db->sql));
    return false;
}

bool sl_db_exec(struct sl_db *db, const char *text)
{
    return sqlite3_exec(db->sql, text, NULL, NULL, NULL) == SQLITE_OK || sl_db_trouble(db);
}

/* ---- life ---- */

void sl_db_watch(struct sl_db *db)
{
    sqlite3_progress_handler(db->sql, STEPS, on_sqlite_progress, db);
}

bool sl_db_prepare(struct sl_db *db)
{
    for (int i = 0; i < SL_STATEMENT__COUNT; i++) {
        if (sqlite3_prepare_v3(db->sql, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &db->prepared[i],
                               NULL) != SQLITE_OK)
            return sl_db_trouble(db);
    }
    return true;
}

void sl_db_end(struct sl_db **pdb)
{
    struct sl_db *db = *pdb;

    *pdb = NULL;
    if (db == NULL)
        return;
    sl_db_limit(db, 0);
    for (int i = 0; i < SL_STATEMENT__COUNT; i++)
        sqlite3_finalize(db->prepared[i]);
    sqlite3_close(db->sql);
    sl_mem_free(db);
}

/* ---- statements ---- */

struct sl_query sl_db_query(struct sl_db *db, enum sl_statement which)
{
    return (struct sl_query){db, db->prepared[which], 0};
}

void sl_db_int(struct sl_query *q, int64_t v)
{
    sqlite3_bind_int64(q->stmt, ++q->at, v);
}

void sl_db_count(struct sl_query *q, uint64_t v)
{
    sl_db_int(q, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

void sl_db_text(struct sl_query *q, struct sl_str s)
{
    sqlite3_bind_text64(q->stmt, ++q->at, s.n > 0 ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8);
}

void sl_db_bytes(struct sl_query *q, const uint8_t *p, size_t n)
{
    if (p != NULL)
        sqlite3_bind_blob64(q->stmt, ++q->at, p, n, SQLITE_STATIC);
    else
        sqlite3_bind_null(q->stmt, ++q->at);
}

bool sl_db_step(struct sl_query *q)
{
    return sqlite3_step(q->stmt) == SQLITE_ROW;
}

bool sl_db_done(struct sl_query *q)
{
    bool ok = sqlite3_reset(q->stmt) == SQLITE_OK || sl_db_trouble(q->db);

    sqlite3_clear_bindings(q->stmt);
    return ok;
}

bool sl_db_run(struct sl_query *q)
{
    (void)sl_db_step(q);
    return sl_db_done(q);
}

struct sl_str sl_db_column(const struct sl_query *q, int i)
{
    const void *p = sqlite3_column_blob(q->stmt, i);

    return (struct sl_str){p, p != NULL ? (size_t)sqlite3_column_bytes(q->stmt, i) : 0};
}

/* ---- transactions ---- */

static bool run(struct sl_db *db, enum sl_statement which)
{
    struct sl_query q = sl_db_query(db, which);

    return sl_db_run(&q);
}

/* What settled may be lost with the power, never with the process: the journal is in
 * the kernel's hands at commit. What an administrator did must not be lost at all. */
bool sl_db_begin(struct sl_db *db, bool durable)
{
    return sl_db_exec(db, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL") &&
           run(db, SL_STATEMENT_BEGIN);
}

bool sl_db_commit(struct sl_db *db)
{
    return run(db, SL_STATEMENT_COMMIT);
}

void sl_db_rollback(struct sl_db *db)
{
    sl_db_limit(db, 0);
    db->has_old = db->newest_day[0] != '\0'; /* what was ended may be back */
    if (sqlite3_get_autocommit(db->sql) == 0)
        (void)run(db, SL_STATEMENT_ROLLBACK);
}
