/* net/tls_hash.c -- digests: SHA-256 by the processor's instructions or, where it has none,
 * and MD5 straight from mbedtls' own code. The calls below keep to the contexts they are
 * given, so threads need not know of each other. */
#include "net/tls.h"

#include <mbedtls/md5.h>
#include <mbedtls/sha256.h>

#include "base/mem.h"
#include "base/obj.h"
#include "net/crypto/sha.h"

#define BLOCK 64 /* bytes that SHA-256 takes at a time, RFC 2104's B */

static const unsigned char *bytes_of(struct sl_str s)
{
    return (const unsigned char *)s.p;
}

struct sl_tls_hash { /* one SHA-256, either way */
    bool fast;
    struct sl_sha own;
    mbedtls_sha256_context theirs;
};

static void hash_begin(struct sl_tls_hash *h)
{
    h->fast = sl_sha_can();
    if (h->fast) {
        sl_sha_init(&h->own);
        return;
    }
    mbedtls_sha256_init(&h->theirs);
    SL_CHECK(mbedtls_sha256_starts(&h->theirs, 0) == 0);
}

void sl_tls_hash_feed(struct sl_tls_hash *h, struct sl_str data)
{
    if (h->fast)
        sl_sha_feed(&h->own, data);
    else
        SL_CHECK(mbedtls_sha256_update(&h->theirs, bytes_of(data), data.n) == 0);
}

void sl_tls_hash_end(struct sl_tls_hash *h, uint8_t out[32])
{
    if (h->fast) {
        sl_sha_end(&h->own, out);
        return;
    }
    SL_CHECK(mbedtls_sha256_finish(&h->theirs, out) == 0);
    mbedtls_sha256_free(&h->theirs);
}

struct sl_tls_hash *sl_tls_hash_new(struct sl_arena *a)
{
    struct sl_tls_hash *h = sl_arena_alloc(a, sizeof *h);

    if (h != NULL)
        hash_begin(h);
    return h;
}

void sl_tls_sha256(struct sl_str data, uint8_t out[32])
{
    struct sl_tls_hash h;

    hash_begin(&h);
    sl_tls_hash_feed(&h, data);
    sl_tls_hash_end(&h, out);
}

void sl_tls_md5(struct sl_str data, uint8_t out[16])
{
    SL_CHECK(mbedtls_md5(bytes_of(data), data.n, out) == 0);
}

/* ---- HMAC ---- */

#define INNER 0x36
#define OUTER 0x5c

static void feed_padded(struct sl_tls_hash *h, const uint8_t block[BLOCK], uint8_t pad)
{
    uint8_t padded[BLOCK];

    for (size_t i = 0; i < BLOCK; i++)
        padded[i] = block[i] ^ pad;
    sl_tls_hash_feed(h, (struct sl_str){(const char *)padded, sizeof padded});
    sl_mem_wipe(padded, sizeof padded);
}

static void state_behind(const uint8_t block[BLOCK], uint8_t pad, uint32_t state[8])
{
    struct sl_tls_hash h;

    hash_begin(&h);
    feed_padded(&h, block, pad);
    memcpy(state, h.own.state, sizeof h.own.state);
    sl_mem_wipe(&h, sizeof h);
}

void sl_tls_key_init(struct sl_tls_key *k, struct sl_str key)
{
    memset(k, 0, sizeof *k);
    if (key.n > BLOCK)
        sl_tls_sha256(key, k->block);
    else if (key.n > 0)
        memcpy(k->block, key.p, key.n);
    if (!sl_sha_can())
        return;
    state_behind(k->block, INNER, k->inner);
    state_behind(k->block, OUTER, k->outer);
}

/* SHA-256 over the key's block, each byte xored with `pad`, and the parts. */
static void keyed(const struct sl_tls_key *k, uint8_t pad, const struct sl_str *parts, size_t n,
                  uint8_t out[32])
{
    struct sl_tls_hash h;

    hash_begin(&h);
    if (h.fast)
        sl_sha_resume(&h.own, pad == INNER ? k->inner : k->outer, BLOCK);
    else
        feed_padded(&h, k->block, pad);
    for (size_t i = 0; i < n; i++)
        sl_tls_hash_feed(&h, parts[i]);
    sl_tls_hash_end(&h, out);
    sl_mem_wipe(&h, sizeof h);
}

void sl_tls_key_hmac(const struct sl_tls_key *k, const struct sl_str *parts, size_t n,
                     uint8_t out[32])
{
    uint8_t inner[32];
    struct sl_str once = {(const char *)inner, sizeof inner};

    keyed(k, INNER, parts, n, inner);
    keyed(k, OUTER, &once, 1, out);
}

void sl_tls_hmac_sha256(struct sl_str key, const struct sl_str *parts, size_t n, uint8_t out[32])
{
    struct sl_tls_key k;

    sl_tls_key_init(&k, key);
    sl_tls_key_hmac(&k, parts, n, out);
    sl_mem_wipe(&k, sizeof k);
}
