/* policy/normal.h -- normalisers: near-duplicates made the same, on request.
 *
 * trim       spaces and control characters at both ends are dropped
 * spaces     runs of Unicode white space become one space
 * invisible  zero-width, bidi and other default-ignorable code points, soft hyphens,
 *            variation selectors and tag characters are dropped (Unicode:
 * Default_Ignorable_Code_Point, Cf), emoji joiners between pictographs kept Order: invisible,
 * spaces, trim. Works on a JSON string value with its quotes and gives one back. The normalised
 * text is what is judged and what is keyed. Pure.
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
/* `value` itself where nothing changes. BAD_BODY if it is no JSON string. */
SL_MUST enum sl_err sl_normal_string(struct sl_str value, unsigned which, struct sl_arena *a,
                                     struct sl_str *out);
/* Every string of the texts a client wrote in a request (`input`, `prompt`,
 * message contents and system), in place: a new body. */
SL_MUST enum sl_err sl_normal_body(struct sl_str body, unsigned which, struct sl_arena *a,
                                   struct sl_str *out);

#endif
