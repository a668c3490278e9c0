/* timeout: 120
 *
 * A master through Sentinels: asked in turn, believed only after its ROLE; and one
 * real failover. */
#include "store/_redis.h"

static struct world w;
static struct fake sentinels[3];
static struct fake other; /* a second Redis */
static struct wait waits[4];
static const struct fake *named[3]; /* which Redis each Sentinel names; NULL: none */
static const char *instead[3];      /* what it says in place of an address */

static void answer(struct fake_conn *c, const struct fake_command *m)
{
    size_t i = (size_t)(c->f - sentinels);
    char port[16];

    assert_true(i < 3);
    assert_true(fake_is(m, "SENTINEL") && m->n == 3);
    assert_true(sl_str_eq(m->args[2], SL_STR("mymaster")));
    if (instead[i] != NULL) {
        fake_say(c, instead[i]);
    } else if (named[i] == NULL) {
        fake_say(c, "*-1\r\n");
    } else {
        (void)snprintf(port, sizeof port, "%u", sl_listen_port(named[i]->listener));
        fake_say(c, "*2\r\n");
        fake_bulk(c, SL_STR("127.0.0.1"));
        fake_bulk(c, sl_str_of(port));
    }
}

static int setup(void **state)
{
    (void)state;
    memset(waits, 0, sizeof waits);
    world_open(&w);
    fake_open(&other, w.net);
    for (size_t i = 0; i < 3; i++) {
        fake_open(&sentinels[i], w.net);
        sentinels[i].answer = answer;
        named[i] = &w.f;
        instead[i] = NULL;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sl_redis_link_end(&w.l);
    for (size_t i = 0; i < 3; i++)
        fake_close(&sentinels[i]);
    fake_close(&other);
    world_close(&w);
    return 0;
}

static void link_up(const char *who)
{
    char url[256];

    (void)snprintf(url, sizeof url,
                   "redis+sentinel://%s127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u/mymaster/2", who,
                   sl_listen_port(sentinels[0].listener), sl_listen_port(sentinels[1].listener),
                   sl_listen_port(sentinels[2].listener));
    world_link(&w, url, NULL, 65536);
}

static void test_first(void **state)
{
    char where[64];

    (void)state;
    link_up("");
    UNTIL(w.net, w.up);
    assert_int_equal(sentinels[0].n, 1);
    assert_string_equal(sentinels[0].conns[0].log, "SENTINEL get-master-addr-by-name mymaster|");
    assert_true(sentinels[0].conns[0].gone);
    assert_int_equal(sentinels[1].n + sentinels[2].n, 0);
    assert_string_equal(w.f.conns[0].log, "SELECT 2|CLIENT SETNAME sluice-test|ROLE|PING|");
    (void)snprintf(where, sizeof where, "127.0.0.1:%u", sl_listen_port(w.f.listener));
    assert_string_equal(sl_redis_link_where(w.l), where);
}

/* The first knows nothing, the second is gone: the third names it. */
static void test_in_turn(void **state)
{
    uint64_t began = clock_ms();

    (void)state;
    named[0] = NULL;
    link_up("");
    sl_listen_end(&sentinels[1].listener);
    UNTIL(w.net, w.up);
    assert_int_equal(sentinels[0].n, 1);
    assert_int_equal(sentinels[2].n, 1);
    assert_true(clock_ms() - began < 200); /* no pause between them */
    /* one that is good is asked again first */
    sl_stream_reset(&fake_last(&w.f)->s);
    UNTIL(w.net, w.up && w.downs == 1);
}

static void test_lies(void **state)
{
    static const char *lies[] = {
        "-ERR no\r\n",
        ":1\r\n",
        "*0\r\n",
        "*1\r\n$1\r\nh\r\n",
        "*2\r\n$0\r\n\r\n$4\r\n6379\r\n",
        "*2\r\n$1\r\nh\r\n$1\r\n0\r\n",
        "*2\r\n$1\r\nh\r\n$5\r\n65536\r\n",
        "*2\r\n$1\r\nh\r\n$2\r\n-1\r\n",
        "*2\r\n$1\r\nh\r\n:6379\r\n",
        "*2\r\n$3\r\na\0b\r\n$4\r\n6379\r\n",
        "*3\r\n$1\r\nh\r\n$4\r\n6379\r\n$1\r\nx\r\n",
        "garbage\r\n",
        "$99999999\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        instead[0] = lies[i];
        instead[1] = "*-1\r\n";
        w.up = false;
        link_up("");
        UNTIL(w.net, w.up);
        assert_int_equal(sentinels[2].n, i + 1);
        sl_redis_link_end(&w.l);
    }
}

/* A silent one costs half a second, no more. */
static void test_mute(void **state)
{
    uint64_t began = clock_ms();

    (void)state;
    instead[0] = "";
    link_up("");
    UNTIL(w.net, w.up);
    assert_in_range(clock_ms() - began, 450, 1100);
}

/* The first still names the old one, which says that it is a replica now. */
static void test_stale(void **state)
{
    (void)state;
    named[0] = &other;
    other.role = "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$4\r\nsync\r\n:0\r\n";
    link_up("");
    UNTIL(w.net, w.up);
    assert_int_equal(sentinels[1].n, 1);
    assert_int_equal(w.ups, 1);
}

static void hang(struct fake_conn *c, const struct fake_command *m)
{
    (void)c;
    (void)m;
}

/* A primary that hangs is left, long before its commands' own limits: another is named. */
static void test_hangs(void **state)
{
    uint64_t began;

    (void)state;
    link_up("");
    UNTIL(w.net, w.up);
    began = clock_ms();
    w.f.answer = hang;
    named[0] = named[1] = named[2] = &other;
    ask(w.l, &waits[0], 60000, "X");
    UNTIL(w.net, w.downs == 1);
    assert_in_range(clock_ms() - began, SL_LINK_SILENCE_MS - 1, 20000);
    UNTIL(w.net, waits[0].told == 1);
    assert_int_equal(waits[0].e, SL_ERR_STORE);
    UNTIL(w.net, w.up);
    ask(w.l, &waits[1], 5000, "ECHO back");
    UNTIL(w.net, waits[1].told == 1);
    assert_string_equal(waits[1].text, "back");
    assert_true(other.n > 0);
}

static void test_none(void **state)
{
    (void)state;
    named[0] = named[1] = named[2] = NULL;
    link_up("");
    UNTIL(w.net, strstr(sl_redis_link_why(w.l), "no Sentinel names a master") != NULL);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sentinels[i].n, 1);
    assert_int_equal(w.f.n, 0);
    named[1] = &w.f;
    UNTIL(w.net, w.up);
}

/* The Redis's password goes to Sentinels too; one that wants none says no. */
static void test_password(void **state)
{
    (void)state;
    sentinels[0].auth = "-ERR AUTH <password> called without any password configured\r\n";
    link_up("joe:pw@");
    UNTIL(w.net, w.up);
    assert_string_equal(sentinels[0].conns[0].log,
                        "AUTH joe pw|SENTINEL get-master-addr-by-name mymaster|");
    assert_string_equal(w.f.conns[0].log,
                        "AUTH joe pw|SELECT 2|CLIENT SETNAME sluice-test|ROLE|PING|");
}

static void test_end_early(void **state)
{
    (void)state;
    for (int turns = 0; turns < 12; turns++) {
        named[0] = turns % 2 == 0 ? NULL : &w.f;
        link_up("");
        for (int i = 0; i < turns; i++)
            sl_net_turn(w.net, 1);
        sl_redis_link_end(&w.l);
        w.up = false;
    }
}

/* ---- a real one ---- */

static struct redis a, b, s;

static int real_teardown(void **state)
{
    teardown(state);
    redis_end(&s);
    redis_end(&a);
    redis_end(&b);
    return 0;
}

/* The master is killed: the link is at the other one within a second of its being
 * made the master. */
static void test_failover(void **state)
{
    char url[128], place[64];
    uint64_t promoted = 0;

    (void)state;
    redis_start(&a);
    (void)snprintf(b.more, sizeof b.more, "replicaof 127.0.0.1 %u\n", a.port);
    redis_start(&b);
    s.is_sentinel = true;
    (void)snprintf(s.more, sizeof s.more,
                   "sentinel monitor mymaster 127.0.0.1 %u 1\n"
                   "sentinel down-after-milliseconds mymaster 300\n"
                   "sentinel failover-timeout mymaster 3000\n",
                   a.port);
    redis_start(&s);
    (void)snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%u/mymaster", s.port);
    world_link(&w, url, NULL, 65536);
    UNTIL(w.net, w.up);
    (void)snprintf(place, sizeof place, "127.0.0.1:%u", a.port);
    assert_string_equal(sl_redis_link_where(w.l), place);
    ask(w.l, &waits[0], 1000, "SET k before");
    UNTIL(w.net, waits[0].told == 1);
    /* the replica must know of it, and the Sentinel of the replica */
    UNTIL(w.net, strcmp(redis_do(&b, "GET k"), "before") == 0);
    for (int i = 0; i < 2500 && strstr(redis_do(&s, "INFO sentinel"), "slaves=1") == NULL; i++)
        FOR_MS(w.net, 10);
    redis_kill(&a);
    UNTIL(w.net, !w.up);
    for (int i = 0; i < 3000 && !w.up; i++) {
        FOR_MS(w.net, 10);
        if (promoted == 0 && strstr(redis_do(&b, "INFO replication"), "role:master") != NULL)
            promoted = clock_ms();
    }
    assert_true(w.up);
    assert_true(promoted == 0 || clock_ms() - promoted < 1500);
    (void)snprintf(place, sizeof place, "127.0.0.1:%u", b.port);
    assert_string_equal(sl_redis_link_where(w.l), place);
    ask(w.l, &waits[1], 1000, "GET k");
    UNTIL(w.net, waits[1].told == 1);
    assert_string_equal(waits[1].text, "before");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_first),     T(test_in_turn),
        T(test_lies),      T(test_mute),
        T(test_stale),     T(test_hangs),
        T(test_none),      T(test_password),
        T(test_end_early), cmocka_unit_test_setup_teardown(test_failover, setup, real_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
