/* net/dial.h -- where to, and how to get there: names, addresses, limits.
 *
 * Answers of the resolver are cached for `dns_ttl_ms` (getaddrinfo tells no
 * TTL), look-ups of one name in flight are joined, an expired answer is used on
 * when the resolver fails or says nothing for a quarter of a second, a failure
 * is believed for a second. All addresses are tried in turn within connect_ms,
 * each with its share of what is left; the one that answered is first next time.
 * At most SL_DIAL_HANDSHAKES handshakes advance in one turn; others wait for
 * the next, so that a storm of new connections does not stop the relay.
 *
 * A name whose addresses change: streams dialled from then on go to the new ones. An address
 * is gone when two answers in a row were without it, for some resolvers tell a part of them
 * each time; whoever keeps streams asks sl_dial_again_start() now and then, and closes those.
 *
 * With a proxy its name is resolved and its addresses are tried; the name of
 * where to is the proxy's to resolve. What it is told and how its answer is
 * read comes from the rooms above: here is no HTTP. Source: RFC 9110 9.3.6.
 */
#ifndef SL_NET_DIAL_H
#define SL_NET_DIAL_H

#include "base/op.h"
#include "base/str.h"
#include "net/loop.h"

#define SL_DIAL_HANDSHAKES 4
#define SL_DIAL_NAMES 1024       /* names in the cache */
#define SL_DIAL_ANSWER_MAX 16384 /* bytes of a proxy's answer */

struct sl_tls_profile;
struct sl_stream;

enum sl_dial_word { SL_DIAL_MORE, SL_DIAL_OPEN, SL_DIAL_REFUSED };

/* The way through a proxy; it outlives the dialling. */
struct sl_dial_proxy {
    struct sl_str host; /* name, IPv4 or IPv6 literal */
    uint16_t port;
    struct sl_str hello; /* what it is told first */
    /* All that has come from it. OPEN: `used` bytes of it are the answer. REFUSED:
     * `why` says why, without the proxy's name. Must not call a stream. */
    enum sl_dial_word (*read)(struct sl_str came, size_t *used, char *why, size_t cap);
};

struct sl_dial_to {
    struct sl_str host;                /* name, IPv4 or IPv6 literal; or a path for unix */
    uint16_t port;                     /* 0: host is a unix socket's path */
    struct sl_tls_profile *tls;        /* shared: NULL for plain */
    const struct sl_dial_proxy *proxy; /* up: NULL: straight there */
    uint64_t connect_ms;               /* resolve + connect + handshake together */
    uint64_t dns_ttl_ms;
};

/* A name, not an address: something is looked up. */
bool sl_dial_is_name(struct sl_str host);
/* The resolver is asked, unless it was within half of `ttl_ms`; `done` when what it said is
 * in force. It is no failure when it says nothing: what is known stays. */
typedef void sl_dial_again_fn(void *ctx);
void sl_dial_again_start(struct sl_net *net, struct sl_str host, uint64_t ttl_ms,
                         struct sl_op **slot, sl_dial_again_fn *done, void *ctx);
/* Is the open stream's peer gone from the addresses of `host`? */
bool sl_dial_is_gone(struct sl_net *net, struct sl_str host, const struct sl_stream *s);

#endif
