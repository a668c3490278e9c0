/* Names to addresses: literals at once, names by lookup.c, answers cached, look-ups of one name
 * joined. An expired answer is refreshed, and used on when the resolver fails or keeps silent: for
 * a silent one nobody waits twice in one look-up. A failure is believed for a second, so that a
 * dead name costs one look-up and not one each request. */
#include "net/inside.h"

#include <netdb.h>

#include "base/map.h"

#define FAILED_MS 1000
#define PATIENCE_MS 250 /* with the resolver, when an expired answer is at hand */

struct waiter { /* one op waiting for a name */
    struct sl_op op;
    struct sl_list node; /* in the name's list, or alone while its task runs */
    struct sl_task task;
    struct sl_timer patience;
    struct sl_net *net;   /* up */
    struct sl_name *name; /* up: NULL once answered */
    struct sl_addrs addrs;
    enum sl_err err;
    const char *why; /* shared: static text */
    uint16_t port;
    sl_resolve_fn *done;
    sl_dial_again_fn *again; /* in place of `done`: nobody dials */
    void *ctx;               /* up */
    struct sl_grave grave;
};

struct sl_name {
    UT_hash_handle hh;  /* in the order of use: the first is the longest unused */
    struct sl_net *net; /* up */
    struct sl_list waiters;
    struct sl_addrs addrs;
    struct sl_addrs before; /* of the answer before */
    bool cut;               /* one of the two may have had more than we keep */
    uint64_t good_until;    /* monotonic ms; 0: never resolved */
    uint64_t bad_until;     /* a failure is believed until then */
    enum sl_err err;        /* of the failure */
    const char *why;        /* shared: static text of it */
    uint64_t ttl_ms;
    bool asking;
    bool is_late; /* the look-up under way lasts longer than PATIENCE_MS */
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
    sl_timer_stop(w->net, &w->patience);
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
    if (sl_op_close(&w->op)) {
        if (w->again != NULL)
            w->again(w->ctx);
        else
            w->done(w->ctx, w->err, &w->addrs, w->why);
    }
    bury(w);
}

/* What is known of the name now is the answer. */
static void give(struct waiter *w, const struct sl_name *name)
{
    sl_list_unlink(&w->node);
    sl_timer_stop(w->net, &w->patience);
    w->addrs = name->addrs;
    w->err = name->addrs.n > 0 ? SL_OK : name->err;
    w->why = name->addrs.n > 0 ? "" : name->why;
    sl_net_defer(w->net, &w->task);
}

static void on_patience(struct sl_timer *t)
{
    struct waiter *w = SL_CONTAINER(t, struct waiter, patience);

    w->name->is_late = true;
    give(w, w->name);
}

static void keep_addrs(struct sl_name *name, const struct addrinfo *list)
{
    struct sl_addrs found = {.n = 0};
    bool was_full = name->addrs.n == SL_DIAL_ADDRS;

    for (; list != NULL && found.n < SL_DIAL_ADDRS; list = list->ai_next) {
        if ((list->ai_family == AF_INET || list->ai_family == AF_INET6) &&
            list->ai_addrlen <= sizeof found.v[0])
            memcpy(&found.v[found.n++], list->ai_addr, list->ai_addrlen);
    }
    if (found.n == 0)
        return;
    name->cut = was_full || found.n == SL_DIAL_ADDRS;
    name->before = name->addrs;
    name->addrs = found;
}

static void on_answer(void *ctx, enum sl_err e, const struct addrinfo *list, const char *why)
{
    struct sl_name *name = ctx;
    uint64_t now = sl_net_now(name->net);

    name->asking = name->is_late = false;
    if (e == SL_OK) {
        keep_addrs(name, list);
        name->good_until = now + name->ttl_ms;
        name->err = SL_ERR_DNS;
        name->why = "no address";
    } else {
        name->bad_until = now + FAILED_MS;
        name->err = e;
        name->why = why;
    }
    while (!sl_list_is_empty(&name->waiters))
        give(SL_CONTAINER(name->waiters.next, struct waiter, node), name);
}

static void forget(struct sl_net *net, struct sl_name *name)
{
    HASH_DEL(net->names, name);
    net->names_n--;
    sl_mem_free(name);
}

/* The longest unused name that nobody waits for makes room. */
static bool make_room(struct sl_net *net)
{
    struct sl_name *name, *next;

    if (net->names_n < SL_DIAL_NAMES)
        return true;
    HASH_ITER(hh, net->names, name, next)
    {
        if (!name->asking && sl_list_is_empty(&name->waiters)) {
            forget(net, name);
            return true;
        }
    }
    return false;
}

static struct sl_name *find(struct sl_net *net, struct sl_str host)
{
    struct sl_name *name;

    HASH_FIND(hh, net->names, host.p, host.n, name);
    return name;
}

static struct sl_name *name_of(struct sl_net *net, struct sl_str host)
{
    struct sl_name *name = find(net, host);

    if (name != NULL) {
        HASH_DEL(net->names, name); /* to the end: just used */
    } else {
        if (!make_room(net))
            return NULL;
        name = sl_mem_new(sizeof *name + host.n + 1);
        name->net = net;
        name->len = host.n;
        name->err = SL_ERR_DNS;
        name->why = "";
        memcpy(name->text, host.p, host.n);
        sl_list_init(&name->waiters);
        net->names_n++;
    }
    HASH_ADD_KEYPTR(hh, net->names, name->text, name->len, name);
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
    if (!name->asking) {
        name->asking = true;
        sl_lookup_start(w->net, name->text, on_answer, name);
    }
    w->name = name;
    sl_list_push_back(&name->waiters, &w->node);
    if (name->addrs.n > 0)
        sl_timer_start(w->net, &w->patience, PATIENCE_MS);
}

static void look_up(struct waiter *w, struct sl_str host, uint64_t ttl_ms)
{
    struct sl_name *name = name_of(w->net, host);
    uint64_t now = sl_net_now(w->net);

    if (name == NULL) {
        w->err = SL_ERR_DNS;
        w->why = "too many names are being looked up";
        sl_net_defer(w->net, &w->task);
        return;
    }
    name->ttl_ms = ttl_ms;
    if (name->good_until > now || name->bad_until > now || (name->is_late && name->addrs.n > 0))
        give(w, name);
    else
        ask(name, w);
}

static struct waiter *waiter_new(struct sl_net *net, struct sl_op **slot, void *ctx)
{
    struct waiter *w = sl_mem_new(sizeof *w);

    w->net = net;
    w->ctx = ctx;
    w->why = "";
    sl_list_init(&w->node);
    sl_task_init(&w->task, answer);
    sl_timer_init(&w->patience, on_patience);
    net->counts.ops++;
    sl_op_open(&w->op, slot, cancel);
    return w;
}

/* lint: budgets an op: what, where to, and who waits */
void sl_resolve_start(struct sl_net *net, struct sl_str host, uint16_t port, uint64_t ttl_ms,
                      struct sl_op **slot, sl_resolve_fn *done, void *ctx)
{
    struct waiter *w = waiter_new(net, slot, ctx);

    w->port = port;
    w->done = done;
    if (is_literal(host, &w->addrs)) {
        sl_net_defer(net, &w->task);
        return;
    }
    w->addrs.n = 0;
    look_up(w, host, ttl_ms);
}

void sl_dial_again_start(struct sl_net *net, struct sl_str host, uint64_t ttl_ms,
                         struct sl_op **slot, sl_dial_again_fn *done, void *ctx)
{
    struct waiter *w = waiter_new(net, slot, ctx);
    struct sl_name *name = find(net, host);
    uint64_t now = sl_net_now(net);

    w->again = done;
    if (name != NULL && name->good_until > now && name->good_until - now < ttl_ms / 2)
        name->good_until = now; /* whoever asks every `ttl_ms` is not to miss it by a moment */
    look_up(w, host, ttl_ms);
}

bool sl_dial_is_name(struct sl_str host)
{
    struct sl_addrs ignored;

    return !is_literal(host, &ignored);
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
                  &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

static bool has(const struct sl_addrs *a, const struct sockaddr_storage *one)
{
    for (size_t i = 0; i < a->n; i++)
        if (same_host(&a->v[i], one))
            return true;
    return false;
}

bool sl_dial_is_gone(struct sl_net *net, struct sl_str host, const struct sl_stream *s)
{
    const struct sl_name *name = find(net, host);
    struct sockaddr_storage peer;
    int n = sizeof peer;

    if (name == NULL || name->addrs.n == 0 || name->cut || s->is_pipe ||
        uv_tcp_getpeername(&s->u.tcp, (struct sockaddr *)&peer, &n) != 0)
        return false;
    return !has(&name->addrs, &peer) && !has(&name->before, &peer);
}

void sl_resolve_prefer(struct sl_net *net, struct sl_str host, const struct sockaddr_storage *a)
{
    struct sl_name *name = find(net, host);
    struct sockaddr_storage found;

    for (size_t i = 1; name != NULL && i < name->addrs.n; i++) {
        if (!same_host(&name->addrs.v[i], a))
            continue;
        found = name->addrs.v[i];
        memmove(&name->addrs.v[1], &name->addrs.v[0], i * sizeof found);
        name->addrs.v[0] = found;
        return;
    }
}

void sl_resolve_forget(struct sl_net *net)
{
    struct sl_name *name, *next;

    HASH_ITER(hh, net->names, name, next)
    {
        forget(net, name);
    }
}
