/* FOLLOW: an answer that somebody else asked for, at this client's pace: a cached
 * one, played from memory, or that of a flight, while it comes.
 *
 *   cached answer ──── replay ──┐
 *                               ├─► as stream, or plain ─► client
 *   flight ─► record ─► read ───┘
 *
 * Whoever asked for a stream gets events and the other way round: where the source
 * has the other form, it is waited for until it is whole, and then turned over.
 */
#include "gateway/cache/flight.h"
#include "gateway/relay/relay.h"
#include "gateway/cache/reuse.h"
#include "gateway/quota/pass.h"
#include "gateway/words/spoken.h"

#define SLICE 65536 /* bytes given to the client at once */

static uint64_t ping_ms(const struct sl_req *r)
{
    return r->streams ? r->conf->keepalive_ping_ms : 0;
}

static void arm_beat(struct sl_req *r)
{
    if (ping_ms(r) > 0)
        sl_timer_start(r->gw->net, &r->beat, ping_ms(r));
}

static bool begin(struct sl_req *r, bool has_length, uint64_t length)
{
    struct sl_headers h = {0};

    r->mode = r->streams ? SL_RELAY_STREAM : SL_RELAY_PLAIN;
    if (!sl_reply_headers(r, &h) || !sl_pass_cost_header(r, &h) ||
        !sl_exch_start(r->x, 200, &h, has_length, length))
        return false;
    r->committed = true;
    r->status = 200;
    r->t.first = sl_net_now_us(r->gw->net);
    return true;
}

/* False: the client is full, DRAIN comes. */
static bool send(struct sl_req *r, struct sl_str bytes)
{
    if (bytes.n > 0)
        r->mid_event = bytes.p[bytes.n - 1] != '\n';
    r->out_ms = sl_net_now(r->gw->net);
    return sl_exch_write(r->x, &bytes, 1);
}

static enum sl_state finish(struct sl_req *r)
{
    r->ending = r->flight != NULL ? sl_flight_ending(r->flight) : SL_END_DONE;
    sl_exch_finish(r->x);
    return SL_ST_ACCOUNT;
}

static enum sl_state fail(struct sl_req *r, enum sl_err e)
{
    sl_flight_leave(r);
    return sl_relay_fail(r, e);
}

/* ---- from memory ---- */

static enum sl_state play(struct sl_req *r)
{
    struct sl_reuse *u = r->reuse;
    struct sl_str rest = sl_str_from(u->replay, u->played);

    while (rest.n > 0) {
        struct sl_str slice = sl_str_first(rest, SLICE);

        rest = sl_str_from(rest, slice.n);
        u->played += slice.n;
        if (!send(r, slice))
            return SL_ST_FOLLOW;
    }
    return finish(r);
}

/* The whole answer is at hand, in its plain form. */
static enum sl_state play_plain(struct sl_req *r, struct sl_str plain)
{
    struct sl_reuse *u = r->reuse;
    enum sl_err e = SL_OK;

    if (r->flight == NULL && sl_spoken_plain(r, plain) != SL_ST_RELAY)
        return SL_ST_REPLY;
    if (r->streams)
        e = sl_unfold(r->ep, plain, r->wants_usage, &u->arena, &u->replay);
    else
        u->replay = plain;
    if (e != SL_OK && u->found != NULL && r->flight == NULL && r->pass != NULL)
        return sl_reuse_unusable(r);
    if (e != SL_OK)
        return fail(r, e == SL_ERR_NO_MEMORY ? e : SL_ERR_UP_GARBAGE);
    if (!begin(r, !r->streams, u->replay.n))
        return fail(r, SL_ERR_NO_MEMORY);
    return play(r);
}

enum sl_state sl_follow_cached(struct sl_req *r, struct sl_cached *c, enum sl_reuse_result how)
{
    struct sl_reuse *u = r->reuse;

    u->result = how;
    if (how == SL_REUSE_STALE && !sl_entry_decode((struct sl_str){c->bytes, c->n}, &u->entry))
        return sl_req_refuse(r, SL_ERR_BUG, 0, "A cached answer could not be read.");
    sl_entry_get_usage(&u->entry, &r->usage);
    u->playing = true;
    return SL_ST_FOLLOW;
}

/* ---- from a flight ---- */

/* What is there in the form this client wants; it may come before the end. */
static enum sl_state pass_on(struct sl_req *r)
{
    struct sl_str bytes;

    if (!r->committed && !begin(r, false, 0))
        return fail(r, SL_ERR_NO_MEMORY);
    while ((bytes = sl_flight_read(r, SLICE)).n > 0) {
        bool room = send(r, bytes);

        sl_flight_took(r, bytes.n);
        if (!room)
            return SL_ST_FOLLOW;
    }
    return sl_flight_phase(r->flight) == SL_FLIGHT_WHOLE ? finish(r) : SL_ST_FOLLOW;
}

static enum sl_state end_failed(struct sl_req *r)
{
    enum sl_state next = sl_flight_copy_failure(r);

    if (!r->committed)
        return next;
    return fail(r, r->error);
}

static enum sl_state follow(struct sl_req *r)
{
    const struct sl_flight *f = r->flight;
    bool alike = sl_flight_is_stream(f) == r->streams;

    switch (sl_flight_phase(f)) {
    case SL_FLIGHT_WAITING: return SL_ST_FOLLOW;
    case SL_FLIGHT_STREAM:
    case SL_FLIGHT_PLAIN: return alike ? pass_on(r) : SL_ST_FOLLOW;
    case SL_FLIGHT_WHOLE:
        if (alike && sl_flight_has_record(f))
            return pass_on(r);
        if (sl_flight_plain(f).p == NULL)
            return fail(r, SL_ERR_UP_GARBAGE);
        r->reuse->playing = true;
        return play_plain(r, sl_flight_plain(f));
    case SL_FLIGHT_FAILED: return end_failed(r);
    }
    return SL_ST_FOLLOW;
}

/* ---- the step ---- */

static enum sl_state go_on(struct sl_req *r)
{
    if (r->reuse->playing)
        return r->committed ? play(r) : play_plain(r, r->reuse->entry.body);
    return follow(r);
}

/* A client of a stream hears something while nothing comes. */
static enum sl_state beat(struct sl_req *r)
{
    arm_beat(r);
    if (r->reuse->playing || r->mid_event || sl_net_now(r->gw->net) < r->out_ms + ping_ms(r))
        return SL_ST_FOLLOW;
    if (!r->committed && !begin(r, false, 0))
        return fail(r, SL_ERR_NO_MEMORY);
    (void)send(r, r->dialect->keepalive(r->ep));
    return SL_ST_FOLLOW;
}

enum sl_state sl_step_follow(struct sl_req *r, enum sl_ev ev)
{
    switch (ev) {
    case SL_EVT_ENTER:
        r->out_ms = sl_net_now(r->gw->net);
        if (!r->reuse->playing) {
            sl_timer_start(r->gw->net, &r->total,
                           r->streams ? r->provider->timeouts.stream_total
                                      : r->provider->timeouts.total);
            arm_beat(r);
        }
        return go_on(r);
    case SL_EVT_FLIGHT:
    case SL_EVT_DRAIN: return go_on(r);
    case SL_EVT_BEAT: return beat(r);
    case SL_EVT_DEADLINE: return fail(r, r->why);
    default: return SL_ST_FOLLOW;
    }
}
