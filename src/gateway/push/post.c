/* One request of ours, its limit, and how it ended. */
#include "gateway/push/post.h"

#include "base/text.h"

static void finish(struct sl_post *p, int status, struct sl_str why)
{
    struct sl_post_end end = {
        .status = status,
        .why = why,
        .has_wait = p->hints.has_wait,
        .wait_ms = p->hints.wait_ms,
        .answer = {p->answer, p->read < sizeof p->answer ? p->read : sizeof p->answer},
        .cut = p->read > sizeof p->answer};

    sl_post_stop(p);
    p->done(p->ctx, &end);
}

static void answered(struct sl_post *p)
{
    char place[32];
    struct sl_text why = sl_text_over(place, sizeof place);

    if (p->status < 200 || p->status > 299) {
        sl_text_add(&why, SL_STR("it answered "));
        sl_text_u64(&why, (uint64_t)p->status);
    }
    finish(p, p->status, sl_text_str(&why));
}

/* ---- the call's events ---- */

static void on_call_sent(void *holder)
{
    (void)holder;
}

static void on_call_head(void *holder, const struct sl_answer_head *head)
{
    struct sl_post *p = holder;

    p->status = head->status;
    sl_retry_read_wait(sl_headers_get(&head->headers, SL_STR("retry-after-ms")),
                       sl_headers_get(&head->headers, SL_STR("retry-after")),
                       sl_net_unix_ms(p->net), &p->hints);
}

static void on_call_body(void *holder, struct sl_str piece)
{
    struct sl_post *p = holder;
    size_t room = p->read < sizeof p->answer ? sizeof p->answer - p->read : 0;

    if (piece.n > 0 && room > 0)
        memcpy(p->answer + p->read, piece.p, piece.n < room ? piece.n : room);
    p->read += piece.n;
    if (p->read > SL_POST_READ)
        answered(p);
}

static void on_call_done(void *holder)
{
    answered(holder);
}

static void on_call_fail(void *holder, enum sl_err why)
{
    finish(holder, 0, sl_str_of(sl_err_text(why)));
}

static void fire_limit(struct sl_timer *t)
{
    finish(SL_CONTAINER(t, struct sl_post, limit), 0, SL_STR("it did not answer in time"));
}

static const struct sl_call_ops call_ops = {
    .sent = on_call_sent,
    .head = on_call_head,
    .body = on_call_body,
    .done = on_call_done,
    .fail = on_call_fail,
};

/* ---- the request ---- */

/* False: it does not fit. */
static bool write_head(struct sl_post *p, const struct sl_receiver *to,
                       const struct sl_post_what *what)
{
    struct sl_text t = sl_text_over(p->head, sizeof p->head);
    size_t length = 0;

    for (size_t i = 0; i < SL_POST_BODY; i++)
        length += what->body[i].n;
    sl_text_add(&t, what->method);
    sl_text_byte(&t, ' ');
    sl_text_add(&t, what->path);
    sl_text_add(&t, SL_STR(" HTTP/1.1\r\nhost: "));
    sl_text_add(&t, to->host_header);
    sl_text_add(&t, SL_STR("\r\ncontent-type: "));
    sl_text_add(&t, what->type);
    sl_text_add(&t, SL_STR("\r\naccept-encoding: identity\r\nuser-agent: sluice/" SL_VERSION
                           "\r\ncontent-length: "));
    sl_text_u64(&t, length);
    sl_text_add(&t, SL_STR("\r\n"));
    p->parts[0] = sl_text_str(&t);
    return !t.cut;
}

void sl_post_start(struct sl_post *p, const struct sl_receiver *to, const struct sl_post_what *what)
{
    struct sl_call_req req = {.parts = p->parts};

    SL_CHECK(!sl_post_is_busy(p));
    p->status = 0;
    p->read = 0;
    p->hints = (struct sl_retry_hints){0};
    sl_timer_start(p->net, &p->limit, SL_POST_LIMIT_MS);
    if (!write_head(p, to, what))
        return; /* the limit says so in the end */
    req.n = 1;
    if (to->headers.n > 0)
        p->parts[req.n++] = to->headers;
    if (what->lines.n > 0)
        p->parts[req.n++] = what->lines;
    p->parts[req.n++] = SL_STR("\r\n");
    for (size_t i = 0; i < SL_POST_BODY; i++)
        if (what->body[i].n > 0)
            p->parts[req.n++] = what->body[i];
    p->call = sl_call_start(to->origin, &req, &call_ops, p);
}

bool sl_post_is_busy(const struct sl_post *p)
{
    return sl_timer_is_armed(&p->limit);
}

void sl_post_stop(struct sl_post *p)
{
    sl_timer_stop(p->net, &p->limit);
    sl_call_end(&p->call);
}

void sl_post_init(struct sl_post *p, struct sl_net *net, sl_post_done_fn *done, void *ctx)
{
    *p = (struct sl_post){.net = net, .done = done, .ctx = ctx};
    sl_timer_init(&p->limit, fire_limit);
}
