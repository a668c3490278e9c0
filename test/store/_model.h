/* Random calls of a store beside a model that remembers every request and counts them one
 * by one: each answer, balance and reservation is the same to the last micro-dollar,
 * and no window ever holds more than its limit. A kind is plugged in by `struct kind`. */
#ifndef SL_TEST_STORE_MODEL_H
#define SL_TEST_STORE_MODEL_H

#include "store/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"

#define S 1000000ll /* microseconds */
#define BEGIN (1000000000ll * S)
#define TENANTS 3
#define KEYS 3  /* of each tenant */
#define USERS 4 /* of each tenant; the first is nobody */
#define SEEN 4096
#define BUSY 60 /* held at once: below what the engine sweeps in a call */
#define DAY 86400ll

struct seen { /* a request, as long as anything of it counts */
    char id[SL_QUOTA_ID];
    int tenant, key, user;
    int64_t at_us, until_us, amount;
    bool gateway, qps[2], rpm[2]; /* entries in windows */
    bool lease[2], account[2];
    bool live; /* a lease of its user */
    struct sl_quota_ask ask;
};

struct tokens {
    int64_t second, n;
};

struct level { /* a tenant or a key */
    struct sl_terms terms;
    bool judged, active;
    uint64_t rev;
    struct sl_account account;
    struct tokens tokens[SEEN];
    size_t tokens_n;
};

static struct level levels[TENANTS][KEYS + 1]; /* 0 is the tenant's own */
static struct seen seen[SEEN];
static size_t seen_n;
static int64_t now_us;
static uint64_t state = 88172645463325252ull;
static unsigned ids;
static uint64_t numbers; /* of lines */
static uint64_t gateway_qps;
static size_t passed, refusals[SL_LIMIT__COUNT];

/* All by the clock above; without a key_id at the tenant's level. */
struct kind {
    int calls;
    int64_t least, most; /* sums of money end here */
    /* A hold is named by the levels it was taken at: terms are not changed under it. */
    bool is_by_levels;
    void (*admit)(const struct sl_quota_ask *ask, struct sl_quota_answer *a);
    void (*settle)(struct sl_str tenant, const struct sl_line *line);
    void (*renew)(struct sl_str tenant, const struct sl_hold *h);
    void (*give_back)(struct sl_str tenant, const struct sl_hold *h);
    bool (*grow)(const struct sl_quota_ask *ask, int64_t more_micro);
    /* A record is written over that of revision `rev`; its new revision. */
    uint64_t (*state)(struct sl_str tenant, struct sl_str key_id, bool active, uint64_t rev);
    void (*grant)(struct sl_str tenant, struct sl_str key_id, int64_t initial, int64_t more);
    void (*set)(struct sl_str tenant, struct sl_str key_id, const struct sl_account *a);
    void (*get)(struct sl_str tenant, struct sl_str key_id, struct sl_account *a,
                int64_t *reserved);
};
static const struct kind *kind;

static uint64_t roll(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

static int64_t one_of(const int64_t *v, size_t n)
{
    return v[roll(n)];
}
#define ONE_OF(...)                                                                                \
    one_of((const int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static struct level *level_of(const struct seen *r, int l)
{
    return &levels[r->tenant][l == SL_LEVEL_TENANT ? 0 : r->key];
}

static struct sl_str tenant_name(int t)
{
    static const char *const names[TENANTS] = {"alpha", "beta", "gamma"};

    return sl_str_of(names[t]);
}

static struct sl_str key_name(int k)
{
    static const char *const names[KEYS + 1] = {"", "one", "two", "three"};

    return sl_str_of(names[k]);
}

/* A digest's names tell tenants apart. */
static void user_name(const struct seen *r, char out[SL_QUOTA_USER])
{
    char text[SL_QUOTA_USER + 1];

    (void)snprintf(text, sizeof text, "%08x%08x", (unsigned)r->tenant, (unsigned)r->user);
    memcpy(out, text, SL_QUOTA_USER);
    if (r->user == 0)
        memset(out, 0, SL_QUOTA_USER);
}

/* ---- what the model counts ---- */

static bool counts(const struct seen *r, int64_t length_us)
{
    return r->at_us >= now_us - length_us;
}

static int64_t clip(__int128 v)
{
    return v > kind->most ? kind->most : v < kind->least ? kind->least : (int64_t)v;
}

enum window { GATEWAY, QPS, RPM };

static bool is_in(const struct seen *r, enum window w, const struct seen *of, int l)
{
    if (w == GATEWAY)
        return r->gateway && counts(r, 1 * S);
    if (level_of(r, l) != level_of(of, l))
        return false;
    return w == QPS ? r->qps[l] && counts(r, 1 * S) : r->rpm[l] && counts(r, 60 * S);
}

/* How many, and when the `skip`-th newest of them came. */
static int64_t in_window(const struct seen *of, enum window w, int l, int64_t nth, int64_t *at_us)
{
    int64_t n = 0;

    for (size_t i = seen_n; i-- > 0;) {
        if (!is_in(&seen[i], w, of, l))
            continue;
        if (++n == nth)
            *at_us = seen[i].at_us;
    }
    return n;
}

static int64_t leases(const struct seen *of, int l)
{
    int64_t n = 0;

    for (size_t i = 0; i < seen_n; i++)
        n += seen[i].lease[l] && level_of(&seen[i], l) == level_of(of, l);
    return n;
}

static int64_t user_leases(const struct seen *of)
{
    int64_t n = 0;

    for (size_t i = 0; i < seen_n; i++)
        n += seen[i].live && seen[i].tenant == of->tenant && seen[i].user == of->user;
    return n;
}

/* The lower one of both levels; 0: none. */
static int64_t user_limit(const struct seen *r, int *level)
{
    int64_t of_tenant = level_of(r, 0)->terms.limits.user_concurrency;
    int64_t of_key = level_of(r, 1)->terms.limits.user_concurrency;

    *level = of_key > 0 && (of_tenant <= 0 || of_key < of_tenant);
    if (r->user == 0 || (of_tenant <= 0 && of_key <= 0))
        return 0;
    return *level == 1 ? of_key : of_tenant;
}

static int64_t reserved(const struct level *at)
{
    int64_t sum = 0;

    for (size_t i = 0; i < seen_n; i++) {
        for (int l = 0; l < 2; l++)
            sum += seen[i].account[l] && level_of(&seen[i], l) == at ? seen[i].amount : 0;
    }
    return sum;
}

static int64_t token_sum(const struct level *at, int64_t from_second)
{
    int64_t sum = 0;

    for (size_t i = 0; i < at->tokens_n; i++)
        sum += at->tokens[i].second >= from_second ? at->tokens[i].n : 0;
    return sum;
}

static int64_t spent_in(int64_t first, int64_t value, const int64_t period[3], int64_t half_s)
{
    int64_t now_s = now_us / S, begin = period[now_s >= period[2] ? 2 : now_s >= period[1] ? 1 : 0];

    return begin - first >= half_s ? 0 : value;
}

/* spent and limit of one of the three budgets; false: not set */
static bool budget(const struct level *at, enum sl_limit name, const struct sl_periods *p,
                   int64_t *spent, int64_t *limit)
{
    const struct sl_account *a = &at->account;

    if (name == SL_LIMIT_CREDITS) {
        *limit = a->held ? a->granted_micro : at->terms.budget.credits_micro;
        *spent = a->spent_micro;
        return at->terms.budget.credits_micro >= 0;
    }
    *limit = name == SL_LIMIT_DAILY ? at->terms.budget.daily_micro : at->terms.budget.monthly_micro;
    *spent = name == SL_LIMIT_DAILY ? spent_in(a->day0, a->day_micro, p->day, DAY / 2)
                                    : spent_in(a->month0, a->month_micro, p->month, 14 * DAY);
    return *limit > 0;
}

/* ---- what the model answers ---- */

struct verdict {
    enum sl_limit limit;
    int level;
    int64_t figure, used, wait_ms;
};

static bool full(const struct seen *r, enum window w, int l, int64_t limit, struct verdict *v)
{
    int64_t at_us = 0, n = in_window(r, w, l, limit, &at_us);
    int64_t length_us = w == RPM ? 60 * S : S;

    if (limit <= 0 || n < limit)
        return false;
    *v = (struct verdict){w == GATEWAY ? SL_LIMIT_GATEWAY_QPS
                          : w == QPS   ? SL_LIMIT_QPS
                                       : SL_LIMIT_RPM,
                          l, limit, n, (at_us + length_us - now_us) / 1000 + 1};
    return true;
}

static bool hard(const struct seen *r, struct verdict *v)
{
    for (int l = 0; l < 2; l++) {
        const struct level *at = level_of(r, l);

        *v = (struct verdict){SL_LIMIT_NONE, l, 0, 0, -1};
        if (at->judged && !at->active)
            v->limit = SL_LIMIT_STATE;
        else if (at->judged && at->rev != r->ask.rev[l])
            v->limit = SL_LIMIT_STALE;
        if (v->limit != SL_LIMIT_NONE)
            return true;
    }
    if (full(r, GATEWAY, 0, (int64_t)r->ask.gateway_qps, v))
        return true;
    for (int l = 0; l < 2; l++) {
        if (full(r, QPS, l, level_of(r, l)->terms.limits.qps, v))
            return true;
    }
    for (int l = 0; l < 2 && !r->ask.light; l++) {
        if (full(r, RPM, l, level_of(r, l)->terms.limits.rpm, v))
            return true;
    }
    return false;
}

static bool poor(const struct seen *r, int64_t more, struct verdict *v)
{
    for (int name = SL_LIMIT_CREDITS; name <= SL_LIMIT_MONTHLY; name++) {
        for (int l = 0; l < 2; l++) {
            const struct level *at = level_of(r, l);
            const int64_t *period =
                name == SL_LIMIT_DAILY ? r->ask.periods.day : r->ask.periods.month;
            int64_t spent, limit, held = reserved(at),
                                  end = period[now_us / S >= period[1] ? 2 : 1];
            __int128 left;

            if (now_us / S >= period[2])
                end = period[2] + (period[2] - period[1]);
            if (!budget(at, (enum sl_limit)name, &r->ask.periods, &spent, &limit))
                continue;
            left = (__int128)limit - spent - held;
            if (left >= more && left > 0)
                continue;
            *v = (struct verdict){(enum sl_limit)name, l, limit, clip((__int128)spent + held), -1};
            if (name != SL_LIMIT_CREDITS)
                v->wait_ms = end * S <= now_us ? 0 : (end * S - now_us + 999) / 1000;
            return true;
        }
    }
    return false;
}

static bool soft(const struct seen *r, struct verdict *v)
{
    int64_t second = now_us / S, most, running = user_leases(r);
    int whose;

    if (r->ask.windows_only)
        return false;
    for (int l = 0; l < 2; l++) {
        int64_t limit = level_of(r, l)->terms.limits.concurrency, n = leases(r, l);

        *v = (struct verdict){SL_LIMIT_CONCURRENCY, l, limit, n, SL_QUOTA_BUSY_MS};
        if (limit > 0 && n >= limit)
            return true;
    }
    most = user_limit(r, &whose);
    *v = (struct verdict){SL_LIMIT_USER, whose, most, running, SL_QUOTA_BUSY_MS};
    if (most > 0 && running >= most)
        return true;
    for (int l = 0; l < 2 && !r->ask.light; l++) {
        int64_t limit = level_of(r, l)->terms.limits.tpm, from = second - 59;
        int64_t sum = token_sum(level_of(r, l), from);

        if (limit <= 0 || sum < limit)
            continue;
        while (token_sum(level_of(r, l), from) >= limit)
            from++;
        *v = (struct verdict){SL_LIMIT_TPM, l, limit, sum, ((from + 59) * S - now_us + 999) / 1000};
        return true;
    }
    return !r->ask.light && !r->ask.free && poor(r, r->ask.reserve_micro, v);
}

static bool has_budget(const struct level *at)
{
    return at->terms.budget.credits_micro >= 0 || at->terms.budget.daily_micro > 0 ||
           at->terms.budget.monthly_micro > 0;
}

/* Takes what the answer says was taken. */
static void model_take(struct seen *r, bool whole, struct sl_quota_answer *a)
{
    bool charged = whole && !r->ask.free && !r->ask.light && !r->ask.windows_only;

    int whose;

    r->gateway = r->ask.gateway_qps > 0;
    r->live = whole && !r->ask.windows_only && user_limit(r, &whose) > 0;
    a->leased = r->live;
    a->booked = r->gateway;
    r->until_us = now_us + 30 * S;
    for (int l = 0; l < 2; l++) {
        struct level *at = level_of(r, l);

        r->qps[l] = at->terms.limits.qps > 0;
        r->rpm[l] = at->terms.limits.rpm > 0 && !r->ask.light;
        r->lease[l] = whole && !r->ask.windows_only && at->terms.limits.concurrency > 0;
        r->account[l] = charged && r->ask.reserve_micro > 0 && has_budget(at);
        a->booked = a->booked || r->qps[l] || r->rpm[l];
        a->leased = a->leased || r->lease[l];
        a->reserved = a->reserved || r->account[l];
        if (charged && at->terms.budget.credits_micro >= 0 && !at->account.held) {
            at->account.held = true;
            at->account.granted_micro = at->terms.budget.credits_micro;
        }
    }
    r->amount = r->account[0] || r->account[1] ? r->ask.reserve_micro : 0;
}

static void model_room(const struct seen *r, int l, struct sl_quota_room *room)
{
    const struct level *at = level_of(r, l);
    int64_t at_us = 0, n, last = -1;

    *room = (struct sl_quota_room){-1, -1, -1, -1, -1, -1};
    n = in_window(r, RPM, l, 1, &at_us);
    if (at->terms.limits.rpm > 0) {
        room->rpm_left = n < at->terms.limits.rpm ? at->terms.limits.rpm - n : 0;
        room->rpm_reset_ms = n == 0 ? 0 : (at_us + 60 * S - now_us) / 1000 + 1;
    }
    if (at->terms.limits.tpm > 0) {
        n = token_sum(at, now_us / S - 59);
        room->tpm_left = n < at->terms.limits.tpm ? at->terms.limits.tpm - n : 0;
        for (size_t i = 0; i < at->tokens_n; i++)
            last = at->tokens[i].second > last ? at->tokens[i].second : last;
        room->tpm_reset_ms = n == 0 ? 0 : ((last + 60) * S - now_us + 999) / 1000;
    }
    n = leases(r, l);
    if (at->terms.limits.concurrency > 0)
        room->concurrency_left =
            n < at->terms.limits.concurrency ? at->terms.limits.concurrency - n : 0;
    for (int name = SL_LIMIT_CREDITS; name <= SL_LIMIT_MONTHLY; name++) {
        int64_t spent, limit, left;

        if (!budget(at, (enum sl_limit)name, &r->ask.periods, &spent, &limit))
            continue;
        left = clip((__int128)limit - spent - reserved(at));
        left = left > 0 ? left : 0;
        if (room->credits_left_micro < 0 || left < room->credits_left_micro)
            room->credits_left_micro = left;
    }
}

static void model_admit(struct seen *r, struct sl_quota_answer *a)
{
    struct verdict v = {SL_LIMIT_NONE, 0, 0, 0, 0};
    bool is_hard = hard(r, &v), is_soft = !is_hard && soft(r, &v);

    if (!is_hard && !is_soft)
        v = (struct verdict){SL_LIMIT_NONE, 0, 0, 0, 0};
    *a = (struct sl_quota_answer){.limit = v.limit,
                                  .level = (enum sl_level)v.level,
                                  .figure = v.figure,
                                  .used = v.used,
                                  .wait_ms = v.wait_ms,
                                  .at_us = now_us};
    if (!is_hard && (!is_soft || r->ask.may_hit))
        model_take(r, !is_soft, a);
    seen[seen_n++] = *r;
    *r = seen[seen_n - 1];
    for (int l = 0; l < 2; l++)
        model_room(r, l, &a->room[l]);
}

static void book(int64_t *first, int64_t *value, int64_t cost, int64_t line_first, int64_t half_s)
{
    if (*first - line_first >= half_s)
        return;
    *value = line_first - *first >= half_s ? cost : clip((__int128)*value + cost);
    *first = line_first;
}

static void model_settle(struct seen *r, const struct sl_line *line)
{
    r->live = r->lease[0] = r->lease[1] = r->account[0] = r->account[1] = false;
    for (int l = 0; l < 2; l++) {
        struct level *at = level_of(r, l);

        if (line->tpm[l] && line->tpm_tokens > 0) {
            assert_true(at->tokens_n < SEEN);
            at->tokens[at->tokens_n++] = (struct tokens){now_us / S, (int64_t)line->tpm_tokens};
        }
        if (!line->account[l])
            continue;
        at->account.spent_micro = clip((__int128)at->account.spent_micro + line->cost_micro);
        book(&at->account.day0, &at->account.day_micro, line->cost_micro, line->day0, DAY / 2);
        book(&at->account.month0, &at->account.month_micro, line->cost_micro, line->month0,
             14 * DAY);
    }
}

/* What no longer counts is forgotten, what expired is let go. */
static void model_tick(void)
{
    size_t n = 0;

    for (size_t i = 0; i < seen_n; i++) {
        struct seen *r = &seen[i];

        if (r->until_us <= now_us)
            r->live = r->lease[0] = r->lease[1] = r->account[0] = r->account[1] = false;
        if (counts(r, 60 * S) || r->live || r->lease[0] || r->lease[1] || r->account[0] ||
            r->account[1])
            seen[n++] = *r;
    }
    seen_n = n;
    for (int t = 0; t < TENANTS; t++) {
        for (int k = 0; k <= KEYS; k++) {
            struct level *at = &levels[t][k];

            n = 0;
            for (size_t i = 0; i < at->tokens_n; i++) {
                if (at->tokens[i].second >= now_us / S - 59)
                    at->tokens[n++] = at->tokens[i];
            }
            at->tokens_n = n;
        }
    }
}

/* ---- the two beside each other ---- */

static void periods_now(struct sl_periods *p)
{
    int64_t day = now_us / S / DAY * DAY, month = now_us / S / (30 * DAY) * (30 * DAY);
    int64_t zone = ONE_OF(0, 0, 0, 0, 0, 0, 0, 0, 0, 18000, -18000);

    if (roll(20) == 0)
        day -= DAY; /* found yesterday */
    for (int i = 0; i < 3; i++) {
        p->day[i] = day + zone + i * DAY;
        p->month[i] = month + zone + i * 30 * DAY;
    }
}

static void same_answer(const struct sl_quota_answer *a, const struct sl_quota_answer *b)
{
    assert_int_equal(a->limit, b->limit);
    assert_int_equal(a->level, b->level);
    assert_int_equal(a->figure, b->figure);
    assert_int_equal(a->used, b->used);
    assert_int_equal(a->wait_ms, b->wait_ms);
    assert_int_equal(a->leased, b->leased);
    assert_int_equal(a->reserved, b->reserved);
    assert_int_equal(a->booked, b->booked);
    assert_int_equal(a->at_us, b->at_us);
    for (int l = 0; l < 2; l++) {
        assert_int_equal(a->room[l].rpm_left, b->room[l].rpm_left);
        assert_int_equal(a->room[l].tpm_left, b->room[l].tpm_left);
        assert_int_equal(a->room[l].concurrency_left, b->room[l].concurrency_left);
        assert_int_equal(a->room[l].rpm_reset_ms, b->room[l].rpm_reset_ms);
        assert_int_equal(a->room[l].tpm_reset_ms, b->room[l].tpm_reset_ms);
        assert_int_equal(a->room[l].credits_left_micro, b->room[l].credits_left_micro);
    }
}

static void same_balances(int t, int k)
{
    struct sl_account a = {0};
    const struct sl_account *b = &levels[t][k].account;
    int64_t held = 0;

    kind->get(tenant_name(t), key_name(k), &a, &held);
    assert_int_equal(a.held, b->held);
    assert_int_equal(a.granted_micro, b->granted_micro);
    assert_int_equal(a.spent_micro, b->spent_micro);
    assert_int_equal(a.day0, b->day0);
    assert_int_equal(a.day_micro, b->day_micro);
    assert_int_equal(a.month0, b->month0);
    assert_int_equal(a.month_micro, b->month_micro);
    assert_int_equal(held, reserved(&levels[t][k]));
}

static void never_above_the_limit(const struct seen *r)
{
    int64_t at_us;

    for (int l = 0; l < 2; l++) {
        const struct sl_limits *limits = &level_of(r, l)->terms.limits;

        assert_true(limits->rpm <= 0 || r->ask.light ||
                    in_window(r, RPM, l, -1, &at_us) <= limits->rpm);
        assert_true(limits->qps <= 0 || in_window(r, QPS, l, -1, &at_us) <= limits->qps);
    }
}

static void call_admit(void)
{
    struct seen r = {.tenant = (int)roll(TENANTS),
                     .key = 1 + (int)roll(KEYS),
                     .user = (int)roll(USERS),
                     .at_us = now_us};
    struct sl_quota_answer a, b;
    char id[SL_QUOTA_ID + 1];

    (void)snprintf(id, sizeof id, "instance%016x", ++ids);
    memcpy(r.id, id, sizeof r.id);
    memcpy(r.ask.id, r.id, sizeof r.id);
    user_name(&r, r.ask.user);
    r.ask.tenant = tenant_name(r.tenant);
    r.ask.key_id = key_name(r.key);
    r.ask.gateway_qps = gateway_qps;
    r.ask.reserve_micro = ONE_OF(0, 1, 50, 50, 500);
    r.ask.free = roll(10) == 0;
    r.ask.light = roll(10) == 0;
    r.ask.windows_only = roll(10) == 0;
    r.ask.may_hit = roll(4) == 0;
    periods_now(&r.ask.periods);
    for (int l = 0; l < 2; l++) {
        r.ask.terms[l] = &level_of(&r, l)->terms;
        r.ask.rev[l] = roll(50) == 0 ? 77 : level_of(&r, l)->rev;
    }
    kind->admit(&r.ask, &a);
    model_admit(&r, &b);
    same_answer(&a, &b);
    same_balances(r.tenant, 0);
    same_balances(r.tenant, r.key);
    refusals[a.limit]++;
    if (a.limit == SL_LIMIT_NONE)
        never_above_the_limit(&r);
    passed += a.limit == SL_LIMIT_NONE;
}

static struct seen *any(void)
{
    return seen_n > 0 ? &seen[roll(seen_n)] : NULL;
}

static void call_settle(struct seen *r)
{
    struct sl_periods p;
    bool held = r->account[0] || r->account[1];
    struct sl_line line = {.number = ++numbers, .key_id = key_name(r->key), .requests = 1};

    memcpy(line.id, r->id, sizeof line.id);
    periods_now(&p);
    line.cost_micro = (int64_t)roll(600);
    if (roll(2000) == 0)
        line.cost_micro = kind->most - 5;
    line.reserved_micro = r->amount;
    line.tpm_tokens = roll(200);
    line.day0 = p.day[0];
    line.month0 = p.month[0];
    for (int l = 0; l < 2; l++) {
        line.tpm[l] = level_of(r, l)->terms.limits.tpm > 0;
        line.account[l] = kind->is_by_levels && held ? r->account[l] : has_budget(level_of(r, l));
        line.leased[l] = r->lease[l];
    }
    if (r->live) { /* its line says nothing of it */
        struct sl_hold h = {.key_id = line.key_id};

        memcpy(h.id, r->id, sizeof h.id);
        user_name(r, h.user);
        kind->give_back(tenant_name(r->tenant), &h);
    }
    kind->settle(tenant_name(r->tenant), &line);
    model_settle(r, &line);
    same_balances(r->tenant, 0);
    same_balances(r->tenant, r->key);
}

static struct sl_hold hold_from(const struct seen *r)
{
    struct sl_hold h = {.key_id = key_name(r->key), .reserved_micro = r->amount, .booked = true};

    memcpy(h.id, r->id, sizeof h.id);
    if (r->live)
        user_name(r, h.user);
    for (int l = 0; l < 2; l++) {
        h.leased[l] = r->lease[l];
        h.account[l] = r->account[l];
    }
    return h;
}

static void call_give_back(struct seen *r)
{
    struct sl_hold h = hold_from(r);

    if (roll(3) == 0) { /* the lease alone */
        h.account[0] = h.account[1] = h.booked = false;
    } else {
        r->gateway = r->qps[0] = r->qps[1] = r->rpm[0] = r->rpm[1] = false;
        r->account[0] = r->account[1] = false;
    }
    r->live = r->lease[0] = r->lease[1] = false;
    kind->give_back(tenant_name(r->tenant), &h);
    same_balances(r->tenant, r->key);
}

static void call_renew(struct seen *r)
{
    struct sl_hold h = hold_from(r);

    if (!r->live && !h.leased[0] && !h.leased[1] && !h.account[0] && !h.account[1])
        return;
    kind->renew(tenant_name(r->tenant), &h);
    r->until_us = now_us + 30 * S;
}

static void call_grow(struct seen *r)
{
    int64_t more = (int64_t)roll(100) + 1;
    struct verdict v;
    bool grows = !poor(r, more, &v);

    if (r->ask.free || r->ask.light || r->ask.windows_only || (!r->account[0] && !r->account[1]))
        return;
    for (int l = 0; l < 2 && kind->is_by_levels; l++) {
        if (r->account[l] != has_budget(level_of(r, l)))
            return;
    }
    r->ask.reserve_micro = r->amount;
    assert_int_equal(kind->grow(&r->ask, more), grows);
    if (grows && (has_budget(level_of(r, 0)) || has_budget(level_of(r, 1))))
        r->amount += more;
    same_balances(r->tenant, 0);
    same_balances(r->tenant, r->key);
}

static void change_terms(struct level *at)
{
    at->terms.limits.rpm = ONE_OF(SL_UNSET, 0, 1, 5, 30);
    at->terms.limits.qps = ONE_OF(SL_UNSET, SL_UNSET, 0, 1, 3);
    at->terms.limits.tpm = ONE_OF(SL_UNSET, SL_UNSET, 100, 1000);
    at->terms.limits.concurrency = ONE_OF(SL_UNSET, SL_UNSET, 1, 3, 10);
    at->terms.limits.user_concurrency = ONE_OF(SL_UNSET, SL_UNSET, 0, 1, 2, 5);
    at->terms.budget.credits_micro = ONE_OF(SL_UNSET, SL_UNSET, 0, 10000, 1000000, kind->most);
    at->terms.budget.daily_micro = ONE_OF(SL_UNSET, SL_UNSET, 0, 5000, 50000);
    at->terms.budget.monthly_micro = ONE_OF(SL_UNSET, SL_UNSET, 20000, 500000);
}

static void set_state(int t, int k)
{
    struct level *at = &levels[t][k];

    at->judged = true;
    at->active = roll(10) > 0;
    at->rev = kind->state(tenant_name(t), key_name(k), at->active, at->rev);
}

static void grant(int t, int k)
{
    struct level *at = &levels[t][k];
    int64_t more = ONE_OF(1000, 100000, 100000, -300, kind->most, kind->least);

    kind->grant(tenant_name(t), key_name(k), 500, more);
    at->account.granted_micro =
        clip((__int128)(at->account.held ? at->account.granted_micro : 500) + more);
    at->account.held = true;
    same_balances(t, k);
}

static void change(void)
{
    int t = (int)roll(TENANTS), k = (int)roll(KEYS + 1);
    struct level *at = &levels[t][k];

    switch (roll(4)) {
    case 0:
        change_terms(at);
        gateway_qps = (uint64_t)ONE_OF(0, 0, 0, 5);
        break;
    case 1: set_state(t, k); break;
    case 2: grant(t, k); break;
    default: /* an account begins anew */
        at->account = (struct sl_account){0};
        kind->set(tenant_name(t), key_name(k), &at->account);
    }
}

static int busy(void)
{
    int n = 0;

    for (size_t i = 0; i < seen_n; i++)
        n += seen[i].live || seen[i].lease[0] || seen[i].lease[1] || seen[i].account[0] ||
             seen[i].account[1];
    return n;
}

static void pass_time(void)
{
    int64_t most = ONE_OF(S / 1000, S / 10, S / 10, 2 * S, 2 * S, 20 * S, 40 * S);

    now_us += (int64_t)roll((uint64_t)most);
    if (roll(300) == 0)
        now_us += (int64_t)roll(40) * DAY * S / 4;
}

static void one_call(void)
{
    uint64_t what = roll(100);
    struct seen *r;

    model_tick();
    r = any();
    if (what < 3)
        change();
    else if (what < 15)
        pass_time();
    else if (r == NULL || (what < 60 && busy() < BUSY))
        call_admit();
    else if (what < 80)
        call_settle(r);
    else if (what < 87)
        call_give_back(r);
    else if (what < 95)
        call_renew(r);
    else
        call_grow(r);
}

static inline void beside_a_model(void **state_)
{
    const char *seed = getenv("SLUICE_SEED");

    kind = *state_;
    if (seed != NULL)
        state += strtoull(seed, NULL, 10) * 7919;
    now_us = BEGIN;
    for (int t = 0; t < TENANTS; t++) {
        for (int k = 0; k <= KEYS; k++)
            change_terms(&levels[t][k]);
    }
    for (int i = 0; i < kind->calls; i++)
        one_call();
    model_tick();
    for (int t = 0; t < TENANTS; t++) {
        for (int k = 0; k <= KEYS; k++)
            same_balances(t, k);
    }
    /* every question was asked, and answered both ways */
    assert_true(passed > (size_t)kind->calls / 20);
    for (int l = SL_LIMIT_STATE; l < SL_LIMIT_STORE; l++)
        assert_true(refusals[l] > 10);
}

#endif
