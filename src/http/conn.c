/* http/conn.c -- the machine of one client connection (picture: conn.h).
 *
 * step() does one thing with the bytes at hand and says whether more can be
 * done; nothing else moves the machine. Calls from holders that arrive while it
 * runs change the state, and the loop of run() looks at the state again. */
#include "http/conn.h"

#include "base/mem.h"

static const struct sl_stream_ops stream_ops;

static struct sl_exch *open_exch(const struct sl_conn *c)
{
    return sl_bond_peer(&c->bond);
}

static void set_state(struct sl_conn *c, enum sl_conn_state state)
{
    struct sl_server_counts *n = &c->server->counts;

    if (c->state == SL_CONN_IDLE)
        n->idle--;
    if (state == SL_CONN_IDLE)
        n->idle++;
    c->state = state;
}

/* ---- time: one timer a connection, moved only when it would fire too late ---- */

static void set_deadline(struct sl_conn *c, uint64_t in_ms)
{
    c->deadline = sl_net_now(c->net) + in_ms;
    if (!sl_timer_is_armed(&c->timer) || c->timer.due > c->deadline)
        sl_timer_start(c->net, &c->timer, in_ms);
}

/* How often a running answer is looked at: often enough that a stalled reader
 * is cut at most a quarter later than told. */
static uint64_t watch_ms(const struct sl_conn *c)
{
    return c->server->conf.client_stall_ms / 4 + 1;
}

void sl_conn_watch(struct sl_conn *c)
{
    if (c->deadline != 0)
        return;
    c->moved = sl_stream_sent(c->stream); /* near enough, and no system call */
    c->moved_at = sl_net_now(c->net);
    set_deadline(c, watch_ms(c));
}

static bool is_stalled(struct sl_conn *c)
{
    uint64_t taken = sl_stream_way(c->stream).taken, now = sl_net_now(c->net);

    if (taken != c->moved) {
        c->moved = taken;
        c->moved_at = now;
    }
    return now - c->moved_at >= c->server->conf.client_stall_ms;
}

/* ---- ending ---- */

static void reap_conn(struct sl_grave *g)
{
    struct sl_conn *c = SL_CONTAINER(g, struct sl_conn, grave);

    sl_parse_fini(&c->parse);
    sl_buf_fini(&c->ahead);
    c->magic = SL_OBJ_DEAD;
    sl_mem_free(c);
}

void sl_conn_close(struct sl_conn *c, enum sl_conn_how how)
{
    const struct sl_exch *x;

    SL_OBJ_CHECK(c, SL_CONN_MAGIC);
    if (c->state == SL_CONN_CLOSED)
        return;
    x = open_exch(c);
    if (x != NULL)
        c->server->counts.exchanges--;
    if (x != NULL && x->answer == SL_EXCH_TILL_CLOSE)
        how = SL_CONN_RESET; /* a FIN would make it look whole */
    sl_bond_cut(&c->bond);
    set_state(c, SL_CONN_CLOSED);
    c->server->counts.connections--;
    sl_list_unlink(&c->node);
    sl_timer_stop(c->net, &c->timer);
    sl_task_cancel(&c->task);
    if (how == SL_CONN_FLUSH)
        sl_stream_finish(&c->stream, SL_CONN_LINGER_MS);
    else if (how == SL_CONN_RESET)
        sl_stream_reset(&c->stream);
    else
        sl_stream_close(&c->stream);
    sl_net_bury(c->net, &c->grave, reap_conn);
}

void sl_conn_lose(struct sl_conn *c, enum sl_err why, enum sl_conn_how how)
{
    struct sl_exch *x = open_exch(c);

    sl_conn_close(c, how);
    if (x == NULL)
        return;
    x->answer = SL_EXCH_DONE;
    if (x->ops != NULL && x->ops->gone != NULL)
        x->ops->gone(x->holder, why);
}

static void rest(struct sl_conn *c)
{
    sl_parse_again(&c->parse);
    set_state(c, SL_CONN_IDLE);
    set_deadline(c, c->server->conf.client_idle_ms);
}

void sl_conn_answered(struct sl_conn *c)
{
    sl_bond_cut(&c->bond);
    c->server->counts.exchanges--;
    if (!c->kept) {
        sl_conn_close(c, SL_CONN_FLUSH);
        return;
    }
    sl_stream_hurry(c->stream);
    if (sl_parse_is_over(&c->parse)) {
        rest(c);
    } else { /* the head of the answer has promised to go on */
        set_state(c, SL_CONN_SKIP);
        set_deadline(c, c->server->conf.client_body_ms);
    }
    sl_conn_wake(c);
}

static void refuse(struct sl_conn *c, enum sl_err why)
{
    sl_exch_refuse(c, why);
    sl_conn_close(c, SL_CONN_FLUSH);
}

/* ---- the machine ---- */

static void begin_exch(struct sl_conn *c)
{
    struct sl_server *s = c->server;
    struct sl_exch *x = sl_exch_new(c);
    enum sl_err e = sl_parse_request(&c->parse, &x->arena, &x->head);

    if (e != SL_OK) {
        sl_exch_discard(x);
        refuse(c, e);
        return;
    }
    sl_bond_tie(&c->bond, &x->bond);
    s->counts.exchanges++;
    set_state(c, SL_CONN_BODY);
    c->deadline = 0;
    c->kept = x->head.keep_alive;
    s->hooks.on_request(s->hooks.ctx, x);
    if (x->ops == NULL) { /* nobody took it */
        sl_conn_close(c, SL_CONN_FLUSH);
        sl_exch_discard(x);
    }
}

static bool step_head(struct sl_conn *c, struct sl_str *in)
{
    struct sl_str piece;

    /* a client that asks on without reading answers waits for its own drain */
    if (in->n == 0 || sl_stream_queued(c->stream) > SL_STREAM_HIGH)
        return false;
    switch (sl_parse_next(&c->parse, in, &piece)) {
    case SL_PARSE_HEAD: begin_exch(c); return true;
    case SL_PARSE_FAIL: refuse(c, c->parse.err); return false;
    case SL_PARSE_MORE:
    case SL_PARSE_BODY:
    case SL_PARSE_END: break;
    }
    if (c->state == SL_CONN_IDLE) {
        set_state(c, SL_CONN_HEAD);
        set_deadline(c, c->server->conf.client_header_ms);
    }
    return false;
}

static void body_over(struct sl_conn *c, struct sl_exch *x, enum sl_err e)
{
    x->body = SL_EXCH_OVER;
    x->body_error = e;
    if (e != SL_OK)
        c->kept = false;
    set_state(c, SL_CONN_ANSWER);
    c->deadline = 0;
    if (x->answer != SL_EXCH_NONE)
        sl_conn_watch(c);
    x->ops->whole(x->holder);
}

static bool step_body(struct sl_conn *c, struct sl_str *in)
{
    struct sl_exch *x = open_exch(c);
    struct sl_str piece;

    if (x == NULL || x->body != SL_EXCH_WANTED)
        return false;
    if (!x->head.chunked && x->head.length > x->max) {
        body_over(c, x, SL_ERR_BODY_TOO_BIG);
        return true;
    }
    switch (sl_parse_next(&c->parse, in, &piece)) {
    case SL_PARSE_BODY:
        x->got += piece.n;
        if (x->got > x->max)
            body_over(c, x, SL_ERR_BODY_TOO_BIG);
        else if (x->ops->body != NULL)
            x->ops->body(x->holder, piece);
        return true;
    case SL_PARSE_END: body_over(c, x, SL_OK); return true;
    case SL_PARSE_FAIL: body_over(c, x, c->parse.err); return true;
    case SL_PARSE_MORE:
    case SL_PARSE_HEAD: break;
    }
    if (c->deadline == 0)
        set_deadline(c, c->server->conf.client_body_ms);
    return false;
}

static bool step_skip(struct sl_conn *c, struct sl_str *in)
{
    struct sl_str piece;

    switch (sl_parse_next(&c->parse, in, &piece)) {
    case SL_PARSE_BODY: return true;
    case SL_PARSE_END: rest(c); return true;
    case SL_PARSE_FAIL: sl_conn_close(c, SL_CONN_FLUSH); return false;
    case SL_PARSE_MORE:
    case SL_PARSE_HEAD: break;
    }
    return false;
}

static void run(struct sl_conn *c, struct sl_str *in)
{
    bool more = true;

    c->running = true;
    while (more) {
        switch (c->state) {
        case SL_CONN_IDLE:
        case SL_CONN_HEAD: more = step_head(c, in); break;
        case SL_CONN_BODY: more = step_body(c, in); break;
        case SL_CONN_SKIP: more = step_skip(c, in); break;
        case SL_CONN_ANSWER:
        case SL_CONN_CLOSED: more = false; break;
        }
    }
    c->running = false;
}

/* The same over what was kept, slice by slice. */
static void run_ahead(struct sl_conn *c)
{
    struct sl_str in = {NULL, 0};
    size_t before;

    run(c, &in); /* what needs no byte: an empty body, a length too large */
    while (c->state != SL_CONN_CLOSED && sl_buf_peek(&c->ahead, &in, 1) == 1) {
        before = in.n;
        run(c, &in);
        if (in.n == before)
            break;
        sl_buf_consume(&c->ahead, before - in.n);
    }
}

/* Bytes that can't be handled yet wait; those nobody will ever want are counted
 * and dropped. */
static void put_aside(struct sl_conn *c, struct sl_str in)
{
    if (c->state == SL_CONN_ANSWER && c->kept && c->ahead.len + in.n >= c->server->conf.window) {
        c->kept = false;
        c->dropped += c->ahead.len;
        sl_buf_fini(&c->ahead);
    }
    if (c->state == SL_CONN_ANSWER && !c->kept) {
        c->dropped += in.n;
        /* reading on is how its leaving is seen; a flood without end is leaving too */
        if (c->dropped > SL_CONN_LINGER_BYTES)
            sl_conn_lose(c, SL_ERR_CLIENT_GONE, SL_CONN_RESET);
    } else if (!sl_buf_append(&c->ahead, in)) {
        sl_conn_lose(c, SL_ERR_NO_MEMORY, SL_CONN_FLUSH);
    }
}

static bool is_useful(const struct sl_conn *c)
{
    const struct sl_exch *x = open_exch(c);

    switch (c->state) {
    case SL_CONN_IDLE:
    case SL_CONN_HEAD: return c->ahead.len == 0;
    case SL_CONN_BODY:
        if (x != NULL && x->body == SL_EXCH_WANTED)
            return true;
        return c->ahead.len < c->server->conf.window;
    case SL_CONN_ANSWER: return !c->kept || c->ahead.len < c->server->conf.window;
    case SL_CONN_SKIP: return true;
    case SL_CONN_CLOSED: break;
    }
    return false;
}

static void settle(struct sl_conn *c)
{
    if (c->state != SL_CONN_CLOSED)
        sl_stream_want(c->stream, is_useful(c));
}

void sl_conn_wake(struct sl_conn *c)
{
    if (!c->running)
        sl_net_defer(c->net, &c->task);
}

static void on_task(struct sl_task *t)
{
    struct sl_conn *c = SL_CONTAINER(t, struct sl_conn, task);

    run_ahead(c);
    settle(c);
}

/* ---- what the stream and the timer say ---- */

static void on_data(void *holder, struct sl_str bytes)
{
    struct sl_conn *c = holder;

    SL_OBJ_CHECK(c, SL_CONN_MAGIC);
    if (c->ahead.len > 0)
        run_ahead(c);
    if (c->ahead.len == 0)
        run(c, &bytes);
    if (c->state != SL_CONN_CLOSED && bytes.n > 0)
        put_aside(c, bytes);
    settle(c);
}

static void on_drain(void *holder)
{
    struct sl_conn *c = holder;
    struct sl_exch *x;

    SL_OBJ_CHECK(c, SL_CONN_MAGIC);
    x = open_exch(c);
    if (x != NULL && x->ops != NULL && x->ops->drain != NULL)
        x->ops->drain(x->holder);
    if (c->state == SL_CONN_IDLE || c->state == SL_CONN_HEAD)
        sl_conn_wake(c);
}

/* A half-closed connection counts as left: there is no telling it from a client
 * that is gone, and an answer nobody reads costs money. */
static void on_end(void *holder, enum sl_err why)
{
    struct sl_conn *c = holder;

    SL_OBJ_CHECK(c, SL_CONN_MAGIC);
    if (open_exch(c) == NULL && why == SL_OK && sl_stream_queued(c->stream) > 0)
        sl_conn_close(c, SL_CONN_FLUSH);
    else
        sl_conn_lose(c, SL_ERR_CLIENT_GONE, SL_CONN_DROP);
}

/* Where the next bytes of a counted body should go: the holder's own place, but
 * never further than the body reaches. */
static struct sl_str on_room(void *holder)
{
    const struct sl_conn *c = holder;
    const struct sl_exch *x = open_exch(c);
    struct sl_str room = {NULL, 0};

    if (c->state != SL_CONN_BODY || x == NULL || x->body != SL_EXCH_WANTED || c->ahead.len > 0 ||
        c->parse.state != SL_PARSE_AT_LENGTH || x->ops->room == NULL)
        return room;
    room = x->ops->room(x->holder);
    return c->parse.left < room.n ? sl_str_first(room, (size_t)c->parse.left) : room;
}

static const struct sl_stream_ops stream_ops = {
    .data = on_data, .drain = on_drain, .end = on_end, .room = on_room};

static void on_late(struct sl_conn *c)
{
    struct sl_exch *x = open_exch(c);

    switch (c->state) {
    case SL_CONN_IDLE: /* the last answer may still be on its way */
        if (sl_stream_queued(c->stream) == 0)
            sl_conn_close(c, SL_CONN_FLUSH);
        else if (is_stalled(c))
            sl_conn_close(c, SL_CONN_RESET);
        else
            set_deadline(c, watch_ms(c));
        break;
    case SL_CONN_HEAD:
        if (sl_parse_is_fresh(&c->parse))
            sl_conn_close(c, SL_CONN_FLUSH);
        else
            refuse(c, SL_ERR_CLIENT_SLOW);
        break;
    case SL_CONN_BODY:
        if (x != NULL && x->body == SL_EXCH_WANTED && x->answer == SL_EXCH_NONE) {
            c->running = true;
            body_over(c, x, SL_ERR_CLIENT_SLOW);
            c->running = false;
            break;
        }
        /* fall through */
    case SL_CONN_ANSWER:
        if (sl_stream_queued(c->stream) == 0)
            c->deadline = 0; /* the next write looks again */
        else if (is_stalled(c))
            sl_conn_lose(c, SL_ERR_CLIENT_STALLED, SL_CONN_RESET);
        else
            set_deadline(c, watch_ms(c));
        break;
    case SL_CONN_SKIP: sl_conn_close(c, SL_CONN_FLUSH); break;
    case SL_CONN_CLOSED: break;
    }
    settle(c);
}

static void on_timer(struct sl_timer *t)
{
    struct sl_conn *c = SL_CONTAINER(t, struct sl_conn, timer);
    uint64_t now = sl_net_now(c->net);

    if (c->deadline == 0)
        return;
    if (now < c->deadline)
        sl_timer_start(c->net, &c->timer, c->deadline - now);
    else
        on_late(c);
}

void sl_conn_new(struct sl_server *s, struct sl_stream *stream)
{
    struct sl_conn *c = sl_mem_new(sizeof(*c));

    c->magic = SL_CONN_MAGIC;
    c->state = SL_CONN_IDLE;
    c->server = s;
    c->net = s->net;
    c->stream = stream;
    s->counts.connections++;
    s->counts.idle++;
    sl_list_push_back(&s->conns, &c->node);
    sl_bond_init(&c->bond, c);
    sl_parse_init(&c->parse, true);
    sl_buf_init(&c->ahead, s->conf.window + SL_STREAM_READ);
    sl_task_init(&c->task, on_task);
    sl_timer_init(&c->timer, on_timer);
    set_deadline(c, s->conf.client_idle_ms);
    sl_stream_adopt(stream, &stream_ops, c);
    sl_stream_want(stream, true);
}
