/* Fuzz: the canonical request, normalisers, and what is never cached.
 *
 * Byte 0 of the input seeds how the rest, a body, is written again. Held: the
 * canonical form can be read back; what is read, written with other escapes, other
 * spaces, other order of keys, gives the same bytes; with one value changed it does
 * not. A normalised body is still JSON and normal. On anything at all, readers stay
 * inside.
 */
#include "base/grow.h"
#include "base/json.h"
#include "base/obj.h"
#include "policy/canon.h"
#include "policy/normal.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX ((size_t)1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t seed;

static uint64_t dice(uint64_t sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % sides;
}

/* --- Reading the form back ------------------------------------------------------------ */

static char take_byte(struct sl_str *in)
{
    char c;

    SL_CHECK(in->n > 0);
    c = in->p[0];
    *in = sl_str_from(*in, 1);
    return c;
}

static uint64_t take_count(struct sl_str *in)
{
    uint64_t v = 0;

    for (unsigned shift = 0;; shift += 7) {
        uint8_t c = (uint8_t)take_byte(in);

        SL_CHECK(shift < 64);
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 128)
            return v;
    }
}

static struct sl_str take_str(struct sl_str *in)
{
    uint64_t n = take_count(in);
    struct sl_str s;

    SL_CHECK(n <= in->n);
    s = sl_str_first(*in, (size_t)n);
    *in = sl_str_from(*in, (size_t)n);
    return s;
}

static void skip_head(struct sl_str *in)
{
    for (const char *p = "slc\002r"; *p != '\0'; p++)
        SL_CHECK(take_byte(in) == *p);
    (void)take_str(in);
    for (int i = 0; i < 3; i++)
        (void)take_count(in);
    for (int i = 0; i < 3; i++)
        (void)take_str(in);
    (void)take_count(in);
    (void)take_count(in);
    (void)take_str(in);
    for (uint64_t n = take_count(in); n > 0; n--)
        (void)take_str(in);
}

/* --- Writing it as JSON ----------------------------------------------------------------- */

struct text {
    struct sl_grow out;
    uint64_t scalars; /* written so far */
    uint64_t change;  /* which of them becomes another; UINT64_MAX: none */
    bool plain;       /* no tricks */
};

static void space(struct text *t)
{
    while (!t->plain && dice(4) == 0)
        sl_grow_byte(&t->out, " \t\r\n"[dice(4)]);
}

static void put_unit(struct text *t, uint32_t unit)
{
    char place[8];

    SL_CHECK(snprintf(place, sizeof(place), dice(2) == 0 ? "\\u%04x" : "\\u%04X", (unsigned)unit) ==
             6);
    sl_grow_add(&t->out, (struct sl_str){place, 6});
}

static void put_string(struct text *t, struct sl_str s, bool changed)
{
    sl_grow_byte(&t->out, '"');
    while (s.n > 0) {
        uint32_t code = (uint8_t)s.p[0];
        size_t n = 1;

        if (code != '"' && code != '\\' && code >= 0x20)
            n = sl_json_char(s, &code);
        SL_CHECK(n > 0);
        if (t->plain || dice(3) != 0)
            sl_grow_escaped(&t->out, sl_str_first(s, n));
        else if (code < 0x10000)
            put_unit(t, code);
        else {
            put_unit(t, 0xd800 + ((code - 0x10000) >> 10));
            put_unit(t, 0xdc00 + (code & 0x3ff));
        }
        s = sl_str_from(s, n);
    }
    if (changed)
        sl_grow_byte(&t->out, 'x');
    sl_grow_byte(&t->out, '"');
}

static void put_value(struct text *t, struct sl_str *in);

/* The members' places first, then they are written in another order. */
static void put_object(struct text *t, struct sl_str *in)
{
    uint64_t n = take_count(in);
    struct sl_str *members = malloc((n + 1) * sizeof(*members));
    struct text nowhere = {.plain = true, .change = UINT64_MAX};

    SL_CHECK(members != NULL);
    sl_grow_init(&nowhere.out, MAX);
    for (uint64_t i = 0; i < n; i++) {
        members[i] = *in;
        (void)take_str(in);
        put_value(&nowhere, in);
        nowhere.out.n = 0;
    }
    sl_grow_fini(&nowhere.out);
    sl_grow_byte(&t->out, '{');
    for (uint64_t i = 0; i < n; i++) {
        uint64_t k = t->plain ? i : i + dice(n - i);
        struct sl_str member = members[k];

        members[k] = members[i];
        if (i > 0)
            sl_grow_byte(&t->out, ',');
        space(t);
        put_string(t, take_str(&member), false);
        space(t);
        sl_grow_byte(&t->out, ':');
        put_value(t, &member);
    }
    sl_grow_byte(&t->out, '}');
    free(members);
}

static void put_number(struct text *t, char kind, struct sl_str *in, bool changed)
{
    struct sl_str s = take_str(in);

    if (kind == 'd' && s.n == (size_t)(s.n > 0 && s.p[0] == '-')) {
        sl_grow_add(&t->out, s);
        s = SL_STR("0"); /* it has no digit of its own */
    }
    sl_grow_add(&t->out, s);
    if (changed && kind != 'd' && sl_str_ends(s, SL_STR("0")) && s.n <= 2) {
        t->out.n--; /* 0 and -0: no digit may follow */
        sl_grow_byte(&t->out, '1');
    } else if (changed) {
        sl_grow_add(&t->out, kind == 'd' && s.p[0] == '0' ? SL_STR(".5") : SL_STR("1"));
    }
    if (kind == 'd') {
        sl_grow_byte(&t->out, "eE"[dice(2)]);
        sl_grow_add(&t->out, take_str(in));
    }
}

static void put_scalar(struct text *t, char kind, struct sl_str *in)
{
    bool changed = t->scalars++ == t->change;

    switch (kind) {
    case 'n': sl_grow_add(&t->out, changed ? SL_STR("true") : SL_STR("null")); break;
    case 't': sl_grow_add(&t->out, changed ? SL_STR("false") : SL_STR("true")); break;
    case 'f': sl_grow_add(&t->out, changed ? SL_STR("\"\"") : SL_STR("false")); break;
    case 's': put_string(t, take_str(in), changed); break;
    default:
        SL_CHECK(kind == 'i' || kind == 'd' || kind == 'r');
        put_number(t, kind, in, changed);
        break;
    }
}

static void put_value(struct text *t, struct sl_str *in)
{
    char kind = take_byte(in);

    space(t);
    if (kind == 'o') {
        put_object(t, in);
    } else if (kind == 'a') {
        uint64_t n = take_count(in);

        sl_grow_byte(&t->out, '[');
        for (uint64_t i = 0; i < n; i++) {
            if (i > 0)
                sl_grow_byte(&t->out, ',');
            put_value(t, in);
        }
        sl_grow_byte(&t->out, ']');
    } else {
        put_scalar(t, kind, in);
    }
    space(t);
}

/* --- What is held --------------------------------------------------------------------- */

static const struct sl_canon canon = {.scope = SL_STR_INIT("t"),
                                      .operation = SL_STR_INIT("chat"),
                                      .model = SL_STR_INIT("m"),
                                      .betas = SL_STR_INIT("y,x"),
                                      .generation = {1, 300, 0}};

static void check_again(struct sl_str made, uint64_t change, uint64_t *scalars)
{
    struct text t = {.change = change};
    struct sl_str in = made, again;
    struct sl_arena a;
    enum sl_err err;

    sl_grow_init(&t.out, MAX);
    skip_head(&in);
    put_value(&t, &in);
    SL_CHECK(in.n == 0 && t.out.err == SL_OK);
    *scalars = t.scalars;
    sl_arena_init(&a, MAX);
    err = sl_canon_request(&canon, sl_grow_str(&t.out), &a, &again);
    /* many spaces and escapes may lift the ceiling, but not lower it */
    SL_CHECK(err == SL_OK);
    SL_CHECK(sl_str_eq(made, again) == (change == UINT64_MAX));
    sl_arena_fini(&a);
    sl_grow_fini(&t.out);
}

static void check_canon(struct sl_str body)
{
    struct sl_str made, prefix, item;
    struct sl_arena a;
    uint64_t scalars;

    sl_arena_init(&a, MAX);
    if (sl_canon_request(&canon, body, &a, &made) == SL_OK) {
        check_again(made, UINT64_MAX, &scalars);
        if (scalars > 0)
            check_again(made, dice(scalars), &scalars);
    }
    if (sl_canon_items(&canon, body, &a, &prefix) == SL_OK)
        SL_CHECK(sl_canon_item(prefix, SL_STR("\"a b\""), 7, &a, &item) == SL_OK &&
                 item.n == prefix.n + 5);
    (void)!sl_canon_item(SL_STR("p"), body, (unsigned)dice(8), &a, &item);
    sl_arena_fini(&a);
}

static bool is_json(struct sl_str text)
{
    struct sl_json j;
    bool ok;

    sl_json_init(&j);
    ok = sl_json_feed(&j, text) == SL_OK && sl_json_finish(&j) == SL_OK;
    sl_json_fini(&j);
    return ok;
}

static void check_normal(struct sl_str body, unsigned which)
{
    struct sl_str once, twice;
    struct sl_arena a;

    sl_arena_init(&a, MAX);
    if (sl_normal_body(body, which, &a, &once) == SL_OK) {
        SL_CHECK(once.n <= body.n && is_json(once) >= is_json(body));
        if (is_json(body)) {
            SL_CHECK(sl_normal_body(once, which, &a, &twice) == SL_OK);
            SL_CHECK(twice.p == once.p && twice.n == once.n);
        }
    }
    sl_arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sl_str operations[] = {SL_STR_INIT("messages"), SL_STR_INIT("chat"),
                                               SL_STR_INIT("completions"), SL_STR_INIT("responses"),
                                               SL_STR_INIT("moderations")};
    struct sl_str body;

    if (size == 0 || size > 16384)
        return 0;
    seed = 88172645463325252u ^ (uint64_t)data[0] << 32;
    body = (struct sl_str){(const char *)data + 1, size - 1};
    check_canon(body);
    check_normal(body, data[0] % 8);
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        (void)sl_canon_refusal(operations[i], body);
    return 0;
}
