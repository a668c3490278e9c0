/* net/crypto/seal.h -- values sealed under a master key: AES-256-GCM.
 *
 * Holder   Nobody: a key is a plain value; wipe it (sl_mem_wipe) after use.
 * Order    sl_seal_key_from() once for a master secret, then lock and open as often
 *          as wanted. No state is shared.
 * Form     seal:v1:KEYID:BASE64(nonce, cipher text, tag). KEYID is eight hex digits
 *          made from the key one way, and tells which of several keys fits; the bytes
 *          before BASE64 are authenticated, too.
 * Memory   Into the place given; short-lived copies are wiped.
 * Limits   SL_SEAL_PLAIN_MAX bytes a value. Nonces are random: 2^32 values a key
 *          are safe (NIST SP 800-38D, 8.3).
 * Source   AES-GCM: NIST SP 800-38D; the key: HKDF-SHA256 (RFC 5869), no salt, info
 *          "sluice seal v1"; base64: RFC 4648 section 4.
 */
#ifndef SL_NET_CRYPTO_SEAL_H
#define SL_NET_CRYPTO_SEAL_H

#include "base/text.h"

#define SL_SEAL_PREFIX SL_STR("seal:v1:")
#define SL_SEAL_PLAIN_MAX ((size_t)32768)
#define SL_SEAL_TEXT_MAX ((size_t)65536) /* of a sealed value, with room to spare */
#define SL_SEAL_ID 8

struct sl_seal_key {
    uint8_t bytes[32];
    char id[SL_SEAL_ID + 1];
};

enum sl_seal_end {
    SL_SEAL_DONE,
    SL_SEAL_FORM, /* it has not that form */
    SL_SEAL_KEY,  /* another key's, or changed since */
    SL_SEAL_SIZE  /* beyond the limit, or the place is too small */
};

/* HKDF stretches nothing: the secret must be random, not a phrase. */
void sl_seal_key_from(struct sl_str secret, struct sl_seal_key *out);
/* The key a sealed value names; empty when it has no such form. */
struct sl_str sl_seal_id_of(struct sl_str sealed);
/* Adds the sealed form to `out`: DONE or SIZE. */
SL_MUST enum sl_seal_end sl_seal_lock(const struct sl_seal_key *k, struct sl_str plain,
                                      struct sl_text *out);
/* Adds the plain value to `out`. */
SL_MUST enum sl_seal_end sl_seal_open(const struct sl_seal_key *k, struct sl_str sealed,
                                      struct sl_text *out);

#endif
