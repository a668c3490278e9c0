/* Days and months of zones: where the clock is changed, where midnight is missing, at the
 * ends of months and in leap years. The wanted figures come from the tz database, read with
 * another reader (Python's zoneinfo). A day that was still to come when a machine's tz
 * database was made may be another one there: governments change their minds. */
#include "policy/period.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct day_case {
    const char *zone;
    int64_t now;
    int64_t day[3], month[3];
};

static const struct day_case cases[] = {
    {"UTC",
     1795608000, /* 2026-11-25T12:00:00Z: a plain day */
     {1795564800, 1795651200, 1795737600},
     {1793491200, 1796083200, 1798761600}},
    {"UTC",
     1835395199, /* 2028-02-28T23:59:59Z: before a leap day */
     {1835308800, 1835395200, 1835481600},
     {1832976000, 1835481600, 1838160000}},
    {"UTC",
     1835395200, /* 2028-02-29T00:00:00Z: the leap day's first second */
     {1835395200, 1835481600, 1835568000},
     {1832976000, 1835481600, 1838160000}},
    {"UTC",
     1803816000, /* 2027-02-28T12:00:00Z: no leap year */
     {1803772800, 1803859200, 1803945600},
     {1801440000, 1803859200, 1806537600}},
    {"UTC",
     4107499200, /* 2100-02-28T12:00:00Z: no leap year, though 4 divides it */
     {4107456000, 4107542400, 4107628800},
     {4105123200, 4107542400, 4110220800}},
    {"UTC",
     1798761599, /* 2026-12-31T23:59:59Z: a year's last second */
     {1798675200, 1798761600, 1798848000},
     {1796083200, 1798761600, 1801440000}},
    {"Europe/Berlin",
     1774744200, /* 2026-03-29T00:30:00Z: 23 hours long */
     {1774738800, 1774821600, 1774908000},
     {1772319600, 1774994400, 1777586400}},
    {"Europe/Berlin",
     1792929600, /* 2026-10-25T12:00:00Z: 25 hours long */
     {1792879200, 1792969200, 1793055600},
     {1790805600, 1793487600, 1796079600}},
    {"Europe/Berlin",
     1792879200, /* 2026-10-24T22:00:00Z: its first second */
     {1792879200, 1792969200, 1793055600},
     {1790805600, 1793487600, 1796079600}},
    {"Europe/Berlin",
     1792879199, /* 2026-10-24T21:59:59Z: the second before */
     {1792792800, 1792879200, 1792969200},
     {1790805600, 1793487600, 1796079600}},
    {"America/New_York",
     1772971200, /* 2026-03-08T12:00:00Z: 23 hours long */
     {1772946000, 1773028800, 1773115200},
     {1772341200, 1775016000, 1777608000}},
    {"America/New_York",
     1793505600, /* 2026-11-01T04:00:00Z: a day of 25 hours begins a month */
     {1793505600, 1793595600, 1793682000},
     {1793505600, 1796101200, 1798779600}},
    {"America/New_York",
     1793505599, /* 2026-11-01T03:59:59Z: the last second of October */
     {1793419200, 1793505600, 1793595600},
     {1790827200, 1793505600, 1796101200}},
    {"America/New_York",
     1709269199, /* 2024-03-01T04:59:59Z: still the leap day */
     {1709182800, 1709269200, 1709355600},
     {1706763600, 1709269200, 1711944000}},
    {"Pacific/Chatham",
     1790510400, /* 2026-09-27T12:00:00Z: quarters of an hour, and clocks changed at 2:45 */
     {1790504100, 1790590500, 1790676900},
     {1788174900, 1790763300, 1793441700}},
    {"Pacific/Chatham",
     1775390400, /* 2026-04-05T12:00:00Z: and back */
     {1775387700, 1775474100, 1775560500},
     {1774952100, 1777547700, 1780226100}},
    {"Pacific/Chatham",
     1735640100, /* 2024-12-31T10:15:00Z: the new year's first second */
     {1735640100, 1735726500, 1735812900},
     {1735640100, 1738318500, 1740737700}},
    {"Africa/Cairo",
     1777032000, /* 2026-04-24T12:00:00Z: its midnight is missing */
     {1776981600, 1777064400, 1777150800},
     {1774994400, 1777582800, 1780261200}},
    {"Africa/Cairo",
     1793275200, /* 2026-10-29T12:00:00Z: its last hour comes twice */
     {1793221200, 1793311200, 1793397600},
     {1790802000, 1793484000, 1796076000}},
    {"Asia/Beirut",
     1774785600, /* 2026-03-29T12:00:00Z: its midnight is missing */
     {1774735200, 1774818000, 1774904400},
     {1772316000, 1774990800, 1777582800}},
    {"America/Havana",
     1730635200, /* 2024-11-03T12:00:00Z: its midnight comes twice */
     {1730606400, 1730696400, 1730782800},
     {1730433600, 1733029200, 1735707600}},
    {"Pacific/Apia",
     1325206800, /* 2011-12-30T01:00:00Z: the next day was left out */
     {1325152800, 1325239200, 1325325600},
     {1322733600, 1325325600, 1328004000}},
};

static void test_table(void **state)
{
    struct sl_periods p;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct day_case *c = &cases[i];

        sl_period_find(sl_str_of(c->zone), c->now, &p);
        for (int k = 0; k < 3; k++) {
            if (p.day[k] != c->day[k])
                fail_msg("%s at %lld: day[%d] is %lld, not %lld", c->zone, (long long)c->now, k,
                         (long long)p.day[k], (long long)c->day[k]);
            if (p.month[k] != c->month[k])
                fail_msg("%s at %lld: month[%d] is %lld, not %lld", c->zone, (long long)c->now, k,
                         (long long)p.month[k], (long long)c->month[k]);
        }
    }
}

/* Whoever asks at any time of a period hears the same bounds, and each period's end is the
 * next one's begin: else a budget would be given twice, or not at all. */
static void test_no_gaps(void **state)
{
    static const char *const zones[] = {"UTC",          "Europe/Berlin", "America/New_York",
                                        "Asia/Beirut",  "Africa/Cairo",  "Pacific/Chatham",
                                        "Asia/Kolkata", "America/Havana"};

    (void)state;
    for (size_t z = 0; z < COUNT(zones); z++) {
        struct sl_str zone = sl_str_of(zones[z]);
        struct sl_periods before, p;

        sl_period_find(zone, 1767225600,
                       &before); /* 2026 and a month more, every two hours or so */
        for (int64_t now = 1767225600; now < 1767225600 + 400 * 86400; now += 7001) {
            sl_period_find(zone, now, &p);
            if (!(p.day[0] <= now && now < p.day[1] && p.day[1] < p.day[2]) ||
                !(p.month[0] <= now && now < p.month[1] && p.month[1] < p.month[2]))
                fail_msg("%s at %lld lies outside its day or month", zones[z], (long long)now);
            if (p.day[0] != before.day[0] &&
                (p.day[0] != before.day[1] || p.day[1] != before.day[2]))
                fail_msg("%s at %lld: a day does not follow the one before", zones[z],
                         (long long)now);
            if (p.month[0] != before.month[0] &&
                (p.month[0] != before.month[1] || p.month[1] != before.month[2]))
                fail_msg("%s at %lld: a month does not follow the one before", zones[z],
                         (long long)now);
            before = p;
        }
    }
}

static void test_zone_names(void **state)
{
    static const char *const good[] = {"UTC",
                                       "Europe/Berlin",
                                       "America/New_York",
                                       "Pacific/Chatham",
                                       "America/Argentina/Ushuaia",
                                       "Etc/GMT+5"};
    static const char *const bad[] = {"",
                                      "utc",
                                      "Europe",
                                      "Europe/",
                                      "Europe/Atlantis",
                                      "../etc/passwd",
                                      "/etc/localtime",
                                      "America/../UTC",
                                      "zone.tab",
                                      "posixrules",
                                      "right/UTC",
                                      "UTC0",
                                      "CET-1CEST",
                                      ":UTC",
                                      "Europe/Berlin ",
                                      "Europe/Berlin/x"};
    static const char long_name[] =
        "Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        if (!sl_period_is_zone(sl_str_of(good[i])))
            fail_msg("%s is a zone", good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (sl_period_is_zone(sl_str_of(bad[i])))
            fail_msg("'%s' is no zone", bad[i]);
    assert_false(sl_period_is_zone(sl_str_of(long_name)));
    assert_false(sl_period_is_zone((struct sl_str){"UTC\0x", 5}));
}

/* What the process takes for local time stays what it was. */
static void test_zone_is_put_back(void **state)
{
    time_t at = 1767225600;
    struct sl_periods p, utc;
    struct tm tm;

    (void)state;
    setenv("TZ", "Asia/Kolkata", 1);
    sl_period_find(SL_STR("America/New_York"), at, &p);
    assert_string_equal(getenv("TZ"), "Asia/Kolkata");
    localtime_r(&at, &tm);
    assert_int_equal(tm.tm_hour * 60 + tm.tm_min, 330);
    unsetenv("TZ");
    sl_period_find(SL_STR("Asia/Kolkata"), at, &p);
    sl_period_find(SL_STR("UTC"), at, &utc);
    localtime_r(&at, &tm);
    assert_true(tm.tm_gmtoff != 19800);
    assert_int_equal(utc.day[0] - p.day[0], 19800);
    sl_period_find(SL_STR("No/Such"), at, &p); /* its tables went away: UTC */
    assert_memory_equal(&p, &utc, sizeof(p));
}

static void test_ends_of_time(void **state)
{
    struct sl_periods p;

    (void)state;
    sl_period_find(SL_STR("UTC"), INT64_MIN, &p);
    assert_int_equal(p.day[0], 0);
    assert_int_equal(p.month[1], 31 * 86400);
    sl_period_find(SL_STR("Pacific/Chatham"), INT64_MAX, &p);
    assert_true(p.day[0] <= LATEST && p.day[1] > LATEST && p.month[2] > p.month[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),        cmocka_unit_test(test_no_gaps),
        cmocka_unit_test(test_zone_names),   cmocka_unit_test(test_zone_is_put_back),
        cmocka_unit_test(test_ends_of_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
