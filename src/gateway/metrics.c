/* The data path's metric families, and the gauges that are read when asked. */
#include "gateway/discovery/discovery.h"
#include "gateway/hooks/certs.h"
#include "gateway/inside.h"
#include "gateway/queue/gate.h"
#include "gateway/routing/health.h"

static const double slow_bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
                                     5,     10,   30,    60,   120, 300,  600, 0};
static const double fast_bounds[] = {0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001,
                                     0.0025,  0.005,    0.01,    0.05,   0.1,     1,      0};

/* What is said to others than clients and providers. */
static void outside_families(struct sl_gateway_families *f, struct sl_metrics *m)
{
    f->consul =
        sl_metric_family(m, SL_METRIC_COUNTER, "sluice_consul_calls_total",
                         "Calls to Consul: instances, register, deregister.", "call,result", NULL);
    f->instances = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_provider_instances",
                                    "Healthy instances of a provider, as Consul told them last.",
                                    "provider", NULL);
    f->certs = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_certificate_end_timestamp_seconds",
                                "When what a server showed in the last full handshake ends.",
                                "kind,name", NULL);
    f->hooks = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_hooks_total",
                                "Events for hooks.url and budget.alert_url: sent, failed, dropped.",
                                "result", NULL);
    f->top_ups = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_top_ups_total",
                                  "Calls of hooks.auto_top_up: added, refused, failed, capped.",
                                  "result", NULL);
    f->otlp = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_otlp_spans_total",
                               "Spans for otlp.endpoint: sent, rejected, failed, dropped.",
                               "result", NULL);
}

static void routing_families(struct sl_gateway_families *f, struct sl_metrics *m)
{
    f->mirrored = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_mirrored_total",
                                   "Copies of requests for shadow targets: done, failed, skipped.",
                                   "model,provider,result", NULL);
    f->mirror_s = sl_metric_family(m, SL_METRIC_HISTOGRAM, "sluice_mirror_duration_seconds",
                                   "From the copy's start to the end of the shadow's answer.",
                                   "model,provider", slow_bounds);
    f->pinged = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_warm_pings_total",
                                 "First requests to models of warm_ping: done, failed, skipped.",
                                 "model,provider,result", NULL);
    f->switches =
        sl_metric_family(m, SL_METRIC_GAUGE, "sluice_switches",
                         "Pauses and weights of operators that are in force.", "kind", NULL);
    f->paused = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_paused",
                                 "1: an operator has paused it.", "kind,name", NULL);
}

void sl_gateway_families_make(struct sl_gateway *g)
{
    struct sl_metrics *m = g->metrics;
    struct sl_gateway_families *f = &g->f;

    f->requests = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_requests_total",
                                   "Requests answered, by outcome.",
                                   "tenant,model,provider,endpoint,status", NULL);
    f->endings = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_endings_total",
                                  "How requests ended.", "ending,provider", NULL);
    f->duration =
        sl_metric_family(m, SL_METRIC_HISTOGRAM, "sluice_request_duration_seconds",
                         "From the request's head to its end.", "model,provider", slow_bounds);
    f->ttft = sl_metric_family(m, SL_METRIC_HISTOGRAM, "sluice_ttft_seconds",
                               "From the request's head to the first content for the client.",
                               "model,provider", slow_bounds);
    f->overhead = sl_metric_family(m, SL_METRIC_HISTOGRAM, "sluice_overhead_seconds",
                                   "Time in the gateway itself, by phase.", "phase", fast_bounds);
    f->tokens = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_tokens_total",
                                 "Tokens, reported, counted or estimated.",
                                 "tenant,model,direction,kind", NULL);
    f->streams = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_streams_open",
                                  "Answers being relayed.", "provider", NULL);
    f->queue = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_queue_depth",
                                "Requests waiting for a place at a provider.", "provider", NULL);
    f->upstreams = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_upstream_connections",
                                    "Connections to providers.", "provider,state", NULL);
    f->clients = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_client_connections",
                                  "Connections of clients.", "state", NULL);
    f->faults =
        sl_metric_family(m, SL_METRIC_COUNTER, "sluice_faults_total",
                         "Request heads refused before they were requests.", "reason", NULL);
    f->limited =
        sl_metric_family(m, SL_METRIC_COUNTER, "sluice_limited_total",
                         "Requests refused by a limit, credits or a budget.", "tenant,limit", NULL);
    f->cost = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_cost_usd_total",
                               "What tenants were charged.", "tenant,model,provider", NULL);
    f->reuse = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_cache_items_total",
                                "Answers by what the cache had to do with them.",
                                "tenant,model,layer,result", NULL);
    f->saved = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_cache_saved_usd_total",
                                "What answers of the cache would have cost.", "tenant,model", NULL);
    f->retries = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_retries_total",
                                  "Further tries of the same target.", "provider,reason", NULL);
    f->failovers =
        sl_metric_family(m, SL_METRIC_COUNTER, "sluice_failovers_total",
                         "Further tries of another target.", "model,from,to,reason", NULL);
    f->breakers = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_breaker_state",
                                   "0 closed, 1 open, 2 half-open.", "provider,model", NULL);
    f->pool = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_provider_keys",
                               "Keys of a provider: ready, resting behind a limit, refused.",
                               "provider,state", NULL);
    f->fetched = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_token_fetches_total",
                                  "Access tokens asked for at token endpoints: ok, failed.",
                                  "provider,result", NULL);
    outside_families(f, m);
    f->words = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_words_total",
                                "Words of a list found in prompts and answers.", "list", NULL);
    f->intents = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_intents_total",
                                  "Requests by what their prompts are about.", "intent", NULL);
    f->budget = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_budget_used_ratio",
                                 "Spent of a tenant's credits, day or month: the largest part.",
                                 "tenant", NULL);
    routing_families(f, m);
    f->dropped = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_access_log_dropped",
                                  "Access-log lines dropped because the sink is slow.", "", NULL);
    f->unkept = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_prompts_dropped",
                                 "Lines of prompts.file dropped.", "", NULL);
}

static void set(struct sl_metric_family *f, struct sl_str a, struct sl_str b, double v)
{
    struct sl_str labels[] = {a, b};

    sl_metric_set(sl_metric_series(f, labels), v);
}

static void refresh_providers(struct sl_gateway *g)
{
    const struct sl_gateway_conf *c = g->conf;
    struct sl_str none = {"", 0};

    for (size_t i = 0; i < c->providers_n; i++) {
        const struct sl_provider *p = &c->providers[i];
        struct sl_origin_counts n = sl_origin_count(p->origin);
        size_t streams = 0;

        for (struct sl_list *at = g->requests.next; at != &g->requests; at = at->next) {
            struct sl_req *r = SL_CONTAINER(at, struct sl_req, node);

            if (r->state == SL_ST_RELAY && sl_str_eq(r->provider->name, p->name))
                streams++;
        }
        set(g->f.streams, p->name, none, (double)streams);
        set(g->f.queue, p->name, none, (double)sl_gate_count(sl_gate_of(g->gates, p)).waiting);
        set(g->f.upstreams, p->name, SL_STR("open"), (double)n.open);
        set(g->f.upstreams, p->name, SL_STR("idle"), (double)n.idle);
    }
}

void sl_gateway_refresh_metrics(struct sl_gateway *g)
{
    struct sl_server_counts n = sl_gateway_server_count(g);
    struct sl_str none = {"", 0};

    refresh_providers(g);
    sl_discovery_refresh(g->discovery);
    sl_certs_refresh(g);
    sl_healths_refresh(g->healths, g->conf, sl_net_now(g->net), g->f.breakers, g->f.pool);
    sl_switched_refresh(&g->switched, g->conf, g->f.switches, g->f.paused);
    set(g->f.clients, SL_STR("open"), none, (double)n.connections);
    set(g->f.clients, SL_STR("idle"), none, (double)n.idle);
    sl_store_refresh_metrics(g->store);
    if (g->cache != NULL)
        sl_cache_refresh_metrics(g->cache);
    if (g->access != NULL)
        set(g->f.dropped, none, none, (double)sl_file_dropped(g->access));
    if (g->prompts != NULL)
        set(g->f.unkept, none, none, (double)(sl_file_dropped(g->prompts) + g->prompts_lost));
}
