/* The Responses API for clients: its requests as each other protocol's, and answers, plain and
 * streamed, as its own. A stream is put together as a strict client would, and must be what the
 * plain answer is; and its bytes may be cut anywhere. */
#include "llm/responses/responses_answer.c"

#include "_translate.h"

static struct sl_translate_wish wish(enum sl_endpoint to, enum sl_flavor flavor, const char *model)
{
    struct sl_translate_wish w = wish_of(SL_EP_RESPONSES, flavor, model);

    w.to = to;
    return w;
}

/* --- Requests ------------------------------------------------------------------------------- */

struct asked {
    enum sl_endpoint to;
    enum sl_flavor flavor;
    const char *model;
    const char *body;
    const char *want;
};

#define TALK                                                                                       \
    "[{'role':'developer','content':'rules'},{'role':'user','content':[{'type':'input_text',"      \
    "'text':'q'},{'type':'input_image','image_url':'data:image/png;base64,iVBORw0KGgo',"           \
    "'detail':'low'},{'type':'input_file','file_data':'data:application/pdf;base64,JVBE',"         \
    "'filename':'f.pdf'}]},{'type':'reasoning','id':'rs_1','summary':[{'type':'summary_text',"     \
    "'text':'hm'}],'encrypted_content':'gw1:tSIG'},{'type':'message','id':'msg_1','role':"         \
    "'assistant','status':'completed','content':[{'type':'output_text','text':'a','annotations':"  \
    "[]}]},{'type':'function_call','call_id':'c1','name':'f','arguments':'{\\'x\\':1}'},"          \
    "{'type':'custom_tool_call','call_id':'c2','name':'p','input':'raw \\'text\\''},"              \
    "{'type':'web_search_call','id':'ws'},{'type':'function_call_output','call_id':'c1',"          \
    "'output':[{'type':'input_text','text':'r1'},{'type':'input_image','image_url':"               \
    "'https://h/i'}]},{'type':'custom_tool_call_output','call_id':'c2','output':'r2'},"            \
    "{'role':'user','content':'go on'},{'role':'system','content':'late'}]"
#define TOOLS                                                                                      \
    "[{'type':'function','name':'f','description':'d','strict':null,'parameters':{'type':"         \
    "'object','properties':{}}},{'type':'custom','name':'p','description':'free','format':"        \
    "{'type':'grammar','syntax':'lark','definition':'start: X'}},{'type':'web_search'},"           \
    "{'type':'local_shell'}]"

static const struct asked requests[] = {
    /* a string is one message; instructions come first; all that is said by default */
    {SL_EP_CHAT, SL_FLAVOR_OPENAI, "gpt-4o", "{'input':'q','instructions':'sys'}",
     "{'model':'gpt-4o','messages':[{'role':'system','content':'sys'},{'role':'user',"
     "'content':'q'}]}"},
    {SL_EP_MESSAGES, SL_FLAVOR_COMPATIBLE, "claude-x", "{'input':'q','instructions':'sys'}",
     "{'model':'claude-x','system':[{'type':'text','text':'sys'}],'messages':[{'role':'user',"
     "'content':[{'type':'text','text':'q'}]}],'max_tokens':4096}"},
    /* every kind of item */
    {SL_EP_MESSAGES, SL_FLAVOR_COMPATIBLE, "claude-x",
     "{'input':" TALK ",'instructions':'sys','tools':" TOOLS "}",
     "{'model':'claude-x','system':[{'type':'text','text':'sys'},{'type':'text','text':'rules'}],"
     "'tools':[{'name':'f','description':'d','input_schema':{'type':'object','properties':{}}},"
     "{'name':'p','description':'free\\n\\nThe input has to follow this grammar:\\nstart: X',"
     "'input_schema':{'type':'object','properties':{'input':{'type':'string'}},'required':"
     "['input']}}],'messages':[{'role':'user','content':[{'type':'text','text':'q'},{'type':"
     "'image','source':{'type':'base64','media_type':'image/png','data':'iVBORw0KGgo'}},{'type':"
     "'document','source':{'type':'base64','media_type':'application/pdf','data':'JVBE'},'title':"
     "'f.pdf'}]},{'role':'assistant','content':[{'type':'thinking','thinking':'hm','signature':"
     "'SIG'},{'type':'text','text':'a'},{'type':'tool_use','id':'c1','name':'f','input':{'x':1}},"
     "{'type':'tool_use','id':'c2','name':'p','input':{'input':'raw \\'text\\''}}]},{'role':"
     "'user','content':[{'type':'tool_result','tool_use_id':'c1','content':[{'type':'text',"
     "'text':'r1'},{'type':'image','source':{'type':'url','url':'https://h/i'}}]},{'type':"
     "'tool_result','tool_use_id':'c2','content':[{'type':'text','text':'r2'}]},{'type':'text',"
     "'text':'go on'},{'type':'text','text':'<system-reminder>\\nlate\\n</system-reminder>'}]}],"
     "'max_tokens':4096}"},
    {SL_EP_CHAT, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'input':" TALK ",'tools':" TOOLS ",'tool_choice':{'type':'custom','name':'p'},"
     "'parallel_tool_calls':false}",
     "{'model':'gpt-4o','messages':[{'role':'system','content':'rules'},{'role':'user','content':"
     "[{'type':'text','text':'q'},{'type':'image_url','image_url':{'url':"
     "'data:image/png;base64,iVBORw0KGgo','detail':'low'}},{'type':'file','file':{'filename':"
     "'f.pdf','file_data':'data:application/pdf;base64,JVBE'}}]},{'role':'assistant','content':"
     "'a','tool_calls':[{'id':'c1','type':'function','function':{'name':'f','arguments':"
     "'{\\'x\\':1}'}},{'id':'c2','type':'function','function':{'name':'p','arguments':"
     "'{\\'input\\':\\'raw \\\\\\'text\\\\\\'\\'}'}}]},{'role':'tool','tool_call_id':'c1',"
     "'content':'r1\\n[image attached below]'},{'role':'tool','tool_call_id':'c2','content':"
     "'r2'},{'role':'user','content':[{'type':'image_url','image_url':{'url':'https://h/i'}},"
     "{'type':'text','text':'go on'}]},{'role':'system','content':'late'}],'tools':[{'type':"
     "'function','function':{'name':'f','description':'d','parameters':{'type':'object',"
     "'properties':{}}}},{'type':'function','function':{'name':'p','description':"
     "'free\\n\\nThe input has to follow this grammar:\\nstart: X','parameters':{'type':'object',"
     "'properties':{'input':{'type':'string'}},'required':['input']}}}],'tool_choice':{'type':"
     "'function','function':{'name':'p'}},'parallel_tool_calls':false}"},
    /* parameters: OpenAI's own stay there */
    {SL_EP_CHAT, SL_FLAVOR_OPENAI, "gpt-5",
     "{'input':'q','max_output_tokens':9,'reasoning':{'effort':'minimal','summary':'auto'},'text':"
     "{'verbosity':'low','format':{'type':'json_schema','name':'n','schema':{'type':'object'},"
     "'strict':true}},'safety_identifier':'s','user':'u','service_tier':'flex','store':true,"
     "'prompt_cache_key':'k','include':['x'],'truncation':'auto','metadata':{'a':'b'},'stream':"
     "true}",
     "{'model':'gpt-5','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'response_format':{'type':'json_schema','json_schema':{'name':'n','schema':{'type':"
     "'object'},'strict':true}},'reasoning_effort':'low','user':'s','service_tier':'flex',"
     "'verbosity':'low','prompt_cache_key':'k','stream':true,'stream_options':{'include_usage':"
     "true}}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "m",
     "{'input':'q','max_output_tokens':9,'reasoning':{'effort':'high'},'text':{'verbosity':'low',"
     "'format':{'type':'json_object'}},'service_tier':'default','prompt_cache_key':'k',"
     "'temperature':0.5,'top_p':0.9}",
     "{'model':'m','messages':[{'role':'user','content':'q'}],'max_tokens':9,'temperature':0.5,"
     "'top_p':0.9,'response_format':{'type':'json_object'}}"},
    {SL_EP_MESSAGES, SL_FLAVOR_COMPATIBLE, "claude-sonnet-4-6",
     "{'input':'q','reasoning':{'effort':'high'},'text':{'format':{'type':'json_schema','name':"
     "'n','schema':{'type':'object'}}},'user':'u','tools':[{'type':'function','name':'f'},"
     "{'type':'function','name':'g'}],'tool_choice':{'type':'allowed_tools','mode':'auto','tools':"
     "[{'type':'function','name':'g'}]}}",
     "{'model':'claude-sonnet-4-6','tools':[{'name':'g','input_schema':{'type':'object',"
     "'properties':{}}}],'tool_choice':{'type':'auto'},'messages':[{'role':'user','content':"
     "[{'type':'text','text':'q'}]}],'thinking':{'type':'adaptive'},'max_tokens':4096,"
     "'output_config':{'effort':'high','format':{'type':'json_schema','schema':{'type':'object',"
     "'additionalProperties':false}}},"
     "'metadata':{'user_id':'u'}}"},
    {SL_EP_MESSAGES, SL_FLAVOR_COMPATIBLE, "claude-x",
     "{'input':'q','reasoning':{'effort':'none'}}",
     "{'model':'claude-x','messages':[{'role':'user','content':[{'type':'text','text':'q'}]}],"
     "'thinking':{'type':'disabled'},'max_tokens':4096}"},
    /* what another maker sealed is no thought of Anthropic's; what only it can read comes back */
    {SL_EP_MESSAGES, SL_FLAVOR_COMPATIBLE, "claude-x",
     "{'input':[{'role':'user','content':'q'},{'type':'reasoning','summary':[{'type':"
     "'summary_text','text':'h'}],'encrypted_content':'foreign'},{'type':'reasoning','summary':[],"
     "'encrypted_content':'gw1:hDATA'},{'type':'reasoning','summary':[],'encrypted_content':"
     "'gw1:'},{'role':'assistant','content':'a'},{'role':'user','content':'r'}]}",
     "{'model':'claude-x','messages':[{'role':'user','content':[{'type':'text','text':'q'}]},"
     "{'role':'assistant','content':[{'type':'redacted_thinking','data':'DATA'},{'type':'text',"
     "'text':'a'}]},{'role':'user','content':[{'type':'text','text':'r'}]}],'max_tokens':4096}"},
    /* a choice of what was left out is none */
    {SL_EP_CHAT, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'input':'q','tools':[{'type':'function','name':'f'},{'type':'web_search'}],'tool_choice':"
     "{'type':'web_search'}}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'}],'tools':[{'type':'function',"
     "'function':{'name':'f','parameters':{'type':'object','properties':{}}}}]}"},
};

static void assert_same(struct sl_str got, const char *want, size_t at)
{
    struct sl_str text = json(want);

    if (got.p == NULL || !same_json(got, text))
        fail_msg("%zu: got  %.*s\nwant %.*s", at, SL_STR_ARGS(got), SL_STR_ARGS(text));
}

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        const struct asked *r = &requests[i];
        struct sl_translate_wish w = wish(r->to, r->flavor, r->model);
        struct sl_str out;

        (void)ask(&w, r->body, &out);
        assert_same(out, r->want, i);
    }
}

static void test_refusals(void **state)
{
    static const char *const bodies[][2] = {
        {"{'input':'q','previous_response_id':'r'}", "previous_response_id"},
        {"{'input':'q','conversation':{'id':'c'}}", "conversation"},
        {"{'input':'q','background':true}", "background"},
        {"{'input':'q','prompt':{'id':'p'}}", "prompt"},
        {"{'input':[{'type':'item_reference','id':'i'}]}", "item_reference"},
        {"{'input':[{'role':'user','content':[{'type':'input_audio'}]}]}", "input"},
        {"{'input':[{'role':'user','content':[{'type':'input_image','file_id':'f'}]}]}", "file_id"},
        {"{'input':[{'role':'user','content':[{'type':'input_file','file_id':'f'}]}]}", "file_id"},
        {"{'input':[{'role':'wizard','content':'q'}]}", "role"},
        {"{}", "input"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct sl_translate_wish w = wish(SL_EP_CHAT, SL_FLAVOR_OPENAI, "m");
        struct sl_translate *t;
        struct sl_str out;
        const char *why = NULL;

        assert_int_equal(sl_translate_request(&w, json(bodies[i][0]), &arena, &t, &out, &why),
                         SL_ERR_BAD_FIELD);
        assert_non_null(strstr(why, bodies[i][1]));
    }
}

/* --- Answers ---------------------------------------------------------------------------------- */

#define EV(type, rest) "event: " type "\ndata: {'type':'" type "'" rest "}\n\n"
#define START                                                                                      \
    EV("message_start", ",'message':{'model':'up','content':[],'usage':{'input_tokens':25,"        \
                        "'cache_creation_input_tokens':5,'cache_read_input_tokens':7,"             \
                        "'output_tokens':1}}")
#define BLOCK(i, block) EV("content_block_start", ",'index':" i ",'content_block':" block)
#define PIECE(i, delta) EV("content_block_delta", ",'index':" i ",'delta':" delta)
#define STOP(i) EV("content_block_stop", ",'index':" i)
#define OVER(delta)                                                                                \
    EV("message_delta", ",'delta':{" delta "},'usage':{'output_tokens':41,"                        \
                        "'output_tokens_details':{'thinking_tokens':9}}")                          \
    EV("message_stop", "")
#define SAYS(i, s)                                                                                 \
    BLOCK(i, "{'type':'text','text':''}")                                                          \
    PIECE(i, "{'type':'text_delta','text':'" s "'}") STOP(i)
#define CALL(i, id, name) BLOCK(i, "{'type':'tool_use','id':'" id "','name':'" name "','input':{}}")
#define ARGS(i, s) PIECE(i, "{'type':'input_json_delta','partial_json':'" s "'}")

#define CH(choice) "data: {'model':'up','choices':[{'index':0," choice "}]}\n\n"
#define DELTA(d) CH("'delta':{" d "},'finish_reason':null")
#define ENDS(reason) CH("'delta':{},'finish_reason':'" reason "'") USED "data: [DONE]\n\n"
#define USED                                                                                       \
    "data: {'choices':[],'usage':{'prompt_tokens':37,'completion_tokens':41,"                      \
    "'prompt_tokens_details':{'cached_tokens':7,'cache_write_tokens':5},"                          \
    "'completion_tokens_details':{'reasoning_tokens':9}}}\n\n"

#define ID "0123456789abcdef"
#define RESPONSE(status, cut, output)                                                              \
    "{'id':'resp_" ID "','object':'response','created_at':1790000000,'status':'" status            \
    "','background':false,'error':null,'incomplete_details':" cut ",'instructions':null,"          \
    "'max_output_tokens':null,'parallel_tool_calls':true,'reasoning':{'effort':null,'summary':"    \
    "null},'temperature':1,'text':{'format':{'type':'text'}},'tool_choice':'auto','tools':" LISTED \
    ",'top_p':1,'truncation':'disabled','user':null,'metadata':{},'previous_response_id':null,"    \
    "'store':false,'model':'asked','output':[" output "],'usage':{'input_tokens':37,"              \
    "'input_tokens_details':{'cached_tokens':7,'cache_write_tokens':5},'output_tokens':41,"        \
    "'output_tokens_details':{'reasoning_tokens':9},'total_tokens':78}}"
#define LISTED "[{'type':'custom','name':'p'}]"
#define CUT(reason) "{'reason':'" reason "'}"
#define SAID(n, status, parts)                                                                     \
    "{'type':'message','id':'msg_" ID "_" n "','status':'" status                                  \
    "','role':'assistant','content':[" parts "]}"
#define TEXT(s) "{'type':'output_text','text':'" s "','annotations':[],'logprobs':[]}"
#define REFUSAL(s) "{'type':'refusal','refusal':'" s "'}"
#define THOUGHT(n, summary, sealed)                                                                \
    "{'type':'reasoning','id':'rs_" ID "_" n "','summary':[" summary                               \
    "],'encrypted_content':'gw1:" sealed "'}"
#define SUMMARY(s) "{'type':'summary_text','text':'" s "'}"
#define CALLED(n, id, name, args)                                                                  \
    "{'type':'function_call','id':'fc_" ID "_" n "','status':'completed','call_id':'" id           \
    "','name':'" name "','arguments':'" args "'}"
#define FREED(n, id, text)                                                                         \
    "{'type':'custom_tool_call','id':'ctc_" ID "_" n "','status':'completed','call_id':'" id       \
    "','name':'p','input':'" text "'}"

static const struct told {
    enum sl_endpoint to;
    const char *stream;
    const char *want;
    bool stream_alone; /* no fold of it is what a plain answer says */
} told[] = {
    {SL_EP_MESSAGES, START EV("ping", "") SAYS("0", "Hi \\u00e9") OVER("'stop_reason':'end_turn'"),
     RESPONSE("completed", "null", SAID("0", "completed", TEXT("Hi \\u00e9"))), false},
    /* thoughts with their maker's signature, one that is hidden, calls of both kinds */
    {SL_EP_MESSAGES,
     START BLOCK("0", "{'type':'thinking','thinking':'','signature':''}")
         PIECE("0", "{'type':'thinking_delta','thinking':'h'}")
             PIECE("0", "{'type':'thinking_delta','thinking':'m'}")
                 PIECE("0", "{'type':'signature_delta','signature':'SIG'}") STOP("0")
                     BLOCK("1", "{'type':'redacted_thinking','data':'DATA'}") STOP("1")
                         SAYS("2", "x") CALL("3", "c1", "f") ARGS("3", "{\\'a\\':") ARGS("3", "1}")
                             STOP("3") CALL("4", "c2", "p") ARGS("4", "{\\'input\\':\\'a ")
                                 ARGS("4", "\\\\\\'b\\\\\\'\\'}") STOP("4") CALL("5", "c3", "f")
                                     STOP("5") OVER("'stop_reason':'tool_use'"),
     RESPONSE("completed", "null",
              THOUGHT("0", SUMMARY("hm"), "tSIG") "," THOUGHT("1", "", "hDATA") "," SAID(
                  "2", "completed",
                  TEXT("x")) "," CALLED("3", "c1", "f",
                                        "{\\'a\\':1}") "," FREED("4", "c2",
                                                                 "a \\'b\\'") "," CALLED("5", "c3",
                                                                                         "f",
                                                                                         "{}")),
     false},
    /* a thought that is not shown, only signed */
    {SL_EP_MESSAGES,
     START BLOCK("0", "{'type':'thinking','thinking':'','signature':''}")
         PIECE("0", "{'type':'signature_delta','signature':'SIG'}") STOP("0") SAYS("1", "x")
             OVER("'stop_reason':'end_turn'"),
     RESPONSE("completed", "null", THOUGHT("0", "", "tSIG") "," SAID("1", "completed", TEXT("x"))),
     true},
    /* a limit; a refusal with its reason; nothing at all */
    {SL_EP_MESSAGES, START SAYS("0", "x") OVER("'stop_reason':'max_tokens'"),
     RESPONSE("incomplete", CUT("max_output_tokens"), SAID("0", "incomplete", TEXT("x"))), false},
    {SL_EP_MESSAGES,
     START OVER("'stop_reason':'refusal','stop_details':{'type':'refusal','explanation':'no'}"),
     RESPONSE("incomplete", CUT("content_filter"), SAID("0", "incomplete", REFUSAL("no"))), true},
    {SL_EP_MESSAGES, START OVER("'stop_reason':'end_turn'"), RESPONSE("completed", "null", ""),
     false},
    /* chat: the same, with two calls that take turns, text between their pieces */
    {SL_EP_CHAT,
     DELTA("'role':'assistant','content':''") DELTA("'reasoning_content':'h'")
         DELTA("'content':'x'")
             DELTA("'tool_calls':[{'index':0,'id':'c1','function':{'name':'f','arguments':'{'}}]")
                 DELTA("'tool_calls':[{'index':1,'id':'c2','function':{'name':'p','arguments':"
                       "'{\\'input\\':\\'t\\'}'}}]")
                     DELTA("'tool_calls':[{'index':0,'function':{'arguments':'}'}}]")
                         ENDS("tool_calls"),
     RESPONSE("completed", "null",
              THOUGHT("0", SUMMARY("h"), "") "," SAID("1", "completed", TEXT("x")) "," CALLED(
                  "2", "c1", "f", "{}") "," FREED("3", "c2", "t")),
     false},
    {SL_EP_CHAT, DELTA("'content':'x'") ENDS("length"),
     RESPONSE("incomplete", CUT("max_output_tokens"), SAID("0", "incomplete", TEXT("x"))), false},
    {SL_EP_CHAT, DELTA("'content':'x'") ENDS("content_filter"),
     RESPONSE("incomplete", CUT("content_filter"), SAID("0", "incomplete", TEXT("x"))), false},
    {SL_EP_CHAT, DELTA("'content':'x'") DELTA("'refusal':'no'") ENDS("stop"),
     RESPONSE("completed", "null", SAID("0", "completed", TEXT("x") "," REFUSAL("no"))), false},
    {SL_EP_CHAT,
     DELTA("'tool_calls':[{'index':0,'id':'c1','function':{'name':'f','arguments':'{'}}]")
         DELTA("'content':'kept'") DELTA("'tool_calls':[{'index':0,'function':{'arguments':'}'}}]")
             ENDS("stop"),
     RESPONSE("completed", "null",
              CALLED("0", "c1", "f", "{}") "," SAID("1", "completed", TEXT("kept"))),
     true},
    /* a custom call whose arguments hold no text: what they are */
    {SL_EP_CHAT,
     DELTA("'tool_calls':[{'index':0,'id':'c1','function':{'name':'p','arguments':"
           "'{\\'b\\':1}'}}]") ENDS("tool_calls"),
     RESPONSE("completed", "null", FREED("0", "c1", "{\\'b\\':1}")), false},
};

static struct sl_translate *asked_with_tool(enum sl_endpoint to)
{
    struct sl_translate_wish w = wish(to, SL_FLAVOR_COMPATIBLE, "m");
    struct sl_str out;

    return ask(&w, "{'input':'q','stream':true,'tools':" LISTED "}", &out);
}

static void check_usage(const struct sl_usage *u, size_t at)
{
    if (u->in != 25 || u->cache_read != 7 || u->out != 41 || u->source != SL_USAGE_REPORTED)
        fail_msg("%zu: usage", at);
}

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(told); i++) {
        struct sl_translate *t = asked_with_tool(told[i].to);
        struct sl_str stream = json(told[i].stream), out, plain;
        struct sl_usage u;

        assert_int_equal(run(t, stream, &u, &out), SL_OK);
        assert_same(folded(SL_EP_RESPONSES, out), told[i].want, i);
        check_usage(&u, i);
        if (told[i].stream_alone)
            continue;
        plain = folded(told[i].to, stream);
        assert_non_null(plain.p);
        assert_int_equal(sl_translate_answer(t, plain, &arena, &u, &out), SL_OK);
        assert_same(out, told[i].want, i);
        check_usage(&u, i);
    }
}

/* The provider's bytes cut at every position: the client's stream is the same. */
static void test_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(told); i++) {
        struct sl_translate *t = asked_with_tool(told[i].to);
        struct sl_str stream = json(told[i].stream), whole, event;
        size_t n;

        assert_int_equal(run(t, stream, NULL, &whole), SL_OK);
        for (size_t cut = 0; cut <= stream.n; cut++) {
            struct sl_translate_stream *s = sl_translate_stream_new(t);
            struct sl_str parts[2] = {sl_str_first(stream, cut), sl_str_from(stream, cut)};
            size_t begun = 0; /* where the event that is under way began */
            struct sl_grow g;
            struct sl_sse sse;

            assert_non_null(s);
            sl_grow_init(&g, 1 << 20);
            sl_sse_init(&sse);
            for (size_t part = 0; part < 2; part++) {
                while (sl_sse_next(&sse, parts[part], &n)) {
                    const char *end = parts[part].p + n;

                    event = (struct sl_str){stream.p + begun, (size_t)(end - stream.p) - begun};
                    assert_int_equal(sl_translate_stream_event(s, event, &g), SL_OK);
                    begun = (size_t)(end - stream.p);
                    parts[part] = sl_str_from(parts[part], n);
                }
            }
            assert_int_equal(sl_translate_stream_finish(s, &g), SL_OK);
            if (!sl_str_eq(sl_grow_str(&g), whole))
                fail_msg("%zu, cut at %zu: %.*s", i, cut, SL_STR_ARGS(sl_grow_str(&g)));
            sl_grow_fini(&g);
            sl_translate_stream_end(&s);
        }
        (void)teardown(state);
        (void)setup(state);
    }
}

/* --- Failures ----------------------------------------------------------------------------------
 */

static struct sl_str failed(const char *stream, bool told_by_us)
{
    struct sl_translate *t = asked_with_tool(SL_EP_MESSAGES);
    struct sl_translate_stream *s = sl_translate_stream_new(t);
    struct sl_str rest = json(stream), out;
    struct sl_grow g;
    struct sl_sse sse;
    size_t n;

    assert_non_null(s);
    sl_grow_init(&g, 1 << 20);
    sl_sse_init(&sse);
    while (sl_sse_next(&sse, rest, &n)) {
        assert_int_equal(sl_translate_stream_event(s, sl_str_first(rest, n), &g), SL_OK);
        rest = sl_str_from(rest, n);
    }
    if (told_by_us) {
        assert_int_equal(sl_translate_stream_finish(s, &g), SL_ERR_UP_CLOSED);
        assert_int_equal(sl_translate_stream_fail(s, 502, SL_STR("it broke"), &g), SL_OK);
    }
    assert_int_equal(sl_grow_take(&g, &arena, &out), SL_OK);
    sl_translate_stream_end(&s);
    return out;
}

/* Before anything was made an error alone; then a response that failed, with the next number. */
static void test_failures(void **state)
{
    const char *overloaded = EV("error", ",'error':{'type':'overloaded_error','message':'busy'}");
    char text[1024];
    struct sl_str out;

    (void)state;
    out = failed(overloaded, false);
    assert_true(
        sl_str_eq(out, json("event: error\ndata: {'type':'error','sequence_number':0,'code':"
                            "'server_is_overloaded','message':'busy','param':null}\n\n")));
    (void)snprintf(text, sizeof(text), "%s%s", START SAYS("0", "x"), overloaded);
    out = failed(text, false);
    assert_true(sl_str_find(out, json("'type':'response.failed','sequence_number':5,'response':{"
                                      "'id':'resp_" ID "'")) > 0);
    assert_true(sl_str_find(out, json("'error':{'code':'server_is_overloaded','message':'busy'}")) >
                0);
    out = failed(START SAYS("0", "x"), true);
    assert_true(sl_str_find(out, json("'type':'response.failed','sequence_number':5")) > 0);
    assert_true(sl_str_find(out, json("'error':{'code':'server_error','message':'it broke'}")) > 0);
    assert_null(folded(SL_EP_RESPONSES, out).p);
}

/* More than can be repeated at the end: an error, not a part of the answer as the whole. */
static void test_ceiling(void **state)
{
    struct sl_translate *t = asked_with_tool(SL_EP_CHAT);
    struct sl_translate_stream *s = sl_translate_stream_new(t);
    struct sl_grow event, out;
    enum sl_err err = SL_OK;
    size_t n = 0;

    (void)state;
    assert_non_null(s);
    sl_grow_init(&event, 1 << 18);
    sl_grow_init(&out, 1 << 24);
    sl_grow_add(&event, json("data: {'choices':[{'delta':{'content':'"));
    for (int i = 0; i < 100000; i++)
        sl_grow_byte(&event, 'x');
    sl_grow_add(&event, json("'}}]}\n\n"));
    for (; err == SL_OK && n < 100; n++)
        err = sl_translate_stream_event(s, sl_grow_str(&event), &out);
    assert_int_equal(err, SL_ERR_CEILING);
    assert_int_equal(n, SL_RESPONSES_KEPT / 100000 + 1);
    out.n = 0;
    assert_int_equal(sl_translate_stream_fail(s, 502, SL_STR("too long"), &out), SL_OK);
    assert_true(sl_str_find(sl_grow_str(&out), SL_STR("response.failed")) > 0);
    sl_grow_fini(&event);
    sl_grow_fini(&out);
    sl_translate_stream_end(&s);
}

/* What is repeated of the question stands on one line, and is never much. */
static void test_echo(void **state)
{
    struct sl_translate_wish w = wish(SL_EP_CHAT, SL_FLAVOR_OPENAI, "m");
    struct sl_translate *t;
    struct sl_grow body;
    struct sl_str out;
    const char *why;

    (void)state;
    w.max = 1 << 20;
    t = ask(&w, "{'input':'q','metadata':{\r\n 'a':\n'b'},'instructions':'keep'}", &out);
    assert_true(sl_str_find(t->echo, json("'metadata':{ 'a':'b'}")) > 0);
    assert_true(sl_str_find(t->echo, json("'instructions':'keep'")) > 0);
    sl_grow_init(&body, 1 << 18);
    sl_grow_add(&body, json("{'input':'q','metadata':{'a':'b'},'instructions':'"));
    for (int i = 0; i < SL_RESPONSES_ECHO; i++)
        sl_grow_byte(&body, 'x');
    sl_grow_add(&body, json("'}"));
    assert_int_equal(sl_translate_request(&w, sl_grow_str(&body), &arena, &t, &out, &why), SL_OK);
    assert_true(sl_str_find(t->echo, json("'metadata':{'a':'b'}")) > 0);
    assert_true(sl_str_find(t->echo, json("'instructions':null")) > 0);
    sl_grow_fini(&body);
}

/* Each allocation of a stream fails once; then it says so, and nothing is lost. */
static void test_no_memory(void **state)
{
    struct sl_translate *t = asked_with_tool(SL_EP_MESSAGES);
    enum sl_err err = SL_ERR_NO_MEMORY;

    (void)state;
    for (uint64_t n = 1; err != SL_OK; n++) {
        struct sl_str rest = json(told[1].stream);
        struct sl_translate_stream *s;
        struct sl_grow g;
        struct sl_sse sse;
        size_t at;

        assert_true(n < 1000);
        sl_grow_init(&g, 1 << 20);
        sl_sse_init(&sse);
        sl_mem_fail_at(n);
        s = sl_translate_stream_new(t);
        err = s != NULL ? SL_OK : SL_ERR_NO_MEMORY;
        while (err == SL_OK && sl_sse_next(&sse, rest, &at)) {
            err = sl_translate_stream_event(s, sl_str_first(rest, at), &g);
            rest = sl_str_from(rest, at);
        }
        sl_mem_fail_at(0);
        assert_true(err == SL_OK || err == SL_ERR_NO_MEMORY);
        sl_grow_fini(&g);
        sl_translate_stream_end(&s);
    }
}

/* Items with our mark don't go to a provider that has the API itself. */
#define SEALED "{'type':'reasoning.encrypted','data':'d','format':'openai-responses-v1','index':0}"
#define CHUNK(delta) "data: {'choices':[{'index':0,'delta':{" delta "},'finish_reason':null}]}\n\n"

#define OF(data) "{'type':'reasoning.encrypted','data':'" data "','format':'openai-responses-v1'}"

/* Thoughts in turn, each sealed, go back in turn, and once. */
static void test_sealed_in_turns(void **state)
{
    static const char stream[] = CHUNK("'reasoning':'h'") CHUNK("'reasoning_details':[" OF("A") "]")
        CHUNK("'reasoning':'i'") CHUNK("'reasoning_details':[" OF("B") "]")
            CHUNK("'content':'a'") "data: {'choices':[{'index':0,'delta':{},'finish_reason':"
                                   "'stop'}]}\n\ndata: [DONE]\n\n";
    struct sl_translate_wish w = wish_of(SL_EP_RESPONSES, SL_FLAVOR_OPENROUTER, "m");
    struct sl_str out, items,
        want = json("'reasoning_details':[{'type':'reasoning.text','text':"
                    "'h','index':0}," OF("A") ",{'type':'reasoning.text',"
                                              "'text':'i','index':2}," OF("B") "]");
    const struct sl_translate *t = ask(&w, "{'input':'q'}", &out);
    struct sl_translate *again;
    const char *why;
    char body[4096];
    int n;

    (void)state;
    assert_int_equal(run(t, json(stream), NULL, &out), SL_OK);
    items = sl_json_get(folded(SL_EP_RESPONSES, out), SL_STR("output"));
    assert_true(items.n > 2);
    n = snprintf(body, sizeof(body), "{\"input\":%.*s,{\"role\":\"user\",\"content\":\"r\"}]}",
                 (int)items.n - 1, items.p);
    assert_true(n > 0 && (size_t)n < sizeof(body));
    assert_int_equal(
        sl_translate_request(&w, (struct sl_str){body, (size_t)n}, &arena, &again, &out, &why),
        SL_OK);
    if (sl_str_find(out, want) < 0)
        fail_msg("%s\nsent %.*s", body, SL_STR_ARGS(out));
}

/* What a router's model has sealed comes back to it in an item of ours, once. */
static void test_sealed(void **state)
{
    static const char stream[] =
        CHUNK("'reasoning_details':[" SEALED "]") CHUNK("'reasoning_details':[" SEALED "]")
            CHUNK("'content':'a'") "data: {'choices':[{'index':0,'delta':{},'finish_reason':"
                                   "'stop'}]}\n\ndata: [DONE]\n\n";
    static const char plain[] = "{'choices':[{'message':{'content':'a','reasoning_details':[" SEALED
                                "," SEALED "]},'finish_reason':'stop'}]}";
    struct sl_translate_wish w = wish_of(SL_EP_RESPONSES, SL_FLAVOR_OPENROUTER, "m");
    struct sl_str out, both[2];
    const struct sl_translate *t = ask(&w, "{'input':'q'}", &out);
    struct sl_usage u;

    (void)state;
    assert_int_equal(run(t, json(stream), NULL, &out), SL_OK);
    both[0] = folded(SL_EP_RESPONSES, out);
    assert_int_equal(sl_translate_answer(t, json(plain), &arena, &u, &both[1]), SL_OK);
    for (size_t i = 0; i < COUNT(both); i++) {
        struct sl_str items = sl_json_get(both[i], SL_STR("output"));
        struct sl_translate *again;
        const char *why;
        char body[4096];
        int n =
            snprintf(body, sizeof(body), "{\"input\":%.*s,{\"role\":\"user\",\"content\":\"r\"}]}",
                     (int)items.n - 1, items.p);

        assert_true(items.n > 2 && n > 0 && (size_t)n < sizeof(body));
        assert_int_equal(
            sl_translate_request(&w, (struct sl_str){body, (size_t)n}, &arena, &again, &out, &why),
            SL_OK);
        if (sl_str_find(out, json("'content':'a','reasoning_details':[" SEALED "," SEALED "]}")) <
            0)
            fail_msg("%s\nsent %.*s", body, SL_STR_ARGS(out));
    }
}

static void test_unsign(void **state)
{
    struct sl_str out, body = json("{'input':[{'type':'reasoning','encrypted_content':'gw1:tS'},"
                                   "{'role':'user','content':'gw1:'}, {'type':'reasoning',"
                                   "'encrypted_content':'own'}],'x':1}");

    (void)state;
    assert_int_equal(sl_translate_unsign(SL_EP_RESPONSES, body, &arena, &out), SL_OK);
    assert_same(out,
                "{'input':[{'role':'user','content':'gw1:'},{'type':'reasoning',"
                "'encrypted_content':'own'}],'x':1}",
                0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_answers),  cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_echo),     cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_sealed),   cmocka_unit_test(test_sealed_in_turns),
        cmocka_unit_test(test_unsign),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
