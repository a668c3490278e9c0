/* llm/heard.h -- what a streamed answer says, event by event, told apart by strand.
 *
 * A strand is a text that comes in pieces: a block's text, a choice's content, the arguments
 * of one of its calls. Strands of a block, a choice or an item of a response form a group.
 * Looked at is all that said.h calls a text, in whichever member of a delta: what grows at
 * the same place of the events is one strand. Texts that come at once (a search's results)
 * are whole ones. A response's events that repeat what was heard are passed over; what of an
 * item was not heard in pieces is heard when it is done.
 *
 * Memory   None; slices of the event. Pure.
 * Source   Anthropic "Streaming messages"; OpenAI "Chat completion chunk object",
 *          "Streaming events" of Responses.
 */
#ifndef SL_LLM_HEARD_H
#define SL_LLM_HEARD_H

#include "llm/dialect.h"

#define SL_HEARD_ALL UINT32_MAX /* every group */

#define SL_HEARD_ITEMS 1024 /* of a response; those behind are heard each time they are told */

struct sl_heard {                         /* of one stream; zeroed at its beginning */
    uint64_t spoken[SL_HEARD_ITEMS / 64]; /* bits: items of which pieces came */
    uint64_t done[SL_HEARD_ITEMS / 64];   /* and those that are known whole */
};

struct sl_heard_text {
    uint32_t group, part; /* the strand */
    struct sl_str inner;  /* between the quotes, still escaped */
    bool json;            /* JSON in a text: arguments */
    bool whole;           /* all of it: no strand */
};

struct sl_heard_ops {
    void (*text)(void *ctx, const struct sl_heard_text *t);
    void (*end)(void *ctx, uint32_t group); /* its strands say no more; SL_HEARD_ALL */
};

/* One whole event. False: it has data that could not be read (in many lines, too long). */
bool sl_heard_event(struct sl_heard *h, enum sl_endpoint ep, struct sl_str event,
                    const struct sl_heard_ops *ops, void *ctx);

#endif
