/* JSON written piece by piece: commas, escapes, money, and what no longer fits. */
#include "admin/api/out.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_out(struct sl_out *o, const char *want)
{
    size_t n = 0;
    struct sl_str part;
    char *all = calloc(1, o->bytes.len + 1);

    while (o->bytes.len > 0) {
        assert_int_equal(sl_buf_peek(&o->bytes, &part, 1), 1);
        memcpy(all + n, part.p, part.n);
        n += part.n;
        sl_buf_consume(&o->bytes, part.n);
    }
    assert_string_equal(all, want);
    free(all);
    sl_out_fini(o);
}

static void test_nested(void **state)
{
    struct sl_out o;

    (void)state;
    sl_out_init(&o, 4096);
    sl_out_open(&o, NULL, '{');
    sl_out_text(&o, "a", SL_STR("x\"\n\xff"));
    sl_out_open(&o, "list", '[');
    sl_out_number(&o, NULL, -5);
    sl_out_open(&o, NULL, '{');
    sl_out_close(&o, '}');
    sl_out_open(&o, NULL, '[');
    sl_out_close(&o, ']');
    sl_out_count(&o, NULL, UINT64_MAX);
    sl_out_close(&o, ']');
    sl_out_money(&o, "m", -1500001);
    sl_out_flag(&o, "f", false);
    sl_out_null(&o, "n");
    sl_out_name(&o, SL_STR("odd \"name"));
    sl_out_raw(&o, NULL, SL_STR("{\"raw\":1}"));
    sl_out_close(&o, '}');
    sl_out_end(&o);
    assert_false(o.cut);
    assert_out(&o, "{\"a\":\"x\\\"\\n\xef\xbf\xbd\",\"list\":[-5,{},[],18446744073709551615],"
                   "\"m\":-1.500001,\"f\":false,\"n\":null,\"odd \\\"name\":{\"raw\":1}}\n");
}

static void test_long(void **state)
{
    char *text = calloc(1, 40001);
    struct sl_out o;

    (void)state;
    memset(text, 'x', 40000);
    text[20000] = '"';
    sl_out_init(&o, 100000);
    sl_out_text(&o, NULL, (struct sl_str){text, 40000});
    assert_false(o.cut);
    assert_int_equal(o.bytes.len, 40003); /* with its quotes, and one escaped */
    sl_out_clear(&o);
    sl_out_flag(&o, NULL, true);
    assert_out(&o, "true");
    free(text);
}

static void test_cut(void **state)
{
    struct sl_out o;
    char text[100];

    (void)state;
    memset(text, 'x', sizeof text);
    sl_out_init(&o, 64);
    sl_out_open(&o, NULL, '[');
    sl_out_text(&o, NULL, (struct sl_str){text, sizeof text});
    assert_true(o.cut);
    sl_out_flag(&o, NULL, true); /* nothing after a hole */
    assert_out(&o, "[");
    sl_out_init(&o, 100000);
    sl_mem_fail_at(1);
    sl_out_text(&o, NULL, (struct sl_str){text, sizeof text});
    sl_mem_fail_at(0);
    assert_true(o.cut);
    sl_out_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
