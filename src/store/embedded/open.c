/* store/embedded/open.c -- the file: whose it is, which schema it has, whether it is sound. */
#include "store/embedded/inside.h"

#include <stdio.h>
#include <stdlib.h>

#define APPLICATION 0x534c5543 /* "SLUC": whose file it is */
#define CHECK_MS 2000          /* looking a file over at start */
#define BUSY_MS 1000

#define SEQ                                                                                        \
    "CREATE TABLE seq (tenant TEXT NOT NULL, instance TEXT NOT NULL, number INTEGER NOT NULL,"     \
    " PRIMARY KEY (tenant, instance)) WITHOUT ROWID;"

static const char schema[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO meta VALUES ('revision', 0), ('epoch', 0);"
    "CREATE TABLE record (kind INTEGER NOT NULL, tenant TEXT NOT NULL, id TEXT NOT NULL,"
    " sha256 BLOB UNIQUE, rev INTEGER NOT NULL, state TEXT NOT NULL, doc TEXT NOT NULL,"
    " PRIMARY KEY (kind, tenant, id));"
    "CREATE TABLE account (tenant TEXT NOT NULL, key_id TEXT NOT NULL, held INTEGER NOT NULL,"
    " granted_micro INTEGER NOT NULL, spent_micro INTEGER NOT NULL, day0 INTEGER NOT NULL,"
    " day_micro INTEGER NOT NULL, month0 INTEGER NOT NULL, month_micro INTEGER NOT NULL,"
    " PRIMARY KEY (tenant, key_id)) WITHOUT ROWID;"
    "CREATE TABLE usage (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, day TEXT NOT NULL,"
    " key_id TEXT NOT NULL, user TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,"
    " requests INTEGER NOT NULL, cached INTEGER NOT NULL, tokens_in INTEGER NOT NULL,"
    " cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, tokens_out INTEGER NOT NULL,"
    " cost_micro INTEGER NOT NULL, UNIQUE (tenant, day, key_id, user, model, provider));"
    "CREATE INDEX usage_day ON usage (tenant, day);" SEQ "COMMIT";

/* Not of the schema: an older sluice can do with it and without it. */
static const char beside[] =
    "CREATE INDEX IF NOT EXISTS record_revoked ON record (rev) WHERE " SL_DB_REVOKED ";"
    "CREATE TABLE IF NOT EXISTS trail (instance TEXT PRIMARY KEY, number INTEGER NOT NULL,"
    " mac BLOB NOT NULL, lost INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS once (tenant TEXT NOT NULL, key_id TEXT NOT NULL,"
    " name TEXT NOT NULL, PRIMARY KEY (tenant, key_id)) WITHOUT ROWID";

/* Schema 1 counted numbers an instance, for all of its tenants at once. */
static const char from_1[] =
    "BEGIN; ALTER TABLE seq RENAME TO seq_1;" SEQ
    "INSERT INTO seq SELECT t.tenant, s.instance, s.number FROM seq_1 AS s,"
    " (SELECT tenant FROM account UNION SELECT tenant FROM usage) AS t;"
    "DROP TABLE seq_1; PRAGMA user_version = 2; COMMIT";

static bool make_schema(struct sl_db *db)
{
    char begin[100];

    (void)snprintf(begin, sizeof begin,
                   "BEGIN; PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION,
                   SL_EMBEDDED_SCHEMA);
    return sl_db_exec(db, begin) && sl_db_exec(db, schema);
}

/* The first column of the first row of a pragma. */
static bool ask(struct sl_db *db, const char *text, char *out, size_t cap)
{
    sqlite3_stmt *s = NULL;
    bool ok = sqlite3_prepare_v2(db->sql, text, -1, &s, NULL) == SQLITE_OK &&
              sqlite3_step(s) == SQLITE_ROW;

    if (ok)
        (void)snprintf(out, cap, "%s", (const char *)sqlite3_column_text(s, 0));
    else
        (void)sl_db_trouble(db);
    sqlite3_finalize(s);
    return ok;
}

/* What can be seen of damage in CHECK_MS; what it did not get to shows when it is read. */
static bool looks_sound(struct sl_db *db)
{
    char said[120] = "";

    sl_db_limit(db, CHECK_MS);
    if (!ask(db, "PRAGMA quick_check(1)", said, sizeof said))
        return sqlite3_errcode(db->sql) == SQLITE_INTERRUPT;
    if (strcmp(said, "ok") == 0)
        return true;
    (void)snprintf(db->trouble, sizeof db->trouble, "%s", said);
    return false;
}

static bool has_tables(struct sl_db *db, bool *has)
{
    char n[16] = "";

    if (!ask(db, "SELECT count(*) FROM sqlite_schema", n, sizeof n))
        return false;
    *has = strcmp(n, "0") != 0;
    return true;
}

enum fit { FITS, DAMAGED, FOREIGN, NEWER };

static enum fit fit_schema(struct sl_db *db, bool again)
{
    char owner[16] = "", version[16] = "";
    bool has;

    if (!has_tables(db, &has))
        return DAMAGED;
    if (!has)
        return make_schema(db) ? FITS : DAMAGED;
    if (!ask(db, "PRAGMA application_id", owner, sizeof owner) ||
        !ask(db, "PRAGMA user_version", version, sizeof version))
        return DAMAGED;
    (void)snprintf(db->trouble, sizeof db->trouble, "%s", version);
    if (strtol(owner, NULL, 10) != APPLICATION)
        return FOREIGN;
    if (strtol(version, NULL, 10) > SL_EMBEDDED_SCHEMA)
        return NEWER;
    if (!again && !looks_sound(db))
        return DAMAGED;
    return strtol(version, NULL, 10) > 1 || sl_db_exec(db, from_1) ? FITS : DAMAGED;
}

static bool set_up(struct sl_db *db, const char *path)
{
    return sl_db_exec(db, "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;"
                          " PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 16777216") &&
           (path == NULL ||
            sl_db_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"));
}

static bool open_all(struct sl_db *db, const char *path, bool again, char *why, size_t cap)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    const char *name = path != NULL ? path : ":memory:";
    enum fit fit = DAMAGED;

    if (sqlite3_open_v2(name, &db->sql, flags, NULL) != SQLITE_OK) {
        (void)snprintf(why, cap, "%s can't be opened: %s", name,
                       db->sql != NULL ? sqlite3_errmsg(db->sql) : "no memory");
        return false;
    }
    sqlite3_busy_timeout(db->sql, BUSY_MS);
    sl_db_watch(db);
    if (set_up(db, path))
        fit = fit_schema(db, again);
    if (fit == FITS && sl_db_exec(db, beside) && sl_db_prepare(db))
        return true;
    if (fit == NEWER)
        (void)snprintf(why, cap,
                       "%s has schema %s, this sluice knows %d: run the newer sluice, or choose"
                       " another directory",
                       name, db->trouble, SL_EMBEDDED_SCHEMA);
    else if (fit == FOREIGN)
        (void)snprintf(why, cap, "%s is a database of another program: choose another directory",
                       name);
    else
        (void)snprintf(why, cap,
                       "%s can't be used: %s. Put a copy of it back, or move it away and run"
                       " `sluice ledger rebuild`",
                       name, db->trouble);
    return false;
}

struct sl_db *sl_db_open(const char *path, bool again, char *why, size_t cap)
{
    struct sl_db *db = sl_mem_new(sizeof *db);

    if (!open_all(db, path, again, why, cap))
        sl_db_end(&db);
    else
        sl_db_limit(db, 0);
    return db;
}
