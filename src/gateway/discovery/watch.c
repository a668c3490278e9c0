/* One blocking query after the other, and what it says, to whoever has that service. */
#include "gateway/inside.h"

#include "base/log.h"
#include "base/mem.h"
#include "gateway/discovery/inside.h"

#include <stdio.h>

/* Consul itself may wait a sixteenth longer than it is asked to. */
#define LIMIT_MS ((uint64_t)SL_CONSUL_WAIT_S * 1000 * 17 / 16 + 10000)
#define AT_ONCE_MS 10000 /* for an answer that is not to wait */
#define NO_INDEX_MS 5000 /* between two queries that can't wait */

static struct sl_net *net_of(const struct sl_watcher *w)
{
    return w->gw->net;
}

static void write_key(struct sl_text *t, const struct sl_consul *c)
{
    sl_text_printf(t, "%.*s%.*s %.*s", SL_STR_ARGS(c->host_header), SL_STR_ARGS(c->target),
                   SL_STR_ARGS(c->token));
}

bool sl_watcher_is_of(const struct sl_watcher *w, const struct sl_consul *c)
{
    char place[SL_CONSUL_HEAD];
    struct sl_text t = sl_text_over(place, sizeof place);
    bool is;

    write_key(&t, c);
    is = sl_str_eq(sl_text_str(&t), sl_str_of(w->key));
    sl_mem_wipe(place, sizeof place);
    return is;
}

/* NULL: no provider has the service any more. */
static const struct sl_consul *consul_of(const struct sl_watcher *w)
{
    const struct sl_gateway_conf *c = w->gw->conf;

    for (size_t i = 0; i < c->providers_n; i++)
        if (c->providers[i].consul != NULL && sl_watcher_is_of(w, c->providers[i].consul))
            return c->providers[i].consul;
    return NULL;
}

void sl_watcher_tell(struct sl_watcher *w)
{
    const struct sl_gateway_conf *c = w->gw->conf;
    char why[sizeof w->trouble + 400];

    if (w->known)
        snprintf(why, sizeof why, "Consul knows no healthy instance of %s", w->name);
    else
        snprintf(why, sizeof why, "Consul has told no instances of %s yet%s%s", w->name,
                 w->trouble[0] != '\0' ? ": " : "", w->trouble);
    for (size_t i = 0; i < c->providers_n; i++) {
        const struct sl_provider *p = &c->providers[i];

        if (p->consul == NULL || !sl_watcher_is_of(w, p->consul))
            continue;
        sl_group_explain(p->origin, why);
        if (w->known)
            sl_group_set(p->origin, w->list.at, w->list.n);
    }
}

static void failed(struct sl_watcher *w, const char *why)
{
    if (w->failures++ == 0)
        sl_log(SL_LOG_WARN, "gateway", sl_str_of(w->name),
               "Consul can't be asked for its instances: %s; %s", why,
               w->known ? "the last list holds" : "there is none yet");
    snprintf(w->trouble, sizeof w->trouble, "%s", why);
    sl_discovery_count(w->gw, "instances", false);
    sl_watcher_tell(w);
    sl_timer_start(net_of(w), &w->again, sl_discovery_backoff_ms(w->failures));
}

static bool is_news(const struct sl_watcher *w, const struct sl_consul_list *list)
{
    return !w->known || list->n != w->list.n ||
           memcmp(list->at, w->list.at, list->n * sizeof list->at[0]) != 0;
}

static void take(struct sl_watcher *w, const struct sl_consul_list *list)
{
    if (w->failures > 0 || is_news(w, list))
        sl_log(list->n == 0 || list->left_out + list->unusable > 0 ? SL_LOG_WARN : SL_LOG_INFO,
               "gateway", sl_str_of(w->name),
               "%zu healthy instances; %zu more than are used, %zu without a usable address",
               list->n, list->left_out, list->unusable);
    w->list = *list;
    w->known = true;
    w->failures = 0;
    w->trouble[0] = '\0';
    w->told_ms = sl_net_now(net_of(w));
    sl_discovery_count(w->gw, "instances", true);
    sl_watcher_tell(w);
}

static void on_answer(void *holder, const char *why)
{
    struct sl_watcher *w = holder;
    struct sl_consul_list list;
    uint64_t took;

    if (why == NULL && !sl_consul_read(sl_grow_str(&w->agent.body), &list))
        why = "its answer is no list of instances";
    if (why != NULL) {
        failed(w, why);
        return;
    }
    w->index = sl_consul_index(w->index, sl_str_of(w->agent.index));
    take(w, &list);
    sl_agent_stop(&w->agent); /* the body's memory */
    took = sl_net_now(net_of(w)) - w->asked_ms;
    if (w->index == 0 && w->agent.status == 200 && took < NO_INDEX_MS)
        sl_timer_start(net_of(w), &w->again, NO_INDEX_MS - took);
    else
        sl_timer_start(net_of(w), &w->again,
                       took < SL_DISCOVERY_PAUSE_MS ? SL_DISCOVERY_PAUSE_MS - took : 0);
}

static void fire_again(struct sl_timer *t)
{
    struct sl_watcher *w = SL_CONTAINER(t, struct sl_watcher, again);
    const struct sl_consul *c = consul_of(w);
    struct sl_text head = sl_text_over(w->agent.head, sizeof w->agent.head);

    if (c == NULL)
        return; /* a reload ends it */
    w->asked_ms = sl_net_now(net_of(w));
    if (w->failures > 0)
        w->index = 0; /* at once: whether it is back, and what it knows by now */
    if (!sl_consul_ask(&head, c, w->index)) {
        failed(w, "the query does not fit into a request");
        return;
    }
    sl_agent_start(&w->agent, c->origin, sl_text_str(&head), SL_STR(""),
                   w->index > 0 ? LIMIT_MS : AT_ONCE_MS);
}

struct sl_watcher *sl_watcher_new(struct sl_gateway *g, const struct sl_consul *c)
{
    struct sl_watcher *w = sl_mem_new(sizeof *w);
    char place[SL_CONSUL_HEAD];
    struct sl_text t = sl_text_over(place, sizeof place);

    w->gw = g;
    write_key(&t, c);
    w->key = sl_mem_dup(sl_text_str(&t));
    sl_mem_wipe(place, sizeof place);
    t = sl_text_over(place, sizeof place);
    sl_text_printf(&t, "%.*s (at %.*s)", SL_STR_ARGS(c->service), SL_STR_ARGS(c->host_header));
    w->name = sl_mem_dup(sl_text_str(&t));
    sl_list_init(&w->node);
    sl_timer_init(&w->again, fire_again);
    sl_agent_init(&w->agent, g->net, on_answer, w);
    sl_timer_start(g->net, &w->again, 0);
    return w;
}

static void reap(struct sl_grave *g)
{
    struct sl_watcher *w = SL_CONTAINER(g, struct sl_watcher, grave);

    sl_mem_wipe(w->key, strlen(w->key));
    sl_mem_free(w->key);
    sl_mem_free(w->name);
    sl_mem_free(w);
}

void sl_watcher_end(struct sl_watcher *w)
{
    sl_list_unlink(&w->node);
    sl_timer_stop(net_of(w), &w->again);
    sl_agent_stop(&w->agent);
    sl_net_bury(net_of(w), &w->grave, reap);
}
