/* Handing sockets over, and taking them. */
#include "net/hand/hand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/inside.h"

#define VARIABLE "SLUICE_SOCKETS"
#define FIRST_FD 3
#define TEXT_MAX 4096
#define HAND_MAGIC 0x534c4844u

extern char **environ;

struct sl_hand {
    uint32_t magic;
    struct sl_net *net; /* up */
    uv_process_t process;
    uv_pipe_t pipe;
    unsigned open; /* handles not yet closed */
    bool runs, ready, told;
    struct sl_timer limit;
    sl_hand_done_fn *done;
    void *ctx; /* up */
    char byte;
    struct sl_grave grave;
};

/* ---- the old process ---- */

static void reap(struct sl_grave *g)
{
    struct sl_hand *h = SL_CONTAINER(g, struct sl_hand, grave);

    h->magic = SL_OBJ_DEAD;
    sl_mem_free(h);
}

static void tell(struct sl_hand *h, bool ready, const char *why)
{
    if (h->told)
        return;
    h->told = true;
    h->ready = ready;
    sl_timer_stop(h->net, &h->limit);
    h->done(h->ctx, ready, why);
}

static void on_uv_exit(uv_process_t *p, int64_t status, int signum)
{
    struct sl_hand *h = p->data;
    char why[64];

    h->runs = false;
    if (signum != 0)
        snprintf(why, sizeof why, "it was ended by signal %d", signum);
    else
        snprintf(why, sizeof why, "it ended with code %d", (int)status);
    tell(h, false, why);
}

static void on_uv_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    struct sl_hand *h = handle->data;

    (void)wanted;
    *buf = uv_buf_init(&h->byte, 1);
}

/* An end without a word: its exit says more, and follows. */
static void on_uv_word(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct sl_hand *h = s->data;

    (void)buf;
    if (n < 0)
        uv_read_stop(s);
    else if (n > 0)
        tell(h, true, "");
}

static void fire_limit(struct sl_timer *t)
{
    tell(SL_CONTAINER(t, struct sl_hand, limit), false, "it was not ready in time");
}

/* The list for the new process, and what stands at which of its descriptors. */
static size_t lay_out(struct sl_net *net, uv_stdio_container_t *io, struct sl_text *t)
{
    size_t n = FIRST_FD + 1; /* one for the word "ready" */

    for (int fd = 0; fd < FIRST_FD; fd++)
        io[fd] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = fd};
    sl_text_printf(t, VARIABLE "=%d", FIRST_FD);
    for (struct sl_list *at = net->listeners.next; at != &net->listeners; at = at->next) {
        struct sl_str address;
        int fd = sl_listen_show(at, &address);

        if (fd < 0 || n == SL_NET_GIVEN + FIRST_FD + 1)
            continue;
        sl_text_printf(t, "\n%zu ", n);
        sl_text_add(t, address);
        io[n++] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = fd};
    }
    return n;
}

static char **environment(const char *sockets)
{
    size_t n = 0;
    char **env;

    while (environ[n] != NULL)
        n++;
    env = sl_mem_new((n + 2) * sizeof *env);
    memcpy(env, environ, n * sizeof *env);
    env[n] = (char *)(uintptr_t)sockets;
    return env;
}

static int spawn(struct sl_hand *h, const struct sl_hand_ask *ask)
{
    uv_stdio_container_t io[SL_NET_GIVEN + FIRST_FD + 1];
    char sockets[TEXT_MAX];
    struct sl_text t = sl_text_over(sockets, sizeof sockets - 1);
    uv_process_options_t o = {.file = ask->program, .args = (char **)(uintptr_t)ask->argv};
    char **env;
    int e;

    o.stdio_count = (int)lay_out(h->net, io, &t);
    io[FIRST_FD] = (uv_stdio_container_t){.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
                                          .data.stream = (uv_stream_t *)&h->pipe};
    sockets[t.n] = '\0';
    env = environment(sockets);
    o.stdio = io;
    o.env = env;
    o.exit_cb = on_uv_exit;
    SL_CHECK(!t.cut); /* addresses are held to less when the configuration is read */
    e = uv_spawn(&h->net->loop, &h->process, &o);
    sl_mem_free(env);
    return e;
}

enum sl_err sl_hand_start(struct sl_net *net, const struct sl_hand_ask *ask, sl_hand_done_fn *done,
                          void *ctx, struct sl_hand **out)
{
    struct sl_hand *h = sl_mem_new(sizeof *h);
    int e;

    h->magic = HAND_MAGIC;
    h->net = net;
    h->done = done;
    h->ctx = ctx;
    sl_timer_init(&h->limit, fire_limit);
    uv_pipe_init(&net->loop, &h->pipe, 0);
    h->pipe.data = h->process.data = h;
    h->open = 2;
    net->counts.streams++; /* it is waited for at the end as they are */
    e = spawn(h, ask);
    uv_unref((uv_handle_t *)&h->process);
    if (e == 0)
        e = uv_read_start((uv_stream_t *)&h->pipe, on_uv_room, on_uv_word);
    h->runs = e == 0;
    *out = h;
    if (e != 0) {
        sl_hand_end(out);
        return SL_ERR_IO;
    }
    sl_timer_start(net, &h->limit, ask->limit_ms);
    return SL_OK;
}

int sl_hand_pid(const struct sl_hand *h)
{
    return h->process.pid;
}

static void on_uv_close(uv_handle_t *handle)
{
    struct sl_hand *h = handle->data;

    if (--h->open > 0)
        return;
    h->net->counts.streams--;
    sl_net_bury(h->net, &h->grave, reap);
}

void sl_hand_end(struct sl_hand **ph)
{
    struct sl_hand *h = *ph;

    *ph = NULL;
    if (h == NULL)
        return;
    SL_OBJ_CHECK(h, HAND_MAGIC);
    h->told = true;
    sl_timer_stop(h->net, &h->limit);
    if (h->runs && !h->ready)
        (void)uv_process_kill(&h->process, SIGKILL);
    uv_close((uv_handle_t *)&h->pipe, on_uv_close);
    uv_close((uv_handle_t *)&h->process, on_uv_close);
}

/* ---- the new process ---- */

static bool take_fd(struct sl_str text, int *fd)
{
    uint64_t n;

    if (!sl_str_to_u64(text, &n) || n < FIRST_FD || n > 1024)
        return false;
    *fd = (int)n;
    return fcntl(*fd, F_SETFD, FD_CLOEXEC) == 0;
}

static void take_socket(struct sl_net *net, struct sl_str line)
{
    struct sl_given *g = &net->given[net->given_n];
    struct sl_str number;

    if (net->given_n == SL_NET_GIVEN || !sl_str_split(&line, ' ', &number) ||
        line.n >= sizeof g->address || !take_fd(number, &g->fd))
        return;
    memcpy(g->address, line.p, line.n);
    g->address[line.n] = '\0';
    net->given_n++;
}

bool sl_hand_take(struct sl_net *net)
{
    const char *z = getenv(VARIABLE);
    struct sl_str rest, line;
    char *text;

    if (z == NULL)
        return false;
    text = sl_mem_dup(sl_str_of(z));
    (void)unsetenv(VARIABLE);
    rest = sl_str_of(text);
    if (!sl_str_split(&rest, '\n', &line) || !take_fd(line, &net->word))
        net->word = -1;
    while (net->word >= 0 && sl_str_split(&rest, '\n', &line))
        take_socket(net, line);
    sl_mem_free(text);
    return net->word >= 0;
}

bool sl_hand_has_unused(const struct sl_net *net)
{
    for (size_t i = 0; i < net->given_n; i++)
        if (net->given[i].fd >= 0)
            return true;
    return false;
}

bool sl_hand_is_awaited(const struct sl_net *net)
{
    struct pollfd its = {.fd = net->word, .events = 0};

    return net->word >= 0 && poll(&its, 1, 0) == 0; /* it says nothing; its end would show */
}

void sl_hand_ready(struct sl_net *net)
{
    if (net->word < 0)
        return;
    if (write(net->word, "1", 1) != 1)
        (void)errno; /* whoever started us is gone: then we are the only one */
    close(net->word);
    net->word = -1;
}
