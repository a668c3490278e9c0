/* gateway/quota/watch.h -- how much of their budgets tenants have used.
 *
 * Private to the room. Balances are looked at every 10 s (`every_ms`), at most
 * SL_WATCH_LOOKS of them one after the other, nobody's twice in a round; first those of
 * tenants who spent since their last look, or were refused for want of credits, in turn. What is
 * seen goes into sluice_budget_used_ratio{tenant}: spent of granted, of the day's or of the month's
 * budget, the largest of the three. Where a mark of `budget.alert_at` is passed the log says so,
 * once a period and process.
 *
 * Holder   The gateway: one.
 * Watched  Tenants of the configuration that have a budget, and those with one that spend or
 *          find none left, SL_WATCH_TENANTS at most. Whom the admin API deleted is forgotten, whom
 *          it paused is passed over. A key's own budget is not watched.
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
/* That tenant was charged, or refused for want of credits. */
void sl_watch_stir(struct sl_watch *w, const struct sl_tenant *t, struct sl_str name);

#endif
