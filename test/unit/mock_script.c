/* Answers as runs of pieces. */
#include "mock/script.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

/* Everything a script gives out, and how many pieces were content. */
static size_t play(struct sl_script *s, char *out, size_t cap, unsigned *content)
{
    struct sl_str parts[SL_SCRIPT_PARTS];
    size_t n, at = 0;
    bool is_content = false;

    *content = 0;
    while ((n = sl_script_next(s, parts, &is_content)) > 0) {
        for (size_t i = 0; i < n; i++) {
            assert_true(at + parts[i].n <= cap);
            memcpy(out + at, parts[i].p, parts[i].n);
            at += parts[i].n;
        }
        *content += is_content;
    }
    assert_true(sl_script_is_over(s));
    return at;
}

static void test_runs(void **state)
{
    struct sl_arena a;
    struct sl_script s;
    char out[200];
    unsigned content;

    (void)state;
    sl_arena_init(&a, 1 << 20);
    assert_true(sl_script_init(&s, &a));
    sl_script_text(&s, SL_STR("begin "));
    sl_script_add(&s, (struct sl_run){.before = SL_STR("<"),
                                      .has_text = true,
                                      .text = {SL_SOURCE_COUNTED, {NULL, 0}, 3, 8},
                                      .middle = SL_STR("#"),
                                      .numbered = true,
                                      .after = SL_STR(">"),
                                      .content = true});
    sl_script_event(&s, SL_STR("end"));
    size_t n = play(&s, out, sizeof(out), &content);
    assert_int_equal(content, 4);
    assert_int_equal(n, 45);
    assert_memory_equal(out, "begin <0000000 #0><0000001 #1><0000002 #2>end", n);
    sl_arena_fini(&a);
}

static void test_pieces_end_between_characters(void **state)
{
    static const char text[] =
        "a\\nb\\u00e9c\\ud83d\\ude42d\\\\e\xc3\xa9\xe6\x97\xa5\xf0\x9f\x99\x82z";

    (void)state;
    for (size_t piece = 1; piece < sizeof(text) + 2; piece++) {
        struct sl_str raw = {text, sizeof(text) - 1};
        size_t at = 0, pieces = 0;

        while (at < raw.n) {
            struct sl_str p = raw_piece(raw, at, piece);
            assert_true(p.n > 0);
            /* neither an escape nor a character goes on behind it */
            if (at + p.n < raw.n) {
                assert_int_not_equal((unsigned char)raw.p[at + p.n] & 0xC0, 0x80);
                assert_false(sl_str_starts(sl_str_from(raw, at + p.n), SL_STR("\\ude42")));
                assert_true(p.p[p.n - 1] != '\\' || p.p[p.n - 2] == '\\');
            }
            at += p.n;
            pieces++;
        }
        assert_int_equal(at, raw.n);
        struct sl_source src = {SL_SOURCE_RAW, raw, 0, piece};
        assert_int_equal(sl_source_pieces(&src), pieces);
    }
}

static void test_filler_of_any_length(void **state)
{
    static const size_t pieces[] = {1, 7, 64, 4096, 65536, 100000};
    char *out = malloc(400000);

    (void)state;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        for (uint64_t n = 1; n < 300000; n = n * 3 + 1) {
            struct sl_arena a;
            struct sl_script s;
            unsigned content;
            struct sl_source src = {SL_SOURCE_FILL, {NULL, 0}, n, pieces[i]};

            sl_arena_init(&a, 1 << 20);
            assert_true(sl_script_init(&s, &a));
            sl_script_add(&s, (struct sl_run){.has_text = true, .text = src});
            assert_int_equal(sl_script_length(&s), n);
            assert_int_equal(play(&s, out, 400000, &content), n);
            for (size_t k = 0; k < n; k++)
                assert_true(out[k] >= ' ' && out[k] != '"' && out[k] != '\\');
            sl_arena_fini(&a);
        }
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_pieces_end_between_characters),
        cmocka_unit_test(test_filler_of_any_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
