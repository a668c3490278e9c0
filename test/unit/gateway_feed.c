/* Escapes on the way to a search for words: at every cut between two strings. */
#include "gateway/words/feed.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* May a string end before that byte? Inside of an escape it may not. */
static bool is_cut(struct sl_str text, size_t cut)
{
    size_t at = 0;

    while (at < cut)
        at += text.p[at] != '\\' ? 1 : text.p[at + 1] == 'u' ? 6 : 2;
    return at == cut;
}

static void assert_finds(const struct sl_words *w, const char *inner, bool json, uint32_t want)
{
    struct sl_str text = sl_str_of(inner);
    struct sl_feed f;

    for (size_t cut = 0; cut <= text.n; cut++) {
        if (!is_cut(text, cut))
            continue;
        sl_feed_begin(&f, w, 1);
        sl_feed_text(&f, sl_str_first(text, cut), json);
        sl_feed_text(&f, sl_str_from(text, cut), json);
        sl_feed_rest(&f);
        if (f.seek.count[0] != want)
            fail_msg("%s cut at %zu: %u, not %u", inner, cut, f.seek.count[0], want);
    }
}

static void texts(void **state)
{
    static const struct {
        const char *inner;
        bool json;
        uint32_t n;
    } cases[] = {
        {"a rum, RUM", false, 2},
        {"\\u0072um \\u0052\\u0055\\u004d", false, 2},
        {"a\\nrum\\tb", false, 1},
        {"\\\"rum\\\"", false, 1},
        {"\\ud83c\\udf78 \xf0\x9f\x8d\xb8", false, 2},
        {"\\ud83c \\udf78", false, 0},
        {"\\ud83crum", false, 1},
        {"rum\\ud83c", false, 1},
        {"x\\\\nrum", false, 0}, /* a backslash and an n */
        {"{\\\"q\\\":\\\"x\\\\nrum\\\"}", true, 1},
        {"{\\\"q\\\":\\\"\\\\u0072um \\\\ud83c\\\\udf78\\\"}", true, 2},
        {"\\\\\\\\nrum", true, 0},
        {"\\\\u00zzrum \\\\u00", true, 0},
        {"", true, 0},
        {"x\\i rum", false, 1}, /* no JSON */
    };
    struct sl_words *w = sl_words_new();

    (void)state;
    assert_int_equal(sl_words_add(w, 0, false, SL_STR("rum")), SL_OK);
    assert_int_equal(sl_words_add(w, 0, false, SL_STR("\xf0\x9f\x8d\xb8")), SL_OK);
    assert_int_equal(sl_words_done(w), SL_OK);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_finds(w, cases[i].inner, cases[i].json, cases[i].n);
    sl_words_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
