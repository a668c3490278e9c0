/* The driver: a table of steps, one door for events, and the way out.
 *
 *                             ┌─► FOLLOW ──────┐
 *   AUTH ─► BODY ─► ROUTE ─► ADMIT ─► TRY ◄─► RELAY ─► ACCOUNT ─► DEAD
 *     └──────┴───────┴─────────┴───────┴──► REPLY ──────┘
 *
 * Whatever happens (the client leaves, a limit passes, the process stops), the
 * request ends in ACCOUNT, once.
 */
#include "gateway/inside.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/rand.h"
#include "gateway/cache/flight.h"
#include "gateway/explain/explain.h"
#include "gateway/quota/keys.h"
#include "gateway/cache/reuse.h"
#include "gateway/live/halt.h"
#include "gateway/otlp/span.h"
#include "gateway/translate/translate.h"
#include "gateway/kept/kept.h"
#include "gateway/words/spoken.h"
#include "net/tls.h"

typedef enum sl_state step_fn(struct sl_req *r, enum sl_ev ev);

#define TO(s) (1u << SL_ST_##s)

static const struct step {
    const char *name;
    step_fn *run;
    unsigned may_go; /* states it may hand over to */
} steps[] = {
    [SL_ST_AUTH] = {"auth", sl_step_auth, TO(BODY) | TO(REPLY) | TO(ACCOUNT)},
    [SL_ST_BODY] = {"body", sl_step_body, TO(ROUTE) | TO(REPLY) | TO(ACCOUNT)},
    [SL_ST_ROUTE] = {"route", sl_step_route, TO(ADMIT) | TO(REPLY) | TO(ACCOUNT)},
    [SL_ST_ADMIT] = {"admit", sl_step_admit,
                     TO(FOLLOW) | TO(GATHER) | TO(TRY) | TO(REPLY) | TO(ACCOUNT)},
    [SL_ST_GATHER] = {"gather", sl_step_gather, TO(TRY) | TO(REPLY) | TO(ACCOUNT)},
    [SL_ST_FOLLOW] = {"follow", sl_step_follow, TO(TRY) | TO(REPLY) | TO(ACCOUNT)},
    [SL_ST_TRY] = {"try", sl_step_try, TO(RELAY) | TO(REPLY) | TO(ACCOUNT)},
    [SL_ST_RELAY] = {"relay", sl_step_relay, TO(GATHER) | TO(TRY) | TO(REPLY) | TO(ACCOUNT)},
    [SL_ST_REPLY] = {"reply", sl_step_reply, TO(FOLLOW) | TO(ACCOUNT)},
    [SL_ST_ACCOUNT] = {"account", sl_step_account, TO(DEAD)},
    [SL_ST_DEAD] = {"dead", NULL, 0},
};
static_assert(sizeof(steps) / sizeof(steps[0]) == SL_ST__COUNT, "a state without a step");

static const char *const endings[] = {
    [SL_END_NONE] = "none",
    [SL_END_DONE] = "done",
    [SL_END_REFUSED] = "refused",
    [SL_END_CLIENT_GONE] = "client_gone",
    [SL_END_STALLED] = "stalled",
    [SL_END_UPSTREAM_CUT] = "upstream_cut",
    [SL_END_UPSTREAM_ERROR] = "upstream_error",
    [SL_END_TIMEOUT] = "timeout",
    [SL_END_SHED] = "shed",
    [SL_END_BUDGET] = "budget",
    [SL_END_STOPPED] = "stopped",
    [SL_END_SHUTDOWN] = "shutdown",
};
static_assert(sizeof(endings) / sizeof(endings[0]) == SL_END__COUNT, "an ending without a name");

const char *sl_ending_name(enum sl_ending e)
{
    return endings[e];
}

const char *sl_req_phase(const struct sl_req *r)
{
    return steps[r->state].name;
}

static struct sl_mem_shelf shelf = {.size = sizeof(struct sl_req), .most = 64};

static void reap(struct sl_grave *g)
{
    struct sl_req *r = SL_CONTAINER(g, struct sl_req, grave);

    r->magic = SL_OBJ_DEAD;
    sl_mem_give(&shelf, r);
}

void sl_req_let_go(struct sl_req *r)
{
    struct sl_net *net = r->gw->net;

    sl_timer_stop(net, &r->limit);
    sl_timer_stop(net, &r->total);
    sl_timer_stop(net, &r->beat);
    sl_call_end(&r->call);
    sl_op_cancel(&r->key_op);
    sl_op_cancel(&r->token_op);
    sl_reuse_end(r);
    sl_translation_end(&r->translation);
    sl_spoken_end(r);
    sl_kept_end(r);
    sl_made_key_drop(&r->made);
    sl_exch_end(&r->x);
    if (r->inspect != NULL)
        sl_body_fini(r->inspect);
    sl_buf_fini(&r->hold);
    sl_buf_fini(&r->tail);
    if (r->tap != NULL) {
        sl_answer_tap_fini(r->tap);
        sl_mem_free(r->tap);
        r->tap = NULL;
    }
    sl_mem_free(r->body);
    r->body = NULL;
    sl_gateway_conf_drop(&r->conf);
}

/* The one place where a request ends. */
static void end(struct sl_req *r)
{
    sl_req_let_go(r);
    sl_list_unlink(&r->node);
    r->gw->requests_n--;
    sl_net_bury(r->gw->net, &r->grave, reap);
}

static enum sl_ending leaving(const struct sl_req *r)
{
    return r->why == SL_ERR_CLIENT_STALLED ? SL_END_STALLED : SL_END_CLIENT_GONE;
}

/* Goes on without its client: for those who follow it, or because its tenant wants the
 * provider's answer, and its usage, whole. What is written to the exchange from now on
 * goes nowhere. */
static bool goes_on(struct sl_req *r, enum sl_ev ev)
{
    bool followed = sl_flight_is_leader(r) && sl_flight_followers(r->flight) > 0;

    if (ev != SL_EVT_GONE || r->state < SL_ST_TRY || r->state > SL_ST_RELAY)
        return false;
    if (!followed && (!r->key->of->drain || (r->state == SL_ST_TRY && r->call == NULL)))
        return false; /* nobody works on it yet: its place is another's */
    r->headless = true;
    r->left = leaving(r);
    r->paused = false; /* nobody is slow any more */
    if (r->call != NULL && !r->crowded)
        sl_call_want(r->call, true);
    return true;
}

/* Is a provider at work for whoever is ended now? It is, where the request left in the last turn,
 * of which we would hear in this one; it is not any more, where the request was lost with its
 * connection and waits for another one. */
static void note_work(struct sl_req *r)
{
    struct sl_call_info about;

    if (r->call == NULL)
        return;
    about = sl_call_about(r->call);
    if (about.sent && r->t.sent == 0)
        r->t.sent = sl_net_now_us(r->gw->net);
    if (!about.sent && about.resent > 0 && r->state == SL_ST_TRY)
        r->t.sent = 0;
}

/* The client left or the process stops: nobody is to be served any more. */
static enum sl_state give_up(struct sl_req *r, enum sl_ev ev)
{
    if (goes_on(r, ev))
        return r->state;
    note_work(r);
    r->error = r->why;
    r->ending = ev == SL_EVT_STOP ? SL_END_SHUTDOWN : leaving(r);
    sl_call_end(&r->call);
    return SL_ST_ACCOUNT;
}

void sl_req_event(struct sl_req *r, enum sl_ev ev)
{
    enum sl_state next;

    SL_OBJ_CHECK(r, SL_REQ_MAGIC);
    SL_CHECK(!r->stepping); /* nothing may call back into a step */
    if (r->explain != NULL) {
        sl_explain_event(r->explain, (int)ev);
        return;
    }
    if (r->state >= SL_ST_ACCOUNT)
        return;
    r->stepping = true;
    if (ev == SL_EVT_HALT)
        note_work(r);
    if (ev == SL_EVT_GONE || ev == SL_EVT_STOP)
        next = give_up(r, ev);
    else if (ev == SL_EVT_HALT)
        next = sl_halt(r);
    else
        next = steps[r->state].run(r, ev);
    while (next != r->state) {
        SL_CHECK((steps[r->state].may_go & (1u << next)) != 0);
        r->state = next;
        if (next == SL_ST_DEAD)
            break;
        next = steps[next].run(r, SL_EVT_ENTER);
    }
    r->stepping = false;
    if (r->state == SL_ST_DEAD)
        end(r);
}

static void fire_limit(struct sl_timer *t)
{
    struct sl_req *r = SL_CONTAINER(t, struct sl_req, limit);

    r->why = SL_ERR_UP_SILENT;
    sl_req_event(r, SL_EVT_DEADLINE);
}

static void fire_total(struct sl_timer *t)
{
    struct sl_req *r = SL_CONTAINER(t, struct sl_req, total);

    r->why = SL_ERR_TOTAL;
    sl_req_event(r, SL_EVT_DEADLINE);
}

static void fire_beat(struct sl_timer *t)
{
    sl_req_event(SL_CONTAINER(t, struct sl_req, beat), SL_EVT_BEAT);
}

/* ---- the exchange's events ---- */

/* A body of unknown length grows by doubling; a declared one is allotted once,
 * and the kernel gives its pages only as they are filled. */
static bool make_room(struct sl_req *r, size_t more)
{
    size_t need = r->body_n + more;
    size_t cap = r->body_cap > 0 ? r->body_cap * 2 : 4096;
    char *p;

    if (need <= r->body_cap)
        return true;
    if (r->body_cap == 0 && r->head->has_body && !r->head->chunked)
        cap = (size_t)r->head->length;
    if (cap < need)
        cap = need;
    p = sl_mem_grow(r->body, cap);
    if (p == NULL)
        return false;
    r->body = p;
    r->body_cap = cap;
    return true;
}

enum sl_err sl_req_replace_body(struct sl_req *r, struct sl_str body)
{
    char *p = sl_mem_try(body.n);
    enum sl_err e;

    if (p == NULL)
        return SL_ERR_NO_MEMORY;
    memcpy(p, body.p, body.n);
    sl_mem_free(r->body);
    r->body = p;
    r->body_n = r->body_cap = body.n;
    sl_body_fini(r->inspect);
    sl_body_init(r->inspect);
    e = sl_body_feed(r->inspect, (struct sl_str){r->body, r->body_n});
    return e != SL_OK ? e : sl_body_finish(r->inspect);
}

void sl_req_take_body(struct sl_req *r, struct sl_str piece)
{
    if (r->body_err != SL_OK)
        return;
    if (piece.p != r->body + r->body_n || r->body == NULL) {
        if (!make_room(r, piece.n)) {
            r->body_err = SL_ERR_NO_MEMORY;
            return;
        }
        memcpy(r->body + r->body_n, piece.p, piece.n);
    }
    if (r->prompt_hash != NULL)
        sl_tls_hash_feed(r->prompt_hash, (struct sl_str){r->body + r->body_n, piece.n});
    r->body_err = sl_body_feed(r->inspect, (struct sl_str){r->body + r->body_n, piece.n});
    r->body_n += piece.n;
}

static void on_exch_body(void *holder, struct sl_str piece)
{
    sl_req_take_body(holder, piece);
}

static struct sl_str on_exch_room(void *holder)
{
    struct sl_req *r = holder;

    if (r->head->chunked || r->body_err != SL_OK || !make_room(r, 1) || r->body_n >= r->body_cap)
        return (struct sl_str){NULL, 0};
    return (struct sl_str){r->body + r->body_n, r->body_cap - r->body_n};
}

static void on_exch_whole(void *holder)
{
    struct sl_req *r = holder;
    enum sl_err e = sl_exch_body_error(r->x);

    if (e != SL_OK)
        r->body_err = e;
    sl_req_event(r, SL_EVT_BODY);
}

static void on_exch_drain(void *holder)
{
    sl_req_event(holder, SL_EVT_DRAIN);
}

static void on_exch_gone(void *holder, enum sl_err why)
{
    struct sl_req *r = holder;

    r->why = why;
    sl_req_event(r, why == SL_ERR_DRAINING ? SL_EVT_STOP : SL_EVT_GONE);
}

static const struct sl_exch_ops exch_ops = {
    .body = on_exch_body,
    .whole = on_exch_whole,
    .drain = on_exch_drain,
    .gone = on_exch_gone,
    .room = on_exch_room,
};

void sl_req_init(struct sl_req *r, struct sl_gateway *g)
{
    r->magic = SL_REQ_MAGIC;
    r->gw = g;
    r->conf = sl_gateway_conf_share(g->conf);
    r->t.begin = sl_net_now_us(g->net);
    sl_rand_id(r->id);
    sl_buf_init(&r->hold, SL_REQ_HOLD_MAX);
    sl_buf_init(&r->tail, SL_REQ_HOLD_MAX);
    sl_usage_init(&r->usage);
    sl_timer_init(&r->limit, fire_limit);
    sl_timer_init(&r->total, fire_total);
    sl_timer_init(&r->beat, fire_beat);
    sl_list_init(&r->node);
    sl_list_init(&r->fellow);
    r->state = SL_ST_AUTH;
}

static void start(struct sl_gateway *g, struct sl_exch *x, const struct sl_request_head *head)
{
    struct sl_req *r = sl_mem_take_zeroed(&shelf);

    sl_req_init(r, g);
    r->x = x;
    r->arena = sl_exch_arena(x);
    r->head = head;
    sl_list_push_back(&g->requests, &r->node);
    g->requests_n++;
    sl_exch_take(x, &exch_ops, r);
    sl_span_begin(r);
    sl_req_event(r, SL_EVT_ENTER);
}

void sl_req_start(struct sl_gateway *g, struct sl_exch *x)
{
    start(g, x, sl_exch_head(x));
}

void sl_req_start_as(struct sl_gateway *g, struct sl_exch *x, struct sl_str path)
{
    const struct sl_request_head *head = sl_exch_head(x);
    struct sl_request_head *as = sl_arena_alloc(sl_exch_arena(x), sizeof *as);

    if (as != NULL) { /* else it is a path that nobody knows */
        *as = *head;
        as->path = path;
        head = as;
    }
    start(g, x, head);
}

enum sl_state sl_req_refuse(struct sl_req *r, enum sl_err e, int status, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    int n;

    r->error = e;
    r->reply_status = status != 0 ? status : sl_err_status(e);
    if (strchr(fmt, '%') == NULL) { /* nothing to fill in: the literal itself */
        r->message = sl_str_of(fmt);
        return SL_ST_REPLY;
    }
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    r->message = sl_arena_dup(
        r->arena, (struct sl_str){text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1});
    if (r->message.p == NULL)
        r->message = sl_str_of(sl_err_text(e));
    return SL_ST_REPLY;
}
