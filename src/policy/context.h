/* policy/context.h -- how long a conversation may be, as a model and a tenant say.
 *
 * The shorter limit is in force, with what its side says of the first question. Pure.
 */
#ifndef SL_POLICY_CONTEXT_H
#define SL_POLICY_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

struct sl_context {
    uint64_t max_tokens; /* of input, as estimated; 0: none */
    bool drop_first;     /* the first question need not stay */
};

static inline struct sl_context sl_context_least(struct sl_context a, struct sl_context b)
{
    if (a.max_tokens == 0 || b.max_tokens == 0)
        return a.max_tokens == 0 ? b : a;
    return b.max_tokens < a.max_tokens ? b : a;
}

#endif
