/* What a failure says: about the next try, about the provider, about the key. */
#include "gateway/inside.h"
#include "gateway/routing/trial.h"

static void read_hints(const struct sl_req *r, struct sl_retry_hints *out)
{
    const struct sl_headers *h;
    struct sl_str should;

    if (r->answer == NULL)
        return;
    h = &r->answer->headers;
    should = sl_headers_get(h, SL_STR("x-should-retry"));
    out->should = sl_str_eq_nocase(should, SL_STR("true"));
    out->should_not = sl_str_eq_nocase(should, SL_STR("false"));
    sl_retry_read_wait(sl_headers_get(h, SL_STR("retry-after-ms")),
                       sl_headers_get(h, SL_STR("retry-after")), sl_net_unix_ms(r->gw->net), out);
}

/* A plain generation may have been worked on for minutes: it is not asked for twice
 * because of silence. */
static bool may_repeat_silence(const struct sl_req *r)
{
    return r->streams || r->ep == SL_EP_EMBEDDINGS || r->ep == SL_EP_MODERATIONS ||
           r->ep == SL_EP_COUNT_TOKENS;
}

static enum sl_retry judge_error(const struct sl_req *r, enum sl_err why)
{
    switch ((int)why) {
    case SL_ERR_TOTAL: /* nothing is left of the time */
    case SL_ERR_NO_MEMORY:
    case SL_ERR_OVERLOAD: /* nor has any other target a descriptor of ours */
    case SL_ERR_CEILING: return SL_RETRY_NEVER;
    case SL_ERR_QUEUE_FULL:
    case SL_ERR_QUEUE_SLOW:
    case SL_ERR_TLS_VERIFY: return SL_RETRY_ELSEWHERE;
    case SL_ERR_UP_IDLE: return may_repeat_silence(r) ? SL_RETRY_AGAIN : SL_RETRY_NEVER;
    default: return sl_err_is_retryable(why) ? SL_RETRY_AGAIN : SL_RETRY_NEVER;
    }
}

static bool is_ours(enum sl_err why)
{
    return why == SL_ERR_NO_MEMORY || why == SL_ERR_OVERLOAD || why == SL_ERR_CEILING ||
           why == SL_ERR_QUEUE_FULL || why == SL_ERR_QUEUE_SLOW || why == SL_ERR_UP_TOKEN;
}

static void tell_breaker(struct sl_req *r, const struct sl_failure *f)
{
    struct sl_trial *t = r->trial;
    bool bad = f->status != 0 ? f->status >= 500 : !is_ours(f->why);
    uint64_t now = sl_net_now(r->gw->net);

    if (bad)
        sl_latency_fail(&t->health->latency[r->streams ? 0 : 1], now, (now - t->started_ms) * 1000);
    sl_breaker_give(&t->health->breaker, &r->provider->breaker, now, &t->lease,
                    bad ? SL_OUTCOME_BAD : SL_OUTCOME_NONE);
}

static void tell_key(struct sl_req *r, const struct sl_failure *f,
                     const struct sl_retry_hints *hints)
{
    struct sl_trial *t = r->trial;
    uint64_t now = sl_net_now(r->gw->net);

    if (t->health->keys_print != r->provider->keys_print)
        return; /* a reload has brought others meanwhile */
    if (f->status == 401 || f->status == 402 || f->status == 403 || f->quota)
        sl_keyring_bar(&t->health->ring, t->key, now);
    else if (f->status == 429)
        sl_keyring_limit(&t->health->ring, t->key, now, hints->has_wait ? hints->wait_ms : 0);
}

bool sl_trial_has_larger(const struct sl_req *r)
{
    const struct sl_trial *t = r->trial;

    for (size_t i = 0; i < t->n; i++)
        if (!t->spent[i] && t->rank[i].target->context > t->rank[t->at].target->context)
            return true;
    return false;
}

enum sl_retry sl_trial_judge(struct sl_req *r, const struct sl_failure *f,
                             struct sl_retry_hints *hints)
{
    read_hints(r, hints);
    tell_breaker(r, f);
    tell_key(r, f, hints);
    if (f->status == 0)
        return judge_error(r, f->why);
    return f->quota || (f->too_long && sl_trial_has_larger(r)) ? SL_RETRY_ELSEWHERE
                                                               : sl_retry_status(f->status, hints);
}

void sl_trial_count(struct sl_req *r, const struct sl_target *to, const struct sl_failure *f)
{
    char digits[4] = {(char)('0' + f->status / 100 % 10), (char)('0' + f->status / 10 % 10),
                      (char)('0' + f->status % 10), '\0'};
    struct sl_str reason = sl_str_of(f->status != 0 ? digits : sl_err_name(f->why));
    struct sl_str again[] = {r->provider->name, reason};
    struct sl_str over[] = {r->model->name, r->provider->name,
                            r->conf->providers[to->provider].name, reason};

    if (to == r->target)
        sl_metric_add(sl_metric_series(r->gw->f.retries, again), 1);
    else
        sl_metric_add(sl_metric_series(r->gw->f.failovers, over), 1);
}

/* Of the candidate that is back first: its breaker's rest, its keys', its pause. */
uint64_t sl_trial_rest_ms(struct sl_req *r)
{
    const struct sl_trial *t = r->trial;
    uint64_t now = sl_net_now(r->gw->net), least = UINT64_MAX;

    for (size_t i = 0; i < t->n; i++) {
        const struct sl_provider *p = &r->conf->providers[t->rank[i].target->provider];
        const struct sl_health *h =
            sl_health_of(r->gw->healths, r->conf, t->rank[i].model, t->rank[i].target);
        uint64_t rest = sl_breaker_rest_ms(&h->breaker, &p->breaker, now);
        uint64_t keys = sl_keyring_wait_ms(&h->ring, now);
        uint64_t token = sl_tokens_rest_ms(r->gw->tokens, p);
        uint64_t paused =
            sl_switched_rest_ms(&r->gw->switched, r->conf, t->rank[i].model, t->rank[i].target);

        if (keys != SL_KEYRING_NEVER && keys > rest)
            rest = keys;
        if (token > rest)
            rest = token;
        if (paused > rest)
            rest = paused;
        if (rest < least)
            least = rest;
    }
    return least == UINT64_MAX ? 0 : least;
}
