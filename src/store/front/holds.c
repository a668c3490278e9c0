/* store/front/holds.c -- who runs, and what it holds in the store, so that it does not run
 * out before the request does. */
#include "base/mem.h"
#include "store/front/inside.h"

struct sl_held {
    UT_hash_handle hh;
    struct sl_list node;  /* of its herd, those of earlier rounds first */
    struct sl_herd *herd; /* up */
    uint64_t round;       /* in which it was renewed, or came */
    bool local;           /* in this process's engine */
    struct sl_hold hold;
    char key_id[];
};

struct sl_herd { /* of one tenant */
    UT_hash_handle hh;
    struct sl_holds *holds; /* up */
    struct sl_list list;
    struct sl_timer timer;
    uint64_t round;
    struct sl_op *op;     /* owns: the call under way */
    struct sl_hold *call; /* owns: its holds, and behind them their key ids */
    size_t tenant_n;
    char tenant[];
};

void sl_holds_init(struct sl_holds *h, struct sl_store *s)
{
    *h = (struct sl_holds){.s = s};
}

static void end_herd(struct sl_herd *herd)
{
    sl_op_cancel(&herd->op);
    sl_timer_stop(herd->holds->s->net, &herd->timer);
    HASH_DEL(herd->holds->herds, herd);
    sl_mem_free(herd->call);
    sl_mem_free(herd);
}

static void remove_held(struct sl_holds *h, struct sl_held *held)
{
    h->reserved_micro -= held->hold.reserved_micro;
    HASH_DEL(h->by_id, held);
    sl_list_unlink(&held->node);
    if (sl_list_is_empty(&held->herd->list))
        end_herd(held->herd);
    sl_mem_free(held);
}

void sl_holds_fini(struct sl_holds *h)
{
    struct sl_held *held, *next;

    HASH_ITER(hh, h->by_id, held, next)
    {
        remove_held(h, held);
    }
}

/* ---- renewal ---- */

static struct sl_str tenant_of(const struct sl_herd *herd)
{
    return (struct sl_str){herd->tenant, herd->tenant_n};
}

static void renew(struct sl_herd *herd);

static void on_renewed(void *ctx, enum sl_err e)
{
    struct sl_herd *herd = ctx;

    sl_mem_free(herd->call);
    herd->call = NULL;
    if (e == SL_OK)
        renew(herd); /* those that did not fit */
}

static struct sl_held *first_due(const struct sl_herd *herd)
{
    struct sl_held *held = SL_CONTAINER(herd->list.next, struct sl_held, node);

    return held->round != herd->round ? held : NULL;
}

/* Memory for the next call, with the key ids that belong to it. */
static bool make_room(struct sl_herd *herd)
{
    size_t n = 0, bytes = 0;

    for (struct sl_list *at = herd->list.next; at != &herd->list && n < SL_BACKEND_HOLDS;
         at = at->next, n++)
        bytes += SL_CONTAINER(at, struct sl_held, node)->hold.key_id.n;
    herd->call = sl_mem_try(n * sizeof *herd->call + bytes);
    return herd->call != NULL; /* else the next round: a lease outlives two */
}

static size_t fill_call(struct sl_herd *herd)
{
    struct sl_store *s = herd->holds->s;
    struct sl_held *held;
    size_t n = 0, of = 0;
    char *text;

    for (struct sl_list *at = herd->list.next; at != &herd->list && of < SL_BACKEND_HOLDS;
         at = at->next)
        of++;
    text = (char *)(herd->call + of);
    while (of-- > 0 && (held = first_due(herd)) != NULL) {
        held->round = herd->round;
        sl_list_unlink(&held->node);
        sl_list_push_back(&herd->list, &held->node);
        if (held->local) {
            if (s->outage.engine != NULL)
                sl_engine_renew(s->outage.engine, tenant_of(herd), &held->hold,
                                sl_outage_now_us(s));
            continue;
        }
        herd->call[n] = held->hold;
        herd->call[n++].key_id.p = text;
        memcpy(text, held->key_id, held->hold.key_id.n);
        text += held->hold.key_id.n;
    }
    return n;
}

static void renew(struct sl_herd *herd)
{
    struct sl_store *s = herd->holds->s;
    size_t n;

    if (herd->op != NULL || first_due(herd) == NULL || !make_room(herd))
        return;
    n = fill_call(herd);
    if (n > 0 && sl_store_is_asked(s)) {
        s->b->ops->renew(s->b, tenant_of(herd), herd->call, n, &herd->op, on_renewed, herd);
        return;
    }
    sl_mem_free(herd->call);
    herd->call = NULL;
}

static void on_timer(struct sl_timer *t)
{
    struct sl_herd *herd = SL_CONTAINER(t, struct sl_herd, timer);

    sl_timer_start(herd->holds->s->net, t, SL_QUOTA_RENEW_MS);
    herd->round++;
    renew(herd);
}

void sl_holds_renew(struct sl_holds *h)
{
    struct sl_herd *herd, *next;

    HASH_ITER(hh, h->herds, herd, next)
    {
        herd->round++;
        renew(herd);
    }
}

/* ---- who comes and goes ---- */

static struct sl_herd *herd_of(struct sl_holds *h, struct sl_str tenant)
{
    struct sl_herd *herd;

    HASH_FIND(hh, h->herds, tenant.p, tenant.n, herd);
    if (herd != NULL)
        return herd;
    herd = sl_mem_new(sizeof *herd + tenant.n);
    herd->holds = h;
    herd->tenant_n = tenant.n;
    memcpy(herd->tenant, tenant.p, tenant.n);
    sl_list_init(&herd->list);
    sl_timer_init(&herd->timer, on_timer);
    sl_timer_start(h->s->net, &herd->timer, SL_QUOTA_RENEW_MS);
    HASH_ADD_KEYPTR(hh, h->herds, herd->tenant, herd->tenant_n, herd);
    return herd;
}

void sl_hold_fill(const struct sl_quota_ask *ask, const struct sl_quota_answer *a,
                  struct sl_hold *out)
{
    enum sl_level whose;

    *out = (struct sl_hold){.key_id = ask->key_id,
                            .reserved_micro = a->reserved ? ask->reserve_micro : 0,
                            .booked = a->booked,
                            .light = ask->light};
    memcpy(out->id, ask->id, sizeof out->id);
    if (a->leased && sl_quota_user_limit(ask, &whose) > 0)
        memcpy(out->user, ask->user, sizeof out->user);
    for (int level = 0; level < SL_LEVEL__COUNT; level++) {
        const struct sl_terms *terms = ask->terms[level];

        if (terms == NULL)
            continue;
        out->leased[level] = a->leased && sl_terms_limit(terms->limits.concurrency) > 0;
        out->bursts[level] = a->booked && sl_terms_limit(terms->limits.burst) > 0;
        out->account[level] = a->reserved && sl_terms_has_budget(terms);
    }
}

void sl_holds_add(struct sl_holds *h, const struct sl_quota_ask *ask,
                  const struct sl_quota_answer *a)
{
    struct sl_held *held;
    unsigned hash;

    if (!a->leased && !a->reserved)
        return;
    HASH_VALUE(ask->id, sizeof ask->id, hash);
    HASH_FIND_BYHASHVALUE(hh, h->by_id, ask->id, sizeof ask->id, hash, held);
    if (held != NULL)
        remove_held(h, held);
    held = sl_mem_new(sizeof *held + ask->key_id.n);
    held->herd = herd_of(h, ask->tenant);
    held->local = a->local;
    held->round = held->herd->round;
    sl_hold_fill(ask, a, &held->hold);
    memcpy(held->key_id, ask->key_id.p, ask->key_id.n);
    held->hold.key_id.p = held->key_id;
    h->reserved_micro += held->hold.reserved_micro;
    sl_list_init(&held->node);
    sl_list_push_back(&held->herd->list, &held->node);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, h->by_id, held->hold.id, sizeof held->hold.id, hash, held);
}

static struct sl_held *find(const struct sl_holds *h, const struct sl_quota_ask *ask)
{
    struct sl_held *held;

    HASH_FIND(hh, h->by_id, ask->id, sizeof ask->id, held);
    return held;
}

int64_t sl_holds_take(struct sl_holds *h, const struct sl_quota_ask *ask, int64_t reserved_micro)
{
    struct sl_held *held = find(h, ask);

    if (held != NULL) {
        reserved_micro = held->hold.reserved_micro;
        remove_held(h, held);
    }
    return reserved_micro;
}

bool sl_holds_look(const struct sl_holds *h, const struct sl_quota_ask *ask,
                   int64_t *reserved_micro, bool *local)
{
    const struct sl_held *held = find(h, ask);

    if (held == NULL)
        return false;
    *reserved_micro = held->hold.reserved_micro;
    *local = held->local;
    return true;
}

void sl_holds_grow(struct sl_holds *h, const struct sl_quota_ask *ask, int64_t more_micro)
{
    struct sl_held *held = find(h, ask);

    if (held == NULL)
        return;
    held->hold.reserved_micro += more_micro;
    h->reserved_micro += more_micro;
}

size_t sl_holds_count(const struct sl_holds *h)
{
    return HASH_COUNT(h->by_id);
}
