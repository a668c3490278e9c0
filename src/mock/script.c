/* mock/script.c -- runs of pieces. */
#include "mock/script.h"

#include "base/obj.h"

#define FILL_LINE "all work and no play makes a mock a dull provider, said the cat. "

/* 64 KiB of the line above, made once per process by the compiler. */
#define X4(s) s s s s
#define FILL_1K X4(X4(FILL_LINE))
static const char filler[] = X4(X4(X4(FILL_1K)));
#define FILL_N (sizeof(filler) - 1)

bool sl_script_init(struct sl_script *s, struct sl_arena *a)
{
    *s = (struct sl_script){0};
    s->runs = sl_arena_alloc(a, SL_SCRIPT_RUNS * sizeof(*s->runs));
    return s->runs != NULL;
}

void sl_script_add(struct sl_script *s, struct sl_run run)
{
    SL_CHECK(s->n < SL_SCRIPT_RUNS);
    if (run.has_text && run.text.piece == 0)
        run.text.piece = 1;
    s->runs[s->n++] = run;
}

void sl_script_text(struct sl_script *s, struct sl_str ready)
{
    sl_script_add(s, (struct sl_run){.before = ready});
}

void sl_script_event(struct sl_script *s, struct sl_str ready)
{
    sl_script_add(s, (struct sl_run){.before = ready, .content = true});
}

void sl_script_whole(struct sl_script *s, struct sl_source src)
{
    src.piece = src.kind == SL_SOURCE_RAW ? src.raw.n : FILL_N / 4;
    if (sl_source_length(&src) > 0)
        sl_script_add(s, (struct sl_run){.has_text = true, .text = src});
}

uint64_t sl_source_length(const struct sl_source *src)
{
    switch (src->kind) {
    case SL_SOURCE_RAW: return src->raw.n;
    case SL_SOURCE_COUNTED: return src->n * 8;
    case SL_SOURCE_FILL: break;
    }
    return src->n;
}

/* Length of the character at s.p[0], which may be an escape or a pair of them. */
static size_t char_length(struct sl_str s)
{
    static const char high[] = "dD";
    size_t n = 1;

    if (s.p[0] == '\\') {
        if (s.n < 2 || s.p[1] != 'u')
            n = 2;
        else if (s.n >= 12 && strchr(high, s.p[2]) != NULL && strchr("89abAB", s.p[3]) != NULL)
            n = 12; /* a surrogate pair stays together */
        else
            n = 6;
    } else {
        while (n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
            n++;
    }
    return n < s.n ? n : s.n;
}

/* A piece of at least `piece` bytes (less at the end) that ends between characters. */
static struct sl_str raw_piece(struct sl_str raw, uint64_t at, size_t piece)
{
    struct sl_str rest = sl_str_from(raw, (size_t)at);
    size_t n = 0;

    if (piece >= rest.n)
        return rest;
    while (n < piece)
        n += char_length(sl_str_from(rest, n));
    return sl_str_first(rest, n);
}

uint64_t sl_source_pieces(const struct sl_source *src)
{
    uint64_t n = 0;

    if (src->kind == SL_SOURCE_COUNTED)
        return src->n;
    if (src->kind == SL_SOURCE_FILL)
        return (src->n + src->piece - 1) / src->piece;
    for (uint64_t at = 0; at < src->raw.n; n++)
        at += raw_piece(src->raw, at, src->piece).n;
    return n;
}

/* The text's next piece; moves on. */
static struct sl_str next_text(struct sl_script *s, const struct sl_source *src)
{
    struct sl_str p;

    if (src->kind == SL_SOURCE_COUNTED) {
        uint64_t v = s->at++;
        for (size_t i = 7; i-- > 0; v /= 10)
            s->word[i] = (char)('0' + v % 10);
        s->word[7] = ' ';
        return (struct sl_str){s->word, sizeof(s->word)};
    }
    if (src->kind == SL_SOURCE_FILL) {
        uint64_t left = src->n - s->at;
        size_t n = left < src->piece ? (size_t)left : src->piece;
        size_t from = (size_t)(s->at % FILL_N);
        if (n > FILL_N)
            n = FILL_N;
        if (from + n > FILL_N)
            from = 0;
        p = (struct sl_str){filler + from, n};
    } else {
        p = raw_piece(src->raw, s->at, src->piece);
    }
    s->at += p.n;
    return p;
}

static bool text_is_over(const struct sl_script *s, const struct sl_source *src)
{
    uint64_t end = src->kind == SL_SOURCE_RAW ? src->raw.n : src->n;

    return s->at >= end;
}

bool sl_script_is_over(const struct sl_script *s)
{
    return s->run == s->n;
}

bool sl_script_is_content(const struct sl_script *s)
{
    return s->run < s->n && s->runs[s->run].content;
}

static struct sl_str number_text(struct sl_script *s)
{
    uint64_t v = s->number++;
    size_t i = sizeof(s->digits);

    do
        s->digits[--i] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    return (struct sl_str){s->digits + i, sizeof(s->digits) - i};
}

size_t sl_script_next(struct sl_script *s, struct sl_str parts[SL_SCRIPT_PARTS], bool *content)
{
    const struct sl_run *r;
    size_t n = 0;

    if (sl_script_is_over(s))
        return 0;
    r = &s->runs[s->run];
    *content = r->content;
    if (r->before.n > 0)
        parts[n++] = r->before;
    if (r->has_text && !text_is_over(s, &r->text))
        parts[n++] = next_text(s, &r->text);
    if (r->middle.n > 0)
        parts[n++] = r->middle;
    if (r->numbered)
        parts[n++] = number_text(s);
    if (r->after.n > 0)
        parts[n++] = r->after;
    if (!r->has_text || text_is_over(s, &r->text)) {
        s->run++;
        s->at = 0;
    }
    return n;
}

uint64_t sl_script_length(const struct sl_script *s)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < s->n; i++) {
        const struct sl_run *r = &s->runs[i];
        if (r->has_text)
            sum += sl_source_length(&r->text);
        sum += r->before.n + r->middle.n + r->after.n;
    }
    return sum;
}
