/* Tokens: what each provider writes, merged over a stream, settled at the end;
 * plain answers read in any pieces. */
#include "llm/usage.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void merge(struct sl_usage *u, const char *text, bool want)
{
    assert_int_equal(sl_usage_merge(u, sl_str_of(text)), want);
}

static void assert_tokens(const struct sl_usage *u, uint64_t in, uint64_t out)
{
    assert_int_equal(u->in, in);
    assert_int_equal(u->out, out);
}

static void assert_cache(const struct sl_usage *u, uint64_t r, uint64_t w5, uint64_t w1)
{
    assert_int_equal(u->cache_read, r);
    assert_int_equal(u->cache_write_5m, w5);
    assert_int_equal(u->cache_write_1h, w1);
}

static void test_anthropic(void **state)
{
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    assert_int_equal(u.source, SL_USAGE_ESTIMATED);
    merge(&u,
          "{\"input_tokens\":25,\"cache_creation_input_tokens\":30,\"cache_read_input_tokens\":7,"
          "\"cache_creation\":{\"ephemeral_5m_input_tokens\":10,\"ephemeral_1h_input_tokens\":20},"
          "\"output_tokens\":1,\"output_tokens_details\":{\"thinking_tokens\":3}}",
          true);
    assert_int_equal(u.source, SL_USAGE_REPORTED);
    assert_tokens(&u, 25, 1);
    assert_cache(&u, 7, 10, 20);
    assert_int_equal(u.reasoning, 3);
    /* cumulative: overwrites, never adds; null and absent fields stay */
    merge(&u, "{\"output_tokens\":41,\"input_tokens\":null}", true);
    assert_tokens(&u, 25, 41);
    assert_cache(&u, 7, 10, 20);
    /* the sum alone, the same as before: the split stays */
    merge(&u, "{\"cache_creation_input_tokens\":30}", true);
    assert_cache(&u, 7, 10, 20);
    merge(&u, "{\"cache_creation_input_tokens\":50}", true);
    assert_cache(&u, 7, 30, 20);
    merge(&u, "{\"cache_creation_input_tokens\":5}", true);
    assert_cache(&u, 7, 5, 0);
}

static void test_anthropic_without_split(void **state)
{
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    merge(&u, "{\"input_tokens\":1,\"cache_creation_input_tokens\":30,\"output_tokens\":2}", true);
    assert_cache(&u, 0, 30, 0);
    sl_usage_init(&u);
    merge(&u,
          "{\"cache_creation_input_tokens\":30,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,"
          "\"ephemeral_1h_input_tokens\":0}}",
          true);
    assert_cache(&u, 0, 30, 0); /* a split of nothing is no split */
    sl_usage_init(&u);
    merge(&u,
          "{\"cache_creation_input_tokens\":30,"
          "\"cache_creation\":{\"ephemeral_1h_input_tokens\":12}}",
          true);
    assert_cache(&u, 0, 18, 12);
    sl_usage_init(&u);
    merge(&u, "{\"cache_creation_input_tokens\":30,\"cache_creation\":null}", true);
    assert_cache(&u, 0, 30, 0);
}

static void test_openai(void **state)
{
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    merge(&u,
          "{\"prompt_tokens\":60,\"completion_tokens\":20,\"total_tokens\":80,"
          "\"prompt_tokens_details\":{\"cached_tokens\":15,\"cache_write_tokens\":5},"
          "\"completion_tokens_details\":{\"reasoning_tokens\":9},\"cost\":0.001}",
          true);
    assert_tokens(&u, 40, 20);
    assert_cache(&u, 15, 5, 0);
    assert_int_equal(u.reasoning, 9);
    merge(&u, "{\"prompt_tokens\":60,\"completion_tokens\":33}", true);
    assert_tokens(&u, 40, 33); /* what was cached is still known */
    /* more cached than there is: not below zero */
    merge(&u, "{\"prompt_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":10}}", true);
    assert_int_equal(u.in, 0);
    sl_usage_init(&u);
    merge(&u, "{\"prompt_tokens\":100,\"prompt_cache_hit_tokens\":64,\"completion_tokens\":1}",
          true);
    assert_tokens(&u, 36, 1); /* DeepSeek */
    assert_cache(&u, 64, 0, 0);
    sl_usage_init(&u);
    merge(&u, "{\"prompt_tokens\":8,\"total_tokens\":8}", true); /* embeddings */
    assert_tokens(&u, 8, 0);
}

static void test_responses(void **state)
{
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    merge(&u,
          "{\"input_tokens\":60,\"input_tokens_details\":{\"cached_tokens\":10,"
          "\"cache_write_tokens\":2},\"output_tokens\":20,"
          "\"output_tokens_details\":{\"reasoning_tokens\":4},\"total_tokens\":80}",
          true);
    assert_tokens(&u, 48, 20);
    assert_cache(&u, 10, 2, 0);
    assert_int_equal(u.reasoning, 4);
}

static void test_odd_numbers(void **state)
{
    static const char *const none[] = {
        "",
        "null",
        "5",
        "[]",
        "\"x\"",
        "{}",
        "{\"input_tokens\":null}",
        "{\"input_tokens\":-5}",
        "{\"input_tokens\":\"5\"}",
        "{\"input_tokens\":1.5}",
        "{\"input_tokens\":1e3}",
        "{\"input_tokens\":[1]}",
        "{\"total_tokens\":5}",
        "{\"x\":{\"input_tokens\":5}}",
    };
    struct sl_usage u;

    (void)state;
    for (size_t i = 0; i < COUNT(none); i++) {
        sl_usage_init(&u);
        merge(&u, none[i], false);
        assert_int_equal(u.source, SL_USAGE_ESTIMATED);
        assert_tokens(&u, 0, 0);
    }
    merge(&u, "{\"input_tokens\":1000000000001,\"output_tokens\":99999999999999999999999999}",
          true);
    assert_tokens(&u, 1000000000000u, 1000000000000u);
    merge(&u, "{\"prompt_tokens\":18446744073709551615}", true);
    assert_int_equal(u.in, 1000000000000u);
    merge(&u, "{\"input_tokens\":0,\"output_tokens\":0}", true);
    assert_tokens(&u, 0, 0);
}

/* M07: usage twice, smaller than before, absurd: the last one holds, nothing is added up. */
static void test_usage_again(void **state)
{
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    merge(&u, "{\"input_tokens\":100,\"output_tokens\":50,\"cost\":0.5}", true);
    merge(&u, "{\"input_tokens\":100,\"output_tokens\":50,\"cost\":0.5}", true);
    assert_tokens(&u, 100, 50);
    assert_true(u.cost_pico == 500000000000);
    merge(&u, "{\"input_tokens\":90,\"output_tokens\":40,\"cost\":0.25}", true);
    assert_tokens(&u, 90, 40);
    assert_true(u.cost_pico == 250000000000);
    merge(&u, "{\"input_tokens\":1000000000000000000,\"cost\":1000000000000000000}", true);
    assert_tokens(&u, 1000000000000u, 40);
    assert_true(u.cost_pico == 250000000000); /* no price: what was known stays */
}

static void test_searches(void **state)
{
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    assert_int_equal(u.searches, 0);
    merge(&u,
          "{\"output_tokens\":1,\"server_tool_use\":{\"web_search_requests\":3,"
          "\"web_fetch_requests\":9}}",
          true);
    assert_int_equal(u.searches, 3);
    merge(&u, "{\"output_tokens\":2,\"server_tool_use\":null}", true);
    assert_int_equal(u.searches, 3);
    merge(&u, "{\"server_tool_use\":{\"web_search_requests\":5}}", false); /* no tokens in it */
    assert_int_equal(u.searches, 5);
    merge(&u, "{\"server_tool_use\":{\"web_search_requests\":-1}}", false);
    assert_int_equal(u.searches, 5);
}

static void costs(const char *usage, bool has, int64_t pico)
{
    struct sl_usage u;

    sl_usage_init(&u);
    (void)sl_usage_merge(&u, sl_str_of(usage));
    if (u.has_cost != has || u.cost_pico != pico)
        fail_msg("%s costs %lld", usage, (long long)u.cost_pico);
}

/* Digit by digit: no double comes near it. */
static void test_cost(void **state)
{
    (void)state;
    costs("{\"cost\":0.00014}", true, 140000000);
    costs("{\"cost\":1.4e-05}", true, 14000000);
    costs("{\"cost\":0}", true, 0);
    costs("{\"cost\":0.1}", true, 100000000000);
    costs("{\"cost\":123456.000000000001}", true, 123456000000000001);
    costs("{\"cost\":0.0000000000001}", true, 1); /* rounded up */
    costs("{\"cost\":0.00001234500000000001}", true, 12345001);
    costs("{\"cost\":9223372.036854775807}", true, INT64_MAX);
    costs("{\"cost\":9223372.036854775808}", false, 0); /* beyond 64 bits */
    costs("{\"cost\":-1}", false, 0);
    costs("{\"cost\":null}", false, 0);
    costs("{\"cost\":\"0.5\"}", false, 0);
    costs("{}", false, 0);
    costs("{\"cost\":0.01,\"is_byok\":true,\"cost_details\":{\"upstream_inference_cost\":0.2}}",
          true, 210000000000);
    costs("{\"cost\":0.01,\"is_byok\":false,\"cost_details\":{\"upstream_inference_cost\":0.2}}",
          true, 10000000000);
    costs("{\"cost\":0.01,\"is_byok\":true,\"cost_details\":{\"upstream_inference_cost\":null}}",
          true, 10000000000);
    costs("{\"is_byok\":true,\"cost\":9223372,\"cost_details\":{\"upstream_inference_cost\":"
          "9223372}}",
          true, INT64_MAX);
    costs("{\"is_byok\":true,\"cost_details\":{\"upstream_inference_cost\":1}}", false, 0);
}

static void settle(struct sl_usage *u, enum sl_usage_source want)
{
    sl_usage_settle(u, 401);
    assert_int_equal(u->source, want);
}

static void test_settle(void **state)
{
    struct sl_usage u;

    (void)state;
    sl_usage_init(&u);
    settle(&u, SL_USAGE_ESTIMATED);
    assert_tokens(&u, 101, 0);
    sl_usage_init(&u);
    u.text_bytes = 41;
    settle(&u, SL_USAGE_COUNTED);
    assert_tokens(&u, 101, 11);
    sl_usage_init(&u);
    u.text_bytes = 41;
    merge(&u, "{\"prompt_tokens\":7,\"completion_tokens\":2}", true);
    settle(&u, SL_USAGE_REPORTED);
    assert_tokens(&u, 7, 2);
    /* a stream cut after its beginning: the input is known, the output is not */
    sl_usage_init(&u);
    merge(&u, "{\"input_tokens\":7,\"output_tokens\":1}", true);
    u.has_out = false;
    u.text_bytes = 41;
    settle(&u, SL_USAGE_COUNTED);
    assert_tokens(&u, 7, 11);
    /* embeddings have no output */
    sl_usage_init(&u);
    merge(&u, "{\"prompt_tokens\":8}", true);
    settle(&u, SL_USAGE_REPORTED);
    assert_tokens(&u, 8, 0);
    /* again: nothing changes */
    settle(&u, SL_USAGE_REPORTED);
    assert_tokens(&u, 8, 0);
}

static void test_copy(void **state)
{
    char out[8];

    (void)state;
    assert_int_equal(sl_llm_copy(SL_STR("\"abc\""), out, sizeof(out)), 3);
    assert_string_equal(out, "abc");
    assert_int_equal(sl_llm_copy(SL_STR("\"a\\u00e9\\n\""), out, sizeof(out)), 4);
    assert_string_equal(out, "a\xc3\xa9\n");
    assert_int_equal(sl_llm_copy(SL_STR("\"123456789\""), out, sizeof(out)), 7);
    assert_string_equal(out, "1234567");
    /* whole characters only */
    assert_int_equal(sl_llm_copy(SL_STR("\"12345\\u20ac9\""), out, sizeof(out)), 5);
    assert_int_equal(sl_llm_copy(SL_STR("\"12345\xe2\x82\xac"
                                        "9\""),
                                 out, sizeof(out)),
                     5);
    assert_int_equal(sl_llm_copy(SL_STR("\"1234\\ud83d\\ude00\\ud83d\""), out, sizeof(out)), 4);
    assert_int_equal(sl_llm_copy(SL_STR("\"123\\ud83d\\ude00\\n\""), out, sizeof(out)), 7);
    assert_string_equal(out, "123\xf0\x9f\x98\x80");
    assert_int_equal(sl_llm_copy(SL_STR("12"), out, sizeof(out)), 0);
    assert_int_equal(sl_llm_copy((struct sl_str){NULL, 0}, out, sizeof(out)), 0);
    assert_int_equal(sl_llm_copy(SL_STR("\"\""), out, sizeof(out)), 0);
    assert_string_equal(out, "123\xf0\x9f\x98\x80"); /* untouched */
    assert_int_equal(sl_llm_copy(SL_STR("\"abc\""), out, 1), 0);
}

/* --- Plain answers ------------------------------------------------------------------------ */

struct answer {
    const char *text;
    bool whole, is_error;
    uint64_t in, out;
    const char *model, *stop, *error_type;
};

static const struct answer answers[] = {
    {"{\"id\":\"msg_1\",\"type\":\"message\",\"model\":\"claude-x\",\"content\":[{\"type\":"
     "\"text\",\"text\":\"Hello.\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
     "\"usage\":{\"input_tokens\":12,\"output_tokens\":5}}",
     true, false, 12, 5, "claude-x", "end_turn", ""},
    {"{\"choices\":[{\"index\":0,\"message\":{\"content\":\"a\"},\"finish_reason\":\"tool_calls\"}]"
     ",\"model\":\"gpt-x\",\"usage\":{\"prompt_tokens\":60,\"completion_tokens\":20}}",
     true, false, 60, 20, "gpt-x", "tool_calls", ""},
    {"{\"input_tokens\": 2095}", true, false, 2095, 0, "", "", ""},
    {"{\"object\":\"list\",\"model\":\"e\",\"data\":[],\"usage\":{\"prompt_tokens\":8}}", true,
     false, 8, 0, "e", "", ""},
    {"{\"id\":\"modr-1\",\"model\":\"omni\",\"results\":[]}", true, false, 0, 0, "omni", "", ""},
    {"{\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}", true, true, 0, 0, "", "",
     "server_error"},
    {"{\"error\":{\"code\":402,\"message\":\"m\",\"metadata\":{\"error_type\":\"payment\"}}}", true,
     true, 0, 0, "", "", "payment"},
    {"{\"error\":{\"code\":502,\"message\":\"m\"}}", true, true, 0, 0, "", "", "502"},
    {"{\"error\":{\"type\":null,\"code\":null}}", true, true, 0, 0, "", "", "error"},
    {"{\"error\":\"Unauthorized\"}", true, true, 0, 0, "", "", "error"},
    {"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}", true, true,
     0, 0, "", "", "overloaded_error"},
    {"{\"choices\":[{\"error\":{\"code\":\"x\"},\"finish_reason\":\"error\"}]}", true, true, 0, 0,
     "", "error", "x"},
    {"{\"object\":\"response\",\"status\":\"completed\",\"error\":null,\"model\":\"gpt-x\","
     "\"usage\":{\"input_tokens\":10,\"input_tokens_details\":{\"cached_tokens\":4},"
     "\"output_tokens\":4}}",
     true, false, 6, 4, "gpt-x", "completed", ""},
    {"{\"object\":\"response\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\"}}", true,
     false, 0, 0, "", "failed", "server_error"},
    {"{\"error\":{\"code\":\"server_error\"},\"object\":\"response\"}", true, false, 0, 0, "", "",
     "server_error"},
    {"[]", true, false, 0, 0, "", "", ""},
    {"\"x\"", true, false, 0, 0, "", "", ""},
    {"", false, false, 0, 0, "", "", ""},
    {"<html>", false, false, 0, 0, "", "", ""},
    {"{\"model\":\"a\"", false, false, 0, 0, "a", "", ""},
    {"{\"model\":\"a\"}x", false, false, 0, 0, "a", "", ""},
};

static void check_answer(const struct answer *a, size_t piece)
{
    struct sl_str rest = sl_str_of(a->text);
    struct sl_answer_tap t;
    struct sl_usage u;

    sl_usage_init(&u);
    sl_answer_tap_init(&t, &u);
    while (rest.n > 0) {
        sl_answer_tap_feed(&t, sl_str_first(rest, piece));
        rest = sl_str_from(rest, piece);
    }
    assert_int_equal(sl_answer_tap_finish(&t), a->whole);
    assert_int_equal(t.broken, !a->whole);
    assert_int_equal(t.is_error, a->is_error);
    assert_tokens(&u, a->in, a->out);
    assert_string_equal(u.model, a->model);
    assert_string_equal(u.stop, a->stop);
    assert_string_equal(u.error_type, a->error_type);
    sl_answer_tap_fini(&t);
}

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++)
        for (size_t piece = 1; piece < 40; piece++)
            check_answer(&answers[i], piece);
}

static void test_long_answer_is_counted(void **state)
{
    struct sl_answer_tap t;
    struct sl_usage u;
    char piece[1000];

    (void)state;
    memset(piece, 'x', sizeof(piece));
    sl_usage_init(&u);
    sl_answer_tap_init(&t, &u);
    sl_answer_tap_feed(&t, SL_STR("{\"model\":\"m\",\"content\":[{\"text\":\""));
    for (int i = 0; i < 40; i++)
        sl_answer_tap_feed(&t, (struct sl_str){piece, sizeof(piece)});
    sl_answer_tap_feed(&t, SL_STR("\"}]}"));
    assert_true(sl_answer_tap_finish(&t));
    sl_usage_settle(&u, 100);
    assert_int_equal(u.source, SL_USAGE_COUNTED);
    assert_in_range(u.out, 10000, 10010);
    sl_answer_tap_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anthropic),   cmocka_unit_test(test_anthropic_without_split),
        cmocka_unit_test(test_openai),      cmocka_unit_test(test_responses),
        cmocka_unit_test(test_odd_numbers), cmocka_unit_test(test_usage_again),
        cmocka_unit_test(test_searches),    cmocka_unit_test(test_cost),
        cmocka_unit_test(test_settle),      cmocka_unit_test(test_copy),
        cmocka_unit_test(test_answers),     cmocka_unit_test(test_long_answer_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
