/* The pipeline: one list in the order of sending. A command has one timer, first
 * for its deadline, then for the patience with a Redis that stays silent. */
#include "store/redis/pipe.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/redis/resp.h"

#define TOGETHER 1024 /* bytes of short arguments that are put together */

struct command {
    struct sl_op op;
    struct sl_list node;
    struct sl_timer timer;
    struct sl_pipe *pipe; /* up */
    bool waited;          /* somebody waits in `op` */
    bool overdue;         /* the deadline passed: the timer is patience now */
    bool failed;          /* in the list `failed` */
    sl_redis_reply_fn *done;
    void *ctx; /* up */
    void (*late)(void *ctx, const void *note, const redisReply *reply);
    void *late_ctx; /* up */
    size_t note_n;
    max_align_t note[];
};

#define SHORT ((size_t)64) /* a note of those that each request sends */
static struct sl_mem_shelf shelf = {.size = sizeof(struct command) + SHORT, .most = 64};

static void on_silent(struct sl_timer *t)
{
    struct sl_pipe *p = SL_CONTAINER(t, struct sl_pipe, silent);

    p->broken(p, "it is silent");
}

/* Begins anew while there is something to be answered. */
static void listen_for(struct sl_pipe *p)
{
    if (p->sent_n > 0 && p->silence_ms > 0)
        sl_timer_start(p->net, &p->silent, p->silence_ms);
    else
        sl_timer_stop(p->net, &p->silent);
}

void sl_pipe_init(struct sl_pipe *p, size_t reply_max)
{
    sl_timer_init(&p->silent, on_silent);
    sl_reply_init(&p->reader, reply_max);
    sl_list_init(&p->sent);
    sl_list_init(&p->failed);
    p->sent_n = 0;
    p->stream = NULL;
}

void sl_pipe_attach(struct sl_pipe *p, struct sl_stream *s)
{
    p->stream = s;
}

static void forget(struct command *c)
{
    sl_list_unlink(&c->node);
    sl_timer_stop(c->pipe->net, &c->timer);
    if (c->note_n <= SHORT)
        sl_mem_give(&shelf, c);
    else
        sl_mem_free(c);
}

static void fail(struct command *c)
{
    sl_timer_stop(c->pipe->net, &c->timer);
    sl_list_unlink(&c->node);
    c->failed = true;
    sl_list_push_back(&c->pipe->failed, &c->node);
    sl_net_defer(c->pipe->net, c->pipe->task);
}

void sl_pipe_detach(struct sl_pipe *p)
{
    p->stream = NULL;
    sl_timer_stop(p->net, &p->silent);
    sl_reply_fini(&p->reader);
    while (!sl_list_is_empty(&p->sent)) {
        struct command *c = SL_CONTAINER(p->sent.next, struct command, node);

        if (c->waited)
            fail(c);
        else
            forget(c);
    }
    p->sent_n = 0;
}

void sl_pipe_tell_failed(struct sl_pipe *p)
{
    struct sl_list now, *node;

    sl_list_move(&now, &p->failed); /* what fails meanwhile is told in the next turn */
    while ((node = sl_list_pop_front(&now)) != NULL) {
        struct command *c = SL_CONTAINER(node, struct command, node);

        if (sl_op_close(&c->op))
            c->done(c->ctx, SL_ERR_STORE, NULL);
        forget(c);
    }
}

static void cancel(struct sl_op *op)
{
    struct command *c = SL_CONTAINER(op, struct command, op);

    c->waited = false;
    if (c->failed)
        forget(c);
}

static void on_time(struct sl_timer *t)
{
    struct command *c = SL_CONTAINER(t, struct command, timer);
    struct sl_pipe *p = c->pipe;
    bool waited = c->waited;

    if (c->overdue) {
        p->broken(p, "commands got no reply");
        return;
    }
    c->overdue = true;
    sl_timer_start(p->net, t, SL_LINK_PATIENCE_MS);
    c->waited = false;
    if (waited && sl_op_close(&c->op))
        c->done(c->ctx, SL_ERR_STORE, NULL);
}

/* ---- sending ---- */

static struct command *new_command(struct sl_pipe *p, const struct sl_redis_command *from)
{
    struct command *c =
        from->note_n <= SHORT ? sl_mem_take_zeroed(&shelf) : sl_mem_new(sizeof *c + from->note_n);

    c->pipe = p;
    c->late = from->late;
    c->late_ctx = from->late_ctx;
    c->note_n = from->note_n;
    if (from->note_n > 0)
        memcpy(c->note, from->note, from->note_n);
    sl_list_init(&c->node);
    sl_timer_init(&c->timer, on_time);
    return c;
}

/* Room is judged before; a broken stream ends by itself. */
static void put(struct sl_pipe *p, const struct sl_text *t, struct sl_str rest)
{
    struct sl_str parts[] = {sl_text_str(t), rest};

    (void)!sl_stream_write(p->stream, parts, 2);
}

static void write_args(struct sl_pipe *p, const struct sl_redis_command *c)
{
    char place[TOGETHER];
    struct sl_text t = sl_text_over(place, sizeof place);

    sl_resp_length(&t, '*', c->n + c->more_n);
    for (size_t i = 0; i < c->n; i++) {
        struct sl_str arg = c->args[i];

        sl_resp_length(&t, '$', arg.n);
        if (arg.n + 2 * SL_RESP_LENGTH > sizeof place - t.n) {
            put(p, &t, arg);
            t.n = 0;
        } else {
            sl_text_add(&t, arg);
        }
        sl_text_add(&t, SL_STR("\r\n"));
    }
    put(p, &t, c->more);
}

static bool write_out(struct sl_pipe *p, const struct sl_redis_command *c)
{
    size_t total = c->more.n;

    SL_CHECK(c->n > 0 && c->n <= SL_LINK_ARGS);
    for (size_t i = 0; i < c->n; i++)
        total += c->args[i].n;
    if (total > SL_LINK_QUEUED || sl_stream_queued(p->stream) + total > SL_LINK_QUEUED)
        return false;
    write_args(p, c);
    return true;
}

void sl_pipe_send(struct sl_pipe *p, bool can, const struct sl_redis_command *from,
                  struct sl_op **slot, sl_redis_reply_fn *done, void *ctx)
{
    struct command *c;

    can = can && p->stream != NULL && write_out(p, from);
    if (slot == NULL && !can)
        return;
    c = new_command(p, from);
    if (slot != NULL) {
        c->waited = true;
        c->done = done;
        c->ctx = ctx;
        sl_op_open(&c->op, slot, cancel);
    }
    if (!can) {
        fail(c);
        return;
    }
    sl_list_push_back(&p->sent, &c->node);
    sl_timer_start(p->net, &c->timer, from->deadline_ms);
    if (++p->sent_n > SL_LINK_PENDING)
        sl_timer_start(p->net, &c->timer, 0); /* on_time() closes, not this frame */
    c->overdue = p->sent_n > SL_LINK_PENDING;
    if (p->sent_n == 1)
        listen_for(p);
}

/* ---- receiving ---- */

static void give(struct command *c, const redisReply *reply)
{
    if (c->waited) {
        c->waited = false;
        if (sl_op_close(&c->op))
            c->done(c->ctx, SL_OK, reply);
    } else if (c->late != NULL) {
        c->late(c->late_ctx, c->note_n > 0 ? c->note : NULL, reply);
    }
}

/* A script's error says so in its middle before Redis 7. */
bool sl_pipe_must_leave(const redisReply *reply)
{
    static const struct sl_str words[] = {SL_STR_INIT("READONLY "), SL_STR_INIT("LOADING "),
                                          SL_STR_INIT("MASTERDOWN "), SL_STR_INIT("NOREPLICAS ")};
    struct sl_str text = {reply->str, reply->len};
    ptrdiff_t at;

    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    at = sl_str_starts(text, SL_STR("ERR ")) ? sl_str_find(text, SL_STR(": -")) : -1;
    if (at >= 0)
        text = sl_str_from(text, (size_t)at + 3);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (sl_str_starts(text, words[i]))
            return true;
    return false;
}

/* One reply to whom it belongs; false, with `why`: the connection is of no more use. */
static bool take(struct sl_pipe *p, const redisReply *reply, char *why, size_t cap)
{
    struct sl_list *node = sl_list_pop_front(&p->sent);
    struct command *c;

    if (node == NULL) {
        (void)snprintf(why, cap, "it sent a reply to no command");
        return false;
    }
    p->sent_n--;
    c = SL_CONTAINER(node, struct command, node);
    sl_timer_stop(p->net, &c->timer);
    give(c, reply);
    forget(c);
    if (!sl_pipe_must_leave(reply))
        return true;
    (void)snprintf(why, cap, "it says %.*s", (int)strcspn(reply->str, "\r\n"), reply->str);
    return false;
}

void sl_pipe_data(struct sl_pipe *p, struct sl_str bytes)
{
    struct sl_stream *s = p->stream;
    char why[128] = "no memory for its reply";
    bool good = sl_reply_feed(&p->reader, bytes);
    redisReply *reply;

    while (good && p->stream == s) {
        enum sl_reply_step step = sl_reply_next(&p->reader, &reply);

        if (step == SL_REPLY_MORE) {
            listen_for(p);
            return;
        }
        good = step == SL_REPLY_READY && take(p, reply, why, sizeof why);
        if (step == SL_REPLY_BAD)
            (void)snprintf(why, sizeof why, "its reply is not valid, or too large");
        sl_reply_drop(&reply);
    }
    if (p->stream == s)
        p->broken(p, why);
}
