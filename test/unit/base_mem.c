/* The allocator seam, random bytes, and the error table's promises. */
#include "base/mem.c"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/rand.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_fail_at(void **state)
{
    uint64_t before = sl_mem_tries();
    void *p, *q;

    (void)state;
    sl_mem_fail_at(2);
    p = sl_mem_try(0);
    assert_non_null(p);
    assert_null(sl_mem_grow(p, 100)); /* p stays valid */
    q = sl_mem_grow(p, 100);          /* fails once */
    assert_non_null(q);
    memset(q, 1, 100);
    assert_int_equal(sl_mem_tries(), before + 3);
    sl_mem_fail_at(1);
    sl_mem_fail_at(0);
    sl_mem_free(sl_mem_grow(q, 0));
    sl_mem_fail_at(1);
    p = sl_mem_new(8); /* does not count: it may not fail */
    assert_int_equal(*(char *)p, 0);
    sl_mem_free(p);
    sl_mem_free(NULL);
    assert_null(sl_mem_try(1));
}

static void test_environment(void **state)
{
    (void)state;
    setenv("SLUICE_FAIL_ALLOC", "2", 1);
    tries = 0;
    env_read = false;
    sl_mem_free(sl_mem_try(1));
    assert_null(sl_mem_try(1));
    setenv("SLUICE_FAIL_ALLOC", "nonsense", 1);
    sl_mem_fail_at(0);
    env_read = false;
    for (int i = 0; i < 10; i++)
        sl_mem_free(sl_mem_try(1));
    unsetenv("SLUICE_FAIL_ALLOC");
}

/* What is kept: as many as told, and never a byte of what was there where it counts. */
static void test_shelf(void **state)
{
    struct sl_mem_shelf s = {.size = 64, .most = 2};
    bool kept = keeps;
    void *p[3];

    (void)state;
    keeps = true; /* also under AddressSanitizer */
    for (size_t i = 0; i < 3; i++) {
        p[i] = sl_mem_take(&s);
        assert_non_null(p[i]);
        memset(p[i], 0xff, s.size);
    }
    for (size_t i = 0; i < 3; i++)
        sl_mem_give(&s, p[i]);
    assert_int_equal(s.n, 2);
    p[0] = sl_mem_take_zeroed(&s);
    for (size_t i = 0; i < s.size; i++)
        assert_int_equal(((uint8_t *)p[0])[i], 0);
    sl_mem_fail_at(1);
    assert_null(sl_mem_take(&s)); /* kept or not: it may fail */
    p[1] = sl_mem_take(&s);
    assert_non_null(p[1]);
    assert_int_equal(s.n, 0);
    sl_mem_free(p[0]);
    sl_mem_free(p[1]);
    keeps = kept;
}

struct taken {
    void *wide, *narrow, *queue;
};

/* One chunk of each kind, given back at once. */
static void take_and_give(struct taken *t)
{
    struct sl_arena a, b;
    struct sl_buf q;

    sl_arena_init(&a, 1 << 20);
    sl_arena_init(&b, 1 << 20);
    sl_buf_init(&q, 1 << 20);
    t->wide = sl_arena_alloc(&a, SL_ARENA_CHUNK);
    t->narrow = sl_arena_alloc(&b, 16);
    assert_true(sl_buf_append(&q, (struct sl_str){(char *)memset((char[1000]){0}, 1, 1000), 1000}));
    t->queue = q.head;
    sl_arena_fini(&a);
    sl_arena_fini(&b);
    sl_buf_fini(&q);
}

static void *on_thread(void *ctx)
{
    take_and_give(ctx);
    return NULL;
}

/* What the loop keeps, a thread of the pool must not take: nothing guards it. */
static void test_shelf_of_a_thread(void **state)
{
    bool kept = keeps;
    struct taken loop, again, other;
    pthread_t thread;

    (void)state;
    keeps = true;
    take_and_give(&loop);
    take_and_give(&again);
    assert_memory_equal(&again, &loop, sizeof loop); /* it is kept */
    keeps = false;                                   /* the thread leaves nothing behind */
    assert_int_equal(pthread_create(&thread, NULL, on_thread, &other), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ptr_not_equal(other.wide, loop.wide);
    assert_ptr_not_equal(other.narrow, loop.narrow);
    assert_ptr_not_equal(other.queue, loop.queue);
    take_and_give(&again);
    keeps = kept;
}

static void test_dup_and_wipe(void **state)
{
    char *z = sl_mem_dup((struct sl_str){"secret!", 6});

    (void)state;
    assert_string_equal(z, "secret");
    sl_mem_wipe(z, 6);
    assert_memory_equal(z, "\0\0\0\0\0\0", 6);
    sl_mem_wipe(NULL, 0);
    sl_mem_free(z);
    z = sl_mem_dup((struct sl_str){NULL, 0});
    assert_string_equal(z, "");
    sl_mem_free(z);
}

static void test_errors(void **state)
{
    (void)state;
    for (int e = 0; e < SL_ERR__COUNT; e++) {
        int status = sl_err_status((enum sl_err)e);

        assert_true(status == 0 || (status >= 400 && status <= 599));
        assert_true(strlen(sl_err_name((enum sl_err)e)) > 0);
        assert_true(strlen(sl_err_text((enum sl_err)e)) > 0);
        for (int other = 0; other < e; other++) /* a name means one thing in the access log */
            assert_string_not_equal(sl_err_name((enum sl_err)e), sl_err_name((enum sl_err)other));
    }
    assert_int_equal(sl_err_status(SL_ERR_BODY_TOO_BIG), 413);
    assert_true(sl_err_is_retryable(SL_ERR_UP_RESET));
    assert_false(sl_err_is_retryable(SL_ERR_CLIENT_GONE));
}

static void test_rand(void **state)
{
    char a[16], b[16];
    uint8_t raw[300] = {0};
    uint64_t ones = 0;

    (void)state;
    sl_rand_bytes(raw, sizeof(raw)); /* more than one call of the kernel gives at once */
    for (size_t i = 0; i < sizeof(raw); i++)
        ones += (uint64_t)__builtin_popcount(raw[i]);
    assert_in_range(ones, 900, 1500);
    sl_rand_bytes(NULL, 0);
    sl_rand_id(a);
    sl_rand_id(b);
    assert_memory_not_equal(a, b, 16);
    assert_true(sl_str_unhex((struct sl_str){a, 16}, raw, 8));
    ones = 0;
    for (int i = 0; i < 1000; i++)
        ones += (uint64_t)__builtin_popcountll(sl_rand_u64());
    assert_in_range(ones, 31000, 33000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_at),      cmocka_unit_test(test_environment),
        cmocka_unit_test(test_shelf),        cmocka_unit_test(test_shelf_of_a_thread),
        cmocka_unit_test(test_dup_and_wipe), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_rand)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
