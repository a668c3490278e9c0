/* Accepting. Over the ceiling one connection stays in libuv's hand, which makes
 * it stop polling the socket: the kernel's backlog holds the rest. Two
 * descriptors stand in reserve for the time when there are no more: libuv's own,
 * given up to accept and close at once, and ours for the case that it could not
 * get its own back (it would try for ever then; net/loop.c hands it over). */
#include "net/inside.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/listen.h"

#define BACKLOG 4096
#define SHAKE_MS 60000 /* for a newcomer's handshake; who dials gives up before, and says why */
#define COMPLAIN_MS 1000

struct sl_listener {
    uint32_t magic;
    bool is_pipe, ended, waiting, closed;
    bool bound;         /* the file of the unix socket is ours to remove */
    struct sl_net *net; /* up */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } u;
    struct sl_tls_profile *tls; /* shared */
    struct sl_list node;        /* in the net's list */
    char *address;              /* owns: as it was given */
    size_t max;
    size_t open;
    uint64_t shake_ms;      /* SHAKE_MS, but for a test */
    uint64_t complained_ms; /* when the log was last told of trouble */
    sl_accept_fn *fn;
    void *ctx; /* up */
    struct sl_grave grave;
};
#define SL_LISTENER_MAGIC 0x534c4c53u

static void reap(struct sl_grave *g)
{
    struct sl_listener *l = SL_CONTAINER(g, struct sl_listener, grave);

    sl_tls_drop(&l->tls);
    sl_mem_free(l->address);
    l->magic = SL_OBJ_DEAD;
    sl_mem_free(l);
}

static void bury_if_over(struct sl_listener *l)
{
    if (l->closed && l->open == 0)
        sl_net_bury(l->net, &l->grave, reap);
}

static void complain(struct sl_listener *l, const char *what)
{
    uint64_t now = sl_net_now(l->net);

    if (l->complained_ms != 0 && now - l->complained_ms < COMPLAIN_MS)
        return;
    l->complained_ms = now;
    sl_log(SL_LOG_WARN, "net", (struct sl_str){"", 0}, "listener on port %u: %s", sl_listen_port(l),
           what);
}

static void accept_one(struct sl_listener *l)
{
    struct sl_stream *s = sl_stream_new(l->net, l->is_pipe);

    s->listener = l;
    l->open++;
    if (uv_accept(&l->u.stream, &s->u.stream) != 0) {
        sl_stream_close(&s);
        return;
    }
    if (!sl_net_has_spare(l->net)) { /* this one took the last descriptor */
        complain(l, "no descriptors left, newcomers are turned away");
        sl_stream_close(&s);
        (void)sl_net_has_spare(l->net); /* with the one that is free now */
        return;
    }
    if (l->tls != NULL) {
        s->tls = sl_tls_new(l->tls, (struct sl_str){"", 0}, (struct sl_str){"", 0}, &s->cipher);
        if (s->tls == NULL) {
            sl_stream_close(&s);
            return;
        }
    }
    sl_stream_ready(s);
    if (l->tls != NULL)
        sl_timer_start(l->net, &s->timer, l->shake_ms);
    l->fn(l->ctx, s);
}

static void on_uv_connection(uv_stream_t *h, int status)
{
    struct sl_listener *l = h->data;

    if (l->ended)
        return;
    if (status == UV_EMFILE || status == UV_ENFILE) {
        /* libuv before 1.45 tries again at once, with ours; without one, a
         * thread of the pool holds what we need, and not for long */
        if (l->net->spare >= 0)
            close(l->net->spare);
        else
            (void)poll(NULL, 0, 1);
        l->net->spare = -1;
        complain(l, "no descriptors left, newcomers are turned away");
    } else if (status != 0) {
        complain(l, uv_strerror(status));
    } else if (l->open >= l->max) {
        l->waiting = true;
        complain(l, "the ceiling of connections is reached, newcomers wait");
    } else {
        accept_one(l);
    }
}

void sl_listen_left(struct sl_listener *l)
{
    l->open--;
    if (l->waiting && !l->ended && l->open < l->max) {
        l->waiting = false;
        accept_one(l);
    }
    bury_if_over(l);
}

static bool split(struct sl_str addr, char *host, size_t cap, uint16_t *port)
{
    uint64_t n;
    size_t at = addr.n;

    while (at > 0 && addr.p[at - 1] != ':')
        at--;
    if (at == 0 || !sl_str_to_u64(sl_str_from(addr, at), &n) || n > 65535)
        return false;
    addr.n = at - 1;
    if (addr.n >= 2 && addr.p[0] == '[' && addr.p[addr.n - 1] == ']')
        addr = (struct sl_str){addr.p + 1, addr.n - 2};
    if (addr.n == 0 || addr.n >= cap)
        return false;
    memcpy(host, addr.p, addr.n);
    host[addr.n] = 0;
    *port = (uint16_t)n;
    return true;
}

/* A socket file that nobody listens on: left by a process that died. */
static bool is_stale(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;
    bool refused;
    int fd;

    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    memcpy(a.sun_path, path, strlen(path) + 1);
    refused = connect(fd, (struct sockaddr *)&a, sizeof a) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

/* Bound by hand: a socket that libuv has bound it unlinks when it closes it, also when
 * another process goes on with it. */
static int bind_pipe(struct sl_listener *l, struct sl_str path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd, e = 0;

    uv_pipe_init(&l->net->loop, &l->u.pipe, 0);
    if (path.n == 0 || path.n >= sizeof a.sun_path)
        return UV_ENAMETOOLONG;
    memcpy(a.sun_path, path.p, path.n);
    if (is_stale(a.sun_path))
        (void)unlink(a.sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0)
        e = -errno;
    l->bound = e == 0;
    if (e == 0 && chmod(a.sun_path, 0660) != 0) /* its owner and group, nobody else */
        e = -errno;
    if (e == 0)
        e = uv_pipe_open(&l->u.pipe, fd);
    if (e != 0)
        close(fd);
    return e;
}

static int bind_tcp(struct sl_listener *l, struct sl_str addr)
{
    struct sockaddr_storage a;
    uint16_t port;
    char host[64];

    uv_tcp_init(&l->net->loop, &l->u.tcp);
    if (!split(addr, host, sizeof host, &port))
        return UV_EINVAL;
    if (strcmp(host, "localhost") == 0)
        memcpy(host, "127.0.0.1", 10);
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)&a) != 0 &&
        uv_ip6_addr(host, port, (struct sockaddr_in6 *)&a) != 0)
        return UV_EINVAL;
    return uv_tcp_bind(&l->u.tcp, (struct sockaddr *)&a, 0);
}

/* The socket that another process has handed over for that address. */
static int take_given(struct sl_listener *l)
{
    for (size_t i = 0; i < l->net->given_n; i++) {
        struct sl_given *g = &l->net->given[i];
        int fd = g->fd;

        if (fd < 0 || strcmp(g->address, l->address) != 0)
            continue;
        g->fd = -1;
        l->bound = l->is_pipe;
        if (l->is_pipe)
            uv_pipe_init(&l->net->loop, &l->u.pipe, 0);
        else
            uv_tcp_init(&l->net->loop, &l->u.tcp);
        return l->is_pipe ? uv_pipe_open(&l->u.pipe, fd) : uv_tcp_open(&l->u.tcp, fd);
    }
    return UV_ENOENT;
}

static int open_socket(struct sl_listener *l, struct sl_str addr)
{
    int e = take_given(l);

    if (e != UV_ENOENT)
        return e;
    return l->is_pipe ? bind_pipe(l, sl_str_from(addr, 5)) : bind_tcp(l, addr);
}

int sl_listen_show(struct sl_list *node, struct sl_str *address)
{
    struct sl_listener *l = SL_CONTAINER(node, struct sl_listener, node);
    uv_os_fd_t fd;

    *address = sl_str_of(l->address);
    return uv_fileno(&l->u.handle, &fd) == 0 ? fd : -1;
}

void sl_listen_hand_over(struct sl_listener *l)
{
    SL_OBJ_CHECK(l, SL_LISTENER_MAGIC);
    l->bound = false;
    if (l->waiting) { /* one beyond the ceiling, which would be lost with us */
        l->waiting = false;
        accept_one(l);
    }
}

static void on_uv_close(uv_handle_t *h)
{
    struct sl_listener *l = h->data;

    l->net->counts.listeners--;
    l->closed = true;
    bury_if_over(l);
}

/* lint: budgets the header's contract, and it is called once a listener */
enum sl_err sl_listen_start(struct sl_net *net, struct sl_str addr, struct sl_tls_profile *tls,
                            size_t max_connections, sl_accept_fn *fn, void *ctx,
                            struct sl_listener **out, char *why, size_t cap)
{
    struct sl_listener *l = sl_mem_new(sizeof *l);
    int e;

    l->magic = SL_LISTENER_MAGIC;
    l->net = net;
    l->tls = tls != NULL ? sl_tls_share(tls) : NULL;
    l->max = max_connections;
    l->shake_ms = SHAKE_MS;
    l->fn = fn;
    l->ctx = ctx;
    l->is_pipe = sl_str_starts(addr, SL_STR("unix:"));
    l->address = sl_mem_dup(addr);
    sl_list_init(&l->node);
    sl_list_push_back(&net->listeners, &l->node);
    e = open_socket(l, addr);
    l->u.handle.data = l;
    net->counts.listeners++;
    if (e == 0)
        e = uv_listen(&l->u.stream, BACKLOG, on_uv_connection);
    if (e == 0) {
        *out = l;
        return SL_OK;
    }
    snprintf(why, cap, "can't listen on %.*s: %s%s", SL_STR_ARGS(addr), uv_strerror(e),
             e == UV_EADDRINUSE ? "; end the process that has it, or choose another" : "");
    *out = NULL;
    sl_listen_end(&l);
    return SL_ERR_IO;
}

uint16_t sl_listen_port(const struct sl_listener *l)
{
    struct sockaddr_storage a;
    int n = sizeof a;

    if (l->is_pipe || uv_tcp_getsockname(&l->u.tcp, (struct sockaddr *)&a, &n) != 0)
        return 0;
    if (a.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&a)->sin6_port);
    return ntohs(((struct sockaddr_in *)&a)->sin_port);
}

size_t sl_listen_open(const struct sl_listener *l)
{
    return l->open;
}

void sl_listen_end(struct sl_listener **pl)
{
    struct sl_listener *l = *pl;

    *pl = NULL;
    if (l == NULL)
        return;
    SL_OBJ_CHECK(l, SL_LISTENER_MAGIC);
    l->ended = true;
    sl_list_unlink(&l->node);
    if (l->bound)
        (void)unlink(l->address + 5);
    uv_close(&l->u.handle, on_uv_close);
}
