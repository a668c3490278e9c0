/* http/client.h -- one call: a request to a provider and its answer.
 *
 * Holder   Exactly one; sl_call_end(&c) cancels whatever is left (closing the
 *          provider's connection unless the answer was whole) and is silent
 *          afterwards. The call frees itself through the graveyard.
 * Order    sl_call_start, then: sent (head and body are with the kernel; a
 *          fresh deadline may start), head once, body any number, then done or
 *          fail, at most one of them, last. Events never come from inside a
 *          call of this header. 1xx answers are skipped (bounded).
 * Memory   `parts` (request head and body slices) must live until done/fail or
 *          sl_call_end(). Body slices given to `body` die when it returns.
 * Reuse    A connection that was idle and closes before one byte of the answer, at
 *          most a second after it was leased for this call, is replaced once by
 *          a fresh one, silently: the request is sent again (counted in
 *          call_info.resent). Otherwise failure is told: whoever had the request
 *          longer may have worked on it (RFC 9110 section 9.2.2). So is one that
 *          answers before the request has left: it may be what was left of another
 *          answer, and a request that is not whole has not been worked on.
 * Instances Of an origin that has some (http/group.h) one is called. Where it refuses the
 *          connection another one is, up to three of them; without any the call fails with
 *          SL_ERR_DNS and a reason.
 * Framing  content-length, chunked, close-delimited, none (HEAD, 204, 304).
 *          Anything doubtful is SL_ERR_UP_GARBAGE and closes the connection;
 *          FIN or RST inside a body is SL_ERR_UP_CLOSED / UP_RESET / TLS_CUT,
 *          never done. Excess bytes after an answer close the connection.
 * Time     The caller's timers end a call; the pool's own limits (connect,
 *          queue) arrive as fail, and so does SL_ERR_UP_STALLED: for `stall_ms`
 *          the provider has taken no byte of a request that is not sent, and
 *          has not answered. Source: RFC 9112.
 */
#ifndef SL_HTTP_CLIENT_H
#define SL_HTTP_CLIENT_H

#include "http/message.h"
#include "http/pool.h"

struct sl_call;

struct sl_call_ops {
    void (*sent)(void *holder);
    /* Head and its slices live in the call until it ends. */
    void (*head)(void *holder, const struct sl_answer_head *head);
    void (*body)(void *holder, struct sl_str piece);
    void (*done)(void *holder);
    void (*fail)(void *holder, enum sl_err why);
};

struct sl_call_req {
    const struct sl_str *parts; /* up: head, then body slices, caller's memory */
    size_t n;
    bool is_head;      /* the method is HEAD */
    uint64_t stall_ms; /* 0: none */
};

struct sl_call *sl_call_start(struct sl_origin *o, const struct sl_call_req *req,
                              const struct sl_call_ops *ops, void *holder);
/* Reading from the provider: back-pressure. On at the start. */
void sl_call_want(struct sl_call *c, bool on);
void sl_call_end(struct sl_call **c);

struct sl_call_info {
    bool reused;
    bool sent; /* all of it is with the kernel; the event may be yet to come */
    unsigned resent;
    uint64_t queued_ms;   /* waiting for a connection */
    uint64_t connect_ms;  /* dialling, 0 when reused */
    struct sl_str reason; /* of a TLS failure, else empty */
};
struct sl_call_info sl_call_about(const struct sl_call *c);

#endif
