/* store/copy/compare.c -- what was copied is read back from the Redis. */
#include "store/copy/inside.h"

#include <stdio.h>

#include "base/mem.h"
#include "policy/routing/switches.h"

static void differ(struct sl_copy *c, const char *what, struct sl_str tenant, struct sl_str id)
{
    if (c->out->differences++ == 0)
        snprintf(c->out->first, sizeof c->out->first, "%s of %.*s%s%.*s differs", what,
                 SL_STR_ARGS(sl_str_first(tenant, 64)), tenant.n > 0 && id.n > 0 ? " " : "",
                 SL_STR_ARGS(sl_str_first(id, 64)));
}

/* ---- records ---- */

struct looked {                   /* a record, while its counterpart is read */
    struct sl_copy *c;            /* up */
    const struct sl_record *want; /* up */
    struct sl_records got;
};

/* The Redis may have a newer one: then it was not replaced. */
static bool is_same(const struct sl_record *a, const struct sl_record *b)
{
    return b->rev > a->rev ||
           (a->rev == b->rev && sl_str_eq(a->state, b->state) && sl_str_eq(a->doc, b->doc) &&
            sl_str_eq(a->id, b->id) && memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0);
}

static void on_record(void *ctx, enum sl_err e)
{
    struct looked *l = ctx;

    if (e == SL_OK && (l->got.n == 0 || !is_same(l->want, &l->got.at[0])))
        differ(l->c, "the record", l->want->tenant, l->want->id);
    sl_copy_done(l->c, e);
}

static enum sl_err compare_record(struct sl_copy *c, const struct sl_record *rec)
{
    struct looked l = {.c = c, .want = rec};

    if (rec->kind == SL_RECORD_SWITCH &&
        sl_switch_is_over(rec->id, rec->doc, sl_net_unix_ms(c->net)))
        return SL_OK; /* a gateway on that Redis may have removed it */
    if (rec->kind == SL_RECORD_KEY)
        c->to->ops->key(c->to, rec->sha256, &l.got, &c->op, on_record, &l);
    else
        c->to->ops->find(c->to, rec->kind, rec->id, &l.got, &c->op, on_record, &l);
    return sl_copy_wait(c);
}

static enum sl_err compare_records(struct sl_copy *c)
{
    struct sl_record *recs = sl_mem_new(SL_STORE_PAGE * sizeof *recs);
    enum sl_err e = SL_OK;
    size_t from = 0;
    int n;

    do {
        sl_arena_fini(&c->arena);
        n = sl_export_records(&c->x, from, recs);
        for (int i = 0; i < n && e == SL_OK; i++)
            e = compare_record(c, &recs[i]);
        from += n > 0 ? (size_t)n : 0;
    } while (e == SL_OK && n == SL_STORE_PAGE);
    sl_mem_free(recs);
    return n < 0 ? sl_copy_trouble(c) : e;
}

/* ---- accounts ---- */

static enum sl_err compare_account(struct sl_copy *c, const struct sl_restore_account *want)
{
    const struct sl_account *a = &want->account;
    /* its own periods: the counters as they stand */
    struct sl_periods at = {{a->day0, a->day0 + 86400, a->day0 + 2 * 86400},
                            {a->month0, a->month0 + 31 * 86400, a->month0 + 62 * 86400}};
    struct sl_balance b = {0};
    enum sl_err e;

    c->to->ops->balance(c->to, c->x.tenant, want->key_id, &at, &b, &c->op, sl_copy_done, c);
    e = sl_copy_wait(c);
    if (e == SL_OK && (b.held != a->held || (a->held && b.granted_micro != a->granted_micro) ||
                       b.spent_micro != a->spent_micro))
        differ(c, "the account", c->x.tenant, want->key_id);
    return e;
}

static enum sl_err compare_accounts(struct sl_copy *c)
{
    struct sl_restore_account *all = sl_mem_new(SL_STORE_PAGE * sizeof *all);
    enum sl_err e = SL_OK;
    size_t from = 0;
    int n;

    do {
        sl_arena_fini(&c->arena);
        n = sl_export_accounts(&c->x, from, all);
        for (int i = 0; i < n && e == SL_OK; i++)
            e = compare_account(c, &all[i]);
        from += n > 0 ? (size_t)n : 0;
    } while (e == SL_OK && n == SL_STORE_PAGE);
    sl_mem_free(all);
    return n < 0 ? sl_copy_trouble(c) : e;
}

/* ---- usage ---- */

struct sums {
    uint64_t rows, requests, cached, in, cache_read, cache_write, out;
    int64_t cost_micro;
};

static void add(struct sums *s, const struct sl_usage_row *row)
{
    s->rows++;
    s->requests += row->requests;
    s->cached += row->cached;
    s->in += row->in;
    s->cache_read += row->cache_read;
    s->cache_write += row->cache_write;
    s->out += row->out;
    s->cost_micro += row->cost_micro;
}

struct summing {
    struct sl_copy *c; /* up */
    struct sl_usage_rows got;
    struct sums sums;
    char after[256];
    size_t after_n;
};

static void on_rows(void *ctx, enum sl_err e)
{
    struct summing *s = ctx;

    for (size_t i = 0; e == SL_OK && i < s->got.n; i++)
        add(&s->sums, &s->got.at[i]);
    s->after_n = e == SL_OK && s->got.next.n < sizeof s->after ? s->got.next.n : 0;
    if (s->after_n > 0)
        memcpy(s->after, s->got.next.p, s->after_n);
    sl_copy_done(s->c, e);
}

static enum sl_err sum_theirs(struct sl_copy *c, struct sums *out)
{
    struct summing s = {.c = c};
    enum sl_err e;

    do {
        s.got = (struct sl_usage_rows){0};
        c->to->ops->usage(c->to, c->x.tenant, (struct sl_str){c->from_day, 10},
                          (struct sl_str){c->to_day, 10}, (struct sl_str){s.after, s.after_n},
                          &s.got, &c->op, on_rows, &s);
        e = sl_copy_wait(c);
    } while (e == SL_OK && s.after_n > 0);
    *out = s.sums;
    return e;
}

static enum sl_err sum_ours(struct sl_copy *c, struct sums *out)
{
    struct sl_usage_row *rows = sl_mem_new(SL_STORE_PAGE * sizeof *rows);
    size_t from = 0;
    int n;

    *out = (struct sums){0};
    do {
        sl_arena_fini(&c->arena);
        n = sl_export_rows(&c->x, from, rows);
        for (int i = 0; i < n; i++)
            add(out, &rows[i]);
        from += n > 0 ? (size_t)n : 0;
    } while (n == SL_STORE_PAGE);
    sl_mem_free(rows);
    return n < 0 ? sl_copy_trouble(c) : SL_OK;
}

static enum sl_err compare_usage(struct sl_copy *c)
{
    struct sums ours, theirs;
    enum sl_err e = sum_ours(c, &ours);

    if (e == SL_OK)
        e = sum_theirs(c, &theirs);
    if (e == SL_OK &&
        (ours.rows != theirs.rows || ours.requests != theirs.requests ||
         ours.cached != theirs.cached || ours.in != theirs.in ||
         ours.cache_read != theirs.cache_read || ours.cache_write != theirs.cache_write ||
         ours.out != theirs.out || ours.cost_micro != theirs.cost_micro))
        differ(c, "usage", c->x.tenant, (struct sl_str){"", 0});
    return e;
}

/* ---- all ---- */

static enum sl_err compare_tenants(struct sl_copy *c)
{
    struct sl_str *names = sl_mem_new(SL_STORE_PAGE * sizeof *names);
    struct sl_arena own; /* of names */
    enum sl_err e = SL_OK;
    size_t from = 0;
    int n;

    do {
        sl_arena_init(&own, (size_t)1 << 20);
        c->x.a = &own;
        n = sl_export_tenants(&c->x, from, names);
        c->x.a = &c->arena;
        for (int i = 0; i < n && e == SL_OK; i++) {
            c->x.tenant = names[i];
            e = compare_accounts(c);
            if (e == SL_OK)
                e = compare_usage(c);
        }
        sl_arena_fini(&own);
        from += n > 0 ? (size_t)n : 0;
    } while (e == SL_OK && n == SL_STORE_PAGE);
    sl_mem_free(names);
    return n < 0 ? sl_copy_trouble(c) : e;
}

enum sl_err sl_copy_compare(struct sl_copy *c)
{
    enum sl_err e = compare_records(c);

    return e == SL_OK ? compare_tenants(c) : e;
}
