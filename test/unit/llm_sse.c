/* Where events end, held against a reading of the standard byte by byte: for
 * every text the same events come out, however it was cut into pieces. */
#include "llm/sse.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define EVENTS 64
#define TEXT 256

/* --- The oracle: WHATWG HTML 9.2.6, one byte at a time ------------------------------ */

struct seen {
    size_t end; /* behind the empty line, with the LF of a CRLF */
    char name[TEXT];
    char data[TEXT];
    bool has_data;
};

struct story {
    struct seen v[EVENTS];
    size_t n;
};

static void oracle_field(struct seen *e, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    size_t field = colon != NULL ? (size_t)(colon - line) : n;
    const char *value = colon != NULL ? colon + 1 : line + n;
    size_t value_n = (size_t)(line + n - value);
    size_t had = strlen(e->data);

    if (value_n > 0 && *value == ' ') {
        value++;
        value_n--;
    }
    if (field == 5 && memcmp(line, "event", 5) == 0) {
        memcpy(e->name, value, value_n);
        e->name[value_n] = '\0';
    }
    if (field != 4 || memcmp(line, "data", 4) != 0)
        return;
    if (e->has_data)
        e->data[had++] = '\n';
    memcpy(e->data + had, value, value_n);
    e->data[had + value_n] = '\0';
    e->has_data = true;
}

static void oracle(const char *p, size_t n, struct story *out)
{
    struct seen e = {.end = 0};
    size_t i = n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    out->n = 0;
    while (i < n) {
        size_t from = i;

        while (i < n && p[i] != '\n' && p[i] != '\r')
            i++;
        if (i == n)
            return;
        if (i > from)
            oracle_field(&e, p + from, i - from);
        else
            e.end = 1;
        from = e.end != 0;
        i += p[i] == '\r' && i + 1 < n && p[i + 1] == '\n' ? 2 : 1;
        if (from != 0) {
            e.end = i;
            out->v[out->n++] = e;
            memset(&e, 0, sizeof(e));
        }
    }
}

/* --- The splitter, fed in pieces ------------------------------------------------------- */

static void note(struct story *out, struct sl_str event, size_t end)
{
    struct seen *s = &out->v[out->n++];
    struct sl_sse_event e;
    char scratch[TEXT];

    sl_sse_parse(event, scratch, sizeof(scratch), &e);
    assert_non_null(e.data.p);
    memset(s, 0, sizeof(*s));
    s->end = end;
    s->has_data = e.has_data;
    memcpy(s->name, e.name.p, e.name.n);
    memcpy(s->data, e.data.p, e.data.n);
}

/* Cuts where `cuts` has a bit set (place modulo 64), or by `random`. */
static void split(const char *p, size_t n, uint64_t cuts, struct story *out)
{
    struct sl_sse s;
    size_t at = 0, event = 0;

    out->n = 0;
    sl_sse_init(&s);
    while (at < n) {
        size_t end = at + 1, k;
        struct sl_str piece;

        while (end < n && (cuts >> (end % 64) & 1) == 0)
            end++;
        piece = (struct sl_str){p + at, end - at};
        while (sl_sse_next(&s, piece, &k)) {
            assert_true(k > 0 && k <= piece.n);
            at += k;
            note(out, (struct sl_str){p + event, at - event}, at);
            event = at;
            piece = sl_str_from(piece, k);
            assert_true(sl_sse_is_between(&s));
        }
        at = end;
    }
}

static void compare(const char *p, size_t n, uint64_t cuts)
{
    static struct story want, got;

    oracle(p, n, &want);
    split(p, n, cuts, &got);
    assert_int_equal(got.n, want.n);
    for (size_t i = 0; i < want.n; i++) {
        /* the LF of a CRLF that was cut goes with the next event */
        if (got.v[i].end != want.v[i].end) {
            assert_int_equal(got.v[i].end + 1, want.v[i].end);
            assert_memory_equal(p + got.v[i].end - 1, "\r\n", 2);
        }
        assert_string_equal(got.v[i].name, want.v[i].name);
        assert_string_equal(got.v[i].data, want.v[i].data);
        assert_int_equal(got.v[i].has_data, want.v[i].has_data);
    }
}

static const char *const texts[] = {
    "",
    "\n",
    "\r",
    "\r\n",
    "\n\n\n",
    "\r\r\r",
    "\r\n\r\n\r\n",
    "data: a\n\n",
    "data: a\r\n\r\ndata: b\r\n\r\n",
    "data: a\r\rdata: b\r\r",
    "data: a\n\r\ndata: b\r\n\ndata: c\r\n\r",
    "data: a\r\n\ndata: b\n\r",
    "event: x\ndata: {\"a\":1}\n\nevent: y\ndata:b\n\n",
    ": comment\n\n: another\r\n\r\ndata: x\n\n",
    "data: a\ndata: b\ndata\ndata:\ndata:  c\n\n",
    "event: a\nevent: b\nid: 1\nretry: 5\ndata: x\n\n",
    ("\xef\xbb\xbf"
     "data: bom\n\ndata: y\n\n"),
    "data: unfinished\n",
    "data: a\n\ndata: unfinished",
    "event\ndata\n\n",
    "dat: no\n:data: no\n data: no\nDATA: no\n\n",
};

static void test_known_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        size_t n = strlen(texts[i]);

        compare(texts[i], n, 0);
        compare(texts[i], n, UINT64_MAX);
        for (size_t cut = 0; cut < 64; cut++)
            compare(texts[i], n, (uint64_t)1 << cut);
    }
}

static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void test_random_texts(void **state)
{
    static const char *const words[] = {"\n", "\n",       "\r", "\r\n", "data: x", "data:",
                                        "a",  "event: e", ":c", "\n\n", "\r\r",    "data: y\n"};

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[TEXT];
        size_t n = 0;
        uint64_t steps = next_random() % 20;

        for (uint64_t i = 0; i < steps; i++) {
            const char *w = words[next_random() % COUNT(words)];

            memcpy(text + n, w, strlen(w));
            n += strlen(w);
        }
        compare(text, n, 0);
        compare(text, n, UINT64_MAX);
        compare(text, n, next_random());
        compare(text, n, next_random() & next_random() & next_random());
    }
}

static void test_between(void **state)
{
    struct sl_sse s;
    size_t n;

    (void)state;
    sl_sse_init(&s);
    assert_true(sl_sse_is_between(&s));
    assert_false(sl_sse_next(&s, (struct sl_str){NULL, 0}, &n));
    assert_true(sl_sse_is_between(&s));
    assert_false(sl_sse_next(&s, SL_STR("d"), &n));
    assert_false(sl_sse_is_between(&s));
    assert_false(sl_sse_next(&s, SL_STR("ata: x\r"), &n));
    assert_false(sl_sse_is_between(&s));
    assert_true(sl_sse_next(&s, SL_STR("\n\r"), &n));
    assert_int_equal(n, 2);
    assert_true(sl_sse_is_between(&s));
    assert_false(sl_sse_next(&s, SL_STR("\n"), &n)); /* belongs to what ended */
    assert_true(sl_sse_is_between(&s));
    assert_true(sl_sse_next(&s, SL_STR("\n"), &n)); /* this one is a line of its own */
}

static void test_parse_joins_and_cuts(void **state)
{
    struct sl_str event = SL_STR("data: 12345\ndata: 678\n\n");
    struct sl_sse_event e;
    char scratch[9];

    (void)state;
    sl_sse_parse(event, scratch, sizeof(scratch), &e);
    assert_true(e.has_data);
    assert_true(sl_str_eq(e.data, SL_STR("12345\n678")));
    assert_ptr_equal(e.data.p, scratch);
    for (size_t cap = 0; cap < 9; cap++) {
        sl_sse_parse(event, scratch, cap, &e);
        assert_true(e.has_data);
        assert_null(e.data.p);
        assert_int_equal(e.data.n, 0);
    }
    sl_sse_parse(SL_STR("data: 1\ndata: 2\ndata: 3\n\n"), scratch, 2, &e);
    assert_null(e.data.p);
    /* one line stays in place, whatever the room */
    event = SL_STR("event: e\ndata: a long line\n\n");
    sl_sse_parse(event, scratch, 0, &e);
    assert_true(sl_str_eq(e.data, SL_STR("a long line")));
    assert_ptr_equal(e.data.p, event.p + 15);
    assert_true(sl_str_eq(e.name, SL_STR("e")));
}

static void test_parse_nothing(void **state)
{
    struct sl_sse_event e;

    (void)state;
    sl_sse_parse((struct sl_str){NULL, 0}, NULL, 0, &e);
    assert_false(e.has_data);
    assert_int_equal(e.name.n + e.data.n, 0);
    sl_sse_parse(SL_STR(": only a comment\n\n"), NULL, 0, &e);
    assert_false(e.has_data);
    sl_sse_parse(SL_STR("\xef\xbb\xbf"), NULL, 0, &e);
    assert_false(e.has_data);
    sl_sse_parse(SL_STR("data"), NULL, 0, &e); /* no line end: a reader of tails */
    assert_true(e.has_data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_texts),   cmocka_unit_test(test_random_texts),
        cmocka_unit_test(test_between),       cmocka_unit_test(test_parse_joins_and_cuts),
        cmocka_unit_test(test_parse_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
