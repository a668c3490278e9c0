/* llm/finish.h -- a stream that we stop ourselves ends as its protocol ends one that
 * has used up its tokens, or that was refused.
 *
 * From the events that have passed it knows what a client waits for, and writes it:
 *   messages           the open block's stop, message_delta with `max_tokens` (`refusal`) and
 *                      usage, message_stop
 *   chat, completions  a chunk with `length` (`content_filter`) for each choice without a
 *                      finish_reason, the usage chunk, [DONE]
 *   responses          the done events of the open part and item, response.incomplete with
 *                      `max_output_tokens` (`content_filter`), the items so far and usage
 * The strict parsers of the official SDKs read it as such an answer. A stream of which
 * nothing has come yet gets its first event, too.
 *
 * Order    new; event for each whole event that goes to the client, lost for one that
 *          passed without being read; write, once; end.
 * Memory   What the first event says (its ids), and of a responses stream the items so
 *          far, since its last event repeats them: at most SL_FINISH_MAX bytes. An item
 *          that would pass it is left out of the last event. Pure.
 * Source   Anthropic "Streaming messages"; OpenAI "Chat completion chunk object",
 *          "Streaming events" of Responses.
 */
#ifndef SL_LLM_FINISH_H
#define SL_LLM_FINISH_H

#include "llm/dialect.h"

#define SL_FINISH_MAX 65536

struct sl_finish;

/* NULL: this endpoint has no streams, or no memory. */
struct sl_finish *sl_finish_new(enum sl_endpoint ep);
void sl_finish_end(struct sl_finish **f);
/* One whole event as it came; what can't be read is passed over. */
void sl_finish_event(struct sl_finish *f, struct sl_str event);
/* An event too long to be held; `name` as in its name line, or "". */
void sl_finish_lost(struct sl_finish *f, struct sl_str name);
/* Nothing is open any more: the provider's own end is under way. */
bool sl_finish_is_over(const struct sl_finish *f);

struct sl_finish_ask {
    const struct sl_usage *usage; /* up: settled, what is charged */
    struct sl_str id, model;      /* for a stream that has not said any; `id` without escapes */
    int64_t now_unix_s;
    bool refused; /* it ends as one that was refused, not for want of tokens */
};
struct sl_finish_text {
    struct sl_str body;  /* whole events, for everybody */
    struct sl_str usage; /* OpenAI's usage chunk, for those who asked for it, or empty */
    struct sl_str last;  /* [DONE], behind it, or empty */
};
/* Texts live until sl_finish_end. NO_MEMORY. */
SL_MUST enum sl_err sl_finish_write(struct sl_finish *f, const struct sl_finish_ask *ask,
                                    struct sl_finish_text *out);

#endif
