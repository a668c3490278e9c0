/* store/copy/copy.c -- opened, moved page by page, compared, marked. */
#include "store/copy/inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define CLOSE_MS 1000
#define ARENA_CEILING ((size_t)64 << 20)

static enum sl_err fail(struct sl_copy *c, enum sl_err e, const char *what)
{
    snprintf(c->out->why, sizeof c->out->why, "%s", what);
    return e;
}

/* ---- waiting ---- */

void sl_copy_done(void *copy, enum sl_err e)
{
    struct sl_copy *c = copy;

    c->err = e;
}

enum sl_err sl_copy_wait(struct sl_copy *c)
{
    uint64_t until = sl_net_now(c->net) + SL_COPY_WAIT_MS;

    while (c->op != NULL && sl_net_now(c->net) < until)
        (void)sl_net_turn(c->net, 10);
    if (c->op != NULL) {
        sl_op_cancel(&c->op);
        return fail(c, SL_ERR_STORE,
                    "the Redis does not answer: the copy is not whole; see that it does, then "
                    "run this again");
    }
    if (c->err != SL_OK)
        return fail(c, c->err,
                    "the Redis has gone or refused it: the copy is not whole; see its log, then "
                    "run this again");
    return SL_OK;
}

enum sl_err sl_copy_trouble(struct sl_copy *c)
{
    snprintf(c->out->why, sizeof c->out->why, "the embedded store can't be read: %.200s",
             sl_export_trouble(&c->x));
    return SL_ERR_STORE;
}

/* ---- moving ---- */

static void next_page(struct sl_copy *c)
{
    sl_arena_fini(&c->arena);
    sl_arena_init(&c->arena, ARENA_CEILING);
}

static enum sl_err move_records(struct sl_copy *c)
{
    struct sl_record *recs = sl_mem_new(SL_STORE_PAGE * sizeof *recs);
    enum sl_err e = SL_OK;
    size_t from = 0;
    int n;

    do {
        next_page(c);
        n = sl_export_records(&c->x, from, recs);
        if (n > 0) {
            c->to->ops->restore_records(c->to, recs, (size_t)n, &c->op, sl_copy_done, c);
            e = sl_copy_wait(c);
            from += (size_t)n;
        }
    } while (e == SL_OK && n == SL_STORE_PAGE);
    sl_mem_free(recs);
    c->out->records = from;
    return n < 0 ? sl_copy_trouble(c) : e;
}

struct pages { /* of one tenant */
    struct sl_restore what;
    struct sl_restore_account accounts[SL_STORE_PAGE];
    struct sl_usage_row rows[SL_STORE_PAGE];
    struct sl_restore_seq seqs[SL_STORE_PAGE];
};

static void count(struct sl_copy *c, const struct sl_restore *what)
{
    c->out->accounts += what->accounts_n;
    c->out->rows += what->rows_n;
    for (size_t i = 0; i < what->accounts_n; i++)
        c->out->spent_micro += what->accounts[i].account.spent_micro;
    for (size_t i = 0; i < what->rows_n; i++)
        c->out->requests += what->rows[i].requests;
}

/* Numbers go last: sums that they stand for are there then. */
static enum sl_err move_tenant(struct sl_copy *c, struct pages *p)
{
    size_t accounts_at = 0, rows_at = 0, seqs_at = 0;
    int accounts, rows, seqs;
    enum sl_err e;

    do {
        next_page(c);
        accounts = sl_export_accounts(&c->x, accounts_at, p->accounts);
        rows = sl_export_rows(&c->x, rows_at, p->rows);
        seqs = accounts == SL_STORE_PAGE || rows == SL_STORE_PAGE
                   ? 0
                   : sl_export_seqs(&c->x, seqs_at, p->seqs);
        if (accounts < 0 || rows < 0 || seqs < 0)
            return sl_copy_trouble(c);
        p->what = (struct sl_restore){.tenant = c->x.tenant,
                                      .accounts = p->accounts,
                                      .rows = p->rows,
                                      .seqs = p->seqs,
                                      .accounts_n = (size_t)accounts,
                                      .rows_n = (size_t)rows,
                                      .seqs_n = (size_t)seqs};
        c->to->ops->restore(c->to, &p->what, &c->op, sl_copy_done, c);
        e = sl_copy_wait(c);
        count(c, &p->what);
        accounts_at += (size_t)accounts;
        rows_at += (size_t)rows;
        seqs_at += (size_t)seqs;
    } while (e == SL_OK &&
             (accounts == SL_STORE_PAGE || rows == SL_STORE_PAGE || seqs == SL_STORE_PAGE));
    return e;
}

static enum sl_err move_tenants(struct sl_copy *c)
{
    struct sl_str *names = sl_mem_new(SL_STORE_PAGE * sizeof *names);
    struct pages *p = sl_mem_new(sizeof *p);
    struct sl_arena own; /* of names: pages come and go */
    enum sl_err e = SL_OK;
    size_t from = 0;
    int n;

    do {
        sl_arena_init(&own, ARENA_CEILING);
        c->x.a = &own;
        n = sl_export_tenants(&c->x, from, names);
        c->x.a = &c->arena;
        for (int i = 0; i < n && e == SL_OK; i++) {
            c->x.tenant = names[i];
            e = move_tenant(c, p);
        }
        sl_arena_fini(&own);
        from += n > 0 ? (size_t)n : 0;
    } while (e == SL_OK && n == SL_STORE_PAGE);
    sl_mem_free(names);
    sl_mem_free(p);
    c->out->tenants = from;
    return n < 0 ? sl_copy_trouble(c) : e;
}

/* ---- opened and ended ---- */

/* Opening makes what is not there: of a directory misspelt, an empty store would be moved, found
 * to be the same, and marked as whole. */
static bool is_store(struct sl_str dir, char *why, size_t cap)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%.*s/store.db", SL_STR_ARGS(dir));

    if (n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0)
        return true;
    (void)snprintf(why, cap,
                   "there is no embedded store in %.*s (no store.db): name the directory of "
                   "store.url, or `data` in the state directory",
                   SL_STR_ARGS(sl_str_first(dir, 160)));
    return false;
}

static bool open_both(struct sl_copy *c, const struct sl_copy_ask *ask)
{
    char *why = c->out->why;
    size_t cap = sizeof c->out->why;

    if (!is_store(ask->dir, why, cap))
        return false;
    c->from = sl_embedded_new(c->net, ask->dir, why, cap);
    if (c->from != NULL)
        c->to = sl_redis_new(c->net, ask->to, why, cap);
    c->x.b = c->from;
    return c->to != NULL;
}

static enum sl_err is_free(struct sl_copy *c, bool over)
{
    struct sl_beat beat;
    enum sl_err e;

    c->to->ops->start(c->to, &c->op, sl_copy_done, c);
    e = sl_copy_wait(c);
    if (e != SL_OK)
        return fail(c, e, "the Redis can't be reached; the lines above say why");
    c->to->ops->beat(c->to, SL_STR("storecpy"), &beat, &c->op, sl_copy_done, c);
    e = sl_copy_wait(c);
    if (e == SL_OK && beat.has_epoch && !over)
        return fail(c, SL_ERR_CONFIG,
                    "that Redis holds a store already; give --over to replace its sums, or "
                    "another database or prefix");
    return e;
}

static enum sl_err differs(struct sl_copy *c)
{
    snprintf(c->out->why, sizeof c->out->why,
             "%.199s (differences in all: %" PRIu64 "): nothing else may write to that Redis "
             "meanwhile; run this again",
             c->out->first, c->out->differences);
    return SL_ERR_CONFLICT;
}

static enum sl_err copy(struct sl_copy *c, bool over)
{
    enum sl_err e = is_free(c, over);

    if (e == SL_OK) { /* a copy that dies half way is no store */
        c->to->ops->unmark(c->to, &c->op, sl_copy_done, c);
        e = sl_copy_wait(c);
    }
    if (e == SL_OK)
        e = move_records(c);
    if (e == SL_OK)
        e = move_tenants(c);
    if (e == SL_OK)
        e = sl_copy_compare(c);
    if (e != SL_OK)
        return e;
    if (c->out->differences > 0)
        return differs(c);
    c->to->ops->mark(c->to, &c->op, sl_copy_done, c);
    return sl_copy_wait(c);
}

static void write_day(int64_t unix_s, char out[11])
{
    time_t at = (time_t)unix_s;
    struct tm tm;

    (void)gmtime_r(&at, &tm);
    (void)strftime(out, 11, "%Y-%m-%d", &tm);
}

/* What was ended closes over the next turns. */
static void let_close(struct sl_net *net)
{
    uint64_t until = sl_net_now(net) + CLOSE_MS;

    while (sl_net_count(net).streams + sl_net_count(net).graves > 0 && sl_net_now(net) < until &&
           sl_net_turn(net, 10))
        continue;
}

enum sl_err sl_copy_run(struct sl_net *net, const struct sl_copy_ask *ask,
                        struct sl_copy_report *out)
{
    struct sl_copy c = {.net = net, .out = out};
    int64_t now = sl_net_unix_ms(net) / 1000;
    enum sl_err e = SL_ERR_CONFIG;

    *out = (struct sl_copy_report){0};
    write_day(now - (SL_COPY_DAYS - 1) * 86400, c.from_day);
    write_day(now, c.to_day);
    sl_arena_init(&c.arena, ARENA_CEILING);
    c.x = (struct sl_export){.a = &c.arena, .from_day = {c.from_day, 10}};
    if (open_both(&c, ask))
        e = copy(&c, ask->over);
    sl_op_cancel(&c.op);
    if (c.to != NULL)
        c.to->ops->end(&c.to);
    if (c.from != NULL)
        c.from->ops->end(&c.from);
    sl_arena_fini(&c.arena);
    let_close(net);
    return e;
}
