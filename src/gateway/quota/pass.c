/* What a request asks of the store before it may pass, and what it gives back. */
#include "gateway/quota/pass.h"

#include "base/text.h"
#include "gateway/audit/audit.h"
#include "gateway/inside.h"
#include "gateway/quota/generation.h"
#include "gateway/quota/hard.h"
#include "gateway/quota/watch.h"
#include "gateway/routing/trial.h"
#include "gateway/cache/reuse.h"
#include "base/text.h"
#include "llm/estimate.h"
#include "llm/session.h"
#include "net/tls.h"

#define USER_MAX 512 /* bytes of an end user's name that are looked at */

/* One API's rule for a model without a price: one unit a token. */
static const struct sl_price unit_price = {
    .in = (int64_t)SL_MONEY_ONE_API_UNIT * SL_MONEY_MICRO,
    .out = (int64_t)SL_MONEY_ONE_API_UNIT * SL_MONEY_MICRO,
    .cache_read = (int64_t)SL_MONEY_ONE_API_UNIT * SL_MONEY_MICRO,
    .cache_write_5m = (int64_t)SL_MONEY_ONE_API_UNIT * SL_MONEY_MICRO,
    .cache_write_1h = (int64_t)SL_MONEY_ONE_API_UNIT * SL_MONEY_MICRO,
};

static bool has_budget(const struct sl_req *r)
{
    return sl_terms_has_budget(&r->key->terms) || sl_terms_has_budget(&r->key->of->terms);
}

static const struct sl_price *price_at(const struct sl_req *r, const struct sl_target *target,
                                       struct sl_str served)
{
    const struct sl_price *price = sl_gateway_price(r->conf, target, served);

    return price == NULL && has_budget(r) ? &unit_price : price;
}

void sl_pass_retarget(struct sl_req *r)
{
    if (r->pass != NULL)
        r->pass->price = price_at(r, r->target, r->served);
}

/* The least that a level names; what nobody names is the usual. */
uint64_t sl_pass_step(const struct sl_req *r)
{
    uint64_t key = sl_terms_limit(r->key->terms.limits.reserve_output);
    uint64_t tenant = sl_terms_limit(r->key->of->terms.limits.reserve_output);

    if (key == 0 || (tenant != 0 && tenant < key))
        key = tenant;
    return key != 0 ? key : SL_TERMS_RESERVE_OUTPUT;
}

uint64_t sl_pass_first(const struct sl_req *r)
{
    uint64_t most = sl_pass_step(r);
    uint64_t asked = r->max_tokens != 0 ? r->max_tokens : r->model->max_tokens_default;

    return asked != 0 && asked < most ? asked : most;
}

static int64_t worth(const struct sl_req *r, const struct sl_price *price, uint64_t in,
                     uint64_t out)
{
    struct sl_priced what = {.in = in};

    if (r->ep != SL_EP_EMBEDDINGS && r->ep != SL_EP_MODERATIONS)
        what.out = out;
    return sl_money_micro(sl_price_cost_pico(price, &what));
}

int64_t sl_pass_worth(const struct sl_req *r, uint64_t out)
{
    return worth(r, r->pass->price, r->pass->input, out);
}

int64_t sl_pass_estimate(const struct sl_req *r, size_t i, uint64_t in)
{
    const struct sl_candidate *c = &r->trial->rank[i];
    const struct sl_price *price = price_at(r, c->target, c->served);

    return price != NULL ? worth(r, price, in, sl_pass_first(r)) : SL_MONEY_UNKNOWN;
}

/* Of the dearest target it may come to: a failover needs no second admission. */
static int64_t reservation(struct sl_req *r)
{
    struct sl_pass *p = r->pass;
    int64_t most = 0;

    if (p->ask.free || p->ask.light || !has_budget(r))
        return 0;
    p->input = sl_estimate_input((struct sl_str){r->body, r->body_n});
    for (size_t i = 0; i < r->trial->n; i++) {
        int64_t one = sl_pass_estimate(r, i, p->input);

        most = one > most ? one : most;
    }
    return most;
}

/* No target it may come to costs anything. */
static bool is_free(const struct sl_req *r)
{
    for (size_t i = 0; i < r->trial->n; i++) {
        const struct sl_candidate *c = &r->trial->rank[i];
        const struct sl_price *price = price_at(r, c->target, c->served);

        if (price != NULL && !price->free)
            return false;
    }
    return true;
}

static void set_money(struct sl_req *r, bool hit)
{
    struct sl_pass *p = r->pass;

    sl_pass_retarget(r);
    p->ask.free = is_free(r);
    p->ask.reserve_micro = hit ? 0 : reservation(r);
}

static void on_answer(void *ctx, enum sl_err e)
{
    (void)e; /* the answer itself says what went wrong */
    sl_req_event(ctx, SL_EVT_STORE);
}

static void start(struct sl_req *r)
{
    struct sl_pass *p = r->pass;

    p->asked = true;
    sl_store_admit_start(r->gw->store, &p->ask, &p->answer, &p->op, on_answer, r);
}

/* Who asks: texts and terms are the key's, which may be read anew. */
static void take_key(struct sl_req *r)
{
    struct sl_quota_ask *ask = &r->pass->ask;
    const struct sl_key *k = r->key;
    bool successor = k->account.n > 0;

    ask->tenant = k->tenant;
    ask->key_id = successor ? k->account : k->public_id;
    ask->record_id = successor ? k->public_id : (struct sl_str){"", 0};
    ask->rev[SL_LEVEL_KEY] = k->rev;
    ask->rev[SL_LEVEL_TENANT] = k->of->rev;
    ask->terms[SL_LEVEL_KEY] = &k->terms;
    ask->terms[SL_LEVEL_TENANT] = &k->of->terms;
}

/* The store knows its name by a digest only. */
static void take_user(struct sl_req *r)
{
    static const char digits[] = "0123456789abcdef";
    char text[USER_MAX], short_text[SL_SESSION_MAX], both[2 * USER_MAX];
    struct sl_text t = sl_text_over(both, sizeof both);
    struct sl_str who;
    uint8_t digest[32];

    memset(r->pass->ask.user, 0, SL_QUOTA_USER);
    if (sl_terms_limit(r->key->terms.limits.user_concurrency) == 0 &&
        sl_terms_limit(r->key->of->terms.limits.user_concurrency) == 0)
        return;
    who = sl_body_user(r->inspect, (struct sl_str){r->body, r->body_n}, text, sizeof text);
    if (who.n == 0)
        return;
    sl_text_add(&t, r->key->tenant);
    sl_text_byte(&t, '\n');
    sl_text_add(&t, sl_session_user(who, short_text));
    sl_tls_sha256(sl_text_str(&t), digest);
    for (size_t i = 0; i < SL_QUOTA_USER; i++)
        r->pass->ask.user[i] = digits[i % 2 == 0 ? digest[i / 2] >> 4 : digest[i / 2] & 15];
}

bool sl_pass_ask(struct sl_req *r, bool hit, bool may_hit)
{
    struct sl_pass *p = sl_arena_zalloc(r->arena, sizeof *p);
    struct sl_quota_ask *ask;

    if (p == NULL)
        return false;
    r->pass = p;
    ask = &p->ask;
    take_key(r);
    take_user(r);
    sl_store_id(r->gw->store, r->id, ask->id);
    ask->periods = *sl_gateway_periods(r->gw, r->key->of->zone);
    ask->gateway_qps = r->conf->qps;
    ask->light = r->ep == SL_EP_COUNT_TOKENS;
    ask->windows_only = hit;
    ask->may_hit = may_hit;
    ask->look = r->explain != NULL;
    set_money(r, hit);
    start(r);
    return true;
}

void sl_pass_ask_again(struct sl_req *r)
{
    take_key(r);
    take_user(r);
    set_money(r, r->pass->ask.windows_only); /* a budget may have come, or gone */
    start(r);
}

enum sl_state sl_pass_refuse(struct sl_req *r)
{
    struct sl_pass *p = r->pass;
    char text[768];
    size_t n =
        sl_quota_explain(&p->ask, &p->answer, sl_store_now_ms(r->gw->store), text, sizeof text);

    if (r->explain == NULL)
        sl_account_limited(r);
    if (p->answer.limit == SL_LIMIT_CREDITS) /* nothing is charged any more, so nobody else tells */
        sl_watch_stir(r->gw->watch, r->key->of, r->key->tenant);
    r->retry_ms = p->answer.wait_ms > 0 ? (uint64_t)p->answer.wait_ms : 0;
    return sl_req_refuse(r, sl_quota_error(&p->answer), 0, "%.*s", (int)n, text);
}

/* ---- the end ---- */

static int64_t cost_at(const struct sl_req *r, const struct sl_price *price)
{
    const struct sl_usage *u = &r->usage;
    struct sl_priced what = {.in = u->in,
                             .out = u->out,
                             .cache_read = u->cache_read,
                             .cache_write_5m = u->cache_write_5m,
                             .cache_write_1h = u->cache_write_1h,
                             .searches = u->searches};

    if (price == NULL || price->free)
        return 0;
    if (u->has_cost) /* the provider's own word */
        return sl_money_micro(u->cost_pico);
    return sl_money_micro(sl_price_cost_pico(price, &what));
}

static int64_t cost(const struct sl_req *r)
{
    return r->pass->ask.light ? 0 : cost_at(r, r->pass->price);
}

int64_t sl_pass_saved_micro(const struct sl_req *r)
{
    if (r->reuse == NULL || r->target == NULL || r->key == NULL || !r->usage.has_in ||
        (r->reuse->result != SL_REUSE_HIT && r->reuse->result != SL_REUSE_STALE))
        return 0;
    return cost_at(r, price_at(r, r->target, r->served));
}

bool sl_pass_cost_header(struct sl_req *r, struct sl_headers *h)
{
    char text[24];
    struct sl_str value;

    if (r->pass == NULL || !r->pass->passed ||
        (!sl_reuse_is_ours(r) && (!r->usage.has_in || r->pass->price == NULL)))
        return true;
    value = sl_arena_dup(r->arena, sl_money_print(sl_reuse_is_ours(r) ? 0 : cost(r), text));
    return value.p != NULL && sl_headers_add(h, r->arena, SL_STR("x-sluice-cost"), value);
}

static const char *source_of(const struct sl_req *r)
{
    static const char *const names[] = {"estimated", "counted", "reported"};

    return r->worked ? names[r->usage.source] : "none";
}

static void settle(struct sl_req *r)
{
    const struct sl_usage *u = &r->usage;
    struct sl_audit audit;
    struct sl_settle s = {.audit = &audit,
                          .ask = &r->pass->ask,
                          .answer = &r->pass->answer,
                          .endpoint = sl_str_of(sl_endpoint_name(r->ep)),
                          .model = r->model->name,
                          .user = r->key->user,
                          .req_id = {r->id, sizeof r->id},
                          .key_name = r->key->name,
                          .ending = sl_ending_name(r->ending),
                          .source = source_of(r),
                          .status = r->status,
                          .cached = sl_reuse_is_ours(r)};

    sl_audit_fill(r, &audit);
    s.app = sl_apps_count(&r->gw->apps, r->key->tenant, sl_audit_who(r)->named,
                          sl_net_unix_ms(r->gw->net) / 1000);
    s.took_ms = (int64_t)((r->t.end - r->t.begin) / 1000);
    s.begin_unix_ms = sl_net_unix_ms(r->gw->net) - s.took_ms;
    if (r->provider != NULL && !s.cached) {
        s.provider = r->provider->name;
        s.served = r->served;
    }
    if (r->worked) {
        r->cost_micro = s.cost_micro = cost(r);
        s.in = u->in;
        s.out = u->out;
        s.cache_read = u->cache_read;
        s.cache_write = u->cache_write_5m + u->cache_write_1h;
        s.tpm_tokens = r->pass->ask.light ? 0 : s.in + s.cache_write + s.out;
    }
    sl_store_settle(r->gw->store, &s);
    if (r->worked && !s.cached)
        sl_generation_note(r);
    if (s.cost_micro > 0)
        sl_watch_stir(r->gw->watch, r->key->of, r->key->tenant);
}

void sl_pass_close(struct sl_req *r)
{
    struct sl_pass *p = r->pass;

    if (p == NULL || !p->asked)
        return;
    p->asked = false;
    sl_hard_end(r);
    if (p->op != NULL) { /* not answered yet: the store gives back what it took */
        sl_op_cancel(&p->op);
        return;
    }
    if (p->passed && (r->ending != SL_END_SHED || r->worked))
        settle(r);
    else if (p->answer.leased || p->answer.reserved || p->answer.booked)
        sl_store_give_back(r->gw->store, &p->ask, &p->answer);
}
