/* RELAY, a stream: event by event.
 *
 *   bytes ─► whole events ─► read by the dialect ─► sl_relay_keep()
 *                │ unfinished: tail (<= 64 KiB)
 *                └ longer than that: passes in pieces, `mid_event`
 */
#include "gateway/relay/relay.h"

#include "base/mem.h"
#include "gateway/cache/flight.h"
#include "gateway/cache/reuse.h"
#include "gateway/quota/hard.h"
#include "gateway/translate/translate.h"
#include "gateway/words/spoken.h"

/* Is the terminal event through? A large one is known before its last byte is here. */
static bool is_over(const struct sl_req *r)
{
    return r->usage.has_final && !r->mid_event;
}

/* A provider's error that speaks of our account with it is told in words of our own. */
static bool is_told(const struct sl_req *r)
{
    return r->committed && r->error == SL_ERR_UP_REFUSED_US;
}

/* The provider's own error has gone out: behind it there is nothing to read. */
static bool is_failed(const struct sl_req *r)
{
    return r->committed && r->error == SL_ERR_UP_STREAM_ERROR;
}

static enum sl_state tell(struct sl_req *r, enum sl_err why)
{
    enum sl_state next = sl_relay_fail(r, why);

    if (r->committed)
        r->ending = SL_END_UPSTREAM_ERROR;
    return next;
}

static enum sl_state end_failed(struct sl_req *r)
{
    r->ending = SL_END_UPSTREAM_ERROR;
    sl_exch_close_after(r->x);
    sl_exch_finish(r->x);
    sl_call_end(&r->call);
    return SL_ST_ACCOUNT;
}

/* ---- one event ---- */

void sl_relay_pass_usage(struct sl_req *r, struct sl_str event)
{
    if (!r->added_usage)
        sl_relay_say(r, &event, 1);
    if (sl_flight_is_leader(r))
        (void)!sl_flight_add_usage(r->flight, event); /* the next bytes tell of fullness */
}

/* `response.failed` repeats the answer, which may speak of anybody: its error alone counts. */
static struct sl_str response_error(struct sl_str event)
{
    struct sl_sse_event e;

    sl_sse_parse(event, NULL, 0, &e);
    return sl_json_get(sl_json_get(e.data, SL_STR("response")), SL_STR("error"));
}

/* Behind the commit point. Does it go on to the client? */
static bool note_error(struct sl_req *r, struct sl_str event)
{
    struct sl_str error = response_error(event);
    bool quota, pass = !sl_relay_is_about_us(r, error.n > 0 ? error : event, &quota);

    r->error = pass ? SL_ERR_UP_STREAM_ERROR : SL_ERR_UP_REFUSED_US;
    return pass;
}

/* Behind an error event: `response.failed` alone, which says the same to those who wait for it. */
static bool may_follow(struct sl_req *r, struct sl_str event, enum sl_event_kind kind)
{
    struct sl_str error = response_error(event);
    bool quota;

    return kind == SL_EV_FINAL && r->ep == SL_EP_RESPONSES && error.n > 0 && error.p[0] == '{' &&
           !sl_relay_is_about_us(r, error, &quota);
}

/* What was kept back goes out before an event behind which there is no text. */
static bool hear(struct sl_req *r, struct sl_str event, enum sl_event_kind kind)
{
    if (kind != SL_EV_FINAL && kind != SL_EV_ERROR)
        return sl_spoken_hear(r, event, false);
    return sl_spoken_hear(r, event, true) && sl_spoken_rest(r);
}

bool sl_relay_hand(struct sl_req *r, struct sl_str event, bool pass)
{
    if (pass)
        return sl_relay_keep(r, event);
    if (r->committed && !is_told(r) && !is_failed(r))
        sl_relay_pass_usage(r, event);
    return true;
}

static bool hand_on(struct sl_req *r, struct sl_str event, bool pass)
{
    return r->spoken != NULL ? sl_spoken_hand(r, event, pass) : sl_relay_hand(r, event, pass);
}

/* One whole event is looked at. `*pass`: does it go on with the others? */
static enum sl_state look(struct sl_req *r, struct sl_str event, bool *pass)
{
    enum sl_event_kind kind = r->dialect->event(r->ep, event, &r->usage);

    *pass = true;
    sl_tally_add(&r->gw->tally, SL_TALLY_EVENTS, 1);
    if (r->spoken == NULL)
        sl_reuse_event(r, event);
    if (is_failed(r)) {
        *pass = may_follow(r, event, kind);
        return SL_ST_RELAY;
    }
    if (r->spoken == NULL)
        sl_hard_event(r, event);
    else if (!hear(r, event, kind))
        return sl_spoken_stop(r);
    switch (kind) {
    case SL_EV_USAGE_ONLY: *pass = !r->added_usage && !r->committed; break;
    case SL_EV_ERROR:
        if (!r->committed)
            return sl_relay_early_error(r, event);
        *pass = note_error(r, event);
        break;
    case SL_EV_CONTENT:
    case SL_EV_FINAL:
        if (!r->committed) {
            r->t.first = sl_net_now_us(r->gw->net);
            if (!sl_relay_commit(r))
                return sl_relay_fail(r, SL_ERR_NO_MEMORY);
        }
        if (kind == SL_EV_FINAL && r->usage.error_type[0] != '\0') /* response.failed */
            *pass = note_error(r, event);
        break;
    case SL_EV_OTHER: break;
    }
    return SL_ST_RELAY;
}

/* The end of an event that came in several pieces: `piece` is the last one. */
static enum sl_state finish_tail(struct sl_req *r, struct sl_str piece)
{
    struct sl_str event;
    enum sl_state next;
    bool pass;
    char *whole;

    if (r->mid_event) {
        r->mid_event = false;
        sl_relay_large_keep(r, piece);
        sl_relay_large_end(r);
        if (!sl_relay_keep(r, piece))
            return sl_relay_fail(r, SL_ERR_NO_MEMORY);
        return sl_hard_is_due(r) ? sl_hard_stop(r) : SL_ST_RELAY;
    }
    whole = sl_mem_try(r->tail.len + piece.n);
    if (whole == NULL)
        return sl_relay_fail(r, SL_ERR_NO_MEMORY);
    event = (struct sl_str){whole, 0};
    while (r->tail.len > 0) {
        struct sl_str part;

        (void)sl_buf_peek(&r->tail, &part, 1);
        memcpy(whole + event.n, part.p, part.n);
        event.n += part.n;
        sl_buf_consume(&r->tail, part.n);
    }
    memcpy(whole + event.n, piece.p, piece.n);
    event.n += piece.n;
    next = look(r, event, &pass);
    if (next == SL_ST_RELAY && !hand_on(r, event, pass))
        next = sl_relay_fail(r, SL_ERR_NO_MEMORY);
    sl_mem_free(whole);
    return next;
}

/* What is left of a read without an event's end. */
static enum sl_state keep_tail(struct sl_req *r, struct sl_str rest)
{
    struct sl_str first;

    if (rest.n == 0 || is_over(r))
        return SL_ST_RELAY;
    if (!r->mid_event && sl_buf_append(&r->tail, rest))
        return SL_ST_RELAY;
    if (is_failed(r))
        return end_failed(r);
    if (!r->mid_event && sl_buf_peek(&r->tail, &first, 1) == 0)
        first = rest;
    /* Larger than we look at: an error is told in our words, another passes in pieces. */
    if (!r->mid_event && sl_relay_large_is_error(r, first))
        return tell(r, SL_ERR_UP_STREAM_ERROR);
    if (sl_spoken_blocks(r))
        return sl_relay_fail(r, SL_ERR_UP_GARBAGE);
    if (!r->committed && !sl_relay_commit(r))
        return sl_relay_fail(r, SL_ERR_NO_MEMORY);
    if (!r->mid_event) {
        sl_reuse_spoil(r);
        sl_relay_large_begin(r, first);
        sl_relay_send_buf(r, &r->tail);
    }
    r->mid_event = true;
    sl_relay_send(r, &rest, 1);
    sl_relay_large_keep(r, rest);
    return SL_ST_RELAY;
}

/* ---- the pump ---- */

/* The LF of a CRLF that ended the terminal event may come in a read of its own. */
static bool is_last_byte(const struct sl_req *r)
{
    return is_over(r) && r->sse.was_cr && r->bytes.n > 0 && r->bytes.p[0] == '\n';
}

/* Up to the terminal event: what a provider says behind it reaches nobody. */
static enum sl_state pump(struct sl_req *r)
{
    struct sl_str rest = r->bytes;
    struct sl_str run = {rest.p, 0}; /* whole events that go on in one write */
    bool pass = true;
    size_t n;

    if (is_last_byte(r)) {
        r->sse.was_cr = false;
        run.n = 1;
    }
    while (!is_over(r) && !is_told(r) && sl_sse_next(&r->sse, rest, &n)) {
        struct sl_str event = {rest.p, n};
        enum sl_state next = SL_ST_RELAY;
        bool was_open = r->mid_event || r->tail.len > 0;

        rest = sl_str_from(rest, n);
        if (was_open)
            next = finish_tail(r, event);
        else
            next = look(r, event, &pass);
        if (next != SL_ST_RELAY)
            return next;
        if (!was_open && pass && r->spoken == NULL) {
            run.n += n;
            continue;
        }
        if (run.n > 0 && !sl_relay_keep(r, run))
            return sl_relay_fail(r, SL_ERR_NO_MEMORY);
        if (!was_open && !hand_on(r, event, pass))
            return sl_relay_fail(r, SL_ERR_NO_MEMORY);
        run = (struct sl_str){rest.p, 0};
    }
    if (run.n > 0 && !sl_relay_keep(r, run))
        return sl_relay_fail(r, SL_ERR_NO_MEMORY);
    return is_told(r) ? tell(r, SL_ERR_UP_REFUSED_US) : keep_tail(r, rest);
}

/* A client must not wait for the provider to hang up behind its last event. */
enum sl_state sl_relay_stream_data(struct sl_req *r)
{
    enum sl_err err = sl_translation_data(r);
    enum sl_state next = pump(r);

    sl_translation_usage(r);
    if (next == SL_ST_RELAY && err != SL_OK && !is_over(r) && !is_failed(r))
        return sl_relay_fail(r, err);
    if (next == SL_ST_RELAY && (is_over(r) || is_failed(r)) && r->final_ms == 0) {
        r->final_ms = sl_net_now(r->gw->net);
        sl_relay_arm_beat(r);
    }
    return next;
}

bool sl_relay_stream_ping(struct sl_req *r)
{
    uint64_t every = r->conf->keepalive_ping_ms;
    struct sl_str ping;

    if (every == 0 || r->mid_event || is_failed(r) || r->paused ||
        sl_net_now(r->gw->net) < r->out_ms + every)
        return true;
    if (!r->committed && !sl_relay_commit(r))
        return false;
    ping = r->dialect->keepalive(r->ep);
    sl_relay_say(r, &ping, 1);
    return true;
}

/* ---- the end ---- */

/* What is left without an event's end goes out, so it is heard as one. */
static bool hear_tail(struct sl_req *r)
{
    char *whole = sl_mem_try(r->tail.len + 1);
    struct sl_str text = {whole, 0}, parts[SL_SPOKEN_EVENT / SL_BUF_CHUNK + 2];
    size_t n = sl_buf_peek(&r->tail, parts, sizeof parts / sizeof parts[0]);
    bool ok = whole != NULL;

    for (size_t i = 0; ok && i < n; i++) {
        memcpy(whole + text.n, parts[i].p, parts[i].n);
        text.n += parts[i].n;
    }
    ok = ok && sl_spoken_hear(r, text, true) && sl_spoken_rest(r);
    sl_mem_free(whole);
    return ok;
}

enum sl_state sl_relay_stream_done(struct sl_req *r)
{
    bool whole = r->usage.has_final || r->dialect->is_whole(r->ep, &r->usage);

    if (is_failed(r))
        return end_failed(r);
    if (!whole || r->mid_event)
        return sl_relay_fail(r, SL_ERR_UP_CLOSED);
    if (r->spoken != NULL && !hear_tail(r))
        return sl_spoken_stop(r);
    if (!r->committed && !sl_relay_commit(r))
        return sl_relay_fail(r, SL_ERR_NO_MEMORY);
    sl_relay_send_buf(r, &r->tail);
    r->ending = r->error == SL_OK ? SL_END_DONE : SL_END_UPSTREAM_ERROR;
    sl_exch_finish(r->x);
    return SL_ST_ACCOUNT;
}

/* What a translation still owes when the provider is at its end. */
static enum sl_state finish_translation(struct sl_req *r)
{
    enum sl_state next;

    if (!sl_translation_finish(r))
        return SL_ST_RELAY;
    next = pump(r);
    sl_translation_usage(r);
    return next;
}

enum sl_state sl_relay_stream_end(struct sl_req *r, enum sl_err why)
{
    if (why == SL_OK && r->translation != NULL) {
        enum sl_state next = finish_translation(r);

        if (next != SL_ST_RELAY)
            return next;
    }
    if (is_failed(r))
        return end_failed(r);
    if (why == SL_OK || is_over(r))
        return sl_relay_stream_done(r);
    return sl_relay_fail(r, why);
}
