/* The texts of a prompt or an answer, found by the names of what holds them. */
#include "llm/said.h"

#include "base/json.h"

struct walk {
    sl_said_fn *fn;
    void *ctx;      /* up: the caller's */
    unsigned depth; /* of the value that is walked */
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

static bool is_answer(struct sl_str key)
{
    static const struct sl_str names[] = {SL_STR_INIT("content"), SL_STR_INIT("choices"),
                                          SL_STR_INIT("output")};

    return is_one_of(key, names, sizeof(names) / sizeof(names[0]));
}

bool sl_said_is_json(struct sl_str key)
{
    return sl_json_key_is(key, SL_STR("arguments")) || sl_json_key_is(key, SL_STR("partial_json"));
}

bool sl_said_is_none(struct sl_str key)
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
        SL_STR_INIT("logprobs"),
        SL_STR_INIT("finish_reason"),
        SL_STR_INIT("native_finish_reason"),
        SL_STR_INIT("partial_image_b64"),
        SL_STR_INIT("b64_json"),
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

struct kind { /* what an object's `type` says of its members */
    bool known, text, picture;
};

/* Which of several a provider would take is not known, nor how it is escaped. Looked for once an
 * object, or one of many members that ask for it would cost the square of its length. */
static const struct kind *kind_of(struct kind *k, struct sl_str object)
{
    struct sl_str name, value;
    char text[32];
    size_t pos = 0, n, types = 0, pictures = 0;

    while (!k->known && sl_json_next_member(object, &pos, &name, &value)) {
        if (!sl_json_key_is(name, SL_STR("type")))
            continue;
        n = 0;
        if (!sl_json_unescape(value, text, sizeof(text), &n))
            n = 0;
        types++;
        pictures += sl_str_eq((struct sl_str){text, n}, SL_STR("image_generation_call"));
        k->text = k->text || sl_str_eq((struct sl_str){text, n}, SL_STR("text"));
    }
    k->picture = k->known ? k->picture : types > 0 && pictures == types;
    k->known = true;
    return k;
}

/* `data` is an image's or a file's, but of a source whose `type` is "text"; `result` a text, but
 * of a picture that a tool has made. */
static bool is_read(struct kind *k, struct sl_str object, struct sl_str key)
{
    if (sl_said_is_none(key))
        return sl_json_key_is(key, SL_STR("data")) && kind_of(k, object)->text;
    return !sl_json_key_is(key, SL_STR("result")) || !kind_of(k, object)->picture;
}

/* As deep as SL_JSON_DEPTH: of a stream's events nobody has checked that. `free`: whatever a
 * text's name is, it is one. */
static void walk_value(struct walk *w, struct sl_str name, struct sl_str value, bool free)
{
    struct kind kind = {.known = false};
    struct sl_str key, one;
    size_t pos = 0;

    if (w->depth == SL_JSON_DEPTH)
        return;
    w->depth++;
    switch (sl_json_type_of(value)) {
    case SL_JSON_STRING:
        if (value.n >= 2)
            w->fn(w->ctx, (struct sl_str){value.p + 1, value.n - 2},
                  !free && sl_said_is_json(name));
        break;
    case SL_JSON_ARRAY:
        while (sl_json_next(value, &pos, &one))
            walk_value(w, name, one, free);
        break;
    case SL_JSON_OBJECT:
        while (sl_json_next_member(value, &pos, &key, &one))
            if (free || is_read(&kind, value, key))
                walk_value(w, key, one, free || is_free(key, one));
        break;
    default: break;
    }
    w->depth--;
}

void sl_said_value(struct sl_str key, struct sl_str value, sl_said_fn *fn, void *ctx)
{
    struct walk w = {fn, ctx, 0};

    if (!sl_said_is_none(key))
        walk_value(&w, key, value, is_free(key, value));
}

static void each(struct sl_str body, bool (*is_text)(struct sl_str key), struct walk *w)
{
    struct sl_str key, value;
    size_t pos = 0;

    while (sl_json_next_member(body, &pos, &key, &value))
        if (is_text(key))
            walk_value(w, key, value, false);
}

void sl_said_each(struct sl_str body, sl_said_fn *fn, void *ctx)
{
    each(body, is_prompt, &(struct walk){fn, ctx, 0});
}

void sl_said_answer(struct sl_str body, sl_said_fn *fn, void *ctx)
{
    each(body, is_answer, &(struct walk){fn, ctx, 0});
}
