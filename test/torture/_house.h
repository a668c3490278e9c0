/* A whole house in one process and one loop: a small provider on sl_server, the
 * gateway, and a client on a bare socket, driven turn by turn. */
#ifndef SL_TEST_TORTURE_HOUSE_H
#define SL_TEST_TORTURE_HOUSE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "gateway/gateway.h"
#include "net/file.h"
#include "net/timer.h"
#include "net/tls.h"

#define KEY "sk-slc-torture-0123456789"

struct house {
    struct sl_net *net;
    struct sl_metrics *metrics;
    struct sl_server *provider;
    struct sl_store *store;
    struct sl_op *opening;
    struct sl_gateway *gateway;
    int client;
    char got[65536];
    size_t got_n;
    size_t events;    /* per stream */
    size_t long_head; /* bytes of a line in the provider's head, beside the others */
    size_t answers;   /* exchanges alive at the provider */
    size_t traces;    /* POSTs of spans that came to it */
    struct sl_file *prompts;
    struct sl_otlp_conf otlp;
    char traces_path[16]; /* wiped at the end, as a secret */
};

struct answer { /* one exchange at the provider */
    struct house *h;
    struct sl_exch *x;
    struct sl_timer next;
    struct sl_grave grave;
    size_t sent;
    bool streams;
};

#define HOUSE_CHECK(c)                                                                             \
    do {                                                                                           \
        if (!(c)) {                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c);                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void answer_reap(struct sl_grave *g)
{
    sl_mem_free(SL_CONTAINER(g, struct answer, grave));
}

static void answer_end(struct answer *a)
{
    sl_timer_stop(a->h->net, &a->next);
    sl_exch_end(&a->x);
    a->h->answers--;
    sl_net_bury(a->h->net, &a->grave, answer_reap);
}

static void answer_step(struct sl_timer *t)
{
    static const char start[] =
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":"
        "{\"model\":\"m\",\"usage\":{\"input_tokens\":3}}}\n\n";
    static const char delta[] =
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
        "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n";
    static const char stop[] = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    struct answer *a = SL_CONTAINER(t, struct answer, next);
    struct sl_str event = sl_str_of(a->sent == 0 ? start : a->sent <= a->h->events ? delta : stop);

    sl_exch_write(a->x, &event, 1);
    if (a->sent++ > a->h->events) {
        sl_exch_finish(a->x);
        answer_end(a);
        return;
    }
    sl_timer_start(a->h->net, &a->next, 1);
}

static void answer_whole(void *holder)
{
    struct answer *a = holder;
    static char line[4096];
    struct sl_headers h = {0};
    struct sl_arena *arena = sl_exch_arena(a->x);
    bool ok = sl_headers_add(&h, arena, SL_STR("content-type"),
                             a->streams ? SL_STR("text/event-stream") : SL_STR("application/json"));

    memset(line, 'l', sizeof line);
    if (a->h->long_head > 0)
        ok = ok && sl_headers_add(&h, arena, SL_STR("anthropic-ratelimit-of-tests"),
                                  (struct sl_str){line, a->h->long_head});
    HOUSE_CHECK(ok);
    if (!a->streams) {
        sl_exch_reply(a->x, 200, &h,
                      SL_STR("{\"type\":\"message\",\"usage\":{\"input_tokens\":1}}"));
        answer_end(a);
        return;
    }
    if (!sl_exch_start(a->x, 200, &h, false, 0)) {
        sl_exch_abort(a->x);
        answer_end(a);
        return;
    }
    sl_timer_start(a->h->net, &a->next, 1);
}

static void answer_body(void *holder, struct sl_str piece)
{
    struct answer *a = holder;

    if (sl_str_find(piece, SL_STR("\"stream\":true")) >= 0)
        a->streams = true;
    if (sl_str_starts(piece, SL_STR("{\"resourceSpans\"")))
        a->h->traces++;
}

static void answer_gone(void *holder, enum sl_err why)
{
    (void)why;
    answer_end(holder);
}

static void answer_drain(void *holder)
{
    (void)holder;
}

static void provider_request(void *ctx, struct sl_exch *x)
{
    static const struct sl_exch_ops ops = {
        .body = answer_body, .whole = answer_whole, .drain = answer_drain, .gone = answer_gone};
    struct answer *a = sl_mem_new(sizeof *a);

    a->h = ctx;
    a->h->answers++;
    a->x = x;
    sl_timer_init(&a->next, answer_step);
    sl_exch_take(x, &ops, a);
    sl_exch_want_body(x, 1 << 20);
}

static struct sl_str provider_fault(void *ctx, struct sl_arena *a, struct sl_str path,
                                    enum sl_err why)
{
    (void)ctx;
    (void)a;
    (void)path;
    (void)why;
    return SL_STR("{}");
}

static struct sl_origin *house_origin(struct house *h)
{
    struct sl_origin_conf o = {.name = SL_STR("p"),
                               .host = SL_STR("127.0.0.1"),
                               .port = sl_server_port(h->provider),
                               .max_connections = 8,
                               .max_keepalive = 8,
                               .keepalive_expiry_ms = 60000,
                               .connect_ms = 2000,
                               .dns_ttl_ms = 1000,
                               .queue_max = 8,
                               .queue_wait_ms = 2000};

    return sl_origin_new(h->net, &o);
}

/* What the tenant asks and is answered is kept, and every request is a trace. */
static void house_tells(struct house *h, struct sl_gateway_conf *c)
{
    c->kept = (struct sl_kept_conf){.max = 4096};
    (void)snprintf(h->traces_path, sizeof h->traces_path, "/v1/traces");
    h->otlp = (struct sl_otlp_conf){.to = {.origin = house_origin(h),
                                           .host_header = SL_STR("provider"),
                                           .path = sl_str_of(h->traces_path)},
                                    .service = SL_STR("house"),
                                    .sample_ppm = 1000000,
                                    .every_ms = 1,
                                    .batch = 8,
                                    .queue = 64};
    c->otlp = &h->otlp;
}

static struct sl_gateway_conf *house_conf(struct house *h)
{
    struct sl_gateway_conf *c = sl_mem_new(sizeof *c);
    static struct sl_provider p;
    static const struct sl_target target = {.provider = 0, .speaks = SL_ANTHROPIC};
    struct sl_model m = {
        .name = SL_STR("*"), .targets = &target, .targets_n = 1, .is_pattern = true};
    struct sl_tenant t;
    struct sl_key k;
    uint8_t hash[32];
    char why[256];

    sl_tenant_init(&t);
    t.own.name = SL_STR("t");
    t.log_prompts = true; /* if there is a file for it */
    sl_caching_init(&m.cache);
    sl_key_init(&k);
    k.tenant = SL_STR("t");
    k.name = SL_STR("k");
    k.public_id = SL_STR("torture");
    c->magic = SL_GATEWAY_CONF_MAGIC;
    c->holders = 1;
    sl_arena_init(&c->arena, 1 << 20);
    c->listen = SL_STR("127.0.0.1:0");
    c->body_max = 1 << 20;
    c->connections = 64;
    c->queue_max = 8;
    c->queue_wait_ms = 2000;
    c->timeouts =
        (struct sl_timeouts){2000, 5000, 5000, 10000, 20000, 5000, 5000, 5000, 5000, 5000};
    c->keepalive_ping_ms = 5000;
    c->meter_streams = true;
    memset(&p, 0, sizeof p);
    p.name = SL_STR("p");
    p.speaks = SL_ANTHROPIC;
    p.host_header = SL_STR("provider");
    p.timeouts = c->timeouts;
    p.max_concurrency = 8;
    p.origin = house_origin(h);
    c->providers = &p;
    c->providers_n = 1;
    c->routes = sl_routes_new();
    c->tenants = sl_tenants_new();
    sl_tls_sha256(SL_STR(KEY), hash);
    HOUSE_CHECK(sl_routes_add(c->routes, &m, why, sizeof why) == SL_OK);
    HOUSE_CHECK(sl_tenants_add_tenant(c->tenants, &t, why, sizeof why) == SL_OK);
    HOUSE_CHECK(sl_tenants_add(c->tenants, &k, hash, why, sizeof why) == SL_OK);
    return c;
}

static void house_ready(void *ctx, enum sl_err e)
{
    (void)ctx;
    HOUSE_CHECK(e == SL_OK);
}

/* `prompts`: the file of what is kept; NULL: nothing is kept or traced. */
static void house_open_with(struct house *h, size_t events, const char *prompts)
{
    struct sl_store_conf memory = {.url = SL_STR("embedded:"), .timeout_ms = 50};
    struct sl_gateway_parts parts = {0};
    struct sl_server_conf sc = {64, 60000, 5000, 5000, 5000, 16384, 1 << 20};
    struct sl_server_hooks hooks = {provider_request, provider_fault, h};
    struct sl_gateway_conf *c;
    char why[256];

    memset(h, 0, sizeof *h);
    h->client = -1;
    h->events = events;
    h->net = sl_net_new();
    h->metrics = sl_metrics_new(1000);
    HOUSE_CHECK(sl_server_start(h->net, SL_STR("127.0.0.1:0"), NULL, &sc, &hooks, &h->provider, why,
                                sizeof why) == SL_OK);
    c = house_conf(h);
    if (prompts != NULL) {
        house_tells(h, c);
        HOUSE_CHECK(sl_file_open_private(h->net, prompts, 1 << 20, 0, &h->prompts) == SL_OK);
    }
    h->store = sl_store_new(h->net, &memory, h->metrics, why, sizeof why);
    HOUSE_CHECK(h->store != NULL);
    sl_store_start(h->store, &h->opening, house_ready, h);
    while (h->opening != NULL)
        (void)sl_net_turn(h->net, 10);
    parts = (struct sl_gateway_parts){
        .conf = c, .store = h->store, .metrics = h->metrics, .prompts = h->prompts};
    h->gateway = sl_gateway_new(h->net, &parts);
    sl_gateway_conf_drop(&c);
    HOUSE_CHECK(sl_gateway_start(h->gateway, why, sizeof why) == SL_OK);
}

static inline void house_open(struct house *h, size_t events)
{
    house_open_with(h, events, NULL);
}

static inline void house_send(struct house *h, bool streams)
{
    char request[512];
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(sl_gateway_port(h->gateway)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *body = streams ? "{\"model\":\"m\",\"stream\":true,\"messages\":[]}"
                               : "{\"model\":\"m\",\"messages\":[]}";
    int n = snprintf(request, sizeof request,
                     "POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: " KEY
                     "\r\ncontent-length: %zu\r\n\r\n%s",
                     strlen(body), body);

    h->got_n = 0;
    h->client = socket(AF_INET, SOCK_STREAM, 0);
    HOUSE_CHECK(h->client >= 0);
    HOUSE_CHECK(connect(h->client, (struct sockaddr *)&to, sizeof to) == 0);
    HOUSE_CHECK(write(h->client, request, (size_t)n) == n);
    HOUSE_CHECK(fcntl(h->client, F_SETFL, O_NONBLOCK) == 0);
}

/* Reads what is there; true once the peer has closed. */
static inline bool house_read(struct house *h)
{
    ssize_t n;

    while ((n = read(h->client, h->got + h->got_n, sizeof h->got - 1 - h->got_n)) > 0)
        h->got_n += (size_t)n;
    h->got[h->got_n] = 0;
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static void house_kill_client(struct house *h, bool reset)
{
    struct linger hard = {1, 0};

    if (reset)
        HOUSE_CHECK(setsockopt(h->client, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
    close(h->client);
    h->client = -1;
}

/* Nothing of any request may be left, at the gateway or at the provider. */
static void house_settle(struct house *h)
{
    for (int i = 0; i < 2000 && (!sl_gateway_is_idle(h->gateway) || h->answers > 0); i++)
        sl_net_turn(h->net, 1);
    HOUSE_CHECK(sl_gateway_is_idle(h->gateway));
    HOUSE_CHECK(h->answers == 0);
}

static void house_close(struct house *h)
{
    struct sl_net_counts n;

    if (h->client >= 0)
        house_kill_client(h, false);
    sl_gateway_end(&h->gateway);
    sl_store_end(&h->store);
    if (h->prompts != NULL)
        sl_file_end(&h->prompts);
    sl_server_end(&h->provider);
    for (int i = 0; i < 500; i++) {
        n = sl_net_count(h->net);
        if (n.streams + n.ops + n.timers + n.listeners + n.graves == 0)
            break;
        sl_net_turn(h->net, 1);
    }
    n = sl_net_count(h->net);
    HOUSE_CHECK(n.streams == 0 && n.ops == 0 && n.timers == 0 && n.listeners == 0);
    sl_metrics_end(&h->metrics);
    sl_net_end(&h->net);
}

#endif
