/* Names, addresses, limits: every way a connection comes about, or does not. */
/* timeout: 60 */
#include "net/dial.c" /* the cache is looked into */

#include "_net.h"

static void set_addr(struct sockaddr_storage *out, const char *text)
{
    memset(out, 0, sizeof *out);
    if (uv_ip4_addr(text, 0, (struct sockaddr_in *)out) != 0)
        assert_int_equal(uv_ip6_addr(text, 0, (struct sockaddr_in6 *)out), 0);
}

/* A listener whose backlog is full swallows SYNs: the black hole of loopback. */
struct hole {
    int fd;
    int filler[8];
    uint16_t port;
};

static void hole_open(struct hole *h)
{
    struct sockaddr_in a = {.sin_family = AF_INET};

    h->fd = raw_listen(&h->port, 0);
    a.sin_port = htons(h->port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 8; i++) {
        h->filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(h->filler[i], (struct sockaddr *)&a, sizeof a);
    }
    usleep(20000);
}

static void hole_close(struct hole *h)
{
    for (int i = 0; i < 8; i++)
        close(h->filler[i]);
    close(h->fd);
}

static void refused(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];
    uint16_t port;
    int l = raw_listen(&port, 1);

    (void)state;
    close(l);
    house_open(&h, NULL, NULL, 0);
    dial(c, "127.0.0.1", port, NULL, 2000);
    UNTIL(h.net, c->ends == 1);
    assert_int_equal(c->opens, 0);
    assert_int_equal(c->why, SL_ERR_CONNECT);
    assert_non_null(strstr(c->reason, "127.0.0.1"));
    assert_non_null(strstr(c->reason, "refused"));
    house_close(&h);
}

static void black_hole(void **state)
{
    struct house h;
    struct hole hole;
    struct peer *c = &h.peers[63];
    uint64_t from;

    (void)state;
    hole_open(&hole);
    house_open(&h, NULL, NULL, 0);
    from = clock_ms();
    dial(c, "127.0.0.1", hole.port, NULL, 300);
    UNTIL(h.net, c->ends == 1);
    assert_int_equal(c->why, SL_ERR_CONNECT_SLOW);
    assert_in_range(clock_ms() - from, 290, 1500);
    house_close(&h);
    hole_close(&hole);
}

static void close_while_connecting(void **state)
{
    struct house h;
    struct hole hole;
    struct peer *c = &h.peers[63];

    (void)state;
    hole_open(&hole);
    house_open(&h, NULL, NULL, 0);
    for (int turns = 0; turns < 6; turns++) {
        dial(c, "127.0.0.1", hole.port, NULL, 2000);
        TURNS(h.net, turns);
        sl_stream_close(&c->s);
        TURNS(h.net, 3);
    }
    dial(c, "localhost", hole.port, NULL, 2000); /* and while resolving */
    sl_stream_close(&c->s);
    UNTIL(h.net, sl_net_count(h.net).ops == 0);
    assert_int_equal(c->opens + c->ends, 0);
    house_close(&h);
    hole_close(&hole);
}

static void reset_and_finish_while_connecting(void **state)
{
    struct house h;
    struct hole hole;
    struct peer *c = &h.peers[63];

    (void)state;
    hole_open(&hole);
    house_open(&h, NULL, NULL, 0);
    dial(c, "127.0.0.1", hole.port, NULL, 2000);
    TURNS(h.net, 2);
    sl_stream_reset(&c->s);
    dial(c, "127.0.0.1", hole.port, NULL, 2000);
    TURNS(h.net, 2);
    say(c, "never to be sent");
    sl_stream_finish(&c->s, 5000);
    UNTIL(h.net, sl_net_count(h.net).streams == 0);
    house_close(&h);
    hole_close(&hole);
}

static void dead_name(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63], *d = &h.peers[62];

    (void)state;
    house_open(&h, NULL, NULL, 0);
    dial(c, "no-such-host.invalid", 80, NULL, 4000);
    dial(d, "no-such-host.invalid", 80, NULL, 4000); /* joins the same look-up */
    assert_int_equal(sl_net_count(h.net).streams, 2);
    UNTIL(h.net, c->ends == 1 && d->ends == 1);
    assert_true(c->why == SL_ERR_DNS || c->why == SL_ERR_CONNECT_SLOW);
    assert_non_null(strstr(c->reason, "no-such-host.invalid"));
    sl_stream_close(&c->s);
    peer_init(c, h.net);
    if (d->why == SL_ERR_DNS) { /* believed for a second: no new look-up */
        dial(c, "no-such-host.invalid", 80, NULL, 4000);
        TURNS(h.net, 3);
        assert_int_equal(c->ends, 1);
        assert_int_equal(c->why, SL_ERR_DNS);
    }
    house_close(&h);
}

static void long_name(void **state)
{
    char name[400];
    struct house h;
    struct peer *c = &h.peers[63];

    (void)state;
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = 0;
    house_open(&h, NULL, NULL, 0);
    dial(c, name, 80, NULL, 1000);
    UNTIL(h.net, c->ends == 1);
    assert_int_equal(c->why, SL_ERR_DNS);
    house_close(&h);
}

static void no_answer(void *ctx, enum sl_err e, const struct sl_addrs *a, const char *why)
{
    (void)a;
    (void)why;
    *(enum sl_err *)ctx = e;
}

/* Looks "localhost" up and exchanges what was found. */
static struct sl_name *know(struct house *h, const char *a, const char *b)
{
    enum sl_err e = SL_ERR__COUNT;
    struct sl_op *op = NULL;
    struct sl_name *name;

    sl_resolve_start(h->net, SL_STR("localhost"), 80, 60000, &op, no_answer, &e);
    UNTIL(h->net, e != SL_ERR__COUNT);
    assert_int_equal(e, SL_OK);
    assert_null(op);
    name = find(h->net, SL_STR("localhost"));
    assert_non_null(name);
    set_addr(&name->addrs.v[0], a);
    set_addr(&name->addrs.v[1], b);
    name->addrs.n = 2;
    return name;
}

/* An expired answer: used though the resolver fails, or says nothing. */
static void expired_answer(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];
    struct sl_name *name;

    (void)state;
    house_open(&h, "127.0.0.1:0", NULL, 10);
    name = know(&h, "127.0.0.1", "127.0.0.1");
    HASH_DEL(h.net->names, name); /* the same under a name that is dead */
    memcpy(name->text, "x.invalid", 10);
    name->len = 9;
    HASH_ADD_KEYPTR(hh, h.net->names, name->text, name->len, name);
    name->good_until = 1;
    dial(c, "x.invalid", sl_listen_port(h.listener), NULL, 3000);
    UNTIL(h.net, c->opens == 1);
    sl_stream_close(&c->s);
    UNTIL(h.net, !name->asking);
    name->bad_until = 0;
    name->asking = true; /* a look-up that never comes back */
    peer_init(c, h.net);
    dial(c, "x.invalid", sl_listen_port(h.listener), NULL, 3000);
    assert_false(sl_list_is_empty(&name->waiters));
    UNTIL(h.net, c->opens == 1);
    sl_stream_close(&c->s);
    peer_init(c, h.net);
    dial(c, "x.invalid", sl_listen_port(h.listener), NULL, 3000);
    assert_true(sl_list_is_empty(&name->waiters)); /* that it is silent is known by now */
    UNTIL(h.net, c->opens == 1);
    name->asking = false;
    house_close(&h);
}

/* The first address refuses, the second one answers; from then on it is first. */
static void second_address(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];

    (void)state;
    house_open(&h, "127.0.0.1:0", NULL, 10);
    know(&h, "::1", "127.0.0.1");
    dial(c, "localhost", sl_listen_port(h.listener), NULL, 2000);
    UNTIL(h.net, c->opens == 1);
    assert_string_equal(c->reason, "");
    assert_int_equal(c->ends, 0);
    assert_true(sl_str_eq(sl_stream_peer(c->s), SL_STR("127.0.0.1")));
    house_close(&h);
}

static void all_addresses_refuse(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];
    uint16_t port;
    int l = raw_listen(&port, 1);

    (void)state;
    close(l);
    house_open(&h, NULL, NULL, 0);
    know(&h, "::1", "127.0.0.1");
    dial(c, "localhost", port, NULL, 2000);
    UNTIL(h.net, c->ends == 1);
    assert_int_equal(c->why, SL_ERR_CONNECT);
    house_close(&h);
}

/* An address that swallows everything takes its part of the time only. */
static void hole_then_answer(void **state)
{
    struct house h;
    struct hole hole;
    struct peer *c = &h.peers[63];
    char addr[32];

    (void)state;
    hole_open(&hole);
    (void)snprintf(addr, sizeof addr, "127.0.0.2:%u", hole.port);
    house_open(&h, addr, NULL, 10);
    know(&h, "127.0.0.1", "127.0.0.2");
    dial(c, "localhost", hole.port, NULL, 2000);
    UNTIL(h.net, c->opens == 1);
    assert_true(sl_str_eq(sl_stream_peer(c->s), SL_STR("127.0.0.2")));
    sl_stream_close(&c->s);
    peer_init(c, h.net);
    dial(c, "localhost", hole.port, NULL, 200); /* the good one is tried first now */
    UNTIL(h.net, c->opens == 1 || c->ends == 1);
    assert_int_equal(c->opens, 1);
    house_close(&h);
    hole_close(&hole);
}

static void ipv6(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    (void)state;
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        skip(); /* a machine without IPv6 */
    }
    close(fd);
    house_open(&h, "[::1]:0", NULL, 10);
    dial(c, "::1", sl_listen_port(h.listener), NULL, 1000);
    UNTIL(h.net, c->opens == 1 && h.n == 1);
    assert_true(sl_str_eq(sl_stream_peer(h.peers[0].s), SL_STR("::1")));
    house_close(&h);
}

static void unix_socket(void **state)
{
    char dir[] = "/tmp/net_test_XXXXXX", addr[64];
    struct house h, second;
    struct peer *c = &h.peers[63];
    char why[256];
    struct sl_listener *l = NULL;

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(addr, sizeof addr, "unix:%s/s", dir);
    house_open(&h, addr, NULL, 10);
    assert_int_equal(sl_listen_port(h.listener), 0);
    h.peers[0].echo = true;
    dial(c, addr + 5, 0, NULL, 1000);
    UNTIL(h.net, c->opens == 1 && h.n == 1);
    sl_stream_want(c->s, true);
    say(c, "hello");
    UNTIL(h.net, c->got == 5);
    assert_true(sl_str_eq(sl_stream_peer(h.peers[0].s), SL_STR("unix")));
    /* a living socket is not taken from its owner */
    assert_int_not_equal(
        sl_listen_start(h.net, sl_str_of(addr), NULL, 1, on_accept, &second, &l, why, sizeof why),
        SL_OK);
    assert_null(l);
    sl_stream_reset(&c->s); /* no such thing here: an ordinary close */
    house_close(&h);
    assert_int_not_equal(access(addr + 5, F_OK), 0);
    rmdir(dir);
}

static void stale_unix_socket(void **state)
{
    char dir[] = "/tmp/net_test_XXXXXX", addr[64];
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct house h;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(addr, sizeof addr, "unix:%s/s", dir);
    memcpy(a.sun_path, addr + 5, strlen(addr + 5));
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    close(fd); /* its file stays */
    house_open(&h, addr, NULL, 10);
    house_close(&h);
    rmdir(dir);
}

static void no_unix_socket(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];

    (void)state;
    house_open(&h, NULL, NULL, 0);
    dial(c, "/nowhere/at/all", 0, NULL, 1000);
    UNTIL(h.net, c->ends == 1);
    assert_int_equal(c->why, SL_ERR_CONNECT);
    assert_non_null(strstr(c->reason, "/nowhere/at/all"));
    house_close(&h);
}

static void bad_listen_addresses(void **state)
{
    static const char *const bad[] = {"",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      ":80",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1",
                                      "nowhere.invalid:80",
                                      "unix:",
                                      "[::1:80",
                                      "1.2.3.4.5:80",
                                      "127.0.0.1:8x"};
    struct house h;
    struct sl_listener *l;
    char why[256];

    (void)state;
    house_open(&h, NULL, NULL, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        why[0] = 0;
        assert_int_not_equal(
            sl_listen_start(h.net, sl_str_of(bad[i]), NULL, 1, on_accept, &h, &l, why, sizeof why),
            SL_OK);
        assert_null(l);
        assert_true(why[0] != 0);
    }
    house_close(&h);
}

/* The cache keeps its size: the longest unused name goes, one that is being
 * asked for never does. */
static void many_names(void **state)
{
    struct house h;
    struct sl_name *asked, *first;
    char name[64];

    (void)state;
    house_open(&h, NULL, NULL, 0);
    asked = name_of(h.net, SL_STR("asked.invalid"));
    asked->asking = true;
    first = name_of(h.net, SL_STR("first.invalid"));
    for (int i = 0; i < SL_DIAL_NAMES + 100; i++) {
        (void)snprintf(name, sizeof name, "host-%d.invalid", i);
        assert_non_null(name_of(h.net, sl_str_of(name)));
        assert_true(h.net->names_n <= SL_DIAL_NAMES);
        if (i < SL_DIAL_NAMES)
            assert_ptr_equal(name_of(h.net, SL_STR("first.invalid")), first);
    }
    assert_ptr_equal(find(h.net, SL_STR("asked.invalid")), asked);
    assert_null(find(h.net, SL_STR("host-1.invalid")));
    for (struct sl_name *n = h.net->names; n != NULL; n = n->hh.next)
        n->asking = true;
    assert_null(name_of(h.net, SL_STR("one-more.invalid")));
    for (struct sl_name *n = h.net->names; n != NULL; n = n->hh.next)
        n->asking = false;
    house_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(black_hole),
        cmocka_unit_test(close_while_connecting),
        cmocka_unit_test(reset_and_finish_while_connecting),
        cmocka_unit_test(dead_name),
        cmocka_unit_test(long_name),
        cmocka_unit_test(expired_answer),
        cmocka_unit_test(second_address),
        cmocka_unit_test(all_addresses_refuse),
        cmocka_unit_test(hole_then_answer),
        cmocka_unit_test(ipv6),
        cmocka_unit_test(unix_socket),
        cmocka_unit_test(stale_unix_socket),
        cmocka_unit_test(no_unix_socket),
        cmocka_unit_test(bad_listen_addresses),
        cmocka_unit_test(many_names),
    };

    alarm(55);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
