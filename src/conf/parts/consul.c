/* conf/parts/consul.c -- instances by Consul: a provider's `base_url: consul://…`, and `consul`. */
#include "conf/parts/parts.h"

#include "base/grow.h"
#include "conf/url.h"
#include "http/message.h"

#define URL_MAX 600
#define BODY_MAX 8192

static const struct sl_str scheme = SL_STR_INIT("consul://");

/* ---- consul://HOST:PORT/SERVICE?tag=…&dc=…&scheme=https&path=/v1 ---- */

bool sl_build_is_consul(struct sl_str base_url)
{
    return sl_str_starts_nocase(base_url, scheme);
}

/* Letters, digits, and what a path or a query holds as it is; `more` beside them. */
static bool is_simple(struct sl_str s, const char *more)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              strchr("._-", c) != NULL || strchr(more, c) != NULL) ||
            c == '\0')
            return false;
    }
    return s.n > 0;
}

static const char *take_param(struct sl_build *b, struct sl_str name, struct sl_str value,
                              struct sl_consul_url *out)
{
    bool filters = sl_str_eq(name, SL_STR("tag")) || sl_str_eq(name, SL_STR("dc"));

    if (filters && is_simple(value, "~%")) {
        out->filter = sl_arena_printf(&b->made->arena, "%.*s&%.*s=%.*s", SL_STR_ARGS(out->filter),
                                      SL_STR_ARGS(name), SL_STR_ARGS(value));
        if (out->filter.p == NULL)
            sl_fault_memory(b->faults);
        return NULL;
    }
    if (sl_str_eq(name, SL_STR("scheme")) &&
        (sl_str_eq(value, SL_STR("http")) || sl_str_eq(value, SL_STR("https")))) {
        out->at.tls = value.n == 5;
        return NULL;
    }
    if (sl_str_eq(name, SL_STR("path")) && is_simple(value, "/~%") && value.p[0] == '/') {
        while (value.n > 0 && value.p[value.n - 1] == '/')
            value.n--;
        out->at.path = value;
        return NULL;
    }
    return "takes tag=…, dc=…, scheme=http or https, and path=/… behind the ?, with letters, "
           "digits, dot, dash and underscore";
}

static const char *take_params(struct sl_build *b, struct sl_str query, struct sl_consul_url *out)
{
    struct sl_str pair;
    const char *wrong = NULL;

    while (wrong == NULL && sl_str_split(&query, '&', &pair)) {
        ptrdiff_t is = sl_str_find_byte(pair, '=');
        size_t n = is < 0 ? pair.n : (size_t)is;

        wrong = take_param(b, sl_str_first(pair, n), sl_str_from(pair, n + 1), out);
    }
    return wrong;
}

/* The agent as a URL that others read, too. */
static const char *take_agent(struct sl_build *b, struct sl_str place, struct sl_url *out)
{
    bool tls = sl_conf_number(b->conf, "consul.tls") != 0;
    struct sl_str text =
        sl_arena_printf(&b->made->arena, "http%s://%.*s", tls ? "s" : "", SL_STR_ARGS(place));
    const char *wrong;

    if (text.p == NULL) {
        sl_fault_memory(b->faults);
        text = SL_STR("http://no-memory");
    }
    wrong = sl_url_parse(text, out);
    return wrong == NULL && out->path.n > 0 ? "must be a Consul agent's host:port" : wrong;
}

const char *sl_build_consul_url(struct sl_build *b, struct sl_str text, struct sl_consul_url *out)
{
    struct sl_str rest = sl_str_from(text, scheme.n), query = {"", 0};
    ptrdiff_t mark = sl_str_find_byte(rest, '?'), slash;
    const char *wrong;

    *out = (struct sl_consul_url){.filter = SL_STR(""), .at = {.path = SL_STR("")}};
    if (mark >= 0) {
        query = sl_str_from(rest, (size_t)mark + 1);
        rest = sl_str_first(rest, (size_t)mark);
    }
    slash = sl_str_find_byte(rest, '/');
    if (slash <= 0 || text.n > URL_MAX || !is_simple(sl_str_from(rest, (size_t)slash + 1), "") ||
        rest.n - (size_t)slash > 129)
        return "must be consul://HOST:PORT/SERVICE, with a service of letters, digits, dot, dash "
               "and underscore";
    out->at.host = out->at.authority = sl_str_from(rest, (size_t)slash + 1);
    wrong = take_agent(b, sl_str_first(rest, (size_t)slash), &out->agent);
    if (wrong == NULL)
        wrong = take_params(b, query, out);
    out->at.port = out->at.tls ? 443 : 80;
    return wrong;
}

/* ---- an agent ---- */

/* Few calls, of which one may wait for a minute: a connection of its own. */
static struct sl_origin *agent(struct sl_build *b, struct sl_str name, const struct sl_url *url)
{
    struct sl_tls_client_conf client = {.ca_file = sl_conf_text(b->conf, "consul.ca_file").p,
                                        .verify = true};
    struct sl_origin_conf c = {.name = name,
                               .host = url->host,
                               .port = url->port,
                               .max_connections = 2,
                               .max_keepalive = 1,
                               .keepalive_expiry_ms = 90000,
                               .connect_ms = b->made->timeouts.connect,
                               .dns_ttl_ms = 60000,
                               .queue_max = 1,
                               .queue_wait_ms = 1000};
    struct sl_origin *o;
    char why[512] = "";

    if (b->origins == NULL || b->faults->n > 0)
        return NULL;
    o = sl_origins_take(b->origins, &c, url->tls ? &client : NULL, why, sizeof(why));
    if (o == NULL)
        sl_fault_add(b->faults, sl_node_at(b->conf->root, "consul.ca_file"), "consul.ca_file: %s",
                     why);
    return o;
}

static struct sl_str token(struct sl_build *b)
{
    const struct sl_node *n = sl_node_at(b->conf->root, "consul.token");

    if (n->text.n > 1024 || !sl_headers_value_ok(n->text))
        sl_fault_add(b->faults, n, "consul.token: must be one line of at most 1024 bytes");
    return sl_build_dup(b, n->text);
}

void sl_build_consul(struct sl_build *b, struct sl_provider *p, const struct sl_node *map,
                     const struct sl_consul_url *url)
{
    struct sl_consul *c = sl_build_alloc(b, 1, sizeof(*c));
    struct sl_str name = sl_arena_printf(&b->made->arena, "%.*s.consul", SL_STR_ARGS(p->name));

    if (c == NULL)
        return;
    p->consul = c;
    if (p->proxy.n > 0)
        sl_fault_add(b->faults, sl_node_get(map, "proxy"),
                     "providers[].proxy: instances that Consul knows are reached straight; remove "
                     "it");
    c->service = sl_build_dup(b, url->at.host);
    c->host_header = sl_build_dup(b, url->agent.authority);
    c->target = sl_arena_printf(&b->made->arena, "/v1/health/service/%.*s?passing=1%.*s",
                                SL_STR_ARGS(url->at.host), SL_STR_ARGS(url->filter));
    if (c->target.p == NULL || name.p == NULL)
        sl_fault_memory(b->faults);
    c->token = token(b);
    c->origin = agent(b, name, &url->agent);
}

/* ---- ourselves ---- */

/* "host:port" or "[::1]:port" as two; a unix socket, or what is no place, has port 0. */
static void split(struct sl_str place, struct sl_str *host, uint64_t *port)
{
    size_t n = place.n;

    *port = 0;
    while (n > 0 && place.p[n - 1] != ':')
        n--;
    *host = sl_str_first(place, n > 0 ? n - 1 : 0);
    if (n == 0 || sl_str_starts(place, SL_STR("unix:")) ||
        !sl_str_to_u64(sl_str_from(place, n), port))
        *port = 0;
    if (host->n > 1 && host->p[0] == '[')
        *host = (struct sl_str){host->p + 1, host->n - 2};
}

static bool is_everywhere(struct sl_str host)
{
    return host.n == 0 || sl_str_eq(host, SL_STR("0.0.0.0")) || sl_str_eq(host, SL_STR("::"));
}

struct place {
    struct sl_str address;
    uint64_t port;
    struct sl_str check;
};

/* What is not said comes from `listen` and `admin.listen`. False: it can't. */
static bool find_place(struct sl_build *b, const struct sl_node *map, struct place *out)
{
    struct sl_str host, admin;
    uint64_t port, admin_port;
    bool v6;

    split(b->made->listen, &host, &port);
    split(b->made->admin_listen, &admin, &admin_port);
    out->address = sl_node_text(map, "address");
    out->port = sl_node_number(map, "port", 0);
    out->check = sl_node_text(map, "check");
    if (out->address.n == 0 && !is_everywhere(host) && port > 0)
        out->address = host;
    if (out->port == 0)
        out->port = port;
    if (!is_simple(out->address, ":") || out->port == 0) {
        sl_fault_add(b->faults, map,
                     "consul.register: needs address and port, where others reach this gateway; "
                     "`listen` does not say it");
        return false;
    }
    if (out->check.n > 0)
        return true;
    if (admin_port == 0) {
        sl_fault_add(b->faults, map,
                     "consul.register.check: needs the URL of this gateway's /readyz, as the "
                     "agent sees it; `admin.listen` does not say it");
        return false;
    }
    if (is_everywhere(admin))
        admin = out->address;
    v6 = sl_str_find_byte(admin, ':') >= 0;
    out->check = sl_arena_printf(&b->made->arena, "http://%s%.*s%s:%u/readyz", v6 ? "[" : "",
                                 SL_STR_ARGS(admin), v6 ? "]" : "", (unsigned)admin_port);
    if (out->check.p == NULL)
        sl_fault_memory(b->faults);
    return true;
}

static void member(struct sl_grow *g, const char *name, struct sl_str value)
{
    if (g->n > 0 && g->p[g->n - 1] != '{')
        sl_grow_byte(g, ',');
    sl_grow_json(g, sl_str_of(name));
    sl_grow_byte(g, ':');
    sl_grow_json(g, value);
}

static void write_body(struct sl_grow *g, const struct sl_enrol *e, const struct sl_node *map,
                       const struct place *at)
{
    const struct sl_node *tags = sl_node_get(map, "tags");

    sl_grow_byte(g, '{');
    member(g, "ID", e->id);
    member(g, "Name", sl_node_text(map, "service"));
    member(g, "Address", at->address);
    sl_grow_add(g, SL_STR(",\"Port\":"));
    sl_grow_u64(g, at->port);
    sl_grow_add(g, SL_STR(",\"Tags\":["));
    for (const struct sl_node *t = tags->first; t != NULL; t = t->next) {
        if (t != tags->first)
            sl_grow_byte(g, ',');
        sl_grow_json(g, t->text);
    }
    sl_grow_add(g, SL_STR("],\"Meta\":{"));
    member(g, "version", SL_STR(SL_VERSION));
    sl_grow_add(g, SL_STR("},\"Check\":{"));
    member(g, "Name", SL_STR("ready"));
    member(g, "HTTP", at->check);
    member(g, "Interval", SL_STR("5s"));
    member(g, "Timeout", SL_STR("2s"));
    member(g, "DeregisterCriticalServiceAfter", SL_STR("10m"));
    sl_grow_add(g, SL_STR("}}"));
}

static void set_id(struct sl_build *b, struct sl_enrol *e, const struct sl_node *map,
                   const struct place *at)
{
    struct sl_str given = sl_node_text(map, "id"), made;
    char text[300];
    struct sl_text t = sl_text_over(text, sizeof(text));

    sl_text_printf(&t, "%.*s-%.*s-%u", SL_STR_ARGS(sl_node_text(map, "service")),
                   SL_STR_ARGS(at->address), (unsigned)at->port);
    made = sl_text_str(&t);
    for (size_t i = 0; i < made.n; i++)
        if (text[i] == ':')
            text[i] = '-';
    e->id = sl_build_dup(b, given.n > 0 ? given : made);
    if (!is_simple(e->id, "") || e->id.n > 200 || t.cut ||
        !is_simple(sl_node_text(map, "service"), ""))
        sl_fault_add(b->faults, map,
                     "consul.register: service and id take letters, digits, dot, dash and "
                     "underscore, at most 200");
}

void sl_build_enrol(struct sl_build *b)
{
    const struct sl_node *map = sl_node_at(b->conf->root, "consul.register");
    struct sl_str at = sl_node_text(map, "agent");
    struct sl_enrol *e;
    struct place place;
    struct sl_url url;
    struct sl_grow g;
    const char *wrong;

    if (sl_node_text(map, "service").n == 0)
        return;
    e = sl_build_alloc(b, 1, sizeof(*e));
    wrong = take_agent(b, at, &url);
    if (wrong != NULL)
        sl_fault_add(b->faults, sl_node_get(map, "agent"), "consul.register.agent: %s", wrong);
    if (e == NULL || wrong != NULL || !find_place(b, map, &place))
        return;
    b->made->enrol = e;
    e->host_header = sl_build_dup(b, url.authority);
    e->token = token(b);
    set_id(b, e, map, &place);
    sl_grow_init(&g, BODY_MAX);
    write_body(&g, e, map, &place);
    if (sl_grow_take(&g, &b->made->arena, &e->body) != SL_OK)
        sl_fault_add(b->faults, map, "consul.register: is too long");
    e->origin = agent(b, SL_STR("consul.register"), &url);
}
