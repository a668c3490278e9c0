/* gateway/hooks/certs.h -- certificates of those we call, and how long they have left: gauges, and
 * the event `certificate_expiring`.
 *
 * What is known is what was shown in a full handshake (net/tls.h): nothing is dialled for it, so
 * what is never called is not watched. Told once for a certificate that has less left than
 * `hooks.certificate_left`, and again each day while that is so.
 * Bounds   SL_CERTS_MOST of them are told, more than a configuration has; what is looked at is
 *          the configuration in force.
 */
#ifndef SL_GATEWAY_HOOKS_CERTS_H
#define SL_GATEWAY_HOOKS_CERTS_H

#include "gateway/hooks/hooks.h"

#define SL_CERTS_MOST 2000

void sl_certs_refresh(struct sl_gateway *g); /* gauges */
/* Private to hooks/. */
void sl_certs_look(struct sl_hooks *h);   /* tells what has too little left */
void sl_certs_forget(struct sl_hooks *h); /* what was told */

#endif
