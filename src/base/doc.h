/* base/doc.h -- a JSON text as a tree, in memory with a ceiling.
 *
 * For the few places that need a whole tree at hand; what arrives in pieces, or
 * needs a member or two, goes through base/json. The tree is yyjson's own
 * (yyjson_doc, read only), so its readers are used on `root`.
 *
 * Holder   Embedded or on the stack; must not move between read and fini, and fini
 *          is due whatever read answered.
 * Limits   At most `max` bytes at a time, the copy of the text included: see
 *          SL_DOC_MAX. At most SL_JSON_DEPTH levels, so what walks the tree may
 *          recurse.
 * Memory   Through base/mem. `alc` may be given to yyjson for more (a tree that is
 *          written, a text made of it): that counts under the same ceiling, and
 *          must be given back through it before fini.
 * Errors   BAD_BODY (not JSON, or too deep), BODY_TOO_BIG (the ceiling), NO_MEMORY.
 *          Lone surrogates, which base/json lets pass, are BAD_BODY here.
 */
#ifndef SL_BASE_DOC_H
#define SL_BASE_DOC_H

#include "base/err.h"
#include "base/json.h"

#include <yyjson.h>

/* What a tree of any usual text of `n` bytes fits in. Texts of nothing but short
 * numbers need twice as much: to them this is the limit. */
#define SL_DOC_MAX(n) (4 * (size_t)(n) + 65536)

struct sl_doc {
    struct yyjson_alc alc;
    size_t used, max;       /* bytes */
    bool full;              /* the ceiling was met */
    struct yyjson_doc *doc; /* owns */
    yyjson_val *root;       /* up: the doc's */
};

/* `flags` are yyjson's: YYJSON_READ_NUMBER_AS_RAW keeps numbers as written. */
SL_MUST enum sl_err sl_doc_read(struct sl_doc *d, struct sl_str text, size_t max,
                                yyjson_read_flag flags);
void sl_doc_fini(struct sl_doc *d);

static inline struct sl_str sl_doc_str(yyjson_val *v) /* a string, or a number as written */
{
    return (struct sl_str){unsafe_yyjson_get_str(v), unsafe_yyjson_get_len(v)};
}

#endif
