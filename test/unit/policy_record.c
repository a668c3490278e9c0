/* Documents of keys and tenants: every member, every way to be wrong, and laid over the
 * configuration file. */
#include "policy/record.c"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static struct sl_arena arena;

static int setup(void **state)
{
    (void)state;
    sl_arena_init(&arena, 4 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sl_arena_fini(&arena);
    return 0;
}

static struct sl_record_doc reads(const char *text)
{
    struct sl_record_doc d;
    char why[300] = "";

    if (sl_record_read(sl_str_of(text), &arena, &d, why, sizeof(why)) != SL_OK)
        fail_msg("%s\n-- %s", text, why);
    return d;
}

static void assert_text(struct sl_str s, const char *want)
{
    if (!sl_str_eq(s, sl_str_of(want)))
        fail_msg("'%.*s' is not '%s'", SL_STR_ARGS(s), want);
}

static void test_key(void **state)
{
    struct sl_record_doc d = reads(
        "{\"name\":\"al\\u0069ce\",\"tenant\":\"acme\",\"user\":\"alice@acme\",\"scopes\":"
        "[\"models:claude-*\",\"endpoints:messages,chat\"],\"expires\":1798761600,\"class\":9,"
        "\"limits\":{\"rpm\":60,\"qps\":0,\"tpm\":200000,\"concurrency\":100000,"
        "\"reserve_output\":1},\"budget\":{\"initial_credits\":100.00,\"daily\":20.000001,"
        "\"monthly\":1e3},\"rotated_until\":0,\"account\":\"abcd2345\",\"created\":1700000000,"
        "\"of_file\":true}");

    (void)state;
    assert_text(d.name, "alice");
    assert_text(d.tenant, "acme");
    assert_text(d.user, "alice@acme");
    assert_true(d.has_scopes);
    assert_int_equal(d.scopes_n, 2);
    assert_text(d.scopes[1], "endpoints:messages,chat");
    assert_int_equal(d.expires_unix_ms, 1798761600000);
    assert_int_equal(d.rotated_unix_ms, 0);
    assert_text(d.account, "abcd2345");
    assert_int_equal(d.created_unix_ms, 1700000000000);
    assert_int_equal(d.of_file, 1);
    assert_int_equal(d.grade, 9);
    assert_int_equal(d.terms.limits.rpm, 60);
    assert_int_equal(d.terms.limits.qps, 0);
    assert_int_equal(d.terms.limits.tpm, 200000);
    assert_int_equal(d.terms.limits.concurrency, 100000);
    assert_int_equal(d.terms.limits.reserve_output, 1);
    assert_int_equal(d.terms.budget.credits_micro, 100000000);
    assert_int_equal(d.terms.budget.daily_micro, 20000001);
    assert_int_equal(d.terms.budget.monthly_micro, 1000000000);
    assert_int_equal(d.per_key.limits.rpm, SL_UNSET);
}

static void test_tenant(void **state)
{
    struct sl_record_doc d = reads(
        "{\"plan\":\"coders\",\"scopes\":[],\"budget\":{\"zone\":\"Europe/Berlin\",\"hard\":true,"
        "\"on_client_gone\":\"drain\"},\"per_key\":{\"limits\":{\"rpm\":5},\"budget\":{\"daily\":"
        "1}},\"raise\":{\"daily\":7,\"until\":100},\"labels\":{\"cost_center\":\"4711\"},"
        "\"log_prompts\":true}");

    (void)state;
    assert_int_equal(d.log_prompts, 1);
    assert_text(d.plan, "coders");
    assert_true(d.has_scopes);
    assert_int_equal(d.scopes_n, 0);
    assert_text(d.spending.zone, "Europe/Berlin");
    assert_int_equal(d.spending.hard, 1);
    assert_int_equal(d.spending.drain, 1);
    assert_int_equal(d.per_key.limits.rpm, 5);
    assert_int_equal(d.per_key.budget.daily_micro, 1000000);
    assert_int_equal(d.terms.limits.rpm, SL_UNSET);
    assert_int_equal(d.raise.to.daily_micro, 7000000);
    assert_int_equal(d.raise.to.monthly_micro, SL_UNSET);
    assert_int_equal(d.raise.until_unix_ms, 100000);
    assert_true(d.has_labels);
    assert_int_equal(d.labels_n, 1);
    assert_text(d.labels[0].name, "cost_center");
    assert_text(d.labels[0].value, "4711");
}

static void test_nothing_said(void **state)
{
    struct sl_record_doc d = reads("{\"budget\":null,\"limits\":{\"rpm\":null},\"name\":null}");

    (void)state;
    assert_int_equal(d.name.n, 0);
    assert_int_equal(d.terms.limits.rpm, SL_UNSET);
    assert_int_equal(d.terms.budget.credits_micro, SL_UNSET);
    assert_int_equal(d.spending.hard, SL_UNSET);
    assert_int_equal(d.expires_unix_ms, SL_UNSET);
    assert_int_equal(d.rotated_unix_ms, SL_UNSET);
    assert_int_equal(d.account.n, 0);
    assert_int_equal(d.created_unix_ms, SL_UNSET);
    assert_int_equal(d.of_file, SL_UNSET);
    assert_int_equal(d.log_prompts, SL_UNSET);
    assert_int_equal(d.grade, SL_UNSET);
    assert_int_equal(d.raise.until_unix_ms, 0);
    assert_false(d.has_scopes || d.has_labels);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        enum sl_err e;
        const char *why;
    } cases[] = {
        {"", SL_ERR_BAD_BODY, "JSON"},
        {"[]", SL_ERR_BAD_BODY, "must be a JSON object"},
        {"{\"a\":1", SL_ERR_BAD_BODY, "JSON"},
        {"{\"secret\":1}", SL_ERR_BAD_FIELD, "secret: no such member here"},
        {"{\"limits\":{\"rps\":1}}", SL_ERR_BAD_FIELD, "limits.rps: no such member here"},
        {"{\"per_key\":{\"budget\":{\"zone\":\"UTC\"}}}", SL_ERR_BAD_FIELD,
         "per_key.budget.zone: no such member here"},
        {"{\"name\":\"a\",\"name\":\"b\"}", SL_ERR_BAD_FIELD, "name: stands twice"},
        {"{\"name\":1}", SL_ERR_BAD_FIELD,
         "name: must be a text of at most 200 bytes without control characters"},
        {"{\"name\":\"a\\nb\"}", SL_ERR_BAD_FIELD, "name: must be a text"},
        {"{\"tenant\":\"a b\"}", SL_ERR_BAD_FIELD, "tenant: takes 1 to 64 letters"},
        {"{\"tenant\":\"\"}", SL_ERR_BAD_FIELD, "tenant: takes 1 to 64 letters"},
        {"{\"scopes\":\"models:*\"}", SL_ERR_BAD_FIELD, "scopes: must be a list"},
        {"{\"scopes\":[\"admin\"]}", SL_ERR_BAD_FIELD, "scopes: each must be models:"},
        {"{\"expires\":\"2027-01-01\"}", SL_ERR_BAD_FIELD, "expires: must be a time"},
        {"{\"expires\":-1}", SL_ERR_BAD_FIELD, "expires: must be a time"},
        {"{\"expires\":253402300800}", SL_ERR_BAD_FIELD, "expires: must be a time"},
        {"{\"class\":10}", SL_ERR_BAD_FIELD, "class: must be a whole number from 0 to 9"},
        {"{\"limits\":{\"rpm\":100001}}", SL_ERR_BAD_FIELD,
         "limits.rpm: must be a whole number from 0 to 100000"},
        {"{\"limits\":{\"rpm\":-1}}", SL_ERR_BAD_FIELD, "limits.rpm"},
        {"{\"limits\":{\"rpm\":1.5}}", SL_ERR_BAD_FIELD, "limits.rpm"},
        {"{\"limits\":{\"tpm\":18446744073709551632}}", SL_ERR_BAD_FIELD, "limits.tpm"},
        {"{\"limits\":5}", SL_ERR_BAD_FIELD, "limits: must be an object"},
        {"{\"budget\":{\"daily\":\"5\"}}", SL_ERR_BAD_FIELD, "budget.daily: must be dollars"},
        {"{\"budget\":{\"daily\":-0.01}}", SL_ERR_BAD_FIELD, "budget.daily: must not be negative"},
        {"{\"budget\":{\"daily\":0.0000001}}", SL_ERR_BAD_FIELD, "budget.daily: must be dollars"},
        {"{\"budget\":{\"daily\":1e400}}", SL_ERR_BAD_FIELD, "budget.daily: must be dollars"},
        {"{\"budget\":{\"monthly\":1000000000.000001}}", SL_ERR_BAD_FIELD, "budget.monthly"},
        {"{\"budget\":{\"zone\":\"Mars/Base\"}}", SL_ERR_BAD_FIELD,
         "budget.zone: must be a time zone"},
        {"{\"budget\":{\"hard\":1}}", SL_ERR_BAD_FIELD, "budget.hard: must be true or false"},
        {"{\"log_prompts\":1}", SL_ERR_BAD_FIELD, "log_prompts: must be true or false"},
        {"{\"budget\":{\"on_client_gone\":\"stay\"}}", SL_ERR_BAD_FIELD,
         "budget.on_client_gone: must be abort or drain"},
        {"{\"raise\":{\"daily\":1}}", SL_ERR_BAD_FIELD, "raise.until: is missing"},
        {"{\"labels\":{\"a b\":\"x\"}}", SL_ERR_BAD_FIELD, "labels: names take letters"},
        {"{\"labels\":{\"a\":1}}", SL_ERR_BAD_FIELD, "labels: names take letters"},
        {"{\"labels\":[]}", SL_ERR_BAD_FIELD, "labels: must be an object"},
    };
    struct sl_record_doc d;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char why[300] = "";
        enum sl_err e = sl_record_read(sl_str_of(cases[i].text), &arena, &d, why, sizeof(why));

        if (e != cases[i].e || strstr(why, cases[i].why) == NULL)
            fail_msg("%s\n-- %s: '%s'", cases[i].text, sl_err_name(e), why);
    }
}

static void test_sizes(void **state)
{
    static char text[SL_RECORD_BYTES + 64];
    struct sl_record_doc d;
    char why[300] = "";
    int n = snprintf(text, sizeof(text), "{\"scopes\":[");

    (void)state;
    for (int i = 0; i < SL_RECORD_SCOPES; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s\"models:a%d\"", i > 0 ? "," : "", i);
    snprintf(text + n, sizeof(text) - (size_t)n, "]}");
    assert_int_equal(reads(text).scopes_n, SL_RECORD_SCOPES);
    snprintf(text + n, sizeof(text) - (size_t)n, ",\"models:b\"]}");
    assert_int_equal(sl_record_read(sl_str_of(text), &arena, &d, why, sizeof(why)),
                     SL_ERR_BAD_FIELD);
    memset(text, ' ', sizeof(text));
    memcpy(text, "{}", 2);
    assert_int_equal(
        sl_record_read((struct sl_str){text, SL_RECORD_BYTES}, &arena, &d, why, sizeof(why)),
        SL_OK);
    assert_int_equal(
        sl_record_read((struct sl_str){text, SL_RECORD_BYTES + 1}, &arena, &d, why, sizeof(why)),
        SL_ERR_BODY_TOO_BIG);
    assert_non_null(strstr(why, "16384"));
}

static void test_no_memory(void **state)
{
    const char *text = "{\"name\":\"a\",\"scopes\":[\"models:*\"],\"labels\":{\"a\":\"b\"}}";
    struct sl_record_doc d;
    struct sl_arena small;
    char why[300];
    enum sl_err e = SL_ERR_NO_MEMORY;
    uint64_t n;

    (void)state;
    for (n = 1; e != SL_OK && n < 50; n++) {
        sl_arena_init(&small, 1 << 16);
        sl_mem_fail_at(n);
        e = sl_record_read(sl_str_of(text), &small, &d, why, sizeof(why));
        sl_mem_fail_at(0);
        sl_arena_fini(&small);
        if (e != SL_OK)
            assert_int_equal(e, SL_ERR_NO_MEMORY);
    }
    assert_true(n > 2 && n < 50);
}

/* ---- merging ---- */

static void merges(const char *doc, const char *patch, const char *want)
{
    char why[300] = "";
    struct sl_str out;

    if (sl_record_merge(sl_str_of(doc), sl_str_of(patch), &arena, &out, why, sizeof(why)) != SL_OK)
        fail_msg("%s + %s\n-- %s", doc, patch, why);
    assert_text(out, want);
}

static void test_merge(void **state)
{
    char why[300] = "";
    struct sl_str out;

    (void)state;
    merges("{}", "{}", "{}");
    merges("{\"name\":\"a\"}", "{\"name\":\"b\",\"class\":1}", "{\"name\":\"b\",\"class\":1}");
    merges("{\"name\":\"a\",\"class\":2}", "{\"name\":null}", "{\"class\":2}");
    merges("{\"budget\":{\"daily\":0.10,\"monthly\":5}}", "{\"budget\":{\"monthly\":null}}",
           "{\"budget\":{\"daily\":0.10}}"); /* digits as they were written */
    merges("{}", "{\"limits\":{\"rpm\":5,\"tpm\":null}}", "{\"limits\":{\"rpm\":5}}");
    merges("{\"scopes\":[\"models:a\"]}", "{\"scopes\":[]}", "{\"scopes\":[]}");
    assert_int_equal(sl_record_merge(SL_STR("{\"class\":1}"), SL_STR("{\"class\":11}"), &arena,
                                     &out, why, sizeof(why)),
                     SL_ERR_BAD_FIELD);
    assert_non_null(strstr(why, "class"));
    assert_int_equal(sl_record_merge(SL_STR("{}"), SL_STR("[1]"), &arena, &out, why, sizeof(why)),
                     SL_ERR_BAD_BODY);
    assert_int_equal(sl_record_merge(SL_STR("{}"), SL_STR("{"), &arena, &out, why, sizeof(why)),
                     SL_ERR_BAD_BODY);
    for (uint64_t n = 1; n < 8; n++) { /* whichever allocation fails */
        enum sl_err e;

        sl_mem_fail_at(n);
        e = sl_record_merge(SL_STR("{\"class\":1}"), SL_STR("{\"class\":2}"), &arena, &out, why,
                            sizeof(why));
        sl_mem_fail_at(0);
        assert_true(e == SL_OK || e == SL_ERR_NO_MEMORY);
    }
}

/* ---- over the file ---- */

static struct sl_tenants *file(void)
{
    static const struct sl_str scopes[] = {SL_STR_INIT("models:a")};
    struct sl_tenants *t = sl_tenants_new();
    struct sl_plan plan;
    struct sl_tenant tenant;
    struct sl_key key;
    const uint8_t sha[32] = {1};
    char why[200];

    sl_plan_init(&plan);
    plan.name = SL_STR("big");
    plan.terms.limits.rpm = 1000;
    plan.per_key.limits.rpm = 100;
    plan.spending.zone = SL_STR("America/New_York");
    plan.spending.top_up = (struct sl_top_up){10, 50, 200};
    assert_int_equal(sl_tenants_add_plan(t, &plan, why, sizeof(why)), SL_OK);
    sl_tenant_init(&tenant);
    tenant.own.name = SL_STR("acme");
    tenant.own.terms.limits.rpm = 10;
    tenant.own.terms.budget.daily_micro = 5;
    tenant.own.scopes = (struct sl_scopes){scopes, 1};
    assert_int_equal(sl_tenants_add_tenant(t, &tenant, why, sizeof(why)), SL_OK);
    sl_key_init(&key);
    key.tenant = SL_STR("acme");
    key.name = SL_STR("alice");
    key.user = SL_STR("alice@acme");
    key.scopes = scopes;
    key.scopes_n = 1;
    key.expires_unix_ms = 5000;
    key.grade = 7;
    key.own.limits.tpm = 9;
    assert_int_equal(sl_tenants_add(t, &key, sha, why, sizeof(why)), SL_OK);
    return t;
}

static void test_tenant_over(void **state)
{
    struct sl_tenants *t = file();
    struct sl_record_doc d = reads("{\"plan\":\"big\",\"scopes\":[\"models:b\"],\"limits\":{\"qps\""
                                   ":3},\"per_key\":{\"limits\":{\"qps\":4}},\"raise\":{\"daily\":"
                                   "1,\"until\":10},\"labels\":{\"a\":\"b\"}}");
    struct sl_record_doc lost = reads("{\"plan\":\"gone\",\"limits\":{\"qps\":3}}");
    struct sl_tenant out;

    (void)state;
    assert_int_equal(sl_record_tenant(NULL, t, SL_STR("acme"), 0, &out), SL_OK);
    assert_int_equal(out.terms.limits.rpm, 10);
    assert_int_equal(sl_record_tenant(&d, t, SL_STR("acme"), 9999, &out), SL_OK);
    assert_text(out.own.name, "acme");
    assert_int_equal(out.terms.limits.rpm, 10); /* the tenant's own, over its new plan's */
    assert_int_equal(out.terms.limits.qps, 3);
    assert_int_equal(out.per_key.limits.rpm, 100);
    assert_int_equal(out.per_key.limits.qps, 4);
    assert_text(out.zone, "America/New_York");
    assert_int_equal(out.top_up.low_micro, 10); /* what no record can say is the plan's */
    assert_int_equal(out.top_up.amount_micro, 50);
    assert_int_equal(out.top_up.daily_micro, 200);
    assert_text(out.own.scopes.at[0], "models:b");
    assert_text(out.labels[0].value, "b");
    assert_int_equal(out.terms.budget.daily_micro, 1000000); /* raised */
    assert_int_equal(sl_record_tenant(&d, t, SL_STR("acme"), 10000, &out), SL_OK);
    assert_int_equal(out.terms.budget.daily_micro, 5); /* and back */
    assert_int_equal(sl_record_tenant(&d, t, SL_STR("fresh"), 10000, &out), SL_OK);
    assert_text(out.own.name, "fresh");
    assert_int_equal(out.terms.limits.rpm, 1000);
    assert_int_equal(out.terms.budget.daily_micro, SL_UNSET);
    assert_int_equal(sl_record_tenant(&lost, t, SL_STR("acme"), 0, &out), SL_ERR_CONFIG);
    assert_int_equal(out.terms.limits.qps, 3);
    assert_null(out.plan);
    sl_tenants_end(&t);
}

/* A record says yes or no over the file; one that says nothing leaves it. */
static void test_log_prompts_over(void **state)
{
    static const char *const docs[] = {"{}", "{\"log_prompts\":false}", "{\"log_prompts\":true}"};
    struct sl_tenants *t = sl_tenants_new();
    struct sl_tenant from, out;
    char why[200];

    (void)state;
    for (int kept = 0; kept < 2; kept++) {
        sl_tenant_init(&from);
        from.own.name = kept ? SL_STR("kept") : SL_STR("other");
        from.log_prompts = kept;
        assert_int_equal(sl_tenants_add_tenant(t, &from, why, sizeof(why)), SL_OK);
        for (int i = 0; i < 3; i++) {
            struct sl_record_doc d = reads(docs[i]);

            assert_int_equal(sl_record_tenant(&d, t, from.own.name, 0, &out), SL_OK);
            assert_int_equal(out.log_prompts, i == 0 ? kept : i - 1);
        }
    }
    sl_tenants_end(&t);
}

static void test_key_over(void **state)
{
    struct sl_tenants *t = file();
    const struct sl_tenant *acme = sl_tenants_get(t, SL_STR("acme"));
    const struct sl_key *alice = sl_tenants_next_key(t, NULL, NULL);
    struct sl_record_doc d = reads("{\"name\":\"bob\",\"scopes\":[],\"limits\":{\"rpm\":1},"
                                   "\"class\":2,\"expires\":0,\"rotated_until\":8,"
                                   "\"account\":\"first\"}");
    struct sl_record_doc none = reads("{}"), late = reads("{\"rotated_until\":8}");
    struct sl_key out;

    (void)state;
    sl_record_key(NULL, alice, acme, &out);
    assert_text(out.name, "alice");
    assert_int_equal(out.terms.limits.tpm, 9);
    sl_record_key(&none, alice, acme, &out);
    assert_int_equal(out.expires_unix_ms, 5000);
    assert_int_equal(out.grade, 7);
    assert_int_equal(out.scopes_n, 1);
    assert_int_equal(out.account.n, 0);
    sl_record_key(&late, alice, acme, &out);
    assert_int_equal(out.expires_unix_ms, 5000); /* the earlier of the two */
    sl_record_key(&d, alice, acme, &out);
    assert_text(out.name, "bob");
    assert_text(out.user, "alice@acme");
    assert_text(out.account, "first");
    assert_int_equal(out.scopes_n, 0);
    assert_int_equal(out.expires_unix_ms, 8000);
    assert_int_equal(out.grade, 2);
    assert_int_equal(out.terms.limits.rpm, 1);
    assert_int_equal(out.terms.limits.tpm, 9);
    assert_text(out.public_id, "01000000");
    sl_record_key(&none, NULL, acme, &out);
    assert_text(out.tenant, "acme");
    assert_int_equal(out.grade, SL_TENANT_GRADE);
    assert_int_equal(out.expires_unix_ms, 0);
    assert_ptr_equal(out.of, acme);
    sl_tenants_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tenant, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_said, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test_setup_teardown(test_merge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tenant_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_prompts_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_over, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
