/* Sets of a few places, each with its last use. */
#include "policy/routing/affinity.h"

#include "base/mem.h"

struct entry {
    uint64_t who;
    uint64_t used_ms; /* and one; 0: the place is free */
    struct sl_affinity_place place;
};

struct sl_affinity {
    struct entry set[SL_AFFINITY_SETS][SL_AFFINITY_WAYS];
};

struct sl_affinity *sl_affinity_new(void)
{
    return sl_mem_new(sizeof(struct sl_affinity));
}

void sl_affinity_end(struct sl_affinity **pt)
{
    sl_mem_free(*pt);
    *pt = NULL;
}

static bool is_fresh(const struct entry *e, uint64_t now_ms)
{
    return e->used_ms != 0 && now_ms + 1 < e->used_ms + SL_AFFINITY_KEEP_MS;
}

bool sl_affinity_find(const struct sl_affinity *t, uint64_t who, uint64_t now_ms,
                      struct sl_affinity_place *out)
{
    const struct entry *set = t->set[who % SL_AFFINITY_SETS];

    for (size_t i = 0; i < SL_AFFINITY_WAYS; i++) {
        if (set[i].who == who && is_fresh(&set[i], now_ms)) {
            *out = set[i].place;
            return true;
        }
    }
    return false;
}

void sl_affinity_put(struct sl_affinity *t, uint64_t who, uint64_t now_ms,
                     const struct sl_affinity_place *place)
{
    struct entry *set = t->set[who % SL_AFFINITY_SETS], *to = &set[0];

    for (size_t i = 0; i < SL_AFFINITY_WAYS; i++) {
        if (set[i].used_ms != 0 && set[i].who == who) {
            to = &set[i];
            break;
        }
        if (set[i].used_ms < to->used_ms)
            to = &set[i];
    }
    *to = (struct entry){.who = who, .used_ms = now_ms + 1, .place = *place};
}
