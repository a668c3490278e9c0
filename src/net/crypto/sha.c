/* net/crypto/sha.c -- the rounds of SHA-256, four at a step, by the instructions made for them. */
#include "net/crypto/sha.h"

#include "base/obj.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>

#define BLOCK 64

/* FIPS 180-4, 4.2.2. */
static const uint32_t k[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static bool ask_processor(void)
{
    unsigned a, b, c, d;
    bool sse;

    if (__get_cpuid(1, &a, &b, &c, &d) == 0)
        return false;
    sse = (c & bit_SSSE3) != 0 && (c & bit_SSE4_1) != 0;
    return sse && __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & (1u << 29)) != 0;
}

bool sl_sha_can(void)
{
    static _Atomic int known; /* 0: not asked yet, 1: no, 2: yes; jobs of the pool ask too */
    int now = atomic_load_explicit(&known, memory_order_relaxed);

    if (now == 0) {
        now = ask_processor() ? 2 : 1;
        atomic_store_explicit(&known, now, memory_order_relaxed);
    }
    return now == 2;
}

/* The words of the next four rounds from those of the last sixteen. */
__attribute__((target("sha,sse4.1"))) static inline __m128i schedule(const __m128i w[4], int r)
{
    __m128i w0 = w[r & 3], w1 = w[(r + 1) & 3], w2 = w[(r + 2) & 3], w3 = w[(r + 3) & 3];

    return _mm_sha256msg2_epu32(
        _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4)), w3);
}

/* The instructions want the state as (a, b, e, f) and (c, d, g, h), high word first. */
__attribute__((target("sha,sse4.1"))) static void compress(uint32_t state[8], const uint8_t *p,
                                                           size_t blocks)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)state), 0xb1);
    __m128i efgh =
        _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(abcd, efgh, 8), cdgh = _mm_blend_epi16(efgh, abcd, 0xf0);

    for (; blocks > 0; blocks--, p += BLOCK) {
        const __m128i abef_was = abef, cdgh_was = cdgh;
        __m128i w[4];

        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)),
                                    swap);
        for (int r = 0; r < 16; r++) {
            __m128i now =
                _mm_add_epi32(w[r & 3], _mm_load_si128((const __m128i *)(const void *)(k + 4 * r)));

            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, now);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(now, 0x0e));
            w[r & 3] = schedule(w, r); /* the last four come to nothing */
        }
        abef = _mm_add_epi32(abef, abef_was);
        cdgh = _mm_add_epi32(cdgh, cdgh_was);
    }
    abef = _mm_shuffle_epi32(abef, 0x1b);
    cdgh = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(abef, cdgh, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(cdgh, abef, 8));
}

void sl_sha_init(struct sl_sha *s)
{
    /* FIPS 180-4, 5.3.3 */
    static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memcpy(s->state, first, sizeof first);
    s->n = 0;
}

void sl_sha_resume(struct sl_sha *s, const uint32_t state[8], uint64_t n)
{
    SL_CHECK(n % BLOCK == 0);
    memcpy(s->state, state, sizeof s->state);
    s->n = n;
}

void sl_sha_feed(struct sl_sha *s, struct sl_str data)
{
    const uint8_t *p = (const uint8_t *)data.p;
    size_t has = s->n % BLOCK, n = data.n;

    s->n += n;
    if (n == 0)
        return;
    if (has > 0) {
        size_t take = BLOCK - has < n ? BLOCK - has : n;

        memcpy(s->block + has, p, take);
        p += take;
        n -= take;
        if (has + take < BLOCK)
            return;
        compress(s->state, s->block, 1);
    }
    compress(s->state, p, n / BLOCK);
    memcpy(s->block, p + n / BLOCK * BLOCK, n % BLOCK);
}

void sl_sha_end(struct sl_sha *s, uint8_t out[32])
{
    uint8_t tail[2 * BLOCK] = {0};
    size_t has = s->n % BLOCK, n = has < BLOCK - 8 ? BLOCK : 2 * BLOCK;
    uint64_t bits = s->n * 8;

    memcpy(tail, s->block, has);
    tail[has] = 0x80;
    for (unsigned i = 0; i < 8; i++)
        tail[n - 1 - i] = (uint8_t)(bits >> (8 * i));
    compress(s->state, tail, n / BLOCK);
    for (unsigned i = 0; i < 32; i++)
        out[i] = (uint8_t)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}

#else

bool sl_sha_can(void)
{
    return false;
}

void sl_sha_init(struct sl_sha *s)
{
    (void)s;
    SL_CHECK(sl_sha_can());
}

void sl_sha_resume(struct sl_sha *s, const uint32_t state[8], uint64_t n)
{
    (void)s;
    (void)state;
    (void)n;
    SL_CHECK(sl_sha_can());
}

void sl_sha_feed(struct sl_sha *s, struct sl_str data)
{
    (void)s;
    (void)data;
    SL_CHECK(sl_sha_can());
}

void sl_sha_end(struct sl_sha *s, uint8_t out[32])
{
    (void)s;
    (void)out;
    SL_CHECK(sl_sha_can());
}

#endif
