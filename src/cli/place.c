/* cli/place.c */
#include "cli/place.h"

#include <stdio.h>

void sl_place_url(struct sl_str listen, unsigned port, char *out, size_t cap)
{
    size_t colon = listen.n;
    struct sl_str host, tail;

    out[0] = '\0';
    if (sl_str_starts(listen, SL_STR("unix:")))
        return;
    while (colon > 0 && listen.p[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return;
    host = sl_str_first(listen, colon - 1);
    tail = sl_str_from(listen, colon);
    if (sl_str_eq(host, SL_STR("0.0.0.0")) || sl_str_eq(host, SL_STR("[::]")))
        host = SL_STR("127.0.0.1");
    if (port > 0 && sl_str_eq(tail, SL_STR("0")))
        snprintf(out, cap, "http://%.*s:%u", SL_STR_ARGS(host), port);
    else
        snprintf(out, cap, "http://%.*s:%.*s", SL_STR_ARGS(host), SL_STR_ARGS(tail));
}

const struct sl_node *sl_place_key(const struct sl_conf *c)
{
    const struct sl_node *tenants = sl_node_get(c->root, "tenants");

    for (const struct sl_node *t = tenants != NULL ? tenants->first : NULL; t != NULL;
         t = t->next) {
        const struct sl_node *keys = sl_node_get(t, "keys");

        for (const struct sl_node *k = keys != NULL ? keys->first : NULL; k != NULL; k = k->next)
            if (sl_node_get(k, "key") != NULL)
                return sl_node_get(k, "key");
    }
    return NULL;
}
