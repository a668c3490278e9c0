/* The Redis kind of store: admission, settling, leases, and its own life. */
#include "store/redis/backend.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/timer.h"

#define LINES_MAX 64 /* of one call: a script must be short */
#define HOLDS_MAX 200
#define NAME_MAX_BYTES 72 /* of tenants and key ids */
#define ALIVE_MS "5000"   /* an instance that said nothing for so long is gone */
#define OPEN_MS 2500      /* start waits for the link so long */
#define REPLY_MAX ((size_t)8 << 20)

static struct sl_redis *of(struct sl_backend *b)
{
    return SL_CONTAINER(b, struct sl_redis, base);
}

struct sl_str sl_redis_base(const struct sl_redis *r, struct sl_str tenant, char out[SL_REDIS_BASE])
{
    int n = snprintf(out, SL_REDIS_BASE, "%s{%.*s}:", r->prefix, SL_STR_ARGS(tenant));

    SL_CHECK(n > 0 && n < SL_REDIS_BASE); /* names have at most 64 characters */
    return (struct sl_str){out, (size_t)n};
}

struct sl_str sl_redis_levels(const bool at[SL_LEVEL__COUNT])
{
    if (at[SL_LEVEL_TENANT])
        return at[SL_LEVEL_KEY] ? SL_STR("b") : SL_STR("t");
    return at[SL_LEVEL_KEY] ? SL_STR("k") : SL_STR("-");
}

static void give_back(struct sl_backend *b, struct sl_str tenant, const struct sl_hold *hold);

static bool read_nothing(struct sl_script_call *c, const redisReply *reply)
{
    (void)c;
    return reply->type == REDIS_REPLY_INTEGER;
}

/* ---- admission ---- */

#define ANSWER_FIELDS 19

static bool parse_answer(const redisReply *reply, struct sl_quota_answer *a)
{
    int64_t v[ANSWER_FIELDS];

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != ANSWER_FIELDS)
        return false;
    for (size_t i = 0; i < ANSWER_FIELDS; i++)
        if (!sl_reply_int(reply->element[i], &v[i]))
            return false;
    if (v[0] < 0 || v[0] >= SL_LIMIT__COUNT || v[1] < 0 || v[1] >= SL_LEVEL__COUNT)
        return false;
    *a = (struct sl_quota_answer){.limit = (enum sl_limit)v[0],
                                  .level = (enum sl_level)v[1],
                                  .figure = v[2],
                                  .used = v[3],
                                  .wait_ms = v[4],
                                  .leased = (v[5] & 1) != 0,
                                  .reserved = (v[5] & 2) != 0,
                                  .booked = (v[5] & 4) != 0,
                                  .at_us = v[6]};
    for (size_t l = 0; l < SL_LEVEL__COUNT; l++) {
        const int64_t *at = v + 7 + l * 6;

        a->room[l] = (struct sl_quota_room){.rpm_left = at[0],
                                            .tpm_left = at[1],
                                            .concurrency_left = at[2],
                                            .rpm_reset_ms = at[3],
                                            .tpm_reset_ms = at[4],
                                            .credits_left_micro = at[5]};
    }
    return true;
}

static bool read_answer(struct sl_script_call *c, const redisReply *reply)
{
    return parse_answer(reply, c->out);
}

/* What an admission took whose waiter was gone: enough of it to give it back. */
struct taken {
    struct sl_redis *r; /* up */
    struct sl_hold hold;
    char tenant[NAME_MAX_BYTES], key_id[NAME_MAX_BYTES];
};

static void on_late(void *ctx, const void *note, const redisReply *reply)
{
    struct taken t;
    struct sl_quota_answer a;

    (void)ctx;
    memcpy(&t, note, sizeof t);
    if (!parse_answer(reply, &a))
        return;
    t.hold.key_id = sl_str_of(t.key_id);
    t.hold.booked = a.booked;
    if (!a.leased)
        t.hold.leased[0] = t.hold.leased[1] = false;
    if (!a.reserved)
        t.hold.reserved_micro = 0;
    if (a.leased || a.reserved || a.booked)
        give_back(&t.r->base, sl_str_of(t.tenant), &t.hold);
}

static void note_taken(struct sl_redis *r, struct sl_script_call *c, const struct sl_quota_ask *ask)
{
    struct taken *t = sl_mem_new(sizeof *t);

    t->r = r;
    snprintf(t->tenant, sizeof t->tenant, "%.*s", SL_STR_ARGS(ask->tenant));
    snprintf(t->key_id, sizeof t->key_id, "%.*s", SL_STR_ARGS(ask->key_id));
    memcpy(t->hold.id, ask->id, sizeof t->hold.id);
    t->hold.reserved_micro = ask->reserve_micro;
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        t->hold.leased[l] = ask->terms[l]->limits.concurrency > 0;
        t->hold.account[l] = sl_terms_has_budget(ask->terms[l]);
    }
    c->late = on_late;
    c->note = t;
    c->note_n = sizeof *t;
}

static void push_periods(struct sl_script_call *c, const struct sl_periods *p)
{
    for (int i = 0; i < 3; i++)
        sl_script_int(c, p->day[i]);
    for (int i = 0; i < 3; i++)
        sl_script_int(c, p->month[i]);
}

static void push_terms(struct sl_script_call *c, const struct sl_quota_ask *ask, enum sl_level l)
{
    const struct sl_terms *t = ask->terms[l];

    sl_script_int(c, (int64_t)ask->rev[l]);
    sl_script_int(c, t->limits.rpm);
    sl_script_int(c, t->limits.qps);
    sl_script_int(c, t->limits.tpm);
    sl_script_int(c, t->limits.concurrency);
    sl_script_int(c, t->budget.credits_micro);
    sl_script_int(c, t->budget.daily_micro);
    sl_script_int(c, t->budget.monthly_micro);
}

static void admit(struct sl_backend *b, const struct sl_quota_ask *ask, struct sl_quota_answer *out,
                  SL_BACKEND_WAIT)
{
    struct sl_redis *r = of(b);
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_ADMIT);
    char text[SL_REDIS_BASE];
    struct sl_str base = sl_redis_base(r, ask->tenant, text);

    c->read = read_answer;
    c->out = out;
    sl_script_key(c, base, SL_STR("keys"));
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("g:qps"));
    sl_script_arg(c, base);
    sl_script_arg(c, (struct sl_str){ask->id, sizeof ask->id});
    sl_script_arg(c, ask->key_id);
    sl_script_int(c, (ask->free ? 1 : 0) | (ask->light ? 2 : 0) | (ask->windows_only ? 4 : 0) |
                         (ask->may_hit ? 8 : 0));
    sl_script_int(c, (int64_t)ask->gateway_qps);
    sl_script_int(c, ask->reserve_micro);
    sl_script_int(c, SL_QUOTA_LEASE_MS);
    push_periods(c, &ask->periods);
    push_terms(c, ask, SL_LEVEL_TENANT);
    push_terms(c, ask, SL_LEVEL_KEY);
    note_taken(r, c, ask);
    sl_script_send(c, slot, done, ctx);
}

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

    sl_script_int(c, (int64_t)l->number);
    sl_script_arg(c, (struct sl_str){l->id, sizeof l->id});
    sl_script_arg(c, l->key_id);
    sl_script_arg(c, reserved ? sl_redis_levels(l->account) : SL_STR("-"));
    sl_script_int(c, l->reserved_micro);
    sl_script_int(c, l->cost_micro);
    sl_script_arg(c, sl_redis_levels(l->leased));
    sl_script_arg(c, sl_redis_levels(l->tpm));
    sl_script_arg(c, sl_redis_levels(l->account));
    sl_script_int(c, (int64_t)l->tpm_tokens);
    sl_script_int(c, l->day0);
    sl_script_int(c, l->month0);
    sl_script_arg(c, l->day);
    sl_script_joined(c, name, sizeof name / sizeof name[0]);
    sl_script_int(c, l->requests);
    sl_script_int(c, l->cached);
    sl_script_int(c, (int64_t)l->in);
    sl_script_int(c, (int64_t)l->cache_read);
    sl_script_int(c, (int64_t)l->cache_write);
    sl_script_int(c, (int64_t)l->out);
}

static struct sl_script_call *apply_some(struct sl_redis *r, const struct sl_batch *batch,
                                         size_t from, size_t n)
{
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_APPLY);
    char text[SL_REDIS_BASE];
    struct sl_str base = sl_redis_base(r, batch->tenant, text);

    c->read = read_nothing;
    sl_script_key(c, base, SL_STR("seq"));
    sl_script_arg(c, base);
    sl_script_arg(c, batch->instance);
    sl_script_int(c, (int64_t)n);
    for (size_t i = 0; i < n; i++)
        push_line(c, &batch->lines[from + i]);
    return c;
}

/* A line that was not applied must not be overtaken by a higher number, so a long batch
 * goes in parts, one after the other. */
static void apply(struct sl_backend *b, const struct sl_batch *batch, SL_BACKEND_WAIT)
{
    size_t parts = batch->n > 0 ? (batch->n + LINES_MAX - 1) / LINES_MAX : 1;
    struct sl_script_series *s = sl_series_new(parts);

    for (size_t i = 0; i < parts; i++) {
        size_t left = batch->n - i * LINES_MAX;

        sl_series_add(s,
                      apply_some(of(b), batch, i * LINES_MAX, left < LINES_MAX ? left : LINES_MAX));
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

    c->read = read_nothing;
    sl_script_key(c, base, SL_STR("held"));
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("g:qps"));
    sl_script_arg(c, base);
    sl_script_arg(c, renew ? SL_STR("renew") : SL_STR("back"));
    sl_script_int(c, SL_QUOTA_LEASE_MS);
    sl_script_int(c, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        const struct sl_hold *h = &holds[i];

        sl_script_arg(c, (struct sl_str){h->id, sizeof h->id});
        sl_script_arg(c, h->key_id);
        sl_script_arg(c, h->reserved_micro > 0 ? sl_redis_levels(h->account) : SL_STR("-"));
        sl_script_int(c, h->reserved_micro);
        sl_script_arg(c, sl_redis_levels(h->leased));
        sl_script_int(c, h->booked);
    }
    return c;
}

static void renew(struct sl_backend *b, struct sl_str tenant, const struct sl_hold *holds, size_t n,
                  SL_BACKEND_WAIT)
{
    size_t parts = n > 0 ? (n + HOLDS_MAX - 1) / HOLDS_MAX : 1;
    struct sl_script_series *s = sl_series_new(parts);

    for (size_t i = 0; i < parts; i++) {
        size_t left = n - i * HOLDS_MAX;

        sl_series_add(s, hold_call(of(b), tenant, true, holds + i * HOLDS_MAX,
                                   left < HOLDS_MAX ? left : HOLDS_MAX));
    }
    sl_series_send(s, slot, done, ctx);
}

static void give_back(struct sl_backend *b, struct sl_str tenant, const struct sl_hold *hold)
{
    sl_script_send(hold_call(of(b), tenant, false, hold, 1), NULL, NULL, NULL);
}

static bool read_grown(struct sl_script_call *c, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_INTEGER)
        return false;
    c->verdict = reply->integer == 1 ? SL_OK : SL_ERR_CREDITS;
    return true;
}

static void grow(struct sl_backend *b, const struct sl_quota_ask *ask, int64_t more_micro,
                 SL_BACKEND_WAIT)
{
    struct sl_redis *r = of(b);
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_GROW);
    bool account[] = {sl_terms_has_budget(ask->terms[0]), sl_terms_has_budget(ask->terms[1])};
    char text[SL_REDIS_BASE];
    struct sl_str base = sl_redis_base(r, ask->tenant, text);

    c->read = read_grown;
    sl_script_key(c, base, SL_STR("held"));
    sl_script_arg(c, base);
    sl_script_arg(c, (struct sl_str){ask->id, sizeof ask->id});
    sl_script_arg(c, ask->key_id);
    sl_script_arg(c, sl_redis_levels(account));
    sl_script_int(c, ask->reserve_micro);
    sl_script_int(c, more_micro);
    sl_script_int(c, SL_QUOTA_LEASE_MS);
    push_periods(c, &ask->periods);
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        sl_script_int(c, ask->terms[l]->budget.credits_micro);
        sl_script_int(c, ask->terms[l]->budget.daily_micro);
        sl_script_int(c, ask->terms[l]->budget.monthly_micro);
    }
    sl_script_send(c, slot, done, ctx);
}

/* ---- instances ---- */

static bool read_beat(struct sl_script_call *c, const redisReply *reply)
{
    struct sl_beat *out = c->out;
    int64_t v[4];

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4)
        return false;
    for (size_t i = 0; i < 4; i++)
        if (!sl_reply_int(reply->element[i], &v[i]))
            return false;
    *out = (struct sl_beat){.instances = v[0] > 0 ? (unsigned)v[0] : 1,
                            .revision = (uint64_t)v[1],
                            .has_epoch = v[2] == 1,
                            .now_us = v[3]};
    return true;
}

static void beat(struct sl_backend *b, struct sl_str instance, struct sl_beat *out, SL_BACKEND_WAIT)
{
    struct sl_redis *r = of(b);
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_BEAT);

    c->read = read_beat;
    c->out = out;
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("instances"));
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("rev"));
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("epoch"));
    sl_script_arg(c, instance);
    sl_script_arg(c, SL_STR(ALIVE_MS));
    sl_script_send(c, slot, done, ctx);
}

static bool read_mark(struct sl_script_call *c, const redisReply *reply)
{
    (void)c;
    return reply->type == REDIS_REPLY_STATUS || reply->type == REDIS_REPLY_NIL;
}

static void mark(struct sl_backend *b, SL_BACKEND_WAIT)
{
    struct sl_redis *r = of(b);
    struct sl_script_call *c = sl_script_command(&r->scripts, SL_STR("SET"));
    char now[24];

    snprintf(now, sizeof now, "%lld", (long long)sl_net_unix_ms(r->net));
    c->read = read_mark;
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("epoch"));
    sl_script_arg(c, sl_str_of(now));
    sl_script_arg(c, SL_STR("NX"));
    sl_script_send(c, slot, done, ctx);
}

/* ---- its own life ---- */

static bool is_up(const struct sl_backend *b)
{
    return sl_redis_link_is_up(SL_CONTAINER(b, const struct sl_redis, base)->link);
}

struct opening { /* a start that waits for the link */
    struct sl_op op;
    struct sl_redis *r; /* up */
    struct sl_timer limit;
    sl_store_done_fn *done;
    void *ctx; /* up: the waiter's */
};

static void opened(struct sl_redis *r, enum sl_err e)
{
    struct opening *o = r->opening;

    if (o == NULL)
        return;
    r->opening = NULL;
    sl_timer_stop(r->net, &o->limit);
    if (sl_op_close(&o->op))
        o->done(o->ctx, e);
    sl_mem_free(o);
}

static void cancel_opening(struct sl_op *op)
{
    struct opening *o = SL_CONTAINER(op, struct opening, op);

    o->r->opening = NULL;
    sl_timer_stop(o->r->net, &o->limit);
    sl_mem_free(o);
}

static void on_limit(struct sl_timer *t)
{
    struct sl_redis *r = SL_CONTAINER(t, struct opening, limit)->r;

    opened(r, is_up(&r->base) ? SL_OK : SL_ERR_STORE);
}

static void on_state(void *ctx, bool up)
{
    struct sl_redis *r = ctx;

    if (!up)
        return;
    sl_scripts_load(&r->scripts);
    opened(r, SL_OK);
}

static void start(struct sl_backend *b, SL_BACKEND_WAIT)
{
    struct sl_redis *r = of(b);
    struct opening *o = sl_mem_new(sizeof *o);

    SL_CHECK(r->opening == NULL);
    r->opening = o;
    o->r = r;
    o->done = done;
    o->ctx = ctx;
    sl_op_open(&o->op, slot, cancel_opening);
    sl_timer_init(&o->limit, on_limit);
    sl_timer_start(r->net, &o->limit, is_up(b) ? 1 : OPEN_MS);
}

static void end(struct sl_backend **pb)
{
    struct sl_redis *r;

    if (*pb == NULL)
        return;
    r = of(*pb);
    *pb = NULL;
    SL_CHECK(r->opening == NULL); /* its waiter has cancelled */
    sl_scripts_fini(&r->scripts);
    sl_redis_link_end(&r->link);
    sl_mem_wipe(&r->url, sizeof r->url);
    sl_mem_free(r);
}

static const struct sl_backend_ops ops = {
    .name = "redis",
    .start = start,
    .end = end,
    .is_up = is_up,
    .admit = admit,
    .apply = apply,
    .renew = renew,
    .give_back = give_back,
    .grow = grow,
    .beat = beat,
    .mark = mark,
    .key = sl_redis_key,
    .list = sl_redis_list,
    .put = sl_redis_put,
    .balance = sl_redis_balance,
    .grant = sl_redis_grant,
    .usage = sl_redis_usage,
    .restore = sl_redis_restore,
    .restore_records = sl_redis_restore_records,
};

struct sl_backend *sl_redis_new(struct sl_net *net, const struct sl_store_conf *conf, char *why,
                                size_t cap)
{
    struct sl_redis *r = sl_mem_new(sizeof *r);
    struct sl_redis_link_conf link = {
        .url = &r->url, .ca_file = conf->ca_file, .reply_max = REPLY_MAX, .name = "store"};

    r->base.ops = &ops;
    r->net = net;
    snprintf(r->prefix, sizeof r->prefix, "%.*s", SL_STR_ARGS(conf->prefix));
    if (sl_redis_url_read(conf->url, &r->url, why, cap) == SL_OK)
        r->link = sl_redis_link_new(net, &link, why, cap);
    if (r->link == NULL) {
        sl_mem_free(r);
        return NULL;
    }
    sl_scripts_init(&r->scripts, net, r->link);
    sl_redis_link_on_state(r->link, on_state, r);
    return &r->base;
}
