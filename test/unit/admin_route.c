/* The table of routes: what each path and method leads to, and what leads nowhere. */
#include "admin/api/route.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct sl_api_route *leads(enum sl_method method, const char *path, const char *name,
                                        const char *allow)
{
    char place[64];
    struct sl_text t = sl_text_over(place, sizeof place);
    struct sl_str got = {"", 0};
    const struct sl_api_route *r = sl_api_route(method, sl_str_of(path), &got, &t);

    if (r != NULL && !sl_str_eq(got, sl_str_of(name)))
        fail_msg("%s: name '%.*s'", path, SL_STR_ARGS(got));
    if (r == NULL && !sl_str_eq(sl_text_str(&t), sl_str_of(allow)))
        fail_msg("%s: allow '%.*s'", path, SL_STR_ARGS(sl_text_str(&t)));
    return r;
}

static void test_routes(void **state)
{
    (void)state;
    assert_ptr_equal(leads(SL_GET, "/admin/api/token", "", "")->run, sl_token_list);
    assert_ptr_equal(leads(SL_HEAD, "/admin/api/token", "", "")->run, sl_token_list);
    assert_ptr_equal(leads(SL_POST, "/admin/api/token/", "", "")->run, sl_token_make);
    assert_ptr_equal(leads(SL_GET, "/admin/api/token/abc", "abc", "")->run, sl_token_show);
    assert_ptr_equal(leads(SL_DELETE, "/admin/api/token/a%2Fb", "a%2Fb", "")->run, sl_token_revoke);
    assert_ptr_equal(leads(SL_POST, "/admin/api/token/abc/rotate", "abc", "")->run,
                     sl_token_rotate);
    assert_ptr_equal(leads(SL_PATCH, "/admin/api/tenant/t", "t", "")->run, sl_tenant_change);
    assert_ptr_equal(leads(SL_POST, "/admin/api/ledger/rebuild", "", "")->run, sl_ledger_rebuild);
    assert_ptr_equal(leads(SL_POST, "/admin/api/reload", "", "")->run, sl_reload);
}

static void test_nowhere(void **state)
{
    static const char *const paths[] = {"/admin",
                                        "/admin/",
                                        "/admin/api",
                                        "/admin/api/",
                                        "/admin/api//",
                                        "/admin/api/tokens",
                                        "/admin/api/Token",
                                        "/admin/api//token",
                                        "/admin/api/token/a/b",
                                        "/admin/api/token//rotate",
                                        "/admin/api/token/a/rotate/x",
                                        "/Admin/api/token",
                                        "/admin/api/tokena"};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (leads(SL_GET, paths[i], "", "") != NULL)
            fail_msg("%s leads somewhere", paths[i]);
    assert_null(leads(SL_PUT, "/admin/api/token", "", "GET, HEAD, POST"));
    assert_null(leads(SL_PUT, "/admin/api/token/a", "", "GET, HEAD, PATCH, DELETE"));
    assert_null(leads(SL_METHOD_OTHER, "/admin/api/reload", "", "POST"));
}

/* Every path has a handler, and a list of parameters. */
static void test_table(void **state)
{
    (void)state;
    for (const struct sl_api_route *r = sl_api_routes; r->path != NULL; r++) {
        assert_non_null(r->run);
        assert_non_null(r->query);
        assert_true(r->method == SL_GET || r->method == SL_POST || r->method == SL_PATCH ||
                    r->method == SL_DELETE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_nowhere),
        cmocka_unit_test(test_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
