/* net/work.h -- jobs for libuv's pool of threads: what would block the loop.
 *
 * Order    `run` on a thread of the pool, then `done` on the loop, in a later turn.
 *          Jobs of one holder may overlap: who needs an order starts the next one
 *          from `done`.
 * Memory   `ctx` belongs to the job until `done` or `drop`. `run` touches nothing else.
 *          A cancelled job that has not begun never runs; one that has begun goes on.
 *          Either way `drop` is called on the loop when the thread is through with it,
 *          instead of `done`: free `ctx` there. NULL: ctx outlives the loop.
 * Limits   The pool is shared with log files: a job bounds its own time. sl_net_end()
 *          waits 3 s for what runs.
 */
#ifndef SL_NET_WORK_H
#define SL_NET_WORK_H

#include "base/op.h"
#include "net/loop.h"

typedef void sl_work_fn(void *ctx);

void sl_work_start(struct sl_net *net, sl_work_fn *run, void *ctx, struct sl_op **slot,
                   sl_work_fn *done, sl_work_fn *drop);

#endif
