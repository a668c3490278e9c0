/* admin/api/usage.c -- what was used, summed by whatever is asked for.
 *
 * GET usage?by=tenant,key,user,model,provider,app,day,label:<name>&from=&to=, days in UTC,
 * both inclusive; and only what tenant=, key=, user=, model=, provider=, app= name. An app is
 * told from others by its address, and shown as in the row that was read last. The store has
 * rows by tenant, so tenants are read one after the other: those of the configuration,
 * then those that have a record (deleted ones too). */
#include "admin/api/handlers.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/text.h"
#include "base/when.h"
#include "gateway/audit/apps.h"

#define BY_MOST 8
#define GROUPS_MOST 20000
#define NAME_BYTES 512 /* of the texts that tell groups apart */

static const struct sl_str nobody = SL_STR_INIT("");

struct column {
    const char *name;
    size_t at; /* of a text in struct sl_usage_row; of labels: none */
};
#define AT(member) offsetof(struct sl_usage_row, member)
static const struct column columns[] = {
    {"tenant", AT(tenant)},     {"key", AT(key_id)}, {"user", AT(user)}, {"model", AT(model)},
    {"provider", AT(provider)}, {"app", AT(app)},    {"day", AT(day)}};
#define COLUMNS (sizeof columns / sizeof columns[0])
#define APP 5

struct by {
    const struct column *column; /* shared: static; NULL: a label */
    struct sl_str label;
};

struct group {
    UT_hash_handle hh;
    struct sl_usage_row sum;
    char *app; /* owns: as it is shown; NULL: not asked for */
    size_t app_n;
    size_t texts[BY_MOST]; /* where each begins in `name` */
    size_t parts, n;
    char name[];
};

struct usage {
    struct by by[BY_MOST];
    size_t by_n;
    struct sl_str only[COLUMNS]; /* empty: all */
    struct sl_str from, to;
    struct group *groups; /* owns: a uthash */
    /* where it is */
    const struct sl_tenant *file; /* up: the snapshot's */
    bool in_store;                /* the configuration's are done */
    struct sl_str *names;         /* up: arena; of a page of the store's tenants */
    size_t names_n, at;
    struct sl_str pages;  /* the next page of them */
    struct sl_str tenant; /* whose rows are read */
    struct sl_str after;
    const struct sl_label *labels; /* up: of that tenant */
    size_t labels_n;
    struct sl_usage_rows rows;
};

static struct sl_str text_of(const struct sl_usage_row *row, const struct column *c)
{
    return *(const struct sl_str *)(const void *)((const char *)row + c->at);
}

/* ---- groups ---- */

static struct sl_str value_of(const struct usage *u, const struct by *by,
                              const struct sl_usage_row *row)
{
    if (by->column == &columns[APP])
        return sl_apps_key(row->app);
    if (by->column != NULL)
        return text_of(row, by->column);
    for (size_t i = 0; i < u->labels_n; i++)
        if (sl_str_eq(u->labels[i].name, by->label))
            return u->labels[i].value;
    return nobody;
}

/* A text's length goes before it, so that no two rows of texts look alike. */
static size_t write_name(const struct usage *u, const struct sl_usage_row *row,
                         char name[BY_MOST * NAME_BYTES], size_t texts[BY_MOST])
{
    size_t n = 0;

    for (size_t i = 0; i < u->by_n; i++) {
        struct sl_str s = sl_str_first(value_of(u, &u->by[i], row), NAME_BYTES - 2);

        texts[i] = n;
        name[n] = (char)(s.n >> 8);
        name[n + 1] = (char)(s.n & 0xff);
        if (s.n > 0)
            memcpy(name + n + 2, s.p, s.n);
        n += s.n + 2;
    }
    return n;
}

static struct sl_str part(const struct group *g, size_t i)
{
    const unsigned char *p = (const unsigned char *)g->name + g->texts[i];

    return (struct sl_str){g->name + g->texts[i] + 2, (size_t)p[0] << 8 | p[1]};
}

static void add(uint64_t *sum, uint64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum))
        *sum = UINT64_MAX;
}

static void add_row(struct sl_usage_row *to, const struct sl_usage_row *row)
{
    add(&to->requests, row->requests);
    add(&to->cached, row->cached);
    add(&to->in, row->in);
    add(&to->cache_read, row->cache_read);
    add(&to->cache_write, row->cache_write);
    add(&to->out, row->out);
    if (__builtin_add_overflow(to->cost_micro, row->cost_micro, &to->cost_micro))
        to->cost_micro = INT64_MAX;
}

static bool is_wanted(const struct usage *u, const struct sl_usage_row *row)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        if (u->only[i].n == 0 || sl_str_eq(u->only[i], text_of(row, &columns[i])))
            continue;
        if (i != APP || !sl_str_eq(sl_apps_key(u->only[i]), sl_apps_key(row->app)))
            return false;
    }
    return true;
}

/* The title may have changed since the row before. */
static bool show_app(struct group *g, struct sl_str app)
{
    char *p;

    if (g->app != NULL && sl_str_eq((struct sl_str){g->app, g->app_n}, app))
        return true;
    p = sl_mem_grow(g->app, app.n + 1);
    if (p == NULL)
        return false;
    if (app.n > 0)
        memcpy(p, app.p, app.n);
    g->app = p;
    g->app_n = app.n;
    return true;
}

static bool shows_apps(const struct usage *u)
{
    for (size_t i = 0; i < u->by_n; i++)
        if (u->by[i].column == &columns[APP])
            return true;
    return false;
}

/* False: no room for another group. */
static bool sum_up(struct usage *u, const struct sl_usage_row *row)
{
    char name[BY_MOST * NAME_BYTES];
    size_t texts[BY_MOST] = {0}, n = write_name(u, row, name, texts);
    struct group *g;

    HASH_FIND(hh, u->groups, name, n, g);
    if (g == NULL) {
        g = HASH_COUNT(u->groups) < GROUPS_MOST ? sl_mem_try(sizeof *g + n) : NULL;
        if (g == NULL)
            return false;
        memset(g, 0, sizeof *g);
        memcpy(g->name, name, n);
        memcpy(g->texts, texts, sizeof texts);
        g->parts = u->by_n;
        g->n = n;
        HASH_ADD_KEYPTR(hh, u->groups, g->name, g->n, g);
    }
    add_row(&g->sum, row);
    return !shows_apps(u) || show_app(g, row->app);
}

static void forget(struct sl_api *c)
{
    struct usage *u = c->note;
    struct group *g, *next;

    HASH_ITER(hh, u->groups, g, next)
    {
        HASH_DEL(u->groups, g);
        sl_mem_free(g->app);
        sl_mem_free(g);
    }
}

static int compare(struct sl_str a, struct sl_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int by_texts(const void *a, const void *b)
{
    const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
    int order = 0;

    for (size_t i = 0; order == 0 && i < x->parts; i++)
        order = compare(part(x, i), part(y, i));
    return order;
}

/* ---- the answer ---- */

static void write_group(struct sl_api *c, const struct usage *u, const struct group *g)
{
    struct sl_out *o = &c->out;

    sl_out_open(o, NULL, '{');
    for (size_t i = 0; i < u->by_n; i++) {
        if (u->by[i].column != NULL)
            sl_out_name(o, sl_str_of(u->by[i].column->name));
        else
            sl_out_name(o, u->by[i].label);
        if (u->by[i].column == &columns[APP])
            sl_out_text(o, NULL, (struct sl_str){g->app, g->app_n});
        else
            sl_out_text(o, NULL, part(g, i));
    }
    sl_out_count(o, "requests", g->sum.requests);
    sl_out_count(o, "cached", g->sum.cached);
    sl_out_count(o, "input", g->sum.in);
    sl_out_count(o, "cache_read", g->sum.cache_read);
    sl_out_count(o, "cache_write", g->sum.cache_write);
    sl_out_count(o, "output", g->sum.out);
    sl_out_money(o, "cost", g->sum.cost_micro);
    sl_out_close(o, '}');
}

static void answer(struct sl_api *c)
{
    struct usage *u = c->note;
    size_t n = HASH_COUNT(u->groups), i = 0;
    struct group **order = sl_arena_alloc(&c->arena, (n + 1) * sizeof(struct group *));
    struct group *g, *next;

    if (order == NULL) {
        sl_api_no_memory(c);
        return;
    }
    HASH_ITER(hh, u->groups, g, next)
    {
        order[i++] = g;
    }
    qsort(order, n, sizeof(struct group *), by_texts);
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '[');
    for (i = 0; i < n; i++)
        write_group(c, u, order[i]);
    sl_out_close(&c->out, ']');
    sl_out_text(&c->out, "from", u->from);
    sl_out_text(&c->out, "to", u->to);
    sl_api_done(c);
}

/* ---- reading ---- */

static void next_tenant(struct sl_api *c);

static void on_rows(void *ctx, enum sl_err e);

static void read_rows(struct sl_api *c)
{
    struct usage *u = c->note;

    sl_store_usage_start(c->store, u->tenant, u->from, u->to, u->after, &u->rows, &c->op, on_rows,
                         c);
}

static void on_rows(void *ctx, enum sl_err e)
{
    struct sl_api *c = ctx;
    struct usage *u = c->note;

    if (!sl_api_is_fine(c, e))
        return;
    for (size_t i = 0; i < u->rows.n; i++) {
        struct sl_usage_row row = u->rows.at[i];

        row.tenant = u->tenant;
        if (!is_wanted(u, &row) || sum_up(u, &row))
            continue;
        sl_api_fail(c, 422, SL_ERR_CEILING, "by",
                    "by: more than %d rows; sum by less, or narrow from, to or tenant",
                    GROUPS_MOST);
        return;
    }
    u->after = sl_arena_dup(&c->arena, u->rows.next);
    if (u->after.p == NULL)
        sl_api_no_memory(c);
    else if (u->after.n > 0)
        read_rows(c);
    else
        next_tenant(c);
}

static void on_tenants(void *ctx, enum sl_err e)
{
    struct sl_api *c = ctx;
    struct usage *u = c->note;

    if (!sl_api_is_fine(c, e))
        return;
    u->names_n = u->at = 0;
    u->pages = sl_arena_dup(&c->arena, c->page.next);
    u->names = sl_arena_alloc(&c->arena, (c->page.n + 1) * sizeof *u->names);
    for (size_t i = 0; u->names != NULL && i < c->page.n; i++) {
        if (sl_tenants_get(c->conf->tenants, c->page.at[i].id) == NULL)
            u->names[u->names_n++] = sl_arena_dup(&c->arena, c->page.at[i].id);
    }
    if (u->names == NULL || u->pages.p == NULL)
        sl_api_no_memory(c);
    else
        next_tenant(c);
}

static void read_tenants(struct sl_api *c)
{
    const struct usage *u = c->note;

    sl_store_list_start(c->store, SL_RECORD_TENANT, nobody, u->pages, &c->page, &c->op, on_tenants,
                        c);
}

/* Labels as they are now. */
static void begin_tenant(struct sl_api *c, struct sl_str name)
{
    struct usage *u = c->note;
    struct sl_subject s = {.kind = SL_RECORD_TENANT, .id = name};
    struct sl_record rec;
    struct sl_tenant t;

    s.file_tenant = sl_tenants_get(c->conf->tenants, name);
    if (sl_store_known(c->store, SL_RECORD_TENANT, name, &rec) && !sl_find_take(c, &s, &rec)) {
        sl_api_no_memory(c);
        return;
    }
    sl_find_lay_tenant(c, &s, &t);
    u->tenant = name;
    u->labels = t.labels;
    u->labels_n = t.labels_n;
    u->after = nobody;
    read_rows(c);
}

static void next_tenant(struct sl_api *c)
{
    struct usage *u = c->note;

    if (u->only[0].n > 0) { /* that one alone */
        if (u->tenant.n == 0)
            begin_tenant(c, u->only[0]);
        else
            answer(c);
        return;
    }
    if (!u->in_store) {
        u->file = sl_tenants_next(c->conf->tenants, u->file);
        u->in_store = u->file == NULL;
    }
    if (!u->in_store)
        begin_tenant(c, u->file->own.name);
    else if (u->at < u->names_n)
        begin_tenant(c, u->names[u->at++]);
    else if (u->names == NULL || u->pages.n > 0)
        read_tenants(c);
    else
        answer(c);
}

/* ---- what is asked for ---- */

static bool read_by(struct sl_api *c, struct usage *u, struct sl_str one)
{
    struct by by = {.label = nobody};

    for (size_t i = 0; i < COLUMNS; i++)
        if (sl_str_eq(one, sl_str_of(columns[i].name)))
            by.column = &columns[i];
    if (sl_str_starts(one, SL_STR("label:")))
        by.label = sl_str_from(one, 6);
    if (u->by_n < BY_MOST && (by.column != NULL || by.label.n > 0)) {
        u->by[u->by_n++] = by;
        return true;
    }
    sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "by",
                "by: must be at most %d of tenant, key, user, model, provider, app, day, "
                "label:<name>, with commas",
                BY_MOST);
    return false;
}

static bool read_bys(struct sl_api *c, struct usage *u)
{
    struct sl_str list, one;

    if (!sl_api_query(c, "by", &list))
        return false;
    if (list.n == 0)
        list = SL_STR("tenant");
    while (sl_str_split(&list, ',', &one))
        if (!read_by(c, u, sl_str_trim(one)))
            return false;
    return true;
}

static struct sl_str day_of(struct sl_api *c, int64_t unix_ms)
{
    char place[32];
    struct sl_text t = sl_text_over(place, sizeof place);

    sl_text_time(&t, unix_ms);
    return sl_arena_dup(&c->arena, sl_str_first(sl_text_str(&t), 10));
}

static bool read_day(struct sl_api *c, const char *name, struct sl_str *day)
{
    struct sl_str text;
    uint64_t ignored;

    if (!sl_api_query(c, name, &text))
        return false;
    if (text.n > 0)
        *day = text;
    if (day->p == NULL)
        sl_api_no_memory(c);
    else if (day->n == 10 && sl_when_date(*day, &ignored))
        return true;
    else
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, name, "%s: must be a day such as 2027-01-31", name);
    return false;
}

/* From the month's first day to today, if nothing is said. */
static bool read_days(struct sl_api *c, struct usage *u)
{
    struct sl_str today = day_of(c, sl_api_now(c));

    if (today.p == NULL) {
        sl_api_no_memory(c);
        return false;
    }
    u->to = today;
    u->from = sl_arena_printf(&c->arena, "%.8s01", today.p);
    if (!read_day(c, "from", &u->from) || !read_day(c, "to", &u->to))
        return false;
    if (compare(u->from, u->to) <= 0)
        return true;
    sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "from",
                "from: lies behind `to`, which is today if not said");
    return false;
}

void sl_usage_show(struct sl_api *c)
{
    struct usage *u = sl_arena_zalloc(&c->arena, sizeof *u);

    if (u == NULL) {
        sl_api_no_memory(c);
        return;
    }
    c->note = u;
    c->let_go = forget;
    u->pages = nobody;
    for (size_t i = 0; i + 1 < COLUMNS; i++)
        if (!sl_api_query(c, columns[i].name, &u->only[i]))
            return;
    if (read_bys(c, u) && read_days(c, u))
        next_tenant(c);
}
