/* gateway/hooks/inside.h -- what hooks.c and look.c share. Nobody else includes it. */
#ifndef SL_GATEWAY_HOOKS_INSIDE_H
#define SL_GATEWAY_HOOKS_INSIDE_H

#include "gateway/hooks/hooks.h"
#include "http/client.h"
#include "net/timer.h"

struct sl_hooks_event {
    char id[17];
    size_t n;
    char body[SL_HOOKS_BODY];
};

struct sl_hooks {
    struct sl_gateway *gw; /* up */
    struct sl_hooks_event queue[SL_HOOKS_QUEUE];
    size_t first, n;
    unsigned tries; /* of the first one */
    struct sl_timer again, look;
    bool store_was_up;
    /* the try under way */
    struct sl_gateway_conf *conf; /* shared: its origin is called */
    struct sl_call *call;         /* owns */
    struct sl_timer limit;
    struct sl_str parts[2]; /* up: `head`, and the event's body */
    char head[4096];
    int status;
};

/* look.c: breakers, keys and the store, each second. */
void sl_hooks_look(struct sl_timer *t);

#endif
