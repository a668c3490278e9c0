/* base/json_lane.h -- the states of base/json's machine, and the lane for what lies below the
 * top object.
 *
 * Private to the json files of base/. Nothing is reported from below the top, and most bytes of a
 * client's request lie there: what is whole in this piece and in order is passed without the
 * machine. At anything else, and at the bracket that leads back to the top, the machine in json.c
 * goes on from where the lane stopped.
 *
 * Holder   On the stack of one sl_json_feed(); it owns nothing and allocates nothing.
 * Errors   None of its own: it stops before what is wrong, and the machine says so.
 */
#ifndef SL_BASE_JSON_LANE_H
#define SL_BASE_JSON_LANE_H

#include "base/json_scan.h"
#include "base/utf8.h"

enum sl_json_state {
    VALUE,
    FIRST_VALUE, /* or the end of an empty array */
    FIRST_KEY,   /* or the end of an empty object */
    KEY,
    COLON,
    AFTER, /* a value inside a container */
    END,   /* the text is whole; only white space may follow */
    STRING,
    ESCAPE,
    HEX,
    UTF8,
    LITERAL,
    MINUS, /* numbers: what was last */
    ZERO,
    INTEGER,
    POINT,
    FRACTION,
    EXPONENT,
    EXPONENT_SIGN,
    EXPONENT_DIGITS
};

struct sl_json_lane {
    const char *p, *end; /* up: the piece's */
    uint64_t nesting;    /* and on: as in struct sl_json */
    uint8_t depth;       /* 2 or more */
    enum sl_json_state state;
    bool is_key; /* of a string that was not whole: state STRING */
};

/* As far as it goes. */
void sl_json_lane_run(struct sl_json_lane *l);

static inline bool sl_json_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline const char *sl_json_skip_utf8(const char *p, const char *end)
{
    while (p < end && (uint8_t)*p >= 0x80) {
        size_t n = sl_utf8_len(p, (size_t)(end - p));

        if (n == 0)
            break;
        p += n;
    }
    return p;
}

/* To what ends the run: quote, backslash, the piece's end, or what is wrong. */
static inline const char *sl_json_skip_run(const char *p, const char *end)
{
    p = sl_json_skip_plain(p, end);
    while (p < end && (uint8_t)*p >= 0x80) {
        const char *before = p;

        p = sl_json_skip_utf8(p, end);
        if (p == before)
            break;
        p = sl_json_skip_plain(p, end);
    }
    return p;
}

/* --- Scalars that are whole. True: `*at` is behind it. ------------------------------ */

/* The same from within the string, where it is not plain. */
bool sl_json_pass_rest(const char **at, const char *end);

/* From the opening quote. False: `*at` is where it stopped within. */
static inline bool sl_json_pass_string(const char **at, const char *end)
{
    *at = sl_json_skip_plain(*at + 1, end);
    if (*at == end || **at != '"')
        return sl_json_pass_rest(at, end);
    ++*at;
    return true;
}

/* An integer with something behind it that ends it. */
static inline bool sl_json_pass_number(const char **at, const char *end)
{
    const char *p = *at + 1;

    if (**at == '-')
        return false;
    if (**at != '0')
        while (p < end && sl_json_is_digit(*p))
            p++;
    if (p == end || (*p != ',' && *p != '}' && *p != ']' && !sl_json_is_space(*p)))
        return false;
    *at = p;
    return true;
}

static inline bool sl_json_pass_literal(const char **at, const char *end, enum sl_json_type type)
{
    size_t n = type == SL_JSON_FALSE ? 5 : 4;
    const char *text = type == SL_JSON_FALSE ? "false" : type == SL_JSON_TRUE ? "true" : "null";

    if ((size_t)(end - *at) < n || memcmp(*at + n - 4, text + n - 4, 4) != 0)
        return false;
    *at += n;
    return true;
}

#endif
