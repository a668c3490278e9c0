/* base/base64.c -- six bits a letter. */
#include "base/base64.h"

static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char of_urls[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t encode(const char *alphabet, bool pad, const uint8_t *p, size_t n, char *out)
{
    size_t made = 0;

    for (size_t i = 0; i < n; i += 3) {
        size_t has = n - i < 3 ? n - i : 3;
        uint32_t bits = (uint32_t)p[i] << 16 | (has > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                        (has > 2 ? (uint32_t)p[i + 2] : 0);

        for (size_t k = 0; k < 4; k++) {
            if (k <= has)
                out[made++] = alphabet[bits >> (18 - 6 * k) & 63];
            else if (pad)
                out[made++] = '=';
        }
    }
    return made;
}

size_t sl_base64_encode(const uint8_t *p, size_t n, char *out)
{
    return encode(common, true, p, n, out);
}

size_t sl_base64_encode_url(const uint8_t *p, size_t n, char *out)
{
    return encode(of_urls, false, p, n, out);
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool sl_base64_decode_url(struct sl_str s, uint8_t *out, size_t cap, size_t *n)
{
    uint32_t bits = 0;
    unsigned held = 0; /* bits not yet written */

    *n = 0;
    if (s.n % 4 == 1)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        int v = value_of(s.p[i]);

        if (v < 0)
            return false;
        bits = (bits << 6 | (uint32_t)v) & 0xffff;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        if (*n == cap)
            return false;
        out[(*n)++] = (uint8_t)(bits >> held);
    }
    return (bits & ((1u << held) - 1)) == 0;
}
