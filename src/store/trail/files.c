/* store/trail/files.c -- which files a trail has, and reading them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/trail/inside.h"

#define FILES_MAX 100000 /* 25 TB of lines */

/* "trail-<first>-<last>.jsonl" */
static bool read_name(const char *name, struct sl_trail_file *f)
{
    struct sl_str rest = sl_str_of(name), first, last;

    if (rest.n >= SL_TRAIL_NAME || !sl_str_starts(rest, SL_STR("trail-")) ||
        !sl_str_ends(rest, SL_STR(".jsonl")))
        return false;
    memcpy(f->name, name, rest.n + 1);
    rest = sl_str_from(sl_str_first(rest, rest.n - 6), 6);
    return sl_str_split(&rest, '-', &first) && sl_str_split(&rest, '-', &last) && rest.n == 0 &&
           sl_str_to_u64(first, &f->first) && sl_str_to_u64(last, &f->last) && f->first > 0 &&
           f->first <= f->last;
}

static bool push(struct sl_trail_files *out, const struct sl_trail_file *f)
{
    struct sl_trail_file *more;

    if ((out->n & (out->n - 1)) == 0) { /* a power of two: full, or the first */
        more = sl_mem_grow(out->at, (out->n == 0 ? 1 : out->n * 2) * sizeof *more);
        if (more == NULL)
            return false;
        out->at = more;
    }
    out->at[out->n++] = *f;
    return true;
}

static int by_first(const void *a, const void *b)
{
    const struct sl_trail_file *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

static bool gather(DIR *d, struct sl_trail_files *out)
{
    struct dirent *e;
    struct sl_trail_file f;

    while ((e = readdir(d)) != NULL) {
        if (read_name(e->d_name, &f) && (out->n == FILES_MAX || !push(out, &f)))
            return false;
    }
    if (out->n > 1)
        qsort(out->at, out->n, sizeof *out->at, by_first);
    f = (struct sl_trail_file){.name = "trail.jsonl", .last = UINT64_MAX};
    return push(out, &f);
}

bool sl_trail_files_list(const char *dir, struct sl_trail_files *out, char *why, size_t cap)
{
    DIR *d = opendir(dir);
    bool ok;

    *out = (struct sl_trail_files){NULL, 0};
    if (d == NULL) {
        snprintf(why, cap, "%s: %s", dir, strerror(errno));
        return false;
    }
    ok = gather(d, out);
    closedir(d);
    if (!ok) {
        snprintf(why, cap, "%s: not enough memory for the names of its files", dir);
        sl_mem_free(out->at);
        *out = (struct sl_trail_files){NULL, 0};
    }
    return ok;
}

int sl_trail_files_open(const char *dir, const char *name)
{
    char path[SL_TRAIL_PATH + SL_TRAIL_NAME];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

int64_t sl_trail_files_read(int fd, uint64_t at, char *p, size_t n)
{
    ssize_t k;

    do {
        k = pread(fd, p, n, (off_t)at);
    } while (k < 0 && errno == EINTR);
    return k;
}

/* Offset and number of the first line that begins at or behind `at`; false: none is whole
 * there. */
static bool line_at(int fd, uint64_t at, char *place, uint64_t *begin, uint64_t *number)
{
    int64_t n = sl_trail_files_read(fd, at, place, SL_TRAIL_PROBE);
    struct sl_str s = {place, n > 0 ? (size_t)n : 0};
    ptrdiff_t nl = at > 0 ? sl_str_find_byte(s, '\n') : -1;

    if (at > 0 && nl < 0)
        return false;
    *begin = at + (uint64_t)(nl + 1);
    return sl_trail_line_number(sl_str_from(s, (size_t)(nl + 1)), number);
}

uint64_t sl_trail_files_find(int fd, uint64_t size, uint64_t after, char *place)
{
    uint64_t low = 0, high = size;

    while (high - low > SL_TRAIL_PROBE) {
        uint64_t middle = low + (high - low) / 2, begin, number;

        if (line_at(fd, middle, place, &begin, &number) && number <= after && begin < high)
            low = begin;
        else
            high = middle;
    }
    return low;
}

bool sl_trail_files_key(const char *dir, struct sl_tls_key *key)
{
    int fd = sl_trail_files_open(dir, "trail.key");
    uint8_t bytes[32];
    char hex[65];
    bool ok;

    if (fd < 0)
        return false;
    ok = sl_trail_files_read(fd, 0, hex, sizeof hex) == (int64_t)sizeof hex && hex[64] == '\n' &&
         sl_str_unhex((struct sl_str){hex, 64}, bytes, sizeof bytes);
    if (ok)
        sl_tls_key_init(key, (struct sl_str){(const char *)bytes, sizeof bytes});
    sl_mem_wipe(bytes, sizeof bytes);
    close(fd);
    sl_mem_wipe(hex, sizeof hex);
    if (!ok)
        errno = EINVAL;
    return ok;
}
