/* Normalisers: known texts byte for byte, whole bodies, and random texts against
 * a second, plainer way: three passes over an array of code points. */
#include "policy/normal.c"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TRIM SL_NORMAL_TRIM
#define SPACES SL_NORMAL_SPACES
#define INVISIBLE SL_NORMAL_INVISIBLE
#define ALL (TRIM | SPACES | INVISIBLE)

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

static void assert_str(struct sl_str s, struct sl_str want)
{
    assert_int_equal(s.n, want.n);
    assert_memory_equal(s.p, want.p, want.n);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(sl_normal_find(SL_STR("trim")), TRIM);
    assert_int_equal(sl_normal_find(SL_STR("spaces")), SPACES);
    assert_int_equal(sl_normal_find(SL_STR("invisible")), INVISIBLE);
    assert_int_equal(sl_normal_find(SL_STR("Trim")), 0);
    assert_int_equal(sl_normal_find(SL_STR("")), 0);
}

static const struct {
    unsigned which;
    struct sl_str in, want;
} known[] = {
    {0, SL_STR_INIT("\" a  b \""), SL_STR_INIT("\" a  b \"")},
    {ALL, SL_STR_INIT("\"\""), SL_STR_INIT("\"\"")},
    {ALL, SL_STR_INIT("\"plain text\""), SL_STR_INIT("\"plain text\"")},
    {ALL, SL_STR_INIT("\"   \""), SL_STR_INIT("\"\"")},
    {TRIM, SL_STR_INIT("\"  a  b\\n\\u0000\\u0085\""), SL_STR_INIT("\"a  b\"")},
    {TRIM, SL_STR_INIT("\"\\u00a0\xe3\x80\x80x\xc2\x80\x7f\""), SL_STR_INIT("\"x\"")},
    {TRIM, SL_STR_INIT("\"a\\u0001b\""), SL_STR_INIT("\"a\\u0001b\"")},
    {SPACES, SL_STR_INIT("\" a \\t\\n b\\r\\n\""), SL_STR_INIT("\" a b \"")},
    {SPACES, SL_STR_INIT("\"a\\u2028b\xe2\x80\x8a\xe2\x80\xaf c\""), SL_STR_INIT("\"a b c\"")},
    {SPACES, SL_STR_INIT("\"a\\u200b b\""), SL_STR_INIT("\"a\\u200b b\"")},
    {INVISIBLE,
     SL_STR_INIT("\"b\\u00ado\\u200Bm\xe2\x80\x8b\xef\xbb\xbf\xe2\x80\xae"
                 "b\""),
     SL_STR_INIT("\"bomb\"")},
    /* variation selector, tag, filler, a plane's worth of nothing */
    {INVISIBLE,
     SL_STR_INIT("\"\xe2\x9d\xa4\xef\xb8\x8f\\udb40\\udc41\xe3\x85\xa4\xf3\xa0\xbf\xbf"
                 "x\""),
     SL_STR_INIT("\"\xe2\x9d\xa4x\"")},
    /* joiners: man + rocket; behind a selector; a skin tone; between letters; at an
     * end; two in a row */
    {INVISIBLE, SL_STR_INIT("\"\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x9a\x80\""),
     SL_STR_INIT("\"\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x9a\x80\"")},
    {INVISIBLE, SL_STR_INIT("\"\\u2764\\ufe0f\\u200d\\ud83d\\udd25\""),
     SL_STR_INIT("\"\\u2764\\u200d\\ud83d\\udd25\"")},
    {INVISIBLE, SL_STR_INIT("\"\\ud83d\\udc68\\ud83c\\udffd\\u200d\\ud83d\\ude80\""),
     SL_STR_INIT("\"\\ud83d\\udc68\\ud83c\\udffd\\u200d\\ud83d\\ude80\"")},
    {INVISIBLE, SL_STR_INIT("\"k\\u200di\\u200cll\\u200d\""), SL_STR_INIT("\"kill\"")},
    {INVISIBLE, SL_STR_INIT("\"\\u200d\\u2764\\u200d\""), SL_STR_INIT("\"\\u2764\"")},
    {INVISIBLE, SL_STR_INIT("\"\\u2764\\u200d\\u200d\\u2764\""),
     SL_STR_INIT("\"\\u2764\\u200d\\u2764\"")},
    {INVISIBLE, SL_STR_INIT("\"\\u2764\\u200dx\\u200d\\u2764\""),
     SL_STR_INIT("\"\\u2764x\\u2764\"")},
    /* format characters that show stay; lone surrogates stay */
    {ALL, SL_STR_INIT("\"\xd8\x80\xd9\xa1\\ud800\""), SL_STR_INIT("\"\xd8\x80\xd9\xa1\\ud800\"")},
    /* what is dropped makes neighbours of spaces, and edges of what was inside */
    {ALL, SL_STR_INIT("\"\\u200b \\u200b a \xe2\x80\x8b b \\u200b\""), SL_STR_INIT("\"a b\"")},
    {ALL, SL_STR_INIT("\"say \\\"hi\\\"\\\\ \""), SL_STR_INIT("\"say \\\"hi\\\"\\\\\"")},
};

static void test_known(void **state)
{
    struct sl_str out, again;

    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        assert_int_equal(sl_normal_string(known[i].in, known[i].which, &arena, &out), SL_OK);
        assert_str(out, known[i].want);
        if (out.n == known[i].in.n)
            assert_ptr_equal(out.p, known[i].in.p);
        assert_int_equal(sl_normal_string(out, known[i].which, &arena, &again), SL_OK);
        assert_ptr_equal(again.p, out.p);
    }
}

static void test_wrong(void **state)
{
    static const struct sl_str wrong[] = {
        SL_STR_INIT(""),
        SL_STR_INIT("\""),
        SL_STR_INIT("a"),
        SL_STR_INIT("1"),
        SL_STR_INIT("[\"a\"]"),
        SL_STR_INIT("\"a"),
        SL_STR_INIT("\"\\\""),
        SL_STR_INIT("\"a\"b\""),
        SL_STR_INIT("\"\\x\""),
        SL_STR_INIT("\"\\u12\""),
        SL_STR_INIT("\"\xff\""),
        SL_STR_INIT("\"\n\""),
        SL_STR_INIT("\"\xe2\x80\""),
    };
    struct sl_arena none;
    struct sl_str out;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(sl_normal_string(wrong[i], ALL, &arena, &out), SL_ERR_BAD_BODY);
    sl_arena_init(&none, 0);
    assert_int_equal(sl_normal_string(SL_STR("\" a\""), ALL, &none, &out), SL_ERR_NO_MEMORY);
    assert_int_equal(sl_normal_string(SL_STR("\"a\""), ALL, &none, &out), SL_OK);
    assert_int_equal(sl_normal_body(SL_STR("{\"input\":\" a\"}"), ALL, &none, &out),
                     SL_ERR_NO_MEMORY);
    sl_arena_fini(&none);
}

static const struct {
    struct sl_str in, want;
} bodies[] = {
    {SL_STR_INIT("{}"), SL_STR_INIT("{}")},
    {SL_STR_INIT("{\"model\":\" m \",\"input\":\"x\"}"),
     SL_STR_INIT("{\"model\":\" m \",\"input\":\"x\"}")},
    {SL_STR_INIT("{ \"model\" : \" m \", \"input\" : [ \" a  b\", \"c\" ,\"d \" ] }"),
     SL_STR_INIT("{ \"model\" : \" m \", \"input\" : [ \"a b\", \"c\" ,\"d\" ] }")},
    {SL_STR_INIT("{\"pr\\u006fmpt\":\" a \",\"n\":1,\"stop\":\" \"}"),
     SL_STR_INIT("{\"pr\\u006fmpt\":\"a\",\"n\":1,\"stop\":\" \"}")},
    {SL_STR_INIT("{\"input\":[1,2],\"user\":\" u\"}"),
     SL_STR_INIT("{\"input\":[1,2],\"user\":\" u\"}")},
    {SL_STR_INIT(
         "{\"system\":[{\"type\":\"text\",\"text\":\" s\",\"cache_control\":{\"type\":\" e\"}}],"
         "\"messages\":[{\"role\":\"user\",\"content\":\"u \"},"
         "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\" kept \"}]},"
         "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\" t\","
         "\"content\":[{\"type\":\"text\",\"text\":\"r \"}]},{\"type\":\"document\",\"source\":"
         "{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\" d\"}},{\"type\":\"image\","
         "\"source\":{\"type\":\"base64\",\"data\":\" i\"}},{\"type\":\"search_result\","
         "\"source\":\" url\"}]}]}"),
     SL_STR_INIT(
         "{\"system\":[{\"type\":\"text\",\"text\":\"s\",\"cache_control\":{\"type\":\" e\"}}],"
         "\"messages\":[{\"role\":\"user\",\"content\":\"u\"},"
         "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\" kept \"}]},"
         "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\" t\","
         "\"content\":[{\"type\":\"text\",\"text\":\"r\"}]},{\"type\":\"document\",\"source\":"
         "{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"d\"}},{\"type\":\"image\","
         "\"source\":{\"type\":\"base64\",\"data\":\" i\"}},{\"type\":\"search_result\","
         "\"source\":\" url\"}]}]}")},
    {SL_STR_INIT("{\"instructions\":\" i\",\"input\":[{\"type\":\"reasoning\",\"content\":"
                 "[{\"type\":\"reasoning_text\",\"text\":\" r\"}]},{\"role\":\"user\",\"content\":"
                 "[{\"type\":\"input_text\",\"text\":\" t\"}]}]}"),
     SL_STR_INIT("{\"instructions\":\"i\",\"input\":[{\"type\":\"reasoning\",\"content\":"
                 "[{\"type\":\"reasoning_text\",\"text\":\" r\"}]},{\"role\":\"user\",\"content\":"
                 "[{\"type\":\"input_text\",\"text\":\"t\"}]}]}")},
};

static void test_bodies(void **state)
{
    struct sl_str out;

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        assert_int_equal(sl_normal_body(bodies[i].in, ALL, &arena, &out), SL_OK);
        assert_str(out, bodies[i].want);
        if (out.n == bodies[i].in.n)
            assert_ptr_equal(out.p, bodies[i].in.p);
        assert_int_equal(sl_normal_body(bodies[i].in, 0, &arena, &out), SL_OK);
        assert_ptr_equal(out.p, bodies[i].in.p);
    }
    assert_int_equal(sl_normal_body(SL_STR("{\"input\":\" \\x\"}"), ALL, &arena, &out),
                     SL_ERR_BAD_BODY);
}

static void test_items(void **state)
{
    struct sl_str out;

    (void)state;
    assert_int_equal(sl_normal_item(SL_STR("\" a  b\""), ALL, &arena, &out), SL_OK);
    assert_str(out, SL_STR("\"a b\""));
    assert_int_equal(sl_normal_item(SL_STR("[{\"type\":\"text\",\"text\":\" a\"},{\"type\":"
                                           "\"image_url\",\"image_url\":{\"url\":\" u\"}}]"),
                                    ALL, &arena, &out),
                     SL_OK);
    assert_str(out, SL_STR("[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
                           "\"image_url\",\"image_url\":{\"url\":\" u\"}}]"));
    assert_int_equal(sl_normal_item(SL_STR("[1,2]"), ALL, &arena, &out), SL_OK);
    assert_str(out, SL_STR("[1,2]"));
}

/* --- The second way ------------------------------------------------------------------- */

#define LONGEST 40

static size_t drop_invisible(uint32_t *c, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        bool joins = c[i] == JOINER && kept > 0 && IS_IN(pictures, c[kept - 1]) && i + 1 < n &&
                     IS_IN(pictures, c[i + 1]);

        if (!IS_IN(invisible, c[i]) || joins)
            c[kept++] = c[i];
    }
    return kept;
}

static size_t collapse(uint32_t *c, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        bool space = IS_IN(white, c[i]);

        if (!space || i == 0 || !IS_IN(white, c[i - 1]))
            c[kept++] = c[i];
    }
    for (size_t i = 0; i < kept; i++)
        if (IS_IN(white, c[i]))
            c[i] = ' ';
    return kept;
}

static size_t trim(uint32_t *c, size_t n)
{
    size_t from = 0;

    while (n > 0 && (IS_IN(white, c[n - 1]) || is_control(c[n - 1])))
        n--;
    while (from < n && (IS_IN(white, c[from]) || is_control(c[from])))
        from++;
    memmove(c, c + from, (n - from) * sizeof(*c));
    return n - from;
}

static struct sl_str write_string(const uint32_t *c, size_t n, char *place, size_t cap)
{
    struct sl_text t = sl_text_over(place, cap);

    sl_text_byte(&t, '"');
    for (size_t i = 0; i < n; i++) {
        if (c[i] < 0x80 && c[i] >= 0x20 && c[i] != '"' && c[i] != '\\' && sl_rand_u64() % 8 != 0)
            sl_text_byte(&t, (char)c[i]);
        else if (c[i] < 0x10000)
            sl_text_printf(&t, "\\u%04x", (unsigned)c[i]);
        else
            sl_text_printf(&t, "\\u%04X\\u%04x", (unsigned)(0xd800 + ((c[i] - 0x10000) >> 10)),
                           (unsigned)(0xdc00 + (c[i] & 0x3ff)));
    }
    sl_text_byte(&t, '"');
    assert_false(t.cut);
    return sl_text_str(&t);
}

static void test_random(void **state)
{
    static const uint32_t pool[] = {' ',    ' ',    '\t',    '\n',    0x0,    0x7f,    0xa0,
                                    0x2003, 'a',    'b',     '"',     '\\',   0xad,    0x200b,
                                    JOINER, JOINER, 0xfe0f,  0xfeff,  0x2764, 0x1f468, 0x1f3fd,
                                    0xe4,   0x4e2d, 0xe0041, 0x1f680, 0x3000, 0x85,    0x600};

    (void)state;
    for (int round = 0; round < 30000; round++) {
        uint32_t c[LONGEST];
        size_t n = sl_rand_u64() % LONGEST, at = 0;
        unsigned which = (unsigned)(sl_rand_u64() % 8);
        char place[16 * LONGEST];
        struct sl_str out, rest;

        for (size_t i = 0; i < n; i++)
            c[i] = pool[sl_rand_u64() % COUNT(pool)];
        assert_int_equal(
            sl_normal_string(write_string(c, n, place, sizeof(place)), which, &arena, &out), SL_OK);
        n = (which & INVISIBLE) != 0 ? drop_invisible(c, n) : n;
        n = (which & SPACES) != 0 ? collapse(c, n) : n;
        n = (which & TRIM) != 0 ? trim(c, n) : n;
        for (rest = (struct sl_str){out.p + 1, out.n - 2}; rest.n > 0; at++) {
            uint32_t code;
            size_t k = sl_json_char(rest, &code);

            assert_true(k > 0 && at < n && code == c[at]);
            rest = sl_str_from(rest, k);
        }
        assert_int_equal(at, n);
        if (round % 64 == 0) {
            sl_arena_fini(&arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bodies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_items, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
