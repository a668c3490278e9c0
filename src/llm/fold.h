/* llm/fold.h -- a streamed answer as a plain one, and back, in one protocol.
 *
 * The cache keeps every answer in its plain form. Folding reads the events of a
 * stream as they pass and builds the object that a plain request would have got;
 * unfolding writes the events that a streamed request would have got: valid to
 * the strict parsers of the official SDKs, members unknown to us kept.
 * Endpoints: messages, chat, completions, responses.
 *
 * Exact    Folding what was unfolded gives the same JSON value, and a stream gives
 *          what its provider's clients put together of it. What can't be known to be
 *          right makes a fold `broken`: an event that is no JSON, an error, an unknown
 *          event or delta of Anthropic's, calls that share a number, a gap between
 *          blocks. Lost on purpose: pings, obfuscation, the numbers of tool calls in
 *          OpenAI's chunks, estimates beside thinking deltas. Added where a client
 *          demands it: a choice's role and content, a call's type.
 * Memory   A fold grows up to `max` bytes, its own structures counted (then it is
 *          broken, and gives back what it held). Pure.
 * Source   Anthropic "Streaming messages"; OpenAI "Chat completion chunk object",
 *          "Streaming events" of Responses.
 */
#ifndef SL_LLM_FOLD_H
#define SL_LLM_FOLD_H

#include "base/buf.h"
#include "llm/dialect.h"

struct sl_fold;

/* NULL: this endpoint has no streams, or no memory. */
struct sl_fold *sl_fold_new(enum sl_endpoint ep, size_t max);
void sl_fold_end(struct sl_fold **f);
/* One whole event as it came. Of no effect once broken, or after the terminal event. */
void sl_fold_event(struct sl_fold *f, struct sl_str event);
/* Something passed that was not seen whole (an event too long to be held). */
void sl_fold_break(struct sl_fold *f);
/* True once the terminal event came, nothing was lost and no error was seen. OpenAI's
 * chat and completions have no event that must come last: there it is true once every
 * choice has its finish_reason, so ask at the end of the stream, for usage follows. */
bool sl_fold_is_whole(const struct sl_fold *f);
/* The plain answer; only when whole. UP_GARBAGE if it is not, or a tool's arguments
 * are no JSON object; CEILING, NO_MEMORY. Once. */
SL_MUST enum sl_err sl_fold_finish(struct sl_fold *f, struct sl_arena *a, struct sl_str *out);

/* All events of `plain` (one whole answer, status 200), text in a few pieces of at
 * most SL_FOLD_PIECE bytes, split between code points. `usage`: write OpenAI's
 * usage chunk (the client asked with include_usage). UP_GARBAGE if the answer has not
 * what a stream of it would have to say (a stop reason, usage of a message, ids of a
 * response's items): it is good for plain requests alone. CEILING, NO_MEMORY. */
#define SL_FOLD_PIECE 1024
SL_MUST enum sl_err sl_unfold(enum sl_endpoint ep, struct sl_str plain, bool usage,
                              struct sl_arena *a, struct sl_str *out);
/* May this answer be kept? It ended of itself: end_turn, stop_sequence, tool_use; stop,
 * tool_calls, function_call; completed. Not: errors, refusals, what a token limit or a
 * filter cut, tools of the provider's that are not done (`pause_turn`), and whatever
 * else a provider may think of. Embeddings and moderations: with results. That we cut
 * it ourselves can't be seen here. */
bool sl_fold_is_keepable(enum sl_endpoint ep, struct sl_str plain);
/* The same of what an answer's tap has read to its end (llm/usage.h): it is whole JSON. */
bool sl_fold_keeps(enum sl_endpoint ep, struct sl_str json);

#endif
