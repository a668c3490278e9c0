/* The queue of events, and the one that is on its way. */
#include "gateway/hooks/hooks.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "gateway/hooks/inside.h"
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

static void sign(struct sl_text *t, const struct sl_hook *hook, struct sl_str body, int64_t now_s)
{
    char at[24], hex[64];
    struct sl_text stamp = sl_text_over(at, sizeof at);
    uint8_t mac[32];

    sl_text_i64(&stamp, now_s);
    sl_text_byte(&stamp, '.');
    sl_tls_hmac_sha256(hook->secret, (const struct sl_str[]){sl_text_str(&stamp), body}, 2, mac);
    sl_str_hex(mac, sizeof mac, hex);
    sl_text_add(t, SL_STR("sluice-signature: t="));
    sl_text_i64(t, now_s);
    sl_text_add(t, SL_STR(",v1="));
    sl_text_add(t, (struct sl_str){hex, sizeof hex});
    sl_text_add(t, SL_STR("\r\n"));
}

/* False: the head does not fit. */
static bool write_head(struct sl_hooks *h, const struct sl_hook *hook, struct sl_str body)
{
    struct sl_text t = sl_text_over(h->head, sizeof h->head);

    sl_text_add(&t, SL_STR("POST "));
    sl_text_add(&t, hook->path);
    sl_text_add(&t, SL_STR(" HTTP/1.1\r\nhost: "));
    sl_text_add(&t, hook->host_header);
    sl_text_add(&t, SL_STR("\r\ncontent-type: application/json\r\naccept-encoding: identity\r\n"
                           "user-agent: sluice/" SL_VERSION "\r\n"));
    if (hook->secret.n > 0)
        sign(&t, hook, body, sl_net_unix_ms(net_of(h)) / 1000);
    sl_text_add(&t, SL_STR("content-length: "));
    sl_text_u64(&t, body.n);
    sl_text_add(&t, SL_STR("\r\n\r\n"));
    h->parts[0] = sl_text_str(&t);
    h->parts[1] = body;
    return !t.cut;
}

static void try_over(struct sl_hooks *h)
{
    sl_timer_stop(net_of(h), &h->limit);
    sl_call_end(&h->call);
    sl_gateway_conf_drop(&h->conf);
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

    try_over(h);
    if (++h->tries < SL_HOOKS_TRIES) {
        go_on(h, wait);
        return;
    }
    sl_log(SL_LOG_WARN, "gateway", sl_str_of(h->queue[h->first].id),
           "hooks.url did not take an event: %.*s; it is given up after %d tries", SL_STR_ARGS(why),
           SL_HOOKS_TRIES);
    count(h, "failed");
    drop_first(h);
    go_on(h, 0);
}

static void on_call_sent(void *holder)
{
    (void)holder;
}

static void on_call_head(void *holder, const struct sl_answer_head *head)
{
    struct sl_hooks *h = holder;

    h->status = head->status;
}

static void on_call_body(void *holder, struct sl_str piece)
{
    (void)holder; /* nothing in it matters; the time is bounded */
    (void)piece;
}

static void on_call_done(void *holder)
{
    struct sl_hooks *h = holder;
    char place[32];
    struct sl_text why = sl_text_over(place, sizeof place);

    if (h->status < 200 || h->status > 299) {
        sl_text_add(&why, SL_STR("it answered "));
        sl_text_u64(&why, (uint64_t)h->status);
        failed(h, sl_text_str(&why));
        return;
    }
    try_over(h);
    count(h, "sent");
    drop_first(h);
    go_on(h, 0);
}

static void on_call_fail(void *holder, enum sl_err why)
{
    failed(holder, sl_str_of(sl_err_text(why)));
}

static void fire_limit(struct sl_timer *t)
{
    failed(SL_CONTAINER(t, struct sl_hooks, limit), SL_STR("it did not answer in time"));
}

static const struct sl_call_ops call_ops = {
    .sent = on_call_sent,
    .head = on_call_head,
    .body = on_call_body,
    .done = on_call_done,
    .fail = on_call_fail,
};

static void fire_again(struct sl_timer *t)
{
    struct sl_hooks *h = SL_CONTAINER(t, struct sl_hooks, again);
    const struct sl_hook *hook = hook_of(h);
    struct sl_call_req req = {.parts = h->parts, .n = 2};
    struct sl_hooks_event *e = &h->queue[h->first];

    if (hook == NULL || h->n == 0 || h->call != NULL)
        return;
    sl_timer_start(net_of(h), &h->limit, SL_HOOKS_TRY_MS);
    h->conf = sl_gateway_conf_share(h->gw->conf);
    h->status = 0;
    if (write_head(h, hook, (struct sl_str){e->body, e->n}))
        h->call = sl_call_start(hook->origin, &req, &call_ops, h);
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
    if (h->call == NULL && !sl_timer_is_armed(&h->again) && !sl_timer_is_armed(&h->limit))
        go_on(h, 0);
}

/* ---- whole ---- */

void sl_hooks_reload(struct sl_hooks *h)
{
    bool on = hook_of(h) != NULL;

    if (!on) { /* what was to be told has nowhere to go */
        try_over(h);
        sl_timer_stop(net_of(h), &h->again);
        sl_timer_stop(net_of(h), &h->look);
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
    sl_timer_init(&h->again, fire_again);
    sl_timer_init(&h->limit, fire_limit);
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
    try_over(h);
    sl_timer_stop(net_of(h), &h->again);
    sl_timer_stop(net_of(h), &h->look);
    sl_mem_free(h);
}
