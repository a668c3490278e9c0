/* base/json.c -- the scanner: a machine that takes runs, not bytes.
 *
 *   VALUE --"--> STRING --"--> AFTER --,--> VALUE or KEY
 *     |          | \  \        ^   \--]}--> AFTER, or END at the top
 *     |     UTF8 ESCAPE HEX    |
 *     |--digit--> number ------+        KEY --"--> STRING --"--> COLON -:-> VALUE
 *     |--letter-> LITERAL -----+
 *     |--[--> FIRST_VALUE      |--{--> FIRST_KEY
 *
 * All of the state lies in struct sl_json, so a piece may end anywhere. Each
 * state's function takes as many bytes as it can and returns where it stopped;
 * after an error that is the bad byte. Below the top object, where nothing is
 * reported, a lane of its own passes what is whole and in order.
 */
#include "base/json.h"

#include "base/json_keys.h"
#include "base/json_lane.h"
#include "base/json_scan.h"
#include "base/mem.h"
#include "base/utf8.h"

enum role { ROLE_VALUE, ROLE_KEY, ROLE_MEMBER };

struct feed {
    struct sl_json *j; /* up */
    const char *start; /* of the piece; its place in the text is j->at */
    const char *end;
};

#define OVER SIZE_MAX /* picked_n of a value that is too long to pick */

void sl_json_init(struct sl_json *j)
{
    memset(j, 0, sizeof(*j));
    j->state = VALUE;
    j->comma = UINT64_MAX;
}

void sl_json_fini(struct sl_json *j)
{
    sl_mem_free(j->keys);
    sl_mem_free(j->picked);
    j->keys = NULL;
    j->picked = NULL;
}

static inline uint64_t place(const struct feed *f, const char *p)
{
    return f->j->at + (uint64_t)(p - f->start);
}

static const char *fail(struct feed *f, const char *p, enum sl_err e)
{
    f->j->err = e;
    return p;
}

static const char *bad(struct feed *f, const char *p)
{
    return fail(f, p, SL_ERR_BAD_BODY);
}

static inline bool in_object(const struct sl_json *j)
{
    return (j->nesting >> (j->depth - 1) & 1) != 0;
}

static inline bool in_top_object(const struct sl_json *j)
{
    return j->depth == 1 && (j->nesting & 1) != 0;
}

/* --- Members of the top object -------------------------------------------------- */

/* Gathers a part of a picked value that does not lie in one piece. */
static enum sl_err keep_picked(struct sl_json *j, const char *p, size_t n)
{
    if (j->picked_n == OVER || n == 0)
        return SL_OK;
    if (n > SL_JSON_PICK - j->picked_n) {
        j->picked_n = OVER;
        return SL_OK;
    }
    if (j->picked == NULL)
        j->picked = sl_mem_try(SL_JSON_PICK);
    if (j->picked == NULL)
        return SL_ERR_NO_MEMORY;
    memcpy(j->picked + j->picked_n, p, n);
    j->picked_n += n;
    return SL_OK;
}

/* Where the current value goes on in this piece. */
static const char *value_start(const struct feed *f)
{
    const struct sl_json *j = f->j;

    return j->now.value_at > j->at ? f->start + (j->now.value_at - j->at) : f->start;
}

static enum sl_err finish_pick(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;
    const char *from = value_start(f);
    enum sl_err e;

    j->picking = false;
    if (j->now.value_at >= j->at) {
        if (p - from <= SL_JSON_PICK)
            j->now.value = (struct sl_str){from, (size_t)(p - from)};
        return SL_OK;
    }
    e = keep_picked(j, from, (size_t)(p - from));
    if (e == SL_OK && j->picked_n != OVER)
        j->now.value = (struct sl_str){j->picked, j->picked_n};
    return e;
}

static void begin_member(struct feed *f, const char *p, enum sl_json_type type)
{
    struct sl_json *j = f->j;

    j->now.type = type;
    j->now.value_at = place(f, p);
    j->now.value = (struct sl_str){NULL, 0};
    j->now.key = (struct sl_str){j->key, j->key_n};
    j->picked_n = 0;
    j->picking = j->pick != NULL && j->pick(j->ctx, j->now.key);
}

/* A value ended before `p`. */
static const char *value_done(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;

    j->state = j->depth > 0 ? AFTER : END;
    if (!in_top_object(j))
        return p;
    j->now.value_end = place(f, p);
    if (j->picking) {
        enum sl_err e = finish_pick(f, p);

        if (e != SL_OK)
            return fail(f, p, e);
    }
    if (j->member != NULL)
        j->member(j->ctx, &j->now);
    return p;
}

/* --- Strings -------------------------------------------------------------------- */

static inline void begin_string(struct sl_json *j, enum role role)
{
    j->role = (uint8_t)role;
    j->state = STRING;
}

/* Bytes that belong to the key if a member's key is read; returns how many of
 * them had room. */
static inline size_t collect(struct sl_json *j, const char *p, size_t n)
{
    return j->role == ROLE_MEMBER ? sl_json_key_add(j, p, n) : n;
}

static const char *end_string(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;

    if (j->role == ROLE_VALUE)
        return value_done(f, p + 1);
    j->state = COLON;
    if (j->role == ROLE_MEMBER) {
        enum sl_err e = sl_json_key_done(j);

        if (e != SL_OK)
            return fail(f, p, e);
    }
    if (f->end - p > 1 && p[1] == ':') { /* as good as always */
        j->state = VALUE;
        p++;
    }
    return p + 1;
}

/* A sequence that is split by the piece's end, or wrong: byte by byte. */
static const char *begin_utf8(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;
    struct sl_utf8_lead lead = sl_utf8_lead((uint8_t)*p);

    if (lead.due == 0)
        return bad(f, p);
    if (collect(j, p, 1) != 1)
        return fail(f, p, SL_ERR_CEILING);
    j->utf8 = lead.due;
    j->utf8_lo = lead.lo;
    j->utf8_hi = lead.hi;
    j->state = UTF8;
    return p + 1;
}

static const char *in_utf8(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;
    uint8_t c = (uint8_t)*p;

    if (c < j->utf8_lo || c > j->utf8_hi)
        return bad(f, p);
    if (collect(j, p, 1) != 1)
        return fail(f, p, SL_ERR_CEILING);
    j->utf8_lo = 0x80;
    j->utf8_hi = 0xbf;
    if (--j->utf8 == 0)
        j->state = STRING;
    return p + 1;
}

static const char *in_string(struct feed *f, const char *p)
{
    const char *from = p;

    p = sl_json_skip_run(p, f->end);
    if (f->j->role == ROLE_MEMBER) {
        size_t fits = sl_json_key_add(f->j, from, (size_t)(p - from));

        if (fits != (size_t)(p - from))
            return fail(f, from + fits, SL_ERR_CEILING);
    }
    if (p == f->end)
        return p;
    if (*p == '"')
        return end_string(f, p);
    if (*p == '\\') {
        f->j->state = ESCAPE;
        return p + 1;
    }
    return (uint8_t)*p >= 0x80 ? begin_utf8(f, p) : bad(f, p);
}

static const char *begin_key(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;

    if (*p != '"')
        return bad(f, p);
    begin_string(j, j->depth == 1 ? ROLE_MEMBER : ROLE_KEY);
    if (j->depth == 1) {
        j->now.start = place(f, p);
        j->now.comma_before = j->comma;
        j->key_n = 0;
    }
    return in_string(f, p + 1);
}

static const char *in_escape(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;
    char c = sl_json_escaped(*p);

    if (*p == 'u') {
        j->unit = 0;
        j->hex = 4;
        j->state = HEX;
        return p + 1;
    }
    if (c == 0)
        return bad(f, p);
    if (collect(j, &c, 1) != 1)
        return fail(f, p, SL_ERR_CEILING);
    j->state = STRING;
    return p + 1;
}

static const char *in_hex(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;
    int digit = sl_json_hex(*p);

    if (digit < 0)
        return bad(f, p);
    j->unit = (uint16_t)(j->unit << 4 | digit);
    if (--j->hex > 0)
        return p + 1;
    j->state = STRING;
    if (j->role == ROLE_MEMBER && !sl_json_key_add_unit(j, j->unit))
        return fail(f, p, SL_ERR_CEILING);
    return p + 1;
}

/* --- Numbers and literals --------------------------------------------------------- */

/* Where `c` leads; AFTER: the number ended before it; VALUE: it may not stand
 * there. */
static enum sl_json_state number_next(enum sl_json_state state, char c)
{
    bool digit = sl_json_is_digit(c), e = c == 'e' || c == 'E';

    switch (state) {
    case MINUS: return c == '0' ? ZERO : digit ? INTEGER : VALUE;
    case ZERO: return c == '.' ? POINT : e ? EXPONENT : digit ? VALUE : AFTER;
    case INTEGER: return digit ? INTEGER : c == '.' ? POINT : e ? EXPONENT : AFTER;
    case POINT: return digit ? FRACTION : VALUE;
    case FRACTION: return digit ? FRACTION : e ? EXPONENT : AFTER;
    case EXPONENT: return digit ? EXPONENT_DIGITS : c == '+' || c == '-' ? EXPONENT_SIGN : VALUE;
    case EXPONENT_SIGN: return digit ? EXPONENT_DIGITS : VALUE;
    case EXPONENT_DIGITS: return digit ? EXPONENT_DIGITS : AFTER;
    default: return VALUE; /* the other states are none of a number */
    }
}

static const char *in_number(struct feed *f, const char *p)
{
    enum sl_json_state state = (enum sl_json_state)f->j->state, next;

    while (p < f->end) {
        if (state == INTEGER || state == FRACTION)
            while (p < f->end && sl_json_is_digit(*p))
                p++;
        if (p == f->end)
            break;
        next = number_next(state, *p);
        if (next == AFTER)
            return value_done(f, p);
        if (next == VALUE)
            return bad(f, p);
        state = next;
        p++;
    }
    f->j->state = (uint8_t)state;
    return p;
}

static bool number_may_end(enum sl_json_state state)
{
    return state == ZERO || state == INTEGER || state == FRACTION || state == EXPONENT_DIGITS;
}

static const char *in_literal(struct feed *f, const char *p)
{
    static const char *const texts[] = {
        [SL_JSON_NULL] = "null", [SL_JSON_FALSE] = "false", [SL_JSON_TRUE] = "true"};
    struct sl_json *j = f->j;
    const char *text = texts[j->literal];

    for (; p < f->end && text[j->literal_at] != '\0'; p++) {
        if (*p != text[j->literal_at])
            return bad(f, p);
        j->literal_at++;
    }
    return text[j->literal_at] == '\0' ? value_done(f, p) : p;
}

/* --- Structure --------------------------------------------------------------------- */

static const char *open_container(struct feed *f, const char *p, bool object)
{
    struct sl_json *j = f->j;
    uint64_t bit;

    if (j->depth == SL_JSON_DEPTH)
        return bad(f, p);
    bit = (uint64_t)1 << j->depth;
    j->nesting = object ? j->nesting | bit : j->nesting & ~bit;
    j->depth++;
    j->state = object ? FIRST_KEY : FIRST_VALUE;
    return p + 1;
}

static const char *close_container(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;

    if (in_top_object(j))
        j->object_end = place(f, p);
    j->depth--;
    return value_done(f, p + 1);
}

static const char *begin_value(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;
    enum sl_json_type type;

    if (!sl_json_begins(*p, &type) || (j->depth == 0 && j->need_object && type != SL_JSON_OBJECT))
        return bad(f, p);
    if (in_top_object(j))
        begin_member(f, p, type);
    switch (type) {
    case SL_JSON_OBJECT:
    case SL_JSON_ARRAY: return open_container(f, p, type == SL_JSON_OBJECT);
    case SL_JSON_STRING:
        if (sl_json_pass_string(&p, f->end))
            return value_done(f, p);
        begin_string(j, ROLE_VALUE);
        return p;
    case SL_JSON_NUMBER:
        if (sl_json_pass_number(&p, f->end))
            return value_done(f, p);
        j->state = *p == '-' ? MINUS : *p == '0' ? ZERO : INTEGER;
        return p + 1;
    case SL_JSON_NULL:
    case SL_JSON_FALSE:
    case SL_JSON_TRUE:
        if (sl_json_pass_literal(&p, f->end, type))
            return value_done(f, p);
        j->literal = (uint8_t)type;
        j->literal_at = 1;
        j->state = LITERAL;
        return p + 1;
    }
    return bad(f, p);
}

static const char *after_value(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;
    bool object = in_object(j);

    if (*p == ',') {
        if (j->depth == 1)
            j->comma = place(f, p);
        j->state = object ? KEY : VALUE;
        return p + 1;
    }
    return *p == (object ? '}' : ']') ? close_container(f, p) : bad(f, p);
}

static const char *below_top(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;
    struct sl_json_lane l = {p, f->end, j->nesting, j->depth, (enum sl_json_state)j->state, false};

    sl_json_lane_run(&l);
    j->nesting = l.nesting;
    j->depth = l.depth;
    j->state = (uint8_t)l.state;
    if (l.state == STRING)
        j->role = (uint8_t)(l.is_key ? ROLE_KEY : ROLE_VALUE);
    return l.p;
}

/* A member's key without escapes, whole in this piece with its colon; returns where its value
 * may begin, or NULL: nothing happened, the machine is to read it. */
static const char *plain_key(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;
    const char *end = sl_json_skip_plain(p + 1, f->end);
    size_t n = (size_t)(end - p) - 1;
    enum sl_err e;

    if (f->end - end < 2 || end[0] != '"' || end[1] != ':' || n > SL_JSON_KEY)
        return NULL;
    j->now.start = place(f, p);
    j->now.comma_before = j->comma;
    memcpy(j->key, p + 1, n);
    j->key_n = n;
    j->state = VALUE;
    e = sl_json_key_done(j);
    return e == SL_OK ? sl_json_skip_space(end + 2, f->end) : fail(f, end, e);
}

/* Members of the top object, as almost all of them are: plain keys, and values that are whole in
 * this piece. Stops at what is not so, in a state from which the machine goes on. */
static const char *plain_members(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;

    while (p < f->end && *p == '"') {
        const char *value = plain_key(f, p);

        if (value == NULL)
            return begin_key(f, p);
        if (value == f->end || j->err != SL_OK)
            return value;
        p = begin_value(f, value);
        if (j->depth == 2) {
            p = below_top(f, p);
            if (p < f->end && j->state == AFTER)
                p = after_value(f, p);
        }
        if (j->state != AFTER || j->depth != 1 || j->err != SL_OK)
            return p;
        p = sl_json_skip_space(p, f->end);
        if (p == f->end || *p != ',')
            return p;
        p = sl_json_skip_space(after_value(f, p), f->end);
    }
    return p < f->end ? bad(f, p) : p;
}

static const char *next_key(struct feed *f, const char *p)
{
    return f->j->depth == 1 ? plain_members(f, p) : begin_key(f, p);
}

static const char *at_structure(struct feed *f, const char *p)
{
    struct sl_json *j = f->j;

    switch ((enum sl_json_state)j->state) {
    case FIRST_VALUE: return *p == ']' ? close_container(f, p) : begin_value(f, p);
    case VALUE: return begin_value(f, p);
    case FIRST_KEY: return *p == '}' ? close_container(f, p) : next_key(f, p);
    case KEY: return next_key(f, p);
    case COLON:
        if (*p != ':')
            return bad(f, p);
        j->state = VALUE;
        return p + 1;
    case AFTER: return after_value(f, p);
    default: return bad(f, p); /* END; the rest never comes here */
    }
}

static const char *structure(struct feed *f, const char *p)
{
    if (f->j->depth > 1) {
        p = below_top(f, p);
        if (f->j->state == STRING)
            return p;
    }
    p = sl_json_skip_space(p, f->end);
    return p < f->end ? at_structure(f, p) : p;
}

static const char *step(struct feed *f, const char *p)
{
    switch ((enum sl_json_state)f->j->state) {
    case VALUE:
    case FIRST_VALUE:
    case FIRST_KEY:
    case KEY:
    case COLON:
    case AFTER:
    case END: return structure(f, p);
    case STRING: return in_string(f, p);
    case ESCAPE: return in_escape(f, p);
    case HEX: return in_hex(f, p);
    case UTF8: return in_utf8(f, p);
    case LITERAL: return in_literal(f, p);
    case MINUS:
    case ZERO:
    case INTEGER:
    case POINT:
    case FRACTION:
    case EXPONENT:
    case EXPONENT_SIGN:
    case EXPONENT_DIGITS: return in_number(f, p);
    }
    return fail(f, p, SL_ERR_BUG);
}

enum sl_err sl_json_feed(struct sl_json *j, struct sl_str piece)
{
    struct feed f;
    const char *p = piece.p;

    if (j->err != SL_OK || piece.n == 0)
        return j->err;
    f = (struct feed){j, piece.p, piece.p + piece.n};
    while (p < f.end && j->err == SL_OK)
        p = step(&f, p);
    if (j->err == SL_OK && j->picking) {
        const char *from = value_start(&f);

        j->err = keep_picked(j, from, (size_t)(f.end - from));
    }
    j->at += (uint64_t)(p - piece.p);
    return j->err;
}

enum sl_err sl_json_finish(struct sl_json *j)
{
    if (j->err == SL_OK && j->state != END &&
        !(j->depth == 0 && number_may_end((enum sl_json_state)j->state)))
        j->err = SL_ERR_BAD_BODY;
    return j->err;
}

bool sl_json_is_object(struct sl_str text)
{
    struct sl_json j;
    bool ok;

    sl_json_init(&j);
    j.need_object = true;
    ok = sl_json_feed(&j, text) == SL_OK && sl_json_finish(&j) == SL_OK;
    sl_json_fini(&j);
    return ok;
}
