/* net/crypto/verify.h -- public keys, and whether a signature is theirs.
 *
 * Holder   Whoever made a key: new, then verify any number of times, end.
 * Limits   RSA from 2048 to 8192 bits with an odd public exponent above 2; P-256.
 * Errors   A key that can't be used is NULL, and `why` (at least 160 bytes) says what
 *          is wrong with it.
 * Source   RFC 7518 sections 3.3 (RS256: PKCS #1 v1.5 with SHA-256), 3.4 (ES256: two
 *          numbers of 32 bytes, one after the other) and 6 (keys as JSON); mbedtls 3.6.
 */
#ifndef SL_NET_CRYPTO_VERIFY_H
#define SL_NET_CRYPTO_VERIFY_H

#include "base/str.h"

struct sl_verify_key;

SL_MUST struct sl_verify_key *sl_verify_rsa_new(struct sl_str n, struct sl_str e, char *why,
                                                size_t cap);
SL_MUST struct sl_verify_key *sl_verify_p256_new(struct sl_str x, struct sl_str y, char *why,
                                                 size_t cap);
/* A public key or a certificate's, of either kind; `pem` ends with a zero that `n` does
 * not count. */
SL_MUST struct sl_verify_key *sl_verify_pem_new(struct sl_str pem, char *why, size_t cap);
bool sl_verify_is_rsa(const struct sl_verify_key *k);
/* Over SHA-256 of `data`. */
SL_MUST bool sl_verify(struct sl_verify_key *k, struct sl_str data, struct sl_str signature);
void sl_verify_end(struct sl_verify_key **k);

#endif
