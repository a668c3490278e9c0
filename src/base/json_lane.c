/* base/json_lane.c -- one step for each value, key, comma and bracket; each says whether it got
 * behind it, and leaves the machine's state right in either case. */
#include "base/json_lane.h"

/* From behind the opening quote to behind the closing one. False: it stopped within. */
static bool pass_string(struct sl_json_lane *l)
{
    const char *p = l->p + 1;

    for (;;) {
        p = sl_json_skip_run(p, l->end);
        l->p = p;
        if (p < l->end && *p == '"') {
            l->p = p + 1;
            return true;
        }
        /* \u and what the piece's end cuts off: byte by byte */
        if (l->end - p < 2 || *p != '\\' || sl_json_escaped(p[1]) == 0)
            return false;
        p += 2;
    }
}

static bool pass_literal(struct sl_json_lane *l, struct sl_str text)
{
    if ((size_t)(l->end - l->p) < text.n || memcmp(l->p, text.p, text.n) != 0)
        return false;
    l->p += text.n;
    return true;
}

/* An integer with something behind it that ends it. */
static bool pass_number(struct sl_json_lane *l)
{
    const char *p = l->p + 1;

    if (*l->p != '0')
        while (p < l->end && sl_json_is_digit(*p))
            p++;
    if (p == l->end || (*p != ',' && *p != '}' && *p != ']' && !sl_json_is_space(*p)))
        return false;
    l->p = p;
    return true;
}

static bool pass_open(struct sl_json_lane *l, bool object)
{
    uint64_t bit;

    if (l->depth == SL_JSON_DEPTH)
        return false;
    bit = (uint64_t)1 << l->depth;
    l->nesting = object ? l->nesting | bit : l->nesting & ~bit;
    l->depth++;
    l->state = object ? FIRST_KEY : FIRST_VALUE;
    l->p++;
    return true;
}

static bool pass_close(struct sl_json_lane *l)
{
    if (l->depth == 2)
        return false;
    l->depth--;
    l->state = AFTER;
    l->p++;
    return true;
}

static bool pass_value(struct sl_json_lane *l)
{
    enum sl_json_type type;
    bool done = false;

    if (!sl_json_begins(*l->p, &type))
        return false;
    switch (type) {
    case SL_JSON_OBJECT:
    case SL_JSON_ARRAY: return pass_open(l, type == SL_JSON_OBJECT);
    case SL_JSON_STRING:
        done = pass_string(l);
        l->is_key = false;
        if (!done)
            l->state = STRING;
        break;
    case SL_JSON_NUMBER: done = *l->p != '-' && pass_number(l); break;
    case SL_JSON_NULL: done = pass_literal(l, SL_STR("null")); break;
    case SL_JSON_FALSE: done = pass_literal(l, SL_STR("false")); break;
    case SL_JSON_TRUE: done = pass_literal(l, SL_STR("true")); break;
    }
    if (done)
        l->state = AFTER;
    return done;
}

static bool pass_key(struct sl_json_lane *l)
{
    if (*l->p != '"')
        return false;
    if (!pass_string(l)) {
        l->is_key = true;
        l->state = STRING;
        return false;
    }
    l->state = COLON;
    if (l->p < l->end && *l->p == ':') {
        l->state = VALUE;
        l->p++;
    }
    return true;
}

static bool pass_after(struct sl_json_lane *l)
{
    bool object = (l->nesting >> (l->depth - 1) & 1) != 0;

    if (*l->p == (object ? '}' : ']'))
        return pass_close(l);
    if (*l->p != ',')
        return false;
    l->state = object ? KEY : VALUE;
    l->p++;
    return true;
}

static bool pass_step(struct sl_json_lane *l)
{
    switch (l->state) {
    case FIRST_VALUE: return *l->p == ']' ? pass_close(l) : pass_value(l);
    case VALUE: return pass_value(l);
    case FIRST_KEY: return *l->p == '}' ? pass_close(l) : pass_key(l);
    case KEY: return pass_key(l);
    case AFTER: return pass_after(l);
    default: return false;
    }
}

void sl_json_lane_run(struct sl_json_lane *l)
{
    do {
        l->p = sl_json_skip_space(l->p, l->end);
    } while (l->p < l->end && pass_step(l));
}
