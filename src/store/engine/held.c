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

/* ---- end users ---- */

static struct sl_live *find_live(const struct sl_engine *e, const char user[SL_QUOTA_USER])
{
    struct sl_live *live;

    HASH_FIND(hh, e->lives, user, SL_QUOTA_USER, live);
    return live;
}

bool sl_held_user(struct sl_engine *e, struct sl_held *h, const char user[SL_QUOTA_USER])
{
    struct sl_live *live = find_live(e, user);

    if (live == NULL) {
        live = sl_mem_try(sizeof *live);
        if (live == NULL)
            return false;
        *live = (struct sl_live){.leases = 0};
        memcpy(live->user, user, sizeof live->user);
        HASH_ADD(hh, e->lives, user, SL_QUOTA_USER, live);
    }
    live->leases++;
    h->live = live;
    return true;
}

unsigned sl_held_of_user(const struct sl_engine *e, const char user[SL_QUOTA_USER])
{
    const struct sl_live *live = find_live(e, user);

    return live != NULL ? live->leases : 0;
}

static void leave_user(struct sl_engine *e, struct sl_held *h)
{
    struct sl_live *live = h->live;

    h->live = NULL;
    if (live == NULL || --live->leases > 0)
        return;
    HASH_DEL(e->lives, live);
    sl_mem_free(live);
}

/* ---- ended ---- */

void sl_held_end(struct sl_engine *e, struct sl_held *h)
{
    static const struct sl_hold all = {
        .leased = {true, true}, .account = {true, true}, .user = {'*'}};

    sl_held_give(e, h, &all);
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

void sl_held_give(struct sl_engine *e, struct sl_held *h, const struct sl_hold *what)
{
    bool left;

    if (what->user[0] != '\0')
        leave_user(e, h);
    left = h->live != NULL;
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        give(e, h, l, what->leased[l], what->account[l]);
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
