/* The store of a snapshot: where it is, derived and given, and what is wrong with it. */
#include "conf/parts/store.c"

#include "_conf_build.h"

static const char *at_home(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "HOME") == 0 ? "/home/u" : NULL;
}

static const char *at_state(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "SLUICE_STATE") == 0 ? "/var/lib/s"
           : strcmp(name, "HOME") == 0       ? "/h"
                                             : NULL;
}

static void places(sl_env_fn *get, const char *name, const char *text, const char *url,
                   const char *dir)
{
    struct sl_env env = {.get = get};
    struct sl_conf *c = sl_conf_parse(name, sl_str_of(text), &env);
    struct sl_gateway_conf *m = sl_build_snapshot(c, NULL, NULL);

    if (m == NULL)
        fail_msg("%.*s", SL_STR_ARGS(sl_faults_text(&c->faults)));
    build_is(m->store.url, url);
    build_is(m->store.state_dir, dir);
    test_text_is(c, "store.url", url); /* `check` shows it, too */
    sl_gateway_conf_drop(&m);
    sl_conf_end(&c);
}

static void test_places(void **state)
{
    (void)state;
    places(at_home, "t.yaml", TEST_BASE, "embedded:/home/u/.local/state/sluice/data",
           "/home/u/.local/state/sluice");
    places(at_state, "t.yaml", TEST_BASE, "embedded:/var/lib/s/data", "/var/lib/s");
    places(test_env_get, "t.yaml", TEST_BASE, "embedded:", "");
    places(at_state, "/etc/sluice/t.yaml", TEST_BASE "store: {url: \"embedded:./d\"}\n",
           "embedded:/etc/sluice/./d", "/var/lib/s");
    places(at_state, "/etc/sluice/t.yaml", TEST_BASE "store: {url: \"embedded:\"}\n",
           "embedded:", "/var/lib/s");
    places(at_state, "/etc/sluice/t.yaml", TEST_BASE "store: {state_dir: one}\n",
           "embedded:/etc/sluice/one/data", "/etc/sluice/one");
    places(at_state, "t.yaml", TEST_BASE "store: {url: \"redis://h\"}\n", "redis://h",
           "/var/lib/s");
}

static void test_given(void **state)
{
    struct sl_gateway_conf *m = build_made(
        TEST_BASE
        "store: {url: \"rediss://u:p%40@h:1/2\", cache_url: \"unix:///run/r.sock\", timeout: 1s, "
        "on_outage: refuse, generations: false, prefix: \"a_b.c-d:\", ca_file: ca.pem}\nlimits: "
        "{qps: 9}\n");

    (void)state;
    build_is(m->store.url, "rediss://u:p%40@h:1/2");
    build_is(m->store.cache_url, "unix:///run/r.sock");
    build_is(m->store.prefix, "a_b.c-d:");
    build_is(m->store.ca_file, "ca.pem");
    assert_int_equal(m->store.timeout_ms, 1000);
    assert_true(m->store.refuse);
    assert_false(m->generations);
    assert_false(m->store.fresh);
    assert_int_equal(m->qps, 9);
    sl_gateway_conf_drop(&m);
    m = build_made(TEST_BASE);
    build_is(m->store.prefix, "slc:");
    build_is(m->store.cache_url, "");
    assert_int_equal(m->store.timeout_ms, 50);
    assert_false(m->store.refuse);
    assert_true(m->generations);
    assert_int_equal(m->qps, 0);
    sl_gateway_conf_drop(&m);
}

static void joins(const char *url, const char *password, const char *want)
{
    char text[512];
    struct sl_gateway_conf *m;

    snprintf(text, sizeof(text), "%sstore: {url: \"%s\", password: \"%s\"}\n", TEST_BASE, url,
             password);
    m = build_made(text);
    build_is(m->store.url, want);
    sl_gateway_conf_drop(&m);
}

static void test_password(void **state)
{
    (void)state;
    joins("redis://h:1/2", "p/w@:%#?", "redis://:p%2Fw%40%3A%25%23%3F@h:1/2");
    joins("redis://me@h", "pw", "redis://me:pw@h");
    joins("unix:///run/r.sock?db=1", "pw", "unix://:pw@/run/r.sock?db=1");
    joins("redis+sentinel://a:1,b:2/m/0", "pw", "redis+sentinel://:pw@a:1,b:2/m/0");
    joins("embedded:", "pw", "embedded:");
    build_refused(TEST_BASE "store: {url: \"redis://u:p@h\", password: q}\n",
                  "store.url: holds a password, and so does store.password");
    build_refused(TEST_BASE
                  "store: {url: \"redis://h\", cache_url: \"redis://u:p@h\", password: q}\n",
                  "store.cache_url: holds a password");
}

static void test_refusals(void **state)
{
    (void)state;
    build_refused(TEST_BASE "store: {url: \"http://h\"}\n",
                  "store.url: the Redis URL must begin with redis://");
    build_refused(TEST_BASE "store: {url: embedded}\n", "without a Redis it is embedded:DIR");
    build_refused(TEST_BASE "store: {url: \"redis://h:99999\"}\n", "store.url: the Redis URL");
    build_refused(TEST_BASE "store: {url: \"redis://h/x\"}\n", "store.url: the Redis URL");
    build_refused(TEST_BASE "store: {url: \"redis://h\", cache_url: \"nowhere\"}\n",
                  "store.cache_url: the Redis URL");
    build_refused(TEST_BASE "store: {url: \"redis://h\", cache_url: \"embedded:d\"}\n",
                  "store.cache_url: must be a Redis");
    build_refused(TEST_BASE "store: {cache_url: \"redis://h\"}\n",
                  "store.cache_url: needs a Redis as store.url, too");
    build_refused(TEST_BASE "store: {prefix: \"a{b}\"}\n", "store.prefix: takes 1 to 32 letters");
    build_refused(TEST_BASE "store: {prefix: \"\"}\n", "store.prefix: takes 1 to 32 letters");
    build_refused(TEST_BASE "store: {prefix: \"123456789012345678901234567890123\"}\n",
                  "store.prefix: takes 1 to 32 letters");
    test_refused(TEST_BASE "store: {on_outage: wait}\n",
                 "store.on_outage: must be one of local|refuse");
    test_refused(TEST_BASE "store: {timeout: 0}\n", "store.timeout: must lie between 1 and 10000");
    test_refused(TEST_BASE "store: {timeout: 11s}\n", "store.timeout: must lie between");
    test_refused(TEST_BASE "store: {file: x}\n", "store.file: unknown key");
    test_refused(TEST_BASE "store: {url: \"seal:v1:x\"}\n", "there is no master key");
    test_refused(TEST_BASE "store: {url: \"file:/no/such\"}\n", "/no/such: cannot be read");
    test_refused(TEST_BASE "limits: {qps: 100001}\n", "limits.qps: must lie between 0 and 100000");
}

/* What is wrong is said without the password. */
static void test_no_secret_in_faults(void **state)
{
    static const char *const urls[] = {"redis://u:hunter22@h:x", "redis://:hunter22@",
                                       "redis://u:hunter22@h/db/x", "ftp://u:hunter22@h"};
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct sl_conf *c;

        snprintf(text, sizeof(text), "%sstore: {url: \"%s\"}\n", TEST_BASE, urls[i]);
        c = test_accepted(text);
        assert_null(sl_build_snapshot(c, NULL, NULL));
        assert_true(c->faults.n > 0);
        assert_true(sl_str_find(sl_faults_text(&c->faults), SL_STR("hunter")) < 0);
        sl_conf_end(&c);
    }
}

/* All of the store but what is noted in it is fixed while the process runs. */
static void test_fixed(void **state)
{
    struct sl_conf *a = test_accepted(TEST_BASE);
    struct sl_conf *b = test_accepted(
        TEST_BASE "store: {url: \"redis://h\", password: p, cache_url: \"redis://c\", timeout: 1s, "
                  "on_outage: refuse, prefix: x, ca_file: c, state_dir: d}\n");
    char out[256];

    (void)state;
    sl_build_fixed(a, b, out, sizeof(out));
    assert_string_equal(out, "store.url, store.password, store.cache_url, store.timeout, "
                             "store.on_outage, store.prefix, store.ca_file, store.state_dir");
    sl_conf_end(&a);
    sl_conf_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_given),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_secret_in_faults),
        cmocka_unit_test(test_fixed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
