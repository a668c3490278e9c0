/* store/redis/reply.h -- bytes of a Redis into replies, and no more of them than allowed.
 *
 * hiredis' reader does the work; it trusts its server, so these limits are set
 * around it: bytes of an unfinished reply, memory of the objects made for one
 * reply, elements of an array, depth, length of a line, and RESP2's types only.
 * A bulk that announces more than the limit is refused on its header.
 *
 * Order    feed, then next until it says MORE or BAD. After BAD, fini.
 * Memory   A reader holds at most `max` bytes of text, one read more, and objects
 *          of `max` and 4 MiB; between replies 16 KiB. Replies belong to the caller:
 *          sl_reply_drop().
 */
#ifndef SL_STORE_REDIS_REPLY_H
#define SL_STORE_REDIS_REPLY_H

#include <hiredis/hiredis.h>

#include "base/str.h"

#define SL_REPLY_DEPTH 8
#define SL_REPLY_ELEMENTS 65536 /* of one array */
#define SL_REPLY_LINE 65536     /* bytes of a status, an error or a number */

struct sl_reply_reader {
    redisReader *reader; /* owns: made by the first feed */
    size_t max;
    size_t left; /* memory that the reply being read may still take */
};

enum sl_reply_step { SL_REPLY_MORE, SL_REPLY_READY, SL_REPLY_BAD };

void sl_reply_init(struct sl_reply_reader *r, size_t max);
void sl_reply_fini(struct sl_reply_reader *r); /* usable again afterwards */
/* False: no memory. */
SL_MUST bool sl_reply_feed(struct sl_reply_reader *r, struct sl_str bytes);
SL_MUST enum sl_reply_step sl_reply_next(struct sl_reply_reader *r, redisReply **out);
void sl_reply_drop(redisReply **reply);

/* Routes hiredis' allocations through base/mem. Cheap to call again. */
void sl_reply_setup(void);

/* What INFO memory says of a Redis. */
struct sl_redis_memory {
    uint64_t used, most; /* bytes; most 0: no maxmemory */
    char policy[32];     /* maxmemory-policy */
};
/* False: it does not say (its user may not ask, or it is no Redis as we know it). */
SL_MUST bool sl_redis_memory_read(const redisReply *reply, struct sl_redis_memory *out);
bool sl_redis_memory_evicts(const struct sl_redis_memory *m);
/* Above 80 % of maxmemory: what may be left out is not written. */
bool sl_redis_memory_is_full(const struct sl_redis_memory *m);

#endif
