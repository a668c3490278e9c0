/* policy/canon_value.h -- a JSON tree as bytes, the same for the same value.
 *
 * Private to policy/canon.c. A value is a letter and what belongs to it; lengths and
 * counts are base-128 numbers, low digits first, the last below 128:
 *
 *   n t f                      null, true, false
 *   i LENGTH text              a number without point or exponent, as it stands
 *   d LENGTH [-]digits LENGTH exponent   any other: digits times a power of ten,
 *                              without zeroes at either end
 *   r LENGTH text              one whose exponent has over nine digits, as it stands
 *   s LENGTH bytes             a string, unescaped
 *   a COUNT values
 *   o COUNT (LENGTH key value) in the order of the keys' bytes
 *
 * Each can be read back without looking at what follows: that is why different
 * values differ here, one after the other too.
 */
#ifndef SL_POLICY_CANON_VALUE_H
#define SL_POLICY_CANON_VALUE_H

#include "base/doc.h"
#include "base/grow.h"

struct sl_canon_pair {
    struct sl_str key;
    yyjson_val *value; /* up: the tree's */
};

struct sl_canon_writer {
    struct sl_grow out;
    struct sl_doc *doc; /* up: memory for sorting counts as the tree's */
    bool no_input;      /* leave `input` out: items stand apart */
    bool repeats;       /* the answer says who asked */
    enum sl_err err;
};

/* Where in a body a value stands, as far as what is left out is concerned. */
enum sl_canon_place {
    SL_CANON_TOP,
    SL_CANON_MARKS, /* marks for caching may stand here */
    SL_CANON_INPUT, /* the same, of one kind */
    SL_CANON_PLAIN
};

void sl_canon_count(struct sl_canon_writer *w, uint64_t n);
void sl_canon_str(struct sl_canon_writer *w, struct sl_str s); /* LENGTH bytes */
void sl_canon_sort(struct sl_canon_pair *v, size_t n);         /* by key */
/* Recurses as deep as the tree, which sl_doc_read() has found shallow. Numbers must
 * have been read raw. A repeated key, or want of memory, sets `err`. */
void sl_canon_value(struct sl_canon_writer *w, yyjson_val *v, enum sl_canon_place place);

#endif
