/* What may be tried again, how long to wait, and the budget of it. */
#include "policy/health/retry.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define UNIX_MS (INT64_C(784111777) * 1000) /* Sun, 06 Nov 1994 08:49:37 GMT */

static void test_statuses(void **state)
{
    static const struct {
        int status;
        enum sl_retry plain, should, should_not;
    } rows[] = {
        {400, SL_RETRY_NEVER, SL_RETRY_AGAIN, SL_RETRY_NEVER},
        {404, SL_RETRY_NEVER, SL_RETRY_AGAIN, SL_RETRY_NEVER},
        {413, SL_RETRY_NEVER, SL_RETRY_AGAIN, SL_RETRY_NEVER},
        {422, SL_RETRY_NEVER, SL_RETRY_AGAIN, SL_RETRY_NEVER},
        {401, SL_RETRY_ELSEWHERE, SL_RETRY_ELSEWHERE, SL_RETRY_ELSEWHERE},
        {402, SL_RETRY_ELSEWHERE, SL_RETRY_ELSEWHERE, SL_RETRY_ELSEWHERE},
        {403, SL_RETRY_ELSEWHERE, SL_RETRY_ELSEWHERE, SL_RETRY_ELSEWHERE},
        {408, SL_RETRY_AGAIN, SL_RETRY_AGAIN, SL_RETRY_ELSEWHERE},
        {409, SL_RETRY_AGAIN, SL_RETRY_AGAIN, SL_RETRY_ELSEWHERE},
        {429, SL_RETRY_LIMITED, SL_RETRY_LIMITED, SL_RETRY_ELSEWHERE},
        {500, SL_RETRY_AGAIN, SL_RETRY_AGAIN, SL_RETRY_ELSEWHERE},
        {501, SL_RETRY_AGAIN, SL_RETRY_AGAIN, SL_RETRY_ELSEWHERE},
        {503, SL_RETRY_AGAIN, SL_RETRY_AGAIN, SL_RETRY_ELSEWHERE},
        {529, SL_RETRY_AGAIN, SL_RETRY_AGAIN, SL_RETRY_ELSEWHERE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sl_retry_hints none = {0}, yes = {.should = true}, no = {.should_not = true};

        assert_int_equal(sl_retry_status(rows[i].status, &none), rows[i].plain);
        assert_int_equal(sl_retry_status(rows[i].status, &yes), rows[i].should);
        assert_int_equal(sl_retry_status(rows[i].status, &no), rows[i].should_not);
    }
}

static void test_waits(void **state)
{
    static const struct {
        const char *ms, *after;
        int64_t want; /* -1: none */
    } rows[] = {
        {"", "", -1},
        {"", "7", 7000},
        {"", "0", 0},
        {"1500", "7", 1500}, /* the exact one goes first */
        {"1500.2", "", 1501},
        {"soon", "7", 7000},
        {"", "-1", -1},
        {"", "soon", -1},
        {"", "1e3", -1},
        {"", "99999999999999999999", -1},
        {"", "86400", 86400000},
        {"", "86401", -1},
        {"", "Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"", "Sun, 06 Nov 1994 08:49:47 GMT", 10000},
        {"", "Sun, 06 Nov 1994 08:00:00 GMT", 0}, /* past */
        {"", "Mon, 06 Nov 2023 08:49:37 GMT", 86400000},
        {"", "Sunday, 06-Nov-94 08:49:37 GMT", -1},
        {"", "Sun, 06 Xov 1994 08:49:47 GMT", -1},
        {"", "Sun, 06 anF 1994 08:49:47 GMT", -1},
        {"", "Sun, x6 Nov 1994 08:49:47 GMT", -1},
        {"", "Sun, 06 Nov 1994 08:49:47 CET", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sl_retry_hints h = {0};

        sl_retry_read_wait(sl_str_of(rows[i].ms), sl_str_of(rows[i].after), UNIX_MS, &h);
        assert_int_equal(h.has_wait, rows[i].want >= 0);
        if (h.has_wait)
            assert_int_equal(h.wait_ms, rows[i].want);
    }
}

static void test_backoff(void **state)
{
    const struct sl_retry_rules r = {.attempts = 3, .base_ms = 500, .max_ms = 3000};

    (void)state;
    assert_int_equal(sl_retry_backoff_ms(&r, 1, 0), 0); /* full jitter */
    assert_int_equal(sl_retry_backoff_ms(&r, 1, 500), 500);
    assert_int_equal(sl_retry_backoff_ms(&r, 1, 501), 0);
    assert_int_equal(sl_retry_backoff_ms(&r, 2, 1000), 1000);
    assert_int_equal(sl_retry_backoff_ms(&r, 3, 2000), 2000);
    assert_int_equal(sl_retry_backoff_ms(&r, 4, 3000), 3000);
    assert_int_equal(sl_retry_backoff_ms(&r, 4, 3001), 0);
    assert_int_equal(sl_retry_backoff_ms(&r, 1000000, 3000), 3000);
}

static unsigned take_all(struct sl_retry_budget *b, uint64_t now)
{
    unsigned n = 0;

    while (n < 100000 && sl_retry_budget_take(b, now))
        n++;
    return n;
}

static void test_budget(void **state)
{
    struct sl_retry_budget b = {0};
    uint64_t now = 5000;

    (void)state;
    assert_int_equal(take_all(&b, now), 100); /* ten a second for ten seconds */
    assert_int_equal(take_all(&b, now + 9000), 0);
    assert_int_equal(take_all(&b, now + 10000), 100);
    now += 30000;
    for (int i = 0; i < 1000; i++)
        sl_retry_budget_note(&b, now);
    assert_int_equal(take_all(&b, now), 300); /* a fifth, and those */
    for (int i = 0; i < 1000; i++)
        sl_retry_budget_note(&b, now + 5000);
    assert_int_equal(take_all(&b, now + 5000), 200);
    assert_int_equal(take_all(&b, now + 10000), 100); /* the first second is out */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
