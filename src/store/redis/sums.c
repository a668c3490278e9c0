/* Balances, grants and usage on Redis. */
#include "store/redis/backend.h"

#include <stdio.h>
#include <time.h>

#define DAY_BYTES 10
#define DAY_SPREAD 43200 /* first seconds closer than this are of one day */
#define MONTH_SPREAD 1209600

/* ---- balance ---- */

struct wanted {
    struct sl_balance *out; /* up: the waiter's */
    struct sl_periods now;
};

static int64_t in_period(const int64_t bounds[3], int64_t now_s, int64_t spread, int64_t first,
                         int64_t spent)
{
    int64_t begin = now_s >= bounds[2] ? bounds[2] : now_s >= bounds[1] ? bounds[1] : bounds[0];

    return begin - first >= spread ? 0 : spent;
}

#define BALANCE_FIELDS 9

static bool read_balance(struct sl_script_call *c, const redisReply *reply)
{
    const struct wanted *w = c->note;
    int64_t v[BALANCE_FIELDS];

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != BALANCE_FIELDS)
        return false;
    for (size_t i = 0; i < BALANCE_FIELDS; i++)
        if (!sl_reply_int(reply->element[i], &v[i]))
            return false;
    *w->out =
        (struct sl_balance){.held = reply->element[0]->type != REDIS_REPLY_NIL,
                            .granted_micro = v[0],
                            .spent_micro = v[1],
                            .again = v[8] != 0,
                            .reserved_micro = v[2],
                            .day_micro = in_period(w->now.day, v[7], DAY_SPREAD, v[3], v[4]),
                            .month_micro = in_period(w->now.month, v[7], MONTH_SPREAD, v[5], v[6])};
    return true;
}

static struct sl_script_call *account_call(struct sl_redis *r, struct sl_str tenant,
                                           struct sl_str key_id, struct sl_str how,
                                           struct sl_balance *out)
{
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_ACCOUNT);
    struct wanted *w = sl_mem_new(sizeof *w);
    char text[SL_REDIS_BASE];
    struct sl_str base = sl_redis_base(r, tenant, text);
    struct sl_str parts[] = {base, SL_STR("acct:"), key_id.n > 0 ? SL_STR("k:") : SL_STR("t"),
                             key_id};

    w->out = out;
    c->note = w;
    c->read = read_balance;
    c->keys++;
    sl_script_joined(c, parts, 4);
    sl_script_arg(c, base);
    sl_script_joined(c, parts + 2, 2);
    sl_script_arg(c, how);
    sl_script_int(c, SL_QUOTA_LEASE_MS);
    if (!sl_redis_is_name(tenant) || key_id.n > SL_REDIS_NAME)
        sl_script_refuse(c, SL_ERR_CEILING);
    return c;
}

/* lint: budgets the backend's contract */
void sl_redis_balance(struct sl_backend *b, struct sl_str tenant, struct sl_str key_id,
                      const struct sl_periods *now, struct sl_balance *out, SL_BACKEND_WAIT)
{
    struct sl_script_call *c = account_call(sl_redis_of(b), tenant, key_id, SL_STR("look"), out);

    ((struct wanted *)c->note)->now = *now;
    sl_script_send(c, slot, done, ctx);
}

void sl_redis_grant(struct sl_backend *b, const struct sl_store_grant *what, struct sl_balance *out,
                    SL_BACKEND_WAIT)
{
    struct sl_script_call *c =
        account_call(sl_redis_of(b), what->tenant, what->key_id, SL_STR("grant"), out);

    sl_script_int(c, what->initial_micro);
    sl_script_int(c, what->more_micro);
    sl_script_arg(c, what->once);
    if (what->once.n > SL_STORE_ONCE)
        sl_script_refuse(c, SL_ERR_CEILING);
    sl_script_send(c, slot, done, ctx);
}

/* ---- usage ---- */

/* "a,b,c" into numbers. */
static bool split_numbers(struct sl_str text, uint64_t *v, size_t n)
{
    struct sl_str piece;

    for (size_t i = 0; i < n; i++)
        if (!sl_str_split(&text, ',', &piece) || !sl_str_to_u64(piece, &v[i]))
            return false;
    return true;
}

static bool read_row(struct sl_script_call *c, const redisReply *r, struct sl_str tenant,
                     struct sl_usage_row *out)
{
    struct sl_str name,
        *parts[] = {&out->key_id, &out->user, &out->model, &out->provider, &out->app};
    uint64_t v[7];

    if (r->type != REDIS_REPLY_ARRAY || r->elements != 3 ||
        !split_numbers(sl_reply_str(r->element[2]), v, 7))
        return false;
    out->tenant = tenant;
    out->day = sl_arena_dup(&c->arena, sl_reply_str(r->element[0]));
    name = sl_arena_dup(&c->arena, sl_reply_str(r->element[1]));
    if (out->day.p == NULL || name.p == NULL)
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!sl_str_split(&name, '\x1f', parts[i]))
            *parts[i] = (struct sl_str){"", 0};
    out->requests = v[0];
    out->cached = v[1];
    out->in = v[2];
    out->cache_read = v[3];
    out->cache_write = v[4];
    out->out = v[5];
    out->cost_micro = (int64_t)v[6];
    return true;
}

struct usage_note {
    struct sl_usage_rows *out; /* up: the waiter's */
    char tenant[SL_REDIS_NAME + 1];
};

static bool read_usage(struct sl_script_call *c, const redisReply *reply)
{
    const struct usage_note *note = c->note;
    const redisReply *rows;
    struct sl_usage_row *at;
    struct sl_str tenant;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        reply->element[2]->type != REDIS_REPLY_ARRAY)
        return false;
    rows = reply->element[2];
    at = sl_arena_zalloc(&c->arena, (rows->elements + 1) * sizeof *at);
    tenant = sl_arena_dup(&c->arena, sl_str_of(note->tenant));
    if (at == NULL || tenant.p == NULL)
        return false;
    for (size_t i = 0; i < rows->elements; i++)
        if (!read_row(c, rows->element[i], tenant, &at[i]))
            return false;
    *note->out = (struct sl_usage_rows){.at = at, .n = rows->elements};
    if (sl_reply_str(reply->element[0]).n > 0)
        note->out->next = sl_arena_printf(&c->arena, "%s:%s", reply->element[0]->str,
                                          sl_reply_str(reply->element[1]).p);
    return true;
}

/* The days from `from` to `to`, both in. */
static void push_days(struct sl_script_call *c, struct sl_str from, struct sl_str to)
{
    struct tm day = {.tm_hour = 12};
    char text[DAY_BYTES + 1];
    struct sl_str now;

    snprintf(text, sizeof text, "%.*s", SL_STR_ARGS(from));
    if (strptime(text, "%Y-%m-%d", &day) == NULL)
        return;
    for (int i = 0; i < SL_STORE_USAGE_DAYS; i++) {
        now = (struct sl_str){text, strftime(text, sizeof text, "%Y-%m-%d", &day)};
        if (now.n != DAY_BYTES || to.n != DAY_BYTES || memcmp(now.p, to.p, DAY_BYTES) > 0)
            return;
        sl_script_arg(c, now);
        day.tm_mday++;
        (void)timegm(&day);
    }
}

/* lint: budgets the backend's contract */
void sl_redis_usage(struct sl_backend *b, struct sl_str tenant, struct sl_str from_day,
                    struct sl_str to_day, struct sl_str after, struct sl_usage_rows *out,
                    SL_BACKEND_WAIT)
{
    struct sl_redis *r = sl_redis_of(b);
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_USAGE);
    struct usage_note *note = sl_mem_new(sizeof *note);
    struct sl_str cursor = SL_STR("0");
    char text[SL_REDIS_BASE];

    note->out = out;
    snprintf(note->tenant, sizeof note->tenant, "%.*s", SL_STR_ARGS(tenant));
    c->note = note;
    c->read = read_usage;
    if (after.n > DAY_BYTES + 1) { /* "<day>:<cursor>", as given by the page before */
        from_day = sl_str_first(after, DAY_BYTES);
        cursor = sl_str_from(after, DAY_BYTES + 1);
    }
    sl_script_arg(c, sl_redis_base(r, tenant, text));
    sl_script_arg(c, cursor);
    sl_script_int(c, SL_STORE_PAGE);
    push_days(c, from_day, to_day);
    sl_script_send(c, slot, done, ctx);
}

/* ---- restore ---- */

static void push_row(struct sl_script_call *c, const struct sl_usage_row *u)
{
    static const struct sl_str unit = SL_STR_INIT("\x1f");
    struct sl_str name[] = {u->key_id, unit,        u->user, unit,  u->model,
                            unit,      u->provider, unit,    u->app};
    char text[200];
    int n = snprintf(
        text, sizeof text, "%llu,%llu,%llu,%llu,%llu,%llu,%lld", (unsigned long long)u->requests,
        (unsigned long long)u->cached, (unsigned long long)u->in, (unsigned long long)u->cache_read,
        (unsigned long long)u->cache_write, (unsigned long long)u->out, (long long)u->cost_micro);

    sl_script_arg(c, u->day);
    sl_script_joined(c, name, u->app.n > 0 ? 9 : 7); /* as in settle.c */
    sl_script_arg(c, (struct sl_str){text, (size_t)n});
}

static void push_account(struct sl_script_call *c, const struct sl_restore_account *a)
{
    struct sl_str level[] = {a->key_id.n > 0 ? SL_STR("k:") : SL_STR("t"), a->key_id};

    sl_script_joined(c, level, 2);
    sl_script_int(c, a->account.held);
    sl_script_int(c, a->account.granted_micro);
    sl_script_int(c, a->account.spent_micro);
    sl_script_int(c, a->account.day0);
    sl_script_int(c, a->account.day_micro);
    sl_script_int(c, a->account.month0);
    sl_script_int(c, a->account.month_micro);
    sl_script_arg(c, a->once);
    if (a->key_id.n > SL_REDIS_NAME || a->once.n > SL_STORE_ONCE)
        sl_script_refuse(c, SL_ERR_CEILING);
}

static void push_seq(struct sl_script_call *c, const struct sl_restore_seq *s)
{
    sl_script_arg(c, (struct sl_str){s->instance, strnlen(s->instance, sizeof s->instance)});
    sl_script_count(c, s->number);
}

static void push_all(struct sl_script_call *c, const struct sl_restore *what)
{
    sl_script_count(c, what->accounts_n);
    sl_script_count(c, what->rows_n);
    sl_script_count(c, what->seqs_n);
    for (size_t i = 0; i < what->accounts_n; i++)
        push_account(c, &what->accounts[i]);
    for (size_t i = 0; i < what->rows_n; i++)
        push_row(c, &what->rows[i]);
    for (size_t i = 0; i < what->seqs_n; i++)
        push_seq(c, &what->seqs[i]);
}

void sl_redis_restore(struct sl_backend *b, const struct sl_restore *what, SL_BACKEND_WAIT)
{
    struct sl_redis *r = sl_redis_of(b);
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_RESTORE);
    char text[SL_REDIS_BASE];
    struct sl_str base = sl_redis_base(r, what->tenant, text);

    c->read = sl_redis_read_done;
    sl_script_key(c, base, SL_STR("seq"));
    sl_script_arg(c, base);
    if (sl_redis_is_name(what->tenant) && what->accounts_n <= SL_STORE_PAGE &&
        what->rows_n <= SL_STORE_PAGE && what->seqs_n <= SL_STORE_PAGE)
        push_all(c, what);
    else
        sl_script_refuse(c, SL_ERR_CEILING);
    sl_script_send(c, slot, done, ctx);
}
