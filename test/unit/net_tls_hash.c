/* Digests against the vectors of RFC 1321, FIPS 180-4 and RFC 4231. */
#include "net/tls_hash.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_hex(const uint8_t *p, size_t n, const char *want)
{
    char hex[64];

    sl_str_hex(p, n, hex);
    assert_int_equal(strlen(want), 2 * n);
    assert_memory_equal(hex, want, 2 * n);
}

static void plain(void **state)
{
    uint8_t out[32];

    (void)state;
    sl_tls_sha256(SL_STR("abc"), out);
    assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sl_tls_sha256((struct sl_str){NULL, 0}, out);
    assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sl_tls_md5(SL_STR("message digest"), out);
    assert_hex(out, 16, "f96b697d7cb7938d525a2f31aaf161d0");
    sl_tls_md5((struct sl_str){NULL, 0}, out);
    assert_hex(out, 16, "d41d8cd98f00b204e9800998ecf8427e");
}

/* RFC 4231: test cases 1, 2, 4, 6 (a key larger than a block) and 7. */
static void keyed_vectors(void **state)
{
    static char key1[20], key4[25], key6[131], data4[50];
    const struct {
        struct sl_str key, data;
        const char *want;
    } cases[] = {
        {{key1, 20},
         SL_STR_INIT("Hi There"),
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {SL_STR_INIT("Jefe"), SL_STR_INIT("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {{key4, 25},
         {data4, 50},
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {{key6, 131},
         SL_STR_INIT("Test Using Larger Than Block-Size Key - Hash Key First"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {{key6, 131},
         SL_STR_INIT("This is a test using a larger than block-size key and a larger than "
                     "block-size data. The key needs to be hashed before being used by the "
                     "HMAC algorithm."),
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };

    (void)state;
    memset(key1, 0x0b, sizeof key1);
    memset(key6, 0xaa, sizeof key6);
    memset(data4, 0xcd, sizeof data4);
    for (size_t i = 0; i < sizeof key4; i++)
        key4[i] = (char)(i + 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_tls_key k;
        uint8_t out[32];

        sl_tls_hmac_sha256(cases[i].key, &cases[i].data, 1, out);
        assert_hex(out, 32, cases[i].want);
        sl_tls_key_init(&k, cases[i].key);
        for (int again = 0; again < 2; again++) {
            sl_tls_key_hmac(&k, &cases[i].data, 1, out);
            assert_hex(out, 32, cases[i].want);
        }
    }
}

static void parts_are_one_text(void **state)
{
    const struct sl_str whole = SL_STR("what do ya want for nothing?");
    uint8_t want[32], got[32];

    (void)state;
    sl_tls_hmac_sha256(SL_STR("Jefe"), &whole, 1, want);
    for (size_t cut = 0; cut <= whole.n; cut++) {
        const struct sl_str parts[3] = {
            sl_str_first(whole, cut), {NULL, 0}, sl_str_from(whole, cut)};

        sl_tls_hmac_sha256(SL_STR("Jefe"), parts, 3, got);
        assert_memory_equal(got, want, 32);
    }
}

/* Ours and theirs, over every length around a block's end, whole and in pieces. */
static void both_ways(void **state)
{
    static char text[1000];
    uint8_t ours[32], theirs[32];

    (void)state;
    if (!sl_sha_can())
        print_message("this processor has no SHA instructions: mbedtls alone\n");
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 131 + i / 7);
    for (size_t n = 0; n <= sizeof text; n++) {
        struct sl_tls_hash h;
        size_t cut = n * 37 % (n + 1);

        assert_int_equal(mbedtls_sha256((const unsigned char *)text, n, theirs, 0), 0);
        sl_tls_sha256((struct sl_str){text, n}, ours);
        assert_memory_equal(ours, theirs, 32);
        hash_begin(&h);
        sl_tls_hash_feed(&h, (struct sl_str){text, cut});
        sl_tls_hash_feed(&h, (struct sl_str){NULL, 0});
        sl_tls_hash_feed(&h, (struct sl_str){text + cut, n - cut});
        sl_tls_hash_end(&h, ours);
        assert_memory_equal(ours, theirs, 32);
        h.fast = false; /* as on a processor without them */
        mbedtls_sha256_init(&h.theirs);
        assert_int_equal(mbedtls_sha256_starts(&h.theirs, 0), 0);
        sl_tls_hash_feed(&h, (struct sl_str){text, n});
        sl_tls_hash_end(&h, ours);
        assert_memory_equal(ours, theirs, 32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plain), cmocka_unit_test(keyed_vectors),
                                       cmocka_unit_test(parts_are_one_text),
                                       cmocka_unit_test(both_ways)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
