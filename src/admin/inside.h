/* admin/inside.h -- private to the room: the admin's struct and its gauges. */
#ifndef SL_ADMIN_INSIDE_H
#define SL_ADMIN_INSIDE_H

#include "admin/admin.h"
#include "admin/page/session.h"
#include "base/buf.h"
#include "net/timer.h"
#include "policy/history/history.h"

struct sl_process_families {          /* up: all in the process's metrics */
    struct sl_metric_family *cpu;     /* up */
    struct sl_metric_family *memory;  /* up */
    struct sl_metric_family *fds;     /* up */
    struct sl_metric_family *max_fds; /* up */
    struct sl_metric_family *started; /* up */
    struct sl_metric_family *lag;     /* up */
    struct sl_metric_family *live;    /* up */
    struct sl_metric_family *config;  /* up */
    struct sl_metric_family *reloads; /* up */
};

#define SL_ADMIN_MAGIC 0x534c4144u

struct sl_admin {
    uint32_t magic;
    struct sl_net *net;         /* up */
    struct sl_gateway *gateway; /* up */
    struct sl_metrics *metrics; /* up */
    struct sl_server *server;   /* owns */
    struct sl_admin_hooks hooks;
    struct sl_process_families f;
    struct sl_list requests;
    struct sl_list calls; /* of the API: admin/api */
    uint8_t key_digest[32];
    bool has_key;
    bool is_unix;
    char hash[16];
    struct sl_sessions sessions; /* of the dashboard */
    struct sl_history *history;  /* owns */
    struct sl_timer tick;        /* of the history */
    struct sl_push *push;        /* owns */
};

/* As much as the client takes; true when all has been given, the answer is finished then. */
bool sl_admin_pump(struct sl_exch *x, struct sl_buf *bytes);

void sl_process_families_make(struct sl_admin *a);
/* live/overview.c: what the gateway does is looked at each second, from here on. */
void sl_overview_start(struct sl_admin *a);
void sl_overview_end(struct sl_admin *a);
/* Reads what is read and not counted; before every exposition. */
void sl_process_refresh(struct sl_admin *a);

#endif
