/* base/when.c -- texts of time, read. */
#include "base/when.h"

#include <time.h>

static const struct unit {
    const char *name;
    uint64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};

bool sl_when_duration(struct sl_str s, uint64_t *ms)
{
    const struct unit *u = units;
    size_t digits = 0;
    uint64_t n;

    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    if (!sl_str_to_u64(sl_str_first(s, digits), &n))
        return false;
    s = sl_str_from(s, digits);
    if (s.n == 0 && n == 0) {
        *ms = 0;
        return true;
    }
    while (u->name != NULL && !sl_str_eq(s, sl_str_of(u->name)))
        u++;
    return u->name != NULL && !__builtin_mul_overflow(n, u->ms, ms);
}

static bool number_at(struct sl_str s, size_t from, size_t n, int *out)
{
    uint64_t v;

    if (from + n > s.n || !sl_str_to_u64((struct sl_str){s.p + from, n}, &v))
        return false;
    *out = (int)v;
    return true;
}

bool sl_when_date(struct sl_str s, uint64_t *unix_ms)
{
    struct tm tm = {0};
    struct tm copy;
    time_t at;

    if (s.n != 10 &&
        !(s.n == 20 && s.p[10] == 'T' && s.p[13] == ':' && s.p[16] == ':' && s.p[19] == 'Z'))
        return false;
    if (s.p[4] != '-' || s.p[7] != '-' || !number_at(s, 0, 4, &tm.tm_year) ||
        !number_at(s, 5, 2, &tm.tm_mon) || !number_at(s, 8, 2, &tm.tm_mday))
        return false;
    if (s.n == 20 && (!number_at(s, 11, 2, &tm.tm_hour) || !number_at(s, 14, 2, &tm.tm_min) ||
                      !number_at(s, 17, 2, &tm.tm_sec)))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    copy = tm;
    at = timegm(&copy); /* normalises: a changed field was no real date */
    if (at <= 0 || copy.tm_mon != tm.tm_mon || copy.tm_mday != tm.tm_mday ||
        copy.tm_hour != tm.tm_hour || copy.tm_min != tm.tm_min || copy.tm_sec != tm.tm_sec)
        return false;
    *unix_ms = (uint64_t)at * 1000;
    return true;
}
