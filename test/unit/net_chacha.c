/* ChaCha20 against the vectors of RFC 8439 and against its plain form, in pieces and in place; that
 * mbedtls' ChaCha20-Poly1305 is made of it, and that it leaves nothing behind. */
#include "net/crypto/chacha.c"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <mbedtls/chachapoly.h>

#include "base/rand.h"

#define MOST 1500

static const char sunscreen[] =
    "Ladies and Gentlemen of the class of '99: If I could offer you only "
    "one tip for the future, sunscreen would be it.";

static void assert_hex(const uint8_t *p, size_t n, const char *want)
{
    char hex[2 * 256];

    assert_true(n <= 256);
    sl_str_hex(p, n, hex);
    assert_int_equal(strlen(want), 2 * n);
    assert_memory_equal(hex, want, 2 * n);
}

static void count_up(uint8_t *p, size_t n, unsigned from)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(from + i);
}

/* RFC 8439: 2.3.2, 2.4.2 and 2.8.2. */
static void vectors(void **state)
{
    static const uint8_t block_nonce[12] = {0, 0, 0, 9, 0, 0, 0, 0x4a};
    static const uint8_t text_nonce[12] = {0, 0, 0, 0, 0, 0, 0, 0x4a};
    static const uint8_t sealed_nonce[12] = {7,    0,    0,    0,    0x40, 0x41,
                                             0x42, 0x43, 0x44, 0x45, 0x46, 0x47};
    static const uint8_t aad[12] = {0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1,
                                    0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7};
    static const uint8_t none[BLOCK];
    uint8_t key[32], out[sizeof sunscreen], tag[16];
    mbedtls_chachapoly_context c;

    (void)state;
    count_up(key, sizeof key, 0);
    assert_int_equal(mbedtls_chacha20_crypt(key, block_nonce, 1, BLOCK, none, out), 0);
    assert_hex(out, BLOCK,
               "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
               "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e");
    assert_int_equal(mbedtls_chacha20_crypt(key, text_nonce, 1, sizeof sunscreen - 1,
                                            (const uint8_t *)sunscreen, out),
                     0);
    assert_hex(out, sizeof sunscreen - 1,
               "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b"
               "f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8"
               "07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736"
               "5af90bbf74a35be6b40b8eedf2785e42874d");
    count_up(key, sizeof key, 0x80);
    mbedtls_chachapoly_init(&c);
    assert_int_equal(mbedtls_chachapoly_setkey(&c, key), 0);
    assert_int_equal(mbedtls_chachapoly_encrypt_and_tag(&c, sizeof sunscreen - 1, sealed_nonce, aad,
                                                        sizeof aad, (const uint8_t *)sunscreen, out,
                                                        tag),
                     0);
    assert_hex(out, 16, "d31a8d34648e60db7b86afbc53ef7ec2");
    assert_hex(tag, 16, "1ae10b594f09e26a7e902ecbd0600691");
    mbedtls_chachapoly_free(&c);
}

/* As the RFC writes it, 2.1 to 2.4. */
static void plain_quarter(uint32_t *x, int a, int b, int c, int d)
{
    x[a] += x[b], x[d] = TURN(x[d] ^ x[a], 16);
    x[c] += x[d], x[b] = TURN(x[b] ^ x[c], 12);
    x[a] += x[b], x[d] = TURN(x[d] ^ x[a], 8);
    x[c] += x[d], x[b] = TURN(x[b] ^ x[c], 7);
}

static void plain_block(const uint32_t *state, uint32_t counter, uint8_t out[BLOCK])
{
    uint32_t x[16];

    memcpy(x, state, sizeof x);
    x[12] = counter;
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 4; k++)
            plain_quarter(x, k, 4 + k, 8 + k, 12 + k);
        for (int k = 0; k < 4; k++)
            plain_quarter(x, k, 4 + (k + 1) % 4, 8 + (k + 2) % 4, 12 + (k + 3) % 4);
    }
    for (int i = 0; i < 16; i++) {
        x[i] += i == 12 ? counter : state[i];
        for (int b = 0; b < 4; b++)
            out[4 * i + b] = (uint8_t)(x[i] >> (8 * b));
    }
}

static void fill(void *p, size_t n)
{
    uint8_t *at = p;

    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)sl_rand_u64();
}

static void plain_crypt(const uint8_t key[32], const uint8_t nonce[12], uint32_t counter, size_t n,
                        uint8_t *text)
{
    mbedtls_chacha20_context c;
    uint8_t block[BLOCK];

    mbedtls_chacha20_init(&c);
    mbedtls_chacha20_setkey(&c, key);
    mbedtls_chacha20_starts(&c, nonce, counter);
    for (size_t i = 0; i < n; i++) {
        if (i % BLOCK == 0)
            plain_block(c.state, counter + (uint32_t)(i / BLOCK), block);
        text[i] ^= block[i % BLOCK];
    }
    mbedtls_chacha20_free(&c);
}

/* Each length, in pieces of any length, in place or not, also where the counter turns over. */
static void any_length(void **state)
{
    static uint8_t want[MOST], text[MOST], out[MOST];

    (void)state;
    for (size_t n = 0; n <= MOST; n++) {
        uint8_t key[32], nonce[12];
        uint32_t counter = n % 3 == 0 ? UINT32_MAX - (uint32_t)(n % 16) : (uint32_t)sl_rand_u64();
        uint8_t *to = n % 2 == 0 ? text : out;
        mbedtls_chacha20_context c;

        fill(key, sizeof key);
        fill(nonce, sizeof nonce);
        fill(text, n);
        memcpy(want, text, n);
        plain_crypt(key, nonce, counter, n, want);
        mbedtls_chacha20_init(&c);
        mbedtls_chacha20_setkey(&c, key);
        mbedtls_chacha20_starts(&c, nonce, counter);
        for (size_t at = 0; at < n;) {
            size_t piece = 1 + sl_rand_u64() % (n % 5 == 0 ? 70 : MOST);

            piece = piece < n - at ? piece : n - at;
            assert_int_equal(mbedtls_chacha20_update(&c, piece, text + at, to + at), 0);
            at += piece;
        }
        assert_memory_equal(to, want, n);
        mbedtls_chacha20_free(&c);
    }
}

/* Each way that this processor can go. */
static void eight_at_once(void **state)
{
    eight_fn *ways[4] = {eight_anywhere, eight};
    size_t n = 2;

    (void)state;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        ways[n++] = eight_avx2;
    if (__builtin_cpu_supports("avx512vl"))
        ways[n++] = eight_avx512;
#endif
    for (int round = 0; round < 200; round++) {
        uint32_t words[WORDS];
        uint8_t want[EIGHT], out[EIGHT];

        fill(words, sizeof words);
        if (round % 4 == 0)
            words[COUNTER] = UINT32_MAX - (uint32_t)round % 8;
        for (uint32_t i = 0; i < LANES; i++)
            plain_block(words, words[COUNTER] + i, want + BLOCK * i);
        for (size_t w = 0; w < n; w++) {
            memset(out, 0, sizeof out);
            ways[w](words, out);
            assert_memory_equal(out, want, EIGHT);
        }
    }
}

static size_t asked;

static void counted(const uint32_t state[WORDS], uint8_t out[EIGHT])
{
    asked++;
    eight_anywhere(state, out);
}

/* What the linker does is seen nowhere else: all would go on, and be slow. */
static void mbedtls_calls_it(void **state)
{
    static uint8_t text[1024];
    eight_fn *was = eight;
    uint8_t key[32] = {1}, nonce[12] = {2}, tag[16];
    mbedtls_chachapoly_context c;

    (void)state;
    eight = counted;
    mbedtls_chachapoly_init(&c);
    assert_int_equal(mbedtls_chachapoly_setkey(&c, key), 0);
    assert_int_equal(
        mbedtls_chachapoly_encrypt_and_tag(&c, sizeof text, nonce, NULL, 0, text, text, tag), 0);
    mbedtls_chachapoly_free(&c);
    eight = was;
    assert_int_equal(asked, sizeof text / EIGHT);
}

/* ---- what is left behind ---- */

static struct leaving {
    mbedtls_chacha20_context c;
    size_t n;
    uint8_t text[MOST];
} leaving;

static uint8_t stack[256 << 10] __attribute__((aligned(4096)));

static void *leave(void *arg)
{
    (void)arg;
    mbedtls_chacha20_update(&leaving.c, leaving.n, leaving.text, leaving.text);
    return NULL;
}

static void on_that_stack(void)
{
    pthread_attr_t attr;
    pthread_t thread;

    memset(stack, 0, sizeof stack);
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstack(&attr, stack, sizeof stack), 0);
    assert_int_equal(pthread_create(&thread, &attr, leave, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);
}

static size_t found(const uint8_t *p, size_t n)
{
    size_t times = 0;

    for (size_t at = 0; at + n <= sizeof stack; at += 4)
        times += memcmp(stack + at, p, n) == 0;
    return times;
}

/* Neither the key nor the stream stays on the stack, whichever way it is made. */
static void nothing_is_left(void **state)
{
    static const size_t lengths[] = {40, 64, 100, 128, 129, 512, 1000, MOST};
    eight_fn *was = eight, *ways[2] = {eight_anywhere, was};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t key[32], nonce[12] = {3};

        eight = ways[i % 2];
        fill(key, sizeof key);
        leaving.n = lengths[i / 2];
        memset(leaving.text, 0, sizeof leaving.text); /* what comes out is the stream */
        mbedtls_chacha20_init(&leaving.c);
        mbedtls_chacha20_setkey(&leaving.c, key);
        mbedtls_chacha20_starts(&leaving.c, nonce, 0);
        on_that_stack();
        for (size_t at = 0; at < sizeof key; at += 4)
            assert_int_equal(found(key + at, 4), 0);
        for (size_t at = 0; at + 8 <= leaving.n; at += 8)
            assert_int_equal(found(leaving.text + at, 8), 0);
        mbedtls_chacha20_free(&leaving.c);
    }
    eight = was;
}

/* Who forgets starts() does not send plain text: as with mbedtls, its counter and nonce are 0. */
static void not_started(void **state)
{
    static const uint8_t none[BLOCK];
    uint8_t key[32] = {5}, out[BLOCK], want[BLOCK];
    mbedtls_chacha20_context c;

    (void)state;
    mbedtls_chacha20_init(&c);
    mbedtls_chacha20_setkey(&c, key);
    plain_block(c.state, 0, want);
    assert_int_equal(mbedtls_chacha20_update(&c, BLOCK, none, out), 0);
    assert_memory_equal(out, want, BLOCK);
    mbedtls_chacha20_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),         cmocka_unit_test(any_length),
        cmocka_unit_test(eight_at_once),   cmocka_unit_test(mbedtls_calls_it),
        cmocka_unit_test(nothing_is_left), cmocka_unit_test(not_started),
    };

    sl_chacha_begin();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
