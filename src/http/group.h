/* http/group.h -- a provider with many instances: an origin that hands each call on to one.
 *
 *   front (conf.group) ─ owns ─► member origins, one an instance, each with its connections
 *
 * The front makes no connection. Which instances there are is told from outside; one that is
 * told no more gets no further call, its idle connections are closed and its calls finish. A call
 * takes the instance with the fewest calls, in turn among equals; one that could not be reached
 * comes last for SL_GROUP_REST_MS, and another one is tried in its place (http/client.h).
 * Holder   As of any origin (http/pool.h). Whoever knows the instances calls sl_group_set().
 * Limits   `max_connections` and `queue_max` are each instance's; `max_keepalive` and `warm` are
 *          shared out among them, one each at least where there is one at all.
 */
#ifndef SL_HTTP_GROUP_H
#define SL_HTTP_GROUP_H

#include "http/pool.h"

#define SL_GROUP_MAX 128 /* instances of a provider */
#define SL_GROUP_REST_MS 10000

struct sl_group_at {
    char host[46]; /* an address, IPv4 or IPv6 */
    uint16_t port;
};

/* What is known now: others go, new ones come. */
void sl_group_set(struct sl_origin *front, const struct sl_group_at *list, size_t n);
/* Why there is no instance, for the calls that fail; copied. */
void sl_group_explain(struct sl_origin *front, const char *why);

struct sl_group_view {
    const struct sl_group_at *at; /* up: until the next sl_group_set() */
    struct sl_origin_counts n;
    uint64_t rest_ms; /* until it is tried as the others are */
};
/* False: there are no more, or it is no front. */
SL_MUST bool sl_group_look(const struct sl_origin *front, size_t i, struct sl_group_view *out);
bool sl_group_is_known(const struct sl_origin *front); /* it has been told some time */

#endif
