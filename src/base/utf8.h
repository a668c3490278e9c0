/* base/utf8.h -- what a well-formed UTF-8 sequence is (RFC 3629 section 4).
 *
 * Overlong forms, surrogates and anything above U+10FFFF are not well formed.
 * For those who read text as it arrives: the JSON scanner, the text builder, the log,
 * words.
 */
#ifndef SL_BASE_UTF8_H
#define SL_BASE_UTF8_H

#include "base/str.h"

/* What a first byte asks for: how many bytes follow, and between which bounds
 * the next one must lie (the ones after that: 0x80 to 0xbf). `due` 0: the byte
 * can't begin a sequence of more than one byte. */
struct sl_utf8_lead {
    uint8_t due;
    uint8_t lo;
    uint8_t hi;
};

static inline struct sl_utf8_lead sl_utf8_lead(uint8_t c)
{
    if (c >= 0xc2 && c <= 0xdf)
        return (struct sl_utf8_lead){1, 0x80, 0xbf};
    if (c >= 0xe0 && c <= 0xef)
        return (struct sl_utf8_lead){2, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf};
    if (c >= 0xf0 && c <= 0xf4)
        return (struct sl_utf8_lead){3, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf};
    return (struct sl_utf8_lead){0, 0, 0};
}

/* Bytes of the well-formed sequence that begins at `p` (1 for ASCII), or 0 if
 * there is none within the `n` bytes there. */
static inline size_t sl_utf8_len(const char *p, size_t n)
{
    const uint8_t *u = (const uint8_t *)p;
    struct sl_utf8_lead lead;

    if (n == 0)
        return 0;
    if (u[0] < 0x80)
        return 1;
    lead = sl_utf8_lead(u[0]);
    if (lead.due == 0 || n <= lead.due || u[1] < lead.lo || u[1] > lead.hi)
        return 0;
    for (size_t i = 2; i <= lead.due; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    return (size_t)lead.due + 1;
}

#endif
