/* base/str.c -- questions asked of slices, and numbers read from them. */
#include "base/str.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static uint64_t eight(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

/* lower() of eight bytes at once: in the top bit of each byte stands whether it
 * is at least 'A', and whether it is beyond 'Z'. */
static uint64_t lower_eight(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u, high = ones * 0x80;
    uint64_t low = v & ~high;
    uint64_t from_a = low + ones * (0x80 - 'A'), beyond_z = low + ones * (0x7f - 'Z');

    return v | ((from_a ^ beyond_z) & ~v & high) >> 2;
}

/* Most are written alike, too. */
static bool same_eight(const char *a, const char *b)
{
    uint64_t x = eight(a), y = eight(b);

    return x == y || lower_eight(x) == lower_eight(y);
}

bool sl_str_same_letters(struct sl_str a, struct sl_str b)
{
    if (a.n < 8) {
        for (size_t i = 0; i < a.n; i++)
            if (lower(a.p[i]) != lower(b.p[i]))
                return false;
        return true;
    }
    for (size_t i = 0; i + 8 < a.n; i += 8)
        if (!same_eight(a.p + i, b.p + i))
            return false;
    return same_eight(a.p + a.n - 8, b.p + b.n - 8);
}

bool sl_str_starts(struct sl_str s, struct sl_str prefix)
{
    return sl_str_eq(sl_str_first(s, prefix.n), prefix);
}

bool sl_str_ends(struct sl_str s, struct sl_str suffix)
{
    return s.n >= suffix.n && sl_str_eq(sl_str_from(s, s.n - suffix.n), suffix);
}

ptrdiff_t sl_str_find(struct sl_str s, struct sl_str needle)
{
    const char *at;

    if (needle.n == 0)
        return 0;
    if (s.n < needle.n)
        return -1;
    at = memmem(s.p, s.n, needle.p, needle.n);
    return at != NULL ? at - s.p : -1;
}

ptrdiff_t sl_str_find_byte(struct sl_str s, char c)
{
    const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

    return at != NULL ? at - s.p : -1;
}

struct sl_str sl_str_trim_blanks(struct sl_str s)
{
    while (s.n > 0 && sl_str_is_blank(s.p[0]))
        s = sl_str_from(s, 1);
    while (s.n > 0 && sl_str_is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool sl_str_split(struct sl_str *rest, char sep, struct sl_str *piece)
{
    ptrdiff_t at;

    if (rest->n == 0)
        return false;
    at = sl_str_find_byte(*rest, sep);
    if (at < 0) {
        *piece = *rest;
        *rest = sl_str_from(*rest, rest->n);
    } else {
        *piece = sl_str_first(*rest, (size_t)at);
        *rest = sl_str_from(*rest, (size_t)at + 1);
    }
    return true;
}

bool sl_str_to_u64(struct sl_str s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* How many digits stand at the beginning. */
static size_t run_of_digits(struct sl_str s)
{
    size_t n = 0;

    while (n < s.n && is_digit(s.p[n]))
        n++;
    return n;
}

/* "e-06" and the like, to the end of the text; beyond 10,000 either way it is all the same. */
static bool exponent(struct sl_str s, int64_t *out)
{
    bool minus;

    *out = 0;
    if (s.n == 0)
        return true;
    if (s.p[0] != 'e' && s.p[0] != 'E')
        return false;
    s = sl_str_from(s, 1);
    minus = s.n > 0 && s.p[0] == '-';
    if (minus || (s.n > 0 && s.p[0] == '+'))
        s = sl_str_from(s, 1);
    if (s.n == 0 || run_of_digits(s) != s.n)
        return false;
    for (size_t i = 0; i < s.n; i++)
        *out = *out > 10000 ? *out : *out * 10 + (s.p[i] - '0');
    *out = minus ? -*out : *out;
    return true;
}

/* `power` is that of the first digit; the point has been stepped over by the caller's count
 * of digits before it. */
static bool add_digits(struct sl_str digits, int64_t *power, uint64_t *sum, bool *rest)
{
    for (size_t i = 0; i < digits.n; i++, --*power) {
        unsigned d = (unsigned)(digits.p[i] - '0');

        if (*power < 0)
            *rest = *rest || d != 0;
        else if (__builtin_mul_overflow(*sum, 10, sum) || __builtin_add_overflow(*sum, d, sum))
            return false;
    }
    return true;
}

bool sl_str_to_decimal(struct sl_str s, unsigned digits, int64_t *out, bool *exact)
{
    bool minus = s.n > 0 && s.p[0] == '-', rest = false;
    struct sl_str whole, part = {"", 0};
    int64_t power;
    uint64_t sum = 0;

    s = sl_str_from(s, minus ? 1 : 0);
    whole = sl_str_first(s, run_of_digits(s));
    s = sl_str_from(s, whole.n);
    if (s.n > 0 && s.p[0] == '.') {
        s = sl_str_from(s, 1);
        part = sl_str_first(s, run_of_digits(s));
        s = sl_str_from(s, part.n);
        if (part.n == 0)
            return false;
    }
    if (whole.n == 0 || !exponent(s, &power))
        return false;
    power += (int64_t)digits + (int64_t)whole.n - 1;
    if (!add_digits(whole, &power, &sum, &rest) || !add_digits(part, &power, &sum, &rest))
        return false;
    for (; power >= 0 && sum > 0; power--)
        if (__builtin_mul_overflow(sum, 10, &sum))
            return false;
    if (sum > INT64_MAX - (uint64_t)rest)
        return false;
    sum += rest;
    *out = minus ? -(int64_t)sum : (int64_t)sum;
    if (exact != NULL)
        *exact = !rest;
    return true;
}

bool sl_str_eq_secret(struct sl_str a, struct sl_str b)
{
    /* volatile: the compiler must not leave the loop at the first difference */
    volatile unsigned char diff = 0;

    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        diff = (unsigned char)(diff | ((unsigned char)a.p[i] ^ (unsigned char)b.p[i]));
    return diff == 0;
}

/* Both digits of a byte at once. */
void sl_str_hex(const uint8_t *p, size_t n, char *out)
{
#define ROW(h)                                                                                     \
    h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" h "8" h "9" h "a" h "b" h "c" h "d" h "e" h "f"
    static const char pairs[] = ROW("0") ROW("1") ROW("2") ROW("3") ROW("4") ROW("5") ROW("6")
        ROW("7") ROW("8") ROW("9") ROW("a") ROW("b") ROW("c") ROW("d") ROW("e") ROW("f");
#undef ROW

    for (size_t i = 0; i < n; i++)
        memcpy(out + 2 * i, pairs + 2 * (size_t)p[i], 2);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool sl_str_unhex(struct sl_str s, uint8_t *out, size_t n)
{
    /* looked through first, so that `out` is whole or untouched */
    if (s.n / 2 != n || s.n % 2 != 0)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (hex_value(s.p[i]) < 0)
            return false;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((hex_value(s.p[2 * i]) << 4) | hex_value(s.p[2 * i + 1]));
    return true;
}
