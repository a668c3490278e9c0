/* The queue of events, and the one that is on its way. */
#include "gateway/hooks/hooks.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
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

static void drop_first(struct sl_hooks *h)
{
    h->first = (h->first + 1) % SL_HOOKS_QUEUE;
    h->n--;
    h->tries = 0;
}

static void go_on(struct sl_hooks *h, uint64_t in_ms)
{
    if (h->n > 0)
        sl_timer_start(net_of(h), &h->again, in_ms);
}

static void failed(struct sl_hooks *h, struct sl_str why)
{
    uint64_t wait = (uint64_t)SL_HOOKS_BACKOFF_MS << h->tries;

    if (++h->tries < SL_HOOKS_TRIES && !h->hurries) {
        go_on(h, wait);
        return;
    }
    sl_log(SL_LOG_WARN, "gateway", sl_str_of(h->queue[h->first].id),
           "hooks.url did not take an event: %.*s; it is given up, tries: %u", SL_STR_ARGS(why),
           h->tries);
    count(h, "failed");
    drop_first(h);
    go_on(h, 0);
}

static void on_post(void *ctx, const struct sl_post_end *end)
{
    struct sl_hooks *h = ctx;

    sl_gateway_conf_drop(&h->conf);
    if (!sl_post_is_taken(end)) {
        failed(h, end->why);
        return;
    }
    count(h, "sent");
    drop_first(h);
    go_on(h, 0);
}

static void fire_again(struct sl_timer *t)
{
    struct sl_hooks *h = SL_CONTAINER(t, struct sl_hooks, again);
    const struct sl_hook *hook = hook_of(h);
    const struct sl_hooks_event *e = &h->queue[h->first];
    struct sl_text line = sl_text_over(h->line, sizeof h->line);
    struct sl_post_what what = {
        .method = SL_STR("POST"), .type = SL_STR("application/json"), .body = {{e->body, e->n}}};

    if (hook == NULL || h->n == 0 || sl_post_is_busy(&h->post))
        return;
    h->conf = sl_gateway_conf_share(h->gw->conf);
    if (hook->secret.n > 0)
        sl_hooks_sign(&line, hook->secret, what.body[0], sl_net_unix_ms(net_of(h)) / 1000);
    what.path = hook->to.path;
    what.lines = sl_text_str(&line);
    sl_post_start(&h->post, &hook->to, &what);
}

/* ---- events ---- */

void sl_hooks_tell(struct sl_hooks *h, const char *event, struct sl_str members)
{
    struct sl_hooks_event *e;
    struct sl_store_state store;
    struct sl_text t;

    if (hook_of(h) == NULL)
        return;
    if (h->n == SL_HOOKS_QUEUE) {
        count(h, "dropped");
        return;
    }
    sl_store_look(h->gw->store, &store);
    e = &h->queue[(h->first + h->n) % SL_HOOKS_QUEUE];
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
    h->n++;
    if (!sl_post_is_busy(&h->post) && !sl_timer_is_armed(&h->again))
        go_on(h, 0);
}

/* ---- whole ---- */

static void stop(struct sl_hooks *h)
{
    sl_post_stop(&h->post);
    sl_gateway_conf_drop(&h->conf);
    sl_timer_stop(net_of(h), &h->again);
    sl_timer_stop(net_of(h), &h->look);
}

void sl_hooks_hurry(struct sl_hooks *h)
{
    h->hurries = true;
    if (!sl_post_is_busy(&h->post))
        go_on(h, 0);
}

bool sl_hooks_is_idle(const struct sl_hooks *h)
{
    return h->n == 0;
}

void sl_hooks_reload(struct sl_hooks *h)
{
    bool on = hook_of(h) != NULL;

    if (!on) { /* what was to be told has nowhere to go */
        stop(h);
        sl_rates_forget(h);
        h->n = h->tries = 0;
    } else if (!sl_timer_is_armed(&h->look)) {
        sl_timer_start(net_of(h), &h->look, SL_HOOKS_LOOK_MS);
    }
}

struct sl_hooks *sl_hooks_new(struct sl_gateway *g)
{
    struct sl_hooks *h = sl_mem_new(sizeof *h);

    h->gw = g;
    h->store_was_up = true;
    sl_post_init(&h->post, g->net, on_post, h);
    sl_timer_init(&h->again, fire_again);
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
    stop(h);
    sl_rates_forget(h);
    sl_mem_free(h);
}
