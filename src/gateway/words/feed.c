/* Escapes become characters. Runs without one go on as they are: a JSON text's are UTF-8
 * already. */
#include "gateway/words/feed.h"

#include "base/json.h"

#include <string.h>

static bool is_between(uint32_t code, uint32_t from, uint32_t to)
{
    return code >= from && code <= to;
}

/* A half that stays alone is what the JSON readers make of it. */
static void flush(struct sl_feed *f)
{
    if (f->high != 0)
        sl_words_char(&f->seek, f->high);
    f->high = 0;
}

static void say(struct sl_feed *f, uint32_t code)
{
    if (f->high != 0 && is_between(code, 0xdc00, 0xdfff)) {
        code = 0x10000 + ((f->high - 0xd800) << 10) + (code - 0xdc00);
        f->high = 0;
    }
    flush(f);
    if (is_between(code, 0xd800, 0xdbff))
        f->high = code;
    else
        sl_words_char(&f->seek, code);
}

/* ---- JSON in a text ---- */

static uint32_t digit_of(uint32_t code)
{
    if (is_between(code, '0', '9'))
        return code - '0';
    code |= 0x20;
    return is_between(code, 'a', 'f') ? code - 'a' + 10 : 16;
}

static uint32_t named(uint32_t code)
{
    switch (code) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return code;
    }
}

static void take_digit(struct sl_feed *f, uint32_t code)
{
    uint32_t digit = digit_of(code);

    f->digits--;
    if (digit > 15) { /* no JSON */
        f->digits = 0;
        say(f, code);
        return;
    }
    f->code = f->code << 4 | digit;
    if (f->digits == 0)
        say(f, f->code);
}

static void take_inner(struct sl_feed *f, uint32_t code)
{
    if (f->digits > 0) {
        take_digit(f, code);
    } else if (f->escaped) {
        f->escaped = false;
        f->code = 0;
        f->digits = code == 'u' ? 4 : 0;
        if (code != 'u')
            say(f, named(code));
    } else if (code == '\\') {
        f->escaped = true;
    } else {
        say(f, code);
    }
}

/* ---- a text ---- */

/* An inner escape begins with an escape of the outer text, and may go on in a run. */
static void take_run(struct sl_feed *f, struct sl_str run)
{
    while (run.n > 0 && (f->escaped || f->digits > 0)) {
        take_inner(f, (uint8_t)run.p[0]);
        run = sl_str_from(run, 1);
    }
    if (run.n == 0)
        return;
    flush(f);
    sl_words_feed(&f->seek, run);
}

void sl_feed_begin(struct sl_feed *f, const struct sl_words *w, uint64_t lists)
{
    memset(f, 0, sizeof(*f));
    sl_words_begin(&f->seek, w, lists);
}

void sl_feed_text(struct sl_feed *f, struct sl_str inner, bool json)
{
    while (inner.n > 0) {
        ptrdiff_t plain = sl_str_find_byte(inner, '\\');
        uint32_t code = 0;
        size_t n;

        take_run(f, sl_str_first(inner, plain < 0 ? inner.n : (size_t)plain));
        if (plain < 0)
            return;
        inner = sl_str_from(inner, (size_t)plain);
        n = sl_json_char(inner, &code);
        if (n == 0) { /* no JSON; what follows is looked at all the same */
            n = 1;
            code = '\\';
        }
        if (json)
            take_inner(f, code);
        else
            say(f, code);
        inner = sl_str_from(inner, n);
    }
}

void sl_feed_rest(struct sl_feed *f)
{
    flush(f);
    sl_words_rest(&f->seek);
    f->escaped = false;
    f->digits = 0;
}
