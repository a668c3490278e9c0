/* Lines of "name:value". */
#include "store/redis/info.h"

#include <stdio.h>

static bool get(struct sl_str info, struct sl_str name, struct sl_str *out)
{
    struct sl_str line;

    while (sl_str_split(&info, '\n', &line))
        if (sl_str_starts(line, name)) {
            line = sl_str_first(line, line.n - sl_str_ends(line, SL_STR("\r")));
            *out = sl_str_trim(sl_str_from(line, name.n));
            return true;
        }
    return false;
}

bool sl_redis_memory_read(const redisReply *reply, struct sl_redis_memory *out)
{
    struct sl_str info, used, most, policy;

    if (reply->type != REDIS_REPLY_STRING)
        return false;
    info = (struct sl_str){reply->str, reply->len};
    if (!get(info, SL_STR("used_memory:"), &used) || !sl_str_to_u64(used, &out->used) ||
        !get(info, SL_STR("maxmemory:"), &most) || !sl_str_to_u64(most, &out->most) ||
        !get(info, SL_STR("maxmemory_policy:"), &policy))
        return false;
    (void)snprintf(out->policy, sizeof out->policy, "%.*s", SL_STR_ARGS(policy));
    return true;
}

bool sl_redis_memory_evicts(const struct sl_redis_memory *m)
{
    return !sl_str_eq(sl_str_of(m->policy), SL_STR("noeviction"));
}
