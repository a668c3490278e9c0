/* gateway/translate/translate.h -- a request to a provider of another protocol.
 *
 * Private to the room. It stands between the steps and the provider: the body, the path and
 * the head that go up are the provider's, what comes back is made the client's before
 * anything else looks at it. So the cache, flights, the ledger and the log know the client's
 * protocol only; the numbers of tokens are the provider's own, in its own counting.
 *
 * Order    is_due, begin (once a try); then data and finish for a stream, answer or error
 *          for what is held whole; end. Where the provider speaks the client's protocol all
 *          of them do nothing, and the bytes pass untouched.
 * Limits   A request or a plain answer of SL_TRANSLATION_HOLD bytes, an event of
 *          SL_TRANSLATION_EVENT.
 */
#ifndef SL_GATEWAY_TRANSLATE_TRANSLATE_H
#define SL_GATEWAY_TRANSLATE_TRANSLATE_H

#include "gateway/inside.h"

#define SL_TRANSLATION_HOLD (8u << 20)
#define SL_TRANSLATION_EVENT (1u << 20)

struct sl_translation;

/* What a provider must speak to be asked as the client asks. */
enum sl_protocol sl_translation_protocol(const struct sl_req *r);
/* Can the request's endpoint be translated at all? */
bool sl_translation_can(const struct sl_req *r);
/* Does the provider chosen not speak the client's protocol? */
bool sl_translation_is_due(const struct sl_req *r);
/* Makes the head and the body for the provider: r->parts. TRY, or REPLY with why not.
 * `usage`: a stream ends with its usage, asked for or not. */
enum sl_state sl_translation_begin(struct sl_req *r, bool usage);
/* A provider is tried that speaks as the client does: nothing is translated, but thoughts
 * with a signature of ours are taken out. False: no memory. */
SL_MUST bool sl_translation_drop(struct sl_req *r);
void sl_translation_end(struct sl_translation **t);

/* Of the provider's side: the client's own where nothing is translated. */
enum sl_endpoint sl_translation_endpoint(const struct sl_req *r);
const struct sl_dialect *sl_translation_dialect(const struct sl_req *r);
struct sl_arena *sl_translation_arena(struct sl_req *r);

/* count.c: the tokens of a request for a provider that can't count them. */
bool sl_translation_counts(const struct sl_req *r);
enum sl_state sl_translation_count(struct sl_req *r);

/* r->bytes become what they amount to, in whole events. After an error they hold what came
 * before it. */
SL_MUST enum sl_err sl_translation_data(struct sl_req *r);
/* The provider is at its end: r->bytes are what is still owed. False: nothing is. */
SL_MUST bool sl_translation_finish(struct sl_req *r);
/* How a client of the Responses API is told that its stream failed: its events are numbered,
 * and only the translation knows how far they are. False: it is told as all others are. */
SL_MUST bool sl_translation_fail(struct sl_req *r, int status, struct sl_str message,
                                 struct sl_str *event);
/* Tokens as the provider counted them, over what was read in the client's form. */
void sl_translation_usage(struct sl_req *r);
/* A whole answer becomes the client's. False: it is none, or there is no memory. */
SL_MUST bool sl_translation_answer(struct sl_req *r, struct sl_str *body);
SL_MUST bool sl_translation_error(struct sl_req *r, int *status, struct sl_str *body);

#endif
