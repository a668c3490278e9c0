/* store/trail/read.c -- pages of a running process's own trail, read back by the pool:
 * what the store does not have yet and memory does not hold. The file and the place in
 * it are found by number each time, so a rotation in between changes nothing. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/work.h"
#include "store/trail/inside.h"

#define TRIES 3

struct reading { /* one job */
    char dir[SL_TRAIL_PATH];
    uint64_t after;
    uint64_t upto;             /* the last line on disk */
    uint64_t covers;           /* numbers behind it, up to here, were dropped */
    struct sl_trail_page *out; /* up: the waiter's */
    sl_trail_done_fn *done;
    void *ctx; /* up */
    enum sl_err err;
    uint64_t last;
    size_t from, n; /* lines in `text` */
    char text[SL_TRAIL_PAGE];
};

static size_t fill(struct reading *r, int fd, uint64_t at)
{
    size_t n = 0;
    int64_t k = 1;

    while (n < sizeof r->text &&
           (k = sl_trail_files_read(fd, at + n, r->text + n, sizeof r->text - n)) > 0)
        n += (size_t)k;
    if (k < 0)
        r->err = SL_ERR_IO;
    return n;
}

/* The lines of the page that are wanted: after `after`, not after `upto`. */
static void choose(struct reading *r, size_t n)
{
    struct sl_str rest = {r->text, n};
    ptrdiff_t nl;

    r->from = n;
    while ((nl = sl_str_find_byte(rest, '\n')) >= 0) {
        uint64_t number;

        if (!sl_trail_line_number(rest, &number)) {
            r->err = SL_ERR_IO;
            return;
        }
        if (number > r->upto)
            break;
        if (number > r->after) {
            if (r->n == 0)
                r->from = (size_t)(rest.p - r->text);
            r->n = (size_t)(rest.p - r->text) + (size_t)nl + 1 - r->from;
            r->last = number;
        }
        rest = sl_str_from(rest, (size_t)nl + 1);
    }
}

static void read_file(struct reading *r, const char *name)
{
    int fd = sl_trail_files_open(r->dir, name);
    struct stat st;

    if (fd < 0) {
        r->err = errno == ENOENT ? SL_OK : SL_ERR_IO;
        return;
    }
    if (fstat(fd, &st) == 0)
        choose(r, fill(r, fd, sl_trail_files_find(fd, (uint64_t)st.st_size, r->after, r->text)));
    else
        r->err = SL_ERR_IO;
    close(fd);
}

static void look(struct reading *r)
{
    struct sl_trail_files files;
    char why[256];

    if (!sl_trail_files_list(r->dir, &files, why, sizeof why)) {
        r->err = SL_ERR_IO;
        return;
    }
    for (size_t i = 0; i < files.n && r->n == 0 && r->err == SL_OK; i++)
        if (files.at[i].last > r->after)
            read_file(r, files.at[i].name);
    sl_mem_free(files.at);
}

/* The line `upto` is on disk: if nothing is found the file was renamed between the
 * listing and its opening. */
static void run(void *ctx)
{
    struct reading *r = ctx;

    for (int i = 0; i < TRIES && r->n == 0 && r->err == SL_OK && r->after < r->upto; i++)
        look(r);
    if (r->n == 0 && r->after < r->upto)
        r->err = SL_ERR_IO;
}

static void finish(void *ctx)
{
    struct reading *r = ctx;

    r->out->text = (struct sl_str){r->text + r->from, r->n};
    r->out->end = r->err == SL_OK && (r->n == 0 || r->last >= r->upto);
    r->out->last = r->out->end ? r->covers : r->last;
    r->done(r->ctx, r->err);
    sl_mem_free(r);
}

static void drop(void *ctx)
{
    sl_mem_free(ctx);
}

struct late { /* for want of memory there is no job, but still a later turn */
    sl_trail_done_fn *done;
    void *ctx; /* up */
};

static void run_late(void *ctx)
{
    (void)ctx;
}

static void finish_late(void *ctx)
{
    struct late *l = ctx;

    l->done(l->ctx, SL_ERR_NO_MEMORY);
    sl_mem_free(l);
}

void sl_trail_read_start(struct sl_trail *t, uint64_t after, struct sl_trail_page *out,
                         struct sl_op **slot, sl_trail_done_fn *done, void *ctx)
{
    struct reading *r = sl_mem_try(sizeof *r);

    *out = (struct sl_trail_page){.last = after};
    if (r == NULL) {
        struct late *l = sl_mem_new(sizeof *l);

        *l = (struct late){done, ctx};
        sl_work_start(t->net, run_late, l, slot, finish_late, drop);
        return;
    }
    memset(r, 0, offsetof(struct reading, text));
    memcpy(r->dir, t->dir, sizeof r->dir);
    r->after = after;
    r->upto = t->synced;
    r->covers = sl_trail_synced(t);
    r->out = out;
    r->done = done;
    r->ctx = ctx;
    sl_work_start(t->net, run, r, slot, finish, drop);
}
