/* gateway/live/halt.h -- what SL_EVT_HALT does, for the driver alone. */
#ifndef SL_GATEWAY_LIVE_HALT_H
#define SL_GATEWAY_LIVE_HALT_H

#include "gateway/req.h"

/* Is there still something to end? */
bool sl_halt_can(const struct sl_req *r);
/* The state to go on to, from any. */
enum sl_state sl_halt(struct sl_req *r);

#endif
