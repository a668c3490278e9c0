/* store/engine/engine.c -- what follows an admission: renewed, given back, settled;
 * and what is told from outside: states and accounts. */
#include "base/obj.h"
#include "store/engine/inside.h"

struct sl_engine *sl_engine_new(void)
{
    struct sl_engine *e = sl_mem_new(sizeof *e);

    e->magic = SL_ENGINE_MAGIC;
    sl_list_init(&e->held);
    sl_list_init(&e->loose);
    sl_list_init(&e->warm);
    sl_list_init(&e->unsaved);
    return e;
}

void sl_engine_end(struct sl_engine **pe)
{
    struct sl_engine *e = *pe;

    *pe = NULL;
    if (e == NULL)
        return;
    SL_OBJ_CHECK(e, SL_ENGINE_MAGIC);
    sl_held_end_all(e);
    sl_party_end_all(e);
    sl_ring_fini(&e->gateway);
    e->magic = SL_OBJ_DEAD;
    sl_mem_free(e);
}

void sl_engine_tick(struct sl_engine *e, int64_t now_us)
{
    SL_OBJ_CHECK(e, SL_ENGINE_MAGIC);
    if (now_us > e->now_us)
        e->now_us = now_us;
    sl_held_sweep(e);
    sl_party_cool(e);
}

/* ---- a running request ---- */

/* It has expired, or was admitted elsewhere: it is running all the same. */
static void hold_again(struct sl_engine *e, struct sl_str tenant, const struct sl_hold *hold)
{
    struct sl_party_pair pair;
    struct sl_held *h;

    if (!sl_party_get(e, tenant, hold->key_id, false, &pair) ||
        (h = sl_held_new(e, hold->id)) == NULL)
        return; /* no memory: the next renewal tries again */
    if (hold->user[0] != '\0' && !sl_held_user(e, h, hold->user)) {
        sl_held_end(e, h);
        return;
    }
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        if (pair.at[l] != NULL && hold->leased[l])
            sl_held_lease(h, (enum sl_level)l, pair.at[l]);
        if (pair.at[l] != NULL && hold->account[l])
            sl_held_account(h, (enum sl_level)l, pair.at[l]);
    }
    if (hold->reserved_micro > 0)
        sl_held_add(h, hold->reserved_micro);
}

void sl_engine_renew(struct sl_engine *e, struct sl_str tenant, const struct sl_hold *hold,
                     int64_t now_us)
{
    struct sl_held *h;

    sl_engine_tick(e, now_us);
    h = sl_held_find(e, hold->id);
    if (h == NULL) {
        hold_again(e, tenant, hold);
        return;
    }
    if (hold->reserved_micro > h->amount_micro) /* expired, and came back by growing */
        sl_held_add(h, hold->reserved_micro - h->amount_micro);
    sl_held_renew(e, h);
}

static void remove_marks(struct sl_engine *e, struct sl_str tenant, const struct sl_hold *hold)
{
    uint64_t id = sl_map_hash(hold->id, SL_QUOTA_ID);
    struct sl_party *both[SL_LEVEL__COUNT] = {sl_party_find(e, tenant, (struct sl_str){0})};

    if (hold->key_id.n > 0)
        both[SL_LEVEL_KEY] = sl_party_find(e, tenant, hold->key_id);
    sl_ring_remove(&e->gateway, id);
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        if (both[l] == NULL)
            continue;
        sl_ring_remove(&both[l]->qps, id);
        sl_ring_remove(&both[l]->rpm, id);
        if (hold->bursts[l])
            sl_bucket_give(&both[l]->qps_burst, SL_WINDOW_QPS_US);
        if (hold->bursts[l] && !hold->light)
            sl_bucket_give(&both[l]->rpm_burst, SL_WINDOW_RPM_US);
    }
}

void sl_engine_give_back(struct sl_engine *e, struct sl_str tenant, const struct sl_hold *hold,
                         int64_t now_us)
{
    struct sl_held *h;

    sl_engine_tick(e, now_us);
    h = sl_held_find(e, hold->id);
    if (h != NULL)
        sl_held_give(e, h, hold);
    if (hold->booked)
        remove_marks(e, tenant, hold);
}

static void book_tokens(struct sl_engine *e, struct sl_party *p, uint64_t tokens)
{
    if (p->tokens == NULL) {
        p->tokens = sl_mem_try(sizeof *p->tokens);
        if (p->tokens == NULL)
            return; /* the window lets a little more through; money is not concerned */
        memset(p->tokens, 0, sizeof *p->tokens);
    }
    sl_party_warm(e, p);
    sl_tokens_book(p->tokens, tokens, e->now_us);
}

void sl_engine_settle(struct sl_engine *e, struct sl_str tenant, const struct sl_line *line,
                      int64_t now_us)
{
    struct sl_party_pair pair;
    struct sl_held *h;
    bool any = false;

    sl_engine_tick(e, now_us);
    h = sl_held_find(e, line->id);
    if (h != NULL)
        sl_held_end(e, h);
    for (int l = 0; l < SL_LEVEL__COUNT; l++)
        any = any || line->account[l] || (line->tpm[l] && line->tpm_tokens > 0);
    if (!any || !sl_party_get(e, tenant, line->key_id, true, &pair))
        return;
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        struct sl_party *p = pair.at[l];

        if (p == NULL)
            continue;
        sl_party_touch(e, p);
        if (line->tpm[l] && line->tpm_tokens > 0)
            book_tokens(e, p, line->tpm_tokens);
        if (line->account[l])
            sl_purse_book(e, p, line->cost_micro > 0 ? line->cost_micro : 0, line->day0,
                          line->month0);
    }
}

/* ---- states ---- */

static struct sl_party *party_of(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id)
{
    struct sl_party_pair pair;

    if (!sl_party_get(e, tenant, key_id, true, &pair))
        return NULL;
    return pair.at[key_id.n > 0 ? SL_LEVEL_KEY : SL_LEVEL_TENANT];
}

void sl_engine_set_state(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                         struct sl_str state, uint64_t rev)
{
    struct sl_party *p = party_of(e, tenant, key_id);

    if (p == NULL)
        return;
    if (!p->judged)
        sl_party_fasten(p);
    p->judged = true;
    p->active = sl_str_eq(state, SL_STR("active"));
    p->rev = rev;
}

/* ---- accounts ---- */

void sl_engine_set_account(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                           const struct sl_account *a)
{
    struct sl_party *p = party_of(e, tenant, key_id);

    if (p == NULL)
        return;
    sl_purse_open(e, p);
    p->account = p->seen = *a;
}

bool sl_engine_account(const struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                       struct sl_account *out, int64_t *reserved_micro)
{
    const struct sl_party *p = sl_party_find(e, tenant, key_id);

    if (p == NULL)
        return false;
    *out = p->account;
    *reserved_micro = p->reserved_micro;
    return true;
}

void sl_engine_balance(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                       const struct sl_periods *now, int64_t now_us, struct sl_balance *out)
{
    static const struct sl_terms none; /* a limit of 0 everywhere: what was used is asked for */
    struct sl_purse_when when;
    struct sl_purse_side day, month;
    struct sl_party *p;

    sl_engine_tick(e, now_us);
    *out = (struct sl_balance){0};
    p = sl_party_find(e, tenant, key_id);
    if (p == NULL)
        return;
    when = (struct sl_purse_when){e->now_us / 1000000, 1};
    sl_purse_look(p, &none, SL_LIMIT_DAILY, now, &when, &day);
    sl_purse_look(p, &none, SL_LIMIT_MONTHLY, now, &when, &month);
    *out = (struct sl_balance){.held = p->account.held,
                               .granted_micro = p->account.granted_micro,
                               .spent_micro = p->account.spent_micro,
                               .reserved_micro = p->reserved_micro,
                               .day_micro = day.spent,
                               .month_micro = month.spent};
}

bool sl_engine_grant(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                     int64_t initial_micro, int64_t more_micro)
{
    struct sl_party *p = party_of(e, tenant, key_id);

    if (p == NULL)
        return false;
    sl_account_grant(&p->account, initial_micro, more_micro);
    sl_purse_open(e, p);
    return true;
}

bool sl_engine_has_unsaved(const struct sl_engine *e)
{
    return !sl_list_is_empty(&e->unsaved);
}

bool sl_engine_take_unsaved(struct sl_engine *e, struct sl_saved *out)
{
    struct sl_list *n = sl_list_pop_front(&e->unsaved);
    struct sl_party *p;

    if (n == NULL)
        return false;
    p = SL_CONTAINER(n, struct sl_party, unsaved);
    out->tenant = (struct sl_str){p->name, p->tenant_n};
    out->key_id = (struct sl_str){p->name + p->tenant_n, 0};
    if (p->name_n > p->tenant_n)
        out->key_id = (struct sl_str){p->name + p->tenant_n + 1, p->name_n - p->tenant_n - 1u};
    out->account = p->account;
    return true;
}

void sl_engine_unsave(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id)
{
    struct sl_party *p = sl_party_find(e, tenant, key_id);

    if (p != NULL && p->booked)
        sl_purse_open(e, p);
}

size_t sl_engine_count(const struct sl_engine *e)
{
    return HASH_COUNT(e->parties);
}

bool sl_engine_has_room(const struct sl_engine *e, struct sl_str tenant, struct sl_str key_id)
{
    return HASH_COUNT(e->parties) + 2 <= SL_ENGINE_LEVELS || !sl_list_is_empty(&e->loose) ||
           sl_party_find(e, tenant, key_id) != NULL;
}
