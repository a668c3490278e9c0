/* admin/api/state.c -- how the store and the ledger are. */
#include "admin/api/handlers.h"

static void open(struct sl_api *c, struct sl_store_state *s)
{
    sl_store_look(c->store, s);
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '{');
}

static void done(struct sl_api *c)
{
    sl_out_close(&c->out, '}');
    sl_api_done(c);
}

void sl_store_show(struct sl_api *c)
{
    const struct sl_store_conf *conf = &c->conf->store;
    struct sl_cache *cache = sl_gateway_cache(c->admin->gateway);
    struct sl_store_state s;

    open(c, &s);
    sl_out_text(&c->out, "kind", sl_str_of(s.kind));
    sl_out_text(&c->out, "where", sl_str_of(s.where));
    sl_out_flag(&c->out, "up", s.up);
    sl_out_flag(&c->out, "lost", s.lost);
    sl_out_flag(&c->out, "cache_up", cache != NULL && sl_cache_has_far(cache));
    sl_out_count(&c->out, "instances", s.instances);
    sl_out_text(&c->out, "on_outage", conf->refuse ? SL_STR("refuse") : SL_STR("local"));
    sl_out_count(&c->out, "timeout_ms", conf->timeout_ms);
    done(c);
}

void sl_ledger_show(struct sl_api *c)
{
    struct sl_store_state s;

    open(c, &s);
    sl_out_text(&c->out, "instance", (struct sl_str){s.instance, sizeof s.instance});
    sl_out_text(&c->out, "dir", c->conf->store.state_dir);
    sl_out_flag(&c->out, "kept", s.has_trail);
    sl_out_count(&c->out, "last", s.trail_last);
    sl_out_count(&c->out, "synced", s.trail_synced);
    sl_out_count(&c->out, "acknowledged", s.trail_acked);
    sl_out_count(&c->out, "unsent", s.unsent);
    sl_out_count(&c->out, "dropped", s.dropped);
    sl_out_count(&c->out, "lag_ms", s.lag_ms);
    sl_out_flag(&c->out, "disk_failing", s.disk_failing);
    sl_out_flag(&c->out, "lost", s.lost);
    done(c);
}
