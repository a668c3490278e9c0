/* base/text.h -- building short texts into a fixed place.
 *
 * Holder   Embedded or on the stack, over memory the caller gives.
 * Limits   Never writes past `cap`. The first text that does not fit sets `cut`;
 *          what fits of it is kept, everything later is dropped, so the place
 *          always holds a true beginning and one check at the end is enough.
 */
#ifndef SL_BASE_TEXT_H
#define SL_BASE_TEXT_H

#include "base/str.h"

struct sl_text {
    char *p;
    size_t n;
    size_t cap;
    bool cut;
};

static inline struct sl_text sl_text_over(char *p, size_t cap)
{
    return (struct sl_text){p, 0, cap, false};
}

static inline struct sl_str sl_text_str(const struct sl_text *t)
{
    return (struct sl_str){t->p, t->n};
}

void sl_text_add_part(struct sl_text *t, struct sl_str s); /* what does not fit: cut */

/* In place: heads and log lines are made of many short texts, most of a length
 * that the compiler knows. */
static inline void sl_text_add(struct sl_text *t, struct sl_str s)
{
    if (s.n == 0)
        return;
    if (t->cut || s.n > t->cap - t->n) {
        sl_text_add_part(t, s);
        return;
    }
    memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
}

static inline void sl_text_byte(struct sl_text *t, char c)
{
    sl_text_add(t, (struct sl_str){&c, 1});
}

/* What stands before the value of a member that is not the first, in one piece. */
#define SL_TEXT_MEMBER(key) SL_STR(",\"" key "\":")

void sl_text_u64(struct sl_text *t, uint64_t v);
void sl_text_thousandths(struct sl_text *t, uint64_t v); /* 12345: "12.345" */
void sl_text_i64(struct sl_text *t, int64_t v);
void sl_text_hex64(struct sl_text *t, uint64_t v);
/* No terminator is left behind, but long results need a byte to spare for it. */
void sl_text_printf(struct sl_text *t, const char *fmt, ...) SL_PRINTF(2, 3);
/* A JSON string with its quotes: control bytes, quote, backslash escaped,
 * invalid UTF-8 replaced by U+FFFD, cut at `max` input bytes with "..." added
 * (0: no cut). RFC 8259 section 7. */
void sl_text_json(struct sl_text *t, struct sl_str s, size_t max);
/* Bytes that it takes, or more: a text with anything to escape is not measured. */
size_t sl_text_json_room(struct sl_str s, size_t max);
/* "2026-11-24T23:59:59.123Z" from milliseconds since the epoch (RFC 3339).
 * What lies outside the years 1970 to 9999 becomes the nearest end of them. */
void sl_text_time(struct sl_text *t, int64_t unix_ms);

#endif
