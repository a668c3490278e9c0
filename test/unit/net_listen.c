/* The time that a newcomer has for its TLS handshake, shortened here: however much
 * it says meanwhile, and not a moment longer for one that is through. */
#include "net/listen.c"
#include "net/_net.h"

#include <ftw.h>

#define LIMIT_MS 600

static char dir[] = "/tmp/net_listen_XXXXXX";
static struct sl_tls_profile *server, *client;

static int rm(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static int certs_make(void **state)
{
    char cert[64], key[64], ca[64], why[256] = "";
    struct sl_tls_client_conf conf = {.ca_file = ca, .server_name = "localhost", .verify = true};

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    (void)snprintf(key, sizeof key, "%s/key.pem", dir);
    (void)snprintf(ca, sizeof ca, "%s/ca.pem", dir);
    if (sl_tls_make_dev_certs(dir, "localhost,127.0.0.1", 0, why, sizeof why) != SL_OK ||
        sl_tls_server_profile(cert, key, &server, why, sizeof why) != SL_OK ||
        sl_tls_client_profile(&conf, &client, why, sizeof why) != SL_OK)
        fail_msg("%s", why);
    return 0;
}

static int certs_remove(void **state)
{
    (void)state;
    sl_tls_drop(&server);
    sl_tls_drop(&client);
    return nftw(dir, rm, 8, FTW_DEPTH | FTW_PHYS);
}

static void open_short(struct house *h, struct sl_tls_profile *tls)
{
    house_open(h, "127.0.0.1:0", tls, 8);
    assert_int_equal(h->listener->shake_ms, 60000);
    h->listener->shake_ms = LIMIT_MS;
}

/* The record's head, then its bytes: always more to come. */
static void drip(int fd, int n)
{
    static const char hello[] = {22, 3, 1, 64, 0};

    (void)!send(fd, n < 5 ? &hello[n] : "\1", 1, MSG_NOSIGNAL);
}

static void silent_or_dripping(void **state)
{
    (void)state;
    for (int drips = 0; drips < 2; drips++) {
        uint64_t from = clock_ms();
        struct house h;
        ssize_t n;
        char byte;
        int fd;

        open_short(&h, server);
        fd = raw_connect(sl_listen_port(h.listener));
        for (int i = 0; h.peers[0].ends == 0 && clock_ms() - from < WAIT_MS; i++) {
            sl_net_turn(h.net, 5);
            if (drips && i % 4 == 0)
                drip(fd, i / 4);
        }
        assert_in_range(clock_ms() - from, LIMIT_MS - 5, LIMIT_MS + 1000);
        assert_int_equal(h.peers[0].why, SL_ERR_CONNECT_SLOW);
        assert_int_equal(h.peers[0].opens, 0);
        assert_non_null(strstr(h.peers[0].reason, "handshake"));
        assert_int_equal(sl_listen_open(h.listener), 1); /* until its holder lets go */
        sl_stream_close(&h.peers[0].s);
        UNTIL(h.net, sl_listen_open(h.listener) == 0);
        n = recv(fd, &byte, 1, 0);
        assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
        close(fd);
        house_close(&h);
    }
}

static void through_in_time(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];
    uint64_t from;

    (void)state;
    open_short(&h, server);
    dial(c, "localhost", sl_listen_port(h.listener), client, 2000);
    UNTIL(h.net, c->opens == 1 && h.n == 1 && h.peers[0].opens == 1);
    from = clock_ms();
    while (clock_ms() - from < LIMIT_MS + 200)
        sl_net_turn(h.net, 20);
    say(c, "still here");
    UNTIL(h.net, h.peers[0].got == 10);
    assert_int_equal(h.peers[0].ends + c->ends, 0);
    house_close(&h);
}

/* Without TLS there is nothing to wait for. */
static void plain(void **state)
{
    struct house h;
    uint64_t from = clock_ms();
    int fd;

    (void)state;
    open_short(&h, NULL);
    fd = raw_connect(sl_listen_port(h.listener));
    while (clock_ms() - from < LIMIT_MS + 200)
        sl_net_turn(h.net, 20);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.peers[0].ends, 0);
    close(fd);
    house_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_or_dripping),
        cmocka_unit_test(through_in_time),
        cmocka_unit_test(plain),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, certs_make, certs_remove);
}
