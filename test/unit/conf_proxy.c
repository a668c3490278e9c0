/* Ways out: URLs of proxies, the environment's variables, what they exempt. */
#include "conf/proxy.c"

#include "_conf_build.h"

#define HOST "api.example.com"

static void is(const char *no_proxy, const char *host, uint16_t port, bool want)
{
    if (sl_proxy_is_exempt(sl_str_of(no_proxy), sl_str_of(host), port) != want)
        fail_msg("'%s' of '%s' and %u is not %d", no_proxy, host, port, want);
}

static void test_names(void **state)
{
    (void)state;
    is("", HOST, 443, false);
    is("*", HOST, 443, true);
    is("api.example.com", HOST, 443, true);
    is("API.Example.COM", HOST, 443, true);
    is("example.com", HOST, 443, true);
    is("ample.com", HOST, 443, false);
    is(".example.com", HOST, 443, true);
    is("*.example.com", HOST, 443, true);
    is(".example.com", "example.com", 443, false);
    is("example.com", "example.com", 443, true);
    is("example.com", "example.com.", 443, true);
    is("api.example.com.org", HOST, 443, false);
    is("other.example.com", HOST, 443, false);
    is("a, b example.com\t,c", HOST, 443, true);
    is(",, ,", HOST, 443, false);
    is("*.", HOST, 443, false);
    is("[", HOST, 443, false);
}

static void test_ports(void **state)
{
    (void)state;
    is("example.com:443", HOST, 443, true);
    is("example.com:8443", HOST, 443, false);
    is("example.com:x", HOST, 443, false);
    is("example.com:", HOST, 443, false);
    is("[::1]:443", "::1", 443, true);
    is("[::1]:80", "::1", 443, false);
    is("[::1]", "::1", 443, true);
    is("[::1]x", "::1", 443, false);
    is("10.0.0.1:443", "10.0.0.1", 443, true);
    is("10.0.0.1:80", "10.0.0.1", 443, false);
}

static void test_addresses(void **state)
{
    (void)state;
    is("10.0.0.1", "10.0.0.1", 443, true);
    is("10.0.0.1", "10.0.0.10", 443, false);
    is("0.0.1", "10.0.0.1", 443, false); /* an address has no names above it */
    is("10.0.0.0/8", "10.200.3.4", 443, true);
    is("10.0.0.0/8", "11.0.0.1", 443, false);
    is("192.168.4.0/22", "192.168.7.255", 443, true);
    is("192.168.4.0/22", "192.168.8.0", 443, false);
    is("0.0.0.0/0", "1.2.3.4", 443, true);
    is("1.2.3.4/32", "1.2.3.4", 443, true);
    is("1.2.3.4/33", "1.2.3.4", 443, false);
    is("1.2.3.4/", "1.2.3.4", 443, false);
    is("0.0.0.0/0", HOST, 443, false); /* no name is looked up */
    is("0.0.0.0/0", "::1", 443, false);
    is("fd00::/8", "fd12::9", 443, true);
    is("fd00::/8", "fe80::9", 443, false);
    is("::1", "::1", 443, true);
    is("::1", "0:0::1", 443, true);
    is("1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222", "::1", 443, false);
}

static void way(const char *text, const char *host, uint16_t port, const char *want)
{
    char auth[SL_PROXY_AUTH];
    struct sl_origin_proxy p;
    const char *wrong = sl_proxy_parse(sl_str_of(text), auth, &p);

    if (wrong != NULL)
        fail_msg("'%s': %s", text, wrong);
    build_is(p.host, host);
    assert_int_equal(p.port, port);
    build_is(p.auth, want);
}

static void test_urls(void **state)
{
    (void)state;
    way("", "", 0, "");
    way("none", "", 0, "");
    way("http://proxy.example:3128", "proxy.example", 3128, "");
    way("HTTP://10.1.2.3:80/", "10.1.2.3", 80, "");
    way("http://[fd00::1]:3128", "fd00::1", 3128, "");
    /* RFC 7617 section 2: Aladdin, open sesame */
    way("http://Aladdin:open%20sesame@p:1", "p", 1, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    way("http://a:b@c@p:1", "p", 1, "Basic YTpiQGM=");
    way("http://token@p:1", "p", 1, "Basic dG9rZW46");
    way("http://a:b:c@p:1", "p", 1, "Basic YTpiOmM=");
}

static void wrong(const char *text, const char *want)
{
    char auth[SL_PROXY_AUTH];
    struct sl_origin_proxy p;
    const char *why = sl_proxy_parse(sl_str_of(text), auth, &p);

    if (why == NULL || strstr(why, want) == NULL)
        fail_msg("'%s': %s", text, why != NULL ? why : "taken");
    assert_null(strstr(why, "sesame"));
}

static void test_wrong_urls(void **state)
{
    char pad[1101], long_one[1200];

    (void)state;
    wrong("https://p:1", "http://");
    wrong("socks5://p:1", "http://");
    wrong("p:1", "http://");
    wrong("http://p", "port");
    wrong("http://p:0", "host:port");
    wrong("http://p:99999", "host:port");
    wrong("http://p:1/path", "host:port");
    wrong("http://sesame@", "host:port");
    wrong("http://", "host:port");
    wrong("http://a:sesame%4@p:1", "percent-encoded");
    wrong("http://a:%zz@p:1", "percent-encoded");
    memset(pad, 'a', sizeof(pad) - 1);
    pad[sizeof(pad) - 1] = '\0';
    snprintf(long_one, sizeof(long_one), "http://sesame:%s@p:1", pad);
    wrong(long_one, "at most");
}

/* ---- in a configuration ---- */

static const char *set; /* "NAME=value" lines */

static const char *get(void *ctx, const char *name)
{
    static char value[128];
    struct sl_str rest = sl_str_of(set), line;
    size_t n = strlen(name);

    (void)ctx;
    while (sl_str_split(&rest, '\n', &line)) {
        if (!sl_str_starts(line, sl_str_of(name)) || line.n <= n || line.p[n] != '=')
            continue;
        snprintf(value, sizeof(value), "%.*s", SL_STR_ARGS(sl_str_from(line, n + 1)));
        return value;
    }
    return NULL;
}

static struct sl_conf *read_with(const char *vars, const char *more)
{
    struct sl_env env = {.get = get};
    char text[512];

    set = vars;
    snprintf(text, sizeof(text),
             "providers: [{name: p, protocol: anthropic, %s}]\n"
             "models: [{name: \"*\", targets: [{provider: p}]}]\n",
             more);
    return sl_conf_parse("t.yaml", sl_str_of(text), &env);
}

static void goes(const char *vars, const char *more, const char *want, const char *shown)
{
    struct sl_conf *c = read_with(vars, more);
    const struct sl_node *n = sl_node_get(sl_node_get(c->root, "providers")->first, "proxy");

    if (c->faults.n > 0)
        fail_msg("%.*s", SL_STR_ARGS(sl_faults_text(&c->faults)));
    build_is(n->text, want);
    build_is(n->shown, shown);
    assert_true(n->secret);
    sl_conf_end(&c);
}

#define HTTPS "base_url: \"https://" HOST "\""
#define HTTP "base_url: \"http://" HOST "\""

static void test_environment(void **state)
{
    (void)state;
    goes("", HTTPS, "none", "none");
    goes("HTTPS_PROXY=http://p:1", HTTPS, "http://p:1", "http://p:1");
    goes("HTTPS_PROXY=http://u:pw@p:1", HTTPS, "http://u:pw@p:1", "http://u:(secret)@p:1");
    goes("HTTPS_PROXY=http://token@p:1", HTTPS, "http://token@p:1", "http://(secret)@p:1");
    goes("HTTPS_PROXY=http://key:@p:1", HTTPS, "http://key:@p:1", "http://(secret)@p:1");
    goes("HTTPS_PROXY=u:pw@p:1", HTTPS, "http://u:pw@p:1", "http://u:(secret)@p:1");
    goes("https_proxy=http://l:1\nHTTPS_PROXY=http://p:1", HTTPS, "http://l:1", "http://l:1");
    goes("https_proxy=\nHTTPS_PROXY=http://p:1", HTTPS, "http://p:1", "http://p:1");
    goes("HTTP_PROXY=http://p:1", HTTPS, "none", "none");
    goes("HTTPS_PROXY=http://p:1", HTTP, "none", "none");
    goes("HTTP_PROXY=http://p:1", HTTP, "http://p:1", "http://p:1");
    goes("HTTPS_PROXY=http://p:1\nNO_PROXY=example.com", HTTPS, "none", "none");
    goes("HTTPS_PROXY=http://p:1\nno_proxy=example.com", HTTPS, "none", "none");
    goes("HTTPS_PROXY=http://p:1\nNO_PROXY=example.com:80", HTTPS, "http://p:1", "http://p:1");
    goes("HTTP_PROXY=http://p:1", "base_url: \"http://localhost:11434\"", "none", "none");
    goes("HTTP_PROXY=http://p:1", "base_url: \"http://127.0.0.1:1\"", "none", "none");
    goes("HTTP_PROXY=http://p:1", "base_url: \"http://127.9.9.9:1\"", "none", "none");
    goes("HTTP_PROXY=http://p:1", "base_url: \"http://127.example.com\"", "http://p:1",
         "http://p:1");
    goes("HTTP_PROXY=http://p:1", "base_url: \"http://[::1]:1\"", "none", "none");
}

/* Which variable it was is remembered, where one led anywhere. */
static void test_variable(void **state)
{
    static const struct {
        const char *vars, *more, *want;
    } cases[] = {{"HTTPS_PROXY=http://p:1", HTTPS, "HTTPS_PROXY"},
                 {"https_proxy=http://l:1\nHTTPS_PROXY=http://p:1", HTTPS, "https_proxy"},
                 {"https_proxy=\nHTTPS_PROXY=http://p:1", HTTPS, "HTTPS_PROXY"},
                 {"HTTP_PROXY=http://p:1", HTTP, "HTTP_PROXY"},
                 {"HTTP_PROXY=http://p:1", HTTPS, NULL},
                 {"HTTPS_PROXY=none", HTTPS, NULL},
                 {"HTTPS_PROXY=http://p:1\nNO_PROXY=*", HTTPS, NULL},
                 {"HTTPS_PROXY=http://p:1", HTTPS ", proxy: \"http://q:2\"", NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sl_conf *c = read_with(cases[i].vars, cases[i].more);
        const char *got = sl_node_get(sl_node_get(c->root, "providers")->first, "proxy")->variable;

        if (cases[i].want == NULL)
            assert_null(got);
        else
            assert_string_equal(got, cases[i].want);
        sl_conf_end(&c);
    }
}

static void test_own(void **state)
{
    (void)state;
    goes("HTTPS_PROXY=http://p:1\nNO_PROXY=*", HTTPS ", proxy: \"http://q:2\"", "http://q:2",
         "http://q:2");
    goes("HTTPS_PROXY=http://p:1", HTTPS ", proxy: none", "none", "none");
    goes("HTTPS_PROXY=http://p:1", HTTPS ", proxy: \"\"", "none", "none");
    goes("HTTPS_PROXY=http://p:1", HTTPS ", proxy: \"${NOT_SET:-}\"", "none", "none");
    goes("HTTPS_PROXY=http://p:1", HTTPS ", proxy: null", "http://p:1", "http://p:1");
    goes("HTTP_PROXY=http://p:1", "base_url: \"http://127.0.0.1:1\", proxy: \"http://q:2\"",
         "http://q:2", "http://q:2");
}

static void test_faults(void **state)
{
    struct sl_conf *c = read_with("HTTPS_PROXY=https://u:sesame@p:1", HTTPS);

    (void)state;
    assert_null(sl_build_snapshot(c, NULL, NULL));
    test_has(c, "HTTPS_PROXY", "providers[].proxy, which HTTPS_PROXY gives: must");
    assert_true(sl_str_find(sl_faults_text(&c->faults), SL_STR("sesame")) < 0);
    sl_conf_end(&c);
    c = read_with("", HTTPS ", proxy: \"p:1\"");
    assert_null(sl_build_snapshot(c, NULL, NULL));
    test_has(c, "proxy", "providers[].proxy: must begin with http://");
    sl_conf_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),      cmocka_unit_test(test_ports),
        cmocka_unit_test(test_addresses),  cmocka_unit_test(test_urls),
        cmocka_unit_test(test_wrong_urls), cmocka_unit_test(test_environment),
        cmocka_unit_test(test_own),        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_variable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
