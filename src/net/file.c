/* Two buffers: one fills while libuv's pool writes the other. */
#include "net/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/inside.h"

#define BATCH 65536    /* bytes that are not worth waiting any longer with */
#define END_US 1000000 /* for what is left when the file ends */
#define FILE_MAGIC 0x534c4649u

struct sl_file {
    uint32_t magic;
    struct sl_net *net; /* up */
    int fd;
    bool owned;   /* a file of ours, not a standard stream */
    bool secret;  /* only its owner may read it */
    bool writing; /* `busy` is with the pool */
    bool ended;
    char *fill; /* owns */
    char *busy; /* owns */
    size_t fill_n, busy_n, busy_at, max;
    uint64_t delay_ms;
    uint64_t dropped;
    struct sl_timer timer;
    uv_fs_t req;
    struct sl_grave grave;
    char path[512];
};

static int open_file(const char *path, bool secret)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, secret ? 0600 : 0640);
    struct stat about;

    if (fd < 0 || !secret || (fstat(fd, &about) == 0 && !S_ISREG(about.st_mode)) ||
        fchmod(fd, 0600) == 0)
        return fd;
    close(fd);
    return -1;
}

static int open_path(const char *path, bool secret, bool *owned)
{
    *owned = false;
    if (strcmp(path, "-") == 0 || strcmp(path, "stdout") == 0)
        return 1;
    if (strcmp(path, "stderr") == 0)
        return 2;
    *owned = true;
    return open_file(path, secret);
}

static void reap(struct sl_grave *g)
{
    struct sl_file *f = SL_CONTAINER(g, struct sl_file, grave);

    if (f->owned)
        close(f->fd);
    sl_mem_free(f->fill);
    sl_mem_free(f->busy);
    f->magic = SL_OBJ_DEAD;
    sl_mem_free(f);
}

static void write_out(struct sl_file *f);

static uint64_t lines_in(const char *p, size_t n)
{
    uint64_t lines = 0;

    for (size_t i = 0; i < n; i++)
        lines += p[i] == '\n';
    return lines;
}

static void on_uv_fs(uv_fs_t *q)
{
    struct sl_file *f = q->data;
    ssize_t n = q->result;

    uv_fs_req_cleanup(q);
    f->net->counts.ops--;
    f->writing = false;
    if (n > 0)
        f->busy_at += (size_t)n;
    if (n <= 0 && n != UV_EAGAIN && n != UV_EINTR) {
        /* a full disk, a closed pipe: this batch is lost */
        f->dropped += lines_in(f->busy + f->busy_at, f->busy_n - f->busy_at);
        f->busy_at = f->busy_n;
    }
    if (f->ended)
        sl_net_bury(f->net, &f->grave, reap);
    else if (n == UV_EAGAIN)
        sl_timer_start(f->net, &f->timer, 20);
    else if (f->busy_at < f->busy_n || f->fill_n > BATCH)
        write_out(f);
    else if (f->fill_n > 0) /* a wake-up of the pool costs more than a line: collect */
        sl_timer_start(f->net, &f->timer, f->delay_ms);
}

static void write_out(struct sl_file *f)
{
    uv_buf_t b;

    if (f->writing)
        return;
    if (f->busy_at >= f->busy_n) {
        char *swap = f->busy;

        if (f->fill_n == 0)
            return;
        f->busy = f->fill;
        f->busy_n = f->fill_n;
        f->busy_at = 0;
        f->fill = swap;
        f->fill_n = 0;
    }
    b = uv_buf_init(f->busy + f->busy_at, (unsigned)(f->busy_n - f->busy_at));
    f->req.data = f;
    if (uv_fs_write(&f->net->loop, &f->req, f->fd, &b, 1, -1, on_uv_fs) != 0)
        return;
    f->writing = true;
    f->net->counts.ops++;
}

static void fire(struct sl_timer *t)
{
    write_out(SL_CONTAINER(t, struct sl_file, timer));
}

static enum sl_err open_as(struct sl_net *net, const char *path, size_t max, uint64_t delay_ms,
                           bool secret, struct sl_file **out)
{
    struct sl_file *f;
    bool owned;
    int fd;

    *out = NULL;
    if (strlen(path) >= sizeof f->path)
        return SL_ERR_IO;
    fd = open_path(path, secret, &owned);
    if (fd < 0)
        return SL_ERR_IO;
    f = sl_mem_new(sizeof *f);
    f->magic = FILE_MAGIC;
    f->net = net;
    f->fd = fd;
    f->owned = owned;
    f->secret = secret;
    f->max = max / 2;
    f->delay_ms = delay_ms;
    memcpy(f->path, path, strlen(path));
    sl_timer_init(&f->timer, fire);
    *out = f;
    return SL_OK;
}

enum sl_err sl_file_open(struct sl_net *net, const char *path, size_t max, uint64_t delay_ms,
                         struct sl_file **out)
{
    return open_as(net, path, max, delay_ms, false, out);
}

enum sl_err sl_file_open_private(struct sl_net *net, const char *path, size_t max,
                                 uint64_t delay_ms, struct sl_file **out)
{
    return open_as(net, path, max, delay_ms, true, out);
}

bool sl_file_append(struct sl_file *f, struct sl_str line)
{
    SL_OBJ_CHECK(f, FILE_MAGIC);
    if (f->fill == NULL)
        f->fill = sl_mem_try(f->max);
    if (f->fill == NULL || line.n > f->max - f->fill_n) {
        f->dropped++;
        return false;
    }
    memcpy(f->fill + f->fill_n, line.p, line.n);
    f->fill_n += line.n;
    if (f->fill_n > BATCH)
        write_out(f);
    else if (!f->writing && !sl_timer_is_armed(&f->timer))
        sl_timer_start(f->net, &f->timer, f->delay_ms);
    return true;
}

uint64_t sl_file_dropped(const struct sl_file *f)
{
    return f->dropped;
}

enum sl_err sl_file_reopen(struct sl_file *f)
{
    bool owned;
    int fd;

    SL_OBJ_CHECK(f, FILE_MAGIC);
    if (!f->owned)
        return SL_OK;
    fd = open_path(f->path, f->secret, &owned);
    if (fd < 0)
        return SL_ERR_IO;
    /* in place, so that a write under way goes to one of the two, whole */
    if (dup3(fd, f->fd, O_CLOEXEC) < 0) {
        close(fd);
        return SL_ERR_IO;
    }
    close(fd);
    return SL_OK;
}

static void drain_fd(struct sl_file *f, const char *p, size_t n, uint64_t until_us)
{
    struct pollfd pfd = {.fd = f->fd, .events = POLLOUT};

    while (n > 0 && sl_net_now_us(f->net) < until_us && poll(&pfd, 1, 100) >= 0) {
        if ((pfd.revents & (POLLERR | POLLNVAL)) != 0)
            return; /* nobody reads any more */
        if ((pfd.revents & POLLOUT) == 0)
            continue;
        ssize_t k = write(f->fd, p, n < 4096 ? n : 4096);

        if (k <= 0)
            return;
        p += k;
        n -= (size_t)k;
    }
}

void sl_file_end(struct sl_file **pf)
{
    struct sl_file *f = *pf;
    uint64_t until_us;

    *pf = NULL;
    if (f == NULL)
        return;
    SL_OBJ_CHECK(f, FILE_MAGIC);
    until_us = sl_net_now_us(f->net) + END_US;
    while (f->writing && sl_net_now_us(f->net) < until_us)
        sl_net_turn(f->net, 10);
    sl_timer_stop(f->net, &f->timer);
    if (!f->writing) {
        drain_fd(f, f->busy + f->busy_at, f->busy_n - f->busy_at, until_us);
        drain_fd(f, f->fill, f->fill_n, until_us);
    }
    f->ended = true;
    if (!f->writing)
        sl_net_bury(f->net, &f->grave, reap);
}

char *sl_file_load(const char *path, size_t max, size_t *n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t cap = 4096, len = 0;
    char *p = fd < 0 ? NULL : sl_mem_new(cap);
    ssize_t k = 1;

    while (p != NULL && k > 0) {
        char *more;

        if (len + 1 == cap) {
            more = cap < max + 2 ? sl_mem_grow(p, cap * 2) : NULL;
            if (more == NULL) {
                errno = cap < max + 2 ? ENOMEM : EFBIG;
                k = -1;
                break;
            }
            p = more;
            cap *= 2;
        }
        k = read(fd, p + len, cap - 1 - len);
        len += k > 0 ? (size_t)k : 0;
    }
    if (fd >= 0)
        close(fd);
    if (p == NULL)
        return NULL;
    if (k < 0 || len > max) {
        int e = len > max ? EFBIG : errno;

        sl_mem_free(p);
        errno = e;
        return NULL;
    }
    p[len] = 0;
    *n = len;
    return p;
}
