/* llm/body.h -- a request's body: inspected while it arrives, spliced in place.
 *
 * Holder   The request; embedded, must not move between init and fini. The
 *          body's bytes are contiguous; inspection remembers places only.
 * Splice   sl_body_splice() gives the slices to send: the client's own bytes
 *          with the model's value replaced, members meant for us cut
 *          (`provider`, `models`, `route`) with their comma, and
 *          "stream_options":{"include_usage":true} added. Nothing else changes.
 */
#ifndef SL_LLM_BODY_H
#define SL_LLM_BODY_H

#include "base/arena.h"
#include "base/json.h"

#define SL_BODY_PARTS 24
#define SL_BODY_MODEL_MAX 200
#define SL_BODY_TOKENS_MAX 1000000000 /* of max_tokens: beyond it no model answers */

struct sl_body_place {
    bool has;
    enum sl_json_type type;
    uint64_t start, value_at, value_end, comma_before;
};

struct sl_body {
    struct sl_json json;
    uint64_t fed;
    /* top-level members by place */
    struct sl_body_place model, stream, stream_options, provider, models, route, max_tokens,
        max_completion_tokens, max_output_tokens, metadata, user, safety_identifier;
    uint64_t object_end;
};

void sl_body_init(struct sl_body *b);
void sl_body_fini(struct sl_body *b);
/* The next bytes; BAD_BODY, REPEATED_KEY, CEILING. */
SL_MUST enum sl_err sl_body_feed(struct sl_body *b, struct sl_str piece);
SL_MUST enum sl_err sl_body_finish(struct sl_body *b);

/* Readers over the whole body text. */
/* Unescaped model name into out (zero-terminated); BAD_BODY if it is no string
 * or longer than cap - 1; NO_MODEL if there is none. Control bytes refused. */
SL_MUST enum sl_err sl_body_model(const struct sl_body *b, struct sl_str text, char *out,
                                  size_t cap);
/* The bytes of a member's value; .p NULL if it is not there. */
struct sl_str sl_body_value(const struct sl_body_place *place, struct sl_str text);
bool sl_body_streams(const struct sl_body *b, struct sl_str text); /* "stream": true */
/* The largest of max_tokens, max_completion_tokens and max_output_tokens, 0 if none is
 * given, or none above it: Anthropic's `max_tokens: 0` fills the prompt cache and answers
 * nothing. False: one of them is no number of tokens. */
SL_MUST bool sl_body_max_tokens(const struct sl_body *b, struct sl_str text, uint64_t *out);
/* Does an OpenAI stream already ask for its usage? */
bool sl_body_has_include_usage(const struct sl_body *b, struct sl_str text);
/* `metadata.user_id`, `user` or `safety_identifier`, the first that is there, unescaped, cut;
 * empty if none. */
struct sl_str sl_body_user(const struct sl_body *b, struct sl_str text, char *out, size_t cap);

struct sl_body_wish {
    struct sl_str model;    /* new name; empty: keep. Needs no "model" member: one is added */
    bool cut_ours;          /* provider, models, route */
    bool add_include_usage; /* also when stream_options is there without it, or is null */
};
/* Parts point into `text`, `a`, or static memory. NO_MEMORY or how many in *n. */
SL_MUST enum sl_err sl_body_splice(const struct sl_body *b, struct sl_str text,
                                   const struct sl_body_wish *wish, struct sl_arena *a,
                                   struct sl_str parts[SL_BODY_PARTS], size_t *n, uint64_t *length);

#endif
