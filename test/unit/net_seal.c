/* Sealed values: what was sealed opens, and nothing else does. */
#include "net/crypto/seal.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SECRET "0123456789abcdef0123456789abcdef0123"
/* Made once; HKDF, the key's id and the cipher text were checked by another implementation. */
#define OLD "seal:v1:c03da533:ZXPKZ8G46CtVPu2cGTAdy1Zf382My5cmXk98a/4SB5ROTBZQQ54czhE="

static struct sl_seal_key key_of(const char *secret)
{
    struct sl_seal_key k;

    sl_seal_key_from(sl_str_of(secret), &k);
    return k;
}

static enum sl_seal_end opened(const struct sl_seal_key *k, struct sl_str sealed, char *place,
                               size_t cap, struct sl_str *plain)
{
    struct sl_text out = sl_text_over(place, cap);
    enum sl_seal_end end = sl_seal_open(k, sealed, &out);

    *plain = sl_text_str(&out);
    return end;
}

static void earlier_values(void **state)
{
    struct sl_seal_key k = key_of(SECRET);
    struct sl_str plain;
    char place[64];

    (void)state;
    assert_string_equal(k.id, "c03da533");
    assert_int_equal(opened(&k, SL_STR(OLD), place, sizeof place, &plain), SL_SEAL_DONE);
    assert_true(sl_str_eq(plain, SL_STR("sk-ant-secret")));
}

static void round_trips(void **state)
{
    struct sl_seal_key k = key_of(SECRET);
    static char sealed[SL_SEAL_TEXT_MAX], again[SL_SEAL_TEXT_MAX], place[SL_SEAL_PLAIN_MAX + 1];
    const size_t sizes[] = {0, 1, 15, 16, 17, 4096, SL_SEAL_PLAIN_MAX};
    struct sl_str plain;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct sl_text one = sl_text_over(sealed, sizeof sealed);
        struct sl_text two = sl_text_over(again, sizeof again);
        char *text = sl_mem_new(sizes[i] + 1);

        sl_rand_bytes(text, sizes[i]);
        assert_int_equal(sl_seal_lock(&k, (struct sl_str){text, sizes[i]}, &one), SL_SEAL_DONE);
        assert_int_equal(sl_seal_lock(&k, (struct sl_str){text, sizes[i]}, &two), SL_SEAL_DONE);
        assert_false(sl_str_eq(sl_text_str(&one), sl_text_str(&two))); /* a nonce of its own */
        assert_int_equal(opened(&k, sl_text_str(&one), place, sizeof place, &plain), SL_SEAL_DONE);
        assert_true(sl_str_eq(plain, (struct sl_str){text, sizes[i]}));
        sl_mem_free(text);
    }
}

static void limits(void **state)
{
    struct sl_seal_key k = key_of(SECRET);
    static char large[SL_SEAL_PLAIN_MAX + 1], place[SL_SEAL_TEXT_MAX];
    struct sl_text out = sl_text_over(place, sizeof place), small = sl_text_over(place, 40);
    struct sl_str plain;

    (void)state;
    assert_int_equal(sl_seal_lock(&k, (struct sl_str){large, sizeof large}, &out), SL_SEAL_SIZE);
    assert_int_equal(sl_seal_lock(&k, SL_STR("a secret"), &small), SL_SEAL_SIZE);
    assert_int_equal(opened(&k, SL_STR(OLD), place, 12, &plain), SL_SEAL_SIZE);
}

/* Any byte that is another one is found. */
static void changed_values(void **state)
{
    struct sl_seal_key k = key_of(SECRET);
    char text[] = OLD, place[64];
    struct sl_str plain;

    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        char was = text[i];

        text[i] = was == 'A' ? 'B' : 'A';
        assert_int_not_equal(opened(&k, sl_str_of(text), place, sizeof place, &plain),
                             SL_SEAL_DONE);
        assert_int_equal(plain.n, 0);
        text[i] = was;
    }
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_int_not_equal(opened(&k, (struct sl_str){text, n}, place, sizeof place, &plain),
                             SL_SEAL_DONE);
    assert_int_equal(opened(&k, sl_str_of(text), place, sizeof place, &plain), SL_SEAL_DONE);
}

static void other_keys(void **state)
{
    struct sl_seal_key k = key_of(SECRET "x"), same_id = key_of(SECRET "x");
    char place[64];
    struct sl_str plain;

    (void)state;
    assert_int_equal(opened(&k, SL_STR(OLD), place, sizeof place, &plain), SL_SEAL_KEY);
    memcpy(same_id.id, "c03da533", SL_SEAL_ID);
    assert_int_equal(opened(&same_id, SL_STR(OLD), place, sizeof place, &plain), SL_SEAL_KEY);
    assert_int_equal(opened(&k, SL_STR("sk-ant-secret"), place, sizeof place, &plain),
                     SL_SEAL_FORM);
    assert_int_equal(opened(&k, SL_STR("seal:v1:short:AAAA"), place, sizeof place, &plain),
                     SL_SEAL_FORM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(earlier_values), cmocka_unit_test(round_trips), cmocka_unit_test(limits),
        cmocka_unit_test(changed_values), cmocka_unit_test(other_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
