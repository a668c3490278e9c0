/* http/link.h -- one connection to a provider, and waiting for one: what pool.c,
 * group.c, stale.c and client.c share. Nobody else includes it.
 *
 *     DIALLING ─► LEASED ◄─► IDLE        (any) ─► closed and buried
 *
 * Rule 13 of the pool: a connection comes back only at the end of a message,
 * with keep-alive, with no byte left over; one that becomes readable while idle
 * is closed.
 */
#ifndef SL_HTTP_LINK_H
#define SL_HTTP_LINK_H

#include "http/pool.h"
#include "net/dial.h"
#include "net/stream.h"
#include "net/timer.h"

#define SL_ORIGIN_MAGIC 0x4f524947u
#define SL_LINK_MAGIC 0x4c494e4bu

struct sl_origin {
    uint32_t magic;
    struct sl_net *net; /* up */
    struct sl_origin_conf conf;
    char *name;                  /* owns */
    char *host;                  /* owns */
    struct sl_dial_proxy *proxy; /* owns: NULL: none */
    size_t holders;              /* shares given out */
    size_t links;                /* open connections, dialling ones too */
    size_t n_idle;
    size_t n_dialling;
    size_t n_warming; /* of them those begun before any request */
    bool warmed;
    size_t n_waiting;
    struct sl_list idle; /* newest first */
    struct sl_list dialling;
    struct sl_list leased;
    struct sl_list waiting; /* oldest first */
    bool named;             /* what it connects to is a name */
    struct sl_timer look;   /* that is asked for again */
    struct sl_op *asked;    /* owns: that */
    struct sl_group *group; /* owns: it is a front; NULL mostly */
    uint64_t dialled;
    uint64_t reused;
    struct sl_grave grave;
};

enum sl_link_state { SL_LINK_DIALLING, SL_LINK_IDLE, SL_LINK_LEASED, SL_LINK_CLOSED };

/* What a leased connection says to whoever leased it. */
struct sl_link_ops {
    void (*data)(void *user, struct sl_str bytes);
    void (*drain)(void *user);
    void (*end)(void *user, enum sl_err why);
};

struct sl_link {
    uint32_t magic;
    enum sl_link_state state;
    bool ahead;                    /* begun before any request */
    bool rested;                   /* has been idle: its peer may be closing it right now */
    bool stale;                    /* its address is gone: not used again */
    struct sl_origin *origin;      /* up */
    struct sl_stream *stream;      /* owns */
    const struct sl_link_ops *ops; /* shared: static; while leased */
    void *user;                    /* up: while leased */
    struct sl_list node;           /* in idle, dialling or leased */
    struct sl_timer timer;         /* fires at `expires_ms`, or before it */
    uint64_t expires_ms;           /* the end of being idle */
    uint64_t begun_ms;
    uint64_t connect_ms;
    struct sl_grave grave;
};

/* Embedded in a call that wants a connection. */
struct sl_wait {
    struct sl_list node;      /* in origin->waiting */
    struct sl_origin *origin; /* up: kept alive by the wait, then by the link */
    struct sl_timer timer;
    uint64_t begun_ms;
    bool fresh; /* only a connection made from now on will do */
    /* From the loop or from sl_pool_wait(); must not call a holder. */
    void (*got)(struct sl_wait *w, struct sl_link *link);
    /* From the loop. `reason`: of a refused certificate; dies on return. */
    void (*failed)(struct sl_wait *w, enum sl_err why, struct sl_str reason);
};

/* Not SL_OK: the queue is full, and nothing is waiting. */
SL_MUST enum sl_err sl_pool_wait(struct sl_origin *o, struct sl_wait *w);
void sl_pool_leave(struct sl_wait *w);
/* The lease ends; `whole` only under rule 13. */
void sl_pool_give(struct sl_link **link, bool whole);

/* Lets a connection go. Whoever calls it from outside an event of that connection. */
void sl_pool_close(struct sl_link *l);

/* stale.c: the name is asked for again while there are connections, and those to addresses that
 * are gone are closed; a leased one when its request is over. */
void sl_stale_init(struct sl_origin *o);
void sl_stale_begin(struct sl_origin *o); /* it dials */
void sl_stale_end(struct sl_origin *o);   /* it has no holders any more */

/* group.c: a front and its members. */
struct sl_group *sl_group_new(void);
void sl_group_end(struct sl_origin *front); /* it has no holders any more */
void sl_group_reconfigure(struct sl_origin *front);
void sl_group_warm(struct sl_origin *front);
bool sl_group_is_warming(const struct sl_origin *front);
struct sl_origin_counts sl_group_count(const struct sl_origin *front);
SL_MUST bool sl_group_certificate(const struct sl_origin *front, struct sl_tls_certificate *out);
/* Whose turn it is; NULL: there are none, and sl_group_why() says why. */
struct sl_origin *sl_group_pick(struct sl_origin *front);
struct sl_str sl_group_why(const struct sl_origin *front);
/* It could not be reached. */
void sl_group_blame(struct sl_origin *front, const struct sl_origin *member);

#endif
