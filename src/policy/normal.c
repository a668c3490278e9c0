/* policy/normal.c -- one run over a string's characters as they are written; what
 * is dropped is not copied. */
#include "policy/normal.h"

#include "base/grow.h"
#include "base/json.h"

#define JOINER 0x200d

struct range {
    uint32_t from, to;
};

/* Unicode 16.0, DerivedCoreProperties.txt, Default_Ignorable_Code_Point; and from
 * UnicodeData.txt the interlinear annotation marks, which show as little. */
static const struct range invisible[] = {
    {0x00ad, 0x00ad},   {0x034f, 0x034f},   {0x061c, 0x061c}, {0x115f, 0x1160}, {0x17b4, 0x17b5},
    {0x180b, 0x180f},   {0x200b, 0x200f},   {0x202a, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164},
    {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

/* Unicode 16.0, PropList.txt, White_Space. */
static const struct range white[] = {
    {0x0009, 0x000d}, {0x0020, 0x0020}, {0x0085, 0x0085}, {0x00a0, 0x00a0}, {0x1680, 0x1680},
    {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
};

/* Of emoji-data.txt, Extended_Pictographic (Unicode 16.0), the ranges that emoji
 * joined by U+200D are made of; not the letters in squares and circles, which
 * words can be written with. Skin tones count as the picture they colour. */
static const struct range pictures[] = {
    {0x2194, 0x2199},   {0x2600, 0x2605},   {0x2607, 0x2612},   {0x2614, 0x2685},
    {0x2690, 0x2705},   {0x2708, 0x2712},   {0x2744, 0x2744},   {0x2763, 0x2767},
    {0x27a1, 0x27a1},   {0x2b05, 0x2b07},   {0x2b1b, 0x2b1c},   {0x1f300, 0x1f53d},
    {0x1f546, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f7d5, 0x1f7ff}, {0x1f90c, 0x1f93a},
    {0x1f93c, 0x1f945}, {0x1f947, 0x1faff},
};

static bool is_in(const struct range *r, size_t n, uint32_t code)
{
    for (size_t i = 0; i < n && code >= r[i].from; i++)
        if (code <= r[i].to)
            return true;
    return false;
}
#define IS_IN(table, code) is_in((table), sizeof(table) / sizeof((table)[0]), (code))

static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

unsigned sl_normal_find(struct sl_str name)
{
    static const struct {
        struct sl_str name;
        unsigned bit;
    } all[] = {{SL_STR_INIT("trim"), SL_NORMAL_TRIM},
               {SL_STR_INIT("spaces"), SL_NORMAL_SPACES},
               {SL_STR_INIT("invisible"), SL_NORMAL_INVISIBLE}};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (sl_str_eq(name, all[i].name))
            return all[i].bit;
    return 0;
}

/* --- One string ----------------------------------------------------------------------- */

struct run {
    unsigned which;
    char *out;     /* up: room for as much as comes in */
    size_t n;      /* bytes written */
    size_t solid;  /* of them, up to the last that trimming would leave */
    bool is_space; /* the last one was one space for many */
    bool picture;  /* the last character was one */
};

static bool is_dropped(const struct run *r, uint32_t code, struct sl_str behind)
{
    uint32_t next;

    if ((r->which & SL_NORMAL_INVISIBLE) == 0 || !IS_IN(invisible, code))
        return false;
    return code != JOINER || !r->picture || sl_json_char(behind, &next) == 0 ||
           !IS_IN(pictures, next);
}

static void put(struct run *r, struct sl_str raw, uint32_t code)
{
    bool space = IS_IN(white, code);
    bool edge = space || is_control(code);

    if ((r->which & SL_NORMAL_TRIM) != 0 && edge && r->solid == 0)
        return;
    if ((r->which & SL_NORMAL_SPACES) != 0 && space) {
        if (r->is_space)
            return;
        raw = SL_STR(" ");
        r->is_space = true;
    } else {
        r->is_space = false;
    }
    memcpy(r->out + r->n, raw.p, raw.n);
    r->n += raw.n;
    r->picture = IS_IN(pictures, code);
    if (!edge)
        r->solid = r->n;
}

/* The usual text: printable ASCII, single spaces inside. */
static bool is_normal(struct sl_str inner)
{
    char last = ' ';

    for (size_t i = 0; i < inner.n; i++) {
        char c = inner.p[i];

        if (c < 0x20 || c > 0x7e || c == '\\' || c == '"' || (c == ' ' && last == ' '))
            return false;
        last = c;
    }
    return inner.n == 0 || last != ' ';
}

enum sl_err sl_normal_string(struct sl_str value, unsigned which, struct sl_arena *a,
                             struct sl_str *out)
{
    struct sl_str rest;
    struct run r = {.which = which};

    if (value.n < 2 || value.p[0] != '"' || value.p[value.n - 1] != '"')
        return SL_ERR_BAD_BODY;
    rest = (struct sl_str){value.p + 1, value.n - 2};
    *out = value;
    if (which == 0 || is_normal(rest))
        return SL_OK;
    r.out = sl_arena_alloc(a, value.n);
    if (r.out == NULL)
        return SL_ERR_NO_MEMORY;
    r.out++; /* behind the quote */
    while (rest.n > 0) {
        uint32_t code;
        size_t n = sl_json_char(rest, &code);
        struct sl_str raw = sl_str_first(rest, n);

        if (n == 0)
            return SL_ERR_BAD_BODY;
        rest = sl_str_from(rest, n);
        if (!is_dropped(&r, code, rest))
            put(&r, raw, code);
    }
    if ((which & SL_NORMAL_TRIM) != 0)
        r.n = r.solid;
    /* every change makes it shorter: the one-byte space is left as it is */
    if (r.n + 2 == value.n)
        return SL_OK;
    r.out[-1] = r.out[r.n] = '"';
    *out = (struct sl_str){r.out - 1, r.n + 2};
    return SL_OK;
}

/* --- Texts in a body ------------------------------------------------------------------ */

struct edit {
    unsigned which;
    struct sl_arena *a; /* up */
    struct sl_str from; /* what is not copied yet */
    struct sl_grow out;
    enum sl_err err;
};

static void edit_string(struct edit *e, struct sl_str value)
{
    struct sl_str made;

    if (e->err == SL_OK)
        e->err = sl_normal_string(value, e->which, e->a, &made);
    if (e->err != SL_OK || made.p == value.p)
        return;
    sl_grow_add(&e->out, sl_str_first(e->from, (size_t)(value.p - e->from.p)));
    sl_grow_add(&e->out, made);
    e->from = sl_str_from(e->from, (size_t)(value.p - e->from.p) + value.n);
}

static bool is(struct sl_str object, struct sl_str key, struct sl_str value)
{
    return sl_str_eq(sl_json_get(object, key), value);
}

static void edit_texts(struct edit *e, struct sl_str value, unsigned depth);

/* What a model wrote goes back to it unchanged: signatures cover it. */
static void edit_object(struct edit *e, struct sl_str object, unsigned depth)
{
    bool is_text = is(object, SL_STR("type"), SL_STR("\"text\""));
    struct sl_str key, value;
    size_t pos = 0;

    if (is(object, SL_STR("role"), SL_STR("\"assistant\"")) ||
        is(object, SL_STR("type"), SL_STR("\"reasoning\"")))
        return;
    while (sl_json_next_member(object, &pos, &key, &value)) {
        bool inside =
            sl_json_key_is(key, SL_STR("source")) && sl_json_type_of(value) == SL_JSON_OBJECT;

        if (inside || sl_json_key_is(key, SL_STR("text")) ||
            sl_json_key_is(key, SL_STR("content")) ||
            (is_text && sl_json_key_is(key, SL_STR("data"))))
            edit_texts(e, value, depth);
    }
}

static void edit_texts(struct edit *e, struct sl_str value, unsigned depth)
{
    struct sl_str element;
    size_t pos = 0;

    if (depth == SL_JSON_DEPTH)
        return;
    switch (sl_json_type_of(value)) {
    case SL_JSON_STRING: edit_string(e, value); break;
    case SL_JSON_OBJECT: edit_object(e, value, depth + 1); break;
    case SL_JSON_ARRAY:
        while (sl_json_next(value, &pos, &element))
            edit_texts(e, element, depth + 1);
        break;
    case SL_JSON_NULL:
    case SL_JSON_FALSE:
    case SL_JSON_TRUE:
    case SL_JSON_NUMBER: break;
    }
}

static enum sl_err finish(struct edit *e, struct sl_str whole, struct sl_str *out)
{
    if (e->err == SL_OK && e->from.p != whole.p) {
        sl_grow_add(&e->out, e->from);
        return sl_grow_take(&e->out, e->a, out);
    }
    sl_grow_fini(&e->out);
    *out = whole;
    return e->err;
}

enum sl_err sl_normal_item(struct sl_str item, unsigned which, struct sl_arena *a,
                           struct sl_str *out)
{
    struct edit e = {.which = which, .a = a, .from = item};

    sl_grow_init(&e.out, item.n);
    edit_texts(&e, item, 0);
    return finish(&e, item, out);
}

enum sl_err sl_normal_body(struct sl_str body, unsigned which, struct sl_arena *a,
                           struct sl_str *out)
{
    static const struct sl_str keys[] = {SL_STR_INIT("input"), SL_STR_INIT("prompt"),
                                         SL_STR_INIT("system"), SL_STR_INIT("instructions"),
                                         SL_STR_INIT("messages")};
    struct edit e = {.which = which, .a = a, .from = body};
    struct sl_str key, value;
    size_t pos = 0;

    sl_grow_init(&e.out, body.n);
    while (which != 0 && sl_json_next_member(body, &pos, &key, &value))
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
            if (sl_json_key_is(key, keys[i]))
                edit_texts(&e, value, 0);
    return finish(&e, body, out);
}
