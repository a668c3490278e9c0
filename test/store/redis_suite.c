/* The suite over a real Redis. Its scripts see a clock that the cases can move. */
/* timeout: 120 */
#include "_suite_all.h"

#include "_clock.h"

static struct redis server;

/* The server is the same in all cases, and empty at the beginning of each. */
static struct sl_backend *in_redis(struct sl_net *net, const char *dir, char *why, size_t cap)
{
    struct sl_store_conf conf = {.prefix = SL_STR("slc:"), .timeout_ms = 1000};
    struct sl_backend *b;
    char url[128];

    (void)dir;
    if (server.pid == 0)
        redis_start(&server);
    (void)redis_do(&server, "FLUSHALL");
    (void)snprintf(url, sizeof url, "unix://%s", server.sock);
    conf.url = sl_str_of(url);
    b = sl_redis_new(net, &conf, why, cap);
    if (b != NULL)
        clock_take(b, false);
    return b;
}

static void pass(struct sl_backend *b, int64_t us)
{
    char words[64];

    (void)b;
    (void)snprintf(words, sizeof words, "INCRBY clock:ahead %lld", (long long)us);
    (void)redis_do(&server, words);
}

int main(void)
{
    static const struct maker kind = {"redis", in_redis, pass, SL_SCRIPT_MOST};
    int failed = suite_run(&kind);

    redis_end(&server);
    return failed;
}
