/* policy/prices.h -- a list of prices by provider and model.
 *
 * Holder   The configuration snapshot; immutable once built. Pure.
 * Looking  By the exact name first; where that is not listed, without the date
 *          at its end ("-20250929", "-2025-04-14", as vendors mark snapshots) or
 *          "-latest". A snapshot with a price of its own is listed by its name.
 */
#ifndef SL_POLICY_PRICES_H
#define SL_POLICY_PRICES_H

#include "policy/money.h"

struct sl_prices;

struct sl_prices *sl_prices_new(void);
void sl_prices_end(struct sl_prices **p);
/* Copies. CONFIG with `why` for a name that stands twice; NO_MEMORY. */
SL_MUST enum sl_err sl_prices_add(struct sl_prices *p, struct sl_str provider, struct sl_str model,
                                  const struct sl_price *price, char *why, size_t cap);
/* NULL: not listed. */
const struct sl_price *sl_prices_find(const struct sl_prices *p, struct sl_str provider,
                                      struct sl_str model);
bool sl_prices_has(const struct sl_prices *p, struct sl_str provider); /* any model of it */
size_t sl_prices_count(const struct sl_prices *p);

#endif
