/* base/str.h -- slices: a pointer and a length, never a terminator.
 *
 * Holder   Whoever owns the bytes; a slice owns nothing and dies with them.
 * Memory   No function here allocates. Number parsers take slices, refuse
 *          signs, spaces and overflow, and never read past `n`.
 */
#ifndef SL_BASE_STR_H
#define SL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SL_MUST __attribute__((warn_unused_result))
#define SL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

struct sl_str {
    const char *p;
    size_t n;
};

/* A slice of a string literal, usable in initialisers. */
#define SL_STR(lit) ((struct sl_str){(lit), sizeof(lit) - 1})
#define SL_STR_INIT(lit)                                                                           \
    {                                                                                              \
        (lit), sizeof(lit) - 1                                                                     \
    }
/* For printf: printf("%.*s", SL_STR_ARGS(s)). */
#define SL_STR_ARGS(s) (int)(s).n, (s).p

static inline struct sl_str sl_str_of(const char *z)
{
    return (struct sl_str){z, z ? strlen(z) : 0};
}

static inline bool sl_str_eq(struct sl_str a, struct sl_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Which of these it is; `n`: none of them. They stand in the order of their lengths. */
static inline size_t sl_str_among(struct sl_str s, const struct sl_str *names, size_t n)
{
    size_t i = 0;

    while (i < n && names[i].n < s.n)
        i++;
    while (i < n && names[i].n == s.n && !sl_str_eq(names[i], s))
        i++;
    return i < n && names[i].n == s.n ? i : n;
}

static inline struct sl_str sl_str_from(struct sl_str s, size_t at)
{
    if (s.n == 0)
        return s; /* it may be NULL, to which nothing may be added */
    return at >= s.n ? (struct sl_str){s.p + s.n, 0} : (struct sl_str){s.p + at, s.n - at};
}

static inline struct sl_str sl_str_first(struct sl_str s, size_t n)
{
    return n < s.n ? (struct sl_str){s.p, n} : s;
}

/* ASCII only, as header names are. Lengths, first and last letters, which settle
 * most questions, are compared in place. */
bool sl_str_same_letters(struct sl_str a, struct sl_str b); /* of equal length */
static inline bool sl_str_eq_nocase(struct sl_str a, struct sl_str b)
{
    if (a.n != b.n || a.n == 0)
        return a.n == b.n;
    return (((a.p[0] ^ b.p[0]) | (a.p[a.n - 1] ^ b.p[a.n - 1])) & 0x5f) == 0 &&
           sl_str_same_letters(a, b);
}
bool sl_str_starts(struct sl_str s, struct sl_str prefix);
static inline bool sl_str_starts_nocase(struct sl_str s, struct sl_str prefix)
{
    return s.n >= prefix.n && sl_str_eq_nocase((struct sl_str){s.p, prefix.n}, prefix);
}
bool sl_str_ends(struct sl_str s, struct sl_str suffix);
/* Where `needle` first stands in `s`, or -1. */
ptrdiff_t sl_str_find(struct sl_str s, struct sl_str needle);
ptrdiff_t sl_str_find_byte(struct sl_str s, char c);
/* Without spaces and tabs at both ends. */
struct sl_str sl_str_trim_blanks(struct sl_str s);
static inline bool sl_str_is_blank(char c)
{
    return c == ' ' || c == '\t';
}
static inline struct sl_str sl_str_trim(struct sl_str s)
{
    if (s.n == 0 || (!sl_str_is_blank(s.p[0]) && !sl_str_is_blank(s.p[s.n - 1])))
        return s;
    return sl_str_trim_blanks(s);
}
/* Cuts the next piece before `sep` (or the rest) off `*rest` into `*piece`;
 * false when nothing is left. */
bool sl_str_split(struct sl_str *rest, char sep, struct sl_str *piece);

/* Whole slice or false; `*out` is untouched on false. Decimal digits only. */
SL_MUST bool sl_str_to_u64(struct sl_str s, uint64_t *out);
/* A decimal number ("12.5", "-3", "3e-06", as in JSON; leading zeros are fine) times
 * 10^digits, read digit by digit. What lies behind that many digits is rounded away from
 * zero, and `*exact` (if wanted) says so. False: no such number, or not in 64 bits. */
SL_MUST bool sl_str_to_decimal(struct sl_str s, unsigned digits, int64_t *out, bool *exact);
/* Equal in constant time for equal lengths: for secrets. */
bool sl_str_eq_secret(struct sl_str a, struct sl_str b);
/* Lower-case hexadecimal; `out` takes 2 * n bytes, no terminator. */
void sl_str_hex(const uint8_t *p, size_t n, char *out);
/* Reverse of it, both cases; false unless s.n == 2 * n and all are digits. */
SL_MUST bool sl_str_unhex(struct sl_str s, uint8_t *out, size_t n);

#endif
