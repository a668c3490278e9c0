/* base/text.c -- text into a fixed place: always a true beginning of what was
 * meant, because nothing more is added once something did not fit. */
#include "base/text.h"

#include "base/json_scan.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

void sl_text_add_part(struct sl_text *t, struct sl_str s)
{
    size_t room = t->cap - t->n;

    if (t->cut)
        return;
    t->cut = true;
    if (room > 0)
        memcpy(t->p + t->n, s.p, room);
    t->n += room;
}

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static void two_digits(char *p, uint32_t v)
{
    memcpy(p, pairs + (size_t)v * 2, 2);
}

/* From the bits of a number, of which 4096 make 1233 digits, and a look whether it is one more. */
static size_t digits_of(uint64_t v)
{
    static const uint64_t powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                      1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
    unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1);
    size_t least = bits * 1233 / 4096;

    return least + ((v | 1) >= powers[least]);
}

/* Two digits at a division, and the most of them in 32 bits, which divide faster. */
static void write_digits(char *end, uint64_t v)
{
    uint32_t low;

    for (; v > UINT32_MAX; v /= 100)
        two_digits(end -= 2, (uint32_t)(v % 100));
    for (low = (uint32_t)v; low >= 100; low /= 100)
        two_digits(end -= 2, low % 100);
    if (low >= 10)
        two_digits(end - 2, low);
    else
        end[-1] = (char)('0' + low);
}

/* In place: lines of the access log and the trail are numbers for a good part. */
void sl_text_u64(struct sl_text *t, uint64_t v)
{
    size_t n = digits_of(v);
    char digits[20];

    if (!t->cut && n <= t->cap - t->n) {
        write_digits(t->p + t->n + n, v);
        t->n += n;
        return;
    }
    write_digits(digits + n, v);
    sl_text_add_part(t, (struct sl_str){digits, n});
}

void sl_text_thousandths(struct sl_text *t, uint64_t v)
{
    uint32_t part = (uint32_t)(v % 1000);
    char decimals[4] = {'.', (char)('0' + part / 100)};

    two_digits(decimals + 2, part % 100);
    sl_text_u64(t, v / 1000);
    sl_text_add(t, (struct sl_str){decimals, sizeof(decimals)});
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

    if (u < 0x80 && (u >= 32 || letters[u] != 0)) {
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

/* With nothing to escape in it, and room: as most are. */
static bool add_plain(struct sl_text *t, struct sl_str s)
{
    char *p = t->p + t->n;

    if (t->cut || s.n == 0 || s.n + 2 > t->cap - t->n ||
        sl_json_skip_plain(s.p, s.p + s.n) != s.p + s.n)
        return false;
    p[0] = '"';
    memcpy(p + 1, s.p, s.n);
    p[s.n + 1] = '"';
    t->n += s.n + 2;
    return true;
}

void sl_text_json(struct sl_text *t, struct sl_str s, size_t max)
{
    bool cut = max > 0 && s.n > max;
    size_t plain = 0, i = 0;

    if (!cut && add_plain(t, s))
        return;
    if (cut)
        s.n = cut_at(s, max);
    sl_text_byte(t, '"');
    while (s.n > 0) {
        bool control; /* U+0080 to U+009F: a terminal obeys some of them */
        size_t n;
        char c;

        i = (size_t)(sl_json_skip_plain(s.p + i, s.p + s.n) - s.p);
        if (i == s.n)
            break;
        c = s.p[i];
        n = sl_utf8_len(s.p + i, s.n - i);
        control = n == 2 && c == '\xc2' && (uint8_t)s.p[i + 1] < 0xa0;
        if ((n > 1 && !control) || (n == 1 && (uint8_t)c >= 0x20 && c != '"' && c != '\\')) {
            i += n;
            continue;
        }
        sl_text_add(t, (struct sl_str){s.p + plain, i - plain});
        if (n == 0)
            sl_text_add(t, SL_STR("\xef\xbf\xbd"));
        else
            json_escape(t, control ? s.p[i + 1] : c);
        i += n > 0 ? n : 1;
        plain = i;
    }
    if (i > plain)
        sl_text_add(t, (struct sl_str){s.p + plain, i - plain});
    if (cut)
        sl_text_add(t, SL_STR("..."));
    sl_text_byte(t, '"');
}

size_t sl_text_json_room(struct sl_str s, size_t max)
{
    const size_t quotes = 2, dots = 3, widest = 6;

    if (max > 0)
        s = sl_str_first(s, max);
    return quotes + dots + (sl_json_skip_plain(s.p, s.p + s.n) == s.p + s.n ? s.n : widest * s.n);
}

/* Days since 1970-01-01 to a date, counted in years that begin in March, so
 * that the leap day is a year's last. Unsigned, which divides faster. */
static void civil(uint32_t days, uint32_t *year, uint32_t *month, uint32_t *day)
{
    uint32_t z = days + 719468; /* days since 0000-03-01 */
    uint32_t era = z / 146097;
    uint32_t in_era = z % 146097;
    uint32_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    uint32_t in_year = in_era - (365 * y + y / 4 - y / 100);
    uint32_t m = (5 * in_year + 2) / 153;

    *day = in_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = era * 400 + y + (m >= 10 ? 1 : 0);
}

/* By hand: every access line has one, and printf takes longer than the rest. */
void sl_text_time(struct sl_text *t, int64_t unix_ms)
{
    const int64_t last = 253402300799999; /* the end of 9999 */
    uint64_t ms = (uint64_t)(unix_ms < 0 ? 0 : unix_ms > last ? last : unix_ms);
    uint64_t sec = ms / 1000;
    uint32_t in_day = (uint32_t)(sec % 86400), part = (uint32_t)(ms % 1000);
    char text[] = "0000-00-00T00:00:00.000Z";
    uint32_t year, month, day;

    civil((uint32_t)(sec / 86400), &year, &month, &day);
    two_digits(text, year / 100);
    two_digits(text + 2, year % 100);
    two_digits(text + 5, month);
    two_digits(text + 8, day);
    two_digits(text + 11, in_day / 3600);
    two_digits(text + 14, in_day / 60 % 60);
    two_digits(text + 17, in_day % 60);
    text[20] = (char)('0' + part / 100);
    two_digits(text + 21, part % 100);
    sl_text_add(t, (struct sl_str){text, sizeof text - 1});
}
