/* store/engine/purse.c -- the account of a party: credits, the day's and the month's. */
#include "store/engine/inside.h"

#define DAY_SAME_S (12 * 3600)
#define MONTH_SAME_S (14 * 86400)

int64_t sl_purse_add(int64_t a, int64_t b)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return a < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

static int64_t less(int64_t a, int64_t b)
{
    int64_t rest;

    if (__builtin_sub_overflow(a, b, &rest))
        return a < 0 ? INT64_MIN : INT64_MAX;
    return rest;
}

/* Is the period that begins at `first` an earlier one than that of `than`? Nearer
 * than `same_s` they are one period, seen from two zones. */
static bool is_earlier(int64_t first, int64_t than, int64_t same_s)
{
    return first <= less(than, same_s);
}

/* Which of the three periods now lies in. */
static void period_of(const int64_t bounds[3], int64_t now_s, int64_t *first, int64_t *end)
{
    int i = now_s < bounds[1] ? 0 : now_s < bounds[2] ? 1 : 2;

    *first = bounds[i];
    *end = i < 2 ? bounds[i + 1] : sl_purse_add(bounds[2], less(bounds[2], bounds[1]));
}

struct counter { /* of a period */
    int64_t first, value, seen;
};

static void look_period(struct sl_purse_side *s, struct counter *c, const int64_t bounds[3],
                        int64_t same_s, int64_t now_s)
{
    int64_t first;

    period_of(bounds, now_s, &first, &s->end_s);
    if (is_earlier(c->first, first, same_s))
        *c = (struct counter){first, 0, 0};
    s->spent = c->value;
}

/* What others have spent meanwhile is not known: this process may spend its share
 * of what was left when the account was last set. */
static int64_t left_of(const struct sl_purse_side *s, int64_t seen, unsigned share)
{
    if (share <= 1)
        return less(s->limit, s->spent);
    return less(less(s->limit, seen) / (int64_t)share, less(s->spent, seen));
}

void sl_purse_look(const struct sl_party *p, const struct sl_terms *terms, enum sl_limit name,
                   const struct sl_periods *now, const struct sl_purse_when *when,
                   struct sl_purse_side *out)
{
    const struct sl_account *a = &p->account;
    const struct sl_budget *b = &terms->budget;
    struct counter day = {a->day0, a->day_micro, p->seen.day_micro};
    struct counter month = {a->month0, a->month_micro, p->seen.month_micro};
    int64_t seen = p->seen.spent_micro;

    *out = (struct sl_purse_side){.name = name, .spent = a->spent_micro};
    if (name == SL_LIMIT_CREDITS) {
        out->set = b->credits_micro >= 0;
        out->limit = a->held ? a->granted_micro : b->credits_micro;
    } else if (name == SL_LIMIT_DAILY) {
        out->set = b->daily_micro > 0;
        out->limit = b->daily_micro;
        look_period(out, &day, now->day, DAY_SAME_S, when->now_s);
        seen = day.seen;
    } else {
        out->set = b->monthly_micro > 0;
        out->limit = b->monthly_micro;
        look_period(out, &month, now->month, MONTH_SAME_S, when->now_s);
        seen = month.seen;
    }
    out->left = less(left_of(out, seen, when->share), p->reserved_micro);
}

void sl_purse_open(struct sl_engine *e, struct sl_party *p)
{
    if (!p->booked)
        sl_party_fasten(p);
    p->booked = true;
    if (!sl_list_is_linked(&p->unsaved))
        sl_list_push_back(&e->unsaved, &p->unsaved);
}

void sl_purse_begin(struct sl_engine *e, struct sl_party *p, int64_t credits_micro)
{
    if (p->account.held)
        return;
    p->account.held = true;
    p->account.granted_micro = credits_micro;
    sl_purse_open(e, p);
}

void sl_account_grant(struct sl_account *a, int64_t initial_micro, int64_t more_micro)
{
    if (!a->held)
        a->granted_micro = initial_micro > 0 ? initial_micro : 0;
    a->held = true;
    a->granted_micro = sl_purse_add(a->granted_micro, more_micro);
}

static void book(struct counter *c, int64_t cost_micro, int64_t first, int64_t same_s)
{
    if (is_earlier(first, c->first, same_s))
        return;
    if (is_earlier(c->first, first, same_s))
        *c = (struct counter){0};
    c->first = first;
    c->value = sl_purse_add(c->value, cost_micro);
}

void sl_purse_book(struct sl_engine *e, struct sl_party *p, int64_t cost_micro, int64_t day0,
                   int64_t month0)
{
    struct sl_account *a = &p->account;
    struct counter day = {a->day0, a->day_micro, p->seen.day_micro};
    struct counter month = {a->month0, a->month_micro, p->seen.month_micro};

    book(&day, cost_micro, day0, DAY_SAME_S);
    book(&month, cost_micro, month0, MONTH_SAME_S);
    a->day0 = day.first;
    a->day_micro = day.value;
    p->seen.day_micro = day.seen;
    a->month0 = month.first;
    a->month_micro = month.value;
    p->seen.month_micro = month.seen;
    a->spent_micro = sl_purse_add(a->spent_micro, cost_micro);
    sl_purse_open(e, p);
}
