/* RELAY, what is held: answers kept whole, and the commit point of the others.
 *
 *   bytes ─► hold (<= 64 KiB) ── commit ──► client
 *               │ failure: an ordinary error answer, with its status
 *
 * The commit point is the first content event, 64 KiB, or a keep-alive's time.
 * After it a failure ends the stream with the protocol's error event.
 */
#include "base/mem.h"
#include "gateway/cache/batch.h"
#include "gateway/cache/flight.h"
#include "gateway/relay/relay.h"
#include "gateway/routing/trial.h"
#include "gateway/translate/translate.h"
#include "gateway/words/spoken.h"
#include "llm/about.h"
#include "llm/window.h"

#define SAID_MAX 800 /* of a provider's message in one of ours */

/* ---- the commit point ---- */

bool sl_relay_commit(struct sl_req *r)
{
    struct sl_headers h = {0};
    const struct sl_answer_head *a = r->answer;

    if (!sl_reply_headers(r, &h) ||
        !sl_exch_start(r->x, a->status, &h, r->mode == SL_RELAY_PLAIN && a->has_length, a->length))
        return false;
    r->committed = true;
    r->status = a->status;
    sl_trial_good(r);
    if (r->mode == SL_RELAY_PLAIN)
        r->t.first = sl_net_now_us(r->gw->net);
    if (r->mode == SL_RELAY_STREAM)
        sl_timer_start(r->gw->net, &r->total, r->provider->timeouts.stream_total);
    if (sl_flight_is_leader(r))
        sl_flight_head(r->flight, r->mode == SL_RELAY_STREAM);
    sl_relay_send_buf(r, &r->hold);
    return true;
}

bool sl_relay_keep(struct sl_req *r, struct sl_str bytes)
{
    if (r->committed) {
        sl_relay_send(r, &bytes, 1);
        return true;
    }
    if (sl_buf_append(&r->hold, bytes))
        return true;
    if (!sl_relay_commit(r)) /* 64 KiB without content: the other way to commit */
        return false;
    sl_relay_send(r, &bytes, 1);
    return true;
}

enum sl_state sl_relay_break(struct sl_req *r, enum sl_err e, struct sl_str message)
{
    struct sl_str parts[2] = {SL_STR("\n\n"), {NULL, 0}};

    if (r->mode != SL_RELAY_STREAM) {
        sl_exch_abort(r->x); /* must not look whole */
        return SL_ST_ACCOUNT;
    }
    if (!sl_translation_fail(r, sl_err_status(e), message, &parts[1]))
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

enum sl_state sl_relay_fail(struct sl_req *r, enum sl_err e)
{
    struct sl_str message = sl_arena_printf(r->arena, "Provider %.*s failed in mid-answer: %s.",
                                            SL_STR_ARGS(r->provider->name), sl_err_text(e));
    struct sl_failure f = {.why = e};

    if (sl_trial_again(r, &f))
        return SL_ST_TRY;
    if (r->committed && r->spoken != NULL && !sl_spoken_rest(r))
        return sl_spoken_stop(r);
    r->error = e;
    r->ending = sl_err_status(e) == 504 ? SL_END_TIMEOUT : SL_END_UPSTREAM_CUT;
    if (message.p == NULL)
        message = sl_str_of(sl_err_text(e));
    sl_call_end(&r->call);
    if (r->committed)
        return sl_relay_break(r, e, message);
    if (r->ending == SL_END_UPSTREAM_CUT)
        r->ending = SL_END_UPSTREAM_ERROR;
    r->retry_ms = sl_trial_rest_ms(r);
    if (e != SL_ERR_TOTAL && sl_trial_answer(r))
        return SL_ST_REPLY;
    r->message = message;
    r->reply_status = sl_err_status(e);
    return SL_ST_REPLY;
}

/* ---- kept whole ---- */

/* What this try was sent with; empty where the provider takes none. */
static struct sl_str key_of(struct sl_req *r)
{
    const struct sl_provider *p = r->provider;
    uint64_t serial = 0;

    if (p->oauth != NULL)
        return sl_tokens_look(r->gw->tokens, p, &serial);
    return r->trial != NULL && r->trial->key < p->keys_n ? p->keys[r->trial->key] : SL_STR("");
}

static bool shows_extra(const struct sl_provider *p, struct sl_str text)
{
    for (size_t i = 0; i < p->headers_n; i++)
        if (sl_about_extra(text, p->header_names[i], p->header_values[i]))
            return true;
    return sl_about_query(text, p->query);
}

/* The credentials of this try: what the provider was told, it can tell others, and escapes may
 * cut them in pieces. Without the memory to see behind those it is taken for the worst. */
static bool shows_key(struct sl_req *r, struct sl_str text)
{
    char *place;
    bool shows = sl_about_key(text, key_of(r)) || shows_extra(r->provider, text);

    if (shows || sl_str_find_byte(text, '\\') < 0)
        return shows;
    place = sl_mem_try(text.n);
    if (place == NULL)
        return true;
    text = (struct sl_str){place, sl_about_plain(text, place)};
    shows = sl_about_key(text, key_of(r)) || shows_extra(r->provider, text);
    sl_mem_free(place);
    return shows;
}

bool sl_relay_may_show(struct sl_req *r, struct sl_str value)
{
    struct sl_str key = key_of(r);

    return (value.n < key.n || !sl_about_key(value, key)) && !shows_extra(r->provider, value);
}

bool sl_relay_is_about_us(struct sl_req *r, struct sl_str text, bool *quota)
{
    return sl_about_account(text, quota) || shows_key(r, text);
}

/* The text in the client's words, and where it lives as long as the request. */
static struct sl_str words_of(struct sl_req *r, int *status, struct sl_str body)
{
    if (*status == 529 && r->dialect != &sl_dialect_anthropic)
        *status = 503;
    if (r->translation == NULL || body.p == NULL)
        return body;
    if (!sl_translation_error(r, status, &body))
        return (struct sl_str){NULL, 0};
    return sl_arena_dup(r->arena, body);
}

/* A provider's moderation refused the prompt, as a 403: that is the client's to hear, in its own
 * envelope, and neither our key nor another provider has a part in it. */
static enum sl_state refuse_flagged(struct sl_req *r, struct sl_str body)
{
    struct sl_failure f = {.why = SL_ERR_UP_FLAGGED, .status = 400, .shown = 400};
    char text[SAID_MAX];
    struct sl_str message = sl_about_said(body, text, sizeof text);
    bool quota;

    if (sl_relay_is_about_us(r, message, &quota))
        message = SL_STR("The provider's moderation refused the prompt; change it.");
    f.body = r->dialect->error_body(r->arena, f.why, f.shown, message,
                                    (struct sl_str){r->id, sizeof r->id});
    if (sl_trial_again(r, &f))
        return SL_ST_TRY;
    r->ending = SL_END_UPSTREAM_ERROR;
    sl_call_end(&r->call);
    return sl_req_refuse(r, f.why, 0, "%.*s", SL_STR_ARGS(message));
}

/* A provider's error: passed on as it is, unless it is about our account. `body` lives
 * as long as the request, or its translation. */
static enum sl_state pass_error(struct sl_req *r, int status, struct sl_str body)
{
    struct sl_failure f = {.why = SL_ERR_UP_STREAM_ERROR, .status = status, .shown = status};

    if (status == 403 && sl_about_moderation(body))
        return refuse_flagged(r, body);
    f.about_us = sl_relay_is_about_us(r, body, &f.quota);
    f.too_long = sl_window_is_too_long(status, body);
    f.about_us = f.about_us || status == 401 || status == 402 || status == 403;
    f.quota = f.quota && status >= 400 && status < 500;
    f.body = words_of(r, &f.shown, body);
    if (sl_trial_again(r, &f))
        return SL_ST_TRY;
    r->retry_ms = sl_trial_rest_ms(r);
    r->ending = SL_END_UPSTREAM_ERROR;
    if (f.about_us) {
        sl_call_end(&r->call);
        return sl_req_refuse(r, SL_ERR_UP_REFUSED_US, 0,
                             "Provider %.*s refused this gateway's credentials or account; its "
                             "operator has to act.",
                             SL_STR_ARGS(r->provider->name));
    }
    if (f.body.p == NULL)
        return sl_req_refuse(r, SL_ERR_UP_STREAM_ERROR, f.shown,
                             "Provider %.*s answered %d with a text too long to pass on.",
                             SL_STR_ARGS(r->provider->name), f.shown);
    r->reply_status = f.shown;
    r->error = SL_ERR_UP_STREAM_ERROR;
    r->raw_body = f.body;
    return SL_ST_REPLY;
}

enum sl_state sl_relay_early_error(struct sl_req *r, struct sl_str event)
{
    struct sl_sse_event e;
    char scratch[4096];
    struct sl_str type = sl_str_of(r->usage.error_type), body;
    int status = 502;

    sl_sse_parse(event, scratch, sizeof scratch, &e);
    if (sl_str_starts(type, SL_STR("overloaded")))
        status = 529;
    else if (sl_str_starts(type, SL_STR("service_unavailable")) ||
             sl_str_starts(type, SL_STR("server_is_overloaded")))
        status = 503;
    else if (sl_str_starts(type, SL_STR("rate_limit")))
        status = 429;
    else if (sl_str_starts(type, SL_STR("timeout")))
        status = 504;
    else if (sl_str_starts(type, SL_STR("invalid_")) ||
             sl_str_starts(type, SL_STR("context_length_exceeded")))
        status = 400;
    if (!e.has_data || e.data.p == NULL)
        return sl_relay_fail(r, SL_ERR_UP_STREAM_ERROR);
    if (status == 502 && sl_about_moderation(e.data))
        status = 403;
    body = sl_arena_dup(r->arena, e.data);
    return body.p != NULL ? pass_error(r, status, body) : sl_relay_fail(r, SL_ERR_NO_MEMORY);
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
        return sl_relay_fail(r, SL_ERR_UP_GARBAGE);
    }
    if (tap.is_error) {
        sl_answer_tap_fini(&tap);
        return pass_error(r, 502, body);
    }
    sl_answer_tap_fini(&tap);
    if (!sl_translation_answer(r, &body))
        return sl_relay_fail(r, SL_ERR_UP_GARBAGE);
    sl_trial_good(r);
    if (sl_spoken_plain(r, body) != SL_ST_RELAY)
        return SL_ST_REPLY;
    r->t.first = sl_net_now_us(r->gw->net);
    if (r->reuse != NULL && r->reuse->batch != NULL && r->answer->status == 200)
        return sl_batch_answer(r, body);
    r->ending = SL_END_DONE;
    r->reply_status = r->answer->status;
    r->raw_body = body;
    r->raw_is_json = r->translation == NULL;
    return SL_ST_REPLY;
}

/* NULL: no memory. */
static struct sl_arena *room_for_whole(struct sl_req *r)
{
    if (r->translation != NULL)
        return sl_translation_arena(r);
    if (r->hold.max <= SL_REQ_HOLD_MAX)
        return r->arena;
    return r->answer_lists != 0 ? sl_spoken_arena(r) : &r->reuse->arena;
}

enum sl_state sl_relay_hold_done(struct sl_req *r)
{
    struct sl_str part = {NULL, 0};
    struct sl_arena *arena = room_for_whole(r);
    char *whole;
    size_t at = 0;

    whole = arena != NULL ? sl_arena_alloc(arena, r->hold.len + 1) : NULL;
    if (whole == NULL)
        return sl_relay_fail(r, SL_ERR_NO_MEMORY);
    while (sl_buf_peek(&r->hold, &part, 1) == 1) {
        memcpy(whole + at, part.p, part.n);
        at += part.n;
        sl_buf_consume(&r->hold, part.n);
    }
    return answer_whole(r, (struct sl_str){whole, at});
}

/* Longer than what is held, which its head did not say: on as it comes. */
static enum sl_state hold_no_more(struct sl_req *r)
{
    struct sl_str parts[SL_SPOKEN_WHOLE / SL_BUF_CHUNK + 2];
    size_t n = sl_buf_peek(&r->hold, parts, sizeof parts / sizeof parts[0]);

    if (r->answer->status >= 400) /* the text is too long; what it says in its head is not */
        return pass_error(r, r->answer->status, (struct sl_str){NULL, 0});
    /* of a batch, to be translated, or to be looked at: whole or not at all */
    if (r->hold.max > SL_REQ_HOLD_MAX && !sl_spoken_lets_pass(r))
        return sl_relay_fail(r, SL_ERR_UP_GARBAGE);
    r->mode = SL_RELAY_PLAIN;
    for (size_t i = 0; i < n; i++)
        sl_relay_tap(r, parts[i]);
    return sl_relay_plain_data(r);
}

enum sl_state sl_relay_hold_data(struct sl_req *r)
{
    return sl_buf_append(&r->hold, r->bytes) ? SL_ST_RELAY : hold_no_more(r);
}
