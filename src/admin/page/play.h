/* admin/page/play.h -- the playground: a request of a tenant's key, made by who is logged in.
 *
 * /admin/api/play/v1/messages (or another path of the data path) is handed to the gateway as if
 * it had come to its own listener: the same steps, limits, cache and accounting, and the key is
 * the one in x-api-key, as everywhere. The page so needs no other origin, and the data path no
 * CORS. It is no second data port: nobody gets through who may not use the admin API.
 */
#ifndef SL_ADMIN_PAGE_PLAY_H
#define SL_ADMIN_PAGE_PLAY_H

#include "admin/inside.h"

/* True: the gateway has it now. False: the admin API says what is wrong with it. */
SL_MUST bool sl_play_take(struct sl_admin *a, struct sl_exch *x);
bool sl_play_is_path(struct sl_str path);

#endif
