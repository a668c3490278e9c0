/* gateway/queue/gate.h -- the places at a provider, and who waits for one.
 *
 * Private to the room. A gate has so many places as its provider takes requests at once
 * (`max_concurrency`, never more than its connections), and so many of each of its keys as
 * `key_concurrency` says. Who finds none waits in its queue (policy/queue.h). Gates are
 * found by the provider's name, so that a reload keeps who holds and who waits; they are
 * a process's own.
 *
 * Holder   The gateway. A slot and a waiter are embedded in the request that holds or waits.
 * Order    has_room, take; or wait, until `told` comes, in a later turn and once: with a
 *          slot taken for it, or shed. leave and give may be called at any time, twice too.
 */
#ifndef SL_GATEWAY_QUEUE_GATE_H
#define SL_GATEWAY_QUEUE_GATE_H

#include "gateway/conf.h"
#include "policy/queue.h"

struct sl_gates;
struct sl_gate;

struct sl_gate_slot {
    struct sl_list node;  /* in the gate's list, oldest first */
    struct sl_gate *gate; /* up: NULL: none is held */
    size_t key;
    uint64_t keys_print; /* of the list `key` counts in */
    uint64_t since_ms;
};

enum sl_gate_word { SL_GATE_YOURS, SL_GATE_SHED };

struct sl_gate_waiter {
    struct sl_queue_seat seat;
    struct sl_gate *gate; /* up: while it waits, or is about to be told */
    struct sl_task task;
    enum sl_gate_word word;
    struct sl_gate_slot *slot; /* up: what is taken for it */
    /* Would it start now, and with which key? Asked in the middle of others' work. */
    bool (*fits)(struct sl_gate_waiter *w, size_t *key);
    void (*told)(struct sl_gate_waiter *w, enum sl_gate_word word);
};

struct sl_gates *sl_gates_new(struct sl_net *net, const struct sl_gateway_conf *c);
void sl_gates_end(struct sl_gates **t);
/* New numbers for those that are there; who waits may find room now. */
void sl_gates_reload(struct sl_gates *t, const struct sl_gateway_conf *c);
struct sl_gate *sl_gate_of(struct sl_gates *t, const struct sl_provider *p);

bool sl_gate_has_room(const struct sl_gate *g);
bool sl_gate_key_has_room(const struct sl_gate *g, size_t key);
void sl_gate_slot_init(struct sl_gate_slot *s);
void sl_gate_take(struct sl_gate *g, struct sl_gate_slot *s, size_t key);
void sl_gate_give(struct sl_gate_slot *s);

void sl_gate_waiter_init(struct sl_gate_waiter *w);
/* `w->seat.grade`, `since_ms`, `slot`, `fits`, `told` are set. */
void sl_gate_wait(struct sl_gate *g, struct sl_gate_waiter *w);
void sl_gate_leave(struct sl_gate_waiter *w);
/* Whoever fits now is told: after a key has rested. */
void sl_gate_look(struct sl_gate *g);
/* When one that is turned away may come back. */
uint64_t sl_gate_estimate(struct sl_gate *g);

struct sl_gate_counts {
    size_t taken, slots, waiting;
};
struct sl_gate_counts sl_gate_count(const struct sl_gate *g);

#endif
