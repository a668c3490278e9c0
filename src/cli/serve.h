/* cli/serve.h -- private to the room: the running process, put together. */
#ifndef SL_CLI_SERVE_H
#define SL_CLI_SERVE_H

#include "admin/admin.h"
#include "cli/options.h"
#include "conf/build.h"
#include "net/hand/hand.h"
#include "net/timer.h"

enum sl_phase { SL_STARTING, SL_SERVING, SL_DRAINING, SL_LEAVING, SL_STOPPING };

struct sl_serve {
    const char *config;           /* up: the command line's */
    struct sl_net *net;           /* owns */
    struct sl_metrics *metrics;   /* owns */
    struct sl_origins *origins;   /* owns */
    struct sl_catalog *catalog;   /* owns */
    struct sl_conf *conf;         /* owns: in force */
    struct sl_gateway_conf *made; /* shared: in force */
    struct sl_store *store;       /* owns */
    struct sl_op *opening;        /* owns: the store's start */
    struct sl_cache *cache;       /* owns */
    struct sl_gateway *gateway;   /* owns */
    struct sl_admin *admin;       /* owns */
    struct sl_file *log;          /* owns */
    struct sl_file *access;       /* owns: or NULL */
    struct sl_file *prompts;      /* owns: or NULL */
    struct sl_hand *hand;         /* owns: the process that is to follow; or NULL */
    enum sl_phase phase;
    bool hot;               /* it follows another process */
    bool reload_due;        /* asked for while it started */
    bool fresh;             /* the command line's */
    bool wrong_store;       /* it is empty, and was not: nothing is served from it */
    struct sl_timer step;   /* the drain's next look */
    uint64_t drain_from_ms; /* monotonic */
};

/* Lines for people: what it found, and three things to paste. */
void sl_banner_print(const struct sl_serve *s);
/* Takes the limits of the process: descriptors, core files, broken pipes. */
void sl_limits_apply(void);
/* Lowers made->connections to what the descriptor limit allows, and says so. */
void sl_limits_fit(const struct sl_conf *conf, struct sl_gateway_conf *made);

#endif
