/* admin/api/list.c -- pages of keys, tenants and balances.
 *
 * First what stands in the configuration alone, then the store's records. A cursor says
 * where the next page begins: "f<id>" behind that one of the configuration, or "s<page>
 * <id>" behind that one of the store's page that begins at <page>; in hexadecimal. What
 * is made or reset between two pages may be missed or come twice, nothing else. */
#include "admin/api/handlers.h"

#include <stdio.h>

#include "base/mem.h"

#define PAGE_USUAL 50
#define PAGE_MOST SL_STORE_PAGE

static const struct sl_str nobody = SL_STR_INIT("");

struct list {
    enum sl_record_kind kind;
    bool balances;
    struct sl_str tenant, state; /* only these; empty: all but deleted */
    uint64_t limit;
    struct sl_subject *at; /* up: arena; what was found */
    size_t n;
    struct sl_str from;   /* of the store's page */
    struct sl_str behind; /* this id, within it */
    struct sl_str next;   /* cursor */
    size_t done;          /* balances asked for and written */
};

/* ---- cursors ---- */

static struct sl_str cursor(struct sl_api *c, char where, struct sl_str from, struct sl_str id)
{
    size_t n = 1 + from.n + 1 + id.n;
    uint8_t *raw = sl_arena_alloc(&c->arena, n);
    char *hex = sl_arena_alloc(&c->arena, 2 * n);

    if (raw == NULL || hex == NULL)
        return nobody;
    raw[0] = (uint8_t)where;
    if (from.n > 0)
        memcpy(raw + 1, from.p, from.n);
    raw[1 + from.n] = '\n';
    memcpy(raw + 2 + from.n, id.p, id.n);
    sl_str_hex(raw, n, hex);
    return (struct sl_str){hex, 2 * n};
}

/* False: none of ours. `*where` is 'f' at the very beginning. */
static bool read_cursor(struct sl_api *c, struct sl_str text, char *where, struct list *l)
{
    uint8_t *raw = sl_arena_alloc(&c->arena, text.n / 2 + 1);
    struct sl_str s = {(char *)raw, text.n / 2};
    ptrdiff_t line;

    *where = 'f';
    l->from = l->behind = nobody;
    if (text.n == 0)
        return true;
    if (raw == NULL || text.n % 2 != 0 || !sl_str_unhex(text, raw, s.n))
        return false;
    line = sl_str_find_byte(s, '\n');
    if (line < 1 || (s.p[0] != 'f' && s.p[0] != 's'))
        return false;
    *where = s.p[0];
    l->from = (struct sl_str){s.p + 1, (size_t)line - 1};
    l->behind = sl_str_from(s, (size_t)line + 1);
    return true;
}

/* ---- the answer ---- */

static void write_one(struct sl_api *c, const struct sl_subject *s, const struct sl_balance *b)
{
    struct sl_tenant t;
    struct sl_key k;

    sl_out_open(&c->out, NULL, '{');
    if (s->kind == SL_RECORD_TENANT) {
        sl_find_lay_tenant(c, s, &t);
        sl_show_tenant(c, s, &t, b);
    } else {
        sl_tenant_init(&t);
        t.own.name = s->tenant;
        sl_find_lay_key(s, &t, &k);
        sl_show_key(c, s, &k, b);
    }
    sl_out_close(&c->out, '}');
}

static void finish(struct sl_api *c)
{
    const struct list *l = c->note;

    sl_out_close(&c->out, ']');
    sl_api_next(c, l->next);
    sl_api_done(c);
}

static void next_balance(struct sl_api *c);

static void on_balance(struct sl_api *c)
{
    struct list *l = c->note;

    write_one(c, &l->at[l->done++], &c->balance);
    next_balance(c);
}

static void next_balance(struct sl_api *c)
{
    const struct list *l = c->note;
    struct sl_tenant t;

    if (l->done == l->n) {
        finish(c);
        return;
    }
    sl_find_lay_tenant(c, &l->at[l->done], &t);
    sl_books_balance(c, NULL, &t, on_balance);
}

static void answer(struct sl_api *c)
{
    const struct list *l = c->note;

    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '[');
    if (l->balances) {
        next_balance(c);
        return;
    }
    for (size_t i = 0; i < l->n; i++)
        write_one(c, &l->at[i], NULL);
    finish(c);
}

/* ---- what belongs to it ---- */

/* As it is shown: a key that is over says `expired`, though its record doesn't. */
static struct sl_str state_of(struct sl_api *c, const struct sl_subject *s)
{
    struct sl_tenant t;
    struct sl_key k;

    if (s->kind != SL_RECORD_KEY)
        return sl_subject_state(s);
    sl_tenant_init(&t);
    t.own.name = s->tenant;
    sl_find_lay_key(s, &t, &k);
    return sl_show_key_state(c, s, &k);
}

static bool is_wanted(struct sl_api *c, const struct list *l, const struct sl_subject *s)
{
    struct sl_str state = state_of(c, s);

    if (!sl_subject_is_there(s) || (l->tenant.n > 0 && !sl_str_eq(l->tenant, s->tenant)))
        return false;
    return l->state.n > 0 ? sl_str_eq(l->state, state) : !sl_str_eq(state, SL_STR("deleted"));
}

/* Takes it if it is wanted; true: the page is full now. */
static bool add(struct sl_api *c, struct list *l, const struct sl_subject *s)
{
    if (is_wanted(c, l, s))
        l->at[l->n++] = *s;
    return l->n == l->limit;
}

static void read_page(struct sl_api *c);

static size_t first_of(const struct sl_records *page, struct sl_str behind)
{
    for (size_t i = 0; behind.n > 0 && i < page->n; i++)
        if (sl_str_eq(page->at[i].id, behind))
            return i + 1;
    return 0;
}

static bool take(struct sl_api *c, const struct sl_record *rec, struct sl_subject *s)
{
    *s = (struct sl_subject){.kind = rec->kind};
    if (rec->kind == SL_RECORD_TENANT)
        s->file_tenant = sl_tenants_get(c->conf->tenants, rec->id);
    return sl_find_take(c, s, rec);
}

static void on_page(void *ctx, enum sl_err e)
{
    struct sl_api *c = ctx;
    struct list *l = c->note;
    struct sl_subject s;

    if (!sl_api_is_fine(c, e))
        return;
    for (size_t i = first_of(&c->page, l->behind); i < c->page.n; i++) {
        if (!take(c, &c->page.at[i], &s)) {
            sl_api_no_memory(c);
            return;
        }
        if (!add(c, l, &s))
            continue;
        if (i + 1 < c->page.n || c->page.next.n > 0)
            l->next = cursor(c, 's', l->from, s.id);
        answer(c);
        return;
    }
    l->behind = nobody;
    l->from = sl_arena_dup(&c->arena, c->page.next);
    if (l->from.n == 0)
        answer(c);
    else
        read_page(c);
}

static void read_page(struct sl_api *c)
{
    const struct list *l = c->note;

    sl_store_list_start(c->store, l->kind, l->kind == SL_RECORD_KEY ? l->tenant : nobody, l->from,
                        &c->page, &c->op, on_page, c);
}

/* ---- the configuration's own ---- */

/* The next one of the configuration, as a subject without a record. */
static bool next_in_file(struct sl_api *c, const struct list *l, struct sl_subject *s)
{
    const struct sl_tenants *file = c->conf->tenants;
    const struct sl_key *k = s->file_key;
    const struct sl_tenant *t = s->file_tenant;

    *s = (struct sl_subject){.kind = l->kind, .state = nobody};
    if (l->kind == SL_RECORD_TENANT) {
        s->file_tenant = sl_tenants_next(file, t);
        if (s->file_tenant != NULL)
            s->id = s->tenant = s->file_tenant->own.name;
        return s->file_tenant != NULL;
    }
    s->file_key = sl_tenants_next_key(file, k, NULL);
    if (s->file_key == NULL)
        return false;
    s->id = s->file_key->public_id;
    s->tenant = s->file_key->tenant;
    return true;
}

/* True: the page is full. */
static bool add_file(struct sl_api *c, struct list *l)
{
    struct sl_subject s = {.kind = l->kind};
    bool on = l->behind.n == 0;
    struct sl_record rec;

    while (next_in_file(c, l, &s)) {
        if (!on) {
            on = sl_str_eq(s.id, l->behind);
            continue;
        }
        if (sl_store_known(c->store, l->kind, s.id, &rec))
            continue; /* comes with its record */
        if (add(c, l, &s)) {
            l->next = cursor(c, 'f', nobody, s.id);
            return true;
        }
    }
    return false;
}

/* ---- begun ---- */

static bool is_state(struct sl_str text)
{
    static const char *const states[] = {"active", "paused", "expired", "revoked", "deleted"};

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (sl_str_eq(text, sl_str_of(states[i])))
            return true;
    return false;
}

static void begin(struct sl_api *c, enum sl_record_kind kind, bool balances)
{
    struct list *l = sl_arena_zalloc(&c->arena, sizeof *l);
    struct sl_str after;
    char where;

    if (l == NULL) {
        sl_api_no_memory(c);
        return;
    }
    c->note = l;
    l->kind = kind;
    l->balances = balances;
    l->tenant = nobody;
    if (!sl_api_limit(c, PAGE_USUAL, PAGE_MOST, &l->limit) ||
        !sl_api_query(c, "state", &l->state) || !sl_api_query(c, "after", &after) ||
        (kind == SL_RECORD_KEY && !sl_api_query(c, "tenant", &l->tenant)))
        return;
    if (l->state.n > 0 && !is_state(l->state)) {
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "state",
                    "state: must be active, paused, expired, revoked or deleted");
        return;
    }
    if (!read_cursor(c, after, &where, l)) {
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "after", "after: must be the `next` of a page before");
        return;
    }
    l->at = sl_arena_alloc(&c->arena, l->limit * sizeof *l->at);
    if (l->at == NULL) {
        sl_api_no_memory(c);
    } else if (where == 'f' && add_file(c, l)) {
        answer(c);
    } else {
        if (where == 'f')
            l->behind = nobody;
        read_page(c);
    }
}

void sl_token_list(struct sl_api *c)
{
    begin(c, SL_RECORD_KEY, false);
}

void sl_tenant_list(struct sl_api *c)
{
    begin(c, SL_RECORD_TENANT, false);
}

void sl_balance_list(struct sl_api *c)
{
    begin(c, SL_RECORD_TENANT, true);
}
