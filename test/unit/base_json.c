/* The JSON scanner: what it accepts, what it reports, and that pieces are no
 * matter: every text is fed whole, in every two pieces, byte by byte, and in
 * random pieces, and all must tell the same story.
 *
 * base_json_portable.c runs the same without vector instructions.
 */
#include "base/json.c"
#include "base/json_lane.c"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/_json_cases.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* One run's story: every event in words, then the end. */
struct story {
    char text[1 << 16];
    size_t n;
    enum sl_err err;
};

enum { NEED_OBJECT = 1, REPEATS = 2, PICK = 4, PICK_SOME = 8 };

static void tell(struct story *s, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(s->text + s->n, sizeof(s->text) - s->n, fmt, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof(s->text) - s->n);
    s->n += (size_t)n;
}

static void tell_bytes(struct story *s, struct sl_str bytes)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < bytes.n; i++)
        sum = sum * 1099511628211u + (uint8_t)bytes.p[i];
    tell(s, "%zu/%llx ", bytes.n, (unsigned long long)sum);
}

static void on_member(void *ctx, const struct sl_json_member *m)
{
    struct story *s = ctx;

    tell(s, "type %d at %lld key %lld value %lld to %lld ", (int)m->type,
         (long long)m->comma_before, (long long)m->start, (long long)m->value_at,
         (long long)m->value_end);
    tell_bytes(s, m->key);
    if (m->value.p != NULL)
        tell_bytes(s, m->value);
    tell(s, "\n");
}

static bool pick_all(void *ctx, struct sl_str key)
{
    (void)ctx;
    (void)key;
    return true;
}

static bool pick_some(void *ctx, struct sl_str key)
{
    (void)ctx;
    return key.n > 0 && (uint8_t)key.p[0] % 2 == 1;
}

static void begin(struct sl_json *j, int flags, struct story *s)
{
    s->n = 0;
    s->text[0] = '\0';
    sl_json_init(j);
    j->member = on_member;
    j->ctx = s;
    j->need_object = (flags & NEED_OBJECT) != 0;
    j->check_repeats = (flags & REPEATS) != 0;
    j->pick = flags & PICK ? pick_all : flags & PICK_SOME ? pick_some : NULL;
}

/* The piece in memory of exactly its size: reading beyond is seen. */
static void feed(struct sl_json *j, struct sl_str piece)
{
    char *copy = malloc(piece.n > 0 ? piece.n : 1);
    enum sl_err before = j->err, e;

    memcpy(copy, piece.p, piece.n);
    e = sl_json_feed(j, (struct sl_str){copy, piece.n});
    assert_int_equal(e, j->err);
    assert_true(before == SL_OK || e == before); /* errors stay */
    free(copy);
}

static void end(struct sl_json *j, struct story *s)
{
    s->err = sl_json_finish(j);
    assert_int_equal(s->err, j->err);
    tell(s, "end %d at %llu members %u brace %llu\n", (int)s->err, (unsigned long long)j->at,
         j->members, (unsigned long long)j->object_end);
    sl_json_fini(j);
}

static void run_whole(struct sl_str text, int flags, struct story *s)
{
    struct sl_json j;

    begin(&j, flags, s);
    feed(&j, text);
    end(&j, s);
}

static void run_steps(struct sl_str text, size_t step, int flags, struct story *s)
{
    struct sl_json j;

    begin(&j, flags, s);
    for (size_t at = 0; at < text.n; at += step)
        feed(&j, sl_str_first(sl_str_from(text, at), step));
    end(&j, s);
}

static void run_random(struct sl_str text, int flags, struct story *s)
{
    size_t most = 1 + sl_rand_u64() % 40;
    struct sl_json j;

    begin(&j, flags, s);
    while (text.n > 0) {
        size_t n = sl_rand_u64() % (most + 1);

        feed(&j, sl_str_first(text, n));
        text = sl_str_from(text, n);
    }
    end(&j, s);
}

static void assert_same(const struct story *a, const struct story *b, struct sl_str text)
{
    if (strcmp(a->text, b->text) != 0)
        fail_msg("pieces matter for %.*s\n%s---\n%s", (int)(text.n < 200 ? text.n : 200), text.p,
                 a->text, b->text);
}

/* The result of a text; on the way, that all ways of feeding agree. */
static enum sl_err judge(struct sl_str text, int flags)
{
    static struct story whole, other;

    run_whole(text, flags, &whole);
    for (size_t at = 1; at < text.n && text.n < 2000; at++) {
        struct sl_json j;

        begin(&j, flags, &other);
        feed(&j, sl_str_first(text, at));
        feed(&j, sl_str_from(text, at));
        end(&j, &other);
        assert_same(&whole, &other, text);
    }
    for (size_t step = 1; step < 20; step += 3) {
        run_steps(text, step, flags, &other);
        assert_same(&whole, &other, text);
    }
    for (int i = 0; i < 5; i++) {
        run_random(text, flags, &other);
        assert_same(&whole, &other, text);
    }
    return whole.err;
}

static void judge_list(const struct sl_str *list, size_t n, enum sl_err want)
{
    for (size_t i = 0; i < n; i++) {
        enum sl_err e = judge(list[i], PICK);
        bool object = sl_str_starts(sl_str_trim(list[i]), SL_STR("{"));

        if (e != want)
            fail_msg("case %zu: %.*s: error %d", i, SL_STR_ARGS(list[i]), (int)e);
        if (judge(list[i], NEED_OBJECT | REPEATS) != (object ? want : SL_ERR_BAD_BODY))
            fail_msg("case %zu as an object: %.*s", i, SL_STR_ARGS(list[i]));
    }
}

static void test_cases(void **state)
{
    (void)state;
    judge_list(y_cases, COUNT(y_cases), SL_OK);
    judge_list(n_cases, COUNT(n_cases), SL_ERR_BAD_BODY);
    judge_list(i_cases, COUNT(i_cases), SL_OK);
}

/* Every byte at every kind of place, against what the grammar says there. */
static void test_every_byte(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char in_string[] = "{\"k\":\"0123456789abcdef?0123456789abcdef\"}";
        char in_escape[] = "{\"k\":\"\\?\"}";
        char in_hex[] = "{\"k\":\"\\u00?0\"}";
        char outside[] = "{\"k\":1?}";
        bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';

        *strchr(in_string, '?') = *strchr(in_escape, '?') = *strchr(in_hex, '?') =
            *strchr(outside, '?') = (char)c;
        assert_int_equal(judge((struct sl_str){in_string, sizeof(in_string) - 1}, 0) == SL_OK,
                         plain);
        assert_int_equal(judge((struct sl_str){in_escape, sizeof(in_escape) - 1}, 0) == SL_OK,
                         c != 0 && strchr("\"\\/bfnrt", c) != NULL);
        assert_int_equal(judge((struct sl_str){in_hex, sizeof(in_hex) - 1}, 0) == SL_OK,
                         c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL);
        assert_int_equal(judge((struct sl_str){outside, sizeof(outside) - 1}, 0) == SL_OK,
                         c != 0 && strchr("0123456789 \t\r\n", c) != NULL);
    }
}

/* Every two- and three-byte sequence, against a decoder of another make. */
static void test_every_sequence(void **state)
{
    struct sl_json j;
    char text[8] = "\"";

    (void)state;
    for (unsigned v = 0x8080; v <= 0xffffff; v++) {
        size_t n = v > 0xffff ? 3 : 2;
        unsigned a = v >> 8 * (n - 1) & 0xff, code;
        bool good;

        if (n == 3 && (v & 0xff) < 0x7f) /* one ASCII byte at the end stands for all */
            continue;
        if (n == 2) {
            code = (a & 0x1f) << 6 | (v & 0x3f);
            good = a >> 5 == 6 && (v & 0xc0) == 0x80 && code >= 0x80;
        } else {
            code = (a & 0x0f) << 12 | (v >> 8 & 0x3f) << 6 | (v & 0x3f);
            good = a >> 4 == 14 && (v >> 8 & 0xc0) == 0x80 && (v & 0xc0) == 0x80 && code >= 0x800 &&
                   (code < 0xd800 || code > 0xdfff);
            if (a < 0xe0) /* the two-byte ones were seen */
                continue;
        }
        for (size_t i = 0; i < n; i++)
            text[1 + i] = (char)(v >> 8 * (n - 1 - i));
        text[1 + n] = '"';
        sl_json_init(&j);
        if ((sl_json_feed(&j, (struct sl_str){text, n + 2}) == SL_OK) != good)
            fail_msg("sequence %x", v);
        sl_json_fini(&j);
    }
}

static void test_depth(void **state)
{
    static char text[200001];

    (void)state;
    for (size_t depth = 63; depth <= 65; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(judge((struct sl_str){text, 2 * depth}, 0),
                         depth <= 64 ? SL_OK : SL_ERR_BAD_BODY);
        for (size_t i = 0; i < depth; i++)
            memcpy(text + 5 * i, "{\"a\":", 5);
        text[5 * depth] = '1';
        memset(text + 5 * depth + 1, '}', depth);
        assert_int_equal(judge((struct sl_str){text, 6 * depth + 1}, NEED_OBJECT | PICK),
                         depth <= 64 ? SL_OK : SL_ERR_BAD_BODY);
    }
    memset(text, '[', 100000);
    assert_int_equal(judge((struct sl_str){text, 100000}, 0), SL_ERR_BAD_BODY);
    for (size_t i = 0; i < 40000; i++)
        memcpy(text + 5 * i, "{\"a\":", 5);
    assert_int_equal(judge((struct sl_str){text, 200000}, NEED_OBJECT), SL_ERR_BAD_BODY);
}

static void test_repeats(void **state)
{
    static const struct {
        struct sl_str text;
        bool repeated;
    } cases[] = {
        {SL_STR_INIT("{\"model\":1,\"model\":2}"), true},
        {SL_STR_INIT("{\"\\u006dodel\":1,\"model\":2}"), true},
        {SL_STR_INIT("{\"model\":1,\"m\\u006Fdel\":2}"), true},
        {SL_STR_INIT("{\"a\":{},\"b\":[],\"c\":\"\",\"a\":null}"), true},
        {SL_STR_INIT("{\"\":1,\"\":2}"), true},
        {SL_STR_INIT("{\"\\n\":1,\"\\u000a\":2}"), true},
        {SL_STR_INIT("{\"\\/\":1,\"/\":2}"), true},
        {SL_STR_INIT("{\"\xc3\xa9\":1,\"\\u00e9\":2}"), true},
        {SL_STR_INIT("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\uDE00\":2}"), true},
        {SL_STR_INIT("{\"\\ud800\":1,\"\\ud800\":2}"), true},
        {SL_STR_INIT("{\"\\ud800\":1,\"\\ud801\":2}"), false},
        {SL_STR_INIT("{\"\\ude00\\ud83d\":1,\"\\ud83d\\ude00\":2}"), false},
        {SL_STR_INIT("{\"\\u0000\":1,\"\":2}"), false},
        {SL_STR_INIT("{\"a\\u0000b\":1,\"a\\u0000c\":2}"), false},
        {SL_STR_INIT("{\"model\":1,\"Model\":2}"), false},
        {SL_STR_INIT("{\"model\":1,\"model \":2}"), false},
        {SL_STR_INIT("{\"a\":{\"a\":1,\"a\":2}}"), false},
        {SL_STR_INIT("{\"a\":\"b\",\"b\":\"a\"}"), false},
        {SL_STR_INIT("[{\"a\":1,\"a\":2}]"), false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum sl_err e = judge(cases[i].text, REPEATS | PICK_SOME);

        if (e != (cases[i].repeated ? SL_ERR_REPEATED_KEY : SL_OK))
            fail_msg("%.*s: %d", SL_STR_ARGS(cases[i].text), (int)e);
        assert_int_equal(judge(cases[i].text, 0), SL_OK); /* looked for only if asked */
    }
}

/* {"0":0,"1":0,...} with one key in front of the last bracket. */
static char *many_keys(size_t n, const char *last, size_t *len)
{
    char *text = malloc(n * 12 + 100);
    size_t at = 0;

    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, 16, "%s\"%zu\":0", i == 0 ? "{" : ",", i);
    at += (size_t)snprintf(text + at, 64, "%s%s}", last[0] != '\0' ? "," : "", last);
    *len = at;
    return text;
}

static enum sl_err judge_keys(size_t n, const char *last, bool repeats)
{
    struct sl_json j;
    size_t len;
    char *text = many_keys(n, last, &len);
    enum sl_err e;

    sl_json_init(&j);
    j.check_repeats = repeats;
    e = sl_json_feed(&j, (struct sl_str){text, len});
    if (e == SL_OK)
        e = sl_json_finish(&j);
    sl_json_fini(&j);
    free(text);
    return e;
}

static void test_many_keys(void **state)
{
    (void)state;
    for (size_t n = 1; n < 200; n++) {
        char last[20];

        assert_int_equal(judge_keys(n, "\"x\":1", true), SL_OK);
        for (size_t i = 0; i < n; i += 1 + n / 10) {
            snprintf(last, sizeof(last), "\"%zu\":1", i);
            assert_int_equal(judge_keys(n, last, true), SL_ERR_REPEATED_KEY);
        }
    }
    assert_int_equal(judge_keys(SL_JSON_MEMBERS, "", true), SL_OK);
    assert_int_equal(judge_keys(SL_JSON_MEMBERS - 1, "\"17\":1", true), SL_ERR_REPEATED_KEY);
    for (int repeats = 0; repeats < 2; repeats++) {
        assert_int_equal(judge_keys(SL_JSON_MEMBERS + 1, "", repeats), SL_ERR_CEILING);
        assert_int_equal(judge_keys(50000, "", repeats), SL_ERR_CEILING);
    }
}

static void test_long_keys(void **state)
{
    static char text[1000];
    static const char *const tails[] = {
        "", "\\n", "\\u0041", "\xc3\xa4", "\\u20ac", "\\ud83d\\ude00", "\xff", "\\ud83d"};

    (void)state;
    for (size_t k = 0; k < COUNT(tails); k++) {
        static const size_t grows[] = {0, 1, 1, 2, 3, 4, 0, 3};
        size_t tail = strlen(tails[k]);

        for (size_t n = 248; n < 260; n++) {
            size_t len = 2;
            enum sl_err want = n + grows[k] > SL_JSON_KEY ? SL_ERR_CEILING
                               : k == 6                   ? SL_ERR_BAD_BODY
                                                          : SL_OK;

            memcpy(text, "{\"", 2);
            memset(text + len, 'k', n);
            memcpy(text + len + n, tails[k], tail);
            memcpy(text + len + n + tail, "\":1}", 4);
            assert_int_equal(judge((struct sl_str){text, len + n + tail + 4}, REPEATS), want);
        }
    }
    /* below the top a key may be of any length */
    memcpy(text, "{\"a\":{\"", 7);
    memset(text + 7, 'k', 900);
    memcpy(text + 907, "\":1}}", 5);
    assert_int_equal(judge((struct sl_str){text, 912}, NEED_OBJECT), SL_OK);
}

struct seen {
    struct sl_str text;
    int n;
};

static const struct {
    const char *key;
    const char *value;
    enum sl_json_type type;
} members[] = {
    {"model", "\"gpt\\u002d4\"", SL_JSON_STRING},
    {"n", "-12.5e3", SL_JSON_NUMBER},
    {"m\xc3\xb6glich", "true", SL_JSON_TRUE},
    {"off", "false", SL_JSON_FALSE},
    {"none", "null", SL_JSON_NULL},
    {"messages", "[{\"role\" : \"user\"}, []]", SL_JSON_ARRAY},
    {"", "{ \"a\" : { } }", SL_JSON_OBJECT},
    {"z\"", "0", SL_JSON_NUMBER},
};

static void check_member(void *ctx, const struct sl_json_member *m)
{
    struct seen *s = ctx;
    struct sl_str value = sl_str_of(members[s->n].value);
    struct sl_str in_text = {s->text.p + m->value_at, (size_t)(m->value_end - m->value_at)};

    assert_true(sl_str_eq(m->key, sl_str_of(members[s->n].key)));
    assert_int_equal(m->type, members[s->n].type);
    assert_true(sl_str_eq(in_text, value));
    assert_true(sl_str_eq(m->value, value));
    assert_int_equal(s->text.p[m->start], '"');
    if (s->n == 0)
        assert_true(m->comma_before == UINT64_MAX);
    else
        assert_int_equal(s->text.p[m->comma_before], ',');
    s->n++;
}

static void test_members(void **state)
{
    static const char text[] = " {\"mod\\u0065l\":\"gpt\\u002d4\", \"n\" : -12.5e3 ,"
                               "\"m\\u00f6glich\":true,\"off\":\tfalse\n,\"none\":null,"
                               "\"messages\":[{\"role\" : \"user\"}, []],"
                               "\"\":{ \"a\" : { } }, \"z\\\"\":0} ";
    struct sl_str whole = SL_STR(text);

    (void)state;
    for (size_t step = 1; step <= whole.n; step++) {
        struct seen s = {whole, 0};
        struct sl_json j;

        sl_json_init(&j);
        j.member = check_member;
        j.pick = pick_all;
        j.ctx = &s;
        for (size_t at = 0; at < whole.n; at += step)
            feed(&j, sl_str_first(sl_str_from(whole, at), step));
        assert_int_equal(sl_json_finish(&j), SL_OK);
        assert_int_equal(s.n, COUNT(members));
        assert_int_equal(j.members, COUNT(members));
        assert_int_equal(text[j.object_end], '}');
        assert_int_equal(j.object_end, whole.n - 2);
        sl_json_fini(&j);
    }
    assert_int_equal(judge(whole, NEED_OBJECT | REPEATS | PICK), SL_OK);
    assert_int_equal(judge(whole, PICK_SOME), SL_OK);
}

static size_t last_picked; /* SIZE_MAX: not handed over */

static void note_pick(void *ctx, const struct sl_json_member *m)
{
    (void)ctx;
    last_picked = m->value.p != NULL ? m->value.n : SIZE_MAX;
}

/* The limit of a picked value holds however it comes. */
static void test_pick_limit(void **state)
{
    static char text[SL_JSON_PICK + 100];

    (void)state;
    for (size_t n = SL_JSON_PICK - 2; n <= SL_JSON_PICK + 2; n++) {
        size_t len = 5 + n;

        memcpy(text, "{\"a\":\"", 6);
        memset(text + 6, 'v', n - 2);
        memcpy(text + 4 + n, "\"}", 2);
        len++;
        for (size_t step = 1; step <= len + 1; step = step < 4 ? step + 1 : step * 3) {
            struct sl_json j;

            sl_json_init(&j);
            j.member = note_pick;
            j.pick = pick_all;
            for (size_t at = 0; at < len; at += step)
                feed(&j, sl_str_first(sl_str_from((struct sl_str){text, len}, at), step));
            assert_int_equal(sl_json_finish(&j), SL_OK);
            sl_json_fini(&j);
            assert_int_equal(last_picked, n <= SL_JSON_PICK ? n : SIZE_MAX);
        }
    }
}

static void test_no_memory(void **state)
{
    static struct story s;
    struct sl_json j;
    size_t len;
    char *text = many_keys(500, "", &len);

    (void)state;
    for (uint64_t fail_at = 1; fail_at <= 3; fail_at++) { /* the table's growths */
        begin(&j, REPEATS, &s);
        j.member = NULL;
        sl_mem_fail_at(fail_at);
        assert_int_equal(sl_json_feed(&j, (struct sl_str){text, len}), SL_ERR_NO_MEMORY);
        assert_int_equal(sl_json_finish(&j), SL_ERR_NO_MEMORY);
        sl_json_fini(&j);
    }
    begin(&j, PICK, &s); /* a picked value that is split */
    sl_mem_fail_at(1);
    feed(&j, SL_STR("{\"a\":[1,"));
    assert_int_equal(j.err, SL_ERR_NO_MEMORY);
    sl_json_fini(&j);
    sl_mem_fail_at(0);
    begin(&j, PICK, &s); /* one that is not needs none */
    sl_mem_fail_at(1);
    feed(&j, SL_STR("{\"a\":[1,2]}"));
    assert_int_equal(sl_json_finish(&j), SL_OK);
    sl_json_fini(&j);
    sl_mem_fail_at(0);
    free(text);
}

/* After an error `at` is the place of the first bad byte. */
static void test_error_place(void **state)
{
    static const struct {
        struct sl_str text;
        uint64_t at;
    } cases[] = {
        {SL_STR_INIT("x"), 0},
        {SL_STR_INIT("{\"a\":tru}"), 8},
        {SL_STR_INIT("{\"a\":01}"), 6},
        {SL_STR_INIT("{\"a\":\"0123456789abcdef0123\xc3(\"}"), 27},
        {SL_STR_INIT("{\"a\":1,\"b\":2,\"a\":3}"), 15},
        {SL_STR_INIT("{} {"), 3},
    };
    static struct story s;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sl_json j;

        begin(&j, REPEATS, &s);
        feed(&j, cases[i].text);
        assert_int_not_equal(j.err, SL_OK);
        assert_int_equal(j.at, cases[i].at);
        sl_json_fini(&j);
        judge(cases[i].text, REPEATS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),          cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_every_sequence), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_repeats),        cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_long_keys),      cmocka_unit_test(test_members),
        cmocka_unit_test(test_pick_limit),     cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_error_place)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
