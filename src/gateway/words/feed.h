/* gateway/words/feed.h -- JSON's texts, decoded, into a search for words.
 *
 * A text comes as it stands between the quotes of one or more JSON strings: escapes are
 * resolved, also the halves of a character that was cut between two strings. A text that is
 * itself JSON (a tool's arguments) has its own escapes resolved as well.
 *
 * Order    begin; text any number of times; rest where the text ends; again.
 * Memory   None. Pure.
 */
#ifndef SL_GATEWAY_WORDS_FEED_H
#define SL_GATEWAY_WORDS_FEED_H

#include "policy/words/words.h"

struct sl_feed {
    struct sl_words_seek seek;
    /* private from here */
    uint32_t high;  /* the first half of a character beyond U+FFFF; 0: none */
    uint32_t code;  /* of an inner escape with digits */
    uint8_t digits; /* those that are not here */
    bool escaped;   /* an inner backslash came */
};

void sl_feed_begin(struct sl_feed *f, const struct sl_words *w, uint64_t lists);
/* `inner`: what stands between a string's quotes, still escaped. `json`: JSON in a text. */
void sl_feed_text(struct sl_feed *f, struct sl_str inner, bool json);
void sl_feed_rest(struct sl_feed *f);

#endif
