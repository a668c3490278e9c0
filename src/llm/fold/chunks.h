/* llm/fold/chunks.h -- the frame of every chunk of an OpenAI stream.
 *
 * Private to unfold_openai.c. A chunk is the answer's own members around one choice.
 * Those that are arrays or objects come once, with the first.
 * Order    init; for each chunk open, the delta's members (or a piece of `text`),
 *          shut; fini.
 */
#ifndef SL_LLM_FOLD_CHUNKS_H
#define SL_LLM_FOLD_CHUNKS_H

#include "llm/fold/inside.h"

struct sl_chunks {
    struct sl_unfold *u;   /* up */
    struct sl_unfold head; /* of it, only the text: how every chunk begins */
    struct sl_str tail;
    bool chat;
    bool begun;
    bool has_probs; /* the choice has a `logprobs` member */
    uint64_t index; /* of the choice being written */
};

void sl_chunks_init(struct sl_chunks *c, struct sl_unfold *u, bool chat);
void sl_chunks_fini(struct sl_chunks *c);
void sl_chunks_add(struct sl_chunks *c, const char *z);
/* Up to the inside of `delta` or `text`; bare: up to the inside of `choices`. */
void sl_chunks_open(struct sl_chunks *c);
void sl_chunks_open_bare(struct sl_chunks *c);
void sl_chunks_shut(struct sl_chunks *c);

#endif
