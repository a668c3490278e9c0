/* conf/parts/receiver.c -- where something is sent that is no request of a client. */
#include "conf/parts/parts.h"

#include "base/mem.h"
#include "conf/url.h"
#include "http/message.h"

#define PATH_BYTES 1024 /* and query: the head of gateway/push/post.h has room for it */
#define HOST_BYTES 300
#define HEADERS_BYTES 16384

/* As it stands in a request: nothing but what is visible there. */
static bool is_query(struct sl_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] <= ' ' || (uint8_t)s.p[i] >= 0x7f || s.p[i] == '#')
            return false;
    return true;
}

static void set_origin(struct sl_build *b, const struct sl_node *map,
                       const struct sl_receiver_rules *rules, const struct sl_url *url,
                       struct sl_receiver *out)
{
    const struct sl_node *trust = rules->trust != NULL ? rules->trust : map;
    struct sl_tls_client_conf client = {.ca_file = sl_node_text(trust, "ca_file").p,
                                        .verify = true};
    char why[512] = "";
    struct sl_origin_conf c = {.name = sl_str_of(rules->name),
                               .host = url->host,
                               .port = url->port,
                               .max_connections = 2, /* one each, where two go to one host */
                               .max_keepalive = rules->keep ? 1 : 0,
                               .keepalive_expiry_ms = 60000,
                               .connect_ms = b->made->timeouts.connect,
                               .dns_ttl_ms = 60000,
                               .queue_max = 1,
                               .queue_wait_ms = 1000};

    if (b->origins == NULL || b->faults->n > 0)
        return;
    out->origin = sl_origins_take(b->origins, &c, url->tls ? &client : NULL, why, sizeof(why));
    if (out->origin == NULL)
        sl_fault_add(b->faults, trust, "%.*s.ca_file: %s",
                     SL_STR_ARGS(rules->trust != NULL ? trust->key : c.name), why);
}

static bool may_be_set(struct sl_str name)
{
    static const struct sl_headers none;

    return sl_headers_name_ok(name) && !sl_headers_is_hop(&none, name) &&
           !sl_str_eq_nocase(name, SL_STR("content-type")) &&
           !sl_str_eq_nocase(name, SL_STR("accept-encoding"));
}

static void set_headers(struct sl_build *b, const struct sl_node *dict, const char *name,
                        struct sl_receiver *out)
{
    char place[HEADERS_BYTES];
    struct sl_text t = sl_text_over(place, sizeof(place));

    for (const struct sl_node *c = dict != NULL ? dict->first : NULL; c != NULL; c = c->next) {
        if (!may_be_set(c->key) || !sl_headers_value_ok(c->text))
            sl_fault_add(b->faults, c,
                         "%s.headers: %.*s is not a header that can be set, or its value is not "
                         "one line of text",
                         name, SL_STR_ARGS(c->key));
        sl_text_add(&t, c->key);
        sl_text_add(&t, SL_STR(": "));
        sl_text_add(&t, c->text);
        sl_text_add(&t, SL_STR("\r\n"));
    }
    if (t.cut)
        sl_fault_add(b->faults, dict, "%s.headers: at most 16 KiB in all", name);
    out->headers = sl_build_dup(b, sl_text_str(&t));
    sl_mem_wipe(place, t.n);
}

static void set_path(struct sl_build *b, const struct sl_node *at,
                     const struct sl_receiver_rules *rules, const struct sl_url *url,
                     struct sl_str query, struct sl_receiver *out)
{
    struct sl_str more = rules->path;
    char place[PATH_BYTES];
    struct sl_text t = sl_text_over(place, sizeof(place));

    if (more.n > 0 && sl_str_ends(url->path, more))
        more.n = 0;
    sl_text_add(&t, url->path);
    sl_text_add(&t, more);
    if (t.n == 0)
        sl_text_byte(&t, '/');
    sl_text_add(&t, query);
    if (t.cut || url->authority.n > HOST_BYTES || !is_query(query))
        sl_fault_add(b->faults, at,
                     "%s.%s: is too long, or has a character in its query that must be "
                     "percent-encoded",
                     rules->name, rules->key);
    out->host_header = sl_build_dup(b, url->authority);
    out->path = sl_build_dup(b, sl_text_str(&t));
    sl_mem_wipe(place, t.n);
}

bool sl_build_receiver(struct sl_build *b, const struct sl_node *map,
                       const struct sl_receiver_rules *rules, struct sl_receiver *out)
{
    const struct sl_node *at = sl_node_get(map, rules->key);
    const struct sl_node *headers = sl_node_get(map, "headers");
    struct sl_str text = sl_node_text(map, rules->key), query = {"", 0};
    ptrdiff_t mark = sl_str_find_byte(text, '?');
    bool secret = rules->secret || (headers != NULL && headers->first != NULL);
    struct sl_url url;
    const char *wrong;

    *out = (struct sl_receiver){.origin = NULL};
    if (mark >= 0) {
        query = sl_str_from(text, (size_t)mark);
        text = sl_str_first(text, (size_t)mark);
    }
    wrong = sl_url_parse(text, &url);
    if (wrong != NULL) {
        sl_fault_add(b->faults, at, "%s.%s: %s", rules->name, rules->key, wrong);
        return false;
    }
    if (secret && !url.tls && !sl_url_is_own_host(url.host))
        sl_fault_add(b->faults, at, "%s.%s: must be https, unless it is on this host%s",
                     rules->name, rules->key, rules->secret ? "" : ": `headers` are secrets");
    set_path(b, at, rules, &url, query, out);
    set_headers(b, headers, rules->name, out);
    set_origin(b, map, rules, &url, out);
    return true;
}
