/* store/front/store.c -- put together, looked at, flushed, ended. */
#include "store/store.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "store/front/inside.h"

static const double bounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                0.05,   0.1,     0.25,   0.5,   1,      2.5,   0};

static void make_metrics(struct sl_store *s, struct sl_metrics *m)
{
    static const char *const names[SL_STORE_WHAT__COUNT] = {
        "admit", "grow",  "key",     "list", "put",   "balance", "grant",
        "usage", "noted", "restore", "beat", "apply", "start"};
    const struct sl_str role = SL_STR("store");
    struct sl_metric_family *f;

    f = sl_metric_family(m, SL_METRIC_HISTOGRAM, "sluice_store_seconds",
                         "Time the store took to answer, by operation.", "op", bounds);
    for (int i = 0; i < SL_STORE_WHAT__COUNT; i++) {
        const struct sl_str op = sl_str_of(names[i]);

        s->seconds[i] = sl_metric_series(f, &op);
    }
    f = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_store_up",
                         "1 while the store answers in time.", "role", NULL);
    s->up = sl_metric_series(f, &role);
    f = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_ledger_held_usd",
                         "Reserved for requests that run in this process, in dollars.", "", NULL);
    s->held = sl_metric_series(f, NULL);
    f = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_journal_lag_seconds",
                         "Age of the oldest settled line the store does not have yet.", "", NULL);
    s->lag = sl_metric_series(f, NULL);
    s->settled =
        sl_metric_family(m, SL_METRIC_COUNTER, "sluice_ledger_settled_total",
                         "Settled requests, by where their tokens are known from.", "source", NULL);
}

/* ---- lines that must be on disk before somebody is told ---- */

bool sl_store_prove(struct sl_step *st, struct sl_str members)
{
    struct sl_store *s = st->s;

    if (s->t == NULL)
        return true;
    st->line = sl_trail_append(s->t, sl_net_unix_ms(s->net), members);
    if (st->told || sl_trail_is_failing(s->t))
        return true;
    sl_trail_hurry(s->t);
    sl_list_push_back(&s->proving, &st->proving);
    return false;
}

static void on_synced(void *ctx)
{
    struct sl_store *s = ctx;
    struct sl_list *n, *next;

    for (n = s->proving.next; n != &s->proving; n = next) {
        struct sl_step *st = SL_CONTAINER(n, struct sl_step, proving);

        next = n->next;
        if (st->line <= sl_trail_synced(s->t) || sl_trail_is_failing(s->t)) {
            sl_list_unlink(n);
            sl_step_tell_later(st, SL_OK);
        }
    }
    sl_ledger_synced(s->l);
}

/* ---- begin ---- */

static bool open_trail(struct sl_store *s, const struct sl_store_conf *conf, char *why, size_t cap)
{
    char id[16];

    if (conf->state_dir.n == 0) {
        sl_rand_id(id);
        memcpy(s->instance, id, sizeof s->instance);
        return true;
    }
    s->t = sl_trail_open(s->net, conf->state_dir, why, cap);
    if (s->t == NULL)
        return false;
    memcpy(s->instance, sl_trail_instance(s->t).p, sizeof s->instance);
    sl_trail_on_synced(s->t, on_synced, s);
    return true;
}

struct sl_store *sl_store_over(struct sl_net *net, struct sl_backend *b,
                               const struct sl_store_conf *conf, struct sl_metrics *metrics,
                               char *why, size_t cap)
{
    struct sl_store *s = sl_mem_new(sizeof *s);

    s->magic = SL_STORE_MAGIC;
    s->net = net;
    s->b = b;
    s->timeout_ms = conf->timeout_ms;
    s->refuse = conf->refuse;
    s->fresh = conf->fresh;
    sl_list_init(&s->steps);
    sl_list_init(&s->proving);
    make_metrics(s, metrics);
    if (!open_trail(s, conf, why, cap)) {
        b->ops->end(&s->b);
        s->magic = SL_OBJ_DEAD;
        sl_mem_free(s);
        return NULL;
    }
    s->l = sl_ledger_new(net, b, s->t, (struct sl_str){s->instance, sizeof s->instance});
    sl_ledger_measure(s->l, s->seconds[SL_STORE_APPLY],
                      sl_metric_family(metrics, SL_METRIC_GAUGE, "sluice_ledger_stuck_lines",
                                       "Settled lines that a broken key of the tenant's keeps "
                                       "from being applied.",
                                       "tenant", NULL));
    sl_ledger_pause(s->l, SL_LEDGER_AWAY, true); /* until the first beat */
    if (s->fresh)
        sl_ledger_forget(s->l);
    s->m = sl_mirror_new(s, conf->state_dir);
    sl_holds_init(&s->holds, s);
    sl_health_init(s);
    return s;
}

/* ---- start ---- */

static bool finish_start(struct sl_step *st, enum sl_err *e)
{
    (void)e;
    if (!st->s->health.started)
        sl_health_start(st->s); /* it is slow: the beats will find it */
    return true;
}

static void late_start(struct sl_step *st, enum sl_err e)
{
    (void)st; /* the beats know more by now */
    (void)e;
}

static void on_started(void *ctx, enum sl_err e)
{
    struct sl_step *st = ctx;

    if (!st->s->health.started)
        sl_health_start(st->s);
    if (!st->told && e != SL_OK)
        sl_step_tell(st, e);
    else if (st->told)
        sl_step_on_done(st, e);
}

void sl_store_start(struct sl_store *s, struct sl_op **slot, sl_store_done_fn *done, void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    struct sl_step *st;

    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    st = sl_step_new(s, sizeof *st, SL_STORE_START, SL_STORE_ADMIN_MS, &w);
    st->finish = finish_start;
    st->late = late_start;
    s->b->ops->start(s->b, &st->below, on_started, st);
}

static struct sl_step *starting(const struct sl_store *s)
{
    for (const struct sl_list *n = s->steps.next; n != &s->steps; n = n->next) {
        struct sl_step *st = SL_CONTAINER(n, struct sl_step, node);

        if (st->what == SL_STORE_START && !st->told)
            return st;
    }
    return NULL;
}

bool sl_store_is_starting(const struct sl_store *s)
{
    return starting(s) != NULL;
}

void sl_store_was_met(struct sl_store *s, enum sl_err e)
{
    struct sl_step *st = starting(s);

    if (st != NULL)
        sl_step_tell(st, e);
}

/* ---- end ---- */

void sl_store_leave(struct sl_store *s)
{
    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    if (s->t != NULL)
        sl_trail_leave(s->t);
}

static bool has_work(const struct sl_store *s)
{
    bool on_disk =
        s->t == NULL || sl_trail_is_failing(s->t) || sl_trail_synced(s->t) == sl_trail_last(s->t);

    return !on_disk || (sl_store_is_asked(s) && sl_ledger_unsent(s->l) + sl_strays_unsent(s) > 0);
}

void sl_store_flush(struct sl_store *s, uint64_t wait_ms)
{
    uint64_t until = sl_net_now_us(s->net) + wait_ms * 1000;

    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    sl_ledger_hurry(s->l);
    while (has_work(s) && sl_net_now_us(s->net) < until)
        (void)sl_net_turn(s->net, 10);
}

static void reap(struct sl_grave *g)
{
    struct sl_store *s = SL_CONTAINER(g, struct sl_store, grave);

    s->magic = SL_OBJ_DEAD;
    sl_mem_free(s);
}

void sl_store_end(struct sl_store **ps)
{
    struct sl_store *s = *ps;

    *ps = NULL;
    if (s == NULL)
        return;
    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    s->on_change = NULL;
    sl_health_fini(s);
    sl_steps_end(s);
    sl_ledger_hurry(s->l); /* open sums are lines of the trail at least */
    sl_holds_fini(&s->holds);
    sl_mirror_end(&s->m);
    sl_outage_fini(s);
    if (s->t != NULL)
        sl_trail_on_synced(s->t, NULL, NULL);
    sl_ledger_end(&s->l);
    sl_trail_end(&s->t);
    sl_strays_end(s);
    s->b->ops->end(&s->b);
    sl_net_bury(s->net, &s->grave, reap);
}

/* ---- looked at ---- */

void sl_store_look(const struct sl_store *s, struct sl_store_state *out)
{
    *out = (struct sl_store_state){.kind = s->b->ops->name,
                                   .up = s->health.up,
                                   .instances = s->health.instances,
                                   .unsent = sl_ledger_unsent(s->l) + sl_strays_unsent(s),
                                   .lost = s->health.lost,
                                   .lag_ms = sl_ledger_lag_ms(s->l),
                                   .dropped = sl_ledger_dropped(s->l),
                                   .has_trail = s->t != NULL};
    memcpy(out->where, s->where, sizeof out->where);
    memcpy(out->instance, s->instance, sizeof out->instance);
    if (s->t == NULL)
        return;
    out->dropped += sl_trail_dropped(s->t);
    out->disk_failing = sl_trail_is_failing(s->t);
    out->trail_last = sl_trail_last(s->t);
    out->trail_synced = sl_trail_synced(s->t);
    out->trail_acked = sl_trail_last_acked(s->t);
}

bool sl_store_certificate(const struct sl_store *s, struct sl_tls_certificate *out)
{
    return s->b->ops->certificate != NULL && s->b->ops->certificate(s->b, out);
}

void sl_store_refresh_metrics(struct sl_store *s)
{
    sl_metric_set(s->held, (double)s->holds.reserved_micro / 1e6);
    sl_metric_set(s->lag, (double)sl_ledger_lag_ms(s->l) / 1e3);
}

void sl_store_id(const struct sl_store *s, const char req_id[16], char out[SL_QUOTA_ID])
{
    memcpy(out, s->instance, sizeof s->instance);
    memcpy(out + sizeof s->instance, req_id, 16);
}
