/* store/rebuild/write.c -- tenants that differ are set, page by page; then the records, and
 * the epoch: the store is whole. */
#include "base/log.h"
#include "store/rebuild/inside.h"

static void write_records(struct sl_rebuild *r);

static void write_page(struct sl_rebuild *r, bool first)
{
    struct sl_restore *w = &r->restore;

    *w = (struct sl_restore){
        .tenant = sl_total_name(r->tenant), .accounts = r->accounts, .rows = r->rows};
    for (; r->account != NULL && w->accounts_n < SL_STORE_PAGE; r->account = r->account->hh.next)
        r->accounts[w->accounts_n++] = r->account->a;
    for (; r->row != NULL && w->rows_n < SL_STORE_PAGE; r->row = r->row->hh.next)
        r->rows[w->rows_n++] = r->row->row;
    if (first) {
        w->seqs = r->job->totals.seqs;
        w->seqs_n = r->job->totals.seqs_n;
    }
}

static void on_written(void *ctx, enum sl_err e);

static void send_page(struct sl_rebuild *r)
{
    sl_store_restore_start(r->s, &r->restore, &r->below, on_written, r);
}

static void write_tenant(struct sl_rebuild *r, struct sl_total_tenant *of)
{
    while (of != NULL && !of->differs)
        of = of->hh.next;
    r->tenant = of;
    if (of == NULL) {
        r->state = SL_REBUILD_RECORDS;
        r->record = r->job->totals.records;
        write_records(r);
        return;
    }
    r->account = of->accounts;
    r->row = of->rows;
    write_page(r, true);
    send_page(r);
}

static void on_written(void *ctx, enum sl_err e)
{
    struct sl_rebuild *r = ctx;

    if (e != SL_OK) {
        sl_rebuild_explain(r, "the store did not take what was to be set; run the rebuild again");
        sl_rebuild_tell(r, e);
    } else if (r->state == SL_REBUILD_RECORDS) {
        write_records(r);
    } else if (r->account != NULL || r->row != NULL) {
        write_page(r, false);
        send_page(r);
    } else {
        write_tenant(r, r->tenant->hh.next);
    }
}

static void begin_mark(struct sl_rebuild *r)
{
    r->state = SL_REBUILD_MARK;
    r->until_ms = sl_net_now(r->s->net) + SL_STORE_ADMIN_MS;
    sl_health_mark(r->s);
    sl_timer_start(r->s->net, &r->timer, SL_REBUILD_LOOK_MS);
}

static void write_records(struct sl_rebuild *r)
{
    size_t n = 0;

    for (; r->record != NULL && n < SL_STORE_PAGE; r->record = r->record->hh.next)
        r->records[n++] = r->record->rec;
    if (n > 0)
        sl_store_restore_records_start(r->s, r->records, n, &r->below, on_written, r);
    else
        begin_mark(r);
}

void sl_rebuild_look(struct sl_rebuild *r)
{
    if (!r->s->health.lost && r->s->health.mark == NULL) {
        r->out->written = true;
        sl_log(SL_LOG_WARN, "store", (struct sl_str){NULL, 0},
               "the store was rebuilt from %zu trails: %llu differences were set right",
               r->out->trails_n, (unsigned long long)r->out->differences);
        sl_rebuild_tell(r, SL_OK);
    } else if (sl_net_now(r->s->net) > r->until_ms) {
        sl_rebuild_explain(r, "the store could not be marked as whole; run the rebuild again");
        sl_rebuild_tell(r, SL_ERR_STORE);
    } else {
        sl_timer_start(r->s->net, &r->timer, SL_REBUILD_LOOK_MS);
    }
}

void sl_rebuild_write(struct sl_rebuild *r)
{
    r->state = SL_REBUILD_WRITE;
    write_tenant(r, r->job->totals.tenants);
}
