/* A provider's base_url: what is taken apart how, and what is refused. */
#include "conf/url.c"

#include "base/obj.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void good(const char *text, bool tls, const char *host, unsigned port, const char *authority,
                 const char *path)
{
    struct sl_url u;

    assert_null(sl_url_parse(sl_str_of(text), &u));
    assert_int_equal(u.tls, tls);
    assert_true(sl_str_eq(u.host, sl_str_of(host)));
    assert_int_equal(u.port, port);
    assert_true(sl_str_eq(u.authority, sl_str_of(authority)));
    assert_true(sl_str_eq(u.path, sl_str_of(path)));
}

static void test_good(void **state)
{
    (void)state;
    good("https://api.anthropic.com", true, "api.anthropic.com", 443, "api.anthropic.com", "");
    good("https://api.anthropic.com/", true, "api.anthropic.com", 443, "api.anthropic.com", "");
    good("https://api.openai.com/v1/", true, "api.openai.com", 443, "api.openai.com", "/v1");
    good("http://localhost:8000/a/b//", false, "localhost", 8000, "localhost:8000", "/a/b");
    good("https://host:443/x", true, "host", 443, "host", "/x");
    good("http://host:443", false, "host", 443, "host:443", "");
    good("HTTPS://Host:8443", true, "Host", 8443, "Host:8443", "");
    good("https://[::1]:8443/v1", true, "::1", 8443, "[::1]:8443", "/v1");
    good("https://[2001:db8::1]", true, "2001:db8::1", 443, "[2001:db8::1]", "");
    good("https://h/a%20b/~c", true, "h", 443, "h", "/a%20b/~c");
}

static void test_bad(void **state)
{
    static const char *const bad[] = {
        "",
        "api.openai.com",
        "ftp://host",
        "https://",
        "https:///path",
        "https://user@host",
        "https://user:pass@host",
        "https://host:0",
        "https://host:65536",
        "https://host:",
        "https://host:x",
        "https://host?x=1",
        "https://host/a?x=1",
        "https://host/a#b",
        "https://host/a b",
        "https://host/a\r\nx: y",
        "https://ho st",
        "https://host\x7f",
        "https://[::1",
        "https://[]",
        "https://[::1]x",
        "https://[host]",
        "https://h\xc3\xb6st",
        "https://host/\xc3\xb6",
    };
    struct sl_url u;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (sl_url_parse(sl_str_of(bad[i]), &u) == NULL)
            fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
