/* llm/fold/inside.h -- what the files of this folder share.
 *
 * Folding: fold.c takes events apart and hands whole JSON objects to the protocol's
 * own file, which files them in a pile. Unfolding: unfold.c begins, the protocol's
 * file writes events. A file that can't go on exactly sets `broken`, or UP_GARBAGE.
 */
#ifndef SL_LLM_FOLD_INSIDE_H
#define SL_LLM_FOLD_INSIDE_H

#include "llm/fold.h"
#include "llm/fold/pile.h"

struct sl_fold;

struct sl_fold_kind {
    /* Is an event of that type read at all? NULL: every one is. */
    bool (*wants)(struct sl_str type);
    /* One event's data, a valid JSON object, and its type (Anthropic, Responses). */
    void (*event)(struct sl_fold *f, struct sl_str type, struct sl_str data);
    /* Has everything come that must? */
    bool (*is_whole)(const struct sl_fold *f);
    /* Members that a plain answer has and a stream leaves out. */
    void (*finish)(struct sl_fold *f);
};

struct sl_fold {
    enum sl_endpoint ep;
    const struct sl_fold_kind *kind; /* shared: static */
    struct sl_pile_room room;
    struct sl_pile *root;   /* owns */
    struct sl_pile *blocks; /* up: Anthropic's content, OpenAI's choices */
    size_t stopped;         /* blocks that have ended */
    bool started;
    bool done; /* the terminal event came */
};

extern const struct sl_fold_kind sl_fold_anthropic;
extern const struct sl_fold_kind sl_fold_openai; /* chat and completions */
extern const struct sl_fold_kind sl_fold_responses;

/* A delta into a message; `broken` where the two can't be joined. */
void sl_merge_object(struct sl_pile_room *r, struct sl_pile *node, struct sl_str object);
/* Strings of that name come whole; some servers repeat them in every chunk. */
bool sl_merge_comes_whole(struct sl_str key);
/* The last value that says something counts: "" and 0 are what some servers fill up
 * with, and null is nothing. */
void sl_merge_last(struct sl_pile_room *r, struct sl_pile *node, struct sl_str key,
                   struct sl_str value);

/* --- Unfolding ------------------------------------------------------------------------ */

struct sl_unfold {
    struct sl_grow out;
    struct sl_str plain; /* the whole answer, a valid JSON object */
    bool usage;          /* asked for */
    uint64_t sequence;   /* of Responses events */
    enum sl_err err;
};

void sl_unfold_anthropic(struct sl_unfold *u);
void sl_unfold_openai(struct sl_unfold *u, enum sl_endpoint ep);
void sl_unfold_responses(struct sl_unfold *u);

/* A value as it stands, on one line. */
void sl_unfold_raw(struct sl_unfold *u, struct sl_str raw);
/* `"key":value` of two raw texts, with a comma before it unless the last byte opens
 * an object. */
void sl_unfold_member(struct sl_unfold *u, struct sl_str key, struct sl_str value);
/* Cuts the next piece off a string's inside: at most SL_FOLD_PIECE bytes, whole
 * characters. False when nothing is left. */
bool sl_unfold_piece(struct sl_str *rest, struct sl_str *piece);
/* The same for a text that is yet to be escaped. */
bool sl_unfold_slice(struct sl_str *rest, struct sl_str *slice);

#endif
