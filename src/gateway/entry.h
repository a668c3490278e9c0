/* gateway/entry.h -- a cached answer as bytes: an envelope and the plain body.
 *
 * Pure. Bytes from a cache are not trusted: whatever is not exactly an envelope of
 * this schema, or of the one before, is no entry. All integers little endian:
 *
 *   "slce" schema:u8 endpoint:u8 status:u16 sha256:32 six counts:u64
 *   model:u16+bytes stop:u8+bytes body:u32+bytes
 *
 * Nothing may stand behind the body. Endpoints have their numbers of enum
 * sl_endpoint, which therefore don't change.
 */
#ifndef SL_GATEWAY_ENTRY_H
#define SL_GATEWAY_ENTRY_H

#include "llm/dialect.h"
#include "store/cache.h"

#define SL_ENTRY_SCHEMA 1
#define SL_ENTRY_OLDEST 1 /* read too: the schema before, once there is one */

struct sl_entry {
    uint8_t sha256[32]; /* of the canonical request */
    enum sl_endpoint ep;
    int status;
    /* in, cache_read, cache_write_5m, cache_write_1h, out, reasoning */
    uint64_t counts[6];
    struct sl_str model; /* as the provider named it */
    struct sl_str stop;
    struct sl_str body; /* plain */
};

/* Texts point into `u`. */
void sl_entry_set_usage(struct sl_entry *e, const struct sl_usage *u);
/* What was reported then, as reported. */
void sl_entry_get_usage(const struct sl_entry *e, struct sl_usage *u);
/* As a value for the cache; NULL without memory, or if a text does not fit its length. */
SL_MUST struct sl_cached *sl_entry_encode(const struct sl_entry *e);
/* Texts point into `bytes`. `out` is as it was on false. */
SL_MUST bool sl_entry_decode(struct sl_str bytes, struct sl_entry *out);

#endif
