/* Promise: what is sent to a token endpoint is a form as RFC 6749 has it, and nothing but
 * a good grant is taken from its answers. */
#include "gateway/tokens/grant.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct sl_oauth plain = {.host_header = SL_STR_INIT("tokens.example"),
                                      .path = SL_STR_INIT("/t"),
                                      .client_id = SL_STR_INIT("a b"),
                                      .client_secret = SL_STR_INIT("x&y=1"),
                                      .scope = SL_STR_INIT("r w"),
                                      .params = SL_STR_INIT("audience=z")};

static void holds(struct sl_str text, const char *what)
{
    assert_true(sl_str_find(text, sl_str_of(what)) >= 0);
}

static void test_request(void **state)
{
    struct sl_oauth o = plain;
    struct sl_str text = sl_grant_request(&o, (struct sl_str){"", 0});

    (void)state;
    assert_non_null(text.p);
    holds(text, "POST /t HTTP/1.1\r\nhost: tokens.example\r\n");
    holds(text, "\r\ncontent-length: 92\r\n\r\ngrant_type=client_credentials&client_id=a%20b&"
                "client_secret=x%26y%3D1&scope=r%20w&audience=z");
    sl_grant_forget(&text);
    assert_null(text.p);
    o.basic = true;
    text = sl_grant_request(&o, SL_STR("again"));
    holds(text, "authorization: Basic YSUyMGI6eCUyNnklM0Qx\r\n");
    holds(text, "\r\n\r\ngrant_type=refresh_token&refresh_token=again&scope=r%20w&audience=z");
    sl_grant_forget(&text);
}

static void test_request_without_memory(void **state)
{
    struct sl_oauth o = plain;
    uint64_t before = sl_mem_tries(), tries;
    struct sl_str text;

    (void)state;
    o.basic = true;
    text = sl_grant_request(&o, (struct sl_str){"", 0});
    tries = sl_mem_tries() - before;
    sl_grant_forget(&text);
    for (uint64_t i = 1; i <= tries; i++) {
        sl_mem_fail_at(i);
        text = sl_grant_request(&o, (struct sl_str){"", 0});
        sl_mem_fail_at(0);
        assert_null(text.p);
    }
}

static void good(const char *body, const char *token, uint64_t lives_ms)
{
    struct sl_grant g;
    char why[160] = "";

    assert_true(sl_grant_read(200, sl_str_of(body), &g, why, sizeof why));
    assert_true(sl_str_eq(g.token, sl_str_of(token)));
    assert_int_equal(g.lives_ms, lives_ms);
    sl_grant_fini(&g);
}

static void bad(int status, const char *body, const char *says)
{
    struct sl_grant g;
    char why[160] = "";

    assert_false(sl_grant_read(status, sl_str_of(body), &g, why, sizeof why));
    assert_null(g.token.p);
    assert_null(g.refresh.p);
    holds(sl_str_of(why), says);
}

static void test_answers_taken(void **state)
{
    (void)state;
    good("{\"access_token\":\"t\",\"token_type\":\"bearer\",\"expires_in\":60}", "t", 60000);
    good("{\"access_token\":\"\\u0041b\",\"expires_in\":\"7\"}", "Ab", 7000);
    good("{\"access_token\":\"t\"}", "t", SL_GRANT_LIVES_MS);
    good("{\"access_token\":\"t\",\"expires_in\":-1}", "t", SL_GRANT_LIVES_MS);
    good("{\"access_token\":\"t\",\"expires_in\":99999999999999}", "t",
         UINT64_C(1000) * SL_GRANT_LIVES_MAX_S);
}

static void test_answers_refused(void **state)
{
    (void)state;
    bad(200, "", "not JSON");
    bad(200, "<html>", "not JSON");
    bad(200, "[]", "not JSON");
    bad(200, "{\"access_token\":\"a\",\"access_token\":\"b\"}", "not JSON");
    bad(200, "{}", "no access token");
    bad(200, "{\"access_token\":7}", "no access token");
    bad(200, "{\"access_token\":\"\"}", "no access token");
    bad(200, "{\"access_token\":\"a\\r\\nx: y\"}", "no access token");
    bad(200, "{\"access_token\":\"a\",\"expires_in\":0}", "no access token");
    bad(200, "{\"access_token\":\"a\",\"token_type\":\"mac\"}", "another type");
    bad(400, "{\"error\":\"invalid_grant\"}", "answered 400: invalid_grant");
    bad(400, "{\"error\":\"Secret=x\"}", "answered 400");
    bad(500, "{\"error\":[]}", "answered 500");
    bad(302, "", "answered 302");
}

/* What the endpoint wrote into its error goes no further if it is no such word. */
static void test_errors_are_words(void **state)
{
    struct sl_grant g;
    char why[160];

    (void)state;
    assert_false(sl_grant_read(400, SL_STR("{\"error\":\"Secret=x\"}"), &g, why, sizeof why));
    assert_string_equal(why, "its token endpoint answered 400");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),          cmocka_unit_test(test_request_without_memory),
        cmocka_unit_test(test_answers_taken),    cmocka_unit_test(test_answers_refused),
        cmocka_unit_test(test_errors_are_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
