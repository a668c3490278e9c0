/* The only owner of sockets. Order of events:
 *
 *   open? ─► (data | drain)* ─► end?          close/finish/reset: silence
 *
 * Writing notes bytes; they leave when the turn ends (sl_stream_flush), so a
 * head and its body, or ten events, are one system call.
 */
#include "net/inside.h"

#include "base/mem.h"

#define OUT_MAX (64u << 20) /* one write of a whole body always fits */
#define SLICES 16
#define STUCK_MS 60000 /* a let-go stream whose peer takes nothing */

static void on_uv_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b);
static void on_uv_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b);
static void fire(struct sl_timer *t);

static enum sl_err err_of(ssize_t status)
{
    switch (status) {
    case UV_ECONNRESET:
    case UV_EPIPE: return SL_ERR_UP_RESET;
    case UV_ENOMEM: return SL_ERR_NO_MEMORY;
    default: return SL_ERR_IO;
    }
}

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
    sl_buf_init(&s->out, OUT_MAX);
    sl_buf_init(&s->cipher, OUT_MAX);
    sl_buf_init(&s->held, 4 * SL_STREAM_READ);
    sl_timer_init(&s->timer, fire);
    sl_task_init(&s->task, sl_stream_resume);
    sl_list_init(&s->dirty);
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
    if (!sl_list_is_linked(&s->dirty))
        sl_list_push_back(&s->net->dirty, &s->dirty);
}

void sl_stream_break(struct sl_stream *s, enum sl_err why)
{
    if (s->broken == SL_OK)
        s->broken = why;
    sl_stream_mark(s);
}

/* ---- ending ---- */

static void reap(struct sl_grave *g)
{
    struct sl_stream *s = SL_CONTAINER(g, struct sl_stream, grave);

    sl_tls_end(&s->tls);
    sl_buf_fini(&s->out);
    sl_buf_fini(&s->cipher);
    sl_buf_fini(&s->held);
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
    if (s->listener != NULL)
        sl_listen_left(s->listener);
    sl_net_bury(s->net, &s->grave, reap);
}

static void shut(struct sl_stream *s, bool reset)
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

static void tell_end(struct sl_stream *s, enum sl_err why)
{
    const struct sl_stream_ops *ops = s->ops;

    if (s->state >= SL_STREAM_ENDED) {
        if (s->state == SL_STREAM_FINISHING)
            shut(s, false);
        return;
    }
    s->state = SL_STREAM_ENDED;
    sl_timer_stop(s->net, &s->timer);
    if (s->reading)
        uv_read_stop(&s->u.stream);
    s->reading = false;
    if (ops != NULL)
        ops->end(s->holder, why);
    else
        shut(s, false);
}

void sl_stream_close(struct sl_stream **ps)
{
    struct sl_stream *s = *ps;

    *ps = NULL;
    if (s == NULL)
        return;
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    shut(s, false);
}

void sl_stream_reset(struct sl_stream **ps)
{
    struct sl_stream *s = *ps;

    *ps = NULL;
    if (s == NULL)
        return;
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    shut(s, true);
}

void sl_stream_finish(struct sl_stream **ps, uint64_t limit_ms)
{
    struct sl_stream *s = *ps;

    *ps = NULL;
    if (s == NULL)
        return;
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    if (s->state != SL_STREAM_OPEN || s->broken != SL_OK) {
        shut(s, false);
        return;
    }
    s->state = SL_STREAM_FINISHING;
    s->ops = NULL;
    s->holder = NULL;
    s->linger_ms = limit_ms;
    s->progress = s->sent;
    if (s->tls != NULL) {
        sl_stream_encrypt(s);
        if (s->out.len == 0)
            sl_tls_close_notify(s->tls);
    }
    sl_timer_start(s->net, &s->timer, s->out.len + s->cipher.len > 0 ? STUCK_MS : limit_ms);
    s->want = true;
    if (!s->reading)
        s->reading = uv_read_start(&s->u.stream, on_uv_alloc, on_uv_read) == 0;
    sl_stream_mark(s);
}

/* Dialling took too long, or a let-go stream does not come to its end. */
static void fire(struct sl_timer *t)
{
    struct sl_stream *s = SL_CONTAINER(t, struct sl_stream, timer);

    if (s->state != SL_STREAM_FINISHING) {
        sl_stream_break(s, SL_ERR_CONNECT_SLOW);
        return;
    }
    if (s->sent != s->progress) {
        s->progress = s->sent;
        sl_timer_start(s->net, &s->timer, s->linger_ms);
        return;
    }
    shut(s, false);
}

/* ---- writing ---- */

static struct sl_buf *wire(struct sl_stream *s)
{
    return s->tls != NULL ? &s->cipher : &s->out;
}

static void took(struct sl_stream *s, size_t n)
{
    sl_buf_consume(wire(s), n);
    if (s->tls == NULL)
        s->sent += n;
}

static size_t slices(struct sl_stream *s, uv_buf_t *bufs, size_t *total)
{
    struct sl_str parts[SLICES];
    size_t n = sl_buf_peek(wire(s), parts, SLICES);

    *total = 0;
    for (size_t i = 0; i < n; i++) {
        union {
            const char *from;
            char *to;
        } p = {parts[i].p};

        bufs[i] = uv_buf_init(p.to, (unsigned)parts[i].n);
        *total += parts[i].n;
    }
    return n;
}

static void on_uv_write(uv_write_t *w, int status)
{
    struct sl_stream *s = w->data;

    s->busy = false;
    if (s->state == SL_STREAM_CLOSED)
        return;
    if (status != 0) {
        sl_stream_break(s, err_of(status));
        return;
    }
    took(s, s->flying);
    s->flying = 0;
    sl_stream_mark(s);
}

/* What the kernel refuses now is given to libuv, which waits for room. */
static void push_rest(struct sl_stream *s)
{
    uv_buf_t bufs[SLICES];
    size_t n = slices(s, bufs, &s->flying);

    s->req.write.data = s;
    if (uv_write(&s->req.write, &s->u.stream, bufs, (unsigned)n, on_uv_write) == 0)
        s->busy = true;
    else
        sl_stream_break(s, SL_ERR_IO);
}

static void push(struct sl_stream *s)
{
    while (!s->busy && s->broken == SL_OK && wire(s)->len > 0) {
        uv_buf_t bufs[SLICES];
        size_t total;
        size_t n = slices(s, bufs, &total);
        int took_n = uv_try_write(&s->u.stream, bufs, (unsigned)n);

        if (took_n > 0)
            took(s, (size_t)took_n);
        else if (took_n != UV_EAGAIN)
            sl_stream_break(s, err_of(took_n));
        if (took_n == UV_EAGAIN || (took_n >= 0 && (size_t)took_n < total))
            push_rest(s);
    }
}

static bool can_write(const struct sl_stream *s)
{
    return (s->state == SL_STREAM_OPEN || s->state == SL_STREAM_FINISHING ||
            s->state == SL_STREAM_HANDSHAKE) &&
           s->broken == SL_OK;
}

/* Out with what is queued, as far as the kernel takes it. */
static void flush_queue(struct sl_stream *s)
{
    if (!can_write(s))
        return;
    do {
        if (s->tls != NULL && !s->busy && s->state != SL_STREAM_HANDSHAKE)
            sl_stream_encrypt(s);
        push(s);
    } while (s->tls != NULL && !s->busy && s->broken == SL_OK && s->out.len > 0 &&
             s->state != SL_STREAM_HANDSHAKE);
}

static void on_uv_shutdown(uv_shutdown_t *q, int status)
{
    (void)q;
    (void)status; /* the peer's FIN or the timer ends it */
}

static void say_goodbye(struct sl_stream *s)
{
    if (s->shut || s->busy || s->out.len + s->cipher.len > 0)
        return;
    s->shut = true;
    if (s->eof || uv_shutdown(&s->req.shutdown, &s->u.stream, on_uv_shutdown) != 0) {
        shut(s, false);
        return;
    }
    sl_timer_start(s->net, &s->timer, s->linger_ms);
}

void sl_stream_flush(struct sl_stream *s)
{
    if (s->state == SL_STREAM_CLOSED)
        return;
    flush_queue(s);
    if (s->broken != SL_OK && s->state != SL_STREAM_ENDED) {
        tell_end(s, s->broken);
        return;
    }
    if (s->state == SL_STREAM_FINISHING) {
        say_goodbye(s);
        return;
    }
    if (s->full && s->ops != NULL && sl_stream_queued(s) <= SL_STREAM_LOW) {
        s->full = false;
        if (s->ops->drain != NULL)
            s->ops->drain(s->holder);
    }
}

/* A large part goes out from where it lies: no copy but the kernel's, or the
 * cipher's. Returns what is left of it. */
static struct sl_str write_through(struct sl_stream *s, struct sl_str part)
{
    flush_queue(s);
    while (part.n > 0 && !s->busy && s->broken == SL_OK && sl_stream_queued(s) == 0) {
        struct sl_str piece = sl_str_first(part, SL_STREAM_HIGH);

        if (s->tls != NULL) {
            if (!sl_tls_write(s->tls, piece)) {
                sl_stream_break(s, SL_ERR_TLS);
                break;
            }
            s->sent += piece.n;
            push(s);
        } else {
            union {
                const char *from;
                char *to;
            } p = {piece.p};
            uv_buf_t b = uv_buf_init(p.to, (unsigned)piece.n);
            int n = uv_try_write(&s->u.stream, &b, 1);

            if (n <= 0)
                break; /* no room, or an error the queue's flush will find */
            s->sent += (size_t)n;
            piece.n = (size_t)n;
        }
        part = sl_str_from(part, piece.n);
    }
    return part;
}

bool sl_stream_write(struct sl_stream *s, const struct sl_str *parts, size_t n)
{
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    if (s->state >= SL_STREAM_ENDED || s->broken != SL_OK)
        return true; /* `end` is on its way, or was */
    for (size_t i = 0; i < n; i++) {
        struct sl_str part = parts[i];

        if (part.n >= SL_BUF_CHUNK && s->state == SL_STREAM_OPEN && !s->busy)
            part = write_through(s, part);
        if (part.n > 0 && !sl_buf_append(&s->out, part))
            sl_stream_break(s, SL_ERR_NO_MEMORY);
    }
    if (sl_stream_queued(s) > SL_STREAM_HIGH)
        flush_queue(s);
    sl_stream_mark(s);
    s->full = s->full || sl_stream_queued(s) > SL_STREAM_HIGH;
    return !s->full;
}

size_t sl_stream_queued(const struct sl_stream *s)
{
    return s->out.len + s->cipher.len;
}

uint64_t sl_stream_sent(const struct sl_stream *s)
{
    return s->sent;
}

/* ---- reading ---- */

void sl_stream_want(struct sl_stream *s, bool on)
{
    SL_OBJ_CHECK(s, SL_STREAM_MAGIC);
    if (s->want == on)
        return;
    s->want = on;
    if (s->state != SL_STREAM_OPEN)
        return;
    if (!on && s->reading) {
        uv_read_stop(&s->u.stream);
        s->reading = false;
    } else if (on && !s->reading) {
        if (s->held.len > 0)
            sl_net_defer(s->net, &s->task); /* what was kept comes first */
        else
            s->reading = uv_read_start(&s->u.stream, on_uv_alloc, on_uv_read) == 0;
    }
}

static void on_uv_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
    struct sl_stream *s = h->data;
    struct sl_str room = {NULL, 0};
    union {
        const char *from;
        char *to;
    } p;

    (void)hint;
    if (s->tls == NULL && s->ops != NULL && s->ops->room != NULL)
        room = s->ops->room(s->holder);
    p.from = room.p;
    if (room.n > 0)
        *b = uv_buf_init(p.to, (unsigned)(room.n < (1u << 20) ? room.n : 1u << 20));
    else
        *b = uv_buf_init(s->net->read_buf, SL_STREAM_READ);
}

static void on_eof(struct sl_stream *s, ssize_t n)
{
    s->eof = true;
    if (n != UV_EOF)
        tell_end(s, err_of(n));
    else if (s->state == SL_STREAM_HANDSHAKE)
        tell_end(s, SL_ERR_TLS);
    else
        tell_end(s, s->tls != NULL ? SL_ERR_TLS_CUT : SL_OK);
}

static void on_bytes(struct sl_stream *s, struct sl_str bytes)
{
    if (s->state == SL_STREAM_FINISHING)
        return; /* nobody listens any more */
    if (s->tls != NULL)
        sl_stream_cipher(s, bytes);
    else if (s->ops != NULL)
        s->ops->data(s->holder, bytes);
}

static void on_uv_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
    struct sl_stream *s = h->data;

    if (s->state == SL_STREAM_CLOSED || s->state == SL_STREAM_ENDED || n == 0)
        return;
    if (n < 0)
        on_eof(s, n);
    else
        on_bytes(s, (struct sl_str){b->base, (size_t)n});
}

void sl_stream_reading(struct sl_stream *s)
{
    s->reading = uv_read_start(&s->u.stream, on_uv_alloc, on_uv_read) == 0;
}

void sl_stream_ready(struct sl_stream *s)
{
    if (!s->is_pipe)
        uv_tcp_nodelay(&s->u.tcp, 1);
    sl_stream_name_peer(s);
    if (s->tls != NULL) {
        s->state = SL_STREAM_HANDSHAKE;
        sl_stream_reading(s);
        sl_stream_cipher(s, (struct sl_str){"", 0}); /* a client speaks first */
        return;
    }
    s->state = SL_STREAM_OPEN;
    if (s->want && !s->reading)
        s->reading = uv_read_start(&s->u.stream, on_uv_alloc, on_uv_read) == 0;
}

/* ---- names ---- */

void sl_stream_name_peer(struct sl_stream *s)
{
    struct sockaddr_storage a;
    int n = sizeof a;

    memcpy(s->peer, "unix", 5);
    if (s->is_pipe || uv_tcp_getpeername(&s->u.tcp, (struct sockaddr *)&a, &n) != 0)
        return;
    if (a.ss_family == AF_INET)
        uv_ip4_name((struct sockaddr_in *)&a, s->peer, sizeof s->peer);
    else
        uv_ip6_name((struct sockaddr_in6 *)&a, s->peer, sizeof s->peer);
}

struct sl_str sl_stream_peer(const struct sl_stream *s)
{
    return sl_str_of(s->peer);
}

struct sl_str sl_stream_reason(const struct sl_stream *s)
{
    return sl_str_of(s->reason);
}
