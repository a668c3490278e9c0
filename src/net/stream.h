/* net/stream.h -- one TCP or unix-socket byte stream, with or without TLS.
 *
 * Holder   Exactly one object holds a stream; it passes `&its_pointer` to
 *          sl_stream_close() and finds NULL there afterwards.
 * Events   Come through `struct sl_stream_ops`, from the loop, and never from
 *          inside a call to a function of this header.
 * Order    open (dialled streams only), then any mix of data and drain, then
 *          at most one end. After end or after close/finish/reset: silence.
 * Writing  Bytes are copied into the stream's queue and leave in one write at
 *          the end of the turn; a queue that would pass SL_STREAM_HIGH is
 *          written at once, so a large body costs no more memory than that.
 * Memory   Bytes given to `data` die when it returns. The stream frees itself;
 *          holders never do. Reading uses one buffer of the loop's; a paused
 *          stream keeps at most one read of its own (TLS: as cipher text).
 *
 *     data ─► holder                holder ─► write ─► queue ─► (TLS) ─► socket
 *       ▲ only while wanted                      false at HIGH, drain at LOW
 */
#ifndef SL_NET_STREAM_H
#define SL_NET_STREAM_H

#include "base/err.h"
#include "net/loop.h"

#define SL_STREAM_READ 65536 /* one read, bytes */
#define SL_STREAM_HIGH 65536 /* queue above this: no room */
#define SL_STREAM_LOW 16384  /* back below: drain */

struct sl_stream;
struct sl_dial_to; /* net/dial.h */
struct sl_tls_profile;

struct sl_stream_ops {
    void (*open)(void *holder);                      /* dialled, TLS done */
    void (*data)(void *holder, struct sl_str bytes); /* only while wanted */
    void (*drain)(void *holder);                     /* back under the low mark */
    void (*end)(void *holder, enum sl_err why);      /* SL_OK: peer finished cleanly */
    /* Optional, plain streams: where the next read should go, so that a body
     * lands in its place without a copy. .n 0: the loop's buffer. `data` then
     * gives exactly those bytes. */
    struct sl_str (*room)(void *holder);
};

/* Start dialling: addresses, connect, handshake, each with the limits in `to`.
 * Never fails here: trouble arrives as `end`. Reading starts switched off. */
struct sl_stream *sl_stream_dial(struct sl_net *net, const struct sl_dial_to *to,
                                 const struct sl_stream_ops *ops, void *holder);
/* A stream got from a listener has no holder yet: take it. With a server TLS
 * profile on the listener, `open` comes after the handshake. */
void sl_stream_adopt(struct sl_stream *s, const struct sl_stream_ops *ops, void *holder);

/* Switch reading on or off. Off is the back-pressure: the kernel window fills
 * and the peer slows down. Plain text already decrypted is kept, not lost; it
 * comes in a later turn after switching on. */
void sl_stream_want(struct sl_stream *s, bool on);

/* Queue n slices. False when the queue is above the high mark: produce no more
 * until `drain`. What was given is queued all the same; or the stream is broken,
 * nothing is queued, and `end` follows or was given. */
SL_MUST bool sl_stream_write(struct sl_stream *s, const struct sl_str *parts, size_t n);
/* The last bytes of a request or an answer are queued: they go to the kernel now and not at
 * the turn's end, which may have other clients to hear and books to keep. Not on a busy loop,
 * whose turns end several messages: sending them together costs less. */
void sl_stream_hurry(struct sl_stream *s);
size_t sl_stream_queued(const struct sl_stream *s);
/* Total bytes accepted by the kernel so far (plain text), to see progress. */
uint64_t sl_stream_sent(const struct sl_stream *s);
/* Bytes have been read that `data` is about to give. */
bool sl_stream_has_news(const struct sl_stream *s);
/* Nothing that nobody has read yet lies in the kernel or here, nor an end. One system call. */
bool sl_stream_is_silent(const struct sl_stream *s);
/* How the peer takes what was written, in bytes on the wire. What the kernel
 * accepts says little about that: it holds megabytes for a peer that reads
 * nothing, and after a pause tells us of room only when a third of them has gone. */
struct sl_stream_way {
    uint64_t taken; /* acknowledged by the peer so far */
    uint64_t left;  /* queued here and in the kernel */
};
struct sl_stream_way sl_stream_way(const struct sl_stream *s);

/* Flush what is queued, say goodbye (FIN; close_notify), wait for the peer's
 * FIN or `limit_ms`, then close. Also after a clean `end`. A peer that takes the
 * queue slowly is given time as long as it takes some, five minutes at most. */
void sl_stream_finish(struct sl_stream **ps, uint64_t limit_ms);
/* Let go for good. Unsent bytes are dropped. Safe on NULL and in any state. */
void sl_stream_close(struct sl_stream **ps);
/* The same, but the peer sees a reset: for answers that must not look whole. */
void sl_stream_reset(struct sl_stream **ps);

/* "127.0.0.1" or "::1"; "unix" for unix sockets. Lives as long as the stream. */
struct sl_str sl_stream_peer(const struct sl_stream *s);
/* After trouble with TLS, a name or an address: what it was, for logs. */
struct sl_str sl_stream_reason(const struct sl_stream *s);

#endif
