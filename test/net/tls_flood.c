/* A TLS peer that speaks without saying anything: alerts, empty records, wishes to begin anew,
 * tickets. None of it is an answer, holds the loop, or piles up here. */
/* timeout: 60 */
#include "net/tls.c" /* the library is made to misbehave */

#include "_net.h"

#include "net/inside.h"

#define MANY 2000

static char dir[] = "/tmp/net_flood_XXXXXX";
static struct sl_tls_profile *client, *server;

static const char *in_dir(char out[64], const char *name)
{
    (void)snprintf(out, 64, "%s/%s", dir, name);
    return out;
}

static int profiles(void **state)
{
    char why[256] = "", cert[64], key[64], ca[64];
    struct sl_tls_client_conf conf = {.ca_file = ca, .server_name = "localhost", .verify = true};

    (void)state;
    if (mkdtemp(dir) != NULL && in_dir(ca, "ca.pem") != NULL &&
        sl_tls_make_dev_certs(dir, "localhost", 0, why, sizeof why) == SL_OK &&
        sl_tls_server_profile(in_dir(cert, "cert.pem"), in_dir(key, "key.pem"), &server, why,
                              sizeof why) == SL_OK &&
        sl_tls_client_profile(&conf, &client, why, sizeof why) == SL_OK)
        return 0;
    print_error("%s\n", why);
    return -1;
}

static int no_profiles(void **state)
{
    char command[80];

    (void)state;
    sl_tls_drop(&client);
    sl_tls_drop(&server);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static mbedtls_ssl_context *pair_open(struct house *h, mbedtls_ssl_protocol_version version)
{
    mbedtls_ssl_conf_max_tls_version(&server->conf, version);
    house_open(h, "127.0.0.1:0", server, 100);
    dial(&h->peers[63], "127.0.0.1", sl_listen_port(h->listener), client, 3000);
    UNTIL(h->net, h->peers[63].opens == 1 && h->peers[0].opens == 1);
    sl_stream_want(h->peers[63].s, true);
    return &h->peers[0].s->tls->ssl;
}

/* Both directions still work, and nothing but that was heard. */
static void still_talks(struct house *h)
{
    say(&h->peers[0], "down");
    say(&h->peers[63], "up");
    UNTIL(h->net, h->peers[63].got == 4 && h->peers[0].got == 2);
    assert_int_equal(h->peers[63].datas, 1);
    assert_int_equal(h->peers[63].ends, 0);
}

static void push(struct house *h)
{
    struct sl_stream *s = h->peers[0].s;

    sl_stream_mark(s);
    sl_net_turn(h->net, 1);
    UNTIL(h->net, s->cipher.len < 65536);
}

/* Warnings while it shakes hands are no sign of life: the limit of the dial stands. */
static void alerts_for_a_handshake(void **state)
{
    static const char alert[] = "\x15\x03\x03\x00\x02\x01\x5a"; /* warning, user_canceled */
    static char many[700 * 7];
    struct house h;
    struct peer *c = &h.peers[63];
    uint16_t port;
    int l = raw_listen(&port, 5), fd = -1;
    size_t sent = 0;

    (void)state;
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = alert[i % 7];
    house_open(&h, NULL, NULL, 0);
    dial(c, "127.0.0.1", port, client, 300);
    UNTIL(h.net, (fd = accept(l, NULL, NULL)) >= 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (uint64_t from = clock_ms(); c->ends == 0 && clock_ms() - from < WAIT_MS;) {
        ssize_t n = send(fd, many + sent % 7, sizeof many - sent % 7, MSG_NOSIGNAL);

        sent += n > 0 ? (size_t)n : 0;
        sl_net_turn(h.net, 1);
    }
    assert_int_equal(c->ends, 1);
    assert_int_equal(c->opens, 0);
    assert_true(c->why == SL_ERR_CONNECT_SLOW || c->why == SL_ERR_TLS);
    print_message("%s: %s, after %zu alerts\n", sl_err_name(c->why), c->reason, sent / 7);
    close(fd);
    close(l);
    house_close(&h);
}

static void alerts_behind_it(void **state)
{
    (void)state;
    for (int old = 0; old < 2; old++) {
        struct house h;
        mbedtls_ssl_context *ssl =
            pair_open(&h, old ? MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3);

        for (int i = 0; i < MANY; i++) {
            assert_int_equal(mbedtls_ssl_send_alert_message(ssl, MBEDTLS_SSL_ALERT_LEVEL_WARNING,
                                                            MBEDTLS_SSL_ALERT_MSG_USER_CANCELED),
                             0);
            if (i % 500 == 0)
                push(&h);
        }
        still_talks(&h);
        house_close(&h);
    }
}

static void say_nothing(mbedtls_ssl_context *ssl, int times)
{
    for (int i = 0; i < times; i++)
        assert_int_equal(mbedtls_ssl_write(ssl, (const unsigned char *)"", 0), 0);
}

/* A few are nothing, and no end; many are an attack. */
static void empty_records(void **state)
{
    (void)state;
    for (int old = 0; old < 2; old++) {
        struct house h;
        mbedtls_ssl_context *ssl =
            pair_open(&h, old ? MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3);

        for (int n = 1; n <= 3; n++) {
            say_nothing(ssl, n);
            say(&h.peers[0], ".");
            UNTIL(h.net, h.peers[63].got == (size_t)n || h.peers[63].ends > 0);
            assert_int_equal(h.peers[63].ends, 0);
        }
        say_nothing(ssl, 100);
        push(&h);
        UNTIL(h.net, h.peers[63].ends == 1);
        assert_int_equal(h.peers[63].why, SL_ERR_TLS_BROKEN);
        assert_int_equal(h.peers[63].got, 3);
        house_close(&h);
    }
}

int mbedtls_ssl_write_record(mbedtls_ssl_context *ssl, int force_flush); /* ssl_misc.h */

/* RFC 8446 section 4.6.3. Our library has no new keys for it: the connection ends, said to be
 * broken and not to be over, after all that came before. */
static void key_update(void **state)
{
    (void)state;
    for (unsigned char wish = 0; wish < 2; wish++) {
        const unsigned char message[] = {24, 0, 0, 1, wish};
        struct house h;
        mbedtls_ssl_context *ssl = pair_open(&h, MBEDTLS_SSL_VERSION_TLS1_3);

        say(&h.peers[0], "before");
        sl_net_turn(h.net, 1);
        ssl->MBEDTLS_PRIVATE(out_msgtype) = MBEDTLS_SSL_MSG_HANDSHAKE;
        ssl->MBEDTLS_PRIVATE(out_msglen) = sizeof message;
        memcpy(ssl->MBEDTLS_PRIVATE(out_msg), message, sizeof message);
        assert_int_equal(mbedtls_ssl_write_record(ssl, 1), 0);
        push(&h);
        UNTIL(h.net, h.peers[63].ends == 1);
        assert_int_equal(h.peers[63].why, SL_ERR_TLS_BROKEN);
        assert_non_null(strstr(h.peers[63].reason, "unexpected message"));
        assert_int_equal(h.peers[63].got, 6);
        house_close(&h);
    }
}

/* Refused each time, by a warning, and all else goes on. */
static void renegotiation(void **state)
{
    struct house h;
    mbedtls_ssl_context *ssl;

    (void)state;
    mbedtls_ssl_conf_renegotiation(&server->conf, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
    mbedtls_ssl_conf_renegotiation_enforced(&server->conf, MBEDTLS_SSL_RENEGOTIATION_NOT_ENFORCED);
    ssl = pair_open(&h, MBEDTLS_SSL_VERSION_TLS1_2);
    for (int i = 0; i < 50; i++) {
        (void)mbedtls_ssl_renegotiate(ssl);
        push(&h);
        ssl->MBEDTLS_PRIVATE(renego_status) = 0; /* as if it had never asked */
    }
    still_talks(&h);
    house_close(&h);
    mbedtls_ssl_conf_renegotiation(&server->conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
}

/* Answers that the peer does not take end the connection before they are a load. */
static void answers_pile_up(void **state)
{
    struct house h;
    mbedtls_ssl_context *ssl;
    struct sl_stream *s;

    (void)state;
    (void)pair_open(&h, MBEDTLS_SSL_VERSION_TLS1_2);
    s = h.peers[63].s;
    ssl = &s->tls->ssl;
    for (int i = 0; i < 100000; i++)
        if (mbedtls_ssl_send_alert_message(ssl, MBEDTLS_SSL_ALERT_LEVEL_WARNING,
                                           MBEDTLS_SSL_ALERT_MSG_NO_RENEGOTIATION) != 0)
            break;
    assert_in_range(s->cipher.len, SL_STREAM_HIGH, 4 * SL_STREAM_HIGH);
    assert_false(sl_tls_write(s->tls, SL_STR("more")));
    house_close(&h);
}

/* Of all its tickets one is kept. */
static void tickets(void **state)
{
    struct house h;
    size_t before = HASH_COUNT(client->known);

    (void)state;
    mbedtls_ssl_conf_new_session_tickets(&server->conf, 500);
    (void)pair_open(&h, MBEDTLS_SSL_VERSION_TLS1_3);
    push(&h);
    still_talks(&h);
    assert_int_equal(HASH_COUNT(client->known), before + 1);
    house_close(&h);
    mbedtls_ssl_conf_new_session_tickets(&server->conf, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alerts_for_a_handshake),
        cmocka_unit_test(alerts_behind_it),
        cmocka_unit_test(empty_records),
        cmocka_unit_test(key_update),
        cmocka_unit_test(renegotiation),
        cmocka_unit_test(answers_pile_up),
        cmocka_unit_test(tickets),
    };

    alarm(55);
    return cmocka_run_group_tests(tests, profiles, no_profiles);
}
