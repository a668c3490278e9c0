/* The texts of a prompt or an answer, found by the names of what holds them. */
#include "llm/said.h"

#include "base/json.h"

struct walk {
    sl_said_fn *fn;
    void *ctx;          /* up: the caller's */
    struct sl_str rest; /* begins with the value that is walked */
    unsigned depth;     /* of that value */
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
        SL_STR_INIT("content_filter_results"),
        SL_STR_INIT("content_filter_result"),
        SL_STR_INIT("content_filter_offsets"),
        SL_STR_INIT("content_filter_raw"),
        SL_STR_INIT("prompt_filter_results"),
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

#define WAITING 8

/* What an object's `type` says of its members, which may stand before it: `data` is an image's or
 * a file's, but of a source whose type is "text"; `result` is a text, but of a picture that a tool
 * has made. Which of several types a provider would take is not known. */
struct object {
    size_t types, pictures;
    bool text;
    struct waiting {
        struct sl_str value;
        bool result;
    } waiting[WAITING];
    size_t n;
};

static void say(const struct walk *w, struct sl_str value, bool json)
{
    if (value.n >= 2)
        w->fn(w->ctx, (struct sl_str){value.p + 1, value.n - 2}, json);
}

static void note_type(struct object *o, struct sl_str value)
{
    char text[32];
    size_t n = 0;

    if (!sl_json_unescape(value, text, sizeof(text), &n))
        n = 0;
    o->types++;
    o->pictures += sl_str_eq((struct sl_str){text, n}, SL_STR("image_generation_call"));
    o->text = o->text || sl_str_eq((struct sl_str){text, n}, SL_STR("text"));
}

/* More of them than any object has are looked at, whatever they are. */
static void let_wait(const struct walk *w, struct object *o, struct waiting one)
{
    if (o->n < WAITING)
        o->waiting[o->n++] = one;
    else
        say(w, one.value, false);
}

static void end_object(const struct walk *w, const struct object *o)
{
    bool picture = o->types > 0 && o->pictures == o->types;

    for (size_t i = 0; i < o->n; i++)
        if (o->waiting[i].result ? !picture : o->text)
            say(w, o->waiting[i].value, false);
}

static void walk_value(struct walk *w, struct sl_str name, bool free);

static void walk_member(struct walk *w, struct object *o, struct sl_str key, bool free)
{
    bool data = sl_json_key_is(key, SL_STR("data")), result = sl_json_key_is(key, SL_STR("result"));

    if (free)
        walk_value(w, key, true);
    else if (sl_json_key_is(key, SL_STR("type")))
        note_type(o, sl_json_pass(&w->rest));
    else if ((data || result) && sl_json_type_of(w->rest) == SL_JSON_STRING)
        let_wait(w, o, (struct waiting){sl_json_pass(&w->rest), result});
    else if (sl_said_is_none(key) && !data)
        (void)sl_json_pass(&w->rest);
    else
        walk_value(w, key, is_free(key, w->rest));
}

static void walk_object(struct walk *w, bool free)
{
    struct object o = {.n = 0};
    struct sl_str key;

    if (!sl_json_enter(&w->rest))
        return;
    while (sl_json_pass_key(&w->rest, &key)) {
        walk_member(w, &o, key, free);
        if (!sl_json_goes_on(&w->rest))
            break;
    }
    end_object(w, &o);
}

/* As deep as SL_JSON_DEPTH: of a stream's events nobody has checked that. `free`: whatever a
 * text's name is, it is one. */
static void walk_value(struct walk *w, struct sl_str name, bool free)
{
    enum sl_json_type type = sl_json_type_of(w->rest);

    if (w->depth == SL_JSON_DEPTH) {
        (void)sl_json_pass(&w->rest);
        return;
    }
    w->depth++;
    if (type == SL_JSON_OBJECT)
        walk_object(w, free);
    else if (type == SL_JSON_STRING)
        say(w, sl_json_pass(&w->rest), !free && sl_said_is_json(name));
    else if (type != SL_JSON_ARRAY)
        (void)sl_json_pass(&w->rest);
    else if (sl_json_enter(&w->rest))
        do
            walk_value(w, name, free);
        while (sl_json_goes_on(&w->rest));
    w->depth--;
}

void sl_said_value(struct sl_str key, struct sl_str value, sl_said_fn *fn, void *ctx)
{
    struct walk w = {.fn = fn, .ctx = ctx, .rest = value};

    if (!sl_said_is_none(key))
        walk_value(&w, key, is_free(key, value));
}

static void each(struct sl_str body, bool (*is_text)(struct sl_str key), struct walk *w)
{
    struct sl_str key, value;
    size_t pos = 0;

    while (sl_json_next_member(body, &pos, &key, &value))
        if (is_text(key)) {
            w->rest = value;
            walk_value(w, key, false);
        }
}

void sl_said_each(struct sl_str body, sl_said_fn *fn, void *ctx)
{
    each(body, is_prompt, &(struct walk){.fn = fn, .ctx = ctx});
}

void sl_said_answer(struct sl_str body, sl_said_fn *fn, void *ctx)
{
    each(body, is_answer, &(struct walk){.fn = fn, .ctx = ctx});
}
