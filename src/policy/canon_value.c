/* policy/canon_value.c -- numbers taken apart, members sorted, a tree written. */
#include "policy/canon_value.h"

#include "base/text.h"

#define FEW 16   /* members sorted without memory of their own */
#define COUNT 10 /* bytes at most of a count */

/* --- Numbers, texts ------------------------------------------------------------------- */

/* Low digits first; returns how many bytes it took. */
static size_t write_count(char *at, uint64_t n)
{
    size_t i = 0;

    for (; n >= 128; n >>= 7)
        at[i++] = (char)(0x80 | (n & 0x7f));
    at[i++] = (char)n;
    return i;
}

void sl_canon_count(struct sl_canon_writer *w, uint64_t n)
{
    char *at = sl_grow_room(&w->out, COUNT);

    if (at != NULL)
        w->out.n += write_count(at, n);
}

void sl_canon_str(struct sl_canon_writer *w, struct sl_str s)
{
    char *at = sl_grow_room(&w->out, COUNT + s.n);
    size_t n;

    if (at == NULL)
        return;
    n = write_count(at, s.n);
    if (s.n > 0)
        memcpy(at + n, s.p, s.n);
    w->out.n += n + s.n;
}

/* A letter, and how many there are of what follows. */
static void begin(struct sl_canon_writer *w, char letter, uint64_t n)
{
    char *at = sl_grow_room(&w->out, 1 + COUNT);

    if (at == NULL)
        return;
    at[0] = letter;
    w->out.n += 1 + write_count(at + 1, n);
}

/* A decimal taken apart: `text` from its first to its last digit that is not zero
 * (a point may lie in between), and the power of ten of that last one. */
struct decimal {
    bool minus;
    struct sl_str text;
    size_t digits;
    int64_t power;
};

static bool read_power(struct sl_str s, int64_t *power)
{
    bool minus = s.n > 0 && s.p[0] == '-';
    uint64_t v;

    if (s.n > 0 && (minus || s.p[0] == '+'))
        s = sl_str_from(s, 1);
    while (s.n > 1 && s.p[0] == '0')
        s = sl_str_from(s, 1);
    if (s.n > 9 || !sl_str_to_u64(s, &v))
        return false;
    *power = minus ? -(int64_t)v : (int64_t)v;
    return true;
}

static bool read_decimal(struct sl_str s, struct decimal *d)
{
    size_t mantissa = 0, from = 0, to, point;

    *d = (struct decimal){.minus = s.p[0] == '-'};
    if (d->minus)
        s = sl_str_from(s, 1);
    while (mantissa < s.n && (s.p[mantissa] | 0x20) != 'e')
        mantissa++;
    if (mantissa < s.n && !read_power(sl_str_from(s, mantissa + 1), &d->power))
        return false;
    s.n = to = point = mantissa;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '.')
            point = i;
    while (from < to && (s.p[from] == '0' || s.p[from] == '.'))
        from++;
    while (to > from && (s.p[to - 1] == '0' || s.p[to - 1] == '.'))
        to--;
    if (from == to) {
        d->power = 0;
        return true;
    }
    d->text = (struct sl_str){s.p + from, to - from};
    d->digits = to - from - (point >= from && point < to);
    /* digits between `to` and the point count up, those behind the point down */
    d->power += to <= point ? (int64_t)(point - to) : -(int64_t)(to - point - 1);
    return true;
}

static void put_decimal(struct sl_canon_writer *w, const struct decimal *d)
{
    char place[24];
    struct sl_text power = sl_text_over(place, sizeof(place));

    begin(w, 'd', d->digits + d->minus);
    if (d->minus)
        sl_grow_byte(&w->out, '-');
    for (size_t i = 0; i < d->text.n; i++)
        if (d->text.p[i] != '.')
            sl_grow_byte(&w->out, d->text.p[i]);
    sl_text_i64(&power, d->power);
    sl_canon_str(w, sl_text_str(&power));
}

static void put_number(struct sl_canon_writer *w, struct sl_str raw)
{
    struct decimal d;
    bool whole = true;

    for (size_t i = 0; i < raw.n; i++)
        whole = whole && raw.p[i] != '.' && (raw.p[i] | 0x20) != 'e';
    if (!whole && read_decimal(raw, &d)) {
        put_decimal(w, &d);
        return;
    }
    sl_grow_byte(&w->out, whole ? 'i' : 'r');
    sl_canon_str(w, raw);
}

/* --- Sorting -------------------------------------------------------------------------- */

static int compare(struct sl_str a, struct sl_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

    return order != 0 ? order : a.n < b.n ? -1 : a.n > b.n;
}

static void sift(struct sl_canon_pair *v, size_t from, size_t n)
{
    struct sl_canon_pair moved = v[from];
    size_t child;

    for (; (child = 2 * from + 1) < n; from = child) {
        if (child + 1 < n && compare(v[child].key, v[child + 1].key) < 0)
            child++;
        if (compare(moved.key, v[child].key) >= 0)
            break;
        v[from] = v[child];
    }
    v[from] = moved;
}

/* Heap sort: no input makes it slow, and it needs no memory. Clients mostly write
 * their keys in one order, so a sorted list is looked for first. */
void sl_canon_sort(struct sl_canon_pair *v, size_t n)
{
    size_t i = 1;

    while (i < n && compare(v[i - 1].key, v[i].key) <= 0)
        i++;
    if (i >= n)
        return;
    for (i = n / 2; i-- > 0;)
        sift(v, i, n);
    for (i = n - 1; i > 0; i--) {
        struct sl_canon_pair last = v[i];

        v[i] = v[0];
        v[0] = last;
        sift(v, 0, i);
    }
}

/* --- Values --------------------------------------------------------------------------- */

struct names {
    size_t n;
    struct sl_str at[13];
};

static bool has(const struct names *list, struct sl_str s)
{
    for (size_t i = 0; i < list->n; i++)
        if (sl_str_eq(s, list->at[i]))
            return true;
    return false;
}

#define N(lit) SL_STR_INIT(lit)

static bool is_left_out(const struct sl_canon_writer *w, struct sl_str key, yyjson_val *value,
                        enum sl_canon_place place)
{
    static const struct names top = {
        13,
        {N("model"), N("stream"), N("stream_options"), N("metadata"), N("user"), N("service_tier"),
         N("safety_identifier"), N("prompt_cache_key"), N("prompt_cache_options"),
         N("prompt_cache_retention"), N("provider"), N("models"), N("route")}};
    static const struct names repeated = {
        4, {N("metadata"), N("user"), N("safety_identifier"), N("prompt_cache_key")}};
    static const struct names marks = {2, {N("cache_control"), N("prompt_cache_breakpoint")}};

    if (place == SL_CANON_TOP && has(&top, key))
        return !w->repeats || !has(&repeated, key);
    if (place == SL_CANON_TOP && sl_str_eq(key, SL_STR("store")))
        return yyjson_is_false(value) || yyjson_is_null(value);
    if (place == SL_CANON_TOP && w->no_input && sl_str_eq(key, SL_STR("input")))
        return true;
    if (!yyjson_is_obj(value) && !yyjson_is_null(value))
        return false;
    return place == SL_CANON_INPUT ? sl_str_eq(key, marks.at[1])
                                   : place != SL_CANON_PLAIN && has(&marks, key);
}

static enum sl_canon_place place_below(enum sl_canon_place place, struct sl_str key)
{
    static const struct names top = {3, {N("system"), N("tools"), N("messages")}};
    static const struct names below = {2, {N("content"), N("source")}};

    if (place == SL_CANON_TOP && sl_str_eq(key, SL_STR("input")))
        return SL_CANON_INPUT;
    if (place == SL_CANON_TOP)
        return has(&top, key) ? SL_CANON_MARKS : SL_CANON_PLAIN;
    return has(&below, key) ? place : SL_CANON_PLAIN;
}

static void put_pairs(struct sl_canon_writer *w, struct sl_canon_pair *pairs, size_t n,
                      enum sl_canon_place place)
{
    sl_canon_sort(pairs, n);
    begin(w, 'o', n);
    for (size_t i = 0; i < n && w->err == SL_OK; i++) {
        if (i > 0 && sl_str_eq(pairs[i - 1].key, pairs[i].key)) {
            w->err = SL_ERR_BAD_BODY;
            return;
        }
        sl_canon_str(w, pairs[i].key);
        sl_canon_value(w, pairs[i].value, place_below(place, pairs[i].key));
    }
}

static void put_object(struct sl_canon_writer *w, yyjson_val *object, enum sl_canon_place place)
{
    size_t all = yyjson_obj_size(object), n = 0, i, max;
    struct yyjson_alc *alc = &w->doc->alc;
    struct sl_canon_pair few[FEW], *pairs = few;
    yyjson_val *key, *value;

    if (all > FEW)
        pairs = alc->malloc(alc->ctx, all * sizeof(*pairs));
    if (pairs == NULL) {
        w->err = w->doc->full ? SL_ERR_BODY_TOO_BIG : SL_ERR_NO_MEMORY;
        return;
    }
    yyjson_obj_foreach(object, i, max, key, value)
    {
        if (!is_left_out(w, sl_doc_str(key), value, place))
            pairs[n++] = (struct sl_canon_pair){sl_doc_str(key), value};
    }
    put_pairs(w, pairs, n, place);
    if (pairs != few)
        alc->free(alc->ctx, pairs);
}

/* Recurses as deep as the tree, which sl_doc_read() has found shallow. */
void sl_canon_value(struct sl_canon_writer *w, yyjson_val *v, enum sl_canon_place place)
{
    yyjson_val *element;
    size_t i, max;

    switch (yyjson_get_type(v)) {
    case YYJSON_TYPE_RAW: put_number(w, sl_doc_str(v)); break;
    case YYJSON_TYPE_BOOL: sl_grow_byte(&w->out, yyjson_is_true(v) ? 't' : 'f'); break;
    case YYJSON_TYPE_STR:
        sl_grow_byte(&w->out, 's');
        sl_canon_str(w, sl_doc_str(v));
        break;
    case YYJSON_TYPE_ARR:
        begin(w, 'a', yyjson_arr_size(v));
        yyjson_arr_foreach(v, i, max, element)
        {
            if (w->err != SL_OK)
                break;
            sl_canon_value(w, element, place == SL_CANON_TOP ? SL_CANON_PLAIN : place);
        }
        break;
    case YYJSON_TYPE_OBJ: put_object(w, v, place); break;
    default: sl_grow_byte(&w->out, 'n'); break;
    }
}
