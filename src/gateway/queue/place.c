/* Between a request's tries and the gate of the provider they go to. */
#include "gateway/queue/place.h"

#include "gateway/inside.h"
#include "gateway/routing/trial.h"

#define LOOK_MS 1000 /* a key that has rested is noticed by who waits for one */

static const struct sl_provider *provider_at(const struct sl_req *r, size_t i)
{
    return &r->conf->providers[r->trial->rank[i].target->provider];
}

static struct sl_gate *gate_at(struct sl_req *r, size_t i)
{
    return sl_gate_of(r->gw->gates, provider_at(r, i));
}

/* The key a try would use, first of all the one that holds the conversation's prompt; false: those
 * that are awake are all in use. With none awake the barred ones, and past resting ones the first:
 * that is the probe of a provider. */
static bool find_key(struct sl_req *r, size_t i, size_t *key)
{
    const struct sl_candidate *c = &r->trial->rank[i];
    const struct sl_keyring *ring =
        &sl_health_of(r->gw->healths, r->conf, c->model, c->target)->ring;
    const struct sl_gate *g = gate_at(r, i);
    uint64_t now = sl_net_now(r->gw->net);
    bool busy[SL_KEYRING_MAX];

    for (size_t k = 0; k < ring->n && k < SL_KEYRING_MAX; k++)
        busy[k] = !sl_gate_key_has_room(g, k);
    *key = r->trial->place.target == c->name ? r->trial->place.key : SIZE_MAX;
    if (*key < ring->n && sl_keyring_is_awake(ring, *key, now) && !busy[*key])
        return true;
    if (sl_keyring_pick_idle(ring, now, false, busy, key))
        return true;
    if (sl_keyring_pick(ring, now, false, key))
        return false;
    if (sl_keyring_pick_idle(ring, now, true, busy, key))
        return true;
    *key = 0;
    return !busy[0];
}

/* ---- what the gate asks and says ---- */

static struct sl_place *place_of(struct sl_gate_waiter *w)
{
    return SL_CONTAINER(w, struct sl_place, waiter);
}

/* One whose target can't be asked any more is let in, too: to look for another. */
static bool fits(struct sl_gate_waiter *w, size_t *key)
{
    struct sl_place *p = place_of(w);

    *key = 0;
    return !sl_trial_is_open(p->r, p->at) || find_key(p->r, p->at, key);
}

static void end_wait(struct sl_place *p)
{
    uint64_t now = sl_net_now(p->r->gw->net);

    p->waits = false;
    p->waited_ms += now - p->sat_ms;
    sl_timer_stop(p->r->gw->net, &p->r->beat);
}

static void turn_away(struct sl_place *p, enum sl_err why)
{
    p->error = why;
    p->retry_ms = sl_gate_estimate(gate_at(p->r, p->at));
}

static void told(struct sl_gate_waiter *w, enum sl_gate_word word)
{
    struct sl_place *p = place_of(w);

    if (word == SL_GATE_SHED)
        turn_away(p, SL_ERR_QUEUE_FULL);
    sl_req_event(p->r, SL_EVT_BEAT);
}

/* ---- a request's side ---- */

void sl_place_init(struct sl_req *r)
{
    struct sl_place *p = &r->trial->seat;

    p->r = r;
    sl_gate_slot_init(&p->slot);
    sl_gate_waiter_init(&p->waiter);
    p->waiter.fits = fits;
    p->waiter.told = told;
    p->waiter.slot = &p->slot;
}

bool sl_place_look(struct sl_req *r, size_t i, size_t *key)
{
    bool free = find_key(r, i, key);

    return free && sl_gate_has_room(gate_at(r, i));
}

bool sl_place_is_free(struct sl_req *r, size_t i)
{
    size_t key;

    return r->trial->seat.slot.gate == gate_at(r, i) || sl_place_look(r, i, &key);
}

bool sl_place_take(struct sl_req *r, size_t i, size_t *key)
{
    struct sl_place *p = &r->trial->seat;
    struct sl_gate *g = gate_at(r, i);

    if (p->slot.gate == g) { /* it was let in */
        *key = p->slot.key;
        return true;
    }
    sl_gate_give(&p->slot);
    if (!sl_gate_has_room(g) || !find_key(r, i, key))
        return false;
    sl_gate_take(g, &p->slot, *key);
    return true;
}

static void arm(struct sl_place *p, uint64_t left_ms)
{
    const struct sl_provider *to = provider_at(p->r, p->at);

    if (to->key_concurrency > 0 && left_ms > LOOK_MS)
        left_ms = LOOK_MS;
    sl_timer_start(p->r->gw->net, &p->r->beat, left_ms);
}

static uint64_t left_ms(const struct sl_place *p)
{
    uint64_t most = p->r->conf->queue_wait_ms, now = sl_net_now(p->r->gw->net);
    uint64_t used = p->waited_ms + (p->waits ? now - p->sat_ms : 0);

    uint64_t due = sl_trial_due(p->r, p->at);

    if (used >= most || now >= due)
        return 0;
    return most - used < due - now ? most - used : due - now;
}

bool sl_place_sit(struct sl_req *r, size_t i)
{
    struct sl_place *p = &r->trial->seat;

    p->at = i;
    p->error = SL_OK;
    if (left_ms(p) == 0) {
        turn_away(p, SL_ERR_QUEUE_SLOW);
        return false;
    }
    p->waits = true;
    p->sat_ms = sl_net_now(r->gw->net);
    if (p->waiter.seat.since_ms == 0)
        p->waiter.seat.since_ms = p->sat_ms;
    p->waiter.seat.grade = (unsigned)r->key->grade;
    sl_gate_wait(gate_at(r, i), &p->waiter);
    arm(p, left_ms(p));
    return true;
}

bool sl_place_still_waits(struct sl_req *r)
{
    struct sl_place *p = &r->trial->seat;

    if (p->waiter.gate != NULL && p->slot.gate == NULL && left_ms(p) > 0) {
        sl_gate_look(p->waiter.gate);
        arm(p, left_ms(p));
        return true;
    }
    if (p->waiter.gate != NULL && p->slot.gate == NULL)
        turn_away(p, SL_ERR_QUEUE_SLOW);
    sl_gate_leave(&p->waiter);
    end_wait(p);
    return false;
}

void sl_place_give(struct sl_req *r)
{
    struct sl_place *p = &r->trial->seat;

    sl_gate_leave(&p->waiter);
    sl_gate_give(&p->slot);
    if (p->waits)
        end_wait(p);
}
