/* Admission on Redis: asked, read, given back when nobody waits any more; and grown. */
#include "store/redis/backend.h"

#include <endian.h>

#define ANSWER_FIELDS 19

static const struct sl_terms no_terms = {{SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET},
                                         {SL_UNSET, SL_UNSET, SL_UNSET}};

static const struct sl_terms *terms_of(const struct sl_quota_ask *ask, int level)
{
    return ask->terms[level] != NULL ? ask->terms[level] : &no_terms;
}

/* One text and not an array of numbers: that would be an allocation for each. */
static bool read_numbers(const redisReply *reply, int64_t v[ANSWER_FIELDS])
{
    struct sl_str text = sl_reply_str(reply);
    uint64_t word;

    if (text.n != ANSWER_FIELDS * sizeof word)
        return false;
    for (size_t i = 0; i < ANSWER_FIELDS; i++) {
        memcpy(&word, text.p + i * sizeof word, sizeof word);
        v[i] = (int64_t)le64toh(word);
    }
    return true;
}

static bool parse_answer(const redisReply *reply, struct sl_quota_answer *a)
{
    int64_t v[ANSWER_FIELDS];

    if (!read_numbers(reply, v))
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

/* ---- nobody waits any more ---- */

struct taken {          /* enough of an admission to give it back */
    struct sl_redis *r; /* up */
    struct sl_hold hold;
    char tenant[SL_REDIS_NAME + 1], key_id[SL_REDIS_NAME + 1];
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
        sl_redis_give_back(&t.r->base, sl_str_of(t.tenant), &t.hold);
}

static void copy_name(char out[SL_REDIS_NAME + 1], struct sl_str name)
{
    name = sl_str_first(name, SL_REDIS_NAME);
    if (name.n > 0)
        memcpy(out, name.p, name.n);
    out[name.n] = '\0';
}

static void note_taken(struct sl_redis *r, struct sl_script_call *c, const struct sl_quota_ask *ask)
{
    struct taken *t = sl_mem_new(sizeof *t);

    t->r = r;
    copy_name(t->tenant, ask->tenant);
    copy_name(t->key_id, ask->key_id);
    memcpy(t->hold.id, ask->id, sizeof t->hold.id);
    t->hold.reserved_micro = ask->reserve_micro;
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        t->hold.leased[l] = terms_of(ask, l)->limits.concurrency > 0;
        t->hold.account[l] = sl_terms_has_budget(terms_of(ask, l));
    }
    c->late = on_late;
    c->note = t;
    c->note_n = sizeof *t;
}

/* ---- asked ---- */

static void push_budget(struct sl_script_call *c, const struct sl_budget *b)
{
    sl_script_int(c, b->credits_micro);
    sl_script_int(c, b->daily_micro);
    sl_script_int(c, b->monthly_micro);
}

static int64_t in_window(int64_t limit)
{
    return limit < SL_TERMS_WINDOW_MAX ? limit : SL_TERMS_WINDOW_MAX;
}

static void push_level(struct sl_script_call *c, const struct sl_quota_ask *ask, int level)
{
    const struct sl_limits *limits = &terms_of(ask, level)->limits;

    sl_script_count(c, ask->rev[level]);
    sl_script_int(c, in_window(limits->rpm));
    sl_script_int(c, in_window(limits->qps));
    sl_script_int(c, limits->tpm);
    sl_script_int(c, limits->concurrency);
    push_budget(c, &terms_of(ask, level)->budget);
}

static bool has_names(const struct sl_quota_ask *ask)
{
    return sl_redis_is_name(ask->tenant) && ask->key_id.n <= SL_REDIS_NAME &&
           ask->record_id.n <= SL_REDIS_NAME;
}

void sl_redis_admit(struct sl_backend *b, const struct sl_quota_ask *ask,
                    struct sl_quota_answer *out, SL_BACKEND_WAIT)
{
    struct sl_redis *r = sl_redis_of(b);
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
    sl_script_count(c, ask->gateway_qps < SL_TERMS_WINDOW_MAX ? ask->gateway_qps
                                                              : SL_TERMS_WINDOW_MAX);
    sl_script_int(c, ask->reserve_micro);
    sl_script_int(c, SL_QUOTA_LEASE_MS);
    sl_redis_push_periods(c, &ask->periods);
    push_level(c, ask, SL_LEVEL_TENANT);
    push_level(c, ask, SL_LEVEL_KEY);
    sl_script_arg(c, sl_quota_record(ask));
    if (has_names(ask))
        note_taken(r, c, ask);
    else
        sl_script_refuse(c, SL_ERR_STORE_DATA);
    sl_script_send(c, slot, done, ctx);
}

/* ---- grown ---- */

static bool read_grown(struct sl_script_call *c, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_INTEGER)
        return false;
    c->verdict = reply->integer == 1 ? SL_OK : SL_ERR_CREDITS;
    return true;
}

void sl_redis_grow(struct sl_backend *b, const struct sl_quota_ask *ask, int64_t more_micro,
                   SL_BACKEND_WAIT)
{
    struct sl_redis *r = sl_redis_of(b);
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_GROW);
    bool charged = !ask->free && !ask->light && !ask->windows_only, account[SL_LEVEL__COUNT];
    char text[SL_REDIS_BASE];
    struct sl_str base = sl_redis_base(r, ask->tenant, text);

    for (int l = 0; l < SL_LEVEL__COUNT; l++)
        account[l] = charged && sl_terms_has_budget(terms_of(ask, l));
    c->read = read_grown;
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
        push_budget(c, &terms_of(ask, l)->budget);
    if (!has_names(ask))
        sl_script_refuse(c, SL_ERR_STORE_DATA);
    sl_script_send(c, slot, done, ctx);
}
