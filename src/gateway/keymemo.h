/* gateway/keymemo.h -- SHA-256 of the keys that came lately.
 *
 * What     A client sends its key with every request, and the hash is the
 *          dearest step of turning a stranger away. Only the hash is
 *          remembered: who it belongs to, and whether that one may come in, is
 *          looked up each time, so a reload or a revocation counts at once.
 * Holder   The gateway; embedded. All zero is empty.
 * Secrets  No key is kept: a slot is found by a keyed print (base/map.h) that
 *          means nothing outside of the process. The time taken tells whether
 *          that very key came before, and nothing about any other.
 */
#ifndef SL_GATEWAY_KEYMEMO_H
#define SL_GATEWAY_KEYMEMO_H

#include "base/map.h"

#define SL_KEYMEMO_SLOTS 256

struct sl_keymemo {
    struct sl_keymemo_slot {
        struct sl_map_print print;
        uint8_t sha256[32];
    } slots[SL_KEYMEMO_SLOTS];
};

void sl_keymemo_sha256(struct sl_keymemo *m, struct sl_str key, uint8_t out[32]);

#endif
