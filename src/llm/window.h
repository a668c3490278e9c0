/* llm/window.h -- does a provider say that a request is too long for its model?
 *
 * Source: protocols.md 2.12, 3.5, 6.4 and 7.6: Anthropic's and OpenAI's wordings, and those
 * of servers that speak like them ("maximum context length").
 */
#ifndef SL_LLM_WINDOW_H
#define SL_LLM_WINDOW_H

#include "base/str.h"

bool sl_window_is_too_long(int status, struct sl_str body);

#endif
