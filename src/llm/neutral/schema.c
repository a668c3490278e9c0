/* llm/neutral/schema.c -- JSON Schema without the words that a server refuses, in one pass, and the
 * schemas of tools.
 * Source: JSON Schema 2020-12; protocols.md 7.1, 11. */
#include "llm/neutral/neutral.h"

struct pen {
    struct sl_grow *g;                    /* up */
    const struct sl_neutral_words *words; /* shared: static */
};

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

static void put_schema(struct pen *p, struct sl_str *rest);

static void put_list(struct pen *p, struct sl_str *rest)
{
    bool more = sl_json_enter(rest);

    sl_grow_byte(p->g, '[');
    while (more) {
        put_schema(p, rest);
        more = sl_json_goes_on(rest);
        if (more)
            sl_grow_byte(p->g, ',');
    }
    sl_grow_byte(p->g, ']');
}

static void put_named(struct pen *p, struct sl_str *rest)
{
    bool more = sl_json_enter(rest);
    struct sl_str name;

    sl_grow_byte(p->g, '{');
    while (more && sl_json_pass_key(rest, &name)) {
        sl_neutral_put_esc(p->g, name);
        sl_grow_byte(p->g, ':');
        put_schema(p, rest);
        more = sl_json_goes_on(rest);
        if (more)
            sl_grow_byte(p->g, ',');
    }
    sl_grow_byte(p->g, '}');
}

static void put_value(struct pen *p, enum sl_neutral_word kind, struct sl_str *rest)
{
    enum sl_json_type type = sl_json_type_of(*rest);

    if ((kind == SL_WORD_SCHEMA || kind == SL_WORD_SCHEMAS) && type == SL_JSON_ARRAY)
        put_list(p, rest); /* `items` was a list of them in older drafts */
    else if (kind == SL_WORD_SCHEMA)
        put_schema(p, rest);
    else if (kind == SL_WORD_NAMED && type == SL_JSON_OBJECT)
        put_named(p, rest);
    else
        sl_grow_add(p->g, sl_json_pass(rest));
}

struct object {
    bool closes; /* it is one that has to be closed */
    size_t n;    /* words that were put */
};

/* The word's value is next. */
static void put_word(struct pen *p, struct object *o, struct sl_str word, struct sl_str *rest)
{
    struct sl_str value = *rest;
    enum sl_neutral_word kind = p->words->kind_of(word, rest);

    if (sl_json_key_is(word, SL_STR("properties")))
        o->closes = o->closes || sl_json_type_of(value) == SL_JSON_OBJECT;
    else if (sl_json_key_is(word, SL_STR("type")))
        o->closes = o->closes || says_object(sl_json_pass(&value));
    if (kind == SL_WORD_LEFT_OUT) {
        (void)sl_json_pass(rest);
        return;
    }
    if (o->n++ > 0)
        sl_grow_byte(p->g, ',');
    sl_neutral_put_esc(p->g, word);
    sl_grow_byte(p->g, ':');
    put_value(p, kind, rest);
}

/* In one pass: a level that is gone over before it is gone into costs a deep schema its length
 * once a level. */
static void put_schema(struct pen *p, struct sl_str *rest)
{
    struct object o = {.n = 0};
    struct sl_str word;
    bool more;

    if (sl_json_type_of(*rest) != SL_JSON_OBJECT) { /* true, or no schema at all */
        sl_grow_add(p->g, sl_json_pass(rest));
        return;
    }
    sl_grow_byte(p->g, '{');
    for (more = sl_json_enter(rest); more && sl_json_pass_key(rest, &word);
         more = sl_json_goes_on(rest))
        put_word(p, &o, word, rest);
    if (o.closes && p->words->closes)
        sl_neutral_put(p->g, o.n > 0 ? ",\"additionalProperties\":false"
                                     : "\"additionalProperties\":false");
    sl_grow_byte(p->g, '}');
}

/* Schemas are as deep as a body may be, which its parser bounds. */
void sl_neutral_put_words(struct sl_grow *g, struct sl_str schema,
                          const struct sl_neutral_words *words)
{
    put_schema(&(struct pen){g, words}, &schema);
}

/* --- Schemas of tools ------------------------------------------------------------------------- */

/* Without what servers refuse whose grammars are made of schemas: protocols.md 11, 25. */
static enum sl_neutral_word plain_kind(struct sl_str word, const struct sl_str *rest)
{
    static const struct {
        struct sl_str word;
        enum sl_neutral_word kind;
    } words[] = {
        {SL_STR_INIT("items"), SL_WORD_SCHEMA},
        {SL_STR_INIT("additionalItems"), SL_WORD_SCHEMA},
        {SL_STR_INIT("unevaluatedItems"), SL_WORD_SCHEMA},
        {SL_STR_INIT("unevaluatedProperties"), SL_WORD_SCHEMA},
        {SL_STR_INIT("contains"), SL_WORD_SCHEMA},
        {SL_STR_INIT("propertyNames"), SL_WORD_SCHEMA},
        {SL_STR_INIT("not"), SL_WORD_SCHEMA},
        {SL_STR_INIT("if"), SL_WORD_SCHEMA},
        {SL_STR_INIT("then"), SL_WORD_SCHEMA},
        {SL_STR_INIT("else"), SL_WORD_SCHEMA},
        {SL_STR_INIT("prefixItems"), SL_WORD_SCHEMAS},
        {SL_STR_INIT("anyOf"), SL_WORD_SCHEMAS},
        {SL_STR_INIT("oneOf"), SL_WORD_SCHEMAS},
        {SL_STR_INIT("allOf"), SL_WORD_SCHEMAS},
        {SL_STR_INIT("properties"), SL_WORD_NAMED},
        {SL_STR_INIT("dependentSchemas"), SL_WORD_NAMED},
        {SL_STR_INIT("$defs"), SL_WORD_NAMED},
        {SL_STR_INIT("definitions"), SL_WORD_NAMED},
        {SL_STR_INIT("$schema"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("additionalProperties"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("patternProperties"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("pattern"), SL_WORD_LEFT_OUT},
        {SL_STR_INIT("format"), SL_WORD_LEFT_OUT},
    };

    (void)rest;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (sl_json_key_is(word, words[i].word))
            return words[i].kind;
    return SL_WORD_LITERAL;
}

void sl_neutral_put_plain(struct sl_grow *g, struct sl_str schema)
{
    static const struct sl_neutral_words words = {.kind_of = plain_kind};

    sl_neutral_put_words(g, schema, &words);
}

static void put_members(struct sl_grow *g, struct sl_str schema)
{
    struct sl_str key, value;
    size_t pos = 0;

    sl_neutral_put(g, "{\"type\":\"object\"");
    if (sl_json_type_of(sl_json_get(schema, SL_STR("properties"))) != SL_JSON_OBJECT)
        sl_neutral_put(g, ",\"properties\":{}");
    while (sl_json_next_member(schema, &pos, &key, &value)) {
        if (sl_json_key_is(key, SL_STR("$schema")) || sl_json_key_is(key, SL_STR("type")))
            continue;
        if (sl_json_key_is(key, SL_STR("properties")) && sl_json_type_of(value) != SL_JSON_OBJECT)
            continue;
        sl_grow_byte(g, ',');
        sl_neutral_put_esc(g, key);
        sl_grow_byte(g, ':');
        sl_grow_add(g, value);
    }
    sl_grow_byte(g, '}');
}

void sl_neutral_put_schema(struct sl_grow *g, struct sl_str schema, bool plain)
{
    struct sl_grow made;

    if (!plain || sl_json_type_of(schema) != SL_JSON_OBJECT) {
        put_members(g, schema);
        return;
    }
    sl_grow_init(&made, schema.n + 64);
    sl_neutral_put_plain(&made, schema);
    put_members(g, sl_grow_str(&made));
    if (made.err != SL_OK && g->err == SL_OK)
        g->err = made.err;
    sl_grow_fini(&made);
}
