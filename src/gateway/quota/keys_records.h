/* gateway/quota/keys_records.h -- the store's tenants and purges, held whole.
 *
 * Holder   struct sl_keys. They are few (SL_KEY_RECORDS_MAX); read page by page at start
 *          and whenever the store says that something changed, into a table beside the
 *          old one, which is then replaced: what is looked up is always one state.
 * Purges   A purge of cached answers is a switch "purge.<kind>.<digest of the name>"; its
 *          revision is a generation number in every canonical request of that tenant,
 *          model or version, so that older entries are never found again.
 */
#ifndef SL_GATEWAY_QUOTA_KEYS_RECORDS_H
#define SL_GATEWAY_QUOTA_KEYS_RECORDS_H

#include "store/store.h"

#define SL_KEY_RECORDS_MAX SL_STORE_NAMES /* of each kind: what the store takes */
#define SL_KEYS_PURGE_ID 48

struct sl_tenant_record {
    struct sl_str name, state, doc;
    uint64_t rev;
};

struct sl_key_records;

/* `changed` runs after each replacement. */
struct sl_key_records *sl_key_records_new(struct sl_net *net, struct sl_store *store,
                                          void (*changed)(void *ctx), void *ctx);
void sl_key_records_end(struct sl_key_records **t);
/* They have been read since the start, or could not be. */
bool sl_key_records_are_known(const struct sl_key_records *t);
/* A tenant or switch that was just written, or read; it takes the place of an older one. */
void sl_key_records_note(struct sl_key_records *t, const struct sl_record *rec);
const struct sl_tenant_record *sl_key_records_tenant(const struct sl_key_records *t,
                                                     struct sl_str name);
/* By its id, or NULL. */
const struct sl_tenant_record *sl_key_records_switch(const struct sl_key_records *t,
                                                     struct sl_str id);
/* All of them, from NULL to NULL. */
const struct sl_tenant_record *sl_key_records_next_switch(const struct sl_key_records *t,
                                                          const struct sl_tenant_record *after);
/* How often answers of that tenant, model or version were purged: a growing number. */
uint64_t sl_key_records_purges(const struct sl_key_records *t, struct sl_str kind,
                               struct sl_str name);
/* The switch's id: what the admin API writes. */
struct sl_str sl_key_records_purge_id(struct sl_str kind, struct sl_str name,
                                      char out[SL_KEYS_PURGE_ID]);

#endif
