/* Taking a Redis URL apart. What is wrong is said without repeating the text,
 * which may hold a password. */
#include "store/url.h"

#include <stdio.h>

#include "base/mem.h"

#define DB_MAX 65535
#define PATH_MAX_N 107 /* of a unix socket's address: sun_path with its zero */

static enum sl_err wrong(char *why, size_t cap, const char *text)
{
    (void)snprintf(why, cap, "the Redis URL %s", text);
    return SL_ERR_CONFIG;
}

/* Percent-decoded into a zero-terminated text; false: too long, malformed, or a
 * zero byte. */
static bool decode(struct sl_str s, char *out, size_t cap)
{
    size_t n = 0;
    uint8_t byte;

    while (s.n > 0) {
        size_t step = 1;

        byte = (uint8_t)s.p[0];
        if (byte == '%') {
            if (s.n < 3 || !sl_str_unhex((struct sl_str){s.p + 1, 2}, &byte, 1))
                return false;
            step = 3;
        }
        if (byte == 0 || n + 1 >= cap)
            return false;
        out[n++] = (char)byte;
        s = sl_str_from(s, step);
    }
    out[n] = 0;
    return true;
}

static bool copy(struct sl_str s, char *out, size_t cap)
{
    if (s.n == 0 || s.n >= cap || memchr(s.p, 0, s.n) != NULL)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return true;
}

static bool read_db(struct sl_str s, unsigned *db)
{
    uint64_t n;

    if (!sl_str_to_u64(s, &n) || n > DB_MAX)
        return false;
    *db = (unsigned)n;
    return true;
}

/* "user:password@" before the rest; the last @ counts, since a password may hold
 * one and a host may not. */
static enum sl_err read_user(struct sl_str *rest, struct sl_redis_url *u, char *why, size_t cap)
{
    ptrdiff_t at = -1, colon;
    struct sl_str who;

    for (size_t i = 0; i < rest->n; i++)
        if (rest->p[i] == '@')
            at = (ptrdiff_t)i;
    if (at < 0)
        return SL_OK;
    who = sl_str_first(*rest, (size_t)at);
    *rest = sl_str_from(*rest, (size_t)at + 1);
    colon = sl_str_find_byte(who, ':');
    if (colon < 0)
        return wrong(why, cap, "has a user but no password: write user:password@ or :password@");
    if (!decode(sl_str_first(who, (size_t)colon), u->user, sizeof u->user) ||
        !decode(sl_str_from(who, (size_t)colon + 1), u->password, sizeof u->password))
        return wrong(why, cap,
                     "has a user or password that is too long or not percent-encoded (%40 for @)");
    if (u->password[0] == 0)
        return wrong(why, cap, "has an empty password: leave user, colon and @ out");
    return SL_OK;
}

/* host, host:port, [v6] or [v6]:port */
static bool read_host(struct sl_str s, uint16_t port, struct sl_redis_host *out)
{
    struct sl_str host = s, rest = {NULL, 0};
    ptrdiff_t end;
    uint64_t n = port;

    if (s.n > 0 && s.p[0] == '[') {
        end = sl_str_find_byte(s, ']');
        if (end < 0)
            return false;
        host = (struct sl_str){s.p + 1, (size_t)end - 1};
        rest = sl_str_from(s, (size_t)end + 1);
    } else {
        end = sl_str_find_byte(s, ':');
        if (end >= 0) {
            host = sl_str_first(s, (size_t)end);
            rest = sl_str_from(s, (size_t)end);
        }
    }
    if (rest.n > 0 && (rest.p[0] != ':' || !sl_str_to_u64(sl_str_from(rest, 1), &n)))
        return false;
    if (n == 0 || n > UINT16_MAX || !copy(host, out->host, sizeof out->host))
        return false;
    out->port = (uint16_t)n;
    return true;
}

static enum sl_err read_hosts(struct sl_str hosts, struct sl_redis_url *u, char *why, size_t cap)
{
    struct sl_str piece;

    if (!u->sentinel) {
        u->n = 1;
        if (!read_host(hosts, 6379, &u->at[0]))
            return wrong(why, cap, "needs a host, and a port from 1 to 65535 if any: host:6379");
        return SL_OK;
    }
    while (sl_str_split(&hosts, ',', &piece)) {
        if (u->n == SL_REDIS_SENTINELS)
            return wrong(why, cap, "names more than 8 Sentinels: leave some out");
        if (!read_host(piece, 26379, &u->at[u->n]))
            return wrong(why, cap, "has a Sentinel that is not host:port");
        u->n++;
    }
    return u->n > 0 ? SL_OK : wrong(why, cap, "names no Sentinel: write host:26379,host:26379");
}

/* "/db", or "/name/db" of Sentinels; `path` without its first slash. */
static enum sl_err read_path(struct sl_str path, struct sl_redis_url *u, char *why, size_t cap)
{
    struct sl_str name;

    if (u->sentinel) {
        if (!sl_str_split(&path, '/', &name) || !decode(name, u->master, sizeof u->master) ||
            u->master[0] == 0)
            return wrong(why, cap, "needs the name that the Sentinels watch: …/mymaster");
    }
    if (path.n > 0 && !read_db(path, &u->db))
        return wrong(why, cap, "must end in the number of a database, or nothing: …/0");
    return SL_OK;
}

static enum sl_err read_net(struct sl_str rest, struct sl_redis_url *u, char *why, size_t cap)
{
    ptrdiff_t slash;
    struct sl_str path = {NULL, 0};
    enum sl_err e;

    if (sl_str_find_byte(rest, '?') >= 0 || sl_str_find_byte(rest, '#') >= 0)
        return wrong(why, cap, "may hold no ? or #: in a password write them %3F and %23");
    slash = sl_str_find_byte(rest, '/');
    if (slash >= 0) {
        path = sl_str_from(rest, (size_t)slash + 1);
        rest = sl_str_first(rest, (size_t)slash);
    }
    e = read_user(&rest, u, why, cap);
    if (e == SL_OK)
        e = read_hosts(rest, u, why, cap);
    return e == SL_OK ? read_path(path, u, why, cap) : e;
}

static enum sl_err read_unix(struct sl_str rest, struct sl_redis_url *u, char *why, size_t cap)
{
    ptrdiff_t slash = sl_str_find_byte(rest, '/'), query;
    struct sl_str who, path;
    enum sl_err e;

    if (slash < 0)
        return wrong(why, cap, "needs the path of a socket: unix:///run/redis.sock");
    who = sl_str_first(rest, (size_t)slash);
    path = sl_str_from(rest, (size_t)slash);
    e = read_user(&who, u, why, cap);
    if (e != SL_OK)
        return e;
    if (who.n > 0)
        return wrong(why, cap, "has a host where unix:// takes a path: unix:///run/redis.sock");
    query = sl_str_find_byte(path, '?');
    if (query >= 0) {
        struct sl_str q = sl_str_from(path, (size_t)query + 1);

        if (!sl_str_starts(q, SL_STR("db=")) || !read_db(sl_str_from(q, 3), &u->db))
            return wrong(why, cap, "takes ?db=N and nothing else behind a socket's path");
        path = sl_str_first(path, (size_t)query);
    }
    if (path.n > PATH_MAX_N || !copy(path, u->at[0].host, sizeof u->at[0].host))
        return wrong(why, cap, "has a path longer than a socket's may be, 107 bytes");
    u->n = 1;
    return SL_OK;
}

enum sl_err sl_redis_url_read(struct sl_str text, struct sl_redis_url *out, char *why, size_t cap)
{
    static const struct {
        struct sl_str scheme;
        bool tls, sentinel;
    } kinds[] = {{SL_STR_INIT("redis://"), false, false},
                 {SL_STR_INIT("rediss://"), true, false},
                 {SL_STR_INIT("redis+sentinel://"), false, true},
                 {SL_STR_INIT("rediss+sentinel://"), true, true}};
    enum sl_err e;

    *out = (struct sl_redis_url){.n = 0};
    if (sl_str_starts(text, SL_STR("unix://"))) {
        e = read_unix(sl_str_from(text, 7), out, why, cap);
    } else {
        e = wrong(why, cap, "must begin with redis://, rediss://, unix:// or redis+sentinel://");
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            if (!sl_str_starts(text, kinds[i].scheme))
                continue;
            out->tls = kinds[i].tls;
            out->sentinel = kinds[i].sentinel;
            e = read_net(sl_str_from(text, kinds[i].scheme.n), out, why, cap);
        }
    }
    if (e != SL_OK)
        sl_mem_wipe(out, sizeof *out);
    return e;
}

static void add(char *out, size_t cap, const char *a, const char *b)
{
    size_t n = strlen(out);

    (void)snprintf(out + n, cap - n, "%s%s", a, b);
}

void sl_redis_url_show(const struct sl_redis_url *u, char *out, size_t cap)
{
    char number[16];

    out[0] = 0;
    if (u->at[0].port == 0) {
        add(out, cap, "unix://", u->at[0].host);
    } else {
        add(out, cap, u->tls ? "rediss" : "redis", u->sentinel ? "+sentinel://" : "://");
        for (size_t i = 0; i < u->n; i++) {
            bool v6 = strchr(u->at[i].host, ':') != NULL;

            (void)snprintf(number, sizeof number, v6 ? "]:%u" : ":%u", u->at[i].port);
            add(out, cap, i > 0 ? "," : "", v6 ? "[" : "");
            add(out, cap, u->at[i].host, number);
        }
        if (u->sentinel)
            add(out, cap, "/", u->master);
    }
    if (u->db > 0) {
        (void)snprintf(number, sizeof number, "%u", u->db);
        add(out, cap, u->at[0].port == 0 ? "?db=" : "/", number);
    }
}
