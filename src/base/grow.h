/* base/grow.h -- one growing piece of text, with a ceiling.
 *
 * Holder   Embedded or on the stack: init, add any number of times, then either
 *          take it into an arena or fini.
 * Limits   Never more than `max` bytes. The first text that does not fit, or finds
 *          no memory, sets `err`; nothing is added from then on, so one check at
 *          the end is enough.
 * Memory   One block of base/mem, doubled as it fills.
 */
#ifndef SL_BASE_GROW_H
#define SL_BASE_GROW_H

#include "base/arena.h"
#include "base/err.h"

struct sl_grow {
    char *p; /* owns */
    size_t n;
    size_t cap;
    size_t max;
    enum sl_err err; /* CEILING or NO_MEMORY once something did not fit */
};

void sl_grow_init(struct sl_grow *g, size_t max);
void sl_grow_fini(struct sl_grow *g);
/* Room for `n` more bytes behind the text: to be written by hand and counted in
 * `g->n`. NULL, and `err`, where there is none. */
SL_MUST char *sl_grow_room(struct sl_grow *g, size_t n);
void sl_grow_add(struct sl_grow *g, struct sl_str s);
void sl_grow_byte(struct sl_grow *g, char c);
void sl_grow_u64(struct sl_grow *g, uint64_t v);
/* As sl_text_json(): a JSON string with its quotes. */
void sl_grow_json(struct sl_grow *g, struct sl_str s);
/* The same without quotes. Between such pieces of valid UTF-8, cut between
 * characters, nothing is lost. */
void sl_grow_escaped(struct sl_grow *g, struct sl_str s);
static inline struct sl_str sl_grow_str(const struct sl_grow *g)
{
    return (struct sl_str){g->p, g->n};
}
/* Copies the text into the arena and lets go of the block, whatever happened. */
SL_MUST enum sl_err sl_grow_take(struct sl_grow *g, struct sl_arena *a, struct sl_str *out);

#endif
