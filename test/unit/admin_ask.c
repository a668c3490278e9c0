/* Bodies of the admin API: what each member becomes, and every way to be wrong. */
#include "admin/api/ask.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"

#define NOW 1790000000000 /* 2026-09-21 */

static struct sl_arena arena;

static int setup(void **state)
{
    (void)state;
    sl_arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sl_arena_fini(&arena);
    return 0;
}

static struct sl_ask reads(const char *body, enum sl_ask_for what)
{
    struct sl_ask ask;

    if (sl_ask_read(sl_str_of(body), what, NOW, &arena, &ask) != SL_OK)
        fail_msg("%s\n-- %s", body, ask.why);
    return ask;
}

static void assert_text(struct sl_str s, const char *want)
{
    if (!sl_str_eq(s, sl_str_of(want)))
        fail_msg("'%.*s' is not '%s'", SL_STR_ARGS(s), want);
}

static void test_patches(void **state)
{
    static const struct {
        enum sl_ask_for what;
        const char *body, *patch;
    } cases[] = {
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\"}", "{\"name\":\"a\"}"},
        {SL_ASK_MAKE_KEY,
         "{\"name\":\"a\",\"rpm\":5,\"qps\":null,\"limits\":{\"tpm\":7,\"concurrency\":6}}",
         "{\"name\":\"a\",\"limits\":{\"rpm\":5,\"qps\":null,\"tpm\":7,\"concurrency\":6}}"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"limits\":{\"tpm\":6},\"rpm\":5}",
         "{\"name\":\"a\",\"limits\":{\"tpm\":6,\"rpm\":5}}"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"remain_quota\":500001}",
         "{\"name\":\"a\",\"budget\":{\"initial_credits\":1.000002}}"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"remain_quota\":5,\"unlimited\":true}",
         "{\"name\":\"a\",\"budget\":{}}"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"remain_quota\":0,\"unlimited_quota\":false}",
         "{\"name\":\"a\",\"budget\":{\"initial_credits\":0}}"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"credits\":2.50,\"budget\":{\"daily\":1}}",
         "{\"name\":\"a\",\"budget\":{\"initial_credits\":2.5,\"daily\":1}}"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"expired_time\":-1,\"subnet\":\"\",\"group\":null}",
         "{\"name\":\"a\",\"expires\":0}"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"expires\":\"2027-01-01\",\"class\":3}",
         "{\"name\":\"a\",\"expires\":1798761600,\"class\":3}"},
        {SL_ASK_CHANGE_KEY, "{\"expires\":null,\"user\":null,\"budget\":null}",
         "{\"expires\":null,\"user\":null,\"budget\":null}"},
        {SL_ASK_CHANGE_KEY, "", "{}"},
        {SL_ASK_MAKE_TENANT, "{\"name\":\"t\",\"plan\":\"p\",\"labels\":{\"a\":\"b\"}}",
         "{\"plan\":\"p\",\"labels\":{\"a\":\"b\"}}"},
        {SL_ASK_CHANGE_TENANT, "{\"raise\":null,\"per_key\":{\"limits\":{\"rpm\":1}}}",
         "{\"raise\":null,\"per_key\":{\"limits\":{\"rpm\":1}}}"},
        {SL_ASK_RAISE, "{\"daily\":7,\"monthly\":8.5,\"for\":\"1h\"}",
         "{\"raise\":{\"daily\":7,\"monthly\":8.5}}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_text(reads(cases[i].body, cases[i].what).patch, cases[i].patch);
}

static void test_beside_the_patch(void **state)
{
    struct sl_ask a = reads("{\"name\":\"k\",\"tenant\":\"acme\"}", SL_ASK_MAKE_KEY);

    (void)state;
    assert_text(a.tenant, "acme");
    a = reads("{\"name\":\"acme\"}", SL_ASK_MAKE_TENANT);
    assert_text(a.name, "acme");
    a = reads("{\"state\":\"paused\",\"rev\":7}", SL_ASK_CHANGE_KEY);
    assert_text(a.state, "paused");
    assert_true(a.has_rev && a.rev == 7);
    a = reads("{\"credits\":-1.5}", SL_ASK_CREDITS);
    assert_int_equal(a.micro, -1500000);
    a = reads("{\"quota\":-3}", SL_ASK_CREDITS);
    assert_int_equal(a.micro, -6);
    a = reads("{}", SL_ASK_ROTATE);
    assert_int_equal(a.overlap_ms, -1);
    a = reads("{\"overlap\":\"90d\"}", SL_ASK_ROTATE);
    assert_int_equal(a.overlap_ms, 7776000000);
    a = reads("{\"overlap\":0}", SL_ASK_ROTATE);
    assert_int_equal(a.overlap_ms, 0);
    a = reads("{\"daily\":1,\"until\":1790000100}", SL_ASK_RAISE);
    assert_int_equal(a.until_unix_ms, 1790000100000);
    a = reads("{\"daily\":1,\"for\":60}", SL_ASK_RAISE);
    assert_int_equal(a.until_unix_ms, NOW + 60000);
}

static void test_scopes(void **state)
{
    const struct sl_str have[] = {SL_STR_INIT("models:old"), SL_STR_INIT("endpoints:chat")};
    struct sl_ask a = reads("{\"models\":\"a, b*\",\"rpm\":1}", SL_ASK_CHANGE_KEY);

    (void)state;
    assert_text(
        sl_ask_patch(&a, have, 2, &arena),
        "{\"limits\":{\"rpm\":1},\"scopes\":[\"models:a\",\"models:b*\",\"endpoints:chat\"]}");
    a = reads("{\"endpoints\":[\"messages\",\"models\"]}", SL_ASK_CHANGE_KEY);
    assert_text(sl_ask_patch(&a, have, 2, &arena),
                "{\"scopes\":[\"models:old\",\"endpoints:messages\",\"endpoints:models\"]}");
    a = reads("{\"models\":null,\"endpoints\":[]}", SL_ASK_CHANGE_KEY);
    assert_text(sl_ask_patch(&a, have, 2, &arena), "{\"scopes\":[]}");
    a = reads("{\"scopes\":[\"models:x\"]}", SL_ASK_CHANGE_KEY);
    assert_text(sl_ask_patch(&a, have, 2, &arena), "{\"scopes\":[\"models:x\"]}");
    a = reads("{\"models\":[\"a\\\"b\"]}", SL_ASK_CHANGE_KEY);
    assert_text(sl_ask_patch(&a, NULL, 0, &arena), "{\"scopes\":[\"models:a\\\"b\"]}");
}

static void test_refused(void **state)
{
    static const struct {
        enum sl_ask_for what;
        const char *body, *why; /* how it begins */
    } cases[] = {
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\"", "the body"},
        {SL_ASK_MAKE_KEY, "[]", "the body must be a JSON object"},
        {SL_ASK_MAKE_KEY, "{}", "name: is missing"},
        {SL_ASK_MAKE_KEY, "{\"name\":null}", "name: is missing"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"x\":1}", "x: no such member"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"rp\\u0000m\":1}", "rp: no such member"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"rpm\":1,\"rpm\":2}", "rpm: stands twice"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"rpm\":1,\"limits\":{\"rpm\":2}}",
         "rpm: is said twice here, in two ways"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"limits\":{\"rpm\":2},\"rpm\":1}",
         "rpm: is said twice here, in two ways"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"credits\":5,\"remain_quota\":5}",
         "initial_credits: is said twice here, in two ways"},
        {SL_ASK_MAKE_TENANT, "{\"name\":\"a\",\"budget\":{\"initial_credits\":1},\"credits\":2}",
         "initial_credits: is said twice here, in two ways"},
        {SL_ASK_CREDITS, "{\"credits\":5,\"quota\":5}", "quota: is said twice here, in two ways"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"state\":\"active\"}", "state: no such member"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"account\":\"b\"}", "account: no such member"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"tenant\":\"\"}", "tenant: takes 1 to 64"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"limits\":[]}", "limits: must be an object"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"credits\":1e20}", "credits: must be dollars"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"credits\":-1}", "credits: must not be below"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"remain_quota\":-1}", "remain_quota: must be a whole"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"unlimited\":false}", "remain_quota: is missing"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"unlimited\":1}", "unlimited: must be true"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"expires\":1789999999}", "expires: is in the past"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"expires\":true}", "expires: must be seconds"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"endpoints\":\"chat,key\"}", "endpoints: must be of"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"models\":[1]}", "models: must be a list"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"models\":\"a,,b\"}", "models: must be at most"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"scopes\":[],\"models\":[]}", "scopes: give either"},
        {SL_ASK_MAKE_KEY, "{\"name\":\"a\",\"group\":\"vip\"}", "group: is not supported"},
        {SL_ASK_CHANGE_KEY, "{\"credits\":1}", "credits: an account that exists"},
        {SL_ASK_CHANGE_KEY, "{\"rev\":-1}", "rev: must be a whole"},
        {SL_ASK_CHANGE_KEY, "{\"state\":\"revoked\"}", "state: must be active or paused"},
        {SL_ASK_MAKE_TENANT, "{\"plan\":\"p\"}", "name: is missing"},
        {SL_ASK_MAKE_TENANT, "{\"name\":\"a b\"}", "name: takes 1 to 64"},
        {SL_ASK_CHANGE_TENANT, "{\"raise\":{}}", "raise: takes null"},
        {SL_ASK_CREDITS, "{}", "credits: is missing"},
        {SL_ASK_CREDITS, "{\"credits\":0}", "credits: must not be 0"},
        {SL_ASK_CREDITS, "{\"quota\":1.5}", "quota: must be a whole"},
        {SL_ASK_ROTATE, "{\"overlap\":7776001}", "overlap: must be a duration"},
        {SL_ASK_RAISE, "{\"daily\":0,\"for\":\"1h\"}", "daily: must be more than 0"},
        {SL_ASK_RAISE, "{\"for\":\"1h\"}", "daily: is missing"},
        {SL_ASK_RAISE, "{\"daily\":1}", "until: is missing"},
        {SL_ASK_RAISE, "{\"daily\":1,\"for\":\"0\"}", "for: must lie ahead"},
        {SL_ASK_RAISE, "{\"daily\":1,\"until\":1790000001,\"for\":\"1h\"}", "for: give either"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_ask a;

        assert_int_not_equal(sl_ask_read(sl_str_of(cases[i].body), cases[i].what, NOW, &arena, &a),
                             SL_OK);
        if (!sl_str_starts(sl_str_of(a.why), sl_str_of(cases[i].why)))
            fail_msg("%s\n-- '%s', not '%s'", cases[i].body, a.why, cases[i].why);
    }
}

static void test_no_memory(void **state)
{
    static const char body[] = "{\"name\":\"a\",\"models\":\"a,b\",\"rpm\":1,\"credits\":1,"
                               "\"limits\":{\"tpm\":1},\"tenant\":\"t\",\"expires\":0}";
    struct sl_ask a;
    uint64_t before = sl_mem_tries(), tries;
    unsigned failed = 0;

    (void)state;
    (void)reads(body, SL_ASK_MAKE_KEY);
    tries = sl_mem_tries() - before;
    for (uint64_t n = 1; n <= tries; n++) {
        struct sl_arena own;
        enum sl_err e;

        sl_arena_init(&own, 1 << 20);
        sl_mem_fail_at(n);
        e = sl_ask_read(sl_str_of(body), SL_ASK_MAKE_KEY, NOW, &own, &a);
        sl_mem_fail_at(0);
        assert_true(e == SL_OK || e == SL_ERR_NO_MEMORY);
        failed += e != SL_OK;
        sl_arena_fini(&own);
    }
    assert_true(failed >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_patches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_beside_the_patch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scopes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
