/* gateway/queue/look.h -- how providers and their models are right now, for operators.
 *
 * What is told holds for this process: places, queues, breakers and keys are each one's
 * own. Keys are told by their place in the provider's list, never by their text.
 *
 * Holder   The gateway's; texts are the configuration's in force and live until the next
 *          reload: read and copied in one go.
 */
#ifndef SL_GATEWAY_QUEUE_LOOK_H
#define SL_GATEWAY_QUEUE_LOOK_H

#include "gateway/gateway.h"
#include "http/group.h"

struct sl_look_provider {
    struct sl_str name;
    size_t taken, places; /* requests there, and how many may be */
    size_t waiting;
    size_t open, idle;      /* connections */
    struct sl_str proxy;    /* as it may be shown; empty: none */
    const char *proxy_from; /* static: the environment variable that gave it; or NULL */
    uint64_t window_ms;     /* of its breakers */
    uint64_t paused_ms;     /* an operator has paused it; until it may be asked again */
};

/* Of a provider whose instances Consul tells. */
struct sl_look_found {
    struct sl_str service, agent;
    bool known;
    uint64_t age_ms;       /* of the list, since the agent answered last */
    struct sl_str trouble; /* why it does not answer; empty: it does */
};

struct sl_health;
struct sl_tls_certificate;

enum sl_look_key { SL_LOOK_READY, SL_LOOK_RESTING, SL_LOOK_REFUSED };

struct sl_look_model {
    struct sl_str name; /* at the provider; of a pattern without one the pattern */
    enum sl_breaker_state breaker;
    uint64_t ended, failed;   /* tries there, within the breaker's window */
    uint64_t breaker_rest_ms; /* until an open one lets probes pass */
    uint64_t keys_rest_ms;    /* until one is awake; SL_KEYRING_NEVER: only refused ones are left */
    size_t keys_n;
    enum sl_look_key keys[SL_KEYRING_MAX];
};

/* In the order of the configuration; false: no more. */
SL_MUST bool sl_look_provider(struct sl_gateway *g, size_t at, struct sl_look_provider *out);
/* False: it has an address. */
SL_MUST bool sl_look_found(struct sl_gateway *g, size_t provider, struct sl_look_found *out);
/* What ends first of the certificates that it showed. False: none has been seen. */
SL_MUST bool sl_look_certificate(struct sl_gateway *g, size_t provider,
                                 struct sl_tls_certificate *out);
/* The i-th of its instances; false: no more. */
SL_MUST bool sl_look_instance(struct sl_gateway *g, size_t provider, size_t i,
                              struct sl_group_view *out);
/* The next one of that provider; `*at` is NULL for the first, and moved on. */
SL_MUST bool sl_look_model(struct sl_gateway *g, size_t provider, const struct sl_health **at,
                           struct sl_look_model *out);

#endif
