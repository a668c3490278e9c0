/* policy/routing/latency.h -- how soon a target is expected to answer.
 *
 * A peak-sensitive moving average: a time above the average replaces it at once, one below
 * pulls it down the more, the longer ago the last one was. Without new times it fades, so
 * that a target that was slow is tried again. What is expected of a target is that, times
 * the requests it has already and one. Nothing known is a reason to try it.
 * Source: the "peak EWMA" of Finagle's load balancers; its exp(-t / tau) is tau / (tau + t)
 * here, in integers.
 *
 * Holder   Two for each provider and model there: times to the first token of streams, and
 *          times of whole answers, which are not alike. Pure; all zero knows nothing. Kept
 *          per process.
 */
#ifndef SL_POLICY_ROUTING_LATENCY_H
#define SL_POLICY_ROUTING_LATENCY_H

#include "base/str.h"

#define SL_LATENCY_TAU_MS 10000
#define SL_LATENCY_FAILED_US 10000000 /* a failure counts as at least that slow */

struct sl_latency {
    uint64_t average_us;
    uint64_t at_ms; /* of the last time, and one; 0: there is none */
    uint64_t under_way;
};

void sl_latency_begin(struct sl_latency *l);
void sl_latency_end(struct sl_latency *l); /* once for each begin */
void sl_latency_note(struct sl_latency *l, uint64_t now_ms, uint64_t took_us);
void sl_latency_fail(struct sl_latency *l, uint64_t now_ms, uint64_t took_us);
/* What is expected, to be compared only. */
uint64_t sl_latency_look(const struct sl_latency *l, uint64_t now_ms);

#endif
