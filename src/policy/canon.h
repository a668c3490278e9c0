/* policy/canon.h -- the canonical request: what makes two requests the same.
 *
 * A byte string of: schema number, scope (tenant or "*" where sharing is on),
 * generation numbers (of tenant, model, version: what a purge increments),
 * operation, upstream model, `cache.version`, normaliser and its version,
 * `anthropic-version` and betas (sorted), and every member of the body that can
 * change the answer, keys sorted at every depth, numbers and strings as their
 * values (so escapes and spaces don't matter, nor do 1.0 and 10e-1; 1 and 1.0
 * differ). Every field says its own length, so that no two requests give the same
 * bytes.
 *
 * Left out at the top: model (it stands apart), stream, stream_options, metadata,
 * user, safety_identifier, prompt_cache_key, prompt_cache_options,
 * prompt_cache_retention, service_tier, store unless true, provider, models, route
 * (ours). The answers of `responses` repeat metadata, user, safety_identifier and
 * prompt_cache_key, so there these count: nobody gets another one's. Left out too are the marks
 * that change the price and not the answer, cache_control and prompt_cache_breakpoint, where the
 * protocols have them: at the top, in `system`, `tools` and `messages` (in `input` for the second),
 * in `content` and `source` below those. A tool's arguments or schema with such a member keep it.
 *
 * MD5 of it is the entry's name, SHA-256 its proof (net/tls.h computes both).
 * Pure; the tree is built with yyjson in memory capped at 4 x body + 64 KiB.
 */
#ifndef SL_POLICY_CANON_H
#define SL_POLICY_CANON_H

#include "base/arena.h"
#include "base/err.h"

#define SL_CANON_SCHEMA 2 /* grows when the bytes of any request change */

struct sl_canon {
    struct sl_str scope, operation, model, version;
    struct sl_str betas; /* as in the header, several lines joined by commas */
    struct sl_str api_version;
    unsigned normal;        /* bits of policy/normal.h: what was done to the body */
    uint64_t generation[3]; /* tenant, model, version */
};

/* `body` is normalised already. NO_MEMORY, BODY_TOO_BIG (the cap), BAD_BODY (a
 * repeated key at any depth, more than 64 levels, a lone surrogate: legal, but not
 * to be cached). */
SL_MUST enum sl_err sl_canon_request(const struct sl_canon *c, struct sl_str body,
                                     struct sl_arena *a, struct sl_str *out);
/* The same for one item of a batch: `item` is its JSON value, other members of
 * `body` but `input` count as above. `prefix` is made once a batch. The item is
 * normalised here, which changes nothing in one that was before. An item has the
 * same bytes alone and within a list, and never those of a request. */
SL_MUST enum sl_err sl_canon_items(const struct sl_canon *c, struct sl_str body, struct sl_arena *a,
                                   struct sl_str *prefix);
SL_MUST enum sl_err sl_canon_item(struct sl_str prefix, struct sl_str item, unsigned normal,
                                  struct sl_arena *a, struct sl_str *out);

/* Why a request is never cached or joined, in a few words; NULL if it may be.
 * `operation` as sl_endpoint_name() has it, `body` a JSON object. By operation:
 *
 * messages     tools with a `type` but "custom" (dated types: run by the provider, or
 *              known to it), mcp_servers, container, thread, max_tokens 0 (it only
 *              fills the provider's cache), a `source` of type url
 * chat, completions  store true, n over 1, tools but function and custom,
 *              web_search_options, plugins, a model ending in ":online", audio asked
 *              for, an image_url that is no data: URL, a file_url
 * responses    store but false (its default is true), previous_response_id,
 *              conversation, background, a stored prompt, tools and URLs as for chat,
 *              item_reference
 * moderations, embeddings  an image_url that is no data: URL, where `input` is one
 *              item (of several, llm/items.h tells which)
 * prompt       a model ending in ":online"
 * anything else  always
 */
const char *sl_canon_refusal(struct sl_str operation, struct sl_str body);

#endif
