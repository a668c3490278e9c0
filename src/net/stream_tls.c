/* TLS under a stream: cipher text in, plain text to the holder, and back.
 *
 * Decrypted bytes of one read are gathered and given in one event, so that many
 * small records become one write downstream. What is not wanted stays cipher
 * text in `held`. */
#include "net/inside.h"

static void on_fail(struct sl_stream *s, enum sl_err why)
{
    if (why == SL_ERR_TLS_VERIFY)
        sl_tls_reason(s->tls, s->reason, sizeof s->reason);
    sl_stream_break(s, why);
}

static void hold(struct sl_stream *s, struct sl_str rest)
{
    if (rest.n > 0 && !sl_buf_append(&s->held, rest))
        sl_stream_break(s, SL_ERR_NO_MEMORY);
}

static void open_up(struct sl_stream *s)
{
    s->state = SL_STREAM_OPEN;
    sl_timer_stop(s->net, &s->timer);
    sl_stream_undial(s);
    if (s->ops != NULL && s->ops->open != NULL)
        s->ops->open(s->holder);
    if (s->state == SL_STREAM_OPEN && !s->want && s->reading) {
        uv_read_stop(&s->u.stream);
        s->reading = false;
    }
}

/* True: done, and `in` may hold application data. At most a few handshakes
 * advance in one turn; the others keep their bytes for the next. */
static bool shake(struct sl_stream *s, struct sl_str *in)
{
    enum sl_err why = SL_ERR_TLS;

    if (s->net->handshakes >= SL_DIAL_HANDSHAKES) {
        hold(s, *in);
        in->n = 0;
        sl_net_defer(s->net, &s->task);
        return false;
    }
    s->net->handshakes++;
    switch (sl_tls_handshake(s->tls, &why)) {
    case SL_TLS_DONE: open_up(s); return s->state == SL_STREAM_OPEN;
    case SL_TLS_WANT_IO: break;
    case SL_TLS_EOF:
    case SL_TLS_FAIL: on_fail(s, why); break;
    }
    if (s->state != SL_STREAM_CLOSED)
        sl_stream_mark(s); /* what it wants to say goes out */
    return false;
}

/* As many records as one buffer takes. False: nothing more to be had. */
static bool gather(struct sl_stream *s, size_t *n, bool *eof)
{
    enum sl_err why = SL_ERR_TLS;
    size_t got;

    *n = 0;
    *eof = false;
    while (*n < SL_STREAM_READ) {
        got = 0;
        switch (sl_tls_read(s->tls, s->net->plain_buf + *n, SL_STREAM_READ - *n, &got, &why)) {
        case SL_TLS_DONE: *n += got; break;
        case SL_TLS_WANT_IO: return false;
        case SL_TLS_EOF: *eof = true; return false;
        case SL_TLS_FAIL: on_fail(s, why); return false;
        }
    }
    return true;
}

static void read_on(struct sl_stream *s, struct sl_str *in)
{
    bool more = true, eof = false;
    size_t n;

    while (more && s->state == SL_STREAM_OPEN && s->want) {
        more = gather(s, &n, &eof);
        if (n > 0 && s->ops != NULL)
            s->ops->data(s->holder, (struct sl_str){s->net->plain_buf, n});
    }
    if (s->state != SL_STREAM_OPEN)
        return;
    hold(s, *in);
    if (s->cipher.len > 0)
        sl_stream_mark(s); /* an alert, a key update's answer */
    s->eof = s->eof || eof;
}

/* A clean end has no error to note: it is told at once, from the loop. */
static void tell_eof(struct sl_stream *s)
{
    const struct sl_stream_ops *ops = s->ops;

    if (s->state != SL_STREAM_OPEN || !s->eof || s->broken != SL_OK)
        return;
    s->state = SL_STREAM_ENDED;
    if (s->reading)
        uv_read_stop(&s->u.stream);
    s->reading = false;
    if (ops != NULL)
        ops->end(s->holder, SL_OK);
}

void sl_stream_cipher(struct sl_stream *s, struct sl_str bytes)
{
    struct sl_str in = bytes;

    if (s->held.len > 0 || (s->state == SL_STREAM_OPEN && !s->want)) {
        hold(s, in); /* order: what was kept comes first */
        if (s->state == SL_STREAM_HANDSHAKE || s->want)
            sl_net_defer(s->net, &s->task);
        return;
    }
    sl_tls_input(s->tls, &in);
    if (s->state == SL_STREAM_HANDSHAKE && !shake(s, &in)) {
        if (s->state == SL_STREAM_OPEN || s->state == SL_STREAM_HANDSHAKE)
            hold(s, in);
        return;
    }
    read_on(s, &in);
    tell_eof(s);
}

/* `held` goes through the machine, in a turn of its own. */
void sl_stream_resume(struct sl_task *t)
{
    struct sl_stream *s = SL_CONTAINER(t, struct sl_stream, task);
    struct sl_buf kept = s->held;
    struct sl_str piece;

    if (s->tls == NULL || s->state == SL_STREAM_CLOSED)
        return;
    sl_buf_init(&s->held, kept.max);
    if (s->state == SL_STREAM_HANDSHAKE && kept.len == 0)
        sl_stream_cipher(s, (struct sl_str){"", 0}); /* its bytes are in the machine */
    while (sl_buf_peek(&kept, &piece, 1) == 1) {
        if (s->state == SL_STREAM_OPEN || s->state == SL_STREAM_HANDSHAKE)
            sl_stream_cipher(s, piece);
        sl_buf_consume(&kept, piece.n);
    }
    sl_buf_fini(&kept);
    if (s->state == SL_STREAM_OPEN && s->want && !s->reading && s->held.len == 0)
        sl_stream_reading(s);
}

void sl_stream_encrypt(struct sl_stream *s)
{
    struct sl_str part;

    while (s->out.len > 0 && s->cipher.len < SL_STREAM_HIGH &&
           sl_buf_peek(&s->out, &part, 1) == 1) {
        if (!sl_tls_write(s->tls, part)) {
            sl_stream_break(s, SL_ERR_TLS);
            return;
        }
        s->sent += part.n;
        sl_buf_consume(&s->out, part.n);
    }
}
