/* store/redis/machine.h -- what link.c, greet.c and sentinel.c share of a link.
 *
 *   DOWN ─► (ASKING) ─► DIALLING ─► GREETING ─► UP
 *     ▲ 100 ms … 1 s          any trouble │
 *     └───────────────────────────────────┘
 */
#ifndef SL_STORE_REDIS_MACHINE_H
#define SL_STORE_REDIS_MACHINE_H

#include "net/dial.h"
#include "net/tls.h"
#include "store/redis/pipe.h"

#define SL_MACHINE_MAGIC 0x534c5244u
#define SL_MACHINE_TRY_MS 2000         /* to connect; to greet */
#define SL_MACHINE_TRY_SENTINEL_MS 500 /* the same, where somebody else may know better */

enum sl_machine_state {
    SL_MACHINE_DOWN,
    SL_MACHINE_ASKING,
    SL_MACHINE_DIALLING,
    SL_MACHINE_GREETING,
    SL_MACHINE_UP,
    SL_MACHINE_ENDED
};

struct sl_link_redis {
    uint32_t magic;
    enum sl_machine_state state;
    struct sl_net *net;             /* up */
    const struct sl_redis_url *url; /* up */
    struct sl_tls_profile *tls;     /* shared */
    struct sl_stream *stream;       /* owns */
    struct sl_pipe pipe;
    struct sl_timer timer; /* limit of a try, then the pause before the next */
    struct sl_task task;   /* tells what failed, and the state */
    bool telling, told;
    unsigned tries; /* since the link was up for a while */
    uint64_t up_ms;
    struct sl_redis_host at; /* in use, or the last one */
    size_t sentinel, asked;  /* which is asked next; how many were in vain */
    void (*on_state)(void *ctx, bool up);
    void *ctx; /* up */
    char name[32], where[300], why[200];
    char logged[200]; /* trouble that the log has */
    struct sl_grave grave;
};

uint64_t sl_machine_limit(const struct sl_link_redis *l);
/* Dials `at`; link.c's stream events follow. */
void sl_machine_dial(struct sl_link_redis *l, enum sl_machine_state state,
                     const struct sl_redis_host *at);
void sl_machine_down(struct sl_link_redis *l, const char *fmt, ...) SL_PRINTF(2, 3);
void sl_machine_up(struct sl_link_redis *l);

/* greet.c. Nobody waits: `late` hears the reply, with the byte `step` as its note. */
void sl_greet_say(struct sl_link_redis *l, const struct sl_str *args, size_t n,
                  void (*late)(void *ctx, const void *note, const redisReply *reply), char step);
/* The password, as AUTH of its own; false: there is none. */
bool sl_greet_auth(struct sl_link_redis *l,
                   void (*late)(void *ctx, const void *note, const redisReply *reply), char step);
void sl_greet_begin(struct sl_link_redis *l);

/* sentinel.c: asks the next one for the master's address. */
void sl_sentinel_ask(struct sl_link_redis *l);
void sl_sentinel_opened(struct sl_link_redis *l);
void sl_sentinel_failed(struct sl_link_redis *l, const char *why);

#endif
