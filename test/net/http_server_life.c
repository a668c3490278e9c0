/* timeout: 300
 *
 * A client connection from its first byte to its last: pipelining, expect,
 * early answers, time limits, readers that stall, and what an idle one costs. */
#include "http/server.h"
#include "net/_http.h"

#include <malloc.h>

/* Of the sanitizers' allocator, where that is in place: it tells mallinfo2() nothing. */
#pragma weak __sanitizer_install_malloc_and_free_hooks
#pragma weak __sanitizer_get_allocated_size
int __sanitizer_install_malloc_and_free_hooks(void (*taken)(const volatile void *, size_t),
                                              void (*freed)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *p);

#define ECHO(body, n) "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " n "\r\n\r\n" body

static struct app app;

static int setup(void **state)
{
    (void)state;
    app = (struct app){.ran = 0};
    app_start(&app);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    app_stop(&app);
    return 0;
}

static void turns(int n)
{
    while (n-- > 0)
        sl_net_turn(app.net, 1);
}

/* H16 */
static void test_pipeline(void **state)
{
    struct raw r = raw_open(&app);
    char text[32 * 128];
    struct sl_text t = sl_text_over(text, sizeof(text));
    struct sl_str rest;

    (void)state;
    for (unsigned i = 0; i < 32; i++) /* every third answers only later */
        sl_text_printf(&t, "POST /%s HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n<%02u>",
                       i % 3 == 2 ? "later" : "echo", i);
    raw_send(&app, &r, sl_text_str(&t));
    assert_true(raw_until(&app, &r, "<31>", 1, 5000));
    assert_int_equal(raw_count(&r, "HTTP/1.1 200 OK\r\n"), 32);
    rest = raw_str(&r);
    for (unsigned i = 0; i < 32; i++) {
        char mark[16];
        ptrdiff_t at;

        snprintf(mark, sizeof(mark), "<%02u>", i);
        at = sl_str_find(rest, sl_str_of(mark));
        assert_true(at >= 0); /* in order */
        rest = sl_str_from(rest, (size_t)at);
    }
    raw_close(&r);
}

static void test_garbage_behind(void **state)
{
    static const char *const paths[] = {"echo", "later"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct raw r = raw_open(&app);
        char text[256];

        snprintf(
            text, sizeof(text),
            "POST /%s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\x01\x02garbage\r\n\r\n",
            paths[i]);
        raw_send(&app, &r, sl_str_of(text));
        assert_true(raw_until(&app, &r, NULL, 0, 2000));
        assert_int_equal(raw_status(raw_str(&r)), 200);
        assert_int_equal(raw_count(&r, "\r\n\r\nhi"), 1);
        assert_int_equal(raw_count(&r, "HTTP/1.1 400 Bad Request\r\n"), 1);
        assert_false(r.reset);
        raw_close(&r);
    }
}

static void test_behind_close(void **state)
{
    struct raw r = raw_open(&app);

    (void)state;
    raw_send(&app, &r,
             SL_STR("POST /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                    "Content-Length: 2\r\n\r\nhi" ECHO("no", "2")));
    assert_true(raw_until(&app, &r, NULL, 0, 2000));
    assert_int_equal(raw_count(&r, "HTTP/1.1 "), 1);
    assert_int_equal(raw_count(&r, "connection: close\r\n"), 1);
    assert_int_equal(app.ran, 1);
    raw_close(&r);
}

/* Bytes behind a request beyond the window: its answer, and then the end. */
static void test_beyond_window(void **state)
{
    struct raw r = raw_open(&app);
    static char much[200000];

    (void)state;
    memset(much, 'G', sizeof(much));
    raw_send(&app, &r, SL_STR("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"));
    raw_send(&app, &r, (struct sl_str){much, sizeof(much)});
    assert_true(raw_until(&app, &r, NULL, 0, 3000));
    assert_int_equal(raw_count(&r, "HTTP/1.1 "), 1);
    assert_int_equal(raw_count(&r, "\r\n\r\nhi"), 1);
    raw_close(&r);
}

/* H17 */
static void test_expect(void **state)
{
    struct raw r = raw_open(&app);

    (void)state;
    raw_send(&app, &r,
             SL_STR("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                    "Content-Length: 2\r\n\r\n"));
    assert_true(raw_until(&app, &r, "HTTP/1.1 100 Continue\r\n\r\n", 1, 1000));
    raw_send(&app, &r, SL_STR("hi"));
    assert_true(raw_until(&app, &r, "\r\n\r\nhi", 1, 1000));
    assert_int_equal(raw_count(&r, "HTTP/1.1 "), 2);
    raw_close(&r);

    r = raw_open(&app);
    raw_send(&app, &r,
             SL_STR("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                    "Content-Length: 10737418240\r\n\r\n"));
    assert_true(raw_until(&app, &r, NULL, 0, 2000));
    assert_int_equal(raw_status(raw_str(&r)), 413);
    assert_int_equal(raw_count(&r, " 100 "), 0);
    raw_close(&r);

    r = raw_open(&app);
    raw_send(&app, &r,
             SL_STR("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"));
    assert_true(raw_until(&app, &r, NULL, 0, 2000));
    assert_int_equal(raw_status(raw_str(&r)), 200);
    assert_int_equal(raw_count(&r, " 100 "), 0);
    raw_close(&r);

    for (size_t i = 0; i < 3; i++) { /* a list, in any letter case, of one kind */
        static const char *const same[] = {"100-Continue", "100-continue, 100-CONTINUE",
                                           " ,100-continue,\r\nExpect: 100-continue"};
        char head[200];

        (void)snprintf(head, sizeof(head),
                       "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: %s\r\nContent-Length: 2\r\n\r\n",
                       same[i]);
        r = raw_open(&app);
        raw_send(&app, &r, sl_str_of(head));
        assert_true(raw_until(&app, &r, "HTTP/1.1 100 Continue\r\n\r\n", 1, 1000));
        raw_send(&app, &r, SL_STR("hi"));
        assert_true(raw_until(&app, &r, "\r\n\r\nhi", 1, 1000));
        raw_close(&r);
    }

    r = raw_open(&app); /* asked for late: also then */
    raw_send(&app, &r,
             SL_STR("POST /lazy HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                    "Content-Length: 2\r\n\r\n"));
    assert_true(raw_until(&app, &r, "HTTP/1.1 100 Continue\r\n\r\n", 1, 1000));
    raw_send(&app, &r, SL_STR("hi"));
    assert_true(raw_until(&app, &r, "\r\n\r\nhi", 1, 1000));
    raw_close(&r);
}

/* H20 and the early answer: seen whole by a client that keeps sending. */
static void test_early(void **state)
{
    static const char *const heads[] = {
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 201326592\r\n\r\n",
        "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 10737418240\r\n\r\n",
        "POST /early HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"};
    static char block[100000];

    (void)state;
    memset(block, '1', sizeof(block));
    for (size_t i = 0; i < 3; i++) {
        struct raw r = raw_open(&app);

        raw_send(&app, &r, sl_str_of(heads[i]));
        raw_send(&app, &r, (struct sl_str){block, sizeof(block)});
        assert_true(raw_until(&app, &r, "\r\n\r\n", 1, 2000));
        assert_int_equal(raw_status(raw_str(&r)), i == 0 ? 413 : 401);
        assert_int_equal(raw_count(&r, "connection: close\r\n"), 1);
        assert_true(raw_until(&app, &r, NULL, 0, 3000));
        raw_close(&r);
    }
    assert_int_equal(app.ran, 0);
}

static void test_chunked_too_big(void **state)
{
    struct raw r = raw_open(&app);
    char chunk[4096 + 8];

    (void)state;
    memset(chunk, 'x', sizeof(chunk));
    memcpy(chunk, "1000\r\n", 6);
    memcpy(chunk + 6 + 4096, "\r\n", 2);
    raw_send(&app, &r,
             SL_STR("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < 40; i++)
        raw_send(&app, &r, (struct sl_str){chunk, 4096 + 8});
    assert_true(raw_until(&app, &r, NULL, 0, 3000));
    assert_int_equal(raw_status(raw_str(&r)), 413);
    assert_int_equal(app.ran, 0);
    raw_close(&r);
}

/* Answers in each framing, to each kind of client. */
static void test_answers(void **state)
{
    struct raw r = raw_open(&app);
    ptrdiff_t at;

    (void)state;
    raw_send(&app, &r, SL_STR("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(raw_until(&app, &r, "\r\n0\r\n\r\n", 1, 1000));
    assert_int_equal(raw_count(&r, "transfer-encoding: chunked\r\n"), 1);
    assert_int_equal(raw_count(&r, "\r\n\r\n4\r\nabab\r\n28\r\nabab"), 1);
    r.n = 0;
    raw_send(&app, &r, SL_STR("GET /counted HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(raw_until(&app, &r, "\r\n\r\n1234512345", 1, 1000));
    assert_int_equal(raw_count(&r, "content-length: 10\r\n"), 1);
    assert_int_equal(raw_count(&r, "date: "), 1);
    r.n = 0;
    raw_send(&app, &r,
             SL_STR("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n"
                    "HEAD /counted HTTP/1.1\r\nHost: a\r\n\r\n"
                    "HEAD /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
                    "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n" ECHO("last", "4")));
    assert_true(raw_until(&app, &r, "\r\n\r\nlast", 1, 1000));
    assert_int_equal(raw_count(&r, "12345"), 0);
    assert_int_equal(raw_count(&r, "abab"), 0);
    assert_int_equal(raw_count(&r, "never"), 0);
    assert_int_equal(raw_count(&r, "HTTP/1.1 204 No Content\r\n"), 1);
    at = sl_str_find(raw_str(&r), SL_STR(" 204 "));
    at = sl_str_find(sl_str_from(raw_str(&r), (size_t)at), SL_STR("content-length"));
    assert_true(at > 100); /* none for the 204 itself */
    raw_close(&r);
}

static void test_old_clients(void **state)
{
    struct raw r = raw_open(&app);

    (void)state; /* S06 */
    raw_send(&app, &r, SL_STR("GET /stream HTTP/1.0\r\n\r\n"));
    assert_true(raw_until(&app, &r, NULL, 0, 2000));
    assert_int_equal(raw_count(&r, "chunked"), 0);
    assert_int_equal(raw_count(&r, "\r\n\r\nababab"), 1);
    assert_false(r.reset);
    raw_close(&r);

    r = raw_open(&app);
    raw_send(&app, &r, SL_STR("GET /echo HTTP/1.0\r\n\r\n"));
    assert_true(raw_until(&app, &r, NULL, 0, 2000));
    raw_close(&r);

    r = raw_open(&app);
    for (int i = 1; i <= 3; i++) {
        raw_send(&app, &r, SL_STR("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
        assert_true(raw_until(&app, &r, "connection: keep-alive\r\n", (size_t)i, 2000));
    }
    raw_close(&r);
}

/* What was cut must not look whole. */
static void test_cut(void **state)
{
    struct raw r = raw_open(&app);

    (void)state;
    raw_send(&app, &r, SL_STR("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(raw_until(&app, &r, NULL, 0, 2000));
    assert_int_equal(raw_count(&r, "5\r\n12345\r\n"), 1);
    assert_int_equal(raw_count(&r, "0\r\n\r\n"), 0);
    raw_close(&r);
    r = raw_open(&app);
    raw_send(&app, &r, SL_STR("GET /short HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(raw_until(&app, &r, NULL, 0, 2000));
    assert_int_equal(raw_count(&r, "content-length: 10\r\n"), 1);
    raw_close(&r);
    r = raw_open(&app);
    raw_send(&app, &r, SL_STR("GET /cut HTTP/1.0\r\nHost: a\r\n\r\n"));
    assert_true(raw_until(&app, &r, NULL, 0, 2000));
    assert_true(r.reset);
    raw_close(&r);
    r = raw_open(&app);
    raw_send(&app, &r, SL_STR("GET /drop HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(raw_until(&app, &r, NULL, 0, 2000));
    assert_int_equal(r.n, 0);
    raw_close(&r);
    r = raw_open(&app);
    raw_send(&app, &r, SL_STR("GET /leave HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(raw_until(&app, &r, NULL, 0, 2000));
    assert_int_equal(r.n, 0);
    raw_close(&r);
}

/* H22, S04: nothing runs on half a request; a client that leaves is noticed. */
static void test_ends(void **state)
{
    static const char *const halves[] = {
        "POST /echo HT", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"};

    (void)state;
    for (int i = 0; i < 99; i++) {
        struct raw r = raw_open(&app);

        raw_send(&app, &r, sl_str_of(halves[i % 3]));
        turns(i % 4);
        if (i % 2 == 0)
            raw_close(&r);
        else
            raw_reset(&r);
    }
    for (int i = 0; i < 300 && sl_server_count(app.server).connections > 0; i++)
        turns(1);
    assert_int_equal(sl_server_count(app.server).connections, 0);
    assert_int_equal(app.ran, 0);
    for (int i = 0; i < 30; i++) {
        struct raw r = raw_open(&app);
        size_t gone = app.gone;

        raw_send(&app, &r, SL_STR("POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"));
        turns(3);
        if (i % 3 == 0)
            shutdown(r.fd, SHUT_WR);
        else if (i % 3 == 1)
            raw_reset(&r);
        else
            raw_close(&r);
        for (int k = 0; k < 200 && app.gone == gone; k++)
            turns(1);
        assert_int_equal(app.gone, gone + 1);
        assert_int_equal(app.gone_why, SL_ERR_CLIENT_GONE);
        raw_close(&r);
    }
    raw_good(&app);
}

static void restart(struct sl_server_conf conf)
{
    app_stop(&app);
    app = (struct app){.conf = conf};
    app_start(&app);
}

static const struct sl_server_conf quick = {.connections = 100,
                                            .client_idle_ms = 400,
                                            .client_header_ms = 200,
                                            .client_body_ms = 200,
                                            .client_stall_ms = 300,
                                            .window = 16384,
                                            .arena_ceiling = 262144};

/* D01, D02: absolute limits, whatever drips in. */
static void drip(const char *start, const char *bit, int status)
{
    struct raw r = raw_open(&app);
    uint64_t begun = raw_now();

    raw_send(&app, &r, sl_str_of(start));
    while (!r.ended && raw_now() < begun + 3000) {
        uint64_t next = raw_now() + 20;

        raw_send(&app, &r, sl_str_of(bit));
        while (raw_now() < next)
            raw_turn(&app, &r);
    }
    assert_true(r.ended);
    assert_true(raw_now() - begun < 1500);
    assert_int_equal(raw_status(raw_str(&r)), status);
    raw_close(&r);
}

static void test_slow(void **state)
{
    (void)state;
    restart(quick);
    drip("GET / HTTP/1.1\r\nHost: a\r\n", "X: y\r\n", 408);
    drip("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", "x", 408);
    drip("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 408);
    drip("", "\r\n", 0); /* empty lines are nothing */
    drip("", "", 0);
    raw_good(&app);
    assert_int_equal(app.ran, 1);
}

static void test_idle_after_answer(void **state)
{
    struct raw r;
    uint64_t begun;

    (void)state;
    restart(quick);
    r = raw_open(&app);
    raw_send(&app, &r, SL_STR(ECHO("hi", "2")));
    assert_true(raw_until(&app, &r, "\r\n\r\nhi", 1, 1000));
    begun = raw_now();
    assert_true(raw_until(&app, &r, NULL, 0, 3000));
    assert_true(raw_now() - begun >= 350);
    assert_false(r.reset);
    raw_close(&r);
}

/* D03: a reader that stops costs a watermark, and is cut. */
static void test_stalled(void **state)
{
    struct raw r;
    uint64_t begun = raw_now();

    (void)state;
    restart(quick);
    r = raw_open(&app);
    raw_send(&app, &r, SL_STR("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n"));
    while (app.gone == 0 && raw_now() < begun + 4000) {
        turns(1);
        if (!sl_list_is_empty(&app.reqs)) {
            struct app_req *q = SL_CONTAINER(app.reqs.next, struct app_req, node);

            assert_true(sl_exch_queued(q->x) <= SL_STREAM_HIGH + 8192);
        }
    }
    assert_int_equal(app.gone, 1);
    assert_int_equal(app.gone_why, SL_ERR_CLIENT_STALLED);
    assert_true(raw_now() - begun < 3000);
    raw_close(&r);
    raw_good(&app);
}

/* A slow reader that does read is not cut, and gets every byte. */
static void test_slow_reader(void **state)
{
    struct raw r;
    size_t total = 0;
    uint64_t begun = raw_now();

    (void)state;
    restart(quick);
    r = raw_open(&app);
    raw_send(&app, &r, SL_STR("GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    while (!r.ended && raw_now() < begun + 10000) {
        char part[65536];
        uint64_t next = raw_now() + 20;
        ssize_t n = recv(r.fd, part, sizeof(part), 0);

        if (n > 0)
            total += (size_t)n;
        r.ended = n == 0 || (n < 0 && errno != EAGAIN);
        while (raw_now() < next)
            turns(1);
    }
    assert_true(total > 3u << 20);
    raw_close(&r);
}

static size_t taken_bytes;

static void on_taken(const volatile void *p, size_t n)
{
    taken_bytes += p != NULL ? n : 0;
}

static void on_freed(const volatile void *p)
{
    taken_bytes -= p != NULL ? __sanitizer_get_allocated_size(p) : 0;
}

/* Bytes on the heap; of what is there already only the changes count. */
static size_t heap(void)
{
    return __sanitizer_install_malloc_and_free_hooks != NULL ? taken_bytes : mallinfo2().uordblks;
}

/* D04: idle connections in KiB each, everything of ours counted. */
static void test_idle_memory(void **state)
{
    enum { N = 200 };
    struct sl_server_conf patient = quick;
    struct raw r[N];
    size_t before, each;

    (void)state;
    patient.connections = N;
    patient.client_idle_ms = 60000; /* the first must be there when the last has come */
    restart(patient);
    before = heap();
    for (int i = 0; i < N; i++) {
        r[i] = raw_open(&app);
        raw_send(&app, &r[i], SL_STR(ECHO("hi", "2")));
        assert_true(raw_until(&app, &r[i], "\r\n\r\nhi", 1, 1000));
        free(r[i].in);
        r[i].in = NULL;
    }
    turns(5);
    each = (heap() - before) / N;
    assert_int_equal(sl_server_count(app.server).idle, N);
    print_message("idle: %zu bytes a connection\n", each);
    assert_in_range(each, 200, 2048);
    for (int i = 0; i < N; i++)
        raw_close(&r[i]);
}

static void test_body_in_place(void **state)
{
    struct raw r = raw_open(&app);
    static char body[60000];

    (void)state;
    app.roomy = true;
    memset(body, 'r', sizeof(body));
    raw_send(&app, &r, SL_STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"));
    turns(3);
    raw_send(&app, &r, (struct sl_str){body, sizeof(body)});
    raw_send(&app, &r, SL_STR(ECHO("next", "4")));
    assert_true(raw_until(&app, &r, "\r\n\r\nnext", 1, 2000));
    assert_int_equal(raw_count(&r, "rrrr"), 60000 - 3);
    assert_true(app.in_place >= 30000);
    raw_close(&r);
}

/* A body that waits until it is asked for. */
static void test_lazy(void **state)
{
    struct raw r = raw_open(&app);
    static char body[60000];

    (void)state;
    memset(body, 'z', sizeof(body));
    raw_send(&app, &r, SL_STR("POST /lazy HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"));
    raw_send(&app, &r, (struct sl_str){body, sizeof(body)});
    raw_send(&app, &r, SL_STR(ECHO("next", "4")));
    assert_true(raw_until(&app, &r, "\r\n\r\nnext", 1, 2000));
    assert_int_equal(raw_count(&r, "zzzz"), 60000 - 3);
    raw_close(&r);
}

static void test_drain(void **state)
{
    struct raw a = raw_open(&app), b = raw_open(&app);

    (void)state;
    raw_send(&app, &a, SL_STR(ECHO("one", "3")));
    assert_true(raw_until(&app, &a, "\r\n\r\none", 1, 1000));
    raw_send(&app, &b, SL_STR("POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"));
    turns(3);
    sl_server_drain(app.server);
    raw_send(&app, &a, SL_STR(ECHO("two", "3"))); /* answered once more */
    assert_true(raw_until(&app, &a, NULL, 0, 2000));
    assert_int_equal(raw_count(&a, "connection: close\r\n"), 1);
    assert_int_equal(raw_count(&a, "\r\n\r\ntwo"), 1);
    raw_good(&app); /* accepting goes on */
    sl_server_stop_accepting(app.server);
    assert_int_equal(sl_server_port(app.server), 0);
    sl_server_end(&app.server);
    assert_int_equal(app.gone, 1);
    assert_int_equal(app.gone_why, SL_ERR_DRAINING);
    raw_close(&a);
    raw_close(&b);
    app_stop(&app);
    app = (struct app){.ran = 0};
    app_start(&app); /* for the teardown */
}

#define LIFE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(test_pipeline),
        LIFE(test_garbage_behind),
        LIFE(test_behind_close),
        LIFE(test_beyond_window),
        LIFE(test_expect),
        LIFE(test_early),
        LIFE(test_chunked_too_big),
        LIFE(test_answers),
        LIFE(test_old_clients),
        LIFE(test_cut),
        LIFE(test_ends),
        LIFE(test_slow),
        LIFE(test_idle_after_answer),
        LIFE(test_stalled),
        LIFE(test_slow_reader),
        LIFE(test_idle_memory),
        LIFE(test_body_in_place),
        LIFE(test_lazy),
        LIFE(test_drain),
    };

    if (__sanitizer_install_malloc_and_free_hooks != NULL)
        (void)__sanitizer_install_malloc_and_free_hooks(on_taken, on_freed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
