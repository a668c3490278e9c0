/* net/dial.h -- where to, and how to get there: names, addresses, limits.
 *
 * Answers of the resolver are cached for `dns_ttl_ms` (getaddrinfo tells no
 * TTL), look-ups of one name in flight are joined, an expired answer is used on
 * when the resolver fails or says nothing for a quarter of a second, a failure
 * is believed for a second. All addresses are tried in turn within connect_ms,
 * each with its share of what is left; the one that answered is first next time.
 * At most SL_DIAL_HANDSHAKES handshakes advance in one turn; others wait for
 * the next, so that a storm of new connections does not stop the relay.
 */
#ifndef SL_NET_DIAL_H
#define SL_NET_DIAL_H

#include "base/str.h"

#define SL_DIAL_HANDSHAKES 4
#define SL_DIAL_NAMES 1024 /* names in the cache */

struct sl_tls_profile;

struct sl_dial_to {
    struct sl_str host;         /* name, IPv4 or IPv6 literal; or a path for unix */
    uint16_t port;              /* 0: host is a unix socket's path */
    struct sl_tls_profile *tls; /* shared: NULL for plain */
    uint64_t connect_ms;        /* resolve + connect + handshake together */
    uint64_t dns_ttl_ms;
};

#endif
