/* gateway/shed/shed.h -- requests refused because the process is overloaded: `overload` of the
 * configuration, by policy/health/overload.h.
 *
 * Ten times a second connections, resident memory and how late the loop is are looked at, where
 * one of them has a limit; else nothing is. Requests are judged once their key is known, before
 * their body is read; health probes and the admin listener never are.
 * Holder   The gateway: embedded, sl_shed_init() before anything else, sl_shed_fini() last.
 */
#ifndef SL_GATEWAY_SHED_SHED_H
#define SL_GATEWAY_SHED_SHED_H

#include "net/timer.h"
#include "policy/health/overload.h"

struct sl_gateway;
struct sl_req;

struct sl_shed {
    struct sl_gateway *g; /* up */
    struct sl_timer timer;
    uint64_t due_us; /* the next look */
    struct sl_overload state;
};

void sl_shed_init(struct sl_shed *s, struct sl_gateway *g);
void sl_shed_reload(struct sl_shed *s); /* also first: the gateway has its configuration */
void sl_shed_fini(struct sl_shed *s);
/* True: it is refused, in words, and r is on its way to REPLY. */
bool sl_shed_refuses(struct sl_req *r);

#endif
