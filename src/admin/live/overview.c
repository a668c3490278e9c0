/* GET overview: how it goes, second by second for ten minutes, minute by minute for a day.
 *
 * Rows of numbers under one list of columns, so that a page which has all but the last second is
 * answered with some two hundred bytes: `after` is the time of the last row it has. */
#include "admin/api/handlers.h"

#include "base/mem.h"

#define SECOND_MS 1000

static void arm(struct sl_admin *a)
{
    sl_timer_start(a->net, &a->tick, SECOND_MS - (uint64_t)(sl_net_unix_ms(a->net) % SECOND_MS));
}

static void on_tick(struct sl_timer *t)
{
    struct sl_admin *a = SL_CONTAINER(t, struct sl_admin, tick);

    sl_history_look(a->history, sl_gateway_tally(a->gateway), sl_gateway_requests(a->gateway),
                    sl_net_unix_ms(a->net) / SECOND_MS);
    arm(a);
}

void sl_overview_start(struct sl_admin *a)
{
    a->history = sl_mem_new(sizeof *a->history);
    sl_timer_init(&a->tick, on_tick);
    on_tick(&a->tick);
}

void sl_overview_end(struct sl_admin *a)
{
    if (a->history == NULL)
        return;
    sl_timer_stop(a->net, &a->tick);
    sl_mem_free(a->history);
    a->history = NULL;
}

/* ---- the answer ---- */

static const char *const counts[] = {
    [SL_TALLY_REQUESTS] = "requests", [SL_TALLY_ERRORS] = "errors",
    [SL_TALLY_EVENTS] = "events",     [SL_TALLY_HITS] = "hits",
    [SL_TALLY_LOOKED] = "looked",     [SL_TALLY_IN] = "tokens_in",
    [SL_TALLY_OUT] = "tokens_out",    [SL_TALLY_COST] = "cost_micro",
    [SL_TALLY_SAVED] = "saved_micro",
};
static const char *const times[SL_TALLY__TIMES][SL_HISTORY__PARTS] = {
    [SL_TALLY_TOTAL] = {"total_p50_us", "total_p90_us", "total_p99_us"},
    [SL_TALLY_TTFT] = {"ttft_p50_us", "ttft_p90_us", "ttft_p99_us"},
    [SL_TALLY_OWN] = {"own_p50_us", "own_p90_us", "own_p99_us"},
};

static void show_columns(struct sl_out *o)
{
    sl_out_open(o, "columns", '[');
    sl_out_text(o, NULL, SL_STR("at"));
    sl_out_text(o, NULL, SL_STR("running"));
    for (size_t i = 0; i < SL_TALLY_ENDING; i++)
        sl_out_text(o, NULL, sl_str_of(counts[i]));
    for (size_t i = 0; i < SL_TALLY__TIMES; i++)
        for (size_t p = 0; p < SL_HISTORY__PARTS; p++)
            sl_out_text(o, NULL, sl_str_of(times[i][p]));
    for (size_t i = 1; sl_gateway_ending(i) != NULL; i++) /* 0 is that of nobody */
        sl_out_text(o, NULL, sl_str_of(sl_gateway_ending(i)));
    sl_out_close(o, ']');
}

static void show_row(struct sl_out *o, const struct sl_sample *s)
{
    sl_out_open(o, NULL, '[');
    sl_out_number(o, NULL, s->at_s);
    sl_out_count(o, NULL, s->running);
    for (size_t i = 0; i < SL_TALLY_ENDING; i++)
        sl_out_count(o, NULL, s->n[i]);
    for (size_t i = 0; i < SL_TALLY__TIMES; i++) {
        for (size_t p = 0; p < SL_HISTORY__PARTS; p++) {
            if (s->us[i][p] == SL_HISTORY_NONE)
                sl_out_null(o, NULL);
            else
                sl_out_count(o, NULL, s->us[i][p]);
        }
    }
    for (size_t i = 1; sl_gateway_ending(i) != NULL; i++)
        sl_out_count(o, NULL, s->n[SL_TALLY_ENDING + i]);
    sl_out_close(o, ']');
}

static bool read_query(struct sl_api *c, bool *minutes, int64_t *after_s)
{
    struct sl_str step, after;
    uint64_t number = 0;

    if (!sl_api_query(c, "step", &step) || !sl_api_query(c, "after", &after))
        return false;
    *minutes = sl_str_eq(step, SL_STR("minute"));
    if (step.n > 0 && !*minutes && !sl_str_eq(step, SL_STR("second"))) {
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "step", "step: must be second or minute");
        return false;
    }
    if (after.n > 0 && (!sl_str_to_u64(after, &number) || number > INT64_MAX / 2)) {
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "after", "after: must be seconds since 1970");
        return false;
    }
    *after_s = (int64_t)number;
    return true;
}

void sl_overview_show(struct sl_api *c)
{
    const struct sl_history *h = c->admin->history;
    const struct sl_sample *s;
    struct sl_out *o = &c->out;
    int64_t after_s;
    bool minutes;

    if (!read_query(c, &minutes, &after_s))
        return;
    sl_api_begin(c);
    sl_out_open(o, NULL, '{');
    sl_out_number(o, "now", sl_api_now(c) / SECOND_MS);
    sl_out_count(o, "running", sl_gateway_requests(c->admin->gateway));
    show_columns(o);
    sl_out_open(o, "rows", '[');
    while ((s = sl_history_next(h, minutes, after_s)) != NULL) {
        show_row(o, s);
        after_s = s->at_s;
    }
    sl_out_close(o, ']');
    sl_out_close(o, '}');
    sl_api_done(c);
}
