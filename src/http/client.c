/* http/client.c -- one call: wait for a connection, send, read the answer.
 *
 *     WAITING ─► TALKING ─► OVER
 *        ▲          │ once: a reused connection closed before one byte came, within
 *        └──────────┘ a second of its use, or spoke before the request had left
 */
#include "http/client.h"

#include "base/log.h"
#include "base/mem.h"
#include "http/link.h"
#include "http/parse.h"

#define CALL_MAGIC 0x43414c4cu
#define HEAD_ARENA 98304 /* a head, its list, and a 1xx or two before it */
#define HINTS_MAX 10     /* 1xx answers before the real one */
#define SEND_PARTS 16    /* slices in one write */
#define STALL_LOOKS 16   /* at a request on its way, in the time it may stand still */
#define TRIED_MAX 3      /* instances of a provider that may refuse a connection */
#define AGAIN_MS 1000    /* an idle connection that was lost shows within a round trip */

enum state { WAITING, TALKING, OVER };

struct sl_call {
    uint32_t magic;
    enum state state;
    bool wanted;                   /* reading is on */
    bool told;                     /* the holder knows that all was sent */
    bool answered;                 /* a byte of the answer has come */
    struct sl_net *net;            /* up */
    const struct sl_call_ops *ops; /* shared: static */
    void *holder;                  /* up */
    struct sl_call_req req;
    size_t excess; /* bytes behind the piece the holder is looking at */
    size_t part;   /* first slice not yet written, and how much of it is */
    size_t part_at;
    bool full;                /* the stream had no room; its drain goes on */
    uint64_t sent_before;     /* what the connection had sent when it was leased */
    uint64_t leased_ms;       /* when that was: the request has been leaving since */
    uint64_t moved, moved_ms; /* bytes taken when last looked, and when they had changed */
    unsigned hints;
    enum sl_err doomed;      /* a failure to be told from the loop */
    struct sl_origin *front; /* shared: whose instances are called; NULL: it is one by itself */
    unsigned tried;          /* of them */
    struct sl_wait wait;
    struct sl_link *link; /* owns: the lease */
    struct sl_task task;
    struct sl_timer stall;
    struct sl_parse parse;
    struct sl_arena arena;
    struct sl_answer_head head;
    struct sl_call_info info;
    struct sl_grave grave;
};

static struct sl_mem_shelf shelf = {.size = sizeof(struct sl_call), .most = 64};

static void on_got(struct sl_wait *w, struct sl_link *link);
static void on_failed(struct sl_wait *w, enum sl_err why, struct sl_str reason);

/* ---- ending ---- */

static void drop_link(struct sl_call *c, bool whole)
{
    sl_timer_stop(c->net, &c->stall);
    if (c->link != NULL)
        sl_pool_give(&c->link, whole);
}

static void fail(struct sl_call *c, enum sl_err why)
{
    drop_link(c, false);
    c->state = OVER;
    c->ops->fail(c->holder, why);
}

static bool has_left(const struct sl_call *c)
{
    return c->part == c->req.n && !c->full && sl_stream_queued(c->link->stream) == 0;
}

static bool is_reusable(const struct sl_call *c)
{
    return c->parse.keep_alive && has_left(c);
}

/* The answer is whole. `clean`: the connection may be used again. */
static void done(struct sl_call *c, bool clean)
{
    drop_link(c, clean && is_reusable(c));
    c->state = OVER;
    c->ops->done(c->holder);
}

/* Streams don't know which side they serve; here every trouble is the
 * provider's. */
static enum sl_err in_our_words(enum sl_err why)
{
    switch ((int)why) {
    case SL_ERR_OK: return SL_ERR_UP_CLOSED;
    case SL_ERR_IO:
    case SL_ERR_CLIENT_GONE:
    case SL_ERR_CLIENT_STALLED: return SL_ERR_UP_RESET;
    default: return why;
    }
}

/* ---- the request ---- */

static void tell_sent(struct sl_call *c)
{
    if (c->told || c->full || c->part < c->req.n)
        return;
    c->told = true;
    if (c->ops->sent != NULL)
        c->ops->sent(c->holder);
}

/* The next slices, at most as much as a stream's queue is meant to hold. */
static size_t gather(struct sl_call *c, struct sl_str *out)
{
    size_t n = 0, room = SL_STREAM_HIGH;

    while (n < SEND_PARTS && room > 0 && c->part < c->req.n) {
        struct sl_str rest = sl_str_from(c->req.parts[c->part], c->part_at);
        struct sl_str s = sl_str_first(rest, room);

        room -= s.n;
        c->part_at += s.n;
        if (s.n > 0)
            out[n++] = s;
        if (s.n == rest.n) {
            c->part++;
            c->part_at = 0;
        }
    }
    return n;
}

static void send_more(struct sl_call *c)
{
    struct sl_str parts[SEND_PARTS];
    size_t n;

    c->full = false;
    while (!c->full && (n = gather(c, parts)) > 0)
        c->full = !sl_stream_write(c->link->stream, parts, n);
    if (!c->full)
        sl_stream_hurry(c->link->stream);
}

/* The kernel takes bytes at its own pace, so progress is looked for, not heard of.
 * Once an answer has begun its own limits hold. */
static void on_stall(struct sl_timer *t)
{
    struct sl_call *c = SL_CONTAINER(t, struct sl_call, stall);
    struct sl_stream_way way = sl_stream_way(c->link->stream);
    uint64_t now = sl_net_now(c->net);

    if (c->head.status >= 200 || (c->part == c->req.n && way.left == 0))
        return;
    if (way.taken != c->moved) {
        c->moved = way.taken;
        c->moved_ms = now;
    }
    if (now - c->moved_ms >= c->req.stall_ms)
        fail(c, SL_ERR_UP_STALLED);
    else
        sl_timer_start(c->net, t, c->req.stall_ms / STALL_LOOKS + 1);
}

static void on_task(struct sl_task *t)
{
    struct sl_call *c = SL_CONTAINER(t, struct sl_call, task);

    if (c->doomed != SL_OK)
        fail(c, c->doomed);
    else if (c->state == TALKING)
        tell_sent(c);
}

/* ---- the answer ---- */

static void on_head(struct sl_call *c)
{
    enum sl_err e;

    sl_arena_fini(&c->arena); /* of a 1xx before */
    e = sl_parse_answer(&c->parse, &c->arena, c->req.is_head, &c->head);
    if (e == SL_OK && c->head.status < 200 && ++c->hints > HINTS_MAX)
        e = SL_ERR_UP_GARBAGE;
    if (e != SL_OK) {
        fail(c, e);
        return;
    }
    if (c->head.status < 200) {
        sl_parse_again(&c->parse);
        return;
    }
    tell_sent(c);
    if (c->state == TALKING)
        c->ops->head(c->holder, &c->head);
}

/* A connection lost while idle shows as soon as it is used. Later, or with a byte
 * of an answer, the provider may have worked on the request: once is enough. */
static bool may_go_again(const struct sl_call *c)
{
    return !c->answered && c->link->rested && c->info.resent == 0 &&
           sl_net_now(c->net) - c->leased_ms <= AGAIN_MS;
}

/* Of a front one of its instances. */
static enum sl_err wait_for(struct sl_call *c, struct sl_origin *o)
{
    if (c->front != NULL) {
        o = sl_group_pick(c->front);
        c->tried++;
    }
    if (o != NULL)
        return sl_pool_wait(o, &c->wait);
    c->info.reason = sl_arena_dup(&c->arena, sl_group_why(c->front));
    return SL_ERR_DNS;
}

/* The origin is held meanwhile: between lease and wait nobody else may. */
static void again(struct sl_call *c, const char *why)
{
    struct sl_origin *o = sl_origin_share(c->link->origin);
    enum sl_err e;

    sl_log(SL_LOG_INFO, "http", o->conf.name, "%s: sending again on a new one", why);
    drop_link(c, false);
    c->info.resent++;
    c->part = c->part_at = 0;
    c->state = WAITING;
    c->wait.fresh = true;
    sl_parse_again(&c->parse);
    e = wait_for(c, o);
    sl_origin_drop(&o);
    if (e != SL_OK)
        fail(c, e);
}

static void on_data(void *user, struct sl_str in)
{
    struct sl_call *c = user;
    struct sl_str piece;

    /* Bytes before a byte of the request has left answer another one. On a connection that
     * has answered others so may those before all of it has (RFC 9112 section 9.2); nobody
     * can have worked on it then. A new connection says whose answer it is. */
    if (!c->answered && c->link->rested && !has_left(c)) {
        again(c, "an idle connection spoke before its request had left");
        return;
    }
    if (!c->answered && sl_stream_sent(c->link->stream) == c->sent_before) {
        fail(c, SL_ERR_UP_GARBAGE);
        return;
    }
    c->answered = true;
    while (c->state == TALKING) {
        switch (sl_parse_next(&c->parse, &in, &piece)) {
        case SL_PARSE_MORE: return;
        case SL_PARSE_HEAD: on_head(c); break;
        case SL_PARSE_BODY:
            c->excess = in.n;
            c->ops->body(c->holder, piece);
            break;
        case SL_PARSE_END: done(c, in.n == 0); break;
        case SL_PARSE_FAIL: fail(c, c->parse.err); break;
        }
    }
}

static void on_drain(void *user)
{
    struct sl_call *c = user;

    send_more(c);
    tell_sent(c);
}

/* What TLS found wrong in mid-answer, which is no refused handshake. */
static void note_reason(struct sl_call *c)
{
    struct sl_str reason = sl_stream_reason(c->link->stream);

    if (reason.n > 0)
        c->info.reason = sl_arena_dup(&c->arena, reason);
}

static void on_end(void *user, enum sl_err why)
{
    struct sl_call *c = user;

    if (why == SL_OK && sl_parse_finish(&c->parse)) {
        done(c, false);
    } else if (may_go_again(c)) {
        again(c, "an idle connection was lost as it was used");
    } else {
        if (why == SL_ERR_TLS_BROKEN)
            note_reason(c);
        fail(c, in_our_words(why));
    }
}

static const struct sl_link_ops link_ops = {.data = on_data, .drain = on_drain, .end = on_end};

/* ---- getting a connection ---- */

static void on_got(struct sl_wait *w, struct sl_link *link)
{
    struct sl_call *c = SL_CONTAINER(w, struct sl_call, wait);
    uint64_t waited = sl_net_now(c->net) - w->begun_ms;

    c->link = link;
    link->ops = &link_ops;
    link->user = c;
    c->info.reused = link->rested;
    c->info.connect_ms = link->rested ? 0 : link->connect_ms;
    c->info.queued_ms = waited > c->info.connect_ms ? waited - c->info.connect_ms : 0;
    c->sent_before = c->moved = sl_stream_sent(link->stream);
    c->leased_ms = c->moved_ms = sl_net_now(c->net);
    c->state = TALKING;
    if (!c->wanted)
        sl_stream_want(link->stream, false);
    send_more(c);
    if (c->req.stall_ms > 0)
        sl_timer_start(c->net, &c->stall, c->req.stall_ms / STALL_LOOKS + 1);
    sl_net_defer(c->net, &c->task);
}

static void on_failed(struct sl_wait *w, enum sl_err why, struct sl_str reason)
{
    struct sl_call *c = SL_CONTAINER(w, struct sl_call, wait);

    if (c->front != NULL && (why == SL_ERR_CONNECT || why == SL_ERR_CONNECT_SLOW))
        sl_group_blame(c->front, w->origin);
    if (c->front != NULL && why == SL_ERR_CONNECT && c->tried < TRIED_MAX &&
        wait_for(c, NULL) == SL_OK)
        return;
    if (reason.n > 0)
        c->info.reason = sl_arena_dup(&c->arena, reason);
    fail(c, in_our_words(why));
}

/* ---- what the holder calls ---- */

struct sl_call *sl_call_start(struct sl_origin *o, const struct sl_call_req *req,
                              const struct sl_call_ops *ops, void *holder)
{
    struct sl_call *c = sl_mem_take_zeroed(&shelf);

    SL_CHECK(ops->head != NULL && ops->body != NULL && ops->done != NULL && ops->fail != NULL);
    c->magic = CALL_MAGIC;
    c->state = WAITING;
    c->wanted = true;
    c->net = o->net;
    c->ops = ops;
    c->holder = holder;
    c->req = *req;
    c->wait.got = on_got;
    c->wait.failed = on_failed;
    sl_task_init(&c->task, on_task);
    sl_timer_init(&c->stall, on_stall);
    sl_parse_init(&c->parse, false);
    sl_arena_init(&c->arena, HEAD_ARENA);
    if (o->group != NULL)
        c->front = sl_origin_share(o);
    c->doomed = wait_for(c, o);
    if (c->doomed != SL_OK)
        sl_net_defer(c->net, &c->task);
    return c;
}

void sl_call_want(struct sl_call *c, bool on)
{
    SL_OBJ_CHECK(c, CALL_MAGIC);
    c->wanted = on;
    if (c->link != NULL)
        sl_stream_want(c->link->stream, on);
}

static void reap_call(struct sl_grave *g)
{
    struct sl_call *c = SL_CONTAINER(g, struct sl_call, grave);

    sl_parse_fini(&c->parse);
    sl_arena_fini(&c->arena);
    c->magic = SL_OBJ_DEAD;
    sl_mem_give(&shelf, c);
}

void sl_call_end(struct sl_call **pc)
{
    struct sl_call *c = *pc;

    if (c == NULL)
        return;
    SL_OBJ_CHECK(c, CALL_MAGIC);
    *pc = NULL;
    if (c->state == WAITING && c->doomed == SL_OK)
        sl_pool_leave(&c->wait);
    /* a holder that has the last byte need not wait for `done` */
    drop_link(c, c->state == TALKING && c->answered && c->excess == 0 && is_reusable(c) &&
                     sl_parse_is_over(&c->parse));
    c->state = OVER;
    sl_task_cancel(&c->task);
    sl_origin_drop(&c->front);
    sl_net_bury(c->net, &c->grave, reap_call);
}

struct sl_call_info sl_call_about(const struct sl_call *c)
{
    struct sl_call_info info;

    SL_OBJ_CHECK(c, CALL_MAGIC);
    info = c->info;
    info.sent =
        c->state == TALKING && has_left(c) && sl_stream_sent(c->link->stream) > c->sent_before;
    return info;
}
