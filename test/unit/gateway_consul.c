/* Promise: of a Consul agent's answer nothing is taken but addresses and ports that are whole, and
 * the next query asks with an index that can be waited for. */
#include "gateway/discovery/consul.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct sl_consul_list list;

static void reads(const char *body, size_t n, size_t unusable)
{
    if (!sl_consul_read(sl_str_of(body), &list))
        fail_msg("not read: %s", body);
    if (list.n != n || list.unusable != unusable)
        fail_msg("%s: %zu and %zu", body, list.n, list.unusable);
}

static void test_instances(void **state)
{
    (void)state;
    reads("[]", 0, 0);
    reads(" [ ] \n", 0, 0);
    reads("[{\"Service\":{\"Address\":\"10.0.0.1\",\"Port\":80},\"Node\":{\"Address\":\"10.9.9.9\"}"
          "}]",
          1, 0);
    assert_string_equal(list.at[0].host, "10.0.0.1");
    assert_int_equal(list.at[0].port, 80);
    reads("[{\"Node\":{\"Address\":\"fd00::9\"},\"Service\":{\"Address\":\"\",\"Port\":65535}}]", 1,
          0);
    assert_string_equal(list.at[0].host, "fd00::9");
    reads("[{\"Node\":{\"Address\":\"10.9.9.9\"},\"Service\":{\"Port\":1}}]", 1, 0);
    assert_string_equal(list.at[0].host, "10.9.9.9");
}

/* Each alone is left out, and the good one beside it stays. */
static void test_unusable(void **state)
{
    static const char *const odd[] = {
        "1",
        "null",
        "\"x\"",
        "[]",
        "{}",
        "{\"Service\":null}",
        "{\"Service\":{\"Address\":\"10.0.0.1\"}}",
        "{\"Service\":{\"Address\":\"10.0.0.1\",\"Port\":0}}",
        "{\"Service\":{\"Address\":\"10.0.0.1\",\"Port\":65536}}",
        "{\"Service\":{\"Address\":\"10.0.0.1\",\"Port\":-1}}",
        "{\"Service\":{\"Address\":\"10.0.0.1\",\"Port\":\"80\"}}",
        "{\"Service\":{\"Address\":\"host.example\",\"Port\":80},\"Node\":{\"Address\":\"10.0.0."
        "1\"}}",
        "{\"Service\":{\"Address\":\"10.0.0.1\\u0000x\",\"Port\":80}}",
        "{\"Service\":{\"Address\":\"\",\"Port\":80}}",
        "{\"Service\":{\"Address\":\"\",\"Port\":80},\"Node\":7}",
        "{\"Service\":{\"Address\":\"1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222:33\","
        "\"Port\":80}}",
    };
    char body[512];

    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        snprintf(body, sizeof(body), "[%s,{\"Service\":{\"Address\":\"::1\",\"Port\":9}}]", odd[i]);
        reads(body, 1, 1);
        assert_string_equal(list.at[0].host, "::1");
    }
}

static void test_no_list(void **state)
{
    static const char *const bad[] = {
        "", " ", "{}", "null", "[", "[{]", "[]x", "No path", "[{\"Service\":{\"Port\":1"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(sl_consul_read(sl_str_of(bad[i]), &list));
}

static void test_many(void **state)
{
    static char body[(SL_GROUP_MAX + 7) * 64];
    size_t n = 1;

    (void)state;
    body[0] = '[';
    for (int i = 0; i < SL_GROUP_MAX + 5; i++)
        n += (size_t)snprintf(body + n, sizeof(body) - n,
                              "%s{\"Service\":{\"Address\":\"10.0.0.1\",\"Port\":%d}}",
                              i > 0 ? "," : "", i + 1);
    snprintf(body + n, sizeof(body) - n, "]");
    reads(body, SL_GROUP_MAX, 0);
    assert_int_equal(list.left_out, 5);
}

static void test_index(void **state)
{
    (void)state;
    assert_int_equal(sl_consul_index(0, SL_STR("7")), 7);
    assert_int_equal(sl_consul_index(7, SL_STR("7")), 7);
    assert_int_equal(sl_consul_index(7, SL_STR("8")), 8);
    assert_int_equal(sl_consul_index(7, SL_STR("6")), 0);
    assert_int_equal(sl_consul_index(7, SL_STR("0")), 0);
    assert_int_equal(sl_consul_index(7, SL_STR("")), 0);
    assert_int_equal(sl_consul_index(7, SL_STR("x")), 0);
    assert_int_equal(sl_consul_index(7, SL_STR("99999999999999999999")), 0);
}

static void test_calls(void **state)
{
    struct sl_consul c = {.host_header = SL_STR("a:1"),
                          .target = SL_STR("/v1/health/service/s?passing=1"),
                          .token = SL_STR("secret")};
    struct sl_enrol e = {.host_header = SL_STR("a:1"),
                         .id = SL_STR("s-1"),
                         .body = SL_STR("{}"),
                         .token = SL_STR("")};
    char place[512];
    struct sl_text t = sl_text_over(place, sizeof(place));

    (void)state;
    assert_true(sl_consul_ask(&t, &c, 0));
    assert_true(sl_str_starts(
        sl_text_str(&t), SL_STR("GET /v1/health/service/s?passing=1 HTTP/1.1\r\nhost: a:1\r\n")));
    assert_true(sl_str_find(sl_text_str(&t), SL_STR("\r\nx-consul-token: secret\r\n")) > 0);
    t = sl_text_over(place, sizeof(place));
    assert_true(sl_consul_ask(&t, &c, 42));
    assert_true(sl_str_find(sl_text_str(&t), SL_STR("?passing=1&index=42&wait=55s HTTP/1.1")) > 0);
    t = sl_text_over(place, sizeof(place));
    assert_true(sl_consul_register(&t, &e));
    assert_true(sl_str_find(sl_text_str(&t), SL_STR("\r\ncontent-length: 2\r\n\r\n")) > 0);
    assert_true(sl_str_find(sl_text_str(&t), SL_STR("token")) < 0);
    t = sl_text_over(place, sizeof(place));
    assert_true(sl_consul_deregister(&t, &e));
    assert_true(sl_str_starts(sl_text_str(&t), SL_STR("PUT /v1/agent/service/deregister/s-1 ")));
    t = sl_text_over(place, 64);
    assert_false(sl_consul_ask(&t, &c, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instances), cmocka_unit_test(test_unusable),
        cmocka_unit_test(test_no_list),   cmocka_unit_test(test_many),
        cmocka_unit_test(test_index),     cmocka_unit_test(test_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
