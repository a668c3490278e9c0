/* gateway/words/lists.h -- which lists of words hold for a request, and those over what is
 * asked. Over what is answered: spoken.h.
 *
 * Before anything is reserved or looked up, each prompt is read once for the words of all
 * lists and intents that hold for its tenant. A list that blocks refuses the request; the
 * others count. Counting of tokens is not asking, and is not looked at.
 */
#ifndef SL_GATEWAY_WORDS_LISTS_H
#define SL_GATEWAY_WORDS_LISTS_H

#include "gateway/req.h"

/* ROUTE, or REPLY with the list that refuses it. Sets r->answer_lists. */
enum sl_state sl_lists_look(struct sl_req *r);
/* Those of `lists` (bits, by number) that block. */
uint64_t sl_lists_blocking(const struct sl_req *r, uint64_t lists);
/* Into the metrics: words found, by list. */
void sl_lists_count(const struct sl_req *r, const uint32_t count[SL_WORDS_LISTS]);

#endif
