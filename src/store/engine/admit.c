/* store/engine/admit.c -- may a request pass? In the order of policy/quota.h; nothing
 * is taken before the last question is answered. */
#include "store/engine/inside.h"

#define WAIT_MAX_S (366 * 86400)
static const struct sl_terms no_terms = {
    {SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET},
    {SL_UNSET, SL_UNSET, SL_UNSET}};

static bool refuse(struct sl_asking *a, enum sl_limit limit, enum sl_level level, int64_t figure,
                   int64_t used)
{
    a->out->limit = limit;
    a->out->level = level;
    a->out->figure = figure;
    a->out->used = used;
    return true;
}

/* ---- 1: state ---- */

static bool refuses_state(struct sl_asking *a)
{
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        const struct sl_party *p = a->party[l];

        if (l == SL_LEVEL_KEY && a->ask->record_id.n > 0)
            p = sl_party_find(a->e, a->ask->tenant, a->ask->record_id);
        if (p == NULL || !p->judged)
            continue;
        if (!p->active)
            return refuse(a, SL_LIMIT_STATE, (enum sl_level)l, 0, 0);
        if (p->rev != 0 && p->rev != a->ask->rev[l])
            return refuse(a, SL_LIMIT_STALE, (enum sl_level)l, 0, 0);
    }
    return false;
}

/* ---- 2 to 4: windows of requests ---- */

static uint64_t in_window(uint64_t limit)
{
    return limit < SL_TERMS_WINDOW_MAX ? limit : SL_TERMS_WINDOW_MAX;
}

/* With a burst it is a bucket, else a window. */
static void add_span(struct sl_asking *a, const struct sl_span *s)
{
    struct sl_span *to = &a->spans[a->spans_n];

    if (s->limit == 0)
        return;
    *to = *s;
    to->limit = in_window(s->limit);
    to->burst = in_window(s->burst);
    if (to->burst > 0)
        to->ring = NULL;
    else
        to->bucket = NULL;
    a->spans_n++;
}

static void add_spans(struct sl_asking *a)
{
    struct sl_span s = {.ring = &a->e->gateway,
                        .limit = sl_asking_share(a->ask->gateway_qps, a->share),
                        .length_us = SL_WINDOW_QPS_US,
                        .name = SL_LIMIT_GATEWAY_QPS,
                        .level = SL_LEVEL_TENANT};

    add_span(a, &s);
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        if (a->party[l] == NULL)
            continue;
        s = (struct sl_span){.ring = &a->party[l]->qps,
                             .bucket = &a->party[l]->qps_burst,
                             .burst = sl_asking_limit(a, a->terms[l]->limits.burst),
                             .limit = sl_asking_limit(a, a->terms[l]->limits.qps),
                             .length_us = SL_WINDOW_QPS_US,
                             .name = SL_LIMIT_QPS,
                             .level = (enum sl_level)l};
        add_span(a, &s);
    }
    for (int l = 0; l < SL_LEVEL__COUNT && !a->ask->light; l++) {
        if (a->party[l] == NULL)
            continue;
        s = (struct sl_span){.ring = &a->party[l]->rpm,
                             .bucket = &a->party[l]->rpm_burst,
                             .burst = sl_asking_limit(a, a->terms[l]->limits.burst),
                             .limit = sl_asking_limit(a, a->terms[l]->limits.rpm),
                             .length_us = SL_WINDOW_RPM_US,
                             .name = SL_LIMIT_RPM,
                             .level = (enum sl_level)l};
        add_span(a, &s);
    }
}

static bool refuses_bucket(struct sl_asking *a, const struct sl_span *s)
{
    int64_t debt = sl_bucket_debt(s->bucket, s->limit, a->e->now_us);
    uint64_t used = sl_bucket_used(debt, s->length_us);

    if (used < s->burst)
        return false;
    a->out->wait_ms = sl_bucket_wait_ms(debt, (int64_t)(s->burst - 1) * s->length_us, s->limit);
    return refuse(a, s->name, s->level, (int64_t)s->limit, (int64_t)used);
}

static bool refuses_windows(struct sl_asking *a)
{
    for (size_t i = 0; i < a->spans_n; i++) {
        const struct sl_span *s = &a->spans[i];

        if (s->bucket != NULL) {
            if (refuses_bucket(a, s))
                return true;
            continue;
        }
        sl_ring_prune(s->ring, s->length_us, a->e->now_us);
        if (s->ring->n < s->limit)
            continue;
        a->out->wait_ms = sl_ring_wait_ms(s->ring, s->limit, s->length_us, a->e->now_us);
        return refuse(a, s->name, s->level, (int64_t)s->limit, s->ring->n);
    }
    return false;
}

/* ---- 5 to 7: soft ones ---- */

static bool refuses_concurrency(struct sl_asking *a)
{
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        uint64_t limit = sl_asking_limit(a, a->terms[l]->limits.concurrency);

        if (a->party[l] == NULL || limit == 0 || a->party[l]->leases < limit)
            continue;
        a->out->wait_ms = SL_QUOTA_BUSY_MS;
        return refuse(a, SL_LIMIT_CONCURRENCY, (enum sl_level)l, (int64_t)limit,
                      a->party[l]->leases);
    }
    return false;
}

static bool refuses_user(struct sl_asking *a)
{
    enum sl_level whose;
    uint64_t limit = sl_asking_share(sl_quota_user_limit(a->ask, &whose), a->share);
    unsigned running = limit > 0 ? sl_held_of_user(a->e, a->ask->user) : 0;

    if (limit == 0 || running < limit)
        return false;
    a->out->wait_ms = SL_QUOTA_BUSY_MS;
    return refuse(a, SL_LIMIT_USER, whose, (int64_t)limit, running);
}

static bool refuses_tokens(struct sl_asking *a)
{
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        int64_t limit = (int64_t)sl_asking_limit(a, a->terms[l]->limits.tpm), sum;

        if (a->party[l] == NULL || limit == 0)
            continue;
        sum = sl_tokens_sum(a->party[l]->tokens, a->e->now_us);
        if (sum < limit)
            continue;
        a->out->wait_ms = sl_tokens_wait_ms(a->party[l]->tokens, limit, a->e->now_us);
        return refuse(a, SL_LIMIT_TPM, (enum sl_level)l, limit, sum);
    }
    return false;
}

static int64_t ms_until(int64_t end_s, int64_t now_us)
{
    int64_t left_s = end_s - now_us / 1000000;

    if (left_s <= 0)
        return 0;
    if (left_s > WAIT_MAX_S)
        left_s = WAIT_MAX_S;
    return (left_s * 1000000 - now_us % 1000000 + 999) / 1000;
}

static bool refuses_money(struct sl_asking *a, int64_t more_micro)
{
    for (int name = SL_LIMIT_CREDITS; name <= SL_LIMIT_MONTHLY; name++) {
        for (int l = 0; l < SL_LEVEL__COUNT; l++) {
            struct sl_purse_side s;

            if (a->party[l] == NULL || !sl_terms_has_budget(a->terms[l]))
                continue;
            sl_asking_look(a, l, (enum sl_limit)name, &s);
            if (!s.set || (s.left >= more_micro && s.left > 0))
                continue;
            a->out->wait_ms = s.name == SL_LIMIT_CREDITS ? -1 : ms_until(s.end_s, a->e->now_us);
            return refuse(a, s.name, (enum sl_level)l, s.limit,
                          sl_purse_add(s.spent, a->party[l]->reserved_micro));
        }
    }
    return false;
}

static bool refuses_soft(struct sl_asking *a)
{
    if (a->ask->windows_only)
        return false;
    return refuses_concurrency(a) || refuses_user(a) || (!a->ask->light && refuses_tokens(a)) ||
           (sl_asking_is_charged(a) && refuses_money(a, a->ask->reserve_micro));
}

/* ---- the two doors ---- */

static bool begin(struct sl_asking *a, struct sl_engine *e, const struct sl_quota_ask *ask,
                  unsigned share, struct sl_quota_answer *out)
{
    struct sl_party_pair pair = {0};
    bool found = sl_party_get(e, ask->tenant, ask->key_id, false, &pair);

    *a = (struct sl_asking){.e = e, .ask = ask, .out = out, .share = share};
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        a->party[l] = pair.at[l];
        a->terms[l] = ask->terms[l] != NULL ? ask->terms[l] : &no_terms;
        if (pair.at[l] != NULL)
            sl_party_touch(e, pair.at[l]);
    }
    return found;
}

void sl_engine_admit(struct sl_engine *e, const struct sl_quota_ask *ask, unsigned share,
                     int64_t now_us, struct sl_quota_answer *out)
{
    struct sl_asking a;

    sl_engine_tick(e, now_us);
    *out = (struct sl_quota_answer){.wait_ms = -1, .at_us = e->now_us};
    if (!begin(&a, e, ask, share, out)) {
        (void)refuse(&a, SL_LIMIT_STORE, SL_LEVEL_TENANT, 0, 0);
    } else {
        add_spans(&a);
        if (!refuses_state(&a) && !refuses_windows(&a) && (!refuses_soft(&a) || ask->may_hit) &&
            !ask->look)
            sl_take(&a);
    }
    if (out->limit == SL_LIMIT_NONE)
        out->wait_ms = 0;
    for (int l = 0; l < SL_LEVEL__COUNT; l++)
        sl_take_room(&a, l);
}

/* What a request holds already keeps its levels; one that held no money yet, or
 * whose hold has expired, gets them by the terms. */
static bool grow_held(struct sl_asking *a, int64_t more_micro)
{
    struct sl_held *h = sl_held_find(a->e, a->ask->id);

    if (h == NULL && (h = sl_held_new(a->e, a->ask->id)) == NULL)
        return false;
    for (int l = 0; l < SL_LEVEL__COUNT && h->amount_micro == 0; l++) {
        if (a->party[l] != NULL && sl_terms_has_budget(a->terms[l]))
            sl_held_account(h, (enum sl_level)l, a->party[l]);
    }
    sl_held_add(h, more_micro);
    return true;
}

bool sl_engine_grow(struct sl_engine *e, const struct sl_quota_ask *ask, int64_t more_micro,
                    unsigned share, int64_t now_us, struct sl_quota_answer *out)
{
    struct sl_asking a;
    bool has = false;

    sl_engine_tick(e, now_us);
    *out = (struct sl_quota_answer){.wait_ms = -1, .at_us = e->now_us};
    if (!begin(&a, e, ask, share, out))
        return false;
    for (int l = 0; l < SL_LEVEL__COUNT; l++)
        has = has || (a.party[l] != NULL && sl_terms_has_budget(a.terms[l]));
    if (!has || !sl_asking_is_charged(&a) || more_micro <= 0)
        return true;
    return !refuses_money(&a, more_micro) && grow_held(&a, more_micro);
}
