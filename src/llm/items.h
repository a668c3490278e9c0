/* llm/items.h -- moderations and embeddings, taken apart item by item.
 *
 * An item is one string of `input` (a lone string is one item; an array of
 * content parts, or of tokens, is one item; an array of arrays of tokens is
 * many). From a request come its items; from the items that are not known a
 * smaller request; from answers one result an item; from results an answer, in
 * the order asked, with the counts and usage that belong to it.
 * Order    split; then body, results, answer as needed. Bodies are JSON already
 *          found valid; answers are not trusted.
 * Memory   Slices of the text given, or of the arena. Pure.
 * Source   OpenAI API reference: "Create moderation", "Create embeddings".
 */
#ifndef SL_LLM_ITEMS_H
#define SL_LLM_ITEMS_H

#include "base/arena.h"
#include "llm/body.h"
#include "llm/dialect.h"

#define SL_ITEMS_MAX 2048 /* OpenAI's own ceiling for embeddings */

struct sl_item {
    struct sl_str raw; /* the JSON value as it stands in the request */
    bool is_string;
    bool by_url;     /* holds an image by URL, or a part of a kind unknown here: never cached */
    uint64_t tokens; /* estimate, for sharing out usage: 4 bytes a token, 1,500 an image */
};

struct sl_items {
    struct sl_item *at; /* up: the arena's */
    size_t n;
    bool lone; /* `input` was one value, not an array of them */
};

/* BAD_FIELD (no input, empty, of another type), CEILING (too many), NO_MEMORY. */
SL_MUST enum sl_err sl_items_split(struct sl_str body, struct sl_arena *a, struct sl_items *out);
/* The request with `input` replaced by these items (those picked, perhaps normalised);
 * all other members byte for byte. A lone input is replaced by its one item, a list
 * by a list. BAD_FIELD as above, and for no items or several in the place of one. */
SL_MUST enum sl_err sl_items_body(struct sl_str body, const struct sl_str *raw, size_t n,
                                  struct sl_arena *a, struct sl_str *out);

struct sl_item_result {
    struct sl_str raw; /* one element of `results` or `data`, as it stands; for embeddings
                        * without its "index" */
    uint64_t tokens;   /* its share of usage.prompt_tokens; 0 where none is reported */
};
/* From a provider's answer to `n` items. UP_GARBAGE if it is no JSON, or has not
 * exactly `n` results (embeddings are put in order of their "index"). `weights`:
 * estimates by which usage is shared out, the rest to the last one so that the sum
 * holds. */
SL_MUST enum sl_err sl_items_results(enum sl_endpoint ep, struct sl_str answer,
                                     const uint64_t *weights, size_t n, struct sl_arena *a,
                                     struct sl_item_result *out);
/* A whole answer: id and model as given (unescaped). Usage (embeddings) is the sum.
 * Results may come from a cache: UP_GARBAGE if one is no object. */
struct sl_items_head {
    enum sl_endpoint ep;
    struct sl_str id, model; /* id: moderations only */
};
SL_MUST enum sl_err sl_items_answer(const struct sl_items_head *head,
                                    const struct sl_item_result *results, size_t n,
                                    struct sl_arena *a, struct sl_str *out);

#endif
