/* cli/explain.h -- private to the room: what `sluice explain` asks, of whom, and how it is shown.
 */
#ifndef SL_CLI_EXPLAIN_H
#define SL_CLI_EXPLAIN_H

#include "base/grow.h"
#include "cli/options.h"
#include "http/message.h"

/* For people: lines. `object` is what admin/live/explain.h writes. */
void sl_explain_print(struct sl_str object);

/* ---- explain_offline.c ---- */
/* By a configuration, as a gateway that has just started would; no connection is made. The
 * object goes into `out`. An exit code; it has been said why. */
int sl_explain_offline(const struct sl_options *o, const struct sl_headers *headers,
                       struct sl_str body, struct sl_grow *out);

#endif
