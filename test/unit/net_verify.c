/* Promise: a signature is taken if it is the key's, and keys that are none are refused. */
#include "net/crypto/verify.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/base64.h"

static struct sl_str bytes(const char *text, uint8_t place[1024])
{
    size_t n = 0;

    assert_true(sl_base64_decode_url(sl_str_of(text), place, 1024, &n));
    return (struct sl_str){(const char *)place, n};
}

static char why[160];

/* RFC 7515 appendix A.3. */
static const char x[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
static const char y[] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
static const char es_text[] =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
static const char es_signature[] =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

static void test_p256(void **state)
{
    uint8_t a[1024], b[1024], s[1024];
    struct sl_verify_key *k = sl_verify_p256_new(bytes(x, a), bytes(y, b), why, sizeof why);
    struct sl_str signature = bytes(es_signature, s);

    (void)state;
    assert_non_null(k);
    assert_false(sl_verify_is_rsa(k));
    assert_true(sl_verify(k, sl_str_of(es_text), signature));
    assert_false(sl_verify(k, SL_STR("another text"), signature));
    for (size_t n = 0; n < signature.n; n++) /* none of its beginnings */
        assert_false(sl_verify(k, sl_str_of(es_text), sl_str_first(signature, n)));
    for (size_t i = 0; i < signature.n; i += 7) {
        s[i] ^= 1;
        assert_false(sl_verify(k, sl_str_of(es_text), signature));
        s[i] ^= 1;
    }
    memset(s, 0, 64); /* zeros are no numbers of the group */
    assert_false(sl_verify(k, sl_str_of(es_text), signature));
    sl_verify_end(&k);
}

static void test_no_points(void **state)
{
    uint8_t a[1024], b[1024];
    struct sl_str px = bytes(x, a), py = bytes(y, b);

    (void)state;
    assert_null(sl_verify_p256_new(sl_str_first(px, 31), py, why, sizeof why));
    assert_null(sl_verify_p256_new(px, (struct sl_str){"", 0}, why, sizeof why));
    b[31] ^= 1;
    assert_null(sl_verify_p256_new(px, py, why, sizeof why));
    assert_non_null(strstr(why, "P-256"));
    memset(a, 0, 32);
    memset(b, 0, 32);
    assert_null(sl_verify_p256_new(px, py, why, sizeof why));
}

static void test_no_rsa_keys(void **state)
{
    uint8_t n[300];
    struct sl_str e = SL_STR("\x01\x00\x01");
    struct sl_verify_key *k;

    (void)state;
    memset(n, 0xff, sizeof n);
    k = sl_verify_rsa_new((struct sl_str){(const char *)n, 256}, e, why, sizeof why);
    assert_non_null(k);
    assert_false(sl_verify(k, SL_STR("text"), (struct sl_str){(const char *)n, 256}));
    assert_false(sl_verify(k, SL_STR("text"), (struct sl_str){(const char *)n, 255}));
    sl_verify_end(&k);
    assert_null(sl_verify_rsa_new((struct sl_str){(const char *)n, 255}, e, why, sizeof why));
    assert_null(sl_verify_rsa_new((struct sl_str){"", 0}, e, why, sizeof why));
    assert_null(sl_verify_rsa_new((struct sl_str){(const char *)n, 256}, (struct sl_str){"", 0},
                                  why, sizeof why));
    assert_null(
        sl_verify_rsa_new((struct sl_str){(const char *)n, 256}, SL_STR("\x01"), why, sizeof why));
    n[255] = 0xfe; /* even */
    assert_null(sl_verify_rsa_new((struct sl_str){(const char *)n, 256}, e, why, sizeof why));
}

static void test_no_pem(void **state)
{
    (void)state;
    assert_null(sl_verify_pem_new(SL_STR(""), why, sizeof why));
    assert_null(sl_verify_pem_new(SL_STR("-----BEGIN PUBLIC KEY-----\nAAAA\n"
                                         "-----END PUBLIC KEY-----\n"),
                                  why, sizeof why));
    assert_null(sl_verify_pem_new(SL_STR("-----BEGIN CERTIFICATE-----\nAAAA\n"
                                         "-----END CERTIFICATE-----\n"),
                                  why, sizeof why));
    assert_non_null(strstr(why, "PEM"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_p256),
        cmocka_unit_test(test_no_points),
        cmocka_unit_test(test_no_rsa_keys),
        cmocka_unit_test(test_no_pem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
