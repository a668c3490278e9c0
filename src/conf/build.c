/* conf/build.c -- the general part of a snapshot, and the order of the rest. */
#include "conf/parts/parts.h"

#include "base/mem.h"
#include "base/obj.h"
#include "conf/schema.h"
#include "conf/show.h"
#include "http/message.h"

#include <arpa/inet.h>

void *sl_build_alloc(struct sl_build *b, size_t n, size_t size)
{
    void *p = sl_tree_alloc(&b->made->arena, (n > 0 ? n : 1) * size);

    if (p == NULL)
        sl_fault_memory(b->faults);
    return p;
}

struct sl_str sl_build_dup(struct sl_build *b, struct sl_str s)
{
    struct sl_str copy = sl_tree_dup(&b->made->arena, s);

    if (b->made->arena.failed)
        sl_fault_memory(b->faults);
    return copy;
}

void sl_build_judge(struct sl_build *b, const struct sl_node *at, enum sl_err err, const char *what,
                    const char *why)
{
    if (err == SL_ERR_NO_MEMORY)
        sl_fault_memory(b->faults);
    else if (err != SL_OK)
        sl_fault_add(b->faults, at, "%s: %s", what, why);
}

void sl_build_check_name(struct sl_build *b, const struct sl_node *map, const char *what)
{
    const struct sl_node *n = sl_node_get(map, "name");

    for (size_t i = 0; i < n->text.n; i++) {
        char c = n->text.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-' || c == '_')) {
            sl_fault_add(b->faults, n, "%s.name: takes letters, digits, dot, dash and underscore",
                         what);
            return;
        }
    }
    if (n->text.n == 0 || n->text.n > 64)
        sl_fault_add(b->faults, n, "%s.name: takes 1 to 64 characters", what);
}

static const struct sl_str *texts(struct sl_build *b, const char *path, size_t *n)
{
    const struct sl_node *list = sl_node_at(b->conf->root, path);
    struct sl_str *out = sl_build_alloc(b, list->n, sizeof(*out));
    size_t i = 0;

    for (const struct sl_node *c = list->first; out != NULL && c != NULL; c = c->next)
        out[i++] = sl_build_dup(b, c->text);
    *n = i;
    return out;
}

static void check_proxies(struct sl_build *b)
{
    const struct sl_node *list = sl_node_get(b->conf->root, "trusted_proxies");
    unsigned char address[16];

    for (const struct sl_node *c = list->first; c != NULL; c = c->next)
        if (inet_pton(AF_INET, c->text.p, address) != 1 &&
            inet_pton(AF_INET6, c->text.p, address) != 1)
            sl_fault_add(b->faults, c, "trusted_proxies: each must be an IP address");
}

static void check_forward(struct sl_build *b)
{
    const struct sl_node *list = sl_node_get(b->conf->root, "forward_headers");

    for (const struct sl_node *c = list->first; c != NULL; c = c->next) {
        struct sl_str name = c->text;

        if (name.p[name.n - 1] == '*')
            name.n--;
        if (name.n == 0 || !sl_headers_name_ok(name) || memchr(name.p, '*', name.n) != NULL)
            sl_fault_add(b->faults, c,
                         "forward_headers: must be a header's name, or a prefix ended by *");
    }
}

static void lower_all(struct sl_build *b, const struct sl_str *list, size_t n)
{
    struct sl_str *out = sl_build_alloc(b, n, sizeof(*out));

    for (size_t i = 0; out != NULL && i < n; i++) {
        char *p = sl_build_alloc(b, list[i].n + 1, 1);

        if (p == NULL)
            return;
        for (size_t k = 0; k < list[i].n; k++) {
            char c = list[i].p[k];

            p[k] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        }
        out[i] = (struct sl_str){p, list[i].n};
    }
    b->made->forward_headers = out;
    b->made->forward_headers_n = n;
}

static void check_address(struct sl_build *b, const char *path)
{
    const struct sl_node *n = sl_node_at(b->conf->root, path);
    struct sl_str port = n->text;
    uint64_t v;

    if (sl_str_starts(n->text, SL_STR("unix:"))) {
        if (n->text.n < 6 || n->text.n > 5 + 107)
            sl_fault_add(b->faults, n, "%s: a unix socket's path has 1 to 107 bytes", path);
        return;
    }
    for (ptrdiff_t at = sl_str_find_byte(port, ':'); at >= 0; at = sl_str_find_byte(port, ':'))
        port = sl_str_from(port, (size_t)at + 1);
    if (port.n == n->text.n || port.n + 1 >= n->text.n || !sl_str_to_u64(port, &v) || v > 65535)
        sl_fault_add(b->faults, n, "%s: must be host:port, [::1]:port or unix:/path", path);
}

/* Millionths as a JSON number, without zeros that say nothing. */
static void prompt_api(struct sl_build *b)
{
    struct sl_prompt_defaults *d = &b->made->prompt_api;
    unsigned millionths = (unsigned)sl_conf_number(b->conf, "prompt_api.temperature");
    char digits[16];
    struct sl_text t = sl_text_over(digits, sizeof(digits));
    struct sl_str number;

    sl_text_printf(&t, "%u.%06u", millionths / 1000000 % 10, millionths % 1000000);
    number = sl_text_str(&t);
    while (sl_str_ends(number, SL_STR("0")) && !sl_str_ends(number, SL_STR(".0")))
        number.n--;
    d->model = sl_build_dup(b, sl_conf_text(b->conf, "prompt_api.model"));
    d->max_tokens = sl_conf_number(b->conf, "prompt_api.max_tokens");
    d->temperature = sl_build_dup(b, number);
}

static void general(struct sl_build *b)
{
    const struct sl_conf *c = b->conf;
    struct sl_gateway_conf *m = b->made;
    struct sl_timeouts *t = &m->timeouts;
    size_t n = 0;
    const struct sl_str *list;

    m->listen = sl_build_dup(b, sl_conf_text(c, "listen"));
    m->admin_listen = sl_build_dup(b, sl_conf_text(c, "admin.listen"));
    m->admin_key = sl_build_dup(b, sl_conf_text(c, "admin.key"));
    m->body_max = sl_conf_number(c, "limits.body_max");
    m->connections = (size_t)sl_conf_number(c, "limits.connections");
    m->qps = sl_conf_number(c, "limits.qps");
    m->overload = (struct sl_overload_load){{sl_conf_number(c, "overload.connections"),
                                             sl_conf_number(c, "overload.memory"),
                                             sl_conf_number(c, "overload.loop_lag")}};
    m->queue_max = (size_t)sl_conf_number(c, "queue.max");
    m->queue_wait_ms = sl_conf_number(c, "queue.wait");
    t->connect = sl_conf_number(c, "timeouts.connect");
    t->first_byte = sl_conf_number(c, "timeouts.first_byte");
    t->idle = sl_conf_number(c, "timeouts.idle");
    t->total = sl_conf_number(c, "timeouts.total");
    t->stream_total = sl_conf_number(c, "timeouts.stream_total");
    t->client_idle = sl_conf_number(c, "timeouts.client_idle");
    t->client_header = sl_conf_number(c, "timeouts.client_header");
    t->client_body = sl_conf_number(c, "timeouts.client_body");
    t->client_stall = sl_conf_number(c, "timeouts.client_stall");
    t->drain = sl_conf_number(c, "timeouts.drain");
    m->keepalive_ping_ms = sl_conf_number(c, "keepalive_ping");
    m->meter_streams = sl_conf_number(c, "meter_streams") != 0;
    m->estimate_tokens = sl_conf_number(c, "estimate_tokens") != 0;
    m->trusted_proxies = texts(b, "trusted_proxies", &m->trusted_proxies_n);
    list = texts(b, "forward_headers", &n);
    lower_all(b, list, n);
    m->default_moderations = sl_build_dup(b, sl_conf_text(c, "default_models.moderations"));
    m->max_series = (size_t)sl_conf_number(c, "metrics.max_series");
    m->access_json = sl_conf_number(c, "log.format") == 0;
    m->audit = (struct sl_audit_conf){
        .client = (enum sl_audit_client)sl_conf_number(c, "audit.client"),
        .hash = sl_conf_number(c, "audit.hash") != 0,
        .every = sl_conf_number(c, "audit.every") != 0,
    };
    prompt_api(b);
    check_address(b, "listen");
    check_address(b, "admin.listen");
    check_proxies(b);
    check_forward(b);
}

struct sl_gateway_conf *sl_build_snapshot(struct sl_conf *conf, struct sl_origins *origins,
                                          const struct sl_catalog *catalog)
{
    struct sl_build b = {
        .conf = conf, .faults = &conf->faults, .origins = origins, .catalog = catalog};
    char hash[16];

    if (conf->faults.n > 0)
        return NULL;
    b.made = sl_mem_new(sizeof(*b.made));
    b.made->magic = SL_GATEWAY_CONF_MAGIC;
    b.made->holders = 1;
    sl_arena_init(&b.made->arena, SL_CONF_ARENA);
    b.made->routes = sl_routes_new();
    b.made->tenants = sl_tenants_new();
    b.made->prices = sl_prices_new();
    if (!sl_show_hash(conf, hash))
        sl_fault_memory(b.faults);
    b.made->hash = sl_build_dup(&b, (struct sl_str){hash, sizeof(hash)});
    general(&b);
    sl_build_store(&b);
    sl_build_cache_general(&b);
    sl_build_prices(&b);
    sl_build_providers(&b);
    sl_build_models(&b);
    sl_build_tenants(&b);
    sl_build_jwt(&b);
    sl_build_hooks(&b);
    sl_build_alerts(&b);
    sl_build_top_up(&b);
    sl_build_otlp(&b);
    sl_build_pushgateway(&b);
    sl_build_enrol(&b);
    sl_build_words(&b);
    sl_build_kept(&b);
    if (conf->faults.n == 0)
        sl_build_check_priced(&b);
    if (conf->faults.n > 0)
        sl_gateway_conf_drop(&b.made);
    return b.made;
}

void sl_build_fixed(const struct sl_conf *runs, const struct sl_conf *wanted, char *out, size_t cap)
{
    struct sl_text t = sl_text_over(out, cap > 0 ? cap - 1 : 0);

    for (size_t i = 0; i < sl_schema_n; i++) {
        const char *path = sl_schema[i].path;

        if (!(sl_schema[i].flags & SL_SCHEMA_FIXED))
            continue;
        if (!sl_str_eq(sl_conf_text(runs, path), sl_conf_text(wanted, path)))
            sl_text_printf(&t, "%s%s", t.n > 0 ? ", " : "", path);
    }
    if (cap > 0)
        out[t.n] = '\0';
}
