/* gateway/routing/reason.h -- why a target stands where it does, or is not asked.
 *
 * Private to the room, but for the names, which explain and the admin API show. Routing
 * decides by these itself (choose.c, rank.c), so that what is shown is what was decided.
 */
#ifndef SL_GATEWAY_ROUTING_REASON_H
#define SL_GATEWAY_ROUTING_REASON_H

#include "base/str.h"

enum sl_reason {
    SL_REASON_NONE,
    /* its place among the candidates */
    SL_REASON_PRIORITY,
    SL_REASON_WEIGHT,
    SL_REASON_LATENCY,
    SL_REASON_COST,
    SL_REASON_AFFINITY,
    SL_REASON_WISH_ORDER,
    SL_REASON_FALLBACK_MODEL,
    /* a candidate, but not asked now */
    SL_REASON_PAUSED,
    SL_REASON_BREAKER_OPEN,
    SL_REASON_TOKEN_RESTS,
    SL_REASON_KEYS_REST,
    SL_REASON_PROVIDER_WAITS,
    SL_REASON_NO_PLACE,
    SL_REASON_NO_TIME,
    SL_REASON_SPENT,
    SL_REASON_NO_TRANSLATION,
    SL_REASON_TRIES,
    /* no candidate */
    SL_REASON_PROTOCOL,
    SL_REASON_WISHED_AWAY,
    SL_REASON_TWICE,
    SL_REASON_TOO_MANY,
    SL_REASON_SCOPE,
    SL_REASON_UNKNOWN_MODEL,
    SL_REASON__COUNT
};

/* "breaker_open": for machines. */
struct sl_str sl_reason_name(enum sl_reason r);
/* In a few words, for people. */
struct sl_str sl_reason_text(enum sl_reason r);

#endif
