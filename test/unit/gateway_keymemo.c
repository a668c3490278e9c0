/* Whatever is remembered, the answer is the key's SHA-256. */
#include "gateway/keymemo.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_many_keys(void **state)
{
    static struct sl_keymemo memo;
    uint8_t got[32], want[32];
    char key[64];

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 4 * SL_KEYMEMO_SLOTS; i++) {
            struct sl_str k = {key, (size_t)snprintf(key, sizeof(key), "sk-slc-%d", i)};

            sl_tls_sha256(k, want);
            sl_keymemo_sha256(&memo, k, got); /* puts out another, mostly */
            assert_memory_equal(got, want, sizeof(want));
            sl_keymemo_sha256(&memo, k, got); /* remembered */
            assert_memory_equal(got, want, sizeof(want));
        }
    }
}

/* No slot holds a part of a key, and a print alone does not open one. */
static void test_what_is_kept(void **state)
{
    static struct sl_keymemo memo;
    struct sl_str key = SL_STR("sk-slc-canary-0123456789abcdef");
    struct sl_keymemo_slot *s = &memo.slots[sl_map_print(key).a % SL_KEYMEMO_SLOTS];
    uint8_t got[32], want[32];

    (void)state;
    sl_tls_sha256(key, want);
    sl_keymemo_sha256(&memo, key, got);
    assert_null(memmem(&memo, sizeof(memo), key.p, 8));
    assert_memory_equal(s->sha256, want, sizeof(want));
    s->print.b ^= 1;
    s->sha256[0] ^= 1;
    sl_keymemo_sha256(&memo, key, got); /* half a print is none */
    assert_memory_equal(got, want, sizeof(want));
    s->sha256[0] ^= 1;
    sl_keymemo_sha256(&memo, key, got); /* and a whole one is not hashed again */
    assert_int_equal(got[0], want[0] ^ 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_many_keys),
                                       cmocka_unit_test(test_what_is_kept)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
