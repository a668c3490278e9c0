/* admin/live/explain.h -- what is told of a request that was only explained, as JSON.
 *
 * For POST /admin/api/explain and for `sluice explain` without a gateway; the members are
 * those of docs/operations.md.
 */
#ifndef SL_ADMIN_LIVE_EXPLAIN_H
#define SL_ADMIN_LIVE_EXPLAIN_H

#include "admin/api/out.h"
#include "gateway/explain/explain.h"

/* One object. */
void sl_explain_write(struct sl_out *o, const struct sl_explained *x);

#endif
