/* What a request says: each text of the prompt, and nothing that is no language. */
#include "llm/said.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void note(void *ctx, struct sl_str inner, bool json)
{
    char *all = ctx;

    snprintf(all + strlen(all), 500 - strlen(all), "%.*s%s|", SL_STR_ARGS(inner), json ? "$" : "");
}

static void each(void **state)
{
    static const struct {
        const char *body, *want;
    } cases[] = {
        {"{\"model\":\"m\",\"system\":\"s\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
         "s|a|"},
        {"{\"system\":[{\"type\":\"text\",\"text\":\"s\",\"cache_control\":{\"type\":\"x\"}}],"
         "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
         "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
         "\"data\":\"AAAA\"}},{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"n\",\"input\":"
         "{\"q\":\"b\"}},{\"type\":\"tool_result\",\"tool_use_id\":\"i\",\"content\":"
         "[{\"type\":\"text\",\"text\":\"c\"}]}]}],\"tools\":[{\"description\":\"no\"}]}",
         "s|a|b|c|"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\\\"b\"},"
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x\"}}]},{\"role\":\"assistant\","
         "\"content\":null,\"tool_calls\":[{\"id\":\"i\",\"function\":{\"name\":\"n\","
         "\"arguments\":\"{}\"}}]}],\"user\":\"u\"}",
         "a\\\"b|{}$|"},
        {"{\"instructions\":\"i\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":"
         "\"input_text\",\"text\":\"a\"},{\"type\":\"input_image\",\"image_url\":\"data:x\"}]},"
         "\"b\"],\"metadata\":{\"k\":\"no\"}}",
         "i|a|b|"},
        {"{\"prompt\":[\"a\",\"\",\"b\"],\"suffix\":\"c\",\"stop\":\"no\"}", "a||b|c|"},
        {"{\"input\":[[1,2],[3]]}", ""},
        {"{\"mess\\u0061ges\":\"a\",\"messages\":7}", "a|"},
        {"{\"messages\":[{\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"text\","
         "\"media_type\":\"text/plain\",\"data\":\"a\"}},{\"type\":\"tool_use\",\"name\":\"no\","
         "\"input\":{\"name\":\"b\",\"data\":[{\"type\":\"c\"}]}}]}]}",
         "a|b|c|"},
        {"{\"messages\":[{\"type\":\"t\\u0065xt\",\"d\\u0061ta\":\"a\"},"
         "{\"type\":\"base64\",\"data\":\"b\",\"type\":\"text\"},{\"data\":\"no\"},"
         "{\"type\":\"base64\",\"data\":\"no\"}]}",
         "a|b|"},
        {"{\"prompt\":{\"id\":\"no\",\"variables\":{\"id\":\"a\"}}}", "a|"},
        {"{}", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char all[500] = "";

        sl_said_each(sl_str_of(cases[i].body), note, all);
        assert_string_equal(all, cases[i].want);
    }
}

static void answers(void **state)
{
    static const struct {
        const char *body, *want;
    } cases[] = {
        {"{\"id\":\"no\",\"type\":\"message\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
         "\"a\",\"signature\":\"no\"},{\"type\":\"text\",\"text\":\"b\"},{\"type\":\"tool_use\","
         "\"id\":\"no\",\"name\":\"no\",\"input\":{\"q\":\"c\"}}],\"stop_reason\":\"no\"}",
         "a|b|c|"},
        {"{\"object\":\"no\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
         "\"content\":\"a\",\"refusal\":null,\"tool_calls\":[{\"id\":\"no\",\"function\":"
         "{\"name\":\"no\",\"arguments\":\"{}\"}}]},\"logprobs\":{\"content\":[{\"token\":"
         "\"no\"}]},\"finish_reason\":\"stop\"},{\"text\":\"b\"}]}",
         "a|{}$|b|"},
        {"{\"choices\":[{\"content_filter_results\":{\"hate\":{\"filtered\":false,\"severity\":"
         "\"no\"}},\"message\":{\"content\":\"a\",\"content_filter_result\":{\"error\":{"
         "\"message\":\"no\"}}},\"content_filter_offsets\":{\"check\":\"no\"},"
         "\"prompt_filter_results\":[{\"hate\":{\"severity\":\"no\"}}],"
         "\"content_filter_raw\":[\"no\"]}]}",
         "a|"},
        {"{\"model\":\"no\",\"output\":[{\"type\":\"message\",\"content\":[{\"type\":"
         "\"output_text\",\"text\":\"a\"}]},{\"type\":\"image_generation_call\",\"result\":"
         "\"no\"},{\"type\":\"mcp_call\",\"result\":\"b\"},{\"type\":"
         "\"image_generation_call\",\"result\":\"c\",\"type\":\"mcp_call\"},{\"result\":\"d\"}],"
         "\"instructions\":\"no\"}",
         "a|b|c|d|"},
        {"{\"output\":\"a\",\"model\":\"no\"}", "a|"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char all[500] = "";

        sl_said_answer(sl_str_of(cases[i].body), note, all);
        assert_string_equal(all, cases[i].want);
    }
}

/* Of an event of a stream nobody has checked how deep it is. */
static void depth(void **state)
{
    char deep[20000], all[500] = "";

    (void)state;
    memset(deep, '[', sizeof(deep));
    sl_said_value(SL_STR("output"), (struct sl_str){deep, sizeof(deep)}, note, all);
    assert_string_equal(all, "");
}

static void count(void *ctx, struct sl_str inner, bool json)
{
    size_t *n = ctx;

    *n += inner.n == 1 && !json;
}

/* As large as a body may be, and of members that ask what their object is: each asking anew, it
 * would take minutes. */
static void many_members(void **state)
{
    static const char head[] = "{\"messages\":[{\"data\":\"a\"", tail[] = ",\"type\":\"text\"}]}";
    static const char *const members[] = {",\"data\":\"a\"", ",\"result\":\"a\""};
    const size_t most = 100000;

    (void)state;
    for (size_t m = 0; m < COUNT(members); m++) {
        size_t one = strlen(members[m]), n = sizeof(head) - 1, found = 0;
        char *body = malloc(n + most * one + sizeof(tail));

        assert_non_null(body);
        memcpy(body, head, n);
        for (size_t i = 0; i < most; i++, n += one)
            memcpy(body + n, members[m], one);
        memcpy(body + n, tail, sizeof(tail) - 1);
        sl_said_each((struct sl_str){body, n + sizeof(tail) - 1}, count, &found);
        assert_int_equal(found, most + 1);
        free(body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each), cmocka_unit_test(answers),
                                       cmocka_unit_test(depth), cmocka_unit_test(many_members)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
