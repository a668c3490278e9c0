/* From the socket to the holder. The socket goes on being polled when the holder
 * stops wanting: only when bytes come that nobody wants is the kernel told to
 * stop, so that a holder who changes its mind costs no system call.
 *
 * Short reads of one poll lie side by side in the loop's buffer until it is over, and are
 * given then: the kernel's code and ours, in turn for each of many requests, push each other
 * out of the processor's caches. */
#include "net/inside.h"

#include <errno.h>
#include <sys/socket.h>

#define READS 4          /* of one stream in one turn; the poll tells of more */
#define SHORT_READ 16384 /* longer ones are given at once */

static bool is_welcome(const struct sl_stream *s)
{
    if (s->eof || uv_is_closing(&s->u.handle))
        return false;
    switch (s->state) {
    case SL_STREAM_TUNNEL: return s->broken == SL_OK;
    case SL_STREAM_HANDSHAKE: return !sl_stream_has_backlog(s);
    case SL_STREAM_OPEN: return s->want && !sl_stream_has_backlog(s);
    case SL_STREAM_FINISHING: return true; /* to see the FIN behind it */
    case SL_STREAM_NEW:
    case SL_STREAM_CONNECT:
    case SL_STREAM_ENDED:
    case SL_STREAM_CLOSED: break;
    }
    return false;
}

static void on_uv_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
    struct sl_stream *s = h->data;
    struct sl_str room = {NULL, 0};

    (void)hint;
    *b = uv_buf_init(NULL, 0); /* libuv makes it UV_ENOBUFS */
    if (s->heard.n > 0 || !is_welcome(s))
        return;
    if (s->read_turn != s->net->counts.turns) {
        s->read_turn = s->net->counts.turns;
        s->reads = 0;
    }
    if (s->reads == READS)
        return; /* others first */
    s->reads++;
    if (s->tls == NULL && s->state == SL_STREAM_OPEN && s->ops != NULL && s->ops->room != NULL)
        room = s->ops->room(s->holder);
    if (room.n > 0)
        *b = uv_buf_init((char *)(uintptr_t)room.p, (unsigned)sl_str_first(room, 1u << 20).n);
    else
        *b = uv_buf_init(s->net->read_buf + s->net->read_n, SL_STREAM_READ);
}

static void on_end(struct sl_stream *s, ssize_t status)
{
    s->eof = true;
    s->reading = false;
    if (status != UV_EOF) {
        uv_read_stop(&s->u.stream);
        sl_stream_break(s, status == UV_ECONNRESET ? SL_ERR_UP_RESET : SL_ERR_IO);
        sl_stream_tell_end(s, s->broken);
    } else if (s->broken != SL_OK) {
        sl_stream_tell_end(s, s->broken);
    } else if (s->state == SL_STREAM_FINISHING) {
        if (s->shut)
            sl_stream_shut(s, false);
    } else if (s->state == SL_STREAM_HANDSHAKE) {
        sl_stream_explain(s, "the peer closed during the TLS handshake");
        sl_stream_tell_end(s, SL_ERR_TLS);
    } else {
        sl_stream_tell_end(s, s->tls != NULL ? SL_ERR_TLS_CUT : SL_OK);
    }
}

static void give(struct sl_stream *s, struct sl_str bytes)
{
    if (s->state != SL_STREAM_OPEN && s->state != SL_STREAM_HANDSHAKE)
        return; /* nobody listens any more */
    if (s->tls != NULL)
        sl_stream_cipher(s, bytes);
    else
        sl_stream_plain(s, bytes);
}

static void give_heard(struct sl_stream *s)
{
    struct sl_str bytes = s->heard;

    sl_list_unlink(&s->heard_node);
    s->heard.n = 0;
    if (bytes.n > 0)
        give(s, bytes);
}

/* Nothing that is freed can be among them: that comes later in a turn. */
void sl_stream_hear(struct sl_net *net)
{
    while (!sl_list_is_empty(&net->heard))
        give_heard(SL_CONTAINER(net->heard.next, struct sl_stream, heard_node));
    net->read_n = 0;
}

static void hear(struct sl_stream *s, struct sl_str bytes)
{
    struct sl_net *net = s->net;

    if (bytes.p != net->read_buf + net->read_n) {
        give(s, bytes); /* in the holder's room, which may be gone after another's event */
        return;
    }
    s->heard = bytes;
    net->read_n += bytes.n;
    sl_list_push_back(&net->heard, &s->heard_node);
    if (bytes.n > SHORT_READ || net->read_n > SL_STREAM_READ)
        sl_stream_hear(net);
}

static void on_uv_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
    struct sl_stream *s = h->data;

    if (n == UV_ENOBUFS) {
        if (!is_welcome(s)) {
            uv_read_stop(h);
            s->reading = false;
        }
    } else if (n < 0) {
        sl_stream_hear(s->net); /* what was read before comes first, whosoever it is */
        if (s->state != SL_STREAM_CLOSED)
            on_end(s, n);
    } else if (n > 0 && s->state == SL_STREAM_TUNNEL) {
        sl_stream_proxy_said(s, (struct sl_str){b->base, (size_t)n});
    } else if (n > 0) {
        hear(s, (struct sl_str){b->base, (size_t)n});
    }
}

void sl_stream_read_on(struct sl_stream *s)
{
    if (s->reading || !is_welcome(s))
        return;
    if (uv_read_start(&s->u.stream, on_uv_alloc, on_uv_read) == 0)
        s->reading = true;
    else
        sl_stream_break(s, SL_ERR_IO);
}

void sl_stream_want(struct sl_stream *s, bool on)
{
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    if (s->want == on)
        return;
    s->want = on;
    if (!on || s->state != SL_STREAM_OPEN)
        return;
    if (sl_stream_has_backlog(s))
        sl_net_defer(s->net, &s->task); /* what was kept comes first */
    else if (!s->reading)
        sl_stream_mark(s);
}

bool sl_stream_has_news(const struct sl_stream *s)
{
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    return s->heard.n > 0;
}

bool sl_stream_is_silent(const struct sl_stream *s)
{
    uv_os_fd_t fd;
    char c;

    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    if (s->heard.n > 0 || sl_stream_has_backlog(s) || uv_fileno(&s->u.handle, &fd) != 0)
        return false;
    return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR);
}
