/* llm/responses/responses_read.c -- a Responses request into the neutral form.
 * Source: OpenAI API reference, "Create a model response". */
#include "llm/responses/responses.h"

enum field {
    INPUT,
    INSTRUCTIONS,
    MAX_OUTPUT,
    TEMPERATURE,
    TOP_P,
    STREAM,
    TOOLS,
    TOOL_CHOICE,
    PARALLEL,
    REASONING,
    TEXT,
    TRUNCATION,
    METADATA,
    USER,
    SAFETY,
    TIER,
    CACHE_KEY,
    PREVIOUS,
    CONVERSATION,
    BACKGROUND,
    PROMPT,
    FIELDS
};

static const struct sl_str fields[FIELDS] = {
    [INPUT] = SL_STR_INIT("input"),
    [INSTRUCTIONS] = SL_STR_INIT("instructions"),
    [MAX_OUTPUT] = SL_STR_INIT("max_output_tokens"),
    [TEMPERATURE] = SL_STR_INIT("temperature"),
    [TOP_P] = SL_STR_INIT("top_p"),
    [STREAM] = SL_STR_INIT("stream"),
    [TOOLS] = SL_STR_INIT("tools"),
    [TOOL_CHOICE] = SL_STR_INIT("tool_choice"),
    [PARALLEL] = SL_STR_INIT("parallel_tool_calls"),
    [REASONING] = SL_STR_INIT("reasoning"),
    [TEXT] = SL_STR_INIT("text"),
    [TRUNCATION] = SL_STR_INIT("truncation"),
    [METADATA] = SL_STR_INIT("metadata"),
    [USER] = SL_STR_INIT("user"),
    [SAFETY] = SL_STR_INIT("safety_identifier"),
    [TIER] = SL_STR_INIT("service_tier"),
    [CACHE_KEY] = SL_STR_INIT("prompt_cache_key"),
    [PREVIOUS] = SL_STR_INIT("previous_response_id"),
    [CONVERSATION] = SL_STR_INIT("conversation"),
    [BACKGROUND] = SL_STR_INIT("background"),
    [PROMPT] = SL_STR_INIT("prompt"),
};

/* What stands for something that only its own provider has kept. */
static void refuse_what_cant(struct sl_neutral_ask *q, const struct sl_str *v)
{
    if (sl_llm_is_set(v[PREVIOUS]))
        sl_neutral_fail(q, "previous_response_id: nothing is kept between requests; send all of "
                           "the input");
    if (sl_llm_is_set(v[CONVERSATION]))
        sl_neutral_fail(q, "conversation: nothing is kept between requests; send all of the input");
    if (sl_llm_is_set(v[PROMPT]))
        sl_neutral_fail(q, "prompt: no prompts are kept here; send instructions and input");
    if (sl_llm_is_true(v[BACKGROUND]))
        sl_neutral_fail(q, "background: only answers that are waited for can be had");
}

/* --- Tools ------------------------------------------------------------------------------------ */

static void read_tool(struct sl_neutral_ask *q, struct sl_str raw)
{
    struct sl_str type = sl_json_get(raw, SL_STR("type"));
    bool free_text = sl_neutral_is(type, "custom");
    struct sl_neutral_tool *tool;

    if (!free_text && !sl_neutral_is(type, "function"))
        return; /* one that its provider runs, or whose form only its models know */
    tool = sl_neutral_tool_add(q);
    if (tool == NULL)
        return;
    tool->name = sl_llm_inner(sl_json_get(raw, SL_STR("name")));
    tool->about = sl_json_get(raw, SL_STR("description"));
    tool->schema = sl_json_get(raw, SL_STR("parameters"));
    tool->strict = sl_json_get(raw, SL_STR("strict"));
    if (free_text)
        sl_neutral_free_tool(
            q, tool, tool->about,
            sl_llm_inner(sl_json_get(sl_json_get(raw, SL_STR("format")), SL_STR("definition"))));
}

static struct sl_str name_of(struct sl_str one)
{
    return sl_llm_inner(sl_json_get(one, SL_STR("name")));
}

static bool is_known(const struct sl_neutral_ask *q, struct sl_str name)
{
    for (const struct sl_neutral_tool *t = q->tools; t != NULL; t = t->next)
        if (name.n > 0 && sl_str_eq(t->name, name))
            return true;
    return false;
}

static void read_choice(struct sl_neutral_ask *q, struct sl_str choice)
{
    struct sl_str type = sl_json_get(choice, SL_STR("type"));
    struct sl_str allowed = sl_json_get(choice, SL_STR("tools"));

    q->choice_name = sl_llm_inner(sl_json_get(choice, SL_STR("name")));
    if (sl_neutral_is(choice, "auto"))
        q->choice = SL_CHOICE_AUTO;
    else if (sl_neutral_is(choice, "required"))
        q->choice = SL_CHOICE_ANY;
    else if (sl_neutral_is(choice, "none"))
        q->choice = SL_CHOICE_NONE;
    else if (sl_neutral_is(type, "allowed_tools"))
        q->choice = sl_neutral_is(sl_json_get(choice, SL_STR("mode")), "required") ? SL_CHOICE_ANY
                                                                                   : SL_CHOICE_AUTO;
    else if (is_known(q, q->choice_name))
        q->choice = SL_CHOICE_ONE; /* else one of those that were left out */
    if (sl_neutral_is(type, "allowed_tools"))
        sl_neutral_allow(q, allowed, name_of);
}

static void read_tools(struct sl_neutral_ask *q, const struct sl_str *v)
{
    struct sl_str one;
    size_t pos = 0;

    while (q->err == SL_OK && sl_json_next(v[TOOLS], &pos, &one))
        read_tool(q, one);
    read_choice(q, v[TOOL_CHOICE]);
    q->one_call = v[PARALLEL].n > 0 && v[PARALLEL].p[0] == 'f';
}

/* --- Thinking and form ------------------------------------------------------------------------ */

static void read_thinking(struct sl_neutral_ask *q, struct sl_str reasoning)
{
    q->effort = sl_llm_inner(sl_json_get(reasoning, SL_STR("effort")));
    if (sl_str_eq(q->effort, SL_STR("none"))) {
        q->thinking = SL_THINK_OFF;
        q->effort = (struct sl_str){NULL, 0};
    } else if (q->effort.n > 0) {
        q->thinking = SL_THINK_ON;
    }
    if (sl_str_eq(q->effort, SL_STR("minimal")))
        q->effort = SL_STR("low");
}

static void read_text(struct sl_neutral_ask *q, struct sl_str text)
{
    struct sl_str format = sl_json_get(text, SL_STR("format"));
    struct sl_str type = sl_json_get(format, SL_STR("type"));
    struct sl_str strict = sl_json_get(format, SL_STR("strict"));

    q->verbosity = sl_json_get(text, SL_STR("verbosity"));
    if (sl_neutral_is(type, "json_object"))
        q->format = SL_FORMAT_OBJECT;
    if (!sl_neutral_is(type, "json_schema"))
        return;
    q->format = SL_FORMAT_SCHEMA;
    q->schema = sl_json_get(format, SL_STR("schema"));
    q->schema_name = sl_llm_inner(sl_json_get(format, SL_STR("name")));
    q->schema_strict = sl_llm_is_set(strict) ? strict : SL_STR("false");
}

/* --- What answers repeat ------------------------------------------------------------------------
 */

static const struct echo {
    enum field field;
    const char *otherwise; /* what stands there where nothing was said; NULL: nothing does */
    bool large;
} echoes[] = {
    {INSTRUCTIONS, "null", true},
    {MAX_OUTPUT, "null", false},
    {PARALLEL, "true", false},
    {REASONING, "{\"effort\":null,\"summary\":null}", false},
    {TEMPERATURE, "1", false},
    {TEXT, "{\"format\":{\"type\":\"text\"}}", true},
    {TOOL_CHOICE, "\"auto\"", false},
    {TOOLS, "[]", true},
    {TOP_P, "1", false},
    {TRUNCATION, "\"disabled\"", false},
    {USER, "null", false},
    {METADATA, "{}", false},
    {SAFETY, NULL, false},
    {CACHE_KEY, NULL, false},
};

static size_t echo_length(const struct sl_str *v)
{
    size_t n = 0;

    for (size_t i = 0; i < sizeof(echoes) / sizeof(echoes[0]); i++)
        n += v[echoes[i].field].n;
    return n;
}

/* On one line, since it stands in events: outside of strings a line's end is mere space. */
static void put_flat(struct sl_grow *g, struct sl_str raw)
{
    for (ptrdiff_t at; (at = sl_str_find_byte(raw, '\n')) >= 0;
         raw = sl_str_from(raw, (size_t)at + 1)) {
        struct sl_str line = sl_str_first(raw, (size_t)at);

        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        sl_grow_add(g, line);
    }
    for (size_t i = 0; i < raw.n; i++)
        if (raw.p[i] != '\r')
            sl_grow_byte(g, raw.p[i]);
}

static void keep_echo(struct sl_neutral_ask *q, const struct sl_str *v)
{
    bool brief = echo_length(v) > SL_RESPONSES_ECHO;
    struct sl_grow g;
    enum sl_err err;

    sl_grow_init(&g, 4 * SL_RESPONSES_ECHO);
    for (size_t i = 0; i < sizeof(echoes) / sizeof(echoes[0]); i++) {
        const struct echo *e = &echoes[i];
        struct sl_str value = v[e->field];

        if (!sl_llm_is_set(value) || (brief && (e->large || value.n > 1024)))
            value = e->otherwise != NULL ? sl_str_of(e->otherwise) : (struct sl_str){NULL, 0};
        if (value.n == 0)
            continue;
        sl_neutral_put(&g, ",\"");
        sl_grow_add(&g, fields[e->field]);
        sl_neutral_put(&g, "\":");
        put_flat(&g, value);
    }
    err = sl_grow_take(&g, q->a, &q->echo);
    if (q->err == SL_OK)
        q->err = err;
}

/* --- The request -------------------------------------------------------------------------------
 */

void sl_responses_read_ask(struct sl_neutral_ask *q, struct sl_str body)
{
    struct sl_neutral_part *p;
    struct sl_str v[FIELDS];

    sl_neutral_pick(body, fields, FIELDS, v);
    refuse_what_cant(q, v);
    if (sl_llm_inner(v[INSTRUCTIONS]).n > 0) {
        p = sl_neutral_part_add(q->a, &q->err, &q->system, SL_PART_TEXT);
        if (p != NULL)
            p->text = sl_llm_inner(v[INSTRUCTIONS]);
    }
    if (q->err == SL_OK)
        sl_responses_read_input(q, v[INPUT]);
    read_tools(q, v);
    read_thinking(q, v[REASONING]);
    read_text(q, v[TEXT]);
    q->has_max = sl_llm_count(v[MAX_OUTPUT], &q->max_tokens);
    q->temperature = v[TEMPERATURE];
    q->top_p = v[TOP_P];
    q->streams = sl_llm_is_true(v[STREAM]);
    q->user = sl_llm_inner(v[sl_llm_is_set(v[SAFETY]) ? SAFETY : USER]);
    q->standard_tier = sl_neutral_is(v[TIER], "default");
    q->tier = sl_neutral_is(v[TIER], "auto") ? (struct sl_str){NULL, 0} : v[TIER];
    q->cache_key = v[CACHE_KEY];
    keep_echo(q, v);
}
