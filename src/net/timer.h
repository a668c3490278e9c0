/* net/timer.h -- timers are list nodes over one uv_timer_t.
 *
 * Holder   Embedded in its object. init once; start and stop any number of
 *          times. Unlinking is immediate: a stopped timer never fires.
 * Order    Fires once per start, in the callback phase of a turn, at or up to
 *          a few milliseconds after its time, never before. Where the loop was
 *          held up, what had come by then is read and dealt with first, which is two
 *          turns; where each of them is long, a timer is up to four late.
 * Begin    The time is counted from the call, not from the turn's beginning; where the turn lasts
 *          already, from the kernel's last tick before it, which is 10 ms at most.
 * How      A hierarchical wheel (Varghese and Lauck, "Hashed and hierarchical
 *          timing wheels", 1987): start and stop are O(1), and the uv timer is
 *          only moved when the next expiry comes earlier.
 */
#ifndef SL_NET_TIMER_H
#define SL_NET_TIMER_H

#include "net/loop.h"

struct sl_timer {
    struct sl_list node;
    uint64_t due; /* monotonic ms */
    void (*fire)(struct sl_timer *t);
};

void sl_timer_init(struct sl_timer *t, void (*fire)(struct sl_timer *t));
/* Also re-arms a running one. 0 ms: the next turn. */
void sl_timer_start(struct sl_net *net, struct sl_timer *t, uint64_t in_ms);
void sl_timer_stop(struct sl_net *net, struct sl_timer *t);
static inline bool sl_timer_is_armed(const struct sl_timer *t)
{
    return sl_list_is_linked(&t->node);
}

#endif
