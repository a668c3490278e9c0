/* llm/messages/anthropic_schema.c -- the schema of a structured answer, with the words of JSON
 * Schema that the Messages API knows: others are a 400, and every object has to be closed.
 * Source: Anthropic, "Structured outputs", limits of JSON Schema. */
#include "llm/messages/anthropic.h"

/* What the value of a word is. */
enum kind {
    LITERAL, /* nothing of a schema's: names, numbers, examples */
    SCHEMA,
    SCHEMAS, /* an array of them */
    NAMED,   /* an object of them, each under a name of its own */
    UNKNOWN  /* to the API */
};

/* `rest`: the value, and what is behind it. */
static enum kind kind_of(struct sl_str word, const struct sl_str *rest)
{
    static const struct {
        struct sl_str word;
        enum kind kind;
    } words[] = {
        {SL_STR_INIT("items"), SCHEMA},
        {SL_STR_INIT("anyOf"), SCHEMAS},
        {SL_STR_INIT("allOf"), SCHEMAS},
        {SL_STR_INIT("properties"), NAMED},
        {SL_STR_INIT("$defs"), NAMED},
        {SL_STR_INIT("definitions"), NAMED},
        {SL_STR_INIT("$schema"), UNKNOWN},
        {SL_STR_INIT("additionalProperties"), UNKNOWN}, /* put in where it belongs */
        {SL_STR_INIT("minimum"), UNKNOWN},
        {SL_STR_INIT("maximum"), UNKNOWN},
        {SL_STR_INIT("exclusiveMinimum"), UNKNOWN},
        {SL_STR_INIT("exclusiveMaximum"), UNKNOWN},
        {SL_STR_INIT("multipleOf"), UNKNOWN},
        {SL_STR_INIT("minLength"), UNKNOWN},
        {SL_STR_INIT("maxLength"), UNKNOWN},
        {SL_STR_INIT("maxItems"), UNKNOWN},
        {SL_STR_INIT("uniqueItems"), UNKNOWN},
        {SL_STR_INIT("minProperties"), UNKNOWN},
        {SL_STR_INIT("maxProperties"), UNKNOWN},
    };

    struct sl_str behind = *rest, value;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (sl_json_key_is(word, words[i].word))
            return words[i].kind;
    if (!sl_json_key_is(word, SL_STR("minItems")))
        return LITERAL;
    value = sl_json_pass(&behind);
    return sl_str_eq(value, SL_STR("0")) || sl_str_eq(value, SL_STR("1")) ? LITERAL : UNKNOWN;
}

/* Of a `type`. */
static bool says_object(struct sl_str type)
{
    struct sl_str one;
    size_t pos = 0;

    while (sl_json_next(type, &pos, &one))
        if (sl_neutral_is(one, "object"))
            return true;
    return sl_neutral_is(type, "object");
}

static void put_schema(struct sl_grow *g, struct sl_str *rest);

static void put_list(struct sl_grow *g, struct sl_str *rest)
{
    bool more = sl_json_enter(rest);

    sl_grow_byte(g, '[');
    while (more) {
        put_schema(g, rest);
        more = sl_json_goes_on(rest);
        if (more)
            sl_grow_byte(g, ',');
    }
    sl_grow_byte(g, ']');
}

static void put_named(struct sl_grow *g, struct sl_str *rest)
{
    bool more = sl_json_enter(rest);
    struct sl_str name;

    sl_grow_byte(g, '{');
    while (more && sl_json_pass_key(rest, &name)) {
        sl_neutral_put_esc(g, name);
        sl_grow_byte(g, ':');
        put_schema(g, rest);
        more = sl_json_goes_on(rest);
        if (more)
            sl_grow_byte(g, ',');
    }
    sl_grow_byte(g, '}');
}

static void put_value(struct sl_grow *g, enum kind kind, struct sl_str *rest)
{
    enum sl_json_type type = sl_json_type_of(*rest);

    if (kind == SCHEMA)
        put_schema(g, rest);
    else if (kind == SCHEMAS && type == SL_JSON_ARRAY)
        put_list(g, rest);
    else if (kind == NAMED && type == SL_JSON_OBJECT)
        put_named(g, rest);
    else
        sl_grow_add(g, sl_json_pass(rest));
}

struct object {
    bool closes; /* it is one that has to be closed */
    size_t n;    /* words that were put */
};

/* The word's value is next. */
static void put_word(struct sl_grow *g, struct object *o, struct sl_str word, struct sl_str *rest)
{
    struct sl_str value = *rest;
    enum kind kind = kind_of(word, rest);

    if (sl_json_key_is(word, SL_STR("properties")))
        o->closes = o->closes || sl_json_type_of(value) == SL_JSON_OBJECT;
    else if (sl_json_key_is(word, SL_STR("type")))
        o->closes = o->closes || says_object(sl_json_pass(&value));
    if (kind == UNKNOWN) {
        (void)sl_json_pass(rest);
        return;
    }
    if (o->n++ > 0)
        sl_grow_byte(g, ',');
    sl_neutral_put_esc(g, word);
    sl_grow_byte(g, ':');
    put_value(g, kind, rest);
}

/* In one pass: a level that is gone over before it is gone into costs a deep schema its length
 * once a level. */
static void put_schema(struct sl_grow *g, struct sl_str *rest)
{
    struct object o = {.n = 0};
    struct sl_str word;
    bool more;

    if (sl_json_type_of(*rest) != SL_JSON_OBJECT) { /* true, or no schema at all */
        sl_grow_add(g, sl_json_pass(rest));
        return;
    }
    sl_grow_byte(g, '{');
    for (more = sl_json_enter(rest); more && sl_json_pass_key(rest, &word);
         more = sl_json_goes_on(rest))
        put_word(g, &o, word, rest);
    if (o.closes)
        sl_neutral_put(g, o.n > 0 ? ",\"additionalProperties\":false"
                                  : "\"additionalProperties\":false");
    sl_grow_byte(g, '}');
}

/* Schemas are as deep as a body may be, which its parser bounds. */
void sl_anthropic_put_schema(struct sl_grow *g, struct sl_str schema)
{
    put_schema(g, &schema);
}
