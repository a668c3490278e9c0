/* Two sessions over memory: where a record is read in more than one piece, and tickets. */
#include "net/tls.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CIPHER_MAX 65536

struct side {
    struct sl_tls *tls;
    struct sl_buf out;
};

static struct sl_tls_profile *client_profile, *server_profile;

/* All that `from` has queued becomes what `to` may read. */
static void deliver(struct side *from, struct side *to, struct sl_str *in, char bytes[CIPHER_MAX])
{
    struct sl_str parts[16];
    size_t n = sl_buf_peek(&from->out, parts, 16);

    *in = (struct sl_str){bytes, 0};
    for (size_t i = 0; i < n; i++) {
        assert_true(in->n + parts[i].n <= CIPHER_MAX);
        memcpy(bytes + in->n, parts[i].p, parts[i].n);
        in->n += parts[i].n;
    }
    sl_buf_consume(&from->out, in->n);
    sl_tls_input(to->tls, in);
}

static void begin(struct side *s, struct sl_tls_profile *p)
{
    sl_buf_init(&s->out, CIPHER_MAX);
    s->tls = sl_tls_new(p, SL_STR("localhost"), SL_STR("localhost:1"), &s->out);
    assert_non_null(s->tls);
}

static void end(struct side *s)
{
    sl_tls_end(&s->tls);
    sl_buf_fini(&s->out);
}

static void shake(struct side *client, struct side *server)
{
    static char bytes[CIPHER_MAX];
    enum sl_tls_step c = SL_TLS_WANT_IO, s = SL_TLS_WANT_IO;
    enum sl_err why;
    struct sl_str in;

    for (int i = 0; i < 8 && (c != SL_TLS_DONE || s != SL_TLS_DONE); i++) {
        deliver(server, client, &in, bytes);
        c = sl_tls_handshake(client->tls, &why);
        deliver(client, server, &in, bytes);
        s = sl_tls_handshake(server->tls, &why);
    }
    assert_int_equal(c, SL_TLS_DONE);
    assert_int_equal(s, SL_TLS_DONE);
}

/* The whole of two records is in the machine or before it; tickets may come first. */
static void test_a_record_in_pieces(void **state)
{
    static char bytes[CIPHER_MAX], text[3000], got[sizeof text];
    struct side client, server;
    enum sl_err why;
    struct sl_str in;
    size_t at = 0, n;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 7);
    begin(&client, client_profile);
    begin(&server, server_profile);
    shake(&client, &server);
    assert_true(sl_tls_write(server.tls, (struct sl_str){text, 2000}));
    assert_true(sl_tls_write(server.tls, (struct sl_str){text + 2000, 1000}));
    deliver(&server, &client, &in, bytes);
    while (sl_tls_read(client.tls, got + at, sizeof got - at < 300 ? sizeof got - at : 300, &n,
                       &why) == SL_TLS_DONE) {
        at += n;
        if (at == sizeof got)
            break;
    }
    assert_int_equal(at, sizeof got);
    assert_memory_equal(got, text, sizeof got);
    assert_int_equal(in.n, 0);
    assert_int_equal(sl_tls_read(client.tls, got, sizeof got, &n, &why), SL_TLS_WANT_IO);
    sl_tls_close_notify(server.tls);
    deliver(&server, &client, &in, bytes);
    assert_int_equal(sl_tls_read(client.tls, got, sizeof got, &n, &why), SL_TLS_EOF);
    end(&client);
    end(&server);
}

static int make_profiles(void **state)
{
    char dir[] = "/tmp/sluice-tls-XXXXXX", ca[64], cert[64], key[64], why[256] = "";
    struct sl_tls_client_conf conf = {.ca_file = ca, .verify = true};
    bool made;

    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(ca, sizeof ca, "%s/ca.pem", dir);
    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    made = sl_tls_make_dev_certs(dir, "localhost", 0, why, sizeof why) == SL_OK &&
           sl_tls_client_profile(&conf, &client_profile, why, sizeof why) == SL_OK &&
           sl_tls_server_profile(cert, key, &server_profile, why, sizeof why) == SL_OK;
    remove(ca);
    remove(cert);
    remove(key);
    remove(dir);
    return made ? 0 : -1;
}

static int drop_profiles(void **state)
{
    (void)state;
    sl_tls_drop(&client_profile);
    sl_tls_drop(&server_profile);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_record_in_pieces)};

    return cmocka_run_group_tests(tests, make_profiles, drop_profiles);
}
