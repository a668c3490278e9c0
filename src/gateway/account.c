/* ACCOUNT: every request passes here once, whatever became of it. */
#include "gateway/inside.h"

#include <assert.h>
#include <string.h>

#include "gateway/cache/batch.h"
#include "gateway/cache/flight.h"
#include "gateway/hooks/rates.h"
#include "gateway/otlp/span.h"
#include "gateway/quota/pass.h"
#include "gateway/cache/reuse.h"
#include "gateway/routing/trial.h"
#include "gateway/kept/kept.h"
#include "gateway/words/spoken.h"

#define OTHER SL_STR("other")
#define NONE SL_STR("none")

/* Did a provider do work that somebody has to pay? A try that failed is free;
 * one that the client, the clock or we cut off is not. */
static bool was_worked_on(const struct sl_req *r)
{
    if (sl_reuse_is_ours(r) || (r->ending == SL_END_UPSTREAM_ERROR && !r->committed))
        return false;
    if (r->ending == SL_END_UPSTREAM_ERROR && !r->committed && r->status >= 400)
        return false; /* the client was told that it failed */
    if (r->up_status != 0)
        return r->up_status < 300;
    return r->t.sent != 0 && r->ending != SL_END_UPSTREAM_ERROR && r->ending != SL_END_SHED;
}

static void note_rates(const struct sl_req *r);

enum sl_state sl_step_account(struct sl_req *r, enum sl_ev ev)
{
    (void)ev;
    r->t.end = sl_net_now_us(r->gw->net);
    r->worked = was_worked_on(r);
    if (r->worked) {
        sl_usage_settle(&r->usage, r->body_n);
        sl_batch_sum(r);
    } else {
        r->worked = sl_batch_owes(r);
    }
    sl_reuse_finish(r);
    sl_flight_leave(r);
    if (r->headless && r->ending == SL_END_DONE)
        r->ending = r->left;
    sl_trial_close(r);
    sl_pass_close(r);
    sl_spoken_count(r);
    sl_account_metrics(r);
    note_rates(r);
    sl_accesslog_write(r);
    sl_span_close(r);
    sl_kept_write(r);
    return SL_ST_DEAD;
}

static double seconds(uint64_t from, uint64_t to)
{
    return from != 0 && to > from ? (double)(to - from) / 1e6 : 0.0;
}

/* ---- series: looked up once for each kind of ending, then remembered ---- */

/* Label values come from the configuration, or are "other": a client's model
 * name under a pattern must not grow the table. */
static void find_series(struct sl_req *r, struct sl_account_series *s)
{
    const struct sl_gateway_families *f = &r->gw->f;
    struct sl_str tenant = r->key != NULL ? r->key->tenant : NONE;
    struct sl_str model = r->model != NULL ? r->model->name : NONE;
    struct sl_str provider = r->provider != NULL ? r->provider->name : NONE;
    char digits[3] = {(char)('0' + r->status / 100 % 10), (char)('0' + r->status / 10 % 10),
                      (char)('0' + r->status % 10)};
    bool known = r->status >= 100 && r->status <= 999;
    struct sl_str requests[] = {tenant, model, provider, sl_str_of(sl_endpoint_name(r->ep)),
                                known ? (struct sl_str){digits, sizeof digits} : OTHER};
    struct sl_str endings[] = {sl_str_of(sl_ending_name(r->ending)), provider};
    struct sl_str times[] = {model, provider};
    struct sl_str tokens[] = {tenant, model, SL_STR("in"), SL_STR("input")};

    s->requests = sl_metric_series(f->requests, requests);
    s->endings = sl_metric_series(f->endings, endings);
    if (r->target == NULL)
        return;
    s->duration = sl_metric_series(f->duration, times);
    s->ttft = sl_metric_series(f->ttft, times);
    s->tokens_in = sl_metric_series(f->tokens, tokens);
    tokens[3] = SL_STR("cache_read");
    s->tokens_read = sl_metric_series(f->tokens, tokens);
    tokens[3] = SL_STR("cache_write");
    s->tokens_write = sl_metric_series(f->tokens, tokens);
    tokens[2] = SL_STR("out");
    tokens[3] = SL_STR("output");
    s->tokens_out = sl_metric_series(f->tokens, tokens);
    s->cost = sl_metric_series(f->cost, requests); /* its first three labels */
}

/* The pointers are a snapshot's, so the snapshot is part of the key, and a
 * reload empties the memory: an address may come back with another name. */
static struct sl_account_series *series_of(struct sl_req *r)
{
    struct sl_account_key key;
    struct sl_account_series *s;
    uintptr_t mix;

    memset(&key, 0, sizeof key); /* padding too: it is compared */
    key.conf = r->conf;
    key.tenant = r->key != NULL ? r->key->tenant.p : NULL;
    key.model = r->model;
    key.provider = r->provider;
    key.target = r->target;
    key.ep = r->ep;
    key.ending = r->ending;
    key.status = r->status;
    key.reuse = r->reuse != NULL ? (int)r->reuse->result : -1;
    key.far = r->reuse != NULL && r->reuse->far;
    mix = (uintptr_t)key.tenant / 16 + (uintptr_t)key.model / 16 + (uintptr_t)key.provider / 16 +
          (uintptr_t)key.status + (uintptr_t)key.ep * 7 + (uintptr_t)key.ending * 31 +
          (uintptr_t)(key.reuse + 1) * 127 + (uintptr_t)key.far * 61;
    s = &r->gw->series[mix % SL_ACCOUNT_SERIES];
    if (memcmp(&s->key, &key, sizeof key) != 0) {
        memset(s, 0, sizeof *s);
        s->key = key;
        find_series(r, s);
    }
    return s;
}

static void observe_phases(struct sl_req *r)
{
    struct sl_metric **phase = r->gw->phases;

    if (phase[0] == NULL) {
        struct sl_str names[] = {SL_STR("auth"), SL_STR("route"), SL_STR("relay")};

        for (size_t i = 0; i < 3; i++)
            phase[i] = sl_metric_series(r->gw->f.overhead, &names[i]);
    }
    sl_metric_observe(phase[0], seconds(r->t.begin, r->t.authed));
    sl_metric_observe(phase[1], seconds(r->t.whole, r->t.started));
    if (r->t.first != 0)
        sl_metric_observe(phase[2], seconds(r->t.head, r->t.first));
}

static void add_tokens(const struct sl_req *r, struct sl_account_series *s)
{
    const struct sl_usage *u = &r->usage;

    sl_metric_add(s->tokens_in, (double)u->in);
    sl_metric_add(s->tokens_read, (double)u->cache_read);
    sl_metric_add(s->tokens_write, (double)(u->cache_write_5m + u->cache_write_1h));
    sl_metric_add(s->tokens_out, (double)u->out);
    if (r->cost_micro > 0)
        sl_metric_add(s->cost, (double)r->cost_micro / SL_MONEY_MICRO);
}

static void count_reuse(const struct sl_req *r, struct sl_account_series *s)
{
    const struct sl_reuse *u = r->reuse;
    struct sl_str labels[4];

    if (u == NULL || u->result == SL_REUSE_BYPASS)
        return;
    if (s->reuse == NULL) {
        labels[0] = r->key->tenant;
        labels[1] = r->model->name;
        labels[2] = u->result == SL_REUSE_JOINED ? SL_STR("flight")
                    : u->far                     ? SL_STR("redis")
                                                 : SL_STR("memory");
        labels[3] = sl_reuse_name(u->result);
        s->reuse = sl_metric_series(r->gw->f.reuse, labels);
    }
    sl_metric_add(s->reuse, 1);
}

static void count_saved(const struct sl_req *r, struct sl_account_series *s, int64_t micro)
{
    struct sl_str labels[2];

    if (micro <= 0)
        return;
    if (s->saved == NULL) {
        labels[0] = r->key->tenant;
        labels[1] = r->model->name;
        s->saved = sl_metric_series(r->gw->f.saved, labels);
    }
    sl_metric_add(s->saved, (double)micro / SL_MONEY_MICRO);
}

void sl_account_limited(struct sl_req *r)
{
    struct sl_str labels[] = {r->key->tenant, sl_str_of(sl_limit_name(r->pass->answer.limit))};

    sl_metric_add(sl_metric_series(r->gw->f.limited, labels), 1);
}

/* ---- for the dashboard ---- */

static_assert(SL_END__COUNT <= SL_HISTORY_ENDINGS, "more endings than a tally has room for");

static bool is_error(const struct sl_req *r)
{
    return r->status >= 500 || r->ending == SL_END_UPSTREAM_CUT ||
           r->ending == SL_END_UPSTREAM_ERROR || r->ending == SL_END_TIMEOUT ||
           r->ending == SL_END_SHED;
}

/* What was refused before any provider was asked says nothing of a model. */
static void note_rates(const struct sl_req *r)
{
    if (r->model != NULL && r->ending != SL_END_REFUSED)
        sl_rates_note(r->gw->hooks, r->model->name,
                      r->attempts > 0 ? r->provider->name : (struct sl_str){"", 0}, is_error(r));
}

static uint64_t span(uint64_t from, uint64_t to)
{
    return from != 0 && to > from ? to - from : 0;
}

static void tally_work(struct sl_tally *t, const struct sl_req *r)
{
    const struct sl_usage *u = &r->usage;

    sl_tally_add(t, SL_TALLY_IN, u->in + u->cache_read + u->cache_write_5m + u->cache_write_1h);
    sl_tally_add(t, SL_TALLY_OUT, u->out);
    if (r->cost_micro > 0)
        sl_tally_add(t, SL_TALLY_COST, (uint64_t)r->cost_micro);
}

static void tally(const struct sl_req *r, int64_t saved_micro)
{
    struct sl_tally *t = &r->gw->tally;

    sl_tally_add(t, SL_TALLY_REQUESTS, 1);
    sl_tally_add(t, SL_TALLY_ERRORS, is_error(r));
    sl_tally_add(t, SL_TALLY_ENDING + (enum sl_tally_count)r->ending, 1);
    if (r->reuse != NULL && r->reuse->result != SL_REUSE_BYPASS) {
        sl_tally_add(t, SL_TALLY_LOOKED, 1);
        sl_tally_add(t, SL_TALLY_HITS, r->reuse->result != SL_REUSE_MISS);
        sl_tally_add(t, SL_TALLY_SAVED, saved_micro > 0 ? (uint64_t)saved_micro : 0);
    }
    if (r->worked)
        tally_work(t, r);
    sl_tally_time(t, SL_TALLY_TOTAL, span(r->t.begin, r->t.end));
    if (r->t.first != 0)
        sl_tally_time(t, SL_TALLY_TTFT, span(r->t.begin, r->t.first));
    if (r->t.started != 0) /* the phases of sluice_overhead_seconds */
        sl_tally_time(t, SL_TALLY_OWN,
                      span(r->t.begin, r->t.authed) + span(r->t.whole, r->t.started) +
                          (r->t.first != 0 ? span(r->t.head, r->t.first) : 0));
}

void sl_account_metrics(struct sl_req *r)
{
    struct sl_account_series *s;
    int64_t saved_micro;

    if (r->ep == SL_EP_HEALTH || r->ep == SL_EP_HELLO)
        return;
    saved_micro = sl_pass_saved_micro(r);
    tally(r, saved_micro);
    s = series_of(r);
    sl_metric_add(s->requests, 1);
    sl_metric_add(s->endings, 1);
    count_reuse(r, s);
    count_saved(r, s, saved_micro);
    if (r->target == NULL)
        return;
    if (r->worked)
        add_tokens(r, s);
    sl_metric_observe(s->duration, seconds(r->t.begin, r->t.end));
    if (r->t.first != 0)
        sl_metric_observe(s->ttft, seconds(r->t.begin, r->t.first));
    observe_phases(r);
}
