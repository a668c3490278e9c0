/* net/tls_hash.c -- digests, straight from mbedtls' own code: the calls below keep to the
 * contexts they are given, so threads need not know of each other. */
#include "net/tls.h"

#include <mbedtls/md5.h>
#include <mbedtls/sha256.h>

#include "base/mem.h"
#include "base/obj.h"

#define BLOCK 64 /* bytes that SHA-256 takes at a time, RFC 2104's B */

static const unsigned char *bytes_of(struct sl_str s)
{
    return (const unsigned char *)s.p;
}

void sl_tls_sha256(struct sl_str data, uint8_t out[32])
{
    SL_CHECK(mbedtls_sha256(bytes_of(data), data.n, out, 0) == 0);
}

void sl_tls_md5(struct sl_str data, uint8_t out[16])
{
    SL_CHECK(mbedtls_md5(bytes_of(data), data.n, out) == 0);
}

/* SHA-256 over the key's block, each byte xored with `pad`, and the parts. */
static void keyed(const uint8_t block[BLOCK], uint8_t pad, const struct sl_str *parts, size_t n,
                  uint8_t out[32])
{
    mbedtls_sha256_context c;
    uint8_t padded[BLOCK];

    for (size_t i = 0; i < BLOCK; i++)
        padded[i] = block[i] ^ pad;
    mbedtls_sha256_init(&c);
    SL_CHECK(mbedtls_sha256_starts(&c, 0) == 0);
    SL_CHECK(mbedtls_sha256_update(&c, padded, sizeof padded) == 0);
    for (size_t i = 0; i < n; i++)
        SL_CHECK(mbedtls_sha256_update(&c, bytes_of(parts[i]), parts[i].n) == 0);
    SL_CHECK(mbedtls_sha256_finish(&c, out) == 0);
    mbedtls_sha256_free(&c);
    sl_mem_wipe(padded, sizeof padded);
}

void sl_tls_hmac_sha256(struct sl_str key, const struct sl_str *parts, size_t n, uint8_t out[32])
{
    uint8_t block[BLOCK] = {0}, inner[32];
    struct sl_str once = {(const char *)inner, sizeof inner};

    if (key.n > BLOCK)
        sl_tls_sha256(key, block);
    else if (key.n > 0)
        memcpy(block, key.p, key.n);
    keyed(block, 0x36, parts, n, inner);
    keyed(block, 0x5c, &once, 1, out);
    sl_mem_wipe(block, sizeof block);
}
