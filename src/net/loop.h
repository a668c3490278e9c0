/* net/loop.h -- the turn: one uv_loop_t, the graveyard, deferred tasks.
 *
 * Holder   main.c (or a test) holds the one `struct sl_net` of the process and
 *          passes it down; it outlives everything made from it.
 * A turn   poll -> callbacks note facts and queue bytes -> tasks run -> dirty
 *          streams flush, one write each -> graves are emptied -> poll. Tasks,
 *          flush and reaper run in the prepare hook, when no frame of a
 *          callback is on the stack. Tasks made by tasks run in the next turn
 *          (the loop does not sleep then).
 * Ending   sl_x_end() of any room releases what the object holds and buries
 *          it; the reaper frees it. Nothing is freed inside a callback.
 */
#ifndef SL_NET_LOOP_H
#define SL_NET_LOOP_H

#include "base/err.h"
#include "base/list.h"

struct sl_net;

struct sl_net *sl_net_new(void);
/* Closes what is left and frees; all streams must have been closed. */
void sl_net_end(struct sl_net **net);

/* Until sl_net_stop() or nothing is alive. */
void sl_net_run(struct sl_net *net);
void sl_net_stop(struct sl_net *net);
/* One turn for tests; waits at most `wait_ms`. False when nothing is alive. */
bool sl_net_turn(struct sl_net *net, int wait_ms);

/* Monotonic milliseconds, microseconds, and wall clock in milliseconds since
 * the epoch. The first and third are cached per turn. */
uint64_t sl_net_now(const struct sl_net *net);
uint64_t sl_net_now_us(const struct sl_net *net);
int64_t sl_net_unix_ms(const struct sl_net *net);
/* Microseconds since the epoch that follow the wall clock forwards. Where that is set
 * back, they go on at the monotonic pace: windows must not stand still. `ahead_us`, 0 at
 * first, is the caller's to keep. */
int64_t sl_net_onward_us(const struct sl_net *net, int64_t *ahead_us);

/* Embedded in whatever may die. */
struct sl_grave {
    struct sl_list node;
    void (*reap)(struct sl_grave *g); /* wipes the magic, frees the memory */
};

void sl_net_bury(struct sl_net *net, struct sl_grave *g, void (*reap)(struct sl_grave *g));

/* Work for the end of this turn. Init once; unlinking node cancels. */
struct sl_task {
    struct sl_list node;
    void (*run)(struct sl_task *t);
};

void sl_task_init(struct sl_task *t, void (*run)(struct sl_task *t));
void sl_net_defer(struct sl_net *net, struct sl_task *t); /* linked already: no effect */
void sl_task_cancel(struct sl_task *t);

/* Signals, delivered as ordinary loop events. At most 8 registrations. */
typedef void sl_signal_fn(void *ctx, int signum);
SL_MUST enum sl_err sl_net_on_signal(struct sl_net *net, int signum, sl_signal_fn *fn, void *ctx);

/* What is alive: the check after every test, and gauges. */
struct sl_net_counts {
    size_t streams; /* open or closing */
    size_t ops;     /* lookups, dials, jobs under way */
    size_t timers;  /* armed */
    size_t listeners;
    size_t graves;
    uint64_t turns;
    uint64_t lag_us; /* longest turn since last asked, from the poll's return to its end */
};
struct sl_net_counts sl_net_count(struct sl_net *net);

#endif
