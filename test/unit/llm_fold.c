/* Streams as providers send them, known by heart, into the plain answer; and streams
 * that are not whole, not right, or too long, into none. */
#include "llm/fold/fold.c"

#include "base/mem.h"

#include "_fold.h"

/* An Anthropic or Responses event; an OpenAI chunk. */
#define EV(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define CH(json) "data: " json "\n\n"

/* --- Anthropic ---------------------------------------------------------------------------- */

#define START                                                                                      \
    EV("message_start",                                                                            \
       ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"     \
       "\"c\","                                                                                    \
       "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":"   \
       "25,"                                                                                       \
       "\"cache_read_input_tokens\":7,\"server_tool_use\":null,\"output_tokens\":1}}")
#define HEAD "\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\","
#define BLOCK(i, block) EV("content_block_start", ",\"index\":" i ",\"content_block\":" block)
#define DELTA(i, delta) EV("content_block_delta", ",\"index\":" i ",\"delta\":" delta)
#define STOP(i) EV("content_block_stop", ",\"index\":" i)
#define ENDS(reason)                                                                               \
    EV("message_delta", ",\"delta\":{\"stop_reason\":\"" reason                                    \
                        "\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":41}")
#define OVER EV("message_stop", "")
#define TEXT "{\"type\":\"text\",\"text\":\"\"}"
#define SAYS(i, s) DELTA(i, "{\"type\":\"text_delta\",\"text\":\"" s "\"}")
#define USAGE                                                                                      \
    "\"usage\":{\"input_tokens\":25,\"cache_read_input_tokens\":7,\"server_tool_use\":null,"       \
    "\"output_tokens\":41}"

struct known {
    const char *stream;
    const char *plain; /* NULL: none */
};

static const struct known messages[] = {
    {START BLOCK("0", TEXT) EV("ping", "") SAYS("0", "Hel") SAYS("0", "lo\\n") STOP("0")
         ENDS("end_turn") OVER,
     "{" HEAD
     "\"content\":[{\"type\":\"text\",\"text\":\"Hello\\n\"}],\"stop_reason\":\"end_turn\","
     "\"stop_sequence\":null," USAGE "}"},
    /* thinking, then text, then two calls; a pair of surrogates cut in two */
    {START BLOCK("0", "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}") DELTA(
         "0", "{\"type\":\"thinking_delta\",\"thinking\":\"a\",\"estimated_tokens\":5}")
         DELTA("0", "{\"type\":\"thinking_delta\",\"thinking\":\"b\"}")
             DELTA("0", "{\"type\":\"signature_delta\",\"signature\":\"EqQB\"}") STOP("0") BLOCK(
                 "1", "{\"type\":\"redacted_thinking\",\"data\":\"xx\"}") STOP("1") BLOCK("2", TEXT)
                 SAYS("2", "\\ud83d") SAYS("2", "\\ude00") STOP("2") BLOCK(
                     "3", "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"w\",\"input\":{},"
                          "\"caller\":{\"type\":"
                          "\"direct\"}}")
                     DELTA("3", "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}") DELTA(
                         "3", "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"city\\\":\"}")
                         DELTA("3", "{\"type\":\"input_json_delta\",\"partial_json\":\" "
                                    "\\\"Os\\\\nlo\\\", \\\"n\\\":1.0}\"}") STOP("3")
                             BLOCK("4", "{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"v\","
                                        "\"input\":{}}")
                                 DELTA("4", "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}")
                                     STOP("4") ENDS("tool_use") OVER,
     "{" HEAD "\"content\":[{\"type\":\"thinking\",\"thinking\":\"ab\",\"signature\":\"EqQB\"},"
     "{\"type\":\"redacted_thinking\",\"data\":\"xx\"},{\"type\":\"text\",\"text\":"
     "\"\xf0\x9f\x98\x80\"},"
     "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"w\",\"input\":{\"city\":\"Os\\nlo\",\"n\":1."
     "0},"
     "\"caller\":{\"type\":\"direct\"}},{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"v\","
     "\"input\":{}}],"
     "\"stop_reason\":\"tool_use\",\"stop_sequence\":null," USAGE "}"},
    /* citations, server tools, a block of tomorrow */
    {START BLOCK("0",
                 "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}}")
         DELTA("0", "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"q\\\":1}\"}") STOP(
             "0") BLOCK("1", "{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\","
                             "\"content\":[{\"a\":1}]}") STOP("1")
             BLOCK("2", "{\"type\":\"text\",\"text\":\"so\",\"citations\":[]}") DELTA(
                 "2", "{\"type\":\"citations_delta\",\"citation\":{\"n\":1}}") SAYS("2", " it is")
                 DELTA("2", "{\"type\":\"citations_delta\",\"citation\":{\"n\":2}}") STOP("2")
                     BLOCK("3", "{\"type\":\"oracle\",\"text\":null,\"x\":[1]}") SAYS("3", "new")
                         STOP("3") ENDS("end_turn") OVER,
     "{" HEAD "\"content\":[{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\","
     "\"input\":{\"q\":1}},{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\","
     "\"content\":[{\"a\":1}]},{\"type\":\"text\",\"text\":\"so it is\",\"citations\":[{\"n\":1},"
     "{\"n\":2}]},{\"type\":\"oracle\",\"text\":\"new\",\"x\":[1]}],\"stop_reason\":\"end_turn\","
     "\"stop_sequence\":null," USAGE "}"},
    {START BLOCK("0", "{\"type\":\"compaction\",\"content\":null}")
         DELTA("0", "{\"type\":\"compaction_delta\",\"content\":\"sum\"}") STOP("0")
             ENDS("end_turn") OVER,
     "{" HEAD
     "\"content\":[{\"type\":\"compaction\",\"content\":\"sum\"}],\"stop_reason\":\"end_turn\","
     "\"stop_sequence\":null," USAGE "}"},
    /* what the last event says overwrites; nulls do not; its other members count */
    {START EV(
         "message_delta",
         ",\"delta\":{\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"X\",\"container\":{"
         "\"id\":"
         "\"c\"},\"stop_details\":null},\"usage\":{\"input_tokens\":26,\"cache_read_input_tokens\":"
         "null,"
         "\"server_tool_use\":{\"web_search_requests\":1},\"iterations\":[],\"output_tokens\":2},"
         "\"context_management\":{\"applied_edits\":[]}") OVER,
     "{" HEAD "\"content\":[],\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"X\","
     "\"container\":{\"id\":\"c\"},\"stop_details\":null,\"context_management\":{\"applied_edits\":"
     "[]},"
     "\"usage\":{\"input_tokens\":26,\"cache_read_input_tokens\":7,\"server_tool_use\":"
     "{\"web_search_requests\":1},\"iterations\":[],\"output_tokens\":2}}"},
    /* no names, other line ends, data in two lines, comments; what comes behind the end */
    {"data: {\"type\":\"message_start\",\"message\":{\"content\":[],\"id\":\"a\"}}\r\n\r\n"
     ": hello\r\n\r\n\r\n"
     "data: {\"type\":\"message_delta\",\ndata: \"delta\":{\"stop_reason\":\"end_turn\"}}\n\n"
     "data: {\"type\":\"message_stop\"}\n\ndata: [DONE]\n\n" EV("error", ""),
     "{\"content\":[],\"id\":\"a\",\"stop_reason\":\"end_turn\"}"},
    /* not whole */
    {"", NULL},
    {START, NULL},
    {START BLOCK("0", TEXT) SAYS("0", "a") STOP("0") ENDS("end_turn"), NULL},
    {START BLOCK("0", TEXT) SAYS("0", "a") STOP("0") OVER, NULL},
    {START BLOCK("0", TEXT) SAYS("0", "a") ENDS("end_turn") OVER, NULL},
    {START ENDS("end_turn") EV("error", ",\"error\":{}"), NULL},
    /* not right */
    {ENDS("end_turn") OVER, NULL},
    {START START ENDS("end_turn") OVER, NULL},
    {START BLOCK("1", TEXT) STOP("1") ENDS("end_turn") OVER, NULL},
    {START BLOCK("0", TEXT) STOP("0") BLOCK("0", TEXT) STOP("0") ENDS("end_turn") OVER, NULL},
    {START BLOCK("0", TEXT) SAYS("1", "a") STOP("0") ENDS("end_turn") OVER, NULL},
    {START BLOCK("0", TEXT) STOP("0") STOP("0") ENDS("end_turn") OVER, NULL},
    {START BLOCK("0", TEXT) STOP("1") ENDS("end_turn") OVER, NULL},
    {START BLOCK("0", TEXT) DELTA("0", "{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}")
         STOP("0") ENDS("end_turn") OVER,
     NULL},
    {START BLOCK("0", "{\"type\":\"tool_use\",\"input\":{}}") SAYS("0", "a") STOP("0")
         ENDS("end_turn") OVER,
     NULL},
    {START BLOCK("0", TEXT) DELTA("0", "{\"type\":\"new_delta\",\"text\":\"a\"}") STOP("0")
         ENDS("end_turn") OVER,
     NULL},
    {START BLOCK("0", TEXT) DELTA("0", "{\"type\":\"text_delta\",\"text\":1}") STOP("0")
         ENDS("end_turn") OVER,
     NULL},
    {START BLOCK("0", "{\"type\":\"text\",\"text\":[1]}") SAYS("0", "a") STOP("0") ENDS("end_turn")
         OVER,
     NULL},
    {START EV("content_block_start", ",\"index\":0") STOP("0") ENDS("end_turn") OVER, NULL},
    {START EV("strange", "") ENDS("end_turn") OVER, NULL},
    {START "data: {\"type\":\"ping\"\n\n" ENDS("end_turn") OVER, NULL},
    {START EV("message_delta", ",\"delta\":{\"content\":[1]}") ENDS("end_turn") OVER, NULL},
    {START EV("message_delta", ",\"delta\":{\"usage\":1}") ENDS("end_turn") OVER, NULL},
    {EV("message_start", ",\"message\":{\"content\":[{\"type\":\"text\"}]}") ENDS("end_turn") OVER,
     NULL},
    {EV("message_start", "") ENDS("end_turn") OVER, NULL},
    /* arguments that are no object, or try to be more than one */
    {START BLOCK("0", "{\"type\":\"tool_use\",\"input\":{}}")
         DELTA("0", "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\"}") STOP("0")
             ENDS("tool_use") OVER,
     NULL},
    {START BLOCK("0", "{\"type\":\"tool_use\",\"input\":{}}")
         DELTA("0", "{\"type\":\"input_json_delta\",\"partial_json\":\"1\"}") STOP("0")
             ENDS("tool_use") OVER,
     NULL},
    {START BLOCK("0", "{\"type\":\"tool_use\",\"input\":{}}")
         DELTA("0", "{\"type\":\"input_json_delta\",\"partial_json\":\"{},\\\"evil\\\":{}\"}")
             STOP("0") ENDS("tool_use") OVER,
     NULL},
};

/* --- OpenAI ------------------------------------------------------------------------------- */

#define ID "\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":17,\"model\":\"g\""
#define PLAIN "\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":17,\"model\":\"g\""
#define D(delta)                                                                                   \
    CH("{" ID ",\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}]}")
#define FIN(reason)                                                                                \
    CH("{" ID ",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}")
#define DONE CH("[DONE]")
#define ROLE D("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}")
#define ONE(message, reason)                                                                       \
    "{" PLAIN ",\"choices\":[{\"index\":0,\"message\":" message ",\"finish_reason\":\"" reason     \
    "\"}]}"

static const struct known chats[] = {
    {ROLE D("{\"content\":\"Hel\"}") D("{\"content\":\"lo\\\"\"}") FIN("stop") DONE,
     ONE("{\"role\":\"assistant\",\"content\":\"Hello\\\"\",\"refusal\":null}", "stop")},
    /* without [DONE]; usage, null until it comes; padding; what servers fill in */
    {CH("{\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[],\"prompt_filter_"
        "results\":[1]}")
         CH("{" ID
            ",\"service_tier\":\"default\",\"system_fingerprint\":null,\"obfuscation\":\"xx\","
            "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"},"
            "\"finish_"
            "reason\":"
            "null,\"native_finish_reason\":null}],\"usage\":null}")
             CH("{\"id\":\"\",\"created\":0,\"choices\":[{\"index\":0,\"delta\":{\"role\":"
                "\"assistant\",\"content\":\"\"},"
                "\"finish_reason\":\"stop\",\"native_finish_reason\":\"END\"}],\"usage\":null}")
                 CH("{" ID
                    ",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}"),
     "{" PLAIN ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\"},"
     "\"finish_reason\":\"stop\",\"native_finish_reason\":\"END\"}],\"prompt_filter_results\":[1],"
     "\"service_tier\":\"default\",\"system_fingerprint\":null,\"usage\":{\"prompt_tokens\":5,"
     "\"completion_tokens\":1}}"},
    /* calls side by side, names repeated, ids once */
    {D("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"index\":0,\"id\":\"c_a\","
       "\"type\":\"function\","
       "\"function\":{\"name\":\"Bash\",\"arguments\":\"\"}}]}")
         D("{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"Bash\",\"arguments\":\"{"
           "\\\"a\\\":\"}}]}") D("{\"tool_calls\":[{\"index\":1,\"id\":\"c_b\",\"type\":\"custom\","
                                 "\"custom\":{\"name\":\"x\",\"input\":\"p\"}}]}")
             D("{\"tool_calls\":[{\"index\":0,\"id\":\"\",\"function\":{\"arguments\":\"1}\"}},"
               "{\"index\":1,\"id\":\"c_b\",\"custom\":{\"input\":\"q\"}}]}") FIN("tool_calls")
                 DONE,
     ONE("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c_a\",\"type\":"
         "\"function\","
         "\"function\":{\"name\":\"Bash\",\"arguments\":\"{\\\"a\\\":1}\"}},{\"id\":\"c_b\","
         "\"type\":\"custom\","
         "\"custom\":{\"name\":\"x\",\"input\":\"pq\"}}]}",
         "tool_calls")},
    {D("{\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}}")
         D("{\"function_call\":{\"arguments\":\"{}\"}}") FIN("function_call") DONE,
     ONE("{\"role\":\"assistant\",\"content\":null,\"function_call\":{\"name\":\"f\",\"arguments\":"
         "\"{}\"}}",
         "function_call")},
    /* reasoning, in three tongues; joined by index and type */
    {ROLE D("{\"reasoning_content\":\"th\",\"reasoning\":\"R\"}")
         D("{\"reasoning_content\":\"ink\"}") D(
             "{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"a\",\"index\":0,"
             "\"signature\":null,"
             "\"format\":\"f\"},{\"type\":\"reasoning.encrypted\",\"data\":\"E\",\"index\":0}]}")
             D("{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"b\",\"index\":0,"
               "\"format\":\"f\","
               "\"signature\":\"S\"},{\"type\":\"reasoning.text\",\"text\":\"c\",\"index\":3}]}")
                 D("{\"reasoning_details\":[{\"type\":\"other\",\"text\":\"d\"}]}")
                     D("{\"reasoning_details\":[{\"type\":\"other\",\"text\":\"d\"}]}")
                         D("{\"content\":\"x\"}") FIN("stop") DONE,
     ONE("{\"role\":\"assistant\",\"content\":\"x\",\"refusal\":null,\"reasoning_content\":"
         "\"think\","
         "\"reasoning\":\"R\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"ab\","
         "\"index\":0,"
         "\"signature\":\"S\",\"format\":\"f\"},{\"type\":\"reasoning.encrypted\",\"data\":\"E\","
         "\"index\":0},"
         "{\"type\":\"reasoning.text\",\"text\":\"c\",\"index\":3},{\"type\":\"other\",\"text\":"
         "\"d\"},"
         "{\"type\":\"other\",\"text\":\"d\"}]}",
         "stop")},
    /* refusal, annotations, logprobs */
    {CH("{" ID ",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\","
        "\"annotations\":[]},"
        "\"logprobs\":null,\"finish_reason\":null}]}")
         CH("{" ID ",\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"no\"},\"logprobs\":{"
            "\"content\":null,"
            "\"refusal\":[{\"t\":1}]},\"finish_reason\":null}]}")
             CH("{" ID ",\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"pe\",\"annotations\":[{"
                "\"a\":1}]},"
                "\"logprobs\":{\"content\":null,\"refusal\":[{\"t\":2},{\"t\":3}]},\"finish_"
                "reason\":null}]}") D("{\"annotations\":[{\"a\":2}]}") FIN("stop") DONE,
     "{" PLAIN ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"\","
     "\"annotations\":[{\"a\":1},{\"a\":2}],\"refusal\":\"nope\"},\"logprobs\":{\"content\":null,"
     "\"refusal\":[{\"t\":1},{\"t\":2},{\"t\":3}]},\"finish_reason\":\"stop\"}]}"},
    /* two choices, the second first */
    {CH("{" ID ",\"choices\":[{\"index\":1,\"delta\":{\"role\":\"assistant\",\"content\":\"b\"},"
        "\"finish_reason\":null}]}") ROLE
         CH("{" ID
            ",\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\",\"token_ids\":[1]},"
            "{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}")
             CH("{" ID ",\"choices\":[{\"index\":1,\"delta\":null,\"finish_reason\":null,\"token_"
                "ids\":[2]}]}") DONE,
     "{" PLAIN ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\","
     "\"refusal\":null},\"finish_reason\":\"stop\"},{\"index\":1,\"message\":{\"role\":"
     "\"assistant\","
     "\"content\":\"b\"},\"finish_reason\":\"stop\",\"token_ids\":[1,2]}]}"},
    {D("{\"audio\":{\"id\":\"a\",\"transcript\":\"x\",\"expires_at\":5}}")
         D("{\"audio\":{\"id\":\"a\",\"transcript\":\"y\",\"new\":true}}") FIN("stop") DONE,
     ONE("{\"role\":\"assistant\",\"content\":null,\"audio\":{\"id\":\"a\",\"transcript\":\"xy\","
         "\"expires_at\":5,\"new\":true}}",
         "stop")},
    /* not whole */
    {ROLE, NULL},
    {ROLE D("{\"content\":\"a\"}") DONE, NULL},
    {DONE, NULL},
    {CH("{" ID ",\"choices\":[]}") DONE, NULL},
    {ROLE FIN("stop") CH("{" ID ",\"choices\":[{\"index\":1,\"delta\":{}}]}") DONE, NULL},
    {ROLE FIN("") DONE, NULL},
    /* not right */
    {ROLE FIN("stop") CH("{\"error\":{\"message\":\"x\"}}"), NULL},
    {ROLE CH("{" ID
             ",\"choices\":[{\"index\":0,\"delta\":{},\"error\":{},\"finish_reason\":\"error\"}]}"),
     NULL},
    {"event: error\ndata: {\"message\":\"x\"}\n\n" ROLE FIN("stop") DONE, NULL},
    {CH("{\"object\":\"error\",\"message\":\"x\"}") ROLE FIN("stop") DONE, NULL},
    {CH("nonsense") ROLE FIN("stop") DONE, NULL},
    {CH("[]") ROLE FIN("stop") DONE, NULL},
    {CH("{" ID ",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}") ROLE FIN("stop") DONE, NULL},
    {CH("{" ID ",\"choices\":[{\"index\":128,\"delta\":{\"content\":\"a\"}}]}") ROLE FIN("stop")
         DONE,
     NULL},
    {CH("{" ID ",\"choices\":[{\"index\":0,\"message\":{\"content\":\"a\"}}]}") ROLE FIN("stop")
         DONE,
     NULL},
    {D("{\"tool_calls\":[{\"index\":1,\"id\":\"a\"}]}") FIN("tool_calls") DONE, NULL},
    {D("{\"tool_calls\":[{\"id\":\"a\"}]}") FIN("tool_calls") DONE, NULL},
    {D("{\"tool_calls\":[{\"index\":0,\"id\":\"a\"}]}")
         D("{\"tool_calls\":[{\"index\":0,\"id\":\"b\"}]}") FIN("tool_calls") DONE,
     NULL},
    {D("{\"content\":\"a\"}") D("{\"content\":[1]}") FIN("stop") DONE, NULL},
    {D("{\"content\":\"a\"}") D("{\"content\":1}") FIN("stop") DONE, NULL},
    {D("{\"content\":{\"a\":1}}") D("{\"content\":\"x\"}") FIN("stop") DONE, NULL},
    {D("{\"c\\u006fntent\":\"a\"}") FIN("stop") DONE, NULL},
    {CH("{" ID ",\"choices\":[{\"index\":0,\"delta\":{},\"seen\":[1]}]}")
         CH("{" ID ",\"choices\":[{\"index\":0,\"delta\":{},\"seen\":[1,2]}]}") FIN("stop") DONE,
     NULL},
};

#define TX(text, more)                                                                             \
    CH("{\"id\":\"cmpl\",\"object\":\"text_completion\",\"created\":1,\"model\":\"g\","            \
       "\"choices\":[{\"index\":0,"                                                                \
       "\"text\":\"" text "\"" more "}]}")

static const struct known completions[] = {
    {TX(" Pa", ",\"logprobs\":{\"tokens\":[\"Pa\"],\"token_logprobs\":[-0.10],\"text_offset\":[0]},"
               "\"finish_reason\":null")
         TX("ris",
            ",\"logprobs\":{\"tokens\":[\"ris\"],\"token_logprobs\":[-1],\"text_offset\":[3]},"
            "\"finish_reason\":null") TX("", ",\"logprobs\":null,\"finish_reason\":\"stop\"")
             CH("{\"id\":\"cmpl\",\"object\":\"text_completion\",\"choices\":[],\"usage\":{\"total_"
                "tokens\":6}}") DONE,
     "{\"id\":\"cmpl\",\"object\":\"text_completion\",\"created\":1,\"model\":\"g\",\"choices\":[{"
     "\"index\":0,"
     "\"text\":\" Paris\",\"logprobs\":{\"tokens\":[\"Pa\",\"ris\"],\"token_logprobs\":[-0.10,-1],"
     "\"text_offset\":[0,3]},\"finish_reason\":\"stop\"}],\"usage\":{\"total_tokens\":6}}"},
    {CH("{\"choices\":[{\"index\":0,\"finish_reason\":\"length\"}]}") DONE,
     "{\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":\"length\"}]}"},
    {TX("a", "") DONE, NULL},
};

/* --- Responses ---------------------------------------------------------------------------- */

static const struct known responses[] = {
    {EV("response.created", ",\"response\":{\"output\":[]}")
         EV("response.output_text.delta", ",\"delta\":\"a\"")
             EV("response.completed",
                ",\"sequence_number\":2,\"response\":{\"id\":\"r\",\"status\":\"completed\","
                "\"output\":[{\"type\":\"message\"}],\"usage\":{\"a\":1.0}}"),
     "{\"id\":\"r\",\"status\":\"completed\",\"output\":[{\"type\":\"message\"}],\"usage\":{\"a\":"
     "1.0}}"},
    {"data: "
     "{\"type\":\"response.incomplete\",\"response\":{\"output\":[],\"status\":\"incomplete\"}}"
     "\n\n" CH("[DONE]"),
     "{\"output\":[],\"status\":\"incomplete\"}"},
    {EV("response.created", ",\"response\":{\"output\":[]}") CH("[DONE]"), NULL},
    {EV("response.failed", ",\"response\":{\"output\":[]}"), NULL},
    {EV("error", ",\"message\":\"x\"") EV("response.completed", ",\"response\":{\"output\":[]}"),
     NULL},
    {CH("{\"error\":{}}") EV("response.completed", ",\"response\":{\"output\":[]}"), NULL},
    {EV("response.completed", ",\"response\":{}"), NULL},
    {EV("response.completed", ""), NULL},
    {"event: response.completed\ndata: "
     "{\"type\":\"response.completed\",\"response\":{\"output\":[]}\n\n",
     NULL},
};

static void check_table(enum sl_endpoint ep, const struct known *known, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct sl_str got = fold_all(ep, sl_str_of(known[i].stream));

        if ((got.p == NULL) != (known[i].plain == NULL))
            fail_msg("%s", known[i].stream);
        if (got.p != NULL)
            assert_json(got, sl_str_of(known[i].plain));
    }
}

static void test_messages(void **state)
{
    (void)state;
    check_table(SL_EP_MESSAGES, messages, COUNT(messages));
}

static void test_chats(void **state)
{
    (void)state;
    check_table(SL_EP_CHAT, chats, COUNT(chats));
}

static void test_completions(void **state)
{
    (void)state;
    check_table(SL_EP_COMPLETIONS, completions, COUNT(completions));
}

static void test_responses(void **state)
{
    (void)state;
    check_table(SL_EP_RESPONSES, responses, COUNT(responses));
}

static void test_no_streams(void **state)
{
    (void)state;
    assert_null(sl_fold_new(SL_EP_EMBEDDINGS, 1000));
    assert_null(sl_fold_new(SL_EP_NONE, 1000));
    assert_null(sl_fold_new(SL_EP_CHAT, 10));
    sl_mem_fail_at(1);
    assert_null(sl_fold_new(SL_EP_CHAT, 1000));
    sl_mem_fail_at(2);
    assert_null(sl_fold_new(SL_EP_CHAT, 1000));
}

/* Whole only when all is said; asking does not change it. */
static void test_when_whole(void **state)
{
    struct sl_str rest = sl_str_of(messages[1].stream), event, out;
    struct sl_fold *f = sl_fold_new(SL_EP_MESSAGES, FOLD_MAX);

    (void)state;
    while (next_event(&rest, &event)) {
        assert_false(sl_fold_is_whole(f));
        sl_fold_event(f, event);
    }
    assert_true(sl_fold_is_whole(f));
    sl_fold_event(f, SL_STR("data: rubbish\n\n"));
    assert_true(sl_fold_is_whole(f));
    assert_int_equal(sl_fold_finish(f, &arena, &out), SL_OK);
    sl_fold_end(&f);
    assert_null(f);
    sl_fold_end(&f);
}

static void test_break(void **state)
{
    struct sl_fold *f = feed_all(SL_EP_MESSAGES, sl_str_of(messages[0].stream));
    struct sl_str out;

    (void)state;
    sl_fold_break(f);
    assert_false(sl_fold_is_whole(f));
    assert_null(f->root); /* nothing is held for nothing */
    assert_int_equal(sl_fold_finish(f, &arena, &out), SL_ERR_UP_GARBAGE);
    sl_fold_event(f, SL_STR("data: {}\n\n"));
    sl_fold_end(&f);
}

/* Members, and elements that have a number, are looked for one by one: an answer with more of them
 * than any has is given up. */
static void test_too_many(void **state)
{
    static const struct {
        const char *event;
        unsigned most;
    } cases[] = {
        {"data: "
         "{\"choices\":[{\"index\":0,\"delta\":{\"m%u\":\"\"},\"finish_reason\":\"stop\"}]}\n\n",
         512},
        {"data: {\"choices\":[{\"index\":0,\"delta\":{\"d\":[{\"index\":%u}]},"
         "\"finish_reason\":\"stop\"}]}\n\n",
         513},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sl_fold *f = sl_fold_new(SL_EP_CHAT, FOLD_MAX);

        for (unsigned n = 0; n <= cases[i].most; n++) {
            char event[200];

            assert_true(n == 0 || sl_fold_is_whole(f));
            snprintf(event, sizeof(event), cases[i].event, n);
            sl_fold_event(f, sl_str_of(event));
        }
        assert_false(sl_fold_is_whole(f));
        sl_fold_end(&f);
    }
}

/* More than `max` is never held, and an answer of that size is given up. */
static void test_ceiling(void **state)
{
    static const char *const starts[] = {START BLOCK("0", TEXT), ROLE, ROLE};
    static const char *const pieces[] = {SAYS("0", "0123456789"), D("{\"content\":\"0123456789\"}"),
                                         D("{\"annotations\":[{\"a\":1}]}")};
    static const enum sl_endpoint eps[] = {SL_EP_MESSAGES, SL_EP_CHAT, SL_EP_CHAT};

    (void)state;
    for (size_t i = 0; i < COUNT(starts); i++) {
        struct sl_str rest = sl_str_of(starts[i]), event;
        struct sl_fold *f = sl_fold_new(eps[i], 20000);
        size_t n = 0;

        while (next_event(&rest, &event))
            sl_fold_event(f, event);
        for (; !f->room.broken && n < 10000; n++) {
            sl_fold_event(f, sl_str_of(pieces[i]));
            assert_true(f->room.used <= 20000);
        }
        assert_true(n > 60 && n < 2000);
        assert_true(i == 2 || 10 * n > 17000); /* texts use the room they have */
        assert_null(f->root);
        sl_fold_end(&f);
    }
}

static void test_long_lines(void **state)
{
    struct sl_grow g;
    struct sl_fold *f;

    (void)state;
    sl_grow_init(&g, 1 << 20);
    say(&g, "data: {\"type\":\"ping\",\ndata: \"x\":\"");
    for (int i = 0; i < 20000; i++)
        say(&g, "y");
    say(&g, "\"}\n\n");
    f = sl_fold_new(SL_EP_MESSAGES, FOLD_MAX);
    sl_fold_event(f, sl_grow_str(&g));
    assert_true(f->room.broken); /* data in several lines, longer than is joined */
    sl_fold_end(&f);
    sl_grow_fini(&g);
}

/* Each allocation fails in turn: no answer, or the right one. */
static void test_no_memory(void **state)
{
    static const struct {
        enum sl_endpoint ep;
        const struct known *known;
    } all[] = {{SL_EP_MESSAGES, &messages[2]},
               {SL_EP_CHAT, &chats[4]},
               {SL_EP_CHAT, &chats[6]},
               {SL_EP_COMPLETIONS, &completions[0]},
               {SL_EP_RESPONSES, &responses[0]}};

    (void)state;
    for (size_t i = 0; i < COUNT(all); i++) {
        for (uint64_t at = 1, tried = at; tried >= at; at++) {
            struct sl_fold *f = sl_fold_new(all[i].ep, FOLD_MAX);
            struct sl_str rest = sl_str_of(all[i].known->stream), event, out;
            uint64_t before = sl_mem_tries();

            sl_mem_fail_at(at);
            while (next_event(&rest, &event))
                sl_fold_event(f, event);
            if (sl_fold_finish(f, &arena, &out) == SL_OK) {
                sl_mem_fail_at(0);
                assert_json(out, sl_str_of(all[i].known->plain));
            }
            tried = sl_mem_tries() - before;
            sl_mem_fail_at(0);
            sl_fold_end(&f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_completions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_responses, setup, teardown),
        cmocka_unit_test(test_no_streams),
        cmocka_unit_test_setup_teardown(test_when_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_break, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ceiling, setup, teardown),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test_setup_teardown(test_long_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
