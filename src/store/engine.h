/* store/engine.h -- admission in memory: windows, leases, accounts.
 *
 * The rules are those of policy/quota.h, with `now_us` as an argument; no
 * libuv, no files. Holders: the embedded store (whole limits, accounts loaded
 * from SQLite), and store.c during an outage of Redis (limits divided by the
 * instances last seen).
 * Time     Where `now_us` goes back, the engine stays where it was.
 * Memory   Bounded: tenants and keys at most SL_ENGINE_LEVELS, windows as policy
 *          says (an entry takes 16 bytes; what was idle for a minute takes none).
 *          Beyond it the least recently used level without leases, reservations,
 *          record or account is forgotten (its windows start anew); if there is
 *          none, a new one is refused (SL_LIMIT_STORE). What is told from outside
 *          (states, accounts, settled lines) is always kept.
 * Bounded  A call lets go of at most 100 expired holds, and of two idle levels' windows.
 * Speed    An admission is one look-up of tenant and key together, and as many ring
 *          entries as there are windows: a few hundred nanoseconds.
 */
#ifndef SL_STORE_ENGINE_H
#define SL_STORE_ENGINE_H

#include "store/backend.h"

#define SL_ENGINE_LEVELS 200000

struct sl_engine;

struct sl_engine *sl_engine_new(void);
void sl_engine_end(struct sl_engine **e);
/* `share`: limits are divided by it, rounded down, at least 1; of money that share
 * of what was left when the account was last set. */
void sl_engine_admit(struct sl_engine *e, const struct sl_quota_ask *ask, unsigned share,
                     int64_t now_us, struct sl_quota_answer *out);
void sl_engine_renew(struct sl_engine *e, struct sl_str tenant, const struct sl_hold *hold,
                     int64_t now_us);
void sl_engine_give_back(struct sl_engine *e, struct sl_str tenant, const struct sl_hold *hold,
                         int64_t now_us);
/* False: the money does not allow it; limit, level, figure, used and wait of `out` say
 * which (no limit: there was no memory). */
SL_MUST bool sl_engine_grow(struct sl_engine *e, const struct sl_quota_ask *ask, int64_t more_micro,
                            unsigned share, int64_t now_us, struct sl_quota_answer *out);
/* Ends leases and reservation, books cost and tokens. Numbers are not looked at. */
void sl_engine_settle(struct sl_engine *e, struct sl_str tenant, const struct sl_line *line,
                      int64_t now_us);
/* Key or tenant (key_id empty) state and revision, as records change. */
void sl_engine_set_state(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                         struct sl_str state, uint64_t rev);

/* Whatever was there; leases and reservations stay. */
void sl_engine_set_account(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                           const struct sl_account *a);
/* False: no such level yet. */
bool sl_engine_account(const struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                       struct sl_account *out, int64_t *reserved_micro);
/* All zero where there is no account; counters as of the periods that `now_us` is in. */
void sl_engine_balance(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                       const struct sl_periods *now, int64_t now_us, struct sl_balance *out);
/* False: a name longer than the engine takes. */
bool sl_engine_grant(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                     int64_t initial_micro, int64_t more_micro);

void sl_account_grant(struct sl_account *a, int64_t initial_micro, int64_t more_micro);

/* Accounts that changed since they were last taken, one a call; false: no more. The
 * names live as long as the account, which is as long as the engine. */
struct sl_saved {
    struct sl_str tenant, key_id;
    struct sl_account account;
};
bool sl_engine_has_unsaved(const struct sl_engine *e);
SL_MUST bool sl_engine_take_unsaved(struct sl_engine *e, struct sl_saved *out);
void sl_engine_unsave(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id);

size_t sl_engine_count(const struct sl_engine *e); /* levels */
/* May a record or an account of this level be made? Asked before it is. */
bool sl_engine_has_room(const struct sl_engine *e, struct sl_str tenant, struct sl_str key_id);

#endif
