/* timeout: 120
 *
 * Connections to a provider: used again, made ready, waited for, expired, and
 * lost at the worst moment. */
#include "peers/_http.h"

static struct world w;
static struct job jobs[40];

static int setup(void **state)
{
    (void)state;
    w = (struct world){.finished = 0};
    memset(jobs, 0, sizeof(jobs));
    world_start(&w);
    w.p.script = SCRIPT(BYTES(OK_TEXT));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_stop(&w);
    return 0;
}

static void configure(struct sl_origin_conf conf)
{
    conf.name = w.conf.name;
    conf.host = w.conf.host;
    conf.port = w.conf.port;
    w.conf = conf;
    sl_origin_reconfigure(w.o, &conf);
}

static struct sl_origin_counts count(void)
{
    return sl_origin_count(w.o);
}

static void test_reuse(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        job_start(&w, &jobs[0]);
        assert_true(job_wait(&w, &jobs[0], 2000));
        job_is_ok(&jobs[0]);
        assert_int_equal(sl_call_about(jobs[0].call).reused, i > 0);
        sl_call_end(&jobs[0].call);
    }
    assert_int_equal(count().dialled, 1);
    assert_int_equal(count().reused, 4);
    assert_int_equal(count().idle, 1);
}

/* U05: closed by the provider just as it is used again. */
static void test_closed_as_used(void **state)
{
    struct script s = {BYTES(OK_TEXT), .answers = 1, .after = RST};

    (void)state;
    for (int i = 0; i < 2; i++) {
        s.after = i == 0 ? FIN : RST;
        s.answers = 2; /* the second request is read, then the end */
        w.p.script = s;
        job_run(&w, &jobs[0]);
        job_is_ok(&jobs[0]);
        /* the connection's script changes under it: nothing comes any more */
        w.p.conns[w.p.n - 1]->s = SCRIPT(.bytes = "", .n = 0, .then = s.after);
        w.p.script = SCRIPT(BYTES(OK_TEXT));
        job_start(&w, &jobs[0]);
        assert_true(job_wait(&w, &jobs[0], 2000));
        job_is_ok(&jobs[0]);
        assert_int_equal(sl_call_about(jobs[0].call).resent, 1);
        assert_false(sl_call_about(jobs[0].call).reused);
        sl_call_end(&jobs[0].call);
        /* the fresh one closes too: that is told */
        w.p.conns[w.p.n - 1]->s = SCRIPT(.bytes = "", .n = 0, .then = s.after);
        w.p.script = SCRIPT(.bytes = "", .n = 0, .then = s.after);
        job_start(&w, &jobs[0]);
        assert_true(job_wait(&w, &jobs[0], 2000));
        assert_true(jobs[0].failed);
        assert_int_equal(sl_call_about(jobs[0].call).resent, 1);
        sl_call_end(&jobs[0].call);
    }
    /* one byte of an answer, and there is no second try */
    w.p.script = SCRIPT(BYTES(OK_TEXT));
    job_run(&w, &jobs[0]);
    w.p.conns[w.p.n - 1]->s = SCRIPT(BYTES("H"), .then = FIN);
    job_start(&w, &jobs[0]);
    assert_true(job_wait(&w, &jobs[0], 2000));
    assert_int_equal(jobs[0].why, SL_ERR_UP_CLOSED);
    assert_int_equal(sl_call_about(jobs[0].call).resent, 0);
    sl_call_end(&jobs[0].call);
}

/* Closed while idle shows at once; whoever had the request longer may have worked
 * on it. */
static void test_closed_late(void **state)
{
    static const struct {
        unsigned wait_ms;
        enum then how;
        unsigned resent;
        enum sl_err why;
    } cases[] = {{300, FIN, 1, SL_OK},
                 {300, RST, 1, SL_OK},
                 {1200, FIN, 0, SL_ERR_UP_CLOSED},
                 {1200, RST, 0, SL_ERR_UP_RESET}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t before;

        job_good(&w, 1);
        before = w.p.requests;
        w.p.conns[w.p.n - 1]->s =
            SCRIPT(.bytes = "", .n = 0, .then = cases[i].how, .wait_ms = cases[i].wait_ms);
        job_start(&w, &jobs[0]);
        assert_true(job_wait(&w, &jobs[0], 3000));
        assert_int_equal(jobs[0].why, cases[i].why);
        assert_int_equal(jobs[0].done, cases[i].why == SL_OK);
        assert_int_equal(sl_call_about(jobs[0].call).resent, cases[i].resent);
        assert_int_equal(w.p.requests - before, 1 + cases[i].resent);
        sl_call_end(&jobs[0].call);
    }
}

static void test_resend_at_the_limit(void **state)
{
    struct sl_origin_conf conf = w.conf;

    (void)state;
    conf.max_connections = 1;
    configure(conf);
    job_run(&w, &jobs[0]);
    w.p.conns[0]->s = SCRIPT(.bytes = "", .n = 0, .then = FIN);
    job_run(&w, &jobs[0]);
    job_is_ok(&jobs[0]);
    assert_int_equal(count().dialled, 2);
    assert_int_equal(count().open, 1);
}

static void test_idle_end(void **state)
{
    (void)state;
    w.p.script = SCRIPT(BYTES(OK_TEXT), .late = "HTTP/1.1 408 Request Timeout\r\n\r\n");
    job_run(&w, &jobs[0]);
    assert_int_equal(count().idle, 1);
    turns_ms(&w, 80); /* readable while idle: closed */
    assert_int_equal(count().open, 0);
    w.p.script = SCRIPT(BYTES(OK_TEXT));
    job_run(&w, &jobs[0]);
    prov_close(w.p.conns[w.p.n - 1], FIN);
    turns_ms(&w, 20);
    assert_int_equal(count().open, 0);
}

static void test_expiry(void **state)
{
    struct sl_origin_conf conf = w.conf;

    (void)state;
    conf.keepalive_expiry_ms = 50;
    configure(conf);
    job_run(&w, &jobs[0]);
    assert_int_equal(count().idle, 1);
    turns_ms(&w, 150);
    assert_int_equal(count().open, 0);
    assert_int_equal(prov_open(&w.p), 0);
}

/* The timer of its first rest finds it at work, and then at rest again. */
static void test_expiry_after_use(void **state)
{
    struct sl_origin_conf conf = w.conf;
    struct script slow = {BYTES(OK_TEXT), .drip_ms = 3};

    (void)state;
    conf.keepalive_expiry_ms = 50;
    configure(conf);
    job_run(&w, &jobs[0]);
    turns_ms(&w, 10);
    job_run(&w, &jobs[0]);
    assert_int_equal(count().idle, 1);
    turns_ms(&w, 150);
    assert_int_equal(count().open, 0);
    w.p.script = slow;
    job_run(&w, &jobs[0]);
    job_run(&w, &jobs[0]);
    assert_int_equal(count().idle, 1);
    turns_ms(&w, 150);
    assert_int_equal(count().open, 0);
}

static void start_many(size_t n)
{
    for (size_t i = 0; i < n; i++)
        job_start(&w, &jobs[i]);
}

static void end_many(size_t n)
{
    for (size_t i = 0; i < n; i++)
        sl_call_end(&jobs[i].call);
}

/* First come, first served, and never more connections than allowed. */
static void test_queue(void **state)
{
    struct sl_origin_conf conf = w.conf;
    struct script slow = {BYTES(OK_TEXT), .drip_ms = 1};

    (void)state;
    conf.max_connections = 1;
    conf.queue_max = 4;
    conf.queue_wait_ms = 5000;
    configure(conf);
    w.p.script = slow;
    start_many(7);
    assert_int_equal(count().open, 1);
    for (size_t i = 0; i < 7; i++) {
        assert_true(job_wait(&w, &jobs[i], 5000));
        assert_true(count().open <= 1);
    }
    for (size_t i = 0; i < 5; i++) {
        job_is_ok(&jobs[i]);
        assert_int_equal(jobs[i].order, i + 3); /* the refused ones were told first */
        if (i > 0)
            assert_true(sl_call_about(jobs[i].call).queued_ms > 20);
    }
    assert_int_equal(jobs[5].why, SL_ERR_QUEUE_FULL);
    assert_int_equal(jobs[6].why, SL_ERR_QUEUE_FULL);
    end_many(7);
    assert_int_equal(count().dialled, 1);
}

static void test_queue_slow(void **state)
{
    struct sl_origin_conf conf = w.conf;

    (void)state;
    conf.max_connections = 1;
    conf.queue_wait_ms = 60;
    configure(conf);
    w.p.script = SCRIPT(BYTES(OK_TEXT), .drip_ms = 20);
    start_many(3);
    for (size_t i = 0; i < 3; i++)
        assert_true(job_wait(&w, &jobs[i], 5000));
    job_is_ok(&jobs[0]);
    assert_int_equal(jobs[1].why, SL_ERR_QUEUE_SLOW);
    assert_int_equal(jobs[2].why, SL_ERR_QUEUE_SLOW);
    end_many(3);
}

/* A caller that leaves the queue makes no hole in it. */
static void test_leave_queue(void **state)
{
    struct sl_origin_conf conf = w.conf;

    (void)state;
    conf.max_connections = 1;
    configure(conf);
    w.p.script = SCRIPT(BYTES(OK_TEXT), .drip_ms = 1);
    start_many(3);
    sl_call_end(&jobs[1].call);
    assert_true(job_wait(&w, &jobs[2], 5000));
    job_is_ok(&jobs[2]);
    assert_false(jobs[1].done || jobs[1].failed);
    end_many(3);
    assert_int_equal(count().queued, 0);
}

static void test_keepalive_limit(void **state)
{
    struct sl_origin_conf conf = w.conf;

    (void)state;
    conf.max_keepalive = 2;
    configure(conf);
    start_many(6);
    for (size_t i = 0; i < 6; i++)
        assert_true(job_wait(&w, &jobs[i], 2000));
    end_many(6);
    turns_ms(&w, 10);
    assert_int_equal(count().idle, 2);
    assert_int_equal(count().open, 2);
    conf.max_keepalive = 0;
    configure(conf);
    assert_int_equal(count().open, 0);
    job_run(&w, &jobs[0]);
    job_is_ok(&jobs[0]);
    assert_int_equal(count().open, 0);
}

static void test_warm(void **state)
{
    struct sl_origin_conf conf = w.conf;

    (void)state;
    conf.warm = 2;
    configure(conf);
    turns_ms(&w, 20);
    assert_int_equal(count().open, 0); /* nobody asked yet */
    job_run(&w, &jobs[0]);
    turns_ms(&w, 20);
    assert_int_equal(count().idle, 3);
    start_many(3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(job_wait(&w, &jobs[i], 2000));
        assert_int_equal(sl_call_about(jobs[i].call).connect_ms, 0);
        assert_true(sl_call_about(jobs[i].call).reused);
    }
    end_many(3);
}

/* Before any request, and once: a provider that is down is not dialled in a circle. */
static void test_warmed_ahead(void **state)
{
    struct sl_origin_conf conf = w.conf;

    (void)state;
    conf.warm = 2;
    configure(conf);
    assert_false(sl_origin_is_warming(w.o));
    sl_origin_warm(w.o);
    assert_true(sl_origin_is_warming(w.o));
    for (int i = 0; i < 500 && sl_origin_is_warming(w.o); i++)
        turns_ms(&w, 10);
    assert_false(sl_origin_is_warming(w.o));
    assert_int_equal(count().idle, 2);
    sl_origin_warm(w.o);
    assert_int_equal(count().dialled, 2);
    start_many(1);
    assert_true(job_wait(&w, &jobs[0], 5000));
    assert_true(sl_call_about(jobs[0].call).reused);
    end_many(1);
}

/* A request that comes meanwhile takes what is being made. */
static void test_warmed_for_somebody(void **state)
{
    struct sl_origin_conf conf = w.conf;

    (void)state;
    conf.warm = 1;
    configure(conf);
    sl_origin_warm(w.o);
    start_many(1);
    assert_true(job_wait(&w, &jobs[0], 5000));
    assert_false(sl_origin_is_warming(w.o));
    end_many(1);
}

static void test_warmed_in_vain(void **state)
{
    struct sl_origin_conf conf = w.conf;

    (void)state;
    close(w.p.fd);
    w.p.fd = -1;
    conf.warm = 2;
    configure(conf);
    sl_origin_warm(w.o);
    for (int i = 0; i < 500 && sl_origin_is_warming(w.o); i++)
        turns_ms(&w, 10);
    assert_false(sl_origin_is_warming(w.o));
    assert_int_equal(count().open, 0);
    assert_int_equal(count().dialled, 2);
}

static void test_refused(void **state)
{
    (void)state;
    close(w.p.fd);
    w.p.fd = -1;
    start_many(3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(job_wait(&w, &jobs[i], 5000));
        assert_int_equal(jobs[i].why, SL_ERR_CONNECT);
    }
    end_many(3);
    assert_int_equal(count().open, 0);
}

/* U06: silence and drips end when the caller says so, at once. */
static void test_cancel(void **state)
{
    static const char *const texts[] = {
        "", "HTTP/1.1 200 OK\r\nx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
        "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nzzzzzzzzzzzzz"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct script s = {.bytes = texts[i], .n = strlen(texts[i]), .drip_ms = 5};

        if (i == 0)
            s.drip_ms = 100000;
        w.p.script = s;
        job_start(&w, &jobs[0]);
        turns_ms(&w, 60);
        assert_false(jobs[0].done || jobs[0].failed);
        assert_true(jobs[0].sent);
        sl_call_end(&jobs[0].call);
        assert_int_equal(count().open, 0);
        turns_ms(&w, 20);
        assert_int_equal(prov_open(&w.p), 0);
    }
    /* from inside an event */
    w.p.script = SCRIPT(BYTES(OK_TEXT));
    jobs[0].end_at_head = true;
    job_start(&w, &jobs[0]);
    turns_ms(&w, 30);
    assert_int_equal(jobs[0].status, 200);
    assert_null(jobs[0].call);
    assert_int_equal(jobs[0].n, 0);
    assert_int_equal(count().open, 0);
    /* before anything happened */
    jobs[0].end_at_head = false;
    job_start(&w, &jobs[0]);
    sl_call_end(&jobs[0].call);
    turns_ms(&w, 10);
    assert_false(jobs[0].sent);
}

/* That it has left is told in the next turn; who ends the call in this one may ask. */
static void test_left_and_not_told(void **state)
{
    (void)state;
    job_start(&w, &jobs[0]);
    assert_false(sl_call_about(jobs[0].call).sent); /* it has no connection yet */
    assert_true(job_wait(&w, &jobs[0], 2000));
    sl_call_end(&jobs[0].call);
    job_start(&w, &jobs[0]);
    for (int i = 0; i < 20 && !sl_call_about(jobs[0].call).sent; i++)
        sl_net_turn(w.net, 1); /* the provider does not read it yet */
    assert_true(sl_call_about(jobs[0].call).sent);
    assert_false(jobs[0].sent);
    sl_net_turn(w.net, 1);
    assert_true(jobs[0].sent);
    assert_true(job_wait(&w, &jobs[0], 2000));
    job_is_ok(&jobs[0]);
    sl_call_end(&jobs[0].call);
}

static char large[16 << 20];

static void start_large(struct job *j, struct sl_str *parts, size_t n, uint64_t stall_ms)
{
    static char head[100];
    struct sl_call_req req = {.parts = parts, .n = 2, .stall_ms = stall_ms};

    memset(large, 'l', n);
    large[n - 1] = '!';
    (void)snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nhost: p\r\ncontent-length: %zu\r\n\r\n",
                   n);
    parts[0] = sl_str_of(head);
    parts[1] = (struct sl_str){large, n};
    *j = (struct job){.status = 0};
    j->call = sl_call_start(w.o, &req, &job_ops, j);
}

static void test_large_body(void **state)
{
    struct sl_str parts[2];

    (void)state;
    start_large(&jobs[0], parts, sizeof(large), 0);
    assert_true(job_wait(&w, &jobs[0], 20000));
    job_is_ok(&jobs[0]);
    assert_true(jobs[0].sent);
    assert_int_equal(w.p.conns[0]->total, sizeof(large) + parts[0].n);
    sl_call_end(&jobs[0].call);
    assert_int_equal(count().idle, 1);
}

/* A provider that stops reading is given up after that time, at the start or in
 * the middle, also when it has said that it will go on. */
static void test_reads_no_more(void **state)
{
    static const size_t enough[] = {1, 1 << 20};
    struct sl_str parts[2];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint64_t began = now_ms();

        w.p.script = SCRIPT(BYTES(OK_TEXT), .enough = enough[i % 2]);
        if (i == 2)
            w.p.script = SCRIPT(BYTES("HTTP/1.1 100 Continue\r\n\r\n"), .early = true, .enough = 1);
        start_large(&jobs[0], parts, 6 << 20, 400);
        assert_true(job_wait(&w, &jobs[0], 5000));
        assert_int_equal(jobs[0].why, SL_ERR_UP_STALLED);
        assert_false(jobs[0].sent);
        assert_in_range(now_ms() - began, 400, 3500);
        sl_call_end(&jobs[0].call);
        assert_int_equal(count().open, 0);
    }
    job_good(&w, 1);
}

/* One that reads slowly is not, however long it takes; nor one that thinks long
 * once it has everything, nor one whose answer comes before. */
static void test_reads_slowly(void **state)
{
    char answer[300];
    int n = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\n");
    uint64_t began = now_ms();
    struct sl_str parts[2];

    (void)state;
    w.p.script = SCRIPT(BYTES(OK_TEXT), .sip = 4096);
    start_large(&jobs[0], parts, 6 << 20, 400);
    assert_true(job_wait(&w, &jobs[0], 30000));
    job_is_ok(&jobs[0]);
    assert_true(now_ms() - began > 1000);
    sl_call_end(&jobs[0].call);
    w.p.conns[0]->s = SCRIPT(BYTES(OK_TEXT), .wait_ms = 1000);
    start_large(&jobs[0], parts, 6 << 20, 400);
    assert_true(job_wait(&w, &jobs[0], 10000));
    job_is_ok(&jobs[0]);
    assert_true(sl_call_about(jobs[0].call).reused);
    sl_call_end(&jobs[0].call);
    memset(answer + n, 'a', 200);
    sl_origin_drop(&w.o); /* a connection that has answered is not believed so early */
    w.o = sl_origin_new(w.net, &w.conf);
    w.p.script = SCRIPT(.bytes = answer, .n = (size_t)n + 200, .early = true, .drip_ms = 8);
    start_large(&jobs[0], parts, 6 << 20, 800);
    assert_true(job_wait(&w, &jobs[0], 10000));
    assert_true(jobs[0].done);
    sl_call_end(&jobs[0].call);
}

/* The answer comes while the body still goes out: told, and not used again. */
static void test_early_answer(void **state)
{
    struct sl_str parts[2];

    (void)state;
    w.p.script = SCRIPT(BYTES("HTTP/1.1 413 No\r\ncontent-length: 2\r\n\r\nok"), .early = true,
                        .drip_ms = 1);
    start_large(&jobs[0], parts, sizeof(large), 0);
    for (int i = 0; i < 20; i++)
        sl_net_turn(w.net, 1); /* its buffers fill up */
    assert_false(jobs[0].sent);
    assert_true(job_wait(&w, &jobs[0], 20000));
    assert_true(jobs[0].done);
    assert_int_equal(jobs[0].status, 413);
    sl_call_end(&jobs[0].call);
    assert_false(jobs[0].sent);
    assert_int_equal(count().open, 0);
    job_good(&w, 1);
}

#define LIE_TEXT "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nlie"

/* On a connection that has answered another call, what comes before all of the request has
 * left may belong to that one. */
static void test_early_answer_of_another(void **state)
{
    struct sl_str parts[2];

    (void)state;
    job_good(&w, 1);
    w.p.conns[0]->s = SCRIPT(BYTES(LIE_TEXT), .early = true);
    start_large(&jobs[0], parts, 6 << 20, 0);
    assert_true(job_wait(&w, &jobs[0], 20000));
    job_is_ok(&jobs[0]);
    assert_int_equal(sl_call_about(jobs[0].call).resent, 1);
    assert_int_equal(w.p.conns[1]->total, (6 << 20) + parts[0].n);
    sl_call_end(&jobs[0].call);
    assert_int_equal(count().dialled, 2);
}

static void start_another(void)
{
    if (jobs[1].call == NULL)
        job_start(&w, &jobs[1]);
}

/* An answer, and a stray one on an idle connection, in one poll: a call that begins meanwhile
 * does not get that connection. */
static void test_stray_in_the_same_poll(void **state)
{
    struct prov_conn *busy = NULL, *idle = NULL;
    char request[200];

    (void)state;
    start_many(2);
    assert_true(job_wait(&w, &jobs[0], 2000) && job_wait(&w, &jobs[1], 2000));
    end_many(2);
    assert_int_equal(count().idle, 2);
    jobs[1] = (struct job){.status = 0};
    job_start(&w, &jobs[0]);
    jobs[0].at_body = start_another;
    for (int i = 0; i < 20 && busy == NULL; i++) {
        sl_net_turn(w.net, 1);
        for (size_t k = 0; k < 2; k++)
            if (recv(w.p.conns[k]->fd, request, sizeof request, 0) > 0) {
                busy = w.p.conns[k];
                idle = w.p.conns[1 - k];
            }
    }
    assert_non_null(busy);
    assert_int_equal(send(busy->fd, OK_TEXT, sizeof OK_TEXT - 1, MSG_NOSIGNAL), sizeof OK_TEXT - 1);
    assert_int_equal(send(idle->fd, LIE_TEXT, sizeof LIE_TEXT - 1, MSG_NOSIGNAL),
                     sizeof LIE_TEXT - 1);
    sl_net_turn(w.net, 1);
    assert_true(jobs[0].done && jobs[1].call != NULL); /* it began */
    assert_true(job_wait(&w, &jobs[1], 2000));
    job_is_ok(&jobs[1]);
    assert_int_equal(sl_call_about(jobs[1].call).resent, 0);
    assert_int_equal(count().dialled, 3);
    end_many(2);
}

static void lie(void)
{
    (void)!send(w.p.conns[0]->fd, LIE_TEXT, sizeof(LIE_TEXT) - 1, MSG_NOSIGNAL);
}

/* Behind an answer's end, later than the read that brought it: whoever waits for the
 * connection does not get it. */
static void test_more_than_an_answer(void **state)
{
    struct sl_origin_conf conf = w.conf;

    (void)state;
    conf.max_connections = 1;
    configure(conf);
    job_start(&w, &jobs[0]);
    job_start(&w, &jobs[1]);
    jobs[0].at_body = lie;
    for (int i = 0; i < 2; i++) {
        assert_true(job_wait(&w, &jobs[i], 5000));
        job_is_ok(&jobs[i]);
        sl_call_end(&jobs[i].call);
    }
    assert_int_equal(count().dialled, 2);
}

/* Reading switched off stops the provider, not the world. */
static void test_pressure(void **state)
{
    static char text[(4 << 20) + 64];
    int n = snprintf(text, 64, "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n", 4 << 20);
    struct script s = {.bytes = text, .n = (size_t)n + (4u << 20)};
    size_t before;

    (void)state;
    memset(text + n, 'p', 4u << 20);
    w.p.script = s;
    job_start(&w, &jobs[0]);
    while (jobs[0].status == 0)
        turn(&w);
    sl_call_want(jobs[0].call, false);
    turns_ms(&w, 20);
    before = jobs[0].bytes;
    turns_ms(&w, 50);
    assert_int_equal(jobs[0].bytes, before);
    assert_true(before < 1u << 20);
    sl_call_want(jobs[0].call, true);
    assert_true(job_wait(&w, &jobs[0], 5000));
    assert_true(jobs[0].done);
    assert_int_equal(jobs[0].bytes, 4u << 20);
    sl_call_end(&jobs[0].call);
    /* switched off before there is a connection */
    s.bytes = OK_TEXT;
    s.n = sizeof(OK_TEXT) - 1;
    w.p.script = s;
    sl_origin_drop(&w.o);
    w.o = sl_origin_new(w.net, &w.conf);
    job_start(&w, &jobs[0]);
    sl_call_want(jobs[0].call, false);
    turns_ms(&w, 40);
    assert_int_equal(jobs[0].status, 0);
    sl_call_want(jobs[0].call, true);
    assert_true(job_wait(&w, &jobs[0], 2000));
    job_is_ok(&jobs[0]);
    sl_call_end(&jobs[0].call);
}

/* The configuration lets go of a provider while a call runs and another waits. */
static void test_drop(void **state)
{
    struct sl_origin_conf conf = w.conf;
    struct sl_origin *second = sl_origin_share(w.o);

    (void)state;
    conf.max_connections = 1;
    configure(conf);
    w.p.script = SCRIPT(BYTES(OK_TEXT), .drip_ms = 1);
    start_many(2);
    turns_ms(&w, 5);
    sl_origin_drop(&w.o);
    sl_origin_drop(&second);
    for (size_t i = 0; i < 2; i++) {
        assert_true(job_wait(&w, &jobs[i], 3000));
        job_is_ok(&jobs[i]);
    }
    end_many(2);
}

/* A name in front of an answer that fails its dial, with others behind it. */
static void test_dial_fails_one_each(void **state)
{
    struct sl_origin_conf conf = w.conf;

    (void)state;
    conf.max_connections = 2;
    configure(conf);
    close(w.p.fd);
    w.p.fd = -1;
    start_many(5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(job_wait(&w, &jobs[i], 5000));
        assert_true(jobs[i].failed);
        assert_int_equal(jobs[i].order, i + 1);
    }
    end_many(5);
    assert_int_equal(count().dialled, 5);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_reuse),
        CASE(test_closed_as_used),
        CASE(test_closed_late),
        CASE(test_resend_at_the_limit),
        CASE(test_idle_end),
        CASE(test_expiry),
        CASE(test_expiry_after_use),
        CASE(test_queue),
        CASE(test_queue_slow),
        CASE(test_leave_queue),
        CASE(test_keepalive_limit),
        CASE(test_warmed_ahead),
        CASE(test_warmed_for_somebody),
        CASE(test_warmed_in_vain),
        CASE(test_warm),
        CASE(test_refused),
        CASE(test_cancel),
        CASE(test_left_and_not_told),
        CASE(test_large_body),
        CASE(test_reads_no_more),
        CASE(test_reads_slowly),
        CASE(test_early_answer),
        CASE(test_early_answer_of_another),
        CASE(test_stray_in_the_same_poll),
        CASE(test_more_than_an_answer),
        CASE(test_pressure),
        CASE(test_drop),
        CASE(test_dial_fails_one_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
