/* What is left of a conversation too long: the newest, whole pairs of calls and results, and
 * every byte as it was. */
#include "llm/shorten.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HEAD "{\"model\":\"m\",\"system\":\"s\",\"messages\":"
#define TAIL ",\"tools\":[ {\"name\":\"f\"} ]}"

static char shown[65536];
static uint64_t estimate; /* of the whole body that is left */

/* The messages that are left; "" where nothing is left out. */
static const char *shortened(const char *messages, uint64_t max_tokens, bool keep_first, size_t *n)
{
    static char body[65536];
    struct sl_shorten s = {.max_tokens = max_tokens, .keep_first = keep_first};
    struct sl_str out;

    (void)snprintf(body, sizeof body, HEAD "%s" TAIL, messages);
    assert_int_equal(sl_shorten_body(sl_str_of(body), &s, &out), SL_OK);
    *n = s.dropped;
    shown[0] = '\0';
    if (out.p == NULL)
        return shown;
    assert_true(sl_str_starts(out, SL_STR(HEAD)));
    assert_true(sl_str_ends(out, SL_STR(TAIL)));
    (void)snprintf(shown, sizeof shown, "%.*s", (int)(out.n - strlen(HEAD TAIL)),
                   out.p + strlen(HEAD));
    estimate = sl_estimate_input(out);
    sl_mem_free((char *)out.p);
    return shown;
}

/* As much as can go, goes. */
static void assert_left(const char *messages, bool keep_first, size_t dropped, const char *want)
{
    size_t n;

    assert_string_equal(shortened(messages, 1, keep_first, &n), want);
    assert_int_equal(n, dropped);
}

#define U(t) "{\"role\":\"user\",\"content\":\"" t "\"}"
#define A(t) "{\"content\":\"" t "\",\"role\":\"assistant\"}"
#define S(t) "{\"role\":\"system\",\"content\":\"" t "\"}"
#define CALL(id)                                                                                   \
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":"      \
    "\"f\",\"input\":{}}]}"
#define RESULT(id)                                                                                 \
    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\"}]}"
#define CALLS(id)                                                                                  \
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"" id "\",\"type\":"        \
    "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}"
#define TOOL(id) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"\"}"

static void test_oldest_first(void **state)
{
    (void)state;
    assert_left("[" U("1") "," A("2") "," U("3") "," A("4") "," U("5") "]", true, 3,
                "[" U("1") "," U("5") "]");
    assert_left("[" U("1") "," A("2") "," U("3") "," A("4") "," U("5") "]", false, 4,
                "[" U("5") "]");
    assert_left("[" U("1") "]", false, 0, "");
    assert_left("[" U("1") "," U("2") "]", true, 0, "");
    assert_left("[]", true, 0, "");
    assert_left("[ " U("1") " ,\n" A("2") " , " U("3") " ]", true, 1, "[" U("1") "," U("3") "]");
}

static void test_instructions_stay(void **state)
{
    (void)state;
    assert_left(
        "[" S("a") "," U("1") "," S("b") "," A("2") ",{\"role\":\"devel\\u006fper\"}," U("3") "]",
        false, 2, "[" S("a") "," S("b") ",{\"role\":\"devel\\u006fper\"}," U("3") "]");
}

/* A call and what it gave go together, and what answers the last call stays with it. */
static void test_pairs(void **state)
{
    (void)state;
    assert_left("[" U("1") "," CALL("a") "," RESULT("a") "," CALL("b") "," RESULT("b") "]", true, 2,
                "[" U("1") "," CALL("b") "," RESULT("b") "]");
    assert_left(
        "[" U("1") "," CALLS("a") "," TOOL("a") "," TOOL("b") "," CALLS("c") "," TOOL("c") "]",
        true, 3, "[" U("1") "," CALLS("c") "," TOOL("c") "]");
    /* the result comes late, behind an instruction or a question */
    assert_left("[" U("1") "," CALL("a") "," S("x") "," RESULT("a") "," U("2") "]", true, 2,
                "[" U("1") "," S("x") "," U("2") "]");
    assert_left("[" U("1") "," A("0") "," U("2") "," CALLS("a") "," U("3") "," TOOL("a") "]", true,
                2, "[" U("1") "," CALLS("a") "," U("3") "," TOOL("a") "]");
    /* answers in a row are one: the call of the first, the result of both */
    assert_left("[" U("1") "," CALL("a") "," A("and") "," RESULT("a") "," U("2") "]", true, 3,
                "[" U("1") "," U("2") "]");
    assert_left("[" U("1") "," CALL("a") "," S("s") "," A("and") "," RESULT("a") "]", false, 0, "");
}

/* The last question stays though rounds of tools have followed it; so does a beginning of the
 * answer. */
static void test_what_was_asked_last(void **state)
{
    (void)state;
    assert_left("[" U("1") "," A("2") "," U("3") "," CALL("a") "," RESULT("a") "," CALL(
                    "b") "," RESULT("b") "]",
                false, 4, "[" U("3") "," CALL("b") "," RESULT("b") "]");
    assert_left("[" U("1") "," A("2") "," U("3") "," A("so") "]", false, 2,
                "[" U("3") "," A("so") "]");
}

/* No more than has to, but never an answer in front of every question. */
static void test_no_more_than_needed(void **state)
{
    char messages[16384] = "[";
    const char *left;
    size_t n, at = 1;

    (void)state;
    for (int i = 0; i < 10; i++)
        at += (size_t)snprintf(messages + at, sizeof messages - at,
                               "{\"role\":\"user\",\"content\":\"q%d %0396d\"},"
                               "{\"role\":\"assistant\",\"content\":\"a%d %0391d\"},",
                               i, 0, i, 0);
    (void)snprintf(messages + at, sizeof messages - at, U("last") "]");
    (void)shortened(messages, 2400, true, &n);
    assert_int_equal(n, 0);
    for (uint64_t most = 2000; most > 250; most -= 37) { /* a message has about 105 tokens */
        left = shortened(messages, most, true, &n);
        assert_in_range(estimate, most - 140, most);
        assert_true(sl_str_starts(sl_str_of(left), SL_STR("[{\"role\":\"user\",\"content\":\"q0")));
        left = shortened(messages, most, false, &n);
        assert_in_range(estimate, most - 260, most);
        assert_true(sl_str_starts(sl_str_of(left), SL_STR("[{\"role\":\"user\",\"content\":\"q")));
        assert_int_equal(n % 2, 0);
    }
}

static void test_left_alone(void **state)
{
    static const char *const bodies[] = {
        "{\"model\":\"m\"}", "{\"messages\":\"none of those at all\"}",
        "{\"messages\":[1,2,3,4,5,6,7,8]}", "{\"messages\":[{\"role\":\"user\"},[],{}]}"};
    struct sl_shorten s = {.max_tokens = 1};
    struct sl_str out;

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(sl_shorten_body(sl_str_of(bodies[i]), &s, &out), SL_OK);
        assert_null(out.p);
        assert_int_equal(s.dropped, 0);
    }
}

/* One message more than anybody sends: the provider says what it thinks of it. */
static void test_many(void **state)
{
    struct sl_shorten s = {.max_tokens = 1, .keep_first = true};
    size_t most = SL_SHORTEN_MESSAGES, n = 0;
    char *body = sl_mem_new(3 * most + 64);
    struct sl_str out;

    (void)state;
    n = sizeof "{\"messages\":[{}" - 1;
    memcpy(body, "{\"messages\":[{}", n);
    for (size_t i = 1; i < most; i++) {
        memcpy(body + n, ",{}", 3);
        n += 3;
    }
    memcpy(body + n, "]}", 2);
    assert_int_equal(sl_shorten_body((struct sl_str){body, n + 2}, &s, &out), SL_OK);
    assert_int_equal(s.dropped, most - 2);
    assert_int_equal(out.n, sizeof "{\"messages\":[{},{}]}" - 1);
    sl_mem_free((char *)out.p);
    memcpy(body + n, ",{}]}", 5);
    assert_int_equal(sl_shorten_body((struct sl_str){body, n + 5}, &s, &out), SL_OK);
    assert_null(out.p);
    sl_mem_free(body);
}

static void test_without_memory(void **state)
{
    struct sl_shorten s = {.max_tokens = 1};
    struct sl_str body = SL_STR("{\"messages\":[" U("1") "," A("2") "," U("3") "]}"), out;

    (void)state;
    for (uint64_t i = 1; i <= 2; i++) {
        sl_mem_fail_at(i);
        assert_int_equal(sl_shorten_body(body, &s, &out), SL_ERR_NO_MEMORY);
        assert_null(out.p);
        sl_mem_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oldest_first),
        cmocka_unit_test(test_instructions_stay),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_what_was_asked_last),
        cmocka_unit_test(test_no_more_than_needed),
        cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
