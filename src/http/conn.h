/* http/conn.h -- one client's connection, and the exchange that is open on it:
 * what server.c, conn.c and exch.c share. Nobody else includes it.
 *
 *            first byte     head whole        body over
 *      IDLE ───────────► HEAD ───────► BODY ───────────► ANSWER
 *       ▲ └─────────────────────────────┘ ▲                │
 *       └───(SKIP ◄─ answered early)── answer over, kept ──┘    any ─► CLOSED
 *
 * A connection reads while that is useful: a head, a wanted body, and beside a
 * running answer up to `window` bytes, so that its end is noticed.
 */
#ifndef SL_HTTP_CONN_H
#define SL_HTTP_CONN_H

#include "base/bond.h"
#include "base/buf.h"
#include "http/parse.h"
#include "http/server.h"
#include "net/timer.h"

#define SL_SERVER_MAGIC 0x53525652u
#define SL_CONN_MAGIC 0x434f4e4eu
#define SL_EXCH_MAGIC 0x45584348u

/* After an answer given early, this much is still read, so that the client
 * sees the answer and not a reset (RFC 9112 section 9.6). */
#define SL_CONN_LINGER_BYTES 262144
#define SL_CONN_LINGER_MS 1000
/* What is left of a counted body after an early answer is read and dropped up
 * to this, so that a refused key does not cost its client the connection. */
#define SL_CONN_SKIP_BYTES 65536

struct sl_server {
    uint32_t magic;
    bool draining;
    struct sl_net *net;           /* up */
    struct sl_listener *listener; /* owns: NULL once accepting ended */
    struct sl_server_conf conf;
    struct sl_server_hooks hooks;
    struct sl_list conns;
    struct sl_server_counts counts;
    int64_t date_sec;
    char date[40]; /* the line for date_sec, without a terminator */
    size_t date_n;
    struct sl_grave grave;
};

enum sl_conn_state {
    SL_CONN_IDLE,
    SL_CONN_HEAD,
    SL_CONN_BODY,
    SL_CONN_ANSWER,
    SL_CONN_SKIP, /* answered early: the little that is left of the body is dropped */
    SL_CONN_CLOSED,
};

struct sl_conn {
    uint32_t magic;
    enum sl_conn_state state;
    bool running; /* the machine is on the stack: calls only note, it goes on afterwards */
    bool kept;    /* another request may follow the open one */
    struct sl_server *server; /* up: outlives its connections' CLOSED */
    struct sl_net *net;       /* up */
    struct sl_stream *stream; /* owns */
    struct sl_list node;      /* in server->conns */
    struct sl_bond bond;      /* to the open exchange */
    struct sl_parse parse;
    struct sl_buf ahead; /* bytes behind what was handled */
    struct sl_task task; /* go on with them, or with a body asked for from outside */
    struct sl_timer timer;
    uint64_t deadline; /* monotonic ms; 0: none. The timer may fire earlier */
    uint64_t moved;    /* stall watch: bytes taken when last looked, and when they changed */
    uint64_t moved_at;
    uint64_t dropped; /* bytes that nobody will read */
    struct sl_grave grave;
};

enum sl_exch_body { SL_EXCH_UNASKED, SL_EXCH_WANTED, SL_EXCH_OVER };
enum sl_exch_answer {
    SL_EXCH_NONE,
    SL_EXCH_COUNTED, /* by content-length, or no body at all */
    SL_EXCH_CHUNKED,
    SL_EXCH_TILL_CLOSE,
    SL_EXCH_DONE, /* finished, aborted, or the client is gone */
};

struct sl_exch {
    uint32_t magic;
    enum sl_exch_body body;
    enum sl_exch_answer answer;
    enum sl_err body_error;
    const struct sl_exch_ops *ops; /* shared: static */
    void *holder;                  /* up */
    struct sl_net *net;            /* up */
    struct sl_bond bond;           /* to the connection */
    struct sl_arena arena;
    struct sl_request_head head;
    uint64_t max; /* of the body */
    uint64_t got;
    uint64_t left; /* answer bytes still owed, when counted */
    uint64_t bytes_out;
    struct sl_tls_hash *hash; /* up: in the arena: of the answer's body; or NULL */
    sl_exch_tap_fn *tap;      /* hears it; or NULL */
    void *tap_ctx;            /* up */
    char peer[46];
    uint8_t peer_n;
    bool muted; /* HEAD, 204, 304: a body is not written */
    struct sl_grave grave;
};

/* conn.c */
void sl_conn_new(struct sl_server *s, struct sl_stream *stream);
/* An answer given before the body was read need not end the connection. */
static inline bool sl_conn_can_skip(const struct sl_conn *c, const struct sl_request_head *h)
{
    return c->parse.state == SL_PARSE_AT_LENGTH && c->parse.left <= SL_CONN_SKIP_BYTES &&
           !h->expect_continue;
}
/* The answer is complete: the next request, or close. */
void sl_conn_answered(struct sl_conn *c);
/* Ends the connection: flushing what is queued, dropping it, or with a reset.
 * The exchange is untied without a word. */
enum sl_conn_how { SL_CONN_FLUSH, SL_CONN_DROP, SL_CONN_RESET };
void sl_conn_close(struct sl_conn *c, enum sl_conn_how how);
/* The same, and the exchange's holder is told why. */
void sl_conn_lose(struct sl_conn *c, enum sl_err why, enum sl_conn_how how);
/* Something changed from outside of the machine: look again this turn. */
void sl_conn_wake(struct sl_conn *c);
/* Answer bytes were queued: a client that takes none of them is cut in time. */
void sl_conn_watch(struct sl_conn *c);

/* exch.c */
struct sl_exch *sl_exch_new(struct sl_conn *c);
void sl_exch_discard(struct sl_exch *x); /* never had a holder */
/* The answer to what never became an exchange; the caller closes. */
void sl_exch_refuse(struct sl_conn *c, enum sl_err why);

/* server.c */
struct sl_str sl_server_date(struct sl_server *s);

#endif
