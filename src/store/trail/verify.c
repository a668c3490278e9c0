/* store/trail/verify.c -- does every line follow from the one before it?
 *
 * The first line that does not is named, and what seems to have happened: its number is
 * the one expected but its mac is not (changed); the expected number comes later
 * (reordered); it does not come at all (missing), unless the line behind goes on as if
 * only this line's number were wrong (changed). An end that was cut off leaves a sound
 * chain: trail.head knows how far it went. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "store/trail/inside.h"

#define LOOK_AHEAD 4096 /* lines in which a displaced one is looked for */

struct walk {
    const char *dir;
    struct sl_trail_files files;
    size_t file;     /* being read */
    int fd, current; /* current: trail.jsonl, opened first, so that a rotation loses nothing */
    uint64_t at;     /* in the file: behind what is in `buf` */
    size_t from, n;
    size_t rest; /* bytes at the file's end, in `buf`, that no line end follows */
    bool torn, failed;
    char *buf; /* owns: two lines and more */
};

#define BUF ((size_t)1 << 20)

static bool next_file(struct walk *w)
{
    if (w->fd >= 0 && w->fd != w->current)
        close(w->fd);
    w->fd = -1;
    w->at = 0;
    w->from = w->n = 0;
    if (w->file == w->files.n)
        return false;
    if (w->file == w->files.n - 1)
        w->fd = w->current;
    else
        w->fd = sl_trail_files_open(w->dir, w->files.at[w->file].name);
    w->failed = w->fd < 0 && w->file < w->files.n - 1;
    w->file++;
    return w->fd >= 0;
}

/* The next whole line of the current file. */
static bool line_here(struct walk *w, struct sl_str *line)
{
    for (;;) {
        struct sl_str s = {w->buf + w->from, w->n - w->from};
        ptrdiff_t nl = sl_str_find_byte(s, '\n');
        int64_t k;

        if (nl >= 0) {
            *line = sl_str_first(s, (size_t)nl);
            w->from += (size_t)nl + 1;
            return true;
        }
        memmove(w->buf, s.p, s.n);
        w->from = 0;
        w->n = s.n;
        if (s.n == BUF) { /* no line of ours is that long: let it be judged as it stands */
            *line = s;
            w->from = w->n;
            return true;
        }
        k = sl_trail_files_read(w->fd, w->at, w->buf + w->n, BUF - w->n);
        w->failed = k < 0;
        if (k <= 0) {
            w->torn = w->n > 0;
            w->rest = w->n;
            return false;
        }
        w->at += (uint64_t)k;
        w->n += (size_t)k;
    }
}

static bool next_line(struct walk *w, struct sl_str *line)
{
    while (!w->failed) {
        if (w->fd >= 0 && line_here(w, line))
            return true;
        if (w->failed || !next_file(w))
            return false;
    }
    return false;
}

static void end_walk(struct walk *w)
{
    if (w->fd >= 0 && w->fd != w->current)
        close(w->fd);
    if (w->current >= 0)
        close(w->current);
    sl_mem_free(w->files.at);
    sl_mem_free(w->buf);
}

static const char *here(const struct walk *w)
{
    if (w->file == 0)
        return "trail.jsonl";
    return w->files.at[w->file - 1].name;
}

/* ---- what happened ---- */

struct chain {
    struct sl_tls_key key;
    struct sl_trail_mac mac;
    uint64_t expected; /* 0: the first line may begin anywhere */
};

/* Is the expected number further on? And does the next line follow the bad one? */
static void look_on(struct walk *w, const struct chain *c, const struct sl_trail_mac *stored,
                    bool *comes, bool *follows)
{
    struct sl_str line, body;
    uint64_t n;

    *comes = *follows = false;
    for (unsigned i = 0; i < LOOK_AHEAD && !*comes && next_line(w, &line); i++) {
        struct sl_trail_mac mac, is;

        if (!sl_trail_line_split(line, &body, &mac) || !sl_trail_line_number(line, &n))
            continue;
        *comes = n == c->expected || sl_trail_line_from(line, n) == c->expected;
        is = sl_trail_line_mac(&c->key, body, stored);
        if (i == 0 && n == c->expected + 1 && sl_trail_mac_eq(&is, &mac))
            *follows = true;
    }
}

static void explain(struct walk *w, const struct chain *c, struct sl_str line,
                    struct sl_trail_report *out)
{
    struct sl_trail_mac stored = {{0}};
    char name[SL_TRAIL_NAME];
    struct sl_str body;
    uint64_t n = 0, from = 0;
    bool comes, follows, whole;

    snprintf(name, sizeof name, "%s", here(w));
    whole = sl_trail_line_split(line, &body, &stored) && sl_trail_line_number(line, &n);
    if (whole)
        from = sl_trail_line_from(line, n);
    out->broken_at = c->expected;
    look_on(w, c, &stored, &comes, &follows);
    if (!whole || from == c->expected || (follows && !comes))
        snprintf(out->what, sizeof out->what, "line %llu was changed, in %s",
                 (unsigned long long)c->expected, name);
    else if (comes || n < c->expected)
        snprintf(out->what, sizeof out->what,
                 "lines were reordered: %llu stands where %llu belongs, in %s",
                 (unsigned long long)n, (unsigned long long)c->expected, name);
    else
        snprintf(out->what, sizeof out->what, "lines %llu to %llu are missing, before %s",
                 (unsigned long long)c->expected, (unsigned long long)(from - 1), name);
}

/* Takes a line that follows; false if it does not. */
static bool follow(struct chain *c, struct sl_str line, struct sl_trail_report *out, uint64_t *n)
{
    struct sl_trail_mac mac, is;
    struct sl_str body;
    uint64_t from;

    if (!sl_trail_line_split(line, &body, &mac) || !sl_trail_line_number(line, n))
        return false;
    from = sl_trail_line_from(line, *n);
    if (from != c->expected)
        return false;
    is = sl_trail_line_mac(&c->key, body, &c->mac);
    if (!sl_trail_mac_eq(&is, &mac))
        return false;
    if (sl_str_eq(sl_json_get(line, SL_STR("kind")), SL_STR("\"dropped\"")))
        out->dropped += *n - from + 1;
    c->mac = mac;
    c->expected = *n + 1;
    return true;
}

static void follow_all(struct walk *w, struct chain *c, struct sl_trail_report *out,
                       sl_trail_line_fn *fn, void *ctx)
{
    struct sl_str line;
    uint64_t n;

    while (next_line(w, &line)) {
        if (!follow(c, line, out, &n)) {
            explain(w, c, line, out);
            return;
        }
        if (out->lines++ == 0)
            out->first = n;
        out->last = n;
        if (fn != NULL)
            fn(ctx, n, line);
    }
}

/* A whole line, and another byte where its end was: nothing that was being written. */
static bool is_end_changed(const struct walk *w, const struct chain *c)
{
    struct sl_trail_mac mac, is;
    struct sl_str body;

    if (w->rest == 0 || !sl_trail_line_split((struct sl_str){w->buf, w->rest - 1}, &body, &mac))
        return false;
    is = sl_trail_line_mac(&c->key, body, &c->mac);
    return sl_trail_mac_eq(&is, &mac);
}

static void judge_end(const struct walk *w, const struct chain *c, enum sl_trail_head_is is,
                      const struct sl_trail_head *head, struct sl_trail_report *out)
{
    bool changed = is_end_changed(w, c);

    out->torn = w->torn && !changed;
    if (!changed && is == SL_TRAIL_HEAD_OK && head->last < c->expected)
        return;
    out->broken_at = c->expected;
    if (changed)
        snprintf(out->what, sizeof out->what, "line %llu was changed, in %s",
                 (unsigned long long)c->expected, here(w));
    else if (is == SL_TRAIL_HEAD_OK)
        snprintf(out->what, sizeof out->what,
                 "the end was cut off: lines %llu to %llu are missing, after %s",
                 (unsigned long long)c->expected, (unsigned long long)head->last, here(w));
    else if (is == SL_TRAIL_HEAD_BAD || out->lines > 0)
        snprintf(out->what, sizeof out->what,
                 "trail.head is %s: whether the end was cut off can't be known",
                 is == SL_TRAIL_HEAD_BAD ? "changed" : "gone");
    else
        out->broken_at = 0;
}

static bool begin_walk(struct walk *w, struct sl_trail_report *out)
{
    char first[32];
    uint64_t number;
    int64_t n;

    w->fd = -1;
    w->buf = sl_mem_try(BUF);
    w->current = sl_trail_files_open(w->dir, "trail.jsonl");
    if (w->buf == NULL) {
        snprintf(out->what, sizeof out->what, "not enough memory");
        return false;
    }
    if (!sl_trail_files_list(w->dir, &w->files, out->what, sizeof out->what))
        return false;
    n = w->current >= 0 ? sl_trail_files_read(w->current, 0, first, sizeof first) : 0;
    /* renamed since it was opened: it is in the list under its numbers */
    if (n > 0 && w->files.n > 1 &&
        sl_trail_line_number((struct sl_str){first, (size_t)n}, &number) &&
        number == w->files.at[w->files.n - 2].first) {
        close(w->current);
        w->current = -1;
    }
    out->files = w->files.n - (n <= 0 || w->current < 0);
    return true;
}

static bool read_instance(const char *dir, struct sl_trail_report *out)
{
    int fd = sl_trail_files_open(dir, "instance");
    bool ok = fd >= 0 && sl_trail_files_read(fd, 0, out->instance, 8) == 8;

    if (fd >= 0)
        close(fd);
    return ok;
}

bool sl_trail_instance_in(struct sl_str dir, char out[9])
{
    struct sl_trail_report r = {.lines = 0};
    char path[SL_TRAIL_PATH];
    bool ok;

    if (dir.n == 0 || dir.n >= sizeof path)
        return false;
    memcpy(path, dir.p, dir.n);
    path[dir.n] = 0;
    ok = read_instance(path, &r);
    memcpy(out, r.instance, sizeof r.instance);
    return ok;
}

static bool prepare(const char *dir, struct chain *c, struct sl_trail_report *out)
{
    const char *what = "instance";

    c->expected = 1;
    if (read_instance(dir, out)) {
        what = "trail.key";
        if (sl_trail_files_key(dir, &c->key))
            return true;
    }
    snprintf(out->what, sizeof out->what,
             "%.100s/%s can't be read: %s; a trail lies in a gateway's state directory", dir, what,
             strerror(errno));
    return false;
}

enum sl_err sl_trail_verify(struct sl_str dir, struct sl_trail_report *out, sl_trail_line_fn *fn,
                            void *ctx)
{
    char path[SL_TRAIL_PATH];
    struct walk w = {.dir = path, .fd = -1, .current = -1};
    struct chain c = {.expected = 0};
    struct sl_trail_head head;
    enum sl_trail_head_is is;
    bool ok;

    *out = (struct sl_trail_report){.lines = 0};
    if (dir.n == 0 || dir.n >= sizeof path) {
        snprintf(out->what, sizeof out->what, "the directory's name is empty or too long");
        return SL_ERR_IO;
    }
    memcpy(path, dir.p, dir.n);
    path[dir.n] = 0;
    if (!prepare(path, &c, out))
        return SL_ERR_IO;
    is = sl_trail_head_read(path, &c.key, &head); /* first: a running process goes on writing */
    ok = begin_walk(&w, out);
    if (ok) {
        follow_all(&w, &c, out, fn, ctx);
        if (out->broken_at == 0)
            judge_end(&w, &c, is, &head, out);
        ok = !w.failed;
        if (!ok)
            snprintf(out->what, sizeof out->what, "%s can't be read: %s", here(&w),
                     strerror(errno));
    }
    end_walk(&w);
    sl_mem_wipe(&c.key, sizeof c.key);
    return ok ? SL_OK : SL_ERR_IO;
}
