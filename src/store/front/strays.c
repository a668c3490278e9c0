/* store/front/strays.c -- lines that another process of this state directory settled,
 * and did not get to the store before it died.
 *
 * The process that came before, or after, has a directory of its own beside ours
 * (store/trail/slots.c). What is left there is sent as its own instance's, which counts
 * each line once, and the directory is held until we end. */
#include "base/log.h"
#include "store/front/inside.h"

static void on_synced(void *ctx)
{
    struct sl_stray *y = ctx;

    sl_ledger_synced(y->l);
}

/* Held by a process that still finishes, or broken: `ledger verify` is for that. */
static void open_one(struct sl_store *s, struct sl_str dir)
{
    struct sl_stray *y = &s->strays[s->strays_n];
    char why[512] = "";

    y->t = sl_trail_open(s->net, dir, why, sizeof why);
    if (y->t == NULL) {
        sl_log(SL_LOG_DEBUG, "store", dir, "not looked at: %s", why);
        return;
    }
    sl_trail_only_send(y->t);
    y->l = sl_ledger_new(s->net, s->b, y->t, sl_trail_instance(y->t));
    sl_trail_on_synced(y->t, on_synced, y);
    s->strays_n++;
    sl_log(SL_LOG_WARN, "store", dir,
           "settled lines of a process that died are there; they are sent now");
}

void sl_strays_open(struct sl_store *s, struct sl_str root, struct sl_str own)
{
    char path[1200];

    for (unsigned i = 0; i < SL_TRAIL_SLOTS; i++) {
        if (!sl_trail_slot_path(root, i, path, sizeof path) || sl_str_eq(sl_str_of(path), own) ||
            !sl_trail_slot_has_unsent(path))
            continue;
        open_one(s, sl_str_of(path));
    }
}

void sl_strays_pump(struct sl_store *s)
{
    for (size_t i = 0; i < s->strays_n; i++)
        sl_ledger_pump(s->strays[i].l);
}

uint64_t sl_strays_unsent(const struct sl_store *s)
{
    uint64_t n = 0;

    for (size_t i = 0; i < s->strays_n; i++)
        n += sl_ledger_unsent(s->strays[i].l);
    return n;
}

void sl_strays_end(struct sl_store *s)
{
    for (size_t i = 0; i < s->strays_n; i++) {
        sl_trail_on_synced(s->strays[i].t, NULL, NULL);
        sl_ledger_end(&s->strays[i].l);
        sl_trail_end(&s->strays[i].t);
    }
    s->strays_n = 0;
}
