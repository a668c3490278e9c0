/* gateway/hooks/rates.h -- how many requests of a model, and of a provider, fail: for the event
 * `error_rate_high`, and `error_rate_normal` behind it.
 *
 * Private to hooks/ but for sl_rates_note(). Known by name, so that a reload keeps what is known.
 * Where `hooks.error_rate` is 0 nothing is counted.
 * Bounds   SL_RATES_MOST names, all of the configuration; more are not watched.
 */
#ifndef SL_GATEWAY_HOOKS_RATES_H
#define SL_GATEWAY_HOOKS_RATES_H

#include "gateway/hooks/hooks.h"

#define SL_RATES_MOST 2000

struct sl_rated;

/* A request of that model ended, and its last try was that provider's. Either may be empty. */
void sl_rates_note(struct sl_hooks *h, struct sl_str model, struct sl_str provider, bool bad);
void sl_rates_look(struct sl_hooks *h);   /* tells what has changed */
void sl_rates_forget(struct sl_hooks *h); /* all of it */

#endif
