/* The only owner of sockets: a stream's life. Order of events:
 *
 *   open? ─► (data | drain)* ─► end?          close/finish/reset: silence
 *
 * stream_read.c and stream_write.c move the bytes, stream_tls.c stands between;
 * stream_dial.c and stream_tunnel.c are the way to `open`.
 */
#include "net/inside.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define OUT_MAX (64u << 20) /* one write of a whole body always fits */
#define STUCK_MS 30000      /* a let-go stream whose peer takes nothing */
#define FINISH_MS 300000    /* and one whose peer takes it very slowly */
#define QUEUE_MS 250        /* more, for a handshake whose next step is ours */

/* Records are made while there are less than SL_STREAM_HIGH; the rest is for what TLS answers by
 * itself: a peer that asks for more of that without taking it is let go. */
#define CIPHER_MAX (4u * SL_STREAM_HIGH)

static void fire(struct sl_timer *t);

struct sl_stream *sl_stream_new(struct sl_net *net, bool is_pipe)
{
    struct sl_stream *s = sl_mem_new(sizeof *s);

    s->magic = SL_STREAM_MAGIC;
    s->net = net;
    s->is_pipe = is_pipe;
    if (is_pipe)
        uv_pipe_init(&net->loop, &s->u.pipe, 0);
    else
        uv_tcp_init(&net->loop, &s->u.tcp);
    s->u.handle.data = s;
    s->read_turn = UINT64_MAX;
    sl_buf_init(&s->out, OUT_MAX);
    sl_buf_init(&s->cipher, CIPHER_MAX);
    sl_timer_init(&s->timer, fire);
    sl_task_init(&s->task, sl_stream_resume);
    sl_list_init(&s->heard_node);
    sl_list_init(&s->node);
    sl_list_init(&s->dirty);
    sl_list_push_back(&net->streams, &s->node);
    net->counts.streams++;
    return s;
}

void sl_stream_adopt(struct sl_stream *s, const struct sl_stream_ops *ops, void *holder)
{
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    s->ops = ops;
    s->holder = holder;
}

void sl_stream_mark(struct sl_stream *s)
{
    if (s->state != SL_STREAM_CLOSED && !sl_list_is_linked(&s->dirty))
        sl_list_push_back(&s->net->dirty, &s->dirty);
}

void sl_stream_break(struct sl_stream *s, enum sl_err why)
{
    if (s->broken == SL_OK)
        s->broken = why;
    sl_stream_mark(s);
}

void sl_stream_explain(struct sl_stream *s, const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    sl_mem_free(s->reason);
    s->reason = sl_mem_dup(sl_str_of(text));
}

void sl_stream_ready(struct sl_stream *s)
{
    if (!s->is_pipe)
        uv_tcp_nodelay(&s->u.tcp, 1);
    if (s->tls == NULL) {
        s->state = SL_STREAM_OPEN;
        sl_stream_mark(s); /* what was written and wanted before */
        return;
    }
    if (s->net->plain_buf == NULL) {
        s->net->plain_buf = sl_mem_new(SL_STREAM_READ);
        s->net->record = sl_mem_new(SL_STREAM_RECORD);
    }
    s->state = SL_STREAM_HANDSHAKE;
    s->more = true; /* a client speaks first */
    sl_net_defer(s->net, &s->task);
}

/* ---- ending ---- */

static void reap(struct sl_grave *g)
{
    struct sl_stream *s = SL_CONTAINER(g, struct sl_stream, grave);

    sl_list_unlink(&s->dirty);
    sl_tls_end(&s->tls);
    sl_buf_fini(&s->out);
    sl_buf_fini(&s->cipher);
    sl_mem_free(s->held);
    sl_mem_free(s->peer);
    sl_mem_free(s->reason);
    s->magic = SL_OBJ_DEAD;
    sl_mem_free(s);
}

void sl_stream_on_close(uv_handle_t *h)
{
    struct sl_stream *s = h->data;

    if (s->redial && s->state != SL_STREAM_CLOSED) {
        sl_stream_redial(s);
        return;
    }
    s->net->counts.streams--;
    sl_list_unlink(&s->node);
    if (s->listener != NULL)
        sl_listen_left(s->listener);
    sl_net_bury(s->net, &s->grave, reap);
}

void sl_stream_shut(struct sl_stream *s, bool reset)
{
    if (s->state == SL_STREAM_CLOSED)
        return;
    s->state = SL_STREAM_CLOSED;
    s->ops = NULL;
    s->holder = NULL;
    sl_stream_undial(s);
    sl_timer_stop(s->net, &s->timer);
    sl_task_cancel(&s->task);
    sl_list_unlink(&s->dirty);
    if (uv_is_closing(&s->u.handle))
        return; /* between two addresses: sl_stream_on_close finishes */
    if (reset && !s->is_pipe && !s->shut && uv_tcp_close_reset(&s->u.tcp, sl_stream_on_close) == 0)
        return;
    uv_close(&s->u.handle, sl_stream_on_close);
}

void sl_stream_tell_end(struct sl_stream *s, enum sl_err why)
{
    if (s->state == SL_STREAM_ENDED || s->state == SL_STREAM_CLOSED)
        return;
    if (s->ops == NULL) {
        sl_stream_shut(s, false);
        return;
    }
    if (s->state == SL_STREAM_TUNNEL)
        why = sl_stream_proxy_left(s, why);
    s->state = SL_STREAM_ENDED;
    s->ended = why;
    sl_timer_stop(s->net, &s->timer);
    sl_stream_undial(s);
    s->ops->end(s->holder, why);
}

void sl_stream_close(struct sl_stream **ps)
{
    struct sl_stream *s = *ps;

    *ps = NULL;
    if (s == NULL)
        return;
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    sl_stream_shut(s, false);
}

void sl_stream_reset(struct sl_stream **ps)
{
    struct sl_stream *s = *ps;

    *ps = NULL;
    if (s == NULL)
        return;
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    sl_stream_shut(s, true);
}

/* Also after a clean `end`: a peer that has only stopped sending still reads. */
void sl_stream_finish(struct sl_stream **ps, uint64_t limit_ms)
{
    struct sl_stream *s = *ps;
    bool can;

    *ps = NULL;
    if (s == NULL)
        return;
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    can = s->state == SL_STREAM_OPEN || (s->state == SL_STREAM_ENDED && s->ended == SL_OK);
    if (!can || s->broken != SL_OK) {
        sl_stream_shut(s, false);
        return;
    }
    s->state = SL_STREAM_FINISHING;
    s->ops = NULL;
    s->holder = NULL;
    s->linger_ms = limit_ms;
    s->moved = sl_stream_way(s).taken;
    s->moved_ms = s->begun_ms = sl_net_now(s->net);
    sl_timer_start(s->net, &s->timer, limit_ms);
    sl_stream_mark(s);
}

static void late_finish(struct sl_stream *s)
{
    uint64_t taken = sl_stream_way(s).taken, now = sl_net_now(s->net);

    if (taken != s->moved) {
        s->moved = taken;
        s->moved_ms = now;
    }
    if (s->shut || now - s->moved_ms >= STUCK_MS || now - s->begun_ms >= FINISH_MS)
        sl_stream_shut(s, false);
    else
        sl_timer_start(s->net, &s->timer, s->linger_ms);
}

/* The peer has said its part of the handshake, which waits among others for a turn (dial.h):
 * that is no stall of the peer's. */
static bool is_our_turn(struct sl_stream *s)
{
    if (s->state != SL_STREAM_HANDSHAKE || !sl_stream_has_backlog(s))
        return false;
    sl_timer_start(s->net, &s->timer, QUEUE_MS);
    return true;
}

static void fire(struct sl_timer *t)
{
    struct sl_stream *s = SL_CONTAINER(t, struct sl_stream, timer);

    switch (s->state) {
    case SL_STREAM_NEW:
    case SL_STREAM_CONNECT:
    case SL_STREAM_TUNNEL:
    case SL_STREAM_HANDSHAKE:
        if (is_our_turn(s))
            break;
        if (s->reason == NULL)
            sl_stream_explain(s, "%s",
                              s->state == SL_STREAM_NEW       ? "no answer from the resolver"
                              : s->state == SL_STREAM_CONNECT ? "no answer"
                              : s->state == SL_STREAM_TUNNEL  ? "the proxy does not answer"
                                                              : "the TLS handshake stalled");
        sl_stream_tell_end(s, SL_ERR_CONNECT_SLOW);
        break;
    case SL_STREAM_OPEN: sl_stream_tell_end(s, s->broken); break;
    case SL_STREAM_FINISHING: late_finish(s); break;
    case SL_STREAM_ENDED:
    case SL_STREAM_CLOSED: break;
    }
}

/* ---- names ---- */

struct sl_str sl_stream_peer(const struct sl_stream *cs)
{
    struct sl_stream *s = (struct sl_stream *)(uintptr_t)cs; /* the answer is kept */
    char text[INET6_ADDRSTRLEN] = "unknown";
    struct sockaddr_storage a;
    int n = sizeof a;

    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    if (s->is_pipe)
        return SL_STR("unix");
    if (s->peer != NULL)
        return sl_str_of(s->peer);
    if (uv_tcp_getpeername(&s->u.tcp, (struct sockaddr *)&a, &n) != 0)
        return SL_STR("unknown");
    if (a.ss_family == AF_INET)
        uv_ip4_name((struct sockaddr_in *)&a, text, sizeof text);
    else
        uv_ip6_name((struct sockaddr_in6 *)&a, text, sizeof text);
    s->peer = sl_mem_dup(sl_str_of(text));
    return sl_str_of(s->peer);
}

struct sl_str sl_stream_reason(const struct sl_stream *s)
{
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    return sl_str_of(s->reason != NULL ? s->reason : "");
}
