/* policy/period.h -- the calendar days and months of a time zone.
 *
 * A budget's period is named by the second it begins. The next one's bounds come
 * along, so that the store can decide by its own clock which of the two it is in.
 * glibc knows zones through TZ only: sl_period_find() sets it, asks, and puts it
 * back; callers keep the answer until `day[1]` has passed (once a day and zone).
 */
#ifndef SL_POLICY_PERIOD_H
#define SL_POLICY_PERIOD_H

#include "base/str.h"

struct sl_periods { /* seconds since the epoch: begin of this, of the next, end of the next */
    int64_t day[3];
    int64_t month[3];
};

bool sl_period_is_zone(struct sl_str zone); /* a name under the system's zoneinfo, or "UTC" */
void sl_period_find(struct sl_str zone, int64_t now_s, struct sl_periods *out);

#endif
