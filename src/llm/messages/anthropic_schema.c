/* llm/messages/anthropic_schema.c -- the schema of a structured answer, with the words of JSON
 * Schema that the Messages API knows: others are a 400, and every object has to be closed.
 * Source: Anthropic, "Structured outputs", limits of JSON Schema. */
#include "llm/messages/anthropic.h"

/* `rest`: the value, and what is behind it. */
static enum sl_neutral_word kind_of(struct sl_str word, const struct sl_str *rest)
{
    static const struct {
        struct sl_str word;
        enum sl_neutral_word kind;
    } words[] = {
        {SL_STR_INIT("items"), SL_WORD_SCHEMA},
        {SL_STR_INIT("anyOf"), SL_WORD_SCHEMAS},
        {SL_STR_INIT("allOf"), SL_WORD_SCHEMAS},
        {SL_STR_INIT("properties"), SL_WORD_NAMED},
        {SL_STR_INIT("$defs"), SL_WORD_NAMED},
        {SL_STR_INIT("definitions"), SL_WORD_NAMED},
        {SL_STR_INIT("$schema"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("additionalProperties"), SL_WORD_LEFT_OUT}, /* put in where it belongs */
        {SL_STR_INIT("minimum"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("maximum"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("exclusiveMinimum"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("exclusiveMaximum"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("multipleOf"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("minLength"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("maxLength"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("maxItems"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("uniqueItems"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("minProperties"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("maxProperties"), SL_WORD_LEFT_OUT},
    };

    struct sl_str behind = *rest, value;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (sl_json_key_is(word, words[i].word))
            return words[i].kind;
    if (!sl_json_key_is(word, SL_STR("minItems")))
        return SL_WORD_LITERAL;
    value = sl_json_pass(&behind);
    return sl_str_eq(value, SL_STR("0")) || sl_str_eq(value, SL_STR("1")) ? SL_WORD_LITERAL
                                                                          : SL_WORD_LEFT_OUT;
}

void sl_anthropic_put_schema(struct sl_grow *g, struct sl_str schema)
{
    static const struct sl_neutral_words words = {.kind_of = kind_of, .closes = true};

    sl_neutral_put_words(g, schema, &words);
}
