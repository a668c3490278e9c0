/* The state machine of a link: dial, greet, be up, and come back. Every trouble
 * goes through sl_machine_down(), from the loop; what it means for commands is
 * pipe.c's. */
#include "store/redis/machine.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"

#define PAUSE_MS 200 /* the first; half of it at least, drawn by lot */
#define PAUSE_MAX_MS 1000
#define PAUSE_MAX_SENTINEL_MS 250 /* a failover is not to be slept through */
#define STEADY_MS 2000            /* up for so long: the next pause is a first one */
#define DNS_TTL_MS 5000

uint64_t sl_machine_limit(const struct sl_link_redis *l)
{
    return l->url->sentinel ? SL_MACHINE_TRY_SENTINEL_MS : SL_MACHINE_TRY_MS;
}

/* ---- down ---- */

static uint64_t pause_of(struct sl_link_redis *l)
{
    uint64_t most = l->url->sentinel ? PAUSE_MAX_SENTINEL_MS : PAUSE_MAX_MS;
    uint64_t pause = (uint64_t)PAUSE_MS << (l->tries < 8 ? l->tries : 8);

    l->tries++;
    pause = pause < most ? pause : most;
    return pause / 2 + sl_rand_u64() % (pause / 2 + 1);
}

static void log_trouble(struct sl_link_redis *l)
{
    if (strcmp(l->why, l->logged) == 0)
        return;
    memcpy(l->logged, l->why, sizeof l->logged);
    sl_log(SL_LOG_WARN, "store", sl_str_of(l->name), "Redis at %s is away: %s; trying again",
           l->where, l->why);
}

void sl_machine_down(struct sl_link_redis *l, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(l->why, sizeof l->why, fmt, args);
    va_end(args);
    if (l->state == SL_MACHINE_UP && sl_net_now(l->net) - l->up_ms >= STEADY_MS)
        l->tries = 0;
    if (l->url->sentinel && l->state != SL_MACHINE_ASKING)
        l->sentinel = (l->sentinel + 1) % l->url->n; /* this one's word was not good */
    log_trouble(l);
    l->state = SL_MACHINE_DOWN;
    l->asked = 0;
    sl_stream_close(&l->stream);
    sl_pipe_detach(&l->pipe);
    sl_timer_start(l->net, &l->timer, pause_of(l));
    sl_net_defer(l->net, &l->task);
}

static void begin(struct sl_link_redis *l)
{
    if (l->url->sentinel)
        sl_sentinel_ask(l);
    else
        sl_machine_dial(l, SL_MACHINE_DIALLING, &l->url->at[0]);
}

static void on_time(struct sl_timer *t)
{
    struct sl_link_redis *l = SL_CONTAINER(t, struct sl_link_redis, timer);

    if (l->state == SL_MACHINE_DOWN)
        begin(l);
    else if (l->state == SL_MACHINE_ASKING)
        sl_sentinel_failed(l, "no answer");
    else
        sl_machine_down(l, "no answer to the greeting");
}

static void on_broken(struct sl_pipe *p, const char *why)
{
    struct sl_link_redis *l = SL_CONTAINER(p, struct sl_link_redis, pipe);

    if (l->state == SL_MACHINE_ASKING)
        sl_sentinel_failed(l, why);
    else
        sl_machine_down(l, "%s", why);
}

/* ---- up ---- */

void sl_machine_up(struct sl_link_redis *l)
{
    l->state = SL_MACHINE_UP;
    l->up_ms = sl_net_now(l->net);
    l->asked = 0;
    l->why[0] = l->logged[0] = 0;
    sl_timer_stop(l->net, &l->timer);
    sl_net_defer(l->net, &l->task);
    sl_log(SL_LOG_INFO, "store", sl_str_of(l->name), "Redis at %s is there", l->where);
}

/* ---- the stream ---- */

static void on_open(void *holder)
{
    struct sl_link_redis *l = holder;

    sl_stream_want(l->stream, true);
    sl_pipe_attach(&l->pipe, l->stream);
    if (l->state == SL_MACHINE_ASKING)
        sl_sentinel_opened(l);
    else
        sl_greet_begin(l);
}

static void on_data(void *holder, struct sl_str bytes)
{
    struct sl_link_redis *l = holder;

    sl_pipe_data(&l->pipe, bytes);
}

static void on_end(void *holder, enum sl_err e)
{
    struct sl_link_redis *l = holder;
    struct sl_str reason = sl_stream_reason(l->stream);
    char why[160];

    if (reason.n > 0)
        (void)snprintf(why, sizeof why, "%.*s", SL_STR_ARGS(reason));
    else
        (void)snprintf(why, sizeof why, "it closed the connection%s",
                       e == SL_ERR_UP_RESET ? " with a reset" : "");
    on_broken(&l->pipe, why);
}

static const struct sl_stream_ops stream_ops = {.open = on_open, .data = on_data, .end = on_end};

void sl_machine_dial(struct sl_link_redis *l, enum sl_machine_state state,
                     const struct sl_redis_host *at)
{
    struct sl_dial_to to = {
        .tls = l->tls, .connect_ms = sl_machine_limit(l), .dns_ttl_ms = DNS_TTL_MS};

    l->state = state;
    if (at != &l->at)
        l->at = *at;
    to.host = sl_str_of(l->at.host);
    to.port = l->at.port;
    (void)snprintf(l->where, sizeof l->where, at->port > 0 ? "%s:%u" : "%s", at->host, at->port);
    /* The dial has its own limit; ours is for an answer to the first words. */
    sl_timer_start(l->net, &l->timer, 2 * sl_machine_limit(l));
    l->stream = sl_stream_dial(l->net, &to, &stream_ops, l);
}

/* ---- life ---- */

static void reap(struct sl_grave *g)
{
    struct sl_link_redis *l = SL_CONTAINER(g, struct sl_link_redis, grave);

    l->magic = SL_OBJ_DEAD;
    sl_mem_free(l);
}

static void bury(struct sl_link_redis *l)
{
    sl_task_cancel(&l->task);
    sl_net_bury(l->net, &l->grave, reap);
}

/* Once a turn at most, when no frame of ours is on the stack. */
static void tell(struct sl_task *t)
{
    struct sl_link_redis *l = SL_CONTAINER(t, struct sl_link_redis, task);
    bool up = l->state == SL_MACHINE_UP;

    l->telling = true;
    if (up != l->told && l->state != SL_MACHINE_ENDED) {
        l->told = up;
        if (l->on_state != NULL)
            l->on_state(l->ctx, up);
    }
    sl_pipe_tell_failed(&l->pipe);
    l->telling = false;
    if (l->state == SL_MACHINE_ENDED && sl_list_is_empty(&l->pipe.failed))
        bury(l);
}

struct sl_link_redis *sl_redis_link_new(struct sl_net *net, const struct sl_redis_link_conf *conf,
                                        char *why, size_t cap)
{
    struct sl_link_redis *l = sl_mem_new(sizeof *l);
    char *ca = sl_mem_dup(conf->ca_file);
    struct sl_tls_client_conf tls = {.ca_file = ca, .verify = true};
    enum sl_err e = SL_OK;

    if (conf->url->tls)
        e = sl_tls_client_profile(&tls, &l->tls, why, cap);
    sl_mem_free(ca);
    if (e != SL_OK) {
        sl_mem_free(l);
        return NULL;
    }
    sl_reply_setup();
    l->magic = SL_MACHINE_MAGIC;
    l->net = net;
    l->url = conf->url;
    l->pipe = (struct sl_pipe){.net = net,
                               .task = &l->task,
                               .broken = on_broken,
                               .silence_ms = conf->url->sentinel ? SL_LINK_SILENCE_MS : 0};
    sl_pipe_init(&l->pipe, conf->reply_max);
    sl_timer_init(&l->timer, on_time);
    sl_task_init(&l->task, tell);
    (void)snprintf(l->name, sizeof l->name, "%s", conf->name);
    (void)snprintf(l->why, sizeof l->why, "it is being dialled");
    begin(l);
    return l;
}

void sl_redis_link_end(struct sl_link_redis **pl)
{
    struct sl_link_redis *l = *pl;

    *pl = NULL;
    if (l == NULL)
        return;
    SL_OBJ_CHECK(l, SL_MACHINE_MAGIC);
    l->state = SL_MACHINE_ENDED;
    l->url = NULL;
    sl_stream_close(&l->stream);
    sl_pipe_detach(&l->pipe);
    sl_timer_stop(l->net, &l->timer);
    sl_tls_drop(&l->tls);
    if (!l->telling && sl_list_is_empty(&l->pipe.failed))
        bury(l);
}

void sl_redis_link_on_state(struct sl_link_redis *l, void (*fn)(void *ctx, bool up), void *ctx)
{
    SL_OBJ_CHECK(l, SL_MACHINE_MAGIC);
    l->on_state = fn;
    l->ctx = ctx;
}

bool sl_redis_link_is_up(const struct sl_link_redis *l)
{
    SL_OBJ_CHECK(l, SL_MACHINE_MAGIC);
    return l->state == SL_MACHINE_UP;
}

bool sl_redis_link_certificate(const struct sl_link_redis *l, struct sl_tls_certificate *out)
{
    char place[300];
    int n;

    SL_OBJ_CHECK(l, SL_MACHINE_MAGIC);
    if (l->tls == NULL)
        return false;
    n = snprintf(place, sizeof place, "%s:%u", l->at.host, l->at.port);
    return sl_tls_certificate_of(l->tls, (struct sl_str){place, (size_t)n}, out);
}

const char *sl_redis_link_where(const struct sl_link_redis *l)
{
    SL_OBJ_CHECK(l, SL_MACHINE_MAGIC);
    return l->where;
}

const char *sl_redis_link_why(const struct sl_link_redis *l)
{
    SL_OBJ_CHECK(l, SL_MACHINE_MAGIC);
    return l->why;
}

void sl_redis_link_start(struct sl_link_redis *l, const struct sl_redis_command *c,
                         struct sl_op **slot, sl_redis_reply_fn *done, void *ctx)
{
    SL_OBJ_CHECK(l, SL_MACHINE_MAGIC);
    sl_pipe_send(&l->pipe, l->state == SL_MACHINE_UP, c, slot, done, ctx);
}

void sl_redis_link_tell(struct sl_link_redis *l, const struct sl_redis_command *c)
{
    SL_OBJ_CHECK(l, SL_MACHINE_MAGIC);
    sl_pipe_send(&l->pipe, l->state == SL_MACHINE_UP, c, NULL, NULL, NULL);
}
