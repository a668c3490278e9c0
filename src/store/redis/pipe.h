/* store/redis/pipe.h -- commands sent and not yet answered, in their order.
 *
 * Holder   A link, which attaches a stream when there is one. Replies are matched
 *          by order alone, so whoever stops waiting (deadline, cancel) leaves the
 *          command in its place; link.h says what becomes of it.
 * Ends     A failure is told from the holder's task, never from within a call.
 */
#ifndef SL_STORE_REDIS_PIPE_H
#define SL_STORE_REDIS_PIPE_H

#include "net/stream.h"
#include "net/timer.h"
#include "store/redis/link.h"
#include "store/redis/reply.h"

struct sl_pipe {
    struct sl_net *net;       /* up */
    struct sl_stream *stream; /* up: the holder's; NULL: nothing is sent */
    struct sl_task *task;     /* up: the holder's, which calls sl_pipe_tell_failed() */
    struct sl_reply_reader reader;
    struct sl_list sent;   /* awaiting replies */
    struct sl_list failed; /* whose waiters are to be told */
    size_t sent_n;
    uint64_t silence_ms;    /* with commands unanswered; 0: their own patience is enough */
    struct sl_timer silent; /* since the last byte, or the first of these commands */
    /* No more use in this connection; called from the loop, last of all. */
    void (*broken)(struct sl_pipe *p, const char *why);
};

/* Fields net, task, silence_ms, broken are set before. */
void sl_pipe_init(struct sl_pipe *p, size_t reply_max);
void sl_pipe_attach(struct sl_pipe *p, struct sl_stream *s);
/* The stream is gone: what waits fails, the rest is forgotten. */
void sl_pipe_detach(struct sl_pipe *p);
/* As sl_redis_link_start(); with `slot` NULL as sl_redis_link_tell(). `can`: the
 * holder takes commands now. */
void sl_pipe_send(struct sl_pipe *p, bool can, const struct sl_redis_command *c,
                  struct sl_op **slot, sl_redis_reply_fn *done, void *ctx);
/* Bytes of the stream: replies to their waiters. Calls `broken` for garbage. */
void sl_pipe_data(struct sl_pipe *p, struct sl_str bytes);
void sl_pipe_tell_failed(struct sl_pipe *p);
/* Is this Redis, for now, one that can't serve us? The connection ends with such a reply. */
bool sl_pipe_must_leave(const redisReply *reply);

#endif
