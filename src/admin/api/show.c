/* admin/api/show.c -- keys, tenants and balances as JSON.
 *
 * A key has its own names and One API's beside them (status, created_time, expired_time,
 * remain_quota, used_quota, unlimited_quota), so that programs written for that one read
 * it. Sources: One API, model/token.go (token fields, status 1 to 4). */
#include "admin/api/api.h"

#include "policy/money.h"

static const struct sl_str empty = SL_STR_INIT("");

enum { ENABLED = 1, DISABLED, EXPIRED, EXHAUSTED }; /* One API's status */

static void leaf(struct sl_out *o, const char *name, int64_t v)
{
    if (v != SL_UNSET)
        sl_out_number(o, name, v);
}

static void money(struct sl_out *o, const char *name, int64_t micro)
{
    if (micro != SL_UNSET)
        sl_out_money(o, name, micro);
}

void sl_show_limits(struct sl_out *o, const char *name, const struct sl_limits *l)
{
    sl_out_open(o, name, '{');
    leaf(o, "rpm", l->rpm);
    leaf(o, "qps", l->qps);
    leaf(o, "burst", l->burst);
    leaf(o, "tpm", l->tpm);
    leaf(o, "concurrency", l->concurrency);
    leaf(o, "user_concurrency", l->user_concurrency);
    leaf(o, "reserve_output", l->reserve_output);
    sl_out_close(o, '}');
}

static void budget_leaves(struct sl_out *o, const struct sl_budget *b)
{
    money(o, "initial_credits", b->credits_micro);
    money(o, "daily", b->daily_micro);
    money(o, "monthly", b->monthly_micro);
}

void sl_show_budget(struct sl_out *o, const char *name, const struct sl_budget *b)
{
    sl_out_open(o, name, '{');
    budget_leaves(o, b);
    sl_out_close(o, '}');
}

static void show_terms(struct sl_out *o, const char *name, const struct sl_terms *t)
{
    sl_out_open(o, name, '{');
    sl_show_limits(o, "limits", &t->limits);
    sl_show_budget(o, "budget", &t->budget);
    sl_out_close(o, '}');
}

static void show_scopes(struct sl_out *o, const struct sl_str *at, size_t n)
{
    sl_out_open(o, "scopes", '[');
    for (size_t i = 0; i < n; i++)
        sl_out_text(o, NULL, at[i]);
    sl_out_close(o, ']');
}

static void show_time(struct sl_out *o, const char *name, int64_t unix_ms)
{
    if (unix_ms > 0)
        sl_out_number(o, name, unix_ms / 1000);
    else
        sl_out_null(o, name);
}

static void show_source(struct sl_out *o, const struct sl_subject *s)
{
    sl_out_text(o, "source",
                !sl_subject_is_of_file(s) ? SL_STR("store")
                : s->rev > 0              ? SL_STR("file and store")
                                          : SL_STR("file"));
    sl_out_count(o, "rev", s->rev);
    show_time(o, "created", s->rev > 0 ? s->doc.created_unix_ms : 0);
}

/* ---- keys ---- */

struct sl_str sl_show_key_state(struct sl_api *c, const struct sl_subject *s,
                                const struct sl_key *k)
{
    struct sl_str state = sl_subject_state(s);
    bool over = k->expires_unix_ms != 0 && sl_api_now(c) >= k->expires_unix_ms;

    return sl_str_eq(state, SL_STR("active")) && over ? SL_STR("expired") : state;
}

static void show_one_api(struct sl_out *o, const struct sl_key *k, struct sl_str state,
                         const struct sl_balance *b)
{
    int64_t credits = k->terms.budget.credits_micro;
    int64_t granted = b != NULL && b->held ? b->granted_micro : credits;
    int64_t spent = b != NULL ? b->spent_micro + b->reserved_micro : 0;
    bool unlimited = credits == SL_UNSET;
    int status = sl_str_eq(state, SL_STR("active"))    ? ENABLED
                 : sl_str_eq(state, SL_STR("expired")) ? EXPIRED
                                                       : DISABLED;

    if (b != NULL && !unlimited && status == ENABLED && spent >= granted)
        status = EXHAUSTED;
    sl_out_number(o, "status", status);
    sl_out_number(o, "expired_time", k->expires_unix_ms > 0 ? k->expires_unix_ms / 1000 : -1);
    sl_out_flag(o, "unlimited_quota", unlimited);
    if (b == NULL)
        return;
    sl_out_number(o, "remain_quota", unlimited ? 0 : (granted - spent) / SL_MONEY_ONE_API_UNIT);
    sl_out_number(o, "used_quota", b->spent_micro / SL_MONEY_ONE_API_UNIT);
}

void sl_show_key(struct sl_api *c, const struct sl_subject *s, const struct sl_key *k,
                 const struct sl_balance *b)
{
    struct sl_out *o = &c->out;
    struct sl_str state = sl_show_key_state(c, s, k);

    sl_out_text(o, "id", s->id);
    sl_out_text(o, "name", k->name);
    sl_out_text(o, "tenant", s->tenant);
    sl_out_text(o, "user", k->user);
    sl_out_text(o, "state", state);
    show_source(o, s);
    show_time(o, "expires", k->expires_unix_ms);
    if (s->rev > 0 && s->doc.rotated_unix_ms > 0)
        show_time(o, "rotated_until", s->doc.rotated_unix_ms);
    if (k->account.n > 0)
        sl_out_text(o, "account", k->account);
    sl_out_number(o, "class", k->grade != SL_UNSET ? k->grade : SL_TENANT_GRADE);
    show_scopes(o, k->scopes, k->scopes_n);
    sl_show_limits(o, "limits", &k->own.limits);
    sl_show_budget(o, "budget", &k->own.budget);
    if (b != NULL) {
        show_terms(o, "effective", &k->terms);
        sl_show_balance(o, "balance", b, &k->terms);
    }
    show_one_api(o, k, state, b);
}

/* ---- tenants ---- */

static void show_spending(struct sl_out *o, const struct sl_spending *s)
{
    if (s->zone.n > 0)
        sl_out_text(o, "zone", s->zone);
    if (s->drain != SL_UNSET)
        sl_out_text(o, "on_client_gone", s->drain == 1 ? SL_STR("drain") : SL_STR("abort"));
    if (s->hard != SL_UNSET)
        sl_out_flag(o, "hard", s->hard == 1);
}

static void show_raise(struct sl_api *c, const struct sl_subject *s)
{
    const struct sl_raise *r = &s->doc.raise;

    if (s->rev == 0 || r->until_unix_ms <= sl_api_now(c))
        return;
    sl_out_open(&c->out, "raise", '{');
    money(&c->out, "daily", r->to.daily_micro);
    money(&c->out, "monthly", r->to.monthly_micro);
    sl_out_number(&c->out, "until", r->until_unix_ms / 1000);
    sl_out_close(&c->out, '}');
}

static void show_labels(struct sl_out *o, const struct sl_tenant *t)
{
    sl_out_open(o, "labels", '{');
    for (size_t i = 0; i < t->labels_n; i++) {
        sl_out_name(o, t->labels[i].name);
        sl_out_text(o, NULL, t->labels[i].value);
    }
    sl_out_close(o, '}');
}

void sl_show_tenant(struct sl_api *c, const struct sl_subject *s, const struct sl_tenant *t,
                    const struct sl_balance *b)
{
    struct sl_out *o = &c->out;

    sl_out_text(o, "name", s->id);
    sl_out_text(o, "state", sl_subject_state(s));
    show_source(o, s);
    sl_out_text(o, "plan", t->plan != NULL ? t->plan->name : empty);
    show_scopes(o, t->own.scopes.at, t->own.scopes.n);
    sl_show_limits(o, "limits", &t->own.terms.limits);
    sl_out_open(o, "budget", '{');
    budget_leaves(o, &t->own.terms.budget);
    show_spending(o, &t->own.spending);
    sl_out_close(o, '}');
    show_terms(o, "per_key", &t->own.per_key);
    show_labels(o, t);
    sl_out_flag(o, "log_prompts", t->log_prompts);
    show_raise(c, s);
    if (b == NULL)
        return;
    show_terms(o, "effective", &t->terms);
    sl_out_text(o, "zone", t->zone);
    sl_show_balance(o, "balance", b, &t->terms);
}

/* ---- money ---- */

static void show_period(struct sl_out *o, const char *name, int64_t limit, int64_t spent,
                        int64_t reserved)
{
    sl_out_open(o, name, '{');
    sl_out_money(o, "spent", spent);
    if (limit > 0) {
        sl_out_money(o, "limit", limit);
        sl_out_money(o, "left", limit - spent - reserved);
    }
    sl_out_close(o, '}');
}

void sl_show_balance(struct sl_out *o, const char *name, const struct sl_balance *b,
                     const struct sl_terms *terms)
{
    int64_t credits = terms->budget.credits_micro;
    int64_t granted = b->held ? b->granted_micro : credits;

    sl_out_open(o, name, '{');
    sl_out_money(o, "spent", b->spent_micro);
    sl_out_money(o, "reserved", b->reserved_micro);
    if (credits != SL_UNSET) {
        sl_out_money(o, "credits", granted);
        sl_out_money(o, "left", granted - b->spent_micro - b->reserved_micro);
    }
    show_period(o, "today", terms->budget.daily_micro, b->day_micro, b->reserved_micro);
    show_period(o, "month", terms->budget.monthly_micro, b->month_micro, b->reserved_micro);
    sl_out_close(o, '}');
}
