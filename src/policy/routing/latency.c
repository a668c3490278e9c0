/* An average that rises at once and falls with time. */
#include "policy/routing/latency.h"

#define UNKNOWN_US 1000000 /* of a target that has requests, and no time yet */
#define MOST_US (UINT64_C(1) << 40)

static uint64_t faded(const struct sl_latency *l, uint64_t now_ms)
{
    uint64_t ago = now_ms + 1 > l->at_ms ? now_ms + 1 - l->at_ms : 0;

    return l->average_us * SL_LATENCY_TAU_MS / (SL_LATENCY_TAU_MS + ago);
}

void sl_latency_begin(struct sl_latency *l)
{
    l->under_way++;
}

void sl_latency_end(struct sl_latency *l)
{
    if (l->under_way > 0)
        l->under_way--;
}

void sl_latency_note(struct sl_latency *l, uint64_t now_ms, uint64_t took_us)
{
    uint64_t ago = l->at_ms != 0 && now_ms + 1 > l->at_ms ? now_ms + 1 - l->at_ms : 0;

    if (took_us > MOST_US)
        took_us = MOST_US;
    if (l->at_ms == 0 || took_us > l->average_us)
        l->average_us = took_us;
    else
        l->average_us =
            (l->average_us * SL_LATENCY_TAU_MS + took_us * ago) / (SL_LATENCY_TAU_MS + ago);
    l->at_ms = now_ms + 1;
}

void sl_latency_fail(struct sl_latency *l, uint64_t now_ms, uint64_t took_us)
{
    sl_latency_note(l, now_ms, took_us > SL_LATENCY_FAILED_US ? took_us : SL_LATENCY_FAILED_US);
}

uint64_t sl_latency_look(const struct sl_latency *l, uint64_t now_ms)
{
    uint64_t more = l->under_way < UINT16_MAX ? l->under_way : UINT16_MAX;

    if (l->at_ms == 0)
        return more * UNKNOWN_US;
    return faded(l, now_ms) * (more + 1);
}
