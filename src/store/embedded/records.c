/* store/embedded/records.c -- keys, tenants and switches, written and read. On a thread. */
#include <stdio.h>

#include "policy/routing/switches.h"
#include "store/embedded/inside.h"

#define PAGE SL_STORE_PAGE
#define PRUNE_MAX 100

static void bind_name(struct sl_query *q, const struct sl_record *r)
{
    sl_db_int(q, r->kind);
    sl_db_text(q, r->tenant);
    sl_db_text(q, r->id);
}

static const uint8_t *digest_of(const struct sl_record *r)
{
    return r->kind == SL_RECORD_KEY ? r->sha256 : NULL;
}

/* The only row of a statement that has one number in it; `none` where there is no row. */
static bool number(struct sl_query *q, int64_t none, int64_t *out)
{
    *out = sl_db_step(q) ? sqlite3_column_int64(q->stmt, 0) : none;
    return sl_db_done(q);
}

/* Is the key's digest another record's? */
static bool is_taken(struct sl_db *db, const struct sl_record *r, bool *taken)
{
    struct sl_query q = sl_db_query(db, SL_STATEMENT_RECORD_TAKEN);
    int64_t one = 0;

    *taken = false;
    if (digest_of(r) == NULL)
        return true;
    sl_db_bytes(&q, r->sha256, sizeof r->sha256);
    bind_name(&q, r);
    if (!number(&q, 0, &one))
        return false;
    *taken = one != 0;
    return true;
}

static bool write(struct sl_db *db, enum sl_statement which, const struct sl_record *r)
{
    struct sl_query q = sl_db_query(db, which);

    bind_name(&q, r);
    sl_db_bytes(&q, digest_of(r), sizeof r->sha256);
    sl_db_count(&q, r->rev);
    sl_db_text(&q, r->state);
    sl_db_text(&q, r->doc);
    return sl_db_run(&q);
}

/* With each key that is revoked, the oldest beyond those that are kept go: some a call, as
 * a restore may have brought many. */
static bool prune(struct sl_db *db, const struct sl_record *r)
{
    struct sl_query q;

    if (r->kind != SL_RECORD_KEY || !sl_str_eq(r->state, SL_STR("revoked")))
        return true;
    q = sl_db_query(db, SL_STATEMENT_RECORD_PRUNE);
    sl_db_int(&q, PRUNE_MAX);
    sl_db_int(&q, SL_EMBEDDED_REVOKED);
    return sl_db_run(&q);
}

/* Ids of switches that are over, among a page of them behind the one that was looked at last. */
static bool find_over(struct sl_db *db, struct sl_entry *n, struct sl_str *over, size_t *over_n)
{
    struct sl_query q = sl_db_query(db, SL_STATEMENT_RECORD_LIST_OF);
    char last[sizeof db->swept] = "";
    size_t seen = 0;
    bool room = true;

    sl_db_int(&q, SL_RECORD_SWITCH);
    sl_db_text(&q, (struct sl_str){0});
    sl_db_text(&q, sl_str_of(db->swept));
    sl_db_int(&q, PAGE);
    for (*over_n = 0; room && sl_db_step(&q); seen++) {
        struct sl_str id = sl_db_column(&q, 2);

        (void)snprintf(last, sizeof last, "%.*s", SL_STR_ARGS(id));
        if (!sl_switch_is_over(id, sl_db_column(&q, 6), n->now_ms))
            continue;
        over[*over_n] = sl_arena_dup(&n->arena, id);
        room = over[(*over_n)++].p != NULL;
    }
    (void)snprintf(db->swept, sizeof db->swept, "%s", seen == PAGE ? last : "");
    return sl_db_done(&q) && room;
}

/* With each switch that is written, those of the next page that are over go. */
static bool sweep(struct sl_db *db, struct sl_entry *n)
{
    struct sl_str over[PAGE];
    size_t over_n = 0;

    if (n->records->kind != SL_RECORD_SWITCH)
        return true;
    if (!find_over(db, n, over, &over_n))
        return false;
    for (size_t i = 0; i < over_n; i++) {
        struct sl_record r = {.kind = SL_RECORD_SWITCH, .id = over[i]};
        struct sl_query q = sl_db_query(db, SL_STATEMENT_RECORD_DROP);

        bind_name(&q, &r);
        if (!sl_db_run(&q))
            return false;
    }
    return true;
}

/* Is there no room for one more tenant, or switch? */
static bool is_full(struct sl_db *db, enum sl_record_kind kind, bool *full)
{
    struct sl_query q = sl_db_query(db, SL_STATEMENT_RECORD_COUNT);
    int64_t count = 0;

    sl_db_int(&q, kind);
    if (!number(&q, 0, &count))
        return false;
    *full = count >= SL_STORE_NAMES;
    return true;
}

enum sl_err sl_records_put(struct sl_db *db, struct sl_entry *n)
{
    struct sl_record *r = n->records;
    struct sl_query q = sl_db_query(db, SL_STATEMENT_RECORD_REV);
    bool taken, full = false;
    int64_t rev;

    bind_name(&q, r);
    if (!number(&q, 0, &rev) || !is_taken(db, r, &taken))
        return SL_ERR_STORE;
    if ((uint64_t)rev != r->rev || taken)
        return SL_ERR_CONFLICT;
    if (rev == 0 && r->kind != SL_RECORD_KEY && !is_full(db, r->kind, &full))
        return SL_ERR_STORE;
    if (full)
        return SL_ERR_CEILING;
    q = sl_db_query(db, SL_STATEMENT_REVISION_NEXT);
    if (!number(&q, 0, &rev) || rev <= 0)
        return SL_ERR_STORE;
    r->rev = (uint64_t)rev;
    return write(db, SL_STATEMENT_RECORD_PUT, r) && prune(db, r) && sweep(db, n) ? SL_OK
                                                                                 : SL_ERR_STORE;
}

enum sl_err sl_records_restore(struct sl_db *db, struct sl_entry *n)
{
    struct sl_query q = sl_db_query(db, SL_STATEMENT_REVISION_RAISE);
    uint64_t most = 0;
    int64_t rev;

    for (size_t i = 0; i < n->records_n; i++) {
        bool taken;

        if (!is_taken(db, &n->records[i], &taken))
            return SL_ERR_STORE;
        if (taken)
            return SL_ERR_CONFLICT;
        most = n->records[i].rev > most ? n->records[i].rev : most;
    }
    for (size_t i = 0; i < n->records_n; i++) {
        if (!write(db, SL_STATEMENT_RECORD_RESTORE, &n->records[i]))
            return SL_ERR_STORE;
        n->applied[i] = sqlite3_changes(db->sql) > 0;
    }
    sl_db_count(&q, most);
    return number(&q, 0, &rev) ? SL_OK : SL_ERR_STORE;
}

/* ---- reading ---- */

static bool read_record(struct sl_entry *n, const struct sl_query *q, struct sl_record *r)
{
    struct sl_str digest = sl_db_column(q, 3);

    *r = (struct sl_record){.kind = (enum sl_record_kind)sqlite3_column_int(q->stmt, 0),
                            .tenant = sl_arena_dup(&n->arena, sl_db_column(q, 1)),
                            .id = sl_arena_dup(&n->arena, sl_db_column(q, 2)),
                            .rev = (uint64_t)sqlite3_column_int64(q->stmt, 4),
                            .state = sl_arena_dup(&n->arena, sl_db_column(q, 5)),
                            .doc = sl_arena_dup(&n->arena, sl_db_column(q, 6))};
    if (digest.n == sizeof r->sha256)
        memcpy(r->sha256, digest.p, digest.n);
    return r->tenant.p != NULL && r->id.p != NULL && r->state.p != NULL && r->doc.p != NULL;
}

enum sl_err sl_records_key(struct sl_db *db, struct sl_entry *n)
{
    bool by_digest = n->records->kind == SL_RECORD_KEY;
    struct sl_query q =
        sl_db_query(db, by_digest ? SL_STATEMENT_RECORD_KEY : SL_STATEMENT_RECORD_NAMED);
    struct sl_record *r = sl_arena_zalloc(&n->arena, sizeof *r);
    bool room = r != NULL;

    if (by_digest)
        sl_db_bytes(&q, n->records->sha256, sizeof r->sha256);
    else
        bind_name(&q, n->records);
    n->found = (struct sl_records){.at = r};
    if (room && sl_db_step(&q)) {
        room = read_record(n, &q, r);
        n->found.n = 1;
    }
    return sl_db_done(&q) && room ? SL_OK : SL_ERR_STORE;
}

/* Pages go on behind "<id>", those of all tenants' keys behind "<id>:<tenant>"; names of what
 * is no key may have colons. */
static struct sl_query list_query(struct sl_db *db, const struct sl_entry *n)
{
    bool is_of = n->tenant.n > 0;
    struct sl_query q =
        sl_db_query(db, is_of ? SL_STATEMENT_RECORD_LIST_OF : SL_STATEMENT_RECORD_LIST);
    bool is_key = n->record_kind == SL_RECORD_KEY;
    ptrdiff_t colon = is_key ? sl_str_find_byte(n->after, ':') : -1;
    struct sl_str id = n->after, tenant = {0};

    if (colon >= 0) {
        id = sl_str_first(n->after, (size_t)colon);
        tenant = sl_str_from(n->after, (size_t)colon + 1);
    }
    sl_db_int(&q, n->record_kind);
    sl_db_text(&q, is_of ? n->tenant : tenant);
    sl_db_text(&q, id);
    sl_db_int(&q, PAGE + 1);
    return q;
}

enum sl_err sl_records_list(struct sl_db *db, struct sl_entry *n)
{
    struct sl_records *found = &n->found;
    struct sl_query q;
    bool room = true;

    *found = (struct sl_records){.at = sl_arena_alloc(&n->arena, PAGE * sizeof *found->at)};
    if (found->at == NULL)
        return SL_ERR_STORE;
    q = list_query(db, n);
    while (room && sl_db_step(&q)) {
        if (found->n == PAGE) {
            const struct sl_record *last = &found->at[PAGE - 1];

            found->next = last->kind == SL_RECORD_KEY
                              ? sl_arena_printf(&n->arena, "%.*s:%.*s", SL_STR_ARGS(last->id),
                                                SL_STR_ARGS(last->tenant))
                              : sl_arena_dup(&n->arena, last->id);
            room = found->next.p != NULL;
            break;
        }
        room = read_record(n, &q, &found->at[found->n++]);
    }
    return sl_db_done(&q) && room ? SL_OK : SL_ERR_STORE;
}
