/* Consul in a configuration: a provider's address, and what this gateway is known by. */
#include "conf/parts/consul.c"

#include "_conf_build.h"

#define MODEL "models: [{name: \"*\", targets: [{provider: p}]}]\n"
#define WITH(url, more)                                                                            \
    "providers: [{name: p, protocol: openai, base_url: \"" url "\"" more "}]\n" MODEL

static void leads_to(const char *text, const char *target, const char *host, const char *prefix)
{
    struct sl_gateway_conf *made = build_made(text);
    const struct sl_provider *p = &made->providers[0];

    assert_non_null(p->consul);
    build_is(p->consul->target, target);
    build_is(p->host_header, host);
    build_is(p->openai_prefix, prefix);
    build_is(p->consul->host_header, "10.0.0.1:8500");
    sl_gateway_conf_drop(&made);
}

static void test_addresses(void **state)
{
    (void)state;
    leads_to(WITH("consul://10.0.0.1:8500/llm", ""), "/v1/health/service/llm?passing=1", "llm", "");
    leads_to(WITH("consul://10.0.0.1:8500/llm?tag=a&tag=b-1&dc=east", ""),
             "/v1/health/service/llm?passing=1&tag=a&tag=b-1&dc=east", "llm", "");
    leads_to(WITH("consul://10.0.0.1:8500/a.b_c-d?scheme=https&path=/v1/", ""),
             "/v1/health/service/a.b_c-d?passing=1", "a.b_c-d", "/v1");
}

static void test_wrong_addresses(void **state)
{
    static const char shape[] = "base_url: must be consul://HOST:PORT/SERVICE";

    (void)state;
    build_refused(WITH("consul://", ""), shape);
    build_refused(WITH("consul:///llm", ""), shape);
    build_refused(WITH("consul://h:1", ""), shape);
    build_refused(WITH("consul://h:1/", ""), shape);
    build_refused(WITH("consul://h:1/a/b", ""), shape);
    build_refused(WITH("consul://h:1/a%20b", ""), shape);
    build_refused(WITH("consul://h:99999/llm", ""), "base_url: its port");
    build_refused(WITH("consul://u:p@h:1/llm", ""), "base_url: ");
    build_refused(WITH("consul://h:1/llm?near=me", ""), "base_url: takes tag=");
    build_refused(WITH("consul://h:1/llm?tag=", ""), "base_url: takes tag=");
    build_refused(WITH("consul://h:1/llm?tag=a b", ""), "base_url: takes tag=");
    build_refused(WITH("consul://h:1/llm?scheme=ftp", ""), "base_url: takes tag=");
    build_refused(WITH("consul://h:1/llm?path=v1", ""), "base_url: takes tag=");
    build_refused(WITH("consul://h:1/llm", ", proxy: \"http://p:1\""), "proxy: instances that");
    build_refused(WITH("consul://h:1/llm", "") "consul: {token: \"a\\nb\"}",
                  "consul.token: must be");
}

static void known_by(const char *more, const char *id, const char *part)
{
    char text[1024];
    struct sl_gateway_conf *made;

    snprintf(text, sizeof(text), TEST_BASE "%s", more);
    made = build_made(text);
    assert_non_null(made->enrol);
    build_is(made->enrol->id, id);
    if (sl_str_find(made->enrol->body, sl_str_of(part)) < 0)
        fail_msg("%s is not in %.*s", part, SL_STR_ARGS(made->enrol->body));
    sl_gateway_conf_drop(&made);
}

static void test_register(void **state)
{
    struct sl_gateway_conf *made = build_made(TEST_BASE "consul: {token: x}\n");

    (void)state;
    assert_null(made->enrol);
    sl_gateway_conf_drop(&made);
    known_by("listen: 10.1.1.1:80\nconsul: {register: {service: s}}\n", "s-10.1.1.1-80",
             "\"HTTP\":\"http://127.0.0.1:9091/readyz\"");
    known_by("listen: 0.0.0.0:80\nadmin: {listen: \"0.0.0.0:90\"}\n"
             "consul: {register: {service: s, address: \"fd00::2\"}}\n",
             "s-fd00--2-80", "\"HTTP\":\"http://[fd00::2]:90/readyz\"");
    known_by(
        "listen: \"unix:/s\"\nadmin: {listen: \"unix:/a\"}\nconsul: {register: {service: s, id: me,"
        " address: 10.1.1.1, port: 81, check: \"http://x/readyz\", tags: [a, \"b\\\"\"]}}\n",
        "me", "\"Port\":81,\"Tags\":[\"a\",\"b\\\"\"]");
}

static void test_wrong_register(void **state)
{
    (void)state;
    build_refused(TEST_BASE "listen: 0.0.0.0:80\nconsul: {register: {service: s}}\n",
                  "consul.register: needs address and port");
    build_refused(TEST_BASE "listen: \"unix:/s\"\nconsul: {register: {service: s, address: a}}\n",
                  "consul.register: needs address and port");
    build_refused(TEST_BASE "admin: {listen: \"unix:/a\"}\nconsul: {register: {service: s}}\n",
                  "consul.register.check: needs the URL");
    build_refused(TEST_BASE "consul: {register: {service: \"a/b\"}}\n",
                  "service and id take letters");
    build_refused(TEST_BASE "consul: {register: {service: s, id: \"a b\"}}\n",
                  "service and id take letters");
    build_refused(TEST_BASE "consul: {register: {service: s, agent: \"h:x\"}}\n",
                  "consul.register.agent: its port");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_wrong_addresses),
        cmocka_unit_test(test_register),
        cmocka_unit_test(test_wrong_register),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
