/* store/front/open.c -- which store a URL means. */
#include <stdio.h>

#include "base/mem.h"
#include "store/front/inside.h"
#include "store/url.h"

static bool is_embedded(struct sl_str url, struct sl_str *dir)
{
    *dir = sl_str_from(url, sizeof "embedded:" - 1);
    return sl_str_starts(url, SL_STR("embedded:"));
}

/* For people: no user, no password. */
static void show(struct sl_str url, char out[128])
{
    struct sl_redis_url at;
    char why[128];

    if (!sl_str_starts(url, SL_STR("embedded:")) &&
        sl_redis_url_read(url, &at, why, sizeof why) == SL_OK)
        sl_redis_url_show(&at, out, 128);
    else
        snprintf(out, 128, "%.*s", SL_STR_ARGS(sl_str_first(url, 127)));
}

struct sl_store *sl_store_new(struct sl_net *net, const struct sl_store_conf *conf,
                              struct sl_metrics *metrics, char *why, size_t cap)
{
    struct sl_store_conf own = *conf;
    struct sl_backend *b;
    struct sl_store *s;
    struct sl_str dir;
    char slot[1200] = "";
    bool embedded = is_embedded(conf->url, &dir);

    if (conf->state_dir.n > 0 && !embedded) {
        if (!sl_trail_slot(conf->state_dir, conf->hot, slot, sizeof slot, why, cap))
            return NULL;
        own.state_dir = sl_str_of(slot);
    }
    b = embedded ? sl_embedded_new(net, dir, why, cap) : sl_redis_new(net, conf, why, cap);
    if (b == NULL)
        return NULL;
    s = sl_store_over(net, b, &own, metrics, why, cap);
    if (s == NULL)
        return NULL;
    show(conf->url, s->where);
    if (own.state_dir.n > 0 && !embedded)
        sl_strays_open(s, conf->state_dir, own.state_dir);
    return s;
}
