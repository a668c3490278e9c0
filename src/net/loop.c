/* One turn, in order:
 *
 *   poll ─► callbacks: note facts, queue bytes ─► (prepare hook:) tasks ─►
 *   dirty streams: one write each ─► graves ─► poll
 *
 * Tasks queued by tasks run in the next turn; the idle handle keeps the loop
 * from sleeping meanwhile.
 */
#include "net/inside.h"

#include <time.h>

#include "base/mem.h"

static int64_t wall_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void on_uv_idle(uv_idle_t *h)
{
    (void)h; /* being active is its whole work */
}

static void stay_awake(struct sl_net *net, bool on)
{
    if (on == net->is_awake)
        return;
    net->is_awake = on;
    if (on)
        uv_idle_start(&net->awake, on_uv_idle);
    else
        uv_idle_stop(&net->awake);
}

static void run_tasks(struct sl_net *net)
{
    struct sl_list now, *n;

    sl_list_move(&now, &net->tasks);
    while ((n = sl_list_pop_front(&now)) != NULL) {
        struct sl_task *t = SL_CONTAINER(n, struct sl_task, node);

        t->run(t);
    }
}

static void flush_streams(struct sl_net *net)
{
    struct sl_list now, *n;

    sl_list_move(&now, &net->dirty);
    while ((n = sl_list_pop_front(&now)) != NULL)
        sl_stream_flush(SL_CONTAINER(n, struct sl_stream, dirty));
}

static void empty_graves(struct sl_net *net)
{
    struct sl_list *n;

    while ((n = sl_list_pop_front(&net->graves)) != NULL) {
        struct sl_grave *g = SL_CONTAINER(n, struct sl_grave, node);

        net->counts.graves--;
        g->reap(g);
    }
}

static void end_turn(struct sl_net *net)
{
    uint64_t now = uv_hrtime() / 1000;

    if (net->turn_began_us != 0 && now - net->turn_began_us > net->counts.lag_us)
        net->counts.lag_us = now - net->turn_began_us;
    run_tasks(net);
    flush_streams(net);
    empty_graves(net);
    net->handshakes = 0;
    net->counts.turns++;
    stay_awake(net, !sl_list_is_empty(&net->tasks) || !sl_list_is_empty(&net->dirty));
}

static void on_uv_prepare(uv_prepare_t *h)
{
    end_turn(h->data);
}

static uv_check_t *check_of(struct sl_net *net);

struct loop_with_check { /* the check handle only dates the turn */
    struct sl_net net;
    uv_check_t check;
};

static uv_check_t *check_of(struct sl_net *net)
{
    return &SL_CONTAINER(net, struct loop_with_check, net)->check;
}

static void on_uv_check(uv_check_t *h)
{
    struct sl_net *net = h->data;

    net->turn_began_us = uv_hrtime() / 1000;
    net->unix_offset_ms = wall_ms() - (int64_t)uv_now(&net->loop);
}

struct sl_net *sl_net_new(void)
{
    struct loop_with_check *both = sl_mem_new(sizeof *both);
    struct sl_net *net = &both->net;

    net->magic = SL_NET_MAGIC;
    SL_CHECK(uv_loop_init(&net->loop) == 0);
    net->loop.data = net;
    sl_list_init(&net->tasks);
    sl_list_init(&net->dirty);
    sl_list_init(&net->graves);
    net->read_buf = sl_mem_new(SL_STREAM_READ);
    net->plain_buf = sl_mem_new(SL_STREAM_READ);
    uv_prepare_init(&net->loop, &net->prepare);
    uv_check_init(&net->loop, &both->check);
    uv_idle_init(&net->loop, &net->awake);
    uv_timer_init(&net->loop, &net->timer);
    net->prepare.data = both->check.data = net->timer.data = net;
    uv_prepare_start(&net->prepare, on_uv_prepare);
    uv_check_start(&both->check, on_uv_check);
    uv_unref((uv_handle_t *)&net->prepare);
    uv_unref((uv_handle_t *)&both->check);
    sl_timer_wheel_init(net);
    net->unix_offset_ms = wall_ms() - (int64_t)uv_now(&net->loop);
    return net;
}

void sl_net_end(struct sl_net **pnet)
{
    struct sl_net *net = *pnet;

    *pnet = NULL;
    if (net == NULL)
        return;
    SL_OBJ_CHECK(net, SL_NET_MAGIC);
    end_turn(net);
    for (size_t i = 0; i < net->signals_n; i++)
        uv_close((uv_handle_t *)&net->signals[i].handle, NULL);
    uv_close((uv_handle_t *)&net->prepare, NULL);
    uv_close((uv_handle_t *)check_of(net), NULL);
    uv_close((uv_handle_t *)&net->awake, NULL);
    uv_close((uv_handle_t *)&net->timer, NULL);
    uv_run(&net->loop, UV_RUN_DEFAULT); /* close callbacks, look-ups under way */
    empty_graves(net);
    sl_resolve_forget(net);
    SL_CHECK(uv_loop_close(&net->loop) == 0);
    sl_mem_free(net->read_buf);
    sl_mem_free(net->plain_buf);
    net->magic = SL_OBJ_DEAD;
    sl_mem_free(SL_CONTAINER(net, struct loop_with_check, net));
}

void sl_net_run(struct sl_net *net)
{
    SL_OBJ_CHECK(net, SL_NET_MAGIC);
    uv_run(&net->loop, UV_RUN_DEFAULT);
}

void sl_net_stop(struct sl_net *net)
{
    uv_stop(&net->loop);
}

static void on_uv_wait(uv_timer_t *t)
{
    (void)t; /* ends the poll; that is all */
}

bool sl_net_turn(struct sl_net *net, int wait_ms)
{
    uv_timer_t *wait;
    int alive;

    SL_OBJ_CHECK(net, SL_NET_MAGIC);
    if (wait_ms <= 0)
        return uv_run(&net->loop, UV_RUN_NOWAIT) != 0;
    wait = sl_mem_new(sizeof *wait);
    uv_timer_init(&net->loop, wait);
    uv_timer_start(wait, on_uv_wait, (uint64_t)wait_ms, 0);
    alive = uv_run(&net->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)wait, (uv_close_cb)sl_mem_free);
    return alive != 0;
}

uint64_t sl_net_now(const struct sl_net *net)
{
    return uv_now(&net->loop);
}

uint64_t sl_net_now_us(const struct sl_net *net)
{
    (void)net;
    return uv_hrtime() / 1000;
}

int64_t sl_net_unix_ms(const struct sl_net *net)
{
    return (int64_t)uv_now(&net->loop) + net->unix_offset_ms;
}

void sl_net_bury(struct sl_net *net, struct sl_grave *g, void (*reap)(struct sl_grave *))
{
    g->reap = reap;
    sl_list_init(&g->node);
    sl_list_push_back(&net->graves, &g->node);
    net->counts.graves++;
}

void sl_task_init(struct sl_task *t, void (*run)(struct sl_task *))
{
    sl_list_init(&t->node);
    t->run = run;
}

void sl_net_defer(struct sl_net *net, struct sl_task *t)
{
    if (sl_list_is_linked(&t->node))
        return;
    sl_list_push_back(&net->tasks, &t->node);
    /* made outside of the loop's callbacks, it must not wait for an event */
    stay_awake(net, true);
}

void sl_task_cancel(struct sl_task *t)
{
    sl_list_unlink(&t->node);
}

static void on_uv_signal(uv_signal_t *h, int signum)
{
    struct sl_net_signal *s = h->data;

    s->fn(s->ctx, signum);
}

enum sl_err sl_net_on_signal(struct sl_net *net, int signum, sl_signal_fn *fn, void *ctx)
{
    struct sl_net_signal *s = &net->signals[net->signals_n];

    if (net->signals_n == SL_NET_SIGNALS || uv_signal_init(&net->loop, &s->handle) != 0)
        return SL_ERR_CEILING;
    net->signals_n++;
    s->fn = fn;
    s->ctx = ctx;
    s->handle.data = s;
    if (uv_signal_start(&s->handle, on_uv_signal, signum) != 0)
        return SL_ERR_IO;
    uv_unref((uv_handle_t *)&s->handle);
    return SL_OK;
}

struct sl_net_counts sl_net_count(struct sl_net *net)
{
    struct sl_net_counts n = net->counts;

    net->counts.lag_us = 0;
    return n;
}
