/* Whatever is remembered, only the very same request finds it. */
#include "gateway/cache/digests.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct sl_digests all;

static struct sl_canon usual(void)
{
    return (struct sl_canon){.scope = SL_STR("acme"),
                             .operation = SL_STR("messages"),
                             .model = SL_STR("m"),
                             .version = SL_STR("v1"),
                             .betas = SL_STR("b"),
                             .api_version = SL_STR("2023-06-01")};
}

static void note(const struct sl_canon *c, struct sl_str body, uint8_t mark)
{
    struct sl_digest d;

    (void)!sl_digests_recall(&all, c, body, &d);
    memset(d.md5, mark, sizeof d.md5);
    memset(d.sha256, mark, sizeof d.sha256);
    sl_digests_note(&all, &d);
}

static bool knows(const struct sl_canon *c, struct sl_str body, uint8_t *mark)
{
    struct sl_digest d;

    if (!sl_digests_recall(&all, c, body, &d))
        return false;
    assert_int_equal(d.md5[0], d.sha256[31]);
    *mark = d.md5[0];
    return true;
}

static void test_every_part_counts(void **state)
{
    struct sl_canon c = usual();
    struct sl_str body = SL_STR("{\"a\":1}");
    uint8_t mark = 0;

    (void)state;
    memset(&all, 0, sizeof all);
    assert_false(knows(&c, body, &mark));
    note(&c, body, 7);
    assert_true(knows(&c, body, &mark));
    assert_int_equal(mark, 7);
    assert_false(knows(&c, SL_STR("{\"a\":2}"), &mark));
    for (int i = 0; i < 10; i++) {
        struct sl_canon other = usual();
        struct sl_str *const names[] = {&other.scope,   &other.operation, &other.model,
                                        &other.version, &other.betas,     &other.api_version};

        if (i < 6)
            *names[i] = SL_STR("x");
        else if (i < 9)
            other.generation[i - 6] = 1;
        else
            other.normal = 1;
        assert_false(knows(&other, body, &mark));
    }
}

/* Names don't run into each other. */
static void test_borders(void **state)
{
    struct sl_canon a = usual(), b = usual();
    uint8_t mark;

    (void)state;
    a.model = SL_STR("ab");
    a.version = SL_STR("c");
    b.model = SL_STR("a");
    b.version = SL_STR("bc");
    note(&a, SL_STR("{}"), 1);
    assert_false(knows(&b, SL_STR("{}"), &mark));
}

static void test_many(void **state)
{
    struct sl_canon c = usual();
    char text[32];

    (void)state;
    for (int i = 0; i < 4 * SL_DIGESTS_SLOTS; i++) {
        struct sl_str body = {text, (size_t)snprintf(text, sizeof text, "{\"n\":%d}", i)};
        uint8_t mark = 0;

        note(&c, body, (uint8_t)i);
        assert_true(knows(&c, body, &mark));
        assert_int_equal(mark, (uint8_t)i);
    }
    assert_null(memmem(&all, sizeof all, "{\"n\":", 5));
}

/* What does not fit into the place for names is never remembered. */
static void test_long_names(void **state)
{
    static char name[2 * NAMES];
    struct sl_canon c = usual();
    uint8_t mark;

    (void)state;
    memset(name, 'n', sizeof name);
    c.model = (struct sl_str){name, sizeof name};
    note(&c, SL_STR("{}"), 3);
    assert_false(knows(&c, SL_STR("{}"), &mark));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_part_counts),
                                       cmocka_unit_test(test_borders), cmocka_unit_test(test_many),
                                       cmocka_unit_test(test_long_names)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
