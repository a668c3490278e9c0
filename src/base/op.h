/* base/op.h -- the contract of a wait.
 *
 * A wait is started with sl_<x>_start(..., struct sl_op **slot, done, ctx):
 * the callee allocates the op and puts it into the caller's one, empty slot.
 * `done` runs exactly once, always from a later turn of the loop, even when
 * the work failed at once; the slot is already NULL then. sl_op_cancel(&slot)
 * empties the slot and guarantees silence: `done` will not run. The op's
 * memory belongs to the room that does the work, which may keep it until its
 * library has answered.
 */
#ifndef SL_BASE_OP_H
#define SL_BASE_OP_H

#include "base/err.h"

struct sl_op {
    uint32_t magic;
    struct sl_op **slot;              /* up: the waiter's slot; NULL once cancelled */
    void (*cancel)(struct sl_op *op); /* the worker's: told once, after the slot is empty */
};

#define SL_OP_MAGIC 0x534c4f50u

/* Worker: fill the caller's slot. */
void sl_op_open(struct sl_op *op, struct sl_op **slot, void (*cancel)(struct sl_op *));
/* Worker: the work is over. True if the waiter still waits (call `done` then);
 * the slot is emptied. */
SL_MUST bool sl_op_close(struct sl_op *op);
/* Waiter: no longer interested. NULL in the slot is fine. */
void sl_op_cancel(struct sl_op **slot);

#endif
