/* base/near.h -- which of some words was meant by one that is none of them.
 *
 * Near is what one slip of the fingers makes: a letter too many, too few, another one, or two
 * that changed places; in words of five letters and more, two slips. Pure; slices stay the
 * callers'.
 */
#ifndef SL_BASE_NEAR_H
#define SL_BASE_NEAR_H

#include "base/str.h"

#define SL_NEAR_WORD 32 /* longer words are near to none */

struct sl_near {
    struct sl_str word; /* what was written */
    struct sl_str best; /* the nearest so far, the first of several; empty: none is near */
    size_t slips;       /* between the two */
};

void sl_near_init(struct sl_near *n, struct sl_str word);
void sl_near_try(struct sl_near *n, struct sl_str candidate);

#endif
