/* conf/parts/providers.c -- the providers of a snapshot: addresses, credentials,
 * limits, and the origin that holds their connections. */
#include "conf/parts/parts.h"

#include "base/map.h"
#include "base/mem.h"
#include "conf/proxy.h"
#include "conf/url.h"
#include "http/message.h"

#define FLAVOR_OPENAI 1 /* places in the schema's list of choices */
#define FLAVOR_OPENROUTER 2

/* ---- addresses ---- */

static bool ends_in_v1(struct sl_str path)
{
    return sl_str_ends(path, SL_STR("/v1"));
}

/* Anthropic's paths carry /v1 themselves, OpenAI's bases carry it; where one
 * base serves both, either form may be written. */
static void set_paths(struct sl_build *b, struct sl_provider *p, struct sl_str path)
{
    bool either = p->openrouter || p->speaks == (SL_ANTHROPIC | SL_OPENAI);

    p->base_path = sl_build_dup(b, path);
    p->openai_prefix = p->base_path;
    p->anthropic_prefix = p->base_path;
    if (ends_in_v1(path)) {
        p->anthropic_prefix.n -= 3;
    } else if (either) {
        p->openai_prefix = sl_arena_printf(&b->made->arena, "%.*s/v1", SL_STR_ARGS(path));
        if (p->openai_prefix.p == NULL)
            sl_fault_memory(b->faults);
    }
}

static bool is_openrouter(const struct sl_node *map, const struct sl_url *url)
{
    if (sl_node_get(map, "flavor") != NULL)
        return sl_node_number(map, "flavor", 0) == FLAVOR_OPENROUTER;
    return sl_str_eq_nocase(url->host, SL_STR("openrouter.ai")) ||
           (url->host.n > 14 &&
            sl_str_eq_nocase(sl_str_from(url->host, url->host.n - 14), SL_STR(".openrouter.ai")));
}

static enum sl_flavor flavor_of(const struct sl_node *map, const struct sl_provider *p,
                                const struct sl_url *url)
{
    bool own = sl_node_get(map, "flavor") != NULL
                   ? sl_node_number(map, "flavor", 0) == FLAVOR_OPENAI
                   : sl_str_eq_nocase(url->host, SL_STR("api.openai.com"));

    return p->openrouter ? SL_FLAVOR_OPENROUTER : own ? SL_FLAVOR_OPENAI : SL_FLAVOR_COMPATIBLE;
}

/* Last of what it speaks: a server of the protocol that has the newer API, too. */
static void set_responses(struct sl_build *b, struct sl_provider *p, const struct sl_node *map)
{
    const struct sl_node *n = sl_node_get(map, "responses");
    bool has = sl_node_number(map, "responses", p->flavor != SL_FLAVOR_COMPATIBLE) != 0;

    if ((p->speaks & SL_OPENAI) == 0) {
        if (n != NULL && has)
            sl_fault_add(b->faults, n,
                         "providers[].responses: only a provider with protocol openai has it");
        return;
    }
    if (has)
        p->speaks |= SL_RESPONSES;
}

static void set_stream_usage(struct sl_build *b, struct sl_provider *p, const struct sl_node *map)
{
    p->no_stream_usage = sl_node_number(map, "stream_usage", 1) == 0;
    if (p->no_stream_usage && (p->speaks & SL_OPENAI) == 0)
        sl_fault_add(b->faults, sl_node_get(map, "stream_usage"),
                     "providers[].stream_usage: only a provider with protocol openai is asked");
}

static void set_marks(struct sl_build *b, struct sl_provider *p, const struct sl_node *map)
{
    p->marks_prompts = sl_node_number(map, "prompt_cache", 0) == 1;
    if (p->marks_prompts && (p->speaks & SL_ANTHROPIC) == 0)
        sl_fault_add(b->faults, sl_node_get(map, "prompt_cache"),
                     "providers[].prompt_cache: only a provider with protocol anthropic has it");
}

static void set_schemas(struct sl_build *b, struct sl_provider *p, const struct sl_node *map)
{
    p->plain_schemas = sl_node_number(map, "plain_schemas", 0) == 1;
    p->forms_by_tool = sl_node_number(map, "structured_output", 1) == 0;
    if (p->forms_by_tool && (p->speaks & SL_ANTHROPIC) == 0)
        sl_fault_add(b->faults, sl_node_get(map, "structured_output"),
                     "providers[].structured_output: only for a provider with protocol anthropic");
}

/* ---- what is sent ---- */

static void set_keys(struct sl_build *b, struct sl_provider *p, const struct sl_node *map)
{
    const struct sl_node *list = sl_node_get(map, "keys");
    struct sl_str *keys = sl_build_alloc(b, list->n, sizeof(*keys));
    size_t n = 0;

    if (list->n > SL_KEYRING_MAX)
        sl_fault_add(b->faults, list, "providers[].keys: at most %d", SL_KEYRING_MAX);
    for (const struct sl_node *c = list->first; keys != NULL && c != NULL; c = c->next) {
        if (c->text.n == 0 || c->text.n > 8192 || !sl_headers_value_ok(c->text))
            sl_fault_add(b->faults, c, "providers[].keys: a key must be one line of text");
        keys[n++] = sl_build_dup(b, c->text);
        p->keys_print = p->keys_print * 31 + sl_map_hash(c->text.p, c->text.n);
    }
    p->keys = keys;
    p->keys_n = n;
}

static void set_auth(struct sl_build *b, struct sl_provider *p, const struct sl_node *map)
{
    const struct sl_node *n = sl_node_get(map, "auth");
    struct sl_str how = sl_node_text(map, "auth");

    p->auth = p->speaks == SL_ANTHROPIC && !p->openrouter ? SL_AUTH_X_API_KEY : SL_AUTH_BEARER;
    if (n == NULL)
        return;
    if (sl_str_eq(how, SL_STR("x-api-key"))) {
        p->auth = SL_AUTH_X_API_KEY;
    } else if (sl_str_eq(how, SL_STR("bearer"))) {
        p->auth = SL_AUTH_BEARER;
    } else if (sl_str_starts(how, SL_STR("header:")) && sl_headers_name_ok(sl_str_from(how, 7))) {
        p->auth = SL_AUTH_HEADER;
        p->auth_header = sl_build_dup(b, sl_str_from(how, 7));
    } else if (sl_str_eq(how, SL_STR("oauth2"))) {
        p->auth = SL_AUTH_OAUTH2;
    } else {
        sl_fault_add(b->faults, n,
                     "providers[].auth: must be x-api-key, bearer, header:<name> or oauth2");
    }
}

static void set_headers(struct sl_build *b, struct sl_provider *p, const struct sl_node *map)
{
    static const struct sl_headers none;
    const struct sl_node *dict = sl_node_get(map, "headers");
    struct sl_str *names = sl_build_alloc(b, dict->n, sizeof(*names));
    struct sl_str *values = sl_build_alloc(b, dict->n, sizeof(*values));
    size_t n = 0;

    if (names == NULL || values == NULL)
        return;
    for (const struct sl_node *c = dict->first; c != NULL; c = c->next) {
        if (!sl_headers_name_ok(c->key) || sl_headers_is_hop(&none, c->key) ||
            sl_str_eq_nocase(c->key, SL_STR("content-type")) ||
            sl_str_eq_nocase(c->key, SL_STR("accept-encoding")))
            sl_fault_add(b->faults, c, "providers[].headers: %.*s is not a header that can be set",
                         SL_STR_ARGS(c->key));
        if (c->text.n > 8192 || !sl_headers_value_ok(c->text))
            sl_fault_add(b->faults, c, "providers[].headers: %.*s must be one line of text",
                         SL_STR_ARGS(c->key));
        names[n] = sl_build_dup(b, c->key);
        values[n++] = sl_build_dup(b, c->text);
    }
    if (n > 32)
        sl_fault_add(b->faults, dict, "providers[].headers: at most 32");
    p->header_names = names;
    p->header_values = values;
    p->headers_n = n;
}

static void set_query(struct sl_build *b, struct sl_provider *p, const struct sl_node *map)
{
    const struct sl_node *dict = sl_node_get(map, "query");
    char place[4096];
    struct sl_text t = sl_text_over(place, sizeof(place));

    sl_build_form(&t, dict);
    if (t.cut)
        sl_fault_add(b->faults, dict, "providers[].query: too long");
    p->query = sl_build_dup(b, sl_text_str(&t));
}

/* ---- limits ---- */

static void set_timeouts(struct sl_build *b, struct sl_provider *p, const struct sl_node *map)
{
    const struct sl_node *own = sl_node_get(map, "timeouts");
    struct sl_timeouts *t = &p->timeouts;

    *t = b->made->timeouts;
    t->connect = sl_node_number(own, "connect", t->connect);
    t->first_byte = sl_node_number(own, "first_byte", t->first_byte);
    t->idle = sl_node_number(own, "idle", t->idle);
    t->total = sl_node_number(own, "total", t->total);
    t->stream_total = sl_node_number(own, "stream_total", t->stream_total);
}

/* The provider's own value, or the general one. */
static uint64_t either(const struct sl_conf *conf, const struct sl_node *map, const char *part,
                       const char *key)
{
    const struct sl_node *general = sl_node_get(conf->root, part);

    return sl_node_number(sl_node_get(map, part), key, sl_node_number(general, key, 0));
}

static uint64_t pool_number(const struct sl_conf *conf, const struct sl_node *map, const char *key)
{
    return either(conf, map, "upstream_pool", key);
}

static void set_resilience(struct sl_build *b, struct sl_provider *p, const struct sl_node *map)
{
    p->retry = (struct sl_retry_rules){
        .attempts = either(b->conf, map, "retry", "attempts"),
        .base_ms = either(b->conf, map, "retry", "base"),
        .max_ms = either(b->conf, map, "retry", "max"),
    };
    p->breaker = (struct sl_breaker_rules){
        .window_ms = either(b->conf, map, "breaker", "window"),
        .open_ms = either(b->conf, map, "breaker", "open"),
        .slow_ms = either(b->conf, map, "breaker", "slow"),
        .error_ppm = either(b->conf, map, "breaker", "error_rate"),
        .min_requests = either(b->conf, map, "breaker", "min_requests"),
        .probes = either(b->conf, map, "breaker", "probes"),
    };
}

static struct sl_origin_conf origin_conf(const struct sl_build *b, struct sl_provider *p,
                                         const struct sl_node *map, const struct sl_url *url)
{
    struct sl_origin_conf c = {
        .name = p->name,
        .host = url->host,
        .port = url->port,
        .max_connections = (size_t)pool_number(b->conf, map, "max_connections"),
        .max_keepalive = (size_t)pool_number(b->conf, map, "max_keepalive"),
        .keepalive_expiry_ms = pool_number(b->conf, map, "keepalive_expiry"),
        .warm = (size_t)pool_number(b->conf, map, "warm"),
        .connect_ms = p->timeouts.connect,
        .dns_ttl_ms = pool_number(b->conf, map, "dns_ttl"),
        .queue_max = (size_t)sl_conf_number(b->conf, "queue.max"),
        .queue_wait_ms = sl_conf_number(b->conf, "queue.wait"),
    };

    /* HTTP/1.1 carries one request a connection, so the smaller one holds both */
    if (p->max_concurrency > 0 && p->max_concurrency < c.max_connections)
        c.max_connections = p->max_concurrency;
    p->max_concurrency = c.max_connections;
    if (c.max_keepalive > c.max_connections)
        c.max_keepalive = c.max_connections;
    if (c.warm > c.max_keepalive)
        c.warm = c.max_keepalive;
    return c;
}

static void set_origin(struct sl_build *b, struct sl_provider *p, const struct sl_node *map,
                       const struct sl_url *url, const struct sl_origin_proxy *proxy)
{
    bool group = sl_build_is_consul(sl_node_text(map, "base_url"));
    const struct sl_node *tls = sl_node_get(map, "tls");
    struct sl_origin_conf conf = origin_conf(b, p, map, url);
    struct sl_tls_client_conf client = {
        .ca_file = sl_node_text(tls, "ca_file").p,
        .crl_file = sl_node_text(tls, "crl_file").p,
        .server_name = sl_node_text(tls, "server_name").p,
        .verify = sl_node_number(tls, "verify", 1) != 0,
    };
    char why[512] = "";

    conf.proxy = *proxy;
    if (group) { /* its instances are told later; what tells it from others is all of it */
        conf.group = true;
        conf.host = sl_node_text(map, "base_url");
        if (client.server_name == NULL || client.server_name[0] == '\0')
            client.server_name = p->host_header.p;
    }
    if (b->origins == NULL || b->faults->n > 0)
        return;
    p->origin = sl_origins_take(b->origins, &conf, url->tls ? &client : NULL, why, sizeof(why));
    if (p->origin == NULL)
        sl_fault_add(b->faults, tls, "providers[].tls: %s", why);
}

/* The way out, for the provider and for where its tokens come from. */
static void set_ways(struct sl_build *b, struct sl_provider *p, const struct sl_node *map,
                     const struct sl_url *url)
{
    const struct sl_node *n = sl_node_get(map, "proxy");
    struct sl_origin_proxy proxy;
    char auth[SL_PROXY_AUTH];
    const char *wrong = sl_proxy_parse(sl_node_text(map, "proxy"), auth, &proxy);

    if (wrong != NULL)
        sl_fault_add(b->faults, n, "providers[].proxy%s%s%s: %s",
                     n->variable != NULL ? ", which " : "", n->variable != NULL ? n->variable : "",
                     n->variable != NULL ? " gives" : "", wrong);
    p->proxy = proxy.port > 0 ? sl_build_dup(b, n->shown) : SL_STR("");
    p->proxy_from = n->variable;
    set_origin(b, p, map, url, &proxy);
    sl_build_oauth(b, p, map, &proxy);
    sl_mem_wipe(auth, sizeof(auth));
}

/* ---- one, and all ---- */

static void provider(struct sl_build *b, struct sl_provider *p, const struct sl_node *map)
{
    const struct sl_node *protocol = sl_node_get(map, "protocol");
    bool consul = sl_build_is_consul(sl_node_text(map, "base_url"));
    struct sl_consul_url found;
    struct sl_url url;
    const char *wrong = consul ? sl_build_consul_url(b, sl_node_text(map, "base_url"), &found)
                               : sl_url_parse(sl_node_text(map, "base_url"), &url);

    sl_build_check_name(b, map, "providers[]");
    p->name = sl_build_dup(b, sl_node_text(map, "name"));
    if (consul && wrong == NULL)
        url = found.at;
    if (wrong != NULL) {
        sl_fault_add(b->faults, sl_node_get(map, "base_url"), "providers[].base_url: %s", wrong);
        url = (struct sl_url){.host = SL_STR("invalid"),
                              .authority = SL_STR("invalid"),
                              .path = SL_STR(""),
                              .port = 1};
    }
    if (!url.tls && sl_str_eq(url.authority, b->made->listen))
        sl_fault_add(b->faults, sl_node_get(map, "base_url"),
                     "providers[].base_url: is this gateway's own address; unset "
                     "ANTHROPIC_BASE_URL if a client's shell set it");
    for (const struct sl_node *c = protocol->first; c != NULL; c = c->next)
        p->speaks |= c->number == 0 ? (unsigned)SL_ANTHROPIC : (unsigned)SL_OPENAI;
    if (p->speaks == 0)
        sl_fault_add(b->faults, protocol, "providers[].protocol: is empty");
    p->openrouter = is_openrouter(map, &url);
    p->flavor = flavor_of(map, p, &url);
    p->host_header = sl_build_dup(b, url.authority);
    set_paths(b, p, url.path);
    set_keys(b, p, map);
    set_auth(b, p, map);
    set_responses(b, p, map);
    set_marks(b, p, map);
    set_stream_usage(b, p, map);
    set_schemas(b, p, map);
    set_headers(b, p, map);
    set_query(b, p, map);
    p->max_concurrency = (size_t)sl_node_number(map, "max_concurrency", 0);
    p->key_concurrency = (size_t)sl_node_number(map, "key_concurrency", 0);
    p->price_list = sl_build_dup(b, sl_build_price_list(b, p->name, url.host));
    set_timeouts(b, p, map);
    set_resilience(b, p, map);
    set_ways(b, p, map, &url);
    if (consul && wrong == NULL)
        sl_build_consul(b, p, map, &found);
}

void sl_build_providers(struct sl_build *b)
{
    const struct sl_node *list = sl_node_get(b->conf->root, "providers");
    struct sl_provider *all;
    size_t n = 0;

    if (list->n > 256) {
        sl_fault_add(b->faults, list, "providers: at most 256");
        return;
    }
    all = sl_build_alloc(b, list->n, sizeof(*all));
    if (all == NULL)
        return;
    b->made->providers = all;
    for (const struct sl_node *c = list->first; c != NULL; c = c->next) {
        provider(b, &all[n], c);
        for (size_t i = 0; i < n; i++)
            if (sl_str_eq(all[i].name, all[n].name))
                sl_fault_add(b->faults, c, "providers[].name: %.*s stands twice",
                             SL_STR_ARGS(all[n].name));
        b->made->providers_n = ++n;
    }
}

size_t sl_build_upstreams(const struct sl_conf *conf)
{
    const struct sl_node *list = sl_node_get(conf->root, "providers");
    size_t sum = 0;

    for (const struct sl_node *c = list->first; c != NULL; c = c->next) {
        uint64_t most = pool_number(conf, c, "max_connections");
        uint64_t own = sl_node_number(c, "max_concurrency", 0);

        sum += (size_t)(own > 0 && own < most ? own : most);
    }
    return sum;
}
