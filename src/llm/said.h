/* llm/said.h -- what a request says, and what a plain answer does: their texts, one by one.
 *
 * All strings of `system`, `messages`, `instructions`, `input`, `prompt` and `suffix`, at
 * whatever depth, so that neither a new kind of content block nor a tool's result hides a
 * text. Left out is what is no language: names, kinds, ids, addresses, files, signatures; but
 * all texts of a tool's arguments are read, and a document that is given as text.
 * Tools and their descriptions are the program's, not the prompt's.
 * Of an answer it is likewise all of `content`, `choices` and `output`, but its log
 * probabilities and what a content filter says of it.
 *
 * Memory   None; slices of the body. Pure.
 * Source   The providers' references, as heard.h names them; Azure OpenAI "Content filtering":
 *          `content_filter_results` and its kin stand in each choice, of a stream, too.
 */
#ifndef SL_LLM_SAID_H
#define SL_LLM_SAID_H

#include "base/str.h"

/* `inner`: what stands between a string's quotes, still escaped. `json`: it is JSON in a
 * text, as the arguments of a function are. */
typedef void sl_said_fn(void *ctx, struct sl_str inner, bool json);

/* `body`: valid JSON. */
void sl_said_each(struct sl_str body, sl_said_fn *fn, void *ctx);
void sl_said_answer(struct sl_str body, sl_said_fn *fn, void *ctx);
/* Of one value that a member of that name holds, inside of an answer. */
void sl_said_value(struct sl_str key, struct sl_str value, sl_said_fn *fn, void *ctx);
/* Is it no language, by its name alone? */
bool sl_said_is_none(struct sl_str key);
/* Is a text of that name JSON? */
bool sl_said_is_json(struct sl_str key);

#endif
