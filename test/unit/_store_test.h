/* Loop, waiting, directories and requests for the tests of the store's front. */
#ifndef SL_TEST_UNIT_STORE_TEST_H
#define SL_TEST_UNIT_STORE_TEST_H

#include "base/json.h"
#include "base/log.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/_store_fake.h"

#define WAIT_MS 8000

static char base_dir[] = "/tmp/store-XXXXXX";
static char dir[64]; /* of the case at hand */

static uint64_t clock_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

#define UNTIL(net, cond)                                                                           \
    do {                                                                                           \
        uint64_t until_ = clock_ms() + WAIT_MS;                                                    \
        while (!(cond)) {                                                                          \
            sl_net_turn((net), 2);                                                                 \
            if (clock_ms() > until_)                                                               \
                fail_msg("not in time: %s", #cond);                                                \
        }                                                                                          \
    } while (0)

static inline void turn_for(struct sl_net *net, uint64_t ms)
{
    uint64_t until = clock_ms() + ms;

    while (clock_ms() < until)
        sl_net_turn(net, 2);
}

static inline void close_net(struct sl_net **net)
{
    struct sl_net_counts c;
    uint64_t until = clock_ms() + WAIT_MS;

    do {
        sl_net_turn(*net, 5);
        c = sl_net_count(*net);
    } while ((c.ops > 0 || c.graves > 0) && clock_ms() < until);
    assert_int_equal(c.ops, 0);
    assert_int_equal(c.graves, 0);
    assert_int_equal(c.timers, 0);
    sl_net_end(net);
}

static inline void shell(const char *fmt, ...)
{
    char command[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(command, sizeof command, fmt, args);
    va_end(args);
    assert_int_equal(system(command), 0);
}

/* One request of a tenant, with everything that a settled line needs. */
struct request {
    struct sl_terms terms[SL_LEVEL__COUNT];
    struct sl_quota_ask ask;
    struct sl_quota_answer answer;
    struct sl_settle line;
    char tenant[24], key[32];
    struct sl_op *slot;
    int done;
    enum sl_err err;
};

static inline void request_init(struct request *r, const char *tenant, uint64_t id)
{
    static const char digits[] = "0123456789abcdef";

    memset(r, 0, sizeof *r);
    (void)snprintf(r->tenant, sizeof r->tenant, "%s", tenant);
    (void)snprintf(r->key, sizeof r->key, "k-%s", tenant);
    sl_terms_init(&r->terms[0]);
    sl_terms_init(&r->terms[1]);
    r->ask.tenant = sl_str_of(r->tenant);
    r->ask.key_id = sl_str_of(r->key);
    r->ask.terms[0] = &r->terms[0];
    r->ask.terms[1] = &r->terms[1];
    memset(r->ask.id, '0', sizeof r->ask.id);
    for (int i = 0; i < 16; i++)
        r->ask.id[23 - i] = digits[(id >> (4 * i)) & 15];
    r->ask.periods = (struct sl_periods){{1764028800, 1764115200, 1764201600},
                                         {1761955200, 1764547200, 1767225600}};
    r->line = (struct sl_settle){.ask = &r->ask,
                                 .answer = &r->answer,
                                 .in = 10,
                                 .out = 20,
                                 .endpoint = SL_STR("messages"),
                                 .model = SL_STR("claude-sonnet"),
                                 .provider = SL_STR("anthropic"),
                                 .served = SL_STR("claude-sonnet-4-5"),
                                 .user = SL_STR("alice@acme"),
                                 .key_name = SL_STR("alice"),
                                 .ending = "done",
                                 .source = "reported",
                                 .status = 200,
                                 .begin_unix_ms = 1764028800000,
                                 .took_ms = 900};
}

static inline void request_done(void *ctx, enum sl_err e)
{
    struct request *r = ctx;

    r->done++;
    r->err = e;
}

static int setup(void **state)
{
    static unsigned n;

    (void)state;
    (void)snprintf(dir, sizeof dir, "%s/%u", base_dir, n++);
    return 0;
}

static int setup_all(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit fails instead */
    return mkdtemp(base_dir) != NULL ? 0 : -1;
}

static int teardown_all(void **state)
{
    (void)state;
    shell("rm -rf %s", base_dir);
    return 0;
}

#endif
