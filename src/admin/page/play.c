/* admin/page/play.c -- who may play, and under which path. */
#include "admin/page/play.h"

#include "admin/page/page.h"

#define ROOT "/admin/api/play"

bool sl_play_is_path(struct sl_str path)
{
    return sl_str_starts(path, SL_STR(ROOT "/"));
}

bool sl_play_take(struct sl_admin *a, struct sl_exch *x)
{
    const struct sl_request_head *head = sl_exch_head(x);
    enum sl_page_caller who;

    if (!sl_play_is_path(head->path))
        return false;
    who = sl_page_caller(a, x);
    if (who == SL_PAGE_NOBODY || who == SL_PAGE_FOREIGN || who == SL_PAGE_BARRED ||
        sl_headers_get(&head->headers, SL_STR("x-api-key")).n == 0 ||
        sl_gateway_ready(a->gateway) == SL_READY_DRAINS)
        return false;
    sl_gateway_take(a->gateway, x, sl_str_from(head->path, sizeof ROOT - 1));
    return true;
}
