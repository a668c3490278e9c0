/* net/listen.h -- accepting connections, with a ceiling.
 *
 * `addr` is "host:port", "[::1]:port" or "unix:/path". With a server profile
 * streams are TLS. At the ceiling accepting pauses and the kernel's backlog
 * holds newcomers; when descriptors run out (EMFILE) a spare one is used to
 * accept and close, so the loop never spins.
 */
#ifndef SL_NET_LISTEN_H
#define SL_NET_LISTEN_H

#include "net/stream.h"

struct sl_listener;

typedef void sl_accept_fn(void *ctx, struct sl_stream *s); /* the callee must adopt or close it */

SL_MUST enum sl_err sl_listen_start(struct sl_net *net, struct sl_str addr,
                                    struct sl_tls_profile *tls, size_t max_connections,
                                    sl_accept_fn *fn, void *ctx, struct sl_listener **out,
                                    char *why, size_t cap);
/* The port really bound (for ":0"); 0 for unix sockets. */
uint16_t sl_listen_port(const struct sl_listener *l);
/* Another process has the same socket and goes on with it: ending this one leaves a
 * unix socket's file where it is. */
void sl_listen_hand_over(struct sl_listener *l);
size_t sl_listen_open(const struct sl_listener *l); /* accepted and not yet closed */
void sl_listen_end(struct sl_listener **l);         /* stops accepting; open streams live on */

#endif
