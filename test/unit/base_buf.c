/* The byte queue, against a plain array as the oracle. */
#include "base/buf.c"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MAX 100000

/* What the queue holds, byte for byte, through peek. */
static void assert_holds(const struct sl_buf *b, const char *want, size_t n)
{
    struct sl_str parts[64];
    size_t k = sl_buf_peek(b, parts, 64), at = 0;

    assert_int_equal(b->len, n);
    for (size_t i = 0; i < k; i++) {
        assert_true(parts[i].n > 0);
        assert_true(at + parts[i].n <= n);
        assert_memory_equal(parts[i].p, want + at, parts[i].n);
        at += parts[i].n;
    }
    assert_int_equal(at, n);
}

/* As one slice, or cut in two places, which may lie on its ends or on each other. */
static bool append_somehow(struct sl_buf *b, struct sl_str s)
{
    size_t first = sl_rand_u64() % (s.n + 1), second = sl_rand_u64() % (s.n - first + 1);
    struct sl_str rest = sl_str_from(s, first);
    struct sl_str parts[] = {sl_str_first(s, first), sl_str_first(rest, second),
                             sl_str_from(rest, second)};

    return sl_rand_u64() % 2 == 0 ? sl_buf_append(b, s) : sl_buf_append_all(b, parts, 3);
}

static void test_oracle(void **state)
{
    static char want[MAX], piece[40000];
    struct sl_buf b;
    size_t len = 0;

    (void)state;
    sl_buf_init(&b, MAX);
    for (int round = 0; round < 3000; round++) {
        size_t n = sl_rand_u64() % (round % 7 == 0 ? sizeof(piece) : 700), got = 0;
        char *place;

        for (size_t i = 0; i < n; i++)
            piece[i] = (char)(round + (int)i);
        switch (sl_rand_u64() % 4) {
        case 0:
        case 1:
            assert_int_equal(append_somehow(&b, (struct sl_str){piece, n}), len + n <= MAX);
            if (len + n > MAX)
                break;
            memcpy(want + len, piece, n);
            len += n;
            break;
        case 2:
            place = sl_buf_reserve(&b, n, &got);
            assert_int_equal(place != NULL, len + n <= MAX);
            if (place == NULL)
                break;
            assert_true(got >= n && got <= MAX - len);
            memset(place, 0x5a, got); /* all that was promised is there */
            memcpy(place, piece, n);
            sl_buf_commit(&b, n);
            memcpy(want + len, piece, n);
            len += n;
            break;
        default:
            n = n < len ? n : len;
            sl_buf_consume(&b, n);
            memmove(want, want + n, len - n);
            len -= n;
            break;
        }
        assert_holds(&b, want, len);
    }
    sl_buf_consume(&b, len);
    assert_null(b.head);
    sl_buf_fini(&b);
}

static void test_empty_costs_nothing(void **state)
{
    struct sl_buf b;
    struct sl_str part = {NULL, 0};
    size_t got;

    (void)state;
    sl_buf_init(&b, MAX);
    assert_true(sl_buf_append(&b, (struct sl_str){NULL, 0}));
    assert_null(b.head);
    assert_true(sl_buf_append(&b, SL_STR("hello")));
    assert_int_equal(b.head->cap, 512); /* short lines stay short */
    assert_int_equal(sl_buf_peek(&b, &part, 1), 1);
    assert_true(sl_str_eq(part, SL_STR("hello")));
    sl_buf_consume(&b, 5);
    assert_null(b.head);
    assert_int_equal(sl_buf_peek(&b, &part, 1), 0);
    assert_non_null(sl_buf_reserve(&b, 10, &got));
    sl_buf_commit(&b, 0);
    assert_null(b.head);
    assert_non_null(sl_buf_reserve(&b, 3 * SL_BUF_CHUNK, &got)); /* contiguous all the same */
    assert_true(got >= 3 * SL_BUF_CHUNK);
    sl_buf_fini(&b);
}

static void test_slices_share_a_chunk(void **state)
{
    static char head[700], body[900];
    const struct sl_str parts[] = {{head, sizeof(head)}, {NULL, 0}, {body, sizeof(body)}};
    struct sl_buf b;

    (void)state;
    sl_buf_init(&b, sizeof(head) + sizeof(body));
    assert_true(sl_buf_append_all(&b, NULL, 0));
    assert_true(sl_buf_append_all(&b, parts + 1, 1));
    assert_null(b.head);
    assert_true(sl_buf_append_all(&b, parts, 3));
    assert_int_equal(b.len, sizeof(head) + sizeof(body));
    assert_ptr_equal(b.head, b.tail);
    assert_false(sl_buf_append_all(&b, parts, 3));
    assert_int_equal(b.len, sizeof(head) + sizeof(body)); /* nothing of it */
    sl_buf_fini(&b);
}

static void test_ceiling_is_all_or_nothing(void **state)
{
    struct sl_buf b;
    size_t got;

    (void)state;
    sl_buf_init(&b, 10);
    assert_true(sl_buf_append(&b, SL_STR("12345678")));
    assert_false(sl_buf_append(&b, SL_STR("abc")));
    assert_holds(&b, "12345678", 8);
    assert_null(sl_buf_reserve(&b, 3, &got));
    assert_non_null(sl_buf_reserve(&b, 1, &got));
    assert_int_equal(got, 2); /* not more than may be committed */
    sl_buf_commit(&b, 2);
    b.max = 5; /* lowered while full */
    assert_false(sl_buf_append(&b, SL_STR("x")));
    assert_true(sl_buf_append(&b, SL_STR("")));
    assert_null(sl_buf_reserve(&b, 1, &got));
    sl_buf_fini(&b);
    assert_int_equal(b.len, 0);
}

static void test_no_memory_leaves_it_as_it_was(void **state)
{
    static char big[5 * SL_BUF_CHUNK];
    struct sl_buf b;
    size_t got;

    (void)state;
    sl_buf_init(&b, SIZE_MAX);
    assert_true(sl_buf_append(&b, SL_STR("start")));
    for (uint64_t i = 1; i <= 5; i++) {
        sl_mem_fail_at(i);
        assert_false(sl_buf_append(&b, (struct sl_str){big, sizeof(big)}));
        assert_holds(&b, "start", 5);
    }
    sl_mem_fail_at(1);
    assert_null(sl_buf_reserve(&b, 4000, &got));
    assert_holds(&b, "start", 5);
    assert_true(sl_buf_append(&b, (struct sl_str){big, sizeof(big)}));
    sl_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_oracle),
                                       cmocka_unit_test(test_empty_costs_nothing),
                                       cmocka_unit_test(test_slices_share_a_chunk),
                                       cmocka_unit_test(test_ceiling_is_all_or_nothing),
                                       cmocka_unit_test(test_no_memory_leaves_it_as_it_was)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
