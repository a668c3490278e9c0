/* Dialling: resolve, try every address in turn, then the proxy if there is one, then TLS; one limit
 * over all, and of several addresses each gets its part of it, so that one that swallows everything
 * does not keep us from the next. */
#include "net/inside.h"

#include <stdio.h>

#include "base/mem.h"

#define LEAST_TRY_MS 250

static struct sl_str host_of(const struct sl_dialling *d)
{
    return (struct sl_str){d->host, d->host_n};
}

/* Whom the socket is connected to: it, or the proxy in front of it. */
static struct sl_str peer_host(const struct sl_dialling *d)
{
    return d->proxy != NULL ? d->proxy->host : host_of(d);
}

static uint16_t peer_port(const struct sl_dialling *d)
{
    return d->proxy != NULL ? d->proxy->port : d->port;
}

void sl_stream_undial(struct sl_stream *s)
{
    struct sl_dialling *d = s->dialling;

    if (d == NULL)
        return;
    s->dialling = NULL;
    sl_op_cancel(&d->op);
    sl_timer_stop(s->net, &d->step);
    sl_tls_drop(&d->tls);
    s->net->counts.ops--;
    sl_mem_free(d->answer);
    sl_mem_free(d);
}

static void explain(struct sl_stream *s, const char *what)
{
    struct sl_dialling *d = s->dialling;
    char text[INET6_ADDRSTRLEN] = "?";
    struct sockaddr_storage *a = &d->addrs.v[d->next > 0 ? d->next - 1 : 0];
    const char *who = d->proxy != NULL ? "proxy " : "";

    if (s->is_pipe) {
        sl_stream_explain(s, "%s: %s", d->host, what);
    } else if (a->ss_family == AF_INET) {
        uv_ip4_name((struct sockaddr_in *)a, text, sizeof text);
        sl_stream_explain(s, "%s%s:%u: %s", who, text, peer_port(d), what);
    } else {
        uv_ip6_name((struct sockaddr_in6 *)a, text, sizeof text);
        sl_stream_explain(s, "%s[%s]:%u: %s", who, text, peer_port(d), what);
    }
}

static bool begin_tls(struct sl_stream *s)
{
    struct sl_dialling *d = s->dialling;
    char origin[sizeof d->host + 8];
    int n = snprintf(origin, sizeof origin, "%s:%u", d->host, d->port);

    if (d->tls == NULL)
        return true;
    s->tls = sl_tls_new(d->tls, host_of(d), (struct sl_str){origin, (size_t)n}, &s->cipher);
    if (s->tls == NULL)
        sl_stream_break(s, SL_ERR_NO_MEMORY);
    return s->tls != NULL;
}

void sl_stream_through(struct sl_stream *s)
{
    if (!begin_tls(s))
        return;
    sl_stream_ready(s);
    if (s->tls != NULL)
        return;
    sl_timer_stop(s->net, &s->timer);
    sl_stream_undial(s);
    if (s->ops->open != NULL)
        s->ops->open(s->holder);
}

static void connected(struct sl_stream *s)
{
    struct sl_dialling *d = s->dialling;

    if (!s->is_pipe && d->next > 1)
        sl_resolve_prefer(s->net, peer_host(d), &d->addrs.v[d->next - 1]);
    sl_mem_free(s->reason); /* of addresses before */
    s->reason = NULL;
    if (d->proxy != NULL)
        sl_stream_ask_proxy(s);
    else
        sl_stream_through(s);
}

/* On to the next address, with a new socket: a failed one can't be used again. */
static void give_up_address(struct sl_stream *s)
{
    if (s->dialling->next >= s->dialling->addrs.n) {
        sl_stream_break(s, SL_ERR_CONNECT);
        return;
    }
    s->redial = true;
    uv_close(&s->u.handle, sl_stream_on_close);
}

/* Without a descriptor of ours no address would do better. */
static void could_not_connect(struct sl_stream *s, int status)
{
    explain(s, uv_strerror(status));
    if (status == UV_EMFILE || status == UV_ENFILE)
        sl_stream_break(s, SL_ERR_OVERLOAD);
    else
        give_up_address(s);
}

static void on_uv_connect(uv_connect_t *q, int status)
{
    struct sl_stream *s = q->data;

    if (s->state != SL_STREAM_CONNECT || status == UV_ECANCELED)
        return; /* closed meanwhile */
    sl_timer_stop(s->net, &s->dialling->step);
    if (status == 0) {
        connected(s);
        return;
    }
    could_not_connect(s, status);
}

static void on_step(struct sl_timer *t)
{
    struct sl_dialling *d = SL_CONTAINER(t, struct sl_dialling, step);

    explain(d->stream, "no answer");
    give_up_address(d->stream);
}

static void limit_step(struct sl_dialling *d)
{
    struct sl_net *net = d->stream->net;
    uint64_t now = sl_net_now(net), left = d->until > now ? d->until - now : 0;
    size_t more = d->addrs.n - d->next;

    if (more == 0)
        return;
    left /= more + 1;
    sl_timer_start(net, &d->step, left > LEAST_TRY_MS ? left : LEAST_TRY_MS);
}

static void try_next(struct sl_stream *s)
{
    struct sl_dialling *d = s->dialling;
    int e;

    s->state = SL_STREAM_CONNECT;
    s->req.connect.data = s;
    if (s->is_pipe) {
        uv_pipe_connect(&s->req.connect, &s->u.pipe, d->host, on_uv_connect);
        return;
    }
    e = uv_tcp_connect(&s->req.connect, &s->u.tcp, (struct sockaddr *)&d->addrs.v[d->next++],
                       on_uv_connect);
    if (e == 0) {
        limit_step(d);
        return;
    }
    could_not_connect(s, e);
}

void sl_stream_redial(struct sl_stream *s)
{
    s->redial = false;
    uv_tcp_init(&s->net->loop, &s->u.tcp);
    s->u.handle.data = s;
    if (s->state == SL_STREAM_CONNECT && s->broken == SL_OK)
        try_next(s);
}

static void on_addrs(void *ctx, enum sl_err e, const struct sl_addrs *a, const char *why)
{
    struct sl_stream *s = ctx;

    if (e != SL_OK) {
        sl_stream_explain(s, "%s%.*s: %s", s->dialling->proxy != NULL ? "proxy " : "",
                          SL_STR_ARGS(peer_host(s->dialling)), why);
        sl_stream_break(s, e);
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
    d->stream = s;
    d->port = to->port;
    d->proxy = to->proxy;
    d->tls = to->tls != NULL ? sl_tls_share(to->tls) : NULL;
    d->host_n = to->host.n < sizeof d->host ? to->host.n : sizeof d->host - 1;
    memcpy(d->host, to->host.p, d->host_n);
    d->until = sl_net_now(net) + to->connect_ms;
    sl_timer_init(&d->step, on_step);
    net->counts.ops++;
    sl_timer_start(net, &s->timer, to->connect_ms);
    if (to->host.n >= sizeof d->host) {
        sl_stream_explain(s, "the name is too long");
        sl_stream_break(s, SL_ERR_DNS);
    } else if (s->is_pipe) {
        sl_task_init(&s->task, begin_pipe);
        sl_net_defer(net, &s->task);
    } else {
        sl_resolve_start(net, peer_host(d), peer_port(d), to->dns_ttl_ms, &d->op, on_addrs, s);
    }
    return s;
}
