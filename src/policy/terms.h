/* policy/terms.h -- what a key or a tenant may use: limits and budgets.
 *
 * One `struct sl_terms` per level (a key, a tenant). Every leaf is SL_UNSET
 * until somebody sets it, so that plan, tenant, key and what the admin API
 * stored can be laid over each other leaf by leaf: sl_terms_over().
 * 0 means "none of that kind" (no limit), except credits: 0 is an empty purse.
 * Pure. Money is in micro-dollars.
 */
#ifndef SL_POLICY_TERMS_H
#define SL_POLICY_TERMS_H

#include "base/err.h"

#define SL_UNSET (-1)
#define SL_TERMS_RESERVE_OUTPUT 8000 /* tokens of an answer that are reserved, if unset */
#define SL_TERMS_WINDOW_MAX 100000   /* entries of a window; a larger limit is refused */
#define SL_TERMS_TOKENS_MAX 1000000000000
/* Micro-dollars (10^9 USD): scripts of the store compute in doubles, exact up to 2^53. */
#define SL_TERMS_MONEY_MAX 1000000000000000

struct sl_limits {
    int64_t rpm;         /* requests in any 60 s */
    int64_t qps;         /* requests in any 1 s */
    int64_t burst;       /* requests at once that qps and rpm refill; unset: they are windows */
    int64_t tpm;         /* tokens in any 60 s, cache reads apart */
    int64_t concurrency; /* requests at once */
    int64_t user_concurrency; /* of one end user: policy/quota.h */
    int64_t reserve_output;   /* tokens of max_tokens that are reserved at most */
};

struct sl_budget {
    int64_t credits_micro; /* what a new account starts with; unset: credits are not held */
    int64_t daily_micro;   /* 0: none */
    int64_t monthly_micro;
};

struct sl_terms {
    struct sl_limits limits;
    struct sl_budget budget;
};

void sl_terms_init(struct sl_terms *t); /* all unset */
/* The leaves of `top` that are set replace those of `t`. */
void sl_terms_over(struct sl_terms *t, const struct sl_terms *top);
/* A leaf's value, or 0 where it is unset or none. */
static inline uint64_t sl_terms_limit(int64_t leaf)
{
    return leaf > 0 ? (uint64_t)leaf : 0;
}
bool sl_terms_has_budget(const struct sl_terms *t); /* credits, daily or monthly */

#endif
