/* llm/prompt.h -- the prompt API: one prompt in, one text out, whatever the provider speaks.
 *
 *   {"prompt":"…", "model":, "max_tokens":, "temperature":, "system":}
 *   {"output":"…", "model":"…", "usage":{…}, "cached":false, "id":"prm_…", "stop_reason":"…"}
 *
 * sl_prompt_fill() makes of the first the request that all others see: known members only, with
 * the configured defaults where it names none, so that a canonical form and a translation need
 * not know of defaults. llm/messages/prompt.c translates it.
 *
 * Shared   An answer that other programs read from Redis is the second with "cached":true and two
 *          members more at its end: "version", the configured version of cached answers, and
 *          "sha256", of the canonical request, 64 hexadecimal digits.
 * Memory   In the arena, or in the texts given. Pure.
 */
#ifndef SL_LLM_PROMPT_H
#define SL_LLM_PROMPT_H

#include "base/grow.h"
#include "llm/usage.h"

#define SL_PROMPT_SHA256 32

struct sl_prompt_defaults {
    struct sl_str model; /* empty: a request must name one */
    uint64_t max_tokens;
    struct sl_str temperature; /* a JSON number */
};

struct sl_prompt {
    struct sl_str body;   /* as filled */
    struct sl_str prompt; /* unescaped */
    bool alone;           /* nothing else was given */
    const char *why;      /* of BAD_FIELD; static */
};

/* `body` is valid JSON. BAD_FIELD with `why`; CEILING, NO_MEMORY. */
SL_MUST enum sl_err sl_prompt_fill(struct sl_str body, const struct sl_prompt_defaults *d,
                                   struct sl_arena *a, struct sl_prompt *out);

/* An answer with "cached":true. .p NULL: no memory. */
SL_MUST struct sl_str sl_prompt_cached(struct sl_str plain, struct sl_arena *a);
/* What is shared of a cached answer; .p NULL: no memory. */
SL_MUST struct sl_str sl_prompt_share(struct sl_str cached, struct sl_str version,
                                      const uint8_t sha256[SL_PROMPT_SHA256], struct sl_arena *a);
/* Back, for the request of that digest: the answer, and its tokens. False: it is another
 * request's, or none of ours at all (anybody may write there), or there is no memory. */
SL_MUST bool sl_prompt_unshare(struct sl_str shared, const uint8_t sha256[SL_PROMPT_SHA256],
                               struct sl_arena *a, struct sl_str *plain, struct sl_usage *u);

#endif
