/* store/front/admit.c -- a request's way through the store: admitted, perhaps grown, then
 * settled or given back. */
#include "base/mem.h"
#include "store/front/inside.h"

struct admit {
    struct sl_step st;
    const struct sl_quota_ask *ask; /* up */
    struct sl_quota_answer *out;    /* up */
};

static bool finish_admit(struct sl_step *st, enum sl_err *e)
{
    struct admit *a = SL_CONTAINER(st, struct admit, st);
    struct sl_store *s = st->s;

    if (*e == SL_OK)
        sl_outage_note(s, a->ask, a->out);
    else
        sl_outage_admit(s, a->ask, a->out);
    sl_holds_add(&s->holds, a->ask, a->out);
    *e = SL_OK;
    return true;
}

void sl_store_admit_start(struct sl_store *s, const struct sl_quota_ask *ask,
                          struct sl_quota_answer *out, struct sl_op **slot, sl_store_done_fn *done,
                          void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    struct admit *a;

    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    a = sl_step_new(s, sizeof *a, SL_STORE_ADMIT, s->timeout_ms, &w);
    a->st.finish = finish_admit;
    a->ask = ask;
    a->out = out;
    if (!sl_store_is_asked(s) || (s->health.lost && sl_outage_needs_money(ask)))
        sl_step_tell_later(&a->st, SL_ERR_STORE);
    else
        s->b->ops->admit(s->b, ask, out, &a->st.below, sl_step_on_done, a);
}

/* ---- `budget.hard` ---- */

struct grow {
    struct sl_step st;
    struct sl_quota_ask ask; /* with what is reserved by now; its terms die with the wait */
    int64_t more_micro;
    struct sl_quota_answer got, *out; /* up */
    bool local;
    bool lost;  /* the backend had no answer: it may have grown or not */
    bool grown; /* as far as is known here */
    bool account[SL_LEVEL__COUNT];
    char text[]; /* tenant, key id */
};

/* In the store a reservation has its amount in its name: ends one of this request's. */
static void give_amount_back(const struct grow *g, int64_t reserved_micro)
{
    struct sl_hold hold = {.key_id = g->ask.key_id, .reserved_micro = reserved_micro};

    memcpy(hold.id, g->ask.id, sizeof hold.id);
    memcpy(hold.account, g->account, sizeof hold.account);
    g->st.s->b->ops->give_back(g->st.s->b, g->ask.tenant, &hold);
}

/* The answer is lost, so the store has the reservation as it was or as it was to be. The one that
 * is not ours is given back, or it would count until it expires; the other one comes back with
 * its next renewal, if it was not there. */
static void end_doubt(const struct grow *g)
{
    give_amount_back(g, g->ask.reserve_micro + (g->grown ? 0 : g->more_micro));
}

/* Without the store nobody knows the balance: `local` lets the request go on (what runs is
 * the overshoot), `refuse` says so. */
static bool finish_grow(struct sl_step *st, enum sl_err *e)
{
    struct grow *g = SL_CONTAINER(st, struct grow, st);
    struct sl_store *s = st->s;

    if (g->local && s->outage.engine != NULL)
        *e = sl_engine_grow(s->outage.engine, &g->ask, g->more_micro, s->health.instances,
                            sl_outage_now_us(s), &g->got)
                 ? SL_OK
                 : SL_ERR_CREDITS;
    else if (*e == SL_ERR_STORE && !s->refuse)
        *e = SL_OK;
    g->grown = *e == SL_OK;
    *g->out = g->got;
    if (g->grown)
        sl_holds_grow(&s->holds, &g->ask, g->more_micro);
    if (g->lost)
        end_doubt(g);
    return true;
}

/* The request may have ended meanwhile, with what it was known to hold: the rest would
 * stay reserved until it expires. Without an answer it may have grown, too. */
static void late_grow(struct sl_step *st, enum sl_err e)
{
    struct grow *g = SL_CONTAINER(st, struct grow, st);
    struct sl_store *s = st->s;
    int64_t reserved_micro;
    bool local, runs = sl_holds_look(&s->holds, &g->ask, &reserved_micro, &local);

    if ((e == SL_OK || e == SL_ERR_STORE) && !runs) {
        give_amount_back(g, g->ask.reserve_micro + g->more_micro);
    } else if (e == SL_ERR_STORE) {
        end_doubt(g);
    } else if (e == SL_OK && !g->grown) {
        sl_holds_grow(&s->holds, &g->ask, g->more_micro);
    } else if (e == SL_ERR_CREDITS && runs && g->grown) {
        sl_holds_grow(&s->holds, &g->ask, -g->more_micro);
    }
}

static void on_grown(void *step, enum sl_err e)
{
    SL_CONTAINER((struct sl_step *)step, struct grow, st)->lost = e == SL_ERR_STORE;
    sl_step_on_done(step, e);
}

static void keep_names(struct grow *g, const struct sl_quota_ask *ask)
{
    g->ask = *ask;
    g->ask.tenant.p = g->text;
    g->ask.key_id.p = g->text + ask->tenant.n;
    memcpy(g->text, ask->tenant.p, ask->tenant.n);
    memcpy(g->text + ask->tenant.n, ask->key_id.p, ask->key_id.n);
    for (int l = 0; l < SL_LEVEL__COUNT; l++)
        g->account[l] = ask->terms[l] != NULL && sl_terms_has_budget(ask->terms[l]);
}

void sl_store_grow_start(struct sl_store *s, const struct sl_quota_ask *ask,
                         const struct sl_growth *more, struct sl_op **slot, sl_store_done_fn *done,
                         void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    struct grow *g;

    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    g = sl_step_new(s, sizeof *g + ask->tenant.n + ask->key_id.n, SL_STORE_GROW, s->timeout_ms, &w);
    g->st.finish = finish_grow;
    g->st.late = late_grow;
    keep_names(g, ask);
    (void)sl_holds_look(&s->holds, ask, &g->ask.reserve_micro, &g->local);
    g->more_micro = more->micro;
    g->out = more->out;
    if (g->local || !sl_store_is_asked(s) || s->health.lost)
        sl_step_tell_later(&g->st, SL_ERR_STORE);
    else
        s->b->ops->grow(s->b, &g->ask, more->micro, &g->got, &g->st.below, on_grown, &g->st);
}

/* ---- how it came out ---- */

/* The texts are static, so the few there are can be told apart by where they stand. */
static void count(struct sl_store *s, const char *source)
{
    const struct sl_str value = sl_str_of(source);
    struct sl_store_source *at = s->sources;

    while (at < s->sources + SL_STORE_SOURCES - 1 && at->name != NULL && at->name != source)
        at++;
    if (at->name != source) {
        at->name = source;
        at->count = sl_metric_series(s->settled, &value);
    }
    sl_metric_add(at->count, 1);
}

static bool holds_anything(const struct sl_hold *h)
{
    return h->booked || h->user[0] != '\0' || h->leased[SL_LEVEL_TENANT] ||
           h->leased[SL_LEVEL_KEY] || h->account[SL_LEVEL_TENANT] || h->account[SL_LEVEL_KEY];
}

/* Ends at once what the request holds: a client that sends its next one as soon as it has
 * its answer must find its lease free, long before the line is on disk. The reservation
 * of a request that costs something stays until its line is applied. */
static void let_go(struct sl_store *s, const struct sl_settle *line, struct sl_hold *hold,
                   struct sl_ledger_extra *extra)
{
    hold->booked = false; /* it was a request */
    if (line->cost_micro > 0) {
        extra->reserved_micro = hold->reserved_micro;
        hold->account[SL_LEVEL_TENANT] = hold->account[SL_LEVEL_KEY] = false;
    }
    if (holds_anything(hold))
        s->b->ops->give_back(s->b, line->ask->tenant, hold);
}

static void settle_here(struct sl_store *s, const struct sl_settle *line,
                        const struct sl_hold *hold)
{
    struct sl_ledger_extra extra = {.reserved_micro = hold->reserved_micro};
    struct sl_line whole;
    char day[10];

    memcpy(extra.leased, hold->leased, sizeof extra.leased);
    sl_ledger_fill(line, &extra, sl_store_now_ms(s), day, &whole);
    sl_outage_settle(s, line->ask->tenant, &whole);
}

void sl_store_settle(struct sl_store *s, const struct sl_settle *line)
{
    struct sl_ledger_extra extra = {.now_unix_ms = sl_store_now_ms(s)};
    struct sl_hold hold;

    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    sl_hold_fill(line->ask, line->answer, &hold);
    hold.reserved_micro = sl_holds_take(&s->holds, line->ask, hold.reserved_micro);
    if (line->answer->local)
        settle_here(s, line, &hold);
    else
        let_go(s, line, &hold, &extra);
    sl_ledger_settle(s->l, line, &extra);
    count(s, line->source);
}

void sl_store_give_back(struct sl_store *s, const struct sl_quota_ask *ask,
                        const struct sl_quota_answer *answer)
{
    struct sl_hold hold;

    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    sl_hold_fill(ask, answer, &hold);
    hold.reserved_micro = sl_holds_take(&s->holds, ask, hold.reserved_micro);
    if (!holds_anything(&hold))
        return;
    if (answer->local && s->outage.engine != NULL)
        sl_engine_give_back(s->outage.engine, ask->tenant, &hold, sl_outage_now_us(s));
    else if (!answer->local)
        s->b->ops->give_back(s->b, ask->tenant, &hold);
}
