/* mock/answer.h -- one answer: its head, and its body as a script.
 *
 * Holder   The connection that got the request; embedded. init, one of the
 *          builders (sl_answer_make() picks it), fini when it has been played.
 * Same     The same body gives the same bytes: ids come from the body's hash
 *          and times stand still, so that a test can compare what came through
 *          a gateway with what comes without one.
 */
#ifndef SL_MOCK_ANSWER_H
#define SL_MOCK_ANSWER_H

#include "mock/ask.h"
#include "mock/script.h"

#define SL_ANSWER_CREATED "1790000000"
#define SL_ANSWER_ARENA (64 << 20)

struct sl_answer {
    struct sl_arena arena;
    struct sl_words words;
    struct sl_script script;
    struct sl_str head;  /* status line and headers, whole */
    struct sl_str error; /* the error event (or object) of SL_FAULT_ERROR */
    bool stream;
    bool chunked;
    bool close;  /* the connection ends with the answer */
    bool broken; /* out of memory while it was made */
    /* for the builders */
    int status;
    const char *type;
    struct sl_source text;
    struct sl_str model;
    struct sl_str tool;
    char id[16]; /* hexadecimal, from the body */
    unsigned long in_tokens;
    unsigned long out_tokens;
    uint64_t grant; /* number of the access token to be given */
};

/* Everything but the arena is made here; `keys_ok` false makes it a 401. */
void sl_answer_make(struct sl_answer *an, const struct sl_ask *ask, bool keys_ok);
void sl_answer_error(struct sl_answer *an, const struct sl_ask *ask, int status, const char *text);
/* Writes an->head for what the script holds; last of all. */
void sl_answer_head(struct sl_answer *an, const struct sl_ask *ask);
void sl_answer_fini(struct sl_answer *an);

/* Builders: fill the script (and status, type), by an->text and an->words. */
void sl_messages_build(struct sl_answer *an, const struct sl_ask *ask);
void sl_chat_build(struct sl_answer *an, const struct sl_ask *ask);
void sl_completions_build(struct sl_answer *an, const struct sl_ask *ask);
void sl_responses_build(struct sl_answer *an, const struct sl_ask *ask);
void sl_items_build(struct sl_answer *an, const struct sl_ask *ask); /* embeddings, moderations */
void sl_models_build(struct sl_answer *an, const struct sl_ask *ask);

/* Notes a failed allocation. */
struct sl_str sl_answer_keep(struct sl_answer *an, struct sl_str s);
#define SAY(an, ...) sl_answer_keep((an), sl_arena_printf(&(an)->arena, __VA_ARGS__))
/* A ready piece, and one that counts as content. */
#define TELL(an, ...) sl_script_text(&(an)->script, SAY(an, __VA_ARGS__))
#define TELL_CONTENT(an, ...) sl_script_event(&(an)->script, SAY(an, __VA_ARGS__))

#endif
