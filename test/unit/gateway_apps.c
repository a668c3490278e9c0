/* What a program calls itself becomes one name: clean, bounded, of its address; and no client
 * can make more rows of usage than a tenant has places. */
#include "gateway/audit/apps.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define DAY INT64_C(86400)

static struct sl_apps apps;

static int end(void **state)
{
    (void)state;
    sl_apps_fini(&apps);
    apps.day = 0;
    return 0;
}

static void assert_written(const char *address, const char *title, const char *want)
{
    char place[SL_APPS_TEXT];
    struct sl_str got = sl_apps_write(sl_str_of(address), sl_str_of(title), place);

    if (!sl_str_eq(got, sl_str_of(want)))
        fail_msg("%s, %s: \"%.*s\", wanted \"%s\"", address, title, SL_STR_ARGS(got), want);
}

static void test_written(void **state)
{
    (void)state;
    assert_written("", "", "");
    assert_written("https://acme.example", "Desk", "Desk (https://acme.example)");
    assert_written("https://acme.example/", "", "https://acme.example");
    assert_written("", "Desk", "Desk");
    assert_written(" https://u:pass@acme.example:8443/app/?token=1#x ", "",
                   "https://acme.example:8443/app");
    assert_written("acme.example#top", "", "acme.example");
    assert_written("https://", "Desk", "Desk");
    assert_written("?a=b", "Desk", "Desk");
    assert_written("https://a.example two", "", "https://a.example");
    assert_written("", "  My\t\tlittle \x1f\n\x7f app ", "My little app");
    assert_written("", "caf\xc3\xa9 \xff\xc3 \xe2\x82\xac", "caf\xc3\xa9 \xe2\x82\xac");
}

static void test_long_ones_end_at_a_character(void **state)
{
    char place[SL_APPS_TEXT], title[200], address[400];
    struct sl_str got;

    (void)state;
    memset(title, 't', sizeof title);
    memcpy(title + 63, "\xc3\xa4", 2);
    memset(address, 'a', sizeof address);
    memcpy(address, "https://", 8);
    got = sl_apps_write((struct sl_str){address, sizeof address},
                        (struct sl_str){title, sizeof title}, place);
    assert_int_equal(got.n, 63 + 2 + ADDRESS_BYTES + 1);
    assert_memory_equal(got.p, title, 63);
    assert_int_equal(sl_apps_key(got).n, ADDRESS_BYTES);
}

static void assert_key(const char *name, const char *want)
{
    assert_true(sl_str_eq(sl_apps_key(sl_str_of(name)), sl_str_of(want)));
}

static void test_key(void **state)
{
    (void)state;
    assert_key("", "");
    assert_key("Desk", "Desk");
    assert_key("Desk (beta)", "Desk (beta)");
    assert_key("Desk (beta) (https://a.example)", "https://a.example");
    assert_key("https://a.example", "https://a.example");
    assert_key("(https://a.example)", "(https://a.example)");
    assert_key(" ()", " ()");
}

static void assert_counted(const char *tenant, const char *name, int64_t now_s, const char *want)
{
    struct sl_str got = sl_apps_count(&apps, sl_str_of(tenant), sl_str_of(name), now_s);

    if (!sl_str_eq(got, sl_str_of(want)))
        fail_msg("%s: \"%.*s\", wanted \"%s\"", name, SL_STR_ARGS(got), want);
}

static void test_an_address_keeps_its_title(void **state)
{
    (void)state;
    assert_counted("acme", "", 0, "");
    assert_counted("acme", "https://a.example", 0, "https://a.example");
    assert_counted("acme", "Desk (https://a.example)", 0, "Desk (https://a.example)");
    assert_counted("acme", "Table (https://a.example)", 0, "Desk (https://a.example)");
    assert_counted("acme", "https://a.example", 0, "Desk (https://a.example)");
    assert_counted("beta", "Table (https://a.example)", 0, "Table (https://a.example)");
    assert_counted("acme", "Table (https://a.example)", DAY, "Table (https://a.example)");
}

static void test_bounds(void **state)
{
    char name[32], tenant[32];

    (void)state;
    for (int i = 0; i < SL_APPS_OF_TENANT; i++) {
        (void)snprintf(name, sizeof name, "app %d", i);
        assert_counted("acme", name, 5, name);
    }
    assert_counted("acme", "one more", 5, "other");
    assert_counted("acme", "app 7", 5, "app 7");
    assert_counted("beta", "one more", 5, "one more");
    for (int i = SL_APPS_OF_TENANT + 1; i < SL_APPS_MOST; i++) {
        (void)snprintf(tenant, sizeof tenant, "t%d", i);
        assert_counted(tenant, "Desk", 5, "Desk");
    }
    assert_counted("zeta", "Desk", 5, "other");
    assert_counted("zeta", "Desk", DAY + 5, "Desk");
}

static void test_without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 2; n++) {
        sl_mem_fail_at(n);
        assert_counted("acme", "Desk", 5, "other");
        sl_mem_fail_at(0);
        sl_apps_fini(&apps);
    }
    assert_counted("acme", "Desk", 5, "Desk");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_long_ones_end_at_a_character),
        cmocka_unit_test(test_key),
        cmocka_unit_test_teardown(test_an_address_keeps_its_title, end),
        cmocka_unit_test_teardown(test_bounds, end),
        cmocka_unit_test_teardown(test_without_memory, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
