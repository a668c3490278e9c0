/* store/embedded/export.c -- pages of every table, in an order that does not change. */
#include "store/embedded/export.h"

#include "store/embedded/inside.h"

struct page {
    sqlite3_stmt *stmt;        /* owns */
    const struct sl_export *x; /* up */
    int rc;                    /* of the last step */
    bool room;                 /* for what was read so far */
};

#define PAGE_MS 60000 /* for one */

static sqlite3 *sql_of(const struct sl_export *x)
{
    return SL_CONTAINER(x->b, struct sl_embedded, backend)->write.db->sql;
}

const char *sl_export_trouble(const struct sl_export *x)
{
    return sqlite3_errmsg(sql_of(x));
}

/* ?1 how many were read before, ?2 how many are read now, ?3 the tenant, ?4 a day; a query
 * need not have them all. */
static struct page begin(const struct sl_export *x, const char *query, size_t from)
{
    struct page p = {NULL, x, SQLITE_ERROR, true};
    int n;

    sl_db_limit(SL_CONTAINER(x->b, struct sl_embedded, backend)->write.db, PAGE_MS);
    if (sqlite3_prepare_v2(sql_of(x), query, -1, &p.stmt, NULL) != SQLITE_OK)
        return p;
    n = sqlite3_bind_parameter_count(p.stmt);
    sqlite3_bind_int64(p.stmt, 1, (sqlite3_int64)from);
    sqlite3_bind_int(p.stmt, 2, SL_STORE_PAGE);
    if (n >= 3)
        sqlite3_bind_text(p.stmt, 3, x->tenant.p, (int)x->tenant.n, SQLITE_STATIC);
    if (n >= 4)
        sqlite3_bind_text(p.stmt, 4, x->from_day.p, (int)x->from_day.n, SQLITE_STATIC);
    return p;
}

static bool next(struct page *p)
{
    p->rc = p->stmt != NULL && p->room ? sqlite3_step(p->stmt) : SQLITE_ERROR;
    return p->rc == SQLITE_ROW;
}

static int end(struct page *p, int n)
{
    bool fine = p->rc == SQLITE_DONE || (p->rc == SQLITE_ROW && n == SL_STORE_PAGE);

    sqlite3_finalize(p->stmt);
    return fine && p->room ? n : -1;
}

static struct sl_str text(struct page *p, int i)
{
    const void *bytes = sqlite3_column_blob(p->stmt, i);
    size_t n = bytes != NULL ? (size_t)sqlite3_column_bytes(p->stmt, i) : 0;
    struct sl_str s = sl_arena_dup(p->x->a, (struct sl_str){bytes != NULL ? bytes : "", n});

    p->room = p->room && s.p != NULL;
    return s;
}

static uint64_t count(const struct page *p, int i)
{
    sqlite3_int64 v = sqlite3_column_int64(p->stmt, i);

    return v > 0 ? (uint64_t)v : 0;
}

int sl_export_tenants(const struct sl_export *x, size_t from, struct sl_str *out)
{
    struct page p = begin(x,
                          "SELECT tenant FROM account UNION SELECT tenant FROM usage"
                          " UNION SELECT tenant FROM seq ORDER BY 1 LIMIT ?2 OFFSET ?1",
                          from);
    int n = 0;

    while (n < SL_STORE_PAGE && next(&p))
        out[n++] = text(&p, 0);
    return end(&p, n);
}

int sl_export_records(const struct sl_export *x, size_t from, struct sl_record *out)
{
    struct page p = begin(x,
                          "SELECT kind, tenant, id, sha256, rev, state, doc FROM record"
                          " ORDER BY kind, tenant, id LIMIT ?2 OFFSET ?1",
                          from);
    int n = 0;

    while (n < SL_STORE_PAGE && next(&p)) {
        struct sl_record *r = &out[n++];
        const void *digest = sqlite3_column_blob(p.stmt, 3);

        *r = (struct sl_record){.kind = (enum sl_record_kind)sqlite3_column_int(p.stmt, 0),
                                .tenant = text(&p, 1),
                                .id = text(&p, 2),
                                .rev = count(&p, 4),
                                .state = text(&p, 5),
                                .doc = text(&p, 6)};
        if (digest != NULL && sqlite3_column_bytes(p.stmt, 3) == (int)sizeof r->sha256)
            memcpy(r->sha256, digest, sizeof r->sha256);
    }
    return end(&p, n);
}

int sl_export_accounts(const struct sl_export *x, size_t from, struct sl_restore_account *out)
{
    struct page p = begin(
        x,
        "SELECT key_id, held, granted_micro, spent_micro, day0, day_micro, month0, month_micro,"
        " name FROM account LEFT JOIN once USING (tenant, key_id) WHERE tenant = ?3"
        " ORDER BY key_id LIMIT ?2 OFFSET ?1",
        from);
    int n = 0;

    while (n < SL_STORE_PAGE && next(&p)) {
        out[n++] = (struct sl_restore_account){
            .key_id = text(&p, 0),
            .account = {.held = sqlite3_column_int(p.stmt, 1) != 0,
                        .granted_micro = sqlite3_column_int64(p.stmt, 2),
                        .spent_micro = sqlite3_column_int64(p.stmt, 3),
                        .day0 = sqlite3_column_int64(p.stmt, 4),
                        .day_micro = sqlite3_column_int64(p.stmt, 5),
                        .month0 = sqlite3_column_int64(p.stmt, 6),
                        .month_micro = sqlite3_column_int64(p.stmt, 7)},
            .once = text(&p, 8)};
    }
    return end(&p, n);
}

int sl_export_rows(const struct sl_export *x, size_t from, struct sl_usage_row *out)
{
    struct page p = begin(x,
                          "SELECT day, key_id, user, model, provider, requests, cached, tokens_in,"
                          " cache_read, cache_write, tokens_out, cost_micro FROM usage"
                          " WHERE tenant = ?3 AND day >= ?4 ORDER BY id LIMIT ?2 OFFSET ?1",
                          from);
    int n = 0;

    while (n < SL_STORE_PAGE && next(&p)) {
        out[n] = (struct sl_usage_row){.tenant = x->tenant,
                                       .day = text(&p, 0),
                                       .key_id = text(&p, 1),
                                       .user = text(&p, 2),
                                       .model = text(&p, 3),
                                       .requests = count(&p, 5),
                                       .cached = count(&p, 6),
                                       .in = count(&p, 7),
                                       .cache_read = count(&p, 8),
                                       .cache_write = count(&p, 9),
                                       .out = count(&p, 10),
                                       .cost_micro = sqlite3_column_int64(p.stmt, 11)};
        sl_books_split(text(&p, 4), &out[n++]);
    }
    return end(&p, n);
}

int sl_export_seqs(const struct sl_export *x, size_t from, struct sl_restore_seq *out)
{
    struct page p = begin(x,
                          "SELECT instance, number FROM seq WHERE tenant = ?3 ORDER BY instance"
                          " LIMIT ?2 OFFSET ?1",
                          from);
    int n = 0;

    while (n < SL_STORE_PAGE && next(&p)) {
        struct sl_str name = sl_str_first(text(&p, 0), sizeof out->instance);

        out[n] = (struct sl_restore_seq){.number = count(&p, 1)};
        if (name.n > 0)
            memcpy(out[n].instance, name.p, name.n);
        n++;
    }
    return end(&p, n);
}
