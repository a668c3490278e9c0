/* What is given back while Redis is away, or dies before it has answered: once it is there,
 * and once. */
#include "store/redis/backend.h"
#include "store/_redis.h"

static struct sl_net *net;
static struct fake f;
static struct redis server;
static struct sl_backend *b;
static char said[8192];

/* ---- a Redis that says what the test wants, or nothing ---- */

static const char *reply; /* to a call of hold.lua or admit.lua; NULL: none */
static struct {
    char id[SL_QUOTA_ID + 1], bursts[8];
} seen[512];
static size_t seen_n, admits;

/* EVAL, the script, keys, two keys, base, verb, lease; then eight of each hold. */
static void note_backs(const struct fake_command *m)
{
    for (size_t i = 8; i + 8 <= m->n && seen_n < 512; i += 8, seen_n++) {
        (void)snprintf(seen[seen_n].id, sizeof seen[seen_n].id, "%.*s", SL_STR_ARGS(m->args[i]));
        (void)snprintf(seen[seen_n].bursts, sizeof seen[seen_n].bursts, "%.*s",
                       SL_STR_ARGS(m->args[i + 7]));
    }
}

static void answer(struct fake_conn *c, const struct fake_command *m)
{
    if (!fake_is(m, "EVAL")) {
        fake_bulk(c, m->args[m->n - 1]);
        return;
    }
    if (sl_str_eq(m->args[6], SL_STR("back")))
        note_backs(m);
    else
        admits++;
    if (reply != NULL)
        fake_say(c, reply);
}

static void hang_up(void)
{
    sl_stream_close(&fake_last(&f)->s);
}

static bool is_up(void)
{
    return b->ops->is_up(b);
}

/* ---- what the cases ask for ---- */

static void on_log(void *ctx, struct sl_str line)
{
    size_t had = strlen(said);

    (void)ctx;
    if (had + line.n < sizeof said) {
        memcpy(said + had, line.p, line.n);
        said[had + line.n] = '\0';
    }
}

static void open_backend(const char *url)
{
    struct sl_store_conf conf = {.url = sl_str_of(url), .prefix = SL_STR("slc:"), .timeout_ms = 50};
    char why[256] = "";

    b = sl_redis_new(net, &conf, why, sizeof why);
    if (b == NULL)
        fail_msg("%s", why);
}

static void give_back(unsigned n, const char *tenant)
{
    struct sl_hold h = {.key_id = SL_STR("alice"), .reserved_micro = 10, .booked = true};
    char id[SL_QUOTA_ID + 1];

    (void)snprintf(id, sizeof id, "inst0001%016x", n);
    memcpy(h.id, id, sizeof h.id);
    h.leased[SL_LEVEL_TENANT] = h.account[SL_LEVEL_TENANT] = h.bursts[SL_LEVEL_TENANT] = true;
    b->ops->give_back(b, sl_str_of(tenant), &h);
}

static size_t waiting(void)
{
    return sl_redis_of(b)->backs.n;
}

static int setup(void **state)
{
    (void)state;
    memset(seen, 0, sizeof seen);
    memset(&server, 0, sizeof server);
    seen_n = admits = 0;
    said[0] = 0;
    reply = ":1\r\n";
    sl_log_setup(SL_LOG_WARN, true, on_log, NULL);
    net = sl_net_new();
    fake_open(&f, net);
    f.answer = answer;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    b->ops->end(&b);
    fake_close(&f);
    net_close(&net);
    redis_end(&server);
    return 0;
}

static void open_on_fake(void)
{
    char url[64];

    (void)snprintf(url, sizeof url, "redis://127.0.0.1:%u", sl_listen_port(f.listener));
    open_backend(url);
    UNTIL(net, is_up());
}

/* ---- cases ---- */

static size_t times_seen(const char *id)
{
    size_t n = 0;

    for (size_t i = 0; i < seen_n; i++)
        n += strcmp(seen[i].id, id) == 0;
    return n;
}

/* Again with the next connection; not into buckets, where once may have been enough. */
static void no_answer(void **state)
{
    (void)state;
    open_on_fake();
    reply = NULL;
    for (unsigned i = 0; i < 3; i++)
        give_back(i, i < 2 ? "acme" : "bcme");
    UNTIL(net, seen_n == 3);
    assert_string_equal(seen[0].bursts, "t");
    assert_int_equal(waiting(), 3);
    hang_up();
    reply = ":1\r\n";
    UNTIL(net, waiting() == 0);
    for (unsigned i = 0; i < 3; i++)
        assert_true(times_seen(seen[i].id) >= 2);
    for (unsigned i = 3; i < seen_n; i++)
        assert_string_equal(seen[i].bursts, "-");
}

/* What is given back while there is no connection goes with the first. */
static void no_connection(void **state)
{
    uint16_t port;

    (void)state;
    open_on_fake();
    port = sl_listen_port(f.listener);
    sl_listen_end(&f.listener);
    hang_up();
    UNTIL(net, !is_up());
    for (unsigned i = 0; i < 400; i++)
        give_back(i, "acme");
    FOR_MS(net, 20);
    assert_int_equal(waiting(), 400);
    fake_listen(&f, port, NULL);
    UNTIL(net, waiting() == 0);
    assert_int_equal(seen_n, 400);
}

/* A refusal is no effect: until it is taken. A broken key's is its last word. */
static void refused(void **state)
{
    (void)state;
    open_on_fake();
    reply = "-BUSY Redis is busy running a script.\r\n";
    give_back(1, "acme");
    UNTIL(net, seen_n >= 3);
    assert_int_equal(waiting(), 1);
    reply = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    UNTIL(net, waiting() == 0);
}

static int told;
static enum sl_err err;

static void on_told(void *ctx, enum sl_err e)
{
    (void)ctx;
    told++;
    err = e;
}

struct asking {
    struct sl_terms terms[SL_LEVEL__COUNT];
    struct sl_quota_ask ask;
    struct sl_quota_answer out;
    struct sl_op *op;
};

static void admit(struct asking *a, const char *id)
{
    *a = (struct asking){.ask = {.tenant = SL_STR("acme"), .key_id = SL_STR("alice")}};
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        sl_terms_init(&a->terms[l]);
        a->ask.terms[l] = &a->terms[l];
    }
    a->terms[SL_LEVEL_TENANT].limits.concurrency = 5;
    a->terms[SL_LEVEL_TENANT].budget.credits_micro = 1000;
    a->ask.reserve_micro = 10;
    memcpy(a->ask.id, id, sizeof a->ask.id);
    told = 0;
    b->ops->admit(b, &a->ask, &a->out, &a->op, on_told, NULL);
}

/* Nobody knows whether it was taken. */
static void admitted_or_not(void **state)
{
    struct asking a;

    (void)state;
    open_on_fake();
    reply = NULL;
    admit(&a, "inst00010000000000000007");
    UNTIL(net, admits == 1);
    hang_up();
    UNTIL(net, told == 1);
    assert_int_equal(err, SL_ERR_STORE);
    reply = ":1\r\n";
    UNTIL(net, seen_n == 1 && waiting() == 0);
    assert_string_equal(seen[0].id, "inst00010000000000000007");
}

/* Beyond it they end by themselves, which is said, once. */
static void not_without_end(void **state)
{
    (void)state;
    fake_close(&f);
    open_backend("redis://127.0.0.1:1");
    for (unsigned i = 0; i < SL_REDIS_BACKS + 100; i++)
        give_back(i, "acme");
    assert_int_equal(waiting(), SL_REDIS_BACKS);
    FOR_MS(net, 50);
    give_back(1, "acme");
    assert_int_equal(waiting(), SL_REDIS_BACKS);
    assert_non_null(strstr(said, "wait for Redis"));
    assert_null(strstr(strstr(said, "wait for Redis") + 1, "wait for Redis"));
}

/* A real one, that is killed with the call in its socket and comes back with what it had. */
static void killed(void **state)
{
    struct asking a;
    char url[128];

    (void)state;
    (void)snprintf(server.more, sizeof server.more, "appendonly yes\nappendfsync always\n");
    redis_start(&server);
    (void)snprintf(url, sizeof url, "unix://%s", server.sock);
    open_backend(url);
    UNTIL(net, is_up());
    admit(&a, "inst00010000000000000001");
    UNTIL(net, told == 1);
    admit(&a, "inst00010000000000000002");
    UNTIL(net, told == 1);
    assert_int_equal(err, SL_OK);
    assert_string_equal(redis_do(&server, "HGET slc:{acme}:acct:t reserved"), "20");
    kill(server.pid, SIGSTOP);
    give_back(1, "acme");
    FOR_MS(net, 20);
    redis_kill(&server);
    redis_run(&server);
    UNTIL(net, strcmp(redis_do(&server, "HGET slc:{acme}:acct:t reserved"), "10") == 0);
    UNTIL(net, waiting() == 0);
    give_back(1, "acme"); /* twice is once */
    UNTIL(net, waiting() == 0);
    assert_string_equal(redis_do(&server, "HGET slc:{acme}:acct:t reserved"), "10");
    assert_string_equal(redis_do(&server, "ZCARD slc:{acme}:live:t"), "1");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(no_answer),       CASE(no_connection),   CASE(refused),
                                       CASE(admitted_or_not), CASE(not_without_end), CASE(killed)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
