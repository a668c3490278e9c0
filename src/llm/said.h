/* llm/said.h -- what a request says: the texts of its prompt, one by one.
 *
 * All strings of `system`, `messages`, `instructions`, `input`, `prompt` and `suffix`, at
 * whatever depth, so that neither a new kind of content block nor a tool's result hides a
 * text. Left out is what is no language: names, kinds, ids, addresses, files, signatures; but
 * all texts of a tool's arguments are read, and a document that is given as text.
 * Tools and their descriptions are the program's, not the prompt's.
 *
 * Memory   None; slices of the body. Pure.
 */
#ifndef SL_LLM_SAID_H
#define SL_LLM_SAID_H

#include "base/str.h"

/* `inner`: what stands between a string's quotes, still escaped. */
typedef void sl_said_fn(void *ctx, struct sl_str inner);

/* `body`: valid JSON. */
void sl_said_each(struct sl_str body, sl_said_fn *fn, void *ctx);

#endif
