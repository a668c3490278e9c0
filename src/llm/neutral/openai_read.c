/* llm/neutral/openai_read.c -- a chat request into the neutral form.
 * Source: OpenAI API reference, "Create chat completion"; OpenRouter, "Reasoning tokens". */
#include "llm/neutral/openai.h"

#define THOUGHT_MAX ((size_t)64 << 20) /* of one block: more than any body holds */

/* --- Content -------------------------------------------------------------------------------- */

enum member { TYPE, TEXT, REFUSAL, IMAGE, FILE_PART, AUDIO, MARK, PARTS };

static const struct sl_str members[PARTS] = {
    [TYPE] = SL_STR_INIT("type"),          [TEXT] = SL_STR_INIT("text"),
    [REFUSAL] = SL_STR_INIT("refusal"),    [IMAGE] = SL_STR_INIT("image_url"),
    [FILE_PART] = SL_STR_INIT("file"),     [AUDIO] = SL_STR_INIT("input_audio"),
    [MARK] = SL_STR_INIT("cache_control"),
};

static struct sl_neutral_part *add(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                                   enum sl_neutral_kind kind)
{
    return sl_neutral_part_add(q->a, &q->err, to, kind);
}

static void read_image(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                       const struct sl_str *v)
{
    struct sl_neutral_part *p = add(q, to, SL_PART_IMAGE);
    struct sl_str url = v[IMAGE];

    if (p == NULL)
        return;
    if (sl_json_type_of(url) == SL_JSON_OBJECT) {
        p->detail = sl_json_get(v[IMAGE], SL_STR("detail"));
        url = sl_json_get(v[IMAGE], SL_STR("url"));
    }
    p->mark = v[MARK];
    sl_neutral_source(q, p, sl_llm_inner(url));
}

static void read_file(struct sl_neutral_ask *q, struct sl_neutral_parts *to, const struct sl_str *v)
{
    struct sl_str data = sl_llm_inner(sl_json_get(v[FILE_PART], SL_STR("file_data")));
    struct sl_str id = sl_llm_inner(sl_json_get(v[FILE_PART], SL_STR("file_id")));
    struct sl_neutral_part *p = add(q, to, SL_PART_FILE);

    if (p == NULL)
        return;
    p->mark = v[MARK];
    p->title = sl_llm_inner(sl_json_get(v[FILE_PART], SL_STR("filename")));
    if (data.n > 0) {
        sl_neutral_source(q, p, data);
    } else {
        p->source = SL_SOURCE_ID;
        p->text = id;
        if (id.n == 0)
            sl_neutral_fail(q, "a file part needs file_data or file_id");
    }
}

static void read_content(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                         struct sl_str content)
{
    struct sl_str v[PARTS], part;
    size_t pos = 0;

    if (sl_json_type_of(content) == SL_JSON_STRING)
        sl_neutral_text_add(q, to, sl_llm_inner(content), (struct sl_str){NULL, 0});
    while (q->err == SL_OK && sl_json_next(content, &pos, &part)) {
        sl_neutral_pick(part, members, PARTS, v);
        if (sl_neutral_is(v[TYPE], "text"))
            sl_neutral_text_add(q, to, sl_llm_inner(v[TEXT]), v[MARK]);
        else if (sl_neutral_is(v[TYPE], "refusal"))
            sl_neutral_text_add(q, to, sl_llm_inner(v[REFUSAL]), (struct sl_str){NULL, 0});
        else if (sl_neutral_is(v[TYPE], "image_url"))
            read_image(q, to, v);
        else if (sl_neutral_is(v[TYPE], "file"))
            read_file(q, to, v);
        else
            sl_neutral_fail(q, "messages: only text, images and files can be translated");
    }
}

/* --- Assistant ------------------------------------------------------------------------------- */

static void read_call(struct sl_neutral_ask *q, struct sl_neutral_parts *to, struct sl_str call)
{
    struct sl_str function = sl_json_get(call, SL_STR("function"));
    struct sl_str custom = sl_json_get(call, SL_STR("custom"));
    struct sl_neutral_part *p;

    if (function.p == NULL && custom.p == NULL) {
        sl_neutral_fail(q,
                        "tool_calls: only calls of functions and custom tools can be translated");
        return;
    }
    p = add(q, to, SL_PART_CALL);
    if (p == NULL)
        return;
    p->id = sl_llm_inner(sl_json_get(call, SL_STR("id")));
    p->name = sl_llm_inner(sl_json_get(function.p != NULL ? function : custom, SL_STR("name")));
    p->input = function.p != NULL
                   ? sl_neutral_input(q->a, &q->err,
                                      sl_llm_inner(sl_json_get(function, SL_STR("arguments"))))
                   : sl_neutral_free_input(q, sl_llm_inner(sl_json_get(custom, SL_STR("input"))));
}

/* One block of reasoning_details, of as many elements as there were events. */
struct block {
    struct sl_neutral_part *part; /* up: the arena's; NULL: none is open */
    struct sl_str index;
    struct sl_grow text;
};

static void end_block(struct sl_neutral_ask *q, struct block *b)
{
    enum sl_err err = SL_OK;

    if (b->part != NULL)
        err = sl_grow_take(&b->text, q->a, &b->part->text);
    if (err != SL_OK && q->err == SL_OK)
        q->err = err;
    b->part = NULL;
}

/* One element of them. A stream's pieces of one block share an index: a client may send them
 * back as it got them, the signature in the last. */
static void read_detail(struct sl_neutral_ask *q, struct sl_neutral_parts *to, struct sl_str raw,
                        struct block *b)
{
    struct sl_str type = sl_json_get(raw, SL_STR("type"));
    struct sl_str at = sl_json_get(raw, SL_STR("index"));
    bool hidden = sl_neutral_is(type, "reasoning.encrypted");
    struct sl_str text = sl_llm_inner(sl_json_get(raw, hidden ? SL_STR("data") : SL_STR("text")));
    struct sl_str signature = sl_llm_inner(sl_json_get(raw, SL_STR("signature")));

    if (!sl_neutral_is(sl_json_get(raw, SL_STR("format")), SL_OPENAI_FORMAT) ||
        (!hidden && !sl_neutral_is(type, "reasoning.text")))
        return;
    if (b->part == NULL || b->part->kind != SL_PART_THINK || hidden || b->part->signature.n > 0 ||
        !sl_str_eq(at, b->index)) {
        end_block(q, b);
        b->part = add(q, to, hidden ? SL_PART_HIDDEN : SL_PART_THINK);
        sl_grow_init(&b->text, THOUGHT_MAX);
    }
    if (b->part == NULL)
        return;
    sl_grow_add(&b->text, text);
    b->part->signature = signature;
    b->index = at;
}

static void read_details(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                         struct sl_str details)
{
    struct block b = {.part = NULL};
    struct sl_str one;
    size_t pos = 0;

    while (q->err == SL_OK && sl_json_next(details, &pos, &one))
        read_detail(q, to, one, &b);
    end_block(q, &b);
}

/* The older form: one call, known by its function's name. */
static void read_function_call(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                               struct sl_str raw)
{
    struct sl_neutral_part *p = sl_llm_is_set(raw) ? add(q, to, SL_PART_CALL) : NULL;

    if (p == NULL)
        return;
    p->name = p->id = sl_llm_inner(sl_json_get(raw, SL_STR("name")));
    p->input = sl_neutral_input(q->a, &q->err, sl_llm_inner(sl_json_get(raw, SL_STR("arguments"))));
}

static void read_assistant(struct sl_neutral_ask *q, struct sl_str message)
{
    struct sl_neutral_turn *turn = sl_neutral_turn_add(q, SL_ROLE_ASSISTANT);
    struct sl_str details = sl_json_get(message, SL_STR("reasoning_details"));
    struct sl_str calls = sl_json_get(message, SL_STR("tool_calls")), one;
    struct sl_str refusal = sl_llm_inner(sl_json_get(message, SL_STR("refusal")));
    size_t pos = 0;

    if (turn == NULL)
        return;
    read_details(q, &turn->parts, details);
    read_content(q, &turn->parts, sl_json_get(message, SL_STR("content")));
    sl_neutral_text_add(q, &turn->parts, refusal, (struct sl_str){NULL, 0});
    for (pos = 0; q->err == SL_OK && sl_json_next(calls, &pos, &one);)
        read_call(q, &turn->parts, one);
    read_function_call(q, &turn->parts, sl_json_get(message, SL_STR("function_call")));
}

/* --- Messages --------------------------------------------------------------------------------- */

static void read_result(struct sl_neutral_ask *q, struct sl_str message, struct sl_str id)
{
    struct sl_neutral_turn *turn = sl_neutral_users_turn(q, true);
    struct sl_neutral_part *p = turn != NULL ? add(q, &turn->parts, SL_PART_RESULT) : NULL;

    if (p == NULL)
        return;
    p->id = sl_llm_inner(id);
    read_content(q, &p->inner, sl_json_get(message, SL_STR("content")));
}

static void read_system(struct sl_neutral_ask *q, struct sl_str content)
{
    struct sl_neutral_turn *turn;

    if (q->first == NULL) {
        read_content(q, &q->system, content);
        return;
    }
    turn = sl_neutral_turn_add(q, SL_ROLE_SYSTEM);
    if (turn != NULL)
        read_content(q, &turn->parts, content);
}

static void read_message(struct sl_neutral_ask *q, struct sl_str message)
{
    struct sl_str role = sl_json_get(message, SL_STR("role"));
    struct sl_str content = sl_json_get(message, SL_STR("content"));
    struct sl_neutral_turn *turn;

    if (sl_neutral_is(role, "assistant")) {
        read_assistant(q, message);
    } else if (sl_neutral_is(role, "tool")) {
        read_result(q, message, sl_json_get(message, SL_STR("tool_call_id")));
    } else if (sl_neutral_is(role, "function")) {
        read_result(q, message, sl_json_get(message, SL_STR("name")));
    } else if (sl_neutral_is(role, "system") || sl_neutral_is(role, "developer")) {
        read_system(q, content);
    } else if (sl_neutral_is(role, "user")) {
        turn = sl_neutral_users_turn(q, false);
        if (turn != NULL)
            read_content(q, &turn->parts, content);
    } else {
        sl_neutral_fail(q, "messages: a role must be system, developer, user, assistant or tool");
    }
}

/* --- Tools ------------------------------------------------------------------------------------ */

static void read_function(struct sl_neutral_ask *q, struct sl_str function, struct sl_str mark)
{
    struct sl_neutral_tool *tool;

    tool = sl_neutral_tool_add(q);
    if (tool == NULL)
        return;
    tool->name = sl_llm_inner(sl_json_get(function, SL_STR("name")));
    tool->about = sl_json_get(function, SL_STR("description"));
    tool->schema = sl_json_get(function, SL_STR("parameters"));
    tool->strict = sl_json_get(function, SL_STR("strict"));
    tool->mark = mark;
}

static void read_custom(struct sl_neutral_ask *q, struct sl_str custom)
{
    struct sl_neutral_tool *tool = sl_neutral_tool_add(q);
    struct sl_str format = sl_json_get(custom, SL_STR("format"));
    struct sl_str grammar = sl_json_get(format, SL_STR("grammar"));

    if (tool == NULL)
        return;
    tool->name = sl_llm_inner(sl_json_get(custom, SL_STR("name")));
    sl_neutral_free_tool(q, tool, sl_json_get(custom, SL_STR("description")),
                         sl_llm_inner(sl_json_get(grammar, SL_STR("definition"))));
}

/* What a tool, or a choice of one, says of it. */
static struct sl_str said_of(struct sl_str raw)
{
    struct sl_str function = sl_json_get(raw, SL_STR("function"));

    return function.p != NULL ? function : sl_json_get(raw, SL_STR("custom"));
}

static struct sl_str name_of(struct sl_str one)
{
    return sl_llm_inner(sl_json_get(said_of(one), SL_STR("name")));
}

static void read_choice(struct sl_neutral_ask *q, struct sl_str choice)
{
    struct sl_str type = sl_json_get(choice, SL_STR("type"));
    struct sl_str allowed = sl_json_get(choice, SL_STR("allowed_tools"));
    struct sl_str one = said_of(choice);

    if (sl_neutral_is(choice, "auto"))
        q->choice = SL_CHOICE_AUTO;
    else if (sl_neutral_is(choice, "required"))
        q->choice = SL_CHOICE_ANY;
    else if (sl_neutral_is(choice, "none"))
        q->choice = SL_CHOICE_NONE;
    else if (sl_neutral_is(type, "allowed_tools"))
        q->choice = sl_neutral_is(sl_json_get(allowed, SL_STR("mode")), "required")
                        ? SL_CHOICE_ANY
                        : SL_CHOICE_AUTO;
    else if (sl_json_type_of(choice) == SL_JSON_OBJECT)
        q->choice = SL_CHOICE_ONE;
    q->choice_name = sl_llm_inner(sl_json_get(one.p != NULL ? one : choice, SL_STR("name")));
    if (sl_neutral_is(type, "allowed_tools"))
        sl_neutral_allow(q, sl_json_get(allowed, SL_STR("tools")), name_of);
}

/* --- The request -------------------------------------------------------------------------------
 */

enum field {
    MESSAGES,
    MAX_COMPLETION,
    MAX_TOKENS,
    TEMPERATURE,
    TOP_P,
    TOP_K,
    CHOICES,
    STOP,
    STREAM,
    STREAM_OPTIONS,
    TOOLS,
    TOOL_CHOICE,
    PARALLEL,
    FUNCTIONS,
    FUNCTION_CHOICE,
    FORMAT,
    EFFORT,
    REASONING,
    USER,
    SAFETY,
    TIER,
    MODALITIES,
    FIELDS
};

static const struct sl_str fields[FIELDS] = {
    [MESSAGES] = SL_STR_INIT("messages"),
    [MAX_COMPLETION] = SL_STR_INIT("max_completion_tokens"),
    [MAX_TOKENS] = SL_STR_INIT("max_tokens"),
    [TEMPERATURE] = SL_STR_INIT("temperature"),
    [TOP_P] = SL_STR_INIT("top_p"),
    [TOP_K] = SL_STR_INIT("top_k"),
    [CHOICES] = SL_STR_INIT("n"),
    [STOP] = SL_STR_INIT("stop"),
    [STREAM] = SL_STR_INIT("stream"),
    [STREAM_OPTIONS] = SL_STR_INIT("stream_options"),
    [TOOLS] = SL_STR_INIT("tools"),
    [TOOL_CHOICE] = SL_STR_INIT("tool_choice"),
    [PARALLEL] = SL_STR_INIT("parallel_tool_calls"),
    [FUNCTIONS] = SL_STR_INIT("functions"),
    [FUNCTION_CHOICE] = SL_STR_INIT("function_call"),
    [FORMAT] = SL_STR_INIT("response_format"),
    [EFFORT] = SL_STR_INIT("reasoning_effort"),
    [REASONING] = SL_STR_INIT("reasoning"),
    [USER] = SL_STR_INIT("user"),
    [SAFETY] = SL_STR_INIT("safety_identifier"),
    [TIER] = SL_STR_INIT("service_tier"),
    [MODALITIES] = SL_STR_INIT("modalities"),
};

static void refuse_what_cant(struct sl_neutral_ask *q, const struct sl_str *v)
{
    struct sl_str one;
    size_t pos = 0;
    uint64_t n;

    if (sl_json_type_of(v[MESSAGES]) != SL_JSON_ARRAY)
        sl_neutral_fail(q, "messages: an array is needed");
    if (sl_llm_count(v[CHOICES], &n) && n > 1)
        sl_neutral_fail(q, "n: this model's provider gives one choice; ask for n = 1");
    while (sl_json_next(v[MODALITIES], &pos, &one))
        if (!sl_neutral_is(one, "text"))
            sl_neutral_fail(q, "modalities: this model's provider answers in text only");
}

static void read_tools(struct sl_neutral_ask *q, const struct sl_str *v)
{
    struct sl_str one;
    size_t pos = 0;

    while (q->err == SL_OK && sl_json_next(v[TOOLS], &pos, &one)) {
        struct sl_str function = sl_json_get(one, SL_STR("function"));
        struct sl_str custom = sl_json_get(one, SL_STR("custom"));

        if (function.p != NULL)
            read_function(q, function, sl_json_get(one, SL_STR("cache_control")));
        else if (custom.p != NULL)
            read_custom(q, custom);
        else
            sl_neutral_fail(q, "tools: only functions and custom tools can be translated");
    }
    q->of_functions = q->tools == NULL && sl_json_type_of(v[FUNCTIONS]) == SL_JSON_ARRAY;
    for (pos = 0; q->of_functions && q->err == SL_OK && sl_json_next(v[FUNCTIONS], &pos, &one);)
        read_function(q, one, (struct sl_str){NULL, 0});
    read_choice(q, q->of_functions ? v[FUNCTION_CHOICE] : v[TOOL_CHOICE]);
    q->one_call = q->of_functions || (v[PARALLEL].n > 0 && v[PARALLEL].p[0] == 'f');
}

static void read_thought(struct sl_neutral_ask *q, const struct sl_str *v)
{
    struct sl_str enabled = sl_json_get(v[REASONING], SL_STR("enabled"));

    q->effort = sl_llm_inner(v[EFFORT]);
    if (q->effort.n == 0)
        q->effort = sl_llm_inner(sl_json_get(v[REASONING], SL_STR("effort")));
    if (sl_str_eq(q->effort, SL_STR("none")) || (enabled.n > 0 && enabled.p[0] == 'f')) {
        q->thinking = SL_THINK_OFF;
        q->effort = (struct sl_str){NULL, 0};
    } else if (sl_llm_count(sl_json_get(v[REASONING], SL_STR("max_tokens")), &q->budget)) {
        q->thinking = SL_THINK_BUDGET;
    } else if (q->effort.n > 0 || sl_llm_is_true(enabled)) {
        q->thinking = SL_THINK_ON;
    }
    if (sl_str_eq(q->effort, SL_STR("minimal")))
        q->effort = SL_STR("low");
}

static void read_format(struct sl_neutral_ask *q, struct sl_str format)
{
    struct sl_str type = sl_json_get(format, SL_STR("type"));
    struct sl_str schema = sl_json_get(format, SL_STR("json_schema"));

    if (sl_neutral_is(type, "json_object"))
        q->format = SL_FORMAT_OBJECT;
    if (!sl_neutral_is(type, "json_schema"))
        return;
    q->format = SL_FORMAT_SCHEMA;
    q->schema = sl_json_get(schema, SL_STR("schema"));
    q->schema_name = sl_llm_inner(sl_json_get(schema, SL_STR("name")));
}

void sl_openai_read_ask(struct sl_neutral_ask *q, struct sl_str body)
{
    struct sl_str v[FIELDS], one;
    size_t pos = 0;

    sl_neutral_pick(body, fields, FIELDS, v);
    refuse_what_cant(q, v);
    while (q->err == SL_OK && sl_json_next(v[MESSAGES], &pos, &one))
        read_message(q, one);
    read_tools(q, v);
    read_thought(q, v);
    read_format(q, v[FORMAT]);
    q->has_max = sl_llm_count(v[MAX_COMPLETION], &q->max_tokens) ||
                 sl_llm_count(v[MAX_TOKENS], &q->max_tokens);
    q->temperature = v[TEMPERATURE];
    q->top_p = v[TOP_P];
    q->top_k = v[TOP_K];
    q->stops = v[STOP];
    q->streams = sl_llm_is_true(v[STREAM]);
    q->wants_usage = sl_llm_is_true(sl_json_get(v[STREAM_OPTIONS], SL_STR("include_usage")));
    q->user = sl_llm_inner(v[sl_llm_is_set(v[SAFETY]) ? SAFETY : USER]);
    q->standard_tier = sl_neutral_is(v[TIER], "default");
}
