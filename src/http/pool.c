/* http/pool.c -- connections by origin: leased, idle, being made, waited for. */
#include "http/link.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/tunnel.h"
#include "net/tls.h"

static const struct sl_stream_ops stream_ops;

/* ---- the origin ---- */

static void copy_conf(struct sl_origin *o, const struct sl_origin_conf *conf)
{
    o->conf = *conf;
    o->conf.name = sl_str_of(o->name);
    o->conf.host = sl_str_of(o->host);
    o->conf.proxy = (struct sl_origin_proxy){.port = conf->proxy.port};
    if (o->proxy != NULL)
        o->conf.proxy.host = o->proxy->host;
    if (o->conf.max_connections == 0)
        o->conf.max_connections = 1; /* none would be a wait without an end */
}

struct sl_origin *sl_origin_new(struct sl_net *net, const struct sl_origin_conf *conf)
{
    struct sl_origin *o = sl_mem_new(sizeof(*o));

    o->magic = SL_ORIGIN_MAGIC;
    o->net = net;
    o->holders = 1;
    o->name = sl_mem_dup(conf->name);
    o->host = sl_mem_dup(conf->host);
    o->proxy = sl_tunnel_new(conf);
    sl_list_init(&o->idle);
    sl_list_init(&o->dialling);
    sl_list_init(&o->leased);
    sl_list_init(&o->waiting);
    copy_conf(o, conf);
    if (o->conf.tls != NULL)
        sl_tls_share(o->conf.tls);
    sl_stale_init(o);
    o->group = conf->group ? sl_group_new() : NULL;
    return o;
}

struct sl_origin *sl_origin_share(struct sl_origin *o)
{
    SL_OBJ_CHECK(o, SL_ORIGIN_MAGIC);
    o->holders++;
    return o;
}

struct sl_str sl_origin_host(const struct sl_origin *o)
{
    SL_OBJ_CHECK(o, SL_ORIGIN_MAGIC);
    return o->conf.host;
}

uint16_t sl_origin_port(const struct sl_origin *o)
{
    SL_OBJ_CHECK(o, SL_ORIGIN_MAGIC);
    return o->conf.port;
}

struct sl_origin_counts sl_origin_count(const struct sl_origin *o)
{
    SL_OBJ_CHECK(o, SL_ORIGIN_MAGIC);
    if (o->group != NULL)
        return sl_group_count(o);
    return (struct sl_origin_counts){.open = o->links,
                                     .idle = o->n_idle,
                                     .queued = o->n_waiting,
                                     .dialled = o->dialled,
                                     .reused = o->reused};
}

bool sl_origin_certificate(const struct sl_origin *o, struct sl_tls_certificate *out)
{
    char place[300];
    int n;

    SL_OBJ_CHECK(o, SL_ORIGIN_MAGIC);
    if (o->conf.tls == NULL)
        return false;
    if (o->group != NULL)
        return sl_group_certificate(o, out);
    n = snprintf(place, sizeof(place), "%s:%u", o->host, o->conf.port);
    return sl_tls_certificate_of(o->conf.tls, (struct sl_str){place, (size_t)n}, out);
}

static void reap_origin(struct sl_grave *g)
{
    struct sl_origin *o = SL_CONTAINER(g, struct sl_origin, grave);

    if (o->conf.tls != NULL)
        sl_tls_drop(&o->conf.tls);
    sl_mem_free(o->name);
    sl_mem_free(o->host);
    sl_tunnel_end(&o->proxy);
    o->magic = SL_OBJ_DEAD;
    sl_mem_free(o);
}

static void end_if_unused(struct sl_origin *o)
{
    if (o->holders > 0 || o->links > 0 || o->n_waiting > 0 || o->magic != SL_ORIGIN_MAGIC)
        return;
    o->magic = SL_OBJ_DEAD; /* buried once, however many frames ask */
    sl_net_bury(o->net, &o->grave, reap_origin);
}

/* ---- links ---- */

static void leave_list(struct sl_link *l)
{
    if (l->state == SL_LINK_IDLE)
        l->origin->n_idle--;
    if (l->state == SL_LINK_DIALLING) {
        l->origin->n_dialling--;
        l->origin->n_warming -= l->ahead;
    }
    sl_list_unlink(&l->node);
}

static void reap_link(struct sl_grave *g)
{
    struct sl_link *l = SL_CONTAINER(g, struct sl_link, grave);

    l->magic = SL_OBJ_DEAD;
    sl_mem_free(l);
}

void sl_pool_close(struct sl_link *l)
{
    struct sl_origin *o = l->origin;

    leave_list(l);
    sl_timer_stop(o->net, &l->timer);
    l->state = SL_LINK_CLOSED;
    sl_stream_close(&l->stream);
    o->links--;
    sl_net_bury(o->net, &l->grave, reap_link);
}

static struct sl_link *oldest_idle(struct sl_origin *o)
{
    return SL_CONTAINER(o->idle.prev, struct sl_link, node);
}

static void on_expired(struct sl_timer *t)
{
    struct sl_link *l = SL_CONTAINER(t, struct sl_link, timer);
    struct sl_origin *o = l->origin;

    if (l->state != SL_LINK_IDLE)
        return;
    if (sl_net_now(o->net) < l->expires_ms) {
        sl_timer_start(o->net, t, l->expires_ms - sl_net_now(o->net));
        return;
    }
    sl_pool_close(l);
    end_if_unused(o);
}

static struct sl_link *dial(struct sl_origin *o)
{
    struct sl_link *l = sl_mem_new(sizeof(*l));
    struct sl_dial_to to = {.host = o->conf.host,
                            .port = o->conf.port,
                            .tls = o->conf.tls,
                            .proxy = o->proxy,
                            .connect_ms = o->conf.connect_ms,
                            .dns_ttl_ms = o->conf.dns_ttl_ms};

    l->magic = SL_LINK_MAGIC;
    l->state = SL_LINK_DIALLING;
    l->origin = o;
    l->begun_ms = sl_net_now(o->net);
    sl_timer_init(&l->timer, on_expired);
    sl_list_init(&l->node);
    sl_list_push_back(&o->dialling, &l->node);
    o->links++;
    o->n_dialling++;
    o->dialled++;
    l->stream = sl_stream_dial(o->net, &to, &stream_ops, l);
    sl_stale_begin(o);
    return l;
}

static void lease(struct sl_link *l, struct sl_wait *w)
{
    struct sl_origin *o = l->origin;

    if (l->rested)
        o->reused++;
    leave_list(l);
    l->state = SL_LINK_LEASED;
    sl_list_push_back(&o->leased, &l->node);
    sl_list_unlink(&w->node);
    o->n_waiting--;
    sl_timer_stop(o->net, &w->timer);
    w->got(w, l);
}

/* The first call that this connection will do for. */
static struct sl_wait *first_waiting(struct sl_origin *o, bool rested)
{
    for (struct sl_list *n = o->waiting.next; n != &o->waiting; n = n->next) {
        struct sl_wait *w = SL_CONTAINER(n, struct sl_wait, node);

        if (!rested || !w->fresh)
            return w;
    }
    return NULL;
}

/* Not one that has spoken just now, if only to end: what it says is no call's answer. */
static struct sl_link *idle_one(struct sl_origin *o)
{
    for (struct sl_list *n = o->idle.next; n != &o->idle; n = n->next) {
        struct sl_link *l = SL_CONTAINER(n, struct sl_link, node);

        if (!sl_stream_has_news(l->stream))
            return l;
    }
    return NULL;
}

/* Idle connections to waiting calls; then as many dials under way as calls
 * wait, within the limit. An idle connection that nobody wants makes room. */
static void pump(struct sl_origin *o)
{
    struct sl_link *l;
    struct sl_wait *w;

    while ((l = idle_one(o)) != NULL && (w = first_waiting(o, true)) != NULL)
        lease(l, w);
    while (o->n_dialling < o->n_waiting) {
        if (o->links >= o->conf.max_connections) {
            if (o->n_idle == 0)
                return;
            sl_pool_close(oldest_idle(o));
        }
        (void)dial(o);
    }
}

static bool is_cold(const struct sl_origin *o)
{
    size_t most = o->conf.warm < o->conf.max_keepalive ? o->conf.warm : o->conf.max_keepalive;

    return o->n_idle + o->n_dialling < o->n_waiting + most && o->links < o->conf.max_connections;
}

/* Connections ready for the requests to come. Asked for only by a request, and once at
 * start, so that a provider that is down is not dialled in a circle. */
static void keep_warm(struct sl_origin *o)
{
    while (is_cold(o))
        (void)dial(o);
}

void sl_origin_warm(struct sl_origin *o)
{
    SL_OBJ_CHECK(o, SL_ORIGIN_MAGIC);
    if (o->group != NULL)
        sl_group_warm(o);
    if (o->warmed)
        return;
    o->warmed = true;
    while (is_cold(o)) {
        dial(o)->ahead = true;
        o->n_warming++;
    }
}

bool sl_origin_is_warming(const struct sl_origin *o)
{
    SL_OBJ_CHECK(o, SL_ORIGIN_MAGIC);
    return o->group != NULL ? sl_group_is_warming(o) : o->n_warming > 0;
}

static void rest(struct sl_link *l)
{
    struct sl_origin *o = l->origin;

    leave_list(l);
    l->state = SL_LINK_IDLE;
    l->rested = true;
    o->n_idle++;
    sl_list_push_front(&o->idle, &l->node);
    l->expires_ms = sl_net_now(o->net) + o->conf.keepalive_expiry_ms;
    if (!sl_timer_is_armed(&l->timer) || l->timer.due > l->expires_ms)
        sl_timer_start(o->net, &l->timer, o->conf.keepalive_expiry_ms);
    sl_stream_want(l->stream, true);
    pump(o);
    while (o->n_idle > o->conf.max_keepalive)
        sl_pool_close(oldest_idle(o));
}

/* May it serve another call? Whoever waits gets it now, without a look at what comes on it
 * while it is idle; so that is done here. */
static bool may_stay(const struct sl_link *l)
{
    const struct sl_origin *o = l->origin;

    return !l->stale && o->holders > 0 && o->links <= o->conf.max_connections &&
           (o->n_waiting == 0 || sl_stream_is_silent(l->stream));
}

void sl_pool_give(struct sl_link **pl, bool whole)
{
    struct sl_link *l = *pl;
    struct sl_origin *o;

    SL_OBJ_CHECK(l, SL_LINK_MAGIC);
    SL_CHECK(l->state == SL_LINK_LEASED);
    *pl = NULL;
    o = l->origin;
    l->ops = NULL;
    l->user = NULL;
    if (whole && may_stay(l)) {
        rest(l);
        return;
    }
    sl_pool_close(l);
    pump(o);
    end_if_unused(o);
}

void sl_origin_reconfigure(struct sl_origin *o, const struct sl_origin_conf *conf)
{
    SL_OBJ_CHECK(o, SL_ORIGIN_MAGIC);
    SL_CHECK(conf->port == o->conf.port && conf->tls == o->conf.tls &&
             sl_str_eq(conf->host, o->conf.host) && conf->proxy.port == o->conf.proxy.port &&
             sl_str_eq(conf->proxy.host, o->conf.proxy.host));
    copy_conf(o, conf);
    if (o->group != NULL)
        sl_group_reconfigure(o);
    while (o->n_idle > o->conf.max_keepalive)
        sl_pool_close(oldest_idle(o));
    pump(o);
}

void sl_origin_drop(struct sl_origin **po)
{
    struct sl_origin *o = *po;

    if (o == NULL)
        return;
    SL_OBJ_CHECK(o, SL_ORIGIN_MAGIC);
    *po = NULL;
    if (--o->holders > 0)
        return;
    sl_stale_end(o);
    if (o->group != NULL)
        sl_group_end(o);
    while (o->n_idle > 0)
        sl_pool_close(oldest_idle(o));
    while (o->n_dialling > o->n_waiting)
        sl_pool_close(SL_CONTAINER(o->dialling.prev, struct sl_link, node));
    end_if_unused(o);
}

/* ---- waiting ---- */

static void end_wait(struct sl_wait *w)
{
    sl_list_unlink(&w->node);
    w->origin->n_waiting--;
    sl_timer_stop(w->origin->net, &w->timer);
}

/* Calls at the front wait for dials under way, whose limit is their own. */
static bool is_covered(const struct sl_wait *w)
{
    const struct sl_origin *o = w->origin;
    size_t before = 0;

    for (struct sl_list *n = w->node.prev; n != &o->waiting; n = n->prev)
        before++;
    return before < o->n_dialling;
}

static void on_waited(struct sl_timer *t)
{
    struct sl_wait *w = SL_CONTAINER(t, struct sl_wait, timer);
    struct sl_origin *o = w->origin;

    if (is_covered(w)) {
        sl_timer_start(o->net, &w->timer, o->conf.connect_ms);
        return;
    }
    end_wait(w);
    w->failed(w, SL_ERR_QUEUE_SLOW, (struct sl_str){NULL, 0});
    end_if_unused(o);
}

enum sl_err sl_pool_wait(struct sl_origin *o, struct sl_wait *w)
{
    SL_OBJ_CHECK(o, SL_ORIGIN_MAGIC);
    SL_CHECK(o->group == NULL);
    w->origin = o;
    w->begun_ms = sl_net_now(o->net);
    sl_list_init(&w->node);
    sl_timer_init(&w->timer, on_waited);
    sl_list_push_back(&o->waiting, &w->node);
    o->n_waiting++;
    pump(o);
    if (sl_list_is_linked(&w->node) && o->n_waiting > o->n_dialling + o->conf.queue_max) {
        end_wait(w);
        end_if_unused(o);
        return SL_ERR_QUEUE_FULL;
    }
    if (sl_list_is_linked(&w->node))
        sl_timer_start(o->net, &w->timer, o->conf.queue_wait_ms);
    if (o->holders > 0)
        keep_warm(o);
    return SL_OK;
}

void sl_pool_leave(struct sl_wait *w)
{
    struct sl_origin *o = w->origin;

    if (!sl_list_is_linked(&w->node))
        return;
    end_wait(w);
    if (o->holders == 0)
        while (o->n_dialling > o->n_waiting)
            sl_pool_close(SL_CONTAINER(o->dialling.prev, struct sl_link, node));
    end_if_unused(o);
}

/* ---- what the streams say ---- */

static void on_open(void *holder)
{
    struct sl_link *l = holder;
    struct sl_origin *o = l->origin;
    struct sl_wait *w;

    SL_OBJ_CHECK(l, SL_LINK_MAGIC);
    l->connect_ms = sl_net_now(o->net) - l->begun_ms;
    w = first_waiting(o, false);
    if (w != NULL) {
        sl_stream_want(l->stream, true);
        lease(l, w);
    } else if (o->holders > 0) {
        rest(l);
    } else {
        sl_pool_close(l);
        end_if_unused(o);
    }
}

/* Bytes nobody asked for: whatever they are, the next call must not get them. */
static void on_data(void *holder, struct sl_str bytes)
{
    struct sl_link *l = holder;
    struct sl_origin *o = l->origin;

    SL_OBJ_CHECK(l, SL_LINK_MAGIC);
    if (l->state == SL_LINK_LEASED) {
        l->ops->data(l->user, bytes);
        return;
    }
    sl_pool_close(l);
    end_if_unused(o);
}

static void on_drain(void *holder)
{
    struct sl_link *l = holder;

    SL_OBJ_CHECK(l, SL_LINK_MAGIC);
    if (l->state == SL_LINK_LEASED)
        l->ops->drain(l->user);
}

/* A dial that failed is told to the first call that no other dial is for. */
static void dial_failed(struct sl_link *l, enum sl_err why)
{
    struct sl_origin *o = l->origin;
    struct sl_wait *w = NULL;
    char text[256];
    struct sl_str reason = sl_str_first(sl_stream_reason(l->stream), sizeof(text));

    if (reason.n > 0)
        memcpy(text, reason.p, reason.n);
    if (l->ahead && o->n_waiting == 0)
        sl_log(SL_LOG_WARN, "http", o->conf.name, "no connection could be made ahead: %s (%.*s)",
               sl_err_text(why == SL_OK ? SL_ERR_CONNECT : why), (int)reason.n, text);
    sl_pool_close(l);
    if (o->n_waiting > o->n_dialling)
        w = first_waiting(o, false);
    if (w != NULL) {
        end_wait(w);
        w->failed(w, why == SL_OK ? SL_ERR_CONNECT : why, (struct sl_str){text, reason.n});
    }
    if (o->n_waiting > 0)
        pump(o);
    end_if_unused(o);
}

static void on_end(void *holder, enum sl_err why)
{
    struct sl_link *l = holder;
    struct sl_origin *o = l->origin;

    SL_OBJ_CHECK(l, SL_LINK_MAGIC);
    switch (l->state) {
    case SL_LINK_LEASED: l->ops->end(l->user, why); return;
    case SL_LINK_DIALLING: dial_failed(l, why); return;
    case SL_LINK_IDLE:
        sl_pool_close(l);
        end_if_unused(o);
        return;
    case SL_LINK_CLOSED: return;
    }
}

static const struct sl_stream_ops stream_ops = {
    .open = on_open, .data = on_data, .drain = on_drain, .end = on_end};
