/* The schema's validator: types, bounds, unknown keys, defaults. */
#include "conf/fit.c"

#include "_conf_text.h"

static void test_sizes(void **state)
{
    static const char *const bad[] = {"",       "1",   "1K",    "1KB",           "1kib",
                                      "1.5MiB", "MiB", "-1KiB", "17179869184GiB"};
    uint64_t v;

    (void)state;
    assert_true(sl_fit_size(SL_STR("64KiB"), &v) && v == 65536);
    assert_true(sl_fit_size(SL_STR("32MiB"), &v) && v == 33554432);
    assert_true(sl_fit_size(SL_STR("1GiB"), &v) && v == 1073741824);
    assert_true(sl_fit_size(SL_STR("7B"), &v) && v == 7);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (sl_fit_size(sl_str_of(bad[i]), &v))
            fail_msg("accepted: '%s'", bad[i]);
}

/* Digit by digit: no fraction is a neighbour's. */
static void test_decimals(void **state)
{
    static const struct {
        const char *text;
        uint64_t want;
    } good[] = {{"0", 0},
                {"1", 1000000},
                {"0.1", 100000},
                {"12.50", 12500000},
                {"0.000001", 1},
                {"1e-6", 1},
                {"0.300000000", 300000},
                {"9007199254.740993", 9007199254740993}};
    static const char *const bad[] = {"",          "-1",  "-0.5", ".5", "1.",
                                      "0.0000001", "1,5", "$1",   "nan"};
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(sl_fit_decimal(sl_str_of(good[i].text), &v));
        assert_true(v == good[i].want);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (sl_fit_decimal(sl_str_of(bad[i]), &v))
            fail_msg("accepted: '%s'", bad[i]);
}

static void test_faults_say_where_and_what(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {TEST_BASE "nope: 1\n", "t.yaml:3:7: nope: unknown key; known here: listen"},
        {TEST_BASE "nope: 1\n", "include, providers, models, plans, tenants"}, /* to the last */
        {TEST_BASE "timeouts:\n  conect: 5s\n",
         "t.yaml:4:11: timeouts.conect: unknown key (is it connect?); known "
         "here: connect, first_byte"},
        {TEST_BASE "timeouts: {connect: 5}\n", "t.yaml:3:21: timeouts.connect: must be a duration"},
        {TEST_BASE "timeouts: {connect: 1ms}\n", "must lie between 10 and 300000 ms"},
        {TEST_BASE "timeouts: 5s\n", "timeouts: must be a map"},
        {TEST_BASE "timeouts: {connect: [5s]}\n", "timeouts.connect: must be a single value"},
        {TEST_BASE "limits: {body_max: 32MB}\n", "limits.body_max: must be a size"},
        {TEST_BASE "limits: {body_max: 2GiB}\n", "must lie between 1024 and 1073741824 bytes"},
        {TEST_BASE "limits: {connections: many}\n", "must be a whole number"},
        {TEST_BASE "limits: {connections: -1}\n", "must be a whole number"},
        {TEST_BASE "limits: {connections: 0}\n", "must lie between 1 and 1000000"},
        {TEST_BASE "meter_streams: yes\n", "meter_streams: must be true or false"},
        {TEST_BASE "log: {level: loud}\n", "log.level: must be one of debug|info|warn|error"},
        {TEST_BASE "forward_headers: {a: b}\n", "forward_headers: must be a list"},
        {TEST_BASE "forward_headers: [[a]]\n", "each element must be a plain value"},
        {TEST_BASE "forward_headers: [\"\"]\n", "an element is empty"},
        {TEST_BASE "tenants: {name: a}\n", "tenants: must be a list of maps"},
        {TEST_BASE "tenants: [a]\n", "tenants: each element must be a map"},
        {TEST_BASE "tenants: [{name: a, labels: [x]}]\n", "must be a map of names and values"},
        {TEST_BASE "tenants: [{name: a, labels: {x: [1]}}]\n", "each value must be plain text"},
        {TEST_BASE "tenants: [{keys: []}]\n", "t.yaml:3:11: tenants[].name: is missing"},
        {TEST_BASE "tenants: [{name: a, keys: [{sha256: abc}]}]\n", "64 hexadecimal digits"},
        {TEST_BASE "tenants: [{name: a, keys: [{expires: soon}]}]\n", "must be a date such as"},
        {"models: [{name: a, targets: [{provider: p}]}]\n", "providers: is missing"},
        {"providers: [" TEST_PROVIDER "]\n", "models: is missing"},
        {"providers: []\nmodels: []\n", "providers: needs at least one element"},
        {"providers: [{name: p, protocol: gopher, base_url: x}]\n",
         "providers[].protocol: must be one of anthropic|openai"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        test_refused(cases[i].text, cases[i].want);
}

static void test_sealed(void **state)
{
    (void)state;
    test_refused(TEST_BASE "admin: {key: \"seal:v1:abc\"}\n", "there is no master key");
    test_refused(TEST_BASE "listen: \"seal:v1:abc\"\n", "only secrets may be sealed");
}

/* A secret in the wrong place is not repeated in a message. */
static void test_values_are_not_repeated(void **state)
{
    struct sl_conf *c = test_read(TEST_BASE "limits: {body_max: sk-ant-secret}\n"
                                            "timeouts: {idle: sk-ant-secret}\n"
                                            "log: {level: sk-ant-secret}\n");

    (void)state;
    assert_int_equal(c->faults.n, 3);
    assert_true(sl_str_find(sl_faults_text(&c->faults), SL_STR("sk-ant")) < 0);
    sl_conf_end(&c);
}

static void test_defaults(void **state)
{
    struct sl_conf *c = test_accepted(TEST_BASE);
    const struct sl_node *provider = sl_node_get(c->root, "providers")->first;

    (void)state;
    test_text_is(c, "listen", "127.0.0.1:8080");
    test_text_is(c, "admin.listen", "127.0.0.1:9091");
    assert_int_equal(sl_conf_number(c, "timeouts.stream_total"), 3600000);
    assert_int_equal(sl_conf_number(c, "limits.body_max"), 32 << 20);
    assert_int_equal(sl_conf_number(c, "meter_streams"), 1);
    assert_int_equal(sl_conf_number(c, "log.level"), 1);
    assert_int_equal(sl_node_get(provider, "protocol")->kind, SL_NODE_LIST);
    assert_int_equal(sl_node_number(sl_node_get(provider, "tls"), "verify", 9), 1);
    assert_null(sl_node_get(sl_node_get(provider, "timeouts"), "connect"));
    assert_true(sl_node_get(c->root, "listen")->implied);
    sl_conf_end(&c);
}

/* Every row can be found by its own path, and no path stands twice. */
static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sl_schema_n; i++) {
        struct sl_str path = sl_str_of(sl_schema[i].path), parent = {"", 0}, key = path;

        for (size_t at = path.n; at > 0; at--) {
            if (path.p[at - 1] == '.') {
                parent = sl_str_first(path, at - 1);
                key = sl_str_from(path, at);
                break;
            }
        }
        assert_ptr_equal(sl_schema_find(parent, key), &sl_schema[i]);
        assert_non_null(sl_schema_type_name(&sl_schema[i]));
        assert_true(strlen(sl_schema[i].prose) > 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_faults_say_where_and_what),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_sealed),
        cmocka_unit_test(test_values_are_not_repeated),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
