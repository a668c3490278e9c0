/* REPLY: an answer of our own, or one kept whole; and the headers of all. */
#include "gateway/inside.h"

#include "base/rand.h"
#include "base/text.h"
#include "gateway/cache/batch.h"
#include "gateway/cache/flight.h"
#include "gateway/quota/pass.h"
#include "gateway/relay/relay.h"
#include "gateway/routing/trial.h"
#include "gateway/cache/reuse.h"
#include "gateway/translate/translate.h"

static bool add(struct sl_req *r, struct sl_headers *h, struct sl_str name, struct sl_str value)
{
    return sl_headers_add(h, r->arena, name, value);
}

static void add_ms(struct sl_text *t, struct sl_str name, uint64_t from, uint64_t to)
{
    uint64_t us = from != 0 && to > from ? to - from : 0;
    unsigned part = (unsigned)(us % 1000) / 10;
    char decimals[3] = {'.', (char)('0' + part / 10), (char)('0' + part % 10)};

    sl_text_add(t, name);
    sl_text_u64(t, us / 1000);
    sl_text_add(t, (struct sl_str){decimals, sizeof decimals});
}

/* Where the time went so far, RFC-free but widely read: W3C Server Timing. */
static struct sl_str timing(struct sl_req *r)
{
    char scratch[160];
    struct sl_text t = sl_text_over(scratch, sizeof scratch);
    uint64_t now = sl_net_now_us(r->gw->net);
    uint64_t upstream = r->t.head > r->t.started ? r->t.head - r->t.started : 0;

    add_ms(&t, SL_STR("auth;dur="), r->t.begin, r->t.authed);
    if (r->t.admitted != 0)
        add_ms(&t, SL_STR(", store;dur="), r->t.whole, r->t.admitted);
    if (r->t.started != 0) {
        sl_text_add(&t, SL_STR(", queue;dur="));
        sl_text_u64(&t, (r->trial != NULL ? r->trial->seat.waited_ms : 0) +
                            (r->call != NULL ? sl_call_about(r->call).queued_ms : 0));
        add_ms(&t, SL_STR(", upstream;dur="), r->t.started, r->t.head);
    }
    add_ms(&t, SL_STR(", own;dur="), r->t.whole + upstream, now);
    return sl_arena_dup(r->arena, sl_text_str(&t));
}

static bool add_ids(struct sl_req *r, struct sl_headers *h)
{
    struct sl_str ours = {r->id, sizeof r->id};
    struct sl_str id = r->provider_id.n > 0 ? r->provider_id : ours;

    return add(r, h, SL_STR("request-id"), id) && add(r, h, SL_STR("x-request-id"), id) &&
           add(r, h, SL_STR("x-sluice-request-id"), ours);
}

static bool add_route(struct sl_req *r, struct sl_headers *h)
{
    struct sl_str t, attempts = SL_STR("1");

    if (r->provider == NULL)
        return true;
    t = timing(r);
    if (r->attempts != 1)
        attempts = sl_arena_printf(r->arena, "%u", r->attempts);
    return add(r, h, SL_STR("x-sluice-provider"), r->provider->name) && attempts.p != NULL &&
           add(r, h, SL_STR("x-sluice-attempts"), attempts) &&
           (t.p == NULL || add(r, h, SL_STR("server-timing"), t));
}

static bool add_context(struct sl_req *r, struct sl_headers *h)
{
    struct sl_str said;

    if (r->left_out == 0)
        return true;
    said = sl_arena_printf(r->arena, "%u of %u messages left out", r->left_out, r->messages);
    return said.p != NULL && add(r, h, SL_STR("x-sluice-context"), said);
}

/* What stands in every answer but refusals of ours: where it came from, what is left. */
static bool add_ours(struct sl_req *r, struct sl_headers *h)
{
    return add_ids(r, h) && add_route(r, h) && add_context(r, h) && sl_reuse_headers(r, h) &&
           sl_batch_headers(r, h) && sl_pass_headers(r, h);
}

/* Of an answer that no provider gave just now. */
static bool made_headers(struct sl_req *r, struct sl_headers *h)
{
    if (r->mode == SL_RELAY_STREAM)
        return add(r, h, SL_STR("content-type"), SL_STR("text/event-stream")) &&
               add(r, h, SL_STR("cache-control"), SL_STR("no-cache")) &&
               add(r, h, SL_STR("x-accel-buffering"), SL_STR("no")) && add_ours(r, h);
    return add(r, h, SL_STR("content-type"), SL_STR("application/json")) && add_ours(r, h);
}

/* One of a provider's own, unless it shows what the provider was sent; the type that nearly all
 * have shows nothing. Without its type no client can read an answer: there the plain one stands
 * instead. */
static bool add_shown(struct sl_req *r, struct sl_headers *h, struct sl_str name,
                      struct sl_str value)
{
    if (sl_str_eq(value, SL_STR("application/json")) || sl_relay_may_show(r, value))
        return add(r, h, name, value);
    if (!sl_str_eq_nocase(name, SL_STR("content-type")))
        return true;
    return add(r, h, name,
               r->mode == SL_RELAY_STREAM ? SL_STR("text/event-stream")
                                          : SL_STR("application/json"));
}

bool sl_reply_headers(struct sl_req *r, struct sl_headers *h)
{
    const struct sl_headers *up;
    bool stream = r->mode == SL_RELAY_STREAM, made;

    if (r->answer == NULL || r->state == SL_ST_FOLLOW)
        return made_headers(r, h);
    up = &r->answer->headers;
    made = !stream && sl_translation_is_due(r); /* of ours, whatever the provider's was */
    if (made && !add(r, h, SL_STR("content-type"), SL_STR("application/json")))
        return false;

    for (size_t i = 0; i < up->n; i++) {
        if ((made && sl_str_eq_nocase(up->v[i].name, SL_STR("content-type"))) ||
            !sl_forward_is_back(up->v[i].name) || sl_headers_is_hop(up, up->v[i].name))
            continue;
        if (!add_shown(r, h, up->v[i].name, up->v[i].value))
            return false;
    }
    if (stream && sl_headers_get(up, SL_STR("cache-control")).p == NULL &&
        !add(r, h, SL_STR("cache-control"), SL_STR("no-cache")))
        return false;
    /* so that a proxy in front does not collect events */
    if (stream && !add(r, h, SL_STR("x-accel-buffering"), SL_STR("no")))
        return false;
    return add_ours(r, h);
}

#define RETRY_MS 1000      /* where nothing better is known */
#define RETRY_MAX_MS 60000 /* whoever is told more gives up */

/* Whole seconds rounded up, and exact milliseconds with up to 20 % of spread,
 * so that clients turned away together do not return together. */
static bool add_wait(struct sl_req *r, struct sl_headers *h)
{
    uint64_t ms = r->retry_ms != 0 ? r->retry_ms : RETRY_MS;
    struct sl_str exact, whole;

    ms += sl_rand_u64() % (ms / 5 + 1);
    if (ms > RETRY_MAX_MS)
        ms = RETRY_MAX_MS;
    exact = sl_arena_printf(r->arena, "%llu", (unsigned long long)ms);
    whole = sl_arena_printf(r->arena, "%llu", (unsigned long long)((ms + 999) / 1000));
    return exact.p != NULL && whole.p != NULL && add(r, h, SL_STR("retry-after"), whole) &&
           add(r, h, SL_STR("retry-after-ms"), exact);
}

static bool add_retry(struct sl_req *r, struct sl_headers *h)
{
    struct sl_str theirs = {NULL, 0};

    if (r->answer != NULL)
        theirs = sl_headers_get(&r->answer->headers, SL_STR("retry-after"));
    if (theirs.n > 0 && sl_headers_value_ok(theirs)) /* the provider knows better */
        return add(r, h, SL_STR("retry-after"), theirs);

    if (r->error == SL_ERR_STOPPED) /* it was ended on purpose: sent again it would be, again */
        return add(r, h, SL_STR("x-should-retry"), SL_STR("false"));
    switch (r->reply_status) {
    case 401:
    case 402: return add(r, h, SL_STR("x-should-retry"), SL_STR("false"));
    case 429:
    case 502:
    case 503:
    case 504:
    case 529: return add_wait(r, h);
    default: return true;
    }
}

static bool own_headers(struct sl_req *r, struct sl_headers *h)
{
    if (!add(r, h, SL_STR("content-type"), SL_STR("application/json")) || !add_ids(r, h))
        return false;
    if (r->reply_status == 405 &&
        !add(r, h, SL_STR("allow"),
             r->head->method == SL_POST ? SL_STR("GET, HEAD") : SL_STR("POST")))
        return false;
    if (r->reply_status == 200 && sl_translation_counts(r) &&
        !add(r, h, SL_STR("x-sluice-estimate"), SL_STR("input_tokens")))
        return false;
    if (r->ep == SL_EP_TOKEN && !add(r, h, SL_STR("cache-control"), SL_STR("no-store")))
        return false; /* RFC 6749 section 5.1 */
    return add_route(r, h) && sl_reuse_headers(r, h) && sl_batch_headers(r, h) &&
           sl_pass_headers(r, h) && add_retry(r, h);
}

/* A provider's own error that does not say when to come back. */
static bool add_lacking_wait(struct sl_req *r, struct sl_headers *h)
{
    bool down = r->reply_status == 502 || r->reply_status == 503 || r->reply_status == 504 ||
                r->reply_status == 529;

    if (!down || sl_headers_get(h, SL_STR("retry-after")).p != NULL ||
        sl_headers_get(h, SL_STR("retry-after-ms")).p != NULL)
        return true;
    return add_wait(r, h);
}

/* Clients match a provider's wording: its error goes on with its own body,
 * content type and retry headers. */
static void reply_raw(struct sl_req *r)
{
    struct sl_headers h = {0};
    bool ok = r->answer != NULL
                  ? sl_reply_headers(r, &h) && sl_pass_cost_header(r, &h) && add_lacking_wait(r, &h)
                  : own_headers(r, &h);

    /* an error event that became an answer has a stream's content type */
    if (r->answer != NULL && r->mode == SL_RELAY_STREAM) {
        h.n = 0;
        ok = own_headers(r, &h);
    }
    if (!ok) {
        sl_exch_abort(r->x);
        return;
    }
    sl_exch_reply(r->x, r->reply_status, &h, r->raw_body);
}

static void reply_error(struct sl_req *r)
{
    struct sl_headers h = {0};
    struct sl_str body = r->dialect->error_body(r->arena, r->error, r->reply_status, r->message,
                                                (struct sl_str){r->id, sizeof r->id});

    if (body.p == NULL || !own_headers(r, &h)) {
        sl_exch_abort(r->x);
        return;
    }
    sl_exch_reply(r->x, r->reply_status, &h, body);
}

bool sl_reply_is_stale(const struct sl_req *r)
{
    return r->reuse != NULL && r->reuse->stale != NULL && r->ending != SL_END_NONE &&
           r->ending != SL_END_DONE && r->ending != SL_END_STOPPED &&
           (r->reply_status >= 500 || r->reply_status == 429);
}

enum sl_state sl_step_reply(struct sl_req *r, enum sl_ev ev)
{
    (void)ev;
    if (sl_reply_is_stale(r)) {
        sl_flight_leave(r);
        r->ending = SL_END_NONE;
        r->raw_body = (struct sl_str){NULL, 0};
        return sl_follow_cached(r, r->reuse->stale, SL_REUSE_STALE);
    }
    if (r->ending == SL_END_NONE)
        r->ending = r->raw_body.p != NULL ? SL_END_DONE : SL_END_REFUSED;
    r->status = r->reply_status;
    if (r->raw_body.p != NULL)
        reply_raw(r);
    else
        reply_error(r);
    if (!sl_exch_has_started(r->x)) /* not even a head: the client saw the end */
        r->error = SL_ERR_NO_MEMORY;
    return SL_ST_ACCOUNT;
}
