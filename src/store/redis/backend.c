/* The Redis kind of store: beats, and its own life. */
#include "store/redis/backend.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/timer.h"
#include "store/redis/reply.h"

#define ALIVE_MS "5000" /* an instance that said nothing for so long is gone */
#define OPEN_MS 2500    /* start waits for the link so long */
#define INFO_BEATS 5    /* memory is asked about with every fifth */
#define REPLY_MAX ((size_t)8 << 20)

/* ---- what the files share ---- */

struct sl_str sl_redis_base(const struct sl_redis *r, struct sl_str tenant, char out[SL_REDIS_BASE])
{
    struct sl_text t = sl_text_over(out, SL_REDIS_BASE);

    sl_text_add(&t, sl_str_of(r->prefix));
    sl_text_byte(&t, '{');
    sl_text_add(&t, sl_str_first(tenant, SL_REDIS_NAME));
    sl_text_add(&t, SL_STR("}:"));
    SL_CHECK(!t.cut);
    return sl_text_str(&t);
}

struct sl_str sl_redis_levels(const bool at[SL_LEVEL__COUNT])
{
    if (at[SL_LEVEL_TENANT])
        return at[SL_LEVEL_KEY] ? SL_STR("b") : SL_STR("t");
    return at[SL_LEVEL_KEY] ? SL_STR("k") : SL_STR("-");
}

const struct sl_terms *sl_redis_terms(const struct sl_quota_ask *ask, int level)
{
    static const struct sl_terms none = {
        {SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET},
        {SL_UNSET, SL_UNSET, SL_UNSET}};

    return ask->terms[level] != NULL ? ask->terms[level] : &none;
}

bool sl_redis_has_names(const struct sl_quota_ask *ask)
{
    return sl_redis_is_name(ask->tenant) && ask->key_id.n <= SL_REDIS_NAME &&
           ask->record_id.n <= SL_REDIS_NAME;
}

void sl_redis_push_periods(struct sl_script_call *c, const struct sl_periods *p)
{
    for (int i = 0; i < 3; i++)
        sl_script_int(c, p->day[i]);
    for (int i = 0; i < 3; i++)
        sl_script_int(c, p->month[i]);
}

bool sl_redis_read_done(struct sl_script_call *c, const redisReply *reply)
{
    (void)c;
    return reply->type == REDIS_REPLY_INTEGER;
}

/* ---- is it set up for this, and is it full? ---- */

static void warn(struct sl_redis *r, const struct sl_redis_memory *m)
{
    const char *where = sl_redis_link_where(r->link);

    if (sl_redis_memory_evicts(m) && !r->warned_evicts) {
        r->warned_evicts = true;
        sl_log(SL_LOG_WARN, "store", SL_STR("store"),
               "Redis at %s has maxmemory-policy %s: when it is full it forgets keys, balances and "
               "limits; set it to noeviction",
               where, m->policy);
    }
    if (m->most > 0 && r->has_cache && !r->warned_cache) {
        r->warned_cache = true;
        sl_log(
            SL_LOG_WARN, "store", SL_STR("store"),
            "Redis at %s has maxmemory (%llu MiB) and would hold cached answers too: above 80 %% "
            "of it none are written; name a Redis of their own in store.cache_url",
            where, (unsigned long long)(m->most >> 20));
    }
}

/* Where its user may not ask, nothing is known and nothing said. */
static bool read_memory(struct sl_script_call *c, const redisReply *reply)
{
    struct sl_redis *r = c->out;
    struct sl_redis_memory m;

    if (!sl_redis_memory_read(reply, &m))
        return true;
    r->full = sl_redis_memory_is_full(&m);
    warn(r, &m);
    return true;
}

static void inspect(struct sl_redis *r)
{
    struct sl_script_call *c = sl_script_command(&r->scripts, SL_STR("INFO"));

    c->read = read_memory;
    c->out = r;
    sl_script_arg(c, SL_STR("memory"));
    sl_script_send(c, NULL, NULL, NULL);
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
    struct sl_redis *r = sl_redis_of(b);
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_BEAT);

    c->read = read_beat;
    c->out = out;
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("instances"));
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("rev"));
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("epoch"));
    sl_script_arg(c, instance);
    sl_script_arg(c, SL_STR(ALIVE_MS));
    sl_script_send(c, slot, done, ctx);
    if (++r->beats % INFO_BEATS == 0)
        inspect(r);
}

static bool read_mark(struct sl_script_call *c, const redisReply *reply)
{
    (void)c;
    return reply->type == REDIS_REPLY_STATUS || reply->type == REDIS_REPLY_NIL;
}

static void mark(struct sl_backend *b, SL_BACKEND_WAIT)
{
    struct sl_redis *r = sl_redis_of(b);
    struct sl_script_call *c = sl_script_command(&r->scripts, SL_STR("SET"));
    char now[24];

    snprintf(now, sizeof now, "%lld", (long long)sl_net_unix_ms(r->net));
    c->read = read_mark;
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("epoch"));
    sl_script_arg(c, sl_str_of(now));
    sl_script_arg(c, SL_STR("NX"));
    sl_script_send(c, slot, done, ctx);
}

static void unmark(struct sl_backend *b, SL_BACKEND_WAIT)
{
    struct sl_redis *r = sl_redis_of(b);
    struct sl_script_call *c = sl_script_command(&r->scripts, SL_STR("DEL"));

    c->read = sl_redis_read_done;
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("epoch"));
    sl_script_send(c, slot, done, ctx);
}

/* ---- its own life ---- */

static bool certificate(const struct sl_backend *b, struct sl_tls_certificate *out)
{
    return sl_redis_link_certificate(SL_CONTAINER(b, const struct sl_redis, base)->link, out);
}

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
    inspect(r);
    sl_redis_backs_again(r);
    opened(r, SL_OK);
}

static void start(struct sl_backend *b, SL_BACKEND_WAIT)
{
    struct sl_redis *r = sl_redis_of(b);
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
    r = sl_redis_of(*pb);
    *pb = NULL;
    SL_CHECK(r->opening == NULL); /* its waiter has cancelled */
    sl_redis_drop_batches(r);
    sl_redis_backs_fini(r);
    sl_redis_notes_fini(r);
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
    .certificate = certificate,
    .admit = sl_redis_admit,
    .apply = sl_redis_apply,
    .renew = sl_redis_renew,
    .give_back = sl_redis_give_back,
    .grow = sl_redis_grow,
    .beat = beat,
    .mark = mark,
    .unmark = unmark,
    .key = sl_redis_key,
    .find = sl_redis_find,
    .list = sl_redis_list,
    .put = sl_redis_put,
    .balance = sl_redis_balance,
    .grant = sl_redis_grant,
    .usage = sl_redis_usage,
    .note = sl_redis_note,
    .noted = sl_redis_noted,
    .tip = sl_redis_tip,
    .keep_tip = sl_redis_keep_tip,
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
    sl_list_init(&r->batches);
    sl_redis_backs_init(r);
    sl_redis_notes_init(r);
    r->has_cache = conf->cache_url.n == 0;
    snprintf(r->prefix, sizeof r->prefix, "%.*s", SL_STR_ARGS(conf->prefix));
    if (sl_redis_url_read(conf->url, &r->url, why, cap) == SL_OK)
        r->link = sl_redis_link_new(net, &link, why, cap);
    if (r->link == NULL) {
        sl_mem_free(r);
        return NULL;
    }
    sl_scripts_init(&r->scripts, net, r->link);
    r->scripts.first = sl_redis_send_backs;
    r->scripts.first_ctx = r;
    sl_redis_link_on_state(r->link, on_state, r);
    return &r->base;
}
