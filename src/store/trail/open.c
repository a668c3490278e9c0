/* store/trail/open.c -- taking hold of a directory at start: lock, name, key, and the
 * place where the chain ends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "store/trail/inside.h"

#define LOCK_TRIES 5
#define LOCK_WAIT_MS 20
#define TAIL ((size_t)4 << 20) /* where the last line's end must be: more than one batch */

struct opening {
    struct sl_trail *t; /* up */
    struct sl_trail_files files;
    char *tail; /* owns: the end of one file */
    char *why;  /* up */
    size_t cap;
};

static bool refuse(struct opening *o, const char *name, const char *what)
{
    snprintf(o->why, o->cap, "%s/%s: %s", o->t->dir, name, what);
    return false;
}

/* Another process that looks whether it is held has it for a moment. */
static int lock_soon(int fd)
{
    int e = -1;

    for (int i = 0; i < LOCK_TRIES && e != 0; i++) {
        if (i > 0)
            (void)poll(NULL, 0, LOCK_WAIT_MS);
        e = flock(fd, LOCK_EX | LOCK_NB);
    }
    return e;
}

static bool take_lock(struct opening *o)
{
    struct sl_trail *t = o->t;

    t->disk->lock = openat(t->disk->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (t->disk->lock < 0)
        return refuse(o, "lock", strerror(errno));
    if (lock_soon(t->disk->lock) != 0)
        return refuse(o, "lock",
                      errno == EWOULDBLOCK
                          ? "another process uses this state directory; give each its own"
                          : strerror(errno));
    t->since_ms = (uint64_t)sl_net_unix_ms(t->net);
    sl_trail_mark(t->disk->lock, false, t->since_ms);
    return true;
}

/* A small file that is made once, whole or not at all. */
static bool make_file(struct opening *o, const char *name, struct sl_str text)
{
    int dir = o->t->disk->dir, fd;
    bool ok;

    fd = openat(dir, "trail.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return refuse(o, name, strerror(errno));
    ok = write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
    ok = close(fd) == 0 && ok && renameat(dir, "trail.new", dir, name) == 0 && fsync(dir) == 0;
    return ok || refuse(o, name, strerror(errno));
}

static bool is_instance(struct sl_str s)
{
    uint8_t b[4];

    return sl_str_unhex(s, b, sizeof b);
}

static bool read_instance(struct opening *o)
{
    struct sl_trail *t = o->t;
    int fd = sl_trail_files_open(t->dir, "instance");
    char text[16];
    bool ok;

    if (fd < 0 && errno == ENOENT) {
        sl_rand_id(text); /* the first half of it */
        text[8] = '\n';
        memcpy(t->instance, text, 8);
        return make_file(o, "instance", (struct sl_str){text, 9});
    }
    if (fd < 0)
        return refuse(o, "instance", strerror(errno));
    ok = sl_trail_files_read(fd, 0, text, sizeof text) == 9 && text[8] == '\n' &&
         is_instance((struct sl_str){text, 8});
    close(fd);
    if (!ok)
        return refuse(o, "instance",
                      "it must hold 8 hexadecimal digits and a line end; put back "
                      "what was there, or move the whole directory away");
    memcpy(t->instance, text, 8);
    return true;
}

static bool read_key(struct opening *o)
{
    struct sl_trail *t = o->t;
    uint8_t bytes[32];
    char hex[65];
    bool ok;

    if (sl_trail_files_key(t->dir, &t->disk->key))
        return true;
    if (errno != ENOENT)
        return refuse(o, "trail.key",
                      errno == EINVAL ? "it must hold 64 hexadecimal digits and a "
                                        "line end; put back what was there"
                                      : strerror(errno));
    if (o->files.n > 1 || faccessat(t->disk->dir, "trail.jsonl", F_OK, 0) == 0)
        return refuse(o, "trail.key",
                      "it is gone, and the lines that are there were made with it; "
                      "put it back, or move the trail away");
    sl_rand_bytes(bytes, sizeof bytes);
    sl_tls_key_init(&t->disk->key, (struct sl_str){(const char *)bytes, sizeof bytes});
    sl_str_hex(bytes, sizeof bytes, hex);
    hex[64] = '\n';
    ok = make_file(o, "trail.key", (struct sl_str){hex, sizeof hex});
    sl_mem_wipe(bytes, sizeof bytes);
    sl_mem_wipe(hex, sizeof hex);
    return ok;
}

/* Cuts the last line off the text. */
static bool last_line(struct sl_str *text, struct sl_str *line)
{
    const char *nl;

    if (text->n == 0)
        return false;
    text->n--; /* its line end */
    nl = memrchr(text->p, '\n', text->n);
    *line = nl != NULL ? sl_str_from(*text, (size_t)(nl + 1 - text->p)) : *text;
    text->n = (size_t)(line->p - text->p);
    return true;
}

/* The whole lines at a file's end; *size is where they end. */
static bool read_tail(struct opening *o, const char *name, struct sl_str *lines, uint64_t *size)
{
    int fd = sl_trail_files_open(o->t->dir, name);
    struct stat st;
    uint64_t from;
    size_t n = 0;
    int64_t k = 1;

    *lines = (struct sl_str){o->tail, 0};
    *size = 0;
    if (fd < 0)
        return errno == ENOENT || refuse(o, name, strerror(errno));
    if (fstat(fd, &st) != 0) {
        close(fd);
        return refuse(o, name, strerror(errno));
    }
    from = (uint64_t)st.st_size > TAIL ? (uint64_t)st.st_size - TAIL : 0;
    while (n < TAIL && (k = sl_trail_files_read(fd, from + n, o->tail + n, TAIL - n)) > 0)
        n += (size_t)k;
    close(fd);
    if (k < 0)
        return refuse(o, name, strerror(errno));
    while (n > 0 && o->tail[n - 1] != '\n')
        n--;
    if (n == 0 && from > 0)
        return refuse(o, name, "its end holds no lines; `sluice ledger verify` says more");
    lines->n = n;
    *size = from + n;
    return true;
}

/* The mac of the last line of the file before, which the first line of the next goes
 * on from. */
static bool mac_before(struct opening *o, size_t index, struct sl_trail_mac *mac)
{
    struct sl_str lines, line, body;
    uint64_t size;

    memset(mac, 0, sizeof *mac);
    if (index == 0)
        return true;
    return read_tail(o, o->files.at[index - 1].name, &lines, &size) && last_line(&lines, &line) &&
           sl_trail_line_split(line, &body, mac);
}

/* Does the last line fit to the one before it? Then the chain goes on from there. */
static bool check_last(struct opening *o, size_t index, struct sl_str lines)
{
    struct sl_trail_disk *d = o->t->disk;
    const char *name = o->files.at[index].name;
    struct sl_trail_mac before, is;
    struct sl_str line, body, prev;
    bool ok;

    ok = last_line(&lines, &line) && sl_trail_line_split(line, &body, &d->mac) &&
         sl_trail_line_number(line, &d->last);
    if (ok && last_line(&lines, &prev)) {
        struct sl_str unused;

        ok = sl_trail_line_split(prev, &unused, &before);
        is = sl_trail_line_mac(&d->key, body, &before);
    } else if (ok) { /* mac_before() reads into the same memory */
        struct sl_str copy = {sl_mem_dup(body), body.n};

        ok = mac_before(o, index, &before);
        is = sl_trail_line_mac(&d->key, copy, &before);
        sl_mem_free((char *)copy.p);
    }
    if (!ok || !sl_trail_mac_eq(&is, &d->mac))
        return refuse(o, name,
                      "its last line does not fit the chain; `sluice ledger verify` says "
                      "where it broke; move the trail away to begin a new one");
    return true;
}

static bool first_number(struct opening *o, const char *name)
{
    int fd = sl_trail_files_open(o->t->dir, name);
    char begin[32];
    int64_t n;

    if (fd < 0)
        return refuse(o, name, strerror(errno));
    n = sl_trail_files_read(fd, 0, begin, sizeof begin);
    close(fd);
    if (n <= 0 || !sl_trail_line_number((struct sl_str){begin, (size_t)n}, &o->t->disk->first))
        return refuse(o, name, "its first line has no number; `sluice ledger verify` says more");
    return true;
}

static bool cut_torn(struct opening *o, const char *name, uint64_t size)
{
    int fd = openat(o->t->disk->dir, name, O_WRONLY | O_CLOEXEC);
    struct stat st;
    bool ok;

    if (fd < 0)
        return refuse(o, name, strerror(errno));
    ok = fstat(fd, &st) == 0;
    if (ok && (uint64_t)st.st_size > size) {
        sl_log(SL_LOG_WARN, "store", (struct sl_str){o->t->instance, 8},
               "%s: %llu bytes of a line that was being written when the process died are cut off",
               name, (unsigned long long)((uint64_t)st.st_size - size));
        ok = ftruncate(fd, (off_t)size) == 0 && fsync(fd) == 0;
    }
    close(fd);
    return ok || refuse(o, name, strerror(errno));
}

/* The last file that holds a line; trail.jsonl may be empty or not there. */
static bool find_end(struct opening *o)
{
    struct sl_trail_disk *d = o->t->disk;

    for (size_t i = o->files.n; i-- > 0;) {
        const char *name = o->files.at[i].name;
        bool is_current = i == o->files.n - 1;
        struct sl_str lines;
        uint64_t size;

        if (!read_tail(o, name, &lines, &size))
            return false;
        if (is_current && faccessat(d->dir, name, F_OK, 0) == 0 && !cut_torn(o, name, size))
            return false;
        if (lines.n == 0)
            continue;
        if (is_current)
            d->size = size;
        return check_last(o, i, lines) && (!is_current || first_number(o, name));
    }
    return true;
}

static bool check_head(struct opening *o)
{
    struct sl_trail_disk *d = o->t->disk;
    struct sl_trail_head h = {0};

    switch (sl_trail_head_read(o->t->dir, &d->key, &h)) {
    case SL_TRAIL_HEAD_BAD:
        return refuse(o, "trail.head",
                      "it was changed; remove it to have all lines sent to the "
                      "store again, which counts each of them once");
    case SL_TRAIL_HEAD_NONE: break;
    case SL_TRAIL_HEAD_OK:
        if (h.last > d->last || (h.last == d->last && !sl_trail_mac_eq(&h.mac, &d->mac))) {
            snprintf(o->why, o->cap,
                     "%s: the trail's end was cut: line %llu was there, %llu is the last now; put "
                     "it back, or remove trail.head to go on without",
                     o->t->dir, (unsigned long long)h.last, (unsigned long long)d->last);
            return false;
        }
    }
    o->t->acked = d->acked = h.acked;
    return true;
}

static bool open_all(struct opening *o)
{
    return take_lock(o) && sl_trail_files_list(o->t->dir, &o->files, o->why, o->cap) &&
           read_instance(o) && read_key(o) && find_end(o) && check_head(o);
}

bool sl_trail_open_files(struct sl_trail *t, char *why, size_t cap)
{
    struct opening o = {.t = t, .why = why, .cap = cap};
    bool ok;

    if (mkdir(t->dir, 0700) != 0 && errno != EEXIST)
        return refuse(&o, "", strerror(errno));
    t->disk->dir = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->disk->dir < 0)
        return refuse(&o, "", strerror(errno));
    o.tail = sl_mem_try(TAIL);
    ok = o.tail != NULL ? open_all(&o) : refuse(&o, "", "not enough memory to read its end");
    sl_mem_free(o.tail);
    sl_mem_free(o.files.at);
    t->is_new = t->disk->last == 0;
    sl_trail_blind_init(&t->disk->key, &t->blind);
    return ok;
}
