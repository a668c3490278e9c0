/* The wheel: four levels of 64 slots, one millisecond to 4.6 hours. A timer
 * lies in the level of its distance and moves down as its time comes near. A
 * bit a slot says where timers may be, so that empty time costs nothing.
 *
 * A loop that was held up (a long turn, no CPU, SIGSTOP) finds deadlines that have passed
 * and, unread in the kernel, what they were waiting for. So it looks before it fires:
 *
 *   in time ─► fire        late ─► a whole turn: poll, tasks ─► fire what was due then
 */
#include "net/inside.h"

#define BITS 6
#define MASK (SL_NET_SLOTS - 1)
#define FAR ((1ull << (BITS * SL_NET_LEVELS)) - 1) /* later timers wait here and move on */

#define LATE_MS 2 /* more than what a poll is late by itself */
#define LOOKS 2   /* turns: what a poll has read may be tasks of the next one */

static void on_uv_timer(uv_timer_t *h);

void sl_timer_wheel_init(struct sl_net *net)
{
    for (size_t l = 0; l < SL_NET_LEVELS; l++) {
        for (size_t s = 0; s < SL_NET_SLOTS; s++)
            sl_list_init(&net->wheel[l][s]);
    }
    net->tick = uv_now(&net->loop);
}

void sl_timer_init(struct sl_timer *t, void (*fire)(struct sl_timer *))
{
    sl_list_init(&t->node);
    t->due = 0;
    t->fire = fire;
}

static void place(struct sl_net *net, struct sl_timer *t)
{
    uint64_t due = t->due > net->tick ? t->due : net->tick + 1;
    unsigned level = 0;
    size_t slot;

    if (due - net->tick > FAR)
        due = net->tick + FAR;
    while (level + 1 < SL_NET_LEVELS && due - net->tick >= 1ull << (BITS * (level + 1)))
        level++;
    slot = (size_t)(due >> (BITS * level)) & MASK;
    net->used[level] |= 1ull << slot;
    sl_list_push_back(&net->wheel[level][slot], &t->node);
}

/* The next moment at which a slot has to be looked at; 0: none. */
static uint64_t next_event(const struct sl_net *net)
{
    uint64_t best = 0;

    for (unsigned l = 0; l < SL_NET_LEVELS; l++) {
        uint64_t at = net->tick >> (BITS * l);
        unsigned from = (unsigned)(at + 1) & MASK;
        uint64_t bits = net->used[l];
        uint64_t when;

        if (bits == 0)
            continue;
        bits = from == 0 ? bits : bits >> from | bits << (SL_NET_SLOTS - from);
        when = (at + 1 + (uint64_t)__builtin_ctzll(bits)) << (BITS * l);
        if (best == 0 || when < best)
            best = when;
    }
    return best;
}

static void arm(struct sl_net *net)
{
    uint64_t when = next_event(net), now = uv_now(&net->loop);

    if (when == 0) {
        if (net->armed != 0)
            uv_timer_stop(&net->timer);
        net->armed = 0;
        return;
    }
    if (net->armed != 0 && net->armed <= when)
        return;
    net->armed = when;
    uv_timer_start(&net->timer, on_uv_timer, when > now ? when - now : 0, 0);
}

/* A wait begins now, and not when the turn did: that may be long ago, and the whole wait with it.
 * The kernel's count of ticks is some milliseconds behind at most, and as good as free to read. */
static uint64_t begins(const struct sl_net *net, uint64_t in_ms)
{
    uint64_t turn = uv_now(&net->loop), now = in_ms > 0 ? sl_net_tick_ms() : turn;

    return now > turn ? now : turn;
}

void sl_timer_start(struct sl_net *net, struct sl_timer *t, uint64_t in_ms)
{
    sl_timer_stop(net, t);
    t->due = begins(net, in_ms) + (in_ms > UINT64_MAX / 4 ? UINT64_MAX / 4 : in_ms);
    place(net, t);
    net->counts.timers++;
    if (net->armed == 0 || t->due < net->armed)
        arm(net);
}

void sl_timer_stop(struct sl_net *net, struct sl_timer *t)
{
    if (!sl_list_is_linked(&t->node))
        return;
    sl_list_unlink(&t->node);
    net->counts.timers--;
    if (net->counts.timers == 0 && net->armed != 0) {
        net->armed = net->late = 0; /* an empty wheel keeps no loop alive */
        memset(net->used, 0, sizeof net->used);
        uv_timer_stop(&net->timer);
    }
}

/* Timers of a coarse slot whose time has come near find their finer one. */
static void cascade(struct sl_net *net, unsigned level)
{
    size_t slot = (size_t)(net->tick >> (BITS * level)) & MASK;
    struct sl_list now, *n;

    net->used[level] &= ~(1ull << slot);
    sl_list_move(&now, &net->wheel[level][slot]);
    while ((n = sl_list_pop_front(&now)) != NULL) {
        struct sl_timer *t = SL_CONTAINER(n, struct sl_timer, node);

        if (t->due <= net->tick) { /* due right now: into the slot that fires next */
            size_t here = (size_t)net->tick & MASK;

            net->used[0] |= 1ull << here;
            sl_list_push_back(&net->wheel[0][here], n);
        } else {
            place(net, t);
        }
    }
}

static void expire(struct sl_net *net)
{
    size_t slot = (size_t)net->tick & MASK;
    struct sl_list now, *n;

    net->used[0] &= ~(1ull << slot);
    sl_list_move(&now, &net->wheel[0][slot]);
    while ((n = sl_list_pop_front(&now)) != NULL) {
        struct sl_timer *t = SL_CONTAINER(n, struct sl_timer, node);

        net->counts.timers--;
        t->fire(t);
    }
}

/* Up to `now`; what is due later is left. */
static void turn_to(struct sl_net *net, uint64_t now)
{
    for (;;) {
        uint64_t when = next_event(net);

        if (when == 0 || when > now)
            break;
        net->tick = when;
        for (unsigned l = SL_NET_LEVELS - 1; l > 0; l--) {
            if ((when & ((1ull << (BITS * l)) - 1)) == 0)
                cascade(net, l);
        }
        expire(net);
    }
    if (net->tick < now)
        net->tick = now;
    net->armed = net->late = 0;
    arm(net);
}

static void on_uv_timer(uv_timer_t *h)
{
    struct sl_net *net = h->data;
    uint64_t now = uv_now(&net->loop);

    if (net->late == 0 && now - net->armed > LATE_MS) {
        net->late = now;
        net->late_turn = net->counts.turns;
    }
    if (net->late != 0 && net->counts.turns - net->late_turn < LOOKS)
        uv_timer_start(&net->timer, on_uv_timer, 1, 0); /* 0: libuv would not poll before it */
    else
        turn_to(net, net->late != 0 ? net->late : now);
}
