/* gateway/otlp/otlp.h -- spans on their way to a collector: `otlp` of the configuration.
 *
 *   add ─► batch, open ─► full, or `every` has passed ─► POST, one at a time ─► 2xx: sent
 *                                                          └► 429, 502, 503, 504, or no answer:
 *                                                             again, SL_OTLP_TRIES in all
 *
 * Holder   The gateway: one. Without `otlp.endpoint` nothing is made, kept or armed.
 * Bounds   `otlp.queue` spans and SL_OTLP_BYTES, those on their way too; beyond that spans are
 *          dropped. All are counted in sluice_otlp_spans_total: sent, rejected (the collector
 *          took the POST, not the span), failed, dropped. Requests never wait for any of it.
 * End      hurry sends what there is, each batch once and without waiting between tries; whoever
 *          ends the process turns the loop until it is idle, or has had enough.
 * Source   OTLP 1.9: HTTP requests, which answers may be repeated and when, partial success.
 */
#ifndef SL_GATEWAY_OTLP_OTLP_H
#define SL_GATEWAY_OTLP_OTLP_H

#include "gateway/conf.h"
#include "net/loop.h"

#define SL_OTLP_BYTES ((size_t)16 << 20)
#define SL_OTLP_TRIES 5
#define SL_OTLP_BACKOFF_MS 1000   /* doubled with each try; a part of it is left to chance */
#define SL_OTLP_WAIT_MAX_MS 60000 /* of the collector's own word */

struct sl_gateway;
struct sl_otlp;

struct sl_otlp *sl_otlp_new(struct sl_gateway *g);
void sl_otlp_end(struct sl_otlp **o);
void sl_otlp_reload(struct sl_otlp *o); /* the gateway's configuration is another one */
/* One span as JSON, copied; .p NULL: it could not be written, and counts as dropped. */
void sl_otlp_add(struct sl_otlp *o, struct sl_str span);
void sl_otlp_hurry(struct sl_otlp *o);
bool sl_otlp_is_idle(const struct sl_otlp *o);

#endif
