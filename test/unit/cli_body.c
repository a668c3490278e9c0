/* What a command line becomes: verb, path, query, body. */
#include "cli/manage/body.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct sl_manage_line line;

/* The words of a command, split at spaces. */
static int reads(const char *words)
{
    static char text[512];
    static char *argv[32];
    int argc = 0;

    snprintf(text, sizeof text, "%s", words);
    for (char *p = text; *p != '\0' && argc < 31;) {
        argv[argc++] = p;
        p += strcspn(p, " ");
        if (*p != '\0')
            *p++ = '\0';
    }
    return sl_manage_read(argc, argv, &line);
}

static void assert_call(const char *words, const char *path, const char *body)
{
    char got[512], place[SL_MANAGE_BODY];
    struct sl_str out;

    if (reads(words) != -1)
        fail_msg("%s is refused", words);
    assert_true(sl_manage_path(&line, (struct sl_str){"", 0}, got, sizeof got));
    assert_string_equal(got, path);
    assert_true(sl_manage_body(&line, place, sizeof place, &out));
    if (!sl_str_eq(out, sl_str_of(body)))
        fail_msg("%s: '%.*s' is not '%s'", words, SL_STR_ARGS(out), body);
}

static void test_calls(void **state)
{
    (void)state;
    assert_call("key make ci", "/admin/api/token", "{\"name\":\"ci\"}");
    assert_call("key make ci --rpm 5 --daily=2.5 --monthly 9 --models a,b* --tenant t",
                "/admin/api/token",
                "{\"name\":\"ci\",\"rpm\":5,\"models\":\"a,b*\",\"tenant\":\"t\",\"budget\":{"
                "\"daily\":2.5,\"monthly\":9}}");
    assert_call("key change a/b --rpm none --user x\"y", "/admin/api/token/a%2Fb",
                "{\"rpm\":null,\"user\":\"x\\\"y\"}");
    assert_call("key credits id -5", "/admin/api/token/id/credits", "{\"credits\":-5}");
    assert_call("key pause id", "/admin/api/token/id", "{\"state\":\"paused\"}");
    assert_call("key show id", "/admin/api/token/id", "");
    assert_call("key list --tenant a&b", "/admin/api/token?tenant=a%26b&limit=200", "");
    assert_call(
        "tenant make t --label a=b=c --label d=none --hard false", "/admin/api/tenant",
        "{\"name\":\"t\",\"budget\":{\"hard\":false},\"labels\":{\"a\":\"b=c\",\"d\":null}}");
    assert_call("tenant change t --log-prompts true", "/admin/api/tenant/t",
                "{\"log_prompts\":true}");
    assert_call("tenant change t --log-prompts none", "/admin/api/tenant/t",
                "{\"log_prompts\":null}");
    assert_call("budget show", "/admin/api/balance?limit=200", "");
    assert_call("budget show t", "/admin/api/tenant/t", "");
    assert_call("budget raise t --daily 9 --for 2h", "/admin/api/tenant/t/raise",
                "{\"daily\":9,\"for\":\"2h\"}");
    assert_call("usage --by tenant,label:x --tenant t --csv",
                "/admin/api/usage?by=tenant%2Clabel%3Ax&tenant=t", "");
    assert_call("ledger rebuild / --dry-run", "/admin/api/ledger/rebuild",
                "{\"dirs\":[\"/\"],\"dry_run\":true}");
    assert_call("ledger rebuild --broken-too=false", "/admin/api/ledger/rebuild",
                "{\"dirs\":[],\"broken_too\":false}");
    assert_call("cache purge --tenant t --text -x", "/admin/api/cache/purge",
                "{\"tenant\":\"t\",\"text\":\"-x\"}");
}

static void test_next_pages(void **state)
{
    char got[128];

    (void)state;
    assert_int_equal(reads("key list"), -1);
    assert_true(sl_manage_path(&line, SL_STR("66+0a"), got, sizeof got));
    assert_string_equal(got, "/admin/api/token?limit=200&after=66%2B0a");
    assert_false(sl_manage_path(&line, SL_STR("66"), got, 20));
}

static void test_common_options(void **state)
{
    (void)state;
    assert_int_equal(reads("store -a unix:/s -k secret --config=c.yaml --json"), -1);
    assert_string_equal(line.common.admin, "unix:/s");
    assert_string_equal(line.common.key, "secret");
    assert_string_equal(line.common.config, "c.yaml");
    assert_true(line.json);
    assert_int_equal(reads("usage --key id -k secret"), -1); /* one of the verb's own goes first */
    assert_string_equal(line.common.key, "secret");
    assert_string_equal(sl_manage_value(&line, "key"), "id");
}

static void test_wrong(void **state)
{
    static const char *const lines[] = {"key",
                                        "key fly",
                                        "key show",
                                        "key show a b",
                                        "key make",
                                        "key make a --rpm",
                                        "key make a -x",
                                        "key list --rpm 1",
                                        "key list --csv",
                                        "budget show a b",
                                        "store x",
                                        "key make a --rpm 1 --rpm 2"};
    static const char *const bodies[] = {
        "key make a --rpm 1x",      "key make a --rpm 01", "key make a --rpm 1.",
        "key make a --rpm .5",      "key make a --rpm -",  "tenant make a --hard 1",
        "tenant make a --label =x", "key credits a b",     "ledger rebuild /no/such/place"};
    char place[SL_MANAGE_BODY];
    struct sl_str out;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (reads(lines[i]) != SL_EXIT_USAGE)
            fail_msg("%s is taken", lines[i]);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(reads(bodies[i]), -1);
        if (sl_manage_body(&line, place, sizeof place, &out))
            fail_msg("%s is taken", bodies[i]);
    }
}

/* What the table says of options and columns is there. */
static void test_table(void **state)
{
    (void)state;
    for (const struct sl_manage_verb *v = sl_manage_verbs; v->group != NULL; v++) {
        struct sl_str list = sl_str_of(v->options), one;

        assert_true(v->run != NULL || v->path != NULL);
        assert_true(v->shape != SL_MANAGE_LIST || v->columns != NULL);
        while (sl_str_split(&list, ',', &one)) {
            const struct sl_manage_option *o = sl_manage_options;

            while (o->name != NULL && !sl_str_eq(sl_str_of(o->id), one))
                o++;
            if (o->name == NULL)
                fail_msg("%s %s: no option '%.*s'", v->group, v->name, SL_STR_ARGS(one));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),          cmocka_unit_test(test_next_pages),
        cmocka_unit_test(test_common_options), cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
