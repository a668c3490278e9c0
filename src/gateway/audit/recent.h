/* gateway/audit/recent.h -- the last requests that ended in this process, as JSON objects:
 * the access line, and what there is no room for in it.
 *
 * Holder   The gateway: one, from start to end.
 * Memory   One block of SL_RECENT_BYTES and SL_RECENT_LINES places, taken at the start; a new
 *          one overwrites the oldest. Nothing outlives the process: the trail does.
 */
#ifndef SL_GATEWAY_AUDIT_RECENT_H
#define SL_GATEWAY_AUDIT_RECENT_H

#include "base/str.h"

#define SL_RECENT_LINES 2048
#define SL_RECENT_BYTES ((size_t)2 << 20)
#define SL_RECENT_ID 16

struct sl_recent;

struct sl_recent *sl_recent_new(void);
void sl_recent_end(struct sl_recent **r);
/* `json`: an object, copied; one of more than a quarter of SL_RECENT_BYTES is left out. */
void sl_recent_add(struct sl_recent *r, const char id[SL_RECENT_ID], struct sl_str json);
size_t sl_recent_count(const struct sl_recent *r);
/* 0: the newest. Lives until the next one is added; .p NULL: there is none. */
struct sl_str sl_recent_at(const struct sl_recent *r, size_t back);
/* By our id, or by the provider's, of which the newest counts. */
struct sl_str sl_recent_find(const struct sl_recent *r, struct sl_str id);

#endif
