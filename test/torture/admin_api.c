/* Calls of the admin API, and of a key about itself: allocation 1, 2, 3, ... N of each fails,
 * and its client is killed after turn 1, 2, 3, ... N. Each ends with an answer or a closed
 * connection, nothing leaks, and the next one is served. */
/* timeout: 240 */
#include "_house.h"

#include "admin/admin.h"

#define ADMIN_KEY "admin-key-of-tests"
#define TURNS 30

static const struct call {
    const char *method, *path, *body;
    bool is_self; /* at the clients' listener */
} calls[] = {
    {"POST", "token", "{\"name\":\"a\",\"rpm\":5,\"models\":[\"m\",\"n*\"],\"credits\":1.5}",
     false},
    {"GET", "token?limit=3", NULL, false},
    {"GET", "token/torture", NULL, false},
    {"GET", "token/nobody", NULL, false},
    {"GET", "/v1/key", NULL, true},
    {"GET", "/v1/credits", NULL, true},
    {"PATCH", "token/torture", "{\"tpm\":1000,\"user\":\"u\",\"budget\":{\"initial_credits\":5}}",
     false},
    {"POST", "token/torture/credits", "{\"credits\":1}", false},
    {"POST", "token/torture/rotate", "{\"overlap\":\"0\"}", false},
    {"POST", "token/torture/reset", NULL, false},
    {"DELETE", "token/torture", NULL, false},
    {"POST", "tenant", "{\"name\":\"new\",\"labels\":{\"a\":\"b\"}}", false},
    {"PATCH", "tenant/t", "{\"budget\":{\"daily\":1,\"zone\":\"UTC\"}}", false},
    {"POST", "tenant/t/raise", "{\"daily\":2,\"for\":\"1h\"}", false},
    {"GET", "tenant/t", NULL, false},
    {"POST", "tenant/t/reset", NULL, false},
    {"GET", "balance", NULL, false},
    {"GET", "usage?by=tenant,key,day,label:a", NULL, false},
    {"POST", "cache/purge", "{\"model\":\"m\"}", false},
    {"POST", "switches", "{\"kind\":\"model\",\"name\":\"*\",\"for\":\"1h\",\"why\":\"w\"}", false},
    {"GET", "switches", NULL, false},
    {"DELETE", "switches/model:*", NULL, false},
    {"GET", "store", NULL, false},
    {"GET", "live", NULL, false},
    {"GET", "config", NULL, false},
    {"GET", "overview?step=minute", NULL, false},
    {"POST", "token", "{\"name\":", false},
};
#define CALLS (sizeof calls / sizeof calls[0])

static enum sl_err no_reload(void *ctx, char *why, size_t cap)
{
    (void)ctx;
    snprintf(why, cap, "none");
    return SL_ERR_CONFIG;
}

static void no_show(void *ctx, void (*put)(void *to, struct sl_str piece), void *to)
{
    (void)ctx;
    put(to, SL_STR("none"));
}

static struct sl_admin *open_admin(struct house *h)
{
    struct sl_admin_hooks hooks = {.reload = no_reload, .show = no_show};
    struct sl_admin *a = sl_admin_new(h->net, h->gateway, h->metrics, &hooks);
    char why[256];

    HOUSE_CHECK(sl_admin_start(a, SL_STR("127.0.0.1:0"), SL_STR(ADMIN_KEY), why, sizeof why) ==
                SL_OK);
    return a;
}

static void send_call(struct house *h, struct sl_admin *a, const struct call *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port =
                                 htons(c->is_self ? sl_gateway_port(h->gateway) : sl_admin_port(a)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char request[1024];
    int n = snprintf(request, sizeof request,
                     "%s %s%s HTTP/1.1\r\nhost: a\r\nauthorization: Bearer %s\r\n"
                     "content-length: %zu\r\nconnection: close\r\n\r\n%s",
                     c->method, c->path[0] == '/' ? "" : "/admin/api/", c->path,
                     c->is_self ? KEY : ADMIN_KEY, c->body != NULL ? strlen(c->body) : 0,
                     c->body != NULL ? c->body : "");

    h->got_n = 0;
    h->client = socket(AF_INET, SOCK_STREAM, 0);
    HOUSE_CHECK(h->client >= 0);
    HOUSE_CHECK(connect(h->client, (struct sockaddr *)&to, sizeof to) == 0);
    HOUSE_CHECK(write(h->client, request, (size_t)n) == n);
    HOUSE_CHECK(fcntl(h->client, F_SETFL, O_NONBLOCK) == 0);
}

/* To its end; the status, or 0 where the connection just closed. */
static int finish_call(struct house *h)
{
    bool closed = false;
    uint64_t status = 0;

    for (int i = 0; i < 3000 && !closed; i++) {
        sl_net_turn(h->net, 1);
        closed = house_read(h);
    }
    HOUSE_CHECK(closed);
    if (h->got_n > 12)
        HOUSE_CHECK(sl_str_to_u64((struct sl_str){h->got + 9, 3}, &status));
    house_kill_client(h, false);
    house_settle(h);
    return (int)status;
}

static int whole_call(struct house *h, struct sl_admin *a, const struct call *c)
{
    send_call(h, a, c);
    return finish_call(h);
}

static size_t families(const struct house *h)
{
    size_t n = 0;

    for (const char *at = h->got; (at = strstr(at, "\n# TYPE ")) != NULL; at++)
        n++;
    return n;
}

/* A store whose commit found no memory is away for a second. */
static bool is_served(struct house *h, struct sl_admin *a)
{
    uint64_t until = sl_net_now(h->net) + 5000;

    while (whole_call(h, a, &calls[2]) != 200) {
        if (sl_net_now(h->net) > until)
            return false;
        for (int i = 0; i < 50; i++)
            sl_net_turn(h->net, 2);
    }
    return true;
}

/* An exposition is whole or an error: one with a hole would read as counters that fell. */
static void fail_each_of_metrics(struct house *h, struct sl_admin *a)
{
    static const struct call metrics = {"GET", "/metrics", NULL, false};
    uint64_t before = sl_mem_tries(), tries;
    size_t all, n503 = 0;

    HOUSE_CHECK(whole_call(h, a, &metrics) == 200);
    tries = sl_mem_tries() - before;
    all = families(h);
    HOUSE_CHECK(all > 10);
    for (uint64_t n = 1; n <= tries + 2; n++) {
        int status;

        sl_mem_fail_at(n);
        status = whole_call(h, a, &metrics);
        sl_mem_fail_at(0);
        HOUSE_CHECK(status == 0 || status == 503 || (status == 200 && families(h) == all));
        n503 += status == 503;
    }
    HOUSE_CHECK(n503 > 0);
    HOUSE_CHECK(whole_call(h, a, &metrics) == 200 && families(h) == all);
    HOUSE_CHECK(is_served(h, a)); /* a commit may have failed as well */
    printf("ok: /metrics, %llu allocations, %zu times 503\n", (unsigned long long)tries, n503);
}

/* Beside the call itself beats and commits allocate: some of the failures are theirs. */
static void fail_each(struct house *h, struct sl_admin *a, const struct call *c)
{
    uint64_t before = sl_mem_tries(), tries;
    int first = whole_call(h, a, c), status, failed = 0;

    HOUSE_CHECK(first >= 200 && first < 500);
    tries = sl_mem_tries() - before;
    for (uint64_t n = 1; n <= tries + 2; n++) {
        sl_mem_fail_at(n);
        status = whole_call(h, a, c);
        sl_mem_fail_at(0);
        failed += status == 0 || status >= 500;
        HOUSE_CHECK(status == 0 || status == 413 || status == 500 || status == 503 ||
                    (status >= 200 && status < 500));
        HOUSE_CHECK(is_served(h, a)); /* and the next is served */
    }
    printf("ok: %s %s: %d, %llu allocations, %d times an error\n", c->method, c->path, first,
           (unsigned long long)tries, failed);
}

static void kill_after_each_turn(struct house *h, struct sl_admin *a, const struct call *c)
{
    for (int turns = 0; turns <= TURNS; turns++) {
        send_call(h, a, c);
        for (int i = 0; i < turns; i++)
            sl_net_turn(h->net, 1);
        house_kill_client(h, turns % 2 == 0);
        house_settle(h);
    }
    HOUSE_CHECK(is_served(h, a));
}

int main(void)
{
    struct house h;
    struct sl_admin *a;

    alarm(230);
    house_open(&h, 3);
    a = open_admin(&h);
    fail_each_of_metrics(&h, a);
    for (size_t i = 0; i < CALLS; i++)
        fail_each(&h, a, &calls[i]);
    for (size_t i = 0; i < CALLS; i++)
        kill_after_each_turn(&h, a, &calls[i]);
    send_call(&h, a, &calls[1]); /* one is under way when the process ends */
    sl_net_turn(h.net, 1);
    sl_net_turn(h.net, 1);
    sl_admin_end(&a);
    house_close(&h);
    return 0;
}
