/* base/text.c -- text into a fixed place: always a true beginning of what was
 * meant, because nothing more is added once something did not fit. */
#include "base/text.h"

#include "base/json_scan.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

void sl_text_add(struct sl_text *t, struct sl_str s)
{
    size_t room = t->cap - t->n;

    if (t->cut || s.n == 0)
        return;
    if (s.n > room) {
        t->cut = true;
        s.n = room;
    }
    memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
}

void sl_text_byte(struct sl_text *t, char c)
{
    sl_text_add(t, (struct sl_str){&c, 1});
}

void sl_text_u64(struct sl_text *t, uint64_t v)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    sl_text_add(t, (struct sl_str){digits + at, sizeof(digits) - at});
}

void sl_text_i64(struct sl_text *t, int64_t v)
{
    if (v < 0)
        sl_text_byte(t, '-');
    sl_text_u64(t, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void sl_text_hex64(struct sl_text *t, uint64_t v)
{
    uint8_t bytes[8];
    char digits[16];

    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(v >> (56 - 8 * i));
    sl_str_hex(bytes, sizeof(bytes), digits);
    sl_text_add(t, (struct sl_str){digits, sizeof(digits)});
}

void sl_text_printf(struct sl_text *t, const char *fmt, ...)
{
    char small[256];
    va_list args, again;
    int n;

    if (t->cut)
        return;
    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    if (n < 0) {
        t->cut = true;
    } else if ((size_t)n < sizeof(small)) {
        sl_text_add(t, (struct sl_str){small, (size_t)n});
    } else if (t->cap > t->n) {
        size_t room = t->cap - t->n;

        /* printf wants a byte for its terminator: a text that fills the place
         * to the last byte counts as cut */
        vsnprintf(t->p + t->n, room, fmt, again);
        t->cut = (size_t)n >= room;
        t->n += t->cut ? room - 1 : (size_t)n;
    } else {
        t->cut = true;
    }
    va_end(again);
}

static void json_escape(struct sl_text *t, char c)
{
    static const char letters[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    uint8_t u = (uint8_t)c;
    char hex[6] = {'\\', 'u', '0', '0'};
    char two[2] = {'\\', c};

    if (u >= 32 || letters[u] != 0) {
        if (u < 32)
            two[1] = letters[u];
        sl_text_add(t, (struct sl_str){two, 2});
        return;
    }
    sl_str_hex(&u, 1, hex + 4);
    sl_text_add(t, (struct sl_str){hex, 6});
}

/* Where to cut so that no sequence is split: at most three bytes earlier. */
static size_t cut_at(struct sl_str s, size_t max)
{
    size_t n = max;

    while (n > 0 && max - n < 3 && ((uint8_t)s.p[n] & 0xc0) == 0x80)
        n--;
    return ((uint8_t)s.p[n] & 0xc0) == 0x80 ? max : n;
}

void sl_text_json(struct sl_text *t, struct sl_str s, size_t max)
{
    bool cut = max > 0 && s.n > max;
    size_t plain = 0, i = 0;

    if (cut)
        s.n = cut_at(s, max);
    sl_text_byte(t, '"');
    while (s.n > 0) {
        size_t n;
        char c;

        i = (size_t)(sl_json_skip_plain(s.p + i, s.p + s.n) - s.p);
        if (i == s.n)
            break;
        c = s.p[i];
        n = sl_utf8_len(s.p + i, s.n - i);
        if (n > 1 || (n == 1 && (uint8_t)c >= 0x20 && c != '"' && c != '\\')) {
            i += n;
            continue;
        }
        sl_text_add(t, (struct sl_str){s.p + plain, i - plain});
        if (n == 0)
            sl_text_add(t, SL_STR("\xef\xbf\xbd"));
        else
            json_escape(t, c);
        plain = ++i;
    }
    if (i > plain)
        sl_text_add(t, (struct sl_str){s.p + plain, i - plain});
    if (cut)
        sl_text_add(t, SL_STR("..."));
    sl_text_byte(t, '"');
}

/* Days since 1970-01-01 to a date, counted in years that begin in March, so
 * that the leap day is a year's last. */
static void civil(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t z = days + 719468; /* days since 0000-03-01 */
    int64_t era = z / 146097;
    int64_t in_era = z % 146097;
    int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * in_year + 2) / 153;

    *day = (int)(in_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = era * 400 + y + (m >= 10 ? 1 : 0);
}

/* Exactly `n` digits, leading zeros too. */
static void digits(char *p, int n, int64_t v)
{
    for (int i = n - 1; i >= 0; i--, v /= 10)
        p[i] = (char)('0' + v % 10);
}

/* By hand: every access line has one, and printf takes longer than the rest. */
void sl_text_time(struct sl_text *t, int64_t unix_ms)
{
    const int64_t last = 253402300799999; /* the end of 9999 */
    int64_t ms = unix_ms < 0 ? 0 : unix_ms > last ? last : unix_ms;
    int64_t sec = ms / 1000, year;
    char text[] = "0000-00-00T00:00:00.000Z";
    int month, day;

    civil(sec / 86400, &year, &month, &day);
    digits(text, 4, year);
    digits(text + 5, 2, month);
    digits(text + 8, 2, day);
    digits(text + 11, 2, sec / 3600 % 24);
    digits(text + 14, 2, sec / 60 % 60);
    digits(text + 17, 2, sec % 60);
    digits(text + 20, 3, ms % 1000);
    sl_text_add(t, (struct sl_str){text, sizeof text - 1});
}
