/* conf/build.h -- from the effective tree to the snapshot requests run on.
 *
 * Checks what a schema can't: names that are unique and refer to something,
 * URLs, header names, keys, scopes. Faults go where the tree's go. With
 * `origins` NULL (check, fuzzing) nothing of the network is made and providers
 * have no origin. `catalog` (or NULL) says what patterns lead to, for the list.
 */
#ifndef SL_CONF_BUILD_H
#define SL_CONF_BUILD_H

#include "conf/catalog.h"
#include "conf/conf.h"
#include "conf/origins.h"
#include "gateway/conf.h"

/* NULL when there are faults. The caller holds one share, and commits or
 * reverts the origins. */
SL_MUST struct sl_gateway_conf *sl_build_snapshot(struct sl_conf *conf, struct sl_origins *origins,
                                                  const struct sl_catalog *catalog);

/* Connections to providers that may be open at once, all together. */
size_t sl_build_upstreams(const struct sl_conf *conf);

/* What runs can't change into what is wanted: names of settings, "" for none. */
void sl_build_fixed(const struct sl_conf *runs, const struct sl_conf *wanted, char *out,
                    size_t cap);

#endif
