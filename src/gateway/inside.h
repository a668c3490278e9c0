/* gateway/inside.h -- what the gateway's own files see of the gateway.
 *
 * Private to the room: the struct behind gateway.h, and the metric families
 * its steps count in.
 */
#ifndef SL_GATEWAY_INSIDE_H
#define SL_GATEWAY_INSIDE_H

#include "gateway/req.h"

struct sl_gateway_families {            /* up: all in the process's metrics */
    struct sl_metric_family *requests;  /* up */
    struct sl_metric_family *endings;   /* up */
    struct sl_metric_family *duration;  /* up */
    struct sl_metric_family *ttft;      /* up */
    struct sl_metric_family *overhead;  /* up */
    struct sl_metric_family *tokens;    /* up */
    struct sl_metric_family *streams;   /* up */
    struct sl_metric_family *queue;     /* up */
    struct sl_metric_family *upstreams; /* up */
    struct sl_metric_family *clients;   /* up */
    struct sl_metric_family *faults;    /* up */
    struct sl_metric_family *dropped;   /* up */
};

#define SL_GATEWAY_MAGIC 0x534c4757u

struct sl_gateway {
    uint32_t magic;
    struct sl_net *net;           /* up */
    struct sl_gateway_conf *conf; /* shared: in force */
    struct sl_server *server;     /* owns */
    struct sl_file *access;       /* up */
    struct sl_metrics *metrics;   /* up */
    struct sl_gateway_families f;
    struct sl_list requests;
    size_t requests_n;
    bool draining;
};

void sl_gateway_families_make(struct sl_gateway *g);
void sl_account_metrics(struct sl_req *r);

#endif
