/* store/engine.h -- admission in memory: windows, leases, accounts.
 *
 * The rules are those of policy/quota.h, with `now_us` as an argument; no
 * libuv, no files. Holders: the embedded store (whole limits, accounts loaded
 * from SQLite), and store.c during an outage of Redis (limits divided by the
 * instances last seen).
 * Memory   Bounded: tenants and keys at most SL_ENGINE_LEVELS, windows as policy
 *          says; beyond it the least recently used level without leases and
 *          without reservations is forgotten (its windows start anew).
 */
#ifndef SL_STORE_ENGINE_H
#define SL_STORE_ENGINE_H

#include "store/backend.h"

#define SL_ENGINE_LEVELS 200000

struct sl_engine;

struct sl_engine *sl_engine_new(void);
void sl_engine_end(struct sl_engine **e);
/* `share`: limits are divided by it, rounded down, at least 1. */
void sl_engine_admit(struct sl_engine *e, const struct sl_quota_ask *ask, unsigned share,
                     int64_t now_us, struct sl_quota_answer *out);
void sl_engine_renew(struct sl_engine *e, struct sl_str tenant, const struct sl_hold *hold,
                     int64_t now_us);
void sl_engine_give_back(struct sl_engine *e, struct sl_str tenant, const struct sl_hold *hold,
                         int64_t now_us);
SL_MUST bool sl_engine_grow(struct sl_engine *e, const struct sl_quota_ask *ask, int64_t more_micro,
                            int64_t now_us);
/* Ends leases and reservation, books cost and tokens. Numbers are not looked at. */
void sl_engine_settle(struct sl_engine *e, struct sl_str tenant, const struct sl_line *line,
                      int64_t now_us);
/* Key or tenant (key_id empty) state and revision, as records change. */
void sl_engine_set_state(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                         struct sl_str state, uint64_t rev);
void sl_engine_set_account(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                           const struct sl_account *a);
/* False: no such level yet. */
bool sl_engine_account(const struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                       struct sl_account *out, int64_t *reserved_micro);
size_t sl_engine_count(const struct sl_engine *e); /* levels */

#endif
