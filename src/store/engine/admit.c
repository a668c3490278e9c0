/* store/engine/admit.c -- may a request pass? In the order of policy/quota.h; nothing
 * is taken before the last question is answered. */
#include "store/engine/inside.h"

#define WAIT_MAX_S (366 * 86400)
#define SPANS 5 /* the gateway's window, two of the tenant, two of the key */

struct span {             /* a window that this request must pass */
    struct sl_ring *ring; /* up */
    uint64_t limit;
    int64_t length_us;
    enum sl_limit name;
    enum sl_level level;
};

struct asking {
    struct sl_engine *e;                           /* up */
    const struct sl_quota_ask *ask;                /* up */
    struct sl_quota_answer *out;                   /* up */
    const struct sl_terms *terms[SL_LEVEL__COUNT]; /* up */
    struct sl_party *party[SL_LEVEL__COUNT];       /* up: NULL for the key where none is named */
    unsigned share;
    struct span spans[SPANS];
    size_t spans_n;
};

static const struct sl_terms no_terms = {{SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET},
                                         {SL_UNSET, SL_UNSET, SL_UNSET}};

static uint64_t share_of(uint64_t limit, unsigned share)
{
    if (limit == 0 || share <= 1)
        return limit;
    return limit / share > 0 ? limit / share : 1;
}

static uint64_t limit_of(const struct asking *a, int64_t leaf)
{
    return share_of(sl_terms_limit(leaf), a->share);
}

static bool refuse(struct asking *a, enum sl_limit limit, enum sl_level level, int64_t figure,
                   int64_t used)
{
    a->out->limit = limit;
    a->out->level = level;
    a->out->figure = figure;
    a->out->used = used;
    return true;
}

/* ---- 1: state ---- */

static bool refuses_state(struct asking *a)
{
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        const struct sl_party *p = a->party[l];

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

static void add_span(struct asking *a, const struct span *s)
{
    if (s->limit == 0)
        return;
    a->spans[a->spans_n] = *s;
    if (s->limit > SL_TERMS_WINDOW_MAX)
        a->spans[a->spans_n].limit = SL_TERMS_WINDOW_MAX;
    a->spans_n++;
}

static void add_spans(struct asking *a)
{
    struct span s = {&a->e->gateway, share_of(a->ask->gateway_qps, a->share), SL_WINDOW_QPS_US,
                     SL_LIMIT_GATEWAY_QPS, SL_LEVEL_TENANT};

    add_span(a, &s);
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        if (a->party[l] == NULL)
            continue;
        s = (struct span){&a->party[l]->qps, limit_of(a, a->terms[l]->limits.qps), SL_WINDOW_QPS_US,
                          SL_LIMIT_QPS, (enum sl_level)l};
        add_span(a, &s);
    }
    for (int l = 0; l < SL_LEVEL__COUNT && !a->ask->light; l++) {
        if (a->party[l] == NULL)
            continue;
        s = (struct span){&a->party[l]->rpm, limit_of(a, a->terms[l]->limits.rpm), SL_WINDOW_RPM_US,
                          SL_LIMIT_RPM, (enum sl_level)l};
        add_span(a, &s);
    }
}

static bool refuses_windows(struct asking *a)
{
    for (size_t i = 0; i < a->spans_n; i++) {
        const struct span *s = &a->spans[i];

        sl_ring_prune(s->ring, s->length_us, a->e->now_us);
        if (s->ring->n < s->limit)
            continue;
        a->out->wait_ms = sl_ring_wait_ms(s->ring, s->limit, s->length_us, a->e->now_us);
        return refuse(a, s->name, s->level, (int64_t)s->limit, s->ring->n);
    }
    return false;
}

/* ---- 5 to 7: soft ones ---- */

static bool refuses_concurrency(struct asking *a)
{
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        uint64_t limit = limit_of(a, a->terms[l]->limits.concurrency);

        if (a->party[l] == NULL || limit == 0 || a->party[l]->leases < limit)
            continue;
        a->out->wait_ms = SL_QUOTA_BUSY_MS;
        return refuse(a, SL_LIMIT_CONCURRENCY, (enum sl_level)l, (int64_t)limit,
                      a->party[l]->leases);
    }
    return false;
}

static bool refuses_tokens(struct asking *a)
{
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        int64_t limit = (int64_t)limit_of(a, a->terms[l]->limits.tpm), sum;

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

static void look(const struct asking *a, int level, enum sl_limit name, struct sl_purse_side *out)
{
    struct sl_purse_when when = {a->e->now_us / 1000000, a->share};

    sl_purse_look(a->party[level], a->terms[level], name, &a->ask->periods, &when, out);
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

static bool refuses_money(struct asking *a, int64_t more_micro)
{
    for (int name = SL_LIMIT_CREDITS; name <= SL_LIMIT_MONTHLY; name++) {
        for (int l = 0; l < SL_LEVEL__COUNT; l++) {
            struct sl_purse_side s;

            if (a->party[l] == NULL || !sl_terms_has_budget(a->terms[l]))
                continue;
            look(a, l, (enum sl_limit)name, &s);
            if (!s.set || (s.left >= more_micro && s.left > 0))
                continue;
            a->out->wait_ms = s.name == SL_LIMIT_CREDITS ? -1 : ms_until(s.end_s, a->e->now_us);
            return refuse(a, s.name, (enum sl_level)l, s.limit,
                          sl_purse_add(s.spent, a->party[l]->reserved_micro));
        }
    }
    return false;
}

static bool is_charged(const struct asking *a)
{
    return !a->ask->free && !a->ask->light && !a->ask->windows_only;
}

static bool refuses_soft(struct asking *a)
{
    if (a->ask->windows_only)
        return false;
    return refuses_concurrency(a) || (!a->ask->light && refuses_tokens(a)) ||
           (is_charged(a) && refuses_money(a, a->ask->reserve_micro));
}

/* ---- what an admission takes ---- */

static bool wants_account(const struct asking *a, int level)
{
    return is_charged(a) && a->ask->reserve_micro > 0 && a->party[level] != NULL &&
           sl_terms_has_budget(a->terms[level]);
}

static bool wants_lease(const struct asking *a, int level)
{
    return !a->ask->windows_only && a->party[level] != NULL &&
           limit_of(a, a->terms[level]->limits.concurrency) > 0;
}

/* False: no memory, and nothing was taken. */
static bool hold(struct asking *a)
{
    struct sl_held *h;
    bool any = false;

    for (int l = 0; l < SL_LEVEL__COUNT; l++)
        any = any || wants_account(a, l) || wants_lease(a, l);
    if (!any)
        return true;
    h = sl_held_new(a->e, a->ask->id);
    if (h == NULL)
        return false;
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        if (wants_lease(a, l))
            sl_held_lease(h, (enum sl_level)l, a->party[l]);
        if (wants_account(a, l))
            sl_held_account(h, (enum sl_level)l, a->party[l]);
        a->out->leased = a->out->leased || wants_lease(a, l);
        a->out->reserved = a->out->reserved || wants_account(a, l);
    }
    if (a->out->reserved)
        sl_held_add(h, a->ask->reserve_micro);
    return true;
}

static void book_windows(struct asking *a)
{
    uint64_t id = a->spans_n > 0 ? sl_map_hash(a->ask->id, SL_QUOTA_ID) : 0;

    for (size_t i = 0; i < a->spans_n; i++) {
        sl_ring_add(a->spans[i].ring, id, a->e->now_us);
        if (a->spans[i].ring != &a->e->gateway)
            sl_party_warm(a->e, a->party[a->spans[i].level]);
    }
    a->out->booked = a->spans_n > 0;
}

static void begin_accounts(struct asking *a)
{
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        if (a->party[l] != NULL && a->terms[l]->budget.credits_micro >= 0)
            sl_purse_begin(a->e, a->party[l], a->terms[l]->budget.credits_micro);
    }
}

static void take(struct asking *a)
{
    bool whole = a->out->limit == SL_LIMIT_NONE, room = true;

    for (size_t i = 0; i < a->spans_n; i++)
        room = room && sl_ring_make_room(a->spans[i].ring);
    if (!room || (whole && !hold(a))) {
        (void)refuse(a, SL_LIMIT_STORE, SL_LEVEL_TENANT, 0, 0);
        return;
    }
    book_windows(a);
    if (whole && is_charged(a))
        begin_accounts(a);
}

/* ---- what is left ---- */

static int64_t rest(int64_t limit, int64_t used)
{
    return used < limit ? limit - used : 0;
}

static void tell_windows(const struct asking *a, int level, struct sl_quota_room *room)
{
    const struct sl_limits *limits = &a->terms[level]->limits;
    struct sl_party *p = a->party[level];
    int64_t now_us = a->e->now_us, limit = (int64_t)limit_of(a, limits->rpm);

    if (limit > SL_TERMS_WINDOW_MAX)
        limit = SL_TERMS_WINDOW_MAX;
    if (limit > 0) {
        sl_ring_prune(&p->rpm, SL_WINDOW_RPM_US, now_us);
        room->rpm_left = rest(limit, p->rpm.n);
        room->rpm_reset_ms = sl_ring_reset_ms(&p->rpm, SL_WINDOW_RPM_US, now_us);
    }
    limit = (int64_t)limit_of(a, limits->tpm);
    if (limit > 0) {
        room->tpm_left = rest(limit, sl_tokens_sum(p->tokens, now_us));
        room->tpm_reset_ms = sl_tokens_reset_ms(p->tokens, now_us);
    }
    limit = (int64_t)limit_of(a, limits->concurrency);
    if (limit > 0)
        room->concurrency_left = rest(limit, p->leases);
}

static void tell_room(struct asking *a, int level)
{
    struct sl_quota_room *room = &a->out->room[level];

    *room = (struct sl_quota_room){SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET};
    if (a->party[level] == NULL)
        return;
    tell_windows(a, level, room);
    if (!sl_terms_has_budget(a->terms[level]))
        return;
    for (int name = SL_LIMIT_CREDITS; name <= SL_LIMIT_MONTHLY; name++) {
        struct sl_purse_side s;

        look(a, level, (enum sl_limit)name, &s);
        if (s.set && (room->credits_left_micro == SL_UNSET || s.left < room->credits_left_micro))
            room->credits_left_micro = s.left > 0 ? s.left : 0;
    }
}

/* ---- the two doors ---- */

static bool begin(struct asking *a, struct sl_engine *e, const struct sl_quota_ask *ask,
                  unsigned share, struct sl_quota_answer *out)
{
    struct sl_party_pair pair = {0};
    bool found = sl_party_get(e, ask->tenant, ask->key_id, false, &pair);

    *a = (struct asking){.e = e, .ask = ask, .out = out, .share = share};
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
    struct asking a;

    sl_engine_tick(e, now_us);
    *out = (struct sl_quota_answer){.wait_ms = -1, .at_us = e->now_us};
    if (!begin(&a, e, ask, share, out)) {
        (void)refuse(&a, SL_LIMIT_STORE, SL_LEVEL_TENANT, 0, 0);
    } else {
        add_spans(&a);
        if (!refuses_state(&a) && !refuses_windows(&a) && (!refuses_soft(&a) || ask->may_hit))
            take(&a);
    }
    if (out->limit == SL_LIMIT_NONE)
        out->wait_ms = 0;
    for (int l = 0; l < SL_LEVEL__COUNT; l++)
        tell_room(&a, l);
}

/* What a request holds already keeps its levels; one that held no money yet, or
 * whose hold has expired, gets them by the terms. */
static bool grow_held(struct asking *a, int64_t more_micro)
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
                    unsigned share, int64_t now_us)
{
    struct sl_quota_answer out;
    struct asking a;
    bool has = false;

    sl_engine_tick(e, now_us);
    if (!begin(&a, e, ask, share, &out))
        return false;
    for (int l = 0; l < SL_LEVEL__COUNT; l++)
        has = has || (a.party[l] != NULL && sl_terms_has_budget(a.terms[l]));
    if (!has || !is_charged(&a) || more_micro <= 0)
        return true;
    return !refuses_money(&a, more_micro) && grow_held(&a, more_micro);
}
