/* What follows an admission on Redis: settled lines; what runs is renewed, grown. */
#include "store/redis/backend.h"

#define LINES_MAX 64 /* of one call: a script must be short */

/* ---- settling ---- */

static int64_t levels(const bool at[SL_LEVEL__COUNT])
{
    return (at[SL_LEVEL_TENANT] ? 1 : 0) | (at[SL_LEVEL_KEY] ? 2 : 0);
}

static int64_t count_of(uint64_t n)
{
    return n < SL_SCRIPT_MOST ? (int64_t)n : SL_SCRIPT_MOST;
}

/* apply.lua says their order. */
static void push_line(struct sl_script_call *c, const struct sl_line *l)
{
    static const struct sl_str unit = SL_STR_INIT("\x1f");
    struct sl_str name[] = {l->key_id, unit,        l->user, unit,  l->model,
                            unit,      l->provider, unit,    l->app};
    int64_t numbers[] = {count_of(l->number),
                         l->reserved_micro > 0 ? levels(l->account) : 0,
                         levels(l->leased),
                         levels(l->tpm),
                         levels(l->account),
                         l->cost_micro > 0 ? l->cost_micro : 0,
                         count_of(l->tpm_tokens),
                         l->day0,
                         l->month0,
                         l->requests,
                         l->cached,
                         count_of(l->in),
                         count_of(l->cache_read),
                         count_of(l->cache_write),
                         count_of(l->out)};

    sl_script_arg(c, (struct sl_str){l->id, sizeof l->id});
    sl_script_arg(c, l->key_id);
    sl_script_int(c, l->reserved_micro);
    sl_script_arg(c, l->day);
    sl_script_joined(c, name, l->app.n > 0 ? 9 : 7); /* as it was before there were apps */
    sl_script_doubles(c, numbers, sizeof numbers / sizeof numbers[0]);
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

struct sl_script_call *sl_redis_holds(struct sl_redis *r, struct sl_str tenant, struct sl_str verb)
{
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_HOLD);
    char text[SL_REDIS_BASE];
    struct sl_str base = sl_redis_base(r, tenant, text);

    c->read = sl_redis_read_done;
    sl_script_key(c, base, SL_STR("held"));
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("g:qps"));
    sl_script_arg(c, base);
    sl_script_arg(c, verb);
    sl_script_int(c, SL_QUOTA_LEASE_MS);
    if (!sl_redis_is_name(tenant))
        sl_script_refuse(c, SL_ERR_STORE_DATA);
    return c;
}

void sl_redis_push_hold(struct sl_script_call *c, const struct sl_hold *h)
{
    sl_script_arg(c, (struct sl_str){h->id, sizeof h->id});
    sl_script_arg(c, h->key_id);
    sl_script_arg(c, h->reserved_micro > 0 ? sl_redis_levels(h->account) : SL_STR("-"));
    sl_script_int(c, h->reserved_micro);
    sl_script_arg(c, sl_redis_levels(h->leased));
    sl_script_int(c, !h->booked ? 0 : h->light ? 2 : 1);
    sl_script_arg(c, sl_redis_user(h->user));
    sl_script_arg(c, h->booked ? sl_redis_levels(h->bursts) : SL_STR("-"));
}

void sl_redis_renew(struct sl_backend *b, struct sl_str tenant, const struct sl_hold *holds,
                    size_t n, SL_BACKEND_WAIT)
{
    struct sl_script_call *c = sl_redis_holds(sl_redis_of(b), tenant, SL_STR("renew"));

    SL_CHECK(n <= SL_BACKEND_HOLDS);
    for (size_t i = 0; i < n; i++)
        sl_redis_push_hold(c, &holds[i]);
    sl_script_send(c, slot, done, ctx);
}

/* ---- grown ---- */

static void push_budget(struct sl_script_call *c, const struct sl_budget *b)
{
    sl_script_int(c, b->credits_micro);
    sl_script_int(c, b->daily_micro);
    sl_script_int(c, b->monthly_micro);
}

static bool read_grown(struct sl_script_call *c, const redisReply *reply)
{
    struct sl_quota_answer *out = c->out;
    int64_t v[5];

    if (reply->type == REDIS_REPLY_INTEGER)
        return reply->integer == 1;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 5)
        return false;
    for (size_t i = 0; i < 5; i++)
        if (!sl_reply_int(reply->element[i], &v[i]))
            return false;
    if (v[0] < SL_LIMIT_CREDITS || v[0] > SL_LIMIT_MONTHLY || v[1] < 0 || v[1] >= SL_LEVEL__COUNT)
        return false;
    out->limit = (enum sl_limit)v[0];
    out->level = (enum sl_level)v[1];
    out->figure = v[2];
    out->used = v[3];
    out->wait_ms = v[4];
    c->verdict = SL_ERR_CREDITS;
    return true;
}

void sl_redis_grow(struct sl_backend *b, const struct sl_quota_ask *ask, int64_t more_micro,
                   struct sl_quota_answer *out, SL_BACKEND_WAIT)
{
    struct sl_redis *r = sl_redis_of(b);
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_GROW);
    bool charged = !ask->free && !ask->light && !ask->windows_only, account[SL_LEVEL__COUNT];
    char text[SL_REDIS_BASE];
    struct sl_str base = sl_redis_base(r, ask->tenant, text);

    for (int l = 0; l < SL_LEVEL__COUNT; l++)
        account[l] = charged && sl_terms_has_budget(sl_redis_terms(ask, l));
    c->read = read_grown;
    c->out = out;
    sl_script_key(c, base, SL_STR("held"));
    sl_script_arg(c, base);
    sl_script_arg(c, (struct sl_str){ask->id, sizeof ask->id});
    sl_script_arg(c, ask->key_id);
    sl_script_arg(c, sl_redis_levels(account));
    sl_script_int(c, ask->reserve_micro);
    sl_script_int(c, more_micro);
    sl_script_int(c, SL_QUOTA_LEASE_MS);
    sl_redis_push_periods(c, &ask->periods);
    for (int l = 0; l < SL_LEVEL__COUNT; l++)
        push_budget(c, &sl_redis_terms(ask, l)->budget);
    if (!sl_redis_has_names(ask))
        sl_script_refuse(c, SL_ERR_STORE_DATA);
    sl_script_send(c, slot, done, ctx);
}
