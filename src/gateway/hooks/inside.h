/* gateway/hooks/inside.h -- what hooks.c, look.c, rates.c, certs.c and top_up.c share. Nobody else
 * includes it. */
#ifndef SL_GATEWAY_HOOKS_INSIDE_H
#define SL_GATEWAY_HOOKS_INSIDE_H

#include "base/text.h"
#include "gateway/hooks/hooks.h"
#include "gateway/push/post.h"

struct sl_hooks_event {
    char id[17];
    uint64_t to; /* the `budget.alert_url`; SL_ALERT_UNSET: hooks.url */
    unsigned tries;
    uint64_t due_ms; /* monotonic: not before */
    size_t n;
    char body[SL_HOOKS_BODY];
};

struct sl_rated;
struct sl_cert_told;

/* Whoever a tenant named keeps nobody waiting: those lie in a queue of their own, in which one that
 * was not taken lets the others pass. The operator's come in their order. */
enum sl_hooks_lane_of { SL_HOOKS_OPERATOR, SL_HOOKS_TENANTS, SL_HOOKS_LANES };

struct sl_hooks_lane {
    struct sl_hooks *of; /* up */
    struct sl_hooks_event queue[SL_HOOKS_QUEUE];
    size_t first, n;
    struct sl_timer again;
    /* the try under way */
    struct sl_gateway_conf *conf; /* shared: its receiver is called */
    struct sl_post post;
    char line[160]; /* the signature's */
};

struct sl_hooks {
    struct sl_gateway *gw; /* up */
    struct sl_hooks_lane lanes[SL_HOOKS_LANES];
    bool hurries;
    struct sl_timer look;
    bool store_was_up;
    struct sl_rated *rates;     /* owns: a uthash */
    struct sl_cert_told *certs; /* owns: likewise */
};

/* hooks.c: a header line that signs `body`, sent now. */
void sl_hooks_sign(struct sl_text *line, struct sl_str secret, struct sl_str body, int64_t now_s);
/* look.c: breakers, keys and the store, each second. */
void sl_hooks_look(struct sl_timer *t);

#endif
