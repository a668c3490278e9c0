/* Items: what an input is made of, and that every way back is exact. */
#include "llm/items.c"
#include "base/mem.h"
#include "base/rand.h"

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

static void assert_str(struct sl_str s, const char *want)
{
    if (!sl_str_eq(s, sl_str_of(want)))
        fail_msg("%.*s | %s", SL_STR_ARGS(s), want);
}

/* --- Splitting ---------------------------------------------------------------------------- */

static const struct {
    const char *input;
    bool lone, string;
    const char *items[3];
} shapes[] = {
    {"\"a\"", true, true, {"\"a\""}},
    {"\"\"", true, true, {"\"\""}},
    {"[\"a\"]", false, true, {"\"a\""}},
    {"[ \"a\" , \"b\\\"]\",\"\" ]", false, true, {"\"a\"", "\"b\\\"]\"", "\"\""}},
    {"[1,2,3]", true, false, {"[1,2,3]"}},
    {"[[1,2],[3]]", false, false, {"[1,2]", "[3]"}},
    {"[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]",
     true,
     false,
     {"[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]"}},
};

static void test_split(void **state)
{
    char body[300];
    struct sl_items items;

    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"input\": %s }", shapes[i].input);
        assert_int_equal(sl_items_split(sl_str_of(body), &arena, &items), SL_OK);
        assert_int_equal(items.lone, shapes[i].lone);
        for (size_t k = 0; k < items.n; k++) {
            assert_non_null(shapes[i].items[k]);
            assert_str(items.at[k].raw, shapes[i].items[k]);
            assert_int_equal(items.at[k].is_string, shapes[i].string);
            assert_false(items.at[k].by_url);
            assert_true(items.at[k].tokens > 0);
        }
        assert_true(items.n == 3 || shapes[i].items[items.n] == NULL);
    }
}

static void test_not_split(void **state)
{
    static const char *const wrong[] = {
        "{}",
        "{\"input\":null}",
        "{\"input\":1}",
        "{\"input\":{}}",
        "{\"input\":[]}",
        "{\"input\":[null]}",
        "{\"input\":[true]}",
        "{\"input\":[[]]}",
        "{\"input\":[[\"a\"]]}",
        "{\"input\":[\"a\",1]}",
        "{\"input\":[\"a\",null]}",
        "{\"input\":[1,\"a\"]}",
        "{\"input\":[[1],2]}",
        "{\"input\":[[1],[\"a\"]]}",
        "{\"input\":[[1],[]]}",
        "{\"input\":[{},1]}",
    };
    struct sl_items items;
    struct sl_arena none;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (sl_items_split(sl_str_of(wrong[i]), &arena, &items) != SL_ERR_BAD_FIELD)
            fail_msg("%s", wrong[i]);
    sl_arena_init(&none, 0);
    assert_int_equal(sl_items_split(SL_STR("{\"input\":\"a\"}"), &none, &items), SL_ERR_NO_MEMORY);
    assert_int_equal(sl_items_split(SL_STR("{\"input\":[\"a\"]}"), &none, &items),
                     SL_ERR_NO_MEMORY);
    sl_arena_fini(&none);
}

static void test_ceiling(void **state)
{
    static char body[5 * (SL_ITEMS_MAX + 1) + 100];
    struct sl_text t = sl_text_over(body, sizeof(body));
    struct sl_items items;

    (void)state;
    sl_text_add(&t, SL_STR("{\"input\":[\"x\""));
    for (int i = 1; i < SL_ITEMS_MAX; i++)
        sl_text_add(&t, SL_STR(",\"x\""));
    sl_text_add(&t, SL_STR("]}"));
    assert_int_equal(sl_items_split(sl_text_str(&t), &arena, &items), SL_OK);
    assert_int_equal(items.n, SL_ITEMS_MAX);
    t.n -= 2;
    sl_text_add(&t, SL_STR(",\"x\"]}"));
    assert_int_equal(sl_items_split(sl_text_str(&t), &arena, &items), SL_ERR_CEILING);
}

static void test_parts(void **state)
{
    static const struct {
        const char *part;
        bool by_url;
    } cases[] = {
        {"{\"type\":\"text\",\"text\":\"https://x\"}", false},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,A\"}}", false},
        {"{\"type\":\"image_url\",\"image_url\":\"data:x\"}", false},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x\"}}", true},
        {"{\"type\":\"image_url\",\"image_url\":\"https://x\"}", true},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"\\u0064ata:x\"}}", true},
        {"{\"type\":\"image_url\"}", true},
        {"{\"type\":\"video_url\",\"image_url\":\"data:x\"}", true},
        {"{}", true},
    };
    char body[300];
    struct sl_items items;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(body, sizeof(body), "{\"input\":[{\"type\":\"text\",\"text\":\"12345678\"},%s]}",
                 cases[i].part);
        assert_int_equal(sl_items_split(sl_str_of(body), &arena, &items), SL_OK);
        assert_int_equal(items.n, 1);
        assert_int_equal(items.at[0].by_url, cases[i].by_url);
        assert_int_equal(items.at[0].tokens, i == 0 ? 3 + 3 : 3 + 1500);
    }
}

/* --- Bodies ------------------------------------------------------------------------------- */

static void test_body(void **state)
{
    const struct sl_str two[] = {SL_STR_INIT("\"b\""), SL_STR_INIT("\"\\u0064\"")};
    struct sl_arena none;
    struct sl_str out;

    (void)state;
    assert_int_equal(sl_items_body(SL_STR(" {\"model\": \"m\" , \"input\" : [\"a\",\"b\",\"c\"] ,"
                                          "\"n\":1.0}"),
                                   two, 2, &arena, &out),
                     SL_OK);
    assert_str(out, " {\"model\": \"m\" , \"input\" : [\"b\",\"\\u0064\"] ,\"n\":1.0}");
    assert_int_equal(sl_items_body(SL_STR("{\"input\":[\"a\",\"b\"]}"), two, 1, &arena, &out),
                     SL_OK);
    assert_str(out, "{\"input\":[\"b\"]}");
    assert_int_equal(sl_items_body(SL_STR("{\"input\":\"a\"}"), two, 1, &arena, &out), SL_OK);
    assert_str(out, "{\"input\":\"b\"}");
    assert_int_equal(sl_items_body(SL_STR("{\"input\":\"a\"}"), two, 2, &arena, &out),
                     SL_ERR_BAD_FIELD);
    assert_int_equal(sl_items_body(SL_STR("{\"input\":[1]}"), two, 2, &arena, &out),
                     SL_ERR_BAD_FIELD);
    assert_int_equal(sl_items_body(SL_STR("{\"input\":[\"a\"]}"), two, 0, &arena, &out),
                     SL_ERR_BAD_FIELD);
    assert_int_equal(sl_items_body(SL_STR("{}"), two, 1, &arena, &out), SL_ERR_BAD_FIELD);
    sl_arena_init(&none, 0);
    assert_int_equal(sl_items_body(SL_STR("{\"input\":\"a\"}"), two, 1, &none, &out),
                     SL_ERR_NO_MEMORY);
    sl_arena_fini(&none);
}

/* --- Answers ------------------------------------------------------------------------------ */

static void test_moderations(void **state)
{
    const char *answer = "{\"id\":\"modr-1\",\"model\":\"omni\",\"results\":[ {\"flagged\":true,"
                         "\"x\":0.10},{\"flagged\":false} ]}";
    const struct sl_items_head head = {SL_EP_MODERATIONS, SL_STR_INIT("modr-\"2"),
                                       SL_STR_INIT("omni")};
    const uint64_t weights[] = {1, 1};
    struct sl_item_result r[2];
    struct sl_str out;

    (void)state;
    assert_int_equal(sl_items_results(SL_EP_MODERATIONS, sl_str_of(answer), weights, 2, &arena, r),
                     SL_OK);
    assert_str(r[0].raw, "{\"flagged\":true,\"x\":0.10}");
    assert_str(r[1].raw, "{\"flagged\":false}");
    assert_int_equal(r[0].tokens + r[1].tokens, 0);
    assert_int_equal(sl_items_answer(&head, r, 2, &arena, &out), SL_OK);
    assert_str(out, "{\"id\":\"modr-\\\"2\",\"results\":[{\"flagged\":true,\"x\":0.10},"
                    "{\"flagged\":false}],\"model\":\"omni\"}");
    assert_int_equal(sl_items_results(SL_EP_MODERATIONS, sl_str_of(answer), weights, 1, &arena, r),
                     SL_ERR_UP_GARBAGE);
}

static void test_embeddings(void **state)
{
    const char *answer =
        "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":2,\"embedding\":[0.10,-"
        "1]},"
        "{\"index\" : 0,\"embedding\":\"AAAA\"},{\"embedding\":[1e-5],\"index\":1 }],"
        "\"model\":\"m\",\"usage\":{\"prompt_tokens\":10,\"total_tokens\":10}}";
    const struct sl_items_head head = {SL_EP_EMBEDDINGS, {"", 0}, SL_STR_INIT("m")};
    const uint64_t weights[] = {1, 2, 4};
    struct sl_item_result r[3];
    struct sl_str out;

    (void)state;
    assert_int_equal(sl_items_results(SL_EP_EMBEDDINGS, sl_str_of(answer), weights, 3, &arena, r),
                     SL_OK);
    assert_str(r[0].raw, "{\"embedding\":\"AAAA\"}");
    assert_str(r[1].raw, "{\"embedding\":[1e-5]}");
    assert_str(r[2].raw, "{\"object\":\"embedding\",\"embedding\":[0.10,-1]}");
    assert_int_equal(r[0].tokens, 1);
    assert_int_equal(r[1].tokens, 2);
    assert_int_equal(r[2].tokens, 7);
    assert_int_equal(sl_items_answer(&head, r, 3, &arena, &out), SL_OK);
    assert_str(out, "{\"object\":\"list\",\"data\":[{\"index\":0,\"embedding\":\"AAAA\"},"
                    "{\"index\":1,\"embedding\":[1e-5]},{\"index\":2,\"object\":\"embedding\","
                    "\"embedding\":[0.10,-1]}],\"model\":\"m\",\"usage\":{\"prompt_tokens\":10,"
                    "\"total_tokens\":10}}");
    r[1].raw = SL_STR("{ }");
    assert_int_equal(sl_items_answer(&head, r, 2, &arena, &out), SL_OK);
    assert_non_null(memmem(out.p, out.n, "{\"index\":1 }", 12));
}

static void test_wrong_answers(void **state)
{
    static const struct {
        enum sl_endpoint ep;
        const char *answer;
    } wrong[] = {
        {SL_EP_MODERATIONS, ""},
        {SL_EP_MODERATIONS, "[]"},
        {SL_EP_MODERATIONS, "{\"results\":[{},{}]"},
        {SL_EP_MODERATIONS, "{\"error\":{}}"},
        {SL_EP_MODERATIONS, "{\"results\":{}}"},
        {SL_EP_MODERATIONS, "{\"results\":[{}]}"},
        {SL_EP_MODERATIONS, "{\"results\":[{},{},{}]}"},
        {SL_EP_MODERATIONS, "{\"results\":[{},1]}"},
        {SL_EP_MODERATIONS, "{\"data\":[{},{}]}"},
        {SL_EP_EMBEDDINGS, "{\"data\":[{},{}]}"},
        {SL_EP_EMBEDDINGS, "{\"data\":[{\"index\":0},{\"index\":0}]}"},
        {SL_EP_EMBEDDINGS, "{\"data\":[{\"index\":0},{\"index\":2}]}"},
        {SL_EP_EMBEDDINGS, "{\"data\":[{\"index\":0},{\"index\":-1}]}"},
        {SL_EP_EMBEDDINGS, "{\"data\":[{\"index\":0},{\"index\":1},{\"index\":1}]}"},
        {SL_EP_EMBEDDINGS, "{\"results\":[{\"index\":0},{\"index\":1}]}"},
    };
    const struct sl_items_head head = {SL_EP_MODERATIONS, {"", 0}, {"", 0}};
    const uint64_t weights[] = {1, 1};
    struct sl_item_result r[2];
    struct sl_arena none;
    struct sl_str out;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (sl_items_results(wrong[i].ep, sl_str_of(wrong[i].answer), weights, 2, &arena, r) !=
            SL_ERR_UP_GARBAGE)
            fail_msg("%s", wrong[i].answer);
    r[0] = (struct sl_item_result){.raw = SL_STR("null")};
    assert_int_equal(sl_items_answer(&head, r, 1, &arena, &out), SL_ERR_UP_GARBAGE);
    sl_arena_init(&none, 0);
    r[0].raw = SL_STR("{}");
    assert_int_equal(sl_items_answer(&head, r, 1, &none, &out), SL_ERR_NO_MEMORY);
    assert_int_equal(sl_items_results(SL_EP_EMBEDDINGS, SL_STR("{\"data\":[{\"index\":0}]}"),
                                      weights, 1, &none, r),
                     SL_ERR_NO_MEMORY);
    sl_arena_fini(&none);
}

/* Shares add up, and none is more than one token below its part. */
static void test_shares(void **state)
{
    uint64_t weights[SL_ITEMS_MAX];
    struct sl_item_result r[SL_ITEMS_MAX];

    (void)state;
    for (int round = 0; round < 500; round++) {
        size_t n = 1 + sl_rand_u64() % (round % 10 == 0 ? SL_ITEMS_MAX : 20);
        uint64_t total = sl_rand_u64() % (round % 2 == 0 ? 1000 : TOKENS_MAX), got = 0;
        double sum = 0;

        memset(r, 0, sizeof(r));
        for (size_t i = 0; i < n; i++) {
            weights[i] = round % 3 == 0 ? UINT64_MAX : sl_rand_u64() % 5000;
            sum += round % 3 == 0 ? (double)WEIGHT_MAX : (double)weights[i];
        }
        share_usage(total, weights, n, r);
        for (size_t i = 0; i < n; i++) {
            double part = sum > 0
                              ? (double)total *
                                    (round % 3 == 0 ? (double)WEIGHT_MAX : (double)weights[i]) / sum
                              : 0;

            assert_true((double)r[i].tokens >= part - 1.01);
            assert_true(i + 1 == n || (double)r[i].tokens <= part * 1.000001 + 0.01);
            got += r[i].tokens;
        }
        assert_true(got == total);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_split, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_split, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ceiling, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_moderations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_embeddings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_answers, setup, teardown),
        cmocka_unit_test(test_shares)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
