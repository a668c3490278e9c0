/* The suite as one list, run for a kind of store. */
#ifndef SL_TEST_STORE_SUITE_ALL_H
#define SL_TEST_STORE_SUITE_ALL_H

#include "_suite.h"
#include "_suite_money.h"
#include "_suite_records.h"
#include "_suite_together.h"
#include "_suite_windows.h"

#define SUITE_CASE(fn) {#fn, fn, suite_setup, suite_teardown, NULL},

/* Failures, as cmocka counts them. */
static inline int suite_run(const struct maker *maker)
{
    static struct CMUnitTest cases[] = {SUITE_WINDOWS(SUITE_CASE) SUITE_MONEY(SUITE_CASE)
                                            SUITE_RECORDS(SUITE_CASE) SUITE_TOGETHER(SUITE_CASE)
                                                SUITE_WINDOWS_MOVED(SUITE_CASE)};
    static const struct CMUnitTest moved[] = {SUITE_WINDOWS_MOVED(SUITE_CASE)};
    size_t n = sizeof cases / sizeof cases[0];

    for (size_t i = 0; i < n; i++)
        cases[i].initial_state = (void *)(uintptr_t)maker;
    if (maker->pass == NULL)
        n -= sizeof moved / sizeof moved[0];
    return _cmocka_run_group_tests(maker->name, cases, n, NULL, NULL);
}

#endif
