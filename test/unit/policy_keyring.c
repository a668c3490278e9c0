/* Keys rest for themselves, and the one that was limited longest ago goes first. */
#include "policy/health/keyring.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T0 UINT64_C(1000000)

static int picked(const struct sl_keyring *k, uint64_t now, bool barred)
{
    size_t at;

    return sl_keyring_pick(k, now, barred, &at) ? (int)at : -1;
}

static void test_least_recently_limited(void **state)
{
    struct sl_keyring_key keys[3] = {{0}};
    struct sl_keyring k = {3, keys};

    (void)state;
    assert_int_equal(picked(&k, T0, false), 0);
    sl_keyring_limit(&k, 0, T0, 2000);
    assert_int_equal(picked(&k, T0, false), 1);
    sl_keyring_limit(&k, 1, T0 + 100, 1000);
    assert_int_equal(picked(&k, T0 + 100, false), 2);
    assert_int_equal(picked(&k, T0 + 5000, false), 2); /* all awake: never limited */
    sl_keyring_limit(&k, 2, T0 + 5000, 5000);
    assert_int_equal(picked(&k, T0 + 5000, false), 0); /* then the oldest limit */
    sl_keyring_limit(&k, 0, T0 + 5000, 3000);
    sl_keyring_limit(&k, 1, T0 + 5000, 9000);
    assert_int_equal(picked(&k, T0 + 5000, true), -1);
    assert_int_equal(sl_keyring_wait_ms(&k, T0 + 5000), 3000);
    assert_int_equal(picked(&k, T0 + 7999, false), -1);
    assert_int_equal(picked(&k, T0 + 8000, false), 0);
    assert_int_equal(sl_keyring_wait_ms(&k, T0 + 8000), 0);
}

static void test_grows_without_a_word(void **state)
{
    struct sl_keyring_key keys[1] = {{0}};
    struct sl_keyring k = {1, keys};
    static const uint64_t rests[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    uint64_t now = T0;

    (void)state;
    for (size_t i = 0; i < sizeof rests / sizeof rests[0]; i++) {
        sl_keyring_limit(&k, 0, now, 0);
        assert_int_equal(sl_keyring_wait_ms(&k, now), rests[i]);
        now += rests[i];
    }
    sl_keyring_good(&k, 0);
    sl_keyring_limit(&k, 0, now, 0);
    assert_int_equal(sl_keyring_wait_ms(&k, now), 1000);
    sl_keyring_limit(&k, 0, now, 120000); /* its word holds, however long */
    sl_keyring_limit(&k, 0, now, 10);     /* and is not shortened */
    assert_int_equal(sl_keyring_wait_ms(&k, now), 120000);
    sl_keyring_good(&k, 0); /* of a request that was sent before */
    assert_int_equal(sl_keyring_wait_ms(&k, now), 120000);
}

static void test_barred(void **state)
{
    struct sl_keyring_key keys[2] = {{0}};
    struct sl_keyring k = {2, keys};

    (void)state;
    sl_keyring_bar(&k, 0, T0);
    assert_int_equal(picked(&k, T0, true), 1);
    sl_keyring_limit(&k, 1, T0, 5000);
    assert_int_equal(picked(&k, T0, false), -1);
    assert_int_equal(picked(&k, T0, true), 0); /* when nothing else is left */
    assert_int_equal(sl_keyring_wait_ms(&k, T0), 5000);
    sl_keyring_good(&k, 0);
    assert_int_equal(picked(&k, T0, false), 0);
    sl_keyring_bar(&k, 0, T0);
    sl_keyring_bar(&k, 1, T0);
    assert_true(sl_keyring_wait_ms(&k, T0) == SL_KEYRING_NEVER);
    assert_int_equal(picked(&k, T0 + 59999, false), -1);
    assert_int_equal(picked(&k, T0 + 60000, false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least_recently_limited),
        cmocka_unit_test(test_grows_without_a_word),
        cmocka_unit_test(test_barred),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
