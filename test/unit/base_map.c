/* The seeded hash: the published construction, and a table over it. */
#include "base/map.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* SipHash-1-3 once more, straight from the paper, byte by byte. */
static uint64_t slow_sip(uint64_t k0, uint64_t k1, const uint8_t *p, size_t n)
{
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                     k1 ^ 0x7465646279746573u};
    size_t words = n / 8 + 1;

    for (size_t w = 0; w < words + 1; w++) {
        uint64_t m = w == words - 1 ? (uint64_t)(n & 0xff) << 56 : 0;
        int rounds = w < words ? 1 : 3;

        for (size_t i = 0; i < 8 && w < words && w * 8 + i < n; i++)
            m |= (uint64_t)p[w * 8 + i] << (8 * i);
        if (w == words)
            v[2] ^= 0xff;
        v[3] ^= m;
        for (int r = 0; r < rounds; r++) {
            v[0] += v[1], v[2] += v[3];
            v[1] = (v[1] << 13 | v[1] >> 51) ^ v[0], v[3] = (v[3] << 16 | v[3] >> 48) ^ v[2];
            v[0] = v[0] << 32 | v[0] >> 32;
            v[2] += v[1], v[0] += v[3];
            v[1] = (v[1] << 17 | v[1] >> 47) ^ v[2], v[3] = (v[3] << 21 | v[3] >> 43) ^ v[0];
            v[2] = v[2] << 32 | v[2] >> 32;
        }
        v[0] ^= m;
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void test_construction(void **state)
{
    uint8_t text[64];

    (void)state;
    for (unsigned i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)i;
    for (size_t n = 0; n <= sizeof(text); n++)
        assert_int_equal(siphash13(0x0706050403020100u, 0x0f0e0d0c0b0a0908u, text, n),
                         slow_sip(0x0706050403020100u, 0x0f0e0d0c0b0a0908u, text, n));
}

static void test_print(void **state)
{
    /* from the authors' reference code: key 00..0f, texts of 0, 1 and 15 bytes 00.. */
    static const struct {
        size_t n;
        uint64_t a, b;
    } known[] = {{0, 0xe6a825ba047f81a3u, 0x930255c71472f66du},
                 {1, 0x44af996bd8c187dau, 0x45fc229b11597634u},
                 {15, 0x11a8b03399e99354u, 0xd9c3cf970fec087eu}};
    uint8_t text[15];
    struct sl_map_print p, q;

    (void)state;
    for (unsigned i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        p = siphash24(0x0706050403020100u, 0x0f0e0d0c0b0a0908u, text, known[i].n);
        assert_int_equal(p.a, known[i].a);
        assert_int_equal(p.b, known[i].b);
    }
    p = sl_map_print(SL_STR("key"));
    seed[2] ^= 1; /* a seed of its own, and it matters */
    q = sl_map_print(SL_STR("key"));
    assert_true(p.a != q.a && p.b != q.b);
    seed[2] ^= 1;
    q = sl_map_print(SL_STR("key"));
    assert_true(p.a == q.a && p.b == q.b);
}

static void test_seed(void **state)
{
    uint64_t before = sl_map_hash("key", 3);

    (void)state;
    assert_int_equal(sl_map_hash("key", 3), before); /* one seed per process */
    assert_true(seed[0] != 0 || seed[1] != 0);
    seed[0] ^= 1;
    assert_int_not_equal(sl_map_hash("key", 3), before); /* and it matters */
    seed[0] ^= 1;
    assert_int_equal(sl_map_hash(NULL, 0), sl_map_hash("", 0));
}

struct entry {
    char key[16];
    int n;
    UT_hash_handle hh;
};

static void test_table(void **state)
{
    struct entry *table = NULL, *e, *next;
    char key[16];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        e = sl_mem_new(sizeof(*e));
        snprintf(e->key, sizeof(e->key), "key-%d", i);
        e->n = i;
        HASH_ADD_KEYPTR(hh, table, e->key, strlen(e->key), e);
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        HASH_FIND(hh, table, key, strlen(key), e);
        assert_non_null(e);
        assert_int_equal(e->n, i);
    }
    HASH_FIND(hh, table, "none", 4, e);
    assert_null(e);
    HASH_ITER(hh, table, e, next)
    {
        HASH_DEL(table, e);
        sl_mem_free(e);
    }
    assert_null(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_construction),
                                       cmocka_unit_test(test_print), cmocka_unit_test(test_seed),
                                       cmocka_unit_test(test_table)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
