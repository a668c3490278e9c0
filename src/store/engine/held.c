/* store/engine/held.c -- what running requests hold: leases and reservations. */
#include "store/engine/inside.h"

#define HELD_MAX 1000000 /* running requests that hold something */

struct sl_held *sl_held_new(struct sl_engine *e, const char id[SL_QUOTA_ID])
{
    struct sl_held *h;

    h = HASH_COUNT(e->running) < HELD_MAX ? sl_mem_try(sizeof *h) : NULL;
    if (h == NULL)
        return NULL;
    *h = (struct sl_held){.until_us = e->now_us + SL_QUOTA_LEASE_MS * 1000};
    memcpy(h->id, id, sizeof h->id);
    sl_list_push_back(&e->held, &h->node);
    HASH_ADD(hh, e->running, id, SL_QUOTA_ID, h);
    return h;
}

struct sl_held *sl_held_find(const struct sl_engine *e, const char id[SL_QUOTA_ID])
{
    struct sl_held *h;

    HASH_FIND(hh, e->running, id, SL_QUOTA_ID, h);
    return h;
}

static void fasten(struct sl_held *h, enum sl_level level, struct sl_party *p)
{
    if (h->party[level] == NULL)
        sl_party_fasten(p);
    h->party[level] = p;
}

void sl_held_lease(struct sl_held *h, enum sl_level level, struct sl_party *p)
{
    fasten(h, level, p);
    h->leased[level] = true;
    p->leases++;
}

void sl_held_account(struct sl_held *h, enum sl_level level, struct sl_party *p)
{
    fasten(h, level, p);
    h->account[level] = true;
}

/* At all levels the same amount, cut so that none overflows: what is released is
 * then exactly what was added. */
void sl_held_add(struct sl_held *h, int64_t more_micro)
{
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        if (h->account[l] && more_micro > INT64_MAX - h->party[l]->reserved_micro)
            more_micro = INT64_MAX - h->party[l]->reserved_micro;
    }
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        if (h->account[l])
            h->party[l]->reserved_micro += more_micro;
    }
    h->amount_micro += more_micro;
}

void sl_held_renew(struct sl_engine *e, struct sl_held *h)
{
    h->until_us = e->now_us + SL_QUOTA_LEASE_MS * 1000;
    sl_list_unlink(&h->node);
    sl_list_push_back(&e->held, &h->node);
}

static const bool all[SL_LEVEL__COUNT] = {true, true};

void sl_held_end(struct sl_engine *e, struct sl_held *h)
{
    sl_held_give(e, h, all, all);
}

static void give(struct sl_engine *e, struct sl_held *h, int level, bool lease, bool account)
{
    struct sl_party *p = h->party[level];

    if (lease && h->leased[level]) {
        h->leased[level] = false;
        p->leases--;
    }
    if (account && h->account[level]) {
        h->account[level] = false;
        p->reserved_micro -= h->amount_micro;
    }
    if (p != NULL && !h->leased[level] && !h->account[level]) {
        h->party[level] = NULL;
        sl_party_loosen(e, p);
    }
}

void sl_held_give(struct sl_engine *e, struct sl_held *h, const bool leases[SL_LEVEL__COUNT],
                  const bool accounts[SL_LEVEL__COUNT])
{
    bool left = false;

    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        give(e, h, l, leases[l], accounts[l]);
        left = left || h->party[l] != NULL;
    }
    if (left)
        return;
    HASH_DEL(e->running, h);
    sl_list_unlink(&h->node);
    sl_mem_free(h);
}

void sl_held_sweep(struct sl_engine *e)
{
    for (int i = 0; i < SL_HELD_SWEEP && !sl_list_is_empty(&e->held); i++) {
        struct sl_held *h = SL_CONTAINER(e->held.next, struct sl_held, node);

        if (h->until_us > e->now_us)
            return;
        sl_held_end(e, h);
    }
}

void sl_held_end_all(struct sl_engine *e)
{
    while (!sl_list_is_empty(&e->held))
        sl_held_end(e, SL_CONTAINER(e->held.next, struct sl_held, node));
}
