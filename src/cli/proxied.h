/* cli/proxied.h -- providers that the environment sends through a proxy, in words.
 *
 * A variable that was meant for other programs takes over every provider without `proxy`;
 * so a start, a reload and `sluice check` say which ones, by which proxy, and which variable
 * it was. A proxy's password is never part of it.
 */
#ifndef SL_CLI_PROXIED_H
#define SL_CLI_PROXIED_H

#include "gateway/conf.h"

#define SL_PROXIED_LINE 2048 /* bytes of a line at most, zero included */

/* The next line, one for each proxy and variable; `*at`, 0 at first, is moved on. False: there
 * are no more. */
SL_MUST bool sl_proxied_line(const struct sl_gateway_conf *c, size_t *at, char *out, size_t cap);
/* Each of them into the log. */
void sl_proxied_log(const struct sl_gateway_conf *c);

#endif
