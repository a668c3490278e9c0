/* Through a proxy: what it is told and what it answers, before there is TLS or a byte
 * of the holder's. Whatever goes wrong here is a connection that did not come about. */
#include "net/inside.h"

#include "base/mem.h"

static void refuse(struct sl_stream *s, const char *why)
{
    const struct sl_dial_proxy *p = s->dialling->proxy;

    sl_stream_explain(s, "proxy %.*s:%u: %s", SL_STR_ARGS(p->host), p->port, why);
    sl_stream_break(s, SL_ERR_CONNECT);
}

void sl_stream_ask_proxy(struct sl_stream *s)
{
    uv_tcp_nodelay(&s->u.tcp, 1);
    s->state = SL_STREAM_TUNNEL;
    s->asking = true;
    if (sl_buf_append(&s->cipher, s->dialling->proxy->hello))
        sl_stream_mark(s);
    else
        sl_stream_break(s, SL_ERR_NO_MEMORY);
}

/* As much of the bytes as an answer may have. False without memory. */
static bool keep(struct sl_dialling *d, struct sl_str *bytes)
{
    struct sl_str part = sl_str_first(*bytes, SL_DIAL_ANSWER_MAX - d->answer_n);
    char *p = sl_mem_grow(d->answer, d->answer_n + part.n + 1);

    if (p == NULL)
        return false;
    d->answer = p;
    memcpy(p + d->answer_n, part.p, part.n);
    d->answer_n += part.n;
    *bytes = sl_str_from(*bytes, part.n);
    return true;
}

/* Behind its answer a proxy has nothing to say: nobody there has been asked yet. */
static bool is_all(const struct sl_stream *s, size_t used, struct sl_str rest)
{
    return used == s->dialling->answer_n && rest.n == 0 && s->cipher.len == 0 && !s->busy;
}

void sl_stream_proxy_said(struct sl_stream *s, struct sl_str bytes)
{
    struct sl_dialling *d = s->dialling;
    char why[160] = "";
    size_t used = 0;

    if (s->broken != SL_OK)
        return;
    if (!keep(d, &bytes)) {
        sl_stream_break(s, SL_ERR_NO_MEMORY);
        return;
    }
    switch (d->proxy->read((struct sl_str){d->answer, d->answer_n}, &used, why, sizeof(why))) {
    case SL_DIAL_MORE:
        if (d->answer_n == SL_DIAL_ANSWER_MAX)
            refuse(s, "its answer is too long");
        break;
    case SL_DIAL_REFUSED: refuse(s, why); break;
    case SL_DIAL_OPEN:
        if (!is_all(s, used, bytes)) {
            refuse(s, "it sends more than its answer");
            break;
        }
        s->asking = false;
        s->sent = 0; /* what the proxy was told is nobody else's matter */
        sl_stream_through(s);
        break;
    }
}

enum sl_err sl_stream_proxy_left(struct sl_stream *s, enum sl_err why)
{
    if (why != SL_OK && why != SL_ERR_UP_RESET && why != SL_ERR_IO)
        return why;
    refuse(s, "it closed the connection before it had answered");
    return SL_ERR_CONNECT;
}
