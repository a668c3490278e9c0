/* policy/terms.c -- leaves, laid over each other. */
#include "policy/terms.h"

void sl_terms_init(struct sl_terms *t)
{
    t->limits =
        (struct sl_limits){SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET};
    t->budget = (struct sl_budget){SL_UNSET, SL_UNSET, SL_UNSET};
}

static void over(int64_t *leaf, int64_t top)
{
    if (top != SL_UNSET)
        *leaf = top;
}

void sl_terms_over(struct sl_terms *t, const struct sl_terms *top)
{
    over(&t->limits.rpm, top->limits.rpm);
    over(&t->limits.qps, top->limits.qps);
    over(&t->limits.burst, top->limits.burst);
    over(&t->limits.tpm, top->limits.tpm);
    over(&t->limits.concurrency, top->limits.concurrency);
    over(&t->limits.user_concurrency, top->limits.user_concurrency);
    over(&t->limits.reserve_output, top->limits.reserve_output);
    over(&t->budget.credits_micro, top->budget.credits_micro);
    over(&t->budget.daily_micro, top->budget.daily_micro);
    over(&t->budget.monthly_micro, top->budget.monthly_micro);
}

bool sl_terms_has_budget(const struct sl_terms *t)
{
    return t->budget.credits_micro != SL_UNSET || t->budget.daily_micro > 0 ||
           t->budget.monthly_micro > 0;
}
