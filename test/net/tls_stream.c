/* Streams under TLS: data both ways, pauses, cuts, resumption, stalls. */
/* timeout: 90 */
#include "_certs.h"

#include "net/inside.h"

static struct sl_tls_profile *client, *server;

static int profiles(void **state)
{
    if (certs_make(state) != 0)
        return -1;
    client = client_with("ca.pem", NULL, "localhost");
    server = server_with("good");
    return 0;
}

static int no_profiles(void **state)
{
    sl_tls_drop(&client);
    sl_tls_drop(&server);
    return certs_remove(state);
}

static void pair_open(struct house *h)
{
    house_open(h, "127.0.0.1:0", server, 100);
    dial(&h->peers[63], "127.0.0.1", sl_listen_port(h->listener), client, 3000);
    UNTIL(h->net, h->peers[63].opens == 1 && h->peers[0].opens == 1);
    sl_stream_want(h->peers[63].s, true);
}

static void echo(void **state)
{
    struct house h;
    char *text;

    (void)state;
    pair_open(&h);
    h.peers[0].echo = true;
    h.peers[63].keep = true;
    say(&h.peers[63], "one ");
    say(&h.peers[63], "two");
    UNTIL(h.net, h.peers[63].got == 7);
    text = peer_text(&h.peers[63]);
    assert_string_equal(text, "one two");
    sl_mem_free(text);
    assert_int_equal(sl_stream_sent(h.peers[63].s), 7);
    house_close(&h);
}

static void flood_one_way(struct house *h, struct peer *from, struct peer *to, size_t total)
{
    uint64_t sum = 0;

    from->flood = total;
    while (from->flood > 0) {
        peer_flood(from, total);
        assert_true(sl_stream_queued(from->s) <= 4 * SL_STREAM_HIGH + 200000);
        UNTIL(h->net, sl_stream_queued(from->s) <= SL_STREAM_LOW);
    }
    UNTIL(h->net, to->got == total);
    for (size_t i = 0; i < total; i++) {
        char byte = pattern_at(i);

        sum = sum_of(sum, &byte, 1);
    }
    assert_true(sum == to->sum);
    assert_int_equal(sl_stream_sent(from->s), total);
    UNTIL(h->net, sl_stream_way(from->s).left == 0);
    assert_true(sl_stream_way(from->s).taken > total); /* records have a price */
}

static void flood(void **state)
{
    struct house h;

    (void)state;
    pair_open(&h);
    flood_one_way(&h, &h.peers[63], &h.peers[0], 4u << 20);
    flood_one_way(&h, &h.peers[0], &h.peers[63], 3u << 20);
    house_close(&h);
}

/* A pause after every event, with more decrypted and undecrypted bytes behind:
 * all of it comes, and the last of it does not sleep in the machine. */
static void pauses(void **state)
{
    const size_t total = 1u << 20;
    struct house h;
    struct peer *c = &h.peers[63], *s = &h.peers[0];

    (void)state;
    pair_open(&h);
    s->want_off_in_data = true;
    c->flood = total;
    while (s->got < total) {
        size_t datas = s->datas;

        if (c->flood > 0 && sl_stream_queued(c->s) <= SL_STREAM_LOW)
            peer_flood(c, total);
        UNTIL(h.net, s->datas > datas);
        TURNS(h.net, 3);
        assert_int_equal(s->datas, datas + 1); /* nothing while it is off */
        sl_stream_want(s->s, true);
    }
    assert_int_equal(s->got, total);
    house_close(&h);
}

/* Many small records in one read are one event. */
static void records_are_gathered(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63], *s = &h.peers[0];

    (void)state;
    pair_open(&h);
    TURNS(h.net, 5);
    for (int i = 0; i < 50; i++) {
        say(c, "small record");
        sl_stream_push(c->s); /* each a record of its own */
    }
    UNTIL(h.net, s->got == 600);
    assert_true(s->datas <= 5);
    house_close(&h);
}

static void clean_end(void **state)
{
    struct house h;

    (void)state;
    pair_open(&h);
    say(&h.peers[0], "bye");
    sl_stream_finish(&h.peers[0].s, 1000);
    UNTIL(h.net, h.peers[63].ends == 1);
    assert_int_equal(h.peers[63].got, 3);
    assert_int_equal(h.peers[63].why, SL_OK);
    sl_stream_finish(&h.peers[63].s, 1000);
    UNTIL(h.net, sl_net_count(h.net).streams == 0);
    house_close(&h);
}

/* FIN without close_notify: whoever cut it may not have been the peer. */
static void cut(void **state)
{
    struct house h;

    (void)state;
    pair_open(&h);
    say(&h.peers[0], "half of an answ");
    TURNS(h.net, 5);
    sl_stream_close(&h.peers[0].s);
    UNTIL(h.net, h.peers[63].ends == 1);
    assert_int_equal(h.peers[63].got, 15);
    assert_int_equal(h.peers[63].why, SL_ERR_TLS_CUT);
    house_close(&h);
}

static void reset(void **state)
{
    struct house h;

    (void)state;
    pair_open(&h);
    sl_stream_reset(&h.peers[0].s);
    UNTIL(h.net, h.peers[63].ends == 1);
    assert_int_equal(h.peers[63].why, SL_ERR_UP_RESET);
    house_close(&h);
}

static bool resumes(struct house *h, const char *host, uint16_t port)
{
    struct peer *c = &h->peers[63];
    bool yes;

    peer_init(c, h->net);
    dial(c, host, port, client, 3000);
    UNTIL(h->net, c->opens == 1 || c->ends == 1);
    if (c->opens != 1)
        fail_msg("%s: %s", sl_err_name(c->why), c->reason);
    yes = sl_tls_is_resumed(c->s->tls);
    sl_stream_want(c->s, true);
    TURNS(h->net, 10); /* the tickets come */
    sl_stream_close(&c->s);
    return yes;
}

static void resumption(void **state)
{
    struct house h;
    uint16_t port;

    (void)state;
    sl_tls_drop(&client);
    client = client_with("ca.pem", NULL, "localhost");
    house_open(&h, "0.0.0.0:0", server, 100);
    port = sl_listen_port(h.listener);
    assert_false(resumes(&h, "127.0.0.1", port));
    assert_true(resumes(&h, "127.0.0.1", port));
    assert_true(resumes(&h, "127.0.0.1", port));
    assert_false(resumes(&h, "127.0.0.2", port)); /* another host: another session */
    assert_true(resumes(&h, "127.0.0.2", port));
    house_close(&h);
}

/* The same against another implementation, in both versions; a server that has
 * forgotten is greeted in full. */
static void resumption_elsewhere(void **state)
{
    static const char *const versions[] = {"-tls1_2", "-tls1_3", "-tls1_2 -no_ticket"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct house h;
        uint16_t port;
        pid_t pid = s_server(&port, "good", versions[i]);

        sl_tls_drop(&client);
        client = client_with("ca.pem", NULL, "localhost");
        house_open(&h, NULL, NULL, 0);
        assert_false(resumes(&h, "127.0.0.1", port));
        assert_true(resumes(&h, "127.0.0.1", port));
        s_server_end(pid);
        house_close(&h);
    }
}

/* A resumed connection to a server whose certificate is no longer believed is
 * never made: another profile has another store. */
static void sessions_are_the_profiles_own(void **state)
{
    struct sl_tls_profile *other = client_with("other.pem", NULL, "localhost");
    struct house h;
    struct peer *c = &h.peers[62];

    (void)state;
    house_open(&h, "127.0.0.1:0", server, 100);
    (void)resumes(&h, "127.0.0.1", sl_listen_port(h.listener));
    dial(c, "127.0.0.1", sl_listen_port(h.listener), other, 3000);
    UNTIL(h.net, c->ends == 1);
    assert_int_equal(c->why, SL_ERR_TLS_VERIFY);
    sl_tls_drop(&other);
    house_close(&h);
}

static void ciphers(void **state)
{
    static const char *const more[] = {"-ciphersuites TLS_CHACHA20_POLY1305_SHA256",
                                       "-ciphersuites TLS_AES_256_GCM_SHA384",
                                       "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256",
                                       "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305"};

    (void)state;
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        struct house h;
        uint16_t port;
        pid_t pid = s_server(&port, "good", more[i]);

        house_open(&h, NULL, NULL, 0);
        (void)resumes(&h, "127.0.0.1", port);
        s_server_end(pid);
        house_close(&h);
    }
}

/* A peer that takes the connection and says nothing, or too little too slowly. */
static void stalled_handshake(void **state)
{
    (void)state;
    for (int drips = 0; drips < 2; drips++) {
        static const char head[] = {22, 3, 3, 64, 0};
        struct house h;
        struct peer *c = &h.peers[63];
        uint64_t from = clock_ms();
        uint16_t port;
        int l = raw_listen(&port, 5), fd = -1, n = 0;

        house_open(&h, NULL, NULL, 0);
        dial(c, "127.0.0.1", port, client, 400);
        while (c->ends == 0 && clock_ms() - from < WAIT_MS) {
            if (fd < 0)
                fd = accept(l, NULL, NULL);
            else if (drips && write(fd, n < 5 ? &head[n] : "\2", 1) == 1)
                n++;
            sl_net_turn(h.net, 5);
            usleep(3000);
        }
        if (c->why != SL_ERR_CONNECT_SLOW)
            fail_msg("%s: %s after %d bytes", sl_err_name(c->why), c->reason, n);
        assert_in_range(clock_ms() - from, 390, 1500);
        assert_non_null(strstr(c->reason, "handshake"));
        close(fd);
        close(l);
        house_close(&h);
    }
}

static void garbage(void **state)
{
    static const char *const words[] = {"HTTP/1.1 400 Bad Request\r\n\r\n",
                                        "\x15\x03\x03\x00\x02\x02\x28",
                                        "\x16\x03\x03\xff\xff garbage", "SSH-2.0-x\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct house h;
        struct peer *c = &h.peers[63];
        uint16_t port;
        int l = raw_listen(&port, 5), fd = -1;

        house_open(&h, NULL, NULL, 0);
        dial(c, "127.0.0.1", port, client, 3000);
        UNTIL(h.net, (fd = accept(l, NULL, NULL)) >= 0);
        assert_true(write(fd, words[i], i == 1 ? 7 : strlen(words[i])) > 0);
        shutdown(fd, SHUT_WR);
        UNTIL(h.net, c->ends == 1);
        assert_int_equal(c->opens, 0);
        assert_int_equal(c->why, SL_ERR_TLS);
        close(fd);
        close(l);
        house_close(&h);
    }
}

/* Plain HTTP to a TLS port. */
static void plain_client(void **state)
{
    struct house h;
    char buf[64];
    ssize_t n = -1;
    int fd;

    (void)state;
    house_open(&h, "127.0.0.1:0", server, 10);
    fd = raw_connect(sl_listen_port(h.listener));
    assert_int_equal(write(fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    UNTIL(h.net, h.n == 1 && h.peers[0].ends == 1);
    assert_int_equal(h.peers[0].why, SL_ERR_TLS);
    assert_int_equal(h.peers[0].opens, 0);
    assert_true(h.peers[0].reason[0] != 0);
    sl_stream_close(&h.peers[0].s);
    UNTIL(h.net, (n = read(fd, buf, sizeof buf)) == 0 || (n < 0 && errno == ECONNRESET));
    close(fd);
    house_close(&h);
}

/* Record bytes that were changed on the way. */
static void tampered(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];
    char byte = 0;

    (void)state;
    pair_open(&h);
    TURNS(h.net, 5);
    assert_true(sl_buf_append(&c->s->cipher, (struct sl_str){"\x17\x03\x03\x00\x20", 5}));
    for (int i = 0; i < 32; i++)
        assert_true(sl_buf_append(&c->s->cipher, (struct sl_str){&byte, 1}));
    sl_stream_mark(c->s);
    UNTIL(h.net, h.peers[0].ends == 1);
    assert_int_equal(h.peers[0].why, SL_ERR_TLS_BROKEN);
    assert_int_equal(h.peers[0].got, 0);
    house_close(&h);
}

/* More at once than advance in a turn. */
static void many_at_once(void **state)
{
    struct house h;
    size_t opens = 0;

    (void)state;
    house_open(&h, "127.0.0.1:0", server, 100);
    for (int i = 32; i < 62; i++)
        dial(&h.peers[i], "127.0.0.1", sl_listen_port(h.listener), client, 4000);
    while (opens < 30) {
        UNTIL(h.net, opens < 30);
        sl_net_turn(h.net, 2);
        assert_true(h.net->handshakes <= SL_DIAL_HANDSHAKES);
        opens = 0;
        for (int i = 32; i < 62; i++) {
            assert_int_equal(h.peers[i].ends, 0);
            opens += h.peers[i].opens;
        }
    }
    UNTIL(h.net, h.n == 30);
    for (int i = 0; i < 30; i++)
        UNTIL(h.net, h.peers[i].opens == 1);
    house_close(&h);
}

/* The time is up while a handshake waits for its turn: our queue, and no stall of the peer's. */
static void a_queue_is_no_stall(void **state)
{
    struct house h;
    size_t opens = 0, late = 0;

    (void)state;
    house_open(&h, "127.0.0.1:0", server, 100);
    for (int i = 32; i < 62; i++)
        dial(&h.peers[i], "127.0.0.1", sl_listen_port(h.listener), client, 60000);
    while (opens < 30) {
        UNTIL(h.net, opens < 30);
        sl_net_turn(h.net, 2);
        opens = 0;
        for (int i = 32; i < 62; i++) {
            struct sl_stream *s = h.peers[i].s;

            if (s->state == SL_STREAM_HANDSHAKE && sl_stream_has_backlog(s)) {
                sl_timer_stop(h.net, &s->timer);
                s->timer.fire(&s->timer);
                assert_true(sl_timer_is_armed(&s->timer)); /* not for ever, either */
                sl_timer_start(h.net, &s->timer, 60000);   /* but this machine may be slow */
                late++;
            }
            assert_int_equal(h.peers[i].ends, 0);
            opens += h.peers[i].opens;
        }
    }
    assert_true(late > 0);
    house_close(&h);
}

/* Either side closes at every turn of the handshake. */
static void close_at_every_turn(void **state)
{
    (void)state;
    for (int turns = 0; turns < 16; turns++) {
        for (int who = 0; who < 3; who++) {
            struct house h;

            house_open(&h, "127.0.0.1:0", server, 100);
            dial(&h.peers[63], "127.0.0.1", sl_listen_port(h.listener), client, 3000);
            say(&h.peers[63], "x");
            for (int i = 0; i < turns; i++)
                sl_net_turn(h.net, 1);
            if (who == 0)
                sl_stream_close(&h.peers[63].s);
            else if (who == 1)
                sl_stream_finish(&h.peers[63].s, 50);
            else
                sl_stream_close(&h.peers[0].s);
            TURNS(h.net, 5);
            house_close(&h);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo),
        cmocka_unit_test(flood),
        cmocka_unit_test(pauses),
        cmocka_unit_test(records_are_gathered),
        cmocka_unit_test(clean_end),
        cmocka_unit_test(cut),
        cmocka_unit_test(reset),
        cmocka_unit_test(resumption),
        cmocka_unit_test(resumption_elsewhere),
        cmocka_unit_test(sessions_are_the_profiles_own),
        cmocka_unit_test(ciphers),
        cmocka_unit_test(stalled_handshake),
        cmocka_unit_test(garbage),
        cmocka_unit_test(plain_client),
        cmocka_unit_test(tampered),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(a_queue_is_no_stall),
        cmocka_unit_test(close_at_every_turn),
    };

    alarm(85);
    return cmocka_run_group_tests(tests, profiles, no_profiles);
}
