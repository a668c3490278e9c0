/* net/inside.h -- what the files of this room share. Nobody else includes it.
 *
 * `struct sl_net` is the loop with its lists; `struct sl_stream` is the only
 * struct of the house that embeds a uv_tcp_t.
 */
#ifndef SL_NET_INSIDE_H
#define SL_NET_INSIDE_H

#include <uv.h>

#include "base/buf.h"
#include "base/op.h"
#include "net/dial.h"
#include "net/stream.h"
#include "net/timer.h"
#include "net/tls.h"

#define SL_NET_MAGIC 0x534c4e45u
#define SL_STREAM_MAGIC 0x534c5354u
#define SL_NET_LEVELS 4
#define SL_NET_SLOTS 64
#define SL_NET_SIGNALS 8

struct sl_net_signal {
    uv_signal_t handle;
    sl_signal_fn *fn;
    void *ctx; /* up */
    int signum;
};

#define SL_NET_GIVEN 8 /* sockets that are handed over: hand/hand.h */

struct sl_given {
    int fd; /* -1: a listener has it */
    char address[280];
};

struct sl_name; /* one cached name, see dial.c */

struct sl_net {
    uint32_t magic;
    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_check_t check; /* dates the turn */
    uv_idle_t awake;  /* runs while work is left: the loop must not sleep */
    uv_timer_t timer;
    uv_timer_t limit; /* of sl_net_turn() */
    bool is_awake, ending;
    int spare; /* descriptor to give up when there are no more; -1: given up */
    struct sl_list tasks;
    struct sl_list dirty;   /* streams with something to flush or tell */
    struct sl_list streams; /* all of them */
    struct sl_list graves;
    /* the timer wheel */
    struct sl_list wheel[SL_NET_LEVELS][SL_NET_SLOTS];
    uint64_t used[SL_NET_LEVELS]; /* bit: the slot may hold timers */
    uint64_t tick;                /* monotonic ms up to which the wheel has turned */
    uint64_t armed;               /* when the uv timer fires; 0: not */
    uint64_t late, late_turn;     /* what is due by then fires after a look; 0: in time */
    struct sl_net_signal signals[SL_NET_SIGNALS];
    size_t signals_n;
    unsigned handshakes;              /* advanced in this turn */
    unsigned hurries, hurries_before; /* sl_stream_hurry(): in this turn, in the last one */
    struct sl_name *names;            /* owns: hash */
    size_t names_n;
    struct sl_list wanted, asked; /* look-ups without a thread, and with one */
    size_t asked_n;
    uv_async_t answers; /* a thread has its answer; alive while there are look-ups */
    struct sl_task asking;
    struct sl_list listeners;
    struct sl_given given[SL_NET_GIVEN];
    size_t given_n;
    int word; /* descriptor to say "ready" on; -1: to nobody */
    struct sl_net_counts counts;
    int64_t unix_offset_ms; /* wall clock minus the loop's, taken once a turn */
    uint64_t turn_began_us;
    char *read_buf;       /* owns: 2 * SL_STREAM_READ */
    size_t read_n;        /* of it: what lies there until the poll is over */
    struct sl_list heard; /* streams whose bytes those are */
    char *plain_buf;      /* owns: SL_STREAM_READ, made for the first TLS stream */
    char *record;         /* owns: SL_STREAM_RECORD, likewise */
};

enum sl_stream_state {
    SL_STREAM_NEW, /* accepted, nobody's yet; or resolving */
    SL_STREAM_CONNECT,
    SL_STREAM_TUNNEL, /* the proxy has been asked */
    SL_STREAM_HANDSHAKE,
    SL_STREAM_OPEN,
    SL_STREAM_ENDED,     /* told the holder */
    SL_STREAM_FINISHING, /* let go: flushing, then waiting for the peer's FIN */
    SL_STREAM_CLOSED
};

#define SL_STREAM_SLICES 16    /* of one writev */
#define SL_STREAM_RECORD 16384 /* most plain text of a TLS record */

struct sl_dialling; /* below */
struct sl_listener;

struct sl_stream {
    uint32_t magic;
    enum sl_stream_state state;
    struct sl_net *net;              /* up */
    const struct sl_stream_ops *ops; /* shared: static; NULL once let go */
    void *holder;                    /* up */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } u;
    union {
        uv_connect_t connect;
        uv_write_t write;
    } req; /* one at a time, in this order */
    bool is_pipe, redial;
    bool asking;   /* `cipher` is what a proxy is told */
    bool want;     /* the holder's wish */
    bool reading;  /* the socket is polled for bytes; may outlast the wish, see stream_read.c */
    bool busy;     /* a uv_write is under way, with `flying` bytes */
    bool full;     /* drain is owed */
    bool eof;      /* the peer will send no more */
    bool shut;     /* our FIN is sent */
    bool said_bye; /* close_notify is queued or gone */
    bool more;     /* TLS: the machine may go on without new bytes */
    uint8_t reads; /* in turn `read_turn` */
    enum sl_err broken;   /* to be told at the end of the turn */
    enum sl_err ended;    /* what `end` was told */
    struct sl_buf out;    /* plain text queued */
    struct sl_buf cipher; /* TLS: for the socket; before that what a proxy is told */
    char *held;           /* owns: read, and not wanted or before its turn; NULL mostly */
    size_t held_at, held_n;
    struct sl_tls *tls; /* owns */
    uint64_t sent;      /* plain: bytes the kernel took; TLS: bytes encrypted */
    uint64_t wired;     /* TLS: cipher bytes the kernel took */
    size_t flying;
    uint64_t read_turn;
    struct sl_str heard; /* up: read in this poll, in the loop's buffer; .n 0 mostly */
    struct sl_list heard_node;
    uint64_t moved, moved_ms; /* finishing: bytes taken when last looked, and when it grew */
    uint64_t linger_ms, begun_ms;
    struct sl_timer timer;
    struct sl_task task; /* go on with `held` or `more` */
    struct sl_list node; /* of sl_net.streams */
    struct sl_list dirty;
    struct sl_grave grave;
    struct sl_dialling *dialling; /* owns */
    struct sl_listener *listener; /* up: counts us until we close */
    char *peer;                   /* owns: once asked for */
    char *reason;                 /* owns: once there is one */
};

/* stream.c */
struct sl_stream *sl_stream_new(struct sl_net *net, bool is_pipe);
void sl_stream_mark(struct sl_stream *s); /* look at it when the turn ends */
void sl_stream_on_close(uv_handle_t *h);
void sl_stream_shut(struct sl_stream *s, bool reset);          /* to CLOSED, from any state */
void sl_stream_break(struct sl_stream *s, enum sl_err why);    /* told at the turn's end */
void sl_stream_tell_end(struct sl_stream *s, enum sl_err why); /* now: from the loop only */
void sl_stream_explain(struct sl_stream *s, const char *fmt, ...) SL_PRINTF(2, 3);
/* Connected: start the handshake or be open. */
void sl_stream_ready(struct sl_stream *s);
/* stream_write.c */
void sl_stream_push(struct sl_stream *s);  /* hands the kernel what it takes */
void sl_stream_flush(struct sl_stream *s); /* the same at the turn's end, and what follows */
/* stream_read.c */
void sl_stream_read_on(struct sl_stream *s); /* polls the socket if bytes are welcome */
void sl_stream_hear(struct sl_net *net);     /* the poll is over: what was read is given */
/* stream_tls.c */
void sl_stream_cipher(struct sl_stream *s, struct sl_str bytes); /* cipher text arrived */
void sl_stream_plain(struct sl_stream *s, struct sl_str bytes);  /* the same without TLS */
bool sl_stream_has_backlog(const struct sl_stream *s);
void sl_stream_resume(struct sl_task *t);
/* stream_dial.c */
void sl_stream_undial(struct sl_stream *s);
void sl_stream_redial(struct sl_stream *s);
void sl_stream_through(struct sl_stream *s); /* the proxy has opened the way */
/* stream_tunnel.c */
void sl_stream_ask_proxy(struct sl_stream *s); /* it is connected */
void sl_stream_proxy_said(struct sl_stream *s, struct sl_str bytes);
/* What an end means while the proxy is asked: no connection, and why. */
enum sl_err sl_stream_proxy_left(struct sl_stream *s, enum sl_err why);
/* listen.c */
void sl_listen_left(struct sl_listener *l);
/* loop.c: the reserve for listeners, taken again if it was given up. */
bool sl_net_has_spare(struct sl_net *net);
uint64_t
sl_net_tick_ms(void); /* the kernel's own count: cheap, never ahead, 10 ms behind at most */
/* timer.c */
void sl_timer_wheel_init(struct sl_net *net);
/* dial.c: addresses of a name, as an op; `done` from a later turn. */
#define SL_DIAL_ADDRS 16
struct sl_addrs {
    struct sockaddr_storage v[SL_DIAL_ADDRS];
    size_t n;
};
/* DNS, or OVERLOAD: we had no descriptor or thread to ask with. `why` says what the resolver said,
 * static text. */
typedef void sl_resolve_fn(void *ctx, enum sl_err e, const struct sl_addrs *a, const char *why);
void sl_resolve_start(struct sl_net *net, struct sl_str host, uint16_t port, uint64_t ttl_ms,
                      struct sl_op **slot, sl_resolve_fn *done, void *ctx);
/* This address answered where those before it did not: it goes to the front. */
void sl_resolve_prefer(struct sl_net *net, struct sl_str host, const struct sockaddr_storage *a);
void sl_resolve_forget(struct sl_net *net); /* the cache, at the end */

/* lookup.c: one name asked of the system's resolver, once, by getaddrinfo(). `done` comes from the
 * loop, in a later turn, exactly once while the loop runs; `found` dies when it returns. OK, DNS,
 * or OVERLOAD: there was no descriptor or thread for it; `why` is static text that says what the
 * resolver said. Nothing ends a look-up but its answer. */
#define SL_LOOKUP_THREADS 64 /* names asked for at once; the next wait for one of them */
struct addrinfo;
typedef void sl_lookup_fn(void *ctx, enum sl_err e, const struct addrinfo *found, const char *why);
void sl_lookup_init(struct sl_net *net);
void sl_lookup_start(struct sl_net *net, const char *name, sl_lookup_fn *done, void *ctx);
void sl_lookup_cancel(struct sl_net *net); /* those that have no thread yet */

/* What there is of a stream until it is open. */
struct sl_dialling {
    struct sl_op *op;         /* owns: the look-up */
    struct sl_stream *stream; /* up */
    struct sl_addrs addrs;
    size_t next;    /* address to try */
    uint64_t until; /* sl_net_now() when all of it is late */
    struct sl_timer step;
    struct sl_tls_profile *tls;        /* shared */
    const struct sl_dial_proxy *proxy; /* up: NULL: none */
    char *answer;                      /* owns: of the proxy, so far */
    size_t answer_n;
    size_t host_n;
    uint16_t port;
    char host[256];
};

/* listen.c: of a node in net->listeners, its socket and its address; -1: it has none. */
int sl_listen_show(struct sl_list *node, struct sl_str *address);

#endif
