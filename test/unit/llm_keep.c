/* Which answers may be kept: those that ended of themselves. */
#include "llm/fold/keep.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MESSAGE(reason)                                                                            \
    "{\"type\":\"message\",\"content\":[],\"stop_reason\":" reason                                 \
    ",\"usage\":{\"output_tokens\":1}}"
#define CHAT(more, reason)                                                                         \
    "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"a\"" more "},\"finish_reason\":" reason \
    "}]}"

static const struct {
    enum sl_endpoint ep;
    bool keep;
    const char *plain;
} cases[] = {
    {SL_EP_MESSAGES, true, MESSAGE("\"end_turn\"")},
    {SL_EP_MESSAGES, true, MESSAGE("\"stop_sequence\"")},
    {SL_EP_MESSAGES, true, MESSAGE("\"tool_use\"")},
    {SL_EP_MESSAGES, false, MESSAGE("\"max_tokens\"")},
    {SL_EP_MESSAGES, false, MESSAGE("\"refusal\"")},
    {SL_EP_MESSAGES, false, MESSAGE("\"pause_turn\"")},
    {SL_EP_MESSAGES, false, MESSAGE("\"model_context_window_exceeded\"")},
    {SL_EP_MESSAGES, false, MESSAGE("\"compaction\"")},
    {SL_EP_MESSAGES, false, MESSAGE("\"a_new_one\"")},
    {SL_EP_MESSAGES, false, MESSAGE("null")},
    {SL_EP_MESSAGES, false, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}"},
    {SL_EP_MESSAGES, false,
     "{\"type\":\"message\",\"content\":[],\"stop_reason\":\"end_turn\",\"usage\":{}}"},
    {SL_EP_MESSAGES, false,
     "{\"type\":\"message\",\"stop_reason\":\"end_turn\",\"usage\":{\"output_tokens\":1}}"},
    {SL_EP_MESSAGES, false,
     "{\"type\":\"message\",\"content\":[],\"stop_reason\":\"end_turn\","
     "\"usage\":{\"output_tokens\":1},\"error\":{}}"},
    {SL_EP_MESSAGES, false,
     "{\"type\":\"message\",\"content\":[],\"stop_reason\":\"end_turn\","
     "\"usage\":{\"output_tokens\":1}"},
    {SL_EP_CHAT, true, CHAT("", "\"stop\"")},
    {SL_EP_CHAT, true, CHAT(",\"refusal\":null", "\"tool_calls\"")},
    {SL_EP_CHAT, true, CHAT("", "\"function_call\"")},
    {SL_EP_CHAT, true,
     "{\"error\":null,\"choices\":[{\"finish_reason\":\"stop\",\"error\":null}]}"},
    {SL_EP_CHAT, false, CHAT("", "\"length\"")},
    {SL_EP_CHAT, false, CHAT("", "\"content_filter\"")},
    {SL_EP_CHAT, false, CHAT("", "\"error\"")},
    {SL_EP_CHAT, false, CHAT("", "null")},
    {SL_EP_CHAT, false, CHAT(",\"refusal\":\"no\"", "\"stop\"")},
    {SL_EP_CHAT, false, "{\"choices\":[]}"},
    {SL_EP_CHAT, false, "{}"},
    {SL_EP_CHAT, false, "{\"error\":{\"code\":429},\"choices\":[{\"finish_reason\":\"stop\"}]}"},
    {SL_EP_CHAT, false, "{\"choices\":[{\"finish_reason\":\"stop\",\"error\":{}}]}"},
    {SL_EP_CHAT, false,
     "{\"choices\":[{\"finish_reason\":\"stop\"},{\"finish_reason\":\"length\"}]}"},
    {SL_EP_COMPLETIONS, true, "{\"choices\":[{\"text\":\"a\",\"finish_reason\":\"stop\"}]}"},
    {SL_EP_COMPLETIONS, false, "{\"choices\":[{\"text\":\"a\",\"finish_reason\":\"length\"}]}"},
    {SL_EP_RESPONSES, true,
     "{\"status\":\"completed\",\"error\":null,\"output\":[{\"content\":"
     "[{\"type\":\"output_text\"}]}]}"},
    {SL_EP_RESPONSES, false,
     "{\"status\":\"completed\",\"output\":[{\"content\":[{\"type\":"
     "\"output_text\"},{\"type\":\"refusal\"}]}]}"},
    {SL_EP_RESPONSES, false, "{\"status\":\"completed\",\"output\":[]}"},
    {SL_EP_RESPONSES, false, "{\"status\":\"completed\"}"},
    {SL_EP_RESPONSES, false, "{\"status\":\"incomplete\",\"output\":[{}]}"},
    {SL_EP_RESPONSES, false, "{\"status\":\"failed\",\"error\":{},\"output\":[{}]}"},
    {SL_EP_EMBEDDINGS, true, "{\"data\":[{}]}"},
    {SL_EP_EMBEDDINGS, false, "{\"data\":[]}"},
    {SL_EP_MODERATIONS, true, "{\"results\":[{}]}"},
    {SL_EP_MODERATIONS, false, "{\"data\":[{}]}"},
    {SL_EP_COUNT_TOKENS, false, "{\"input_tokens\":1}"},
    {SL_EP_CHAT, false, ""},
    {SL_EP_CHAT, false, "[]"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (sl_fold_is_keepable(cases[i].ep, sl_str_of(cases[i].plain)) != cases[i].keep)
            fail_msg("%s", cases[i].plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
