/* gateway/words/spoken.h -- lists of words over what is answered.
 *
 * A plain answer is looked at whole, before anything of it goes out. Of a stream each event
 * is looked at as it comes; for lists that block, events are kept back from the one on in
 * which something begins that may still become a word of theirs, and go on whole and in
 * order once it can't. Where a word is found, the answer ends:
 *
 *   nothing has gone out  400
 *   a stream              its protocol's own ending (llm/finish.h), as one that was refused
 *
 * Whatever the provider has said is charged.
 *
 * Order    listen, in RELAY; then for each event of a stream hear and, unless that says no,
 *          hand; rest at its end; count once; end. Where no list is on for answers none of
 *          it does anything.
 * Limits   SL_SPOKEN_WHOLE bytes of a plain answer, SL_SPOKEN_EVENT of one event: what is
 *          longer fails where a list blocks, else it passes without being looked at.
 *          SL_SPOKEN_BACK bytes wait behind an event that is kept back: when other texts of
 *          the stream go on for longer while one stands still, its beginning of a word goes
 *          out, and the end of the word never.
 * Memory   A search for each strand (strands.h), and what is kept.
 */
#ifndef SL_GATEWAY_WORDS_SPOKEN_H
#define SL_GATEWAY_WORDS_SPOKEN_H

#include "gateway/req.h"

#define SL_SPOKEN_WHOLE (8u << 20)
#define SL_SPOKEN_EVENT (1u << 20)
#define SL_SPOKEN_BACK 262144

struct sl_spoken;

/* Of an answer whose head is here: how much of it is held. */
void sl_spoken_set_hold(struct sl_req *r);
/* A plain answer longer than that: may it pass without having been looked at? */
bool sl_spoken_lets_pass(const struct sl_req *r);
/* Where a plain one is kept. NULL: no memory. */
struct sl_arena *sl_spoken_arena(struct sl_req *r);
/* RELAY begins, perhaps once more. False: no memory. */
SL_MUST bool sl_spoken_listen(struct sl_req *r);
/* Does a list block? (Then what can't be looked at doesn't pass.) */
bool sl_spoken_blocks(const struct sl_req *r);

/* A whole plain answer. RELAY: it may go; REPLY with what refuses it. */
enum sl_state sl_spoken_plain(struct sl_req *r, struct sl_str answer);

/* One whole event; `last`: no text follows. False: sl_spoken_stop() says how it ends. */
SL_MUST bool sl_spoken_hear(struct sl_req *r, struct sl_str event, bool last);
/* The event just heard goes on, sooner or later. `pass`: as sl_relay_hand. False: no memory. */
SL_MUST bool sl_spoken_hand(struct sl_req *r, struct sl_str event, bool pass);
/* All texts end here, and what is kept goes on. False likewise. */
SL_MUST bool sl_spoken_rest(struct sl_req *r);
enum sl_state sl_spoken_stop(struct sl_req *r);

void sl_spoken_count(struct sl_req *r); /* at the end: what was found */
void sl_spoken_end(struct sl_req *r);

#endif
