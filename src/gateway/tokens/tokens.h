/* gateway/tokens/tokens.h -- access tokens for providers with `auth: oauth2`.
 *
 * One entry a provider: fetched at start, again SL_TOKENS_EARLY_MS before the token
 * ends (half its life before, if that is shorter), and when the provider refuses it.
 * However many requests need it, one call is under way; they wait for that one.
 *
 *              ┌────────────── no token: fetch ───────────┐
 *   token good ┤                                          ├─► token good
 *              └─ early, or refused: fetch; failed: again ─┘   after 1 s, 2 s, … 30 s
 *
 * While it fails, a token that is still good is used on; without one the provider
 * counts as down and nobody waits.
 * Holder   The gateway: one. Requests look a token up and use its text at once.
 * Order    new; reload with each configuration, the first too; end when the requests
 *          have ended.
 * Bounds   One call an entry, SL_TOKENS_FETCH_MS long, SL_GRANT_BODY_MAX of an answer;
 *          SL_TOKENS_WAITERS_MAX requests that wait; a provider that refuses a token
 *          younger than SL_TOKENS_YOUNG_MS gets no other one.
 * Secrets  Tokens stand in no log; they are overwritten when they are replaced.
 */
#ifndef SL_GATEWAY_TOKENS_TOKENS_H
#define SL_GATEWAY_TOKENS_TOKENS_H

#include "base/metric.h"
#include "base/op.h"
#include "gateway/conf.h"

#define SL_TOKENS_EARLY_MS 60000
#define SL_TOKENS_YOUNG_MS 1000
#define SL_TOKENS_FETCH_MS 10000
#define SL_TOKENS_BACKOFF_MS 1000
#define SL_TOKENS_BACKOFF_MAX_MS 30000
#define SL_TOKENS_WAITERS_MAX 10000

struct sl_tokens;
typedef void sl_tokens_done_fn(void *ctx, enum sl_err e);

/* `fetched`: sluice_token_fetches_total by provider and result. */
struct sl_tokens *sl_tokens_new(struct sl_net *net, struct sl_metric_family *fetched);
void sl_tokens_end(struct sl_tokens **t);
/* What the configuration names is fetched and kept good; the rest is forgotten. */
void sl_tokens_reload(struct sl_tokens *t, struct sl_gateway_conf *conf);

/* Below, `p` has an `oauth`, and is a provider of `conf`. */

/* The token and its serial number, 0 and empty where there is none that is good. It is
 * not to be kept beyond the turn. */
struct sl_str sl_tokens_look(struct sl_tokens *t, const struct sl_provider *p, uint64_t *serial);
/* Until there is one. done: SL_OK, or SL_ERR_UP_TOKEN: sl_tokens_why() says why. */
void sl_tokens_wait_start(struct sl_tokens *t, struct sl_gateway_conf *conf,
                          const struct sl_provider *p, struct sl_op **slot, sl_tokens_done_fn *done,
                          void *ctx);
/* The provider has answered 401 to that token. True: another one is here or on its way. */
SL_MUST bool sl_tokens_refused(struct sl_tokens *t, const struct sl_provider *p, uint64_t serial);
/* Until a token is asked for again, while there is none; 0: it can be tried now. Any
 * provider may be asked about. */
uint64_t sl_tokens_rest_ms(struct sl_tokens *t, const struct sl_provider *p);
struct sl_str sl_tokens_why(struct sl_tokens *t, const struct sl_provider *p);

#endif
