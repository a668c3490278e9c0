/* CONNECT: what a proxy is told, and its answers. */
#include "http/tunnel.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_hello(void **state)
{
    struct sl_origin_conf c = {.host = SL_STR("api.example.com"),
                               .port = 443,
                               .proxy = {SL_STR("proxy.example"), 3128, SL_STR("Basic eA==")}};
    struct sl_dial_proxy *p = sl_tunnel_new(&c);

    (void)state;
    assert_true(sl_str_eq(p->host, SL_STR("proxy.example")));
    assert_int_equal(p->port, 3128);
    assert_true(sl_str_eq(p->hello, SL_STR("CONNECT api.example.com:443 HTTP/1.1\r\n"
                                           "host: api.example.com:443\r\n"
                                           "user-agent: sluice/" SL_VERSION "\r\n"
                                           "proxy-authorization: Basic eA==\r\n\r\n")));
    sl_tunnel_end(&p);
    assert_null(p);
    c.host = SL_STR("fd00::7");
    c.proxy.auth = SL_STR("");
    p = sl_tunnel_new(&c);
    assert_true(sl_str_eq(p->hello, SL_STR("CONNECT [fd00::7]:443 HTTP/1.1\r\n"
                                           "host: [fd00::7]:443\r\n"
                                           "user-agent: sluice/" SL_VERSION "\r\n\r\n")));
    sl_tunnel_end(&p);
    c.proxy.port = 0;
    assert_null(sl_tunnel_new(&c));
    sl_tunnel_end(&p);
}

static void says(const char *answer, enum sl_dial_word want, const char *why_wanted, size_t rest)
{
    char why[160] = "";
    size_t used = 0;
    enum sl_dial_word word = sl_tunnel_read(sl_str_of(answer), &used, why, sizeof(why));

    if (word != want || strstr(why, why_wanted) == NULL)
        fail_msg("'%s': %d '%s'", answer, word, why);
    if (word == SL_DIAL_OPEN)
        assert_int_equal(strlen(answer) - used, rest);
}

static void test_open(void **state)
{
    (void)state;
    says("HTTP/1.1 200 Connection established\r\n\r\n", SL_DIAL_OPEN, "", 0);
    says("HTTP/1.0 200 OK\r\nproxy-agent: x\r\n\r\n", SL_DIAL_OPEN, "", 0);
    says("HTTP/1.1 204 x\r\n\r\n", SL_DIAL_OPEN, "", 0);
    says("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nglued", SL_DIAL_OPEN, "", 5);
    says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", SL_DIAL_OPEN, "", 0);
}

/* However it is cut, it is one answer. */
static void test_pieces(void **state)
{
    static const char answer[] = "HTTP/1.1 103 x\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\nc: d\r\n\r\n";
    char part[sizeof(answer)];

    (void)state;
    for (size_t n = 0; n < sizeof(answer) - 1; n++) {
        memcpy(part, answer, n);
        part[n] = '\0';
        says(part, SL_DIAL_MORE, "", 0);
    }
    says(answer, SL_DIAL_OPEN, "", 0);
}

static void test_refused(void **state)
{
    (void)state;
    says("HTTP/1.1 407 x\r\nproxy-authenticate: Basic realm=\"sesame\"\r\n\r\n<html>",
         SL_DIAL_REFUSED, "it wants user and password", 0);
    says("HTTP/1.1 403 x\r\n\r\n", SL_DIAL_REFUSED, "does not allow", 0);
    says("HTTP/1.1 502 x\r\n\r\n", SL_DIAL_REFUSED, "does not reach the provider", 0);
    says("HTTP/1.1 301 x\r\nlocation: y\r\n\r\n", SL_DIAL_REFUSED, "301", 0);
}

static void test_garbage(void **state)
{
    char many[1024] = "";
    size_t n = 0;

    (void)state;
    says("SSH-2.0-x\r\n", SL_DIAL_REFUSED, "not HTTP", 0);
    says("\x15\x03", SL_DIAL_REFUSED, "not HTTP", 0);
    says("HTTP/2 200\r\n\r\n", SL_DIAL_REFUSED, "not HTTP", 0);
    says("HTTP/1.1 two OK\r\n\r\n", SL_DIAL_REFUSED, "not HTTP", 0);
    says("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", SL_DIAL_REFUSED, "not HTTP", 0);
    says("HTTP/1.1 101 x\r\nupgrade: y\r\nconnection: upgrade\r\n\r\n", SL_DIAL_REFUSED, "", 0);
    for (int i = 0; i < SL_TUNNEL_HINTS; i++)
        n += (size_t)snprintf(many + n, sizeof(many) - n, "HTTP/1.1 100 x\r\n\r\n");
    says(many, SL_DIAL_REFUSED, "not HTTP", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello), cmocka_unit_test(test_open), cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_garbage)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
