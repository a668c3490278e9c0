/* timeout: 300
 *
 * Providers whose answers lie about their length, form or number: the U cases.
 * What is doubtful fails and costs the connection; what is whole is told whole;
 * and the next call never gets a byte that belongs to another. */
#include "peers/_http.h"

struct lie {
    const char *name;
    struct script s;
    int status;       /* 0: fails before the head is told */
    const char *body; /* told until then */
    enum sl_err why;  /* SL_OK: done */
    size_t idle;      /* connections kept afterwards */
};

#define A "HTTP/1.1 200 OK\r\n"
#define EVIL "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
#define LIE(name, text, then)                                                                      \
    name,                                                                                          \
    {                                                                                              \
        .bytes = (text), .n = sizeof(text) - 1, then                                               \
    }

static const struct lie lies[] = {
    /* plain truth first */
    {LIE("counted", A "content-length: 2\r\n\r\nok", KEEP), 200, "ok", SL_OK, 1},
    {LIE("chunked", A "transfer-encoding: chunked\r\n\r\n1\r\no\r\n1;x\r\nk\r\n0\r\nT: r\r\n\r\n",
         KEEP),
     200, "ok", SL_OK, 1},
    {LIE("till close", A "\r\nok", FIN), 200, "ok", SL_OK, 0},
    {LIE("said close", A "connection: close\r\ncontent-length: 2\r\n\r\nok", KEEP), 200, "ok",
     SL_OK, 0},
    {LIE("old", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", KEEP), 200, "ok", SL_OK, 0},
    {LIE("old kept", "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
         KEEP),
     200, "ok", SL_OK, 1},
    {LIE("no reason", "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", KEEP), 200, "ok", SL_OK, 1},
    {LIE("empty", A "content-length: 0\r\n\r\n", KEEP), 200, "", SL_OK, 1},
    {LIE("no content", "HTTP/1.1 204 No Content\r\n\r\n", KEEP), 204, "", SL_OK, 1},
    {LIE("529", "HTTP/1.1 529 \r\ncontent-length: 2\r\n\r\nok", KEEP), 529, "ok", SL_OK, 1},
    {LIE("599", "HTTP/1.1 599 Odd\r\ncontent-length: 2\r\n\r\nok", KEEP), 599, "ok", SL_OK, 1},
    {LIE("600", "HTTP/1.1 600 Odd\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE,
     0},
    {LIE("999", "HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE,
     0},
    {LIE("099", "HTTP/1.1 099 Odd\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE,
     0},
    /* U01 */
    {LIE("both", A "content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
         KEEP),
     0, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("both, other order",
         A "transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n", KEEP),
     0, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("two lengths", A "content-length: 2\r\ncontent-length: 3\r\n\r\nok", KEEP), 0, "",
     SL_ERR_UP_GARBAGE, 0},
    {LIE("same lengths", A "content-length: 2\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "",
     SL_ERR_UP_GARBAGE, 0},
    {LIE("length list", A "content-length: 2, 2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("abc", A "content-length: abc\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("-1", A "content-length: -1\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("+2", A "content-length: +2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("2^64+2", A "content-length: 18446744073709551618\r\n\r\nok", KEEP), 0, "",
     SL_ERR_UP_GARBAGE, 0},
    {LIE("coding", A "transfer-encoding: gzip\r\n\r\nok", FIN), 0, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("gzip, chunked", A "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", KEEP), 0, "",
     SL_ERR_UP_GARBAGE, 0},
    {LIE("chunked in 1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", KEEP),
     0, "", SL_ERR_UP_GARBAGE, 0},
    /* U02, U03 */
    {LIE("100 with length",
         "HTTP/1.1 100 Continue\r\ncontent-length: 4\r\n\r\n" A "content-length: 2\r\n\r\nok" EVIL,
         KEEP),
     200, "ok", SL_OK, 0},
    {LIE("hints",
         "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" A
         "content-length: 2\r\n\r\nok",
         KEEP),
     200, "ok", SL_OK, 1},
    {LIE("processing", "HTTP/1.1 102 Processing\r\n\r\n" A "content-length: 2\r\n\r\nok", KEEP),
     200, "ok", SL_OK, 1},
    {LIE("104", "HTTP/1.1 104 Odd\r\n\r\n" A "content-length: 2\r\n\r\nok", KEEP), 0, "",
     SL_ERR_UP_GARBAGE, 0},
    {LIE("199", "HTTP/1.1 199 Odd\r\n\r\n" A "content-length: 2\r\n\r\nok", KEEP), 0, "",
     SL_ERR_UP_GARBAGE, 0},
    {LIE("switching",
         "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nxx", KEEP),
     0, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("upgrade said", A "upgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\nok",
         KEEP),
     200, "ok", SL_OK, 1},
    /* U04 */
    {LIE("204 and more", "HTTP/1.1 204 No Content\r\n\r\n" EVIL, KEEP), 204, "", SL_OK, 0},
    {LIE("304 and more", "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\n" EVIL, KEEP), 304,
     "", SL_OK, 0},
    {LIE("length and more", A "content-length: 2\r\n\r\nok" EVIL, KEEP), 200, "ok", SL_OK, 0},
    {LIE("chunked and more", A "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" EVIL, KEEP),
     200, "ok", SL_OK, 0},
    {LIE("one byte more", A "content-length: 2\r\n\r\nok\n", KEEP), 200, "ok", SL_OK, 0},
    /* U05 on a fresh connection */
    {LIE("fin", "", FIN), 0, "", SL_ERR_UP_CLOSED, 0},
    {LIE("rst", "", RST), 0, "", SL_ERR_UP_RESET, 0},
    {LIE("fin in the head", "HTTP/1.1 200 OK\r\ncont", FIN), 0, "", SL_ERR_UP_CLOSED, 0},
    {LIE("fin behind a hint", "HTTP/1.1 103 Early Hints\r\n\r\n", FIN), 0, "", SL_ERR_UP_CLOSED, 0},
    /* U07 */
    {LIE("fin in the body", A "content-length: 4\r\n\r\nok", FIN), 200, "ok", SL_ERR_UP_CLOSED, 0},
    {LIE("fin in a chunk", A "transfer-encoding: chunked\r\n\r\n4\r\nok", FIN), 200, "ok",
     SL_ERR_UP_CLOSED, 0},
    {LIE("fin between chunks", A "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n", FIN), 200, "ok",
     SL_ERR_UP_CLOSED, 0},
    {LIE("fin in the trailer", A "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", FIN), 200,
     "ok", SL_ERR_UP_CLOSED, 0},
    {LIE("bad chunk", A "transfer-encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n", KEEP), 200, "ok",
     SL_ERR_UP_GARBAGE, 0},
    {LIE("chunk lf", A "transfer-encoding: chunked\r\n\r\n2\nok\n0\n\n", KEEP), 200, "",
     SL_ERR_UP_GARBAGE, 0},
    {LIE("chunk without a line end", A "transfer-encoding: chunked\r\n\r\n2\r\nok0\r\n\r\n" EVIL,
         KEEP),
     200, "ok", SL_ERR_UP_GARBAGE, 0},
    {LIE("space behind a size", A "transfer-encoding: chunked\r\n\r\n2 \r\nok\r\n0\r\n\r\n", KEEP),
     200, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("chunk overflow", A "transfer-encoding: chunked\r\n\r\n10000000000000000\r\nok\r\n", KEEP),
     200, "", SL_ERR_UP_GARBAGE, 0},
    /* U08 */
    {LIE("nul", A "x: a\0b\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("bare cr", A "x: a\rb\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("bare lf", "HTTP/1.1 200 OK\ncontent-length: 2\n\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("fold", A "x: a\r\n b\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("9.9", "HTTP/9.9 200 OK\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE,
     0},
    {LIE("2.0", "HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE,
     0},
    {LIE("0.9", "HTTP/0.9 200 OK\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE,
     0},
    {LIE("no head at all", "ok", FIN), 0, "", SL_ERR_UP_GARBAGE, 0},
    {LIE("status 20", "HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "",
     SL_ERR_UP_GARBAGE, 0},
    {LIE("status 99", "HTTP/1.1 099 OK\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "",
     SL_ERR_UP_GARBAGE, 0},
    {LIE("status 99999", "HTTP/1.1 99999 OK\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "",
     SL_ERR_UP_GARBAGE, 0},
    {LIE("status -1", "HTTP/1.1 -10 OK\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "",
     SL_ERR_UP_GARBAGE, 0},
    {LIE("lines before", "\r\n" A "content-length: 2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE,
     0},
    {LIE("space before colon", A "content-length : 2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE,
     0},
    {LIE("icy", "ICY 200 OK\r\ncontent-length: 2\r\n\r\nok", KEEP), 0, "", SL_ERR_UP_GARBAGE, 0},
};

static struct world w;
static struct job j;

static int setup(void **state)
{
    (void)state;
    w = (struct world){.finished = 0};
    world_start(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_stop(&w);
    return 0;
}

static void check(const struct lie *l, const char *how)
{
    bool right = l->why == SL_OK ? j.done : j.failed && j.why == l->why;

    if (!right || j.status != l->status || j.n != strlen(l->body) ||
        memcmp(j.body, l->body, j.n) != 0)
        fail_msg("%s, %s: done %d, failed %d (%s), status %d, body '%.*s'", l->name, how, j.done,
                 j.failed, sl_err_name(j.why), j.status, (int)j.n, j.body);
    turns_ms(&w, 5);
    if (sl_origin_count(w.o).idle != l->idle || sl_origin_count(w.o).open != l->idle)
        fail_msg("%s, %s: %zu kept", l->name, how, sl_origin_count(w.o).idle);
}

static void fresh_origin(void)
{
    sl_origin_drop(&w.o);
    turns_ms(&w, 3);
    w.o = sl_origin_new(w.net, &w.conf);
}

static void test_lies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        w.p.script = lies[i].s;
        job_run(&w, &j);
        check(&lies[i], "whole");
        fresh_origin();
        job_good(&w, 4); /* U04: each its own */
        fresh_origin();
    }
}

/* The same byte by byte: the split must not change the story. */
static void test_lies_dripped(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct script s = lies[i].s;

        s.drip_ms = 1;
        w.p.script = s;
        job_run(&w, &j);
        /* excess that comes a millisecond later finds the connection idle */
        for (int k = 0; k < 100 && lies[i].idle == 0 && sl_origin_count(w.o).open > 0; k++)
            turns_ms(&w, 2);
        check(&lies[i], "dripped");
        fresh_origin();
    }
}

static char *put(char *at, const char *s)
{
    size_t n = strlen(s);

    memcpy(at, s, n);
    return at + n;
}

static void run_long(const char *start, const char *piece, size_t times, const char *end)
{
    char *text = malloc(strlen(start) + strlen(piece) * times + strlen(end));
    struct script s = {.bytes = text};
    char *at = put(text, start);

    for (size_t i = 0; i < times; i++)
        at = put(at, piece);
    at = put(at, end);
    s.n = (size_t)(at - text);
    w.p.script = s;
    job_run(&w, &j);
    fresh_origin();
    turns_ms(&w, 5);
    for (size_t i = 0; i < w.p.n; i++)
        prov_close(w.p.conns[i], FIN);
    free(text);
}

static void test_floods(void **state)
{
    (void)state;
    run_long("", "HTTP/1.1 103 Early Hints\r\n\r\n", 5000, OK_TEXT);
    assert_int_equal(j.why, SL_ERR_UP_GARBAGE);
    run_long("", "HTTP/1.1 103 Early Hints\r\n\r\n", 10, OK_TEXT);
    job_is_ok(&j);
    run_long("HTTP/1.1 200 OK\r\nx: ", "0123456789abcdef", 65536, "\r\ncontent-length: 0\r\n\r\n");
    assert_int_equal(j.why, SL_ERR_UP_GARBAGE);
    run_long("HTTP/1.1 200 OK\r\n", "x: y\r\n", 20000, "content-length: 0\r\n\r\n");
    assert_int_equal(j.why, SL_ERR_UP_GARBAGE);
    run_long("HTTP/1.1 200 OK\r\n", "x: y\r\n", 127, "content-length: 0\r\n\r\n");
    assert_true(j.done);
    run_long("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1;0123456789abcdef\r\nx\r\n",
             10000, "0\r\n\r\n");
    assert_int_equal(j.why, SL_ERR_UP_GARBAGE);
    run_long("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n", 50000,
             "0\r\n\r\n");
    assert_true(j.done);
    assert_int_equal(j.bytes, 50000);
}

static void test_head_method(void **state)
{
    struct sl_call_req req = {.parts = job_parts, .n = 2, .is_head = true};

    (void)state;
    w.p.script = SCRIPT(BYTES("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"));
    for (int i = 0; i < 2; i++) {
        j = (struct job){.status = 0};
        j.call = sl_call_start(w.o, &req, &job_ops, &j);
        assert_true(job_wait(&w, &j, 2000));
        assert_true(j.done);
        assert_int_equal(j.n, 0);
        sl_call_end(&j.call);
    }
    assert_int_equal(sl_origin_count(w.o).dialled, 1);
}

/* An answer to HEAD has no body: what comes behind its head belongs to nobody, and the
 * next call asks on a connection of its own. */
static void test_head_with_a_body(void **state)
{
    static const struct script cases[] = {
        {BYTES(A "content-length: 56\r\n\r\n" EVIL), KEEP},
        {BYTES(A "transfer-encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n"), KEEP},
    };
    struct sl_call_req req = {.parts = job_parts, .n = 2, .is_head = true};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        w.p.script = cases[i / 2];
        w.p.script.drip_ms = i % 2;
        j = (struct job){.status = 0};
        j.call = sl_call_start(w.o, &req, &job_ops, &j);
        assert_true(job_wait(&w, &j, 2000));
        assert_true(j.done);
        assert_int_equal(j.n, 0);
        sl_call_end(&j.call);
        for (int k = 0; k < 1000 && sl_origin_count(w.o).open > 0; k++)
            turns_ms(&w, 2);
        assert_int_equal(sl_origin_count(w.o).open, 0);
        job_good(&w, 4);
        fresh_origin();
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(test_lies), CASE(test_lies_dripped), CASE(test_floods),
                                       CASE(test_head_method), CASE(test_head_with_a_body)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
