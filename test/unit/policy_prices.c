/* A list of prices: by exact name, else without the snapshot's date, never by resemblance. */
#include "policy/prices.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void add(struct sl_prices *p, const char *provider, const char *model, int64_t in)
{
    struct sl_price price;
    char why[200] = "";

    sl_price_init(&price);
    price.in = price.out = in;
    assert_int_equal(
        sl_prices_add(p, sl_str_of(provider), sl_str_of(model), &price, why, sizeof(why)), SL_OK);
}

static void finds(const struct sl_prices *p, const char *provider, const char *model, int64_t want)
{
    const struct sl_price *got = sl_prices_find(p, sl_str_of(provider), sl_str_of(model));

    if ((got == NULL ? -1 : got->in) != want)
        fail_msg("%s of %s costs %lld", model, provider, got == NULL ? -1LL : (long long)got->in);
}

static void test_names(void **state)
{
    struct sl_prices *p = sl_prices_new();

    (void)state;
    assert_false(sl_prices_has(p, SL_STR("a")));
    add(p, "a", "model", 1);
    add(p, "a", "model-2024-05-13", 2);
    add(p, "b", "model", 3);
    add(p, "a", "20250929", 4);
    assert_int_equal(sl_prices_count(p), 4);
    assert_true(sl_prices_has(p, SL_STR("a")) && sl_prices_has(p, SL_STR("b")));
    assert_false(sl_prices_has(p, SL_STR("am")));
    finds(p, "a", "model", 1);
    finds(p, "b", "model", 3);
    finds(p, "c", "model", -1);
    finds(p, "a", "model-2024-05-13", 2); /* its own */
    finds(p, "a", "model-2024-08-06", 1);
    finds(p, "a", "model-20250929", 1);
    finds(p, "a", "model-latest", 1);
    finds(p, "a", "model-mini", -1);
    finds(p, "a", "model-2024-08", -1);
    finds(p, "a", "model-2024-0x-06", -1);
    finds(p, "a", "model-2025092", -1);
    finds(p, "a", "mode", -1);
    finds(p, "a", "-20250929", -1);
    finds(p, "a", "20250929", 4);
    finds(p, "a", "", -1);
    finds(p, "am", "odel", -1); /* what joins to the same letters is another */
    sl_prices_end(&p);
    assert_null(p);
    sl_prices_end(&p);
}

static void test_refused(void **state)
{
    struct sl_prices *p = sl_prices_new();
    struct sl_price price;
    char long_name[400], why[200] = "";

    (void)state;
    sl_price_init(&price);
    memset(long_name, 'x', sizeof(long_name));
    add(p, "a", "model", 1);
    assert_int_equal(sl_prices_add(p, SL_STR("a"), SL_STR("model"), &price, why, sizeof(why)),
                     SL_ERR_CONFIG);
    assert_string_equal(why, "model of a stands twice");
    assert_int_equal(sl_prices_add(p, SL_STR("a"), SL_STR(""), &price, why, sizeof(why)),
                     SL_ERR_CONFIG);
    assert_int_equal(
        sl_prices_add(p, SL_STR("a"), (struct sl_str){long_name, 300}, &price, why, sizeof(why)),
        SL_ERR_CONFIG);
    assert_null(sl_prices_find(p, SL_STR("a"), (struct sl_str){long_name, sizeof(long_name)}));
    assert_int_equal(sl_prices_count(p), 1);
    sl_prices_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
