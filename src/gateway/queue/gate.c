/* Gates: a table by provider, places that are taken, and a queue before them. */
#include "gateway/queue/gate.h"

#include "base/map.h"
#include "base/mem.h"

#define LOOK_MAX 64 /* waiters asked for one place: those of a resting key are passed */

struct sl_gate {
    struct sl_gates *of; /* up */
    struct sl_queue queue;
    struct sl_queue_pace pace;
    struct sl_list held; /* oldest first */
    size_t slots, taken;
    size_t key_slots; /* 0: none of its own */
    size_t key_taken[SL_KEYRING_MAX];
    uint64_t keys_print;
    bool named;
    char *name; /* owns */
    size_t name_n;
    UT_hash_handle hh;
};

struct sl_gates {
    struct sl_net *net;      /* up */
    struct sl_gate *by_name; /* owns: a uthash */
    /* found last: a request asks for the same one five times; forgotten with each reload */
    const struct sl_provider *last_of; /* up */
    struct sl_gate *last;              /* up */
    size_t queue_max;
    uint64_t queue_wait_ms;
};

static void configure(struct sl_gate *g, const struct sl_provider *p)
{
    g->slots = p->max_concurrency;
    g->key_slots = p->key_concurrency;
    g->queue.max = g->of->queue_max;
    g->queue.wait_ms = g->of->queue_wait_ms;
    if (g->keys_print == p->keys_print)
        return;
    g->keys_print = p->keys_print; /* other keys: nobody holds one of them */
    memset(g->key_taken, 0, sizeof g->key_taken);
}

static struct sl_gate *add(struct sl_gates *t, const struct sl_provider *p)
{
    struct sl_gate *g = sl_mem_new(sizeof *g);

    g->of = t;
    g->name = sl_mem_dup(p->name);
    g->name_n = p->name.n;
    sl_list_init(&g->held);
    sl_queue_init(&g->queue, t->queue_max, t->queue_wait_ms);
    configure(g, p);
    HASH_ADD_KEYPTR(hh, t->by_name, g->name, g->name_n, g);
    return g;
}

struct sl_gate *sl_gate_of(struct sl_gates *t, const struct sl_provider *p)
{
    struct sl_gate *g = NULL;

    if (t->last_of == p)
        return t->last;
    HASH_FIND(hh, t->by_name, p->name.p, p->name.n, g);
    if (g == NULL)
        g = add(t, p);
    t->last_of = p;
    t->last = g;
    return g;
}

struct sl_gates *sl_gates_new(struct sl_net *net, const struct sl_gateway_conf *c)
{
    struct sl_gates *t = sl_mem_new(sizeof *t);

    t->net = net;
    sl_gates_reload(t, c);
    return t;
}

static void forget(struct sl_gates *t, struct sl_gate *g)
{
    SL_CHECK(g->taken == 0 && g->queue.n == 0);
    if (t->last == g)
        t->last_of = NULL;
    HASH_DEL(t->by_name, g);
    sl_mem_free(g->name);
    sl_mem_free(g);
}

void sl_gates_end(struct sl_gates **pt)
{
    struct sl_gates *t = *pt;
    struct sl_gate *g, *next;

    *pt = NULL;
    if (t == NULL)
        return;
    HASH_ITER(hh, t->by_name, g, next)
    forget(t, g); /* their requests have ended before */
    sl_mem_free(t);
}

void sl_gates_reload(struct sl_gates *t, const struct sl_gateway_conf *c)
{
    struct sl_gate *g, *next;

    t->last_of = NULL;
    t->queue_max = c->queue_max;
    t->queue_wait_ms = c->queue_wait_ms;
    for (size_t i = 0; i < c->providers_n; i++) {
        g = sl_gate_of(t, &c->providers[i]);
        configure(g, &c->providers[i]);
        g->named = true;
    }
    HASH_ITER(hh, t->by_name, g, next)
    {
        if (g->named)
            sl_gate_look(g);
        else if (g->taken == 0 && g->queue.n == 0)
            forget(t, g); /* else at a later reload */
        g->named = false;
    }
}

/* ---- places ---- */

bool sl_gate_has_room(const struct sl_gate *g)
{
    return g->taken < g->slots;
}

bool sl_gate_key_has_room(const struct sl_gate *g, size_t key)
{
    return g->key_slots == 0 || key >= SL_KEYRING_MAX || g->key_taken[key] < g->key_slots;
}

void sl_gate_slot_init(struct sl_gate_slot *s)
{
    *s = (struct sl_gate_slot){0};
    sl_list_init(&s->node);
}

void sl_gate_take(struct sl_gate *g, struct sl_gate_slot *s, size_t key)
{
    SL_CHECK(s->gate == NULL);
    s->gate = g;
    s->key = key < SL_KEYRING_MAX ? key : 0;
    s->keys_print = g->keys_print;
    s->since_ms = sl_net_now(g->of->net);
    sl_list_push_back(&g->held, &s->node);
    g->taken++;
    g->key_taken[s->key]++;
}

void sl_gate_give(struct sl_gate_slot *s)
{
    struct sl_gate *g = s->gate;

    if (g == NULL)
        return;
    s->gate = NULL;
    sl_list_unlink(&s->node);
    g->taken--;
    if (s->keys_print == g->keys_print && g->key_taken[s->key] > 0)
        g->key_taken[s->key]--;
    sl_queue_note(&g->pace, sl_net_now(g->of->net) - s->since_ms);
    sl_gate_look(g);
}

/* ---- waiting ---- */

static void run(struct sl_task *task)
{
    struct sl_gate_waiter *w = SL_CONTAINER(task, struct sl_gate_waiter, task);

    w->gate = NULL;
    w->told(w, w->word);
}

static void tell(struct sl_gate *g, struct sl_gate_waiter *w, enum sl_gate_word word)
{
    w->word = word;
    sl_net_defer(g->of->net, &w->task);
}

static struct sl_gate_waiter *waiter_of(struct sl_queue_seat *s)
{
    return SL_CONTAINER(s, struct sl_gate_waiter, seat);
}

/* The first one that would start now. */
static struct sl_gate_waiter *first_fit(struct sl_gate *g, size_t *key)
{
    struct sl_queue_seat *s = sl_queue_next(&g->queue, NULL);

    for (size_t i = 0; s != NULL && i < LOOK_MAX; i++, s = sl_queue_next(&g->queue, s))
        if (waiter_of(s)->fits(waiter_of(s), key))
            return waiter_of(s);
    return NULL;
}

void sl_gate_look(struct sl_gate *g)
{
    struct sl_gate_waiter *w;
    size_t key = 0;

    while (g->queue.n > 0 && sl_gate_has_room(g) && (w = first_fit(g, &key)) != NULL) {
        sl_queue_leave(&g->queue, &w->seat);
        sl_gate_take(g, w->slot, key);
        tell(g, w, SL_GATE_YOURS);
    }
}

void sl_gate_waiter_init(struct sl_gate_waiter *w)
{
    *w = (struct sl_gate_waiter){0};
    sl_queue_seat_init(&w->seat);
    sl_task_init(&w->task, run);
}

void sl_gate_wait(struct sl_gate *g, struct sl_gate_waiter *w)
{
    struct sl_queue_seat *shed;

    SL_CHECK(w->gate == NULL);
    w->gate = g;
    shed = sl_queue_join(&g->queue, &w->seat);
    if (shed != NULL)
        tell(g, waiter_of(shed), SL_GATE_SHED);
}

void sl_gate_leave(struct sl_gate_waiter *w)
{
    if (w->gate == NULL)
        return;
    sl_queue_leave(&w->gate->queue, &w->seat);
    sl_task_cancel(&w->task);
    w->gate = NULL;
}

uint64_t sl_gate_estimate(struct sl_gate *g)
{
    uint64_t now = sl_net_now(g->of->net), oldest = now;

    if (!sl_list_is_empty(&g->held))
        oldest = SL_CONTAINER(g->held.next, struct sl_gate_slot, node)->since_ms;
    return sl_queue_estimate(&g->pace, g->slots, oldest, now);
}

struct sl_gate_counts sl_gate_count(const struct sl_gate *g)
{
    return (struct sl_gate_counts){.taken = g->taken, .slots = g->slots, .waiting = g->queue.n};
}
