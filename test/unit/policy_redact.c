/* What goes and what stays, rule by rule. */
#include "policy/words/redact.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct sl_str patterns[] = {SL_STR_INIT("EMP-####"), SL_STR_INIT("proj_*")};
static const struct sl_redact all = {true, true, patterns, COUNT(patterns)};
static const struct sl_redact none = {false, false, NULL, 0};
static const struct sl_str secret = SL_STR_INIT("our own secret");

static void assert_becomes(const struct sl_redact *rules, const char *text, const char *want)
{
    struct sl_grow out;
    size_t places = 0, n;

    sl_grow_init(&out, 4096);
    n = sl_redact_add(rules, &secret, 1, sl_str_of(text), &out);
    sl_grow_byte(&out, '\0');
    assert_int_equal(out.err, SL_OK);
    assert_string_equal(out.p, want);
    for (const char *p = want; (p = strstr(p, SL_REDACT_MARK)) != NULL; p++)
        places++;
    assert_int_equal(n, places);
    sl_grow_fini(&out);
}

/* Whatever the rules. */
static void credentials(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"key sk-slc-ab12-cd34_x, ok", "key [redacted], ok"},
        {"xsk-slc-ab12-cd34", "x[redacted]"},
        {"sk-ant-api03-0123456789abcdef.", "[redacted]."},
        {"a risk-management-plan-of-ours", "a risk-management-plan-of-ours"},
        {"sk-short", "sk-short"},
        {"Authorization: bearer abc.def+ghi==", "Authorization: [redacted]"},
        {"a bearer of news", "a bearer of news"},
        {"eyJhbGciOi.eyJzdWIi.c2ln!", "[redacted]!"},
        {"eyJhbGciOi eyJzdWIi", "eyJhbGciOi eyJzdWIi"},
        {"seal:v1:abc:d/e+f==\n", "[redacted]\n"},
        {"<our own secret>", "<[redacted]>"},
        {"a\\nsk-proj-0123456789abcdef", "a\\n[redacted]"},
        {"a\\\"\\tBearer abcdefgh", "a\\\"\\t[redacted]"},
        {"key%3Dsk-proj-0123456789abcdef", "key%3D[redacted]"},
        {"key\\u003deyJhbGciOi.eyJzdWIi.c2ln", "key\\u003d[redacted]"},
        {"%3zsk-proj-abcdefghijklmnop", "%3zsk-proj-abcdefghijklmnop"},
        {"u003dsk-proj-abcdefghijklmnop", "u003dsk-proj-abcdefghijklmnop"},
        {"our own secretsk-proj-0123456789abcdef", "[redacted][redacted]"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_becomes(&none, cases[i].text, cases[i].want);
        assert_becomes(&all, cases[i].text, cases[i].want);
    }
}

static void rules(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"to ann.b+c@mail.example.org.", "to [redacted]"},
        {"@home, a@b, c@.d", "@home, a@b, c@.d"},
        {"call +49 (30) 123-45 67 now", "call [redacted] now"},
        {"4111 1111 1111 1111", "[redacted]"},
        {"in 2026, 12:30, 1.25 and 123456", "in 2026, 12:30, 1.25 and 123456"},
        {"ids emp-0042, EMP-12x4, EMP-12", "ids [redacted], EMP-12x4, EMP-12"},
        {"PROJ_x-1 proj_ proj_.", "[redacted] proj_ proj_."},
        {"030 1234567|bob@example.com", "[redacted][redacted]"},
        {"EMP-12341234567", "[redacted][redacted]"},
        {"to bob@m\u00fcller.de, bob@m\u00fcller", "to [redacted], bob@m\u00fcller"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_becomes(&all, cases[i].text, cases[i].want);
        assert_becomes(&none, cases[i].text, cases[i].text);
    }
}

static void what_is_a_pattern(void **state)
{
    (void)state;
    assert_true(sl_redact_is_pattern(SL_STR("EMP-####")));
    assert_true(sl_redact_is_pattern(SL_STR("ab*")));
    assert_false(sl_redact_is_pattern(SL_STR("a*b")));
    assert_false(sl_redact_is_pattern(SL_STR("ab")));
    assert_false(sl_redact_is_pattern(
        SL_STR("0123456789012345678901234567890123456789012345678901234567890123x")));
}

/* Matches in the middle of a run that is no address, and no token: read anew behind each, it would
 * take minutes. */
static void many_matches(void **state)
{
    static const struct sl_str pieces[] = {SL_STR_INIT("1234567!"), SL_STR_INIT("1234567eyJ")};
    const size_t most = 50000;

    (void)state;
    for (size_t i = 0; i < COUNT(pieces); i++) {
        struct sl_grow text, out;

        sl_grow_init(&text, most * pieces[i].n);
        sl_grow_init(&out, 2 * most * pieces[i].n);
        for (size_t n = 0; n < most; n++)
            sl_grow_add(&text, pieces[i]);
        assert_int_equal(sl_redact_add(&all, NULL, 0, sl_grow_str(&text), &out), most);
        assert_int_equal(out.err, SL_OK);
        sl_grow_fini(&text);
        sl_grow_fini(&out);
    }
}

/* Cut anywhere, nothing is read behind the end. */
static void every_end(void **state)
{
    static const char text[] =
        "sk-slc-a eyJ..aaaaaaaaaaaaaaaaaa a@b.\u00fc +12 34567 EMP-1234 bearer x\\n%3D\\u003d";

    (void)state;
    for (size_t n = 0; n < sizeof(text); n++) {
        char *copy = n > 0 ? test_malloc(n) : NULL;
        struct sl_grow out;

        if (n > 0)
            memcpy(copy, text, n);
        sl_grow_init(&out, 4096);
        (void)sl_redact_add(&all, NULL, 0, (struct sl_str){copy, n}, &out);
        assert_int_equal(out.err, SL_OK);
        sl_grow_fini(&out);
        if (n > 0)
            test_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials),       cmocka_unit_test(rules),
        cmocka_unit_test(what_is_a_pattern), cmocka_unit_test(many_matches),
        cmocka_unit_test(every_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
