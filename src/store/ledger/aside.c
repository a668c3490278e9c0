/* store/ledger/aside.c -- a tenant whose lines can't be applied (a broken key of its own)
 * keeps nobody else's: SL_LEDGER_STUCK of its lines stay in memory, to be tried again with
 * each pump; the others are left to the trail, and are read back from it for this
 * tenant alone when it goes on.
 *
 *   numbers ─►   …read_to] (read_to …              newest]
 *                queued      on disk, to be read
 *
 * What is queued meanwhile stands behind lines of others that are younger: its numbers
 * bound what is acknowledged by themselves, not by their place among all lines. */
#include "base/log.h"
#include "base/mem.h"
#include "store/ledger/inside.h"

#define CATCH_UP (4 * SL_LEDGER_BATCH) /* lines in memory of a tenant that is read back */

static struct sl_str tenant_of(const struct sl_desk *d)
{
    return (struct sl_str){d->tenant, d->tenant_n};
}

static bool is_unread(const struct sl_desk *d)
{
    return d->aside.on && d->aside.newest > d->aside.read_to;
}

static void show(const struct sl_desk *d)
{
    if (d->aside.stuck != NULL)
        sl_metric_set(d->aside.stuck, d->failing ? (double)(d->queue_n + d->aside.n) : 0);
}

bool sl_aside_has_room(const struct sl_ledger *l, const struct sl_desk *d)
{
    if (l->t == NULL)
        return !d->failing || d->queue_n < l->queued_max / 16;
    return !is_unread(d) && (!d->failing || d->queue_n < SL_LEDGER_STUCK);
}

void sl_aside_leave(struct sl_ledger *l, struct sl_entry *e)
{
    struct sl_desk *d = e->desk;

    if (!d->aside.on)
        l->asides++;
    if (!is_unread(d)) {
        d->aside.read_to = e->line.number - 1;
        d->aside.newest = e->line.number;
    }
    d->aside.on = true;
    if (e->line.number <= d->aside.read_to) /* shed: from the end of the queue */
        d->aside.read_to = e->line.number - 1;
    if (e->line.number > d->aside.newest)
        d->aside.newest = e->line.number;
    d->aside.n++;
    l->aside_n++;
    sl_ledger_let_go(l, e);
}

void sl_aside_fail(struct sl_ledger *l, struct sl_desk *d)
{
    const struct sl_str tenant = tenant_of(d);

    if (!d->failing)
        sl_log(SL_LOG_ERROR, "store", tenant,
               "settled lines of this tenant can't be applied: one of its keys in the store is "
               "broken (a warning names it). They wait in the trail and are tried again; other "
               "tenants' go on");
    d->failing = true;
    while (l->t != NULL && d->queue_n > SL_LEDGER_STUCK)
        sl_aside_leave(l, SL_CONTAINER(d->queue.prev, struct sl_entry, node));
    if (d->aside.stuck == NULL && l->stuck != NULL)
        d->aside.stuck = sl_metric_series(l->stuck, &tenant);
    show(d);
}

void sl_aside_applied(struct sl_ledger *l, struct sl_desk *d)
{
    if (d->failing)
        sl_log(SL_LOG_INFO, "store", tenant_of(d),
               "settled lines of this tenant are applied again");
    d->failing = false;
    show(d);
    if (d->aside.on && !is_unread(d) && d->queue_n == 0) {
        d->aside.on = false;
        l->asides--;
    }
}

static const struct sl_entry *first_of(const struct sl_desk *d)
{
    return d->queue_n == 0 ? NULL : SL_CONTAINER(d->queue.next, struct sl_entry, node);
}

void sl_aside_bound(const struct sl_ledger *l, uint64_t *number, uint64_t *since_ms)
{
    const struct sl_desk *d, *next;

    if (l->asides == 0)
        return;
    HASH_ITER(hh, l->desks, d, next)
    {
        const struct sl_entry *e = d->aside.on ? first_of(d) : NULL;
        uint64_t own = e != NULL ? e->line.number - 1 : is_unread(d) ? d->aside.read_to : *number;

        if (own < *number)
            *number = own;
        if (e != NULL && e->at_ms < *since_ms)
            *since_ms = e->at_ms;
    }
}

/* ---- reading back ---- */

/* False: there is no more room, or no memory. */
static bool keep(struct sl_ledger *l, struct sl_desk *d, uint64_t number, struct sl_str text)
{
    char names[SL_LINE_TEXT];
    struct sl_str tenant;
    struct sl_line line;
    struct sl_entry *e;

    if (!sl_line_read(text, number, &line, &tenant, names) || !sl_str_eq(tenant, tenant_of(d)))
        return true;
    e = d->queue_n < CATCH_UP ? sl_ledger_entry(l, tenant, &line) : NULL;
    if (e == NULL)
        return false;
    sl_ledger_queue(l, e);
    d->aside.n -= d->aside.n > 0;
    l->aside_n -= l->aside_n > 0;
    return true;
}

static void keep_page(struct sl_ledger *l, struct sl_desk *d)
{
    struct sl_str rest = l->page.text, line;
    uint64_t upto = l->spilled ? l->read_to : UINT64_MAX, n; /* beyond it refill.c reads */

    while (sl_str_split(&rest, '\n', &line)) {
        if (!sl_json_u64(sl_json_get(line, SL_STR("n")), &n) || n <= d->aside.read_to)
            continue;
        if (n > upto || !keep(l, d, n, line))
            return;
        d->aside.read_to = n;
    }
    if (l->page.last > d->aside.read_to)
        d->aside.read_to = l->page.last < upto ? l->page.last : upto;
}

static void on_page(void *ctx, enum sl_err err)
{
    struct sl_desk *d = ctx;
    struct sl_ledger *l = d->ledger;

    if (err != SL_OK) {
        sl_ledger_say(l, tenant_of(d), "the trail can't be read back");
        return; /* until the next pump */
    }
    keep_page(l, d);
    if (is_unread(d))
        sl_trail_hurry(l->t);
    sl_ledger_acknowledge(l);
    sl_ledger_pump(l);
}

void sl_aside_refill(struct sl_ledger *l)
{
    struct sl_desk *d, *next;

    if (l->asides == 0)
        return;
    HASH_ITER(hh, l->desks, d, next)
    {
        if (!is_unread(d) && d->queue_n == 0 && d->aside.on)
            sl_aside_applied(l, d); /* what was unread was no line of this tenant */
        if (!is_unread(d) || d->failing || d->queue_n > SL_LEDGER_BATCH ||
            d->aside.read_to >= sl_trail_synced(l->t))
            continue;
        sl_trail_read_start(l->t, d->aside.read_to, &l->page, &l->reading, on_page, d);
        return;
    }
}

void sl_aside_forget(struct sl_ledger *l)
{
    struct sl_desk *d, *next;

    HASH_ITER(hh, l->desks, d, next)
    {
        d->aside.on = false;
        d->aside.n = 0;
    }
    l->asides = l->aside_n = 0;
}
