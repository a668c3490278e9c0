/* The texts of a prompt, found by the names of what holds them. */
#include "llm/said.h"

#include "base/json.h"

struct walk {
    sl_said_fn *fn;
    void *ctx; /* up: the caller's */
};

static bool is_one_of(struct sl_str key, const struct sl_str *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sl_json_key_is(key, names[i]))
            return true;
    return false;
}

static bool is_prompt(struct sl_str key)
{
    static const struct sl_str names[] = {
        SL_STR_INIT("messages"), SL_STR_INIT("system"), SL_STR_INIT("input"),
        SL_STR_INIT("prompt"),   SL_STR_INIT("suffix"), SL_STR_INIT("instructions"),
    };

    return is_one_of(key, names, sizeof(names) / sizeof(names[0]));
}

static bool is_no_language(struct sl_str key)
{
    static const struct sl_str names[] = {
        SL_STR_INIT("type"),
        SL_STR_INIT("role"),
        SL_STR_INIT("id"),
        SL_STR_INIT("name"),
        SL_STR_INIT("data"),
        SL_STR_INIT("url"),
        SL_STR_INIT("image_url"),
        SL_STR_INIT("media_type"),
        SL_STR_INIT("signature"),
        SL_STR_INIT("file_id"),
        SL_STR_INIT("file_data"),
        SL_STR_INIT("file_url"),
        SL_STR_INIT("tool_use_id"),
        SL_STR_INIT("call_id"),
        SL_STR_INIT("tool_call_id"),
        SL_STR_INIT("format"),
        SL_STR_INIT("detail"),
        SL_STR_INIT("status"),
        SL_STR_INIT("cache_control"),
        SL_STR_INIT("encrypted_content"),
    };

    return is_one_of(key, names, sizeof(names) / sizeof(names[0]));
}

/* The arguments of a tool: there names are the client's own, and mean nothing here. */
static bool is_free(struct sl_str key, struct sl_str value)
{
    return sl_json_type_of(value) == SL_JSON_OBJECT &&
           (sl_json_key_is(key, SL_STR("input")) || sl_json_key_is(key, SL_STR("arguments")) ||
            sl_json_key_is(key, SL_STR("variables")));
}

/* `data` is an image's or a file's, but of a source whose `type` is "text"; which of several
 * a provider would take is not known, nor how it is escaped. */
static bool is_text_data(struct sl_str object, struct sl_str key)
{
    struct sl_str name, value;
    char text[8];
    size_t pos = 0, n = 0;

    if (!sl_json_key_is(key, SL_STR("data")))
        return false;
    while (sl_json_next_member(object, &pos, &name, &value))
        if (sl_json_key_is(name, SL_STR("type")) &&
            sl_json_unescape(value, text, sizeof(text), &n) &&
            sl_str_eq((struct sl_str){text, n}, SL_STR("text")))
            return true;
    return false;
}

/* As deep as SL_JSON_DEPTH. `free`: whatever a text's name is, it is one. */
static void walk_value(const struct walk *w, struct sl_str value, bool free)
{
    struct sl_str key, one;
    size_t pos = 0;

    switch (sl_json_type_of(value)) {
    case SL_JSON_STRING:
        if (value.n >= 2)
            w->fn(w->ctx, (struct sl_str){value.p + 1, value.n - 2});
        break;
    case SL_JSON_ARRAY:
        while (sl_json_next(value, &pos, &one))
            walk_value(w, one, free);
        break;
    case SL_JSON_OBJECT:
        while (sl_json_next_member(value, &pos, &key, &one))
            if (free || !is_no_language(key) || is_text_data(value, key))
                walk_value(w, one, free || is_free(key, one));
        break;
    default: break;
    }
}

void sl_said_each(struct sl_str body, sl_said_fn *fn, void *ctx)
{
    const struct walk w = {fn, ctx};
    struct sl_str key, value;
    size_t pos = 0;

    while (sl_json_next_member(body, &pos, &key, &value))
        if (is_prompt(key))
            walk_value(&w, value, false);
}
