/* llm/fold/pile.h -- a JSON object put together from pieces of JSON.
 *
 * Private to llm/fold/. Everything is kept as it was written: the pieces of a string
 * are joined still escaped, which also heals a surrogate pair that was cut in two.
 *
 * Holder   A fold owns the root; nodes own what hangs below them.
 * Limits   All memory counts in a `room`. What does not fit, or finds no memory, or
 *          can't be joined (a string to a number) makes the room `broken`: from then
 *          on nothing is added, and what is there is of no use.
 * Input    Raw values out of texts that were found valid.
 */
#ifndef SL_LLM_FOLD_PILE_H
#define SL_LLM_FOLD_PILE_H

#include "base/grow.h"
#include "base/json.h"

enum sl_pile_kind {
    SL_PILE_RAW,     /* any value, replaced as a whole */
    SL_PILE_TEXT,    /* a string that grows */
    SL_PILE_ESCAPED, /* a JSON object, whose text comes as pieces of a string */
    SL_PILE_LIST,    /* an array that grows at its end */
    SL_PILE_OBJECT,  /* members are nodes */
    SL_PILE_ITEMS    /* elements are nodes */
};

struct sl_pile {
    enum sl_pile_kind kind;
    struct sl_pile *next;  /* owns */
    struct sl_pile *first; /* owns */
    struct sl_pile *last;  /* up: end of the chain */
    size_t children;
    char *p; /* owns: the text, without quotes or brackets unless RAW */
    size_t n, cap;
    struct sl_str key; /* still escaped; behind the struct */
};

struct sl_pile_room {
    size_t used, max; /* bytes */
    bool broken;
};

/* NULL if broken. A new last child of `parent`; a root where that is NULL. */
struct sl_pile *sl_pile_add(struct sl_pile_room *r, struct sl_pile *parent, struct sl_str key,
                            enum sl_pile_kind kind);
void sl_pile_end(struct sl_pile **root);
struct sl_pile *sl_pile_find(const struct sl_pile *parent, struct sl_str key);
struct sl_pile *sl_pile_at(const struct sl_pile *items, size_t index); /* NULL beyond the end */
/* There, and not null. */
bool sl_pile_is_set(const struct sl_pile *parent, struct sl_str key);
bool sl_pile_is(const struct sl_pile *parent, struct sl_str key, struct sl_str raw);

/* The member becomes this value; `fill` only where there is none. */
void sl_pile_set(struct sl_pile_room *r, struct sl_pile *parent, struct sl_str key,
                 struct sl_str raw);
void sl_pile_fill(struct sl_pile_room *r, struct sl_pile *parent, struct sl_str key,
                  struct sl_str raw);
/* The member of that kind (not RAW), made where there is none, or null, or a value that
 * such a node can begin with. NULL, and broken, where there is something else. */
struct sl_pile *sl_pile_open(struct sl_pile_room *r, struct sl_pile *parent, struct sl_str key,
                             enum sl_pile_kind kind);
/* More of a TEXT or ESCAPED (the inside of a string), or a LIST (elements, with the commas
 * between them). */
void sl_pile_more(struct sl_pile_room *r, struct sl_pile *node, struct sl_str inner);

/* False: what was to be an object is none. */
SL_MUST bool sl_pile_write(const struct sl_pile *node, struct sl_grow *out);

#endif
