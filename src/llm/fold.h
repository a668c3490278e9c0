/* llm/fold.h -- a streamed answer as a plain one, and back, in one protocol.
 *
 * The cache keeps every answer in its plain form. Folding reads the events of a
 * stream as they pass and builds the object that a plain request would have got;
 * unfolding writes the events that a streamed request would have got: valid to
 * the strict parsers of the official SDKs, members unknown to us kept.
 * Endpoints: messages, chat, completions, responses.
 * Memory   A fold grows up to `max` bytes (then it is `broken`, and says so). Pure.
 * Source   Anthropic "Streaming messages"; OpenAI "Chat completion chunk object",
 *          "Streaming events" of Responses; protocols.md 2.11, 3.4, 3.12.
 */
#ifndef SL_LLM_FOLD_H
#define SL_LLM_FOLD_H

#include "base/buf.h"
#include "llm/dialect.h"

struct sl_fold;

/* NULL: this endpoint has no streams, or no memory. */
struct sl_fold *sl_fold_new(enum sl_endpoint ep, size_t max);
void sl_fold_end(struct sl_fold **f);
/* One whole event as it came. */
void sl_fold_event(struct sl_fold *f, struct sl_str event);
/* True once the terminal event came, nothing was lost and no error was seen. */
bool sl_fold_is_whole(const struct sl_fold *f);
/* The plain answer; only when whole. */
SL_MUST enum sl_err sl_fold_finish(struct sl_fold *f, struct sl_arena *a, struct sl_str *out);

/* All events of `plain` (one whole answer, status 200), text in a few pieces of at
 * most SL_FOLD_PIECE bytes, split between code points. `usage`: write OpenAI's
 * usage chunk (the client asked with include_usage). */
#define SL_FOLD_PIECE 1024
SL_MUST enum sl_err sl_unfold(enum sl_endpoint ep, struct sl_str plain, bool usage,
                              struct sl_arena *a, struct sl_str *out);
/* May this answer be kept: whole, not cut for length by us, no refusal, no error, no
 * tool-run by the provider pending (`pause_turn`). `stop` as in sl_usage. */
bool sl_fold_is_keepable(enum sl_endpoint ep, struct sl_str plain);

#endif
