/* RELAY: the provider's answer goes to the client, and the client's pace goes to
 * the provider.
 *
 *                          ┌─► HOLD ───┐ (relay_hold.c)
 *   provider ──── DATA ────┼─► PLAIN ──┼──► sl_relay_send ──► client
 *      ▲                   └─► STREAM ─┘ (relay_stream.c)       │
 *      │                                                        │
 *      ├─ want(off) ◄─────────── `paused` ◄──────────── full ───┤
 *      └─ want(on) ◄────────────────────────────────── DRAIN ───┘
 *
 * Which of the three, the answer's head decides (in TRY). Here are the step, the
 * way to the client, and the clock of silence.
 */
#include "gateway/relay/relay.h"

#include "base/mem.h"
#include "gateway/cache/flight.h"
#include "gateway/quota/hard.h"
#include "gateway/words/spoken.h"

#define FINAL_GRACE_MS 1000 /* behind the terminal event the provider has only to hang up */

/* The idle limit and the keep-alives are one timer that looks at the clock:
 * traffic only notes the time. */
void sl_relay_arm_beat(struct sl_req *r)
{
    uint64_t now = sl_net_now(r->gw->net);
    uint64_t due = r->last_ms + r->provider->timeouts.idle;

    if (r->mode == SL_RELAY_STREAM && r->conf->keepalive_ping_ms > 0 && !r->paused &&
        r->out_ms + r->conf->keepalive_ping_ms < due)
        due = r->out_ms + r->conf->keepalive_ping_ms;
    if (r->final_ms != 0)
        due = r->final_ms + FINAL_GRACE_MS;
    sl_timer_start(r->gw->net, &r->beat, due > now ? due - now : 1);
}

void sl_relay_say(struct sl_req *r, const struct sl_str *parts, size_t n)
{
    r->out_ms = sl_net_now(r->gw->net);
    if (!sl_exch_write(r->x, parts, n) && !r->paused && r->call != NULL) {
        r->paused = true;
        sl_call_want(r->call, false);
    }
}

void sl_relay_send(struct sl_req *r, const struct sl_str *parts, size_t n)
{
    sl_relay_say(r, parts, n);
    if (!sl_flight_is_leader(r) || sl_flight_add(r->flight, parts, n) || r->crowded ||
        r->call == NULL)
        return;
    r->crowded = true;
    sl_call_want(r->call, false);
}

void sl_relay_send_buf(struct sl_req *r, struct sl_buf *b)
{
    struct sl_str parts[8];

    while (b->len > 0) {
        size_t n = sl_buf_peek(b, parts, 8);
        size_t bytes = 0;

        for (size_t i = 0; i < n; i++)
            bytes += parts[i].n;
        sl_relay_send(r, parts, n);
        sl_buf_consume(b, bytes);
    }
}

/* ---- plain: as it comes ---- */

void sl_relay_tap(struct sl_req *r, struct sl_str bytes)
{
    if (r->tap == NULL) {
        r->tap = sl_mem_new(sizeof *r->tap);
        sl_answer_tap_init(r->tap, &r->usage);
    }
    sl_answer_tap_feed(r->tap, bytes);
}

enum sl_state sl_relay_plain_data(struct sl_req *r)
{
    sl_relay_tap(r, r->bytes);
    if (!r->committed && !sl_relay_commit(r))
        return sl_relay_fail(r, SL_ERR_NO_MEMORY);
    sl_relay_send(r, &r->bytes, 1);
    return SL_ST_RELAY;
}

static enum sl_state plain_done(struct sl_req *r)
{
    if (!r->committed) /* not one byte came: no answer of either protocol */
        return sl_relay_fail(r, SL_ERR_UP_GARBAGE);
    r->ending = SL_END_DONE;
    sl_exch_finish(r->x);
    return SL_ST_ACCOUNT;
}

/* ---- the step ---- */

static enum sl_state on_data(struct sl_req *r)
{
    r->last_ms = sl_net_now(r->gw->net);
    switch (r->mode) {
    case SL_RELAY_HOLD:
        return sl_relay_hold_data(r); /* answered at DONE: sooner would cost the connection */
    case SL_RELAY_PLAIN: return sl_relay_plain_data(r);
    case SL_RELAY_STREAM: return sl_relay_stream_data(r);
    }
    return SL_ST_RELAY;
}

static enum sl_state on_done(struct sl_req *r)
{
    switch (r->mode) {
    case SL_RELAY_HOLD: return sl_relay_hold_done(r);
    case SL_RELAY_PLAIN: return plain_done(r);
    case SL_RELAY_STREAM: return sl_relay_stream_end(r, SL_OK);
    }
    return SL_ST_RELAY;
}

/* The provider failed, or a limit passed. */
static enum sl_state on_trouble(struct sl_req *r, enum sl_err why)
{
    return r->mode == SL_RELAY_STREAM ? sl_relay_stream_end(r, why) : sl_relay_fail(r, why);
}

static enum sl_state on_beat(struct sl_req *r)
{
    uint64_t now = sl_net_now(r->gw->net);

    if (r->final_ms != 0)
        return sl_relay_stream_done(r);
    if (!r->paused && now >= r->last_ms + r->provider->timeouts.idle)
        return on_trouble(r, SL_ERR_UP_IDLE);
    if (r->paused)
        r->last_ms = now; /* silence of our own making */
    if (r->mode == SL_RELAY_STREAM && !sl_relay_stream_ping(r))
        return sl_relay_fail(r, SL_ERR_NO_MEMORY);
    sl_relay_arm_beat(r);
    return SL_ST_RELAY;
}

/* The provider is read while neither the client nor the followers are full. */
static void read_on(struct sl_req *r)
{
    if (r->paused || r->crowded || r->call == NULL)
        return;
    r->last_ms = sl_net_now(r->gw->net);
    sl_call_want(r->call, true);
    sl_relay_arm_beat(r); /* keep-alives were off meanwhile */
}

static void on_drain(struct sl_req *r)
{
    if (!r->paused)
        return;
    r->paused = false;
    read_on(r);
}

static void on_room(struct sl_req *r)
{
    r->crowded = false;
    read_on(r);
}

enum sl_state sl_step_relay(struct sl_req *r, enum sl_ev ev)
{
    switch (ev) {
    case SL_EVT_ENTER:
        sl_sse_init(&r->sse);
        if (!sl_spoken_listen(r))
            return sl_relay_fail(r, SL_ERR_NO_MEMORY);
        sl_relay_arm_beat(r);
        return SL_ST_RELAY;
    case SL_EVT_DATA: return on_data(r);
    case SL_EVT_DONE: return on_done(r);
    case SL_EVT_DRAIN: on_drain(r); return SL_ST_RELAY;
    case SL_EVT_BEAT: return on_beat(r);
    case SL_EVT_BROKE: return sl_hard_stop(r);
    case SL_EVT_FAIL:
    case SL_EVT_DEADLINE: return on_trouble(r, r->why);
    case SL_EVT_SENT: r->t.sent = sl_net_now_us(r->gw->net); return SL_ST_RELAY;
    case SL_EVT_ROOM: on_room(r); return SL_ST_RELAY;
    case SL_EVT_BODY:
    case SL_EVT_STORE:
    case SL_EVT_TOKEN:
    case SL_EVT_FLIGHT:
    case SL_EVT_HEAD:
    case SL_EVT_GONE:
    case SL_EVT_HALT:
    case SL_EVT_STOP: break;
    }
    return SL_ST_RELAY;
}
