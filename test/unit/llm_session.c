/* The session within a user field: two forms of Claude Code's, and anything else. */
#include "llm/session.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_session(const char *user, const char *want)
{
    char out[SL_SESSION_MAX];
    struct sl_str got = sl_session_of(sl_str_of(user), out);

    if (!sl_str_eq(got, sl_str_of(want)))
        fail_msg("%s: %.*s, not %s", user, SL_STR_ARGS(got), want);
}

static void test_forms(void **state)
{
    (void)state;
    assert_session("{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"s-1\"}", "s-1");
    assert_session("{\"session_id\":\"a\\u0062c\"}", "abc");
    assert_session("user_0123_account__session_9f-8", "9f-8");
    assert_session("", "");
    assert_session("alice", "");
    assert_session("x_session_", "");
    assert_session("{\"device_id\":\"d\"}", "");
    assert_session("{\"session_id\":7}", "");
    assert_session("{\"session_id\":{\"session_id\":\"in\"}}", "");
    assert_session("{\"session_id\":\"cut", "");
    assert_session("{\"session_id\":\"a\"} rest", "");
    assert_session("{", "");
}

static void assert_user(const char *user, const char *want)
{
    char out[SL_SESSION_MAX];
    struct sl_str got = sl_session_user(sl_str_of(user), out);

    if (!sl_str_eq(got, sl_str_of(want)))
        fail_msg("%s: %.*s, not %s", user, SL_STR_ARGS(got), want);
}

static void test_users(void **state)
{
    (void)state;
    assert_user("{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"s-1\"}", "d");
    assert_user("{\"device_id\":\"d\",\"account_uuid\":\"a\",\"session_id\":\"s-1\"}", "a");
    assert_user("{\"session_id\":\"s-1\"}", "{\"session_id\":\"s-1\"}");
    assert_user("{\"account_uuid\":\"cut", "{\"account_uuid\":\"cut");
    assert_user("user_0123_account__session_9f-8", "user_0123_account_");
    assert_user("alice", "alice");
    assert_user("_session_9f-8", "_session_9f-8");
    assert_user("", "");
}

static void test_bounded(void **state)
{
    char user[400] = "u_session_", out[SL_SESSION_MAX];

    (void)state;
    memset(user + 10, 'x', sizeof user - 11);
    assert_int_equal(sl_session_of(sl_str_of(user), out).n, SL_SESSION_MAX);
    memcpy(user, "{\"session_id\":\"", 15);
    memcpy(user + sizeof user - 3, "\"}", 3);
    assert_int_equal(sl_session_of(sl_str_of(user), out).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
