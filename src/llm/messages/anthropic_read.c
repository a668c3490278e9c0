/* llm/messages/anthropic_read.c -- a request of the Messages API into the neutral form.
 * Source: Anthropic API reference, "Messages". */
#include "llm/messages/anthropic.h"

/* --- Content ------------------------------------------------------------------------------ */

enum member {
    TYPE,
    TEXT,
    SOURCE,
    MARK,
    ID,
    NAME,
    INPUT,
    TOOL_ID,
    CONTENT,
    FAILED,
    THINKING,
    SIGNATURE,
    DATA,
    TITLE,
    MEDIA,
    URL,
    FILE_ID,
    TOOL_NAME,
    TOOL,
    MEMBERS
};

static const struct sl_str members[MEMBERS] = {
    [TYPE] = SL_STR_INIT("type"),
    [TEXT] = SL_STR_INIT("text"),
    [SOURCE] = SL_STR_INIT("source"),
    [MARK] = SL_STR_INIT("cache_control"),
    [ID] = SL_STR_INIT("id"),
    [NAME] = SL_STR_INIT("name"),
    [INPUT] = SL_STR_INIT("input"),
    [TOOL_ID] = SL_STR_INIT("tool_use_id"),
    [CONTENT] = SL_STR_INIT("content"),
    [FAILED] = SL_STR_INIT("is_error"),
    [THINKING] = SL_STR_INIT("thinking"),
    [SIGNATURE] = SL_STR_INIT("signature"),
    [DATA] = SL_STR_INIT("data"),
    [TITLE] = SL_STR_INIT("title"),
    [MEDIA] = SL_STR_INIT("media_type"),
    [URL] = SL_STR_INIT("url"),
    [FILE_ID] = SL_STR_INIT("file_id"),
    [TOOL_NAME] = SL_STR_INIT("tool_name"),
    [TOOL] = SL_STR_INIT("tool"),
};

static struct sl_neutral_part *add(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                                   enum sl_neutral_kind kind)
{
    return sl_neutral_part_add(q->a, &q->err, to, kind);
}

static void read_content(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                         struct sl_str content, bool inside);

/* Of a document that is text: what it says, below its title. */
static void add_titled(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                       const struct sl_str *v, struct sl_str text)
{
    struct sl_str title = sl_llm_inner(v[TITLE]);
    struct sl_str all[3] = {title, SL_STR("\\n"), text};

    if (title.n > 0)
        text = sl_neutral_cat(q->a, &q->err, all, 3);
    sl_neutral_text_add(q, to, text, v[MARK]);
}

static void read_source(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                        const struct sl_str *v, enum sl_neutral_kind kind)
{
    struct sl_str s[MEMBERS];
    struct sl_neutral_part *p;

    sl_neutral_pick(v[SOURCE], members, MEMBERS, s);
    if (sl_neutral_is(s[TYPE], "text")) {
        add_titled(q, to, v, sl_llm_inner(s[DATA]));
        return;
    }
    if (sl_neutral_is(s[TYPE], "content")) {
        read_content(q, to, s[CONTENT], true);
        return;
    }
    p = add(q, to, kind);
    if (p == NULL)
        return;
    p->mark = v[MARK];
    p->title = sl_llm_inner(v[TITLE]);
    p->media = sl_llm_inner(s[MEDIA]);
    p->source = sl_neutral_is(s[TYPE], "url")    ? SL_SOURCE_URL
                : sl_neutral_is(s[TYPE], "file") ? SL_SOURCE_ID
                                                 : SL_SOURCE_BASE64;
    p->text = sl_llm_inner(s[p->source == SL_SOURCE_URL  ? URL
                             : p->source == SL_SOURCE_ID ? FILE_ID
                                                         : DATA]);
    if (p->text.n == 0)
        sl_neutral_fail(q, "an image or document has no source that is known");
}

static void read_search_result(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                               const struct sl_str *v)
{
    struct sl_str head[3] = {sl_llm_inner(v[TITLE]), SL_STR("\\n"), sl_llm_inner(v[SOURCE])};

    sl_neutral_text_add(q, to, sl_neutral_cat(q->a, &q->err, head, 3), (struct sl_str){NULL, 0});
    read_content(q, to, v[CONTENT], true);
}

static void add_reference(struct sl_neutral_ask *q, struct sl_neutral_parts *to, struct sl_str name)
{
    struct sl_str all[3] = {SL_STR("Tool "), name, SL_STR(" is now available.")};

    sl_neutral_text_add(q, to, sl_neutral_cat(q->a, &q->err, all, 3), (struct sl_str){NULL, 0});
}

static void read_call(struct sl_neutral_ask *q, struct sl_neutral_parts *to, const struct sl_str *v)
{
    struct sl_neutral_part *p = add(q, to, SL_PART_CALL);

    if (p == NULL)
        return;
    p->id = sl_llm_inner(v[ID]);
    p->name = sl_llm_inner(v[NAME]);
    p->input = sl_json_type_of(v[INPUT]) == SL_JSON_OBJECT ? v[INPUT] : SL_STR("{}");
    p->mark = v[MARK];
}

static void read_result(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                        const struct sl_str *v)
{
    struct sl_neutral_part *p = add(q, to, SL_PART_RESULT);

    if (p == NULL)
        return;
    p->id = sl_llm_inner(v[TOOL_ID]);
    p->failed = v[FAILED].n > 0 && v[FAILED].p[0] == 't';
    p->mark = v[MARK];
    read_content(q, &p->inner, v[CONTENT], true);
}

static void read_thinking(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                          const struct sl_str *v, bool hidden)
{
    struct sl_neutral_part *p = add(q, to, hidden ? SL_PART_HIDDEN : SL_PART_THINK);

    if (p == NULL)
        return;
    p->text = sl_llm_inner(v[hidden ? DATA : THINKING]);
    p->signature = sl_llm_inner(v[SIGNATURE]);
}

/* One block. Kinds that no other protocol has are left out: what a provider's own tools
 * did, uploads, compactions. */
static void read_block(struct sl_neutral_ask *q, struct sl_neutral_parts *to, struct sl_str block,
                       bool inside)
{
    struct sl_str v[MEMBERS];

    sl_neutral_pick(block, members, MEMBERS, v);
    if (sl_neutral_is(v[TYPE], "text"))
        sl_neutral_text_add(q, to, sl_llm_inner(v[TEXT]), v[MARK]);
    else if (sl_neutral_is(v[TYPE], "image"))
        read_source(q, to, v, SL_PART_IMAGE);
    else if (sl_neutral_is(v[TYPE], "document"))
        read_source(q, to, v, SL_PART_FILE);
    else if (sl_neutral_is(v[TYPE], "search_result"))
        read_search_result(q, to, v);
    else if (sl_neutral_is(v[TYPE], "tool_reference"))
        add_reference(q, to, sl_llm_inner(v[TOOL_NAME]));
    else if (inside)
        return; /* a result, or a document, holds nothing else */
    else if (sl_neutral_is(v[TYPE], "tool_use"))
        read_call(q, to, v);
    else if (sl_neutral_is(v[TYPE], "tool_result"))
        read_result(q, to, v);
    else if (sl_neutral_is(v[TYPE], "thinking"))
        read_thinking(q, to, v, false);
    else if (sl_neutral_is(v[TYPE], "redacted_thinking"))
        read_thinking(q, to, v, true);
}

static void read_content(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                         struct sl_str content, bool inside)
{
    struct sl_str block;
    size_t pos = 0;

    if (sl_json_type_of(content) == SL_JSON_STRING)
        sl_neutral_text_add(q, to, sl_llm_inner(content), (struct sl_str){NULL, 0});
    while (q->err == SL_OK && sl_json_next(content, &pos, &block))
        read_block(q, to, block, inside);
}

/* --- Tools --------------------------------------------------------------------------------- */

/* Typed tools are run by the provider, or have a schema that only it knows; a placeholder
 * stands for tools that are not there. */
static void read_tool(struct sl_neutral_ask *q, struct sl_str raw)
{
    struct sl_str type = sl_json_get(raw, SL_STR("type"));
    struct sl_str schema = sl_json_get(raw, SL_STR("input_schema"));
    struct sl_str name = sl_llm_inner(sl_json_get(raw, SL_STR("name")));
    struct sl_neutral_tool *tool;

    if ((sl_llm_is_set(type) && !sl_neutral_is(type, "custom")) ||
        sl_str_eq(name, SL_STR("DeferredToolPlaceholder")))
        return;
    tool = sl_neutral_tool_add(q);
    if (tool == NULL)
        return;
    tool->name = name;
    tool->about = sl_json_get(raw, SL_STR("description"));
    tool->schema = schema;
    tool->strict = sl_json_get(raw, SL_STR("strict"));
    tool->mark = sl_json_get(raw, SL_STR("cache_control"));
}

static struct sl_neutral_tool *find_tool(struct sl_neutral_ask *q, struct sl_str name)
{
    for (struct sl_neutral_tool *t = q->tools; t != NULL; t = t->next)
        if (sl_str_eq(t->name, name))
            return t;
    return NULL;
}

/* A system message in the middle may change the list of tools. */
static void read_tool_change(struct sl_neutral_ask *q, struct sl_str block)
{
    struct sl_str type = sl_json_get(block, SL_STR("type"));
    struct sl_str raw = sl_json_get(block, SL_STR("tool"));
    struct sl_str name = sl_llm_inner(sl_json_get(raw, SL_STR("tool_name")));
    struct sl_neutral_tool *tool;

    if (!sl_neutral_is(type, "tool_removal") && !sl_neutral_is(type, "tool_addition"))
        return;
    if (++q->changes_n > SL_NEUTRAL_TOOLS) {
        sl_neutral_fail(q, "messages: more than 4,096 changes to the tools");
        return;
    }
    if (name.n == 0)
        name = sl_llm_inner(sl_json_get(raw, SL_STR("name")));
    tool = find_tool(q, name);
    if (sl_neutral_is(type, "tool_removal") && tool != NULL)
        tool->off = true;
    else if (sl_neutral_is(type, "tool_addition") && tool != NULL)
        tool->off = false;
    else if (sl_neutral_is(type, "tool_addition") &&
             sl_llm_is_set(sl_json_get(raw, SL_STR("input_schema"))))
        read_tool(q, raw);
}

static void read_choice(struct sl_neutral_ask *q, struct sl_str choice)
{
    struct sl_str type = sl_json_get(choice, SL_STR("type"));
    struct sl_str one = sl_json_get(choice, SL_STR("disable_parallel_tool_use"));

    q->one_call = one.n > 0 && one.p[0] == 't';
    if (sl_neutral_is(type, "auto"))
        q->choice = SL_CHOICE_AUTO;
    else if (sl_neutral_is(type, "any"))
        q->choice = SL_CHOICE_ANY;
    else if (sl_neutral_is(type, "none"))
        q->choice = SL_CHOICE_NONE;
    else if (sl_neutral_is(type, "tool"))
        q->choice = SL_CHOICE_ONE;
    q->choice_name = sl_llm_inner(sl_json_get(choice, SL_STR("name")));
}

/* --- Messages ------------------------------------------------------------------------------ */

static void read_system_turn(struct sl_neutral_ask *q, struct sl_str message, struct sl_str content)
{
    struct sl_str config = sl_json_get(message, SL_STR("output_config"));
    struct sl_str effort = sl_llm_inner(sl_json_get(config, SL_STR("effort"))), block;
    size_t pos = 0;

    if (effort.n > 0)
        q->effort = effort;
    while (q->err == SL_OK && sl_json_next(content, &pos, &block))
        read_tool_change(q, block);
}

static void read_message(struct sl_neutral_ask *q, struct sl_str message)
{
    struct sl_str role = sl_json_get(message, SL_STR("role"));
    struct sl_str content = sl_json_get(message, SL_STR("content"));
    enum sl_neutral_role r = SL_ROLE_USER;
    struct sl_neutral_turn *turn;

    if (sl_neutral_is(role, "assistant"))
        r = SL_ROLE_ASSISTANT;
    else if (sl_neutral_is(role, "system"))
        r = SL_ROLE_SYSTEM;
    else if (!sl_neutral_is(role, "user"))
        sl_neutral_fail(q, "messages: a role must be user, assistant or system");
    turn = sl_neutral_turn_add(q, r);
    if (turn == NULL)
        return;
    if (r == SL_ROLE_SYSTEM)
        read_system_turn(q, message, content);
    read_content(q, &turn->parts, content, r == SL_ROLE_SYSTEM);
}

/* --- The request ---------------------------------------------------------------------------- */

enum field {
    MAX_TOKENS,
    MESSAGES,
    SYSTEM,
    STREAM,
    STOPS,
    TEMPERATURE,
    TOP_P,
    TOP_K,
    TOOLS,
    CHOICE,
    THINK,
    CONFIG,
    OLD_FORMAT,
    METADATA,
    TIER,
    FIELDS
};

static const struct sl_str fields[FIELDS] = {
    [MAX_TOKENS] = SL_STR_INIT("max_tokens"),
    [MESSAGES] = SL_STR_INIT("messages"),
    [SYSTEM] = SL_STR_INIT("system"),
    [STREAM] = SL_STR_INIT("stream"),
    [STOPS] = SL_STR_INIT("stop_sequences"),
    [TEMPERATURE] = SL_STR_INIT("temperature"),
    [TOP_P] = SL_STR_INIT("top_p"),
    [TOP_K] = SL_STR_INIT("top_k"),
    [TOOLS] = SL_STR_INIT("tools"),
    [CHOICE] = SL_STR_INIT("tool_choice"),
    [THINK] = SL_STR_INIT("thinking"),
    [CONFIG] = SL_STR_INIT("output_config"),
    [OLD_FORMAT] = SL_STR_INIT("output_format"),
    [METADATA] = SL_STR_INIT("metadata"),
    [TIER] = SL_STR_INIT("service_tier"),
};

static void read_thought(struct sl_neutral_ask *q, struct sl_str raw)
{
    struct sl_str type = sl_json_get(raw, SL_STR("type"));

    if (sl_neutral_is(type, "disabled"))
        q->thinking = SL_THINK_OFF;
    else if (sl_neutral_is(type, "enabled"))
        q->thinking = SL_THINK_BUDGET;
    else if (sl_llm_is_set(type))
        q->thinking = SL_THINK_ON;
    if (!sl_llm_count(sl_json_get(raw, SL_STR("budget_tokens")), &q->budget))
        q->budget = 0;
    q->thinking_unseen = sl_neutral_is(sl_json_get(raw, SL_STR("display")), "omitted");
}

static void read_format(struct sl_neutral_ask *q, struct sl_str format)
{
    if (!sl_neutral_is(sl_json_get(format, SL_STR("type")), "json_schema"))
        return;
    q->format = SL_FORMAT_SCHEMA;
    q->schema = sl_json_get(format, SL_STR("schema"));
}

static void read_rest(struct sl_neutral_ask *q, const struct sl_str *v)
{
    struct sl_str effort = sl_llm_inner(sl_json_get(v[CONFIG], SL_STR("effort")));

    q->has_max = sl_llm_count(v[MAX_TOKENS], &q->max_tokens);
    q->streams = v[STREAM].n > 0 && v[STREAM].p[0] == 't';
    q->stops = v[STOPS];
    q->temperature = v[TEMPERATURE];
    q->top_p = v[TOP_P];
    q->top_k = v[TOP_K];
    if (q->effort.n == 0)
        q->effort = effort;
    read_thought(q, v[THINK]);
    read_format(q, v[OLD_FORMAT]);
    read_format(q, sl_json_get(v[CONFIG], SL_STR("format")));
    q->user = sl_llm_inner(sl_json_get(v[METADATA], SL_STR("user_id")));
    q->standard_tier = sl_neutral_is(v[TIER], "standard_only");
}

void sl_anthropic_read_ask(struct sl_neutral_ask *q, struct sl_str body)
{
    struct sl_str v[FIELDS], element;
    size_t pos = 0;

    sl_neutral_pick(body, fields, FIELDS, v);
    if (sl_json_type_of(v[MESSAGES]) != SL_JSON_ARRAY)
        sl_neutral_fail(q, "messages: an array is needed");
    read_content(q, &q->system, v[SYSTEM], true);
    while (q->err == SL_OK && sl_json_next(v[TOOLS], &pos, &element))
        read_tool(q, element);
    for (pos = 0; q->err == SL_OK && sl_json_next(v[MESSAGES], &pos, &element);)
        read_message(q, element);
    read_choice(q, v[CHOICE]);
    read_rest(q, v);
}
