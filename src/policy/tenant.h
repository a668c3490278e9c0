/* policy/tenant.h -- who may call, and what: tenants, keys, scopes.
 *
 * Holder   The configuration snapshot; immutable once built. Pure: `now` is an
 *          argument.
 * Secrets  Keys are held as SHA-256 only and found by it; comparing is constant
 *          time. The public id of "sk-slc-<public id>-<secret>" may be logged;
 *          keys of another form have the first 8 hex digits of their SHA-256.
 * Scopes   "models:<pattern>" and "endpoints:<a>,<b>"; no scope of a family
 *          means all of it. Patterns: exact, "*", or "prefix*".
 */
#ifndef SL_POLICY_TENANT_H
#define SL_POLICY_TENANT_H

#include "base/err.h"

struct sl_tenants; /* the table */

struct sl_key { /* texts live in the table */
    struct sl_str tenant;
    struct sl_str name;
    struct sl_str public_id;
    struct sl_str user;
    int64_t expires_unix_ms;     /* 0: never */
    const struct sl_str *scopes; /* up: in the table */
    size_t scopes_n;
};

struct sl_tenants *sl_tenants_new(void);
void sl_tenants_end(struct sl_tenants **t);
/* Copies everything. CONFIG with `why` set for a repeated key. */
SL_MUST enum sl_err sl_tenants_add(struct sl_tenants *t, const struct sl_key *k,
                                   const uint8_t sha256[32], char *why, size_t cap);
size_t sl_tenants_count(const struct sl_tenants *t);
/* NO_KEY, KEY_ENDED, or OK and *out. */
SL_MUST enum sl_err sl_tenant_find(const struct sl_tenants *t, const uint8_t sha256[32],
                                   int64_t now_unix_ms, const struct sl_key **out);
bool sl_tenant_can_model(const struct sl_key *k, struct sl_str model);
bool sl_tenant_can_endpoint(const struct sl_key *k, struct sl_str endpoint);
/* The public part of a key's text as given by a client, for logs. */
struct sl_str sl_tenant_public_id(struct sl_str key_text);

#endif
