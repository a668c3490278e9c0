/* Which certificates are believed: every bad one is refused before a byte of
 * the request is sent, with a reason, and the good ones beside them are not. */
/* timeout: 90 */
#include "_certs.h"

/* Dials with a request already written; whatever happens, the request must not
 * reach a server that was refused. */
static void dial_once(struct house *h, struct sl_tls_profile *client, const char *cert)
{
    struct sl_tls_profile *server = server_with(cert);
    struct peer *c = &h->peers[63];

    house_open(h, "127.0.0.1:0", server, 10);
    sl_tls_drop(&server);
    dial(c, "127.0.0.1", sl_listen_port(h->listener), client, 3000);
    say(c, "secret");
    UNTIL(h->net, c->ends == 1 || h->peers[0].got == 6);
    TURNS(h->net, 3);
}

static void good(const char *cert, const char *ca, const char *crl, const char *name)
{
    struct sl_tls_profile *client = client_with(ca, crl, name);
    struct house h;

    dial_once(&h, client, cert);
    if (h.peers[63].ends != 0)
        fail_msg("%s: %s (%s)", cert, sl_err_name(h.peers[63].why), h.peers[63].reason);
    assert_int_equal(h.peers[63].opens, 1);
    assert_int_equal(h.peers[0].opens, 1);
    sl_tls_drop(&client);
    house_close(&h);
}

static void refused_with(struct sl_tls_profile *client, const char *cert, const char *words)
{
    struct house h;
    struct peer *c = &h.peers[63];

    dial_once(&h, client, cert);
    if (c->ends != 1)
        fail_msg("%s was believed", cert);
    assert_int_equal(c->opens, 0);
    assert_int_equal(h.peers[0].got, 0);
    assert_int_equal(h.peers[0].opens, 0);
    if (c->why != SL_ERR_TLS_VERIFY || strstr(c->reason, words) == NULL)
        fail_msg("%s: %s, reason '%s'", cert, sl_err_name(c->why), c->reason);
    house_close(&h);
}

static void refused(const char *cert, const char *crl, const char *name, const char *words)
{
    struct sl_tls_profile *client = client_with("ca.pem", crl, name);

    refused_with(client, cert, words);
    sl_tls_drop(&client);
}

static void good_ones(void **state)
{
    (void)state;
    good("good", "ca.pem", NULL, "localhost");
    good("good", "ca.pem", NULL, NULL); /* by address */
    good("good", "ca.pem", "crl.pem", "good.test");
    good("rsa", "ca.pem", NULL, "localhost");
    good("serveruse", "ca.pem", NULL, "localhost");
    good("chain", "ca.pem", NULL, "localhost");
    good("wild", "ca.pem", NULL, "a.wild.test");
    good("self", "self.pem", NULL, "localhost"); /* pinned */
}

static void wrong_host(void **state)
{
    (void)state;
    refused("wronghost", NULL, "localhost", "does not match");
    refused("wronghost", NULL, NULL, "does not match");
    refused("wild", NULL, "a.b.wild.test", "does not match");
    refused("wild", NULL, "wild.test", "does not match");
    refused("good", NULL, "good.test.evil.test", "does not match");
}

static void wrong_time(void **state)
{
    (void)state;
    refused("expired", NULL, "localhost", "expired, on 2020-02-01T00:00:00.000Z; whoever runs");
    refused("future", NULL, "localhost", "future; look at this host's clock");
}

/* False: nothing is known of what was shown; *out is untouched then. */
static bool ends(const char *cert, const char *name, struct sl_tls_certificate *out)
{
    struct sl_tls_profile *client = client_with("ca.pem", NULL, name);
    struct house h;
    char origin[32];
    bool known;

    dial_once(&h, client, cert);
    (void)snprintf(origin, sizeof origin, "127.0.0.1:%u", sl_listen_port(h.listener));
    known = sl_tls_certificate_of(client, sl_str_of(origin), out);
    if (known)
        assert_true(out->seen_s > time(NULL) - 100 && out->seen_s <= time(NULL));
    assert_false(sl_tls_certificate_of(client, SL_STR("127.0.0.1:1"), out));
    sl_tls_drop(&client);
    house_close(&h);
    return known;
}

/* What a chain says of its own end: what ends first in it, refused for its time or not; of one
 * that is not believed nothing. */
static void what_ends(void **state)
{
    struct sl_tls_certificate c = {.ends_s = 7};

    (void)state;
    assert_false(ends("unknown", "localhost", &c));
    assert_false(ends("wronghost", "localhost", &c));
    assert_int_equal(c.ends_s, 7);
    assert_true(ends("good", "localhost", &c));
    assert_true(c.ends_s > time(NULL) + 29 * 86400 && c.ends_s < time(NULL) + 31 * 86400);
    assert_true(ends("expired", "localhost", &c));
    assert_int_equal(c.ends_s, 1580515200);
    assert_string_equal(c.subject, "CN=expired");
    assert_true(ends("fading", "localhost", &c)); /* its issuer ends before it does */
    assert_string_equal(c.subject, "CN=brief");
    assert_true(c.ends_s > time(NULL) + 4 * 86400 && c.ends_s < time(NULL) + 6 * 86400);
}

static void wrong_chain(void **state)
{
    (void)state;
    refused("self", NULL, "localhost", "not correctly signed");
    refused("unknown", NULL, "localhost", "not correctly signed");
    refused("under", NULL, "localhost", "not correctly signed"); /* intermediate missing */
    refused("child", NULL, "localhost", "not correctly signed"); /* signed by no CA */
}

static void weak(void **state)
{
    (void)state;
    refused("sha1", NULL, "localhost", "hash");
    refused("weak", NULL, "localhost", "key");
}

static void revoked(void **state)
{
    (void)state;
    good("revoked", "ca.pem", NULL, "localhost"); /* without a list nobody knows */
    refused("revoked", "crl.pem", "localhost", "revoked");
    refused("good", "oldcrl.pem", "localhost", "CRL is expired");
}

/* Served by openssl, since our own server refuses to use such a certificate. */
static void refused_from_openssl(const char *cert, const char *more, const char *words)
{
    struct sl_tls_profile *client = client_with("ca.pem", NULL, "localhost");
    struct house h;
    struct peer *c = &h.peers[63];
    uint16_t port;
    pid_t pid = s_server(&port, cert, more);

    house_open(&h, NULL, NULL, 0);
    dial(c, "127.0.0.1", port, client, 3000);
    say(c, "secret");
    UNTIL(h.net, c->ends == 1);
    s_server_end(pid);
    assert_int_equal(c->opens, 0);
    if ((c->why != SL_ERR_TLS && c->why != SL_ERR_TLS_VERIFY) || strstr(c->reason, words) == NULL)
        fail_msg("%s: %s, reason '%s'", cert, sl_err_name(c->why), c->reason);
    sl_tls_drop(&client);
    house_close(&h);
}

static void wrong_use(void **state)
{
    (void)state;
    refused_from_openssl("clientonly", "", "Usage");
}

/* The library does not know name constraints: a critical one is refused as a
 * certificate that can't be understood. */
static void constrained(void **state)
{
    char more[256];

    (void)state;
    (void)snprintf(more, sizeof more, "-cert_chain %s/squeezed.pem", certs_dir);
    refused_from_openssl("squeezed", more, "");
}

/* verify: false takes anything, and is the only way to. */
static void not_verified(void **state)
{
    struct sl_tls_client_conf conf = {.verify = false};
    struct sl_tls_profile *client = NULL;
    struct house h;
    char why[256];

    (void)state;
    assert_int_equal(sl_tls_client_profile(&conf, &client, why, sizeof why), SL_OK);
    dial_once(&h, client, "expired");
    assert_int_equal(h.peers[63].opens, 1);
    sl_tls_drop(&client);
    house_close(&h);
}

static void old_versions(void **state)
{
    static const char *const only[] = {
        "-tls1_1 -cipher ALL:@SECLEVEL=0", "-tls1 -cipher ALL:@SECLEVEL=0",
        "-tls1_2 -cipher AES128-SHA:@SECLEVEL=0", "-tls1_2 -cipher aNULL:@SECLEVEL=0"};
    struct sl_tls_profile *client = client_with("ca.pem", NULL, "localhost");

    (void)state;
    for (size_t i = 0; i < sizeof only / sizeof only[0]; i++) {
        struct house h;
        struct peer *c = &h.peers[63];
        uint16_t port;
        pid_t pid = s_server(&port, "rsa", only[i]);

        house_open(&h, NULL, NULL, 0);
        dial(c, "127.0.0.1", port, client, 3000);
        say(c, "secret");
        UNTIL(h.net, c->ends == 1);
        assert_int_equal(c->opens, 0);
        assert_int_equal(c->why, SL_ERR_TLS);
        assert_true(c->reason[0] != 0);
        s_server_end(pid);
        house_close(&h);
    }
    sl_tls_drop(&client);
}

static void bad_profiles(void **state)
{
    struct sl_tls_client_conf conf = {.verify = true};
    struct sl_tls_profile *p;
    char why[256] = "";

    (void)state;
    conf.ca_file = certs_path("nowhere.pem");
    assert_int_equal(sl_tls_client_profile(&conf, &p, why, sizeof why), SL_ERR_CONFIG);
    assert_null(p);
    assert_non_null(strstr(why, "nowhere.pem"));
    conf.ca_file = certs_path("good.key"); /* no certificate */
    assert_int_equal(sl_tls_client_profile(&conf, &p, why, sizeof why), SL_ERR_CONFIG);
    conf.ca_file = certs_path("ca.pem");
    conf.crl_file = certs_path("good.pem");
    assert_int_equal(sl_tls_client_profile(&conf, &p, why, sizeof why), SL_ERR_CONFIG);
    assert_int_equal(sl_tls_server_profile(certs_path("good.pem"), certs_path("nowhere.key"), &p,
                                           why, sizeof why),
                     SL_ERR_CONFIG);
    assert_int_equal(
        sl_tls_server_profile(certs_path("good.pem"), certs_path("rsa.key"), &p, why, sizeof why),
        SL_ERR_CONFIG);
    assert_null(p);
}

static void dev_certs(void **state)
{
    char dir[128], why[256] = "", names[] = "localhost, 127.0.0.1,::1,mock.test";
    struct sl_tls_profile *server, *client;
    struct sl_tls_client_conf conf = {.verify = true, .server_name = "mock.test"};
    struct house h;
    struct peer *c = &h.peers[63];

    (void)state;
    (void)snprintf(dir, sizeof dir, "%s/dev", certs_dir);
    assert_int_equal(sl_tls_make_dev_certs(dir, names, 0, why, sizeof why), SL_OK);
    assert_int_equal(sl_tls_make_dev_certs(dir, names, 0, why, sizeof why), SL_OK); /* kept */
    assert_int_equal(sl_tls_server_profile(certs_path("dev/cert.pem"), certs_path("dev/key.pem"),
                                           &server, why, sizeof why),
                     SL_OK);
    conf.ca_file = certs_path("dev/ca.pem");
    assert_int_equal(sl_tls_client_profile(&conf, &client, why, sizeof why), SL_OK);
    house_open(&h, "127.0.0.1:0", server, 10);
    dial(c, "127.0.0.1", sl_listen_port(h.listener), client, 3000);
    UNTIL(h.net, c->opens == 1 || c->ends == 1);
    assert_int_equal(c->opens, 1);
    sl_tls_drop(&server);
    sl_tls_drop(&client);
    house_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones),    cmocka_unit_test(wrong_host),
        cmocka_unit_test(wrong_time),   cmocka_unit_test(wrong_chain),
        cmocka_unit_test(wrong_use),    cmocka_unit_test(weak),
        cmocka_unit_test(revoked),      cmocka_unit_test(constrained),
        cmocka_unit_test(not_verified), cmocka_unit_test(old_versions),
        cmocka_unit_test(bad_profiles), cmocka_unit_test(dev_certs),
        cmocka_unit_test(what_ends),
    };

    alarm(85);
    return cmocka_run_group_tests(tests, certs_make, certs_remove);
}
