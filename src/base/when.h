/* base/when.h -- durations and dates as configuration and admin API write them.
 *
 * Whole texts or nothing: no signs, spaces, fractions or sums. Pure.
 */
#ifndef SL_BASE_WHEN_H
#define SL_BASE_WHEN_H

#include "base/str.h"

/* "500ms", "10s", "5m", "1h", "2d", "0". False: none, or too long for 64 bits. */
SL_MUST bool sl_when_duration(struct sl_str s, uint64_t *ms);
/* "2027-01-31" or "2027-01-31T12:00:00Z", after 1970. */
SL_MUST bool sl_when_date(struct sl_str s, uint64_t *unix_ms);

#endif
