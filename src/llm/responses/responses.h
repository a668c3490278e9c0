/* llm/responses/responses.h -- the Responses API's adapter, in its files.
 *
 * Private to the room: responses_read.c and responses_items.c have the request,
 * responses_answer.c plain answers and errors, responses_out.c a stream. It is a client's
 * protocol only: providers that have it are not translated for, and all others are asked in
 * Messages or chat completions.
 */
#ifndef SL_LLM_RESPONSES_RESPONSES_H
#define SL_LLM_RESPONSES_RESPONSES_H

#include "llm/neutral/neutral.h"

/* Texts of an answer, all that its last event repeats: four times of it, and what was asked,
 * are what one event of a provider's may amount to. */
#define SL_RESPONSES_KEPT (3u << 19)
#define SL_RESPONSES_ECHO 16384 /* of what was asked, in answers; beyond it without texts */

void sl_responses_read_ask(struct sl_neutral_ask *q, struct sl_str body);
/* The value of `input`. */
void sl_responses_read_input(struct sl_neutral_ask *q, struct sl_str input);

/* The members up to `output`, whose value comes next. `status` is what it says. */
struct sl_responses_state {
    const char *status;
    const char *cut;       /* incomplete_details.reason, or NULL */
    struct sl_str failure; /* an error object, or empty: null */
};
void sl_responses_put_head(struct sl_grow *g, const struct sl_translate *t,
                           const struct sl_responses_state *state);
void sl_responses_put_usage(struct sl_grow *g, const struct sl_usage *u);
/* An item's id, with its quotes: by kind ("msg", "rs", "fc", "ctc") and place. */
void sl_responses_put_id(struct sl_grow *g, const struct sl_translate *t, const char *kind,
                         uint64_t output);
/* Up to its content, arguments, or summary; `status` as it is then. */
void sl_responses_put_message(struct sl_grow *g, const struct sl_translate *t, uint64_t output,
                              const char *status);
void sl_responses_put_thought(struct sl_grow *g, const struct sl_translate *t, uint64_t output);
void sl_responses_put_call(struct sl_grow *g, const struct sl_translate *t, uint64_t output,
                           const char *status, struct sl_str id, struct sl_str name);
/* "code" and "message" of an error, without braces. */
void sl_responses_put_error(struct sl_grow *g, int status, struct sl_str message);
/* Why a response ended early; NULL: it is complete. `refused`: in words of the model's own. */
const char *sl_responses_cut(enum sl_neutral_stop stop, bool refused);
/* What makes a part of a message or thought: {"type":…,"text": up to its text, and behind. */
enum sl_responses_part { SL_RESPONSES_TEXT, SL_RESPONSES_REFUSAL, SL_RESPONSES_SUMMARY };
void sl_responses_put_part(struct sl_grow *g, enum sl_responses_part kind, struct sl_str esc);
/* encrypted_content of a thought, with its comma: who made it, for the way back. */
void sl_responses_put_seal(struct sl_grow *g, bool hidden, struct sl_str esc);

struct sl_responses_writer {
    enum { SL_ITEM_NONE, SL_ITEM_MESSAGE, SL_ITEM_THOUGHT, SL_ITEM_CALL } open;
    bool is_refusal; /* of a message: its open part */
    bool is_free;    /* of a call: its arguments are a text */
    bool is_hidden;  /* of a thought: only its maker can read it */
    bool refused;
    uint64_t sequence, output, part;
    struct sl_grow text;  /* of the open part, or arguments */
    struct sl_grow parts; /* done ones of the open message */
    struct sl_grow head;  /* of the open call: id and name, esc, with a line end between */
    struct sl_grow seal;  /* of the open thought: whose signature */
    struct sl_grow done;  /* items, with commas between */
    struct sl_grow refusal;
    size_t kept; /* bytes of all of these */
};

#define SL_RESPONSES_WRITER sizeof(struct sl_responses_writer)
void sl_responses_write_say(struct sl_translate_stream *s, const struct sl_say *say);
void sl_responses_writer_fini(void *writer);

#endif
