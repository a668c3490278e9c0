/* conf/parts/kept.c -- where prompts and answers are kept, and what is taken out of them. */
#include "conf/parts/parts.h"

static void read_rules(struct sl_build *b, struct sl_redact *out)
{
    const struct sl_node *list = sl_node_at(b->conf->root, "prompts.redact");
    struct sl_str *patterns = sl_build_alloc(b, list->n, sizeof(*patterns));

    out->patterns = patterns;
    for (const struct sl_node *c = list->first; patterns != NULL && c != NULL; c = c->next) {
        if (sl_str_eq(c->text, SL_STR("emails")))
            out->emails = true;
        else if (sl_str_eq(c->text, SL_STR("numbers")))
            out->numbers = true;
        else if (sl_redact_is_pattern(c->text))
            patterns[out->patterns_n++] = sl_build_dup(b, c->text);
        else
            sl_fault_add(b->faults, c,
                         "prompts.redact: takes emails, numbers, and patterns of 3 to %d bytes "
                         "with a * at the end alone",
                         SL_REDACT_PATTERN);
    }
    if (out->patterns_n > SL_REDACT_PATTERNS)
        sl_fault_add(b->faults, list, "prompts.redact: at most %d patterns", SL_REDACT_PATTERNS);
}

void sl_build_kept(struct sl_build *b)
{
    const struct sl_node *tenants = sl_node_get(b->conf->root, "tenants");
    struct sl_kept_conf *out = &b->made->kept;

    out->file = sl_build_dup(b, sl_conf_text(b->conf, "prompts.file"));
    out->max = (size_t)sl_conf_number(b->conf, "prompts.max");
    read_rules(b, &out->redact);
    for (const struct sl_node *c = tenants->first; out->file.n == 0 && c != NULL; c = c->next)
        if (sl_node_number(c, "log_prompts", 0) == 1)
            sl_fault_add(b->faults, sl_node_get(c, "log_prompts"),
                         "tenants[].log_prompts: needs `prompts.file`, where they are kept");
}
