/* One call to a Consul agent, with its answer gathered. */
#include "gateway/discovery/inside.h"

#include <stdio.h>

#include "base/mem.h"

static void over(struct sl_agent *a)
{
    sl_timer_stop(a->net, &a->limit);
    sl_call_end(&a->call);
    sl_origin_drop(&a->origin);
    sl_mem_wipe(a->head, sizeof a->head);
}

static void finish(struct sl_agent *a, const char *why)
{
    if (why != NULL)
        snprintf(a->why, sizeof a->why, "%s", why);
    over(a);
    a->done(a->holder, why != NULL ? a->why : NULL);
}

static void on_call_sent(void *holder)
{
    (void)holder;
}

static void on_call_head(void *holder, const struct sl_answer_head *head)
{
    struct sl_agent *a = holder;
    struct sl_str index = sl_headers_get(&head->headers, SL_STR("x-consul-index"));

    a->status = head->status;
    snprintf(a->index, sizeof a->index, "%.*s", SL_STR_ARGS(index));
}

static void on_call_body(void *holder, struct sl_str piece)
{
    struct sl_agent *a = holder;

    sl_grow_add(&a->body, piece);
    if (a->body.err != SL_OK)
        finish(a, "its answer is too long");
}

static void on_call_done(void *holder)
{
    struct sl_agent *a = holder;
    char why[64];

    if (a->status == 200) {
        finish(a, NULL);
        return;
    }
    snprintf(why, sizeof why, "it answered %d%s", a->status,
             a->status == 403 ? ": consul.token does not allow it" : "");
    finish(a, why);
}

static void on_call_fail(void *holder, enum sl_err e)
{
    struct sl_agent *a = holder;
    struct sl_str reason = sl_call_about(a->call).reason;
    char why[sizeof a->why];

    snprintf(why, sizeof why, "%s%s%.*s", sl_err_text(e), reason.n > 0 ? ": " : "",
             SL_STR_ARGS(reason));
    finish(a, why);
}

static void on_limit(struct sl_timer *t)
{
    finish(SL_CONTAINER(t, struct sl_agent, limit), "it did not answer in time");
}

static const struct sl_call_ops call_ops = {
    .sent = on_call_sent,
    .head = on_call_head,
    .body = on_call_body,
    .done = on_call_done,
    .fail = on_call_fail,
};

void sl_agent_init(struct sl_agent *a, struct sl_net *net, sl_agent_fn *done, void *holder)
{
    a->net = net;
    a->done = done;
    a->holder = holder;
    sl_timer_init(&a->limit, on_limit);
    sl_grow_init(&a->body, SL_CONSUL_BODY_MAX);
}

/* lint: budgets a call: to whom, what, and how long */
void sl_agent_start(struct sl_agent *a, struct sl_origin *origin, struct sl_str head,
                    struct sl_str body, uint64_t limit_ms)
{
    struct sl_call_req req = {.parts = a->parts, .n = 2};

    a->status = 0;
    a->index[0] = '\0';
    sl_grow_fini(&a->body);
    sl_grow_init(&a->body, SL_CONSUL_BODY_MAX);
    a->parts[0] = head;
    a->parts[1] = body;
    a->origin = sl_origin_share(origin);
    sl_timer_start(a->net, &a->limit, limit_ms);
    a->call = sl_call_start(origin, &req, &call_ops, a);
}

void sl_agent_stop(struct sl_agent *a)
{
    over(a);
    sl_grow_fini(&a->body);
    sl_grow_init(&a->body, SL_CONSUL_BODY_MAX);
}

bool sl_agent_is_busy(const struct sl_agent *a)
{
    return a->call != NULL;
}
