/* gateway/queue/place.h -- a request's place at a provider: taken, or waited for.
 *
 * Private to the room; part of the request's trial. A try holds one place from its start
 * until its call has ended. A request waits only when none of its candidates has room,
 * in the queue of the first of them, at most `queue.wait` in all its tries together. It
 * keeps its arrival when it has to wait again.
 *
 * Order    init; take, or sit until SL_EVT_BEAT says that waiting goes on or is over;
 *          give after each try, and at the end: it also leaves the queue.
 */
#ifndef SL_GATEWAY_QUEUE_PLACE_H
#define SL_GATEWAY_QUEUE_PLACE_H

#include "gateway/queue/gate.h"

struct sl_req;

struct sl_place {
    struct sl_req *r; /* up */
    struct sl_gate_slot slot;
    struct sl_gate_waiter waiter;
    size_t at; /* the candidate it waits for */
    bool waits;
    uint64_t sat_ms;    /* this wait began */
    uint64_t waited_ms; /* the waits before */
    enum sl_err error;  /* QUEUE_FULL, QUEUE_SLOW: how the last wait ended; OK */
    uint64_t retry_ms;  /* then: when to come back */
};

void sl_place_init(struct sl_req *r);
/* Could candidate `i` be asked right now, as far as places go? */
bool sl_place_is_free(struct sl_req *r, size_t i);
/* Likewise, and the key it would be asked with, where one is free. */
bool sl_place_look(struct sl_req *r, size_t i, size_t *key);
/* A place there, and the key to use. False: there is none. */
SL_MUST bool sl_place_take(struct sl_req *r, size_t i, size_t *key);
/* Waits for one. False: nothing is left of the time; `error` is set. */
SL_MUST bool sl_place_sit(struct sl_req *r, size_t i);
/* SL_EVT_BEAT came while it waits: true as long as it does. */
SL_MUST bool sl_place_still_waits(struct sl_req *r);
void sl_place_give(struct sl_req *r);

#endif
