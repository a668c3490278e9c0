/* GET live: what is under way in this process, oldest first. DELETE live/ID ends one. */
#include "admin/api/handlers.h"

#include "base/log.h"
#include "gateway/live/live.h"

#define USUAL 200
#define MOST 1000

static void show(struct sl_out *o, const struct sl_live *l)
{
    sl_out_open(o, NULL, '{');
    sl_out_text(o, "id", l->id);
    sl_out_text(o, "phase", sl_str_of(l->phase));
    sl_out_text(o, "tenant", l->tenant);
    sl_out_text(o, "key", l->key);
    sl_out_text(o, "endpoint", sl_str_of(l->endpoint));
    sl_out_text(o, "model", l->model);
    sl_out_text(o, "provider", l->provider);
    sl_out_text(o, "client", l->client);
    sl_out_flag(o, "stream", l->streams);
    sl_out_flag(o, "client_gone", l->headless);
    sl_out_count(o, "age_ms", l->age_ms);
    if (l->first_ms > 0)
        sl_out_count(o, "first_ms", l->first_ms);
    else
        sl_out_null(o, "first_ms");
    sl_out_count(o, "bytes_in", l->bytes_in);
    sl_out_count(o, "bytes_out", l->bytes_out);
    sl_out_count(o, "attempts", l->attempts);
    sl_out_close(o, '}');
}

void sl_live_list(struct sl_api *c)
{
    const struct sl_list *at = NULL;
    uint64_t limit;
    struct sl_live l;

    if (!sl_api_limit(c, USUAL, MOST, &limit))
        return;
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '{');
    sl_out_count(&c->out, "running", sl_gateway_requests(c->admin->gateway));
    sl_out_open(&c->out, "requests", '[');
    while (limit > 0 && sl_live_next(c->admin->gateway, &at, &l)) {
        show(&c->out, &l);
        limit--;
    }
    sl_out_close(&c->out, ']');
    sl_out_close(&c->out, '}');
    sl_api_done(c);
}

void sl_live_end(struct sl_api *c)
{
    if (!sl_live_stop(c->admin->gateway, c->name)) {
        sl_api_fail(c, 404, SL_ERR_NO_ROUTE, NULL,
                    "No request %.*s is under way in this process: it has ended, or is another "
                    "instance's. GET /admin/api/live lists them.",
                    SL_STR_ARGS(sl_str_first(c->name, 100)));
        return;
    }
    sl_log(SL_LOG_INFO, "admin", c->name, "stopped by %.*s", SL_STR_ARGS(c->actor));
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '{');
    sl_out_text(&c->out, "id", c->name);
    sl_out_flag(&c->out, "stopped", true);
    sl_out_close(&c->out, '}');
    sl_api_done(c);
}
