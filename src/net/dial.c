/* Names to addresses: literals at once, names through libuv's pool, answers
 * cached, look-ups of one name joined, the last good answer kept for the time
 * when the resolver fails. */
#include "net/inside.h"

#include "base/map.h"

struct waiter { /* one op waiting for a name */
    struct sl_op op;
    struct sl_list node; /* in the name's list, or alone while its task runs */
    struct sl_task task;
    struct sl_net *net; /* up */
    struct sl_addrs addrs;
    enum sl_err err;
    uint16_t port;
    sl_resolve_fn *done;
    void *ctx; /* up */
    struct sl_grave grave;
};

struct sl_name {
    UT_hash_handle hh;
    struct sl_net *net; /* up */
    struct sl_list waiters;
    struct sl_addrs addrs;
    uint64_t good_until; /* monotonic ms; 0: never resolved */
    uint64_t ttl_ms;
    bool asking;
    uv_getaddrinfo_t req;
    size_t len;
    char text[]; /* zero-terminated */
};

static void reap(struct sl_grave *g)
{
    sl_mem_free(SL_CONTAINER(g, struct waiter, grave));
}

static void bury(struct waiter *w)
{
    sl_list_unlink(&w->node);
    sl_task_cancel(&w->task);
    w->net->counts.ops--;
    sl_net_bury(w->net, &w->grave, reap);
}

static void cancel(struct sl_op *op)
{
    bury(SL_CONTAINER(op, struct waiter, op));
}

static void set_port(struct sl_addrs *a, uint16_t port)
{
    for (size_t i = 0; i < a->n; i++) {
        if (a->v[i].ss_family == AF_INET6)
            ((struct sockaddr_in6 *)&a->v[i])->sin6_port = htons(port);
        else
            ((struct sockaddr_in *)&a->v[i])->sin_port = htons(port);
    }
}

static void answer(struct sl_task *t)
{
    struct waiter *w = SL_CONTAINER(t, struct waiter, task);

    set_port(&w->addrs, w->port);
    if (sl_op_close(&w->op))
        w->done(w->ctx, w->err, &w->addrs);
    bury(w);
}

static void give(struct waiter *w, enum sl_err e, const struct sl_addrs *a)
{
    w->err = e;
    if (a != NULL)
        w->addrs = *a;
    sl_net_defer(w->net, &w->task);
}

static void keep_addrs(struct sl_addrs *out, const struct addrinfo *list)
{
    out->n = 0;
    for (; list != NULL && out->n < SL_DIAL_ADDRS; list = list->ai_next) {
        if (list->ai_addrlen <= sizeof out->v[0])
            memcpy(&out->v[out->n++], list->ai_addr, list->ai_addrlen);
    }
}

static void on_uv_getaddrinfo(uv_getaddrinfo_t *q, int status, struct addrinfo *list)
{
    struct sl_name *name = q->data;
    enum sl_err e = SL_OK;
    struct sl_list *n;

    name->asking = false;
    name->net->counts.ops--;
    if (status == 0 && list != NULL) {
        keep_addrs(&name->addrs, list);
        name->good_until = sl_net_now(name->net) + name->ttl_ms;
    } else if (name->addrs.n == 0) {
        e = SL_ERR_DNS;
    } else {
        name->good_until = sl_net_now(name->net) + 1000; /* the old answer, for a second */
    }
    uv_freeaddrinfo(list);
    while ((n = sl_list_pop_front(&name->waiters)) != NULL)
        give(SL_CONTAINER(n, struct waiter, node), e, &name->addrs);
}

static void forget(struct sl_net *net, struct sl_name *name)
{
    HASH_DEL(net->names, name);
    net->names_n--;
    sl_mem_free(name);
}

/* The cache is full: one that nobody waits for makes room. */
static void make_room(struct sl_net *net)
{
    struct sl_name *name, *next;

    HASH_ITER(hh, net->names, name, next)
    {
        if (net->names_n < SL_DIAL_NAMES)
            return;
        if (!name->asking && sl_list_is_empty(&name->waiters))
            forget(net, name);
    }
}

static struct sl_name *name_of(struct sl_net *net, struct sl_str host)
{
    struct sl_name *name;

    HASH_FIND(hh, net->names, host.p, host.n, name);
    if (name != NULL)
        return name;
    make_room(net);
    name = sl_mem_new(sizeof *name + host.n + 1);
    name->net = net;
    name->len = host.n;
    memcpy(name->text, host.p, host.n);
    sl_list_init(&name->waiters);
    HASH_ADD_KEYPTR(hh, net->names, name->text, name->len, name);
    net->names_n++;
    return name;
}

static bool is_literal(struct sl_str host, struct sl_addrs *a)
{
    char text[64];

    if (host.n >= sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = 0;
    a->n = 1;
    return uv_ip4_addr(text, 0, (struct sockaddr_in *)&a->v[0]) == 0 ||
           uv_ip6_addr(text, 0, (struct sockaddr_in6 *)&a->v[0]) == 0;
}

static void ask(struct sl_name *name, struct waiter *w)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};

    sl_list_push_back(&name->waiters, &w->node);
    if (name->asking)
        return;
    name->req.data = name;
    if (uv_getaddrinfo(&w->net->loop, &name->req, on_uv_getaddrinfo, name->text, NULL, &hints) !=
        0) {
        sl_list_unlink(&w->node);
        give(w, SL_ERR_DNS, NULL);
        return;
    }
    name->asking = true;
    w->net->counts.ops++;
}

void sl_resolve_start(struct sl_net *net, struct sl_str host, uint16_t port, uint64_t ttl_ms,
                      struct sl_op **slot, sl_resolve_fn *done, void *ctx)
{
    struct waiter *w = sl_mem_new(sizeof *w);
    struct sl_name *name;

    w->net = net;
    w->port = port;
    w->done = done;
    w->ctx = ctx;
    sl_list_init(&w->node);
    sl_task_init(&w->task, answer);
    net->counts.ops++;
    sl_op_open(&w->op, slot, cancel);
    if (is_literal(host, &w->addrs)) {
        give(w, SL_OK, NULL);
        return;
    }
    w->addrs.n = 0;
    name = name_of(net, host);
    name->ttl_ms = ttl_ms;
    if (name->good_until > sl_net_now(net))
        give(w, SL_OK, &name->addrs);
    else
        ask(name, w);
}

void sl_resolve_forget(struct sl_net *net)
{
    struct sl_name *name, *next;

    HASH_ITER(hh, net->names, name, next)
    {
        forget(net, name);
    }
}
