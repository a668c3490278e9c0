/* conf/parts/hooks.c -- where events are told: `hooks`. */
#include "conf/parts/parts.h"

#include "conf/url.h"

#define TARGET_BYTES 1024 /* path and query */

static void set_origin(struct sl_build *b, struct sl_hook *hook, const struct sl_node *map,
                       const struct sl_url *url)
{
    struct sl_tls_client_conf client = {.ca_file = sl_node_text(map, "ca_file").p, .verify = true};
    char why[512] = "";
    struct sl_origin_conf c = {.name = SL_STR("hooks"),
                               .host = url->host,
                               .port = url->port,
                               .max_connections = 1,
                               .connect_ms = b->made->timeouts.connect,
                               .dns_ttl_ms = 60000,
                               .queue_max = 1,
                               .queue_wait_ms = 1000};

    if (b->origins == NULL || b->faults->n > 0)
        return;
    hook->origin = sl_origins_take(b->origins, &c, url->tls ? &client : NULL, why, sizeof(why));
    if (hook->origin == NULL)
        sl_fault_add(b->faults, map, "hooks.ca_file: %s", why);
}

/* As it stands in a request: nothing but what is visible there. */
static bool is_query(struct sl_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '#')
            return false;
    return true;
}

static struct sl_str target(struct sl_build *b, struct sl_str path, struct sl_str query)
{
    char place[TARGET_BYTES];
    struct sl_text t = sl_text_over(place, sizeof(place));

    sl_text_add(&t, path.n > 0 ? path : SL_STR("/"));
    sl_text_add(&t, query);
    return t.cut ? (struct sl_str){"", 0} : sl_build_dup(b, sl_text_str(&t));
}

void sl_build_hooks(struct sl_build *b)
{
    const struct sl_node *map = sl_node_get(b->conf->root, "hooks");
    struct sl_str text = sl_node_text(map, "url"), query = {"", 0};
    ptrdiff_t mark = sl_str_find_byte(text, '?');
    struct sl_hook *hook;
    struct sl_url url;
    const char *wrong;

    if (text.n == 0)
        return;
    if (mark >= 0) {
        query = sl_str_from(text, (size_t)mark);
        text = sl_str_first(text, (size_t)mark);
    }
    hook = sl_build_alloc(b, 1, sizeof(*hook));
    wrong = sl_url_parse(text, &url);
    if (hook == NULL)
        return;
    if (wrong != NULL) {
        sl_fault_add(b->faults, sl_node_get(map, "url"), "hooks.url: %s", wrong);
        return;
    }
    if (!url.tls && !sl_url_is_own_host(url.host))
        sl_fault_add(b->faults, sl_node_get(map, "url"),
                     "hooks.url: must be https, unless it is on this host");
    hook->host_header = sl_build_dup(b, url.authority);
    hook->path = target(b, url.path, query);
    hook->secret = sl_build_dup(b, sl_node_text(map, "secret"));
    if (hook->path.n == 0 || hook->host_header.n > 300 || !is_query(query))
        sl_fault_add(b->faults, sl_node_get(map, "url"),
                     "hooks.url: is too long, or has a character in its query that must be "
                     "percent-encoded");
    set_origin(b, hook, map, &url);
    b->made->hook = hook;
}
