/* conf/parts/oauth.c -- where access tokens come from, and forms. */
#include "conf/parts/parts.h"

#include "base/map.h"
#include "conf/url.h"
#include "http/message.h"

static void add_encoded(struct sl_text *t, struct sl_str s)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '~') {
            sl_text_byte(t, (char)c);
        } else {
            sl_text_byte(t, '%');
            sl_text_byte(t, digits[c >> 4]);
            sl_text_byte(t, digits[c & 15]);
        }
    }
}

void sl_build_form(struct sl_text *t, const struct sl_node *dict)
{
    for (const struct sl_node *c = dict->first; c != NULL; c = c->next) {
        if (t->n > 0)
            sl_text_byte(t, '&');
        add_encoded(t, c->key);
        sl_text_byte(t, '=');
        add_encoded(t, c->text);
    }
}

static struct sl_str secret(struct sl_build *b, const struct sl_node *map, const char *key)
{
    struct sl_str s = sl_node_text(map, key);

    if (s.n > 8192)
        sl_fault_add(b->faults, sl_node_get(map, key), "providers[].oauth2.%s: is too long", key);
    return sl_build_dup(b, s);
}

static void set_endpoint(struct sl_build *b, struct sl_oauth *o, const struct sl_node *map,
                         struct sl_url *url)
{
    const struct sl_node *at = sl_node_get(map, "token_url");
    struct sl_str text = sl_node_text(map, "token_url");
    const char *wrong = text.n > 0 ? sl_url_parse(text, url) : NULL;

    if (text.n == 0)
        return; /* that has been said */
    if (wrong != NULL) {
        sl_fault_add(b->faults, at, "providers[].oauth2.token_url: %s", wrong);
        return;
    }
    if (!url->tls && !sl_url_is_own_host(url->host))
        sl_fault_add(b->faults, at,
                     "providers[].oauth2.token_url: must be https, for secrets go there");
    o->host_header = sl_build_dup(b, url->authority);
    o->path = url->path.n > 0 ? sl_build_dup(b, url->path) : SL_STR("/");
}

static void set_params(struct sl_build *b, struct sl_oauth *o, const struct sl_node *map)
{
    const struct sl_node *dict = sl_node_get(map, "params");
    char place[8192];
    struct sl_text t = sl_text_over(place, sizeof(place));

    sl_build_form(&t, dict);
    if (t.cut)
        sl_fault_add(b->faults, dict, "providers[].oauth2.params: too long");
    o->params = sl_build_dup(b, sl_text_str(&t));
}

static uint64_t print_of(const struct sl_oauth *o)
{
    const struct sl_str all[] = {o->host_header,   o->path,  o->client_id, o->client_secret,
                                 o->refresh_token, o->scope, o->params};
    uint64_t print = o->basic;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        print = print * 31 + sl_map_hash(all[i].p, all[i].n);
    return print;
}

/* Few calls go there, one at a time: one connection, not kept for long, on the same way
 * out as the provider's. */
static void set_origin(struct sl_build *b, struct sl_oauth *o, const struct sl_provider *p,
                       const struct sl_node *map, const struct sl_url *url,
                       const struct sl_origin_proxy *proxy)
{
    struct sl_tls_client_conf client = {.ca_file = sl_node_text(map, "ca_file").p, .verify = true};
    char name[80], why[512] = "";
    struct sl_text t = sl_text_over(name, sizeof(name));
    struct sl_origin_conf c = {.host = url->host,
                               .port = url->port,
                               .proxy = *proxy,
                               .max_connections = 2,
                               .max_keepalive = 1,
                               .keepalive_expiry_ms = 30000,
                               .connect_ms = p->timeouts.connect,
                               .dns_ttl_ms = 60000,
                               .queue_max = 1,
                               .queue_wait_ms = 1000};

    sl_text_add(&t, p->name);
    sl_text_add(&t, SL_STR(".oauth2"));
    c.name = sl_text_str(&t);
    if (b->origins == NULL || b->faults->n > 0)
        return;
    o->origin = sl_origins_take(b->origins, &c, url->tls ? &client : NULL, why, sizeof(why));
    if (o->origin == NULL)
        sl_fault_add(b->faults, map, "providers[].oauth2.ca_file: %s", why);
}

void sl_build_oauth(struct sl_build *b, struct sl_provider *p, const struct sl_node *map,
                    const struct sl_origin_proxy *proxy)
{
    const struct sl_node *own = sl_node_get(map, "oauth2");
    struct sl_oauth *o;
    struct sl_url url = {.port = 0};

    if (p->auth != SL_AUTH_OAUTH2) {
        if (sl_node_text(own, "token_url").n > 0)
            sl_fault_add(b->faults, own, "providers[].oauth2: goes with `auth: oauth2` only");
        return;
    }
    if (p->keys_n > 0)
        sl_fault_add(b->faults, sl_node_get(map, "keys"),
                     "providers[].keys: `auth: oauth2` takes none; it has `oauth2`");
    o = sl_build_alloc(b, 1, sizeof(*o));
    if (o == NULL)
        return;
    p->oauth = o;
    o->client_id = secret(b, own, "client_id");
    o->client_secret = secret(b, own, "client_secret");
    o->refresh_token = secret(b, own, "refresh_token");
    o->scope = sl_build_dup(b, sl_node_text(own, "scope"));
    if (sl_node_text(own, "token_url").n == 0 || o->client_id.n == 0 ||
        (o->client_secret.n == 0 && o->refresh_token.n == 0))
        sl_fault_add(b->faults, own != NULL ? own : map,
                     "providers[].oauth2: needs token_url, client_id, and client_secret or "
                     "refresh_token");
    o->basic = o->client_secret.n > 0 && sl_node_number(own, "client_auth", 0) == 0;
    set_params(b, o, own);
    set_endpoint(b, o, own, &url);
    o->print = print_of(o);
    set_origin(b, o, p, own, &url, proxy);
}
