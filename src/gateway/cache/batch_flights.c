/* Items in flight: who asks the provider for one, and who waits for that. */
#include "gateway/cache/batch.h"

#include "base/map.h"
#include "gateway/inside.h"

struct sl_want_flight {
    uint8_t key[32];
    struct sl_want *leader; /* up */
    struct sl_list fellows;
    UT_hash_handle hh;
};

struct sl_want_flights {
    struct sl_want_flight *by_key; /* owns: a uthash */
};

struct sl_want_flights *sl_want_flights_new(void)
{
    return sl_mem_new(sizeof(struct sl_want_flights));
}

void sl_want_flights_end(struct sl_want_flights **pt)
{
    struct sl_want_flights *t = *pt;

    *pt = NULL;
    if (t == NULL)
        return;
    SL_CHECK(t->by_key == NULL); /* their requests have ended before */
    sl_mem_free(t);
}

void sl_want_enter(struct sl_want_flights *t, struct sl_want *w)
{
    struct sl_want_flight *f = NULL;

    if (w->keep && w->batch->r->reuse->look)
        HASH_FIND(hh, t->by_key, w->sha256, sizeof f->key, f);
    if (f != NULL && f->leader->batch != w->batch) {
        w->state = SL_WANT_AWAITED;
        w->flight = f;
        sl_list_push_back(&f->fellows, &w->fellow);
        return;
    }
    w->state = SL_WANT_SENT;
    if (!w->keep || f != NULL)
        return;
    f = sl_mem_new(sizeof *f);
    memcpy(f->key, w->sha256, sizeof f->key);
    f->leader = w;
    sl_list_init(&f->fellows);
    HASH_ADD(hh, t->by_key, key, sizeof f->key, f);
    w->flight = f;
}

static void wake(struct sl_want *w)
{
    sl_net_defer(w->batch->r->gw->net, &w->batch->tell);
}

/* Those who await take a copy: the leader's memory goes with it. */
static void give(struct sl_want *w, const struct sl_item_result *result)
{
    w->flight = NULL;
    w->state = SL_WANT_NEW;
    if (result != NULL) {
        w->result = *result;
        w->result.raw = sl_arena_dup(&w->batch->r->reuse->arena, result->raw);
        if (w->result.raw.p != NULL) {
            w->state = SL_WANT_KNOWN;
            w->batch->joined++;
        }
    }
    wake(w);
}

static void close(struct sl_want_flights *t, struct sl_want *w, const struct sl_item_result *result)
{
    struct sl_want_flight *f = w->flight;

    w->flight = NULL;
    while (!sl_list_is_empty(&f->fellows)) {
        struct sl_want *fellow = SL_CONTAINER(f->fellows.next, struct sl_want, fellow);

        sl_list_unlink(&fellow->fellow);
        give(fellow, result);
    }
    HASH_DEL(t->by_key, f);
    sl_mem_free(f);
}

void sl_want_share(struct sl_want_flights *t, struct sl_want *w)
{
    w->state = SL_WANT_KNOWN;
    if (w->flight != NULL)
        close(t, w, &w->result);
}

void sl_want_leave(struct sl_want_flights *t, struct sl_want *w)
{
    if (w->flight == NULL)
        return;
    if (w->flight->leader == w) {
        close(t, w, NULL);
        return;
    }
    sl_list_unlink(&w->fellow);
    w->flight = NULL;
}
