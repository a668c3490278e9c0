/* llm/shorten.h -- a conversation that is too long, without its oldest messages.
 *
 * What     Bodies of messages and chat completions. Messages go from the oldest on until
 *          the estimate (llm/estimate.h) of what is left is not above `max_tokens`; every
 *          byte that stays is as it was.
 * Stays    What is no message (system, tools), messages of role system or developer, the
 *          last question, what follows the last answer, and with `keep_first` the first
 *          question. If that is too long already, it is what is left.
 * Pairs    An answer goes with the results of the tools it calls, as both protocols ask for
 *          (protocols.md 2.4, 3.2), and no answer is left in front of the first question.
 */
#ifndef SL_LLM_SHORTEN_H
#define SL_LLM_SHORTEN_H

#include "base/err.h"

#define SL_SHORTEN_MESSAGES 100000 /* longer lists are left alone: no provider takes them */

struct sl_shorten {
    uint64_t max_tokens;
    bool keep_first;
    /* found */
    size_t messages, dropped;
};

/* `body` is valid JSON. `*out`: the shorter body, of the caller's to free; `.p` NULL: as it is.
 * NO_MEMORY. */
SL_MUST enum sl_err sl_shorten_body(struct sl_str body, struct sl_shorten *s, struct sl_str *out);

#endif
