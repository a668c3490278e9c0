/* admin/push.h -- the exposition for a Prometheus Pushgateway: `pushgateway` of the configuration.
 *
 *   each `every`, and once more at the end: PUT /metrics/job/JOB/instance/INSTANCE
 *
 * Private to the room. Holder: the admin, one. Without `pushgateway.url` nothing is armed.
 * Bounds   One at a time, SL_ADMIN_EXPOSITION bytes; one that fails is not repeated, since the
 *          next one says all that it would have said. Counted in sluice_pushes_total.
 * Source   Prometheus' Pushgateway: PUT replaces all metrics of a group; text format 0.0.4.
 */
#ifndef SL_ADMIN_PUSH_H
#define SL_ADMIN_PUSH_H

#include <stdbool.h>

struct sl_admin;
struct sl_push;

struct sl_push *sl_push_new(struct sl_admin *a);
void sl_push_end(struct sl_push **p);
void sl_push_reload(struct sl_push *p); /* the gateway's configuration is another one */
void sl_push_last(struct sl_push *p);   /* now, behind one that is on its way; then no more */
bool sl_push_is_idle(const struct sl_push *p);

#endif
