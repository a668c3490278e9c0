/* llm/neutral/openai.h -- the chat completions' adapter, in its files.
 *
 * Private to the room: openai_read.c and openai_write.c (with openai_turns.c) have the
 * request, openai_answer.c plain answers and errors, openai_in.c and openai_out.c a stream.
 */
#ifndef SL_LLM_NEUTRAL_OPENAI_H
#define SL_LLM_NEUTRAL_OPENAI_H

#include "llm/neutral/neutral.h"

void sl_openai_read_ask(struct sl_neutral_ask *q, struct sl_str body);
void sl_openai_write_ask(struct sl_neutral_ask *q, struct sl_translate *t, struct sl_grow *g);
/* The value of `messages`. */
void sl_openai_put_turns(struct sl_neutral_ask *q, struct sl_grow *g);

enum sl_neutral_stop sl_openai_stop(struct sl_str raw);
/* "finish_reason" as a word. */
const char *sl_openai_finish(enum sl_neutral_stop stop, bool of_functions);
void sl_openai_put_usage(struct sl_grow *g, const struct sl_usage *u);
/* The envelope of all of OpenAI's errors, and what a provider's status is in it. */
void sl_openai_write_error(const struct sl_translate *t, int status, struct sl_str message,
                           struct sl_grow *g);
int sl_openai_status_of(int status, bool too_long);
/* id, object, created, model: without braces. */
void sl_openai_put_head(struct sl_grow *g, const struct sl_translate *t, const char *object);
/* One element of reasoning_details: the format says whose signature it is. */
#define SL_OPENAI_FORMAT SL_NEUTRAL_ANTHROPIC

struct sl_openai_call {
    uint64_t index;
    char *id; /* owns */
};

struct sl_openai_reader {
    struct sl_openai_call *calls; /* owns: the array */
    unsigned calls_n, calls_cap;
    struct sl_neutral_sealed sealed; /* since the last thought or text */
    bool said;                       /* one came behind what is sealed */
    bool unsealed;                   /* it was too much: no more of it is told */
};

struct sl_openai_writer {
    bool sent[SL_NEUTRAL_CALLS]; /* a piece of that call's arguments */
    uint64_t thought;            /* number of the block of thoughts */
    bool custom;                 /* the call of that number takes a text */
    unsigned number;
    struct sl_grow text; /* owns: its arguments so far */
};

#define SL_OPENAI_READER sizeof(struct sl_openai_reader)
#define SL_OPENAI_WRITER sizeof(struct sl_openai_writer)
void sl_openai_read_event(struct sl_translate_stream *s, const struct sl_sse_event *e);
void sl_openai_read_end(struct sl_translate_stream *s);
void sl_openai_write_say(struct sl_translate_stream *s, const struct sl_say *say);
void sl_openai_reader_fini(void *reader);
void sl_openai_writer_fini(void *writer);

#endif
