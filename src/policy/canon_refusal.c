/* policy/canon_refusal.c -- requests whose answer is not theirs alone: it hangs on
 * what a provider keeps, runs or fetches, or is more than one.
 *
 * Values are compared as written: one with needless escapes is not recognised as
 * harmless and so refused. Keys are compared unescaped. */
#include "policy/canon.h"

#include "base/json.h"

#define DEEP 16

enum { MESSAGES = 1, CHAT = 2, COMPLETIONS = 4, RESPONSES = 8, ITEMS = 16, PROMPT = 32 };
#define GENERATE (MESSAGES | CHAT | COMPLETIONS | RESPONSES | PROMPT)

typedef bool check_fn(struct sl_str value);

static unsigned find_operation(struct sl_str name)
{
    static const struct {
        struct sl_str name;
        unsigned bit;
    } all[] = {{SL_STR_INIT("messages"), MESSAGES},       {SL_STR_INIT("chat"), CHAT},
               {SL_STR_INIT("completions"), COMPLETIONS}, {SL_STR_INIT("responses"), RESPONSES},
               {SL_STR_INIT("prompt"), PROMPT},           {SL_STR_INIT("moderations"), ITEMS},
               {SL_STR_INIT("embeddings"), ITEMS}};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (sl_str_eq(name, all[i].name))
            return all[i].bit;
    return 0;
}

/* --- Small questions ------------------------------------------------------------------ */

static bool is_set(struct sl_str value)
{
    return sl_json_type_of(value) != SL_JSON_NULL;
}

static bool is_true(struct sl_str value)
{
    return is_set(value) && !sl_str_eq(value, SL_STR("false"));
}

static bool is_filled(struct sl_str value)
{
    struct sl_str one;
    size_t pos = 0;

    return is_set(value) &&
           (sl_json_type_of(value) != SL_JSON_ARRAY || sl_json_next(value, &pos, &one));
}

static bool is_many(struct sl_str value)
{
    return is_set(value) && !sl_str_eq(value, SL_STR("1"));
}

static bool is_zero(struct sl_str value)
{
    return sl_str_eq(value, SL_STR("0"));
}

static bool is_escaped(struct sl_str value)
{
    return sl_str_find_byte(value, '\\') >= 0;
}

static bool is_online(struct sl_str value)
{
    return sl_str_ends(value, SL_STR(":online\"")) || is_escaped(value);
}

static bool has_audio(struct sl_str value)
{
    struct sl_str one;
    size_t pos = 0;

    while (sl_json_next(value, &pos, &one))
        if (!sl_str_eq(one, SL_STR("\"text\"")))
            return true;
    return false;
}

/* --- Tools ---------------------------------------------------------------------------- */

static bool has_typed_tool(struct sl_str tools)
{
    struct sl_str tool;
    size_t pos = 0;

    while (sl_json_next(tools, &pos, &tool)) {
        struct sl_str type = sl_json_get(tool, SL_STR("type"));

        if (is_set(type) && !sl_str_eq(type, SL_STR("\"custom\"")))
            return true;
    }
    return false;
}

static bool has_foreign_tool(struct sl_str tools)
{
    struct sl_str tool;
    size_t pos = 0;

    while (sl_json_next(tools, &pos, &tool)) {
        struct sl_str type = sl_json_get(tool, SL_STR("type"));

        if (!sl_str_eq(type, SL_STR("\"function\"")) && !sl_str_eq(type, SL_STR("\"custom\"")))
            return true;
    }
    return false;
}

/* --- Links: what is fetched from elsewhere, and may be another thing tomorrow ---------- */

static bool is_address(struct sl_str value)
{
    if (sl_json_type_of(value) == SL_JSON_OBJECT)
        value = sl_json_get(value, SL_STR("url"));
    return is_set(value) && !sl_str_starts(value, SL_STR("\"data:"));
}

static bool is_foreign_source(struct sl_str source)
{
    static const struct sl_str known[] = {SL_STR_INIT("\"base64\""), SL_STR_INIT("\"text\""),
                                          SL_STR_INIT("\"content\""), SL_STR_INIT("\"file\"")};
    struct sl_str type = sl_json_get(source, SL_STR("type"));

    if (sl_json_type_of(source) != SL_JSON_OBJECT)
        return false;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (sl_str_eq(type, known[i]))
            return false;
    return true;
}

static bool find_link(struct sl_str *rest, unsigned depth);

static bool source_links(struct sl_str *rest, unsigned depth)
{
    struct sl_str inner = *rest;

    return is_foreign_source(sl_json_pass(rest)) || find_link(&inner, depth);
}

static bool member_links(struct sl_str *rest, unsigned depth)
{
    struct sl_str key, value;

    if (!sl_json_pass_key(rest, &key))
        return true;
    if (sl_json_key_is(key, SL_STR("content")) || sl_json_key_is(key, SL_STR("output")))
        return find_link(rest, depth);
    if (sl_json_key_is(key, SL_STR("source")))
        return source_links(rest, depth);
    value = sl_json_pass(rest);
    if (sl_json_key_is(key, SL_STR("type")))
        return sl_str_eq(value, SL_STR("\"item_reference\"")) || is_escaped(value);
    return (sl_json_key_is(key, SL_STR("image_url")) || sl_json_key_is(key, SL_STR("file_url"))) &&
           is_address(value);
}

/* In the value that `*rest` begins with, which is passed unless there is one. */
static bool find_link(struct sl_str *rest, unsigned depth)
{
    enum sl_json_type type = sl_json_type_of(*rest);

    if (depth == DEEP)
        return true;
    if (type != SL_JSON_ARRAY && type != SL_JSON_OBJECT) {
        (void)sl_json_pass(rest);
        return false;
    }
    if (!sl_json_enter(rest))
        return false;
    do {
        if (type == SL_JSON_OBJECT ? member_links(rest, depth + 1) : find_link(rest, depth + 1))
            return true;
    } while (sl_json_goes_on(rest));
    return false;
}

static bool has_link(struct sl_str value)
{
    return find_link(&value, 0);
}

/* Of several items each is asked by itself. */
static bool is_linked_item(struct sl_str input)
{
    struct sl_str first;
    size_t pos = 0;

    return sl_json_next(input, &pos, &first) && sl_json_type_of(first) == SL_JSON_OBJECT &&
           has_link(input);
}

/* --- The table ------------------------------------------------------------------------ */

static const struct rule {
    unsigned operations;
    struct sl_str key;
    check_fn *check;
    const char *why;
} rules[] = {
    {MESSAGES, SL_STR_INIT("tools"), has_typed_tool, "a tool of the provider's"},
    {CHAT | RESPONSES, SL_STR_INIT("tools"), has_foreign_tool, "a tool of the provider's"},
    {MESSAGES, SL_STR_INIT("mcp_servers"), is_filled, "mcp_servers"},
    {GENERATE, SL_STR_INIT("plugins"), is_filled, "plugins"},
    {CHAT, SL_STR_INIT("web_search_options"), is_set, "web search"},
    {GENERATE, SL_STR_INIT("model"), is_online, "web search"},
    {MESSAGES, SL_STR_INIT("container"), is_set, "container"},
    {MESSAGES, SL_STR_INIT("thread"), is_set, "thread"},
    {MESSAGES, SL_STR_INIT("max_tokens"), is_zero, "max_tokens 0"},
    {CHAT | COMPLETIONS, SL_STR_INIT("n"), is_many, "n over 1"},
    {CHAT | COMPLETIONS, SL_STR_INIT("store"), is_true, "store"},
    {CHAT, SL_STR_INIT("modalities"), has_audio, "audio"},
    {RESPONSES, SL_STR_INIT("previous_response_id"), is_set, "previous_response_id"},
    {RESPONSES, SL_STR_INIT("conversation"), is_set, "conversation"},
    {RESPONSES, SL_STR_INIT("background"), is_true, "background"},
    {RESPONSES, SL_STR_INIT("prompt"), is_set, "a stored prompt"},
    {MESSAGES | CHAT, SL_STR_INIT("messages"), has_link, "content by URL"},
    {MESSAGES, SL_STR_INIT("system"), has_link, "content by URL"},
    {RESPONSES, SL_STR_INIT("input"), has_link, "content by URL or reference"},
    {ITEMS, SL_STR_INIT("input"), is_linked_item, "content by URL"},
};

static const char *judge(unsigned operation, struct sl_str key, struct sl_str value)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if ((rules[i].operations & operation) != 0 && sl_json_key_is(key, rules[i].key) &&
            rules[i].check(value))
            return rules[i].why;
    return NULL;
}

const char *sl_canon_refusal(struct sl_str operation, struct sl_str body)
{
    unsigned op = find_operation(operation);
    struct sl_str key, value;
    bool stored = op == RESPONSES;
    const char *why;
    size_t pos = 0;

    if (op == 0)
        return "not a cached route";
    while (sl_json_next_member(body, &pos, &key, &value)) {
        why = judge(op, key, value);
        if (why != NULL)
            return why;
        if (sl_json_key_is(key, SL_STR("store")) && sl_str_eq(value, SL_STR("false")))
            stored = false;
    }
    return stored ? "store" : NULL;
}
