/* llm/about.h -- does a provider's error speak of our account with it, or show our key? Or of
 * what the client asked?
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

/* An error's body that says that the prompt was refused by a moderation: a router's metadata
 * with what was flagged or why, or a type or code of that name. A 403 of this kind is about the
 * request, not about our key. Source: OpenRouter, "Moderation errors"; OpenAI, error codes. */
bool sl_about_moderation(struct sl_str body);
bool sl_about_flagged(struct sl_str error); /* the same of the body's `error`, valid JSON */
/* The message of an error's body, whatever its form: unescaped, in `out`. */
struct sl_str sl_about_said(struct sl_str body, char *out, size_t cap);

/* A part of `key` by which it could be known: 16 characters in a row, all of a shorter one, or
 * its last four behind a mask ("***", "..."). One of 4 to 7 characters has to stand by itself,
 * and not to be of letters alone, as what is written where no key is asked for. */
bool sl_about_key(struct sl_str text, struct sl_str key);
/* The text as it reads without JSON's escapes of ASCII, also where one JSON is a text in another:
 * behind them a short key is not seen. `out`: room for text.n bytes. Returns how many it has. */
size_t sl_about_plain(struct sl_str text, char *out);
/* A header that is added to each request, or a member of a query: the same of each of its
 * words with at least 8 characters. What is known by its name to be no secret is none. */
bool sl_about_extra(struct sl_str text, struct sl_str name, struct sl_str value);
/* "a=b&c=d", as it is sent. */
bool sl_about_query(struct sl_str text, struct sl_str query);

#endif
