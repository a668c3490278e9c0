/* llm/translate.h -- a request of one protocol for a provider of another, and the
 * answer back: Anthropic's Messages and OpenAI's chat completions, both ways; OpenAI's
 * Responses for clients, at either.
 *
 * Between them stands one neutral form per operation (llm/neutral/neutral.h), which each
 * protocol's adapter reads and writes. Traffic of one protocol never comes here: it passes
 * byte for byte. What is mapped, dropped and refused is said in docs/translation.md.
 *
 * Holder   The request that is translated. `struct sl_translate` lies in the arena given and
 *          holds what the answer must know of the question; a stream is an object.
 * Order    sl_translate_request(), then one of: sl_translate_answer(), sl_translate_error(),
 *          or a stream: _new, _event for every event, _finish (or _fail) at the provider's end,
 *          _end.
 * Memory   Requests and answers within `max` of the wish, in the arena; a stream holds no more
 *          than one event, the arguments of calls that wait for their turn (at most
 *          SL_TRANSLATE_WAIT bytes), and for a Responses client the answer so far (1.5 MiB).
 *          Pure.
 * Input    A request's body is valid JSON (llm/body.h); answers and events are not trusted.
 * Source   Anthropic "Messages", "Streaming messages", "Errors"; OpenAI "Chat completions",
 *          "Responses", "Errors"; OpenRouter "Reasoning tokens", "Errors".
 */
#ifndef SL_LLM_TRANSLATE_H
#define SL_LLM_TRANSLATE_H

#include "base/grow.h"
#include "llm/dialect.h"

#define SL_TRANSLATE_WAIT (1u << 20)

/* Whose ways a provider has beyond its protocol. */
enum sl_flavor {
    SL_FLAVOR_COMPATIBLE, /* speaks like OpenAI, knows what all servers know */
    SL_FLAVOR_OPENAI,     /* OpenAI's own */
    SL_FLAVOR_OPENROUTER
};

struct sl_translate_wish {
    enum sl_endpoint from, to;   /* the client's, the provider's */
    enum sl_flavor flavor;       /* of the provider, where it speaks like OpenAI */
    struct sl_str model;         /* its name there */
    struct sl_str asked;         /* its name in answers */
    struct sl_str id;            /* of the request: answers are named by it */
    int64_t created_s;           /* Unix time, of OpenAI's answers */
    uint64_t max_tokens_default; /* where the request names none and must; 0: 4,096 */
    uint64_t max_tokens_most;    /* the most that the model takes; 0: not known */
    bool marks_prompts;          /* for the provider's prompt cache: Anthropic's, where the
                                  * client marks nothing */
    bool adds_usage;             /* an OpenAI stream ends with its usage, asked for or not */
    bool asks_no_usage;          /* the provider refuses `stream_options` */
    bool plain_schemas;          /* without words that some servers refuse */
    bool forms_by_tool;          /* it knows no structured output: a forced tool in its place */
    size_t max;                  /* bytes of the body that is made */
};

struct sl_translate;

/* Can requests of that endpoint be translated? */
bool sl_translate_has(enum sl_endpoint from);
/* The endpoint of that protocol that does the same; SL_EP_NONE: there is none. */
enum sl_endpoint sl_translate_endpoint(enum sl_endpoint from, const struct sl_dialect *to);

/* BAD_FIELD, with `*why` saying what can't be translated (static text); CEILING, NO_MEMORY. */
SL_MUST enum sl_err sl_translate_request(const struct sl_translate_wish *wish, struct sl_str body,
                                         struct sl_arena *a, struct sl_translate **made,
                                         struct sl_str *out, const char **why);
bool sl_translate_wants_usage(const struct sl_translate *t); /* the client asked for it */

/* A whole answer, status 200. `u` gets what the provider said of tokens, in its own counting.
 * UP_GARBAGE: no answer of its protocol. CEILING, NO_MEMORY. */
SL_MUST enum sl_err sl_translate_answer(const struct sl_translate *t, struct sl_str body,
                                        struct sl_arena *a, struct sl_usage *u, struct sl_str *out);
/* An error answer, of whatever form (JSON of any shape, HTML, nothing). `*status` is the
 * provider's before and the client's afterwards. */
SL_MUST enum sl_err sl_translate_error(const struct sl_translate *t, struct sl_str body,
                                       struct sl_arena *a, int *status, struct sl_str *out);

/* A request to a provider of its own protocol, Messages or Responses, without the thoughts that
 * carry our mark: another provider had them, and a foreign signature is a 400. `*out` is the
 * body itself where there are none. NO_MEMORY. */
SL_MUST enum sl_err sl_translate_unsign(enum sl_endpoint from, struct sl_str body,
                                        struct sl_arena *a, struct sl_str *out);

struct sl_translate_stream;

struct sl_translate_stream *
sl_translate_stream_new(const struct sl_translate *t); /* NULL: memory */
void sl_translate_stream_end(struct sl_translate_stream **s);
/* One whole event of the provider's: what it amounts to is added to `out`, in whole events.
 * UP_GARBAGE: no event of its protocol; CEILING, NO_MEMORY: also `out->err`. After an error,
 * and behind the terminal event, nothing more is said. */
SL_MUST enum sl_err sl_translate_stream_event(struct sl_translate_stream *s, struct sl_str event,
                                              struct sl_grow *out);
/* The provider has ended: what is still owed, if its answer was whole; else UP_CLOSED. */
SL_MUST enum sl_err sl_translate_stream_finish(struct sl_translate_stream *s, struct sl_grow *out);
/* The provider failed in mid-answer: the client's own way to be told so, in the order of what
 * it has got. Nothing more is said afterwards. */
SL_MUST enum sl_err sl_translate_stream_fail(struct sl_translate_stream *s, int status,
                                             struct sl_str message, struct sl_grow *out);
/* What the provider said so far of tokens, model and stop reason. */
const struct sl_usage *sl_translate_stream_usage(const struct sl_translate_stream *s);

#endif
