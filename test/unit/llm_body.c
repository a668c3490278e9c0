/* A body's members and what is spliced: known cases byte for byte, then random
 * objects under random wishes, scanned again and compared member by member. */
#include "llm/body.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT 8192
#define MEMBERS 64

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

static void inspect(struct sl_body *b, struct sl_str text)
{
    sl_body_init(b);
    assert_int_equal(sl_body_feed(b, text), SL_OK);
    assert_int_equal(sl_body_finish(b), SL_OK);
}

/* The spliced text, into `out`; parts are checked on the way. */
static struct sl_str splice(const struct sl_body *b, struct sl_str text,
                            const struct sl_body_wish *wish, char out[TEXT])
{
    struct sl_str parts[SL_BODY_PARTS];
    size_t n = 0, at = 0;
    uint64_t length = 0;

    assert_int_equal(sl_body_splice(b, text, wish, &arena, parts, &n, &length), SL_OK);
    assert_true(n <= SL_BODY_PARTS);
    for (size_t i = 0; i < n; i++) {
        assert_true(parts[i].n > 0);
        assert_true(at + parts[i].n <= TEXT);
        memcpy(out + at, parts[i].p, parts[i].n);
        at += parts[i].n;
    }
    assert_int_equal(at, length);
    return (struct sl_str){out, at};
}

/* --- Known cases ---------------------------------------------------------------------------- */

struct known {
    const char *text;
    const char *model; /* "" keeps it */
    bool cut, usage;
    const char *want;
};

#define ADDED "\"stream_options\":{\"include_usage\":true}"

static const struct known known[] = {
    {"{}", "", true, false, "{}"},
    {"{}", "m", false, false, "{\"model\":\"m\"}"},
    {" { } ", "m", false, false, " {\"model\":\"m\" } "},
    {"{}", "", false, true, "{" ADDED "}"},
    {"{}", "m", true, true, "{\"model\":\"m\"," ADDED "}"},
    {"{\"model\":\"a\"}", "b", true, false, "{\"model\":\"b\"}"},
    {"{\"model\":\"a\"}", "", true, false, "{\"model\":\"a\"}"},
    {"{\"model\":\"a\"}", "q\"\\\n", true, false, "{\"model\":\"q\\\"\\\\\\n\"}"},
    {"{\"model\" : null , \"x\":1}", "b", true, false, "{\"model\" : \"b\" , \"x\":1}"},
    {"{\"mod\\u0065l\":\"a\"}", "b", true, false, "{\"mod\\u0065l\":\"b\"}"},
    {"{\"x\":1}", "b", false, true, "{\"model\":\"b\",\"x\":1," ADDED "}"},
    {"\n{ \"x\":1 }\n", "b", false, true, "\n{\"model\":\"b\", \"x\":1 ," ADDED "}\n"},
    /* cutting: only, first, last, between, neighbours, all */
    {"{\"route\":1}", "", true, false, "{}"},
    {"{ \"route\" : 1 }", "", true, false, "{  }"},
    {"{\"route\":1}", "m", true, false, "{\"model\":\"m\"}"},
    {"{\"route\":1}", "m", true, true, "{\"model\":\"m\"," ADDED "}"},
    {"{\"route\":1,\"x\":2}", "", true, false, "{\"x\":2}"},
    {"{\"x\":2,\"route\":1}", "", true, false, "{\"x\":2}"},
    {"{\"x\":2,\"route\":1,\"y\":3}", "", true, false, "{\"x\":2,\"y\":3}"},
    {"{\"route\":1,\"models\":[1,{}],\"x\":2}", "", true, false, "{\"x\":2}"},
    {"{\"x\":2,\"route\":1,\"models\":[]}", "", true, false, "{\"x\":2}"},
    {"{\"x\":2,\"route\":1,\"models\":[],\"y\":3}", "", true, false, "{\"x\":2,\"y\":3}"},
    {"{\"route\":1,\"x\":2,\"models\":[]}", "", true, false, "{\"x\":2}"},
    {"{\"route\":1,\"x\":2,\"models\":[],\"provider\":{}}", "", true, false, "{\"x\":2}"},
    {"{\"provider\":{},\"models\":[],\"route\":\"a,b\"}", "", true, false, "{}"},
    {"{\"provider\":{},\"models\":[],\"route\":\"a,b\"}", "m", true, true,
     "{\"model\":\"m\"," ADDED "}"},
    {"{\"provider\":{},\"models\":[],\"route\":\"a,b\"}", "", true, true, "{" ADDED "}"},
    {"{ \"route\" : 1 , \"x\" : 2 }", "", true, false, "{  \"x\" : 2 }"},
    {"{ \"x\" : 2 , \"route\" : 1 }", "", true, false, "{ \"x\" : 2  }"},
    {"{\"route\":1,\"model\":\"a\",\"provider\":2}", "b", true, true,
     "{\"model\":\"b\"," ADDED "}"},
    {"{\"route\":1,\"models\":[\"a\"],\"provider\":{}}", "", false, false,
     "{\"route\":1,\"models\":[\"a\"],\"provider\":{}}"},
    {"{\"x\":{\"route\":1,\"model\":\"a\"}}", "", true, false,
     "{\"x\":{\"route\":1,\"model\":\"a\"}}"},
    {"{\"\\u0072oute\":1,\"x\":2}", "", true, false, "{\"x\":2}"},
    /* include_usage */
    {"{\"stream_options\":null}", "", false, true, "{" ADDED "}"},
    {"{\"stream_options\":{}}", "", false, true, "{" ADDED "}"},
    {"{\"stream_options\":{ }}", "", false, true, "{\"stream_options\":{\"include_usage\":true }}"},
    {"{\"stream_options\":{\"a\":1}}", "", false, true,
     "{\"stream_options\":{\"include_usage\":true,\"a\":1}}"},
    {"{\"stream_options\":{ \"a\":1}}", "", false, true,
     "{\"stream_options\":{\"include_usage\":true, \"a\":1}}"},
    {"{\"stream_options\":{\"include_usage\":false,\"a\":1}}", "", false, true,
     "{\"stream_options\":{\"include_usage\":true,\"a\":1}}"},
    {"{\"stream_options\":{\"a\":1,\"include_usage\" : null }}", "", false, true,
     "{\"stream_options\":{\"a\":1,\"include_usage\" : true }}"},
    {"{\"stream_options\":7,\"x\":1}", "", false, true, "{\"stream_options\":7,\"x\":1}"},
    {"{\"route\":1,\"stream_options\":{}}", "m", true, true, "{\"model\":\"m\"," ADDED "}"},
};

static void test_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        const struct known *k = &known[i];
        struct sl_str text = sl_str_of(k->text), got;
        struct sl_body_wish wish = {sl_str_of(k->model), k->cut, k->usage};
        struct sl_body b;
        char out[TEXT];

        inspect(&b, text);
        got = splice(&b, text, &wish, out);
        if (!sl_str_eq(got, sl_str_of(k->want)))
            fail_msg("%s\n became %.*s\n not    %s", k->text, SL_STR_ARGS(got), k->want);
        sl_body_fini(&b);
    }
}

static void test_untouched_is_one_part(void **state)
{
    struct sl_str text = SL_STR("{\"model\":\"a\",\"messages\":[]}"), parts[SL_BODY_PARTS];
    struct sl_body_wish wish = {{NULL, 0}, true, false};
    struct sl_body b;
    uint64_t length;
    size_t n;

    (void)state;
    inspect(&b, text);
    assert_int_equal(sl_body_splice(&b, text, &wish, &arena, parts, &n, &length), SL_OK);
    assert_int_equal(n, 1);
    assert_ptr_equal(parts[0].p, text.p);
    assert_int_equal(length, text.n);
    sl_body_fini(&b);
}

static void test_no_memory(void **state)
{
    struct sl_str text = SL_STR("{\"model\":\"a\"}"), parts[SL_BODY_PARTS];
    struct sl_body_wish wish = {SL_STR("b"), true, false};
    struct sl_arena none;
    struct sl_body b;
    uint64_t length;
    size_t n;

    (void)state;
    sl_arena_init(&none, 0);
    inspect(&b, text);
    assert_int_equal(sl_body_splice(&b, text, &wish, &none, parts, &n, &length), SL_ERR_NO_MEMORY);
    sl_body_fini(&b);
    sl_arena_fini(&none);
}

/* --- Random objects --------------------------------------------------------------------------- */

static uint64_t seed = 2463534242u;

static uint64_t below(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % n;
}

static void space(struct sl_text *t)
{
    static const char *const some[] = {"", "", "", " ", "\n", "\t", "\r\n", "  "};

    sl_text_add(t, sl_str_of(some[below(COUNT(some))]));
}

static void value(struct sl_text *t, int depth)
{
    static const char *const leaves[] = {"null",
                                         "true",
                                         "false",
                                         "0",
                                         "-1.5e3",
                                         "\"\"",
                                         "\"a\"",
                                         "\"\\\"}\"",
                                         "\",\"",
                                         "{}",
                                         "[]",
                                         "\"\xc3\xa9\"",
                                         "\"\\ud83d\\ude00\""};
    bool object = below(2) == 0;
    uint64_t n;

    if (depth == 0 || below(3) > 0) {
        sl_text_add(t, sl_str_of(leaves[below(COUNT(leaves))]));
        return;
    }
    n = below(4);
    sl_text_byte(t, object ? '{' : '[');
    space(t);
    for (uint64_t i = 0; i < n; i++) {
        if (i > 0)
            sl_text_byte(t, ',');
        space(t);
        if (object)
            sl_text_add(t, below(2) == 0 ? SL_STR("\"model\":") : SL_STR("\"route\" :"));
        value(t, depth - 1);
        space(t);
    }
    sl_text_byte(t, object ? '}' : ']');
}

static void options(struct sl_text *t)
{
    static const char *const some[] = {
        "null",
        "{}",
        "{ }",
        "{\"a\":[1]}",
        "{\"include_usage\":false}",
        "{\"include_usage\" : true}",
        "{\"x\":{\"include_usage\":true}, \"include_usage\":null,\"z\":0}",
        "5",
        "[]",
        "\"s\""};

    sl_text_add(t, sl_str_of(some[below(COUNT(some))]));
}

/* An object of members with different keys. */
static struct sl_str object(char *p, size_t cap)
{
    static const char *const keys[] = {"\"model\"",      "\"stream\"",   "\"stream_options\"",
                                       "\"provider\"",   "\"models\"",   "\"route\"",
                                       "\"messages\"",   "\"\"",         "\"a,b\"",
                                       "\"x\\\"}\"",     "\"metadata\"", "\"user\"",
                                       "\"max_tokens\"", "\"\xc3\xa9\"", "\"rout\\u0065x\""};
    struct sl_text t = sl_text_over(p, cap);
    size_t order[COUNT(keys)], n = below(COUNT(keys) + 1);

    for (size_t i = 0; i < COUNT(keys); i++)
        order[i] = i;
    for (size_t i = 0; i < COUNT(keys); i++) {
        size_t k = below(COUNT(keys)), x = order[i];

        order[i] = order[k];
        order[k] = x;
    }
    space(&t);
    sl_text_byte(&t, '{');
    space(&t);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            sl_text_byte(&t, ',');
        space(&t);
        sl_text_add(&t, sl_str_of(keys[order[i]]));
        space(&t);
        sl_text_byte(&t, ':');
        space(&t);
        if (order[i] == 2)
            options(&t);
        else
            value(&t, 3);
        space(&t);
    }
    sl_text_byte(&t, '}');
    space(&t);
    assert_false(t.cut);
    return sl_text_str(&t);
}

struct member {
    struct sl_str key;   /* raw */
    struct sl_str value; /* raw */
};

struct list {
    struct sl_str text;
    struct member v[MEMBERS];
    size_t n;
};

static void on_listed(void *ctx, const struct sl_json_member *m)
{
    struct list *l = ctx;
    const char *key = l->text.p + m->start, *end = l->text.p + m->value_at;

    while (end[-1] != '"')
        end--;
    l->v[l->n++] = (struct member){
        {key, (size_t)(end - key)},
        {l->text.p + m->value_at, (size_t)(m->value_end - m->value_at)},
    };
}

/* Members as a scan of its own finds them; the text must be valid. */
static void list_members(struct list *l, struct sl_str text)
{
    struct sl_json j;

    l->text = text;
    l->n = 0;
    sl_json_init(&j);
    j.need_object = true;
    j.check_repeats = true;
    j.member = on_listed;
    j.ctx = l;
    if (sl_json_feed(&j, text) != SL_OK || sl_json_finish(&j) != SL_OK)
        fail_msg("not JSON: %.*s", SL_STR_ARGS(text));
    sl_json_fini(&j);
}

static bool is_key(const struct member *m, const char *key)
{
    return sl_str_eq(m->key, sl_str_of(key));
}

static bool is_ours(const struct member *m)
{
    return is_key(m, "\"provider\"") || is_key(m, "\"models\"") || is_key(m, "\"route\"");
}

static void assert_options(struct sl_str was, struct sl_str is)
{
    enum sl_json_type type = was.p != NULL ? sl_json_type_of(was) : SL_JSON_NULL;
    size_t had;

    if (type != SL_JSON_NULL && type != SL_JSON_OBJECT) {
        assert_true(sl_str_eq(was, is));
        return;
    }
    assert_true(sl_str_eq(sl_json_get(is, SL_STR("include_usage")), SL_STR("true")));
    /* and what else was in it still is */
    had = sl_json_get(was, SL_STR("a")).n;
    assert_int_equal(sl_json_get(is, SL_STR("a")).n, had);
    had = sl_json_get(was, SL_STR("z")).n;
    assert_int_equal(sl_json_get(is, SL_STR("z")).n, had);
}

static void check_wish(struct sl_str text, const struct sl_body_wish *wish)
{
    static struct list before, after;
    struct sl_str was_options = {NULL, 0};
    bool had_model = false, had_options = false;
    struct sl_body b;
    char out[TEXT];
    size_t at = 0;

    inspect(&b, text);
    list_members(&before, text);
    list_members(&after, splice(&b, text, wish, out));
    sl_body_fini(&b);
    for (size_t i = 0; i < before.n; i++)
        had_model = had_model || is_key(&before.v[i], "\"model\"");
    if (wish->model.n > 0 && !had_model) {
        assert_true(is_key(&after.v[at], "\"model\""));
        assert_true(sl_str_eq(after.v[at++].value, SL_STR("\"new\\\"name\"")));
    }
    for (size_t i = 0; i < before.n; i++) {
        const struct member *m = &before.v[i], *now = &after.v[at];

        if (wish->cut_ours && is_ours(m))
            continue;
        assert_true(at++ < after.n);
        assert_true(sl_str_eq(m->key, now->key));
        if (is_key(m, "\"model\"") && wish->model.n > 0) {
            assert_true(sl_str_eq(now->value, SL_STR("\"new\\\"name\"")));
        } else if (is_key(m, "\"stream_options\"") && wish->add_include_usage) {
            had_options = true;
            assert_options(m->value, now->value);
        } else {
            assert_true(sl_str_eq(m->value, now->value));
        }
    }
    if (wish->add_include_usage && !had_options) {
        assert_true(is_key(&after.v[at], "\"stream_options\""));
        assert_options(was_options, after.v[at++].value);
    }
    assert_int_equal(at, after.n);
}

/* The client's bytes that are sent: in order, and what is missing between them
 * holds nothing but what was to go, commas and white space. */
static void check_bytes(struct sl_str text, const struct sl_body_wish *wish)
{
    struct sl_str parts[SL_BODY_PARTS];
    const char *at = text.p;
    struct sl_body b;
    uint64_t length, dropped = 0, wanted = 0;
    size_t n;

    inspect(&b, text);
    assert_int_equal(sl_body_splice(&b, text, wish, &arena, parts, &n, &length), SL_OK);
    for (size_t i = 0; i < n; i++) {
        bool theirs = parts[i].p >= text.p && parts[i].p < text.p + text.n;

        if (!theirs)
            continue;
        assert_true(parts[i].p >= at);
        dropped += (uint64_t)(parts[i].p - at);
        at = parts[i].p + parts[i].n;
    }
    assert_ptr_equal(at, text.p + text.n); /* the closing brace is always theirs */
    if (wish->model.n > 0 && b.model.has)
        wanted += b.model.value_end - b.model.value_at;
    for (int i = 0; wish->cut_ours && i < 3; i++) {
        const struct sl_body_place *p = i == 0 ? &b.provider : i == 1 ? &b.models : &b.route;

        if (p->has) /* with one comma and the spaces up to it */
            wanted += p->value_end - p->start + 16;
    }
    if (wish->add_include_usage && b.stream_options.has)
        wanted += 5; /* null, false */
    assert_true(dropped <= wanted);
    sl_body_fini(&b);
}

static void test_random(void **state)
{
    (void)state;
    for (int round = 0; round < 30000; round++) {
        char text[TEXT];
        struct sl_str s = object(text, sizeof(text));
        struct sl_body_wish wish = {{NULL, 0}, below(2) == 0, below(2) == 0};

        if (below(2) == 0)
            wish.model = SL_STR("new\"name");
        check_wish(s, &wish);
        check_bytes(s, &wish);
        sl_arena_fini(&arena);
    }
}

/* --- Inspection ---------------------------------------------------------------------------------
 */

static void test_pieces(void **state)
{
    struct sl_str text =
        SL_STR(" { \"stream\" : true , \"model\":\"a\\u0062c\", \"user\":\"u\" } ");

    (void)state;
    for (size_t piece = 1; piece <= text.n; piece++) {
        struct sl_str rest = text;
        struct sl_body b;
        char name[8];

        sl_body_init(&b);
        while (rest.n > 0) {
            assert_int_equal(sl_body_feed(&b, sl_str_first(rest, piece)), SL_OK);
            rest = sl_str_from(rest, piece);
        }
        assert_int_equal(sl_body_finish(&b), SL_OK);
        assert_int_equal(b.fed, text.n);
        assert_int_equal(sl_body_model(&b, text, name, sizeof(name)), SL_OK);
        assert_string_equal(name, "abc");
        assert_true(sl_body_streams(&b, text));
        assert_int_equal(text.p[b.object_end], '}');
        sl_body_fini(&b);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        enum sl_err e;
    } cases[] = {
        {"", SL_ERR_BAD_BODY},
        {"[]", SL_ERR_BAD_BODY},
        {"null", SL_ERR_BAD_BODY},
        {"{", SL_ERR_BAD_BODY},
        {"{}x", SL_ERR_BAD_BODY},
        {"{\"a\":1,}", SL_ERR_BAD_BODY},
        {"\xef\xbb\xbf{}", SL_ERR_BAD_BODY},
        {"{\"a\":\"\xff\"}", SL_ERR_BAD_BODY},
        {"{\"a\":1,\"\\u0061\":2}", SL_ERR_REPEATED_KEY},
        {"{\"model\":\"a\",\"model\":\"b\"}", SL_ERR_REPEATED_KEY},
        {"{\"a\":{\"b\":1,\"b\":2}}", SL_OK},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sl_body b;
        enum sl_err e;

        sl_body_init(&b);
        e = sl_body_feed(&b, sl_str_of(cases[i].text));
        if (e == SL_OK)
            e = sl_body_finish(&b);
        assert_int_equal(e, cases[i].e);
        if (e != SL_OK)
            assert_int_equal(sl_body_feed(&b, SL_STR(" ")), e);
        sl_body_fini(&b);
    }
}

static enum sl_err model_of(const char *text, char *out, size_t cap)
{
    struct sl_body b;
    enum sl_err e;

    inspect(&b, sl_str_of(text));
    e = sl_body_model(&b, sl_str_of(text), out, cap);
    sl_body_fini(&b);
    return e;
}

static void test_model(void **state)
{
    static const char *const bad[] = {
        "{\"model\":null}",        "{\"model\":5}",        "{\"model\":{}}",
        "{\"model\":[\"a\"]}",     "{\"model\":\"\"}",     "{\"model\":\"a\\nb\"}",
        "{\"model\":\"\\u0000\"}", "{\"model\":\"\x7f\"}", "{\"model\":\"12345678\"}",
    };
    char out[8];

    (void)state;
    assert_int_equal(model_of("{}", out, sizeof(out)), SL_ERR_NO_MODEL);
    assert_int_equal(model_of("{\"x\":{\"model\":\"a\"}}", out, sizeof(out)), SL_ERR_NO_MODEL);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(model_of(bad[i], out, sizeof(out)), SL_ERR_BAD_BODY);
    assert_int_equal(model_of("{\"model\":\"1234567\"}", out, sizeof(out)), SL_OK);
    assert_string_equal(out, "1234567");
    assert_int_equal(model_of("{\"model\":\"a\\/b \\u00e9\"}", out, sizeof(out)), SL_OK);
    assert_string_equal(out, "a/b \xc3\xa9");
}

static void assert_user(const char *text, const char *want)
{
    struct sl_body b;
    char out[8];

    inspect(&b, sl_str_of(text));
    assert_true(sl_str_eq(sl_body_user(&b, sl_str_of(text), out, sizeof(out)), sl_str_of(want)));
    assert_int_equal(sl_body_user(&b, sl_str_of(text), out, 0).n, 0);
    sl_body_fini(&b);
}

static void test_max_tokens(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t n;
    } cases[] = {
        {"{}", true, 0},
        {"{\"max_tokens\":null}", true, 0},
        {"{\"max_tokens\":0}", true, 0}, /* fills Anthropic's prompt cache */
        {"{\"max_tokens\":7,\"max_completion_tokens\":9}", true, 9},
        {"{\"max_output_tokens\":1000000000}", true, 1000000000},
        {"{\"max_output_tokens\":1000000001}", false, 0},
        {"{\"max_tokens\":-1}", false, 0},
        {"{\"max_tokens\":1.5}", false, 0},
        {"{\"max_tokens\":\"7\"}", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sl_str text = sl_str_of(cases[i].text);
        struct sl_body b;
        uint64_t n;

        sl_body_init(&b);
        assert_int_equal(sl_body_feed(&b, text), SL_OK);
        assert_int_equal(sl_body_finish(&b), SL_OK);
        assert_int_equal(sl_body_max_tokens(&b, text, &n), cases[i].ok);
        if (cases[i].ok)
            assert_int_equal(n, cases[i].n);
        sl_body_fini(&b);
    }
}

static void test_user_and_stream(void **state)
{
    static const struct {
        const char *text;
        bool streams, usage;
    } cases[] = {
        {"{}", false, false},
        {"{\"stream\":true}", true, false},
        {"{\"stream\":false}", false, false},
        {"{\"stream\":null}", false, false},
        {"{\"stream\":\"true\"}", false, false},
        {"{\"stream\":1}", false, false},
        {"{\"stream_options\":{\"include_usage\":true}}", false, true},
        {"{\"stream_options\":{\"include\\u005fusage\" : true }}", false, true},
        {"{\"stream_options\":{\"include_usage\":\"true\"}}", false, false},
        {"{\"stream_options\":null}", false, false},
        {"{\"stream_options\":true}", false, false},
        {"{\"x\":{\"stream\":true,\"stream_options\":{\"include_usage\":true}}}", false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sl_str text = sl_str_of(cases[i].text);
        struct sl_body b;

        inspect(&b, text);
        assert_int_equal(sl_body_streams(&b, text), cases[i].streams);
        assert_int_equal(sl_body_has_include_usage(&b, text), cases[i].usage);
        sl_body_fini(&b);
    }
    assert_user("{}", "");
    assert_user("{\"user\":\"bob\"}", "bob");
    assert_user("{\"user\":5}", "");
    assert_user("{\"metadata\":{\"user_id\":\"eve\"},\"user\":\"bob\"}", "eve");
    assert_user("{\"metadata\":{\"user_id\":null},\"user\":\"bob\"}", "bob");
    assert_user("{\"metadata\":\"user_id\",\"user\":\"bob\"}", "bob");
    assert_user("{\"user\":\"123456789\"}", "1234567");
    assert_user("{\"user\":\"12345\\u00e9\\u00e9\"}", "12345\xc3\xa9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_untouched_is_one_part, setup, teardown),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_max_tokens),
        cmocka_unit_test(test_user_and_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
