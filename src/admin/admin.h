/* admin/admin.h -- what operators see, on a listener of its own.
 *
 * Holder   main's serve: one per process, new and start once, end at the end.
 * Routes   GET /healthz (alive), /readyz (200, or 503 while draining),
 *          /metrics (Prometheus text 0.0.4, streamed), /admin/ (the dashboard:
 *          static files), /admin/api/ (the admin API).
 *          The API needs `authorization: Bearer <admin.key>`, compared in
 *          constant time, or the cookie of a login; over a unix socket neither,
 *          since only the socket's owner can open it. No key and no unix socket:
 *          401 always.
 * Limits   SL_ADMIN_CONNECTIONS connections; an exposition is held whole, up to
 *          SL_ADMIN_EXPOSITION bytes, while a slow scraper reads it.
 */
#ifndef SL_ADMIN_ADMIN_H
#define SL_ADMIN_ADMIN_H

#include "gateway/gateway.h"

#define SL_ADMIN_CONNECTIONS 64
#define SL_ADMIN_EXPOSITION ((size_t)64 << 20)

struct sl_admin;

struct sl_admin_hooks {
    /* Read the configuration again and put it in force. On failure `why` says
     * in lines what is wrong, and nothing has changed. */
    enum sl_err (*reload)(void *ctx, char *why, size_t cap);
    /* Gives the effective configuration, without secrets, piece by piece. */
    void (*show)(void *ctx, void (*put)(void *to, struct sl_str piece), void *to);
    void *ctx; /* up: the hooks' own */
};

struct sl_admin *sl_admin_new(struct sl_net *net, struct sl_gateway *gateway,
                              struct sl_metrics *metrics, const struct sl_admin_hooks *hooks);
SL_MUST enum sl_err sl_admin_start(struct sl_admin *a, struct sl_str listen, struct sl_str key,
                                   char *why, size_t cap);
uint16_t sl_admin_port(const struct sl_admin *a);
/* Counted and shown: what a reload came to, and the hash in force. */
void sl_admin_note_reload(struct sl_admin *a, bool ok);
void sl_admin_note_conf(struct sl_admin *a, struct sl_str hash);
void sl_admin_hand_over(struct sl_admin *a); /* as sl_gateway_hand_over() */
/* Nobody is answered any more. Then, when all that is counted is counted, push_last: a
 * Pushgateway is told, until has_pushed. Then end; or end alone, which waits for nothing. */
void sl_admin_stop(struct sl_admin *a);
void sl_admin_push_last(struct sl_admin *a);
bool sl_admin_has_pushed(const struct sl_admin *a);
void sl_admin_end(struct sl_admin **a);

#endif
