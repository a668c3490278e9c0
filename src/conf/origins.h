/* conf/origins.h -- which origins live on from one configuration to the next.
 *
 * Holder   main's serve. Each provider's origin is known by an identity: name,
 *          scheme, host, port, proxy, and what its TLS profile is made of, the
 *          files' contents included. A build takes origins; commit puts what it took in
 *          force (new limits for kept ones, others are let go), revert forgets
 *          what it took, so that a refused file changes nothing.
 */
#ifndef SL_CONF_ORIGINS_H
#define SL_CONF_ORIGINS_H

#include "http/pool.h"
#include "net/tls.h"

struct sl_origins;

struct sl_origins *sl_origins_new(struct sl_net *net);
void sl_origins_end(struct sl_origins **o);

/* One more share of a kept origin, or of a new one; `tls` NULL: http. `conf`
 * goes without its tls. NULL: the TLS profile can't be made, `why` says why. */
SL_MUST struct sl_origin *sl_origins_take(struct sl_origins *o, const struct sl_origin_conf *conf,
                                          const struct sl_tls_client_conf *tls, char *why,
                                          size_t cap);
void sl_origins_commit(struct sl_origins *o);
void sl_origins_revert(struct sl_origins *o);

#endif
