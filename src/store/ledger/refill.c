/* store/ledger/refill.c -- lines that only the trail holds: too many for memory, or left by
 * an earlier run.
 *
 *   numbers ─►   …read_to] (read_to … resume_after] (resume_after …
 *                queued      on disk, to be read      memory: `late`
 *
 * Once everything that is on disk has been read, lines that come are kept in `late`
 * again, and what was given a number before them (resume_after) is still read from
 * disk. When that is done the late ones go to the end of the queues, in order. */
#include "base/log.h"
#include "base/mem.h"
#include "store/ledger/inside.h"

static void free_late(struct sl_ledger *l)
{
    struct sl_list *n;

    while ((n = sl_list_pop_front(&l->late)) != NULL)
        sl_ledger_let_go(l, SL_CONTAINER(n, struct sl_entry, node));
    l->late_n = 0;
    l->resume_after = 0;
}

void sl_ledger_refill_init(struct sl_ledger *l)
{
    sl_list_init(&l->late);
    if (l->t == NULL || sl_trail_last_acked(l->t) >= sl_trail_synced(l->t))
        return;
    l->spilled = true;
    l->spilled_ms = sl_net_now(l->net);
    l->read_to = sl_trail_last_acked(l->t);
}

void sl_ledger_refill_fini(struct sl_ledger *l)
{
    sl_op_cancel(&l->reading);
    free_late(l);
}

bool sl_ledger_has_room(const struct sl_ledger *l, uint64_t number)
{
    if (!l->spilled)
        return l->queued < l->queued_max;
    return l->resume_after != 0 && number > l->resume_after && l->late_n < l->queued_max / 4;
}

void sl_ledger_leave(struct sl_ledger *l, uint64_t number)
{
    if (l->t == NULL) {
        l->dropped++;
        sl_ledger_say(l, (struct sl_str){NULL, 0},
                      "settled lines are dropped: the store is away and there is no trail to keep "
                      "them; give the gateway a state directory");
        return;
    }
    if (!l->spilled) {
        l->spilled = true;
        l->spilled_ms = sl_net_now(l->net);
        l->read_to = number - 1;
    } else {
        l->unread += l->late_n; /* they are on disk too: once more from there */
        free_late(l);
    }
    l->unread++;
}

/* ---- reading ---- */

static bool keep(struct sl_ledger *l, uint64_t number, struct sl_str text)
{
    char names[SL_LINE_TEXT];
    struct sl_str tenant;
    struct sl_line line;
    struct sl_entry *e;

    if (!sl_line_read(text, number, &line, &tenant, names))
        return true; /* a start, a key: not the store's business */
    e = sl_ledger_entry(l, tenant, &line);
    if (e == NULL)
        return false;
    sl_ledger_place(l, e);
    l->unread -= l->unread > 0;
    return true;
}

static bool number_of(struct sl_str line, uint64_t *n)
{
    return sl_json_u64(sl_json_get(line, SL_STR("n")), n);
}

/* False: memory ended; the rest is read again later. */
static bool keep_page(struct sl_ledger *l)
{
    struct sl_str rest = l->page.text, line;
    uint64_t upto = l->resume_after != 0 ? l->resume_after : UINT64_MAX, n;

    while (sl_str_split(&rest, '\n', &line)) {
        if (!number_of(line, &n) || n <= l->read_to)
            continue;
        if (n > upto)
            break;
        if (!keep(l, n, line))
            return false;
        l->read_to = n;
    }
    if (l->page.last > l->read_to)
        l->read_to = l->page.last < upto ? l->page.last : upto;
    return true;
}

/* Disk and memory meet: lines go the short way again. */
static void rejoin(struct sl_ledger *l)
{
    struct sl_list *n;

    while ((n = sl_list_pop_front(&l->late)) != NULL)
        sl_ledger_place(l, SL_CONTAINER(n, struct sl_entry, node));
    l->late_n = l->unread = l->resume_after = 0;
    l->spilled = false;
}

static void on_page(void *ctx, enum sl_err err)
{
    struct sl_ledger *l = ctx;
    bool whole;

    if (err != SL_OK) {
        sl_ledger_say(l, (struct sl_str){NULL, 0}, "the trail can't be read back");
        return; /* until the next pump */
    }
    whole = keep_page(l);
    if (whole && l->page.end && l->resume_after == 0)
        l->resume_after = sl_trail_last(l->t);
    if (l->resume_after != 0 && l->read_to >= l->resume_after)
        rejoin(l);
    sl_ledger_acknowledge(l);
    if (!whole)
        return;
    if (l->spilled && l->page.end)
        sl_trail_hurry(l->t); /* what is missing yet */
    sl_ledger_pump(l);
}

void sl_ledger_refill(struct sl_ledger *l)
{
    if (l->t == NULL || l->reading != NULL || l->paused != 0 || l->queued > l->queued_max / 2)
        return;
    if (!l->spilled) {
        sl_aside_refill(l);
        return;
    }
    if (l->resume_after != 0 && l->read_to >= sl_trail_synced(l->t))
        return; /* nothing new is on disk */
    sl_trail_read_start(l->t, l->read_to, &l->page, &l->reading, on_page, l);
}
