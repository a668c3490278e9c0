/* gateway/jwt/jwts.h -- tokens in place of keys: whose they are.
 *
 * Two kinds. Those of an issuer that the configuration trusts (`jwt`) name a tenant and
 * a user; each user is a key of that tenant with the tenant's `per_key` terms, and is
 * known by `jwt-<16 hex>`. Those given here in exchange for a key (`key_tokens`,
 * POST /v1/auth/token) stand for that key: it is looked up as if it had been sent, so
 * its revocation holds for them, too.
 *
 * Holder   The gateway: one. Request by request sl_who_find(), again whenever it must be
 *          known anew.
 * Bounds   A token that was found good is known by its SHA-256 until it expires, at
 *          most SL_JWTS_KNOWN of them, so that its signature is checked once. Signatures
 *          that are wrong are bounded by SL_JWTS_WRONG a second: beyond, tokens that are
 *          not known yet are refused for the rest of that second.
 * Secrets  Of a token given here the digest of its key is masked with a keyed hash.
 */
#ifndef SL_GATEWAY_JWT_JWTS_H
#define SL_GATEWAY_JWT_JWTS_H

#include "gateway/quota/keys.h"
#include "gateway/req.h"
#include "policy/jwt.h"

#define SL_JWTS_KNOWN 10000
#define SL_JWTS_WRONG 100

/* `iss` of our own. */
#define SL_JWTS_OWN "sluice:key"

struct sl_jwts;

struct sl_jwts *sl_jwts_new(void);
void sl_jwts_end(struct sl_jwts **t);
/* The configuration changed: nothing is known any more. */
void sl_jwts_reload(struct sl_jwts *t);

/* Is this text to be read as a token? */
bool sl_jwts_takes(const struct sl_gateway_conf *c, struct sl_str text);

/* Who the request's credentials name: r->jwt where it is a token, else the key with
 * r->key_sha256. As sl_keys_find(); of a refused token *fault says why. */
SL_MUST enum sl_err sl_who_find(struct sl_req *r, const struct sl_key **key,
                                struct sl_made_key **made, enum sl_jwt_fault *fault);

/* exchange.c: POST /v1/auth/token. */
enum sl_state sl_jwts_exchange(struct sl_req *r);
/* The mask over a key's digest in the token with that `jti`. */
void sl_jwts_mask(struct sl_str secret, struct sl_str jti, uint8_t digest[32]);

#endif
