/* Budgets as they are used up: a gauge, and a word in the log. */
#include "gateway/quota/watch.h"

#include <stdio.h>

#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "gateway/hooks/hooks.h"
#include "gateway/hooks/top_up.h"
#include "gateway/quota/keys.h"

enum purse { CREDITS, DAY, MONTH, PURSES };

static const char *const purse_names[PURSES] = {"its credits", "its daily budget",
                                                "its monthly budget"};

struct watched {
    UT_hash_handle hh;
    struct sl_list node; /* in `stirred` or in `list` */
    bool stirred;
    uint64_t round; /* of its last look */
    uint64_t rev;   /* of the record that its terms are from; 0: from the file */
    struct sl_budget budget;
    struct sl_alerts alerts;
    uint64_t alert_to;
    struct sl_top_up top_up;
    bool told_low;
    char zone[64];
    struct {
        int64_t period;    /* its first second, or what was granted */
        uint32_t told_ppm; /* the highest mark that was told in it */
    } purses[PURSES];
    struct sl_metric *ratio; /* up */
    size_t name_n;
    char name[];
};

struct sl_watch {
    struct sl_gateway *gw;   /* up */
    struct watched *by_name; /* owns: a uthash */
    struct sl_list stirred;  /* whose balance may have changed since their last look, in turn */
    struct sl_list list;     /* all others, in the order of their looks */
    struct sl_timer timer;   /* runs while somebody is watched */
    uint64_t every_ms;
    uint64_t round;
    size_t left;         /* looks of this round */
    struct watched *now; /* up: who is looked at */
    struct sl_op *op;    /* owns */
    struct sl_periods periods;
    struct sl_balance seen;
};

static struct sl_str name_of(const struct watched *e)
{
    return (struct sl_str){e->name, e->name_n};
}

/* ---- one balance ---- */

struct part {
    int64_t used, of;        /* micro-dollars; `of` 0 or less: used up at once */
    int64_t period, until_s; /* 0: no end */
};

/* False: there is no such budget. */
static bool part_of(const struct sl_watch *w, const struct watched *e, enum purse p,
                    struct part *out)
{
    const struct sl_balance *b = &w->seen;

    switch (p) {
    case CREDITS:
        *out = (struct part){.used = b->spent_micro, .of = e->budget.credits_micro};
        if (b->held)
            out->of = b->granted_micro;
        out->period = out->of;
        return e->budget.credits_micro != SL_UNSET;
    case DAY:
        *out = (struct part){b->day_micro, e->budget.daily_micro, w->periods.day[0],
                             w->periods.day[1]};
        return out->of > 0;
    case MONTH:
        *out = (struct part){b->month_micro, e->budget.monthly_micro, w->periods.month[0],
                             w->periods.month[1]};
        return out->of > 0;
    case PURSES: break;
    }
    return false;
}

static double ratio_of(const struct part *p)
{
    if (p->of <= 0)
        return 1.0;
    return (double)p->used / (double)p->of;
}

static void say(const struct watched *e, enum purse kind, const struct part *p, uint32_t mark_ppm)
{
    char used[24], of[24], when[40] = "";
    struct sl_str u = sl_money_print(p->used, used), o = sl_money_print(p->of, of);
    struct sl_text t = sl_text_over(when, sizeof when);

    if (p->until_s != 0) {
        sl_text_add(&t, SL_STR(" until "));
        sl_text_time(&t, p->until_s * 1000);
    }
    sl_log(SL_LOG_WARN, "gateway", name_of(e),
           "tenant %.*s has used %.0f %% of %s: %.*s of %.*s dollars%.*s; alert_at is %g",
           SL_STR_ARGS(name_of(e)), ratio_of(p) * 100, purse_names[kind], SL_STR_ARGS(u),
           SL_STR_ARGS(o), (int)t.n, when, (double)mark_ppm / 1e6);
}

static void tell_hook(struct sl_watch *w, const struct watched *e, enum purse kind,
                      const struct part *p, uint32_t mark_ppm)
{
    static const char *const kinds[PURSES] = {"credits", "daily", "monthly"};
    char place[1024], used[24], of[24], mark[24];
    struct sl_text t = sl_text_over(place, sizeof place);

    sl_text_add(&t, SL_STR(",\"tenant\":"));
    sl_text_json(&t, name_of(e), 64);
    sl_text_printf(&t, ",\"budget\":\"%s\",\"alert_at\":", kinds[kind]);
    sl_text_add(&t, sl_money_print(mark_ppm, mark)); /* millionths, as money */
    sl_text_add(&t, SL_STR(",\"used\":"));
    sl_text_add(&t, sl_money_print(p->used, used));
    sl_text_add(&t, SL_STR(",\"of\":"));
    sl_text_add(&t, sl_money_print(p->of, of));
    if (p->until_s != 0) {
        sl_text_add(&t, SL_STR(",\"until\":\""));
        sl_text_time(&t, p->until_s * 1000);
        sl_text_byte(&t, '"');
    }
    sl_hooks_tell(w->gw->hooks, "budget_used", sl_text_str(&t));
    sl_hooks_tell_at(w->gw->hooks, e->alert_to, "budget_used", sl_text_str(&t));
}

/* Marks that were passed since the last look, each once in its period. */
static void tell(struct sl_watch *w, struct watched *e, enum purse kind, const struct part *p)
{
    if (e->purses[kind].period != p->period) {
        e->purses[kind].period = p->period;
        e->purses[kind].told_ppm = 0;
    }
    for (size_t i = 0; i < e->alerts.n; i++) {
        uint32_t mark = e->alerts.at_ppm[i];

        if (mark <= e->purses[kind].told_ppm || ratio_of(p) * 1e6 < mark)
            continue;
        e->purses[kind].told_ppm = mark;
        say(e, kind, p, mark);
        tell_hook(w, e, kind, p, mark);
    }
}

static void see_credits(struct sl_watch *w, struct watched *e, const struct part *p)
{
    struct sl_top_up_seen seen = {.tenant = name_of(e),
                                  .rules = e->top_up,
                                  .initial_micro = e->budget.credits_micro,
                                  .left_micro = p->of - p->used,
                                  .told = &e->told_low};

    sl_top_ups_seen(w->gw->top_ups, &seen);
}

static void take(struct sl_watch *w, struct watched *e)
{
    double most = 0;

    for (int kind = 0; kind < PURSES; kind++) {
        struct part p;

        if (!part_of(w, e, (enum purse)kind, &p))
            continue;
        if (ratio_of(&p) > most)
            most = ratio_of(&p);
        tell(w, e, (enum purse)kind, &p);
        if (kind == CREDITS)
            see_credits(w, e, &p);
    }
    sl_metric_set(e->ratio, most);
}

/* ---- a round ---- */

static void forget(struct sl_watch *w, struct watched *e)
{
    sl_metric_set(e->ratio, 0);
    HASH_DEL(w->by_name, e);
    sl_list_unlink(&e->node);
    sl_mem_free(e);
}

static void look(struct sl_watch *w);

static void on_balance(void *ctx, enum sl_err e)
{
    struct sl_watch *w = ctx;

    if (e != SL_OK) {
        w->left = 0; /* the store is away: the next round, then */
        return;
    }
    take(w, w->now);
    look(w);
}

/* Who was not looked at in this round, or NULL. Those who were stand first in `stirred` only where
 * they stirred again since, and are SL_WATCH_LOOKS at most. */
static struct watched *next_of(struct sl_watch *w)
{
    struct sl_list *heads[] = {&w->stirred, &w->list};

    for (size_t i = 0; i < 2; i++)
        for (struct sl_list *n = heads[i]->next; n != heads[i]; n = n->next) {
            struct watched *e = SL_CONTAINER(n, struct watched, node);

            if (e->round != w->round)
                return e;
            if (heads[i] == &w->list)
                break; /* so were all behind it, or they are new */
        }
    return NULL;
}

/* It is its turn, whether it can be looked at or not. */
static void pass_by(struct sl_watch *w, struct watched *e)
{
    e->round = w->round;
    e->stirred = false;
    sl_list_unlink(&e->node);
    sl_list_push_back(&w->list, &e->node);
}

/* Whoever the admin API deleted is forgotten, whoever it paused is left alone. NULL: the round is
 * over. */
static struct watched *next_alive(struct sl_watch *w)
{
    struct watched *e;

    while (w->left > 0 && (e = next_of(w)) != NULL) {
        const struct sl_tenant_record *rec = sl_keys_tenant(w->gw->keys, name_of(e));

        w->left--;
        pass_by(w, e);
        if (rec == NULL || sl_str_eq(rec->state, SL_STR("active")))
            return e;
        if (sl_str_eq(rec->state, SL_STR("deleted")))
            forget(w, e);
    }
    return NULL;
}

static void look(struct sl_watch *w)
{
    w->now = next_alive(w);
    if (w->now == NULL)
        return;
    w->periods = *sl_gateway_periods(w->gw, sl_str_of(w->now->zone));
    sl_store_balance_start(w->gw->store, name_of(w->now), (struct sl_str){"", 0}, &w->periods,
                           &w->seen, &w->op, on_balance, w);
}

static void on_timer(struct sl_timer *t)
{
    struct sl_watch *w = SL_CONTAINER(t, struct sl_watch, timer);

    sl_timer_start(w->gw->net, t, w->every_ms);
    if (w->op != NULL)
        return;
    w->round++;
    w->left = HASH_COUNT(w->by_name);
    if (w->left > SL_WATCH_LOOKS)
        w->left = SL_WATCH_LOOKS;
    look(w);
}

/* ---- who is watched ---- */

static struct watched *find(struct sl_watch *w, struct sl_str name)
{
    struct watched *e;

    HASH_FIND(hh, w->by_name, name.p, name.n, e);
    return e;
}

static struct watched *add(struct sl_watch *w, struct sl_str name)
{
    struct watched *e;

    if (HASH_COUNT(w->by_name) >= SL_WATCH_TENANTS)
        return NULL;
    e = sl_mem_new(sizeof *e + name.n);
    memcpy(e->name, name.p, name.n);
    e->name_n = name.n;
    e->ratio = sl_metric_series(w->gw->f.budget, &name);
    sl_list_init(&e->node);
    sl_list_push_back(&w->list, &e->node);
    HASH_ADD_KEYPTR(hh, w->by_name, e->name, e->name_n, e);
    if (!sl_timer_is_armed(&w->timer))
        sl_timer_start(w->gw->net, &w->timer, w->every_ms);
    return e;
}

static void know(struct watched *e, const struct sl_tenant *t)
{
    struct sl_str zone;

    e->rev = t->rev;
    e->budget = t->terms.budget;
    e->alerts = t->alerts;
    e->alert_to = t->alert_to;
    e->top_up = t->top_up;
    zone = sl_str_first(t->zone, sizeof e->zone - 1);
    if (zone.n > 0)
        memcpy(e->zone, zone.p, zone.n);
    e->zone[zone.n] = '\0';
}

void sl_watch_stir(struct sl_watch *w, const struct sl_tenant *t, struct sl_str name)
{
    struct watched *e;

    if (!sl_terms_has_budget(&t->terms))
        return;
    e = find(w, name);
    if (e == NULL && (e = add(w, name)) == NULL)
        return;
    know(e, t);
    if (e->stirred)
        return; /* it keeps its turn */
    e->stirred = true;
    sl_list_unlink(&e->node);
    sl_list_push_back(&w->stirred, &e->node);
}

/* The file's word for those that no record has one for. */
void sl_watch_reload(struct sl_watch *w)
{
    const struct sl_tenants *all = w->gw->conf->tenants;
    struct watched *e, *next;

    sl_op_cancel(&w->op); /* its tenant may go */
    HASH_ITER(hh, w->by_name, e, next)
    {
        const struct sl_tenant *t = sl_tenants_get(all, name_of(e));

        if (e->rev == 0 && (t == NULL || !sl_terms_has_budget(&t->terms)))
            forget(w, e);
    }
    for (const struct sl_tenant *t = NULL; (t = sl_tenants_next(all, t)) != NULL;) {
        if (!sl_terms_has_budget(&t->terms))
            continue;
        e = find(w, t->own.name);
        if (e == NULL)
            e = add(w, t->own.name);
        if (e != NULL && e->rev == 0)
            know(e, t);
    }
}

struct sl_watch *sl_watch_new(struct sl_gateway *g, uint64_t every_ms)
{
    struct sl_watch *w = sl_mem_new(sizeof *w);

    w->gw = g;
    w->every_ms = every_ms;
    sl_list_init(&w->stirred);
    sl_list_init(&w->list);
    sl_timer_init(&w->timer, on_timer);
    sl_watch_reload(w);
    return w;
}

void sl_watch_end(struct sl_watch **pw)
{
    struct sl_watch *w = *pw;
    struct watched *e, *next;

    *pw = NULL;
    if (w == NULL)
        return;
    sl_op_cancel(&w->op);
    sl_timer_stop(w->gw->net, &w->timer);
    HASH_ITER(hh, w->by_name, e, next)
    {
        forget(w, e);
    }
    sl_mem_free(w);
}
