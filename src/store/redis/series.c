/* Calls that go out one after the other. */
#include "store/redis/script.h"

#include "base/mem.h"

struct sl_script_series {
    struct sl_op op;
    struct sl_op *inner;          /* owns */
    struct sl_script_call **part; /* owns: those not sent yet */
    size_t n, sent, cap;
    sl_store_done_fn *done;
    void *ctx; /* up: the waiter's */
};

struct sl_script_series *sl_series_new(size_t n)
{
    struct sl_script_series *s = sl_mem_new(sizeof *s);

    SL_CHECK(n > 0);
    s->cap = n;
    s->part = sl_mem_new(n * sizeof(struct sl_script_call *));
    return s;
}

void sl_series_add(struct sl_script_series *s, struct sl_script_call *c)
{
    SL_CHECK(s->n < s->cap);
    s->part[s->n++] = c;
}

static void end(struct sl_script_series *s)
{
    while (s->sent < s->n)
        sl_script_drop(s->part[s->sent++]);
    sl_mem_free(s->part);
    sl_mem_free(s);
}

static void cancel(struct sl_op *op)
{
    struct sl_script_series *s = SL_CONTAINER(op, struct sl_script_series, op);

    sl_op_cancel(&s->inner);
    end(s);
}

static void on_done(void *ctx, enum sl_err e)
{
    struct sl_script_series *s = ctx;

    if (e == SL_OK && s->sent < s->n) {
        sl_script_send(s->part[s->sent++], &s->inner, on_done, s);
        return;
    }
    if (sl_op_close(&s->op))
        s->done(s->ctx, e);
    end(s);
}

void sl_series_send(struct sl_script_series *s, struct sl_op **slot, sl_store_done_fn *done,
                    void *ctx)
{
    SL_CHECK(s->n > 0);
    s->done = done;
    s->ctx = ctx;
    sl_op_open(&s->op, slot, cancel);
    sl_script_send(s->part[s->sent++], &s->inner, on_done, s);
}
