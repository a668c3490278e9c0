/* The queues of events, and of each the one that is on its way. */
#include "gateway/hooks/hooks.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "gateway/hooks/certs.h"
#include "gateway/hooks/inside.h"
#include "gateway/hooks/rates.h"
#include "gateway/inside.h"
#include "net/tls.h"

static struct sl_net *net_of(const struct sl_hooks *h)
{
    return h->gw->net;
}

static const struct sl_hook *hook_of(const struct sl_hooks *h)
{
    return h->gw->conf->hook;
}

static void count(struct sl_hooks *h, const char *result)
{
    struct sl_str label = sl_str_of(result);

    sl_metric_add(sl_metric_series(h->gw->f.hooks, &label), 1);
}

/* ---- one try ---- */

void sl_hooks_sign(struct sl_text *t, struct sl_str secret, struct sl_str body, int64_t now_s)
{
    char at[24], hex[64];
    struct sl_text stamp = sl_text_over(at, sizeof at);
    uint8_t mac[32];

    sl_text_i64(&stamp, now_s);
    sl_text_byte(&stamp, '.');
    sl_tls_hmac_sha256(secret, (const struct sl_str[]){sl_text_str(&stamp), body}, 2, mac);
    sl_str_hex(mac, sizeof mac, hex);
    sl_text_add(t, SL_STR("sluice-signature: t="));
    sl_text_i64(t, now_s);
    sl_text_add(t, SL_STR(",v1="));
    sl_text_add(t, (struct sl_str){hex, sizeof hex});
    sl_text_add(t, SL_STR("\r\n"));
}

static void drop_first(struct sl_hooks_lane *l)
{
    l->first = (l->first + 1) % SL_HOOKS_QUEUE;
    l->n--;
}

static void first_to_last(struct sl_hooks_lane *l)
{
    size_t last = (l->first + l->n) % SL_HOOKS_QUEUE;

    if (last != l->first) /* a full queue is a ring without a gap */
        l->queue[last] = l->queue[l->first];
    l->first = (l->first + 1) % SL_HOOKS_QUEUE;
}

/* The one that may be told soonest comes first; of several, the one that waits longest. */
static void soonest_first(struct sl_hooks_lane *l)
{
    size_t best = 0;

    for (size_t i = 1; i < l->n; i++)
        if (l->queue[(l->first + i) % SL_HOOKS_QUEUE].due_ms <
            l->queue[(l->first + best) % SL_HOOKS_QUEUE].due_ms)
            best = i;
    while (best-- > 0)
        first_to_last(l);
}

static void go_on(struct sl_hooks_lane *l)
{
    uint64_t now = sl_net_now(net_of(l->of)), due;

    if (l->n == 0)
        return;
    if (l == &l->of->lanes[SL_HOOKS_TENANTS])
        soonest_first(l);
    due = l->queue[l->first].due_ms;
    sl_timer_start(net_of(l->of), &l->again, due > now && !l->of->hurries ? due - now : 0);
}

static void failed(struct sl_hooks_lane *l, struct sl_str why)
{
    struct sl_hooks_event *e = &l->queue[l->first];

    e->due_ms = sl_net_now(net_of(l->of)) + ((uint64_t)SL_HOOKS_BACKOFF_MS << e->tries);
    if (++e->tries < SL_HOOKS_TRIES && !l->of->hurries) {
        go_on(l);
        return;
    }
    sl_log(SL_LOG_WARN, "gateway", sl_str_of(e->id),
           "%s did not take an event: %.*s; it is given up, tries: %u",
           e->to != SL_ALERT_UNSET ? "a tenant's budget.alert_url" : "hooks.url", SL_STR_ARGS(why),
           e->tries);
    count(l->of, "failed");
    drop_first(l);
    go_on(l);
}

static void on_post(void *ctx, const struct sl_post_end *end)
{
    struct sl_hooks_lane *l = ctx;

    sl_gateway_conf_drop(&l->conf);
    if (!sl_post_is_taken(end)) {
        failed(l, end->why);
        return;
    }
    count(l->of, "sent");
    drop_first(l);
    go_on(l);
}

static const struct sl_alert_conf *alert_of(const struct sl_gateway_conf *c, uint64_t id)
{
    for (size_t i = 0; i < c->alerts_n; i++)
        if (c->alerts[i].id == id)
            return &c->alerts[i];
    return NULL;
}

/* NULL: a reload has taken it away. */
static const struct sl_receiver *receiver_of(const struct sl_gateway_conf *c,
                                             const struct sl_hooks_event *e, struct sl_str *secret)
{
    const struct sl_alert_conf *alert;

    if (e->to == SL_ALERT_UNSET) {
        *secret = c->hook != NULL ? c->hook->secret : SL_STR("");
        return c->hook != NULL ? &c->hook->to : NULL;
    }
    alert = alert_of(c, e->to);
    *secret = c->alerts_secret;
    return alert != NULL ? &alert->to : NULL;
}

static void fire_again(struct sl_timer *t)
{
    struct sl_hooks_lane *l = SL_CONTAINER(t, struct sl_hooks_lane, again);
    const struct sl_hooks_event *e = &l->queue[l->first];
    struct sl_text line = sl_text_over(l->line, sizeof l->line);
    struct sl_post_what what = {
        .method = SL_STR("POST"), .type = SL_STR("application/json"), .body = {{e->body, e->n}}};
    struct sl_gateway *g = l->of->gw;
    const struct sl_receiver *to;
    struct sl_str secret;

    if (l->n == 0 || sl_post_is_busy(&l->post))
        return;
    to = receiver_of(g->conf, e, &secret);
    if (to == NULL) {
        count(l->of, "dropped");
        drop_first(l);
        go_on(l);
        return;
    }
    l->conf = sl_gateway_conf_share(g->conf);
    if (secret.n > 0)
        sl_hooks_sign(&line, secret, what.body[0], sl_net_unix_ms(g->net) / 1000);
    what.path = to->path;
    what.lines = sl_text_str(&line);
    sl_post_start(&l->post, to, &what);
}

/* ---- events ---- */

static void tell(struct sl_hooks_lane *l, uint64_t to, const char *event, struct sl_str members)
{
    struct sl_hooks *h = l->of;
    struct sl_hooks_event *e;
    struct sl_store_state store;
    struct sl_text t;

    if (l->n == SL_HOOKS_QUEUE) {
        count(h, "dropped");
        return;
    }
    sl_store_look(h->gw->store, &store);
    e = &l->queue[(l->first + l->n) % SL_HOOKS_QUEUE];
    sl_rand_id(e->id);
    e->id[16] = '\0';
    t = sl_text_over(e->body, sizeof e->body);
    sl_text_printf(&t, "{\"id\":\"%s\",\"event\":\"%s\",\"time\":\"", e->id, event);
    sl_text_time(&t, sl_net_unix_ms(net_of(h)));
    sl_text_printf(&t, "\",\"instance\":\"%.8s\"", store.instance);
    sl_text_add(&t, members);
    sl_text_byte(&t, '}');
    if (t.cut) {
        count(h, "dropped");
        return;
    }
    e->n = t.n;
    e->to = to;
    e->tries = 0;
    e->due_ms = sl_net_now(net_of(h));
    l->n++;
    if (!sl_post_is_busy(&l->post))
        go_on(l);
}

void sl_hooks_tell(struct sl_hooks *h, const char *event, struct sl_str members)
{
    if (hook_of(h) != NULL)
        tell(&h->lanes[SL_HOOKS_OPERATOR], SL_ALERT_UNSET, event, members);
}

void sl_hooks_tell_at(struct sl_hooks *h, uint64_t to, const char *event, struct sl_str members)
{
    if (alert_of(h->gw->conf, to) != NULL)
        tell(&h->lanes[SL_HOOKS_TENANTS], to, event, members);
}

/* ---- whole ---- */

/* What was to be told has nowhere to go. */
static void stop(struct sl_hooks_lane *l)
{
    sl_post_stop(&l->post);
    sl_gateway_conf_drop(&l->conf);
    sl_timer_stop(net_of(l->of), &l->again);
    while (l->n > 0)
        drop_first(l);
}

void sl_hooks_hurry(struct sl_hooks *h)
{
    h->hurries = true;
    for (int i = 0; i < SL_HOOKS_LANES; i++)
        if (!sl_post_is_busy(&h->lanes[i].post))
            go_on(&h->lanes[i]);
}

bool sl_hooks_is_idle(const struct sl_hooks *h)
{
    return h->lanes[SL_HOOKS_OPERATOR].n == 0 && h->lanes[SL_HOOKS_TENANTS].n == 0;
}

void sl_hooks_reload(struct sl_hooks *h)
{
    if (h->gw->conf->alerts_n == 0)
        stop(&h->lanes[SL_HOOKS_TENANTS]);
    if (hook_of(h) == NULL) {
        stop(&h->lanes[SL_HOOKS_OPERATOR]);
        sl_timer_stop(net_of(h), &h->look);
        sl_rates_forget(h);
        sl_certs_forget(h);
    } else if (!sl_timer_is_armed(&h->look)) {
        sl_timer_start(net_of(h), &h->look, SL_HOOKS_LOOK_MS);
    }
}

struct sl_hooks *sl_hooks_new(struct sl_gateway *g)
{
    struct sl_hooks *h = sl_mem_new(sizeof *h);

    h->gw = g;
    h->store_was_up = true;
    for (int i = 0; i < SL_HOOKS_LANES; i++) {
        struct sl_hooks_lane *l = &h->lanes[i];

        l->of = h;
        sl_post_init(&l->post, g->net, on_post, l);
        sl_timer_init(&l->again, fire_again);
    }
    sl_timer_init(&h->look, sl_hooks_look);
    sl_hooks_reload(h);
    return h;
}

void sl_hooks_end(struct sl_hooks **ph)
{
    struct sl_hooks *h = *ph;

    *ph = NULL;
    if (h == NULL)
        return;
    for (int i = 0; i < SL_HOOKS_LANES; i++)
        stop(&h->lanes[i]);
    sl_timer_stop(net_of(h), &h->look);
    sl_rates_forget(h);
    sl_certs_forget(h);
    sl_mem_free(h);
}
