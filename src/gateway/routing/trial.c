/* The tries of a request: waiting, starting, and starting over. */
#include "gateway/routing/trial.h"

#include "base/mem.h"
#include "gateway/cache/reuse.h"
#include "gateway/inside.h"
#include "gateway/otlp/span.h"
#include "gateway/quota/pass.h"
#include "gateway/routing/mirror.h"
#include "gateway/translate/translate.h"

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

/* ---- waiting and starting ---- */

static bool wait_for(struct sl_req *r, size_t i, uint64_t wait_ms)
{
    if (now_of(r) + wait_ms >= sl_trial_due(r, i) || !sl_health_wait_take(r->gw->healths))
        return false;
    r->trial->waiting = true;
    sl_timer_start(r->gw->net, &r->beat, wait_ms);
    return true;
}

static void stop_waiting(struct sl_req *r)
{
    if (!r->trial->waiting)
        return;
    r->trial->waiting = false;
    sl_timer_stop(r->gw->net, &r->beat);
    sl_health_wait_give(r->gw->healths);
}

void sl_trial_aim(struct sl_req *r, size_t i)
{
    const struct sl_candidate *c = &r->trial->rank[i];
    bool other = !sl_str_eq(c->served, r->served);

    r->trial->at = i;
    if (r->target == c->target && !other)
        return;
    r->model = c->model;
    r->target = c->target;
    r->provider = provider_at(r, i);
    r->served = c->served;
    sl_pass_retarget(r);
    if (other)
        sl_reuse_retarget(r);
}

static enum sl_state pass_over(struct sl_req *r);

/* Streams and plain answers are not equally quick. */
static struct sl_latency *latency_of(const struct sl_req *r)
{
    return &r->trial->health->latency[r->streams ? 0 : 1];
}

static void leave_health(struct sl_req *r)
{
    if (r->trial->health != NULL)
        sl_latency_end(latency_of(r));
    sl_health_drop(&r->trial->health);
}

static enum sl_state start(struct sl_req *r, size_t i, size_t key)
{
    struct sl_trial *t = r->trial;
    struct sl_health *h = health_at(r, i);
    enum sl_state next;

    t->key = key;
    leave_health(r);
    t->health = sl_health_hold(h);
    sl_latency_begin(latency_of(r));
    sl_breaker_force(&h->breaker, &r->provider->breaker, now_of(r), &t->lease);
    t->tries[i]++;
    t->key_failed = false;
    t->started_ms = now_of(r);
    if (t->count++ == 0)
        sl_retry_budget_note(sl_health_budget(r->gw->healths), now_of(r));
    r->attempts++;
    sl_span_try_begin(r);
    next = sl_trial_call(r);
    if (t->count == 1 && next == SL_ST_TRY)
        sl_mirror_send(r);
    return next;
}

enum sl_state sl_trial_call(struct sl_req *r)
{
    enum sl_state next = sl_try_start(r);

    return next == SL_ST_REPLY && r->error == SL_ERR_BAD_FIELD ? pass_over(r) : next;
}

/* Nobody was asked: because of limits, if one could be asked but for its keys. */
static enum sl_err why_nobody(struct sl_req *r)
{
    if (sl_tokens_rest_ms(r->gw->tokens, r->provider) > 0)
        return SL_ERR_UP_TOKEN;
    for (size_t i = 0; i < r->trial->n; i++)
        if (sl_trial_is_open(r, i))
            return SL_ERR_UP_LIMITED;
    return SL_ERR_NO_PROVIDER;
}

enum sl_state sl_trial_give_up(struct sl_req *r)
{
    r->retry_ms = r->trial->seat.error != SL_OK ? r->trial->seat.retry_ms : sl_trial_rest_ms(r);
    if (sl_trial_answer(r))
        return SL_ST_REPLY;
    return sl_try_refuse(r, r->trial->error != SL_OK ? r->trial->error : why_nobody(r));
}

/* It was shed, or has waited too long: another candidate may be less crowded. */
static void leave_queue(struct sl_req *r)
{
    struct sl_trial *t = r->trial;

    if (t->seat.error == SL_OK)
        return;
    t->spent[t->seat.at] = true;
    if (t->error == SL_OK)
        t->error = t->seat.error;
}

/* Its place there, or one in the queue before it. */
static enum sl_state enter(struct sl_req *r, size_t i)
{
    size_t key;

    sl_trial_aim(r, i);
    if (r->t.started == 0)
        r->t.started = sl_net_now_us(r->gw->net);
    if (sl_place_take(r, i, &key))
        return start(r, i, key);
    if (sl_place_sit(r, i))
        return SL_ST_TRY;
    leave_queue(r);
    return sl_trial_give_up(r);
}

/* What comes before a try there lies behind it: a backoff, or the queue, which it only entered
 * after its backoff. A place that was waited for is not given up for another one. */
static bool has_waited(struct sl_req *r, size_t i, bool waited, bool sat)
{
    const struct sl_place *p = &r->trial->seat;

    return (waited || (sat && p->slot.gate != NULL && p->at == i)) && sl_trial_has_key(r, i, false);
}

enum sl_state sl_trial_go(struct sl_req *r)
{
    struct sl_trial *t = r->trial;
    bool waited = t->waiting && !sl_timer_is_armed(&r->beat), sat = t->seat.waits;
    uint64_t wait_ms;
    size_t i;

    if ((t->waiting && !waited) || (t->seat.waits && sl_place_still_waits(r)))
        return SL_ST_TRY;
    stop_waiting(r);
    leave_queue(r);
    if (!sl_timer_is_armed(&r->total))
        sl_timer_start(r->gw->net, &r->total, r->provider->timeouts.total);
    i = sl_trial_choose(r, &wait_ms);
    if (i != SL_TRIAL_NOBODY && (wait_ms == 0 || has_waited(r, i, waited, sat)))
        return enter(r, i);
    sl_place_give(r);
    if (i == SL_TRIAL_NOBODY)
        return sl_trial_give_up(r);
    return wait_for(r, i, wait_ms) ? SL_ST_TRY : sl_trial_give_up(r);
}

/* ---- starting over ---- */

static void keep_answer(struct sl_req *r, const struct sl_failure *f)
{
    struct sl_trial_answer *a = &r->trial->last;

    if (f->status == 0)
        return;
    sl_call_end(&a->call);
    *a = (struct sl_trial_answer){.from = r->trial->rank[r->trial->at],
                                  .body = f->body,
                                  .provider_id = r->provider_id,
                                  .status = f->shown,
                                  .about_us = f->about_us};
    if (r->mode != SL_RELAY_HOLD || f->about_us || f->body.p == NULL)
        return; /* no answer whose head is passed on, or its connection is still in use */
    a->call = r->call;
    a->answer = r->answer;
    r->call = NULL;
}

static void forget_try(struct sl_req *r)
{
    sl_op_cancel(&r->token_op);
    sl_call_end(&r->call);
    sl_place_give(r);
    r->answer = NULL;
    sl_timer_stop(r->gw->net, &r->limit);
    sl_timer_stop(r->gw->net, &r->beat);
    sl_buf_consume(&r->hold, r->hold.len);
    sl_buf_consume(&r->tail, r->tail.len);
    if (r->tap != NULL) {
        sl_answer_tap_fini(r->tap);
        sl_mem_free(r->tap);
        r->tap = NULL;
    }
    sl_usage_init(&r->usage);
    sl_reuse_forget(r);
    if (r->translation != NULL) {
        sl_translation_end(&r->translation);
        sl_buf_fini(&r->hold);
        sl_buf_init(&r->hold, SL_REQ_HOLD_MAX);
    }
    r->mode = SL_RELAY_HOLD;
    r->mid_event = r->paused = r->crowded = false;
    r->up_status = 0;
    r->raw_is_json = false;
    r->final_ms = 0;
    r->t.sent = r->t.head = r->t.first = 0;
    r->provider_id = r->message = r->raw_body = (struct sl_str){NULL, 0};
    r->error = SL_OK;
    r->ending = SL_END_NONE;
}

/* The request can't be said in that provider's protocol: that was no try. */
static enum sl_state pass_over(struct sl_req *r)
{
    struct sl_trial *t = r->trial;
    uint64_t wait_ms;

    t->spent[t->at] = true;
    t->count--;
    r->attempts--;
    sl_span_try_forget(r);
    sl_breaker_give(&t->health->breaker, &r->provider->breaker, now_of(r), &t->lease,
                    SL_OUTCOME_NONE);
    if (sl_trial_choose(r, &wait_ms) == SL_TRIAL_NOBODY) {
        (void)!sl_trial_answer(r); /* if there is none, it is told why */
        return SL_ST_REPLY;
    }
    forget_try(r);
    return sl_trial_go(r);
}

/* What the verdict means for the candidate that has just failed. */
static void note(struct sl_req *r, const struct sl_failure *f, enum sl_retry verdict,
                 const struct sl_retry_hints *hints)
{
    struct sl_trial *t = r->trial;

    t->key_failed =
        f->quota || f->status == 401 || f->status == 402 || f->status == 403 || f->status == 429;
    if (verdict == SL_RETRY_ELSEWHERE && !(t->key_failed && sl_trial_has_key(r, t->at, false)))
        t->spent[t->at] = true;
    for (size_t i = 0; f->too_long && i < t->n; i++)
        if (t->rank[i].target->context <= t->rank[t->at].target->context)
            t->spent[i] = true;
    if (verdict == SL_RETRY_AGAIN && hints->has_wait)
        t->not_before[t->at] = now_of(r) + hints->wait_ms;
}

/* The access token had been withdrawn, or had run out on the way: the same again with
 * another one, once, beside what `retry` allows. */
static bool renew_token(struct sl_req *r, const struct sl_failure *f)
{
    struct sl_trial *t = r->trial;

    if (f->status != 401 || r->provider->oauth == NULL || t->renewed ||
        !sl_tokens_refused(r->gw->tokens, r->provider, t->token))
        return false;
    t->renewed = true;
    t->key_failed = true; /* the same target is the next one */
    sl_breaker_give(&t->health->breaker, &r->provider->breaker, now_of(r), &t->lease,
                    SL_OUTCOME_NONE);
    sl_trial_count(r, r->target, f);
    forget_try(r);
    return true;
}

/* May it be tried once more? Waiting for a provider's limit is better than failing: such
 * tries don't count while `queue.wait` lasts, as long as there is room for their heads. */
static bool has_tries(struct sl_req *r, const struct sl_failure *f)
{
    struct sl_trial *t = r->trial;
    uint64_t most = r->provider->retry.attempts;

    if (f->status == 429 && !f->quota && t->limited_ms == 0)
        t->limited_ms = now_of(r);
    if (t->count < most)
        return true;
    return f->status == 429 && !f->quota && most > 1 && t->count < SL_RETRY_ATTEMPTS_MAX &&
           now_of(r) - t->limited_ms < r->conf->queue_wait_ms;
}

static void note_step(struct sl_req *r, int status, enum sl_err why)
{
    struct sl_trial *t = r->trial;
    uint64_t took_ms = now_of(r) - t->started_ms;

    sl_span_try_end(r, status, why);
    if (t->steps_n < SL_TRIAL_STEPS)
        t->steps[t->steps_n++] = (struct sl_trial_step){
            .at = (uint16_t)t->at,
            .status = (uint16_t)status,
            .took_ms = (uint32_t)(took_ms < UINT32_MAX ? took_ms : UINT32_MAX),
            .why = why,
        };
}

bool sl_trial_again(struct sl_req *r, const struct sl_failure *f)
{
    struct sl_trial *t = r->trial;
    struct sl_retry_hints hints = {0};
    enum sl_retry verdict;
    uint64_t wait_ms;
    size_t i;

    if (t == NULL || t->health == NULL || r->committed)
        return false;
    t->error = f->why;
    note_step(r, f->status, f->why);
    if (renew_token(r, f))
        return true;
    verdict = sl_trial_judge(r, f, &hints);
    if (verdict == SL_RETRY_NEVER || !has_tries(r, f))
        return false;
    note(r, f, verdict, &hints);
    i = sl_trial_choose(r, &wait_ms);
    if (i == SL_TRIAL_NOBODY || (wait_ms > 0 && now_of(r) + wait_ms >= sl_trial_due(r, i)) ||
        !sl_retry_budget_take(sl_health_budget(r->gw->healths), now_of(r)) ||
        (wait_ms > 0 && !sl_health_wait_take(r->gw->healths)))
        return false;
    sl_trial_count(r, t->rank[i].target, f);
    keep_answer(r, f);
    forget_try(r);
    if (wait_ms > 0) {
        t->waiting = true;
        sl_timer_start(r->gw->net, &r->beat, wait_ms);
    }
    return true;
}

bool sl_trial_answer(struct sl_req *r)
{
    struct sl_trial_answer *a = r->trial != NULL ? &r->trial->last : NULL;

    if (a == NULL || a->from.target == NULL)
        return false;
    forget_try(r);
    r->model = a->from.model;
    r->target = a->from.target;
    r->provider = &r->conf->providers[r->target->provider];
    r->served = a->from.served;
    r->call = a->call;
    r->answer = a->answer;
    a->call = NULL;
    r->provider_id = a->provider_id;
    r->up_status = a->status;
    r->ending = SL_END_UPSTREAM_ERROR;
    if (a->about_us) {
        sl_req_refuse(r, SL_ERR_UP_REFUSED_US, 0,
                      "Provider %.*s refused this gateway's credentials or account; its "
                      "operator has to act.",
                      SL_STR_ARGS(r->provider->name));
    } else if (a->body.p == NULL) {
        sl_req_refuse(r, SL_ERR_UP_STREAM_ERROR, a->status,
                      "Provider %.*s answered %d with a text too long to pass on.",
                      SL_STR_ARGS(r->provider->name), a->status);
    } else {
        r->error = SL_ERR_UP_STREAM_ERROR;
        r->reply_status = a->status;
        r->raw_body = a->body;
    }
    return true;
}

/* ---- its ends ---- */

void sl_trial_restart(struct sl_req *r)
{
    struct sl_trial *t = r->trial;

    memset(t->tries, 0, t->n * sizeof t->tries[0]);
    memset(t->spent, 0, t->n * sizeof t->spent[0]);
    t->count = 0;
    t->limited_ms = 0;
    t->key_failed = false;
    r->t.started = 0;
}

void sl_trial_good(struct sl_req *r)
{
    struct sl_trial *t = r->trial;
    const struct sl_breaker_rules *rules = &r->provider->breaker;
    bool slow;

    if (t == NULL || t->health == NULL)
        return;
    note_step(r, r->up_status, SL_OK);
    slow = rules->slow_ms != 0 && now_of(r) - t->started_ms > rules->slow_ms;
    sl_breaker_give(&t->health->breaker, rules, now_of(r), &t->lease,
                    slow ? SL_OUTCOME_BAD : SL_OUTCOME_GOOD);
    if (t->health->keys_print == r->provider->keys_print)
        sl_keyring_good(&t->health->ring, t->key);
    sl_timer_stop(r->gw->net, &r->limit);
    sl_latency_note(latency_of(r), now_of(r), (now_of(r) - t->started_ms) * 1000);
    if (t->who != 0)
        sl_affinity_put(sl_health_affinity(r->gw->healths), t->who, now_of(r),
                        &(struct sl_affinity_place){t->rank[t->at].name, t->key});
}

/* Did the provider break off what it had begun well? */
static bool broke_off(const struct sl_req *r)
{
    if (!r->committed || r->error == SL_ERR_NO_MEMORY)
        return false;
    return r->ending == SL_END_UPSTREAM_CUT || r->ending == SL_END_UPSTREAM_ERROR ||
           (r->ending == SL_END_TIMEOUT && r->error == SL_ERR_UP_IDLE);
}

void sl_trial_close(struct sl_req *r)
{
    struct sl_trial *t = r->trial;

    if (t == NULL)
        return;
    stop_waiting(r);
    sl_place_give(r);
    sl_call_end(&t->last.call);
    if (t->health == NULL)
        return;
    sl_breaker_give(&t->health->breaker, &r->provider->breaker, now_of(r), &t->lease,
                    SL_OUTCOME_NONE);
    if (broke_off(r))
        sl_breaker_spoil(&t->health->breaker, &r->provider->breaker, now_of(r), &t->lease);
    leave_health(r);
}
