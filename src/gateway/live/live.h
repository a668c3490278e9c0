/* gateway/live/live.h -- requests that are under way, for operators, and how one is ended.
 *
 * Holder   The gateway's. Texts of a look live until the loop's next turn: read and copied in
 *          one go. Neither prompts nor answers nor keys are told, but a key's public id.
 * Ending   An answer that has not begun becomes an error of ours (503 `stopped`, with
 *          x-should-retry: false); a stream ends with its protocol's error event; other answers
 *          are cut so that they don't look whole. What the provider has done is charged, as
 *          when a client leaves. Who shares the answer of that request gets the same end.
 */
#ifndef SL_GATEWAY_LIVE_LIVE_H
#define SL_GATEWAY_LIVE_LIVE_H

#include "gateway/gateway.h"

struct sl_live {
    struct sl_str id;
    const char *phase;
    struct sl_str tenant, key, model, provider, client; /* empty: not known yet */
    const char *endpoint;
    bool streams;
    bool headless;             /* its client has left; it goes on for others, or for the ledger */
    uint64_t age_ms, first_ms; /* first_ms: to the first content; 0: not yet */
    uint64_t bytes_in, bytes_out;
    unsigned attempts;
};

/* The next one, oldest first; `*at` is NULL for the first, and moved on. */
SL_MUST bool sl_live_next(struct sl_gateway *g, const struct sl_list **at, struct sl_live *out);
/* False: there is no such request, or it has all but ended. Not from inside a request's step. */
SL_MUST bool sl_live_stop(struct sl_gateway *g, struct sl_str id);

#endif
