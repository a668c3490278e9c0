/* http/tunnel.h -- what a proxy is told so that it opens a way, and its answer.
 *
 * CONNECT, RFC 9110 section 9.3.6, with Proxy-Authorization where the proxy has
 * credentials (sections 11.7.2, RFC 7617). The way is open after a 2xx; no body
 * follows it, whatever its head says. An answer that asks for credentials, or
 * any other, is a reason in words: it holds neither the credentials nor a byte
 * of the answer but its status.
 * Holder   An origin; its dials point to it (net/dial.h).
 */
#ifndef SL_HTTP_TUNNEL_H
#define SL_HTTP_TUNNEL_H

#include "http/pool.h"
#include "net/dial.h"

#define SL_TUNNEL_HINTS 8 /* 1xx before the answer */

/* Copies what it needs of the conf. NULL where the conf has no proxy. */
struct sl_dial_proxy *sl_tunnel_new(const struct sl_origin_conf *conf);
void sl_tunnel_end(struct sl_dial_proxy **t); /* overwrites the credentials */

/* `read` of net/dial.h. */
enum sl_dial_word sl_tunnel_read(struct sl_str came, size_t *used, char *why, size_t cap);

#endif
