/* store/ledger/ledger.c -- queues per tenant, and who has what already. */
#include "store/ledger/ledger.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/ledger/inside.h"

#define LOG_MS 10000 /* between two lines about lines that don't get through */

void sl_ledger_say(struct sl_ledger *l, struct sl_str tenant, const char *what)
{
    uint64_t now = sl_net_now(l->net);

    if (l->failed_ms != 0 && now - l->failed_ms < LOG_MS)
        return;
    l->failed_ms = now;
    sl_log(SL_LOG_WARN, "store", tenant, "%s; %llu settled lines wait", what,
           (unsigned long long)sl_ledger_unsent(l));
}

/* ---- desks ---- */

static struct sl_desk *desk_of(struct sl_ledger *l, struct sl_str tenant)
{
    struct sl_desk *d;

    HASH_FIND(hh, l->desks, tenant.p, tenant.n, d);
    if (d != NULL)
        return d;
    d = sl_mem_new(sizeof *d + tenant.n);
    d->ledger = l;
    sl_list_init(&d->queue);
    d->tenant_n = tenant.n;
    if (tenant.n > 0)
        memcpy(d->tenant, tenant.p, tenant.n);
    HASH_ADD_KEYPTR(hh, l->desks, d->tenant, d->tenant_n, d);
    return d;
}

static struct sl_str tenant_of(const struct sl_desk *d)
{
    return (struct sl_str){d->tenant, d->tenant_n};
}

static void end_desk(struct sl_ledger *l, struct sl_desk *d)
{
    sl_op_cancel(&d->op);
    HASH_DEL(l->desks, d);
    sl_mem_free(d->lines);
    sl_mem_free(d);
}

/* ---- entries ---- */

struct sl_entry *sl_ledger_entry(struct sl_ledger *l, struct sl_str tenant,
                                 const struct sl_line *line)
{
    struct sl_entry *e = sl_entry_new(line);

    if (e == NULL)
        return NULL;
    e->desk = desk_of(l, tenant);
    e->desk->entries++;
    e->at_ms = sl_net_now(l->net);
    return e;
}

void sl_ledger_queue(struct sl_ledger *l, struct sl_entry *e)
{
    sl_list_push_back(&e->desk->queue, &e->node);
    if (!e->desk->aside.on)
        sl_list_push_back(&l->all, &e->all);
    e->queued = true;
    e->desk->queue_n++;
    l->queued++;
}

void sl_ledger_place(struct sl_ledger *l, struct sl_entry *e)
{
    if (sl_aside_has_room(l, e->desk)) {
        sl_ledger_queue(l, e);
    } else if (l->t != NULL) {
        sl_aside_leave(l, e);
    } else {
        sl_ledger_let_go(l, e);
        sl_ledger_leave(l, 0);
    }
}

void sl_ledger_let_go(struct sl_ledger *l, struct sl_entry *e)
{
    l->queued -= e->queued;
    e->desk->queue_n -= e->queued;
    e->desk->entries--;
    sl_list_unlink(&e->node);
    sl_list_unlink(&e->all);
    sl_mem_free(e);
}

static struct sl_entry *first_of_all(const struct sl_ledger *l)
{
    return sl_list_is_empty(&l->all) ? NULL : SL_CONTAINER(l->all.next, struct sl_entry, all);
}

/* The number up to which the store has everything. */
void sl_ledger_acknowledge(struct sl_ledger *l)
{
    const struct sl_entry *e = first_of_all(l);
    uint64_t number, since = 0;

    if (l->t == NULL)
        return;
    if (e != NULL)
        number = e->line.number - 1;
    else
        number = l->spilled ? l->read_to : sl_trail_last(l->t);
    sl_aside_bound(l, &number, &since);
    if (number > sl_trail_last_acked(l->t))
        sl_trail_acked(l->t, number);
}

/* ---- batches ---- */

static bool is_ready(const struct sl_ledger *l, const struct sl_entry *e)
{
    return l->t == NULL || e->line.number <= sl_trail_synced(l->t) || sl_trail_is_failing(l->t) ||
           sl_trail_lag_ms(l->t) > SL_LEDGER_PATIENCE_MS;
}

static size_t count_ready(const struct sl_ledger *l, const struct sl_desk *d)
{
    size_t n = 0;

    for (const struct sl_list *at = d->queue.next; at != &d->queue && n < SL_LEDGER_BATCH;
         at = at->next) {
        if (!is_ready(l, SL_CONTAINER(at, struct sl_entry, node)))
            break;
        n++;
    }
    return n;
}

static void on_applied(void *ctx, enum sl_err e);

static void send(struct sl_ledger *l, struct sl_desk *d)
{
    size_t n = count_ready(l, d), i = 0;
    uint64_t now = sl_net_now(l->net);

    if (n == 0 || d->op != NULL || l->paused != 0)
        return;
    d->lines = sl_mem_try(n * sizeof *d->lines);
    if (d->lines == NULL)
        return; /* the next pump tries again */
    for (const struct sl_list *at = d->queue.next; i < n; at = at->next, i++) {
        const struct sl_entry *e = SL_CONTAINER(at, struct sl_entry, node);

        d->lines[i] = e->line;
        if (now - e->at_ms > SL_LEDGER_TPM_MS)
            d->lines[i].tpm[SL_LEVEL_TENANT] = d->lines[i].tpm[SL_LEVEL_KEY] = false;
    }
    d->batch = (struct sl_batch){.tenant = tenant_of(d),
                                 .instance = {l->instance, sizeof l->instance},
                                 .lines = d->lines,
                                 .n = n};
    d->began_us = sl_net_now_us(l->net);
    l->b->ops->apply(l->b, &d->batch, &d->op, on_applied, d);
}

static void on_applied(void *ctx, enum sl_err err)
{
    struct sl_desk *d = ctx;
    struct sl_ledger *l = d->ledger;

    sl_mem_free(d->lines);
    d->lines = NULL;
    if (l->seconds != NULL)
        sl_metric_observe(l->seconds, (double)(sl_net_now_us(l->net) - d->began_us) / 1e6);
    if (err == SL_ERR_STORE_DATA)
        sl_aside_fail(l, d);
    if (err != SL_OK) {
        sl_ledger_say(l, tenant_of(d), "the store did not take the settled lines of a tenant");
        return;
    }
    for (size_t i = 0; i < d->batch.n; i++)
        sl_ledger_let_go(l, SL_CONTAINER(d->queue.next, struct sl_entry, node));
    sl_aside_applied(l, d);
    sl_ledger_acknowledge(l);
    send(l, d);
    sl_ledger_refill(l);
    if (d->entries == 0 && d->op == NULL && !d->aside.on)
        end_desk(l, d);
}

/* What failed is tried again with the beats, not with every write of the disk's. */
static void send_all(struct sl_ledger *l, bool again)
{
    struct sl_desk *d, *next;

    HASH_ITER(hh, l->desks, d, next)
    {
        if (again || !d->failing)
            send(l, d);
    }
}

void sl_ledger_synced(struct sl_ledger *l)
{
    SL_OBJ_CHECK(l, SL_LEDGER_MAGIC);
    sl_ledger_acknowledge(l); /* lines that are no settled ones need nobody's word */
    send_all(l, false);
    sl_ledger_refill(l);
}

void sl_ledger_pump(struct sl_ledger *l)
{
    SL_OBJ_CHECK(l, SL_LEDGER_MAGIC);
    send_all(l, true);
    sl_ledger_refill(l);
}

void sl_ledger_pause(struct sl_ledger *l, enum sl_ledger_pause why, bool on)
{
    l->paused = on ? l->paused | (unsigned)why : l->paused & ~(unsigned)why;
}

bool sl_ledger_is_sending(const struct sl_ledger *l)
{
    const struct sl_desk *d, *next;

    HASH_ITER(hh, l->desks, d, next)
    {
        if (d->op != NULL)
            return true;
    }
    return false;
}

/* ---- lines ---- */

uint64_t sl_ledger_append(struct sl_ledger *l, struct sl_str members)
{
    return l->t != NULL ? sl_trail_append(l->t, sl_net_unix_ms(l->net), members) : ++l->number;
}

void sl_ledger_add(struct sl_ledger *l, struct sl_str tenant, const struct sl_line *line)
{
    struct sl_entry *e =
        sl_ledger_has_room(l, line->number) ? sl_ledger_entry(l, tenant, line) : NULL;
    struct sl_desk *d;

    if (e == NULL) {
        sl_ledger_leave(l, line->number);
        return;
    }
    if (l->spilled) {
        sl_list_push_back(&l->late, &e->node);
        l->late_n++;
        return;
    }
    d = e->desk;
    sl_ledger_place(l, e);
    if (l->t == NULL && !d->failing)
        send(l, d);
}

void sl_ledger_settle(struct sl_ledger *l, const struct sl_settle *s,
                      const struct sl_ledger_extra *extra)
{
    char day[10], members[SL_LEDGER_MEMBERS];
    struct sl_text t = sl_text_over(members, sizeof members);
    int64_t now_ms = extra->now_unix_ms != 0 ? extra->now_unix_ms : sl_net_unix_ms(l->net);
    struct sl_line line;

    SL_OBJ_CHECK(l, SL_LEDGER_MAGIC);
    sl_ledger_fill(s, extra, now_ms, day, &line);
    if (line.cost_micro == 0 && (s->audit == NULL || !s->audit->every)) {
        sl_ledger_sum(l, s, &line);
        return;
    }
    sl_line_write(&t, s, &line);
    if (s->audit != NULL)
        sl_line_write_audit(&t, s, l->t);
    line.number = sl_ledger_append(l, sl_text_str(&t));
    sl_ledger_add(l, s->ask->tenant, &line);
}

void sl_ledger_hurry(struct sl_ledger *l)
{
    sl_ledger_sums_write(l, false);
    if (l->t != NULL)
        sl_trail_hurry(l->t);
}

/* ---- begin and end ---- */

struct sl_ledger *sl_ledger_new(struct sl_net *net, struct sl_backend *b, struct sl_trail *t,
                                struct sl_str instance)
{
    struct sl_ledger *l = sl_mem_new(sizeof *l);

    SL_CHECK(instance.n == sizeof l->instance);
    l->magic = SL_LEDGER_MAGIC;
    l->net = net;
    l->b = b;
    l->t = t;
    l->queued_max = SL_LEDGER_QUEUED;
    memcpy(l->instance, instance.p, sizeof l->instance);
    sl_list_init(&l->all);
    sl_ledger_sums_init(l);
    sl_ledger_refill_init(l);
    return l;
}

static void reap(struct sl_grave *g)
{
    struct sl_ledger *l = SL_CONTAINER(g, struct sl_ledger, grave);

    l->magic = SL_OBJ_DEAD;
    sl_mem_free(l);
}

void sl_ledger_end(struct sl_ledger **pl)
{
    struct sl_ledger *l = *pl;
    struct sl_desk *d, *next;

    *pl = NULL;
    if (l == NULL)
        return;
    SL_OBJ_CHECK(l, SL_LEDGER_MAGIC);
    sl_ledger_sums_fini(l);
    sl_ledger_refill_fini(l);
    HASH_ITER(hh, l->desks, d, next)
    {
        while (!sl_list_is_empty(&d->queue))
            sl_ledger_let_go(l, SL_CONTAINER(d->queue.next, struct sl_entry, node));
        end_desk(l, d);
    }
    sl_net_bury(l->net, &l->grave, reap);
}

void sl_ledger_forget(struct sl_ledger *l)
{
    if (l->t == NULL)
        return;
    sl_ledger_refill_fini(l);
    sl_aside_forget(l);
    l->spilled = false;
    sl_trail_acked(l->t, sl_trail_last(l->t));
}

void sl_ledger_measure(struct sl_ledger *l, struct sl_metric *seconds,
                       struct sl_metric_family *stuck)
{
    l->seconds = seconds;
    l->stuck = stuck;
}

uint64_t sl_ledger_unsent(const struct sl_ledger *l)
{
    return l->queued + l->late_n + l->unread + l->aside_n;
}

uint64_t sl_ledger_lag_ms(const struct sl_ledger *l)
{
    const struct sl_entry *e = first_of_all(l);
    uint64_t now = sl_net_now(l->net), since = now, number = UINT64_MAX;

    if (e != NULL)
        since = e->at_ms;
    sl_aside_bound(l, &number, &since);
    if (l->spilled && l->spilled_ms < since)
        since = l->spilled_ms;
    return now - since;
}

uint64_t sl_ledger_dropped(const struct sl_ledger *l)
{
    return l->dropped;
}
