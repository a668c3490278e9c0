/* conf/parts/hooks.c -- where events are told, and spans go: `hooks`, `otlp`. */
#include "conf/parts/parts.h"

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
    b->made->hook = hook;
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
