/* What the tests of folding share: streams taken apart, values compared, random
 * answers made. Static functions that a test does not use are no fault. */
#ifndef SL_TEST_FOLD_H
#define SL_TEST_FOLD_H

#include "base/doc.h"
#include "base/grow.h"
#include "base/rand.h"
#include "llm/fold.h"
#include "llm/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FOLD_MAX ((size_t)1 << 20)
#define UNUSED __attribute__((unused))

static struct sl_arena arena;

static UNUSED int setup(void **state)
{
    (void)state;
    sl_arena_init(&arena, 64 << 20);
    return 0;
}

static UNUSED int teardown(void **state)
{
    (void)state;
    sl_arena_fini(&arena);
    return 0;
}

/* --- Values ------------------------------------------------------------------------------- */

static UNUSED bool same_json(struct sl_str a, struct sl_str b)
{
    struct sl_doc x, y;
    bool ok = sl_doc_read(&x, a, 1 << 26, YYJSON_READ_NUMBER_AS_RAW) == SL_OK;

    ok = sl_doc_read(&y, b, 1 << 26, YYJSON_READ_NUMBER_AS_RAW) == SL_OK && ok;
    ok = ok && yyjson_equals(x.root, y.root);
    sl_doc_fini(&x);
    sl_doc_fini(&y);
    return ok;
}

static UNUSED void assert_json(struct sl_str got, struct sl_str want)
{
    if (!same_json(got, want))
        fail_msg("got  %.*s\nwant %.*s", SL_STR_ARGS(got), SL_STR_ARGS(want));
}

/* --- Streams ------------------------------------------------------------------------------ */

static UNUSED bool next_event(struct sl_str *rest, struct sl_str *event)
{
    struct sl_sse sse;
    size_t n;

    sl_sse_init(&sse);
    if (rest->n == 0 || !sl_sse_next(&sse, *rest, &n))
        return false;
    *event = sl_str_first(*rest, n);
    *rest = sl_str_from(*rest, n);
    return true;
}

static UNUSED struct sl_fold *feed_all(enum sl_endpoint ep, struct sl_str stream)
{
    struct sl_fold *f = sl_fold_new(ep, FOLD_MAX);
    struct sl_str event;

    assert_non_null(f);
    while (next_event(&stream, &event))
        sl_fold_event(f, event);
    assert_int_equal(stream.n, 0);
    return f;
}

/* The plain answer; .p NULL if the fold was not whole. */
static UNUSED struct sl_str fold_all(enum sl_endpoint ep, struct sl_str stream)
{
    struct sl_fold *f = feed_all(ep, stream);
    struct sl_str out = {NULL, 0};
    bool whole = sl_fold_is_whole(f);
    enum sl_err err = sl_fold_finish(f, &arena, &out);

    assert_true(whole || err == SL_ERR_UP_GARBAGE);
    sl_fold_end(&f);
    return err == SL_OK ? out : (struct sl_str){NULL, 0};
}

/* --- Chance ------------------------------------------------------------------------------- */

static UNUSED uint64_t dice(uint64_t sides)
{
    return sl_rand_u64() % sides;
}

static UNUSED void say(struct sl_grow *g, const char *z)
{
    sl_grow_add(g, sl_str_of(z));
}

/* A string's inside as a provider might write it. */
static UNUSED void random_inside(struct sl_grow *g, size_t max)
{
    static const char *const marks[] = {"a",
                                        "Hello, ",
                                        "\\n",
                                        "\\\"",
                                        "\\\\",
                                        "\\u00e9",
                                        "\xc3\xa4",
                                        "\xe4\xb8\xad",
                                        "\xf0\x9f\x98\x80",
                                        "\\ud83d\\ude00",
                                        "\\/",
                                        " ",
                                        "{",
                                        "}",
                                        "data: ",
                                        "\\r"};

    for (uint64_t n = dice(max + 1); n > 0; n--)
        say(g, marks[dice(COUNT(marks))]);
}

static UNUSED void random_string(struct sl_grow *g, size_t max)
{
    say(g, "\"");
    random_inside(g, max);
    say(g, "\"");
}

static UNUSED void random_value(struct sl_grow *g, unsigned depth)
{
    static const char *const flat[] = {"null", "true", "false", "0",    "-1.50",
                                       "1e9",  "{}",   "[]",    "\"\"", "12345678901234567890"};
    uint64_t n = dice(4);

    switch (dice(depth > 0 ? 5 : 2)) {
    case 0: say(g, flat[dice(COUNT(flat))]); break;
    case 1: random_string(g, 20); break;
    case 2:
    case 3:
        say(g, dice(2) == 0 ? "{" : "{\n ");
        for (uint64_t i = 0; i < n; i++) {
            say(g, i > 0 ? ",\"k" : "\"k");
            sl_grow_u64(g, i);
            say(g, "\":");
            random_value(g, depth - 1);
        }
        say(g, "}");
        break;
    default:
        say(g, "[");
        for (uint64_t i = 0; i < n; i++) {
            say(g, i > 0 ? ", " : "");
            random_value(g, depth - 1);
        }
        say(g, "]");
        break;
    }
}

static UNUSED void random_object(struct sl_grow *g, unsigned depth)
{
    say(g, "{\"v\":");
    random_value(g, depth);
    say(g, "}");
}

/* Some of these members, each in its turn; the caller has begun an object. */
static UNUSED void maybe(struct sl_grow *g, const char *member)
{
    if (dice(2) == 0)
        say(g, member);
}

#endif
