/* mock/script.h -- an answer's body as runs of pieces, made while it is sent.
 *
 * A run is either one ready text, or `count` pieces of the same form: bytes
 * before, a piece of some text, bytes after. So a stream of a gigabyte costs
 * no more memory than one of its events. All slices live in the answer's arena
 * or are static.
 */
#ifndef SL_MOCK_SCRIPT_H
#define SL_MOCK_SCRIPT_H

#include "base/arena.h"

#define SL_SCRIPT_RUNS 96
#define SL_SCRIPT_PARTS 5

/* Where a text comes from; its bytes may stand in a JSON string as they are. */
struct sl_source {
    enum { SL_SOURCE_RAW, SL_SOURCE_COUNTED, SL_SOURCE_FILL } kind;
    struct sl_str raw; /* RAW */
    uint64_t n;        /* COUNTED: pieces of 8 bytes, numbered; FILL: bytes */
    size_t piece;      /* bytes a piece */
};

struct sl_run {
    struct sl_str before;
    struct sl_str after;
    bool has_text;
    struct sl_source text;
    struct sl_str middle; /* behind the text */
    bool numbered;        /* a running number stands before `after` */
    bool content;         /* pieces count as content events */
};

struct sl_script {
    struct sl_run *runs; /* up: in the arena */
    size_t n;
    /* where we are */
    size_t run;
    uint64_t at; /* bytes (RAW, FILL) or pieces (COUNTED) of the run's text given out */
    uint64_t number;
    char digits[24];
    char word[8];
};

/* False without memory. */
SL_MUST bool sl_script_init(struct sl_script *s, struct sl_arena *a);
void sl_script_text(struct sl_script *s, struct sl_str ready);  /* one ready piece */
void sl_script_event(struct sl_script *s, struct sl_str ready); /* the same, a content event */
void sl_script_add(struct sl_script *s, struct sl_run run);
/* The source's whole text, without anything around it. */
void sl_script_whole(struct sl_script *s, struct sl_source src);

/* The next piece's slices, valid until the next call; 0: there is none left. */
size_t sl_script_next(struct sl_script *s, struct sl_str parts[SL_SCRIPT_PARTS], bool *content);
bool sl_script_is_over(const struct sl_script *s);
/* Is the next piece a content event? */
bool sl_script_is_content(const struct sl_script *s);
/* Bytes of all pieces; only for scripts without numbers. */
uint64_t sl_script_length(const struct sl_script *s);

uint64_t sl_source_length(const struct sl_source *src);
/* How many pieces it comes in. */
uint64_t sl_source_pieces(const struct sl_source *src);

#endif
