/* gateway/hooks/top_up.h -- credits that a tenant is given when few are left: `auto_top_up`.
 *
 *   seen ─► find ─► claim ─► look ─► ask ─► claim anew ─► grant ─► close
 *
 * A tenant whose credits have fallen below `budget.credits_low` is told of (`credits_low`).
 * Where `budget.auto_top_up` says how much it may get, `hooks.auto_top_up` is asked by one
 * signed POST, and credits are added once it is answered 2xx.
 *
 * State    One record of the store a tenant, "topup.<tenant>": {"id","until","day","added",
 *          "cap"}, times and days by the store's clock, money in micro-dollars. Whoever puts it
 *          first has claimed the tenant until then: one instance asks.
 * Once     "id" names one top-up, in the call and in the grant (struct sl_store_grant): the store
 *          adds nothing under a name that it added. It stays the same until it is known how the
 *          call came out. So after a process that died, or a receiver that may have answered, the
 *          same is asked again, by whoever sees it first, and is added once.
 *
 * Bounds   `amount` by one call, and `daily` in a day (UTC), which is booked before it is asked.
 *          A call is tried SL_HOOKS_TRIES times, then again after SL_TOP_UP_AGAIN_MS; so is one
 *          whose 2xx can't be read. After a refusal (any 4xx but 408, 425 and 429, or a 2xx of 0
 *          dollars) the next one comes SL_TOP_UP_REST_MS later. SL_TOP_UPS_QUEUE tenants wait, one
 *          is at it; others are seen again at the next look.
 *
 * Holder   The gateway: one. Requests never wait for any of it.
 */
#ifndef SL_GATEWAY_HOOKS_TOP_UP_H
#define SL_GATEWAY_HOOKS_TOP_UP_H

#include "gateway/conf.h"
#include "store/store.h"

#define SL_TOP_UPS_QUEUE 64
#define SL_TOP_UP_CLAIM_MS 120000 /* longer than all tries of a call */
#define SL_TOP_UP_AGAIN_MS 300000
#define SL_TOP_UP_REST_MS 3600000

struct sl_gateway;
struct sl_top_ups;

struct sl_top_up_seen {
    struct sl_str tenant;
    struct sl_top_up rules;
    int64_t initial_micro; /* what its account begins with */
    int64_t left_micro;
    bool *told; /* up: the caller's, of that tenant: it is low, and that was told */
};

struct sl_top_ups *sl_top_ups_new(struct sl_gateway *g);
void sl_top_ups_end(struct sl_top_ups **t);
void sl_top_ups_reload(struct sl_top_ups *t); /* the gateway's configuration is another one */
/* So much has a tenant left; all is copied. */
void sl_top_ups_seen(struct sl_top_ups *t, const struct sl_top_up_seen *seen);

#endif
