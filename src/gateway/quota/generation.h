/* gateway/quota/generation.h -- GET /v1/generation?id=: what became of a request, in
 * OpenRouter's shape.
 *
 * Private to the room. Every answer of a provider leaves a note in the store (store/store.h:
 * how many, how long), under the request's id and the answer's own; any key of its tenant
 * may read it. Answers of the cache leave none: what they repeat has one. The look-up runs
 * in BODY, which waits for the store.
 * A note  is a JSON object of short members; it says nothing of the question or the answer.
 * Source  OpenRouter API reference: "Get request & usage metadata for a generation".
 */
#ifndef SL_GATEWAY_QUOTA_GENERATION_H
#define SL_GATEWAY_QUOTA_GENERATION_H

#include "gateway/req.h"

void sl_generation_note(struct sl_req *r); /* in ACCOUNT, once it is settled */
enum sl_state sl_generation_begin(struct sl_req *r);
enum sl_state sl_generation_go_on(struct sl_req *r); /* the store has answered: r->why */

#endif
