/* Ten lists, and which of their fronts is next. */
#include "policy/queue.h"

#define UNKNOWN_MS 1000 /* a place is held so long, as far as nobody knows better */

void sl_queue_init(struct sl_queue *q, size_t max, uint64_t wait_ms)
{
    *q = (struct sl_queue){.max = max, .wait_ms = wait_ms};
    for (unsigned i = 0; i < SL_QUEUE_CLASSES; i++)
        sl_list_init(&q->waiting[i]);
}

void sl_queue_seat_init(struct sl_queue_seat *s)
{
    *s = (struct sl_queue_seat){0};
    sl_list_init(&s->node);
}

bool sl_queue_is_seated(const struct sl_queue_seat *s)
{
    return sl_list_is_linked(&s->node);
}

static struct sl_queue_seat *seat_of(struct sl_list *node)
{
    return SL_CONTAINER(node, struct sl_queue_seat, node);
}

/* Its place in the order, low first: having waited a tenth is worth a class. */
static uint64_t rank_of(const struct sl_queue *q, const struct sl_queue_seat *s)
{
    return s->since_ms + (SL_QUEUE_CLASSES - 1 - s->grade) * (q->wait_ms / SL_QUEUE_CLASSES);
}

/* ---- coming and leaving ---- */

static struct sl_queue_seat *newest_of_lowest(struct sl_queue *q)
{
    for (unsigned i = 0; i < SL_QUEUE_CLASSES; i++)
        if (!sl_list_is_empty(&q->waiting[i]))
            return seat_of(q->waiting[i].prev);
    return NULL;
}

/* Behind those of its class that came before; from the back, where it mostly belongs. */
static void insert(struct sl_queue *q, struct sl_queue_seat *s)
{
    struct sl_list *head = &q->waiting[s->grade], *at = head;

    while (at->prev != head && seat_of(at->prev)->since_ms > s->since_ms)
        at = at->prev;
    sl_list_insert_before(at, &s->node);
    q->n++;
}

struct sl_queue_seat *sl_queue_join(struct sl_queue *q, struct sl_queue_seat *s)
{
    struct sl_queue_seat *shed;

    if (s->grade >= SL_QUEUE_CLASSES)
        s->grade = SL_QUEUE_CLASSES - 1;
    insert(q, s);
    if (q->n <= q->max)
        return NULL;
    shed = newest_of_lowest(q);
    sl_queue_leave(q, shed);
    return shed;
}

void sl_queue_leave(struct sl_queue *q, struct sl_queue_seat *s)
{
    if (!sl_queue_is_seated(s))
        return;
    sl_list_unlink(&s->node);
    q->n--;
}

/* ---- the order ---- */

/* Ranks are equal in a millisecond: the higher class goes first then. */
static bool is_before(const struct sl_queue *q, const struct sl_queue_seat *a,
                      const struct sl_queue_seat *b)
{
    uint64_t x = rank_of(q, a), y = rank_of(q, b);

    return x != y ? x < y : a->grade > b->grade;
}

/* Of a class the first one behind `at` in the order of all. */
static struct sl_queue_seat *first_behind(const struct sl_queue *q, unsigned grade,
                                          const struct sl_queue_seat *at)
{
    const struct sl_list *head = &q->waiting[grade];
    struct sl_list *n = at != NULL && at->grade == grade ? at->node.next : head->next;

    for (; n != head; n = n->next)
        if (at == NULL || at->grade == grade || is_before(q, at, seat_of(n)))
            return seat_of(n);
    return NULL;
}

struct sl_queue_seat *sl_queue_next(const struct sl_queue *q, const struct sl_queue_seat *at)
{
    struct sl_queue_seat *best = NULL;

    for (unsigned i = 0; i < SL_QUEUE_CLASSES; i++) {
        struct sl_queue_seat *one = first_behind(q, i, at);

        if (one != NULL && (best == NULL || is_before(q, one, best)))
            best = one;
    }
    return best;
}

/* ---- the estimate ---- */

void sl_queue_note(struct sl_queue_pace *p, uint64_t held_ms)
{
    uint64_t us = held_ms < UINT64_MAX / 1000 ? held_ms * 1000 : UINT64_MAX, off;

    if (p->mean_us == 0) {
        p->mean_us = us > 0 ? us : 1;
        p->deviation_us = us / 2;
        return;
    }
    off = us > p->mean_us ? us - p->mean_us : p->mean_us - us;
    p->deviation_us = p->deviation_us - p->deviation_us / 4 + off / 4;
    p->mean_us = p->mean_us - p->mean_us / 8 + us / 8;
    if (p->mean_us == 0)
        p->mean_us = 1;
}

/* What is left for the one that holds its place longest. Of one that is over its time,
 * or of which nothing is known, as much again is expected as it is over already. */
static uint64_t rest_ms(const struct sl_queue_pace *p, uint64_t age_ms)
{
    uint64_t whole = (p->mean_us + p->deviation_us + 999) / 1000;

    if (whole > age_ms)
        return whole - age_ms;
    if (p->mean_us == 0)
        return age_ms > UNKNOWN_MS ? age_ms : UNKNOWN_MS;
    return age_ms - whole;
}

uint64_t sl_queue_estimate(struct sl_queue_pace *p, size_t slots, uint64_t oldest_ms, uint64_t now)
{
    uint64_t each = p->mean_us / 1000 / (slots > 0 ? slots : 1) + 1;
    uint64_t free_at = now + rest_ms(p, now > oldest_ms ? now - oldest_ms : 0);

    if (p->promised_ms + each > free_at && p->promised_ms > now)
        free_at = p->promised_ms + each;
    if (free_at > now + SL_QUEUE_TOLD_MAX_MS)
        free_at = now + SL_QUEUE_TOLD_MAX_MS;
    p->promised_ms = free_at;
    return free_at > now ? free_at - now : 1;
}
