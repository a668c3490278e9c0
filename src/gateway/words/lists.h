/* gateway/words/lists.h -- lists of words over what tenants ask.
 *
 * Before anything is reserved or looked up, each prompt is read once for the words of all
 * lists and intents that hold for its tenant. A list that blocks refuses the request; the
 * others count. Counting of tokens is not asking, and is not looked at.
 */
#ifndef SL_GATEWAY_WORDS_LISTS_H
#define SL_GATEWAY_WORDS_LISTS_H

#include "gateway/req.h"

/* ROUTE, or REPLY with the list that refuses it. */
enum sl_state sl_lists_look(struct sl_req *r);

#endif
