/* llm/messages/anthropic.h -- the Messages API's adapter, in its files.
 *
 * Private to the room: anthropic_read.c, anthropic_write.c and anthropic_schema.c have the request,
 * anthropic_answer.c plain answers and errors, anthropic_in.c and anthropic_out.c a stream.
 */
#ifndef SL_LLM_MESSAGES_ANTHROPIC_H
#define SL_LLM_MESSAGES_ANTHROPIC_H

#include "llm/neutral/neutral.h"

void sl_anthropic_read_ask(struct sl_neutral_ask *q, struct sl_str body);
void sl_anthropic_write_ask(struct sl_neutral_ask *q, struct sl_translate *t, struct sl_grow *g);
/* A request for an answer of a schema, to a server that knows tools only: one named after it,
 * whose arguments are the answer. */
void sl_anthropic_form(struct sl_neutral_ask *q, struct sl_translate *t);
/* Is that the name of it, at the provider? */
bool sl_anthropic_is_form(const struct sl_translate *t, struct sl_str there);
/* Of a schema that an answer has to follow, a valid JSON object, what the API knows. */
void sl_anthropic_put_schema(struct sl_grow *g, struct sl_str schema);

enum sl_neutral_stop sl_anthropic_stop(struct sl_str raw);
/* The members of a message up to its content, which is not yet there. */
void sl_anthropic_put_head(struct sl_grow *g, const struct sl_translate *t);
void sl_anthropic_put_usage(struct sl_grow *g, const struct sl_usage *u);
/* stop_reason and what belongs to it, without braces. */
void sl_anthropic_put_stop(struct sl_grow *g, enum sl_neutral_stop stop, struct sl_str text,
                           struct sl_str refusal);

enum sl_anthropic_kind {
    SL_BLOCK_NONE,
    SL_BLOCK_TEXT,
    SL_BLOCK_THINK,
    SL_BLOCK_CALL,
    SL_BLOCK_FORM, /* a call there, the answer here */
    SL_BLOCK_OTHER
};

#define SL_ANTHROPIC_OPEN 16 /* blocks at a time; the protocol has one */

struct sl_anthropic_block {
    uint64_t index;
    enum sl_anthropic_kind kind;
    unsigned call;
    bool whole; /* its input came with its start */
    bool said;  /* a piece of its input */
};

struct sl_anthropic_reader {
    struct sl_anthropic_block open[SL_ANTHROPIC_OPEN];
    unsigned open_n, calls_n;
};

struct sl_anthropic_writer {
    enum sl_anthropic_kind open;
    uint64_t index;           /* of the next block */
    struct sl_grow signature; /* of the thinking that is open */
    struct sl_grow stop_text, refusal;
    bool refused, called;
};

#define SL_ANTHROPIC_READER sizeof(struct sl_anthropic_reader)
#define SL_ANTHROPIC_WRITER sizeof(struct sl_anthropic_writer)
void sl_anthropic_read_event(struct sl_translate_stream *s, const struct sl_sse_event *e);
void sl_anthropic_read_end(struct sl_translate_stream *s);
void sl_anthropic_write_say(struct sl_translate_stream *s, const struct sl_say *say);
void sl_anthropic_writer_fini(void *writer);

#endif
