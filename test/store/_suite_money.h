/* The suite's cases of money: reservations, budgets and their periods, settling once. */
#ifndef SL_TEST_STORE_SUITE_MONEY_H
#define SL_TEST_STORE_SUITE_MONEY_H

#include "_suite.h"

/* A hundred at once for credits of ten: exactly ten. */
static inline void credits_race(void **state)
{
    enum { N = 100 };
    struct store *s = *state;
    static struct sl_quota_ask ask[N];
    static struct sl_quota_answer a[N];
    static struct wait w[N];
    int passed = 0;

    memset(w, 0, sizeof w);
    s->terms[T].budget.credits_micro = 1000;
    s->ask.reserve_micro = 100;
    for (unsigned i = 0; i < N; i++) {
        ask[i] = s->ask;
        suite_id(++s->ids, ask[i].id);
        s->b->ops->admit(s->b, &ask[i], &a[i], WAIT(&w[i]));
    }
    for (int i = 0; i < N; i++) {
        if (w[i].n == 0)
            (void)wait_for(s, &w[i]);
        assert_int_equal(w[i].err, SL_OK);
        passed += a[i].limit == SL_LIMIT_NONE;
        assert_true(a[i].limit == SL_LIMIT_NONE || a[i].limit == SL_LIMIT_CREDITS);
    }
    assert_int_equal(passed, 10);
    assert_int_equal(balance_of(s, T).reserved_micro, 1000);
    refuses(s, SL_LIMIT_CREDITS, T);
    assert_int_equal(s->a.figure, 1000);
    assert_int_equal(s->a.used, 1000);
    assert_int_equal(s->a.wait_ms, -1);
}

static inline void reserved_then_settled(void **state)
{
    struct store *s = *state;
    struct sl_balance b;

    s->terms[T].budget.credits_micro = 1000;
    s->terms[K].budget.daily_micro = 500;
    s->ask.reserve_micro = 300;
    assert_true(asks(s));
    assert_true(s->a.reserved);
    assert_int_equal(s->a.room[T].credits_left_micro, 700);
    assert_int_equal(s->a.room[K].credits_left_micro, 200);
    refuses(s, SL_LIMIT_DAILY, K);
    assert_int_equal(s->a.used, 300);
    settles(s, 1, 120);
    b = balance_of(s, T);
    assert_true(b.held);
    assert_int_equal(b.granted_micro, 1000);
    assert_int_equal(b.spent_micro, 120);
    assert_int_equal(b.reserved_micro, 0);
    b = balance_of(s, K);
    assert_false(b.held); /* a budget of the day, no credits */
    assert_int_equal(b.spent_micro, 120);
    assert_int_equal(b.day_micro, 120);
    assert_int_equal(b.reserved_micro, 0);
    assert_true(asks(s));
    assert_int_equal(s->a.room[K].credits_left_micro, 80);
    settles(s, 3, 700); /* it cost more than was thought */
    assert_int_equal(balance_of(s, T).spent_micro, 820);
    refuses(s, SL_LIMIT_CREDITS, T);
    s->ask.reserve_micro = 180;
    refuses(s, SL_LIMIT_DAILY, K);
    assert_int_equal(s->a.used, 820);
    s->terms[K].budget.daily_micro = 0; /* none */
    assert_true(asks(s));
    assert_int_equal(s->a.room[T].credits_left_micro, 0);
}

static inline void settled_once(void **state)
{
    struct store *s = *state;
    struct sl_line l[3];

    s->terms[K].budget.credits_micro = 1000;
    s->ask.reserve_micro = 10;
    asks_all(s, 3);
    for (unsigned i = 0; i < 3; i++)
        l[i] = line_of(s, i + 1, 1 << (2 * i)); /* 1, 4, 16 */
    applies(s, l, 2);
    applies(s, l, 2); /* sent again after a lost answer */
    assert_int_equal(balance_of(s, K).spent_micro, 5);
    assert_int_equal(balance_of(s, K).reserved_micro, 10);
    applies(s, l, 3); /* again, with a new one */
    assert_int_equal(balance_of(s, K).spent_micro, 21);
    assert_int_equal(balance_of(s, K).reserved_micro, 0);
    l[0].number = l[2].number - 1; /* an old number, whatever it says */
    l[0].cost_micro = 500;
    applies(s, l, 1);
    assert_int_equal(balance_of(s, K).spent_micro, 21);
    l[0].number = 1; /* another instance counts for itself */
    assert_int_equal(applies_as(s, "inst0002", l, 1), SL_OK);
    assert_int_equal(balance_of(s, K).spent_micro, 521);
    assert_int_equal(applies_as(s, "inst0002", l, 1), SL_OK);
    assert_int_equal(balance_of(s, K).spent_micro, 521);
    l[0].number = l[2].number + 100; /* numbers may leap: other tenants' lines lie between */
    applies(s, l, 1);
    assert_int_equal(balance_of(s, K).spent_micro, 1021);
    refuses(s, SL_LIMIT_CREDITS, K);
    /* and a tenant's numbers are its own: its batches come before or after the others' */
    s->ask.tenant = SL_STR("another");
    l[1].number = 2;
    applies(s, &l[1], 1);
    assert_int_equal(balance_of(s, K).spent_micro, 4);
    applies(s, &l[1], 1);
    assert_int_equal(balance_of(s, K).spent_micro, 4);
}

static inline void account_begins_when_admitted(void **state)
{
    struct store *s = *state;

    s->terms[K].budget.credits_micro = 100;
    s->ask.reserve_micro = 101;
    refuses(s, SL_LIMIT_CREDITS, K);
    assert_int_equal(s->a.figure, 100);
    assert_false(balance_of(s, K).held); /* a refusal writes nothing */
    s->terms[K].budget.credits_micro = 200;
    assert_true(asks(s));
    assert_true(balance_of(s, K).held);
    s->terms[K].budget.credits_micro = 5000; /* too late: it has begun */
    s->ask.reserve_micro = 100;
    refuses(s, SL_LIMIT_CREDITS, K);
    assert_int_equal(s->a.figure, 200);
    s->terms[K].budget.credits_micro = SL_UNSET; /* no longer looked at */
    assert_true(asks(s));
    assert_int_equal(s->a.room[K].credits_left_micro, SL_UNSET);
    assert_false(s->a.reserved);
}

/* What was spent under another budget counts when credits are set. */
static inline void spent_before_credits(void **state)
{
    struct store *s = *state;

    s->terms[K].budget.monthly_micro = 1000;
    settles(s, 1, 300);
    assert_false(balance_of(s, K).held);
    s->terms[K].budget.credits_micro = 400;
    s->ask.reserve_micro = 101;
    refuses(s, SL_LIMIT_CREDITS, K);
    s->ask.reserve_micro = 100;
    assert_true(asks(s));
    assert_int_equal(balance_of(s, K).granted_micro, 400);
}

static inline void free_models(void **state)
{
    struct store *s = *state;

    s->terms[K].budget.credits_micro = 0;
    s->terms[T].budget.daily_micro = 10;
    refuses(s, SL_LIMIT_CREDITS, K); /* priced, with nothing reserved: something must be left */
    s->ask.free = true;
    s->ask.reserve_micro = 50; /* of no matter */
    assert_true(asks(s));
    assert_false(s->a.reserved);
    assert_false(balance_of(s, K).held);
    s->ask.free = false;
    s->ask.reserve_micro = 0;
    s->terms[K].budget.credits_micro = 1;
    assert_true(asks(s));
    settles(s, 3, 1);
    refuses(s, SL_LIMIT_CREDITS, K);
}

static inline void day_and_month(void **state)
{
    struct store *s = *state;
    int64_t *day = s->ask.periods.day, *month = s->ask.periods.month, wait;

    s->terms[K].budget.daily_micro = 100;
    s->terms[T].budget.monthly_micro = 250;
    s->ask.reserve_micro = 60;
    assert_true(asks(s));
    settles(s, 1, 90);
    refuses(s, SL_LIMIT_DAILY, K);
    assert_int_equal(s->a.figure, 100);
    assert_int_equal(s->a.used, 90);
    wait = day[1] * 1000 - s->a.at_us / 1000;
    assert_in_range(s->a.wait_ms, wait, wait + 1);
    /* a line of the day before arrives late: spent, but not of this day or month */
    day[0] -= DAY_S;
    month[0] -= 30 * DAY_S;
    settles(s, 2, 40);
    day[0] += DAY_S;
    month[0] += 30 * DAY_S;
    assert_int_equal(balance_of(s, K).day_micro, 90);
    assert_int_equal(balance_of(s, T).month_micro, 90);
    assert_int_equal(balance_of(s, T).spent_micro, 130);
    /* the next day begins, and the month goes on */
    for (int i = 0; i < 3; i++)
        day[i] += DAY_S;
    assert_int_equal(balance_of(s, K).day_micro, 0);
    assert_true(asks(s));
    settles(s, 3, 100);
    assert_int_equal(balance_of(s, K).day_micro, 100);
    assert_int_equal(balance_of(s, T).month_micro, 190);
    s->ask.reserve_micro = 61;
    refuses(s, SL_LIMIT_DAILY, K);
    s->terms[K].budget.daily_micro = 1000;
    refuses(s, SL_LIMIT_MONTHLY, T);
    wait = month[1] * 1000 - s->a.at_us / 1000;
    assert_in_range(s->a.wait_ms, wait, wait + 1);
    s->ask.reserve_micro = 60;
    assert_true(asks(s));
}

/* The store decides which of the given periods now is in. */
static inline void periods_found_yesterday(void **state)
{
    struct store *s = *state;
    int64_t *day = s->ask.periods.day, wait;

    s->terms[K].budget.daily_micro = 100;
    s->ask.reserve_micro = 100;
    settles(s, 1, 50);
    refuses(s, SL_LIMIT_DAILY, K);
    for (int i = 0; i < 3; i++)
        day[i] -= DAY_S; /* now lies in day[1] */
    refuses(s, SL_LIMIT_DAILY, K);
    wait = day[2] * 1000 - s->a.at_us / 1000;
    assert_in_range(s->a.wait_ms, wait, wait + 1);
    for (int i = 0; i < 3; i++)
        day[i] += DAY_S + 2 * 3600; /* two hours later: the zone was changed, the day is the same */
    refuses(s, SL_LIMIT_DAILY, K);
    assert_int_equal(s->a.used, 50);
    settles(s, 2, 7);
    assert_int_equal(balance_of(s, K).day_micro, 57);
    for (int i = 0; i < 3; i++)
        day[i] -= 5 * 3600; /* and back, beyond */
    settles(s, 3, 7);
    assert_int_equal(balance_of(s, K).day_micro, 64);
}

static inline void grown(void **state)
{
    struct store *s = *state;

    s->terms[K].budget.credits_micro = 100;
    s->terms[T].budget.daily_micro = 1000;
    s->ask.reserve_micro = 40;
    asks_all(s, 2);
    assert_int_equal(grows(s, 1, 20), SL_OK);
    assert_int_equal(grows(s, 1, 1), SL_ERR_CREDITS);
    assert_int_equal(s->a.limit, SL_LIMIT_CREDITS);
    assert_int_equal(s->a.level, K);
    assert_int_equal(s->a.figure, 100);
    assert_int_equal(s->a.used, 100);
    assert_int_equal(s->a.wait_ms, -1);
    s->terms[K].budget.credits_micro = SL_UNSET;
    s->terms[K].budget.daily_micro = 5000;
    assert_int_equal(grows(s, 1, 901), SL_ERR_CREDITS);
    assert_int_equal(s->a.limit, SL_LIMIT_DAILY);
    assert_int_equal(s->a.level, T);
    assert_int_equal(s->a.figure, 1000);
    assert_int_equal(s->a.used, 100);
    assert_in_range(s->a.wait_ms, 1, 86400000);
    s->terms[K].budget.credits_micro = 100;
    s->terms[K].budget.daily_micro = SL_UNSET;
    assert_int_equal(balance_of(s, K).reserved_micro, 100);
    assert_int_equal(balance_of(s, T).reserved_micro, 100);
    settles(s, 2, 0);
    s->ask.reserve_micro = 60; /* what it holds now */
    assert_int_equal(grows(s, 1, 30), SL_OK);
    assert_int_equal(balance_of(s, K).reserved_micro, 90);
    s->ask.reserve_micro = 90;
    gives_back(s, 1);
    assert_int_equal(balance_of(s, K).reserved_micro, 0);
    assert_int_equal(balance_of(s, T).reserved_micro, 0);
    s->terms[K].budget.credits_micro = s->terms[T].budget.daily_micro = SL_UNSET;
    assert_int_equal(grows(s, 1, 1000000), SL_OK); /* nothing to hold it to */
}

static inline void granted(void **state)
{
    struct store *s = *state;
    struct sl_balance b;

    b = grants(s, K, 500, 100); /* makes the account */
    assert_true(b.held);
    assert_int_equal(b.granted_micro, 600);
    s->terms[K].budget.credits_micro = 50; /* it has begun, with more */
    s->ask.reserve_micro = 600;
    assert_true(asks(s));
    s->ask.reserve_micro = 10;
    refuses(s, SL_LIMIT_CREDITS, K);
    b = grants(s, K, 500, 10);
    assert_int_equal(b.granted_micro, 610);
    assert_int_equal(b.reserved_micro, 600);
    assert_true(asks(s));
    b = grants(s, K, 0, -1000); /* taken */
    assert_int_equal(b.granted_micro, -390);
    refuses(s, SL_LIMIT_CREDITS, K);
    assert_int_equal(s->a.room[K].credits_left_micro, 0);
    b = grants(s, T, 0, 5);
    assert_int_equal(b.granted_micro, 5);
    assert_int_equal(balance_of(s, K).granted_micro, -390);
    s->ask.key_id = SL_STR("nobody");
    assert_false(balance_of(s, K).held);
}

/* Under a name of its own it is added once, however often it is asked for. */
static inline void granted_once(void **state)
{
    static const char one[] = "0123456789abcdef0123456789abcdef", two[] = "two";
    struct store *s = *state;
    struct sl_balance b = grants_once(s, T, 100, 40, one);
    struct sl_store_grant what = {.tenant = s->ask.tenant,
                                  .once = SL_STR("0123456789abcdef0123456789abcdefX")};

    assert_int_equal(b.granted_micro, 140);
    assert_false(b.again);
    for (int i = 0; i < 3; i++) {
        b = grants_once(s, T, 100, 40, one);
        assert_int_equal(b.granted_micro, 140);
        assert_true(b.again);
        assert_false(balance_of(s, T).again);
    }
    assert_int_equal(grants(s, T, 100, 5).granted_micro, 145); /* another's does not hide it */
    assert_true(grants_once(s, T, 100, 40, one).again);
    b = grants_once(s, K, 0, 7, one); /* of another account */
    assert_int_equal(b.granted_micro, 7);
    assert_false(b.again);
    b = grants_once(s, T, 100, 3, two);
    assert_int_equal(b.granted_micro, 148);
    assert_false(b.again);
    assert_true(grants_once(s, T, 100, 3, two).again);
    assert_int_equal(balance_of(s, T).granted_micro, 148);
    assert_int_equal(CALL(s, grant, &what, &b), SL_ERR_CEILING);
}

/* Every digit of a large sum comes through, whichever way it takes. */
static inline void large_sums(void **state)
{
    const int64_t most = SL_TERMS_MONEY_MAX, part = most / 3 + 1; /* 333333333333334 */
    struct store *s = *state;

    s->terms[T].budget.credits_micro = most;
    s->terms[K].budget.monthly_micro = most;
    s->ask.reserve_micro = part;
    asks_all(s, 2);
    assert_int_equal(s->a.room[T].credits_left_micro, most - 2 * part);
    refuses(s, SL_LIMIT_CREDITS, T);
    assert_int_equal(s->a.used, 2 * part);
    assert_int_equal(grows(s, 1, most - 2 * part), SL_OK);
    assert_int_equal(grows(s, 2, 1), SL_ERR_CREDITS);
    assert_int_equal(balance_of(s, K).reserved_micro, most);
    s->ask.reserve_micro += most - 2 * part;
    renews(s, 1);
    assert_int_equal(balance_of(s, K).reserved_micro, most);
    settles(s, 1, part - 1);
    s->ask.reserve_micro = part;
    assert_int_equal(balance_of(s, T).spent_micro, part - 1);
    assert_int_equal(balance_of(s, T).reserved_micro, part);
    assert_int_equal(balance_of(s, K).month_micro, part - 1);
    if (s->maker->pass != NULL)
        pass_us(s, SL_QUOTA_LEASE_MS * 1000 + 1000);
    else
        gives_back(s, 2);
    assert_int_equal(balance_of(s, T).reserved_micro, 0);
    assert_int_equal(balance_of(s, K).reserved_micro, 0);
    assert_int_equal(grants(s, T, 0, -1).granted_micro, most - 1);
}

static inline void sums_saturate(void **state)
{
    struct store *s = *state;
    const int64_t most = s->maker->most_micro;
    struct sl_line l;

    s->terms[T].limits.tpm = 10;
    s->terms[T].budget.daily_micro = most;
    s->terms[K].budget.credits_micro = most;
    settles(s, 1, most - 5);
    settles(s, 2, most - 5);
    l = line_of(s, 3, most);
    l.tpm_tokens = l.in = l.out = l.cache_read = l.cache_write = UINT64_MAX;
    l.requests = l.cached = UINT32_MAX;
    applies(s, &l, 1);
    l.number = ++s->number;
    applies(s, &l, 1);
    assert_int_equal(balance_of(s, T).spent_micro, most);
    assert_int_equal(balance_of(s, T).day_micro, most);
    assert_int_equal(balance_of(s, K).month_micro, most);
    refuses(s, SL_LIMIT_TPM, T);
    s->terms[T].limits.tpm = SL_UNSET;
    refuses(s, SL_LIMIT_CREDITS, K);
    assert_int_equal(grants(s, K, most, most).granted_micro, most);
    assert_int_equal(grants(s, K, 0, -most).granted_micro, 0);
    assert_int_equal(grants(s, K, 0, -most).granted_micro, -most);
    assert_in_range(-(grants(s, K, 0, -most).granted_micro + 1), most - 1, most);
    refuses(s, SL_LIMIT_CREDITS, K);
    s->terms[K].budget.credits_micro = SL_UNSET;
    s->ask.reserve_micro = most;
    s->terms[T].budget.daily_micro = INT64_MAX;
    refuses(s, SL_LIMIT_DAILY, T);
    assert_int_equal(s->a.used, most);
    assert_int_equal(s->a.figure, most);
}

#define SUITE_MONEY(X)                                                                             \
    X(credits_race)                                                                                \
    X(reserved_then_settled)                                                                       \
    X(settled_once)                                                                                \
    X(account_begins_when_admitted)                                                                \
    X(spent_before_credits)                                                                        \
    X(free_models)                                                                                 \
    X(day_and_month)                                                                               \
    X(periods_found_yesterday)                                                                     \
    X(grown)                                                                                       \
    X(granted)                                                                                     \
    X(granted_once)                                                                                \
    X(large_sums)                                                                                  \
    X(sums_saturate)

#endif
