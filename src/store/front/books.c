/* store/front/books.c -- balances and usage, and what a rebuild sets. */
#include "base/mem.h"
#include "base/text.h"
#include "store/front/inside.h"

static struct sl_step *begin(struct sl_store *s, size_t size, enum sl_store_what what,
                             const struct sl_step_waiter *w)
{
    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    return sl_step_new(s, size, what, SL_STORE_ADMIN_MS, w);
}

/* lint: budgets whose balance, when, and who waits */
void sl_store_balance_start(struct sl_store *s, struct sl_str tenant, struct sl_str key_id,
                            const struct sl_periods *now, struct sl_balance *out,
                            struct sl_op **slot, sl_store_done_fn *done, void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    struct sl_step *st = begin(s, sizeof *st, SL_STORE_BALANCE, &w);

    if (sl_store_is_asked(s))
        s->b->ops->balance(s->b, tenant, key_id, now, out, &st->below, sl_step_on_done, st);
    else
        sl_step_tell_later(st, SL_ERR_STORE);
}

/* lint: budgets whose rows, of when, and who waits */
void sl_store_usage_start(struct sl_store *s, struct sl_str tenant, struct sl_str from_day,
                          struct sl_str to_day, struct sl_str after, struct sl_usage_rows *out,
                          struct sl_op **slot, sl_store_done_fn *done, void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    struct sl_step *st = begin(s, sizeof *st, SL_STORE_USAGE, &w);

    if (sl_store_is_asked(s))
        s->b->ops->usage(s->b, tenant, from_day, to_day, after, out, &st->below, sl_step_on_done,
                         st);
    else
        sl_step_tell_later(st, SL_ERR_STORE);
}

void sl_store_restore_start(struct sl_store *s, const struct sl_restore *what, struct sl_op **slot,
                            sl_store_done_fn *done, void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    struct sl_step *st = begin(s, sizeof *st, SL_STORE_RESTORE, &w);

    if (sl_store_is_asked(s))
        s->b->ops->restore(s->b, what, &st->below, sl_step_on_done, st);
    else
        sl_step_tell_later(st, SL_ERR_STORE);
}

void sl_store_restore_records_start(struct sl_store *s, const struct sl_record *recs, size_t n,
                                    struct sl_op **slot, sl_store_done_fn *done, void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    struct sl_step *st = begin(s, sizeof *st, SL_STORE_RESTORE, &w);

    if (sl_store_is_asked(s))
        s->b->ops->restore_records(s->b, recs, n, &st->below, sl_step_on_done, st);
    else
        sl_step_tell_later(st, SL_ERR_STORE);
}

/* ---- grants ---- */

struct grant {
    struct sl_step st;
    struct sl_store_grant what; /* texts in `text`: they outlive a waiter that leaves */
    struct sl_str actor;        /* likewise */
    struct sl_balance got;
    struct sl_balance *out; /* up */
    bool made;
    char text[];
};

/* True: nothing to wait for. */
static bool prove(struct grant *g)
{
    char members[4096];
    struct sl_text t = sl_text_over(members, sizeof members);

    sl_text_add(&t, SL_STR("\"kind\":\"grant\",\"actor\":"));
    sl_text_json(&t, g->actor, 256);
    sl_text_add(&t, SL_STR(",\"tenant\":"));
    sl_text_json(&t, g->what.tenant, 256);
    sl_text_add(&t, SL_STR(",\"key\":"));
    sl_text_json(&t, g->what.key_id, 256);
    sl_text_printf(&t, ",\"initial_micro\":%lld,\"more_micro\":%lld,\"granted_micro\":%lld",
                   (long long)g->what.initial_micro, (long long)g->what.more_micro,
                   (long long)g->got.granted_micro);
    if (g->what.once.n > 0) {
        sl_text_add(&t, SL_STR(",\"once\":"));
        sl_text_json(&t, g->what.once, SL_STORE_ONCE);
    }
    return sl_store_prove(&g->st, sl_text_str(&t));
}

static bool finish_grant(struct sl_step *st, enum sl_err *e)
{
    struct grant *g = SL_CONTAINER(st, struct grant, st);

    if (g->made) {
        *e = SL_OK; /* it is; whatever became of the line */
        return true;
    }
    if (*e != SL_OK)
        return true;
    g->made = true;
    *g->out = g->got;
    return prove(g);
}

static void late_grant(struct sl_step *st, enum sl_err e)
{
    if (e == SL_OK)
        (void)prove(SL_CONTAINER(st, struct grant, st));
}

static struct sl_str keep(char **at, struct sl_str s)
{
    struct sl_str out = {*at, s.n};

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

/* lint: budgets to whom, how much, by whom, and who waits */
void sl_store_grant_start(struct sl_store *s, const struct sl_store_grant *what,
                          struct sl_str actor, struct sl_balance *out, struct sl_op **slot,
                          sl_store_done_fn *done, void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    size_t texts = what->tenant.n + what->key_id.n + what->once.n + actor.n;
    struct sl_step *st = begin(s, sizeof(struct grant) + texts, SL_STORE_GRANT, &w);
    struct grant *g = SL_CONTAINER(st, struct grant, st);
    char *at = g->text;

    g->what = *what;
    g->what.tenant = keep(&at, what->tenant);
    g->what.key_id = keep(&at, what->key_id);
    g->what.once = keep(&at, what->once);
    g->actor = keep(&at, actor);
    g->out = out;
    st->finish = finish_grant;
    st->late = late_grant;
    if (sl_store_is_asked(s))
        s->b->ops->grant(s->b, &g->what, &g->got, &st->below, sl_step_on_done, st);
    else
        sl_step_tell_later(st, SL_ERR_STORE);
}
