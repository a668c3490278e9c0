/* policy/queue.h -- requests that wait for a provider: order, shedding, the estimate.
 *
 * Order    By class, high first, then by arrival. Whoever waits ages: one class for
 *          each tenth of `wait_ms`, so nobody is passed by those who came later than
 *          nine tenths of it, and the order of two that wait never changes. Ten lists,
 *          one a class; the next one is among their fronts.
 * Full     The newest of the lowest class is shed, which may be the one that comes.
 * Pace     How long requests hold their places, as mean and deviation (Jacobson,
 *          "Congestion avoidance and control", 1988; RFC 6298 section 2): when one that
 *          is turned away may come back. Each is told a place of its own.
 * Holder   One for each provider; a seat is embedded in what waits. Pure, no I/O;
 *          times in milliseconds of one clock.
 */
#ifndef SL_POLICY_QUEUE_H
#define SL_POLICY_QUEUE_H

#include "base/list.h"

#include <stddef.h>
#include <stdint.h>

#define SL_QUEUE_CLASSES 10
#define SL_QUEUE_TOLD_MAX_MS 60000 /* nobody is told to wait longer */

struct sl_queue {
    struct sl_list waiting[SL_QUEUE_CLASSES]; /* by class, oldest first */
    size_t n;
    size_t max;
    uint64_t wait_ms; /* the longest wait; a tenth of it is a class */
};

struct sl_queue_seat {
    struct sl_list node;
    unsigned grade;    /* class */
    uint64_t since_ms; /* it came; kept when it has to sit down again */
};

void sl_queue_init(struct sl_queue *q, size_t max, uint64_t wait_ms);
void sl_queue_seat_init(struct sl_queue_seat *s);
bool sl_queue_is_seated(const struct sl_queue_seat *s);
/* Takes a place by `s->grade` and `s->since_ms`. Returns who is shed for it, no longer in
 * the queue: NULL (nobody), or `s` itself. */
struct sl_queue_seat *sl_queue_join(struct sl_queue *q, struct sl_queue_seat *s);
void sl_queue_leave(struct sl_queue *q, struct sl_queue_seat *s); /* not seated: no effect */
/* The first one, or the one after `at`; NULL: no more. */
struct sl_queue_seat *sl_queue_next(const struct sl_queue *q, const struct sl_queue_seat *at);

struct sl_queue_pace {
    uint64_t mean_us, deviation_us; /* of holding a place; 0: not known yet */
    uint64_t promised_ms;           /* the last place that was told to somebody */
};

/* A place was held that long. */
void sl_queue_note(struct sl_queue_pace *p, uint64_t held_ms);
/* Until one of `slots` places comes free, when the one held longest began at `oldest_ms`;
 * not before the places told already. At least 1. */
uint64_t sl_queue_estimate(struct sl_queue_pace *p, size_t slots, uint64_t oldest_ms, uint64_t now);

#endif
