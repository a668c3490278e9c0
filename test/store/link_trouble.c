/* timeout: 120
 *
 * A Redis that is away, refuses, is not the master, breaks off, or lies: the link
 * closes, tells each waiter once, and comes back when there is something good. */
#include "store/_fake.h"

static struct world w;
static struct wait waits[8];
static const char *said; /* by the fake, to anything */
static size_t said_n;

static int setup(void **state)
{
    (void)state;
    memset(waits, 0, sizeof waits);
    told_n = 0;
    world_up(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static void say_it(struct fake_conn *c, const struct fake_command *m)
{
    (void)m;
    fake_say_n(c, said, said_n);
}

static void silent(struct fake_conn *c, const struct fake_command *m)
{
    (void)c;
    (void)m;
}

static bool serves(void)
{
    struct wait a = {0};

    w.f.answer = NULL;
    UNTIL(w.net, w.up);
    ask(w.l, &a, 1000, "ECHO well");
    UNTIL(w.net, a.told == 1);
    return a.e == SL_OK && strcmp(a.text, "well") == 0;
}

/* A link that has seen no trouble yet, so that its pauses are short. */
static void fresh(void)
{
    sl_redis_link_end(&w.l);
    w.up = false;
    w.ups = w.downs = 0;
    w.f.answer = NULL;
    memset(waits, 0, sizeof waits);
    world_link(&w, world_url(&w, "", ""), NULL, 1u << 20);
    UNTIL(w.net, w.up);
}

/* Each of these ends the connection, whatever comes behind it. */
static const struct {
    const char *text;
    size_t n;
    bool first_is_told; /* a good reply stands before */
} hostile[] = {
#define H(text, told)                                                                              \
    {                                                                                              \
        (text), sizeof(text) - 1, (told)                                                           \
    }
    H("*2147483647\r\n", false),
    H("*4294967295\r\n", false),
    H("*1000000000000000000000\r\n", false),
    H("*-2\r\n", false),
    H("*65537\r\n", false),
    H("$-2\r\n", false),
    H("$-2147483648\r\n", false),
    H("$536870912\r\n", false),
    H("$1048577\r\n", false),
    H("$9223372036854775807\r\n", false),
    H("$99999999999999999999999999\r\n", false),
    H("$1x\r\nab\r\n", false),
    H("$00000000000000000000000000000000000000000", false),
    H(":1x\r\n", false),
    H(":99999999999999999999999\r\n", false),
    H("HTTP/1.1 400 Bad Request\r\n\r\n", false),
    H("\r\n", false),
    H("\0\0\0\0", false),
    H("%1\r\n+a\r\n+b\r\n", false), /* RESP3, unasked */
    H(">2\r\n+message\r\n+x\r\n", false),
    H("~1\r\n+a\r\n", false),
    H("|1\r\n+a\r\n+b\r\n+c\r\n", false),
    H(",3.25\r\n", false),
    H("#t\r\n", false),
    H("(12345678901234567890\r\n", false),
    H("=7\r\ntxt:abc\r\n", false),
    H("*2\r\n+a\r\n#f\r\n", false),
    H("+first\r\n-ERR\r\n+third\r\n", true), /* more replies than commands */
    H("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n+deep\r\n", false),
};

static void test_hostile(void **state)
{
    uint64_t began;

    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        fresh();
        said = hostile[i].text;
        said_n = hostile[i].n;
        w.f.answer = say_it;
        began = clock_ms();
        ask(w.l, &waits[0], 3000, "X");
        ask(w.l, &waits[1], 3000, "Y");
        UNTIL(w.net, waits[0].told == 1 && waits[1].told == 1);
        assert_true(clock_ms() - began < 1000); /* at its sight, not when the time is over */
        assert_int_equal(waits[0].e, hostile[i].first_is_told ? SL_OK : SL_ERR_STORE);
        UNTIL(w.net, w.downs == 1);
    }
    assert_true(serves());
}

/* Eight deep is a reply, ten thousand are not. */
static void test_depth(void **state)
{
    static char deep[4 * 10000 + 16];
    size_t n = 0;

    (void)state;
    w.f.answer = say_it;
    said = "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n+deep\r\n";
    said_n = strlen(said);
    ask(w.l, &waits[0], 3000, "X");
    UNTIL(w.net, waits[0].told == 1);
    assert_int_equal(waits[0].e, SL_OK);
    for (size_t i = 0; i < 10000; i++)
        n += (size_t)snprintf(deep + n, sizeof deep - n, "*1\r\n");
    said = deep;
    said_n = n;
    ask(w.l, &waits[1], 3000, "X");
    UNTIL(w.net, waits[1].told == 1);
    assert_int_equal(waits[1].e, SL_ERR_STORE);
    assert_true(serves());
}

/* Sends without an end until it is cut off; how much went out says how much was
 * taken. */
static size_t pour(const char *head, const char *piece, size_t piece_n)
{
    struct fake_conn *c;
    size_t out = 0;

    fresh();
    w.f.answer = silent;
    ask(w.l, &waits[0], 6000, "X");
    c = fake_last(&w.f);
    UNTIL(w.net, c->commands == 1);
    fake_say(c, head);
    while (waits[0].told == 0 && out < (64u << 20)) {
        if (c->s != NULL && sl_stream_queued(c->s) < 65536) {
            fake_say_n(c, piece, piece_n);
            out += piece_n;
        }
        sl_net_turn(w.net, 1);
    }
    assert_int_equal(waits[0].told, 1);
    assert_int_equal(waits[0].e, SL_ERR_STORE);
    assert_true(serves());
    return out;
}

static void test_endless(void **state)
{
    static char block[65536], ones[65536];

    (void)state;
    memset(block, 'x', sizeof block);
    for (size_t i = 0; i < sizeof ones; i += 4)
        memcpy(ones + i, ":1\r\n", 4);
    /* what the kernel's buffers hold is beyond our doing: a few MiB */
    assert_true(pour("$536870912\r\n", block, sizeof block) < (8u << 20));
    assert_true(pour("+", block, sizeof block) < (8u << 20));
    assert_true(pour("-", block, sizeof block) < (8u << 20));
    assert_true(pour("*65536\r\n*65536\r\n", ones, sizeof ones) < (16u << 20));
    assert_true(pour("*65536\r\n*65536\r\n*65536\r\n*65536\r\n*65536\r\n*65536\r\n", "*65536\r\n",
                     8) < (8u << 20));
}

/* As large as allowed is allowed. */
static void test_large(void **state)
{
    static char reply[(1u << 20) + 32];
    int n = snprintf(reply, sizeof reply, "$%u\r\n", 1u << 20);

    (void)state;
    memset(reply + n, 'y', 1u << 20);
    memcpy(reply + n + (1u << 20), "\r\n", 2);
    said = reply;
    said_n = (size_t)n + (1u << 20) + 2;
    w.f.answer = say_it;
    ask(w.l, &waits[0], 6000, "X");
    UNTIL(w.net, waits[0].told == 1);
    assert_int_equal(waits[0].e, SL_OK);
    assert_int_equal(waits[0].text[0], 'y');
    assert_true(w.up);
}

/* Half a reply and the end, at each byte of one; by FIN and by RST. */
static void test_half(void **state)
{
    const char *text = "*2\r\n$3\r\nabc\r\n:12\r\n";

    (void)state;
    for (size_t n = 0; n < strlen(text); n++) {
        fresh();
        said = text;
        said_n = n;
        w.f.answer = say_it;
        ask(w.l, &waits[0], 3000, "X");
        UNTIL(w.net, fake_last(&w.f)->commands == 1);
        if (n % 2 == 0)
            sl_stream_finish(&fake_last(&w.f)->s, 500);
        else
            sl_stream_reset(&fake_last(&w.f)->s);
        UNTIL(w.net, waits[0].told == 1);
        assert_int_equal(waits[0].e, SL_ERR_STORE);
        UNTIL(w.net, !w.up);
    }
    assert_true(serves());
}

/* ---- which Redis ---- */

/* Errors that say "not here, not now" are told, and then the link leaves. */
static void test_leave(void **state)
{
    static const char *words[] = {
        "-READONLY You can't write against a read only replica.\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n",
        "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
        "-NOREPLICAS Not enough good replicas to write.\r\n",
        "-ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        fresh();
        said = words[i];
        said_n = strlen(said);
        w.f.answer = say_it;
        ask(w.l, &waits[0], 3000, "X");
        UNTIL(w.net, waits[0].told == 1);
        assert_int_equal(waits[0].e, SL_OK);
        assert_int_equal(waits[0].type, REDIS_REPLY_ERROR);
        UNTIL(w.net, w.downs == 1);
    }
    assert_true(serves());
    for (size_t i = 0; i < 3; i++) { /* these do not */
        static const char *others[] = {"-ERR no such thing, not READONLY \r\n", "-OOM no\r\n",
                                       "-BUSY Redis is busy running a script.\r\n"};
        size_t downs = w.downs;

        said = others[i];
        said_n = strlen(said);
        w.f.answer = say_it;
        memset(waits, 0, sizeof waits);
        ask(w.l, &waits[0], 3000, "X");
        UNTIL(w.net, waits[0].told == 1);
        FOR_MS(w.net, 20);
        assert_int_equal(w.downs, downs);
    }
}

/* What goes wrong in a greeting keeps the link down, says why, and is no secret. */
static void test_greeting(void **state)
{
    static const struct {
        const char *auth, *select, *role, *ping;
        const char *why;
    } cases[] = {
        {"-WRONGPASS invalid secret\r\n", 0, 0, 0, "WRONGPASS"},
        {"-ERR unknown command 'AUTH', with args beginning with: 'secret'\r\n", 0, 0, 0, "ERR"},
        {0, "-ERR DB index is out of range\r\n", 0, 0, "DB index"},
        {0, 0, "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$4\r\nsync\r\n:0\r\n", 0, "not a master"},
        {0, 0, "*2\r\n$8\r\nsentinel\r\n*0\r\n", 0, "not a master"},
        {0, 0, "*0\r\n", 0, "not a master"},
        {0, 0, "*1\r\n$-1\r\n", 0, "not a master"},
        {0, 0, ":1\r\n", 0, "not a master"},
        {0, 0, "-NOPERM this user has no permissions to run the 'role' command\r\n", 0, "+role"},
        {0, 0, "-NOAUTH Authentication required.\r\n", 0, "NOAUTH"},
        {0, 0, 0, "-LOADING Redis is loading\r\n", "LOADING"},
    };

    (void)state;
    world_close(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world_open(&w);
        w.f.auth = cases[i].auth;
        w.f.select = cases[i].select;
        w.f.role = cases[i].role;
        w.f.ping = cases[i].ping;
        w.f.name = "-ERR no such command\r\n"; /* never a reason */
        world_link(&w, world_url(&w, "joe:secret@", "/3"), NULL, 65536);
        UNTIL(w.net, w.f.n == 2);
        assert_int_equal(w.ups, 0);
        assert_non_null(strstr(sl_redis_link_why(w.l), cases[i].why));
        assert_null(strstr(sl_redis_link_why(w.l), "secret"));
        assert_null(strstr(sl_redis_link_where(w.l), "secret"));
        w.f.auth = w.f.select = w.f.role = w.f.ping = NULL;
        UNTIL(w.net, w.up);
        assert_string_equal(fake_last(&w.f)->log,
                            "AUTH joe secret|SELECT 3|CLIENT SETNAME sluice-test|ROLE|PING|");
        world_close(&w);
    }
    world_open(&w);
    world_link(&w, world_url(&w, ":secret@", ""), NULL, 65536);
    UNTIL(w.net, w.up);
    assert_string_equal(fake_last(&w.f)->log, "AUTH secret|CLIENT SETNAME sluice-test|ROLE|PING|");
}

/* One that accepts and says nothing is left after two seconds. */
static void test_mute(void **state)
{
    uint64_t began;

    (void)state;
    world_close(&w);
    world_open(&w);
    w.f.role = "";
    w.f.ping = "";
    world_link(&w, world_url(&w, "", ""), NULL, 65536);
    UNTIL(w.net, w.f.n == 1);
    began = clock_ms();
    UNTIL(w.net, w.f.n == 2);
    assert_in_range(clock_ms() - began, 2000, 2500);
    assert_int_equal(w.ups, 0);
}

/* ---- coming back ---- */

/* 100 to 200 ms, then up to 1 s, never more, never at once. */
static void test_pauses(void **state)
{
    uint64_t gaps[6];

    (void)state;
    world_close(&w);
    world_open(&w);
    w.f.role = "*1\r\n$5\r\nslave\r\n";
    world_link(&w, world_url(&w, "", ""), NULL, 65536);
    UNTIL(w.net, w.f.n == 4);
    UNTIL(w.net, w.f.n == 7);
    for (size_t i = 0; i < 6; i++)
        gaps[i] = w.f.conns[i + 1].at_ms - w.f.conns[i].at_ms;
    assert_in_range(gaps[0], 100, 260);
    assert_in_range(gaps[1], 200, 460);
    assert_in_range(gaps[2], 400, 860);
    for (size_t i = 3; i < 6; i++)
        assert_in_range(gaps[i], 500, 1080);
}

/* Up again and again, but never for long: the pauses grow all the same. */
static void test_flapping(void **state)
{
    (void)state;
    w.f.answer = say_it;
    said = "-LOADING again\r\n";
    said_n = strlen(said);
    for (size_t i = 0; i < 4; i++) {
        UNTIL(w.net, w.up);
        memset(waits, 0, sizeof waits);
        ask(w.l, &waits[0], 1000, "X");
        UNTIL(w.net, !w.up);
    }
    UNTIL(w.net, w.f.n == 5);
    assert_true(w.f.conns[4].at_ms - w.f.conns[3].at_ms >= 500);
}

/* Not there at the start, there later; commands meanwhile fail at once. */
static void test_absent(void **state)
{
    uint16_t port;
    char url[64];
    uint64_t began;

    (void)state;
    world_close(&w);
    world_open(&w);
    port = sl_listen_port(w.f.listener);
    sl_listen_end(&w.f.listener);
    (void)snprintf(url, sizeof url, "redis://127.0.0.1:%u", port);
    world_link(&w, url, NULL, 65536);
    for (size_t i = 0; i < 8; i++) {
        began = clock_ms();
        ask(w.l, &waits[i], 2000, "X");
        UNTIL(w.net, waits[i].told == 1);
        assert_true(clock_ms() - began < 200);
        assert_int_equal(waits[i].e, SL_ERR_STORE);
        FOR_MS(w.net, 60);
    }
    assert_non_null(strstr(sl_redis_link_why(w.l), "refused"));
    assert_int_equal(w.ups + w.downs, 0); /* nothing has changed */
    fake_listen(&w.f, port, NULL);
    began = clock_ms();
    assert_true(serves());
    assert_true(clock_ms() - began < 1100);
}

/* What is sent when told that it is up leaves at once. */
static void send_when_up(struct world *x, bool up)
{
    if (up)
        ask(x->l, &waits[x->ups], 1000, "ECHO up");
}

static void test_state(void **state)
{
    (void)state;
    w.on_state = send_when_up;
    sl_stream_reset(&fake_last(&w.f)->s);
    UNTIL(w.net, waits[2].told == 1);
    assert_string_equal(waits[2].text, "up");
    assert_int_equal(w.downs, 1);
}

/* Ended while it dials, greets, waits. */
static void test_end_early(void **state)
{
    (void)state;
    world_close(&w);
    for (int turns = 0; turns < 12; turns++) {
        world_open(&w);
        w.f.role = turns % 2 == 0 ? "*1\r\n$5\r\nslave\r\n" : NULL;
        world_link(&w, world_url(&w, "", ""), NULL, 65536);
        for (int i = 0; i < turns; i++)
            sl_net_turn(w.net, 1);
        world_close(&w);
    }
    world_open(&w);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_hostile), T(test_depth),    T(test_endless),   T(test_large),  T(test_half),
        T(test_leave),   T(test_greeting), T(test_mute),      T(test_pauses), T(test_flapping),
        T(test_absent),  T(test_state),    T(test_end_early),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
