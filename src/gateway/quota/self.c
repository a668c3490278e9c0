/* What a key is told about itself. */
#include "gateway/quota/self.h"

#include "base/map.h"
#include "base/text.h"
#include "gateway/inside.h"
#include "policy/money.h"

#define DAY_MS 86400000
#define ANSWER_BYTES 4096

enum stage { BALANCE, ROWS };

struct sl_self {
    enum stage stage;
    struct sl_str account;        /* the id whose account it is; empty: the tenant's */
    const struct sl_terms *terms; /* up: the key's, or its tenant's */
    struct sl_balance balance;
    struct sl_usage_rows rows;
    struct sl_self_sums sums;
    unsigned pages;
    struct sl_str after;
    char today[10], monday[10], first[10]; /* of days, "2026-11-25" */
};

static void on_store(void *ctx, enum sl_err e)
{
    struct sl_req *r = ctx;

    r->why = e;
    sl_req_event(r, SL_EVT_STORE);
}

static struct sl_str id_of(const struct sl_req *r)
{
    return r->key->account.n > 0 ? r->key->account : r->key->public_id;
}

/* ---- the balance ---- */

/* Credits are the tenant's, but for a key that alone has some. */
static void choose_level(struct sl_req *r)
{
    struct sl_self *s = r->self;
    bool own = r->ep == SL_EP_KEY || (r->key->of->terms.budget.credits_micro == SL_UNSET &&
                                      r->key->terms.budget.credits_micro != SL_UNSET);

    s->account = own ? id_of(r) : (struct sl_str){"", 0};
    s->terms = own ? &r->key->terms : &r->key->of->terms;
}

enum sl_state sl_self_begin(struct sl_req *r)
{
    struct sl_self *s = sl_arena_zalloc(r->arena, sizeof *s);

    if (s == NULL)
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    r->self = s;
    choose_level(r);
    sl_store_balance_start(r->gw->store, r->key->tenant, s->account,
                           sl_gateway_periods(r->gw, r->key->of->zone), &s->balance, &r->key_op,
                           on_store, r);
    return SL_ST_BODY;
}

/* ---- usage of days, weeks, months ---- */

static struct sl_self_memo *memo_of(struct sl_req *r)
{
    struct sl_str tenant = sl_str_first(r->key->tenant, 128), id = sl_str_first(id_of(r), 128);
    char name[260];
    struct sl_text t = sl_text_over(name, sizeof name);
    uint64_t key;

    sl_text_add(&t, tenant);
    sl_text_byte(&t, '\n');
    sl_text_add(&t, id);
    key = sl_map_hash(name, t.n) | 1;
    if (r->gw->selves[key % SL_SELF_MEMOS].key != key)
        r->gw->selves[key % SL_SELF_MEMOS] = (struct sl_self_memo){.key = key};
    return &r->gw->selves[key % SL_SELF_MEMOS];
}

static void write_day(int64_t unix_ms, char out[10])
{
    char place[32];
    struct sl_text t = sl_text_over(place, sizeof place);

    sl_text_time(&t, unix_ms);
    memcpy(out, place, 10);
}

static struct sl_str day(const char text[10])
{
    return (struct sl_str){text, 10};
}

/* 1970-01-01 was a Thursday. */
static void find_days(struct sl_req *r)
{
    struct sl_self *s = r->self;
    int64_t now = sl_net_unix_ms(r->gw->net), weekday = (now / DAY_MS + 3) % 7;

    write_day(now, s->today);
    write_day(now - weekday * DAY_MS, s->monday);
    memcpy(s->first, s->today, 8);
    memcpy(s->first + 8, "01", 2);
}

static void read_rows(struct sl_req *r)
{
    struct sl_self *s = r->self;
    bool week_first = memcmp(s->monday, s->first, 10) < 0;

    s->stage = ROWS;
    s->pages++;
    sl_store_usage_start(r->gw->store, r->key->tenant, day(week_first ? s->monday : s->first),
                         day(s->today), s->after, &s->rows, &r->key_op, on_store, r);
}

static void add(int64_t *sum, int64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum))
        *sum = INT64_MAX;
}

static void sum_up(struct sl_req *r)
{
    struct sl_self *s = r->self;

    for (size_t i = 0; i < s->rows.n; i++) {
        const struct sl_usage_row *row = &s->rows.at[i];

        if (!sl_str_eq(row->key_id, id_of(r)) || row->day.n != 10)
            continue;
        if (memcmp(row->day.p, s->today, 10) == 0)
            add(&s->sums.day, row->cost_micro);
        if (memcmp(row->day.p, s->monday, 10) >= 0)
            add(&s->sums.week, row->cost_micro);
        if (memcmp(row->day.p, s->first, 10) >= 0)
            add(&s->sums.month, row->cost_micro);
    }
}

/* ---- the answers ---- */

static void add_money(struct sl_text *t, int64_t micro)
{
    char place[24];

    sl_text_add(t, sl_money_print(micro, place));
}

static void add_member(struct sl_text *t, const char *name, int64_t micro)
{
    sl_text_printf(t, ",\"%s\":", name);
    add_money(t, micro);
}

struct limit {
    const char *reset; /* static: a JSON value */
    int64_t limit, left;
};

static void tighter(struct limit *l, const char *reset, int64_t limit, int64_t left)
{
    if (l->reset == NULL || left < l->left)
        *l = (struct limit){reset, limit, left};
}

/* The one of its budgets that has the least left. */
static struct limit limit_of(const struct sl_self *s)
{
    const struct sl_budget *b = &s->terms->budget;
    const struct sl_balance *have = &s->balance;
    int64_t granted = have->held ? have->granted_micro : b->credits_micro;
    struct limit l = {0};

    if (b->credits_micro != SL_UNSET)
        tighter(&l, "null", granted, granted - have->spent_micro - have->reserved_micro);
    if (b->daily_micro > 0)
        tighter(&l, "\"daily\"", b->daily_micro,
                b->daily_micro - have->day_micro - have->reserved_micro);
    if (b->monthly_micro > 0)
        tighter(&l, "\"monthly\"", b->monthly_micro,
                b->monthly_micro - have->month_micro - have->reserved_micro);
    return l;
}

static void add_limit(struct sl_text *t, const struct sl_self *s)
{
    struct limit l = limit_of(s);

    if (l.reset == NULL) {
        sl_text_add(t, SL_STR(",\"limit\":null,\"limit_remaining\":null,\"limit_reset\":null"));
        return;
    }
    add_member(t, "limit", l.limit);
    add_member(t, "limit_remaining", l.left);
    sl_text_printf(t, ",\"limit_reset\":%s", l.reset);
}

static void write_key(const struct sl_req *r, struct sl_text *t)
{
    const struct sl_self *s = r->self;
    const struct sl_key *k = r->key;
    uint64_t rpm = sl_terms_limit(k->terms.limits.rpm);

    sl_text_add(t, SL_STR("{\"data\":{\"label\":"));
    sl_text_json(t, k->name.n > 0 ? k->name : k->public_id, 200);
    add_limit(t, s);
    add_member(t, "usage", sl_terms_has_budget(&k->terms) ? s->balance.spent_micro : s->sums.month);
    add_member(t, "usage_daily", s->sums.day);
    add_member(t, "usage_weekly", s->sums.week);
    add_member(t, "usage_monthly", s->sums.month);
    sl_text_add(t, SL_STR(",\"byok_usage\":0,\"byok_usage_daily\":0,\"byok_usage_weekly\":0,"
                          "\"byok_usage_monthly\":0,\"is_free_tier\":false,"
                          "\"is_management_key\":false,\"is_provisioning_key\":false,"
                          "\"include_byok_in_limit\":false,\"expires_at\":"));
    if (k->expires_unix_ms > 0) {
        sl_text_byte(t, '"');
        sl_text_time(t, k->expires_unix_ms);
        sl_text_byte(t, '"');
    } else {
        sl_text_add(t, SL_STR("null"));
    }
    sl_text_printf(
        t,
        ",\"rate_limit\":{\"requests\":%lld,\"interval\":\"60s\",\"note\":\"of this key; "
        "-1: no limit of its own\"}}}\n",
        rpm > 0 ? (long long)rpm : -1LL);
}

/* Where nothing was given, nothing is: what was used shows as owed. */
static void write_credits(const struct sl_req *r, struct sl_text *t)
{
    const struct sl_self *s = r->self;
    int64_t credits = s->terms->budget.credits_micro;
    int64_t granted = s->balance.held ? s->balance.granted_micro : credits;

    sl_text_add(t, SL_STR("{\"data\":{\"total_credits\":"));
    add_money(t, credits != SL_UNSET ? granted : 0);
    add_member(t, "total_usage", s->balance.spent_micro);
    sl_text_add(t, SL_STR("}}\n"));
}

static enum sl_state answer(struct sl_req *r)
{
    char *place = sl_arena_alloc(r->arena, ANSWER_BYTES);
    struct sl_text t = sl_text_over(place, ANSWER_BYTES);

    if (place == NULL)
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    if (r->ep == SL_EP_KEY)
        write_key(r, &t);
    else
        write_credits(r, &t);
    r->raw_body = sl_text_str(&t);
    r->reply_status = 200;
    return SL_ST_REPLY;
}

/* ---- the store has answered ---- */

static enum sl_state after_balance(struct sl_req *r)
{
    const struct sl_self_memo *m = memo_of(r);

    if (r->ep == SL_EP_CREDITS)
        return answer(r);
    if (sl_net_now(r->gw->net) < m->until_ms) {
        r->self->sums = m->sums;
        return answer(r);
    }
    find_days(r);
    read_rows(r);
    return SL_ST_BODY;
}

static enum sl_state after_rows(struct sl_req *r)
{
    struct sl_self *s = r->self;
    struct sl_self_memo *m;

    sum_up(r);
    s->after = sl_arena_dup(r->arena, s->rows.next);
    if (s->after.p != NULL && s->after.n > 0 && s->pages < SL_SELF_PAGES) {
        read_rows(r);
        return SL_ST_BODY;
    }
    m = memo_of(r);
    m->sums = s->sums;
    m->until_ms = sl_net_now(r->gw->net) + SL_SELF_KEEP_MS;
    return answer(r);
}

enum sl_state sl_self_go_on(struct sl_req *r)
{
    if (r->why != SL_OK)
        return sl_req_refuse(r, SL_ERR_STORE, 0,
                             "The store that keeps balances does not answer; try again shortly.");
    return r->self->stage == BALANCE ? after_balance(r) : after_rows(r);
}
