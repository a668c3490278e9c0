/* base/json_lane.c -- one step for each value with its key, and for what stands behind it; each
 * says whether it got on, and leaves the machine's state right in either case. */
#include "base/json_lane.h"

const char *sl_json_skip_text(const char *p, const char *end)
{
#ifdef SL_JSON_SSE2
    if (end - p >= SL_JSON_STEP && sl_json_stops_within(&p))
        return p; /* a long name */
    while (end - p >= 64) {
        __m128i a = _mm_or_si128(sl_json_stops(p), sl_json_stops(p + 16));
        __m128i b = _mm_or_si128(sl_json_stops(p + 32), sl_json_stops(p + 48));

        if (_mm_movemask_epi8(_mm_or_si128(a, b)) != 0)
            break;
        p += 64;
    }
#endif
    while (end - p >= SL_JSON_STEP && !sl_json_stops_within(&p))
        ;
#ifdef SL_JSON_SSE2
    if (end - p >= 4 && end - p < SL_JSON_STEP)
        return sl_json_skip_few(p, end);
#endif
    while (p < end && sl_json_is_plain(*p))
        p++;
    return p;
}

bool sl_json_pass_rest(const char **at, const char *end)
{
    const char *p = *at;

    for (;;) {
        p = sl_json_skip_run(p, end);
        *at = p;
        if (p < end && *p == '"') {
            *at = p + 1;
            return true;
        }
        /* \u and what the piece's end cuts off: byte by byte */
        if (end - p < 2 || *p != '\\' || sl_json_escaped(p[1]) == 0)
            return false;
        p += 2;
    }
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

static bool pass_string(struct sl_json_lane *l, bool is_key)
{
    bool whole = sl_json_pass_string(&l->p, l->end);

    l->is_key = is_key;
    l->state = !whole ? STRING : is_key ? COLON : AFTER;
    return whole;
}

/* From a key's quote to the value's first byte. */
static bool pass_key(struct sl_json_lane *l)
{
    if (*l->p != '"' || !pass_string(l, true) || l->p == l->end || *l->p != ':')
        return false;
    l->state = VALUE;
    l->p = sl_json_skip_space(l->p + 1, l->end);
    return l->p < l->end;
}

static bool pass_value(struct sl_json_lane *l)
{
    enum sl_json_type type;
    bool done = false;

    if (*l->p == '"')
        return pass_string(l, false);
    if (!sl_json_begins(*l->p, &type))
        return false;
    if (type == SL_JSON_OBJECT || type == SL_JSON_ARRAY)
        return pass_open(l, type == SL_JSON_OBJECT);
    done = type == SL_JSON_NUMBER ? sl_json_pass_number(&l->p, l->end)
                                  : sl_json_pass_literal(&l->p, l->end, type);
    if (done)
        l->state = AFTER;
    return done;
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
    if (l->state == AFTER)
        return pass_after(l);
    if ((l->state == FIRST_VALUE && *l->p == ']') || (l->state == FIRST_KEY && *l->p == '}'))
        return pass_close(l);
    if ((l->state == FIRST_KEY || l->state == KEY) && !pass_key(l))
        return false;
    return l->state != COLON && pass_value(l);
}

void sl_json_lane_run(struct sl_json_lane *lane)
{
    struct sl_json_lane l = *lane; /* a copy, for the compiler to keep in registers */

    do {
        l.p = sl_json_skip_space(l.p, l.end);
    } while (l.p < l.end && pass_step(&l));
    *lane = l;
}
