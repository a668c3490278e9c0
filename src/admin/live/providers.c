/* GET providers: places, connections, breakers and keys, as they are in this process. */
#include "admin/api/handlers.h"
#include "gateway/queue/look.h"
#include "net/tls.h"

static struct sl_str breaker_name(enum sl_breaker_state s)
{
    static const char *const names[] = {[SL_BREAKER_CLOSED] = "closed",
                                        [SL_BREAKER_OPEN] = "open",
                                        [SL_BREAKER_HALF] = "half-open"};

    return sl_str_of(names[s]);
}

static void model(struct sl_out *o, const struct sl_look_model *m)
{
    static const char *const words[] = {
        [SL_LOOK_READY] = "ready", [SL_LOOK_RESTING] = "resting", [SL_LOOK_REFUSED] = "refused"};

    sl_out_open(o, NULL, '{');
    sl_out_text(o, "model", m->name);
    sl_out_text(o, "breaker", breaker_name(m->breaker));
    sl_out_count(o, "breaker_rest_ms", m->breaker_rest_ms);
    sl_out_count(o, "ended", m->ended);
    sl_out_count(o, "failed", m->failed);
    sl_out_open(o, "keys", '[');
    for (size_t i = 0; i < m->keys_n; i++)
        sl_out_text(o, NULL, sl_str_of(words[m->keys[i]]));
    sl_out_close(o, ']');
    if (m->keys_rest_ms == SL_KEYRING_NEVER)
        sl_out_null(o, "keys_rest_ms");
    else
        sl_out_count(o, "keys_rest_ms", m->keys_rest_ms);
    sl_out_close(o, '}');
}

static void instance(struct sl_out *o, const struct sl_group_view *v)
{
    bool v6 = strchr(v->at->host, ':') != NULL;
    char place[64];
    struct sl_text t = sl_text_over(place, sizeof place);

    sl_text_printf(&t, "%s%s%s:%u", v6 ? "[" : "", v->at->host, v6 ? "]" : "", v->at->port);
    sl_out_open(o, NULL, '{');
    sl_out_text(o, "address", sl_text_str(&t));
    sl_out_count(o, "connections", v->n.open);
    sl_out_count(o, "idle", v->n.idle);
    sl_out_count(o, "rest_ms", v->rest_ms);
    sl_out_close(o, '}');
}

static void found(struct sl_api *c, size_t at)
{
    struct sl_out *o = &c->out;
    struct sl_look_found f;
    struct sl_group_view v;

    if (!sl_look_found(c->admin->gateway, at, &f))
        return;
    sl_out_open(o, "consul", '{');
    sl_out_text(o, "service", f.service);
    sl_out_text(o, "agent", f.agent);
    sl_out_flag(o, "known", f.known);
    if (f.known)
        sl_out_count(o, "age_ms", f.age_ms);
    if (f.trouble.n > 0)
        sl_out_text(o, "trouble", f.trouble);
    sl_out_close(o, '}');
    sl_out_open(o, "instances", '[');
    for (size_t i = 0; sl_look_instance(c->admin->gateway, at, i, &v); i++)
        instance(o, &v);
    sl_out_close(o, ']');
}

static void moment(struct sl_out *o, const char *name, int64_t unix_s)
{
    char place[32];
    struct sl_text t = sl_text_over(place, sizeof place);

    sl_text_time(&t, unix_s * 1000);
    sl_out_text(o, name, sl_text_str(&t));
}

static void certificate(struct sl_api *c, size_t at)
{
    struct sl_out *o = &c->out;
    struct sl_tls_certificate shown;

    if (!sl_look_certificate(c->admin->gateway, at, &shown))
        return;
    sl_out_open(o, "certificate", '{');
    sl_out_text(o, "subject", sl_str_of(shown.subject));
    moment(o, "ends", shown.ends_s);
    moment(o, "seen", shown.seen_s);
    sl_out_close(o, '}');
}

static void provider(struct sl_api *c, size_t at, const struct sl_look_provider *p)
{
    struct sl_out *o = &c->out;
    const struct sl_health *h = NULL;
    struct sl_look_model m;

    sl_out_open(o, NULL, '{');
    sl_out_text(o, "name", p->name);
    sl_out_count(o, "taken", p->taken);
    sl_out_count(o, "places", p->places);
    sl_out_count(o, "waiting", p->waiting);
    sl_out_count(o, "connections", p->open);
    sl_out_count(o, "idle", p->idle);
    sl_out_count(o, "paused_ms", p->paused_ms);
    sl_out_count(o, "window_ms", p->window_ms);
    if (p->proxy.n > 0)
        sl_out_text(o, "proxy", p->proxy);
    if (p->proxy_from != NULL)
        sl_out_text(o, "proxy_from", sl_str_of(p->proxy_from));
    certificate(c, at);
    found(c, at);
    sl_out_open(o, "models", '[');
    while (sl_look_model(c->admin->gateway, at, &h, &m))
        model(o, &m);
    sl_out_close(o, ']');
    sl_out_close(o, '}');
}

void sl_providers_show(struct sl_api *c)
{
    struct sl_look_provider p;

    sl_gateway_refresh_metrics(c->admin->gateway); /* also targets that were never asked */
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '[');
    for (size_t i = 0; sl_look_provider(c->admin->gateway, i, &p); i++)
        provider(c, i, &p);
    sl_out_close(&c->out, ']');
    sl_api_done(c);
}
