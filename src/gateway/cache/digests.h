/* gateway/cache/digests.h -- digests of requests that came lately.
 *
 * What     What is asked again comes in the very same bytes, mostly: its canonical form
 *          need not be made and hashed anew. Only a request that may be cached, and has
 *          no normaliser, is remembered; everything that goes into the canonical form is
 *          part of what is compared.
 * Holder   The gateway; embedded. All zero is empty.
 * Secrets  No byte of a request is kept: a slot is found by keyed prints (base/map.h)
 *          that mean nothing outside of the process.
 */
#ifndef SL_GATEWAY_CACHE_DIGESTS_H
#define SL_GATEWAY_CACHE_DIGESTS_H

#include "base/map.h"
#include "policy/canon.h"
#include "store/cache.h"

#define SL_DIGESTS_SLOTS 1024

struct sl_digest {
    struct sl_map_print head, body;
    uint8_t md5[SL_CACHE_KEY], sha256[32];
};

struct sl_digests {
    struct sl_digest slots[SL_DIGESTS_SLOTS];
};

/* Known: fills `d`. Else it has the prints, and zero for `head` where names are so long
 * that the request is not to be remembered. */
SL_MUST bool sl_digests_recall(const struct sl_digests *all, const struct sl_canon *c,
                               struct sl_str body, struct sl_digest *d);
/* `d` as recall left it, with its digests. */
void sl_digests_note(struct sl_digests *all, const struct sl_digest *d);

#endif
