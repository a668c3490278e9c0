/* What is never cached: each cause refused, and its harmless neighbour let through. */
#include "policy/canon_refusal.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LINK "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}"

static const struct {
    const char *operation, *body;
    const char *why; /* NULL: may be cached */
} cases[] = {
    {"messages", "{}", NULL},
    {"messages", "{\"tools\":[],\"mcp_servers\":[],\"container\":null,\"store\":true,\"n\":3}",
     NULL},
    {"messages", "{\"tools\":[{\"name\":\"a\"},{\"type\":null},{\"type\":\"custom\"}]}", NULL},
    {"messages", "{\"tools\":[{\"name\":\"a\"},{\"type\":\"web_search_20250305\"}]}",
     "a tool of the provider's"},
    {"messages", "{\"to\\u006fls\":[{\"type\":\"code_execution_20260521\"}]}",
     "a tool of the provider's"},
    {"messages", "{\"tools\":[{\"type\":\"bash_20250124\"}]}", "a tool of the provider's"},
    {"messages", "{\"mcp_servers\":[{}]}", "mcp_servers"},
    {"messages", "{\"container\":\"c\"}", "container"},
    {"messages", "{\"thread\":{\"type\":\"create\"}}", "thread"},
    {"messages", "{\"max_tokens\":0}", "max_tokens 0"},
    {"messages", "{\"max_tokens\":10,\"model\":\"x\"}", NULL},
    {"messages", "{\"messages\":[{\"content\":\"https://x\"}]}", NULL},
    {"messages",
     "{\"messages\":[{\"content\":[{\"source\":{\"type\":\"base64\",\"data\":\"\"}},{\"source\":"
     "{\"type\":\"file\"}},{\"source\":{\"type\":\"text\"}},{\"source\":\"https://result\"},"
     "{\"type\":\"tool_use\",\"input\":{\"image_url\":\"https://"
     "x\",\"source\":{\"type\":\"url\"}}}]}]}",
     NULL},
    {"messages", "{\"messages\":[{\"content\":[{\"source\":{\"type\":\"url\"}}]}]}",
     "content by URL"},
    {"messages", "{\"messages\":[{\"content\":[{\"source\":{\"type\":\"\\u0075rl\"}}]}]}",
     "content by URL"},
    {"messages",
     "{\"messages\":[{\"content\":[{\"type\":\"tool_result\",\"content\":[{\"source\":{\"type\":"
     "\"content\","
     "\"content\":[{\"source\":{\"type\":\"url\"}}]}}]}]}]}",
     "content by URL"},
    {"messages", "{\"system\":[{\"source\":{\"url\":\"x\"}}]}", "content by URL"},
    {"messages", "{\"plugins\":[{\"id\":\"web\"}]}", "plugins"},
    {"chat", "{}", NULL},
    {"chat", "{\"n\":1,\"store\":false,\"modalities\":[\"text\"],\"plugins\":[],\"tools\":null}",
     NULL},
    {"chat", "{\"n\":null,\"store\":null,\"web_search_options\":null,\"modalities\":null}", NULL},
    {"chat", "{\"tools\":[{\"type\":\"function\"},{\"type\":\"custom\"}]}", NULL},
    {"chat", "{\"tools\":[{\"type\":\"function\"},{\"type\":\"web\"}]}",
     "a tool of the provider's"},
    {"chat", "{\"tools\":[{\"function\":{}}]}", "a tool of the provider's"},
    {"chat", "{\"n\":2}", "n over 1"},
    {"chat", "{\"n\":1.0}", "n over 1"},
    {"chat", "{\"store\":true}", "store"},
    {"chat", "{\"modalities\":[\"text\",\"audio\"]}", "audio"},
    {"chat", "{\"web_search_options\":{}}", "web search"},
    {"chat", "{\"model\":\"a/b:online\"}", "web search"},
    {"chat", "{\"model\":\"a/b:onlin\\u0065\"}", "web search"},
    {"chat", "{\"model\":\"a/b:free\"}", NULL},
    {"chat", "{\"messages\":[{\"content\":[" LINK "]}]}", "content by URL"},
    {"chat",
     "{\"messages\":[{\"content\":[{\"image_url\":{\"url\":\"data:image/png;base64,AA\"}},"
     "{\"file\":{\"file_data\":\"data:x\"}}]}]}",
     NULL},
    {"chat", "{\"messages\":[{\"content\":[{\"image_url\":{\"url\":\"DATA:image/png\"}}]}]}",
     "content by URL"},
    {"completions", "{\"n\":2}", "n over 1"},
    {"completions", "{\"prompt\":\"p\",\"tools\":[{}]}", NULL},
    {"responses", "{}", "store"},
    {"responses", "{\"store\":null}", "store"},
    {"responses", "{\"store\":true}", "store"},
    {"responses", "{\"store\":false}", NULL},
    {"responses", "{\"store\":false,\"background\":false,\"prompt\":null,\"conversation\":null}",
     NULL},
    {"responses", "{\"store\":false,\"previous_response_id\":\"r\"}", "previous_response_id"},
    {"responses", "{\"store\":false,\"conversation\":{\"id\":\"c\"}}", "conversation"},
    {"responses", "{\"store\":false,\"background\":true}", "background"},
    {"responses", "{\"store\":false,\"prompt\":{\"id\":\"p\"}}", "a stored prompt"},
    {"responses", "{\"store\":false,\"tools\":[{\"type\":\"web_search\"}]}",
     "a tool of the provider's"},
    {"responses", "{\"store\":false,\"input\":[{\"type\":\"item_reference\",\"id\":\"i\"}]}",
     "content by URL or reference"},
    {"responses",
     "{\"store\":false,\"input\":[{\"content\":[{\"type\":\"input_image\",\"image_url\":\"https://"
     "x\"}]}]}",
     "content by URL or reference"},
    {"responses", "{\"store\":false,\"input\":[{\"content\":[{\"file_url\":\"https://x\"}]}]}",
     "content by URL or reference"},
    {"responses",
     "{\"store\":false,\"input\":[{\"type\":\"function_call_output\",\"output\":[{\"image_url\":"
     "\"http:\"}]}]}",
     "content by URL or reference"},
    {"responses",
     "{\"store\":false,\"input\":[{\"content\":[{\"image_url\":\"data:x\",\"file_url\":null}]},"
     "{\"type\":\"function_call\",\"arguments\":\"{}\"}]}",
     NULL},
    {"moderations", "{\"input\":\"a\",\"n\":4}", NULL},
    {"moderations", "{\"input\":[\"a\",\"b\"]}", NULL},
    {"moderations", "{\"input\":[{\"type\":\"text\",\"text\":\"a\"}]}", NULL},
    {"moderations", "{\"input\":[" LINK "]}", "content by URL"},
    {"embeddings", "{\"input\":[[1,2],[3]]}", NULL},
    {"count_tokens", "{}", "not a cached route"},
    {"models", "{}", "not a cached route"},
    {"", "{}", "not a cached route"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *why = sl_canon_refusal(sl_str_of(cases[i].operation), sl_str_of(cases[i].body));

        if ((why == NULL) != (cases[i].why == NULL) ||
            (why != NULL && strcmp(why, cases[i].why) != 0))
            fail_msg("%s %s: %s", cases[i].operation, cases[i].body, why != NULL ? why : "kept");
    }
}

static void test_every_rule_is_seen(void **state)
{
    (void)state;
    for (size_t r = 0; r < COUNT(rules); r++) {
        bool seen = false;

        for (size_t i = 0; i < COUNT(cases); i++)
            seen = seen ||
                   (cases[i].why != NULL && strcmp(cases[i].why, rules[r].why) == 0 &&
                    (find_operation(sl_str_of(cases[i].operation)) & rules[r].operations) != 0);
        assert_true(seen);
    }
}

static void test_deep(void **state)
{
    char body[4000] = "{\"messages\":";
    size_t n = strlen(body), depth = 60;

    (void)state;
    for (size_t i = 0; i < depth; i++) {
        memcpy(body + n, "[{\"content\":", 12);
        n += 12;
    }
    body[n++] = '1';
    for (size_t i = 0; i < depth; i++) {
        memcpy(body + n, "}]", 2);
        n += 2;
    }
    body[n++] = '}';
    assert_string_equal(sl_canon_refusal(SL_STR("chat"), (struct sl_str){body, n}),
                        "content by URL"); /* too deep to look is not looked at */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases),
                                       cmocka_unit_test(test_every_rule_is_seen),
                                       cmocka_unit_test(test_deep)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
