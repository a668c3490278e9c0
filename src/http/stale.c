/* http/stale.c -- a provider's name, asked for again while there are connections.
 *
 * Without it a pool that is busy enough never dials, and so never hears that the name leads
 * elsewhere by now. A connection to an address that is gone is closed when it has nothing to do:
 * an idle one at once, a leased one with its request, so that no request is lost by it.
 */
#include "http/link.h"

#include "base/log.h"

#define LEAST_MS 100   /* between two looks, however short dns_ttl is */
#define ALWAYS_MS 1000 /* without a dns_ttl, where each dial asks anyway */

/* Whose name leads there: the proxy's, where there is one. */
static struct sl_str host_of(const struct sl_origin *o)
{
    return o->proxy != NULL ? o->proxy->host : o->conf.host;
}

static void wait_again(struct sl_origin *o)
{
    uint64_t ms = o->conf.dns_ttl_ms > 0 ? o->conf.dns_ttl_ms : ALWAYS_MS;

    if (o->links > 0)
        sl_timer_start(o->net, &o->look, ms > LEAST_MS ? ms : LEAST_MS);
}

static size_t close_idle(struct sl_origin *o)
{
    struct sl_list *n, *next;
    size_t closed = 0;

    for (n = o->idle.next; n != &o->idle; n = next) {
        struct sl_link *l = SL_CONTAINER(n, struct sl_link, node);

        next = n->next;
        if (!sl_dial_is_gone(o->net, host_of(o), l->stream))
            continue;
        sl_pool_close(l);
        closed++;
    }
    return closed;
}

static size_t mark_leased(struct sl_origin *o)
{
    size_t marked = 0;

    for (struct sl_list *n = o->leased.next; n != &o->leased; n = n->next) {
        struct sl_link *l = SL_CONTAINER(n, struct sl_link, node);

        if (l->stale || !sl_dial_is_gone(o->net, host_of(o), l->stream))
            continue;
        l->stale = true;
        marked++;
    }
    return marked;
}

static void on_asked(void *ctx)
{
    struct sl_origin *o = ctx;
    size_t closed, marked;

    SL_OBJ_CHECK(o, SL_ORIGIN_MAGIC);
    closed = close_idle(o);
    marked = mark_leased(o);
    if (closed + marked > 0)
        sl_log(SL_LOG_INFO, "http", o->conf.name,
               "%.*s has other addresses now: %zu idle connections to those that are gone are "
               "closed, %zu end with their requests",
               SL_STR_ARGS(host_of(o)), closed, marked);
    wait_again(o);
}

static void on_look(struct sl_timer *t)
{
    struct sl_origin *o = SL_CONTAINER(t, struct sl_origin, look);

    if (o->links > 0)
        sl_dial_again_start(o->net, host_of(o), o->conf.dns_ttl_ms, &o->asked, on_asked, o);
}

void sl_stale_init(struct sl_origin *o)
{
    sl_timer_init(&o->look, on_look);
    o->named = o->conf.port > 0 && sl_dial_is_name(host_of(o));
}

void sl_stale_begin(struct sl_origin *o)
{
    if (o->named && o->holders > 0 && o->asked == NULL && !sl_timer_is_armed(&o->look))
        wait_again(o);
}

void sl_stale_end(struct sl_origin *o)
{
    sl_op_cancel(&o->asked);
    sl_timer_stop(o->net, &o->look);
}
