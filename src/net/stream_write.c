/* The queue, and how it leaves: in one write at the end of the turn, so that a
 * head and its body, or ten events, are one system call. The kernel is asked
 * first; libuv's own queue gets only what it refuses, one request at a time. */
#include "net/inside.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define LAST_READ_MS 200 /* after a failed write: for what the peer said before it left */

static enum sl_err err_of(ssize_t status)
{
    switch (status) {
    case UV_ECONNRESET:
    case UV_EPIPE: return SL_ERR_UP_RESET;
    case UV_ENOMEM: return SL_ERR_NO_MEMORY;
    default: return SL_ERR_IO;
    }
}

static struct sl_buf *wire(struct sl_stream *s)
{
    return s->tls != NULL || s->asking ? &s->cipher : &s->out;
}

size_t sl_stream_queued(const struct sl_stream *s)
{
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    return s->out.len + s->cipher.len;
}

/* Of the bytes in libuv's hands some have left already. */
static uint64_t gone(const struct sl_stream *s)
{
    uint64_t n = s->tls == NULL ? s->sent : s->wired;

    return s->busy ? n + s->flying - uv_stream_get_write_queue_size(&s->u.stream) : n;
}

/* With TLS both numbers only grow, and once all is gone the plain text is the
 * smaller. */
uint64_t sl_stream_sent(const struct sl_stream *s)
{
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    return s->tls != NULL && s->sent < gone(s) ? s->sent : gone(s);
}

struct sl_stream_way sl_stream_way(const struct sl_stream *s)
{
    uint64_t out = gone(s);
    uv_os_fd_t fd;
    int kernel = 0;

    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    if (uv_fileno(&s->u.handle, &fd) != 0 || ioctl(fd, SIOCOUTQ, &kernel) != 0)
        kernel = 0;
    return (struct sl_stream_way){.taken = out > (uint64_t)kernel ? out - (uint64_t)kernel : 0,
                                  .left = s->out.len + s->cipher.len + (uint64_t)kernel};
}

static void note_gone(struct sl_stream *s, size_t n)
{
    if (s->tls == NULL)
        s->sent += n;
    else
        s->wired += n;
}

static size_t total_of(const struct sl_str *parts, size_t n)
{
    size_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += parts[i].n;
    return total;
}

static void to_uv(const struct sl_str *parts, size_t n, uv_buf_t *bufs)
{
    for (size_t i = 0; i < n; i++)
        bufs[i] = uv_buf_init((char *)(uintptr_t)parts[i].p, (unsigned)parts[i].n);
}

/* Offers slices to the kernel. False: the stream broke. */
static bool offer(struct sl_stream *s, const struct sl_str *parts, size_t n, size_t *took)
{
    uv_buf_t bufs[SL_STREAM_SLICES];
    int r;

    to_uv(parts, n, bufs);
    r = uv_try_write(&s->u.stream, bufs, (unsigned)n);
    *took = r > 0 ? (size_t)r : 0;
    note_gone(s, *took);
    if (r >= 0 || r == UV_EAGAIN)
        return true;
    sl_stream_break(s, err_of(r));
    return false;
}

static void on_uv_write(uv_write_t *w, int status)
{
    struct sl_stream *s = w->data;
    size_t n = s->flying;

    s->busy = false;
    s->flying = 0;
    if (s->state == SL_STREAM_CLOSED)
        return;
    if (status != 0) {
        sl_stream_break(s, err_of(status));
        return;
    }
    note_gone(s, n);
    sl_buf_consume(wire(s), n);
    sl_stream_mark(s);
}

/* The kernel is full: libuv waits for room with the front of the queue. */
static void fly(struct sl_stream *s)
{
    struct sl_str parts[SL_STREAM_SLICES];
    uv_buf_t bufs[SL_STREAM_SLICES];
    size_t n = sl_buf_peek(wire(s), parts, SL_STREAM_SLICES);
    int r;

    to_uv(parts, n, bufs);
    s->req.write.data = s;
    r = uv_write(&s->req.write, &s->u.stream, bufs, (unsigned)n, on_uv_write);
    if (r != 0) {
        sl_stream_break(s, err_of(r));
        return;
    }
    s->busy = true;
    s->flying = total_of(parts, n);
}

/* The queue that faces the socket, as far as the kernel takes it. */
static void hand_over(struct sl_stream *s)
{
    struct sl_str parts[SL_STREAM_SLICES];
    size_t n, took;

    while (!s->busy && wire(s)->len > 0) {
        n = sl_buf_peek(wire(s), parts, SL_STREAM_SLICES);
        if (!offer(s, parts, n, &took))
            return;
        n = total_of(parts, n);
        sl_buf_consume(wire(s), took);
        if (took < n)
            fly(s);
    }
}

/* ---- TLS: the queue becomes records ---- */

static bool encrypt(struct sl_stream *s, struct sl_str plain)
{
    if (!sl_tls_write(s->tls, plain)) {
        sl_stream_break(s, SL_ERR_TLS_BROKEN);
        return false;
    }
    s->sent += plain.n;
    return true;
}

/* One record's worth from the front; small pieces are put together first, since
 * a record has a fixed price on both sides. */
static bool encrypt_front(struct sl_stream *s)
{
    struct sl_str parts[SL_STREAM_SLICES], piece;
    size_t n = sl_buf_peek(&s->out, parts, SL_STREAM_SLICES), got = 0;

    piece = sl_str_first(parts[0], SL_STREAM_RECORD);
    if (n > 1 && piece.n < SL_STREAM_RECORD) {
        for (size_t i = 0; i < n && got < SL_STREAM_RECORD; i++) {
            struct sl_str part = sl_str_first(parts[i], SL_STREAM_RECORD - got);

            memcpy(s->net->record + got, part.p, part.n);
            got += part.n;
        }
        piece = (struct sl_str){s->net->record, got};
    }
    if (!encrypt(s, piece))
        return false;
    sl_buf_consume(&s->out, piece.n);
    return true;
}

static void push_tls(struct sl_stream *s)
{
    do {
        while (s->out.len > 0 && s->cipher.len < SL_STREAM_HIGH)
            if (!encrypt_front(s))
                return;
        hand_over(s);
    } while (s->out.len > 0 && !s->busy && s->broken == SL_OK);
}

static bool is_open(const struct sl_stream *s)
{
    return s->state == SL_STREAM_OPEN || s->state == SL_STREAM_FINISHING ||
           (s->state == SL_STREAM_ENDED && s->ended == SL_OK);
}

void sl_stream_push(struct sl_stream *s)
{
    if (s->busy || s->state == SL_STREAM_CLOSED || uv_is_closing(&s->u.handle))
        return;
    if (s->tls == NULL) {
        if ((is_open(s) || s->state == SL_STREAM_TUNNEL) && s->broken == SL_OK)
            hand_over(s);
    } else if (is_open(s) && s->broken == SL_OK) {
        push_tls(s);
    } else if (s->state == SL_STREAM_HANDSHAKE || s->broken == SL_ERR_TLS ||
               s->broken == SL_ERR_TLS_BROKEN || s->broken == SL_ERR_TLS_VERIFY) {
        hand_over(s); /* the handshake's own words, or the alert that ends it */
    }
}

void sl_stream_hurry(struct sl_stream *s)
{
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    if (s->net->hurries++ == 0 && s->net->hurries_before <= 1)
        sl_stream_push(s);
}

/* ---- at the end of the turn ---- */

static void say_goodbye(struct sl_stream *s)
{
    uv_os_fd_t fd;

    if (s->shut || s->busy || s->broken != SL_OK || s->out.len + s->cipher.len > 0)
        return;
    if (s->tls != NULL && !s->said_bye) {
        s->said_bye = true;
        sl_tls_close_notify(s->tls);
        hand_over(s);
        if (s->busy || s->broken != SL_OK)
            return;
    }
    s->shut = true;
    if (s->eof || uv_fileno(&s->u.handle, &fd) != 0 || shutdown(fd, SHUT_WR) != 0)
        sl_stream_shut(s, false);
    else
        sl_timer_start(s->net, &s->timer, s->linger_ms);
}

/* A failed write is not the end yet where the peer may have said why: an answer
 * that came before its reset is still in the kernel, also when nobody has read so far. */
static void tell_broken(struct sl_stream *s)
{
    if (s->broken == SL_ERR_UP_RESET && s->state == SL_STREAM_OPEN && s->want)
        sl_stream_read_on(s);
    if (s->broken == SL_ERR_UP_RESET && s->state == SL_STREAM_OPEN && s->reading && s->want) {
        if (!sl_timer_is_armed(&s->timer))
            sl_timer_start(s->net, &s->timer, LAST_READ_MS);
        return;
    }
    sl_stream_tell_end(s, s->broken);
}

void sl_stream_flush(struct sl_stream *s)
{
    if (s->state == SL_STREAM_CLOSED)
        return;
    sl_stream_push(s);
    if (s->broken != SL_OK) {
        tell_broken(s);
        return;
    }
    if (s->state == SL_STREAM_FINISHING)
        say_goodbye(s);
    sl_stream_read_on(s);
    if (s->full && s->state == SL_STREAM_OPEN && sl_stream_queued(s) <= SL_STREAM_LOW) {
        s->full = false;
        if (s->ops->drain != NULL)
            s->ops->drain(s->holder);
    }
}

/* ---- what holders call ---- */

/* Where one stands in a list of slices. */
struct cursor {
    const struct sl_str *parts; /* up: the caller's */
    size_t n, at, within;
};

static size_t cursor_peek(const struct cursor *c, struct sl_str *out, size_t max)
{
    size_t n = 0, within = c->within;

    for (size_t i = c->at; i < c->n && n < max; i++, within = 0)
        if (c->parts[i].n > within)
            out[n++] = sl_str_from(c->parts[i], within);
    return n;
}

static void cursor_skip(struct cursor *c, size_t n)
{
    while (c->at < c->n && n >= c->parts[c->at].n - c->within) {
        n -= c->parts[c->at].n - c->within;
        c->at++;
        c->within = 0;
    }
    c->within += n;
}

static void append(struct sl_stream *s, const struct sl_str *parts, size_t n)
{
    if (s->broken != SL_OK || sl_buf_append_all(&s->out, parts, n))
        return;
    sl_stream_break(s, s->out.len + total_of(parts, n) > s->out.max ? SL_ERR_CEILING
                                                                    : SL_ERR_NO_MEMORY);
}

static void append_rest(struct sl_stream *s, struct cursor *c)
{
    struct sl_str part;

    while (cursor_peek(c, &part, 1) == 1) {
        append(s, &part, 1);
        cursor_skip(c, part.n);
    }
}

/* The queue and behind it the caller's own memory, in as few calls as possible;
 * only what the kernel refuses is copied. */
static void write_through(struct sl_stream *s, struct cursor *c)
{
    struct sl_str parts[SL_STREAM_SLICES];
    size_t n, offered, took, queued;

    do {
        n = sl_buf_peek(&s->out, parts, SL_STREAM_SLICES);
        n += cursor_peek(c, parts + n, SL_STREAM_SLICES - n);
        if (n == 0 || !offer(s, parts, n, &took))
            return;
        offered = total_of(parts, n);
        queued = took < s->out.len ? took : s->out.len;
        sl_buf_consume(&s->out, queued);
        cursor_skip(c, took - queued);
    } while (took == offered);
    append_rest(s, c);
    if (s->broken == SL_OK)
        fly(s);
}

/* Large pieces are encrypted from where they lie. */
static void write_through_tls(struct sl_stream *s, struct cursor *c)
{
    struct sl_str part;

    while (!s->busy && s->broken == SL_OK && cursor_peek(c, &part, 1) == 1) {
        if (part.n < SL_STREAM_RECORD) {
            append(s, &part, 1);
        } else {
            part = sl_str_first(part, SL_STREAM_HIGH);
            part.n -= part.n % SL_STREAM_RECORD; /* what is over joins the next piece */
            while (s->out.len > 0)
                if (!encrypt_front(s))
                    return;
            if (!encrypt(s, part))
                return;
            if (s->cipher.len >= SL_STREAM_HIGH)
                hand_over(s);
        }
        cursor_skip(c, part.n);
    }
    append_rest(s, c);
    sl_stream_push(s);
}

bool sl_stream_write(struct sl_stream *s, const struct sl_str *parts, size_t n)
{
    struct cursor c = {parts, n, 0, 0};

    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    if (s->state > SL_STREAM_ENDED || (s->state == SL_STREAM_ENDED && s->ended != SL_OK) ||
        s->broken != SL_OK)
        return false; /* `end` is on its way, or was */
    if (s->busy || !is_open(s) || s->out.len + total_of(parts, n) <= SL_STREAM_HIGH)
        append(s, parts, n);
    else if (s->tls != NULL)
        write_through_tls(s, &c);
    else
        write_through(s, &c);
    sl_stream_mark(s);
    s->full = s->full || sl_stream_queued(s) > SL_STREAM_HIGH;
    return !s->full && s->broken == SL_OK;
}
