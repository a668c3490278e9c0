/* timeout: 120
 *
 * A link to real Redis servers: every way to reach one, and the ways in which one
 * goes away and comes back. */
#include "store/_redis.h"

static struct redis r;
static struct world w;
static struct wait waits[64];

static int setup(void **state)
{
    (void)state;
    memset(&r, 0, sizeof r);
    memset(waits, 0, sizeof waits);
    told_n = 0;
    world_open(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(&w);
    redis_end(&r);
    return 0;
}

static void one(struct wait *a, const char *text)
{
    memset(a, 0, sizeof *a);
    ask(w.l, a, 2000, text);
    UNTIL(w.net, a->told == 1);
    assert_int_equal(a->e, SL_OK);
}

static void start_and_link(void)
{
    redis_start(&r);
    world_link(&w, redis_url(&r, "redis", "", ""), NULL, 1u << 20);
    UNTIL(w.net, w.up);
}

static void test_plain(void **state)
{
    static char bytes[70000];
    struct sl_str args[3] = {SL_STR("SET"), SL_STR("b")};
    struct sl_redis_command c = {.args = args, .n = 3, .deadline_ms = 2000};

    (void)state;
    start_and_link();
    one(&waits[0], "SET a 1");
    assert_string_equal(waits[0].text, "OK");
    one(&waits[0], "INCR a");
    assert_int_equal(waits[0].integer, 2);
    one(&waits[0], "GET nothing");
    assert_int_equal(waits[0].type, REDIS_REPLY_NIL);
    one(&waits[0], "LPUSH a x");
    assert_int_equal(waits[0].type, REDIS_REPLY_ERROR);
    one(&waits[0], "CLIENT GETNAME");
    assert_string_equal(waits[0].text, "sluice-test");
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    args[2] = (struct sl_str){bytes, sizeof bytes};
    sl_redis_link_start(w.l, &c, &waits[1].op, wait_told, &waits[1]);
    UNTIL(w.net, waits[1].told == 1);
    one(&waits[0], "STRLEN b");
    assert_int_equal(waits[0].integer, sizeof bytes);
}

static void test_unix(void **state)
{
    char url[160];

    (void)state;
    redis_start(&r);
    (void)snprintf(url, sizeof url, "unix://%s?db=7", r.sock);
    world_link(&w, url, NULL, 65536);
    UNTIL(w.net, w.up);
    one(&waits[0], "SET seven 7");
    one(&waits[0], "CLIENT INFO");
    assert_non_null(strstr(waits[0].text, "db=7"));
    assert_string_equal(sl_redis_link_where(w.l), r.sock);
}

static void test_password(void **state)
{
    (void)state;
    (void)snprintf(r.more, sizeof r.more,
                   "requirepass hunter2\n"
                   "user joe on >s@cret ~slc:* +@all\n"
                   "user blind on >x ~* +@all -role\n");
    redis_start(&r);
    world_link(&w, redis_url(&r, "redis", "", ""), NULL, 65536);
    UNTIL(w.net, strstr(sl_redis_link_why(w.l), "NOAUTH") != NULL);
    sl_redis_link_end(&w.l);
    world_link(&w, redis_url(&r, "redis", ":wrong@", ""), NULL, 65536);
    UNTIL(w.net, strstr(sl_redis_link_why(w.l), "WRONGPASS") != NULL);
    sl_redis_link_end(&w.l);
    world_link(&w, redis_url(&r, "redis", "blind:x@", ""), NULL, 65536);
    UNTIL(w.net, strstr(sl_redis_link_why(w.l), "+role") != NULL);
    sl_redis_link_end(&w.l);
    assert_int_equal(w.ups, 0);
    world_link(&w, redis_url(&r, "redis", ":hunter2@", ""), NULL, 65536);
    UNTIL(w.net, w.up);
    one(&waits[0], "ACL WHOAMI");
    assert_string_equal(waits[0].text, "default");
    sl_redis_link_end(&w.l);
    w.up = false;
    world_link(&w, redis_url(&r, "redis", "joe:s%40cret@", "/2"), NULL, 65536);
    UNTIL(w.net, w.up);
    one(&waits[0], "ACL WHOAMI");
    assert_string_equal(waits[0].text, "joe");
    one(&waits[0], "GET other");
    assert_int_equal(waits[0].type, REDIS_REPLY_ERROR);
}

/* A CA and a certificate for `names` in DIR/name; the server of `x` uses them. */
static const char *certs(struct redis *x, const char *name, const char *names)
{
    static char dirs[3][64];
    static size_t n;
    char *dir = dirs[n++ % 3], why[256] = "";

    (void)snprintf(dir, sizeof dirs[0], "/tmp/store_certs_%d_%s", getpid(), name);
    mkdir(dir, 0700);
    if (sl_tls_make_dev_certs(dir, names, 0, why, sizeof why) != SL_OK)
        fail_msg("%s", why);
    if (x != NULL) {
        x->is_tls = true;
        (void)snprintf(x->more, sizeof x->more,
                       "tls-cert-file %s/cert.pem\ntls-key-file %s/key.pem\n"
                       "tls-ca-cert-file %s/ca.pem\ntls-auth-clients no\n",
                       dir, dir, dir);
    }
    return dir;
}

static void link_tls(const struct redis *x, const char *scheme, const char *dir)
{
    char ca[96];

    sl_redis_link_end(&w.l);
    w.up = false;
    (void)snprintf(ca, sizeof ca, "%s/ca.pem", dir);
    world_link(&w, redis_url(x, scheme, "", "/1"), ca, 65536);
}

/* Encrypted, with the right CA and the right name, or not at all. */
static void test_tls(void **state)
{
    static struct redis away;
    struct sl_tls_certificate shown;
    const char *good = certs(&r, "good", "localhost,127.0.0.1");
    const char *other = certs(NULL, "other", "localhost,127.0.0.1");
    const char *elsewhere = certs(&away, "elsewhere", "elsewhere.test");
    char command[64];

    (void)state;
    redis_start(&r);
    redis_start(&away);
    link_tls(&r, "rediss", good);
    UNTIL(w.net, w.up);
    one(&waits[0], "SET tls yes");
    one(&waits[0], "GET tls");
    assert_string_equal(waits[0].text, "yes");
    assert_true(sl_redis_link_certificate(w.l, &shown));
    assert_true(shown.ends_s > time(NULL) + 86400);
    link_tls(&r, "rediss", other);
    UNTIL(w.net, strstr(sl_redis_link_why(w.l), "dialled") == NULL);
    assert_non_null(strstr(sl_redis_link_why(w.l), "not correctly signed"));
    assert_false(sl_redis_link_certificate(w.l, &shown));
    link_tls(&away, "rediss", elsewhere);
    UNTIL(w.net, strstr(sl_redis_link_why(w.l), "dialled") == NULL);
    assert_non_null(strstr(sl_redis_link_why(w.l), "does not match"));
    link_tls(&r, "redis", good); /* not encrypted */
    UNTIL(w.net, strstr(sl_redis_link_why(w.l), "dialled") == NULL);
    assert_int_equal(w.ups, 1);
    redis_end(&away);
    (void)snprintf(command, sizeof command, "rm -rf /tmp/store_certs_%d_*", getpid());
    assert_int_equal(system(command), 0);
}

static void test_no_ca(void **state)
{
    char why[256] = "";
    struct sl_redis_link_conf conf = {
        .url = &w.url, .ca_file = SL_STR("/nowhere/ca.pem"), .reply_max = 1000, .name = "test"};

    (void)state;
    assert_int_equal(sl_redis_url_read(SL_STR("rediss://h"), &w.url, why, sizeof why), SL_OK);
    assert_null(sl_redis_link_new(w.net, &conf, why, sizeof why));
    assert_non_null(strstr(why, "/nowhere/ca.pem"));
}

/* Killed while commands are under way, back after a second: each is told once, and
 * the link is there within a second of its return. */
static void test_killed(void **state)
{
    uint64_t began;

    (void)state;
    start_and_link();
    kill(r.pid, SIGSTOP); /* so that they are under way */
    for (size_t i = 0; i < 64; i++)
        ask(w.l, &waits[i], 2000, "INCR n");
    FOR_MS(w.net, 30);
    redis_kill(&r);
    UNTIL(w.net, told_n == 64);
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(waits[i].told, 1);
        assert_int_equal(waits[i].e, SL_ERR_STORE);
    }
    FOR_MS(w.net, 1000);
    assert_int_equal(w.downs, 1);
    redis_run(&r);
    began = clock_ms();
    UNTIL(w.net, w.up);
    assert_true(clock_ms() - began < 1100);
    one(&waits[0], "PING x");
}

/* Stopped for three seconds: each command takes its deadline and no more. */
static void test_stopped(void **state)
{
    uint64_t began;

    (void)state;
    start_and_link();
    kill(r.pid, SIGSTOP);
    for (int i = 0; i < 60; i++) {
        began = clock_ms();
        memset(&waits[0], 0, sizeof waits[0]);
        ask(w.l, &waits[0], 50, "INCR n");
        UNTIL(w.net, waits[0].told == 1);
        assert_int_equal(waits[0].e, SL_ERR_STORE);
        assert_true(clock_ms() - began < 100);
    }
    FOR_MS(w.net, 1000); /* the patience is over, at the latest */
    assert_int_equal(w.downs, 1);
    kill(r.pid, SIGCONT);
    began = clock_ms();
    UNTIL(w.net, w.up);
    assert_true(clock_ms() - began < 1100);
    one(&waits[0], "PING x");
}

/* Made a replica under the link, and a master again. */
static void test_replica(void **state)
{
    char words[64];

    (void)state;
    start_and_link();
    (void)snprintf(words, sizeof words, "REPLICAOF 127.0.0.1 %u", free_port());
    redis_do(&r, words);
    ask(w.l, &waits[0], 1000, "SET a 1");
    UNTIL(w.net, waits[0].told == 1);
    assert_int_equal(waits[0].type, REDIS_REPLY_ERROR);
    UNTIL(w.net, !w.up);
    UNTIL(w.net, strstr(sl_redis_link_why(w.l), "not a master") != NULL);
    assert_int_equal(w.ups, 1);
    redis_do(&r, "REPLICAOF NO ONE");
    UNTIL(w.net, w.up);
    one(&waits[0], "SET a 1");
    assert_string_equal(waits[0].text, "OK");
}

static void test_kicked(void **state)
{
    (void)state;
    start_and_link();
    redis_do(&r, "CLIENT KILL TYPE normal");
    UNTIL(w.net, w.downs == 1);
    UNTIL(w.net, w.up);
    one(&waits[0], "PING back");
    assert_string_equal(waits[0].text, "back");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_plain),  T(test_unix),    T(test_password), T(test_tls),    T(test_no_ca),
        T(test_killed), T(test_stopped), T(test_replica),  T(test_kicked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
