/* Balances, usage and records from trails: what differs is told, what is set is exact, and
 * nothing is counted twice. */
#include "store/rebuild/rebuild.c"

#include "unit/_store_test.h"

struct rig {
    struct sl_net *net;
    struct fake f;
    struct sl_metrics *metrics;
    struct sl_store *s;
    struct sl_op *slot;
    int done;
    enum sl_err err;
    size_t lines; /* in the store, when it was told */
    struct sl_rebuild_report report;
    struct sl_balance balance;
    struct sl_records records;
};

static void on_done(void *ctx, enum sl_err e)
{
    struct rig *r = ctx;

    r->done++;
    r->err = e;
    r->lines = r->f.lines_n;
}

static void open_store(struct rig *r, const char *where)
{
    const struct sl_store_conf conf = {.state_dir = sl_str_of(where), .timeout_ms = 50};
    char why[256] = "";

    r->s = sl_store_over(r->net, &r->f.base, &conf, r->metrics, why, sizeof why);
    if (r->s == NULL)
        fail_msg("%s", why);
    r->done = 0;
    sl_store_start(r->s, &r->slot, on_done, r);
    UNTIL(r->net, r->done == 1);
    assert_int_equal(r->err, SL_OK);
}

static void begin(struct rig *r, const char *where)
{
    memset(r, 0, sizeof *r);
    r->net = sl_net_new();
    r->metrics = sl_metrics_new(1000);
    fake_init(&r->f, r->net);
    open_store(r, where);
}

static void finish(struct rig *r)
{
    sl_store_end(&r->s);
    fake_fini(&r->f);
    sl_metrics_end(&r->metrics);
    close_net(&r->net);
}

/* Initial credits of the tenant's account; the key has a daily budget. */
static void settle(struct rig *r, const char *tenant, uint64_t id, int64_t cost, int64_t initial)
{
    struct request q;

    request_init(&q, tenant, id);
    q.terms[SL_LEVEL_TENANT].budget.credits_micro = initial;
    q.terms[SL_LEVEL_KEY].budget.daily_micro = 50000;
    /* now, so that it is in the days that are summed */
    q.ask.periods = (struct sl_periods){{1700000000, 1900000000, 1900086400},
                                        {1700000000, 1900000000, 1902000000}};
    q.line.cost_micro = cost;
    sl_store_settle(r->s, &q.line);
}

static void grant(struct rig *r, const char *tenant, int64_t initial, int64_t more,
                  const char *once)
{
    struct sl_store_grant what = {.tenant = sl_str_of(tenant),
                                  .initial_micro = initial,
                                  .more_micro = more,
                                  .once = sl_str_of(once)};
    int before = r->done;

    sl_store_grant_start(r->s, &what, SL_STR("admin"), &r->balance, &r->slot, on_done, r);
    UNTIL(r->net, r->done > before);
    assert_int_equal(r->err, SL_OK);
}

static void put(struct rig *r, const char *id, const char *state)
{
    struct sl_record rec = {.kind = SL_RECORD_KEY,
                            .id = sl_str_of(id),
                            .tenant = SL_STR("acme"),
                            .state = sl_str_of(state),
                            .doc = SL_STR("{\"name\":\"x\"}")};
    int before = r->done;

    memset(rec.sha256, id[0], sizeof rec.sha256);
    sl_store_put_start(r->s, &rec, SL_STR("admin"), &r->records, &r->slot, on_done, r);
    UNTIL(r->net, r->done > before);
}

static enum sl_err rebuild(struct rig *r, const struct sl_rebuild_ask *ask)
{
    int before = r->done;

    sl_rebuild_start(r->s, ask, &r->report, &r->slot, on_done, r);
    assert_int_equal(r->done, before);
    UNTIL(r->net, r->done > before);
    assert_false(r->s->rebuilding);
    return r->err;
}

static size_t restored_at(const struct rig *r, const char *name)
{
    for (size_t i = r->f.restored_n; i-- > 0;)
        if (strcmp(r->f.restored_name[i], name) == 0)
            return i;
    fail_msg("%s was not restored", name);
    return 0;
}

static const struct sl_account *restored(const struct rig *r, const char *name)
{
    return &r->f.restored[restored_at(r, name)].account;
}

/* Which grant the account says was the last one with a name. */
static const char *last_named(const struct rig *r, const char *name)
{
    return r->f.restored_once[restored_at(r, name)];
}

static void sums_of_two_instances(void **state)
{
    char other[80];
    struct sl_str dirs[2];
    struct rig r;

    (void)state;
    (void)snprintf(other, sizeof other, "%s-b", dir);
    begin(&r, other); /* another instance, that ran first */
    settle(&r, "acme", 1, 100, 5000);
    settle(&r, "acme", 2, 200, 5000);
    settle(&r, "bcme", 3, 7, 900);
    grant(&r, "acme", 8000, 3, "first");
    put(&r, "a1", "active");
    sl_store_flush(r.s, 1000);
    sl_store_end(&r.s);
    turn_for(r.net, 30);
    open_store(&r, dir);
    settle(&r, "acme", 4, 1000, 8000); /* the file says another initial by now */
    settle(&r, "acme", 5, 0, 8000);
    grant(&r, "acme", 8000, 50, "");
    grant(&r, "acme", 8000, 200, "once"); /* asked for again: it counts once */
    grant(&r, "acme", 8000, 200, "once");
    put(&r, "a1", "revoked");
    sl_store_flush(r.s, 1000);
    UNTIL(r.net, sl_ledger_unsent(r.s->l) == 0);
    assert_int_equal(r.f.lines_n, 5); /* four that cost, one sum */

    fake_lose(&r.f);
    r.f.balance = (struct sl_balance){.held = false};
    UNTIL(r.net, r.s->health.lost);
    dirs[0] = sl_str_of(dir);
    dirs[1] = sl_str_of(other);
    assert_int_equal(rebuild(&r, &(struct sl_rebuild_ask){.dirs = dirs, .n = 2}), SL_OK);
    assert_int_equal(r.report.tenants, 2);
    assert_int_equal(r.report.accounts, 4);
    assert_int_equal(r.report.records, 1);
    assert_int_equal(r.report.trails_n, 2);
    /* spent of four accounts, granted of two, requests and cost of two tenants */
    assert_int_equal(r.report.differences, 10);
    assert_int_equal(r.report.shown_n, 10);
    assert_false(r.report.written);
    assert_int_equal(r.f.calls[F_RESTORE], 0);
    assert_true(r.s->health.lost);

    assert_int_equal(rebuild(&r, &(struct sl_rebuild_ask){.dirs = dirs, .n = 2, .write = true}),
                     SL_OK);
    assert_true(r.report.written);
    assert_false(r.s->health.lost);
    assert_true(r.f.has_epoch);
    assert_int_equal(restored(&r, "acme/")->spent_micro, 1300);
    assert_true(restored(&r, "acme/")->held);
    assert_int_equal(restored(&r, "acme/")->granted_micro, 5253);
    assert_string_equal(last_named(&r, "acme/"), "once");
    assert_string_equal(last_named(&r, "bcme/"), "");
    assert_int_equal(restored(&r, "acme/")->day_micro, 1300);
    assert_int_equal(restored(&r, "acme/")->month_micro, 1300);
    assert_int_equal(restored(&r, "acme/k-acme")->spent_micro, 1300);
    assert_false(restored(&r, "acme/k-acme")->held);
    assert_int_equal(restored(&r, "bcme/")->spent_micro, 7);
    assert_int_equal(restored(&r, "bcme/")->granted_micro, 900);
    assert_int_equal(r.f.restored_seqs, 4); /* two instances, for two tenants */
    assert_int_equal(r.f.records_n, 1);
    assert_true(sl_str_eq(r.f.records[0].state, SL_STR("revoked")));
    /* whichever trail is read first */
    dirs[1] = sl_str_of(dir);
    dirs[0] = sl_str_of(other);
    r.f.restored_n = 0;
    assert_int_equal(rebuild(&r, &(struct sl_rebuild_ask){.dirs = dirs, .n = 2, .write = true}),
                     SL_OK);
    assert_int_equal(restored(&r, "acme/")->granted_micro, 5253);
    assert_string_equal(last_named(&r, "acme/"), "once");
    finish(&r);
}

/* After it nothing differs any more. */
static void once_is_enough(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, dir);
    for (uint64_t i = 0; i < 300; i++) {
        char tenant[16];

        (void)snprintf(tenant, sizeof tenant, "t%u", (unsigned)(i % 3));
        settle(&r, tenant, i, (int64_t)i + 1, 1000);
    }
    sl_store_flush(r.s, 2000);
    assert_int_equal(rebuild(&r, &(struct sl_rebuild_ask){.write = true}), SL_OK);
    assert_int_equal(r.report.differences, 3 * 5);
    assert_int_equal(r.report.trails[0].broken_at, 0);
    assert_int_equal(r.f.calls[F_RESTORE], 3);
    r.f.usage_off = true; /* the fake tells one usage for all tenants */
    assert_int_equal(rebuild(&r, &(struct sl_rebuild_ask){.n = 0}), SL_OK);
    assert_int_equal(r.report.differences, 3 * 2);
    for (size_t i = 0; i < r.report.shown_n; i++)
        assert_null(strstr(r.report.shown[i].what, "spent"));
    finish(&r);
}

/* What waits to be sent is in the sums: it must not be applied on top of them. */
static void not_counted_twice(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, dir);
    r.f.mood[F_APPLY] = FAIL;
    for (uint64_t i = 0; i < 50; i++)
        settle(&r, "acme", i, 10, 1000);
    UNTIL(r.net, sl_trail_synced(r.s->t) == sl_trail_last(r.s->t));
    assert_int_equal(rebuild(&r, &(struct sl_rebuild_ask){.write = true}), SL_OK);
    assert_int_equal(restored(&r, "acme/")->spent_micro, 500);
    r.f.mood[F_APPLY] = OBEY;
    UNTIL(r.net, sl_ledger_unsent(r.s->l) == 0);
    assert_int_equal(r.f.lines_n, 0); /* all of them skipped, by number */
    settle(&r, "acme", 51, 1, 1000);
    UNTIL(r.net, r.f.lines_n == 1);
    finish(&r);
}

/* A batch under way when it begins: waited for, and lines that come meanwhile follow it. */
static void while_it_runs(void **state)
{
    struct rig r;
    int before;

    (void)state;
    begin(&r, dir);
    r.f.slow_ms[F_APPLY] = 80;
    settle(&r, "acme", 1, 10, 1000);
    UNTIL(r.net, r.f.running[F_APPLY] == 1);
    before = r.done;
    r.f.slow_ms[F_BALANCE] = 60;
    sl_rebuild_start(r.s, &(struct sl_rebuild_ask){.write = true}, &r.report, &r.slot, on_done, &r);
    UNTIL(r.net, r.f.running[F_BALANCE] == 1);
    assert_int_equal(r.f.running[F_APPLY], 0);
    r.f.slow_ms[F_APPLY] = 0;
    settle(&r, "acme", 2, 5, 1000); /* after the sums were made */
    UNTIL(r.net, r.done > before);
    assert_int_equal(r.lines, 1); /* it waits until they are set */
    assert_int_equal(r.err, SL_OK);
    assert_int_equal(restored(&r, "acme/")->spent_micro, 10);
    UNTIL(r.net, r.f.lines_n == 2);
    assert_int_equal(r.f.lines[1].cost_micro, 5);
    finish(&r);
}

static void what_it_refuses(void **state)
{
    struct sl_str twice[2] = {sl_str_of(dir), sl_str_of(dir)};
    const struct sl_str none = SL_STR("/tmp/there-is-no-such-directory");
    struct sl_rebuild_report second;
    struct sl_op *slot = NULL;
    struct rig r;

    (void)state;
    begin(&r, dir);
    for (uint64_t i = 0; i < 20; i++)
        settle(&r, "acme", i, 10, 1000);
    sl_store_flush(r.s, 1000);
    assert_int_equal(rebuild(&r, &(struct sl_rebuild_ask){.dirs = twice, .n = 2}), SL_ERR_CONFIG);
    assert_non_null(strstr(r.report.why, "given twice"));
    assert_int_equal(rebuild(&r, &(struct sl_rebuild_ask){.dirs = &none, .n = 1}), SL_ERR_IO);
    assert_non_null(strstr(r.report.why, "can't be read"));

    sl_rebuild_start(r.s, &(struct sl_rebuild_ask){.n = 0}, &second, &slot, on_done, &r);
    assert_true(r.s->rebuilding);
    r.done = 0;
    sl_rebuild_start(r.s, &(struct sl_rebuild_ask){.n = 0}, &r.report, &r.slot, on_done, &r);
    UNTIL(r.net, r.done == 2);
    assert_false(r.s->rebuilding);

    r.f.mood[F_BALANCE] = FAIL;
    assert_int_equal(rebuild(&r, &(struct sl_rebuild_ask){.n = 0}), SL_ERR_STORE);
    r.f.mood[F_BALANCE] = OBEY;

    shell("sed -i '5s/acme/acne/' %s/trail.jsonl", dir);
    assert_int_equal(rebuild(&r, &(struct sl_rebuild_ask){.write = true}), SL_ERR_CONFLICT);
    assert_non_null(strstr(r.report.why, "was changed"));
    assert_true(r.report.trails[0].broken_at > 0);
    assert_int_equal(r.f.calls[F_RESTORE], 0);
    assert_int_equal(rebuild(&r, &(struct sl_rebuild_ask){.write = true, .broken_too = true}),
                     SL_OK);
    assert_int_equal(restored(&r, "acme/")->spent_micro, 30); /* what stands before it */
    finish(&r);

    begin(&r, "");
    assert_int_equal(rebuild(&r, &(struct sl_rebuild_ask){.n = 0}), SL_ERR_CONFIG);
    finish(&r);
}

/* Whenever it is given up, everything goes on as before. */
static void given_up(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, dir);
    for (uint64_t i = 0; i < 20; i++)
        settle(&r, "acme", i, 10, 1000);
    sl_store_flush(r.s, 1000);
    for (int turns = 0; turns < 40; turns++) {
        r.done = 0;
        sl_rebuild_start(r.s, &(struct sl_rebuild_ask){.write = true}, &r.report, &r.slot, on_done,
                         &r);
        for (int i = 0; i < turns && r.slot != NULL; i++)
            sl_net_turn(r.net, 1);
        sl_op_cancel(&r.slot);
        assert_false(r.s->rebuilding);
    }
    settle(&r, "acme", 99, 1, 1000);
    UNTIL(r.net, sl_ledger_unsent(r.s->l) == 0);
    assert_int_equal(rebuild(&r, &(struct sl_rebuild_ask){.write = true}), SL_OK);
    finish(&r);
}

static void periods(void **state)
{
    static const char *const lines[] = {
        /* a day, the next (the zone moved it by an hour), an old line that comes late */
        "\"day0\":1000000,\"month0\":1000000", "\"day0\":1082800,\"month0\":1000000",
        "\"day0\":1086400,\"month0\":1003600", "\"day0\":1000000,\"month0\":1000000"};
    struct sl_totals t;
    const struct sl_account *a;

    (void)state;
    sl_totals_init(&t, 0);
    for (size_t i = 0; i < 4; i++) {
        char line[1024];

        (void)snprintf(
            line, sizeof line,
            "{\"n\":%zu,\"t\":\"2025-11-25T00:00:00.000Z\",\"kind\":\"settle\","
            "\"id\":\"012345670000000000000000\",\"tenant\":\"acme\",\"key\":\"k\",\"user\":\"\","
            "\"model\":\"m\",\"provider\":\"p\",\"day\":\"2025-11-25\",\"cached\":0,"
            "\"cost_micro\":%zu,\"in\":0,\"cache_read\":0,\"cache_write\":0,\"out\":0,"
            "\"reserved_micro\":0,\"levels\":\"t\",%s,\"initial\":[null,null]}",
            i + 1, (size_t)1 << i, lines[i]);
        sl_totals_line(&t, i + 1, sl_str_of(line));
    }
    assert_int_equal(t.err, SL_OK);
    assert_int_equal(t.accounts, 1);
    sl_total_close(t.tenants->accounts);
    a = &t.tenants->accounts->a.account;
    assert_int_equal(a->spent_micro, 15);
    assert_int_equal(a->day0, 1086400);
    assert_int_equal(a->day_micro, 6);
    assert_int_equal(a->month_micro, 15);
    assert_false(a->held);
    sl_mem_fail_at(1);
    sl_totals_line(&t, 9,
                   SL_STR("{\"n\":9,\"t\":\"2025-11-25T00:00:00.000Z\",\"kind\":\"grant\","
                          "\"tenant\":\"other\",\"key\":\"\",\"initial_micro\":-5,"
                          "\"more_micro\":1}"));
    sl_mem_fail_at(0);
    assert_int_equal(t.err, SL_ERR_NO_MEMORY);
    sl_totals_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(sums_of_two_instances, setup),
        cmocka_unit_test_setup(once_is_enough, setup),
        cmocka_unit_test_setup(not_counted_twice, setup),
        cmocka_unit_test_setup(while_it_runs, setup),
        cmocka_unit_test_setup(what_it_refuses, setup),
        cmocka_unit_test_setup(given_up, setup),
        cmocka_unit_test_setup(periods, setup),
    };

    alarm(55);
    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
