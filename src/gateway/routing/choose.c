/* Which candidate is tried next: those that are ready, then those that will be soon. */
#include "gateway/inside.h"

#include "base/rand.h"
#include "gateway/routing/trial.h"

static const struct sl_provider *provider_at(const struct sl_req *r, size_t i)
{
    return &r->conf->providers[r->trial->rank[i].target->provider];
}

static struct sl_health *health_at(struct sl_req *r, size_t i)
{
    const struct sl_candidate *c = &r->trial->rank[i];

    return sl_health_of(r->gw->healths, r->conf, c->model, c->target);
}

static uint64_t now_of(const struct sl_req *r)
{
    return sl_net_now(r->gw->net);
}

bool sl_trial_is_paused(struct sl_req *r, size_t i)
{
    const struct sl_candidate *c = &r->trial->rank[i];

    return sl_switched_rest_ms(&r->gw->switched, r->conf, c->model, c->target) > 0;
}

/* Against any try there, whoever asks; NONE: nothing. */
static enum sl_reason ill_of(struct sl_req *r, size_t i)
{
    if (sl_trial_is_paused(r, i))
        return SL_REASON_PAUSED;
    if (sl_tokens_rest_ms(r->gw->tokens, provider_at(r, i)) != 0)
        return SL_REASON_TOKEN_RESTS;
    if (!r->trial->probing &&
        !sl_breaker_can_try(&health_at(r, i)->breaker, &provider_at(r, i)->breaker, now_of(r)))
        return SL_REASON_BREAKER_OPEN;
    return SL_REASON_NONE;
}

/* Against any try of this request there; NONE: nothing. */
static enum sl_reason closed_by(struct sl_req *r, size_t i)
{
    if (r->trial->spent[i])
        return SL_REASON_SPENT;
    if (now_of(r) >= sl_trial_due(r, i))
        return SL_REASON_NO_TIME;
    return ill_of(r, i);
}

bool sl_trial_is_open(struct sl_req *r, size_t i)
{
    return closed_by(r, i) == SL_REASON_NONE;
}

bool sl_trial_has_key(struct sl_req *r, size_t i, bool barred)
{
    size_t key;

    return sl_keyring_pick(&health_at(r, i)->ring, now_of(r), barred, &key);
}

/* Its provider asked for a wait that is too long. */
static bool is_too_late(struct sl_req *r, size_t i)
{
    return r->trial->not_before[i] > now_of(r) + provider_at(r, i)->retry.max_ms;
}

/* With one try there is no waiting either: it goes out whatever its keys do. */
static bool may_wait(const struct sl_req *r, size_t i)
{
    return provider_at(r, i)->retry.attempts > 1;
}

bool sl_trial_is_well(struct sl_req *r, size_t i)
{
    return ill_of(r, i) == SL_REASON_NONE && (!may_wait(r, i) || sl_trial_has_key(r, i, false));
}

/* Against a try at once; `room`: a lack of places, too. */
static enum sl_reason bar(struct sl_req *r, size_t i, bool room)
{
    enum sl_reason closed = closed_by(r, i);

    if (closed != SL_REASON_NONE)
        return closed;
    if (may_wait(r, i) && !sl_trial_has_key(r, i, false))
        return SL_REASON_KEYS_REST;
    if (is_too_late(r, i))
        return SL_REASON_PROVIDER_WAITS;
    return room && !sl_place_is_free(r, i) ? SL_REASON_NO_PLACE : SL_REASON_NONE;
}

enum sl_reason sl_trial_bar(struct sl_req *r, size_t i)
{
    return bar(r, i, true);
}

/* The least tried one, in the order of the rank; `room`: of those that have a place. */
static size_t choose_ready(struct sl_req *r, bool room)
{
    const struct sl_trial *t = r->trial;
    size_t best = SL_TRIAL_NOBODY;

    if (t->key_failed && sl_trial_is_open(r, t->at) && sl_trial_has_key(r, t->at, false) &&
        (!room || sl_place_is_free(r, t->at)))
        return t->at;
    for (size_t i = 0; i < t->n; i++) {
        if (best != SL_TRIAL_NOBODY && t->tries[i] >= t->tries[best])
            continue;
        if (bar(r, i, room) == SL_REASON_NONE)
            best = i;
    }
    return best;
}

/* All keys rest: the first one that will be awake, if it may be waited for. */
static size_t choose_resting(struct sl_req *r, uint64_t *wait_ms)
{
    size_t best = SL_TRIAL_NOBODY;

    for (size_t i = 0; i < r->trial->n; i++) {
        uint64_t wait = sl_keyring_wait_ms(&health_at(r, i)->ring, now_of(r));

        if (!sl_trial_is_open(r, i) || !may_wait(r, i) || wait == 0 ||
            wait > provider_at(r, i)->retry.max_ms || (best != SL_TRIAL_NOBODY && wait >= *wait_ms))
            continue;
        best = i;
        *wait_ms = wait;
    }
    if (best != SL_TRIAL_NOBODY) /* not all that wait for a key come back in the same moment */
        *wait_ms += sl_rand_u64() % (provider_at(r, best)->retry.base_ms / 2 + 1);
    return best;
}

/* Keys that were refused, rather than none: an operator may have mended them. */
static size_t choose_barred(struct sl_req *r)
{
    for (size_t i = 0; i < r->trial->n; i++)
        if (r->trial->tries[i] == 0 && sl_trial_is_open(r, i) && sl_trial_has_key(r, i, true))
            return i;
    return SL_TRIAL_NOBODY;
}

static bool may_probe(struct sl_req *r)
{
    bool any = false;

    if (r->trial->probing)
        return false;
    for (size_t i = 0; i < r->trial->n; i++) {
        if (sl_trial_is_paused(r, i))
            continue;
        any = true;
        if (sl_breaker_look(&health_at(r, i)->breaker, &provider_at(r, i)->breaker, now_of(r)) ==
            SL_BREAKER_CLOSED)
            return false;
    }
    if (!any)
        return false;
    if (r->explain != NULL)
        return sl_health_may_probe(r->gw->healths, r->model, now_of(r));
    return sl_health_probe(r->gw->healths, r->model, now_of(r));
}

/* Before the same target again: what its provider asked for, or a backoff. */
static uint64_t wait_before(struct sl_req *r, size_t i)
{
    const struct sl_trial *t = r->trial;
    const struct sl_retry_rules *rules = &provider_at(r, i)->retry;
    uint64_t jitter = sl_retry_backoff_ms(rules, t->tries[i], sl_rand_u64());

    if (t->tries[i] == 0 || (t->key_failed && i == t->at))
        return 0;
    if (t->not_before[i] > now_of(r))
        return t->not_before[i] - now_of(r) + jitter % (rules->base_ms / 2 + 1);
    return jitter;
}

size_t sl_trial_choose(struct sl_req *r, uint64_t *wait_ms)
{
    size_t i = choose_ready(r, true);

    *wait_ms = 0;
    if (i == SL_TRIAL_NOBODY)
        i = choose_ready(r, false); /* to wait there for a place */
    if (i != SL_TRIAL_NOBODY) {
        *wait_ms = wait_before(r, i);
        return i;
    }
    i = choose_resting(r, wait_ms);
    if (i == SL_TRIAL_NOBODY)
        i = choose_barred(r);
    if (i == SL_TRIAL_NOBODY && may_probe(r)) {
        r->trial->probing = true;
        return sl_trial_choose(r, wait_ms);
    }
    return i;
}
