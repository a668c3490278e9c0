/* store/trail/slots.c -- a state directory for each of the processes that follow one
 * another without a gap: DIR itself, and DIR/hot-1 to DIR/hot-7. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/trail/inside.h"

#define TAIL (2 * SL_TRAIL_LINE)
#define SERVING "serving "
#define LEAVING "leaving "

struct slot {
    bool there, held, leaving;
    uint64_t since_ms; /* when its last process began */
};

bool sl_trail_slot_path(struct sl_str dir, unsigned i, char *out, size_t cap)
{
    int n = i == 0 ? snprintf(out, cap, "%.*s", SL_STR_ARGS(dir))
                   : snprintf(out, cap, "%.*s/hot-%u", SL_STR_ARGS(dir), i);

    return n > 0 && (size_t)n < cap;
}

static void read_mark(int fd, struct slot *s)
{
    char text[64];
    ssize_t n = pread(fd, text, sizeof text, 0);
    struct sl_str mark = {text, n > 0 ? (size_t)n : 0}, number;

    s->leaving = sl_str_starts(mark, SL_STR(LEAVING));
    number = sl_str_from(mark, sizeof SERVING - 1);
    if (number.n > 0)
        number.n--; /* its line end */
    if (!sl_str_to_u64(number, &s->since_ms))
        s->since_ms = 0;
}

static struct slot look(struct sl_str dir, unsigned i)
{
    struct slot s = {.there = false};
    char path[SL_TRAIL_PATH];
    int fd;

    if (!sl_trail_slot_path(dir, i, path, sizeof path))
        return s;
    fd = sl_trail_files_open(path, "lock");
    if (fd < 0)
        return s;
    s.there = true;
    s.held = flock(fd, LOCK_SH | LOCK_NB) != 0;
    read_mark(fd, &s);
    close(fd);
    return s;
}

void sl_trail_mark(int lock, bool leaving, uint64_t since_ms)
{
    char text[64];
    struct sl_text t = sl_text_over(text, sizeof text);

    sl_text_printf(&t, "%s%llu\n", leaving ? LEAVING : SERVING, (unsigned long long)since_ms);
    if (pwrite(lock, text, t.n, 0) != (ssize_t)t.n)
        (void)errno; /* a full disk: then it counts as serving */
}

/* The one that was in use last knows most: its keys, and what it had not sent. */
static unsigned latest(const struct slot *slots)
{
    unsigned best = SL_TRAIL_SLOTS;

    for (unsigned i = 0; i < SL_TRAIL_SLOTS; i++)
        if (slots[i].there && !slots[i].held &&
            (best == SL_TRAIL_SLOTS || slots[i].since_ms > slots[best].since_ms))
            best = i;
    return best;
}

static unsigned first_free(const struct slot *slots)
{
    unsigned i = 0;

    while (i < SL_TRAIL_SLOTS && slots[i].held)
        i++;
    return i;
}

/* Of the last whole line in trail.jsonl; 0: there is none. */
static uint64_t last_number(const char *path)
{
    int fd = sl_trail_files_open(path, "trail.jsonl");
    char *text = fd >= 0 ? sl_mem_try(TAIL) : NULL;
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    uint64_t from = size > TAIL ? (uint64_t)size - TAIL : 0, number = 0;
    int64_t n = text != NULL ? sl_trail_files_read(fd, from, text, TAIL) : 0;
    const char *end = n > 0 ? memrchr(text, '\n', (size_t)n) : NULL;
    const char *before = end != NULL ? memrchr(text, '\n', (size_t)(end - text)) : NULL;
    const char *begin = before != NULL ? before + 1 : text;

    if (end == NULL ||
        !sl_trail_line_number((struct sl_str){begin, (size_t)(end - begin)}, &number))
        number = 0;
    sl_mem_free(text);
    if (fd >= 0)
        close(fd);
    return number;
}

bool sl_trail_slot_has_unsent(const char *path)
{
    struct sl_trail_head h = {0};
    struct sl_tls_key key;
    uint64_t last;
    bool ok;

    if (!sl_trail_files_key(path, &key))
        return false;
    ok = sl_trail_head_read(path, &key, &h) != SL_TRAIL_HEAD_BAD;
    sl_mem_wipe(&key, sizeof key);
    if (!ok)
        return false;
    last = last_number(path);
    return (last > h.last ? last : h.last) > h.acked;
}

bool sl_trail_slot(struct sl_str dir, bool hot, char *out, size_t cap, char *why, size_t why_cap)
{
    struct slot slots[SL_TRAIL_SLOTS];
    unsigned chosen;

    for (unsigned i = 0; i < SL_TRAIL_SLOTS; i++)
        slots[i] = look(dir, i);
    for (unsigned i = 0; i < SL_TRAIL_SLOTS && !hot; i++)
        if (slots[i].held && !slots[i].leaving) {
            snprintf(why, why_cap,
                     "%.*s: another process uses this state directory; give each its own",
                     SL_STR_ARGS(dir));
            return false;
        }
    chosen = hot ? SL_TRAIL_SLOTS : latest(slots);
    if (chosen == SL_TRAIL_SLOTS)
        chosen = first_free(slots);
    if (chosen < SL_TRAIL_SLOTS && sl_trail_slot_path(dir, chosen, out, cap))
        return true;
    snprintf(why, why_cap,
             "%.*s: %d processes that were followed by others still finish; wait for one to end",
             SL_STR_ARGS(dir), SL_TRAIL_SLOTS);
    return false;
}
