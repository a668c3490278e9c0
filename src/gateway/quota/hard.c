/* A running answer under a hard budget: its reservation grows, or it ends. */
#include "gateway/quota/hard.h"

#include "gateway/quota/pass.h"
#include "gateway/relay/relay.h"
#include "gateway/words/spoken.h"
#include "llm/finish.h"

#define MISSES 2 /* renewals without an answer that end a stream */

struct sl_hard {
    struct sl_req *r; /* up */
    struct sl_timer timer;
    struct sl_op *op;         /* owns: the growth under way */
    struct sl_finish *finish; /* owns: of a stream */
    uint64_t reserved;        /* tokens of the answer */
    int64_t reserved_micro;   /* for them and the question */
    uint64_t wish;            /* both, once it has grown */
    int64_t wish_micro;
    struct sl_quota_answer why; /* what the last growth met */
    unsigned missed;
    bool due; /* to be ended behind the event that is passing */
};

/* ---- growing ---- */

static void on_grown(void *ctx, enum sl_err e)
{
    struct sl_hard *h = ctx;

    if (e == SL_OK) {
        h->reserved = h->wish;
        h->reserved_micro = h->wish_micro;
        h->missed = 0;
    } else if (e != SL_ERR_STORE || ++h->missed >= MISSES) {
        sl_req_event(h->r, SL_EVT_BROKE);
    }
}

/* Tokens that have passed, as they would be charged. */
static uint64_t counted(const struct sl_req *r)
{
    struct sl_usage u = r->usage;

    sl_usage_settle(&u, r->body_n);
    return u.out;
}

/* How much is to be reserved now. A provider that has gone beyond max_tokens is not held
 * to it. */
static uint64_t wish(const struct sl_hard *h)
{
    const struct sl_req *r = h->r;
    uint64_t passed = counted(r);
    uint64_t most = passed > h->reserved ? passed : h->reserved;

    most += sl_pass_step(r);
    if (r->max_tokens >= passed && r->max_tokens > 0 && r->max_tokens < most)
        most = r->max_tokens;
    return most;
}

static void renew(struct sl_timer *t)
{
    struct sl_hard *h = SL_CONTAINER(t, struct sl_hard, timer);
    struct sl_req *r = h->r;
    struct sl_growth more;

    sl_timer_start(r->gw->net, t, r->gw->renew_ms);
    if (h->op != NULL)
        return;
    h->wish = wish(h);
    h->wish_micro = sl_pass_worth(r, h->wish); /* where it is asked now */
    more = (struct sl_growth){h->wish_micro - h->reserved_micro, &h->why};
    if (more.micro > 0)
        sl_store_grow_start(r->gw->store, &r->pass->ask, &more, &h->op, on_grown, h);
}

bool sl_hard_begin(struct sl_req *r)
{
    struct sl_hard *h = r->hard;

    if (!r->key->of->hard || r->pass == NULL || !r->pass->answer.reserved)
        return true;
    if (h == NULL) {
        r->hard = h = sl_arena_zalloc(r->arena, sizeof *h);
        if (h == NULL)
            return false;
        h->r = r;
        h->reserved = sl_pass_first(r);
        h->reserved_micro = r->pass->ask.reserve_micro;
        sl_timer_init(&h->timer, renew);
        sl_timer_start(r->gw->net, &h->timer, r->gw->renew_ms);
    }
    sl_finish_end(&h->finish);
    if (r->streams)
        h->finish = sl_finish_new(r->ep);
    return !r->streams || h->finish != NULL;
}

void sl_hard_end(struct sl_req *r)
{
    struct sl_hard *h = r->hard;

    if (h == NULL)
        return;
    r->hard = NULL;
    sl_timer_stop(r->gw->net, &h->timer);
    sl_op_cancel(&h->op);
    sl_finish_end(&h->finish);
}

/* ---- what passes ---- */

void sl_hard_event(struct sl_req *r, struct sl_str event)
{
    if (r->hard != NULL && r->hard->finish != NULL)
        sl_finish_event(r->hard->finish, event);
}

void sl_hard_lost(struct sl_req *r, struct sl_str first)
{
    const struct sl_str mark = SL_STR("event:");
    struct sl_str name = {"", 0};
    ptrdiff_t end = sl_str_find_byte(first, '\n');

    if (r->hard == NULL || r->hard->finish == NULL)
        return;
    if (sl_str_starts(first, mark) && end > 0)
        name = sl_str_trim(sl_str_from(sl_str_first(first, (size_t)end), mark.n));
    sl_finish_lost(r->hard->finish, name);
}

bool sl_hard_is_due(const struct sl_req *r)
{
    return r->hard != NULL && r->hard->due;
}

/* ---- ending ---- */

static enum sl_state refuse(struct sl_req *r)
{
    /* nothing was heard of the store twice, and on_outage refuses */
    struct sl_str said =
        SL_STR("Insufficient quota: the store that counts budgets does not answer.");
    const struct sl_quota_answer *why = &r->hard->why;
    struct sl_quota_ask ask = r->pass->ask;
    char text[512];

    ask.reserve_micro = 0; /* it is held already: what is lacking is more */
    sl_call_end(&r->call);
    r->ending = SL_END_BUDGET;
    if (why->limit != SL_LIMIT_NONE)
        said = (struct sl_str){
            text, sl_quota_explain(&ask, why, sl_net_unix_ms(r->gw->net), text, sizeof text)};
    return sl_req_refuse(r, SL_ERR_CREDITS, 0,
                         "%.*s That does not cover more of this answer of key %.*s, tenant %.*s, "
                         "and the budget is a hard one: ask for fewer max_tokens.",
                         SL_STR_ARGS(said), SL_STR_ARGS(r->key_id), SL_STR_ARGS(r->key->tenant));
}

enum sl_state sl_hard_stop(struct sl_req *r)
{
    struct sl_hard *h = r->hard;

    if (r->state == SL_ST_TRY)
        return refuse(r);
    if (r->answer->status >= 400 || r->usage.has_final || r->error == SL_ERR_UP_STREAM_ERROR)
        return SL_ST_RELAY; /* it costs nothing, or nothing more */
    if (!r->committed)
        return refuse(r);
    if (h->finish == NULL || sl_finish_is_over(h->finish))
        return SL_ST_RELAY;
    h->due = r->mid_event;
    if (h->due)
        return SL_ST_RELAY;
    if (r->spoken != NULL && !sl_spoken_rest(r))
        return sl_spoken_stop(r);
    return sl_relay_end_early(r, h->finish, SL_ERR_CREDITS, SL_END_BUDGET);
}
