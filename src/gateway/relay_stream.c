/* RELAY, a stream: event by event.
 *
 *   bytes ─► whole events ─► read by the dialect ─► sl_relay_keep()
 *                │ unfinished: tail (<= 64 KiB)
 *                └ longer than that: passes in pieces, `mid_event`
 */
#include "gateway/relay.h"

#include "base/mem.h"
#include "gateway/cache/flight.h"
#include "gateway/cache/reuse.h"
#include "gateway/quota/hard.h"
#include "gateway/translate/translate.h"

#define LAST_MAX 2048 /* of an event too large to hold: where usage stands */

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

static enum sl_state tell(struct sl_req *r)
{
    enum sl_state next = sl_relay_fail(r, SL_ERR_UP_REFUSED_US);

    r->ending = SL_END_UPSTREAM_ERROR;
    return next;
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
static struct sl_str error_of(struct sl_str event)
{
    struct sl_sse_event e;
    struct sl_str error;

    sl_sse_parse(event, NULL, 0, &e);
    if (e.data.n == 0)
        return event;
    error = sl_json_get(sl_json_get(e.data, SL_STR("response")), SL_STR("error"));
    return error.n > 0 ? error : event;
}

/* Behind the commit point. Does it go on to the client? */
static bool note_error(struct sl_req *r, struct sl_str event)
{
    bool pass = !sl_relay_is_about_us(error_of(event));

    r->error = pass ? SL_ERR_UP_STREAM_ERROR : SL_ERR_UP_REFUSED_US;
    return pass;
}

/* One whole event is looked at. `*pass`: does it go on with the others? */
static enum sl_state look(struct sl_req *r, struct sl_str event, bool *pass)
{
    enum sl_event_kind kind = r->dialect->event(r->ep, event, &r->usage);

    *pass = true;
    sl_reuse_event(r, event);
    sl_hard_event(r, event);
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

/* An event too large to hold is known by its name line alone, and by its last
 * bytes: the final event of the responses protocol repeats the whole answer and
 * carries the usage at its end. */
static void name_large(struct sl_req *r)
{
    struct sl_str first, parts[2] = {{NULL, 0}, SL_STR("data: {}\n\n")};
    char scratch[160];
    ptrdiff_t end;

    if (sl_buf_peek(&r->tail, &first, 1) != 1)
        return;
    sl_hard_lost(r, first);
    if (!sl_str_starts(first, SL_STR("event:")))
        return;
    end = sl_str_find_byte(first, '\n');
    if (end < 0 || (size_t)end + 1 + parts[1].n > sizeof scratch)
        return;
    memcpy(scratch, first.p, (size_t)end + 1);
    memcpy(scratch + end + 1, parts[1].p, parts[1].n);
    (void)r->dialect->event(r->ep, (struct sl_str){scratch, (size_t)end + 1 + parts[1].n},
                            &r->usage);
}

/* Of a passing large event the last bytes are kept. */
static void keep_last(struct sl_req *r, struct sl_str bytes)
{
    if (bytes.n > LAST_MAX)
        bytes = sl_str_from(bytes, bytes.n - LAST_MAX);
    if (r->tail.len + bytes.n > LAST_MAX)
        sl_buf_consume(&r->tail, r->tail.len + bytes.n - LAST_MAX);
    (void)!sl_buf_append(&r->tail, bytes); /* without memory the count is an estimate */
}

static void usage_of_last(struct sl_req *r)
{
    char text[LAST_MAX];
    struct sl_str part, rest = {text, 0}, found = {NULL, 0};
    ptrdiff_t at;
    size_t end = 0;

    while (sl_buf_peek(&r->tail, &part, 1) == 1) {
        memcpy(text + rest.n, part.p, part.n);
        rest.n += part.n;
        sl_buf_consume(&r->tail, part.n);
    }
    while ((at = sl_str_find(rest, SL_STR("\"usage\":{"))) >= 0)
        found = rest = sl_str_from(rest, (size_t)at + 8);
    /* numbers and objects of numbers: no string hides a brace */
    for (int depth = 0; end < found.n; end++) {
        depth += found.p[end] == '{' ? 1 : found.p[end] == '}' ? -1 : 0;
        if (depth == 0) {
            (void)sl_usage_merge(&r->usage, sl_str_first(found, end + 1));
            return;
        }
    }
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
        keep_last(r, piece);
        usage_of_last(r);
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
    if (next == SL_ST_RELAY && pass && !sl_relay_keep(r, event))
        next = sl_relay_fail(r, SL_ERR_NO_MEMORY);
    else if (next == SL_ST_RELAY && !pass && r->committed && !is_told(r))
        sl_relay_pass_usage(r, event);
    sl_mem_free(whole);
    return next;
}

/* What is left of a read without an event's end. */
static enum sl_state keep_tail(struct sl_req *r, struct sl_str rest)
{
    if (rest.n == 0 || is_over(r))
        return SL_ST_RELAY;
    if (!r->mid_event && sl_buf_append(&r->tail, rest))
        return SL_ST_RELAY;
    /* Larger than we hold: it passes in pieces and counts as content. */
    if (!r->committed && !sl_relay_commit(r))
        return sl_relay_fail(r, SL_ERR_NO_MEMORY);
    if (!r->mid_event) {
        sl_reuse_spoil(r);
        name_large(r);
        sl_relay_send_buf(r, &r->tail);
    }
    r->mid_event = true;
    sl_relay_send(r, &rest, 1);
    keep_last(r, rest);
    return SL_ST_RELAY;
}

/* ---- the pump ---- */

/* Up to the terminal event: what a provider says behind it reaches nobody. */
static enum sl_state pump(struct sl_req *r)
{
    struct sl_str rest = r->bytes;
    struct sl_str run = {rest.p, 0}; /* whole events that go on in one write */
    bool pass = true;
    size_t n;

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
        if (!was_open && pass) {
            run.n += n;
            continue;
        }
        if (run.n > 0 && !sl_relay_keep(r, run))
            return sl_relay_fail(r, SL_ERR_NO_MEMORY);
        if (!was_open && r->committed && !is_told(r))
            sl_relay_pass_usage(r, event);
        run = (struct sl_str){rest.p, 0};
    }
    if (run.n > 0 && !sl_relay_keep(r, run))
        return sl_relay_fail(r, SL_ERR_NO_MEMORY);
    return is_told(r) ? tell(r) : keep_tail(r, rest);
}

/* A client must not wait for the provider to hang up behind its last event. */
enum sl_state sl_relay_stream_data(struct sl_req *r)
{
    enum sl_err err = sl_translation_data(r);
    enum sl_state next = pump(r);

    sl_translation_usage(r);
    if (next == SL_ST_RELAY && err != SL_OK && !is_over(r))
        return sl_relay_fail(r, err);
    if (next == SL_ST_RELAY && is_over(r) && r->final_ms == 0) {
        r->final_ms = sl_net_now(r->gw->net);
        sl_relay_arm_beat(r);
    }
    return next;
}

bool sl_relay_stream_ping(struct sl_req *r)
{
    uint64_t every = r->conf->keepalive_ping_ms;
    struct sl_str ping;

    if (every == 0 || r->mid_event || r->paused || sl_net_now(r->gw->net) < r->out_ms + every)
        return true;
    if (!r->committed && !sl_relay_commit(r))
        return false;
    ping = r->dialect->keepalive(r->ep);
    sl_relay_say(r, &ping, 1);
    return true;
}

/* ---- the end ---- */

enum sl_state sl_relay_stream_done(struct sl_req *r)
{
    bool whole = r->usage.has_final || r->dialect->is_whole(r->ep, &r->usage);

    if (!whole || r->mid_event)
        return sl_relay_fail(r, SL_ERR_UP_CLOSED);
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
    /* behind an error event of the provider's own there is nothing to add */
    if (r->committed && r->error == SL_ERR_UP_STREAM_ERROR) {
        r->ending = SL_END_UPSTREAM_ERROR;
        sl_exch_close_after(r->x);
        sl_exch_finish(r->x);
        sl_call_end(&r->call);
        return SL_ST_ACCOUNT;
    }
    if (why == SL_OK || is_over(r))
        return sl_relay_stream_done(r);
    return sl_relay_fail(r, why);
}
