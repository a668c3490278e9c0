/* llm/neutral/openai_write.c -- the neutral form as a chat request.
 * Source: OpenAI API reference, "Create chat completion"; OpenRouter, "Reasoning tokens". */
#include "llm/neutral/openai.h"

#define LOW_BUDGET 4096 /* tokens of thinking below which little effort is meant */
#define MEDIUM_BUDGET 16384

/* --- What a model takes ---------------------------------------------------------------------- */

/* Without the maker's name that routers put in front. */
static struct sl_str base_of(struct sl_str model)
{
    ptrdiff_t slash = sl_str_find_byte(model, '/');

    return slash >= 0 ? sl_str_from(model, (size_t)slash + 1) : model;
}

/* Effort is an unknown field, and an error, to models that don't reason; and those that do
 * refuse to be sampled otherwise than they like. Only their names tell. */
static bool reasons(struct sl_str model)
{
    static const struct sl_str marks[] = {
        SL_STR_INIT("gpt-oss"), SL_STR_INIT("reason"),    SL_STR_INIT("think"),
        SL_STR_INIT("-r1"),     SL_STR_INIT("magistral"), SL_STR_INIT("qwq"),
    };
    struct sl_str base = base_of(model);

    if (base.n >= 2 && base.p[0] == 'o' && base.p[1] >= '1' && base.p[1] <= '9')
        return true;
    if (sl_str_starts(base, SL_STR("gpt-")) && base.n > 4 && base.p[4] >= '5' && base.p[4] <= '9')
        return sl_str_find(base, SL_STR("-chat")) < 0;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (sl_str_find(base, marks[i]) >= 0)
            return true;
    return false;
}

/* "none" is a word since GPT-5.1, and a 400 before. */
static bool can_be_told_not_to(struct sl_str model)
{
    struct sl_str base = base_of(model);

    if (!sl_str_starts(base, SL_STR("gpt-")) || base.n < 5 || base.p[4] < '5' || base.p[4] > '9')
        return false;
    return base.p[4] > '5' || (base.n > 6 && base.p[5] == '.' && base.p[6] >= '1');
}

static struct sl_str effort_of(const struct sl_neutral_ask *q)
{
    struct sl_str e = q->effort;

    if (q->thinking == SL_THINK_OFF)
        return can_be_told_not_to(q->wish->model) ? SL_STR("none") : (struct sl_str){NULL, 0};
    if (e.n == 0 && q->thinking == SL_THINK_BUDGET)
        return q->budget < LOW_BUDGET      ? SL_STR("low")
               : q->budget < MEDIUM_BUDGET ? SL_STR("medium")
                                           : SL_STR("high");
    if (e.n == 0)
        return q->thinking == SL_THINK_ON ? SL_STR("medium") : e;
    /* the words beyond are newer than most servers */
    return sl_str_eq(e, SL_STR("max")) || sl_str_eq(e, SL_STR("xhigh")) ? SL_STR("high") : e;
}

static void put_router_reasoning(const struct sl_neutral_ask *q, struct sl_grow *g)
{
    if (q->thinking == SL_THINK_UNSAID && q->effort.n == 0)
        return;
    sl_neutral_put(g, ",\"reasoning\":");
    if (q->thinking == SL_THINK_OFF) {
        sl_neutral_put(g, "{\"enabled\":false}");
    } else if (q->thinking == SL_THINK_BUDGET && q->budget > 0) {
        sl_neutral_put(g, "{\"max_tokens\":");
        sl_grow_u64(g, q->budget);
        sl_grow_byte(g, '}');
    } else if (q->effort.n > 0) {
        sl_neutral_put(g, "{\"effort\":");
        sl_neutral_put_esc(g, effort_of(q));
        sl_grow_byte(g, '}');
    } else {
        sl_neutral_put(g, "{\"enabled\":true}");
    }
}

static void put_reasoning(const struct sl_neutral_ask *q, bool thinker, struct sl_grow *g)
{
    struct sl_str effort = effort_of(q);

    if (q->wish->flavor == SL_FLAVOR_OPENROUTER) {
        put_router_reasoning(q, g);
    } else if (thinker && effort.n > 0) {
        sl_neutral_put_key(g, "reasoning_effort");
        sl_neutral_put_esc(g, effort);
    }
}

/* --- Parameters --------------------------------------------------------------------------------
 */

static void put_max(const struct sl_neutral_ask *q, struct sl_grow *g)
{
    uint64_t n = q->max_tokens, most = q->wish->max_tokens_most;

    if (!q->has_max)
        return;
    if (most > 0 && n > most)
        n = most;
    sl_neutral_put_key(g, q->wish->flavor == SL_FLAVOR_OPENAI ? "max_completion_tokens"
                                                              : "max_tokens");
    sl_grow_u64(g, n > 0 ? n : 1);
}

static void put_sampling(const struct sl_neutral_ask *q, bool thinker, struct sl_grow *g)
{
    if (!thinker || q->wish->flavor != SL_FLAVOR_OPENAI) {
        sl_neutral_put_raw(g, "temperature", q->temperature);
        sl_neutral_put_raw(g, "top_p", q->top_p);
    }
    if (q->wish->flavor != SL_FLAVOR_OPENAI)
        sl_neutral_put_raw(g, "top_k", q->top_k);
}

static void put_stops(const struct sl_neutral_ask *q, struct sl_grow *g)
{
    size_t pos = 0, n = 0, most = q->wish->flavor == SL_FLAVOR_OPENAI ? 4 : SIZE_MAX;
    struct sl_str one;

    while (n < most && sl_json_next(q->stops, &pos, &one)) {
        if (sl_llm_inner(one).n == 0)
            continue;
        sl_neutral_put(g, n++ == 0 ? ",\"stop\":[" : ",");
        sl_grow_add(g, one);
    }
    if (n > 0)
        sl_grow_byte(g, ']');
}

static void put_format(const struct sl_neutral_ask *q, struct sl_grow *g)
{
    if (q->format == SL_FORMAT_OBJECT)
        sl_neutral_put(g, ",\"response_format\":{\"type\":\"json_object\"}");
    if (q->format != SL_FORMAT_SCHEMA || sl_json_type_of(q->schema) != SL_JSON_OBJECT)
        return;
    sl_neutral_put(g, ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":");
    sl_neutral_put_esc(g, q->schema_name.n > 0 ? q->schema_name : SL_STR("output"));
    sl_neutral_put(g, ",\"schema\":");
    if (q->wish->plain_schemas)
        sl_neutral_put_plain(g, q->schema);
    else
        sl_grow_add(g, q->schema);
    sl_neutral_put_raw(g, "strict", q->schema_strict.n > 0 ? q->schema_strict : SL_STR("true"));
    sl_neutral_put(g, "}}");
}

/* --- Tools ---------------------------------------------------------------------------------------
 */

static void put_tool(struct sl_neutral_ask *q, struct sl_translate *t,
                     const struct sl_neutral_tool *tool, struct sl_grow *g)
{
    struct sl_str name = sl_neutral_name_there(q, tool->name);

    sl_neutral_name_note(q, t, tool, name);
    sl_neutral_put(g, "{\"type\":\"function\",\"function\":{\"name\":");
    sl_neutral_put_esc(g, name);
    sl_neutral_put_raw(g, "description", tool->about);
    sl_neutral_put(g, ",\"parameters\":");
    sl_neutral_put_schema(g, tool->schema, q->wish->plain_schemas);
    sl_neutral_put_raw(g, "strict", tool->strict);
    sl_grow_byte(g, '}');
    if (q->wish->flavor == SL_FLAVOR_OPENROUTER)
        sl_neutral_put_raw(g, "cache_control", tool->mark);
    sl_grow_byte(g, '}');
}

static void put_choice(struct sl_neutral_ask *q, bool has_one, struct sl_grow *g)
{
    switch (q->choice) {
    case SL_CHOICE_UNSAID: break;
    case SL_CHOICE_AUTO: sl_neutral_put(g, ",\"tool_choice\":\"auto\""); break;
    case SL_CHOICE_ANY: sl_neutral_put(g, ",\"tool_choice\":\"required\""); break;
    case SL_CHOICE_NONE: sl_neutral_put(g, ",\"tool_choice\":\"none\""); break;
    case SL_CHOICE_ONE:
        if (!has_one) /* one that only its own provider runs */
            break;
        sl_neutral_put(g, ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":");
        sl_neutral_put_esc(g, sl_neutral_name_there(q, q->choice_name));
        sl_neutral_put(g, "}}");
        break;
    }
    if (q->one_call)
        sl_neutral_put(g, ",\"parallel_tool_calls\":false");
}

/* Without a tool, neither the list nor a choice may be there. */
static void put_tools(struct sl_neutral_ask *q, struct sl_translate *t, struct sl_grow *g)
{
    bool has_one = false;
    size_t n = 0;

    for (const struct sl_neutral_tool *tool = q->tools; tool != NULL; tool = tool->next) {
        if (tool->off || tool->name.n == 0)
            continue;
        sl_neutral_put(g, n++ == 0 ? ",\"tools\":[" : ",");
        put_tool(q, t, tool, g);
        has_one = has_one || sl_str_eq(tool->name, q->choice_name);
    }
    if (n == 0)
        return;
    sl_grow_byte(g, ']');
    put_choice(q, has_one, g);
}

/* What only OpenAI itself knows. */
static void put_own(const struct sl_neutral_ask *q, struct sl_grow *g)
{
    sl_neutral_put_raw(g, "service_tier", q->standard_tier ? SL_STR("\"default\"") : q->tier);
    sl_neutral_put_raw(g, "verbosity", q->verbosity);
    sl_neutral_put_raw(g, "prompt_cache_key", q->cache_key);
}

/* --- The request
 * ------------------------------------------------------------------------------------ */

void sl_openai_write_ask(struct sl_neutral_ask *q, struct sl_translate *t, struct sl_grow *g)
{
    bool thinker = reasons(q->wish->model), apart = q->wish->flavor == SL_FLAVOR_COMPATIBLE;

    sl_neutral_repair(q);
    if (apart) /* templates of open models: the system first, then turns in turn */
        sl_neutral_alternate(q, true);
    sl_neutral_put(g, "{\"model\":");
    sl_grow_json(g, q->wish->model);
    sl_neutral_put(g, ",\"messages\":");
    sl_openai_put_turns(q, g);
    put_max(q, g);
    put_sampling(q, thinker, g);
    put_stops(q, g);
    put_tools(q, t, g);
    put_format(q, g);
    put_reasoning(q, thinker, g);
    if (q->user.n > 0 && q->user.n <= 64) { /* longer ones are refused */
        sl_neutral_put_key(g, "user");
        sl_neutral_put_esc(g, q->user);
    }
    if (q->wish->flavor == SL_FLAVOR_OPENAI)
        put_own(q, g);
    if (q->streams)
        sl_neutral_put(g, ",\"stream\":true");
    if (q->streams && !q->wish->asks_no_usage)
        sl_neutral_put(g, ",\"stream_options\":{\"include_usage\":true}");
    sl_grow_byte(g, '}');
}
