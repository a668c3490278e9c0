/* store/front/beat.c -- is the store there, is it still ours, what changed?
 *
 *            5 strikes in a row, or no connection
 *      UP ──────────────────────────────────────► DOWN ─► a beat each second; at once, and
 *       ▲                                           │     more often, on a new connection
 *       └───────────── a beat in time ──────────────┘
 */
#include "base/log.h"
#include "store/front/inside.h"

static void send_beat(struct sl_store *s);

static struct sl_str none(void)
{
    return (struct sl_str){NULL, 0};
}

bool sl_store_is_asked(const struct sl_store *s)
{
    return s->health.up;
}

int64_t sl_store_now_ms(const struct sl_store *s)
{
    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    if (s->health.ahead_us == 0)
        return sl_net_unix_ms(s->net);
    return (int64_t)sl_net_now(s->net) + s->health.ahead_us / 1000; /* of this turn */
}

void sl_store_changed(struct sl_store *s)
{
    if (s->on_change != NULL)
        s->on_change(s->on_change_ctx);
}

/* ---- up and down ---- */

static void go_down(struct sl_store *s, const char *what)
{
    struct sl_health *h = &s->health;

    h->up = false;
    h->was_linked = s->b->ops->is_up(s->b);
    h->probed_ms = sl_net_now(s->net);
    sl_ledger_pause(s->l, SL_LEDGER_AWAY, true);
    sl_metric_set(s->up, 0);
    sl_log(SL_LOG_ERROR, "store", none(), "the store at %s is down: %s; requests are %s", s->where,
           what, s->refuse ? "refused (store.on_outage: refuse)" : "held to a local share");
    if (h->started)
        sl_timer_start(s->net, &h->tick, SL_STORE_LOOK_MS);
}

static void go_up(struct sl_store *s)
{
    s->health.up = true;
    sl_metric_set(s->up, 1);
    /* at start the banner says it */
    sl_log(s->health.started ? SL_LOG_INFO : SL_LOG_DEBUG, "store", none(), "the store at %s is up",
           s->where);
    sl_ledger_pause(s->l, SL_LEDGER_AWAY, false);
    sl_holds_renew(&s->holds); /* what ran out meanwhile comes back */
    if (!s->health.lost)
        sl_outage_over(s);
    sl_mirror_refresh(s->m);
    sl_tips_forget(s);
    sl_store_changed(s);
}

void sl_health_ok(struct sl_store *s)
{
    s->health.strikes = 0;
}

void sl_health_strike(struct sl_store *s, const char *what)
{
    struct sl_health *h = &s->health;

    if (!h->up)
        return;
    h->strikes++;
    if (!s->b->ops->is_up(s->b))
        go_down(s, "there is no connection");
    else if (h->strikes >= SL_STORE_STRIKES)
        go_down(s, what);
}

/* ---- what a beat says ---- */

static void on_marked(void *ctx, enum sl_err e)
{
    struct sl_store *s = ctx;

    if (e != SL_OK) {
        sl_log(SL_LOG_WARN, "store", none(), "the store can't be marked as in use; tried again");
        return; /* at the next beat without an epoch */
    }
    s->health.lost = false;
    s->health.met = true;
    if (s->health.up)
        sl_outage_over(s);
    sl_store_was_met(s, SL_OK);
    sl_store_changed(s);
}

void sl_health_mark(struct sl_store *s)
{
    if (s->health.mark == NULL)
        s->b->ops->mark(s->b, &s->health.mark, on_marked, s);
}

static bool knows_another(const struct sl_store *s)
{
    return sl_mirror_count(s->m) > 0 || (s->t != NULL && !sl_trail_is_new(s->t));
}

static void find_lost(struct sl_store *s, bool again)
{
    bool first = !s->health.lost;

    if (first)
        sl_log(SL_LOG_ERROR, "store", none(),
               "the store at %s lost what it held: keys are written back, windows start anew, "
               "requests that cost credits are %s until `sluice ledger rebuild` with the state "
               "directories of all instances",
               s->where, s->refuse ? "refused" : "held to the balance last seen");
    s->health.lost = true;
    s->health.met = true;
    if (first)
        sl_tips_forget(s);
    if (first || again || sl_mirror_is_writing(s->m))
        sl_mirror_write_back(s->m);
    sl_store_was_met(s, SL_OK);
}

/* Records were written back to it, or another instance lives with it: it was lost before
 * this process began, and waits for its rebuild. */
static bool is_healing(const struct sl_health *h)
{
    return h->revision > 0 || h->instances > 1;
}

/* A store without an epoch is new, or it was emptied; `again`: since it was found so. */
static void meet_empty(struct sl_store *s, bool again)
{
    const struct sl_health *h = &s->health;

    if (h->met) {
        find_lost(s, again);
    } else if (s->fresh || (!knows_another(s) && !is_healing(h))) {
        sl_health_mark(s);
    } else if (sl_mirror_count(s->m) > 0 && sl_store_is_starting(s) && !is_healing(h)) {
        sl_log(SL_LOG_ERROR, "store", none(),
               "the store at %s is empty, but %zu records of keys and tenants are known here: it "
               "is not the one that was used before. Copy that one to it with `sluice store "
               "copy`, or start with --fresh to begin anew",
               s->where, sl_mirror_count(s->m));
        sl_store_was_met(s, SL_ERR_CONFIG);
    } else {
        find_lost(s, false);
    }
}

static void read_beat(struct sl_store *s)
{
    struct sl_health *h = &s->health;
    bool changed = h->has_revision && h->revision != h->beat.revision;
    bool fell = h->has_revision && h->revision > h->beat.revision;

    h->ahead_us = h->beat.now_us - (int64_t)sl_net_now_us(s->net);
    h->instances = h->beat.instances > 0 ? h->beat.instances : 1;
    h->revision = h->beat.revision;
    h->has_revision = true;
    if (!h->beat.has_epoch) {
        meet_empty(s, fell);
    } else {
        if (h->lost) {
            sl_log(SL_LOG_INFO, "store", none(), "the store was rebuilt");
            h->lost = false;
            sl_outage_over(s);
            changed = true;
        }
        h->met = true;
        sl_store_was_met(s, SL_OK);
    }
    if (changed) {
        sl_mirror_refresh(s->m);
        sl_store_changed(s);
    }
}

static void on_beat(void *ctx, enum sl_err e)
{
    struct sl_store *s = ctx;
    struct sl_health *h = &s->health;

    sl_timer_stop(s->net, &h->limit);
    sl_metric_observe(s->seconds[SL_STORE_BEAT],
                      (double)(sl_net_now_us(s->net) - h->began_us) / 1e6);
    if (e == SL_OK && !h->overran) {
        sl_health_ok(s);
        if (!h->up)
            go_up(s);
        read_beat(s);
        sl_ledger_pump(s->l);
        sl_strays_pump(s);
        sl_tips_on_beat(s);
    } else if (!h->overran) {
        sl_health_strike(s, "it fails what it is asked");
    }
    sl_records_on_beat(s, e == SL_OK && !h->overran);
}

static void on_limit(struct sl_timer *t)
{
    struct sl_store *s = SL_CONTAINER(t, struct sl_store, health.limit);

    s->health.overran = true;
    sl_health_strike(s, "it does not answer in time");
}

static void send_beat(struct sl_store *s)
{
    struct sl_health *h = &s->health;

    h->overran = false;
    h->probed_ms = sl_net_now(s->net);
    h->began_us = sl_net_now_us(s->net);
    sl_timer_start(s->net, &h->limit, s->timeout_ms);
    s->b->ops->beat(s->b, (struct sl_str){s->instance, sizeof s->instance}, &h->beat, &h->op,
                    on_beat, s);
}

/* A primary that was just promoted may be slow with its first answers. */
static uint64_t probe_ms(const struct sl_health *h, uint64_t now)
{
    return now - h->linked_ms < SL_STORE_FRESH_MS ? SL_STORE_FRESH_PROBE_MS : SL_STORE_PROBE_MS;
}

static void on_tick(struct sl_timer *t)
{
    struct sl_store *s = SL_CONTAINER(t, struct sl_store, health.tick);
    struct sl_health *h = &s->health;
    bool linked = s->b->ops->is_up(s->b);
    uint64_t now = sl_net_now(s->net);
    bool back = linked && !h->was_linked;

    h->was_linked = linked;
    if (back)
        h->linked_ms = now;
    sl_timer_start(s->net, t, h->up ? SL_STORE_BEAT_MS : SL_STORE_LOOK_MS);
    if (h->op == NULL && (h->up || back || now - h->probed_ms >= probe_ms(h, now)))
        send_beat(s);
}

void sl_health_ask(struct sl_store *s)
{
    if (s->health.op == NULL)
        send_beat(s);
}

void sl_health_init(struct sl_store *s)
{
    sl_timer_init(&s->health.tick, on_tick);
    sl_timer_init(&s->health.limit, on_limit);
    s->health.instances = 1;
    s->health.up = false;
    sl_metric_set(s->up, 0);
}

void sl_health_start(struct sl_store *s)
{
    s->health.started = true;
    sl_timer_start(s->net, &s->health.tick, SL_STORE_BEAT_MS);
    sl_health_ask(s);
}

void sl_health_fini(struct sl_store *s)
{
    sl_timer_stop(s->net, &s->health.tick);
    sl_timer_stop(s->net, &s->health.limit);
    sl_op_cancel(&s->health.op);
    sl_op_cancel(&s->health.mark);
    sl_tips_fini(s);
}
