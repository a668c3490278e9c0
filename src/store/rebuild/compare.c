/* store/rebuild/compare.c -- what the store says otherwise than the trails: each balance, and
 * each tenant's usage in all. */
#include <stdio.h>

#include "store/rebuild/inside.h"

static void differ(struct sl_rebuild *r, const struct sl_rebuild_difference *d)
{
    struct sl_rebuild_report *out = r->out;

    if (d->trail == d->store)
        return;
    r->tenant->differs = true;
    out->differences++;
    if (out->shown_n == SL_REBUILD_SHOWN)
        return;
    out->shown[out->shown_n] = *d;
    snprintf(out->shown[out->shown_n].tenant, sizeof d->tenant, "%.*s",
             SL_STR_ARGS(sl_total_name(r->tenant)));
    out->shown_n++;
}

static void compare_account(struct sl_rebuild *r, struct sl_total *a);
static void compare_usage(struct sl_rebuild *r);
static void compare_tenant(struct sl_rebuild *r, struct sl_total_tenant *of);

static void on_balance(void *ctx, enum sl_err e)
{
    struct sl_rebuild *r = ctx;
    const struct sl_account *a = &r->account->a.account;
    struct sl_rebuild_difference d = {.what = "spent", .trail = a->spent_micro};

    if (e != SL_OK) {
        sl_rebuild_explain(r,
                           "the store did not tell a balance; run the rebuild again when it is up");
        sl_rebuild_tell(r, e);
        return;
    }
    snprintf(d.key_id, sizeof d.key_id, "%.*s", SL_STR_ARGS(r->account->a.key_id));
    d.store = r->balance.spent_micro;
    differ(r, &d);
    d.what = "granted";
    d.trail = a->held ? a->granted_micro : 0;
    d.store = r->balance.held ? r->balance.granted_micro : 0;
    differ(r, &d);
    compare_account(r, r->account->hh.next);
}

static void compare_account(struct sl_rebuild *r, struct sl_total *a)
{
    static const struct sl_periods whenever;

    r->account = a;
    if (a != NULL)
        sl_store_balance_start(r->s, sl_total_name(r->tenant), a->a.key_id, &whenever, &r->balance,
                               &r->below, on_balance, r);
    else
        compare_usage(r);
}

static void on_usage(void *ctx, enum sl_err e)
{
    struct sl_rebuild *r = ctx;
    struct sl_rebuild_difference d = {.what = "requests"};

    if (e != SL_OK) {
        sl_rebuild_explain(
            r, "the store did not tell the usage of a tenant; run the rebuild again when it is up");
        sl_rebuild_tell(r, e);
        return;
    }
    for (size_t i = 0; i < r->usage.n; i++) {
        r->requests += r->usage.at[i].requests;
        r->cost_micro += r->usage.at[i].cost_micro;
    }
    snprintf(r->after, sizeof r->after, "%.*s", SL_STR_ARGS(r->usage.next));
    if (r->usage.next.n > 0) {
        compare_usage(r);
        return;
    }
    d.trail = (int64_t)r->tenant->requests;
    d.store = (int64_t)r->requests;
    differ(r, &d);
    d.what = "usage cost";
    d.trail = r->tenant->cost_micro;
    d.store = r->cost_micro;
    differ(r, &d);
    compare_tenant(r, r->tenant->hh.next);
}

static void compare_usage(struct sl_rebuild *r)
{
    if (r->after[0] == 0)
        r->requests = 0, r->cost_micro = 0;
    sl_store_usage_start(r->s, sl_total_name(r->tenant),
                         (struct sl_str){r->job->totals.from_day, sizeof r->job->totals.from_day},
                         (struct sl_str){r->to_day, sizeof r->to_day}, sl_str_of(r->after),
                         &r->usage, &r->below, on_usage, r);
}

static void compare_tenant(struct sl_rebuild *r, struct sl_total_tenant *of)
{
    r->tenant = of;
    r->after[0] = 0;
    if (of != NULL) {
        compare_account(r, of->accounts);
    } else if (r->write) {
        sl_rebuild_write(r);
    } else {
        sl_rebuild_tell(r, SL_OK);
    }
}

void sl_rebuild_compare(struct sl_rebuild *r)
{
    r->state = SL_REBUILD_COMPARE;
    compare_tenant(r, r->job->totals.tenants);
}
