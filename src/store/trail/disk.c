/* store/trail/disk.c -- the pool's half: lines get their macs, one write after the other,
 * one fsync at the end. `size`, `last` and `mac` move only when everything is on disk;
 * what a failure left behind them is written over by the same lines. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "store/trail/inside.h"

struct chain { /* as far as it was put together */
    uint64_t first, last;
    struct sl_trail_mac mac;
};

static bool fail(struct sl_trail_disk *d)
{
    d->failed = errno != 0 ? errno : EIO;
    return false;
}

static bool flush(struct sl_trail_disk *d)
{
    size_t at = 0;

    while (at < d->out_n) {
        ssize_t k = pwrite(d->fd, d->out + at, d->out_n - at, (off_t)(d->out_at + at));

        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return fail(d);
        at += (size_t)k;
    }
    d->out_at += d->out_n;
    d->out_n = 0;
    return true;
}

static bool put(struct sl_trail_disk *d, struct chain *c, uint64_t number, struct sl_str body)
{
    struct sl_text t;
    char hex[64];

    if (body.n + SL_TRAIL_TAIL + 1 > sizeof d->out - d->out_n && !flush(d))
        return false;
    c->mac = sl_trail_line_mac(&d->key, body, &c->mac);
    c->last = number;
    if (c->first == 0)
        c->first = number;
    sl_str_hex(c->mac.b, sizeof c->mac.b, hex);
    t = sl_text_over(d->out + d->out_n, sizeof d->out - d->out_n);
    sl_text_add(&t, body);
    sl_text_add(&t, SL_STR(",\"mac\":\""));
    sl_text_add(&t, (struct sl_str){hex, sizeof hex});
    sl_text_add(&t, SL_STR("\"}\n"));
    d->out_n += t.n;
    return true;
}

/* In the place of lines that memory could not hold. */
static bool put_gap(struct sl_trail_disk *d, struct chain *c, uint64_t from, uint64_t last)
{
    char line[160];
    struct sl_text t = sl_text_over(line, sizeof line);
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    sl_text_add(&t, SL_STR("{\"n\":"));
    sl_text_u64(&t, last);
    sl_text_add(&t, SL_STR(",\"t\":\""));
    sl_text_time(&t, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    sl_text_add(&t, SL_STR("\",\"kind\":\"dropped\",\"from\":"));
    sl_text_u64(&t, from);
    return put(d, c, last, sl_text_str(&t));
}

static bool put_block(struct sl_trail_disk *d, struct chain *c, const struct sl_trail_block *b)
{
    size_t at = 0;
    uint32_t n;

    if (b->gap_from != 0 && !put_gap(d, c, b->gap_from, b->first - 1))
        return false;
    while (at < b->n) {
        struct sl_str body;
        uint64_t number;

        memcpy(&n, b->bytes + at, sizeof n);
        body = (struct sl_str){b->bytes + at + sizeof n, n};
        if (!sl_trail_line_number(body, &number) || !put(d, c, number, body))
            return fail(d);
        at += sizeof n + n;
    }
    return true;
}

/* The full file gets its lines' numbers as its name. */
static bool rotate(struct sl_trail_disk *d)
{
    char name[SL_TRAIL_NAME];

    snprintf(name, sizeof name, "trail-%llu-%llu.jsonl", (unsigned long long)d->first,
             (unsigned long long)d->last);
    if (renameat(d->dir, "trail.jsonl", d->dir, name) != 0)
        return fail(d);
    close(d->fd);
    d->fd = -1;
    d->size = d->first = 0;
    return true;
}

static bool ensure_open(struct sl_trail_disk *d)
{
    if (d->fd >= 0)
        return true;
    d->fd = openat(d->dir, "trail.jsonl", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (d->fd < 0 || fsync(d->dir) != 0)
        return fail(d);
    return true;
}

static bool write_blocks(struct sl_trail_disk *d)
{
    struct chain c;

    if (d->fd >= 0 && d->size >= d->rotate && !rotate(d))
        return false;
    if (!ensure_open(d))
        return false;
    d->out_n = 0;
    d->out_at = d->size;
    c = (struct chain){.first = d->first, .last = d->last, .mac = d->mac};
    for (struct sl_list *n = d->blocks.next; n != &d->blocks; n = n->next)
        if (!put_block(d, &c, SL_CONTAINER(n, struct sl_trail_block, node)))
            return false;
    if (!flush(d))
        return false;
    if (fdatasync(d->fd) != 0)
        return fail(d);
    d->size = d->out_at;
    d->first = c.first;
    d->last = c.last;
    d->mac = c.mac;
    return true;
}

void sl_trail_disk_write(struct sl_trail_disk *d)
{
    struct sl_trail_head h;

    d->failed = 0;
    d->wrote_head = false;
    errno = 0;
    if (!sl_list_is_empty(&d->blocks) && !write_blocks(d))
        return;
    h = (struct sl_trail_head){.acked = d->acked, .last = d->last, .mac = d->mac};
    d->wrote_head = d->want_head && sl_trail_head_write(d->dir, &d->key, &h);
}
