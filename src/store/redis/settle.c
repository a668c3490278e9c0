/* What follows an admission on Redis: settled lines, renewed, given back. */
#include "store/redis/backend.h"

#define LINES_MAX 64 /* of one call: a script must be short */
#define HOLDS_MAX 200

/* ---- settling ---- */

static bool has(const bool at[SL_LEVEL__COUNT])
{
    return at[SL_LEVEL_TENANT] || at[SL_LEVEL_KEY];
}

static void push_line(struct sl_script_call *c, const struct sl_line *l)
{
    static const struct sl_str unit = SL_STR_INIT("\x1f");
    bool reserved = l->reserved_micro > 0 && has(l->account);
    struct sl_str name[] = {l->key_id, unit, l->user, unit, l->model, unit, l->provider};

    sl_script_count(c, l->number);
    sl_script_arg(c, (struct sl_str){l->id, sizeof l->id});
    sl_script_arg(c, l->key_id);
    sl_script_arg(c, reserved ? sl_redis_levels(l->account) : SL_STR("-"));
    sl_script_int(c, l->reserved_micro);
    sl_script_int(c, l->cost_micro > 0 ? l->cost_micro : 0);
    sl_script_arg(c, sl_redis_levels(l->leased));
    sl_script_arg(c, sl_redis_levels(l->tpm));
    sl_script_arg(c, sl_redis_levels(l->account));
    sl_script_count(c, l->tpm_tokens);
    sl_script_int(c, l->day0);
    sl_script_int(c, l->month0);
    sl_script_arg(c, l->day);
    sl_script_joined(c, name, sizeof name / sizeof name[0]);
    sl_script_int(c, l->requests);
    sl_script_int(c, l->cached);
    sl_script_count(c, l->in);
    sl_script_count(c, l->cache_read);
    sl_script_count(c, l->cache_write);
    sl_script_count(c, l->out);
}

static struct sl_script_call *apply_some(struct sl_redis *r, const struct sl_batch *batch,
                                         size_t from, size_t n)
{
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_APPLY);
    char text[SL_REDIS_BASE];
    struct sl_str base = sl_redis_base(r, batch->tenant, text);

    c->read = sl_redis_read_done;
    sl_script_key(c, base, SL_STR("seq"));
    sl_script_arg(c, base);
    sl_script_arg(c, batch->instance);
    sl_script_count(c, n);
    for (size_t i = 0; i < n; i++)
        push_line(c, &batch->lines[from + i]);
    if (!sl_redis_is_name(batch->tenant))
        sl_script_refuse(c, SL_ERR_STORE_DATA);
    return c;
}

/* A line that was not applied must not be overtaken by a higher number, so a long batch
 * goes in parts, one after the other. */
void sl_redis_apply(struct sl_backend *b, const struct sl_batch *batch, SL_BACKEND_WAIT)
{
    size_t parts = batch->n > 0 ? (batch->n + LINES_MAX - 1) / LINES_MAX : 1;
    struct sl_script_series *s = sl_series_new(parts);

    for (size_t i = 0; i < parts; i++) {
        size_t left = batch->n - i * LINES_MAX;

        sl_series_add(s, apply_some(sl_redis_of(b), batch, i * LINES_MAX,
                                    left < LINES_MAX ? left : LINES_MAX));
    }
    sl_series_send(s, slot, done, ctx);
}

/* ---- what runs ---- */

static struct sl_script_call *hold_call(struct sl_redis *r, struct sl_str tenant, bool renew,
                                        const struct sl_hold *holds, size_t n)
{
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_HOLD);
    char text[SL_REDIS_BASE];
    struct sl_str base = sl_redis_base(r, tenant, text);

    c->read = sl_redis_read_done;
    sl_script_key(c, base, SL_STR("held"));
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("g:qps"));
    sl_script_arg(c, base);
    sl_script_arg(c, renew ? SL_STR("renew") : SL_STR("back"));
    sl_script_int(c, SL_QUOTA_LEASE_MS);
    sl_script_count(c, n);
    for (size_t i = 0; i < n; i++) {
        const struct sl_hold *h = &holds[i];

        sl_script_arg(c, (struct sl_str){h->id, sizeof h->id});
        sl_script_arg(c, h->key_id);
        sl_script_arg(c, h->reserved_micro > 0 ? sl_redis_levels(h->account) : SL_STR("-"));
        sl_script_int(c, h->reserved_micro);
        sl_script_arg(c, sl_redis_levels(h->leased));
        sl_script_int(c, h->booked);
    }
    if (!sl_redis_is_name(tenant))
        sl_script_refuse(c, SL_ERR_STORE_DATA);
    return c;
}

void sl_redis_renew(struct sl_backend *b, struct sl_str tenant, const struct sl_hold *holds,
                    size_t n, SL_BACKEND_WAIT)
{
    size_t parts = n > 0 ? (n + HOLDS_MAX - 1) / HOLDS_MAX : 1;
    struct sl_script_series *s = sl_series_new(parts);

    for (size_t i = 0; i < parts; i++) {
        size_t left = n - i * HOLDS_MAX;

        sl_series_add(s, hold_call(sl_redis_of(b), tenant, true, holds + i * HOLDS_MAX,
                                   left < HOLDS_MAX ? left : HOLDS_MAX));
    }
    sl_series_send(s, slot, done, ctx);
}

void sl_redis_give_back(struct sl_backend *b, struct sl_str tenant, const struct sl_hold *hold)
{
    sl_script_send(hold_call(sl_redis_of(b), tenant, false, hold, 1), NULL, NULL, NULL);
}
