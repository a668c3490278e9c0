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

static enum kind kind_of(struct sl_str word, struct sl_str value)
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

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (sl_json_key_is(word, words[i].word))
            return words[i].kind;
    if (sl_json_key_is(word, SL_STR("minItems")))
        return sl_str_eq(value, SL_STR("0")) || sl_str_eq(value, SL_STR("1")) ? LITERAL : UNKNOWN;
    return LITERAL;
}

static bool is_of_object(struct sl_str schema)
{
    struct sl_str type = sl_json_get(schema, SL_STR("type")), one;
    size_t pos = 0;

    while (sl_json_next(type, &pos, &one))
        if (sl_neutral_is(one, "object"))
            return true;
    return sl_neutral_is(type, "object") ||
           sl_json_type_of(sl_json_get(schema, SL_STR("properties"))) == SL_JSON_OBJECT;
}

static void put_list(struct sl_grow *g, struct sl_str list)
{
    struct sl_str one;
    size_t pos = 0, n = 0;

    sl_grow_byte(g, '[');
    while (sl_json_next(list, &pos, &one)) {
        if (n++ > 0)
            sl_grow_byte(g, ',');
        sl_anthropic_put_schema(g, one);
    }
    sl_grow_byte(g, ']');
}

static void put_named(struct sl_grow *g, struct sl_str object)
{
    struct sl_str name, one;
    size_t pos = 0, n = 0;

    sl_grow_byte(g, '{');
    while (sl_json_next_member(object, &pos, &name, &one)) {
        if (n++ > 0)
            sl_grow_byte(g, ',');
        sl_neutral_put_esc(g, name);
        sl_grow_byte(g, ':');
        sl_anthropic_put_schema(g, one);
    }
    sl_grow_byte(g, '}');
}

static void put_value(struct sl_grow *g, enum kind kind, struct sl_str value)
{
    if (kind == SCHEMA)
        sl_anthropic_put_schema(g, value);
    else if (kind == SCHEMAS && sl_json_type_of(value) == SL_JSON_ARRAY)
        put_list(g, value);
    else if (kind == NAMED && sl_json_type_of(value) == SL_JSON_OBJECT)
        put_named(g, value);
    else
        sl_grow_add(g, value);
}

/* Schemas are as deep as a body may be, which its parser bounds. */
void sl_anthropic_put_schema(struct sl_grow *g, struct sl_str schema)
{
    struct sl_str word, value;
    size_t pos = 0, n = 0;

    if (sl_json_type_of(schema) != SL_JSON_OBJECT) { /* true, or no schema at all */
        sl_grow_add(g, schema);
        return;
    }
    sl_grow_byte(g, '{');
    while (sl_json_next_member(schema, &pos, &word, &value)) {
        enum kind kind = kind_of(word, value);

        if (kind == UNKNOWN)
            continue;
        if (n++ > 0)
            sl_grow_byte(g, ',');
        sl_neutral_put_esc(g, word);
        sl_grow_byte(g, ':');
        put_value(g, kind, value);
    }
    if (is_of_object(schema))
        sl_neutral_put(g, n > 0 ? ",\"additionalProperties\":false"
                                : "\"additionalProperties\":false");
    sl_grow_byte(g, '}');
}
