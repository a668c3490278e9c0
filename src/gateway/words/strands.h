/* gateway/words/strands.h -- a stream's texts, each searched for words as it grows.
 *
 * Answers two questions: which words of lists that block stand in what was heard, and up to
 * which event nothing can become one any more. What waits for that is spoken.c's.
 *
 * Order    init; hear each event, by a growing number; rest where all texts end; fini.
 * Limits   SL_STRANDS_MAX strands: where one more begins, that which was silent longest ends.
 *          A strand remembers at most as many events as a word has bytes.
 */
#ifndef SL_GATEWAY_WORDS_STRANDS_H
#define SL_GATEWAY_WORDS_STRANDS_H

#include "base/err.h"
#include "base/list.h"
#include "gateway/words/feed.h"
#include "llm/heard.h"

#define SL_STRANDS_MAX 256
#define SL_STRANDS_NEVER UINT64_MAX

struct sl_strands {
    const struct sl_words *words;   /* up */
    uint64_t lists, blocks;         /* bits: looked for; those that block */
    uint64_t found;                 /* of those that block: the words stand in it */
    uint32_t count[SL_WORDS_LISTS]; /* of strands that have ended */
    enum sl_err err;                /* of what was heard: UP_GARBAGE, NO_MEMORY */
    /* private from here */
    struct sl_heard heard;
    uint64_t event;
    struct sl_list all; /* the last one spoke last */
    size_t n;
};

void sl_strands_init(struct sl_strands *s, const struct sl_words *w, uint64_t lists,
                     uint64_t blocks);
void sl_strands_fini(struct sl_strands *s);
void sl_strands_hear(struct sl_strands *s, enum sl_endpoint ep, struct sl_str event,
                     uint64_t number);
/* All texts end here. */
void sl_strands_rest(struct sl_strands *s);
/* What is under way is counted as far as it has come, and forgotten. */
void sl_strands_forget(struct sl_strands *s);
/* The first event that may not go on yet; NEVER: all may. */
uint64_t sl_strands_first_waiting(struct sl_strands *s);
/* Of those that have something wait, the one that spoke longest ago has nothing wait any
 * more. False: there is none. */
bool sl_strands_hush(struct sl_strands *s);

#endif
