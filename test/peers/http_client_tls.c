/* timeout: 60
 *
 * Calls over TLS: whole answers, connections used again, and the FIN without a
 * goodbye that must never pass for the end of an answer. Between client and
 * provider stands a relay that can cut. */
#include "http/client.h"
#include "http/server.h"
#include "net/tls.h"
#include "peers/_http.h"

#define HEAD_OF(path, version)                                                                     \
    "GET " path " HTTP/" version "\r\nhost: localhost\r\nconnection: keep-alive\r\n\r\n"

static struct sl_net *net;
static struct sl_server *server;
static struct sl_tls_profile *server_tls, *client_tls;
static struct sl_origin *origin;
static struct sl_exch *held; /* its answer stays unfinished */
static struct job jb;
static struct world w;
static char dir[] = "/tmp/sl_tls_XXXXXX";

/* ---- the provider: our own server ---- */

static void nothing(void *holder)
{
    (void)holder;
}

static void on_gone(void *holder, enum sl_err why)
{
    (void)holder;
    (void)why;
    sl_exch_end(&held);
}

static const struct sl_exch_ops exch_ops = {.whole = nothing, .gone = on_gone};

static void on_request(void *ctx, struct sl_exch *x)
{
    const struct sl_request_head *h = sl_exch_head(x);
    struct sl_str part = SL_STR("ok");

    (void)ctx;
    sl_exch_take(x, &exch_ops, NULL);
    if (sl_str_eq(h->path, SL_STR("/whole"))) {
        sl_exch_reply(x, 200, NULL, part);
        sl_exch_end(&x);
        return;
    }
    /* to a 1.0 client till close, to others chunked, or counted */
    (void)!sl_exch_start(x, 200, NULL, sl_str_eq(h->path, SL_STR("/counted")), 4);
    (void)sl_exch_write(x, &part, 1);
    if (sl_str_eq(h->path, SL_STR("/ends"))) {
        sl_exch_finish(x);
        sl_exch_end(&x);
    } else {
        held = x;
    }
}

static struct sl_str on_fault(void *ctx, struct sl_arena *a, struct sl_str path, enum sl_err why)
{
    (void)ctx;
    (void)a;
    (void)path;
    (void)why;
    return SL_STR("{}");
}

/* ---- the relay ---- */

struct relay {
    int listener, client, provider;
    size_t back; /* bytes that went to the client */
};

static struct relay relay;

static uint16_t listen_on(int *fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);

    *fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(*fd, 8), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&at, &n), 0);
    fcntl(*fd, F_SETFL, O_NONBLOCK);
    return ntohs(at.sin_port);
}

static void relay_cut(void)
{
    if (relay.client >= 0)
        close(relay.client);
    if (relay.provider >= 0)
        close(relay.provider);
    relay.client = relay.provider = -1;
}

static size_t shovel(int from, int to)
{
    char bytes[8192];
    ssize_t n = recv(from, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (n > 0)
        assert_int_equal(send(to, bytes, (size_t)n, MSG_NOSIGNAL), n);
    if (n == 0)
        shutdown(to, SHUT_WR);
    return n > 0 ? (size_t)n : 0;
}

static void relay_turn(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(sl_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = accept(relay.listener, NULL, NULL);

    if (fd >= 0) {
        relay_cut();
        relay.client = fd;
        relay.provider = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(relay.provider, (struct sockaddr *)&at, sizeof(at)), 0);
    }
    if (relay.client < 0)
        return;
    shovel(relay.client, relay.provider);
    relay.back += shovel(relay.provider, relay.client);
}

static void both(int n)
{
    while (n-- > 0) {
        sl_net_turn(net, 1);
        relay_turn();
    }
}

/* ---- the tests ---- */

/* A record that nobody has encrypted. */
static void relay_spoil(void)
{
    static const char record[5 + 32] = "\x17\x03\x03\x00\x20";

    assert_int_equal(send(relay.client, record, sizeof(record), MSG_NOSIGNAL), sizeof(record));
}

static bool explained;

/* `harm` comes when so many bytes of the answer's body have. */
static void run_until(const char *head, size_t n, void (*harm)(void))
{
    struct sl_str part = sl_str_of(head);
    struct sl_call_req req = {.parts = &part, .n = 1};

    jb = (struct job){.status = 0};
    jb.call = sl_call_start(origin, &req, &job_ops, &jb);
    for (int i = 0; i < 3000 && !jb.done && !jb.failed; i++) {
        if (harm != NULL && jb.n == n && relay.client >= 0) {
            harm();
            harm = NULL;
        }
        both(1);
    }
    assert_true(jb.done || jb.failed);
    explained = sl_call_about(jb.call).reason.n > 0;
    sl_call_end(&jb.call);
}

static void run(const char *head, void (*harm)(void))
{
    run_until(head, 2, harm);
}

static void test_whole(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        run(HEAD_OF("/whole", "1.1"), NULL);
        job_is_ok(&jb);
    }
    run(HEAD_OF("/ends", "1.1"), NULL);
    job_is_ok(&jb);
    assert_int_equal(sl_origin_count(origin).dialled, 1);
    run(HEAD_OF("/ends", "1.0"), NULL); /* its end is the provider's goodbye */
    job_is_ok(&jb);
    run(HEAD_OF("/whole", "1.1"), NULL);
    job_is_ok(&jb);
    assert_int_equal(sl_origin_count(origin).dialled, 2);
}

/* T05 */
static void test_cut(void **state)
{
    static const char *const heads[] = {HEAD_OF("/till", "1.0"), HEAD_OF("/chunks", "1.1"),
                                        HEAD_OF("/counted", "1.1")};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        run(heads[i], relay_cut);
        assert_int_equal(jb.status, 200);
        assert_int_equal(jb.n, 2);
        assert_true(jb.failed);
        assert_int_equal(jb.why, SL_ERR_TLS_CUT);
        both(20);
        assert_null(held); /* the provider's side saw it too */
    }
}

/* What TLS can't read is no end of an answer either, and it is said what it was. */
static void test_spoilt(void **state)
{
    static const char *const heads[] = {HEAD_OF("/till", "1.0"), HEAD_OF("/chunks", "1.1"),
                                        HEAD_OF("/counted", "1.1")};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        run(heads[i], relay_spoil);
        assert_int_equal(jb.status, 200);
        assert_true(jb.failed);
        assert_int_equal(jb.why, SL_ERR_TLS_BROKEN);
        assert_true(explained);
        relay_cut();
        both(20);
        assert_null(held);
    }
}

/* A connection that is spoilt as it is used again is replaced, and what was wrong with it is not
 * said of the next one. */
static void test_spoilt_at_rest(void **state)
{
    (void)state;
    run(HEAD_OF("/whole", "1.1"), NULL);
    run_until(HEAD_OF("/whole", "1.1"), 0, relay_spoil);
    job_is_ok(&jb);
    assert_false(explained);
    assert_int_equal(sl_origin_count(origin).open, 1);
}

static void test_refused(void **state)
{
    struct sl_origin_conf conf = {.name = SL_STR("test"),
                                  .host = SL_STR("127.0.0.2"), /* not in the certificate */
                                  .tls = client_tls,
                                  .max_connections = 1,
                                  .max_keepalive = 1,
                                  .keepalive_expiry_ms = 1000,
                                  .connect_ms = 2000,
                                  .queue_max = 1,
                                  .queue_wait_ms = 2000};
    struct sl_str part = SL_STR(HEAD_OF("/whole", "1.1"));
    struct sl_call_req req = {.parts = &part, .n = 1};
    struct sl_origin *o;
    uint64_t faults = sl_server_count(server).faults;
    int fd;
    struct sockaddr_in at = {.sin_family = AF_INET};

    (void)state;
    inet_pton(AF_INET, "127.0.0.2", &at.sin_addr);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
        close(fd);
        skip();
    }
    close(fd);
    close(relay.listener);
    relay.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(relay.listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(relay.listener, 8), 0);
    fcntl(relay.listener, F_SETFL, O_NONBLOCK);
    {
        socklen_t n = sizeof(at);

        assert_int_equal(getsockname(relay.listener, (struct sockaddr *)&at, &n), 0);
    }
    conf.port = ntohs(at.sin_port);
    o = sl_origin_new(net, &conf);
    jb = (struct job){.status = 0};
    jb.call = sl_call_start(o, &req, &job_ops, &jb);
    for (int i = 0; i < 3000 && !jb.failed; i++)
        both(1);
    assert_int_equal(jb.why, SL_ERR_TLS_VERIFY);
    assert_true(sl_call_about(jb.call).reason.n > 0);
    assert_false(jb.sent);
    sl_call_end(&jb.call);
    sl_origin_drop(&o);
    both(10);
    assert_int_equal(sl_server_count(server).faults, faults);
}

static int setup(void **state)
{
    struct sl_server_conf sc = {100, 5000, 5000, 5000, 5000, 16384, 65536};
    struct sl_server_hooks hooks = {on_request, on_fault, NULL};
    struct sl_tls_client_conf cc = {.verify = true};
    struct sl_origin_conf conf = {.name = SL_STR("test"),
                                  .host = SL_STR("127.0.0.1"),
                                  .max_connections = 4,
                                  .max_keepalive = 4,
                                  .keepalive_expiry_ms = 5000,
                                  .connect_ms = 5000,
                                  .queue_max = 4,
                                  .queue_wait_ms = 5000};
    char why[256], ca[64], cert[64], key[64];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    the = &w;
    assert_non_null(mkdtemp(dir));
    snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
    snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
    snprintf(key, sizeof(key), "%s/key.pem", dir);
    assert_int_equal(sl_tls_make_dev_certs(dir, "localhost,127.0.0.1", 0, why, sizeof(why)), SL_OK);
    assert_int_equal(sl_tls_server_profile(cert, key, &server_tls, why, sizeof(why)), SL_OK);
    cc.ca_file = ca;
    assert_int_equal(sl_tls_client_profile(&cc, &client_tls, why, sizeof(why)), SL_OK);
    net = sl_net_new();
    assert_int_equal(sl_server_start(net, SL_STR("127.0.0.1:0"), server_tls, &sc, &hooks, &server,
                                     why, sizeof(why)),
                     SL_OK);
    relay = (struct relay){.client = -1, .provider = -1};
    conf.port = listen_on(&relay.listener);
    conf.tls = client_tls;
    origin = sl_origin_new(net, &conf);
    return 0;
}

static int teardown(void **state)
{
    struct sl_net_counts n;
    char path[96];
    static const char *const names[] = {"ca.pem", "cert.pem", "key.pem"};

    (void)state;
    sl_origin_drop(&origin);
    sl_server_end(&server);
    relay_cut();
    close(relay.listener);
    for (int i = 0; i < 300; i++)
        sl_net_turn(net, 10);
    n = sl_net_count(net);
    assert_int_equal(n.streams + n.ops + n.timers + n.graves + n.listeners, 0);
    sl_net_end(&net);
    sl_tls_drop(&server_tls);
    sl_tls_drop(&client_tls);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole), cmocka_unit_test(test_cut), cmocka_unit_test(test_spoilt),
        cmocka_unit_test(test_spoilt_at_rest), cmocka_unit_test(test_refused)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
