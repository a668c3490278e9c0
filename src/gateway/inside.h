/* gateway/inside.h -- what the gateway's own files see of the gateway.
 *
 * Private to the room: the struct behind gateway.h, and the metric families
 * its steps count in.
 */
#ifndef SL_GATEWAY_INSIDE_H
#define SL_GATEWAY_INSIDE_H

#include "gateway/audit/apps.h"
#include "gateway/cache/digests.h"
#include "gateway/cache/purged.h"
#include "gateway/keymemo.h"
#include "gateway/quota/self.h"
#include "gateway/req.h"
#include "gateway/routing/switched.h"
#include "gateway/shed/shed.h"
#include "gateway/tokens/tokens.h"
#include "policy/history/history.h"

struct sl_gateway_families {             /* up: all in the process's metrics */
    struct sl_metric_family *requests;   /* up */
    struct sl_metric_family *endings;    /* up */
    struct sl_metric_family *duration;   /* up */
    struct sl_metric_family *ttft;       /* up */
    struct sl_metric_family *overhead;   /* up */
    struct sl_metric_family *tokens;     /* up */
    struct sl_metric_family *streams;    /* up */
    struct sl_metric_family *queue;      /* up */
    struct sl_metric_family *upstreams;  /* up */
    struct sl_metric_family *clients;    /* up */
    struct sl_metric_family *faults;     /* up */
    struct sl_metric_family *dropped;    /* up */
    struct sl_metric_family *unkept;     /* up */
    struct sl_metric_family *limited;    /* up */
    struct sl_metric_family *cost;       /* up */
    struct sl_metric_family *reuse;      /* up */
    struct sl_metric_family *saved;      /* up */
    struct sl_metric_family *retries;    /* up */
    struct sl_metric_family *failovers;  /* up */
    struct sl_metric_family *breakers;   /* up */
    struct sl_metric_family *pool;       /* up */
    struct sl_metric_family *budget;     /* up */
    struct sl_metric_family *mirrored;   /* up */
    struct sl_metric_family *mirror_s;   /* up */
    struct sl_metric_family *pinged;     /* up */
    struct sl_metric_family *fetched;    /* up */
    struct sl_metric_family *switches;   /* up */
    struct sl_metric_family *paused;     /* up */
    struct sl_metric_family *hooks;      /* up */
    struct sl_metric_family *top_ups;    /* up */
    struct sl_metric_family *otlp;       /* up */
    struct sl_metric_family *consul;     /* up */
    struct sl_metric_family *instances;  /* up */
    struct sl_metric_family *certs;      /* up */
    struct sl_metric_family *words;      /* up */
    struct sl_metric_family *intents;    /* up */
    struct sl_metric_family *shed;       /* up */
    struct sl_metric_family *shed_below; /* up */
};

/* One kind of ending, and the series it counts in. */
struct sl_account_key {
    const struct sl_gateway_conf *conf; /* shared: compared, never followed */
    const char *tenant;                 /* up: compared, never followed */
    const struct sl_model *model;       /* up: compared, never followed */
    const struct sl_provider *provider; /* up: compared, never followed */
    const struct sl_target *target;     /* up: compared, never followed */
    enum sl_endpoint ep;
    enum sl_ending ending;
    int status;
    int reuse; /* SL_REUSE_…, the layer it came from; -1: none */
    bool far;
};

#define SL_ACCOUNT_SERIES 256

struct sl_account_series { /* up: all in the process's metrics */
    struct sl_account_key key;
    struct sl_metric *requests;     /* up */
    struct sl_metric *endings;      /* up */
    struct sl_metric *duration;     /* up */
    struct sl_metric *ttft;         /* up */
    struct sl_metric *tokens_in;    /* up */
    struct sl_metric *tokens_read;  /* up */
    struct sl_metric *tokens_write; /* up */
    struct sl_metric *tokens_out;   /* up */
    struct sl_metric *cost;         /* up */
    struct sl_metric *reuse;        /* up: looked up when first counted */
    struct sl_metric *saved;        /* up: likewise */
};

#define SL_GATEWAY_ZONES 16 /* more zones share the last place, and are asked for again */

struct sl_zone_memo {
    char name[64];
    struct sl_periods periods;
};

#define SL_GATEWAY_MAGIC 0x534c4757u

struct sl_gateway {
    uint32_t magic;
    struct sl_net *net;            /* up */
    struct sl_gateway_conf *conf;  /* shared: in force */
    struct sl_server *server;      /* owns */
    struct sl_file *access;        /* up */
    struct sl_file *prompts;       /* up: what tenants want kept; or NULL */
    uint64_t prompts_lost;         /* lines for which there was no memory */
    struct sl_store *store;        /* up */
    struct sl_cache *cache;        /* up: or NULL */
    struct sl_keys *keys;          /* owns */
    struct sl_flights *flights;    /* owns */
    struct sl_want_flights *wants; /* owns */
    struct sl_purged purged;
    struct sl_switched switched;
    struct sl_healths *healths;     /* owns */
    struct sl_mirrors *mirrors;     /* owns */
    struct sl_pings *pings;         /* owns */
    struct sl_tokens *tokens;       /* owns */
    struct sl_jwts *jwts;           /* owns */
    struct sl_gates *gates;         /* owns */
    struct sl_watch *watch;         /* owns */
    struct sl_recent *recent;       /* owns */
    struct sl_hooks *hooks;         /* owns */
    struct sl_top_ups *top_ups;     /* owns */
    struct sl_otlp *otlp;           /* owns */
    struct sl_discovery *discovery; /* owns */
    struct sl_shed shed;
    struct sl_zone_memo zones[SL_GATEWAY_ZONES];
    struct sl_metrics *metrics; /* up */
    struct sl_gateway_families f;
    struct sl_account_series series[SL_ACCOUNT_SERIES];
    struct sl_metric *phases[3]; /* up */
    struct sl_tally tally;       /* for whoever shows how it goes */
    struct sl_keymemo keymemo;
    struct sl_apps apps;
    struct sl_self_memo selves[SL_SELF_MEMOS];
    struct sl_digests digests;
    struct sl_list requests;
    size_t requests_n;
    uint64_t renew_ms; /* of growing reservations */
    bool draining;
    bool followed; /* by a process that serves where this one did: nobody is to look elsewhere */
    bool warming;  /* readiness waits for first connections */
};

/* Today's and this month's bounds in that zone, by the store's clock, so that all instances have
 * the same; good until the next call. */
const struct sl_periods *sl_gateway_periods(struct sl_gateway *g, struct sl_str zone);
/* sluice_limited_total, of a request the store refused. */
void sl_account_limited(struct sl_req *r);
void sl_gateway_families_make(struct sl_gateway *g);
void sl_account_metrics(struct sl_req *r);

#endif
