/* net/work.c -- a job is an op around a uv_work_t. */
#include "net/work.h"

#include "base/mem.h"
#include "net/inside.h"

struct work {
    struct sl_op op;
    uv_work_t req;
    struct sl_net *net; /* up */
    sl_work_fn *run;
    sl_work_fn *done;
    sl_work_fn *drop;
    void *ctx; /* up: the job's until done or drop */
};

static void finish(struct work *w)
{
    sl_work_fn *tell = sl_op_close(&w->op) ? w->done : w->drop;
    void *ctx = w->ctx;

    w->net->counts.ops--;
    sl_mem_free(w);
    if (tell != NULL)
        tell(ctx);
}

static void on_uv_work(uv_work_t *req)
{
    struct work *w = req->data;

    w->run(w->ctx);
}

static void on_uv_after(uv_work_t *req, int status)
{
    (void)status; /* cancelled or not: the slot knows who waits */
    finish(req->data);
}

static void cancel(struct sl_op *op)
{
    struct work *w = SL_CONTAINER(op, struct work, op);

    (void)uv_cancel((uv_req_t *)&w->req); /* refused once it has begun */
}

void sl_work_start(struct sl_net *net, sl_work_fn *run, void *ctx, struct sl_op **slot,
                   sl_work_fn *done, sl_work_fn *drop)
{
    struct work *w = sl_mem_new(sizeof *w);

    w->net = net;
    w->run = run;
    w->done = done;
    w->drop = drop;
    w->ctx = ctx;
    w->req.data = w;
    net->counts.ops++;
    sl_op_open(&w->op, slot, cancel);
    SL_CHECK(uv_queue_work(&net->loop, &w->req, on_uv_work, on_uv_after) == 0);
}
