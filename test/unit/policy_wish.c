/* What a request's `provider` leaves of the candidates, and in which order. */
#include "policy/routing/wish.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_narrows(void **state)
{
    /* candidates a, b, c and o, which reads the field itself */
    static const struct {
        const char *wish, *want;
    } cases[] = {
        {"{}", "abco"},
        {"null", "abco"},
        {"[\"a\"]", "abco"},
        {"{\"order\":[\"c\",\"x\",\"a\"]}", "cabo"},
        {"{\"order\":[\"c\",\"a\"],\"allow_fallbacks\":false}", "ca"},
        {"{\"order\":[\"x\"],\"allow_fallbacks\":false}", "o"},
        {"{\"allow_fallbacks\":false}", "a"},
        {"{\"allow_fallbacks\":true}", "abco"},
        {"{\"only\":[\"b\",\"A\"]}", "ab"},
        {"{\"only\":[\"\\u0062\"]}", "b"},
        {"{\"only\":[\"azure\"]}", "o"},
        {"{\"only\":[\"o\"]}", "o"},
        {"{\"only\":[]}", "o"},
        {"{\"only\":\"a\"}", "abco"},
        {"{\"only\":[7,null,[\"a\"],\"c\"]}", "c"},
        {"{\"ignore\":[\"a\",\"o\"]}", "bc"},
        {"{\"ignore\":[\"a\",\"b\",\"c\",\"o\"]}", ""},
        {"{\"only\":[\"a\",\"b\"],\"ignore\":[\"a\"],\"order\":[\"b\"]}", "b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        static const struct sl_str names[] = {SL_STR_INIT("a"), SL_STR_INIT("b"), SL_STR_INIT("c"),
                                              SL_STR_INIT("o")};
        struct sl_candidate v[COUNT(names)];
        char got[COUNT(names) + 1] = "";
        struct sl_wish w;
        size_t n;

        for (size_t k = 0; k < COUNT(names); k++)
            v[k] = (struct sl_candidate){.provider = names[k], .reads_wish = k == 3};
        sl_wish_read(sl_str_of(cases[i].wish), &w);
        n = sl_wish_apply(&w, v, COUNT(names));
        for (size_t k = 0; k < n; k++)
            got[k] = v[k].provider.p[0];
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s leaves %s, not %s", cases[i].wish, got, cases[i].want);
    }
}

static void test_no_wish(void **state)
{
    struct sl_candidate v[2] = {{.provider = SL_STR_INIT("a")}, {.provider = SL_STR_INIT("b")}};
    struct sl_wish w;

    (void)state;
    sl_wish_read((struct sl_str){NULL, 0}, &w);
    assert_int_equal(sl_wish_apply(&w, v, 2), 2);
    w.no_fallbacks = true;
    assert_int_equal(sl_wish_apply(&w, v, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_narrows),
        cmocka_unit_test(test_no_wish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
