/* This instance in Consul: registered once it is ready, deregistered when it drains. */
#include "gateway/inside.h"

#include "base/log.h"
#include "gateway/discovery/inside.h"

#define LOOK_MS 250   /* until it is ready */
#define BEAT_MS 60000 /* an agent that has lost its memory learns of us again */
#define LIMIT_MS 2000 /* of a call */
#define GOODBYES 2    /* tries to deregister */

static struct sl_net *net_of(const struct sl_enroller *e)
{
    return e->gw->net;
}

static struct sl_str id_of(const struct sl_enroller *e)
{
    return e->conf->enrol->id;
}

static void left(struct sl_enroller *e)
{
    e->left = true;
    e->registered = false;
    sl_gateway_conf_drop(&e->conf);
}

static void said_goodbye(struct sl_enroller *e, const char *why)
{
    if (why == NULL)
        sl_log(SL_LOG_INFO, "gateway", id_of(e), "deregistered from Consul");
    if (why == NULL || ++e->failures >= GOODBYES) {
        if (why != NULL)
            sl_log(SL_LOG_WARN, "gateway", id_of(e),
                   "Consul did not deregister this instance: %s; its check will", why);
        left(e);
        return;
    }
    sl_timer_start(net_of(e), &e->again, LOOK_MS);
}

static void on_answer(void *holder, const char *why)
{
    struct sl_enroller *e = holder;

    sl_discovery_count(e->gw, e->leaving ? "deregister" : "register", why == NULL);
    if (e->leaving) {
        said_goodbye(e, why);
        return;
    }
    if (why != NULL && e->failures++ == 0)
        sl_log(SL_LOG_WARN, "gateway", id_of(e), "Consul did not register this instance: %s", why);
    if (why == NULL) {
        if (e->failures > 0 || !e->registered)
            sl_log(SL_LOG_INFO, "gateway", id_of(e), "registered in Consul");
        e->failures = 0;
    }
    e->registered = true;
    sl_timer_start(net_of(e), &e->again,
                   why == NULL ? BEAT_MS : sl_discovery_backoff_ms(e->failures));
}

static void say(struct sl_enroller *e)
{
    const struct sl_enrol *to = e->conf->enrol;
    struct sl_text head = sl_text_over(e->agent.head, sizeof e->agent.head);
    bool fits = e->leaving ? sl_consul_deregister(&head, to) : sl_consul_register(&head, to);

    if (!fits)
        on_answer(e, "the call does not fit into a request");
    else
        sl_agent_start(&e->agent, to->origin, sl_text_str(&head),
                       e->leaving ? SL_STR("") : to->body, LIMIT_MS);
}

static void fire_again(struct sl_timer *t)
{
    struct sl_enroller *e = SL_CONTAINER(t, struct sl_enroller, again);

    if (!e->leaving && !e->registered && sl_gateway_ready(e->gw) != SL_READY) {
        sl_timer_start(net_of(e), t, LOOK_MS);
        return;
    }
    if (!e->leaving) { /* as it is configured by now */
        sl_gateway_conf_drop(&e->conf);
        e->conf = sl_gateway_conf_share(e->gw->conf);
    }
    say(e);
}

void sl_enroller_init(struct sl_enroller *e, struct sl_gateway *g)
{
    e->gw = g;
    sl_timer_init(&e->again, fire_again);
    sl_agent_init(&e->agent, g->net, on_answer, e);
}

void sl_enroller_fini(struct sl_enroller *e)
{
    sl_timer_stop(net_of(e), &e->again);
    sl_agent_stop(&e->agent);
    sl_gateway_conf_drop(&e->conf);
}

void sl_enroller_reload(struct sl_enroller *e)
{
    if (e->leaving || e->gw->conf->enrol == NULL)
        return; /* whether there is one can't change while it runs */
    e->registered = e->registered || sl_agent_is_busy(&e->agent);
    sl_agent_stop(&e->agent);
    sl_timer_start(net_of(e), &e->again, e->registered ? 0 : LOOK_MS);
}

void sl_enroller_leave(struct sl_enroller *e, bool handed_over)
{
    if (e->leaving)
        return;
    e->registered = e->registered || sl_agent_is_busy(&e->agent);
    e->leaving = true;
    e->failures = 0;
    sl_timer_stop(net_of(e), &e->again);
    sl_agent_stop(&e->agent);
    if (handed_over || !e->registered || e->conf == NULL)
        left(e);
    else
        say(e);
}
