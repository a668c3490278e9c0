/* llm/about.h -- does a provider's error speak of our account with it, or show our key?
 *
 * Such a text is for the gateway's operator, not for a tenant. Pure: bytes in, a verdict out.
 * Source: OpenAI's and Anthropic's error references ("insufficient_quota", "Incorrect API key
 * provided: sk-ab***wxyz", "Your credit balance is too low", "organization org-...").
 */
#ifndef SL_LLM_ABOUT_H
#define SL_LLM_ABOUT_H

#include "base/str.h"

/* Names of the account as they stand in errors; a request's own words, quoted, are none.
 * `*quota`: it says that the account is empty. */
bool sl_about_account(struct sl_str text, bool *quota);

/* A part of `key` by which it could be known: 16 characters in a row, all of a shorter one, or
 * its last four behind a mask ("***", "..."). Of fewer than 8 characters there is no secret. */
bool sl_about_key(struct sl_str text, struct sl_str key);

#endif
