/* A clock for the scripts of a Redis store: the server's own, and so far ahead of it as the
 * test says; or a time that the test says and that stands still. Two keys hold it. */
#ifndef SL_TEST_STORE_CLOCK_H
#define SL_TEST_STORE_CLOCK_H

#include "store/redis/backend.h"

#include "store/_server.h"

#define CLOCK_CALL "redis.call('TIME')"
#define CLOCK_OURS                                                                                 \
    "(function() local t = redis.call('TIME')"                                                     \
    " local us = tonumber(redis.call('GET', 'clock:at') or t[1] * 1000000 + t[2])"                 \
    " us = us + (redis.call('GET', 'clock:ahead') or 0)"                                           \
    " return {string.format('%.0f', math.floor(us / 1000000)), string.format('%.0f', us % "        \
    "1000000)}"                                                                                    \
    " end)()"

#define CLOCK_PLAIN "local call = redis.call"
#define CLOCK_KEEPS                                                                                \
    "local call = function(c, ...)"                                                                \
    " local k, n = ..."                                                                            \
    " if c == 'PEXPIRE' or c == 'EXPIRE' then return redis.call(c, k, n * 100) end"                \
    " return redis.call(c, ...) end"

/* `from` stands in it once. Takes the text over. */
static inline char *clock_swap(char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    size_t n = strlen(text) + strlen(to) + 1;
    char *out = sl_mem_new(n);

    assert_non_null(at);
    assert_null(strstr(at + 1, from));
    (void)snprintf(out, n, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    sl_mem_free(text);
    return out;
}

/* Before the first turn: the scripts are sent when the connection is there. `keeps`: the
 * server's own clock, by which keys end, is a hundred times slower. */
static inline void clock_take(struct sl_backend *b, bool keeps)
{
    struct sl_scripts *s = &sl_redis_of(b)->scripts;

    for (int i = 0; i < SL_SCRIPT__COUNT; i++) {
        s->at[i].text = clock_swap(s->at[i].text, CLOCK_CALL, CLOCK_OURS);
        if (keeps)
            s->at[i].text = clock_swap(s->at[i].text, CLOCK_PLAIN, CLOCK_KEEPS);
    }
}

#endif
