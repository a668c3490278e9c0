/* timeout: 300
 *
 * Requests that must be refused, and the near misses that must not: the H cases
 * of the security tables that HTTP servers are measured by. Each refusal is one
 * framed answer and then the end of the connection; nothing ran, and the next
 * good request is served. */
#include "http/server.h"
#include "net/_http.h"

struct bad {
    const char *name;
    const char *text;
    size_t n;
    int status;  /* expected; 0: any 4xx or 5xx */
    size_t runs; /* bodies that may come whole before */
};

#define HOST "Host: a\r\n"
#define POST "POST /echo HTTP/1.1\r\n" HOST
#define SECOND "POST /second HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi"
#define BAD(name, text, status)                                                                    \
    {                                                                                              \
        name, text, sizeof(text) - 1, status, 0                                                    \
    }

static const struct bad table[] = {
    /* H01 */
    BAD("cl and te",
        POST "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n" SECOND,
        400),
    BAD("te and cl",
        POST "Transfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n2\r\nhi\r\n0\r\n\r\n" SECOND,
        400),
    /* H02 */
    BAD("te sp", POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    BAD("te tab", POST "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400),
    BAD("te xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    BAD("te identity", POST "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
    BAD("te chunked identity", POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    BAD("te gzip chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    BAD("te quoted", POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400),
    BAD("te parameter", POST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400),
    BAD("te vt",
        POST "Transfer-Encoding: \x0b"
             "chunked\r\n\r\n0\r\n\r\n",
        400),
    BAD("te ff", POST "Transfer-Encoding: chunked\x0c\r\n\r\n0\r\n\r\n", 400),
    BAD("te nul", POST "Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n", 400),
    BAD("te a0",
        POST "Transfer-Encoding: \xa0"
             "chunked\r\n\r\n0\r\n\r\n",
        400),
    BAD("te ff byte", POST "Transfer-Encoding: chunked\xff\r\n\r\n0\r\n\r\n", 400),
    BAD("te twice",
        POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    BAD("te empty", POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n", 400),
    BAD("te comma", POST "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", 400),
    BAD("te double", POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    /* H03 */
    BAD("cl plus", POST "Content-Length: +2\r\n\r\nhi", 400),
    BAD("cl minus", POST "Content-Length: -2\r\n\r\nhi", 400),
    BAD("cl hex", POST "Content-Length: 0x2\r\n\r\nhi", 400),
    BAD("cl point", POST "Content-Length: 2.0\r\n\r\nhi", 400),
    BAD("cl exponent", POST "Content-Length: 2e0\r\n\r\nhi", 400),
    BAD("cl underscore", POST "Content-Length: 1_0\r\n\r\nhi", 400),
    BAD("cl space", POST "Content-Length: 9 2\r\n\r\nhi", 400),
    BAD("cl empty", POST "Content-Length:\r\n\r\nhi", 400),
    BAD("cl list", POST "Content-Length: 2,3\r\n\r\nhi", 400),
    BAD("cl same list", POST "Content-Length: 2, 2\r\n\r\nhi", 400),
    BAD("cl nul", POST "Content-Length: 2\0\r\n\r\nhi", 400),
    BAD("cl a0",
        POST "Content-Length: \xa0"
             "2\r\n\r\nhi",
        400),
    /* H04 */
    BAD("cl 2^64+2", POST "Content-Length: 18446744073709551618\r\n\r\nhi", 0),
    BAD("cl 2^63", POST "Content-Length: 9223372036854775808\r\n\r\nhi", 0),
    BAD("cl 2^32+2", POST "Content-Length: 4294967298\r\n\r\nhi", 413),
    BAD("cl many digits",
        POST "Content-Length: "
             "1000000000000000000000000000000000000000000000000000000000000000002\r\n\r\nhi",
        0),
    /* H05 */
    BAD("cl twice", POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", 400),
    BAD("cl twice same", POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 400),
    BAD("cl empty first", POST "Content-Length: \r\nContent-Length: 2\r\n\r\nhi", 400),
    /* H06 */
    BAD("te in 1.0",
        "POST /echo HTTP/1.0\r\n" HOST
        "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n2\r\nhi\r\n0\r\n\r\n" SECOND,
        400),
    /* H07 */
    BAD("chunk 2^64-1",
        POST "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nhi\r\n0\r\n\r\n", 0),
    BAD("chunk 2^64", POST "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nhi\r\n0\r\n\r\n",
        400),
    BAD("chunk plus", POST "Transfer-Encoding: chunked\r\n\r\n+2\r\nhi\r\n0\r\n\r\n", 400),
    BAD("chunk minus", POST "Transfer-Encoding: chunked\r\n\r\n-2\r\nhi\r\n0\r\n\r\n", 400),
    BAD("chunk hex", POST "Transfer-Encoding: chunked\r\n\r\n0x2\r\nhi\r\n0\r\n\r\n", 400),
    BAD("chunk underscore", POST "Transfer-Encoding: chunked\r\n\r\n0_2\r\nhi\r\n0\r\n\r\n", 400),
    BAD("chunk space", POST "Transfer-Encoding: chunked\r\n\r\n 2\r\nhi\r\n0\r\n\r\n", 400),
    BAD("chunk tail", POST "Transfer-Encoding: chunked\r\n\r\n2zz\r\nhi\r\n0\r\n\r\n", 400),
    BAD("chunk empty", POST "Transfer-Encoding: chunked\r\n\r\n\r\nhi\r\n0\r\n\r\n", 400),
    BAD("chunk space behind", POST "Transfer-Encoding: chunked\r\n\r\n2 \r\nhi\r\n0\r\n\r\n", 400),
    BAD("chunk cr", POST "Transfer-Encoding: chunked\r\n\r\n2\rXhi\r\n0\r\n\r\n", 400),
    /* H08 */
    BAD("term.ext",
        POST "Transfer-Encoding: chunked\r\n\r\n2;\nXX\r\n4\r\nabcd\r\n0\r\n\r\n" SECOND, 400),
    BAD("chunk no end", POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", 400),
    BAD("chunk no line end", POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n" SECOND,
        400),
    BAD("chunk XX", POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", 400),
    BAD("chunk lf", POST "Transfer-Encoding: chunked\r\n\r\n2\nhi\n0\n\n", 400),
    /* H11 */
    BAD("all lf", "GET / HTTP/1.1\nHost: a\n\n", 400),
    BAD("all cr", "GET / HTTP/1.1\rHost: a\r\r", 400),
    BAD("lf cr", "GET / HTTP/1.1\n\rHost: a\n\r\n\r", 400),
    BAD("cr lf cr Z", "GET / HTTP/1.1\r\nHost: a\r\n\rZGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    BAD("fold", "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400),
    BAD("fold tab", "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n", 400),
    BAD("nul value", "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n", 400),
    BAD("cr value", "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 400),
    BAD("01 value",
        "GET / HTTP/1.1\r\n" HOST "X: a\x01"
        "b\r\n\r\n",
        400),
    BAD("del value",
        "GET / HTTP/1.1\r\n" HOST "X: a\x7f"
        "b\r\n\r\n",
        400),
    BAD("esc value",
        "GET / HTTP/1.1\r\n" HOST "X: a\x1b"
        "b\r\n\r\n",
        400),
    BAD("lone lf first", "\nGET / HTTP/1.1\r\n" HOST "\r\n", 400),
    /* H12 */
    BAD("no colon", "GET / HTTP/1.1\r\n" HOST "Nothing\r\n\r\n", 400),
    BAD("empty name", "GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n", 400),
    BAD("space in name", "GET / HTTP/1.1\r\n" HOST "A B: x\r\n\r\n", 400),
    BAD("space after name", "GET / HTTP/1.1\r\n" HOST "A : x\r\n\r\n", 400),
    BAD("85 in name", "GET / HTTP/1.1\r\n" HOST "A\x85: x\r\n\r\n", 400),
    BAD("ef in name", "GET / HTTP/1.1\r\n" HOST "A\xef: x\r\n\r\n", 400),
    BAD("space first", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    /* H13 */
    BAD("no version", "GET /\r\n" HOST "\r\n", 0),
    BAD("2.0", "GET / HTTP/2.0\r\n" HOST "\r\n", 505),
    BAD("large version", "GET / HTTP/4294967297.1\r\n" HOST "\r\n", 0),
    BAD("1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", 505),
    BAD("1.10", "GET / HTTP/1.10\r\n" HOST "\r\n", 0),
    BAD("lower", "GET / http/1.1\r\n" HOST "\r\n", 0),
    BAD("rtsp", "GET / RTSP/1.0\r\n" HOST "\r\n", 0),
    BAD("rtsp method", "DESCRIBE / RTSP/1.0\r\n" HOST "\r\n", 0),
    BAD("ice", "SOURCE / ICE/1.0\r\n" HOST "\r\n", 0),
    BAD("0.9 said", "GET / HTTP/0.9\r\n" HOST "\r\n", 505),
    BAD("0.9", "GET /\r\n", 0),
    BAD("preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0),
    BAD("tls hello", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 400),
    BAD("proxy line", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 0),
    BAD("two spaces", "GET  / HTTP/1.1\r\n" HOST "\r\n", 400),
    BAD("two spaces behind", "GET /  HTTP/1.1\r\n" HOST "\r\n", 400),
    BAD("tab", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400),
    BAD("space at the end", "GET / HTTP/1.1 \r\n" HOST "\r\n", 0),
    BAD("unknown method", "GETT / HTTP/1.1\r\n" HOST "\r\n", 400),
    BAD("lower method", "get / HTTP/1.1\r\n" HOST "\r\n", 400),
    /* H14 */
    BAD("target space", "GET /a b HTTP/1.1\r\n" HOST "\r\n", 0),
    BAD("target nul", "GET /a\0b HTTP/1.1\r\n" HOST "\r\n", 400),
    BAD("target cr", "GET /a\rb HTTP/1.1\r\n" HOST "\r\n", 400),
    BAD("target ff", "GET /a\xff HTTP/1.1\r\n" HOST "\r\n", 400),
    BAD("target del", "GET /a\x7f HTTP/1.1\r\n" HOST "\r\n", 400),
    BAD("target fragment", "GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400),
    BAD("absolute", "GET http://b/ HTTP/1.1\r\n" HOST "\r\n", 400),
    BAD("gopher", "GET gopher://b/ HTTP/1.1\r\n" HOST "\r\n", 400),
    BAD("no slash", "GET a HTTP/1.1\r\n" HOST "\r\n", 400),
    BAD("star get", "GET * HTTP/1.1\r\n" HOST "\r\n", 400),
    BAD("connect", "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 405),
    BAD("trace", "TRACE / HTTP/1.1\r\n" HOST "\r\n", 405),
    /* H15 */
    BAD("host none", "GET / HTTP/1.1\r\nA: b\r\n\r\n", 400),
    BAD("host two", "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400),
    BAD("host two in 1.0", "GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400),
    BAD("host empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    BAD("host space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    BAD("host slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    BAD("host nul", "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 400),
    BAD("host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
    BAD("host comma", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400),
    BAD("host user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    BAD("host port", "GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n", 400),
    BAD("host bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
    BAD("host only port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400),
    /* A01 */
    BAD("two keys",
        "GET / HTTP/1.1\r\n" HOST "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
        400),
    /* H17: what nobody here can meet */
    BAD("expect other", POST "Expect: 200-ok\r\nContent-Length: 2\r\n\r\nhi" SECOND, 417),
    BAD("expect more", POST "Expect: 100-continue, foo\r\nContent-Length: 2\r\n\r\nhi" SECOND, 417),
    BAD("expect first", POST "Expect: foo,100-continue\r\nContent-Length: 2\r\n\r\nhi" SECOND, 417),
    BAD("expect line",
        POST "Expect: foo\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi" SECOND, 417),
    BAD("expect parameter", POST "Expect: 100-continue;a=b\r\nContent-Length: 2\r\n\r\nhi" SECOND,
        417),
    BAD("expect nearly", POST "Expect: 100-continued\r\nContent-Length: 2\r\n\r\nhi" SECOND, 417),
    BAD("expect no body", "GET / HTTP/1.1\r\n" HOST "Expect: foo\r\n\r\n" SECOND, 417),
    BAD("expect in 1.0", "POST / HTTP/1.0\r\nExpect: foo\r\nContent-Length: 2\r\n\r\nhi", 417),
    BAD("expect and framing",
        POST "Expect: foo\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400),
};

static const struct bad good[] = {
    BAD("plain", "GET / HTTP/1.1\r\n" HOST "\r\n", 200),
    BAD("empty line first", "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 200),
    BAD("port", "GET / HTTP/1.1\r\nHost: a.b-c:8080\r\n\r\n", 200),
    BAD("port empty", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", 200),
    BAD("v6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200),
    BAD("escapes", "GET /%00/%zz/../../admin/%2e%2e HTTP/1.1\r\n" HOST "\r\n", 200),
    BAD("star", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 200),
    BAD("no colon space", "GET / HTTP/1.1\r\nHost:a\r\nX:\r\nY: \t\r\n\r\n", 200),
    BAD("te case", POST "Transfer-Encoding: CHUNKED\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200),
    BAD("te spaces", POST "Transfer-Encoding: \t chunked  \r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200),
    BAD("trailers",
        POST "Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\nAuthorization: Bearer "
             "x\r\nHost: b\r\n\r\n",
        200),
    BAD("cl zeros", POST "Content-Length: 002\r\n\r\nhi", 200),
    BAD("obs-text", "GET / HTTP/1.1\r\n" HOST "X: \xe4\xff\r\n\r\n", 200),
    BAD("upgrade h2c",
        "GET / HTTP/1.1\r\n" HOST
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAA\r\n\r\n",
        200),
    BAD("expect nothing", "GET / HTTP/1.1\r\n" HOST "Expect:\r\nExpect: , \r\n\r\n", 200),
    BAD("expect in vain", "GET / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n", 200),
    BAD("websocket", "GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        200),
    BAD("upgrade post", POST "Upgrade: foo\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nhi",
        200),
    BAD("upgrade chunked",
        POST "Upgrade: foo\r\nConnection: Upgrade\r\nTransfer-Encoding: "
             "chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        200),
};

static void one_refused(struct app *app, const struct bad *b, bool bytewise)
{
    struct raw r = raw_open(app);
    size_t ran = app->ran;
    int status;

    for (size_t i = 0; bytewise && i < b->n && !r.ended; i++) {
        raw_send(app, &r, (struct sl_str){b->text + i, 1});
        raw_turn(app, &r);
    }
    if (!bytewise)
        raw_send(app, &r, (struct sl_str){b->text, b->n});
    if (!raw_until(app, &r, NULL, 0, 3000))
        fail_msg("%s: not closed; got '%.*s'", b->name, SL_STR_ARGS(raw_str(&r)));
    status = raw_status(raw_str(&r));
    if (raw_count(&r, "HTTP/1.1 ") != 1 || (b->status != 0 && status != b->status) ||
        status < 400 || raw_count(&r, "connection: close\r\n") != 1 || app->ran != ran)
        fail_msg("%s: ran %zu, got '%.*s'", b->name, app->ran - ran, SL_STR_ARGS(raw_str(&r)));
    raw_close(&r);
}

static void test_refused(void **state)
{
    struct app app = {.ran = 0};

    (void)state;
    app_start(&app);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        one_refused(&app, &table[i], false);
        one_refused(&app, &table[i], true);
        raw_good(&app);
    }
    assert_int_equal(app.faults, sl_server_count(app.server).faults);
    app_stop(&app);
}

static void test_accepted(void **state)
{
    struct app app = {.ran = 0};

    (void)state;
    app_start(&app);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct raw r = raw_open(&app);

        raw_send(&app, &r, (struct sl_str){good[i].text, good[i].n});
        if (!raw_until(&app, &r, "x-app: yes\r\n", 1, 2000))
            fail_msg("%s: '%.*s'", good[i].name, SL_STR_ARGS(raw_str(&r)));
        assert_int_equal(raw_status(raw_str(&r)), good[i].status);
        /* and the connection lives on */
        raw_send(&app, &r, SL_STR(SECOND));
        if (!raw_until(&app, &r, "\r\n\r\nhi", good[i].text[0] == 'P' ? 2 : 1, 2000))
            fail_msg("%s, second: '%.*s'", good[i].name, SL_STR_ARGS(raw_str(&r)));
        assert_int_equal(raw_count(&r, " 101 "), 0);
        raw_close(&r);
    }
    app_stop(&app);
}

/* H21: cut at each of its bytes in two. */
static void test_split(void **state)
{
    static const char text[] =
        POST "X-Long: 0123456789\r\nContent-Length: 12\r\n\r\nhello, world"
             "POST /second HTTP/1.1\r\n" HOST
             "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: r\r\n\r\n";
    struct app app = {.ran = 0};

    (void)state;
    app_start(&app);
    for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
        struct raw r = raw_open(&app);

        raw_send(&app, &r, (struct sl_str){text, cut});
        for (int i = 0; i < 3; i++)
            raw_turn(&app, &r);
        raw_send(&app, &r, (struct sl_str){text + cut, sizeof(text) - 1 - cut});
        assert_true(raw_until(&app, &r, "\r\n\r\nabcde", 1, 2000));
        assert_int_equal(raw_count(&r, "HTTP/1.1 200 OK\r\n"), 2);
        assert_int_equal(raw_count(&r, "\r\n\r\nhello, world"), 1);
        raw_close(&r);
    }
    app_stop(&app);
}

/* H09, H19: sizes at and over the limits. */
static void sized(struct app *app, size_t target, size_t value, size_t lines, int status)
{
    size_t cap = target + value + lines * 8 + 256;
    char *text = malloc(cap);
    struct sl_text t = sl_text_over(text, cap);
    struct raw r = raw_open(app);

    sl_text_add(&t, SL_STR("GET /"));
    for (size_t i = 0; i < target; i++)
        sl_text_byte(&t, 'a');
    sl_text_add(&t, SL_STR(" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: "));
    for (size_t i = 0; i < value; i++)
        sl_text_byte(&t, 'a');
    for (size_t i = 0; i < lines; i++)
        sl_text_add(&t, SL_STR("\r\nA: b"));
    sl_text_add(&t, SL_STR("\r\n\r\n"));
    raw_send(app, &r, sl_text_str(&t));
    assert_true(raw_until(app, &r, NULL, 0, 3000));
    assert_int_equal(raw_status(raw_str(&r)), status);
    assert_false(r.reset);
    raw_close(&r);
    free(text);
}

static void test_sizes(void **state)
{
    struct app app = {.ran = 0};

    (void)state;
    app_start(&app);
    sized(&app, 8000, 7000, 0, 200);
    sized(&app, 16383, 0, 0, 200);
    sized(&app, 16384, 0, 0, 414);
    sized(&app, 100000, 0, 0, 414);
    sized(&app, 0, 65536, 0, 431);
    sized(&app, 0, 32000, 0, 200);
    sized(&app, 0, 32768, 0, 431);
    sized(&app, 0, 0, 125, 200);
    sized(&app, 0, 0, 126, 431);
    sized(&app, 0, 0, 500, 431);
    app_stop(&app);
}

static int chunky(struct app *app, size_t chunks, size_t extension, size_t trailers)
{
    struct raw r = raw_open(app);
    char line[70000];
    int status;

    raw_send(app, &r,
             SL_STR("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n"));
    memset(line, 'x', sizeof(line));
    memcpy(line, "1;", 2);
    memcpy(line + 2 + extension, "\r\na\r\n", 5);
    if (extension == 0)
        memcpy(line, "1\r\na\r\n", 6);
    for (size_t i = 0; i < chunks && !r.ended; i++)
        raw_send(app, &r, (struct sl_str){line, extension == 0 ? 6 : extension + 7});
    raw_send(app, &r, SL_STR("0\r\n"));
    for (size_t i = 0; i < trailers && !r.ended; i++)
        raw_send(app, &r, SL_STR("A: b\r\n"));
    raw_send(app, &r, SL_STR("\r\n"));
    assert_true(raw_until(app, &r, NULL, 0, 3000));
    status = raw_status(raw_str(&r));
    raw_close(&r);
    return status;
}

static void test_chunk_overhead(void **state)
{
    struct app app = {.ran = 0};

    (void)state;
    app_start(&app);
    assert_int_equal(chunky(&app, 1000, 1024, 0), 400);
    assert_int_equal(chunky(&app, 1, 65536, 0), 400);
    assert_int_equal(chunky(&app, 1, 1, 10000), 400);
    assert_int_equal(chunky(&app, 20000, 0, 0), 200);
    assert_int_equal(chunky(&app, 100, 100, 100), 200);
    assert_int_equal(chunky(&app, 70000, 0, 0), 413);
    app_stop(&app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_split),          cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_chunk_overhead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
