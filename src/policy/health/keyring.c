/* Keys of a provider: who is awake, and who was limited longest ago. */
#include "policy/health/keyring.h"

#define REST_MS 1000
#define REST_MAX_MS 60000
#define BARRED_MS 60000

bool sl_keyring_is_awake(const struct sl_keyring *k, size_t at, uint64_t now)
{
    return at < k->n && now >= k->key[at].until_ms;
}

static bool pick(const struct sl_keyring *k, uint64_t now, bool barred,
                 const bool busy[SL_KEYRING_MAX], size_t *at)
{
    const struct sl_keyring_key *best = NULL;

    for (size_t i = 0; i < k->n; i++) {
        const struct sl_keyring_key *one = &k->key[i];

        if (barred ? !one->barred : !sl_keyring_is_awake(k, i, now))
            continue;
        if (busy != NULL && i < SL_KEYRING_MAX && busy[i])
            continue;
        if (best != NULL && best->limited_ms <= one->limited_ms)
            continue;
        best = one;
        *at = i;
    }
    return best != NULL;
}

bool sl_keyring_pick(const struct sl_keyring *k, uint64_t now, bool barred, size_t *at)
{
    return pick(k, now, false, NULL, at) || (barred && pick(k, now, true, NULL, at));
}

bool sl_keyring_pick_idle(const struct sl_keyring *k, uint64_t now, bool barred,
                          const bool busy[SL_KEYRING_MAX], size_t *at)
{
    return pick(k, now, barred, busy, at);
}

uint64_t sl_keyring_wait_ms(const struct sl_keyring *k, uint64_t now)
{
    uint64_t least = SL_KEYRING_NEVER;

    for (size_t i = 0; i < k->n; i++) {
        const struct sl_keyring_key *one = &k->key[i];

        if (one->until_ms <= now)
            return 0;
        if (!one->barred && one->until_ms - now < least)
            least = one->until_ms - now;
    }
    return least;
}

void sl_keyring_limit(struct sl_keyring *k, size_t at, uint64_t now, uint64_t wait_ms)
{
    struct sl_keyring_key *one = &k->key[at];
    uint64_t rest = wait_ms;

    if (rest == 0)
        rest = one->strikes < 6 ? (uint64_t)REST_MS << one->strikes : REST_MAX_MS;
    if (wait_ms == 0 && rest > REST_MAX_MS)
        rest = REST_MAX_MS;
    one->strikes++;
    one->limited_ms = now + 1;
    one->barred = false;
    if (one->until_ms < now + rest) /* of several that met the limit the last one holds */
        one->until_ms = now + rest;
}

void sl_keyring_bar(struct sl_keyring *k, size_t at, uint64_t now)
{
    struct sl_keyring_key *one = &k->key[at];

    one->limited_ms = now + 1;
    one->until_ms = now + BARRED_MS;
    one->barred = true;
}

void sl_keyring_good(struct sl_keyring *k, size_t at)
{
    struct sl_keyring_key *one = &k->key[at];

    one->strikes = 0;
    if (one->barred)
        one->until_ms = 0;
    one->barred = false;
}
