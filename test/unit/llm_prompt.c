/* The prompt API's body made whole, and its answers as other programs read them. */
#include "llm/prompt.h"

#include "_translate.h"

#include "llm/fold.h"

static const struct sl_prompt_defaults usual = {
    .model = SL_STR_INIT("m\"x"), .max_tokens = 1024, .temperature = SL_STR_INIT("0.7")};

static void filled(const char *body, const char *want, const char *prompt, bool alone)
{
    struct sl_prompt p;
    struct sl_str expected = json(want);

    assert_int_equal(sl_prompt_fill(json(body), &usual, &arena, &p), SL_OK);
    assert_int_equal(p.body.n, expected.n);
    assert_memory_equal(p.body.p, expected.p, expected.n);
    assert_true(sl_str_eq(p.prompt, sl_str_of(prompt)));
    assert_int_equal(p.alone, alone);
}

static void test_fill(void **state)
{
    (void)state;
    filled("{'prompt':'a\\u00e4'}",
           "{'prompt':'a\\u00e4','model':'m\\'x','max_tokens':1024,'temperature':0.7}", "aä", true);
    filled("{'x':[1],'stream':false,'model':null,'prompt':'p','system':null}",
           "{'prompt':'p','model':'m\\'x','max_tokens':1024,'temperature':0.7}", "p", true);
    filled("{'system':'s','temperature':2.0,'max_tokens':5,'model':'k','prompt':'p'}",
           "{'prompt':'p','model':'k','max_tokens':5,'temperature':2.0,'system':'s'}", "p", false);
}

static void test_faults(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{'prompt':null}",
        "{'prompt':''}",
        "{'prompt':['a']}",
        "{'prompt':'a','system':{}}",
        "{'prompt':'a','temperature':'1'}",
        "{'prompt':'a','temperature':2.1}",
        "{'prompt':'a','temperature':-1}",
        "{'prompt':'a','temperature':1e9}",
        "{'prompt':'a','temperature':12}",
        "{'prompt':'a','stream':true}",
    };
    struct sl_prompt p;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (sl_prompt_fill(json(bad[i]), &usual, &arena, &p) != SL_ERR_BAD_FIELD || p.why == NULL)
            fail_msg("taken: %s", bad[i]);
    }
}

/* There and back; and nothing of another request's, or of another program's. */
static void test_share(void **state)
{
    const uint8_t sha[SL_PROMPT_SHA256] = {1, 2, 3}, other[SL_PROMPT_SHA256] = {1, 2, 4};
    struct sl_str plain = json("{'output':'a \\',\\'cached\\':false,\\'version\\': b','model':'m',"
                               "'usage':{'input_tokens':3,'output_tokens':4},'cached':false,"
                               "'id':'prm_1','stop_reason':'end_turn'}");
    struct sl_str cached = sl_prompt_cached(plain, &arena), shared, back;
    struct sl_usage u;

    (void)state;
    assert_int_equal(cached.n, plain.n - 1);
    assert_true(sl_str_find(cached, SL_STR("},\"cached\":true,\"id\"")) > 0);
    assert_true(sl_fold_is_keepable(SL_EP_PROMPT, cached));
    shared = sl_prompt_share(cached, SL_STR("v\"1"), sha, &arena);
    assert_true(sl_prompt_unshare(shared, sha, &arena, &back, &u));
    assert_true(sl_str_eq(back, cached));
    assert_int_equal(u.in, 3);
    assert_int_equal(u.out, 4);
    assert_string_equal(u.model, "m");
    assert_string_equal(u.stop, "end_turn");
    assert_false(sl_prompt_unshare(shared, other, &arena, &back, &u));
    assert_false(sl_prompt_unshare(cached, sha, &arena, &back, &u));
    for (size_t n = 0; n < shared.n; n++)
        assert_false(sl_prompt_unshare(sl_str_first(shared, n), sha, &arena, &back, &u));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_share),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
