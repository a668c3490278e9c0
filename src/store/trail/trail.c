/* store/trail/trail.c -- the loop's half: numbers are given, lines wait in blocks, one job
 * at a time takes them to the disk. */
#include "store/trail.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/work.h"
#include "store/trail/inside.h"

#define RETRY_MS 500
#define HEAD_MS 1000
#define END_MS 2000

static struct sl_str name_of(const struct sl_trail *t)
{
    return (struct sl_str){t->instance, sizeof t->instance};
}

void sl_trail_let_go(struct sl_trail *t, struct sl_list *blocks)
{
    struct sl_list *n;

    while ((n = sl_list_pop_front(blocks)) != NULL) {
        struct sl_trail_block *b = SL_CONTAINER(n, struct sl_trail_block, node);

        t->waiting_n -= sizeof *b;
        if (t->spares_n == SL_TRAIL_SPARES) {
            sl_mem_free(b);
            continue;
        }
        sl_list_push_front(&t->spares, &b->node);
        t->spares_n++;
    }
}

static void free_blocks(struct sl_list *blocks)
{
    struct sl_list *n;

    while ((n = sl_list_pop_front(blocks)) != NULL)
        sl_mem_free(SL_CONTAINER(n, struct sl_trail_block, node));
}

static void free_disk(struct sl_trail_disk *d)
{
    free_blocks(&d->blocks);
    if (d->fd >= 0)
        close(d->fd);
    if (d->dir >= 0)
        close(d->dir);
    if (d->lock >= 0)
        close(d->lock); /* and only now another process may have the directory */
    sl_mem_wipe(&d->key, sizeof d->key);
    sl_mem_free(d);
}

static void drop_job(void *ctx)
{
    free_disk(ctx);
}

static void arm(struct sl_trail *t, uint64_t in_ms)
{
    if (t->job != NULL)
        return; /* its end arms again */
    if (!sl_timer_is_armed(&t->timer) || t->timer.due > sl_net_now(t->net) + in_ms)
        sl_timer_start(t->net, &t->timer, in_ms);
}

static bool is_head_due(const struct sl_trail *t)
{
    return t->head_acked != t->acked || t->head_last != t->synced;
}

/* For whatever is left to do. */
void sl_trail_arm(struct sl_trail *t)
{
    const struct sl_trail_block *b = sl_trail_first_block(&t->waiting);
    uint64_t now = sl_net_now(t->net);

    if (t->failing)
        arm(t, RETRY_MS);
    else if (b != NULL && (t->waiting_n >= SL_TRAIL_PLENTY * sizeof *b ||
                           b->began_ms + SL_TRAIL_DELAY_MS <= now))
        arm(t, 0);
    else if (b != NULL)
        arm(t, b->began_ms + SL_TRAIL_DELAY_MS - now);
    else if (is_head_due(t))
        arm(t, t->head_next_ms > now ? t->head_next_ms - now : 0);
}

static void on_job(void *ctx);

static void run_job(void *ctx)
{
    sl_trail_disk_write(ctx);
}

static void start_job(struct sl_trail *t)
{
    struct sl_trail_disk *d = t->disk;
    uint64_t now = sl_net_now(t->net);

    sl_timer_stop(t->net, &t->timer);
    if (sl_list_is_empty(&d->blocks)) /* else a batch that failed is still there */
        for (unsigned i = 0; i < SL_TRAIL_BATCH && !sl_list_is_empty(&t->waiting); i++)
            sl_list_push_back(&d->blocks, sl_list_pop_front(&t->waiting));
    t->busy_since_ms =
        sl_trail_first_block(&d->blocks) != NULL ? sl_trail_first_block(&d->blocks)->began_ms : 0;
    d->want_head = now >= t->head_next_ms && (t->busy_since_ms != 0 || is_head_due(t));
    if (t->busy_since_ms == 0 && !d->want_head) {
        sl_trail_arm(t);
        return;
    }
    if (d->want_head)
        t->head_next_ms = now + HEAD_MS;
    d->acked = t->acked;
    sl_work_start(t->net, run_job, d, &t->job, on_job, drop_job);
}

static void note_failure(struct sl_trail *t)
{
    if (!t->failing)
        sl_log(SL_LOG_ERROR, "store", name_of(t),
               "the trail in %s can't be written: %s; lines wait in memory, make room on its disk",
               t->dir, strerror(t->disk->failed));
    t->failing = true;
}

static void note_success(struct sl_trail *t)
{
    struct sl_trail_disk *d = t->disk;

    if (t->failing)
        sl_log(SL_LOG_WARN, "store", name_of(t),
               "the trail in %s is written again; %llu lines were dropped in all", t->dir,
               (unsigned long long)t->dropped);
    t->failing = false;
    t->synced = t->tip = d->last;
    t->tip_mac = d->mac;
    t->busy_since_ms = 0;
    sl_trail_let_go(t, &d->blocks);
    if (d->wrote_head) {
        t->head_acked = d->acked;
        t->head_last = d->last;
    }
}

static void on_job(void *ctx)
{
    struct sl_trail_disk *d = ctx;
    struct sl_trail *t = d->trail;

    if (d->failed != 0)
        note_failure(t);
    else
        note_success(t);
    sl_trail_arm(t);
    if (t->on_synced != NULL)
        t->on_synced(t->on_synced_ctx);
}

static void on_timer(struct sl_timer *timer)
{
    struct sl_trail *t = SL_CONTAINER(timer, struct sl_trail, timer);

    if (t->job == NULL)
        start_job(t);
}

void sl_trail_hurry(struct sl_trail *t)
{
    SL_OBJ_CHECK(t, SL_TRAIL_MAGIC);
    if (t->job == NULL && !sl_list_is_empty(&t->waiting))
        start_job(t);
}

void sl_trail_acked(struct sl_trail *t, uint64_t number)
{
    SL_OBJ_CHECK(t, SL_TRAIL_MAGIC);
    t->acked = number;
    sl_trail_arm(t);
}

/* ---- begin and end ---- */

static void write_start(struct sl_trail *t)
{
    int64_t now = sl_net_unix_ms(t->net);
    uint64_t base = now > 0 ? (uint64_t)now / 1000 << 20 : 0;
    char members[64];
    struct sl_text text = sl_text_over(members, sizeof members);

    t->covered = t->last = t->synced = t->tip = t->found = t->disk->last;
    t->tip_mac = t->found_mac = t->disk->mac;
    t->head_last = 0; /* not known: to be written */
    sl_text_add(&text, SL_STR("\"kind\":\"start\",\"from\":"));
    sl_text_u64(&text, t->last + 1);
    if (base > t->last + 1)
        t->last = base - 1;
    (void)sl_trail_append(t, now, sl_text_str(&text));
}

struct sl_trail *sl_trail_open(struct sl_net *net, struct sl_str dir, char *why, size_t cap)
{
    struct sl_trail *t;
    struct sl_trail_disk *d;

    if (dir.n == 0 || dir.n >= sizeof t->dir) {
        snprintf(why, cap, "the state directory's name is %s", dir.n == 0 ? "empty" : "too long");
        return NULL;
    }
    t = sl_mem_new(sizeof *t);
    d = sl_mem_new(sizeof *d);
    t->magic = SL_TRAIL_MAGIC;
    t->net = net;
    t->disk = d;
    t->waiting_max = SL_TRAIL_WAITING;
    memcpy(t->dir, dir.p, dir.n);
    sl_list_init(&t->waiting);
    sl_list_init(&t->spares);
    sl_timer_init(&t->timer, on_timer);
    d->trail = t;
    d->fd = d->dir = d->lock = -1;
    d->rotate = SL_TRAIL_ROTATE;
    sl_list_init(&d->blocks);
    if (!sl_trail_open_files(t, why, cap)) {
        free_disk(d);
        t->magic = SL_OBJ_DEAD;
        sl_mem_free(t);
        return NULL;
    }
    write_start(t);
    return t;
}

static void reap(struct sl_grave *g)
{
    struct sl_trail *t = SL_CONTAINER(g, struct sl_trail, grave);

    t->magic = SL_OBJ_DEAD;
    sl_mem_wipe(&t->blind, sizeof t->blind);
    sl_mem_free(t);
}

/* False: nothing is left, or the disk does not take it. */
static bool go_on(struct sl_trail *t, bool *tried)
{
    if (t->job != NULL)
        return true;
    if (*tried && t->failing)
        return false;
    if (sl_list_is_empty(&t->disk->blocks) && sl_list_is_empty(&t->waiting) && !is_head_due(t))
        return false;
    *tried = true;
    t->head_next_ms = 0;
    start_job(t);
    return t->job != NULL;
}

void sl_trail_end(struct sl_trail **pt)
{
    struct sl_trail *t = *pt;
    uint64_t until;
    bool tried = false;

    *pt = NULL;
    if (t == NULL)
        return;
    SL_OBJ_CHECK(t, SL_TRAIL_MAGIC);
    t->on_synced = NULL;
    until = sl_net_now_us(t->net) + END_MS * 1000;
    while (go_on(t, &tried) && sl_net_now_us(t->net) < until)
        (void)sl_net_turn(t->net, 10);
    sl_timer_stop(t->net, &t->timer);
    if (t->job != NULL || t->failing)
        sl_log(SL_LOG_ERROR, "store", name_of(t), "the end of the trail is not on disk");
    if (t->job != NULL)
        sl_op_cancel(&t->job); /* the thread is at it: the disk is freed when it is through */
    else
        free_disk(t->disk);
    sl_trail_let_go(t, &t->waiting);
    free_blocks(&t->spares);
    sl_net_bury(t->net, &t->grave, reap);
}

void sl_trail_leave(struct sl_trail *t)
{
    SL_OBJ_CHECK(t, SL_TRAIL_MAGIC);
    sl_trail_mark(t->disk->lock, true, t->since_ms);
}

void sl_trail_only_send(struct sl_trail *t)
{
    t->since_ms = 0; /* it is nobody's last one */
    sl_trail_leave(t);
}

/* ---- questions ---- */

struct sl_str sl_trail_instance(const struct sl_trail *t)
{
    return name_of(t);
}

struct sl_str sl_trail_dir(const struct sl_trail *t)
{
    return sl_str_of(t->dir);
}

bool sl_trail_is_new(const struct sl_trail *t)
{
    return t->is_new;
}

uint64_t sl_trail_last_acked(const struct sl_trail *t)
{
    return t->acked;
}

uint64_t sl_trail_last(const struct sl_trail *t)
{
    return t->last;
}

uint64_t sl_trail_tip(const struct sl_trail *t, uint8_t mac[32])
{
    memcpy(mac, t->tip_mac.b, sizeof t->tip_mac.b);
    return t->tip;
}

uint64_t sl_trail_found(const struct sl_trail *t, uint8_t mac[32])
{
    memcpy(mac, t->found_mac.b, sizeof t->found_mac.b);
    return t->found;
}

uint64_t sl_trail_synced(const struct sl_trail *t)
{
    bool idle = sl_list_is_empty(&t->disk->blocks) && sl_list_is_empty(&t->waiting);

    return idle ? t->covered : t->synced;
}

void sl_trail_on_synced(struct sl_trail *t, void (*fn)(void *ctx), void *ctx)
{
    t->on_synced = fn;
    t->on_synced_ctx = ctx;
}

bool sl_trail_is_failing(const struct sl_trail *t)
{
    return t->failing;
}

uint64_t sl_trail_dropped(const struct sl_trail *t)
{
    return t->dropped;
}

uint64_t sl_trail_lag_ms(const struct sl_trail *t)
{
    const struct sl_trail_block *b = sl_trail_first_block(&t->waiting);
    uint64_t since = t->busy_since_ms != 0 ? t->busy_since_ms : b != NULL ? b->began_ms : 0;

    return since != 0 ? sl_net_now(t->net) - since : 0;
}
