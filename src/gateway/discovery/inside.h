/* gateway/discovery/inside.h -- what discovery.c, watch.c, agent.c and enrol.c share. Nobody else
 * includes it. */
#ifndef SL_GATEWAY_DISCOVERY_INSIDE_H
#define SL_GATEWAY_DISCOVERY_INSIDE_H

#include "base/grow.h"
#include "gateway/discovery/consul.h"
#include "gateway/discovery/discovery.h"
#include "http/client.h"
#include "net/timer.h"

/* One call to an agent: agent.c. */
typedef void sl_agent_fn(void *holder, const char *why); /* NULL: it is answered, see the fields */

struct sl_agent {
    struct sl_net *net;       /* up */
    struct sl_origin *origin; /* shared: while the call is under way */
    struct sl_call *call;     /* owns */
    struct sl_timer limit;
    struct sl_str parts[2];
    int status;
    char index[24]; /* x-consul-index */
    struct sl_grow body;
    sl_agent_fn *done;
    void *holder; /* up */
    char why[200];
    char head[SL_CONSUL_HEAD]; /* may hold a token: wiped when the call is over */
};

void sl_agent_init(struct sl_agent *a, struct sl_net *net, sl_agent_fn *done, void *holder);
void sl_agent_start(struct sl_agent *a, struct sl_origin *origin, struct sl_str head,
                    struct sl_str body, uint64_t limit_ms);
void sl_agent_stop(struct sl_agent *a); /* silence; safe at any time */
bool sl_agent_is_busy(const struct sl_agent *a);

/* One service at one agent: watch.c. */
struct sl_watcher {
    struct sl_list node;
    struct sl_grave grave;
    struct sl_gateway *gw; /* up */
    char *key;             /* owns: what is asked, and where */
    char *name;            /* owns: the service, and the agent, for logs */
    uint64_t index;
    bool known, wanted;
    unsigned failures;
    uint64_t asked_ms, told_ms;
    char trouble[200];
    struct sl_consul_list list; /* the last good one */
    struct sl_timer again;
    struct sl_agent agent;
};

struct sl_watcher *sl_watcher_new(struct sl_gateway *g, const struct sl_consul *c);
void sl_watcher_end(struct sl_watcher *w);
bool sl_watcher_is_of(const struct sl_watcher *w, const struct sl_consul *c);
/* Its list, or why there is none, to every provider that has this service. */
void sl_watcher_tell(struct sl_watcher *w);

/* Ourselves: enrol.c. */
struct sl_enroller {
    struct sl_gateway *gw;        /* up */
    struct sl_gateway_conf *conf; /* shared: what we are registered by; or NULL */
    bool registered;              /* a registration has been sent: it may have arrived */
    bool leaving, left;
    unsigned failures;
    struct sl_timer again;
    struct sl_agent agent;
};

void sl_enroller_init(struct sl_enroller *e, struct sl_gateway *g);
void sl_enroller_fini(struct sl_enroller *e);
void sl_enroller_reload(struct sl_enroller *e);
void sl_enroller_leave(struct sl_enroller *e, bool handed_over);

struct sl_discovery {
    struct sl_gateway *gw; /* up */
    struct sl_list watchers;
    struct sl_enroller enroller;
};

/* Until the next try: doubled with each failure, half of it by lot. */
uint64_t sl_discovery_backoff_ms(unsigned failures);
void sl_discovery_count(struct sl_gateway *g, const char *call, bool ok);

#endif
