/* Header lists, hop-by-hop names, and the writer that lets nothing through
 * which could become a line of its own. */
#include "http/message.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct sl_arena arena;

static int setup(void **state)
{
    (void)state;
    sl_arena_init(&arena, 65536);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sl_arena_fini(&arena);
    return 0;
}

static void add(struct sl_headers *h, const char *name, const char *value)
{
    assert_true(sl_headers_add(h, &arena, sl_str_of(name), sl_str_of(value)));
}

static void test_lookup(void **state)
{
    struct sl_headers h = {.n = 0};

    (void)state;
    assert_null(sl_headers_get(&h, SL_STR("a")).p);
    add(&h, "X-Api-Key", "one");
    add(&h, "x-api-key", "two");
    add(&h, "empty", "");
    assert_true(sl_str_eq(sl_headers_get(&h, SL_STR("x-API-key")), SL_STR("one")));
    assert_int_equal(sl_headers_count(&h, SL_STR("X-API-KEY")), 2);
    assert_int_equal(sl_headers_count(&h, SL_STR("X-API-KE")), 0);
    assert_non_null(sl_headers_get(&h, SL_STR("empty")).p);
    assert_int_equal(sl_headers_get(&h, SL_STR("empty")).n, 0);
}

static void test_ceiling(void **state)
{
    struct sl_headers h = {.n = 0};
    struct sl_headers small = {.n = 0}, odd = {.n = 0};
    struct sl_arena none;

    (void)state;
    for (size_t i = 0; i < SL_MESSAGE_HEADERS_MAX; i++)
        add(&h, "a", "b");
    assert_false(sl_headers_add(&h, &arena, SL_STR("a"), SL_STR("b")));
    assert_int_equal(h.n, SL_MESSAGE_HEADERS_MAX);
    assert_true(sl_headers_reserve(&odd, &arena, 100));
    while (odd.n < SL_MESSAGE_HEADERS_MAX)
        add(&odd, "a", "b");
    assert_false(sl_headers_add(&odd, &arena, SL_STR("a"), SL_STR("b")));
    sl_arena_init(&none, 16);
    assert_false(sl_headers_add(&small, &none, SL_STR("a"), SL_STR("b")));
    assert_int_equal(small.n, 0);
    sl_arena_fini(&none);
}

static void test_hop(void **state)
{
    static const char *const hops[] = {"Connection",
                                       "keep-alive",
                                       "TE",
                                       "trailer",
                                       "Transfer-Encoding",
                                       "upgrade",
                                       "host",
                                       "Content-Length",
                                       "expect",
                                       "proxy-authorization",
                                       "X-Secret",
                                       "x-two"};
    static const char *const ends[] = {"accept", "x-secre", "content-type", "authorization",
                                       "proxy"};
    struct sl_headers h = {.n = 0};

    (void)state;
    add(&h, "connection", "close, x-secret");
    add(&h, "Connection", "\tX-Two ,");
    for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++)
        assert_true(sl_headers_is_hop(&h, sl_str_of(hops[i])));
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        assert_false(sl_headers_is_hop(&h, sl_str_of(ends[i])));
}

/* Only what is of the hop anyway needs no look at the other lines. */
static void test_unlisted(void **state)
{
    static const char *const lines[] = {"Keep-Alive", "close, x-one", "x-one", "x-two, X-ONE"};
    static const bool lists[] = {false, true, true, true};

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct sl_headers h = {.n = 0};

        add(&h, "x-one", "a");
        add(&h, "Connection", lines[i]);
        assert_int_equal(h.lists, lists[i]);
        assert_int_equal(sl_headers_is_hop(&h, SL_STR("X-One")), lists[i]);
        add(&h, "connection", "close");
        add(&h, "close", "a");
        assert_true(sl_headers_is_hop(&h, SL_STR("Close")));
    }
}

/* Whatever was added is found, in any case of its letters. */
static void test_marks(void **state)
{
    static const char small[] = "abc-defghijklmnopqrstuvwxyz09";
    static const char large[] = "ABC-DEFGHIJKLMNOPQRSTUVWXYZ09";

    (void)state;
    for (size_t from = 0; from + 1 < sizeof(small); from++) {
        for (size_t n = 1; from + n < sizeof(small); n++) {
            struct sl_headers h = {.n = 0};

            assert_true(sl_headers_add(&h, &arena, (struct sl_str){small + from, n}, SL_STR("v")));
            assert_int_equal(sl_headers_get(&h, (struct sl_str){large + from, n}).n, 1);
            sl_arena_fini(&arena);
            sl_arena_init(&arena, 65536);
        }
    }
}

static void test_fit(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[3] = {'a', (char)c, 'b'};
        bool control = (c < 32 && c != '\t') || c == 127;
        bool in_name = c > 32 && c < 127 && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;

        assert_int_equal(sl_headers_value_ok((struct sl_str){text, 3}), !control);
        assert_int_equal(sl_headers_name_ok((struct sl_str){text, 3}), in_name);
    }
    for (size_t n = 1; n <= 25; n++) { /* wherever it stands */
        for (size_t at = 0; at < n; at++) {
            for (int c = 0; c < 256; c++) {
                char text[25];

                memset(text, 'a', n);
                text[at] = (char)c;
                assert_int_equal(sl_headers_value_ok((struct sl_str){text, n}),
                                 !((c < 32 && c != '\t') || c == 127));
                assert_int_equal(sl_headers_name_ok((struct sl_str){text, n}), token[c]);
            }
        }
    }
    assert_true(sl_headers_value_ok(SL_STR("")));
    assert_false(sl_headers_name_ok(SL_STR("")));
}

static void test_write(void **state)
{
    struct sl_headers h = {.n = 0};
    char place[256];
    struct sl_text t = sl_text_over(place, sizeof(place));

    (void)state;
    add(&h, "Content-Type", "text/plain");
    add(&h, "x-evil", "a\r\nset-cookie: b");
    add(&h, "x-evil2", "a\nb");
    add(&h, "x evil", "a");
    add(&h, "Date", "then");
    add(&h, "CONNECTION", "close");
    add(&h, "Content-Length", "5");
    add(&h, "Transfer-Encoding", "chunked");
    add(&h, "x-empty", "");
    sl_headers_write(&t, &h);
    assert_false(t.cut);
    assert_true(t.n <= sl_headers_room(&h));
    assert_true(sl_str_eq(sl_text_str(&t), SL_STR("Content-Type: text/plain\r\nx-empty: \r\n")));
}

static void test_reasons(void **state)
{
    (void)state;
    assert_string_equal(sl_message_reason(200), "OK");
    assert_string_equal(sl_message_reason(529), "Overloaded");
    assert_string_equal(sl_message_reason(299), "Success");
    assert_string_equal(sl_message_reason(799), "Unknown");
    assert_string_equal(sl_message_reason(0), "Unknown");
    for (int status = 0; status < 1000; status++) {
        char want[64], place[64];
        struct sl_text t = sl_text_over(place, sizeof(place));

        snprintf(want, sizeof(want), "HTTP/1.1 %d %s\r\n", status, sl_message_reason(status));
        sl_message_status_line(&t, status);
        assert_true(sl_str_eq(sl_text_str(&t), sl_str_of(want)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lookup, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ceiling, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unlisted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reasons, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
