/* One turn, in order:
 *
 *   poll ─► reads ─► (check hook:) callbacks: note facts, queue bytes ─►
 *   (prepare hook:) tasks ─► dirty streams: one write each ─► graves ─► poll
 *
 * Tasks queued by tasks run in the next turn; the idle handle keeps the loop
 * from sleeping meanwhile.
 */
#include "net/inside.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define POOL_THREADS "16"
#define END_WAIT_MS 3000

static int64_t wall_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t wall_ms(void)
{
    return wall_us() / 1000;
}

uint64_t sl_net_tick_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
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
    if (net->ending)
        return;
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

bool sl_net_has_spare(struct sl_net *net)
{
    if (net->spare < 0)
        net->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return net->spare >= 0;
}

/* libuv sheds newcomers with a descriptor in reserve. Since 1.45, with the
 * reserve gone it neither sheds nor says so, and wakes up for ever: ours takes
 * its place, and while there is none either, a turn lasts a millisecond. */
static void keep_reserve(struct sl_net *net)
{
    if (net->loop.emfile_fd < 0 && net->counts.listeners > 0) {
        if (sl_net_has_spare(net)) {
            net->loop.emfile_fd = net->spare;
            net->spare = -1;
        } else {
            (void)poll(NULL, 0, 1);
        }
    }
    (void)sl_net_has_spare(net);
}

/* From the poll's return to the end of the tasks: so long nobody else was heard. */
static void measure_turn(struct sl_net *net)
{
    uint64_t now = uv_hrtime() / 1000, began = net->turn_began_us;

    if (began != 0 && now > began && now - began > net->counts.lag_us)
        net->counts.lag_us = now - began;
}

static void end_turn(struct sl_net *net)
{
    keep_reserve(net);
    net->hurries_before = net->hurries;
    net->hurries = 0;
    net->handshakes = 0; /* those that wait for their turn come first */
    run_tasks(net);
    flush_streams(net);
    empty_graves(net);
    measure_turn(net);
    net->counts.turns++;
    stay_awake(net, !sl_list_is_empty(&net->tasks) || !sl_list_is_empty(&net->dirty));
}

static void on_uv_prepare(uv_prepare_t *h)
{
    end_turn(h->data);
}

static void on_uv_check(uv_check_t *h)
{
    struct sl_net *net = h->data;

    /* libuv's clock still says when the poll came back, to the millisecond, which is not held
     * against the turn */
    net->turn_began_us = (uv_now(&net->loop) + 1) * 1000;
    net->unix_offset_ms = wall_ms() - (int64_t)uv_now(&net->loop);
    sl_stream_hear(net);
}

struct sl_net *sl_net_new(void)
{
    struct sl_net *net = sl_mem_new(sizeof *net);

    net->magic = SL_NET_MAGIC;
    /* libuv reads it when its pool starts: jobs, files and log lines share it */
    setenv("UV_THREADPOOL_SIZE", POOL_THREADS, 0);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    SL_CHECK(uv_loop_init(&net->loop) == 0);
    net->loop.data = net;
    net->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sl_list_init(&net->tasks);
    sl_list_init(&net->dirty);
    sl_list_init(&net->heard);
    sl_list_init(&net->streams);
    sl_list_init(&net->listeners);
    net->word = -1;
    sl_list_init(&net->graves);
    net->read_buf = sl_mem_new((size_t)2 * SL_STREAM_READ);
    uv_prepare_init(&net->loop, &net->prepare);
    uv_check_init(&net->loop, &net->check);
    uv_idle_init(&net->loop, &net->awake);
    uv_timer_init(&net->loop, &net->timer);
    uv_timer_init(&net->loop, &net->limit);
    net->prepare.data = net->check.data = net->timer.data = net;
    uv_prepare_start(&net->prepare, on_uv_prepare);
    uv_check_start(&net->check, on_uv_check);
    uv_unref((uv_handle_t *)&net->prepare);
    uv_unref((uv_handle_t *)&net->check);
    uv_unref((uv_handle_t *)&net->limit);
    sl_timer_wheel_init(net);
    sl_lookup_init(net);
    net->unix_offset_ms = wall_ms() - (int64_t)uv_now(&net->loop);
    return net;
}

static void close_handle(uv_handle_t *h, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void close_streams(struct sl_net *net)
{
    struct sl_list *n, *next;

    for (n = net->streams.next; n != &net->streams; n = next) {
        next = n->next;
        sl_stream_shut(SL_CONTAINER(n, struct sl_stream, node), false);
    }
}

static void on_uv_late_signal(uv_signal_t *h, int signum)
{
    (void)h;
    (void)signum;
}

/* Handles of libuv's own loop, which never runs and lives as long as the process: while one
 * is there, closing ours does not bring the default action back, not even for a moment. */
static bool stay_handled(int signum)
{
    static uv_signal_t late[SL_NET_SIGNALS];
    static size_t late_n;
    uv_loop_t *loop = uv_default_loop();

    for (size_t i = 0; i < late_n; i++)
        if (late[i].signum == signum)
            return true;
    if (loop == NULL || late_n == SL_NET_SIGNALS || uv_signal_init(loop, &late[late_n]) != 0)
        return false;
    return uv_signal_start(&late[late_n++], on_uv_late_signal, signum) == 0;
}

/* The process is ending as it was told to: a late signal must not kill it. */
static void ignore_signals(struct sl_net *net)
{
    for (size_t i = 0; i < net->signals_n; i++) {
        int signum = net->signals[i].signum;
        bool handled = stay_handled(signum);

        close_handle((uv_handle_t *)&net->signals[i].handle, NULL);
        if (!handled) /* no descriptors were left for it */
            sigaction(signum, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    }
}

/* Those that finish in their own time are cut; a look-up or a write that hangs
 * in a thread is waited for, but not for ever. */
static void let_close(struct sl_net *net)
{
    uint64_t from = uv_hrtime();

    close_streams(net);
    sl_lookup_cancel(net);
    while ((net->counts.streams > 0 || net->counts.ops > 0 || net->counts.graves > 0) &&
           uv_hrtime() - from < END_WAIT_MS * 1000000ull)
        (void)sl_net_turn(net, 10);
    net->ending = true;
    ignore_signals(net);
    uv_walk(&net->loop, close_handle, NULL);
    while (uv_run(&net->loop, UV_RUN_NOWAIT) != 0 &&
           uv_hrtime() - from < 2 * END_WAIT_MS * 1000000ull)
        empty_graves(net);
    empty_graves(net);
}

void sl_net_end(struct sl_net **pnet)
{
    struct sl_net *net = *pnet;

    *pnet = NULL;
    if (net == NULL)
        return;
    SL_OBJ_CHECK(net, SL_NET_MAGIC);
    end_turn(net);
    let_close(net);
    if (net->spare >= 0)
        close(net->spare);
    if (net->asked_n > 0 || uv_loop_close(&net->loop) != 0)
        return; /* what hangs in a thread will yet write into its memory */
    sl_resolve_forget(net);
    sl_mem_free(net->read_buf);
    sl_mem_free(net->plain_buf);
    sl_mem_free(net->record);
    net->magic = SL_OBJ_DEAD;
    sl_mem_free(net);
}

void sl_net_run(struct sl_net *net)
{
    SL_OBJ_CHECK(net, SL_NET_MAGIC);
    uv_run(&net->loop, UV_RUN_DEFAULT);
    end_turn(net); /* what the last callbacks left behind */
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
    int alive;

    SL_OBJ_CHECK(net, SL_NET_MAGIC);
    if (wait_ms > 0) {
        uv_update_time(&net->loop);
        /* again and again: the first may fire before the poll has begun */
        uv_timer_start(&net->limit, on_uv_wait, (uint64_t)wait_ms, (uint64_t)wait_ms);
    }
    alive = uv_run(&net->loop, wait_ms > 0 ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    uv_timer_stop(&net->limit);
    if (alive == 0)
        end_turn(net); /* libuv does not run its hooks any more */
    return alive != 0 || uv_loop_alive(&net->loop) != 0;
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

int64_t sl_net_onward_us(const struct sl_net *net, int64_t *ahead_us)
{
    int64_t mono_us = (int64_t)sl_net_now_us(net), ahead = wall_us() - mono_us;

    if (ahead > *ahead_us)
        *ahead_us = ahead;
    return mono_us + *ahead_us;
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
    s->signum = signum;
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
