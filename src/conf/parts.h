/* conf/parts.h -- private to the room: the parts of building a snapshot. */
#ifndef SL_CONF_PARTS_H
#define SL_CONF_PARTS_H

#include "conf/build.h"

struct sl_build {
    struct sl_conf *conf;             /* up */
    struct sl_faults *faults;         /* up: the conf's */
    struct sl_origins *origins;       /* up: or NULL */
    const struct sl_catalog *catalog; /* up: or NULL */
    struct sl_gateway_conf *made;     /* owns until handed over */
};

void sl_build_providers(struct sl_build *b);
void sl_build_models(struct sl_build *b);
void sl_build_tenants(struct sl_build *b);

void *sl_build_alloc(struct sl_build *b, size_t n, size_t size);
struct sl_str sl_build_dup(struct sl_build *b, struct sl_str s);
/* 1 to 64 letters, digits, dot, dash, underscore; else a fault. */
void sl_build_check_name(struct sl_build *b, const struct sl_node *map, const char *what);

#endif
