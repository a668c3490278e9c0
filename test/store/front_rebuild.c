/* The whole store over what it is made for: a real Redis that is emptied or has drifted, and
 * a database that is gone. Balances and usage come back from the trail, to the
 * micro-dollar.
 * timeout: 120 */
#include "store/rebuild.h"

#include "base/metric.h"
#include "base/rand.h"
#include "net/tls.h"
#include "store/_redis.h"

#include <errno.h>

#define TENANTS 3
#define KEYS 2
#define INITIAL 500000000

struct rig {
    struct sl_net *net;
    struct sl_metrics *metrics;
    struct sl_store *s;
    struct redis redis;
    char dir[64], url[256];
    struct sl_op *slot;
    int done;
    enum sl_err err;
    struct sl_records records;
    size_t found;
    struct sl_balance balance;
    struct sl_rebuild_report report;
    uint64_t ids;
    /* what was settled */
    int64_t spent[TENANTS], key_spent[TENANTS][KEYS], granted[TENANTS];
    uint64_t requests[TENANTS];
};

#define AWAIT(r, cond)                                                                             \
    do {                                                                                           \
        uint64_t until_ = clock_ms() + WAIT_MS;                                                    \
        while (!(cond)) {                                                                          \
            sl_net_turn((r)->net, 2);                                                              \
            if (clock_ms() > until_)                                                               \
                fail_msg("not in time: %s", #cond);                                                \
        }                                                                                          \
    } while (0)

static void on_done(void *ctx, enum sl_err e)
{
    struct rig *r = ctx;

    r->found = r->records.n;
    r->done++;
    r->err = e;
}

static struct sl_store_state look(const struct rig *r)
{
    struct sl_store_state state;

    sl_store_look(r->s, &state);
    return state;
}

static enum sl_err open_store(struct rig *r)
{
    const struct sl_store_conf conf = {.url = sl_str_of(r->url),
                                       .state_dir = sl_str_of(r->dir),
                                       .prefix = SL_STR("slc:"),
                                       .timeout_ms = 200}; /* machines that are slow */
    char why[256] = "";
    int before = r->done;

    r->s = sl_store_new(r->net, &conf, r->metrics, why, sizeof why);
    if (r->s == NULL)
        fail_msg("%s", why);
    sl_store_start(r->s, &r->slot, on_done, r);
    AWAIT(r, r->done > before);
    return r->err;
}

static void begin(struct rig *r)
{
    memset(r, 0, sizeof *r);
    (void)snprintf(r->dir, sizeof r->dir, "/tmp/store_front_XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    r->net = sl_net_new();
    r->metrics = sl_metrics_new(1000);
    for (int t = 0; t < TENANTS; t++)
        r->granted[t] = INITIAL;
}

static void begin_redis(struct rig *r)
{
    begin(r);
    redis_start(&r->redis);
    (void)snprintf(r->url, sizeof r->url, "%s", redis_url(&r->redis, "redis", "", "/0"));
    assert_int_equal(open_store(r), SL_OK);
}

static void close_store(struct rig *r)
{
    sl_store_flush(r->s, 3000);
    sl_store_end(&r->s);
    for (int i = 0; i < 20; i++)
        sl_net_turn(r->net, 5);
}

static void finish(struct rig *r)
{
    struct sl_net_counts c;
    char command[128];

    close_store(r);
    for (int i = 0; i < 200; i++) {
        sl_net_turn(r->net, 5);
        c = sl_net_count(r->net);
        if (c.ops == 0 && c.graves == 0 && c.streams == 0)
            break;
    }
    assert_int_equal(c.ops + c.graves + c.streams + c.timers, 0);
    redis_end(&r->redis);
    sl_metrics_end(&r->metrics);
    sl_net_end(&r->net);
    (void)snprintf(command, sizeof command, "rm -rf %s", r->dir);
    assert_int_equal(system(command), 0);
}

static void put_key(struct rig *r, const char *id)
{
    struct sl_record rec = {.kind = SL_RECORD_KEY,
                            .id = sl_str_of(id),
                            .tenant = SL_STR("tenant-0"),
                            .state = SL_STR("active"),
                            .doc = SL_STR("{\"name\":\"alice\"}")};
    int before = r->done;

    sl_tls_sha256(rec.id, rec.sha256);
    sl_store_put_start(r->s, &rec, SL_STR("admin"), &r->records, &r->slot, on_done, r);
    AWAIT(r, r->done > before);
    assert_int_equal(r->err, SL_OK);
}

static bool has_key(struct rig *r, const char *id)
{
    int before = r->done;
    uint8_t sha[32];

    sl_tls_sha256(sl_str_of(id), sha);
    sl_store_key_start(r->s, sha, &r->records, &r->slot, on_done, r);
    AWAIT(r, r->done > before);
    return r->err == SL_OK && r->found == 1;
}

struct one {
    struct sl_terms terms[SL_LEVEL__COUNT];
    struct sl_quota_ask ask;
    struct sl_quota_answer answer;
    char tenant[16], key[16];
};

static void admit(struct rig *r, struct one *q, int tenant, int key)
{
    int before = r->done;
    int64_t day = (int64_t)time(NULL) / 86400 * 86400;

    memset(q, 0, sizeof *q);
    (void)snprintf(q->tenant, sizeof q->tenant, "tenant-%d", tenant);
    (void)snprintf(q->key, sizeof q->key, "key-%d", key);
    sl_terms_init(&q->terms[0]);
    sl_terms_init(&q->terms[1]);
    q->terms[SL_LEVEL_TENANT].budget.credits_micro = INITIAL;
    q->terms[SL_LEVEL_TENANT].limits.concurrency = 50;
    q->terms[SL_LEVEL_KEY].budget.daily_micro = INITIAL;
    q->ask.tenant = sl_str_of(q->tenant);
    q->ask.key_id = sl_str_of(q->key);
    q->ask.terms[0] = &q->terms[0];
    q->ask.terms[1] = &q->terms[1];
    q->ask.reserve_micro = 1000;
    q->ask.periods =
        (struct sl_periods){{day, day + 86400, day + 172800}, {day, day + 2592000, day + 5184000}};
    (void)snprintf(q->ask.id, sizeof q->ask.id, "%023llu", (unsigned long long)++r->ids);
    sl_store_admit_start(r->s, &q->ask, &q->answer, &r->slot, on_done, r);
    AWAIT(r, r->done > before);
}

static void settle(struct rig *r, const struct one *q, int tenant, int key, int64_t cost)
{
    const struct sl_settle line = {.ask = &q->ask,
                                   .answer = &q->answer,
                                   .cost_micro = cost,
                                   .in = 3,
                                   .out = 4,
                                   .model = SL_STR("claude"),
                                   .provider = SL_STR("anthropic"),
                                   .user = SL_STR("alice@acme"),
                                   .ending = "done",
                                   .source = "reported",
                                   .status = 200};

    sl_store_settle(r->s, &line);
    r->spent[tenant] += cost;
    r->key_spent[tenant][key] += cost;
    r->requests[tenant]++;
}

static void traffic(struct rig *r, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int tenant = (int)(sl_rand_u64() % TENANTS), key = (int)(sl_rand_u64() % KEYS);
        struct one q;

        admit(r, &q, tenant, key);
        assert_int_equal(q.answer.limit, SL_LIMIT_NONE);
        settle(r, &q, tenant, key, i % 5 == 0 ? 0 : (int64_t)(sl_rand_u64() % 900));
    }
}

static void grant(struct rig *r, int tenant, int64_t more)
{
    int before = r->done;
    char name[16];

    (void)snprintf(name, sizeof name, "tenant-%d", tenant);
    sl_store_grant_start(r->s,
                         &(struct sl_store_grant){.tenant = sl_str_of(name),
                                                  .initial_micro = INITIAL,
                                                  .more_micro = more},
                         SL_STR("admin"), &r->balance, &r->slot, on_done, r);
    AWAIT(r, r->done > before);
    assert_int_equal(r->err, SL_OK);
    r->granted[tenant] += more;
}

static void everything_sent(struct rig *r)
{
    sl_store_flush(r->s, 5000);
    AWAIT(r, look(r).unsent == 0);
}

static void balance_is(struct rig *r, int tenant, const char *key, int64_t spent)
{
    const struct sl_periods now = {{0, 1, 2}, {0, 1, 2}};
    int before = r->done;
    char name[16];

    (void)snprintf(name, sizeof name, "tenant-%d", tenant);
    sl_store_balance_start(r->s, sl_str_of(name), sl_str_of(key), &now, &r->balance, &r->slot,
                           on_done, r);
    AWAIT(r, r->done > before);
    assert_int_equal(r->err, SL_OK);
    assert_int_equal(r->balance.spent_micro, spent);
}

static void books_are_right(struct rig *r)
{
    for (int t = 0; t < TENANTS; t++) {
        balance_is(r, t, "", r->spent[t]);
        assert_true(r->balance.held);
        assert_int_equal(r->balance.granted_micro, r->granted[t]);
        for (int k = 0; k < KEYS; k++) {
            char key[16];

            (void)snprintf(key, sizeof key, "key-%d", k);
            balance_is(r, t, key, r->key_spent[t][k]);
        }
    }
}

static enum sl_err rebuild(struct rig *r, bool write)
{
    int before = r->done;

    sl_rebuild_start(r->s, &(struct sl_rebuild_ask){.write = write}, &r->report, &r->slot, on_done,
                     r);
    AWAIT(r, r->done > before);
    if (r->err != SL_OK)
        print_message("%s\n", r->report.why);
    return r->err;
}

static void nothing_differs(struct rig *r)
{
    assert_int_equal(rebuild(r, false), SL_OK);
    for (size_t i = 0; i < r->report.shown_n; i++)
        print_message("%s %s %s: trail %lld, store %lld\n", r->report.shown[i].tenant,
                      r->report.shown[i].key_id, r->report.shown[i].what,
                      (long long)r->report.shown[i].trail, (long long)r->report.shown[i].store);
    assert_int_equal(r->report.differences, 0);
}

static void redis_emptied(void **state)
{
    uint64_t lost_at;
    struct rig r;
    struct one q, running;

    (void)state;
    begin_redis(&r);
    put_key(&r, "k-made-1");
    put_key(&r, "k-made-2");
    traffic(&r, 200);
    grant(&r, 1, 12345);
    everything_sent(&r);
    books_are_right(&r);
    nothing_differs(&r);

    admit(&r, &running, 0, 0); /* runs through it */
    (void)redis_do(&r.redis, "FLUSHALL");
    lost_at = clock_ms();
    assert_true(has_key(&r, "k-made-1")); /* at once: never denied */
    AWAIT(&r, look(&r).lost);
    while (strtol(redis_do(&r.redis, "ZCARD slc:keys:index"), NULL, 10) < 2 &&
           clock_ms() - lost_at < 4000)
        sl_net_turn(r.net, 10);
    assert_true(clock_ms() - lost_at < 2000);
    assert_int_equal(strtol(redis_do(&r.redis, "ZCARD slc:keys:index"), NULL, 10), 2);
    admit(&r, &q, 0, 1);
    assert_true(q.answer.local); /* money waits for the rebuild */
    assert_int_equal(q.answer.limit, SL_LIMIT_NONE);
    settle(&r, &q, 0, 1, 77);
    settle(&r, &running, 0, 0, 11);
    assert_int_equal(rebuild(&r, true), SL_OK);
    assert_true(r.report.differences > 0);
    assert_false(look(&r).lost);
    everything_sent(&r);
    books_are_right(&r);
    nothing_differs(&r);
    traffic(&r, 50);
    everything_sent(&r);
    books_are_right(&r);
    nothing_differs(&r);
    finish(&r);
}

/* A restart while it waits for its rebuild finds its own store, not another one. */
static void restarted_while_lost(void **state)
{
    struct rig r;

    (void)state;
    begin_redis(&r);
    put_key(&r, "k-made-1");
    traffic(&r, 20);
    everything_sent(&r);
    (void)redis_do(&r.redis, "FLUSHALL");
    AWAIT(&r, look(&r).lost);
    AWAIT(&r, strtol(redis_do(&r.redis, "ZCARD slc:keys:index"), NULL, 10) == 1);
    close_store(&r);
    assert_int_equal(open_store(&r), SL_OK);
    assert_true(look(&r).lost);
    assert_int_equal(rebuild(&r, true), SL_OK);
    assert_false(look(&r).lost);
    books_are_right(&r);
    nothing_differs(&r);
    finish(&r);
}

/* As a replica that was promoted too early leaves it: a write is missing. */
static void redis_drifted(void **state)
{
    struct rig r;

    (void)state;
    begin_redis(&r);
    traffic(&r, 60);
    everything_sent(&r);
    (void)redis_do(&r.redis, "HINCRBY slc:{tenant-1}:acct:t spent -5");
    assert_int_equal(rebuild(&r, false), SL_OK);
    assert_int_equal(r.report.differences, 1);
    assert_string_equal(r.report.shown[0].tenant, "tenant-1");
    assert_string_equal(r.report.shown[0].what, "spent");
    assert_int_equal(r.report.shown[0].trail - r.report.shown[0].store, 5);
    assert_int_equal(rebuild(&r, true), SL_OK);
    books_are_right(&r);
    nothing_differs(&r);
    finish(&r);
}

/* Away, with lines waiting, and back without having forgotten anything. */
static void redis_hung(void **state)
{
    struct rig r;
    struct one q;
    uint64_t began, longest = 0;

    (void)state;
    begin_redis(&r);
    traffic(&r, 60);
    everything_sent(&r);
    kill(r.redis.pid, SIGSTOP);
    for (int i = 0; i < 30; i++) {
        began = clock_ms();
        admit(&r, &q, i % TENANTS, 0);
        longest = clock_ms() - began > longest ? clock_ms() - began : longest;
        settle(&r, &q, i % TENANTS, 0, 100 + i);
    }
    assert_true(longest < 200 + 100);
    assert_false(look(&r).up);
    assert_true(look(&r).unsent > 0);
    kill(r.redis.pid, SIGCONT);
    began = clock_ms();
    AWAIT(&r, look(&r).up);
    assert_true(clock_ms() - began < 2000);
    everything_sent(&r);
    books_are_right(&r);
    nothing_differs(&r);
    finish(&r);
}

static void remove_file(const struct rig *r, const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", r->dir, name);
    if (unlink(path) != 0 && errno != ENOENT)
        fail_msg("%s: %s", path, strerror(errno));
}

static void database_gone(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    (void)snprintf(r.url, sizeof r.url, "embedded:%s", r.dir);
    assert_int_equal(open_store(&r), SL_OK);
    traffic(&r, 200);
    grant(&r, 2, 999);
    everything_sent(&r);
    books_are_right(&r);
    nothing_differs(&r);
    close_store(&r);
    assert_int_equal(open_store(&r), SL_OK);
    books_are_right(&r);
    close_store(&r);
    remove_file(&r, "store.db");
    remove_file(&r, "store.db-wal");
    remove_file(&r, "store.db-shm");
    assert_int_equal(open_store(&r), SL_OK); /* no key was made: it may serve */
    assert_true(look(&r).lost);
    assert_int_equal(rebuild(&r, true), SL_OK);
    assert_false(look(&r).lost);
    books_are_right(&r);
    nothing_differs(&r);
    put_key(&r, "k-made-1");
    traffic(&r, 20);
    everything_sent(&r);
    books_are_right(&r);
    close_store(&r);
    remove_file(&r, "store.db");
    remove_file(&r, "store.db-wal");
    remove_file(&r, "store.db-shm");
    assert_int_equal(open_store(&r), SL_ERR_CONFIG); /* and now it may not */
    finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redis_emptied), cmocka_unit_test(restarted_while_lost),
        cmocka_unit_test(redis_drifted), cmocka_unit_test(redis_hung),
        cmocka_unit_test(database_gone)};

    alarm(110);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
