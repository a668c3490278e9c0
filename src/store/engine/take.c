/* store/engine/take.c -- what an admission takes, and what it leaves. */
#include "store/engine/inside.h"

static bool wants_account(const struct sl_asking *a, int level)
{
    return sl_asking_is_charged(a) && a->ask->reserve_micro > 0 && a->party[level] != NULL &&
           sl_terms_has_budget(a->terms[level]);
}

static bool wants_lease(const struct sl_asking *a, int level)
{
    return !a->ask->windows_only && a->party[level] != NULL &&
           sl_asking_limit(a, a->terms[level]->limits.concurrency) > 0;
}

static bool wants_user(const struct sl_asking *a)
{
    enum sl_level whose;

    return !a->ask->windows_only && sl_quota_user_limit(a->ask, &whose) > 0;
}

/* False: no memory, and nothing was taken. */
static bool hold(struct sl_asking *a)
{
    struct sl_held *h;
    bool user = wants_user(a), any = user;

    for (int l = 0; l < SL_LEVEL__COUNT; l++)
        any = any || wants_account(a, l) || wants_lease(a, l);
    if (!any)
        return true;
    h = sl_held_new(a->e, a->ask->id);
    if (h == NULL)
        return false;
    if (user && !sl_held_user(a->e, h, a->ask->user)) {
        sl_held_end(a->e, h);
        return false;
    }
    a->out->leased = user;
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

static void book_windows(struct sl_asking *a)
{
    uint64_t id = a->spans_n > 0 ? sl_map_hash(a->ask->id, SL_QUOTA_ID) : 0;

    for (size_t i = 0; i < a->spans_n; i++) {
        const struct sl_span *s = &a->spans[i];

        if (s->bucket != NULL) {
            s->bucket->debt = sl_bucket_debt(s->bucket, s->limit, a->e->now_us) + s->length_us;
            s->bucket->at_us = a->e->now_us;
            continue;
        }
        sl_ring_add(s->ring, id, a->e->now_us);
        if (s->ring != &a->e->gateway)
            sl_party_warm(a->e, a->party[s->level]);
    }
    a->out->booked = a->spans_n > 0;
}

static void begin_accounts(struct sl_asking *a)
{
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        if (a->party[l] != NULL && a->terms[l]->budget.credits_micro >= 0)
            sl_purse_begin(a->e, a->party[l], a->terms[l]->budget.credits_micro);
    }
}

void sl_take(struct sl_asking *a)
{
    bool whole = a->out->limit == SL_LIMIT_NONE, room = true;

    for (size_t i = 0; i < a->spans_n; i++)
        room = room && (a->spans[i].ring == NULL || sl_ring_make_room(a->spans[i].ring));
    if (!room || (whole && !hold(a))) {
        a->out->limit = SL_LIMIT_STORE;
        a->out->level = SL_LEVEL_TENANT;
        a->out->figure = a->out->used = 0;
        a->out->wait_ms = -1;
        return;
    }
    book_windows(a);
    if (whole && sl_asking_is_charged(a))
        begin_accounts(a);
}

/* ---- what is left ---- */

static int64_t rest(int64_t limit, int64_t used)
{
    return used < limit ? limit - used : 0;
}

static void tell_windows(const struct sl_asking *a, int level, struct sl_quota_room *room)
{
    const struct sl_limits *limits = &a->terms[level]->limits;
    struct sl_party *p = a->party[level];
    int64_t now_us = a->e->now_us, limit = (int64_t)sl_asking_limit(a, limits->rpm);
    int64_t burst = (int64_t)sl_asking_limit(a, limits->burst);

    if (limit > SL_TERMS_WINDOW_MAX)
        limit = SL_TERMS_WINDOW_MAX;
    if (limit > 0 && burst > 0) {
        int64_t debt = sl_bucket_debt(&p->rpm_burst, (uint64_t)limit, now_us);

        room->rpm_left = rest(burst, (int64_t)sl_bucket_used(debt, SL_WINDOW_RPM_US));
        room->rpm_reset_ms = sl_bucket_wait_ms(debt, 0, (uint64_t)limit);
    } else if (limit > 0) {
        sl_ring_prune(&p->rpm, SL_WINDOW_RPM_US, now_us);
        room->rpm_left = rest(limit, p->rpm.n);
        room->rpm_reset_ms = sl_ring_reset_ms(&p->rpm, SL_WINDOW_RPM_US, now_us);
    }
    limit = (int64_t)sl_asking_limit(a, limits->tpm);
    if (limit > 0) {
        room->tpm_left = rest(limit, sl_tokens_sum(p->tokens, now_us));
        room->tpm_reset_ms = sl_tokens_reset_ms(p->tokens, now_us);
    }
    limit = (int64_t)sl_asking_limit(a, limits->concurrency);
    if (limit > 0)
        room->concurrency_left = rest(limit, p->leases);
}

void sl_take_room(struct sl_asking *a, int level)
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

        sl_asking_look(a, level, (enum sl_limit)name, &s);
        if (s.set && (room->credits_left_micro == SL_UNSET || s.left < room->credits_left_micro))
            room->credits_left_micro = s.left > 0 ? s.left : 0;
    }
}
