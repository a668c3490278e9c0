/* RELAY: bytes from the provider go to the client.
 *
 *   provider ─► events found ─► read by the dialect ─► [hold] ─► client
 *                   │ unfinished: tail (<= 64 KiB)
 *
 * Before the commit point (first content event, 64 KiB, or a keep-alive's time)
 * whole events are held, and a failure is still an ordinary error answer. After
 * it a failure ends the stream with the protocol's error event. If the client
 * is full, reading from the provider stops until it drains.
 */
#include "gateway/inside.h"

#include "base/mem.h"

#define FINAL_GRACE_MS 1000 /* behind the terminal event the provider has only to hang up */
#define LAST_MAX 2048       /* of an event too large to hold: where usage stands */

static struct sl_net *net_of(const struct sl_req *r)
{
    return r->gw->net;
}

/* Both silence limits are one timer that looks at the clock: traffic only
 * notes the time. */
static void arm_beat(struct sl_req *r)
{
    uint64_t now = sl_net_now(net_of(r));
    uint64_t due = r->last_ms + r->provider->timeouts.idle;

    if (r->mode == SL_RELAY_STREAM && r->conf->keepalive_ping_ms > 0 && !r->paused &&
        r->out_ms + r->conf->keepalive_ping_ms < due)
        due = r->out_ms + r->conf->keepalive_ping_ms;
    if (r->final_ms != 0)
        due = r->final_ms + FINAL_GRACE_MS;
    sl_timer_start(net_of(r), &r->beat, due > now ? due - now : 1);
}

static void send(struct sl_req *r, const struct sl_str *parts, size_t n)
{
    r->out_ms = sl_net_now(net_of(r));
    if (!sl_exch_write(r->x, parts, n) && !r->paused && r->call != NULL) {
        r->paused = true;
        sl_call_want(r->call, false);
    }
}

static void send_buf(struct sl_req *r, struct sl_buf *b)
{
    struct sl_str parts[8];

    while (b->len > 0) {
        size_t n = sl_buf_peek(b, parts, 8);
        size_t bytes = 0;

        for (size_t i = 0; i < n; i++)
            bytes += parts[i].n;
        send(r, parts, n);
        sl_buf_consume(b, bytes);
    }
}

/* The answer's head goes out; from here on nothing can be taken back. */
static bool commit(struct sl_req *r)
{
    struct sl_headers h = {0};
    const struct sl_answer_head *a = r->answer;

    if (!sl_reply_headers(r, &h))
        return false;
    r->committed = true;
    r->status = a->status;
    sl_exch_start(r->x, a->status, &h, r->mode == SL_RELAY_PLAIN && a->has_length, a->length);
    if (r->mode == SL_RELAY_PLAIN)
        r->t.first = sl_net_now_us(net_of(r));
    if (r->mode == SL_RELAY_STREAM)
        sl_timer_start(net_of(r), &r->total, r->provider->timeouts.stream_total);
    send_buf(r, &r->hold);
    return true;
}

/* The stream can't go on: an error event if something was sent, else REPLY. */
static enum sl_state fail(struct sl_req *r, enum sl_err e)
{
    struct sl_str message = sl_arena_printf(r->arena, "Provider %.*s failed in mid-answer: %s.",
                                            SL_STR_ARGS(r->provider->name), sl_err_text(e));
    struct sl_str parts[2] = {SL_STR("\n\n"), {NULL, 0}};

    r->error = e;
    r->ending = sl_err_status(e) == 504 ? SL_END_TIMEOUT : SL_END_UPSTREAM_CUT;
    if (message.p == NULL)
        message = sl_str_of(sl_err_text(e));
    sl_call_end(&r->call);
    if (!r->committed) {
        if (r->ending == SL_END_UPSTREAM_CUT)
            r->ending = SL_END_UPSTREAM_ERROR;
        r->message = message;
        r->reply_status = sl_err_status(e);
        return SL_ST_REPLY;
    }
    if (r->mode != SL_RELAY_STREAM) {
        sl_exch_abort(r->x); /* must not look whole */
        return SL_ST_ACCOUNT;
    }
    parts[1] = r->dialect->error_event(r->arena, r->ep, e, message, (struct sl_str){r->id, 16});
    if (parts[1].p == NULL) {
        sl_exch_abort(r->x);
        return SL_ST_ACCOUNT;
    }
    sl_exch_close_after(r->x);
    if (r->mid_event)
        sl_exch_write(r->x, parts, 2);
    else
        sl_exch_write(r->x, parts + 1, 1);
    sl_exch_finish(r->x);
    return SL_ST_ACCOUNT;
}

/* ---- kept whole ---- */

/* Texts that speak of our account with the provider are not the client's. */
static bool is_about_us(struct sl_str body)
{
    static const struct sl_str marks[] = {
        SL_STR_INIT("insufficient_quota"), SL_STR_INIT("billing_"),
        SL_STR_INIT("credit_balance"),     SL_STR_INIT("credit balance"),
        SL_STR_INIT("organization"),       SL_STR_INIT("org-"),
    };

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (sl_str_find(body, marks[i]) >= 0)
            return true;
    }
    return false;
}

/* A provider's error: passed on as it is, unless it is about our account. */
static enum sl_state pass_error(struct sl_req *r, int status, struct sl_str body)
{
    r->ending = SL_END_UPSTREAM_ERROR;
    if (status == 401 || status == 402 || status == 403 || is_about_us(body)) {
        sl_call_end(&r->call);
        return sl_req_refuse(r, SL_ERR_UP_REFUSED_US, 0,
                             "Provider %.*s refused this gateway's credentials or account; its "
                             "operator has to act.",
                             SL_STR_ARGS(r->provider->name));
    }
    if (status == 529 && r->dialect != &sl_dialect_anthropic)
        status = 503;
    if (body.p == NULL)
        return sl_req_refuse(r, SL_ERR_UP_STREAM_ERROR, status,
                             "Provider %.*s answered %d with a text too long to pass on.",
                             SL_STR_ARGS(r->provider->name), status);
    r->reply_status = status;
    r->error = SL_ERR_UP_STREAM_ERROR;
    r->raw_body = sl_arena_dup(r->arena, body);
    if (r->raw_body.p == NULL)
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    return SL_ST_REPLY;
}

static enum sl_state answer_whole(struct sl_req *r, struct sl_str body)
{
    struct sl_answer_tap tap;

    if (r->answer->status >= 400)
        return pass_error(r, r->answer->status, body);
    sl_answer_tap_init(&tap, &r->usage);
    sl_answer_tap_feed(&tap, body);
    if (!sl_answer_tap_finish(&tap)) {
        sl_answer_tap_fini(&tap);
        return fail(r, SL_ERR_UP_GARBAGE);
    }
    if (tap.is_error) {
        sl_answer_tap_fini(&tap);
        return pass_error(r, 502, body);
    }
    sl_answer_tap_fini(&tap);
    r->t.first = sl_net_now_us(net_of(r));
    r->ending = SL_END_DONE;
    r->reply_status = r->answer->status;
    r->raw_body = body;
    return SL_ST_REPLY;
}

static enum sl_state hold_done(struct sl_req *r)
{
    struct sl_str part = {NULL, 0};
    char *whole;
    size_t at = 0;

    whole = sl_arena_alloc(r->arena, r->hold.len + 1);
    if (whole == NULL)
        return fail(r, SL_ERR_NO_MEMORY);
    while (sl_buf_peek(&r->hold, &part, 1) == 1) {
        memcpy(whole + at, part.p, part.n);
        at += part.n;
        sl_buf_consume(&r->hold, part.n);
    }
    return answer_whole(r, (struct sl_str){whole, at});
}

/* ---- plain, longer than what is held ---- */

static void tap(struct sl_req *r, struct sl_str bytes)
{
    if (r->tap == NULL) {
        r->tap = sl_mem_new(sizeof *r->tap);
        sl_answer_tap_init(r->tap, &r->usage);
    }
    sl_answer_tap_feed(r->tap, bytes);
}

static enum sl_state plain_data(struct sl_req *r)
{
    tap(r, r->bytes);
    if (!r->committed && !commit(r))
        return fail(r, SL_ERR_NO_MEMORY);
    send(r, &r->bytes, 1);
    return SL_ST_RELAY;
}

/* Longer than what is held, which its head did not say: on as it comes. */
static enum sl_state hold_no_more(struct sl_req *r)
{
    struct sl_str parts[16];
    size_t n = sl_buf_peek(&r->hold, parts, sizeof parts / sizeof parts[0]);

    if (r->answer->status >= 400) /* the text is too long; what it says in its head is not */
        return pass_error(r, r->answer->status, (struct sl_str){NULL, 0});
    r->mode = SL_RELAY_PLAIN;
    for (size_t i = 0; i < n; i++)
        tap(r, parts[i]);
    return plain_data(r);
}

static enum sl_state hold_data(struct sl_req *r)
{
    return sl_buf_append(&r->hold, r->bytes) ? SL_ST_RELAY : hold_no_more(r);
}

static enum sl_state plain_done(struct sl_req *r)
{
    if (!r->committed) /* not one byte came: no answer of either protocol */
        return fail(r, SL_ERR_UP_GARBAGE);
    r->ending = SL_END_DONE;
    sl_exch_finish(r->x);
    return SL_ST_ACCOUNT;
}

/* ---- streams ---- */

/* An error before the commit point becomes an ordinary answer. */
static enum sl_state early_error(struct sl_req *r, struct sl_str event)
{
    struct sl_sse_event e;
    char scratch[4096];
    struct sl_str type = sl_str_of(r->usage.error_type);
    int status = 502;

    sl_sse_parse(event, scratch, sizeof scratch, &e);
    if (sl_str_starts(type, SL_STR("overloaded")))
        status = 529;
    else if (sl_str_starts(type, SL_STR("rate_limit")))
        status = 429;
    else if (sl_str_starts(type, SL_STR("invalid_request")))
        status = 400;
    if (!e.has_data || e.data.p == NULL)
        return fail(r, SL_ERR_UP_STREAM_ERROR);
    return pass_error(r, status, e.data);
}

static bool keep(struct sl_req *r, struct sl_str bytes)
{
    if (r->committed) {
        send(r, &bytes, 1);
        return true;
    }
    if (sl_buf_append(&r->hold, bytes))
        return true;
    if (!commit(r)) /* 64 KiB without content: the other way to commit */
        return false;
    send(r, &bytes, 1);
    return true;
}

/* One whole event is looked at. `*pass`: may it go on to the client? */
static enum sl_state look(struct sl_req *r, struct sl_str event, bool *pass)
{
    enum sl_event_kind kind = r->dialect->event(r->ep, event, &r->usage);

    *pass = true;
    switch (kind) {
    case SL_EV_USAGE_ONLY: *pass = !r->added_usage; break;
    case SL_EV_ERROR:
        if (!r->committed)
            return early_error(r, event);
        r->error = SL_ERR_UP_STREAM_ERROR;
        break;
    case SL_EV_CONTENT:
    case SL_EV_FINAL:
        if (!r->committed) {
            r->t.first = sl_net_now_us(net_of(r));
            if (!commit(r))
                return fail(r, SL_ERR_NO_MEMORY);
        }
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

    if (sl_buf_peek(&r->tail, &first, 1) != 1 || !sl_str_starts(first, SL_STR("event:")))
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

/* The end of an event that came in several pieces: `n` bytes of `piece`. */
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
        return keep(r, piece) ? SL_ST_RELAY : fail(r, SL_ERR_NO_MEMORY);
    }
    whole = sl_mem_try(r->tail.len + piece.n);
    if (whole == NULL)
        return fail(r, SL_ERR_NO_MEMORY);
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
    if (next == SL_ST_RELAY && pass && !keep(r, event))
        next = fail(r, SL_ERR_NO_MEMORY);
    sl_mem_free(whole);
    return next;
}

/* What is left of a read without an event's end. */
static enum sl_state keep_tail(struct sl_req *r, struct sl_str rest)
{
    if (rest.n == 0)
        return SL_ST_RELAY;
    if (!r->mid_event && sl_buf_append(&r->tail, rest))
        return SL_ST_RELAY;
    /* Larger than we hold: it passes in pieces and counts as content. */
    if (!r->committed && !commit(r))
        return fail(r, SL_ERR_NO_MEMORY);
    if (!r->mid_event) {
        name_large(r);
        send_buf(r, &r->tail);
    }
    r->mid_event = true;
    send(r, &rest, 1);
    keep_last(r, rest);
    return SL_ST_RELAY;
}

static enum sl_state stream_data(struct sl_req *r)
{
    struct sl_str rest = r->bytes;
    struct sl_str run = {rest.p, 0}; /* whole events that go on in one write */
    bool pass = true;
    size_t n;

    while (sl_sse_next(&r->sse, rest, &n)) {
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
        if (run.n > 0 && !keep(r, run))
            return fail(r, SL_ERR_NO_MEMORY);
        run = (struct sl_str){rest.p, 0};
    }
    if (run.n > 0 && !keep(r, run))
        return fail(r, SL_ERR_NO_MEMORY);
    return keep_tail(r, rest);
}

static enum sl_state stream_done(struct sl_req *r)
{
    bool whole = r->usage.has_final || r->dialect->is_whole(r->ep, &r->usage);

    if (!whole)
        return fail(r, SL_ERR_UP_CLOSED);
    if (!r->committed && !commit(r))
        return fail(r, SL_ERR_NO_MEMORY);
    if (!r->mid_event)
        send_buf(r, &r->tail);
    r->ending = r->error == SL_OK ? SL_END_DONE : SL_END_UPSTREAM_ERROR;
    sl_exch_finish(r->x);
    return SL_ST_ACCOUNT;
}

/* After an error event of the provider's own there is nothing to add. */
static enum sl_state stream_end(struct sl_req *r, enum sl_err why)
{
    if (r->committed && r->error == SL_ERR_UP_STREAM_ERROR) {
        r->ending = SL_END_UPSTREAM_ERROR;
        sl_exch_close_after(r->x);
        sl_exch_finish(r->x);
        sl_call_end(&r->call);
        return SL_ST_ACCOUNT;
    }
    if (why == SL_OK || r->usage.has_final)
        return stream_done(r);
    return fail(r, why);
}

/* ---- the step ---- */

static enum sl_state on_beat(struct sl_req *r)
{
    uint64_t now = sl_net_now(net_of(r));
    struct sl_str ping;

    if (r->final_ms != 0)
        return stream_done(r);
    if (!r->paused && now >= r->last_ms + r->provider->timeouts.idle) {
        if (r->mode == SL_RELAY_STREAM)
            return stream_end(r, SL_ERR_UP_IDLE);
        return fail(r, SL_ERR_UP_IDLE);
    }
    if (r->paused)
        r->last_ms = now; /* silence of our own making */
    if (r->mode == SL_RELAY_STREAM && r->conf->keepalive_ping_ms > 0 && !r->mid_event &&
        !r->paused && now >= r->out_ms + r->conf->keepalive_ping_ms) {
        if (!r->committed && !commit(r))
            return fail(r, SL_ERR_NO_MEMORY);
        ping = r->dialect->keepalive(r->ep);
        send(r, &ping, 1);
    }
    arm_beat(r);
    return SL_ST_RELAY;
}

/* A client must not wait for the provider to hang up behind its last event. */
static enum sl_state stream_event_end(struct sl_req *r, enum sl_state next)
{
    if (next == SL_ST_RELAY && r->usage.has_final && r->final_ms == 0) {
        r->final_ms = sl_net_now(net_of(r));
        arm_beat(r);
    }
    return next;
}

static enum sl_state on_data(struct sl_req *r)
{
    r->last_ms = sl_net_now(net_of(r));
    switch (r->mode) {
    case SL_RELAY_HOLD:
        return hold_data(r); /* answered at DONE: sooner would cost the connection */
    case SL_RELAY_PLAIN: return plain_data(r);
    case SL_RELAY_STREAM: return stream_event_end(r, stream_data(r));
    }
    return SL_ST_RELAY;
}

static enum sl_state on_done(struct sl_req *r)
{
    switch (r->mode) {
    case SL_RELAY_HOLD: return hold_done(r);
    case SL_RELAY_PLAIN: return plain_done(r);
    case SL_RELAY_STREAM: return stream_end(r, SL_OK);
    }
    return SL_ST_RELAY;
}

enum sl_state sl_step_relay(struct sl_req *r, enum sl_ev ev)
{
    switch (ev) {
    case SL_EVT_ENTER:
        sl_sse_init(&r->sse);
        arm_beat(r);
        return SL_ST_RELAY;
    case SL_EVT_DATA: return on_data(r);
    case SL_EVT_DONE: return on_done(r);
    case SL_EVT_DRAIN:
        if (r->paused) {
            r->paused = false;
            r->last_ms = sl_net_now(net_of(r));
            sl_call_want(r->call, true);
            arm_beat(r); /* keep-alives were off meanwhile */
        }
        return SL_ST_RELAY;
    case SL_EVT_BEAT: return on_beat(r);
    case SL_EVT_FAIL: return r->mode == SL_RELAY_STREAM ? stream_end(r, r->why) : fail(r, r->why);
    case SL_EVT_DEADLINE:
        return r->mode == SL_RELAY_STREAM ? stream_end(r, r->why) : fail(r, r->why);
    case SL_EVT_SENT: r->t.sent = sl_net_now_us(net_of(r)); return SL_ST_RELAY;
    case SL_EVT_BODY:
    case SL_EVT_HEAD:
    case SL_EVT_GONE:
    case SL_EVT_STOP: break;
    }
    return SL_ST_RELAY;
}
