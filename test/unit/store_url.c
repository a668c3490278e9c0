/* Redis URLs: what is taken, what is refused, and that no secret is shown. */
#include "store/url.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct sl_redis_url u;
static char why[256];

static enum sl_err read_url(const char *text)
{
    why[0] = 0;
    return sl_redis_url_read(sl_str_of(text), &u, why, sizeof why);
}

static const struct good {
    const char *text;
    bool tls, sentinel;
    const char *user, *password, *host;
    unsigned port, db;
    const char *shown;
} good[] = {
    {"redis://127.0.0.1", 0, 0, "", "", "127.0.0.1", 6379, 0, "redis://127.0.0.1:6379"},
    {"redis://127.0.0.1/", 0, 0, "", "", "127.0.0.1", 6379, 0, "redis://127.0.0.1:6379"},
    {"redis://h:1/3", 0, 0, "", "", "h", 1, 3, "redis://h:1/3"},
    {"redis://:pass@h:65535/0", 0, 0, "", "pass", "h", 65535, 0, "redis://h:65535"},
    {"rediss://joe:p%40s%3as@cache.test/15", 1, 0, "joe", "p@s:s", "cache.test", 6379, 15,
     "rediss://cache.test:6379/15"},
    {"redis://joe:p@ss@h", 0, 0, "joe", "p@ss", "h", 6379, 0, "redis://h:6379"},
    {"redis://:a:b@h", 0, 0, "", "a:b", "h", 6379, 0, "redis://h:6379"},
    {"redis://[::1]:7000/2", 0, 0, "", "", "::1", 7000, 2, "redis://[::1]:7000/2"},
    {"redis://[fe80::1]", 0, 0, "", "", "fe80::1", 6379, 0, "redis://[fe80::1]:6379"},
    {"unix:///run/redis.sock", 0, 0, "", "", "/run/redis.sock", 0, 0, "unix:///run/redis.sock"},
    {"unix://joe:x%2Fy@/r.sock?db=4", 0, 0, "joe", "x/y", "/r.sock", 0, 4, "unix:///r.sock?db=4"},
    {"redis+sentinel://a/m", 0, 1, "", "", "a", 26379, 0, "redis+sentinel://a:26379/m"},
    {"redis+sentinel://:pw@a:1,b,[::2]:3/my%20m/5", 0, 1, "", "pw", "a", 1, 5,
     "redis+sentinel://a:1,b:26379,[::2]:3/my m/5"},
    {"rediss+sentinel://a,b/m", 1, 1, "", "", "a", 26379, 0, "rediss+sentinel://a:26379,b:26379/m"},
};

static void test_good(void **state)
{
    char shown[400];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const struct good *g = &good[i];

        if (read_url(g->text) != SL_OK)
            fail_msg("%s: %s", g->text, why);
        assert_int_equal(u.tls, g->tls);
        assert_int_equal(u.sentinel, g->sentinel);
        assert_string_equal(u.user, g->user);
        assert_string_equal(u.password, g->password);
        assert_string_equal(u.at[0].host, g->host);
        assert_int_equal(u.at[0].port, g->port);
        assert_int_equal(u.db, g->db);
        sl_redis_url_show(&u, shown, sizeof shown);
        assert_string_equal(shown, g->shown);
    }
    assert_int_equal(read_url("redis+sentinel://:pw@a:1,b,[::2]:3/my%20m/5"), SL_OK);
    assert_int_equal(u.n, 3);
    assert_string_equal(u.master, "my m");
    assert_string_equal(u.at[2].host, "::2");
    assert_int_equal(u.at[2].port, 3);
}

static void test_bad(void **state)
{
    static const char *bad[] = {
        "",
        "redis",
        "redis:",
        "redis:/h",
        "http://h",
        "REDIS://h",
        "redis://",
        "redis:///0",
        "redis://:secret@",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:-1",
        "redis://h:12x",
        "redis://h:",
        "redis://h:1:2",
        "redis://[::1",
        "redis://[]",
        "redis://[::1]x",
        "redis://h/x",
        "redis://h/-1",
        "redis://h/65536",
        "redis://h/0/1",
        "redis://h/0?db=1",
        "redis://secret@h",
        "redis://joe:@h",
        "redis://joe:secret%@h",
        "redis://joe:secret%4@h",
        "redis://joe:secret%zz@h",
        "redis://joe:secret%00@h",
        "unix://",
        "unix://run/redis.sock",
        "unix://h/redis.sock",
        "unix:///redis.sock?db=x",
        "unix:///redis.sock?x=1",
        "unix:///redis.sock?",
        "redis+sentinel://",
        "redis+sentinel://a",
        "redis+sentinel://a/",
        "redis+sentinel://a,/m/x",
        "redis+sentinel://a,,b/m",
        "redis+sentinel://a/m/x",
        "redis+sentinel:///m",
        "redis+sentinel://1,2,3,4,5,6,7,8,9/m",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (read_url(bad[i]) != SL_ERR_CONFIG)
            fail_msg("taken: %s", bad[i]);
        assert_true(strlen(why) > 20);
        assert_null(strstr(why, "secret"));
    }
}

/* At each length around a field's limit: taken whole, or refused. */
static void test_long(void **state)
{
    static const size_t limits[] = {sizeof u.user, sizeof u.password, sizeof u.at[0].host,
                                    PATH_MAX_N + 1};
    static const char *forms[] = {"redis://%s:p@h", "redis://:%s@h", "redis://%s", "unix:///%s"};
    char part[1024], text[1100];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (size_t n = limits[i] - 3; n < limits[i] + 3; n++) {
            size_t room = limits[i] - 1 - (i == 3); /* its slash is of the path */

            memset(part, 'x', n);
            part[n] = 0;
            (void)snprintf(text, sizeof text, forms[i], part);
            assert_int_equal(read_url(text), n <= room ? SL_OK : SL_ERR_CONFIG);
        }
    }
    memset(part, 'x', sizeof part - 1);
    part[sizeof part - 1] = 0;
    (void)snprintf(text, sizeof text, "redis+sentinel://a/%s", part);
    assert_int_equal(read_url(text), SL_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
