/* gateway/hooks/hooks.h -- what operators are told by a webhook: `hooks` of the configuration.
 *
 *   tell ─► queue ─► POST, one at a time ─► 2xx: done; else again after 1, 2, 4, 8 s, then lost
 *
 * Each event is one JSON object: "id" (the same for each try), "event", "time", "instance"
 * and the event's own members. It is signed where there is a secret:
 *   sluice-signature: t=<seconds since 1970>,v1=<HMAC-SHA256 of "<t>.<body>", hexadecimal>
 * so that a receiver can refuse what is old or not ours.
 *
 * Holder   The gateway: one. Without a `hooks.url` nothing is kept and nothing is looked at, but
 *          for what goes to a tenant's own `budget.alert_url`.
 * Bounds   SL_HOOKS_QUEUE events of SL_HOOKS_BODY bytes, and as many for all tenants' receivers;
 *          beyond that they are dropped and counted (sluice_hooks_total). A try is one sl_post.
 *          Requests never wait for any of it.
 */
#ifndef SL_GATEWAY_HOOKS_HOOKS_H
#define SL_GATEWAY_HOOKS_HOOKS_H

#include "gateway/conf.h"
#include "net/loop.h"

#define SL_HOOKS_QUEUE 64
#define SL_HOOKS_BODY 2048
#define SL_HOOKS_TRIES 5
#define SL_HOOKS_BACKOFF_MS 1000
#define SL_HOOKS_LOOK_MS 1000 /* breakers, keys and the store are looked at */

struct sl_gateway;
struct sl_hooks;

struct sl_hooks *sl_hooks_new(struct sl_gateway *g);
void sl_hooks_end(struct sl_hooks **h);
void sl_hooks_reload(struct sl_hooks *h); /* the gateway's configuration is another one */
/* `members`: more of the object, `,"tenant":"acme"`; copied. */
void sl_hooks_tell(struct sl_hooks *h, const char *event, struct sl_str members);
/* The same to a `budget.alert_url`, as policy/tenant.h names it; nobody, where the configuration
 * has it no more. */
void sl_hooks_tell_at(struct sl_hooks *h, uint64_t to, const char *event, struct sl_str members);

/* The process ends: what waits is tried once more, without waiting between tries, while its
 * holder turns the loop until all is told. */
void sl_hooks_hurry(struct sl_hooks *h);
bool sl_hooks_is_idle(const struct sl_hooks *h);

#endif
