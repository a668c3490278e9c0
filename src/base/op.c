/* base/op.c -- filling and emptying the slot of a waiter. */
#include "base/op.h"

#include "base/obj.h"

void sl_op_open(struct sl_op *op, struct sl_op **slot, void (*cancel)(struct sl_op *))
{
    SL_CHECK(*slot == NULL); /* a waiter waits for one thing at a time */
    op->magic = SL_OP_MAGIC;
    op->slot = slot;
    op->cancel = cancel;
    *slot = op;
}

bool sl_op_close(struct sl_op *op)
{
    bool waited;

    SL_OBJ_CHECK(op, SL_OP_MAGIC);
    waited = op->slot != NULL;
    if (waited) {
        SL_CHECK(*op->slot == op);
        *op->slot = NULL;
        op->slot = NULL;
    }
    op->magic = SL_OBJ_DEAD; /* closing twice is a bug, and found here */
    return waited;
}

void sl_op_cancel(struct sl_op **slot)
{
    struct sl_op *op = *slot;

    if (op == NULL)
        return;
    SL_OBJ_CHECK(op, SL_OP_MAGIC);
    *slot = NULL;
    op->slot = NULL;
    if (op->cancel != NULL)
        op->cancel(op);
}
