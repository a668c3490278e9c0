/* cli/hot.h -- a hot restart (SIGUSR2): another process takes over, this one finishes.
 *
 *   SERVING ─SIGUSR2─► the new process starts, with our sockets ─ready─► LEAVING ─► ends
 *        ▲                       │ it does not come up, or is slow
 *        └───────────────────────┘ nothing has changed
 *
 * The new one is the program at the path this one was started from, with the same
 * arguments: a new binary, or the same with a new configuration. Leaving: nothing is
 * accepted any more, kept connections are answered once more and then closed, or idle
 * out; streams go on up to `stream_total`.
 * Private to the room. Holder: the running process.
 */
#ifndef SL_CLI_HOT_H
#define SL_CLI_HOT_H

#include "cli/serve.h"

#define SL_HOT_READY_MS 30000 /* for the new process to be ready */

/* Remembers how the process was started; at start, once. False: it can't be known, so
 * there is no hot restart. */
SL_MUST bool sl_hot_remember(void);
void sl_hot_begin(struct sl_serve *s);
/* This process is to end: one that is not ready yet is ended with it. */
void sl_hot_give_up(struct sl_serve *s);
/* Leaving: is nobody left who has to be served? */
bool sl_hot_is_over(const struct sl_serve *s);
uint64_t sl_hot_limit_ms(const struct sl_serve *s);

#endif
