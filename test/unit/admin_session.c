/* Sessions of the dashboard: open as long as they are to be, found by their id alone, bounded;
 * and addresses that guess at the key wait. */
#include "admin/page/session.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct sl_sessions table;

static struct sl_str of(const char id[SL_SESSION_ID])
{
    return (struct sl_str){id, SL_SESSION_ID};
}

static int setup(void **state)
{
    (void)state;
    memset(&table, 0, sizeof table);
    return 0;
}

static void test_open_and_close(void **state)
{
    char a[SL_SESSION_ID], b[SL_SESSION_ID];

    (void)state;
    sl_session_open(&table, 1000, a);
    sl_session_open(&table, 2000, b);
    assert_memory_not_equal(a, b, SL_SESSION_ID);
    assert_true(sl_session_is_open(&table, of(a), 1000));
    assert_true(sl_session_is_open(&table, of(a), 999 + SL_SESSION_MS));
    assert_false(sl_session_is_open(&table, of(a), 1000 + SL_SESSION_MS));
    assert_true(sl_session_is_open(&table, of(b), 1000 + SL_SESSION_MS));
    sl_session_close(&table, of(b));
    assert_false(sl_session_is_open(&table, of(b), 2000));
    sl_session_close(&table, of(b));
    assert_true(sl_session_is_open(&table, of(a), 2000));
}

/* Neither what stands in the table nor anything near an id is one. */
static void test_nothing_else_is_an_id(void **state)
{
    char id[SL_SESSION_ID + 1] = "", other[SL_SESSION_ID];

    (void)state;
    assert_false(sl_session_is_open(&table, SL_STR(""), 0));
    memset(other, '0', sizeof other);
    assert_false(sl_session_is_open(&table, of(other), 0));
    sl_session_open(&table, 0, id);
    memcpy(other, id, sizeof other);
    other[63] = other[63] == '0' ? '1' : '0';
    assert_false(sl_session_is_open(&table, of(other), 0));
    assert_false(sl_session_is_open(&table, (struct sl_str){id, 63}, 0));
    assert_false(sl_session_is_open(&table, (struct sl_str){id, 65}, 0));
    sl_str_hex(table.at[0].digest, 32, other);
    assert_false(sl_session_is_open(&table, of(other), 0));
    for (size_t i = 0; i + SL_SESSION_ID <= sizeof table; i++)
        assert_memory_not_equal((const char *)&table + i, id, SL_SESSION_ID);
}

static void test_the_oldest_gives_way(void **state)
{
    char first[SL_SESSION_ID], second[SL_SESSION_ID], id[SL_SESSION_ID];

    (void)state;
    sl_session_open(&table, 1, first);
    sl_session_open(&table, 2, second);
    for (uint64_t i = 3; i <= SL_SESSION_MAX + 1; i++)
        sl_session_open(&table, i, id);
    assert_false(sl_session_is_open(&table, of(first), 100));
    assert_true(sl_session_is_open(&table, of(second), 100));
    assert_true(sl_session_is_open(&table, of(id), 100));
}

static void test_wrong_keys_wait(void **state)
{
    struct sl_str a = SL_STR("10.0.0.1"), b = SL_STR("10.0.0.2");
    uint64_t wait = 0;

    (void)state;
    for (int i = 0; i < SL_SESSION_TRIES; i++) {
        assert_true(sl_session_may_try(&table, SL_SESSION_LOGIN, a, 5000, &wait));
        assert_int_equal(sl_session_note_wrong(&table, SL_SESSION_LOGIN, a, 5000),
                         i + 1 == SL_SESSION_TRIES);
    }
    assert_false(sl_session_may_try(&table, SL_SESSION_LOGIN, a, 15000, &wait));
    assert_int_equal(wait, 50000);
    assert_true(sl_session_may_try(&table, SL_SESSION_LOGIN, b, 15000, &wait));
    assert_true(sl_session_may_try(&table, SL_SESSION_LOGIN, a, 65000, &wait));
    assert_false(sl_session_note_wrong(&table, SL_SESSION_LOGIN, a, 65000));
    assert_true(sl_session_may_try(&table, SL_SESSION_LOGIN, a, 65000, &wait));
}

/* Programs may err more often, and keep nobody from the login. */
static void test_programs_are_counted_apart(void **state)
{
    struct sl_str a = SL_STR("10.0.0.1");
    uint64_t wait = 0;

    (void)state;
    for (int i = 0; i < SL_SESSION_CALLS; i++) {
        assert_true(sl_session_may_try(&table, SL_SESSION_BEARER, a, 5000, &wait));
        assert_int_equal(sl_session_note_wrong(&table, SL_SESSION_BEARER, a, 5000),
                         i + 1 == SL_SESSION_CALLS);
    }
    assert_false(sl_session_may_try(&table, SL_SESSION_BEARER, a, 64999, &wait));
    assert_true(sl_session_may_try(&table, SL_SESSION_LOGIN, a, 64999, &wait));
    assert_true(sl_session_may_try(&table, SL_SESSION_BEARER, a, 65000, &wait));
}

/* More addresses than there are places: the newest is counted all the same. */
static void test_many_addresses(void **state)
{
    char text[32];
    uint64_t wait = 0;

    (void)state;
    for (unsigned i = 0; i < 3 * SL_SESSION_PEERS; i++) {
        (void)snprintf(text, sizeof text, "10.0.1.%u", i);
        for (int n = 0; n < SL_SESSION_TRIES; n++)
            (void)sl_session_note_wrong(&table, SL_SESSION_LOGIN, sl_str_of(text), 1000 + i);
        assert_false(
            sl_session_may_try(&table, SL_SESSION_LOGIN, sl_str_of(text), 1000 + i, &wait));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_open_and_close, setup),
        cmocka_unit_test_setup(test_nothing_else_is_an_id, setup),
        cmocka_unit_test_setup(test_the_oldest_gives_way, setup),
        cmocka_unit_test_setup(test_wrong_keys_wait, setup),
        cmocka_unit_test_setup(test_programs_are_counted_apart, setup),
        cmocka_unit_test_setup(test_many_addresses, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
