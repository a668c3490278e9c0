/* Dialling: resolve, try every address in turn, then TLS; one limit over all. */
#include "net/inside.h"

#include "base/mem.h"

struct sl_dialling {
    struct sl_op *op; /* owns: the look-up */
    struct sl_addrs addrs;
    size_t next; /* address to try */
    enum sl_err why;
    struct sl_tls_profile *tls; /* shared */
    size_t host_n;
    uint16_t port;
    char host[256];
};

static struct sl_str host_of(const struct sl_dialling *d)
{
    return (struct sl_str){d->host, d->host_n};
}

void sl_stream_undial(struct sl_stream *s)
{
    struct sl_dialling *d = s->dialling;

    if (d == NULL)
        return;
    s->dialling = NULL;
    sl_op_cancel(&d->op);
    sl_tls_drop(&d->tls);
    sl_mem_free(d);
}

static bool begin_tls(struct sl_stream *s)
{
    struct sl_dialling *d = s->dialling;
    char origin[sizeof d->host + 8];
    int n = snprintf(origin, sizeof origin, "%.*s:%u", SL_STR_ARGS(host_of(d)), d->port);

    if (d->tls == NULL)
        return true;
    s->tls = sl_tls_new(d->tls, host_of(d), (struct sl_str){origin, (size_t)n}, &s->cipher);
    if (s->tls == NULL)
        sl_stream_break(s, SL_ERR_NO_MEMORY);
    return s->tls != NULL;
}

static void connected(struct sl_stream *s)
{
    if (!begin_tls(s))
        return;
    if (s->tls == NULL) {
        sl_timer_stop(s->net, &s->timer);
        sl_stream_undial(s);
    }
    sl_stream_ready(s);
    if (s->state == SL_STREAM_OPEN && s->tls == NULL && s->ops != NULL && s->ops->open != NULL)
        s->ops->open(s->holder);
}

static void on_uv_connect(uv_connect_t *q, int status)
{
    struct sl_stream *s = q->data;

    if (s->state != SL_STREAM_CONNECT)
        return; /* closed meanwhile */
    if (status == 0) {
        connected(s);
        return;
    }
    s->dialling->why = SL_ERR_CONNECT;
    if (s->dialling->next >= s->dialling->addrs.n) {
        sl_stream_break(s, SL_ERR_CONNECT);
        return;
    }
    s->redial = true; /* a failed socket can't be used again */
    uv_close(&s->u.handle, sl_stream_on_close);
}

static void try_next(struct sl_stream *s)
{
    struct sl_dialling *d = s->dialling;
    int e;

    s->state = SL_STREAM_CONNECT;
    s->req.connect.data = s;
    if (s->is_pipe) {
        d->next++;
        uv_pipe_connect(&s->req.connect, &s->u.pipe, d->host, on_uv_connect);
        return;
    }
    do {
        e = uv_tcp_connect(&s->req.connect, &s->u.tcp, (struct sockaddr *)&d->addrs.v[d->next++],
                           on_uv_connect);
    } while (e != 0 && d->next < d->addrs.n);
    if (e != 0)
        sl_stream_break(s, SL_ERR_CONNECT);
}

void sl_stream_redial(struct sl_stream *s)
{
    s->redial = false;
    uv_tcp_init(&s->net->loop, &s->u.tcp);
    s->u.handle.data = s;
    if (s->broken == SL_OK)
        try_next(s);
}

static void on_addrs(void *ctx, enum sl_err e, const struct sl_addrs *a)
{
    struct sl_stream *s = ctx;

    if (e != SL_OK || a->n == 0) {
        sl_stream_break(s, e != SL_OK ? e : SL_ERR_DNS);
        return;
    }
    s->dialling->addrs = *a;
    try_next(s);
}

static void begin_pipe(struct sl_task *t)
{
    struct sl_stream *s = SL_CONTAINER(t, struct sl_stream, task);

    sl_task_init(&s->task, sl_stream_resume);
    try_next(s);
}

struct sl_stream *sl_stream_dial(struct sl_net *net, const struct sl_dial_to *to,
                                 const struct sl_stream_ops *ops, void *holder)
{
    struct sl_stream *s = sl_stream_new(net, to->port == 0);
    struct sl_dialling *d = sl_mem_new(sizeof *d);

    sl_stream_adopt(s, ops, holder);
    s->dialling = d;
    d->port = to->port;
    d->tls = to->tls != NULL ? sl_tls_share(to->tls) : NULL;
    d->host_n = to->host.n < sizeof d->host ? to->host.n : sizeof d->host - 1;
    memcpy(d->host, to->host.p, d->host_n);
    sl_timer_start(net, &s->timer, to->connect_ms);
    if (to->host.n >= sizeof d->host) {
        sl_stream_break(s, SL_ERR_DNS);
    } else if (s->is_pipe) {
        sl_task_init(&s->task, begin_pipe);
        sl_net_defer(net, &s->task);
    } else {
        sl_resolve_start(net, host_of(d), to->port, to->dns_ttl_ms, &d->op, on_addrs, s);
    }
    return s;
}
