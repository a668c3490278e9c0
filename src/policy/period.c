/* policy/period.c -- where days and months begin, asked of the C library's zones. */
#include "policy/period.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ZONES "/usr/share/zoneinfo/"
#define ZONE_BYTES 64
#define HOUR 3600
#define WITHIN (28 * HOUR)  /* no zone is further from UTC, and no jump larger */
#define LATEST 253402300799 /* the end of the year 9999 */

typedef struct tm *local_fn(const time_t *, struct tm *);

/* No dot and a capital first: the folder's tables and lists, and what lies outside of
 * it, have other names. */
bool sl_period_is_zone(struct sl_str zone)
{
    char path[sizeof(ZONES) + ZONE_BYTES] = ZONES;

    if (sl_str_eq(zone, SL_STR("UTC")))
        return true;
    if (zone.n == 0 || zone.n > ZONE_BYTES || zone.p[0] < 'A' || zone.p[0] > 'Z')
        return false;
    for (size_t i = 0; i < zone.n; i++) {
        char c = zone.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-' || c == '+' || c == '/'))
            return false;
    }
    if (zone.p[zone.n - 1] == '/')
        return false;
    memcpy(path + sizeof(ZONES) - 1, zone.p, zone.n);
    if (access(path, R_OK) != 0)
        return false;
    path[sizeof(ZONES) - 1 + zone.n] = '/'; /* a folder, such as "Europe", is no zone */
    path[sizeof(ZONES) + zone.n] = '\0';
    return access(path, F_OK) != 0;
}

/* Days since the epoch of the local date, if every month had 31 of them: for comparing. */
static int64_t date_of(int64_t at, local_fn *local)
{
    time_t t = (time_t)at;
    struct tm tm = {0};

    local(&t, &tm);
    return ((int64_t)tm.tm_year * 12 + tm.tm_mon) * 31 + tm.tm_mday - 1;
}

/* The first second of the local date. Midnight may not be there, or there twice, on a day
 * when the clock is changed, so it is searched for; a date that a zone left out begins
 * where the next one does. */
static int64_t begin_of(struct tm date, local_fn *local)
{
    struct tm plain = {.tm_year = date.tm_year, .tm_mon = date.tm_mon, .tm_mday = date.tm_mday};
    int64_t middle = timegm(&plain); /* makes 32 October the 1 November, too */
    int64_t low = middle - WITHIN, high = middle + WITHIN, wanted;

    wanted = ((int64_t)plain.tm_year * 12 + plain.tm_mon) * 31 + plain.tm_mday - 1;
    while (high - low > 1) {
        int64_t half = low + (high - low) / 2;

        if (date_of(half, local) >= wanted)
            high = half;
        else
            low = half;
    }
    return high;
}

static int64_t begin_after(int64_t at, bool month, local_fn *local)
{
    time_t t = (time_t)at;
    struct tm tm = {0};

    local(&t, &tm);
    if (month) {
        tm.tm_mday = 1;
        tm.tm_mon++;
    } else {
        tm.tm_mday++;
    }
    return begin_of(tm, local);
}

static void find(int64_t now_s, local_fn *local, struct sl_periods *out)
{
    time_t t = (time_t)now_s;
    struct tm tm = {0};

    local(&t, &tm);
    out->day[0] = begin_of(tm, local);
    tm.tm_mday = 1;
    out->month[0] = begin_of(tm, local);
    for (int i = 1; i < 3; i++) {
        out->day[i] = begin_after(out->day[i - 1], false, local);
        out->month[i] = begin_after(out->month[i - 1], true, local);
    }
}

/* A variable that was not set is set to what that means, and is never taken away: other
 * threads (the resolver's) may read the environment meanwhile, and replacing a value leaves
 * the list of variables in its place. */
void sl_period_find(struct sl_str zone, int64_t now_s, struct sl_periods *out)
{
    const char *set;
    char was[256] = ":/etc/localtime", wanted[ZONE_BYTES + 2] = ":";

    now_s = now_s < 0 ? 0 : now_s > LATEST ? LATEST : now_s;
    if (sl_str_eq(zone, SL_STR("UTC")) || !sl_period_is_zone(zone)) {
        find(now_s, gmtime_r, out);
        return;
    }
    set = getenv("TZ"); /* lint: layers the C library knows zones through TZ only */
    if (set != NULL && strlen(set) < sizeof(was))
        memcpy(was, set, strlen(set) + 1);
    memcpy(wanted + 1, zone.p, zone.n);
    if (setenv("TZ", wanted, 1) != 0) {
        find(now_s, gmtime_r, out);
        return;
    }
    tzset();
    find(now_s, localtime_r, out);
    if (setenv("TZ", was, 1) == 0)
        tzset();
}
