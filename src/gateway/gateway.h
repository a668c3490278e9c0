/* gateway/gateway.h -- the life of requests, from the outside.
 *
 * Holder   main.c: one per process. It owns the data-plane server, the access
 *          log and the data-path metrics.
 * Order    new, start; reload any time; drain, then end when
 *          sl_gateway_is_idle() or the drain limit has passed.
 */
#ifndef SL_GATEWAY_GATEWAY_H
#define SL_GATEWAY_GATEWAY_H

#include "base/metric.h"
#include "gateway/conf.h"
#include "http/server.h"
#include "net/file.h"
#include "policy/routing/switches.h"
#include "store/cache.h"
#include "store/store.h"

struct sl_gateway;
struct sl_recent;
struct sl_tally;

struct sl_gateway_parts {         /* what it is put together from; all outlive it */
    struct sl_gateway_conf *conf; /* shared by it */
    struct sl_store *store;       /* up */
    struct sl_cache *cache;       /* up */
    struct sl_metrics *metrics;   /* up */
    struct sl_file *access;       /* up: NULL: no access log */
    struct sl_file *prompts;      /* up: NULL: nothing is kept of what is asked and answered */
    bool still;                   /* it only explains: no call is made, not even for tokens */
};
struct sl_gateway *sl_gateway_new(struct sl_net *net, const struct sl_gateway_parts *parts);
SL_MUST enum sl_err sl_gateway_start(struct sl_gateway *g, char *why, size_t cap);
uint16_t sl_gateway_port(const struct sl_gateway *g);
/* The new snapshot is in force from the next request on. */
void sl_gateway_reload(struct sl_gateway *g, struct sl_gateway_conf *conf);
const struct sl_gateway_conf *sl_gateway_conf_now(const struct sl_gateway *g);
struct sl_gateway_conf *sl_gateway_conf_hold(struct sl_gateway *g); /* shared: drop it */

/* A record of the store was just written here. */
void sl_gateway_note_record(struct sl_gateway *g, const struct sl_record *rec);

/* What was done since the start: policy/history/history.h. Endings in the order of their names. */
const struct sl_tally *sl_gateway_tally(const struct sl_gateway *g);
/* The name of each, as the access line has it; NULL: there are no more. */
const char *sl_gateway_ending(size_t i);
/* What ended last: gateway/audit/recent.h. */
const struct sl_recent *sl_gateway_recent(const struct sl_gateway *g);

/* Readiness for /readyz. */
enum sl_ready {
    SL_READY,
    SL_READY_DRAINS,
    SL_READY_NO_STORE, /* away, and store.on_outage refuses */
    SL_READY_STARTS,   /* tenants and switches have yet to be read */
    SL_READY_WARMS     /* the first connections to providers are being made */
};
enum sl_ready sl_gateway_ready(struct sl_gateway *g);
/* Connections to the providers are made ahead; readiness waits for them if it is to, for
 * each at most its provider's timeouts.connect, however it ends. A reload makes those of
 * providers that are new, and nobody waits. */
void sl_gateway_warm(struct sl_gateway *g, bool wait);
struct sl_store *sl_gateway_store(const struct sl_gateway *g);
struct sl_cache *sl_gateway_cache(const struct sl_gateway *g); /* or NULL */
/* The operator's, as this process knows them; until the loop's next turn. */
const struct sl_switches *sl_gateway_switches(const struct sl_gateway *g);
void sl_gateway_drain(struct sl_gateway *g);     /* readiness false, close kept connections */
void sl_gateway_hand_over(struct sl_gateway *g); /* to a process that accepts on its socket */
void sl_gateway_stop_accepting(struct sl_gateway *g);
bool sl_gateway_is_idle(const struct sl_gateway *g); /* no request left, and Consul told */
size_t sl_gateway_requests(const struct sl_gateway *g);
/* A request that came to another listener, as if to the gateway's own under that path, which
 * lives as long as the exchange. From inside on_request. */
void sl_gateway_take(struct sl_gateway *g, struct sl_exch *x, struct sl_str path);
struct sl_server_counts sl_gateway_server_count(const struct sl_gateway *g);
/* Gauges that are read, not counted (streams open, queue depth, live objects);
 * called before an exposition. */
void sl_gateway_refresh_metrics(struct sl_gateway *g);
/* Ends what is left with `shutdown`, and serves nobody any more; what operators are told of it
 * is on its way until has_told. Then end; or end alone, which waits for nothing. */
void sl_gateway_stop(struct sl_gateway *g);
bool sl_gateway_has_told(const struct sl_gateway *g);
void sl_gateway_end(struct sl_gateway **g);

#endif
