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

static inline char *clock_in(const char *text)
{
    const char *at = strstr(text, CLOCK_CALL);
    size_t n = strlen(text) + sizeof CLOCK_OURS;
    char *out = sl_mem_new(n);

    assert_non_null(at);
    assert_null(strstr(at + 1, CLOCK_CALL)); /* it is asked once */
    (void)snprintf(out, n, "%.*s%s%s", (int)(at - text), text, CLOCK_OURS,
                   at + sizeof CLOCK_CALL - 1);
    return out;
}

/* Before the first turn: the scripts are sent when the connection is there. */
static inline void clock_take(struct sl_backend *b)
{
    struct sl_scripts *s = &sl_redis_of(b)->scripts;

    for (int i = 0; i < SL_SCRIPT__COUNT; i++) {
        char *text = clock_in(s->at[i].text);

        sl_mem_free(s->at[i].text);
        s->at[i].text = text;
    }
}

#endif
