/* store/rebuild/rebuild.c -- one rebuild, from the held ledger to the marked store.
 *
 *   QUIET ─► READ ─► COMPARE ─► WRITE ─► RECORDS ─► MARK ─► told
 *   nothing    the     each      tenants   all      the
 *   is sent    pool    account   that      pages    epoch
 *                      & usage   differ
 */
#include "store/rebuild.h"

#include <stdio.h>

#include "base/mem.h"
#include "net/work.h"
#include "store/ledger/inside.h"
#include "store/rebuild/inside.h"

#define QUIET_MS 5000 /* for what is under way to come back */

static void reap(struct sl_grave *g)
{
    sl_mem_free(SL_CONTAINER(g, struct sl_rebuild, grave));
}

static void free_job(void *ctx)
{
    struct sl_rebuild_job *j = ctx;

    sl_totals_fini(&j->totals);
    sl_mem_free(j);
}

static void let_go(struct sl_rebuild *r)
{
    bool runs = r->state == SL_REBUILD_READ && r->below != NULL;

    sl_op_cancel(&r->below); /* a job that runs frees itself */
    if (!runs && r->job != NULL)
        free_job(r->job);
    sl_timer_stop(r->s->net, &r->timer);
    r->s->rebuilding = false;
    sl_ledger_pause(r->s->l, SL_LEDGER_REBUILD, false);
    sl_ledger_pump(r->s->l);
    sl_net_bury(r->s->net, &r->grave, reap);
}

void sl_rebuild_tell(struct sl_rebuild *r, enum sl_err e)
{
    bool waits = sl_op_close(&r->op);

    let_go(r);
    if (waits)
        r->done(r->ctx, e);
}

static void on_cancel(struct sl_op *op)
{
    let_go(SL_CONTAINER(op, struct sl_rebuild, op));
}

void sl_rebuild_explain(struct sl_rebuild *r, const char *why)
{
    snprintf(r->out->why, sizeof r->out->why, "%s", why);
}

/* ---- QUIET, READ ---- */

static bool sum_dir(struct sl_rebuild_job *j, size_t i)
{
    struct sl_trail_report *rep = &j->trails[i];

    j->err = sl_trail_verify(sl_str_of(j->dirs[i]), rep, sl_totals_line, &j->totals);
    if (j->err == SL_OK)
        j->err = j->totals.err;
    if (j->err != SL_OK) {
        snprintf(j->why, sizeof j->why, "%.200s",
                 rep->what[0] != 0 ? rep->what : "there are too many accounts to sum");
        return false;
    }
    if (rep->broken_at != 0 && !j->broken_too) {
        snprintf(j->why, sizeof j->why, "the trail of %s is broken: %.180s", rep->instance,
                 rep->what);
        j->err = SL_ERR_CONFLICT;
    }
    for (size_t k = 0; k < i; k++) {
        if (memcmp(j->trails[k].instance, rep->instance, 8) == 0) {
            snprintf(j->why, sizeof j->why, "the trail of %s is given twice", rep->instance);
            j->err = SL_ERR_CONFIG;
        }
    }
    if (j->err != SL_OK)
        return false;
    memcpy(j->totals.seqs[i].instance, rep->instance, 8);
    j->totals.seqs[i].number = rep->last;
    j->totals.seqs_n = i + 1;
    return true;
}

static void run_job(void *ctx)
{
    struct sl_rebuild_job *j = ctx;

    for (size_t i = 0; i < j->n && sum_dir(j, i); i++)
        ;
    for (struct sl_total_tenant *of = j->totals.tenants; of != NULL; of = of->hh.next)
        for (struct sl_total *a = of->accounts; a != NULL; a = a->hh.next)
            sl_total_close(a);
}

static void on_job(void *ctx)
{
    struct sl_rebuild_job *j = ctx;
    struct sl_rebuild *r = j->of;
    struct sl_rebuild_report *out = r->out;

    memcpy(out->trails, j->trails, sizeof out->trails);
    out->trails_n = j->n;
    out->tenants = HASH_COUNT(j->totals.tenants);
    out->accounts = j->totals.accounts;
    out->rows = j->totals.rows;
    out->records = HASH_COUNT(j->totals.records);
    if (j->err != SL_OK) {
        sl_rebuild_explain(r, j->why);
        sl_rebuild_tell(r, j->err);
        return;
    }
    sl_rebuild_compare(r);
}

static bool is_quiet(const struct sl_rebuild *r)
{
    const struct sl_trail *t = r->s->t;

    return !sl_ledger_is_sending(r->s->l) &&
           (t == NULL || sl_trail_is_failing(t) || sl_trail_synced(t) == sl_trail_last(t));
}

static void wait_quiet(struct sl_rebuild *r)
{
    if (is_quiet(r)) {
        r->state = SL_REBUILD_READ;
        sl_work_start(r->s->net, run_job, r->job, &r->below, on_job, free_job);
    } else if (sl_net_now(r->s->net) > r->until_ms) {
        sl_rebuild_explain(r, "the store does not answer what was sent to it before");
        sl_rebuild_tell(r, SL_ERR_STORE);
    } else {
        sl_timer_start(r->s->net, &r->timer, SL_REBUILD_LOOK_MS);
    }
}

static void on_look(struct sl_timer *timer)
{
    struct sl_rebuild *r = SL_CONTAINER(timer, struct sl_rebuild, timer);

    if (r->state == SL_REBUILD_QUIET)
        wait_quiet(r);
    else
        sl_rebuild_look(r);
}

/* ---- begin ---- */

static bool take_dirs(struct sl_rebuild_job *j, const struct sl_store *s,
                      const struct sl_rebuild_ask *ask)
{
    struct sl_str own = s->t != NULL ? sl_trail_dir(s->t) : (struct sl_str){NULL, 0};
    const struct sl_str *dirs = ask->n > 0 ? ask->dirs : &own;

    j->n = ask->n > 0 ? ask->n : 1;
    if (j->n > SL_REBUILD_DIRS)
        return false;
    for (size_t i = 0; i < j->n; i++) {
        if (dirs[i].n == 0 || dirs[i].n >= sizeof j->dirs[i])
            return false;
        memcpy(j->dirs[i], dirs[i].p, dirs[i].n);
    }
    return true;
}

static void on_refused(struct sl_timer *timer)
{
    struct sl_rebuild *r = SL_CONTAINER(timer, struct sl_rebuild, timer);
    bool waits = sl_op_close(&r->op);

    sl_rebuild_explain(r, "no trail to rebuild from, too many, or another rebuild is at work");
    sl_mem_free(r->job);
    sl_net_bury(r->s->net, &r->grave, reap);
    if (waits)
        r->done(r->ctx, SL_ERR_CONFIG);
}

static void on_refused_cancel(struct sl_op *op)
{
    struct sl_rebuild *r = SL_CONTAINER(op, struct sl_rebuild, op);

    sl_timer_stop(r->s->net, &r->timer);
    sl_mem_free(r->job);
    sl_net_bury(r->s->net, &r->grave, reap);
}

void sl_rebuild_start(struct sl_store *s, const struct sl_rebuild_ask *ask,
                      struct sl_rebuild_report *out, struct sl_op **slot, sl_store_done_fn *done,
                      void *ctx)
{
    struct sl_rebuild *r = sl_mem_new(sizeof *r);
    bool ok;

    memset(out, 0, sizeof *out);
    r->s = s;
    r->out = out;
    r->done = done;
    r->ctx = ctx;
    r->write = ask->write;
    r->job = sl_mem_new(sizeof *r->job);
    r->job->of = r;
    r->job->broken_too = ask->broken_too;
    ok = take_dirs(r->job, s, ask) && !s->rebuilding;
    sl_timer_init(&r->timer, ok ? on_look : on_refused);
    sl_timer_start(s->net, &r->timer, 0);
    sl_op_open(&r->op, slot, ok ? on_cancel : on_refused_cancel);
    if (!ok)
        return;
    s->rebuilding = true;
    r->until_ms = sl_net_now(s->net) + QUIET_MS;
    sl_totals_init(&r->job->totals, sl_net_unix_ms(s->net));
    sl_line_day(sl_net_unix_ms(s->net), r->to_day);
    sl_ledger_hurry(s->l);
    sl_ledger_pause(s->l, SL_LEDGER_REBUILD, true);
}
