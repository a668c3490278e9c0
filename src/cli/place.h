/* cli/place.h -- the gateway as its clients see it: URL and key. */
#ifndef SL_CLI_PLACE_H
#define SL_CLI_PLACE_H

#include "conf/conf.h"

/* "http://127.0.0.1:8080" for a listen address; `port` replaces a 0 in it. An
 * address for everyone becomes the loopback one. Empty for a unix socket. */
void sl_place_url(struct sl_str listen, unsigned port, char *out, size_t cap);
/* The first tenant key whose text is known: the file it is from, or NULL. */
const struct sl_node *sl_place_key(const struct sl_conf *c);

#endif
