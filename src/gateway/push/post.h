/* gateway/push/post.h -- one request to a receiver that operators named: a webhook, a collector
 * of traces, a Pushgateway.
 *
 *   start ─► call ─► done, with a status or with why there is none
 *
 * Holder   Embedded. init; then start any number of times, one after the other; stop.
 * Order    After start comes done once, from the loop, unless stop came before it. The next
 *          start may come from inside done.
 * Memory   The receiver's texts and the body live until done or stop; what done is given dies
 *          when it returns.
 * Bounds   SL_POST_LIMIT_MS for all of it. Of the answer SL_POST_ANSWER bytes are kept, and after
 *          SL_POST_READ the rest is not waited for: its status says enough. Redirects are
 *          not followed, since what is sent may be signed or carry a secret.
 */
#ifndef SL_GATEWAY_PUSH_POST_H
#define SL_GATEWAY_PUSH_POST_H

#include "gateway/conf.h"
#include "http/client.h"
#include "net/timer.h"

#define SL_POST_LIMIT_MS 10000
#define SL_POST_ANSWER 4096
#define SL_POST_READ 65536
#define SL_POST_BODY 3 /* slices of a body */

struct sl_post_end {
    int status;        /* 0: there is no answer */
    struct sl_str why; /* what went wrong, for a log; empty after a 2xx */
    bool has_wait;     /* `retry-after` says when to come again */
    uint64_t wait_ms;
    struct sl_str answer; /* the first bytes of its body */
    bool cut;             /* there was more of it */
};
typedef void sl_post_done_fn(void *ctx, const struct sl_post_end *end);

struct sl_post_what {
    struct sl_str method, path, type; /* `type`: of the content */
    struct sl_str lines;              /* more header lines, each with its end; may be empty */
    struct sl_str body[SL_POST_BODY];
};

struct sl_post {
    struct sl_net *net;   /* up */
    struct sl_call *call; /* owns */
    struct sl_timer limit;
    sl_post_done_fn *done;
    void *ctx; /* up: the holder */
    struct sl_str parts[4 + SL_POST_BODY];
    char head[2048]; /* method to content-length: conf/parts/receiver.c sees to it that it fits */
    struct sl_retry_hints hints;
    int status;
    size_t read; /* bytes of the answer's body so far */
    char answer[SL_POST_ANSWER];
};

void sl_post_init(struct sl_post *p, struct sl_net *net, sl_post_done_fn *done, void *ctx);
void sl_post_start(struct sl_post *p, const struct sl_receiver *to,
                   const struct sl_post_what *what);
bool sl_post_is_busy(const struct sl_post *p);
void sl_post_stop(struct sl_post *p); /* also where nothing is under way; then silence */
/* A 2xx: the receiver has taken it. */
static inline bool sl_post_is_taken(const struct sl_post_end *end)
{
    return end->status >= 200 && end->status <= 299;
}

#endif
