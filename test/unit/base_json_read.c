/* The readers over a value that is known to be valid, and that they never look
 * past a slice that is not. */
#include "base/json_read.c"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define OUT 200
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char object[] =
    " { \"a\" : 1 , \"b\\n\":\"x\\\"}\",\"c\":[1,[2,\"]\"],{}],\"\":null,\"\\u00e9\":{\"a\":2},"
    "\"\\ud83d\\ude00\":true,\"\xe4\xb8\xad\":\"\xe6\x96\x87\",\"a\":3,\"long\":\""
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\\\\\","
    "\"\\ud800\":-1.5e3 } ";

static void assert_get(const char *key, const char *want)
{
    struct sl_str v = sl_json_get(SL_STR(object), sl_str_of(key));

    if (want == NULL) {
        assert_null(v.p);
        return;
    }
    assert_non_null(v.p);
    assert_true(sl_str_eq(v, sl_str_of(want)));
}

static void test_get(void **state)
{
    (void)state;
    assert_get("a", "1"); /* the first one */
    assert_get("b\n", "\"x\\\"}\"");
    assert_get("c", "[1,[2,\"]\"],{}]");
    assert_get("", "null");
    assert_get("\xc3\xa9", "{\"a\":2}");
    assert_get("\xf0\x9f\x98\x80", "true");
    assert_get("\xe4\xb8\xad", "\"\xe6\x96\x87\"");
    assert_get("\xed\xa0\x80", "-1.5e3");
    assert_get("b", NULL);
    assert_get("b\\n", NULL);
    assert_get("b\nx", NULL);
    assert_get("A", NULL);
    assert_get("2", NULL);
    assert_null(sl_json_get(SL_STR("[1]"), SL_STR("a")).p);
    assert_null(sl_json_get(SL_STR("\"a\""), SL_STR("a")).p);
    assert_null(sl_json_get(SL_STR("{}"), SL_STR("")).p);
    assert_null(sl_json_get(SL_STR("{ }"), SL_STR("a")).p);
    assert_null(sl_json_get((struct sl_str){NULL, 0}, SL_STR("a")).p);
    /* into what was got */
    assert_true(sl_str_eq(sl_json_get(sl_json_get(SL_STR(object), SL_STR("\xc3\xa9")), SL_STR("a")),
                          SL_STR("2")));
}

static void assert_elements(const char *array, const char *const *want, size_t n)
{
    struct sl_str element;
    size_t pos = 0, i = 0;

    while (sl_json_next(sl_str_of(array), &pos, &element)) {
        assert_true(i < n);
        assert_true(sl_str_eq(element, sl_str_of(want[i++])));
    }
    assert_int_equal(i, n);
    assert_false(sl_json_next(sl_str_of(array), &pos, &element)); /* and again */
}

static void test_next(void **state)
{
    (void)state;
    assert_elements("[]", NULL, 0);
    assert_elements(" [ ] ", NULL, 0);
    assert_elements("[1]", (const char *const[]){"1"}, 1);
    assert_elements("[1,\"a,]\" , [2,3],{\"x\":[]} ,null]",
                    (const char *const[]){"1", "\"a,]\"", "[2,3]", "{\"x\":[]}", "null"}, 5);
    assert_elements("{\"a\":1}", NULL, 0);
    assert_elements("7", NULL, 0);
    assert_elements("", NULL, 0);
}

static void test_members(void **state)
{
    static const struct {
        const char *key, *value;
    } want[] = {{"a", "1"},
                {"b\n", "\"x\\\"}\""},
                {"c", "[1,[2,\"]\"],{}]"},
                {"", "null"},
                {"\xc3\xa9", "{\"a\":2}"},
                {"\xf0\x9f\x98\x80", "true"},
                {"\xe4\xb8\xad", "\"\xe6\x96\x87\""},
                {"a", "3"}};
    static const char *const none[] = {"",     "{}",     " { } ", "[1]",     "7",
                                       "{\"a", "{\"a\"", "{1:2}", "{\"a\":", "{\"a\" 1}"};
    struct sl_str key, value;
    size_t pos = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_true(sl_json_next_member(SL_STR(object), &pos, &key, &value));
        assert_true(sl_json_key_is(key, sl_str_of(want[i].key)));
        assert_false(sl_json_key_is(key, SL_STR("b")));
        assert_true(sl_str_eq(value, sl_str_of(want[i].value)));
    }
    assert_true(sl_json_next_member(SL_STR(object), &pos, &key, &value));
    assert_true(sl_json_next_member(SL_STR(object), &pos, &key, &value));
    assert_true(sl_str_eq(key, SL_STR("\\ud800")) && sl_str_eq(value, SL_STR("-1.5e3")));
    assert_false(sl_json_next_member(SL_STR(object), &pos, &key, &value));
    assert_false(sl_json_next_member(SL_STR(object), &pos, &key, &value));
    for (size_t i = 0; i < COUNT(none); i++) {
        pos = 0;
        assert_false(sl_json_next_member(sl_str_of(none[i]), &pos, &key, &value));
    }
}

static void test_char(void **state)
{
    static const struct {
        struct sl_str inner;
        size_t n;
        uint32_t code;
    } cases[] = {{SL_STR_INIT("ab"), 1, 'a'},
                 {SL_STR_INIT("\x7f"), 1, 0x7f},
                 {SL_STR_INIT("\xc3\xa4x"), 2, 0xe4},
                 {SL_STR_INIT("\xe4\xb8\xad"), 3, 0x4e2d},
                 {SL_STR_INIT("\xf0\x9f\x98\x80\xf0"), 4, 0x1f600},
                 {SL_STR_INIT("\\n"), 2, '\n'},
                 {SL_STR_INIT("\\\"\\"), 2, '"'},
                 {SL_STR_INIT("\\u0000"), 6, 0},
                 {SL_STR_INIT("\\u20aCx"), 6, 0x20ac},
                 {SL_STR_INIT("\\ud83d\\ude00"), 12, 0x1f600},
                 {SL_STR_INIT("\\ud83dx"), 6, 0xd83d},
                 {SL_STR_INIT("\\ude00\\ud83d"), 6, 0xde00},
                 {SL_STR_INIT(""), 0, 7},
                 {SL_STR_INIT("\""), 0, 7},
                 {SL_STR_INIT("\n"), 0, 7},
                 {SL_STR_INIT("\xc3"), 0, 7},
                 {SL_STR_INIT("\x80"), 0, 7},
                 {SL_STR_INIT("\\"), 0, 7},
                 {SL_STR_INIT("\\x"), 0, 7},
                 {SL_STR_INIT("\\u00"), 0, 7}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t code = 7;

        assert_int_equal(sl_json_char(cases[i].inner, &code), cases[i].n);
        if (cases[i].n > 0)
            assert_int_equal(code, cases[i].code);
    }
}

static void test_type_and_number(void **state)
{
    static const struct {
        struct sl_str value;
        enum sl_json_type type;
    } types[] = {{SL_STR_INIT("null"), SL_JSON_NULL},   {SL_STR_INIT("false"), SL_JSON_FALSE},
                 {SL_STR_INIT("true"), SL_JSON_TRUE},   {SL_STR_INIT("-1"), SL_JSON_NUMBER},
                 {SL_STR_INIT("9"), SL_JSON_NUMBER},    {SL_STR_INIT("\"\""), SL_JSON_STRING},
                 {SL_STR_INIT("[]"), SL_JSON_ARRAY},    {SL_STR_INIT("{}"), SL_JSON_OBJECT},
                 {SL_STR_INIT(" {} "), SL_JSON_OBJECT}, {SL_STR_INIT(""), SL_JSON_NULL},
                 {SL_STR_INIT("\xff"), SL_JSON_NULL}};
    static const struct sl_str wrong[] = {SL_STR_INIT("-0"),
                                          SL_STR_INIT("1.0"),
                                          SL_STR_INIT("1e2"),
                                          SL_STR_INIT("\"1\""),
                                          SL_STR_INIT(""),
                                          SL_STR_INIT("null"),
                                          SL_STR_INIT("18446744073709551616")};
    uint64_t v = 5;

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++)
        assert_int_equal(sl_json_type_of(types[i].value), types[i].type);
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(sl_json_u64(wrong[i], &v));
    assert_int_equal(v, 5);
    assert_true(sl_json_u64(SL_STR("18446744073709551615"), &v) && v == UINT64_MAX);
}

static void test_unescape(void **state)
{
    static const struct {
        struct sl_str in, want;
    } cases[] = {
        {SL_STR_INIT("\"\""), SL_STR_INIT("")},
        {SL_STR_INIT("\"plain \xc3\xa4\""), SL_STR_INIT("plain \xc3\xa4")},
        {SL_STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), SL_STR_INIT("\"\\/\b\f\n\r\t")},
        {SL_STR_INIT("\"\\u0041\\u00e4\\u20AC\\u0000\""), SL_STR_INIT("A\xc3\xa4\xe2\x82\xac\0")},
        {SL_STR_INIT("\"x\\ud83d\\ude00y\""), SL_STR_INIT("x\xf0\x9f\x98\x80y")},
        {SL_STR_INIT("\"\\udbff\\udfff\\ud800\\udc00\""),
         SL_STR_INIT("\xf4\x8f\xbf\xbf\xf0\x90\x80\x80")},
        {SL_STR_INIT("\"\\ud83d\""), SL_STR_INIT("\xed\xa0\xbd")},
        {SL_STR_INIT("\"\\ud83dx\\ude00\""), SL_STR_INIT("\xed\xa0\xbdx\xed\xb8\x80")},
        {SL_STR_INIT("\"\\ud83d\\ud83d\\ude00\""), SL_STR_INIT("\xed\xa0\xbd\xf0\x9f\x98\x80")},
        {SL_STR_INIT("\"\\ude00\\ud83d\\n\""), SL_STR_INIT("\xed\xb8\x80\xed\xa0\xbd\n")},
    };
    char place[64];
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        /* exactly enough room, and one byte less; in memory of that size */
        char *out = malloc(cases[i].want.n + 1);

        assert_true(sl_json_unescape(cases[i].in, out, cases[i].want.n, &n));
        assert_true(sl_str_eq((struct sl_str){out, n}, cases[i].want));
        free(out);
        if (cases[i].want.n == 0)
            continue;
        out = malloc(cases[i].want.n);
        assert_false(sl_json_unescape(cases[i].in, out, cases[i].want.n - 1, &n));
        free(out);
    }
    assert_false(sl_json_unescape(SL_STR("1"), place, sizeof(place), &n));
    assert_false(sl_json_unescape(SL_STR("\""), place, sizeof(place), &n));
    assert_false(sl_json_unescape(SL_STR(""), place, sizeof(place), &n));
    assert_false(sl_json_unescape(SL_STR("[\"a\"]"), place, sizeof(place), &n));
    assert_false(sl_json_unescape(SL_STR("\"\\\""), place, sizeof(place), &n));
    assert_false(sl_json_unescape(SL_STR("\"\\u00\""), place, sizeof(place), &n));
}

static size_t go_down(struct sl_str *rest, unsigned depth, char *out);

/* What is in an array or object, with its depth and its keys. */
static size_t go_into(struct sl_str *rest, unsigned depth, char *out)
{
    bool keys = rest->p[0] == '{';
    struct sl_str key;
    size_t n = 0;

    if (!sl_json_enter(rest))
        return 0;
    do {
        if (keys && !sl_json_pass_key(rest, &key))
            break;
        if (keys && out != NULL)
            snprintf(out + strlen(out), OUT - strlen(out), "%.*s=", SL_STR_ARGS(key));
        n += go_down(rest, depth + 1, out);
    } while (sl_json_goes_on(rest));
    return n;
}

static size_t go_down(struct sl_str *rest, unsigned depth, char *out)
{
    struct sl_str one;

    if (depth < SL_JSON_DEPTH && rest->n > 0 && (rest->p[0] == '[' || rest->p[0] == '{'))
        return 1 + go_into(rest, depth, out);
    one = sl_json_pass(rest);
    if (out != NULL)
        snprintf(out + strlen(out), OUT - strlen(out), "%u:%.*s ", depth, SL_STR_ARGS(one));
    return 1;
}

static void test_going_down(void **state)
{
    static const struct {
        const char *text, *want, *rest;
    } cases[] = {
        {"7,8", "0:7 ", ",8"},
        {"\"a,\\\"]\" ]", "0:\"a,\\\"]\" ", " ]"},
        {"[]x", "", "x"},
        {"{ } x", "", " x"},
        {"[ 1 , [ ] , [2,[{}],{\"a\":[3] , \"b\\n\" : \"c\" }] ,null ],9",
         "1:1 2:2 a=4:3 b\\n=3:\"c\" 1:null ", ",9"},
        {"{\"a\":{\"b\":{}},\"c\":true}", "a=b=c=1:true ", ""},
        /* broken */
        {"[1", "1:1 ", ""},
        {"{\"a\" 1}", "", "\"a\" 1}"},
        {"[1 2]", "1:1 ", "2]"},
        {"", "0: ", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sl_str rest = sl_str_of(cases[i].text);
        char out[OUT] = "";

        (void)go_down(&rest, 0, out);
        assert_string_equal(out, cases[i].want);
        if (!sl_str_eq(rest, sl_str_of(cases[i].rest)))
            fail_msg("%s leaves %.*s", cases[i].text, SL_STR_ARGS(rest));
    }
}

/* All readers over a slice of exactly its size. */
static void read_all(const char *text, size_t n)
{
    char *copy = malloc(n > 0 ? n : 1), place[16];
    struct sl_str s = {copy, n}, element, key;
    size_t pos = 0, k, rounds = 0;
    uint32_t code;

    memcpy(copy, text, n);
    s.p = copy;
    (void)sl_json_get(s, SL_STR("a"));
    (void)sl_json_get(s, SL_STR("\xed\xa0\x80"));
    (void)sl_json_type_of(s);
    (void)!sl_json_unescape(s, place, sizeof(place), &k);
    while (sl_json_next(s, &pos, &element)) {
        assert_true(element.n > 0 && element.p + element.n <= copy + n);
        assert_true(++rounds <= n);
    }
    pos = rounds = 0;
    while (sl_json_next_member(s, &pos, &key, &element)) {
        assert_true(key.p > copy && element.n > 0 && element.p + element.n <= copy + n);
        assert_true(++rounds <= n);
    }
    for (k = 0; k < n; k++)
        assert_true(sl_json_char(sl_str_from(s, k), &code) <= n - k);
    pos = go_down(&s, 0, NULL);
    assert_true(pos <= n + 1 && s.p >= copy && s.p + s.n == copy + n);
    free(copy);
}

static void test_cut_and_broken(void **state)
{
    static const char array[] = "[1,\"\\ud83d\\ude00\\\"\",[\"]\",{\"a\":\"\xc3\xa4\"}],\"\\\\\"]";
    char text[sizeof(object)];

    (void)state;
    for (size_t n = 0; n < sizeof(object); n++)
        read_all(object, n);
    for (size_t n = 0; n < sizeof(array); n++)
        read_all(array, n);
    for (size_t n = 0; n < sizeof(object); n++)
        read_all(object + n, sizeof(object) - 1 - n);
    for (int round = 0; round < 20000; round++) {
        memcpy(text, object, sizeof(text));
        for (int i = 0; i < 3; i++)
            text[sl_rand_u64() % (sizeof(text) - 1)] =
                i == 0 ? (char)sl_rand_u64() : "[]{}\",:\\ "[sl_rand_u64() % 9];
        if (round % 2 == 0)
            text[0] = '[';
        read_all(text, sizeof(text) - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),      cmocka_unit_test(test_next),
        cmocka_unit_test(test_members),  cmocka_unit_test(test_going_down),
        cmocka_unit_test(test_char),     cmocka_unit_test(test_type_and_number),
        cmocka_unit_test(test_unescape), cmocka_unit_test(test_cut_and_broken)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
