/* base/json_read.c -- small readers over one value that was found valid.
 *
 * They trust the text to be JSON, not to be there: on anything else they give
 * some answer, and never look past the slice.
 */
#include "base/json.h"

#include "base/json_scan.h"
#include "base/utf8.h"

/* From within a string that is not plain: behind its closing quote, or `end`. */
static const char *skip_rest(const char *p, const char *end)
{
    while (p < end && *p != '"') {
        if (*p == '\\') {
            if (end - p < 2)
                return end;
            p += 2;
        } else {
            p++; /* a control byte is not in valid JSON */
        }
        while (p < end && (uint8_t)*p >= 0x80)
            p++;
        p = sl_json_skip_plain(p, end);
    }
    return p < end ? p + 1 : end;
}

/* Behind the closing quote of the string that begins at `p`, or `end`. */
static inline const char *skip_string(const char *p, const char *end)
{
    p = sl_json_skip_plain(p + 1, end);
    return p < end && *p == '"' ? p + 1 : skip_rest(p, end);
}

static const char *skip_container(const char *p, const char *end)
{
    static const uint8_t marks[256] = {['"'] = 1, ['{'] = 2, ['['] = 2, ['}'] = 3, [']'] = 3};
    size_t depth = 0;

    while (p < end) {
        switch (marks[(uint8_t)*p]) {
        case 1: p = skip_string(p, end); continue;
        case 2: depth++; break;
        case 3:
            if (--depth == 0)
                return p + 1;
            break;
        default: break;
        }
        p++;
    }
    return end;
}

static const char *skip_value(const char *p, const char *end)
{
    if (p == end)
        return end;
    if (*p == '"')
        return skip_string(p, end);
    if (*p == '{' || *p == '[')
        return skip_container(p, end);
    while (p < end && *p >= '0' && *p <= '9') /* as most numbers are */
        p++;
    while (p < end && *p != ',' && *p != '}' && *p != ']' && !sl_json_is_space(*p))
        p++;
    return p;
}

static bool read_unit(const char *p, const char *end, uint32_t *unit)
{
    uint32_t v = 0;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return false;
    for (int i = 2; i < 6; i++) {
        int digit = sl_json_hex(p[i]);

        if (digit < 0)
            return false;
        v = v << 4 | (uint32_t)digit;
    }
    *unit = v;
    return true;
}

/* The code point that the escape at `*p` stands for; false if it is none. */
static bool escape_code(const char **p, const char *end, uint32_t *code)
{
    uint32_t low;

    if (read_unit(*p, end, code)) {
        *p += 6;
        if (*code >= 0xd800 && *code <= 0xdbff && read_unit(*p, end, &low) && low >= 0xdc00 &&
            low <= 0xdfff) {
            *p += 6;
            *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
        }
        return true;
    }
    if (end - *p < 2 || sl_json_escaped((*p)[1]) == 0)
        return false;
    *code = (uint8_t)sl_json_escaped((*p)[1]);
    *p += 2;
    return true;
}

/* The same as UTF-8; 0 if it is none. */
static size_t read_escape(const char **p, const char *end, char out[4])
{
    uint32_t code;

    return escape_code(p, end, &code) ? sl_json_encode(code, out) : 0;
}

bool sl_json_same_key(struct sl_str raw, struct sl_str key)
{
    const char *p = raw.p, *end = raw.p + raw.n;

    if (raw.n == key.n)
        return sl_str_eq(raw, key) && (raw.n == 0 || memchr(raw.p, '\\', raw.n) == NULL);
    if (memchr(raw.p, '\\', raw.n) == NULL)
        return false;
    while (p < end) {
        char bytes[4] = {*p};
        size_t n = 1;

        if (*p == '\\')
            n = read_escape(&p, end, bytes);
        else
            p++;
        if (n == 0 || key.n < n || memcmp(bytes, key.p, n) != 0)
            return false;
        key = sl_str_from(key, n);
    }
    return key.n == 0;
}

struct sl_str sl_json_get(struct sl_str obj, struct sl_str key)
{
    const char *p = obj.p, *end = obj.n > 0 ? obj.p + obj.n : obj.p;

    p = sl_json_skip_space(p, end);
    if (p == end || *p != '{')
        return (struct sl_str){NULL, 0};
    p = sl_json_skip_space(p + 1, end);
    while (p < end && *p == '"') {
        const char *name = p + 1, *name_end, *value;

        p = skip_string(p, end);
        name_end = p - 1 > name ? p - 1 : name;
        p = sl_json_skip_space(p, end);
        if (p == end || *p != ':')
            break;
        value = sl_json_skip_space(p + 1, end);
        p = skip_value(value, end);
        if (sl_json_key_is((struct sl_str){name, (size_t)(name_end - name)}, key))
            return (struct sl_str){value, (size_t)(p - value)};
        p = sl_json_skip_space(p, end);
        if (p == end || *p != ',')
            break;
        p = sl_json_skip_space(p + 1, end);
    }
    return (struct sl_str){NULL, 0};
}

bool sl_json_next(struct sl_str array, size_t *pos, struct sl_str *element)
{
    const char *end = array.n > 0 ? array.p + array.n : array.p;
    const char *p = *pos <= array.n && array.n > 0 ? array.p + *pos : end;
    const char *value;

    p = sl_json_skip_space(p, end);
    if (p == end || *p != (*pos == 0 ? '[' : ','))
        return false;
    value = sl_json_skip_space(p + 1, end);
    p = skip_value(value, end);
    if (p == value) /* the end of an empty array */
        return false;
    *pos = (size_t)(p - array.p);
    *element = (struct sl_str){value, (size_t)(p - value)};
    return true;
}

bool sl_json_next_member(struct sl_str object, size_t *pos, struct sl_str *key,
                         struct sl_str *value)
{
    const char *end = object.n > 0 ? object.p + object.n : object.p;
    const char *p = *pos <= object.n && object.n > 0 ? object.p + *pos : end;
    const char *name;
    struct sl_str rest;

    p = sl_json_skip_space(p, end);
    if (p == end || *p != (*pos == 0 ? '{' : ','))
        return false;
    name = sl_json_skip_space(p + 1, end);
    rest = (struct sl_str){name, (size_t)(end - name)};
    if (!sl_json_pass_key(&rest, key))
        return false;
    *value = sl_json_pass(&rest);
    *pos = object.n - rest.n;
    return value->n > 0;
}

/* ---- going down ---- */

static void begin_at(struct sl_str *rest, const char *p)
{
    rest->n -= (size_t)(p - rest->p);
    rest->p = p;
}

static const char *end_of(const struct sl_str *rest)
{
    return rest->n > 0 ? rest->p + rest->n : rest->p;
}

struct sl_str sl_json_pass(struct sl_str *rest)
{
    const char *from = rest->p, *p = skip_value(from, end_of(rest));

    begin_at(rest, p);
    return (struct sl_str){from, (size_t)(p - from)};
}

/* To what comes behind `p`; a bracket that closes is passed. */
static bool go_on(struct sl_str *rest, const char *p)
{
    const char *end = end_of(rest);
    bool closes;

    p = sl_json_skip_space(p, end);
    closes = p < end && (*p == ']' || *p == '}');
    begin_at(rest, closes ? p + 1 : p);
    return !closes && p < end;
}

bool sl_json_enter(struct sl_str *rest)
{
    return rest->n > 0 && go_on(rest, rest->p + 1);
}

bool sl_json_pass_key(struct sl_str *rest, struct sl_str *key)
{
    const char *end = end_of(rest), *name = rest->p, *p;

    if (rest->n == 0 || *name != '"')
        return false;
    p = skip_string(name, end);
    if (p - name < 2)
        return false;
    *key = (struct sl_str){name + 1, (size_t)(p - name) - 2};
    p = sl_json_skip_space(p, end);
    if (p == end || *p != ':')
        return false;
    begin_at(rest, sl_json_skip_space(p + 1, end));
    return true;
}

bool sl_json_goes_on(struct sl_str *rest)
{
    const char *end = end_of(rest), *p = sl_json_skip_space(rest->p, end);
    bool more = p < end && *p == ',';

    return go_on(rest, more ? p + 1 : p) && more;
}

enum sl_json_type sl_json_type_of(struct sl_str value)
{
    const char *end = value.n > 0 ? value.p + value.n : value.p;
    const char *p = sl_json_skip_space(value.p, end);
    enum sl_json_type type;

    return p < end && sl_json_begins(*p, &type) ? type : SL_JSON_NULL;
}

bool sl_json_u64(struct sl_str value, uint64_t *out)
{
    return sl_str_to_u64(value, out);
}

bool sl_json_unescape(struct sl_str value, char *out, size_t cap, size_t *n)
{
    const char *p, *end;
    size_t used = 0;

    if (value.n < 2 || value.p[0] != '"' || value.p[value.n - 1] != '"')
        return false;
    p = value.p + 1;
    end = value.p + value.n - 1;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((slash != NULL ? slash : end) - p);
        char bytes[4];
        size_t k;

        if (run > cap - used)
            return false;
        memcpy(out + used, p, run);
        used += run;
        p += run;
        if (slash == NULL)
            break;
        k = read_escape(&p, end, bytes);
        if (k == 0 || k > cap - used)
            return false;
        memcpy(out + used, bytes, k);
        used += k;
    }
    *n = used;
    return true;
}

size_t sl_json_char(struct sl_str inner, uint32_t *code)
{
    const char *p = inner.p, *end = inner.n > 0 ? inner.p + inner.n : inner.p;
    const uint8_t *u = (const uint8_t *)inner.p;
    size_t n;

    if (inner.n == 0 || *u < 0x20 || *u == '"')
        return 0;
    if (*u == '\\')
        return escape_code(&p, end, code) ? (size_t)(p - inner.p) : 0;
    n = sl_utf8_len(inner.p, inner.n);
    if (n == 0)
        return 0;
    *code = n == 1 ? u[0] : u[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        *code = *code << 6 | (u[i] & 0x3f);
    return n;
}
