/* http/server.h -- HTTP/1.1 towards clients: connections, requests, answers.
 *
 * Objects  A `struct sl_server` per listener holds its connections. Each
 *          request is one `struct sl_exch` (exchange): head, body, answer. One
 *          exchange per connection is open at a time; pipelined bytes wait (up
 *          to `window`, beyond it the connection closes after the answer).
 * Holder   `on_request` gets a fresh exchange when a head is whole, before any
 *          body is read, and must either take it (sl_exch_take, from inside the
 *          callback) or leave it, which closes the connection. The holder ends
 *          it with sl_exch_end(); connection and exchange are tied by a bond,
 *          either may die first.
 * Arena    x->arena is made with the head; the holder may allocate from it; it
 *          lives until sl_exch_end() has been reaped.
 * Events   (struct sl_exch_ops) never from inside a call (but of
 *          sl_server_end): body pieces as they arrive, then whole once, also
 *          when the body went wrong (sl_exch_body_error); drain; gone once,
 *          last, when the client left, reset, half-closed or stalled before
 *          the answer was finished. After gone the answer's calls do nothing.
 * Answers  reply (whole), or start + write... + finish: from then on the
 *          connection serves the next request, whenever sl_exch_end() comes. Framing is the
 *          server's: content-length when known, else chunked, else (HTTP/1.0)
 *          close-delimited. HEAD gets no body. abort() cuts so that it can't
 *          look whole: close without the last chunk; RST for HTTP/1.0. An
 *          answer given before the body was read keeps the connection if at
 *          most 64 KiB of a counted body are left, which are dropped; else it
 *          closes (and reads on a bounded while so that the client sees it).
 * Limits   struct sl_server_conf; head and body deadlines are absolute. The
 *          write deadline (stall) runs while bytes wait and none leave.
 * Refusals Heads that are not valid never reach on_request: `fault` writes the
 *          JSON body for them and the connection closes. Source: RFC 9112, and
 *          the H and D cases every gateway must withstand.
 */
#ifndef SL_HTTP_SERVER_H
#define SL_HTTP_SERVER_H

#include "http/message.h"
#include "net/listen.h"

struct sl_server;
struct sl_exch;
struct sl_tls_hash;

struct sl_exch_ops {
    /* The bytes die on return, unless they stand where `room` said. */
    void (*body)(void *holder, struct sl_str piece);
    void (*whole)(void *holder);
    void (*drain)(void *holder);
    void (*gone)(void *holder, enum sl_err why);
    /* Optional: where the next body bytes should go (see stream.h). */
    struct sl_str (*room)(void *holder);
};

struct sl_server_conf {
    size_t connections;
    uint64_t client_idle_ms;
    uint64_t client_header_ms;
    uint64_t client_body_ms;
    uint64_t client_stall_ms;
    size_t window;        /* pipelined bytes kept while an answer runs; beyond: close after it */
    size_t arena_ceiling; /* per request */
};

struct sl_server_hooks {
    void (*on_request)(void *ctx, struct sl_exch *x);
    /* Body (JSON) for a refusal; `path` may be empty. Written into `a`. */
    struct sl_str (*fault)(void *ctx, struct sl_arena *a, struct sl_str path, enum sl_err why);
    void *ctx; /* up */
};

SL_MUST enum sl_err sl_server_start(struct sl_net *net, struct sl_str addr,
                                    struct sl_tls_profile *tls, const struct sl_server_conf *conf,
                                    const struct sl_server_hooks *hooks, struct sl_server **out,
                                    char *why, size_t cap);
uint16_t sl_server_port(const struct sl_server *s);
/* New limits for new connections and requests (reload). */
void sl_server_reconfigure(struct sl_server *s, const struct sl_server_conf *conf);
/* Draining, first step: idle and next answers say `connection: close`, but
 * accepting goes on. Second step: stop accepting. */
void sl_server_drain(struct sl_server *s);
/* Another process accepts on the same socket from now on: as drain and stop_accepting. */
void sl_server_hand_over(struct sl_server *s);
void sl_server_stop_accepting(struct sl_server *s);
/* Closes every connection; their exchanges get gone SL_ERR_DRAINING, from
 * inside this call. */
void sl_server_end(struct sl_server **s);

struct sl_server_counts {
    size_t connections;
    size_t idle;
    size_t exchanges; /* open: their answers are not finished */
    uint64_t accepted;
    uint64_t faults;
};
struct sl_server_counts sl_server_count(const struct sl_server *s);

/* ---- one exchange ---- */
struct sl_arena *sl_exch_arena(struct sl_exch *x);
const struct sl_request_head *sl_exch_head(const struct sl_exch *x);
struct sl_str sl_exch_peer(const struct sl_exch *x);
/* Become the holder. */
void sl_exch_take(struct sl_exch *x, const struct sl_exch_ops *ops, void *holder);
/* Ask for the body, up to `max` bytes (100-continue goes out now if expected).
 * More than that: gone is not used; `body_error` below tells, and reading ends.
 * Declared lengths over max are refused before any byte. */
void sl_exch_want_body(struct sl_exch *x, uint64_t max);
/* Why reading the body ended early: SL_ERR_BODY_TOO_BIG, SL_ERR_BAD_FRAMING,
 * SL_ERR_CLIENT_SLOW; it is delivered through `whole` being called while this
 * is not SL_OK. The holder answers with it and the connection closes after. */
enum sl_err sl_exch_body_error(const struct sl_exch *x);

/* Headers of ours (date, content-length, transfer-encoding, connection) are
 * added by the server and must not be in `h`. */
/* Without memory for a long head the client sees the end of its connection. */
void sl_exch_reply(struct sl_exch *x, int status, const struct sl_headers *h, struct sl_str body);
/* False: no memory for a long head. Nothing has happened, a reply is still possible. */
SL_MUST bool sl_exch_start(struct sl_exch *x, int status, const struct sl_headers *h,
                           bool has_length, uint64_t length);
/* False: no room until `drain`. */
bool sl_exch_write(struct sl_exch *x, const struct sl_str *parts, size_t n);
void sl_exch_finish(struct sl_exch *x);
void sl_exch_abort(struct sl_exch *x);
/* Close the connection after this answer. */
void sl_exch_close_after(struct sl_exch *x);
bool sl_exch_has_started(const struct sl_exch *x); /* a byte of answer was queued */
size_t sl_exch_queued(const struct sl_exch *x);
uint64_t sl_exch_bytes_out(const struct sl_exch *x);
/* Every byte of the answer's body that is handed to the connection is fed to it, too; it is
 * in the exchange's arena. Before the answer begins; NULL: no more. */
void sl_exch_hash(struct sl_exch *x, struct sl_tls_hash *h);
/* Likewise a holder hears it, piece by piece, and ends nothing meanwhile. NULL: no more. */
typedef void sl_exch_tap_fn(void *ctx, struct sl_str piece);
void sl_exch_tap(struct sl_exch *x, sl_exch_tap_fn *fn, void *ctx);
/* Let go: the answer, if finished, still flushes; if not, it is aborted. */
void sl_exch_end(struct sl_exch **x);

#endif
