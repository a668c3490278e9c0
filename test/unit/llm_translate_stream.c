/* Answers of each protocol as the other one's, plain and streamed. Every stream is put
 * together as a strict client would, and must be what the plain answer amounts to. */
#include "llm/neutral/stream.c"

#include "_translate.h"

#define EV(type, rest) "event: " type "\ndata: {'type':'" type "'" rest "}\n\n"
#define CH(choice) "data: {'id':'u','model':'up','choices':[{'index':0," choice "}]}\n\n"
#define DELTA(d) CH("'delta':{" d "},'finish_reason':null")
#define ENDS(reason) CH("'delta':{},'finish_reason':'" reason "'")
#define USED                                                                                       \
    "data: {'id':'u','model':'up','choices':[],'usage':{'prompt_tokens':60,"                       \
    "'completion_tokens':20,'total_tokens':80,'prompt_tokens_details':"                            \
    "{'cached_tokens':10,'cache_write_tokens':5}}}\n\n"
#define DONE "data: [DONE]\n\n"
#define CALLS(list) DELTA("'tool_calls':[" list "]")

#define START(usage)                                                                               \
    EV("message_start", ",'message':{'id':'m','type':'message','role':"                            \
                        "'assistant','model':'up','content':[],'stop_reason':null,"                \
                        "'stop_sequence':null,'usage':" usage "}")
#define BLOCK(i, block) EV("content_block_start", ",'index':" i ",'content_block':" block)
#define PIECE(i, delta) EV("content_block_delta", ",'index':" i ",'delta':" delta)
#define STOP(i) EV("content_block_stop", ",'index':" i)
#define OVER(delta, usage)                                                                         \
    EV("message_delta", ",'delta':{" delta "},'usage':" usage)                                     \
    EV("message_stop", "")
#define TEXT "{'type':'text','text':''}"
#define SAYS(i, s) PIECE(i, "{'type':'text_delta','text':'" s "'}")
#define ARGS(i, s) PIECE(i, "{'type':'input_json_delta','partial_json':'" s "'}")

/* What clients get around what they asked for. */
#define MESSAGE(content, stop)                                                                     \
    "{'id':'msg_0123456789abcdef','type':'message','role':"                                        \
    "'assistant','model':'asked','content':[" content "],'stop_reason':" stop ",'usage':"          \
    "{'input_tokens':45,'cache_creation_input_tokens':5,'cache_read_input_tokens':10,"             \
    "'output_tokens':20}}"
#define NULL_STOP(reason) "'" reason "','stop_sequence':null"
#define CHAT(message, finish, usage)                                                               \
    "{'id':'chatcmpl-0123456789abcdef','object':"                                                  \
    "'chat.completion','created':1790000000,'model':'asked','system_fingerprint':'fp_translated'," \
    "'choices':[{'index':0,"                                                                       \
    "'message':{'role':'assistant'," message "},'logprobs':null,'finish_reason':'" finish          \
    "'}],'usage':" usage "}"
#define COUNTED                                                                                    \
    "{'prompt_tokens':37,'completion_tokens':41,'total_tokens':78,"                                \
    "'prompt_tokens_details':{'cached_tokens':7,'cache_write_tokens':5},"                          \
    "'completion_tokens_details':{'reasoning_tokens':9}}"
#define IN                                                                                         \
    "{'input_tokens':25,'cache_creation_input_tokens':5,'cache_creation':"                         \
    "{'ephemeral_5m_input_tokens':2,'ephemeral_1h_input_tokens':3},"                               \
    "'cache_read_input_tokens':7,'output_tokens':1}"
#define OUT "{'output_tokens':41,'output_tokens_details':{'thinking_tokens':9}}"

#define THINKS ",'thinking':{'type':'adaptive'}"

struct told {
    enum sl_endpoint from;
    const char *extra; /* of the request */
    const char *stream;
    const char *want;  /* the whole answer */
    const char *plain; /* of the provider, where a fold of its stream is none */
};

static const struct told told[] = {
    /* two calls that take turns, usage behind them; a router's comment; text comes first */
    {SL_EP_MESSAGES, "",
     ": OPENROUTER PROCESSING\n\n" DELTA("'role':'assistant','content':''")
         DELTA("'content':'Hi \\u00e9'")
             CALLS("{'index':0,'id':'c1','type':'function','function':{'name':'f','arguments':''}}")
                 CALLS("{'index':0,'function':{'arguments':'{\\'a\\':'}}")
                     CALLS("{'index':1,'id':'c2','type':'function','function':{'name':'g','"
                           "arguments':'{\\'b\\':[1,{}]}'}}")
                         CALLS("{'index':0,'function':{'arguments':'\\'}\\\\\\'{\\'}'}}")
                             ENDS("tool_calls") USED DONE,
     MESSAGE("{'type':'text','text':'Hi \\u00e9'},{'type':'tool_use','id':'c1','name':'f','input':"
             "{'a':'}\\'{'}},{'type':'tool_use','id':'c2','name':'g','input':{'b':[1,{}]}}",
             NULL_STOP("tool_use")),
     NULL},
    /* the first thing is a call; the reason says nothing of it; no [DONE] */
    {SL_EP_MESSAGES, "",
     CALLS("{'index':0,'id':'c1','type':'function','function':{'name':'f','arguments':'{}'}}")
         ENDS("stop") USED,
     MESSAGE("{'type':'tool_use','id':'c1','name':'f','input':{}}", NULL_STOP("tool_use")), NULL},
    /* calls that all have number 0, names in every piece, arguments as an object; calls without
     * numbers; no fold of theirs */
    {SL_EP_MESSAGES, "",
     CALLS("{'index':0,'id':'c1','type':'function','function':{'name':'f','arguments':'{'}}") CALLS(
         "{'index':0,'id':'c1','type':'function','function':{'name':'f','arguments':'}'}}")
         CALLS(
             "{'index':0,'id':'c2','type':'function','function':{'name':'g','arguments':{'x':1}}}")
             ENDS("tool_calls") USED DONE,
     MESSAGE("{'type':'tool_use','id':'c1','name':'f','input':{}},{'type':'tool_use','id':'c2',"
             "'name':'g','input':{'x':1}}",
             NULL_STOP("tool_use")),
     "{'choices':[{'message':{'tool_calls':[{'id':'c1','function':{'name':'f','arguments':'{}'}},"
     "{'id':'c2','function':{'name':'g','arguments':{'x':1}}}]},'finish_reason':'stop'}],"
     "'usage':{'prompt_tokens':60,'completion_tokens':20,'prompt_tokens_details':"
     "{'cached_tokens':10,'cache_write_tokens':5}}}"},
    {SL_EP_MESSAGES, "",
     CALLS("{'id':'c1','function':{'name':'f','arguments':'{'}}")
         CALLS("{'function':{'arguments':'}'}}") CALLS("{'id':'c2','function':{'name':'g'}}")
             ENDS("tool_calls") USED DONE,
     MESSAGE("{'type':'tool_use','id':'c1','name':'f','input':{}},{'type':'tool_use','id':'c2',"
             "'name':'g','input':{}}",
             NULL_STOP("tool_use")),
     "{'choices':[{'message':{'content':null,'tool_calls':[{'id':'c1','function':{'name':'f',"
     "'arguments':'{}'}},{'id':'c2','function':{'name':'g'}}]},'finish_reason':'tool_calls'}],"
     "'usage':{'prompt_tokens':60,'completion_tokens':20,'prompt_tokens_details':"
     "{'cached_tokens':10,'cache_write_tokens':5}}}"},
    /* a call without an id gets one; the older form of one call */
    {SL_EP_MESSAGES, "",
     DELTA("'function_call':{'name':'f','arguments':'{'}")
         DELTA("'function_call':{'arguments':'}'}") ENDS("function_call") USED DONE,
     MESSAGE("{'type':'tool_use','id':'call_0123456789abcdef_0','name':'f','input':{}}",
             NULL_STOP("tool_use")),
     NULL},
    /* text between the pieces of a call waits for its end */
    {SL_EP_MESSAGES, "",
     CALLS("{'index':0,'id':'c1','type':'function','function':{'name':'f','arguments':'{'}}")
         DELTA("'content':'one '") CALLS("{'index':0,'function':{'arguments':'}'}}")
             DELTA("'content':'two'") ENDS("tool_calls") USED DONE,
     MESSAGE("{'type':'tool_use','id':'c1','name':'f','input':{}},{'type':'text','text':'one two'}",
             NULL_STOP("tool_use")),
     ""},
    /* thoughts: under one of three names, for those who asked; signed by us, or by their maker */
    {SL_EP_MESSAGES, THINKS,
     DELTA("'reasoning_content':'h','reasoning':'h'") DELTA("'reasoning_content':'m'")
         DELTA("'content':'x'") ENDS("stop") USED DONE,
     MESSAGE("{'type':'thinking','thinking':'hm','signature':'gw1:'},{'type':'text','text':'x'}",
             NULL_STOP("end_turn")),
     NULL},
    {SL_EP_MESSAGES, "",
     DELTA("'reasoning_content':'h'") DELTA("'content':'x'") ENDS("stop") USED DONE,
     MESSAGE("{'type':'text','text':'x'}", NULL_STOP("end_turn")), NULL},
    {SL_EP_MESSAGES, THINKS,
     DELTA("'reasoning':'h','reasoning_details':[{'type':'reasoning.text','text':'h','format':"
           "'anthropic-claude-v1','index':0}]")
         DELTA("'reasoning_details':[{'type':'reasoning.text','signature':'sig','format':"
               "'anthropic-claude-v1','index':0}]") DELTA("'content':'x'") ENDS("stop") USED DONE,
     MESSAGE("{'type':'thinking','thinking':'h','signature':'sig'},{'type':'text','text':'x'}",
             NULL_STOP("end_turn")),
     NULL},
    {SL_EP_MESSAGES, ",'thinking':{'type':'adaptive','display':'omitted'}",
     DELTA("'reasoning_content':'h'") DELTA("'content':'x'") ENDS("stop") USED DONE,
     MESSAGE("{'type':'thinking','thinking':'','signature':'gw1:'},{'type':'text','text':'x'}",
             NULL_STOP("end_turn")),
     NULL},
    /* reasons: a filter, a limit, a refusal, a stop string that the server names, calls without
     * a call; an answer of nothing; usage together with a choice; content in parts */
    {SL_EP_MESSAGES, "", DELTA("'content':'x'") ENDS("content_filter") USED DONE,
     MESSAGE("{'type':'text','text':'x'}", "'refusal','stop_sequence':null,'stop_details':"
                                           "{'type':'refusal','category':null,'explanation':null}"),
     NULL},
    {SL_EP_MESSAGES, "", DELTA("'content':[{'type':'text','text':'x'}]") ENDS("length") USED DONE,
     MESSAGE("{'type':'text','text':'x'}", NULL_STOP("max_tokens")), NULL},
    {SL_EP_MESSAGES, "",
     DELTA("'content':'x'") CH("'delta':{},'finish_reason':'stop','stop_reason':'END'") USED DONE,
     MESSAGE("{'type':'text','text':'x'}", "'stop_sequence','stop_sequence':'END'"), NULL},
    {SL_EP_MESSAGES, "", DELTA("'content':''") ENDS("tool_calls") USED DONE,
     MESSAGE("", NULL_STOP("end_turn")), NULL},
    {SL_EP_MESSAGES, "",
     DELTA("'content':'x'") "data: "
                            "{'choices':[{'index':0,'delta':{},'finish_reason':'stop'}],'usage':{'"
                            "prompt_tokens':"
                            "60,'completion_tokens':20,'prompt_tokens_details':{'cached_tokens':10,"
                            "'cache_write_tokens':5}}}\n\n" DONE,
     MESSAGE("{'type':'text','text':'x'}", NULL_STOP("end_turn")), NULL},
    /* usage in every chunk grows: the last one counts */
    {SL_EP_MESSAGES, "",
     "data: {'choices':[{'index':0,'delta':{'content':'x'},'finish_reason':null}],'usage':{"
     "'prompt_tokens':60,'completion_tokens':7,'total_tokens':67}}\n\n" ENDS("stop") USED DONE,
     MESSAGE("{'type':'text','text':'x'}", NULL_STOP("end_turn")), NULL},
    /* a refusal in the model's own words is also the reason */
    {SL_EP_MESSAGES, "",
     DELTA("'content':null,'refusal':'I '") DELTA("'refusal':'will not'") ENDS("stop") USED DONE,
     MESSAGE("{'type':'text','text':'I will not'}",
             "'refusal','stop_sequence':null,'stop_details':{'type':'refusal','category':null,"
             "'explanation':'I will not'}"),
     NULL},
    /* a first chunk without a choice, usage that is null, another choice than ours, padding, a
     * reason that nobody knows */
    {SL_EP_MESSAGES, "",
     "data: {'choices':[],'prompt_filter_results':[],'usage':null}\n\n" DELTA(
         "'content':'x'") "data: "
                          "{'choices':[{'index':1,'delta':{'content':'no'},'finish_reason':null}],"
                          "'obfuscation':'zz','usage':null}\n\n" ENDS("eos") USED DONE,
     MESSAGE("{'type':'text','text':'x'}", NULL_STOP("end_turn")),
     "{'choices':[{'index':0,'message':{'content':[{'type':'text','text':'x'}]},'finish_reason':"
     "'eos'},{'index':1,'message':{'content':'no'},'finish_reason':'stop'}],'usage':{"
     "'prompt_tokens':60,'completion_tokens':20,'prompt_tokens_details':{'cached_tokens':10,"
     "'cache_write_tokens':5}}}"},
    /* a call without a name is none; more for one that is whole is nothing; the reason unknown */
    {SL_EP_MESSAGES, "",
     CALLS("{'index':0,'id':'c0','function':{'arguments':'{}'}}")
         CALLS("{'index':1,'id':'c1','function':{'name':'f','arguments':'{}'}}")
             CALLS("{'index':2,'id':'c2','function':{'name':'g','arguments':''}}")
                 CALLS("{'index':1,'function':{'arguments':' '}}") ENDS("eos") USED DONE,
     MESSAGE("{'type':'tool_use','id':'c1','name':'f','input':{}},{'type':'tool_use','id':'c2',"
             "'name':'g','input':{}}",
             NULL_STOP("tool_use")),
     "{'choices':[{'message':{'tool_calls':[{'id':'c0','function':{'arguments':'{}'}},{'id':'c1',"
     "'function':{'name':'f','arguments':'{}'}},{'id':'c2','function':{'name':'g','arguments':''}}"
     "]},'finish_reason':'eos'}],'usage':{'prompt_tokens':60,'completion_tokens':20,"
     "'prompt_tokens_details':{'cached_tokens':10,'cache_write_tokens':5}}}"},
    /* a call whose id is empty */
    {SL_EP_MESSAGES, "",
     CALLS("{'index':0,'id':'','function':{'name':'f','arguments':'{\\'a\\':1}'}}")
         ENDS("tool_calls") USED DONE,
     MESSAGE("{'type':'tool_use','id':'call_0123456789abcdef_0','name':'f','input':{'a':1}}",
             NULL_STOP("tool_use")),
     NULL},
    /* thoughts and words in turn: a block each */
    {SL_EP_MESSAGES, THINKS,
     DELTA("'content':'a'") DELTA("'reasoning':'h'") DELTA("'content':'b'") ENDS("stop") USED DONE,
     MESSAGE("{'type':'text','text':'a'},{'type':'thinking','thinking':'h','signature':'gw1:'},"
             "{'type':'text','text':'b'}",
             NULL_STOP("end_turn")),
     ""},
    {SL_EP_MESSAGES, ",'thinking':{'type':'disabled'}",
     DELTA("'reasoning':'h'") DELTA("'content':'x'") ENDS("stop") USED DONE,
     MESSAGE("{'type':'text','text':'x'}", NULL_STOP("end_turn")), NULL},

    /* thinking, text, a call in pieces, a call without arguments; a ping between them */
    {SL_EP_CHAT, "",
     START(IN) BLOCK("0", "{'type':'thinking','thinking':'','signature':''}")
         PIECE("0", "{'type':'thinking_delta','thinking':'hm'}")
             PIECE("0", "{'type':'signature_delta','signature':'sig'}") STOP("0")
                 BLOCK("1", "{'type':'redacted_thinking','data':'xx'}") STOP("1") BLOCK("2", TEXT)
                     EV("ping", "") SAYS("2", "Hi ") SAYS("2", "\\u00e9") STOP("2")
                         BLOCK("3", "{'type':'tool_use','id':'t1','name':'f','input':{}}")
                             ARGS("3", "") ARGS("3", "{\\'a\\':") ARGS("3", " 1.50}") STOP("3")
                                 BLOCK("4", "{'type':'tool_use','id':'t2','name':'g','input':{}}")
                                     STOP("4")
                                         OVER("'stop_reason':'tool_use','stop_sequence':null", OUT),
     CHAT("'content':'Hi \\u00e9','refusal':null,'reasoning_content':'hm','reasoning_details':"
          "[{'type':'reasoning.text','text':'hm','signature':'sig','format':"
          "'anthropic-claude-v1','index':0},{'type':'reasoning.encrypted','data':'xx','format':"
          "'anthropic-claude-v1','index':1}],'tool_calls':[{'id':'t1','type':'function',"
          "'function':{'name':'f','arguments':'{\\'a\\': 1.50}'}},{'id':'t2','type':'function',"
          "'function':{'name':'g','arguments':'{}'}}]",
          "tool_calls", COUNTED),
     "{'content':[{'type':'thinking','thinking':'hm','signature':'sig'},{'type':"
     "'redacted_thinking','data':'xx'},{'type':'text','text':'Hi '},{'type':'text','text':"
     "'\\u00e9'},{'type':'tool_use','id':'t1','name':'f','input':{'a': 1.50}},{'type':'tool_use',"
     "'id':'t2','name':'g','input':{}}],'stop_reason':'tool_use','usage':{'input_tokens':25,"
     "'cache_creation_input_tokens':5,'cache_read_input_tokens':7,'output_tokens':41,"
     "'output_tokens_details':{'thinking_tokens':9}}}"},
    /* a call whose input comes at once; what the provider's own tools do is not told */
    {SL_EP_CHAT, "",
     START(IN) BLOCK("0", "{'type':'server_tool_use','id':'s','name':'web_search','input':{}}")
         ARGS("0", "{}") STOP("0") BLOCK(
             "1", "{'type':'web_search_tool_result','tool_use_id':'s','content':[]}") STOP("1")
             BLOCK("2", "{'type':'tool_use','id':'t1','name':'f','input':{'a':'\\''}}") STOP("2")
                 OVER("'stop_reason':'tool_use'", OUT),
     CHAT("'content':'','refusal':null,'tool_calls':[{'id':'t1','type':'function','function':"
          "{'name':'f','arguments':'{\\'a\\':\\'\\\\\\'\\'}'}}]",
          "tool_calls", COUNTED),
     ""},
    /* custom tools get their text; arguments that hold none, as they are */
    {SL_EP_CHAT,
     ",'tools':[{'type':'custom','custom':{'name':'p'}},{'type':'function','function':{'name':"
     "'f'}}]",
     START(IN) BLOCK("0", TEXT) SAYS("0", "x") STOP("0") BLOCK(
         "1", "{'type':'tool_use','id':'t1','name':'p','input':{}}")
         ARGS("1", "{\\'input\\':\\'a\\\\n") ARGS("1", "b \\\\\\'q\\\\\\'\\'}") STOP("1") BLOCK(
             "2", "{'type':'tool_use','id':'t2','name':'p','input':{}}") ARGS("2", "{\\'x\\':1}")
             STOP("2") BLOCK("3", "{'type':'tool_use','id':'t3','name':'f','input':{}}")
                 ARGS("3", "{\\'input\\':\\'y\\'}") STOP("3") OVER("'stop_reason':'tool_use'", OUT),
     CHAT("'content':'x','refusal':null,'tool_calls':[{'id':'t1','type':'custom','custom':{'name':"
          "'p','input':'a\\nb \\'q\\''}},{'id':'t2','type':'custom','custom':{'name':'p','input':"
          "'{\\'x\\':1}'}},{'id':'t3','type':'function','function':{'name':'f','arguments':"
          "'{\\'input\\':\\'y\\'}'}}]",
          "tool_calls", COUNTED),
     NULL},
    /* what a block begins with counts; a call that is whole takes no more; citations, and what
     * nobody knows yet, are not told */
    {SL_EP_CHAT, "",
     START(IN) BLOCK("0", "{'type':'text','text':'He'}") SAYS("0", "y")
         PIECE("0", "{'type':'citations_delta','citation':{'type':'char_location'}}")
             PIECE("0", "{'type':'newer_delta','x':1}") STOP("0") EV("newer_event", ",'index':7")
                 BLOCK("1", "{'type':'newer_block'}") STOP("1")
                     BLOCK("2", "{'type':'tool_use','id':'t1','name':'f','input':{'a':1}}")
                         ARGS("2", "{\\'b\\':2}") STOP("2") OVER("'stop_reason':'max_tokens'", OUT),
     CHAT("'content':'Hey','refusal':null,'tool_calls':[{'id':'t1','type':'function','function':"
          "{'name':'f','arguments':'{\\'a\\':1}'}}]",
          "length", COUNTED),
     "{'content':[{'type':'text','text':'Hey','citations':[{'type':'char_location'}]},{'type':"
     "'newer_block'},{'type':'tool_use','id':'t1','name':'f','input':{'a':1}}],'stop_reason':"
     "'max_tokens','usage':{'input_tokens':25,'cache_creation_input_tokens':5,"
     "'cache_read_input_tokens':7,'output_tokens':41,'output_tokens_details':{'thinking_tokens':"
     "9}}}"},
    /* reasons */
    {SL_EP_CHAT, "",
     START(IN) BLOCK("0", TEXT) SAYS("0", "x") STOP("0") OVER("'stop_reason':'end_turn'", OUT),
     CHAT("'content':'x','refusal':null", "stop", COUNTED), NULL},
    {SL_EP_CHAT, "",
     START(IN) BLOCK("0", TEXT) SAYS("0", "x") STOP("0")
         OVER("'stop_reason':'model_context_window_exceeded'", OUT),
     CHAT("'content':'x','refusal':null", "length", COUNTED), NULL},
    {SL_EP_CHAT, "",
     START(IN) BLOCK("0", TEXT) SAYS("0", "x") STOP("0")
         OVER("'stop_reason':'stop_sequence','stop_sequence':'END'", OUT),
     CHAT("'content':'x','refusal':null", "stop", COUNTED), NULL},
    {SL_EP_CHAT, "",
     START(IN) BLOCK("0", TEXT) SAYS("0", "x") STOP("0")
         OVER("'stop_reason':'refusal','stop_details':{'type':'refusal','explanation':'no'}", OUT),
     CHAT("'content':'x','refusal':'no'", "content_filter", COUNTED), NULL},
    {SL_EP_CHAT, "",
     START(IN) BLOCK("0", TEXT) SAYS("0", "x") STOP("0") OVER("'stop_reason':'compaction'", OUT),
     CHAT("'content':'x','refusal':null", "stop", COUNTED), NULL},
    {SL_EP_CHAT, "", START(IN) OVER("'stop_reason':'pause_turn'", OUT),
     CHAT("'content':'','refusal':null", "stop", COUNTED), NULL},
    /* the older form of one call */
    {SL_EP_CHAT, ",'functions':[{'name':'f'}]",
     START(IN) BLOCK("0", "{'type':'tool_use','id':'t1','name':'f','input':{}}") ARGS("0", "{}")
         STOP("0") OVER("'stop_reason':'tool_use'", OUT),
     CHAT("'content':'','refusal':null,'function_call':{'name':'f','arguments':'{}'}",
          "function_call", COUNTED),
     ""},
};

static struct sl_translate *ask_for(const struct told *c, bool usage)
{
    struct sl_translate_wish w = wish_of(c->from, SL_FLAVOR_OPENROUTER, "m");
    char body[512];
    struct sl_str out;

    snprintf(body, sizeof body, "{'stream':true,'messages':[{'role':'user','content':'q'}]%s%s}",
             c->extra, usage ? ",'stream_options':{'include_usage':true}" : "");
    return ask(&w, body, &out);
}

static void test_streams(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(told); i++) {
        const struct sl_translate *t = ask_for(&told[i], true);
        struct sl_str out, whole;
        struct sl_usage u;

        assert_int_equal(run(t, json(told[i].stream), &u, &out), SL_OK);
        whole = folded(told[i].from, out);
        if (whole.p == NULL)
            fail_msg("no client understands\n%.*s", SL_STR_ARGS(out));
        assert_json(whole, json(told[i].want));
        assert_int_equal(u.in, told[i].from == SL_EP_CHAT ? 25 : 45);
        assert_int_equal(u.cache_write_1h, told[i].from == SL_EP_CHAT ? 3 : 0);
        assert_int_equal(u.out, told[i].from == SL_EP_CHAT ? 41 : 20);
        assert_string_equal(u.model, "up");
    }
}

/* The plain answer that the provider would have given is translated into the same. */
static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(told); i++) {
        enum sl_endpoint there = told[i].from == SL_EP_CHAT ? SL_EP_MESSAGES : SL_EP_CHAT;
        const struct sl_translate *t = ask_for(&told[i], false);
        struct sl_str plain, out;
        struct sl_usage u;

        if (told[i].plain != NULL && told[i].plain[0] == '\0')
            continue; /* a stream's own order */
        plain = told[i].plain != NULL ? json(told[i].plain) : folded(there, json(told[i].stream));
        assert_non_null(plain.p);
        assert_int_equal(sl_translate_answer(t, plain, &arena, &u, &out), SL_OK);
        assert_json(out, json(told[i].want));
        assert_int_equal(u.out, told[i].from == SL_EP_CHAT ? 41 : 20);
    }
}

/* Who only calls says nothing: null, where a stream had to begin with something. */
static void test_only_calls(void **state)
{
    const struct told c = {SL_EP_CHAT, "", "", NULL, NULL};
    struct sl_str out;
    struct sl_usage u;

    (void)state;
    assert_int_equal(
        sl_translate_answer(ask_for(&c, false),
                            json("{'content':[{'type':'tool_use','id':'t','name':'f','input':{}}],"
                                 "'stop_reason':'tool_use','usage':{}}"),
                            &arena, &u, &out),
        SL_OK);
    assert_true(sl_str_find(out, SL_STR("\"content\":null,\"refusal\":null,\"tool_calls\"")) > 0);
}

/* Usage is told to those who asked, or where the gateway adds it; nulls to the first alone. */
static void test_usage_chunk(void **state)
{
    const struct told *c = &told[COUNT(told) - 2];
    struct sl_translate *t = ask_for(c, false);
    struct sl_str out;

    (void)state;
    assert_int_equal(run(t, json(c->stream), NULL, &out), SL_OK);
    assert_true(sl_str_find(out, SL_STR("usage")) < 0);
    t->wish.adds_usage = true;
    assert_int_equal(run(t, json(c->stream), NULL, &out), SL_OK);
    assert_true(sl_str_find(out, SL_STR("\"choices\":[],\"usage\":{\"prompt_tokens\":37")) > 0);
    assert_true(sl_str_find(out, SL_STR("\"usage\":null")) < 0);
    t = ask_for(c, true);
    assert_int_equal(run(t, json(c->stream), NULL, &out), SL_OK);
    assert_true(sl_str_find(out, SL_STR("\"usage\":null")) > 0);
    assert_true(sl_translate_wants_usage(t));
}

/* A stream that is cut is no answer: not of the model, not of the gateway. */
static void test_cut(void **state)
{
    static const struct told cut[] = {
        {SL_EP_MESSAGES, "", DELTA("'content':'x'"), NULL, NULL},
        {SL_EP_MESSAGES, "", "", NULL, NULL},
        {SL_EP_CHAT, "", START(IN) BLOCK("0", TEXT) SAYS("0", "x"), NULL, NULL},
    };
    static const struct told whole[] = {
        {SL_EP_MESSAGES, "", DELTA("'content':'x'") DONE, NULL, NULL},
        {SL_EP_MESSAGES, "", DELTA("'content':'x'") ENDS("stop"), NULL, NULL},
        {SL_EP_MESSAGES, "", CALLS("{'index':0,'id':'c','function':{'name':'f'}}") DONE, NULL,
         NULL},
        {SL_EP_CHAT, "",
         START(IN) EV("message_delta", ",'delta':{'stop_reason':'end_turn'},"
                                       "'usage':{'output_tokens':1}"),
         NULL, NULL},
    };
    static const char *const stops[] = {"'stop_reason':'end_turn'", "'stop_reason':'end_turn'",
                                        "'stop_reason':'tool_use'", "'finish_reason':'stop'"};
    struct sl_str out;

    (void)state;
    for (size_t i = 0; i < COUNT(cut); i++)
        assert_int_equal(run(ask_for(&cut[i], false), json(cut[i].stream), NULL, &out),
                         SL_ERR_UP_CLOSED);
    for (size_t i = 0; i < COUNT(whole); i++) {
        assert_int_equal(run(ask_for(&whole[i], false), json(whole[i].stream), NULL, &out), SL_OK);
        assert_non_null(folded(whole[i].from, out).p);
        assert_true(sl_str_find(out, json(stops[i])) > 0);
    }
}

/* Arguments that were cut are completed, so that they can be read; not where the limit cut
 * them, which the client sees. */
static void test_cut_arguments(void **state)
{
    const struct told c = {
        SL_EP_MESSAGES, "",
        CALLS("{'index':0,'id':'c','type':'function','function':{'name':'f','arguments':"
              "'{\\'a\\':[\\'x'}}") ENDS("stop") DONE,
        NULL, NULL};
    const struct told limit = {
        SL_EP_MESSAGES, "",
        CALLS("{'index':0,'id':'c','type':'function','function':{'name':'f','arguments':"
              "'{\\'a'}}") ENDS("length") DONE,
        NULL, NULL};
    struct sl_str out;

    (void)state;
    assert_int_equal(run(ask_for(&c, false), json(c.stream), NULL, &out), SL_OK);
    assert_true(sl_str_find(folded(SL_EP_MESSAGES, out), SL_STR("{\"a\":[\"x\"]}")) > 0);
    assert_int_equal(run(ask_for(&limit, false), json(limit.stream), NULL, &out), SL_OK);
    assert_true(sl_str_find(out, SL_STR("\"partial_json\":\"{\\\"a\"}")) > 0);
    assert_true(sl_str_find(out, SL_STR("\"stop_reason\":\"max_tokens\"")) > 0);
}

/* Byte for byte: two calls that take turns, one block after the other (protocols.md 7.4). */
static void test_every_byte(void **state)
{
    const struct told c = {
        SL_EP_MESSAGES, "",
        DELTA("'role':'assistant','content':'','refusal':null") DELTA("'content':'Checking.'")
            CALLS("{'index':0,'id':'call_1','type':'function','function':{'name':'get_time',"
                  "'arguments':''}}") CALLS("{'index':0,'function':{'arguments':'{\\'city\\':'}}")
                CALLS("{'index':1,'id':'call_2','type':'function','function':{'name':"
                      "'get_time','arguments':'{\\'city\\':\\'Rome\\'}'}}")
                    CALLS("{'index':0,'function':{'arguments':'\\'Oslo\\'}'}}")
                        ENDS("tool_calls") "data: {'choices':[],'usage':{'prompt_tokens':60,"
                                           "'completion_tokens':20,'total_tokens':80}}\n\n" DONE,
        NULL, NULL};
    struct sl_str out,
        want = json(
            EV("message_start",
               ",'message':{'id':'msg_0123456789abcdef','type':'message','role':'assistant',"
               "'model':'asked','content':[],'stop_reason':null,'stop_sequence':null,'usage':"
               "{'input_tokens':0,'cache_creation_input_tokens':0,'cache_read_input_tokens':0,"
               "'output_tokens':0}}") BLOCK("0", "{'type':'text','text':''}")
                EV("content_block_delta",
                   ",'index':0,'delta':{'type':'text_delta','text':'Checking.'}")
                    EV("content_block_stop", ",'index':0") BLOCK(
                        "1", "{'type':'tool_use','id':'call_1','name':'get_time','input':{}}")
                        ARGS("1", "{\\'city\\':") ARGS("1", "\\'Oslo\\'}") EV("content_block_stop",
                                                                              ",'index':1")
                            BLOCK("2",
                                  "{'type':'tool_use','id':'call_2','name':'get_time','input':{}}")
                                ARGS("2", "{\\'city\\':\\'Rome\\'}") EV("content_block_stop",
                                                                        ",'index':2")
                                    EV("message_delta", ",'delta':{'stop_reason':'tool_use','stop_"
                                                        "sequence':null},'usage':{'input_tokens':"
                                                        "60,'cache_creation_input_tokens':0,'cache_"
                                                        "read_input_tokens':0,'output_tokens':"
                                                        "20}") EV("message_stop", ""));

    (void)state;
    assert_int_equal(run(ask_for(&c, false), json(c.stream), NULL, &out), SL_OK);
    if (!sl_str_eq(out, want))
        fail_msg("got  %.*s\nwant %.*s", SL_STR_ARGS(out), SL_STR_ARGS(want));
}

/* Every event out at once: nothing is kept back but what must wait for its turn. */
static void test_at_once(void **state)
{
    const struct told c = {SL_EP_MESSAGES, "", "", NULL, NULL};
    struct sl_translate_stream *s = sl_translate_stream_new(ask_for(&c, false));
    static const struct {
        const char *event;
        const char *has;
    } steps[] = {
        {DELTA("'content':'a'"), "text_delta\",\"text\":\"a"},
        {DELTA("'content':'b'"), "text_delta\",\"text\":\"b"},
        {CALLS("{'index':0,'id':'c','type':'function','function':{'name':'f','arguments':'{'}}"),
         "partial_json\":\"{\""},
        {CALLS("{'index':0,'function':{'arguments':'}'}}"), "partial_json\":\"}\""},
        {": waiting\n\n", "event: ping\ndata: {\"type\":\"ping\"}\n\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct sl_grow g;

        sl_grow_init(&g, 65536);
        assert_int_equal(sl_translate_stream_event(s, json(steps[i].event), &g), SL_OK);
        assert_true(sl_str_find(sl_grow_str(&g), sl_str_of(steps[i].has)) >= 0);
        sl_grow_fini(&g);
    }
    sl_translate_stream_end(&s);
}

/* Keep-alives, in the form of chat completions; none before there is a stream. */
static void test_pings(void **state)
{
    const struct told c = {SL_EP_CHAT, "", "", NULL, NULL};
    struct sl_translate_stream *s = sl_translate_stream_new(ask_for(&c, false));
    const char *const events[] = {EV("ping", ""), START(IN), EV("ping", "")};
    struct sl_grow g;

    (void)state;
    sl_grow_init(&g, 65536);
    for (size_t i = 0; i < COUNT(events); i++) {
        g.n = 0;
        assert_int_equal(sl_translate_stream_event(s, json(events[i]), &g), SL_OK);
        assert_int_equal(g.n > 0, i > 0);
    }
    assert_true(sl_str_eq(sl_grow_str(&g), SL_STR(": keep-alive\n\n")));
    sl_grow_fini(&g);
    sl_translate_stream_end(&s);
}

/* Errors inside a stream: the status of their kind, in the client's words; nothing after. */
static void test_errors(void **state)
{
    static const struct {
        enum sl_endpoint from;
        const char *stream, *want;
    } bad[] = {
        {SL_EP_MESSAGES,
         "data: {'error':{'code':502,'message':'gone'},'choices':[{'index':0,"
         "'delta':{'content':''},'finish_reason':'error'}]}\n\n" DONE,
         "event: error\ndata: {'type':'error','error':{'type':'api_error','message':'gone'},"
         "'request_id':'0123456789abcdef'}\n\n"},
        {SL_EP_MESSAGES, CH("'error':{'code':429,'message':'slow'},'finish_reason':'error'"),
         "event: error\ndata: {'type':'error','error':{'type':'rate_limit_error','message':'slow'},"
         "'request_id':'0123456789abcdef'}\n\n"},
        {SL_EP_MESSAGES,
         "data: {'error':{'message':'m','type':'server_error','code':"
         "'server_is_overloaded'}}\n\n",
         "event: error\ndata: {'type':'error','error':{'type':'overloaded_error','message':'m'},"
         "'request_id':'0123456789abcdef'}\n\n"},
        {SL_EP_CHAT, EV("error", ",'error':{'type':'overloaded_error','message':'Overloaded'}"),
         "data: {'error':{'message':'Overloaded','type':'service_unavailable_error','param':null,"
         "'code':'server_is_overloaded'}}\n\n"},
        {SL_EP_MESSAGES, CH("'delta':{'content':'half'},'finish_reason':'error'"),
         "event: error\ndata: {'type':'error','error':{'type':'api_error','message':"
         "'The provider gave no reason.'},'request_id':'0123456789abcdef'}\n\n"},
        {SL_EP_MESSAGES,
         "data: {'object':'error','message':'flat','type':'BadRequestError','code':400}\n\n",
         "event: error\ndata: {'type':'error','error':{'type':'invalid_request_error','message':"
         "'flat'},'request_id':'0123456789abcdef'}\n\n"},
        {SL_EP_MESSAGES,
         "data: {'error':{'code':403,'message':'flagged','metadata':{'reasons':['x']}}}\n\n",
         "event: error\ndata: {'type':'error','error':{'type':'invalid_request_error','message':"
         "'flagged'},'request_id':'0123456789abcdef'}\n\n"},
        {SL_EP_MESSAGES, "data: {'error':{'code':403,'message':'x'}}\n\n",
         "event: error\ndata: {'type':'error','error':{'type':'api_error','message':'x'},"
         "'request_id':'0123456789abcdef'}\n\n"},
        {SL_EP_CHAT, EV("error", ",'error':{'type':'authentication_error','message':'x'}"),
         "data: {'error':{'message':'x','type':'server_error','param':null,'code':null}}\n\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct told c = {bad[i].from, "", "", NULL, NULL};
        struct sl_str out;

        assert_int_equal(run(ask_for(&c, false), json(bad[i].stream), NULL, &out), SL_OK);
        if (!sl_str_eq(out, json(bad[i].want)))
            fail_msg("got %.*s", SL_STR_ARGS(out));
    }
}

/* Arguments of the tool that stands for a schema are the answer, plain and streamed; calls of the
 * client's own tools stay calls. */
static void test_forms(void **state)
{
    static const char body[] =
        "{'stream':true,'messages':[{'role':'user','content':'q'}],'tools':[{'function':{'name':"
        "'f'}}],'response_format':{'type':'json_schema','json_schema':{'name':'city','schema':{"
        "'type':'object'}}}}";
#define FORM_CALL(i, name)                                                                         \
    BLOCK(i, "{'type':'tool_use','id':'t" i "','name':'" name "','input':{}}")
#define CALLED OVER("'stop_reason':'tool_use'", OUT)
    static const struct {
        const char *stream, *want;
    } cases[] = {
        {START(IN) FORM_CALL("0", "city") ARGS("0", "{\\'a\\':") ARGS("0", "\\'\\\\u00e9\\'}")
             STOP("0") CALLED,
         CHAT("'content':'{\\'a\\':\\'\\\\u00e9\\'}','refusal':null", "stop", COUNTED)},
        {START(IN) BLOCK("0", "{'type':'tool_use','id':'t','name':'city','input':{'a':1}}")
             STOP("0") CALLED,
         CHAT("'content':'{\\'a\\':1}','refusal':null", "stop", COUNTED)},
        {START(IN) FORM_CALL("0", "city") STOP("0") CALLED,
         CHAT("'content':'{}','refusal':null", "stop", COUNTED)},
        {START(IN) FORM_CALL("0", "city") ARGS("0", "") STOP("0") CALLED,
         CHAT("'content':'{}','refusal':null", "stop", COUNTED)},
        {START(IN) FORM_CALL("0", "f") ARGS("0", "{}") STOP("0") CALLED,
         CHAT("'content':'','refusal':null,'tool_calls':[{'id':'t0','type':'function','function':{"
              "'name':'f','arguments':'{}'}}]",
              "tool_calls", COUNTED)},
        {START(IN) FORM_CALL("0", "city") ARGS("0", "{}") STOP("0") FORM_CALL("1", "f")
             ARGS("1", "{}") STOP("1") CALLED,
         CHAT("'content':'{}','refusal':null,'tool_calls':[{'id':'t1','type':'function',"
              "'function':{'name':'f','arguments':'{}'}}]",
              "tool_calls", COUNTED)},
    };
    struct sl_translate_wish w = wish_of(SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "m");
    const struct sl_translate *t;
    struct sl_str out;
    struct sl_usage u;

    (void)state;
    w.forms_by_tool = true;
    w.adds_usage = true;
    t = ask(&w, body, &out);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sl_str stream = json(cases[i].stream), plain = folded(SL_EP_MESSAGES, stream);

        assert_int_equal(run(t, stream, NULL, &out), SL_OK);
        assert_json(folded(SL_EP_CHAT, out), json(cases[i].want));
        assert_non_null(plain.p);
        assert_int_equal(sl_translate_answer(t, plain, &arena, &u, &out), SL_OK);
        if (i != 4) /* who only calls says nothing: a plain answer has a null for it */
            assert_json(out, json(cases[i].want));
    }
}

#define SEALED                                                                                     \
    "{'type':'reasoning.encrypted','data':'d+/','format':'google-gemini-v1','id':'x','index':0}"
#define VISIBLE "{'type':'reasoning.text','text':'h','format':'google-gemini-v1','index':0}"

/* A message's content as the turn before: what a router is told of it. */
static struct sl_str sent_back(struct sl_str message, enum sl_flavor flavor)
{
    struct sl_translate_wish w = wish_of(SL_EP_MESSAGES, flavor, "m");
    struct sl_str content = sl_json_get(message, SL_STR("content")), out;
    struct sl_translate *t;
    const char *why;
    char body[2048];
    int n = snprintf(body, sizeof(body),
                     "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{"
                     "\"role\":\"assistant\",\"content\":%.*s}]}",
                     SL_STR_ARGS(content));

    assert_true(content.p != NULL && n > 0 && (size_t)n < sizeof(body));
    assert_int_equal(
        sl_translate_request(&w, (struct sl_str){body, (size_t)n}, &arena, &t, &out, &why), SL_OK);
    return out;
}

/* What another maker has sealed comes back to it through a client of Messages, in a signature of
 * ours, plain and streamed, with a thought that can be seen or without. */
static void test_sealed(void **state)
{
    static const struct {
        const char *stream, *plain, *want;
    } cases[] = {
        {DELTA("'reasoning':'h','reasoning_details':[" VISIBLE "]") DELTA(
             "'reasoning_details':[" SEALED "]") DELTA("'content':'a'") ENDS("stop") USED DONE,
         "{'choices':[{'message':{'content':'a','reasoning':'h','reasoning_details':[" VISIBLE
         "," SEALED "]},'finish_reason':'stop'}]}",
         "'reasoning_details':[{'type':'reasoning.text','text':'h','index':0}," SEALED "]"},
        {DELTA("'reasoning_details':[" SEALED "]") DELTA("'reasoning_details':[" SEALED "]")
             DELTA("'content':'a'") ENDS("stop") USED DONE,
         "{'choices':[{'message':{'content':'a','reasoning_details':[" SEALED "," SEALED
         "]},'finish_reason':'stop'}]}",
         "'reasoning_details':[" SEALED "," SEALED "]"},
    };
    struct sl_translate_wish w = wish_of(SL_EP_MESSAGES, SL_FLAVOR_OPENROUTER, "m");
    struct sl_str out, both[2];
    const struct sl_translate *t =
        ask(&w,
            "{'max_tokens':9,'thinking':{'type':'adaptive'},'messages':[{'role':'user',"
            "'content':'q'}]}",
            &out);
    struct sl_usage u;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(run(t, json(cases[i].stream), NULL, &out), SL_OK);
        both[0] = folded(SL_EP_MESSAGES, out);
        assert_int_equal(sl_translate_answer(t, json(cases[i].plain), &arena, &u, &both[1]), SL_OK);
        for (size_t k = 0; k < COUNT(both); k++) {
            out = sent_back(both[k], SL_FLAVOR_OPENROUTER);
            if (sl_str_find(out, json(cases[i].want)) < 0)
                fail_msg("%.*s\nsent %.*s", SL_STR_ARGS(both[k]), SL_STR_ARGS(out));
            out = sent_back(both[k], SL_FLAVOR_COMPATIBLE);
            assert_true(sl_str_find(out, SL_STR("reasoning")) < 0);
        }
    }
}

#define OF(data) "{'type':'reasoning.encrypted','data':'" data "','format':'openai-responses-v1'}"
#define SEALS(data) DELTA("'reasoning_details':[" OF(data) "]")
#define THINKS_OF(text) DELTA("'reasoning':'" text "'")
#define CALL_OF(i, args)                                                                           \
    "'tool_calls':[{'index':" i ",'id':'c" i "','function':{'name':'f','arguments':'" args "'}}]"
#define ENDED ENDS("stop") USED DONE

/* What is sealed of a stream in turns, or beside its calls, goes back once each and in order; of
 * more than a signature may hold nothing does. */
static void test_sealed_in_turns(void **state)
{
    static const struct {
        const char *stream;
        const char *want[3]; /* each once, in that order */
    } cases[] = {
        {THINKS_OF("h") SEALS("A") THINKS_OF("i") SEALS("B") DELTA("'content':'a'") ENDED,
         {"'data':'A'", "'data':'B'"}},
        {SEALS("A") DELTA("'content':'a'") SEALS("B") DELTA("'content':'b'") SEALS("C") ENDED,
         {"'data':'A'", "'data':'B'", "'data':'C'"}},
        {SEALS("A") DELTA(CALL_OF("0", "{}")) SEALS("B") DELTA("'content':'a'") SEALS("C") ENDED,
         {"'data':'A'", "'data':'B'", "'data':'C'"}},
        {DELTA(CALL_OF("0", "{}") ",'reasoning_details':[" OF("A") "]")
             DELTA(CALL_OF("1", "{}") ",'reasoning_details':[" OF("B") "]") ENDED,
         {"'data':'A'", "'data':'B'"}},
        {SEALS("A") DELTA(CALL_OF("0", "{")) SEALS("B") DELTA("'content':'a'") SEALS("C")
             CALLS("{'index':0,'function':{'arguments':'}'}}") ENDED,
         {"'data':'A'", "'data':'B'", "'data':'C'"}},
    };
    struct sl_translate_wish w = wish_of(SL_EP_MESSAGES, SL_FLAVOR_OPENROUTER, "m");
    struct sl_str out;
    const struct sl_translate *t =
        ask(&w,
            "{'max_tokens':9,'thinking':{'type':'adaptive'},'messages':[{'role':'user',"
            "'content':'q'}]}",
            &out);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sl_str rest;

        assert_int_equal(run(t, json(cases[i].stream), NULL, &out), SL_OK);
        rest = out = sent_back(folded(SL_EP_MESSAGES, out), SL_FLAVOR_OPENROUTER);
        for (size_t k = 0; k < COUNT(cases[i].want) && cases[i].want[k] != NULL; k++) {
            ptrdiff_t at = sl_str_find(rest, json(cases[i].want[k]));

            if (at < 0)
                fail_msg("%zu %s\nsent %.*s", i, cases[i].want[k], SL_STR_ARGS(out));
            rest = sl_str_from(rest, (size_t)at + 1);
        }
        for (size_t k = 0; k < COUNT(cases[i].want) && cases[i].want[k] != NULL; k++) {
            struct sl_str want = json(cases[i].want[k]);
            ptrdiff_t at = sl_str_find(out, want);

            if (sl_str_find(sl_str_from(out, (size_t)at + 1), want) >= 0)
                fail_msg("%zu twice\nsent %.*s", i, SL_STR_ARGS(out));
        }
    }
}

static void test_sealed_too_much(void **state)
{
    struct sl_translate_wish w = wish_of(SL_EP_MESSAGES, SL_FLAVOR_OPENROUTER, "m");
    struct sl_str out;
    const struct sl_translate *t =
        ask(&w,
            "{'max_tokens':9,'thinking':{'type':'adaptive'},'messages':[{'role':'user',"
            "'content':'q'}]}",
            &out);
    struct sl_grow g;

    (void)state;
    sl_grow_init(&g, 1 << 16);
    for (int i = 0; i < 70; i++)
        sl_grow_add(&g, json(SEALS("A")));
    sl_grow_add(&g, json(DELTA("'content':'a'") SEALS("B") ENDED));
    assert_int_equal(run(t, sl_grow_str(&g), NULL, &out), SL_OK);
    sl_grow_fini(&g);
    assert_true(sl_str_find(folded(SL_EP_MESSAGES, out),
                            json("[{'type':'thinking','thinking':'','signature':'gw1:'},{'type':"
                                 "'text','text':'a'}]")) > 0);
}

static void add_many(struct sl_grow *g, size_t n)
{
    static const char some[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

    for (; n > 0; n -= 64)
        sl_grow_add(g, (struct sl_str){some, 64});
}

/* Behind an open call text and signature wait together: a signature without room ends nothing. */
static void test_sealed_without_room(void **state)
{
    struct sl_translate_wish w = wish_of(SL_EP_MESSAGES, SL_FLAVOR_OPENROUTER, "m");
    struct sl_str out;
    const struct sl_translate *t =
        ask(&w,
            "{'max_tokens':9,'thinking':{'type':'adaptive'},'messages':[{'role':'user',"
            "'content':'q'}]}",
            &out);
    struct sl_grow g;

    (void)state;
    sl_grow_init(&g, 4 << 20);
    sl_grow_add(&g, json(DELTA(CALL_OF("0", "{"))));
    for (int i = 0; i < 15; i++) {
        sl_grow_add(&g, json("data: {'choices':[{'index':0,'delta':{'content':'"));
        add_many(&g, 65536);
        sl_grow_add(&g, json("'}}]}\n\n"));
    }
    sl_grow_add(&g, json("data: {'choices':[{'index':0,'delta':{'reasoning_details':[{'type':"
                         "'reasoning.encrypted','index':0,'data':'"));
    add_many(&g, 65536);
    sl_grow_add(&g, json("'}]}}]}\n\n"));
    sl_grow_add(&g, json(CALLS("{'index':0,'function':{'arguments':'}'}}") ENDED));
    assert_int_equal(run(t, sl_grow_str(&g), NULL, &out), SL_OK);
    sl_grow_fini(&g);
    assert_true(sl_str_find(out, json("'stop_reason':'")) > 0);
    assert_true(sl_str_find(out, SL_STR("gw1:")) < 0);
}

/* A signature of another maker is none that Anthropic takes, plain as streamed. */
static void test_signed_by_another(void **state)
{
#define SIGNED                                                                                     \
    "'reasoning_details':[{'type':'reasoning.text','text':'h','signature':'s','format':"           \
    "'google-gemini-v1','index':0}]"
    struct sl_translate_wish w = wish_of(SL_EP_MESSAGES, SL_FLAVOR_OPENROUTER, "m");
    struct sl_str out, both[2];
    const struct sl_translate *t =
        ask(&w,
            "{'max_tokens':9,'thinking':{'type':'adaptive'},'messages':[{'role':'user',"
            "'content':'q'}]}",
            &out);
    struct sl_usage u;

    (void)state;
    assert_int_equal(
        run(t, json(DELTA(SIGNED) DELTA("'content':'a'") ENDS("stop") USED DONE), NULL, &out),
        SL_OK);
    both[0] = folded(SL_EP_MESSAGES, out);
    assert_int_equal(sl_translate_answer(t,
                                         json("{'choices':[{'message':{'content':'a'," SIGNED
                                              "},'finish_reason':'stop'}]}"),
                                         &arena, &u, &both[1]),
                     SL_OK);
    for (size_t i = 0; i < COUNT(both); i++)
        if (sl_str_find(both[i], json("'thinking':'h','signature':'gw1:'}")) < 0)
            fail_msg("%.*s", SL_STR_ARGS(both[i]));
}

/* What Anthropic has sealed is a block of its own protocol, plain as streamed. */
static void test_sealed_by_anthropic(void **state)
{
    struct sl_translate_wish w = wish_of(SL_EP_MESSAGES, SL_FLAVOR_OPENROUTER, "m");
    struct sl_str out;
    const struct sl_translate *t =
        ask(&w,
            "{'max_tokens':9,'thinking':{'type':'adaptive'},'messages':[{'role':'user',"
            "'content':'q'}]}",
            &out);
    struct sl_usage u;

    (void)state;
    assert_int_equal(
        sl_translate_answer(t,
                            json("{'choices':[{'message':{'content':'a','reasoning_details':[{"
                                 "'type':'reasoning.encrypted','data':'d','format':"
                                 "'anthropic-claude-v1'}]},'finish_reason':'stop'}]}"),
                            &arena, &u, &out),
        SL_OK);
    assert_true(sl_str_find(out, json("'content':[{'type':'redacted_thinking','data':'d'},{")) > 0);
}

/* A signature that looks like ours, and what a client may have made of it. */
static void test_sealed_by_anybody(void **state)
{
    static const char *const signatures[] = {
        "gw1:",
        "gw1:!",
        "gw1:e30",                                 /* {} */
        "gw1:eyJkZXRhaWxzIjpbMV19",                /* {"details":[1]} */
        "gw1:eyJkZXRhaWxzIjpbeyJ0eXBlIjoieCJ9XX0", /* {"details":[{"type":"x"}]} */
        "gw1:eyJkZXRhaWxzIjpb",                    /* cut */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(signatures); i++) {
        char message[256];

        snprintf(message, sizeof(message),
                 "{'content':[{'type':'thinking','thinking':'','signature':'%s'},{'type':'text',"
                 "'text':'a'}]}",
                 signatures[i]);
        if (sl_str_find(sent_back(json(message), SL_FLAVOR_OPENROUTER), SL_STR("details")) >= 0)
            fail_msg("%s", signatures[i]);
    }
}

/* Of a provider that counts no tokens a client hears what the gateway counts: four bytes each, of
 * its request and of what was said. */
static void test_uncounted(void **state)
{
    static const char body[] = "{'stream':true,'stream_options':{'include_usage':true},'messages':"
                               "[{'role':'user','content':'q'}],'input':'q'}";
    static const char chunks[] =
        DELTA("'reasoning_content':'12'") DELTA("'content':'3456789'") ENDS("stop") DONE;
    static const char chat[] = "{'choices':[{'message':{'reasoning_content':'12','content':"
                               "'3456789'},'finish_reason':'stop'}]}";
    static const struct {
        enum sl_endpoint from;
        const char *stream, *plain, *in, *out;
    } cases[] = {
        {SL_EP_MESSAGES, chunks, chat, "input_tokens", "output_tokens"},
        {SL_EP_RESPONSES, chunks, chat, "input_tokens", "output_tokens"},
        {SL_EP_CHAT,
         START("{}") BLOCK("0", TEXT) SAYS("0", "123456789") STOP("0")
             OVER("'stop_reason':'end_turn'", "{}"),
         "{'content':[{'type':'text','text':'123456789'}],'stop_reason':'end_turn'}",
         "prompt_tokens", "completion_tokens"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sl_translate_wish w = wish_of(cases[i].from, SL_FLAVOR_COMPATIBLE, "m");
        struct sl_str sent, said[2];
        const struct sl_translate *t = ask(&w, body, &sent);
        struct sl_usage u;

        assert_int_equal(run(t, json(cases[i].stream), &u, &said[0]), SL_OK);
        assert_int_equal(u.text_bytes, 9);
        assert_false(u.has_in || u.has_out);
        assert_int_equal(sl_translate_answer(t, json(cases[i].plain), &arena, &u, &said[1]), SL_OK);
        assert_int_equal(u.text_bytes, 9);
        for (size_t k = 0; k < COUNT(said); k++) {
            char in[64], out[64];

            snprintf(in, sizeof(in), "\"%s\":%zu,", cases[i].in, (strlen(body) + 3) / 4);
            snprintf(out, sizeof(out), "\"%s\":3", cases[i].out);
            if (sl_str_find(said[k], sl_str_of(in)) < 0 || sl_str_find(said[k], sl_str_of(out)) < 0)
                fail_msg("%s %s in %.*s", in, out, SL_STR_ARGS(said[k]));
        }
    }
}

static void test_garbage(void **state)
{
    static const struct told bad[] = {
        {SL_EP_MESSAGES, "", "data: {oh\n\n", NULL, NULL},
        {SL_EP_MESSAGES, "", "data: []\n\n", NULL, NULL},
        {SL_EP_CHAT, "", "data: [DONE]\n\n", NULL, NULL},
        {SL_EP_CHAT, "", START(IN) SAYS("0", "x"), NULL, NULL},
        {SL_EP_CHAT, "", START(IN) BLOCK("0", TEXT) BLOCK("0", TEXT), NULL, NULL},
        {SL_EP_CHAT, "", START(IN) STOP("0"), NULL, NULL},
    };
    static const struct {
        enum sl_endpoint from;
        const char *plain;
    } plain[] = {
        {SL_EP_MESSAGES, "{}"}, {SL_EP_MESSAGES, "{'choices':[]}"},
        {SL_EP_MESSAGES, "[]"}, {SL_EP_MESSAGES, "{'choices':[{'message':null}]}"},
        {SL_EP_CHAT, "{}"},     {SL_EP_CHAT, "{'content':'x'}"},
    };
    struct sl_str out;
    struct sl_usage u;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(run(ask_for(&bad[i], false), json(bad[i].stream), NULL, &out),
                         SL_ERR_UP_GARBAGE);
    for (size_t i = 0; i < COUNT(plain); i++) {
        const struct told c = {plain[i].from, "", "", NULL, NULL};

        assert_int_equal(
            sl_translate_answer(ask_for(&c, false), json(plain[i].plain), &arena, &u, &out),
            SL_ERR_UP_GARBAGE);
    }
}

/* What waits for its turn has a ceiling. */
static void test_ceiling(void **state)
{
    const struct told c = {SL_EP_MESSAGES, "", "", NULL, NULL};
    struct sl_translate_stream *s = sl_translate_stream_new(ask_for(&c, false));
    enum sl_err err = SL_OK;
    char event[16384];
    struct sl_grow g;
    size_t n;

    (void)state;
    sl_grow_init(&g, 1 << 22);
    assert_int_equal(
        sl_translate_stream_event(
            s,
            json(CALLS(
                "{'index':0,'id':'c','type':'function','function':{'name':'f','arguments':'{'}}")),
            &g),
        SL_OK);
    n = (size_t)snprintf(event, sizeof event, "data: {\"choices\":[{\"delta\":{\"content\":\"");
    memset(event + n, 'x', 10000);
    n += 10000;
    n += (size_t)snprintf(event + n, sizeof event - n, "\"}}]}\n\n");
    for (size_t i = 0; i < 104; i++)
        assert_int_equal(sl_translate_stream_event(s, (struct sl_str){event, n}, &g), SL_OK);
    for (size_t i = 0; i < 2 && err == SL_OK; i++)
        err = sl_translate_stream_event(s, (struct sl_str){event, n}, &g);
    assert_int_equal(err, SL_ERR_CEILING);
    assert_int_equal(sl_translate_stream_finish(s, &g), SL_ERR_CEILING);
    sl_grow_fini(&g);
    sl_translate_stream_end(&s);
}

/* Ids and names are remembered, of any number of calls: not those that are texts. */
static void test_long_ids(void **state)
{
    static const char *const events[] = {
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"%s\",\"function\":"
        "{\"name\":\"f\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":"
        "{\"name\":\"%s\"}}]}}]}\n\n",
    };
    const struct told c = {SL_EP_MESSAGES, "", "", NULL, NULL};
    char text[SL_NEUTRAL_KEPT + 2], event[2 * SL_NEUTRAL_KEPT];

    (void)state;
    for (size_t i = 0; i < COUNT(events); i++) {
        for (size_t more = 0; more < 2; more++) {
            struct sl_str out;
            enum sl_err err;

            memset(text, 'x', sizeof(text));
            text[SL_NEUTRAL_KEPT + more] = '\0';
            snprintf(event, sizeof(event), events[i], text);
            err = run(ask_for(&c, false), sl_str_of(event), NULL, &out);
            assert_int_equal(err, more > 0 ? SL_ERR_UP_GARBAGE : SL_ERR_UP_CLOSED);
        }
    }
}

/* A call whose block is still open when the answer is over has no arguments, not half an empty
 * text of them. */
static void test_call_left_open(void **state)
{
    const struct told c = {SL_EP_CHAT, "",
                           START(IN)
                               BLOCK("0", "{'type':'tool_use','id':'t','name':'f','input':{}}")
                                   OVER("'stop_reason':'tool_use'", OUT),
                           NULL, NULL};
    struct sl_str out;

    (void)state;
    assert_int_equal(run(ask_for(&c, false), json(c.stream), NULL, &out), SL_OK);
    assert_true(sl_str_find(folded(SL_EP_CHAT, out), SL_STR("\"arguments\":\"{}\"")) > 0);
}

/* Names that were shortened on the way out come back whole. */
static void test_names(void **state)
{
    static const char name[] = "mcp__a_server__0123456789012345678901234567890123456789012345678";
    struct sl_translate_wish w = wish_of(SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "m");
    char body[512], stream[512], shorter[128] = "";
    const struct sl_translate *t;
    struct sl_str out;
    ptrdiff_t at;

    (void)state;
    snprintf(body, sizeof body,
             "{'messages':[{'role':'user','content':'q'}],'tools':[{'name':"
             "'%s.x','input_schema':{}}]}",
             name);
    t = ask(&w, body, &out);
    at = sl_str_find(out, SL_STR("mcp__a_server"));
    assert_true(at > 0);
    memcpy(shorter, out.p + at, 64);
    assert_int_equal(out.p[at + 64], '"');
    snprintf(stream, sizeof stream,
             CALLS("{'index':0,'id':'c','type':'function','function':"
                   "{'name':'%s','arguments':'{}'}}") ENDS("stop"),
             shorter);
    assert_int_equal(run(t, json(stream), NULL, &out), SL_OK);
    snprintf(body, sizeof body, "\"name\":\"%s.x\"", name);
    assert_true(sl_str_find(out, sl_str_of(body)) > 0);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(told); i++) {
        const struct sl_translate *t = ask_for(&told[i], true);
        struct sl_str stream = json(told[i].stream), rest;
        enum sl_err err = SL_ERR_NO_MEMORY;

        for (uint64_t n = 1; err != SL_OK; n++) {
            struct sl_translate_stream *s;
            struct sl_sse sse;
            struct sl_grow g;
            size_t at;

            assert_true(n < 200);
            sl_grow_init(&g, 1 << 20);
            sl_sse_init(&sse);
            rest = stream;
            sl_mem_fail_at(n);
            s = sl_translate_stream_new(t);
            err = s != NULL ? SL_OK : SL_ERR_NO_MEMORY;
            while (err == SL_OK && sl_sse_next(&sse, rest, &at)) {
                err = sl_translate_stream_event(s, sl_str_first(rest, at), &g);
                rest = sl_str_from(rest, at);
            }
            sl_mem_fail_at(0);
            assert_true(err == SL_OK || err == SL_ERR_NO_MEMORY);
            sl_translate_stream_end(&s);
            sl_grow_fini(&g);
        }
    }
}

/* --- Whole answers that are errors -------------------------------------------------------- */

static void test_error_bodies(void **state)
{
    static const struct {
        enum sl_endpoint from;
        int status, want_status;
        const char *body, *want;
    } bad[] = {
        {SL_EP_MESSAGES, 422, 400, "{'detail':[{'msg':'bad field'}]}",
         "'type':'invalid_request_error','message':'bad field'"},
        {SL_EP_MESSAGES, 400, 400,
         "{'error':{'message':'This model\\u0027s maximum context length is 128000 tokens. However,"
         " your messages resulted in 130001 tokens.','code':'context_length_exceeded'}}",
         "'message':'prompt is too long: 130001 tokens > 128000 maximum'"},
        {SL_EP_MESSAGES, 401, 500, "{'error':'Unauthorized'}", "'type':'api_error'"},
        {SL_EP_MESSAGES, 404, 404, "{'error':{'message':'The model `up` does not exist'}}",
         "'type':'not_found_error','message':'model: asked'"},
        {SL_EP_MESSAGES, 404, 404, "{'error':{'message':'No endpoints found for up.'}}",
         "'type':'not_found_error','message':'model: asked'"},
        {SL_EP_MESSAGES, 404, 404, "{'error':{'message':'no such path'}}",
         "'type':'not_found_error','message':'no such path'"},
        {SL_EP_MESSAGES, 403, 500, "{}", "'type':'api_error'"},
        {SL_EP_MESSAGES, 408, 504, "{}", "'type':'timeout_error'"},
        {SL_EP_MESSAGES, 504, 504, "{}", "'type':'timeout_error'"},
        {SL_EP_MESSAGES, 500, 500, "{}", "'type':'api_error'"},
        {SL_EP_MESSAGES, 529, 529, "{}", "'type':'overloaded_error'"},
        {SL_EP_MESSAGES, 400, 400, "{'error':{'message':'m'}}",
         "{'type':'error','error':{'type':'invalid_request_error','message':'m'},'request_id':"
         "'0123456789abcdef'}"},
        {SL_EP_MESSAGES, 400, 400,
         "{'object':'error','message':'flat','type':'BadRequestError','param':null,'code':400}",
         "'type':'invalid_request_error','message':'flat'"},
        {SL_EP_MESSAGES, 429, 429, "{'message':'slow'}",
         "'type':'rate_limit_error','message':'slow'"},
        {SL_EP_MESSAGES, 503, 529, "<html><body><h1>503</h1>\n busy </body></html>",
         "'type':'overloaded_error','message':'503 busy'"},
        {SL_EP_MESSAGES, 502, 500, "", "'message':'The provider gave no reason.'"},
        {SL_EP_MESSAGES, 524, 504, "{}", "'type':'timeout_error'"},
        {SL_EP_MESSAGES, 413, 413, "{}", "'type':'request_too_large'"},
        {SL_EP_CHAT, 400, 400,
         "{'type':'error','error':{'type':'invalid_request_error','message':"
         "'prompt is too long: 210000 tokens > 200000 maximum'}}",
         "'message':'prompt is too long: 210000 tokens > 200000 maximum','type':"
         "'invalid_request_error','param':null,'code':'context_length_exceeded'"},
        {SL_EP_CHAT, 529, 503, "{'type':'error','error':{'type':'overloaded_error','message':'o'}}",
         "'type':'service_unavailable_error','param':null,'code':'server_is_overloaded'"},
        {SL_EP_CHAT, 404, 404, "{'error':{'message':'m'}}", "'code':'model_not_found'"},
        {SL_EP_CHAT, 400, 400, "{'error':{'type':'invalid_request_error','message':'m'}}",
         "{'error':{'message':'m','type':'invalid_request_error','param':null,'code':null}}"},
        {SL_EP_CHAT, 401, 500, "{'error':{'message':'m'}}", "'type':'server_error'"},
        {SL_EP_CHAT, 403, 500, "{'error':{'message':'m'}}", "'type':'server_error'"},
        {SL_EP_CHAT, 413, 413, "{}", "'type':'invalid_request_error'"},
        {SL_EP_CHAT, 429, 429, "{}",
         "'type':'rate_limit_error','param':null,'code':"
         "'rate_limit_exceeded'"},
        {SL_EP_CHAT, 500, 500, "{'error':{'type':'api_error','message':'m'}}",
         "'type':'server_error'"},
        {SL_EP_CHAT, 503, 503, "{}", "'code':'server_is_overloaded'"},
        {SL_EP_CHAT, 504, 504, "{'error':{'message':'m'}}", "'code':'timeout'"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct told c = {bad[i].from, "", "", NULL, NULL};
        int status = bad[i].status;
        struct sl_str out;

        assert_int_equal(
            sl_translate_error(ask_for(&c, false), json(bad[i].body), &arena, &status, &out),
            SL_OK);
        assert_int_equal(status, bad[i].want_status);
        if (sl_str_find(out, json(bad[i].want)) < 0)
            fail_msg("%s: got %.*s", bad[i].body, SL_STR_ARGS(out));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_usage_chunk),
        cmocka_unit_test(test_only_calls),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_cut_arguments),
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_pings),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_sealed),
        cmocka_unit_test(test_sealed_in_turns),
        cmocka_unit_test(test_sealed_too_much),
        cmocka_unit_test(test_sealed_without_room),
        cmocka_unit_test(test_signed_by_another),
        cmocka_unit_test(test_sealed_by_anthropic),
        cmocka_unit_test(test_sealed_by_anybody),
        cmocka_unit_test(test_uncounted),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_error_bodies),
        cmocka_unit_test(test_long_ids),
        cmocka_unit_test(test_call_left_open),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
