/* policy/health/keyring.h -- which of a provider's keys is used next.
 *
 * A key that met a limit (429) rests for as long as the provider said, or 1 s and
 * twice as long each time in a row, up to a minute. One that was refused (401, 402,
 * 403, no credit) is *barred* for a minute: it is used only when nothing else is
 * left. The least recently limited one goes first, in the order of the list.
 *
 * Holder   One for each provider and model there: limits and permissions are the
 *          model's. A provider without keys has one place, for its own limits.
 *          Pure; all zero is awake.
 */
#ifndef SL_POLICY_HEALTH_KEYRING_H
#define SL_POLICY_HEALTH_KEYRING_H

#include "base/str.h"

#define SL_KEYRING_MAX 64
#define SL_KEYRING_NEVER UINT64_MAX

struct sl_keyring_key {
    uint64_t until_ms;   /* rests or is barred before */
    uint64_t limited_ms; /* when that was last, and one: 0 is never */
    unsigned strikes;    /* limits in a row */
    bool barred;
};

struct sl_keyring {
    size_t n;                   /* at least 1 */
    struct sl_keyring_key *key; /* owns: the holder's */
};

bool sl_keyring_is_awake(const struct sl_keyring *k, size_t at, uint64_t now);
/* The key to use; false: all rest. `barred`: those too, if no other is awake. */
SL_MUST bool sl_keyring_pick(const struct sl_keyring *k, uint64_t now, bool barred, size_t *at);
/* The same among those that are not `busy`; barred ones only if that is true. */
SL_MUST bool sl_keyring_pick_idle(const struct sl_keyring *k, uint64_t now, bool barred,
                                  const bool busy[SL_KEYRING_MAX], size_t *at);
/* Until the first resting key is awake; barred ones are not waited for. */
uint64_t sl_keyring_wait_ms(const struct sl_keyring *k, uint64_t now);

/* `wait_ms` 0: the provider has not said how long. */
void sl_keyring_limit(struct sl_keyring *k, size_t at, uint64_t now, uint64_t wait_ms);
void sl_keyring_bar(struct sl_keyring *k, size_t at, uint64_t now);
void sl_keyring_good(struct sl_keyring *k, size_t at);

#endif
