/* policy/normal.h -- normalisers: near-duplicates made the same, on request.
 *
 * In this order, whichever are asked for:
 * invisible  Default_Ignorable_Code_Point of Unicode 16.0 (soft hyphen, zero-width
 *            and bidi controls, fillers, variation selectors, tags) and the
 *            annotation marks U+FFF9..FFFB are dropped. A joiner (U+200D) stays
 *            between pictographs, where it makes another picture of two. Format
 *            characters that show (Arabic number signs and the like) stay.
 * spaces     runs of White_Space become one space
 * trim       White_Space and control characters at both ends are dropped
 *
 * The normalised text is what is judged and what is keyed; normalising it again
 * changes nothing. Works on JSON text in place: what is kept stays as it was
 * written, escapes too. Pure.
 */
#ifndef SL_POLICY_NORMAL_H
#define SL_POLICY_NORMAL_H

#include "base/arena.h"
#include "base/err.h"

#define SL_NORMAL_TRIM 1u
#define SL_NORMAL_SPACES 2u
#define SL_NORMAL_INVISIBLE 4u
#define SL_NORMAL_VERSION 1 /* grows when the outcome of any changes */

/* The name's bit, or 0. */
unsigned sl_normal_find(struct sl_str name);
/* A JSON string with its quotes; gives `value` itself where nothing changes.
 * BAD_BODY if it is no JSON string, NO_MEMORY. */
SL_MUST enum sl_err sl_normal_string(struct sl_str value, unsigned which, struct sl_arena *a,
                                     struct sl_str *out);
/* The texts in one item of `input`: a string, or the `text` of content parts;
 * tokens stay. Errors as above. */
SL_MUST enum sl_err sl_normal_item(struct sl_str item, unsigned which, struct sl_arena *a,
                                   struct sl_str *out);
/* The texts a client wrote in a request, in place: a new body, or `body` itself.
 * Those are strings, and `text`, `content` and plain-text documents at any depth, of
 * `input`, `prompt`, `system`, `instructions` and `messages`, but not what an
 * assistant said before. */
SL_MUST enum sl_err sl_normal_body(struct sl_str body, unsigned which, struct sl_arena *a,
                                   struct sl_str *out);

#endif
