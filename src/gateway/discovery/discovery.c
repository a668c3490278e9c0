/* All watches and the registration, as one. */
#include "gateway/inside.h"

#include "base/mem.h"
#include "base/rand.h"
#include "gateway/discovery/inside.h"

uint64_t sl_discovery_backoff_ms(unsigned failures)
{
    unsigned doublings = failures > 6 ? 5 : failures > 0 ? failures - 1 : 0;
    uint64_t most = (uint64_t)SL_DISCOVERY_BACKOFF_MS << doublings;

    if (most > SL_DISCOVERY_BACKOFF_MAX_MS)
        most = SL_DISCOVERY_BACKOFF_MAX_MS;
    return most / 2 + sl_rand_u64() % (most / 2 + 1);
}

void sl_discovery_count(struct sl_gateway *g, const char *call, bool ok)
{
    struct sl_str labels[] = {sl_str_of(call), ok ? SL_STR("ok") : SL_STR("failed")};

    sl_metric_add(sl_metric_series(g->f.consul, labels), 1);
}

static struct sl_watcher *find(const struct sl_discovery *d, const struct sl_consul *c)
{
    for (struct sl_list *n = d->watchers.next; n != &d->watchers; n = n->next) {
        struct sl_watcher *w = SL_CONTAINER(n, struct sl_watcher, node);

        if (sl_watcher_is_of(w, c))
            return w;
    }
    return NULL;
}

static void want(struct sl_discovery *d, const struct sl_consul *c)
{
    struct sl_watcher *w = find(d, c);

    if (w == NULL) {
        w = sl_watcher_new(d->gw, c);
        sl_list_push_back(&d->watchers, &w->node);
    }
    w->wanted = true;
}

void sl_discovery_reload(struct sl_discovery *d)
{
    const struct sl_gateway_conf *c = d->gw->conf;
    struct sl_list *n, *next;

    for (size_t i = 0; i < c->providers_n; i++)
        if (c->providers[i].consul != NULL)
            want(d, c->providers[i].consul);
    for (n = d->watchers.next; n != &d->watchers; n = next) {
        struct sl_watcher *w = SL_CONTAINER(n, struct sl_watcher, node);

        next = n->next;
        if (w->wanted)
            sl_watcher_tell(w); /* a provider may be new */
        else
            sl_watcher_end(w);
        w->wanted = false;
    }
    sl_enroller_reload(&d->enroller);
}

void sl_discovery_leave(struct sl_discovery *d, bool handed_over)
{
    sl_enroller_leave(&d->enroller, handed_over);
}

bool sl_discovery_has_left(const struct sl_discovery *d)
{
    return !d->enroller.leaving || d->enroller.left;
}

void sl_discovery_look(const struct sl_discovery *d, const struct sl_provider *p,
                       struct sl_discovery_view *out)
{
    const struct sl_watcher *w = find(d, p->consul);

    *out = (struct sl_discovery_view){.trouble = ""};
    if (w == NULL)
        return;
    out->known = w->known;
    out->trouble = w->trouble;
    out->age_ms = w->known ? sl_net_now(d->gw->net) - w->told_ms : 0;
}

void sl_discovery_refresh(struct sl_discovery *d)
{
    const struct sl_gateway_conf *c = d->gw->conf;

    for (size_t i = 0; i < c->providers_n; i++) {
        const struct sl_watcher *w =
            c->providers[i].consul != NULL ? find(d, c->providers[i].consul) : NULL;

        if (w != NULL)
            sl_metric_set(sl_metric_series(d->gw->f.instances, &c->providers[i].name),
                          (double)w->list.n);
    }
}

struct sl_discovery *sl_discovery_new(struct sl_gateway *g)
{
    struct sl_discovery *d = sl_mem_new(sizeof *d);

    d->gw = g;
    sl_list_init(&d->watchers);
    sl_enroller_init(&d->enroller, g);
    return d;
}

void sl_discovery_end(struct sl_discovery **pd)
{
    struct sl_discovery *d = *pd;

    *pd = NULL;
    if (d == NULL)
        return;
    while (!sl_list_is_empty(&d->watchers))
        sl_watcher_end(SL_CONTAINER(d->watchers.next, struct sl_watcher, node));
    sl_enroller_fini(&d->enroller);
    sl_mem_free(d);
}
