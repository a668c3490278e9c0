/* A full context, in the words of each protocol; and what only sounds like one. */
#include "llm/window.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_wordings(void **state)
{
    static const struct {
        int status;
        bool want;
        const char *body;
    } cases[] = {
        {400, true,
         "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt "
         "is "
         "too long: 210000 tokens > 200000 maximum\"}}"},
        {400, true,
         "{\"type\":\"error\",\"error\":{\"message\":\"input length and `max_tokens` exceed "
         "context "
         "limit: 190000 + 20000 > 200000\"}}"},
        {400, true, "{\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"too much\"}}"},
        {400, true,
         "{\"object\":\"error\",\"message\":\"This model's maximum context length is 4096 "
         "tokens.\"}"},
        {413, true, "{\"error\":{\"message\":\"exceeds the context window\"}}"},
        {413, false, "{\"error\":{\"type\":\"request_too_large\"}}"},
        {400, false, "{\"error\":{\"message\":\"max_tokens: must be positive\"}}"},
        {500, false, "prompt is too long"},
        {200, false, "prompt is too long"},
        {400, false, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (sl_window_is_too_long(cases[i].status, sl_str_of(cases[i].body)) != cases[i].want)
            fail_msg("%d %s", cases[i].status, cases[i].body);
    assert_false(sl_window_is_too_long(400, (struct sl_str){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_wordings)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
