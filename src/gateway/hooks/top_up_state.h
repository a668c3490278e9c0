/* gateway/hooks/top_up_state.h -- what the store knows of a tenant's top-ups, and what is made of
 * it. Pure.
 *
 * Private to hooks/. Who uses it and what it means: top_up.h. A record is bytes from outside:
 * what can't be read of it counts as never said.
 */
#ifndef SL_GATEWAY_HOOKS_TOP_UP_STATE_H
#define SL_GATEWAY_HOOKS_TOP_UP_STATE_H

#include "base/text.h"
#include "policy/tenant.h"

#define SL_TOP_UP_NAME 64 /* bytes of a tenant's name */
#define SL_TOP_UP_ID 32
#define SL_TOP_UP_DOC 256

struct sl_top_up_state {
    char id[SL_TOP_UP_ID + 1]; /* of the one whose end is not known; empty: there is none */
    int64_t until_ms;          /* claimed, or at rest, until then */
    int64_t day;               /* since 1970; `added` is of it */
    int64_t added_micro;       /* with the one under way */
    int64_t cap_micro;         /* at rest because this `daily` was reached; 0: it was not */
};

void sl_top_up_state_read(struct sl_top_up_state *s, struct sl_str doc);
void sl_top_up_state_write(const struct sl_top_up_state *s, struct sl_text *doc);
/* May it be claimed? Also where its claim or rest has more than a day to go, which none is given:
 * the store's clock was set back. */
bool sl_top_up_state_is_due(const struct sl_top_up_state *s, const struct sl_top_up *rules,
                            int64_t now_ms);
/* Claims it: with the id that is under way, or a new one and `amount` booked; or without one,
 * at rest until tomorrow, where that would be more than `daily`. */
void sl_top_up_state_claim(struct sl_top_up_state *s, const struct sl_top_up *rules,
                           int64_t now_ms);
enum sl_top_up_says { SL_TOP_UP_GIVES, SL_TOP_UP_REFUSES, SL_TOP_UP_UNREADABLE };
/* What an answer gives: `amount` of its JSON object, in dollars, but at most `most`; without one
 * `most`. What is finer than a micro-dollar is cut off. 0 or less refuses; anything but a number
 * is not readable. *out is set where it gives. */
SL_MUST enum sl_top_up_says sl_top_up_amount(struct sl_str answer, int64_t most_micro,
                                             int64_t *out);

#endif
