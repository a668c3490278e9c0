/* conf/parts/hooks.c -- where events are told, and spans and metrics go: `hooks`, `otlp`,
 * `pushgateway`. */
#include "conf/parts/parts.h"

#include "base/map.h"

void sl_build_hooks(struct sl_build *b)
{
    static const struct sl_receiver_rules rules = {.name = "hooks", .key = "url", .secret = true};
    const struct sl_node *map = sl_node_get(b->conf->root, "hooks");
    struct sl_hook *hook;

    if (sl_node_text(map, rules.key).n == 0)
        return;
    hook = sl_build_alloc(b, 1, sizeof(*hook));
    if (hook == NULL || !sl_build_receiver(b, map, &rules, &hook->to))
        return;
    hook->secret = sl_build_dup(b, sl_node_text(map, "secret"));
    hook->errors = (struct sl_errors_rules){
        .window_ms = sl_conf_number(b->conf, "hooks.error_window"),
        .rate_ppm = sl_conf_number(b->conf, "hooks.error_rate"),
        .min_requests = sl_conf_number(b->conf, "hooks.error_min"),
    };
    hook->certificate_left_ms = sl_conf_number(b->conf, "hooks.certificate_left");
    b->made->hook = hook;
}

uint64_t sl_build_alert_of(struct sl_str url)
{
    uint64_t hash = sl_map_hash(url.p, url.n);

    return url.n == 0 ? SL_ALERT_NOBODY : hash > SL_ALERT_NOBODY ? hash : hash + 2;
}

static bool is_known(const struct sl_alert_conf *list, size_t n, uint64_t id)
{
    while (n > 0)
        if (list[--n].id == id)
            return true;
    return false;
}

/* Those of `list`, plans or tenants, join `out`, which has room for all. */
static void add_alerts(struct sl_build *b, const char *list, const char *name,
                       struct sl_alert_conf *out, size_t *n)
{
    const struct sl_node *all = sl_node_get(b->conf->root, list);
    struct sl_receiver_rules rules = {.name = name,
                                      .key = "alert_url",
                                      .secret = true,
                                      .trust = sl_node_get(b->conf->root, "hooks")};

    for (const struct sl_node *c = all != NULL ? all->first : NULL; c != NULL; c = c->next) {
        const struct sl_node *budget = sl_node_get(c, "budget");
        uint64_t id = sl_build_alert_of(sl_node_text(budget, rules.key));

        if (id != SL_ALERT_NOBODY && !is_known(out, *n, id) &&
            sl_build_receiver(b, budget, &rules, &out[*n].to))
            out[(*n)++].id = id;
    }
}

void sl_build_alerts(struct sl_build *b)
{
    const struct sl_node *plans = sl_node_get(b->conf->root, "plans");
    const struct sl_node *tenants = sl_node_get(b->conf->root, "tenants");
    size_t most = (plans != NULL ? plans->n : 0) + (tenants != NULL ? tenants->n : 0), n = 0;
    struct sl_alert_conf *list = sl_build_alloc(b, most + 1, sizeof(*list));

    if (list == NULL)
        return;
    add_alerts(b, "plans", "plans[].budget", list, &n);
    add_alerts(b, "tenants", "tenants[].budget", list, &n);
    b->made->alerts = list;
    b->made->alerts_n = n;
    b->made->alerts_secret =
        sl_build_dup(b, sl_node_text(sl_node_get(b->conf->root, "hooks"), "secret"));
}

void sl_build_top_up(struct sl_build *b)
{
    static const struct sl_receiver_rules rules = {
        .name = "hooks", .key = "auto_top_up", .secret = true};
    const struct sl_node *map = sl_node_get(b->conf->root, "hooks");
    struct sl_top_up_conf *top_up;

    if (sl_node_text(map, rules.key).n == 0)
        return;
    top_up = sl_build_alloc(b, 1, sizeof(*top_up));
    if (top_up == NULL || !sl_build_receiver(b, map, &rules, &top_up->to))
        return;
    top_up->secret = sl_build_dup(b, sl_node_text(map, "secret"));
    b->made->top_up = top_up;
}

void sl_build_otlp(struct sl_build *b)
{
    static const struct sl_receiver_rules rules = {
        .name = "otlp", .key = "endpoint", .path = SL_STR_INIT("/v1/traces"), .keep = true};
    const struct sl_node *map = sl_node_get(b->conf->root, "otlp");
    struct sl_otlp_conf *otlp;

    if (sl_node_text(map, rules.key).n == 0)
        return;
    otlp = sl_build_alloc(b, 1, sizeof(*otlp));
    if (otlp == NULL || !sl_build_receiver(b, map, &rules, &otlp->to))
        return;
    otlp->service = sl_build_dup(b, sl_node_text(map, "service"));
    otlp->sample_ppm = sl_conf_number(b->conf, "otlp.sample");
    otlp->every_ms = sl_conf_number(b->conf, "otlp.every");
    otlp->batch = (size_t)sl_conf_number(b->conf, "otlp.batch");
    otlp->queue = (size_t)sl_conf_number(b->conf, "otlp.queue");
    b->made->otlp = otlp;
}

/* As it may stand in a path. */
static bool is_label(struct sl_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
              (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.' || s.p[i] == '-' || s.p[i] == '_' ||
              s.p[i] == ':'))
            return false;
    return s.n <= 64;
}

void sl_build_pushgateway(struct sl_build *b)
{
    struct sl_receiver_rules rules = {.name = "pushgateway", .key = "url"};
    const struct sl_node *map = sl_node_get(b->conf->root, "pushgateway");
    struct sl_str job = sl_node_text(map, "job"), instance = sl_node_text(map, "instance");
    struct sl_pushgateway_conf *to;
    char place[192];
    struct sl_text path = sl_text_over(place, sizeof(place));

    if (sl_node_text(map, rules.key).n == 0)
        return;
    if (job.n == 0 || !is_label(job) || !is_label(instance)) {
        sl_fault_add(b->faults, map,
                     "pushgateway: job and instance must be letters, digits, dots, colons, dashes "
                     "or underscores, at most 64, and job not empty");
        return;
    }
    if (sl_str_find_byte(sl_node_text(map, rules.key), '?') >= 0)
        sl_fault_add(b->faults, sl_node_get(map, "url"), "pushgateway.url: takes no query");
    sl_text_add(&path, SL_STR("/metrics/job/"));
    sl_text_add(&path, job);
    if (instance.n > 0)
        sl_text_add(&path, SL_STR("/instance/"));
    sl_text_add(&path, instance);
    rules.path = sl_text_str(&path);
    to = sl_build_alloc(b, 1, sizeof(*to));
    if (to == NULL || !sl_build_receiver(b, map, &rules, &to->to))
        return;
    to->named = instance.n > 0;
    to->every_ms = sl_conf_number(b->conf, "pushgateway.every");
    b->made->pushgateway = to;
}
