/* mock/ask.h -- what a request asks for, as far as the mock must know.
 *
 * Pure reading: paths to endpoints, and the body's members in one pass. Slices
 * point into the body. */
#ifndef SL_MOCK_ASK_H
#define SL_MOCK_ASK_H

#include "mock/words.h"

enum sl_ask_what {
    SL_ASK_NOTHING, /* no such path */
    SL_ASK_ROOT,    /* "/" and the like: alive */
    SL_ASK_STATS,
    SL_ASK_RESET,
    SL_ASK_TOKEN_WORDS, /* how the token endpoint shall answer from now on */
    SL_ASK_REVOKE,      /* the tokens given so far are refused from now on */
    SL_ASK_TOKEN,       /* OAuth 2.0 */
    SL_ASK_MODELS,
    SL_ASK_MESSAGES,
    SL_ASK_COUNT_TOKENS,
    SL_ASK_CHAT,
    SL_ASK_COMPLETIONS,
    SL_ASK_RESPONSES,
    SL_ASK_EMBEDDINGS,
    SL_ASK_MODERATIONS
};

struct sl_ask {
    enum sl_ask_what what;
    bool anthropic;     /* which family's manners */
    struct sl_str id;   /* MODELS: the id asked for, or empty */
    struct sl_str body; /* whole */
    /* from the body; raw JSON values */
    struct sl_str model; /* the string's inside, escaped as it came */
    struct sl_str messages;
    struct sl_str input; /* of responses, embeddings, moderations; or the prompt */
    struct sl_str tools;
    struct sl_str dimensions;
    bool stream;
    bool include_usage;
    bool base64;
};

/* Fills what and id; the other members are zeroed. */
void sl_ask_path(struct sl_ask *a, struct sl_str path, bool anthropic_manners);
/* False: the body is no JSON object, or has no model. */
SL_MUST bool sl_ask_body(struct sl_ask *a, struct sl_str body);

/* Inside of the last user text (escaped), or empty. */
struct sl_str sl_ask_last_text(const struct sl_ask *a);
/* Is the last thing said the result of a tool? */
bool sl_ask_is_tool_result(const struct sl_ask *a);
/* Inside of the first tool's name, or empty. */
struct sl_str sl_ask_tool_name(const struct sl_ask *a);

#endif
