/* store/cache/inside.h -- what far.c and look.c share of the layer in Redis. */
#ifndef SL_STORE_CACHE_INSIDE_H
#define SL_STORE_CACHE_INSIDE_H

#include "net/timer.h"
#include "store/cache/cached.h"
#include "store/cache/far.h"
#include "store/redis/link.h"

#define SL_FAR_MAGIC 0x534c4652u
#define SL_FAR_REPLY ((size_t)32 << 20) /* of one MGET, at the most */
#define SL_FAR_SUSPECTS 64              /* keys whose values are measured at once */
#define SL_FAR_DROPS 1024               /* deletions that Redis has not confirmed */
#define SL_FAR_PREFIX 64                /* bytes of store.prefix */
#define SL_FAR_NAME (SL_FAR_PREFIX + 2 + 2 * SL_CACHE_KEY)

struct sl_far_drops { /* drops.c */
    uint8_t at[SL_FAR_DROPS][SL_CACHE_KEY];
    size_t n;
    uint64_t said_ms;
    bool denied; /* our user may not delete: nothing is gained by telling it each second */
};

struct sl_far {
    uint32_t magic;
    struct sl_net *net; /* up */
    struct sl_far_conf conf;
    struct sl_link_redis *link; /* owns: NULL without a URL */
    struct sl_metric *up;       /* shared: with the link */
    struct sl_metric *seconds;  /* shared: the same */
    struct sl_redis_url *url;   /* owns: its */
    uint64_t timeout_ms, entry_max;
    char prefix[SL_FAR_PREFIX + 2]; /* with "c:" */
    size_t prefix_n;
    unsigned strikes; /* in a row */
    bool shared;      /* the store is in that Redis too */
    bool full;
    unsigned ticks;
    struct sl_timer tick;
    struct sl_op *poll;   /* owns: a PING or INFO */
    struct sl_list looks; /* under way */
    uint8_t suspects[SL_FAR_SUSPECTS][SL_CACHE_KEY];
    size_t suspects_n;
    struct sl_far_drops drops;
    struct sl_far_counts counts;
    struct sl_grave grave;
};

/* A command came out well, or not (failed, overdue). */
void sl_far_note(struct sl_far *f, bool well);
/* A look-up of that key failed: perhaps its value is one that nobody can read. */
void sl_far_suspect(struct sl_far *f, const uint8_t key[SL_CACHE_KEY]);
/* The key's name in Redis, into `out`. */
struct sl_str sl_far_name(const struct sl_far *f, const uint8_t key[SL_CACHE_KEY],
                          char out[SL_FAR_NAME]);
/* Is it to be deleted there, and perhaps is not yet? */
bool sl_far_is_dropped(const struct sl_far *f, const uint8_t key[SL_CACHE_KEY]);
/* `anew`: over a new connection, on which our user may have more rights. */
void sl_far_drop_again(struct sl_far *f, bool anew);
/* look.c: the waiters hear nothing more. */
void sl_look_cancel_all(struct sl_far *f);

#endif
