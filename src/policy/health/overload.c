/* policy/health/overload.c -- up by looks, down by time. */
#include "policy/health/overload.h"

#include "base/obj.h"

/* By thousandths of the limit; a limit that is off has no share. */
static uint64_t share(uint64_t load, uint64_t limit)
{
    if (limit == 0)
        return 0;
    return load < UINT64_MAX / 1000 ? load * 1000 / limit : UINT64_MAX;
}

static uint64_t worst(const struct sl_overload_load *limits, const struct sl_overload_load *load,
                      enum sl_overload_kind *kind, bool *beyond)
{
    uint64_t most = 0;

    *beyond = false;
    for (int k = 0; k < SL_OVERLOAD__COUNT; k++) {
        uint64_t one = share(load->of[k], limits->of[k]);

        *beyond = *beyond || (limits->of[k] > 0 && load->of[k] > limits->of[k]);
        if (one <= most)
            continue;
        most = one;
        *kind = (enum sl_overload_kind)k;
    }
    return most;
}

static void calm_down(struct sl_overload *o, uint64_t now_ms)
{
    if (o->calm_ms == 0)
        o->calm_ms = now_ms;
    if (now_ms - o->calm_ms < SL_OVERLOAD_CALM_MS)
        return;
    o->below--;
    o->calm_ms = now_ms;
}

void sl_overload_look(struct sl_overload *o, const struct sl_overload_load *limits,
                      const struct sl_overload_load *load, uint64_t now_ms)
{
    enum sl_overload_kind kind = o->kind;
    bool was = o->beyond;
    uint64_t most = worst(limits, load, &kind, &o->beyond);

    if (o->beyond) {
        o->kind = kind;
        o->calm_ms = 0;
        if (was && o->below < SL_OVERLOAD_TOP)
            o->below++;
        return;
    }
    if (most >= 900)
        o->calm_ms = 0;
    else if (o->below > 0)
        calm_down(o, now_ms);
}

bool sl_overload_refuses(const struct sl_overload *o, unsigned grade)
{
    return grade < o->below;
}

uint64_t sl_overload_wait_ms(const struct sl_overload *o, unsigned grade, uint64_t now_ms)
{
    uint64_t whole, passed = o->calm_ms > 0 ? now_ms - o->calm_ms : 0;

    if (!sl_overload_refuses(o, grade))
        return 0;
    whole = (uint64_t)(o->below - grade) * SL_OVERLOAD_CALM_MS;
    return whole > passed + SL_OVERLOAD_LOOK_MS ? whole - passed : SL_OVERLOAD_LOOK_MS;
}

const char *sl_overload_name(enum sl_overload_kind kind)
{
    static const char *const names[] = {"connections", "memory", "loop_lag"};

    SL_CHECK((unsigned)kind < SL_OVERLOAD__COUNT);
    return names[kind];
}
