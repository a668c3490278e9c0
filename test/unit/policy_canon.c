/* The canonical request: what is the same, what is not, what is left out; and that
 * the bytes can be read in one way only. */
#include "policy/canon.c"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct sl_arena arena;

static int setup(void **state)
{
    (void)state;
    sl_arena_init(&arena, 16 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sl_arena_fini(&arena);
    return 0;
}

static const struct sl_canon plain = {
    .scope = SL_STR_INIT("acme"),
    .operation = SL_STR_INIT("messages"),
    .model = SL_STR_INIT("claude"),
    .version = SL_STR_INIT("v1"),
    .betas = SL_STR_INIT("b, a"),
    .api_version = SL_STR_INIT("2023-06-01"),
};

static struct sl_str canon_of(const struct sl_canon *c, const char *body)
{
    struct sl_str out = {NULL, 0};

    assert_int_equal(sl_canon_request(c, sl_str_of(body), &arena, &out), SL_OK);
    assert_true(out.n > 0);
    return out;
}

static void assert_same(const char *a, const char *b)
{
    if (!sl_str_eq(canon_of(&plain, a), canon_of(&plain, b)))
        fail_msg("differ: %s | %s", a, b);
}

static void assert_differ(const char *a, const char *b)
{
    if (sl_str_eq(canon_of(&plain, a), canon_of(&plain, b)))
        fail_msg("same: %s | %s", a, b);
}

/* The form itself, once: a change of it must change the schema number. */
static void test_bytes(void **state)
{
    static const char want[] = "slc\x02r"
                               "\x04"
                               "acme"
                               "\x00\x85\x02\x00"
                               "\x08"
                               "messages"
                               "\x06"
                               "claude"
                               "\x02"
                               "v1"
                               "\x01\x01"
                               "\x0a"
                               "2023-06-01"
                               "\x02\x01"
                               "a\x01"
                               "b"
                               "o\x03"
                               "\x01"
                               "a"
                               "a\x05"
                               "n"
                               "t"
                               "f"
                               "i\x02-7"
                               "d\x03-15\x02-1"
                               "\x01"
                               "b"
                               "s\x02\xc3\xa4"
                               "\x01"
                               "c"
                               "o\x00";
    struct sl_canon c = plain;
    struct sl_str out;

    (void)state;
    c.generation[1] = 261;
    c.normal = SL_NORMAL_TRIM;
    out = canon_of(&c, "{\"c\":{},\"b\":\"\\u00e4\",\"a\":[null,true,false,-7,-1.50]}");
    assert_int_equal(out.n, sizeof(want) - 1);
    assert_memory_equal(out.p, want, out.n);
}

/* Base 128, low digits first; and behind it all of the text. */
static void test_lengths(void **state)
{
    static const struct {
        size_t n;
        const char *count;
    } cases[] = {{0, "\0"},         {1, "\x01"},       {127, "\x7f"},
                 {128, "\x80\x01"}, {255, "\xff\x01"}, {16384, "\x80\x80\x01"}};
    static char body[17000];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = cases[i].n, head = n < 128 ? 1 : strlen(cases[i].count);
        struct sl_str out, tail;

        (void)snprintf(body, sizeof body, "{\"a\":\"%0*d\"}", n > 0 ? (int)n : 1, 0);
        if (n == 0)
            (void)snprintf(body, sizeof body, "{\"a\":\"\"}");
        out = canon_of(&plain, body);
        assert_true(out.n > n + head + 1);
        tail = sl_str_from(out, out.n - n - head - 1);
        assert_int_equal(tail.p[0], 's');
        assert_memory_equal(tail.p + 1, cases[i].count, head);
        for (size_t at = 1 + head; at < tail.n; at++)
            assert_int_equal(tail.p[at], '0');
    }
}

static const char *const same[][2] = {
    {"{\"a\":1,\"b\":[1,2]}", " { \"b\" : [ 1 ,2],\n\"a\":1 } "},
    {"{\"a\":\"x/\\u00e4\\n\"}", "{\"\\u0061\":\"\\u0078\\/\xc3\xa4\\u000a\"}"},
    {"{\"a\":\"\\ud83d\\ude00\"}", "{\"a\":\"\xf0\x9f\x98\x80\"}"},
    {"{\"x\":{\"b\":{\"d\":1,\"c\":2},\"a\":0}}", "{\"x\":{\"a\":0,\"b\":{\"c\":2,\"d\":1}}}"},
    {"{\"t\":1.0}", "{\"t\":1.00}"},
    {"{\"t\":0.1}", "{\"t\":1e-1}"},
    {"{\"t\":0.1}", "{\"t\":10E-2}"},
    {"{\"t\":1e2}", "{\"t\":100.0}"},
    {"{\"t\":100e0}", "{\"t\":1e+2}"},
    {"{\"t\":12.5}", "{\"t\":0.00125e004}"},
    {"{\"t\":0.0}", "{\"t\":0e7}"},
    {"{\"t\":-0.0}", "{\"t\":-0.00e-3}"},
    /* left out at the top */
    {"{\"m\":1}",
     "{\"m\":1,\"model\":\"x\",\"stream\":true,\"stream_options\":{},\"metadata\":{\"a\":1},"
     "\"user\":\"u\",\"safety_identifier\":\"s\",\"prompt_cache_key\":\"k\","
     "\"prompt_cache_options\":{},\"prompt_cache_retention\":\"24h\",\"service_tier\":"
     "\"auto\",\"store\":false,\"provider\":{},\"models\":[],\"route\":\"r\"}"},
    {"{\"m\":1}", "{\"m\":1,\"store\":null}"},
    /* marks */
    {"{\"m\":1}", "{\"m\":1,\"cache_control\":{\"type\":\"ephemeral\"}}"},
    {"{\"system\":[{\"text\":\"a\"}],\"tools\":[{\"name\":\"t\"}]}",
     "{\"system\":[{\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}}],"
     "\"tools\":[{\"name\":\"t\",\"cache_control\":null}]}"},
    {"{\"messages\":[{\"content\":[{\"content\":[{\"text\":\"a\"}]}]}]}",
     "{\"messages\":[{\"cache_control\":{},\"content\":[{\"cache_control\":{},\"content\":[{"
     "\"text\":"
     "\"a\",\"cache_control\":{}}]}]}]}"},
    {"{\"messages\":[{\"content\":[{\"source\":{\"content\":[{\"text\":\"a\"}]}}]}]}",
     "{\"messages\":[{\"content\":[{\"source\":{\"content\":[{\"text\":\"a\",\"cache_control\":{}}]"
     "}}]}]}"},
    {"{\"messages\":[{\"content\":[{\"text\":\"a\"}]}],\"input\":[{\"content\":[{\"text\":\"b\"}]}]"
     "}",
     "{\"messages\":[{\"content\":[{\"text\":\"a\",\"prompt_cache_breakpoint\":{\"mode\":"
     "\"explicit\"}}]}],"
     "\"input\":[{\"content\":[{\"text\":\"b\",\"prompt_cache_breakpoint\":{}}]}]}"},
};

static const char *const names_of_askers[] = {"metadata", "user", "safety_identifier",
                                              "prompt_cache_key"};

/* A Responses answer repeats who asked: it is for nobody else. */
static void test_answers_that_say_who_asked(void **state)
{
    struct sl_canon c = plain;
    char text[64];

    (void)state;
    c.operation = SL_STR("responses");
    for (size_t i = 0; i < sizeof names_of_askers / sizeof names_of_askers[0]; i++) {
        snprintf(text, sizeof text, "{\"input\":\"a\",\"%s\":\"x\"}", names_of_askers[i]);
        assert_false(sl_str_eq(canon_of(&c, text), canon_of(&c, "{\"input\":\"a\"}")));
    }
    assert_true(sl_str_eq(canon_of(&c, "{\"input\":\"a\",\"stream\":true}"),
                          canon_of(&c, "{\"input\":\"a\"}")));
}

static const char *const different[][2] = {
    {"{\"a\":1}", "{\"a\":1.0}"},
    {"{\"a\":1}", "{\"a\":\"1\"}"},
    {"{\"a\":0}", "{\"a\":-0}"},
    {"{\"a\":0.0}", "{\"a\":-0.0}"},
    {"{\"a\":1.5}", "{\"a\":15.0}"},
    {"{\"a\":1.5}", "{\"a\":-1.5}"},
    {"{\"a\":1e10}", "{\"a\":1e11}"},
    {"{\"a\":1e9999999999}", "{\"a\":1e9999999998}"},
    {"{\"a\":1e-18446744073709551615}", "{\"a\":1e1}"},
    {"{\"a\":123456789012345678901}", "{\"a\":123456789012345678902}"},
    {"{\"a\":0.12345678901234567891}", "{\"a\":0.12345678901234567892}"},
    {"{\"a\":null}", "{}"},
    {"{\"a\":null}", "{\"a\":false}"},
    {"{\"a\":[]}", "{\"a\":{}}"},
    {"{\"a\":[]}", "{\"a\":[[]]}"},
    {"{\"a\":[1,[2]]}", "{\"a\":[[1],2]}"},
    {"{\"a\":[1,2]}", "{\"a\":[2,1]}"},
    {"{\"a\":[\"bc\"]}", "{\"a\":[\"b\",\"c\"]}"},
    {"{\"a\":{\"b\":1},\"c\":2}", "{\"a\":{\"b\":1,\"c\":2}}"},
    {"{\"a\":\"b\\u0000\"}", "{\"a\":\"b\"}"},
    {"{\"a\":\"b\"}", "{\"A\":\"b\"}"},
    {"{\"a\":\"\xc3\xa4\"}", "{\"a\":\"a\xcc\x88\"}"},
    {"{\"m\":1}", "{\"m\":1,\"store\":true}"},
    /* what is left out at the top counts below it */
    {"{\"x\":{\"model\":\"a\"}}", "{\"x\":{\"model\":\"b\"}}"},
    {"{\"x\":{\"user\":\"a\"}}", "{\"x\":{}}"},
    /* marks elsewhere are somebody's data */
    {"{\"messages\":[{\"content\":[{\"type\":\"tool_use\",\"input\":{\"cache_control\":{\"a\":1}}}]"
     "}]}",
     "{\"messages\":[{\"content\":[{\"type\":\"tool_use\",\"input\":{}}]}]}"},
    {"{\"tools\":[{\"input_schema\":{\"properties\":{\"cache_control\":{\"type\":\"string\"}}}}]}",
     "{\"tools\":[{\"input_schema\":{\"properties\":{}}}]}"},
    {"{\"tools\":[{\"function\":{\"content\":{\"cache_control\":{}}}}]}",
     "{\"tools\":[{\"function\":{\"content\":{}}}]}"},
    {"{\"input\":[{\"cache_control\":{}}]}", "{\"input\":[{}]}"},
    {"{\"x\":{\"cache_control\":{}}}", "{\"x\":{}}"},
    {"{\"cache_control\":\"word\"}", "{}"},
    {"{\"prompt_cache_breakpoints\":{}}", "{}"},
};

static void test_same_and_different(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(same); i++) {
        assert_same(same[i][0], same[i][1]);
        assert_same(same[i][0], same[i][0]);
    }
    for (size_t i = 0; i < COUNT(different); i++)
        assert_differ(different[i][0], different[i][1]);
}

static void test_parameters(void **state)
{
    static const char *const changes[] = {"\"model_\":\"m\"",
                                          "\"max_tokens\":8",
                                          "\"temperature\":0.5",
                                          "\"top_p\":0.5",
                                          "\"top_k\":5",
                                          "\"system\":\"s\"",
                                          "\"stop_sequences\":[]",
                                          "\"tools\":[{\"name\":1}]",
                                          "\"tool_choice\":{}",
                                          "\"thinking\":{}",
                                          "\"messages\":[{}]",
                                          "\"seed\":1",
                                          "\"response_format\":{}",
                                          "\"logit_bias\":{}",
                                          "\"anything_new\":1"};
    char a[200], b[200];

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        snprintf(a, sizeof(a), "{%s}", changes[i]);
        assert_differ(a, "{}");
        for (size_t k = 0; k < i; k++) {
            snprintf(b, sizeof(b), "{%s}", changes[k]);
            assert_differ(a, b);
        }
    }
}

/* Every field before the body counts, and none runs into the next. */
static void test_fields(void **state)
{
    struct sl_canon list[24];
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(list); i++)
        list[i] = plain;
    list[n++].scope = SL_STR("other");
    list[n++].scope = SL_STR("*");
    list[n++].operation = SL_STR("chat");
    list[n++].model = SL_STR("claude2");
    list[n++].version = SL_STR("v2");
    list[n++].version = SL_STR("");
    list[n++].betas = SL_STR("a");
    list[n++].betas = SL_STR("");
    list[n++].betas = SL_STR("a,b,c");
    list[n++].betas = SL_STR("ab");
    list[n++].api_version = SL_STR("2026-10-21");
    list[n++].normal = SL_NORMAL_TRIM;
    list[n++].normal = SL_NORMAL_TRIM | SL_NORMAL_SPACES;
    list[n++].generation[0] = 1;
    list[n++].generation[1] = 1;
    list[n++].generation[2] = 1;
    list[n++].generation[2] = 128;
    list[n].model = SL_STR("claudev");
    list[n++].version = SL_STR("1");
    list[n].scope = SL_STR("acm");
    list[n++].operation = SL_STR("emessages");
    list[n++] = plain;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            assert_false(sl_str_eq(canon_of(&list[i], "{}"), canon_of(&list[k], "{}")));
    list[0] = plain;
    list[0].betas = SL_STR(" a ,,b,a,");
    assert_true(sl_str_eq(canon_of(&list[0], "{}"), canon_of(&plain, "{}")));
}

/* One published MD5 for both; here they differ. */
static void test_collision(void **state)
{
    (void)state;
    assert_differ(
        "{\"messages\":[{\"content\":\"TEXTCOLLBYfGiJUETHQ4hAcKSMd5zYpgqf1YRDhkmxHkhPWptrk"
        "oyz28wnI9V0aHeAuaKnak\"}]}",
        "{\"messages\":[{\"content\":\"TEXTCOLLBYfGiJUETHQ4hEcKSMd5zYpgqf1YRDhkmxHkhPWptrk"
        "oyz28wnI9V0aHeAuaKnak\"}]}");
}

static void test_refused(void **state)
{
    static const struct {
        const char *body;
        enum sl_err err;
    } wrong[] = {{"", SL_ERR_BAD_BODY},
                 {"[]", SL_ERR_BAD_BODY},
                 {"1", SL_ERR_BAD_BODY},
                 {"{\"a\":1", SL_ERR_BAD_BODY},
                 {"{\"a\":1,\"a\":1}", SL_ERR_BAD_BODY},
                 {"{\"a\":{\"b\":1,\"c\":2,\"\\u0062\":1}}", SL_ERR_BAD_BODY},
                 {"{\"a\":[[{\"b\":1,\"b\":2}]]}", SL_ERR_BAD_BODY},
                 {"{\"a\":\"\\ud800\"}", SL_ERR_BAD_BODY}};
    struct sl_str out;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(sl_canon_request(&plain, sl_str_of(wrong[i].body), &arena, &out),
                         wrong[i].err);
}

static void test_limits(void **state)
{
    const char *body = "{\"a\":{\"q\":1,\"w\":1,\"e\":1,\"r\":1,\"t\":1,\"y\":1,\"u\":1,\"i\":1,"
                       "\"o\":1,\"p\":1,\"s\":1,\"d\":1,\"f\":1,\"g\":1,\"h\":1,\"j\":1,\"k\":1}}";
    struct sl_str out, text;
    char *numbers = malloc(400000);
    uint64_t before = sl_mem_tries(), takes;
    struct sl_arena a;

    (void)state;
    memset(numbers, ',', 400000);
    memcpy(numbers, "{\"a\":[", 6);
    for (size_t i = 6; i < 399998; i += 2)
        numbers[i] = '1';
    text = (struct sl_str){numbers, 399998};
    memcpy(numbers + 399996, "]}", 2);
    numbers[399995] = '1';
    assert_int_equal(sl_canon_request(&plain, text, &arena, &out), SL_ERR_BODY_TOO_BIG);
    free(numbers);
    before = sl_mem_tries();
    sl_arena_init(&a, 1 << 16);
    assert_int_equal(sl_canon_request(&plain, sl_str_of(body), &a, &out), SL_OK);
    sl_arena_fini(&a);
    takes = sl_mem_tries() - before;
    for (uint64_t i = 1; i <= takes; i++) {
        enum sl_err err;

        sl_mem_fail_at(i);
        sl_arena_init(&a, 1 << 16);
        err = sl_canon_request(&plain, sl_str_of(body), &a, &out);
        assert_true(err == SL_ERR_NO_MEMORY || err == SL_OK); /* OK: a block that only shrinks */
        sl_arena_fini(&a);
    }
    sl_mem_fail_at(0);
}

/* --- Items ------------------------------------------------------------------------------ */

static struct sl_str item_of(const char *body, const char *item, unsigned normal)
{
    struct sl_str prefix, out;

    assert_int_equal(sl_canon_items(&plain, sl_str_of(body), &arena, &prefix), SL_OK);
    assert_int_equal(sl_canon_item(prefix, sl_str_of(item), normal, &arena, &out), SL_OK);
    return out;
}

static void test_items(void **state)
{
    const char *body = "{\"input\":[\"a\",\"b\"],\"dimensions\":8,\"model\":\"m\"}";
    struct sl_str prefix, out;

    (void)state;
    /* other items, and how they came, are no matter */
    assert_true(sl_str_eq(item_of(body, "\"a\"", 0),
                          item_of("{\"dimensions\":8,\"input\":\"a\"}", "\"\\u0061\"", 0)));
    assert_false(sl_str_eq(item_of(body, "\"a\"", 0), item_of(body, "\"b\"", 0)));
    assert_false(sl_str_eq(item_of(body, "\"a\"", 0), item_of("{\"dimensions\":9}", "\"a\"", 0)));
    assert_false(sl_str_eq(item_of(body, "[1,2]", 0), item_of(body, "[12]", 0)));
    assert_false(sl_str_eq(item_of(body, "\"1\"", 0), item_of(body, "1", 0)));
    assert_true(sl_str_eq(item_of(body, "[{\"type\":\"text\",\"text\":\"x\"}]", 0),
                          item_of(body, "[ {\"text\":\"x\",\"type\":\"text\"} ]", 0)));
    /* as a tree or straight away: the same form */
    out = item_of(body, "\"\\u00e4\"", 0);
    assert_memory_equal(out.p + out.n - 4, "s\x02\xc3\xa4", 4);
    out = item_of(body, "[\"\\u00e4\"]", 0);
    assert_memory_equal(out.p + out.n - 6, "a\x01s\x02\xc3\xa4", 6);
    /* normalised here */
    assert_true(sl_str_eq(item_of(body, "\" a  b \"", 7), item_of(body, "\"a b\"", 7)));
    assert_true(
        sl_str_eq(item_of(body, "[{\"text\":\" a\"}]", 7), item_of(body, "[{\"text\":\"a\"}]", 7)));
    assert_false(sl_str_eq(item_of(body, "\" a\"", 0), item_of(body, "\"a\"", 0)));
    /* never a request's bytes */
    assert_false(sl_str_eq(item_of("{}", "{}", 0), canon_of(&plain, "{}")));
    assert_int_equal(sl_canon_items(&plain, SL_STR("{}"), &arena, &prefix), SL_OK);
    assert_int_equal(sl_canon_item(prefix, SL_STR("{\"a\":1,\"a\":2}"), 0, &arena, &out),
                     SL_ERR_BAD_BODY);
    assert_int_equal(sl_canon_item(prefix, SL_STR("\"\\x\""), 0, &arena, &out), SL_ERR_BAD_BODY);
    assert_int_equal(sl_canon_item(prefix, SL_STR("[1"), 0, &arena, &out), SL_ERR_BAD_BODY);
}

/* --- Sorting ---------------------------------------------------------------------------- */

static void test_sort(void **state)
{
    struct sl_canon_pair v[200];
    char keys[200][4];

    (void)state;
    for (int round = 0; round < 300; round++) {
        size_t n = sl_rand_u64() % 200, sum = 0, after = 0;

        for (size_t i = 0; i < n; i++) {
            size_t len = sl_rand_u64() % 4;

            for (size_t k = 0; k < len; k++)
                keys[i][k] = "ab\xff\0"[sl_rand_u64() % 4];
            v[i] = (struct sl_canon_pair){{keys[i], len}, NULL};
            sum += (size_t)keys[i];
        }
        sl_canon_sort(v, n);
        for (size_t i = 0; i < n; i++) {
            size_t len = i > 0 && v[i - 1].key.n < v[i].key.n ? v[i - 1].key.n : v[i].key.n;
            int order = i > 0 ? memcmp(v[i - 1].key.p, v[i].key.p, len) : -1;

            assert_true(order < 0 || (order == 0 && v[i - 1].key.n <= v[i].key.n));
            after += (size_t)v[i].key.p;
        }
        assert_true(sum == after); /* the same ones */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers_that_say_who_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_and_different, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parameters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_collision, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_items, setup, teardown),
        cmocka_unit_test(test_sort)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
