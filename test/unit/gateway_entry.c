/* Envelopes: there and back, byte for byte once, and nothing that is not one. */
#include "gateway/entry.c"
#include "base/mem.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct sl_entry example(void)
{
    struct sl_entry e = {.ep = SL_EP_CHAT,
                         .status = 200,
                         .counts = {1, 0x0203, 3, UINT64_MAX, 5, 6},
                         .model = SL_STR("gpt"),
                         .stop = SL_STR("stop"),
                         .body = SL_STR("{\"a\":1}")};

    for (size_t i = 0; i < sizeof(e.sha256); i++)
        e.sha256[i] = (uint8_t)i;
    return e;
}

static void assert_same(const struct sl_entry *a, const struct sl_entry *b)
{
    assert_memory_equal(a->sha256, b->sha256, sizeof(a->sha256));
    assert_int_equal(a->ep, b->ep);
    assert_int_equal(a->status, b->status);
    assert_memory_equal(a->counts, b->counts, sizeof(a->counts));
    assert_true(sl_str_eq(a->model, b->model));
    assert_true(sl_str_eq(a->stop, b->stop));
    assert_true(sl_str_eq(a->body, b->body));
}

static struct sl_str bytes_of(const struct sl_cached *value)
{
    assert_non_null(value);
    return (struct sl_str){value->bytes, value->n};
}

/* A copy of exactly that size, for the sanitizer. */
static bool decode_copy(struct sl_str bytes, struct sl_entry *out)
{
    char *p = malloc(bytes.n > 0 ? bytes.n : 1);
    bool ok;

    if (bytes.n > 0)
        memcpy(p, bytes.p, bytes.n);
    ok = sl_entry_decode((struct sl_str){p, bytes.n}, out);
    free(p);
    return ok;
}

static void test_bytes(void **state)
{
    static const char head[] = "slce\x01\x03\xc8\x00";
    static const char tail[] = "\x03\x00gpt\x04stop\x07\x00\x00\x00{\"a\":1}";
    struct sl_entry e = example(), out;
    struct sl_cached *value = sl_entry_encode(&e);
    struct sl_str bytes = bytes_of(value);

    (void)state;
    assert_int_equal(bytes.n, FIXED + 3 + 4 + 7);
    assert_memory_equal(bytes.p, head, sizeof(head) - 1);
    assert_int_equal(bytes.p[8 + 31], 31);
    assert_int_equal((uint8_t)bytes.p[8 + 32 + 8], 3);
    assert_int_equal((uint8_t)bytes.p[8 + 32 + 9], 2);
    assert_memory_equal(bytes.p + bytes.n - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
    assert_true(sl_entry_decode(bytes, &out));
    assert_same(&e, &out);
    sl_cached_drop(&value);
}

static void test_sizes(void **state)
{
    static char text[70000];
    struct sl_entry e = example(), out;
    struct sl_cached *value;
    struct sl_str bytes;

    (void)state;
    memset(text, 'x', sizeof(text));
    e.body = (struct sl_str){text, sizeof(text)};
    e.model = (struct sl_str){text, UINT16_MAX};
    e.stop = (struct sl_str){text, UINT8_MAX};
    value = sl_entry_encode(&e);
    bytes = bytes_of(value);
    assert_true(sl_entry_decode(bytes, &out));
    assert_same(&e, &out);
    sl_cached_drop(&value);
    e.stop.n++;
    assert_null(sl_entry_encode(&e));
    e.stop.n = 0;
    e.model.n++;
    assert_null(sl_entry_encode(&e));
    e.model = e.body = (struct sl_str){"", 0};
    value = sl_entry_encode(&e);
    bytes = bytes_of(value);
    assert_int_equal(bytes.n, FIXED);
    assert_true(decode_copy(bytes, &out));
    sl_cached_drop(&value);
    sl_mem_fail_at(1);
    assert_null(sl_entry_encode(&e));
    sl_mem_fail_at(0);
}

/* Cut anywhere, longer, of another schema or kind, or any other byte of the head. */
static void test_refused(void **state)
{
    struct sl_entry e = example(), out, before;
    struct sl_cached *value = sl_entry_encode(&e);
    struct sl_str bytes = bytes_of(value);
    char copy[200];

    (void)state;
    memset(&out, 7, sizeof(out));
    before = out;
    for (size_t n = 0; n < bytes.n; n++)
        assert_false(decode_copy(sl_str_first(bytes, n), &out));
    memcpy(copy, bytes.p, bytes.n);
    copy[bytes.n] = ' ';
    assert_false(decode_copy((struct sl_str){copy, bytes.n + 1}, &out));
    for (size_t i = 0; i < 8; i++) {
        memcpy(copy, bytes.p, bytes.n);
        copy[i] = i == 6 ? 99 : (char)(copy[i] ^ 0x20);
        if (i == 7)
            copy[i] = 3; /* status 968 */
        assert_false(decode_copy((struct sl_str){copy, bytes.n}, &out));
    }
    memcpy(copy, bytes.p, bytes.n);
    copy[4] = 0;
    assert_false(decode_copy((struct sl_str){copy, bytes.n}, &out));
    copy[4] = SL_ENTRY_SCHEMA + 1;
    assert_false(decode_copy((struct sl_str){copy, bytes.n}, &out));
    copy[4] = SL_ENTRY_SCHEMA;
    assert_true(decode_copy((struct sl_str){copy, bytes.n}, &out));
    out = before;
    copy[5] = SL_EP_MODELS;
    assert_false(decode_copy((struct sl_str){copy, bytes.n}, &out));
    assert_memory_equal(&out, &before, sizeof(out)); /* untouched */
    sl_cached_drop(&value);
}

static void test_random(void **state)
{
    struct sl_entry out;
    char noise[300];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t n = sl_rand_u64() % sizeof(noise);

        for (size_t i = 0; i < n; i++)
            noise[i] = (char)sl_rand_u64();
        if (round % 2 == 0 && n > 8)
            memcpy(noise, "slce\x01\x01\xc8\x00", 8);
        if (decode_copy((struct sl_str){noise, n}, &out))
            assert_true(out.model.n + out.stop.n + out.body.n + FIXED == n);
    }
}

static void test_usage(void **state)
{
    struct sl_entry e = example(), out;
    struct sl_usage u, back;
    struct sl_cached *value;
    struct sl_str bytes;

    (void)state;
    sl_usage_init(&u);
    u.in = 1;
    u.cache_read = 2;
    u.cache_write_5m = 3;
    u.cache_write_1h = 4;
    u.out = 5;
    u.reasoning = 6;
    memcpy(u.model, "claude", 7);
    memcpy(u.stop, "end_turn", 9);
    sl_entry_set_usage(&e, &u);
    value = sl_entry_encode(&e);
    bytes = bytes_of(value);
    assert_true(sl_entry_decode(bytes, &out));
    sl_entry_get_usage(&out, &back);
    assert_int_equal(back.source, SL_USAGE_REPORTED);
    assert_true(back.in == 1 && back.cache_read == 2 && back.cache_write_5m == 3 &&
                back.cache_write_1h == 4 && back.out == 5 && back.reasoning == 6);
    assert_string_equal(back.model, "claude");
    assert_string_equal(back.stop, "end_turn");
    assert_true(back.has_in && back.has_out && back.has_stop && back.has_final);
    sl_usage_settle(&back, 1000000); /* changes nothing in what was reported */
    assert_true(back.in == 1 && back.out == 5 && back.source == SL_USAGE_REPORTED);
    sl_cached_drop(&value);
    /* longer than a record holds: cut */
    memset(&e, 0, sizeof(e));
    e.model = (struct sl_str){(char[300]){0}, 300};
    sl_entry_get_usage(&e, &back);
    assert_false(back.has_stop);
    assert_int_equal(back.model[SL_USAGE_TEXT - 1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bytes), cmocka_unit_test(test_sizes),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_random), cmocka_unit_test(test_usage)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
