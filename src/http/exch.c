/* http/exch.c -- one request and the answer to it: what the holder calls.
 *
 * Nothing here calls back but the tap, which looks at what is written and calls nothing. What a
 * call makes possible (a body to deliver, the next request) is done by the connection's machine,
 * later in the turn. */
#include "http/conn.h"

#include "base/mem.h"
#include "net/tls.h"

#define HEAD_ROOM 2048 /* heads up to this are built on the stack */
#define LINES_ROOM 192 /* status line and the lines of ours */
#define PARTS 14       /* slices that fit one write beside the chunk's lines */

static struct sl_mem_shelf shelf = {.size = sizeof(struct sl_exch), .most = 64};

struct sl_exch *sl_exch_new(struct sl_conn *c)
{
    struct sl_exch *x = sl_mem_take_zeroed(&shelf);
    struct sl_str peer = sl_str_first(sl_stream_peer(c->stream), sizeof(x->peer));

    x->magic = SL_EXCH_MAGIC;
    x->net = c->net;
    sl_bond_init(&x->bond, x);
    sl_arena_init(&x->arena, c->server->conf.arena_ceiling);
    if (peer.n > 0)
        memcpy(x->peer, peer.p, peer.n);
    x->peer_n = (uint8_t)peer.n;
    return x;
}

void sl_exch_discard(struct sl_exch *x)
{
    sl_bond_cut(&x->bond);
    sl_arena_fini(&x->arena);
    x->magic = SL_OBJ_DEAD;
    sl_mem_give(&shelf, x);
}

static void reap_exch(struct sl_grave *g)
{
    sl_exch_discard(SL_CONTAINER(g, struct sl_exch, grave));
}

static struct sl_conn *conn_of(const struct sl_exch *x)
{
    return sl_bond_peer(&x->bond);
}

/* ---- questions ---- */

struct sl_arena *sl_exch_arena(struct sl_exch *x)
{
    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    return &x->arena;
}

const struct sl_request_head *sl_exch_head(const struct sl_exch *x)
{
    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    return &x->head;
}

struct sl_str sl_exch_peer(const struct sl_exch *x)
{
    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    return (struct sl_str){x->peer, x->peer_n};
}

enum sl_err sl_exch_body_error(const struct sl_exch *x)
{
    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    return x->body_error;
}

bool sl_exch_has_started(const struct sl_exch *x)
{
    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    return x->bytes_out > 0;
}

size_t sl_exch_queued(const struct sl_exch *x)
{
    const struct sl_conn *c;

    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    c = conn_of(x);
    return c != NULL ? sl_stream_queued(c->stream) : 0;
}

uint64_t sl_exch_bytes_out(const struct sl_exch *x)
{
    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    return x->bytes_out;
}

void sl_exch_hash(struct sl_exch *x, struct sl_tls_hash *h)
{
    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    SL_CHECK(h == NULL || x->answer == SL_EXCH_NONE);
    x->hash = h;
}

void sl_exch_tap(struct sl_exch *x, sl_exch_tap_fn *fn, void *ctx)
{
    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    SL_CHECK(fn == NULL || x->answer == SL_EXCH_NONE);
    x->tap = fn;
    x->tap_ctx = ctx;
}

/* ---- the request's body ---- */

void sl_exch_take(struct sl_exch *x, const struct sl_exch_ops *ops, void *holder)
{
    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    SL_CHECK(ops->whole != NULL && ops->gone != NULL);
    x->ops = ops;
    x->holder = holder;
}

void sl_exch_want_body(struct sl_exch *x, uint64_t max)
{
    static const struct sl_str go_on = SL_STR_INIT("HTTP/1.1 100 Continue\r\n\r\n");
    struct sl_conn *c;

    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    c = conn_of(x);
    if (c == NULL || x->body != SL_EXCH_UNASKED)
        return;
    x->body = SL_EXCH_WANTED;
    x->max = max;
    if (x->head.expect_continue && c->ahead.len == 0 && x->answer == SL_EXCH_NONE &&
        (x->head.chunked || x->head.length <= max))
        (void)!sl_stream_write(c->stream, &go_on, 1);
    sl_conn_wake(c);
}

/* ---- the answer ---- */

/* The body's framing, decided once. RFC 9112 section 6.3. */
static void frame(struct sl_exch *x, struct sl_text *t, int status, bool has_length,
                  uint64_t length)
{
    bool none = status < 200 || status == 204 || status == 304;

    x->muted = none || x->head.method == SL_HEAD;
    x->left = has_length ? length : 0;
    if (none || has_length)
        x->answer = SL_EXCH_COUNTED;
    else
        x->answer = x->head.http10 ? SL_EXCH_TILL_CLOSE : SL_EXCH_CHUNKED;
    if (none)
        return;
    if (has_length) {
        sl_text_add(t, SL_STR("content-length: "));
        sl_text_u64(t, length);
        sl_text_add(t, SL_STR("\r\n"));
    } else if (!x->head.http10) {
        sl_text_add(t, SL_STR("transfer-encoding: chunked\r\n"));
    }
}

static void status_line(struct sl_conn *c, struct sl_text *t, int status)
{
    sl_message_status_line(t, status);
    sl_text_add(t, sl_server_date(c->server));
}

/* Will the connection live on behind this answer? Said in the head, so it must
 * be settled there: a body not read yet would stand in the way. */
static void connection_line(struct sl_conn *c, struct sl_exch *x, struct sl_text *t)
{
    if (c->server->draining || x->answer == SL_EXCH_TILL_CLOSE ||
        (x->body != SL_EXCH_OVER && !sl_parse_is_over(&c->parse) && !sl_conn_can_skip(c, &x->head)))
        c->kept = false;
    if (!c->kept)
        sl_text_add(t, SL_STR("connection: close\r\n"));
    else if (x->head.http10)
        sl_text_add(t, SL_STR("connection: keep-alive\r\n"));
}

struct answer {
    int status;
    const struct sl_headers *h; /* up: may be NULL */
    bool has_length;
    uint64_t length;
    struct sl_str body;
};

/* To those who want to know the answer's body, besides the client. */
static void tell_parts(struct sl_exch *x, const struct sl_str *parts, size_t n)
{
    for (size_t i = 0; x->hash != NULL && i < n; i++)
        sl_tls_hash_feed(x->hash, parts[i]);
    for (size_t i = 0; x->tap != NULL && i < n; i++)
        x->tap(x->tap_ctx, parts[i]);
}

/* Head and, if it is there, body as one write. False: no memory, and nothing has
 * happened. */
static bool send_head(struct sl_conn *c, struct sl_exch *x, const struct answer *a)
{
    size_t cap = LINES_ROOM + (a->h != NULL ? sl_headers_room(a->h) : 0);
    char small[HEAD_ROOM], *place = cap <= sizeof(small) ? small : sl_mem_try(cap);
    struct sl_str parts[2];
    struct sl_text t;

    if (place == NULL)
        return false;
    t = sl_text_over(place, cap);
    status_line(c, &t, a->status);
    frame(x, &t, a->status, a->has_length, a->length);
    connection_line(c, x, &t);
    if (a->h != NULL)
        sl_headers_write(&t, a->h);
    sl_text_add(&t, SL_STR("\r\n"));
    SL_CHECK(!t.cut);
    parts[0] = sl_text_str(&t);
    parts[1] = x->muted ? (struct sl_str){NULL, 0} : a->body;
    tell_parts(x, parts + 1, 1);
    x->bytes_out += parts[0].n + parts[1].n;
    (void)!sl_stream_write(c->stream, parts, parts[1].n > 0 ? 2 : 1);
    if (place != small)
        sl_mem_free(place);
    return true;
}

static void answered(struct sl_conn *c, struct sl_exch *x)
{
    x->answer = SL_EXCH_DONE;
    sl_conn_answered(c);
}

void sl_exch_reply(struct sl_exch *x, int status, const struct sl_headers *h, struct sl_str body)
{
    struct sl_conn *c;

    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    c = conn_of(x);
    if (c == NULL)
        return;
    SL_CHECK(x->answer == SL_EXCH_NONE);
    if (send_head(c, x, &(struct answer){status, h, true, body.n, body})) {
        answered(c, x);
    } else { /* there is nothing smaller to say */
        x->answer = SL_EXCH_DONE;
        sl_conn_close(c, SL_CONN_DROP);
    }
}

bool sl_exch_start(struct sl_exch *x, int status, const struct sl_headers *h, bool has_length,
                   uint64_t length)
{
    struct sl_conn *c;

    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    c = conn_of(x);
    if (c == NULL)
        return true;
    SL_CHECK(x->answer == SL_EXCH_NONE);
    if (!send_head(c, x, &(struct answer){status, h, has_length, length, {NULL, 0}}))
        return false;
    sl_conn_watch(c);
    return true;
}

/* One chunk around all parts. Many parts take three writes into the same queue;
 * they still leave together. */
static bool send_chunk(struct sl_conn *c, struct sl_exch *x, const struct sl_str *parts, size_t n,
                       uint64_t total)
{
    static const struct sl_str line_end = SL_STR_INIT("\r\n");
    struct sl_str all[PARTS + 2];
    char digits[20];
    size_t at = sizeof(digits);

    digits[--at] = '\n';
    digits[--at] = '\r';
    for (uint64_t v = total; v > 0; v >>= 4)
        digits[--at] = "0123456789abcdef"[v & 15];
    all[0] = (struct sl_str){digits + at, sizeof(digits) - at};
    x->bytes_out += all[0].n + total + 2;
    if (n <= PARTS) {
        memcpy(all + 1, parts, n * sizeof(*parts));
        all[n + 1] = line_end;
        return sl_stream_write(c->stream, all, n + 2);
    }
    (void)!sl_stream_write(c->stream, all, 1);
    (void)!sl_stream_write(c->stream, parts, n);
    return sl_stream_write(c->stream, &line_end, 1);
}

bool sl_exch_write(struct sl_exch *x, const struct sl_str *parts, size_t n)
{
    struct sl_conn *c;
    uint64_t total = 0;
    bool room;

    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    c = conn_of(x);
    for (size_t i = 0; i < n; i++)
        total += parts[i].n;
    if (c == NULL || total == 0)
        return true;
    SL_CHECK(x->answer != SL_EXCH_NONE && x->answer != SL_EXCH_DONE);
    if (x->answer == SL_EXCH_COUNTED) {
        SL_CHECK(x->muted || total <= x->left);
        x->left -= total <= x->left ? total : x->left;
    }
    if (x->muted)
        return true;
    tell_parts(x, parts, n);
    if (x->answer == SL_EXCH_CHUNKED) {
        room = send_chunk(c, x, parts, n, total);
    } else {
        x->bytes_out += total;
        room = sl_stream_write(c->stream, parts, n);
    }
    sl_conn_watch(c);
    return room;
}

void sl_exch_finish(struct sl_exch *x)
{
    static const struct sl_str last = SL_STR_INIT("0\r\n\r\n");
    struct sl_conn *c;

    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    c = conn_of(x);
    if (c == NULL)
        return;
    SL_CHECK(x->answer != SL_EXCH_NONE && x->answer != SL_EXCH_DONE);
    if (x->answer == SL_EXCH_COUNTED && x->left > 0 && !x->muted) {
        sl_exch_abort(x); /* promised more than came: must not look whole */
        return;
    }
    if (x->answer == SL_EXCH_CHUNKED && !x->muted) {
        x->bytes_out += last.n;
        (void)!sl_stream_write(c->stream, &last, 1);
    }
    answered(c, x);
}

void sl_exch_abort(struct sl_exch *x)
{
    struct sl_conn *c;

    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    c = conn_of(x);
    if (c == NULL)
        return;
    sl_conn_close(c, SL_CONN_FLUSH); /* a reset where the end of the answer is the FIN */
    x->answer = SL_EXCH_DONE;
}

void sl_exch_close_after(struct sl_exch *x)
{
    struct sl_conn *c;

    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    c = conn_of(x);
    if (c != NULL)
        c->kept = false;
}

void sl_exch_end(struct sl_exch **px)
{
    struct sl_exch *x = *px;

    if (x == NULL)
        return;
    SL_OBJ_CHECK(x, SL_EXCH_MAGIC);
    *px = NULL;
    sl_exch_abort(x);
    sl_net_bury(x->net, &x->grave, reap_exch);
}

/* ---- refusals ---- */

void sl_exch_refuse(struct sl_conn *c, enum sl_err why)
{
    struct sl_server *s = c->server;
    struct sl_str path = sl_parse_target(&c->parse), parts[2];
    ptrdiff_t mark = sl_str_find_byte(path, '?');
    int status = sl_err_status(why);
    struct sl_arena arena;
    char head[LINES_ROOM + 64];
    struct sl_text t = sl_text_over(head, sizeof(head));

    s->counts.faults++;
    sl_arena_init(&arena, s->conf.arena_ceiling);
    parts[1] = s->hooks.fault(s->hooks.ctx, &arena,
                              mark < 0 ? path : sl_str_first(path, (size_t)mark), why);
    status_line(c, &t, status);
    sl_text_add(&t, SL_STR("content-type: application/json\r\ncontent-length: "));
    sl_text_u64(&t, parts[1].n);
    sl_text_add(&t, SL_STR("\r\nconnection: close\r\n\r\n"));
    parts[0] = sl_text_str(&t);
    (void)!sl_stream_write(c->stream, parts, parts[1].n > 0 ? 2 : 1);
    sl_arena_fini(&arena);
}
