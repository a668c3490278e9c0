/* policy/health/errors.h -- what part of the requests failed lately.
 *
 * Pure. Holder: one for each thing that is watched; all zero is empty. The window is kept in
 * SL_ERRORS_SLICES slices, so it is true to one slice.
 */
#ifndef SL_POLICY_HEALTH_ERRORS_H
#define SL_POLICY_HEALTH_ERRORS_H

#include "base/str.h"

#define SL_ERRORS_SLICES 10

struct sl_errors_rules {
    uint64_t window_ms;
    uint64_t rate_ppm;     /* of a million requests so many: it is high; 0: it never is */
    uint64_t min_requests; /* with fewer it is not */
};

struct sl_errors {
    struct {
        uint64_t at; /* number of the slice since the clock's beginning, and one: 0 is never */
        uint64_t all, bad;
    } slices[SL_ERRORS_SLICES];
};

struct sl_errors_sum {
    uint64_t all, bad, rate_ppm;
    bool high;
};

void sl_errors_note(struct sl_errors *e, const struct sl_errors_rules *r, uint64_t now, bool bad);
struct sl_errors_sum sl_errors_sum(const struct sl_errors *e, const struct sl_errors_rules *r,
                                   uint64_t now);

#endif
