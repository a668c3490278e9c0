/* llm/dialect.h -- what a provider protocol's adapter must supply.
 *
 * Pure: bytes in, bytes out. One adapter file per protocol (anthropic.c,
 * openai.c) fills one `struct sl_dialect`. Same-protocol traffic passes
 * verbatim; an adapter reads what it must know and writes errors and
 * keep-alives in its protocol's own form. Sources: Anthropic API reference
 * (messages, streaming, errors), OpenAI API reference (chat, responses, errors),
 * WHATWG HTML "server-sent events".
 */
#ifndef SL_LLM_DIALECT_H
#define SL_LLM_DIALECT_H

#include "base/arena.h"
#include "base/err.h"
#include "llm/usage.h"

enum sl_endpoint {
    SL_EP_NONE,
    SL_EP_MESSAGES,
    SL_EP_COUNT_TOKENS,
    SL_EP_CHAT,
    SL_EP_COMPLETIONS,
    SL_EP_RESPONSES,
    SL_EP_EMBEDDINGS,
    SL_EP_MODERATIONS,
    SL_EP_PROMPT, /* the prompt API: no provider has it, it is always translated */
    SL_EP_MODELS, /* list and one: answered by the gateway */
    SL_EP_KEY,    /* the calling key, what it has used and may; likewise */
    SL_EP_CREDITS,
    SL_EP_GENERATION, /* what became of a request of its tenant */
    SL_EP_TOKEN,      /* a token in exchange for the calling key */
    SL_EP_HEALTH,
    SL_EP_HELLO,
    SL_EP__COUNT
};

/* What one SSE event (or a plain answer) means to the relay. */
enum sl_event_kind {
    SL_EV_OTHER,     /* passes; no commit point (message_start, role chunk, ping) */
    SL_EV_CONTENT,   /* text, thinking, refusal, tool call: the commit point */
    SL_EV_FINAL,     /* terminal event: message_stop, [DONE], response.completed */
    SL_EV_ERROR,     /* an error inside the stream */
    SL_EV_USAGE_ONLY /* OpenAI's extra chunk with empty choices and usage */
};

struct sl_dialect {
    const char *name; /* "anthropic", "openai" */
    /* Body of an error of ours. `code` and `type` follow from `why` and status. */
    struct sl_str (*error_body)(struct sl_arena *a, enum sl_err why, int status,
                                struct sl_str message, struct sl_str request_id);
    /* A complete error event for a running stream of that endpoint. */
    struct sl_str (*error_event)(struct sl_arena *a, enum sl_endpoint ep, enum sl_err why,
                                 struct sl_str message, struct sl_str request_id);
    struct sl_str (*keepalive)(enum sl_endpoint ep); /* static text, whole event */
    /* Reads one whole event (all lines, up to the empty one), updates `u`. */
    enum sl_event_kind (*event)(enum sl_endpoint ep, struct sl_str event, struct sl_usage *u);
    /* May the stream end (EOF) without an SL_EV_FINAL having been seen and yet
     * be whole? (OpenAI: after a finish_reason; Anthropic: message_delta with a
     * stop_reason does not count, message_stop is required.) */
    bool (*is_whole)(enum sl_endpoint ep, const struct sl_usage *u);
};

extern const struct sl_dialect sl_dialect_anthropic;
extern const struct sl_dialect sl_dialect_openai;

/* Path (without query) to endpoint: under /v1, /api/v1, /v1/v1 and bare. For
 * SL_EP_MODELS `*id` is the still percent-encoded rest ("" for the list).
 * `*takes_get` says which method the endpoint takes (GET and HEAD, or POST). */
enum sl_endpoint sl_endpoint_find(struct sl_str path, struct sl_str *id, bool *takes_get);
/* As in scopes and metrics: "messages", "chat", ...; "none" for SL_EP_NONE. */
const char *sl_endpoint_name(enum sl_endpoint ep);
/* Path at the provider, appended to its base ("/v1/messages" for an Anthropic
 * base without /v1, "/chat/completions" for an OpenAI base with it). */
struct sl_str sl_endpoint_path(enum sl_endpoint ep);
const struct sl_dialect *sl_endpoint_dialect(enum sl_endpoint ep); /* of ours for that route */

#endif
