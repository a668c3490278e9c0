/* ROUTE and TRY: which provider, and its answer's head. */
#include "gateway/inside.h"

#include "base/mem.h"
#include "gateway/quota/hard.h"
#include "gateway/relay/relay.h"
#include "gateway/routing/trial.h"
#include "gateway/translate/translate.h"
#include "gateway/words/spoken.h"

/* Asking puts `"usage":null` into every other chunk, which OpenRouter's client
 * refuses to read: its streams are counted as they pass. So are those of providers that
 * refuse to be asked. */
static bool may_ask_usage(const struct sl_req *r)
{
    struct sl_str agent = sl_headers_get(&r->head->headers, SL_STR("user-agent"));

    return r->conf->meter_streams && !r->provider->no_stream_usage &&
           (r->ep == SL_EP_CHAT || r->ep == SL_EP_COMPLETIONS) &&
           (agent.n == 0 || sl_str_find(agent, SL_STR("@openrouter/sdk")) < 0);
}

/* The body for this target, and the head before it. */
static bool splice(struct sl_req *r)
{
    struct sl_body_wish wish = {.model = r->served, .cut_ours = !r->provider->openrouter};
    struct sl_str text = {r->body, r->body_n}, parts[SL_BODY_PARTS];
    uint64_t length = 0;
    size_t n = 0;

    wish.add_include_usage =
        r->streams && may_ask_usage(r) && !sl_body_has_include_usage(r->inspect, text);
    r->added_usage = wish.add_include_usage;
    r->brings_usage = r->added_usage || r->wants_usage;
    if (sl_str_eq(r->served, r->asked) && r->inspect->model.has)
        wish.model = (struct sl_str){NULL, 0};
    if (sl_body_splice(r->inspect, text, &wish, r->arena, parts, &n, &length) != SL_OK)
        return false;
    r->parts_n = n + 1;
    r->parts = sl_arena_alloc(r->arena, r->parts_n * sizeof *r->parts);
    if (r->parts == NULL)
        return false;
    memcpy(r->parts + 1, parts, n * sizeof *parts);
    return sl_forward_head(r, length);
}

enum sl_state sl_step_route(struct sl_req *r, enum sl_ev ev)
{
    (void)ev;
    r->model = sl_route_find(r->conf->routes, r->asked);
    if (r->model == NULL)
        return sl_req_refuse(r, SL_ERR_NO_MODEL, 0,
                             "Unknown model: %.*s. GET /v1/models lists what is served here.",
                             SL_STR_ARGS(r->asked));
    if (!sl_tenant_can_model(r->key, r->asked))
        return sl_req_refuse(
            r, SL_ERR_SCOPE, 0,
            "Authentication failed: key %.*s of tenant %.*s may not use model %.*s; ask for a key "
            "with `models:%.*s`.",
            SL_STR_ARGS(r->key->public_id), SL_STR_ARGS(r->key->tenant), SL_STR_ARGS(r->asked),
            SL_STR_ARGS(r->asked));
    if (sl_context_fit(r) != SL_OK || !sl_trial_begin(r))
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    if (r->trial->n == 0 && r->trial->narrowed)
        return sl_req_refuse(
            r, SL_ERR_NO_TARGET, 404,
            "No provider of model %.*s is left: the request's `provider` rules all "
            "of them out; allow one of them, or leave `provider` out.",
            SL_STR_ARGS(r->asked));
    if (r->trial->n == 0)
        return sl_req_refuse(
            r, SL_ERR_NO_TARGET, 400,
            "Model %.*s has no provider that speaks the %s protocol; use a route of "
            "its own protocol.",
            SL_STR_ARGS(r->asked), r->dialect->name);
    r->model = r->trial->rank[0].model;
    r->target = r->trial->rank[0].target;
    r->provider = &r->conf->providers[r->target->provider];
    r->served = r->trial->rank[0].served;
    return SL_ST_ADMIT;
}

/* ---- the call's events ---- */

static void on_call_sent(void *holder)
{
    sl_req_event(holder, SL_EVT_SENT);
}

static void on_call_head(void *holder, const struct sl_answer_head *head)
{
    struct sl_req *r = holder;

    r->answer = head;
    sl_req_event(r, SL_EVT_HEAD);
}

static void on_call_body(void *holder, struct sl_str piece)
{
    struct sl_req *r = holder;

    r->bytes = piece;
    sl_req_event(r, SL_EVT_DATA);
}

static void on_call_done(void *holder)
{
    sl_req_event(holder, SL_EVT_DONE);
}

static void on_call_fail(void *holder, enum sl_err why)
{
    struct sl_req *r = holder;

    r->why = why;
    sl_req_event(r, SL_EVT_FAIL);
}

static const struct sl_call_ops call_ops = {
    .sent = on_call_sent,
    .head = on_call_head,
    .body = on_call_body,
    .done = on_call_done,
    .fail = on_call_fail,
};

static void on_token(void *ctx, enum sl_err e)
{
    struct sl_req *r = ctx;

    r->why = e;
    sl_req_event(r, SL_EVT_TOKEN);
}

static bool needs_token(struct sl_req *r)
{
    uint64_t serial = 0;

    if (r->provider->oauth != NULL)
        (void)sl_tokens_look(r->gw->tokens, r->provider, &serial);
    return r->provider->oauth != NULL && serial == 0;
}

enum sl_state sl_try_make(struct sl_req *r)
{
    if (sl_translation_is_due(r))
        return sl_translation_begin(r, may_ask_usage(r));
    if (!sl_translation_drop(r) || !splice(r))
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    return SL_ST_TRY;
}

enum sl_state sl_try_start(struct sl_req *r)
{
    struct sl_call_req req;
    enum sl_state next;

    if (needs_token(r)) {
        sl_tokens_wait_start(r->gw->tokens, r->conf, r->provider, &r->token_op, on_token, r);
        return SL_ST_TRY;
    }
    next = sl_try_make(r);
    if (next != SL_ST_TRY)
        return next;
    if (!sl_hard_begin(r))
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    req = (struct sl_call_req){
        .parts = r->parts, .n = r->parts_n, .stall_ms = r->provider->timeouts.idle};
    r->call = sl_call_start(r->provider->origin, &req, &call_ops, r);
    sl_trial_watch(r, 0);
    return SL_ST_TRY;
}

/* Has an operator paused all candidates? */
static bool is_paused(struct sl_req *r)
{
    for (size_t i = 0; i < r->trial->n; i++)
        if (!sl_trial_is_paused(r, i))
            return false;
    return true;
}

enum sl_state sl_try_refuse(struct sl_req *r, enum sl_err e)
{
    struct sl_str reason = r->call != NULL ? sl_call_about(r->call).reason : (struct sl_str){"", 0};

    if (e == SL_ERR_UP_TOKEN)
        reason = sl_tokens_why(r->gw->tokens, r->provider);
    if (sl_err_status(e) == 504)
        r->ending = SL_END_TIMEOUT;
    else if (e == SL_ERR_QUEUE_FULL || e == SL_ERR_QUEUE_SLOW || e == SL_ERR_OVERLOAD)
        r->ending = SL_END_SHED;
    else
        r->ending = SL_END_UPSTREAM_ERROR;
    if (e == SL_ERR_OVERLOAD)
        sl_req_refuse(r, e, 0,
                      "The gateway is at its limit and could open no connection to provider "
                      "%.*s (%.*s); wait and try again.",
                      SL_STR_ARGS(r->provider->name), SL_STR_ARGS(reason));
    else if (r->ending == SL_END_SHED)
        sl_req_refuse(r, e, 0, "Rate limit exceeded: %s (%.*s); wait and try again.",
                      sl_err_text(e), SL_STR_ARGS(r->provider->name));
    else if (e == SL_ERR_UP_LIMITED)
        sl_req_refuse(r, e, 0,
                      "Rate limit exceeded: the limits of model %.*s at its providers are reached; "
                      "wait and try again.",
                      SL_STR_ARGS(r->asked));
    else if (e == SL_ERR_NO_PROVIDER && is_paused(r))
        sl_req_refuse(r, e, 0,
                      "No provider of model %.*s can be asked now: an operator has paused it; "
                      "wait and try again.",
                      SL_STR_ARGS(r->asked));
    else if (e == SL_ERR_NO_PROVIDER)
        sl_req_refuse(
            r, e, 0,
            "No provider of model %.*s can be asked now: they failed a moment ago; wait and "
            "try again.",
            SL_STR_ARGS(r->asked));
    else if (reason.n > 0)
        sl_req_refuse(r, e, 0, "Provider %.*s failed: %s (%.*s).", SL_STR_ARGS(r->provider->name),
                      sl_err_text(e), SL_STR_ARGS(reason));
    else
        sl_req_refuse(r, e, 0, "Provider %.*s failed: %s.", SL_STR_ARGS(r->provider->name),
                      sl_err_text(e));
    sl_call_end(&r->call);
    return SL_ST_REPLY;
}

/* Another try, or the end of all of them. */
static enum sl_state fail(struct sl_req *r, enum sl_err e)
{
    struct sl_failure f = {.why = e};

    sl_op_cancel(&r->token_op);
    if (sl_trial_again(r, &f))
        return sl_trial_go(r);
    r->retry_ms = sl_trial_rest_ms(r);
    if (e != SL_ERR_TOTAL && sl_trial_answer(r))
        return SL_ST_REPLY;
    return sl_try_refuse(r, e);
}

/* Plain generations may think for minutes before the head: only `total` holds
 * for them. */
static bool has_first_byte_limit(const struct sl_req *r)
{
    return r->streams || r->ep == SL_EP_EMBEDDINGS || r->ep == SL_EP_MODERATIONS ||
           r->ep == SL_EP_COUNT_TOKENS;
}

static void note_provider_id(struct sl_req *r)
{
    struct sl_str id = sl_headers_get(&r->answer->headers, SL_STR("request-id"));

    if (id.n == 0)
        id = sl_headers_get(&r->answer->headers, SL_STR("x-request-id"));
    if (id.n > 0 && id.n <= 200 && sl_relay_may_show(r, id))
        r->provider_id = sl_arena_dup(r->arena, id);
}

/* A long plain answer passes as it comes, unless there is something to be done with all of it. */
static bool passes(const struct sl_req *r)
{
    const struct sl_answer_head *a = r->answer;

    return r->translation == NULL && a->status < 400 && a->has_length && a->length > r->hold.max &&
           (r->answer_lists == 0 || sl_spoken_lets_pass(r));
}

/* What kind of answer is this? */
static enum sl_state take_head(struct sl_req *r)
{
    const struct sl_answer_head *a = r->answer;
    struct sl_str coding = sl_headers_get(&a->headers, SL_STR("content-encoding"));
    struct sl_str type = sl_headers_get(&a->headers, SL_STR("content-type"));

    r->t.head = sl_net_now_us(r->gw->net);
    r->last_ms = sl_net_now(r->gw->net);
    r->out_ms = r->last_ms;
    r->up_status = a->status;
    sl_trial_watch(r, 0);
    note_provider_id(r);
    if (coding.n > 0 && !sl_str_eq_nocase(coding, SL_STR("identity")))
        return fail(r, SL_ERR_UP_GARBAGE);
    if (a->status >= 300 && a->status < 400) /* redirects are never followed */
        return fail(r, SL_ERR_UP_GARBAGE);
    if (a->status < 300 && !a->event_stream && !a->json && type.n > 0)
        return fail(r, SL_ERR_UP_GARBAGE); /* an HTML page is no answer */
    sl_spoken_set_hold(r);
    if (a->event_stream && a->status < 400)
        r->mode = SL_RELAY_STREAM;
    else if (passes(r))
        r->mode = SL_RELAY_PLAIN;
    else
        r->mode = SL_RELAY_HOLD;
    return SL_ST_RELAY;
}

enum sl_state sl_step_try(struct sl_req *r, enum sl_ev ev)
{
    switch (ev) {
    case SL_EVT_ENTER: return sl_translation_counts(r) ? sl_translation_count(r) : sl_trial_go(r);
    case SL_EVT_SENT:
        r->t.sent = sl_net_now_us(r->gw->net);
        sl_trial_watch(r, has_first_byte_limit(r) ? r->provider->timeouts.first_byte : 0);
        return SL_ST_TRY;
    case SL_EVT_HEAD: return take_head(r);
    case SL_EVT_FAIL:
    case SL_EVT_DEADLINE: return fail(r, r->why);
    case SL_EVT_DONE: return fail(r, SL_ERR_UP_GARBAGE);
    case SL_EVT_BEAT: return r->trial->waiting || r->trial->seat.waits ? sl_trial_go(r) : SL_ST_TRY;
    case SL_EVT_TOKEN: return r->why == SL_OK ? sl_trial_call(r) : fail(r, r->why);
    case SL_EVT_BROKE: sl_op_cancel(&r->token_op); return sl_hard_stop(r);
    case SL_EVT_BODY:
    case SL_EVT_STORE:
    case SL_EVT_FLIGHT:
    case SL_EVT_ROOM:
    case SL_EVT_DATA:
    case SL_EVT_DRAIN:
    case SL_EVT_GONE:
    case SL_EVT_HALT:
    case SL_EVT_STOP: break;
    }
    return SL_ST_TRY;
}
