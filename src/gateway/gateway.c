/* The gateway from the outside: its server, its requests, its metrics. */
#include "gateway/inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "gateway/audit/recent.h"
#include "gateway/cache/batch.h"
#include "gateway/cache/flight.h"
#include "gateway/discovery/discovery.h"
#include "gateway/hooks/hooks.h"
#include "gateway/hooks/top_up.h"
#include "gateway/jwt/jwts.h"
#include "gateway/otlp/otlp.h"
#include "gateway/queue/gate.h"
#include "gateway/quota/keys.h"
#include "gateway/routing/health.h"
#include "gateway/routing/mirror.h"
#include "gateway/routing/ping.h"
#include "gateway/quota/watch.h"

#define WINDOW_BYTES 16384 /* pipelined bytes kept while an answer runs */
#define ARENA_SPARE 262144 /* of a request's arena, beside what body inspection needs */
#define TRY_BYTES 131072   /* of each try: a head for the provider, and an error's text */

/* What a configuration names, as a server's conf. */
static struct sl_server_conf server_conf(const struct sl_gateway_conf *c)
{
    return (struct sl_server_conf){
        .connections = c->connections,
        .client_idle_ms = c->timeouts.client_idle,
        .client_header_ms = c->timeouts.client_header,
        .client_body_ms = c->timeouts.client_body,
        .client_stall_ms = c->timeouts.client_stall,
        .window = WINDOW_BYTES,
        /* a list of models and a held error text live there too */
        .arena_ceiling = ARENA_SPARE + SL_RETRY_ATTEMPTS_MAX * TRY_BYTES + c->listed_n * 4096,
    };
}

static void on_request(void *ctx, struct sl_exch *x)
{
    sl_req_start(ctx, x);
}

void sl_gateway_take(struct sl_gateway *g, struct sl_exch *x, struct sl_str path)
{
    SL_OBJ_CHECK(g, SL_GATEWAY_MAGIC);
    sl_req_start_as(g, x, path);
}

/* Heads that are no requests still get an envelope their client can read. */
static struct sl_str on_fault(void *ctx, struct sl_arena *a, struct sl_str path, enum sl_err why)
{
    struct sl_gateway *g = ctx;
    struct sl_str id = {NULL, 0}, label = sl_str_of(sl_err_name(why));
    bool get = false;
    const struct sl_dialect *d = sl_endpoint_dialect(sl_endpoint_find(path, &id, &get));

    sl_metric_add(sl_metric_series(g->f.faults, &label), 1);
    if (d == NULL)
        d = &sl_dialect_openai;
    return d->error_body(a, why, sl_err_status(why), sl_str_of(sl_err_text(why)),
                         (struct sl_str){"", 0});
}

/* A test that can't wait says how long (test/README.md). */
static uint64_t renew_ms(void)
{
    const char *z = getenv("SLUICE_RENEW_MS");
    uint64_t ms;

    return z != NULL && sl_str_to_u64(sl_str_of(z), &ms) && ms > 0 ? ms : SL_QUOTA_RENEW_MS;
}

static void on_records(void *ctx)
{
    struct sl_gateway *g = ctx;

    sl_purged_take(&g->purged);
    sl_switched_take(&g->switched);
}

struct sl_gateway *sl_gateway_new(struct sl_net *net, const struct sl_gateway_parts *parts)
{
    struct sl_gateway *g = sl_mem_new(sizeof *g);

    g->magic = SL_GATEWAY_MAGIC;
    g->net = net;
    g->conf = sl_gateway_conf_share(parts->conf);
    g->metrics = parts->metrics;
    g->access = parts->access;
    g->prompts = parts->prompts;
    g->store = parts->store;
    g->cache = parts->cache;
    g->renew_ms = renew_ms();
    g->keys = sl_keys_new(net, parts->store);
    sl_keys_reload(g->keys, g->conf);
    sl_purged_init(&g->purged, g->cache, g->keys);
    sl_switched_init(&g->switched, g->keys, g->store);
    sl_keys_on_change(g->keys, on_records, g);
    g->flights = sl_flights_new(net);
    g->wants = sl_want_flights_new();
    g->healths = sl_healths_new();
    g->mirrors = sl_mirrors_new();
    g->gates = sl_gates_new(net, g->conf);
    sl_flights_configure(g->flights, g->conf->cache.recording);
    sl_list_init(&g->requests);
    sl_gateway_families_make(g);
    g->jwts = sl_jwts_new();
    g->tokens = sl_tokens_new(net, g->f.fetched);
    if (!parts->still)
        sl_tokens_reload(g->tokens, g->conf);
    g->watch = sl_watch_new(g, g->renew_ms);
    g->recent = sl_recent_new();
    g->hooks = sl_hooks_new(g);
    g->top_ups = sl_top_ups_new(g);
    g->otlp = sl_otlp_new(g);
    g->discovery = sl_discovery_new(g);
    g->pings = sl_pings_new(g);
    if (!parts->still)
        sl_discovery_reload(g->discovery);
    sl_shed_init(&g->shed, g);
    sl_shed_reload(&g->shed);
    return g;
}

enum sl_err sl_gateway_start(struct sl_gateway *g, char *why, size_t cap)
{
    struct sl_server_conf conf = server_conf(g->conf);
    struct sl_server_hooks hooks = {.on_request = on_request, .fault = on_fault, .ctx = g};

    SL_OBJ_CHECK(g, SL_GATEWAY_MAGIC);
    return sl_server_start(g->net, g->conf->listen, NULL, &conf, &hooks, &g->server, why, cap);
}

uint16_t sl_gateway_port(const struct sl_gateway *g)
{
    return sl_server_port(g->server);
}

static void warm(struct sl_gateway *g)
{
    for (size_t i = 0; i < g->conf->providers_n; i++)
        sl_origin_warm(g->conf->providers[i].origin);
    if (g->pings != NULL) /* not any more once it stops */
        sl_pings_begin(g->pings);
}

void sl_gateway_reload(struct sl_gateway *g, struct sl_gateway_conf *conf)
{
    struct sl_server_conf server = server_conf(conf);

    SL_OBJ_CHECK(g, SL_GATEWAY_MAGIC);
    sl_gateway_conf_share(conf);
    sl_gateway_conf_drop(&g->conf);
    memset(g->series, 0, sizeof g->series);
    g->conf = conf;
    sl_keys_reload(g->keys, conf);
    sl_healths_reload(g->healths, conf);
    sl_tokens_reload(g->tokens, conf);
    sl_jwts_reload(g->jwts);
    sl_gates_reload(g->gates, conf);
    sl_watch_reload(g->watch);
    sl_hooks_reload(g->hooks);
    sl_top_ups_reload(g->top_ups);
    sl_otlp_reload(g->otlp);
    sl_discovery_reload(g->discovery);
    sl_shed_reload(&g->shed);
    sl_flights_configure(g->flights, conf->cache.recording);
    if (g->server != NULL)
        sl_server_reconfigure(g->server, &server);
    warm(g); /* providers that are new, and targets */
}

const struct sl_periods *sl_gateway_periods(struct sl_gateway *g, struct sl_str zone)
{
    int64_t now = sl_store_now_ms(g->store) / 1000;
    struct sl_zone_memo *m = NULL;

    for (size_t i = 0; i < SL_GATEWAY_ZONES; i++) {
        m = &g->zones[i];
        if (m->name[0] == '\0' || sl_str_eq(sl_str_of(m->name), zone))
            break;
    }
    if (!sl_str_eq(sl_str_of(m->name), zone) || now >= m->periods.day[1] ||
        now < m->periods.day[0]) {
        snprintf(m->name, sizeof m->name, "%.*s", SL_STR_ARGS(zone));
        sl_period_find(zone, now, &m->periods);
    }
    return &m->periods;
}

const struct sl_gateway_conf *sl_gateway_conf_now(const struct sl_gateway *g)
{
    return g->conf;
}

struct sl_gateway_conf *sl_gateway_conf_hold(struct sl_gateway *g)
{
    SL_OBJ_CHECK(g, SL_GATEWAY_MAGIC);
    return sl_gateway_conf_share(g->conf);
}

void sl_gateway_note_record(struct sl_gateway *g, const struct sl_record *rec)
{
    SL_OBJ_CHECK(g, SL_GATEWAY_MAGIC);
    sl_keys_note(g->keys, rec);
}

const struct sl_tally *sl_gateway_tally(const struct sl_gateway *g)
{
    SL_OBJ_CHECK(g, SL_GATEWAY_MAGIC);
    return &g->tally;
}

const char *sl_gateway_ending(size_t i)
{
    return i < SL_END__COUNT ? sl_ending_name((enum sl_ending)i) : NULL;
}

const struct sl_recent *sl_gateway_recent(const struct sl_gateway *g)
{
    return g->recent;
}

void sl_gateway_warm(struct sl_gateway *g, bool wait)
{
    SL_OBJ_CHECK(g, SL_GATEWAY_MAGIC);
    g->warming = wait;
    warm(g);
}

/* Once it is over it is over: what a reload dials is no reason not to be ready. */
static bool is_warming(struct sl_gateway *g)
{
    bool any = false;

    for (size_t i = 0; g->warming && !any && i < g->conf->providers_n; i++)
        any = sl_origin_is_warming(g->conf->providers[i].origin);
    g->warming = any;
    return any;
}

enum sl_ready sl_gateway_ready(struct sl_gateway *g)
{
    struct sl_store_state store;

    if (g->draining && !g->followed)
        return SL_READY_DRAINS;
    sl_store_look(g->store, &store);
    if (!store.up && g->conf->store.refuse)
        return SL_READY_NO_STORE;
    if (!sl_keys_are_known(g->keys))
        return SL_READY_STARTS;
    return is_warming(g) ? SL_READY_WARMS : SL_READY;
}

struct sl_store *sl_gateway_store(const struct sl_gateway *g)
{
    return g->store;
}

const struct sl_switches *sl_gateway_switches(const struct sl_gateway *g)
{
    return g->switched.table;
}

struct sl_cache *sl_gateway_cache(const struct sl_gateway *g)
{
    return g->cache;
}

void sl_gateway_drain(struct sl_gateway *g)
{
    g->draining = true;
    sl_discovery_leave(g->discovery, false);
    if (g->server != NULL)
        sl_server_drain(g->server);
}

void sl_gateway_hand_over(struct sl_gateway *g)
{
    g->draining = g->followed = true;
    sl_discovery_leave(g->discovery, true);
    if (g->server != NULL)
        sl_server_hand_over(g->server);
}

void sl_gateway_stop_accepting(struct sl_gateway *g)
{
    if (g->server != NULL)
        sl_server_stop_accepting(g->server);
}

bool sl_gateway_is_idle(const struct sl_gateway *g)
{
    return g->requests_n == 0 && sl_discovery_has_left(g->discovery);
}

size_t sl_gateway_requests(const struct sl_gateway *g)
{
    return g->requests_n;
}

struct sl_server_counts sl_gateway_server_count(const struct sl_gateway *g)
{
    if (g->server == NULL)
        return (struct sl_server_counts){0};
    return sl_server_count(g->server);
}

void sl_gateway_stop(struct sl_gateway *g)
{
    SL_OBJ_CHECK(g, SL_GATEWAY_MAGIC);
    while (!sl_list_is_empty(&g->requests)) {
        struct sl_req *r = SL_CONTAINER(g->requests.next, struct sl_req, node);

        r->why = SL_ERR_DRAINING;
        sl_req_event(r, SL_EVT_STOP);
    }
    sl_mirrors_end(&g->mirrors);
    sl_pings_end(&g->pings);
    sl_server_end(&g->server);
    sl_hooks_hurry(g->hooks);
    sl_otlp_hurry(g->otlp);
}

bool sl_gateway_has_told(const struct sl_gateway *g)
{
    return sl_hooks_is_idle(g->hooks) && sl_otlp_is_idle(g->otlp);
}

void sl_gateway_end(struct sl_gateway **pg)
{
    struct sl_gateway *g = *pg;

    *pg = NULL;
    if (g == NULL)
        return;
    sl_gateway_stop(g);
    sl_flights_end(&g->flights);
    sl_want_flights_end(&g->wants);
    sl_healths_end(&g->healths);
    sl_tokens_end(&g->tokens);
    sl_jwts_end(&g->jwts);
    sl_gates_end(&g->gates);
    sl_watch_end(&g->watch);
    sl_recent_end(&g->recent);
    sl_top_ups_end(&g->top_ups);
    sl_hooks_end(&g->hooks);
    sl_otlp_end(&g->otlp);
    sl_discovery_end(&g->discovery);
    sl_shed_fini(&g->shed);
    sl_keys_end(&g->keys);
    sl_switched_fini(&g->switched);
    sl_gateway_conf_drop(&g->conf);
    sl_apps_fini(&g->apps);
    sl_mem_wipe(&g->keymemo, sizeof g->keymemo);
    g->magic = SL_OBJ_DEAD;
    sl_mem_free(g);
}
