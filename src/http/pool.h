/* http/pool.h -- connections to providers, by origin.
 *
 * An origin is scheme, host, port, TLS profile and proxy of one provider; it owns its
 * idle connections (last in, first out), counts the open ones, keeps `warm`
 * ready ones from its warming or its first request on, and queues requests beyond
 * `max_connections`: first come, first served, at most `queue_max`, each at
 * most `queue_wait_ms` (then SL_ERR_QUEUE_FULL / SL_ERR_QUEUE_SLOW). An idle
 * connection that becomes readable, expires or breaks is closed.
 * Holder   The configuration snapshot holds origins through counted shares: a
 *          reload that keeps a provider's address keeps its connections.
 * Use      Calls (http/client.h) take and give connections; nobody else.
 */
#ifndef SL_HTTP_POOL_H
#define SL_HTTP_POOL_H

#include "base/err.h"
#include "net/loop.h"

struct sl_origin;
struct sl_tls_certificate;
struct sl_tls_profile;

struct sl_origin_proxy { /* HTTP CONNECT: http/tunnel.h */
    struct sl_str host;
    uint16_t port;      /* 0: there is none */
    struct sl_str auth; /* secret: value of Proxy-Authorization; may be empty */
};

struct sl_origin_conf {
    struct sl_str name; /* for logs and metrics: the provider's */
    struct sl_str host;
    uint16_t port;
    struct sl_tls_profile *tls; /* shared: NULL for http:// */
    struct sl_origin_proxy proxy;
    size_t max_connections;
    size_t max_keepalive;
    uint64_t keepalive_expiry_ms;
    size_t warm;
    uint64_t connect_ms;
    uint64_t dns_ttl_ms;
    size_t queue_max;
    uint64_t queue_wait_ms;
    bool group; /* host and port only name it: its instances are told, see http/group.h */
};

/* Copies the conf. */
struct sl_origin *sl_origin_new(struct sl_net *net, const struct sl_origin_conf *conf);
/* The same origin under new limits (host, port, TLS and proxy must be equal). */
void sl_origin_reconfigure(struct sl_origin *o, const struct sl_origin_conf *conf);
struct sl_origin *sl_origin_share(struct sl_origin *o);
/* The last holder's drop closes idle connections; calls in flight finish. */
void sl_origin_drop(struct sl_origin **o);

/* The first time: dials what `warm` asks for, so that the first request finds it. What
 * fails is said in the log and not tried again. */
void sl_origin_warm(struct sl_origin *o);
/* Of those dials some have not ended yet; each takes `connect_ms` at most. */
bool sl_origin_is_warming(const struct sl_origin *o);

/* As configured; the text is the origin's. */
struct sl_str sl_origin_host(const struct sl_origin *o);
uint16_t sl_origin_port(const struct sl_origin *o);

/* What ends first of the certificates it showed (net/tls.h); of several instances the one that
 * ends first. False: none has been seen. */
SL_MUST bool sl_origin_certificate(const struct sl_origin *o, struct sl_tls_certificate *out);

struct sl_origin_counts {
    size_t open; /* all connections, dialling ones too */
    size_t idle;
    size_t queued; /* calls waiting, for a dial under way too */
    uint64_t dialled;
    uint64_t reused;
};
struct sl_origin_counts sl_origin_count(const struct sl_origin *o);

#endif
