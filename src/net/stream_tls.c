/* TLS under a stream: cipher text in, plain text to the holder; and what either kind of stream
 * keeps until it is wanted.
 *
 * Decrypted bytes of one read are gathered and given in one event, so that many
 * small records become one write downstream. What is not wanted stays cipher
 * text in `held`; `more` says that the machine itself has something left. */
#include "net/inside.h"

#include "base/mem.h"

bool sl_stream_has_backlog(const struct sl_stream *s)
{
    return s->more || s->held != NULL;
}

static void on_fail(struct sl_stream *s, enum sl_err why)
{
    char text[256];

    sl_tls_reason(s->tls, text, sizeof text);
    if (text[0] != 0)
        sl_stream_explain(s, "%s", text);
    sl_stream_break(s, why);
}

/* What could not be used yet; `rest` may be the end of what is held already. */
static void hold(struct sl_stream *s, struct sl_str rest)
{
    char *p;

    if (s->held != NULL) {
        s->held_at = s->held_n - rest.n;
        return;
    }
    if (rest.n == 0)
        return;
    p = sl_mem_try(rest.n);
    if (p == NULL) {
        sl_stream_break(s, SL_ERR_NO_MEMORY);
        return;
    }
    memcpy(p, rest.p, rest.n);
    s->held = p;
    s->held_at = 0;
    s->held_n = rest.n;
}

static void let_go(struct sl_stream *s)
{
    sl_mem_free(s->held);
    s->held = NULL;
    s->held_at = s->held_n = 0;
}

static void open_up(struct sl_stream *s)
{
    s->state = SL_STREAM_OPEN;
    s->wired = 0;
    sl_timer_stop(s->net, &s->timer);
    sl_stream_undial(s);
    sl_stream_mark(s);
    if (s->ops != NULL && s->ops->open != NULL)
        s->ops->open(s->holder);
}

/* True: done. At most a few handshakes advance in one turn, the others keep
 * their bytes for the next. */
static bool shake(struct sl_stream *s)
{
    enum sl_err why = SL_ERR_TLS;

    s->more = true;
    if (s->net->handshakes >= SL_DIAL_HANDSHAKES) {
        sl_net_defer(s->net, &s->task);
        return false;
    }
    s->net->handshakes++;
    sl_stream_mark(s); /* what it wants to say goes out */
    switch (sl_tls_handshake(s->tls, &why)) {
    case SL_TLS_DONE: open_up(s); return s->state == SL_STREAM_OPEN;
    case SL_TLS_WANT_IO: s->more = false; break;
    case SL_TLS_EOF:
    case SL_TLS_FAIL: on_fail(s, why); break;
    }
    return false;
}

/* One event's worth of plain text: as many records as are there and fit. */
static bool decrypt(struct sl_stream *s)
{
    enum sl_tls_step step = SL_TLS_DONE;
    enum sl_err why = SL_ERR_TLS_BROKEN;
    char *plain = s->net->plain_buf;
    size_t n = 0, got;

    while (n < SL_STREAM_READ && step == SL_TLS_DONE) {
        got = 0;
        step = sl_tls_read(s->tls, plain + n, SL_STREAM_READ - n, &got, &why);
        n += got;
    }
    s->more = step == SL_TLS_DONE;
    if (n > 0)
        s->ops->data(s->holder, (struct sl_str){plain, n});
    if (s->state != SL_STREAM_OPEN)
        return false;
    if (step == SL_TLS_EOF)
        sl_stream_tell_end(s, SL_OK);
    else if (step == SL_TLS_FAIL)
        on_fail(s, why);
    return step == SL_TLS_DONE;
}

static void work(struct sl_stream *s, struct sl_str *in)
{
    bool more = true;

    sl_tls_input(s->tls, in);
    while (more) {
        if (s->state == SL_STREAM_HANDSHAKE && s->broken == SL_OK)
            more = shake(s);
        else if (s->state == SL_STREAM_OPEN && s->want)
            more = decrypt(s);
        else
            more = false;
    }
    sl_tls_input(s->tls, NULL);
    if (s->cipher.len > 0)
        sl_stream_mark(s); /* an alert, an answer of the protocol's own */
}

void sl_stream_cipher(struct sl_stream *s, struct sl_str bytes)
{
    work(s, &bytes);
    if (s->state == SL_STREAM_OPEN || s->state == SL_STREAM_HANDSHAKE)
        hold(s, bytes);
}

/* Read while it was wanted, and given when somebody else's bytes have changed that: kept. */
void sl_stream_plain(struct sl_stream *s, struct sl_str bytes)
{
    if (s->want)
        s->ops->data(s->holder, bytes);
    else
        hold(s, bytes);
}

static void resume_plain(struct sl_stream *s)
{
    char *p = s->held;
    struct sl_str bytes = {p, s->held_n};

    if (s->state != SL_STREAM_OPEN || !s->want || p == NULL)
        return;
    s->held = NULL;
    s->held_n = 0;
    s->ops->data(s->holder, bytes);
    sl_mem_free(p);
}

static void resume_tls(struct sl_stream *s)
{
    struct sl_str in = {s->held != NULL ? s->held + s->held_at : "", s->held_n - s->held_at};

    work(s, &in);
    if (in.n > 0)
        hold(s, in);
    else
        let_go(s);
}

/* Goes on with what is at hand, in a turn of its own. */
void sl_stream_resume(struct sl_task *t)
{
    struct sl_stream *s = SL_CONTAINER(t, struct sl_stream, task);

    if (s->state == SL_STREAM_CLOSED)
        return;
    if (s->tls != NULL)
        resume_tls(s);
    else
        resume_plain(s);
    if (s->state != SL_STREAM_CLOSED)
        sl_stream_mark(s);
}
