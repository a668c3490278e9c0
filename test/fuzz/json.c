/* Fuzz: the JSON scanner and its readers.
 *
 * Byte 0 of the input chooses flags and how the rest is cut. Held: pieces make
 * no difference to what is reported; what is accepted can be read back, value
 * by value, and each value is JSON by itself; what is unescaped and escaped
 * again is JSON as well.
 */
#include "base/json.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/text.h"

#define STORY 512

/* What a run reported; of many members the first STORY are kept. */
struct story {
    struct sl_json_member members[STORY];
    uint64_t key_sums[STORY];
    uint64_t value_sums[STORY];
    size_t n;
    enum sl_err err;
    uint64_t at;
    uint64_t object_end;
    uint32_t count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t sum(struct sl_str s)
{
    uint64_t h = s.p == NULL ? 1 : 14695981039346656037u;

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (uint8_t)s.p[i]) * 1099511628211u;
    return h;
}

static void on_member(void *ctx, const struct sl_json_member *m)
{
    struct story *s = ctx;

    SL_CHECK(m->start < m->value_at && m->value_at < m->value_end);
    SL_CHECK(m->value.p == NULL || m->value.n == m->value_end - m->value_at);
    if (s->n < STORY) {
        s->members[s->n] = *m;
        s->key_sums[s->n] = sum(m->key);
        s->value_sums[s->n] = sum(m->value);
    }
    s->n++;
}

static bool on_pick(void *ctx, struct sl_str key)
{
    (void)ctx;
    return key.n % 2 == 1;
}

static void begin(struct sl_json *j, uint8_t flags, struct story *s)
{
    s->n = 0;
    sl_json_init(j);
    j->member = on_member;
    j->pick = flags & 4 ? on_pick : NULL;
    j->ctx = s;
    j->need_object = flags & 1;
    j->check_repeats = (flags & 2) != 0;
}

static void end(struct sl_json *j, struct story *s)
{
    s->err = sl_json_finish(j);
    s->at = j->at;
    s->object_end = j->object_end;
    s->count = j->members;
    sl_json_fini(j);
}

static void run_whole(struct sl_str text, uint8_t flags, struct story *s)
{
    struct sl_json j;

    begin(&j, flags, s);
    (void)!sl_json_feed(&j, text);
    end(&j, s);
}

/* Each piece stands alone in memory, so that reading past it is seen. */
static void run_pieces(struct sl_str text, uint8_t flags, struct story *s)
{
    uint32_t dice = flags + 1u;
    struct sl_json j;

    begin(&j, flags, s);
    while (text.n > 0) {
        size_t n;
        char *copy;

        dice = dice * 1664525 + 1013904223;
        n = 1 + (dice >> 16) % (flags & 8 ? 3 : 40);
        n = n < text.n ? n : text.n;
        copy = sl_mem_new(n);
        memcpy(copy, text.p, n);
        (void)!sl_json_feed(&j, (struct sl_str){copy, n});
        sl_mem_free(copy);
        text = sl_str_from(text, n);
    }
    end(&j, s);
}

static void compare(const struct story *a, const struct story *b)
{
    SL_CHECK(a->err == b->err && a->at == b->at && a->n == b->n && a->count == b->count);
    SL_CHECK(a->object_end == b->object_end);
    for (size_t i = 0; i < a->n && i < STORY; i++) {
        const struct sl_json_member *m = &a->members[i], *o = &b->members[i];

        SL_CHECK(m->type == o->type && m->start == o->start && m->value_at == o->value_at);
        SL_CHECK(m->value_end == o->value_end && m->comma_before == o->comma_before);
        SL_CHECK(a->key_sums[i] == b->key_sums[i] && a->value_sums[i] == b->value_sums[i]);
    }
}

static bool is_json(struct sl_str text)
{
    struct sl_json j;
    enum sl_err e;

    sl_json_init(&j);
    e = sl_json_feed(&j, text);
    if (e == SL_OK)
        e = sl_json_finish(&j);
    sl_json_fini(&j);
    /* a key below the top may be longer than one at the top */
    return e == SL_OK || e == SL_ERR_CEILING;
}

/* A string value, unescaped, escaped, and judged again. */
static void check_string(struct sl_str value)
{
    char *plain = sl_mem_new(value.n), *again = sl_mem_new(6 * value.n + 2);
    struct sl_text t = sl_text_over(again, 6 * value.n + 2);
    size_t n;

    SL_CHECK(sl_json_unescape(value, plain, value.n, &n) && n <= value.n - 2);
    sl_text_json(&t, (struct sl_str){plain, n}, 0);
    SL_CHECK(!t.cut && is_json(sl_text_str(&t)));
    if (n > 0)
        SL_CHECK(!sl_json_unescape(value, plain, n - 1, &n));
    sl_mem_free(plain);
    sl_mem_free(again);
}

static void check_value(struct sl_str value, enum sl_json_type type)
{
    struct sl_str element, key;
    size_t pos = 0;
    uint64_t number;

    SL_CHECK(sl_json_type_of(value) == type && is_json(value));
    if (type == SL_JSON_STRING)
        check_string(value);
    if (sl_json_u64(value, &number))
        SL_CHECK(type == SL_JSON_NUMBER);
    while (sl_json_next(value, &pos, &element)) {
        SL_CHECK(type == SL_JSON_ARRAY && is_json(element));
        SL_CHECK(element.p + element.n <= value.p + value.n);
    }
    pos = 0;
    while (sl_json_next_member(value, &pos, &key, &element))
        SL_CHECK(type == SL_JSON_OBJECT && is_json(element) && key.p + key.n < element.p);
}

/* With repeats refused every key leads to its own value. */
static void check_readers(struct sl_str text, const struct story *s)
{
    for (size_t i = 0; i < s->n && i < STORY; i++) {
        const struct sl_json_member *m = &s->members[i];
        struct sl_str value = {text.p + m->value_at, (size_t)(m->value_end - m->value_at)};
        const char *raw_end = value.p;
        char key[SL_JSON_KEY];
        struct sl_str found, raw;
        size_t n;

        check_value(value, m->type);
        while (raw_end[-1] != '"')
            raw_end--;
        raw = (struct sl_str){text.p + m->start, (size_t)(raw_end - (text.p + m->start))};
        SL_CHECK(sl_json_unescape(raw, key, sizeof(key), &n));
        SL_CHECK(sum((struct sl_str){key, n}) == s->key_sums[i]);
        found = sl_json_get(text, (struct sl_str){key, n});
        SL_CHECK(found.p == value.p && found.n == value.n);
    }
}

/* The value alone, without JSON's white space around it. */
static struct sl_str bare(struct sl_str s)
{
    while (s.n > 0 && memchr(" \t\r\n", s.p[0], 4) != NULL)
        s = sl_str_from(s, 1);
    while (s.n > 0 && memchr(" \t\r\n", s.p[s.n - 1], 4) != NULL)
        s.n--;
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct story whole, pieces;
    struct sl_str text, element, key;
    uint8_t flags;
    size_t pos = 0;

    if (size == 0)
        return 0;
    flags = data[0];
    text = (struct sl_str){(const char *)data + 1, size - 1};
    run_whole(text, flags, &whole);
    run_pieces(text, flags, &pieces);
    compare(&whole, &pieces);
    if (whole.err == SL_OK && (flags & 2) != 0)
        check_readers(text, &whole);
    if (whole.err == SL_OK)
        check_value(bare(text), sl_json_type_of(text));
    /* on anything at all the readers stay inside the slice */
    (void)sl_json_get(text, SL_STR("model"));
    while (sl_json_next(text, &pos, &element))
        SL_CHECK(element.n > 0 && pos <= text.n);
    pos = 0;
    while (sl_json_next_member(text, &pos, &key, &element))
        SL_CHECK(element.n > 0 && pos <= text.n);
    return 0;
}
