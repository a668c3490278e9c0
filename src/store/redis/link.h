/* store/redis/link.h -- one pipelined connection to a Redis.
 *
 * Private to store/redis. hiredis supplies its RESP reader; bytes, TLS, unix sockets,
 * names and time are net's, so the process has one kind of handle and everything of
 * one turn leaves in one write.
 *
 *   DOWN ─► DIALLING ─► GREETING (AUTH, SELECT, CLIENT SETNAME, ROLE) ─► UP ─► DOWN …
 *
 * Waits    Each command is an op with a deadline of its own; `done` gets the reply,
 *          or NULL and why. The reply dies when `done` returns (copy inside). A
 *          command whose deadline passed, or that was cancelled, keeps its place
 *          in the pipeline until its reply comes and is dropped; `late` hears of
 *          it, so that an admission can be given back. It hears nothing when the
 *          connection went before the reply.
 * Refused  When the link is not up, or SL_LINK_QUEUED bytes wait to be sent, a
 *          command is not sent: `done` hears of it at the end of the turn.
 * Broken   A reply that is not valid, or larger than `reply_max`, more than
 *          SL_LINK_PENDING commands unanswered, a deadline passed by
 *          SL_LINK_PATIENCE_MS: the connection is closed, all waiting commands
 *          fail, and it is dialled again after 100 to 200 ms, doubling to 1 s, with
 *          jitter; to 250 ms where Sentinels are asked before. One that Sentinel named is
 *          left after SL_LINK_SILENCE_MS without a byte while commands wait: another may be
 *          the primary by then.
 * Primary  -READONLY, -LOADING, -MASTERDOWN, -NOREPLICAS, or a ROLE other than
 *          master: closed, and the address is asked for again (Sentinel).
 */
#ifndef SL_STORE_REDIS_LINK_H
#define SL_STORE_REDIS_LINK_H

#include <hiredis/hiredis.h>

#include "base/op.h"
#include "net/loop.h"
#include "store/url.h"

#define SL_LINK_PENDING 65536             /* commands without a reply */
#define SL_LINK_ARGS 2900                 /* of one command: a restore of full pages */
#define SL_LINK_QUEUED ((size_t)16 << 20) /* bytes not yet taken by the kernel */
#define SL_LINK_PATIENCE_MS 2000          /* with a silent Redis, beyond a deadline */
#define SL_LINK_SILENCE_MS 1000           /* with one that Sentinel named, at all */

struct sl_tls_certificate;
struct sl_link_redis; /* http has a link of its own */

typedef void sl_redis_reply_fn(void *ctx, enum sl_err e, const redisReply *reply);

struct sl_redis_link_conf {
    const struct sl_redis_url *url; /* up: lives as long as the link */
    struct sl_str ca_file;
    size_t reply_max;
    const char *name; /* "store", "cache": in logs and CLIENT SETNAME */
};

/* Begins dialling. NULL with `why`: the CA file can't be used. */
struct sl_link_redis *sl_redis_link_new(struct sl_net *net, const struct sl_redis_link_conf *conf,
                                        char *why, size_t cap);
/* Waiting commands fail in the next turn, if nobody cancelled them before. */
void sl_redis_link_end(struct sl_link_redis **l);
/* One listener; told at the end of the turn in which it went up or down. What it
 * sends when told `up` leaves in that turn. */
void sl_redis_link_on_state(struct sl_link_redis *l, void (*fn)(void *ctx, bool up), void *ctx);
bool sl_redis_link_is_up(const struct sl_link_redis *l);
/* For people, without secrets: the address in use (through Sentinel: the one it
 * named last), and why the link is not up; "" when it is. */
const char *sl_redis_link_where(const struct sl_link_redis *l);
const char *sl_redis_link_why(const struct sl_link_redis *l);
/* Of the address in use, by rediss://. False: none has been seen. */
SL_MUST bool sl_redis_link_certificate(const struct sl_link_redis *l,
                                       struct sl_tls_certificate *out);

struct sl_redis_command {
    const struct sl_str *args; /* up: copied before the call returns */
    size_t n;
    struct sl_str more;   /* up: arguments behind them that are written already (resp.h) */
    size_t more_n;        /* how many */
    uint64_t deadline_ms; /* from now */
    /* hears a reply whose waiter is gone; may be NULL. `note` is copied */
    void (*late)(void *ctx, const void *note, const redisReply *reply);
    void *late_ctx;   /* up */
    const void *note; /* up: until the call returns */
    size_t note_n;
};
/* e: SL_OK with a reply (an error reply too), SL_ERR_STORE. */
void sl_redis_link_start(struct sl_link_redis *l, const struct sl_redis_command *c,
                         struct sl_op **slot, sl_redis_reply_fn *done, void *ctx);
/* Nobody waits; dropped when refused. `late`, if there is one, hears the reply. */
void sl_redis_link_tell(struct sl_link_redis *l, const struct sl_redis_command *c);

#endif
