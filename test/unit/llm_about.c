/* What speaks of an account or shows a key, and what only looks so. */
#include "llm/about.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define KEY "sk-prov-Zq7RtY2uIoP4aSdF6gHjK8lXcVbN0mWe"

static void test_keys(void **state)
{
    static const struct {
        const char *text, *key;
        bool want;
    } cases[] = {
        {"provided: " KEY ".", KEY, true},
        {KEY, KEY, true},
        {"sk-prov-Zq7RtY2u", KEY, true}, /* 16 of its beginning */
        {"sk-prov-Zq7RtY2", KEY, false},
        {"jK8lXcVbN0mWe", KEY, false},
        {"6gHjK8lXcVbN0mWe", KEY, true}, /* of its end */
        {"<uIoP4aSdF6gHjK8l>", KEY, true},
        {"uIoP4aSdF6gHjK8-", KEY, false}, /* 15 of its middle */
        {"sk-prov-sk-prov-Zq7RtY2uI", KEY, true},
        {"sk-prov-*****0mWe", KEY, true},
        {"...0mWe", KEY, true},
        {"..0mWe", KEY, false},
        {"\xe2\x80\xa6"
         "0mWe",
         KEY, true},
        {"\xe2\x80\xa2"
         "0mWe",
         KEY, true},
        {"\\u2026"
         "0mWe",
         KEY, true},
        {"\\u2022"
         "0mWe",
         KEY, true},
        {"0mWe ***0mWe", KEY, true}, /* the second one */
        {"0mWe", KEY, false},
        {"***mWe", KEY, false},
        {"***1mWe", KEY, false},
        {"sk-prov-...", KEY, false},
        {"", KEY, false},
        {"the key short-key fails", "short-key", true},
        {"***-key", "short-key", false},
        {"short-ke", "short-key", false},
        {"none", "none", false}, /* no secret */
        {"key abc12 is wrong", "abc12", true},
        {"\"abc12\"", "abc12", true},
        {"abc123, xabc12 abc12-3", "abc12", false},
        {"a1b", "a1b", false},
        {"anything", "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (sl_about_key(sl_str_of(cases[i].text), sl_str_of(cases[i].key)) != cases[i].want)
            fail_msg("%s in %s", cases[i].key, cases[i].text);
    assert_false(sl_about_key((struct sl_str){NULL, 0}, sl_str_of(KEY)));
}

static void test_accounts(void **state)
{
    static const struct {
        const char *text;
        bool want, quota;
    } cases[] = {
        {"{\"error\":{\"code\":\"insufficient_quota\"}}", true, true},
        {"Your credit balance is too low", true, true},
        {"{\"type\":\"billing_error\"}", true, true},
        {"Limit reached in organization org-abc", true, false},
        {"(organization x)", true, false},
        {"no model 'get_organization'", false, false},
        {"input \\\"org-chart\\\" is no tool", false, false},
        {"", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool quota = !cases[i].quota;

        if (sl_about_account(sl_str_of(cases[i].text), &quota) != cases[i].want ||
            quota != cases[i].quota)
            fail_msg("%s", cases[i].text);
    }
}

static void test_moderation(void **state)
{
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        {"{\"error\":{\"code\":403,\"message\":\"m\",\"metadata\":{\"reasons\":[\"violence\"],"
         "\"flagged_input\":\"how to\",\"provider_name\":\"p\"}},\"user_id\":\"u\"}",
         true},
        {"{\"error\":{\"metadata\":{\"flagged_input\":\"x\"}}}", true},
        {"{\"error\":{\"metadata\":{\"reasons\":[\"x\"]}}}", true},
        {"{\"error\":{\"metadata\":{\"error_type\":\"content_policy_violation\"}}}", true},
        {"{\"type\":\"error\",\"error\":{\"type\":\"permission_error\","
         "\"error_type\":\"content_filter\"}}",
         true},
        {"{\"error\":{\"type\":\"moderation\"}}", true},
        {"{\"error\":{\"code\":\"moderation_blocked\"}}", true},
        {"{\"error\":{\"metadata\":{\"flagged_input\":\"\",\"reasons\":[]}}}", false},
        {"{\"error\":{\"metadata\":{\"error_type\":\"permission_denied\"}}}", false},
        {"{\"error\":{\"code\":403,\"message\":\"flagged_input, moderation\"}}", false},
        {"{\"error\":\"content_filter\"}", false},
        {"{\"flagged_input\":\"x\"}", false},
        {"{\"error\":{\"code\":\"moderation\"}", false}, /* no JSON */
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (sl_about_moderation(sl_str_of(cases[i].text)) != cases[i].want)
            fail_msg("%s", cases[i].text);
}

static void extras(void **state)
{
    const struct sl_str text = SL_STR("400: token tok-9f8e7d6c, version 2023-06-01, our team.");

    (void)state;
    assert_true(sl_about_extra(text, SL_STR("X-Token"), SL_STR("tok-9f8e7d6c")));
    assert_true(sl_about_extra(text, SL_STR("x-token"), SL_STR("Basic tok-9f8e7d6c")));
    assert_false(sl_about_extra(text, SL_STR("x-token"), SL_STR("tok-9f8e7d6d")));
    assert_false(sl_about_extra(text, SL_STR("Anthropic-Version"), SL_STR("2023-06-01")));
    assert_false(sl_about_extra(text, SL_STR("x-team"), SL_STR("our team")));
    assert_true(sl_about_query(text, SL_STR("a=b&sig=tok-9f8e7d6c")));
    assert_false(sl_about_query(text, SL_STR("api-version=2023-06-01&a=&b")));
    assert_false(sl_about_query(text, SL_STR("")));
}

static void test_behind_escapes(void **state)
{
    static const struct {
        const char *text, *plain;
    } cases[] = {
        {"k\\/ab\\/z\\u002b9", "k/ab/z+9"},
        {"{\\\"m\\\":\\\"k\\\\\\/ab\\\"}", "{\"m\":\"k/ab\"}"}, /* one in another */
        {"\\\\\\\\u0041", "A"},
        {"\\n\\u00e4\\u12", "\\n\\u00e4\\u12"},
        {"no more\\", "no more\\"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[64];
        size_t n = sl_about_plain(sl_str_of(cases[i].text), out);

        if (!sl_str_eq((struct sl_str){out, n}, sl_str_of(cases[i].plain)))
            fail_msg("%s: %.*s", cases[i].text, (int)n, out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_behind_escapes),
                                       cmocka_unit_test(extras), cmocka_unit_test(test_keys),
                                       cmocka_unit_test(test_accounts),
                                       cmocka_unit_test(test_moderation)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
