/* mock/ask.c -- reading requests. */
#include "mock/ask.h"

#include "base/json.h"

static const struct path {
    struct sl_str path;
    enum sl_ask_what what;
    bool anthropic;
} paths[] = {
    {SL_STR_INIT("/messages"), SL_ASK_MESSAGES, true},
    {SL_STR_INIT("/messages/count_tokens"), SL_ASK_COUNT_TOKENS, true},
    {SL_STR_INIT("/chat/completions"), SL_ASK_CHAT, false},
    {SL_STR_INIT("/completions"), SL_ASK_COMPLETIONS, false},
    {SL_STR_INIT("/responses"), SL_ASK_RESPONSES, false},
    {SL_STR_INIT("/embeddings"), SL_ASK_EMBEDDINGS, false},
    {SL_STR_INIT("/moderations"), SL_ASK_MODERATIONS, false},
};

/* Of the mock itself; the token endpoint belongs to no family. */
static const struct path own[] = {
    {SL_STR_INIT("/__mock/stats"), SL_ASK_STATS, false},
    {SL_STR_INIT("/__mock/reset"), SL_ASK_RESET, false},
    {SL_STR_INIT("/__mock/token"), SL_ASK_TOKEN_WORDS, false},
    {SL_STR_INIT("/__mock/revoke"), SL_ASK_REVOKE, false},
    {SL_STR_INIT("/oauth/token"), SL_ASK_TOKEN, false},
};

void sl_ask_path(struct sl_ask *a, struct sl_str path, bool anthropic_manners)
{
    const struct sl_str api = SL_STR("/api"), v1 = SL_STR("/v1"), models = SL_STR("/models");

    *a = (struct sl_ask){.anthropic = anthropic_manners};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (sl_str_eq(path, own[i].path)) {
            a->what = own[i].what;
            return;
        }
    if (sl_str_starts(path, api))
        path = sl_str_from(path, api.n);
    if (sl_str_starts(path, v1))
        path = sl_str_from(path, v1.n);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (sl_str_eq(path, paths[i].path)) {
            a->what = paths[i].what;
            a->anthropic = paths[i].anthropic;
            return;
        }
    if (sl_str_eq(path, models) || sl_str_starts(path, SL_STR("/models/"))) {
        a->what = SL_ASK_MODELS;
        a->id = sl_str_from(path, models.n + 1);
    } else if (path.n == 0 || sl_str_eq(path, SL_STR("/")) || sl_str_eq(path, SL_STR("/hello"))) {
        a->what = SL_ASK_ROOT;
    }
}

/* The inside of a string value; empty for anything else. */
static struct sl_str inside(struct sl_str value)
{
    if (value.p == NULL || value.n < 2 || value.p[0] != '"')
        return (struct sl_str){"", 0};
    return (struct sl_str){value.p + 1, value.n - 2};
}

static bool is_true(struct sl_str value)
{
    return sl_str_eq(value, SL_STR("true"));
}

static void on_json_member(void *ctx, const struct sl_json_member *m)
{
    struct sl_ask *a = ctx;
    struct sl_str v = {a->body.p + m->value_at, (size_t)(m->value_end - m->value_at)};
    struct sl_str k = m->key;

    if (sl_str_eq(k, SL_STR("model")))
        a->model = inside(v);
    else if (sl_str_eq(k, SL_STR("messages")))
        a->messages = v;
    else if (sl_str_eq(k, SL_STR("input")) || sl_str_eq(k, SL_STR("prompt")))
        a->input = v;
    else if (sl_str_eq(k, SL_STR("tools")))
        a->tools = v;
    else if (sl_str_eq(k, SL_STR("dimensions")))
        a->dimensions = v;
    else if (sl_str_eq(k, SL_STR("stream")))
        a->stream = is_true(v);
    else if (sl_str_eq(k, SL_STR("stream_options")))
        a->include_usage = is_true(sl_json_get(v, SL_STR("include_usage")));
    else if (sl_str_eq(k, SL_STR("encoding_format")))
        a->base64 = sl_str_eq(inside(v), SL_STR("base64"));
}

bool sl_ask_body(struct sl_ask *a, struct sl_str body)
{
    struct sl_json j;
    enum sl_err e;

    a->body = body;
    sl_json_init(&j);
    j.member = on_json_member;
    j.ctx = a;
    j.need_object = true;
    e = sl_json_feed(&j, body);
    if (e == SL_OK)
        e = sl_json_finish(&j);
    sl_json_fini(&j);
    return e == SL_OK && (a->model.n > 0 || a->what == SL_ASK_MODERATIONS);
}

static struct sl_str last_of(struct sl_str array)
{
    struct sl_str e, last = {NULL, 0};
    size_t pos = 0;

    while (sl_json_next(array, &pos, &e))
        last = e;
    return last;
}

/* Text of a message's content: the string, or its last part that has a text. */
static struct sl_str text_of(struct sl_str content)
{
    struct sl_str part, last = {"", 0};
    size_t pos = 0;

    if (content.p == NULL)
        return last;
    if (sl_json_type_of(content) != SL_JSON_ARRAY)
        return inside(content);
    while (sl_json_next(content, &pos, &part)) {
        struct sl_str text = inside(sl_json_get(part, SL_STR("text")));
        if (text.n == 0) /* a tool_result's content */
            text = inside(sl_json_get(part, SL_STR("content")));
        if (text.n > 0)
            last = text;
    }
    return last;
}

/* The last entry of the conversation, whatever the protocol calls it. */
static struct sl_str last_said(const struct sl_ask *a)
{
    struct sl_str list = a->messages.p != NULL ? a->messages : a->input;

    if (list.p == NULL || sl_json_type_of(list) != SL_JSON_ARRAY)
        return (struct sl_str){NULL, 0};
    return last_of(list);
}

struct sl_str sl_ask_last_text(const struct sl_ask *a)
{
    struct sl_str last = last_said(a);

    if (last.p == NULL)
        return a->input.p != NULL ? inside(a->input) : (struct sl_str){"", 0};
    if (sl_json_type_of(last) != SL_JSON_OBJECT)
        return inside(last); /* an array of prompts */
    struct sl_str output = sl_json_get(last, SL_STR("output"));
    return output.p != NULL ? text_of(output) : text_of(sl_json_get(last, SL_STR("content")));
}

bool sl_ask_is_tool_result(const struct sl_ask *a)
{
    struct sl_str last = last_said(a), content;

    if (last.p == NULL || sl_json_type_of(last) != SL_JSON_OBJECT)
        return false;
    if (sl_str_eq(inside(sl_json_get(last, SL_STR("role"))), SL_STR("tool")) ||
        sl_str_eq(inside(sl_json_get(last, SL_STR("type"))), SL_STR("function_call_output")))
        return true;
    content = sl_json_get(last, SL_STR("content"));
    if (content.p == NULL || sl_json_type_of(content) != SL_JSON_ARRAY)
        return false;
    struct sl_str part = last_of(content);
    return part.p != NULL && sl_json_type_of(part) == SL_JSON_OBJECT &&
           sl_str_eq(inside(sl_json_get(part, SL_STR("type"))), SL_STR("tool_result"));
}

struct sl_str sl_ask_tool_name(const struct sl_ask *a)
{
    struct sl_str tool, f;
    size_t pos = 0;

    if (a->tools.p == NULL || sl_json_type_of(a->tools) != SL_JSON_ARRAY ||
        !sl_json_next(a->tools, &pos, &tool) || sl_json_type_of(tool) != SL_JSON_OBJECT)
        return (struct sl_str){"", 0};
    f = sl_json_get(tool, SL_STR("function"));
    return inside(sl_json_get(f.p != NULL ? f : tool, SL_STR("name")));
}
