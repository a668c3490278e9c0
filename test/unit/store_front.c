/* The store's front over a backend that does as it is told: deadlines, the breaker, what
 * an outage answers, holds and their renewal, beats, an emptied store, records.
 * timeout: 120 */
#include "store/front/store.c"

#include "unit/_store_test.h"

#include "base/text.h"

#include <sys/syscall.h>

static time_t clock_shift_s; /* of the wall clock, as the process sees it */

/* In place of the C library's. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
    int rc = (int)syscall(SYS_clock_gettime, id, ts);

    if (rc == 0 && id == CLOCK_REALTIME)
        ts->tv_sec += clock_shift_s;
    return rc;
}

struct rig {
    struct sl_net *net;
    struct fake f;
    struct sl_metrics *metrics;
    struct sl_store *s;
    struct sl_store_conf conf;
    struct sl_op *slot;
    int done, changes;
    enum sl_err err;
    struct sl_records put;
    size_t put_n;
    uint64_t put_rev;
    bool put_proved; /* its line was on disk when it was told */
};

static void on_done(void *ctx, enum sl_err e)
{
    struct rig *r = ctx;

    r->done++;
    r->err = e;
}

static void on_put(void *ctx, enum sl_err e)
{
    struct rig *r = ctx;

    r->put_n = r->put.n; /* it dies when this returns */
    r->put_rev = r->put.n > 0 ? r->put.at[0].rev : 0;
    r->put_proved = sl_trail_synced(r->s->t) == sl_trail_last(r->s->t);
    on_done(ctx, e);
}

static void on_change(void *ctx)
{
    ((struct rig *)ctx)->changes++;
}

/* A store in `dir` ("": no trail), not started. */
static void make(struct rig *r, const char *where)
{
    char why[256] = "";

    r->conf.state_dir = sl_str_of(where);
    if (r->conf.timeout_ms == 0)
        r->conf.timeout_ms = 50;
    r->s = sl_store_over(r->net, &r->f.base, &r->conf, r->metrics, why, sizeof why);
    if (r->s == NULL)
        fail_msg("%s", why);
    sl_store_on_change(r->s, on_change, r);
}

static void init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    r->net = sl_net_new();
    r->metrics = sl_metrics_new(1000);
    fake_init(&r->f, r->net);
}

static enum sl_err start(struct rig *r)
{
    int before = r->done;

    sl_store_start(r->s, &r->slot, on_done, r);
    assert_int_equal(r->done, before);
    UNTIL(r->net, r->done > before);
    return r->err;
}

static void begin(struct rig *r, const char *where)
{
    init(r);
    make(r, where);
    assert_int_equal(start(r), SL_OK);
    assert_true(r->s->health.up);
}

static void finish(struct rig *r)
{
    sl_store_end(&r->s);
    assert_true(sl_list_is_empty(&r->f.open));
    fake_fini(&r->f);
    sl_metrics_end(&r->metrics);
    close_net(&r->net);
}

/* Milliseconds until it is answered. */
static uint64_t admit(struct rig *r, struct request *q)
{
    uint64_t began = clock_ms();

    q->done = 0;
    sl_store_admit_start(r->s, &q->ask, &q->answer, &q->slot, request_done, q);
    assert_int_equal(q->done, 0);
    UNTIL(r->net, q->done == 1);
    assert_int_equal(q->err, SL_OK);
    assert_null(q->slot);
    return clock_ms() - began;
}

static void go_down(struct rig *r)
{
    struct request q;

    request_init(&q, "acme", 99999);
    r->f.mood[F_ADMIT] = r->f.mood[F_BEAT] = SILENT;
    for (int i = 0; i < SL_STORE_STRIKES && r->s->health.up; i++)
        (void)admit(r, &q);
    assert_false(r->s->health.up);
}

static void admitted_and_settled(void **state)
{
    struct rig r;
    struct request q;
    struct sl_store_state look;

    (void)state;
    begin(&r, dir);
    request_init(&q, "acme", 1);
    q.terms[SL_LEVEL_KEY].limits.concurrency = 5;
    q.terms[SL_LEVEL_TENANT].budget.credits_micro = 1000;
    q.ask.reserve_micro = 400;
    r.f.answer.leased = r.f.answer.reserved = r.f.answer.booked = true;
    (void)admit(&r, &q);
    assert_int_equal(q.answer.limit, SL_LIMIT_NONE);
    assert_false(q.answer.local);
    assert_int_equal(sl_holds_count(&r.s->holds), 1);
    assert_int_equal(r.s->holds.reserved_micro, 400);
    q.line.cost_micro = 123;
    sl_store_settle(r.s, &q.line);
    assert_int_equal(sl_holds_count(&r.s->holds), 0);
    assert_int_equal(r.s->holds.reserved_micro, 0);
    /* the lease ends at once, the reservation with the line */
    assert_int_equal(r.f.backs_n, 1);
    assert_true(r.f.backs[0].leased[SL_LEVEL_KEY]);
    assert_false(r.f.backs[0].leased[SL_LEVEL_TENANT]);
    assert_false(r.f.backs[0].account[SL_LEVEL_TENANT]);
    assert_false(r.f.backs[0].booked);
    assert_int_equal(r.f.lines_n, 0);
    UNTIL(r.net, r.f.lines_n == 1);
    assert_int_equal(r.f.lines[0].cost_micro, 123);
    assert_int_equal(r.f.lines[0].reserved_micro, 400);
    assert_true(r.f.lines[0].account);
    assert_false(r.f.lines[0].leased);
    assert_memory_equal(r.f.lines[0].id, q.ask.id, sizeof q.ask.id);
    sl_store_look(r.s, &look);
    assert_true(look.up);
    assert_int_equal(look.unsent, 0);
    assert_string_equal(look.kind, "fake");
    finish(&r);
}

/* Of no cost: everything is given back at once, but the windows. */
static void settled_for_nothing(void **state)
{
    struct rig r;
    struct request q;

    (void)state;
    begin(&r, dir);
    request_init(&q, "acme", 1);
    q.terms[SL_LEVEL_TENANT].limits.concurrency = 5;
    q.terms[SL_LEVEL_TENANT].budget.credits_micro = 1000;
    q.ask.reserve_micro = 400;
    r.f.answer.leased = r.f.answer.reserved = r.f.answer.booked = true;
    (void)admit(&r, &q);
    sl_store_settle(r.s, &q.line);
    assert_int_equal(r.f.backs_n, 1);
    assert_true(r.f.backs[0].leased[SL_LEVEL_TENANT]);
    assert_true(r.f.backs[0].account[SL_LEVEL_TENANT]);
    assert_int_equal(r.f.backs[0].reserved_micro, 400);
    assert_false(r.f.backs[0].booked);
    sl_store_flush(r.s, 1000);
    assert_int_equal(r.f.lines_n, 1);
    assert_int_equal(r.f.lines[0].requests, 1);
    /* and when nothing came of it, the windows too */
    (void)admit(&r, &q);
    sl_store_give_back(r.s, &q.ask, &q.answer);
    assert_int_equal(r.f.backs_n, 2);
    assert_true(r.f.backs[1].booked);
    assert_true(r.f.backs[1].leased[SL_LEVEL_TENANT]);
    assert_true(r.f.backs[1].account[SL_LEVEL_TENANT]);
    assert_int_equal(sl_holds_count(&r.s->holds), 0);
    sl_store_flush(r.s, 100);
    assert_int_equal(r.f.lines_n, 1); /* and no line */
    finish(&r);
}

static void deadlines(void **state)
{
    struct rig r;
    struct request q;
    uint64_t took;

    (void)state;
    begin(&r, dir);
    request_init(&q, "acme", 1);
    r.f.mood[F_ADMIT] = SILENT;
    took = admit(&r, &q);
    assert_in_range(took, 45, WAIT_MS);
    assert_true(q.answer.local);
    assert_int_equal(q.answer.limit, SL_LIMIT_NONE);
    /* its late answer is the backend's to give back: it was told to forget it */
    assert_int_equal(r.f.cancelled[F_ADMIT], 1);
    assert_int_equal(r.f.running[F_ADMIT], 0);
    assert_true(r.s->health.up); /* one is no outage */
    assert_int_equal(r.s->health.strikes, 1);
    r.f.mood[F_ADMIT] = OBEY;
    (void)admit(&r, &q);
    assert_false(q.answer.local);
    assert_int_equal(r.s->health.strikes, 0);
    r.f.mood[F_ADMIT] = FAIL;
    (void)admit(&r, &q);
    assert_int_equal(r.f.cancelled[F_ADMIT], 1); /* a refusal is not waited for */
    assert_true(q.answer.local);
    /* a waiter that leaves takes its admission with it */
    r.f.mood[F_ADMIT] = SILENT;
    q.done = 0;
    sl_store_admit_start(r.s, &q.ask, &q.answer, &q.slot, request_done, &q);
    turn_for(r.net, 10);
    sl_op_cancel(&q.slot);
    assert_int_equal(r.f.cancelled[F_ADMIT], 2);
    turn_for(r.net, 70);
    assert_int_equal(q.done, 0);
    assert_int_equal(sl_holds_count(&r.s->holds), 0);
    finish(&r);
}

static void the_breaker(void **state)
{
    struct rig r;
    struct request q;
    size_t asked, beats;
    uint64_t began;
    struct sl_store_state look;

    (void)state;
    begin(&r, dir);
    request_init(&q, "acme", 1);
    q.terms[SL_LEVEL_TENANT].limits.concurrency = 100;
    r.f.answer.leased = true;
    (void)admit(&r, &q); /* runs through it all */
    go_down(&r);
    asked = r.f.calls[F_ADMIT];
    beats = r.f.calls[F_BEAT];
    for (uint64_t i = 2; i < 22; i++) {
        struct request other;

        request_init(&other, "acme", i);
        (void)admit(&r, &other);
        assert_true(other.answer.local);
    }
    assert_int_equal(r.f.calls[F_ADMIT], asked); /* not asked at all, nor waited for */
    sl_store_look(r.s, &look);
    assert_false(look.up);
    r.f.mood[F_BEAT] = FAIL; /* says no, instead of nothing */
    began = clock_ms();
    turn_for(r.net, 3300);
    assert_in_range(r.f.calls[F_BEAT] - beats, 2, (clock_ms() - began) / 1000 + 1); /* a second */
    assert_int_equal(r.f.calls[F_RENEW], 0);
    r.f.mood[F_ADMIT] = r.f.mood[F_BEAT] = OBEY;
    r.changes = 0;
    UNTIL(r.net, r.s->health.up);
    assert_int_equal(r.f.calls[F_RENEW], 1); /* leases that ran out come back */
    assert_true(r.changes > 0);
    assert_null(r.s->outage.engine);
    (void)admit(&r, &q);
    assert_false(q.answer.local);
    finish(&r);
}

/* A wall clock that is set back by an hour does not close windows for an hour. */
static void an_outage_with_another_clock(void **state)
{
    struct rig r;
    struct request q;

    (void)state;
    begin(&r, dir);
    go_down(&r);
    request_init(&q, "acme", 1);
    q.terms[SL_LEVEL_TENANT].limits.qps = 1;
    (void)admit(&r, &q);
    assert_int_equal(q.answer.limit, SL_LIMIT_NONE);
    clock_shift_s = -3600;
    (void)admit(&r, &q);
    assert_int_equal(q.answer.limit, SL_LIMIT_QPS);
    assert_in_range(q.answer.wait_ms, 1, 1001);
    turn_for(r.net, 1050);
    (void)admit(&r, &q);
    clock_shift_s = 0;
    assert_int_equal(q.answer.limit, SL_LIMIT_NONE);
    assert_true(q.answer.local);
    finish(&r);
}

/* A connection that comes back is asked at once, not after a second. */
static void no_connection(void **state)
{
    struct rig r;
    struct request q;
    uint64_t began, took = 600;

    (void)state;
    begin(&r, dir);
    request_init(&q, "acme", 1);
    for (int i = 0; i < 10 && took >= 600; i++) { /* a busy machine may hold it up */
        r.f.linked = false;
        fake_all(&r.f, FAIL);
        (void)admit(&r, &q);
        assert_false(r.s->health.up); /* no five strikes for what is known */
        turn_for(r.net, 250);
        r.f.linked = true;
        fake_all(&r.f, OBEY);
        began = clock_ms();
        UNTIL(r.net, r.s->health.up);
        took = clock_ms() - began;
    }
    assert_true(took < 600);
    finish(&r);
}

/* A new connection is not given a whole second between two probes. */
static void probed_often_when_new(void **state)
{
    struct rig r;
    struct request q;
    uint64_t began, took = 3 * SL_STORE_PROBE_MS;
    size_t n;

    (void)state;
    begin(&r, dir);
    request_init(&q, "acme", 1);
    for (int i = 0; i < 3 && took >= 3 * SL_STORE_PROBE_MS; i++) { /* on a busy machine */
        r.f.linked = false;
        fake_all(&r.f, FAIL);
        (void)admit(&r, &q);
        turn_for(r.net, 250);
        r.f.slow_ms[F_BEAT] = r.s->timeout_ms + 50;
        r.f.linked = true;
        fake_all(&r.f, OBEY);
        n = r.f.calls[F_BEAT];
        began = clock_ms();
        UNTIL(r.net, r.f.calls[F_BEAT] >= n + 4);
        took = clock_ms() - began;
        assert_false(r.s->health.up); /* none came in time */
        r.f.slow_ms[F_BEAT] = 0;
        UNTIL(r.net, r.s->health.up);
    }
    assert_true(took < 3 * SL_STORE_PROBE_MS);
    finish(&r);
}

static void refused_in_an_outage(void **state)
{
    struct rig r;
    struct request q;

    (void)state;
    init(&r);
    r.conf.refuse = true;
    make(&r, dir);
    assert_int_equal(start(&r), SL_OK);
    go_down(&r);
    request_init(&q, "acme", 1);
    (void)admit(&r, &q);
    assert_int_equal(q.answer.limit, SL_LIMIT_STORE);
    assert_true(q.answer.local);
    finish(&r);
}

static unsigned admitted_of(struct rig *r, struct request *q, unsigned n, uint64_t first_id)
{
    unsigned admitted = 0;

    for (unsigned i = 0; i < n; i++) {
        struct request one = *q;

        request_init(&one, q->tenant, first_id + i);
        one.terms[0] = q->terms[0];
        one.terms[1] = q->terms[1];
        one.ask.reserve_micro = q->ask.reserve_micro;
        (void)admit(r, &one);
        admitted += one.answer.limit == SL_LIMIT_NONE;
    }
    return admitted;
}

static void a_local_share(void **state)
{
    struct rig r;
    struct request q;

    (void)state;
    begin(&r, dir);
    r.f.instances = 4;
    UNTIL(r.net, r.s->health.instances == 4);
    go_down(&r);
    request_init(&q, "bcme", 1);
    q.terms[SL_LEVEL_TENANT].limits.rpm = 100;
    assert_int_equal(admitted_of(&r, &q, 60, 100), 25);
    request_init(&q, "ccme", 1);
    q.terms[SL_LEVEL_KEY].limits.concurrency = 8;
    assert_int_equal(admitted_of(&r, &q, 10, 200), 2);
    assert_int_equal(sl_holds_count(&r.s->holds), 2);
    /* settled: the lease is free again */
    request_init(&q, "ccme", 200);
    q.terms[SL_LEVEL_KEY].limits.concurrency = 8;
    q.answer = (struct sl_quota_answer){.leased = true, .local = true};
    q.line.cost_micro = 5;
    sl_store_settle(r.s, &q.line);
    assert_int_equal(sl_holds_count(&r.s->holds), 1);
    assert_int_equal(admitted_of(&r, &q, 3, 300), 1);
    r.f.mood[F_BEAT] = OBEY;
    UNTIL(r.net, r.f.lines_n == 1); /* and charged when the store is back */
    assert_int_equal(r.f.lines[0].cost_micro, 5);
    assert_int_equal(r.f.lines[0].reserved_micro, 0);
    finish(&r);
}

/* What the store gave is given back to it, also while it is away: the backend keeps it. */
static void given_back_in_an_outage(void **state)
{
    struct rig r;
    struct request q[2];

    (void)state;
    begin(&r, dir);
    r.f.answer.leased = r.f.answer.reserved = true;
    for (uint64_t i = 0; i < 2; i++) {
        request_init(&q[i], "acme", i);
        q[i].terms[SL_LEVEL_TENANT].limits.concurrency = 5;
        q[i].terms[SL_LEVEL_TENANT].budget.credits_micro = 1000;
        q[i].ask.reserve_micro = 100;
        (void)admit(&r, &q[i]);
    }
    go_down(&r);
    sl_store_give_back(r.s, &q[0].ask, &q[0].answer);
    sl_store_settle(r.s, &q[1].line); /* of no cost */
    assert_int_equal(r.f.backs_n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_memory_equal(r.f.backs[i].id, q[i].ask.id, sizeof q[i].ask.id);
        assert_int_equal(r.f.backs[i].reserved_micro, 100);
        assert_true(r.f.backs[i].leased[SL_LEVEL_TENANT]);
        assert_true(r.f.backs[i].account[SL_LEVEL_TENANT]);
    }
    assert_int_equal(sl_holds_count(&r.s->holds), 0);
    finish(&r);
}

/* The balance last seen, divided by the instances; none was seen: refused. */
static void money_in_an_outage(void **state)
{
    struct rig r;
    struct request q;

    (void)state;
    begin(&r, dir);
    r.f.instances = 2;
    UNTIL(r.net, r.s->health.instances == 2);
    request_init(&q, "acme", 1);
    q.terms[SL_LEVEL_TENANT].budget.credits_micro = 5000;
    q.terms[SL_LEVEL_TENANT].budget.daily_micro = 100000;
    q.ask.reserve_micro = 100;
    r.f.answer.room[SL_LEVEL_TENANT].credits_left_micro = 1000;
    r.f.answer.reserved = true;
    (void)admit(&r, &q);
    go_down(&r);
    assert_int_equal(admitted_of(&r, &q, 20, 100), 5); /* 1000 / 2 in pieces of 100 */
    request_init(&q, "bcme", 2);
    q.terms[SL_LEVEL_KEY].budget.monthly_micro = 5000;
    q.ask.reserve_micro = 100;
    (void)admit(&r, &q);
    assert_int_equal(q.answer.limit, SL_LIMIT_STORE);
    q.ask.free = true; /* what costs nothing needs no balance */
    (void)admit(&r, &q);
    assert_int_equal(q.answer.limit, SL_LIMIT_NONE);
    finish(&r);
}

/* One after the other, the one seen last at the end; and no table is made anew for the only one. */
static void balances_seen(void **state)
{
    struct rig r;
    struct request q[2];
    const void *table;

    (void)state;
    begin(&r, dir);
    r.f.answer.room[SL_LEVEL_TENANT].credits_left_micro = 1000;
    request_init(&q[0], "acme", 1);
    request_init(&q[1], "bcme", 2);
    (void)admit(&r, &q[0]);
    table = r.s->outage.seen->hh.tbl;
    (void)admit(&r, &q[0]);
    assert_ptr_equal(r.s->outage.seen->hh.tbl, table);
    (void)admit(&r, &q[1]);
    assert_memory_equal(r.s->outage.seen->name, "acme", 4); /* the first to be forgotten */
    (void)admit(&r, &q[0]);
    assert_memory_equal(r.s->outage.seen->name, "bcme", 4);
    assert_int_equal(HASH_COUNT(r.s->outage.seen), 2);
    finish(&r);
}

static void renewals(void **state)
{
    struct rig r;
    struct request q[3];

    (void)state;
    begin(&r, dir);
    r.f.answer.leased = true;
    for (uint64_t i = 0; i < 3; i++) {
        request_init(&q[i], i < 2 ? "acme" : "bcme", i);
        q[i].terms[SL_LEVEL_TENANT].limits.concurrency = 9;
        (void)admit(&r, &q[i]);
    }
    turn_for(r.net, 20);
    assert_int_equal(r.f.calls[F_RENEW], 0);
    sl_holds_renew(&r.s->holds);
    assert_int_equal(r.f.calls[F_RENEW], 2); /* a call a tenant */
    UNTIL(r.net, r.f.running[F_RENEW] == 0);
    assert_int_equal(r.f.calls[F_RENEW], 2);
    sl_store_give_back(r.s, &q[0].ask, &q[0].answer);
    sl_store_give_back(r.s, &q[2].ask, &q[2].answer);
    sl_holds_renew(&r.s->holds);
    assert_int_equal(r.f.calls[F_RENEW], 3);
    assert_int_equal(r.f.renewed, 1);
    finish(&r);
}

/* By the clock, and more of them than one call takes. */
static void renewed_every_ten_seconds(void **state)
{
    struct rig r;
    uint64_t began;

    (void)state;
    begin(&r, "");
    r.f.answer.leased = true;
    for (uint64_t i = 0; i < 300; i++) {
        struct request q;

        request_init(&q, "acme", i);
        q.terms[SL_LEVEL_TENANT].limits.concurrency = 900;
        sl_store_admit_start(r.s, &q.ask, &q.answer, &q.slot, request_done, &q);
        UNTIL(r.net, q.done == 1);
    }
    assert_int_equal(sl_holds_count(&r.s->holds), 300);
    began = clock_ms();
    while (r.f.calls[F_RENEW] == 0 && clock_ms() - began < SL_QUOTA_RENEW_MS + WAIT_MS)
        sl_net_turn(r.net, 20);
    assert_in_range(clock_ms() - began, SL_QUOTA_RENEW_MS - 3000, SL_QUOTA_RENEW_MS + WAIT_MS);
    UNTIL(r.net, r.f.calls[F_RENEW] == 2 && r.f.running[F_RENEW] == 0);
    assert_int_equal(r.f.renewed, 300 - SL_BACKEND_HOLDS);
    finish(&r);
}

static void growing(void **state)
{
    struct rig r;
    struct request q;
    struct sl_quota_answer why;
    const struct sl_growth more = {50, &why};

    (void)state;
    begin(&r, dir);
    request_init(&q, "acme", 1);
    q.terms[SL_LEVEL_TENANT].budget.credits_micro = 9000;
    q.ask.reserve_micro = 100;
    r.f.answer.reserved = true;
    (void)admit(&r, &q);
    q.done = 0;
    sl_store_grow_start(r.s, &q.ask, &more, &q.slot, request_done, &q);
    UNTIL(r.net, q.done == 1);
    assert_int_equal(q.err, SL_OK);
    assert_int_equal(r.s->holds.reserved_micro, 150);
    r.f.verdict = SL_ERR_CREDITS;
    sl_store_grow_start(r.s, &q.ask, &more, &q.slot, request_done, &q);
    UNTIL(r.net, q.done == 2);
    assert_int_equal(q.err, SL_ERR_CREDITS);
    assert_int_equal(r.s->holds.reserved_micro, 150);
    r.f.mood[F_GROW] = SILENT; /* nobody knows: it goes on */
    sl_store_grow_start(r.s, &q.ask, &more, &q.slot, request_done, &q);
    UNTIL(r.net, q.done == 3);
    assert_int_equal(q.err, SL_OK);
    q.line.cost_micro = 1;
    sl_store_settle(r.s, &q.line);
    UNTIL(r.net, r.f.lines_n == 1);
    assert_int_equal(r.f.lines[0].reserved_micro, 200);
    finish(&r);
}

/* It has grown after all, or not: what is known here follows, and a request that has ended
 * leaves nothing reserved. */
static void growing_late(void **state)
{
    static const struct {
        bool ended, refuse;
        enum sl_err verdict; /* late */
        int64_t told, after; /* reserved, as known here */
        int64_t back;        /* given back; 0: nothing */
    } cases[] = {
        {true, false, SL_OK, 100, 0, 150},
        {true, false, SL_ERR_STORE, 100, 0, 150},
        {false, true, SL_OK, 100, 150, 0},
        {false, false, SL_OK, 150, 150, 0},
        {false, false, SL_ERR_CREDITS, 150, 100, 0},
        {false, true, SL_ERR_STORE, 100, 100, 150}, /* the one that is not known here */
        {false, false, SL_ERR_STORE, 150, 150, 100},
    };
    struct rig r;
    struct request q;
    struct sl_quota_answer why;
    const struct sl_growth more = {50, &why};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(&r, "");
        request_init(&q, "acme", i);
        q.terms[SL_LEVEL_TENANT].budget.credits_micro = 9000;
        q.ask.reserve_micro = 100;
        r.f.answer.reserved = true;
        (void)admit(&r, &q);
        q.done = 0;
        r.s->refuse = cases[i].refuse;
        r.f.mood[F_GROW] = SILENT;
        sl_store_grow_start(r.s, &q.ask, &more, &q.slot, request_done, &q);
        if (!cases[i].ended)
            UNTIL(r.net, q.done == 1);
        sl_op_cancel(&q.slot);
        assert_int_equal(r.s->holds.reserved_micro, cases[i].told);
        q.line.cost_micro = 1;
        if (cases[i].ended)
            sl_store_settle(r.s, &q.line);
        r.f.verdict = cases[i].verdict;
        r.f.mood[F_GROW] = OBEY;
        UNTIL(r.net, r.f.running[F_GROW] == 0);
        assert_int_equal(r.s->holds.reserved_micro, cases[i].after);
        assert_int_equal(r.f.backs_n, cases[i].back > 0);
        if (cases[i].back > 0) {
            assert_int_equal(r.f.backs[0].reserved_micro, cases[i].back);
            assert_true(r.f.backs[0].account[SL_LEVEL_TENANT]);
            assert_false(r.f.backs[0].account[SL_LEVEL_KEY] || r.f.backs[0].booked);
            assert_memory_equal(r.f.backs[0].id, q.ask.id, sizeof q.ask.id);
            assert_string_equal(r.f.back_tenant, "acme");
        }
        finish(&r);
    }
}

/* The connection ends before its answer: the store may have the reservation as it was, or as it
 * was to be. The one that is not known here is given back. */
static void growing_unheard(void **state)
{
    struct sl_quota_answer why;
    const struct sl_growth more = {50, &why};

    (void)state;
    for (int refuse = 0; refuse < 2; refuse++) {
        struct rig r;
        struct request q;

        begin(&r, "");
        request_init(&q, "acme", 7);
        q.terms[SL_LEVEL_TENANT].budget.credits_micro = 9000;
        q.ask.reserve_micro = 100;
        r.f.answer.reserved = true;
        (void)admit(&r, &q);
        q.done = 0;
        r.s->refuse = refuse == 1;
        r.f.mood[F_GROW] = FAIL;
        sl_store_grow_start(r.s, &q.ask, &more, &q.slot, request_done, &q);
        UNTIL(r.net, q.done == 1);
        assert_int_equal(q.err, refuse == 1 ? SL_ERR_STORE : SL_OK);
        assert_int_equal(r.s->holds.reserved_micro, refuse == 1 ? 100 : 150);
        assert_int_equal(r.f.backs_n, 1);
        assert_int_equal(r.f.backs[0].reserved_micro, refuse == 1 ? 150 : 100);
        finish(&r);
    }
}

/* ---- records ---- */

static void put(struct rig *r, const char *id, const char *state, uint64_t rev)
{
    struct sl_record rec = {.kind = SL_RECORD_KEY,
                            .id = sl_str_of(id),
                            .tenant = SL_STR("acme"),
                            .rev = rev,
                            .state = sl_str_of(state),
                            .doc = SL_STR("{\"name\":\n\"alice\"}")};
    int before = r->done;

    memset(rec.sha256, id[0], sizeof rec.sha256);
    sl_store_put_start(r->s, &rec, SL_STR("admin"), &r->put, &r->slot, on_put, r);
    UNTIL(r->net, r->done > before);
}

struct found {
    struct sl_records got;
    struct sl_op *slot;
    int done;
    enum sl_err err;
    size_t n;
    char state[24], id[24];
};

static void on_found(void *ctx, enum sl_err e)
{
    struct found *f = ctx;

    f->done++;
    f->err = e;
    f->n = f->got.n;
    if (f->n > 0) {
        (void)snprintf(f->state, sizeof f->state, "%.*s", SL_STR_ARGS(f->got.at[0].state));
        (void)snprintf(f->id, sizeof f->id, "%.*s", SL_STR_ARGS(f->got.at[0].id));
    }
}

static struct found find_key(struct rig *r, char first)
{
    struct found f = {.done = 0};
    uint8_t sha[32];

    memset(sha, first, sizeof sha);
    sl_store_key_start(r->s, sha, &f.got, &f.slot, on_found, &f);
    UNTIL(r->net, f.done == 1);
    return f;
}

static bool trail_says(const char *text)
{
    char command[256];

    (void)snprintf(command, sizeof command, "grep -q '%s' %s/trail.jsonl", text, dir);
    return system(command) == 0;
}

static void records_and_their_proof(void **state)
{
    struct found f;
    struct rig r;

    (void)state;
    begin(&r, dir);
    put(&r, "a1", "active", 0);
    assert_int_equal(r.err, SL_OK);
    assert_int_equal(r.put_n, 1);
    assert_int_equal(r.put_rev, 1);
    assert_true(r.put_proved);
    assert_true(trail_says("\"kind\":\"key\",\"actor\":\"admin\",\"id\":\"a1\"")); /* before done */
    f = find_key(&r, 'a');
    assert_int_equal(f.n, 1);
    assert_string_equal(f.id, "a1");
    assert_int_equal(find_key(&r, 'z').n, 0);
    assert_int_equal(find_key(&r, 'z').err, SL_OK);
    r.f.verdict = SL_ERR_CONFLICT;
    put(&r, "b1", "active", 7);
    assert_int_equal(r.err, SL_ERR_CONFLICT);
    assert_false(trail_says("\"id\":\"b1\""));
    r.f.verdict = SL_OK;
    UNTIL(r.net, r.changes > 0); /* the beat saw the revision */
    /* the mirror answers what it knows while the store is away */
    go_down(&r);
    f = find_key(&r, 'a');
    assert_int_equal(f.err, SL_OK);
    assert_string_equal(f.state, "active");
    assert_int_equal(find_key(&r, 'z').err, SL_ERR_STORE); /* nobody can know */
    f = (struct found){.done = 0};
    sl_store_list_start(r.s, SL_RECORD_KEY, SL_STR("acme"), SL_STR(""), &f.got, &f.slot, on_found,
                        &f);
    UNTIL(r.net, f.done == 1);
    assert_int_equal(f.err, SL_OK);
    assert_int_equal(f.n, 1);
    put(&r, "c1", "active", 0);
    assert_int_equal(r.err, SL_ERR_STORE);
    finish(&r);
}

/* The change was made, its answer came after everybody had gone: the trail says it. */
static void a_late_change(void **state)
{
    struct sl_record rec = {.kind = SL_RECORD_TENANT,
                            .id = SL_STR("acme"),
                            .state = SL_STR("paused"),
                            .doc = SL_STR("{}")};
    struct sl_balance b;
    struct rig r;

    (void)state;
    begin(&r, dir);
    r.f.slow_ms[F_PUT] = r.f.slow_ms[F_GRANT] = 60;
    sl_store_put_start(r.s, &rec, SL_STR("admin"), &r.put, &r.slot, on_done, &r);
    turn_for(r.net, 10);
    sl_op_cancel(&r.slot);
    sl_store_grant_start(
        r.s,
        &(struct sl_store_grant){.tenant = SL_STR("acme"), .initial_micro = 500, .more_micro = 77},
        SL_STR("admin"), &b, &r.slot, on_done, &r);
    turn_for(r.net, 10);
    sl_op_cancel(&r.slot);
    r.done = 0;
    turn_for(r.net, 150);
    assert_int_equal(r.done, 0);
    assert_true(trail_says("\"kind\":\"tenant\",\"actor\":\"admin\",\"id\":\"acme\""));
    assert_true(trail_says("\"kind\":\"grant\".*\"initial_micro\":500,\"more_micro\":77"));
    finish(&r);
}

static void grants(void **state)
{
    struct sl_store_grant what = {
        .tenant = SL_STR("acme"), .key_id = SL_STR("k1"), .initial_micro = 500, .more_micro = 77};
    struct sl_balance b;
    struct rig r;
    int before;

    (void)state;
    begin(&r, dir);
    before = r.done;
    sl_store_grant_start(r.s, &what, SL_STR("admin"), &b, &r.slot, on_done, &r);
    UNTIL(r.net, r.done > before);
    assert_int_equal(b.granted_micro, 577);
    assert_true(trail_says("\"tenant\":\"acme\",\"key\":\"k1\",\"initial_micro\":500"));
    before = r.done;
    sl_store_balance_start(r.s, SL_STR("acme"), SL_STR("k1"), NULL, &b, &r.slot, on_done, &r);
    UNTIL(r.net, r.done > before);
    assert_int_equal(b.granted_micro, 577);
    what.once = SL_STR("0123456789abcdef0123456789abcdef");
    for (int i = 0; i < 2; i++) {
        before = r.done;
        sl_store_grant_start(r.s, &what, SL_STR("auto_top_up"), &b, &r.slot, on_done, &r);
        UNTIL(r.net, r.done > before);
        assert_int_equal(b.granted_micro, 654);
        assert_int_equal(b.again, i == 1);
    }
    assert_true(trail_says("\"actor\":\"auto_top_up\".*\"once\":\"0123456789abcdef0123"));
    r.f.mood[F_BALANCE] = SILENT; /* two seconds, then it is said */
    before = r.done;
    sl_store_balance_start(r.s, SL_STR("acme"), SL_STR("k1"), NULL, &b, &r.slot, on_done, &r);
    UNTIL(r.net, r.done > before);
    assert_int_equal(r.err, SL_ERR_STORE);
    finish(&r);
}

static void notes(void **state)
{
    const struct sl_note long_one = {SL_STR("r1"), SL_STR(""), {"{", SL_STORE_NOTE_MAX + 1}};
    const struct sl_note note = {SL_STR("r1"), SL_STR("m1"), SL_STR("{1}")};
    struct sl_noted out;
    struct rig r;
    int before;

    (void)state;
    begin(&r, dir);
    sl_store_note(r.s, SL_STR("acme"), &long_one);
    assert_int_equal(r.f.notes_n, 0);
    sl_store_note(r.s, SL_STR("acme"), &note);
    before = r.done;
    sl_store_noted_start(r.s, SL_STR("acme"), SL_STR("m1"), &out, &r.slot, on_done, &r);
    UNTIL(r.net, r.done > before);
    assert_int_equal(r.err, SL_OK);
    assert_memory_equal(out.doc, "{1}", 3);
    assert_int_equal(out.n, 3);
    before = r.done; /* what can't be a name is none, and nobody is asked */
    sl_store_noted_start(r.s, SL_STR("acme"), SL_STR(""), &out, &r.slot, on_done, &r);
    UNTIL(r.net, r.done > before);
    assert_int_equal(r.err, SL_OK);
    assert_int_equal(out.n, 0);
    assert_int_equal(r.f.calls[F_NOTED], 1);

    r.f.mood[F_NOTED] = SILENT;
    before = r.done;
    sl_store_noted_start(r.s, SL_STR("acme"), SL_STR("m1"), &out, &r.slot, on_done, &r);
    UNTIL(r.net, r.done > before);
    assert_int_equal(r.err, SL_ERR_STORE);
    r.s->health.up = false; /* nobody is asked, nothing noted */
    sl_store_note(r.s, SL_STR("acme"), &note);
    assert_int_equal(r.f.notes_n, 1);
    before = r.done;
    sl_store_noted_start(r.s, SL_STR("acme"), SL_STR("m1"), &out, &r.slot, on_done, &r);
    UNTIL(r.net, r.done > before);
    assert_int_equal(r.err, SL_ERR_STORE);
    finish(&r);
}

/* ---- whose store is it? ---- */

static void a_new_store_is_marked(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, dir);
    assert_int_equal(r.f.calls[F_MARK], 1);
    assert_true(r.f.has_epoch);
    assert_false(r.s->health.lost);
    finish(&r);
}

static void emptied_while_it_runs(void **state)
{
    struct sl_store_state look;
    struct rig r;
    struct request q;

    (void)state;
    begin(&r, dir);
    for (char c = 'a'; c <= 'z'; c++)
        put(&r, (const char[]){c, '1', 0}, "active", 0);
    put(&r, "b1", "deleted", 2);
    request_init(&q, "acme", 1);
    q.terms[SL_LEVEL_TENANT].budget.credits_micro = 5000;
    q.ask.reserve_micro = 100;
    r.f.answer.room[SL_LEVEL_TENANT].credits_left_micro = 1000;
    (void)admit(&r, &q);
    assert_false(q.answer.local);

    fake_lose(&r.f);
    assert_int_equal(find_key(&r, 'a').n, 1); /* its own keys are not denied meanwhile */
    UNTIL(r.net, r.s->health.lost);
    UNTIL(r.net, r.f.records_n == 25); /* all but the deleted one are back */
    sl_store_look(r.s, &look);
    assert_true(look.lost && look.up);
    (void)admit(&r, &q);
    assert_true(q.answer.local); /* money waits for the rebuild */
    request_init(&q, "acme", 2);
    (void)admit(&r, &q);
    assert_false(q.answer.local); /* the rest goes on */
    turn_for(r.net, 1200);
    assert_int_equal(r.f.calls[F_RESTORE_RECORDS], 1); /* once, not with each beat */
    assert_int_equal(r.f.calls[F_MARK], 1);            /* only a rebuild marks it */

    /* a restart meanwhile is no start with another store */
    r.f.revision = 30;
    sl_store_end(&r.s);
    make(&r, dir);
    assert_int_equal(start(&r), SL_OK);
    assert_true(r.s->health.lost);
    assert_int_equal(r.f.calls[F_MARK], 1);

    r.f.has_epoch = true; /* which happened, perhaps elsewhere */
    UNTIL(r.net, !r.s->health.lost);
    request_init(&q, "acme", 3);
    q.terms[SL_LEVEL_TENANT].budget.credits_micro = 5000;
    (void)admit(&r, &q);
    assert_false(q.answer.local);
    finish(&r);
}

static void an_empty_store_at_start(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, dir);
    put(&r, "a1", "active", 0);
    sl_store_end(&r.s);
    fake_lose(&r.f);
    make(&r, dir);
    assert_int_equal(start(&r), SL_ERR_CONFIG);
    assert_false(r.f.has_epoch);
    sl_store_end(&r.s);
    r.conf.fresh = true;
    make(&r, dir);
    assert_int_equal(start(&r), SL_OK);
    assert_true(r.f.has_epoch);
    assert_int_equal(find_key(&r, 'a').n, 0);
    finish(&r);
}

/* Away at the start: keys are known from the directory, and it is taken up when it comes. */
static void a_start_without_it(void **state)
{
    struct rig r;
    uint64_t began;

    (void)state;
    begin(&r, dir);
    put(&r, "a1", "active", 0);
    put(&r, "b1", "active", 0);
    put(&r, "b1", "revoked", 2);
    turn_for(r.net, 150);
    sl_store_end(&r.s);
    r.f.linked = false;
    fake_all(&r.f, FAIL);
    make(&r, dir);
    began = clock_ms();
    assert_int_equal(start(&r), SL_ERR_STORE);
    assert_true(clock_ms() - began < SL_STORE_ADMIN_MS + WAIT_MS);
    assert_string_equal(find_key(&r, 'a').state, "active");
    assert_string_equal(find_key(&r, 'b').state, "revoked");
    assert_int_equal(find_key(&r, 'c').err, SL_ERR_STORE);
    fake_all(&r.f, OBEY);
    r.f.linked = true;
    UNTIL(r.net, r.s->health.up && r.s->health.met);
    assert_false(r.s->health.lost);
    finish(&r);
}

static void a_silent_start(void **state)
{
    struct rig r;

    (void)state;
    init(&r);
    r.f.mood[F_START] = SILENT;
    make(&r, dir);
    assert_int_equal(start(&r), SL_ERR_STORE);
    assert_int_equal(r.f.running[F_START], 1); /* it goes on trying */
    r.f.mood[F_START] = OBEY;
    UNTIL(r.net, r.s->health.up);
    finish(&r);
}

/* ---- the rest ---- */

static void bigger_mirrors(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, dir);
    for (unsigned i = 0; i < 180; i++) {
        char id[16];
        struct sl_record rec = {.kind = i % 3 == 0 ? SL_RECORD_TENANT : SL_RECORD_KEY,
                                .rev = i + 1,
                                .state = SL_STR("active"),
                                .doc = SL_STR("{}")};

        (void)snprintf(id, sizeof id, "r%u", i);
        rec.id = sl_str_of(id);
        memset(rec.sha256, (int)i, sizeof rec.sha256);
        fake_keep(&r.f, &rec); /* as another instance makes them */
    }
    r.f.revision = 180;
    UNTIL(r.net, r.changes > 0);
    UNTIL(r.net, sl_mirror_count(r.s->m) == 180);
    finish(&r);
}

/* A switch is known until it is over. */
static void mirrored_switches(void **state)
{
    static const char *const ids[] = {"provider:old", "provider:now", "purge.model.0"};
    char docs[3][64] = {"", "", "{\"since\":1,\"until\":2}"};
    struct sl_record rec = {.kind = SL_RECORD_SWITCH, .state = SL_STR("active")};
    int64_t now_ms;
    struct rig r;

    (void)state;
    begin(&r, dir);
    now_ms = sl_store_now_ms(r.s);
    for (int i = 0; i < 2; i++)
        (void)snprintf(docs[i], sizeof docs[i], "{\"since\":1,\"until\":%lld}",
                       (long long)now_ms + (i == 0 ? 60000 : 7200000));
    for (int i = 0; i < 3; i++) {
        rec.id = sl_str_of(ids[i]);
        rec.rev = (uint64_t)i + 1;
        rec.doc = sl_str_of(docs[i]);
        sl_mirror_note(r.s->m, &rec);
    }
    assert_int_equal(sl_mirror_count(r.s->m), 3);
    r.s->health.ahead_us = (now_ms + 61000) * 1000 - (int64_t)sl_net_now_us(r.net);
    sl_mirror_sweep(r.s->m);
    assert_int_equal(sl_mirror_count(r.s->m), 2);
    assert_false(sl_mirror_find(r.s->m, SL_RECORD_SWITCH, sl_str_of(ids[0]), &rec));
    assert_true(sl_mirror_find(r.s->m, SL_RECORD_SWITCH, sl_str_of(ids[1]), &rec));
    rec = (struct sl_record){.kind = SL_RECORD_SWITCH,
                             .id = sl_str_of(ids[0]),
                             .rev = 9,
                             .state = SL_STR("active"),
                             .doc = sl_str_of(docs[0])};
    sl_mirror_note(r.s->m, &rec); /* somebody lists it still */
    assert_int_equal(sl_mirror_count(r.s->m), 2);
    finish(&r);
}

static void written(void *ctx, struct sl_str piece)
{
    struct sl_text *t = ctx;

    sl_text_add(t, piece);
}

static void metrics(void **state)
{
    static char text[65536];
    struct sl_text t = sl_text_over(text, sizeof text - 1);
    struct rig r;
    struct request q;

    (void)state;
    begin(&r, dir);
    request_init(&q, "acme", 1);
    q.terms[SL_LEVEL_TENANT].budget.credits_micro = 5000000;
    q.ask.reserve_micro = 2500000;
    r.f.answer.reserved = true;
    (void)admit(&r, &q);
    sl_store_refresh_metrics(r.s);
    sl_metrics_write(r.metrics, written, &t);
    text[t.n] = 0;
    assert_non_null(strstr(text, "sluice_ledger_held_usd 2.5\n"));
    assert_non_null(strstr(text, "sluice_store_up{role=\"store\"} 1\n"));
    assert_non_null(strstr(text, "sluice_store_seconds_count{op=\"admit\"} 1\n"));
    r.f.mood[F_APPLY] = FAIL;
    q.line.cost_micro = 9;
    sl_store_settle(r.s, &q.line);
    q.line.source = "estimated";
    sl_store_settle(r.s, &q.line);
    turn_for(r.net, 120);
    t = sl_text_over(text, sizeof text - 1);
    sl_store_refresh_metrics(r.s);
    sl_metrics_write(r.metrics, written, &t);
    text[t.n] = 0;
    assert_non_null(strstr(text, "sluice_ledger_settled_total{source=\"reported\"} 1\n"));
    assert_non_null(strstr(text, "sluice_ledger_settled_total{source=\"estimated\"} 1\n"));
    assert_non_null(strstr(text, "sluice_journal_lag_seconds 0.1"));
    finish(&r);
}

static void flushed_at_the_end(void **state)
{
    struct rig r;
    struct request q;
    uint64_t began;

    (void)state;
    begin(&r, dir);
    r.f.slow_ms[F_APPLY] = 30;
    for (uint64_t i = 1; i <= 50; i++) {
        request_init(&q, "acme", i);
        q.line.cost_micro = (int64_t)i;
        sl_store_settle(r.s, &q.line);
    }
    sl_store_flush(r.s, 2000);
    assert_int_equal(r.f.lines_n, 50);
    go_down(&r);
    request_init(&q, "acme", 51);
    q.line.cost_micro = 51;
    sl_store_settle(r.s, &q.line);
    began = clock_ms();
    sl_store_flush(r.s, 4 * WAIT_MS);
    assert_true(clock_ms() - began < 2 * WAIT_MS); /* a dead store is not waited for */
    sl_store_end(&r.s);
    fake_all(&r.f, OBEY);
    make(&r, dir);
    assert_int_equal(start(&r), SL_OK);
    UNTIL(r.net, r.f.lines_n == 51);
    finish(&r);
}

static void ids(void **state)
{
    struct rig r;
    char one[SL_QUOTA_ID];

    (void)state;
    begin(&r, "");
    sl_store_id(r.s, "0123456789abcdef", one);
    assert_memory_equal(one, r.s->instance, 8);
    assert_memory_equal(one + 8, "0123456789abcdef", 16);
    finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(admitted_and_settled, setup),
        cmocka_unit_test_setup(settled_for_nothing, setup),
        cmocka_unit_test_setup(deadlines, setup),
        cmocka_unit_test_setup(the_breaker, setup),
        cmocka_unit_test_setup(an_outage_with_another_clock, setup),
        cmocka_unit_test_setup(no_connection, setup),
        cmocka_unit_test_setup(probed_often_when_new, setup),
        cmocka_unit_test_setup(refused_in_an_outage, setup),
        cmocka_unit_test_setup(a_local_share, setup),
        cmocka_unit_test_setup(given_back_in_an_outage, setup),
        cmocka_unit_test_setup(money_in_an_outage, setup),
        cmocka_unit_test_setup(balances_seen, setup),
        cmocka_unit_test_setup(renewals, setup),
        cmocka_unit_test_setup(renewed_every_ten_seconds, setup),
        cmocka_unit_test_setup(growing, setup),
        cmocka_unit_test_setup(growing_late, setup),
        cmocka_unit_test_setup(growing_unheard, setup),
        cmocka_unit_test_setup(records_and_their_proof, setup),
        cmocka_unit_test_setup(a_late_change, setup),
        cmocka_unit_test_setup(grants, setup),
        cmocka_unit_test_setup(notes, setup),
        cmocka_unit_test_setup(a_new_store_is_marked, setup),
        cmocka_unit_test_setup(emptied_while_it_runs, setup),
        cmocka_unit_test_setup(an_empty_store_at_start, setup),
        cmocka_unit_test_setup(a_start_without_it, setup),
        cmocka_unit_test_setup(a_silent_start, setup),
        cmocka_unit_test_setup(bigger_mirrors, setup),
        cmocka_unit_test_setup(mirrored_switches, setup),
        cmocka_unit_test_setup(metrics, setup),
        cmocka_unit_test_setup(flushed_at_the_end, setup),
        cmocka_unit_test_setup(ids, setup),
    };

    alarm(110);
    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
