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
    l->tries = 0;
}

static void go_on(struct sl_hooks_lane *l, uint64_t in_ms)
{
    if (l->n > 0)
        sl_timer_start(net_of(l->of), &l->again, in_ms);
}

static void failed(struct sl_hooks_lane *l, struct sl_str why)
{
    const struct sl_hooks_event *e = &l->queue[l->first];
    uint64_t wait = (uint64_t)SL_HOOKS_BACKOFF_MS << l->tries;

    if (++l->tries < SL_HOOKS_TRIES && !l->of->hurries) {
        go_on(l, wait);
        return;
    }
    sl_log(SL_LOG_WARN, "gateway", sl_str_of(e->id),
           "%s did not take an event: %.*s; it is given up, tries: %u",
           e->to != SL_ALERT_UNSET ? "a tenant's budget.alert_url" : "hooks.url", SL_STR_ARGS(why),
           l->tries);
    count(l->of, "failed");
    drop_first(l);
    go_on(l, 0);
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
    go_on(l, 0);
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
        go_on(l, 0);
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
    l->n++;
    if (!sl_post_is_busy(&l->post) && !sl_timer_is_armed(&l->again))
        go_on(l, 0);
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
            go_on(&h->lanes[i], 0);
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
