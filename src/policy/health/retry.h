/* policy/health/retry.h -- whether another try may follow, and when.
 *
 * Pure. Sources: the contract of the vendors' SDKs (x-should-retry, then 408, 409,
 * 429 and 500 and above; retry-after-ms, retry-after as seconds or RFC 9110 date);
 * full jitter from Brooker, "Exponential Backoff And Jitter" (2015); the budget from
 * Envoy's retry budgets: without one an outage becomes a storm.
 */
#ifndef SL_POLICY_HEALTH_RETRY_H
#define SL_POLICY_HEALTH_RETRY_H

#include "base/str.h"

#define SL_RETRY_ATTEMPTS_MAX 10

struct sl_retry_rules {
    uint64_t attempts; /* tries of a request, the first one too */
    uint64_t base_ms, max_ms;
};

enum sl_retry {
    SL_RETRY_NEVER,     /* the client's to mend */
    SL_RETRY_ELSEWHERE, /* another key or another candidate; here it would be the same */
    SL_RETRY_LIMITED,   /* likewise, and here once the key has rested */
    SL_RETRY_AGAIN      /* another candidate; here after a backoff */
};

/* What the provider's answer says about coming back. */
struct sl_retry_hints {
    bool should, should_not; /* x-should-retry */
    bool has_wait;
    uint64_t wait_ms;
};

/* `after_ms`, `after`: the values of retry-after-ms and retry-after, empty: none. */
void sl_retry_read_wait(struct sl_str after_ms, struct sl_str after, int64_t unix_ms,
                        struct sl_retry_hints *out);
/* Of an answer with that status, 400 or above. */
enum sl_retry sl_retry_status(int status, const struct sl_retry_hints *hints);
/* Before the `n`th repetition (from 1), a part of it chosen by `random`. */
uint64_t sl_retry_backoff_ms(const struct sl_retry_rules *r, unsigned n, uint64_t random);

/* Extra tries: at most a fifth of the requests of the last 10 s, and 10 a second. */
#define SL_RETRY_SECONDS 10
#define SL_RETRY_FREE 10 /* a second */
#define SL_RETRY_SHARE 5 /* one of so many requests */

struct sl_retry_budget { /* all zero: nothing has happened */
    struct {
        uint64_t second; /* since the clock's beginning, and one: 0 is never */
        uint64_t requests, extra;
    } at[SL_RETRY_SECONDS];
};

void sl_retry_budget_note(struct sl_retry_budget *b, uint64_t now); /* a request's first try */
/* One extra try; false: there is none left. */
SL_MUST bool sl_retry_budget_take(struct sl_retry_budget *b, uint64_t now);

#endif
