/* store/front/mirror_sync.c -- the mirror reads the store's records, page by page, when they
 * changed, at most each SL_MIRROR_GAP_MS; and writes them to a store that lost them. */
#include "base/log.h"
#include "base/mem.h"
#include "store/front/mirror.h"

/* ---- reading ---- */

static void read_page(struct sl_mirror *m);

static void next_pass(struct sl_mirror *m)
{
    uint64_t now = sl_net_now(m->s->net), from = m->read_ms + SL_MIRROR_GAP_MS;

    if (m->due && m->reading == NULL && !sl_timer_is_armed(&m->timer))
        sl_timer_start(m->s->net, &m->timer, m->read_ms == 0 || from <= now ? 0 : from - now);
}

static void on_page(void *ctx, enum sl_err e)
{
    struct sl_mirror *m = ctx;

    if (e != SL_OK) {
        m->due = true; /* once more, from the beginning */
        next_pass(m);
        return;
    }
    for (size_t i = 0; i < m->page.n; i++)
        sl_mirror_note(m, &m->page.at[i]);
    m->after_n = m->page.next.n < sizeof m->after ? m->page.next.n : 0;
    if (m->after_n > 0)
        memcpy(m->after, m->page.next.p, m->after_n);
    else
        m->kind++;
    if (m->kind <= SL_RECORD_SWITCH)
        read_page(m);
    else
        next_pass(m);
}

static void read_page(struct sl_mirror *m)
{
    struct sl_store *s = m->s;

    if (!sl_store_is_asked(s) || s->health.lost) {
        m->due = true; /* the store's return brings it on again */
        return;
    }
    s->b->ops->list(s->b, (enum sl_record_kind)m->kind, (struct sl_str){NULL, 0},
                    (struct sl_str){m->after, m->after_n}, &m->page, &m->reading, on_page, m);
}

static void on_timer(struct sl_timer *t)
{
    struct sl_mirror *m = SL_CONTAINER(t, struct sl_mirror, timer);

    sl_mirror_sweep(m);
    m->due = false;
    m->read_ms = sl_net_now(m->s->net);
    m->kind = SL_RECORD_KEY;
    m->after_n = 0;
    read_page(m);
}

void sl_mirror_refresh(struct sl_mirror *m)
{
    m->due = true;
    next_pass(m);
}

/* ---- writing back ---- */

static void free_gone(struct sl_mirror *m)
{
    struct sl_list *n;

    while ((n = sl_list_pop_front(&m->gone)) != NULL)
        sl_mem_free(SL_CONTAINER(n, struct sl_mirror_row, node));
}

static void write_page(struct sl_mirror *m);

static void on_written(void *ctx, enum sl_err e)
{
    struct sl_mirror *m = ctx;

    free_gone(m);
    if (e != SL_OK) {
        m->turn++; /* all of them again, at the next beat */
        return;
    }
    write_page(m);
}

static size_t take_rows(struct sl_mirror *m)
{
    size_t n = 0;

    while (n < SL_STORE_PAGE && !sl_list_is_empty(&m->rows)) {
        struct sl_mirror_row *r = SL_CONTAINER(m->rows.next, struct sl_mirror_row, node);

        if (r->turn == m->turn)
            break;
        r->turn = m->turn;
        sl_list_unlink(&r->node);
        sl_list_push_back(&m->rows, &r->node);
        if (!sl_str_eq(r->rec.state, SL_STR("deleted")))
            m->call[n++] = r->rec;
    }
    return n;
}

static void write_page(struct sl_mirror *m)
{
    struct sl_store *s = m->s;
    size_t n = take_rows(m);

    if (n > 0) {
        s->b->ops->restore_records(s->b, m->call, n, &m->writing, on_written, m);
        return;
    }
    m->write_due = false;
    sl_log(SL_LOG_WARN, "store", (struct sl_str){NULL, 0},
           "%zu records of keys and tenants were written back to the store", m->n);
    sl_store_changed(s);
}

void sl_mirror_write_back(struct sl_mirror *m)
{
    if (m->writing != NULL || !sl_store_is_asked(m->s))
        return;
    if (!m->write_due)
        m->turn++;
    m->write_due = true;
    write_page(m);
}

bool sl_mirror_is_writing(const struct sl_mirror *m)
{
    return m->write_due;
}

void sl_mirror_sync_init(struct sl_mirror *m)
{
    sl_timer_init(&m->timer, on_timer);
    m->call = sl_mem_new(SL_STORE_PAGE * sizeof *m->call);
}

void sl_mirror_sync_fini(struct sl_mirror *m)
{
    sl_timer_stop(m->s->net, &m->timer);
    sl_op_cancel(&m->reading);
    sl_op_cancel(&m->writing);
    free_gone(m);
    sl_mem_free(m->call);
}
