/* gateway/quota/watch.h -- how much of their budgets tenants have used.
 *
 * Private to the room. Balances are looked at every 10 s (`every_ms`), at most
 * SL_WATCH_LOOKS of them one after the other, first those of tenants who spent since
 * their last look. What is seen goes into sluice_budget_used_ratio{tenant}: spent of
 * granted, of the day's or of the month's budget, the largest of the three. Where a mark
 * of `budget.alert_at` is passed the log says so, once a period and process.
 *
 * Holder   The gateway: one.
 * Watched  Tenants of the configuration that have a budget, and those with one that spend,
 *          SL_WATCH_TENANTS at most. A key's own budget is not.
 */
#ifndef SL_GATEWAY_QUOTA_WATCH_H
#define SL_GATEWAY_QUOTA_WATCH_H

#include "gateway/inside.h"

#define SL_WATCH_LOOKS 256
#define SL_WATCH_TENANTS 10000

struct sl_watch;

struct sl_watch *sl_watch_new(struct sl_gateway *g, uint64_t every_ms);
void sl_watch_end(struct sl_watch **w);
/* The gateway's configuration is another one. */
void sl_watch_reload(struct sl_watch *w);
/* That tenant was charged. */
void sl_watch_spent(struct sl_watch *w, const struct sl_tenant *t, struct sl_str name);

#endif
