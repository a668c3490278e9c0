/* conf/proxy.h -- which way out a provider has.
 *
 * `providers[].proxy` says it: the URL of an HTTP proxy, or `none`. Where it is not
 * given the environment does, as with other programs: https_proxy or HTTPS_PROXY for
 * https, http_proxy or HTTP_PROXY for http, but not for this host itself, and not for
 * what no_proxy or NO_PROXY names. The effective tree then holds what was found, and
 * which variable gave it.
 */
#ifndef SL_CONF_PROXY_H
#define SL_CONF_PROXY_H

#include "conf/expand.h"
#include "http/pool.h"

#define SL_PROXY_AUTH 1500 /* bytes of a Proxy-Authorization value at most */

/* After the schema: into every provider without `proxy`. */
void sl_proxy_fill(struct sl_tree *t, const struct sl_env *env, struct sl_node *root);

/* http://[user[:password]@]host:port, both percent-encoded; empty and `none`: port 0.
 * The credentials' line goes to `auth` (SL_PROXY_AUTH bytes), slices of `text` and of it
 * to `out`. NULL: fine; else what is wrong, in words that hold nothing of the text. */
SL_MUST const char *sl_proxy_parse(struct sl_str text, char *auth, struct sl_origin_proxy *out);

/* Entries between commas or blanks: `*`; a name, which stands for those below it too;
 * `.name` or `*.name`, for those below it only; an address; a network such as
 * 10.0.0.0/8, which holds addresses only, for no name is looked up; each, but a
 * network, with `:port` or without. */
bool sl_proxy_is_exempt(struct sl_str no_proxy, struct sl_str host, uint16_t port);

#endif
