/* The envelope in Redis: back as it went in, and nothing else comes back. */
#include "store/cache/cached.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct sl_cached *value_of(size_t n)
{
    struct sl_cached *c = sl_cached_new(n);

    c->stored_unix_ms = 1700000000000;
    c->fresh_until_unix_ms = 1700000600000;
    c->gone_unix_ms = 1700000900001;
    for (size_t i = 0; i < n; i++)
        c->bytes[i] = (char)(i * 31 + 7);
    return c;
}

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t n = 0; n < 70; n++) {
        struct sl_cached *in = value_of(n), *out;
        struct sl_str packed = sl_cached_pack(in);

        out = sl_cached_unpack(packed);
        assert_non_null(out);
        assert_int_equal(out->n, n);
        assert_memory_equal(out->bytes, in->bytes, n);
        assert_true(out->stored_unix_ms == in->stored_unix_ms);
        assert_true(out->fresh_until_unix_ms == in->fresh_until_unix_ms);
        assert_true(out->gone_unix_ms == in->gone_unix_ms);
        assert_int_equal(out->holders, 1);
        sl_cached_drop(&in);
        sl_cached_drop(&out);
    }
}

/* The header as bytes: what another version of this program would read. */
static void test_bytes(void **state)
{
    static const unsigned char head[] = {
        's',  'l',  'c',  '1',  3,    0,    0, 0, 0x00, 0x68, 0xe5, 0xcf, 0x8b, 0x01, 0, 0,
        0xc0, 0x8f, 0xee, 0xcf, 0x8b, 0x01, 0, 0, 0xa1, 0x23, 0xf3, 0xcf, 0x8b, 0x01, 0, 0};
    struct sl_cached *in = value_of(3);
    struct sl_str packed = sl_cached_pack(in);

    (void)state;
    assert_int_equal(packed.n, SL_CACHED_HEADER + 3);
    assert_memory_equal(packed.p, head, sizeof head);
    assert_memory_equal(packed.p + SL_CACHED_HEADER, in->bytes, 3);
    assert_ptr_equal(packed.p + SL_CACHED_HEADER, in->bytes); /* not a copy */
    sl_cached_drop(&in);
}

static bool is_taken(const char *p, size_t n)
{
    char *exact = sl_mem_new(n); /* the sanitizer sees a byte too far */
    struct sl_cached *out;
    bool taken;

    memcpy(exact, p, n);
    out = sl_cached_unpack((struct sl_str){exact, n});
    taken = out != NULL;
    sl_cached_drop(&out);
    sl_mem_free(exact);
    return taken;
}

static void test_damage(void **state)
{
    struct sl_cached *in = value_of(45);
    struct sl_str packed = sl_cached_pack(in);
    char *text = sl_mem_new(packed.n + 1);

    (void)state;
    memcpy(text, packed.p, packed.n);
    assert_true(is_taken(text, packed.n));
    for (size_t n = 0; n < packed.n; n++)
        assert_false(is_taken(text, n)); /* cut */
    assert_false(is_taken(text, packed.n + 1));
    for (size_t i = 0; i < packed.n; i++) {
        if (i >= 8 && i < 32)
            continue; /* times are as good as any other */
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ (1 << bit));
            assert_false(is_taken(text, packed.n));
            text[i] = (char)(text[i] ^ (1 << bit));
        }
    }
    text[3] = '2';
    assert_false(is_taken(text, packed.n)); /* another version */
    text[3] = '1';
    text[16 + 5] = 0x7f;
    assert_false(is_taken(text, packed.n)); /* fresh for longer than it exists */
    sl_mem_free(text);
    sl_cached_drop(&in);
}

static void test_holders(void **state)
{
    struct sl_cached *a = value_of(5), *b = sl_cached_share(a), *c = sl_cached_share(b);

    (void)state;
    sl_cached_drop(&a);
    assert_null(a);
    sl_cached_drop(&c);
    assert_int_equal(b->holders, 1);
    assert_int_equal(b->bytes[0], 7);
    sl_cached_drop(&b);
    sl_cached_drop(&b); /* nothing to let go of */
}

static void test_no_memory(void **state)
{
    struct sl_cached *in = value_of(10);
    struct sl_str packed = sl_cached_pack(in);

    (void)state;
    sl_mem_fail_at(1);
    assert_null(sl_cached_new(1));
    sl_mem_fail_at(1);
    assert_null(sl_cached_unpack(packed));
    sl_mem_fail_at(0);
    sl_cached_drop(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_damage),     cmocka_unit_test(test_holders),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
