/* policy/canon.h -- the canonical request: what makes two requests the same.
 *
 * A byte string of: schema number, scope (tenant or "*" where sharing is on),
 * generation numbers (of tenant, model, version: what a purge increments),
 * operation, upstream model, `cache.version`, normaliser and its version,
 * `anthropic-version` and betas (sorted), and every member of the body that can
 * change the answer, keys sorted at every depth, numbers and strings as their
 * values (so escapes and spaces don't matter, 1 and 1.0 differ). Left out:
 * model (it stands apart), stream, stream_options, metadata, user,
 * safety_identifier, prompt_cache_key, prompt_cache_retention, service_tier,
 * store=false, provider/models/route (ours), cache_control marks are kept out
 * at every depth (they change price, not the answer).
 * MD5 of it is the entry's name, SHA-256 its proof (net/tls.h computes both).
 * Pure; the tree is built with yyjson in memory capped at 4 x body + 64 KiB.
 */
#ifndef SL_POLICY_CANON_H
#define SL_POLICY_CANON_H

#include "base/arena.h"
#include "base/err.h"

struct sl_canon {
    struct sl_str scope, operation, model, version, betas, api_version;
    unsigned normal;        /* bits of policy/normal.h */
    uint64_t generation[3]; /* tenant, model, version */
};

/* NO_MEMORY, BODY_TOO_BIG (the cap), BAD_BODY (a repeated key below the top). */
SL_MUST enum sl_err sl_canon_request(const struct sl_canon *c, struct sl_str body,
                                     struct sl_arena *a, struct sl_str *out);
/* The same for one item of a batch: `item` is its JSON value, other members of
 * `body` but `input` count as above. `prefix` is made once a batch. */
SL_MUST enum sl_err sl_canon_items(const struct sl_canon *c, struct sl_str body, struct sl_arena *a,
                                   struct sl_str *prefix);
SL_MUST enum sl_err sl_canon_item(struct sl_str prefix, struct sl_str item, unsigned normal,
                                  struct sl_arena *a, struct sl_str *out);

/* Why a request is never cached or joined; NULL if it may be. Reads the body's
 * top-level members: tools run by the provider (types other than function/custom
 * for OpenAI, any with a dated type for Anthropic), store: true (chat, responses: its
 * default counts), previous_response_id, conversation, container, thread, background, n > 1,
 * images by URL. */
const char *sl_canon_refusal(struct sl_str operation, struct sl_str body);

#endif
