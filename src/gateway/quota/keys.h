/* gateway/quota/keys.h -- the store's records as requests see them: keys made by the
 * admin API, tenants made or changed by it, pauses, generations of the cache.
 *
 * Holder   The gateway: one. Tenants and switches are few and are held whole, read
 *          at start and again whenever the store says that records changed (within
 *          1 s on every instance); keys are looked up by digest when they come, and
 *          kept: known ones 60 s, unknown ones 1 s, SL_KEYS_MAX of either.
 * Laying   A record lies over the configuration file leaf by leaf until it is
 *          deleted. What comes out is a `struct sl_made_key`: key and tenant,
 *          settled, immutable, counted; a request keeps the one it began with.
 * Held by  Admission asks the store with the revisions in it; a record that changed
 *          since is STALE there, is read again, and the request asks once more.
 */
#ifndef SL_GATEWAY_QUOTA_KEYS_H
#define SL_GATEWAY_QUOTA_KEYS_H

#include "gateway/conf.h"
#include "gateway/quota/keys_records.h"

#define SL_KEYS_MAX 100000
#define SL_KEYS_KNOWN_MS 60000
#define SL_KEYS_UNKNOWN_MS 1000

struct sl_made_key { /* shared */
    unsigned holders;
    struct sl_arena arena;
    struct sl_gateway_conf *conf; /* shared: whose texts it uses */
    struct sl_key key;
    struct sl_tenant tenant; /* key.of */
    int64_t until_unix_ms;   /* a raise of its budget ends then; 0: none */
};
struct sl_made_key *sl_made_key_share(struct sl_made_key *k);
void sl_made_key_drop(struct sl_made_key **k);

struct sl_keys;

struct sl_keys *sl_keys_new(struct sl_net *net, struct sl_store *store);
void sl_keys_end(struct sl_keys **k);
/* The configuration changed: everything is laid over the new one. */
void sl_keys_reload(struct sl_keys *k, struct sl_gateway_conf *conf);

/* That record was just written here: what is known of it is so at once, not when the
 * store's next beat tells. */
void sl_keys_note(struct sl_keys *k, const struct sl_record *rec);

/* What is known at once about a key of that digest. OK: `*key`, and `*made` (to be
 * dropped) where a record has a say in it. NO_KEY, KEY_ENDED, PAUSED. SL_ERR_STORE:
 * nothing is known yet, ask with sl_keys_fetch_start(). */
SL_MUST enum sl_err sl_keys_find(struct sl_keys *k, const struct sl_gateway_conf *conf,
                                 const uint8_t sha256[32], int64_t now_unix_ms,
                                 const struct sl_key **key, struct sl_made_key **made);
/* A key that a token describes, known by the token's digest: `as` is laid on its tenant
 * as it is now. NO_KEY: there is no such tenant. */
SL_MUST enum sl_err sl_keys_claim(struct sl_keys *k, const uint8_t sha256[32],
                                  const struct sl_key *as, int64_t now_unix_ms,
                                  const struct sl_key **key, struct sl_made_key **made);
/* Reads the record again, also when one is known, before it that of its tenant if that is
 * named (alive until then); then sl_keys_find() knows. done: SL_OK, or SL_ERR_STORE where it could
 * not be known. */
void sl_keys_fetch_start(struct sl_keys *k, const uint8_t sha256[32], struct sl_str tenant,
                         struct sl_op **slot, sl_store_done_fn *done, void *ctx);
/* The same for a tenant alone. */
void sl_keys_fetch_tenant_start(struct sl_keys *k, struct sl_str tenant, struct sl_op **slot,
                                sl_store_done_fn *done, void *ctx);
/* Tenants and switches have been read since the start, or could not be. */
bool sl_keys_are_known(const struct sl_keys *k);
/* The record of that tenant, or NULL; dies when records are read again. */
const struct sl_tenant_record *sl_keys_tenant(const struct sl_keys *k, struct sl_str name);
/* The switch of that id, or NULL; all of them, from NULL to NULL. `changed` runs whenever
 * records were read again, or one was written here. */
const struct sl_tenant_record *sl_keys_switch(const struct sl_keys *k, struct sl_str id);
const struct sl_tenant_record *sl_keys_next_switch(const struct sl_keys *k,
                                                   const struct sl_tenant_record *after);
void sl_keys_on_change(struct sl_keys *k, void (*changed)(void *ctx), void *ctx);
/* How often the cached answers of this tenant, model and version were purged. */
void sl_keys_generations(const struct sl_keys *k, struct sl_str tenant, struct sl_str model,
                         struct sl_str version, uint64_t out[3]);

#endif
