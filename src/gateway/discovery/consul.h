/* gateway/discovery/consul.h -- what is said to a Consul agent, and what it says.
 *
 * Private to the room, and pure. Three calls:
 *   GET /v1/health/service/NAME   the instances; waits for a change (a blocking query)
 *   PUT /v1/agent/service/register, PUT /v1/agent/service/deregister/ID
 * Source   Consul's HTTP API: health, agent/service, "blocking queries".
 */
#ifndef SL_GATEWAY_DISCOVERY_CONSUL_H
#define SL_GATEWAY_DISCOVERY_CONSUL_H

#include "base/text.h"
#include "gateway/conf.h"
#include "http/group.h"

#define SL_CONSUL_BODY_MAX ((size_t)4 << 20) /* bytes of an answer that are read */
#define SL_CONSUL_HEAD 8192                  /* bytes of a request's head */
#define SL_CONSUL_WAIT_S 55                  /* a query waits for a change */

struct sl_consul_list {
    struct sl_group_at at[SL_GROUP_MAX];
    size_t n;
    size_t left_out; /* healthy ones beyond SL_GROUP_MAX */
    size_t unusable; /* without an address or port that can be used: a name, for one */
};

/* Heads. False: it does not fit. `index` 0: the answer comes at once. */
SL_MUST bool sl_consul_ask(struct sl_text *t, const struct sl_consul *c, uint64_t index);
SL_MUST bool sl_consul_register(struct sl_text *t, const struct sl_enrol *e);
SL_MUST bool sl_consul_deregister(struct sl_text *t, const struct sl_enrol *e);
/* False: it is no such answer. An instance's address is its service's, or its node's. */
SL_MUST bool sl_consul_read(struct sl_str body, struct sl_consul_list *out);
/* What the next query asks with: `told` of the last answer, unless it went back or is none. */
uint64_t sl_consul_index(uint64_t asked, struct sl_str told);

#endif
