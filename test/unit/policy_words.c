/* Words: what is one, at every split; and beside a search that compares each word at each
 * place, over texts made at random. */
#include "policy/words/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ALL UINT64_MAX

struct given {
    const char *word;
    unsigned list;
    bool anywhere;
};

static struct sl_words *words_of(const struct given *given, size_t n)
{
    struct sl_words *w = sl_words_new();

    assert_non_null(w);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(
            sl_words_add(w, given[i].list, given[i].anywhere, sl_str_of(given[i].word)), SL_OK);
    assert_int_equal(sl_words_done(w), SL_OK);
    return w;
}

static void seek(struct sl_words_seek *s, const struct sl_words *w, struct sl_str text, size_t cut)
{
    sl_words_begin(s, w, ALL);
    sl_words_feed(s, sl_str_first(text, cut));
    sl_words_feed(s, sl_str_from(text, cut));
    sl_words_rest(s);
}

/* The same at every split, and byte by byte. */
static void assert_counts(const struct sl_words *w, const char *text, uint32_t want)
{
    struct sl_str t = sl_str_of(text);
    struct sl_words_seek s;

    for (size_t cut = 0; cut <= t.n; cut++) {
        seek(&s, w, t, cut);
        if (s.count[0] != want || (s.found != 0) != (want > 0))
            fail_msg("\"%s\" cut at %zu: %u, not %u", text, cut, s.count[0], want);
    }
    sl_words_begin(&s, w, ALL);
    for (size_t i = 0; i < t.n; i++)
        sl_words_feed(&s, (struct sl_str){t.p + i, 1});
    sl_words_rest(&s);
    assert_int_equal(s.count[0], want);
}

static void what_is_a_word(void **state)
{
    static const struct {
        const char *word;
        bool anywhere;
        const char *text;
        uint32_t n;
    } cases[] = {
        {"cat", false, "The cat sat.", 1},
        {"cat", false, "cat", 1},
        {"cat", false, "concatenate cats", 0},
        {"cat", true, "concatenate cats", 2},
        {"cat", false, "cat,cat;CAT Cat", 4},
        {"cat", false, "cat2 2cat cat_cat", 2},
        {"credit card", false, "a Credit \n\t card number", 1},
        {"credit card", false, "creditcard credit-card", 0},
        {"  credit   card ", false, "credit card", 1},
        {"c++", false, "in C++, or c++11", 2},
        {"#tag", false, "a#tag #tags #TAG", 2},
        {"école", false,
         "ÉCOLE e\xcc\x81"
         "cole école écoles",
         3},
        {"straße", false, "STRASSE Strasse straße", 3},
        {"ab", false,
         "\xef\xbc\xa1\xef\xbc\xa2 a\xc2\xad"
         "b a\xe2\x80\x8d"
         "b",
         3},                                /* wide; soft hyphen; joiner */
        {"fix", false, "\xef\xac\x81x", 1}, /* the ligature fi */
        {"\xe7\x82\xb8\xe5\xbc\xb9", false, "\xe9\x80\xa0\xe7\x82\xb8\xe5\xbc\xb9\xe5\x90\x97", 1},
        {"\xd0\xb1\xd0\xbe\xd0\xbc\xd0\xb1\xd0\xb0", false,
         "\xd0\x91\xd0\x9e\xd0\x9c\xd0\x91\xd0\x90 "
         "\xd0\xb1\xd0\xbe\xd0\xbc\xd0\xb1\xd0\xb0\xd0\xbc",
         1},
        {"\xf0\x9d\x94\x9e"
         "b",
         false, "ab", 1}, /* a mathematical a, above U+FFFF */
        {"ab", false,
         "ab\xff"
         "ab \xffxab \xe2\x82"
         "ab",
         3}, /* no UTF-8: separates */
        {"ab", false,
         "x\xe2\x82"
         "ab ab\xe2\x82",
         2},
        {"2", false, "\xc2\xbd", 1}, /* a half is 1, a stroke, 2 */
        {"1\xe2\x81\x84"
         "2",
         false,
         "\xc2\xbd 1\xe2\x81\x84"
         "2",
         2},                                                                 /* and they are it */
        {"kg", false, "5 \xe3\x8e\x8f, 5\xe3\x8e\x8f", 1},                   /* the square kg */
        {"\xe3\x81\x8b", false, "\xe3\x81\x8c \xe3\x81\x8b\xe3\x82\x99", 0}, /* ka, not ga */
        {"\xe3\x81\x8c", false, "\xe3\x81\x8c\xe3\x81\x8b\xe3\x82\x99", 2},  /* ga, twice */
        {"ab", false,
         "\xe0\xb8\x81\xe0\xb8\xb4"
         "ab",
         1}, /* behind Thai and its mark */
        {"aa", true, "aaaa", 3},
        {"gros", true, "gro\xc3\x9f gross", 2},                 /* sharp s is ss */
        {"deaf", true, "deaf dea\xef\xac\x81x", 2},             /* inside the ligature */
        {"\xd0\xb8", true, "\xd0\xb9 \xd0\xb8", 1},             /* i, not short i */
        {"\xea\xb0\x80", true, "\xea\xb0\x81 \xea\xb0\x80", 1}, /* ga, not gak */
        {"k", true, "\xe3\x8e\x8f", 1},                         /* of the square kg */
        {"a", false, "", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct given one = {cases[i].word, 0, cases[i].anywhere};
        struct sl_words *w = words_of(&one, 1);

        assert_counts(w, cases[i].text, cases[i].n);
        sl_words_end(&w);
    }
}

static void lists(void **state)
{
    static const struct given given[] = {
        {"he", 0, true},    {"she", 1, true},     {"his", 2, true}, {"hers", 63, true},
        {"hers", 3, false}, {"ushers", 3, false}, {"he", 5, false},
    };
    struct sl_words *w = words_of(given, COUNT(given));
    struct sl_words_seek s;

    (void)state;
    seek(&s, w, SL_STR("ushers, he"), 0);
    assert_int_equal(s.count[0], 2);
    assert_int_equal(s.count[1], 1);
    assert_int_equal(s.count[2], 0);
    assert_int_equal(s.count[63], 1);
    assert_int_equal(s.count[3], 1); /* hers does not stand by itself */
    assert_int_equal(s.count[5], 1);
    assert_true(s.found == (UINT64_C(1) << 63 | 1 << 0 | 1 << 1 | 1 << 3 | 1 << 5));
    sl_words_begin(&s, w, UINT64_C(1) << 1 | UINT64_C(1) << 3);
    sl_words_feed(&s, SL_STR("ushers, he"));
    sl_words_rest(&s);
    assert_true(s.found == (1 << 1 | 1 << 3));
    sl_words_end(&w);
}

/* A text ends a word, and the next one begins anew. */
static void texts_do_not_touch(void **state)
{
    struct given one = {"cat", 0, false};
    struct sl_words *w = words_of(&one, 1);
    struct sl_words_seek s;

    (void)state;
    sl_words_begin(&s, w, ALL);
    sl_words_feed(&s, SL_STR("cat"));
    sl_words_rest(&s);
    sl_words_feed(&s, SL_STR("s ca"));
    sl_words_rest(&s);
    sl_words_feed(&s, SL_STR("t"));
    sl_words_rest(&s);
    assert_int_equal(s.count[0], 1);
    sl_words_end(&w);
}

static void limits(void **state)
{
    struct sl_words *w = sl_words_new();
    char longest[SL_WORDS_BYTES + 2], text[SL_WORDS_BYTES * 3];
    struct sl_words_seek s;

    (void)state;
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(sl_words_add(w, 0, false, SL_STR("")), SL_ERR_BAD_FIELD);
    assert_int_equal(sl_words_add(w, 0, false, SL_STR(" \xc2\xad ")), SL_ERR_BAD_FIELD);
    assert_int_equal(sl_words_add(w, 0, false, SL_STR("a\xff")), SL_ERR_BAD_FIELD);
    assert_int_equal(sl_words_add(w, 0, false, (struct sl_str){longest, SL_WORDS_BYTES + 1}),
                     SL_ERR_CEILING);
    assert_int_equal(sl_words_add(w, 0, false, (struct sl_str){longest, SL_WORDS_BYTES}), SL_OK);
    assert_int_equal(sl_words_done(w), SL_OK);
    memset(text, 'x', sizeof(text));
    text[100] = text[100 + SL_WORDS_BYTES + 1] = ' ';
    seek(&s, w, (struct sl_str){text, sizeof(text)}, 0);
    assert_int_equal(s.count[0], 1);
    sl_words_end(&w);
}

static void no_words(void **state)
{
    struct sl_words *w = words_of(NULL, 0);

    (void)state;
    assert_counts(w, "any text", 0);
    sl_words_end(&w);
}

static void without_memory(void **state)
{
    (void)state;
    for (uint64_t fail = 1; fail < 36; fail++) {
        struct sl_words *w;
        enum sl_err e = SL_OK;

        sl_mem_fail_at(fail);
        w = sl_words_new();
        for (int i = 0; w != NULL && e == SL_OK && i < 200; i++) {
            char word[16];

            snprintf(word, sizeof(word), "word%d", i);
            e = sl_words_add(w, 0, false, sl_str_of(word));
        }
        if (w != NULL && e == SL_OK)
            e = sl_words_done(w);
        sl_mem_fail_at(0);
        assert_true(w == NULL || e == SL_OK || e == SL_ERR_NO_MEMORY);
        sl_words_end(&w);
    }
}

/* ---- beside the plain way ---- */

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Of few letters, so that words lie in each other. */
static size_t make(uint32_t *seed, const char *letters, size_t most, char *out)
{
    size_t n = 1 + next(seed) % most;

    for (size_t i = 0; i < n; i++)
        out[i] = letters[next(seed) % strlen(letters)];
    out[n] = '\0';
    return n;
}

static uint32_t plain_way(const struct given *given, size_t n, unsigned list, const char *text)
{
    size_t length = strlen(text);
    uint32_t found = 0;

    for (size_t end = 1; end <= length; end++) {
        bool here = false;

        for (size_t i = 0; i < n; i++) {
            size_t k = strlen(given[i].word);
            bool apart;

            if (given[i].list != list || k > end || memcmp(text + end - k, given[i].word, k) != 0)
                continue;
            apart = (end == k || text[end - k - 1] == '.') && (end == length || text[end] == '.');
            here = here || given[i].anywhere || apart;
        }
        found += here;
    }
    return found;
}

static void assert_plain(struct sl_words_seek *s, const struct given *given, size_t n,
                         const char *text)
{
    for (unsigned list = 0; list < 3; list++)
        if (s->count[list] != plain_way(given, n, list, text))
            fail_msg("list %u in \"%s\": %u", list, text, s->count[list]);
}

/* Short texts at every split. */
static void compare_one(uint32_t *seed, const struct sl_words *w, const struct given *given,
                        size_t n)
{
    char text[40];
    size_t most = next(seed) % 4 == 0 ? 8 : sizeof(text) - 2;
    size_t length = make(seed, next(seed) % 2 == 0 ? "abc." : "abcdefg.", most, text);
    size_t cut = most == 8 ? 0 : next(seed) % (length + 1), last = most == 8 ? length : cut;
    struct sl_words_seek s;

    for (; cut <= last; cut++) {
        seek(&s, w, sl_str_of(text), cut);
        assert_plain(&s, given, n, text);
    }
}

static void as_the_plain_way(void **state)
{
    uint32_t seed = 42;

    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        char places[12][8];
        struct given given[12];
        size_t n = 1 + next(&seed) % COUNT(given);
        struct sl_words *w;

        for (size_t i = 0; i < n; i++) {
            make(&seed, "abcdefg", 5, places[i]);
            for (char *p = places[i]; round % 4 != 3 && *p != '\0'; p++)
                *p = (char)('a' + (unsigned char)*p % (2 + round % 2)); /* two letters, or three */
            given[i] = (struct given){places[i], next(&seed) % 3, next(&seed) % 2 == 0};
        }
        w = words_of(given, n);
        for (int text = 0; text < 340; text++)
            compare_one(&seed, w, given, n);
        sl_words_end(&w);
    }
}

/* So many that not all that their endings lead to is known at once. */
static void many_words(void **state)
{
    enum { MANY = 300 };
    static char places[MANY][8];
    static struct given given[MANY];
    uint32_t seed = 5;
    struct sl_words *w;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        while (make(&seed, "abc", 7, places[i]) < 7)
            ;
        given[i] = (struct given){places[i], next(&seed) % 3, next(&seed) % 4 != 0};
    }
    w = words_of(given, MANY);
    for (int text = 0; text < 300; text++)
        compare_one(&seed, w, given, MANY);
    sl_words_end(&w);
}

/* ---- the same in other scripts ---- */

struct script {
    const char *letters[3][2]; /* a, b and c, each in two ways */
    bool spaced;
};

static void spell(uint32_t *seed, const struct script *script, const char *text, char *out)
{
    for (; *text != '\0'; text++) {
        const char *one = *text == '.' ? "." : script->letters[*text - 'a'][next(seed) % 2];

        memcpy(out, one, strlen(one) + 1);
        out += strlen(one);
    }
}

/* The longest: 24 letters of four bytes. */
static void compare_script(uint32_t *seed, const struct script *script, const struct sl_words *w,
                           const struct given *given, size_t n)
{
    char text[26], spelt[104];
    struct sl_words_seek s;

    make(seed, "abc.", next(seed) % 3 == 0 ? 24 : 4, text);
    spell(seed, script, text, spelt);
    for (size_t cut = 0; cut <= strlen(spelt); cut++) {
        seek(&s, w, sl_str_of(spelt), cut);
        assert_plain(&s, given, n, text);
    }
}

/* `given` are plain words; where no spaces are written, each of them may stand anywhere. */
static void try_script(uint32_t *seed, const struct script *script)
{
    char places[12][8], spelt[12][32];
    struct given given[12], inner[12];
    size_t n = 1 + next(seed) % COUNT(given);
    struct sl_words *w;

    for (size_t i = 0; i < n; i++) {
        make(seed, "abc", 5, places[i]);
        spell(seed, script, places[i], spelt[i]);
        given[i] = (struct given){places[i], next(seed) % 3, next(seed) % 2 == 0};
        inner[i] = (struct given){spelt[i], given[i].list, given[i].anywhere};
        given[i].anywhere |= !script->spaced;
    }
    w = words_of(inner, n);
    for (int text = 0; text < 40; text++)
        compare_script(seed, script, w, given, n);
    sl_words_end(&w);
}

static void in_other_scripts(void **state)
{
    static const struct script scripts[] = {
        {{{"\xd0\xb0", "\xd0\x90"}, {"\xd0\xb9", "\xd0\x99"}, {"\xd1\x84", "\xd0\xa4"}}, true},
        {{{"\xc3\xa9", "e\xcc\x81"}, {"\xc3\x91", "n\xcc\x83"}, {"\xef\xac\x81", "FI"}}, true},
        {{{"\xe4\xb8\x96", "\xe4\xb8\x96"},
          {"\xe7\x95\x8c", "\xe7\x95\x8c"},
          {"\xe3\x81\x8c", "\xe3\x81\x8b\xe3\x82\x99"}},
         false},
        {{{"\xea\xb0\x80", "\xea\xb0\x80"},
          {"\xeb\x82\x98", "\xeb\x82\x98"},
          {"\xeb\x8b\xac", "\xeb\x8b\xac"}},
         true}, /* Hangul: of two and three letters */
        {{{"\xf0\x90\x90\xa8", "\xf0\x90\x90\x80"},
          {"\xf0\x9d\x94\x9f", "b"},
          {"\xef\xbc\xa3", "c"}},
         true}, /* beyond U+FFFF; wide */
    };
    uint32_t seed = 99;

    (void)state;
    for (size_t i = 0; i < 4 * COUNT(scripts); i++)
        try_script(&seed, &scripts[i % COUNT(scripts)]);
}

/* ---- what is not known yet ---- */

/* All of it, and nothing else: the longest end of `text` that begins a word, where one may. */
static size_t open_plainly(const struct given *given, size_t n, const char *text, size_t length)
{
    for (size_t open = length; open > 0; open--)
        for (size_t i = 0; i < n; i++) {
            bool apart = open == length || text[length - open - 1] == '.';

            if (strlen(given[i].word) >= open && (given[i].anywhere || apart) &&
                memcmp(text + length - open, given[i].word, open) == 0)
                return open;
        }
    return 0;
}

static void open_one(uint32_t *seed, const struct sl_words *w, const struct given *given, size_t n)
{
    const struct given *mine[12];
    struct given few[12];
    char text[64];
    struct sl_words_seek s;
    size_t few_n = 0;
    uint64_t lists = next(seed) % 8;

    for (size_t i = 0; i < n; i++)
        if ((lists >> given[i].list & 1) != 0)
            mine[few_n++] = &given[i];
    for (size_t i = 0; i < few_n; i++)
        few[i] = *mine[i];
    make(seed, "abc.", sizeof(text) - 2, text);
    sl_words_begin(&s, w, ALL);
    for (size_t i = 0; text[i] != '\0'; i++) {
        size_t want = open_plainly(few, few_n, text, i + 1);

        sl_words_feed(&s, (struct sl_str){text + i, 1});
        if (sl_words_open(&s, lists) != want)
            fail_msg("\"%.*s\": %zu are open, not %zu", (int)i + 1, text, sl_words_open(&s, lists),
                     want);
    }
    sl_words_rest(&s);
    assert_int_equal(sl_words_open(&s, ALL), 0);
}

static void what_is_open(void **state)
{
    uint32_t seed = 7;

    (void)state;
    for (int round = 0; round < 60; round++) {
        char places[12][8];
        struct given given[12];
        size_t n = 1 + next(&seed) % COUNT(given);
        struct sl_words *w;

        for (size_t i = 0; i < n; i++) {
            make(&seed, "abc", 5, places[i]);
            given[i] = (struct given){places[i], next(&seed) % 3, next(&seed) % 2 == 0};
        }
        w = words_of(given, n);
        for (int text = 0; text < 20; text++)
            open_one(&seed, w, given, n);
        sl_words_end(&w);
    }
}

/* A word that stands there if nothing follows is due, and open. */
static void what_is_due(void **state)
{
    struct given one = {"gin", 4, false};
    struct sl_words *w = words_of(&one, 1);
    struct sl_words_seek s;

    (void)state;
    sl_words_begin(&s, w, ALL);
    sl_words_feed(&s, SL_STR("a gin"));
    assert_true(sl_words_due(&s) == 1 << 4);
    assert_int_equal(sl_words_open(&s, 1 << 4), 3);
    assert_int_equal(sl_words_open(&s, 1 << 3), 0);
    sl_words_feed(&s, SL_STR("ger"));
    assert_true(sl_words_due(&s) == 0);
    assert_int_equal(sl_words_open(&s, ALL), 0);
    assert_true(s.found == 0);
    sl_words_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_a_word),     cmocka_unit_test(lists),
        cmocka_unit_test(texts_do_not_touch), cmocka_unit_test(limits),
        cmocka_unit_test(no_words),           cmocka_unit_test(without_memory),
        cmocka_unit_test(as_the_plain_way),   cmocka_unit_test(in_other_scripts),
        cmocka_unit_test(many_words),         cmocka_unit_test(what_is_open),
        cmocka_unit_test(what_is_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
