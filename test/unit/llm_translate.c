/* Requests of each protocol as the other one's: every row of the tables, and what providers
 * insist on whatever the client sent. */
#include "llm/neutral/translate.c"

#include "_translate.h"

#include <time.h>

struct asked {
    enum sl_endpoint from;
    enum sl_flavor flavor;
    const char *model;
    const char *body;
    const char *want;
};

static const struct asked requests[] = {
    /* a text is a text; names of the system are joined; the line that differs in every version goes
     */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'system':[{'type':'text','text':'x-anthropic-billing-header: v'},"
     "{'type':'text','text':'A','cache_control':{'type':'ephemeral'}},{'type':'text','text':'B'}"
     "],'messages':[{'role':'user','content':'q'}]}",
     "{'model':'gpt-4o','messages':[{'role':'system','content':'A\\n\\nB'},{'role':'user',"
     "'content':'q'}],'max_completion_tokens':9}"},
    /* marks of the prompt cache stay where they are known */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENROUTER, "anthropic/claude-x",
     "{'max_tokens':9,'system':[{'type':'text','text':'A','cache_control':{'type':'ephemeral',"
     "'ttl':'1h'}}],'tools':[{'name':'f','input_schema':{'type':'object'},"
     "'cache_control':{'type':'ephemeral'}}],'messages':[{'role':'user',"
     "'content':[{'type':'text','text':'q','cache_control':{'type':'ephemeral'}}]}]}",
     "{'model':'anthropic/claude-x','messages':[{'role':'system','content':[{'type':'text',"
     "'text':'A','cache_control':{'type':'ephemeral','ttl':'1h'}}]},{'role':'user',"
     "'content':[{'type':'text','text':'q','cache_control':{'type':'ephemeral'}}]}],"
     "'max_tokens':9,'tools':[{'type':'function','function':{'name':'f',"
     "'parameters':{'type':'object','properties':{}}},'cache_control':{'type':'ephemeral'}}]}"},
    /* the system in the middle: in its place, or to the user where templates know none */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'messages':[{'role':'user','content':'q'},{'role':'system',"
     "'content':[{'type':'text','text':'env'}]},{'role':'user','content':'r'}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'},{'role':'system',"
     "'content':'env'},{'role':'user','content':'r'}],'max_completion_tokens':9}"},
    {SL_EP_MESSAGES, SL_FLAVOR_COMPATIBLE, "m",
     "{'max_tokens':9,'messages':[{'role':'user','content':'q'},{'role':'system','content':'env'}"
     ",{'role':'user','content':'r'}]}",
     "{'model':'m','messages':[{'role':'user',"
     "'content':'q\\n<system-reminder>\\nenv\\n</system-reminder>\\nr'}],'max_tokens':9}"},
    /* images, documents, search results */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'messages':[{'role':'user','content':[{'type':'image',"
     "'source':{'type':'base64','media_type':'image/png','data':'iVBO'}},{'type':'image',"
     "'source':{'type':'url','url':'https://h/i'}},{'type':'document','title':'t',"
     "'source':{'type':'base64','media_type':'application/pdf','data':'JVBE'}},"
     "{'type':'document','title':'T','source':{'type':'text','media_type':'text/plain',"
     "'data':'plain'}},{'type':'document','source':{'type':'content','content':[{'type':'text',"
     "'text':'c'}]}},{'type':'document','source':{'type':'url','url':'https://h/d'}},"
     "{'type':'search_result','title':'S','source':'https://s','content':[{'type':'text',"
     "'text':'found'}]},{'type':'container_upload','file_id':'x'}]}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':[{'type':'image_url',"
     "'image_url':{'url':'data:image/png;base64,iVBO'}},{'type':'image_url',"
     "'image_url':{'url':'https://h/i'}},{'type':'file','file':{'filename':'t',"
     "'file_data':'data:application/pdf;base64,JVBE'}},{'type':'text','text':'T\\nplain'},"
     "{'type':'text','text':'c'},{'type':'text','text':'[document: https://h/d]'},{'type':'text',"
     "'text':'S\\nhttps://s'},{'type':'text','text':'found'}]}],'max_completion_tokens':9}"},
    /* results of several parts; what a result can't hold comes behind it; errors say so */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'messages':[{'role':'user','content':'q'},{'role':'assistant',"
     "'content':[{'type':'tool_use','id':'t1','name':'f','input':{'a':1.50}},{'type':'tool_use',"
     "'id':'t2','name':'g','input':{}},{'type':'tool_use','id':'t3','name':'g','input':{}}]},"
     "{'role':'user','content':[{'type':'tool_result','tool_use_id':'t2','is_error':true,"
     "'content':[{'type':'text','text':'bad'},{'type':'text','text':'worse'}]},"
     "{'type':'tool_result','tool_use_id':'t1','content':[{'type':'image',"
     "'source':{'type':'base64','media_type':'image/png','data':'iVBO'}}]},{'type':'tool_result',"
     "'tool_use_id':'t3'},{'type':'text','text':'and?'}]}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'},{'role':'assistant',"
     "'content':null,'tool_calls':[{'id':'t1','type':'function','function':{'name':'f',"
     "'arguments':'{\\'a\\':1.50}'}},{'id':'t2','type':'function','function':{'name':'g',"
     "'arguments':'{}'}},{'id':'t3','type':'function','function':{'name':'g','arguments':'{}'}}]}"
     ",{'role':'tool','tool_call_id':'t1','content':'[image attached below]'},{'role':'tool',"
     "'tool_call_id':'t2','content':'Error: bad\\nworse'},{'role':'tool','tool_call_id':'t3',"
     "'content':'(no output)'},{'role':'user','content':[{'type':'image_url',"
     "'image_url':{'url':'data:image/png;base64,iVBO'}},{'type':'text','text':'and?'}]}],"
     "'max_completion_tokens':9}"},
    /* a call without a result gets one, a result without a call becomes text, a reference a
       sentence */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'messages':[{'role':'user','content':[{'type':'tool_result',"
     "'tool_use_id':'zz','content':'lost'}]},{'role':'assistant','content':[{'type':'text',"
     "'text':'a'},{'type':'tool_use','id':'t1','name':'f','input':{}}]},{'role':'system',"
     "'content':'s'},{'role':'user','content':'no'},{'role':'assistant',"
     "'content':[{'type':'tool_use','id':'t2','name':'f','input':{}}]},{'role':'user',"
     "'content':[{'type':'text','text':'x'},{'type':'tool_result','tool_use_id':'t2',"
     "'content':[{'type':'tool_reference','tool_name':'W'}]}]}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'(result of a tool:)\\nlost'},"
     "{'role':'assistant','content':'a','tool_calls':[{'id':'t1','type':'function',"
     "'function':{'name':'f','arguments':'{}'}}]},{'role':'tool','tool_call_id':'t1',"
     "'content':'(no result)'},{'role':'system','content':'s'},{'role':'user','content':'no'},"
     "{'role':'assistant','content':null,'tool_calls':[{'id':'t2','type':'function',"
     "'function':{'name':'f','arguments':'{}'}}]},{'role':'tool','tool_call_id':'t2',"
     "'content':'Tool W is now available.'},{'role':'user','content':'x'}],"
     "'max_completion_tokens':9}"},
    /* thinking stays behind, and what the provider's own tools did; an empty turn is none */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'messages':[{'role':'user','content':'q'},{'role':'assistant',"
     "'content':[{'type':'thinking','thinking':'h','signature':'s'},{'type':'redacted_thinking',"
     "'data':'d'},{'type':'server_tool_use','id':'s','name':'web_search','input':{}},"
     "{'type':'web_search_tool_result','tool_use_id':'s','content':[]}]},{'role':'user',"
     "'content':'r'},{'role':'assistant','content':[{'type':'text','text':'a'},{'type':'text',"
     "'text':'b'}]}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'},{'role':'user','content':'r'},"
     "{'role':'assistant','content':'ab'}],'max_completion_tokens':9}"},
    /* but goes to a router, signed by its own maker only */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENROUTER, "anthropic/claude-x",
     "{'max_tokens':9,'messages':[{'role':'user','content':'q'},{'role':'assistant',"
     "'content':[{'type':'thinking','thinking':'h','signature':'s'},{'type':'redacted_thinking',"
     "'data':'d'},{'type':'thinking','thinking':'g','signature':'gw1:'},{'type':'text',"
     "'text':'a'}]}]}",
     "{'model':'anthropic/claude-x','messages':[{'role':'user','content':'q'},"
     "{'role':'assistant','content':'a','reasoning_details':[{'type':'reasoning.text','text':'h',"
     "'signature':'s','format':'anthropic-claude-v1','index':0},{'type':'reasoning.encrypted',"
     "'data':'d','format':'anthropic-claude-v1','index':1},{'type':'reasoning.text','text':'g',"
     "'index':2}]}],'max_tokens':9}"},
    /* tools: schemas made whole; typed ones, placeholders and their marks go */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'tools':[{'name':'f','description':'d','strict':true,"
     "'input_schema':{'$schema':'u','type':'object','properties':{'a':{}},'required':['a']},"
     "'cache_control':{'type':'ephemeral'},'defer_loading':true,'input_examples':[]},"
     "{'type':'custom','name':'g','input_schema':{}},{'type':'web_search_20250305',"
     "'name':'web_search'},{'type':'bash_20250124','name':'bash'},"
     "{'name':'DeferredToolPlaceholder','input_schema':{}}],'tool_choice':{'type':'tool',"
     "'name':'f','disable_parallel_tool_use':true},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'tools':[{'type':'function','function':{'name':'f','description':'d',"
     "'parameters':{'type':'object','properties':{'a':{}},'required':['a']},'strict':true}},"
     "{'type':'function','function':{'name':'g','parameters':{'type':'object','properties':{}}}}"
     "],'tool_choice':{'type':'function','function':{'name':'f'}},'parallel_tool_calls':false}"},
    /* no tool left: neither list nor choice */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'tools':[{'type':'web_search_20250305','name':'web_search'}],"
     "'tool_choice':{'type':'any','disable_parallel_tool_use':true},'messages':[{'role':'user',"
     "'content':'q'}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9}"},
    /* a choice of a tool that is not there is none; any and none */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'tools':[{'name':'f','input_schema':{}},{'type':'web_search_20250305',"
     "'name':'web_search'}],'tool_choice':{'type':'tool','name':'web_search'},"
     "'messages':[{'role':'user','content':'q'}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'tools':[{'type':'function','function':{'name':'f','parameters':{'type':'object',"
     "'properties':{}}}}]}"},
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'tools':[{'name':'f','input_schema':{}}],'tool_choice':{'type':'any'},"
     "'messages':[{'role':'user','content':'q'}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'tools':[{'type':'function','function':{'name':'f','parameters':{'type':'object',"
     "'properties':{}}}}],'tool_choice':'required'}"},
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'tools':[{'name':'f','input_schema':{}}],'tool_choice':{'type':'none'},"
     "'messages':[{'role':'user','content':'q'}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'tools':[{'type':'function','function':{'name':'f','parameters':{'type':'object',"
     "'properties':{}}}}],'tool_choice':'none'}"},
    /* tools that come and go in the middle; effort there is the last word */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-5",
     "{'max_tokens':9,'tools':[{'name':'f','input_schema':{}}],'output_config':{'effort':'low'},"
     "'messages':[{'role':'user','content':'q'},{'role':'system',"
     "'output_config':{'effort':'medium'},'content':[{'type':'tool_removal',"
     "'tool':{'type':'tool_reference','tool_name':'f'}},{'type':'tool_addition',"
     "'tool':{'name':'g','input_schema':{}}}]}]}",
     "{'model':'gpt-5','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'tools':[{'type':'function','function':{'name':'g','parameters':{'type':'object',"
     "'properties':{}}}}],'reasoning_effort':'medium'}"},
    /* names too long are shortened, in history and choice alike */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'tools':[{'name':'mcp__server__01234567890123456789012345678901234567890123"
     "45678901234567890','input_schema':{}}],'tool_choice':{'type':'tool',"
     "'name':'mcp__server__0123456789012345678901234567890123456789012345678901234567890'},"
     "'messages':[{'role':'assistant','content':[{'type':'tool_use','id':'t',"
     "'name':'mcp__server__0123456789012345678901234567890123456789012345678901234567890',"
     "'input':{}}]},{'role':'user','content':[{'type':'tool_result','tool_use_id':'t',"
     "'content':'r'}]}]}",
     "{'model':'gpt-4o','messages':[{'role':'assistant','content':null,'tool_calls':[{'id':'t',"
     "'type':'function','function':{'name':'mcp__server__0123456789012345678901234567890123_cea22"
     "2409b10342c','arguments':'{}'}}]},{'role':'tool','tool_call_id':'t','content':'r'}],"
     "'max_completion_tokens':9,'tools':[{'type':'function',"
     "'function':{'name':'mcp__server__0123456789012345678901234567890123_cea222409b10342c',"
     "'parameters':{'type':'object','properties':{}}}}],'tool_choice':{'type':'function',"
     "'function':{'name':'mcp__server__0123456789012345678901234567890123_cea222409b10342c'}}}"},
    /* limits and sampling: in each provider's words; a stream asks for its usage; the rest is
       dropped */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':0,'temperature':0.5,'top_p':0.9,'top_k':3,'stop_sequences':['a','','b','c',"
     "'d','e'],'stream':true,'metadata':{'user_id':'u'},'service_tier':'standard_only',"
     "'context_management':{},'container':'c','mcp_servers':[],'speed':'fast',"
     "'inference_geo':'us','thread':{},'x':1,'messages':[{'role':'user','content':'q'}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'}],'max_completion_tokens':1,"
     "'temperature':0.5,'top_p':0.9,'stop':['a','b','c','d'],'user':'u','service_tier':'default',"
     "'stream':true,'stream_options':{'include_usage':true}}"},
    {SL_EP_MESSAGES, SL_FLAVOR_COMPATIBLE, "m",
     "{'max_tokens':128000,'temperature':0.5,'top_k':3,'stop_sequences':['a','','b','c','d','e'],"
     "'service_tier':'standard_only',"
     "'metadata':{'user_id':'01234567890123456789012345678901234567890123456789012345678901234567"
     "89'},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'m','messages':[{'role':'user','content':'q'}],'max_tokens':128000,"
     "'temperature':0.5,'top_k':3,'stop':['a','b','c','d','e']}"},
    /* a model that reasons takes effort, and no sampling */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-5.1",
     "{'max_tokens':9,'temperature':1,'thinking':{'type':'adaptive'},"
     "'output_config':{'effort':'max'},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'gpt-5.1','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'reasoning_effort':'high'}"},
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "o3",
     "{'max_tokens':9,'thinking':{'type':'enabled','budget_tokens':8000},"
     "'messages':[{'role':'user','content':'q'}]}",
     "{'model':'o3','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'reasoning_effort':'medium'}"},
    /* not to think is a word that older ones refuse */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-5.1",
     "{'max_tokens':9,'thinking':{'type':'disabled'},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'gpt-5.1','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'reasoning_effort':'none'}"},
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "o3",
     "{'max_tokens':9,'thinking':{'type':'disabled'},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'o3','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9}"},
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-5-mini",
     "{'max_tokens':9,'thinking':{'type':'disabled'},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'gpt-5-mini','messages':[{'role':'user','content':'q'}],"
     "'max_completion_tokens':9}"},
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "o3",
     "{'max_tokens':9,'thinking':{'type':'adaptive'},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'o3','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'reasoning_effort':'medium'}"},
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "o3",
     "{'max_tokens':9,'thinking':{'type':'enabled','budget_tokens':1024},"
     "'messages':[{'role':'user','content':'q'}]}",
     "{'model':'o3','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'reasoning_effort':'low'}"},
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "o3",
     "{'max_tokens':9,'thinking':{'type':'enabled','budget_tokens':16384},"
     "'messages':[{'role':'user','content':'q'}]}",
     "{'model':'o3','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'reasoning_effort':'high'}"},
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "o3",
     "{'max_tokens':9,'thinking':{'type':'between_tools'},'messages':[{'role':'user','content':"
     "'q'}]}",
     "{'model':'o3','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'reasoning_effort':'medium'}"},
    /* what the model is to go on from */
    {SL_EP_MESSAGES, SL_FLAVOR_COMPATIBLE, "m",
     "{'max_tokens':9,'messages':[{'role':'user','content':'q'},{'role':'assistant','content':"
     "'so '}]}",
     "{'model':'m','messages':[{'role':'user','content':'q'},{'role':'assistant','content':'so "
     "'}],'max_tokens':9}"},
    /* others must not see it */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'thinking':{'type':'adaptive'},'output_config':{'effort':'medium'},"
     "'messages':[{'role':'user','content':'q'}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9}"},
    /* a router knows how to say it */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENROUTER, "x/y",
     "{'max_tokens':9,'thinking':{'type':'enabled','budget_tokens':8000},"
     "'messages':[{'role':'user','content':'q'}]}",
     "{'model':'x/y','messages':[{'role':'user','content':'q'}],'max_tokens':9,"
     "'reasoning':{'max_tokens':8000}}"},
    {SL_EP_MESSAGES, SL_FLAVOR_OPENROUTER, "x/y",
     "{'max_tokens':9,'thinking':{'type':'adaptive'},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'x/y','messages':[{'role':'user','content':'q'}],'max_tokens':9,"
     "'reasoning':{'enabled':true}}"},
    {SL_EP_MESSAGES, SL_FLAVOR_OPENROUTER, "x/y",
     "{'max_tokens':9,'thinking':{'type':'disabled'},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'x/y','messages':[{'role':'user','content':'q'}],'max_tokens':9,"
     "'reasoning':{'enabled':false}}"},
    /* structured output, by either name */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'output_config':{'format':{'type':'json_schema','schema':{'type':'object'}}"
     "},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'response_format':{'type':'json_schema','json_schema':{'name':'output',"
     "'schema':{'type':'object'},'strict':true}}}"},
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'output_format':{'type':'json_schema','schema':{'type':'object'}},"
     "'messages':[{'role':'user','content':'q'}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'response_format':{'type':'json_schema','json_schema':{'name':'output',"
     "'schema':{'type':'object'},'strict':true}}}"},
    /* a system of one text; lists that are empty; tiers, marks and whatever else is its own */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'system':'S','tools':[],'tool_choice':{'type':'auto',"
     "'disable_parallel_tool_use':true},'service_tier':'auto','cache_control':{'type':'ephemeral'}"
     ",'diagnostics':{},'safeguards':{},'fallbacks':[],'thinking':{'type':'disabled'},'messages':"
     "[{'role':'user','content':[{'type':'text','text':'q'},{'type':'text','text':'r'}]},"
     "{'role':'user','content':[{'type':'container_upload','file_id':'x'}]}]}",
     "{'model':'gpt-4o','messages':[{'role':'system','content':'S'},{'role':'user','content':"
     "'q\\nr'}],'max_completion_tokens':9}"},
    {SL_EP_MESSAGES, SL_FLAVOR_OPENAI, "gpt-4o",
     "{'max_tokens':9,'tools':[{'name':'f','input_schema':'x','eager_input_streaming':true,"
     "'allowed_callers':[]},{'name':'g'}],'tool_choice':{'type':'auto'},'messages':[{'role':"
     "'user','content':'q'}]}",
     "{'model':'gpt-4o','messages':[{'role':'user','content':'q'}],'max_completion_tokens':9,"
     "'tools':[{'type':'function','function':{'name':'f','parameters':{'type':'object',"
     "'properties':{}}}},{'type':'function','function':{'name':'g','parameters':{'type':'object',"
     "'properties':{}}}}],'tool_choice':'auto'}"},
    /* a router takes all samplings, effort in its own member, files by their address */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENROUTER, "x/y",
     "{'max_tokens':9,'top_k':3,'temperature':0.5,'output_config':{'effort':'xhigh'},'messages':"
     "[{'role':'user','content':[{'type':'document','source':{'type':'url','url':'https://h/d'}},"
     "{'type':'document','source':{'type':'base64','data':'JVBE'}}]}]}",
     "{'model':'x/y','messages':[{'role':'user','content':[{'type':'file','file':{'filename':"
     "'document.pdf','file_data':'https://h/d'}},{'type':'file','file':{'filename':"
     "'document.pdf','file_data':'data:application/pdf;base64,JVBE'}}]}],'max_tokens':9,"
     "'temperature':0.5,'top_k':3,'reasoning':{'effort':'high'}}"},
    /* marks of results and of what the model said are kept, too */
    {SL_EP_MESSAGES, SL_FLAVOR_OPENROUTER, "anthropic/claude-x",
     "{'max_tokens':9,'messages':[{'role':'user','content':'q'},{'role':'assistant','content':"
     "[{'type':'text','text':'a','cache_control':{'type':'ephemeral'}},{'type':'text','text':'b'},"
     "{'type':'tool_use','id':'t1','name':'f','input':{}},{'type':'tool_use','id':'t2','name':'f',"
     "'input':{}},{'type':'tool_use','id':'t3','name':'f','input':{}}]},{'role':'user','content':"
     "[{'type':'tool_result','tool_use_id':'t1','content':'r'},{'type':'tool_result',"
     "'tool_use_id':'t2','content':[{'type':'text','text':'s','cache_control':{'type':"
     "'ephemeral'}}]},{'type':'tool_result','tool_use_id':'t3','content':'t','cache_control':"
     "{'type':'ephemeral','ttl':'1h'}}]}]}",
     "{'model':'anthropic/claude-x','messages':[{'role':'user','content':'q'},{'role':"
     "'assistant','content':[{'type':'text','text':'a','cache_control':{'type':'ephemeral'}},"
     "{'type':'text','text':'b'}],'tool_calls':[{'id':'t1','type':'function','function':{'name':"
     "'f','arguments':'{}'}},{'id':'t2','type':'function','function':{'name':'f','arguments':"
     "'{}'}},{'id':'t3','type':'function','function':{'name':'f','arguments':'{}'}}]},{'role':"
     "'tool','tool_call_id':'t1','content':'r'},{'role':'tool','tool_call_id':'t2','content':"
     "[{'type':'text','text':'s','cache_control':{'type':'ephemeral'}}]},{'role':'tool',"
     "'tool_call_id':'t3','content':[{'type':'text','text':'t','cache_control':{'type':"
     "'ephemeral','ttl':'1h'}}]}],'max_tokens':9}"},
    /* results: an error that says so, a document, what was found; pieces of the model's in a row */
    {SL_EP_MESSAGES, SL_FLAVOR_COMPATIBLE, "m",
     "{'max_tokens':9,'messages':[{'role':'user','content':'q'},{'role':'assistant','content':'a'}"
     ",{'role':'assistant','content':[{'type':'text','text':'b'},{'type':'tool_use','id':'t1',"
     "'name':'f','input':{}},{'type':'tool_use','id':'t2','name':'f','input':{}}]},{'role':'user',"
     "'content':[{'type':'tool_result','tool_use_id':'t1','is_error':true,'content':'Error: no'},"
     "{'type':'tool_result','tool_use_id':'t2','content':[{'type':'document','title':'T','source':"
     "{'type':'text','data':'d'}},{'type':'search_result','title':'S','source':'u','content':"
     "[{'type':'text','text':'f'}]}]}]}]}",
     "{'model':'m','messages':[{'role':'user','content':'q'},{'role':'assistant','content':'ab',"
     "'tool_calls':[{'id':'t1','type':'function','function':{'name':'f','arguments':'{}'}},{'id':"
     "'t2','type':'function','function':{'name':'f','arguments':'{}'}}]},{'role':'tool',"
     "'tool_call_id':'t1','content':'Error: no'},{'role':'tool','tool_call_id':'t2','content':"
     "'T\\nd\\nS\\nu\\nf'}],'max_tokens':9}"},
    /* DeepSeek and Kimi want what they thought before a call back; of others nobody knows */
    {SL_EP_MESSAGES, SL_FLAVOR_COMPATIBLE, "deepseek-ai/DeepSeek-V3.2",
     "{'max_tokens':9,'messages':[{'role':'user','content':'q'},{'role':'assistant','content':"
     "[{'type':'thinking','thinking':'h','signature':'gw1:'},{'type':'tool_use','id':'t1','name':"
     "'f','input':{}}]},{'role':'user','content':[{'type':'tool_result','tool_use_id':'t1',"
     "'content':'r'}]},{'role':'assistant','content':[{'type':'thinking','thinking':'m',"
     "'signature':'gw1:'},{'type':'text','text':'a'}]},{'role':'user','content':'q'}]}",
     "{'model':'deepseek-ai/DeepSeek-V3.2','messages':[{'role':'user','content':'q'},{'role':"
     "'assistant','content':null,'reasoning_content':'h','tool_calls':[{'id':'t1','type':"
     "'function','function':{'name':'f','arguments':'{}'}}]},{'role':'tool','tool_call_id':'t1',"
     "'content':'r'},{'role':'assistant','content':'a'},{'role':'user','content':'q'}],"
     "'max_tokens':9}"},
    /* the system, of both names, becomes one; later ones speak to the user */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'messages':[{'role':'system','content':'A'},{'role':'developer','content':[{'type':'text',"
     "'text':'B','cache_control':{'type':'ephemeral'}}]},{'role':'user','content':'q'},"
     "{'role':'system','content':'late'},{'role':'user','content':''}]}",
     "{'model':'claude-sonnet-5-5','system':[{'type':'text','text':'A'},{'type':'text',"
     "'text':'B','cache_control':{'type':'ephemeral'}}],'messages':[{'role':'user',"
     "'content':[{'type':'text','text':'q'},{'type':'text',"
     "'text':'<system-reminder>\\nlate\\n</system-reminder>'}]}],'max_tokens':4096}"},
    /* custom tools are tools with one text, their grammar told in words; calls hold it */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'messages':[{'role':'user','content':'q'},{'role':'assistant','tool_calls':[{'id':'c',"
     "'type':'custom','custom':{'name':'p','input':'a \\'b\\'\\n'}}]},{'role':'tool',"
     "'tool_call_id':'c','content':'r'}],'tools':[{'type':'custom','custom':{'name':'p',"
     "'description':'d','format':{'type':'grammar','grammar':{'syntax':'lark','definition':"
     "'start: \\'x\\''}}}},{'type':'custom','custom':{'name':'z','format':{'type':'text'}}}],"
     "'tool_choice':{'type':'custom','custom':{'name':'p'}}}",
     "{'model':'claude-sonnet-5-5','messages':[{'role':'user','content':[{'type':'text','text':"
     "'q'}]},{'role':'assistant','content':[{'type':'tool_use','id':'c','name':'p','input':"
     "{'input':'a \\'b\\'\\n'}}]},{'role':'user','content':[{'type':'tool_result','tool_use_id':"
     "'c','content':[{'type':'text','text':'r'}]}]}],'max_tokens':4096,'tools':[{'name':'p',"
     "'description':'d\\n\\nThe input has to follow this grammar:\\nstart: \\'x\\'',"
     "'input_schema':{'type':'object','properties':{'input':{'type':'string'}},'required':"
     "['input']}},{'name':'z','input_schema':{'type':'object','properties':{'input':{'type':"
     "'string'}},'required':['input']}}],'tool_choice':{'type':'tool','name':'p'}}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'messages':[{'role':'user','content':'q'}],'tools':[{'type':'custom','custom':{'name':'p'}}"
     ",{'type':'function','function':{'name':'f'}}],'tool_choice':{'type':'allowed_tools',"
     "'allowed_tools':{'mode':'required','tools':[{'type':'custom','custom':{'name':'p'}}]}}}",
     "{'model':'claude-sonnet-5-5','messages':[{'role':'user','content':[{'type':'text','text':"
     "'q'}]}],'max_tokens':4096,'tools':[{'name':'p','input_schema':{'type':'object','properties':"
     "{'input':{'type':'string'}},'required':['input']}}],'tool_choice':{'type':'any'}}"},
    /* images and files: data URLs are taken apart, a wrong type is set right */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'messages':[{'role':'user','content':[{'type':'text','text':'q'},{'type':'image_url',"
     "'image_url':{'url':'data:image/png;base64,/9j/4AAQ','detail':'low'}},{'type':'image_url',"
     "'image_url':{'url':'https://h/i'}},{'type':'file','file':{'filename':'a.pdf',"
     "'file_data':'data:application/pdf;base64,JVBE'}},{'type':'file','file':{'file_id':'file_1'}"
     "}]}]}",
     "{'model':'claude-sonnet-5-5','messages':[{'role':'user','content':[{'type':'text',"
     "'text':'q'},{'type':'image','source':{'type':'base64','media_type':'image/jpeg',"
     "'data':'/9j/4AAQ'}},{'type':'image','source':{'type':'url','url':'https://h/i'}},"
     "{'type':'document','source':{'type':'base64','media_type':'application/pdf','data':'JVBE'},"
     "'title':'a.pdf'},{'type':'document','source':{'type':'file','file_id':'file_1'}}]}],"
     "'max_tokens':4096}"},
    /* calls and their results: one user's turn, in order, what is said behind them in it */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'messages':[{'role':'user','content':'q'},{'role':'assistant','content':null,"
     "'tool_calls':[{'id':'functions.f:0','type':'function','function':{'name':'f',"
     "'arguments':'{\\'a\\':1.50}'}},{'id':'c2','type':'function','function':{'name':'g',"
     "'arguments':''}},{'id':'c3','type':'function','function':{'name':'g','arguments':'{\\'a'}}"
     "]},{'role':'tool','tool_call_id':'c2','content':[{'type':'text','text':'r2'}]},"
     "{'role':'tool','tool_call_id':'functions.f:0','content':'r1'},{'role':'user','content':'go "
     "on'}]}",
     "{'model':'claude-sonnet-5-5','messages':[{'role':'user','content':[{'type':'text',"
     "'text':'q'}]},{'role':'assistant','content':[{'type':'tool_use','id':'functions_f_0',"
     "'name':'f','input':{'a':1.50}},{'type':'tool_use','id':'c2','name':'g','input':{}},"
     "{'type':'tool_use','id':'c3','name':'g','input':{'_raw':'{\\'a'}}]},{'role':'user',"
     "'content':[{'type':'tool_result','tool_use_id':'functions_f_0','content':[{'type':'text',"
     "'text':'r1'}]},{'type':'tool_result','tool_use_id':'c2','content':[{'type':'text',"
     "'text':'r2'}]},{'type':'tool_result','tool_use_id':'c3','content':[{'type':'text',"
     "'text':'(no result)'}]},{'type':'text','text':'go on'}]}],'max_tokens':4096}"},
    /* the model begins: somebody has to speak first; the end of what it is to go on from is trimmed
     */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'messages':[{'role':'assistant','content':'Sure \\n '}]}",
     "{'model':'claude-sonnet-5-5','messages':[{'role':'user','content':'(the conversation goes "
     "on)'},{'role':'assistant','content':[{'type':'text','text':'Sure'}]}],'max_tokens':4096}"},
    /* signed thoughts go back first, pieces of one made one; bare ones are dropped */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'reasoning_effort':'high','messages':[{'role':'user','content':'q'},{'role':'assistant',"
     "'content':'a','reasoning_content':'hm','reasoning_details':[{'type':'reasoning.text',"
     "'text':'h','format':'anthropic-claude-v1','index':0},{'type':'reasoning.text','text':'m',"
     "'signature':'s','format':'anthropic-claude-v1','index':0},{'type':'reasoning.encrypted',"
     "'data':'d','format':'anthropic-claude-v1','index':1},{'type':'reasoning.text','text':'x',"
     "'format':'other','index':2}],'tool_calls':[{'id':'c','type':'function',"
     "'function':{'name':'f','arguments':'{}'}}]},{'role':'tool','tool_call_id':'c','content':''}"
     "]}",
     "{'model':'claude-sonnet-5-5','messages':[{'role':'user','content':[{'type':'text',"
     "'text':'q'}]},{'role':'assistant','content':[{'type':'thinking','thinking':'hm',"
     "'signature':'s'},{'type':'redacted_thinking','data':'d'},{'type':'text','text':'a'},"
     "{'type':'tool_use','id':'c','name':'f','input':{}}]},{'role':'user',"
     "'content':[{'type':'tool_result','tool_use_id':'c','content':[{'type':'text','text':'(no "
     "output)'}]}]}],'thinking':{'type':'adaptive'},'max_tokens':4096,"
     "'output_config':{'effort':'high'}}"},
    /* what nobody signed, or we, is no thought of the provider's */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'messages':[{'role':'user','content':'q'},{'role':'assistant','content':'a',"
     "'reasoning_details':[{'type':'reasoning.text','text':'h','format':'anthropic-claude-v1',"
     "'index':0},{'type':'reasoning.text','text':'g','signature':'gw1:','format':"
     "'anthropic-claude-v1','index':1}]}]}",
     "{'model':'claude-sonnet-5-5','messages':[{'role':'user','content':[{'type':'text','text':"
     "'q'}]},{'role':'assistant','content':[{'type':'text','text':'a'}]}],'max_tokens':4096}"},
    /* thoughts that were lost on the way: none this time */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'reasoning_effort':'high','messages':[{'role':'user','content':'q'},{'role':'assistant',"
     "'content':'a','tool_calls':[{'id':'c','type':'function','function':{'name':'f',"
     "'arguments':'{}'}}]},{'role':'tool','tool_call_id':'c','content':'r'}]}",
     "{'model':'claude-sonnet-5-5','messages':[{'role':'user','content':[{'type':'text',"
     "'text':'q'}]},{'role':'assistant','content':[{'type':'text','text':'a'},{'type':'tool_use',"
     "'id':'c','name':'f','input':{}}]},{'role':'user','content':[{'type':'tool_result',"
     "'tool_use_id':'c','content':[{'type':'text','text':'r'}]}]}],'thinking':{'type':'disabled'}"
     ",'max_tokens':4096}"},
    /* limits; sampling as far as the model takes it */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-4-5",
     "{'max_tokens':7,'max_completion_tokens':8,'temperature':1.5,'top_p':0.5,'stop':'END',"
     "'user':'u','messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-sonnet-4-5','messages':[{'role':'user','content':[{'type':'text',"
     "'text':'q'}]}],'max_tokens':8,'temperature':1,'stop_sequences':['END'],"
     "'metadata':{'user_id':'u'}}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-4-5",
     "{'top_p':0.5,'stop':['END',' \\n','B'],'safety_identifier':'s','user':'u',"
     "'service_tier':'default','stream':true,'messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-sonnet-4-5','messages':[{'role':'user','content':[{'type':'text',"
     "'text':'q'}]}],'max_tokens':4096,'top_p':0.5,'stop_sequences':['END','B'],"
     "'metadata':{'user_id':'s'},'service_tier':'standard_only','stream':true}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-opus-5-5",
     "{'temperature':0.2,'top_p':0.5,'top_k':4,'service_tier':'flex','messages':[{'role':'user',"
     "'content':'q'}]}",
     "{'model':'claude-opus-5-5','messages':[{'role':'user','content':[{'type':'text','text':'q'}"
     "]}],'max_tokens':4096}"},
    /* effort: how much a newer model thinks, a budget for an older one, and room for it */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-opus-5-5",
     "{'reasoning_effort':'minimal','temperature':0.2,'messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-opus-5-5','messages':[{'role':'user','content':[{'type':'text','text':'q'}"
     "]}],'thinking':{'type':'adaptive'},'max_tokens':4096,'output_config':{'effort':'low'}}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-3-7-sonnet-latest",
     "{'reasoning_effort':'medium','max_tokens':100,'temperature':0.2,'messages':[{'role':'user',"
     "'content':'q'}]}",
     "{'model':'claude-3-7-sonnet-latest','messages':[{'role':'user','content':[{'type':'text',"
     "'text':'q'}]}],'thinking':{'type':'enabled','budget_tokens':4096},'max_tokens':4196}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-opus-5-5",
     "{'reasoning_effort':'none','messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-opus-5-5','messages':[{'role':'user','content':[{'type':'text','text':'q'}"
     "]}],'thinking':{'type':'disabled'},'max_tokens':4096}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "other-model",
     "{'reasoning':{'max_tokens':2000},'max_tokens':9000,'messages':[{'role':'user',"
     "'content':'q'}]}",
     "{'model':'other-model','messages':[{'role':'user','content':[{'type':'text','text':'q'}]}],"
     "'thinking':{'type':'enabled','budget_tokens':2000},'max_tokens':9000}"},
    /* tools, choices, parallel calls */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'tools':[{'type':'function','function':{'name':'f','description':'d','strict':true,"
     "'parameters':{'type':'object','properties':{'a':{}}}}},{'type':'function',"
     "'function':{'name':'g'}}],'tool_choice':'auto','parallel_tool_calls':false,"
     "'messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-sonnet-5-5','tools':[{'name':'f','description':'d',"
     "'input_schema':{'type':'object','properties':{'a':{}}},'strict':true},{'name':'g',"
     "'input_schema':{'type':'object','properties':{}}}],'tool_choice':{'type':'auto',"
     "'disable_parallel_tool_use':true},'messages':[{'role':'user','content':[{'type':'text',"
     "'text':'q'}]}],'max_tokens':4096}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'tools':[{'type':'function','function':{'name':'f'}}],'parallel_tool_calls':false,"
     "'messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-sonnet-5-5','tools':[{'name':'f','input_schema':{'type':'object',"
     "'properties':{}}}],'tool_choice':{'type':'auto','disable_parallel_tool_use':true},"
     "'messages':[{'role':'user','content':[{'type':'text','text':'q'}]}],'max_tokens':4096}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'tools':[{'type':'function','function':{'name':'f'}}],'tool_choice':'required',"
     "'reasoning_effort':'high','messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-sonnet-5-5','tools':[{'name':'f','input_schema':{'type':'object',"
     "'properties':{}}}],'tool_choice':{'type':'any'},'messages':[{'role':'user',"
     "'content':[{'type':'text','text':'q'}]}],'thinking':{'type':'disabled'},'max_tokens':4096}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'tools':[{'type':'function','function':{'name':'f'}}],'tool_choice':{'type':'function',"
     "'function':{'name':'f'}},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-sonnet-5-5','tools':[{'name':'f','input_schema':{'type':'object',"
     "'properties':{}}}],'tool_choice':{'type':'tool','name':'f'},'messages':[{'role':'user',"
     "'content':[{'type':'text','text':'q'}]}],'max_tokens':4096}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'tools':[{'type':'function','function':{'name':'f'}}],'tool_choice':'none',"
     "'parallel_tool_calls':false,'messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-sonnet-5-5','tools':[{'name':'f','input_schema':{'type':'object',"
     "'properties':{}}}],'tool_choice':{'type':'none'},'messages':[{'role':'user',"
     "'content':[{'type':'text','text':'q'}]}],'max_tokens':4096}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'tools':[{'type':'function','function':{'name':'f'}},{'type':'function',"
     "'function':{'name':'g'}}],'tool_choice':{'type':'allowed_tools',"
     "'allowed_tools':{'mode':'required','tools':[{'type':'function','function':{'name':'g'}}]}},"
     "'messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-sonnet-5-5','tools':[{'name':'g','input_schema':{'type':'object',"
     "'properties':{}}}],'tool_choice':{'type':'any'},'messages':[{'role':'user',"
     "'content':[{'type':'text','text':'q'}]}],'max_tokens':4096}"},
    /* a choice without tools, an empty list */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'tools':[],'tool_choice':'auto','parallel_tool_calls':true,'messages':[{'role':'user',"
     "'content':'q'}]}",
     "{'model':'claude-sonnet-5-5','messages':[{'role':'user','content':[{'type':'text',"
     "'text':'q'}]}],'max_tokens':4096}"},
    /* functions, the older form */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'functions':[{'name':'f','parameters':{'type':'object'}}],'function_call':{'name':'f'},"
     "'messages':[{'role':'user','content':'q'},{'role':'assistant','content':null,"
     "'function_call':{'name':'f','arguments':'{}'}},{'role':'function','name':'f','content':'r'}"
     "]}",
     "{'model':'claude-sonnet-5-5','tools':[{'name':'f','input_schema':{'type':'object',"
     "'properties':{}}}],'tool_choice':{'type':'tool','name':'f',"
     "'disable_parallel_tool_use':true},'messages':[{'role':'user','content':[{'type':'text',"
     "'text':'q'}]},{'role':'assistant','content':[{'type':'tool_use','id':'f','name':'f',"
     "'input':{}}]},{'role':'user','content':[{'type':'tool_result','tool_use_id':'f',"
     "'content':[{'type':'text','text':'r'}]}]}],'max_tokens':4096}"},
    /* structured output */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'response_format':{'type':'json_schema','json_schema':{'name':'n','strict':true,"
     "'schema':{'type':'object'}}},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-sonnet-5-5','messages':[{'role':'user','content':[{'type':'text',"
     "'text':'q'}]}],'max_tokens':4096,'output_config':{'format':{'type':'json_schema',"
     "'schema':{'type':'object','additionalProperties':false}}}}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'response_format':{'type':'json_object'},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-sonnet-5-5','system':[{'type':'text','text':'Answer with one JSON object "
     "and nothing else: no text around it, no code fence.'}],'messages':[{'role':'user',"
     "'content':[{'type':'text','text':'q'}]}],'max_tokens':4096}"},
    /* of a schema's words those that Anthropic knows, whatever a property is called */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'response_format':{'type':'json_schema','json_schema':{'name':'n','schema':{'$schema':'u',"
     "'type':'object','properties':{'minimum':{'type':'integer','minimum':1,'maximum':9,"
     "'exclusiveMinimum':0,'exclusiveMaximum':10,'multipleOf':1,'description':'d'},'s':{'type':"
     "'string','minLength':1,'maxLength':2,'pattern':'x','format':'date','enum':['minLength']},"
     "'a':{'type':['array','null'],'minItems':2,'maxItems':3,'uniqueItems':true,'items':{'anyOf':"
     "[{'type':'object','properties':{},'additionalProperties':true},{'$ref':'#/$defs/r'}]}},"
     "'one':{'type':'array','minItems':1,'items':{'const':{'maxItems':1}}}},'required':['s'],"
     "'$defs':{'r':{'type':['object','null'],'minProperties':1,'properties':{'q':{'type':'number',"
     "'default':{'minimum':1}}}}}}}},'messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-sonnet-5-5','messages':[{'role':'user','content':[{'type':'text','text':"
     "'q'}]}],'max_tokens':4096,'output_config':{'format':{'type':'json_schema','schema':{'type':"
     "'object','properties':{'minimum':{'type':'integer','description':'d'},'s':{'type':'string',"
     "'pattern':'x','format':'date','enum':['minLength']},'a':{'type':['array','null'],'items':"
     "{'anyOf':[{'type':'object','properties':{},'additionalProperties':false},{'$ref':"
     "'#/$defs/r'}]}},'one':{'type':'array','minItems':1,'items':{'const':{'maxItems':1}}}},"
     "'required':['s'],'$defs':{'r':{'type':['object','null'],'properties':{'q':{'type':'number',"
     "'default':{'minimum':1}}},'additionalProperties':false}},'additionalProperties':false}}}}"},
    /* a refusal is what was said; nothing said is no part; a choice of some tools; function_call */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'tools':[{'type':'function','function':{'name':'f'}},{'type':'function','function':"
     "{'name':'g'}}],'tool_choice':{'type':'allowed_tools','allowed_tools':{'mode':'auto','tools':"
     "[{'type':'function','function':{'name':'g'}}]}},'messages':[{'role':'user','content':'q'},"
     "{'role':'assistant','content':null,'refusal':'no'},{'role':'user','content':'r'},{'role':"
     "'assistant','content':'','tool_calls':[{'id':'c','type':'function','function':{'name':'g',"
     "'arguments':'{}'}}]},{'role':'tool','tool_call_id':'c','content':'s'}]}",
     "{'model':'claude-sonnet-5-5','tools':[{'name':'g','input_schema':{'type':'object',"
     "'properties':{}}}],'tool_choice':{'type':'auto'},'messages':[{'role':'user','content':"
     "[{'type':'text','text':'q'}]},{'role':'assistant','content':[{'type':'text','text':'no'}]},"
     "{'role':'user','content':[{'type':'text','text':'r'}]},{'role':'assistant','content':"
     "[{'type':'tool_use','id':'c','name':'g','input':{}}]},{'role':'user','content':[{'type':"
     "'tool_result','tool_use_id':'c','content':[{'type':'text','text':'s'}]}]}],'max_tokens':"
     "4096}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-opus-5-5",
     "{'functions':[{'name':'f'}],'function_call':'none','reasoning_effort':'max','messages':"
     "[{'role':'user','content':'q'}]}",
     "{'model':'claude-opus-5-5','tools':[{'name':'f','input_schema':{'type':'object',"
     "'properties':{}}}],'tool_choice':{'type':'none'},'messages':[{'role':'user','content':"
     "[{'type':'text','text':'q'}]}],'thinking':{'type':'adaptive'},'max_tokens':4096,"
     "'output_config':{'effort':'max'}}"},
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-opus-5-5",
     "{'service_tier':'auto','reasoning':{'enabled':false},'messages':[{'role':'user','content':"
     "'q'}]}",
     "{'model':'claude-opus-5-5','messages':[{'role':'user','content':[{'type':'text','text':'q'}"
     "]}],'thinking':{'type':'disabled'},'max_tokens':4096}"},
    /* what has no counterpart is dropped */
    {SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-sonnet-5-5",
     "{'n':1,'logprobs':true,'top_logprobs':3,'logit_bias':{'1':2},'seed':4,"
     "'frequency_penalty':1,'presence_penalty':1,'prediction':{},'modalities':['text'],"
     "'audio':{'voice':'v'},'store':true,'metadata':{'a':'b'},'verbosity':'low','prompt_cache_key':"
     "'k',"
     "'web_search_options':{},'x':1,'messages':[{'role':'user','content':'q'}]}",
     "{'model':'claude-sonnet-5-5','messages':[{'role':'user','content':[{'type':'text',"
     "'text':'q'}]}],'max_tokens':4096}"},
};

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct sl_translate_wish w =
            wish_of(requests[i].from, requests[i].flavor, requests[i].model);
        struct sl_str got;

        (void)ask(&w, requests[i].body, &got);
        assert_json(got, json(requests[i].want));
    }
}

/* What is refused, and says why. */
static void test_refused(void **state)
{
    static const struct {
        enum sl_endpoint from;
        const char *body, *why;
    } bad[] = {
        {SL_EP_MESSAGES, "{'messages':'x'}", "an array"},
        {SL_EP_MESSAGES, "{'messages':[{'role':'bot','content':'x'}]}", "role"},
        {SL_EP_MESSAGES, "{'messages':[{'role':'user','content':[{'type':'image','source':{}}]}]}",
         "no source"},
        {SL_EP_CHAT, "{}", "an array"},
        {SL_EP_CHAT, "{'n':2,'messages':[{'role':'user','content':'x'}]}", "n = 1"},
        {SL_EP_CHAT, "{'modalities':['text','audio'],'messages':[]}", "text only"},
        {SL_EP_CHAT, "{'messages':[{'role':'bot','content':'x'}]}", "role"},
        {SL_EP_CHAT,
         "{'messages':[{'role':'user','content':[{'type':'input_audio','input_audio':{}}]}]}",
         "only text"},
        {SL_EP_CHAT,
         "{'messages':[{'role':'user','content':[{'type':'image_url','image_url':{'url':'x'}}]}]}",
         "data URL"},
        {SL_EP_CHAT, "{'messages':[{'role':'user','content':[{'type':'file','file':{}}]}]}",
         "file_data"},
        {SL_EP_CHAT, "{'messages':[],'tools':[{'type':'other','other':{'name':'c'}}]}",
         "custom tools"},
        {SL_EP_CHAT,
         "{'messages':[{'role':'assistant','tool_calls':[{'type':'other','other':{}}]}]}",
         "custom tools"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct sl_translate_wish w = wish_of(bad[i].from, SL_FLAVOR_OPENAI, "m");
        struct sl_translate *t;
        struct sl_str out;
        const char *why = NULL;

        assert_int_equal(sl_translate_request(&w, json(bad[i].body), &arena, &t, &out, &why),
                         SL_ERR_BAD_FIELD);
        assert_non_null(why);
        if (strstr(why, bad[i].why) == NULL)
            fail_msg("%s: %s", bad[i].body, why);
    }
}

/* The limits that the configuration gives. */
static void test_limits(void **state)
{
    /* what an older model may say at most, and how much of it is thought */
    static const struct {
        uint64_t most;
        const char *want;
    } thoughts[] = {
        {0, "'thinking':{'type':'enabled','budget_tokens':4096},'max_tokens':4196}"},
        {8192, "'thinking':{'type':'enabled','budget_tokens':4096},'max_tokens':4196}"},
        {4100, "'thinking':{'type':'enabled','budget_tokens':4096},'max_tokens':4100}"},
        {4096, "'thinking':{'type':'enabled','budget_tokens':2048},'max_tokens':4096}"},
        {2048, "'thinking':{'type':'enabled','budget_tokens':1024},'max_tokens':2048}"},
        {2047, "'thinking':{'type':'disabled'},'max_tokens':100}"},
    };
    struct sl_translate_wish w = wish_of(SL_EP_MESSAGES, SL_FLAVOR_COMPATIBLE, "m");
    struct sl_str got;

    (void)state;
    w.max_tokens_most = 8192;
    (void)ask(&w, "{'max_tokens':128000,'messages':[{'role':'user','content':'q'}]}", &got);
    assert_json(got, json("{'model':'m','messages':[{'role':'user','content':'q'}],"
                          "'max_tokens':8192}"));
    w.asks_no_usage = true; /* nor is a field sent that the provider refuses */
    (void)ask(&w, "{'max_tokens':1,'stream':true,'messages':[{'role':'user','content':'q'}]}",
              &got);
    assert_json(got, json("{'model':'m','messages':[{'role':'user','content':'q'}],"
                          "'max_tokens':1,'stream':true}"));
    w = wish_of(SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "m");
    w.max_tokens_default = 77;
    (void)ask(&w, "{'messages':[{'role':'user','content':'q'}]}", &got);
    assert_json(got, json("{'model':'m','messages':[{'role':'user','content':[{'type':'text',"
                          "'text':'q'}]}],'max_tokens':77}"));
    w = wish_of(SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-3-7-sonnet-latest");
    for (size_t i = 0; i < COUNT(thoughts); i++) {
        w.max_tokens_most = thoughts[i].most;
        (void)ask(&w,
                  "{'reasoning_effort':'medium','max_tokens':100,'messages':[{'role':'user',"
                  "'content':'q'}]}",
                  &got);
        if (sl_str_find(got, json(thoughts[i].want)) < 0)
            fail_msg("%.*s", SL_STR_ARGS(got));
    }
}

#define MARK ",'cache_control':{'type':'ephemeral'}"

/* Three places, where the configuration says so and the client marks none by itself. */
static void test_marks_for_the_prompt_cache(void **state)
{
    static const struct {
        const char *asked, *want;
    } cases[] = {
        {"{'tools':[{'function':{'name':'f'}},{'function':{'name':'g'}}],'messages':[{'role':"
         "'system','content':'A'},{'role':'system','content':'B'},{'role':'user','content':'q'},"
         "{'role':'assistant','content':'a'},{'role':'user','content':[{'type':'text','text':'r'},"
         "{'type':'text','text':'s'},{'type':'text','text':' '}]}]}",
         "{'model':'m','system':[{'type':'text','text':'A'},{'type':'text','text':'B'" MARK
         "}],'tools':[{'name':'f','input_schema':{'type':'object','properties':{}}},{'name':'g',"
         "'input_schema':{'type':'object','properties':{}}" MARK "}],'messages':[{'role':'user',"
         "'content':[{'type':'text','text':'q'}]},{'role':'assistant','content':[{'type':'text',"
         "'text':'a'}]},{'role':'user','content':[{'type':'text','text':'r'},{'type':'text','text':"
         "'s'" MARK "}]}],'max_tokens':4096}"},
        {"{'messages':[{'role':'user','content':'q'},{'role':'assistant','tool_calls':[{'id':'c',"
         "'function':{'name':'f','arguments':'{}'}}]},{'role':'tool','tool_call_id':'c','content':"
         "'r'}]}",
         "{'model':'m','messages':[{'role':'user','content':[{'type':'text','text':'q'}]},{'role':"
         "'assistant','content':[{'type':'tool_use','id':'c','name':'f','input':{}}]},{'role':"
         "'user','content':[{'type':'tool_result','tool_use_id':'c','content':[{'type':'text',"
         "'text':'r'}]" MARK "}]}],'max_tokens':4096}"},
        {"{'messages':[{'role':'user','content':[{'type':'text','text':'q'" MARK "},{'type':"
         "'text','text':'r'}]}]}",
         "{'model':'m','messages':[{'role':'user','content':[{'type':'text','text':'q'" MARK
         "},{'type':'text','text':'r'}]}],'max_tokens':4096}"},
        {"{'messages':[{'role':'user','content':'q'},{'role':'assistant','content':'go'}]}",
         "{'model':'m','messages':[{'role':'user','content':[{'type':'text','text':'q'}]},{'role':"
         "'assistant','content':[{'type':'text','text':'go'}]}],'max_tokens':4096}"},
    };
    struct sl_translate_wish w = wish_of(SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "m");
    struct sl_str got;

    (void)state;
    w.marks_prompts = true;
    for (size_t i = 0; i < COUNT(cases); i++) {
        (void)ask(&w, cases[i].asked, &got);
        assert_json(got, json(cases[i].want));
    }
}

static void test_endpoints(void **state)
{
    (void)state;
    assert_int_equal(sl_translate_endpoint(SL_EP_MESSAGES, &sl_dialect_openai), SL_EP_CHAT);
    assert_int_equal(sl_translate_endpoint(SL_EP_CHAT, &sl_dialect_anthropic), SL_EP_MESSAGES);
    assert_int_equal(sl_translate_endpoint(SL_EP_EMBEDDINGS, &sl_dialect_anthropic), SL_EP_NONE);
    assert_int_equal(sl_translate_endpoint(SL_EP_COUNT_TOKENS, &sl_dialect_openai), SL_EP_NONE);
}

/* More calls in a turn than any client counts; a body that outgrows its ceiling; no memory
 * at every place where some is asked for. */
static void test_ceilings(void **state)
{
    struct sl_translate_wish w = wish_of(SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "m");
    struct sl_translate *t;
    struct sl_str out;
    struct sl_grow g;
    const char *why;

    (void)state;
    sl_grow_init(&g, 1 << 20);
    sl_grow_add(&g, SL_STR("{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":["));
    for (int i = 0; i < 129; i++)
        sl_grow_add(&g, i == 0 ? SL_STR("{\"id\":\"c\",\"function\":{\"name\":\"f\"}}")
                               : SL_STR(",{\"id\":\"c\",\"function\":{\"name\":\"f\"}}"));
    sl_grow_add(&g, SL_STR("]}]}"));
    assert_int_equal(sl_translate_request(&w, sl_grow_str(&g), &arena, &t, &out, &why),
                     SL_ERR_BAD_FIELD);
    sl_grow_fini(&g);
    w.max = 64;
    assert_int_equal(sl_translate_request(&w, json(requests[0].body), &arena, &t, &out, &why),
                     SL_ERR_CEILING);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i += 3) {
        struct sl_translate_wish w =
            wish_of(requests[i].from, requests[i].flavor, requests[i].model);
        struct sl_str body = json(requests[i].body);
        enum sl_err err = SL_ERR_NO_MEMORY;

        for (uint64_t n = 1; err != SL_OK; n++) {
            struct sl_translate *t;
            struct sl_arena a;
            struct sl_str out;
            const char *why;

            assert_true(n < 1000);
            sl_arena_init(&a, 1 << 20);
            sl_mem_fail_at(n);
            err = sl_translate_request(&w, body, &a, &t, &out, &why);
            sl_mem_fail_at(0);
            assert_true(err == SL_OK || err == SL_ERR_NO_MEMORY);
            sl_arena_fini(&a);
        }
    }
}

/* Thoughts come back as a stream told them, a piece an event: all of them, and no more room than
 * they take. */
static void test_thoughts_in_pieces(void **state)
{
    const struct sl_str piece = SL_STR("0123456789abcdef");
    struct sl_translate_wish w = wish_of(SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "claude-opus-5-5");
    struct sl_translate *t;
    struct sl_str out;
    struct sl_grow g;
    const char *why;
    ptrdiff_t at, end;

    (void)state;
    w.max = 1 << 22;
    sl_grow_init(&g, 1 << 22);
    sl_grow_add(&g, SL_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":"
                           "\"assistant\",\"content\":\"a\",\"reasoning_details\":["));
    for (int i = 0; i < 5000; i++)
        sl_grow_add(&g, SL_STR("{\"type\":\"reasoning.text\",\"text\":\"0123456789abcdef\","
                               "\"format\":\"anthropic-claude-v1\",\"index\":0},"));
    sl_grow_add(&g, SL_STR("{\"type\":\"reasoning.text\",\"signature\":\"sig\",\"format\":"
                           "\"anthropic-claude-v1\",\"index\":0}]}]}"));
    assert_int_equal(sl_translate_request(&w, sl_grow_str(&g), &arena, &t, &out, &why), SL_OK);
    at = sl_str_find(out, SL_STR("\"thinking\":\""));
    assert_true(at > 0);
    at += (ptrdiff_t)strlen("\"thinking\":\"");
    end = sl_str_find(out, SL_STR("\",\"signature\":\"sig\""));
    assert_int_equal(end - at, 5000 * (ptrdiff_t)piece.n);
    for (; at < end; at += (ptrdiff_t)piece.n)
        assert_memory_equal(out.p + at, piece.p, piece.n);
    sl_grow_fini(&g);
}

/* `head`, `n` times `one` with commas between, `tail`: within the memory of a request. */
static struct sl_str ask_many(const struct sl_translate_wish *w, const char *head, size_t n,
                              const char *one, const char *tail, struct sl_arena *a)
{
    struct sl_str each = json(one), out;
    struct sl_translate *t;
    struct sl_grow g;
    const char *why;

    sl_arena_init(a, 64u << 20);
    sl_grow_init(&g, 32u << 20);
    sl_grow_add(&g, json(head));
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            sl_grow_byte(&g, ',');
        sl_grow_add(&g, each);
    }
    sl_grow_add(&g, json(tail));
    assert_int_equal(g.err, SL_OK);
    assert_int_equal(sl_translate_request(w, sl_grow_str(&g), a, &t, &out, &why), SL_OK);
    sl_grow_fini(&g);
    return out;
}

static size_t count_of(struct sl_str text, struct sl_str what)
{
    size_t n = 0;

    while (text.n >= what.n) {
        bool is = sl_str_starts(text, what);

        n += is;
        text = sl_str_from(text, is ? what.n : 1);
    }
    return n;
}

/* Of what is long in many pieces no byte is read once for each of the others: that takes many
 * times as long, whatever else the machine does. */
static void test_many(void **state)
{
    clock_t begun = clock(); /* the processor's time, not that of day */
    static char pad[100001];
    struct sl_translate_wish w = wish_of(SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "m");
    struct sl_arena a;
    struct sl_grow g;
    struct sl_str out;

    (void)state;
    w.max = 64u << 20;
    /* turns that become one */
    out = ask_many(&w, "{'messages':[", 120000, "{'role':'user','content':'q'}", "]}", &a);
    assert_int_equal(count_of(out, SL_STR("{\"type\":\"text\",\"text\":\"q\"}")), 120000);
    assert_int_equal(count_of(out, SL_STR("\"role\"")), 1);
    sl_arena_fini(&a);
    /* a long list of the tools that may be called */
    memset(pad, 'x', sizeof(pad) - 1);
    sl_grow_init(&g, 1 << 24);
    sl_grow_add(&g, SL_STR("],'messages':[{'role':'user','content':'q'}],'tool_choice':{'type':"
                           "'allowed_tools','allowed_tools':{'mode':'auto','tools':[{'function':{"
                           "'name':'g'}}"));
    for (int i = 0; i < 100; i++) {
        sl_grow_add(&g, SL_STR(",{'pad':'"));
        sl_grow_add(&g, sl_str_of(pad));
        sl_grow_add(&g, SL_STR("'}"));
    }
    sl_grow_add(&g, SL_STR("]}}}"));
    sl_grow_byte(&g, '\0');
    out = ask_many(&w, "{'tools':[{'function':{'name':'g'}},", 4000, "{'function':{'name':'f'}}",
                   g.p, &a);
    assert_int_equal(count_of(out, SL_STR("\"input_schema\"")), 1);
    sl_arena_fini(&a);
    sl_grow_fini(&g);
    /* a thought's summary, of many texts */
    w = wish_of(SL_EP_RESPONSES, SL_FLAVOR_OPENROUTER, "m");
    w.max = 64u << 20;
    out = ask_many(&w, "{'input':[{'role':'user','content':'q'},{'type':'reasoning','summary':[",
                   20000, "{'text':'h'}", "]},{'role':'assistant','content':'a'}]}", &a);
    assert_int_equal(count_of(out, SL_STR("hhhhhhhhhh")), 2000);
    sl_arena_fini(&a);
    assert_true(clock() - begun < 10 * CLOCKS_PER_SEC);
}

static void add_function(struct sl_grow *g, int i)
{
    char text[64];

    snprintf(text, sizeof(text), ",{\"function\":{\"name\":\"tool_of_many_%04d\"}}", i);
    sl_grow_add(g, sl_str_of(text));
}

/* Of many tools those stay that are listed, wherever they stand in the list; names of one length
 * that differ in their last bytes are told apart. */
static void test_many_allowed(void **state)
{
    struct sl_translate_wish w = wish_of(SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "m");
    struct sl_translate *t;
    struct sl_str out;
    const char *why;
    struct sl_grow g;

    (void)state;
    sl_grow_init(&g, 1 << 20);
    sl_grow_add(&g, json("{'messages':[{'role':'user','content':'q'}],'tools':[{'function':{'name':"
                         "'tool_of'}}"));
    for (int i = 0; i < 2000; i++)
        add_function(&g, i);
    sl_grow_add(&g, json("],'tool_choice':{'type':'allowed_tools','allowed_tools':{'mode':'auto',"
                         "'tools':[{'function':{'name':'tool'}}"));
    for (int i = 1998; i > 0; i -= 2)
        add_function(&g, i);
    sl_grow_add(&g, SL_STR("]}}}"));
    assert_int_equal(sl_translate_request(&w, sl_grow_str(&g), &arena, &t, &out, &why), SL_OK);
    sl_grow_fini(&g);
    assert_int_equal(count_of(out, SL_STR("\"input_schema\"")), 999);
    for (int i = 0; i < 2000; i++) {
        char name[32];
        bool stays = i > 0 && i % 2 == 0;

        snprintf(name, sizeof(name), "tool_of_many_%04d", i);
        assert_int_equal(count_of(out, sl_str_of(name)), stays);
    }
}

#define SCHEMA                                                                                     \
    "{'type':'object','properties':{'format':{'type':'string','format':'uri','pattern':'^a'},"     \
    "'list':{'items':{'oneOf':[{'pattern':'x'},true],'not':{'format':'y'}}}},"                     \
    "'dependentSchemas':{'format':{'pattern':'x'}},'if':{'items':[{'format':'y'},true]},"          \
    "'then':{'contains':{'pattern':'x'},'additionalItems':{'format':'y'}},'else':{"                \
    "'propertyNames':{'pattern':'x'},'unevaluatedItems':{'format':'y'},"                           \
    "'unevaluatedProperties':{'format':'y'}},"                                                     \
    "'patternProperties':{'^a':{}},'required':['format'],'enum':[{'format':1}],"                   \
    "'additionalProperties':false}"
#define PLAIN                                                                                      \
    "{'type':'object','properties':{'format':{'type':'string'},'list':{'items':{'oneOf':[{},true]" \
    ",'not':{}}}},'dependentSchemas':{'format':{}},'if':{'items':[{},true]},'then':{'contains':{}" \
    ","                                                                                            \
    "'additionalItems':{}},'else':{'propertyNames':{},'unevaluatedItems':{},"                      \
    "'unevaluatedProperties':{}},'required':['format'],'enum':[{'format':1}]}"

/* Words that a server refuses, at every depth; names and values that look like them stay. */
static void test_plain_schemas(void **state)
{
    static const struct {
        enum sl_endpoint from;
        const char *asked, *want;
    } cases[] = {
        {SL_EP_MESSAGES,
         "{'max_tokens':9,'messages':[{'role':'user','content':'q'}],'tools':[{'name':'f',"
         "'input_schema':" SCHEMA
         "}],'output_config':{'format':{'type':'json_schema','schema':" SCHEMA "}}}",
         "{'model':'m','messages':[{'role':'user','content':'q'}],'max_tokens':9,'tools':[{'type':"
         "'function','function':{'name':'f','parameters':" PLAIN "}}],'response_format':{'type':"
         "'json_schema','json_schema':{'name':'output','schema':" PLAIN ",'strict':true}}}"},
        {SL_EP_CHAT,
         "{'max_tokens':9,'messages':[{'role':'user','content':'q'}],'tools':[{'function':{'name':"
         "'f','parameters':" SCHEMA "}},{'function':{'name':'g'}}]}",
         "{'model':'m','max_tokens':9,'messages':[{'role':'user','content':[{'type':'text','text':"
         "'q'}]}],'tools':[{'name':'f','input_schema':" PLAIN
         "},{'name':'g','input_schema':{'type':"
         "'object','properties':{}}}]}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sl_translate_wish w = wish_of(cases[i].from, SL_FLAVOR_COMPATIBLE, "m");
        struct sl_str got;

        w.plain_schemas = true;
        (void)ask(&w, cases[i].asked, &got);
        assert_json(got, json(cases[i].want));
    }
}

#define FORM(rest)                                                                                 \
    "{'max_tokens':9,'messages':[{'role':'user','content':'q'}],'response_format':{'type':"        \
    "'json_schema','json_schema':{'name':'city','schema':{'type':'object','properties':{'a':{}}}}" \
    "}" rest "}"
#define FORMED(name, tools, rest)                                                                  \
    "{'model':'m','max_tokens':9,'messages':[{'role':'user','content':[{'type':'text','text':'q'}" \
    "]}],'tools':[" tools "{'name':'" name "','description':'The answer: call this tool once, "    \
    "with all of it.','input_schema':{'type':'object','properties':{'a':{}}}}]" rest "}"
#define NO_ARGS "'input_schema':{'type':'object','properties':{}}"

/* A server that knows no structured output: a tool in its place, beside the client's own. */
static void test_forms(void **state)
{
    static const struct {
        const char *asked, *want;
    } cases[] = {
        {FORM(""), FORMED("city", "",
                          ",'tool_choice':{'type':'tool','name':'city',"
                          "'disable_parallel_tool_use':true}")},
        {FORM(",'reasoning_effort':'high'"),
         FORMED("city", "",
                ",'tool_choice':{'type':'tool','name':'city',"
                "'disable_parallel_tool_use':true},'thinking':{'type':'disabled'}")},
        {FORM(",'tools':[{'function':{'name':'city'}}]"),
         FORMED("structured_output", "{'name':'city'," NO_ARGS "},",
                ",'tool_choice':{'type':'any'}")},
        {FORM(",'tools':[{'function':{'name':'f'}}],'tool_choice':'none'"),
         FORMED("city", "{'name':'f'," NO_ARGS "},",
                ",'tool_choice':{'type':'tool','name':'city','disable_parallel_tool_use':true}")},
        {FORM(",'tools':[{'function':{'name':'f'}}],'tool_choice':{'type':'function','function':{"
              "'name':'f'}}"),
         "{'model':'m','max_tokens':9,'messages':[{'role':'user','content':[{'type':'text','text':"
         "'q'}]}],'tools':[{'name':'f'," NO_ARGS "}],'tool_choice':{'type':'tool','name':'f'}}"},
    };
    struct sl_translate_wish w = wish_of(SL_EP_CHAT, SL_FLAVOR_COMPATIBLE, "m");
    const char *why;
    struct sl_translate *t;
    struct sl_str got;

    (void)state;
    w.forms_by_tool = true;
    for (size_t i = 0; i < COUNT(cases); i++) {
        (void)ask(&w, cases[i].asked, &got);
        assert_json(got, json(cases[i].want));
    }
    assert_int_equal(sl_translate_request(&w,
                                          json(FORM(",'tools':[{'function':{'name':'city'}},"
                                                    "{'function':{'name':'structured_output'}}]")),
                                          &arena, &t, &got, &why),
                     SL_ERR_BAD_FIELD);
}

/* What a completion's prompt and the prompt API's amount to, and their plain answers. */
static void test_prompts(void **state)
{
    struct sl_translate_wish w = wish_of(SL_EP_COMPLETIONS, SL_FLAVOR_COMPATIBLE, "m");
    struct sl_str out,
        answer = json("{'choices':[{'message':{'content':'a\\nb'},'finish_reason':"
                      "'length'}],'usage':{'prompt_tokens':3,'completion_tokens':1}}");
    const char *const bad[] = {"{'prompt':7}",
                               "{'prompt':['a','b']}",
                               "{'prompt':'a','n':2}",
                               "{'prompt':'a','best_of':2}",
                               "{'prompt':'a','echo':true}",
                               "{'prompt':'a','suffix':'b'}"};
    struct sl_translate *t = ask(&w, "{'prompt':['x\\ty'],'stop':'z','n':1,'suffix':''}", &out);
    struct sl_usage u;
    const char *why;

    (void)state;
    assert_true(sl_str_find(out, SL_STR("\"content\":\"x\\ty\"")) > 0);
    assert_true(sl_str_find(out, SL_STR("\"max_tokens\":16")) > 0);
    assert_int_equal(sl_translate_answer(t, answer, &arena, &u, &out), SL_OK);
    assert_true(sl_str_find(out, SL_STR("{\"index\":0,\"text\":\"a\\nb\",\"logprobs\":null,"
                                        "\"finish_reason\":\"length\"}]")) > 0);
    assert_true(sl_str_find(out, SL_STR("\"object\":\"text_completion\"")) > 0);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (sl_translate_request(&w, json(bad[i]), &arena, &t, &out, &why) != SL_ERR_BAD_FIELD)
            fail_msg("taken: %s", bad[i]);
    w.from = SL_EP_PROMPT;
    t = ask(&w, "{'prompt':'p','max_tokens':7,'temperature':0.5,'system':'s'}", &out);
    assert_true(sl_str_find(out, SL_STR("\"temperature\":0.5")) > 0);
    assert_int_equal(sl_translate_answer(t, answer, &arena, &u, &out), SL_OK);
    assert_true(sl_str_starts(out, SL_STR("{\"output\":\"a\\nb\",\"model\":\"asked\",\"usage\":{"
                                          "\"input_tokens\":3,")));
    assert_true(sl_str_ends(out, SL_STR(",\"cached\":false,\"id\":\"prm_0123456789abcdef\","
                                        "\"stop_reason\":\"max_tokens\"}")));
    assert_false(sl_fold_is_keepable(SL_EP_PROMPT, out));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_marks_for_the_prompt_cache),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_ceilings),
        cmocka_unit_test(test_thoughts_in_pieces),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_many_allowed),
        cmocka_unit_test(test_plain_schemas),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
