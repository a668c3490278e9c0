/* store/redis/info.h -- what INFO memory says of a Redis. */
#ifndef SL_STORE_REDIS_INFO_H
#define SL_STORE_REDIS_INFO_H

#include <hiredis/hiredis.h>

#include "base/err.h"

struct sl_redis_memory {
    uint64_t used, most; /* bytes; most 0: no maxmemory */
    char policy[32];     /* maxmemory-policy */
};
/* False: it does not say (its user may not ask, or it is no Redis as we know it). */
SL_MUST bool sl_redis_memory_read(const redisReply *reply, struct sl_redis_memory *out);
bool sl_redis_memory_evicts(const struct sl_redis_memory *m);

#endif
