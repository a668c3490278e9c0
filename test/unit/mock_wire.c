/* The mock's own reader of HTTP/1.1. */
#include "mock/wire.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define HEAD "POST /v1/messages?beta=true HTTP/1.1\r\nhost: a\r\n"

static enum sl_wire_step read_head(const char *text, struct sl_wire_head *h)
{
    return sl_wire_head(sl_str_of(text), h);
}

static void test_heads(void **state)
{
    struct sl_wire_head h;

    (void)state;
    assert_int_equal(read_head(HEAD "X-A:  b c \r\nx-a: d\r\ncontent-length: 12\r\n\r\nbody", &h),
                     SL_WIRE_WHOLE);
    assert_true(sl_str_eq(h.method, SL_STR("POST")));
    assert_true(sl_str_eq(h.target, SL_STR("/v1/messages?beta=true")));
    assert_true(sl_str_eq(h.path, SL_STR("/v1/messages")));
    assert_int_equal(h.length, 12);
    assert_int_equal(h.n, 4);
    assert_true(h.keep_alive);
    assert_true(sl_str_eq(sl_wire_get(&h, SL_STR("x-a")), SL_STR("b c")));
    assert_null(sl_wire_get(&h, SL_STR("x-b")).p);
    assert_int_equal(read_head(HEAD "connection: close\r\n\r\n", &h), SL_WIRE_WHOLE);
    assert_false(h.keep_alive);
    assert_int_equal(read_head("GET / HTTP/1.0\r\n\r\n", &h), SL_WIRE_WHOLE);
    assert_true(h.http10 && !h.keep_alive);
    assert_int_equal(read_head(HEAD "expect: 100-continue\r\n\r\n", &h), SL_WIRE_WHOLE);
    assert_true(h.expect);
}

static void test_every_beginning_waits(void **state)
{
    const struct sl_str whole = SL_STR(HEAD "content-length: 1\r\n\r\n");
    struct sl_wire_head h;

    (void)state;
    for (size_t n = 0; n < whole.n; n++)
        assert_int_equal(sl_wire_head(sl_str_first(whole, n), &h), SL_WIRE_MORE);
    assert_int_equal(sl_wire_head(whole, &h), SL_WIRE_WHOLE);
}

static void test_bad_heads(void **state)
{
    static const char *const bad[] = {
        "x\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET relative HTTP/1.1\r\n\r\n",
        HEAD "no colon\r\n\r\n",
        HEAD ": x\r\n\r\n",
        HEAD "a b: x\r\n\r\n",
        HEAD "content-length: 1\r\ncontent-length: 1\r\n\r\n",
        HEAD "content-length: +1\r\n\r\n",
        HEAD "content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        HEAD "transfer-encoding: gzip\r\n\r\n",
    };
    struct sl_wire_head h;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(read_head(bad[i], &h), SL_WIRE_BAD);
}

static void test_chunks_in_any_pieces(void **state)
{
    static const char text[] = "5\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\nx: y\r\n\r\nNEXT";
    const size_t whole = sizeof(text) - 1 - 4;

    (void)state;
    for (size_t cut = 0; cut <= whole; cut++) {
        struct sl_wire_chunks c = {0};
        char body[sizeof(text)];

        memcpy(body, text, sizeof(text));
        if (cut < whole)
            assert_int_equal(sl_wire_dechunk(body, cut, &c), SL_WIRE_MORE);
        assert_int_equal(sl_wire_dechunk(body, sizeof(text) - 1, &c), SL_WIRE_WHOLE);
        assert_int_equal(c.out, 16);
        assert_memory_equal(body, "hello 0123456789", 16);
        assert_int_equal(c.raw, whole);
    }
}

static void test_bad_chunks(void **state)
{
    static const char *const bad[] = {"\r\n", "x\r\n", "5;e\r\nhello\r\n", "1\r\nab\r\n",
                                      "fffffffffffff\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sl_wire_chunks c = {0};
        char body[64];
        size_t n = strlen(bad[i]);

        memcpy(body, bad[i], n);
        assert_int_equal(sl_wire_dechunk(body, n, &c), SL_WIRE_BAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),      cmocka_unit_test(test_every_beginning_waits),
        cmocka_unit_test(test_bad_heads),  cmocka_unit_test(test_chunks_in_any_pieces),
        cmocka_unit_test(test_bad_chunks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
