/* store/front/step.c -- a wait on the backend that has an end: the waiter is told once, in
 * time, whatever the backend does. */
#include "base/mem.h"
#include "store/front/inside.h"

/* For those that each request has: they carry little. */
static struct sl_mem_shelf shelf = {.size = 320, .most = 64};

static void reap(struct sl_grave *g)
{
    struct sl_step *st = SL_CONTAINER(g, struct sl_step, grave);

    if (st->small)
        sl_mem_give(&shelf, st);
    else
        sl_mem_free(st);
}

static void bury(struct sl_step *st)
{
    sl_op_cancel(&st->below);
    sl_list_unlink(&st->node);
    sl_list_unlink(&st->proving);
    sl_timer_stop(st->s->net, &st->limit);
    sl_task_cancel(&st->task);
    sl_net_bury(st->s->net, &st->grave, reap);
}

/* Nobody waits any more; perhaps something is still to be learned. */
static void leave(struct sl_step *st)
{
    st->told = true;
    sl_timer_stop(st->s->net, &st->limit);
    if (st->late == NULL || st->below == NULL)
        bury(st);
}

void sl_step_tell(struct sl_step *st, enum sl_err e)
{
    bool waits;

    if (st->finish != NULL && !st->finish(st, &e))
        return;
    waits = sl_op_close(&st->op);
    leave(st); /* its memory stays until the turn ends */
    if (waits)
        st->done(st->ctx, e);
}

static void on_cancel(struct sl_op *op)
{
    leave(SL_CONTAINER(op, struct sl_step, op));
}

static void on_limit(struct sl_timer *t)
{
    struct sl_step *st = SL_CONTAINER(t, struct sl_step, limit);

    if (st->below != NULL)
        sl_health_strike(st->s, "it does not answer in time");
    sl_step_tell(st, SL_ERR_STORE);
}

static void on_task(struct sl_task *t)
{
    struct sl_step *st = SL_CONTAINER(t, struct sl_step, task);

    sl_step_tell(st, st->err);
}

void *sl_step_new(struct sl_store *s, size_t size, enum sl_store_what what, uint64_t limit_ms,
                  const struct sl_step_waiter *w)
{
    bool small = size <= shelf.size;
    struct sl_step *st = small ? sl_mem_take_zeroed(&shelf) : sl_mem_new(size);

    st->small = small;
    st->s = s;
    st->what = what;
    st->done = w->done;
    st->ctx = w->ctx;
    st->began_us = sl_net_now_us(s->net);
    sl_list_init(&st->node);
    sl_list_init(&st->proving);
    sl_list_push_back(&s->steps, &st->node);
    sl_task_init(&st->task, on_task);
    sl_timer_init(&st->limit, on_limit);
    sl_timer_start(s->net, &st->limit, limit_ms);
    sl_op_open(&st->op, w->slot, on_cancel);
    return st;
}

void sl_step_tell_later(struct sl_step *st, enum sl_err e)
{
    st->err = e;
    sl_net_defer(st->s->net, &st->task);
}

void sl_step_on_done(void *step, enum sl_err e)
{
    struct sl_step *st = step;
    struct sl_store *s = st->s;

    sl_metric_observe(s->seconds[st->what], (double)(sl_net_now_us(s->net) - st->began_us) / 1e6);
    if (st->told) {
        st->late(st, e);
        bury(st);
        return;
    }
    if (e == SL_ERR_STORE)
        sl_health_strike(s, "it refuses or fails what it is asked");
    else if (e != SL_ERR_STORE_DATA)
        sl_health_ok(s);
    /* one tenant's broken key says nothing about the store, good or bad */
    sl_step_tell(st, e == SL_ERR_STORE_DATA ? SL_ERR_STORE : e);
}

void sl_steps_end(struct sl_store *s)
{
    while (!sl_list_is_empty(&s->steps)) {
        struct sl_step *st = SL_CONTAINER(s->steps.next, struct sl_step, node);

        st->late = NULL; /* what is learned now comes too late */
        if (st->op.slot != NULL)
            sl_op_cancel(st->op.slot);
        else
            bury(st);
    }
}
