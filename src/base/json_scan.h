/* base/json_scan.h -- how base/json runs over what needs no thought.
 *
 * Private to the json files of base/. The only place of the house
 * that knows vector instructions; the portable form beside it is tested with
 * the same cases (SL_JSON_PORTABLE switches to it).
 */
#ifndef SL_BASE_JSON_SCAN_H
#define SL_BASE_JSON_SCAN_H

#include "base/json.h"

#if defined(__SSE2__) && !defined(SL_JSON_PORTABLE)
#include <emmintrin.h>
#define SL_JSON_SSE2 1
#endif

/* A byte of a string that means just itself: ASCII, no control byte, neither
 * quote nor backslash. */
static inline bool sl_json_is_plain(char c)
{
    return (uint8_t)c >= 0x20 && (uint8_t)c < 0x80 && c != '"' && c != '\\';
}

#ifdef SL_JSON_SSE2
/* Nonzero bytes where a byte is not plain. One signed comparison finds both
 * the control bytes and those from 0x80 on, which are negative. */
static inline __m128i sl_json_stops_in(__m128i v)
{
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    __m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));

    return _mm_or_si128(_mm_or_si128(quote, slash), low);
}

static inline __m128i sl_json_stops(const char *p)
{
    return sl_json_stops_in(_mm_loadu_si128((const __m128i *)(const void *)p));
}

static inline __m128i sl_json_load_four(const char *p)
{
    int32_t v;

    memcpy(&v, p, sizeof(v));
    return _mm_cvtsi32_si128(v);
}

static inline __m128i sl_json_load_eight(const char *p)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)p);
}

/* Of four to fifteen bytes: the first eight and the last eight (or four) in one look. */
static inline const char *sl_json_skip_few(const char *p, const char *end)
{
    unsigned n = (unsigned)(end - p), half = n >= 8 ? 8 : 4, first = (1u << half) - 1;
    __m128i v = half == 8 ? _mm_unpacklo_epi64(sl_json_load_eight(p), sl_json_load_eight(end - 8))
                          : _mm_unpacklo_epi32(sl_json_load_four(p), sl_json_load_four(end - 4));
    unsigned stops = (unsigned)_mm_movemask_epi8(sl_json_stops_in(v));

    stops = (stops & first) | (stops >> half & first) << (n - half);
    return stops != 0 ? p + __builtin_ctz(stops) : end;
}

#define SL_JSON_STEP 16

/* True: `*p` is at the first byte that is not plain. False: it went on by sixteen. */
static inline bool sl_json_stops_within(const char **p)
{
    int stops = _mm_movemask_epi8(sl_json_stops(*p));

    *p += stops != 0 ? __builtin_ctz((unsigned)stops) : SL_JSON_STEP;
    return stops != 0;
}
#else
#define SL_JSON_STEP 8

/* Nonzero if one of the eight bytes is zero. */
static inline uint64_t sl_json_has_zero(uint64_t v)
{
    return (v - 0x0101010101010101u) & ~v & 0x8080808080808080u;
}

/* The same for eight bytes, but it stops before them: looking closer, byte by byte, is the
 * caller's, so the order of bytes in a word is no matter. */
static inline bool sl_json_stops_within(const char **p)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t v, low;

    memcpy(&v, *p, 8);
    low = (v - ones * 0x20) & ~v & high;
    if (((v & high) | low | sl_json_has_zero(v ^ ones * '"') | sl_json_has_zero(v ^ ones * '\\')) !=
        0)
        return true;
    *p += SL_JSON_STEP;
    return false;
}
#endif

/* To the first byte that is not plain, or `end`: of texts. */
const char *sl_json_skip_text(const char *p, const char *end);

/* The same: most strings are names and end within the first step. */
static inline const char *sl_json_skip_plain(const char *p, const char *end)
{
#ifdef SL_JSON_SSE2
    if (end - p >= SL_JSON_STEP && sl_json_stops_within(&p))
        return p;
#endif
    return sl_json_skip_text(p, end);
}

static inline bool sl_json_is_space(char c)
{
    return (uint8_t)c <= ' ' && (c == ' ' || c == '\n' || c == '\r' || c == '\t');
}

static inline const char *sl_json_skip_space(const char *p, const char *end)
{
    while (p < end && sl_json_is_space(*p))
        p++;
    return p;
}

/* The type that a value's first byte shows; false: no value begins so. */
static inline bool sl_json_begins(char c, enum sl_json_type *type)
{
    static const uint8_t types[128] = {
        ['n'] = 1 + SL_JSON_NULL,   ['f'] = 1 + SL_JSON_FALSE,  ['t'] = 1 + SL_JSON_TRUE,
        ['"'] = 1 + SL_JSON_STRING, ['['] = 1 + SL_JSON_ARRAY,  ['{'] = 1 + SL_JSON_OBJECT,
        ['-'] = 1 + SL_JSON_NUMBER, ['0'] = 1 + SL_JSON_NUMBER, ['1'] = 1 + SL_JSON_NUMBER,
        ['2'] = 1 + SL_JSON_NUMBER, ['3'] = 1 + SL_JSON_NUMBER, ['4'] = 1 + SL_JSON_NUMBER,
        ['5'] = 1 + SL_JSON_NUMBER, ['6'] = 1 + SL_JSON_NUMBER, ['7'] = 1 + SL_JSON_NUMBER,
        ['8'] = 1 + SL_JSON_NUMBER, ['9'] = 1 + SL_JSON_NUMBER};
    uint8_t t = (uint8_t)c < sizeof(types) ? types[(uint8_t)c] : 0;

    if (t == 0)
        return false;
    *type = (enum sl_json_type)(t - 1);
    return true;
}

static inline int sl_json_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What stands for the byte behind a backslash; 0 if nothing does ('u' apart). */
static inline char sl_json_escaped(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    }
    return 0;
}

/* Up to four bytes of UTF-8; a lone surrogate gets three bytes like any other
 * number of its size. */
static inline size_t sl_json_encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

#endif
