/* gateway/shed/shed.c -- the looks, and what a refused request is told. */
#include "gateway/shed/shed.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "gateway/inside.h"

static const struct sl_str whole = SL_STR_INIT(""); /* a family without labels */

/* The second number of /proc/self/statm is in pages; reading it does not block. */
static uint64_t resident_bytes(void)
{
    char text[128];
    struct sl_str rest, piece;
    uint64_t pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : 0;

    if (fd >= 0)
        close(fd);
    rest = (struct sl_str){text, n > 0 ? (size_t)n : 0};
    if (!sl_str_split(&rest, ' ', &piece) || !sl_str_split(&rest, ' ', &piece) ||
        !sl_str_to_u64(piece, &pages))
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void load_now(const struct sl_shed *s, struct sl_overload_load *load)
{
    const struct sl_overload_load *limits = &s->g->conf->overload;
    uint64_t now_us = sl_net_now_us(s->g->net);

    load->of[SL_OVERLOAD_CONNECTIONS] = sl_gateway_server_count(s->g).connections;
    load->of[SL_OVERLOAD_MEMORY] = limits->of[SL_OVERLOAD_MEMORY] > 0 ? resident_bytes() : 0;
    load->of[SL_OVERLOAD_LAG] = now_us > s->due_us ? (now_us - s->due_us) / 1000 : 0;
}

static void tell(const struct sl_shed *s, unsigned before, const struct sl_overload_load *load)
{
    const struct sl_overload *o = &s->state;

    sl_metric_set(sl_metric_series(s->g->f.shed_below, &whole), o->below);
    if (before == 0)
        sl_log(SL_LOG_WARN, "gateway", (struct sl_str){"", 0},
               "overloaded by %s: %llu, overload.%s is %llu; the lowest classes are refused",
               sl_overload_name(o->kind), (unsigned long long)load->of[o->kind],
               sl_overload_name(o->kind), (unsigned long long)s->g->conf->overload.of[o->kind]);
    else if (o->below == 0)
        sl_log(SL_LOG_INFO, "gateway", (struct sl_str){"", 0},
               "no longer overloaded: requests of all classes are taken");
}

static void wait(struct sl_shed *s)
{
    s->due_us = sl_net_now_us(s->g->net) + SL_OVERLOAD_LOOK_MS * 1000;
    sl_timer_start(s->g->net, &s->timer, SL_OVERLOAD_LOOK_MS);
}

static void on_timer(struct sl_timer *t)
{
    struct sl_shed *s = SL_CONTAINER(t, struct sl_shed, timer);
    struct sl_overload_load load;
    unsigned before = s->state.below;

    load_now(s, &load);
    sl_overload_look(&s->state, &s->g->conf->overload, &load, sl_net_now(s->g->net));
    if (s->state.below != before)
        tell(s, before, &load);
    wait(s);
}

void sl_shed_init(struct sl_shed *s, struct sl_gateway *g)
{
    struct sl_metrics *m = g->metrics;
    struct sl_gateway_families *f = &g->f;

    *s = (struct sl_shed){.g = g};
    sl_timer_init(&s->timer, on_timer);
    f->shed = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_shed_total",
                               "Requests refused because the process was overloaded, by what and "
                               "by the class of their key.",
                               "reason,class", NULL);
    f->shed_below =
        sl_metric_family(m, SL_METRIC_GAUGE, "sluice_shed_below_class",
                         "Classes below this one are refused for overload; 0: none.", "", NULL);
}

void sl_shed_reload(struct sl_shed *s)
{
    bool any = false;

    for (int k = 0; k < SL_OVERLOAD__COUNT; k++)
        any = any || s->g->conf->overload.of[k] > 0;
    sl_timer_stop(s->g->net, &s->timer);
    if (any) {
        wait(s);
        return;
    }
    s->state = (struct sl_overload){0};
    sl_metric_set(sl_metric_series(s->g->f.shed_below, &whole), 0);
}

void sl_shed_fini(struct sl_shed *s)
{
    sl_timer_stop(s->g->net, &s->timer);
}

bool sl_shed_refuses(struct sl_req *r)
{
    const struct sl_overload *o = &r->gw->shed.state;
    unsigned grade = (unsigned)r->key->grade;
    const char digit[2] = {(char)('0' + grade % 10), '\0'};
    struct sl_str labels[] = {sl_str_of(sl_overload_name(o->kind)), sl_str_of(digit)};

    if (!sl_overload_refuses(o, grade))
        return false;
    if (r->explain == NULL)
        sl_metric_add(sl_metric_series(r->gw->f.shed, labels), 1);
    r->retry_ms = sl_overload_wait_ms(o, grade, sl_net_now(r->gw->net));
    r->ending = SL_END_SHED;
    if (r->x != NULL && o->kind == SL_OVERLOAD_CONNECTIONS)
        sl_exch_close_after(r->x);
    (void)sl_req_refuse(
        r, SL_ERR_OVERLOAD, 0,
        "Overloaded: this gateway has too much to do (%s) and takes requests of "
        "keys of class %u and above only; key %.*s is of class %u. Try again later.",
        sl_overload_name(o->kind), o->below, SL_STR_ARGS(r->key->public_id), grade);
    return true;
}
