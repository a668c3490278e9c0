/* net/crypto/chacha.c -- rows of a block for one or two of them, eight blocks side by side for
 * more. Nothing here branches or looks up by what is secret. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include "net/crypto/chacha.h"

#include <endian.h>
#include <stdatomic.h>

#include <mbedtls/chacha20.h>

#include "base/mem.h"

#define BLOCK 64
#define WORDS 16
#define ROUNDS 10 /* each of columns and of diagonals */
#define LANES 8
#define EIGHT (LANES * BLOCK)
#define COUNTER 12 /* word of the state */
#define FEW 2      /* blocks for which eight are too many */
/* Bytes that the frames take in which one block is made, or eight. */
#ifdef __OPTIMIZE__
#define DEPTH_FEW 1536
#define DEPTH 4096
#else
#define DEPTH_FEW 16384
#define DEPTH 32768
#endif

/* Vectors: of a block's words, of a word of eight blocks, of what is encrypted. */
#define ROW uint32_t __attribute__((vector_size(16)))
#define WORD8 uint32_t __attribute__((vector_size(4 * LANES)))
#define PIECE uint64_t __attribute__((vector_size(32)))

/* RFC 8439, 2.1. */
#define TURN(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define QUARTER(a, b, c, d)                                                                        \
    do {                                                                                           \
        (a) += (b), (d) ^= (a), (d) = TURN(d, 16);                                                 \
        (c) += (d), (b) ^= (c), (b) = TURN(b, 12);                                                 \
        (a) += (b), (d) ^= (a), (d) = TURN(d, 8);                                                  \
        (c) += (d), (b) ^= (c), (b) = TURN(b, 7);                                                  \
    } while (0)

static inline uint32_t word_at(const uint8_t *p)
{
    uint32_t w;

    memcpy(&w, p, sizeof w);
    return le32toh(w);
}

static inline void put_word(uint8_t *p, uint32_t w)
{
    w = htole32(w);
    memcpy(p, &w, sizeof w);
}

/* One block: four quarter rounds at a time, a row of the state each. */
static void one_block(const uint32_t state[WORDS], uint8_t out[BLOCK])
{
    ROW first[4], a, b, c, d;
    uint32_t words[WORDS];

    memcpy(first, state, sizeof first);
    a = first[0], b = first[1], c = first[2], d = first[3];
    for (int i = 0; i < ROUNDS; i++) {
        QUARTER(a, b, c, d);
        b = __builtin_shufflevector(b, b, 1, 2, 3, 0);
        c = __builtin_shufflevector(c, c, 2, 3, 0, 1);
        d = __builtin_shufflevector(d, d, 3, 0, 1, 2);
        QUARTER(a, b, c, d);
        b = __builtin_shufflevector(b, b, 3, 0, 1, 2);
        c = __builtin_shufflevector(c, c, 2, 3, 0, 1);
        d = __builtin_shufflevector(d, d, 1, 2, 3, 0);
    }
    first[0] += a, first[1] += b, first[2] += c, first[3] += d;
    memcpy(words, first, sizeof words);
    for (int i = 0; i < WORDS; i++)
        put_word(out + 4 * i, words[i]);
}

/* A word of each of them in a vector. */
static inline __attribute__((always_inline)) void eight_blocks(const uint32_t state[WORDS],
                                                               uint8_t out[EIGHT])
{
    WORD8 x[WORDS], first[WORDS];
    uint32_t words[WORDS][LANES];

    for (int i = 0; i < WORDS; i++)
        first[i] = state[i] - (WORD8){0};
    first[COUNTER] += (WORD8){0, 1, 2, 3, 4, 5, 6, 7};
    memcpy(x, first, sizeof x);
    for (int i = 0; i < ROUNDS; i++) {
        QUARTER(x[0], x[4], x[8], x[12]);
        QUARTER(x[1], x[5], x[9], x[13]);
        QUARTER(x[2], x[6], x[10], x[14]);
        QUARTER(x[3], x[7], x[11], x[15]);
        QUARTER(x[0], x[5], x[10], x[15]);
        QUARTER(x[1], x[6], x[11], x[12]);
        QUARTER(x[2], x[7], x[8], x[13]);
        QUARTER(x[3], x[4], x[9], x[14]);
    }
    for (int i = 0; i < WORDS; i++)
        x[i] += first[i];
    memcpy(words, x, sizeof words);
    for (int block = 0; block < LANES; block++)
        for (int i = 0; i < WORDS; i++)
            put_word(out + BLOCK * block + 4 * i, words[i][block]);
}

typedef void eight_fn(const uint32_t state[WORDS], uint8_t out[EIGHT]);

static void eight_anywhere(const uint32_t state[WORDS], uint8_t out[EIGHT])
{
    eight_blocks(state, out);
}

static _Atomic(eight_fn *) eight = eight_anywhere;

#if defined(__x86_64__)

__attribute__((target("avx2"))) static void eight_avx2(const uint32_t state[WORDS],
                                                       uint8_t out[EIGHT])
{
    eight_blocks(state, out);
}

/* It has rotations. */
__attribute__((target("avx2,avx512vl"))) static void eight_avx512(const uint32_t state[WORDS],
                                                                  uint8_t out[EIGHT])
{
    eight_blocks(state, out);
}

void sl_chacha_begin(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512vl") != 0)
        eight = eight_avx512;
    else if (__builtin_cpu_supports("avx2") != 0)
        eight = eight_avx2;
}

#else

void sl_chacha_begin(void)
{
}

#endif

/* ---- in and out ---- */

/* They may be the same bytes. */
static void mix(const uint8_t *in, const uint8_t *stream, uint8_t *out, size_t n)
{
    size_t at = 0;

    for (; at + sizeof(PIECE) <= n; at += sizeof(PIECE)) {
        PIECE a, b;

        memcpy(&a, in + at, sizeof a);
        memcpy(&b, stream + at, sizeof b);
        a ^= b;
        memcpy(out + at, &a, sizeof a);
    }
    for (; at < n; at++)
        out[at] = in[at] ^ stream[at];
}

/* What the last call left of its last block. */
static size_t take_left(mbedtls_chacha20_context *c, size_t n, const uint8_t *in, uint8_t *out)
{
    size_t left = BLOCK - c->keystream_bytes_used;

    if (n > left)
        n = left;
    mix(in, c->keystream8 + c->keystream_bytes_used, out, n);
    c->keystream_bytes_used += n;
    return n;
}

/* The stream's next bytes, up to eight blocks. What is over of the last one is left. In a frame of
 * its own, under that of update(). */
__attribute__((noinline)) static size_t take_next(mbedtls_chacha20_context *c, size_t n,
                                                  const uint8_t *in, uint8_t *out)
{
    uint8_t stream[EIGHT];
    size_t blocks = (n + BLOCK - 1) / BLOCK;

    if (blocks > FEW) {
        (*eight)(c->state, stream);
    } else {
        blocks = 1;
        one_block(c->state, stream);
    }
    if (blocks > LANES)
        blocks = LANES;
    if (n > blocks * BLOCK)
        n = blocks * BLOCK;
    c->state[COUNTER] += (uint32_t)blocks;
    mix(in, stream, out, n);
    if (n % BLOCK != 0) {
        memcpy(c->keystream8, stream + (blocks - 1) * BLOCK, BLOCK);
        c->keystream_bytes_used = n % BLOCK;
    }
    return n;
}

/* Vectors of the key and of the stream are on the stack, where no name reaches them. This frame
 * takes the place of those in which the blocks were made, without a sanitizer's margins. */
__attribute__((noinline, no_sanitize("address"))) static void wipe_below(size_t n)
{
    uint8_t was[DEPTH];
    size_t depth = n > FEW * BLOCK ? DEPTH : DEPTH_FEW;

    sl_mem_wipe(was + DEPTH - depth, depth); /* a stack grows downward */
}

/* ---- what mbedtls calls ---- */

void mbedtls_chacha20_init(mbedtls_chacha20_context *c)
{
    memset(c, 0, sizeof *c);
    c->keystream_bytes_used = BLOCK; /* none is left before it starts */
}

void mbedtls_chacha20_free(mbedtls_chacha20_context *c)
{
    if (c != NULL)
        sl_mem_wipe(c, sizeof *c);
}

int mbedtls_chacha20_setkey(mbedtls_chacha20_context *c, const unsigned char key[32])
{
    /* RFC 8439, 2.3: "expand 32-byte k" */
    static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

    memcpy(c->state, constants, sizeof constants);
    for (int i = 0; i < 8; i++)
        c->state[4 + i] = word_at(key + 4 * i);
    return 0;
}

int mbedtls_chacha20_starts(mbedtls_chacha20_context *c, const unsigned char nonce[12],
                            uint32_t counter)
{
    c->state[COUNTER] = counter;
    for (int i = 0; i < 3; i++)
        c->state[COUNTER + 1 + i] = word_at(nonce + 4 * i);
    c->keystream_bytes_used = BLOCK;
    return 0;
}

int mbedtls_chacha20_update(mbedtls_chacha20_context *c, size_t n, const unsigned char *in,
                            unsigned char *out)
{
    size_t at = take_left(c, n, in, out);

    if (at == n)
        return 0;
    while (at < n)
        at += take_next(c, n - at, in + at, out + at);
    wipe_below(n);
    return 0;
}

int mbedtls_chacha20_crypt(const unsigned char key[32], const unsigned char nonce[12],
                           uint32_t counter, size_t n, const unsigned char *in, unsigned char *out)
{
    mbedtls_chacha20_context c;

    mbedtls_chacha20_init(&c);
    (void)mbedtls_chacha20_setkey(&c, key);
    (void)mbedtls_chacha20_starts(&c, nonce, counter);
    (void)mbedtls_chacha20_update(&c, n, in, out);
    mbedtls_chacha20_free(&c);
    return 0;
}
