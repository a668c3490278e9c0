/* net/hand/hand.h -- a process started with our listening sockets, and being one.
 *
 *   old: sl_hand_start ─► new: sl_hand_take, sl_listen_start, …, sl_hand_ready ─► old: done
 *
 * The sockets are one and the same in both processes: none is closed and bound again,
 * and what is queued on them is accepted by either. Listeners that are started for an
 * address that was handed over use its socket.
 *
 * Holder   At most one struct sl_hand at a time; sl_hand_end() kills a process that has
 *          not said that it is ready, and lets go of one that has.
 * How      SLUICE_SOCKETS holds the descriptor to say "ready" on, then one line a
 *          socket: its descriptor, a space, the address. Both are taken out of the
 *          environment by sl_hand_take().
 * Errors   `done` comes once, from the loop: ready, or with words why not (it ended, or
 *          was silent for `limit_ms`).
 */
#ifndef SL_NET_HAND_HAND_H
#define SL_NET_HAND_HAND_H

#include "net/loop.h"

struct sl_hand;

typedef void sl_hand_done_fn(void *ctx, bool ready, const char *why);

struct sl_hand_ask {
    const char *program; /* up: path of the file to be run */
    char *const *argv;   /* up: NULL at the end */
    uint64_t limit_ms;
};

SL_MUST enum sl_err sl_hand_start(struct sl_net *net, const struct sl_hand_ask *ask,
                                  sl_hand_done_fn *done, void *ctx, struct sl_hand **out);
int sl_hand_pid(const struct sl_hand *h);
void sl_hand_end(struct sl_hand **h);

/* Before any listener is started. True: this process was started so. */
bool sl_hand_take(struct sl_net *net);
/* A socket was handed over that no listener has asked for. */
bool sl_hand_has_unused(const struct sl_net *net);
/* Whoever started us is still there, and serves until sl_hand_ready(). */
bool sl_hand_is_awaited(const struct sl_net *net);
/* Whoever started us may go. */
void sl_hand_ready(struct sl_net *net);

#endif
