/* net/crypto/sha.h -- SHA-256 by the processor's own instructions, where it has them.
 *
 * Private to net/tls_hash.c. mbedtls computes SHA-256 on x86 in plain C, at a tenth of the
 * speed; every settled line is hashed for its place in the trail, every request of a
 * cached model for its name, so it is worth a file.
 * Source   FIPS 180-4; the instructions SHA256RNDS2, SHA256MSG1 and SHA256MSG2 as described
 *          in Intel's Software Developer's Manual, volume 2.
 */
#ifndef SL_NET_CRYPTO_SHA_H
#define SL_NET_CRYPTO_SHA_H

#include "base/str.h"

struct sl_sha {
    uint32_t state[8];
    uint64_t n;        /* bytes fed */
    uint8_t block[64]; /* the last n % 64 of them */
};

/* Asked once, remembered. Nothing below may be called where it is false. */
bool sl_sha_can(void);
void sl_sha_init(struct sl_sha *s);
/* As it stood once `n` bytes, of whole blocks, had been fed. */
void sl_sha_resume(struct sl_sha *s, const uint32_t state[8], uint64_t n);
void sl_sha_feed(struct sl_sha *s, struct sl_str data);
void sl_sha_end(struct sl_sha *s, uint8_t out[32]);

#endif
